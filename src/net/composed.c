/* Models made of models: what they share. */
#include "net/composed_int.h"

#include <math.h>
#include <string.h>

static double value_at(ovp_numeric_type type, const void *x, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static ovp_status check_finite(ovp_ctx *ctx, const char *name, ovp_numeric_type type, const void *theta, ovp_idx n) {
    for (ovp_idx i = 0; i < n; i++)
        if (!isfinite(value_at(type, theta, i)))
            return ovp_fail(ctx, OVP_EINVAL, "%s model: value %lld of theta_0 is %s; start from finite weights", name,
                            (long long)i, isnan(value_at(type, theta, i)) ? "nan" : "infinite");
    return OVP_OK;
}

ovp_status ovp_net_composed_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_model *base,
                                   const ovp_net_engine *engine, const ovp_net_composed *own) {
    enum { HEAD = 128 }; /* theta_0 stands behind the struct, aligned as ovp_alloc aligns */
    _Static_assert(sizeof *own <= HEAD, "theta_0 would overlap");
    *out = NULL;
    ovp_net_model *m = NULL;
    ovp_net_composed *kept;
    const ovp_idx values = own->theta_0 ? base->parameters : 0;
    const ovp_idx bytes = values * (ovp_idx)ovp_numeric_type_size(base->type);
    ovp_status status = check_finite(ctx, engine->name, base->type, own->theta_0, values);
    if (status != OVP_OK) return status;
    OVP_TRY(ovp_alloc(ctx, &m, 1, sizeof *m));
    *m = (ovp_net_model){.ctx = ctx,
                         .type = base->type,
                         .inputs = base->inputs,
                         .outputs = base->outputs,
                         .parameters = base->parameters,
                         .act = base->act,
                         .engine = engine,
                         .sparse = base->sparse,
                         .slices = base->slices,
                         .slice_count = base->slice_count,
                         .base = base};
    m->lacks = ~ovp_net_model_capabilities(base);
    OVP_TRY(ovp_alloc(ctx, &m->own, HEAD + bytes, 1));
    kept = m->own;
    *kept = *own;
    if (own->theta_0) kept->theta_0 = memcpy((char *)m->own + HEAD, own->theta_0, (size_t)bytes);
    *out = m;
done:
    if (status != OVP_OK) ovp_net_model_free(m);
    return status;
}

ovp_status ovp_net_composed_bind(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_model *model) {
    ovp_status status = ovp_net_batch_make(&b->base, ctx, model->base, b->capacity, b->sparse);
    if (status == OVP_OK) b->x = b->base->x;
    return status;
}

ovp_status ovp_net_composed_refresh(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows) {
    if (from) return ovp_net_batch_select(b->base, ctx, from->base, rows, b->rows);
    b->base->rows = b->rows;
    b->base->density = b->density;
    return b->base->engine->refresh ? b->base->engine->refresh(b->base, ctx, NULL, NULL) : OVP_OK;
}

ovp_status ovp_net_composed_prepare(ovp_net_workspace *ws) {
    return ovp_net_workspace_create(&ws->base, ws->ctx, ws->model->base, ws->rows);
}

void ovp_net_scale(ovp_numeric_type type, ovp_idx n, double a, const void *x, void *out) {
    if (type == OVP_F32)
        for (ovp_idx i = 0; i < n; i++) ((float *)out)[i] = (float)(a * (double)((const float *)x)[i]);
    else
        for (ovp_idx i = 0; i < n; i++) ((double *)out)[i] = a * ((const double *)x)[i];
}
