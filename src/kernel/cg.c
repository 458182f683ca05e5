/* Conjugate gradients on (K + lambda I) W = Y, all columns side by side, each with its own coefficients. */
#include "kernel/solve_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const char who[] = "conjugate gradients";

/* Vectors n x c in the problem's type; sums over them in f64, in the order of rows. */
typedef struct cg {
    ovp_kernel_source source;
    ovp_kernel_nystrom top;
    ovp_numeric_type type;
    ovp_idx n, c, flat;
    double lambda, tolerance;
    void *w;
    const void *y;
    void *r, *z, *p, *q;
    void *u, *scaled;         /* n x flat: u_i, and those times 1 - (..)^alpha */
    void *coordinates;        /* flat x c */
    double *rho, *size, *dot; /* c: r . z, |y|, the sums at hand */
    int *active;              /* c */
} cg;

static double load(ovp_numeric_type type, const void *values, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

static void store(ovp_numeric_type type, void *out, ovp_idx i, double value) {
    if (type == OVP_F32)
        ((float *)out)[i] = (float)value;
    else
        ((double *)out)[i] = value;
}

/* out[j] = a_j . b_j */
static void dots(const cg *s, const void *a, const void *b, double *out) {
    for (ovp_idx j = 0; j < s->c; j++) out[j] = 0;
    for (ovp_idx i = 0; i < s->n; i++)
        for (ovp_idx j = 0; j < s->c; j++) out[j] += load(s->type, a, i * s->c + j) * load(s->type, b, i * s->c + j);
}

/* y_j = keep y_j + factor[j] x_j in the columns still active. */
static void combine(const cg *s, double keep, const double *factor, double sign, const void *x, void *y) {
    for (ovp_idx i = 0; i < s->n; i++)
        for (ovp_idx j = 0; j < s->c; j++) {
            if (!s->active[j]) continue;
            const ovp_idx k = i * s->c + j;
            store(s->type, y, k, keep * load(s->type, y, k) + sign * factor[j] * load(s->type, x, k));
        }
}

/* out = (K + lambda I) x */
static ovp_status multiply(const cg *s, ovp_ctx *ctx, const void *x, void *out) {
    const ovp_kernel_pass pass = {.count = s->n, .c = s->c, .w = x, .out = out};
    const ovp_status status = ovp_kernel_source_pass(&s->source, ctx, &pass);
    if (status != OVP_OK || s->lambda == 0) return status;
    for (ovp_idx i = 0; i < s->n * s->c; i++)
        store(s->type, out, i, load(s->type, out, i) + s->lambda * load(s->type, x, i));
    return OVP_OK;
}

/* z = P r */
static ovp_status precondition(const cg *s, ovp_ctx *ctx) {
    memcpy(s->z, s->r, (size_t)(s->n * s->c) * ovp_numeric_type_size(s->type));
    if (s->flat == 0) return OVP_OK;
    const ovp_status status =
        ovp_kernel_product(ctx, s->type, 1, s->flat, s->c, s->n, 1, s->u, s->flat, s->r, s->c, 0, s->coordinates, s->c);
    if (status != OVP_OK) return status;
    return ovp_kernel_product(ctx, s->type, 0, s->n, s->c, s->flat, -1, s->scaled, s->flat, s->coordinates, s->c, 1,
                              s->z, s->c);
}

/* ---- preconditioner ---- */

/* u (n x q) and s descending = left singular vectors and values of K_XS E (s Lambda)^(-1/2), E of unit vectors: the
 * eigenvectors of the Nystroem approximation and the roots of its eigenvalues. */
static ovp_status nystrom_basis(const cg *s, ovp_ctx *ctx, double *values, double *u) {
    ovp_status status = OVP_OK;
    const ovp_idx n = s->n, q = s->top.q, size = s->top.s;
    void *weights = NULL, *features = NULL;
    double *wide = NULL, *vt = NULL;
    const size_t each = ovp_numeric_type_size(s->type);
    OVP_TRY(ovp_alloc(ctx, &weights, n * q, each));
    OVP_TRY(ovp_alloc(ctx, &features, n * q, each));
    OVP_TRY(ovp_alloc(ctx, &wide, n * q, sizeof *wide));
    OVP_TRY(ovp_alloc(ctx, &vt, q * q, sizeof *vt));
    for (ovp_idx i = 0; i < q; i++)
        for (ovp_idx j = 0; j < size; j++)
            store(s->type, weights, s->top.ids[j] * q + i,
                  s->top.vectors[i * size + j] / sqrt(s->top.values[i] * (double)size));
    const ovp_kernel_pass pass = {.count = n, .c = q, .w = weights, .out = features};
    OVP_TRY(ovp_kernel_source_pass(&s->source, ctx, &pass));
    for (ovp_idx i = 0; i < n * q; i++) wide[i] = load(s->type, features, i);
    status = ovp_numeric_svd(values, u, vt, ctx, n, q, wide);
done:
    ovp_free(ctx, weights);
    ovp_free(ctx, features);
    ovp_free(ctx, wide);
    ovp_free(ctx, vt);
    return status;
}

static ovp_status make_preconditioner(cg *s, ovp_ctx *ctx, const ovp_kernel_cg_options *o, double alpha) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *own = NULL;
    double *values = NULL, *u = NULL;
    if (!o->rng) OVP_TRY(ovp_numeric_rng_create(&own, ctx, OVP_RNG_PHILOX, o->seed, OVP_PURPOSE_BATCH, 0));
    const ovp_kernel_nystrom_options options = {o->subsample, o->top_q, s->n, alpha, o->rng ? o->rng : own};
    OVP_TRY(ovp_kernel_nystrom_make(&s->top, ctx, who, &s->source, &options));
    const ovp_idx q = s->top.q;
    s->flat = q - 1;
    OVP_TRY(ovp_alloc(ctx, &values, q, sizeof *values));
    OVP_TRY(ovp_alloc(ctx, &u, s->n * q, sizeof *u));
    OVP_TRY(ovp_alloc(ctx, &s->u, s->n * s->flat, ovp_numeric_type_size(s->type)));
    OVP_TRY(ovp_alloc(ctx, &s->scaled, s->n * s->flat, ovp_numeric_type_size(s->type)));
    OVP_TRY(ovp_alloc(ctx, &s->coordinates, s->flat * s->c, ovp_numeric_type_size(s->type)));
    OVP_TRY(nystrom_basis(s, ctx, values, u));
    for (ovp_idx j = 0; j < s->flat; j++) {
        const double tail = values[q - 1] * values[q - 1] + s->lambda, own_value = values[j] * values[j] + s->lambda;
        const double share = 1 - pow(tail / own_value, alpha);
        for (ovp_idx i = 0; i < s->n; i++) {
            store(s->type, s->u, i * s->flat + j, u[i * q + j]);
            store(s->type, s->scaled, i * s->flat + j, share * u[i * q + j]);
        }
    }
done:
    ovp_numeric_rng_free(own);
    ovp_free(ctx, values);
    ovp_free(ctx, u);
    return status;
}

