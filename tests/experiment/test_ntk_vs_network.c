/* ntk-vs-network: against the published notebook, end to end, and its verdicts driven to every answer. */
#include "linear_helpers.h"

#include <experiment/ntk_vs_network_int.h>

static const ovp_experiment *const experiment = &ovp_experiment_ntk_vs_network;

/* ---- the published numbers ----------------------------------------------------------------------- */

static void assert_near(const double *values, const double *published, size_t count, double tolerance) {
    for (size_t i = 0; i < count; i++)
        if (!(fabs(values[i] - published[i]) < tolerance))
            fail_msg("%zu: %.10g, published %.10g", i, values[i], published[i]);
}

/* The notebook's first loss, kernels and predictions need no training (Princeton tutorial, NTKAnalysis: numpy seed
 * 2134, torch.manual_seed(2134), k = 16000; printed with eight decimals, the loss with all). */
static void the_start_is_the_published_one(void **state) {
    ovp_ctx *ctx = *state;
    static const double closed_row[] = {4.0, 1.79555843, 1.64980051}, own_row[] = {4.0561158, 1.84060637, 1.68579264},
                        raw[] = {-0.1682423, -0.05881645, 0.02397388, 0.1342176, -0.34087719},
                        raw_own[] = {-0.1874467, -0.06801235, -0.01552141, 0.18810081, -0.3450094},
                        corrected[] = {-0.81182529, 0.79999013, 0.11211074, -0.46587294, 0.49494158};
    static const struct {
        const char *name;
        const double *published;
        size_t count;
    } arrays[] = {{"ntk_closed_row0", closed_row, 3},
                  {"ntk_empirical_row0", own_row, 3},
                  {"raw_closed", raw, 5},
                  {"raw_empirical", raw_own, 5},
                  {"corrected_closed", corrected, 5}};
    char root[256];
    json_t *result;
    ovp_idx count;
    assert_ok(ctx, run_study(ctx, experiment, &result, root, SETTINGS("preset=paper", "epochs=3")));
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        double *values = array_of(ctx, result, arrays[i].name, &count);
        assert_near(values, arrays[i].published, arrays[i].count, 1e-8);
        free(values);
    }
    double *loss = array_of(ctx, result, "loss", &count);
    assert_int_equal(count, 3);
    assert_true(fabs(loss[0] - 2.73050878549734) < 1e-12);
    free(loss);
    assert_true(fabs(number_at(result, "widths", 0, "raw_test_mse") - 0.48437464815921794) < 1e-12);
    const double apart = number_at(result, "widths", 0, "rmse_raw_empirical_closed");
    assert_true(fabs(apart * apart - 0.0005990180311231504) < 1e-12);
    json_decref(result);
    scratch_remove(root);
}

static void only_the_published_run_is_held_against_it(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const others[] = {"lr=0.02", "widths=16001",   "rng=philox",
                                         "n=31",    "stop-loss=1e-9", "data-seed=3"};
    const int64_t seeds[] = {3, 2134};
    ovp_params *p = params_with(ctx, experiment, SETTINGS("preset=paper"));
    assert_true(ntk_is_published(p, seeds, 2));
    assert_false(ntk_is_published(p, seeds, 1));
    ovp_params_free(p);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        p = params_with(ctx, experiment, SETTINGS("preset=paper", others[i]));
        assert_false(ntk_is_published(p, seeds, 2));
        ovp_params_free(p);
    }
}

/* ---- end to end ---------------------------------------------------------------------------------- */

#define SMALL "d=6", "n=5", "n-test=7", "lr=0.1"

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/widths.csv", "tables/widths-summary.csv", "arrays.npz", "weights.npz"};
    assert_same_bits(experiment, SETTINGS(SMALL, "widths=9,200,70", "epochs=700", "stop-loss=1e-3", "seeds=1,2"), files,
                     4, NULL, 0);
    static const char *const mnist[] = {"tables/widths.csv", "tables/linearisation.csv", "arrays.npz"};
    assert_same_bits(experiment, SETTINGS("data=mnist", "n=4", "lr=1", "widths=9,70", "epochs=20", "stop-loss=0"),
                     mnist, 3, NULL, 0);
}

