/* gradient-flow: ends against numpy's, the contract, threads, what leaves the numbers, verdicts both ways. */
#include "run_helpers.h"

#include <experiment/gradient_flow_int.h>

static ovp_status run_flow(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_gradient_flow, result, root, settings);
}

static double coordinate(const json_t *row, const char *key, size_t i) {
    return json_number_value(json_array_get(json_object_get(row, key), i));
}

/* Every descent that is not chaotic ends where numpy's does; the flow where a method of small fixed steps does. */
static void ends_meet_numpy(void **state) {
    ovp_ctx *ctx = *state;
    json_t *golden = file_json(OVP_TEST_DIR, "golden/data/gradient_flow.json"), *row;
    static const char *const precisions[] = {"precision=f64", "precision=f32"};
    assert_non_null(golden);
    for (int single = 0; single < (SLOW ? 1 : 2); single++) {
        char root[256];
        json_t *result;
        size_t i;
        int compared = 0, torch = 0;
        /* The flow is compared beside the f64 descents; it is the same beside the f32 ones. */
        assert_ok(ctx, run_flow(ctx, &result, root,
                                SETTINGS("preset=paper", "starts=12", "record=10",
                                         single ? "tolerance=1e-3" : "tolerance=1e-10", precisions[single])));
        json_array_foreach(json_object_get(golden, "rows"), i, row) {
            const char *key = single ? "f32" : "f64";
            if (!json_is_true(json_object_get(row, single ? "stable_f32" : "stable"))) continue;
            const double tolerance = single ? 2e-5 : 1e-9, x = number_at(result, "starts", i, "x"),
                         y = number_at(result, "starts", i, "y");
            assert_true(fabs(number_at(result, "starts", i, "x0") - json_number_value(json_object_get(row, "x0"))) <
                        1e-7);
            if (!(fabs(x - coordinate(row, key, 0)) < tolerance && fabs(y - coordinate(row, key, 1)) < tolerance))
                fail_msg("row %zu, %s: (%.12g, %.12g) instead of (%.12g, %.12g)", i, key, x, y, coordinate(row, key, 0),
                         coordinate(row, key, 1));
            /* PyTorch rounds inside the gradient as well. */
            torch += hypot(x - coordinate(row, "torch_f32", 0), y - coordinate(row, "torch_f32", 1)) < 1e-3;
            compared++;
        }
        assert_true(compared >= 14 && torch >= compared - 1);
        for (i = 0; i < 12 && !single; i++) {
            const json_t *end = json_array_get(json_object_get(golden, "flow_1"), i);
            assert_true(fabs(number_at(result, "starts", i, "flow_x") - json_number_value(json_array_get(end, 0))) <
                        1e-8);
            assert_true(fabs(number_at(result, "starts", i, "flow_y") - json_number_value(json_array_get(end, 1))) <
                        1e-8);
        }
        json_decref(result);
        scratch_remove(root);
    }
    json_decref(golden);
}

