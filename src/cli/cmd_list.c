/* overparam list */
#include "cli_int.h"

static const cli_option options[] = {{"json", NULL, "One JSON object."}, {0}};

static json_t *as_json(cli_app *cli) {
    json_t *list = json_array();
    const ovp_experiment *e;
    for (ovp_idx i = 0; (e = ovp_experiment_at(i)); i++) {
        json_t *presets = json_array();
        for (ovp_idx k = 0; k < e->preset_count; k++) cli_json_append(cli, presets, json_string(e->presets[k].name));
        cli_json_append(cli, list,
                        json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", e->id, "title", e->title, "claim", e->claim,
                                  "source", e->source, "presets", presets));
    }
    return json_pack("{s:i, s:s, s:o}", "schema", 1, "version", OVP_VERSION, "experiments", list);
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    ovp_status status;
    cli_grid grid;
    const ovp_experiment *e;
    OVP_TRY(cli_parse(&args, cli, &cli_command_list, NULL, argc, argv));
    OVP_TRY(cli_expect_operands(cli, &args, 0, 0));
    if (cli_value(&args, "json")) {
        status = cli_put_json(cli, as_json(cli));
        goto done;
    }
    cli_grid_begin(&grid, cli, 2, 0);
    for (ovp_idx i = 0; (e = ovp_experiment_at(i)); i++) {
        cli_grid_cell(&grid, "%s%s%s", cli_paint(cli, CLI_BOLD), e->id, cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "%s\n%s\n%s", e->title, e->claim, e->source);
    }
    cli_grid_end(&grid, cli);
    ovp_text_add(&cli->out, "\nMore on one: overparam info EXPERIMENT      Run it: overparam run EXPERIMENT\n");
done:
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_list = {
    .name = "list",
    .operands = "",
    .summary = "The experiments: what each one claims and where it comes from.",
    .options = options,
    .run = run,
};
