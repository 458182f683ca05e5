/* docs/cli.md, made from the tables (CI compares it with the committed page). */
#include "cli_int.h"

/* A table cell: '|' and line feeds would end it. */
static void cell(ovp_text *out, const char *text, int code) {
    ovp_text_add(out, " %s", code && *text ? "`" : "");
    for (const char *c = text; *c; c++) {
        if (*c == '|')
            ovp_text_add(out, "\\|");
        else
            ovp_text_add_bytes(out, *c == '\n' ? " " : c, 1);
    }
    ovp_text_add(out, "%s |", code && *text ? "`" : "");
}

static void put_options(ovp_text *out, const cli_option *options) {
    if (!options->name) return;
    ovp_text_add(out, "| option | what it does |\n|---|---|\n");
    for (const cli_option *o = options; o->name; o++) {
        char name[96];
        snprintf(name, sizeof name, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        ovp_text_add(out, "|");
        cell(out, name, 1);
        cell(out, o->help, 0);
        ovp_text_add(out, "\n");
    }
    ovp_text_add(out, "\n");
}

static void put_command(ovp_text *out, const cli_command *command) {
    ovp_text_add(out, "## overparam %s\n\n%s\n\n```\n", command->name,
                 command->about ? command->about : command->summary);
    cli_help_usage(out, command);
    ovp_text_add(out, "```\n\n");
    if (command->actions) {
        ovp_text_add(out, "| action | what it does |\n|---|---|\n");
        for (const cli_action *a = command->actions; a->name; a++) {
            char name[96];
            snprintf(name, sizeof name, "%s%s%s", a->name, a->operands[0] ? " " : "", a->operands);
            ovp_text_add(out, "|");
            cell(out, name, 1);
            cell(out, a->help, 0);
            ovp_text_add(out, "\n");
        }
        ovp_text_add(out, "\n");
    }
    put_options(out, command->options);
    if (command->examples) ovp_text_add(out, "```\n%s\n```\n\n", command->examples);
}

static void put_keys(ovp_text *out, const ovp_params *params, ovp_idx first, ovp_idx last) {
    ovp_text_add(out, "| key | type | default | allowed | unit | meaning |\n|---|---|---|---|---|---|\n");
    for (ovp_idx i = first; i < last; i++) {
        const ovp_param *row = ovp_params_row(params, i);
        char key[80], range[200];
        snprintf(key, sizeof key, "--%s", row->key);
        cli_range_text(row, range, sizeof range);
        ovp_text_add(out, "|");
        cell(out, key, 1);
        cell(out, cli_type_name(row->type), 0);
        cell(out, row->value, 1);
        cell(out, range, 0);
        cell(out, row->unit ? row->unit : "", 0);
        cell(out, row->help, 0);
        ovp_text_add(out, "\n");
    }
    ovp_text_add(out, "\n");
}

static ovp_status put_experiment(cli_app *cli, const ovp_experiment *e) {
    ovp_text *out = &cli->out;
    ovp_params *params = NULL;
    ovp_status status = ovp_experiment_params(&params, cli->ctx, e);
    if (status != OVP_OK) return status;
    ovp_text_add(out, "### %s\n\n%s. %s\n\nSource: %s\n\n", e->id, e->title, e->claim, e->source);
    ovp_text_add(out, "| preset | what it is | settings |\n|---|---|---|\n");
    for (ovp_idx i = 0; i < e->preset_count; i++) {
        ovp_text_add(out, "|");
        cell(out, e->presets[i].name, 1);
        cell(out, e->presets[i].help, 0);
        cell(out, e->presets[i].settings ? e->presets[i].settings : "", 1);
        ovp_text_add(out, "\n");
    }
    ovp_text_add(out, "\n");
    put_keys(out, params, cli_common_count(params), ovp_params_count(params));
    for (ovp_idx i = 0; i < e->table_count; i++) {
        const ovp_experiment_table *table = &e->tables[i];
        ovp_text_add(out, "Table `%s`: %s\n\n| column | unit | meaning |\n|---|---|---|\n", table->name,
                     table->help ? table->help : "");
        for (ovp_idx k = 0; k < table->count; k++) {
            ovp_text_add(out, "|");
            cell(out, table->columns[k].name, 1);
            cell(out, table->columns[k].unit ? table->columns[k].unit : "", 0);
            cell(out, table->columns[k].help ? table->columns[k].help : "", 0);
            ovp_text_add(out, "\n");
        }
        ovp_text_add(out, "\n");
    }
    ovp_params_free(params);
    return OVP_OK;
}

const cli_option cli_exit_codes[] = {
    {"0", NULL, "done"},
    {"1", NULL, "failed"},
    {"2", NULL, "wrong use: command, option, key or value"},
    {"3", NULL, "bad data or configuration"},
    {"130", NULL, "interrupted; finished rows are kept"},
    {0},
};

const cli_option cli_environment[] = {
    {"OVERPARAM_RUNS", NULL, "folder of the run folders; without it ./runs"},
    {"OVERPARAM_DATA", NULL, "folder of the data sets, looked into first"},
    {"OVERPARAM_ISA", NULL, "vector level: base, v3 or v4; without it the best there is"},
    {"OPENBLAS_CORETYPE", NULL, "pins the kernels of OpenBLAS; overparam doctor warns of it"},
    {"NO_COLOR, TERM=dumb", NULL, "no colours; no progress bar on a dumb terminal"},
    {0},
};

static void put_rows(ovp_text *out, const char *title, const char *head, const cli_option *rows) {
    ovp_text_add(out, "## %s\n\n| %s |\n|---|---|\n", title, head);
    for (; rows->name; rows++) {
        ovp_text_add(out, "|");
        cell(out, rows->name, 1);
        cell(out, rows->help, 0);
        ovp_text_add(out, "\n");
    }
    ovp_text_add(out, "\n");
}

ovp_status cli_markdown(cli_app *cli) {
    ovp_text *out = &cli->out;
    ovp_status status = OVP_OK;
    ovp_text_add(out, "# Command line\n\nMade by `overparam info --all --markdown`; do not edit.\n\n"
                      "The result is on stdout and nothing else; progress, warnings and the one line of an error are "
                      "on stderr. `--json` makes the result one JSON object.\n\n");
    for (int i = 0; cli_command_at(i); i++) put_command(out, cli_command_at(i));
    put_rows(out, "Exit codes", "code | when", cli_exit_codes);
    put_rows(out, "Environment", "variable | meaning", cli_environment);
    ovp_text_add(out, "## Experiments\n\n");
    const ovp_experiment *e = ovp_experiment_at(0);
    if (e) {
        ovp_params *params = NULL;
        OVP_TRY(ovp_experiment_params(&params, cli->ctx, e));
        ovp_text_add(out, "### Keys of every experiment\n\nDefaults are those of `%s`.\n\n", e->id);
        put_keys(out, params, 0, cli_common_count(params));
        ovp_params_free(params);
    }
    for (ovp_idx i = 0; (e = ovp_experiment_at(i)); i++) OVP_TRY(put_experiment(cli, e));
    while (out->length > 1 && out->data && out->data[out->length - 2] == '\n') out->data[--out->length] = '\0';
done:
    return status;
}
