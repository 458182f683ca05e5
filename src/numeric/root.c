/* Roots of a function of one variable: Brent's method (Brent 1973, chapter 4). */
#include <overparam/numeric.h>

#include <float.h>
#include <math.h>

#define MOST_STEPS 200

/* b: the best point; a: the one before; c: the other end of the bracket. */
typedef struct bracket {
    double a, b, c, fa, fb, fc;
    double step, before; /* the last two steps */
} bracket;

static void order(bracket *k) {
    if ((k->fb > 0) == (k->fc > 0)) {
        k->c = k->a;
        k->fc = k->fa;
        k->step = k->before = k->b - k->a;
    }
    if (fabs(k->fc) < fabs(k->fb)) {
        k->a = k->b;
        k->b = k->c;
        k->c = k->a;
        k->fa = k->fb;
        k->fb = k->fc;
        k->fc = k->fa;
    }
}

/* Inverse quadratic interpolation (secant with two points), or bisection where that would leave the bracket or does not
 * shrink the steps. */
static void choose_step(bracket *k, double width, double half) {
    if (fabs(k->before) < width || fabs(k->fa) <= fabs(k->fb)) {
        k->step = k->before = half;
        return;
    }
    double s = k->fb / k->fa, p, q;
    if (k->a == k->c) {
        p = 2 * half * s;
        q = 1 - s;
    } else {
        double t = k->fa / k->fc, r = k->fb / k->fc;
        p = s * (2 * half * t * (t - r) - (k->b - k->a) * (r - 1));
        q = (t - 1) * (r - 1) * (s - 1);
    }
    if (p > 0)
        q = -q;
    else
        p = -p;
    if (2 * p < fmin(3 * half * q - fabs(width * q), fabs(k->before * q))) {
        k->before = k->step;
        k->step = p / q;
    } else {
        k->step = k->before = half;
    }
}

ovp_status ovp_numeric_root(double *out, ovp_ctx *ctx, ovp_numeric_equation f, void *user, double low, double high,
                            double tolerance) {
    bracket k = {.a = low, .b = high};
    ovp_status status;
    if (!(isfinite(low) && isfinite(high) && low < high && tolerance >= 0))
        return ovp_fail(ctx, OVP_EINVAL, "root: bracket %g..%g, tolerance %g; the ends must be finite and in order",
                        low, high, tolerance);
    OVP_TRY(f(&k.fa, user, low));
    OVP_TRY(f(&k.fb, user, high));
    if (isnan(k.fa) || isnan(k.fb) || (k.fa > 0 && k.fb > 0) || (k.fa < 0 && k.fb < 0)) {
        status = ovp_fail(ctx, OVP_ENUMERIC, "root: no change of sign between %g (value %g) and %g (value %g)", low,
                          k.fa, high, k.fb);
        goto done;
    }
    k.c = k.a;
    k.fc = k.fa;
    k.step = k.before = k.b - k.a;
    for (int i = 0; i < MOST_STEPS; i++) {
        order(&k);
        const double width = 2 * DBL_EPSILON * fabs(k.b) + 0.5 * tolerance, half = 0.5 * (k.c - k.b);
        if (fabs(half) <= width || k.fb == 0) {
            *out = k.b;
            return OVP_OK;
        }
        choose_step(&k, width, half);
        k.a = k.b;
        k.fa = k.fb;
        k.b += fabs(k.step) > width ? k.step : copysign(width, half);
        OVP_TRY(f(&k.fb, user, k.b));
        if (isnan(k.fb)) {
            status = ovp_fail(ctx, OVP_ENUMERIC, "root: the function is not a number at %.17g", k.b);
            goto done;
        }
    }
    status =
        ovp_fail(ctx, OVP_ENUMERIC, "root: not found to %g within %d steps; last at %.17g", tolerance, MOST_STEPS, k.b);
done:
    return status;
}
