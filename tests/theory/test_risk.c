/* Risk of least squares, ridge, random features and kernels: printed tables, limits, each other, and simulations. */
#include "check.h"

#include <overparam/theory.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.17g, expected %.17g +- %g", value, expected, tolerance);
}

static ovp_theory_risk ridge(ovp_ctx *ctx, double aspect, double signal, double noise, double lambda) {
    ovp_theory_risk out;
    assert_ok(ctx, ovp_theory_ridge(&out, ctx, aspect, signal, noise, lambda));
    return out;
}

static ovp_theory_risk least(ovp_ctx *ctx, ovp_idx n, ovp_idx p, double seen, double unseen, double noise) {
    ovp_theory_risk out;
    assert_ok(ctx, ovp_theory_least_squares(&out, ctx, n, p, seen, unseen, noise));
    return out;
}

/* Hastie et al. 2022, theorems 1 and 5: R = noise g / (1 - g), or r^2 (1 - 1/g) + noise / (g - 1); best: noise g m. */
static void the_isotropic_table(void **state) {
    static const struct {
        double aspect, one, one_best, five, five_best;
    } rows[] = {{.5, 1, .4142, 1, .7417},
                {.9, 9, .5884, 9, 1.5897},
                {1.1, 10.0909, .6439, 10.4545, 1.9799},
                {2, 1.5, .7808, 3.5, 3.1085},
                {10, 1.0111, .9512, 4.6111, 4.5895}};
    ovp_ctx *ctx = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double aspect = rows[i].aspect;
        double best;
        near(ridge(ctx, aspect, 1, 1, 0).excess, rows[i].one, 5.01e-5);
        near(ridge(ctx, aspect, 5, 1, 0).excess, rows[i].five, 5.01e-5);
        assert_ok(ctx, ovp_theory_ridge_best(&best, ctx, aspect, 5, 1));
        near(best, aspect / 5, 1e-15);
        near(ridge(ctx, aspect, 5, 1, best).excess, rows[i].five_best, 5.01e-5);
        near(ridge(ctx, aspect, 1, 1, aspect).excess, rows[i].one_best, 5.01e-5);
        /* the best is one: larger on both sides */
        assert_true(ridge(ctx, aspect, 5, 1, best * 1.05).excess > ridge(ctx, aspect, 5, 1, best).excess);
        assert_true(ridge(ctx, aspect, 5, 1, best / 1.05).excess > ridge(ctx, aspect, 5, 1, best).excess);
    }
}

static void limits_of_ridge(void **state) {
    ovp_ctx *ctx = *state;
    double before = 0;
    for (double aspect = .25; aspect < 8; aspect *= 2) {
        if (fabs(aspect - 1) < .1) continue;
        const ovp_theory_risk zero = ridge(ctx, aspect, 2, .5, 0), tiny = ridge(ctx, aspect, 2, .5, 1e-13);
        near(tiny.excess / zero.excess, 1, 1e-11);
        near(tiny.bias - zero.bias, 0, 1e-11);
        near(tiny.train - zero.train, 0, 1e-11);
        near(zero.train, aspect < 1 ? .5 * (1 - aspect) : 0, 1e-15);
        near(ridge(ctx, aspect, 2, .5, 1e9).excess, 2, 1e-8); /* nothing is learned */
        near(ridge(ctx, aspect, 2, .5, 1e9).train, 2.5, 1e-7);
    }
    assert_true(isinf(ridge(ctx, 1, 1, 1, 0).excess));
    assert_true(isfinite(ridge(ctx, 1, 1, 1, 1e-9).excess));
    near(ridge(ctx, 1, 1, 0, 0).excess, 0, 0);
    /* tuned, the risk has no peak: it rises with the aspect */
    for (double aspect = .1; aspect < 10; aspect *= 1.1) {
        const double now = ridge(ctx, aspect, 4, 1, aspect / 4).excess;
        assert_true(now > before);
        before = now;
    }
    /* the second descent's end for signal-to-noise S > 1: sqrt(S) / (sqrt(S) - 1) = 2 for S = 4 */
    const double lowest = ridge(ctx, 2, 4, 1, 0).excess;
    assert_true(ridge(ctx, 1.9, 4, 1, 0).excess > lowest && ridge(ctx, 2.1, 4, 1, 0).excess > lowest);
}

