/* What an experiment's run function calls: rows, arrays, verdicts, figures go out as soon as they come in. */
#include "run_int.h"

#include <stdio.h>
#include <string.h>

/* A table is rewritten when a row comes, but not again within this time, so that rows which come in a burst (layers of
 * one net) do not wait for the disk each; longer tables less often, as rewriting at every row would cost O(rows^2). */
#define SECONDS_BETWEEN_ROWS .1
#define SHORT_TABLE 256
#define SECONDS_BETWEEN_TABLES 1.0
#define SECONDS_BETWEEN_PROGRESS .1

static ovp_status no_memory(ovp_experiment_run *run, const char *what) {
    return ovp_fail(run->ctx, OVP_ENOMEM, "%s: out of memory for %s", run->experiment->id, what);
}

ovp_ctx *ovp_run_ctx(ovp_experiment_run *run) {
    return run->ctx;
}

const ovp_params *ovp_run_params(const ovp_experiment_run *run) {
    return run->params;
}

const int64_t *ovp_run_seeds(const ovp_experiment_run *run, ovp_idx *count) {
    *count = run->seed_count;
    return run->seeds;
}

int64_t ovp_run_data_seed(const ovp_experiment_run *run, int64_t seed) {
    return ovp_params_is_set(run->params, "data-seed") ? ovp_params_int(run->params, "data-seed") : seed;
}

void ovp_run_progress(ovp_experiment_run *run, const ovp_progress *progress) {
    const double now = ovp_seconds();
    const int same_stage = strncmp(run->last_stage, progress->stage, sizeof run->last_stage - 1) == 0;
    if (same_stage && progress->done < progress->total && now - run->last_progress < SECONDS_BETWEEN_PROGRESS) return;
    run->last_progress = now;
    snprintf(run->last_stage, sizeof run->last_stage, "%s", progress->stage);
    ovp_report(run->ctx, progress);
}

/* ---- tables -------------------------------------------------------------------------------------- */

/* Index among the declared tables, -1 if unknown. */
static ovp_idx table_index(const ovp_experiment_run *run, const char *name) {
    for (ovp_idx i = 0; i < run->experiment->table_count; i++)
        if (strcmp(run->experiment->tables[i].name, name) == 0) return i;
    return -1;
}

const ovp_store_table *ovp_run_table(const ovp_experiment_run *run, const char *table) {
    ovp_idx i = table_index(run, table);
    return i < 0 ? NULL : run->tables[i];
}

ovp_status ovp_run_write_table(ovp_experiment_run *run, ovp_idx table) {
    run->table_written[table] = ovp_seconds();
    return ovp_store_run_table(run->store, run->tables[table]);
}

static json_t *cell_json(const ovp_store_cell *cell) {
    switch (cell->kind) {
    case OVP_CELL_INT:
        return json_integer(cell->integer);
    case OVP_CELL_REAL:
        return ovp_io_json_number(cell->real);
    case OVP_CELL_TEXT:
        return json_string(cell->text);
    case OVP_CELL_NULL:
        break;
    }
    return json_null();
}

static ovp_status put_line(ovp_experiment_run *run, const ovp_experiment_table *table, const ovp_store_cell *cells) {
    json_t *line = json_pack("{s:s}", "table", table->name);
    ovp_status status = line ? OVP_OK : no_memory(run, "a metrics line");
    for (ovp_idx k = 0; k < table->count && status == OVP_OK; k++)
        if (json_object_set_new(line, table->columns[k].name, cell_json(&cells[k])))
            status = no_memory(run, "a metrics line");
    if (status == OVP_OK) status = ovp_store_run_metric(run->store, line);
    json_decref(line);
    return status;
}

