/* Questions to a table of results: means over seeds, exponents. */
#include "study.h"

#include <stdlib.h>
#include <string.h>

/* ---- rows that a query is about ------------------------------------------------------------------ */

static double number(const ovp_store_cell *cell) {
    if (cell->kind == OVP_CELL_INT) return (double)cell->integer;
    return cell->kind == OVP_CELL_REAL ? cell->real : (double)NAN;
}

static int same(const ovp_store_cell *cell, double value, const char *text) {
    if (text) return cell->kind == OVP_CELL_TEXT && strcmp(cell->text, text) == 0;
    const double actual = number(cell);
    return actual >= value && actual <= value;
}

static void found_free(ovp_ctx *ctx, study_rows *f) {
    ovp_free(ctx, f->x);
    ovp_free(ctx, f->seed);
    *f = (study_rows){.x = NULL};
}

/* Rows in their order; a table without a column `seed` has seed 0 throughout. */
static ovp_status find(study_rows *out, ovp_experiment_run *run, const study_query *query) {
    enum { CONDITIONS = sizeof query->where / sizeof query->where[0] };
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    const ovp_store_table *table = ovp_run_table(run, query->table);
    ovp_idx where[CONDITIONS], conditions = 0;
    *out = (study_rows){.x = NULL};
    if (!table) return ovp_fail(ctx, OVP_EINTERNAL, "no table %s is declared", query->table);
    const ovp_idx x = ovp_store_table_column(table, query->x), y = ovp_store_table_column(table, query->y);
    const ovp_idx seed = ovp_store_table_column(table, "seed");
    int known = x >= 0 && y >= 0;
    for (; conditions < CONDITIONS && query->where[conditions].column; conditions++) {
        where[conditions] = ovp_store_table_column(table, query->where[conditions].column);
        known &= where[conditions] >= 0;
    }
    if (!known)
        return ovp_fail(ctx, OVP_EINTERNAL, "table %s, columns %s and %s: a name is not declared", query->table,
                        query->x, query->y);
    const ovp_idx rows = ovp_store_table_rows(table);
    OVP_TRY(ovp_alloc(ctx, &out->x, 2 * rows, sizeof *out->x));
    OVP_TRY(ovp_alloc(ctx, &out->seed, rows, sizeof *out->seed));
    out->y = out->x + rows;
    for (ovp_idx r = 0; r < rows; r++) {
        int wanted = 1;
        for (ovp_idx k = 0; k < conditions; k++)
            wanted &= same(ovp_store_table_cell(table, r, where[k]), query->where[k].value, query->where[k].text);
        if (query->x_from > 0 || query->x_from < 0)
            wanted &= number(ovp_store_table_cell(table, r, x)) >= query->x_from;
        if (!wanted) continue;
        out->x[out->count] = number(ovp_store_table_cell(table, r, x));
        out->y[out->count] = number(ovp_store_table_cell(table, r, y));
        out->seed[out->count++] = seed >= 0 ? ovp_store_table_cell(table, r, seed)->integer : 0;
    }
done:
    if (status != OVP_OK) found_free(ctx, out);
    return status;
}

/* ---- answers ------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Distinct finite values, ascending; returns their number. */
static ovp_idx distinct(ovp_idx count, const double *from, double *to) {
    ovp_idx n = 0, kept = 0;
    for (ovp_idx i = 0; i < count; i++)
        if (isfinite(from[i])) to[n++] = from[i];
    qsort(to, (size_t)n, sizeof *to, ascending);
    for (ovp_idx i = 0; i < n; i++)
        if (i == 0 || to[i] > to[kept - 1]) to[kept++] = to[i];
    return kept;
}

ovp_status study_points_get(study_points *out, ovp_experiment_run *run, const study_query *query) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    study_rows f = {.x = NULL};
    double *values = NULL;
    *out = (study_points){.x = NULL};
    OVP_TRY(find(&f, run, query));
    OVP_TRY(ovp_alloc(ctx, &values, f.count, sizeof *values));
    OVP_TRY(ovp_alloc(ctx, &out->x, 5 * f.count, sizeof *out->x));
    out->mean = out->x + f.count;
    out->low = out->mean + f.count;
    out->high = out->low + f.count;
    out->median = out->high + f.count;
    out->count = distinct(f.count, f.x, out->x);
    for (ovp_idx k = 0; k < out->count; k++) {
        ovp_idx n = 0;
        for (ovp_idx i = 0; i < f.count; i++)
            if (f.x[i] >= out->x[k] && f.x[i] <= out->x[k] && isfinite(f.y[i])) values[n++] = f.y[i];
        const ovp_measure_interval interval = ovp_measure_mean(n, values);
        out->mean[k] = interval.mean;
        out->low[k] = interval.low;
        out->high[k] = interval.high;
        out->median[k] = ovp_measure_median_in_place(n, values);
    }
