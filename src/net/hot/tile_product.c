/* C = start + A B with A's elements broadcast and B's rows in registers: the product of both lane layouts. A block of
 * up to 6 rows by 4 registers (2 where there are 16 of them) stays in registers for the whole inner dimension. */
#include "net/hot/tile_vector.h"

enum { ROWS = 6, STRIP = WIDE_REGISTERS ? 4 : 2 };

typedef struct product {
    ovp_idx k, ldb, ldc, row, column, piece; /* piece: rows of a block */
    const real *b, *bias, *h;
} product;

/* What C holds before, or, for DTANH, that it is multiplied by 1 - h^2 at last: a constant wherever it is asked. */
enum { DTANH = OVP_TILE_ADD + 1 };

ALWAYS_INLINE vec begun(const int how, const real *bias, const real *c) {
    switch (how) {
    case OVP_TILE_ROWS:
        return splat(*bias);
    case OVP_TILE_COLUMNS:
        return *vectors(bias);
    case OVP_TILE_ADD:
        return *vectors(c);
    default:
        return (vec){0};
    }
}

ALWAYS_INLINE vec ended(const int how, vec sum, const real *h) {
    if (how != DTANH) return sum;
    const vec a = *vectors(h);
    return sum * ((real)1 - a * a);
}

/* rows x strip vectors of C from row i and column j. */
ALWAYS_INLINE void block(const int how, const int rows, const int strip, const product *p, const real *a, ovp_idx i,
                         ovp_idx j, real *c) {
    const ovp_idx ldb = p->ldb, row = p->row, column = p->column, at = i * p->ldc + j;
    const real *b = p->b + j, *bias = how == OVP_TILE_ROWS ? p->bias + i : p->bias + j;
    const ovp_idx along = how == OVP_TILE_ROWS ? 0 : LANES, down = how == OVP_TILE_ROWS ? 1 : 0;
    vec sum[ROWS][STRIP];
    a += i * row;
    c += at;
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < strip; v++) sum[r][v] = begun(how, bias + r * down + v * along, c + r * p->ldc + v * LANES);
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
        for (int v = 0; v < strip; v++)
            ((vec *)(void *)(c + r * p->ldc))[v] = ended(how, sum[r][v], p->h + at + r * p->ldc + v * LANES);
}

ALWAYS_INLINE void strip_of(const int how, const int strip, const product *p, ovp_idx m, const real *a, ovp_idx j,
                            real *c) {
    for (ovp_idx i = 0; i < m; i += p->piece) {
        const ovp_idx rows = m - i < p->piece ? m - i : p->piece;
#define CALL(r) block(how, r, strip, p, a, i, j, c)
        OVP_SWITCH_6(rows, CALL)
#undef CALL
    }
}

/* Each start has its code: as a variable it kept the registers of a block from being zeroed at once. */
ALWAYS_INLINE void strips(const int how, const product *p, ovp_idx m, ovp_idx n, const real *a, real *c) {
    ovp_idx j = 0;
#if defined(__AVX512F__)
    for (; j + 4 * LANES <= n; j += 4 * LANES) strip_of(how, 4, p, m, a, j, c);
#endif
    for (; j + 2 * LANES <= n; j += 2 * LANES) strip_of(how, 2, p, m, a, j, c);
    for (; j < n; j += LANES) strip_of(how, 1, p, m, a, j, c);
}

void OVP_HOT(ovp_net_tile_product)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b,
                                   ovp_idx ldb, ovp_net_tile_start start, const void *bias, void *c, ovp_idx ldc) {
    if (OVP_HOT(ovp_net_tile_small)(m, n, k, a, b, ldb, start, bias, NULL, c, ldc)) return;
    const product p = {k, ldb, ldc, a->row, a->column, even_piece(m, ROWS), b, bias, NULL};
    switch (start) {
    case OVP_TILE_ZERO:
        strips(OVP_TILE_ZERO, &p, m, n, a->a, c);
        break;
    case OVP_TILE_ROWS:
        strips(OVP_TILE_ROWS, &p, m, n, a->a, c);
        break;
    case OVP_TILE_COLUMNS:
        strips(OVP_TILE_COLUMNS, &p, m, n, a->a, c);
        break;
    case OVP_TILE_ADD:
        strips(OVP_TILE_ADD, &p, m, n, a->a, c);
        break;
    }
}

void OVP_HOT(ovp_net_tile_product_dtanh)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b,
                                         ovp_idx ldb, const void *h, void *c, ovp_idx ldc) {
    if (OVP_HOT(ovp_net_tile_small)(m, n, k, a, b, ldb, OVP_TILE_ZERO, NULL, h, c, ldc)) return;
    const product p = {k, ldb, ldc, a->row, a->column, even_piece(m, ROWS), b, NULL, h};
    strips(DTANH, &p, m, n, a->a, c);
}
