/* gd-eigenbasis: end to end, against numpy's runs, the problem's parts, and its verdicts driven to every answer. */
#include "run_helpers.h"

#include <experiment/gd_eigenbasis_int.h>

static ovp_status run_gd(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_gd_eigenbasis, result, root, settings);
}

static const char *verdict_at(const json_t *result, size_t i) {
    return text_at(json_array_get(json_object_get(result, "verdicts"), i), "holds");
}

static double real_of(const json_t *object, const char *list, size_t i) {
    return json_number_value(json_array_get(json_object_get(object, list), i));
}

/* ---- end to end ---------------------------------------------------------------------------------- */

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/coordinates.csv", "tables/spectrum.csv", "tables/spectrum-summary.csv",
                                        "arrays.npz"};
    assert_same_bits(&ovp_experiment_gd_eigenbasis, SETTINGS("p=70", "n=900", "steps=50", "seeds=1,2"), files, 4, NULL,
                     0);
}

static void a_run_holds_what_the_contract_names(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const columns[] = {"seed", "index", "eigenvalue", "start", "end", "theory_end"};
    static const char *const spectrum[] = {"seed", "rank", "largest", "edge", "kolmogorov"};
    char root[256];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, run_gd(ctx, &result, root, SETTINGS("p=8", "n=30", "steps=25", "lr=0.1", "seeds=1..4")));
    json_t *tables = json_object_get(result, "tables");
    for (size_t k = 0; k < 6; k++)
        assert_string_equal(
            json_string_value(json_array_get(json_object_get(json_object_get(tables, "coordinates"), "columns"), k)),
            columns[k]);
    for (size_t k = 0; k < 5; k++)
        assert_string_equal(
            json_string_value(json_array_get(json_object_get(json_object_get(tables, "spectrum"), "columns"), k)),
            spectrum[k]);
    assert_int_equal(table_rows(result, "coordinates"), 32);
    assert_int_equal(table_rows(result, "spectrum"), 4);
    assert_int_equal(table_rows(result, "spectrum-summary"), 5);
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 3);
    assert_true(fabs(number_at(result, "spectrum", 0, "edge") - pow(1 + sqrt(8. / 30), 2)) < 1e-14);
    const ovp_numeric_array *loss = array_in(ctx, result, "loss", &arrays, &count);
    assert_int_equal(loss->shape[0], 4);
    assert_int_equal(loss->shape[1], 25);
    ovp_io_npz_free(ctx, arrays, count);
    const ovp_numeric_array *distance = array_in(ctx, result, "distance", &arrays, &count);
    assert_true(((double *)distance->data)[24] == number_at(result, "spectrum", 0, "distance"));
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);
}

/* numpy's runs from the same stream (tests/golden/gd_eigenbasis.py). */
static void a_run_meets_numpy(void **state) {
    ovp_ctx *ctx = *state;
    json_t *golden = file_json(OVP_TEST_DIR, "golden/data/gd_eigenbasis.json"), *row, *index;
    size_t c, k, compared = 0;
    assert_non_null(golden);
    json_array_foreach(json_object_get(golden, "cases"), c, row) {
        static const char *const keys[] = {"seed", "p", "n", "steps", "lr"};
        char root[256], text[5][48];
        json_t *result;
        ovp_io_named_array *arrays;
        ovp_idx count;
        for (int i = 0; i < 5; i++)
            snprintf(text[i], sizeof text[i], "%s=%.17g", keys[i], json_number_value(json_object_get(row, keys[i])));
        assert_ok(ctx,
                  run_gd(ctx, &result, root, SETTINGS("preset=paper", text[0], text[1], text[2], text[3], text[4])));
        const size_t steps = (size_t)json_integer_value(json_object_get(row, "steps"));
        const ovp_numeric_array *loss = array_in(ctx, result, "loss", &arrays, &count);
        for (size_t i = 0; i < 2; i++)
            assert_true(fabs(((double *)loss->data)[i * (steps - 1)] - real_of(row, "loss", i)) < 1e-12);
        ovp_io_npz_free(ctx, arrays, count);
        const ovp_numeric_array *distance = array_in(ctx, result, "distance", &arrays, &count);
        for (size_t i = 0; i < 2; i++)
            assert_true(fabs(((double *)distance->data)[i * (steps - 1)] - real_of(row, "distance", i)) < 1e-11);
        ovp_io_npz_free(ctx, arrays, count);
        json_array_foreach(json_object_get(row, "index"), k, index) {
            const size_t i = (size_t)json_integer_value(index);
            assert_true(fabs(number_at(result, "coordinates", i, "eigenvalue") - real_of(row, "eigenvalues", k)) <
                        1e-13);
            assert_true(fabs(number_at(result, "coordinates", i, "start") - real_of(row, "start", k)) < 1e-11);
            assert_true(fabs(number_at(result, "coordinates", i, "end") - real_of(row, "end", k)) < 1e-11);
            assert_true(fabs(number_at(result, "coordinates", i, "theory_end") - real_of(row, "end", k)) < 1e-11);
            compared++;
        }
        assert_true(number_at(result, "spectrum", 0, "rank") == json_number_value(json_object_get(row, "rank")));
        if (json_is_number(json_object_get(row, "kolmogorov")))
            assert_true(fabs(number_at(result, "spectrum", 0, "kolmogorov") -
                             json_number_value(json_object_get(row, "kolmogorov"))) < 1e-10);
        json_decref(result);
        scratch_remove(root);
    }
    assert_int_equal(compared, 6 + 6 + 5);
    json_decref(golden);
}

