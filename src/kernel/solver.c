/* (K + lambda I) X = B by Cholesky with iterative refinement, with a small addition to the diagonal, or by eigenvalues.
 * One n x n array holds both the matrix (above its diagonal, which is kept apart) and the factor (below). */
#include "kernel/solve_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const char who[] = "kernel solver";

enum { TILE = 64, MOST_REFINEMENTS = 12 };
#define ILL_CONDITIONED 1e5 /* from here on residuals are computed in twice the precision */
#define SINGULAR (.01 / DBL_EPSILON)
#define ASYMMETRY 1e-5 /* what arrays rounded to f32 on their way may differ by */

struct ovp_kernel_solver {
    ovp_ctx *ctx; /* for memory alone */
    ovp_idx n;
    int unrefined;
    double *a, *diagonal;     /* diagonal: of K + lambda I */
    double *values, *vectors; /* "eigen" alone: ascending; rows are vectors; 1 / value of those kept, else 0 */
    ovp_kernel_solver_report report;
};

static ovp_idx tiles(ovp_idx n) {
    return (n + TILE - 1) / TILE;
}

/* ---- taking the matrix over ---- */

typedef struct intake {
    const double *k;
    ovp_kernel_solver *s;
    double jitter, *sums; /* sums: of |row i|, of the matrix with its diagonal */
    char *bad; /* of a tile's rows: an entry may not be finite, or not that on the other side of the diagonal */
} intake;

static double larger(double a, double b) {
    return a > b ? a : b;
}

/* |p - q| <= ASYMMETRY of the largest of p, q and the diagonal's entries d, all finite */
static int agree(double p, double q, double d_i, double d_j) {
    const double scale = larger(larger(fabs(p), fabs(q)), larger(fabs(d_i), fabs(d_j)));
    return (fabs(p - q) <= ASYMMETRY * scale) & (scale <= DBL_MAX);
}

/* Rows `first` .. of tile `tile` .. of columns, and the opposite tile, turned. */
typedef struct piece {
    ovp_idx first, rows, tile, cols;
    double turned[TILE][TILE];
} piece;

/* The mean of k_ij and k_ji. Whether all agree, as far as the columns' diagonal alone can tell. */
static int intake_piece(const intake *in, piece *p, double *sums) {
    enum { LINE = 64 / sizeof(double) };
    const ovp_idx n = in->s->n, next = p->tile + TILE < n ? p->tile + TILE : p->tile;
    double within[TILE], apart[TILE] = {0}, pairs_apart = 0;
    for (ovp_idx j = 0; j < p->cols; j++) {
        const double *row = in->k + (p->tile + j) * n;
        within[j] = ASYMMETRY * fabs(row[p->tile + j]);
        for (ovp_idx i = 0; i < p->rows; i++) p->turned[i][j] = row[p->first + i];
    }
    for (ovp_idx i = 0; i < p->rows; i++) {
        const double *row = in->k + (p->first + i) * n + p->tile, *other = p->turned[i];
        double *to = in->s->a + (p->first + i) * n + p->tile, lane[LINE] = {0};
        for (ovp_idx j = 0; j < p->cols; j += LINE) /* too far apart for the processor to guess */
            __builtin_prefetch(in->k + ovp_kernel_least(next + i, n - 1) * n + ovp_kernel_least(p->first + j, n - 1));
        for (ovp_idx j = 0; j < p->cols; j++) {
            apart[j] += fabs(row[j] - other[j]) <= within[j] ? 0. : 1.;
            to[j] = .5 * row[j] + .5 * other[j];
        }
        for (ovp_idx j = 0; j < p->cols; j += LINE)
            for (ovp_idx l = 0; l < LINE && j + l < p->cols; l++) lane[l] += fabs(to[j + l]);
        for (int l = 0; l < LINE; l++) sums[i] += lane[l];
    }
    for (ovp_idx j = 0; j < p->cols; j++) pairs_apart += apart[j];
    return pairs_apart == 0;
}

