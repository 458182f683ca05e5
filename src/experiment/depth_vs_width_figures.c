/* depth-vs-width: figures. */
#include "depth_vs_width_int.h"

#include <stdio.h>

/* ---- losses -------------------------------------------------------------------------------------- */

/* The deep students' relative loss, a series a stage, so that the stages show. */
static ovp_status figure_deep(depth_width_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx stages = ovp_params_int(lab->params, "deep-stages");
    const ovp_idx steps = ovp_params_int(lab->params, "deep-steps"), all = stages * steps;
    double *curves = NULL, *scratch = NULL, lr = ovp_params_real(lab->params, "deep-lr");
    ovp_figure_series *series = NULL;
    char(*labels)[64] = NULL, rate[32];
    OVP_TRY(ovp_alloc(lab->ctx, &curves, 4 * all, sizeof *curves));
    OVP_TRY(ovp_alloc(lab->ctx, &scratch, lab->count, sizeof *scratch));
    OVP_TRY(ovp_alloc(lab->ctx, &series, stages, sizeof *series));
    OVP_TRY(ovp_alloc(lab->ctx, &labels, stages, sizeof *labels));
    double *x = curves, *middle = x + all, *low = middle + all, *high = low + all;
    ovp_idx most = 0;
    for (ovp_idx k = 0; k < all; k++) {
        ovp_idx n = 0;
        x[k] = (double)(k + 1);
        low[k] = high[k] = NAN;
        for (ovp_idx i = 0; i < lab->count; i++) {
            const depth_width_student *s = &lab->students[i];
            const double loss = s->role == DEPTH_WIDTH_DEEP ? s->losses[k] / s->problem->variance : (double)NAN;
            if (!isfinite(loss)) continue;
            scratch[n++] = loss;
            low[k] = fmin(loss, low[k]); /* fmin and fmax pass over the NaN */
            high[k] = fmax(loss, high[k]);
        }
        middle[k] = ovp_measure_median_in_place(n, scratch);
        if (n > most) most = n;
    }
    for (ovp_idx g = 0; g < stages; g++, lr /= 3) {
        const ovp_idx at = g * steps;
        ovp_experiment_short(rate, lr);
        snprintf(labels[g], sizeof labels[g], "stage %lld, lr %s", (long long)g + 1, rate);
        series[g] = (ovp_figure_series){.label = labels[g],
                                        .style = most > 1 ? OVP_FIGURE_BAND : OVP_FIGURE_LINE,
                                        .n = steps,
                                        .x = x + at,
                                        .y = middle + at,
                                        .low = most > 1 ? low + at : NULL,
                                        .high = most > 1 ? high + at : NULL,
                                        .colour = (int)g};
    }
    const ovp_figure figure = {
        .name = "deep-loss",
        .title = "Deep student: training loss",
        .x_label = "step",
        .y_label = "loss before the step / variance of the teacher",
        .caption = most > 1 ? "Each stage starts a new optimiser with a third of the learning rate. Median over seeds; "
                              "the band reaches from the lowest to the highest."
                            : "Each stage starts a new optimiser with a third of the learning rate. One seed.",
        .y_log = 1,
        .series = series,
        .count = stages,
        .ordered = 1};
    if (most > 0) OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, labels);
    ovp_free(lab->ctx, series);
    ovp_free(lab->ctx, scratch);
    ovp_free(lab->ctx, curves);
    return status;
}

/* What tells the curves of a role apart. */
static double key_of(const depth_width_student *s) {
    return s->role == DEPTH_WIDTH_LINEAR ? s->problem->sigma : (double)s->width;
}

