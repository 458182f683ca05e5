/* label-noise: the published numbers from numpy's streams, theory where it is known in closed form, verdicts, what is
 * refused. */
#include "linear_helpers.h"

#include <experiment/label_noise_int.h>

static const ovp_experiment *const study = &ovp_experiment_label_noise;

/* Row of table noise of this level and solver. */
static size_t row_of(const json_t *result, double p, const char *solver) {
    const size_t rows = table_rows(result, "noise");
    for (size_t i = 0; i < rows; i++)
        if (fabs(number_at(result, "noise", i, "p") - p) < 1e-12 &&
            strcmp(json_string_value(table_cell(result, "noise", i, "solver")), solver) == 0)
            return i;
    fail_msg("no row p = %g, %s", p, solver);
    return 0;
}

/* shared/published: the tutorial's printed table. EigenPro at one level, as 150 epochs take their time (in slow builds
 * one epoch, which leaves what is printed of the solver). */
static void the_published_numbers(void **state) {
    static const struct {
        double p, corrupted, test_error;
    } published[] = {{0, 0, .0458}, {.1, 371, .0489}, {.5, 2016, .1534}, {.9, 3583, .7356}};
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, study, &result, root,
                             SETTINGS("preset=paper", "solver=direct",
                                      SLOW ? "noise-levels=0" : "noise-levels=0,0.1,0.5,0.9")));
    const int levels = SLOW ? 1 : 4;
    assert_int_equal(table_rows(result, "noise"), levels);
    for (int k = 0; k < levels; k++) {
        const size_t row = row_of(result, published[k].p, "direct");
        assert_true(number_at(result, "noise", row, "corrupted") == published[k].corrupted);
        assert_true(fabs(number_at(result, "noise", row, "test_error") - published[k].test_error) <= 1e-3);
        assert_true(number_at(result, "noise", row, "train_error") == 0);
        assert_true(number_at(result, "noise", row, "train_mse") < 1e-20);
    }
    assert_int_equal(table_rows(result, "published"), 2 * levels);
    assert_string_equal(holds_of(result, 4), "yes");
    json_decref(result);
    scratch_remove(root);

    assert_ok(ctx, run_study(ctx, study, &result, root,
                             SETTINGS("preset=paper", "solver=eigenpro", "noise-levels=0.5",
                                      SLOW ? "epochs=1" : "epochs=150")));
    if (!SLOW) {
        assert_true(number_at(result, "noise", 0, "corrupted") == 2016);
        assert_true(fabs(number_at(result, "noise", 0, "test_error") - .1534) <= 5e-4);
        assert_true(fabs(number_at(result, "noise", 0, "test_mse") - 4.36e-2) <= 1e-4);
        assert_true(fabs(log2(number_at(result, "noise", 0, "train_mse") / 9.80e-6)) <= 1);
        assert_true(number_at(result, "noise", 0, "train_error") == 0);
        assert_string_equal(holds_of(result, 4), "yes");
    }
    assert_true(number_at(result, "solver", 0, "top_q") == 36);
    assert_true(number_at(result, "solver", 0, "batch") == 1905);
    assert_true(fabs(number_at(result, "solver", 0, "eta") - 1923.82) <= .02);
    assert_true(fabs(number_at(result, "solver", 0, "new_top") - 5.2005e-4) <= 5e-7);
    assert_true(fabs(number_at(result, "solver", 0, "beta") - .9902) <= 5e-5);
    assert_true(json_is_null(table_cell(result, "noise", 0, "theory_test_mse")));
    json_decref(result);
    scratch_remove(root);
}

/* d isotropic features, K = X X^T / d, y = X beta: L = n / d, kappa = 1/n - 1/d, E_0 = d / (d - n), sum v^2 = |beta|^2
 * (Hastie et al. 2022; eigenlearning with d equal modes 1/d). Of one random X: up to a few per cent. */
