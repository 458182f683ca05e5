/* The gnuplot script: one visual language for every figure.
 *
 * Colours: Okabe and Ito's palette for unordered series (distinguishable with all common forms of colour blindness;
 * https://jfly.uni-koeln.de/color/), a part of viridis for ordered ones (van der Walt and Smith 2015; its light yellow
 * end is left out, it vanishes on white). Shapes of markers differ, too, for print in grey. */
#include "figure/figure_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const unsigned okabe_ito[] = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x7A5C2E};
static const unsigned viridis[] = {0x440154, 0x482878, 0x3E4989, 0x31688E, 0x26828E,
                                   0x1F9E89, 0x35B779, 0x6ECE58, 0x9BD93C};
/* Filled circle, square, triangle, diamond, inverted triangle, open circle, open square. */
static const int markers[] = {7, 5, 9, 13, 11, 6, 4};
static const char *const dashes[] = {"(8,5)", "(12,4,2,4)", "(3,3)", "(16,5)"};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define INK "#222222"
#define MUTED "#5f6368"

static unsigned mix(unsigned a, unsigned b, double t) {
    unsigned out = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
        double u = (a >> shift) & 255u, v = (b >> shift) & 255u;
        out |= (unsigned)(u + t * (v - u) + .5) << shift;
    }
    return out;
}

static unsigned sequential(int index, int count) {
    double place = count > 1 ? (double)(index % count) / (count - 1) : .35;
    double at = place * (COUNT(viridis) - 1);
    int cell = (int)at;
    if (cell >= COUNT(viridis) - 1) return viridis[COUNT(viridis) - 1];
    return mix(viridis[cell], viridis[cell + 1], at - cell);
}

void figure_colours(const ovp_figure *figure, figure_drawn *drawn) {
    int next = 0, count = 0, dash = 0;
    for (int pass = 0; pass < 2; pass++) {
        next = dash = 0;
        for (ovp_idx s = 0; s < figure->count; s++) {
            const ovp_figure_series *series = &figure->series[s];
            int reference = series->style == OVP_FIGURE_THEORY || series->style == OVP_FIGURE_HLINE;
            int index = series->colour >= 0 ? series->colour : reference ? -1 : next++;
            if (index >= count) count = index + 1;
            if (index < 0)
                drawn[s].colour = series->style == OVP_FIGURE_THEORY ? 0x222222 : 0x5f6368;
            else
                drawn[s].colour = figure->ordered ? sequential(index, count) : okabe_ito[index % COUNT(okabe_ito)];
            /* A prediction beside its measurement: the same hue, darker. */
            if (index >= 0 && series->style == OVP_FIGURE_THEORY) drawn[s].colour = mix(drawn[s].colour, 0, .45);
            drawn[s].marker = markers[(index < 0 ? 0 : index) % COUNT(markers)];
            drawn[s].dash = index < 0 && series->style == OVP_FIGURE_THEORY ? dash++ % COUNT(dashes) : 0;
        }
    }
}

/* Length of a UTF-8 sequence at p, 0 if it is none (overlong forms and surrogates included). */
static int sequence(const unsigned char *p) {
    int length = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : 0;
    if (p[0] >= 0xF0 && p[0] < 0xF5) length = 4;
    for (int i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (length == 3 && ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] >= 0xA0))) return 0;
    if (length == 4 && ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] >= 0x90))) return 0;
    return length;
}

static void quote_part(ovp_text *gp, const unsigned char *p, const unsigned char *end) {
    ovp_text_add(gp, "'");
    while (p < end) {
        int length = sequence(p);
        if (length == 0)
            ovp_text_add(gp, "?");
        else if (*p == '\'')
            ovp_text_add(gp, "''");
        else if (*p < 32 || *p == 127)
            ovp_text_add(gp, " ");
        else
            ovp_text_add_bytes(gp, p, (size_t)length);
        p += length ? length : 1;
    }
    ovp_text_add(gp, "'");
}

void figure_quote(ovp_text *gp, const char *text) {
    const unsigned char *p = (const unsigned char *)(text ? text : "");
    quote_part(gp, p, p + strlen((const char *)p));
}

/* Characters (not bytes) of a text. */
static int columns(const char *text) {
    int count = 0;
    for (const char *p = text ? text : ""; *p; p++) count += (*p & 0xC0) != 0x80;
    return count;
}

static int in_legend(const ovp_figure_series *series, const figure_drawn *drawn) {
    return drawn->block >= 0 && series->label && series->label[0];
}

/* ---- title --------------------------------------------------------------------------------------- */

