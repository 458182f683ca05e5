/* Derivatives along a direction for dense nets with weights [in][out]: the outputs' (forward mode), and the gradient's
 * (forward over reverse, Pearlmutter 1994). R{.} is the derivative along v.
 *
 * One parallel region a layer, one task a block of rows x units, each written by one task; sums over rows or units are
 * one BLAS call's or run in order, so the bits do not depend on the number of threads. Buffers: ws->second. */
#include "net/real/layerwise_int.h"

#include <string.h>

enum { NARROW = OVP_NET_NARROW, NARROW_ROWS = 32 };

typedef OVP_REAL(ovp_net_side) side;

static ovp_idx stride_of(const ovp_net_model *m, ovp_idx l) {
    return (m->layer[l].in + 15) / 16 * 16;
}

static int is_narrow(const ovp_net_model *m) {
    return m->outputs <= NARROW;
}

/* Elements of ws->second before hidden layer l; l = layers: before the extra buffer. */
static ovp_idx offset_of(const ovp_net_workspace *ws, ovp_idx l) {
    ovp_idx at = 0;
    for (ovp_idx k = 1; k < l; k++) at += 4 * ws->rows * stride_of(ws->model, k);
    return at;
}

/* Of hidden layer l, l >= 1. In `second` ra becomes dL/dz and rz its derivative. */
static side side_of(const ovp_net_workspace *ws, ovp_idx l) {
    real *at = (real *)ws->second + offset_of(ws, l);
    const ovp_idx n = ws->rows * stride_of(ws->model, l);
    return (side){at + n, at, at + n, at + 2 * n, at + 3 * n, stride_of(ws->model, l)};
}

/* R{dL/da} of one layer: room for the widest. */
static real *extra(const ovp_net_workspace *ws) {
    return (real *)ws->second + offset_of(ws, ws->model->layers);
}

static ovp_idx widest(const ovp_net_model *m) {
    ovp_idx most = 0;
    for (ovp_idx l = 1; l < m->layers; l++) most = stride_of(m, l) > most ? stride_of(m, l) : most;
    return most;
}

/* The last layer of theta and of v in 16 columns, the operand of narrow products. */
static real *padded(const ovp_net_workspace *ws) {
    return extra(ws) + ws->rows * widest(ws->model);
}

static ovp_status make_buffers(ovp_net_workspace *ws) {
    const ovp_net_model *m = ws->model;
    if (ws->second) return OVP_OK;
    const ovp_idx last = is_narrow(m) ? 2 * m->layer[m->layers - 1].in * NARROW : 0;
    return ovp_alloc(ws->ctx, &ws->second, offset_of(ws, m->layers) + ws->rows * widest(m) + last, sizeof(real));
}

/* One parallel region's view. */
typedef struct pass {
    ovp_net_workspace *ws;
    const ovp_net_batch *batch;
    const ovp_net_model *m;
    const real *theta, *v;
    const real *dz, *rdz; /* dL/dz of layer l and its derivative, ld elements between rows */
    ovp_idx ld;
    real *f, *jv, *out;
    ovp_idx l;
    ovp_net_cut rows, units; /* of the region's blocks */
} pass;

static void advance(real **p, ovp_idx n) {
    if (*p) *p += n;
}

/* The same side from row r0 on. */
static side from_row(side s, ovp_idx r0) {
    s.a += r0 * s.ld;
    advance(&s.z, r0 * s.ld);
    advance(&s.phi, r0 * s.ld);
    advance(&s.rz, r0 * s.ld);
    advance(&s.ra, r0 * s.ld);
    return s;
}

static side input_side(const pass *s) {
    return s->l > 0 ? side_of(s->ws, s->l) : (side){.a = s->batch->x, .ld = s->m->inputs};
}

/* ---- forward --------------------------------------------------------------------------------------- */

static void add_scaled(ovp_idx n, double scale, const real *b, real *z) {
    for (ovp_idx j = 0; j < n; j++) z[j] += (real)scale * b[j];
}

