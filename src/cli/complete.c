/* overparam help --complete -- WORD...: what can stand in the place of the last word, one a line, for a shell's
 * completion. Asked of the same tables as everything else; "@files" where a file is wanted. */
#include "cli_int.h"

typedef struct completion {
    cli_app *cli;
    const char *typed; /* the last word */
} completion;

static void offer(completion *c, const char *word) {
    if (!strncmp(word, c->typed, strlen(c->typed))) ovp_text_add(&c->cli->out, "%s\n", word);
}

static void offer_flag(completion *c, const char *name) {
    char flag[96];
    snprintf(flag, sizeof flag, "--%s", name);
    offer(c, flag);
}

static void offer_choices(completion *c, const char *choices) {
    char word[64];
    for (const char *at = choices; *at; at += *at == '|') {
        const size_t length = strcspn(at, "|");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        offer(c, word);
        at += length;
    }
}

static void offer_experiments(completion *c) {
    for (ovp_idx i = 0; ovp_experiment_at(i); i++) offer(c, ovp_experiment_at(i)->id);
}

static void offer_commands(completion *c) {
    for (int i = 0; cli_command_at(i); i++) offer(c, cli_command_at(i)->name);
}

static void offer_runs(completion *c) {
    json_t *runs = NULL, *run;
    size_t i;
    offer(c, "latest");
    if (ovp_store_list(&runs, c->cli->ctx, NULL) != OVP_OK) ovp_clear(c->cli->ctx); /* a hint less, no more */
    json_array_foreach(runs, i, run) offer(c, cli_json_text(run, "id"));
    json_decref(runs);
}

/* Names for a metavariable of a usage line: EXPERIMENT, COMMAND, ID, NAME (a data set), FILE, DIR, or MODEL and X
 * (files of kernel). */
static void offer_operand(completion *c, const char *usage) {
    if (strstr(usage, "COMMAND")) offer_commands(c);
    if (strstr(usage, "EXPERIMENT")) offer_experiments(c);
    if (strstr(usage, "ID")) offer_runs(c);
    if (strstr(usage, "NAME"))
        for (ovp_idx i = 0; ovp_data_at(i); i++) offer(c, ovp_data_at(i)->name);
    if (strstr(usage, "FILE") || strstr(usage, "DIR") || strstr(usage, "MODEL") || usage[0] == 'X')
        ovp_text_add(&c->cli->out, "@files\n");
}

static const cli_option *find_option(const cli_command *command, const char *name) {
    for (const cli_option *o = command->options; o->name; o++)
        if (!strcmp(o->name, name)) return o;
    return NULL;
}

/* Whether the word after --name belongs to it. A bare switch of an experiment (yes|no) need not have one. */
static int takes_value(const cli_command *command, const ovp_params *params, const char *name) {
    const cli_option *option = find_option(command, name);
    const ovp_param *row = params ? ovp_params_find(params, name) : NULL;
    return option ? option->value != NULL : row && row->type != OVP_PARAM_BOOL;
}

static void offer_values(completion *c, const cli_command *command, const ovp_params *params, const char *name) {
    const cli_option *option = find_option(command, name);
    const ovp_param *row = params ? ovp_params_find(params, name) : NULL;
    if (option && !strcmp(name, "experiment"))
        offer_experiments(c);
    else if (option && !strcmp(command->name, "kernel") && cli_kernel_choices(name))
        offer_choices(c, cli_kernel_choices(name));
    else if (option && !strcmp(name, "activation"))
        for (ovp_idx i = 0; ovp_numeric_activation_at(i); i++) offer(c, ovp_numeric_activation_at(i)->name);
    else if (option && !strcmp(name, "status"))
        offer_choices(c, "running|complete|interrupted|failed|unfinished|broken");
    else if (option && (!strcmp(option->value, "FILE") || !strcmp(option->value, "DIR")))
        offer_operand(c, option->value);
    else if (option && strchr(option->value, '|') && !strpbrk(option->value, ",:."))
        offer_choices(c, option->value);
    else if (row && row->type == OVP_PARAM_CHOICE)
        offer_choices(c, row->choices);
}

static void offer_flags(completion *c, const cli_command *command, const ovp_params *params) {
    for (const cli_option *o = command->options; o->name; o++) offer_flag(c, o->name);
    for (ovp_idx i = 0; params && i < ovp_params_count(params); i++) offer_flag(c, ovp_params_row(params, i)->key);
    offer(c, "--help");
}

static int words(const char *text) {
    int count = *text != 0;
    for (; *text; text++) count += *text == ' ';
    return count;
}

/* The operand after those that stand already: an action, or what its usage or the command's asks for. */
static void offer_operands(completion *c, const cli_command *command, const char *action, int operands) {
    if (!command->actions) {
        if (operands == 0) offer_operand(c, command->operands);
        return;
    }
    for (const cli_action *a = command->actions; a->name; a++) {
        if (operands == 0) offer(c, a->name);
        if (operands == 0 || strcmp(a->name, action) || (operands > words(a->operands) && !strstr(a->operands, "...")))
            continue;
        offer_operand(c, a->operands);
        /* Drawn sets have nothing to fetch or to verify. */
        if (!strcmp(action, "show") && strstr(a->operands, "NAME"))
            for (ovp_idx i = 0; ovp_data_synthetic_at(i); i++) offer(c, ovp_data_synthetic_at(i)->name);
    }
}

ovp_status cli_complete(cli_app *cli, int argc, char **argv) {
    completion c = {.cli = cli, .typed = argc ? argv[argc - 1] : ""};
    const cli_command *command = argc > 1 ? cli_command_find(argv[0]) : NULL;
    const ovp_experiment *experiment = NULL;
    ovp_params *params = NULL;
    const char *action = "";
    int operands = 0;
    if (argc <= 1) {
        offer_commands(&c);
        offer(&c, "--help");
        offer(&c, "--version");
    }
    if (!command) return OVP_OK;
    /* The keys are those of the experiment named, where one is. */
    for (int i = 1; i < argc - 1 && !experiment; i++)
        if (strstr(command->operands, "--KEY")) experiment = ovp_experiment_find(argv[i]);
    if (experiment) {
        ovp_status status = ovp_experiment_params(&params, cli->ctx, experiment);
        if (status != OVP_OK) return status;
    }
    for (int i = 1; i < argc - 1; i++) {
        if (!strncmp(argv[i], "--", 2))
            i += takes_value(command, params, argv[i] + 2);
        else if (operands++ == 0)
            action = argv[i];
    }
    const char *before = argc > 2 ? argv[argc - 2] : "";
    if (c.typed[0] == '-')
        offer_flags(&c, command, params);
    else if (!strncmp(before, "--", 2) && takes_value(command, params, before + 2))
        offer_values(&c, command, params, before + 2);
    else
        offer_operands(&c, command, action, operands);
    ovp_params_free(params);
    return OVP_OK;
}