ovp_status ovp_run_rows(ovp_experiment_run *run, const char *table, ovp_idx count, const ovp_store_cell *cells) {
    ovp_status status = OVP_OK;
    ovp_idx i = table_index(run, table);
    if (i < 0) return ovp_fail(run->ctx, OVP_EINVAL, "%s: no table '%s' is declared", run->experiment->id, table);
    const ovp_experiment_table *declared = &run->experiment->tables[i];
    for (ovp_idx row = 0; row < count; row++) {
        OVP_TRY(ovp_store_table_add(run->tables[i], cells + row * declared->count));
        OVP_TRY(put_line(run, declared, cells + row * declared->count));
    }
    const int is_short = ovp_store_table_rows(run->tables[i]) <= SHORT_TABLE;
    if (count > 0 && ovp_seconds() - run->table_written[i] > (is_short ? SECONDS_BETWEEN_ROWS : SECONDS_BETWEEN_TABLES))
        OVP_TRY(ovp_run_write_table(run, i));
done:
    return status;
}

ovp_status ovp_run_row(ovp_experiment_run *run, const char *table, const ovp_store_cell *cells) {
    return ovp_run_rows(run, table, 1, cells);
}

static ovp_idx column_index(const ovp_experiment_table *table, const char *name) {
    for (ovp_idx k = 0; k < table->count; k++)
        if (strcmp(table->columns[k].name, name) == 0) return k;
    return -1;
}

static int same_cell(const ovp_store_cell *a, const ovp_store_cell *b) {
    if (a->kind != b->kind) return 0;
    switch (a->kind) {
    case OVP_CELL_INT:
        return a->integer == b->integer;
    case OVP_CELL_REAL:
        return a->real == b->real || (isnan(a->real) && isnan(b->real));
    case OVP_CELL_TEXT:
        return strcmp(a->text, b->text) == 0;
    case OVP_CELL_NULL:
        break;
    }
    return 1;
}

static int same_setting(const ovp_store_table *table, ovp_idx a, ovp_idx b, const ovp_idx *columns, ovp_idx count) {
    for (ovp_idx k = 0; k < count; k++)
        if (!same_cell(ovp_store_table_cell(table, a, columns[k]), ovp_store_table_cell(table, b, columns[k])))
            return 0;
    return 1;
}

/* Cell as a number; NaN where it is none. */
static double cell_number(const ovp_store_cell *cell) {
    if (cell->kind == OVP_CELL_INT) return (double)cell->integer;
    return cell->kind == OVP_CELL_REAL ? cell->real : (double)NAN;
}

ovp_status ovp_run_summary(ovp_experiment_run *run, const char *table, const char *summary, const char *const *settings,
                           ovp_idx setting_count, const char *const *measures, ovp_idx measure_count) {
    ovp_status status = OVP_OK;
    ovp_idx from = table_index(run, table), to = table_index(run, summary), *columns = NULL;
    double *values = NULL;
    ovp_store_cell *cells = NULL;
    if (from < 0 || to < 0 || run->experiment->tables[to].count != setting_count + 5) {
        status = ovp_fail(run->ctx, OVP_EINVAL, "%s: summary '%s' of '%s' is not declared with %lld columns",
                          run->experiment->id, summary, table, (long long)setting_count + 5);
        goto done;
    }
    const ovp_store_table *source = run->tables[from];
    ovp_idx rows = ovp_store_table_rows(source);
    OVP_TRY(ovp_alloc(run->ctx, &values, rows, sizeof *values));
    OVP_TRY(ovp_alloc(run->ctx, &cells, measure_count * (setting_count + 5), sizeof *cells));
    OVP_TRY(ovp_alloc(run->ctx, &columns, setting_count + measure_count, sizeof *columns));
    for (ovp_idx k = 0; k < setting_count + measure_count; k++) {
        const char *name = k < setting_count ? settings[k] : measures[k - setting_count];
        columns[k] = column_index(&run->experiment->tables[from], name);
        if (columns[k] < 0) {
            status =
                ovp_fail(run->ctx, OVP_EINVAL, "%s: table '%s' has no column '%s'", run->experiment->id, table, name);
            goto done;
        }
    }
    for (ovp_idx row = 0; row < rows; row++) {
        int seen = 0;
        for (ovp_idx j = 0; j < row && !seen; j++) seen = same_setting(source, j, row, columns, setting_count);
        for (ovp_idx m = 0; m < measure_count && !seen; m++) {
            ovp_idx count = 0;
            for (ovp_idx j = row; j < rows; j++) {
                double value = cell_number(ovp_store_table_cell(source, j, columns[setting_count + m]));
                if (isfinite(value) && same_setting(source, j, row, columns, setting_count)) values[count++] = value;
            }
            ovp_measure_interval mean = ovp_measure_mean(count, values);
            ovp_store_cell *line = cells + m * (setting_count + 5);
            for (ovp_idx k = 0; k < setting_count; k++) line[k] = *ovp_store_table_cell(source, row, columns[k]);
            line[setting_count] = ovp_cell_text(measures[m]);
            line[setting_count + 1] = ovp_cell_int(mean.count);
            line[setting_count + 2] = ovp_cell_finite(mean.mean);
            line[setting_count + 3] = ovp_cell_finite(mean.low);
            line[setting_count + 4] = ovp_cell_finite(mean.high);
        }
        if (!seen) OVP_TRY(ovp_run_rows(run, summary, measure_count, cells));
    }
done:
    ovp_free(run->ctx, columns);
    ovp_free(run->ctx, cells);
    ovp_free(run->ctx, values);
    return status;
}

