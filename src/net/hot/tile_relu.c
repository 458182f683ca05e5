/* One hidden layer of ReLUs, one output, few inputs: one loop forward and one back, straight from and to theta's order,
 * where the general way's passes over the activations would cost more than the arithmetic. For levels without AVX-512;
 * see tile_relu_tables.c for those with it. */
#include "net/hot/tile_relu.h"

#if !defined(__AVX512F__)

#if OVP_BITS == 32
typedef int32_t lane_bits;
#else
typedef int64_t lane_bits;
#endif
typedef lane_bits active __attribute__((vector_size(VECTOR_BYTES)));

/* max(z, 0) that keeps NaN. */
ALWAYS_INLINE vec rectify(vec z) {
    return (vec)((active)z & ~(z < (real)0));
}

enum { SAMPLES_AT_ONCE = 4 };

/* ---- forward -------------------------------------------------------------------------------------- */

/* Units u .. u + n, at most a register of them. */
ALWAYS_INLINE void forward_units(const int samples, const int inputs, const ovp_net_tile_shallow *s, ovp_idx u,
                                 ovp_idx n, const real *x, vec *sum) {
    const vec b = s->bias ? load((const real *)s->bias + u, n) : (vec){0}, out = load((const real *)s->output + u, n);
    vec z[SAMPLES_AT_ONCE];
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) z[i] = b;
#pragma GCC unroll 4
    for (int k = 0; k < inputs; k++) {
        const vec row = load((const real *)s->weight + k * s->ld + u, n);
#pragma GCC unroll 4
        for (int i = 0; i < samples; i++) z[i] = z[i] + x[i * inputs + k] * row;
    }
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) sum[i] = sum[i] + rectify(z[i]) * out;
}

ALWAYS_INLINE void forward_samples(const int samples, const int inputs, const ovp_net_tile_shallow *s, const real *x,
                                   vec *sums) {
    const ovp_idx whole = s->units / LANES * LANES;
    vec sum[SAMPLES_AT_ONCE];
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) sum[i] = (vec){0};
    for (ovp_idx u = 0; u < whole; u += LANES) forward_units(samples, inputs, s, u, LANES, x, sum);
    if (whole < s->units) forward_units(samples, inputs, s, whole, s->units - whole, x, sum);
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) sums[i] = sum[i];
}

ALWAYS_INLINE void forward(const int inputs, const ovp_net_tile_shallow *s, vec *sums) {
    const real *x = s->x;
    const ovp_idx piece = even_piece(s->samples, SAMPLES_AT_ONCE);
    for (ovp_idx i = 0; i < s->samples; i += piece) {
#define CALL(n) forward_samples(n, inputs, s, x + i * inputs, sums + i)
        OVP_SWITCH_4(s->samples - i < piece ? s->samples - i : piece, CALL)
#undef CALL
    }
}

/* ---- backward ------------------------------------------------------------------------------------- */

/* df_i x_ik of every sample: loaded as broadcasts, which cost nothing. */
typedef real products[OVP_NET_TILE_SHALLOW_INPUTS][OVP_NET_TILE_SAMPLES];

/* Active units are found again from z: cheaper than keeping h, which would not stay in the first-level cache. */
ALWAYS_INLINE void backward_units(const int count, const int inputs, const ovp_net_tile_shallow *s, ovp_idx u,
                                  ovp_idx n, const real *df, const products dx, const ovp_net_tile_shallow_gradient *g,
                                  int add) {
    const real *x = s->x;
    relu_block r;
    open_block(&r, count, inputs, s, u, n);
    for (ovp_idx i = 0; i < s->samples; i++) {
        const vec zero = {0};
#pragma GCC unroll 4
        for (int q = 0; q < count; q++) {
            vec z = r.b[q];
#pragma GCC unroll 4
            for (int k = 0; k < inputs; k++) z = z + x[i * inputs + k] * r.w[k][q];
            const active a = z > (real)0;
            r.bias[q] = r.bias[q] + (vec)((active)(zero + df[i]) & a);
#pragma GCC unroll 4
            for (int k = 0; k < inputs; k++) r.weight[k][q] = r.weight[k][q] + (vec)((active)(zero + dx[k][i]) & a);
        }
    }
    close_block(&r, count, inputs, s, u, n, g, add);
}

ALWAYS_INLINE void backward(const int inputs, const ovp_net_tile_shallow *s, const real *df, const products dx,
                            const ovp_net_tile_shallow_gradient *g, int add) {
    const int most = inputs <= 2 ? 2 : 1; /* what fits the registers */
    const ovp_idx whole = s->units / LANES * LANES;
    ovp_idx u = 0;
    for (; u + most * LANES <= whole; u += most * LANES) backward_units(most, inputs, s, u, LANES, df, dx, g, add);
    for (; u < whole; u += LANES) backward_units(1, inputs, s, u, LANES, df, dx, g, add);
    if (u < s->units) backward_units(1, inputs, s, u, s->units - u, df, dx, g, add);
}

void OVP_HOT(ovp_net_tile_relu_forward)(const ovp_net_tile_shallow *s, void *patterns, void *sums) {
    (void)patterns;
#define CALL(n) forward(n, s, sums)
    OVP_SWITCH_4(s->inputs, CALL)
#undef CALL
}

void OVP_HOT(ovp_net_tile_relu_backward)(const ovp_net_tile_shallow *s, const void *patterns, const void *df,
                                         const ovp_net_tile_shallow_gradient *g, int add) {
    (void)patterns;
    const real *x = s->x, *d = df;
    products dx;
    for (ovp_idx k = 0; k < s->inputs; k++)
        for (ovp_idx i = 0; i < s->samples; i++) dx[k][i] = d[i] * x[i * s->inputs + k];
#define CALL(n) backward(n, s, d, (const real(*)[OVP_NET_TILE_SAMPLES])dx, g, add)
    OVP_SWITCH_4(s->inputs, CALL)
#undef CALL
}

#endif
