/* depth-limit: a residual net, its gradient descent and its scores. */
#include "depth_limit_int.h"

#include <string.h>

enum { TEST_ROWS = 1000 }; /* of a batch of the test, as published: scores are means over batches */

/* ---- the net ------------------------------------------------------------------------------------- */

/* The README's inc-skip, h + sigma(h) (W_k - W_(k-1)), is a linear skip whose matrices are differences. */
static int has_differences(const depth_limit_setup *s) {
    return s->readme && strcmp(s->augmentation, "inc-skip") == 0;
}

static ovp_net_residual_options options_of(const depth_limit_net *net) {
    const depth_limit_setup *s = net->setup;
    return (ovp_net_residual_options){.size = sizeof(ovp_net_residual_options),
                                      .inputs = net->inputs,
                                      .dim = s->dim,
                                      .outputs = net->outputs,
                                      .layers = net->layers,
                                      .activation = s->activation,
                                      .augmentation = has_differences(s) ? "linear-skip" : s->augmentation,
                                      .alpha = s->alpha,
                                      .type = s->type,
                                      .engine = s->engine,
                                      .read_in = net->read_in,
                                      .read_out = net->read_out};
}

ovp_status depth_limit_net_create(depth_limit_net *out, ovp_ctx *ctx, const depth_limit_setup *s, ovp_idx layers,
                                  ovp_idx inputs, ovp_idx outputs, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    const size_t bytes = ovp_numeric_type_size(s->type);
    const ovp_idx values = layers * s->dim * s->dim;
    const ovp_net_residual_start start = {
        .size = sizeof start, .init = s->init, .gamma = s->gamma, .readme = s->readme};
    *out = (depth_limit_net){.setup = s, .layers = layers, .inputs = inputs, .outputs = outputs};
    OVP_TRY(ovp_alloc(ctx, &out->read_in, s->dim * inputs, bytes));
    OVP_TRY(ovp_alloc(ctx, &out->read_out, outputs * s->dim, bytes));
    OVP_TRY(ovp_alloc(ctx, &out->theta, values, bytes));
    if (has_differences(s)) {
        OVP_TRY(ovp_alloc(ctx, &out->steps, values, bytes));
        OVP_TRY(ovp_alloc(ctx, &out->gradient, values, bytes));
    }
    const ovp_net_residual_options options = options_of(out);
    OVP_TRY(ovp_net_residual_draw(ctx, &options, &start, rng, out->read_in, out->read_out, out->theta));
done:
    return status;
}

static const void *row_of(const void *x, ovp_idx row, ovp_idx cols, size_t bytes) {
    return (const char *)x + (size_t)(row * cols) * bytes;
}

ovp_net_residual_options depth_limit_model_options(const depth_limit_net *net) {
    ovp_net_residual_options options = options_of(net);
    /* The README's plain feed-forward net has no delta. */
    if (net->setup->readme && strcmp(net->setup->augmentation, "none") == 0) options.alpha = 0;
    return options;
}

ovp_status depth_limit_net_bind(depth_limit_net *net, ovp_ctx *ctx, const depth_limit_samples *samples) {
    ovp_status status = OVP_OK;
    const depth_limit_setup *s = net->setup;
    const size_t bytes = ovp_numeric_type_size(s->type);
    const ovp_net_residual_options options = depth_limit_model_options(net);
    net->samples = samples;
    net->piece = s->batch > 0 && s->batch < samples->rows ? s->batch : samples->rows;
    const ovp_idx pieces = (samples->rows + net->piece - 1) / net->piece;
    const ovp_idx room = net->piece > TEST_ROWS ? net->piece : TEST_ROWS;
    OVP_TRY(ovp_net_residual_create(&net->model, ctx, &options));
    OVP_TRY(ovp_net_workspace_create(&net->workspace, ctx, net->model, room));
    OVP_TRY(ovp_alloc(ctx, &net->f, room * net->outputs, bytes));
    OVP_TRY(ovp_alloc(ctx, &net->df, room * net->outputs, bytes));
    OVP_TRY(ovp_alloc(ctx, &net->batches, pieces, sizeof(ovp_net_batch *)));
    net->pieces = pieces;
    for (ovp_idx b = 0; b < pieces; b++) {
        const ovp_idx at = b * net->piece, rows = samples->rows - at < net->piece ? samples->rows - at : net->piece;
        OVP_TRY(ovp_net_bind(&net->batches[b], ctx, net->model, row_of(samples->x, at, net->inputs, bytes), rows));
    }
done:
    return status;
}

