/* The ReLU loops of tile_relu.c with AVX-512. What a group of four samples (three in f64) adds to a unit's gradient is
 * one of sixteen (eight) sums, by which of them the unit is active for: the way forward writes that pattern down lane
 * by lane, the way back looks the sums up in one register with one permutation, instead of adding them sample by sample
 * ("the method of the four Russians": Arlazarov, Dinic, Kronrod and Faradzev 1970). */
#include "net/hot/tile_relu.h"

#if defined(__AVX512F__)

#if OVP_BITS == 32
enum { GROUP = 4 };
#define PATTERN(name) _mm512_##name##_epi32
#define COMPARE _mm512_cmp_ps_mask
#define LOOK_UP(pattern, table) ((vec)_mm512_permutexvar_ps(pattern, (__m512)(table)))
#else
enum { GROUP = 3 };
#define PATTERN(name) _mm512_##name##_epi64
#define COMPARE _mm512_cmp_pd_mask
#define LOOK_UP(pattern, table) ((vec)_mm512_permutexvar_pd(pattern, (__m512d)(table)))
#endif
enum { MOST_GROUPS = (OVP_NET_TILE_SAMPLES + GROUP - 1) / GROUP };

static inline ovp_idx registers_of(ovp_idx units) {
    return (units + LANES - 1) / LANES;
}

/* ---- forward -------------------------------------------------------------------------------------- */

/* Units u .. u + n, at most a register of them, on one group of samples. NaN counts as active, so that it is seen. */
ALWAYS_INLINE void forward_units(const int samples, const int inputs, const ovp_net_tile_shallow *s, ovp_idx u,
                                 ovp_idx n, const real *x, vec *sum, __m512i *patterns) {
    const vec b = s->bias ? load((const real *)s->bias + u, n) : (vec){0}, out = load((const real *)s->output + u, n);
    vec z[GROUP];
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) z[i] = b;
#pragma GCC unroll 4
    for (int k = 0; k < inputs; k++) {
        const vec row = load((const real *)s->weight + k * s->ld + u, n);
#pragma GCC unroll 4
        for (int i = 0; i < samples; i++) z[i] = z[i] + x[i * inputs + k] * row;
    }
    __m512i pattern = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) {
        const lane_mask active = COMPARE((machine_vec)z[i], OVP_512(setzero)(), _CMP_NLE_UQ);
        sum[i] = (vec)OVP_512(mask3_fmadd)((machine_vec)z[i], (machine_vec)out, (machine_vec)sum[i], active);
        pattern = PATTERN(mask_or)(pattern, active, pattern, PATTERN(set1)(1 << i));
    }
    patterns[u / LANES] = pattern;
}

ALWAYS_INLINE void forward_group(const int samples, const int inputs, const ovp_net_tile_shallow *s, const real *x,
                                 vec *sums, __m512i *patterns) {
    const ovp_idx whole = s->units / LANES * LANES;
    vec sum[GROUP];
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) sum[i] = (vec){0};
    for (ovp_idx u = 0; u < whole; u += LANES) forward_units(samples, inputs, s, u, LANES, x, sum, patterns);
    if (whole < s->units) forward_units(samples, inputs, s, whole, s->units - whole, x, sum, patterns);
#pragma GCC unroll 4
    for (int i = 0; i < samples; i++) sums[i] = sum[i];
}

ALWAYS_INLINE void forward(const int inputs, const ovp_net_tile_shallow *s, __m512i *patterns, vec *sums) {
    const real *x = s->x;
    for (ovp_idx i = 0; i < s->samples; i += GROUP, patterns += registers_of(s->units)) {
#define CALL(n) forward_group(n, inputs, s, x + i * inputs, sums + i, patterns)
#if OVP_BITS == 32
        OVP_SWITCH_4(s->samples - i < GROUP ? s->samples - i : GROUP, CALL)
#else
        OVP_SWITCH_3(s->samples - i < GROUP ? s->samples - i : GROUP, CALL)
#endif
#undef CALL
    }
}