/* A data seed of its own changes the start alone. */
static void data_and_start_have_seeds_of_their_own(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const rngs[] = {"rng=philox", "rng=numpy"};
    for (int r = 0; r < 2; r++) {
        char first[256], second[256];
        json_t *result[2];
        assert_ok(ctx, run_gd(ctx, &result[0], first, SETTINGS("p=5", "n=20", "steps=3", "seed=7", rngs[r])));
        assert_ok(
            ctx, run_gd(ctx, &result[1], second, SETTINGS("p=5", "n=20", "steps=3", "seed=8", "data-seed=7", rngs[r])));
        assert_true(number_at(result[0], "spectrum", 0, "largest") == number_at(result[1], "spectrum", 0, "largest"));
        assert_true(number_at(result[0], "coordinates", 0, "start") != number_at(result[1], "coordinates", 0, "start"));
        for (int i = 0; i < 2; i++) json_decref(result[i]);
        scratch_remove(first);
        scratch_remove(second);
    }
}

/* More weights than samples: p - n directions of eigenvalue 0 keep their start; the loss goes to 0. */
static void directions_without_data_stay(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_gd(ctx, &result, root, SETTINGS("p=30", "n=10", "steps=3000", "lr=0.15", "seeds=1..4")));
    assert_true(number_at(result, "spectrum", 0, "rank") == 10);
    for (size_t i = 10; i < 30; i++) {
        assert_true(number_at(result, "coordinates", i, "eigenvalue") == 0);
        assert_true(fabs(number_at(result, "coordinates", i, "end") - number_at(result, "coordinates", i, "start")) <
                    1e-12);
    }
    assert_true(number_at(result, "spectrum", 0, "final_loss") < 1e-20);
    assert_string_equal(verdict_at(result, 0), "yes");
    json_decref(result);
    scratch_remove(root);
}

static void a_rate_too_large_is_said(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    size_t k, said = 0;
    json_t *warning;
    assert_ok(ctx, run_gd(ctx, &result, root, SETTINGS("p=6", "n=40", "steps=2000", "lr=3", "seeds=1,2")));
    assert_string_equal(text_at(result, "status"), "complete");
    assert_int_equal(table_rows(result, "spectrum"), 2);
    assert_string_equal(json_string_value(table_cell(result, "spectrum", 0, "status")), "diverged");
    assert_true(json_is_null(table_cell(result, "spectrum", 0, "final_loss")));
    assert_true(json_is_null(table_cell(result, "coordinates", 0, "end")));
    assert_in_range((size_t)number_at(result, "spectrum", 0, "diverged_at"), 2, 2000);
    json_array_foreach(json_object_get(result, "warnings"), k, warning) {
        const char *text = json_string_value(warning);
        said += text && strstr(text, "--lr 3 is above 2 / largest eigenvalue") != NULL;
    }
    assert_int_equal(said, 2);
    json_decref(result);
    scratch_remove(root);
}

