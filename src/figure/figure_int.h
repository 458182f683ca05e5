/* figure internals: layout and data are computed here in C, so that the script holds only plain numbers. */
#ifndef OVERPARAM_FIGURE_INT_H
#define OVERPARAM_FIGURE_INT_H

#include <overparam/figure.h>

/* Size of the drawing of a plain figure in SVG pixels; the PNG has twice as many. */
#define FIGURE_WIDTH 760
#define FIGURE_HEIGHT 470
/* A drawn series has at most this many points. */
#define FIGURE_MAX_POINTS 2000
/* Largest map, most contour levels and most panels of a figure. */
#define FIGURE_MAX_CELLS (1 << 20)
#define FIGURE_MAX_LEVELS 100
/* Up to this many cells of maps in a drawing are rectangles in the SVG (about 130 bytes each), sharp at any size; more
 * are images. */
#define FIGURE_SHARP_CELLS (1 << 15)
#define FIGURE_MAX_PANELS 100
/* gnuplot is killed after this many seconds. */
#define FIGURE_TIMEOUT 60.0

#define FIGURE_INK "#222222"
#define FIGURE_MUTED "#5f6368"
#define FIGURE_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* One axis: its range and whether it is logarithmic. */
typedef struct figure_axis {
    int log;
    double low, high;
} figure_axis;

/* What was kept of one series: `points` drawable points written as data block `block` (-1: left out, or part of the
 * block of a series before, whose `points` are then the most of any). */
typedef struct figure_drawn {
    ovp_idx points;
    int block;
    unsigned colour; /* 0xRRGGBB */
    int marker;      /* gnuplot point type */
    int dash;        /* theory lines: which dash pattern */
} figure_drawn;

/* One level of a map: its lines as a data block (-1: none) and where its label stands. */
typedef struct figure_contour {
    int block, labelled;
    double x, y;
} figure_contour;

/* One pair (or, in space, three) of axes with what is drawn on them: a whole figure or one of its panels. */
typedef struct figure_frame {
    const ovp_figure *figure;
    figure_axis x, y, z, bar; /* z: in space; bar: the colours of the map */
    figure_drawn *drawn;
    int space;                       /* curves in space */
    int sharp;                       /* the map is drawn as rectangles in the SVG */
    int map_block, grid_block;       /* the map's values; in space the walls' lines, the edges' in the block after */
    figure_contour *contours;        /* one a level */
    double left, top, width, height; /* the plot's place in SVG pixels */
    double font;                     /* of tics, in SVG pixels */
    double u_low, u_high, v_low, v_high; /* in space: ranges of the projected coordinates */
    const char *corner;                  /* where its legend stands; NULL: nowhere */
} figure_frame;

/* OVP_EINVAL with one line about the first thing in the description that cannot be drawn. */
ovp_status figure_check(ovp_ctx *ctx, const ovp_figure *figure);
/* Whether the figure needs figure_grid_script: panels, a map, equal axes, curves in space. */
int figure_is_grid(const ovp_figure *figure);
/* Whether the series are curves in space. */
int figure_in_space(const ovp_figure *figure);

/* ---- layout.c ------------------------------------------------------------------------------------ */

/* Ranges that show every drawable point of the figure with a margin. */
void figure_ranges(const ovp_figure *figure, figure_axis *x, figure_axis *y);
/* The same of all axes of a frame, with the rectangle of a map and the range of its colours. */
void figure_frame_ranges(figure_frame *frame);
/* Position in [0, 1] of a value on an axis. */
double figure_place(const figure_axis *axis, double value);
/* Whether a value can be drawn on this axis: finite, and positive on a log axis. */
int figure_drawable(const figure_axis *axis, double value);
/* The value that stands for a point when there is no y: the middle of its band. */
double figure_height(const ovp_figure_series *series, ovp_idx i);
/* Whether point i has a place on the axes. */
int figure_drawable_point(const ovp_figure_series *series, const figure_axis *x, const figure_axis *y, ovp_idx i);

/* ---- tics.c -------------------------------------------------------------------------------------- */

/* Appends the "set xtics (...)" list of an axis; name is "x", "y" or "cb". At most about `most` labels. */
void figure_tics(const figure_axis *axis, const char *name, int most, ovp_text *gp);
/* A decimal step 1, 2 or 5 x 10^exponent that divides a linear axis in at most `most` parts: returns the mantissa. */
double figure_step(const figure_axis *axis, int most, int *exponent);
/* Appends a number of `digits` significant digits as enhanced text: "0.25", "2×10^{−6}". */
void figure_number(ovp_text *gp, double value, int digits);
/* Characters of the longest label in a list of tics, as figure_tics wrote it. */
int figure_tic_columns(const char *list);
/* Appends "set xrange", "set logscale" and the tics. */
void figure_range(ovp_text *gp, const char *name, const figure_axis *axis, int most);

/* ---- points.c ------------------------------------------------------------------------------------ */

/* Appends the data blocks to dat and fills drawn[figure->count]; *block counts the blocks of the file. */
void figure_blocks(const figure_frame *frame, int *block, ovp_text *dat);
/* The whole file of a plain figure. */
void figure_data(const ovp_figure *figure, const figure_axis *x, const figure_axis *y, figure_drawn *drawn,
                 ovp_text *dat);
