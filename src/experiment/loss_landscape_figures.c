/* loss-landscape: contours and surfaces with their true extents, lines, paths. */
#include "loss_landscape_int.h"

#include <stdio.h>
#include <string.h>

enum {
    PANELS = 9,  /* most surfaces in a figure */
    LEVELS = 12, /* contour lines */
    TITLE = 160
};
#define WIDE 30. /* colours and heights are logarithmic where the largest loss is so many times the smallest */

/* What one panel borrows. */
typedef struct panel {
    ovp_figure_map map;
    ovp_figure_series series[2];
    double low, high, levels[LEVELS], marks[6];
    double *heights; /* of the surface in space: losses, or their logarithms to base 10 */
    char title[TITLE];
    int log;
} panel;

typedef struct sheet {
    const landscape_lab *lab;
    panel *panels;
    ovp_figure *figures;
    ovp_idx count;
    double res;
    int line;
} sheet;

static const char *label_of(const landscape_row *row, int several_seeds, char title[TITLE]) {
    if (several_seeds)
        snprintf(title, TITLE, "%s, directions %lld", row->net, (long long)row->seed);
    else
        snprintf(title, TITLE, "%s", row->net);
    return title;
}

static void extremes(const landscape_row *row, double *low, double *high) {
    *low = *high = NAN;
    for (ovp_idx i = 0; i < row->rows * row->cols; i++)
        if (isfinite(row->loss[i])) {
            *low = fmin(*low, row->loss[i]); /* fmin and fmax pass over the NaN */
            *high = fmax(*high, row->loss[i]);
        }
}

static double height(const panel *p, double loss) {
    return p->log ? log10(loss) : loss;
}

static ovp_status fill(panel *p, const sheet *s, const landscape_row *row) {
    const ovp_idx n = row->rows * row->cols;
    extremes(row, &p->low, &p->high);
    p->log = p->low > 0 && p->high > WIDE * p->low;
    ovp_status status = ovp_alloc(s->lab->ctx, &p->heights, n, sizeof *p->heights);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < n; i++) p->heights[i] = height(p, row->loss[i]);
    for (int k = 0; k < LEVELS; k++) {
        const double share = (k + .5) / LEVELS;
        p->levels[k] = p->log ? p->low * pow(p->high / p->low, share) : p->low + share * (p->high - p->low);
    }
    p->marks[3] = (double)(row->min_col - row->cols / 2) * s->res;
    p->marks[4] = (double)(row->min_row - row->rows / 2) * s->res;
    p->marks[2] = height(p, row->centre);
    p->marks[5] = height(p, row->minimum);
    p->series[0] = (ovp_figure_series){.label = "trained weights",
                                       .style = OVP_FIGURE_POINTS,
                                       .n = 1,
                                       .x = &p->marks[0],
                                       .y = &p->marks[1],
                                       .colour = 1};
    p->series[1] = (ovp_figure_series){.label = "lowest point",
                                       .style = OVP_FIGURE_POINTS,
                                       .n = row->min_cells >= 0 ? 1 : 0,
                                       .x = &p->marks[3],
                                       .y = &p->marks[4],
                                       .colour = 2};
    p->map = (ovp_figure_map){.cols = row->cols,
                              .rows = row->rows,
                              .values = row->loss,
                              .x_low = -(double)(row->cols / 2) * s->res,
                              .x_high = (double)(row->cols - 1 - row->cols / 2) * s->res,
                              .y_low = -(double)(row->rows / 2) * s->res,
                              .y_high = (double)(row->rows - 1 - row->rows / 2) * s->res,
                              .label = "loss",
                              .log = p->log,
                              .levels = p->levels,
                              .level_count = p->high > p->low ? LEVELS : 0};
    return OVP_OK;
}

/* Surfaces of one point, or without a finite loss, have nothing to draw. */
static int drawable(const landscape_row *row) {
    return row->rows > 1 && row->cols > 1 && row->min_cells >= 0;
}

static ovp_status draw_contours(const sheet *s, ovp_idx of) {
    for (ovp_idx k = 0; k < s->count; k++)
        s->figures[k] = (ovp_figure){.name = "panel",
                                     .title = s->panels[k].title,
                                     .x_label = "along d1 (share of each unit's weights)",
                                     .y_label = "along d2",
                                     .series = s->panels[k].series,
                                     .count = 2,
                                     .map = &s->panels[k].map,
                                     .equal_axes = 1};
    char caption[300];
    snprintf(caption, sizeof caption,
             "Loss on planes through the trained weights with their true extents: 1 is a step as long as the weights "
             "themselves.%s",
             s->count < of ? " The first 9 surfaces; the others are in arrays.npz." : "");
    return ovp_run_figure(s->lab->run, &(ovp_figure){.name = "contours",
                                                     .title = "Loss landscape",
                                                     .caption = caption,
                                                     .panels = s->figures,
                                                     .panel_count = s->count});
}

