/* depth-vs-width: the tutorial's own checks, PyTorch's traces, runs end to end, and verdicts with made-up numbers. */
#include "run_helpers.h"

#include <experiment/depth_vs_width_int.h>

#define TINY "n-train=120", "n-test=40", "deep-steps=30", "steps=40", "linear-steps=20"

static ovp_status run_depth(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_depth_vs_width, result, root, settings);
}

static int warned(const json_t *result, const char *words) {
    size_t i;
    json_t *warning;
    json_array_foreach(json_object_get(result, "warnings"), i,
                       warning) if (strstr(json_string_value(warning), words)) return 1;
    return 0;
}

/* A named array of a run; freed with the list. */
/* ---- the tutorial's own checks ------------------------------------------------------------------- */

static const depth_width_setup published = {.inputs = 5,
                                            .teacher_width = 5,
                                            .teacher_depth = 5,
                                            .n_train = 4000,
                                            .n_test = 1000,
                                            .activation = "tanh",
                                            .engine = "auto",
                                            .type = OVP_F32};

static float first_weight(const study_net *net) {
    ovp_idx count;
    float values[64];
    const ovp_net_slice *slices = ovp_net_model_slices(net->model, &count);
    assert_in_range(slices[0].count, 1, 64);
    ovp_net_slice_get(net->model, &slices[0], net->theta, values);
    return values[0];
}

static void parameters_are_counted_as_in_the_tutorial(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx cases[][4] = {{10, 3, 2, 33}, {5, 5, 5, 105}, {5, 135, 2, 810}, {5, 10, 2, 60}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        depth_width_setup setup = published;
        ovp_numeric_rng *rng;
        study_net net;
        setup.inputs = cases[i][0];
        assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, 42, OVP_PURPOSE_INIT, 0));
        assert_ok(ctx, depth_width_net(&net, ctx, &setup, cases[i][1], cases[i][2], 0, rng));
        assert_int_equal(depth_width_parameters(cases[i][0], cases[i][1], cases[i][2]), cases[i][3]);
        assert_int_equal(ovp_net_model_parameters(net.model), cases[i][3]);
        study_net_free(ctx, &net);
        ovp_numeric_rng_free(rng);
    }
}

/* The tutorial's test cells: after set_seed(42) the normal rule (sigma 1) makes the first weight of (10, 3, 2) .609,
 * and randn starts with 1.927; the first test input of seed -1. */
static void draws_are_those_of_the_tutorial(void **state) {
    ovp_ctx *ctx = *state;
    depth_width_setup setup = published;
    const ovp_net_init_options rule = {sizeof rule, "normal", 1};
    ovp_numeric_rng *rng;
    study_net net;
    depth_width_problem problem;
    float inputs[50];
    setup.inputs = 10;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, 42, OVP_PURPOSE_INIT, 0));
    ovp_numeric_rng_normal(rng, OVP_F32, 50, 0, 1, inputs);
    assert_true(fabs((double)inputs[0] - 1.927) < 5e-4);
    assert_ok(ctx, depth_width_net(&net, ctx, &setup, 3, 2, 0, rng));
    assert_ok(ctx, ovp_numeric_rng_seed(rng, 42));
    assert_ok(ctx, ovp_net_init(net.model, ctx, &rule, rng, net.theta));
    assert_true(fabs((double)first_weight(&net) - .6093441247940063) < 1e-7);
    study_net_free(ctx, &net);
    assert_ok(ctx, ovp_numeric_rng_seed(rng, -1));
    assert_ok(ctx, depth_width_problem_create(&problem, ctx, &published, 2, &(depth_width_streams){rng, rng, rng}));
    assert_true((double)((float *)problem.x_test)[0] == .19076240062713623);
    depth_width_problem_free(ctx, &problem);
    ovp_numeric_rng_free(rng);
}

