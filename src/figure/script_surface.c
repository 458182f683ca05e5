/* A map as a surface in space. The script projects it as it does curves; gnuplot fills the cells in the order of the
 * data, so that far ones come first and near ones cover them. */
#include "figure/figure_int.h"

#include <math.h>

#define CELLS 50 /* each way, in the drawing */

int figure_is_surface(const ovp_figure *figure) {
    return figure->map && figure->map->surface;
}

/* Every stride-th of `count` and the last one. */
static ovp_idx stride_of(ovp_idx count) {
    return (count - 1 + CELLS - 1) / CELLS;
}

static ovp_idx next(ovp_idx i, ovp_idx stride, ovp_idx count) {
    return i < count - 1 && i + stride > count - 1 ? count - 1 : i + stride;
}

static void add_point(const ovp_figure_map *map, ovp_idx j, ovp_idx i, ovp_text *dat) {
    const double value = map->values[j * map->cols + i];
    figure_add_number(dat, map->x_low + (map->x_high - map->x_low) * (double)i / (double)(map->cols - 1), " ");
    figure_add_number(dat, map->y_low + (map->y_high - map->y_low) * (double)j / (double)(map->rows - 1), " ");
    if (isfinite(value))
        figure_add_number(dat, value, "\n");
    else
        ovp_text_add(dat, "NaN\n");
}

ovp_status figure_surface_blocks(figure_frame *frame, ovp_ctx *ctx, int *block, ovp_text *dat) {
    ovp_status status = OVP_OK;
    const ovp_figure_map *map = frame->figure->map;
    const ovp_idx across = stride_of(map->cols), up = stride_of(map->rows);
    double *points = NULL;
    if (*block > 0) ovp_text_add(dat, "\n\n");
    for (ovp_idx k = 0; k < map->rows; k = next(k, up, map->rows)) { /* large y and small x are far away */
        if (k > 0) ovp_text_add(dat, "\n");
        for (ovp_idx i = 0; i < map->cols; i = next(i, across, map->cols)) add_point(map, map->rows - 1 - k, i, dat);
    }
    frame->map_block = (*block)++;
    for (ovp_idx k = 0; k < map->level_count; k++) {
        ovp_idx count;
        OVP_TRY(figure_level_block(frame, ctx, k, block, dat, &points, &count));
        ovp_free(ctx, points);
        points = NULL;
    }
done:
    ovp_free(ctx, points);
    return status;
}

void figure_surface_plot(const figure_frame *frame, ovp_text *gp) {
    const ovp_figure_map *map = frame->figure->map;
    char floor[32];
    int first = 1;
    (void)ovp_format_real(floor, frame->z.low);
    figure_palette(gp);
    figure_range(gp, "cb", &frame->bar, 2);
    ovp_text_add(gp, "unset key\nunset colorbox\nplot \\\n");
    figure_space_plot(frame, gp, &first);
    for (ovp_idx k = 0; k < map->level_count; k++) {
        const double at = (map->levels[k] - frame->bar.low) / (frame->bar.high - frame->bar.low);
        if (frame->contours[k].block < 0) continue;
        ovp_text_add(
            gp,
            ", \\\n  dat index %d using (px($1,$2,%s)):(py($1,$2,%s)) with lines linecolor rgb '#%06x' linewidth "
            "1 notitle",
            frame->contours[k].block, floor, floor, figure_mix(0xBFC4CA, 0x4A4E54, fmax(0, fmin(1, at))));
    }
    /* What stands around the box is drawn once. */
    ovp_text_add(gp,
                 "\nunset label\nset view map\nset pm3d map scansforward corners2color mean border linecolor rgb "
                 "'#60222222' linewidth .3\n"
                 "splot dat index %d using (px($1,$2,$3)):(py($1,$2,$3)):3 with pm3d notitle\n",
                 frame->map_block);
}
