/* double-descent-network: arrays, summaries, verdicts and figures from the recorded rows. */
#include "double_descent_network_int.h"

#include <stdio.h>
#include <string.h>

/* ---- the published table ------------------------------------------------------------------------- */

enum { PUBLISHED_SEED = 2134, PUBLISHED_EPOCHS = 100000 };
static const double PUBLISHED_LINE = .0442, LINE_MARGIN = .0005;
static const int64_t published_widths[] = {16, 32, 40, 45, 50, 55, 60, 128, 256, 512};
/* The rows that were printed: nothing of widths 45, 60 and 256. Losses and training errors have five decimals, test
 * errors four. */
static const struct {
    ovp_idx width, epoch;
    double train_mse, train_error, test_error;
} published[] = {{16, 0, 0.80767, 0.87625, 0.8873},      {16, 10000, 0.04818, 0.429, 0.4396},
                 {16, 20000, 0.03938, 0.3385, 0.3638},   {16, 30000, 0.03689, 0.3245, 0.3559},
                 {16, 40000, 0.03614, 0.32125, 0.3581},  {16, 50000, 0.03561, 0.31975, 0.3613},
                 {16, 60000, 0.03523, 0.319, 0.3631},    {16, 70000, 0.03498, 0.3185, 0.3652},
                 {16, 80000, 0.03469, 0.318, 0.3675},    {16, 90000, 0.03454, 0.31775, 0.3705},
                 {32, 0, 1.65443, 0.8965, 0.9013},       {32, 10000, 0.03865, 0.3335, 0.3491},
                 {32, 20000, 0.03681, 0.32325, 0.3454},  {32, 30000, 0.03586, 0.32, 0.3468},
                 {32, 40000, 0.03518, 0.31725, 0.3493},  {32, 50000, 0.02923, 0.2365, 0.2822},
                 {32, 60000, 0.02648, 0.226, 0.2785},    {32, 70000, 0.02572, 0.22125, 0.2815},
                 {32, 80000, 0.02515, 0.21925, 0.2837},  {32, 90000, 0.02474, 0.2175, 0.288},
                 {40, 0, 1.59527, 0.882, 0.9004},        {40, 10000, 0.02085, 0.08275, 0.1186},
                 {40, 20000, 0.01559, 0.0555, 0.1042},   {40, 30000, 0.014, 0.04775, 0.106},
                 {40, 40000, 0.01293, 0.04225, 0.1092},  {40, 50000, 0.01208, 0.03725, 0.1136},
                 {40, 60000, 0.0114, 0.03375, 0.1196},   {40, 70000, 0.01088, 0.0305, 0.1254},
                 {40, 80000, 0.01047, 0.028, 0.1302},    {40, 90000, 0.00994, 0.02775, 0.1322},
                 {50, 0, 1.75588, 0.90375, 0.902},       {50, 10000, 0.01638, 0.069, 0.1106},
                 {50, 20000, 0.01336, 0.05275, 0.1071},  {50, 30000, 0.01181, 0.0425, 0.1092},
                 {50, 40000, 0.01077, 0.036, 0.1118},    {50, 50000, 0.01, 0.03225, 0.1148},
                 {50, 60000, 0.00938, 0.03025, 0.1167},  {50, 70000, 0.00891, 0.028, 0.121},
                 {50, 80000, 0.00855, 0.02575, 0.1232},  {50, 90000, 0.00818, 0.0255, 0.1249},
                 {55, 0, 1.71066, 0.89775, 0.8979},      {55, 10000, 0.01713, 0.0785, 0.1197},
                 {55, 20000, 0.01404, 0.0585, 0.1157},   {55, 30000, 0.01253, 0.04925, 0.1127},
                 {55, 40000, 0.0115, 0.043, 0.1155},     {55, 50000, 0.01071, 0.04025, 0.1202},
                 {55, 60000, 0.01007, 0.03875, 0.1236},  {55, 70000, 0.00954, 0.034, 0.1299},
                 {55, 80000, 0.00914, 0.03275, 0.1329},  {55, 90000, 0.00881, 0.03175, 0.1361},
                 {128, 0, 2.57851, 0.9295, 0.8967},      {128, 10000, 0.01407, 0.051, 0.1009},
                 {128, 20000, 0.01077, 0.03725, 0.0956}, {128, 30000, 0.00903, 0.03, 0.0951},
                 {128, 40000, 0.0079, 0.02325, 0.0971},  {128, 50000, 0.00707, 0.021, 0.0993},
                 {128, 60000, 0.0064, 0.019, 0.1018},    {128, 70000, 0.00589, 0.01725, 0.1041},
                 {128, 80000, 0.00546, 0.01675, 0.106},  {128, 90000, 0.00509, 0.01625, 0.1091},
                 {512, 0, 2.33443, 0.90525, 0.9028},     {512, 10000, 0.01367, 0.03575, 0.0869},
                 {512, 20000, 0.0095, 0.0165, 0.0796},   {512, 30000, 0.0074, 0.00925, 0.0746},
                 {512, 40000, 0.00603, 0.006, 0.0727},   {512, 50000, 0.00506, 0.00475, 0.0722},
                 {512, 60000, 0.00431, 0.00325, 0.0722}, {512, 70000, 0.00373, 0.0025, 0.0714},
                 {512, 80000, 0.00327, 0.002, 0.0719},   {512, 90000, 0.00289, 0.002, 0.0729}};