static void a_student_that_is_the_teacher_has_no_loss(void **state) {
    ovp_ctx *ctx = *state;
    for (int f64 = 0; f64 < 2; f64++) {
        depth_width_setup setup = published;
        ovp_numeric_rng *rng;
        depth_width_problem problem;
        study_net student;
        double error = NAN, loss = NAN;
        setup.type = f64 ? OVP_F64 : OVP_F32;
        assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, -1, OVP_PURPOSE_INIT, 0));
        assert_ok(ctx, depth_width_problem_create(&problem, ctx, &setup, 2, &(depth_width_streams){rng, rng, rng}));
        for (int test = 0; test < 2; test++) {
            assert_ok(ctx, depth_width_error(&error, ctx, &setup, &problem, &problem.teacher, test, NULL));
            assert_true(error == 0);
        }
        /* and the training engine's loss at the teacher's weights is rounding at most */
        assert_ok(ctx, depth_width_net(&student, ctx, &setup, 5, 5, 0, rng));
        assert_ok(ctx, depth_width_error(&error, ctx, &setup, &problem, &student, 1, NULL));
        assert_true(error > .1 && error < 10);
        memcpy(student.theta, problem.teacher.theta,
               (size_t)ovp_net_model_parameters(student.model) * ovp_numeric_type_size(setup.type));
        const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = problem.y_train};
        const ovp_train_options rule = {.size = sizeof rule, .optimiser = "adam", .lr = 1e-3};
        assert_ok(ctx, study_net_train(&student, ctx, problem.x_train, setup.n_train, &targets, &rule));
        assert_ok(ctx, ovp_train_step(student.trainer, &loss));
        assert_true(loss >= 0 && loss < (f64 ? 1e-29 : 1e-12));
        study_net_free(ctx, &student);
        depth_width_problem_free(ctx, &problem);
        ovp_numeric_rng_free(rng);
    }
}

/* ---- PyTorch's traces ---------------------------------------------------------------------------- */

enum { TRACE_STEPS = SLOW ? 100 : 500 };

/* tests/golden/depth_vs_width.py, float32: every loss within 1e-4 (measured: 4e-7). */
static void losses_meet_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], deep_steps[32], steps[32], linear_steps[32];
    json_t *result, *golden = file_json(OVP_TEST_DIR, "golden/data/depth_vs_width.json"), *row, *step;
    size_t i, k, compared = 0;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_non_null(golden);
    snprintf(deep_steps, sizeof deep_steps, "deep-steps=%d", TRACE_STEPS);
    snprintf(steps, sizeof steps, "steps=%d", TRACE_STEPS);
    snprintf(linear_steps, sizeof linear_steps, "linear-steps=%d", TRACE_STEPS);
    assert_ok(ctx, run_depth(ctx, &result, root,
                             SETTINGS("preset=paper", "seeds=-1,3", "deep-stages=1", deep_steps, steps, linear_steps)));
    assert_int_equal(table_rows(result, "students"), 12);
    const ovp_numeric_array *loss = array_in(ctx, result, "loss", &arrays, &count);
    assert_int_equal(loss->shape[0], 12);
    assert_int_equal(loss->shape[1], TRACE_STEPS);
    json_array_foreach(json_object_get(golden, "rows"), i, row) {
        assert_string_equal(text_at(row, "role"), json_string_value(table_cell(result, "students", i, "role")));
        assert_int_equal(json_integer_value(json_object_get(row, "width")),
                         (json_int_t)number_at(result, "students", i, "width"));
        assert_int_equal(json_integer_value(json_object_get(row, "seed")),
                         (json_int_t)number_at(result, "students", i, "seed"));
        json_array_foreach(json_object_get(golden, "steps"), k, step) {
            const ovp_idx at = (ovp_idx)json_integer_value(step);
            if (at > TRACE_STEPS) continue;
            const double ours = ((double *)loss->data)[(ovp_idx)i * TRACE_STEPS + at - 1];
            const double theirs = json_number_value(json_array_get(json_object_get(row, "losses"), k));
            if (!(fabs(ours / theirs - 1) < 1e-4))
                fail_msg("row %d, step %d: loss %.17g, PyTorch %.17g", (int)i, (int)at, ours, theirs);
            compared++;
        }
    }
    assert_int_equal(i, 12);
    assert_int_equal(compared, TRACE_STEPS == 500 ? 48 : 36);
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(golden);
    json_decref(result);
    scratch_remove(root);
}

