/* numeric: means over normals and roots, against closed forms; the error estimate must cover the true error. */
#include "check.h"

#include <overparam/numeric.h>

#include <float.h>
#include <math.h>
#include <string.h>

static double power(const void *user, double z) {
    return pow(z, *(const double *)user);
}
static double wave(const void *user, double z) {
    return cos(*(const double *)user * z);
}
static double growth(const void *user, double z) {
    return exp(*(const double *)user * z);
}
static double bell(const void *user, double z) {
    return exp(*(const double *)user * z * z);
}
static double kinked(const void *user, double z) {
    return fabs(z - *(const double *)user);
}

/* Within the tolerance, and within what was reported. */
static void expect(ovp_ctx *ctx, ovp_numeric_real_fn f, double a, double exact, const double *breaks, int count) {
    for (double tolerance = 1e-3; tolerance > 1e-14; tolerance /= 10) {
        double value, error;
        assert_ok(ctx, ovp_numeric_normal_mean(&value, &error, ctx, f, &a, breaks, count, tolerance));
        const double off = fabs(value - exact);
        if (!(off <= error && error <= tolerance * fmax(1, fabs(value))))
            fail_msg("a %g tolerance %g: off by %.3g, reported %.3g", a, tolerance, off, error);
    }
}

static void moments(void **state) {
    for (double n = 0, exact = 1; n <= 16; n += 2, exact *= n - 1) expect(*state, power, n, exact, NULL, 0);
    for (double n = 1; n < 10; n += 2) {
        double value, error;
        assert_ok(*state, ovp_numeric_normal_mean(&value, &error, *state, power, &n, NULL, 0, 1e-10));
        assert_true(fabs(value) <= error);
    }
}

static void functions(void **state) {
    for (double a = 0; a < 6; a += 0.37) expect(*state, wave, a, exp(-a * a / 2), NULL, 0);
    for (double a = -5; a < 6; a += 1.1) expect(*state, growth, a, exp(a * a / 2), NULL, 0);
    expect(*state, bell, -40, 1 / sqrt(81), NULL, 0);
    expect(*state, bell, 0.4, 1 / sqrt(0.2), NULL, 0);
    /* A bell 1e-5 wide is found where its scale is named. */
    const double scale[] = {-5e-6, 5e-6, 3e-5, -3e-5, 1e-4, -1e-4};
    expect(*state, bell, -1e10, 1 / sqrt(1 + 2e10), scale, 6);
}

/* E|z - k| = 2 density(k) + k (2 Phi(k) - 1). */
static void kinks(void **state) {
    for (double k = -3; k < 4; k += 0.71)
        expect(*state, kinked, k, sqrt(2 / M_PI) * exp(-k * k / 2) + k * erf(k / sqrt(2)), &k, 1);
}

/* ---- two normals ----------------------------------------------------------------------------------- */

static double product(const void *user, double x, double y) {
    (void)user;
    return x * x * y * y;
}
static double sines(const void *user, double x, double y) {
    const double *a = user;
    return sin(a[0] * x) * sin(a[1] * y);
}
static double folds(const void *user, double x, double y) {
    (void)user;
    return fmax(x, 0) * fmax(y, 0);
}
static double signs(const void *user, double x, double y) {
    (void)user;
    return (x > 0) * (double)(y > 0);
}

static const double correlations[] = {-1, -1 + 1e-12, -0.999, -0.5, 0, 0.3, 0.9, 0.999, 1 - 1e-6, 1 - 1e-12, 1};

static void expect_2(ovp_ctx *ctx, ovp_numeric_real_fn2 f, const double *a, double c, double exact, int breaks) {
    const double zero = 0;
    double value, error;
    assert_ok(ctx, ovp_numeric_normal_mean_2(&value, &error, ctx, f, a, c, &zero, breaks, &zero, breaks, 1e-11));
    const double off = fabs(value - exact); /* the closed forms themselves round at 1e-16 */
    if (!(off <= error + 1e-16 && error <= 1e-11 * fmax(1, fabs(value))))
        fail_msg("c %.17g: off by %.3g, reported %.3g", c, off, error);
}

