/* Cholesky's factorisation by all threads: right-looking over tiles of fixed size, each computed by one task from
 * shapes alone (LAPACK and BLAS on the diagonal, packed rows elsewhere), so that bits do not depend on the number
 * of threads. C order: the lower triangle of rows is LAPACK's upper triangle of columns. */
#include "numeric/blas_int.h"
#include "numeric/packed_int.h"

#include <limits.h>
#include <math.h>
#include <stdatomic.h>

extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info, size_t triangle_length);
extern void dlacn2_(const int *n, double *v, double *x, int *signs, double *estimate, int *wanted, int *saved);

/* Columns of a step; tiles a task updates at once, and tasks of them that stand before those which need the next
 * diagonal tile. */
enum { TILE = 256, RUN = 2, EARLY = 4 };

/* The step's columns of each tile below, packed either way. */
typedef struct panel {
    double *left, *right;
} panel;

typedef struct factor {
    double *a;
    ovp_idx n, at; /* at: the step's first column */
    ovp_idx minor;
    const ovp_numeric_packed *packed;
    panel now, next;
    ovp_idx room[2];  /* numbers a tile of a panel's left and right */
    double *triangle; /* the next diagonal tile, packed left, and */
    double *inverses; /* 1 / its diagonal */
    atomic_int ready; /* both are there, or `minor` is */
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

/* Rows of tile i below the diagonal tile at k: A_ik <- A_ik L_kk^-T, packed for the updates. */
static void solve_panel(const factor *f, ovp_idx k, ovp_idx i, const panel *out) {
    const ovp_numeric_packed *packed = f->packed;
    const ovp_idx row = k + (i + 1) * TILE, rows = least(TILE, f->n - row);
    double *a = f->a + row * f->n + k, *right = out->right + i * f->room[1];
    packed->pack(packed->sliver[1], rows, TILE, a, f->n, NULL, right);
    packed->solve(rows, TILE, f->triangle, f->inverses, right);
    packed->unpack(packed->sliver[1], rows, TILE, right, a, f->n);
    packed->pack(packed->sliver[0], rows, TILE, a, f->n, NULL, out->left + i * f->room[0]);
}

static ovp_status first_panel_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    const factor *f = arg;
    solve_panel(f, 0, task, &f->now);
    return OVP_OK;
}

/* Tiles first .. end - 1 of tile row i, both counted from behind the step's columns: A_ij <- A_ij - A_ik A_jk^T. */
static void update(const factor *f, ovp_idx i, ovp_idx first, ovp_idx end) {
    const ovp_idx start = f->at + TILE, row = start + i * TILE, rows = least(TILE, f->n - row);
    for (ovp_idx j = first; j < end; j++) {
        double *a = f->a + row * f->n + start + j * TILE;
        if (j == i)
            ovp_numeric_subtract_square(rows, TILE, f->a + row * f->n + f->at, f->n, a, f->n);
        else
            f->packed->product(rows, TILE, TILE, f->now.left + i * f->room[0], f->now.right + j * f->room[1], 1, a,
                               f->n);
    }
}

/* The next step's tile i >= 1 below its diagonal tile, for which it waits: that has a lower task. */
static ovp_status advance(factor *f, ovp_ctx *ctx, ovp_idx i) {
    ovp_status status = OVP_OK;
    update(f, i, 0, 1);
    while (status == OVP_OK && !atomic_load(&f->ready)) status = ovp_check(ctx);
    if (status == OVP_OK && !f->minor) solve_panel(f, f->at + TILE, i - 1, &f->next);
    return status;
}

/* In this order: the next diagonal tile, a few updates, the next panel, all other updates. */
static ovp_status step_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    factor *f = arg;
    const ovp_idx below = tiles(f->n - f->at - TILE);
    if (task == 0) {
        update(f, 0, 0, 1);
        factor_diagonal(f, f->at + TILE);
        atomic_store(&f->ready, 1);
        return OVP_OK;
    }
    if (task > EARLY && task < EARLY + below) return advance(f, ctx, task - EARLY);
    ovp_idx i = 1, skipped = 0;
    const ovp_idx run = task <= EARLY ? task - 1 : task - below;
    while (i < below && run >= skipped + (i + RUN - 1) / RUN) skipped += (i++ + RUN - 1) / RUN;
    const ovp_idx first = 1 + (run - skipped) * RUN;
    if (i < below) update(f, i, first, least(first + RUN, i + 1));
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
    const ovp_idx below = tiles(n) - 1;
    OVP_TRY(ovp_alloc_unset(ctx, &f.now.left, below * f.room[0], sizeof *f.now.left));
    OVP_TRY(ovp_alloc_unset(ctx, &f.now.right, below * f.room[1], sizeof *f.now.right));
    OVP_TRY(ovp_alloc_unset(ctx, &f.next.left, below * f.room[0], sizeof *f.next.left));
    OVP_TRY(ovp_alloc_unset(ctx, &f.next.right, below * f.room[1], sizeof *f.next.right));
    OVP_TRY(ovp_alloc_unset(ctx, &f.triangle, f.room[0], sizeof *f.triangle));
    OVP_TRY(ovp_alloc_unset(ctx, &f.inverses, TILE, sizeof *f.inverses));
    factor_diagonal(&f, 0);
    if (!f.minor) OVP_TRY(ovp_parallel(ctx, below, first_panel_task, &f));
    for (; f.at + TILE < n && !f.minor; f.at += TILE) {
        const ovp_idx rows = tiles(n - f.at - TILE);
        ovp_idx updates = 0;
        for (ovp_idx i = 1; i < rows; i++) updates += (i + RUN - 1) / RUN;
        atomic_store(&f.ready, 0);
        OVP_TRY(ovp_parallel(ctx, rows > 1 ? rows + (updates > EARLY ? updates : EARLY) : 1, step_task, &f));
        const panel done = f.now;
        f.now = f.next;
        f.next = done;
    }
    *minor = f.minor;