/* Three short stages of the deep student: a new Adam and a third of the learning rate at each. */
static void stages_meet_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result, *golden = file_json(OVP_TEST_DIR, "golden/data/depth_vs_width.json"), *row;
    size_t i, k, compared = 0, seeds = 0;
    json_t *theirs;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_non_null(golden);
    assert_ok(ctx, run_depth(ctx, &result, root,
                             SETTINGS("preset=paper", "seeds=-1,3", "deep-stages=3", "deep-steps=50", "steps=1",
                                      "widths=5,6", "teacher-sigmas=2")));
    const ovp_numeric_array *loss = array_in(ctx, result, "loss", &arrays, &count);
    assert_int_equal(loss->shape[1], 150);
    json_array_foreach(json_object_get(golden, "rows"), i, row) {
        if (strcmp(text_at(row, "role"), "deep") != 0) continue;
        const double *ours = (double *)loss->data + 3 * seeds++ * 150; /* deep and two shallow rows a seed */
        json_array_foreach(json_object_get(row, "stages"), k, theirs) {
            if (!(fabs(ours[k] / json_number_value(theirs) - 1) < 1e-4))
                fail_msg("step %d: loss %.17g, PyTorch %.17g", (int)k + 1, ours[k], json_number_value(theirs));
            compared++;
        }
        assert_true(isnan(ours[150 + 1])); /* a shallow student's row ends with its steps */
    }
    assert_int_equal(compared, 300);
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(golden);
    json_decref(result);
    scratch_remove(root);
}

/* ---- end to end ---------------------------------------------------------------------------------- */

/* Every table but timings, every array and the weights: the same bytes for 1, 2 and 3 threads. */
static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/students.csv", "tables/students-summary.csv",
                                        "tables/fits.csv",     "tables/prediction.csv",
                                        "arrays.npz",          "weights.npz"};
    assert_same_bits(&ovp_experiment_depth_vs_width, SETTINGS(TINY, "deep-stages=2", "widths=4,33,4", "seeds=1,2"),
                     files, 6, "students", 10);
}

static void a_run_holds_what_the_contract_names(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const columns[] = {"teacher_sigma", "depth",      "width", "seed",   "member",     "parameters",
                                          "train_error",   "test_error", "role",  "status", "diverged_at"};
    static const char *const figures[] = {"figures/deep-loss.dat",       "figures/shallow-loss.dat",
                                          "figures/errors.dat",          "figures/linear-loss.dat",
                                          "figures/scatter-deep.dat",    "figures/scatter-linear.dat",
                                          "figures/scatter-linear-2.dat"};
    char root[256];
    json_t *result, *name;
    size_t k;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx,
              run_depth(ctx, &result, root,
                        SETTINGS(TINY, "deep-stages=2", "widths=3,9,20", "seeds=1..4", "teacher-sigmas=1.5,0.3,0.1",
                                 "teacher-depth=3", "teacher-width=4", "n-in=2", "precision=f64", "linear-width=6",
                                 "schedule=cosine", "activation=erf", "optimiser=adamw", "weight-decay=1e-4")));
    json_t *students = json_object_get(json_object_get(result, "tables"), "students");
    assert_int_equal(json_array_size(json_object_get(students, "columns")), 11);
    json_array_foreach(json_object_get(students, "columns"), k, name)
        assert_string_equal(json_string_value(name), columns[k]);
    assert_int_equal(table_rows(result, "students"), 24);
    assert_int_equal(table_rows(result, "timings"), 24);
    assert_int_equal(table_rows(result, "students-summary"), 12);
    assert_int_equal(table_rows(result, "fits"), 4);
    assert_in_range(table_rows(result, "prediction"), 0, 1);
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 5);
    assert_true(number_at(result, "students", 0, "parameters") == 2 * 4 + 16 + 4);
    assert_true(number_at(result, "students", 4, "teacher_sigma") == .3);
    assert_true(number_at(result, "students", 4, "width") == 6 && number_at(result, "students", 4, "depth") == 2);
    for (size_t f = 0; f < sizeof figures / sizeof figures[0]; f++) {
        char *text = file_text(text_at(result, "run_dir"), figures[f], NULL);
        if (!text) fail_msg("no %s", figures[f]);
        free(text);
    }
    /* test_error is what the arrays say: mean square / unbiased variance of the targets */
    const ovp_numeric_array *output = array_in(ctx, result, "test_output", &arrays, &count), *target = NULL;
    for (ovp_idx i = 0; i < count; i++)
        if (strcmp(arrays[i].name, "test_target") == 0) target = &arrays[i].array;
    assert_non_null(target);
    for (size_t row = 0; row < 24; row++) {
        const double *f = (double *)output->data + row * 40, *y = (double *)target->data + row * 40;
        double mean = 0, variance = 0, square = 0;
        for (int i = 0; i < 40; i++) mean += y[i] / 40;
        for (int i = 0; i < 40; i++) {
            variance += (y[i] - mean) * (y[i] - mean) / 39;
            square += (f[i] - y[i]) * (f[i] - y[i]) / 40;
        }
        assert_true(fabs(number_at(result, "students", row, "test_error") / (square / variance) - 1) < 1e-9);
    }
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);
}

