/* depth-limit: norms and entries along the depth, loss and Omega over the epochs. */
#include "depth_limit_int.h"

#include <stdio.h>

/* ---- along the depth ----------------------------------------------------------------------------- */

typedef struct labels {
    char (*text)[40];
    const char **list;
} labels;

static ovp_status make_labels(labels *out, const depth_limit_lab *lab) {
    ovp_status status = OVP_OK;
    *out = (labels){.text = NULL};
    OVP_TRY(ovp_alloc(lab->ctx, &out->text, lab->layer_count, sizeof *out->text));
    OVP_TRY(ovp_alloc(lab->ctx, &out->list, lab->layer_count, sizeof *out->list));
    for (ovp_idx g = 0; g < lab->layer_count; g++) {
        snprintf(out->text[g], sizeof out->text[g], "L = %lld", (long long)lab->layers[g]);
        out->list[g] = out->text[g];
    }
done:
    return status;
}

static void free_labels(ovp_ctx *ctx, labels *l) {
    ovp_free(ctx, l->text);
    ovp_free(ctx, l->list);
}

/* Blocks of sums of all depths: place g of x begins at offset[g]. */
typedef struct depths {
    ovp_idx *offset;
    double *x, *norms; /* k/(L-1); mean over the rows of a depth */
} depths;

static void free_depths(ovp_ctx *ctx, depths *d) {
    ovp_free(ctx, d->offset);
    ovp_free(ctx, d->x);
}

static void mean_norms(const depth_limit_lab *lab, ovp_idx layers, double *norms) {
    ovp_idx n = 0;
    for (ovp_idx i = 0; i < lab->count; i++) {
        const depth_limit_row *row = &lab->rows[i];
        if (row->layers != layers || row->diverged_at) continue;
        for (ovp_idx k = 0; k < layers; k++) norms[k] += row->norms[k];
        n++;
    }
    for (ovp_idx k = 0; k < layers; k++) norms[k] = n ? norms[k] / (double)n : (double)NAN;
}

static ovp_status make_depths(depths *out, const depth_limit_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_idx all = 0;
    *out = (depths){.x = NULL};
    OVP_TRY(ovp_alloc(lab->ctx, &out->offset, lab->layer_count, sizeof *out->offset));
    for (ovp_idx g = 0; g < lab->layer_count; g++) {
        out->offset[g] = all;
        all += lab->layers[g];
    }
    OVP_TRY(ovp_alloc(lab->ctx, &out->x, 2 * all, sizeof *out->x));
    out->norms = out->x + all;
    for (ovp_idx g = 0; g < lab->layer_count; g++) {
        const ovp_idx layers = lab->layers[g];
        for (ovp_idx k = 0; k < layers; k++)
            out->x[out->offset[g] + k] = layers > 1 ? (double)k / (double)(layers - 1) : 0;
        mean_norms(lab, layers, out->norms + out->offset[g]);
    }
done:
    return status;
}

static ovp_status draw_norms(const depth_limit_lab *lab, const depths *d, const labels *l) {
    ovp_status status = OVP_OK;
    ovp_figure_series *series = NULL;
    char text[32], axis[64];
    OVP_TRY(ovp_alloc(lab->ctx, &series, lab->layer_count, sizeof *series));
    for (ovp_idx g = 0; g < lab->layer_count; g++)
        series[g] = (ovp_figure_series){.label = l->list[g],
                                        .style = OVP_FIGURE_LINE,
                                        .n = lab->layers[g],
                                        .x = d->x + d->offset[g],
                                        .y = d->norms + d->offset[g],
                                        .colour = (int)g};
    ovp_experiment_short(text, depth_limit_beta(&lab->setup));
    snprintf(axis, sizeof axis, "||L^%s W_k||", text);
    const ovp_figure figure = {.name = "norm-profile",
                               .title = "Size of the weights along the depth",
                               .x_label = "k/(L - 1)",
                               .y_label = axis,
                               .caption = "Frobenius norms of the trained blocks times L^beta, mean over the seeds; "
                                          "depths whose curves lie on one another share a limit.",
                               .series = series,
                               .count = lab->layer_count,
                               .ordered = 1};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, series);
    return status;
}