static void finite_least_squares(void **state) {
    ovp_ctx *ctx = *state;
    near(least(ctx, 20, 10, 3, 0, 2).excess, 2 * 10. / 9, 1e-15);
    near(least(ctx, 20, 40, 3, 0, 2).excess, 3 * .5 + 2 * 20. / 19, 1e-15);
    near(least(ctx, 20, 40, 3, 1, 2).excess, 3 * .5 + 3 * 20. / 19 + 1, 1e-15);
    near(least(ctx, 20, 10, 3, 1, 2).test, 3 * (1 + 10. / 9), 1e-14); /* Belkin, Hsu and Xu's form */
    near(least(ctx, 20, 0, 0, 5, 2).excess, 5, 0);
    near(least(ctx, 20, 5, 3, 0, 2).train, 1.5, 1e-15);
    for (ovp_idx p = 19; p <= 21; p++) {
        assert_true(isinf(least(ctx, 20, p, 1, 0, 1).excess));
        near(least(ctx, 20, p, 1, 0, 0).excess, p > 20 ? 1 - 20. / 21 : 0, 1e-15);
    }
    assert_true(isfinite(least(ctx, 20, 18, 1, 0, 1).excess) && isfinite(least(ctx, 20, 22, 1, 0, 1).excess));
    /* n to infinity at a fixed aspect */
    near(least(ctx, 1000000, 500000, 2, 0, 1).excess, ridge(ctx, .5, 2, 1, 0).excess, 3e-6);
    near(least(ctx, 1000000, 1500000, 2, 0, 1).excess, ridge(ctx, 1.5, 2, 1, 0).excess, 6e-6);
}

/* Mean over draws within 4.5 standard errors. */
static void finite_least_squares_simulated(void **state) {
    enum { TRIALS = 3000, N = 16 };
    static const ovp_idx features[] = {4, 11, 22, 48};
    ovp_ctx *ctx = *state;
    ovp_numeric_rng *rng;
    static double x[N * 48], y[N], beta[48], fit[48];
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 3, OVP_PURPOSE_DATA, 0));
    for (int f = 0; f < 4; f++) {
        const ovp_idx p = features[f];
        double sum = 0, squares = 0, train = 0;
        for (int t = 0; t < TRIALS; t++) {
            double excess = 0;
            ovp_numeric_rng_normal(rng, OVP_F64, N * p, 0, 1, x);
            ovp_numeric_rng_normal(rng, OVP_F64, N, 0, 1, y);
            for (ovp_idx j = 0; j < p; j++) beta[j] = sqrt(2. / (double)p);
            for (int i = 0; i < N; i++)
                for (ovp_idx j = 0; j < p; j++) y[i] += x[i * p + j] * beta[j];
            assert_ok(ctx, ovp_numeric_lstsq(fit, NULL, NULL, ctx, N, p, 1, x, y, 1e-14));
            for (ovp_idx j = 0; j < p; j++) excess += (fit[j] - beta[j]) * (fit[j] - beta[j]);
            for (int i = 0; i < N; i++) {
                double r = y[i];
                for (ovp_idx j = 0; j < p; j++) r -= x[i * p + j] * fit[j];
                train += r * r / N / TRIALS;
            }
            sum += excess;
            squares += excess * excess;
        }
        const double mean = sum / TRIALS, error = sqrt((squares / TRIALS - mean * mean) / TRIALS);
        const ovp_theory_risk theory = least(ctx, N, p, 2, 0, 1);
        near(mean, theory.excess, 4.5 * error);
        near(train, theory.train, p < N ? .03 : 1e-12);
    }
    ovp_numeric_rng_free(rng);
}

