/* The top eigenpairs of the kernel matrix of a random subsample. */
#include "kernel/solve_int.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 2000, LARGE = 12000, LARGE_FROM = 100000, LEAST_Q = 5, MOST_Q = 1000 };

ovp_status ovp_kernel_nystrom_alpha(double *alpha, ovp_ctx *ctx, const char *who) {
    if (*alpha == 0) *alpha = .95;
    if (*alpha > 0 && *alpha <= 1) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: alpha %g; allowed: above 0, up to 1", who, *alpha);
}

ovp_status ovp_kernel_nystrom_size(ovp_idx *s, ovp_ctx *ctx, const char *who, ovp_idx n,
                                   const ovp_kernel_nystrom_options *o) {
    *s = o->subsample ? o->subsample : n < LARGE_FROM ? SMALL : LARGE;
    if (!o->subsample && *s > n) *s = n;
    if (*s < 1 || *s > n)
        return ovp_fail(ctx, OVP_EINVAL, "%s: subsample of %lld points; allowed 1..%lld", who, (long long)*s,
                        (long long)n);
    const ovp_idx fewest = *s > 1 ? 2 : 1;
    if (o->top_q && (o->top_q < fewest || o->top_q > *s))
        return ovp_fail(ctx, OVP_EINVAL, "%s: top-q %lld; allowed %lld..%lld, the subsample's points", who,
                        (long long)o->top_q, (long long)fewest, (long long)*s);
    return OVP_OK;
}

typedef struct rule {
    ovp_idx s;
    double rounding; /* share of the largest eigenvalue that rounding of the matrix alone may make */
    const ovp_kernel_nystrom_options *options;
} rule;

/* What was asked for, or the published rule; then a tail of nothing but rounding is left out. */
static ovp_idx choose_q(const void *user, const double *values, ovp_idx known) {
    const rule *r = user;
    const ovp_kernel_nystrom_options *o = r->options;
    if (o->top_q) return o->top_q < known ? o->top_q : known;
    const double size = (double)r->s, most = fmin(fmax(size / 5, (double)o->batch_limit), size);
    ovp_idx looked_at = r->s - 1 < MOST_Q ? r->s - 1 : MOST_Q, count = 0;
    if (looked_at > known) looked_at = known;
    while (count < looked_at && values[count] > 0 && pow(values[count], -o->alpha) < most) count++;
    ovp_idx q = count - 1 < LEAST_Q ? LEAST_Q : count - 1;
    if (q > r->s) q = r->s;
    while (q > 1 && !(values[q - 1] > r->rounding * values[0])) q--;
    return q;
}

static int compare_ids(const void *a, const void *b) {
    const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return (p > q) - (p < q);
}

ovp_status ovp_kernel_nystrom_make(ovp_kernel_nystrom *nystrom, ovp_ctx *ctx, const char *who,
                                   const ovp_kernel_source *source, const ovp_kernel_nystrom_options *options) {
    ovp_status status = OVP_OK;
    const ovp_idx n = source->problem.n;
    ovp_kernel_nystrom *t = nystrom;
    double *square = NULL;
    *t = (ovp_kernel_nystrom){0};
    OVP_TRY(ovp_kernel_nystrom_size(&t->s, ctx, who, n, options));
    const ovp_idx s = t->s;
    OVP_TRY(ovp_alloc(ctx, &t->ids, s, sizeof *t->ids));
    OVP_TRY(ovp_numeric_numpy_choice(options->rng, n, s, 0, NULL, t->ids));
    qsort(t->ids, (size_t)s, sizeof *t->ids, compare_ids); /* the order in which passes meet these columns */
    OVP_TRY(ovp_alloc(ctx, &square, s * s, sizeof *square));
    OVP_TRY(ovp_kernel_source_square(square, ctx, source, s, t->ids));
    if (source->problem.type == OVP_F32) /* widened in place, from the end */
        for (ovp_idx i = s * s - 1; i >= 0; i--) {
            float narrow;
            memcpy(&narrow, (const char *)square + (size_t)i * sizeof narrow, sizeof narrow);
            square[i] = (double)narrow;
        }
    for (ovp_idx i = 0; i < s * s; i++) square[i] /= (double)s;
    /* In f32 the matrix itself is rounded; its error spreads over all eigenvalues, 1/sqrt(s) of it on each, and turns
     * the eigenvectors further than residuals of 1e-9. */
    const double converged = source->problem.type == OVP_F32 ? 1e-9 : 1e-12;
    const rule r = {s, source->problem.type == OVP_F32 ? 4 * (double)FLT_EPSILON : (double)s * DBL_EPSILON, options};
    OVP_TRY(ovp_kernel_top_eigenpairs(&t->q, &t->values, &t->vectors, ctx, s, square, converged, choose_q, &r));
    if (!(t->values[t->q - 1] > 0))
        status = ovp_fail(ctx, OVP_ENUMERIC,
                          "%s: eigenvalue %lld of the subsample's kernel matrix is %.3g; it must be positive: give a "
                          "smaller top-q",
                          who, (long long)t->q, t->values[t->q - 1]);
done:
    ovp_free(ctx, square);
    return status;
}

int64_t ovp_kernel_nystrom_bytes(ovp_idx s, const ovp_kernel_nystrom_options *options) {
    const int64_t q = options->top_q ? options->top_q : s < MOST_Q ? s : MOST_Q;
    return (5 * s * s + q * s) * (int64_t)sizeof(double);
}

void ovp_kernel_nystrom_free(ovp_kernel_nystrom *nystrom, ovp_ctx *ctx) {
    ovp_free(ctx, nystrom->ids);
    ovp_free(ctx, nystrom->values);
    ovp_free(ctx, nystrom->vectors);
    *nystrom = (ovp_kernel_nystrom){0};
}
