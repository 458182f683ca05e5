/* resnet-cifar on a few of the shipped images: tables, measures by hand, the same bits for any number of threads, what
 * is refused, a net that diverges. */
#include "linear_helpers.h"

#include <experiment/resnet_cifar_int.h>

static const ovp_experiment *const study = &ovp_experiment_resnet_cifar;

#define SMALL                                                                                                          \
    "preset=quick", "train-samples=40", "test-samples=24", "batch=16", "epochs=2", "layers=8", "seeds=42", "data-seed=7"

/* Uniform outputs: |p - y|^2 = 1 - 1/C (spec 4a.6); never above 2, which outputs far off reach. */
static void omega_by_formula(void **state) {
    enum { B = 128, C = 10 };
    float f[B * C] = {0};
    int32_t labels[B];
    (void)state;
    for (int i = 0; i < B; i++) labels[i] = i % C;
    assert_true(fabs(resnet_omega(B, C, f, labels) - 5.4931640625e-5) < 1e-18);
    assert_true(fabs(resnet_omega(80, C, f, labels) - 1.40625e-4) < 1e-18);
    for (int i = 0; i < B; i++) f[i * C + (i + 1) % C] = 1e4f;
    assert_true(fabs(resnet_omega(B, C, f, labels) - 2. / (B * B)) < 1e-18);
}

/* Four images of four classes; outputs whose two largest are known. */
static void top_2_by_hand(void **state) {
    static const float f[] = {3, 2, 1, 0, 3, 2, 1, 0, 0, 3, 2, 1, NAN, 1, NAN, NAN};
    static const int32_t labels[] = {0, 1, 3, 2};
    resnet_score score = {0};
    (void)state;
    resnet_count(&score, 4, 4, f, labels);
    assert_true(score.top1 == 1); /* the first */
    assert_true(score.top2 == 2); /* and the second */
    /* the batch's predictions are {0, 1}, {0, 1}, {1, 2}, {1}: class 3 alone is missing, and the fourth image counts */
    assert_true(score.top2_published == 3);
}

static void tables(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    if (!ovp_net_conv_library()) skip();
    assert_ok(ctx, run_study(ctx, study, &result, root, SETTINGS(SMALL)));
    assert_int_equal(table_rows(result, "accuracy"), 2);
    assert_int_equal(table_rows(result, "accuracy-summary"), 2 * 9);
    assert_int_equal(table_rows(result, "steps"), 2 * 3);
    assert_int_equal(table_rows(result, "published"), 0);
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 4);
    assert_string_equal(holds_of(result, 0), "yes");
    assert_string_equal(holds_of(result, 1), "unclear"); /* one seed */
    /* n = 1 has 75,290 with three colours; grey images save 16 x 2 x 9 weights */
    assert_true(number_at(result, "nets", 0, "parameters") == 75290 - 288);
    assert_true(fabs(number_at(result, "nets", 0, "lr") - pow(8, .45)) < 1e-12);
    double mean = 0;
    for (size_t k = 0; k < 6; k++) {
        const double rows = number_at(result, "steps", k, "rows"), omega = number_at(result, "steps", k, "omega");
        assert_true(rows == (k % 3 == 2 ? 8 : 16));
        assert_true(fabs(number_at(result, "steps", k, "epoch") - (double)k / 3) < 1e-12);
        assert_true(omega > 0 && omega <= 2 / (rows * rows));
        if (k < 3) mean += number_at(result, "steps", k, "loss") / 3;
    }
    assert_true(fabs(number_at(result, "accuracy", 0, "train_loss") - mean) < 1e-12);
    for (size_t k = 0; k < 2; k++) {
        static const char *const shares[] = {"train_accuracy", "test_accuracy", "test_top2",
                                             "eval_accuracy",  "eval_top2",     "published_top2"};
        for (int i = 0; i < 6; i++) {
            const double share = number_at(result, "accuracy", k, shares[i]), images = i == 0 ? 40 : 24;
            assert_true(share >= 0 && share <= 1 && fabs(share * images - round(share * images)) < 1e-9);
        }
        assert_true(number_at(result, "accuracy", k, "test_top2") >= number_at(result, "accuracy", k, "test_accuracy"));
        assert_true(number_at(result, "accuracy", k, "published_top2") >=
                    number_at(result, "accuracy", k, "test_top2"));
    }
    json_decref(result);
    scratch_remove(root);
}