/* On a quadratic everything is known: z_k = (1 - lr a)^k z_0 and z(t) = exp(-a t) z_0. */
static void a_quadratic_is_exact(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], path[600];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, run_flow(ctx, &result, root,
                            SETTINGS("function=x^2/2+2*y^2", "starts=20", "steps=50", "lrs=.02,.01", "seeds=1..4",
                                     "precision=f64", "record=5", "tolerance=1e-11")));
    assert_int_equal(table_rows(result, "starts"), 160);
    for (size_t r = 0; r < 160; r++) {
        const double lr = number_at(result, "starts", r, "lr"), x0 = number_at(result, "starts", r, "x0"),
                     y0 = number_at(result, "starts", r, "y0");
        const double x = x0 * pow(1 - lr, 50), y = y0 * pow(1 - 4 * lr, 50);
        const double fx = x0 * exp(-lr * 50), fy = y0 * exp(-4 * lr * 50);
        assert_true(fabs(number_at(result, "starts", r, "x") - x) < 1e-14 &&
                    fabs(number_at(result, "starts", r, "y") - y) < 1e-14);
        assert_true(fabs(number_at(result, "starts", r, "value") - (x * x / 2 + 2 * y * y)) < 1e-14);
        assert_true(fabs(number_at(result, "starts", r, "flow_x") - fx) < 1e-10);
        assert_true(fabs(number_at(result, "starts", r, "flow_y") - fy) < 1e-10);
        assert_true(fabs(number_at(result, "starts", r, "flow_value") - (fx * fx / 2 + 2 * fy * fy)) < 1e-9);
        assert_true(fabs(number_at(result, "starts", r, "distance") - hypot(x - fx, y - fy)) < 1e-9);
        assert_true(number_at(result, "starts", r, "farthest") >= number_at(result, "starts", r, "distance"));
        assert_true(number_at(result, "starts", r, "sharpness") == 4 &&
                    number_at(result, "starts", r, "flow_sharpness") == 4);
        assert_string_equal(json_string_value(table_cell(result, "starts", r, "status")), "ok");
    }
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    assert_string_equal(arrays[0].name, "path");
    assert_int_equal(arrays[0].array.shape[0], 160);
    assert_int_equal(arrays[0].array.shape[1], 6);
    const double *at = arrays[0].array.data, *flow = arrays[1].array.data;
    const int64_t *steps = arrays[2].array.data;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(steps[i], 10 * i);
        assert_true(fabs(at[2 * i] - at[0] * pow(.98, 10 * i)) < 1e-14);
        assert_true(fabs(flow[2 * i] - at[0] * exp(-.02 * 10 * i)) < 1e-8); /* by dense output */
    }
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/starts.csv", "tables/seeds.csv", "tables/starts-summary.csv",
                                        "arrays.npz"};
    static const char *const rngs[] = {"rng=philox", "rng=torch"};
    for (int k = 0; k < 2; k++)
        assert_same_bits(&ovp_experiment_gradient_flow,
                         SETTINGS("starts=37", "steps=200", "seeds=1,2", "record=7", rngs[k]), files, 4, NULL, 0);
}

/* Overflow, logarithms of negatives and divisions by 0 are rows, not failures. */
static void what_is_not_finite_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const functions[] = {"function=-x^4-y^4", "function=log(x)+y", "function=1/(x-x)+y",
                                            "function=exp(exp(exp(9+x*x)))"};
    for (int f = 0; f < 4; f++) {
        char root[256];
        json_t *result;
        int lost = 0;
        assert_ok(ctx, run_flow(ctx, &result, root,
                                SETTINGS(functions[f], "starts=8", "steps=3000", "lrs=.1", "seeds=1..4")));
        assert_string_equal(text_at(result, "status"), "complete");
        for (size_t r = 0; r < 32; r++) {
            const int finite = isfinite(number_at(result, "starts", r, "x"));
            const char *status = json_string_value(table_cell(result, "starts", r, "status"));
            assert_true(finite != (strcmp(status, "non-finite") == 0));
            assert_true(finite == json_is_null(table_cell(result, "starts", r, "diverged_at")));
            if (!finite) assert_true(json_is_null(table_cell(result, "starts", r, "distance")));
            lost += !finite;
        }
        assert_true(f == 1 ? lost > 8 && lost <= 32 : lost == 32);
        assert_true(json_array_size(json_object_get(result, "warnings")) > 0);
        if (f != 1) assert_string_equal(holds_of(result, 0), "no");
        assert_string_equal(holds_of(result, 2), f == 1 ? holds_of(result, 2) : "unclear");
        json_decref(result);
        scratch_remove(root);
    }
}

/* Values near the ends of the numbers: no contour lines, but a figure and a whole run. */
static void values_too_far_apart_are_drawn_without_contours(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const functions[] = {"function=1.7e308*sin(x)+0*y", "function=.8e308*x/3+0*y"};
    for (int f = 0; f < 2; f++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_flow(ctx, &result, root, SETTINGS(functions[f], "starts=5", "steps=10", "precision=f64")));
        assert_string_equal(text_at(result, "status"), "complete");
        json_decref(result);
        scratch_remove(root);
    }
}

