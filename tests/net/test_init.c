/* Initialisation rules: bounds and moments from the fans, constants, errors, and slices that are not in C order. What
 * torch draws bit for bit is checked by tests/numeric/test_rng_torch.c through the same function. */
#include "net/init_int.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 40000, FAN_IN = 300, FAN_OUT = 100 };

static int setup(void **state) {
    ovp_ctx *ctx;
    if (ovp_ctx_create(&ctx, NULL) != OVP_OK) return -1;
    *state = ctx;
    return 0;
}

static int teardown(void **state) {
    ovp_ctx_free(*state);
    return 0;
}

static ovp_numeric_rng *stream(ovp_ctx *ctx, ovp_numeric_rng_kind kind) {
    ovp_numeric_rng *rng;
    assert_int_equal(ovp_numeric_rng_create(&rng, ctx, kind, 42, OVP_PURPOSE_INIT, 0), OVP_OK);
    return rng;
}

/* torch.nn.init.calculate_gain */
static void gains(void **state) {
    (void)state;
    assert_true(ovp_net_gain("relu") == sqrt(2.0));
    assert_true(ovp_net_gain("tanh") == 5.0 / 3.0);
    assert_true(ovp_net_gain("selu") == 0.75);
    assert_true(ovp_net_gain("leaky-relu") == sqrt(2.0 / (1.0 + 0.01 * 0.01)));
    assert_true(ovp_net_gain("sigmoid") == 1.0);
    assert_true(ovp_net_gain("") == 1.0);
    assert_true(ovp_net_gain(NULL) == 1.0);
}

/* Standard deviation and, for uniform rules, bound that each rule must have; limits are 5 standard errors. */
static void rules_follow_the_fans(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *rule;
        double gain;
        int uniform;
        double std;
    } cases[] = {
        {"torch-default", 0.0, 1, 0.033333333333333333},   /* 1 / sqrt(3 * 300) */
        {"kaiming-uniform", 0.0, 1, 0.081649658092772603}, /* sqrt(2 / 300) */
        {"kaiming-uniform", 1.0, 1, 0.057735026918962576}, /* sqrt(1 / 300) */
        {"kaiming-normal", 0.0, 0, 0.081649658092772603},
        {"kaiming-normal", 3.0, 0, 0.17320508075688773},  /* 3 sqrt(1 / 300) */
        {"xavier-uniform", 0.0, 1, 0.070710678118654752}, /* sqrt(2 / 400) */
        {"xavier-normal", 2.0, 0, 0.1414213562373095},
        {"normal", 0.0, 0, 0.057735026918962576},
        {"normal", 2.0, 0, 0.11547005383792515},
    };
    static double x[N];
    static float x32[N];
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        for (int kind = OVP_RNG_PHILOX; kind <= OVP_RNG_TORCH; kind++) {
            ovp_numeric_rng *rng = stream(ctx, (ovp_numeric_rng_kind)kind);
            double sum = 0.0, square = 0.0, largest = 0.0, bound = sqrt(3.0) * cases[k].std, std = cases[k].std;
            assert_int_equal(ovp_net_init_tensor(ctx, cases[k].rule, cases[k].gain, OVP_ROLE_WEIGHT, FAN_IN, FAN_OUT,
                                                 rng, OVP_F64, N, x),
                             OVP_OK);
            for (int i = 0; i < N; i++) {
                sum += x[i];
                square += x[i] * x[i];
                largest = fmax(largest, fabs(x[i]));
            }
            double kurtosis = cases[k].uniform ? 1.8 : 3.0;
            assert_true(fabs(sum / N) < 5.0 * std / sqrt(N));
            assert_true(fabs(square / N - std * std) < 5.0 * std * std * sqrt((kurtosis - 1.0) / N));
            if (cases[k].uniform) {
                assert_true(largest <= bound * (1.0 + 1e-15) && largest > bound * 0.999);
            } else {
                assert_true(largest > bound * 1.5);
            }
            ovp_numeric_rng_seed(rng, 42);
            assert_int_equal(ovp_net_init_tensor(ctx, cases[k].rule, cases[k].gain, OVP_ROLE_WEIGHT, FAN_IN, FAN_OUT,
                                                 rng, OVP_F32, N, x32),
                             OVP_OK);
            if (kind == OVP_RNG_PHILOX) {
                for (int i = 0; i < N; i++) assert_true(x32[i] == (float)x[i]);
            }
            ovp_numeric_rng_free(rng);
        }
    }
}