/* philox: a student does not depend on the list; torch: it does. One data-seed: one teacher, several students. */
static void streams_follow_their_rules(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const rngs[] = {"rng=philox", "rng=torch"};
    for (int r = 0; r < 2; r++) {
        double alone, second;
        char root[256];
        json_t *result;
        ovp_io_named_array *arrays;
        ovp_idx count;
        assert_ok(ctx, run_depth(ctx, &result, root,
                                 SETTINGS(TINY, "deep-stages=0", "widths=7,3", "seed=5", "teacher-sigmas=2", rngs[r])));
        assert_int_equal(table_rows(result, "students"), 2);
        alone = number_at(result, "students", 0, "test_error");
        json_decref(result);
        scratch_remove(root);
        assert_ok(ctx, run_depth(ctx, &result, root,
                                 SETTINGS(TINY, "deep-stages=0", "widths=3,7", "seed=5", "teacher-sigmas=2", rngs[r])));
        second = number_at(result, "students", 1, "test_error");
        json_decref(result);
        scratch_remove(root);
        assert_true((alone == second) == (r == 0));

        assert_ok(ctx, run_depth(ctx, &result, root,
                                 SETTINGS(TINY, "deep-stages=0", "widths=7,3", "seeds=5,6", "data-seed=5",
                                          "teacher-sigmas=2", rngs[r])));
        assert_true(number_at(result, "students", 0, "test_error") == alone);
        assert_true(number_at(result, "students", 2, "test_error") != alone);
        const double *target = array_in(ctx, result, "test_target", &arrays, &count)->data;
        assert_memory_equal(target, target + 2 * 40, 40 * sizeof *target);
        ovp_io_npz_free(ctx, arrays, count);
        json_decref(result);
        scratch_remove(root);
    }
}

/* The whole published training (half a minute of one core): with OVP_TEST_LONG. */
static void the_published_run_is_repeated(void **state) {
    ovp_ctx *ctx = *state;
    static const double errors[] = {.063, .027, .012, .008};
    char root[256];
    json_t *result;
    if (!getenv("OVP_TEST_LONG")) skip();
    assert_ok(ctx, run_depth(ctx, &result, root, SETTINGS("preset=paper")));
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(number_at(result, "students", i + 1, "test_error") / errors[i] - 1) < .1);
    assert_true(fabs(number_at(result, "fits", 0, "exponent") + .65) < .02);
    assert_string_equal(json_string_value(table_cell(result, "prediction", 0, "interval")), "regression");
    assert_true(number_at(result, "students", 5, "test_error") < 1e-4);
    json_decref(result);
    scratch_remove(root);
}

