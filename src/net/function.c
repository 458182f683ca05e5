/* A model given as a C function of the weights. Samples one after the other, everything in f64; results are rounded to
 * the model's type at the end. */
#include "net/net_int.h"

#include <stdio.h>
#include <string.h>

/* ws->engine: theta, v, a gradient (P each), one sample and its derivatives. */
typedef struct rooms {
    double *theta, *v, *sum, *x, *jacobian, *hessian;
    void *grad; /* of the model's type, for the sink */
    ovp_idx total;
} rooms;

static const ovp_net_function *function_of(const ovp_net_model *m) {
    return m->own;
}

static rooms rooms_of(const ovp_net_model *m, double *base) {
    const ovp_net_function *f = function_of(m);
    const ovp_idx p = m->parameters, c = m->outputs;
    const ovp_idx sizes[] = {p, p, p, m->inputs, c * p, f->has_hessian ? c * p * p : 0, p};
    double *at[7];
    ovp_idx total = 0;
    for (int i = 0; i < 7; i++) {
        at[i] = base ? base + total : NULL;
        total += sizes[i];
    }
    return (rooms){at[0], at[1], at[2], at[3], at[4], f->has_hessian ? at[5] : NULL, at[6], total};
}

static ovp_status prepare(ovp_net_workspace *ws) {
    return ovp_alloc(ws->ctx, &ws->engine, rooms_of(ws->model, NULL).total, sizeof(double));
}

static double get(ovp_numeric_type type, const void *x, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void widen(ovp_numeric_type type, ovp_idx n, const void *x, double *out) {
    for (ovp_idx i = 0; i < n; i++) out[i] = get(type, x, i);
}

static void narrow(ovp_numeric_type type, ovp_idx n, const double *x, void *out) {
    for (ovp_idx i = 0; i < n; i++)
        if (type == OVP_F32)
            ((float *)out)[i] = (float)x[i];
        else
            ((double *)out)[i] = x[i];
}

static ovp_status evaluate(const ovp_net_workspace *ws, const ovp_net_batch *batch, const rooms *r, ovp_idx i,
                           double *f, double *jacobian, double *hessian) {
    const ovp_net_model *m = ws->model;
    const ovp_net_function *function = function_of(m);
    widen(m->type, m->inputs, ovp_net_at(m->type, batch->x, i * m->inputs), r->x);
    ovp_status status = ovp_check(ws->ctx);
    if (status != OVP_OK) return status;
    status = function->evaluate(function->user, m->inputs > 0 ? r->x : NULL, r->theta, f, jacobian, hessian);
    if (status == OVP_OK) return status;
    return ovp_fail(ws->ctx, status, "function model: the function failed at sample %lld (%s)", (long long)i,
                    ovp_status_text(status));
}

/* jv may be NULL: then without the Jacobian. */
static ovp_status outputs_and_rate(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f,
                                   void *jv) {
    const ovp_net_model *m = ws->model;
    const rooms r = rooms_of(m, ws->engine);
    const ovp_idx p = m->parameters, c = m->outputs;
    widen(m->type, p, theta, r.theta);
    for (ovp_idx i = 0; i < batch->rows; i++) {
        ovp_status status = evaluate(ws, batch, &r, i, ws->wide + i * c, jv ? r.jacobian : NULL, NULL);
        if (status != OVP_OK) return status;
        for (ovp_idx k = 0; jv && k < c; k++) {
            double sum = 0;
            for (ovp_idx j = 0; j < p; j++) sum += r.jacobian[k * p + j] * r.v[j];
            narrow(m->type, 1, &sum, ovp_net_at(m->type, jv, i * c + k));
        }
    }
    narrow(m->type, batch->rows * c, ws->wide, f);
    return OVP_OK;
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    return outputs_and_rate(ws, batch, theta, f, NULL);
}

static ovp_status tangent(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v, void *f,
                          void *jv) {
    widen(ws->model->type, ws->model->parameters, v, rooms_of(ws->model, ws->engine).v);
    return outputs_and_rate(ws, batch, theta, f, jv);
}

/* r->sum = sum over samples and outputs of df (Hessian of the output) v + rdf (its gradient); without df the second
 * part alone. theta and v stand widened. */
static ovp_status accumulate(const ovp_net_workspace *ws, const ovp_net_batch *batch, const rooms *r, const void *df,
                             const void *rdf) {
    const ovp_net_model *m = ws->model;
    const ovp_idx p = m->parameters, c = m->outputs;
    memset(r->sum, 0, (size_t)p * sizeof *r->sum);
    for (ovp_idx i = 0; i < batch->rows; i++) {
        ovp_status status = evaluate(ws, batch, r, i, ws->wide + i * c, r->jacobian, df ? r->hessian : NULL);
        if (status != OVP_OK) return status;
        for (ovp_idx k = 0; k < c; k++) {
            const double curve = df ? get(m->type, df, i * c + k) : 0, slope = get(m->type, rdf, i * c + k);
            for (ovp_idx a = 0; a < p; a++) {
                double sum = slope * r->jacobian[k * p + a];
                for (ovp_idx b = 0; df && b < p; b++) sum += curve * r->hessian[(k * p + a) * p + b] * r->v[b];
                r->sum[a] += sum;
            }
        }
    }
    return OVP_OK;
}

static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    const ovp_net_model *m = ws->model;
    const rooms r = rooms_of(m, ws->engine);
    widen(m->type, m->parameters, theta, r.theta);
    ovp_status status = accumulate(ws, batch, &r, NULL, df);
    if (status != OVP_OK) return status;
    narrow(m->type, m->parameters, r.sum, r.grad);
    ovp_net_sink_range(m, ws->ctx, sink, 0, m->parameters, 1, r.grad);
    return OVP_OK;
}

