/* cli: what the commands share. The program sees public headers only. */
#ifndef OVERPARAM_CLI_INT_H
#define OVERPARAM_CLI_INT_H

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <overparam/data.h>
#include <overparam/experiment.h>

/* One invocation. A command appends its result to `out`; main writes it to stdout in one go when the command
 * succeeded, so an error never leaves half a result behind. */
typedef struct cli_app {
    ovp_ctx *ctx;
    ovp_text out;
    int keep_output; /* write `out` although the command failed (run --json) */
    int json_failed; /* a jansson call ran out of memory */
    int out_terminal, err_terminal;
    int out_colour, err_colour;
    int width;  /* columns of the terminal, 100 where there is none */
    int silent; /* no warnings on stderr (--quiet) */
} cli_app;

/* A row of an option table; `value` is the metavariable, NULL for a switch. Tables end with a zero row. */
typedef struct cli_option {
    const char *name, *value, *help;
} cli_option;

/* What a command can do (`data list`): the first operand. Tables end with a zero row. */
typedef struct cli_action {
    const char *name, *operands, *help;
} cli_action;

/* A command = one file with one of these + one row in commands.def. */
typedef struct cli_command {
    const char *name, *operands, *summary;
    const char *about;    /* paragraphs, NULL if the summary says it all */
    const char *examples; /* lines, NULL if none */
    const cli_action *actions;
    const cli_option *options;
    ovp_status (*run)(cli_app *cli, int argc, char **argv); /* argv[0] is the first argument after the command */
    /* NULL: the page made from these tables. Returns 0 if that page is to be printed after all. */
    int (*help)(cli_app *cli, int argc, char **argv);
} cli_command;

/* ---- options.c ----------------------------------------------------------------------------------- */

typedef struct cli_key {
    const ovp_param *row;
    const char *text;
} cli_key;

/* A parsed command line; pointers into argv. values[i] belongs to options[i]: NULL if absent, "" for a switch. */
typedef struct cli_args {
    const char **values;
    const char **operands;
    int operand_count;
    cli_key *keys; /* flags that are parameters */
    int key_count;
    const cli_command *command;
} cli_args;

/* params: the keys accepted besides the command's options, NULL for none. Errors: OVP_EUSAGE. Free with
 * cli_args_free, also after a failure. */
ovp_status cli_parse(cli_args *out, cli_app *cli, const cli_command *command, const ovp_params *params, int argc,
                     char **argv);
void cli_args_free(cli_app *cli, cli_args *args);
/* Value of an option of the command, NULL if absent. */
const char *cli_value(const cli_args *args, const char *name);
/* Value of a parameter flag, NULL if absent. */
const char *cli_key_text(const cli_args *args, const char *key);
/* OVP_EUSAGE unless low <= operands <= high (high -1: no limit), naming what is missing or too much. */
ovp_status cli_expect_operands(cli_app *cli, const cli_args *args, int low, int high);
/* Name of the action asked for: operand 0, or `fallback` without operands. OVP_EUSAGE if there is none of that name. */
ovp_status cli_find_action(const cli_action **out, cli_app *cli, const cli_args *args, const char *fallback);

/* OVP_EUSAGE if an option is given that belongs to other actions: its help names them first, "list, show: ..". */
ovp_status cli_check_action(cli_app *cli, const cli_args *args, const char *action);

/* Parameters of these rows with the values that options of the same names give. Errors: OVP_EUSAGE. */
ovp_status cli_args_params(ovp_params **out, cli_app *cli, const cli_args *args, const ovp_param *rows, ovp_idx count);

/* did-you-mean over offered names */
typedef struct cli_nearest {
    const char *typed, *best;
    int least;
} cli_nearest;
void cli_offer(cli_nearest *nearest, const char *candidate);

/* ---- help.c -------------------------------------------------------------------------------------- */

const cli_command *cli_command_at(int i); /* NULL past the end */
const cli_command *cli_command_find(const char *name);
void cli_help_overview(ovp_text *out);
void cli_help_command(cli_app *cli, const cli_command *command);
void cli_help_usage(ovp_text *out, const cli_command *command);
/* Keys with type, default, range, unit, help: the rows [first, last) of params. */
void cli_help_keys(cli_app *cli, const ovp_params *params, ovp_idx first, ovp_idx last);
/* "integer", "list of integers", ... and "1..1000" or the choices; "" if unlimited. */
const char *cli_type_name(ovp_param_type type);
void cli_range_text(const ovp_param *row, char *out, size_t bytes);
/* Index of the experiment's first own row: the rows common to all, up to save-weights, stand in front of it. */
ovp_idx cli_common_count(const ovp_params *params);
ovp_status cli_find_experiment(const ovp_experiment **out, cli_app *cli, const char *id);

/* ---- experiment_help.c, markdown.c, man.c, complete.c ---------------------------------------------- */

