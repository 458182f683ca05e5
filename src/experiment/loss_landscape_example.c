/* loss-landscape: the net that stands in where no earlier run is named. */
#include "loss_landscape_int.h"

#include <string.h>

enum { DIGITS = 1000, LAYERS = 32, DIM = 10, STEPS = 300, SEED = 42 };

static ovp_status load_digits(ovp_data_set *out, ovp_ctx *ctx, ovp_numeric_type type) {
    const ovp_data_options options = {
        .size = sizeof options, .train = DIGITS, .test = 1, .scale = OVP_SCALE_UNIT, .type = type};
    return ovp_data_load(out, ctx, "mnist", &options);
}

/* Read-in, read-out and blocks, and the model of them. */
static ovp_status make_net(past_net *out, ovp_ctx *ctx, const ovp_data_set *digits, const char *engine) {
    ovp_status status = OVP_OK;
    const ovp_numeric_type type = digits->x_train.type;
    const size_t width = ovp_numeric_type_size(type);
    const ovp_net_residual_start start = {.size = sizeof start, .init = "ntrunc", .gamma = 2};
    ovp_net_residual_options options = {.size = sizeof options,
                                        .inputs = digits->features,
                                        .dim = DIM,
                                        .outputs = digits->classes,
                                        .layers = LAYERS,
                                        .alpha = .5,
                                        .type = type,
                                        .engine = strcmp(engine, "gemm") == 0 ? "auto" : engine};
    ovp_numeric_rng *rng = NULL;
    OVP_TRY(ovp_alloc(ctx, &out->read_in, DIM * digits->features, width));
    OVP_TRY(ovp_alloc(ctx, &out->read_out, digits->classes * DIM, width));
    OVP_TRY(ovp_alloc(ctx, &out->theta, LAYERS * DIM * DIM, width));
    OVP_TRY(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, SEED, OVP_PURPOSE_INIT, 0));
    OVP_TRY(ovp_net_residual_draw(ctx, &options, &start, rng, out->read_in, out->read_out, out->theta));
    options.read_in = out->read_in;
    options.read_out = out->read_out;
    OVP_TRY(ovp_net_residual_create(&out->model, ctx, &options));
done:
    ovp_numeric_rng_free(rng);
    return status;
}

static ovp_status train(past_net *net, ovp_experiment_run *run, const ovp_data_set *digits) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    const ovp_train_options options = {.size = sizeof options, .optimiser = "sgd", .lr = 20};
    ovp_net_workspace *workspace = NULL;
    ovp_net_batch *batch = NULL;
    ovp_train *trainer = NULL;
    OVP_TRY(ovp_net_workspace_create(&workspace, ctx, net->model, DIGITS));
    OVP_TRY(ovp_net_bind(&batch, ctx, net->model, digits->x_train.data, DIGITS));
    OVP_TRY(ovp_train_create(&trainer, ctx, net->model, workspace, batch, &net->targets, &options, net->theta));
    for (ovp_idx k = 0; k < STEPS; k++) {
        OVP_TRY(ovp_check(ctx));
        OVP_TRY(ovp_train_step(trainer, &net->recorded_loss));
        ovp_run_progress(run, &(ovp_progress){"example net", "steps", k + 1, STEPS, "loss", net->recorded_loss});
    }
done:
    ovp_train_free(trainer);
    ovp_net_batch_free(batch);
    ovp_net_workspace_free(workspace);
    return status;
}

ovp_status landscape_example(past_net *out, ovp_data_set *digits, ovp_experiment_run *run, ovp_numeric_type type,
                             const char *engine, ovp_idx samples) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    *out = (past_net){.model = NULL};
    OVP_TRY(load_digits(digits, ctx, type));
    OVP_TRY(make_net(out, ctx, digits, engine));
    out->rows = samples > 0 && samples < DIGITS ? samples : DIGITS;
    out->classes = digits->classes;
    out->x = digits->x_train.data;
    out->targets =
        (ovp_net_targets){.loss = OVP_LOSS_CROSS_ENTROPY, .reduction = OVP_REDUCE_MEAN, .labels = digits->y_train.data};
    OVP_TRY(train(out, run, digits));
done:
    if (status != OVP_OK) past_net_free(ctx, out);
    return status;
}
