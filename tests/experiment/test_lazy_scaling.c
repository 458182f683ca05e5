/* lazy-scaling: end to end, against PyTorch's trainings, its exact limit, and its verdicts driven to every answer. */
#include "run_helpers.h"

#include <experiment/lazy_scaling_int.h>

static ovp_status run_scaling(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_lazy_scaling, result, root, settings);
}

static const char *verdict_at(const json_t *result, size_t i) {
    return text_at(json_array_get(json_object_get(result, "verdicts"), i), "holds");
}

/* The named array of a run; freed with ovp_io_npz_free. */
/* ---- end to end ---------------------------------------------------------------------------------- */

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/scales.csv", "tables/scales-summary.csv", "tables/exponents.csv",
                                        "arrays.npz", "weights.npz"};
    static const char *const precisions[] = {"precision=f32", "precision=f64"};
    for (int e = 0; e < 2; e++)
        assert_same_bits(
            &ovp_experiment_lazy_scaling,
            SETTINGS("alphas=1,10,100", "steps=700", "warm-up-steps=30", "points=33", "seeds=1,2", precisions[e]),
            files, 5, "scales", 6);
}

static void a_run_holds_what_the_contract_names(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const columns[] = {"alpha", "seed", "member", "final_loss", "movement_all", "linearisation_gap"};
    char root[256];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, run_scaling(ctx, &result, root,
                               SETTINGS("alphas=10,100", "steps=40", "warm-up-steps=0", "points=21", "seeds=5,6,7,8",
                                        "precision=f64")));
    json_t *names = json_object_get(json_object_get(json_object_get(result, "tables"), "scales"), "columns");
    for (size_t k = 0; k < 6; k++) assert_string_equal(json_string_value(json_array_get(names, k)), columns[k]);
    assert_int_equal(table_rows(result, "scales"), 8);
    assert_int_equal(table_rows(result, "scales-summary"), 2 * 5);
    assert_int_equal(table_rows(result, "exponents"), 4);
    assert_int_equal(table_rows(result, "timings"), 8);
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 4);
    const ovp_numeric_array *loss = array_in(ctx, result, "loss", &arrays, &count);
    assert_int_equal(loss->shape[0], 8);
    assert_int_equal(loss->shape[1], 40);
    ovp_io_npz_free(ctx, arrays, count);
    const ovp_numeric_array *y = array_in(ctx, result, "y", &arrays, &count);
    double mean = 0;
    for (int i = 0; i < 10; i++) mean += ((double *)y->data)[i] * ((double *)y->data)[i] / 10;
    ovp_io_npz_free(ctx, arrays, count);
    loss = array_in(ctx, result, "loss", &arrays, &count);
    /* outputs are 0 at the start, whatever alpha */
    assert_true(fabs(((double *)loss->data)[0] / mean - 1) < 1e-14);
    ovp_io_npz_free(ctx, arrays, count);
    /* what is said of a function is what was kept of it */
    const ovp_numeric_array *scaled = array_in(ctx, result, "scaled_end", &arrays, &count), *linear = NULL;
    for (ovp_idx i = 0; i < count; i++)
        if (strcmp(arrays[i].name, "linear_end") == 0) linear = &arrays[i].array;
    double difference = 0, size = 0;
    for (int i = 0; i < 21; i++) {
        const double f = ((double *)scaled->data)[21 + i], f_lin = ((double *)linear->data)[21 + i];
        difference += (f - f_lin) * (f - f_lin);
        size += f * f;
    }
    assert_true(fabs(number_at(result, "scales", 1, "linearisation_gap") / sqrt(difference / size) - 1) < 1e-12);
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);
}

