/* lazy-1d: its figures. */
#include "lazy_1d_int.h"

#include <stdio.h>
#include <string.h>

enum { LABEL = 160, CURVE_POINTS = 24, EACH = 9, DRAWN = (LAZY_1D_GRID - 1) / EACH + 1 };

/* Distinct widths in order of appearance, with a label each, and whose each net is. */
typedef struct groups {
    ovp_idx count;
    ovp_idx *width, *of; /* one a group; one a finished net */
    ovp_idx rows;
    char (*text)[LABEL];
    const char **labels;
} groups;

static void groups_free(ovp_ctx *ctx, groups *g) {
    ovp_free(ctx, g->width);
    ovp_free(ctx, g->of);
    ovp_free(ctx, g->text);
    ovp_free(ctx, (void *)(uintptr_t)g->labels);
}

/* Freed with groups_free, also after a failure. */
static ovp_status groups_make(groups *g, const lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    *g = (groups){.count = 0};
    OVP_TRY(ovp_alloc(lab->ctx, &g->width, lab->setup.width_count, sizeof *g->width));
    OVP_TRY(ovp_alloc(lab->ctx, &g->of, lab->count, sizeof *g->of));
    OVP_TRY(ovp_alloc(lab->ctx, &g->text, lab->setup.width_count, sizeof *g->text));
    OVP_TRY(ovp_alloc(lab->ctx, &g->labels, lab->setup.width_count, sizeof *g->labels));
    for (ovp_idx i = 0; i < lab->count; i++) {
        ovp_idx k = 0;
        if (!lab->nets[i].finished) continue;
        while (k < g->count && g->width[k] != lab->nets[i].width) k++;
        if (k == g->count) {
            snprintf(g->text[k], LABEL, "width %lld", (long long)lab->nets[i].width);
            g->labels[k] = g->text[k];
            g->width[g->count++] = lab->nets[i].width;
        }
        g->of[g->rows++] = k;
    }
done:
    return status;
}

/* ---- curves over steps --------------------------------------------------------------------------- */

typedef double (*value_at)(const lazy_1d_lab *lab, const lazy_1d_net *net, ovp_idx record);

static double loss_at(const lazy_1d_lab *lab, const lazy_1d_net *net, ovp_idx record) {
    return net->losses[lab->records[record] - 1];
}
static double movement_at(const lazy_1d_lab *lab, const lazy_1d_net *net, ovp_idx record) {
    (void)lab;
    return net->movement[record];
}
static double step_size_at(const lazy_1d_lab *lab, const lazy_1d_net *net, ovp_idx record) {
    (void)lab;
    return net->step_size[record];
}

static ovp_status over_steps(const lazy_1d_lab *lab, const groups *g, const char *name, const char *title,
                             const char *label, value_at value) {
    ovp_status status = OVP_OK;
    double *steps = NULL, *values = NULL;
    ovp_idx row = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &steps, lab->record_count, sizeof *steps));
    OVP_TRY(ovp_alloc(lab->ctx, &values, lab->count * lab->record_count, sizeof *values));
    for (ovp_idx k = 0; k < lab->record_count; k++) steps[k] = (double)lab->records[k];
    for (ovp_idx i = 0; i < lab->count; i++) {
        if (!lab->nets[i].finished) continue;
        for (ovp_idx k = 0; k < lab->record_count; k++)
            values[row * lab->record_count + k] = value(lab, &lab->nets[i], k);
        row++;
    }
    const study_curves curves = {.name = name,
                                 .title = title,
                                 .x_label = "step",
                                 .y_label = label,
                                 .x_log = 1,
                                 .y_log = 1,
                                 .ordered = 1,
                                 .rows = row,
                                 .steps = lab->record_count,
                                 .groups = g->count,
                                 .x = steps,
                                 .values = values,
                                 .group = g->of,
                                 .labels = g->labels};
    OVP_TRY(study_figure_curves(lab->run, &curves));
done:
    ovp_free(lab->ctx, values);
    ovp_free(lab->ctx, steps);
    return status;
}

/* ---- functions ----------------------------------------------------------------------------------- */

/* Every EACH-th value, both ends included, into *room, which moves on: enough for a line. */
static const double *drawn_part(double **room, const double *values) {
    double *out = *room;
    for (ovp_idx k = 0; k < DRAWN; k++) out[k] = values[k * EACH];
    *room += DRAWN;
    return out;
}