static ovp_theory_risk features_of(ovp_ctx *ctx, ovp_theory_random_features_options o) {
    ovp_theory_risk out;
    o.size = sizeof o;
    if (!(o.moments.rest > 0)) assert_ok(ctx, ovp_theory_activation_moments_get(&o.moments, ctx, "relu"));
    assert_ok(ctx, ovp_theory_random_features(&out, ctx, &o));
    return out;
}

static void moments_of_activations(void **state) {
    ovp_ctx *ctx = *state;
    const double pi = 3.14159265358979323846;
    ovp_theory_activation_moments m;
    assert_ok(ctx, ovp_theory_activation_moments_get(&m, ctx, "relu"));
    near(m.mean, 1 / sqrt(2 * pi), 1e-12);
    near(m.linear, .5, 1e-12);
    near(m.rest, .25 - 1 / (2 * pi), 1e-12);
    near(m.linear * m.linear / m.rest, 2.7519383939, 5.01e-11);
    assert_true(m.error < 1e-11);
    assert_ok(ctx, ovp_theory_activation_moments_get(&m, ctx, "abs")); /* even: nothing linear */
    near(m.linear, 0, 1e-12);
    near(m.rest, 1 - 2 / pi, 1e-12);
    assert_fails(ctx, OVP_EINVAL, "'relux' is unknown", ovp_theory_activation_moments_get(&m, ctx, "relux"));
}

/* ReLU, ||beta_1||^2 = 1, noise .2, psi_2 = 3: values of the paper's formula, computed apart (with its authors' MATLAB
 * terms, and at lambda 1e-6 by the complex fixed point). */
static void the_random_features_table(void **state) {
    static const double table[][2] = {{.5, .8500},   {1, .7719},    {2, 1.0849}, {2.5, 2.0680}, {2.9, 10.316},
                                      {3.1, 10.438}, {3.5, 2.1615}, {4, 1.1268}, {10, .2400},   {100, .1029}};
    static const double ridged[][2] = {{1, .7171}, {2.9, .4525}, {3.1, .4312}, {6, .2597}, {30, .1270}};
    ovp_ctx *ctx = *state;
    ovp_theory_random_features_options o = {.psi_2 = 3, .linear = 1, .noise = .2};
    for (size_t i = 0; i < 10; i++) {
        o.psi_1 = table[i][0];
        o.lambda = 0;
        const ovp_theory_risk r = features_of(ctx, o);
        near(r.excess, table[i][1], table[i][1] > 10 ? 5.01e-4 : 5.01e-5);
        if (o.psi_1 < 3) {
            near(r.variance, .2 * o.psi_1 / (3 - o.psi_1), 1e-9 * r.variance);
            near(r.train, (1 - o.psi_1 / 3) * (1 - o.psi_1 / 3) * r.test, 1e-12);
        } else {
            near(r.train, 0, 0);
        }
        o.lambda = 1e-12;
        near(features_of(ctx, o).excess / r.excess, 1, 1e-6);
    }
    for (size_t i = 0; i < 5; i++) {
        o.psi_1 = ridged[i][0];
        o.lambda = 1e-2;
        near(features_of(ctx, o).excess, ridged[i][1], 5.01e-5);
    }
}

static void limits_of_random_features(void **state) {
    ovp_ctx *ctx = *state;
    ovp_theory_random_features_options o = {.psi_1 = 2, .psi_2 = 3, .linear = 1.5, .nonlinear = .3, .noise = .2};
    double before;
    o.lambda = 1e8;
    near(features_of(ctx, o).excess, 1.8, 1e-6); /* nothing is learned */
    near(features_of(ctx, o).train, 2, 1e-6);
    o.lambda = 0;
    o.psi_1 = 3;
    assert_true(isinf(features_of(ctx, o).excess));
    /* past the peak more features are better, to a limit that is that of psi_1 = infinity */
    before = INFINITY;
    for (o.psi_1 = 3.5; o.psi_1 < 1e6; o.psi_1 *= 1.5) {
        const double now = features_of(ctx, o).excess;
        assert_true(now < before);
        before = now;
    }
    o.psi_1 = 1e9;
    near(features_of(ctx, o).excess, before, 1e-4);
    /* an even activation sees nothing of a linear target: it is missed, and acts as noise does */
    o = (ovp_theory_random_features_options){.psi_1 = 2, .psi_2 = 3, .linear = 1, .noise = 1, .lambda = 1e-3};
    assert_ok(ctx, ovp_theory_activation_moments_get(&o.moments, ctx, "abs"));
    o.moments.linear = 0;
    near(features_of(ctx, o).bias, 1 + features_of(ctx, o).variance, 1e-12);
}