/* Relative losses of the shallow students, a curve a width, or of the linear ones, a curve a teacher. */
static ovp_status figure_losses(depth_width_lab *lab, depth_width_role role) {
    ovp_status status = OVP_OK;
    const int linear = role == DEPTH_WIDTH_LINEAR;
    const ovp_idx steps = ovp_params_int(lab->params, linear ? "linear-steps" : "steps");
    double *x = NULL, *values = NULL, *keys = NULL;
    ovp_idx *group = NULL, rows = 0, groups = 0;
    const char **labels = NULL;
    char(*texts)[64] = NULL, key[32];
    for (ovp_idx i = 0; i < lab->count; i++) rows += lab->students[i].role == role;
    if (rows == 0) return OVP_OK;
    OVP_TRY(ovp_alloc(lab->ctx, &x, steps, sizeof *x));
    OVP_TRY(ovp_alloc(lab->ctx, &values, rows * steps, sizeof *values));
    OVP_TRY(ovp_alloc(lab->ctx, &keys, rows, sizeof *keys));
    OVP_TRY(ovp_alloc(lab->ctx, &group, rows, sizeof *group));
    OVP_TRY(ovp_alloc(lab->ctx, &labels, rows, sizeof *labels));
    OVP_TRY(ovp_alloc(lab->ctx, &texts, rows, sizeof *texts));
    for (ovp_idx k = 0; k < steps; k++) x[k] = (double)(k + 1);
    rows = 0;
    for (ovp_idx i = 0; i < lab->count; i++) {
        const depth_width_student *s = &lab->students[i];
        ovp_idx g = 0;
        if (s->role != role) continue;
        while (g < groups && (keys[g] < key_of(s) || keys[g] > key_of(s))) g++;
        if (g == groups) {
            keys[groups++] = key_of(s);
            ovp_experiment_short(key, key_of(s));
            snprintf(texts[g], sizeof texts[g], linear ? "teacher sigma %s" : "width %s", key);
            labels[g] = texts[g];
        }
        for (ovp_idx k = 0; k < steps; k++) values[rows * steps + k] = s->losses[k] / s->problem->variance;
        group[rows++] = g;
    }
    const study_curves curves = {.name = linear ? "linear-loss" : "shallow-loss",
                                 .title = linear ? "Quasi-linear teacher: training loss of a shallow student"
                                                 : "Shallow students: training loss",
                                 .x_label = "step",
                                 .y_label = "loss before the step / variance of the teacher",
                                 .x_log = 1,
                                 .y_log = 1,
                                 .ordered = 1,
                                 .rows = rows,
                                 .steps = steps,
                                 .groups = groups,
                                 .x = x,
                                 .values = values,
                                 .group = group,
                                 .labels = labels};
    OVP_TRY(study_figure_curves(lab->run, &curves));
done:
    ovp_free(lab->ctx, texts);
    ovp_free(lab->ctx, labels);
    ovp_free(lab->ctx, group);
    ovp_free(lab->ctx, keys);
    ovp_free(lab->ctx, values);
    ovp_free(lab->ctx, x);
    return status;
}

/* ---- errors against width ------------------------------------------------------------------------ */

enum { MOST_LINES = 16 };   /* seeds whose fits are drawn */
#define INTERVAL_FACTOR 1e4 /* an interval is drawn to this factor from its width at most */

typedef struct error_texts {
    char fit[96], deep[96], target[96], width[96];
} error_texts;

static void write_texts(const depth_width_lab *lab, const depth_width_fit *over, double target, error_texts *t) {
    char number[3][48];
    const depth_width_setup *setup = &lab->setup;
    depth_width_number(number[0], over->exponent);
    depth_width_number(number[1], target);
    depth_width_number(number[2], over->width);
    snprintf(t->fit, sizeof t->fit, "each seed's fit, mean exponent %s", number[0]);
    snprintf(t->deep, sizeof t->deep, "deep student, median (%lld parameters)",
             (long long)depth_width_parameters(setup->inputs, setup->teacher_width, setup->teacher_depth));
    snprintf(t->target, sizeof t->target, "error target %s", number[1]);
    snprintf(t->width, sizeof t->width, "predicted width %s", number[2]);
}

/* Over the widths from least to most and out to the predicted width. */
static void draw_fit(const depth_width_fit *fit, double least, double most, double x[2], double y[2]) {
    x[0] = least;
    x[1] = isfinite(fit->width) ? fmax(most, fit->width) : most;
    for (int k = 0; k < 2; k++) y[k] = exp(fit->intercept + fit->exponent * log(x[k]));
}

