/* Gradients with samples in the lanes: sums over a chunk's vectors stay in registers, lanes are added up only once a
 * group (lane_sums). */
#include "net/hot/tile_vector.h"

enum { SIDE = WIDE_REGISTERS ? 5 : 3 }; /* SIDE x SIDE accumulators */

ALWAYS_INLINE void outer_block(const int ins, const int outs, ovp_idx n, const real *a, ovp_idx lda, const real *z,
                               ovp_idx ldz, real *g, ovp_idx ldg, int add) {
    vec sum[SIDE][SIDE];
    if (add) {
#pragma GCC unroll 5
        for (int k = 0; k < ins; k++)
#pragma GCC unroll 5
            for (int o = 0; o < outs; o++) sum[k][o] = vectors(g + k * ldg)[o];
    } else {
#pragma GCC unroll 5
        for (int k = 0; k < ins; k++)
#pragma GCC unroll 5
            for (int o = 0; o < outs; o++) sum[k][o] = (vec){0};
    }
    for (ovp_idx i = 0; i < n; i += LANES) {
        vec d[SIDE];
#pragma GCC unroll 5
        for (int o = 0; o < outs; o++) d[o] = *vectors(z + o * ldz + i);
#pragma GCC unroll 5
        for (int k = 0; k < ins; k++) {
            const vec x = *vectors(a + k * lda + i);
#pragma GCC unroll 5
            for (int o = 0; o < outs; o++) sum[k][o] = sum[k][o] + x * d[o];
        }
    }
#pragma GCC unroll 5
    for (int k = 0; k < ins; k++)
#pragma GCC unroll 5
        for (int o = 0; o < outs; o++) ((vec *)(void *)(g + k * ldg))[o] = sum[k][o];
}

#if defined(__AVX512F__)
#define SWITCH_SIDE OVP_SWITCH_5
#else
#define SWITCH_SIDE OVP_SWITCH_3
#endif

ALWAYS_INLINE void outer_rows(const int ins, ovp_idx out, ovp_idx n, const real *a, ovp_idx lda, const real *z,
                              ovp_idx ldz, real *g, int add) {
    const ovp_idx piece = even_piece(out, SIDE), ldg = out * LANES;
    for (ovp_idx o = 0; o < out; o += piece) {
#define CALL(outs) outer_block(ins, outs, n, a, lda, z + o * ldz, ldz, g + o * LANES, ldg, add)
        SWITCH_SIDE(out - o < piece ? out - o : piece, CALL)
#undef CALL
    }
}

void OVP_HOT(ovp_net_tile_outer)(ovp_idx in, ovp_idx out, ovp_idx n, const void *a, ovp_idx lda, const void *z,
                                 ovp_idx ldz, void *g, int add) {
    const ovp_idx piece = even_piece(in, SIDE);
    for (ovp_idx k = 0; k < in; k += piece) {
        const real *x = (const real *)a + k * lda;
        real *to = (real *)g + k * out * LANES;
#define CALL(ins) outer_rows(ins, out, n, x, lda, z, ldz, to, add)
        SWITCH_SIDE(in - k < piece ? in - k : piece, CALL)
#undef CALL
    }
}

ALWAYS_INLINE void sums_block(const int outs, ovp_idx n, const real *z, ovp_idx ldz, real *g, int add) {
    vec sum[4];
    for (int o = 0; o < outs; o++) sum[o] = add ? vectors(g)[o] : (vec){0};
    for (ovp_idx i = 0; i < n; i += LANES)
        for (int o = 0; o < outs; o++) sum[o] = sum[o] + *vectors(z + o * ldz + i);
    for (int o = 0; o < outs; o++) ((vec *)(void *)g)[o] = sum[o];
}

void OVP_HOT(ovp_net_tile_sums)(ovp_idx out, ovp_idx n, const void *z, ovp_idx ldz, void *g, int add) {
    ovp_idx o = 0;
    for (; o + 4 <= out; o += 4) sums_block(4, n, (const real *)z + o * ldz, ldz, (real *)g + o * LANES, add);
    for (; o < out; o++) sums_block(1, n, (const real *)z + o * ldz, ldz, (real *)g + o * LANES, add);
}