void depth_limit_net_free(ovp_ctx *ctx, depth_limit_net *net) {
    void *const all[] = {net->read_in, net->read_out, net->theta, net->f, net->df, net->steps, net->gradient};
    for (ovp_idx b = 0; net->batches && b < net->pieces; b++) ovp_net_batch_free(net->batches[b]);
    ovp_free(ctx, net->batches);
    ovp_net_workspace_free(net->workspace);
    ovp_net_model_free(net->model);
    for (ovp_idx i = 0; i < COUNT(all); i++) ovp_free(ctx, all[i]);
    *net = (depth_limit_net){.setup = NULL};
}

int depth_limit_is_finite(const depth_limit_net *net) {
    for (ovp_idx i = 0; i < net->layers * net->setup->dim * net->setup->dim; i++)
        if (!isfinite(net->setup->type == OVP_F32 ? (double)((const float *)net->theta)[i]
                                                  : ((const double *)net->theta)[i]))
            return 0;
    return 1;
}

/* ---- README's inc-skip: differences -------------------------------------------------------------- */

static double value(ovp_numeric_type type, const void *x, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void put(ovp_numeric_type type, void *x, ovp_idx i, double v) {
    if (type == OVP_F32)
        ((float *)x)[i] = (float)v;
    else
        ((double *)x)[i] = v;
}

/* What the model's parameters are at the net's theta. */
static const void *parameters(const depth_limit_net *net) {
    const ovp_numeric_type type = net->setup->type;
    const ovp_idx cells = net->setup->dim * net->setup->dim;
    if (!net->steps) return net->theta;
    for (ovp_idx i = 0; i < net->layers * cells; i++)
        put(type, net->steps, i, value(type, net->theta, i) - (i < cells ? 0 : value(type, net->theta, i - cells)));
    return net->steps;
}

/* d/dW_k = d/dD_k - d/dD_(k+1) for D_k = W_k - W_(k-1). */
static void descend_differences(depth_limit_net *net, double lr) {
    const ovp_numeric_type type = net->setup->type;
    const ovp_idx cells = net->setup->dim * net->setup->dim, last = (net->layers - 1) * cells;
    for (ovp_idx i = 0; i < net->layers * cells; i++) {
        const double next = i < last ? value(type, net->gradient, i + cells) : 0;
        put(type, net->theta, i, value(type, net->theta, i) - lr * (value(type, net->gradient, i) - next));
    }
}

/* ---- losses and scores --------------------------------------------------------------------------- */

ovp_net_targets depth_limit_targets(const depth_limit_net *net, const void *y, ovp_idx at) {
    const depth_limit_setup *s = net->setup;
    if (s->classify)
        return (ovp_net_targets){.loss = OVP_LOSS_CROSS_ENTROPY,
                                 .reduction = OVP_REDUCE_MEAN,
                                 .labels = (const int32_t *)y + at,
                                 .outputs = net->f};
    return (ovp_net_targets){.loss = OVP_LOSS_MSE,
                             .reduction = OVP_REDUCE_SAMPLES,
                             .values = row_of(y, at, net->outputs, ovp_numeric_type_size(s->type)),
                             .power = s->p_loss,
                             .outputs = net->f};
}

/* The README divides the power loss by p. */
static double loss_factor(const depth_limit_setup *s) {
    return s->readme && !s->classify ? 1 / s->p_loss : 1;
}

/* Of the outputs in net->f. Omega: mean over the batch of the squared norm of the loss's gradient by a sample's output;
 * of the batch's mean loss in the code, of the sample's own loss in the README (times rows^2). */
static ovp_status score(depth_limit_net *net, ovp_ctx *ctx, const ovp_net_targets *targets, ovp_idx rows,
                        depth_limit_scores *out) {
    ovp_status status = OVP_OK;
    const depth_limit_setup *s = net->setup;
    const double factor = loss_factor(s);
    double square = 0;
    ovp_net_targets given = *targets;
    given.outputs = NULL;
    *out = (depth_limit_scores){.omega = NAN, .per_sample = NAN, .macro = {NAN, NAN, NAN}};
    OVP_TRY(
        ovp_net_loss_value(ctx, &given, s->type, rows, net->outputs, net->f, &out->loss, s->omega ? net->df : NULL));
    out->loss *= factor;
    if (s->classify) OVP_TRY(ovp_measure_macro(&out->macro, ctx, s->type, rows, net->outputs, net->f, targets->labels));
    if (!s->omega) goto done;
    for (ovp_idx i = 0; i < rows * net->outputs; i++) square += value(s->type, net->df, i) * value(s->type, net->df, i);
    out->per_sample = factor * factor * square * (double)rows;
    out->omega = s->readme ? out->per_sample : out->per_sample / ((double)rows * (double)rows);
done:
    return status;
}

static void add(depth_limit_scores *sum, const depth_limit_scores *part, double share) {
    sum->loss += share * part->loss;
    sum->omega += share * part->omega;
    sum->per_sample += share * part->per_sample;
    sum->macro.accuracy += share * part->macro.accuracy;
    sum->macro.precision += share * part->macro.precision;
    sum->macro.recall += share * part->macro.recall;
}

static ovp_status step(depth_limit_net *net, const ovp_net_batch *batch, const ovp_net_targets *targets, double lr) {
    ovp_status status = OVP_OK;
    double loss;
    const ovp_net_update update = {.rule = OVP_RULE_SGD, .lr = lr * loss_factor(net->setup)};
    if (!net->steps) return ovp_net_loss_step(net->workspace, batch, targets, &update, net->theta, &loss);
    OVP_TRY(ovp_net_loss_grad(net->workspace, batch, targets, parameters(net), &loss, net->gradient));
    descend_differences(net, update.lr);
done:
    return status;
}

ovp_status depth_limit_epoch(depth_limit_net *net, ovp_ctx *ctx, double lr, depth_limit_scores *scores, double *losses,
                             double *omegas) {
    ovp_status status = OVP_OK;
    *scores = (depth_limit_scores){.loss = 0};
    for (ovp_idx b = 0; b < net->pieces; b++) {
        const ovp_idx rows = ovp_net_batch_rows(net->batches[b]);
        const ovp_net_targets targets = depth_limit_targets(net, net->samples->y, b * net->piece);
        depth_limit_scores part;
        OVP_TRY(ovp_check(ctx));
        OVP_TRY(step(net, net->batches[b], &targets, lr));
        OVP_TRY(score(net, ctx, &targets, rows, &part));
        losses[b] = part.loss;
        omegas[b] = part.omega;
        add(scores, &part, (double)rows / (double)net->samples->rows);
    }
done:
    return status;
}

ovp_status depth_limit_train_scores(depth_limit_net *net, ovp_ctx *ctx, depth_limit_scores *scores) {
    ovp_status status = OVP_OK;
    const void *theta = parameters(net);
    *scores = (depth_limit_scores){.loss = 0};
    for (ovp_idx b = 0; b < net->pieces; b++) {
        const ovp_idx rows = ovp_net_batch_rows(net->batches[b]);
        const ovp_net_targets targets = depth_limit_targets(net, net->samples->y, b * net->piece);
        depth_limit_scores part;
        OVP_TRY(ovp_net_forward(net->workspace, net->batches[b], theta, net->f));
        OVP_TRY(score(net, ctx, &targets, rows, &part));
        add(scores, &part, (double)rows / (double)net->samples->rows);
    }
done:
    return status;
}

ovp_status depth_limit_test_scores(depth_limit_net *net, ovp_ctx *ctx, depth_limit_scores *scores) {
    ovp_status status = OVP_OK;
    const depth_limit_samples *samples = net->samples;
    const size_t bytes = ovp_numeric_type_size(net->setup->type);
    const void *theta = parameters(net);
    ovp_net_batch *batch = NULL;
    *scores = (depth_limit_scores){.loss = samples->test_rows > 0 ? 0 : (double)NAN};
    for (ovp_idx at = 0; at < samples->test_rows; at += TEST_ROWS) {
        const ovp_idx rows = samples->test_rows - at < TEST_ROWS ? samples->test_rows - at : TEST_ROWS;
        const ovp_net_targets targets = depth_limit_targets(net, samples->y_test, at);
        depth_limit_scores part;
        OVP_TRY(ovp_net_bind(&batch, ctx, net->model, row_of(samples->x_test, at, net->inputs, bytes), rows));
        OVP_TRY(ovp_net_forward(net->workspace, batch, theta, net->f));
        OVP_TRY(score(net, ctx, &targets, rows, &part));
        add(scores, &part, (double)rows / (double)samples->test_rows);
        ovp_net_batch_free(batch);
        batch = NULL;
    }
    if (samples->test_rows == 0) scores->omega = scores->macro.accuracy = scores->macro.precision = NAN;
    if (samples->test_rows == 0) scores->macro.recall = NAN;
done:
    ovp_net_batch_free(batch);
    return status;
}