/* Constants draw nothing; only torch-default draws biases, U(+-1/sqrt(fan_in)). */
static void biases_and_constants(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const quiet[] = {"kaiming-uniform", "kaiming-normal", "xavier-uniform",
                                        "xavier-normal",   "normal",         "zero"};
    double x[100];
    float x32[100];
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_TORCH);
    uint32_t first = ovp_numeric_rng_word(rng);
    ovp_numeric_rng_seed(rng, 42);
    for (size_t k = 0; k < sizeof(quiet) / sizeof(quiet[0]); k++) {
        ovp_net_role role = strcmp(quiet[k], "zero") ? OVP_ROLE_BIAS : OVP_ROLE_WEIGHT;
        for (int i = 0; i < 100; i++) x[i] = x32[i] = 7.0f;
        assert_int_equal(ovp_net_init_tensor(ctx, quiet[k], 0.0, role, 16, 4, rng, OVP_F64, 100, x), OVP_OK);
        assert_int_equal(ovp_net_init_tensor(ctx, quiet[k], 0.0, role, 16, 4, rng, OVP_F32, 100, x32), OVP_OK);
        for (int i = 0; i < 100; i++) assert_true(x[i] == 0.0 && x32[i] == 0.0f);
    }
    assert_int_equal(ovp_net_init_tensor(ctx, "torch-default", 0.0, OVP_ROLE_NORM, 16, 4, rng, OVP_F32, 100, x32),
                     OVP_OK);
    for (int i = 0; i < 100; i++) assert_true(x32[i] == 1.0f);
    assert_int_equal(ovp_numeric_rng_word(rng), first);

    double largest = 0.0;
    assert_int_equal(ovp_net_init_tensor(ctx, "torch-default", 0.0, OVP_ROLE_BIAS, 16, 4, rng, OVP_F64, 100, x),
                     OVP_OK);
    for (int i = 0; i < 100; i++) largest = fmax(largest, fabs(x[i]));
    assert_true(largest <= 0.25 && largest > 0.23);
    ovp_numeric_rng_free(rng);
}

static void refused(ovp_ctx *ctx, ovp_numeric_rng *rng, const char *rule, double gain, ovp_numeric_type type,
                    ovp_idx fan_in, ovp_idx fan_out, ovp_idx n, const char *says) {
    double x[4] = {5.0, 5.0, 5.0, 5.0};
    assert_int_equal(ovp_net_init_tensor(ctx, rule, gain, OVP_ROLE_WEIGHT, fan_in, fan_out, rng, type, n, x),
                     OVP_EINVAL);
    if (!strstr(ovp_message(ctx), says)) fail_msg("'%s' does not say '%s'", ovp_message(ctx), says);
    assert_true(x[0] == 5.0);
    ovp_clear(ctx);
}

