/* Where a legend fits. */
#include "figure/figure_int.h"

#include <math.h>

typedef struct corner {
    const char *name;
    double x0, y0, x1, y1; /* its box in graph coordinates */
} corner;

/* The place of point i in graph coordinates: across, and from..to upwards with its bar. Returns 0 if it has none. */
static int extent(const figure_frame *frame, const ovp_figure_series *series, ovp_idx i, double *across, double *from,
                  double *to) {
    const double none = NAN;
    if (!series->x || !figure_drawable(&frame->x, series->x[i])) return 0;
    if (frame->space) {
        if (!figure_drawable_point(series, &frame->x, &frame->y, i)) return 0;
        figure_space_place(frame, series->x[i], series->y[i], series->z[i], across, from);
        *to = *from;
        return 1;
    }
    *across = figure_place(&frame->x, series->x[i]);
    int bars = series->style == OVP_FIGURE_BARS;
    double ends[3] = {series->y ? series->y[i] : none,
                      bars          ? (frame->y.log ? frame->y.low : 0)
                      : series->low ? series->low[i]
                                    : none,
                      !bars && series->high ? series->high[i] : none};
    *from = 2;
    *to = -1;
    for (int k = 0; k < 3; k++) {
        if (!figure_drawable(&frame->y, ends[k])) continue;
        double q = figure_place(&frame->y, ends[k]);
        *from = fmin(*from, q);
        *to = fmax(*to, q);
    }
    return *to >= *from;
}

/* Whether any drawn point, or the straight line to the point before it, lies in the box. */
static int series_covers(const figure_frame *frame, const ovp_figure_series *series, const corner *box) {
    double px = NAN, py = NAN, qx, from, to;
    if (series->style == OVP_FIGURE_HLINE) {
        double level = figure_place(&frame->y, series->y[0]);
        return level >= box->y0 && level <= box->y1;
    }
    for (ovp_idx i = 0; i < series->n; i++) {
        if (!extent(frame, series, i, &qx, &from, &to)) continue;
        double left = qx, right = qx, qy = .5 * (from + to);
        if (series->style == OVP_FIGURE_BARS && figure_drawable(&frame->x, series->low[i]))
            left = figure_place(&frame->x, series->low[i]);
        if (series->style == OVP_FIGURE_BARS && figure_drawable(&frame->x, series->high[i]))
            right = figure_place(&frame->x, series->high[i]);
        if (right >= box->x0 && left <= box->x1 && to >= box->y0 && from <= box->y1) return 1;
        if (!isnan(px) && series->style != OVP_FIGURE_POINTS && series->style != OVP_FIGURE_BARS)
            for (int k = 1; k < 32; k++) {
                double t = k / 32., ux = px + t * (qx - px), uy = py + t * (qy - py);
                if (ux >= box->x0 && ux <= box->x1 && uy >= box->y0 && uy <= box->y1) return 1;
            }
        px = qx;
        py = qy;
    }
    return 0;
}

static int covers(const figure_frame *frame, const corner *box) {
    for (ovp_idx s = 0; s < frame->figure->count; s++)
        if (frame->drawn[s].points > 0 && series_covers(frame, &frame->figure->series[s], box)) return 1;
    return 0;
}

int figure_entries(const figure_frame *frame, int *longest) {
    int entries = 0;
    *longest = 0;
    for (ovp_idx s = 0; s < frame->figure->count; s++) {
        if (!figure_in_legend(&frame->figure->series[s], &frame->drawn[s])) continue;
        int columns = figure_columns(frame->figure->series[s].label);
        entries++;
        if (columns > *longest) *longest = columns;
    }
    return entries;
}

const char *figure_free_corner(const figure_frame *frame, double width, double height) {
    const double w = width / frame->width, h = height / frame->height;
    const corner corners[] = {{"right top", 1 - w, 1 - h, 1, 1},
                              {"left bottom", 0, 0, w, h},
                              {"right bottom", 1 - w, 0, 1, h},
                              {"left top", 0, 1 - h, w, 1}};
    for (int c = 0; c < FIGURE_COUNT(corners) && w < .6 && h < .6; c++)
        if (!covers(frame, &corners[c])) return corners[c].name;
    return NULL;
}
