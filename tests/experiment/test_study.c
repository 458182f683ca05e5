/* study: questions to a table, exponents, nets side by side, verdicts; inside a made-up experiment. */
#include "run_helpers.h"

#include <experiment/study.h>

/* ---- the made-up experiment ---------------------------------------------------------------------- */

static const ovp_param params[] = {OVP_EXPERIMENT_COMMON("quick|default", "f64")};
static const ovp_experiment_preset presets[] = {{"quick", "q", "seeds=1..3"}, {"default", "d", "seeds=1..3"}};
static const ovp_store_column point_columns[] = {
    {"width", "", "w"}, {"seed", "", "s"}, {"role", "", "r"}, {"error", "", "e"}};
static const ovp_store_column plain_columns[] = {{"x", "", "x"}, {"y", "", "y"}};
static const ovp_experiment_table tables[] = {{"points", "p", point_columns, COUNT(point_columns), 1},
                                              {"plain", "p", plain_columns, COUNT(plain_columns), 1}};
static const ovp_experiment_question questions[] = {{"Q?", "A."}};

/* What the test does inside a run. */
static void inside(ovp_status (*body)(ovp_experiment_run *run), int threads, ovp_status expected) {
    ovp_experiment fake = {.id = "study",
                           .title = "t",
                           .claim = "c",
                           .formula = "f",
                           .source = "s",
                           .about = "a",
                           .params = params,
                           .param_count = COUNT(params),
                           .presets = presets,
                           .preset_count = COUNT(presets),
                           .tables = tables,
                           .table_count = COUNT(tables),
                           .questions = questions,
                           .question_count = 1,
                           .run = body};
    const ovp_ctx_options options = {.size = sizeof options, .threads = threads};
    ovp_ctx *ctx;
    char root[256];
    json_t *result = NULL;
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    ovp_params *p = params_with(ctx, &fake, (const char *const[]){"seeds=1..3", NULL});
    scratch_make(root);
    const ovp_status status = ovp_experiment_execute(&result, ctx, &fake, p, root, NULL);
    if (status != expected) fail_msg("%s: %s", ovp_status_name(status), ovp_message(ctx));
    json_decref(result);
    ovp_params_free(p);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- questions ----------------------------------------------------------------------------------- */

static ovp_status put(ovp_experiment_run *run, int64_t width, int64_t seed, const char *role, double error) {
    const ovp_store_cell cells[] = {ovp_cell_int(width), ovp_cell_int(seed), ovp_cell_text(role), ovp_cell_real(error)};
    return ovp_run_row(run, "points", cells);
}

/* error = seed / width for role a (width 40 of seed 2 diverged), rising for role b. */
static ovp_status ask(ovp_experiment_run *run) {
    ovp_ctx *ctx = ovp_run_ctx(run);
    const study_query a = {.table = "points", .x = "width", .y = "error", .where = {{"role", 0, "a"}}};
    const study_query one = {
        .table = "points", .x = "width", .y = "error", .where = {{"role", 0, "a"}, {"seed", 2, NULL}}};
    const study_query high = {.table = "points", .x = "width", .y = "error", .where = {{"role", 0, "a"}}, .x_from = 20};
    const study_query none = {.table = "points", .x = "width", .y = "error", .where = {{"role", 0, "c"}}};
    study_points points;
    double exponents[3], intercepts[3], means[3];
    for (int64_t seed = 3; seed >= 1; seed--)
        for (int64_t width = 40; width >= 10; width /= 2) {
            const double error = seed == 2 && width == 40 ? (double)NAN : (double)seed / (double)width;
            assert_ok(ctx, put(run, width, seed, "a", error));
            assert_ok(ctx, put(run, width, seed, "b", seed == 1 && width > 10 ? 0 : (double)(width * width)));
        }
    assert_ok(ctx, study_points_get(&points, run, &a));
    assert_int_equal(points.count, 3);
    assert_true(points.x[0] == 10 && points.x[1] == 20 && points.x[2] == 40);
    assert_true(fabs(points.mean[0] - .2) < 1e-15 && fabs(points.median[0] - .2) < 1e-15);
    /* 1 2 3 over 10: sd .1; with two degrees of freedom t(p) = (2p - 1) sqrt(2 / (4 p (1 - p))), p = .975 */
    const double t = .95 * sqrt(2 / (4 * .975 * .025));
    assert_true(fabs(points.high[0] - .2 - t * .1 / sqrt(3)) < 1e-12);
    assert_true(fabs(points.low[0] + points.high[0] - .4) < 1e-12);
    assert_true(fabs(points.mean[2] - .05) < 1e-15); /* of two: 1/40, 3/40 */
    study_points_free(ctx, &points);
    assert_ok(ctx, study_points_get(&points, run, &one));
    assert_true(points.count == 3 && points.mean[1] == .1 && isnan(points.mean[2]));
    study_points_free(ctx, &points);
    assert_ok(ctx, study_points_get(&points, run, &high));
    assert_true(points.count == 2 && points.x[0] == 20);
    study_points_free(ctx, &points);
    assert_ok(ctx, study_points_get(&points, run, &none));
    assert_int_equal(points.count, 0);
    study_points_free(ctx, &points);

    assert_ok(ctx, study_exponents(exponents, intercepts, run, &a));
    for (int s = 0; s < 3; s++) assert_true(fabs(exponents[s] + 1) < 1e-12);
    assert_ok(ctx,
              study_exponents(exponents, NULL, run, &(study_query){"points", "width", "error", {{"role", 0, "b"}}, 0}));
    assert_true(isnan(exponents[0]) && fabs(exponents[1] - 2) < 1e-12); /* seed 1: one positive error only */
    assert_ok(ctx, study_seed_means(means, run, &a));
    assert_true(fabs(means[0] - .175 / 3) < 1e-15 && fabs(means[1] - .15) < 1e-15);
    assert_ok(ctx, study_seed_means(means, run, &none));
    assert_true(isnan(means[0]));

    assert_fails(ctx, OVP_EINTERNAL, "no table nothing",
                 study_seed_means(means, run, &(study_query){.table = "nothing", .x = "x", .y = "y"}));
    assert_fails(ctx, OVP_EINTERNAL, "a name is not declared",
                 study_seed_means(means, run, &(study_query){.table = "plain", .x = "x", .y = "z"}));
    return OVP_OK;
}

static void questions_are_answered_from_a_table(void **state) {
    (void)state;
    inside(ask, 1, OVP_OK);
}

static void means_over_seeds_leave_out_what_is_not_finite(void **state) {
    (void)state;
    const double values[] = {1, NAN, 3, INFINITY};
    const ovp_measure_interval mean = study_over_seeds(values, 4);
    assert_true(mean.count == 2 && mean.mean == 2);
    assert_int_equal(study_over_seeds(values + 1, 1).count, 0);
    assert_int_equal(ovp_cell_finite(NAN).kind, OVP_CELL_NULL);
    assert_int_equal(ovp_cell_finite(INFINITY).kind, OVP_CELL_NULL);
    assert_true(ovp_cell_finite(2.5).kind == OVP_CELL_REAL && ovp_cell_finite(2.5).real == 2.5);
}

/* ---- nets side by side ----------------------------------------------------------------------------- */

enum { NETS = 5, ROWS = 32, LONGEST = 1500 };

typedef struct watched {
    ovp_idx count, at[16];
    ovp_ctx *cancel; /* at the second look; NULL: never */
} watched;

typedef struct crew_of_nets {
    study_net net[NETS];
    study_job job[NETS];
    watched seen[NETS];
    double x[ROWS], y[ROWS], losses[NETS][LONGEST];
} crew_of_nets;

static ovp_status note(void *user, ovp_ctx *ctx, ovp_idx done) {
    watched *w = user;
    (void)ctx;
    assert_in_range(w->count, 0, 15);
    w->at[w->count++] = done;
    if (w->cancel && w->count == 2) ovp_cancel(w->cancel);
    return OVP_OK;
}

/* Nets 1-4-1 of different steps; the last one's learning rate makes it diverge. */
static void make_crew(crew_of_nets *c, ovp_experiment_run *run) {
    static const ovp_idx widths[] = {1, 4, 1}, listed[] = {0, 5, 777};
    static const ovp_idx steps[NETS] = {LONGEST, 100, 1100, 37, 900};
    ovp_ctx *ctx = ovp_run_ctx(run);
    const ovp_net_dense_options options = {
        .size = sizeof options, .layers = 2, .widths = widths, .activation = "relu", .type = OVP_F64};
    *c = (crew_of_nets){.x = {0}};
    for (int i = 0; i < ROWS; i++) {
        c->x[i] = i / 8. - 2;
        c->y[i] = sin(c->x[i]);
    }
    for (int i = 0; i < NETS; i++) {
        const ovp_train_options train = {.size = sizeof train, .optimiser = "sgd", .lr = i == NETS - 1 ? 1e9 : .01};
        const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = c->y};
        ovp_numeric_rng *rng;
        assert_ok(ctx, study_stream(&rng, run, 7, OVP_PURPOSE_INIT, (uint64_t)i));
        assert_ok(ctx, study_net_create(&c->net[i], ctx, &options, "torch-default", 0, rng));
        assert_ok(ctx, study_net_train(&c->net[i], ctx, c->x, ROWS, &targets, &train));
        ovp_numeric_rng_free(rng);
        c->job[i] = (study_job){.net = &c->net[i],
                                .steps = steps[i],
                                .losses = i == 1 ? NULL : c->losses[i],
                                .watch = i == 1 ? NULL : note,
                                .user = &c->seen[i]};
    }
    c->job[0].every = 400;
    c->job[2].at = listed;
    c->job[2].at_count = COUNT(listed);
    c->job[3].every = 37;
    c->job[4].every = 900;
}

