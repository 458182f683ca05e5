/* Risk of least squares and ridge regression with isotropic features. */
#include <overparam/theory.h>

#include "theory/theory_int.h"

#include <math.h>

ovp_status ovp_theory_not_below(ovp_ctx *ctx, const char *what, const char *name, double value) {
    if (isfinite(value) && value >= 0) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: %s %g; finite numbers of at least 0 expected", what, name, value);
}

ovp_status ovp_theory_positive(ovp_ctx *ctx, const char *what, const char *name, double value) {
    if (isfinite(value) && value > 0) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: %s %g; finite numbers above 0 expected", what, name, value);
}

ovp_status ovp_theory_least_squares(ovp_theory_risk *out, ovp_ctx *ctx, ovp_idx n, ovp_idx p, double seen,
                                    double unseen, double noise) {
    static const char what[] = "risk of least squares";
    ovp_status status = OVP_OK;
    const double samples = (double)n, features = (double)p, scatter = noise + unseen;
    if (n < 1 || p < 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: n %lld samples, p %lld features; n of at least 1 and p of at least 0 expected", what,
                        (long long)n, (long long)p);
    OVP_TRY(ovp_theory_not_below(ctx, what, "signal seen", seen));
    OVP_TRY(ovp_theory_not_below(ctx, what, "signal unseen", unseen));
    OVP_TRY(ovp_theory_not_below(ctx, what, "noise", noise));
    *out = (ovp_theory_risk){.bias = unseen + (p > n ? seen * (1 - samples / features) : 0),
                             .variance = scatter > 0 ? INFINITY : 0,
                             .train = p < n ? scatter * (1 - features / samples) : 0};
    if (n - p >= 2) out->variance = scatter * features / (samples - features - 1);
    if (p - n >= 2) out->variance = scatter * samples / (features - samples - 1);
    out->excess = out->bias + out->variance;
    out->test = out->excess + noise;
done:
    return status;
}

static ovp_status check_ridge(ovp_ctx *ctx, double aspect, double signal, double noise) {
    static const char what[] = "risk of ridge regression";
    ovp_status status;
    OVP_TRY(ovp_theory_positive(ctx, what, "aspect (features / samples)", aspect));
    OVP_TRY(ovp_theory_not_below(ctx, what, "signal", signal));
    OVP_TRY(ovp_theory_not_below(ctx, what, "noise", noise));
done:
    return status;
}

/* s = lambda m(-lambda) is the positive root of aspect s^2 + (1 - aspect + lambda) s - lambda = 0, and 1 - s that of a
 * like equation, both taken in forms that do not cancel; D = 2 aspect s + (1 - aspect + lambda). */
ovp_status ovp_theory_ridge(ovp_theory_risk *out, ovp_ctx *ctx, double aspect, double signal, double noise,
                            double lambda) {
    ovp_status status = check_ridge(ctx, aspect, signal, noise);
    if (status != OVP_OK) return status;
    OVP_TRY(ovp_theory_not_below(ctx, "risk of ridge regression", "lambda", lambda));
    const double b = 1 - aspect + lambda, root = sqrt(b * b + 4 * aspect * lambda);
    const double s = b > 0 ? 2 * lambda / (b + root) : (root - b) / (2 * aspect);
    const double rest = 2 / (1 + aspect + lambda + root); /* 1 - s */
    *out = (ovp_theory_risk){.bias = 0};
    if (root > 0) {
        out->bias = signal * s * (aspect * s + lambda) / root;
        out->variance = noise * aspect * rest / root;
    } else { /* aspect 1, lambda 0 */
        out->variance = noise > 0 ? INFINITY : 0;
    }
    out->excess = out->bias + out->variance;
    out->test = out->excess + noise;
    /* 1 - aspect + aspect s, by the equation of s. */
    const double left = s > 0 ? lambda * rest / s : 1 - aspect;
    out->train = root > 0 ? left * left * out->test : 0;
done:
    return status;
}

ovp_status ovp_theory_ridge_best(double *lambda, ovp_ctx *ctx, double aspect, double signal, double noise) {
    const ovp_status status = check_ridge(ctx, aspect, signal, noise);
    if (status == OVP_OK) *lambda = signal > 0 ? noise * aspect / signal : (double)INFINITY;
    return status;
}
