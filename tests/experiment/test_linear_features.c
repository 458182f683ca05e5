/* linear-features: the theorem in both precisions, what a run holds, and its verdicts with made-up numbers. */
#include "linear_helpers.h"

#include <experiment/linear_features_int.h>

static const ovp_experiment *const study = &ovp_experiment_linear_features;

static void the_theorem_holds_in_both_precisions(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const precisions[] = {"precision=f32", "precision=f64"};
    static const double bounds[] = {3e-6, 1e-13};
    for (int i = 0; i < 2; i++) {
        char root[256];
        json_t *result;
        ovp_idx count, theory_count;
        assert_ok(ctx, run_study(ctx, study, &result, root,
                                 SETTINGS("seeds=1..6", "steps=2000,100,1500", "members=1,1,2", precisions[i])));
        assert_int_equal(table_rows(result, "fits"), 24);
        for (size_t row = 0; row < 24; row++) {
            assert_true(number_at(result, "fits", row, "max_deviation") <= bounds[i]);
            assert_true(number_at(result, "fits", row, "movement") > 0);
            assert_true(number_at(result, "fits", row, "movement") <=
                        number_at(result, "fits", row, "limit_movement") * (1 + 1e-5));
        }
        /* The arrays hold the same: losses before the steps, theory beside them, NaN after the last. */
        double *loss = array_of(ctx, result, "loss", &count),
               *theory = array_of(ctx, result, "theory_loss", &theory_count);
        assert_int_equal(count, 24 * 2000);
        assert_int_equal(theory_count, count);
        for (ovp_idx row = 0; row < 24; row++) {
            const double *l = loss + row * 2000, *t = theory + row * 2000;
            const ovp_idx steps = (const ovp_idx[]){2000, 100, 1500, 1500}[row % 4];
            for (ovp_idx k = 0; k < steps; k++) assert_true(fabs(sqrt(l[k]) - sqrt(t[k])) <= bounds[i] * sqrt(t[0]));
            assert_true(steps == 2000 || (isnan(l[steps]) && isnan(t[steps])));
        }
        assert_string_equal(holds_of(result, 0), "yes");
        assert_string_equal(holds_of(result, 1), "yes");
        free(loss);
        free(theory);
        json_decref(result);
        scratch_remove(root);
    }
}

/* first-frequency 0: sin 0 and a constant beside the bias, rank m - 1; 1: rank m + 1. A rank of n interpolates. */
static void the_rank_counts_the_features(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const firsts[] = {"first-frequency=0", "first-frequency=1"};
    for (int i = 0; i < 2; i++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_study(ctx, study, &result, root,
                                 SETTINGS("feature-dims=2,8,40", "steps=5", "members=1", "seeds=3", "precision=f64",
                                          "frequency=3", firsts[i])));
        assert_true(number_at(result, "fits", 0, "rank") == (i == 0 ? 1 : 3));
        assert_true(number_at(result, "fits", 1, "rank") == (i == 0 ? 7 : 9));
        assert_true(number_at(result, "fits", 2, "rank") == 15);
        assert_true(number_at(result, "fits", 1, "limit_loss") > 1e-6);
        assert_true(number_at(result, "fits", 2, "limit_loss") < 1e-20);
        json_decref(result);
        scratch_remove(root);
    }
}

static void unstable_steps_diverge_and_are_not_judged(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, study, &result, root,
                             SETTINGS("feature-dims=8,100", "steps=2000", "members=1", "lr=5", "seeds=1")));
    assert_int_equal(table_rows(result, "fits"), 2);
    assert_string_equal(json_string_value(table_cell(result, "fits", 1, "status")), "diverged");
    assert_true(number_at(result, "fits", 1, "diverged_at") > 1);
    assert_true(json_is_null(table_cell(result, "fits", 1, "final_loss")));
    assert_true(json_array_size(json_object_get(result, "warnings")) > 0);
    assert_string_equal(holds_of(result, 0), "unclear");
    json_decref(result);
    scratch_remove(root);
}

