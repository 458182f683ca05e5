/* gradient-flow: arrays, the table over seeds, verdicts and figures. */
#include "gradient_flow_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- arrays -------------------------------------------------------------------------------------- */

static ovp_status put_paths(gradient_flow_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_numeric_array array = {
        .type = OVP_F64, .ndim = 3, .shape = {lab->row_count, lab->points, 2}, .data = lab->paths};
    OVP_TRY(ovp_run_array(lab->run, "path", &array));
    array.data = lab->flow;
    OVP_TRY(ovp_run_array(lab->run, "flow_path", &array));
    OVP_TRY(study_put(lab->run, "path_steps", OVP_I64, lab->points, 0, lab->kept));
done:
    return status;
}

/* ---- samples of final values --------------------------------------------------------------------- */

/* Finite final values of one learning rate (flow: of the flow to its time) among rows from..to-1; returns how many. */
static ovp_idx values_of(const gradient_flow_lab *lab, ovp_idx from, ovp_idx to, double lr, int flow, double *out) {
    ovp_idx n = 0;
    for (ovp_idx r = from; r < to; r++) {
        const gradient_flow_row *row = &lab->rows[r];
        const double value = flow ? row->flow_value : row->value;
        if (row->lr >= lr && row->lr <= lr && isfinite(value)) out[n++] = value;
    }
    return n;
}

static double least_lr(const gradient_flow_lab *lab) {
    double least = lab->lrs[0];
    for (ovp_idx i = 1; i < lab->lr_count; i++) least = fmin(least, lab->lrs[i]);
    return least;
}

static double largest_lr(const gradient_flow_lab *lab) {
    double largest = lab->lrs[0];
    for (ovp_idx i = 1; i < lab->lr_count; i++) largest = fmax(largest, lab->lrs[i]);
    return largest;
}

/* ---- the table over seeds ------------------------------------------------------------------------ */

typedef struct seed_view {
    double median, followed, at_rest, ks_flow, p_flow, ks_lr, p_lr;
} seed_view;

/* Distance and probability between two samples of one seed. */
static void compare(const gradient_flow_lab *lab, ovp_idx from, ovp_idx to, double lr, double other, int flow,
                    double *a, double *distance, double *p) {
    double *b = a + lab->starts;
    const ovp_idx n = values_of(lab, from, to, lr, 0, a), m = values_of(lab, from, to, other, flow, b);
    *distance = ovp_measure_kolmogorov_in_place(n, a, m, b);
    *p = n > 0 && m > 0 ? ovp_measure_kolmogorov_p(*distance, n, m) : (double)NAN;
}

/* scratch: 2 starts values. A descent that left the numbers has not followed. */
static seed_view view_of(const gradient_flow_lab *lab, ovp_idx from, double lr, double *scratch) {
    const ovp_idx to = from + lab->lr_count * lab->starts;
    const double least = least_lr(lab);
    seed_view v = {0};
    ovp_idx n = 0;
    for (ovp_idx r = from; r < to; r++) {
        const gradient_flow_row *row = &lab->rows[r];
        if (!(row->lr >= lr && row->lr <= lr)) continue;
        scratch[n++] = row->distance;
        v.followed += row->distance <= GRADIENT_FLOW_NEAR;
        v.at_rest += row->step < GRADIENT_FLOW_REST;
    }
    v.followed /= (double)lab->starts;
    v.at_rest /= (double)lab->starts;
    v.median = ovp_measure_median_in_place(n, scratch);
    compare(lab, from, to, lr, lr, 1, scratch, &v.ks_flow, &v.p_flow);
    v.ks_lr = v.p_lr = NAN;
    if (lr > least) compare(lab, from, to, lr, least, 0, scratch, &v.ks_lr, &v.p_lr);
    return v;
}

/* What the verdicts need of each seed: of the smallest rate and of the largest one. */
typedef struct conclusions {
    ovp_idx seeds;
    double *followed, *median, *ks, *p; /* one a seed; followed owns the block */
} conclusions;

