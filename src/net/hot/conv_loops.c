/* The loops around convolutions, compiled per processor level: a register covers lanes of a block where the level's
 * registers fit the layout, else channels go one by one. Sums run over at most RUN pixels in the type of the images,
 * from there on in f64, in an order that depends on shapes only. */
#include "net/conv_loops_int.h"
#include "numeric/real.h"

#include <string.h>

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef __typeof__((vec){0} < (vec){0}) mask;
enum { LANES = VECTOR_BYTES / sizeof(real), RUN = 64 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define T vec
#define NAME(x) x##_vec
#include "conv_strips.h"
#undef T
#undef NAME
#define T real
#define NAME(x) x##_real
#include "conv_strips.h"
#undef T
#undef NAME

ALWAYS_INLINE vec gated_vec(vec x, vec y) {
    return (vec)((mask)x & ~(y <= (vec){0}));
}
ALWAYS_INLINE real gated_real(real x, real y) {
    return y <= 0 ? 0 : x;
}
ALWAYS_INLINE void spill_vec(double *sum, vec v) {
    for (int i = 0; i < LANES; i++) sum[i] += (double)v[i];
}
ALWAYS_INLINE void spill_real(double *sum, real v) {
    *sum += (double)v;
}

/* For every strip: `at` is where it begins in an image, `channel` in what belongs to channels. */
#define STRIPS(m, call_vec, call_real)                                                                                 \
    for (ovp_idx n = 0; n < (m)->samples * (m)->blocks; n++) {                                                         \
        const ovp_idx base = n * (m)->pixels * (m)->lanes, block = n % (m)->blocks * (m)->lanes;                       \
        const int fits = (m)->lanes % LANES == 0;                                                                      \
        for (ovp_idx lane = 0; lane < (m)->lanes; lane += fits ? LANES : 1) {                                          \
            const ovp_idx at = base + lane, channel = block + lane;                                                    \
            if (fits)                                                                                                  \
                call_vec;                                                                                              \
            else                                                                                                       \
                call_real;                                                                                             \
        }                                                                                                              \
    }

static void affine(const ovp_net_maps *m, const void *z_, const void *scale_, const void *shift_, const void *add_,
                   int rectify, void *out_) {
    const real *z = z_, *scale = scale_, *shift = shift_, *add = add_;
    real *out = out_;
    const ovp_idx p = m->pixels, s = m->lanes;
#define CASE(name, add_at, rectified) name(p, s, z + at, scale + channel, shift + channel, add_at, rectified, out + at)
    if (add && rectify) {
        STRIPS(m, CASE(affine_vec, add + at, 1), CASE(affine_real, add + at, 1))
    } else if (add) {
        STRIPS(m, CASE(affine_vec, add + at, 0), CASE(affine_real, add + at, 0))
    } else if (rectify) {
        STRIPS(m, CASE(affine_vec, NULL, 1), CASE(affine_real, NULL, 1))
    } else {
        STRIPS(m, CASE(affine_vec, NULL, 0), CASE(affine_real, NULL, 0))
    }
#undef CASE
}

/* Two passes: the mean, then sums about it; what the first sum of the second pass leaves corrects both. */
static void moments(const ovp_net_maps *m, const void *z_, double *mean, double *square) {
    const real *z = z_;
    const ovp_idx channels = m->blocks * m->lanes, p = m->pixels, s = m->lanes;
    const double count = (double)(m->samples * p);
    enum { MOST = 4096 };
    for (ovp_idx c = 0; c < channels; c++) mean[c] = square[c] = 0;
    STRIPS(m, sums_vec(p, s, z + at, (vec){0}, mean + channel, square + channel),
           sums_real(p, s, z + at, 0, mean + channel, square + channel))
    _Alignas(64) real centre[MOST];
    double left[MOST];
    for (ovp_idx c = 0; c < channels; c++) {
        centre[c] = (real)(mean[c] / count);
        square[c] = left[c] = 0;
    }
    STRIPS(m, sums_vec(p, s, z + at, *(const vec *)(const void *)(centre + channel), left + channel, square + channel),
           sums_real(p, s, z + at, centre[channel], left + channel, square + channel))
    for (ovp_idx c = 0; c < channels; c++) {
        mean[c] = (double)centre[c] + left[c] / count;
        square[c] -= left[c] * left[c] / count;
    }
}

static void gate(const ovp_net_maps *m, const void *gate_, const void *add_, const void *z_, const void *mean_,
                 void *g_, double *sum, double *along) {
    const real *by = gate_, *add = add_, *z = z_, *mean = mean_;
    real *g = g_;
    const ovp_idx p = m->pixels, s = m->lanes;
    for (ovp_idx c = 0; c < m->blocks * m->lanes; c++) sum[c] = along[c] = 0;
#define CASE(name, add_at) name(p, s, by + at, add_at, z + at, mean + channel, g + at, sum + channel, along + channel)
    if (add) {
        STRIPS(m, CASE(gate_vec, add + at), CASE(gate_real, add + at))
    } else {
        STRIPS(m, CASE(gate_vec, NULL), CASE(gate_real, NULL))
    }
#undef CASE
}

static void gradient(const ovp_net_maps *m, const void *g_, const void *z_, const void *a_, const void *b_,
                     const void *c_, void *out_) {
    const real *g = g_, *z = z_, *a = a_, *b = b_, *c = c_;
    real *out = out_;
    const ovp_idx p = m->pixels, s = m->lanes;
    STRIPS(m, gradient_vec(p, s, g + at, z + at, a + channel, b + channel, c + channel, out + at),
           gradient_real(p, s, g + at, z + at, a + channel, b + channel, c + channel, out + at))
}

const ovp_net_conv_loops OVP_HOT(ovp_net_conv_loops) = {
    .affine = affine, .moments = moments, .gate = gate, .gradient = gradient};
