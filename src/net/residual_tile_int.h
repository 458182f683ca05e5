/* The loops of residual nets' tile engine, one table per level and precision (src/net/hot/residual_kernels.c). Matrices
 * of samples x features: rows of `width` elements, a whole number of registers, 64-byte aligned; samples come in
 * multiples of OVP_NET_RESIDUAL_BLOCK. */
#ifndef OVP_NET_RESIDUAL_TILE_INT_H
#define OVP_NET_RESIDUAL_TILE_INT_H

#include "net/residual_int.h"

enum { OVP_NET_RESIDUAL_BLOCK = 16 };

/* A block of at most `lanes` features, skip or (keep 0) none, with tanh: rows of one register each. */
typedef struct ovp_net_residual_fused {
    /* t = tanh(h w), next = keep h + by t: w d x lanes, the others n x lanes */
    void (*forward)(ovp_idx n, ovp_idx d, const void *h, const void *w, double by, int keep, void *t, void *next);
    /* dz = by g (1 - t^2), gradient (d x lanes) += dz^T h, g = keep g + dz w */
    void (*backward)(ovp_idx n, ovp_idx d, const void *h, const void *t, const void *w, double by, int keep, void *g,
                     void *gradient, const void *later);
} ovp_net_residual_fused;

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
    const ovp_net_residual_fused *tanh; /* its members are NULL where the level and precision has none */
} ovp_net_residual_kernels;

const ovp_net_residual_kernels *ovp_net_residual_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type);

#endif
