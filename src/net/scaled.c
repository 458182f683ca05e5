/* alpha (f(theta) - f(theta_0)): the base's derivatives times alpha. batch->own: f(theta_0), rows x c, unrounded. */
#include "net/composed_int.h"

#include <math.h>
#include <string.h>

static double alpha_of(const ovp_net_model *m) {
    return ovp_net_composed_of(m)->alpha;
}

static ovp_status bind(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_model *model) {
    ovp_status status = ovp_net_composed_bind(b, ctx, model);
    return status == OVP_OK ? ovp_alloc(ctx, &b->own, b->capacity * model->outputs, sizeof(double)) : status;
}

/* f(theta_0) of a new batch, in a workspace of its own; of a selection, the rows it came with. */
static ovp_status refresh(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows) {
    const ovp_net_model *m = b->model;
    const ovp_idx c = m->outputs;
    ovp_net_workspace *ws = NULL;
    double *f_0 = b->own;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_net_composed_refresh(b, ctx, from, rows));
    for (ovp_idx i = 0; from && i < b->rows; i++)
        memcpy(f_0 + i * c, (const double *)from->own + rows[i] * c, (size_t)c * sizeof *f_0);
    if (from) return OVP_OK;
    OVP_TRY(ovp_net_workspace_create(&ws, ctx, m->base, b->rows));
    OVP_TRY(m->base->engine->forward(ws, b->base, ovp_net_composed_of(m)->theta_0, ws->f));
    memcpy(f_0, ws->wide, (size_t)(b->rows * c) * sizeof *f_0);
done:
    ovp_net_workspace_free(ws);
    return status;
}

/* ws->engine: rdf times alpha. */
static ovp_status prepare(ovp_net_workspace *ws) {
    ovp_status status = ovp_net_composed_prepare(ws);
    const ovp_idx n = ws->rows * ws->model->outputs;
    return status == OVP_OK ? ovp_alloc(ws->ctx, &ws->engine, n, ovp_numeric_type_size(ws->model->type)) : status;
}

/* From the base's outputs. */
static void shift_and_scale(ovp_net_workspace *ws, const ovp_net_batch *batch, void *f) {
    const ovp_net_model *m = ws->model;
    const double alpha = alpha_of(m), *f_0 = batch->own;
    for (ovp_idx i = 0; i < batch->rows * m->outputs; i++) {
        ws->wide[i] = alpha * (ws->base->wide[i] - f_0[i]);
        if (m->type == OVP_F32)
            ((float *)f)[i] = (float)ws->wide[i];
        else
            ((double *)f)[i] = ws->wide[i];
    }
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    ovp_status status = ws->model->base->engine->forward(ws->base, batch->base, theta, ws->base->f);
    if (status == OVP_OK) shift_and_scale(ws, batch, f);
    return status;
}

static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    const ovp_net_model *m = ws->model;
    ovp_net_scale(m->type, batch->rows * m->outputs, alpha_of(m), df, ws->base->df);
    return m->base->engine->backward(ws->base, batch->base, theta, ws->base->df, sink);
}

static ovp_status tangent(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v, void *f,
                          void *jv) {
    const ovp_net_model *m = ws->model;
    ovp_status status = m->base->engine->tangent(ws->base, batch->base, theta, v, ws->base->f, jv);
    if (status != OVP_OK) return status;
    shift_and_scale(ws, batch, f);
    ovp_net_scale(m->type, batch->rows * m->outputs, alpha_of(m), jv, jv);
    return OVP_OK;
}

static ovp_status second(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v,
                         const void *df, const void *rdf, void *out) {
    const ovp_net_model *m = ws->model;
    const ovp_idx n = batch->rows * m->outputs;
    ovp_net_scale(m->type, n, alpha_of(m), df, ws->base->df);
    ovp_net_scale(m->type, n, alpha_of(m), rdf, ws->engine);
    return m->base->engine->second(ws->base, batch->base, theta, v, ws->base->df, ws->engine, out);
}

static ovp_status jacobian(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, ovp_idx first,
                           ovp_idx count, void *out) {
    const ovp_net_model *m = ws->model;
    ovp_status status = m->base->engine->jacobian(ws->base, batch->base, theta, first, count, out);
    if (status == OVP_OK) ovp_net_scale(m->type, count * m->outputs * m->parameters, alpha_of(m), out, out);
    return status;
}

/* alpha goes into delta, once a layer: its weight names the layer and how many units it has. */
static ovp_status factors(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *const *h,
                          void *const *delta) {
    const ovp_net_model *m = ws->model;
    ovp_status status = m->base->engine->factors(ws->base, batch->base, theta, h, delta);
    for (ovp_idx i = 0; status == OVP_OK && i < m->slice_count; i++) {
        const ovp_net_slice *s = &m->slices[i];
        if (s->role != OVP_ROLE_WEIGHT) continue;
        ovp_net_scale(m->type, batch->rows * m->outputs * s->shape[0], alpha_of(m), delta[s->layer], delta[s->layer]);
    }
    return status;
}

static const ovp_net_engine engine = {.name = "scaled",
                                      .bind = bind,
                                      .refresh = refresh,
                                      .prepare = prepare,
                                      .forward = forward,
                                      .backward = backward,
                                      .tangent = tangent,
                                      .second = second,
                                      .jacobian = jacobian,
                                      .factors = factors};

ovp_status ovp_net_scaled_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_model *base, double alpha,
                                 const void *theta_0) {
    const ovp_net_composed own = {.theta_0 = theta_0, .alpha = alpha};
    *out = NULL;
    if (!isfinite(alpha) || alpha == 0)
        return ovp_fail(ctx, OVP_EINVAL, "scaled model: alpha %g must be finite and not 0", alpha);
    return ovp_net_composed_create(out, ctx, base, &engine, &own);
}
