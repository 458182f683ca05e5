/* The tile engine's table, and its sums across lanes. */
#include "net/hot/tile_vector.h"

#include <string.h>

/* __builtin_shufflevector(a, b, I(0, half), I(1, half), ..) for the lanes there are. */
#define SHUFFLE_2(a, b, I, half) __builtin_shufflevector(a, b, I(0, half), I(1, half))
#define SHUFFLE_4(a, b, I, half) __builtin_shufflevector(a, b, I(0, half), I(1, half), I(2, half), I(3, half))
#define INDICES_8(I, from, half)                                                                                       \
    I(from, half), I(from + 1, half), I(from + 2, half), I(from + 3, half), I(from + 4, half), I(from + 5, half),      \
        I(from + 6, half), I(from + 7, half)
#define SHUFFLE_8(a, b, I, half) __builtin_shufflevector(a, b, INDICES_8(I, 0, half))
#define SHUFFLE_16(a, b, I, half) __builtin_shufflevector(a, b, INDICES_8(I, 0, half), INDICES_8(I, 8, half))
#if defined(__AVX512F__) && OVP_BITS == 32
#define SHUFFLE SHUFFLE_16
#elif defined(__AVX512F__) || (defined(__AVX__) && OVP_BITS == 32)
#define SHUFFLE SHUFFLE_8
#elif defined(__AVX__) || OVP_BITS == 32
#define SHUFFLE SHUFFLE_4
#else
#define SHUFFLE SHUFFLE_2
#endif

/* Lane l of the result: a's lanes l and l + half added where l lacks the bit `half`, b's l - half and l where it has.
 */
#define KEPT(l, half) ((l) & (half) ? LANES + (l) - (half) : (l))
#define ADDED(l, half) ((l) & (half) ? LANES + (l) : (l) + (half))
#define FOLD(half, a, b) (SHUFFLE(a, b, KEPT, half) + SHUFFLE(a, b, ADDED, half))

/* Lane l of the result = sum of the lanes of v[l]; v has LANES vectors and is used up. */
ALWAYS_INLINE vec transpose_sum(vec *v) {
#if defined(__AVX512F__) && OVP_BITS == 32
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) v[i] = FOLD(8, v[i], v[i + 8]);
#endif
#if defined(__AVX512F__) || (defined(__AVX__) && OVP_BITS == 32)
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) v[i] = FOLD(4, v[i], v[i + 4]);
#endif
#if defined(__AVX__) || OVP_BITS == 32
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) v[i] = FOLD(2, v[i], v[i + 2]);
#endif
    return FOLD(1, v[0], v[1]);
}

static void store_some(real *out, vec value, ovp_idx count) {
    if (count >= LANES)
        memcpy(out, &value, sizeof value);
    else
        memcpy(out, &value, (size_t)count * sizeof(real));
}

static void lane_sums(ovp_idx n, const void *g, void *out) {
    for (ovp_idx i = 0; i < n; i += LANES) {
        const vec *from = vectors((const real *)g + i * LANES);
        vec v[LANES];
#pragma GCC unroll 16
        for (int l = 0; l < LANES; l++) v[l] = from[l];
        store_some((real *)out + i, transpose_sum(v), n - i < LANES ? n - i : LANES);
    }
}

/* LANES dots at a time. */
static void dots(ovp_idx m, ovp_idx p, ovp_idx n, const void *a, ovp_idx lda, const void *b, ovp_idx ldb, void *c,
                 ovp_idx stride) {
    for (ovp_idx j = 0; j < p; j++) {
        const real *y = (const real *)b + j * ldb;
        for (ovp_idx i = 0; i < m; i += LANES) {
            const ovp_idx rows = m - i < LANES ? m - i : LANES;
            const real *x = (const real *)a + i * lda;
            vec sum[LANES];
            memset(sum, 0, sizeof sum);
            for (ovp_idx k = 0; k < n; k += LANES) {
                const vec w = *vectors(y + k);
#pragma GCC unroll 16
                for (int r = 0; r < LANES; r++) sum[r] = sum[r] + w * *vectors(x + r * lda + k);
            }
            const vec total = transpose_sum(sum);
            for (ovp_idx r = 0; r < rows; r++) ((real *)c)[(i + r) * stride + j] = total[r];
        }
    }
}

static void strips(ovp_idx m, ovp_idx n, const void *a, const void *b, void *g, int add) {
    const real *x = a, *y = b;
    vec *sum = g;
    for (ovp_idx i = 0; i < m; i++, x += n) {
        vec s = add ? sum[i] : (vec){0};
        for (ovp_idx k = 0; k < n; k += LANES) s = s + *vectors(x + k) * *vectors(y + k);
        sum[i] = s;
    }
}

/* Doubles of a register and as many elements. */
enum { WIDE = VECTOR_BYTES / sizeof(double) };
typedef double wide __attribute__((vector_size(VECTOR_BYTES)));
typedef real narrow __attribute__((vector_size(WIDE * sizeof(real)), aligned(sizeof(real)), may_alias));

static double squares(ovp_idx n, const void *f, const void *y, double scale, void *d) {
    const real *value = f, *want = y, by = (real)scale;
    real *out = d;
    wide sum = {0};
    ovp_idx i = 0;
    for (; i + WIDE <= n; i += WIDE) {
        const narrow e = *(const narrow *)(const void *)(value + i) - *(const narrow *)(const void *)(want + i);
        const wide w = __builtin_convertvector(e, wide);
        *(narrow *)(void *)(out + i) = by * e;
        sum = sum + w * w;
    }
    double total = 0;
    for (int l = 0; l < WIDE; l++) total += sum[l];
    for (; i < n; i++) {
        const real e = value[i] - want[i];
        out[i] = by * e;
        total += (double)e * (double)e;
    }
    return total;
}

extern const ovp_net_tile_kernels OVP_HOT(ovp_net_tile_kernels);
const ovp_net_tile_kernels OVP_HOT(ovp_net_tile_kernels) = {.lanes = LANES,
                                                            .product = OVP_HOT(ovp_net_tile_product),
                                                            .product_dtanh = OVP_HOT(ovp_net_tile_product_dtanh),
                                                            .outer = OVP_HOT(ovp_net_tile_outer),
                                                            .sums = OVP_HOT(ovp_net_tile_sums),
                                                            .dots = dots,
                                                            .strips = strips,
                                                            .tanh_backward = OVP_HOT(ovp_net_tile_tanh_backward),
                                                            .relu_forward = OVP_HOT(ovp_net_tile_relu_forward),
                                                            .relu_backward = OVP_HOT(ovp_net_tile_relu_backward),
                                                            .lane_sums = lane_sums,
                                                            .squares = squares};
