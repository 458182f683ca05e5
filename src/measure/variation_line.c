/* p-variation on the real line in linear time.
 *
 * Only turning points count, and in a partition that gives V_j, j a peak, the point before j is a valley m that is
 * lowest from m to j, with no peak above x_j between them. As functions of the peak's height x the valleys give g_m(x)
 * = V_m + (x - x_m)^p, and x^p is convex: once the lower, earlier valley m has overtaken a later one m' at some height,
 * it leads at all greater heights; and a later peak that is lower never looks back past this one. So valleys stand on a
 * stack, each with the height from which it leads over the one above it; these heights fall from the bottom to the top,
 * and each peak pops what it finds overtaken and reads its answer off the top. Peaks seen from valleys are the same
 * thing upside down. Every point is pushed and popped once. */
#include "measure/variation_int.h"

#include <string.h>

typedef struct entry {
    double z, v;   /* height (upside down on the stack of peaks), V */
    double gap;    /* greatest height between this entry and the one above it */
    double from;   /* from this height on it leads over the one above it; never below gap */
    ovp_idx point; /* number of the turning point */
} entry;

typedef struct stack {
    entry *entries;
    ovp_idx count, room;
    double highest; /* no query is higher */
} stack;

typedef struct line {
    ovp_ctx *ctx;
    const ovp_variation_path *path;
    stack stacks[2];         /* valleys, peaks */
    ovp_idx *index, *before; /* of turning points; NULL if no partition is wanted */
    ovp_idx points;
    double last, value; /* height and V of the last of them */
} line;

/* Turning points are gathered this many at a time. */
#define CHUNK 2048

/* ---- when the lower of two valleys takes the lead ------------------------------------------------------ */

/* u >= 0 with (u + h)^p - u^p = gain, by Newton's steps from where the mean slope puts it: the left side rises, and is
 * convex or concave throughout, so that after the first step all others go one way. */
static double newton(const ovp_variation_exponent *e, double h, double gain) {
    const double p = e->p;
    double u = fmax(pow(gain / (p * h), 1 / (p - 1)) - h / 2, 0);
    for (int i = 0; i < 60; i++) {
        const double far = ovp_variation_power(e, u + h), near = ovp_variation_power(e, u);
        const double slope = p * (far / (u + h) - (u > 0 ? near / u : 0));
        const double next = fmax(u - (far - near - gain) / slope, 0), step = fabs(next - u);
        if (!(slope > 0)) break; /* h is nothing beside u: as good as it gets */
        u = next;
        if (step <= 4e-16 * (u + h)) break;
    }
    return u;
}

/* Height, not below `least`, from which a leads over b, which stands h above it; INFINITY if that is above `highest`.
 */
static double takeover(const ovp_variation_exponent *e, const entry *a, const entry *b, double least, double highest) {
    const double h = b->z - a->z, gain = b->v - a->v;
    double u;
    if (e->halves == 4) {
        u = (gain / h - h) / 2;
    } else if (e->halves == 6) {
        u = sqrt(fmax(gain / (3 * h) - h * h / 12, 0)) - h / 2;
    } else {
        u = highest - b->z;
        if (!(ovp_variation_power(e, u + h) - ovp_variation_power(e, u) >= gain)) return INFINITY;
        u = least - b->z;
        if (ovp_variation_power(e, u + h) - ovp_variation_power(e, u) >= gain) return least;
        u = newton(e, h, gain);
    }
    return fmax(b->z + u, least);
}

/* ---- the two stacks -------------------------------------------------------------------------------------- */

static ovp_status grow(stack *s, ovp_ctx *ctx) {
    const ovp_idx room = s->room ? 2 * s->room : 64;
    entry *entries;
    ovp_status status;
    OVP_TRY(ovp_alloc(ctx, &entries, room, sizeof *entries));
    if (s->count) memcpy(entries, s->entries, (size_t)s->count * sizeof *entries);
    ovp_free(ctx, s->entries);
    s->entries = entries;
    s->room = room;
done:
    return status;
}

/* Takes the top off; what lay between it and the one below now lies above that one. */
static inline void pop(stack *s) {
    const double gap = s->entries[--s->count].gap;
    if (s->count) s->entries[s->count - 1].gap = fmax(s->entries[s->count - 1].gap, gap);
}

/* The entry that gives V at height z: a point of the other kind. */
static inline const entry *lead(stack *s, double z) {
    while (s->count > 1 && s->entries[s->count - 2].from <= z) pop(s);
    return &s->entries[s->count - 1];
}

