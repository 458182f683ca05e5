/* lazy-scaling: arrays, summaries, verdicts and figures from the finished rows. */
#include "lazy_scaling_int.h"

#include <stdio.h>
#include <string.h>

/* ---- arrays -------------------------------------------------------------------------------------- */

static ovp_status put_arrays(const lazy_scaling_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_experiment_run *run = lab->run;
    const ovp_idx rows = lab->count;
    OVP_TRY(study_put(run, "loss", OVP_F64, rows, lab->steps, lab->losses));
    OVP_TRY(study_put(run, "limit_loss", OVP_F64, rows, lab->steps, lab->limits));
    if (lab->warm_up > 0)
        OVP_TRY(study_put(run, "warm_up_loss", OVP_F64, lab->seed_count, lab->warm_up, lab->warm_losses));
    OVP_TRY(study_put(run, "x", OVP_F64, lab->seed_count, lab->n, lab->x));
    OVP_TRY(study_put(run, "y", OVP_F64, lab->seed_count, lab->n, lab->y));
    OVP_TRY(study_put(run, "points", OVP_F64, lab->points, 0, lab->grid));
    OVP_TRY(study_put(run, "base_start", OVP_F64, rows, lab->points, lab->start));
    OVP_TRY(study_put(run, "base_end", OVP_F64, rows, lab->points, lab->end));
    OVP_TRY(study_put(run, "scaled_end", OVP_F64, rows, lab->points, lab->scaled_end));
    OVP_TRY(study_put(run, "linear_end", OVP_F64, rows, lab->points, lab->linear_end));
done:
    return status;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

enum { SAID_EXPONENTS = 8 }; /* as many stand in a verdict's words */

typedef struct fits {
    double *movement, *gap; /* one a seed */
} fits;

static void list_exponents(char *text, size_t bytes, const double *exponents, ovp_idx count) {
    size_t length = 0;
    text[0] = 0;
    for (ovp_idx i = 0; i < count && i < SAID_EXPONENTS && length < bytes; i++) {
        char value[32];
        ovp_experiment_short(value, exponents[i]);
        length += (size_t)snprintf(text + length, bytes - length, "%s%s", i ? ", " : "", value);
    }
    if (count > SAID_EXPONENTS && length < bytes) snprintf(text + length, bytes - length, ", ..");
}

static ovp_status judge_exponents(const lazy_scaling_lab *lab, const fits *f) {
    ovp_status status = OVP_OK;
    study_verdict v;
    char list[256];
    const double from = ovp_params_real(lab->params, "fit-from");
    const char *warmed =
        lab->warm_up > 0 ? " The last alpha was warmed up: it was trained longer than the others." : "";
    ovp_measure_interval fit = study_over_seeds(f->movement, lab->seed_count);
    list_exponents(list, sizeof list, f->movement, lab->seed_count);
    study_verdict_fill(&v, "the weights move as 1/alpha: exponent -1 within 0.1", fit, -1,
                       ovp_experiment_judge_near(fit, -1, .1),
                       "Log-log slope of movement_all over alphas from %g on, one a seed (%s); mean and 95 %% interval "
                       "by Student's t must lie within -1 +- 0.1.%s",
                       from, list, warmed);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
    fit = study_over_seeds(f->gap, lab->seed_count);
    list_exponents(list, sizeof list, f->gap, lab->seed_count);
    study_verdict_fill(&v, "the net approaches its linearisation: the gap falls as a power of alpha", fit,
                       lazy_scaling_gap_exponent(ovp_params_text(lab->params, "activation")), study_judge_below(fit, 0),
                       "Log-log slope of linearisation_gap over alphas from %g on, one a seed (%s); the 95 %% interval "
                       "must lie below 0. Predicted: -1 where the net is smooth in its weights, -1/2 where kinks cross "
                       "the points.",
                       from, list);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
done:
    return status;
}

static ovp_status judge_limit(const lazy_scaling_lab *lab) {
    study_verdict v;
    double worst = 0;
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < lab->count; i++) {
        worst = fmax(worst, lab->rows[i].deviation);
        count += lab->steps;
    }
    study_verdict_theorem(
        &v, "the trained linearisations follow their kernel's exact dynamics at every step", worst, count,
        "Largest |sqrt(L) - sqrt(L_kernel)| / sqrt(L_0) over %lld steps of %lld linearisations, in "
        "units of 4 eps (1 + alpha) sqrt(steps): theta is rounded at every step, and outputs are alpha "
        "times the base's.",
        (long long)lab->steps, (long long)lab->count);
    return ovp_run_verdict(lab->run, &v.verdict);
}