/* The stop: the last loss is the first below the bar, and the net is the one of that loss. */
static void training_stops_before_the_update(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    ovp_idx count;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS(SMALL, "widths=300", "epochs=3000", "stop-loss=1e-4", "seed=3")));
    const ovp_idx steps = (ovp_idx)number_at(result, "widths", 0, "steps");
    double *loss = array_of(ctx, result, "loss", &count), *theory = array_of(ctx, result, "loss_theory", &count);
    assert_int_equal(count, steps + 1);
    assert_true(steps > 50 && loss[steps] < 1e-4 && loss[steps - 1] >= 1e-4);
    assert_true(fabs(number_at(result, "widths", 0, "train_mse") - loss[steps]) < 1e-15);
    assert_true(fabs(number_at(result, "widths", 0, "loss_theory") - theory[steps]) < 1e-12 * theory[steps]);
    assert_true(fabs(theory[0] - loss[0]) < 1e-13 * loss[0]);
    assert_true(number_at(result, "widths", 0, "loss_gap") < .1);
    free(theory);
    free(loss);
    json_decref(result);
    scratch_remove(root);
}

/* A net that hardly moves is its linearisation: theory and measurement agree as the learning rate goes to 0. */
static void early_steps_are_the_kernels(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const data[][6] = {{"d=6", "n=5", "n-test=7", "widths=4000", "lr=1e-4", NULL},
                                          {"data=mnist", "n=6", "widths=4000", "lr=1e-3", "rng=philox", NULL}};
    for (size_t k = 0; k < 2; k++) {
        char root[256];
        json_t *result;
        const char *const settings[] = {data[k][0], data[k][1],  data[k][2],    data[k][3],
                                        data[k][4], "epochs=40", "stop-loss=0", NULL};
        ovp_idx count;
        assert_ok(ctx, run_study(ctx, experiment, &result, root, settings));
        double *loss = array_of(ctx, result, "loss", &count), *theory = array_of(ctx, result, "loss_theory", &count),
               *flow = array_of(ctx, result, "loss_flow", &count);
        assert_int_equal(count, 40);
        for (int i = 0; i < 40; i++) {
            const double fallen = loss[0] - loss[i];
            assert_true(fabs(loss[i] - theory[i]) <= 1e-13 * loss[0] + .01 * fallen);
            assert_true(fabs(loss[i] - flow[i]) <= 1e-13 * loss[0] + .03 * fallen);
        }
        assert_true(loss[39] < loss[0] * (1 - 1e-4));
        free(flow);
        free(theory);
        free(loss);
        json_decref(result);
        scratch_remove(root);
    }
}

static void a_diverged_net_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("data=mnist", "n=4", "lr=1e6", "widths=30", "epochs=300", "stop-loss=0")));
    assert_string_equal(json_string_value(table_cell(result, "widths", 0, "status")), "diverged");
    assert_true(json_is_null(table_cell(result, "widths", 0, "train_mse")));
    assert_true(json_array_size(json_object_get(result, "warnings")) >= 1);
    json_decref(result);
    scratch_remove(root);
}

static void wrong_values_are_refused_before_the_folder(void **state) {
    ovp_ctx *ctx = *state;
    assert_refused(ctx, experiment, "--precision f32", SETTINGS("precision=f32"));
    assert_refused(ctx, experiment, "--rng numpy", SETTINGS("rng=numpy"));
    assert_refused(ctx, experiment, "--data mnist --rng torch", SETTINGS("data=mnist", "rng=torch"));
    assert_refused(ctx, experiment, "50 twice", SETTINGS("widths=50,20,50"));
    assert_refused(ctx, experiment, "GiB are available", SETTINGS("widths=10000000", "d=1000000"));
}