static ovp_theory_eigenlearning eigen(ovp_ctx *ctx, ovp_idx count, const ovp_theory_mode *modes, double n,
                                      double ridge_, double noise) {
    ovp_theory_eigenlearning out;
    assert_ok(ctx, ovp_theory_eigenlearning_solve(&out, NULL, ctx, count, modes, n, ridge_, noise));
    return out;
}

/* A linear kernel on isotropic features is one mode: the ridge formula again. */
static void eigenlearning_of_a_linear_kernel_is_ridge(void **state) {
    ovp_ctx *ctx = *state;
    for (double aspect = .3; aspect < 5; aspect *= 1.7)
        for (double lambda = 0; lambda < 2; lambda += .7) {
            const ovp_theory_mode mode = {1, aspect * 200, 3};
            const ovp_theory_eigenlearning e = eigen(ctx, 1, &mode, 200, 200 * lambda, .7);
            const ovp_theory_risk r = ridge(ctx, aspect, 3, .7, lambda);
            near(e.risk.excess, r.excess, 1e-10 * r.excess);
            near(e.risk.train, r.train, 1e-10);
        }
}

static void learnability_is_conserved(void **state) {
    enum { MODES = 500 };
    static ovp_theory_mode modes[MODES];
    static double l[MODES];
    ovp_ctx *ctx = *state;
    ovp_theory_eigenlearning e;
    double kappa = INFINITY;
    for (int i = 0; i < MODES; i++) modes[i] = (ovp_theory_mode){pow(i + 1, -1.5), 1 + i % 3, pow(i + 1, -2)};
    for (double n = 3; n < 400; n *= 1.6) {
        assert_ok(ctx, ovp_theory_eigenlearning_solve(&e, l, ctx, MODES, modes, n, 0, .1));
        near(e.learned, n, 1e-10 * n);
        near(e.risk.train, 0, 1e-20);
        for (int i = 1; i < MODES; i++) assert_true(l[i] < l[i - 1] && l[i] > 0 && l[0] < 1);
        assert_true(e.kappa < kappa);
        kappa = e.kappa;
        assert_true(eigen(ctx, MODES, modes, n, .5, .1).learned < n);
    }
    /* more samples than modes: everything is learned but the noise */
    e = eigen(ctx, MODES, modes, 2000, 0, .1);
    near(e.kappa, 0, 0);
    near(e.learned, 999, 1e-9); /* the multiplicities' sum */
    near(e.risk.test, .1 * 2000 / 1001, 1e-12);
    near(e.risk.train, .1 * 1001 / 2000, 1e-12);
    assert_true(isinf(eigen(ctx, MODES, modes, 999, 0, .1).risk.test));
    /* one known solution: eigenvalues 1 (4 times) and n 2, no ridge: 4 / (1 + kappa) = 2 */
    const ovp_theory_mode flat = {1, 4, 8};
    near(eigen(ctx, 1, &flat, 2, 0, 0).kappa, 1, 1e-13);
    near(eigen(ctx, 1, &flat, 2, 0, 0).risk.test, 2. / (2 - 1) * 8 / 4, 1e-12);
    /* a target outside the kernel's space is noise that never goes away */
    const ovp_theory_mode outside[] = {{1, 4, 0}, {0, 1, 3}};
    near(eigen(ctx, 2, outside, 40, 0, 0).risk.bias, 3, 1e-15);
}

