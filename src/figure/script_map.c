/* Heat maps and contour lines. */
#include "figure/figure_int.h"

#include <math.h>

#define LABEL_FONT 10.
#define FIRST_LABEL 100 /* number of the first contour's label in the script */

/* Middles of the cells: gnuplot wants two or more, so that a single row or column is drawn as two equal ones. */
static double middle(double low, double high, ovp_idx count, ovp_idx i) {
    if (count == 1) return low + (high - low) * (i == 0 ? .25 : .75);
    return low + (high - low) * ((double)i / (double)(count - 1));
}

/* Columns x y value; a column's x and a row's y are printed once and copied: printing is what takes the time. */
static void fill_block(const ovp_figure_map *map, ovp_text *dat) {
    ovp_idx cols = map->cols > 1 ? map->cols : 2, rows = map->rows > 1 ? map->rows : 2;
    char(*across)[32] = NULL, up[32];
    if (ovp_alloc(dat->ctx, &across, cols, sizeof *across) != OVP_OK) {
        dat->failed = 1;
        return;
    }
    for (ovp_idx i = 0; i < cols; i++) (void)ovp_format_real(across[i], middle(map->x_low, map->x_high, map->cols, i));
    for (ovp_idx j = 0; j < rows; j++) {
        (void)ovp_format_real(up, middle(map->y_low, map->y_high, map->rows, j));
        for (ovp_idx i = 0; i < cols; i++) {
            double value = map->values[(map->rows > 1 ? j : 0) * map->cols + (map->cols > 1 ? i : 0)];
            ovp_text_add(dat, "%s %s ", across[i], up);
            if (isfinite(value) && (!map->log || value > 0))
                figure_add_number(dat, value, "\n");
            else
                ovp_text_add(dat, "NaN\n");
        }
    }
    ovp_free(dat->ctx, across);
}

/* ---- labels of the lines -------------------------------------------------------------------------- */

/* A place in pixels for a label of half its size (half_x, half_y): inside the plot and clear of the labels before. */
static int free_place(const figure_frame *frame, ovp_idx level, const double *half, double x, double y) {
    if (x < half[0] || x > frame->width - half[0] || y < half[1] || y > frame->height - half[1]) return 0;
    for (ovp_idx k = 0; k < level; k++) {
        const figure_contour *other = &frame->contours[k];
        if (!other->labelled) continue;
        if (fabs(x - figure_place(&frame->x, other->x) * frame->width) < 2 * half[0] &&
            fabs(y - figure_place(&frame->y, other->y) * frame->height) < 2 * half[1])
            return 0;
    }
    return 1;
}

/* The label stands on the longest line that has room for it, as near to the middle of that line as can be. */
static void place_label(const figure_frame *frame, ovp_idx level, const double *points, ovp_idx count) {
    figure_contour *contour = &frame->contours[level];
    const double half[2] = {LABEL_FONT * 2.2, LABEL_FONT * .9};
    ovp_idx best = 0;
    for (ovp_idx start = 0, end; start < count; start = end + 1) {
        for (end = start; !isnan(points[2 * end]); end++) {
        }
        double length = 0;
        for (ovp_idx i = start + 1; i < end; i++)
            length += hypot((points[2 * i] - points[2 * i - 2]) / (frame->x.high - frame->x.low) * frame->width,
                            (points[2 * i + 1] - points[2 * i - 1]) / (frame->y.high - frame->y.low) * frame->height);
        if (length < 5 * half[0] || end - start <= best) continue;
        for (ovp_idx away = 0; away <= (end - start) / 2; away++) {
            ovp_idx i = start + (end - start) / 2 + (away % 2 ? away : -away);
            if (i < start || i >= end) continue;
            if (!free_place(frame, level, half, figure_place(&frame->x, points[2 * i]) * frame->width,
                            figure_place(&frame->y, points[2 * i + 1]) * frame->height))
                continue;
            contour->x = points[2 * i];
            contour->y = points[2 * i + 1];
            contour->labelled = 1;
            best = end - start;
            break;
        }
    }
}

ovp_status figure_level_block(figure_frame *frame, ovp_ctx *ctx, ovp_idx k, int *block, ovp_text *dat, double **points,
                              ovp_idx *count) {
    const ovp_figure_map *map = frame->figure->map;
    frame->contours[k].block = -1;
    ovp_status status = figure_contour_lines(points, count, ctx, map, map->levels[k]);
    if (status != OVP_OK || *count == 0) return status;
    if (*block > 0) ovp_text_add(dat, "\n\n");
    for (ovp_idx i = 0; i + 1 < *count; i++) { /* without the last gap: blocks end by two empty lines */
        const double *point = *points + 2 * i;
        if (!isnan(point[0])) {
            figure_add_number(dat, point[0], " ");
            figure_add_number(dat, point[1], "");
        }
        ovp_text_add(dat, "\n");
    }
    frame->contours[k].block = (*block)++;
    return OVP_OK;
}

