/* C = start + A B with A's elements broadcast and B's rows in registers: the product of both lane layouts. A block of
 * up to 6 rows by 4 registers (2 where there are 16 of them) stays in registers for the whole inner dimension. */
#include "net/hot/tile_vector.h"

enum { ROWS = 6, STRIP = WIDE_REGISTERS ? 4 : 2 };

typedef struct product {
    ovp_idx k, ldb, ldc, row, column;
    const real *b, *bias;
    ovp_net_tile_start start;
} product;

ALWAYS_INLINE void block(const int rows, const int strip, const product *p, const real *a, const real *b,
                         const real *bias, real *c) {
    vec sum[ROWS][STRIP];
    if (p->start == OVP_TILE_ZERO) {
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < strip; v++) sum[r][v] = (vec){0};
    } else if (p->start == OVP_TILE_ROWS) {
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < strip; v++) sum[r][v] = splat(bias[r]);
    } else {
        const real *from = p->start == OVP_TILE_ADD ? c : bias;
        const ovp_idx ld = p->start == OVP_TILE_ADD ? p->ldc : 0;
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < strip; v++) sum[r][v] = vectors(from + r * ld)[v];
    }
    const ovp_idx ldb = p->ldb, row = p->row, column = p->column;
    for (ovp_idx k = 0; k < p->k; k++, a += column, b += ldb) {
        vec x[STRIP];
#pragma GCC unroll 4
        for (int v = 0; v < strip; v++) x[v] = vectors(b)[v];
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < strip; v++) sum[r][v] = sum[r][v] + a[r * row] * x[v];
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < strip; v++) ((vec *)(void *)(c + r * p->ldc))[v] = sum[r][v];
}

ALWAYS_INLINE void strip_of(const int strip, const product *p, ovp_idx m, const real *a, ovp_idx j, real *c) {
    const ovp_idx piece = even_piece(m, ROWS);
    for (ovp_idx i = 0; i < m; i += piece) {
        const ovp_idx rows = m - i < piece ? m - i : piece;
        const real *from = a + i * p->row;
        const real *bias = p->start == OVP_TILE_ROWS ? p->bias + i : p->bias + j;
        real *to = c + i * p->ldc + j;
#define CALL(r) block(r, strip, p, from, p->b + j, bias, to)
        OVP_SWITCH_6(rows, CALL)
#undef CALL
    }
}

void OVP_HOT(ovp_net_tile_product)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b,
                                   ovp_idx ldb, ovp_net_tile_start start, const void *bias, void *c, ovp_idx ldc) {
    const product p = {k, ldb, ldc, a->row, a->column, b, bias, start};
    ovp_idx j = 0;
#if defined(__AVX512F__)
    for (; j + 4 * LANES <= n; j += 4 * LANES) strip_of(4, &p, m, a->a, j, c);
#endif
    for (; j + 2 * LANES <= n; j += 2 * LANES) strip_of(2, &p, m, a->a, j, c);
    for (; j < n; j += LANES) strip_of(1, &p, m, a->a, j, c);
}