static void mini_batches_have_no_theory(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, study, &result, root,
                             SETTINGS("feature-dims=8", "steps=50", "members=2", "batch=4", "seeds=1")));
    assert_true(json_is_null(table_cell(result, "fits", 0, "max_deviation")));
    assert_true(json_is_null(table_cell(result, "fits", 0, "theory_loss")));
    assert_true(number_at(result, "fits", 0, "final_loss") < number_at(result, "fits", 0, "initial_loss"));
    assert_string_equal(holds_of(result, 0), "unclear");
    json_decref(result);
    scratch_remove(root);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/fits.csv", "tables/fits-summary.csv", "arrays.npz", "weights.npz"};
    assert_same_bits(study,
                     SETTINGS("feature-dims=8,60,300", "steps=150,60,40", "members=3,1,2", "seeds=1,2", "batch=7"),
                     files, 4, NULL, 0);
    assert_same_bits(study, SETTINGS("feature-dims=8,60,300", "steps=150,60,40", "members=3,1,2", "seeds=1"), files, 4,
                     NULL, 0);
}

static void what_is_refused(void **state) {
    ovp_ctx *ctx = *state;
    assert_refused(ctx, study, "7 is odd", SETTINGS("feature-dims=8,7"));
    assert_refused(ctx, study, "8 is given twice", SETTINGS("feature-dims=8,6,8"));
    assert_refused(ctx, study, "--steps: 2 values for 3", SETTINGS("steps=1,2"));
    assert_refused(ctx, study, "--members: 2 values for 3", SETTINGS("members=1,2"));
    assert_refused(ctx, study, "--batch: 16 of 15", SETTINGS("batch=16"));
    assert_refused(ctx, study, "--rng numpy", SETTINGS("rng=numpy"));
    assert_refused(ctx, study, "losses of 300000 nets a seed need",
                   SETTINGS("members=100000", "steps=1000000", "record-every=1"));
}

/* Cancels when more than the steps of one net are made: one worker has then finished it. Progress comes ten times a
 * second, so the steps have to take a while. */
static void an_interrupted_run_keeps_its_nets(void **state) {
    (void)state;
    interruption stop = {.from = 300001, .threads = 1};
    char root[256];
    json_t *result;
    ovp_ctx *ctx =
        run_interrupted(&stop, study, &result, root,
                        SETTINGS("feature-dims=8,100", "steps=300000", "members=1", "seeds=1..3", "record-every=1000"));
    assert_in_range(table_rows(result, "fits"), 1, 2);
    assert_int_equal(table_rows(result, "timings"), table_rows(result, "fits"));
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static void verdicts_to_yes_no_and_unclear(void **state) {
    (void)state;
    linear_fit fits[3] = {{.judged = 1, .max_deviation = 2e-6, .movement = 1.00001, .theory_movement = 1},
                          {.judged = 1, .max_deviation = 1e-7, .movement = 2, .theory_movement = 2},
                          {.judged = 0, .max_deviation = 1, .movement = 7, .theory_movement = 2}};
    linear_lab lab = {.fits = fits, .count = 3, .type = OVP_F32};
    study_verdict out[2];
    linear_features_judge(out, &lab);
    assert_int_equal(out[0].verdict.holds, OVP_HOLDS_YES);
    assert_true(fabs(out[0].verdict.measured - 2.0 / 3) < 1e-9);
    assert_int_equal(out[1].verdict.holds, OVP_HOLDS_YES);
    lab.type = OVP_F64; /* the same numbers are too much for f64 */
    linear_features_judge(out, &lab);
    assert_int_equal(out[0].verdict.holds, OVP_HOLDS_NO);
    assert_int_equal(out[1].verdict.holds, OVP_HOLDS_NO);
    lab.type = OVP_F32;
    fits[1].max_deviation = NAN;
    linear_features_judge(out, &lab);
    assert_int_equal(out[0].verdict.holds, OVP_HOLDS_NO);
    fits[0].judged = fits[1].judged = 0;
    linear_features_judge(out, &lab);
    assert_int_equal(out[0].verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_int_equal(out[1].verdict.holds, OVP_HOLDS_UNCLEAR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(the_theorem_holds_in_both_precisions),
        CTX_TEST(the_rank_counts_the_features),
        CTX_TEST(unstable_steps_diverge_and_are_not_judged),
        CTX_TEST(mini_batches_have_no_theory),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(what_is_refused),
        cmocka_unit_test(an_interrupted_run_keeps_its_nets),
        cmocka_unit_test(verdicts_to_yes_no_and_unclear),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
