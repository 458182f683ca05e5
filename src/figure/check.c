/* What a figure must hold before anything is drawn. */
#include "figure/figure_int.h"

#include <math.h>
#include <stdio.h>

int figure_in_space(const ovp_figure *figure) {
    return (figure->map && figure->map->surface) || (figure->count > 0 && figure->series[0].z != NULL);
}

int figure_is_grid(const ovp_figure *figure) {
    return figure->panel_count > 0 || figure->map || figure->equal_axes || figure_in_space(figure);
}

/* where: "figure NAME" or "figure NAME: panel K". */
static ovp_status check_series(ovp_ctx *ctx, const char *where, const ovp_figure *figure, ovp_idx s) {
    const ovp_figure_series *series = &figure->series[s];
    const int number = (int)s, bars = series->style == OVP_FIGURE_BARS;
    if (series->n < 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: series %d has %lld points: 0 or more are allowed", where, number,
                        (long long)series->n);
    if ((series->z != NULL) != figure_in_space(figure))
        return ovp_fail(
            ctx, OVP_EINVAL,
            "%s: series %d has %s z, series 0 or a surface has %s: curves in space and plane ones do not mix", where,
            number, series->z ? "a" : "no", series->z ? "none" : "one");
    if (series->z && series->style != OVP_FIGURE_LINE && series->style != OVP_FIGURE_POINTS)
        return ovp_fail(ctx, OVP_EINVAL, "%s: series %d in space has style %d: LINE or POINTS are allowed", where,
                        number, (int)series->style);
    if (series->n == 0) return OVP_OK;
    if ((!series->x && series->style != OVP_FIGURE_HLINE) || (!series->y && series->style != OVP_FIGURE_BAND))
        return ovp_fail(ctx, OVP_EINVAL, "%s: series %d has %lld points but %s is NULL", where, number,
                        (long long)series->n, series->y ? "x" : "y");
    if (bars && (!series->low || !series->high))
        return ovp_fail(ctx, OVP_EINVAL, "%s: series %d: bars need low and high, the ends of their bins", where,
                        number);
    if (!series->hue) return OVP_OK;
    if (series->style != OVP_FIGURE_LINE && series->style != OVP_FIGURE_POINTS)
        return ovp_fail(ctx, OVP_EINVAL, "%s: series %d has a hue and style %d: LINE or POINTS are allowed", where,
                        number, (int)series->style);
    for (ovp_idx i = 0; i < series->n; i++)
        if (!(series->hue[i] >= 0 && series->hue[i] <= 1))
            return ovp_fail(ctx, OVP_EINVAL, "%s: series %d: hue[%lld] = %g: values in [0, 1] are allowed", where,
                            number, (long long)i, series->hue[i]);
    return OVP_OK;
}