static int is_tutorial(const ovp_params *p) {
    return ovp_params_int(p, "per-class") == 400 &&
           (ovp_params_int(p, "test-samples") == 0 || ovp_params_int(p, "test-samples") == 10000) &&
           strcmp(ovp_params_text(p, "activation"), "relu") == 0;
}

int descent_is_published(const ovp_params *p) {
    ovp_idx count;
    const int64_t *widths = ovp_params_ints(p, "widths", &count);
    int same = is_tutorial(p) && count <= COUNT(published_widths) && fabs(ovp_params_real(p, "lr") - 10) < 1e-12 &&
               strcmp(ovp_params_text(p, "rng"), "torch") == 0;
    for (ovp_idx i = 0; same && i < count; i++) same = widths[i] == published_widths[i];
    return same;
}

static double cell(const ovp_store_table *t, ovp_idx row, const char *column) {
    const ovp_store_cell *c = ovp_store_table_cell(t, row, ovp_store_table_column(t, column));
    return c->kind == OVP_CELL_INT ? (double)c->integer : c->kind == OVP_CELL_REAL ? c->real : (double)NAN;
}

/* Distance of one row from its published one, in units of half the last printed digit. */
static double row_deviation(const ovp_store_table *t, ovp_idx row, ovp_idx i) {
    const double slack = 1 + 1e-6; /* a decimal that ends in 5 may print either way */
    const double apart[] = {fabs(cell(t, row, "train_mse") - published[i].train_mse) / .5e-5,
                            fabs(cell(t, row, "train_error") - published[i].train_error) / .5e-5,
                            fabs(cell(t, row, "test_error") - published[i].test_error) / .5e-4};
    double worst = 0;
    for (ovp_idx k = 0; k < COUNT(apart); k++) worst = isfinite(apart[k]) ? fmax(worst, apart[k]) : (double)INFINITY;
    return worst / slack;
}