done:
    ovp_free(ctx, f.now.left);
    ovp_free(ctx, f.now.right);
    ovp_free(ctx, f.next.left);
    ovp_free(ctx, f.next.right);
    ovp_free(ctx, f.triangle);
    ovp_free(ctx, f.inverses);
    ovp_numeric_blas_end(blas);
    return status;
}

int64_t ovp_numeric_cholesky_memory(ovp_idx n) {
    enum { PADDING = 16 }; /* of the last sliver, at any processor level */
    const ovp_idx rows = TILE + PADDING;
    return (4 * tiles(n) * rows + rows + 1) * TILE * (int64_t)sizeof(double);
}

/* ---- triangular solutions ---- */

/* Rows of a step, so many that threads seldom wait for one another; rows below that a task reads whole, columns above
 * that it reads through the step's rows; columns of b a task solves for. */
enum { STEP = 512, STREAM = 64, ABOVE = 512, CHUNK = 64 };

typedef struct solve {
    const double *l;
    double *b;
    ovp_idx n, rhs, at, wide; /* the step's first row and its rows */
    int back;                 /* 0: L, 1: L^T */
} solve;

/* The step's triangle, TILE rows at a time, for columns of b. */
static ovp_status triangle_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const solve *s = arg;
    const ovp_idx col = task * CHUNK, cols = least(CHUNK, s->rhs - col), count = tiles(s->wide);
    for (ovp_idx t = 0; t < count; t++) {
        const ovp_idx at = (s->back ? count - 1 - t : t) * TILE, rows = least(TILE, s->wide - at);
        const double *l = s->l + (s->at + at) * s->n + s->at; /* the tile's rows, from the step's first column on */
        double *first = s->b + s->at * s->rhs + col, *own = first + at * s->rhs;
        if (!s->back) ovp_numeric_subtract_product(ctx, 0, rows, cols, at, l, s->n, first, s->rhs, own, s->rhs);
        ovp_numeric_solve_triangle(s->back, rows, cols, l + at, s->n, own, s->rhs);
        if (s->back) ovp_numeric_subtract_product(ctx, 1, at, cols, rows, l, s->n, own, s->rhs, first, s->rhs);
    }
    return OVP_OK;
}

/* Forth: of the step's rows, all that is known of x. */
static ovp_status forth_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const solve *s = arg;
    const ovp_idx row = s->at + task * STREAM, rows = least(STREAM, s->at + s->wide - row);
    ovp_numeric_subtract_product(ctx, 0, rows, s->rhs, s->at, s->l + row * s->n, s->n, s->b, s->rhs,
                                 s->b + row * s->rhs, s->rhs);
    return OVP_OK;
}

/* Back: of rows above, the step's part of x. */
static ovp_status back_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const solve *s = arg;
    const ovp_idx row = task * ABOVE, rows = least(ABOVE, s->at - row);
    ovp_numeric_subtract_product(ctx, 1, rows, s->rhs, s->wide, s->l + s->at * s->n + row, s->n, s->b + s->at * s->rhs,
                                 s->rhs, s->b + row * s->rhs, s->rhs);
    return OVP_OK;
}

ovp_status ovp_numeric_cholesky_solve(ovp_ctx *ctx, ovp_idx n, const double *l, ovp_idx rhs, double *b) {
    ovp_status status = check_order(ctx, n);
    if (status == OVP_OK) status = check_order(ctx, rhs);
    if (status != OVP_OK || n == 0 || rhs == 0) return status;
    const int blas = ovp_numeric_blas_begin();
    const ovp_idx steps = (n + STEP - 1) / STEP, chunks = (rhs + CHUNK - 1) / CHUNK;
    for (ovp_idx k = 0; k < 2 * steps; k++) {
        const int back = k >= steps;
        const ovp_idx at = (back ? 2 * steps - 1 - k : k) * STEP;
        solve s = {l, b, n, rhs, at, least(STEP, n - at), back};
        if (!back && at > 0) OVP_TRY(ovp_parallel(ctx, (s.wide + STREAM - 1) / STREAM, forth_task, &s));
        OVP_TRY(ovp_parallel(ctx, chunks, triangle_task, &s));
        if (back && at > 0) OVP_TRY(ovp_parallel(ctx, (at + ABOVE - 1) / ABOVE, back_task, &s));
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
