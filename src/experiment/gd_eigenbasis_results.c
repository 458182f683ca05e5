/* gd-eigenbasis: arrays, summaries, verdicts and figures from the finished draws. */
#include "gd_eigenbasis_int.h"

/* ---- verdicts ------------------------------------------------------------------------------------ */

static ovp_status judge_coordinates(const gd_lab *lab) {
    study_verdict v;
    double worst = 0, loss_error = 0;
    ovp_idx diverged = 0;
    char text[32];
    for (ovp_idx s = 0; s < lab->count; s++) {
        worst = fmax(worst, lab->rows[s].deviation);
        loss_error = fmax(loss_error, lab->rows[s].loss_error);
        diverged += lab->rows[s].diverged_at > 0;
    }
    ovp_experiment_short(text, loss_error);
    study_verdict_theorem(&v, "coordinates follow c* + (1 - lr lambda)^t (c_0 - c*)", worst, lab->count * lab->checks,
                          "Largest deviation of any of %lld coordinates at %lld steps of %lld draws, in units of 1e-10 "
                          "(of the largest coordinate where that is above 1); %lld draws diverged. Losses by the Gram "
                          "matrix and by X and Y differ by at most %s of the first.",
                          (long long)lab->p, (long long)lab->checks, (long long)lab->count, (long long)diverged, text);
    return ovp_run_verdict(lab->run, &v.verdict);
}

static ovp_status judge_spectrum(const gd_lab *lab) {
    ovp_status status = OVP_OK;
    study_verdict v;
    char text[32];
    double *values = NULL, worst = 0, farthest = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &values, lab->count, sizeof *values));
    for (ovp_idx s = 0; s < lab->count; s++) {
        values[s] = lab->rows[s].kolmogorov;
        worst = fmax(worst, values[s]);
    }
    ovp_measure_interval interval = study_over_seeds(values, lab->count);
    ovp_experiment_short(text, worst);
    study_verdict_fill(
        &v, "the spectrum is that of Marchenko and Pastur: Kolmogorov's distance below 0.05", interval, 0,
        study_judge_below(interval, .05),
        "Mean distance over the draws with its 95 %% interval, which must lie below 0.05; the largest of "
        "%lld draws is %s.",
        (long long)lab->count, text);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
    for (ovp_idx s = 0; s < lab->count; s++) {
        values[s] = lab->rows[s].largest / lab->rows[s].edge;
        farthest = fmax(farthest, fabs(values[s] - 1));
    }
    interval = study_over_seeds(values, lab->count);
    ovp_experiment_short(text, 100 * farthest);
    study_verdict_fill(
        &v, "the largest eigenvalue is (1 + sqrt(p/n))^2 within 3 %", interval, 1,
        ovp_experiment_judge_near(interval, 1, .03),
        "Mean of largest / edge over the draws with its 95 %% interval, which must lie within 1 +- 0.03; "
        "the farthest of %lld draws is %s %% off.",
        (long long)lab->count, text);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
done:
    ovp_free(lab->ctx, values);
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------- */

/* Median and range over the draws against the step; theory: their median, or NULL. */
static ovp_status draw_curves(const gd_lab *lab, study_curves curves, const double *theory) {
    ovp_status status = OVP_OK;
    static const char *const labels[] = {"measured"};
    double *x = NULL, *middle = NULL, *scratch = NULL;
    ovp_idx *group = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &x, 2 * lab->steps + lab->count, sizeof *x));
    OVP_TRY(ovp_alloc(lab->ctx, &group, lab->count, sizeof *group));
    middle = x + lab->steps;
    scratch = middle + lab->steps;
    for (ovp_idx k = 0; k < lab->steps; k++) {
        x[k] = (double)(k + 1);
        for (ovp_idx s = 0; theory && s < lab->count; s++) scratch[s] = theory[s * lab->steps + k];
        if (theory) middle[k] = ovp_measure_median_in_place(lab->count, scratch);
    }
    curves.x_label = "step";
    curves.rows = lab->count;
    curves.steps = lab->steps;
    curves.groups = 1;
    curves.x = x;
    curves.group = group;
    curves.labels = labels;
    curves.theory = theory ? middle : NULL;
    OVP_TRY(study_figure_curves(lab->run, &curves));
