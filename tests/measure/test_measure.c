/* measure: weight movement, accuracy, power-law fits, means, ranks, medians. */
#include "check.h"

#include <overparam/measure.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- movement ------------------------------------------------------------------------------------ */

typedef struct pair {
    ovp_net_model *model;
    char *theta0, *theta;
    ovp_idx parameters;
} pair;

static pair make_pair(ovp_ctx *ctx, ovp_numeric_type type, const char *engine, ovp_idx d, ovp_idx w, ovp_idx c) {
    pair p;
    const ovp_idx widths[] = {d, w, c};
    const ovp_net_dense_options options = {
        .size = sizeof options, .layers = 2, .widths = widths, .type = type, .engine = engine};
    const ovp_net_init_options init = {sizeof init, "torch-default", 0};
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_net_dense_create(&p.model, ctx, &options));
    p.parameters = ovp_net_model_parameters(p.model);
    assert_ok(ctx, ovp_alloc(ctx, &p.theta0, p.parameters, 8));
    assert_ok(ctx, ovp_alloc(ctx, &p.theta, p.parameters, 8));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 2385, OVP_PURPOSE_TEST, 0));
    assert_ok(ctx, ovp_net_init(p.model, ctx, &init, rng, p.theta0));
    assert_ok(ctx, ovp_net_init(p.model, ctx, &init, rng, p.theta));
    ovp_numeric_rng_free(rng);
    return p;
}

static void free_pair(ovp_ctx *ctx, pair *p) {
    ovp_free(ctx, p->theta0);
    ovp_free(ctx, p->theta);
    ovp_net_model_free(p->model);
}

static double at(ovp_numeric_type type, const void *data, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* The definition, tensor by tensor, through ovp_net_slice_get. */
static ovp_measure_movement by_definition(ovp_ctx *ctx, const pair *p) {
    ovp_idx count;
    const ovp_net_slice *slice = ovp_net_model_slices(p->model, &count);
    ovp_numeric_type type = ovp_net_model_type(p->model);
    double moved = 0, start = 0, moved2 = 0, start2 = 0;
    for (ovp_idx s = 0; s < count; s++) {
        void *a, *b;
        double m = 0, n = 0;
        assert_ok(ctx, ovp_alloc(ctx, &a, slice[s].count, 8));
        assert_ok(ctx, ovp_alloc(ctx, &b, slice[s].count, 8));
        ovp_net_slice_get(p->model, &slice[s], p->theta0, a);
        ovp_net_slice_get(p->model, &slice[s], p->theta, b);
        for (ovp_idx i = 0; i < slice[s].count; i++) {
            m += pow(at(type, b, i) - at(type, a, i), 2);
            n += pow(at(type, a, i), 2);
        }
        moved += sqrt(m);
        start += sqrt(n);
        moved2 += m;
        start2 += n;
        ovp_free(ctx, a);
        ovp_free(ctx, b);
    }
    return (ovp_measure_movement){moved / start, sqrt(moved2 / start2)};
}

static void movement_is_its_definition(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const engines[] = {"reference", "gemm"};
    for (int t = 0; t < 2; t++)
        for (int e = 0; e < 2; e++) {
            /* the second size spreads a tensor over several tasks */
            for (ovp_idx w = 5; w < 600; w += 510) {
                pair p = make_pair(ctx, t ? OVP_F64 : OVP_F32, engines[e], 311, w, 3);
                ovp_measure_movement m, expected = by_definition(ctx, &p);
                assert_ok(ctx, ovp_measure_weight_movement(&m, ctx, p.model, p.theta0, p.theta));
                assert_true(fabs(m.sum_ratio / expected.sum_ratio - 1) < 1e-12);
                assert_true(fabs(m.l2_ratio / expected.l2_ratio - 1) < 1e-12);
                assert_true(m.sum_ratio > 1 && m.sum_ratio < 2); /* two independent draws: about sqrt(2) */
                assert_ok(ctx, ovp_measure_weight_movement(&m, ctx, p.model, p.theta0, p.theta0));
                assert_true(m.sum_ratio == 0 && m.l2_ratio == 0);
                free_pair(ctx, &p);
            }
        }
}

static void movement_has_the_same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    ovp_measure_movement first = {0, 0};
    for (int threads = 1; threads <= 3; threads++) {
        ovp_ctx *ctx;
        ovp_ctx_options options = {.size = sizeof options, .threads = threads};
        assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
        pair p = make_pair(ctx, OVP_F32, "gemm", 311, 700, 3);
        ovp_measure_movement m;
        assert_ok(ctx, ovp_measure_weight_movement(&m, ctx, p.model, p.theta0, p.theta));
        if (threads == 1) first = m;
        assert_memory_equal(&m, &first, sizeof m);
        free_pair(ctx, &p);
        ovp_ctx_free(ctx);
    }
}

