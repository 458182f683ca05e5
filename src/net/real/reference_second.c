/* The reference engine's derivatives: along a direction (jvp), of the gradient along a direction (hvp), and one output
 * at a time (jacobian, factors). Scalar loops in the order of the formulas, sums in f64. */
#include "net/net_int.h"
#include "numeric/real.h"

#include <string.h>

/* Of one hidden layer, rows x width each: pre-activations and activations, then their derivatives along v. In `second`
 * ra becomes dL/dz and rz its derivative; for the Jacobian rz holds one output's gradient. */
typedef struct dual {
    real *z, *a, *rz, *ra;
} dual;

static dual dual_of(const ovp_net_workspace *ws, ovp_idx l) {
    real *at = ws->second;
    for (ovp_idx k = 1; k < l; k++) at += 4 * ws->rows * ws->model->layer[k].in;
    const ovp_idx n = ws->rows * ws->model->layer[l].in;
    return (dual){at, at + n, at + 2 * n, at + 3 * n};
}

static ovp_status make_buffers(ovp_net_workspace *ws) {
    ovp_idx total = 0;
    if (ws->second) return OVP_OK;
    for (ovp_idx l = 1; l < ws->model->layers; l++) total += 4 * ws->rows * ws->model->layer[l].in;
    return ovp_alloc(ws->ctx, &ws->second, total, sizeof(real));
}

/* z = s_w W a + s_b b and, with v, its derivative s_w (W a' + V a) + s_b b'; then a = phi(z), a' = phi'(z) z'. Results
 * of the last layer go to ws->wide, f and jv. The input's a' is 0. */
static void layer_forward(const ovp_net_workspace *ws, ovp_idx l, ovp_idx rows, const real *x, const real *theta,
                          const real *v, real *f, real *jv) {
    const ovp_net_model *m = ws->model;
    const ovp_net_layer *y = &m->layer[l];
    const int last = l + 1 == m->layers;
    const dual below = l > 0 ? dual_of(ws, l) : (dual){0}, here = last ? (dual){0} : dual_of(ws, l + 1);
    const real *a = l > 0 ? below.a : x;
    for (ovp_idx i = 0; i < rows; i++)
        for (ovp_idx o = 0; o < y->out; o++) {
            double z = 0, rz = 0;
            for (ovp_idx k = 0; k < y->in; k++) {
                const ovp_idx w = y->weight + o * y->in + k, at = i * y->in + k;
                z += (double)theta[w] * (double)a[at];
                if (v) rz += (double)v[w] * (double)a[at];
                if (v && l > 0) rz += (double)theta[w] * (double)below.ra[at];
            }
            z *= y->weight_scale;
            rz *= y->weight_scale;
            if (y->bias >= 0) z += y->bias_scale * (double)theta[y->bias + o];
            if (y->bias >= 0 && v) rz += y->bias_scale * (double)v[y->bias + o];
            const ovp_idx at = i * y->out + o;
            if (last) {
                if (f) ws->wide[at] = z;
                if (f) f[at] = (real)z;
                if (jv) jv[at] = (real)rz;
                continue;
            }
            here.z[at] = (real)z;
            here.a[at] = (real)m->act->phi((double)here.z[at]);
            here.rz[at] = (real)rz;
            here.ra[at] = (real)(m->act->dphi((double)here.z[at]) * rz);
        }
}

ovp_status OVP_REAL(ovp_net_reference_tangent)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                               const void *v, void *f, void *jv) {
    ovp_status status = make_buffers(ws);
    for (ovp_idx l = 0; status == OVP_OK && l < ws->model->layers; l++) {
        layer_forward(ws, l, batch->rows, batch->x, theta, v, f, jv);
        status = ovp_check(ws->ctx);
    }
    return status;
}

/* R{dW} = s_w (R{dz}^T a + dz^T a'), R{db} = s_b sum R{dz} */
static void weight_second(const ovp_net_workspace *ws, ovp_idx l, const ovp_net_batch *batch, const real *dz,
                          const real *rdz, real *out) {
    const ovp_net_layer *y = &ws->model->layer[l];
    const dual below = l > 0 ? dual_of(ws, l) : (dual){0};
    const real *a = l > 0 ? below.a : batch->x;
    for (ovp_idx o = 0; o < y->out; o++) {
        for (ovp_idx k = 0; k < y->in; k++) {
            double g = 0;
            for (ovp_idx i = 0; i < batch->rows; i++) {
                g += (double)rdz[i * y->out + o] * (double)a[i * y->in + k];
                if (l > 0) g += (double)dz[i * y->out + o] * (double)below.ra[i * y->in + k];
            }
            out[y->weight + o * y->in + k] = (real)(y->weight_scale * g);
        }
        double g = 0;
        for (ovp_idx i = 0; i < batch->rows; i++) g += (double)rdz[i * y->out + o];
        if (y->bias >= 0) out[y->bias + o] = (real)(y->bias_scale * g);
    }
}