/* Rows of a tile, both sides of the diagonal, and on it the diagonal plus lambda. */
static ovp_status intake_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    const intake *in = arg;
    const ovp_idx n = in->s->n;
    double sums[TILE] = {0};
    piece p;
    p.first = task * TILE;
    p.rows = ovp_kernel_least(TILE, n - p.first);
    for (p.tile = 0; p.tile < n; p.tile += TILE) {
        p.cols = ovp_kernel_least(TILE, n - p.tile);
        if (!intake_piece(in, &p, sums)) in->bad[task] = 1;
    }
    for (ovp_idx i = p.first; i < p.first + p.rows; i++) {
        const double diagonal = in->s->diagonal[i];
        in->sums[i] = sums[i - p.first] - fabs(in->k[i * (n + 1)]) + fabs(diagonal);
        in->s->a[i * (n + 1)] = diagonal;
    }
    return OVP_OK;
}

static double largest(ovp_idx n, const double *values) {
    double most = 0;
    for (ovp_idx i = 0; i < n; i++) most = fmax(most, values[i]);
    return most;
}

/* Names the first entry that is not finite, or not symmetric, if there is one. */
static ovp_status check_matrix(ovp_ctx *ctx, ovp_idx n, const double *k) {
    const ovp_status status = ovp_kernel_check_finite(ctx, who, OVP_F64, n, n, k);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx j = i + 1; j < n; j++) {
            const double p = k[i * n + j], q = k[j * n + i];
            if (!agree(p, q, k[i * n + i], k[j * n + j]))
                return ovp_fail(ctx, OVP_EINVAL, "%s: not symmetric: entry [%lld, %lld] is %.9g, [%lld, %lld] is %.9g",
                                who, (long long)i, (long long)j, p, (long long)j, (long long)i, q);
        }
    return OVP_OK;
}

/* Below the diagonal and on it: the matrix again, plus the jitter. */
static ovp_status mirror_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    const intake *in = arg;
    const ovp_idx n = in->s->n, first = task * TILE, end = ovp_kernel_least(first + TILE, n);
    double *a = in->s->a;
    for (ovp_idx tile = 0; tile < end; tile += TILE)
        for (ovp_idx i = first; i < end; i++)
            for (ovp_idx j = tile; j < ovp_kernel_least(tile + TILE, i); j++) a[i * n + j] = a[j * n + i];
    for (ovp_idx i = first; i < end; i++) {
        a[i * n + i] = in->s->diagonal[i] + in->jitter;
        in->sums[i] = 0;
        for (ovp_idx j = 0; j < n; j++) in->sums[i] += fabs(a[i * n + j]);
    }
    return OVP_OK;
}

/* *norm: the 1-norm of what is then in the array. */
static ovp_status restore(ovp_kernel_solver *s, ovp_ctx *ctx, double jitter, double *norm) {
    ovp_status status = OVP_OK;
    intake in = {.s = s, .jitter = jitter};
    OVP_TRY(ovp_alloc(ctx, &in.sums, s->n, sizeof *in.sums));
    OVP_TRY(ovp_parallel(ctx, tiles(s->n), mirror_task, &in));
    *norm = largest(s->n, in.sums);
done:
    ovp_free(ctx, in.sums);
    return status;
}

