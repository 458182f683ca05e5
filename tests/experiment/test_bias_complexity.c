/* bias-complexity: end to end in small sizes, and its verdicts with made-up numbers. */
#include "linear_helpers.h"

#include <experiment/bias_complexity_int.h>

static const ovp_experiment *const study = &ovp_experiment_bias_complexity;

#define PI "3.141592653589793"

static void frequency_pi_peaks_where_the_rank_reaches_n(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, study, &result, root,
                             SETTINGS("frequency=" PI, "n=20", "feature-dims=lin:2:60:30", "seeds=1..6", "members=4",
                                      "steps=100", "precision=f64", "single-steps=300")));
    assert_int_equal(table_rows(result, "dimensions"), 30 * (6 + 4));
    assert_int_equal(table_rows(result, "peaks"), 6);
    assert_int_equal(table_rows(result, "single"), 1);
    for (size_t row = 0; row < 300; row++) {
        const double m = number_at(result, "dimensions", row, "feature_dim");
        assert_true(number_at(result, "dimensions", row, "rank") == fmin(m - 1, 20));
        const char *solution = json_string_value(table_cell(result, "dimensions", row, "solution"));
        if (strcmp(solution, "gd") == 0) {
            assert_true(number_at(result, "dimensions", row, "max_deviation") <= 1e-13);
        } else {
            assert_true(json_is_null(table_cell(result, "dimensions", row, "max_deviation")));
            /* An interpolator's loss is rounding: relative to the size of its weights. */
            if (m >= 22)
                assert_true(number_at(result, "dimensions", row, "train_loss") <
                            1e-26 * pow(1 + number_at(result, "dimensions", row, "norm"), 2));
        }
    }
    for (size_t i = 0; i < 4; i++) assert_string_equal(holds_of(result, i), "yes");
    assert_true(number_at(result, "single", 0, "train_loss") / number_at(result, "single", 0, "theory_loss") - 1 <
                1e-9);
    assert_true(number_at(result, "single", 0, "best_risk") <= number_at(result, "single", 0, "risk"));
    json_decref(result);
    scratch_remove(root);
}

/* A rough cut keeps the rank below n: counting fails, nothing is said of the peak. */
static void a_rough_cut_keeps_the_rank_down(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, study, &result, root,
                             SETTINGS("frequency=" PI, "n=20", "feature-dims=lin:2:40:20", "seeds=1..5", "rcond=0.4",
                                      "gd-seeds=0", "single-dim=0")));
    assert_int_equal(table_rows(result, "dimensions"), 100);
    assert_int_equal(table_rows(result, "single"), 0);
    assert_true(json_is_null(table_cell(result, "peaks", 0, "full_rank_dim")));
    assert_string_equal(holds_of(result, 0), "unclear"); /* no net */
    assert_string_equal(holds_of(result, 1), "no");
    assert_string_equal(holds_of(result, 2), "unclear");
    assert_string_equal(holds_of(result, 3), "unclear");
    json_decref(result);
    scratch_remove(root);
}

/* The minimum norm is solved in f64 whatever the nets' precision; f32 nets meet their own bound. */
static void single_precision_concerns_the_nets_alone(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const precisions[] = {"precision=f32", "precision=f64"};
    double risk[2][5], deviation[2] = {0};
    for (int i = 0; i < 2; i++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_study(ctx, study, &result, root,
                                 SETTINGS("feature-dims=2,10,30,60,100", "seeds=2", "members=2", "single-dim=0",
                                          precisions[i])));
        for (size_t row = 0; row < 15; row++) {
            if (row < 5)
                risk[i][row] = number_at(result, "dimensions", row, "risk"); /* first all minimum-norm ones */
            else
                deviation[i] = fmax(deviation[i], number_at(result, "dimensions", row, "max_deviation"));
        }
        json_decref(result);
        scratch_remove(root);
    }
    assert_memory_equal(risk[0], risk[1], sizeof risk[0]);
    assert_true(deviation[0] <= 3e-6 && deviation[0] > 1e-12);
    assert_true(deviation[1] <= 1e-13);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/dimensions.csv", "tables/peaks.csv", "tables/single.csv", "arrays.npz",
                                        "weights.npz"};
    assert_same_bits(
        study,
        SETTINGS("feature-dims=2,10,30,64,150", "seeds=1..4", "members=3", "steps=50", "gd-seeds=2", "single-steps=60"),
        files, 5, NULL, 0);
}

static void a_large_step_diverges(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx,
              run_study(ctx, study, &result, root,
                        SETTINGS("feature-dims=2,40", "seeds=1", "members=1", "steps=2000", "lr=50", "single-dim=0")));
    assert_int_equal(table_rows(result, "dimensions"), 4);
    assert_string_equal(json_string_value(table_cell(result, "dimensions", 3, "status")), "diverged");
    assert_string_equal(holds_of(result, 0), "unclear");
    json_decref(result);
    scratch_remove(root);
}

static void what_is_refused(void **state) {
    ovp_ctx *ctx = *state;
    assert_refused(ctx, study, "7 is odd", SETTINGS("feature-dims=4,7"));
    assert_refused(ctx, study, "6 after 8", SETTINGS("feature-dims=8,6"));
    assert_refused(ctx, study, "8 is given twice", SETTINGS("feature-dims=8,8"));
    assert_refused(ctx, study, "--single-dim: 3", SETTINGS("single-dim=3"));
    assert_refused(ctx, study, "--rng numpy", SETTINGS("rng=numpy"));
}

