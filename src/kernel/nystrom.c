/* The top eigenpairs of the kernel matrix of a random subsample. */
#include "kernel/solve_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { SMALL = 2000, LARGE = 12000, LARGE_FROM = 100000, LEAST_Q = 5, MOST_Q = 1000 };

ovp_status ovp_kernel_nystrom_alpha(double *alpha, ovp_ctx *ctx, const char *who) {
    if (*alpha == 0) *alpha = .95;
    if (*alpha > 0 && *alpha <= 1) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: alpha %g; allowed: above 0, up to 1", who, *alpha);
}

static ovp_status choose_size(ovp_idx *s, ovp_ctx *ctx, const char *who, ovp_idx n,
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

/* values: all s, ascending. The published rule; a tail of nothing but rounding is shortened. */
static ovp_idx choose_q(const double *values, ovp_idx s, const ovp_kernel_nystrom_options *o) {
    const double size = (double)s, most = fmin(fmax(size / 5, (double)o->batch_limit), size);
    const ovp_idx looked_at = s - 1 < MOST_Q ? s - 1 : MOST_Q;
    ovp_idx count = 0;
    while (count < looked_at && values[s - 1 - count] > 0 && pow(values[s - 1 - count], -o->alpha) < most) count++;
    ovp_idx q = count - 1 < LEAST_Q ? LEAST_Q : count - 1;
    if (q > s) q = s;
    while (q > 1 && !(values[s - q] > size * DBL_EPSILON * values[s - 1])) q--;
    return q;
}

ovp_status ovp_kernel_nystrom_make(ovp_kernel_nystrom *nystrom, ovp_ctx *ctx, const char *who,
                                   const ovp_kernel_source *source, const ovp_kernel_nystrom_options *options) {
    ovp_status status = OVP_OK;
    const ovp_idx n = source->problem.n;
    ovp_kernel_nystrom *t = nystrom;
    double *square = NULL, *vectors = NULL, *values = NULL;
    *t = (ovp_kernel_nystrom){0};
    OVP_TRY(choose_size(&t->s, ctx, who, n, options));
    const ovp_idx s = t->s;
    OVP_TRY(ovp_alloc(ctx, &t->ids, s, sizeof *t->ids));
    OVP_TRY(ovp_numeric_numpy_choice(options->rng, n, s, 0, NULL, t->ids));
    OVP_TRY(ovp_alloc(ctx, &square, s * s, sizeof *square));
    OVP_TRY(ovp_alloc(ctx, &vectors, s * s, sizeof *vectors));
    OVP_TRY(ovp_alloc(ctx, &values, s, sizeof *values));
    OVP_TRY(ovp_kernel_source_square(square, ctx, source, s, t->ids));
    if (source->problem.type == OVP_F32) /* widened in place, from the end */
        for (ovp_idx i = s * s - 1; i >= 0; i--) {
            float narrow;
            memcpy(&narrow, (const char *)square + (size_t)i * sizeof narrow, sizeof narrow);
            square[i] = (double)narrow;
        }
    for (ovp_idx i = 0; i < s * s; i++) square[i] /= (double)s;
    OVP_TRY(ovp_numeric_eigh(values, vectors, ctx, s, square));

    t->q = options->top_q ? options->top_q : choose_q(values, s, options);
    if (!(values[s - t->q] > 0)) {
        status = ovp_fail(ctx, OVP_ENUMERIC,
                          "%s: eigenvalue %lld of the subsample's kernel matrix is %.3g; it must be positive: give a "
                          "smaller top-q",
                          who, (long long)t->q, values[s - t->q]);
        goto done;
    }
    OVP_TRY(ovp_alloc(ctx, &t->values, t->q, sizeof *t->values));
    OVP_TRY(ovp_alloc(ctx, &t->vectors, t->q * s, sizeof *t->vectors));
    for (ovp_idx i = 0; i < t->q; i++) {
        t->values[i] = values[s - 1 - i];
        memcpy(t->vectors + i * s, vectors + (s - 1 - i) * s, (size_t)s * sizeof *vectors);
    }
done:
    ovp_free(ctx, square);
    ovp_free(ctx, vectors);
    ovp_free(ctx, values);
    return status;
}

void ovp_kernel_nystrom_free(ovp_kernel_nystrom *nystrom, ovp_ctx *ctx) {
    ovp_free(ctx, nystrom->ids);
    ovp_free(ctx, nystrom->values);
    ovp_free(ctx, nystrom->vectors);
    *nystrom = (ovp_kernel_nystrom){0};
}