/* Row of a seed with the least (sign -1) or the largest (1) alpha; NULL if it has none. */
static const lazy_scaling_row *extreme(const lazy_scaling_lab *lab, int64_t seed, int sign) {
    const lazy_scaling_row *best = NULL;
    for (ovp_idx i = 0; i < lab->count; i++) {
        const lazy_scaling_row *row = &lab->rows[i];
        if (row->seed == seed && (!best || sign * row->alpha > sign * best->alpha)) best = row;
    }
    return best;
}

/* The price of laziness: the loss at the largest alpha over that at the least, its logarithm averaged over seeds. */
static ovp_status judge_loss(const lazy_scaling_lab *lab) {
    ovp_status status = OVP_OK;
    study_verdict v;
    double *logs = NULL;
    if (lab->alpha_count < 2) return OVP_OK;
    OVP_TRY(ovp_alloc(lab->ctx, &logs, lab->seed_count, sizeof *logs));
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        const lazy_scaling_row *low = extreme(lab, lab->seeds[s], -1), *high = extreme(lab, lab->seeds[s], 1);
        logs[s] = low && low != high ? log(high->final_loss / low->final_loss) : (double)NAN;
    }
    const ovp_measure_interval fit = study_over_seeds(logs, lab->seed_count);
    const ovp_measure_interval ratio = {fit.count, exp(fit.mean), exp(fit.low), exp(fit.high)};
    study_verdict_fill(&v, "lazy training ends higher: final_loss of the largest alpha above that of the smallest",
                       ratio, NAN, ovp_experiment_judge_above(ratio, 1),
                       "Ratio of the two losses after as many steps in function space, geometric mean over seeds and "
                       "95 %% interval; it must lie above 1.");
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
done:
    ovp_free(lab->ctx, logs);
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------- */

enum { LABEL = 48 };

static ovp_idx group_of(const lazy_scaling_lab *lab, double alpha) {
    ovp_idx g = 0;
    while (g + 1 < lab->alpha_count && (lab->alphas[g] < alpha || lab->alphas[g] > alpha)) g++;
    return g;
}

