/* Contour lines by marching squares. A line crosses an edge of the grid at most once (values between the corners are
 * linear), so that the crossed edges are the nodes of a graph in which every node has at most two neighbours, one on
 * each side of its edge: the lines are the paths of this graph. */
#include "figure/figure_int.h"

#include <math.h>

typedef struct tracer {
    const ovp_figure_map *map;
    double level;
    ovp_idx *node;         /* per edge: its node, -1: not crossed; edge 2 k to the right of value k, 2 k + 1 above it */
    ovp_idx (*next)[2];    /* per node: its neighbours, -1: none */
    double (*place)[2];    /* per node: x, y */
    unsigned char *passed; /* per node */
    ovp_idx nodes;
} tracer;

/* Value k on the scale of the colours; what is not drawable becomes NaN. */
static double value_at(const tracer *t, ovp_idx k) {
    double value = t->map->values[k];
    if (!isfinite(value) || (t->map->log && value <= 0)) return NAN;
    return t->map->log ? log(value) : value;
}

static double coordinate(double low, double high, ovp_idx count, double at) {
    return count > 1 ? low + at * (high - low) / (double)(count - 1) : .5 * (low + high);
}

/* The edge from value k = (i, j) to the one at (i + right, j + up). */
static void cross(tracer *t, ovp_idx i, ovp_idx j, int up) {
    const ovp_figure_map *map = t->map;
    ovp_idx k = j * map->cols + i;
    double a = value_at(t, k), b = value_at(t, up ? k + map->cols : k + 1);
    t->node[2 * k + up] = -1;
    if (isnan(a) || isnan(b) || (a >= t->level) == (b >= t->level)) return;
    double at = (t->level - a) / (b - a);
    t->place[t->nodes][0] = coordinate(map->x_low, map->x_high, map->cols, (double)i + (up ? 0 : at));
    t->place[t->nodes][1] = coordinate(map->y_low, map->y_high, map->rows, (double)j + (up ? at : 0));
    t->next[t->nodes][0] = t->next[t->nodes][1] = -1;
    t->node[2 * k + up] = t->nodes++;
}

static ovp_idx crossings(const tracer *t) {
    const double none = NAN;
    ovp_idx count = 0, cols = t->map->cols, rows = t->map->rows;
    for (ovp_idx k = 0; k < cols * rows; k++) {
        double a = value_at(t, k);
        double right = k % cols + 1 < cols ? value_at(t, k + 1) : none;
        double above = k / cols + 1 < rows ? value_at(t, k + cols) : none;
        if (isnan(a)) continue;
        count += !isnan(right) && (a >= t->level) != (right >= t->level);
        count += !isnan(above) && (a >= t->level) != (above >= t->level);
    }
    return count;
}

static void join(tracer *t, ovp_idx a, ovp_idx b) {
    t->next[a][t->next[a][0] >= 0] = b;
    t->next[b][t->next[b][0] >= 0] = a;
}

/* The one or two pieces of line inside a cell. */
static void cell(tracer *t, ovp_idx i, ovp_idx j) {
    ovp_idx cols = t->map->cols, k = j * cols + i;
    double corner = value_at(t, k);
    double sum = corner + value_at(t, k + 1) + value_at(t, k + cols) + value_at(t, k + cols + 1);
    if (isnan(sum)) return; /* a cell with a corner missing holds no line */
    const ovp_idx around[4] = {t->node[2 * k], t->node[2 * (k + 1) + 1], t->node[2 * (k + cols)], t->node[2 * k + 1]};
    ovp_idx found[4];
    int count = 0;
    for (int e = 0; e < 4; e++)
        if (around[e] >= 0) found[count++] = around[e];
    if (count == 2) join(t, found[0], found[1]);
    if (count != 4) return;
    /* A saddle: the middle of the cell tells which two corners hang together. */
    int with_first = (.25 * sum >= t->level) == (corner >= t->level);
    join(t, around[0], around[with_first ? 1 : 3]);
    join(t, around[2], around[with_first ? 3 : 1]);
}

/* Appends the path from a node to points. */
static ovp_idx follow(tracer *t, ovp_idx start, double *points) {
    ovp_idx written = 0, at = start, from = -1;
    do {
        points[2 * written] = t->place[at][0];
        points[2 * written++ + 1] = t->place[at][1];
        t->passed[at] = 1;
        ovp_idx onward = t->next[at][0] != from ? t->next[at][0] : t->next[at][1];
        from = at;
        at = onward;
    } while (at >= 0 && at != start);
    if (at == start) { /* closed */
        points[2 * written] = t->place[at][0];
        points[2 * written++ + 1] = t->place[at][1];
    }
    points[2 * written] = points[2 * written + 1] = NAN;
    return written + 1;
}

ovp_status figure_contour_lines(double **points, ovp_idx *count, ovp_ctx *ctx, const ovp_figure_map *map,
                                double level) {
    ovp_status status = OVP_OK;
    tracer t = {.map = map, .level = map->log ? log(level) : level};
    ovp_idx cells = map->cols * map->rows, most = crossings(&t), written = 0;
    *points = NULL;
    *count = 0;
    if (most == 0) return OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &t.node, 2 * cells, sizeof *t.node));
    OVP_TRY(ovp_alloc(ctx, &t.next, most, sizeof *t.next));
    OVP_TRY(ovp_alloc(ctx, &t.place, most, sizeof *t.place));
    OVP_TRY(ovp_alloc(ctx, &t.passed, most, sizeof *t.passed));
    /* Every path has two nodes or more, and at most two pairs on top of its nodes. */
    OVP_TRY(ovp_alloc(ctx, points, 4 * most, sizeof **points));
    for (ovp_idx k = 0; k < 2 * cells; k++) t.node[k] = -1;
    for (ovp_idx j = 0; j < map->rows; j++)
        for (ovp_idx i = 0; i < map->cols; i++) {
            if (i + 1 < map->cols) cross(&t, i, j, 0);
            if (j + 1 < map->rows) cross(&t, i, j, 1);
        }
    for (ovp_idx j = 0; j + 1 < map->rows; j++)
        for (ovp_idx i = 0; i + 1 < map->cols; i++) cell(&t, i, j);
    /* Open lines from their ends, then what is left: closed ones. */
    for (int closed = 0; closed < 2; closed++)
        for (ovp_idx n = 0; n < t.nodes; n++)
            if (!t.passed[n] && t.next[n][0] >= 0 && (closed || t.next[n][1] < 0))
                written += follow(&t, n, *points + 2 * written);
    *count = written;
done:
    ovp_free(ctx, t.node);
    ovp_free(ctx, t.next);
    ovp_free(ctx, t.place);
    ovp_free(ctx, t.passed);
    if (written == 0) {
        ovp_free(ctx, *points);
        *points = NULL;
    }
    return status;
}