/* The data and the target of the first seed, and its nets' functions before or after training, if any. */
static ovp_status functions(const lazy_1d_lab *lab, const groups *g, const char *name, const char *title,
                            const char *caption, int after) {
    ovp_status status = OVP_OK;
    const lazy_1d_data *data = &lab->data[0];
    const ovp_idx nets = g ? lab->per_seed : 0;
    ovp_figure_series *series = NULL;
    double *values = NULL;
    ovp_idx count = 0, drawn = 0; /* groups with a label already; they appear in their order */
    OVP_TRY(ovp_alloc(lab->ctx, &series, nets + 2, sizeof *series));
    OVP_TRY(ovp_alloc(lab->ctx, &values, (nets + 2) * DRAWN, sizeof *values));
    double *room = values;
    const double *x = drawn_part(&room, lab->grid64);
    for (ovp_idx i = 0; i < nets; i++) {
        const lazy_1d_net *net = &lab->nets[i];
        ovp_idx k = 0;
        if (!net->finished || net->diverged_at) continue;
        while (g->width[k] != net->width) k++;
        series[count++] = (ovp_figure_series){.label = k >= drawn ? g->labels[k] : "",
                                              .style = OVP_FIGURE_LINE,
                                              .n = DRAWN,
                                              .x = x,
                                              .y = drawn_part(&room, after ? net->end : net->start),
                                              .colour = (int)k};
        if (k >= drawn) drawn = k + 1;
    }
    series[count++] = (ovp_figure_series){.label = "target",
                                          .style = OVP_FIGURE_THEORY,
                                          .n = DRAWN,
                                          .x = x,
                                          .y = drawn_part(&room, data->f),
                                          .colour = (int)(g ? g->count : 0)};
    series[count++] = (ovp_figure_series){.label = "data",
                                          .style = OVP_FIGURE_POINTS,
                                          .n = lab->setup.n,
                                          .x = data->x64,
                                          .y = data->y64,
                                          .colour = (int)(g ? g->count : 1)};
    const ovp_figure figure = {.name = name,
                               .title = title,
                               .x_label = "x",
                               .y_label = "f(x)",
                               .caption = caption,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, values);
    ovp_free(lab->ctx, series);
    return status;
}

/* ---- movement against width ---------------------------------------------------------------------- */

/* Predicted movements on a fine grid of widths: geometric means over the seeds' data. curves: x, then one a measure. */
static ovp_status predicted_curves(double *curves, const lazy_1d_lab *lab, double least, double most) {
    ovp_status status = OVP_OK;
    const lazy_1d_setup *s = &lab->setup;
    for (ovp_idx k = 0; k < CURVE_POINTS; k++) {
        double sums[LAZY_1D_MEASURES] = {0};
        curves[k] = least * pow(most / least, (double)k / (CURVE_POINTS - 1));
        for (ovp_idx i = 0; i < lab->seed_count; i++) {
            lazy_1d_prediction p;
            OVP_TRY(
                lazy_1d_predict(&p, lab->ctx, s->n, lab->data[i].x64, lab->data[i].y64, curves[k], s->lr, s->steps));
            for (int m = 0; m < LAZY_1D_MEASURES; m++) sums[m] += log(p.moved[m]);
        }
        for (int m = 0; m < LAZY_1D_MEASURES; m++)
            curves[(m + 1) * CURVE_POINTS + k] = exp(sums[m] / (double)lab->seed_count);
    }
done:
    return status;
}

static void label_of(char label[LABEL], const char *name, const double *exponents, ovp_idx seeds) {
    const ovp_measure_interval e = study_over_seeds(exponents, seeds);
    char text[3][32];
    ovp_experiment_short(text[0], e.mean);
    ovp_experiment_short(text[1], e.low);
    ovp_experiment_short(text[2], e.high);
    if (isfinite(e.low))
        snprintf(label, LABEL, "%s: exponent %s [%s, %s]", name, text[0], text[1], text[2]);
    else
        snprintf(label, LABEL, "%s: exponent %s", name, text[0]);
}

