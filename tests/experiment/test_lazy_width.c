/* lazy-width: end to end on a small part of MNIST, and its prediction and verdicts with made-up numbers. */
#include "lazy_width_helpers.h"

/* ---- end to end ---------------------------------------------------------------------------------- */

/* Every table but timings, every array and the weights: the same bytes for 1, 2 and 3 threads. */
static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/widths.csv", "tables/widths-summary.csv", "tables/exponents.csv",
                                        "arrays.npz", "weights.npz"};
    static const char *const engines[] = {"engine=gemm", "engine=reference"};
    for (int e = 0; e < 2; e++)
        assert_same_bits(
            &ovp_experiment_lazy_width,
            SETTINGS("samples=96", "test-samples=300", "widths=7,130,7", "epochs=12", "seeds=1,2", engines[e]), files,
            5, "widths", 6);
}

static void a_run_holds_what_the_contract_names(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const columns[] = {
        "width",          "seed",          "member",     "relative_change", "relative_change_l2", "final_loss",
        "train_accuracy", "test_accuracy", "ntk_change", "status",          "diverged_at"};
    char root[256], path[600];
    json_t *result, *name;
    size_t k;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, run_lazy(ctx, &result, root,
                            SETTINGS("samples=64", "test-samples=100", "widths=5,40", "epochs=9", "seeds=1..4",
                                     "precision=f64", "momentum=0.5", "pixel-scale=unit", "lr=0.5")));
    json_t *widths = json_object_get(json_object_get(result, "tables"), "widths");
    assert_int_equal(json_array_size(json_object_get(widths, "columns")), 11);
    json_array_foreach(json_object_get(widths, "columns"), k, name)
        assert_string_equal(json_string_value(name), columns[k]);
    assert_int_equal(table_rows(result, "widths"), 8);
    assert_int_equal(table_rows(result, "timings"), 8);
    assert_int_equal(table_rows(result, "widths-summary"), 10);
    assert_int_equal(table_rows(result, "exponents"), 4);
    assert_null(json_object_get(json_object_get(result, "tables"), "published"));
    assert_true(json_is_null(table_cell(result, "widths", 0, "ntk_change")));
    assert_true(json_is_null(table_cell(result, "widths", 0, "diverged_at")));
    assert_string_equal(json_string_value(table_cell(result, "widths", 0, "status")), "ok");
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 3);

    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    assert_string_equal(arrays[0].name, "loss");
    assert_int_equal(arrays[0].array.ndim, 2);
    assert_int_equal(arrays[0].array.shape[0], 8);
    assert_int_equal(arrays[0].array.shape[1], 9);
    const double *loss = arrays[0].array.data;
    for (size_t row = 0; row < 8; row++)
        assert_true(loss[row * 9 + 8] == number_at(result, "widths", row, "final_loss"));
    ovp_io_npz_free(ctx, arrays, count);
    snprintf(path, sizeof path, "%s/weights.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    assert_int_equal(count, 8 * 4 + 1);
    assert_string_equal(arrays[0].name, "width5.seed1.member0.0.weight");
    assert_int_equal(arrays[0].array.shape[0], 5);
    assert_int_equal(arrays[0].array.shape[1], 784);
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);
}

/* philox: a stream a net, whatever else is in the list; torch: one stream over the list. */
static void streams_follow_their_rules(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const rngs[] = {"rng=philox", "rng=torch"};
    for (int r = 0; r < 2; r++) {
        static const char *const lists[] = {"widths=6,11", "widths=11,6,11", "widths=6,11,40"};
        double six[3], eleven[3], last = NAN;
        for (int i = 0; i < 3; i++) {
            char root[256];
            json_t *result;
            assert_ok(ctx,
                      run_lazy(ctx, &result, root,
                               SETTINGS("samples=40", "test-samples=20", "epochs=3", "seed=5", lists[i], rngs[r])));
            six[i] = number_at(result, "widths", i == 1, "relative_change");
            eleven[i] = number_at(result, "widths", i != 1, "relative_change");
            if (i == 1) {
                last = number_at(result, "widths", 2, "relative_change");
                assert_int_equal(json_integer_value(table_cell(result, "widths", 2, "member")), 1);
            }
            json_decref(result);
            scratch_remove(root);
        }
        assert_true(six[0] == six[2] && eleven[0] == eleven[2]);
        assert_true((six[0] == six[1]) == (r == 0));
        assert_true((eleven[0] == eleven[1]) == (r == 0));
        assert_true(last != eleven[1]); /* a second member is another net */
    }
}