/* ---- iteration ---- */

/* Columns whose residual is small enough are done; how many are not. */
static ovp_idx test(cg *s) {
    ovp_idx left = 0;
    dots(s, s->r, s->r, s->dot);
    for (ovp_idx j = 0; j < s->c; j++) {
        s->active[j] = s->active[j] && sqrt(s->dot[j]) > s->tolerance * s->size[j];
        left += s->active[j];
    }
    return left;
}

/* Sums of squares that overflow or vanish would make any W look like a solution. */
static ovp_status check_size(const cg *s, ovp_ctx *ctx, ovp_idx column) {
    double most = 0;
    for (ovp_idx i = 0; i < s->n; i++) most = fmax(most, fabs(load(s->type, s->y, i * s->c + column)));
    if (isfinite(s->size[column]) && (s->size[column] >= DBL_MIN || most == 0)) return OVP_OK;
    return ovp_fail(
        ctx, OVP_EINVAL,
        "%s: targets of column %lld are up to %g: their squares leave the range of numbers; scale them by a "
        "constant",
        who, (long long)column, most);
}

static ovp_status start(cg *s, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const size_t bytes = (size_t)(s->n * s->c) * ovp_numeric_type_size(s->type);
    memset(s->w, 0, bytes);
    memcpy(s->r, s->y, bytes);
    dots(s, s->y, s->y, s->size);
    for (ovp_idx j = 0; j < s->c; j++) {
        OVP_TRY(check_size(s, ctx, j));
        s->size[j] = sqrt(s->size[j]);
        s->active[j] = 1;
    }
    OVP_TRY(precondition(s, ctx));
    memcpy(s->p, s->z, bytes);
    dots(s, s->r, s->z, s->rho);
done:
    return status;
}

static ovp_status step(cg *s, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    OVP_TRY(multiply(s, ctx, s->p, s->q));
    dots(s, s->p, s->q, s->dot);
    for (ovp_idx j = 0; j < s->c; j++) {
        if (s->active[j] && !(s->dot[j] > 0 && isfinite(s->dot[j]))) {
            status =
                ovp_fail(ctx, OVP_ENUMERIC,
                         "%s: the matrix is not positive definite to rounding (p^T K p = %g); give a ridge, or use "
                         "the direct solver",
                         who, s->dot[j]);
            goto done;
        }
        s->dot[j] = s->active[j] ? s->rho[j] / s->dot[j] : 0;
    }
    combine(s, 1, s->dot, 1, s->p, s->w);
    combine(s, 1, s->dot, -1, s->q, s->r);
    OVP_TRY(precondition(s, ctx));
    dots(s, s->r, s->z, s->dot);
    for (ovp_idx j = 0; j < s->c; j++) {
        const double beta = s->active[j] ? s->dot[j] / s->rho[j] : 0;
        s->rho[j] = s->dot[j];
        s->dot[j] = beta;
    }
    for (ovp_idx i = 0; i < s->n * s->c; i++)
        store(s->type, s->p, i, load(s->type, s->z, i) + s->dot[i % s->c] * load(s->type, s->p, i));
done:
    return status;
}

