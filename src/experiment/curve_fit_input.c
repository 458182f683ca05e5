/* curve-fit: where series come from: a run's table or array, a CSV, an event file. */
#include "curve_fit_int.h"
#include "past_run.h"

#include <stdio.h>
#include <string.h>

/* More series than anyone looks at; a grouping column that tells every row apart gives that many. */
#define MOST_SERIES 4096

int curve_input_is_synthetic(const ovp_params *params) {
    return strcmp(ovp_params_text(params, "input"), "synthetic") == 0;
}

ovp_status curve_input_add(curve_series **out, ovp_ctx *ctx, curve_input *input, const char *group, ovp_idx n) {
    ovp_status status = OVP_OK;
    if (input->count == MOST_SERIES)
        return ovp_fail(ctx, OVP_ELIMIT, "--input: more than %d series; name fewer columns in --group", MOST_SERIES);
    if (input->count == input->capacity) {
        curve_series *more;
        const ovp_idx capacity = input->capacity ? 2 * input->capacity : 16;
        OVP_TRY(ovp_alloc(ctx, &more, capacity, sizeof *more));
        if (input->count) memcpy(more, input->series, (size_t)input->count * sizeof *more);
        ovp_free(ctx, input->series);
        input->series = more;
        input->capacity = capacity;
    }
    curve_series *s = &input->series[input->count];
    *s = (curve_series){.n = n};
    OVP_TRY(ovp_strdup(ctx, &s->group, group));
    input->count++;
    OVP_TRY(ovp_alloc(ctx, &s->t, 4 * n, sizeof *s->t));
    s->y = s->t + n;
    s->x = s->y + n;
    s->kept_y = s->x + n;
    *out = s;
done:
    return status;
}

void curve_input_free(ovp_ctx *ctx, curve_input *input) {
    for (ovp_idx i = 0; i < input->count; i++) {
        ovp_free(ctx, input->series[i].group);
        ovp_free(ctx, input->series[i].t);
    }
    ovp_free(ctx, input->series);
    ovp_free(ctx, input->source);
    ovp_free(ctx, input->y_label);
    *input = (curve_input){0};
}

/* ---- tables -------------------------------------------------------------------------------------- */

/* The grouping columns that the table has, `seed` apart. */
typedef struct grouping {
    past_names names;
    ovp_idx *columns, count; /* of the table */
    ovp_idx seed;            /* its column, -1: not a grouping one */
} grouping;

static ovp_status find_grouping(grouping *g, ovp_ctx *ctx, const ovp_params *params, const char *name,
                                const ovp_io_csv *csv) {
    ovp_status status = OVP_OK;
    *g = (grouping){.seed = -1};
    if (!ovp_params_text(params, "group")[0]) return OVP_OK;
    OVP_TRY(past_names_split(&g->names, ctx, "--group", ovp_params_text(params, "group")));
    OVP_TRY(ovp_alloc(ctx, &g->columns, g->names.count, sizeof *g->columns));
    for (ovp_idx i = 0; i < g->names.count; i++) {
        const ovp_idx column = past_column_find(csv, g->names.name[i]);
        if (column < 0 && ovp_params_is_set(params, "group"))
            OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND, "--group: %.200s has no column '%.60s'", name, g->names.name[i]));
        if (column < 0) continue;
        if (strcmp(g->names.name[i], "seed") == 0)
            g->seed = column;
        else
            g->columns[g->count++] = column;
    }
done:
    return status;
}

static const char *cell_at(const ovp_io_csv *csv, ovp_idx row, ovp_idx column) {
    return csv->cells[row * csv->columns + column];
}

static int same_group(const grouping *g, const ovp_io_csv *csv, ovp_idx a, ovp_idx b) {
    for (ovp_idx i = 0; i < g->count; i++)
        if (strcmp(cell_at(csv, a, g->columns[i]), cell_at(csv, b, g->columns[i])) != 0) return 0;
    return g->seed < 0 || strcmp(cell_at(csv, a, g->seed), cell_at(csv, b, g->seed)) == 0;
}

