/* Residual blocks with tanh whose features fill one register at most, 16 floats of AVX-512: each way is one pass in
 * which nothing but what is kept leaves the registers. */
#include "net/hot/residual_fused.h"

#if defined(__AVX512F__) && OVP_BITS == 32
#include "numeric/hot/tanh.h"

/* Samples at a time; 8 sums at least hide the latency of a multiply-add. */
enum { BLOCK = OVP_NET_RESIDUAL_BLOCK, BACK = BLOCK / 2 };

/* z first, for all samples: the tables of tanh then have the registers to themselves. */
ALWAYS_INLINE void activate(const int keep, ovp_idx n, vec by, const vec *h, vec *t, vec *next) {
    for (ovp_idx i = 0; i < n; i++) {
        const vec a = (vec)ovp_vm_tanh_vector((__m512)t[i]);
        t[i] = a;
        next[i] = keep ? h[i] + by * a : by * a;
    }
}

static void forward(ovp_idx n, ovp_idx d, const void *h_, const void *w_, double by_, int keep, void *t_, void *next_) {
    const real *h = h_, *w = w_;
    vec *t = t_;
    const vec by = (vec)_mm512_set1_ps((real)by_);
    for (ovp_idx i = 0; i < n; i += BLOCK, h += BLOCK * LANES, t += BLOCK) {
        vec z[BLOCK];
#pragma GCC unroll 16
        for (int q = 0; q < BLOCK; q++) z[q] = (vec){0};
        for (ovp_idx k = 0; k < d; k++) {
            const vec row = *vectors(w + k * LANES);
#pragma GCC unroll 16
            for (int q = 0; q < BLOCK; q++) z[q] = z[q] + h[q * LANES + k] * row;
        }
#pragma GCC unroll 16
        for (int q = 0; q < BLOCK; q++) t[q] = z[q];
    }
    if (keep)
        activate(1, n, by, h_, t_, next_);
    else
        activate(0, n, by, h_, t_, next_);
}

/* Each broadcast of dz serves both products. */
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
        for (ovp_idx o = 0; o < d; o++) {
            const vec row = *vectors(w + o * LANES);
            __builtin_prefetch(line + o * LANES);
            vec even = gradient[o], odd = {0};
#pragma GCC unroll 8
            for (int q = 0; q < BACK; q += 2) {
                const vec x = (vec)_mm512_set1_ps(dz[q * LANES + o]), y = (vec)_mm512_set1_ps(dz[(q + 1) * LANES + o]);
                sum[q] = sum[q] + x * row;
                sum[q + 1] = sum[q + 1] + y * row;
                even = even + x * from[q];
                odd = odd + y * from[q + 1];
            }
            gradient[o] = even + odd;
        }
#pragma GCC unroll 8
        for (int q = 0; q < BACK; q++) g[q] = sum[q];
    }
}

const ovp_net_residual_fused OVP_HOT(ovp_net_residual_tanh) = {forward, backward};
#else
const ovp_net_residual_fused OVP_HOT(ovp_net_residual_tanh) = {NULL, NULL};
#endif