ovp_status figure_map_blocks(figure_frame *frame, ovp_ctx *ctx, int *block, ovp_text *dat) {
    ovp_status status = OVP_OK;
    const ovp_figure_map *map = frame->figure->map;
    double *points = NULL;
    if (!map->no_fill) {
        if (*block > 0) ovp_text_add(dat, "\n\n");
        fill_block(map, dat);
        frame->map_block = (*block)++;
    }
    for (ovp_idx k = 0; k < map->level_count; k++) {
        ovp_idx count;
        OVP_TRY(figure_level_block(frame, ctx, k, block, dat, &points, &count));
        if (count > 0) place_label(frame, k, points, count);
        ovp_free(ctx, points);
        points = NULL;
    }
done:
    ovp_free(ctx, points);
    return status;
}

/* ---- script --------------------------------------------------------------------------------------- */

void figure_map_settings(const figure_frame *frame, double gap, double right, double width, double height,
                         ovp_text *gp) {
    const ovp_figure_map *map = frame->figure->map;
    if (map->no_fill) {
        ovp_text_add(gp, "  unset colorbox\n");
    } else {
        figure_palette(gp);
        figure_range(gp, "cb", &frame->bar, (int)fmax(2, fmin(7, frame->height / 40)));
        ovp_text_add(gp,
                     "set colorbox vertical user origin screen %.5f,%.5f size screen %.5f,%.5f noborder\n"
                     "set label 6 ",
                     (frame->left + frame->width + gap) / width, 1 - (frame->top + frame->height) / height, 14 / width,
                     frame->height / height);
        figure_quote(gp, map->label);
        ovp_text_add(gp,
                     " at screen %.5f,%.5f center rotate by 90 font ',%g' textcolor rgb '" FIGURE_INK "' noenhanced\n",
                     (frame->left + frame->width + right - .6 * frame->font - 8) / width,
                     1 - (frame->top + .5 * frame->height) / height, frame->font + 1);
    }
    ovp_text_add(gp, "set style textbox 1 opaque fillcolor rgb '#ffffff' noborder margins .4,.3\n");
    for (ovp_idx k = 0; k < map->level_count; k++) {
        char x[32], y[32];
        const figure_contour *contour = &frame->contours[k];
        if (!contour->labelled) continue;
        (void)ovp_format_real(x, contour->x);
        (void)ovp_format_real(y, contour->y);
        ovp_text_add(gp, "set label %d '", FIRST_LABEL + (int)k);
        figure_number(gp, map->levels[k], 3);
        ovp_text_add(gp, "' at %s,%s center front boxed bs 1 font ',%g' textcolor rgb '" FIGURE_INK "'\n", x, y,
                     LABEL_FONT);
    }
}

void figure_map_plot(const figure_frame *frame, ovp_text *gp, int *first) {
    const ovp_figure_map *map = frame->figure->map;
    if (frame->map_block >= 0) {
        /* The PNG shows seams between rectangles; the SVG's image would be blurred by what shows it. */
        if (frame->sharp)
            ovp_text_add(gp,
                         "  for [k=1:format eq 'svg'] dat index %d using 1:2:3 with image pixels notitle, \\\n"
                         "  for [k=1:format eq 'png'] dat index %d using 1:2:3 with image notitle",
                         frame->map_block, frame->map_block);
        else
            ovp_text_add(gp, "  dat index %d using 1:2:3 with image notitle", frame->map_block);
        *first = 0;
    }
    for (ovp_idx k = 0; k < map->level_count; k++) {
        int block = frame->contours[k].block;
        if (block < 0) continue;
        if (!map->no_fill) /* dark with a white rim: seen on every colour of the map */
            ovp_text_add(gp,
                         "%s  dat index %d with lines linecolor rgb '#ffffff' linewidth 2.2 notitle, \\\n"
                         "  dat index %d with lines linecolor rgb '" FIGURE_INK "' linewidth 0.9 notitle",
                         *first ? "" : ", \\\n", block, block);
        else { /* grey, the darker the higher: series in colour stand out */
            double at = (map->levels[k] - frame->bar.low) / (frame->bar.high - frame->bar.low);
            if (map->log) at = figure_place(&frame->bar, map->levels[k]);
            ovp_text_add(gp, "%s  dat index %d with lines linecolor rgb '#%06x' linewidth 1.1 notitle",
                         *first ? "" : ", \\\n", block, figure_mix(0xBFC4CA, 0x4A4E54, fmax(0, fmin(1, at))));
        }
        *first = 0;
    }
}