static ovp_status add_group(curve_series **out, ovp_ctx *ctx, curve_input *input, const grouping *g,
                            const ovp_io_csv *csv, ovp_idx row, ovp_idx n) {
    ovp_text label = {.ctx = ctx};
    for (ovp_idx i = 0; i < g->count; i++)
        ovp_text_add(&label, "%s%.40s=%.40s", i ? ", " : "", csv->header[g->columns[i]],
                     cell_at(csv, row, g->columns[i]));
    ovp_status status = ovp_text_status(&label);
    if (status == OVP_OK) status = curve_input_add(out, ctx, input, label.data ? label.data : input->y_label, n);
    ovp_text_free(&label);
    if (status != OVP_OK || g->seed < 0) return status;
    double seed;
    if (ovp_parse_real(cell_at(csv, row, g->seed), &seed) && fabs(seed) < 0x1p53 && seed == floor(seed)) {
        (*out)->seed = (int64_t)seed;
        (*out)->has_seed = 1;
    }
    return OVP_OK;
}

/* t: a column, or 1, 2, .. within each series. y: csv->rows values. */
static ovp_status split_rows(curve_input *input, ovp_ctx *ctx, const ovp_params *params, const char *name,
                             const ovp_io_csv *csv, const double *y) {
    ovp_status status = OVP_OK;
    const char *t_column = ovp_params_text(params, "x-column");
    grouping g = {.seed = -1};
    double *t = NULL;
    ovp_idx *series_of = NULL, *first = NULL, *rows = NULL, groups = 0, last = 0;
    OVP_TRY(find_grouping(&g, ctx, params, name, csv));
    OVP_TRY(ovp_alloc(ctx, &t, csv->rows, sizeof *t));
    if (t_column[0]) OVP_TRY(past_column(t, ctx, name, csv, t_column));
    OVP_TRY(ovp_alloc(ctx, &series_of, csv->rows, sizeof *series_of));
    OVP_TRY(ovp_alloc(ctx, &first, MOST_SERIES, sizeof *first));
    OVP_TRY(ovp_alloc(ctx, &rows, MOST_SERIES, sizeof *rows));
    for (ovp_idx r = 0; r < csv->rows; r++) {
        /* mostly the series of the row before */
        if (groups == 0 || !same_group(&g, csv, first[last], r))
            for (last = 0; last < groups && !same_group(&g, csv, first[last], r);) last++;
        if (last == groups) {
            if (groups == MOST_SERIES)
                OVP_TRY(ovp_fail(ctx, OVP_ELIMIT, "--group: more than %d series in %.200s; name fewer columns",
                                 MOST_SERIES, name));
            first[groups++] = r;
        }
        series_of[r] = last;
        rows[last]++;
    }
    for (ovp_idx k = 0; k < groups; k++) {
        curve_series *s;
        ovp_idx at = 0;
        OVP_TRY(add_group(&s, ctx, input, &g, csv, first[k], rows[k]));
        for (ovp_idx r = first[k]; at < s->n; r++) {
            if (series_of[r] != k) continue;
            s->t[at] = t_column[0] ? t[r] : (double)(at + 1);
            s->y[at++] = y[r];
        }
    }
done:
    ovp_free(ctx, rows);
    ovp_free(ctx, first);
    ovp_free(ctx, series_of);
    ovp_free(ctx, t);
    ovp_free(ctx, g.columns);
    past_names_free(ctx, &g.names);
    return status;
}

/* ---- the sources --------------------------------------------------------------------------------- */

static ovp_status read_csv(curve_input *input, ovp_ctx *ctx, const ovp_params *params, const char *name,
                           const ovp_io_csv *csv, const char *column) {
    ovp_status status = OVP_OK;
    double *y = NULL;
    OVP_TRY(ovp_strdup(ctx, &input->y_label, column));
    OVP_TRY(ovp_alloc(ctx, &y, csv->rows, sizeof *y));
    OVP_TRY(past_column(y, ctx, name, csv, column));
    OVP_TRY(split_rows(input, ctx, params, name, csv, y));
done:
    ovp_free(ctx, y);
    return status;
}