/* ---- arrays -------------------------------------------------------------------------------------- */

void ovp_run_arrays_free(ovp_ctx *ctx, array_list *list) {
    for (ovp_idx i = 0; i < list->count; i++) {
        ovp_free(ctx, list->items[i].name);
        ovp_numeric_array_free(ctx, &list->items[i].array);
    }
    ovp_free(ctx, list->items);
    *list = (array_list){NULL, 0, 0};
}

static ovp_status grow(ovp_ctx *ctx, array_list *list) {
    ovp_io_named_array *items;
    ovp_idx capacity = list->capacity ? 2 * list->capacity : 16;
    if (list->count < list->capacity) return OVP_OK;
    ovp_status status = ovp_alloc(ctx, &items, capacity, sizeof *items);
    if (status != OVP_OK) return status;
    if (list->count) memcpy(items, list->items, (size_t)list->count * sizeof *items);
    ovp_free(ctx, list->items);
    list->items = items;
    list->capacity = capacity;
    return OVP_OK;
}

static ovp_status keep_array(ovp_ctx *ctx, array_list *list, const char *name, const ovp_numeric_array *array) {
    ovp_status status = OVP_OK;
    ovp_io_named_array copy = {NULL, {0}};
    ovp_idx at = 0;
    OVP_TRY(ovp_strdup(ctx, &copy.name, name));
    OVP_TRY(ovp_numeric_array_create(&copy.array, ctx, array->type, array->ndim, array->shape));
    memcpy(copy.array.data, array->data, (size_t)ovp_numeric_array_count(array) * ovp_numeric_type_size(array->type));
    while (at < list->count && strcmp(list->items[at].name, name) != 0) at++;
    if (at == list->count) {
        OVP_TRY(grow(ctx, list));
        list->items[list->count++] = (ovp_io_named_array){NULL, {0}};
    }
    ovp_io_named_array old = list->items[at];
    list->items[at] = copy;
    copy = old;
done:
    ovp_free(ctx, copy.name);
    ovp_numeric_array_free(ctx, &copy.array);
    return status;
}

ovp_status ovp_run_array(ovp_experiment_run *run, const char *name, const ovp_numeric_array *array) {
    return keep_array(run->ctx, &run->arrays, name, array);
}

ovp_status ovp_run_weight(ovp_experiment_run *run, const char *name, const ovp_numeric_array *array) {
    return keep_array(run->ctx, &run->weights, name, array);
}

