/* What the two test programs of loss-landscape share: tiny trainings, and landscapes of what they kept. */
#ifndef OVP_TEST_LANDSCAPE_HELPERS_H
#define OVP_TEST_LANDSCAPE_HELPERS_H

#include "run_helpers.h"

#include <experiment/loss_landscape_int.h>

/* Trains under root; dir: the run's folder. */
static inline void train_in(ovp_ctx *ctx, const char *root, char dir[512], const ovp_experiment *experiment,
                            const char *const *settings) {
    ovp_params *p = params_with(ctx, experiment, settings);
    json_t *result;
    assert_ok(ctx, ovp_experiment_execute(&result, ctx, experiment, p, root, NULL));
    snprintf(dir, 512, "%s", text_at(result, "run_dir"));
    json_decref(result);
    ovp_params_free(p);
}

/* A landscape of the run in dir ("": --runs stays as it is). */
static inline ovp_status draw_in(ovp_ctx *ctx, json_t **result, const char *root, const char *dir,
                                 const char *const *settings) {
    ovp_params *p = params_with(ctx, &ovp_experiment_loss_landscape, settings);
    if (dir[0]) assert_ok(ctx, ovp_params_set(p, "runs", dir, "test", OVP_EUSAGE));
    const ovp_status status = ovp_experiment_execute(result, ctx, &ovp_experiment_loss_landscape, p, root, NULL);
    ovp_params_free(p);
    return status;
}

/* A classification in the depth limit: 6 layers on 40 digits. */
#define TINY_DEPTH "dim=4", "epochs=5", "lr=2", "samples=80", "test-samples=20", "fraction=0.5", "alpha=0.5", "gamma=2"

#endif