/* The largest true relative residual; q is overwritten. */
static ovp_status true_residual(cg *s, ovp_ctx *ctx, double *out) {
    const ovp_status status = multiply(s, ctx, s->w, s->q);
    if (status != OVP_OK) return status;
    *out = 0;
    for (ovp_idx j = 0; j < s->c; j++) {
        double sum = 0;
        for (ovp_idx k = j; k < s->n * s->c; k += s->c) {
            const double gap = load(s->type, s->y, k) - load(s->type, s->q, k);
            sum += gap * gap;
        }
        if (sum > 0) *out = fmax(*out, sqrt(sum) / s->size[j]);
    }
    return OVP_OK;
}

static ovp_status check_options(ovp_ctx *ctx, const ovp_kernel_cg_options *o, ovp_idx c) {
    if (c < 1) return ovp_fail(ctx, OVP_EINVAL, "%s: %lld columns; 1 or more expected", who, (long long)c);
    if (!(o->tolerance >= 0 && o->tolerance < 1))
        return ovp_fail(ctx, OVP_EINVAL, "%s: tolerance %g; allowed: 0 (chosen) up to 1", who, o->tolerance);
    if (o->most_steps < 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: at most %lld steps; 0 (chosen) or more expected", who,
                        (long long)o->most_steps);
    return OVP_OK;
}

static ovp_status open(cg *s, ovp_ctx *ctx, const ovp_kernel_problem *problem, const ovp_kernel_cg_options *o) {
    ovp_status status = OVP_OK;
    double alpha = o->alpha, trace = 0;
    double *diagonal = NULL;
    OVP_TRY(ovp_kernel_nystrom_alpha(&alpha, ctx, who));
    OVP_TRY(ovp_kernel_source_open(&s->source, ctx, who, problem, o->memory));
    OVP_TRY(ovp_kernel_check_finite(ctx, "targets", s->type, s->n, s->c, s->y));
    OVP_TRY(ovp_alloc(ctx, &diagonal, s->n, sizeof *diagonal));
    if (problem->gram)
        for (ovp_idx i = 0; i < s->n; i++) diagonal[i] = load(s->type, problem->gram, i * s->n + i);
    else
        OVP_TRY(ovp_kernel_diagonal(diagonal, ctx, problem->kernel, s->type, problem->d, s->n, problem->x));
    for (ovp_idx i = 0; i < s->n; i++) trace += diagonal[i];
    OVP_TRY(ovp_kernel_ridge(&s->lambda, ctx, who, o->ridge, o->ridge_scale, trace, s->n));
    void **const vectors[] = {&s->r, &s->z, &s->p, &s->q};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        OVP_TRY(ovp_alloc(ctx, vectors[i], s->n * s->c, ovp_numeric_type_size(s->type)));
    OVP_TRY(ovp_alloc(ctx, &s->rho, 3 * s->c, sizeof *s->rho));
    OVP_TRY(ovp_alloc(ctx, &s->active, s->c, sizeof *s->active));
    s->size = s->rho + s->c;
    s->dot = s->size + s->c;
    if (!o->plain) OVP_TRY(make_preconditioner(s, ctx, o, alpha));
done:
    ovp_free(ctx, diagonal);
    return status;
}

static void release(cg *s, ovp_ctx *ctx) {
    void *const owned[] = {s->r, s->z, s->p, s->q, s->u, s->scaled, s->coordinates, s->rho, s->active};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) ovp_free(ctx, owned[i]);
    ovp_kernel_source_close(&s->source, ctx);
    ovp_kernel_nystrom_free(&s->top, ctx);
}

ovp_status ovp_kernel_cg(void *w, ovp_kernel_cg_report *report, ovp_ctx *ctx, const ovp_kernel_problem *problem,
                         ovp_idx c, const void *y, const ovp_kernel_cg_options *options) {
    static const ovp_kernel_cg_options defaults = {.size = sizeof defaults};
    const ovp_kernel_cg_options *o = options ? options : &defaults;
    ovp_status status = OVP_OK;
    cg s = {.type = problem->type, .n = problem->n, .c = c, .w = w, .y = y};
    ovp_kernel_cg_report r = {0};
    OVP_TRY(check_options(ctx, o, c));
    OVP_TRY(open(&s, ctx, problem, o));
    s.tolerance = o->tolerance > 0 ? o->tolerance : s.type == OVP_F32 ? 1e-5 : 1e-10;
    OVP_TRY(start(&s, ctx));
    const ovp_idx most = o->most_steps ? o->most_steps : s.n + 100;
    while (test(&s) > 0 && r.steps < most) {
        OVP_TRY(ovp_check(ctx));
        OVP_TRY(step(&s, ctx));
        r.steps++;
    }
    r.converged = test(&s) == 0;
    OVP_TRY(true_residual(&s, ctx, &r.residual));
    r.top_q = s.top.q;
    r.lambda = s.lambda;
    if (report) *report = r;
done:
    release(&s, ctx);
    return status;
}
