/* What is plotted: series and their legend entries. */
#include "figure/figure_int.h"

#include <stdio.h>
#include <string.h>

int figure_in_legend(const ovp_figure_series *series, const figure_drawn *drawn) {
    return drawn->block >= 0 && series->label && series->label[0];
}

#define BARS_FILL "fillcolor %s fillstyle transparent solid 0.45 border linecolor %s linewidth 0.7"

static void rgb(char out[16], unsigned colour) {
    (void)snprintf(out, 16, "rgb '#%06x'", colour & 0xFFFFFFu);
}

/* gnuplot's filled shapes have odd numbers, each one above its open form. */
static int open_marker(int marker) {
    return marker % 2 ? marker - 1 : marker;
}

/* Few points: say where they are; one point: a line through it would not be seen. */
static const char *how_drawn(const ovp_figure_series *series, const figure_drawn *d) {
    int bars = series->low || series->high;
    if (series->style == OVP_FIGURE_POINTS) return bars ? "yerrorbars" : "points";
    if (d->points == 1) return "points";
    if (series->style == OVP_FIGURE_HLINE || series->style == OVP_FIGURE_THEORY || d->points > 12) return "lines";
    return "linespoints";
}

/* Style of a series' line or points, the same in the plot and in the legend; variable: the colour is a column. */
static void add_look(const ovp_figure_series *series, const figure_drawn *d, int variable, ovp_text *gp) {
    char colour[16];
    rgb(colour, d->colour);
    if (variable) (void)snprintf(colour, sizeof colour, "rgb variable");
    switch (series->style) {
    case OVP_FIGURE_POINTS:
        /* Points without bars are open and larger: where they meet measured ones (published values do), both show. */
        if (series->low || series->high)
            ovp_text_add(gp, "linecolor %s linewidth 1.4 pointtype %d pointsize 0.85", colour, d->marker);
        else
            ovp_text_add(gp, "linecolor %s linewidth 1.8 pointtype %d pointsize 1.15", colour, open_marker(d->marker));
        break;
    case OVP_FIGURE_THEORY:
        ovp_text_add(gp, "linecolor %s linewidth 1.8 dashtype %s", colour, figure_dash(d->dash));
        break;
    case OVP_FIGURE_HLINE:
        ovp_text_add(gp, "linecolor %s linewidth 1.6 dashtype (2,4)", colour);
        break;
    case OVP_FIGURE_LINE:
    case OVP_FIGURE_BAND:
    case OVP_FIGURE_BARS:
    default:
        ovp_text_add(gp, "linecolor %s linewidth 2.2", colour);
        if (strcmp(how_drawn(series, d), "lines") != 0) ovp_text_add(gp, " pointtype %d pointsize 0.8", d->marker);
    }
}

static void add_band(const figure_drawn *d, ovp_text *gp, int *first) {
    char colour[16];
    rgb(colour, d->colour);
    ovp_text_add(gp,
                 "%s  dat index %d using 1:3:4 with filledcurves fillcolor %s fillstyle transparent solid 0.20 "
                 "noborder notitle",
                 *first ? "" : ", \\\n", d->block, colour);
    *first = 0;
}

/* Bars stand on 0, on a log axis on its lower end. */
static void add_bars(const figure_frame *frame, const figure_drawn *d, ovp_text *gp, int *first) {
    char base[32], colour[16];
    (void)ovp_format_real(base, frame->y.log ? frame->y.low : 0);
    rgb(colour, d->colour);
    ovp_text_add(gp, "%s  dat index %d using 1:2:3:4:(%s):2 with boxxyerror " BARS_FILL " notitle",
                 *first ? "" : ", \\\n", d->block, base, colour, colour);
    *first = 0;
}