/* PyTorch's trainings from the same streams (tests/golden/lazy_scaling.py): f32 to 1e-4, f64 to 1e-8. */
static void losses_meet_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    json_t *golden = file_json(OVP_TEST_DIR, "golden/data/lazy_scaling.json"), *row, *loss;
    size_t i, k, compared = 0;
    assert_non_null(golden);
    json_array_foreach(json_object_get(golden, "rows"), i, row) {
        char root[256], seed[32], precision[32];
        json_t *result;
        ovp_io_named_array *arrays;
        ovp_idx count;
        const int wide = strcmp(text_at(row, "precision"), "f64") == 0;
        snprintf(seed, sizeof seed, "seed=%lld", (long long)json_integer_value(json_object_get(row, "seed")));
        snprintf(precision, sizeof precision, "precision=%s", text_at(row, "precision"));
        assert_ok(ctx, run_scaling(ctx, &result, root,
                                   SETTINGS("preset=paper", "alphas=1,100", "warm-up-steps=0", "steps=1000",
                                            "points=11", seed, precision)));
        const ovp_numeric_array *measured = array_in(ctx, result, "loss", &arrays, &count);
        for (size_t a = 0; a < 2; a++) json_array_foreach(json_array_get(json_object_get(row, "losses"), a), k, loss) {
                const size_t step = (size_t)json_integer_value(json_array_get(json_object_get(golden, "steps"), k)) - 1;
                const double ours = ((double *)measured->data)[a * 1000 + step];
                assert_true(fabs(ours / json_number_value(loss) - 1) < (wide ? 1e-8 : 1e-4));
                compared++;
            }
        ovp_io_npz_free(ctx, arrays, count);
        json_decref(result);
        scratch_remove(root);
    }
    assert_int_equal(compared, 4 * 2 * 4);
    json_decref(golden);
}

/* The warm-up is a training of the same net: with the same rate it is its first part. */
static void the_warm_up_hands_its_weights_on(void **state) {
    ovp_ctx *ctx = *state;
    char first_root[256], second_root[256];
    json_t *warm, *plain;
    ovp_io_named_array *arrays[2];
    ovp_idx count[2];
    assert_ok(ctx, run_scaling(ctx, &warm, first_root,
                               SETTINGS("alphas=1,50", "steps=20", "warm-up-steps=30", "warm-up-lr=0.01", "points=9",
                                        "precision=f64", "seed=3")));
    assert_ok(ctx, run_scaling(
                       ctx, &plain, second_root,
                       SETTINGS("alphas=1,50", "steps=50", "warm-up-steps=0", "points=9", "precision=f64", "seed=3")));
    static const char *const same[] = {"final_loss", "movement_all", "linearisation_gap", "linear_loss", "limit_loss"};
    for (size_t k = 0; k < 5; k++) {
        assert_true(number_at(warm, "scales", 1, same[k]) == number_at(plain, "scales", 1, same[k]));
        assert_true(number_at(warm, "scales", 0, same[k]) != number_at(plain, "scales", 0, same[k]));
    }
    const double *whole = array_in(ctx, plain, "loss", &arrays[1], &count[1])->data;
    const double *first = array_in(ctx, warm, "warm_up_loss", &arrays[0], &count[0])->data;
    assert_memory_equal(first, whole + 50, 30 * sizeof *first);
    ovp_io_npz_free(ctx, arrays[0], count[0]);
    first = array_in(ctx, warm, "loss", &arrays[0], &count[0])->data;
    assert_memory_equal(first + 20, whole + 80, 20 * sizeof *first);
    for (int i = 0; i < 2; i++) ovp_io_npz_free(ctx, arrays[i], count[i]);
    json_decref(warm);
    json_decref(plain);
    scratch_remove(first_root);
    scratch_remove(second_root);
}

/* same-start: one net for all alphas, the same in every list; else nets of their own. */
static void starts_follow_their_rule(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const rngs[] = {"rng=philox", "rng=torch"};
    for (int r = 0; r < 2; r++)
        for (int same = 0; same < 2; same++) {
            char root[256];
            json_t *result;
            ovp_io_named_array *arrays;
            ovp_idx count;
            assert_ok(ctx, run_scaling(ctx, &result, root,
                                       SETTINGS("alphas=3,7", "steps=2", "warm-up-steps=0", "points=5", "seed=4",
                                                rngs[r], same ? "same-start=yes" : "same-start=no")));
            const double *base = array_in(ctx, result, "base_start", &arrays, &count)->data;
            assert_int_equal(memcmp(base, base + 5, 5 * sizeof *base) == 0, same);
            ovp_io_npz_free(ctx, arrays, count);
            json_decref(result);
            scratch_remove(root);
        }
}

