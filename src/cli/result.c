/* A run's result for people. */
#include <stdlib.h>
#include <unistd.h>

#include "cli_int.h"

#define ROWS_SHOWN 40

/* fixed: keep trailing zeros, so that a column of numbers lines up. */
static void number_text(char *out, size_t bytes, const json_t *value, int fixed) {
    if (json_is_integer(value))
        snprintf(out, bytes, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(out, bytes, fixed ? "%#.4g" : "%.4g", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(out, bytes, "%s", json_is_true(value) ? "yes" : "no");
    else
        snprintf(out, bytes, "%s", json_is_string(value) ? json_string_value(value) : "-");
}

/* A column of nulls (a measurement that was not asked for), and so every column of an empty table, is not worth its
 * place. */
static int column_is_empty(const json_t *rows, size_t column) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (!json_is_null(json_array_get(row, column))) return 0;
    return 1;
}

static int column_is_text(const json_t *rows, size_t column) {
    return json_is_string(json_array_get(json_array_get(rows, 0), column));
}

static void put_table(cli_app *cli, const char *name, const json_t *table, const char *dir) {
    const json_t *columns = json_object_get(table, "columns"), *units = json_object_get(table, "units"),
                 *rows = json_object_get(table, "rows");
    size_t kept[CLI_GRID_COLUMNS], count = 0, total = json_array_size(rows), shown = total;
    cli_grid grid;
    for (size_t k = 0; k < json_array_size(columns) && count < CLI_GRID_COLUMNS; k++)
        if (!column_is_empty(rows, k)) kept[count++] = k;
    if (count == 0) return;
    if (shown > ROWS_SHOWN) shown = ROWS_SHOWN / 2;
    ovp_text_add(&cli->out, "%s%s%s\n", cli_paint(cli, CLI_BOLD), name, cli_paint(cli, CLI_PLAIN));
    cli_grid_begin(&grid, cli, (int)count, 2);
    for (size_t c = 0; c < count; c++) {
        const char *column = json_string_value(json_array_get(columns, kept[c]));
        const char *unit = json_string_value(json_array_get(units, kept[c]));
        grid.right[c] = !column_is_text(rows, kept[c]);
        cli_grid_cell(&grid, unit && unit[0] ? "%s [%s]" : "%s%s", column ? column : "", unit ? unit : "");
    }
    for (size_t i = 0; i < shown; i++)
        for (size_t c = 0; c < count; c++) {
            char text[256];
            number_text(text, sizeof text, json_array_get(json_array_get(rows, i), kept[c]), 1);
            cli_grid_cell(&grid, "%s", text);
        }
    cli_grid_end(&grid, cli);
    if (shown < total) ovp_text_add(&cli->out, "  ... %zu more rows in %s/tables/%s.csv\n", total - shown, dir, name);
    ovp_text_add(&cli->out, "\n");
}

static void put_verdict(cli_app *cli, const json_t *verdict) {
    const char *holds = cli_json_text(verdict, "holds"), *how = cli_json_text(verdict, "how");
    const json_t *interval = json_object_get(verdict, "interval"), *measured = json_object_get(verdict, "measured"),
                 *predicted = json_object_get(verdict, "predicted");
    const int yes = !strcmp(holds, "yes"), no = !strcmp(holds, "no");
    char text[64], more[64];
    ovp_text line = {.ctx = cli->ctx};
    ovp_text_add(&line, "%s", cli_json_text(verdict, "claim"));
    if (json_is_number(measured)) {
        number_text(text, sizeof text, measured, 0);
        ovp_text_add(&line, ": %s", text);
        if (json_is_number(json_array_get(interval, 0)) && json_is_number(json_array_get(interval, 1))) {
            number_text(text, sizeof text, json_array_get(interval, 0), 0);
            number_text(more, sizeof more, json_array_get(interval, 1), 0);
            ovp_text_add(&line, " [%s, %s]", text, more);
        }
    }
    if (json_is_number(predicted)) {
        number_text(text, sizeof text, predicted, 0);
        ovp_text_add(&line, "%s predicted %s", json_is_number(measured) ? "," : ":", text);
    }
    if (line.failed) cli->out.failed = 1;
    ovp_text_add(&cli->out, "%s%-8s%s ",
                 cli_paint(cli, yes  ? CLI_GREEN
                                : no ? CLI_RED
                                     : CLI_YELLOW),
                 yes  ? "holds"
                 : no ? "fails"
                      : "unclear",
                 cli_paint(cli, CLI_PLAIN));
    cli_hanging(cli, 9, line.data ? line.data : "");
    if (how[0]) cli_paragraph(cli, 9, how);
    ovp_text_free(&line);
}

void cli_put_verdicts(cli_app *cli, const json_t *verdicts) {
    size_t i;
    json_t *verdict;
    json_array_foreach(verdicts, i, verdict) put_verdict(cli, verdict);
    if (json_array_size(verdicts)) ovp_text_add(&cli->out, "\n");
}

void cli_put_file_url(cli_app *cli, const char *dir, const char *name) {
    ovp_text_add(&cli->out, "file://");
    for (const char *part = dir; part; part = part == dir ? name : NULL) {
        if (part == name) ovp_text_add(&cli->out, "/");
        for (const unsigned char *c = (const unsigned char *)part; *c; c++) {
            const int plain =
                (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("/-_.~", *c);
            ovp_text_add(&cli->out, plain ? "%c" : "%%%02X", *c);
        }
    }
}

void cli_put_result(cli_app *cli, const json_t *result) {
    const char *dir = cli_json_text(result, "run_dir"), *name;
    char report[4096], took[48];
    size_t i;
    json_t *table, *warning;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(result, "tables"), name,
                        table) if (strcmp(name, "timings")) put_table(cli, name, table, dir);
    cli_put_verdicts(cli, json_object_get(result, "verdicts"));
    /* On a screen that stderr shares they have been seen when they came. */
    const int seen = cli->out_terminal && cli->err_terminal && !cli->silent;
    json_array_foreach(json_object_get(result, "warnings"), i, warning) {
        if (seen) break;
        const char *text = json_string_value(warning);
        ovp_text_add(&cli->out, "%swarning%s  ", cli_paint(cli, CLI_YELLOW), cli_paint(cli, CLI_PLAIN));
        ovp_text_add(&cli->out, "%s\n", text ? text : "");
    }
    cli_seconds_text(took, sizeof took, json_number_value(json_object_get(result, "seconds")));
    ovp_text_add(&cli->out, "Run folder  %s\n", dir);
    snprintf(report, sizeof report, "%s/report.html", dir);
    if (!access(report, R_OK)) {
        ovp_text_add(&cli->out, "Report      ");
        cli_put_file_url(cli, dir, "report.html");
        ovp_text_add(&cli->out, "\n");
    }
    ovp_text_add(&cli->out, "Took        %s\n", took);
}
