/* ntk-vs-network: arrays, summaries, verdicts and figures from the finished rows. */
#include "ntk_vs_network_int.h"

#include <stdio.h>
#include <string.h>

/* ---- the published run --------------------------------------------------------------------------- */

static const struct {
    ovp_idx step;
    double loss;
} published_losses[] = {
    {0, 2.73050878549734},          {1000, 0.09766805617471178},     {2000, 0.012308375464602797},
    {4000, 0.0004582773470279824},  {5000, 0.00010388931426187457},  {7000, 6.091727017858584e-06},
    {8000, 1.5372611678632235e-06}, {10000, 1.0296731246989766e-07}, {15000, 1.422313385276015e-10}};
/* Printed with eight decimals. */
static const double published_closed_row[] = {4.0, 1.79555843, 1.64980051},
                    published_empirical_row[] = {4.0561158, 1.84060637, 1.68579264},
                    published_raw_closed[] = {-0.1682423, -0.05881645, 0.02397388, 0.1342176, -0.34087719},
                    published_raw_empirical[] = {-0.1874467, -0.06801235, -0.01552141, 0.18810081, -0.3450094},
                    published_closed[] = {-0.81182529, 0.79999013, 0.11211074, -0.46587294, 0.49494158};
static const double published_train_mse = 9.990888168618902e-11, published_test_mse = 1.0644498390149257,
                    published_raw_test_mse = 0.48437464815921794, published_raw_mse = 0.0005990180311231504,
                    published_closed_mse = 0.0011547295687383625, published_empirical_mse = 1.4939568621191908e-05;
enum { PUBLISHED_SEED = 2134, PUBLISHED_WIDTH = 16000, LOSS_DIGITS = 8, DIGITS = 6 };

int ntk_is_published(const ovp_params *p, const int64_t *seeds, ovp_idx seed_count) {
    static const struct {
        const char *key;
        int64_t value;
    } whole[] = {{"d", 100}, {"n", 32}, {"n-test", 100}, {"epochs", 100000}};
    ovp_idx widths;
    const int64_t *width = ovp_params_ints(p, "widths", &widths);
    int same = strcmp(ovp_params_text(p, "data"), "teacher") == 0 && strcmp(ovp_params_text(p, "rng"), "torch") == 0 &&
               width[0] == PUBLISHED_WIDTH &&
               (!ovp_params_is_set(p, "data-seed") || ovp_params_int(p, "data-seed") == PUBLISHED_SEED);
    for (ovp_idx i = 0; i < COUNT(whole); i++) same &= ovp_params_int(p, whole[i].key) == whole[i].value;
    same &= fabs(ovp_params_real(p, "lr") - .01) < 1e-15 && fabs(ovp_params_real(p, "stop-loss") - 1e-10) < 1e-22;
    for (ovp_idx s = 0; s < seed_count; s++)
        if (seeds[s] == PUBLISHED_SEED) return same;
    return 0;
}

typedef struct comparison {
    double worst;
    ovp_idx count;
} comparison;

static void compare(comparison *c, double value, double published, int digits) {
    const double apart = princeton_apart(value, published, digits);
    c->worst = isfinite(apart) ? fmax(c->worst, apart) : (double)INFINITY;
    c->count++;
}

/* Values printed with eight decimals: six digits of the largest among them. */
static void compare_list(comparison *c, const double *values, const double *published, ovp_idx count) {
    double size = 0;
    for (ovp_idx i = 0; i < count; i++) size = fmax(size, fabs(published[i]));
    for (ovp_idx i = 0; i < count; i++) compare(c, values[i] - published[i] + size, size, DIGITS);
}

