/* The loops of residual nets' tile engine, one table per level and precision (src/net/hot/residual_kernels.c). Matrices
 * of samples x features: rows of `width` elements, a whole number of registers, 64-byte aligned; samples come in
 * multiples of OVP_NET_RESIDUAL_BLOCK. */
#ifndef OVP_NET_RESIDUAL_TILE_INT_H
#define OVP_NET_RESIDUAL_TILE_INT_H

#include "net/residual_int.h"

enum { OVP_NET_RESIDUAL_BLOCK = 16 };

typedef struct ovp_net_residual_kernels {
    ovp_idx lanes;
    /* c (n x width) = start + a (n x k scalars, rows lda apart) b (k x width); start NULL: 0, c: added to. */
    void (*product)(ovp_idx n, ovp_idx k, ovp_idx width, const void *a, ovp_idx lda, const void *b, const void *start,
                    void *c);
    /* g (m x width) += a^T (m scalars a sample, rows lda apart) b (n x width) */
    void (*gradient)(ovp_idx n, ovp_idx m, ovp_idx width, const void *a, ovp_idx lda, const void *b, void *g);
    /* out = h + by t; h NULL: by t alone */
    void (*step)(ovp_idx count, double by, const void *t, const void *h, void *out);
    /* out = by g (1 - t^2) */
    void (*tanh_slope)(ovp_idx count, double by, const void *t, const void *g, void *out);
} ovp_net_residual_kernels;

const ovp_net_residual_kernels *ovp_net_residual_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type);

#endif