static ovp_status put_seeds(gradient_flow_lab *lab, conclusions *c) {
    ovp_status status = OVP_OK;
    double *scratch = NULL;
    const ovp_idx rows = lab->lr_count * lab->starts;
    OVP_TRY(ovp_alloc(lab->ctx, &scratch, 2 * lab->starts, sizeof *scratch));
    for (ovp_idx s = 0; s < c->seeds; s++)
        for (ovp_idx i = 0; i < lab->lr_count; i++) {
            const double lr = lab->lrs[i];
            const seed_view v = view_of(lab, s * rows, lr, scratch);
            const ovp_store_cell cells[] = {ovp_cell_int(lab->seeds[s]),
                                            ovp_cell_real(lr),
                                            ovp_cell_real(v.median),
                                            ovp_cell_real(v.followed),
                                            ovp_cell_real(v.at_rest),
                                            ovp_cell_real(v.ks_flow),
                                            ovp_cell_real(v.p_flow),
                                            isfinite(v.ks_lr) ? ovp_cell_real(v.ks_lr) : ovp_cell_null(),
                                            isfinite(v.p_lr) ? ovp_cell_real(v.p_lr) : ovp_cell_null()};
            OVP_TRY(ovp_run_row(lab->run, "seeds", cells));
            if (!(lr > least_lr(lab))) c->followed[s] = v.followed, c->median[s] = v.median;
            if (!(lr < largest_lr(lab))) c->ks[s] = v.ks_lr, c->p[s] = v.p_lr;
        }
done:
    ovp_free(lab->ctx, scratch);
    return status;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static ovp_status judge_following(const gradient_flow_lab *lab, const conclusions *c) {
    const ovp_measure_interval share = study_over_seeds(c->followed, c->seeds),
                               median = study_over_seeds(c->median, c->seeds);
    char claim[128], lr[32], middle[32];
    study_verdict v;
    ovp_experiment_short(lr, least_lr(lab));
    ovp_experiment_short(middle, median.mean);
    snprintf(claim, sizeof claim, "at lr %s the descent from most starts ends within .01 of the gradient flow", lr);
    study_verdict_fill(
        &v, claim, share, NAN, ovp_experiment_judge_above(share, .5),
        "Fraction of starts whose end is within .01 of the flow's at time lr steps, mean over seeds, 95 %% "
        "by Student's t; yes: the interval is above 1/2. Median distance, mean over seeds: %s.",
        middle);
    return ovp_run_verdict(lab->run, &v.verdict);
}

static ovp_status judge_difference(const gradient_flow_lab *lab, const conclusions *c) {
    /* Mean of Kolmogorov's distribution, sqrt(pi/2) log 2, for two samples of this size. */
    const double by_chance = sqrt(M_PI_2) * M_LN2 * sqrt(2 / (double)lab->starts);
    const ovp_measure_interval distance = study_over_seeds(c->ks, c->seeds);
    double largest = 0;
    char claim[128], text[4][32];
    study_verdict v;
    for (ovp_idx s = 0; s < c->seeds; s++) largest = fmax(largest, c->p[s]);
    ovp_experiment_short(text[0], least_lr(lab));
    ovp_experiment_short(text[1], largest_lr(lab));
    ovp_experiment_short(text[2], by_chance);
    ovp_experiment_short(text[3], largest);
    snprintf(claim, sizeof claim, "final values at lr %s and at lr %s are distributed differently", text[0], text[1]);
    study_verdict_fill(&v, claim, distance, NAN, ovp_experiment_judge_above(distance, by_chance),
                       "Two-sample Kolmogorov-Smirnov distance over the starts of each seed, mean over seeds, 95 %% by "
                       "Student's t; yes: the interval is above %s, the mean distance of two samples of one "
                       "distribution. Largest p-value of a seed: %s.",
                       text[2], text[3]);
    return ovp_run_verdict(lab->run, &v.verdict);
}

/* Linear stability: a point the descent has come to rest at has lr lambda_max <= 2. One part in a thousand is left for
 * the rounding of the resting place. */
static ovp_status judge_sharpness(const gradient_flow_lab *lab) {
    double worst = 0;
    ovp_idx count = 0, sharper = 0;
    study_verdict v;
    for (ovp_idx r = 0; r < lab->row_count; r++) {
        const gradient_flow_row *row = &lab->rows[r];
        sharper += row->flow_sharpness * row->lr > 2;
        if (!(row->step < GRADIENT_FLOW_REST) || !isfinite(row->sharpness)) continue;
        worst = fmax(worst, row->lr * row->sharpness / 2 / 1.001);
        count++;
    }
    study_verdict_theorem(
        &v, "where a descent comes to rest the sharpness is at most 2/lr", worst, count,
        "Largest of lr lambda_max(H) / 2 over the %lld descents whose last step was shorter than 1e-7; "
        "a theorem for almost every start: yes up to 1.001. The flow ends in places sharper than its "
        "row's 2/lr in %lld of %lld rows.",
        (long long)count, (long long)sharper, (long long)lab->row_count);
    return ovp_run_verdict(lab->run, &v.verdict);
}

/* ---- figures ------------------------------------------------------------------------------------- */

enum { GRID = 161, BINS = 40, LEVELS = 9, RIPPLES = 8, MOST_PATHS = 100 };

/* A rectangle that holds the square and the paths of the first seed, as far as they stay near. */
static void frame(const gradient_flow_lab *lab, double low[2], double high[2]) {
    const double side = lab->high - lab->low;
    for (int c = 0; c < 2; c++) {
        low[c] = lab->low, high[c] = lab->high;
        for (ovp_idx i = 0; i < lab->lr_count * lab->starts * lab->points; i++)
            for (int k = 0; k < 2; k++) {
                const double at = (k ? lab->flow : lab->paths)[2 * i + c];
                if (at > high[c] && at < lab->high + side) high[c] = at;
                if (at < low[c] && at > lab->low - side) low[c] = at;
            }
    }
}

/* Paths of one learning rate, or of the flow to the largest one's time, as one series each, and their ends. */
static ovp_idx path_series(const gradient_flow_lab *lab, ovp_idx lr, int flow, ovp_figure_series *series,
                           double *room) {
    const ovp_idx paths = lab->starts < MOST_PATHS ? lab->starts : MOST_PATHS, n = lab->points;
    double *ends = room + 2 * paths * n;
    for (ovp_idx s = 0; s < paths; s++) {
        const double *from = (flow ? lab->flow : lab->paths) + (lr * lab->starts + s) * n * 2;
        double *x = room + 2 * s * n, *y = x + n;
        for (ovp_idx i = 0; i < n; i++) x[i] = from[2 * i], y[i] = from[2 * i + 1];
        ends[s] = x[n - 1], ends[paths + s] = y[n - 1];
        series[s] = (ovp_figure_series){
            .label = s ? NULL : "paths", .style = OVP_FIGURE_LINE, .n = n, .x = x, .y = y, .colour = 1};
    }
    series[paths] = (ovp_figure_series){
        .label = "ends", .style = OVP_FIGURE_POINTS, .n = paths, .x = ends, .y = ends + paths, .colour = 2};
    return paths + 1;
}

/* Contours, unless a row of the map crosses its middle level so often that lines would hide the paths. */
static ovp_idx contour_levels(const double *map, double least, double most, double levels[LEVELS]) {
    ovp_idx crossings = 0;
    if (!(isfinite(least) && most > least)) return 0;
    for (int i = 0; i < LEVELS; i++) levels[i] = least + (most - least) * (i + 1) / (LEVELS + 1);
    for (ovp_idx i = 1; i < GRID * GRID; i++)
        crossings += i % GRID > 0 && (map[i] > levels[LEVELS / 2]) != (map[i - 1] > levels[LEVELS / 2]);
    return crossings <= RIPPLES * GRID ? LEVELS : 0;
}

static ovp_status figure_paths(gradient_flow_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx paths = lab->starts < MOST_PATHS ? lab->starts : MOST_PATHS, panels = lab->lr_count + 1;
    double *map = NULL, *room = NULL, low[2], high[2], levels[LEVELS], least = INFINITY, most = -INFINITY;
    ovp_figure_series *series = NULL;
    ovp_figure *panel = NULL;
    char(*titles)[64] = NULL;
    ovp_idx at_largest = 0;
    const ovp_idx each = 2 * paths * (lab->points + 1);
    OVP_TRY(ovp_alloc(lab->ctx, &map, GRID * GRID, sizeof *map));
    OVP_TRY(ovp_alloc(lab->ctx, &room, panels * each, sizeof *room));
    OVP_TRY(ovp_alloc(lab->ctx, &series, panels * (paths + 1), sizeof *series));
    OVP_TRY(ovp_alloc(lab->ctx, &panel, panels, sizeof *panel));
    OVP_TRY(ovp_alloc(lab->ctx, &titles, panels, sizeof *titles));
    frame(lab, low, high);
    for (ovp_idx j = 0; j < GRID; j++)
        for (ovp_idx i = 0; i < GRID; i++) {
            double *value = &map[j * GRID + i];
            gradient_flow_at(lab->f, low[0] + (high[0] - low[0]) * (double)i / (GRID - 1),
                             low[1] + (high[1] - low[1]) * (double)j / (GRID - 1), value, NULL, NULL);
            if (!isfinite(*value)) *value = NAN;
            least = fmin(least, *value);
            most = fmax(most, *value);
        }
    const ovp_idx level_count = contour_levels(map, least, most, levels);
    const ovp_figure_map drawn = {.cols = GRID,
                                  .rows = GRID,
                                  .values = map,
                                  .x_low = low[0],
                                  .x_high = high[0],
                                  .y_low = low[1],
                                  .y_high = high[1],
                                  .label = "f(x, y)",
                                  .levels = levels,
                                  .level_count = level_count};
    for (ovp_idx i = 0; i < lab->lr_count; i++)
        if (lab->lrs[i] > lab->lrs[at_largest]) at_largest = i;
    for (ovp_idx p = 0; p < panels; p++) {
        const int flow = p == lab->lr_count;
        const ovp_idx lr = flow ? at_largest : p;
        char text[32];
        ovp_experiment_short(text, flow ? lab->lrs[lr] * (double)lab->steps : lab->lrs[lr]);
        snprintf(titles[p], sizeof titles[p], flow ? "gradient flow to t = %s" : "gradient descent, lr %s", text);
        panel[p] = (ovp_figure){.title = titles[p],
                                .x_label = "x",
                                .y_label = "y",
                                .series = series + p * (paths + 1),
                                .map = &drawn,
                                .equal_axes = 1};
        panel[p].count = path_series(lab, lr, flow, series + p * (paths + 1), room + p * each);
    }
    OVP_TRY(study_put(lab->run, "map", OVP_F64, GRID, GRID, map));
    OVP_TRY(study_put(lab->run, "map_corners", OVP_F64, 4, 0, (double[]){low[0], high[0], low[1], high[1]}));
    const ovp_figure figure = {.name = "paths",
                               .title = "Paths over the landscape of f",
                               .caption = "First seed: descents at each learning rate, and the flow to the largest "
                                          "one's time. Points: where they end.",
                               .panels = panel,
                               .panel_count = panels};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, titles);
    ovp_free(lab->ctx, panel);
    ovp_free(lab->ctx, series);
    ovp_free(lab->ctx, room);
    ovp_free(lab->ctx, map);
    return status;
}

