/* lazy-width on several threads, small enough for the thread sanitizer: the same rows as on one. */
#include "run_helpers.h"

static json_t *run_on(int threads, const char *engine) {
    ovp_ctx *ctx;
    ovp_ctx_options options = {.size = sizeof options, .threads = threads};
    char root[256], engine_key[32];
    json_t *result;
    snprintf(engine_key, sizeof engine_key, "engine=%s", engine);
    const char *const settings[] = {
        "samples=200", "test-samples=600", "widths=7,130", "epochs=2", "seeds=1,2", engine_key, NULL};
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    const ovp_experiment *experiment = ovp_experiment_find("lazy-width");
    ovp_params *params = params_with(ctx, experiment, settings);
    scratch_make(root);
    assert_ok(ctx, ovp_experiment_execute(&result, ctx, experiment, params, root, NULL));
    json_t *rows = json_incref(json_object_get(json_object_get(json_object_get(result, "tables"), "widths"), "rows"));
    assert_int_equal(json_array_size(rows), 4);
    json_decref(result);
    ovp_params_free(params);
    ovp_ctx_free(ctx);
    scratch_remove(root);
    return rows;
}

static void rows_are_those_of_one_thread(void **state) {
    (void)state;
    static const char *const engines[] = {"gemm", "reference"};
    for (int e = 0; e < 2; e++) {
        json_t *one = run_on(1, engines[e]), *three = run_on(3, engines[e]);
        assert_true(json_equal(one, three));
        json_decref(one);
        json_decref(three);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_those_of_one_thread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
