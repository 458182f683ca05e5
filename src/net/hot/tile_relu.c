/* One hidden layer of ReLUs, one output, few inputs: one loop forward and one back, straight from and to theta's order,
 * where the general way's passes over the activations would cost more than the arithmetic. */
#include "net/hot/tile_vector.h"

#include <string.h>

/* max(z, 0) that keeps NaN, and sum + x where h > 0: the compiler makes two instructions of each where AVX-512 has one.
 */
#if defined(__AVX512F__)
#include <immintrin.h>
#if OVP_BITS == 32
ALWAYS_INLINE vec rectify(vec z) {
    return (vec)_mm512_max_ps(_mm512_setzero_ps(), (__m512)z);
}
typedef __mmask16 active;
ALWAYS_INLINE active positive(vec h) {
    return _mm512_cmp_ps_mask((__m512)h, _mm512_setzero_ps(), _CMP_GT_OQ);
}
ALWAYS_INLINE vec add_where(active a, vec sum, vec x) {
    return (vec)_mm512_mask_add_ps((__m512)sum, a, (__m512)sum, (__m512)x);
}
ALWAYS_INLINE vec load_some(const real *p, ovp_idx n) {
    return (vec)_mm512_maskz_loadu_ps((active)((1u << n) - 1), p);
}
ALWAYS_INLINE void store_some(real *p, vec value, ovp_idx n) {
    _mm512_mask_storeu_ps(p, (active)((1u << n) - 1), (__m512)value);
}
#else
ALWAYS_INLINE vec rectify(vec z) {
    return (vec)_mm512_max_pd(_mm512_setzero_pd(), (__m512d)z);
}
typedef __mmask8 active;
ALWAYS_INLINE active positive(vec h) {
    return _mm512_cmp_pd_mask((__m512d)h, _mm512_setzero_pd(), _CMP_GT_OQ);
}
ALWAYS_INLINE vec add_where(active a, vec sum, vec x) {
    return (vec)_mm512_mask_add_pd((__m512d)sum, a, (__m512d)sum, (__m512d)x);
}
ALWAYS_INLINE vec load_some(const real *p, ovp_idx n) {
    return (vec)_mm512_maskz_loadu_pd((active)((1u << n) - 1), p);
}
ALWAYS_INLINE void store_some(real *p, vec value, ovp_idx n) {
    _mm512_mask_storeu_pd(p, (active)((1u << n) - 1), (__m512d)value);
}
#endif
#else
#if OVP_BITS == 32
typedef int32_t lane_bits;
#else
typedef int64_t lane_bits;
#endif
typedef lane_bits active __attribute__((vector_size(VECTOR_BYTES)));
ALWAYS_INLINE vec rectify(vec z) {
    return (vec)((active)z & ~(z < (real)0));
}
ALWAYS_INLINE active positive(vec h) {
    return h > (real)0;
}
ALWAYS_INLINE vec add_where(active a, vec sum, vec x) {
    return sum + (vec)((active)x & a);
}
ALWAYS_INLINE vec load_some(const real *p, ovp_idx n) {
    vec value = {0};
    memcpy(&value, p, (size_t)n * sizeof(real));
    return value;
}
ALWAYS_INLINE void store_some(real *p, vec value, ovp_idx n) {
    memcpy(p, &value, (size_t)n * sizeof(real));
}
#endif

#define OVP_SWITCH_4(n, CALL)                                                                                          \
    switch (n) {                                                                                                       \
    case 1:                                                                                                            \
        CALL(1);                                                                                                       \
        break;                                                                                                         \
    case 2:                                                                                                            \
        CALL(2);                                                                                                       \
        break;                                                                                                         \
    case 3:                                                                                                            \
        CALL(3);                                                                                                       \
        break;                                                                                                         \
    default:                                                                                                           \
        CALL(4);                                                                                                       \
        break;                                                                                                         \
    }

enum { SAMPLES_AT_ONCE = 4 };

