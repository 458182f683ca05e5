/* Figures that are laid out in pixels: panels, maps, curves in space, equal axes. One frame is a grid of one. */
#include "figure/figure_int.h"

#include <math.h>
#include <string.h>

#define TITLE_FONT 15.
#define LEGEND_ROW 19.
#define BAR_GAP 12. /* between plot and colour bar, which is 14 pixels wide */

/* One legend entry of the grid; shared: it stands below the panels. */
typedef struct entry {
    const ovp_figure_series *series;
    const figure_drawn *drawn;
    int shared;
} entry;

typedef struct grid {
    const ovp_figure *figure;
    figure_frame *frames;
    ovp_idx count, columns, rows;
    double width, height;            /* of the drawing */
    double cell_width, cell_height;  /* of a panel with its labels */
    double left, right, top, bottom; /* of a panel, around its plot */
    int title_columns;               /* in a line of a panel's title */
    double head, foot;               /* title above, legend below the panels */
    entry *legend;                   /* entries below the panels */
    ovp_idx legend_count, legend_across;
} grid;

static int has(const char *text) {
    return text && text[0];
}

/* ---- layout --------------------------------------------------------------------------------------- */

static int tics_across(const figure_frame *frame) {
    return (int)fmax(2, fmin(9, frame->width / 58));
}

static int tics_up(const figure_frame *frame) {
    return (int)fmax(2, fmin(7, frame->height / 40));
}

/* Raises *most to `more` and the pixels of the widest tic label of an axis. */
static ovp_status raise_by_tics(double *most, ovp_ctx *ctx, const figure_frame *frame, const figure_axis *axis,
                                double more) {
    ovp_status status = OVP_OK;
    ovp_text list = {.ctx = ctx};
    figure_tics(axis, "y", tics_up(frame), &list);
    OVP_TRY(ovp_text_status(&list));
    *most = fmax(*most, more + .62 * frame->font * figure_tic_columns(list.data));
done:
    ovp_text_free(&list);
    return status;
}

static ovp_idx columns_of(ovp_idx count, ovp_idx wanted) {
    static const ovp_idx chosen[] = {1, 1, 2, 3, 2, 3, 3, 4, 4, 3};
    if (wanted == 0) wanted = count < FIGURE_COUNT(chosen) ? chosen[count] : count <= 16 ? 4 : 5;
    return wanted < count ? wanted : count;
}

/* Height of a plot that is `width` wide. */
static double height_of(const grid *g, const figure_frame *frame, double width) {
    if (frame->space) return .84 * width;
    if (frame->figure->equal_axes)
        return fmin(1.3, (frame->y.high - frame->y.low) / (frame->x.high - frame->x.low)) * width;
    return (frame->figure->map ? .82 : g->columns == 1 ? .56 : .75) * width;
}

/* Margins that hold the labels of every panel, the same for all: plots stand in line. */
static ovp_status margins(grid *g, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    int plane = 0;
    g->left = g->right = g->bottom = 4;
    g->top = 8;
    for (ovp_idx k = 0; k < g->count; k++) {
        const figure_frame *frame = &g->frames[k];
        const ovp_figure *figure = frame->figure;
        double font = frame->font, line = font + 5;
        if (g->figure->panel_count > 0 && has(figure->title))
            g->top = fmax(g->top, 10 + (figure_cut(figure->title, g->title_columns) ? 2 : 1) * line);
        if (frame->space) continue;
        plane = 1;
        OVP_TRY(raise_by_tics(&g->left, ctx, frame, &frame->y, 12 + (has(figure->y_label) ? font + 10 : 0)));
        g->bottom = fmax(g->bottom, font + 12 + (has(figure->x_label) ? font + 14 : 0));
        if (figure->map && !figure->map->no_fill)
            OVP_TRY(raise_by_tics(&g->right, ctx, frame, &frame->bar,
                                  BAR_GAP + 14 + 12 + (has(figure->map->label) ? font + 12 : 0) + 12));
    }
    if (plane) g->right = fmax(g->right, 20);
done:
    return status;
}

