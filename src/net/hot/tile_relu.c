/* One hidden layer of ReLUs and one output, few inputs: the whole of a block of units in one loop forward and one back,
 * where the general way's passes over the activations would cost more than the arithmetic. */
#include "net/hot/tile_vector.h"

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

enum { SAMPLES_AT_ONCE = 4, UNITS_AT_ONCE = WIDE_REGISTERS ? 4 : 2 };

ALWAYS_INLINE void forward_samples(const int samples, const int inputs, const ovp_net_tile_shallow *s, const real *x,
                                   real *h, vec *sums, int add) {
    const real *w = s->weight, *bias = s->bias, *v = s->output;
    vec sum[SAMPLES_AT_ONCE];
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) sum[i] = add ? sums[i] : (vec){0};
    for (ovp_idx u = 0; u < s->units; u += LANES) {
        const vec b = *vectors(bias + u), out = *vectors(v + u);
        vec z[SAMPLES_AT_ONCE];
#pragma GCC unroll 4
        for (int i = 0; i < samples; i++) z[i] = b;
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) {
            const vec row = *vectors(w + k * s->ld + u);
#pragma GCC unroll 4
            for (int i = 0; i < samples; i++) z[i] = z[i] + x[i * inputs + k] * row;
        }
#pragma GCC unroll 4
        for (int i = 0; i < samples; i++) {
            const vec a = rectify(z[i]);
            *(vec *)(void *)(h + i * s->units + u) = a;
            sum[i] = sum[i] + a * out;
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) sums[i] = sum[i];
}

ALWAYS_INLINE void forward(const int inputs, const ovp_net_tile_shallow *s, real *h, vec *sums, int add) {
    const real *x = s->x;
    const ovp_idx piece = even_piece(s->samples, SAMPLES_AT_ONCE);
    for (ovp_idx i = 0; i < s->samples; i += piece) {
#define CALL(n) forward_samples(n, inputs, s, x + i * inputs, h + i * s->units, sums + i, add)
        OVP_SWITCH_4(s->samples - i < piece ? s->samples - i : piece, CALL)
#undef CALL
    }
}

ALWAYS_INLINE void store(real *to, vec value, int add) {
    vec *out = (vec *)(void *)to;
    *out = add ? *out + value : value;
}

/* With q_i = 1 where unit u is active for sample i: gb = v sum q_i df_i, gw_k = v sum q_i df_i x_ik, and the output
 * weight's gradient sum df_i h_i = sum q_i df_i (w x_i + b) is made of the same sums. */
ALWAYS_INLINE void backward_units(const int count, const int inputs, const ovp_net_tile_shallow *s, ovp_idx u,
                                  const real *h, const real *df, const ovp_net_tile_shallow_gradient *g, int add) {
    const real *x = s->x, *v = (const real *)s->output + u, *b = (const real *)s->bias + u;
    vec weight[OVP_NET_TILE_SHALLOW_INPUTS][UNITS_AT_ONCE], bias[UNITS_AT_ONCE];
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        bias[q] = (vec){0};
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) weight[k][q] = (vec){0};
    }
    for (ovp_idx i = 0; i < s->samples; i++) {
        const vec zero = {0}, d = zero + df[i];
        vec dx[OVP_NET_TILE_SHALLOW_INPUTS];
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) dx[k] = zero + df[i] * x[i * inputs + k];
#pragma GCC unroll 4
        for (int q = 0; q < count; q++) {
            const active a = positive(vectors(h + i * s->units + u)[q]);
            bias[q] = add_where(a, bias[q], d);
#pragma GCC unroll 4
            for (int k = 0; k < inputs; k++) weight[k][q] = add_where(a, weight[k][q], dx[k]);
        }
    }
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        vec output = vectors(b)[q] * bias[q];
        if (g->bias) store((real *)g->bias + u + q * LANES, vectors(v)[q] * bias[q], add);
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) {
            const ovp_idx at = k * s->ld + u + q * LANES;
            output = output + *vectors((const real *)s->weight + at) * weight[k][q];
            store((real *)g->weight + at, vectors(v)[q] * weight[k][q], add);
        }
        store((real *)g->output + u + q * LANES, output, add);
    }
}

ALWAYS_INLINE void backward(const int inputs, const ovp_net_tile_shallow *s, const real *h, const real *df,
                            const ovp_net_tile_shallow_gradient *g, int add) {
    ovp_idx u = 0;
    for (; u + UNITS_AT_ONCE * LANES <= s->units; u += UNITS_AT_ONCE * LANES)
        backward_units(UNITS_AT_ONCE, inputs, s, u, h, df, g, add);
    for (; u < s->units; u += LANES) backward_units(1, inputs, s, u, h, df, g, add);
}

void OVP_HOT(ovp_net_tile_relu_forward)(const ovp_net_tile_shallow *s, void *h, void *sums, int add) {
#define CALL(n) forward(n, s, h, sums, add)
    OVP_SWITCH_4(s->inputs, CALL)
#undef CALL
}

void OVP_HOT(ovp_net_tile_relu_backward)(const ovp_net_tile_shallow *s, const void *h, const void *df,
                                         const ovp_net_tile_shallow_gradient *g, int add) {
#define CALL(n) backward(n, s, h, df, g, add)
    OVP_SWITCH_4(s->inputs, CALL)
#undef CALL
}