double ntk_published_deviation(const ntk_lab *lab, ovp_idx *count) {
    comparison c = {0, 0};
    for (ovp_idx r = 0; r < lab->count; r++) {
        const ntk_row *row = &lab->rows[r];
        if (row->seed != PUBLISHED_SEED || row->width != PUBLISHED_WIDTH) continue;
        for (ovp_idx i = 0; i < COUNT(published_losses); i++)
            compare(&c, lab->losses[r * lab->epochs + published_losses[i].step], published_losses[i].loss, LOSS_DIGITS);
        compare_list(&c, lab->closed_row + r * lab->n, published_closed_row, 3);
        compare_list(&c, lab->kernel_row + r * lab->n, published_empirical_row, 3);
        compare_list(&c, lab->raw_closed + r * lab->n_test, published_raw_closed, 5);
        compare_list(&c, lab->raw_empirical + r * lab->n_test, published_raw_empirical, 5);
        compare_list(&c, lab->closed + r * lab->n_test, published_closed, 5);
        compare(&c, row->train_mse, published_train_mse, DIGITS);
        compare(&c, row->test_mse, published_test_mse, DIGITS);
        compare(&c, row->raw_test_mse, published_raw_test_mse, DIGITS);
        compare(&c, row->rmse_raw * row->rmse_raw, published_raw_mse, DIGITS);
        compare(&c, row->rmse_closed * row->rmse_closed, published_closed_mse, DIGITS);
        compare(&c, row->rmse_empirical * row->rmse_empirical, published_empirical_mse, DIGITS);
    }
    *count = c.count;
    return c.worst;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static ovp_status judge_published(const ntk_lab *lab) {
    study_verdict v;
    ovp_idx count;
    if (!ntk_is_published(lab->params, lab->seeds, lab->seed_count)) return OVP_OK;
    const double worst = ntk_published_deviation(lab, &count);
    study_verdict_theorem(&v, "the published numbers are met", worst, count,
                          "Largest deviation of %lld published numbers in units of what is allowed: %d digits of the "
                          "losses, %d of kernel rows, predictions (of the largest printed one) and mean squares.",
                          (long long)count, LOSS_DIGITS, DIGITS);
    return ovp_run_verdict(lab->run, &v.verdict);
}

/* Does a column of table widths fall as this power of the width? And its figure. */
typedef struct power {
    const char *column, *claim, *name, *title, *y_label;
    double predicted, margin;
} power;

static double power_of(const void *user, double x) {
    return pow(x, *(const double *)user);
}

static ovp_status judge_power(const ntk_lab *lab, const study_query *query, const power *p) {
    ovp_status status = OVP_OK;
    study_verdict v;
    study_points points = {.x = NULL};
    double *exponents = NULL;
    char margin[32], label[64];
    OVP_TRY(ovp_alloc(lab->ctx, &exponents, lab->seed_count, sizeof *exponents));
    OVP_TRY(study_exponents(exponents, NULL, lab->run, query));
    const ovp_measure_interval fit = study_over_seeds(exponents, lab->seed_count);
    ovp_experiment_short(margin, p->margin);
    study_verdict_fill(&v, p->claim, fit, p->predicted, ovp_experiment_judge_near(fit, p->predicted, p->margin),
                       "Mean of the per-seed log-log slopes of %s against width with its 95 %% interval (Student's t), "
                       "which must lie within %s of the prediction; at least %d seeds and two widths.",
                       p->column, margin, OVP_SEEDS_FOR_A_VERDICT);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
    OVP_TRY(study_points_get(&points, lab->run, query));
    snprintf(label, sizeof label, "width^(%g)", p->predicted);
    const study_power figure = {.name = p->name,
                                .title = p->title,
                                .x_label = "width",
                                .y_label = p->y_label,
                                .caption = "Means over seeds with 95 % intervals and the fitted power; dashed: the "
                                           "predicted power through the points.",
                                .points = &points,
                                .exponents = exponents,
                                .predicted = power_of,
                                .user = &p->predicted,
                                .predicted_label = label};
    if (lab->width_count > 1) OVP_TRY(study_figure_power(lab->run, &figure));
done:
    study_points_free(lab->ctx, &points);
    ovp_free(lab->ctx, exponents);
    return status;
}

static ovp_status judge_teacher(const ntk_lab *lab) {
    static const power powers[] = {
        {"rmse_closed", "the distance to the infinite net's kernel falls as width^(-1/2)", "distance-closed",
         "Net against the closed-form kernel", "rmse_closed", -.5, .25},
        {"rmse_empirical", "the distance to the net's own kernel falls as 1/width", "distance-empirical",
         "Net against its own kernel at the start", "rmse_empirical", -1, .25},
        {"kernel_gap", "the kernel at the start is width^(-1/2) from its limit", "kernel-gap",
         "Empirical against closed-form kernel", "relative Frobenius distance", -.5, .15},
    };
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < COUNT(powers); i++)
        OVP_TRY(
            judge_power(lab, &(const study_query){.table = "widths", .x = "width", .y = powers[i].column}, &powers[i]));
    OVP_TRY(judge_published(lab));
done:
    return status;
}

