/* p-variation in R^d: the dynamic programme V_j = max over m < j of V_m + |x_m - x_j|^p with a tree of boxes over time.
 * A node is passed over if not even its farthest corner, with the V of its last point, can beat what point j has. */
#include <string.h>

#include "measure/hot_int.h"

enum { BLOCK = OVP_VARIATION_BLOCK, LEAF = OVP_VARIATION_LEAF };

static void choose_test(ovp_variation_tree *t) {
    const int square = t->norm == OVP_NORM_L2;
    int power = t->exponent.halves, root = square ? 4 : 2; /* s^(halves / 4) or s^(halves / 2) against the gap */
    while (power && power % 2 == 0 && root > 1) power /= 2, root /= 2;
    t->power = power;
    t->root = power ? root : 0;
}

static ovp_status make_room(ovp_variation_tree *t, ovp_ctx *ctx, ovp_idx blocks) {
    ovp_idx nodes = blocks * (BLOCK / LEAF), all = 0;
    double *boxes = NULL;
    ovp_status status;
    for (ovp_idx left = nodes; left > 0; left /= 2) all += left;
    OVP_TRY(ovp_alloc(ctx, &t->points, blocks * BLOCK, (size_t)t->d * sizeof *t->points));
    OVP_TRY(ovp_alloc(ctx, &t->v, blocks * BLOCK, sizeof *t->v));
    OVP_TRY(ovp_alloc(ctx, &t->before, blocks * BLOCK, sizeof *t->before));
    OVP_TRY(ovp_alloc(ctx, &boxes, 2 * all, (size_t)t->d * sizeof *boxes));
    for (int l = 0; nodes > 0; nodes /= 2, l++) {
        t->boxes[l] = boxes;
        boxes += nodes * 2 * t->d;
    }
done:
    return status;
}

/* The points of a block, coordinate by coordinate; behind the last point its copies. */
static void put_points(const ovp_variation_tree *t, const ovp_variation_path *path, ovp_idx block) {
    double *to = t->points + block * BLOCK * t->d;
    for (ovp_idx i = 0; i < BLOCK; i++) {
        const ovp_idx j = block * BLOCK + i < path->n ? block * BLOCK + i : path->n - 1;
        for (ovp_idx k = 0; k < t->d; k++) to[k * BLOCK + i] = path->x[j * t->d + k] * path->scale;
    }
}

static void put_boxes(const ovp_variation_tree *t, ovp_idx block) {
    const ovp_idx d = t->d;
    for (ovp_idx i = 0; i < BLOCK / LEAF; i++) {
        const ovp_idx leaf = block * (BLOCK / LEAF) + i;
        const double *x = t->points + block * BLOCK * d + i * LEAF;
        double *box = t->boxes[0] + leaf * 2 * d;
        for (ovp_idx k = 0; k < d; k++, x += BLOCK) {
            box[k] = box[d + k] = x[0];
            for (int l = 1; l < LEAF; l++) {
                box[k] = x[l] < box[k] ? x[l] : box[k];
                box[d + k] = x[l] > box[d + k] ? x[l] : box[d + k];
            }
        }
        ovp_idx node = leaf;
        for (int level = 0; node % 2 == 1; level++, node /= 2) { /* the later half is there: their parent is complete */
            const double *a = t->boxes[level] + (node - 1) * 2 * d, *b = a + 2 * d;
            double *parent = t->boxes[level + 1] + node / 2 * 2 * d;
            for (ovp_idx k = 0; k < d; k++) {
                parent[k] = a[k] < b[k] ? a[k] : b[k];
                parent[d + k] = a[d + k] > b[d + k] ? a[d + k] : b[d + k];
            }
        }
    }
}

static void add_block(const ovp_variation_tree *t, const ovp_variation_kernels *kernels, ovp_idx block) {
    const ovp_idx first = block * BLOCK;
    ovp_variation_query q = {.x = t->points + first * t->d};
    ovp_variation_square square;
    for (int i = 0; i < BLOCK; i++) {
        q.best[i] = first ? t->v[first - 1] : 0;
        q.from[i] = first - 1;
    }
    kernels->distances(t, &square, &q);
    if (first) {
        ovp_idx guesses[LEAF] = {first - 1};
        for (int g = 1; g < LEAF; g++)
            guesses[g] = t->before[guesses[g - 1]] >= 0 ? t->before[guesses[g - 1]] : guesses[g - 1];
        kernels->points(t, guesses, &q);
        kernels->within(t, &square, first, &q); /* not yet their last values, but sums of partitions all the same */
        kernels->scan(t, 0, first / LEAF, &q);
    }
    kernels->within(t, &square, first, &q);
    for (int i = 0; i < BLOCK; i++) {
        t->v[first + i] = q.best[i];
        t->before[first + i] = q.from[i];
    }
}

ovp_status ovp_measure_variation_space(double *value, ovp_ctx *ctx, const ovp_variation_path *path,
                                       ovp_variation_partition *partition) {
    const ovp_variation_kernels *kernels = ovp_variation_kernels_for(ctx);
    const ovp_idx blocks = (path->n + BLOCK - 1) / BLOCK;
    ovp_variation_tree t = {.d = path->d, .norm = path->norm, .exponent = path->exponent};
    ovp_status status;
    choose_test(&t);
    OVP_TRY(make_room(&t, ctx, blocks));
    for (ovp_idx b = 0; b < blocks; b++) {
        put_points(&t, path, b);
        add_block(&t, kernels, b);
        put_boxes(&t, b);
        OVP_TRY(ovp_check(ctx));
    }
    *value = t.v[path->n - 1];
    for (ovp_idx j = path->n - 1; partition && j >= 0; j = t.before[j]) partition->index[partition->count++] = j;
done:
    ovp_free(ctx, t.points);
    ovp_free(ctx, t.v);
    ovp_free(ctx, t.before);
    ovp_free(ctx, t.boxes[0]);
    return status;
}