/* Weights and gradients stand as theta has them, at any address; n of a register's lanes, the others 0. */
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

/* With q_i = 1 where unit u is active for sample i: gb = v sum q_i df_i, gw_k = v sum q_i df_i x_ik, and the output
 * weight's gradient sum df_i h_i = sum q_i df_i (w x_i + b) is made of the same sums. q is found again from z: cheaper
 * than keeping h, which would not stay in the first-level cache. */
ALWAYS_INLINE void backward_units(const int count, const int inputs, const ovp_net_tile_shallow *s, ovp_idx u,
                                  ovp_idx n, const real *df, const products dx, const ovp_net_tile_shallow_gradient *g,
                                  int add) {
    enum { MOST = 4 };
    const real *x = s->x;
    vec w[OVP_NET_TILE_SHALLOW_INPUTS][MOST], b[MOST], weight[OVP_NET_TILE_SHALLOW_INPUTS][MOST], bias[MOST];
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        b[q] = s->bias ? load((const real *)s->bias + u + q * LANES, n) : (vec){0};
        bias[q] = (vec){0};
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) {
            w[k][q] = load((const real *)s->weight + k * s->ld + u + q * LANES, n);
            weight[k][q] = (vec){0};
        }
    }
    for (ovp_idx i = 0; i < s->samples; i++) {
        const vec zero = {0};
#pragma GCC unroll 4
        for (int q = 0; q < count; q++) {
            vec z = b[q];
#pragma GCC unroll 4
            for (int k = 0; k < inputs; k++) z = z + x[i * inputs + k] * w[k][q];
            const active a = positive(z);
            bias[q] = add_where(a, bias[q], zero + df[i]);
#pragma GCC unroll 4
            for (int k = 0; k < inputs; k++) weight[k][q] = add_where(a, weight[k][q], zero + dx[k][i]);
        }
    }
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        const vec v = load((const real *)s->output + u + q * LANES, n);
        vec output = b[q] * bias[q];
        if (g->bias) store((real *)g->bias + u + q * LANES, v * bias[q], n, add);
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) {
            output = output + w[k][q] * weight[k][q];
            store((real *)g->weight + k * s->ld + u + q * LANES, v * weight[k][q], n, add);
        }
        store((real *)g->output + u + q * LANES, output, n, add);
    }
}

ALWAYS_INLINE void backward(const int inputs, const ovp_net_tile_shallow *s, const real *df, const products dx,
                            const ovp_net_tile_shallow_gradient *g, int add) {
    const int most = WIDE_REGISTERS ? (inputs <= 2 ? 4 : 2) : inputs <= 2 ? 2 : 1; /* what fits the registers */
    const ovp_idx whole = s->units / LANES * LANES;
    ovp_idx u = 0;
    for (; u + most * LANES <= whole; u += most * LANES) backward_units(most, inputs, s, u, LANES, df, dx, g, add);
    for (; u < whole; u += LANES) backward_units(1, inputs, s, u, LANES, df, dx, g, add);
    if (u < s->units) backward_units(1, inputs, s, u, s->units - u, df, dx, g, add);
}

void OVP_HOT(ovp_net_tile_relu_forward)(const ovp_net_tile_shallow *s, void *sums) {
#define CALL(n) forward(n, s, sums)
    OVP_SWITCH_4(s->inputs, CALL)
#undef CALL
}

void OVP_HOT(ovp_net_tile_relu_backward)(const ovp_net_tile_shallow *s, const void *df,
                                         const ovp_net_tile_shallow_gradient *g, int add) {
    const real *x = s->x, *d = df;
    products dx;
    for (ovp_idx k = 0; k < s->inputs; k++)
        for (ovp_idx i = 0; i < s->samples; i++) dx[k][i] = d[i] * x[i * s->inputs + k];
#define CALL(n) backward(n, s, d, (const real(*)[OVP_NET_TILE_SAMPLES])dx, g, add)
    OVP_SWITCH_4(s->inputs, CALL)
#undef CALL
}