/* *norm as of restore without jitter, of which this does the work too. */
static ovp_status take_over(ovp_kernel_solver *s, ovp_ctx *ctx, const double *k,
                            const ovp_kernel_solver_options *options, double *norm) {
    ovp_status status = OVP_OK;
    const ovp_idx n = s->n;
    intake in = {.k = k, .s = s};
    double trace = 0;
    for (ovp_idx i = 0; i < n; i++) trace += k[i * n + i];
    if (!isfinite(trace)) OVP_TRY(ovp_kernel_check_finite(ctx, who, OVP_F64, n, n, k));
    OVP_TRY(ovp_kernel_ridge(&s->report.lambda, ctx, who, options ? options->ridge : 0,
                             options ? options->ridge_scale : NULL, trace, n));
    OVP_TRY(ovp_alloc_unset(ctx, &s->a, n * n, sizeof *s->a));
    OVP_TRY(ovp_alloc(ctx, &s->diagonal, n, sizeof *s->diagonal));
    OVP_TRY(ovp_alloc(ctx, &in.sums, n, sizeof *in.sums));
    OVP_TRY(ovp_alloc(ctx, &in.bad, tiles(n), 1));
    for (ovp_idx i = 0; i < n; i++) s->diagonal[i] = k[i * n + i] + s->report.lambda;
    OVP_TRY(ovp_parallel(ctx, tiles(n), intake_task, &in));
    if (memchr(in.bad, 1, (size_t)tiles(n))) OVP_TRY(check_matrix(ctx, n, k));
    *norm = largest(n, in.sums);
done:
    ovp_free(ctx, in.sums);
    ovp_free(ctx, in.bad);
    return status;
}

/* ---- factorisations ---- */

/* The array holds the matrix with its jitter, of 1-norm `norm`. */
static ovp_status factor(ovp_kernel_solver *s, ovp_ctx *ctx, double jitter, double norm, int *worked) {
    ovp_status status = OVP_OK;
    ovp_idx minor = 0;
    OVP_TRY(ovp_numeric_cholesky(&minor, ctx, s->n, s->a));
    *worked = minor == 0 && isfinite(norm);
    if (!*worked) goto done;
    OVP_TRY(ovp_numeric_cholesky_condition(&s->report.condition, ctx, s->n, s->a, norm));
    s->report.method = jitter > 0 ? "cholesky-jitter" : "cholesky";
    s->report.jitter = jitter;
done:
    return status;
}

/* Two points whose features are equal to rounding: |phi_i - phi_j|^2 = k_ii - 2 k_ij + k_jj. Without a ridge no solver
 * can tell their targets apart. */
static ovp_status refuse_duplicates(const ovp_kernel_solver *s, ovp_ctx *ctx) {
    for (ovp_idx i = 0; i < s->n; i++)
        for (ovp_idx j = i + 1; j < s->n; j++) {
            const double p = s->diagonal[i], q = s->diagonal[j], cross = s->a[i * s->n + j];
            if (fabs((p - cross) + (q - cross)) <= 4 * DBL_EPSILON * (fabs(p) + fabs(q)) &&
                fabs(p - q) <= 4 * DBL_EPSILON * (fabs(p) + fabs(q)))
                return ovp_fail(ctx, OVP_ENUMERIC,
                                "%s: singular: rows %lld and %lld of the kernel matrix are those of equal points, and "
                                "the ridge is 0; drop one of the points or give a ridge above 0",
                                who, (long long)i, (long long)j);
        }
    return OVP_OK;
}

/* The least jitter of those that rounding of the matrix's eigenvalues (about n eps tr / n) can ask for. */
static ovp_status factor_with_jitter(ovp_kernel_solver *s, ovp_ctx *ctx, int *worked) {
    ovp_status status = OVP_OK;
    const double n = (double)s->n;
    double trace = 0;
    for (ovp_idx i = 0; i < s->n; i++) trace += s->diagonal[i];
    *worked = 0;
    for (double factor_of = 1; trace > 0 && factor_of <= 10 * n && !*worked; factor_of *= 10) {
        const double jitter = factor_of * DBL_EPSILON * (trace / n);
        double norm;
        OVP_TRY(restore(s, ctx, jitter, &norm));
        OVP_TRY(factor(s, ctx, jitter, norm, worked));
    }
done:
    return status;
}

