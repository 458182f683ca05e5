/* overparam runs compare ID ID... */
#include "cli_int.h"

#define LINES_SHOWN 40
/* Runs that stand side by side on a page; more of them in --json. */
#define RUNS_SHOWN 4

static void heading(cli_app *cli, const char *text) {
    ovp_text_add(&cli->out, "\n%s%s%s\n", cli_paint(cli, CLI_BOLD), text, cli_paint(cli, CLI_PLAIN));
}

static void value_cell(cli_grid *grid, cli_app *cli, const json_t *value) {
    ovp_text text = {.ctx = cli->ctx};
    if (!value || json_is_null(value))
        ovp_text_add(&text, "-");
    else
        cli_value_text(&text, value);
    cli_grid_cell(grid, "%s", text.data ? text.data : "");
    if (text.failed) cli->out.failed = 1;
    ovp_text_free(&text);
}

/* A B C ..: the names of the runs on this page. */
static void run_letters(cli_grid *grid, size_t count) {
    for (size_t i = 0; i < count; i++) cli_grid_cell(grid, "%c", (char)('A' + i));
}

static void put_runs(cli_app *cli, const json_t *runs) {
    size_t i;
    json_t *run;
    cli_grid grid;
    cli_grid_begin(&grid, cli, 5, 0);
    json_array_foreach(runs, i, run) {
        cli_grid_cell(&grid, "%c", (char)('A' + i));
        cli_grid_cell(&grid, "%s", cli_json_text(run, "id"));
        cli_grid_cell(&grid, "%s", cli_json_text(run, "experiment"));
        cli_grid_cell(&grid, "%s", cli_json_text(run, "status"));
        cli_grid_cell(&grid, "%s", cli_json_text(run, "version"));
    }
    cli_grid_end(&grid, cli);
}

static void put_members(cli_app *cli, const char *title, json_t *members, size_t runs) {
    const char *key;
    json_t *values;
    cli_grid grid;
    heading(cli, title);
    if (json_object_size(members) == 0) {
        ovp_text_add(&cli->out, "  the same\n");
        return;
    }
    cli_grid_begin(&grid, cli, (int)runs + 1, 2);
    cli_grid_cell(&grid, "%s", "");
    run_letters(&grid, runs);
    json_object_foreach(members, key, values) {
        cli_grid_cell(&grid, "%s", key);
        for (size_t i = 0; i < runs; i++) value_cell(&grid, cli, json_array_get(values, i));
    }
    cli_grid_end(&grid, cli);
}

/* "+0.0123", "+1.2 %". */
static void difference_cells(cli_grid *grid, const json_t *absolute, const json_t *relative) {
    if (json_is_number(absolute))
        cli_grid_cell(grid, "%+.3g", json_number_value(absolute));
    else
        cli_grid_cell(grid, "-");
    if (json_is_number(relative))
        cli_grid_cell(grid, "%+.3g %%", 100 * json_number_value(relative));
    else
        cli_grid_cell(grid, "-");
}

/* One line a cell that is not the same everywhere; how many there are, shown or not. */
static size_t put_cells(cli_grid *grid, cli_app *cli, const json_t *table, size_t runs) {
    size_t lines = 0, r, c, k;
    json_t *row, *name, *key;
    json_array_foreach(json_object_get(table, "rows"), r, row) {
        const json_t *values = json_object_get(row, "values");
        if (json_is_true(json_object_get(row, "same"))) continue;
        json_array_foreach(json_object_get(table, "columns"), c, name) {
            const json_t *first = json_array_get(json_array_get(values, 0), c);
            int same = 1;
            for (size_t i = 1; i < runs; i++) same &= json_equal(first, json_array_get(json_array_get(values, i), c));
            if (same || lines++ >= LINES_SHOWN) continue;
            json_array_foreach(json_object_get(row, "key"), k, key) value_cell(grid, cli, key);
            cli_grid_cell(grid, "%s", json_string_value(name));
            for (size_t i = 0; i < runs; i++) value_cell(grid, cli, json_array_get(json_array_get(values, i), c));
            for (size_t i = 1; i < runs; i++)
                difference_cells(grid, json_array_get(json_array_get(json_object_get(row, "absolute"), i - 1), c),
                                 json_array_get(json_array_get(json_object_get(row, "relative"), i - 1), c));
        }
    }
    return lines;
}

