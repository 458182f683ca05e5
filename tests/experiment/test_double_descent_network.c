/* double-descent-network: against the published table, end to end, and its verdicts. */
#include "linear_helpers.h"

#include <experiment/double_descent_network_int.h>

static const ovp_experiment *const experiment = &ovp_experiment_double_descent_network;

/* Rows of epoch 0 as the notebook printed them (Princeton tutorial, DoubleDescentTutorialPart2: torch seed 2134; widths
 * 45, 60 and 256 were drawn but not printed). */
static void the_first_rows_are_the_published_ones(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        size_t row;
        const char *mse, *train, *test;
    } published[] = {{0, "0.80767", "0.87625", "0.8873"}, {1, "1.65443", "0.89650", "0.9013"},
                     {2, "1.59527", "0.88200", "0.9004"}, {4, "1.75588", "0.90375", "0.9020"},
                     {5, "1.71066", "0.89775", "0.8979"}, {7, "2.57851", "0.92950", "0.8967"},
                     {9, "2.33443", "0.90525", "0.9028"}};
    char root[256], text[32];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root, SETTINGS("preset=paper", "epochs=1", "line=no")));
    assert_int_equal(table_rows(result, "widths"), 10);
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        snprintf(text, sizeof text, "%.5f", number_at(result, "widths", published[i].row, "train_mse"));
        assert_string_equal(text, published[i].mse);
        snprintf(text, sizeof text, "%.5f", number_at(result, "widths", published[i].row, "train_error"));
        assert_string_equal(text, published[i].train);
        snprintf(text, sizeof text, "%.4f", number_at(result, "widths", published[i].row, "test_error"));
        assert_string_equal(text, published[i].test);
    }
    assert_true(fabs(number_at(result, "widths", 0, "parameters") - 12720) < .5);
    assert_string_equal(holds_of(result, 0), "yes");     /* published rows */
    assert_string_equal(holds_of(result, 1), "unclear"); /* the peak */
    json_decref(result);
    scratch_remove(root);
}

static void only_the_published_run_is_held_against_it(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const others[] = {"lr=9",          "widths=16,40",      "rng=philox",
                                         "per-class=399", "test-samples=9999", "activation=leaky-relu"};
    ovp_params *p = params_with(ctx, experiment, SETTINGS("preset=paper", "widths=16,32", "epochs=7"));
    assert_true(descent_is_published(p));
    ovp_params_free(p);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        p = params_with(ctx, experiment, SETTINGS("preset=paper", others[i]));
        assert_false(descent_is_published(p));
        ovp_params_free(p);
    }
}

#define SMALL "per-class=5", "test-samples=60"

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/widths.csv", "tables/widths-summary.csv", "tables/line.csv",
                                        "arrays.npz", "weights.npz"};
    assert_same_bits(experiment, SETTINGS(SMALL, "widths=3,40,17", "epochs=23", "record-every=10", "seeds=1,2"), files,
                     5, NULL, 0);
}

static void rows_come_record_by_record(void **state) {
    ovp_ctx *ctx = *state;
    static const int epochs[] = {0, 0, 10, 10, 20, 20, 22, 22}, widths[] = {17, 3, 17, 3, 17, 3, 17, 3};
    char root[256];
    json_t *result;
    ovp_idx count;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS(SMALL, "widths=17,3", "epochs=23", "record-every=10", "activation=leaky-relu")));
    assert_int_equal(table_rows(result, "widths"), 8);
    assert_int_equal(table_rows(result, "line"), 0);
    double *loss = array_of(ctx, result, "loss", &count);
    assert_int_equal(count, 2 * 23);
    for (size_t i = 0; i < 8; i++) {
        assert_true(fabs(number_at(result, "widths", i, "epoch") - epochs[i]) < .5);
        assert_true(fabs(number_at(result, "widths", i, "width") - widths[i]) < .5);
        /* the row's loss is the one before that epoch's update */
        assert_true(fabs(number_at(result, "widths", i, "train_mse") - loss[(i % 2) * 23 + (size_t)epochs[i]]) < 1e-13);
    }
    assert_true(loss[22] < loss[0]);
    free(loss);
    json_decref(result);
    scratch_remove(root);
}

