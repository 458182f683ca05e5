/* The law of Marchenko and Pastur: its integral, its moments, values of closed cases, and the distance to samples. */
#include "check.h"

#include <overparam/theory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;
static const double aspects[] = {1e-3, .02, .1, .5, .9, 1, 1.2, 3, 50};
enum { ASPECTS = sizeof aspects / sizeof aspects[0] };

static ovp_theory_marchenko_pastur law_of(ovp_ctx *ctx, double aspect, double variance) {
    ovp_theory_marchenko_pastur law;
    assert_ok(ctx, ovp_theory_marchenko_pastur_make(&law, ctx, aspect, variance));
    return law;
}

/* int_a^x t^power density(t) dt with t = middle - half cos(s): the integrand is smooth (a sine squared) and the
 * trapezoid rule over [0, angle(x)], Romberg once, converges fast; over all of [0, pi] exponentially. */
static double integral(const ovp_theory_marchenko_pastur *law, double x, int power) {
    const double middle = (law->low + law->high) / 2, half = (law->high - law->low) / 2;
    const double end = acos(fmax(-1, fmin(1, (middle - x) / half)));
    enum { N = 1 << 16 };
    double coarse = 0, fine = 0;
    for (int k = 1; k < N; k++) {
        const double s = end * k / N, t = middle - half * cos(s);
        const double value = ovp_theory_marchenko_pastur_density(law, t) * pow(t, power) * half * sin(s);
        fine += value;
        if (k % 2 == 0) coarse += value;
    }
    const double s = end, t = middle - half * cos(s);
    const double last = ovp_theory_marchenko_pastur_density(law, t) * pow(t, power) * half * sin(s) / 2;
    fine = (fine + last) * end / N;
    coarse = (coarse + last) * 2 * end / N;
    return (4 * fine - coarse) / 3;
}

static void edges_and_mass_at_zero(void **state) {
    const ovp_theory_marchenko_pastur flat = law_of(*state, .25, 1), wide = law_of(*state, 4, 1);
    assert_true(fabs(flat.low - .25) < 1e-15 && fabs(flat.high - 2.25) < 1e-15 && flat.zero == 0);
    assert_true(fabs(wide.low - 1) < 1e-15 && fabs(wide.high - 9) < 1e-15 && fabs(wide.zero - .75) < 1e-15);
    const ovp_theory_marchenko_pastur thesis = law_of(*state, 100. / 5000, 1);
    assert_true(fabs(thesis.high - 1.3028427124746191) < 1e-14); /* (1 + sqrt(.02))^2, bc -l */
}

/* 1 without the mass at 0; first two moments of the whole law: variance, variance^2 (1 + aspect). */
static void integral_and_moments(void **state) {
    for (int i = 0; i < ASPECTS; i++)
        for (int v = 0; v < 2; v++) {
            const double variance = v ? 2.5 : 1;
            const ovp_theory_marchenko_pastur law = law_of(*state, aspects[i], variance);
            /* aspect 1: the lower edge is 0, where the density is infinite and the quadrature of order two */
            const double tolerance = i == 5 ? 1e-4 : 1e-10;
            assert_true(fabs(integral(&law, law.high, 0) - (1 - law.zero)) < tolerance);
            assert_true(fabs(integral(&law, law.high, 1) / variance - 1) < 1e-9);
            assert_true(fabs(integral(&law, law.high, 2) / (variance * variance * (1 + aspects[i])) - 1) < 1e-9);
        }
}

static void distribution_is_the_integral_of_the_density(void **state) {
    for (int i = 0; i < ASPECTS; i++) {
        const ovp_theory_marchenko_pastur law = law_of(*state, aspects[i], 1.7);
        double before = law.zero;
        assert_true(ovp_theory_marchenko_pastur_cdf(&law, -1e-9) == 0);
        assert_true(ovp_theory_marchenko_pastur_cdf(&law, law.low) == law.zero);
        assert_true(ovp_theory_marchenko_pastur_cdf(&law, law.high) == 1);
        assert_true(ovp_theory_marchenko_pastur_cdf(&law, 1e300) == 1);
        assert_true(ovp_theory_marchenko_pastur_density(&law, law.high * 1.001) == 0);
        for (int k = 1; k < 40; k++) {
            const double x = law.low + (law.high - law.low) * k / 40;
            const double value = ovp_theory_marchenko_pastur_cdf(&law, x);
            assert_true(value > before);
            before = value;
            if (i != 5) assert_true(fabs(value - law.zero - integral(&law, x, 0)) < 2e-9);
        }
    }
}