static void an_interrupted_run_keeps_its_rows(void **state) {
    (void)state;
    interruption stop = {.stage = "seed 2"};
    char root[256];
    json_t *result;
    ovp_ctx *ctx = run_interrupted(&stop, experiment, &result, root,
                                   SETTINGS(SMALL, "widths=20,30", "epochs=20000", "stop-loss=0", "seeds=1..4"));
    assert_int_equal(table_rows(result, "widths"), 2);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* One thread trains the nets of a seed one after another, the dearest first: once its steps are made it is cancelled in
 * the next. */
static void an_interrupted_seed_keeps_its_finished_nets(void **state) {
    (void)state;
    static const char *const studies[][8] = {
        {"d=10", "n=6", "n-test=20", "widths=20,30", "stop-loss=0", "epochs=30000", "seeds=1", NULL},
        {"data=mnist", "n=4", "lr=1", "widths=20,30", "stop-loss=0", "epochs=6000", "seeds=1", NULL}};
    static const int64_t steps[] = {30000, 6000};
    for (int k = 0; k < 2; k++) {
        const char *const *settings = studies[k];
        interruption stop = {.stage = "seed 1", .from = steps[k] + 1, .threads = 1};
        char root[256];
        json_t *result, *whole;
        ovp_idx count = 0;
        ovp_ctx *ctx = run_interrupted(&stop, experiment, &result, root, settings);
        assert_int_equal(table_rows(result, "widths"), 1);
        assert_true(number_at(result, "widths", 0, "width") == 30);
        double *loss = array_of(ctx, result, "loss", &count), *theory = array_of(ctx, result, "loss_theory", &count);
        ovp_ctx_free(ctx);
        scratch_remove(root);
        /* the net is the one of an uninterrupted run */
        assert_int_equal(ovp_ctx_create(&ctx, &(ovp_ctx_options){.size = sizeof(ovp_ctx_options)}), OVP_OK);
        assert_ok(ctx, run_study(ctx, experiment, &whole, root, settings));
        static const char *const columns[] = {"train_mse", "loss_theory", "loss_flow", "loss_gap", "steps"};
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            assert_true(
                json_equal(table_cell(result, "widths", 0, columns[c]), table_cell(whole, "widths", 1, columns[c])));
        ovp_idx all = 0;
        double *whole_loss = array_of(ctx, whole, "loss", &all),
               *whole_theory = array_of(ctx, whole, "loss_theory", &all);
        assert_int_equal(all, 2 * count);
        assert_memory_equal(loss, whole_loss + count, (size_t)count * sizeof *loss);
        assert_memory_equal(theory, whole_theory + count, (size_t)count * sizeof *theory);
        free(whole_theory);
        free(whole_loss);
        free(theory);
        free(loss);
        json_decref(whole);
        json_decref(result);
        ovp_ctx_free(ctx);
        scratch_remove(root);
    }
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static void verdicts_say_yes_no_and_unclear(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[8], *holds[3];
    } cases[] = {
        {{"d=10", "n=6", "n-test=20", "widths=100,400,1600", "lr=.05", "epochs=1", "seeds=1..20"}, {"no", "no", NULL}},
        {{"d=10", "n=6", "n-test=20", "widths=100,400", "lr=.05", "epochs=50", "seeds=1..3"},
         {"unclear", "unclear", "unclear"}},
        {{"d=10", "n=6", "n-test=20", "widths=100,400,1600,6400", "lr=.05", "epochs=3000", "seeds=1..4"},
         {"yes", NULL, NULL}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_study(ctx, experiment, &result, root, cases[c].settings));
        for (size_t v = 0; v < 3; v++)
            if (cases[c].holds[v] && strcmp(holds_of(result, v), cases[c].holds[v]) != 0)
                fail_msg("case %zu, verdict %zu: %s", c, v, holds_of(result, v));
        json_decref(result);
        scratch_remove(root);
    }
}

/* Too few steps or seeds, or a gap outside the bar. */
static void the_linearisation_is_judged(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("data=mnist", "n=4", "lr=1", "epochs=10", "stop-loss=0", "widths=64,512",
                                      "seeds=1..4")));
    assert_int_equal(table_rows(result, "linearisation"), 8 * 10);
    assert_true(number_at(result, "linearisation", 0, "gap") < 1e-12);
    assert_true(fabs(number_at(result, "linearisation", 9, "step") - 9) < .5);
    assert_string_equal(holds_of(result, 1), "no"); /* ten steps of four images: under 2 % */
    json_decref(result);
    scratch_remove(root);
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("data=mnist", "n=4", "lr=1", "epochs=10", "stop-loss=0", "widths=512")));
    assert_string_equal(holds_of(result, 0), "unclear");
    assert_string_equal(holds_of(result, 1), "unclear");
    json_decref(result);
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(the_start_is_the_published_one),
        CTX_TEST(only_the_published_run_is_held_against_it),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(training_stops_before_the_update),
        CTX_TEST(early_steps_are_the_kernels),
        CTX_TEST(a_diverged_net_is_a_row),
        CTX_TEST(wrong_values_are_refused_before_the_folder),
        cmocka_unit_test(an_interrupted_run_keeps_its_rows),
        cmocka_unit_test(an_interrupted_seed_keeps_its_finished_nets),
        CTX_TEST(verdicts_say_yes_no_and_unclear),
        CTX_TEST(the_linearisation_is_judged),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