static ovp_status figure_errors(depth_width_lab *lab, const depth_width_fit *fits, const depth_width_fit *over) {
    ovp_status status = OVP_OK;
    const double target = ovp_params_real(lab->params, "error-target");
    double *x = NULL, *y = NULL, *deep = NULL, least = INFINITY, most = 0;
    double line_x[MOST_LINES][2], line_y[MOST_LINES][2];
    ovp_figure_series series[MOST_LINES + 5];
    ovp_idx n = 0, depths = 0, count = 0, lines = 0;
    error_texts texts;
    OVP_TRY(ovp_alloc(lab->ctx, &x, 3 * lab->count, sizeof *x));
    y = x + lab->count;
    deep = y + lab->count;
    for (ovp_idx i = 0; i < lab->count; i++) {
        const depth_width_student *s = &lab->students[i];
        if (s->role == DEPTH_WIDTH_DEEP && isfinite(s->test_error)) deep[depths++] = s->test_error;
        if (s->role != DEPTH_WIDTH_SHALLOW) continue;
        x[n] = (double)s->width;
        y[n++] = s->test_error;
        least = fmin(least, (double)s->width);
        most = fmax(most, (double)s->width);
    }
    if (n == 0) goto done;
    write_texts(lab, over, target, &texts);
    const double bar_x[2] = {fmax(over->low, over->width / INTERVAL_FACTOR),
                             fmin(over->high, over->width * INTERVAL_FACTOR)};
    const double level[2] = {target, target}, median = ovp_measure_median_in_place(depths, deep);
    series[count++] = (ovp_figure_series){
        .label = "shallow students", .style = OVP_FIGURE_POINTS, .n = n, .x = x, .y = y, .colour = 0};
    for (ovp_idx i = 0; i < lab->seed_count && lines < MOST_LINES; i++) {
        if (!isfinite(fits[i].exponent)) continue;
        draw_fit(&fits[i], least, most, line_x[lines], line_y[lines]);
        series[count++] = (ovp_figure_series){.label = lines == 0 ? texts.fit : "",
                                              .style = OVP_FIGURE_LINE,
                                              .n = 2,
                                              .x = line_x[lines],
                                              .y = line_y[lines],
                                              .colour = 0};
        lines++;
    }
    if (depths > 0)
        series[count++] =
            (ovp_figure_series){.label = texts.deep, .style = OVP_FIGURE_HLINE, .n = 1, .y = &median, .colour = 2};
    series[count++] =
        (ovp_figure_series){.label = texts.target, .style = OVP_FIGURE_HLINE, .n = 1, .y = level, .colour = 3};
    if (isfinite(over->width)) {
        series[count++] = (ovp_figure_series){
            .label = texts.width, .style = OVP_FIGURE_POINTS, .n = 1, .x = &over->width, .y = level, .colour = 1};
        if (isfinite(over->low))
            series[count++] =
                (ovp_figure_series){.style = OVP_FIGURE_LINE, .n = 2, .x = bar_x, .y = level, .colour = 1};
    }
    const ovp_figure figure = {
        .name = "errors",
        .title = "Test error of shallow students against width",
        .x_label = "width",
        .y_label = "test error / variance of the teacher",
        .caption = "Each seed's students, and the power fitted to them, drawn out to the width at which it meets the "
                   "target. The square is the geometric mean of these widths with its 95 % interval (of one seed: the "
                   "regression's own; drawn to a factor of 10^4 at most).",
        .x_log = 1,
        .y_log = 1,
        .series = series,
        .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, x);
    return status;
}

/* ---- student against teacher --------------------------------------------------------------------- */

