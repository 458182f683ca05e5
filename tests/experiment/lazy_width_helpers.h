/* Tests of lazy-width: running it with keys. */
#ifndef OVP_TEST_LAZY_WIDTH_HELPERS_H
#define OVP_TEST_LAZY_WIDTH_HELPERS_H

#include "run_helpers.h"

#include <experiment/lazy_width_int.h>

static inline ovp_status run_lazy(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_lazy_width, result, root, settings);
}

#endif
