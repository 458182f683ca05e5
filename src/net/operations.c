/* The public operations: checks, then the engine. */
#include "net/net_int.h"

#include <string.h>

ovp_status ovp_net_workspace_create(ovp_net_workspace **out, ovp_ctx *ctx, const ovp_net_model *model, ovp_idx rows) {
    *out = NULL;
    ovp_net_workspace *ws = NULL;
    ovp_status status = OVP_OK;
    if (rows < 1) return ovp_fail(ctx, OVP_EINVAL, "workspace: %lld rows is below 1", (long long)rows);
    OVP_TRY(ovp_alloc(ctx, &ws, 1, sizeof *ws));
    ws->ctx = ctx;
    ws->model = model;
    ws->rows = rows;
    const ovp_idx outputs = rows * ovp_net_model_outputs(model);
    OVP_TRY(ovp_alloc(ctx, &ws->f, outputs, ovp_numeric_type_size(model->type)));
    OVP_TRY(ovp_alloc(ctx, &ws->df, outputs, ovp_numeric_type_size(model->type)));
    OVP_TRY(ovp_alloc(ctx, &ws->wide, outputs, sizeof *ws->wide));
    OVP_TRY(model->engine->prepare(ws));
    *out = ws;
done:
    if (status != OVP_OK) ovp_net_workspace_free(ws);
    return status;
}

void ovp_net_workspace_free(ovp_net_workspace *ws) {
    if (!ws) return;
    if (ws->model->engine->release) ws->model->engine->release(ws);
    ovp_net_workspace_free(ws->base);
    for (ovp_idx l = 1; l < ws->model->layers; l++) {
        ovp_free(ws->ctx, ws->a[l]);
        ovp_free(ws->ctx, ws->z[l]);
    }
    ovp_free(ws->ctx, ws->f);
    ovp_free(ws->ctx, ws->df);
    ovp_free(ws->ctx, ws->wide);
    ovp_free(ws->ctx, ws->engine);
    ovp_free(ws->ctx, ws->second);
    ovp_free(ws->ctx, ws->deltas);
    ovp_free(ws->ctx, ws->rates);
    ovp_free(ws->ctx, ws);
}

void ovp_net_workspace_attach(ovp_net_workspace *ws, ovp_ctx *ctx) {
    ws->ctx = ctx;
    if (ws->base) ovp_net_workspace_attach(ws->base, ctx);
}

ovp_status ovp_net_check_batch(const ovp_net_workspace *ws, const ovp_net_batch *b) {
    const ovp_net_model *m = ws->model;
    if (b->inputs != ovp_net_model_inputs(m))
        return ovp_fail(ws->ctx, OVP_ESHAPE, "batch has %lld inputs, the model %lld", (long long)b->inputs,
                        (long long)ovp_net_model_inputs(m));
    if (b->type != m->type)
        return ovp_fail(ws->ctx, OVP_ESHAPE, "batch is %s, the model %s", ovp_numeric_type_name(b->type),
                        ovp_numeric_type_name(m->type));
    if (b->model && b->model != m)
        return ovp_fail(ws->ctx, OVP_ESHAPE, "batch was bound to another %s model; bind it to this one",
                        b->engine->name);
    if (b->engine != m->engine)
        return ovp_fail(ws->ctx, OVP_ESHAPE, "batch was bound for another engine than %s; bind it to this model",
                        m->engine->name);
    if (b->rows > ws->rows)
        return ovp_fail(ws->ctx, OVP_ESHAPE, "batch has %lld rows, the workspace room for %lld", (long long)b->rows,
                        (long long)ws->rows);
    return OVP_OK;
}

static ovp_status check_targets(ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx rows, ovp_idx c) {
    if (!t->labels && (t->loss == OVP_LOSS_CROSS_ENTROPY || !t->values))
        return ovp_fail(ctx, OVP_EINVAL, "targets: %s",
                        t->loss == OVP_LOSS_CROSS_ENTROPY ? "cross-entropy needs labels"
                                                          : "neither labels nor values are given");
    if (t->loss == OVP_LOSS_CROSS_ENTROPY && t->reduction == OVP_REDUCE_HALF_SAMPLES)
        return ovp_fail(ctx, OVP_EINVAL, "targets: half-samples is a reduction of MSE only");
    for (ovp_idx i = 0; t->labels && !(t->loss == OVP_LOSS_MSE && t->values) && i < rows; i++) {
        const ovp_idx row = t->rows ? t->rows[i] : i;
        if (t->labels[row] < 0 || t->labels[row] >= c)
            return ovp_fail(ctx, OVP_EINVAL, "targets: label %d of row %lld is outside 0..%lld", (int)t->labels[row],
                            (long long)row, (long long)(c - 1));
    }
    return OVP_OK;
}