static ovp_status second(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v,
                         const void *df, const void *rdf, void *out) {
    const ovp_net_model *m = ws->model;
    const rooms r = rooms_of(m, ws->engine);
    widen(m->type, m->parameters, theta, r.theta);
    widen(m->type, m->parameters, v, r.v);
    ovp_status status = accumulate(ws, batch, &r, df, rdf);
    if (status == OVP_OK) narrow(m->type, m->parameters, r.sum, out);
    return status;
}

static ovp_status jacobian(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, ovp_idx first,
                           ovp_idx count, void *out) {
    const ovp_net_model *m = ws->model;
    const rooms r = rooms_of(m, ws->engine);
    const ovp_idx values = m->outputs * m->parameters;
    widen(m->type, m->parameters, theta, r.theta);
    for (ovp_idx i = 0; i < count; i++) {
        ovp_status status = evaluate(ws, batch, &r, first + i, ws->wide, r.jacobian, NULL);
        if (status != OVP_OK) return status;
        narrow(m->type, values, r.jacobian, ovp_net_at(m->type, out, i * values));
    }
    return OVP_OK;
}

static const ovp_net_engine engine = {.name = "function",
                                      .prepare = prepare,
                                      .forward = forward,
                                      .backward = backward,
                                      .tangent = tangent,
                                      .second = second,
                                      .jacobian = jacobian};

ovp_status ovp_net_function_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_function *f) {
    *out = NULL;
    ovp_net_model *m = NULL;
    ovp_status status = OVP_OK;
    if (f->inputs < 0 || f->outputs < 1 || f->parameters < 1 || f->inputs > INT32_MAX || f->outputs > INT32_MAX ||
        f->parameters > INT32_MAX)
        return ovp_fail(ctx, OVP_EINVAL,
                        "function model: %lld inputs (from 0), %lld outputs, %lld parameters (from 1); to 2^31-1",
                        (long long)f->inputs, (long long)f->outputs, (long long)f->parameters);
    const double derivatives =
        (double)f->outputs * (double)f->parameters * (f->has_hessian ? (double)f->parameters : 1);
    if (derivatives > 0x1p40)
        return ovp_fail(ctx, OVP_EINVAL,
                        "function model: %g derivatives a sample; at most 2^40: fewer parameters or no Hessian",
                        derivatives);
    if (!f->evaluate) return ovp_fail(ctx, OVP_EINVAL, "function model: evaluate is NULL; give a function");
    if (f->type != OVP_F32 && f->type != OVP_F64)
        return ovp_fail(ctx, OVP_EINVAL, "function model: type must be f32 or f64");
    OVP_TRY(ovp_alloc(ctx, &m, 1, sizeof *m));
    *m = (ovp_net_model){.ctx = ctx,
                         .type = f->type,
                         .inputs = f->inputs,
                         .outputs = f->outputs,
                         .parameters = f->parameters,
                         .engine = &engine,
                         .slice_count = 1,
                         .lacks = f->has_hessian ? 0 : OVP_CAN_HVP};
    OVP_TRY(ovp_alloc(ctx, &m->own, 1, sizeof *f));
    memcpy(m->own, f, sizeof *f);
    OVP_TRY(ovp_alloc(ctx, &m->slices, 1, sizeof *m->slices));
    OVP_TRY(ovp_alloc(ctx, &m->names, 1, sizeof *m->names));
    snprintf(m->names[0], sizeof *m->names, "theta");
    m->slices[0] = (ovp_net_slice){.name = m->names[0],
                                   .role = OVP_ROLE_WEIGHT,
                                   .ndim = 1,
                                   .shape = {f->parameters},
                                   .strides = {1},
                                   .count = f->parameters,
                                   .fan_in = f->parameters,
                                   .fan_out = f->outputs,
                                   .lr_scale = 1,
                                   .multiplier = 1};
    *out = m;
done:
    if (status != OVP_OK) ovp_net_model_free(m);
    return status;
}