static ovp_status figure_scatter(depth_width_lab *lab, const char *name, const char *title,
                                 const depth_width_student *top, const char *top_label,
                                 const depth_width_student *below, const char *below_label) {
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->setup.n_test;
    const void *teacher = top->problem->y_test;
    double *x = NULL, ends[2] = {INFINITY, -INFINITY};
    ovp_figure_series series[3];
    ovp_idx count = 0;
    char caption[160];
    OVP_TRY(ovp_alloc(lab->ctx, &x, n, sizeof *x));
    for (ovp_idx i = 0; i < n; i++) {
        x[i] = lab->setup.type == OVP_F32 ? (double)((const float *)teacher)[i] : ((const double *)teacher)[i];
        ends[0] = fmin(ends[0], x[i]);
        ends[1] = fmax(ends[1], x[i]);
    }
    if (below)
        series[count++] = (ovp_figure_series){
            .label = below_label, .style = OVP_FIGURE_POINTS, .n = n, .x = x, .y = below->outputs, .colour = 1};
    series[count++] = (ovp_figure_series){
        .label = top_label, .style = OVP_FIGURE_POINTS, .n = n, .x = x, .y = top->outputs, .colour = 0};
    series[count++] = (ovp_figure_series){
        .label = "student = teacher", .style = OVP_FIGURE_THEORY, .n = 2, .x = ends, .y = ends, .colour = -1};
    snprintf(caption, sizeof caption, "Outputs on the %lld test points after training, seed %lld.", (long long)n,
             (long long)top->seed);
    const ovp_figure figure = {.name = name,
                               .title = title,
                               .x_label = "teacher",
                               .y_label = "student",
                               .caption = caption,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, x);
    return status;
}

/* Of the first seed that has one: the widest shallow student, or the first of another role and sigma. */
static const depth_width_student *example(const depth_width_lab *lab, depth_width_role role, double sigma) {
    const depth_width_student *best = NULL;
    for (ovp_idx i = 0; i < lab->count; i++) {
        const depth_width_student *s = &lab->students[i];
        if (s->role != role || !s->measured || s->problem->sigma < sigma || s->problem->sigma > sigma) continue;
        if (!best || (s->seed == best->seed && s->width > best->width)) best = s;
    }
    return best;
}

static ovp_status figure_scatters(depth_width_lab *lab) {
    ovp_status status = OVP_OK;
    const depth_width_student *deep = example(lab, DEPTH_WIDTH_DEEP, lab->sigmas[0]);
    const depth_width_student *wide = example(lab, DEPTH_WIDTH_SHALLOW, lab->sigmas[0]);
    char name[48], title[96], sigma[32], label[64] = "";
    if (wide) snprintf(label, sizeof label, "shallow student, width %lld", (long long)wide->width);
    if (deep)
        OVP_TRY(figure_scatter(lab, "scatter-deep", "Deep student against its teacher", deep, "deep student",
                               wide && wide->problem == deep->problem ? wide : NULL, label));
    for (ovp_idx t = 1; t < lab->sigma_count; t++) {
        const depth_width_student *linear = example(lab, DEPTH_WIDTH_LINEAR, lab->sigmas[t]);
        if (!linear) continue;
        ovp_experiment_short(sigma, lab->sigmas[t]);
        snprintf(name, sizeof name, t == 1 ? "scatter-linear" : "scatter-linear-%lld", (long long)t);
        snprintf(title, sizeof title, "Shallow student against a teacher of sigma %s", sigma);
        snprintf(label, sizeof label, "student, width %lld", (long long)linear->width);
        OVP_TRY(figure_scatter(lab, name, title, linear, label, NULL, NULL));
    }
done:
    return status;
}

ovp_status depth_width_figures(depth_width_lab *lab, const depth_width_fit *fits, const depth_width_fit *over) {
    ovp_status status = OVP_OK;
    if (ovp_params_int(lab->params, "deep-stages") > 0) OVP_TRY(figure_deep(lab));
    OVP_TRY(figure_losses(lab, DEPTH_WIDTH_SHALLOW));
    OVP_TRY(figure_errors(lab, fits, over));
    OVP_TRY(figure_losses(lab, DEPTH_WIDTH_LINEAR));
    OVP_TRY(figure_scatters(lab));
done:
    return status;
}