static const double *first_paths(const depth_limit_lab *lab, ovp_idx layers) {
    for (ovp_idx i = 0; i < lab->count; i++)
        if (lab->rows[i].layers == layers && !lab->rows[i].diverged_at) return lab->rows[i].paths;
    return NULL;
}

static ovp_status draw_entries(const depth_limit_lab *lab, const depths *d, const labels *l) {
    ovp_status status = OVP_OK;
    ovp_idx entries[DEPTH_LIMIT_ENTRIES][2], shown = 0;
    const ovp_idx count = depth_limit_entries(lab->setup.dim, entries);
    ovp_figure_series *series = NULL;
    ovp_figure panels[DEPTH_LIMIT_ENTRIES];
    char titles[DEPTH_LIMIT_ENTRIES][48];
    OVP_TRY(ovp_alloc(lab->ctx, &series, count * lab->layer_count, sizeof *series));
    for (ovp_idx e = 0; e < count; e++) {
        shown = 0;
        ovp_figure_series *of = series + e * lab->layer_count;
        for (ovp_idx g = 0; g < lab->layer_count; g++) {
            const double *paths = first_paths(lab, lab->layers[g]);
            if (!paths) continue;
            of[shown++] = (ovp_figure_series){.label = l->list[g],
                                              .style = OVP_FIGURE_LINE,
                                              .n = lab->layers[g],
                                              .x = d->x + d->offset[g],
                                              .y = paths + e * lab->layers[g],
                                              .colour = (int)g};
        }
        snprintf(titles[e], sizeof titles[e], "row %lld, column %lld", (long long)entries[e][0],
                 (long long)entries[e][1]);
        panels[e] = (ovp_figure){.title = titles[e],
                                 .x_label = "k/(L - 1)",
                                 .y_label = "L^beta W_k",
                                 .series = of,
                                 .count = shown,
                                 .ordered = 1};
    }
    if (shown == 0) goto done;
    const ovp_figure figure = {.name = "entries",
                               .title = "Single entries along the depth",
                               .caption = "Entries of the trained blocks times L^beta, first seed (rows and columns "
                                          "count from 0); smooth curves are weights with a limit.",
                               .panels = panels,
                               .panel_count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, series);
    return status;
}

/* ---- over the epochs ----------------------------------------------------------------------------- */

enum { CURVE_POINTS = 500 };

/* Curves by depth at even steps. */
typedef struct curves {
    ovp_idx points;
    ovp_idx *group;
    double *x, *values, *theory; /* points; rows x points; groups x points */
} curves;

static void free_curves(ovp_ctx *ctx, curves *c) {
    ovp_free(ctx, c->group);
    ovp_free(ctx, c->x);
}

static ovp_status make_curves(curves *out, const depth_limit_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx points = lab->steps < CURVE_POINTS ? lab->steps : CURVE_POINTS;
    *out = (curves){.points = points};
    OVP_TRY(ovp_alloc(lab->ctx, &out->group, lab->count, sizeof *out->group));
    OVP_TRY(ovp_alloc(lab->ctx, &out->x, points * (1 + lab->count + lab->layer_count), sizeof *out->x));
    out->values = out->x + points;
    out->theory = out->values + points * lab->count;
    for (ovp_idx i = 0; i < lab->count; i++)
        while (lab->layers[out->group[i]] != lab->rows[i].layers) out->group[i]++;
done:
    return status;
}

static ovp_idx step_of(const depth_limit_lab *lab, const curves *c, ovp_idx point) {
    return c->points > 1 ? point * (lab->steps - 1) / (c->points - 1) : 0;
}

/* Epochs from 1. */
static double time_of(const depth_limit_lab *lab, ovp_idx step) {
    return (double)(step + 1) * (double)lab->setup.epochs / (double)lab->steps;
}

