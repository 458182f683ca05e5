/* measure: least squares of C / (t + T0)^rho. */
#include "check.h"

#include <overparam/measure.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS 4000

static double t[POINTS], y[POINTS];

static double relative(double value, double expected) {
    return fabs(value / expected - 1);
}

/* y = C / (t + T0)^rho (1 + noise z), t = first, first + step, .. */
static void make(ovp_ctx *ctx, ovp_idx n, double first, double step, double scale, double rho, double shift,
                 double noise, uint64_t index) {
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 2385, OVP_PURPOSE_TEST, index));
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0, 1, y);
    for (ovp_idx i = 0; i < n; i++) {
        t[i] = first + step * (double)i;
        y[i] = scale * pow(t[i] + shift, -rho) * (1 + noise * y[i]);
    }
    ovp_numeric_rng_free(rng);
}

/* depth-limit 4a.12: C = 7.1e-5, rho = .61, and others over the range of the bounds. */
static void noiseless_decays_are_recovered(void **state) {
    ovp_ctx *ctx = *state;
    static const double scales[] = {7.1e-5, .317, 2.9}, rhos[] = {.03, .61, 1, 2.95};
    ovp_measure_decay fit;
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 4; b++) {
            make(ctx, 300, 1, 1, scales[a], rhos[b], 1, 0, 0);
            assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 300, t, y, 1, 0));
            assert_true(relative(fit.scale, scales[a]) < 1e-12 && relative(fit.rho, rhos[b]) < 1e-12);
            assert_true(fit.shift == 1 && fit.shift_se == 0 && fit.count == 300);
            assert_true(fit.residual < 1e-14 * scales[a] && fit.rho_se >= 0 && fit.rho_se < 1e-13);
        }
    /* epochs 1/391, 2/391, ..: the published scaling of steps */
    make(ctx, POINTS, 1. / 391, 1. / 391, 7.1e-5, .61, 1, 0, 0);
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, POINTS, t, y, 1, 0));
    assert_true(relative(fit.scale, 7.1e-5) < 1e-12 && relative(fit.rho, .61) < 1e-11);
}

/* The size of a series means nothing: squares of 1e-300 are no numbers. */
static void small_series_decay_alike(void **state) {
    ovp_ctx *ctx = *state;
    ovp_measure_decay fit, small;
    for (int shifted = 0; shifted < 2; shifted++) {
        make(ctx, 300, 1, 1, .3, .61, 2, .05, 3);
        assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 300, t, y, 2, shifted));
        for (int i = 0; i < 300; i++) y[i] = ldexp(y[i], -990);
        assert_ok(ctx, ovp_measure_fit_decay(&small, ctx, 300, t, y, 2, shifted));
        assert_true(relative(small.rho, fit.rho) < 1e-12 && relative(small.shift, fit.shift) < 1e-12);
        assert_true(relative(small.rho_se, fit.rho_se) < 1e-9);
        assert_true(relative(ldexp(small.scale, 990), fit.scale) < 1e-12);
        assert_true(relative(ldexp(small.scale_se, 990), fit.scale_se) < 1e-9);
        assert_true(relative(ldexp(small.residual, 990), fit.residual) < 1e-12);
    }
}

static void a_shift_is_recovered(void **state) {
    ovp_ctx *ctx = *state;
    static const double scales[] = {7.1e-5, .9}, rhos[] = {.2, .61, 1.4, 2.7}, shifts[] = {1.7, 20, 310};
    ovp_measure_decay fit;
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 4; b++)
            for (int c = 0; c < 3; c++) {
                make(ctx, 400, 1, 1, scales[a], rhos[b], shifts[c], 0, 0);
                assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 400, t, y, NAN, 1));
                if (!(relative(fit.scale, scales[a]) < 1e-6 && relative(fit.rho, rhos[b]) < 1e-6 &&
                      relative(fit.shift, shifts[c]) < 1e-6))
                    fail_msg("%g/(t+%g)^%g fitted as %.12g/(t+%.12g)^%.12g", scales[a], shifts[c], rhos[b], fit.scale,
                             fit.shift, fit.rho);
            }
}

