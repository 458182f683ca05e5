/* The wide-net engine's inner loops, compiled per precision and processor level with -ffp-contract=fast: every a * b +
 * c below is one fused step where the level has one. Sums run in a fixed order, so results do not depend on threads,
 * and in two levels (a panel or a few rows from zero, then added to the total), which costs nothing and keeps f32
 * nearer to f64 than one long sum does. */
#include "net/net_int.h"
#include "numeric/hot/sparse.h"

#include <string.h>

/* One register; 64-byte vectors on AVX2 would be emulated (ten times slower in gcc 12). */
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, GRAD_UNITS = 16, FORWARD_ROWS = 8 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32, GRAD_UNITS = 4, FORWARD_ROWS = 4 };
#else
enum { VECTOR_BYTES = 16, GRAD_UNITS = 2, FORWARD_ROWS = 2 };
#endif
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
enum { LANES = VECTOR_BYTES / sizeof(real), NARROW_VECTORS = OVP_NET_NARROW / LANES ? OVP_NET_NARROW / LANES : 1 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* ---- dense input times weights --------------------------------------------------------------------- */

/* A tile of 6 rows by STRIP registers stays in registers for a whole panel, whose rows of b fit the first-level cache.
 * X is constant through a training, so it is packed once, and the block's activations are still in cache when bias, phi
 * and the next layer come: that is what a call to a BLAS, which packs X at every call, cannot give. */
#if defined(__AVX512F__)
enum { STRIP = 4 };
#else
enum { STRIP = 2 };
#endif

ALWAYS_INLINE void dense_tile(const int vectors, ovp_idx steps, const real *x, const real *b, ovp_idx ldb, real *c,
                              ovp_idx ldc, int first) {
    vec sum[OVP_NET_TILE][STRIP];
#pragma GCC unroll 6
    for (int r = 0; r < OVP_NET_TILE; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sum[r][v] = (vec){0};
    for (ovp_idx k = 0; k < steps; k++) {
        const vec *row = (const vec *)(const void *)(b + k * ldb);
        const real *value = x + k * OVP_NET_TILE;
#pragma GCC unroll 6
        for (int r = 0; r < OVP_NET_TILE; r++)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sum[r][v] = sum[r][v] + value[r] * row[v];
    }
#pragma GCC unroll 6
    for (int r = 0; r < OVP_NET_TILE; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            vec *out = (vec *)(void *)(c + r * ldc) + v;
            *out = first ? sum[r][v] : *out + sum[r][v];
        }
}

static void dense(const ovp_net_packed *x, const void *b, ovp_idx ldb, void *c, ovp_idx ldc, ovp_idx cols) {
    for (ovp_idx k = 0; k < x->cols; k += x->panel) {
        const ovp_idx steps = x->cols - k < x->panel ? x->cols - k : x->panel;
        const real *rows = (const real *)b + k * ldb;
        const real *value = (const real *)x->value + k * x->tiles * OVP_NET_TILE;
        for (ovp_idx t = 0; t < x->tiles; t++, value += steps * OVP_NET_TILE) {
            real *to = (real *)c + t * OVP_NET_TILE * ldc;
            ovp_idx j = 0;
            for (; j + STRIP * LANES <= cols; j += STRIP * LANES)
                dense_tile(STRIP, steps, value, rows + j, ldb, to + j, ldc, k == 0);
            for (; j < cols; j += LANES) dense_tile(1, steps, value, rows + j, ldb, to + j, ldc, k == 0);
        }
    }
}

static void add(ovp_idx n, void *z, const void *b) {
    real *restrict y = z;
    const real *restrict x = b;
    for (ovp_idx i = 0; i < n; i++) y[i] += x[i];
}

/* ---- products with few outputs -------------------------------------------------------------------- */

ALWAYS_INLINE void narrow_rows(const int rows, ovp_idx u, const real *h, ovp_idx ldh, const real *w, double *p) {
    vec sum[FORWARD_ROWS][NARROW_VECTORS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < NARROW_VECTORS; v++) sum[r][v] = (vec){0};
    for (ovp_idx k = 0; k < u; k++) {
        const vec *row = (const vec *)(const void *)(w + k * OVP_NET_NARROW);
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < NARROW_VECTORS; v++) sum[r][v] = sum[r][v] + h[r * ldh + k] * row[v];
    }
    for (int r = 0; r < rows; r++) {
        real lanes[OVP_NET_NARROW];
        memcpy(lanes, sum[r], sizeof lanes);
        for (int j = 0; j < OVP_NET_NARROW; j++) p[r * OVP_NET_NARROW + j] += (double)lanes[j];
    }
}

static void narrow_forward(ovp_idx n, ovp_idx u, const void *h, ovp_idx ldh, const void *w, double *p) {
    const real *from = h;
    ovp_idx i = 0;
    for (; i + FORWARD_ROWS <= n; i += FORWARD_ROWS)
        narrow_rows(FORWARD_ROWS, u, from + i * ldh, ldh, w, p + i * OVP_NET_NARROW);
    for (; i < n; i++) narrow_rows(1, u, from + i * ldh, ldh, w, p + i * OVP_NET_NARROW);
}

ALWAYS_INLINE void narrow_grad_units(const int units, ovp_idx n, const real *h, ovp_idx ldh, const real *d, real *g) {
    vec sum[GRAD_UNITS][NARROW_VECTORS];
    for (int k = 0; k < units; k++)
        for (int v = 0; v < NARROW_VECTORS; v++) sum[k][v] = (vec){0};
    for (ovp_idx i = 0; i < n; i++) {
        const vec *row = (const vec *)(const void *)(d + i * OVP_NET_NARROW);
        const real *x = h + i * ldh;
        for (int k = 0; k < units; k++)
            for (int v = 0; v < NARROW_VECTORS; v++) sum[k][v] = sum[k][v] + x[k] * row[v];
    }
    for (int k = 0; k < units; k++)
        for (int v = 0; v < NARROW_VECTORS; v++) {
            vec *out = (vec *)(void *)(g + k * OVP_NET_NARROW) + v;
            *out = *out + sum[k][v];
        }
}

static void narrow_grad(ovp_idx n, ovp_idx u, const void *h, ovp_idx ldh, const void *d, void *g) {
    enum { ROWS = 32 }; /* of h at a time: they stay in the first-level cache while all units pass over them */
    memset(g, 0, (size_t)u * OVP_NET_NARROW * sizeof(real));
    for (ovp_idx i = 0; i < n; i += ROWS) {
        const ovp_idx rows = n - i < ROWS ? n - i : ROWS;
        const real *from = (const real *)h + i * ldh, *grad = (const real *)d + i * OVP_NET_NARROW;
        real *to = g;
        ovp_idx k = 0;
        /* Rows of h are far apart, which the hardware does not foresee. */
        for (ovp_idx r = 0; r < ROWS && i + ROWS + r < n; r++)
            for (ovp_idx c = 0; c < u; c += 64 / (ovp_idx)sizeof(real)) __builtin_prefetch(from + (ROWS + r) * ldh + c);
        for (; k + GRAD_UNITS <= u; k += GRAD_UNITS)
            narrow_grad_units(GRAD_UNITS, rows, from + k, ldh, grad, to + k * OVP_NET_NARROW);
        for (; k < u; k++) narrow_grad_units(1, rows, from + k, ldh, grad, to + k * OVP_NET_NARROW);
    }
}

ALWAYS_INLINE void narrow_back_strip(const int rows, const int vectors, ovp_idx c, const real *d, const real *w,
                                     real *p, ovp_idx ldp) {
    vec sum[2][4];
    memset(sum, 0, sizeof sum);
    for (ovp_idx k = 0; k < c; k++) {
        const vec *row = (const vec *)(const void *)(w + k * ldp);
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++) sum[r][v] = sum[r][v] + d[r * OVP_NET_NARROW + k] * row[v];
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) ((vec *)(void *)(p + r * ldp))[v] = sum[r][v];
}

