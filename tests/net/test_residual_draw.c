/* Starts of residual nets: the initialisers' values, ntrunc's distribution, torch's order of draws. */
#include "residuals.h"

enum { L = 8 };

static ovp_net_residual_options shape_of(ovp_numeric_type type, ovp_idx dim, ovp_idx layers) {
    return (ovp_net_residual_options){.size = sizeof(ovp_net_residual_options),
                                      .inputs = 3,
                                      .dim = dim,
                                      .outputs = 2,
                                      .layers = layers,
                                      .alpha = .75,
                                      .type = type};
}

static ovp_net_residual_start start_of(const char *init, double gamma, int readme) {
    return (ovp_net_residual_start){
        .size = sizeof(ovp_net_residual_start), .init = init, .gamma = gamma, .readme = readme};
}

/* L = 8, alpha 3/4, gamma 1: w = 5/4. From the formulas, in float64, to seven digits. */
static void profiles_have_their_values(void **state) {
    static const struct {
        const char *init;
        double value[L]; /* NAN: not given */
    } want[] = {
        {"constant",
         {3.716272e-2, 3.716272e-2, 3.716272e-2, 3.716272e-2, 3.716272e-2, 3.716272e-2, 3.716272e-2, 3.716272e-2}},
        {"lin-dec", {6.289956e-2, NAN, NAN, NAN, NAN, NAN, NAN, 0}},
        {"lin-inc", {0, NAN, NAN, NAN, NAN, NAN, NAN, 6.289956e-2}},
        {"quad", {0, 3.855686e-3, NAN, 9.170417e-3, 9.170417e-3, NAN, 3.855686e-3, 0}},
        {"lin-dec-sym", {4.130356e-2, 3.125e-2, 2.181105e-2, 1.313901e-2, 5.524272e-3, 0, -5.524272e-3, -1.313901e-2}},
        {"lin-inc-sym",
         {-3.125e-2, -2.181105e-2, -1.313901e-2, -5.524272e-3, 0, 5.524272e-3, 1.313901e-2, 2.181105e-2}},
    };
    for (int k = 0; k < 6; k++) {
        double u[6], v[4], theta[L * 4];
        ovp_numeric_rng *rng;
        const ovp_net_residual_options o = shape_of(OVP_F64, 2, L);
        const ovp_net_residual_start s = start_of(want[k].init, 1, 0);
        assert_ok(*state, ovp_numeric_rng_create(&rng, *state, OVP_RNG_PHILOX, 1, OVP_PURPOSE_INIT, 0));
        assert_ok(*state, ovp_net_residual_draw(*state, &o, &s, rng, u, v, theta));
        for (int i = 0; i < L * 4; i++) {
            assert_near(theta[i], theta[i / 4 * 4], 0);
            if (!isnan(want[k].value[i / 4])) assert_near(theta[i], want[k].value[i / 4], 1e-6 * fabs(theta[i]));
        }
        ovp_numeric_rng_free(rng);
    }
}

/* L^(1 - alpha) m = L^(-1/gamma) / 2 whatever alpha; and the README's form, over d^2. */
static void the_constant_does_not_depend_on_alpha(void **state) {
    const double alphas[] = {.2, .49, .75, 1};
    for (int a = 0; a < 4; a++)
        for (int readme = 0; readme < 2; readme++) {
            static double u[9], v[6], theta[100 * 9];
            ovp_numeric_rng *rng;
            ovp_net_residual_options o = shape_of(OVP_F64, 3, 100);
            o.alpha = alphas[a];
            const ovp_net_residual_start s = start_of(NULL, 1, readme);
            assert_ok(*state, ovp_numeric_rng_create(&rng, *state, OVP_RNG_PHILOX, 1, OVP_PURPOSE_INIT, 0));
            assert_ok(*state, ovp_net_residual_draw(*state, &o, &s, rng, u, v, theta));
            assert_near(pow(100, 1 - alphas[a]) * theta[5], readme ? .01 / 9 : .005, 1e-14);
            ovp_numeric_rng_free(rng);
        }
}

/* |x| <= m always, mean 0 and variance m^2/3 (1 - 2m/15 + ..) of std = sqrt(m) cut at m; and of the README's std = m,
 * for which 1 - 2 phi(1) / (2 Phi(1) - 1) = 0.29112509. */
static void truncated_normals_have_their_moments(void **state) {
    enum { D = 320, N = D * D };
    static float u[D * 3], v[D * 2], theta[N];
    static double exact[N];
    for (int kind = 0; kind < 2; kind++)
        for (int type = OVP_F32; type <= OVP_F64; type++)
            for (int readme = 0; readme < 2; readme++) {
                static double u64[D * 3], v64[D * 2];
                ovp_numeric_rng *rng;
                ovp_net_residual_options o = shape_of((ovp_numeric_type)type, D, 1);
                const ovp_net_residual_start s = start_of("ntrunc", 1, readme); /* one layer: M = 1 */
                const double m = readme ? 1.0 / N : .5;
                const double variance = readme ? .29112509 * m * m : m * m / 3 * (1 - 2 * m / 15);
                assert_ok(*state, ovp_numeric_rng_create(&rng, *state, kind ? OVP_RNG_PHILOX : OVP_RNG_TORCH, 3,
                                                         OVP_PURPOSE_INIT, 0));
                assert_ok(*state, ovp_net_residual_draw(*state, &o, &s, rng, type == OVP_F32 ? (void *)u : u64,
                                                        type == OVP_F32 ? (void *)v : v64,
                                                        type == OVP_F32 ? (void *)theta : exact));
                double mean = 0, square = 0;
                for (int i = 0; i < N; i++) {
                    const double x = type == OVP_F32 ? (double)theta[i] : exact[i];
                    assert_true(fabs(x) <= (double)(float)m * (1 + 1e-7));
                    mean += x / N;
                    square += x * x / N;
                }
                assert_near(mean, 0, 4 * sqrt(variance / N));
                assert_near(square, variance, .02 * variance);
                ovp_numeric_rng_free(rng);
            }
}