ovp_status ovp_net_forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *out) {
    ovp_status status = ovp_net_check_batch(ws, batch);
    return status == OVP_OK ? ws->model->engine->forward(ws, batch, theta, out) : status;
}

double ovp_net_loss_scale(const ovp_net_targets *t, ovp_idx rows, ovp_idx c) {
    double scale = 1;
    if (t->reduction != OVP_REDUCE_SUM) scale /= (double)rows;
    if (t->reduction == OVP_REDUCE_HALF_SAMPLES) scale /= 2;
    if (t->reduction == OVP_REDUCE_MEAN && t->loss == OVP_LOSS_MSE) scale /= (double)c;
    return scale;
}

ovp_status ovp_net_loss_of(ovp_ctx *ctx, const ovp_net_targets *t, ovp_numeric_type type, ovp_idx rows, ovp_idx c,
                           const ovp_net_outputs *outputs, double *loss, void *df) {
    ovp_status status = check_targets(ctx, t, rows, c);
    if (status != OVP_OK) return status;
    return (type == OVP_F32 ? ovp_net_loss_f32 : ovp_net_loss_f64)(ctx, t, rows, c, outputs, loss, df);
}

ovp_status ovp_net_loss_value(ovp_ctx *ctx, const ovp_net_targets *t, ovp_numeric_type type, ovp_idx rows, ovp_idx c,
                              const void *f, double *loss, void *df) {
    const ovp_net_outputs outputs = {f, NULL};
    return ovp_net_loss_of(ctx, t, type, rows, c, &outputs, loss, df);
}

ovp_status ovp_net_loss_backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                                 const void *theta, double *loss, const ovp_net_sink *sink) {
    const ovp_net_model *m = ws->model;
    const ovp_net_outputs outputs = {NULL, ws->wide};
    ovp_status status = ovp_net_check_batch(ws, batch);
    if (status == OVP_OK && m->engine->loss_grad) {
        status = check_targets(ws->ctx, targets, batch->rows, m->outputs);
        return status == OVP_OK ? m->engine->loss_grad(ws, batch, targets, theta, loss, sink) : status;
    }
    if (status == OVP_OK) status = m->engine->forward(ws, batch, theta, ws->f);
    if (status == OVP_OK)
        status =
            ovp_net_loss_of(ws->ctx, targets, m->type, batch->rows, ovp_net_model_outputs(m), &outputs, loss, ws->df);
    if (status == OVP_OK && targets->outputs)
        memcpy(targets->outputs, ws->f, (size_t)(batch->rows * m->outputs) * ovp_numeric_type_size(m->type));
    if (status == OVP_OK) status = m->engine->backward(ws, batch, theta, ws->df, sink);
    return status;
}

ovp_status ovp_net_loss_grad(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                             const void *theta, double *loss, void *grad) {
    const ovp_net_sink sink = {grad, NULL, NULL};
    return ovp_net_loss_backward(ws, batch, targets, theta, loss, &sink);
}

ovp_status ovp_net_loss_step(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                             const ovp_net_update *update, void *theta, double *loss) {
    const ovp_net_sink sink = {NULL, theta, update};
    return ovp_net_loss_backward(ws, batch, targets, theta, loss, &sink);
}

void ovp_net_apply_update(const ovp_net_model *model, ovp_ctx *ctx, const ovp_net_update *update, const void *grad,
                          void *theta) {
    const ovp_net_sink sink = {NULL, theta, update};
    for (ovp_idx i = 0; i < model->slice_count; i++) {
        const ovp_net_slice *s = &model->slices[i];
        ovp_net_sink_range(model, ctx, &sink, s->offset, s->count, s->lr_scale,
                           ovp_net_at(model->type, grad, s->offset));
    }
}
