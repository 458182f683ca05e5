/* Residual blocks with tanh whose features fill one register at most, 16 floats of AVX-512: each way is one pass in
 * which nothing but what is kept leaves the registers. */
#include "net/hot/residual_fused.h"

#if defined(__AVX512F__) && OVP_BITS == 32
#include "numeric/hot/tanh.h"

/* Samples at a time; 8 sums at least hide the latency of a multiply-add. SIDE: outputs at a time on the way back. */
enum { BLOCK = OVP_NET_RESIDUAL_BLOCK, BACK = BLOCK / 2, SIDE = 3 };

ALWAYS_INLINE vec larger(vec a, vec b) {
    enum { OF_MAGNITUDES = 11 }; /* and without its sign; a number rather than NaN */
    return (vec)_mm512_range_ps((__m512)a, (__m512)b, OF_MAGNITUDES);
}

/* No |z| of the block is 1/2 or more; NaN counts as small: tanh hands it on either way. */
ALWAYS_INLINE int all_small(const vec *z) {
    vec m[BLOCK / 2];
#pragma GCC unroll 8
    for (int q = 0; q < BLOCK / 2; q++) m[q] = larger(z[q], z[q + BLOCK / 2]);
#pragma GCC unroll 4
    for (int half = BLOCK / 4; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int q = 0; q < half; q++) m[q] = larger(m[q], m[q + half]);
    return _mm512_cmp_ps_mask((__m512)m[0], _mm512_set1_ps(.5f), _CMP_GE_OQ) == 0;
}

/* Where z is small everywhere in a block, as nearly always in deep nets, each layer adding little, tanh needs no table;
 * elsewhere a loop of its own leaves the registers to the tables. */
ALWAYS_INLINE void layer(const int keep, ovp_idx n, ovp_idx d, const real *h, const real *w, vec by, vec *t,
                         vec *next) {
    for (ovp_idx i = 0; i < n; i += BLOCK, h += BLOCK * LANES, t += BLOCK, next += BLOCK) {
        vec z[BLOCK];
#pragma GCC unroll 16
        for (int q = 0; q < BLOCK; q++) z[q] = (vec){0};
        for (ovp_idx k = 0; k < d; k++) {
            const vec row = *vectors(w + k * LANES);
#pragma GCC unroll 16
            for (int q = 0; q < BLOCK; q++) z[q] = z[q] + h[q * LANES + k] * row;
        }
        if (all_small(z)) {
#pragma GCC unroll 16
            for (int q = 0; q < BLOCK; q++) {
                const vec a = t[q] = (vec)ovp_vm_tanh_below_half((__m512)z[q]);
                next[q] = keep ? vectors(h)[q] + by * a : by * a;
            }
            continue;
        }
#pragma GCC unroll 16
        for (int q = 0; q < BLOCK; q++) t[q] = z[q];
        for (int q = 0; q < BLOCK; q++) {
            const vec a = t[q] = (vec)ovp_vm_tanh_vector((__m512)t[q]);
            next[q] = keep ? vectors(h)[q] + by * a : by * a;
        }
    }
}

static void forward(ovp_idx n, ovp_idx d, const void *h, const void *w, double by_, int keep, void *t, void *next) {
    const vec by = (vec)_mm512_set1_ps((real)by_);
    if (keep)
        layer(1, n, d, h, w, by, t, next);
    else
        layer(0, n, d, h, w, by, t, next);
}

/* sum += dz w, gradient += dz^T from, of `side` outputs: each broadcast of dz serves both. */
ALWAYS_INLINE void outputs_back(const int side, const real *dz, const real *w, const vec *from, const real *later,
                                vec *sum, vec *gradient) {
    vec row[SIDE], add[SIDE];
#pragma GCC unroll 4
    for (int p = 0; p < side; p++) {
        row[p] = vectors(w)[p];
        add[p] = gradient[p];
        __builtin_prefetch(later + p * LANES);
    }
#pragma GCC unroll 8
    for (int q = 0; q < BACK; q++) {
#pragma GCC unroll 4
        for (int p = 0; p < side; p++) {
            const vec x = (vec)_mm512_set1_ps(dz[q * LANES + p]);
            sum[q] = sum[q] + x * row[p];
            add[p] = add[p] + x * from[q];
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < side; p++) gradient[p] = add[p];
}

static void backward(ovp_idx n, ovp_idx d, const void *h_, const void *t_, const void *w_, double by_, int keep,
                     void *g_, void *gradient_, const void *later) {
    const real *w = w_, *lines[] = {w - d * LANES, (const real *)gradient_ - d * LANES, later};
    const vec *h = h_, *t = t_;
    vec *g = g_, *gradient = gradient_;
    const vec by = (vec)_mm512_set1_ps((real)by_);
    _Alignas(64) real dz[BACK * LANES];
    for (ovp_idx i = 0; i < n; i += BACK, h += BACK, t += BACK, g += BACK) {
        vec from[BACK], sum[BACK];
        const ovp_idx turn = i / BACK;
        const real *line = turn < 2 ? lines[turn] : lines[2] + (turn - 2) * d * LANES;
#pragma GCC unroll 8
        for (int q = 0; q < BACK; q++) {
            ((vec *)(void *)dz)[q] = by * g[q] * ((real)1 - t[q] * t[q]);
            sum[q] = keep ? g[q] : (vec){0};
            from[q] = h[q];
        }
        ovp_idx o = 0;
        for (; o + SIDE <= d; o += SIDE)
            outputs_back(SIDE, dz + o, w + o * LANES, from, line + o * LANES, sum, gradient + o);
        for (; o < d; o++) outputs_back(1, dz + o, w + o * LANES, from, line + o * LANES, sum, gradient + o);
#pragma GCC unroll 8
        for (int q = 0; q < BACK; q++) g[q] = sum[q];
    }
}

const ovp_net_residual_fused OVP_HOT(ovp_net_residual_tanh) = {forward, backward};
#else
const ovp_net_residual_fused OVP_HOT(ovp_net_residual_tanh) = {NULL, NULL};
#endif