static ovp_status check_map(ovp_ctx *ctx, const char *where, const ovp_figure *figure) {
    const ovp_figure_map *map = figure->map;
    const double numbers[] = {map->x_low, map->x_high, map->y_low, map->y_high, map->low, map->high};
    static const char *const names[] = {"x_low", "x_high", "y_low", "y_high", "low", "high"};
    if (map->cols < 1 || map->rows < 1 || map->cols > FIGURE_MAX_CELLS / map->rows)
        return ovp_fail(ctx, OVP_EINVAL, "%s: a map of %lld x %lld values: 1 x 1 to %d in all are allowed", where,
                        (long long)map->cols, (long long)map->rows, FIGURE_MAX_CELLS);
    if (!map->values) return ovp_fail(ctx, OVP_EINVAL, "%s: the map's values are NULL", where);
    for (int k = 0; k < FIGURE_COUNT(numbers); k++)
        if (!isfinite(numbers[k]))
            return ovp_fail(ctx, OVP_EINVAL, "%s: the map's %s is %g: it must be finite", where, names[k], numbers[k]);
    for (int k = 0; k < 4; k += 2)
        if (!(numbers[k] < numbers[k + 1]) || !isfinite(numbers[k + 1] - numbers[k]))
            return ovp_fail(ctx, OVP_EINVAL, "%s: the map's %s = %g must lie below %s = %g", where, names[k],
                            numbers[k], names[k + 1], numbers[k + 1]);
    if ((map->low != 0 || map->high != 0) && (!(map->low < map->high) || (map->log && map->low <= 0)))
        return ovp_fail(ctx, OVP_EINVAL, "%s: the map's colours from %g to %g: low < high%s, or both 0 for the values'",
                        where, map->low, map->high, map->log ? " with low > 0 on a log scale" : "");
    if (map->level_count < 0 || map->level_count > FIGURE_MAX_LEVELS || (map->level_count > 0 && !map->levels))
        return ovp_fail(ctx, OVP_EINVAL, "%s: the map has %lld contour levels%s: 0 to %d are allowed", where,
                        (long long)map->level_count, map->levels ? "" : " (NULL)", FIGURE_MAX_LEVELS);
    for (ovp_idx k = 0; k < map->level_count; k++)
        if (!isfinite(map->levels[k]) || (map->log && map->levels[k] <= 0))
            return ovp_fail(ctx, OVP_EINVAL, "%s: contour level %lld is %g: finite%s values are allowed", where,
                            (long long)k, map->levels[k], map->log ? " positive" : "");
    if (figure->x_log || figure->y_log)
        return ovp_fail(ctx, OVP_EINVAL, "%s: the axes of a map are linear: x_log and y_log must be 0", where);
    if (figure_in_space(figure) && !map->surface)
        return ovp_fail(ctx, OVP_EINVAL, "%s: a map is plane: the series must have no z", where);
    if (map->surface && (map->log || map->no_fill || map->rows < 2 || map->cols < 2))
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: a surface of %lld x %lld values%s%s: 2 x 2 or more, without log and no_fill, are allowed",
                        where, (long long)map->cols, (long long)map->rows, map->log ? " with log" : "",
                        map->no_fill ? " with no_fill" : "");
    return OVP_OK;
}

static ovp_status check_frame(ovp_ctx *ctx, const char *where, const ovp_figure *figure) {
    ovp_status status = OVP_OK;
    if (figure->count < 0 || (figure->count > 0 && !figure->series))
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld series%s: 0 or more are allowed", where, (long long)figure->count,
                        figure->series ? "" : " (NULL)");
    for (ovp_idx s = 0; s < figure->count; s++) OVP_TRY(check_series(ctx, where, figure, s));
    if (figure->map) OVP_TRY(check_map(ctx, where, figure));
    if (figure->equal_axes && (figure->x_log || figure->y_log))
        return ovp_fail(ctx, OVP_EINVAL, "%s: equal axes are linear: x_log and y_log must be 0", where);
    if (figure_in_space(figure) && (figure->x_log || figure->y_log))
        return ovp_fail(ctx, OVP_EINVAL, "%s: axes in space are linear: x_log and y_log must be 0", where);
done:
    return status;
}

ovp_status figure_check(ovp_ctx *ctx, const ovp_figure *figure) {
    ovp_status status = OVP_OK;
    char where[128];
    (void)snprintf(where, sizeof where, "figure %s", figure->name);
    if (figure->panel_count < 0 || figure->panel_count > FIGURE_MAX_PANELS ||
        (figure->panel_count > 0 && !figure->panels))
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld panels%s: 0 to %d are allowed", where,
                        (long long)figure->panel_count, figure->panels ? "" : " (NULL)", FIGURE_MAX_PANELS);
    if (figure->panel_columns < 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: panel_columns = %lld: 0 (chosen) or more are allowed", where,
                        (long long)figure->panel_columns);
    if (figure->panel_count == 0) return check_frame(ctx, where, figure);
    for (ovp_idx k = 0; k < figure->panel_count; k++) {
        (void)snprintf(where, sizeof where, "figure %s: panel %d", figure->name, (int)k);
        if (figure->panels[k].panel_count != 0 || figure->panels[k].panels)
            return ovp_fail(ctx, OVP_EINVAL, "%s has panels: panels have none", where);
        OVP_TRY(check_frame(ctx, where, &figure->panels[k]));
    }
done:
    return status;
}