/* One histogram: fractions of n values in BINS bins of [low, high]. */
typedef struct histogram {
    double middle[BINS], height[BINS], left[BINS], right[BINS];
} histogram;

static void fill_histogram(histogram *h, ovp_idx n, const double *values, double low, double high) {
    const double width = (high - low) / BINS;
    for (int b = 0; b < BINS; b++) {
        h->left[b] = low + b * width;
        h->right[b] = h->left[b] + width;
        h->middle[b] = h->left[b] + width / 2;
        h->height[b] = 0;
    }
    for (ovp_idx i = 0; i < n; i++) {
        const int bin = (int)((values[i] - low) / width);
        h->height[bin < 0 ? 0 : bin < BINS ? bin : BINS - 1] += 1 / (double)n;
    }
}

static ovp_status figure_values(gradient_flow_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx panels = lab->lr_count + 1;
    double *values = NULL, low = INFINITY, high = -INFINITY;
    histogram *h = NULL;
    ovp_figure_series *series = NULL;
    ovp_figure *panel = NULL;
    char(*titles)[64] = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &values, lab->row_count, sizeof *values));
    OVP_TRY(ovp_alloc(lab->ctx, &h, panels, sizeof *h));
    OVP_TRY(ovp_alloc(lab->ctx, &series, panels, sizeof *series));
    OVP_TRY(ovp_alloc(lab->ctx, &panel, panels, sizeof *panel));
    OVP_TRY(ovp_alloc(lab->ctx, &titles, panels, sizeof *titles));
    for (ovp_idx r = 0; r < lab->row_count; r++) {
        const double pair[2] = {lab->rows[r].value, lab->rows[r].flow_value};
        for (int k = 0; k < 2; k++)
            if (isfinite(pair[k])) low = fmin(low, pair[k]), high = fmax(high, pair[k]);
    }
    if (!(low <= high)) goto done; /* nothing is finite: nothing to draw */
    if (!(high - low > 1e-12 * (1 + fabs(low)))) low -= .5, high += .5;
    for (ovp_idx p = 0; p < panels; p++) {
        const int flow = p == lab->lr_count;
        const double lr = flow ? largest_lr(lab) : lab->lrs[p];
        char text[32];
        ovp_experiment_short(text, flow ? lr * (double)lab->steps : lr);
        snprintf(titles[p], sizeof titles[p], flow ? "gradient flow at t = %s" : "gradient descent, lr %s", text);
        fill_histogram(&h[p], values_of(lab, 0, lab->row_count, lr, flow, values), values, low, high);
        series[p] = (ovp_figure_series){.style = OVP_FIGURE_BARS,
                                        .n = BINS,
                                        .x = h[p].middle,
                                        .y = h[p].height,
                                        .low = h[p].left,
                                        .high = h[p].right,
                                        .colour = (int)p};
        panel[p] = (ovp_figure){.title = titles[p],
                                .x_label = "final f",
                                .y_label = "fraction of starts",
                                .series = &series[p],
                                .count = 1};
    }
    const ovp_figure figure = {.name = "final-values",
                               .title = "Where descents and the flow end",
                               .caption = "Final values over all starts and seeds, in the same bins.",
                               .panels = panel,
                               .panel_count = panels,
                               .panel_columns = 1};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, titles);
    ovp_free(lab->ctx, panel);
    ovp_free(lab->ctx, series);
    ovp_free(lab->ctx, h);
    ovp_free(lab->ctx, values);
    return status;
}