/* More records do not change the training. */
static void records_do_not_disturb(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const every[] = {"record-every=1", "record-every=100"};
    double *loss[2];
    for (int k = 0; k < 2; k++) {
        char root[256];
        json_t *result;
        ovp_idx count;
        assert_ok(ctx, run_study(ctx, experiment, &result, root, SETTINGS(SMALL, "widths=8", "epochs=9", every[k])));
        assert_int_equal(table_rows(result, "widths"), k ? 2 : 9);
        loss[k] = array_of(ctx, result, "loss", &count);
        json_decref(result);
        scratch_remove(root);
    }
    assert_memory_equal(loss[0], loss[1], 9 * sizeof(double));
    free(loss[0]);
    free(loss[1]);
}

/* With as many parameters as it takes, kernel regression interpolates and a wide net comes near it. */
static void the_line_is_kernel_regression(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("per-class=10", "test-samples=300", SLOW ? "widths=200" : "widths=2000",
                                      SLOW ? "epochs=20" : "epochs=400", "lr=10", "record-every=400")));
    assert_true(number_at(result, "line", 0, "train_mse") < 1e-20);
    assert_true(number_at(result, "line", 0, "train_error") < 1e-12);
    const double line = number_at(result, "line", 0, "test_error"), net = number_at(result, "widths", 1, "test_error");
    assert_true(line > .05 && line < .5);
    assert_true(fabs(net - line) < .1 || SLOW);
    json_decref(result);
    scratch_remove(root);
}

static void a_diverged_net_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS(SMALL, "widths=20,4", "epochs=400", "record-every=200", "lr=1e5",
                                      "activation=leaky-relu")));
    const size_t rows = table_rows(result, "widths");
    assert_string_equal(json_string_value(table_cell(result, "widths", rows - 1, "status")), "diverged");
    assert_true(json_is_null(table_cell(result, "widths", rows - 1, "test_error")));
    assert_true(json_array_size(json_object_get(result, "warnings")) >= 1);
    json_decref(result);
    scratch_remove(root);
}

static void wrong_values_are_refused_before_the_folder(void **state) {
    ovp_ctx *ctx = *state;
    assert_refused(ctx, experiment, "--precision f32", SETTINGS("precision=f32"));
    assert_refused(ctx, experiment, "--rng numpy", SETTINGS("rng=numpy"));
    assert_refused(ctx, experiment, "16 twice", SETTINGS("widths=16,20,16"));
    assert_refused(ctx, experiment, "GiB are available", SETTINGS("widths=1000000", "per-class=5000"));
    char root[256];
    json_t *result;
    assert_fails(ctx, OVP_EINVAL, "images of class",
                 run_study(ctx, experiment, &result, root, SETTINGS("per-class=5500", "line=no", "widths=2")));
    json_decref(result);
    scratch_remove(root);
}

static void an_interrupted_run_keeps_its_rows(void **state) {
    (void)state;
    interruption stop = {.stage = "seed 42 to epoch 20"};
    char root[256];
    json_t *result;
    ovp_ctx *ctx = run_interrupted(&stop, experiment, &result, root,
                                   SETTINGS(SMALL, "widths=6,4", "epochs=100000", "record-every=10"));
    assert_in_range(table_rows(result, "widths"), 4, 6);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(the_first_rows_are_the_published_ones),
        CTX_TEST(only_the_published_run_is_held_against_it),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(rows_come_record_by_record),
        CTX_TEST(records_do_not_disturb),
        CTX_TEST(the_line_is_kernel_regression),
        CTX_TEST(a_diverged_net_is_a_row),
        CTX_TEST(wrong_values_are_refused_before_the_folder),
        cmocka_unit_test(an_interrupted_run_keeps_its_rows),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