static void fill(curves *c, const depth_limit_lab *lab, const double *values) {
    for (ovp_idx k = 0; k < c->points; k++) {
        const ovp_idx step = step_of(lab, c, k);
        c->x[k] = time_of(lab, step);
        for (ovp_idx i = 0; i < lab->count; i++) c->values[i * c->points + k] = values[i * lab->steps + step];
    }
}

/* Geometric mean over a depth's rows of value(row, step); NaN without any. */
static void fill_theory(curves *c, const depth_limit_lab *lab,
                        double (*value)(const depth_limit_lab *, ovp_idx, ovp_idx)) {
    for (ovp_idx g = 0; g < lab->layer_count; g++)
        for (ovp_idx k = 0; k < c->points; k++) {
            double sum = 0;
            ovp_idx n = 0;
            for (ovp_idx i = 0; i < lab->count; i++) {
                const double one = c->group[i] == g ? log(value(lab, i, step_of(lab, c, k))) : (double)NAN;
                if (!isfinite(one)) continue;
                sum += one;
                n++;
            }
            c->theory[g * c->points + k] = n ? exp(sum / (double)n) : (double)NAN;
        }
}

static double closed_form(const depth_limit_lab *lab, ovp_idx row, ovp_idx step) {
    return lab->theory[row * lab->steps + step];
}

static double fitted_omega(const depth_limit_lab *lab, ovp_idx row, ovp_idx step) {
    const ovp_measure_decay *d = &lab->rows[row].omega;
    return d->scale * pow(time_of(lab, step) + d->shift, -d->rho);
}

static ovp_status draw_loss(const depth_limit_lab *lab, curves *c, const labels *l) {
    const int line = depth_limit_has_line(&lab->setup, &lab->data);
    fill(c, lab, lab->losses);
    fill_theory(c, lab, closed_form);
    return study_figure_curves(lab->run, &(const study_curves){.name = "loss",
                                                               .title = "Training loss",
                                                               .x_label = "epoch",
                                                               .y_label = "loss",
                                                               .x_log = 1,
                                                               .y_log = 1,
                                                               .ordered = 1,
                                                               .rows = lab->count,
                                                               .steps = c->points,
                                                               .groups = lab->layer_count,
                                                               .x = c->x,
                                                               .values = c->values,
                                                               .group = c->group,
                                                               .labels = l->list,
                                                               .theory = line ? c->theory : NULL,
                                                               .theory_label = "identity activation"});
}

static ovp_status draw_omega(const depth_limit_lab *lab, curves *c, const labels *l) {
    fill(c, lab, lab->omegas);
    fill_theory(c, lab, fitted_omega);
    return study_figure_curves(
        lab->run, &(const study_curves){.name = "omega",
                                        .title = "Decay of the gradient by the outputs",
                                        .x_label = "epoch",
                                        .y_label = "Omega",
                                        .caption = "Median over seeds, band from the lowest to the highest; dashed: "
                                                   "C/(t + T0)^rho fitted to each net, their geometric mean.",
                                        .x_log = 1,
                                        .y_log = 1,
                                        .ordered = 1,
                                        .rows = lab->count,
                                        .steps = c->points,
                                        .groups = lab->layer_count,
                                        .x = c->x,
                                        .values = c->values,
                                        .group = c->group,
                                        .labels = l->list,
                                        .theory = c->theory,
                                        .theory_label = "C/(t + T0)^rho"});
}

ovp_status depth_limit_figures(depth_limit_lab *lab) {
    ovp_status status = OVP_OK;
    labels l = {.text = NULL};
    depths d = {.x = NULL};
    curves c = {.x = NULL};
    OVP_TRY(make_labels(&l, lab));
    OVP_TRY(make_depths(&d, lab));
    OVP_TRY(make_curves(&c, lab));
    OVP_TRY(draw_norms(lab, &d, &l));
    OVP_TRY(draw_entries(lab, &d, &l));
    OVP_TRY(draw_loss(lab, &c, &l));
    if (lab->setup.omega) OVP_TRY(draw_omega(lab, &c, &l));
done:
    free_curves(lab->ctx, &c);
    free_depths(lab->ctx, &d);
    free_labels(lab->ctx, &l);
    return status;
}