/* Each verdict to yes, no and unclear. */
static void verdicts_go_all_ways(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[6], *holds[3];
    } cases[] = {
        /* a bowl: small steps follow; after .5 and 20 units of time the values differ; both stable */
        {{"function=x^2+y^2", "lrs=.001,.04", "steps=500", "seeds=1..4"}, {"yes", "yes", "yes"}},
        /* the same with one seed */
        {{"function=x^2+y^2", "lrs=.001,.04", "steps=500", "seeds=1"}, {"unclear", "unclear", "yes"}},
        /* a saddle left by a large step runs off from the flow; nothing rests; one rate only: nothing to compare */
        {{"function=50*x^2-y^2", "lrs=.03", "steps=200", "seeds=1..4", "precision=f64"}, {"no", "unclear", "unclear"}},
        /* a slope: the same values but for rounding at rates that differ by a hair; no minimum to rest at */
        {{"function=x+y", "lrs=.01,.010001", "steps=20", "seeds=1..4", "precision=f64"}, {"yes", "no", "unclear"}},
    };
    for (int c = 0; c < 4; c++) {
        char root[256];
        json_t *result;
        const char *settings[8] = {"starts=30"};
        for (int k = 0; k < 6; k++) settings[k + 1] = cases[c].settings[k];
        assert_ok(ctx, run_flow(ctx, &result, root, settings));
        for (size_t v = 0; v < 3; v++)
            if (strcmp(holds_of(result, v), cases[c].holds[v]) != 0)
                fail_msg("case %d, verdict %zu: %s", c, v, holds_of(result, v));
        json_decref(result);
        scratch_remove(root);
    }
}

/* A starting point at a minimum that the step is too long for: rest without stability does not hold. */
static void rest_beyond_two_over_lr_is_told(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_flow(ctx, &result, root,
                            SETTINGS("function=0*y+50*x^2", "low=-1e-12", "high=1e-12", "lrs=.03", "steps=3",
                                     "precision=f64", "starts=5")));
    assert_string_equal(holds_of(result, 2), "no");
    json_decref(result);
    scratch_remove(root);
}

static void bad_values_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *setting, *message;
    } cases[] = {
        {"function=sin(x+z)", "--function: character 7: unknown name 'z'; variables are x, y"},
        {"function=", "--function: character 1"},
        {"lrs=.1,.2,.1", "--lrs: 0.1 stands there twice"},
        {"low=2", "--low 2: must be below --high 1.5"},
        {"record=100000", "points a seed to keep"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(ctx, &ovp_experiment_gradient_flow, cases[i].message, SETTINGS(cases[i].setting));
}

/* The first report of a run is never left out. */
static void an_interrupted_run_keeps_its_seeds(void **state) {
    (void)state;
    interruption stop = {.from = 1};
    char root[256];
    json_t *result;
    ovp_ctx *ctx = run_interrupted(&stop, &ovp_experiment_gradient_flow, &result, root,
                                   SETTINGS("function=x^2+y^2", "starts=20", "steps=200", "lrs=.001", "seeds=1..4"));
    assert_int_equal(table_rows(result, "starts"), 20);
    assert_int_equal(table_rows(result, "seeds"), 1);
    assert_true(number_at(result, "starts", 19, "farthest") >= number_at(result, "starts", 19, "distance"));
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(ends_meet_numpy),
        CTX_TEST(a_quadratic_is_exact),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(what_is_not_finite_is_a_row),
        CTX_TEST(values_too_far_apart_are_drawn_without_contours),
        CTX_TEST(verdicts_go_all_ways),
        CTX_TEST(rest_beyond_two_over_lr_is_told),
        CTX_TEST(bad_values_are_refused),
        cmocka_unit_test(an_interrupted_run_keeps_its_seeds),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
