/* expressivity's published run against torch's weights and numpy's propagation (data/expressivity.json; expressivity.py
 * made it). Measured agreement 1.5e-15, bar 1e-10; converged lengths against 200,000 straight segments, to the
 * tolerance asked for. */
#include "experiment/run_helpers.h"

static double at(const json_t *object, const char *key, size_t i) {
    const json_t *value = json_array_get(json_object_get(object, key), i);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static const ovp_numeric_array *named(const ovp_io_named_array *arrays, ovp_idx count, const char *name) {
    for (ovp_idx i = 0; i < count; i++)
        if (strcmp(arrays[i].name, name) == 0) return &arrays[i].array;
    fail_msg("no array %s", name);
    return NULL;
}

static void assert_near(double value, double golden, double bar) {
    if (!(fabs(value / golden - 1) < bar)) fail_msg("%.17g, golden %.17g", value, golden);
}

static void the_published_curves_are_numpys(void **state) {
    ovp_ctx *ctx = *state;
    static const size_t shown[] = {0, 1, 100, 399};
    char root[256], path[600];
    json_t *result, *golden = file_json(OVP_TEST_DIR, "golden/data/expressivity.json");
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_non_null(golden);
    scratch_make(root);
    /* 45.1127.. degrees are 50 of the 399 steps */
    ovp_params *p = params_with(ctx, &ovp_experiment_expressivity,
                                SETTINGS("preset=paper", "angles=45.112781954887218", "tolerance=0.0002"));
    assert_ok(ctx, ovp_experiment_execute(&result, ctx, &ovp_experiment_expressivity, p, root, NULL));
    ovp_params_free(p);
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    const ovp_numeric_array *curves = named(arrays, count, "trajectories"), *h = named(arrays, count, "activations");
    const double *projection = named(arrays, count, "projection")->data;
    assert_int_equal(curves->ndim, 4);
    assert_int_equal(curves->shape[0], 2);
    assert_int_equal(curves->shape[1], 19);
    assert_int_equal(curves->shape[2], 400);
    assert_int_equal(curves->shape[3], 3);
    assert_int_equal(h->shape[3], 100);
    for (size_t i = 0; i < 6; i++) {
        const json_t *row = json_array_get(json_object_get(golden, "projection"), i / 3);
        assert_near(projection[i], json_number_value(json_array_get(row, i % 3)), 1e-15);
    }
    assert_int_equal(table_rows(result, "layers"), 38);
    for (size_t n = 0; n < 2; n++) {
        const json_t *net = json_array_get(json_object_get(golden, "nets"), n), *last = json_object_get(net, "last");
        for (size_t l = 0; l < 19; l++) {
            const size_t row = n * 19 + l;
            assert_near(json_number_value(table_cell(result, "layers", row, "q")), at(net, "q", l), 1e-10);
            assert_near(json_number_value(table_cell(result, "layers", row, "length_polyline")), at(net, "polyline", l),
                        1e-10);
            assert_near(json_number_value(table_cell(result, "layers", row, "curvature")), at(net, "curvature", l),
                        1e-10);
            assert_near(json_number_value(table_cell(result, "correlations", row, "c")), at(net, "correlation", l),
                        1e-10);
            assert_near(json_number_value(table_cell(result, "layers", row, "length")), at(net, "fine", l), 2e-4);
        }
        for (size_t k = 0; k < 4; k++)
            for (size_t i = 0; i < 3; i++)
                assert_near(((const double *)curves->data)[((n * 19 + 18) * 400 + shown[k]) * 3 + i],
                            json_number_value(json_array_get(json_array_get(last, k), i)), 1e-10);
    }
    ovp_io_npz_free(ctx, arrays, count);
    snprintf(path, sizeof path, "%s/weights.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    assert_int_equal(count, 40);
    for (size_t n = 0; n < 2; n++) {
        const ovp_numeric_array *w =
            named(arrays, count, n ? "sigma0.4.seed42.member0.0.weight" : "sigma2.seed42.member0.0.weight");
        for (size_t i = 0; i < 3; i++)
            assert_true((double)((const float *)w->data)[i] ==
                        at(json_array_get(json_object_get(golden, "nets"), n), "first_weights", i));
    }
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(golden);
    json_decref(result);
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(the_published_curves_are_numpys)};
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
