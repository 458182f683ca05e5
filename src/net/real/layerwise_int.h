/* What the layer-by-layer operations share: blocks of a layer, from shapes alone, so that results do not depend on the
 * number of threads. For dense nets whose weights stand [in][out]. */
#ifndef OVP_NET_LAYERWISE_INT_H
#define OVP_NET_LAYERWISE_INT_H

#include "net/net_int.h"
#include "numeric/real.h"

enum { OVP_NET_BLOCK = 256 }; /* rows and units of a block at most */

/* 0..total cut into `count` blocks of `size`, the last perhaps smaller. */
typedef struct ovp_net_cut {
    ovp_idx total, count, size;
} ovp_net_cut;

static inline ovp_net_cut ovp_net_cut_of(ovp_idx total) {
    const ovp_idx count = (total + OVP_NET_BLOCK - 1) / OVP_NET_BLOCK;
    const ovp_idx size = ((total + count - 1) / count + 15) / 16 * 16;
    return (ovp_net_cut){total, (total + size - 1) / size, size};
}
static inline ovp_idx ovp_net_cut_begin(const ovp_net_cut *c, ovp_idx i) {
    return i * c->size;
}
static inline ovp_idx ovp_net_cut_size(const ovp_net_cut *c, ovp_idx i) {
    return c->total - i * c->size < c->size ? c->total - i * c->size : c->size;
}

/* Numbers of one layer, rows x width with `ld` elements between rows: pre-activations, activations, their derivatives
 * along v. NULL: not wanted, or zero (the inputs' ra). */
typedef struct OVP_REAL(ovp_net_side) {
    const real *a;
    real *z, *phi; /* phi: where a is written */
    real *rz, *ra;
    ovp_idx ld;
} OVP_REAL(ovp_net_side);

/* The first `rows` rows of units u0 .. u0 + width of layer l: z = s_w a W + s_b b, a = phi(z) and, with v, R{z} =
 * s_w (a V + R{a} W) + s_b b_v, R{a} = phi'(z) R{z}. */
void OVP_REAL(ovp_net_layerwise_units)(ovp_ctx *worker, const ovp_net_model *m, ovp_idx l, const real *theta,
                                       const real *v, ovp_idx rows, ovp_idx u0, ovp_idx width,
                                       const OVP_REAL(ovp_net_side) * in, const OVP_REAL(ovp_net_side) * out);

#endif