/* The plot's place inside the place that its panel has for it. */
static void place(const grid *g, ovp_idx k) {
    figure_frame *frame = &g->frames[k];
    double x = (double)(k % g->columns) * g->cell_width, y = g->head + (double)(k / g->columns) * g->cell_height;
    double width = g->cell_width - g->left - g->right, height = g->cell_height - g->top - g->bottom;
    frame->left = x + g->left;
    frame->top = y + g->top;
    frame->width = width;
    frame->height = height;
    if (frame->space) { /* its labels stand inside */
        frame->left = x + 4;
        frame->width = g->cell_width - 8;
        frame->height = g->cell_height - g->top - 4;
    } else if (frame->figure->equal_axes) {
        double aspect = (frame->y.high - frame->y.low) / (frame->x.high - frame->x.low);
        frame->width = fmin(width, height / aspect);
        frame->height = frame->width * aspect;
        frame->top += .5 * (height - frame->height);
    }
}

/* Characters in a line of the figure's title. */
static int title_line(const grid *g) {
    return (int)((g->width - 20) / (.6 * TITLE_FONT));
}

static ovp_status layout(grid *g, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    static const double widths[] = {540, 330, 240, 185, 160};
    const ovp_idx size = (g->columns < FIGURE_COUNT(widths) ? g->columns : FIGURE_COUNT(widths)) - 1;
    double width = widths[size], height = 0, font = size < 2 ? 12 : size == 2 ? 11 : 10;
    int space = 1;
    for (ovp_idx k = 0; k < g->count; k++) {
        figure_frame *frame = &g->frames[k];
        frame->font = font;
        frame->width = width;
        space &= frame->space;
        frame->height = height_of(g, frame, width);
        height = fmax(height, frame->height);
    }
    if (space) width += size < 2 ? 40 : 60; /* no margins outside the plots */
    g->title_columns = (int)(width / (.6 * (font + 1)));
    OVP_TRY(margins(g, ctx));
    g->cell_width = width + g->left + g->right;
    g->cell_height = (space ? .84 * width : height) + g->top + g->bottom;
    g->width = g->cell_width * (double)g->columns;
    const char *title = g->figure->title;
    g->head = !has(title) ? 4 : figure_cut(title, title_line(g)) ? 54 : 34;
    for (ovp_idx k = 0; k < g->count; k++) place(g, k);
    g->height = g->head + g->cell_height * (double)g->rows;
done:
    return status;
}

/* ---- legend --------------------------------------------------------------------------------------- */

static int same_entry(const entry *a, const entry *b) {
    return strcmp(a->series->label, b->series->label) == 0 && a->series->style == b->series->style &&
           a->drawn->colour == b->drawn->colour && a->drawn->dash == b->drawn->dash;
}

/* The entry of the legend that looks and reads like series s of a frame, or the end of the legend. */
static ovp_idx find(const grid *g, const figure_frame *frame, ovp_idx s) {
    const entry wanted = {&frame->figure->series[s], &frame->drawn[s], 0};
    ovp_idx i = 0;
    while (i < g->legend_count && !same_entry(&g->legend[i], &wanted)) i++;
    return i;
}

/* Every different entry once, with how it is shared: twice or more in the panels, or in one that has no free corner. */
static void collect(grid *g) {
    for (ovp_idx k = 0; k < g->count; k++) {
        const figure_frame *frame = &g->frames[k];
        for (ovp_idx s = 0; s < frame->figure->count; s++) {
            if (!figure_in_legend(&frame->figure->series[s], &frame->drawn[s])) continue;
            ovp_idx i = find(g, frame, s);
            if (i < g->legend_count)
                g->legend[i].shared = 1;
            else
                g->legend[g->legend_count++] = (entry){&frame->figure->series[s], &frame->drawn[s], 0};
            g->legend[i].shared |= frame->corner == NULL;
        }
    }
}

/* A panel's legend stands in a free corner of it; what several panels share, and what finds no free corner (a map has
 * none), stands once below all panels. */
