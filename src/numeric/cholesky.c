/* Cholesky's factorisation by all threads: right-looking over tiles of fixed size, each computed by one task from
 * shapes alone (LAPACK and BLAS on the diagonal, packed rows elsewhere), so that bits do not depend on the number
 * of threads. C order: the lower triangle of rows is LAPACK's upper triangle of columns. */
#include "numeric/blas_int.h"
#include "numeric/packed_int.h"

#include <limits.h>
#include <math.h>

extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info, size_t triangle_length);
extern void dlacn2_(const int *n, double *v, double *x, int *signs, double *estimate, int *wanted, int *saved);

/* Columns of a step; tiles a task updates at once; columns of b a task solves for; rows a task streams. */
enum { TILE = 256, RUN = 2, CHUNK = 64, STREAM = 32 };

typedef struct factor {
    double *a;
    ovp_idx n, at; /* at: the step's first column */
    ovp_idx minor;
    const ovp_numeric_packed *packed;
    double *left, *right; /* the step's columns of each tile below, packed either way, `room` numbers a tile */
    double *triangle;     /* the step's diagonal tile, packed left, and */
    double *inverses;     /* 1 / its diagonal */
    ovp_idx room[2];
} factor;

static ovp_idx tiles(ovp_idx n) {
    return (n + TILE - 1) / TILE;
}

static ovp_idx least(ovp_idx a, ovp_idx b) {
    return a < b ? a : b;
}

/* LAPACK's answer, or an earlier pivot that is not a number, which OpenBLAS's dpotrf lets pass. */
static ovp_idx first_bad(const double *a, ovp_idx ld, ovp_idx pivots, int info) {
    for (ovp_idx i = 0; i < pivots; i++)
        if (!(a[i * ld + i] > 0)) return i + 1;
    return info;
}

/* Factors the diagonal tile at k, on the calling thread. */
static void factor_diagonal(factor *f, ovp_idx k) {
    const int order = (int)least(TILE, f->n - k), ld = (int)f->n;
    double *a = f->a + k * f->n + k;
    int info = 0;
    const int threads = ovp_numeric_swap_omp_threads(1);
    dpotrf_("U", &order, a, &ld, &info, 1);
    if (threads != 1) ovp_numeric_swap_omp_threads(threads);
    const ovp_idx minor = first_bad(a, f->n, info > 0 ? info - 1 : order, info);
    if (minor) f->minor = k + minor;
    if (minor || k + order == f->n) return;
    f->packed->pack(f->packed->sliver[0], order, order, a, f->n, NULL, f->triangle);
    for (ovp_idx i = 0; i < order; i++) f->inverses[i] = 1 / a[i * f->n + i];
}

/* Rows of tile i below the step's diagonal tile: A_ik <- A_ik L_kk^-T; packed for the updates. */
static ovp_status panel_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    const factor *f = arg;
    const ovp_numeric_packed *packed = f->packed;
    const ovp_idx row = f->at + TILE + task * TILE, rows = least(TILE, f->n - row);
    double *a = f->a + row * f->n + f->at, *right = f->right + task * f->room[1];
    packed->pack(packed->sliver[1], rows, TILE, a, f->n, NULL, right);
    packed->solve(rows, TILE, f->triangle, f->inverses, right);
    packed->unpack(packed->sliver[1], rows, TILE, right, a, f->n);
    packed->pack(packed->sliver[0], rows, TILE, a, f->n, NULL, f->left + task * f->room[0]);
    return OVP_OK;
}

/* RUN tiles of row i, or those that are left up to the diagonal: A_ij <- A_ij - A_ik A_jk^T. The first is the next
 * step's diagonal tile, factored while others go on. */
static ovp_status update_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    factor *f = arg;
    ovp_idx i = 0, skipped = 0;
    while (task >= skipped + i / RUN + 1) skipped += i++ / RUN + 1;
    const ovp_idx start = f->at + TILE, row = start + i * TILE, rows = least(TILE, f->n - row);
    const ovp_idx first = (task - skipped) * RUN, end = least(first + RUN, i);
    double *a = f->a + row * f->n + start;
    for (ovp_idx j = first; j < end; j++)
        f->packed->product(rows, TILE, TILE, f->left + i * f->room[0], f->right + j * f->room[1], 1, a + j * TILE,
                           f->n);
    if (i < first + RUN) ovp_numeric_subtract_square(rows, TILE, f->a + row * f->n + f->at, f->n, a + i * TILE, f->n);
    if (task == 0) factor_diagonal(f, start);
    return OVP_OK;
}