static void wrong_values_are_refused_before_the_folder(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *setting, *words;
    } cases[] = {{"rng=torch", "--rng torch"}, {"precision=f32", "--precision f32"}, {"n=1e8", "GiB are available"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(ctx, &ovp_experiment_gd_eigenbasis, cases[i].words, SETTINGS("p=20000", cases[i].setting));
    static const char *const seeds[] = {"seed=-1", "data-seed=4294967296"};
    for (size_t i = 0; i < 2; i++) {
        char root[256];
        json_t *result;
        assert_fails(ctx, OVP_EINVAL, "with --rng numpy: it is numpy's stream, whose seeds are 0..4294967295",
                     run_gd(ctx, &result, root, SETTINGS("rng=numpy", seeds[i])));
        assert_int_equal(rmdir(root), 0);
    }
    ovp_params *p = params_with(ctx, &ovp_experiment_gd_eigenbasis, SETTINGS("steps=3"));
    assert_fails(ctx, OVP_EUSAGE, "p", ovp_params_set(p, "p", "0", "--p", OVP_EUSAGE));
    assert_fails(ctx, OVP_EUSAGE, "n", ovp_params_set(p, "n", "-1", "--n", OVP_EUSAGE));
    assert_fails(ctx, OVP_EUSAGE, "lr", ovp_params_set(p, "lr", "0", "--lr", OVP_EUSAGE));
    ovp_params_free(p);
}

static void an_interrupted_run_keeps_its_draws(void **state) {
    (void)state;
    interruption stop = {.stage = "seed 3"};
    char root[256];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    ovp_ctx *ctx = run_interrupted(&stop, &ovp_experiment_gd_eigenbasis, &result, root,
                                   SETTINGS("p=20", "n=50", "steps=20000", "seeds=1..5"));
    const size_t draws = table_rows(result, "spectrum");
    assert_in_range(draws, 2, 3);
    assert_int_equal(table_rows(result, "coordinates"), 20 * draws);
    assert_int_equal(array_in(ctx, result, "loss", &arrays, &count)->shape[0], draws);
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- the problem --------------------------------------------------------------------------------- */

static void the_eigenbasis_is_one(void **state) {
    ovp_ctx *ctx = *state;
    enum { P = 17 };
    gd_problem q;
    ovp_numeric_rng *rng;
    double w[P], residual[P];
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 3, OVP_PURPOSE_DATA, 0));
    assert_ok(ctx, gd_problem_draw(&q, ctx, P, 40, rng, rng));
    for (int i = 0; i < P; i++) {
        double largest = 0;
        for (int j = 0; j < P; j++) {
            double product = 0, gram = 0;
            for (int k = 0; k < P; k++) product += q.vectors[i * P + k] * q.vectors[j * P + k];
            for (int k = 0; k < P; k++) gram += q.vectors[k * P + i] * q.eigenvalues[k] * q.vectors[k * P + j];
            assert_true(fabs(product - (i == j)) < 1e-14);
            assert_true(fabs(gram - q.gram[i * P + j]) < 1e-14);
            if (fabs(q.vectors[i * P + j]) > fabs(largest)) largest = q.vectors[i * P + j];
        }
        assert_true(largest > 0);
        assert_true(i == 0 || q.eigenvalues[i] <= q.eigenvalues[i - 1]);
    }
    /* three losses of one thing: by X and Y, by the Gram matrix, by the exact coordinates */
    memcpy(w, q.w_0, sizeof w);
    for (ovp_idx t = 0; t < 200; t++) {
        const double direct = gd_problem_direct_loss(&q, w), exact = gd_problem_exact_loss(&q, .3, t);
        const double loss = gd_problem_step(&q, .3, w, residual);
        assert_true(fabs(loss - direct) < 1e-13 && fabs(exact - direct) < 1e-13);
        assert_true(loss > gd_problem_least_loss(&q) - 1e-13);
    }
    gd_problem_free(ctx, &q);
    ovp_numeric_rng_free(rng);
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static void verdicts_say_yes_no_and_unclear(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[5], *holds[3];
    } cases[] = {
        {{"p=100", "n=5000", "steps=50", "seeds=1..20", "lr=0.001"}, {"yes", "yes", "yes"}},
        /* the law is that of large matrices */
        {{"p=2", "n=3", "steps=50", "seeds=1..12", "lr=0.001"}, {"yes", "no", "no"}},
        {{"p=100", "n=5000", "steps=5", "seeds=1..3", "lr=0.001"}, {"yes", "unclear", "unclear"}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char root[256];
        json_t *result;
        const char *settings[6] = {NULL};
        for (size_t k = 0; k < 5; k++) settings[k] = cases[c].settings[k];
        assert_ok(ctx, run_gd(ctx, &result, root, settings));
        for (size_t v = 0; v < 3; v++) {
            if (strcmp(verdict_at(result, v), cases[c].holds[v]) != 0)
                print_error("case %zu, verdict %zu: %s\n", c, v, verdict_at(result, v));
            assert_string_equal(verdict_at(result, v), cases[c].holds[v]);
        }
        if (c == 0) /* the bar itself: every draw, not their mean */
            for (size_t s = 0; s < 20; s++) {
                assert_true(number_at(result, "spectrum", s, "kolmogorov") < .05);
                assert_true(
                    fabs(number_at(result, "spectrum", s, "largest") / number_at(result, "spectrum", s, "edge") - 1) <
                    .03);
            }
        json_decref(result);
        scratch_remove(root);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(a_run_holds_what_the_contract_names),
        CTX_TEST(a_run_meets_numpy),
        CTX_TEST(data_and_start_have_seeds_of_their_own),
        CTX_TEST(directions_without_data_stay),
        CTX_TEST(a_rate_too_large_is_said),
        CTX_TEST(wrong_values_are_refused_before_the_folder),
        cmocka_unit_test(an_interrupted_run_keeps_its_draws),
        CTX_TEST(the_eigenbasis_is_one),
        CTX_TEST(verdicts_say_yes_no_and_unclear),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
