/* Every page that comes from the tables: the overview, a command's page, lists of keys. */
#include <math.h>

#include "cli_int.h"

static const cli_command *const commands[] = {
#define CLI_COMMAND(name) &cli_command_##name,
#include "commands.def"
#undef CLI_COMMAND
};

const cli_command *cli_command_at(int i) {
    return i >= 0 && i < (int)(sizeof commands / sizeof commands[0]) ? commands[i] : NULL;
}

const cli_command *cli_command_find(const char *name) {
    for (int i = 0; cli_command_at(i); i++)
        if (!strcmp(commands[i]->name, name)) return commands[i];
    return NULL;
}

void cli_help_overview(ovp_text *out) {
    const ovp_experiment *first = ovp_experiment_at(0);
    ovp_text_add(out, "overparam %s - a fast laboratory for the theory of over-parameterised networks\n\n",
                 OVP_VERSION);
    ovp_text_add(out, "Every experiment puts side by side what theory predicts, what this machine measures, and a\n"
                      "plain verdict.\n\n");
    if (first)
        ovp_text_add(out,
                     "Start here:\n"
                     "  overparam run %s --preset quick    about 20 seconds, then open the report it names\n"
                     "  overparam info %s                  what it shows and how to read it\n\n",
                     first->id, first->id);
    ovp_text_add(out, "Commands:\n");
    for (int i = 0; cli_command_at(i); i++) ovp_text_add(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    ovp_text_add(out, "\nHelp on one of them: overparam COMMAND --help      Version: overparam --version\n");
}

void cli_help_usage(ovp_text *out, const cli_command *command) {
    if (command->actions) {
        for (const cli_action *a = command->actions; a->name; a++)
            ovp_text_add(out, "%soverparam %s %s%s%s [OPTIONS]\n", a == command->actions ? "Usage: " : "       ",
                         command->name, a->name, a->operands[0] ? " " : "", a->operands);
        return;
    }
    ovp_text_add(out, "Usage: overparam %s%s%s%s\n", command->name, command->operands[0] ? " " : "", command->operands,
                 command->options->name ? " [OPTIONS]" : "");
}

void cli_help_command(cli_app *cli, const cli_command *command) {
    cli_grid grid;
    cli_help_usage(&cli->out, command);
    ovp_text_add(&cli->out, "\n");
    cli_paragraph(cli, 0, command->about ? command->about : command->summary);
    if (command->actions) {
        ovp_text_add(&cli->out, "\nActions:\n");
        cli_grid_begin(&grid, cli, 2, 2);
        for (const cli_action *a = command->actions; a->name; a++) {
            cli_grid_cell(&grid, "%s%s%s", a->name, a->operands[0] ? " " : "", a->operands);
            cli_grid_cell(&grid, "%s", a->help);
        }
        cli_grid_end(&grid, cli);
    }
    ovp_text_add(&cli->out, "\nOptions:\n");
    cli_grid_begin(&grid, cli, 2, 2);
    for (const cli_option *o = command->options; o->name; o++) {
        cli_grid_cell(&grid, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        cli_grid_cell(&grid, "%s", o->help);
    }
    cli_grid_cell(&grid, "--help");
    cli_grid_cell(&grid, "This page.");
    cli_grid_end(&grid, cli);
    if (command->examples) {
        ovp_text_add(&cli->out, "\nExamples:\n");
        cli_paragraph(cli, 2, command->examples);
    }
}

const char *cli_type_name(ovp_param_type type) {
    switch (type) {
    case OVP_PARAM_INT:
        return "integer";
    case OVP_PARAM_REAL:
        return "number";
    case OVP_PARAM_BOOL:
        return "yes|no";
    case OVP_PARAM_CHOICE:
        return "choice";
    case OVP_PARAM_TEXT:
        return "text";
    case OVP_PARAM_INT_LIST:
        return "list of integers";
    case OVP_PARAM_REAL_LIST:
        return "list of numbers";
    }
    return "";
}

void cli_range_text(const ovp_param *row, char *out, size_t bytes) {
    char low[32], high[32];
    out[0] = '\0';
    if (row->type == OVP_PARAM_CHOICE) snprintf(out, bytes, "%s", row->choices);
    if (row->type == OVP_PARAM_BOOL || row->type == OVP_PARAM_TEXT || row->type == OVP_PARAM_CHOICE) return;
    ovp_format_real(low, row->min);
    ovp_format_real(high, row->max);
    if (isfinite(row->min) && isfinite(row->max))
        snprintf(out, bytes, "%s..%s", low, high);
    else if (isfinite(row->min))
        snprintf(out, bytes, "at least %s", low);
    else if (isfinite(row->max))
        snprintf(out, bytes, "at most %s", high);
}

ovp_idx cli_common_count(const ovp_params *params) {
    for (ovp_idx i = 0; i < ovp_params_count(params); i++)
        if (!strcmp(ovp_params_row(params, i)->key, "save-weights")) return i + 1;
    return 0;
}

void cli_help_keys(cli_app *cli, const ovp_params *params, ovp_idx first, ovp_idx last) {
    cli_grid grid;
    cli_grid_begin(&grid, cli, 2, 2);
    for (ovp_idx i = first; i < last; i++) {
        const ovp_param *row = ovp_params_row(params, i);
        char range[200];
        cli_range_text(row, range, sizeof range);
        cli_grid_cell(&grid, "%s--%s%s", cli_paint(cli, CLI_BOLD), row->key, cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "%s\n%s%s%s; default %s%s%s%s", row->help, cli_type_name(row->type),
                      range[0] ? row->type == OVP_PARAM_CHOICE ? " " : ", " : "", range,
                      row->value[0] ? row->value : "none", row->unit && row->unit[0] ? " (" : "",
                      row->unit ? row->unit : "", row->unit && row->unit[0] ? ")" : "");
    }
    cli_grid_end(&grid, cli);
}

ovp_status cli_find_experiment(const ovp_experiment **out, cli_app *cli, const char *id) {
    *out = ovp_experiment_find(id);
    if (*out) return OVP_OK;
    cli_nearest near = {.typed = id};
    for (ovp_idx i = 0; ovp_experiment_at(i); i++) cli_offer(&near, ovp_experiment_at(i)->id);
    if (near.best)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "unknown experiment '%.40s'; did you mean '%s'?", id, near.best);
    return ovp_fail(cli->ctx, OVP_EUSAGE, "unknown experiment '%.40s'; see: overparam list", id);
}