static ovp_status decompose(ovp_kernel_solver *s, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const ovp_idx n = s->n;
    double norm, most = 0, lowest = 0;
    OVP_TRY(restore(s, ctx, 0, &norm));
    OVP_TRY(ovp_alloc(ctx, &s->values, n, sizeof *s->values));
    OVP_TRY(ovp_alloc(ctx, &s->vectors, n * n, sizeof *s->vectors));
    OVP_TRY(ovp_numeric_eigh(s->values, s->vectors, ctx, n, s->a));
    for (ovp_idx i = 0; i < n; i++) most = fmax(most, fabs(s->values[i]));
    for (ovp_idx i = n - 1; i >= 0; i--) {
        const int kept = s->values[i] > (double)n * DBL_EPSILON * most;
        if (kept) lowest = s->values[i];
        s->report.dropped += !kept;
        s->values[i] = kept ? 1 / s->values[i] : 0;
    }
    if (s->report.dropped == n || !isfinite(1 / lowest)) {
        status = ovp_fail(ctx, OVP_ENUMERIC,
                          "%s: no eigenvalue of the matrix is positive (largest in size %.3g, ridge %.3g): it is no "
                          "kernel matrix",
                          who, most, s->report.lambda);
        goto done;
    }
    s->report.method = "eigen";
    s->report.condition = most / lowest;
done:
    return status;
}

ovp_status ovp_kernel_solver_create(ovp_kernel_solver **out, ovp_ctx *ctx, ovp_idx n, const double *k,
                                    const ovp_kernel_solver_options *options) {
    ovp_status status = OVP_OK;
    ovp_kernel_solver *s = NULL;
    double norm;
    int worked = 0;
    *out = NULL;
    if (n < 1) return ovp_fail(ctx, OVP_EINVAL, "%s: %lld rows; 1 or more expected", who, (long long)n);
    OVP_TRY(ovp_alloc(ctx, &s, 1, sizeof *s));
    s->ctx = ctx;
    s->n = n;
    OVP_TRY(take_over(s, ctx, k, options, &norm));
    OVP_TRY(factor(s, ctx, 0, norm, &worked));
    if (s->report.lambda == 0 && (!worked || s->report.condition >= SINGULAR)) OVP_TRY(refuse_duplicates(s, ctx));
    if (!worked) OVP_TRY(factor_with_jitter(s, ctx, &worked));
    if (!worked) OVP_TRY(decompose(s, ctx));
    *out = s;
    s = NULL;
done:
    ovp_kernel_solver_free(s);
    return status;
}

void ovp_kernel_solver_free(ovp_kernel_solver *solver) {
    if (!solver) return;
    ovp_free(solver->ctx, solver->a);
    ovp_free(solver->ctx, solver->diagonal);
    ovp_free(solver->ctx, solver->values);
    ovp_free(solver->ctx, solver->vectors);
    ovp_free(solver->ctx, solver);
}

void ovp_kernel_solver_set_refinement(ovp_kernel_solver *solver, int on) {
    solver->unrefined = !on;
}

const ovp_kernel_solver_report *ovp_kernel_solver_get_report(const ovp_kernel_solver *solver) {
    return &solver->report;
}

/* ---- solving ---- */

/* x (n x c) <- (factored matrix)^-1 x; scratch n x c, "eigen" alone. */
static ovp_status apply_inverse(const ovp_kernel_solver *s, ovp_ctx *ctx, ovp_idx c, double *x, double *scratch) {
    const ovp_idx n = s->n;
    if (!s->vectors) return ovp_numeric_cholesky_solve(ctx, n, s->a, c, x);
    ovp_status status = ovp_kernel_product(ctx, OVP_F64, 0, n, c, n, 1, s->vectors, n, x, c, 0, scratch, c);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < n * c; i++) scratch[i] *= s->values[i / c];
    return ovp_kernel_product(ctx, OVP_F64, 1, n, c, n, 1, s->vectors, n, scratch, c, 0, x, c);
}

static double column_norm(ovp_idx n, ovp_idx c, const double *x, ovp_idx j) {
    double norm = 0;
    for (ovp_idx i = 0; i < n; i++) norm = fmax(norm, fabs(x[i * c + j]));
    return norm;
}

typedef struct refinement {
    ovp_idx c;
    const double *b;
    double *x, *r, *previous; /* previous: of each column, the size of its last correction, -1: column is done */
} refinement;