/* torch.manual_seed(3); U, V, then for each block nn.Linear(2, 2, bias=False) and trunc_normal_ on its weight: the same
 * stream taken apart here with the pieces that tests/numeric holds against torch. */
static void draws_come_in_the_order_of_the_program(void **state) {
    float u[6], v[4], theta[L * 4], want[6], block[4];
    ovp_numeric_rng *rng, *other;
    const ovp_net_residual_options o = shape_of(OVP_F32, 2, L);
    const ovp_net_residual_start s = start_of("ntrunc", 1, 0);
    const double m = pow(L, -1.25) / 2;
    assert_ok(*state, ovp_numeric_rng_create(&rng, *state, OVP_RNG_TORCH, 3, OVP_PURPOSE_INIT, 0));
    assert_ok(*state, ovp_numeric_rng_create(&other, *state, OVP_RNG_TORCH, 3, OVP_PURPOSE_INIT, 0));
    assert_ok(*state, ovp_net_residual_draw(*state, &o, &s, rng, u, v, theta));
    ovp_numeric_rng_uniform(other, OVP_F32, 6, -1 / sqrt(3), 1 / sqrt(3), want);
    assert_memory_equal(u, want, sizeof u);
    ovp_numeric_rng_uniform(other, OVP_F32, 4, -1 / sqrt(2), 1 / sqrt(2), want);
    assert_memory_equal(v, want, sizeof v);
    for (int k = 0; k < L; k++) {
        ovp_numeric_rng_uniform(other, OVP_F32, 4, -1 / sqrt(2), 1 / sqrt(2), block);
        ovp_numeric_torch_trunc_normal(other, 4, 0, sqrt(m), -m, m, block);
        assert_memory_equal(theta + k * 4, block, sizeof block);
    }
    assert_int_equal(ovp_numeric_rng_word(rng), ovp_numeric_rng_word(other));
    ovp_numeric_rng_free(rng);
    ovp_numeric_rng_free(other);
}

/* A bound of at most 1e-9 is written, not drawn; the Linear's own draw is made all the same. */
static void tiny_bounds_are_constants(void **state) {
    static double u[3], v[2], theta[1000];
    ovp_numeric_rng *rng, *other;
    ovp_net_residual_options o = shape_of(OVP_F64, 1, 1000);
    const ovp_net_residual_start s = start_of("ntrunc", .3, 0);
    double skipped;
    assert_ok(*state, ovp_numeric_rng_create(&rng, *state, OVP_RNG_TORCH, 3, OVP_PURPOSE_INIT, 0));
    assert_ok(*state, ovp_numeric_rng_create(&other, *state, OVP_RNG_TORCH, 3, OVP_PURPOSE_INIT, 0));
    assert_ok(*state, ovp_net_residual_draw(*state, &o, &s, rng, u, v, theta));
    for (int i = 0; i < 1000; i++) assert_near(theta[i], pow(1000, -1 / .3 - .25) / 2, 1e-24);
    for (int i = 0; i < 1005; i++) ovp_numeric_rng_uniform(other, OVP_F64, 1, 0, 1, &skipped);
    assert_int_equal(ovp_numeric_rng_word(rng), ovp_numeric_rng_word(other));
    ovp_numeric_rng_free(rng);
    ovp_numeric_rng_free(other);
}

static void bad_starts_are_named(void **state) {
    double u[6], v[4], theta[L * 4];
    ovp_numeric_rng *rng;
    assert_ok(*state, ovp_numeric_rng_create(&rng, *state, OVP_RNG_PHILOX, 1, OVP_PURPOSE_INIT, 0));
    ovp_net_residual_options o = shape_of(OVP_F64, 2, L);
    ovp_net_residual_start s = start_of("linear", 1, 0);
    assert_fails(*state, OVP_EINVAL, "'linear'", ovp_net_residual_draw(*state, &o, &s, rng, u, v, theta));
    s = start_of("constant", 0, 0);
    assert_fails(*state, OVP_EINVAL, "gamma 0", ovp_net_residual_draw(*state, &o, &s, rng, u, v, theta));
    s = start_of("lin-dec", 1, 0);
    o.alpha = 4; /* w = -2: 0^-2 in the last block */
    assert_fails(*state, OVP_EINVAL, "block 7", ovp_net_residual_draw(*state, &o, &s, rng, u, v, theta));
    o.alpha = .5;
    o.layers = 0;
    assert_fails(*state, OVP_EINVAL, "0 layers", ovp_net_residual_draw(*state, &o, &s, rng, u, v, theta));
    ovp_numeric_rng_free(rng);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(profiles_have_their_values),
        CTX_TEST(the_constant_does_not_depend_on_alpha),
        CTX_TEST(truncated_normals_have_their_moments),
        CTX_TEST(draws_come_in_the_order_of_the_program),
        CTX_TEST(tiny_bounds_are_constants),
        CTX_TEST(bad_starts_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