static void errors(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_PHILOX);
    refused(ctx, rng, "kaiming", 0.0, OVP_F64, 3, 3, 4, "'kaiming'");
    refused(ctx, rng, "kaiming", 0.0, OVP_F64, 3, 3, 4, "kaiming-uniform, kaiming-normal");
    refused(ctx, rng, NULL, 0.0, OVP_F64, 3, 3, 4, "(none)");
    refused(ctx, rng, "normal", -1.0, OVP_F64, 3, 3, 4, "-1");
    refused(ctx, rng, "normal", INFINITY, OVP_F64, 3, 3, 4, "inf");
    refused(ctx, rng, "normal", NAN, OVP_F64, 3, 3, 4, "nan");
    refused(ctx, rng, "torch-default", 1.0, OVP_F64, 3, 3, 4, "no gain");
    refused(ctx, rng, "normal", 0.0, OVP_I32, 3, 3, 4, "type 3");
    refused(ctx, rng, "normal", 0.0, OVP_F64, 0, 3, 4, "fan-in 0");
    refused(ctx, rng, "xavier-normal", 0.0, OVP_F64, 3, 0, 4, "fan-out 0");
    refused(ctx, rng, "normal", 0.0, OVP_F64, 3, 3, -1, "-1 values");
    ovp_numeric_rng_free(rng);
}

/* One tensor of the given shape, drawn in C order and drawn into permuted and padded places: the same numbers, in
 * pieces or at once, for rules with and without blocks of 16. */
static void slice_case(ovp_ctx *ctx, ovp_numeric_rng_kind kind, const char *rule, ovp_numeric_type type, int ndim,
                       const ovp_idx *shape, const int *order, ovp_idx pad) {
    ovp_net_init_options options = {.size = sizeof(options), .rule = rule};
    ovp_net_slice slice = {.role = OVP_ROLE_WEIGHT, .ndim = ndim, .offset = 3, .count = 1, .fan_in = 50, .fan_out = 9};
    size_t size = type == OVP_F32 ? 4 : 8;
    ovp_idx extent = 1;
    for (int d = 0; d < ndim; d++) {
        slice.shape[d] = shape[d];
        slice.count *= shape[d];
    }
    for (int d = ndim - 1; d >= 0; d--) { /* order[ndim-1] is the fastest */
        slice.strides[order[d]] = extent;
        extent *= shape[order[d]] + pad;
    }
    char *plain = calloc((size_t)slice.count, size), *theta = calloc((size_t)(extent + 3), size);
    ovp_numeric_rng *rng = stream(ctx, kind);
    assert_int_equal(ovp_net_init_tensor(ctx, rule, 0.0, slice.role, 50, 9, rng, type, slice.count, plain), OVP_OK);
    uint32_t after = ovp_numeric_rng_word(rng);
    ovp_numeric_rng_seed(rng, 42);
    assert_int_equal(ovp_net_init_slice(ctx, &options, &slice, rng, type, theta), OVP_OK);
    assert_int_equal(ovp_numeric_rng_word(rng), after);
    for (ovp_idx i = 0; i < slice.count; i++) {
        ovp_idx at = slice.offset, rest = i;
        for (int d = ndim - 1; d >= 0; d--) {
            at += rest % shape[d] * slice.strides[d];
            rest /= shape[d];
        }
        if (memcmp(plain + size * (size_t)i, theta + size * (size_t)at, size)) {
            fail_msg("%s, kind %d: element %lld differs", rule, kind, (long long)i);
        }
    }
    ovp_numeric_rng_free(rng);
    free(plain);
    free(theta);
}

static void slices_in_any_order(void **state) {
    static const char *const names[] = {"torch-default", "kaiming-normal", "zero"};
    static const ovp_idx shapes[][4] = {{3, 5}, {127, 7}, {128, 7}, {129, 1}, {1000, 13}, {131, 3, 2, 5}};
    static const int ndims[] = {2, 2, 2, 2, 2, 4};
    static const int c_order[] = {0, 1, 2, 3}, reversed[] = {1, 0}, mixed[] = {2, 0, 3, 1};
    for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
        for (size_t r = 0; r < sizeof(names) / sizeof(names[0]); r++) {
            for (int kind = OVP_RNG_PHILOX; kind <= OVP_RNG_TORCH; kind++) {
                for (int type = OVP_F32; type <= OVP_F64; type++) {
                    const int *other = ndims[k] == 2 ? reversed : mixed;
                    ovp_numeric_type t = (ovp_numeric_type)type;
                    ovp_numeric_rng_kind g = (ovp_numeric_rng_kind)kind;
                    slice_case(*state, g, names[r], t, ndims[k], shapes[k], c_order, 0);
                    slice_case(*state, g, names[r], t, ndims[k], shapes[k], c_order, 2);
                    slice_case(*state, g, names[r], t, ndims[k], shapes[k], other, 0);
                    slice_case(*state, g, names[r], t, ndims[k], shapes[k], other, 1);
                }
            }
        }
    }
}

