/* p-variation in R^d: a block of points looks back over all earlier ones, a point a lane. Whether a node's box, or a
 * point, can raise any lane is asked without roots and powers; the few points that can are then computed exactly. */
#include "measure/hot_int.h"
#include "numeric/real.h"

#if OVP_BITS == 64

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* 64-byte vectors on AVX2 would be emulated. */
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
typedef double vec __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t bits __attribute__((vector_size(VECTOR_BYTES)));
enum { LANES = VECTOR_BYTES / sizeof(double), BLOCK = OVP_VARIATION_BLOCK, VECTORS = BLOCK / LANES };
enum { LEAF = OVP_VARIATION_LEAF };
/* Chains of sums over the coordinates of a box, so that one need not wait for the other. */
enum { CHAINS = LANES > 4 ? 4 : 2 };

ALWAYS_INLINE vec splat(double x) {
#if defined(__AVX512F__)
    return (vec)_mm512_set1_pd(x);
#elif defined(__AVX__)
    return (vec)_mm256_set1_pd(x);
#else
    vec v = {0};
    for (int l = 0; l < LANES; l++) v[l] = x;
    return v;
#endif
}

ALWAYS_INLINE vec greatest(vec a, vec b) {
#if defined(__AVX512F__)
    return (vec)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif defined(__AVX__)
    return (vec)_mm256_max_pd((__m256d)a, (__m256d)b);
#elif defined(__x86_64__)
    return (vec)_mm_max_pd((__m128d)a, (__m128d)b);
#else
    const bits left = a > b;
    return (vec)(((bits)a & left) | ((bits)b & ~left));
#endif
}

/* A bit for each lane of a that is above b's. */
ALWAYS_INLINE unsigned above(vec a, vec b) {
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_GT_OQ);
#elif defined(__AVX__)
    return (unsigned)_mm256_movemask_pd(_mm256_cmp_pd((__m256d)a, (__m256d)b, _CMP_GT_OQ));
#elif defined(__x86_64__)
    return (unsigned)_mm_movemask_pd(_mm_cmpgt_pd((__m128d)a, (__m128d)b));
#else
    unsigned mask = 0;
    for (int l = 0; l < LANES; l++) mask |= (unsigned)(a[l] > b[l]) << l;
    return mask;
#endif
}

/* log2 to 2.5e-6 for normal numbers (a polynomial through Chebyshev's nodes); about -1023 below them. */
ALWAYS_INLINE vec rough_log2(vec x) {
    const bits mantissa = ((bits)x & 0xfffffffffffff) | 0x3ff0000000000000;
    const vec m = (vec)mantissa;
    const vec exponent = (vec)(((bits)x >> 52) | 0x4330000000000000) - 0x1p52 - 1023;
    vec y = splat(-0.02456853);
    y = y * m + 0.26502429;
    y = y * m - 1.22929101;
    y = y * m + 3.21280029;
    y = y * m - 5.26168251;
    y = y * m + 6.06687145;
    return y * m - 3.02915154 + exponent;
}

/* Which lanes have value^p (from s, see ovp_variation_tree) greater than gap; by logarithms some that have not quite.
 */
ALWAYS_INLINE unsigned passes(const ovp_variation_tree *t, vec s, vec gap) {
    vec raised = s;
    for (int i = 1; i < t->power; i++) raised *= s;
    if (t->root == 1) return above(raised, gap);
    if (t->root == 2) return above(raised, gap * gap);
    if (t->root == 4) return above(raised, gap * gap * (gap * gap));
    const double p = t->norm == OVP_NORM_L2 ? t->exponent.p / 2 : t->exponent.p;
    return above(rough_log2(s) * p + 1e-5 * (p + 1), rough_log2(gap));
}

ALWAYS_INLINE vec joined(ovp_measure_norm norm, vec a, vec b) {
    return norm == OVP_NORM_LINF ? greatest(a, b) : a + b;
}