/* Loss of each alpha; the lazy limit, the same for all alphas (of one start): its median over the rows. */
static ovp_status draw_losses(const lazy_scaling_lab *lab, const char *const *labels) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    double *x = NULL, *theory = NULL, *scratch = NULL;
    ovp_idx *group = NULL;
    OVP_TRY(ovp_alloc(ctx, &x, lab->steps, sizeof *x));
    OVP_TRY(ovp_alloc(ctx, &theory, lab->alpha_count * lab->steps, sizeof *theory));
    OVP_TRY(ovp_alloc(ctx, &scratch, lab->count, sizeof *scratch));
    OVP_TRY(ovp_alloc(ctx, &group, lab->count, sizeof *group));
    for (ovp_idx i = 0; i < lab->count; i++) group[i] = group_of(lab, lab->rows[i].alpha);
    for (ovp_idx i = 0; i < lab->alpha_count * lab->steps; i++) theory[i] = NAN;
    for (ovp_idx k = 0; k < lab->steps; k++) {
        ovp_idx n = 0;
        x[k] = (double)(k + 1);
        for (ovp_idx i = 0; i < lab->count; i++)
            if (lab->warm_up == 0 || group[i] + 1 < lab->alpha_count) scratch[n++] = lab->limits[i * lab->steps + k];
        theory[k] = ovp_measure_median_in_place(n, scratch);
    }
    const study_curves curves = {
        .name = "loss",
        .title = "Training loss of alpha (f - f_0)",
        .x_label = "step",
        .y_label = "mean squared error",
        .caption = lab->seed_count > 1
                       ? "Median over seeds, band from lowest to highest; dashed: the lazy limit, exact (median)."
                       : "One net an alpha; dashed: the lazy limit, exact.",
        .x_log = 1,
        .y_log = 1,
        .ordered = 1,
        .rows = lab->count,
        .steps = lab->steps,
        .groups = lab->alpha_count,
        .x = x,
        .values = lab->losses,
        .group = group,
        .labels = labels,
        .theory = theory};
    OVP_TRY(study_figure_curves(lab->run, &curves));
done:
    ovp_free(ctx, group);
    ovp_free(ctx, scratch);
    ovp_free(ctx, theory);
    ovp_free(ctx, x);
    return status;
}

/* The first seed's functions, a panel an alpha. */
static ovp_status draw_functions(const lazy_scaling_lab *lab, const char *const *labels) {
    enum { SERIES = 5, PANELS = 12 };
    ovp_status status = OVP_OK;
    ovp_figure_series *series = NULL;
    ovp_figure *panels = NULL;
    ovp_idx count = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &series, SERIES * lab->count, sizeof *series));
    OVP_TRY(ovp_alloc(lab->ctx, &panels, lab->count, sizeof *panels));
    for (ovp_idx i = 0; i < lab->count && count < PANELS; i++) {
        const double *const curves[] = {lab->start + i * lab->points, lab->end + i * lab->points,
                                        lab->scaled_end + i * lab->points, lab->linear_end + i * lab->points};
        static const char *const names[] = {"f at the start", "f at the end", "alpha (f - f_0)", "its linearisation"};
        static const int colours[] = {1, 3, 0, 2};
        ovp_figure_series *own = series + SERIES * count;
        if (lab->rows[i].seed != lab->rows[0].seed) break;
        for (int k = 0; k < 4; k++)
            own[k] = (ovp_figure_series){.label = names[k],
                                         .style = k == 3 ? OVP_FIGURE_THEORY : OVP_FIGURE_LINE,
                                         .n = lab->points,
                                         .x = lab->grid,
                                         .y = curves[k],
                                         .colour = colours[k]};
        own[4] = (ovp_figure_series){
            .label = "data", .style = OVP_FIGURE_POINTS, .n = lab->n, .x = lab->x, .y = lab->y, .colour = 4};
        panels[count++] = (ovp_figure){.name = "",
                                       .title = labels[group_of(lab, lab->rows[i].alpha)],
                                       .x_label = "x",
                                       .y_label = "y",
                                       .series = own,
                                       .count = SERIES};
    }
    const ovp_figure figure = {
        .name = "functions",
        .title = "Functions before and after training",
        .caption = "First seed. At large alpha the base net f hardly changes while alpha (f - f_0) travels as far as "
                   "its linearisation (dashed) after the same steps.",
        .panels = panels,
        .panel_count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, panels);
    ovp_free(lab->ctx, series);
    return status;
}

static double power(const void *user, double x) {
    return pow(x, *(const double *)user);
}

/* Points from fit-from on, with their powers. */
static ovp_status draw_power(const lazy_scaling_lab *lab, const study_query *query, const double *exponents,
                             double predicted, study_power figure) {
    ovp_status status = OVP_OK;
    study_points points = {.x = NULL};
    OVP_TRY(study_points_get(&points, lab->run, query));
    figure.x_label = "alpha";
    figure.points = &points;
    figure.exponents = exponents;
    figure.predicted = power;
    figure.user = &predicted;
    OVP_TRY(study_figure_power(lab->run, &figure));
done:
    study_points_free(lab->ctx, &points);
    return status;
}