static void a_diverged_net_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_scaling(ctx, &result, root,
                               SETTINGS("alphas=1,100", "steps=4000", "warm-up-steps=0", "points=9", "lr=30",
                                        "activation=identity", "seeds=1")));
    assert_string_equal(text_at(result, "status"), "complete");
    assert_int_equal(table_rows(result, "scales"), 2);
    for (size_t row = 0; row < 2; row++) {
        assert_string_equal(json_string_value(table_cell(result, "scales", row, "status")), "diverged");
        assert_true(json_is_null(table_cell(result, "scales", row, "final_loss")));
        assert_true(json_is_null(table_cell(result, "scales", row, "linearisation_gap")));
        assert_true(number_at(result, "scales", row, "diverged_at") > 1);
    }
    assert_int_equal(json_array_size(json_object_get(result, "warnings")), 2 + !ovp_figure_available(NULL, 0));
    json_decref(result);
    scratch_remove(root);
}

static void wrong_values_are_refused_before_the_folder(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *setting, *words;
    } cases[] = {{"rng=numpy", "--rng numpy"},
                 {"activation=rely", "--activation rely: unknown"},
                 {"alphas=1,10,1", "--alphas: 1 stands there twice"},
                 {"seeds=1..2000", "GiB are available"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(ctx, &ovp_experiment_lazy_scaling, cases[i].words, SETTINGS("steps=1e7", cases[i].setting));
    ovp_params *p = params_with(ctx, &ovp_experiment_lazy_scaling, SETTINGS("steps=3"));
    assert_fails(ctx, OVP_EUSAGE, "alphas", ovp_params_set(p, "alphas", "1,0", "--alphas", OVP_EUSAGE));
    assert_fails(ctx, OVP_EUSAGE, "alphas", ovp_params_set(p, "alphas", "-10", "--alphas", OVP_EUSAGE));
    assert_fails(ctx, OVP_EUSAGE, "lr", ovp_params_set(p, "lr", "0", "--lr", OVP_EUSAGE));
    assert_fails(ctx, OVP_EUSAGE, "n", ovp_params_set(p, "n", "0", "--n", OVP_EUSAGE));
    ovp_params_free(p);
}

static void an_interrupted_run_keeps_its_nets(void **state) {
    (void)state;
    interruption stop = {.stage = "seed 2", .threads = 2};
    char root[256];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    ovp_ctx *ctx =
        run_interrupted(&stop, &ovp_experiment_lazy_scaling, &result, root,
                        SETTINGS("alphas=1,10,100", "steps=3000", "warm-up-steps=0", "points=9", "seeds=1,2,3"));
    const size_t rows = table_rows(result, "scales");
    assert_in_range(rows, 3, 5);
    const ovp_numeric_array *loss = array_in(ctx, result, "loss", &arrays, &count);
    assert_int_equal(loss->shape[0], rows);
    for (size_t i = 0; i < rows * 3000; i++) assert_true(isfinite(((double *)loss->data)[i]));
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- the limit ----------------------------------------------------------------------------------- */

/* One point with Jacobian (3, 4): the residual is multiplied by 1 - 2 lr 25 each step, theta goes along (3, 4). */
static void the_limit_is_its_closed_form(void **state) {
    ovp_ctx *ctx = *state;
    const double jacobian[] = {3, 4}, y = 2, lr = .005, factor = 1 - 2 * lr * 25;
    double losses[6];
    lazy_scaling_limit limit;
    assert_ok(ctx, lazy_scaling_limit_create(&limit, ctx, 1, 2, jacobian, &y));
    lazy_scaling_limit_train(&limit, lr, 6, losses);
    for (int k = 0; k < 6; k++) assert_true(fabs(losses[k] - pow(y * pow(factor, k), 2)) < 1e-13);
    assert_true(fabs(lazy_scaling_limit_loss(&limit) - pow(y * pow(factor, 6), 2)) < 1e-13);
    /* alpha (theta - theta_0) . (3, 4) = y (1 - factor^6), and it is parallel to (3, 4) */
    assert_true(fabs(lazy_scaling_limit_movement(&limit) - y * (1 - pow(factor, 6)) / 5) < 1e-13);
    lazy_scaling_limit_free(ctx, &limit);
    assert_true(lazy_scaling_gap_exponent("relu") == -.5 && lazy_scaling_gap_exponent("tanh") == -1);
}

/* At a large alpha the net is its linear model: the movement is the predicted one, the gap is small. */
static void a_large_alpha_meets_the_limit(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_scaling(ctx, &result, root,
                               SETTINGS("alphas=1e5", "steps=500", "warm-up-steps=0", "points=9", "precision=f64",
                                        "activation=tanh", "seed=2")));
    assert_true(
        fabs(number_at(result, "scales", 0, "movement_all") / number_at(result, "scales", 0, "movement_theory") - 1) <
        1e-4);
    assert_true(number_at(result, "scales", 0, "linearisation_gap") < 1e-4);
    assert_true(fabs(number_at(result, "scales", 0, "linear_loss") / number_at(result, "scales", 0, "limit_loss") - 1) <
                1e-8);
    json_decref(result);
    scratch_remove(root);
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static void verdicts_say_yes_no_and_unclear(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[8], *holds[4];
    } cases[] = {
        {{"alphas=1,10,100,1000", "steps=1000", "warm-up-steps=0", "seeds=1..4", "same-start=yes", "activation=tanh"},
         {"yes", "yes", "yes", NULL}},
        /* the last alpha trained far longer: it moves more, is farther from its linearisation and fits better */
        {{"alphas=10,20", "steps=20", "warm-up-steps=3000", "seeds=1..6", "same-start=yes", "activation=tanh"},
         {"no", "no", "yes", "no"}},
        {{"alphas=10,100", "steps=20", "warm-up-steps=0", "seeds=1,2"}, {"unclear", "unclear", "yes", "unclear"}},
        /* updates below half a unit of the last place are lost: single precision does not follow the theory */
        {{"alphas=1", "steps=20000", "warm-up-steps=0", "seeds=1,2", "lr=3e-8", "precision=f32"},
         {"unclear", "unclear", "no", NULL}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const char *settings[10] = {"precision=f64", "points=201"};
        char root[256];
        json_t *result;
        for (size_t k = 0; k < 8; k++) settings[k + 2] = cases[c].settings[k];
        assert_ok(ctx, run_scaling(ctx, &result, root, settings));
        for (size_t v = 0; v < 4 && cases[c].holds[v]; v++) {
            if (strcmp(verdict_at(result, v), cases[c].holds[v]) != 0)
                print_error("case %zu, verdict %zu: %s\n", c, v, verdict_at(result, v));
            assert_string_equal(verdict_at(result, v), cases[c].holds[v]);
        }
        json_decref(result);
        scratch_remove(root);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(a_run_holds_what_the_contract_names),
        CTX_TEST(losses_meet_pytorch),
        CTX_TEST(the_warm_up_hands_its_weights_on),
        CTX_TEST(starts_follow_their_rule),
        CTX_TEST(a_diverged_net_is_a_row),
        CTX_TEST(wrong_values_are_refused_before_the_folder),
        cmocka_unit_test(an_interrupted_run_keeps_its_nets),
        CTX_TEST(the_limit_is_its_closed_form),
        CTX_TEST(a_large_alpha_meets_the_limit),
        CTX_TEST(verdicts_say_yes_no_and_unclear),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
