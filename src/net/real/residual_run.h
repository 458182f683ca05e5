/* Inside the tile engine of residual nets, one precision. */
#ifndef OVP_NET_REAL_RESIDUAL_RUN_H
#define OVP_NET_REAL_RESIDUAL_RUN_H

#include "net/residual_tile_int.h"
#include "net/tile_int.h"
#include "numeric/real.h"

enum { GROUPS = OVP_NET_RESIDUAL_GROUPS, BLOCK = OVP_NET_RESIDUAL_BLOCK, PAD = 64 / (int)sizeof(real) };
enum { SEGMENT = 4, LAYERS = 32 /* that a task prepares or delivers */ };

/* ws->engine. Offsets are elements of `data`. */
typedef struct tile {
    int samples_in_lanes;                     /* else features */
    ovp_idx width, outs;                      /* dim and outputs; features in lanes: rounded up to whole registers */
    ovp_idx samples;                          /* of a chunk */
    ovp_idx layer;                            /* elements of one block's weights: dim x width */
    ovp_idx slot;                             /* and of its gradient in a chunk: with samples in lanes, lane by lane */
    ovp_idx rows, cols;                       /* W_k and its transpose, k from 0; zeros stand before the first */
    ovp_idx out, out_rows;                    /* V and its transpose */
    ovp_idx partial, scratch, worker;         /* partial gradients; the workers' scratch, elements of one */
    ovp_idx h, s, t, g, dz, f, b, turn, sums; /* within a worker's scratch: see `chunk` */
    int rebuilds;                             /* h_k is kept of every SEGMENT-th layer alone */
    double loss[GROUPS];
    real *data;
} tile;

/* One pass over a batch. */
typedef struct run {
    ovp_net_workspace *ws;
    const ovp_net_model *model;
    const ovp_net_residual *m;
    const ovp_net_batch *batch;
    const ovp_net_targets *targets; /* NULL: df is given, or only outputs are wanted */
    const ovp_net_residual_kernels *k;
    const ovp_net_tile_kernels *lanes; /* the loops of samples in lanes */
    tile *t;
    const real *theta, *df; /* df: rows x c or NULL */
    real *f;
    double scale; /* d(loss) / d(sum of the samples' terms) */
    ovp_idx groups;
    int backward, from_output, is_tanh;
    const ovp_net_residual_fused *fused; /* NULL: not for this net or processor level */
    const ovp_net_sink *sink;
} run;

/* Samples first .. first + count, `padded` with zeros; a matrix is padded x width, or dim x padded. Kept layer by
 * layer: h_k and s_k, which is what phi' comes from (phi(z) or z). `turn`: SEGMENT - 1 rooms for h where it is not
 * kept. */
typedef struct chunk {
    ovp_ctx *ctx;
    ovp_idx first, count, padded, size; /* size: of a matrix */
    real *h, *s, *t, *g, *dz, *f, *b, *turn, *gradient;
    double loss;
} chunk;

static inline ovp_idx pad(ovp_idx n) {
    return (n + PAD - 1) / PAD * PAD;
}

static inline ovp_idx take(ovp_idx *at, ovp_idx count) {
    const ovp_idx offset = *at;
    *at += pad(count);
    return offset;
}

static inline int has_a(const ovp_net_residual *m) {
    return m->kind != OVP_RES_LINEAR;
}
static inline int has_b(const ovp_net_residual *m) {
    return m->kind == OVP_RES_LINEAR || m->kind == OVP_RES_INCREMENT;
}

static inline const real *rows_of(const run *r, ovp_idx k) {
    return r->t->data + r->t->rows + k * r->t->layer;
}
static inline const real *cols_of(const run *r, ovp_idx k) {
    return r->t->data + r->t->cols + k * r->t->layer;
}

/* Takes the chunk first .. first + count (set, as `padded`) through the net: outputs and loss, and back if r->backward,
 * adding to c->gradient. */
void OVP_REAL(ovp_net_residual_chunk)(const run *r, chunk *c);

#endif
