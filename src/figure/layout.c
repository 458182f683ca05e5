/* Ranges, tics and the points that are drawn. */
#include "figure/figure_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* The value that stands for a point when there is no y: the middle of its band. */
static double height(const ovp_figure_series *series, ovp_idx i) {
    if (series->y) return series->y[i];
    if (series->low && series->high) return .5 * (series->low[i] + series->high[i]);
    return NAN;
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
            if (!series->x || !figure_drawable(x, series->x[i]) || !figure_drawable(y, height(series, i))) continue;
            widen(x, series->x[i]);
            widen(y, height(series, i));
            if (series->low) widen(y, series->low[i]);
            if (series->high) widen(y, series->high[i]);
        }
    }
    finish(x);
    finish(y);
}

/* ---- tics ---------------------------------------------------------------------------------------- */

/* A decimal as "0.02" or, outside 1e-3..1e5, "2×10^{−6}" in enhanced text. The mantissas are integers or integers over
 * a power of ten: the quotients are correctly rounded, so their shortest forms show no rounding errors. */
static void add_label(ovp_text *gp, double mantissa, int exponent, int plain) {
    char number[32];
    const char *sign = mantissa < 0 ? "−" : "";
    double value = fabs(exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent));
    if (plain || mantissa == 0 || (value < 99999 && value > .0009)) {
        (void)ovp_format_real(number, value);
        ovp_text_add(gp, "%s%s", sign, number);
        return;
    }
    if (fabs(mantissa) == 10) {
        mantissa /= 10;
        exponent++;
    }
    (void)ovp_format_real(number, fabs(mantissa));
    const char *minus = exponent < 0 ? "−" : "";
    if (strcmp(number, "1") == 0)
        ovp_text_add(gp, "%s10^{%s%d}", sign, minus, abs(exponent));
    else
        ovp_text_add(gp, "%s%s×10^{%s%d}", sign, number, minus, abs(exponent));
}

static void add_tic(ovp_text *gp, int *first, double mantissa, int exponent, int labelled) {
    char place[32];
    double value = exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent);
    (void)ovp_format_real(place, value);
    ovp_text_add(gp, "%s'", *first ? "" : ", ");
    if (labelled) add_label(gp, mantissa, exponent, labelled > 1);
    ovp_text_add(gp, "' %s%s", place, labelled ? "" : " 1");
    *first = 0;
}

static void log_tics(const figure_axis *axis, int most, ovp_text *gp) {
    const double slack = 1 + 1e-9;
    int from = (int)floor(log10(axis->low)), to = (int)ceil(log10(axis->high)), first = 1;
    double decades = log10(axis->high / axis->low);
    /* Within few decades powers of ten alone leave an axis bare: label 1, 2, 5 as plain numbers; within less than
     * half a decade those leave it bare, too: a linear ladder is what a reader expects there. */
    int fine = decades < 1.6;
    int step = (int)ceil(decades / most);
    if (step < 1) step = 1;
    for (int e = from; e <= to; e++)
        for (int m = 1; m <= 9; m++) {
            double value = m * pow(10, e);
            if (value < axis->low / slack || value > axis->high * slack) continue;
            if (fine)
                add_tic(gp, &first, m, e, m == 1 || m == 2 || m == 5 || (decades < .7 && m != 9 && m != 7));
            else if (m > 1) {
                if (step == 1) add_tic(gp, &first, m, e, 0);
            } else if (e % step == 0) {
                char place[32];
                (void)ovp_format_real(place, value);
                ovp_text_add(gp, "%s'10^{%s%d}' %s", first ? "" : ", ", e < 0 ? "−" : "", abs(e), place);
                first = 0;
            } else
                add_tic(gp, &first, 1, e, 0);
        }
}

/* Steps 1, 2, 5 x 10^e giving at most `most` labels; all labels of an axis share one exponent. */
static void linear_tics(const figure_axis *axis, int most, ovp_text *gp) {
    double span = axis->high - axis->low, raw = span / most;
    int e = (int)floor(log10(raw)), first = 1;
    double m = raw / pow(10, e);
    m = m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10;
    double step = e < 0 ? m / pow(10, -e) : m * pow(10, e);
    double largest = fmax(fabs(axis->low), fabs(axis->high));
    /* 2, 4, .. 10 x 10^-6 rather than 0.2, 0.4, .. 1 x 10^-5. */
    int shared = (int)floor(log10(largest / 1.5));
    /* Integers far from 0 beside a small step: 100002, 100004 say more than 1.00002 x 10^5. */
    int far = largest < 1e7 && step >= 1 && largest / step > 1000;
    int plain = far || (largest < 99999 && step > .0009);
    double from = ceil(axis->low / step - 1e-9), to = floor(axis->high / step + 1e-9);
    for (double k = from; k <= to && k < from + 50; k++) {
        if (k == 0)
            add_tic(gp, &first, 0, 0, 1); /* not -0 */
        else if (plain)
            add_tic(gp, &first, k * m, e, far ? 2 : 1);
        else
            add_tic(gp, &first, k * m / pow(10, shared - e), shared, 1);
    }
    for (double k = from - 1; k <= to && k < from + 50; k++) {
        double half = (k + .5) * m;
        double value = half * pow(10, e);
        if (value > axis->low && value < axis->high) add_tic(gp, &first, half, e, 0);
    }
}

void figure_tics(const figure_axis *axis, const char *name, ovp_text *gp) {
    int most = name[0] == 'x' ? 9 : 7;
    int narrow_log = axis->log && axis->high / axis->low < 2.2;
    ovp_text_add(gp, "set %stics (", name);
    if (axis->log && !narrow_log)
        log_tics(axis, most, gp);
    else
        linear_tics(axis, most, gp);
    ovp_text_add(gp, ")\n");
}

