/* Command lines against option tables and parameter tables. */
#include <ctype.h>
#include <stdlib.h>

#include "cli_int.h"

#define NAME_BYTES 64

void cli_offer(cli_nearest *nearest, const char *candidate) {
    size_t typed = strlen(nearest->typed), length = strlen(candidate), shorter = typed < length ? typed : length;
    int distance = ovp_edit_distance(nearest->typed, candidate);
    if (typed >= 2 && !strncmp(nearest->typed, candidate, typed))
        distance = 1; /* a beginning is near however long the rest */
    else if (distance > (int)(shorter + 2) / 3)
        return;
    if (!nearest->best || distance < nearest->least) {
        nearest->best = candidate;
        nearest->least = distance;
    }
}

static ovp_status unknown_option(cli_app *cli, const cli_command *command, const ovp_params *params, const char *name) {
    cli_nearest near = {.typed = name};
    for (const cli_option *o = command->options; o->name; o++) cli_offer(&near, o->name);
    for (ovp_idx i = 0; params && i < ovp_params_count(params); i++) cli_offer(&near, ovp_params_row(params, i)->key);
    if (near.best) return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s: unknown option; did you mean --%s?", name, near.best);
    return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s: unknown option; see: overparam %s%s --help", name, command->name,
                    params ? " EXPERIMENT" : "");
}

/* Whether an argument can be the value of the option before it: a dash starts a value only as a sign. */
static int is_value(const char *text) {
    if (!text || text[0] != '-' || !text[1]) return text != NULL;
    return isdigit((unsigned char)text[1]) || text[1] == '.' || !strncmp(text + 1, "inf", 3);
}

static int is_bool_word(const char *text) {
    static const char *const words[] = {"yes", "no", "true", "false", "on", "off", "1", "0"};
    for (int i = 0; text && i < 8; i++)
        if (!strcmp(text, words[i])) return 1;
    return 0;
}

/* Takes "--name[=value]" at argv[*at] apart. *value is NULL without '='. '_' in the name becomes '-'. */
static ovp_status split(cli_app *cli, const char *argument, char name[NAME_BYTES], const char **value) {
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) - 2 : strlen(argument) - 2;
    if (length == 0 || length >= NAME_BYTES)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "%.40s: unknown option; options look like --name VALUE", argument);
    for (size_t i = 0; i < length; i++) name[i] = argument[i + 2] == '_' ? '-' : argument[i + 2];
    name[length] = '\0';
    *value = equals ? equals + 1 : NULL;
    return OVP_OK;
}

static ovp_status twice(cli_app *cli, const char *name) {
    return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s is given twice; give it once", name);
}

static ovp_status take_option(cli_args *args, cli_app *cli, const ovp_params *params, int *at, int argc, char **argv) {
    char name[NAME_BYTES];
    const char *value = NULL;
    ovp_status status = split(cli, argv[*at], name, &value);
    if (status != OVP_OK) return status;
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    for (int i = 0; args->command->options[i].name; i++) {
        const cli_option *option = &args->command->options[i];
        if (strcmp(option->name, name)) continue;
        if (args->values[i]) return twice(cli, name);
        if (!option->value) {
            if (value) return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s takes no value (got '%.40s')", name, value);
            args->values[i] = "";
            return OVP_OK;
        }
        if (!value && is_value(next)) value = argv[++*at];
        if (!value || !*value)
            return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s: its value is missing; write --%s %s", name, name,
                            option->value);
        args->values[i] = value;
        return OVP_OK;
    }
    const ovp_param *row = params ? ovp_params_find(params, name) : NULL;
    if (!row) return unknown_option(cli, args->command, params, name);
    if (cli_key_text(args, row->key)) return twice(cli, row->key);
    if (!value && row->type == OVP_PARAM_BOOL)
        value = is_bool_word(next) ? argv[++*at] : "yes";
    else if (!value && is_value(next))
        value = argv[++*at];
    if (!value)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s: its value is missing; write for example --%s %s", row->key,
                        row->key, row->value);
    args->keys[args->key_count++] = (cli_key){row, value};
    return OVP_OK;
}

