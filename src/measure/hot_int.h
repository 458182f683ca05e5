/* Inside measure: the inner loops compiled per processor level. */
#ifndef OVP_MEASURE_HOT_INT_H
#define OVP_MEASURE_HOT_INT_H

#include "measure/variation_int.h"

/* Points are taken in blocks of this many: a block asks the tree together, a point a lane. */
#define OVP_VARIATION_BLOCK 16
/* Points of a leaf of the tree; divides the block. */
#define OVP_VARIATION_LEAF 4
#define OVP_VARIATION_LEVELS 60

/* The points so far and a binary tree of boxes over them, in order of time. Node i of level l holds the points from
 * i (LEAF 2^l) on; its bound uses the V of its last point, as V never falls. */
typedef struct ovp_variation_tree {
    ovp_idx d;
    ovp_measure_norm norm;
    ovp_variation_exponent exponent;
    double *points;                      /* blocks x d x BLOCK */
    double *v;                           /* blocks x BLOCK */
    ovp_idx *before;                     /* blocks x BLOCK: which point gave V */
    double *boxes[OVP_VARIATION_LEVELS]; /* nodes x 2 x d: least, greatest coordinates */
    /* s^(p or p / 2) > gap as s^power > gap^root, root 1, 2 or 4; 0: by logarithms. s: distance, squared if L2. */
    int power, root;
} ovp_variation_tree;

/* A block's points as they ask: best value so far and the point that gave it. */
typedef struct ovp_variation_query {
    const double *x; /* d x BLOCK */
    double best[OVP_VARIATION_BLOCK] __attribute__((aligned(64)));
    ovp_idx from[OVP_VARIATION_BLOCK];
} ovp_variation_query;

/* Distances (as s above) of a block's points from one another. */
typedef struct ovp_variation_square {
    double s[OVP_VARIATION_BLOCK][OVP_VARIATION_BLOCK] __attribute__((aligned(64)));
} ovp_variation_square;

typedef struct ovp_variation_kernels {
    /* Raises best to the greatest V_m + |x_m - x|^p over ... */
    /* ... LEAF points m (some may be the same) */
    void (*points)(const ovp_variation_tree *tree, const ovp_idx m[OVP_VARIATION_LEAF], ovp_variation_query *query);
    /* ... all points of the leaves begin .. end - 1, whose nodes must be complete */
    void (*scan)(const ovp_variation_tree *tree, ovp_idx begin, ovp_idx end, ovp_variation_query *query);
    /* ... the block's own points, which begins with the point `first`, each after those before it. */
    void (*within)(const ovp_variation_tree *tree, const ovp_variation_square *square, ovp_idx first,
                   ovp_variation_query *query);
    void (*distances)(const ovp_variation_tree *tree, ovp_variation_square *square, const ovp_variation_query *query);
} ovp_variation_kernels;

const ovp_variation_kernels *ovp_variation_kernels_for(const ovp_ctx *ctx);

#endif