/* depth-limit 4a.12: 5 % noise leaves rho within .01; and the errors given are those that noise makes: over 200 draws
 * the deviations in units of their standard errors have a spread near 1 (its own standard error is 1/sqrt(400)). */
static void noise_is_what_the_errors_say(void **state) {
    ovp_ctx *ctx = *state;
    ovp_measure_decay fit;
    make(ctx, POINTS, 1, 1, 7.1e-5, .61, 1, .05, 7);
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, POINTS, t, y, 1, 0));
    assert_true(fabs(fit.rho - .61) < .01 && fit.rho_se < .005);
    for (int shifted = 0; shifted < 2; shifted++) {
        double square[3] = {0};
        for (uint64_t draw = 0; draw < 200; draw++) {
            /* the same spread at every t, as least squares supposes */
            make(ctx, 60, 1, 1, .5, .9, 4, 0, 0);
            double noise[60];
            ovp_numeric_rng *rng;
            assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 17, OVP_PURPOSE_TEST, draw));
            ovp_numeric_rng_normal(rng, OVP_F64, 60, 0, 1, noise);
            ovp_numeric_rng_free(rng);
            for (int i = 0; i < 60; i++) y[i] += 2e-4 * noise[i];
            assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 60, t, y, 4, shifted));
            square[0] += pow((fit.scale - .5) / fit.scale_se, 2) / 200;
            square[1] += pow((fit.rho - .9) / fit.rho_se, 2) / 200;
            if (shifted) square[2] += pow((fit.shift - 4) / fit.shift_se, 2) / 200;
        }
        for (int k = 0; k < 2 + shifted; k++)
            if (!(fabs(sqrt(square[k]) - 1) < .2)) fail_msg("parameter %d: spread %g", k, sqrt(square[k]));
    }
}

/* Noise in proportion to y, most where the curve is steepest: the robust error is the spread over draws, the plain one
 * is too small. */
static void robust_errors_know_unequal_noise(void **state) {
    ovp_ctx *ctx = *state;
    enum { DRAWS = 300 };
    double rho[DRAWS], mean = 0, square = 0, plain = 0, robust = 0;
    for (int i = 0; i < DRAWS; i++) {
        ovp_measure_decay fit;
        make(ctx, 400, 1, 1, .5, .9, 1, .05, (uint64_t)i);
        assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 400, t, y, 1, 0));
        rho[i] = fit.rho;
        mean += fit.rho / DRAWS;
        plain += fit.rho_se / DRAWS;
        robust += fit.rho_robust_se / DRAWS;
    }
    for (int i = 0; i < DRAWS; i++) square += (rho[i] - mean) * (rho[i] - mean) / (DRAWS - 1);
    if (!(sqrt(square) > 1.5 * plain && fabs(sqrt(square) / robust - 1) < .2))
        fail_msg("spread %g, standard error %g, robust %g", sqrt(square), plain, robust);
    assert_true(fabs(mean - .9) < 5 * sqrt(square / DRAWS));
}

/* depth-limit 4a.11: Omega of a scalar residual net with identity activation that learns the constant 0 (recursion of
 * 4a.10; L = 64, alpha .75, gamma 1, lr 9/sqrt(2), 150 steps, 10 points), by theory 1/t with T0 = 2.81: rho and T0
 * found, rho with T0 = 1. scipy has .95605, 2.13396 (C at its bound 1) and .82778. */
static void a_scalar_net_decays_as_one_over_t(void **state) {
    ovp_ctx *ctx = *state;
    const double delta = pow(64, -.75), q = .8 * .625, lr = 9 / sqrt(2);
    double w = pow(64, -1.25) / 2, square = 0;
    ovp_measure_decay fit;
    for (int i = 0; i < 10; i++) square += pow((i + .5) / 5 - 1, 2) / 10;
    for (int k = 0; k <= 150; k++) {
        const double gain = pow(1 + delta * w, 64);
        t[k] = k + 1;
        y[k] = 4 * q * q * gain * gain * square;
        w -= lr * delta * gain / (1 + delta * w) * 2 * q * q * gain * square;
    }
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 151, t, y, 1, 1));
    assert_true(.9 < fit.rho && fit.rho < 1.05);
    assert_true(fabs(fit.rho - .95605) < 1e-5 && fabs(fit.shift - 2.13396) < 1e-4);
    assert_true(relative(fit.scale, 1) < 1e-14 && isnan(fit.scale_se) && fit.rho_se > 0);
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 151, t, y, 1, 0));
    assert_true(fabs(fit.rho - .82778) < 1e-5);
}

