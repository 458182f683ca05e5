/* Random features by the spectrum of their kernel (Simon et al. 2024), and the spectrum of features on the sphere. */
#include "theory/theory_int.h"

#include <math.h>

static const char what[] = "random features of modes";

/* ---- risk ---------------------------------------------------------------------------------------- */

typedef struct equations {
    ovp_idx count;
    const ovp_theory_mode *modes;
    double n, features, ridge;
} equations;

static double learned(const equations *e, double gamma, int squared) {
    double sum = 0;
    for (ovp_idx i = 0; i < e->count; i++) {
        const double l = e->modes[i].eigenvalue / (e->modes[i].eigenvalue + gamma);
        sum += e->modes[i].multiplicity * (squared ? l * l : l);
    }
    return sum;
}

/* Falls with gamma: directions learned beyond what samples or features allow. */
static ovp_status bound(double *out, void *user, double log_gamma) {
    const equations *e = user;
    *out = learned(e, exp(log_gamma), 0) - fmin(e->n, e->features);
    return OVP_OK;
}

/* ridge - (n - z) kappa: falls where z < min(n, features). */
static ovp_status balance(double *out, void *user, double log_gamma) {
    const equations *e = user;
    const double gamma = exp(log_gamma), z = learned(e, gamma, 0);
    *out = e->ridge - (e->n - z) * gamma * (e->features - z) / e->features;
    return OVP_OK;
}

static ovp_status find_gamma(double *gamma, ovp_ctx *ctx, equations *e) {
    enum { LOW = -600 };
    ovp_status status;
    double sum = e->ridge, value, at = LOW;
    for (ovp_idx i = 0; i < e->count; i++) sum += e->modes[i].multiplicity * e->modes[i].eigenvalue;
    /* there z <= min / 2 and gamma (n - z)(features - z) / features >= n gamma / 4 >= ridge */
    const double high = log(4 * sum * (1 / fmin(e->n, e->features) + 1 / e->n)) + 1;
    OVP_TRY(bound(&value, e, LOW));
    if (value > 0)
        OVP_TRY(ovp_numeric_root(&at, ctx, bound, e, LOW, high, 1e-14));
    else if (!(e->ridge > 0))
        return ovp_fail(ctx, OVP_ENUMERIC,
                        "%s: without a ridge the modes with an eigenvalue above 0 must be more than samples (%g) or "
                        "features (%g)",
                        what, e->n, e->features);
    if (e->ridge > 0) OVP_TRY(ovp_numeric_root(&at, ctx, balance, e, at, high, 1e-14));
    *gamma = exp(at);
done:
    return status;
}

static ovp_status check(ovp_ctx *ctx, const equations *e, double noise) {
    ovp_status status = OVP_OK;
    double sum = 0;
    if (e->count < 1) return ovp_fail(ctx, OVP_EINVAL, "%s: no mode; at least one expected", what);
    OVP_TRY(ovp_theory_positive(ctx, what, "n (samples)", e->n));
    OVP_TRY(ovp_theory_positive(ctx, what, "features", e->features));
    OVP_TRY(ovp_theory_not_below(ctx, what, "ridge", e->ridge));
    OVP_TRY(ovp_theory_not_below(ctx, what, "noise", noise));
    for (ovp_idx i = 0; i < e->count; i++) {
        OVP_TRY(ovp_theory_not_below(ctx, what, "eigenvalue", e->modes[i].eigenvalue));
        OVP_TRY(ovp_theory_positive(ctx, what, "multiplicity", e->modes[i].multiplicity));
        OVP_TRY(ovp_theory_not_below(ctx, what, "power", e->modes[i].power));
        sum += e->modes[i].multiplicity * e->modes[i].eigenvalue;
    }
    OVP_TRY(ovp_theory_positive(ctx, what, "sum of the eigenvalues", sum));
done:
    return status;
}