/* Largest |r|_max / |b|_max over the columns (0 / 0: 0); INFINITY if one is not a number. */
static double relative_residual(ovp_idx n, const refinement *f) {
    double worst = 0;
    for (ovp_idx j = 0; j < f->c; j++) {
        const double r = column_norm(n, f->c, f->r, j), b = column_norm(n, f->c, f->b, j);
        double sum = 0;
        for (ovp_idx i = 0; i < n; i++) sum += f->r[i * f->c + j];
        if (!isfinite(sum)) return (double)INFINITY;
        if (r > 0) worst = fmax(worst, r / b);
    }
    return worst;
}

/* Adds the corrections in r to the columns that still gain by them; how many will gain again. A column is done when its
 * next correction, by how fast they shrink, is lost in rounding, or when this one is no longer half of the last. */
static ovp_idx correct(ovp_idx n, refinement *f) {
    ovp_idx left = 0;
    for (ovp_idx j = 0; j < f->c; j++) {
        const double size = column_norm(n, f->c, f->r, j), x = column_norm(n, f->c, f->x, j), last = f->previous[j];
        const int helps = isfinite(size) && last >= 0 && size > 0 && !(size > .5 * last);
        const double next = size * (size / (isfinite(last) ? last : x));
        f->previous[j] = helps && next > .01 * DBL_EPSILON * x ? size : -1;
        for (ovp_idx i = 0; helps && i < n; i++) f->x[i * f->c + j] += f->r[i * f->c + j];
        left += f->previous[j] >= 0;
    }
    return left;
}

static ovp_status refine(ovp_kernel_solver *s, ovp_ctx *ctx, refinement *f) {
    ovp_status status = OVP_OK;
    const ovp_kernel_symmetric a = {s->n, s->a, s->diagonal};
    const int once = s->unrefined && !(s->report.jitter > 0);
    const int extended = !once && !(s->report.condition < ILL_CONDITIONED);
    for (ovp_idx j = 0; j < f->c; j++) f->previous[j] = (double)INFINITY;
    s->report.refinements = 0;
    for (int more = !s->vectors && !once;;) {
        OVP_TRY(ovp_kernel_residual(f->r, ctx, &a, f->c, f->b, f->x, extended));
        s->report.residual = relative_residual(s->n, f);
        if (!more) break;
        OVP_TRY(apply_inverse(s, ctx, f->c, f->r, NULL));
        more = correct(s->n, f) > 0;
        if (++s->report.refinements == MOST_REFINEMENTS) more = 0;
    }
done:
    return status;
}

ovp_status ovp_kernel_solve(ovp_kernel_solver *solver, ovp_ctx *ctx, ovp_idx c, const double *b, double *x) {
    ovp_status status = OVP_OK;
    const ovp_idx n = solver->n;
    double *block = NULL;
    if (c < 1) return ovp_fail(ctx, OVP_EINVAL, "%s: %lld columns; 1 or more expected", who, (long long)c);
    OVP_TRY(ovp_kernel_check_finite(ctx, "right-hand side", OVP_F64, n, c, b));
    OVP_TRY(ovp_alloc(ctx, &block, c * (3 * n + 1), sizeof *block));
    refinement f = {c, block, block + n * c, block + 2 * n * c, block + 3 * n * c};
    memcpy(block, b, (size_t)(n * c) * sizeof *block);
    memcpy(f.x, b, (size_t)(n * c) * sizeof *block);
    OVP_TRY(apply_inverse(solver, ctx, c, f.x, f.r));
    OVP_TRY(refine(solver, ctx, &f));
    for (ovp_idx i = 0; i < n * c; i++) {
        if (isfinite(f.x[i])) continue;
        status = ovp_fail(ctx, OVP_ENUMERIC,
                          "%s: the solution overflows at [%lld, %lld]; the condition is %.3g, give a "
                          "larger ridge",
                          who, (long long)(i / c), (long long)(i % c), solver->report.condition);
        goto done;
    }
    memcpy(x, f.x, (size_t)(n * c) * sizeof *x);
done:
    ovp_free(ctx, block);
    return status;
}
