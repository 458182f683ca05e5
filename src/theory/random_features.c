/* Random features (Mei and Montanari 2022). On the imaginary axis, xi = i t with t^2 = psi_1 psi_2 lambda / mu_*^2, the
 * paper's nu_1 = i a and nu_2 = i b with real a, b > 0; with c = a b = -chi and g(c) = c + zeta^2 c / (1 + zeta^2 c)
 * its fixed point says a t = psi_1 - g, b t = psi_2 - g, hence (psi_1 - g)(psi_2 - g) = c t^2: one equation whose left
 * side falls and whose right side rises. */
#include "theory/theory_int.h"

#include <math.h>

static const char what[] = "risk of random features";

/* ---- moments of the activation --------------------------------------------------------------------- */

typedef struct integrand {
    const ovp_numeric_activation *act;
    enum { MEAN, LINEAR, SQUARE } kind;
} integrand;

static double integrand_at(const void *user, double z) {
    const integrand *f = user;
    const double phi = f->act->phi(z);
    return f->kind == MEAN ? phi : f->kind == LINEAR ? z * phi : phi * phi;
}

ovp_status ovp_theory_activation_moments_get(ovp_theory_activation_moments *out, ovp_ctx *ctx, const char *activation) {
    const ovp_numeric_activation *act = ovp_numeric_activation_find(activation);
    ovp_status status = OVP_OK;
    double value[3] = {0}, error[3] = {0};
    if (!act) return ovp_fail(ctx, OVP_EINVAL, "moments of an activation: '%s' is unknown", activation);
    for (int kind = MEAN; kind <= SQUARE; kind++)
        OVP_TRY(ovp_numeric_normal_mean(&value[kind], &error[kind], ctx, integrand_at, &(integrand){act, kind},
                                        act->kinks, act->kink_count, 1e-12));
    out->mean = value[MEAN];
    out->linear = value[LINEAR];
    out->rest = value[SQUARE] - value[MEAN] * value[MEAN] - value[LINEAR] * value[LINEAR];
    out->error = error[SQUARE] + 2 * fabs(value[MEAN]) * error[MEAN] + 2 * fabs(value[LINEAR]) * error[LINEAR];
done:
    return status;
}

/* ---- fixed point ----------------------------------------------------------------------------------- */

typedef struct fixed_point {
    double psi_1, psi_2, zeta_2, t_2;
} fixed_point;

static double g_of(const fixed_point *f, double c) {
    return c + f->zeta_2 * c / (1 + f->zeta_2 * c);
}

static ovp_status excess_of(double *out, void *user, double c) {
    const fixed_point *f = user;
    const double g = g_of(f, c);
    *out = (f->psi_1 - g) * (f->psi_2 - g) - c * f->t_2;
    return OVP_OK;
}

/* g(c) = min(psi_1, psi_2): the limit lambda = 0, and the most that c can be. */
static double ridgeless(const fixed_point *f) {
    const double psi = fmin(f->psi_1, f->psi_2), b = 1 + f->zeta_2 - psi * f->zeta_2;
    const double root = sqrt(b * b + 4 * f->zeta_2 * psi);
    return b > 0 ? 2 * psi / (b + root) : (root - b) / (2 * f->zeta_2);
}

/* ---- risk ------------------------------------------------------------------------------------------ */

static ovp_status check(ovp_ctx *ctx, const ovp_theory_random_features_options *o) {
    ovp_status status;
    OVP_TRY(ovp_theory_positive(ctx, what, "psi_1 (features / dimension)", o->psi_1));
    OVP_TRY(ovp_theory_positive(ctx, what, "psi_2 (samples / dimension)", o->psi_2));
    OVP_TRY(ovp_theory_not_below(ctx, what, "linear signal", o->linear));
    OVP_TRY(ovp_theory_not_below(ctx, what, "nonlinear signal", o->nonlinear));
    OVP_TRY(ovp_theory_not_below(ctx, what, "noise", o->noise));
    OVP_TRY(ovp_theory_not_below(ctx, what, "lambda", o->lambda));
    if (!(o->moments.rest > 1e-12) || !isfinite(o->moments.rest) || !isfinite(o->moments.linear))
        status = ovp_fail(ctx, OVP_EINVAL,
                          "%s: the activation's part beyond linear has variance %g; above 1e-12 expected (a linear "
                          "activation makes d features of however many)",
                          what, o->moments.rest);
done:
    return status;
}

ovp_status ovp_theory_random_features(ovp_theory_risk *out, ovp_ctx *ctx, const ovp_theory_random_features_options *o) {
    ovp_status status = check(ctx, o);
    if (status != OVP_OK) return status;
    const double p1 = o->psi_1, p2 = o->psi_2, z2 = o->moments.linear * o->moments.linear / o->moments.rest;
    fixed_point f = {p1, p2, z2, p1 * p2 * o->lambda / o->moments.rest};
    double c = ridgeless(&f);
    if (f.t_2 > 0) OVP_TRY(ovp_numeric_root(&c, ctx, excess_of, &f, 0, c, 0));
    const double x = -c, x2 = x * x, x3 = x2 * x, x4 = x2 * x2, x5 = x4 * x, z4 = z2 * z2, z6 = z4 * z2;
    const double e0 = -x5 * z6 + 3 * x4 * z4 + (p1 * p2 - p2 - p1 + 1) * x3 * z6 - 2 * x3 * z4 - 3 * x3 * z2 +
                      (p1 + p2 - 3 * p1 * p2 + 1) * x2 * z4 + 2 * x2 * z2 + x2 + 3 * p1 * p2 * x * z2 - p1 * p2;
    const double e1 = p2 * x3 * z4 - p2 * x2 * z2 + p1 * p2 * x * z2 - p1 * p2;
    const double e2 =
        x5 * z6 - 3 * x4 * z4 + (p1 - 1) * x3 * z6 + 2 * x3 * z4 + 3 * x3 * z2 - (p1 + 1) * x2 * z4 - 2 * x2 * z2 - x2;
    const int peak = !(f.t_2 > 0) && p1 >= p2 && p1 <= p2;
    /* Without a ridge E0 is a difference of large terms around 0 at the peak itself. */
    *out = (ovp_theory_risk){.bias = INFINITY, .variance = INFINITY};
    if (!peak) out->bias = o->linear * e1 / e0 + o->nonlinear;
    if (!peak) out->variance = (o->noise + o->nonlinear) * e2 / e0;
    out->excess = out->bias + out->variance;
    out->test = out->excess + o->noise;
    /* 1 - (degrees of freedom) / n = t b / psi_2, squared the ratio of train to test. */
    const double left = f.t_2 > 0 || p1 < p2 ? 1 - g_of(&f, c) / p2 : 0;
    out->train = left > 0 ? left * left * out->test : 0;
done:
    return status;
}