static ovp_status read_csv_file(curve_input *input, ovp_ctx *ctx, const ovp_params *params, const char *path) {
    ovp_io_csv csv;
    const char *column = ovp_params_text(params, "column");
    ovp_status status = ovp_io_csv_read(&csv, ctx, path);
    if (status != OVP_OK) return status;
    if (!column[0] && csv.columns > 1)
        status = ovp_fail(ctx, OVP_EINVAL, "--column: %.200s has %lld columns; name the one to fit", path,
                          (long long)csv.columns);
    if (status == OVP_OK) status = read_csv(input, ctx, params, path, &csv, column[0] ? column : csv.header[0]);
    ovp_io_csv_free(ctx, &csv);
    return status;
}

static ovp_status name_tags(ovp_ctx *ctx, const ovp_io_tfevents *events, const char *path, const char *tag) {
    ovp_text names = {.ctx = ctx};
    for (ovp_idx i = 0; i < events->count && names.length < 600; i++) {
        int seen = 0;
        for (ovp_idx j = 0; j < i && !seen; j++) seen = strcmp(events->scalars[j].tag, events->scalars[i].tag) == 0;
        if (!seen) ovp_text_add(&names, "%s%.60s", names.length ? ", " : "", events->scalars[i].tag);
        if (i > 2000) break; /* tags repeat at every step */
    }
    ovp_status status = ovp_text_status(&names);
    if (status == OVP_OK)
        status = ovp_fail(ctx, OVP_ENOTFOUND, "--column: %.200s has no scalar '%.60s'; it has: %s", path, tag,
                          names.length ? names.data : "none");
    ovp_text_free(&names);
    return status;
}

static ovp_status read_events(curve_input *input, ovp_ctx *ctx, const ovp_params *params, const char *path) {
    ovp_status status = OVP_OK;
    ovp_io_tfevents events = {0};
    const char *tag = ovp_params_text(params, "column"), *t_column = ovp_params_text(params, "x-column");
    curve_series *s;
    ovp_idx n = 0, at = 0;
    if (!tag[0]) tag = "avg_grad_norm";
    if (t_column[0] && strcmp(t_column, "step") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "--x-column %.60s: of an event file only 'step' can be t", t_column);
    OVP_TRY(ovp_io_tfevents_read(&events, ctx, path));
    for (ovp_idx i = 0; i < events.count; i++) n += strcmp(events.scalars[i].tag, tag) == 0;
    if (n == 0) OVP_TRY(name_tags(ctx, &events, path, tag));
    OVP_TRY(ovp_strdup(ctx, &input->y_label, tag));
    OVP_TRY(curve_input_add(&s, ctx, input, tag, n));
    for (ovp_idx i = 0; i < events.count; i++) {
        if (strcmp(events.scalars[i].tag, tag) != 0) continue;
        s->t[at] = t_column[0] ? (double)events.scalars[i].step : (double)(at + 1);
        s->y[at++] = events.scalars[i].value;
    }
done:
    ovp_io_tfevents_free(ctx, &events);
    return status;
}

/* A vector, or one series a row. */
static ovp_status read_array(curve_input *input, ovp_ctx *ctx, const ovp_params *params, const past_run *run,
                             const char *name) {
    ovp_status status = OVP_OK;
    ovp_io_named_array *arrays = NULL;
    ovp_idx count = 0, at = 0;
    char *path = NULL;
    if (ovp_params_text(params, "x-column")[0])
        return ovp_fail(ctx, OVP_EINVAL, "--x-column: an array has no columns; its t are 1, 2, .. times --scaling-x");
    OVP_TRY(past_run_path(&path, ctx, run, "arrays.npz"));
    OVP_TRY(past_arrays_read(&arrays, &count, ctx, path));
    while (at < count && strcmp(arrays[at].name, name) != 0) at++;
    if (at == count) OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND, "--array: run %.100s has no array '%.60s'", run->id, name));
    const ovp_numeric_array *a = &arrays[at].array;
    if (a->ndim < 1 || a->ndim > 2)
        OVP_TRY(ovp_fail(ctx, OVP_EFORMAT, "--array %.60s: %d dimensions; a vector or one series a row can be fitted",
                         name, a->ndim));
    const ovp_idx rows = a->ndim == 2 ? a->shape[0] : 1, n = a->shape[a->ndim - 1];
    OVP_TRY(ovp_strdup(ctx, &input->y_label, name));
    for (ovp_idx r = 0; r < rows; r++) {
        curve_series *s;
        char label[40];
        (void)snprintf(label, sizeof label, "row %lld", (long long)r);
        OVP_TRY(curve_input_add(&s, ctx, input, a->ndim == 2 ? label : name, n));
        for (ovp_idx i = 0; i < n; i++) s->t[i] = (double)(i + 1);
        OVP_TRY(past_array_get(s->y, ctx, &arrays[at], r * n, n));
    }
