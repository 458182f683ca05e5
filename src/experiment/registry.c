/* The registry of experiments, their parameters, presets and seeds. */
#include "experiment_int.h"

#include <stdio.h>
#include <string.h>

static const ovp_experiment *const experiments[] = {
#define OVP_EXPERIMENT(name) &ovp_experiment_##name,
#include "experiments.def"
#undef OVP_EXPERIMENT
};
#define EXPERIMENTS ((ovp_idx)(sizeof experiments / sizeof experiments[0]))

const ovp_experiment *ovp_experiment_at(ovp_idx i) {
    return i >= 0 && i < EXPERIMENTS ? experiments[i] : NULL;
}

const ovp_experiment *ovp_experiment_find(const char *id) {
    for (ovp_idx i = 0; i < EXPERIMENTS; i++)
        if (strcmp(experiments[i]->id, id) == 0) return experiments[i];
    return NULL;
}

const char *ovp_experiment_near(const char *id) {
    const char *best = NULL;
    int least = 1 + (int)(strlen(id) < 30 ? strlen(id) / 3 : 10);
    for (ovp_idx i = 0; i < EXPERIMENTS; i++) {
        int distance = ovp_edit_distance(id, experiments[i]->id);
        if (distance <= least) {
            best = experiments[i]->id;
            least = distance - 1;
        }
    }
    return best;
}

ovp_status ovp_experiment_params(ovp_params **out, ovp_ctx *ctx, const ovp_experiment *experiment) {
    return ovp_params_create(out, ctx, experiment->params, experiment->param_count);
}

static const ovp_experiment_preset *find_preset(const ovp_experiment *experiment, const char *name) {
    for (ovp_idx i = 0; i < experiment->preset_count; i++)
        if (strcmp(experiment->presets[i].name, name) == 0) return &experiment->presets[i];
    return NULL;
}

ovp_status ovp_experiment_preset_apply(ovp_params *params, ovp_ctx *ctx, const ovp_experiment *experiment,
                                       const char *preset) {
    ovp_status status = OVP_OK;
    const ovp_experiment_preset *found = find_preset(experiment, preset);
    char *settings = NULL;
    /* Through the row, so that an unknown name is answered as any unknown choice. */
    OVP_TRY(ovp_params_set(params, "preset", preset, "preset", OVP_EUSAGE));
    if (!found) {
        status = ovp_fail(ctx, OVP_EINTERNAL, "%s: preset '%s' has no settings", experiment->id, preset);
        goto done;
    }
    OVP_TRY(ovp_strdup(ctx, &settings, found->settings));
    for (char *at = settings; *at;) {
        char *end = strchr(at, ';'), *equals = strchr(at, '=');
        if (end) *end = 0;
        if (!equals || (end && equals > end)) {
            status = ovp_fail(ctx, OVP_EINTERNAL, "%s: preset '%s': '%s' is not key=value", experiment->id, preset, at);
            goto done;
        }
        *equals = 0;
        OVP_TRY(ovp_params_set(params, at, equals + 1, "preset", OVP_EINTERNAL));
        if (!end) break;
        at = end + 1;
    }
done:
    ovp_free(ctx, settings);
    return status;
}

/* Whether `seeds` holds what its preset (or its row) says, that is, the user did not give it. */
static ovp_status seeds_untouched(int *out, ovp_ctx *ctx, const ovp_experiment *experiment, const ovp_params *params) {
    ovp_status status = OVP_OK;
    ovp_params *fresh = NULL;
    *out = !ovp_params_is_set(params, "seeds");
    if (*out || !ovp_params_is_set(params, "preset")) goto done;
    OVP_TRY(ovp_experiment_params(&fresh, ctx, experiment));
    OVP_TRY(ovp_experiment_preset_apply(fresh, ctx, experiment, ovp_params_text(params, "preset")));
    *out = strcmp(ovp_params_show(fresh, "seeds"), ovp_params_show(params, "seeds")) == 0;
done:
    ovp_params_free(fresh);
    return status;
}

ovp_status ovp_experiment_seeds(int64_t **out, ovp_idx *count, ovp_ctx *ctx, const ovp_experiment *experiment,
                                const ovp_params *params) {
    ovp_status status = OVP_OK;
    int untouched, one = ovp_params_is_set(params, "seed");
    int64_t seed = ovp_params_int(params, "seed");
    const int64_t *list = &seed;
    ovp_idx n = 1;
    *out = NULL;
    *count = 0;
    OVP_TRY(seeds_untouched(&untouched, ctx, experiment, params));
    if (one && !untouched) {
        status = ovp_fail(ctx, OVP_EUSAGE, "both --seed %s and --seeds %s were given; give one of them",
                          ovp_params_show(params, "seed"), ovp_params_show(params, "seeds"));
        goto done;
    }
    if (!one && ovp_params_is_set(params, "seeds")) list = ovp_params_ints(params, "seeds", &n);
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx j = 0; j < i; j++)
            if (list[i] == list[j]) {
                status = ovp_fail(ctx, OVP_EINVAL, "--seeds %s: seed %lld stands there twice; name each seed once",
                                  ovp_params_show(params, "seeds"), (long long)list[i]);
                goto done;
            }
    OVP_TRY(ovp_alloc(ctx, out, n, sizeof **out));
    memcpy(*out, list, (size_t)n * sizeof *list);
    *count = n;
done:
    return status;
}