/* The output bias starts near 0 in some nets, so its mean says nothing: medians. */
static ovp_status movement_figure(const lazy_1d_lab *lab, const lazy_1d_exponents *e) {
    static const char *const names[LAZY_1D_MEASURES] = {"all parameters", "last layer", "output bias"};
    ovp_status status = OVP_OK;
    study_points points[LAZY_1D_MEASURES] = {{.x = NULL}};
    double *curves = NULL;
    char labels[LAZY_1D_MEASURES][LABEL];
    ovp_figure_series series[2 * LAZY_1D_MEASURES];
    ovp_idx count = 0;
    for (int m = 0; m < LAZY_1D_MEASURES; m++) {
        OVP_TRY(study_points_get(&points[m], lab->run,
                                 &(study_query){.table = "models", .x = "width", .y = lazy_1d_measures[m]}));
        label_of(labels[m], names[m], e->measured[m], lab->seed_count);
        series[count++] = (ovp_figure_series){.label = labels[m],
                                              .style = OVP_FIGURE_POINTS,
                                              .n = points[m].count,
                                              .x = points[m].x,
                                              .y = m == 2 ? points[m].median : points[m].mean,
                                              .low = m == 2 ? NULL : points[m].low,
                                              .high = m == 2 ? NULL : points[m].high,
                                              .colour = m};
    }
    if (points[0].count < 2) goto done;
    if (lazy_1d_predicts(&lab->setup)) {
        OVP_TRY(ovp_alloc(lab->ctx, &curves, (1 + LAZY_1D_MEASURES) * CURVE_POINTS, sizeof *curves));
        OVP_TRY(predicted_curves(curves, lab, points[0].x[0], points[0].x[points[0].count - 1]));
        for (int m = 0; m < LAZY_1D_MEASURES; m++)
            series[count++] = (ovp_figure_series){.label = m == 0 ? "linearised training" : "",
                                                  .style = OVP_FIGURE_THEORY,
                                                  .n = CURVE_POINTS,
                                                  .x = curves,
                                                  .y = curves + (m + 1) * CURVE_POINTS,
                                                  .colour = m};
    }
    const ovp_figure figure = {.name = "movement-width",
                               .title = "How far nets move",
                               .x_label = "width",
                               .y_label = "movement / norm at the start",
                               .caption = "Means over seeds and members with 95 % intervals (output bias: medians, as "
                                          "some start near 0), the exponents fitted for each seed, and what "
                                          "linearised training predicts, without a fitted factor.",
                               .x_log = 1,
                               .y_log = 1,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    for (int m = 0; m < LAZY_1D_MEASURES; m++) study_points_free(lab->ctx, &points[m]);
    ovp_free(lab->ctx, curves);
    return status;
}

static ovp_status steps_figure(const lazy_1d_lab *lab, const lazy_1d_exponents *e) {
    ovp_status status = OVP_OK;
    study_points points = {.x = NULL};
    OVP_TRY(study_points_get(&points, lab->run, &(study_query){.table = "models", .x = "width", .y = "steps_to_loss"}));
    const study_power power = {.name = "steps-to-loss",
                               .title = "Steps to the target loss",
                               .x_label = "width",
                               .y_label = "steps",
                               .caption = "Means over the nets that reached it, with 95 % intervals, and the fitted "
                                          "power.",
                               .points = &points,
                               .exponents = e->steps_to_loss};
    if (points.count > 1) OVP_TRY(study_figure_power(lab->run, &power));
done:
    study_points_free(lab->ctx, &points);
    return status;
}

ovp_status lazy_1d_figures(lazy_1d_lab *lab, const lazy_1d_exponents *exponents) {
    ovp_status status = OVP_OK;
    groups g;
    OVP_TRY(groups_make(&g, lab));
    OVP_TRY(
        functions(lab, NULL, "data", "Target and data", "The target and the points drawn from it (first seed).", 0));
    if (g.rows > 0) {
        OVP_TRY(functions(lab, &g, "functions-before", "Before training",
                          "The nets' functions at the start of training (first seed).", 0));
        OVP_TRY(functions(lab, &g, "functions-after", "After training",
                          "The nets' functions after the last step (first seed).", 1));
        OVP_TRY(over_steps(lab, &g, "loss", "Training loss", "loss before the step", loss_at));
        OVP_TRY(
            over_steps(lab, &g, "movement", "Movement of all parameters", "movement / norm at the start", movement_at));
        OVP_TRY(over_steps(lab, &g, "step-size", "Size of a step", "step / norm of the parameters", step_size_at));
    }
    OVP_TRY(movement_figure(lab, exponents));
    OVP_TRY(steps_figure(lab, exponents));
done:
    groups_free(lab->ctx, &g);
    return status;
}