/* With da = s_w W^T dz: dz' = da phi'(z'), R{dz'} = R{da} phi'(z') + da phi''(z') R{z'}. */
static void input_second(const ovp_net_workspace *ws, ovp_idx l, ovp_idx rows, const real *theta, const real *v,
                         const real *dz, const real *rdz) {
    const ovp_net_model *m = ws->model;
    const ovp_net_layer *y = &m->layer[l];
    const dual below = dual_of(ws, l);
    for (ovp_idx i = 0; i < rows; i++)
        for (ovp_idx k = 0; k < y->in; k++) {
            double da = 0, rda = 0;
            for (ovp_idx o = 0; o < y->out; o++) {
                const ovp_idx w = y->weight + o * y->in + k, at = i * y->out + o;
                da += (double)theta[w] * (double)dz[at];
                rda += (double)theta[w] * (double)rdz[at] + (double)v[w] * (double)dz[at];
            }
            da *= y->weight_scale;
            rda *= y->weight_scale;
            const ovp_idx at = i * y->in + k;
            const double z = (double)below.z[at], rz = (double)below.rz[at];
            below.ra[at] = (real)(da * m->act->dphi(z));
            below.rz[at] = (real)(rda * m->act->dphi(z) + da * m->act->d2phi(z) * rz);
        }
}

ovp_status OVP_REAL(ovp_net_reference_second)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                              const void *v, const void *df, const void *rdf, void *out) {
    const real *dz = df, *rdz = rdf;
    for (ovp_idx l = ws->model->layers - 1; l >= 0; l--) {
        weight_second(ws, l, batch, dz, rdz, out);
        if (l == 0) break;
        input_second(ws, l, batch->rows, theta, v, dz, rdz);
        dz = dual_of(ws, l).ra;
        rdz = dual_of(ws, l).rz;
        ovp_status status = ovp_check(ws->ctx);
        if (status != OVP_OK) return status;
    }
    return OVP_OK;
}

/* ---- one output of one sample at a time ------------------------------------------------------------ */

/* Gradient of output k with respect to unit o of z_l, after output_gradient. */
static double delta(const ovp_net_workspace *ws, ovp_idx l, ovp_idx o, ovp_idx k) {
    return l + 1 == ws->model->layers ? o == k : (double)dual_of(ws, l + 1).rz[o];
}

/* delta_(l-1) = s_w W_l^T delta_l phi'(z_(l-1)) for output k of the sample in row 0 of the buffers */
static void output_gradient(const ovp_net_workspace *ws, const real *theta, ovp_idx k) {
    const ovp_net_model *m = ws->model;
    for (ovp_idx l = m->layers - 1; l > 0; l--) {
        const ovp_net_layer *y = &m->layer[l];
        const dual below = dual_of(ws, l);
        for (ovp_idx j = 0; j < y->in; j++) {
            double da = 0;
            for (ovp_idx o = 0; o < y->out; o++) da += (double)theta[y->weight + o * y->in + j] * delta(ws, l, o, k);
            below.rz[j] = (real)(y->weight_scale * da * m->act->dphi((double)below.z[j]));
        }
    }
}

/* h_l of the sample in row 0 of the buffers */
static const real *input_of(const ovp_net_workspace *ws, ovp_idx l, const real *x) {
    return l > 0 ? dual_of(ws, l).a : x;
}

ovp_status OVP_REAL(ovp_net_reference_jacobian)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                                ovp_idx first, ovp_idx count, void *out) {
    const ovp_net_model *m = ws->model;
    ovp_status status = make_buffers(ws);
    for (ovp_idx i = 0; status == OVP_OK && i < count; i++) {
        const real *x = (const real *)batch->x + (first + i) * m->inputs;
        for (ovp_idx l = 0; l < m->layers; l++) layer_forward(ws, l, 1, x, theta, NULL, NULL, NULL);
        for (ovp_idx k = 0; k < m->outputs; k++) {
            real *row = (real *)out + (i * m->outputs + k) * m->parameters;
            output_gradient(ws, theta, k);
            for (ovp_idx l = 0; l < m->layers; l++) {
                const ovp_net_layer *y = &m->layer[l];
                const real *h = input_of(ws, l, x);
                for (ovp_idx o = 0; o < y->out; o++) {
                    const double d = delta(ws, l, o, k);
                    for (ovp_idx j = 0; j < y->in; j++)
                        row[y->weight + o * y->in + j] = (real)(y->weight_scale * d * (double)h[j]);
                    if (y->bias >= 0) row[y->bias + o] = (real)(y->bias_scale * d);
                }
            }
        }
        status = ovp_check(ws->ctx);
    }
    return status;
}

ovp_status OVP_REAL(ovp_net_reference_factors)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                               void *const *h, void *const *deltas) {
    const ovp_net_model *m = ws->model;
    ovp_status status = make_buffers(ws);
    for (ovp_idx i = 0; status == OVP_OK && i < batch->rows; i++) {
        const real *x = (const real *)batch->x + i * m->inputs;
        for (ovp_idx l = 0; l < m->layers; l++) {
            const ovp_idx in = m->layer[l].in;
            memcpy((real *)h[l] + i * in, input_of(ws, l, x), (size_t)in * sizeof(real));
            layer_forward(ws, l, 1, x, theta, NULL, NULL, NULL);
        }
        for (ovp_idx k = 0; k < m->outputs; k++) {
            output_gradient(ws, theta, k);
            for (ovp_idx l = 0; l < m->layers; l++)
                for (ovp_idx o = 0; o < m->layer[l].out; o++)
                    ((real *)deltas[l])[(i * m->outputs + k) * m->layer[l].out + o] = (real)delta(ws, l, o, k);
        }
        status = ovp_check(ws->ctx);
    }
    return status;
}