done:
    ovp_free(lab->ctx, group);
    ovp_free(lab->ctx, x);
    return status;
}

enum { BINS = 40, CURVE = 400 };

/* Eigenvalues of all draws but those that are 0, in bins of equal width, as a density of mass 1 - (share of zeros). */
static ovp_status draw_spectrum(const gd_lab *lab) {
    double low[BINS], high[BINS], middle[BINS], height[BINS] = {0}, x[CURVE], y[CURVE];
    const double from = fmax(0, lab->law.low - .05 * (lab->law.high - lab->law.low));
    double to = lab->law.high;
    const ovp_idx all = lab->count * lab->p;
    for (ovp_idx s = 0; s < lab->count; s++) to = fmax(to, lab->rows[s].largest);
    to += .05 * (to - from);
    const double width = (to - from) / BINS;
    for (int b = 0; b < BINS; b++) {
        low[b] = from + b * width;
        high[b] = low[b] + width;
        middle[b] = low[b] + width / 2;
    }
    for (ovp_idx i = 0; i < all; i++) {
        const int bin = (int)((lab->eigenvalues[i] - from) / width);
        if (lab->eigenvalues[i] > 0 && bin >= 0 && bin < BINS) height[bin] += 1 / ((double)all * width);
    }
    for (int k = 0; k < CURVE; k++) {
        x[k] = lab->law.low + (lab->law.high - lab->law.low) * (k + .5) / CURVE;
        y[k] = ovp_theory_marchenko_pastur_density(&lab->law, x[k]);
    }
    const ovp_figure_series series[] = {
        {.label = "eigenvalues of X X^T",
         .style = OVP_FIGURE_BARS,
         .n = BINS,
         .x = middle,
         .y = height,
         .low = low,
         .high = high,
         .colour = 0},
        {.label = "Marchenko-Pastur", .style = OVP_FIGURE_THEORY, .n = CURVE, .x = x, .y = y, .colour = -1},
    };
    const ovp_figure figure = {.name = "spectrum",
                               .title = "Eigenvalues of X X^T",
                               .x_label = "eigenvalue",
                               .y_label = "density",
                               .caption = "All draws together (zero eigenvalues left out); dashed: the law of "
                                          "Marchenko and Pastur.",
                               .series = series,
                               .count = COUNT(series)};
    return ovp_run_figure(lab->run, &figure);
}

enum { MAP_SIDE = 200 }; /* of a larger matrix the leading part is drawn */

/* P K P^T: K's entries between the eigenvectors. out: p x p. */
static ovp_status rotate(double *out, ovp_ctx *ctx, const gd_problem *q) {
    ovp_status status = OVP_OK;
    double *half = NULL;
    const ovp_idx p = q->p;
    const int blas = ovp_numeric_blas_begin();
    OVP_TRY(ovp_alloc(ctx, &half, p * p, sizeof *half));
    ovp_numeric_gemm(OVP_F64, 0, 0, p, p, p, 1, q->vectors, p, q->gram, p, 0, half, p);
    ovp_numeric_gemm(OVP_F64, 0, 1, p, p, p, 1, half, p, q->vectors, p, 0, out, p);
done:
    ovp_numeric_blas_end(blas);
    ovp_free(ctx, half);
    return status;
}

/* Absolute values of the leading part of a p x p matrix as a heat map with logarithmic colours. */
static ovp_status draw_matrix(const gd_lab *lab, const double *matrix, double *values, ovp_figure figure) {
    const ovp_idx p = lab->p, side = p < MAP_SIDE ? p : MAP_SIDE;
    for (ovp_idx j = 0; j < side; j++)
        for (ovp_idx i = 0; i < side; i++) values[j * side + i] = fabs(matrix[j * p + i]);
    const ovp_figure_map map = {.cols = side,
                                .rows = side,
                                .values = values,
                                .x_high = (double)(side - 1),
                                .y_high = (double)(side - 1),
                                .label = "absolute value",
                                .log = 1};
    figure.x_label = "column";
    figure.y_label = "row";
    figure.map = &map;
    figure.equal_axes = 1;
    return ovp_run_figure(lab->run, &figure);
}