/* s += or max= a coordinate's distance. */
ALWAYS_INLINE vec extended(ovp_measure_norm norm, vec s, vec distance) {
    return joined(norm, s, norm == OVP_NORM_L2 ? distance * distance : distance);
}

ALWAYS_INLINE const vec *vectors(const double *x) {
    return (const vec *)(const void *)x;
}

/* Lanes that a source of value v at the distances s can raise. */
ALWAYS_INLINE unsigned candidates(const ovp_variation_tree *t, const vec s[VECTORS], double v,
                                  const ovp_variation_query *q) {
    const vec *best = vectors(q->best);
    unsigned lanes = 0;
    for (int i = 0; i < VECTORS; i++) lanes |= passes(t, s[i], greatest(best[i] - v, splat(0))) << i * LANES;
    return lanes;
}

/* Distances of the query from LEAF points at once; x[c] + k BLOCK: coordinate k of point c. */
ALWAYS_INLINE void point_distances(ovp_measure_norm norm, ovp_idx d, const double *const x[LEAF],
                                   const ovp_variation_query *q, vec s[LEAF][VECTORS]) {
    for (int c = 0; c < LEAF; c++)
        for (int i = 0; i < VECTORS; i++) s[c][i] = splat(0);
    for (ovp_idx k = 0; k < d; k++) {
        const vec *query = vectors(q->x + k * BLOCK);
        for (int c = 0; c < LEAF; c++) {
            const vec at = splat(x[c][k * BLOCK]);
            for (int i = 0; i < VECTORS; i++) {
                const vec gap = query[i] - at;
                s[c][i] = extended(norm, s[c][i], norm == OVP_NORM_L2 ? gap : greatest(gap, -gap));
            }
        }
    }
}

/* Point m of value v at the distances s, to the lanes of a mask. */
ALWAYS_INLINE void offer(const ovp_variation_tree *t, ovp_measure_norm norm, const vec s[VECTORS], ovp_idx m, double v,
                         unsigned mask, ovp_variation_query *q) {
    for (unsigned lanes = candidates(t, s, v, q) & mask; lanes; lanes &= lanes - 1) {
        const int l = __builtin_ctz(lanes);
        const double distance = s[l / LANES][l % LANES];
        const double value =
            v + ovp_variation_power(&t->exponent, norm == OVP_NORM_L2 ? __builtin_sqrt(distance) : distance);
        if (value > q->best[l]) {
            q->best[l] = value;
            q->from[l] = m;
        }
    }
}

ALWAYS_INLINE const double *point_at(const ovp_variation_tree *t, ovp_idx d, ovp_idx m) {
    return t->points + m / BLOCK * BLOCK * d + m % BLOCK;
}

/* Whether any point of a box with values up to v can raise a lane. */
ALWAYS_INLINE int box_may(const ovp_variation_tree *t, ovp_measure_norm norm, ovp_idx d, const double *box, double v,
                          const ovp_variation_query *q) {
    vec s[CHAINS][VECTORS];
    for (int c = 0; c < CHAINS; c++)
        for (int i = 0; i < VECTORS; i++) s[c][i] = splat(0);
    for (ovp_idx k = 0; k < d; k += CHAINS)
        for (int c = 0; c < CHAINS && k + c < d; c++) {
            const vec *query = vectors(q->x + (k + c) * BLOCK);
            const vec low = splat(box[k + c]), high = splat(box[d + k + c]);
            for (int i = 0; i < VECTORS; i++)
                s[c][i] = extended(norm, s[c][i], greatest(query[i] - low, high - query[i]));
        }
    for (int c = 1; c < CHAINS; c++)
        for (int i = 0; i < VECTORS; i++) s[0][i] = joined(norm, s[0][i], s[c][i]);
    return candidates(t, s[0], v, q) != 0;
}

/* Level of the largest node that ends at leaf e and begins at `begin` or later. */
ALWAYS_INLINE int level_at(ovp_idx begin, ovp_idx e) {
    int level = __builtin_ctzll((unsigned long long)e);
    while (e - ((ovp_idx)1 << level) < begin) level--;
    return level;
}