/* gap: the greatest height since the top was pushed. */
static inline ovp_status push(stack *s, ovp_ctx *ctx, const ovp_variation_exponent *e, entry new, double gap) {
    if (s->count) s->entries[s->count - 1].gap = gap;
    while (s->count && s->entries[s->count - 1].z >= new.z) pop(s); /* higher, and its V is no greater */
    while (s->count) {
        entry *top = &s->entries[s->count - 1];
        top->from = takeover(e, top, &new, top->gap, s->highest);
        if (s->count == 1 || s->entries[s->count - 2].from > top->from) break;
        pop(s); /* the one below overtakes it before it would lead */
    }
    if (s->count == s->room) {
        const ovp_status status = grow(s, ctx);
        if (status != OVP_OK) return status;
    }
    s->entries[s->count++] = new;
    return OVP_OK;
}

/* One more turning point. */
static inline ovp_status turn(line *l, double x, int peak, ovp_idx index) {
    const double z = peak ? x : -x;
    entry point = {.z = -z, .gap = -INFINITY, .point = l->points};
    if (l->points) {
        const entry *from = lead(&l->stacks[!peak], z);
        point.v = from->v + ovp_variation_power(&l->path->exponent, z - from->z);
        if (l->before) l->before[l->points] = from->point;
    }
    if (l->index) l->index[l->points] = index;
    l->points++;
    l->value = point.v;
    const double gap = peak ? -l->last : l->last;
    l->last = x;
    return push(&l->stacks[peak], l->ctx, &l->path->exponent, point, gap);
}

/* ---- turning points -------------------------------------------------------------------------------------- */

/* All of them, the first and the last point included; of equal neighbours any one. A turn shows one point later.
 * Without branches: on a rough path every second one would be foretold wrongly. */
static ovp_status walk(line *l) {
    const ovp_idx n = l->path->n;
    const double *x = l->path->x, scale = l->path->scale;
    double heights[CHUNK + 1];
    ovp_idx indices[CHUNK + 1], i = 1;
    ovp_status status;
    while (i < n && x[i] == x[0]) i++;
    if (i == n) return OVP_OK; /* constant: no turn, V = 0 */
    int up = x[i] > x[0];
    OVP_TRY(turn(l, x[0] * scale, !up, 0));
    heights[0] = x[i];
    indices[0] = i++;
    while (i < n) {
        const ovp_idx end = i + CHUNK < n ? i + CHUNK : n;
        int count = 0, peak = up;
        for (; i < end; i++) {
            const int turned = up ? x[i] < heights[count] : x[i] > heights[count];
            count += turned;
            up ^= turned;
            heights[count] = x[i];
            indices[count] = i;
        }
        for (int k = 0; k < count; k++, peak = !peak) OVP_TRY(turn(l, heights[k] * scale, peak, indices[k]));
        heights[0] = heights[count];
        indices[0] = indices[count];
        OVP_TRY(ovp_check(l->ctx));
    }
    status = turn(l, heights[0] * scale, up, indices[0]);
done:
    return status;
}

ovp_status ovp_measure_variation_line(double *value, ovp_ctx *ctx, const ovp_variation_path *path,
                                      ovp_variation_partition *partition) {
    line l = {.ctx = ctx, .path = path};
    double low = path->x[0], high = low;
    ovp_status status;
    for (ovp_idx i = 1; i < path->n; i++) {
        low = path->x[i] < low ? path->x[i] : low;
        high = path->x[i] > high ? path->x[i] : high;
    }
    l.stacks[0].highest = high * path->scale;
    l.stacks[1].highest = -low * path->scale;
    if (partition) {
        OVP_TRY(ovp_alloc(ctx, &l.index, path->n, sizeof *l.index));
        OVP_TRY(ovp_alloc(ctx, &l.before, path->n, sizeof *l.before));
    }
    OVP_TRY(walk(&l));
    *value = l.value;
    if (partition) {
        partition->count = 0;
        for (ovp_idx k = l.points - 1; k > 0; k = l.before[k]) partition->index[partition->count++] = l.index[k];
        partition->index[partition->count++] = 0;
    }
done:
    for (int k = 0; k < 2; k++) ovp_free(ctx, l.stacks[k].entries);
    ovp_free(ctx, l.index);
    ovp_free(ctx, l.before);
    return status;
}