static ovp_status draw(const lazy_scaling_lab *lab, const fits *f, const study_query *movement,
                       const study_query *gap) {
    ovp_status status = OVP_OK;
    const double kinks = lazy_scaling_gap_exponent(ovp_params_text(lab->params, "activation"));
    char(*texts)[LABEL] = NULL;
    const char **labels = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &texts, lab->alpha_count, sizeof *texts));
    OVP_TRY(ovp_alloc(lab->ctx, &labels, lab->alpha_count, sizeof *labels));
    for (ovp_idx i = 0; i < lab->alpha_count; i++) {
        snprintf(texts[i], LABEL, "alpha = %g", lab->alphas[i]);
        labels[i] = texts[i];
    }
    OVP_TRY(draw_losses(lab, labels));
    OVP_TRY(draw_functions(lab, labels));
    OVP_TRY(draw_power(lab, movement, f->movement, -1,
                       (study_power){.name = "movement",
                                     .title = "Movement of the weights",
                                     .y_label = "|theta_T - theta_0| / |theta_0|",
                                     .caption = "Means over seeds with 95 % intervals; dashed: 1/alpha through them.",
                                     .predicted_label = "1/alpha"}));
    OVP_TRY(draw_power(lab, gap, f->gap, kinks,
                       (study_power){.name = "gap",
                                     .title = "Distance from the linearisation",
                                     .y_label = "|F - F_lin| / |F|",
                                     .caption = "Means over seeds with 95 % intervals; dashed: the predicted power.",
                                     .predicted_label = kinks < -.9 ? "1/alpha" : "alpha^(-1/2)"}));
done:
    ovp_free(lab->ctx, labels);
    ovp_free(lab->ctx, texts);
    return status;
}

/* ---- all together -------------------------------------------------------------------------------- */

ovp_status lazy_scaling_conclude(lazy_scaling_lab *lab) {
    static const char *const settings[] = {"alpha"};
    static const char *const measures[] = {"final_loss", "movement_all", "linearisation_gap", "linear_loss",
                                           "movement_theory"};
    ovp_status status = OVP_OK;
    const double from = ovp_params_real(lab->params, "fit-from");
    const study_query movement = {.table = "scales", .x = "alpha", .y = "movement_all", .x_from = from};
    const study_query gap = {.table = "scales", .x = "alpha", .y = "linearisation_gap", .x_from = from};
    fits f = {.movement = NULL};
    if (lab->count == 0) return OVP_OK;
    OVP_TRY(put_arrays(lab));
    OVP_TRY(ovp_run_summary(lab->run, "scales", "scales-summary", settings, 1, measures, COUNT(measures)));
    OVP_TRY(ovp_alloc(lab->ctx, &f.movement, 2 * lab->seed_count, sizeof *f.movement));
    f.gap = f.movement + lab->seed_count;
    OVP_TRY(study_exponents(f.movement, NULL, lab->run, &movement));
    OVP_TRY(study_exponents(f.gap, NULL, lab->run, &gap));
    for (ovp_idx s = 0; s < lab->seed_count; s++)
        OVP_TRY(ovp_run_row(lab->run, "exponents",
                            (const ovp_store_cell[]){ovp_cell_int(lab->seeds[s]), ovp_cell_real(f.movement[s]),
                                                     ovp_cell_real(f.gap[s])}));
    OVP_TRY(judge_exponents(lab, &f));
    OVP_TRY(judge_limit(lab));
    OVP_TRY(judge_loss(lab));
    OVP_TRY(draw(lab, &f, &movement, &gap));
done:
    ovp_free(lab->ctx, f.movement);
    return status;
}