enum { ANCHOR_WIDTH = 512 };

static ovp_status judge_mnist(const ntk_lab *lab) {
    static const power of_gap = {"gap",
                                 "the gap to the linearisation falls as 1/width",
                                 "gap-width",
                                 "Gap of net and linearised loss",
                                 "|loss - linear| / linear",
                                 -1,
                                 .15};
    ovp_status status = OVP_OK;
    const double step = (double)ntk_judged_step(lab);
    double *gaps = NULL;
    study_verdict v;
    OVP_TRY(judge_power(
        lab,
        &(const study_query){
            .table = "linearisation", .x = "width", .y = "gap", .where = {{.column = "step", .value = step}}},
        &of_gap));
    OVP_TRY(ovp_alloc(lab->ctx, &gaps, lab->seed_count, sizeof *gaps));
    OVP_TRY(study_seed_means(gaps, lab->run,
                             &(const study_query){.table = "linearisation",
                                                  .x = "width",
                                                  .y = "gap",
                                                  .where = {{.column = "step", .value = step},
                                                            {.column = "width", .value = ANCHOR_WIDTH}}}));
    const ovp_measure_interval mean = study_over_seeds(gaps, lab->seed_count);
    const ovp_experiment_holds holds = mean.count < OVP_SEEDS_FOR_A_VERDICT    ? OVP_HOLDS_UNCLEAR
                                       : mean.mean >= .02 && mean.mean <= .045 ? OVP_HOLDS_YES
                                                                               : OVP_HOLDS_NO;
    study_verdict_fill(&v, "width 512: net and linearised loss are 2 to 4.5 % apart", mean, .0437, holds,
                       "Mean over seeds of |loss - loss_linear| / loss_linear at step %lld, which must lie in "
                       "[0.02, 0.045]; published, one random start, step 900: 0.0239 and 0.0229.",
                       (long long)ntk_judged_step(lab));
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
done:
    ovp_free(lab->ctx, gaps);
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------- */

enum { CURVE = 500 };

/* At most CURVE even steps up to the longest training; medians over a width's rows for theory. */
static ovp_status draw_losses(const ntk_lab *lab, ovp_idx steps) {
    ovp_status status = OVP_OK;
    const ovp_idx points = steps < CURVE ? steps : CURVE, groups = lab->width_count;
    double *x = NULL, *scratch = NULL;
    ovp_idx *group = NULL;
    char(*label)[32] = NULL;
    const char **labels = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &x, points * (1 + lab->count + groups), sizeof *x));
    OVP_TRY(ovp_alloc(lab->ctx, &scratch, lab->count, sizeof *scratch));
    OVP_TRY(ovp_alloc(lab->ctx, &group, lab->count, sizeof *group));
    OVP_TRY(ovp_alloc(lab->ctx, &label, groups, sizeof *label));
    OVP_TRY(ovp_alloc(lab->ctx, &labels, groups, sizeof *labels));
    double *values = x + points, *theory = values + points * lab->count;
    for (ovp_idx r = 0; r < lab->count; r++)
        while (lab->widths[group[r]] != lab->rows[r].width) group[r]++;
    for (ovp_idx g = 0; g < groups; g++) {
        snprintf(label[g], sizeof label[g], "width %lld", (long long)lab->widths[g]);
        labels[g] = label[g];
    }
    for (ovp_idx k = 0; k < points; k++) {
        const ovp_idx step = points > 1 ? k * (steps - 1) / (points - 1) : 0;
        x[k] = (double)step;
        for (ovp_idx r = 0; r < lab->count; r++) values[r * points + k] = lab->losses[r * lab->epochs + step];
        for (ovp_idx g = 0; g < groups; g++) {
            ovp_idx n = 0;
            for (ovp_idx r = 0; r < lab->count; r++)
                if (group[r] == g && isfinite(lab->theory[r * lab->epochs + step]))
                    scratch[n++] = lab->theory[r * lab->epochs + step];
            theory[g * points + k] = ovp_measure_median_in_place(n, scratch);
            /* a width's curve ends with the first of its nets: medians of changing sets would jump */
            ovp_idx nets = 0;
            for (ovp_idx r = 0; r < lab->count; r++) nets += group[r] == g;
            if (n < nets) theory[g * points + k] = NAN;
            for (ovp_idx r = 0; r < lab->count && n < nets; r++)
                if (group[r] == g) values[r * points + k] = NAN;
        }
    }
    OVP_TRY(study_figure_curves(
        lab->run, &(const study_curves){.name = "loss",
                                        .title = "Loss of the net and of its tangent kernel",
                                        .x_label = "step",
                                        .y_label = lab->mnist ? "half mean squared error" : "mean squared error",
                                        .caption = "Medians over seeds with bands from lowest "
                                                   "to highest; dashed: the empirical kernel "
                                                   "of the start, exactly.",
                                        .y_log = 1,
                                        .ordered = 1,
                                        .rows = lab->count,
                                        .steps = points,
                                        .groups = groups,
                                        .x = x,
                                        .values = values,
                                        .group = group,
                                        .labels = labels,
                                        .theory = theory}));