static void movement_from_zero_is_not_a_number(void **state) {
    ovp_ctx *ctx = *state;
    pair p = make_pair(ctx, OVP_F64, "reference", 4, 3, 2);
    ovp_measure_movement m;
    memset(p.theta0, 0, (size_t)p.parameters * 8);
    assert_ok(ctx, ovp_measure_weight_movement(&m, ctx, p.model, p.theta0, p.theta));
    assert_true(isnan(m.sum_ratio) && isnan(m.l2_ratio));
    ovp_cancel(ctx);
    assert_fails(ctx, OVP_EINTERRUPTED, "", ovp_measure_weight_movement(&m, ctx, p.model, p.theta, p.theta0));
    assert_true(isnan(m.sum_ratio));
    free_pair(ctx, &p);
}

/* ---- accuracy ------------------------------------------------------------------------------------ */

static void accuracy_takes_the_first_largest_and_no_nan(void **state) {
    (void)state;
    const double f[] = {
        .1,        .9,        -3, /* 1 */
        7,         7,         -1, /* tie: 0 */
        -5,        -4,        -2, /* 2 */
        3,         NAN,       1,  /* wrong whatever the label */
        -INFINITY, -INFINITY, -INFINITY,
    };
    float g[15];
    const int32_t labels[] = {1, 0, 2, 0, 0}, other[] = {1, 1, 2, 1, 0};
    for (int i = 0; i < 15; i++) g[i] = (float)f[i];
    assert_true(fabs(ovp_measure_accuracy(OVP_F64, 5, 3, f, labels) - .8) < 1e-15);
    assert_true(fabs(ovp_measure_accuracy(OVP_F32, 5, 3, g, labels) - .8) < 1e-15);
    assert_true(fabs(ovp_measure_accuracy(OVP_F64, 5, 3, f, other) - .6) < 1e-15);
    assert_true(isnan(ovp_measure_accuracy(OVP_F64, 0, 3, f, labels)));
}

/* ---- statistics ---------------------------------------------------------------------------------- */

static void power_law_is_recovered(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {10, 100, 1000, 1e4, 0, 7, NAN};
    double y[7];
    ovp_measure_power_law fit;
    for (int i = 0; i < 7; i++) y[i] = 2.385 * pow(x[i], -.629);
    y[4] = 1; /* x = 0 */
    y[5] = -1;
    assert_ok(ctx, ovp_measure_fit_power_law(&fit, ctx, 7, x, y));
    assert_int_equal(fit.count, 4);
    assert_true(fabs(fit.exponent + .629) < 1e-13);
    assert_true(fabs(exp(fit.intercept) - 2.385) < 1e-12);
    assert_true(fabs(fit.r2 - 1) < 1e-13);
}

/* numpy.polyfit(log(x), log(y), 1) of the published widths: -0.62882562, 0.64691145 (numpy 1.24, float64). */
static void power_law_of_the_published_table(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {10, 100, 1000, 1e4, 5e4, 1e5};
    const double y[] = {.41282, .12273, .024972, .0052043, .0019906, .00151697};
    ovp_measure_power_law fit;
    assert_ok(ctx, ovp_measure_fit_power_law(&fit, ctx, 6, x, y));
    assert_true(fabs(fit.exponent + .6288256) < 1e-6);
    assert_true(fabs(fit.intercept - .6469131) < 1e-6);
    assert_true(fit.r2 > .99 && fit.r2 < 1);
}

static void power_law_needs_two_different_points(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {7, 7, 7, -1}, y[] = {1, 2, 3, 4};
    ovp_measure_power_law fit;
    assert_fails(ctx, OVP_ENUMERIC, "3 usable point(s) of 4", ovp_measure_fit_power_law(&fit, ctx, 4, x, y));
    assert_true(isnan(fit.exponent));
    assert_fails(ctx, OVP_ENUMERIC, "0 usable", ovp_measure_fit_power_law(&fit, ctx, 0, x, y));
    const double flat_x[] = {1, 2}, flat_y[] = {3, 3};
    assert_ok(ctx, ovp_measure_fit_power_law(&fit, ctx, 2, flat_x, flat_y));
    assert_true(fabs(fit.exponent) < 1e-15 && fit.r2 == 1);
}