done:
    ovp_free(ctx, values);
    found_free(ctx, &f);
    if (status != OVP_OK) study_points_free(ctx, out);
    return status;
}

void study_points_free(ovp_ctx *ctx, study_points *points) {
    ovp_free(ctx, points->x);
    *points = (study_points){.x = NULL};
}

ovp_status study_fit_seeds(double *exponents, double *intercepts, ovp_ctx *ctx, const study_rows *rows,
                           const int64_t *seeds, ovp_idx seed_count) {
    ovp_status status = OVP_OK;
    double *x = NULL;
    OVP_TRY(ovp_alloc(ctx, &x, 2 * rows->count, sizeof *x));
    for (ovp_idx s = 0; s < seed_count; s++) {
        ovp_measure_power_law fit;
        double *y = x + rows->count;
        ovp_idx n = 0;
        int different = 0;
        for (ovp_idx i = 0; i < rows->count; i++) {
            if (rows->seed[i] != seeds[s] || !(rows->x[i] > 0) || !(rows->y[i] > 0) || !isfinite(rows->y[i])) continue;
            x[n] = rows->x[i];
            y[n++] = rows->y[i];
            different |= x[n - 1] < x[0] || x[n - 1] > x[0];
        }
        exponents[s] = NAN;
        if (intercepts) intercepts[s] = NAN;
        if (!different) continue;
        OVP_TRY(ovp_measure_fit_power_law(&fit, ctx, n, x, y));
        exponents[s] = fit.exponent;
        if (intercepts) intercepts[s] = fit.intercept;
    }
done:
    ovp_free(ctx, x);
    return status;
}

ovp_status study_exponents(double *exponents, double *intercepts, ovp_experiment_run *run, const study_query *query) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    const int64_t *seeds = ovp_run_seeds(run, &count);
    study_rows f = {.x = NULL};
    OVP_TRY(find(&f, run, query));
    OVP_TRY(study_fit_seeds(exponents, intercepts, ovp_run_ctx(run), &f, seeds, count));
done:
    found_free(ovp_run_ctx(run), &f);
    return status;
}

ovp_status study_seed_means(double *per_seed, ovp_experiment_run *run, const study_query *query) {
    ovp_status status = OVP_OK;
    ovp_idx seeds;
    const int64_t *seed = ovp_run_seeds(run, &seeds);
    study_rows f = {.x = NULL};
    OVP_TRY(find(&f, run, query));
    for (ovp_idx s = 0; s < seeds; s++) {
        double sum = 0;
        ovp_idx n = 0;
        for (ovp_idx i = 0; i < f.count; i++) {
            if (f.seed[i] != seed[s] || !isfinite(f.y[i])) continue;
            sum += f.y[i];
            n++;
        }
        per_seed[s] = n ? sum / (double)n : (double)NAN;
    }
done:
    found_free(ovp_run_ctx(run), &f);
    return status;
}

ovp_measure_interval study_over_seeds(const double *values, ovp_idx count) {
    double kept[256]; /* more seeds than that make no narrower an interval worth having */
    ovp_idx n = 0;
    for (ovp_idx i = 0; i < count && n < COUNT(kept); i++)
        if (isfinite(values[i])) kept[n++] = values[i];
    return ovp_measure_mean(n, kept);
}

ovp_status study_put(ovp_experiment_run *run, const char *name, ovp_numeric_type type, ovp_idx rows, ovp_idx cols,
                     const void *data) {
    const ovp_numeric_array array = {
        .type = type, .ndim = cols > 0 ? 2 : 1, .shape = {rows, cols}, .data = (void *)(uintptr_t)data};
    return ovp_run_array(run, name, &array);
}