done:
    ovp_free(lab->ctx, labels);
    ovp_free(lab->ctx, label);
    ovp_free(lab->ctx, group);
    ovp_free(lab->ctx, scratch);
    ovp_free(lab->ctx, x);
    return status;
}

/* The widest net's test predictions against those of the kernels. */
static ovp_status draw_predictions(const ntk_lab *lab) {
    ovp_idx best = -1;
    double low = INFINITY, high = -INFINITY;
    char title[96];
    for (ovp_idx r = 0; r < lab->count; r++)
        if (!lab->rows[r].diverged_at && (best < 0 || lab->rows[r].width > lab->rows[best].width)) best = r;
    if (best < 0) return OVP_OK;
    const ovp_idx at = best * lab->n_test;
    for (ovp_idx i = 0; i < lab->n_test; i++) {
        low = fmin(low, fmin(lab->predicted[at + i], lab->raw_closed[at + i]));
        high = fmax(high, fmax(lab->predicted[at + i], lab->raw_closed[at + i]));
    }
    const double ends[] = {low, high};
    const ovp_figure_series series[] = {
        {.label = "closed form, raw",
         .style = OVP_FIGURE_POINTS,
         .n = lab->n_test,
         .x = lab->predicted + at,
         .y = lab->raw_closed + at,
         .colour = 2},
        {.label = "closed form, corrected",
         .style = OVP_FIGURE_POINTS,
         .n = lab->n_test,
         .x = lab->predicted + at,
         .y = lab->closed + at,
         .colour = 0},
        {.label = "empirical, corrected",
         .style = OVP_FIGURE_POINTS,
         .n = lab->n_test,
         .x = lab->predicted + at,
         .y = lab->empirical + at,
         .colour = 1},
        {.label = "equal", .style = OVP_FIGURE_THEORY, .n = 2, .x = ends, .y = ends, .colour = -1},
    };
    snprintf(title, sizeof title, "Net of %lld units against the kernels, test points",
             (long long)lab->rows[best].width);
    const ovp_figure figure = {.name = "predictions",
                               .title = title,
                               .x_label = "trained net",
                               .y_label = "kernel's prediction",
                               .caption =
                                   "A point a test point: corrected predictions start from the net's own f_0, raw "
                                   "ones from 0.",
                               .series = series,
                               .count = COUNT(series)};
    return ovp_run_figure(lab->run, &figure);
}

