/* The points that are drawn and the data blocks that hold them. */
#include "figure/figure_int.h"

#include <math.h>
#include <string.h>

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
    if (series->z || !increasing(series, x)) { /* a trajectory: evenly along the path */
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
            if (!figure_drawable_point(series, x, y, i)) {
                gap = i;
                continue;
            }
            if (lowest < 0 || figure_height(series, i) < figure_height(series, lowest)) lowest = i;
            if (highest < 0 || figure_height(series, i) >= figure_height(series, highest)) highest = i;
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

void figure_add_number(ovp_text *dat, double value, const char *after) {
    char number[32];
    ovp_text_add_bytes(dat, number, (size_t)ovp_format_real(number, value));
    ovp_text_add_bytes(dat, after, strlen(after));
}

/* One end of an error bar, band or bin: without a value the point itself; on a log axis an end <= 0 reaches the edge.
 */
static double bar_end(const double *ends, ovp_idx i, double middle, const figure_axis *axis, double edge) {
    if (!ends || !isfinite(ends[i])) return middle;
    return figure_drawable(axis, ends[i]) ? ends[i] : edge;
}

/* Columns: x y low high, in space x y z; the colour behind them where it runs along the curve. */
static void add_point(const figure_frame *frame, const ovp_figure_series *series, ovp_idx i, ovp_text *dat) {
    const figure_axis *ends = series->style == OVP_FIGURE_BARS ? &frame->x : &frame->y;
    double middle = figure_height(series, i), centre = ends == &frame->x ? series->x[i] : middle;
    figure_add_number(dat, series->x[i], " ");
    if (!series->z && !series->low && !series->high) { /* the same number in all three columns: printed once */
        char number[32];
        const size_t length = (size_t)ovp_format_real(number, middle);
        for (int column = 0; column < 3; column++) {
            ovp_text_add_bytes(dat, " ", column > 0);
            ovp_text_add_bytes(dat, number, length);
        }
    } else if (series->z) {
        figure_add_number(dat, middle, " ");
        figure_add_number(dat, series->z[i], "");
    } else {
        figure_add_number(dat, middle, " ");
        figure_add_number(dat, bar_end(series->low, i, centre, ends, ends->low), " ");
        figure_add_number(dat, bar_end(series->high, i, centre, ends, ends->high), "");
    }
    if (series->hue) ovp_text_add(dat, " %u", figure_hue(series->hue[i]));
    ovp_text_add(dat, "\n");
}

static ovp_idx add_block(const figure_frame *frame, const ovp_figure_series *series, ovp_idx *keep, ovp_text *dat) {
    ovp_idx count = figure_thin(series, &frame->x, &frame->y, FIGURE_MAX_POINTS, keep), drawn = 0;
    int gap = 0;
    for (ovp_idx k = 0; k < count; k++) {
        ovp_idx i = keep[k];
        if (!figure_drawable_point(series, &frame->x, &frame->y, i)) {
            gap = 1;
            continue;
        }
        if (gap && drawn) ovp_text_add(dat, "\n"); /* one empty line breaks the curve */
        gap = 0;
        add_point(frame, series, i, dat);
        drawn++;
    }
    return drawn;
}

static ovp_idx add_level(const figure_frame *frame, const ovp_figure_series *series, ovp_text *dat) {
    if (series->n <= 0 || !series->y || !figure_drawable(&frame->y, series->y[0])) return 0;
    for (int end = 0; end < 2; end++) {
        figure_add_number(dat, end ? frame->x.high : frame->x.low, " ");
        figure_add_number(dat, series->y[0], " ");
        figure_add_number(dat, series->y[0], " ");
        figure_add_number(dat, series->y[0], "\n");
    }
    return 2;
}

/* Whether a line continues the one before: many curves of one look (paths from a hundred starts) are one block, for
 * gnuplot reads the file from its beginning for each. */
static int continues(const figure_frame *frame, ovp_idx s, ovp_idx head) {
    const ovp_figure_series *a = &frame->figure->series[head], *b = &frame->figure->series[s];
    return frame->drawn[head].block >= 0 && a->style == OVP_FIGURE_LINE && b->style == OVP_FIGURE_LINE &&
           a->colour >= 0 && a->colour == b->colour && !(b->label && b->label[0]) && !a->hue && !b->hue && !a->z &&
           !b->z;
}

/* Appends the series to the block of the head: behind one empty line. */
static void add_to_block(const figure_frame *frame, ovp_idx s, ovp_idx head, ovp_idx *keep, ovp_text *dat) {
    const size_t before = dat->length;
    ovp_text_add(dat, "\n");
    const ovp_idx points = add_block(frame, &frame->figure->series[s], keep, dat);
    if (points == 0 && dat->data) dat->data[dat->length = before] = 0;
    frame->drawn[s].points = points;
    if (points > frame->drawn[head].points) frame->drawn[head].points = points;
}

void figure_blocks(const figure_frame *frame, int *block, ovp_text *dat) {
    const ovp_figure *figure = frame->figure;
    ovp_idx *keep = NULL;
    if (ovp_alloc(dat->ctx, &keep, FIGURE_MAX_POINTS, sizeof(*keep)) != OVP_OK) {
        dat->failed = 1;
        return;
    }
    ovp_idx head = 0; /* the series that began the last block */
    for (ovp_idx s = 0; s < figure->count; s++) {
        const ovp_figure_series *series = &figure->series[s];
        figure_drawn *drawn = &frame->drawn[s];
        size_t before = dat->length;
        drawn->block = -1;
        if (s > 0 && continues(frame, s, head)) {
            add_to_block(frame, s, head, keep, dat);
            continue;
        }
        head = s;
        if (*block > 0) ovp_text_add(dat, "\n\n");
        drawn->points =
            series->style == OVP_FIGURE_HLINE ? add_level(frame, series, dat) : add_block(frame, series, keep, dat);
        if (drawn->points > 0)
            drawn->block = (*block)++;
        else if (dat->data) { /* take the separator back */
            dat->length = before;
            dat->data[before] = 0;
        }
    }
    ovp_free(dat->ctx, keep);
}

void figure_data(const ovp_figure *figure, const figure_axis *x, const figure_axis *y, figure_drawn *drawn,
                 ovp_text *dat) {
    const figure_frame frame = {.figure = figure, .x = *x, .y = *y, .drawn = drawn};
    int block = 0, hue = 0;
    for (ovp_idx s = 0; s < figure->count; s++) hue |= figure->series[s].hue != NULL;
    ovp_text_add(dat, "# %s.dat: data of the figure; columns x y low high%s; blocks in the order of the script\n",
                 figure->name, hue ? " [colour]" : "");
    figure_blocks(&frame, &block, dat);
}