static void a_diverged_student_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_depth(ctx, &result, root,
                             SETTINGS(TINY, "deep-stages=1", "widths=3,8", "seed=1", "optimiser=sgd", "lr=1e25",
                                      "deep-lr=1e-4", "linear-lr=1e-4", "activation=relu")));
    assert_string_equal(text_at(result, "status"), "complete");
    assert_int_equal(table_rows(result, "students"), 4);
    for (size_t row = 1; row < 3; row++) {
        assert_string_equal(json_string_value(table_cell(result, "students", row, "status")), "diverged");
        assert_true(json_is_null(table_cell(result, "students", row, "test_error")));
        assert_true(number_at(result, "students", row, "diverged_at") > 1);
    }
    assert_string_equal(json_string_value(table_cell(result, "students", 0, "status")), "ok");
    assert_true(warned(result, "shallow student, width 8, seed 1 diverged at step"));
    assert_true(warned(result, "a smaller --lr"));
    assert_null(json_object_get(json_object_get(result, "tables"), "fits"));
    json_decref(result);
    scratch_remove(root);
}

static void what_cannot_be_measured_is_said(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_depth(ctx, &result, root,
                             SETTINGS("n-train=59", "n-test=2", "deep-stages=0", "steps=3", "widths=5,5", "seed=1",
                                      "teacher-sigmas=2")));
    assert_true(warned(result, "no power law is fitted"));
    assert_true(warned(result, "shallow student of width 5: --n-train 59 is not more than 3 times its 30 parameters"));
    assert_null(json_object_get(json_object_get(result, "tables"), "prediction"));
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 1);
    assert_string_equal(text_at(json_array_get(json_object_get(result, "verdicts"), 0), "holds"), "unclear");
    json_decref(result);
    scratch_remove(root);
    /* a chain of thirty rectifiers with one unit each: some weight is negative */
    assert_ok(ctx, run_depth(ctx, &result, root,
                             SETTINGS(TINY, "deep-stages=0", "widths=2,3", "seed=1", "teacher-width=1", "n-in=1",
                                      "teacher-depth=30", "activation=relu")));
    assert_true(warned(result, "says the same on all test points"));
    assert_true(json_is_null(table_cell(result, "students", 0, "test_error")));
    assert_string_equal(json_string_value(table_cell(result, "students", 0, "status")), "ok");
    json_decref(result);
    scratch_remove(root);
}