static ovp_status check_order(ovp_ctx *ctx, ovp_idx n) {
    if (n >= 0 && n <= INT_MAX) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "Cholesky: order %lld; allowed 0..%d", (long long)n, INT_MAX);
}

ovp_status ovp_numeric_cholesky(ovp_idx *minor, ovp_ctx *ctx, ovp_idx n, double *a) {
    ovp_status status = check_order(ctx, n);
    *minor = 0;
    if (status != OVP_OK || n == 0) return status;
    const int blas = ovp_numeric_blas_begin();
    factor f = {.a = a, .n = n, .packed = ovp_numeric_packed_for(ctx, OVP_F64)};
    for (int side = 0; side < 2; side++) f.room[side] = ovp_numeric_packed_rows(f.packed->sliver[side], TILE) * TILE;
    OVP_TRY(ovp_alloc_unset(ctx, &f.left, tiles(n) * f.room[0], sizeof *f.left));
    OVP_TRY(ovp_alloc_unset(ctx, &f.right, tiles(n) * f.room[1], sizeof *f.right));
    OVP_TRY(ovp_alloc_unset(ctx, &f.triangle, f.room[0], sizeof *f.triangle));
    OVP_TRY(ovp_alloc_unset(ctx, &f.inverses, TILE, sizeof *f.inverses));
    factor_diagonal(&f, 0);
    for (; f.at + TILE < n && !f.minor; f.at += TILE) {
        const ovp_idx below = tiles(n - f.at - TILE);
        ovp_idx updates = 0;
        for (ovp_idx i = 0; i < below; i++) updates += i / RUN + 1;
        OVP_TRY(ovp_parallel(ctx, below, panel_task, &f));
        OVP_TRY(ovp_parallel(ctx, updates, update_task, &f));
    }
    *minor = f.minor;
done:
    ovp_free(ctx, f.left);
    ovp_free(ctx, f.right);
    ovp_free(ctx, f.triangle);
    ovp_free(ctx, f.inverses);
    ovp_numeric_blas_end(blas);
    return status;
}

typedef struct solve {
    const double *l;
    double *b;
    ovp_idx n, rhs, at, wide;
    int back; /* 0: L, 1: L^T */
} solve;

static ovp_status diagonal_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    const solve *s = arg;
    const ovp_idx col = task * CHUNK;
    ovp_numeric_solve_triangle(s->back, s->wide, least(CHUNK, s->rhs - col), s->l + s->at * s->n + s->at, s->n,
                               s->b + s->at * s->rhs + col, s->rhs);
    return OVP_OK;
}

/* Rows of tile `task` of those that are left: forth those below, b_i <- b_i - L_ik x_k; back those above, b_i <- b_i -
 * L_ki^T x_k. */
static ovp_status eliminate_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const solve *s = arg;
    const ovp_idx row = (s->back ? 0 : s->at + s->wide) + task * TILE;
    const ovp_idx rows = least(TILE, (s->back ? s->at : s->n) - row);
    const double *l = s->back ? s->l + s->at * s->n + row : s->l + row * s->n + s->at;
    ovp_numeric_subtract_product(ctx, s->back, rows, s->rhs, s->wide, l, s->n, s->b + s->at * s->rhs, s->rhs,
                                 s->b + row * s->rhs, s->rhs);
    return OVP_OK;
}

/* One column: L in whole rows forth and back, as fast as memory gives them. */
typedef struct stream {
    const double *l;
    double *x, *parts; /* parts: of each task, of the back substitution, `at` numbers */
    ovp_idx n, at, wide;
} stream;

/* Rows of the tile: x_i <- x_i - L_i. x, all that is known of x. */
static ovp_status forth_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    const stream *s = arg;
    const ovp_idx first = s->at + task * STREAM, rows = least(STREAM, s->at + s->wide - first);
    ovp_numeric_gemv(0, rows, s->at, -1, s->l + first * s->n, s->n, s->x, 1, s->x + first);
    return OVP_OK;
}