static void theory_of_isotropic_features(void **state) {
    enum { N = 300, D = 900 };
    ovp_ctx *ctx = *state;
    ovp_numeric_rng *rng;
    ovp_kernel_solver *solver;
    double *x = malloc(N * D * sizeof *x), *k = malloc(N * N * sizeof *k), beta[D], y[N], w[N], refined[N], trace,
           trace_square;
    assert_non_null(x);
    assert_non_null(k);
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 5, OVP_PURPOSE_DATA, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, N * D, 0, 1, x);
    ovp_numeric_rng_normal(rng, OVP_F64, D, 0, 1 / sqrt(D), beta);
    for (int i = 0; i < N; i++) {
        y[i] = 0;
        for (int l = 0; l < D; l++) y[i] += x[i * D + l] * beta[l];
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int l = 0; l < D; l++) sum += x[i * D + l] * x[j * D + l];
            k[i * N + j] = k[j * N + i] = sum / D;
        }
    }
    assert_ok(ctx, ovp_kernel_solver_create(&solver, ctx, N, k, NULL));
    assert_ok(ctx, ovp_kernel_solve(solver, ctx, 1, y, refined));
    ovp_kernel_solver_set_refinement(solver, 0);
    assert_ok(ctx, noise_theory_traces(&trace, &trace_square, ctx, solver, N));
    assert_ok(ctx, ovp_kernel_solve(solver, ctx, 1, y, w));
    assert_int_equal(ovp_kernel_solver_get_report(solver)->refinements, 0);
    for (int i = 0; i < N; i++) assert_true(fabs(w[i] - refined[i]) <= 1e-10 * fabs(refined[i]) + 1e-12);
    noise_theory theory;
    noise_theory_get(&theory, N, 1, y, w, 1, trace, trace_square);
    const double left = 1 - (double)N / D;
    assert_true(fabs(theory.kappa * N * D / (D - N) - 1) < .03);
    assert_true(fabs(theory.overfitting * left - 1) < .03);
    assert_true(fabs(theory.power - 1) < .2);
    assert_true(fabs(theory.unlearned / theory.power / left - 1) < .1);
    assert_true(fabs(theory.unlearned_square / theory.power / left / left - 1) < .15);
    ovp_kernel_solver_free(solver);
    ovp_numeric_rng_free(rng);
    free(k);
    free(x);
}

/* Two classes with the scores (1, 0): wrong with probability Phi(-(1 - p) / sqrt(2 a)), and the mse by hand. */
static void theory_of_two_classes(void **state) {
    ovp_ctx *ctx = *state;
    const noise_theory theory = {
        .n = 10, .classes = 2, .overfitting = 1.5, .power = 1, .unlearned = .1, .unlearned_square = .04};
    const double scores[] = {1, 0, 0, 1}, p = .4, noise = 1 - .8 * .8 - .2 * .2;
    const int32_t label[] = {0, 1};
    double error;
    assert_ok(ctx, noise_theory_error(&error, ctx, &theory, p, 2, scores, 2, label));
    assert_true(fabs(error - .5 * erfc(.6 / sqrt(2 * .5 * noise) / sqrt(2))) < 1e-9);
    const double bias = .5 - 2 * .6 * (.9 - .5) + .36 * (.84 - .5);
    assert_true(fabs(noise_theory_mse(&theory, p) - (bias + .5 * (.36 * .04 + noise)) / 2) < 1e-12);
    /* No noise: the clean fit's own error. */
    assert_ok(ctx, noise_theory_error(&error, ctx, &theory, 0, 2, scores, 2, (const int32_t[]){0, 0}));
    assert_true(fabs(error - .5) < 1e-12);
}

/* Counts rise with p, draws differ, p = 0 is clean; a perfect classifier would err on .9 p with --corrupt-test. */
static void draws_levels_and_test_noise(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *clean, *noisy;
    assert_ok(ctx, run_study(ctx, study, &clean, root,
                             SETTINGS("per-class=20", "noise-levels=0,0.3,0.6", "solver=direct", "draws=2",
                                      "test-samples=500", "seeds=1,2")));
    scratch_remove(root);
    assert_ok(ctx, run_study(ctx, study, &noisy, root,
                             SETTINGS("per-class=20", "noise-levels=0,0.3,0.6", "solver=direct", "draws=2",
                                      "test-samples=500", "seeds=1,2", "corrupt-test=yes")));
    scratch_remove(root);
    assert_int_equal(table_rows(clean, "noise"), 12);
    for (size_t i = 0; i < 12; i++) {
        assert_true(number_at(clean, "noise", i, "seed") == (double)(1 + i / 6));
        assert_true(number_at(clean, "noise", i, "member") == (double)(i / 3 % 2));
        assert_true(number_at(clean, "noise", i, "corrupted") == number_at(noisy, "noise", i, "corrupted"));
        assert_true(number_at(clean, "noise", i, "wrong_labels") * 200 <= number_at(clean, "noise", i, "corrupted"));
        assert_true(number_at(clean, "noise", i, "theory_test_mse") > 0);
        assert_true(json_is_null(table_cell(noisy, "noise", i, "theory_test_mse")));
        if (i % 3 == 0) {
            assert_true(number_at(clean, "noise", i, "corrupted") == 0);
            assert_true(number_at(noisy, "noise", i, "test_error") == number_at(clean, "noise", i, "test_error"));
            continue;
        }
        assert_true(number_at(clean, "noise", i, "corrupted") > number_at(clean, "noise", i - 1, "corrupted"));
        assert_true(number_at(noisy, "noise", i, "test_error") > number_at(clean, "noise", i, "test_error") + .05);
    }
    assert_true(number_at(clean, "noise", 1, "test_mse") != number_at(clean, "noise", 4, "test_mse"));
    assert_string_equal(holds_of(noisy, 1), "unclear");
    json_decref(noisy);
    json_decref(clean);
}