ovp_status cli_parse(cli_args *out, cli_app *cli, const cli_command *command, const ovp_params *params, int argc,
                     char **argv) {
    ovp_status status;
    ovp_idx options = 0;
    *out = (cli_args){.command = command};
    while (command->options[options].name) options++;
    OVP_TRY(ovp_alloc(cli->ctx, &out->values, options, sizeof *out->values));
    OVP_TRY(ovp_alloc(cli->ctx, &out->operands, argc, sizeof *out->operands));
    OVP_TRY(ovp_alloc(cli->ctx, &out->keys, argc, sizeof *out->keys));
    int open = 1; /* until "--" */
    for (int i = 0; i < argc; i++) {
        if (open && !strcmp(argv[i], "--")) {
            open = 0;
        } else if (open && !strncmp(argv[i], "--", 2)) {
            OVP_TRY(take_option(out, cli, params, &i, argc, argv));
        } else if (open && argv[i][0] == '-' && argv[i][1]) {
            OVP_TRY(ovp_fail(cli->ctx, OVP_EUSAGE, "%.40s: unknown option; options have two dashes (--name)", argv[i]));
        } else {
            out->operands[out->operand_count++] = argv[i];
        }
    }
done:
    return status;
}

void cli_args_free(cli_app *cli, cli_args *args) {
    ovp_free(cli->ctx, args->values);
    ovp_free(cli->ctx, args->operands);
    ovp_free(cli->ctx, args->keys);
    *args = (cli_args){0};
}

const char *cli_value(const cli_args *args, const char *name) {
    for (int i = 0; args->command->options[i].name; i++)
        if (!strcmp(args->command->options[i].name, name)) return args->values[i];
    return NULL;
}

const char *cli_key_text(const cli_args *args, const char *key) {
    for (int i = 0; i < args->key_count; i++)
        if (!strcmp(args->keys[i].row->key, key)) return args->keys[i].text;
    return NULL;
}

ovp_status cli_expect_operands(cli_app *cli, const cli_args *args, int low, int high) {
    const cli_command *command = args->command;
    if (args->operand_count < low)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "%s: %s is missing; see: overparam %s --help", command->name,
                        command->operands, command->name);
    if (high >= 0 && args->operand_count > high)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "%s: '%.40s' is one argument too many; see: overparam %s --help",
                        command->name, args->operands[high], command->name);
    return OVP_OK;
}

ovp_status cli_find_action(const cli_action **out, cli_app *cli, const cli_args *args, const char *fallback) {
    const char *name = args->operand_count ? args->operands[0] : fallback;
    cli_nearest near = {.typed = name};
    for (const cli_action *a = args->command->actions; a->name; a++) {
        cli_offer(&near, a->name);
        if (!strcmp(a->name, name)) {
            *out = a;
            return OVP_OK;
        }
    }
    if (near.best)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "%s: unknown action '%.40s'; did you mean '%s'?", args->command->name,
                        name, near.best);
    return ovp_fail(cli->ctx, OVP_EUSAGE, "%s: unknown action '%.40s'; see: overparam %s --help", args->command->name,
                    name, args->command->name);
}

/* Whether "show, import: .." names an action in front of its colon. */
static int names_action(const char *help, const char *action) {
    const size_t length = strlen(action);
    const char *colon = strchr(help, ':');
    for (const char *at = help; colon && at < colon; at += strcspn(at, ",:") + 1) {
        at += strspn(at, " ");
        if (!strncmp(at, action, length) && strchr(",: ", at[length])) return 1;
    }
    return 0;
}

ovp_status cli_check_action(cli_app *cli, const cli_args *args, const char *action) {
    for (const cli_option *o = args->command->options; o->name; o++) {
        int bound = 0;
        for (const cli_action *a = args->command->actions; a->name; a++) bound |= names_action(o->help, a->name);
        if (!bound || !cli_value(args, o->name) || names_action(o->help, action)) continue;
        return ovp_fail(cli->ctx, OVP_EUSAGE, "%s %s: --%s belongs to %s %.*s", args->command->name, action, o->name,
                        args->command->name, (int)strcspn(o->help, ":"), o->help);
    }
    return OVP_OK;
}

ovp_status cli_args_params(ovp_params **out, cli_app *cli, const cli_args *args, const ovp_param *rows, ovp_idx count) {
    ovp_status status;
    OVP_TRY(ovp_params_create(out, cli->ctx, rows, count));
    for (ovp_idx i = 0; i < count; i++) {
        const char *text = cli_value(args, rows[i].key);
        char where[32];
        snprintf(where, sizeof where, "--%s", rows[i].key);
        if (text && !*text) text = "yes"; /* a switch */
        if (text) OVP_TRY(ovp_params_set(*out, rows[i].key, text, where, OVP_EUSAGE));
    }
done:
    return status;
}
