/* overparam(1), made from the tables as docs/cli.md is. */
#include "cli_int.h"

/* The code point at *text, which is moved behind it; a byte that is no UTF-8 is taken as it is. */
static unsigned next_point(const char **text) {
    const unsigned char *at = (const unsigned char *)*text;
    const int more = *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : *at >= 0xC0 ? 1 : 0;
    unsigned point = more == 3 ? *at & 7u : more == 2 ? *at & 15u : more == 1 ? *at & 31u : *at;
    int taken = 1;
    for (; taken <= more && (at[taken] & 0xC0) == 0x80; taken++) point = point << 6 | (at[taken] & 63u);
    *text += taken;
    return point;
}

/* Text inside a line: nothing in it is a request, an escape or a hyphen that may become another sign. Line feeds end
 * paragraphs or, doubled, sections: blanks here. */
static void put_text(ovp_text *out, const char *text) {
    for (const char *c = text; *c;) {
        const unsigned point = next_point(&c);
        if (point == '\\')
            ovp_text_add(out, "\\e");
        else if (point == '-')
            ovp_text_add(out, "\\-");
        else if (point == '\'')
            ovp_text_add(out, "\\(aq");
        else if (point == '^')
            ovp_text_add(out, "\\(ha");
        else if (point == '~')
            ovp_text_add(out, "\\(ti");
        else if (point == '`')
            ovp_text_add(out, "\\(ga");
        else if (point < 32)
            ovp_text_add(out, " ");
        else if (point < 127)
            ovp_text_add(out, "%c", (int)point);
        else
            ovp_text_add(out, "\\[u%04X]", point);
    }
}

/* A line of text; a dot at its start would be a request. */
static void put_line(ovp_text *out, const char *text) {
    if (text[0] == '.') ovp_text_add(out, "\\&");
    put_text(out, text);
    ovp_text_add(out, "\n");
}

static void put_bold(ovp_text *out, const char *text) {
    ovp_text_add(out, "\\fB");
    put_text(out, text);
    ovp_text_add(out, "\\fR");
}

/* An entry: "--name VALUE", then its help. prefix: "--" or "". */
static void put_entry(ovp_text *out, const char *prefix, const char *name, const char *value, const char *help) {
    char bold[96];
    snprintf(bold, sizeof bold, "%s%s", prefix, name);
    ovp_text_add(out, ".TP\n");
    put_bold(out, bold);
    if (value && value[0]) {
        ovp_text_add(out, " \\fI");
        put_text(out, value);
        ovp_text_add(out, "\\fR");
    }
    ovp_text_add(out, "\n");
    put_line(out, help);
}

/* Lines as they stand, without filling. */
static void put_lines(ovp_text *out, const char *lines) {
    ovp_text_add(out, ".PP\n.nf\n.RS\n");
    for (const char *at = lines; *at;) {
        char line[256];
        const size_t length = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, at);
        put_line(out, line);
        at += length + (at[length] == '\n');
    }
    ovp_text_add(out, ".RE\n.fi\n");
}

static void put_command(cli_app *cli, const cli_command *command) {
    ovp_text *out = &cli->out, usage = {.ctx = cli->ctx};
    ovp_text_add(out, ".SS overparam %s\n", command->name);
    put_line(out, command->about ? command->about : command->summary);
    cli_help_usage(&usage, command);
    if (usage.failed) out->failed = 1;
    put_lines(out, usage.data ? usage.data : "");
    for (const cli_action *a = command->actions; a && a->name; a++) put_entry(out, "", a->name, a->operands, a->help);
    for (const cli_option *o = command->options; o->name; o++) put_entry(out, "--", o->name, o->value, o->help);
    if (command->examples) {
        ovp_text_add(out, ".PP\nExamples:\n");
        put_lines(out, command->examples);
    }
    ovp_text_free(&usage);
}

