/* The Jacobian of dense nets with weights [in][out], one output of one sample a row. The gradient of output k of sample
 * i with respect to W_l is s_w h_il delta_ikl^T: the factors h and delta are computed for some samples at a time, by
 * products whose rows are (sample, output) pairs. Buffers: ws->deltas. */
#include "net/real/layerwise_int.h"

#include <string.h>

enum { PAIRS = 256 }; /* rows of the products */

typedef OVP_REAL(ovp_net_side) side;

typedef struct pass {
    const ovp_net_model *m;
    const real *theta;
    ovp_idx n;                           /* samples now */
    side h[OVP_NET_MAX_LAYERS + 1];      /* n x in of layer l */
    real *delta[OVP_NET_MAX_LAYERS + 1]; /* (n c) x out of layer l */
    real *jacobian;
    ovp_idx l;
    ovp_net_cut rows, units;
} pass;

/* Samples taken at a time. */
static ovp_idx samples_of(const ovp_net_workspace *ws) {
    const ovp_idx n = PAIRS / ws->model->outputs;
    return n < 1 ? 1 : n < ws->rows ? n : ws->rows;
}

/* Points the pass into ws->deltas, which may not be there yet; returns how many elements it needs. */
static ovp_idx lay_out(pass *s, const ovp_net_workspace *ws) {
    const ovp_net_model *m = ws->model;
    const ovp_idx n = samples_of(ws);
    real *base = ws->deltas;
    ovp_idx at = 0;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        s->h[l].ld = y->in;
        if (l > 0 && base) s->h[l] = (side){.a = base + at, .phi = base + at, .z = base + at + n * y->in, .ld = y->in};
        at += l > 0 ? 2 * n * y->in : 0;
        if (base) s->delta[l] = base + at;
        at += n * m->outputs * y->out;
    }
    return at;
}

static ovp_status start(pass *s, ovp_net_workspace *ws, const void *theta) {
    memset(s, 0, sizeof *s);
    s->m = ws->model;
    s->theta = theta;
    ovp_status status = OVP_OK;
    if (!ws->deltas) status = ovp_alloc(ws->ctx, &ws->deltas, lay_out(s, ws), sizeof(real));
    if (status == OVP_OK) lay_out(s, ws);
    return status;
}

static ovp_status hidden_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    OVP_REAL(ovp_net_layerwise_units)
    (worker, s->m, s->l, s->theta, NULL, s->n, ovp_net_cut_begin(&s->units, task), ovp_net_cut_size(&s->units, task),
     &s->h[s->l], &s->h[s->l + 1]);
    return OVP_OK;
}

/* delta_(l-1) = (s_w delta_l W_l^T) phi'(z_(l-1)), a block of pairs x inputs of layer l */
static ovp_status delta_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    const ovp_net_layer *y = &s->m->layer[s->l];
    const ovp_idx row = task / s->units.count, unit = task % s->units.count;
    const ovp_idx r0 = ovp_net_cut_begin(&s->rows, row), n = ovp_net_cut_size(&s->rows, row);
    const ovp_idx u0 = ovp_net_cut_begin(&s->units, unit), width = ovp_net_cut_size(&s->units, unit);
    const side *below = &s->h[s->l];
    real *out = s->delta[s->l - 1] + r0 * y->in + u0;
    ovp_numeric_gemm(OVP_REAL_TYPE, 0, 1, n, width, y->out, y->weight_scale, s->delta[s->l] + r0 * y->out, y->out,
                     s->theta + y->weight + u0 * y->out, y->out, 0, out, y->in);
    for (ovp_idx i = 0; i < n; i++) {
        const ovp_idx sample = (r0 + i) / s->m->outputs;
        const real *kept = (s->m->act->from_output ? below->a : below->z) + sample * below->ld + u0;
        ovp_numeric_dphi_mul(worker, s->m->act, OVP_REAL_TYPE, width, kept, out + i * y->in);
    }
    return OVP_OK;
}

