/* Weights and gradients of the ReLU loops stand as theta has them: loads and stores at any address, n of a register's
 * lanes, the others 0. */
#ifndef OVP_NET_HOT_TILE_RELU_H
#define OVP_NET_HOT_TILE_RELU_H

#include "net/hot/tile_vector.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#if OVP_BITS == 32
#define OVP_512(name) _mm512_##name##_ps
typedef __m512 machine_vec;
typedef __mmask16 lane_mask;
#else
#define OVP_512(name) _mm512_##name##_pd
typedef __m512d machine_vec;
typedef __mmask8 lane_mask;
#endif
ALWAYS_INLINE vec load_some(const real *p, ovp_idx n) {
    return (vec)OVP_512(maskz_loadu)((lane_mask)((1u << n) - 1), p);
}
ALWAYS_INLINE void store_some(real *p, vec value, ovp_idx n) {
    OVP_512(mask_storeu)(p, (lane_mask)((1u << n) - 1), (machine_vec)value);
}
#else
#include <string.h>
ALWAYS_INLINE vec load_some(const real *p, ovp_idx n) {
    vec value = {0};
    memcpy(&value, p, (size_t)n * sizeof(real));
    return value;
}
ALWAYS_INLINE void store_some(real *p, vec value, ovp_idx n) {
    memcpy(p, &value, (size_t)n * sizeof(real));
}
#endif

typedef real loose __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

ALWAYS_INLINE vec load(const real *p, ovp_idx n) {
    if (n == LANES) return *(const loose *)(const void *)p;
    return load_some(p, n);
}
ALWAYS_INLINE void store(real *p, vec value, ovp_idx n, int add) {
    const vec sum = add ? load(p, n) + value : value;
    if (n == LANES)
        *(loose *)(void *)p = sum;
    else
        store_some(p, sum, n);
}

/* A block of `count` registers of units, its weights and the sums over samples of df and df x where a unit is active.
 */
enum { MOST_UNITS = 4 };
typedef struct relu_block {
    vec w[OVP_NET_TILE_SHALLOW_INPUTS][MOST_UNITS], b[MOST_UNITS];
    vec weight[OVP_NET_TILE_SHALLOW_INPUTS][MOST_UNITS], bias[MOST_UNITS];
} relu_block;

ALWAYS_INLINE void open_block(relu_block *r, const int count, const int inputs, const ovp_net_tile_shallow *s,
                              ovp_idx u, ovp_idx n) {
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        r->b[q] = s->bias ? load((const real *)s->bias + u + q * LANES, n) : (vec){0};
        r->bias[q] = (vec){0};
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) {
            r->w[k][q] = load((const real *)s->weight + k * s->ld + u + q * LANES, n);
            r->weight[k][q] = (vec){0};
        }
    }
}

/* With q_i = 1 where the unit is active for sample i: gb = v sum q_i df_i, gw_k = v sum q_i df_i x_ik, and the output
 * weight's gradient sum df_i h_i = sum q_i df_i (w x_i + b) is made of the same sums. */
ALWAYS_INLINE void close_block(const relu_block *r, const int count, const int inputs, const ovp_net_tile_shallow *s,
                               ovp_idx u, ovp_idx n, const ovp_net_tile_shallow_gradient *g, int add) {
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        const vec v = load((const real *)s->output + u + q * LANES, n);
        vec output = r->b[q] * r->bias[q];
        if (g->bias) store((real *)g->bias + u + q * LANES, v * r->bias[q], n, add);
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) {
            output = output + r->w[k][q] * r->weight[k][q];
            store((real *)g->weight + k * s->ld + u + q * LANES, v * r->weight[k][q], n, add);
        }
        store((real *)g->output + u + q * LANES, output, n, add);
    }
}

#endif
