/* The public derivative operations: vjp, jvp, hvp, jacobian, factors. Checks, then the engine. */
#include "net/net_int.h"

/* Batch and capability; `name` is the operation's. */
static ovp_status check(const ovp_net_workspace *ws, const ovp_net_batch *batch, unsigned capability,
                        const char *name) {
    if (!(ovp_net_model_capabilities(ws->model) & capability))
        return ovp_fail(
            ws->ctx, OVP_EUNSUPPORTED,
            "%s: this %s model does not have it (dense models have, hvp also functions with a Hessian); ask "
            "ovp_net_model_capabilities first",
            name, ws->model->engine->name);
    return ovp_net_check_batch(ws, batch);
}

ovp_status ovp_net_vjp(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *u, void *out) {
    const ovp_net_sink sink = {out, NULL, NULL};
    ovp_status status = check(ws, batch, OVP_CAN_VJP, "vjp");
    if (status == OVP_OK) status = ws->model->engine->forward(ws, batch, theta, ws->f);
    if (status == OVP_OK) status = ws->model->engine->backward(ws, batch, theta, u, &sink);
    return status;
}

ovp_status ovp_net_jvp(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v, void *f,
                       void *out) {
    ovp_status status = check(ws, batch, OVP_CAN_JVP, "jvp");
    return status == OVP_OK ? ws->model->engine->tangent(ws, batch, theta, v, f ? f : ws->f, out) : status;
}

ovp_status ovp_net_hvp(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                       const void *theta, const void *v, double *loss, void *out) {
    const ovp_net_model *m = ws->model;
    const ovp_idx rows = batch->rows, c = m->outputs;
    const ovp_net_outputs outputs = {NULL, ws->wide};
    double value;
    ovp_status status = OVP_OK;
    OVP_TRY(check(ws, batch, OVP_CAN_HVP, "hvp"));
    if (!ws->rates) OVP_TRY(ovp_alloc(ws->ctx, &ws->rates, 2 * ws->rows * c, ovp_numeric_type_size(m->type)));
    void *jv = ws->rates, *rdf = ovp_net_at(m->type, ws->rates, ws->rows * c);
    OVP_TRY(m->engine->tangent(ws, batch, theta, v, ws->f, jv));
    OVP_TRY(ovp_net_loss_of(ws->ctx, targets, m->type, rows, c, &outputs, loss ? loss : &value, ws->df));
    OVP_TRY((m->type == OVP_F32 ? ovp_net_loss_second_f32 : ovp_net_loss_second_f64)(ws->ctx, targets, rows, c,
                                                                                     ws->wide, jv, rdf));
    OVP_TRY(m->engine->second(ws, batch, theta, v, ws->df, rdf, out));
done:
    return status;
}

ovp_status ovp_net_jacobian(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, ovp_idx first,
                            ovp_idx count, void *out) {
    ovp_status status = check(ws, batch, OVP_CAN_JACOBIAN, "jacobian");
    if (status != OVP_OK) return status;
    if (first < 0 || count < 1 || first >= batch->rows || count > batch->rows - first)
        return ovp_fail(ws->ctx, OVP_EINVAL, "jacobian: %lld samples from %lld on; the batch has samples 0..%lld",
                        (long long)count, (long long)first, (long long)(batch->rows - 1));
    return ws->model->engine->jacobian(ws, batch, theta, first, count, out);
}

ovp_status ovp_net_factors(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *const *h,
                           void *const *delta) {
    ovp_status status = check(ws, batch, OVP_CAN_FACTORS, "factors");
    return status == OVP_OK ? ws->model->engine->factors(ws, batch, theta, h, delta) : status;
}