static void place_legend(grid *g) {
    int longest = 0;
    ovp_idx count = 0;
    for (ovp_idx k = 0; k < g->count; k++) {
        figure_frame *frame = &g->frames[k];
        int columns, entries = figure_entries(frame, &columns);
        if (entries > 0 && !frame->figure->map)
            frame->corner =
                figure_free_corner(frame, 60 + .62 * frame->font * columns, 14 + (frame->font + 7) * entries);
    }
    collect(g);
    for (ovp_idx k = 0; k < g->count; k++) {
        figure_frame *frame = &g->frames[k];
        int own = 0;
        for (ovp_idx s = 0; s < frame->figure->count; s++)
            if (figure_in_legend(&frame->figure->series[s], &frame->drawn[s]))
                own |= !g->legend[find(g, frame, s)].shared;
        if (!own) frame->corner = NULL;
    }
    for (ovp_idx i = 0; i < g->legend_count; i++) {
        if (!g->legend[i].shared) continue;
        int columns = figure_columns(g->legend[i].series->label);
        if (columns > longest) longest = columns;
        g->legend[count++] = g->legend[i];
    }
    g->legend_count = count;
    if (count == 0) return;
    g->legend_across = (ovp_idx)(g->width / (7.4 * (longest + 8)));
    if (g->legend_across < 1) g->legend_across = 1;
    if (g->legend_across > count) g->legend_across = count;
    g->foot = LEGEND_ROW * (double)((count + g->legend_across - 1) / g->legend_across) + 12;
    g->height += g->foot;
}

static void add_legend(const grid *g, ovp_text *gp) {
    if (g->legend_count == 0) return;
    ovp_text_add(
        gp,
        "\nreset\n"
        "set lmargin at screen 0\nset rmargin at screen 1\nset bmargin at screen 0\nset tmargin at screen %.5f\n"
        "unset tics\nunset border\nset xrange [0:1]\nset yrange [0:1]\n"
        "set key center center horizontal maxcols %d Left reverse samplen 2.4 spacing 1.25 font ',12' textcolor "
        "rgb '" FIGURE_INK "' noenhanced\n"
        "plot NaN notitle",
        g->foot / g->height, (int)g->legend_across);
    for (ovp_idx i = 0; i < g->legend_count; i++) figure_entry(g->legend[i].series, g->legend[i].drawn, gp);
    ovp_text_add(gp, "\n");
}

/* ---- script --------------------------------------------------------------------------------------- */

/* A title in one line or two, its first line `y` pixels below the top of the drawing. */
static void add_title(const grid *g, const char *title, double x, double y, double font, int columns, int number,
                      ovp_text *gp) {
    const char *end = title + strlen(title), *cut = figure_cut(title, columns);
    /* What is too long for two lines is set smaller, down to half the size. */
    int longest = cut ? figure_columns(cut + 1) : figure_columns(title);
    double size = longest > columns ? fmax(.5 * font, font * columns / longest) : font;
    for (int line = 0; line < (cut ? 2 : 1); line++) {
        ovp_text_add(gp, "set label %d ", number + line);
        figure_quote_part(gp, line ? cut + 1 : title, cut && !line ? cut : end);
        ovp_text_add(gp, " at screen %.5f,%.5f left font ',%g' textcolor rgb '" FIGURE_INK "' noenhanced\n",
                     x / g->width, 1 - (y + line * (font + 5)) / g->height, size);
    }
}

/* Labels stand where the margins have room for them: those of gnuplot's own axes would move with the fonts. */
static void add_label(const grid *g, const char *text, double x, double y, int turned, double font, ovp_text *gp) {
    if (!has(text)) return;
    ovp_text_add(gp, "set label %d ", turned ? 8 : 7);
    figure_quote(gp, text);
    ovp_text_add(gp, " at screen %.5f,%.5f center%s font ',%g' textcolor rgb '" FIGURE_INK "' noenhanced\n",
                 x / g->width, 1 - y / g->height, turned ? " rotate by 90" : "", font);
}