/* PyTorch's run from the same stream (tests/golden/lazy_width_f32.py): losses within 1e-4 to step 50. */
static void losses_meet_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], path[600];
    json_t *result, *golden = file_json(OVP_TEST_DIR, "golden/data/lazy_width_f32.json"), *row;
    size_t i, compared = 0;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_non_null(golden);
    assert_ok(ctx, run_lazy(ctx, &result, root,
                            SETTINGS("preset=paper", "widths=20,64", "seed=123", "epochs=50", "test-samples=10")));
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    json_array_foreach(json_object_get(golden, "rows"), i, row) {
        json_t *losses = json_object_get(row, "losses");
        ovp_idx member = (ovp_idx)json_integer_value(json_object_get(row, "member"));
        if (json_integer_value(json_object_get(row, "seed")) != 123 || member > 1) continue;
        for (size_t k = 0; k < 50; k++) {
            double loss = ((double *)arrays[0].array.data)[(size_t)member * 50 + k];
            assert_true(fabs(loss / json_number_value(json_array_get(losses, k)) - 1) < 1e-4);
            compared++;
        }
    }
    assert_int_equal(compared, 100);
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(golden);
    json_decref(result);
    scratch_remove(root);
}

/* The whole published training of the first two widths (about 4 s): with OVP_TEST_LONG. */
static void the_published_table_is_repeated(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    if (!getenv("OVP_TEST_LONG")) skip();
    assert_ok(ctx, run_lazy(ctx, &result, root, SETTINGS("preset=paper", "widths=10,100")));
    assert_int_equal(table_rows(result, "published"), 6);
    json_t *verdict = json_array_get(json_object_get(result, "verdicts"), 3);
    assert_string_equal(text_at(verdict, "holds"), "yes");
    json_decref(result);
    scratch_remove(root);
}

static void a_diverged_net_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], path[600];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    /* mean squared error on raw pixels far beyond lr = 2 / largest curvature; without dying units nothing stops it */
    assert_ok(ctx, run_lazy(ctx, &result, root,
                            SETTINGS("samples=64", "test-samples=50", "widths=8,50", "epochs=60", "seeds=1", "loss=mse",
                                     "lr=10", "activation=identity")));
    assert_string_equal(text_at(result, "status"), "complete");
    assert_int_equal(table_rows(result, "widths"), 2);
    for (size_t row = 0; row < 2; row++) {
        assert_string_equal(json_string_value(table_cell(result, "widths", row, "status")), "diverged");
        assert_true(json_is_null(table_cell(result, "widths", row, "final_loss")));
        assert_true(json_is_null(table_cell(result, "widths", row, "test_accuracy")));
    }
    ovp_idx when = (ovp_idx)json_integer_value(table_cell(result, "widths", 0, "diverged_at"));
    assert_true(when > 1 && when < 60);
    assert_int_equal(json_array_size(json_object_get(result, "warnings")), 2 + !ovp_figure_available(NULL, 0));
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    const double *loss = arrays[0].array.data;
    assert_true(isfinite(loss[when - 2]) && !isfinite(loss[when - 1]) && isnan(loss[when]) && isnan(loss[59]));
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);
}

/* The prediction follows the gradient, which the others do not. */
static void other_optimisers_train_without_a_prediction(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const optimisers[] = {"optimiser=sgd", "optimiser=adam", "optimiser=adamw", "optimiser=rmsprop",
                                             "optimiser=adagrad"};
    double final[5];
    for (size_t i = 0; i < 5; i++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_lazy(ctx, &result, root,
                                SETTINGS("samples=64", "test-samples=50", "widths=8,30", "epochs=30", "seeds=1",
                                         "pixel-scale=unit", "lr=0.1", i == 2 ? "weight-decay=0.5" : "weight-decay=0",
                                         optimisers[i])));
        assert_int_equal(json_is_null(table_cell(result, "exponents", 0, "predicted")), i > 0);
        final[i] = number_at(result, "widths", 1, "final_loss");
        assert_true(final[i] < 2.3); /* ln 10 at the start */
        for (size_t k = 0; k < i; k++) assert_true(fabs(final[i] - final[k]) > 1e-9);
        json_decref(result);
        scratch_remove(root);
    }
}

static void too_wide_is_refused_before_any_width_runs(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    ovp_status status =
        run_lazy(ctx, &result, root, SETTINGS("samples=64", "test-samples=50", "widths=8,1e9", "epochs=2"));
    assert_int_equal(ovp_status_exit_code(status), 2);
    assert_non_null(strstr(ovp_message(ctx), "GiB are available"));
    assert_fails(ctx, OVP_EINVAL, "width 1000000000 on 64 samples needs about", status);
    assert_int_equal(table_rows(result, "widths"), 0);
    json_decref(result);
    scratch_remove(root);
}