double descent_published_deviation(ovp_experiment_run *run, ovp_idx *count, ovp_idx *later, ovp_idx *later_met) {
    const ovp_store_table *t = ovp_run_table(run, "widths");
    double worst = 0;
    *count = *later = *later_met = 0;
    for (ovp_idx row = 0; row < ovp_store_table_rows(t); row++)
        for (ovp_idx i = 0; i < COUNT(published); i++) {
            if ((ovp_idx)cell(t, row, "seed") != PUBLISHED_SEED ||
                (ovp_idx)cell(t, row, "width") != published[i].width ||
                (ovp_idx)cell(t, row, "epoch") != published[i].epoch)
                continue;
            const double apart = row_deviation(t, row, i);
            if (published[i].epoch == 0 || (published[i].width == 16 && published[i].epoch == 10000)) {
                worst = fmax(worst, apart);
                (*count)++;
            } else {
                (*later)++;
                *later_met += apart <= 1;
            }
        }
    return worst;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static ovp_status judge_published(const descent_lab *lab) {
    study_verdict v;
    ovp_idx count, later, met;
    if (!descent_is_published(lab->params)) return OVP_OK;
    const double worst = descent_published_deviation(lab->run, &count, &later, &met);
    if (count == 0) return OVP_OK;
    study_verdict_theorem(
        &v, "the published rows are met in every printed digit", worst, count,
        "Rows of epoch 0, and of width 16 at epoch 10,000: largest deviation of %lld of them in units "
        "of half the last printed digit. Of %lld later rows, where rounding has grown, %lld are met.",
        (long long)count, (long long)later, (long long)met);
    return ovp_run_verdict(lab->run, &v.verdict);
}

static ovp_status judge_line(const descent_lab *lab) {
    study_verdict v;
    if (!lab->line.known || !is_tutorial(lab->params)) return OVP_OK;
    study_verdict_theorem(&v, "kernel regression tests at 0.0442",
                          fabs(lab->line.test_error - PUBLISHED_LINE) / LINE_MARGIN, 1,
                          "Its test error is %.4f, on the tutorial's images; the bar is 0.0442 +- 0.0005 (measured is "
                          "the distance in units of that margin). Published: 0.0439 in float32, 0.0442 solved exactly.",
                          lab->line.test_error);
    return ovp_run_verdict(lab->run, &v.verdict);
}

static double threshold_of(const descent_lab *lab) {
    return (double)(lab->images.n * lab->images.classes);
}

/* Largest test error of a seed's nets at or above the threshold, less the smallest below it, at one epoch; NaN without
 * nets on both sides. */
static double rise_of(const descent_lab *lab, int64_t seed, ovp_idx epoch) {
    const ovp_store_table *t = ovp_run_table(lab->run, "widths");
    double above = NAN, below = NAN;
    for (ovp_idx row = 0; row < ovp_store_table_rows(t); row++) {
        if ((int64_t)cell(t, row, "seed") != seed || (ovp_idx)cell(t, row, "epoch") != epoch) continue;
        if (cell(t, row, "parameters") >= threshold_of(lab))
            above = fmax(above, cell(t, row, "test_error"));
        else
            below = fmin(below, cell(t, row, "test_error"));
    }
    return above - below;
}

static ovp_status judge_peak(const descent_lab *lab) {
    ovp_status status = OVP_OK;
    study_verdict v;
    double *rise = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &rise, lab->seed_count, sizeof *rise));
    for (ovp_idx s = 0; s < lab->seed_count; s++) rise[s] = rise_of(lab, lab->seeds[s], lab->epochs - 1);
    const ovp_measure_interval mean = study_over_seeds(rise, lab->seed_count);
    const int long_enough = lab->epochs >= PUBLISHED_EPOCHS && is_tutorial(lab->params);
    study_verdict_fill(
        &v, "the test error rises at the threshold parameters = n c", mean, 0,
        long_enough ? ovp_experiment_judge_above(mean, 0) : OVP_HOLDS_UNCLEAR,
        "Largest test error of nets with at least n c parameters less the smallest of those with fewer, at "
        "the last epoch: the mean over seeds with its 95 %% interval must be above 0. The peak is small "
        "and late: decided only after %d epochs on the published images%s.",
        PUBLISHED_EPOCHS, long_enough ? "" : ", which this run is not");
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
done:
    ovp_free(lab->ctx, rise);
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------- */

/* Latest epoch that every net has a row of; -1: none. */
static ovp_idx last_common_epoch(const descent_lab *lab) {
    const ovp_store_table *t = ovp_run_table(lab->run, "widths");
    ovp_idx best = -1;
    for (ovp_idx i = 0; descent_record(lab, i) >= 0; i++) {
        ovp_idx rows = 0;
        for (ovp_idx row = 0; row < ovp_store_table_rows(t); row++)
            rows += (ovp_idx)cell(t, row, "epoch") == descent_record(lab, i);
        if (rows >= lab->width_count) best = descent_record(lab, i);
    }
    return best;
}

