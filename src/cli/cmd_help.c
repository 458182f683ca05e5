/* overparam help [COMMAND|EXPERIMENT] */
#include "cli_int.h"

static const cli_option options[] = {{0}};

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    ovp_status status;
    if (argc > 1 && !strcmp(argv[0], "--complete")) return cli_complete(cli, argc - 2, argv + 2); /* after its "--" */
    OVP_TRY(cli_parse(&args, cli, &cli_command_help, NULL, argc, argv));
    OVP_TRY(cli_expect_operands(cli, &args, 0, 1));
    if (args.operand_count == 0) {
        cli_help_overview(&cli->out);
        goto done;
    }
    const cli_command *command = cli_command_find(args.operands[0]);
    const ovp_experiment *experiment = ovp_experiment_find(args.operands[0]);
    cli_nearest near = {.typed = args.operands[0]};
    if (command) {
        cli_help_command(cli, command);
    } else if (experiment) {
        status = cli_help_experiment(cli, experiment);
    } else {
        for (int i = 0; cli_command_at(i); i++) cli_offer(&near, cli_command_at(i)->name);
        for (ovp_idx i = 0; ovp_experiment_at(i); i++) cli_offer(&near, ovp_experiment_at(i)->id);
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "help: no command or experiment '%.40s'%s%s%s", args.operands[0],
                          near.best ? "; did you mean '" : "; see: overparam help", near.best ? near.best : "",
                          near.best ? "'?" : "");
    }
done:
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_help = {
    .name = "help",
    .operands = "[COMMAND|EXPERIMENT]",
    .summary = "This overview, or the page of a command or an experiment.",
    .options = options,
    .run = run,
};
