/* One hidden layer of ReLUs and one output, few inputs: the whole of a block of units in one loop forward and one back,
 * where the general way's passes over the activations would cost more than the arithmetic. */
#include "net/hot/tile_vector.h"

#if OVP_BITS == 32
typedef int32_t lane_bits;
#else
typedef int64_t lane_bits;
#endif
typedef lane_bits bits __attribute__((vector_size(VECTOR_BYTES)));

ALWAYS_INLINE vec keep(bits mask, vec x) {
    return (vec)((bits)x & mask);
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
            const vec a = keep(~(z[i] < (real)0), z[i]); /* keeps NaN */
            *(vec *)(void *)(h + i * s->units + u) = a;
            sum[i] = sum[i] + a * out;
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) sums[i] = sum[i];
}

ALWAYS_INLINE void forward(const int inputs, const ovp_net_tile_shallow *s, real *h, vec *sums, int add) {
    const real *x = s->x;
    ovp_idx i = 0;
    for (; i + SAMPLES_AT_ONCE <= s->samples; i += SAMPLES_AT_ONCE)
        forward_samples(SAMPLES_AT_ONCE, inputs, s, x + i * inputs, h + i * s->units, sums + i, add);
    for (; i < s->samples; i++) forward_samples(1, inputs, s, x + i * inputs, h + i * s->units, sums + i, add);
}

ALWAYS_INLINE void store(real *to, vec value, int add) {
    vec *out = (vec *)(void *)to;
    *out = add ? *out + value : value;
}

ALWAYS_INLINE void backward_units(const int count, const int inputs, const ovp_net_tile_shallow *s, ovp_idx u,
                                  const real *h, const real *df, const ovp_net_tile_shallow_gradient *g, int add) {
    const real *x = s->x, *v = (const real *)s->output + u;
    vec weight[OVP_NET_TILE_SHALLOW_INPUTS][UNITS_AT_ONCE], bias[UNITS_AT_ONCE], output[UNITS_AT_ONCE];
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        bias[q] = output[q] = (vec){0};
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) weight[k][q] = (vec){0};
    }
    for (ovp_idx i = 0; i < s->samples; i++) {
        const real d = df[i];
#pragma GCC unroll 4
        for (int q = 0; q < count; q++) {
            const vec a = vectors(h + i * s->units + u)[q];
            const vec dz = keep(a > (real)0, d * vectors(v)[q]);
            output[q] = output[q] + d * a;
            bias[q] = bias[q] + dz;
#pragma GCC unroll 4
            for (int k = 0; k < inputs; k++) weight[k][q] = weight[k][q] + x[i * inputs + k] * dz;
        }
    }
#pragma GCC unroll 4
    for (int q = 0; q < count; q++) {
        store((real *)g->output + u + q * LANES, output[q], add);
        if (g->bias) store((real *)g->bias + u + q * LANES, bias[q], add);
#pragma GCC unroll 4
        for (int k = 0; k < inputs; k++) store((real *)g->weight + k * s->ld + u + q * LANES, weight[k][q], add);
    }
}

ALWAYS_INLINE void backward(const int inputs, const ovp_net_tile_shallow *s, const real *h, const real *df,
                            const ovp_net_tile_shallow_gradient *g, int add) {
    ovp_idx u = 0;
    for (; u + UNITS_AT_ONCE * LANES <= s->units; u += UNITS_AT_ONCE * LANES)
        backward_units(UNITS_AT_ONCE, inputs, s, u, h, df, g, add);
    for (; u < s->units; u += LANES) backward_units(1, inputs, s, u, h, df, g, add);
}

#define OVP_SWITCH_INPUTS(n, CALL)                                                                                     \
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

void OVP_HOT(ovp_net_tile_relu_forward)(const ovp_net_tile_shallow *s, void *h, void *sums, int add) {
#define CALL(n) forward(n, s, h, sums, add)
    OVP_SWITCH_INPUTS(s->inputs, CALL)
#undef CALL
}

void OVP_HOT(ovp_net_tile_relu_backward)(const ovp_net_tile_shallow *s, const void *h, const void *df,
                                         const ovp_net_tile_shallow_gradient *g, int add) {
#define CALL(n) backward(n, s, h, df, g, add)
    OVP_SWITCH_INPUTS(s->inputs, CALL)
#undef CALL
}