/* From the latest leaf backwards, by the largest node that ends where we are, down to its later half if it may. */
ALWAYS_INLINE void scan_as(const ovp_variation_tree *t, ovp_measure_norm norm, ovp_idx d, ovp_idx begin, ovp_idx end,
                           ovp_variation_query *q) {
    vec s[LEAF][VECTORS];
    ovp_idx e = end;
    int level = e > begin ? level_at(begin, e) : 0;
    while (e > begin) {
        if (box_may(t, norm, d, t->boxes[level] + ((e >> level) - 1) * 2 * d, t->v[e * LEAF - 1], q)) {
            if (level-- > 0) continue;
            const double *x[LEAF], *first = point_at(t, d, (e - 1) * LEAF);
            for (int c = 0; c < LEAF; c++) x[c] = first + c;
            point_distances(norm, d, x, q, s);
            for (int c = LEAF - 1; c >= 0; c--)
                offer(t, norm, s[c], (e - 1) * LEAF + c, t->v[(e - 1) * LEAF + c], ~0u, q);
            level = 0;
        }
        e -= (ovp_idx)1 << level;
        if (e > begin) level = level_at(begin, e);
    }
}

static void scan(const ovp_variation_tree *t, ovp_idx begin, ovp_idx end, ovp_variation_query *q) {
    if (t->norm == OVP_NORM_L1)
        scan_as(t, OVP_NORM_L1, t->d, begin, end, q);
    else if (t->norm == OVP_NORM_LINF)
        scan_as(t, OVP_NORM_LINF, t->d, begin, end, q);
    else if (t->d == 2)
        scan_as(t, OVP_NORM_L2, 2, begin, end, q);
    else if (t->d == 3)
        scan_as(t, OVP_NORM_L2, 3, begin, end, q);
    else
        scan_as(t, OVP_NORM_L2, t->d, begin, end, q);
}

static void distances_of(const ovp_variation_tree *t, const double *const x[LEAF], const ovp_variation_query *q,
                         vec s[LEAF][VECTORS]) {
    if (t->norm == OVP_NORM_L1)
        point_distances(OVP_NORM_L1, t->d, x, q, s);
    else if (t->norm == OVP_NORM_LINF)
        point_distances(OVP_NORM_LINF, t->d, x, q, s);
    else
        point_distances(OVP_NORM_L2, t->d, x, q, s);
}

static void points(const ovp_variation_tree *t, const ovp_idx m[LEAF], ovp_variation_query *q) {
    const double *x[LEAF];
    vec s[LEAF][VECTORS];
    for (int c = 0; c < LEAF; c++) x[c] = point_at(t, t->d, m[c]);
    distances_of(t, x, q, s);
    for (int c = 0; c < LEAF; c++) offer(t, t->norm, s[c], m[c], t->v[m[c]], ~0u, q);
}

static void distances(const ovp_variation_tree *t, ovp_variation_square *square, int i, const ovp_variation_query *q) {
    const double *x[LEAF];
    for (int c = 0; c < LEAF; c++) x[c] = q->x + i + c;
    distances_of(t, x, q, (vec(*)[VECTORS])(void *)square->s[i]);
}

static void within(const ovp_variation_tree *t, const ovp_variation_square *square, ovp_idx first,
                   ovp_variation_query *q) {
    for (int i = 0; i + 1 < BLOCK; i++) {
        offer(t, t->norm, vectors(square->s[i]), first + i, q->best[i], ~0u << (i + 1), q);
        /* V never falls; but a step so short that its power is 0 passes no test. */
        if (q->best[i + 1] < q->best[i]) {
            q->best[i + 1] = q->best[i];
            q->from[i + 1] = first + i;
        }
    }
}

extern const ovp_variation_kernels OVP_HOT(ovp_variation_kernels);
const ovp_variation_kernels OVP_HOT(ovp_variation_kernels) = {
    .points = points, .scan = scan, .within = within, .distances = distances};

#endif