/* The title stands left over the plot, in two lines when long. Returns the lines. */
static int add_title(const ovp_figure *figure, ovp_text *gp) {
    const char *title = figure->title ? figure->title : "", *cut = NULL;
    const int line = 74;
    int column = 0;
    if (!title[0]) return 0;
    for (const char *p = title; *p && columns(title) > line; p++) {
        if (column >= line) break;
        if (*p == ' ') cut = p;
        column += (*p & 0xC0) != 0x80;
    }
    const unsigned char *start = (const unsigned char *)title, *end = start + strlen(title);
    const unsigned char *middle = cut ? (const unsigned char *)cut : end;
    const char *how = "left font ',15' textcolor rgb '" INK "' noenhanced";
    ovp_text_add(gp, "set label 1 ");
    quote_part(gp, start, middle);
    ovp_text_add(gp, " at graph 0, graph 1 offset 0,%s %s\n", cut ? "2.1" : "1", how);
    if (!cut) return 1;
    ovp_text_add(gp, "set label 2 ");
    quote_part(gp, middle + 1, end);
    ovp_text_add(gp, " at graph 0, graph 1 offset 0,.9 %s\n", how);
    return 2;
}

/* ---- legend -------------------------------------------------------------------------------------- */

typedef struct corner {
    const char *name;
    double x0, y0, x1, y1; /* its box in graph coordinates */
} corner;

/* Whether any drawn point, or the straight line to the point before it, lies in the box. */
static int covers(const ovp_figure *figure, const figure_axis *x, const figure_axis *y, const figure_drawn *drawn,
                  const corner *box) {
    for (ovp_idx s = 0; s < figure->count; s++) {
        const ovp_figure_series *series = &figure->series[s];
        const double none = NAN;
        double px = none, py = none;
        if (drawn[s].block < 0) continue;
        if (series->style == OVP_FIGURE_HLINE) {
            double level = figure_place(y, series->y[0]);
            if (level >= box->y0 && level <= box->y1) return 1;
            continue;
        }
        for (ovp_idx i = 0; i < series->n; i++) {
            if (!figure_drawable(x, series->x[i])) continue;
            double qx = figure_place(x, series->x[i]);
            double ends[3] = {series->y ? series->y[i] : none, series->low ? series->low[i] : none,
                              series->high ? series->high[i] : none};
            double from = 2, to = -1; /* extent of the point with its bar */
            for (int k = 0; k < 3; k++) {
                if (!figure_drawable(y, ends[k])) continue;
                double q = figure_place(y, ends[k]);
                from = fmin(from, q);
                to = fmax(to, q);
            }
            if (to < from) continue;
            if (qx >= box->x0 && qx <= box->x1 && to >= box->y0 && from <= box->y1) return 1;
            double qy = .5 * (from + to);
            if (!isnan(px) && series->style != OVP_FIGURE_POINTS)
                for (int k = 1; k < 32; k++) {
                    double t = k / 32., ux = px + t * (qx - px), uy = py + t * (qy - py);
                    if (ux >= box->x0 && ux <= box->x1 && uy >= box->y0 && uy <= box->y1) return 1;
                }
            px = qx;
            py = qy;
        }
    }
    return 0;
}

/* Inside, in the first corner that is free of data; else beside the plot, or below it when labels are long. Returns the
 * pixels that the drawing must grow by. */
static int add_legend(const ovp_figure *figure, const figure_axis *x, const figure_axis *y, const figure_drawn *drawn,
                      ovp_text *gp) {
    int entries = 0, longest = 0;
    for (ovp_idx s = 0; s < figure->count; s++) {
        if (!in_legend(&figure->series[s], &drawn[s])) continue;
        entries++;
        if (columns(figure->series[s].label) > longest) longest = columns(figure->series[s].label);
    }
    if (entries == 0) {
        ovp_text_add(gp, "unset key\nset rmargin 3\n");
        return 0;
    }
    ovp_text_add(gp, "set key Left reverse samplen 2.4 spacing 1.25 font ',12' textcolor rgb '" INK "' noenhanced\n");
    /* 7.4 pixels a character and 19 an entry at 12 points, in the plot's about 640 x 350 pixels. */
    double w = (60 + 7.4 * longest) / 640, h = (14 + 19. * entries) / 350;
    const corner corners[] = {{"right top", 1 - w, 1 - h, 1, 1},
                              {"left bottom", 0, 0, w, h},
                              {"right bottom", 1 - w, 0, 1, h},
                              {"left top", 0, 1 - h, w, 1}};
    for (int c = 0; c < COUNT(corners) && w < .6 && h < .6; c++)
        if (!covers(figure, x, y, drawn, &corners[c])) {
            ovp_text_add(gp, "set key inside %s opaque fillcolor rgb '#ffffff' nobox\nset rmargin 3\n",
                         corners[c].name);
            return 0;
        }
    if (longest <= 22 && entries <= 18) {
        ovp_text_add(gp, "set key outside right top vertical\n");
        return 0;
    }
    int across = 92 / (longest + 8);
    if (across < 1) across = 1;
    ovp_text_add(gp, "set key bmargin center horizontal maxcols %d\nset rmargin 3\n", across);
    return 19 * ((entries + across - 1) / across) + 10;
}