/* A learning rate given as the rule's own number is the rule's. */
static void a_learning_rate_given(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], lr[64];
    json_t *ruled, *given;
    assert_ok(ctx, run_study(ctx, study, &ruled, root,
                             SETTINGS("per-class=30", "noise-levels=0.3", "solver=eigenpro-modern", "epochs=20",
                                      "test-samples=200", "precision=f64", "train-eval=100")));
    scratch_remove(root);
    snprintf(lr, sizeof lr, "lr=%.17g", number_at(ruled, "solver", 0, "eta"));
    assert_ok(ctx, run_study(ctx, study, &given, root,
                             SETTINGS("per-class=30", "noise-levels=0.3", "solver=eigenpro-modern", "epochs=20",
                                      "test-samples=200", "precision=f64", "train-eval=100", lr)));
    scratch_remove(root);
    const double a = number_at(ruled, "noise", 0, "test_mse"), b = number_at(given, "noise", 0, "test_mse");
    assert_true(fabs(a / b - 1) < 1e-9);
    assert_true(fabs(number_at(given, "solver", 0, "eta") / number_at(ruled, "solver", 0, "eta") - 1) < 1e-12);
    json_decref(given);
    json_decref(ruled);
}

/* Every kernel gives finite numbers, also the Gaussian, whose Gram matrix is singular to rounding. */
static void other_kernels(void **state) {
    static const char *const kernels[] = {"kernel=gaussian", "kernel=dispersal", "kernel=ntk", "kernel=nngp"};
    ovp_ctx *ctx = *state;
    for (int k = 0; k < 4; k++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_study(ctx, study, &result, root,
                                 SETTINGS("per-class=20", "noise-levels=0,0.4", "solver=direct", "test-samples=300",
                                          kernels[k])));
        for (size_t i = 0; i < 2; i++) {
            assert_true(isfinite(number_at(result, "noise", i, "test_mse")));
            assert_true(isfinite(number_at(result, "noise", i, "train_mse")));
        }
        assert_true(number_at(result, "noise", 0, "test_error") < .5);
        json_decref(result);
        scratch_remove(root);
    }
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/noise.csv", "tables/solver.csv", "tables/noise-summary.csv"};
    assert_same_bits(study,
                     SETTINGS("per-class=30", "noise-levels=0,0.5", "solver=all", "epochs=4", "draws=2",
                              "test-samples=300", "rng=numpy", "seeds=1", "data-seed=3"),
                     files, 3, NULL, 0);
    assert_same_bits(study,
                     SETTINGS("per-class=30", "noise-levels=0,0.5", "solver=both", "epochs=4", "test-samples=300",
                              "precision=f64", "corrupt-test=yes"),
                     files, 3, NULL, 0);
}

static void what_is_refused(void **state) {
    ovp_ctx *ctx = *state;
    assert_refused(ctx, study, "--rng torch", SETTINGS("rng=torch"));
    assert_refused(ctx, study, "--seeds: -1 with --rng numpy", SETTINGS("rng=numpy", "seeds=-1"));
    assert_refused(ctx, study, "--data-seed: -5", SETTINGS("rng=numpy", "seeds=1", "data-seed=-5"));
    assert_refused(ctx, study, "0.3 is given twice", SETTINGS("noise-levels=0,0.3,0.3"));
    assert_refused(ctx, study, "--subsample: 201 of 200", SETTINGS("per-class=20", "subsample=201"));
    assert_refused(ctx, study, "--train-eval: 4001", SETTINGS("train-eval=4001"));
    assert_refused(ctx, study, "--top-q: 1", SETTINGS("top-q=1"));
    assert_refused(ctx, study, "eigenpro-modern", SETTINGS("kernel=ntk"));
    assert_refused(ctx, study, "GiB", SETTINGS("memory=10000000"));
}

