/* Inside the tile engine of one precision. */
#ifndef OVP_NET_REAL_TILE_RUN_H
#define OVP_NET_REAL_TILE_RUN_H

#include "net/tile_int.h"
#include "numeric/real.h"

enum {
    PAD = OVP_NET_TILE_PAD,
    GROUPS = 16,    /* partial gradients at most */
    MAX_NARROW = 4, /* outputs of a last layer that is done with lanes across its inputs */
    MAX_SAMPLES = OVP_NET_TILE_SAMPLES
};

typedef enum layout { SAMPLES, UNITS, FEATURES } layout;

/* ws->engine. All offsets are elements of `data`, of type real unless said otherwise. */
typedef struct tile {
    layout layout;
    int relu, tanh;    /* fused loops serve: hot/tile_relu.c, hot/tile_tanh.c (units), product_dtanh (samples) */
    ovp_idx samples;   /* of a chunk, a multiple of PAD */
    ovp_idx gradients; /* elements of one partial gradient, in the layout's own order */
    /* one worker's scratch */
    ovp_idx hidden[OVP_NET_MAX_LAYERS + 1], before[OVP_NET_MAX_LAYERS + 1]; /* phi(z) and, if needed, z of layer l */
    ovp_idx top, down[2], targets, sums, patterns, worker;
    /* shared */
    ovp_idx weight[OVP_NET_MAX_LAYERS], transposed[OVP_NET_MAX_LAYERS], bias[OVP_NET_MAX_LAYERS]; /* padded copies */
    ovp_idx slot[OVP_NET_MAX_LAYERS], bias_slot[OVP_NET_MAX_LAYERS]; /* of a layer within a partial gradient */
    ovp_idx partial, gradient, theta, scratch;
    double loss[GROUPS];
    real *data;
} tile;

/* One pass over a batch. */
typedef struct run {
    ovp_net_workspace *ws;
    const ovp_net_model *m;
    const ovp_net_batch *batch;
    const ovp_net_targets *targets; /* NULL: df is given, or only outputs are wanted */
    const ovp_net_tile_kernels *k;
    tile *t;
    const real *theta; /* effective: multipliers are in */
    const real *df;    /* rows x c or NULL */
    real *f;           /* rows x c or NULL */
    double scale;      /* d(loss) / d(sum of the samples' terms) */
    ovp_idx groups;
    int backward;
} run;

/* Samples first .. first + count of a batch, whose gradient goes to `partial` (added if `add`). */
typedef struct chunk {
    ovp_ctx *ctx;
    real *scratch;
    ovp_idx first, count, padded;
    real *partial;
    int add;
    double loss;
} chunk;

static inline ovp_idx pad(ovp_idx n) {
    return (n + PAD - 1) / PAD * PAD;
}

/* Widest layer, inputs apart. */
ovp_idx OVP_REAL(ovp_net_tile_widest)(const ovp_net_model *m);
/* Where the loss of a chunk comes from: outputs top [c][padded] (samples in lanes) or [padded][PAD]: writes f and wide,
 * replaces the outputs by their derivatives, adds to c->loss. */
ovp_status OVP_REAL(ovp_net_tile_outputs)(const run *r, chunk *c, real *top, ovp_idx row, ovp_idx column);

/* The layouts: space they need, what is prepared once a step, a chunk, and the gradient in theta's order. */
typedef struct scheme {
    void (*plan)(tile *t, const ovp_net_model *m, ovp_idx lanes);
    void (*begin)(const run *r);
    ovp_status (*chunk)(const run *r, chunk *c);
    void (*close)(const run *r, const chunk *c); /* after a group's last chunk; NULL: nothing */
    real *(*finish)(const run *r, real *space);  /* in space (P elements) or where it is already */
} scheme;
extern const scheme OVP_REAL(ovp_net_tile_samples), OVP_REAL(ovp_net_tile_features), OVP_REAL(ovp_net_tile_units),
    OVP_REAL(ovp_net_tile_relu);

/* The finish of partial gradients in theta's order. */
real *OVP_REAL(ovp_net_tile_add_partials)(const run *r, real *space);

/* Lays out the next `count` elements of an area, rounded up. */
static inline ovp_idx take(ovp_idx *at, ovp_idx count) {
    const ovp_idx offset = *at;
    *at += pad(count);
    return offset;
}

#endif