static void wrong_values_are_refused_before_the_folder(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *setting, *words;
    } cases[] = {{"rng=numpy", "--rng numpy"},
                 {"teacher-sigmas=2,0.4,2", "--teacher-sigmas: 2 stands there twice"},
                 {"activation=tahn", "tahn"},
                 {"momentum=0.9", "momentum"}};
    static const char *const ranges[][2] = {{"teacher-sigmas", "0"}, {"teacher-sigmas", "2,-1"}, {"teacher-depth", "1"},
                                            {"teacher-width", "0"},  {"widths", "5,0"},          {"n-train", "0"},
                                            {"n-test", "1"},         {"error-target", "0"},      {"error-target", "-1"},
                                            {"n-in", "0"},           {"deep-lr", "0"},           {"deep-stages", "-1"},
                                            {"steps", "0"},          {"linear-width", "0"},      {"widths", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(ctx, &ovp_experiment_depth_vs_width, cases[i].words, SETTINGS(cases[i].setting));
    ovp_params *p = params_with(ctx, &ovp_experiment_depth_vs_width, SETTINGS("n-train=3"));
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        assert_fails(ctx, OVP_EUSAGE, ranges[i][0],
                     ovp_params_set(p, ranges[i][0], ranges[i][1], ranges[i][0], OVP_EUSAGE));
    ovp_params_free(p);
}

static void too_much_is_refused_before_the_folder(void **state) {
    ovp_ctx *ctx = *state;
    if (ovp_experiment_memory_available() == 0) skip();
    assert_refused(ctx, &ovp_experiment_depth_vs_width, "6 students side by side", SETTINGS("n-train=1e9", "seed=1"));
    assert_refused(ctx, &ovp_experiment_depth_vs_width, "GiB are available",
                   SETTINGS("deep-stages=1000", "deep-steps=1e9", "seed=1"));
}

/* Cancels once the first student must be done: one thread trains them one after another. */
enum { LONG_STEPS = 6000 };

static void an_interrupted_run_keeps_its_students(void **state) {
    (void)state;
    interruption stop = {.stage = "students", .from = LONG_STEPS + 1, .threads = 1};
    char root[256];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    ovp_ctx *ctx =
        run_interrupted(&stop, &ovp_experiment_depth_vs_width, &result, root,
                        SETTINGS("n-train=300", "n-test=40", "deep-stages=0", "widths=40,41,42,43,44,45,46,47",
                                 "seed=1", "steps=6000", "teacher-sigmas=2"));
    const size_t rows = table_rows(result, "students");
    assert_in_range(rows, 1, 7);
    assert_true(number_at(result, "students", rows - 1, "width") == 47); /* the dearest began first */
    assert_true(number_at(result, "students", rows - 1, "test_error") > 0);
    const ovp_numeric_array *loss = array_in(ctx, result, "loss", &arrays, &count);
    assert_int_equal(loss->shape[0], rows);
    for (size_t i = 0; i < rows * LONG_STEPS; i++) assert_true(isfinite(((double *)loss->data)[i]));
    ovp_io_npz_free(ctx, arrays, count);
    char *drawn = file_text(text_at(result, "run_dir"), "figures/shallow-loss.dat", NULL);
    assert_non_null(drawn);
    free(drawn);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- fit and verdicts with made-up numbers ------------------------------------------------------- */

static void a_power_law_is_fitted_with_its_interval(void **state) {
    (void)state;
    const double widths[] = {5, 15, 45, 135}, published_errors[] = {.063, .027, .012, .008};
    double errors[4];
    depth_width_fit fit;
    for (int i = 0; i < 4; i++) errors[i] = 3 * pow(widths[i], -.65);
    depth_width_fit_errors(&fit, 4, widths, errors, 1e-6);
    assert_true(fit.count == 4 && fabs(fit.exponent + .65) < 1e-12 && fabs(fit.intercept - log(3)) < 1e-12);
    assert_true(fabs(fit.width / pow(3e6, 1 / .65) - 1) < 1e-9);
    assert_true(fabs(fit.low / fit.width - 1) < 1e-6 && fabs(fit.high / fit.width - 1) < 1e-6);
    /* numpy: polyfit, its covariance s^2 inv(X'X), delta method, scipy.stats.t.ppf(.975, 2) = 4.302652729911275 */
    depth_width_fit_errors(&fit, 4, widths, published_errors, 1e-6);
    assert_true(fabs(fit.exponent + .6373503958198232) < 1e-12 && fabs(fit.intercept + 1.830847976926198) < 1e-12);
    assert_true(fabs(fit.width / 146697541.3576129 - 1) < 1e-9);
    assert_true(fabs(fit.low / 115534.67665980314 - 1) < 1e-6 && fabs(fit.high / 186265883650.98083 - 1) < 1e-6);
    /* non-finite errors and zeros are left out; two points have no standard error; rising errors predict no width */
    errors[1] = NAN;
    errors[2] = 0;
    depth_width_fit_errors(&fit, 4, widths, errors, 1e-6);
    assert_true(fit.count == 2 && fabs(fit.exponent + .65) < 1e-12 && isfinite(fit.width) && isnan(fit.low));
    errors[0] = 1e-4;
    depth_width_fit_errors(&fit, 4, widths, errors, 1e-6);
    assert_true(fit.exponent > 0 && isnan(fit.width));
    depth_width_fit_errors(&fit, 1, widths, errors, 1e-6);
    assert_true(fit.count == 1 && isnan(fit.exponent) && isnan(fit.width));
    depth_width_fit_errors(&fit, 0, widths, errors, 1e-6);
    assert_true(fit.count == 0 && isnan(fit.exponent));
}

static void large_numbers_have_powers(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{146697541.36, "1.47e8"}, {1e6, "1e6"}, {999999, "1000000"}, {123456, "123000"}, {5.5, "5.5"}};
    char text[48];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        depth_width_number(text, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
}

static void deep_verdicts(void **state) {
    (void)state;
    const double errors[] = {2e-6, 3e-3, NAN, 1e-7, 4e-3, 1e-2};
    const double none[] = {2e-5, 3e-3, 1e-3, 1e-2}, one[] = {2e-6, 3e-3, 1e-3, 1e-2};
    study_verdict v;
    depth_width_judge_deep(&v, errors, 6, 100);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_true(fabs(v.verdict.measured - .4) < 1e-12);
    /* Wilson's interval of 2 in 5: scipy.stats.binomtest(2, 5).proportion_ci(method="wilson") */
    assert_true(fabs(v.verdict.low - .11762) < 1e-4 && fabs(v.verdict.high - .76928) < 1e-4);
    assert_non_null(strstr(v.how, "2 of 5 seeds below 1e-05: lowest 1e-07, median 0.003, highest 0.01"));
    depth_width_judge_deep(&v, none, 4, 100);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    depth_width_judge_deep(&v, one, 4, 100);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    depth_width_judge_deep(&v, errors, 4, 100); /* three that count, two of them below */
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_non_null(strstr(v.how, "Only 3 seeds"));
    depth_width_judge_deep(&v, errors + 2, 1, 100);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_non_null(strstr(v.how, "no student was measured"));
}

static void width_verdicts(void **state) {
    (void)state;
    const double falls[] = {-.6, -.7, -.65, -.62}, rises[] = {.6, .7, .65, .62}, mixed[] = {-.6, .7, -.65, .62};
    study_verdict v;
    depth_width_judge_width(&v, falls, 4, "Text.");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_true(fabs(v.verdict.measured + .6425) < 1e-12 && strstr(v.how, "Text."));
    depth_width_judge_width(&v, rises, 4, "");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    depth_width_judge_width(&v, mixed, 4, "");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    depth_width_judge_width(&v, falls, 3, "");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
}

static void parameter_verdicts(void **state) {
    (void)state;
    const double deep[] = {1e-4, 2e-4, 1.5e-4, 1e-4, NAN}, wide[] = {1e-2, 1e-2, 2e-2, 1e-2, 1e-2};
    const double mixed[] = {1, 1e-4, 1, 1e-4};
    study_verdict v;
    depth_width_judge_parameters(&v, deep, wide, 5, 105, 810);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    /* geometric mean of .01 .02 .0075 .01 */
    assert_true(fabs(v.verdict.measured / pow(.01 * .02 * .0075 * .01, .25) - 1) < 1e-12);
    assert_non_null(strstr(v.how, "105 against 810 parameters"));
    depth_width_judge_parameters(&v, wide, deep, 4, 105, 810);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    depth_width_judge_parameters(&v, mixed, wide, 4, 105, 810);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    depth_width_judge_parameters(&v, deep, wide, 4, 105, 90);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_non_null(strstr(v.how, "give larger --widths"));
}

static void linear_verdicts(void **state) {
    (void)state;
    const double good[] = {1e-6, 2e-6, 5e-6, 1e-6}, bad[] = {1e-2, 2e-3, 1e-2, 5e-3}, mixed[] = {1e-8, 1, 1e-8, 1};
    study_verdict v;
    depth_width_judge_linear(&v, good, 4, .4);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_non_null(strstr(v.how, "sigma 0.4"));
    assert_non_null(strstr(v.how, "4 of 4 seeds below 0.0001"));
    depth_width_judge_linear(&v, bad, 4, .4);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    depth_width_judge_linear(&v, mixed, 4, .4);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    depth_width_judge_linear(&v, good, 3, .4);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(parameters_are_counted_as_in_the_tutorial),
        CTX_TEST(draws_are_those_of_the_tutorial),
        CTX_TEST(a_student_that_is_the_teacher_has_no_loss),
        CTX_TEST(losses_meet_pytorch),
        CTX_TEST(stages_meet_pytorch),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(a_run_holds_what_the_contract_names),
        CTX_TEST(streams_follow_their_rules),
        CTX_TEST(the_published_run_is_repeated),
        CTX_TEST(a_diverged_student_is_a_row),
        CTX_TEST(what_cannot_be_measured_is_said),
        CTX_TEST(wrong_values_are_refused_before_the_folder),
        CTX_TEST(too_much_is_refused_before_the_folder),
        cmocka_unit_test(an_interrupted_run_keeps_its_students),
        cmocka_unit_test(a_power_law_is_fitted_with_its_interval),
        cmocka_unit_test(large_numbers_have_powers),
        cmocka_unit_test(deep_verdicts),
        cmocka_unit_test(width_verdicts),
        cmocka_unit_test(parameter_verdicts),
        cmocka_unit_test(linear_verdicts),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