static void slice_errors(void **state) {
    ovp_ctx *ctx = *state;
    double theta[20] = {0};
    ovp_net_init_options options = {.size = sizeof(options), .rule = "he"};
    ovp_net_slice slice = {.ndim = 2, .shape = {2, 3}, .strides = {1, 2}, .count = 6, .fan_in = 3, .fan_out = 2};
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_PHILOX);
    assert_int_equal(ovp_net_init_slice(ctx, &options, &slice, rng, OVP_F64, theta), OVP_EINVAL);
    assert_non_null(strstr(ovp_message(ctx), "'he'"));
    ovp_clear(ctx);
    ovp_numeric_rng_free(rng);
}

/* A whole model: its layers' weights and biases in the order torch constructs them, whatever the engine's order of
 * theta. */
static void whole_model(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx widths[] = {37, 150, 20, 3};
    static const char *const engines[] = {"reference", "gemm"};
    static const char *const names[] = {"torch-default", "kaiming-normal"};
    for (int k = 0; k < 8; k++) {
        ovp_net_init_options options = {.size = sizeof(options), .rule = names[k & 1]};
        ovp_net_dense_options shape = {.size = sizeof(shape),
                                       .layers = 3,
                                       .widths = widths,
                                       .engine = engines[k >> 1 & 1],
                                       .type = k & 4 ? OVP_F64 : OVP_F32};
        size_t size = k & 4 ? 8 : 4;
        ovp_net_model *model;
        ovp_idx count;
        assert_int_equal(ovp_net_dense_create(&model, ctx, &shape), OVP_OK);
        const ovp_net_slice *slices = ovp_net_model_slices(model, &count);
        assert_int_equal(count, 6);
        char *theta = calloc((size_t)ovp_net_model_parameters(model), size);
        ovp_numeric_rng *rng = stream(ctx, OVP_RNG_TORCH);
        assert_int_equal(ovp_net_init(model, ctx, &options, rng, theta), OVP_OK);
        ovp_numeric_rng_seed(rng, 42);
        for (ovp_idx i = 0; i < count; i++) {
            ovp_net_role role = i % 2 ? OVP_ROLE_BIAS : OVP_ROLE_WEIGHT;
            ovp_idx in = widths[i / 2], out = widths[i / 2 + 1], n = i % 2 ? out : in * out;
            char *expected = calloc((size_t)n, size), *got = calloc((size_t)n, size);
            assert_int_equal(slices[i].count, n);
            assert_int_equal(ovp_net_init_tensor(ctx, names[k & 1], 0.0, role, in, out, rng, shape.type, n, expected),
                             OVP_OK);
            ovp_net_slice_get(model, &slices[i], theta, got);
            assert_memory_equal(expected, got, (size_t)n * size);
            free(expected);
            free(got);
        }
        options.rule = "he";
        assert_int_equal(ovp_net_init(model, ctx, &options, rng, theta), OVP_EINVAL);
        ovp_clear(ctx);
        ovp_numeric_rng_free(rng);
        free(theta);
        ovp_net_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gains),       cmocka_unit_test(rules_follow_the_fans), cmocka_unit_test(biases_and_constants),
        cmocka_unit_test(errors),      cmocka_unit_test(slices_in_any_order),   cmocka_unit_test(slice_errors),
        cmocka_unit_test(whole_model),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
