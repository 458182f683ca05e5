/* figure: a figure described once, rendered through gnuplot (a separate program) to SVG and PNG with its script and
 * data kept. */
#ifndef OVERPARAM_FIGURE_H
#define OVERPARAM_FIGURE_H

#include <overparam/io.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ovp_figure_style {
    OVP_FIGURE_LINE,   /* measurement as a line */
    OVP_FIGURE_POINTS, /* measurement as points, with low/high an error bar */
    OVP_FIGURE_BAND,   /* filled between low and high, with the line y */
    OVP_FIGURE_THEORY, /* prediction: dashed, dark, drawn on top */
    OVP_FIGURE_HLINE,  /* published or reference level: y[0] across the whole plot, dotted */
    OVP_FIGURE_BARS    /* histogram: height y over the bin low..high on the x axis (x: its middle) */
} ovp_figure_style;

/* n points; y, low, high may hold NaN (a gap). All arrays borrowed until render. label NULL or "": not in the legend.
 * x may be NULL for HLINE; y may be NULL for BAND (then no line is drawn); low, high may be NULL but for BARS. Bars are
 * half transparent, at the bottom, and stand on 0 (on a log axis on its lower end). */
typedef struct ovp_figure_series {
    const char *label;
    ovp_figure_style style;
    ovp_idx n;
    const double *x, *y, *low, *high;
    int colour;        /* index in the palette; series with the same index share a colour; -1: next */
    const double *z;   /* not NULL in all series or in none: a curve in space (LINE, POINTS), drawn in perspective on
                        * linear axes */
    const double *hue; /* NULL, or n values in [0, 1]: the colour along the curve (LINE, POINTS), on a cyclic palette (0
                        * and 1 look alike); colour then only chooses the marker */
} ovp_figure_series;

/* A function on a rectangle, drawn as a heat map below the series with a colour bar: values[j cols + i] at x =
 * x_low + i (x_high - x_low) / (cols - 1), y likewise with rows (both axes linear; 1 column or row: the middle). At
 * most 2^20 values, borrowed until render. NaN: left white. Cells stand around their values, so that a heat map reaches
 * half a cell further than the rectangle; the axes end there, and what series have outside is not shown. Contours:
 * lines at `level_count` values (100 at most; the map linear between its values, in the logarithm with log), labelled
 * where there is room; a map may be contours alone (no_fill: grey, darker where higher). Lines and points of series
 * have a white rim on a heat map. surface: drawn in space instead, values upwards on the figure's z axis, the contours
 * on the floor, without a colour bar; two rows and columns or more, thinned to about 50 of each in the drawing; not
 * with log or no_fill, and series are curves in space, drawn over it. */
typedef struct ovp_figure_map {
    ovp_idx cols, rows;
    const double *values;
    double x_low, x_high, y_low, y_high;
    const char *label; /* of the colour bar */
    int log;           /* colours by the logarithm; values <= 0 are left white */
    int no_fill;
    double low, high; /* ends of the colour bar; both 0: those of the values */
    const double *levels;
    ovp_idx level_count;
    int surface;
} ovp_figure_map;

typedef struct ovp_figure ovp_figure;
struct ovp_figure {
    const char *name; /* file name: [a-z0-9-]+ */
    const char *title, *x_label, *y_label;
    const char *caption; /* one or two sentences for the report */
    int x_log, y_log;
    const ovp_figure_series *series;
    ovp_idx count;
    int ordered; /* 1: colour indices are steps of one quantity (widths): a sequential palette, dark to light */
    const ovp_figure_map *map; /* NULL: none */
    int equal_axes; /* 1: a unit is as long on x as on y (planes, trajectories), in space on z; linear axes */
    /* Panels: drawn in a grid of panel_columns (0: chosen), each with its own title and axes; then the fields above
     * but name, title and caption are not used. Panels have no panels; their names and captions are not used. At most
     * 100. The drawing grows with the grid. A panel's legend stands in a free corner of it; entries that several panels
     * share, or whose panel has no free corner (a heat map), stand once below the grid. */
    const ovp_figure *panels;
    ovp_idx panel_count, panel_columns;
    const char *z_label; /* of the upright axis in space */
};

/* Whether a gnuplot program was found on PATH; version into buffer ("gnuplot 5.4 patchlevel 4") if not NULL. */
OVP_API int ovp_figure_available(char *version, size_t bytes);
/* Writes <dir>/<name>.dat, .gp and, with gnuplot, .svg and .png. The script runs by itself: `cd dir && gnuplot
 * name.gp`. Series without a drawable point are left out (a log axis drops values <= 0); long series are thinned to at
 * most 2000 points (evenly in the axis' scale, keeping extremes) in the drawing only. Texts may be any UTF-8 and are
 * shown as they are. The same figure gives the same .dat, .gp. Errors: OVP_EINVAL (name; arrays, ranges, levels or hues
 * that cannot be drawn; z in some series only; panels in panels; a log axis where axes are linear), OVP_EIO,
 * OVP_EUNAVAILABLE (no gnuplot; .dat and .gp are there, the message says what to install), OVP_EINTERNAL (gnuplot's own
 * message). */
OVP_API ovp_status ovp_figure_render(ovp_ctx *ctx, const char *dir, const ovp_figure *figure);

#ifdef __cplusplus
}
#endif
#endif
