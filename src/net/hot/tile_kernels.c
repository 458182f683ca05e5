/* The tile engine's table, and its sums across lanes. */
#include "net/hot/tile_vector.h"

#include <string.h>

#if OVP_BITS == 32
typedef int32_t lane_index;
#else
typedef int64_t lane_index;
#endif
typedef lane_index mask __attribute__((vector_size(VECTOR_BYTES)));

/* Lane l of the result: a's lanes l and l + half added where l lacks the bit `half`, b's l - half and l where it has.
 */
ALWAYS_INLINE vec fold(const int half, vec a, vec b) {
    mask x, y;
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++) {
        x[l] = l & half ? LANES + l - half : l;
        y[l] = l & half ? LANES + l : l + half;
    }
    return __builtin_shuffle(a, b, x) + __builtin_shuffle(a, b, y);
}

/* Lane l of the result = sum of the lanes of v[l]; v has LANES vectors and is used up. */
ALWAYS_INLINE vec transpose_sum(vec *v) {
#pragma GCC unroll 4
    for (int half = LANES / 2; half >= 1; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++) v[i] = fold(half, v[i], v[i + half]);
    return v[0];
}

static void store_some(real *out, vec value, ovp_idx count) {
    if (count >= LANES)
        memcpy(out, &value, sizeof value);
    else
        memcpy(out, &value, (size_t)count * sizeof(real));
}

static void lane_sums(ovp_idx n, ovp_idx parts, const void *g, ovp_idx stride, void *out) {
    for (ovp_idx i = 0; i < n; i += LANES) {
        const real *from = (const real *)g + i * LANES;
        const ovp_idx count = n - i < LANES ? n - i : LANES;
        vec v[LANES];
#pragma GCC unroll 16
        for (int l = 0; l < LANES; l++) v[l] = vectors(from)[l];
        for (ovp_idx q = 1; q < parts; q++)
#pragma GCC unroll 16
            for (int l = 0; l < LANES; l++) v[l] = v[l] + vectors(from + q * stride)[l];
        store_some((real *)out + i, transpose_sum(v), count);
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

static double squares(ovp_idx n, const void *f, const void *y, double scale, void *d) {
    const real *restrict value = f, *restrict want = y;
    real *restrict out = d;
    const real by = (real)scale;
    double sum[8] = {0};
    ovp_idx i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) {
            const real e = value[i + l] - want[i + l];
            out[i + l] = by * e;
            sum[l] += (double)e * (double)e;
        }
    for (int l = 0; i < n; i++, l++) {
        const real e = value[i] - want[i];
        out[i] = by * e;
        sum[l] += (double)e * (double)e;
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

extern const ovp_net_tile_kernels OVP_HOT(ovp_net_tile_kernels);
const ovp_net_tile_kernels OVP_HOT(ovp_net_tile_kernels) = {.lanes = LANES,
                                                            .product = OVP_HOT(ovp_net_tile_product),
                                                            .outer = OVP_HOT(ovp_net_tile_outer),
                                                            .sums = OVP_HOT(ovp_net_tile_sums),
                                                            .dots = dots,
                                                            .strips = strips,
                                                            .relu_forward = OVP_HOT(ovp_net_tile_relu_forward),
                                                            .relu_backward = OVP_HOT(ovp_net_tile_relu_backward),
                                                            .lane_sums = lane_sums,
                                                            .squares = squares};
