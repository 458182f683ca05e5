/* depth-limit with torch's stream against PyTorch's runs (data/depth_limit.json; the script says what stands there). */
#include "experiment/linear_helpers.h"

#include <math.h>

#define EPOCHS 20

static double number(const json_t *row, const char *key) {
    json_t *value = json_object_get(row, key);
    if (!json_is_number(value)) fail_msg("no number %s", key);
    return json_number_value(value);
}

static const char *word(const json_t *row, const char *key) {
    return json_string_value(json_object_get(row, key));
}

static double item(const json_t *row, const char *key, size_t i) {
    return json_number_value(json_array_get(json_object_get(row, key), i));
}

/* The run's settings as the program's keys. */
static json_t *repeat(ovp_ctx *ctx, const json_t *s, char root[256]) {
    static const char *const texts[] = {"task", "dataset", "activation", "augmentation", "init"};
    static const struct {
        const char *key, *name;
    } numbers[] = {{"layers", "layers"}, {"dim", "dim"},       {"alpha", "alpha"},  {"gamma", "gamma"},
                   {"lr", "lr"},         {"epochs", "epochs"}, {"p-loss", "p_loss"}};
    char lines[16][64];
    const char *settings[24] = {"rng=torch",        "seeds=1234",    "samples=2000",        "test-samples=2000",
                                "num-samples=1000", "fraction=0.25", "dynamic-lr-limit=1e6"};
    size_t n = 7, line = 0;
    json_t *result;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++, line++)
        snprintf(lines[line], sizeof *lines, "%s=%s", texts[i], word(s, texts[i]));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++, line++)
        snprintf(lines[line], sizeof *lines, "%s=%g", numbers[i].key, number(s, numbers[i].name));
    snprintf(lines[line++], sizeof *lines, "dynamic-lr=%s", json_is_true(json_object_get(s, "dynamic")) ? "yes" : "no");
    snprintf(lines[line++], sizeof *lines, "variant=%s",
             json_is_true(json_object_get(s, "readme")) ? "readme" : "code");
    for (size_t i = 0; i < line; i++) settings[n++] = lines[i];
    settings[n] = NULL;
    assert_ok(ctx, run_study(ctx, &ovp_experiment_depth_limit, &result, root, settings));
    return result;
}

static void near(const char *run, const char *what, double measured, double expected, double bar) {
    if (!(fabs(measured - expected) <= bar * fabs(expected)))
        fail_msg("%s: %s %.9g, PyTorch has %.9g, allowed %g", run, what, measured, expected, bar);
}

static void compare(const char *name, const json_t *result, const json_t *expected) {
    static const char *const columns[] = {"loss", "omega", "lr"}, *const lists[] = {"losses", "omegas", "lrs"};
    static const char *const shares[] = {"accuracy", "precision", "recall"}, *const powers[] = {"pvar", "pvar_half",
                                                                                                "pvar_three_quarters"};
    const int classify = json_array_size(json_object_get(expected, "accuracy")) > 0;
    const int readme = json_is_true(json_object_get(json_object_get(expected, "settings"), "readme"));
    const double rows = classify ? 500 : 900;
    assert_int_equal(table_rows(result, "epochs"), EPOCHS);
    for (size_t t = 0; t < EPOCHS; t++) {
        for (size_t i = 0; i < 3; i++)
            near(name, columns[i], number_at(result, "epochs", t, columns[i]), item(expected, lists[i], t), 1e-5);
        near(name, "omega_per_sample", number_at(result, "epochs", t, "omega_per_sample"),
             item(expected, "omegas", t) * (readme ? 1 : rows * rows), 1e-5);
        for (size_t i = 0; classify && i < 3; i++)
            assert_true(fabs(number_at(result, "epochs", t, shares[i]) - item(expected, shares[i], t)) < 1e-12);
    }
    for (size_t i = 0; i < 3; i++)
        if (item(expected, "pvar", i) > 0)
            near(name, powers[i], number_at(result, "epochs", EPOCHS - 1, powers[i]), item(expected, "pvar", i), 1e-4);
    near(name, "norm_first", number_at(result, "depths", 0, "norm_first"), item(expected, "norms", 0), 1e-5);
    near(name, "norm_last", number_at(result, "depths", 0, "norm_last"), item(expected, "norms", 1), 1e-5);
    near(name, "test_loss", number_at(result, "depths", 0, "test_loss"), number(expected, "test_loss"), 1e-5);
    if (classify)
        assert_true(fabs(number_at(result, "depths", 0, "test_accuracy") - number(expected, "test_accuracy")) < 1e-12);
}

static void runs_are_pytorchs(void **state) {
    ovp_ctx *ctx = *state;
    json_t *all = file_json(OVP_TEST_DIR "/golden/data", "depth_limit.json"), *run;
    size_t i;
    assert_non_null(all);
    assert_true(json_array_size(json_object_get(all, "runs")) > 25);
    json_array_foreach(json_object_get(all, "runs"), i, run) {
        const json_t *s = json_object_get(run, "settings");
        char root[256], name[160];
        json_t *result = repeat(ctx, s, root);
        snprintf(name, sizeof name, "run %zu (%s, %s, %s, %s)", i, word(s, "task"), word(s, "augmentation"),
                 word(s, "init"), word(s, "activation"));
        compare(name, result, run);
        json_decref(result);
        scratch_remove(root);
    }
    json_decref(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(runs_are_pytorchs)};
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