static void put_table(cli_app *cli, const char *title, const json_t *table, size_t runs) {
    const json_t *keys = json_object_get(table, "keys");
    const size_t key_count = json_array_size(keys), rows = json_array_size(json_object_get(table, "rows")),
                 columns = key_count + 1 + runs + 2 * (runs - 1);
    const long long equal = json_integer_value(json_object_get(table, "equal"));
    cli_grid grid;
    size_t k;
    json_t *one;
    heading(cli, title);
    ovp_text_add(&cli->out, "  %zu rows joined on", rows);
    json_array_foreach(keys, k, one) ovp_text_add(&cli->out, "%s %s", k ? "," : "", json_string_value(one));
    ovp_text_add(&cli->out, ", %lld the same", equal);
    json_array_foreach(json_object_get(table, "only"), k, one) if (json_array_size(one))
        ovp_text_add(&cli->out, "; %zu of %c not in all", json_array_size(one), (char)('A' + k));
    ovp_text_add(&cli->out, "\n");
    if ((size_t)equal == rows || columns > CLI_GRID_COLUMNS) return;
    cli_grid_begin(&grid, cli, (int)columns, 2);
    for (size_t i = key_count + 1; i < columns; i++) grid.right[i] = 1;
    json_array_foreach(keys, k, one) cli_grid_cell(&grid, "%s", json_string_value(one));
    cli_grid_cell(&grid, "column");
    run_letters(&grid, runs);
    for (size_t i = 1; i < runs; i++) {
        cli_grid_cell(&grid, "%c-A", (char)('A' + i));
        cli_grid_cell(&grid, "relative");
    }
    const size_t lines = put_cells(&grid, cli, table, runs);
    cli_grid_end(&grid, cli);
    if (lines > LINES_SHOWN) ovp_text_add(&cli->out, "  ... %zu more cells differ; see --json\n", lines - LINES_SHOWN);
}

static void put_verdicts(cli_app *cli, const json_t *verdicts, size_t runs) {
    size_t i;
    json_t *verdict;
    cli_grid grid;
    if (json_array_size(verdicts) == 0) return;
    heading(cli, "Verdicts");
    cli_grid_begin(&grid, cli, (int)runs + 1, 2);
    run_letters(&grid, runs);
    cli_grid_cell(&grid, "%s", "");
    json_array_foreach(verdicts, i, verdict) {
        for (size_t k = 0; k < runs; k++) value_cell(&grid, cli, json_array_get(json_object_get(verdict, "holds"), k));
        cli_grid_cell(&grid, "%s", cli_json_text(verdict, "claim"));
    }
    cli_grid_end(&grid, cli);
}

static void put_page(cli_app *cli, const json_t *compared) {
    const char *name;
    json_t *table;
    size_t runs = json_array_size(json_object_get(compared, "runs"));
    put_runs(cli, json_object_get(compared, "runs"));
    put_members(cli, "Parameters", json_object_get(compared, "params"), runs);
    put_members(cli, "Environment", json_object_get(compared, "environment"), runs);
    const int wide = runs > RUNS_SHOWN && json_object_get(compared, "tables");
    if (!wide) json_object_foreach(json_object_get(compared, "tables"), name, table) put_table(cli, name, table, runs);
    put_verdicts(cli, json_object_get(compared, "verdicts"), runs);
    if (wide)
        ovp_text_add(&cli->out, "\nThe tables of more than %d runs do not fit side by side; see --json\n", RUNS_SHOWN);
}

ovp_status cli_runs_compare(cli_app *cli, const cli_args *args) {
    const ovp_idx count = args->operand_count - 1;
    char **dirs = NULL;
    json_t *compared = NULL;
    ovp_status status;
    if (count < 2) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "runs compare: give at least two IDs; see: overparam runs list");
        goto done;
    }
    OVP_TRY(ovp_alloc(cli->ctx, &dirs, count, sizeof *dirs));
    for (ovp_idx i = 0; i < count; i++) OVP_TRY(ovp_store_find(&dirs[i], cli->ctx, NULL, args->operands[i + 1]));
    OVP_TRY(
        ovp_store_compare(&compared, cli->ctx, (const char *const *)dirs, count, cli_value(args, "params") != NULL));
    if (cli_value(args, "json")) {
        json_t *object = json_pack("{s:i}", "schema", 1);
        if (json_object_update(object, compared)) cli->json_failed = 1;
        status = cli_put_json(cli, object);
    } else {
        put_page(cli, compared);
    }
done:
    for (ovp_idx i = 0; dirs && i < count; i++) ovp_free(cli->ctx, dirs[i]);
    ovp_free(cli->ctx, dirs);
    json_decref(compared);
    return status;
}
