/* p-variation of a path: arguments, choice of the method, the partition. */
#include <math.h>

#include "measure/variation_int.h"

static ovp_status check_arguments(ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x, ovp_measure_norm norm,
                                  double p) {
    if (n < 1) return ovp_fail(ctx, OVP_EINVAL, "p-variation: a path of %lld points; at least 1", (long long)n);
    if (d < 1) return ovp_fail(ctx, OVP_EINVAL, "p-variation: points of dimension %lld; at least 1", (long long)d);
    if (norm < OVP_NORM_L2 || norm > OVP_NORM_LINF)
        return ovp_fail(ctx, OVP_EINVAL, "p-variation: unknown norm %d", (int)norm);
    if (!(p >= 1) || isinf(p)) return ovp_fail(ctx, OVP_EINVAL, "p-variation: p = %g; allowed: finite, from 1 on", p);
    for (ovp_idx i = 0; i < n * d; i++)
        if (!isfinite(x[i]))
            return ovp_fail(ctx, OVP_EINVAL,
                            "p-variation: point %lld, coordinate %lld (from 0) is %g; it must be finite",
                            (long long)(i / d), (long long)(i % d), x[i]);
    return OVP_OK;
}

ovp_status ovp_measure_p_variation(double *value, ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x,
                                   ovp_measure_norm norm, double p, ovp_idx *partition, ovp_idx *parts) {
    double *best = NULL;
    ovp_idx *before = NULL, count = 0;
    ovp_status status;
    *value = NAN;
    OVP_TRY(check_arguments(ctx, n, d, x, norm, p));
    OVP_TRY(ovp_alloc(ctx, &best, n, sizeof *best));
    OVP_TRY(ovp_alloc(ctx, &before, n, sizeof *before));
    OVP_TRY(ovp_measure_variation_reference(ctx, n, d, x, norm, p, best, before));
    for (ovp_idx j = n - 1; j >= 0; j = before[j]) count++;
    if (parts) *parts = count;
    for (ovp_idx j = n - 1; partition && j >= 0; j = before[j]) partition[--count] = j;
    *value = best[n - 1];
done:
    ovp_free(ctx, best);
    ovp_free(ctx, before);
    return status;
}