/* ---- backward ------------------------------------------------------------------------------------- */

/* Entry l: the sum of value[i] over the bits i of l. */
ALWAYS_INLINE vec table_of(const real *value, ovp_idx count) {
    static const lane_mask with_bit[] = {(lane_mask)0xaaaa, (lane_mask)0xcccc, (lane_mask)0xf0f0, (lane_mask)0xff00};
    machine_vec sum = OVP_512(setzero)();
    for (ovp_idx i = 0; i < count; i++) sum = OVP_512(mask_add)(sum, with_bit[i], sum, OVP_512(set1)(value[i]));
    return (vec)sum;
}

/* Of a group of samples: sums of df, then of df x_k. */
typedef vec tables[1 + OVP_NET_TILE_SHALLOW_INPUTS];

ALWAYS_INLINE void backward_units(const int count, const int inputs, const ovp_net_tile_shallow *s, ovp_idx u,
                                  ovp_idx n, const __m512i *patterns, const tables *t,
                                  const ovp_net_tile_shallow_gradient *g, int add) {
    relu_block r;
    open_block(&r, count, inputs, s, u, n);
    patterns += u / LANES;
    for (ovp_idx i = 0; i < s->samples; i += GROUP, t++, patterns += registers_of(s->units)) {
#pragma GCC unroll 4
        for (int q = 0; q < count; q++) {
            const __m512i pattern = patterns[q];
            r.bias[q] = r.bias[q] + LOOK_UP(pattern, (*t)[0]);
#pragma GCC unroll 4
            for (int k = 0; k < inputs; k++) r.weight[k][q] = r.weight[k][q] + LOOK_UP(pattern, (*t)[1 + k]);
        }
    }
    close_block(&r, count, inputs, s, u, n, g, add);
}

ALWAYS_INLINE void backward(const int inputs, const ovp_net_tile_shallow *s, const __m512i *patterns, const tables *t,
                            const ovp_net_tile_shallow_gradient *g, int add) {
    const int most = inputs <= 2 ? 4 : 2; /* what fits the registers */
    const ovp_idx whole = s->units / LANES * LANES;
    ovp_idx u = 0;
    for (; u + most * LANES <= whole; u += most * LANES) backward_units(most, inputs, s, u, LANES, patterns, t, g, add);
    for (; u < whole; u += LANES) backward_units(1, inputs, s, u, LANES, patterns, t, g, add);
    if (u < s->units) backward_units(1, inputs, s, u, s->units - u, patterns, t, g, add);
}

/* ---- entries -------------------------------------------------------------------------------------- */

void OVP_HOT(ovp_net_tile_relu_forward)(const ovp_net_tile_shallow *s, void *patterns, void *sums) {
#define CALL(n) forward(n, s, patterns, sums)
    OVP_SWITCH_4(s->inputs, CALL)
#undef CALL
}

void OVP_HOT(ovp_net_tile_relu_backward)(const ovp_net_tile_shallow *s, const void *patterns, const void *df,
                                         const ovp_net_tile_shallow_gradient *g, int add) {
    const real *x = s->x, *d = df;
    tables t[MOST_GROUPS];
    for (ovp_idx i = 0, at = 0; i < s->samples; i += GROUP, at++) {
        const ovp_idx count = s->samples - i < GROUP ? s->samples - i : GROUP;
        t[at][0] = table_of(d + i, count);
        for (ovp_idx k = 0; k < s->inputs; k++) {
            real dx[GROUP];
            for (ovp_idx j = 0; j < count; j++) dx[j] = d[i + j] * x[(i + j) * s->inputs + k];
            t[at][1 + k] = table_of(dx, count);
        }
    }
#define CALL(n) backward(n, s, patterns, (const tables *)t, g, add)
    OVP_SWITCH_4(s->inputs, CALL)
#undef CALL
}

#endif