void OVP_REAL(ovp_net_layerwise_units)(ovp_ctx *worker, const ovp_net_model *m, ovp_idx l, const real *theta,
                                       const real *v, ovp_idx rows, ovp_idx u0, ovp_idx width, const side *in,
                                       const side *out) {
    const ovp_net_layer *y = &m->layer[l];
    const real *w = theta + y->weight + u0;
    ovp_numeric_gemm(OVP_REAL_TYPE, 0, 0, rows, width, y->in, y->weight_scale, in->a, in->ld, w, y->out, 0, out->z + u0,
                     out->ld);
    if (v)
        ovp_numeric_gemm(OVP_REAL_TYPE, 0, 0, rows, width, y->in, y->weight_scale, in->a, in->ld, v + y->weight + u0,
                         y->out, 0, out->rz + u0, out->ld);
    if (v && in->ra)
        ovp_numeric_gemm(OVP_REAL_TYPE, 0, 0, rows, width, y->in, y->weight_scale, in->ra, in->ld, w, y->out, 1,
                         out->rz + u0, out->ld);
    for (ovp_idx i = 0; i < rows; i++) {
        const ovp_idx at = i * out->ld + u0;
        if (y->bias >= 0) add_scaled(width, y->bias_scale, theta + y->bias + u0, out->z + at);
        if (y->bias >= 0 && v) add_scaled(width, y->bias_scale, v + y->bias + u0, out->rz + at);
        if (!out->phi) continue;
        ovp_numeric_phi(worker, m->act, OVP_REAL_TYPE, width, out->z + at, out->phi + at);
        if (!v) continue;
        memcpy(out->ra + at, out->rz + at, (size_t)width * sizeof(real));
        ovp_numeric_dphi_mul(worker, m->act, OVP_REAL_TYPE, width, (m->act->from_output ? out->phi : out->z) + at,
                             out->ra + at);
    }
}

static ovp_status forward_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    const ovp_idx row = task / s->units.count, unit = task % s->units.count;
    const ovp_idx r0 = ovp_net_cut_begin(&s->rows, row), n = ovp_net_cut_size(&s->rows, row);
    const ovp_idx u0 = ovp_net_cut_begin(&s->units, unit), width = ovp_net_cut_size(&s->units, unit);
    const int last = s->l + 1 == s->m->layers;
    const ovp_idx c = s->m->outputs;
    const side in = from_row(input_side(s), r0);
    const side out = from_row(last ? (side){.a = s->f, .z = s->f, .rz = s->jv, .ld = c} : side_of(s->ws, s->l + 1), r0);
    OVP_REAL(ovp_net_layerwise_units)(worker, s->m, s->l, s->theta, s->v, n, u0, width, &in, &out);
    for (ovp_idx i = 0; last && i < n; i++)
        for (ovp_idx j = u0; j < u0 + width; j++) s->ws->wide[(r0 + i) * c + j] = (double)out.z[i * c + j];
    return OVP_OK;
}

/* A few outputs of many units: sums in f64, as forward has them. */
static ovp_status narrow_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    const ovp_net_layer *y = &s->m->layer[s->l];
    const ovp_net_kernels *k = ovp_net_kernels_for(worker, OVP_REAL_TYPE);
    const ovp_idx r0 = task * NARROW_ROWS, left = s->batch->rows - r0, n = left < NARROW_ROWS ? left : NARROW_ROWS;
    const side in = from_row(input_side(s), r0);
    const real *w = padded(s->ws), *v = w + y->in * NARROW;
    __attribute__((aligned(64))) double z[NARROW_ROWS * NARROW] = {0}, rz[NARROW_ROWS * NARROW] = {0};
    k->narrow_forward(n, y->in, in.a, in.ld, w, z);
    k->narrow_forward(n, y->in, in.a, in.ld, v, rz);
    if (in.ra) k->narrow_forward(n, y->in, in.ra, in.ld, w, rz);
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx j = 0; j < y->out; j++) {
            const ovp_idx at = (r0 + i) * y->out + j;
            const double b = y->bias < 0 ? 0 : y->bias_scale * (double)s->theta[y->bias + j];
            const double vb = y->bias < 0 ? 0 : y->bias_scale * (double)s->v[y->bias + j];
            s->ws->wide[at] = y->weight_scale * z[i * NARROW + j] + b;
            s->f[at] = (real)s->ws->wide[at];
            s->jv[at] = (real)(y->weight_scale * rz[i * NARROW + j] + vb);
        }
    return OVP_OK;
}

