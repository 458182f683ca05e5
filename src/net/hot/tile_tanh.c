/* The way back through a block of tanh units below one output: phi' = 1 - h^2, the three gradients and nothing in
 * between, in one pass over h. */
#include "net/hot/tile_vector.h"

enum { INPUTS = OVP_NET_TILE_TANH_INPUTS };

ALWAYS_INLINE void store_at(void *base, ovp_idx at, vec value, int add) {
    vec *out = (vec *)(void *)((real *)base + at);
    *out = add ? *out + value : value;
}

ALWAYS_INLINE void units(const int count, const int inputs, const ovp_net_tile_block *s, ovp_idx u, const real *h,
                         const real *df, const ovp_net_tile_shallow_gradient *g, int add) {
    const real *x = s->x;
    vec weight[INPUTS][4], bias[4], output[4];
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        bias[q] = output[q] = (vec){0};
#pragma GCC unroll 8
        for (int k = 0; k < inputs; k++) weight[k][q] = (vec){0};
    }
    for (ovp_idx i = 0; i < s->samples; i++) {
#pragma GCC unroll 4
        for (int q = 0; q < count; q++) {
            const vec a = vectors(h + i * s->units + u)[q];
            const vec dz = df[i] * ((real)1 - a * a);
            output[q] = output[q] + df[i] * a;
            bias[q] = bias[q] + dz;
#pragma GCC unroll 8
            for (int k = 0; k < inputs; k++) weight[k][q] = weight[k][q] + x[i * inputs + k] * dz;
        }
    }
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        const ovp_idx at = u + q * LANES;
        const vec v = *vectors((const real *)s->output + at);
        store_at(g->output, at, output[q], add);
        if (g->bias) store_at(g->bias, at, v * bias[q], add);
#pragma GCC unroll 8
        for (int k = 0; k < inputs; k++) store_at(g->weight, k * s->ld + at, v * weight[k][q], add);
    }
}

ALWAYS_INLINE void backward(const int inputs, const ovp_net_tile_block *s, const real *h, const real *df,
                            const ovp_net_tile_shallow_gradient *g, int add) {
    const int most = WIDE_REGISTERS ? (inputs <= 4 ? 4 : 2) : inputs <= 4 ? 2 : 1; /* what fits the registers */
    ovp_idx u = 0;
    for (; u + most * LANES <= s->units; u += most * LANES) units(most, inputs, s, u, h, df, g, add);
    for (; u < s->units; u += LANES) units(1, inputs, s, u, h, df, g, add);
}

void OVP_HOT(ovp_net_tile_tanh_backward)(const ovp_net_tile_block *s, const void *h, const void *df,
                                         const ovp_net_tile_shallow_gradient *g, int add) {
#define CALL(n) backward(n, s, h, df, g, add)
    OVP_SWITCH_8(s->inputs, CALL)
#undef CALL
}