ovp_status ovp_run_tensors(ovp_experiment_run *run, const char *name, const ovp_io_safetensors *tensors) {
    ovp_status status = OVP_OK;
    ovp_text path = {.ctx = run->ctx};
    ovp_text_add(&path, "%s/weights", ovp_store_run_dir(run->store));
    OVP_TRY(ovp_text_status(&path));
    OVP_TRY(ovp_io_make_dirs(run->ctx, path.data));
    ovp_text_add(&path, "/%s.safetensors", name);
    OVP_TRY(ovp_text_status(&path));
    OVP_TRY(ovp_io_safetensors_write(run->ctx, path.data, tensors));
done:
    ovp_text_free(&path);
    return status;
}

ovp_status ovp_run_describe(ovp_experiment_run *run, const struct json_t *description) {
    json_t *copy = json_deep_copy(description);
    if (!copy || (run->description && json_object_update_missing(copy, run->description))) {
        json_decref(copy);
        return no_memory(run, "a description");
    }
    json_decref(run->description);
    run->description = copy;
    return OVP_OK;
}

/* ---- verdicts, warnings, figures ----------------------------------------------------------------- */

ovp_status ovp_run_verdict(ovp_experiment_run *run, const ovp_experiment_verdict *v) {
    json_t *interval = isfinite(v->low) && isfinite(v->high)
                           ? json_pack("[o, o]", ovp_io_json_number(v->low), ovp_io_json_number(v->high))
                           : json_null();
    json_t *verdict =
        json_pack("{s:s, s:o, s:o, s:o, s:s, s:s}", "claim", v->claim, "measured", ovp_io_json_number(v->measured),
                  "interval", interval, "predicted", ovp_io_json_number(v->predicted), "holds",
                  ovp_experiment_holds_name(v->holds), "how", v->how);
    if (!verdict || json_array_append_new(run->verdicts, verdict)) return no_memory(run, "a verdict");
    return OVP_OK;
}

ovp_status ovp_run_warning(ovp_experiment_run *run, const char *format, ...) {
    char line[1024];
    size_t i;
    json_t *item;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    json_array_foreach(run->warnings, i, item) if (strcmp(json_string_value(item), line) == 0) return OVP_OK;
    ovp_log(run->ctx, OVP_LOG_WARNING, "%s", line);
    return json_array_append_new(run->warnings, json_string(line)) ? no_memory(run, "a warning") : OVP_OK;
}

ovp_status ovp_run_figure(ovp_experiment_run *run, const ovp_figure *figure) {
    ovp_status status = OVP_OK, before = ovp_last_status(run->ctx);
    char held[1024], message[1024];
    ovp_text dir = {.ctx = run->ctx};
    json_t *entry = json_pack("{s:s, s:s, s:s}", "name", figure->name, "title", figure->title, "caption",
                              figure->caption ? figure->caption : "");
    if (!entry || json_array_append_new(run->figures, entry)) return no_memory(run, "a figure");
    ovp_text_add(&dir, "%s/figures", ovp_store_run_dir(run->store));
    OVP_TRY(ovp_text_status(&dir));
    OVP_TRY(ovp_io_make_dirs(run->ctx, dir.data));

    /* The first message wins in a context: a held one (an interrupted run draws its figures, too) is put aside so that
     * the renderer's can be read, then put back. */
    snprintf(held, sizeof held, "%s", ovp_message(run->ctx));
    ovp_clear(run->ctx);
    status = ovp_figure_render(run->ctx, dir.data, figure);
    snprintf(message, sizeof message, "%s", ovp_message(run->ctx));
    if (status == OVP_OK || status == OVP_EUNAVAILABLE || status == OVP_EINTERNAL) ovp_clear(run->ctx);
    if (before != OVP_OK) {
        ovp_clear(run->ctx);
        ovp_fail(run->ctx, before, "%s", held);
    }
    if (status == OVP_EUNAVAILABLE) {
        status = run->warned_of_figures ? OVP_OK : ovp_run_warning(run, "%s", message);
        run->warned_of_figures = 1;
    } else if (status == OVP_EINTERNAL) {
        status = ovp_run_warning(run, "figure %s: %s", figure->name, message);
    }
done:
    ovp_text_free(&dir);
    return status;
}