/* tests/golden/decay_fits.py: the minimum and covariance of scipy's curve_fit, whose derivatives are differences. */
static void fits_are_scipys(void **state) {
    ovp_ctx *ctx = *state;
    json_t *golden = json_load_file(OVP_TEST_DIR "/golden/data/decay_fits.json", 0, NULL), *row;
    size_t index;
    assert_int_equal(json_array_size(json_object_get(golden, "fits")), 5);
    json_array_foreach(json_object_get(golden, "fits"), index, row) {
        const json_t *parameters = json_object_get(row, "parameters"), *errors = json_object_get(row, "se"),
                     *robust = json_object_get(row, "robust_se");
        const size_t n = json_array_size(json_object_get(row, "t")), count = json_array_size(parameters);
        ovp_measure_decay fit;
        for (size_t i = 0; i < n; i++) {
            t[i] = json_number_value(json_array_get(json_object_get(row, "t"), i));
            y[i] = json_number_value(json_array_get(json_object_get(row, "y"), i));
        }
        assert_ok(ctx,
                  ovp_measure_fit_decay(&fit, ctx, (ovp_idx)n, t, y, json_number_value(json_object_get(row, "shift")),
                                        json_is_true(json_object_get(row, "fit_shift"))));
        const double found[] = {fit.scale, fit.rho, fit.shift}, se[] = {fit.scale_se, fit.rho_se, fit.shift_se},
                     robust_se[] = {fit.scale_robust_se, fit.rho_robust_se, fit.shift_robust_se};
        const double residual = json_number_value(json_object_get(row, "residual"));
        assert_true(count == 2 || count == 3);
        for (size_t k = 0; k < count; k++) {
            const double expected = json_number_value(json_array_get(parameters, k)),
                         expected_se = json_number_value(json_array_get(errors, k));
            if (!(fabs(found[k] - expected) < 1e-4 * expected_se && relative(se[k], expected_se) < 1e-5))
                fail_msg("%s, parameter %zu: %.15g +- %.10g, scipy has %.15g +- %.10g",
                         json_string_value(json_object_get(row, "name")), k, found[k], se[k], expected, expected_se);
        }
        for (size_t k = 0; k < count; k++)
            assert_true(relative(robust_se[k], json_number_value(json_array_get(robust, k))) < 1e-5);
        assert_true(fit.residual <= residual * (1 + 1e-12) && relative(fit.residual, residual) < 1e-9);
    }
    json_decref(golden);
}

/* A local minimum far from the best: the answer is no worse than any point of a fine grid over the bounds. */
static void the_minimum_is_global(void **state) {
    ovp_ctx *ctx = *state;
    for (uint64_t draw = 0; draw < 12; draw++) {
        ovp_measure_decay fit;
        make(ctx, 40, .5, .7, 1, .5, 1, 1.5, 100 + draw); /* hardly a decay any more */
        const int shifted = draw % 2 == 1;
        assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 40, t, y, 1, shifted));
        double best = INFINITY;
        for (int a = 0; a <= 50; a++)
            for (int b = 0; b <= 150; b++)
                for (int c = 0; c <= (shifted ? 20 : 0); c++) {
                    const double scale = a * (shifted ? .02 : .06), rho = b * .02,
                                 shift = shifted ? pow(500, c / 20.) : 1;
                    double square = 0;
                    for (int i = 0; i < 40; i++) square += pow(scale * pow(t[i] + shift, -rho) - y[i], 2);
                    best = fmin(best, square);
                }
        if (!(fit.residual * fit.residual * 40 <= best * (1 + 1e-12)))
            fail_msg("draw %d: %.12g, a grid has %.12g", (int)draw, fit.residual * fit.residual * 40, best);
    }
}

