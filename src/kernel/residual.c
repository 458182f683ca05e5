/* R = B - A X for iterative refinement, in f64 or as if in twice its precision. */
#include "kernel/solve_int.h"
#include "numeric/packed_int.h"

#include <string.h>

enum { STRIP = 64 };

typedef struct residual {
    const ovp_kernel_symmetric *a;
    ovp_idx c;
    const double *b, *x;
    double *r;
    double *strips;               /* STRIP x n a worker, extended alone */
    const double *x_high, *x_low; /* the halves of x, extended alone */
    double *sums;                 /* 2 c a worker, extended alone */
} residual;

/* Rows first .. first + rows - 1 of the whole matrix, extended alone. */
static void fill_strip(const ovp_kernel_symmetric *a, ovp_idx first, ovp_idx rows, double *out) {
    const ovp_idx n = a->n;
    for (ovp_idx k = 0; k < first; k++)
        for (ovp_idx i = 0; i < rows; i++) out[i * n + k] = a->upper[k * n + first + i];
    for (ovp_idx i = 0; i < rows; i++) {
        const ovp_idx row = first + i;
        for (ovp_idx k = first; k < row; k++) out[i * n + k] = a->upper[k * n + row];
        out[i * n + row] = a->diagonal[row];
        memcpy(out + i * n + row + 1, a->upper + row * n + row + 1, (size_t)(n - row - 1) * sizeof *out);
    }
}

/* v = high + low, each of at most 26 bits, so that their products are exact (Veltkamp). */
static void split(double v, double *high, double *low) {
    const double t = 0x8000001p0 * v;
    *high = t - (t - v);
    *low = v - *high;
}

/* row . x subtracted from b's row, with the rounding errors of every product and sum carried along. */
static void extended_row(const residual *s, const double *row, const double *b, double *r, double *sum) {
    const ovp_idx c = s->c;
    double *error = sum + c;
    memcpy(sum, b, (size_t)c * sizeof *sum);
    memset(error, 0, (size_t)c * sizeof *error);
    for (ovp_idx k = 0; k < s->a->n; k++) {
        const double a = -row[k];
        double high, low;
        split(a, &high, &low);
        const double *x = s->x + k * c, *x_high = s->x_high + k * c, *x_low = s->x_low + k * c;
        for (ovp_idx j = 0; j < c; j++) {
            const double p = a * x[j];
            const double lost = (((high * x_high[j] - p) + high * x_low[j]) + low * x_high[j]) + low * x_low[j];
            const double t = sum[j] + p, z = t - sum[j];
            error[j] += ((sum[j] - (t - z)) + (p - z)) + lost;
            sum[j] = t;
        }
    }
    for (ovp_idx j = 0; j < c; j++) r[j] = sum[j] + error[j];
}

/* r <- b - A x for these rows: the columns before them by the transpose of what stands above the diagonal, those after
 * them as they stand, and between them the symmetric square. */
static void plain_rows(ovp_ctx *ctx, const residual *s, ovp_idx first, ovp_idx rows) {
    const ovp_idx n = s->a->n, c = s->c, after = first + rows;
    const double *upper = s->a->upper;
    double square[STRIP * STRIP], *r = s->r + first * c;
    memcpy(r, s->b + first * c, (size_t)(rows * c) * sizeof *r);
    if (first) ovp_numeric_subtract_product(ctx, 1, rows, c, first, upper + first, n, s->x, c, r, c);
    for (ovp_idx i = 0; i < rows; i++) {
        square[i * rows + i] = s->a->diagonal[first + i];
        for (ovp_idx k = i + 1; k < rows; k++)
            square[i * rows + k] = square[k * rows + i] = upper[(first + i) * n + first + k];
    }
    ovp_numeric_subtract_product(ctx, 0, rows, c, rows, square, rows, s->x + first * c, c, r, c);
    if (after < n)
        ovp_numeric_subtract_product(ctx, 0, rows, c, n - after, upper + first * n + after, n, s->x + after * c, c, r,
                                     c);
}

static ovp_status residual_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const residual *s = arg;
    const ovp_idx n = s->a->n, c = s->c, first = task * STRIP, rows = n - first < STRIP ? n - first : STRIP;
    if (!s->x_high) {
        plain_rows(ctx, s, first, rows);
        return OVP_OK;
    }
    double *strip = s->strips + (ovp_idx)ovp_worker(ctx) * STRIP * n;
    fill_strip(s->a, first, rows, strip);
    for (ovp_idx i = 0; i < rows; i++)
        extended_row(s, strip + i * n, s->b + (first + i) * c, s->r + (first + i) * c,
                     s->sums + 2 * c * (ovp_idx)ovp_worker(ctx));
    return OVP_OK;
}

ovp_status ovp_kernel_residual(double *r, ovp_ctx *ctx, const ovp_kernel_symmetric *a, ovp_idx c, const double *b,
                               const double *x, int extended) {
    ovp_status status = OVP_OK;
    const ovp_idx n = a->n, threads = ovp_threads(ctx);
    residual s = {.a = a, .c = c, .b = b, .x = x, .r = r};
    double *halves = NULL;
    if (extended) {
        OVP_TRY(ovp_alloc(ctx, &s.strips, threads * STRIP * n, sizeof *s.strips));
        OVP_TRY(ovp_alloc(ctx, &halves, 2 * n * c, sizeof *halves));
        OVP_TRY(ovp_alloc(ctx, &s.sums, threads * 2 * c, sizeof *s.sums));
        for (ovp_idx i = 0; i < n * c; i++) split(x[i], &halves[i], &halves[n * c + i]);
        s.x_high = halves;
        s.x_low = halves + n * c;
    }
    const int blas = ovp_numeric_blas_begin();
    status = ovp_parallel(ctx, (n + STRIP - 1) / STRIP, residual_task, &s);
    ovp_numeric_blas_end(blas);
done:
    ovp_free(ctx, s.strips);
    ovp_free(ctx, s.sums);
    ovp_free(ctx, halves);
    return status;
}