static void add_axes(const grid *g, const figure_frame *frame, ovp_text *gp) {
    const ovp_figure *figure = frame->figure;
    double font = frame->font + 1;
    add_label(g, figure->x_label, frame->left + .5 * frame->width,
              frame->top + frame->height + g->bottom - .5 * font - 4, 0, font, gp);
    add_label(g, figure->y_label, frame->left - g->left + .5 * font + 6, frame->top + .5 * frame->height, 1, font, gp);
    figure_range(gp, "x", &frame->x, tics_across(frame));
    figure_range(gp, "y", &frame->y, tics_up(frame));
    if (figure->equal_axes) ovp_text_add(gp, "set size ratio -1\n");
    ovp_text_add(gp,
                 "set tics out nomirror scale .6,.3 font ',%g' textcolor rgb '" FIGURE_INK "' enhanced\n"
                 "set border %d linecolor rgb '" FIGURE_MUTED "' linewidth 1.1\n",
                 frame->font, figure->map ? 15 : 3);
    if (!figure->map)
        ovp_text_add(gp, "set style line 101 linecolor rgb '#e6e8eb' linewidth .9\n"
                         "set grid xtics ytics back linestyle 101\n");
}

static void add_frame(const grid *g, ovp_idx k, ovp_text *gp) {
    const figure_frame *frame = &g->frames[k];
    const ovp_figure *figure = frame->figure;
    int any = figure->map != NULL;
    for (ovp_idx s = 0; s < figure->count; s++) any |= frame->drawn[s].block >= 0;
    ovp_text_add(gp,
                 "\nreset\nset errorbars 0.6\n"
                 "set lmargin at screen %.5f\nset rmargin at screen %.5f\nset tmargin at screen %.5f\n"
                 "set bmargin at screen %.5f\n",
                 frame->left / g->width, (frame->left + frame->width) / g->width, 1 - frame->top / g->height,
                 1 - (frame->top + frame->height) / g->height);
    if (k == 0 && has(g->figure->title)) add_title(g, g->figure->title, 12, 20, TITLE_FONT, title_line(g), 1, gp);
    if (g->figure->panel_count > 0 && has(figure->title)) {
        int lines = figure_cut(figure->title, g->title_columns) ? 2 : 1;
        double top = g->head + (double)(k / g->columns) * g->cell_height + g->top;
        add_title(g, figure->title, frame->left, top - 10 - (lines - 1) * (frame->font + 6), frame->font + 1,
                  g->title_columns, 3, gp);
    }
    if (frame->space)
        figure_space_settings(frame, g->width, g->height, gp);
    else
        add_axes(g, frame, gp);
    if (figure_is_surface(figure))
        figure_surface_plot(frame, gp);
    else if (figure->map)
        figure_map_settings(frame, BAR_GAP, g->right, g->width, g->height, gp);
    if (frame->corner)
        ovp_text_add(gp,
                     "set key inside %s opaque fillcolor rgb '#ffffff' nobox Left reverse samplen 2 spacing 1.2 font "
                     "',%g' textcolor rgb '" FIGURE_INK "' noenhanced\n",
                     frame->corner, frame->font);
    else
        ovp_text_add(gp, "unset key\n");
    if (!any)
        ovp_text_add(gp,
                     "set label 5 'no point to draw' at graph .5, graph .5 center font ',%g' textcolor rgb "
                     "'" FIGURE_MUTED "'\n",
                     frame->font + 1);
    figure_plot(frame, frame->corner != NULL, gp);
}