static int ascending(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static ovp_status figure_distances(gradient_flow_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->row_count;
    double *room = NULL;
    ovp_figure_series *series = NULL;
    char(*labels)[48] = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &room, 2 * n * lab->lr_count, sizeof *room));
    OVP_TRY(ovp_alloc(lab->ctx, &series, lab->lr_count, sizeof *series));
    OVP_TRY(ovp_alloc(lab->ctx, &labels, lab->lr_count, sizeof *labels));
    for (ovp_idx i = 0; i < lab->lr_count; i++) {
        double *x = room + 2 * n * i, *y = x + n;
        ovp_idx found = 0, all = 0;
        char text[32];
        for (ovp_idx r = 0; r < n; r++) {
            if (!(lab->rows[r].lr >= lab->lrs[i] && lab->rows[r].lr <= lab->lrs[i])) continue;
            all++;
            if (isfinite(lab->rows[r].distance)) x[found++] = lab->rows[r].distance;
        }
        qsort(x, (size_t)found, sizeof *x, ascending);
        for (ovp_idx k = 0; k < found; k++) y[k] = (double)(k + 1) / (double)all;
        ovp_experiment_short(text, lab->lrs[i]);
        snprintf(labels[i], sizeof labels[i], "lr %s", text);
        series[i] = (ovp_figure_series){
            .label = labels[i], .style = OVP_FIGURE_LINE, .n = found, .x = x, .y = y, .colour = (int)i};
    }
    const ovp_figure figure = {.name = "distances",
                               .title = "How near the descent ends to the flow",
                               .x_label = "distance between the ends",
                               .y_label = "fraction of starts at most that far",
                               .caption =
                                   "Over all starts and seeds; steep at the left: followed, at the right: another "
                                   "valley.",
                               .x_log = 1,
                               .series = series,
                               .count = lab->lr_count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, labels);
    ovp_free(lab->ctx, series);
    ovp_free(lab->ctx, room);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

ovp_status gradient_flow_conclude(gradient_flow_lab *lab) {
    ovp_status status = OVP_OK;
    static const char *const settings[] = {"lr"}, *const measures[] = {"value", "flow_value", "distance"};
    conclusions c = {.seeds = lab->row_count / (lab->lr_count * lab->starts)};
    if (c.seeds == 0) return OVP_OK;
    OVP_TRY(ovp_alloc(lab->ctx, &c.followed, 4 * c.seeds, sizeof *c.followed));
    c.median = c.followed + c.seeds;
    c.ks = c.median + c.seeds;
    c.p = c.ks + c.seeds;
    OVP_TRY(put_paths(lab));
    OVP_TRY(ovp_run_summary(lab->run, "starts", "starts-summary", settings, 1, measures, COUNT(measures)));
    OVP_TRY(put_seeds(lab, &c));
    OVP_TRY(judge_following(lab, &c));
    OVP_TRY(judge_difference(lab, &c));
    OVP_TRY(judge_sharpness(lab));
    OVP_TRY(figure_paths(lab));
    OVP_TRY(figure_values(lab));
    OVP_TRY(figure_distances(lab));
done:
    ovp_free(lab->ctx, c.followed);
    return status;
}