ovp_status cli_help_experiment(cli_app *cli, const ovp_experiment *experiment);
ovp_status cli_markdown(cli_app *cli);
/* overparam(1) as roff for man. */
ovp_status cli_man(cli_app *cli);
/* Rows of the sections on exit codes and the environment: name and meaning. */
extern const cli_option cli_exit_codes[], cli_environment[];
/* What can stand in the place of the last word of a command line, for a shell. */
ovp_status cli_complete(cli_app *cli, int argc, char **argv);

/* ---- output.c ------------------------------------------------------------------------------------ */

typedef enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_GREEN, CLI_RED, CLI_YELLOW } cli_style;
/* Escape sequence for stdout, "" where colours are off. CLI_PLAIN ends every style. */
const char *cli_paint(const cli_app *cli, cli_style style);

#define CLI_GRID_COLUMNS 24
/* Aligned columns; cells are added row by row. The last column wraps at the terminal's width if it is text. */
typedef struct cli_grid {
    ovp_text cells; /* 0-terminated strings one after another */
    int columns, count;
    int right[CLI_GRID_COLUMNS];
    int indent;
} cli_grid;
void cli_grid_begin(cli_grid *grid, cli_app *cli, int columns, int indent);
void cli_grid_cell(cli_grid *grid, const char *format, ...) OVP_PRINTF(2, 3);
/* Appends the rows to cli->out and frees the grid. */
void cli_grid_end(cli_grid *grid, cli_app *cli);
/* A paragraph (or several, split by line feeds) wrapped at the terminal's width. */
void cli_paragraph(cli_app *cli, int indent, const char *text);
/* The same where `indent` columns already stand on the first line. */
void cli_hanging(cli_app *cli, int indent, const char *text);
/* "1.2 GiB". */
void cli_bytes_text(char *out, size_t bytes, double amount);
/* "3 s", "2 min 5 s". */
void cli_seconds_text(char *out, size_t bytes, double seconds);
/* Appends value as the command's result and drops the reference; NULL or an earlier failure is OVP_ENOMEM. */
ovp_status cli_put_json(cli_app *cli, json_t *value);
/* json_object_set_new that remembers a failure for cli_put_json. */
void cli_json_set(cli_app *cli, json_t *object, const char *key, json_t *value);
void cli_json_append(cli_app *cli, json_t *array, json_t *value);
/* String of an object's member; "" where it has none. */
const char *cli_json_text(const json_t *object, const char *key);
/* Replaces what in `out` would steer a terminal by '?': names and texts out of files may hold anything. Line feeds
 * stay, and sequences as cli_paint makes them where colours are on. */
void cli_disarm(cli_app *cli);
/* One line on stderr: control characters replaced. */
void cli_complain(const char *prefix, const char *message);

/* ---- progress.c, signals.c ------------------------------------------------------------------------ */

typedef struct cli_progress {
    const cli_app *cli;
    const char *title;
    char stage[80];
    ovp_idx total, first;
    double start, shown; /* of this stage; when last drawn */
    int drawn;           /* a bar stands on the terminal */
    volatile int busy;
} cli_progress;
/* ovp_progress_fn; user is a cli_progress. */
void cli_progress_report(void *user, const ovp_progress *progress);
/* Takes the bar off the terminal. */
void cli_progress_erase(cli_progress *progress);

/* From now on Ctrl-C and SIGTERM cancel ctx; the second one ends the program at once with 130. */
void cli_signals_watch(ovp_ctx *ctx);

/* ---- cmd_run.c, runs_compare.c, runs_verify.c ------------------------------------------------------ */

/* Runs an experiment with progress on stderr and Ctrl-C watched; *result as ovp_experiment_execute. */
ovp_status cli_compute(json_t **result, cli_app *cli, const ovp_experiment *experiment, const ovp_params *params,
                       const char *out_dir);
ovp_status cli_runs_compare(cli_app *cli, const cli_args *args);
ovp_status cli_runs_verify(cli_app *cli, const cli_args *args);
/* A value as text: lists joined by commas and cut after a dozen. */
void cli_value_text(ovp_text *out, const json_t *value);

/* ---- kernel_choice.c ----------------------------------------------------------------------------- */

/* What the option of `overparam kernel` can be, "a|b|c"; NULL for a number or a text. */
const char *cli_kernel_choices(const char *name);

/* ---- result.c ------------------------------------------------------------------------------------ */

/* A run's result object for people: tables, verdicts, warnings, paths, time. */
void cli_put_result(cli_app *cli, const json_t *result);
void cli_put_verdicts(cli_app *cli, const json_t *verdicts);
/* file:// address of dir/name, percent-encoded. */
void cli_put_file_url(cli_app *cli, const char *dir, const char *name);

#define CLI_COMMAND(name) extern const cli_command cli_command_##name;
#include "commands.def"
#undef CLI_COMMAND

#endif
