/* Command lines: one argument a line. Every command's options are taken apart; those that only show something, and
 * `run` up to where it would make the run folder, are also carried out. */
#include "command.h"

#define MOST 64

static void take_apart(const cli_command *command, const ovp_params *params, int argc, char **argv) {
    cli_app cli = {.ctx = fuzz_ctx(), .width = 100, .silent = 1};
    cli_args args;
    const cli_action *action;
    if (fuzz_ok(cli_parse(&args, &cli, command, params, argc, argv))) {
        fuzz_require(args.operand_count + args.key_count <= argc, "%d operands, %d keys from %d arguments",
                     args.operand_count, args.key_count, argc);
        (void)fuzz_ok(cli_expect_operands(&cli, &args, 0, 2));
        if (command->actions) (void)fuzz_ok(cli_find_action(&action, &cli, &args, command->actions[0].name));
    }
    cli_args_free(&cli, &args);
}

static void show_help(const cli_command *command, int argc, char **argv) {
    cli_app cli = {.ctx = fuzz_ctx(), .width = 100, .silent = 1};
    cli.out.ctx = cli.ctx;
    if (!command->help || !command->help(&cli, argc, argv)) cli_help_command(&cli, command);
    if (fuzz_ok(ovp_last_status(cli.ctx))) fuzz_require(cli.out.length > 0, "no page");
    ovp_text_free(&cli.out);
}

/* Nothing the fuzzer makes up may name a file to read. */
static int names_a_file(int argc, char **argv) {
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], "--config", 8)) return 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const harmless[] = {"list", "info", "help"};
    char out[] = "--out=" FUZZ_NO_FOLDER, *text = fuzz_text(data, size), *argv[MOST + 2] = {out};
    ovp_params *params;
    int argc = fuzz_arguments(text, argv + 1, MOST); /* behind --out */
    fuzz_must(ovp_experiment_params(&params, fuzz_ctx(), ovp_experiment_at(0)), "defaults");
    const cli_command *run = cli_command_find("run");
    take_apart(run, params, argc, argv + 1);
    for (int i = 0; cli_command_at(i); i++) take_apart(cli_command_at(i), NULL, argc, argv + 1);
    ovp_params_free(params);
    for (int i = 0; i < 3; i++) fuzz_command(cli_command_find(harmless[i]), argc, argv + 1);
    if (!names_a_file(argc, argv + 1)) fuzz_command(run, argc + 1, argv);
    show_help(run, argc, argv + 1);
    free(text);
    return fuzz_end();
}
