/* overparam run EXPERIMENT --help: a page that teaches the experiment's keys. */
#include "cli_int.h"

static const char list_forms[] =
    "Lists: a,b,c; ranges 1..10; log:10:1000:5 (five values, evenly on a log scale); lin:0:1:11. Numbers: 1e-3, "
    "10_000. "
    "A key is also accepted with '_', and as --key=value. A file given with --config holds the same keys as "
    "'key: value' lines. Order of precedence, whatever the order on the line: defaults, preset, config file, flags.";

static void put_options(cli_app *cli) {
    cli_grid grid;
    cli_grid_begin(&grid, cli, 2, 2);
    for (const cli_option *o = cli_command_run.options; o->name; o++) {
        cli_grid_cell(&grid, "%s--%s%s%s%s", cli_paint(cli, CLI_BOLD), o->name, cli_paint(cli, CLI_PLAIN),
                      o->value ? " " : "", o->value ? o->value : "");
        cli_grid_cell(&grid, "%s", o->help);
    }
    cli_grid_end(&grid, cli);
}

/* A row of the experiment's own to show how a list is given; NULL if it has none. */
static const ovp_param *first_list(const ovp_params *params) {
    for (ovp_idx i = cli_common_count(params); i < ovp_params_count(params); i++) {
        const ovp_param *row = ovp_params_row(params, i);
        if (row->type == OVP_PARAM_INT_LIST || row->type == OVP_PARAM_REAL_LIST) return row;
    }
    return NULL;
}

ovp_status cli_help_experiment(cli_app *cli, const ovp_experiment *e) {
    ovp_params *params = NULL;
    cli_grid grid;
    ovp_status status = ovp_experiment_params(&params, cli->ctx, e);
    if (status != OVP_OK) return status;
    const ovp_param *list = first_list(params);
    const char *bold = cli_paint(cli, CLI_BOLD), *plain = cli_paint(cli, CLI_PLAIN);
    ovp_text_add(&cli->out, "Usage: overparam run %s [--preset P] [--KEY VALUE]...\n\n", e->id);
    cli_paragraph(cli, 0, e->title);
    cli_paragraph(cli, 0, e->claim);
    ovp_text_add(&cli->out, "\n%sPresets%s (--preset NAME)\n", bold, plain);
    cli_grid_begin(&grid, cli, 2, 2);
    for (ovp_idx i = 0; i < e->preset_count; i++) {
        cli_grid_cell(&grid, "%s", e->presets[i].name);
        cli_grid_cell(&grid, "%s\nsets %s", e->presets[i].help,
                      e->presets[i].settings && e->presets[i].settings[0] ? e->presets[i].settings : "nothing");
    }
    cli_grid_end(&grid, cli);
    ovp_text_add(&cli->out, "\n%sKeys of %s%s\n", bold, e->id, plain);
    cli_help_keys(cli, params, cli_common_count(params), ovp_params_count(params));
    ovp_text_add(&cli->out, "\n%sKeys of every experiment%s\n", bold, plain);
    cli_help_keys(cli, params, 0, cli_common_count(params));
    ovp_text_add(&cli->out, "\n%sOptions of run%s\n", bold, plain);
    put_options(cli);
    ovp_text_add(&cli->out, "\n");
    cli_paragraph(cli, 0, list_forms);
    ovp_text_add(&cli->out,
                 "\n%sExamples%s\n  overparam run %s --preset quick\n  overparam run %s --seeds 1..5 --threads 2\n",
                 bold, plain, e->id, e->id);
    if (list) ovp_text_add(&cli->out, "  overparam run %s --%s %s\n", e->id, list->key, list->value);
    ovp_text_add(&cli->out, "  overparam run %s --config my.yaml --json > result.json\n", e->id);
    ovp_text_add(&cli->out, "\nWhat it means and how to read the figures: overparam info %s\n", e->id);
    ovp_params_free(params);
    return OVP_OK;
}
