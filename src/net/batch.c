/* Batches: checked, copied inputs and what the model's engine makes of them. */
#include "net/net_int.h"

#include <math.h>
#include <string.h>

static double value_at(ovp_numeric_type type, const void *x, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

/* x is the base's own. */
static int shares_x(const ovp_net_batch *b) {
    return b->base && b->x == b->base->x;
}

ovp_status ovp_net_batch_make(ovp_net_batch **out, ovp_ctx *ctx, const ovp_net_model *model, ovp_idx capacity,
                              int sparse) {
    *out = NULL;
    ovp_net_batch *b = NULL;
    ovp_status status = OVP_OK;
    const ovp_idx inputs = ovp_net_model_inputs(model);
    if (capacity < 1 || capacity > INT32_MAX || inputs > INT32_MAX)
        return ovp_fail(ctx, OVP_EINVAL, "batch: %lld rows of %lld inputs is outside 1..2^31-1", (long long)capacity,
                        (long long)inputs);
    OVP_TRY(ovp_alloc(ctx, &b, 1, sizeof *b));
    b->ctx = ctx;
    b->engine = model->engine;
    b->type = model->type;
    b->capacity = capacity;
    b->inputs = inputs;
    b->sparse = sparse;
    b->model = model->layers > 0 ? NULL : model;
    if (model->engine->bind) OVP_TRY(model->engine->bind(b, ctx, model));
    if (!b->x) OVP_TRY(ovp_alloc(ctx, &b->x, capacity * inputs, ovp_numeric_type_size(b->type)));
    *out = b;
done:
    if (status != OVP_OK) ovp_net_batch_free(b);
    return status;
}

ovp_status ovp_net_bind(ovp_net_batch **out, ovp_ctx *ctx, const ovp_net_model *model, const void *x, ovp_idx rows) {
    *out = NULL;
    ovp_net_batch *b = NULL;
    const ovp_idx inputs = ovp_net_model_inputs(model);
    ovp_idx nonzeros;
    const int fine = (model->type == OVP_F32 ? ovp_numeric_sparse_look_f32 : ovp_numeric_sparse_look_f64)(rows * inputs,
                                                                                                          x, &nonzeros);
    for (ovp_idx i = 0; !fine && i < rows * inputs; i++) {
        const double v = value_at(model->type, x, i);
        if (!isfinite(v))
            return ovp_fail(ctx, OVP_EINVAL, "batch: input %lld of row %lld is %s; inputs must be finite",
                            (long long)(i % inputs), (long long)(i / inputs), isnan(v) ? "nan" : "infinite");
    }
    const double values = (double)rows * (double)inputs, density = values > 0 ? (double)nonzeros / values : 1;
    ovp_status status = ovp_net_batch_make(&b, ctx, model, rows, model->sparse < 0 ? density < 0.4 : model->sparse);
    if (status != OVP_OK) return status;
    b->rows = rows;
    b->density = density;
    if (inputs > 0) memcpy(b->x, x, (size_t)(rows * inputs) * ovp_numeric_type_size(b->type));
    if (model->engine->refresh) status = model->engine->refresh(b, ctx, NULL, NULL);
    if (status == OVP_OK)
        *out = b;
    else
        ovp_net_batch_free(b);
    return status;
}

ovp_status ovp_net_batch_create(ovp_net_batch **out, ovp_ctx *ctx, const ovp_net_model *model, ovp_idx capacity) {
    ovp_status status = ovp_net_batch_make(out, ctx, model, capacity, model->sparse > 0);
    if (status == OVP_OK) (*out)->density = 1;
    return status;
}

ovp_status ovp_net_batch_select(ovp_net_batch *into, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows,
                                ovp_idx count) {
    if (into->engine != from->engine || into->inputs != from->inputs || into->type != from->type ||
        into->model != from->model)
        return ovp_fail(ctx, OVP_ESHAPE,
                        "batch: rows are selected between batches of one model (engine, inputs, type)");
    if (count < 1 || count > into->capacity)
        return ovp_fail(ctx, OVP_ESHAPE, "batch: %lld rows is outside 1..%lld, the room of the batch selected into",
                        (long long)count, (long long)into->capacity);
    const size_t bytes = (size_t)into->inputs * ovp_numeric_type_size(into->type);
    for (ovp_idx i = 0; i < count; i++) {
        if (rows[i] < 0 || rows[i] >= from->rows)
            return ovp_fail(ctx, OVP_EINVAL, "batch: row %lld (position %lld) is outside 0..%lld", (long long)rows[i],
                            (long long)i, (long long)(from->rows - 1));
        if (bytes > 0 && !shares_x(into)) /* else the base selects */
            memcpy((char *)into->x + (size_t)i * bytes, (const char *)from->x + (size_t)rows[i] * bytes, bytes);
    }
    into->rows = count;
    return into->engine->refresh ? into->engine->refresh(into, ctx, from, rows) : OVP_OK;
}

void ovp_net_batch_free(ovp_net_batch *batch) {
    if (!batch) return;
    if (batch->engine->unbind) batch->engine->unbind(batch);
    if (!shares_x(batch)) ovp_free(batch->ctx, batch->x);
    ovp_net_batch_free(batch->base);
    ovp_free(batch->ctx, batch->own);
    ovp_free(batch->ctx, batch);
}

ovp_idx ovp_net_batch_rows(const ovp_net_batch *batch) {
    return batch->rows;
}

const char *ovp_net_batch_path(const ovp_net_batch *batch, double *density) {
    while (batch->base) batch = batch->base;
    if (density) *density = batch->density;
    return batch->sparse ? "sparse" : "dense";
}