static void bounds_hold(void **state) {
    ovp_ctx *ctx = *state;
    ovp_measure_decay fit;
    make(ctx, 50, 1, 1, 40, 1, 1, 0, 0);
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 50, t, y, 1, 0));
    assert_true(relative(fit.scale, 3) < 1e-14 && isnan(fit.scale_se) && fit.rho < 1 && fit.rho_se > 0);
    make(ctx, 50, 1, 1, 1, 3.5, 1, 0, 0);
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 50, t, y, 1, 0));
    assert_true(fit.rho == 3 && isnan(fit.rho_se) && fit.scale_se > 0);
    for (int i = 0; i < 50; i++) y[i] = .1 * (i + 1); /* it grows */
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 50, t, y, 1, 0));
    assert_true(fit.rho == 0 && isnan(fit.rho_se) && relative(fit.scale, 2.55) < 1e-14);
    make(ctx, 50, 1, 1, .5, 1, .25, 0, 0);
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 50, t, y, 1, 1));
    assert_true(fit.shift == 1 && isnan(fit.shift_se) && fit.rho_se > 0);
    for (int i = 0; i < 50; i++) y[i] = -1;
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 50, t, y, 1, 0));
    assert_true(fit.scale == 0 && isnan(fit.rho) && isnan(fit.rho_se) && fit.residual == 1);
    /* no degree of freedom left: the fit, but no errors */
    make(ctx, 2, 1, 1, .5, 1, 1, 0, 0);
    assert_ok(ctx, ovp_measure_fit_decay(&fit, ctx, 2, t, y, 1, 0));
    assert_true(relative(fit.rho, 1) < 1e-12 && isnan(fit.rho_se) && isnan(fit.scale_se));
}

static void bad_series_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    ovp_measure_decay fit;
    make(ctx, 9, 1, 1, 1, 1, 1, 0, 0);
    assert_fails(ctx, OVP_EINVAL, "0 point(s)", ovp_measure_fit_decay(&fit, ctx, 0, t, y, 1, 0));
    assert_fails(ctx, OVP_EINVAL, "1 different t for 2", ovp_measure_fit_decay(&fit, ctx, 1, t, y, 1, 0));
    assert_fails(ctx, OVP_EINVAL, "2 different t for 3", ovp_measure_fit_decay(&fit, ctx, 2, t, y, 1, 1));
    assert_fails(ctx, OVP_EINVAL, "above 0", ovp_measure_fit_decay(&fit, ctx, 9, t, y, -1, 0));
    assert_fails(ctx, OVP_EINVAL, "above 0", ovp_measure_fit_decay(&fit, ctx, 9, t, y, NAN, 0));
    t[4] = -1;
    assert_fails(ctx, OVP_EINVAL, "point 4", ovp_measure_fit_decay(&fit, ctx, 9, t, y, 1, 1));
    t[4] = 5;
    y[6] = NAN;
    assert_fails(ctx, OVP_EINVAL, "point 6 of 9", ovp_measure_fit_decay(&fit, ctx, 9, t, y, 1, 0));
    for (int i = 0; i < 9; i++) t[i] = 2, y[i] = 1;
    assert_fails(ctx, OVP_EINVAL, "1 different t", ovp_measure_fit_decay(&fit, ctx, 9, t, y, 1, 0));
    make(ctx, 9, 1, 1, 1, 1, 1, 0, 0);
    ovp_cancel(ctx);
    assert_fails(ctx, OVP_EINTERRUPTED, "", ovp_measure_fit_decay(&fit, ctx, 9, t, y, 1, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(noiseless_decays_are_recovered),
        CTX_TEST(small_series_decay_alike),
        CTX_TEST(a_shift_is_recovered),
        CTX_TEST(noise_is_what_the_errors_say),
        CTX_TEST(robust_errors_know_unequal_noise),
        CTX_TEST(a_scalar_net_decays_as_one_over_t),
        CTX_TEST(fits_are_scipys),
        CTX_TEST(the_minimum_is_global),
        CTX_TEST(bounds_hold),
        CTX_TEST(bad_series_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