done:
    ovp_free(ctx, path);
    ovp_io_npz_free(ctx, arrays, count);
    return status;
}

static ovp_status read_run(curve_input *input, ovp_ctx *ctx, const ovp_params *params, const char *name) {
    ovp_status status = OVP_OK;
    past_run run = {0};
    ovp_io_csv csv = {0};
    const char *array = ovp_params_text(params, "array"), *table = ovp_params_text(params, "table"),
               *column = ovp_params_text(params, "column");
    OVP_TRY(past_run_open(&run, ctx, "--input", name, NULL));
    OVP_TRY(ovp_strdup(ctx, &input->source, run.dir));
    if (array[0])
        OVP_TRY(read_array(input, ctx, params, &run, array));
    else {
        OVP_TRY(past_run_table(&csv, ctx, &run, table));
        OVP_TRY(read_csv(input, ctx, params, table, &csv, column[0] ? column : "omega"));
    }
done:
    ovp_io_csv_free(ctx, &csv);
    past_run_close(ctx, &run);
    return status;
}

ovp_status curve_input_read(curve_input *out, ovp_ctx *ctx, const ovp_params *params) {
    ovp_status status = OVP_OK;
    const char *name = ovp_params_text(params, "input"), *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    const size_t length = strlen(name);
    *out = (curve_input){0};
    if (length > 4 && strcmp(name + length - 4, ".csv") == 0)
        OVP_TRY(read_csv_file(out, ctx, params, name));
    else if (strstr(base, "tfevents"))
        OVP_TRY(read_events(out, ctx, params, name));
    else
        OVP_TRY(read_run(out, ctx, params, name));
    if (!out->source) OVP_TRY(ovp_strdup(ctx, &out->source, name));
    if (out->count == 0) OVP_TRY(ovp_fail(ctx, OVP_EFORMAT, "--input %.200s: it has no rows", name));
done:
    return status;
}

/* ---- preparation --------------------------------------------------------------------------------- */

/* Of the points kept[first .. first + n), those between their extremes, packed at kept[to ..): how many. */
static ovp_idx inner_points(ovp_idx *kept, ovp_idx to, ovp_idx first, ovp_idx n, const double *y) {
    double least = INFINITY, most = -INFINITY;
    ovp_idx count = 0;
    for (ovp_idx i = first; i < first + n; i++) {
        least = fmin(least, y[kept[i]]);
        most = fmax(most, y[kept[i]]);
    }
    for (ovp_idx i = first; i < first + n; i++) {
        const ovp_idx at = kept[i]; /* read before packing, which never overtakes */
        if (y[at] > least && y[at] < most) kept[to + count++] = at;
    }
    return count;
}

ovp_idx curve_fit_keep(ovp_idx *kept, ovp_idx n, const double *t, const double *y, int64_t period, int64_t window) {
    ovp_idx count = 0, left = 0;
    for (ovp_idx i = 0; i < n; i++)
        if (isfinite(y[i]) && isfinite(t[i]) && !(period > 0 && (i + 1) % period == 0)) kept[count++] = i;
    if (window == 0) return count;
    const ovp_idx windows = count / window;
    for (ovp_idx k = 0, first = 0; k < windows; k++) {
        const ovp_idx size = count / windows + (k < count % windows);
        left += inner_points(kept, left, first, size, y);
        first += size;
    }
    return left;
}