/* ---- plot ---------------------------------------------------------------------------------------- */

static void rgb(char out[16], unsigned colour) {
    (void)snprintf(out, 16, "rgb '#%06x'", colour & 0xFFFFFFu);
}

/* gnuplot's filled shapes have odd numbers, each one above its open form. */
static int open_marker(int marker) {
    return marker % 2 ? marker - 1 : marker;
}

/* Style of a series' line or points, the same in the plot and in the legend. */
static void add_look(const ovp_figure_series *series, const figure_drawn *d, ovp_text *gp) {
    char colour[16];
    rgb(colour, d->colour);
    switch (series->style) {
    case OVP_FIGURE_POINTS:
        /* Points without bars are open and larger: where they meet measured ones (published values do), both show. */
        if (series->low || series->high)
            ovp_text_add(gp, "linecolor %s linewidth 1.4 pointtype %d pointsize 0.85", colour, d->marker);
        else
            ovp_text_add(gp, "linecolor %s linewidth 1.8 pointtype %d pointsize 1.15", colour, open_marker(d->marker));
        break;
    case OVP_FIGURE_THEORY:
        ovp_text_add(gp, "linecolor %s linewidth 1.8 dashtype %s", colour, dashes[d->dash]);
        break;
    case OVP_FIGURE_HLINE:
        ovp_text_add(gp, "linecolor %s linewidth 1.6 dashtype (2,4)", colour);
        break;
    case OVP_FIGURE_LINE:
    case OVP_FIGURE_BAND:
    default:
        ovp_text_add(gp, "linecolor %s linewidth 2.2 pointtype %d pointsize 0.8", colour, d->marker);
    }
}

/* Few points: say where they are; one point: a line through it would not be seen. */
static const char *how_drawn(const ovp_figure_series *series, const figure_drawn *d) {
    int bars = series->low || series->high;
    if (series->style == OVP_FIGURE_POINTS) return bars ? "yerrorbars" : "points";
    if (d->points == 1) return "points";
    if (series->style == OVP_FIGURE_HLINE || series->style == OVP_FIGURE_THEORY || d->points > 12) return "lines";
    return "linespoints";
}

static void add_curve(const ovp_figure_series *series, const figure_drawn *d, ovp_text *gp, int *first) {
    char colour[16];
    if (d->block < 0) return;
    rgb(colour, d->colour);
    if (series->style == OVP_FIGURE_BAND) {
        ovp_text_add(gp,
                     "%s  dat index %d using 1:3:4 with filledcurves fillcolor %s fillstyle transparent solid 0.20 "
                     "noborder notitle",
                     *first ? "" : ", \\\n", d->block, colour);
        *first = 0;
        if (!series->y) return;
    }
    const char *how = how_drawn(series, d);
    ovp_text_add(gp, "%s  dat index %d using %s with %s ", *first ? "" : ", \\\n", d->block,
                 strcmp(how, "yerrorbars") == 0 ? "1:2:3:4" : "1:2", how);
    add_look(series, d, gp);
    ovp_text_add(gp, " notitle");
    *first = 0;
}

static void add_entry(const ovp_figure_series *series, const figure_drawn *d, ovp_text *gp) {
    const char *how = how_drawn(series, d);
    if (!in_legend(series, d)) return;
    if (series->style == OVP_FIGURE_BAND && !series->y) {
        char colour[16];
        rgb(colour, d->colour);
        ovp_text_add(gp, ", \\\n  NaN with filledcurves fillcolor %s fillstyle transparent solid 0.20 noborder",
                     colour);
    } else {
        ovp_text_add(gp, ", \\\n  NaN with %s ", strcmp(how, "yerrorbars") == 0 ? "linespoints" : how);
        add_look(series, d, gp);
    }
    ovp_text_add(gp, " title ");
    figure_quote(gp, series->label);
}