/* Appends a number and what follows it. */
void figure_add_number(ovp_text *dat, double value, const char *after);
/* Indices of the points of a series to draw, at most `most` of them, into keep (capacity `most`); the extremes of y
 * inside each cell are kept, so that a spike stays visible. Returns how many. */
ovp_idx figure_thin(const ovp_figure_series *series, const figure_axis *x, const figure_axis *y, ovp_idx most,
                    ovp_idx *keep);

/* ---- colours.c ----------------------------------------------------------------------------------- */

/* Assigns colours, markers and dashes. */
void figure_colours(const ovp_figure *figure, figure_drawn *drawn);
/* The dash pattern of a figure_drawn. */
const char *figure_dash(int index);
/* Colour at hue in [0, 1] on the cyclic palette. */
unsigned figure_hue(double hue);
/* a for t = 0, b for t = 1. */
unsigned figure_mix(unsigned a, unsigned b, double t);
/* Appends "set palette ..." of the maps. */
void figure_palette(ovp_text *gp);

/* ---- contour.c ----------------------------------------------------------------------------------- */

/* The lines on which the map, linear between its values, has the value `level`: *count pairs (x, y) in *points (freed
 * with ovp_free; NULL if none), line after line with a pair of NaN behind each. Closed lines end where they begin.
 * O(cells). */
ovp_status figure_contour_lines(double **points, ovp_idx *count, ovp_ctx *ctx, const ovp_figure_map *map, double level);

/* ---- script*.c ----------------------------------------------------------------------------------- */

/* The head of every script. */
void figure_script_head(const char *name, ovp_text *gp);
/* The script of a plain figure: one pair of axes in two dimensions without a map. */
void figure_script(const figure_frame *frame, ovp_text *gp);
/* Data and script of any other figure. */
ovp_status figure_grid(ovp_ctx *ctx, const ovp_figure *figure, ovp_text *dat, ovp_text *gp);

/* script_curves.c: "plot" with all series and, with legend set, their entries; on a heat map lines have a white rim. */
void figure_plot(const figure_frame *frame, int legend, ovp_text *gp);
/* Appends one legend entry, ", \\\n  NaN with ... title '...'"; a series that has none appends nothing. */
void figure_entry(const ovp_figure_series *series, const figure_drawn *drawn, ovp_text *gp);
/* Whether a series has a legend entry. */
int figure_in_legend(const ovp_figure_series *series, const figure_drawn *drawn);

/* script_legend.c: entries of a frame and the characters of the longest one. */
int figure_entries(const figure_frame *frame, int *longest);
/* The first corner of the plot in which a legend of that size in pixels covers no data ("right top"), or NULL. */
const char *figure_free_corner(const figure_frame *frame, double width, double height);

/* script_map.c: the data blocks of a map and where its labels stand; what is set; what is plotted. The colour bar
 * stands `gap` pixels to the right of the plot; width, height: of the whole drawing. */
ovp_status figure_map_blocks(figure_frame *frame, ovp_ctx *ctx, int *block, ovp_text *dat);
void figure_map_settings(const figure_frame *frame, double gap, double right, double width, double height,
                         ovp_text *gp);
void figure_map_plot(const figure_frame *frame, ovp_text *gp, int *first);
/* The lines of level k as a data block of the frame's contours; *points (freed with ovp_free) as figure_contour_lines
 * gives them, NULL if there are none. */
ovp_status figure_level_block(figure_frame *frame, ovp_ctx *ctx, ovp_idx k, int *block, ovp_text *dat, double **points,
                              ovp_idx *count);

/* script_surface.c: a map drawn as a surface in space: its data blocks, contours included; what is plotted, box
 * included, before the curves. */
ovp_status figure_surface_blocks(figure_frame *frame, ovp_ctx *ctx, int *block, ovp_text *dat);
void figure_surface_plot(const figure_frame *frame, ovp_text *gp);
int figure_is_surface(const ovp_figure *figure);

/* script_space.c: curves in space in perspective. The ranges of what is seen (once the plot's place is known), the
 * lines of the walls, what is set, what is plotted below the curves. */
void figure_space_ranges(figure_frame *frame);
void figure_space_blocks(figure_frame *frame, int *block, ovp_text *dat);
void figure_space_settings(const figure_frame *frame, double width, double height, ovp_text *gp);
void figure_space_plot(const figure_frame *frame, ovp_text *gp, int *first);
/* Appends the direction of view, once in a script. */
void figure_space_view(ovp_text *gp);
/* Position in the plot, (0, 0) bottom left to (1, 1), of a point in space. */
void figure_space_place(const figure_frame *frame, double x, double y, double z, double *u, double *v);

/* script_text.c */
/* Appends text as a single-quoted gnuplot string: quotes doubled, control characters and line breaks as blanks, bytes
 * that are not UTF-8 as '?'. In single quotes gnuplot expands nothing; the script draws all of them `noenhanced`. */
void figure_quote(ovp_text *gp, const char *text);
/* The same of the bytes text..end. */
void figure_quote_part(ovp_text *gp, const char *text, const char *end);
/* Characters (not bytes) of a text. */
int figure_columns(const char *text);
/* Where to break a text that is longer than `line` characters: its last blank before, or NULL. */
const char *figure_cut(const char *text, int line);

#endif