static ovp_status draw_surfaces(const sheet *s) {
    for (ovp_idx k = 0; k < s->count; k++) {
        panel *p = &s->panels[k];
        p->map.values = p->heights;
        p->map.log = 0;
        p->map.surface = 1;
        for (int j = 0; j < LEVELS; j++) p->levels[j] = height(p, p->levels[j]);
        p->series[0].z = &p->marks[2];
        p->series[1].z = &p->marks[5];
        s->figures[k] = (ovp_figure){.name = "panel",
                                     .title = p->title,
                                     .x_label = "along d1",
                                     .y_label = "along d2",
                                     .z_label = p->log ? "log10 of the loss" : "loss",
                                     .series = p->series,
                                     .count = 2,
                                     .map = &p->map};
    }
    return ovp_run_figure(s->lab->run,
                          &(ovp_figure){.name = "surface",
                                        .title = "Loss landscape",
                                        .caption = "The same planes as surfaces, with contour lines on the "
                                                   "floor.",
                                        .panels = s->figures,
                                        .panel_count = s->count});
}

static ovp_status draw_planes(const landscape_lab *lab) {
    ovp_status status = OVP_OK;
    sheet s = {.lab = lab, .res = ovp_params_real(lab->params, "res")};
    ovp_idx of = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &s.panels, PANELS, sizeof *s.panels));
    OVP_TRY(ovp_alloc(lab->ctx, &s.figures, PANELS, sizeof *s.figures));
    for (ovp_idx i = 0; i < lab->count; i++) {
        if (!drawable(&lab->rows[i])) continue;
        if (of++ >= PANELS) continue;
        OVP_TRY(fill(&s.panels[s.count], &s, &lab->rows[i]));
        (void)label_of(&lab->rows[i], lab->seed_count > 1, s.panels[s.count].title);
        s.count++;
    }
    if (s.count == 0) goto done;
    OVP_TRY(draw_contours(&s, of));
    OVP_TRY(draw_surfaces(&s));
done:
    for (ovp_idx k = 0; s.panels && k < PANELS; k++) ovp_free(lab->ctx, s.panels[k].heights);
    ovp_free(lab->ctx, s.figures);
    ovp_free(lab->ctx, s.panels);
    return status;
}

static ovp_status draw_lines(const landscape_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx cols = lab->rows[0].cols;
    const double res = ovp_params_real(lab->params, "res");
    double *x = NULL, *values = NULL, low = NAN, high = NAN;
    ovp_idx *group = NULL, groups = 0;
    const char *labels[LANDSCAPE_NETS];
    OVP_TRY(ovp_alloc(lab->ctx, &x, cols, sizeof *x));
    OVP_TRY(ovp_alloc(lab->ctx, &values, lab->count * cols, sizeof *values));
    OVP_TRY(ovp_alloc(lab->ctx, &group, lab->count, sizeof *group));
    for (ovp_idx j = 0; j < cols; j++) x[j] = (double)(j - cols / 2) * res;
    for (ovp_idx i = 0; i < lab->count; i++) {
        double bottom, top;
        memcpy(values + i * cols, lab->rows[i].loss, (size_t)cols * sizeof *values);
        group[i] = lab->rows[i].pick;
        labels[group[i]] = lab->rows[i].net;
        if (group[i] >= groups) groups = group[i] + 1;
        extremes(&lab->rows[i], &bottom, &top);
        low = fmin(low, bottom);
        high = fmax(high, top);
    }
    const study_curves curves = {.name = "lines",
                                 .title = "Loss along random directions",
                                 .x_label = "along d1 (share of each unit's weights)",
                                 .y_label = "loss",
                                 .caption = "Through the trained weights at 0; median over the directions, the band "
                                            "reaches from the lowest to the highest.",
                                 .y_log = low > 0 && high > WIDE * low,
                                 .rows = lab->count,
                                 .steps = cols,
                                 .groups = groups,
                                 .x = x,
                                 .values = values,
                                 .group = group,
                                 .labels = labels};
    OVP_TRY(study_figure_curves(lab->run, &curves));
done:
    ovp_free(lab->ctx, group);
    ovp_free(lab->ctx, values);
    ovp_free(lab->ctx, x);
    return status;
}

static ovp_status draw_path(const landscape_lab *lab) {
    const landscape_path *path = &lab->path;
    const double ends[] = {0, 1};
    double most = 0, least = INFINITY;
    for (ovp_idx i = 0; i < path->steps; i++) {
        most = fmax(most, path->loss[i]);
        least = fmin(least, path->loss[i]);
    }
    const ovp_figure_series series[] = {
        {.label = "loss", .style = OVP_FIGURE_LINE, .n = path->steps, .x = path->t, .y = path->loss, .colour = 0},
        {.label = "the two nets", .style = OVP_FIGURE_POINTS, .n = 2, .x = ends, .y = path->end, .colour = 1},
    };
    return ovp_run_figure(
        lab->run,
        &(ovp_figure){.name = "path",
                      .title = "Loss between two trained nets",
                      .x_label = "t: weights (1 - t) first + t second",
                      .y_label = "loss",
                      .caption = "Along the straight line through the weights of both nets, on the data of the first.",
                      .y_log = least > 0 && most > WIDE * least,
                      .series = series,
                      .count = 2});
}

ovp_status landscape_figures(landscape_lab *lab) {
    if (lab->path.loss) return draw_path(lab);
    if (lab->count == 0) return OVP_OK;
    return lab->rows[0].rows == 1 && lab->rows[0].cols > 1 ? draw_lines(lab) : draw_planes(lab);
}
