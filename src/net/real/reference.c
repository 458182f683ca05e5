/* The reference engine: scalar loops in the order of the formulas, sums in f64. Slow, and stays for ever: every other
 * engine is tested against it. */
#include "net/net_int.h"
#include "numeric/real.h"

static ovp_status prepare(ovp_net_workspace *ws) {
    const ovp_net_model *m = ws->model;
    ovp_status status = OVP_OK;
    ovp_idx widest = 1;
    for (ovp_idx l = 0; l < m->layers; l++)
        if (m->layer[l].in > widest) widest = m->layer[l].in;
    for (ovp_idx l = 1; l < m->layers; l++) {
        ws->stride[l] = m->layer[l].in;
        OVP_TRY(ovp_alloc(ws->ctx, &ws->a[l], ws->rows * ws->stride[l], sizeof(real)));
        OVP_TRY(ovp_alloc(ws->ctx, &ws->z[l], ws->rows * ws->stride[l], sizeof(real)));
    }
    OVP_TRY(ovp_alloc(ws->ctx, &ws->engine, widest, sizeof(real)));
done:
    return status;
}

/* z = weight_scale W a + bias_scale b, h = phi(z) */
static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta_, void *f) {
    const ovp_net_model *m = ws->model;
    const real *theta = theta_;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        const real *in = l == 0 ? batch->x : ws->a[l];
        for (ovp_idx i = 0; i < batch->rows; i++) {
            for (ovp_idx o = 0; o < y->out; o++) {
                double z = y->bias >= 0 ? y->bias_scale * (double)theta[y->bias + o] : 0;
                for (ovp_idx k = 0; k < y->in; k++)
                    z += y->weight_scale * (double)theta[y->weight + o * y->in + k] * (double)in[i * y->in + k];
                if (l + 1 == m->layers) {
                    ws->wide[i * y->out + o] = z;
                    ((real *)f)[i * y->out + o] = (real)z;
                } else {
                    ((real *)ws->z[l + 1])[i * y->out + o] = (real)z;
                    ((real *)ws->a[l + 1])[i * y->out + o] = (real)m->act->phi((double)(real)z);
                }
            }
        }
        ovp_status status = ovp_check(ws->ctx);
        if (status != OVP_OK) return status;
    }
    return OVP_OK;
}

/* dW = weight_scale dz^T a, db = bias_scale sum dz, da = weight_scale dz W, dz' = da phi'(z') */
static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta_, const void *df,
                           const ovp_net_sink *sink) {
    const ovp_net_model *m = ws->model;
    const real *theta = theta_;
    real *row = ws->engine;
    for (ovp_idx l = m->layers - 1; l >= 0; l--) {
        const ovp_net_layer *y = &m->layer[l];
        const real *in = l == 0 ? batch->x : ws->a[l];
        const real *dz = l + 1 == m->layers ? df : ws->z[l + 1];
        /* The input's gradient needs the weights before the sink may change them; it replaces z of the layer below. */
        for (ovp_idx i = 0; l > 0 && i < batch->rows; i++)
            for (ovp_idx k = 0; k < y->in; k++) {
                double da = 0;
                for (ovp_idx o = 0; o < y->out; o++)
                    da += (double)dz[i * y->out + o] * (double)theta[y->weight + o * y->in + k];
                real *z = (real *)ws->z[l] + i * y->in + k;
                *z = (real)(y->weight_scale * da * m->act->dphi((double)*z));
            }
        for (ovp_idx o = 0; o < y->out; o++) {
            for (ovp_idx k = 0; k < y->in; k++) {
                double g = 0;
                for (ovp_idx i = 0; i < batch->rows; i++) g += (double)dz[i * y->out + o] * (double)in[i * y->in + k];
                row[k] = (real)(y->weight_scale * g);
            }
            ovp_net_sink_range(m, ws->ctx, sink, y->weight + o * y->in, y->in, y->lr_scale, row);
            if (y->bias < 0) continue;
            double g = 0;
            for (ovp_idx i = 0; i < batch->rows; i++) g += (double)dz[i * y->out + o];
            row[0] = (real)(y->bias_scale * g);
            ovp_net_sink_range(m, ws->ctx, sink, y->bias + o, 1, y->lr_scale, row);
        }
        ovp_status status = ovp_check(ws->ctx);
        if (status != OVP_OK) return status;
    }
    return OVP_OK;
}

const ovp_net_engine OVP_REAL(ovp_net_reference) = {.name = "reference",
                                                    .prepare = prepare,
                                                    .forward = forward,
                                                    .backward = backward,
                                                    .tangent = OVP_REAL(ovp_net_reference_tangent),
                                                    .second = OVP_REAL(ovp_net_reference_second),
                                                    .jacobian = OVP_REAL(ovp_net_reference_jacobian),
                                                    .factors = OVP_REAL(ovp_net_reference_factors)};