ovp_status ovp_theory_random_features_of_modes(ovp_theory_risk *out, ovp_ctx *ctx, ovp_idx count,
                                               const ovp_theory_mode *modes, double n, double features, double ridge,
                                               double noise) {
    equations e = {count, modes, n, features, ridge};
    double gamma = 0, unlearned = 0;
    ovp_status status = check(ctx, &e, noise);
    if (status != OVP_OK) return status;
    *out = (ovp_theory_risk){.bias = INFINITY, .variance = INFINITY, .excess = INFINITY, .test = INFINITY};
    if (!(ridge > 0) && n >= features && n <= features) return OVP_OK;
    OVP_TRY(find_gamma(&gamma, ctx, &e));
    const double z = learned(&e, gamma, 0), q = learned(&e, gamma, 1), k = features;
    const double kappa = gamma * fmax(k - z, 0) / k;
    const double factor = 1 / (1 - (q * (k - 2 * z) + z * z) / (n * (k - q)));
    for (ovp_idx i = 0; i < count; i++) {
        const double lambda = modes[i].eigenvalue, whole = lambda + gamma;
        unlearned += (gamma / whole - kappa * lambda / (whole * whole) * k / (k - q)) * modes[i].power;
    }
    /* As in eigenlearning: the part that grows with the noise is the variance. */
    const double left = ridge > 0 ? ridge / (kappa * n) : n > k ? 1 - k / n : 0;
    out->bias = factor * unlearned;
    out->variance = (factor - 1) * noise;
    out->excess = out->bias + out->variance;
    out->test = out->excess + noise;
    out->train = left * left * out->test;
done:
    return status;
}

/* ---- spectrum on the sphere ---------------------------------------------------------------------- */

/* Number of harmonics of degree l in d dimensions. */
static double harmonics(ovp_idx d, ovp_idx l) {
    const double dim = (double)d, degree = (double)l;
    if (l == 0) return 1;
    return round((2 * degree + dim - 2) / degree * exp(lgamma(degree + dim - 2) - lgamma(degree) - lgamma(dim - 1)));
}

/* xi_l = E phi(sqrt(d) t) P_l(t), t = <theta, x> of unit vectors, density proportional to (1 - t^2)^((d - 3) / 2), P_l
 * the Legendre polynomials in d dimensions with P_l(1) = 1; Simpson's rule on both sides of 0. */
ovp_status ovp_theory_sphere_spectrum(ovp_theory_mode *modes, ovp_ctx *ctx, ovp_idx count, ovp_idx d,
                                      const char *activation) {
    enum { STEPS = 20000, MOST = 64 };
    const ovp_numeric_activation *act = ovp_numeric_activation_find(activation);
    double xi[MOST] = {0}, mass = 0, square = 0;
    if (!act || d < 5 || count < 2 || count > MOST)
        return ovp_fail(
            ctx, OVP_EINVAL,
            "spectrum on the sphere: activation '%s', d %lld, %lld modes; a known activation, d of at least 5 "
            "and 2..%d modes expected",
            activation, (long long)d, (long long)count, MOST);
    const double dim = (double)d, root = sqrt(dim);
    for (int i = 1; i < STEPS; i++) { /* the density is 0 at both ends */
        const double t = -1 + 2. * i / STEPS, weight = (i % 2 ? 4 : 2) * pow(1 - t * t, (dim - 3) / 2);
        const double phi = act->phi(root * t);
        double before = 1, here = t;
        mass += weight;
        square += weight * phi * phi;
        xi[0] += weight * phi;
        for (ovp_idx l = 1; l < count - 1; l++) {
            const double degree = (double)l;
            const double next = ((2 * degree + dim - 2) * t * here - degree * before) / (degree + dim - 2);
            xi[l] += weight * phi * here;
            before = here;
            here = next;
        }
    }
    double left = square / mass;
    for (ovp_idx l = 0; l < count - 1; l++) {
        const double value = xi[l] / mass;
        modes[l] = (ovp_theory_mode){value * value, harmonics(d, l), 0};
        left -= modes[l].eigenvalue * modes[l].multiplicity;
    }
    if (!isfinite(left))
        return ovp_fail(ctx, OVP_ENUMERIC, "spectrum on the sphere: a moment of %s is not finite", activation);
    modes[count - 1] = (ovp_theory_mode){fmax(left, 0) / 1e12, 1e12, 0};
    return OVP_OK;
}