static void put_keys(ovp_text *out, const ovp_params *params, ovp_idx first, ovp_idx last) {
    for (ovp_idx i = first; i < last; i++) {
        const ovp_param *row = ovp_params_row(params, i);
        char range[200], help[1400];
        const int choice = row->type == OVP_PARAM_CHOICE;
        cli_range_text(row, range, sizeof range);
        snprintf(help, sizeof help, "%s%s%s%s Default %s%s%s.", row->help, range[0] && !choice ? " Allowed: " : "",
                 choice ? "" : range, range[0] && !choice ? "." : "", row->value[0] ? row->value : "none",
                 row->unit && row->unit[0] ? " " : "", row->unit ? row->unit : "");
        put_entry(out, "--", row->key, choice ? range : cli_type_name(row->type), help);
    }
}

static ovp_status put_experiment(cli_app *cli, const ovp_experiment *e) {
    ovp_text *out = &cli->out;
    ovp_params *params = NULL;
    ovp_status status = ovp_experiment_params(&params, cli->ctx, e);
    if (status != OVP_OK) return status;
    ovp_text_add(out, ".SS ");
    put_line(out, e->id);
    ovp_text_add(out, "\\fI");
    put_text(out, e->title);
    ovp_text_add(out, ".\\fR\n");
    put_line(out, e->claim);
    ovp_text_add(out, "Source: ");
    put_line(out, e->source);
    ovp_text_add(out, ".PP\nPresets:\n");
    for (ovp_idx i = 0; i < e->preset_count; i++) put_entry(out, "", e->presets[i].name, NULL, e->presets[i].help);
    ovp_text_add(out, ".PP\nKeys:\n");
    put_keys(out, params, cli_common_count(params), ovp_params_count(params));
    ovp_params_free(params);
    return OVP_OK;
}

static void put_rows(ovp_text *out, const char *title, const cli_option *rows) {
    ovp_text_add(out, ".SH %s\n", title);
    for (; rows->name; rows++) put_entry(out, "", rows->name, NULL, rows->help);
}

ovp_status cli_man(cli_app *cli) {
    ovp_text *out = &cli->out;
    ovp_status status = OVP_OK;
    ovp_params *params = NULL;
    const ovp_experiment *e = ovp_experiment_at(0);
    ovp_text_add(out,
                 ".\\\" Made by: overparam info --all --man\n.TH OVERPARAM 1 \"\" \"overparam %s\" \"User Commands\"\n"
                 ".SH NAME\noverparam \\- a fast laboratory for the theory of over\\-parameterised networks\n"
                 ".SH SYNOPSIS\n\\fBoverparam\\fR \\fICOMMAND\\fR [\\fIOPERAND\\fR]... [\\fIOPTION\\fR]...\n"
                 ".SH DESCRIPTION\nEvery experiment puts side by side what theory predicts, what this machine "
                 "measures, and a plain verdict.\nThe result is on standard output and nothing else; progress, "
                 "warnings and the one line of an error are on standard error.\nWith \\fB\\-\\-json\\fR the result is "
                 "one JSON object.\nOptions may stand anywhere; \\fB\\-\\-key=value\\fR is \\fB\\-\\-key value\\fR.\n"
                 ".SH COMMANDS\n",
                 OVP_VERSION);
    for (int i = 0; cli_command_at(i); i++) put_command(cli, cli_command_at(i));
    if (e) {
        ovp_text_add(out, ".SH KEYS OF EVERY EXPERIMENT\nDefaults are those of ");
        put_bold(out, e->id);
        ovp_text_add(out, ".\n");
        OVP_TRY(ovp_experiment_params(&params, cli->ctx, e));
        put_keys(out, params, 0, cli_common_count(params));
        ovp_text_add(out, ".SH EXPERIMENTS\n");
    }
    for (ovp_idx i = 0; (e = ovp_experiment_at(i)); i++) OVP_TRY(put_experiment(cli, e));
    put_rows(out, "EXIT STATUS", cli_exit_codes);
    put_rows(out, "ENVIRONMENT", cli_environment);
    ovp_text_add(out, ".SH FILES\n");
    put_entry(out, "", "runs/EXPERIMENT/TIME-HASH/", NULL,
              "A run folder: manifest.json, tables, arrays.npz, figures and report.html.");
    put_entry(out, "", "runs/.index.sqlite", NULL, "A cache of the manifests; it may be deleted at any time.");
    ovp_text_add(out, ".SH SEE ALSO\n\\fBgnuplot\\fR(1)\n");
done:
    ovp_params_free(params);
    return status;
}