/* The white rim of a line on a heat map: dark and light colours alike are seen on it. */
static void add_rim(const ovp_figure_series *series, const figure_drawn *d, const char *columns, ovp_text *gp,
                    int *first) {
    const char *how = how_drawn(series, d);
    int line = strcmp(how, "lines") == 0 || strcmp(how, "linespoints") == 0;
    ovp_text_add(gp, "%s  dat index %d using %s with ", *first ? "" : ", \\\n", d->block, columns);
    if (line)
        ovp_text_add(gp, "lines linecolor rgb '#ffffff' linewidth 4 notitle");
    else
        ovp_text_add(gp, "points linecolor rgb '#ffffff' pointtype %d pointsize 1.7 notitle", d->marker | 1);
    *first = 0;
}

static void add_curve(const figure_frame *frame, ovp_idx s, ovp_text *gp, int *first) {
    const ovp_figure_series *series = &frame->figure->series[s];
    const figure_drawn *d = &frame->drawn[s];
    const char *columns = frame->space ? "(px($1,$2,$3)):(py($1,$2,$3))" : "1:2", *how = how_drawn(series, d);
    if (d->block < 0) return;
    if (series->style == OVP_FIGURE_BARS) {
        add_bars(frame, d, gp, first);
        return;
    }
    if (series->style == OVP_FIGURE_BAND) {
        add_band(d, gp, first);
        if (!series->y) return;
    }
    if (frame->map_block >= 0) add_rim(series, d, columns, gp, first);
    ovp_text_add(gp, "%s  dat index %d using %s%s%s with %s ", *first ? "" : ", \\\n", d->block, columns,
                 strcmp(how, "yerrorbars") == 0 ? ":3:4" : "",
                 !series->hue   ? ""
                 : frame->space ? ":4"
                                : ":5",
                 how);
    add_look(series, d, series->hue != NULL, gp);
    ovp_text_add(gp, " notitle");
    *first = 0;
}

void figure_entry(const ovp_figure_series *series, const figure_drawn *d, ovp_text *gp) {
    const char *how = how_drawn(series, d);
    if (!figure_in_legend(series, d)) return;
    if (series->style == OVP_FIGURE_BAND && !series->y) {
        char colour[16];
        rgb(colour, d->colour);
        ovp_text_add(gp, ", \\\n  NaN with filledcurves fillcolor %s fillstyle transparent solid 0.20 noborder",
                     colour);
    } else if (series->style == OVP_FIGURE_BARS) {
        char colour[16];
        rgb(colour, d->colour);
        ovp_text_add(gp, ", \\\n  NaN with boxes " BARS_FILL, colour, colour);
    } else {
        ovp_text_add(gp, ", \\\n  NaN with %s ", strcmp(how, "yerrorbars") == 0 ? "linespoints" : how);
        add_look(series, d, 0, gp);
    }
    ovp_text_add(gp, " title ");
    figure_quote(gp, series->label);
}

/* Maps and histograms at the bottom, then bands, measurements over them, levels and predictions on top; the legend in
 * the order of the series. */
void figure_plot(const figure_frame *frame, int legend, ovp_text *gp) {
    static const ovp_figure_style order[] = {OVP_FIGURE_BARS,   OVP_FIGURE_BAND,  OVP_FIGURE_LINE,
                                             OVP_FIGURE_POINTS, OVP_FIGURE_HLINE, OVP_FIGURE_THEORY};
    const ovp_figure *figure = frame->figure;
    int first = 1;
    ovp_text_add(gp, "plot \\\n");
    if (figure_is_surface(figure))
        ; /* plotted before, with its box */
    else if (figure->map)
        figure_map_plot(frame, gp, &first);
    else if (frame->space)
        figure_space_plot(frame, gp, &first);
    for (int k = 0; k < FIGURE_COUNT(order); k++)
        for (ovp_idx s = 0; s < figure->count; s++)
            if (figure->series[s].style == order[k]) add_curve(frame, s, gp, &first);
    if (first) ovp_text_add(gp, "  NaN notitle");
    for (ovp_idx s = 0; legend && s < figure->count; s++) figure_entry(&figure->series[s], &frame->drawn[s], gp);
    ovp_text_add(gp, "\n");
}
