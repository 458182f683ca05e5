/* Ranges of axes. */
#include "figure/figure_int.h"

#include <math.h>

int figure_drawable(const figure_axis *axis, double value) {
    return isfinite(value) && (!axis->log || value > 0);
}

double figure_place(const figure_axis *axis, double value) {
    if (axis->log) return log(value / axis->low) / log(axis->high / axis->low);
    return (value - axis->low) / (axis->high - axis->low);
}

static void widen(figure_axis *axis, double value) {
    if (!figure_drawable(axis, value)) return;
    if (!(axis->low <= value)) axis->low = value;
    if (!(axis->high >= value)) axis->high = value;
}

double figure_height(const ovp_figure_series *series, ovp_idx i) {
    if (series->y) return series->y[i];
    if (series->low && series->high) return .5 * (series->low[i] + series->high[i]);
    return NAN;
}

int figure_drawable_point(const ovp_figure_series *series, const figure_axis *x, const figure_axis *y, ovp_idx i) {
    return series->x && figure_drawable(x, series->x[i]) && figure_drawable(y, figure_height(series, i)) &&
           (!series->z || isfinite(series->z[i]));
}

/* Margins: 3 % of the axis on both sides; a linear axis of non-negative values does not reach below 0. */
static void finish(figure_axis *axis) {
    if (isnan(axis->low)) {
        axis->low = axis->log ? 1 : 0;
        axis->high = axis->log ? 10 : 1;
        return;
    }
    if (axis->log) {
        double decades = log10(axis->high / axis->low);
        double margin = decades > 0 ? pow(10, .03 * decades) : 2;
        if (margin < 1.02) margin = 1.02;
        if (axis->low / margin > 0) axis->low /= margin;
        if (isfinite(axis->high * margin)) axis->high *= margin;
        return;
    }
    double span = axis->high - axis->low;
    double margin = span > 0 ? .03 * span : (axis->high != 0 ? .1 * fabs(axis->high) : 1);
    /* Below the resolution of doubles the tics would coincide. */
    if (margin < 1e-9 * fabs(axis->high)) margin = 1e-9 * fabs(axis->high);
    if (!isfinite(span)) return;
    int positive = axis->low >= 0;
    axis->low -= margin;
    axis->high += margin;
    if (positive && axis->low < 0) axis->low = 0;
}

void figure_ranges(const ovp_figure *figure, figure_axis *x, figure_axis *y) {
    x->log = figure->x_log;
    y->log = figure->y_log;
    x->low = x->high = y->low = y->high = NAN;
    for (ovp_idx s = 0; s < figure->count; s++) {
        const ovp_figure_series *series = &figure->series[s];
        if (series->style == OVP_FIGURE_HLINE) {
            if (series->n > 0 && series->y) widen(y, series->y[0]);
            continue;
        }
        for (ovp_idx i = 0; i < series->n; i++) {
            if (!figure_drawable_point(series, x, y, i)) continue;
            figure_axis *ends = series->style == OVP_FIGURE_BARS ? x : y;
            widen(x, series->x[i]);
            widen(y, figure_height(series, i));
            if (series->low) widen(ends, series->low[i]);
            if (series->high) widen(ends, series->high[i]);
            if (series->style == OVP_FIGURE_BARS) widen(y, 0); /* where a bar stands; a log axis has no 0 */
        }
    }
    finish(x);
    finish(y);
}

/* A unit as long on x as on y, and the plot neither a thin strip nor a tower: the shorter axis grows on both sides. */
static void square(figure_axis *x, figure_axis *y) {
    const double flat = .4, steep = 1.3;
    double across = x->high - x->low, up = y->high - y->low;
    double more = up < flat * across ? flat * across - up : 0, wider = up > steep * across ? up / steep - across : 0;
    if (!isfinite(across) || !isfinite(up)) return;
    y->low -= .5 * more;
    y->high += .5 * more;
    x->low -= .5 * wider;
    x->high += .5 * wider;
}

/* A heat map's outer cells stand with their middles on the ends of the rectangle. */
static void map_ranges(const ovp_figure_map *map, figure_axis *x, figure_axis *y) {
    const int cells = !map->no_fill && !map->surface;
    double dx = cells && map->cols > 1 ? .5 * (map->x_high - map->x_low) / (double)(map->cols - 1) : 0;
    double dy = cells && map->rows > 1 ? .5 * (map->y_high - map->y_low) / (double)(map->rows - 1) : 0;
    *x = (figure_axis){.low = map->x_low - dx, .high = map->x_high + dx};
    *y = (figure_axis){.low = map->y_low - dy, .high = map->y_high + dy};
}

static void bar_range(const ovp_figure_map *map, figure_axis *bar) {
    *bar = (figure_axis){.log = map->log, .low = map->low, .high = map->high};
    if (map->low != 0 || map->high != 0) return;
    bar->low = bar->high = NAN;
    for (ovp_idx i = 0; i < map->cols * map->rows; i++) widen(bar, map->values[i]);
    if (!(bar->high > bar->low)) finish(bar);
}

void figure_frame_ranges(figure_frame *frame) {
    const ovp_figure *figure = frame->figure;
    figure_ranges(figure, &frame->x, &frame->y);
    frame->space = figure_in_space(figure);
    if (figure->map) {
        map_ranges(figure->map, &frame->x, &frame->y);
        bar_range(figure->map, &frame->bar);
    }
    if (!frame->space) {
        if (figure->equal_axes) square(&frame->x, &frame->y);
        return;
    }
    frame->z = (figure_axis){.low = NAN, .high = NAN};
    for (ovp_idx s = 0; s < figure->count; s++)
        for (ovp_idx i = 0; i < figure->series[s].n; i++)
            if (figure_drawable_point(&figure->series[s], &frame->x, &frame->y, i))
                widen(&frame->z, figure->series[s].z[i]);
    if (figure->map) { /* a surface */
        widen(&frame->z, frame->bar.low);
        widen(&frame->z, frame->bar.high);
    }
    finish(&frame->z);
}