/* In the limit of large d it is Mei and Montanari's formula; with infinitely many features it is eigenlearning. */
static void random_features_of_modes(void **state) {
    ovp_ctx *ctx = *state;
    const double d = 1e7, pi = 3.14159265358979323846;
    ovp_theory_mode modes[2] = {{.25 / d, d, 1}, {(.25 - 1 / (2 * pi)) / 1e14, 1e14, 0}};
    ovp_theory_random_features_options o = {.psi_2 = 3, .linear = 1, .noise = .2};
    ovp_theory_risk r;
    for (int k = 0; k < 6; k++) {
        static const double psi[] = {.5, 1, 2.5, 3.1, 4, 30};
        for (int ridged = 0; ridged < 2; ridged++) {
            o.psi_1 = psi[k];
            o.lambda = ridged ? .01 : 0;
            const ovp_theory_risk limit = features_of(ctx, o);
            assert_ok(ctx, ovp_theory_random_features_of_modes(&r, ctx, 2, modes, 3 * d, psi[k] * d,
                                                               3 * d * o.lambda / d, .2));
            near(r.excess / limit.excess, 1, 2e-5);
            near(r.train, limit.train, 1e-5);
        }
    }
    for (double ridge_ = 0; ridge_ < 3; ridge_ += 1) {
        const ovp_theory_mode few[] = {{1, 10, 2}, {.1, 100, 1}, {1e-3, 5000, .5}};
        assert_ok(ctx, ovp_theory_random_features_of_modes(&r, ctx, 3, few, 80, 1e13, ridge_, .3));
        near(r.test, eigen(ctx, 3, few, 80, ridge_, .3).risk.test, 1e-8);
        near(r.train, eigen(ctx, 3, few, 80, ridge_, .3).risk.train, 1e-8);
    }
    assert_ok(ctx, ovp_theory_random_features_of_modes(&r, ctx, 2, modes, 50, 50, 0, .1));
    assert_true(isinf(r.test));
    assert_fails(ctx, OVP_EINVAL, "features 0", ovp_theory_random_features_of_modes(&r, ctx, 2, modes, 50, 0, 0, .1));
    assert_fails(ctx, OVP_ENUMERIC, "without a ridge",
                 ovp_theory_random_features_of_modes(&r, ctx, 1, &(ovp_theory_mode){1, 10, 1}, 50, 40, 0, .1));
}

/* Parts of each degree for relu at d = 100 by Gauss-Legendre quadrature on both sides of 0 (numpy, 4000 nodes each). */
static void spectrum_on_the_sphere(void **state) {
    static const double parts[] = {1.59952697e-01, .25, 7.91688235e-02, 0, 6.52717960e-03, 0, 1.93638824e-03};
    ovp_ctx *ctx = *state;
    ovp_theory_mode modes[15];
    double sum = 0;
    assert_ok(ctx, ovp_theory_sphere_spectrum(modes, ctx, 15, 100, "relu"));
    for (int l = 0; l < 7; l++) near(modes[l].eigenvalue * modes[l].multiplicity, parts[l], 1e-8);
    for (int l = 0; l < 15; l++) sum += modes[l].eigenvalue * modes[l].multiplicity;
    near(sum, .5, 1e-8);
    near(modes[1].multiplicity, 100, 0);
    near(modes[2].multiplicity, 5049, 0); /* d (d + 1) / 2 - 1 */
    assert_fails(ctx, OVP_EINVAL, "'relux'", ovp_theory_sphere_spectrum(modes, ctx, 15, 100, "relux"));
    assert_fails(ctx, OVP_EINVAL, "d 4", ovp_theory_sphere_spectrum(modes, ctx, 15, 4, "relu"));
    assert_fails(ctx, OVP_EINVAL, "65 modes", ovp_theory_sphere_spectrum(modes, ctx, 65, 100, "relu"));
}