/* ---- all together -------------------------------------------------------------------------------- */

/* rows x cols from rows x epochs. */
static ovp_status put_curve(const ntk_lab *lab, const char *name, const double *values, ovp_idx steps) {
    ovp_status status = OVP_OK;
    double *rows = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &rows, lab->count * steps, sizeof *rows));
    for (ovp_idx r = 0; r < lab->count; r++)
        memcpy(rows + r * steps, values + r * lab->epochs, (size_t)steps * sizeof *rows);
    OVP_TRY(study_put(lab->run, name, OVP_F64, lab->count, steps, rows));
done:
    ovp_free(lab->ctx, rows);
    return status;
}

static ovp_status put_predictions(const ntk_lab *lab) {
    const struct {
        const char *name;
        const double *values;
        ovp_idx cols;
    } arrays[] = {{"predicted", lab->predicted, lab->n_test},           {"raw_closed", lab->raw_closed, lab->n_test},
                  {"raw_empirical", lab->raw_empirical, lab->n_test},   {"corrected_closed", lab->closed, lab->n_test},
                  {"corrected_empirical", lab->empirical, lab->n_test}, {"ntk_closed_row0", lab->closed_row, lab->n},
                  {"ntk_empirical_row0", lab->kernel_row, lab->n}};
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < COUNT(arrays); i++)
        OVP_TRY(study_put(lab->run, arrays[i].name, OVP_F64, lab->count, arrays[i].cols, arrays[i].values));
done:
    return status;
}

ovp_status ntk_conclude(ntk_lab *lab) {
    static const char *const measures[] = {"train_mse",   "test_mse",       "steps",
                                           "rmse_closed", "rmse_empirical", "rmse_raw_empirical_closed",
                                           "loss_gap",    "kernel_gap"};
    static const char *const setting[] = {"width", "step"}, *const gaps[] = {"loss", "loss_linear", "gap"};
    ovp_status status = OVP_OK;
    ovp_idx steps = 0;
    if (lab->count == 0) return OVP_OK;
    for (ovp_idx r = 0; r < lab->count; r++)
        while (steps < lab->epochs && isfinite(lab->losses[r * lab->epochs + steps])) steps++;
    if (steps == 0) steps = 1;
    OVP_TRY(put_curve(lab, "loss", lab->losses, steps));
    OVP_TRY(put_curve(lab, "loss_theory", lab->theory, steps));
    OVP_TRY(put_curve(lab, "loss_flow", lab->flow, steps));
    OVP_TRY(ovp_run_summary(lab->run, "widths", "widths-summary", setting, 1, measures, COUNT(measures)));
    if (lab->mnist) {
        OVP_TRY(ovp_run_summary(lab->run, "linearisation", "linearisation-summary", setting, 2, gaps, COUNT(gaps)));
        OVP_TRY(judge_mnist(lab));
    } else {
        OVP_TRY(put_predictions(lab));
        OVP_TRY(judge_teacher(lab));
        OVP_TRY(draw_predictions(lab));
    }
    OVP_TRY(draw_losses(lab, steps));
done:
    return status;
}
