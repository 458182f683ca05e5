/* A small net with data, made anew as often as a test wants one. */
#ifndef OVP_TEST_TRAINEE_H
#define OVP_TEST_TRAINEE_H

#include "check.h"

#include <overparam/train.h>

#include <string.h>

enum { TRAINEE_ROWS = 15, TRAINEE_IN = 3, TRAINEE_OUT = 2, TRAINEE_WIDTH = 10, TRAINEE_P = 3 * 10 + 10 + 10 * 2 + 2 };

typedef struct trainee {
    ovp_ctx *ctx;
    ovp_numeric_type type;
    size_t bytes; /* of theta */
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    ovp_net_targets targets;
    ovp_train *train;
    double x[TRAINEE_ROWS * TRAINEE_IN], y[TRAINEE_ROWS * TRAINEE_OUT], theta[TRAINEE_P]; /* of `type` */
} trainee;

/* Normal values of a philox stream. */
static inline void trainee_fill(ovp_ctx *ctx, int64_t seed, ovp_numeric_type type, ovp_idx n, double scale, void *out) {
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_GENERAL, 0));
    ovp_numeric_rng_normal(rng, type, n, 0, scale, out);
    ovp_numeric_rng_free(rng);
}

/* The same data for every seed, which is that of the initial weights. Fills *n, which must stay where it is. */
static inline void trainee_make_as(trainee *n, ovp_ctx *ctx, ovp_numeric_type type, const char *engine,
                                   const char *parametrization, int64_t seed) {
    static const ovp_idx widths[] = {TRAINEE_IN, TRAINEE_WIDTH, TRAINEE_OUT};
    const ovp_net_dense_options d = {.size = sizeof d,
                                     .layers = 2,
                                     .widths = widths,
                                     .activation = "tanh",
                                     .type = type,
                                     .engine = engine,
                                     .input = "dense",
                                     .parametrization = parametrization};
    memset(n, 0, sizeof *n);
    n->ctx = ctx;
    n->type = type;
    n->bytes = TRAINEE_P * ovp_numeric_type_size(type);
    trainee_fill(ctx, 1, type, TRAINEE_ROWS * TRAINEE_IN, 1, n->x);
    trainee_fill(ctx, 2, type, TRAINEE_ROWS * TRAINEE_OUT, 1, n->y);
    trainee_fill(ctx, 100 + seed, type, TRAINEE_P, 0.6, n->theta);
    n->targets = (ovp_net_targets){.loss = OVP_LOSS_MSE, .values = n->y};
    assert_ok(ctx, ovp_net_dense_create(&n->model, ctx, &d));
    assert_int_equal(ovp_net_model_parameters(n->model), TRAINEE_P);
    assert_ok(ctx, ovp_net_bind(&n->batch, ctx, n->model, n->x, TRAINEE_ROWS));
    assert_ok(ctx, ovp_net_workspace_create(&n->ws, ctx, n->model, 2 * TRAINEE_ROWS));
}

static inline void trainee_make(trainee *n, ovp_ctx *ctx, ovp_numeric_type type, const char *engine, int64_t seed) {
    trainee_make_as(n, ctx, type, engine, NULL, seed);
}

static inline void trainee_start(trainee *n, const ovp_train_options *options) {
    ovp_train_options o = *options;
    o.size = sizeof o;
    assert_ok(n->ctx, ovp_train_create(&n->train, n->ctx, n->model, n->ws, n->batch, &n->targets, &o, n->theta));
}

static inline void trainee_steps(trainee *n, ovp_idx steps) {
    for (ovp_idx k = 0; k < steps; k++) assert_ok(n->ctx, ovp_train_step(n->train, NULL));
}

static inline void trainee_drop(trainee *n) {
    ovp_train_free(n->train);
    ovp_net_workspace_free(n->ws);
    ovp_net_batch_free(n->batch);
    ovp_net_model_free(n->model);
}

/* Options of every rule with everything it has. */
static const ovp_train_options trainee_rules[] = {
    {.optimiser = "sgd", .lr = 0.05},
    {.optimiser = "sgd", .lr = 0.05, .momentum = 0.9, .nesterov = 1, .weight_decay = 0.01},
    {.optimiser = "sgd", .lr = 0.05, .momentum = 0.8, .dampening = 0.25},
    {.optimiser = "adam", .lr = 0.01, .weight_decay = 0.02},
    {.optimiser = "adamw", .lr = 0.01, .weight_decay = 0.02},
    {.optimiser = "rmsprop", .lr = 0.01, .weight_decay = 0.02},
    {.optimiser = "rmsprop", .lr = 0.01, .momentum = 0.9},
    {.optimiser = "adagrad", .lr = 0.05, .weight_decay = 0.02},
};
enum { TRAINEE_RULES = sizeof trainee_rules / sizeof *trainee_rules };

#endif