/* Bands at the bottom, measurements over them, levels and predictions on top; the legend in the order of the series. */
static void add_plot(const ovp_figure *figure, const figure_drawn *drawn, ovp_text *gp) {
    static const ovp_figure_style order[] = {OVP_FIGURE_BAND, OVP_FIGURE_LINE, OVP_FIGURE_POINTS, OVP_FIGURE_HLINE,
                                             OVP_FIGURE_THEORY};
    int first = 1;
    ovp_text_add(gp, "plot \\\n");
    for (int k = 0; k < COUNT(order); k++)
        for (ovp_idx s = 0; s < figure->count; s++)
            if (figure->series[s].style == order[k]) add_curve(&figure->series[s], &drawn[s], gp, &first);
    if (first) ovp_text_add(gp, "  NaN notitle");
    for (ovp_idx s = 0; s < figure->count; s++) add_entry(&figure->series[s], &drawn[s], gp);
    ovp_text_add(gp, "\n");
}

static void add_range(ovp_text *gp, const char *name, const figure_axis *axis) {
    char low[32], high[32];
    (void)ovp_format_real(low, axis->low);
    (void)ovp_format_real(high, axis->high);
    if (axis->log) ovp_text_add(gp, "set logscale %s 10\n", name);
    ovp_text_add(gp, "set %srange [%s:%s] noextend\n", name, low, high);
    figure_tics(axis, name, gp);
}

void figure_script(const ovp_figure *figure, const figure_axis *x, const figure_axis *y, const figure_drawn *drawn,
                   ovp_text *gp) {
    int lines, any = 0;
    for (ovp_idx s = 0; s < figure->count; s++) any |= drawn[s].block >= 0;
    ovp_text_add(gp,
                 "# Run in this folder: gnuplot %s.gp\n"
                 "# Needs gnuplot 5.2 or newer (Debian and Ubuntu: apt-get install gnuplot-nox).\n"
                 "reset\n"
                 "set encoding utf8\n"
                 "set decimalsign '.'\n"
                 "dat = '%s.dat'\n"
                 "if (!exists('stem')) stem = '%s'\n\n",
                 figure->name, figure->name, figure->name);
    lines = add_title(figure, gp);
    ovp_text_add(gp, "set tmargin %s\n", lines == 2 ? "4.2" : lines == 1 ? "3" : "1.2");
    ovp_text_add(gp, "set xlabel ");
    figure_quote(gp, figure->x_label);
    ovp_text_add(gp, " offset 0,.3 font ',13' textcolor rgb '" INK "' noenhanced\nset ylabel ");
    figure_quote(gp, figure->y_label);
    ovp_text_add(gp, " offset 0,0 font ',13' textcolor rgb '" INK "' noenhanced\n");
    add_range(gp, "x", x);
    add_range(gp, "y", y);
    ovp_text_add(gp, "set tics out nomirror scale .6,.3 font ',12' textcolor rgb '" INK "' enhanced\n"
                     "set border 3 linecolor rgb '" MUTED "' linewidth 1.1\n"
                     "set style line 101 linecolor rgb '#e6e8eb' linewidth .9\n"
                     "set grid xtics ytics back linestyle 101\n"
                     "set errorbars 0.6\n");
    int height = FIGURE_HEIGHT + add_legend(figure, x, y, drawn, gp);
    if (!any)
        ovp_text_add(gp, "set label 3 'no point to draw' at graph .5, graph .5 center font ',14' textcolor rgb '" MUTED
                         "'\n");
    ovp_text_add(gp,
                 "\n# White background on purpose: the drawing is right on paper and as a card on a dark page.\n"
                 "set terminal svg size %d,%d enhanced font 'sans-serif,12' background '#ffffff' linewidth 1\n"
                 "set output stem.'.svg'\n",
                 FIGURE_WIDTH, height);
    add_plot(figure, drawn, gp);
    ovp_text_add(gp,
                 "unset output\n\n"
                 "if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) {\n"
                 "  set terminal pngcairo size %d,%d enhanced font 'Sans,12' fontscale 1.5 dashlength 2 linewidth 2 "
                 "pointscale 2 "
                 "background '#ffffff'\n"
                 "} else {\n"
                 "  set terminal png size %d,%d enhanced truecolor background '#ffffff'\n"
                 "}\n"
                 "set output stem.'.png'\n"
                 "replot\n"
                 "unset output\n",
                 2 * FIGURE_WIDTH, 2 * height, 2 * FIGURE_WIDTH, 2 * height);
}