/* What these rows of the tile contribute to all x above: L_i.^T x_i. */
static ovp_status back_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    const stream *s = arg;
    const ovp_idx first = s->at + task * STREAM, rows = least(STREAM, s->at + s->wide - first);
    ovp_numeric_gemv(1, rows, s->at, 1, s->l + first * s->n, s->n, s->x + first, 0, s->parts + task * s->n);
    return OVP_OK;
}

static ovp_status solve_column(ovp_ctx *ctx, ovp_idx n, const double *l, double *x) {
    ovp_status status = OVP_OK;
    stream s = {.l = l, .x = x, .n = n};
    OVP_TRY(ovp_alloc(ctx, &s.parts, TILE / STREAM * n, sizeof *s.parts));
    for (ovp_idx step = 0; step < 2 * tiles(n); step++) {
        const int back = step >= tiles(n);
        s.at = (back ? 2 * tiles(n) - 1 - step : step) * TILE;
        s.wide = least(TILE, n - s.at);
        const ovp_idx tasks = s.at > 0 ? (s.wide + STREAM - 1) / STREAM : 0;
        if (!back) OVP_TRY(ovp_parallel(ctx, tasks, forth_task, &s));
        ovp_numeric_solve_triangle_vector(back, s.wide, l + s.at * n + s.at, n, x + s.at);
        if (back) OVP_TRY(ovp_parallel(ctx, tasks, back_task, &s));
        for (ovp_idx t = 0; back && t < tasks; t++)
            for (ovp_idx i = 0; i < s.at; i++) x[i] -= s.parts[t * n + i];
    }
done:
    ovp_free(ctx, s.parts);
    return status;
}

ovp_status ovp_numeric_cholesky_solve(ovp_ctx *ctx, ovp_idx n, const double *l, ovp_idx rhs, double *b) {
    ovp_status status = check_order(ctx, n);
    if (status == OVP_OK) status = check_order(ctx, rhs);
    if (status != OVP_OK || n == 0 || rhs == 0) return status;
    const int blas = ovp_numeric_blas_begin();
    const ovp_idx count = tiles(n);
    if (rhs == 1) {
        status = solve_column(ctx, n, l, b);
        goto done;
    }
    for (ovp_idx step = 0; step < 2 * count; step++) {
        const int back = step >= count;
        const ovp_idx k = back ? 2 * count - 1 - step : step, at = k * TILE;
        solve s = {l, b, n, rhs, at, least(TILE, n - at), back};
        OVP_TRY(ovp_parallel(ctx, (rhs + CHUNK - 1) / CHUNK, diagonal_task, &s));
        OVP_TRY(ovp_parallel(ctx, back ? k : count - 1 - k, eliminate_task, &s));
    }
done:
    ovp_numeric_blas_end(blas);
    return status;
}

/* LAPACK's estimator of a 1-norm (dpocon's too) asks for products with a^-1, which all threads give. */
ovp_status ovp_numeric_cholesky_condition(double *out, ovp_ctx *ctx, ovp_idx n, const double *l, double norm) {
    ovp_status status = OVP_OK;
    double *work = NULL, inverse = 0;
    int *signs = NULL, wanted = 0, saved[3] = {0}, finite = 1;
    const int order = (int)n;
    *out = 1;
    OVP_TRY(check_order(ctx, n));
    if (n == 0) return OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &work, 2 * n, sizeof *work));
    OVP_TRY(ovp_alloc(ctx, &signs, n, sizeof *signs));
    double *x = work + n;
    while (finite) {
        dlacn2_(&order, work, x, signs, &inverse, &wanted, saved);
        if (!wanted) break;
        OVP_TRY(ovp_numeric_cholesky_solve(ctx, n, l, 1, x));
        for (ovp_idx i = 0; i < n; i++) finite = finite && isfinite(x[i]);
    }
    *out = finite && isfinite(inverse * norm) ? inverse * norm : (double)INFINITY;
done:
    ovp_free(ctx, work);
    ovp_free(ctx, signs);
    return status;
}
