/* figure internals: layout and data are computed here in C, so that the script holds only plain numbers. */
#ifndef OVERPARAM_FIGURE_INT_H
#define OVERPARAM_FIGURE_INT_H

#include <overparam/figure.h>

/* Size of the drawing in SVG pixels; the PNG has twice as many. */
#define FIGURE_WIDTH 760
#define FIGURE_HEIGHT 470
/* A drawn series has at most this many points. */
#define FIGURE_MAX_POINTS 2000
/* gnuplot is killed after this many seconds. */
#define FIGURE_TIMEOUT 60.0

/* One axis: its range and whether it is logarithmic. */
typedef struct figure_axis {
    int log;
    double low, high;
} figure_axis;

/* What was kept of one series: `points` drawable points written as data block `block` (-1: left out). */
typedef struct figure_drawn {
    ovp_idx points;
    int block;
    unsigned colour; /* 0xRRGGBB */
    int marker;      /* gnuplot point type */
    int dash;        /* theory lines: which dash pattern */
} figure_drawn;

/* Ranges that show every drawable point of the figure with a margin. */
void figure_ranges(const ovp_figure *figure, figure_axis *x, figure_axis *y);
/* Position in [0, 1] of a value on an axis. */
double figure_place(const figure_axis *axis, double value);
/* Whether a value can be drawn on this axis: finite, and positive on a log axis. */
int figure_drawable(const figure_axis *axis, double value);

/* Appends the data blocks to dat and fills drawn[figure->count]. */
void figure_data(const ovp_figure *figure, const figure_axis *x, const figure_axis *y, figure_drawn *drawn,
                 ovp_text *dat);
/* Indices of the points of a series to draw, at most `most` of them, into keep (capacity `most`); the extremes of y
 * inside each cell are kept, so that a spike stays visible. Returns how many. */
ovp_idx figure_thin(const ovp_figure_series *series, const figure_axis *x, const figure_axis *y, ovp_idx most,
                    ovp_idx *keep);

/* Assigns colours, markers and dashes. */
void figure_colours(const ovp_figure *figure, figure_drawn *drawn);
/* Appends the whole gnuplot script. */
void figure_script(const ovp_figure *figure, const figure_axis *x, const figure_axis *y, const figure_drawn *drawn,
                   ovp_text *gp);
/* Appends the "set xtics (...)" list of an axis; name is "x" or "y". */
void figure_tics(const figure_axis *axis, const char *name, ovp_text *gp);
/* Appends text as a single-quoted gnuplot string: quotes doubled, control characters and line breaks as blanks, bytes
 * that are not UTF-8 as '?'. In single quotes gnuplot expands nothing; the script draws all of them `noenhanced`. */
void figure_quote(ovp_text *gp, const char *text);

#endif