/* |c_i(t) - c_i(0)|: at most MAP_SIDE of the steps and coordinates. */
static ovp_status draw_path(const gd_lab *lab, double *values) {
    const ovp_idx p = lab->p, cols = p < MAP_SIDE ? p : MAP_SIDE,
                  rows = lab->checks < MAP_SIDE ? lab->checks : MAP_SIDE;
    for (ovp_idx j = 0; j < rows; j++) {
        const ovp_idx check = (j + 1) * lab->checks / rows - 1;
        for (ovp_idx i = 0; i < cols; i++) values[j * cols + i] = lab->first_path[check * p + i];
    }
    const ovp_figure_map map = {.cols = cols,
                                .rows = rows,
                                .values = values,
                                .x_high = (double)(cols - 1),
                                .y_low = (double)gd_check_step(lab, lab->checks / rows - 1),
                                .y_high = (double)lab->steps,
                                .label = "|c_i(t) - c_i(0)|"};
    const ovp_figure figure = {.name = "path",
                               .title = "How far each coordinate has gone",
                               .x_label = "eigenvector, largest eigenvalue first",
                               .y_label = "step",
                               .caption = "First draw: distance of each coordinate from its start.",
                               .map = &map};
    return ovp_run_figure(lab->run, &figure);
}

static ovp_status draw_first(const gd_lab *lab) {
    ovp_status status = OVP_OK;
    double *values = NULL, *rotated = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &values, (ovp_idx)MAP_SIDE * MAP_SIDE, sizeof *values));
    OVP_TRY(ovp_alloc(lab->ctx, &rotated, lab->p * lab->p, sizeof *rotated));
    OVP_TRY(rotate(rotated, lab->ctx, &lab->first));
    OVP_TRY(draw_matrix(lab, lab->first.gram, values,
                        (ovp_figure){.name = "gram",
                                     .title = "X X^T",
                                     .caption = "First draw (of more than 200 rows the first 200): near 1 on the "
                                                "diagonal, about 1/sqrt(n) beside it."}));
    OVP_TRY(draw_matrix(lab, rotated, values,
                        (ovp_figure){.name = "rotated",
                                     .title = "X X^T in its eigenbasis",
                                     .caption = "First draw: eigenvalues on the diagonal, rounding beside it."}));
    OVP_TRY(draw_path(lab, values));
done:
    ovp_free(lab->ctx, rotated);
    ovp_free(lab->ctx, values);
    return status;
}

static ovp_status draw(const gd_lab *lab) {
    ovp_status status = OVP_OK;
    OVP_TRY(draw_curves(lab,
                        (study_curves){.name = "loss",
                                       .title = "Loss of gradient descent",
                                       .y_label = "||X^T w - Y||^2 / n",
                                       .caption = "Median over draws, band from lowest to highest; dashed: exact.",
                                       .y_log = 1,
                                       .values = lab->losses},
                        lab->exact_losses));
    OVP_TRY(draw_curves(lab,
                        (study_curves){.name = "distance",
                                       .title = "Distance from the start",
                                       .y_label = "|w - w_0| / |w_0|",
                                       .values = lab->distances},
                        NULL));
    OVP_TRY(draw_spectrum(lab));
    OVP_TRY(draw_first(lab));
done:
    return status;
}

/* ---- all together -------------------------------------------------------------------------------- */

ovp_status gd_eigenbasis_conclude(gd_lab *lab) {
    static const char *const measures[] = {"largest", "kolmogorov", "final_loss", "least_loss", "distance"};
    ovp_status status = OVP_OK;
    if (lab->count == 0) return OVP_OK;
    OVP_TRY(study_put(lab->run, "loss", OVP_F64, lab->count, lab->steps, lab->losses));
    OVP_TRY(study_put(lab->run, "exact_loss", OVP_F64, lab->count, lab->steps, lab->exact_losses));
    OVP_TRY(study_put(lab->run, "distance", OVP_F64, lab->count, lab->steps, lab->distances));
    OVP_TRY(study_put(lab->run, "eigenvalues", OVP_F64, lab->count, lab->p, lab->eigenvalues));
    OVP_TRY(ovp_run_summary(lab->run, "spectrum", "spectrum-summary", NULL, 0, measures, COUNT(measures)));
    OVP_TRY(judge_coordinates(lab));
    OVP_TRY(judge_spectrum(lab));
    OVP_TRY(draw(lab));
done:
    return status;
}