static void narrow_back(ovp_idx n, ovp_idx cols, ovp_idx c, const void *d, const void *w, void *p, ovp_idx ldp) {
    const real *from = d, *weights = w;
    real *to = p;
    for (ovp_idx i = 0; i < n; i += 2) {
        const int pair = i + 2 <= n;
        for (ovp_idx j = 0; j < cols;) {
            const real *a = from + i * OVP_NET_NARROW, *b = weights + j;
            real *o = to + i * ldp + j;
            if (cols - j >= 4 * LANES) {
                if (pair)
                    narrow_back_strip(2, 4, c, a, b, o, ldp);
                else
                    narrow_back_strip(1, 4, c, a, b, o, ldp);
                j += 4 * LANES;
            } else {
                if (pair)
                    narrow_back_strip(2, 1, c, a, b, o, ldp);
                else
                    narrow_back_strip(1, 1, c, a, b, o, ldp);
                j += LANES;
            }
        }
    }
}

static void column_sums(ovp_idx n, ovp_idx cols, const void *p, ovp_idx ldp, void *s) {
    enum { ROWS = 32, COLUMNS = 64 };
    const real *from = p;
    real *restrict sum = s;
    memset(sum, 0, (size_t)cols * sizeof(real));
    for (ovp_idx j = 0; j < cols; j += COLUMNS) {
        const ovp_idx width = cols - j < COLUMNS ? cols - j : COLUMNS;
        for (ovp_idx i = 0; i < n; i += ROWS) {
            real part[COLUMNS] = {0};
            for (ovp_idx r = i; r < n && r < i + ROWS; r++) {
                const real *restrict row = from + r * ldp + j;
                for (ovp_idx k = 0; k < width; k++) part[k] += row[k];
            }
            for (ovp_idx k = 0; k < width; k++) sum[j + k] += part[k];
        }
    }
}

extern const ovp_net_kernels OVP_HOT(ovp_net_kernels);
const ovp_net_kernels OVP_HOT(ovp_net_kernels) = {
    OVP_HOT(ovp_numeric_sparse_product), dense, add, narrow_forward, narrow_grad, narrow_back, column_sums};