static void the_same_bits(void **state) {
    static const char *const files[] = {"tables/accuracy.csv", "tables/steps.csv", "weights.npz"};
    (void)state;
    if (!ovp_net_conv_library()) skip();
    assert_same_bits(study, SETTINGS(SMALL, "epochs=1"), files, 3, NULL, 0);
}

/* A rate at which f32 overflows: a row without numbers and a warning, and the next net is trained. */
static void divergence(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    if (!ovp_net_conv_library()) skip();
    assert_ok(ctx, run_study(ctx, study, &result, root, SETTINGS(SMALL, "lr=1e30", "layers=8,14")));
    assert_int_equal(table_rows(result, "accuracy"), 2);
    assert_true(json_is_null(table_cell(result, "accuracy", 0, "test_accuracy")));
    assert_true(json_is_null(table_cell(result, "accuracy", 1, "train_loss")));
    const char *warning = json_string_value(json_array_get(json_object_get(result, "warnings"), 0));
    assert_non_null(warning);
    assert_non_null(strstr(warning, "smaller --lr"));
    json_decref(result);
    scratch_remove(root);

    /* by the last update, whose loss was still a number: no accuracy either */
    assert_ok(ctx, run_study(ctx, study, &result, root,
                             SETTINGS("dataset=mnist", "layers=8", "train-samples=32", "batch=32", "test-samples=33",
                                      "epochs=1", "seeds=1", "lr=1e30")));
    assert_true(json_is_number(table_cell(result, "accuracy", 0, "train_loss")));
    static const char *const unknown[] = {"test_loss", "test_accuracy", "test_top2", "eval_accuracy", "published_top2"};
    for (int k = 0; k < 5; k++) assert_true(json_is_null(table_cell(result, "accuracy", 0, unknown[k])));
    char *told = json_dumps(json_object_get(result, "warnings"), 0);
    assert_non_null(strstr(told, "not finite at step 1 (learning rate 1e+30)"));
    free(told);
    json_decref(result);
    scratch_remove(root);
}

static void refused(ovp_ctx *ctx, ovp_status expected, const char *words, const char *setting) {
    char root[256];
    json_t *result = NULL;
    assert_fails(ctx, expected, words, run_study(ctx, study, &result, root, SETTINGS(SMALL, setting)));
    json_decref(result);
    scratch_remove(root);
}

static void refusals(void **state) {
    ovp_ctx *ctx = *state;
    refused(ctx, OVP_EINVAL, "10 is not 6 n + 2; nearest are 8 and 14", "layers=10");
    refused(ctx, OVP_EINVAL, "8 is given twice", "layers=8,8");
    refused(ctx, OVP_EINVAL, "is for dense nets", "engine=gemm");
    refused(ctx, OVP_EINVAL, "--precision f64", "precision=f64");
    refused(ctx, OVP_EINVAL, "--rng numpy", "rng=numpy");
    refused(ctx, OVP_EINVAL, "--width: 3 must be even", "width=3");
    refused(ctx, OVP_EINVAL, "needs about", "batch=65536");
    refused(ctx, OVP_ENOTFOUND, "no-such-set", "dataset=no-such-set");
    refused(ctx, OVP_ENOTFOUND, "/no/such/folder", "dataset=imagefolder:/no/such/folder");
    if (!ovp_net_conv_library()) {
        refused(ctx, OVP_EUNAVAILABLE, "libdnnl-dev", "engine=auto");
        return;
    }
    refused(ctx, OVP_EINVAL, "--train-samples: 60001 of 60000", "train-samples=60001");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(omega_by_formula),
                                       cmocka_unit_test(top_2_by_hand),
                                       CTX_TEST(tables),
                                       cmocka_unit_test(the_same_bits),
                                       CTX_TEST(divergence),
                                       CTX_TEST(refusals)};
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