static ovp_status draw_descent(const descent_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx epoch = last_common_epoch(lab);
    study_points test = {.x = NULL}, train = {.x = NULL};
    if (epoch < 0) return OVP_OK;
    const study_query query = {.table = "widths",
                               .x = "parameters",
                               .y = "test_error",
                               .where = {{.column = "epoch", .value = (double)epoch}}};
    study_query of_train = query;
    of_train.y = "train_error";
    OVP_TRY(study_points_get(&test, lab->run, &query));
    OVP_TRY(study_points_get(&train, lab->run, &of_train));
    double high = lab->line.known ? lab->line.test_error : 0;
    for (ovp_idx i = 0; i < test.count; i++)
        if (isfinite(test.mean[i])) high = fmax(high, test.mean[i]);
    const double at[] = {threshold_of(lab), threshold_of(lab)}, ends[] = {0, high};
    char title[96];
    snprintf(title, sizeof title, "Errors at epoch %lld", (long long)epoch);
    ovp_figure_series series[] = {
        {.label = "test",
         .style = OVP_FIGURE_POINTS,
         .n = test.count,
         .x = test.x,
         .y = test.mean,
         .low = test.low,
         .high = test.high,
         .colour = 0},
        {.style = OVP_FIGURE_LINE, .n = test.count, .x = test.x, .y = test.mean, .colour = 0},
        {.label = "training", .style = OVP_FIGURE_LINE, .n = train.count, .x = train.x, .y = train.mean, .colour = 1},
        {.label = "parameters = n c", .style = OVP_FIGURE_THEORY, .n = 2, .x = at, .y = ends, .colour = -1},
        {.label = "kernel regression, test",
         .style = OVP_FIGURE_HLINE,
         .n = 1,
         .y = &lab->line.test_error,
         .colour = 2},
    };
    const ovp_figure figure = {.name = "descent",
                               .title = title,
                               .x_label = "parameters",
                               .y_label = "error",
                               .caption = "Means over seeds (with 95 % intervals from several); upright: as many "
                                          "parameters as targets; dotted: kernel regression.",
                               .x_log = 1,
                               .series = series,
                               .count = COUNT(series) - !lab->line.known};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    study_points_free(lab->ctx, &train);
    study_points_free(lab->ctx, &test);
    return status;
}

enum { CURVE = 300 };

/* Steps 1, 2, .. spread evenly in the logarithm up to the last epoch with a loss; returns their number. */
static ovp_idx spread_epochs(const descent_lab *lab, ovp_idx *at) {
    const ovp_idx rows = lab->begun * lab->width_count;
    ovp_idx count = 0, longest = 1;
    for (ovp_idx r = 0; r < rows; r++)
        while (longest < lab->epochs && isfinite(lab->losses[r * lab->epochs + longest])) longest++;
    for (int k = 0; k < CURVE; k++) {
        const ovp_idx step = (ovp_idx)floor(pow((double)longest, (double)k / (CURVE - 1)) + .5);
        if (count == 0 || step > at[count - 1]) at[count++] = step < longest ? step : longest;
    }
    return count;
}

static ovp_status label_widths(const descent_lab *lab, char (**label)[32], const char ***labels) {
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(lab->ctx, label, lab->width_count, sizeof **label));
    OVP_TRY(ovp_alloc(lab->ctx, labels, lab->width_count, sizeof **labels));
    for (ovp_idx g = 0; g < lab->width_count; g++) {
        snprintf((*label)[g], sizeof(*label)[g], "width %lld", (long long)lab->widths[g]);
        (*labels)[g] = (*label)[g];
    }
done:
    return status;
}

