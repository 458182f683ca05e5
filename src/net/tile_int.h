/* The tile engine's loops, one table per level and precision (src/net/hot/tile_*.c). "Vector" is a register of `lanes`
 * elements; every matrix of vectors is 64-byte aligned, its strides multiples of OVP_NET_TILE_PAD elements. */
#ifndef OVP_NET_TILE_INT_H
#define OVP_NET_TILE_INT_H

#include "net/net_int.h"

enum { OVP_NET_TILE_PAD = 16 }; /* elements: a whole number of registers of every level and precision */

/* What C holds before A B is added. */
typedef enum ovp_net_tile_start {
    OVP_TILE_ZERO,
    OVP_TILE_ROWS,    /* bias[i] in row i */
    OVP_TILE_COLUMNS, /* bias[j] in column j, a multiple of the pad long */
    OVP_TILE_ADD      /* C itself */
} ovp_net_tile_start;

/* A(i, j) = a[i row + j column]. */
typedef struct ovp_net_tile_scalars {
    const void *a;
    ovp_idx row, column;
} ovp_net_tile_scalars;

/* A net of one hidden layer and one output on a chunk of samples: x (samples x inputs), weight (inputs x units, stride
 * ld), bias (units, or NULL) and output weights (units), at any address. */
enum { OVP_NET_TILE_SHALLOW_INPUTS = 4, OVP_NET_TILE_SAMPLES = 256 /* of a chunk at most */ };
typedef struct ovp_net_tile_shallow {
    ovp_idx samples, inputs, units, ld;
    const void *x, *weight, *bias, *output;
} ovp_net_tile_shallow;
typedef struct ovp_net_tile_shallow_gradient {
    void *weight, *bias, *output; /* bias NULL: none */
} ovp_net_tile_shallow_gradient;

/* A padded block of such a net's hidden units: units a multiple of the pad, output weights and gradients aligned, the
 * gradient of the weights with stride ld. */
enum { OVP_NET_TILE_TANH_INPUTS = 8 };
typedef struct ovp_net_tile_block {
    ovp_idx samples, inputs, units, ld;
    const void *x, *output;
} ovp_net_tile_block;

typedef struct ovp_net_tile_kernels {
    ovp_idx lanes;
    /* C (m x n, stride ldc) = start + A B: A m x k scalars, B (k x n, stride ldb); n a multiple of the pad. */
    void (*product)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b, ovp_idx ldb,
                    ovp_net_tile_start start, const void *bias, void *c, ovp_idx ldc);
    /* C = (A B) (1 - h^2) element by element, h of C's shape and stride: the way back through tanh. */
    void (*product_dtanh)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b, ovp_idx ldb,
                          const void *h, void *c, ovp_idx ldc);
    /* g (in x out vectors of partial sums, lane by lane) = or += a (in x n, stride lda) times z (out x n, stride
     * ldz)^T; n a multiple of the pad. */
    void (*outer)(ovp_idx in, ovp_idx out, ovp_idx n, const void *a, ovp_idx lda, const void *z, ovp_idx ldz, void *g,
                  int add);
    /* g (out vectors) = or += the same with a row of ones. */
    void (*sums)(ovp_idx out, ovp_idx n, const void *z, ovp_idx ldz, void *g, int add);
    /* c[i stride + j] = a row i (m x n, stride lda) . b row j (p x n, stride ldb); n a multiple of the pad; rows of a
     * up to the next multiple of the lanes are read, whatever they hold. */
    void (*dots)(ovp_idx m, ovp_idx p, ovp_idx n, const void *a, ovp_idx lda, const void *b, ovp_idx ldb, void *c,
                 ovp_idx stride);
    /* g (m vectors) = or += a (m x n) times b (n), lane by lane: n a multiple of the pad, rows of a one after another.
     */
    void (*strips)(ovp_idx m, ovp_idx n, const void *a, const void *b, void *g, int add);
    /* ReLU, at most OVP_NET_TILE_SHALLOW_INPUTS inputs: sums (samples vectors) = hidden layer times output weights,
     * lane by lane; and from df (samples) the gradients, = or +=. What the first leaves in patterns the second reads:
     * samples times padded units / 2 elements, 64-byte aligned. */
    void (*relu_forward)(const ovp_net_tile_shallow *s, void *patterns, void *sums);
    void (*relu_backward)(const ovp_net_tile_shallow *s, const void *patterns, const void *df,
                          const ovp_net_tile_shallow_gradient *g, int add);
    /* tanh, at most OVP_NET_TILE_TANH_INPUTS inputs: from h (samples x units) and df the block's gradients, = or +=. */
    void (*tanh_backward)(const ovp_net_tile_block *s, const void *h, const void *df,
                          const ovp_net_tile_shallow_gradient *g, int add);
    /* out[i] = sum of the lanes of vector i of g, i < n. Vectors up to the next multiple of the lanes are read,
     * whatever they hold. */
    void (*lane_sums)(ovp_idx n, const void *g, void *out);
    /* d[i] = scale (f[i] - y[i]) and the sum of (f[i] - y[i])^2 in f64. */
    double (*squares)(ovp_idx n, const void *f, const void *y, double scale, void *d);
} ovp_net_tile_kernels;

const ovp_net_tile_kernels *ovp_net_tile_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type);

#endif
