/* Products of packed rows, compiled with -ffp-contract=fast: one fused step where the level has it. */
#include "numeric/hot/packed.h"

#include <string.h>

enum {
    ROWS = OVP_PACKED_ROWS,
    COLS = OVP_PACKED_COLS,
    DEPTH = 2048 / sizeof(real), /* most terms at a time, so that a sliver of A stays in the first-level cache */
    BLOCK = 1 << 20,             /* bytes of B that stay in the second-level cache while all of A passes over them */
    AHEAD = 8                    /* lines */
};

typedef enum how { SET, ADD, SUBTRACT } how;

void OVP_HOT(ovp_numeric_pack)(ovp_idx sliver, ovp_idx count, ovp_idx d, const void *x_, ovp_idx ld, const void *shift_,
                               void *out_) {
    enum { PIECE = 64 }; /* of a row, so that the lines written stay in the first-level cache */
    const real *x = x_, *shift = shift_;
    real *out = out_;
    for (ovp_idx first = 0; first < count; first += sliver, out += sliver * d)
        for (ovp_idx k = 0; k < d; k += PIECE) {
            const ovp_idx end = k + PIECE < d ? k + PIECE : d;
            for (ovp_idx r = 0; r < sliver; r++) {
                const real *row = first + r < count ? x + (first + r) * ld : NULL;
                if (!row)
                    for (ovp_idx q = k; q < end; q++) out[q * sliver + r] = 0;
                else if (shift)
                    for (ovp_idx q = k; q < end; q++) out[q * sliver + r] = row[q] - shift[q];
                else
                    for (ovp_idx q = k; q < end; q++) out[q * sliver + r] = row[q];
            }
        }
}

void OVP_HOT(ovp_numeric_unpack)(ovp_idx sliver, ovp_idx count, ovp_idx d, const void *packed, void *x_, ovp_idx ld) {
    enum { PIECE = 16 }; /* lines: those of a sliver stay in the first-level cache */
    const real *from = packed;
    real *x = x_;
    for (ovp_idx first = 0; first < count; first += sliver, from += sliver * d)
        for (ovp_idx k = 0; k < d; k += PIECE)
            for (ovp_idx r = 0; r < sliver && first + r < count; r++)
                for (ovp_idx q = k; q < k + PIECE && q < d; q++) x[(first + r) * ld + q] = from[q * sliver + r];
}

ALWAYS_INLINE void multiply(ovp_idx d, const real *a, const real *b, vec sum[ROWS][2]) {
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) sum[i][0] = sum[i][1] = (vec){0};
    for (ovp_idx k = 0; k < d; k++, a += ROWS, b += COLS) {
        const vec left = vectors(b)[0], right = vectors(b)[1];
        __builtin_prefetch(b + AHEAD * COLS);
        __builtin_prefetch(b + AHEAD * COLS + LANES);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            const real x = a[i];
            sum[i][0] = sum[i][0] + x * left;
            sum[i][1] = sum[i][1] + x * right;
        }
    }
}

ALWAYS_INLINE void put(const how what, vec sum[ROWS][2], real *c, ovp_idx ldc) {
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
        for (int v = 0; v < 2; v++) {
            real *to = c + i * ldc + v * LANES; /* anywhere */
            vec value = sum[i][v], was;
            if (what != SET) {
                memcpy(&was, to, sizeof was);
                value = what == ADD ? was + value : was - value;
            }
            memcpy(to, &value, sizeof value);
        }
}

/* The part that is there of a block at the edge. */
static void put_part(how what, ovp_idx rows, ovp_idx cols, const real *sum, real *c, ovp_idx ldc) {
    for (ovp_idx i = 0; i < rows; i++)
        for (ovp_idx j = 0; j < cols; j++) {
            const real s = sum[i * COLS + j];
            real *to = c + i * ldc + j;
            *to = what == SET ? s : what == ADD ? *to + s : *to - s;
        }
}

static void block(how what, ovp_idx rows, ovp_idx cols, ovp_idx d, const real *a, const real *b, real *c, ovp_idx ldc) {
    vec sum[ROWS][2];
    multiply(d, a, b, sum);
    if (rows < ROWS || cols < COLS) {
        _Alignas(64) real all[ROWS * COLS];
        put(SET, sum, all, COLS);
        put_part(what, rows, cols, all, c, ldc);
    } else if (what == SET) {
        put(SET, sum, c, ldc);
    } else if (what == ADD) {
        put(ADD, sum, c, ldc);
    } else {
        put(SUBTRACT, sum, c, ldc);
    }
}

static ovp_idx least(ovp_idx a, ovp_idx b) {
    return a < b ? a : b;
}

void OVP_HOT(ovp_numeric_packed_product)(ovp_idx m, ovp_idx n, ovp_idx d, const void *a, const void *b, int subtract,
                                         void *c, ovp_idx ldc) {
    const ovp_idx pieces = (d + DEPTH - 1) / DEPTH;
    for (ovp_idx p = 0; p < pieces; p++) {
        const ovp_idx k = p * d / pieces, depth = (p + 1) * d / pieces - k;
        const ovp_idx fit = BLOCK / (depth * (ovp_idx)sizeof(real)) / COLS * COLS, wide = fit > COLS ? fit : COLS;
        const how what = subtract ? SUBTRACT : p == 0 ? SET : ADD;
        for (ovp_idx first = 0; first < n; first += wide)
            for (ovp_idx i = 0; i < m; i += ROWS)
                for (ovp_idx j = first; j < least(first + wide, n); j += COLS)
                    block(what, least(ROWS, m - i), least(COLS, n - j), depth, (const real *)a + i * d + k * ROWS,
                          (const real *)b + j * d + k * COLS, (real *)c + i * ldc + j, ldc);
    }
}

/* `lines` lines of x, whose products with the lines before them are in `sum`; a constant but for the last. */
ALWAYS_INLINE void substitute(const int lines, const real *l, const real *inverses, vec sum[ROWS][2], real *x) {
#pragma GCC unroll 16
    for (int i = 0; i < lines; i++) {
        vec *line = (vec *)(void *)(x + i * COLS);
        const vec left = line[0] = inverses[i] * (line[0] - sum[i][0]);
        const vec right = line[1] = inverses[i] * (line[1] - sum[i][1]);
#pragma GCC unroll 16
        for (int below = i + 1; below < lines; below++) {
            const real s = l[i * ROWS + below];
            sum[below][0] = sum[below][0] + s * left;
            sum[below][1] = sum[below][1] + s * right;
        }
    }
}

static void whole_lines(ovp_idx above, const real *l, const real *inverses, real *x) {
    vec sum[ROWS][2];
    multiply(above, l, x, sum);
    substitute(ROWS, l + above * ROWS, inverses + above, sum, x + above * COLS);
}

static void last_lines(int lines, ovp_idx above, const real *l, const real *inverses, real *x) {
    vec sum[ROWS][2];
    multiply(above, l, x, sum);
    substitute(lines, l + above * ROWS, inverses + above, sum, x + above * COLS);
}

void OVP_HOT(ovp_numeric_packed_solve)(ovp_idx n, ovp_idx d, const void *l, const void *inverses, void *x_) {
    real *x = x_;
    for (ovp_idx j = 0; j < n; j += COLS, x += COLS * d) {
        ovp_idx k = 0;
        for (; k + ROWS <= d; k += ROWS) whole_lines(k, (const real *)l + k * d, inverses, x);
        if (k < d) last_lines((int)(d - k), k, (const real *)l + k * d, inverses, x);
    }
}
