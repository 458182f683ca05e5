/* experiment: from a manifest back to the parameters it tells of. */
#include "run_helpers.h"

static json_t *manifest_of(const ovp_params *params, const char *seeds) {
    json_t *list = json_loads(seeds, 0, NULL);
    assert_non_null(list);
    return json_pack("{s:o, s:o}", "params", ovp_experiment_params_json(params), "seeds", list);
}

/* Every experiment, with settings of several kinds: what comes back runs the same seeds with the same values. */
static void there_and_back(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[4], *seeds;
    } cases[] = {
        {{NULL}, "[42]"},
        {{"preset=quick", NULL}, NULL},
        {{"preset=paper", "seed=-7", NULL}, "[-7]"},
        {{"seeds=3..5", "data-seed=9", NULL}, "[3,4,5]"},
        {{"threads=2", "save-weights=yes", "rng=torch", NULL}, "[42]"},
    };
    for (ovp_idx e = 0; ovp_experiment_at(e); e++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const ovp_experiment *experiment = ovp_experiment_at(e);
            ovp_params *params = params_with(ctx, experiment, cases[i].settings), *back = NULL;
            int64_t *seeds = NULL, *again = NULL;
            ovp_idx count = 0, others = 0;
            assert_ok(ctx, ovp_experiment_seeds(&seeds, &count, ctx, experiment, params));
            ovp_text text = {.ctx = ctx};
            ovp_text_add(&text, "[");
            for (ovp_idx k = 0; k < count; k++) ovp_text_add(&text, "%s%lld", k ? "," : "", (long long)seeds[k]);
            ovp_text_add(&text, "]");
            if (cases[i].seeds) assert_string_equal(text.data, cases[i].seeds);
            json_t *manifest = manifest_of(params, text.data);
            assert_ok(ctx, ovp_experiment_params_restore(&back, ctx, experiment, manifest));
            assert_ok(ctx, ovp_experiment_seeds(&again, &others, ctx, experiment, back));
            assert_int_equal(count, others);
            assert_memory_equal(seeds, again, (size_t)count * sizeof *seeds);
            for (ovp_idx k = 0; k < ovp_params_count(params); k++) {
                const char *key = ovp_params_row(params, k)->key;
                if (strcmp(key, "seed") == 0 || strcmp(key, "seeds") == 0) continue;
                assert_string_equal(ovp_params_show(params, key), ovp_params_show(back, key));
            }
            assert_int_equal(ovp_params_is_set(params, "data-seed"), ovp_params_is_set(back, "data-seed"));
            ovp_free(ctx, seeds);
            ovp_free(ctx, again);
            ovp_text_free(&text);
            json_decref(manifest);
            ovp_params_free(params);
            ovp_params_free(back);
        }
}

/* Manifests of other versions, or no manifests at all. */
static void refusals(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_experiment *experiment = ovp_experiment_find("lazy-width");
    static const char *const settings[] = {NULL};
    ovp_params *params = params_with(ctx, experiment, settings), *back = NULL;
    json_t *manifest = manifest_of(params, "[42]"), *values = json_object_get(manifest, "params");
    json_object_set_new(values, "widths", json_pack("[i]", 0));
    assert_fails(ctx, OVP_ECONFIG, "0 is outside", ovp_experiment_params_restore(&back, ctx, experiment, manifest));
    assert_null(back);
    json_object_set_new(values, "widths", json_pack("[i]", 10));
    json_object_del(values, "epochs");
    assert_fails(ctx, OVP_ECONFIG, "does not name the --epochs",
                 ovp_experiment_params_restore(&back, ctx, experiment, manifest));
    json_object_set_new(values, "epochs", json_string("3"));
    assert_fails(ctx, OVP_ECONFIG, "another value of --epochs",
                 ovp_experiment_params_restore(&back, ctx, experiment, manifest));
    json_object_set_new(values, "epochs", json_integer(3));
    json_object_set_new(values, "from-the-future", json_integer(3));
    assert_fails(ctx, OVP_ECONFIG, "from-the-future", ovp_experiment_params_restore(&back, ctx, experiment, manifest));
    json_object_set_new(manifest, "params", json_null());
    assert_fails(ctx, OVP_ECONFIG, "no parameters", ovp_experiment_params_restore(&back, ctx, experiment, manifest));
    json_decref(manifest);
    ovp_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(there_and_back), CTX_TEST(refusals)};
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