static void free_crew(crew_of_nets *c, ovp_ctx *ctx) {
    for (int i = 0; i < NETS; i++) study_net_free(ctx, &c->net[i]);
}

static void assert_seen(const watched *w, ovp_idx count, const ovp_idx *at) {
    assert_int_equal(w->count, count);
    for (ovp_idx i = 0; i < count; i++) assert_int_equal(w->at[i], at[i]);
}

static crew_of_nets first_crew; /* of one thread: what others must repeat */

static ovp_status train_all(ovp_experiment_run *run) {
    ovp_ctx *ctx = ovp_run_ctx(run);
    crew_of_nets *c = malloc(sizeof *c);
    assert_non_null(c);
    make_crew(c, run);
    assert_ok(ctx, study_train(run, "nets", c->job, NETS));
    for (int i = 0; i < NETS - 1; i++) {
        assert_int_equal(c->job[i].done, c->job[i].steps);
        assert_int_equal(c->job[i].diverged_at, 0);
        assert_true(c->job[i].seconds >= 0);
    }
    assert_seen(&c->seen[0], 4, (const ovp_idx[]){0, 400, 800, 1200});
    assert_seen(&c->seen[2], 3, (const ovp_idx[]){0, 5, 777});
    assert_seen(&c->seen[3], 2, (const ovp_idx[]){0, 37});
    assert_seen(&c->seen[4], 1, (const ovp_idx[]){0}); /* it never came to its end */
    assert_true(c->losses[0][LONGEST - 1] < c->losses[0][0]);
    const ovp_idx ended = c->job[4].diverged_at;
    assert_in_range(ended, 2, 899);
    assert_int_equal(c->job[4].done, ended);
    assert_true(isfinite(c->losses[4][ended - 2]) && !isfinite(c->losses[4][ended - 1]));
    for (ovp_idx k = ended; k < 900; k++) assert_true(isnan(c->losses[4][k]));
    if (ovp_threads(ctx) == 1)
        first_crew = *c;
    else
        for (int i = 0; i < NETS; i++)
            assert_memory_equal(c->losses[i], first_crew.losses[i], (size_t)c->job[i].steps * sizeof(double));
    free_crew(c, ctx);
    free(c);
    return OVP_OK;
}

