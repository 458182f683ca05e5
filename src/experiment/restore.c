/* From a manifest back to parameters. */
#include "experiment_int.h"

#include <string.h>

/* A JSON value in the syntax of the command line. */
static void value_text(ovp_text *text, const json_t *value) {
    char number[32];
    size_t i;
    json_t *item;
    if (json_is_string(value))
        ovp_text_add(text, "%s", json_string_value(value));
    else if (json_is_boolean(value))
        ovp_text_add(text, "%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_integer(value))
        ovp_text_add(text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) {
        (void)ovp_format_real(number, json_real_value(value));
        ovp_text_add(text, "%s", number);
    }
    if (json_is_array(value)) json_array_foreach(value, i, item) {
            if (i) ovp_text_add(text, ",");
            value_text(text, item);
        }
}

static ovp_status set_one(ovp_params *params, ovp_ctx *ctx, const char *key, const json_t *value) {
    ovp_status status = OVP_OK;
    ovp_text text = {.ctx = ctx};
    const ovp_param *row = ovp_params_find(params, key);
    value_text(&text, value);
    OVP_TRY(ovp_text_status(&text));
    /* Nothing to set: a text that is empty, or a default that JSON has no number for. */
    if (row && !text.data) goto done;
    OVP_TRY(ovp_params_set(params, key, text.data ? text.data : "", "manifest", OVP_ECONFIG));
done:
    ovp_text_free(&text);
    return status;
}

static int is_seed(const char *key) {
    return strcmp(key, "seed") == 0 || strcmp(key, "seeds") == 0;
}

/* Whatever came out otherwise than it stands in the manifest. */
static ovp_status check_restored(ovp_ctx *ctx, const ovp_experiment *experiment, const ovp_params *params,
                                 json_t *wanted) {
    ovp_status status = OVP_OK;
    json_t *got = ovp_experiment_params_json(params), *value;
    const char *key;
    json_object_foreach(got, key, value) {
        const json_t *recorded = json_object_get(wanted, key);
        if (is_seed(key) || json_equal(value, recorded)) continue;
        status = ovp_fail(ctx, OVP_ECONFIG, "%s: the manifest %s --%s that this version would run with", experiment->id,
                          recorded ? "has another value of" : "does not name the", key);
        break;
    }
    json_decref(got);
    return status;
}

ovp_status ovp_experiment_params_restore(ovp_params **out, ovp_ctx *ctx, const ovp_experiment *experiment,
                                         const struct json_t *manifest) {
    ovp_status status = OVP_OK;
    ovp_params *params = NULL;
    json_t *values = json_object_get(manifest, "params"), *seeds = json_object_get(manifest, "seeds"), *value;
    const char *key;
    *out = NULL;
    if (!json_is_object(values))
        OVP_TRY(ovp_fail(ctx, OVP_ECONFIG, "%s: the manifest has no parameters", experiment->id));
    OVP_TRY(ovp_experiment_params(&params, ctx, experiment));
    json_object_foreach(values, key, value) if (!is_seed(key) && !json_is_null(value))
        OVP_TRY(set_one(params, ctx, key, value));
    /* --seed and --seeds exclude each other: the list if it was the one that ran. */
    const int list = json_equal(seeds, json_object_get(values, "seeds"));
    OVP_TRY(set_one(params, ctx, list ? "seeds" : "seed", list ? seeds : json_array_get(seeds, 0)));
    OVP_TRY(check_restored(ctx, experiment, params, values));
    *out = params;
    params = NULL;
done:
    ovp_params_free(params);
    return status;
}
