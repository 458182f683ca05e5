/* Products of a matrix, read once, with a few columns; compiled with -ffp-contract=fast. */
#include "numeric/hot/packed.h"

#include <string.h>

enum {
    FEW = 2,
    AHEAD = 16,             /* rows of A that are fetched early: they are too far apart for the processor to guess */
    MOST = OVP_PACKED_ROWS, /* columns */
    SIDE = WIDE_REGISTERS ? 8 : 4, /* rows of A at a time */
    WIDE = OVP_PACKED_COLS,        /* columns of A at a time, where it is transposed */
    DEPTH = 256                    /* rows of X at a time: they stay in the first-level cache */
};

/* x (k x n) in lines of `line` numbers, the rest zeros. */
static void copy(ovp_idx k, ovp_idx n, const real *x, ovp_idx ldx, ovp_idx line, real *out) {
    for (ovp_idx p = 0; p < k; p++)
        for (ovp_idx j = 0; j < line; j++) out[p * line + j] = j < n ? x[p * ldx + j] : 0;
}

/* `count`: a constant in every caller */
ALWAYS_INLINE void spill(const int count, vec sum[][2], real all[][WIDE]) {
#pragma GCC unroll 16
    for (int i = 0; i < count; i++) {
        *(vec *)(void *)all[i] = sum[i][0];
        *(vec *)(void *)(all[i] + LANES) = sum[i][1];
    }
}

/* `rows` rows of A, a constant in every caller; lines of X of one or two registers */
ALWAYS_INLINE void few_rows(const int rows, const int registers, ovp_idx n, ovp_idx k, const real *a, ovp_idx lda,
                            const real *x, real *c, ovp_idx ldc) {
    vec sum[SIDE][2];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (vec){0};
    for (ovp_idx p = 0; p < k; p++, x += registers * LANES) {
        const vec left = vectors(x)[0], right = vectors(x)[registers - 1];
        __builtin_prefetch(a + (rows + p % rows) * lda + p); /* the lines of the rows that follow, each in its turn */
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            const real s = a[i * lda + p];
            sum[i][0] = sum[i][0] + s * left;
            if (registers > 1) sum[i][1] = sum[i][1] + s * right;
        }
    }
    _Alignas(64) real all[SIDE][WIDE];
    spill(rows, sum, all);
    for (int i = 0; i < rows; i++)
        for (ovp_idx j = 0; j < n; j++) c[i * ldc + j] -= all[i][j];
}

ALWAYS_INLINE void all_rows(const int registers, ovp_idx m, ovp_idx n, ovp_idx k, const real *a, ovp_idx lda,
                            const real *x, real *c, ovp_idx ldc) {
    ovp_idx i = 0;
    for (; i + SIDE <= m; i += SIDE) few_rows(SIDE, registers, n, k, a + i * lda, lda, x, c + i * ldc, ldc);
    for (; i < m; i++) few_rows(1, registers, n, k, a + i * lda, lda, x, c + i * ldc, ldc);
}

/* Two registers of A's columns against lines of `most`. */
ALWAYS_INLINE void few_columns(const int most, ovp_idx n, ovp_idx k, const real *a, ovp_idx lda, const real *x, real *c,
                               ovp_idx ldc) {
    vec sum[MOST][2];
#pragma GCC unroll 16
    for (int j = 0; j < most; j++) sum[j][0] = sum[j][1] = (vec){0};
    for (ovp_idx p = 0; p < k; p++, a += lda, x += most) {
        vec left, right;
        __builtin_prefetch(a + AHEAD * lda);
        __builtin_prefetch(a + AHEAD * lda + LANES);
        memcpy(&left, a, sizeof left);
        memcpy(&right, a + LANES, sizeof right);
#pragma GCC unroll 16
        for (int j = 0; j < most; j++) {
            const real s = x[j];
            sum[j][0] = sum[j][0] + s * left;
            sum[j][1] = sum[j][1] + s * right;
        }
    }
    _Alignas(64) real all[MOST][WIDE];
    spill(most, sum, all);
    for (ovp_idx i = 0; i < WIDE; i++)
        for (ovp_idx j = 0; j < n; j++) c[i * ldc + j] -= all[j][i];
}

ALWAYS_INLINE void all_columns(const int most, ovp_idx m, ovp_idx n, ovp_idx k, const real *a, ovp_idx lda,
                               const real *x, real *c, ovp_idx ldc) {
    ovp_idx i = 0;
    for (; i + WIDE <= m; i += WIDE) few_columns(most, n, k, a + i, lda, x, c + i * ldc, ldc);
    for (ovp_idx j = 0; i < m && j < n; j++)
        for (ovp_idx q = i; q < m; q++) {
            real sum = 0;
            for (ovp_idx p = 0; p < k; p++) sum += a[p * lda + q] * x[p * most + j];
            c[q * ldc + j] -= sum;
        }
}

void OVP_HOT(ovp_numeric_narrow_product)(int transposed, ovp_idx m, ovp_idx n, ovp_idx k, const void *a, ovp_idx lda,
                                         const void *x, ovp_idx ldx, void *c, ovp_idx ldc) {
    _Alignas(64) real lines[DEPTH * (MOST > WIDE ? MOST : WIDE)];
    for (ovp_idx p = 0; p < k; p += DEPTH) {
        const ovp_idx depth = p + DEPTH < k ? DEPTH : k - p;
        const real *from = (const real *)a + (transposed ? p * lda : p), *rows = (const real *)x + p * ldx;
        if (transposed) {
            copy(depth, n, rows, ldx, n <= FEW ? FEW : MOST, lines);
            if (n <= FEW)
                all_columns(FEW, m, n, depth, from, lda, lines, c, ldc);
            else
                all_columns(MOST, m, n, depth, from, lda, lines, c, ldc);
            continue;
        }
        for (ovp_idx j = 0; j < n; j += WIDE) {
            const ovp_idx left = n - j < WIDE ? n - j : WIDE, registers = left <= LANES ? 1 : 2;
            copy(depth, left, rows + j, ldx, registers * LANES, lines);
            if (registers == 1)
                all_rows(1, m, left, depth, from, lda, lines, (real *)c + j, ldc);
            else
                all_rows(2, m, left, depth, from, lda, lines, (real *)c + j, ldc);
        }
    }
}