/* Columns beyond the outputs were zeroed when the buffer was made. */
static void pad_last_layer(const pass *s) {
    const ovp_net_layer *y = &s->m->layer[s->m->layers - 1];
    real *w = padded(s->ws), *v = w + y->in * NARROW;
    for (ovp_idx k = 0; k < y->in; k++) {
        memcpy(w + k * NARROW, s->theta + y->weight + k * y->out, (size_t)y->out * sizeof(real));
        memcpy(v + k * NARROW, s->v + y->weight + k * y->out, (size_t)y->out * sizeof(real));
    }
}

ovp_status OVP_REAL(ovp_net_layerwise_tangent)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                               const void *v, void *f, void *jv) {
    pass s = {.ws = ws, .batch = batch, .m = ws->model, .theta = theta, .v = v, .f = f, .jv = jv};
    const int narrow = is_narrow(s.m), blas = ovp_numeric_blas_begin();
    ovp_status status = OVP_OK;
    OVP_TRY(make_buffers(ws));
    s.rows = ovp_net_cut_of(batch->rows);
    for (s.l = 0; s.l < s.m->layers - narrow; s.l++) {
        s.units = ovp_net_cut_of(s.m->layer[s.l].out);
        OVP_TRY(ovp_parallel(ws->ctx, s.rows.count * s.units.count, forward_task, &s));
    }
    if (!narrow) goto done;
    pad_last_layer(&s);
    OVP_TRY(ovp_parallel(ws->ctx, (batch->rows + NARROW_ROWS - 1) / NARROW_ROWS, narrow_task, &s));
done:
    ovp_numeric_blas_end(blas);
    return status;
}

/* ---- backward -------------------------------------------------------------------------------------- */

static void bias_second(const pass *s, ovp_idx u0, ovp_idx width) {
    const ovp_net_layer *y = &s->m->layer[s->l];
    double sum[OVP_NET_BLOCK] = {0};
    for (ovp_idx i = 0; i < s->batch->rows; i++)
        for (ovp_idx j = 0; j < width; j++) sum[j] += (double)s->rdz[i * s->ld + u0 + j];
    for (ovp_idx j = 0; j < width; j++) s->out[y->bias + u0 + j] = (real)(y->bias_scale * sum[j]);
}

/* R{dW} = s_w (a^T R{dz} + R{a}^T dz), a block of inputs (s->rows) x units; R{db} with the first inputs. */
static ovp_status weight_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    const ovp_net_layer *y = &s->m->layer[s->l];
    const ovp_idx row = task / s->units.count, unit = task % s->units.count;
    const ovp_idx k0 = ovp_net_cut_begin(&s->rows, row), n = ovp_net_cut_size(&s->rows, row);
    const ovp_idx u0 = ovp_net_cut_begin(&s->units, unit), width = ovp_net_cut_size(&s->units, unit);
    const side in = input_side(s);
    real *g = s->out + y->weight + k0 * y->out + u0;
    (void)worker;
    ovp_numeric_gemm(OVP_REAL_TYPE, 1, 0, n, width, s->batch->rows, y->weight_scale, in.a + k0, in.ld, s->rdz + u0,
                     s->ld, 0, g, y->out);
    if (in.ra)
        ovp_numeric_gemm(OVP_REAL_TYPE, 1, 0, n, width, s->batch->rows, y->weight_scale, in.ra + k0, in.ld, s->dz + u0,
                         s->ld, 1, g, y->out);
    if (row == 0 && y->bias >= 0) bias_second(s, u0, width);
    return OVP_OK;
}