/* ---- points -------------------------------------------------------------------------------------- */

static int drawable_point(const ovp_figure_series *series, const figure_axis *x, const figure_axis *y, ovp_idx i) {
    return series->x && figure_drawable(x, series->x[i]) && figure_drawable(y, height(series, i));
}

static int increasing(const ovp_figure_series *series, const figure_axis *x) {
    double last = -INFINITY;
    for (ovp_idx i = 0; i < series->n; i++) {
        if (!figure_drawable(x, series->x[i])) continue;
        if (series->x[i] < last) return 0;
        last = series->x[i];
    }
    return 1;
}

ovp_idx figure_thin(const ovp_figure_series *series, const figure_axis *x, const figure_axis *y, ovp_idx most,
                    ovp_idx *keep) {
    ovp_idx count = 0;
    if (series->n <= most) {
        for (ovp_idx i = 0; i < series->n; i++) keep[count++] = i;
        return count;
    }
    if (!series->x) return 0;
    if (!increasing(series, x)) { /* a trajectory: evenly along the path */
        for (ovp_idx k = 0; k < most; k++)
            keep[count++] = (ovp_idx)((double)k * (double)(series->n - 1) / (double)(most - 1));
        return count;
    }
    /* Three indices a cell at most: the two extremes of y, and one that shows a gap. */
    const ovp_idx cells = most / 3;
    ovp_idx i = 0;
    while (i < series->n) {
        if (!figure_drawable(x, series->x[i])) {
            i++;
            continue;
        }
        ovp_idx cell = (ovp_idx)(figure_place(x, series->x[i]) * (double)cells);
        ovp_idx lowest = -1, highest = -1, gap = -1;
        for (; i < series->n; i++) {
            if (!figure_drawable(x, series->x[i])) continue;
            if ((ovp_idx)(figure_place(x, series->x[i]) * (double)cells) != cell) break;
            if (!drawable_point(series, x, y, i)) {
                gap = i;
                continue;
            }
            if (lowest < 0 || height(series, i) < height(series, lowest)) lowest = i;
            if (highest < 0 || height(series, i) >= height(series, highest)) highest = i;
        }
        ovp_idx chosen[3] = {lowest, gap, highest};
        for (int a = 0; a < 3; a++) /* in the order of the series */
            for (int b = a + 1; b < 3; b++)
                if (chosen[b] < chosen[a]) {
                    ovp_idx swap = chosen[a];
                    chosen[a] = chosen[b];
                    chosen[b] = swap;
                }
        for (int a = 0; a < 3; a++)
            if (chosen[a] >= 0 && (a == 0 || chosen[a] != chosen[a - 1]) && count < most) keep[count++] = chosen[a];
    }
    return count;
}

static void add_number(ovp_text *dat, double value, const char *after) {
    char number[32];
    (void)ovp_format_real(number, value);
    ovp_text_add(dat, "%s%s", number, after);
}

/* One end of an error bar or band: without a value the point itself; on a log axis an end <= 0 reaches the edge. */
static double bar_end(const double *ends, ovp_idx i, double middle, const figure_axis *y, double edge) {
    if (!ends || !isfinite(ends[i])) return middle;
    return figure_drawable(y, ends[i]) ? ends[i] : edge;
}

static ovp_idx add_block(const ovp_figure_series *series, const figure_axis *x, const figure_axis *y, ovp_idx *keep,
                         ovp_text *dat) {
    ovp_idx count = figure_thin(series, x, y, FIGURE_MAX_POINTS, keep), drawn = 0;
    int gap = 0;
    for (ovp_idx k = 0; k < count; k++) {
        ovp_idx i = keep[k];
        if (!drawable_point(series, x, y, i)) {
            gap = 1;
            continue;
        }
        if (gap && drawn) ovp_text_add(dat, "\n"); /* one empty line breaks the curve */
        gap = 0;
        double middle = height(series, i);
        add_number(dat, series->x[i], " ");
        add_number(dat, middle, " ");
        add_number(dat, bar_end(series->low, i, middle, y, y->low), " ");
        add_number(dat, bar_end(series->high, i, middle, y, y->high), "\n");
        drawn++;
    }
    return drawn;
}

void figure_data(const ovp_figure *figure, const figure_axis *x, const figure_axis *y, figure_drawn *drawn,
                 ovp_text *dat) {
    ovp_idx *keep = NULL;
    int block = 0;
    if (ovp_alloc(dat->ctx, &keep, FIGURE_MAX_POINTS, sizeof(*keep)) != OVP_OK) {
        dat->failed = 1;
        return;
    }
    ovp_text_add(dat, "# %s.dat: data of the figure; columns x y low high; blocks in the order of the script\n",
                 figure->name);
    for (ovp_idx s = 0; s < figure->count; s++) {
        const ovp_figure_series *series = &figure->series[s];
        size_t before = dat->length;
        drawn[s].block = -1;
        if (block > 0) ovp_text_add(dat, "\n\n");
        if (series->style == OVP_FIGURE_HLINE) {
            drawn[s].points = series->n > 0 && series->y && figure_drawable(y, series->y[0]) ? 2 : 0;
            for (int end = 0; end < drawn[s].points; end++) {
                add_number(dat, end ? x->high : x->low, " ");
                add_number(dat, series->y[0], " ");
                add_number(dat, series->y[0], " ");
                add_number(dat, series->y[0], "\n");
            }
        } else {
            drawn[s].points = add_block(series, x, y, keep, dat);
        }
        if (drawn[s].points > 0)
            drawn[s].block = block++;
        else if (dat->data) { /* take the separator back */
            dat->length = before;
            dat->data[before] = 0;
        }
    }
    ovp_free(dat->ctx, keep);
}
