/* overparam info EXPERIMENT */
#include "cli_int.h"

static const cli_option options[] = {
    {"json", NULL, "One JSON object."},
    {"all", NULL, "Every command and experiment; needs --markdown or --man."},
    {"markdown", NULL, "With --all: the reference page docs/cli.md."},
    {"man", NULL, "With --all: the manual page overparam(1)."},
    {0},
};

static void heading(cli_app *cli, const char *text) {
    ovp_text_add(&cli->out, "\n%s%s%s\n", cli_paint(cli, CLI_BOLD), text, cli_paint(cli, CLI_PLAIN));
}

static void put_tables(cli_app *cli, const ovp_experiment *e) {
    cli_grid grid;
    for (ovp_idx i = 0; i < e->table_count; i++) {
        const ovp_experiment_table *table = &e->tables[i];
        ovp_text_add(&cli->out, "  %s: %s\n", table->name, table->help ? table->help : "");
        cli_grid_begin(&grid, cli, 3, 4);
        for (ovp_idx k = 0; k < table->count; k++) {
            cli_grid_cell(&grid, "%s", table->columns[k].name);
            cli_grid_cell(&grid, "%s", table->columns[k].unit ? table->columns[k].unit : "");
            cli_grid_cell(&grid, "%s", table->columns[k].help ? table->columns[k].help : "");
        }
        cli_grid_end(&grid, cli);
    }
}

static ovp_status put_page(cli_app *cli, const ovp_experiment *e) {
    ovp_params *params = NULL;
    cli_grid grid;
    ovp_status status = ovp_experiment_params(&params, cli->ctx, e);
    if (status != OVP_OK) return status;
    ovp_text_add(&cli->out, "%s%s%s - %s\n\n", cli_paint(cli, CLI_BOLD), e->id, cli_paint(cli, CLI_PLAIN), e->title);
    cli_paragraph(cli, 0, e->claim);
    ovp_text_add(&cli->out, "\n");
    cli_grid_begin(&grid, cli, 2, 0);
    cli_grid_cell(&grid, "Formula");
    cli_grid_cell(&grid, "%s", e->formula ? e->formula : "");
    cli_grid_cell(&grid, "Source");
    cli_grid_cell(&grid, "%s", e->source ? e->source : "");
    cli_grid_end(&grid, cli);
    ovp_text_add(&cli->out, "\n");
    cli_paragraph(cli, 0, e->about ? e->about : "");
    heading(cli, "Presets");
    cli_grid_begin(&grid, cli, 2, 2);
    for (ovp_idx i = 0; i < e->preset_count; i++) {
        cli_grid_cell(&grid, "%s", e->presets[i].name);
        cli_grid_cell(&grid, "%s", e->presets[i].help);
    }
    cli_grid_end(&grid, cli);
    heading(cli, "Keys");
    cli_help_keys(cli, params, cli_common_count(params), ovp_params_count(params));
    heading(cli, "Keys of every experiment");
    cli_help_keys(cli, params, 0, cli_common_count(params));
    heading(cli, "Result tables");
    put_tables(cli, e);
    if (e->question_count) heading(cli, "Questions");
    for (ovp_idx i = 0; i < e->question_count; i++) {
        cli_paragraph(cli, 2, e->questions[i].question);
        cli_paragraph(cli, 4, e->questions[i].answer);
    }
    ovp_text_add(&cli->out, "\nRun it: overparam run %s --preset quick\n", e->id);
    ovp_params_free(params);
    return OVP_OK;
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    ovp_status status;
    const ovp_experiment *experiment;
    OVP_TRY(cli_parse(&args, cli, &cli_command_info, NULL, argc, argv));
    const int all = cli_value(&args, "all") != NULL, markdown = cli_value(&args, "markdown") != NULL,
              man = cli_value(&args, "man") != NULL;
    if (all != markdown + man) {
        status =
            ovp_fail(cli->ctx, OVP_EUSAGE,
                     "info: --all goes together with one of --markdown and --man: overparam info --all --markdown");
        goto done;
    }
    OVP_TRY(cli_expect_operands(cli, &args, all ? 0 : 1, all ? 0 : 1));
    if (all) {
        status = man ? cli_man(cli) : cli_markdown(cli);
        goto done;
    }
    OVP_TRY(cli_find_experiment(&experiment, cli, args.operands[0]));
    status =
        cli_value(&args, "json") ? cli_put_json(cli, ovp_experiment_info_json(experiment)) : put_page(cli, experiment);
done:
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_info = {
    .name = "info",
    .operands = "EXPERIMENT",
    .summary = "What an experiment shows: theory, keys, presets, tables, questions.",
    .options = options,
    .run = run,
};