/* Cancels when more than the steps of one net are made: one worker has then finished at least one. Progress comes ten
 * times a second, so the steps have to take a while. */
enum { LONG_STEPS = 200000 };

static void an_interrupted_run_keeps_its_rows(void **state) {
    (void)state;
    interruption stop = {.stage = "dimensions 22..24", .from = LONG_STEPS + 1, .threads = 1};
    char root[256];
    json_t *result;
    ovp_ctx *ctx =
        run_interrupted(&stop, study, &result, root,
                        SETTINGS("feature-dims=22,24", "seeds=1", "members=2", "steps=200000", "single-dim=0"));
    assert_in_range(table_rows(result, "dimensions"), 2 + 1, 2 + 3); /* minimum norm; some of four nets */
    assert_int_equal(table_rows(result, "peaks"), 1);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

/* Six data sets over dimensions 40..60: rank n = 50 from `full` on (0: never), risk largest at `peak`. */
enum { SETS = 6, DIMS = 11 };
typedef struct made_up {
    int64_t seeds[SETS], dims[DIMS];
    double rank[SETS * DIMS], least[SETS * DIMS], descent[SETS * DIMS];
    bias_lab lab;
} made_up;

static void make_up(made_up *m, ovp_ctx *ctx, const ovp_params *params, const int64_t *full, const int64_t *peak,
                    double descent) {
    for (int s = 0; s < SETS; s++) {
        m->seeds[s] = s;
        for (int d = 0; d < DIMS; d++) {
            m->dims[d] = 40 + 2 * d;
            m->rank[s * DIMS + d] = full[s] > 0 && m->dims[d] >= full[s] ? 50 : 39;
            m->least[s * DIMS + d] = m->dims[d] == peak[s] ? 1000 : 1;
            m->descent[s * DIMS + d] = descent;
        }
    }
    m->lab = (bias_lab){.ctx = ctx,
                        .params = params,
                        .type = OVP_F64,
                        .seeds = m->seeds,
                        .dims = m->dims,
                        .seed_count = SETS,
                        .dim_count = DIMS,
                        .gd_seeds = SETS,
                        .members = 1,
                        .rank = m->rank,
                        .risk_least = m->least,
                        .risk_gd = m->descent,
                        .deviation = 5e-14,
                        .judged = 6};
}

static void verdicts_to_yes_no_and_unclear(void **state) {
    ovp_ctx *ctx = *state;
    static const int64_t at_52[SETS] = {52, 52, 52, 52, 52, 52}, late[SETS] = {60, 60, 60, 60, 60, 60},
                         never[SETS] = {0, 0, 0, 0, 0, 0}, some[SETS] = {52, 52, 52, 0, 0, 0};
    made_up m;
    study_verdict out[BIAS_VERDICTS];
    ovp_params *quick = params_with(ctx, study, SETTINGS("frequency=" PI)),
               *slow = params_with(ctx, study, SETTINGS("n=50"));

    make_up(&m, ctx, quick, at_52, at_52, 1);
    assert_ok(ctx, bias_complexity_judge(out, &m.lab));
    for (int i = 0; i < BIAS_VERDICTS; i++) assert_int_equal(out[i].verdict.holds, OVP_HOLDS_YES);
    m.lab.deviation = 2e-13;
    m.lab.seed_count = 3; /* too few data sets */
    assert_ok(ctx, bias_complexity_judge(out, &m.lab));
    assert_int_equal(out[0].verdict.holds, OVP_HOLDS_NO);
    assert_int_equal(out[1].verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_int_equal(out[2].verdict.holds, OVP_HOLDS_UNCLEAR);

    make_up(&m, ctx, quick, late, at_52, 1e6); /* rank late, peak 8 before it, gradient descent worse */
    assert_ok(ctx, bias_complexity_judge(out, &m.lab));
    for (int i = 1; i < BIAS_VERDICTS; i++) assert_int_equal(out[i].verdict.holds, OVP_HOLDS_NO);

    make_up(&m, ctx, slow, late, late, 1); /* the same rank is what slow features should do */
    assert_ok(ctx, bias_complexity_judge(out, &m.lab));
    assert_int_equal(out[1].verdict.holds, OVP_HOLDS_YES);
    make_up(&m, ctx, slow, never, late, 1);
    assert_ok(ctx, bias_complexity_judge(out, &m.lab));
    assert_int_equal(out[1].verdict.holds, OVP_HOLDS_YES);
    assert_true(isnan(out[1].verdict.measured));
    make_up(&m, ctx, slow, at_52, at_52, 1);
    assert_ok(ctx, bias_complexity_judge(out, &m.lab));
    assert_int_equal(out[1].verdict.holds, OVP_HOLDS_NO);
    make_up(&m, ctx, quick, some, at_52, 1); /* half of the data sets never reached n */
    assert_ok(ctx, bias_complexity_judge(out, &m.lab));
    assert_int_equal(out[2].verdict.holds, OVP_HOLDS_UNCLEAR);
    ovp_params_free(quick);
    ovp_params_free(slow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(frequency_pi_peaks_where_the_rank_reaches_n),
        CTX_TEST(a_rough_cut_keeps_the_rank_down),
        CTX_TEST(single_precision_concerns_the_nets_alone),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(a_large_step_diverges),
        CTX_TEST(what_is_refused),
        cmocka_unit_test(an_interrupted_run_keeps_its_rows),
        CTX_TEST(verdicts_to_yes_no_and_unclear),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