/* Cancels in EigenPro's epochs: the direct solver's rows are there. */
static void an_interrupted_run_keeps_its_rows(void **state) {
    (void)state;
    interruption stop = {.stage = "eigenpro", .threads = 2};
    char root[256];
    json_t *result;
    ovp_ctx *ctx =
        run_interrupted(&stop, study, &result, root,
                        SETTINGS("per-class=20", "noise-levels=0,0.5", "epochs=1000000", "test-samples=100"));
    assert_int_equal(table_rows(result, "noise"), 2);
    assert_string_equal(json_string_value(table_cell(result, "noise", 1, "solver")), "direct");
    assert_true(json_array_size(json_object_get(result, "verdicts")) >= 4);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- verdicts ------------------------------------------------------------------------------------------ */

/* Five draws of two levels; errors a factor of .9 p and away from theory. */
static ovp_idx made_up(noise_row rows[10], double of_noise, double of_theory, double off) {
    for (int k = 0; k < 5; k++)
        for (int l = 0; l < 2; l++)
            rows[2 * k + l] = (noise_row){.p = .4 * l,
                                          .seed = k,
                                          .solver = NOISE_DIRECT,
                                          .test_error = l ? .36 * (of_noise + .001 * k) : .05,
                                          .theory_error = l ? .36 * of_noise - off : .05,
                                          .test_mse = .01 * (1 + l) * (of_theory + .001 * k),
                                          .theory_mse = .01 * (1 + l)};
    return 10;
}

static void verdicts_to_yes_no_and_unclear(void **state) {
    (void)state;
    noise_row rows[20];
    noise_lab lab = {.rows = rows};
    study_verdict out[NOISE_VERDICTS];
    lab.count = made_up(rows, .5, 1.02, .01);
    assert_int_equal(noise_judge(out, &lab), 4);
    for (int i = 0; i < 4; i++) assert_int_equal(out[i].verdict.holds, OVP_HOLDS_YES);
    assert_true(fabs(out[1].verdict.measured - .502) < 1e-9);
    lab.count = made_up(rows, 1.2, 1.4, .2);
    rows[3].train_error = .01;
    (void)noise_judge(out, &lab);
    for (int i = 0; i < 4; i++) assert_int_equal(out[i].verdict.holds, OVP_HOLDS_NO);
    rows[3].train_error = 0;
    rows[3].train_mse = NAN; /* diverged */
    (void)noise_judge(out, &lab);
    assert_int_equal(out[0].verdict.holds, OVP_HOLDS_NO);
    /* Two draws do not decide; test labels with noise are another question. */
    lab.count = made_up(rows, .5, 1.02, .01) - 6;
    (void)noise_judge(out, &lab);
    for (int i = 1; i < 4; i++) assert_int_equal(out[i].verdict.holds, OVP_HOLDS_UNCLEAR);
    lab.count = 10;
    lab.corrupt_test = 1;
    (void)noise_judge(out, &lab);
    assert_int_equal(out[1].verdict.holds, OVP_HOLDS_UNCLEAR);
    lab.corrupt_test = 0;
    /* EigenPro near the direct solution, and not. */
    for (int i = 0; i < 10; i++) {
        rows[10 + i] = rows[i];
        rows[10 + i].solver = NOISE_EIGENPRO;
        rows[10 + i].test_error += .001;
    }
    lab.count = 20;
    assert_int_equal(noise_judge(out, &lab), 5);
    assert_int_equal(out[4].verdict.holds, OVP_HOLDS_YES);
    rows[15].test_error += .01;
    (void)noise_judge(out, &lab);
    assert_int_equal(out[4].verdict.holds, OVP_HOLDS_NO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(the_published_numbers),
        CTX_TEST(theory_of_isotropic_features),
        CTX_TEST(theory_of_two_classes),
        CTX_TEST(draws_levels_and_test_noise),
        CTX_TEST(a_learning_rate_given),
        CTX_TEST(other_kernels),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(what_is_refused),
        cmocka_unit_test(an_interrupted_run_keeps_its_rows),
        cmocka_unit_test(verdicts_to_yes_no_and_unclear),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
