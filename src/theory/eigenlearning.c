/* Eigenlearning: the risk of kernel ridge regression from the kernel's spectrum (Simon et al. 2023). */
#include "theory/theory_int.h"

#include <float.h>
#include <math.h>

static const char what[] = "eigenlearning";

typedef struct spectrum {
    ovp_idx count;
    const ovp_theory_mode *modes;
    double n, ridge;
} spectrum;

static double learned_at(const spectrum *s, double kappa) {
    double sum = 0;
    for (ovp_idx i = 0; i < s->count; i++)
        if (s->modes[i].eigenvalue > 0)
            sum += s->modes[i].multiplicity * s->modes[i].eigenvalue / (s->modes[i].eigenvalue + kappa);
    return sum;
}

/* Falls in log kappa. */
static ovp_status excess_of(double *out, void *user, double log_kappa) {
    const spectrum *s = user;
    const double kappa = exp(log_kappa);
    *out = learned_at(s, kappa) + s->ridge / kappa - s->n;
    return OVP_OK;
}

static ovp_status find_kappa(double *kappa, ovp_ctx *ctx, spectrum *s) {
    ovp_status status;
    double size = s->ridge, high, low, value;
    for (ovp_idx i = 0; i < s->count; i++) size += s->modes[i].multiplicity * s->modes[i].eigenvalue;
    *kappa = 0;
    if (!(s->ridge > 0) && learned_at(s, 0) <= s->n) return OVP_OK;
    high = log(size / s->n) + 1e-9; /* lambda / (lambda + kappa) <= lambda / kappa */
    for (low = high - 1;; low -= 4) {
        OVP_TRY(excess_of(&value, s, low));
        if (value >= 0) break;
        if (low < -700) return ovp_fail(ctx, OVP_ENUMERIC, "%s: kappa is below 1e-300; scale the eigenvalues up", what);
    }
    OVP_TRY(ovp_numeric_root(&low, ctx, excess_of, s, low, high, 1e-14));
    *kappa = exp(low);
done:
    return status;
}

static ovp_status check(ovp_ctx *ctx, const spectrum *s, double noise) {
    ovp_status status = OVP_OK;
    double sum = 0;
    if (s->count < 1) return ovp_fail(ctx, OVP_EINVAL, "%s: no mode; at least one expected", what);
    OVP_TRY(ovp_theory_positive(ctx, what, "n (samples)", s->n));
    OVP_TRY(ovp_theory_not_below(ctx, what, "ridge", s->ridge));
    OVP_TRY(ovp_theory_not_below(ctx, what, "noise", noise));
    for (ovp_idx i = 0; i < s->count; i++) {
        OVP_TRY(ovp_theory_not_below(ctx, what, "eigenvalue", s->modes[i].eigenvalue));
        OVP_TRY(ovp_theory_positive(ctx, what, "multiplicity", s->modes[i].multiplicity));
        OVP_TRY(ovp_theory_not_below(ctx, what, "power", s->modes[i].power));
        sum += s->modes[i].multiplicity * s->modes[i].eigenvalue;
    }
    OVP_TRY(ovp_theory_positive(ctx, what, "sum of the eigenvalues", sum));
done:
    return status;
}

ovp_status ovp_theory_eigenlearning_solve(ovp_theory_eigenlearning *out, double *learnability, ovp_ctx *ctx,
                                          ovp_idx count, const ovp_theory_mode *modes, double n, double ridge,
                                          double noise) {
    spectrum s = {count, modes, n, ridge};
    double kappa = 0, squares = 0, unlearned = 0, learned = 0;
    ovp_status status = check(ctx, &s, noise);
    if (status != OVP_OK) return status;
    OVP_TRY(find_kappa(&kappa, ctx, &s));
    for (ovp_idx i = 0; i < count; i++) {
        const double lambda = modes[i].eigenvalue, l = lambda > 0 ? lambda / (lambda + kappa) : 0;
        const double missed = lambda > 0 ? kappa / (lambda + kappa) : 1;
        if (learnability) learnability[i] = l;
        learned += modes[i].multiplicity * l;
        squares += modes[i].multiplicity * l * l;
        unlearned += missed * missed * modes[i].power;
    }
    /* n - squares, n - learned = ridge / kappa: with rounding n - squares may come out below 0 only where it is 0. */
    const double room = n - squares, left = kappa > 0 ? ridge / (kappa * n) : (n - learned) / n;
    *out = (ovp_theory_eigenlearning){.kappa = kappa, .learned = learned};
    out->overfitting = room > 8 * DBL_EPSILON * n ? n / room : (double)INFINITY;
    const double error = unlearned + noise;
    const double test = error > 0 ? out->overfitting * error : 0;
    out->risk = (ovp_theory_risk){.bias = unlearned, .test = test, .excess = test - noise};
    out->risk.variance = out->risk.excess - unlearned;
    out->risk.train = left > 0 ? left * left * test : 0;
done:
    return status;
}