static void nets_train_side_by_side_with_the_same_bits(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) inside(train_all, threads, OVP_OK);
}

/* One thread: the dearest job, LONGEST steps, ends before the next begins, in which it is stopped. */
static ovp_status train_until_cancelled(ovp_experiment_run *run) {
    ovp_ctx *ctx = ovp_run_ctx(run);
    crew_of_nets *c = malloc(sizeof *c);
    assert_non_null(c);
    make_crew(c, run);
    c->seen[2].cancel = ctx;
    const ovp_status status = study_train(run, "nets", c->job, NETS);
    assert_int_equal(status, OVP_EINTERRUPTED);
    assert_int_equal(c->job[0].done, LONGEST);
    assert_true(isfinite(c->losses[0][LONGEST - 1]));
    assert_in_range(c->job[2].done, 5, 1099);
    assert_int_equal(c->job[3].done, 0);
    free_crew(c, ctx);
    free(c);
    return status;
}

static void a_cancellation_leaves_finished_jobs_finished(void **state) {
    (void)state;
    inside(train_until_cancelled, 1, OVP_EINTERRUPTED);
}

/* ---- verdicts -------------------------------------------------------------------------------------- */

static void verdicts_are_filled(void **state) {
    (void)state;
    study_verdict v;
    const ovp_measure_interval four = {4, 1, .5, 1.5}, one = {1, 1, NAN, NAN}, three = {3, 1, .5, 1.5};
    study_verdict_fill(&v, "claim", four, 2, OVP_HOLDS_NO, "how %d.", 7);
    assert_string_equal(v.verdict.claim, "claim");
    assert_string_equal(v.verdict.how, "how 7.");
    assert_true(v.verdict.measured == 1 && v.verdict.low == .5 && v.verdict.high == 1.5 && v.verdict.predicted == 2);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    study_verdict_fill(&v, "claim", one, NAN, OVP_HOLDS_UNCLEAR, "how.");
    assert_string_equal(v.how, "how. Only 1 seed: give --seeds with at least 4.");
    study_verdict_fill(&v, "claim", three, NAN, OVP_HOLDS_UNCLEAR, "%01200d", 0); /* longer than there is room for */
    assert_int_equal(strlen(v.how), sizeof v.how - 1);

    assert_int_equal(study_judge_below(four, 1.6), OVP_HOLDS_YES);
    assert_int_equal(study_judge_below(four, .4), OVP_HOLDS_NO);
    assert_int_equal(study_judge_below(four, 1), OVP_HOLDS_UNCLEAR);
    assert_int_equal(study_judge_below(three, 1.6), OVP_HOLDS_UNCLEAR);

    study_verdict_theorem(&v, "theorem", .9, 5, "of %d", 5);
    assert_true(v.verdict.holds == OVP_HOLDS_YES && v.verdict.measured == .9);
    study_verdict_theorem(&v, "theorem", 1.1, 5, "x");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    study_verdict_theorem(&v, "theorem", NAN, 5, "x");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    study_verdict_theorem(&v, "theorem", .1, 0, "x");
    assert_true(v.verdict.holds == OVP_HOLDS_UNCLEAR && isnan(v.verdict.measured));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_answered_from_a_table),
        cmocka_unit_test(means_over_seeds_leave_out_what_is_not_finite),
        cmocka_unit_test(nets_train_side_by_side_with_the_same_bits),
        cmocka_unit_test(a_cancellation_leaves_finished_jobs_finished),
        cmocka_unit_test(verdicts_are_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