static void what_is_refused(void **state) {
    ovp_ctx *ctx = *state;
    ovp_theory_risk r;
    ovp_theory_eigenlearning e;
    const ovp_theory_mode none = {0, 1, 1}, bad = {1, 0, 1}, good = {1, 1, 1};
    ovp_theory_random_features_options o = {.size = sizeof o, .moments = {0, .5, .1, 0}, .psi_1 = 1, .psi_2 = 1};
    double lambda;
    assert_fails(ctx, OVP_EINVAL, "n 0 samples", ovp_theory_least_squares(&r, ctx, 0, 1, 1, 0, 1));
    assert_fails(ctx, OVP_EINVAL, "p -1 features", ovp_theory_least_squares(&r, ctx, 5, -1, 1, 0, 1));
    assert_fails(ctx, OVP_EINVAL, "noise -1", ovp_theory_least_squares(&r, ctx, 5, 1, 1, 0, -1));
    assert_fails(ctx, OVP_EINVAL, "signal seen nan", ovp_theory_least_squares(&r, ctx, 5, 1, NAN, 0, 1));
    assert_fails(ctx, OVP_EINVAL, "unseen inf", ovp_theory_least_squares(&r, ctx, 5, 1, 1, INFINITY, 1));
    assert_fails(ctx, OVP_EINVAL, "aspect (features / samples) 0", ovp_theory_ridge(&r, ctx, 0, 1, 1, 0));
    assert_fails(ctx, OVP_EINVAL, "lambda -1", ovp_theory_ridge(&r, ctx, 1, 1, 1, -1));
    assert_fails(ctx, OVP_EINVAL, "signal -2", ovp_theory_ridge_best(&lambda, ctx, 1, -2, 1));
    assert_fails(ctx, OVP_EINVAL, "noise nan", ovp_theory_ridge_best(&lambda, ctx, 1, 2, NAN));
    assert_ok(ctx, ovp_theory_ridge_best(&lambda, ctx, 1, 0, 1));
    assert_true(isinf(lambda));
    o.psi_1 = 0;
    assert_fails(ctx, OVP_EINVAL, "psi_1", ovp_theory_random_features(&r, ctx, &o));
    o.psi_1 = 1, o.psi_2 = -1;
    assert_fails(ctx, OVP_EINVAL, "psi_2", ovp_theory_random_features(&r, ctx, &o));
    o.psi_2 = 1, o.lambda = -1;
    assert_fails(ctx, OVP_EINVAL, "lambda -1", ovp_theory_random_features(&r, ctx, &o));
    o.lambda = 0, o.moments.rest = 0;
    assert_fails(ctx, OVP_EINVAL, "beyond linear", ovp_theory_random_features(&r, ctx, &o));
    assert_fails(ctx, OVP_EINVAL, "no mode", ovp_theory_eigenlearning_solve(&e, NULL, ctx, 0, &good, 5, 0, 0));
    assert_fails(ctx, OVP_EINVAL, "n (samples) 0", ovp_theory_eigenlearning_solve(&e, NULL, ctx, 1, &good, 0, 0, 0));
    assert_fails(ctx, OVP_EINVAL, "ridge -1", ovp_theory_eigenlearning_solve(&e, NULL, ctx, 1, &good, 5, -1, 0));
    assert_fails(ctx, OVP_EINVAL, "multiplicity 0", ovp_theory_eigenlearning_solve(&e, NULL, ctx, 1, &bad, 5, 0, 0));
    assert_fails(ctx, OVP_EINVAL, "sum of the eigenvalues 0",
                 ovp_theory_eigenlearning_solve(&e, NULL, ctx, 1, &none, 5, 0, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(the_isotropic_table),       CTX_TEST(limits_of_ridge),
        CTX_TEST(finite_least_squares),      CTX_TEST(finite_least_squares_simulated),
        CTX_TEST(moments_of_activations),    CTX_TEST(the_random_features_table),
        CTX_TEST(limits_of_random_features), CTX_TEST(eigenlearning_of_a_linear_kernel_is_ridge),
        CTX_TEST(learnability_is_conserved), CTX_TEST(random_features_of_modes),
        CTX_TEST(spectrum_on_the_sphere),    CTX_TEST(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