/* h and delta of the pass's samples; h[0] stands already. */
static ovp_status find_factors(pass *s, ovp_ctx *ctx) {
    const ovp_idx layers = s->m->layers, c = s->m->outputs;
    ovp_status status = OVP_OK;
    for (s->l = 0; s->l + 1 < layers; s->l++) {
        s->units = ovp_net_cut_of(s->m->layer[s->l].out);
        OVP_TRY(ovp_parallel(ctx, s->units.count, hidden_task, s));
    }
    memset(s->delta[layers - 1], 0, (size_t)(s->n * c * c) * sizeof(real));
    for (ovp_idx i = 0; i < s->n * c; i++) s->delta[layers - 1][i * c + i % c] = 1;
    s->rows = ovp_net_cut_of(s->n * c);
    for (s->l = layers - 1; s->l > 0; s->l--) {
        s->units = ovp_net_cut_of(s->m->layer[s->l].in);
        OVP_TRY(ovp_parallel(ctx, s->rows.count * s->units.count, delta_task, s));
    }
done:
    return status;
}

/* Row (i, k), layer l: s_w h delta^T and s_b delta */
static ovp_status outer_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    const ovp_idx l = task % s->m->layers, pair = task / s->m->layers;
    const ovp_net_layer *y = &s->m->layer[l];
    const real *h = s->h[l].a + pair / s->m->outputs * y->in, *delta = s->delta[l] + pair * y->out;
    real *row = s->jacobian + pair * s->m->parameters;
    (void)worker;
    for (ovp_idx k = 0; k < y->in; k++) {
        const real scaled = (real)(y->weight_scale * (double)h[k]);
        real *to = row + y->weight + k * y->out;
        for (ovp_idx j = 0; j < y->out; j++) to[j] = scaled * delta[j];
    }
    for (ovp_idx j = 0; y->bias >= 0 && j < y->out; j++) row[y->bias + j] = (real)(y->bias_scale * (double)delta[j]);
    return OVP_OK;
}

ovp_status OVP_REAL(ovp_net_layerwise_jacobian)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                                ovp_idx first, ovp_idx count, void *out) {
    const ovp_net_model *m = ws->model;
    const int blas = ovp_numeric_blas_begin();
    ovp_status status = OVP_OK;
    pass s;
    OVP_TRY(start(&s, ws, theta));
    for (ovp_idx i = 0; i < count; i += s.n) {
        s.n = samples_of(ws) < count - i ? samples_of(ws) : count - i;
        s.h[0].a = (const real *)batch->x + (first + i) * m->inputs;
        s.jacobian = (real *)out + i * m->outputs * m->parameters;
        OVP_TRY(find_factors(&s, ws->ctx));
        OVP_TRY(ovp_parallel(ws->ctx, s.n * m->outputs * m->layers, outer_task, &s));
    }
done:
    ovp_numeric_blas_end(blas);
    return status;
}

ovp_status OVP_REAL(ovp_net_layerwise_factors)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                               void *const *h, void *const *delta) {
    const ovp_net_model *m = ws->model;
    const int blas = ovp_numeric_blas_begin();
    ovp_status status = OVP_OK;
    pass s;
    OVP_TRY(start(&s, ws, theta));
    memcpy(h[0], batch->x, (size_t)(batch->rows * m->inputs) * sizeof(real));
    for (ovp_idx i = 0; i < batch->rows; i += s.n) {
        s.n = samples_of(ws) < batch->rows - i ? samples_of(ws) : batch->rows - i;
        for (ovp_idx l = 0; l < m->layers; l++) { /* z stays in the buffers, the rest is the caller's */
            s.h[l].phi = (real *)h[l] + i * m->layer[l].in;
            s.h[l].a = s.h[l].phi;
            s.delta[l] = (real *)delta[l] + i * m->outputs * m->layer[l].out;
        }
        OVP_TRY(find_factors(&s, ws->ctx));
    }
done:
    ovp_numeric_blas_end(blas);
    return status;
}
