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

/* The exponent of the power of two that brings the largest range of a coordinate into [1, 2); 0 for a constant path. */
static int exponent_of(ovp_idx n, ovp_idx d, const double *x) {
    double range = 0;
    int exponent = 0;
    for (ovp_idx k = 0; k < d; k++) {
        double low = x[k] / 2, high = low; /* halves: their difference cannot overflow */
        for (ovp_idx i = 1; i < n; i++) {
            const double half = x[i * d + k] / 2;
            low = half < low ? half : low;
            high = half > high ? half : high;
        }
        range = fmax(range, high - low);
    }
    if (range > 0) frexp(range, &exponent);
    return exponent < -1000 ? -1000 : exponent;
}

/* value 2^(exponent p). */
static ovp_status scale_back(double *value, ovp_ctx *ctx, int exponent, double p) {
    const double whole = floor(exponent * p), scaled = *value;
    *value = ldexp(scaled * exp2(exponent * p - whole), (int)fmin(fmax(whole, -1e6), 1e6));
    if (isfinite(*value) && (*value > 0 || !(scaled > 0))) return OVP_OK;
    return ovp_fail(ctx, OVP_ENUMERIC, "p-variation: distances of about 2^%d to the power of %g leave the range of "
                    "numbers; scale the path by s (the result by s^p) or lower p", exponent, p);
}

static void reverse(ovp_variation_partition *partition) {
    for (ovp_idx i = 0, j = partition->count - 1; i < j; i++, j--) {
        const ovp_idx kept = partition->index[i];
        partition->index[i] = partition->index[j];
        partition->index[j] = kept;
    }
}

ovp_status ovp_measure_p_variation(double *value, ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x,
                                   ovp_measure_norm norm, double p, ovp_idx *partition, ovp_idx *parts) {
    ovp_variation_path path = {.n = n, .d = d, .x = x, .norm = norm, .exponent = ovp_variation_exponent_of(p)};
    ovp_variation_partition found = {partition, 0};
    ovp_status status;
    *value = NAN;
    OVP_TRY(check_arguments(ctx, n, d, x, norm, p));
    const int exponent = exponent_of(n, d, x);
    path.scale = ldexp(1, -exponent);
    if (d == 1)
        OVP_TRY(ovp_measure_variation_line(value, ctx, &path, partition ? &found : NULL));
    else
        OVP_TRY(ovp_measure_variation_space(value, ctx, &path, partition ? &found : NULL));
    OVP_TRY(scale_back(value, ctx, exponent, p));
    reverse(&found);
    if (parts) *parts = found.count;
done:
    if (status != OVP_OK) *value = NAN;
    return status;
}