/* With da = s_w dz W^T: dz' = da phi'(z'), R{dz'} = R{da} phi'(z') + da phi''(z') R{z'}; a block of rows x inputs of
 * layer l, which are units of the one below. */
static ovp_status input_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    const ovp_net_layer *y = &s->m->layer[s->l];
    const ovp_numeric_activation *act = s->m->act;
    const ovp_idx row = task / s->units.count, unit = task % s->units.count;
    const ovp_idx r0 = ovp_net_cut_begin(&s->rows, row), n = ovp_net_cut_size(&s->rows, row);
    const ovp_idx u0 = ovp_net_cut_begin(&s->units, unit), width = ovp_net_cut_size(&s->units, unit);
    const side below = from_row(side_of(s->ws, s->l), r0);
    const ovp_idx w = y->weight + u0 * y->out;
    const real *dz = s->dz + r0 * s->ld, *rdz = s->rdz + r0 * s->ld;
    real *da = below.ra + u0, *rda = extra(s->ws) + r0 * below.ld + u0;
    ovp_numeric_gemm(OVP_REAL_TYPE, 0, 1, n, width, y->out, y->weight_scale, dz, s->ld, s->theta + w, y->out, 0, da,
                     below.ld);
    ovp_numeric_gemm(OVP_REAL_TYPE, 0, 1, n, width, y->out, y->weight_scale, rdz, s->ld, s->theta + w, y->out, 0, rda,
                     below.ld);
    ovp_numeric_gemm(OVP_REAL_TYPE, 0, 1, n, width, y->out, y->weight_scale, dz, s->ld, s->v + w, y->out, 1, rda,
                     below.ld);
    for (ovp_idx i = 0; i < n; i++) {
        const ovp_idx at = i * below.ld;
        const real *z = below.z + at + u0, *kept = act->from_output ? below.a + at + u0 : z;
        real *rz = below.rz + at + u0;
        for (ovp_idx j = 0; j < width; j++)
            rz[j] = (real)((double)da[at + j] * act->d2phi((double)z[j]) * (double)rz[j]);
        ovp_numeric_dphi_mul(worker, act, OVP_REAL_TYPE, width, kept, da + at);
        ovp_numeric_dphi_mul(worker, act, OVP_REAL_TYPE, width, kept, rda + at);
        for (ovp_idx j = 0; j < width; j++) rz[j] += rda[at + j];
    }
    return OVP_OK;
}

ovp_status OVP_REAL(ovp_net_layerwise_second)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                              const void *v, const void *df, const void *rdf, void *out) {
    pass s = {.ws = ws, .batch = batch, .m = ws->model, .theta = theta, .v = v, .dz = df, .rdz = rdf, .out = out};
    const int blas = ovp_numeric_blas_begin();
    ovp_status status = OVP_OK;
    s.ld = s.m->outputs;
    for (s.l = s.m->layers - 1; s.l >= 0; s.l--) {
        s.rows = ovp_net_cut_of(s.m->layer[s.l].in);
        s.units = ovp_net_cut_of(s.m->layer[s.l].out);
        OVP_TRY(ovp_parallel(ws->ctx, s.rows.count * s.units.count, weight_task, &s));
        if (s.l == 0) break;
        s.units = s.rows;
        s.rows = ovp_net_cut_of(batch->rows);
        OVP_TRY(ovp_parallel(ws->ctx, s.rows.count * s.units.count, input_task, &s));
        const side below = side_of(ws, s.l);
        s.dz = below.ra;
        s.rdz = below.rz;
        s.ld = below.ld;
    }
done:
    ovp_numeric_blas_end(blas);
    return status;
}