/* t_.975 with 3 degrees of freedom is 3.182446305284263 (scipy.stats.t.ppf). */
static void mean_has_students_interval(void **state) {
    (void)state;
    const double v[] = {2.385, 1.17, 3.9, .25};
    const double mean = 1.92625, sd = 1.5798595665438115;
    ovp_measure_interval m = ovp_measure_mean(4, v);
    assert_int_equal(m.count, 4);
    assert_true(fabs(m.mean - mean) < 1e-14);
    assert_true(fabs(m.high - mean - 3.182446305284263 * sd / 2) < 1e-6);
    assert_true(fabs(m.high + m.low - 2 * mean) < 1e-13);
    m = ovp_measure_mean(1, v);
    assert_true(m.mean == v[0] && isnan(m.low) && isnan(m.high));
    m = ovp_measure_mean(0, v);
    assert_true(m.count == 0 && isnan(m.mean));
    const double broken[] = {1, NAN, 2};
    m = ovp_measure_mean(3, broken);
    assert_true(isnan(m.mean) && isnan(m.low));
}

/* scipy.stats.spearmanr([1,2,3,4,5], [2,1,4,4,9]) = 0.8720815992723809 */
static void rank_correlation_counts_order_only(void **state) {
    (void)state;
    const double x[] = {1, 2, 3, 4, 5}, y[] = {2, 1, 4, 4, 9}, up[] = {-9, 0, 1, 1e9, INFINITY};
    const double down[] = {5, 4, 3, 2, NAN};
    assert_true(fabs(ovp_measure_rank_correlation(5, x, y) - .8720815992723809) < 1e-14);
    assert_true(fabs(ovp_measure_rank_correlation(5, x, up) - 1) < 1e-14);
    assert_true(fabs(ovp_measure_rank_correlation(5, x, down) + 1) < 1e-14);
    const double flat[] = {3, 3, 3, 3, 3};
    assert_true(isnan(ovp_measure_rank_correlation(5, x, flat)));
    assert_true(isnan(ovp_measure_rank_correlation(1, x, y)));
    assert_true(isnan(ovp_measure_rank_correlation(0, x, y)));
}

static void median_ignores_what_is_not_finite(void **state) {
    (void)state;
    double odd[] = {3, NAN, -1, 2, INFINITY}, even[] = {4, 1, NAN, 2, 8}, none[] = {NAN, -INFINITY};
    assert_true(ovp_measure_median_in_place(5, odd) == 2);
    assert_true(odd[0] == -1 && odd[2] == 3);
    assert_true(ovp_measure_median_in_place(5, even) == 3);
    assert_true(isnan(ovp_measure_median_in_place(2, none)));
    assert_true(isnan(ovp_measure_median_in_place(0, none)));
}

/* Distances by hand; Kolmogorov's 5 % point and Smirnov's table: Q(1.3581) = .05, Q(1.6276) = .01. */
static void kolmogorov_compares_two_samples(void **state) {
    (void)state;
    double a[] = {3, 1, 2}, b[] = {2.5, .5, 10, 11}, same[] = {1, 3, 2}, none[1] = {0};
    assert_true(fabs(ovp_measure_kolmogorov_in_place(3, a, 4, b) - .5) < 1e-15); /* past 3: 1 against 1/2 */
    assert_true(a[0] == 1 && a[2] == 3 && b[3] == 11);
    assert_true(ovp_measure_kolmogorov_in_place(3, a, 3, same) == 0);
    assert_true(isnan(ovp_measure_kolmogorov_in_place(0, none, 3, a)));
    const double root = sqrt(1e8 / 2); /* where Stephens' correction is nothing */
    assert_true(fabs(ovp_measure_kolmogorov_p(1.3581 / root, 100000000, 100000000) - .05) < 1e-4);
    assert_true(fabs(ovp_measure_kolmogorov_p(1.6276 / root, 100000000, 100000000) - .01) < 1e-4);
    assert_true(ovp_measure_kolmogorov_p(0, 10, 10) == 1 && ovp_measure_kolmogorov_p(1, 500, 500) < 1e-100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(movement_is_its_definition),
        cmocka_unit_test(movement_has_the_same_bits_for_any_number_of_threads),
        CTX_TEST(movement_from_zero_is_not_a_number),
        cmocka_unit_test(accuracy_takes_the_first_largest_and_no_nan),
        CTX_TEST(power_law_is_recovered),
        CTX_TEST(power_law_of_the_published_table),
        CTX_TEST(power_law_needs_two_different_points),
        cmocka_unit_test(mean_has_students_interval),
        cmocka_unit_test(rank_correlation_counts_order_only),
        cmocka_unit_test(median_ignores_what_is_not_finite),
        cmocka_unit_test(kolmogorov_compares_two_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