static void wrong_names_are_refused_before_the_folder(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *setting, *words;
    } cases[] = {{"rng=numpy", "--rng numpy"},
                 {"dataset=mnits", "--dataset mnits"},
                 {"activation=rely", "--activation rely: unknown; one of identity, relu"},
                 {"nesterov=yes", "--momentum"},
                 {"beta1=0.5", "beta1: optimiser sgd has none"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(ctx, &ovp_experiment_lazy_width, cases[i].words, SETTINGS(cases[i].setting));
    ovp_params *p = params_with(ctx, &ovp_experiment_lazy_width, SETTINGS("samples=3"));
    assert_fails(ctx, OVP_EUSAGE, "1", ovp_params_set(p, "widths", "10,0", "--widths", OVP_EUSAGE));
    assert_fails(ctx, OVP_EUSAGE, "widths", ovp_params_set(p, "widths", "", "--widths", OVP_EUSAGE));
    ovp_params_free(p);
}

/* Cancels at a given step of the second net. */
static void an_interrupted_run_keeps_its_nets(void **state) {
    (void)state;
    interruption stop = {.stage = "width 9, seed 1"};
    char root[256];
    json_t *result;
    ovp_ctx *ctx =
        run_interrupted(&stop, &ovp_experiment_lazy_width, &result, root,
                        SETTINGS("samples=64", "test-samples=50", "widths=4,9,12", "epochs=500", "seeds=1,2"));
    /* the cancelled net was at its last step or before it */
    assert_in_range(table_rows(result, "widths"), 1, 2);
    assert_int_equal(table_rows(result, "exponents"), table_rows(result, "widths") - 1);
    char *drawn = file_text(text_at(result, "run_dir"), "figures/loss.dat", NULL);
    assert_non_null(drawn);
    free(drawn);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- prediction ---------------------------------------------------------------------------------- */

static const lazy_width_theory published_theory = {784, 10, 2388, "torch-default", "relu", "inverse-sqrt", 1, NULL};

/* The formula at the head of lazy_width_theory.c, for ReLU with m = q/2, s = 1/2, evaluated with numpy. */
static void prediction_is_its_formula(void **state) {
    ovp_ctx *ctx = *state;
    const double widths[] = {10, 100, 1000, 1e4, 5e4, 1e5};
    const double x = 2388, d = 784, c = 10;
    for (int i = 0; i < 6; i++) {
        double w = widths[i], v1 = 1 / (3 * d), v2 = 1 / (3 * w), hidden = sqrt(w * v2 / 2);
        double up = sqrt(w * (x * x + 1) * v1 / 2) + hidden * x + hidden + 1;
        double down = sqrt(w * d * v1) + sqrt(w * v1) + sqrt(c * w * v2) + sqrt(c * v2);
        assert_true(fabs(lazy_width_movement(&published_theory, w) * sqrt(w) * down / up - 1) < 1e-5);
    }
    assert_true(fabs(lazy_width_exponent(ctx, &published_theory, widths, 6) + .6546) < 1e-3);
    /* the limits: the first layer moves, then the read-out (its norms: sqrt(w)) */
    lazy_width_theory bare = published_theory;
    const double wide[] = {1e10, 1e11};
    assert_true(fabs(lazy_width_exponent(ctx, &bare, wide, 2) + .5) < 1e-3);
    bare.lr_scaling = "none";
    assert_true(fabs(lazy_width_exponent(ctx, &bare, wide, 2)) < 1e-3);
    bare.lr_scaling = "inverse";
    assert_true(fabs(lazy_width_exponent(ctx, &bare, wide, 2) + 1) < 1e-3);
    bare = published_theory;
    bare.inputs = 1e12; /* w << d */
    const double narrow[] = {1e5, 1e6};
    assert_true(fabs(lazy_width_exponent(ctx, &bare, narrow, 2) + 1) < 2e-2);
    /* Entries of variance proportional to 1/fan_in differ from torch's in a common factor (and in the biases). */
    static const char *const rules[] = {"kaiming-normal", "kaiming-uniform", "normal"};
    bare = published_theory;
    bare.bias = 0;
    double expected = lazy_width_exponent(ctx, &bare, widths, 6);
    for (int i = 0; i < 3; i++) {
        bare.init = rules[i];
        assert_true(fabs(lazy_width_exponent(ctx, &bare, widths, 6) - expected) < 1e-9);
    }
    bare.init = "xavier-uniform";
    assert_true(fabs(lazy_width_exponent(ctx, &bare, widths, 6) - expected) > .01);
    bare.init = "zero";
    assert_true(isnan(lazy_width_exponent(ctx, &bare, wide, 2)));
    assert_true(isnan(lazy_width_exponent(ctx, &published_theory, wide, 1)));
    bare.activation = "nothing";
    assert_true(isnan(lazy_width_movement(&bare, 10)));
}

/* ---- verdicts with made-up numbers --------------------------------------------------------------- */

enum { SEEDS = 5, WIDTHS = 6 };

typedef struct made_up {
    lazy_width_row items[SEEDS * WIDTHS];
    lazy_width_rows rows;
    int64_t seeds[SEEDS];
} made_up;

/* relative_change = w^exponent with a little noise; accuracy rises with slope. */
static void make_rows(made_up *m, double exponent, double noise, double slope) {
    ovp_idx count;
    const lazy_width_published *p = lazy_width_published_rows(&count);
    assert_int_equal(count, WIDTHS);
    for (int s = 0; s < SEEDS; s++) {
        m->seeds[s] = 42 + s;
        for (int k = 0; k < WIDTHS; k++) {
            double wobble = noise * (((s * 7 + 3) % 5) - 2); /* the exponent's own, one a seed */
            m->items[s * WIDTHS + k] = (lazy_width_row){.width = p[k].width,
                                                        .seed = m->seeds[s],
                                                        .relative_change = pow((double)p[k].width, exponent + wobble),
                                                        .final_loss = 1,
                                                        .test_accuracy = .5 + slope * k};
        }
    }
    m->rows = (lazy_width_rows){m->items, SEEDS * WIDTHS, NULL, 0};
}

static void exponent_verdicts(void **state) {
    ovp_ctx *ctx = *state;
    made_up m;
    double exponents[SEEDS];
    study_verdict v;
    make_rows(&m, -.63, .01, .01);
    assert_ok(ctx, lazy_width_exponents(exponents, ctx, &m.rows, lazy_width_change_of, m.seeds, SEEDS));
    lazy_width_judge_exponent(&v, exponents, SEEDS, &(lazy_width_prediction){-.655, NULL, 0});
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_true(fabs(v.verdict.measured + .63) < 1e-12 && v.verdict.low < -.63 && v.verdict.high > -.63);
    lazy_width_judge_exponent(&v, exponents, SEEDS, &(lazy_width_prediction){-.4, NULL, 0});
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    lazy_width_judge_exponent(&v, exponents, SEEDS, &(lazy_width_prediction){-.53, NULL, 0});
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    lazy_width_judge_exponent(&v, exponents, SEEDS, &(lazy_width_prediction){NAN, NULL, 0});
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_non_null(strstr(v.how, "No prediction"));
    lazy_width_judge_exponent(&v, exponents, 3, &(lazy_width_prediction){-.655, NULL, 0});
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_non_null(strstr(v.how, "Only 3 seeds"));
    assert_true(isfinite(v.verdict.measured));

    lazy_width_judge_falls(&v, exponents, SEEDS);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    lazy_width_judge_falls(&v, exponents, 1);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_true(isnan(v.verdict.low));
    make_rows(&m, .2, .01, .01);
    assert_ok(ctx, lazy_width_exponents(exponents, ctx, &m.rows, lazy_width_change_of, m.seeds, SEEDS));
    lazy_width_judge_falls(&v, exponents, SEEDS);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    make_rows(&m, -.01, .2, .01);
    assert_ok(ctx, lazy_width_exponents(exponents, ctx, &m.rows, lazy_width_change_of, m.seeds, SEEDS));
    lazy_width_judge_falls(&v, exponents, SEEDS);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
}

static void exponents_skip_diverged_nets(void **state) {
    ovp_ctx *ctx = *state;
    made_up m;
    double exponents[SEEDS];
    make_rows(&m, -.5, 0, .01);
    m.items[2].relative_change = NAN;
    for (int k = 0; k < WIDTHS - 1; k++) m.items[WIDTHS + k].relative_change = NAN; /* one left */
    assert_ok(ctx, lazy_width_exponents(exponents, ctx, &m.rows, lazy_width_change_of, m.seeds, SEEDS));
    assert_true(fabs(exponents[0] + .5) < 1e-12);
    assert_true(isnan(exponents[1]));
    assert_int_equal(study_over_seeds(exponents, SEEDS).count, SEEDS - 1);
}

static void accuracy_verdicts(void **state) {
    ovp_ctx *ctx = *state;
    made_up m;
    study_verdict v;
    make_rows(&m, -.6, 0, .01);
    assert_ok(ctx, lazy_width_judge_accuracy(&v, ctx, &m.rows, m.seeds, SEEDS));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_true(fabs(v.verdict.measured - 1) < 1e-12);
    assert_ok(ctx, lazy_width_judge_accuracy(&v, ctx, &m.rows, m.seeds, 3));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    make_rows(&m, -.6, 0, -.01);
    assert_ok(ctx, lazy_width_judge_accuracy(&v, ctx, &m.rows, m.seeds, SEEDS));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    make_rows(&m, -.6, 0, .01);
    for (int s = 0; s < 2; s++)
        for (int k = 0; k < WIDTHS; k++) m.items[s * WIDTHS + k].test_accuracy = .9 - .01 * k;
    assert_ok(ctx, lazy_width_judge_accuracy(&v, ctx, &m.rows, m.seeds, SEEDS));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
}

static void published_verdicts(void **state) {
    (void)state;
    made_up m;
    study_verdict v;
    ovp_idx count;
    const lazy_width_published *p = lazy_width_published_rows(&count);
    make_rows(&m, -.6, 0, .01);
    for (int k = 0; k < WIDTHS; k++) {
        m.items[k].relative_change = p[k].relative_change * (1 + .9 * p[k].bar_change);
        m.items[k].final_loss = p[k].final_loss * (1 - .5 * p[k].bar_loss);
        m.items[k].test_accuracy = p[k].test_accuracy + .2 * p[k].bar_accuracy;
    }
    lazy_width_judge_published(&v, &m.rows); /* the other seeds are not compared */
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_true(fabs(v.verdict.measured - .9) < 1e-9);
    m.items[2].final_loss *= 1.002;
    lazy_width_judge_published(&v, &m.rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    assert_non_null(strstr(v.how, "final_loss at width 1000"));
    m.items[2].final_loss = NAN; /* diverged */
    lazy_width_judge_published(&v, &m.rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    m.rows.count = 0;
    lazy_width_judge_published(&v, &m.rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
}

static void only_the_published_configuration_is_compared(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const others[] = {
        "samples=1000",        "epochs=499",       "lr=0.02",
        "rng=philox",          "loss=mse",         "bias=no",
        "activation=tanh",     "momentum=0.1",     "optimiser=adam",
        "precision=f64",       "widths=100,10",    "widths=10,100,1000,10000,50000,100000,10",
        "test-samples=500",    "pixel-scale=unit", "init=kaiming-normal",
        "lr-scaling=none",     "weight-decay=0.1", "dataset=fashion-mnist",
        "parametrization=ntk", "fraction=.5",      "classes=0,1,2"};
    const int64_t seeds[] = {3, 42};
    ovp_params *p = params_with(ctx, &ovp_experiment_lazy_width, SETTINGS("preset=paper"));
    assert_true(lazy_width_is_published(p, seeds, 2));
    assert_false(lazy_width_is_published(p, seeds, 1));
    ovp_params_free(p);
    p = params_with(ctx, &ovp_experiment_lazy_width, SETTINGS("preset=paper", "widths=10,100", "test-samples=10000"));
    assert_true(lazy_width_is_published(p, seeds, 2));
    ovp_params_free(p);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        p = params_with(ctx, &ovp_experiment_lazy_width, SETTINGS("preset=paper", others[i]));
        assert_false(lazy_width_is_published(p, seeds, 2));
        ovp_params_free(p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(a_run_holds_what_the_contract_names),
        CTX_TEST(streams_follow_their_rules),
        CTX_TEST(losses_meet_pytorch),
        CTX_TEST(the_published_table_is_repeated),
        CTX_TEST(a_diverged_net_is_a_row),
        CTX_TEST(other_optimisers_train_without_a_prediction),
        CTX_TEST(too_wide_is_refused_before_any_width_runs),
        CTX_TEST(wrong_names_are_refused_before_the_folder),
        cmocka_unit_test(an_interrupted_run_keeps_its_nets),
        CTX_TEST(prediction_is_its_formula),
        CTX_TEST(exponent_verdicts),
        CTX_TEST(exponents_skip_diverged_nets),
        CTX_TEST(accuracy_verdicts),
        CTX_TEST(published_verdicts),
        CTX_TEST(only_the_published_configuration_is_compared),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
