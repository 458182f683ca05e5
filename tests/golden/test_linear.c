/* linear-features and bias-complexity with torch's and numpy's streams against PyTorch's and numpy's runs
 * (data/linear_features.json, data/bias_complexity.json; each script says what stands there). */
#include "experiment/linear_helpers.h"

#include <math.h>

static json_t *golden(const char *name) {
    json_t *out = file_json(OVP_TEST_DIR "/golden/data", name);
    assert_non_null(out);
    return out;
}

static double number(const json_t *row, const char *key) {
    json_t *value = json_object_get(row, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* Both runs round: twice the theorem's own bound. */
static void losses_are_pytorchs(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const precisions[] = {"f32", "f64"};
    static const double bounds[] = {6e-6, 2e-13}, movement_bounds[] = {1e-5, 1e-12};
    json_t *all = golden("linear_features.json");
    for (int i = 0; i < 2; i++) {
        char root[256], precision[32];
        json_t *result, *rows = json_object_get(all, precisions[i]), *loss;
        const char *step;
        ovp_idx count;
        snprintf(precision, sizeof precision, "precision=%s", precisions[i]);
        assert_ok(ctx, run_study(ctx, &ovp_experiment_linear_features, &result, root,
                                 SETTINGS("rng=torch", "seeds=42", "steps=1000,100,1000", "members=1", precision)));
        double *losses = array_of(ctx, result, "loss", &count);
        assert_int_equal(json_array_size(rows), 3);
        for (size_t row = 0; row < 3; row++) {
            const json_t *expected = json_array_get(rows, row);
            const double *l = losses + row * 1000, moved = number(expected, "movement");
            json_object_foreach(json_object_get(expected, "losses"), step, loss) {
                const double off = fabs(sqrt(l[atoi(step) - 1]) - sqrt(json_number_value(loss)));
                if (!(off <= bounds[i] * sqrt(l[0])))
                    fail_msg("%s m = %g step %s: %.17g, PyTorch has %.17g", precisions[i], number(expected, "m"), step,
                             l[atoi(step) - 1], json_number_value(loss));
            }
            assert_true(fabs(number_at(result, "fits", row, "movement") - moved) <= movement_bounds[i] * moved);
        }
        free(losses);
        json_decref(result);
        scratch_remove(root);
    }
    json_decref(all);
}

/* To 1e-8, or ten times what one unit in the last place of the features does. */
static void least_norms_are_numpys(const json_t *result, const json_t *rows, const json_t *descent) {
    for (size_t row = 0; row < json_array_size(rows); row++) {
        const json_t *expected = json_array_get(rows, row), *trained = json_array_get(descent, row);
        const double risk = number_at(result, "dimensions", row, "risk"),
                     bar = fmax(1e-8, 10 * number(expected, "spread"));
        assert_true(number_at(result, "dimensions", row, "feature_dim") == number(expected, "m"));
        assert_string_equal(json_string_value(table_cell(result, "dimensions", row, "solution")), "min-norm");
        if (!json_is_null(json_object_get(expected, "rank")))
            assert_true(number_at(result, "dimensions", row, "rank") == number(expected, "rank"));
        if (!(fabs(risk / number(expected, "risk") - 1) <= bar))
            fail_msg("m = %g: risk %.17g, numpy has %.17g, allowed %g", number(expected, "m"), risk,
                     number(expected, "risk"), bar);

        const size_t at = json_array_size(rows) + row; /* all dimensions' minimum norms stand before the nets */
        assert_string_equal(json_string_value(table_cell(result, "dimensions", at, "solution")), "gd");
        assert_true(fabs(number_at(result, "dimensions", at, "train_loss") / number(trained, "train") - 1) < 1e-10);
        assert_true(fabs(number_at(result, "dimensions", at, "risk") / number(trained, "risk") - 1) < 1e-10);
    }
}

static void risks_and_ranks_are_numpys(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const names[] = {"slow", "pi"}, *const frequencies[] = {"frequency=0.6283185307179586",
                                                                               "frequency=3.141592653589793"};
    json_t *all = golden("bias_complexity.json");
    for (int i = 0; i < 2; i++) {
        char root[256];
        json_t *result, *expected = json_object_get(all, names[i]);
        assert_ok(ctx, run_study(ctx, &ovp_experiment_bias_complexity, &result, root,
                                 SETTINGS("rng=torch", "seeds=42", "feature-dims=2,6,10,16,30,52,100,150,198",
                                          "members=1", "steps=200", "precision=f64", frequencies[i])));
        assert_int_equal(json_array_size(json_object_get(expected, "least")), 9);
        least_norms_are_numpys(result, json_object_get(expected, "least"), json_object_get(expected, "descent"));
        json_decref(result);
        scratch_remove(root);
    }
    json_decref(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(losses_are_pytorchs), CTX_TEST(risks_and_ranks_are_numpys)};
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