static void add_script(const grid *g, ovp_text *gp) {
    int space = 0, width = (int)ceil(g->width), height = (int)ceil(g->height);
    for (ovp_idx k = 0; k < g->count; k++) space |= g->frames[k].space;
    figure_script_head(g->figure->name, gp);
    if (space) figure_space_view(gp);
    ovp_text_add(gp,
                 "# White background on purpose: the drawing is right on paper and as a card on a dark page.\n"
                 "do for [format in 'svg png'] {\n"
                 "if (format eq 'svg') {\n"
                 "  set terminal svg size %d,%d enhanced font 'sans-serif,12' background '#ffffff' linewidth 1\n"
                 "} else { if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) {\n"
                 "  set terminal pngcairo size %d,%d enhanced font 'Sans,12' fontscale 1.5 dashlength 2 linewidth 2 "
                 "pointscale 2 background '#ffffff'\n"
                 "} else {\n"
                 "  set terminal png size %d,%d enhanced truecolor background '#ffffff'\n"
                 "} }\n"
                 "set output stem.'.'.format\n"
                 "set multiplot\n",
                 width, height, 2 * width, 2 * height, 2 * width, 2 * height);
    for (ovp_idx k = 0; k < g->count; k++) add_frame(g, k, gp);
    add_legend(g, gp);
    ovp_text_add(gp, "\nunset multiplot\nunset output\n}\n");
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static ovp_status prepare(grid *g, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    ovp_idx series = 0, cells = 0;
    for (ovp_idx k = 0; k < g->count; k++) {
        figure_frame *frame = &g->frames[k];
        frame->figure = g->figure->panel_count > 0 ? &g->figure->panels[k] : g->figure;
        frame->map_block = frame->grid_block = -1;
        series += frame->figure->count;
        if (frame->figure->map) cells += frame->figure->map->cols * frame->figure->map->rows;
        OVP_TRY(ovp_alloc(ctx, &frame->drawn, frame->figure->count, sizeof *frame->drawn));
        if (frame->figure->map)
            OVP_TRY(ovp_alloc(ctx, &frame->contours, frame->figure->map->level_count, sizeof *frame->contours));
        figure_frame_ranges(frame);
        figure_colours(frame->figure, frame->drawn);
    }
    for (ovp_idx k = 0; k < g->count; k++) g->frames[k].sharp = cells <= FIGURE_SHARP_CELLS;
    OVP_TRY(ovp_alloc(ctx, &g->legend, series, sizeof *g->legend));
    OVP_TRY(layout(g, ctx));
done:
    return status;
}

static ovp_status add_data(grid *g, ovp_ctx *ctx, ovp_text *dat) {
    ovp_status status = OVP_OK;
    int block = 0;
    ovp_text_add(
        dat,
        "# %s.dat: data of the figure, panel after panel; maps: x y value (of a surface the far rows first); contour "
        "lines: x y; curves in space: "
        "x y z [colour], after the lines of the box; others: x y low high [colour]; blocks in the order of the "
        "script\n",
        g->figure->name);
    for (ovp_idx k = 0; k < g->count; k++) {
        figure_frame *frame = &g->frames[k];
        if (figure_is_surface(frame->figure))
            OVP_TRY(figure_surface_blocks(frame, ctx, &block, dat));
        else if (frame->figure->map)
            OVP_TRY(figure_map_blocks(frame, ctx, &block, dat));
        if (frame->space) {
            figure_space_ranges(frame);
            figure_space_blocks(frame, &block, dat);
        }
        figure_blocks(frame, &block, dat);
    }
done:
    return status;
}

ovp_status figure_grid(ovp_ctx *ctx, const ovp_figure *figure, ovp_text *dat, ovp_text *gp) {
    ovp_status status = OVP_OK;
    grid g = {.figure = figure, .count = figure->panel_count > 0 ? figure->panel_count : 1};
    g.columns = columns_of(g.count, figure->panel_columns);
    g.rows = (g.count + g.columns - 1) / g.columns;
    OVP_TRY(ovp_alloc(ctx, &g.frames, g.count, sizeof *g.frames));
    OVP_TRY(prepare(&g, ctx));
    OVP_TRY(add_data(&g, ctx, dat));
    place_legend(&g);
    add_script(&g, gp);
done:
    for (ovp_idx k = 0; g.frames && k < g.count; k++) {
        ovp_free(ctx, g.frames[k].drawn);
        ovp_free(ctx, g.frames[k].contours);
    }
    ovp_free(ctx, g.frames);
    ovp_free(ctx, g.legend);
    return status;
}