static ovp_status draw_losses(const descent_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx rows = lab->begun * lab->width_count;
    ovp_idx at[CURVE], *group = NULL;
    double *x = NULL;
    char(*label)[32] = NULL;
    const char **labels = NULL;
    const ovp_idx points = spread_epochs(lab, at);
    OVP_TRY(label_widths(lab, &label, &labels));
    OVP_TRY(ovp_alloc(lab->ctx, &group, rows, sizeof *group));
    OVP_TRY(ovp_alloc(lab->ctx, &x, points * (rows + 1), sizeof *x));
    for (ovp_idx k = 0; k < points; k++) {
        x[k] = (double)at[k];
        for (ovp_idx r = 0; r < rows; r++) x[(r + 1) * points + k] = lab->losses[r * lab->epochs + at[k] - 1];
    }
    for (ovp_idx r = 0; r < rows; r++) group[r] = r % lab->width_count;
    OVP_TRY(study_figure_curves(lab->run, &(const study_curves){.name = "loss",
                                                                .title = "Training loss",
                                                                .x_label = "update",
                                                                .y_label = "mean squared error",
                                                                .x_log = 1,
                                                                .y_log = 1,
                                                                .ordered = 1,
                                                                .rows = rows,
                                                                .steps = points,
                                                                .groups = lab->width_count,
                                                                .x = x,
                                                                .values = x + points,
                                                                .group = group,
                                                                .labels = labels}));
done:
    ovp_free(lab->ctx, x);
    ovp_free(lab->ctx, group);
    ovp_free(lab->ctx, labels);
    ovp_free(lab->ctx, label);
    return status;
}

/* Test error of each width at the recorded epochs. */
static ovp_status draw_errors(const descent_lab *lab) {
    ovp_status status = OVP_OK;
    char(*label)[32] = NULL;
    const char **labels = NULL;
    study_points *points = NULL;
    ovp_figure_series *series = NULL;
    OVP_TRY(label_widths(lab, &label, &labels));
    OVP_TRY(ovp_alloc(lab->ctx, &points, lab->width_count, sizeof *points));
    OVP_TRY(ovp_alloc(lab->ctx, &series, lab->width_count + 1, sizeof *series));
    for (ovp_idx g = 0; g < lab->width_count; g++) {
        OVP_TRY(
            study_points_get(&points[g], lab->run,
                             &(const study_query){.table = "widths",
                                                  .x = "epoch",
                                                  .y = "test_error",
                                                  .where = {{.column = "width", .value = (double)lab->widths[g]}}}));
        series[g] = (ovp_figure_series){.label = labels[g],
                                        .style = OVP_FIGURE_LINE,
                                        .n = points[g].count,
                                        .x = points[g].x,
                                        .y = points[g].mean,
                                        .colour = (int)g};
    }
    series[lab->width_count] = (ovp_figure_series){
        .label = "kernel regression", .style = OVP_FIGURE_HLINE, .n = 1, .y = &lab->line.test_error, .colour = -1};
    const ovp_figure figure = {.name = "test-error-epoch",
                               .title = "Test error during training",
                               .x_label = "epoch",
                               .y_label = "test error",
                               .caption = "Means over seeds at the recorded epochs; dotted: kernel regression.",
                               .y_log = 1,
                               .ordered = 1,
                               .series = series,
                               .count = lab->width_count + (lab->line.known ? 1 : 0)};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    for (ovp_idx g = 0; points && g < lab->width_count; g++) study_points_free(lab->ctx, &points[g]);
    ovp_free(lab->ctx, series);
    ovp_free(lab->ctx, points);
    ovp_free(lab->ctx, labels);
    ovp_free(lab->ctx, label);
    return status;
}

/* ---- all together -------------------------------------------------------------------------------- */

ovp_status descent_conclude(descent_lab *lab) {
    static const char *const settings[] = {"width", "epoch"}, *const measures[] = {"train_mse", "train_error",
                                                                                   "test_error", "test_mse"};
    ovp_status status = OVP_OK;
    const ovp_store_table *t = ovp_run_table(lab->run, "widths");
    OVP_TRY(judge_line(lab));
    if (ovp_store_table_rows(t) == 0) return status;
    OVP_TRY(study_put(lab->run, "loss", OVP_F64, lab->begun * lab->width_count, lab->epochs, lab->losses));
    OVP_TRY(
        ovp_run_summary(lab->run, "widths", "widths-summary", settings, COUNT(settings), measures, COUNT(measures)));
    OVP_TRY(judge_published(lab));
    OVP_TRY(judge_peak(lab));
    OVP_TRY(draw_descent(lab));
    OVP_TRY(draw_errors(lab));
    OVP_TRY(draw_losses(lab));
done:
    return status;
}
