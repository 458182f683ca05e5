/* f(theta_0) + J(theta_0) (theta - theta_0): forward is the base's forward mode at theta_0, backward its vjp there. */
#include "net/composed_int.h"

static const void *start_of(const ovp_net_workspace *ws) {
    return ovp_net_composed_of(ws->model)->theta_0;
}

/* ws->engine: theta - theta_0, then J of it. */
static void *step_of(const ovp_net_workspace *ws) {
    return ws->engine;
}
static void *change_of(const ovp_net_workspace *ws) {
    return ovp_net_at(ws->model->type, ws->engine, ws->model->parameters);
}

static ovp_status prepare(ovp_net_workspace *ws) {
    const ovp_net_model *m = ws->model;
    const ovp_idx values = m->parameters + ws->rows * m->outputs;
    ovp_status status = ovp_net_composed_prepare(ws);
    return status == OVP_OK ? ovp_alloc(ws->ctx, &ws->engine, values, ovp_numeric_type_size(m->type)) : status;
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    const ovp_net_model *m = ws->model;
    const ovp_idx p = m->parameters, n = batch->rows * m->outputs;
    void *step = step_of(ws), *change = change_of(ws);
    const void *start = start_of(ws);
    if (m->type == OVP_F32)
        for (ovp_idx i = 0; i < p; i++) ((float *)step)[i] = ((const float *)theta)[i] - ((const float *)start)[i];
    else
        for (ovp_idx i = 0; i < p; i++) ((double *)step)[i] = ((const double *)theta)[i] - ((const double *)start)[i];
    ovp_status status = m->base->engine->tangent(ws->base, batch->base, start, step, ws->base->f, change);
    for (ovp_idx i = 0; status == OVP_OK && i < n; i++) {
        const int narrow = m->type == OVP_F32;
        ws->wide[i] = ws->base->wide[i] + (narrow ? (double)((float *)change)[i] : ((double *)change)[i]);
        if (narrow)
            ((float *)f)[i] = (float)ws->wide[i];
        else
            ((double *)f)[i] = ws->wide[i];
    }
    return status;
}

/* The base's backward follows its own forward, at theta_0. */
static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    const ovp_net_engine *base = ws->model->base->engine;
    (void)theta;
    ovp_status status = base->forward(ws->base, batch->base, start_of(ws), ws->base->f);
    return status == OVP_OK ? base->backward(ws->base, batch->base, start_of(ws), df, sink) : status;
}

static ovp_status tangent(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v, void *f,
                          void *jv) {
    ovp_status status = forward(ws, batch, theta, f);
    if (status != OVP_OK) return status;
    return ws->model->base->engine->tangent(ws->base, batch->base, start_of(ws), v, ws->base->f, jv);
}

/* The outputs' own second derivative is 0. */
static ovp_status second(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v,
                         const void *df, const void *rdf, void *out) {
    const ovp_net_sink sink = {out, NULL, NULL};
    (void)v;
    (void)df;
    return backward(ws, batch, theta, rdf, &sink);
}

static ovp_status jacobian(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, ovp_idx first,
                           ovp_idx count, void *out) {
    (void)theta;
    return ws->model->base->engine->jacobian(ws->base, batch->base, start_of(ws), first, count, out);
}

static ovp_status factors(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *const *h,
                          void *const *delta) {
    (void)theta;
    return ws->model->base->engine->factors(ws->base, batch->base, start_of(ws), h, delta);
}

static const ovp_net_engine engine = {.name = "linearised",
                                      .bind = ovp_net_composed_bind,
                                      .refresh = ovp_net_composed_refresh,
                                      .prepare = prepare,
                                      .forward = forward,
                                      .backward = backward,
                                      .tangent = tangent,
                                      .second = second,
                                      .jacobian = jacobian,
                                      .factors = factors};

ovp_status ovp_net_linearised_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_model *base,
                                     const void *theta_0) {
    const ovp_net_composed own = {.theta_0 = theta_0};
    const unsigned needed = OVP_CAN_VJP | OVP_CAN_JVP, missing = needed & ~ovp_net_model_capabilities(base);
    *out = NULL;
    if (missing)
        return ovp_fail(ctx, OVP_EUNSUPPORTED,
                        "linearised model: its base, of engine %s, has no %s; a dense base of engine reference has",
                        base->engine->name, missing & OVP_CAN_JVP ? "jvp" : "vjp");
    ovp_status status = ovp_net_composed_create(out, ctx, base, &engine, &own);
    if (status == OVP_OK) (*out)->lacks &= ~(unsigned)OVP_CAN_HVP;
    return status;
}