/* Aspect 1, variance 1: X X^T is the square of a matrix with the quarter-circle law, so with x = s^2
 * F(x) = (s sqrt(4 - s^2) / 2 + 2 asin(s / 2)) / pi. */
static void aspect_one_is_the_quarter_circle(void **state) {
    const ovp_theory_marchenko_pastur law = law_of(*state, 1, 1);
    for (int k = 1; k < 200; k++) {
        const double s = 2. * k / 200;
        const double expected = (s * sqrt(4 - s * s) / 2 + 2 * asin(s / 2)) / pi;
        assert_true(fabs(ovp_theory_marchenko_pastur_cdf(&law, s * s) - expected) < 2e-15);
        assert_true(fabs(ovp_theory_marchenko_pastur_density(&law, s * s) - sqrt(4 - s * s) / (2 * pi * s)) < 1e-13);
    }
    assert_true(isnan(ovp_theory_marchenko_pastur_cdf(&law, NAN)));
    assert_true(isnan(ovp_theory_marchenko_pastur_density(&law, NAN)));
}

/* X^T X has the same non-zero eigenvalues as X X^T: law(1/g) is law(g) stretched by 1/g, thinned by g. */
static void transposing_changes_the_mass_at_zero_alone(void **state) {
    const double g = .3;
    const ovp_theory_marchenko_pastur law = law_of(*state, g, 1), other = law_of(*state, 1 / g, g);
    for (int k = 0; k <= 20; k++) {
        const double x = law.low + (law.high - law.low) * k / 20;
        const double a = ovp_theory_marchenko_pastur_cdf(&law, x), b = ovp_theory_marchenko_pastur_cdf(&other, x);
        assert_true(fabs((1 - g) + g * a - b) < 4e-15);
    }
}

static void distance_of_samples(void **state) {
    const ovp_theory_marchenko_pastur law = law_of(*state, .5, 1);
    const double below[] = {-1}, median[] = {1}, three[] = {-1, 1, 9};
    const double f = ovp_theory_marchenko_pastur_cdf(&law, 1);
    assert_true(f > .5); /* so the distance of one value there is its jump's lower side */
    assert_true(ovp_theory_marchenko_pastur_distance(&law, 1, below) == 1);
    assert_true(fabs(ovp_theory_marchenko_pastur_distance(&law, 1, median) - f) < 1e-15);
    assert_true(fabs(ovp_theory_marchenko_pastur_distance(&law, 3, three) - 1. / 3) < 1e-15);
    assert_true(isnan(ovp_theory_marchenko_pastur_distance(&law, 0, NULL)));
    assert_true(isnan(ovp_theory_marchenko_pastur_distance(&law, 1, (const double[]){NAN})));

    /* values at the law's own quantiles (i + 1/2) / n, found by bisection, are 1 / 2n away; a mass at 0 met exactly */
    const ovp_theory_marchenko_pastur zeros = law_of(*state, 2, 1);
    double quantiles[200];
    for (int i = 0; i < 200; i++) {
        const double p = (i + .5) / 200;
        double low = 0, high = zeros.high;
        if (p < zeros.zero) high = 0;
        for (int step = 0; step < 100 && high > 0; step++) {
            const double middle = (low + high) / 2;
            if (ovp_theory_marchenko_pastur_cdf(&zeros, middle) < p)
                low = middle;
            else
                high = middle;
        }
        quantiles[i] = high;
    }
    assert_true(fabs(ovp_theory_marchenko_pastur_distance(&zeros, 200, quantiles) - .5 / 200) < 1e-12);
}

static void bad_values_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    ovp_theory_marchenko_pastur law;
    const double bad[] = {0, -1, NAN, INFINITY};
    for (int i = 0; i < 4; i++) {
        assert_fails(ctx, OVP_EINVAL, "aspect", ovp_theory_marchenko_pastur_make(&law, ctx, bad[i], 1));
        assert_fails(ctx, OVP_EINVAL, "variance", ovp_theory_marchenko_pastur_make(&law, ctx, 1, bad[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(edges_and_mass_at_zero),
        CTX_TEST(integral_and_moments),
        CTX_TEST(distribution_is_the_integral_of_the_density),
        CTX_TEST(aspect_one_is_the_quarter_circle),
        CTX_TEST(transposing_changes_the_mass_at_zero_alone),
        CTX_TEST(distance_of_samples),
        CTX_TEST(bad_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
