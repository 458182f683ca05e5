/* The gnuplot script of a plain figure: one visual language for every figure. */
#include "figure/figure_int.h"

#include <string.h>

void figure_script_head(const char *name, ovp_text *gp) {
    ovp_text_add(gp,
                 "# Run in this folder: gnuplot %s.gp\n"
                 "# Needs gnuplot 5.2 or newer (Debian and Ubuntu: apt-get install gnuplot-nox).\n"
                 "reset\n"
                 "set encoding utf8\n"
                 "set decimalsign '.'\n"
                 "dat = '%s.dat'\n"
                 "if (!exists('stem')) stem = '%s'\n\n",
                 name, name, name);
}

/* The title stands left over the plot, in two lines when long. Returns the lines. */
static int add_title(const ovp_figure *figure, ovp_text *gp) {
    const char *title = figure->title ? figure->title : "", *end = title + strlen(title);
    const char *cut = figure_cut(title, 74), *how = "left font ',15' textcolor rgb '" FIGURE_INK "' noenhanced";
    if (!title[0]) return 0;
    ovp_text_add(gp, "set label 1 ");
    figure_quote_part(gp, title, cut ? cut : end);
    ovp_text_add(gp, " at graph 0, graph 1 offset 0,%s %s\n", cut ? "2.1" : "1", how);
    if (!cut) return 1;
    ovp_text_add(gp, "set label 2 ");
    figure_quote_part(gp, cut + 1, end);
    ovp_text_add(gp, " at graph 0, graph 1 offset 0,.9 %s\n", how);
    return 2;
}

/* Inside, in the first corner that is free of data; else beside the plot, or below it when labels are long. Returns the
 * pixels that the drawing must grow by. */
static int add_legend(const figure_frame *frame, ovp_text *gp) {
    int longest, entries = figure_entries(frame, &longest);
    if (entries == 0) {
        ovp_text_add(gp, "unset key\nset rmargin 3\n");
        return 0;
    }
    ovp_text_add(gp, "set key Left reverse samplen 2.4 spacing 1.25 font ',12' textcolor rgb '" FIGURE_INK
                     "' noenhanced\n");
    /* 7.4 pixels a character and 19 an entry at 12 points. */
    const char *corner = figure_free_corner(frame, 60 + 7.4 * longest, 14 + 19. * entries);
    if (corner) {
        ovp_text_add(gp, "set key inside %s opaque fillcolor rgb '#ffffff' nobox\nset rmargin 3\n", corner);
        return 0;
    }
    if (longest <= 22 && entries <= 18) {
        ovp_text_add(gp, "set key outside right top vertical\n");
        return 0;
    }
    int across = 92 / (longest + 8);
    if (across < 1) across = 1;
    ovp_text_add(gp, "set key bmargin center horizontal maxcols %d height 1.2\nset rmargin 3\n", across);
    return 19 * ((entries + across - 1) / across) + 10;
}

void figure_script(const figure_frame *frame, ovp_text *gp) {
    const ovp_figure *figure = frame->figure;
    int lines, any = 0;
    for (ovp_idx s = 0; s < figure->count; s++) any |= frame->drawn[s].block >= 0;
    figure_script_head(figure->name, gp);
    lines = add_title(figure, gp);
    ovp_text_add(gp, "set tmargin %s\n", lines == 2 ? "4.2" : lines == 1 ? "3" : "1.2");
    ovp_text_add(gp, "set xlabel ");
    figure_quote(gp, figure->x_label);
    ovp_text_add(gp, " offset 0,.3 font ',13' textcolor rgb '" FIGURE_INK "' noenhanced\nset ylabel ");
    figure_quote(gp, figure->y_label);
    ovp_text_add(gp, " offset 0,0 font ',13' textcolor rgb '" FIGURE_INK "' noenhanced\n");
    figure_range(gp, "x", &frame->x, 9);
    figure_range(gp, "y", &frame->y, 7);
    ovp_text_add(gp, "set tics out nomirror scale .6,.3 font ',12' textcolor rgb '" FIGURE_INK "' enhanced\n"
                     "set border 3 linecolor rgb '" FIGURE_MUTED "' linewidth 1.1\n"
                     "set style line 101 linecolor rgb '#e6e8eb' linewidth .9\n"
                     "set grid xtics ytics back linestyle 101\n"
                     "set errorbars 0.6\n");
    int height = FIGURE_HEIGHT + add_legend(frame, gp);
    if (!any)
        ovp_text_add(
            gp, "set label 3 'no point to draw' at graph .5, graph .5 center font ',14' textcolor rgb '" FIGURE_MUTED
                "'\n");
    ovp_text_add(gp,
                 "\n# White background on purpose: the drawing is right on paper and as a card on a dark page.\n"
                 "set terminal svg size %d,%d enhanced font 'sans-serif,12' background '#ffffff' linewidth 1\n"
                 "set output stem.'.svg'\n",
                 FIGURE_WIDTH, height);
    figure_plot(frame, 1, gp);
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