static void pairs(void **state) {
    const double a[] = {0.7, 1.9};
    for (size_t i = 0; i < sizeof correlations / sizeof *correlations; i++) {
        const double c = correlations[i], s = sqrt((1 - c) * (1 + c)), theta = atan2(s, c);
        expect_2(*state, product, NULL, c, 1 + 2 * c * c, 0);
        expect_2(*state, sines, a, c, exp(-(a[0] * a[0] + a[1] * a[1]) / 2) * sinh(a[0] * a[1] * c), 0);
        expect_2(*state, folds, NULL, c, (s + (M_PI - theta) * c) / (2 * M_PI), 1);
        expect_2(*state, signs, NULL, c, (M_PI - theta) / (2 * M_PI), 1);
    }
}

/* ---- refusals -------------------------------------------------------------------------------------- */

static void refusals(void **state) {
    ovp_ctx *ctx = *state;
    const double one = 1, half = 0.49, many[40] = {0};
    double value = 7;
    assert_fails(ctx, OVP_EINVAL, "tolerance is 0.5",
                 ovp_numeric_normal_mean(&value, NULL, ctx, wave, &one, NULL, 0, .5));
    assert_fails(ctx, OVP_EINVAL, "tolerance is nan",
                 ovp_numeric_normal_mean(&value, NULL, ctx, wave, &one, NULL, 0, NAN));
    assert_fails(ctx, OVP_EINVAL, "40 breaks", ovp_numeric_normal_mean(&value, NULL, ctx, wave, &one, many, 40, 1e-6));
    assert_fails(ctx, OVP_EINVAL, "correlation is 1.5",
                 ovp_numeric_normal_mean_2(&value, NULL, ctx, product, NULL, 1.5, NULL, 0, NULL, 0, 1e-6));
    assert_fails(ctx, OVP_ENUMERIC, "not finite at z",
                 ovp_numeric_normal_mean(&value, NULL, ctx, bell, &one, NULL, 0, 1e-6));
    assert_fails(ctx, OVP_ENUMERIC, "|z| = 38", ovp_numeric_normal_mean(&value, NULL, ctx, bell, &half, NULL, 0, 1e-8));
    const double fast = 1e6;
    assert_fails(ctx, OVP_ENUMERIC, "error estimate",
                 ovp_numeric_normal_mean(&value, NULL, ctx, wave, &fast, NULL, 0, 1e-6));
    assert_true(value >= 7 && value <= 7);
}

/* ---- roots ----------------------------------------------------------------------------------------- */

typedef struct equation {
    double a;
    int calls;
} equation;

static ovp_status cubic(double *out, void *user, double x) {
    equation *e = user;
    e->calls++;
    *out = x * x * x - e->a;
    return OVP_OK;
}
static ovp_status flat(double *out, void *user, double x) {
    equation *e = user;
    e->calls++;
    *out = pow(x - e->a, 9);
    return OVP_OK;
}
static ovp_status failing(double *out, void *user, double x) {
    *out = x;
    return x > 0.5 ? ovp_fail(user, OVP_ELIMIT, "no further than 0.5") : OVP_OK;
}

static void roots(void **state) {
    ovp_ctx *ctx = *state;
    double x = 0;
    for (double a = -20; a < 21; a += 1.37) {
        equation e = {a, 0};
        assert_ok(ctx, ovp_numeric_root(&x, ctx, cubic, &e, -3, 3, 0));
        assert_true(fabs(x - cbrt(a)) <= 4 * DBL_EPSILON * fabs(x));
        assert_true(e.calls < 20);
    }
    equation e = {0.1, 0};
    assert_ok(ctx, ovp_numeric_root(&x, ctx, flat, &e, -1, 4, 1e-10));
    assert_true(fabs(x - 0.1) <= 1e-10);
    equation at_end = {27, 0};
    assert_ok(ctx, ovp_numeric_root(&x, ctx, cubic, &at_end, 3, 9, 0));
    assert_true(x >= 3 && x <= 3);
    assert_fails(ctx, OVP_ENUMERIC, "no change of sign", ovp_numeric_root(&x, ctx, cubic, &at_end, 4, 9, 0));
    assert_fails(ctx, OVP_EINVAL, "in order", ovp_numeric_root(&x, ctx, cubic, &at_end, 9, 4, 0));
    assert_fails(ctx, OVP_EINVAL, "finite", ovp_numeric_root(&x, ctx, cubic, &at_end, 0, INFINITY, 0));
    assert_fails(ctx, OVP_ELIMIT, "no further", ovp_numeric_root(&x, ctx, failing, ctx, -1, 1, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(moments), CTX_TEST(functions), CTX_TEST(kinks), CTX_TEST(pairs), CTX_TEST(refusals), CTX_TEST(roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
