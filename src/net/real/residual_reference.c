/* Residual nets, the reference: one sample after the other, everything in f64, in the order of the formulas of
 * residual_int.h. Samples are shared out in at most eight groups by their number alone, each with a gradient of its
 * own; these are added in order. Slow, and stays for ever; its derivatives along directions serve the tile engine too.
 */
#include "net/residual_int.h"
#include "numeric/real.h"

#include <string.h>

enum { GROUPS = OVP_NET_RESIDUAL_GROUPS, LEAST = 16 /* samples of a group */ };

/* A vector of a sample and its derivative along v. */
typedef struct dual {
    double *value, *rate;
} dual;

/* Of one group: h (layers + 1), z and t of every layer, the vector that goes back through the layers, another, the
 * layer's two matrices, and sums of gradients. */
typedef struct room {
    dual h, z, t, g, u, a, b;
    double *sum;
    ovp_idx total;
} room;

static dual pair(double *base, ovp_idx *at, ovp_idx n) {
    const dual d = {base ? base + *at : NULL, base ? base + *at + n : NULL};
    *at += 2 * n;
    return d;
}

static room room_of(const ovp_net_residual *m, double *base) {
    const ovp_idx d = m->dim, all = m->layers * d;
    room r = {.total = 0};
    r.h = pair(base, &r.total, all + d);
    r.z = pair(base, &r.total, all);
    r.t = pair(base, &r.total, all);
    r.g = pair(base, &r.total, d);
    r.u = pair(base, &r.total, d);
    r.a = pair(base, &r.total, d * d);
    r.b = pair(base, &r.total, d * d);
    r.sum = base ? base + r.total : NULL;
    r.total += all * d;
    return r;
}

static ovp_idx group_count(ovp_idx rows) {
    const ovp_idx groups = (rows + LEAST - 1) / LEAST;
    return groups < GROUPS ? groups : GROUPS;
}

static ovp_status make_rooms(ovp_net_workspace *ws) {
    const room r = room_of(ovp_net_residual_of(ws->model), NULL);
    if (ws->second) return OVP_OK;
    return ovp_alloc(ws->ctx, &ws->second, group_count(ws->rows) * r.total, sizeof(double));
}

/* One pass over samples first .. first + count. v: derivatives along it are wanted. df: the gradient of sum(df * F),
 * with v of its derivative, of which rdf is part. */
typedef struct pass {
    ovp_net_workspace *ws;
    const ovp_net_residual *m;
    const ovp_net_batch *batch;
    const real *theta, *v, *df, *rdf;
    real *f, *jv, *jacobian;
    ovp_idx first, count, groups;
} pass;

/* ---- a layer --------------------------------------------------------------------------------------- */

/* y = or += w x, or w^T x; w d x d */
static void times(ovp_idx d, const double *w, const double *x, double *y, int add) {
    for (ovp_idx i = 0; i < d; i++) {
        double sum = add ? y[i] : 0;
        for (ovp_idx j = 0; j < d; j++) sum += w[i * d + j] * x[j];
        y[i] = sum;
    }
}

static void times_transposed(ovp_idx d, const double *w, const double *x, double *y, int add) {
    if (!add) memset(y, 0, (size_t)d * sizeof *y);
    for (ovp_idx i = 0; i < d; i++)
        for (ovp_idx j = 0; j < d; j++) y[j] += w[i * d + j] * x[i];
}

/* A and B of layer k at theta, into a and b; whether the kind has them. */
static int has_a(const ovp_net_residual *m) {
    return m->kind != OVP_RES_LINEAR;
}
static int has_b(const ovp_net_residual *m) {
    return m->kind == OVP_RES_LINEAR || m->kind == OVP_RES_INCREMENT;
}

static void load(const ovp_net_residual *m, const real *theta, ovp_idx k, double *a, double *b) {
    const ovp_idx d = m->dim;
    const real *w = theta + k * d * d, *before = k > 0 ? w - d * d : NULL;
    for (ovp_idx i = 0; i < d; i++)
        for (ovp_idx j = 0; j < d; j++) {
            const double here = (double)w[i * d + j], below = before ? (double)before[i * d + j] : 0;
            switch (m->kind) {
            case OVP_RES_SKIP:
            case OVP_RES_NONE:
                a[i * d + j] = here;
                break;
            case OVP_RES_LINEAR:
                b[i * d + j] = here;
                break;
            case OVP_RES_INCREMENT:
                a[i * d + j] = below;
                b[j * d + i] = here - below;
                break;
            }
        }
}

static void load_layer(const pass *p, const room *r, ovp_idx k) {
    load(p->m, p->theta, k, r->a.value, r->b.value);
    if (p->v) load(p->m, p->v, k, r->a.rate, r->b.rate);
}

/* z = A h, t = phi(z), h' = keep h + B t; with v: z' = VA h + A h', t' = phi'(z) z', .. */
static void layer_forward(const pass *p, const room *r, ovp_idx k) {
    const ovp_net_residual *m = p->m;
    const ovp_numeric_activation *act = p->ws->model->act;
    const ovp_idx d = m->dim, at = k * d;
    const double *h = r->h.value + at, *rh = r->h.rate + at;
    double *z = r->z.value + at, *rz = r->z.rate + at, *t = r->t.value + at, *rt = r->t.rate + at;
    load_layer(p, r, k);
    if (has_a(m)) {
        times(d, r->a.value, h, z, 0);
        if (p->v) times(d, r->a.rate, h, rz, 0);
        if (p->v) times(d, r->a.value, rh, rz, 1);
    } else {
        memcpy(z, h, (size_t)d * sizeof *z);
        memcpy(rz, rh, (size_t)d * sizeof *rz);
    }
    for (ovp_idx i = 0; i < d; i++) {
        t[i] = act->phi(z[i]);
        if (p->v) rt[i] = act->dphi(z[i]) * rz[i];
    }
    double *next = r->h.value + at + d, *rnext = r->h.rate + at + d;
    for (ovp_idx i = 0; i < d; i++) {
        const double keep = m->kind == OVP_RES_NONE ? 0 : 1;
        next[i] = keep * h[i] + (has_b(m) ? 0 : m->delta * t[i]);
        if (p->v) rnext[i] = keep * rh[i] + (has_b(m) ? 0 : m->delta * rt[i]);
    }
    if (!has_b(m)) return;
    times(d, r->b.value, t, next, 1);
    if (p->v) times(d, r->b.rate, t, rnext, 1);
    if (p->v) times(d, r->b.value, rt, rnext, 1);
}

/* sum += x y^T to the gradient of A of layer k (that of B, transposed where it is a difference of transposes). */
static void add_a(const pass *p, const room *r, ovp_idx k, const double *x, const double *y) {
    const ovp_idx d = p->m->dim, from = p->m->kind == OVP_RES_INCREMENT ? k - 1 : k;
    for (ovp_idx i = 0; from >= 0 && i < d; i++)
        for (ovp_idx j = 0; j < d; j++) r->sum[(from * d + i) * d + j] += x[i] * y[j];
}

static void add_b(const pass *p, const room *r, ovp_idx k, const double *x, const double *y) {
    const ovp_idx d = p->m->dim;
    for (ovp_idx i = 0; i < d; i++)
        for (ovp_idx j = 0; j < d; j++) {
            if (p->m->kind == OVP_RES_LINEAR) {
                r->sum[(k * d + i) * d + j] += x[i] * y[j];
            } else {
                r->sum[(k * d + j) * d + i] += x[i] * y[j];
                if (k > 0) r->sum[((k - 1) * d + j) * d + i] -= x[i] * y[j];
            }
        }
}

/* dt = B^T g, dB = g t^T, dz = phi'(z) dt, dA = dz h^T, g = keep g + A^T dz; with v the derivative of each, and sums
 * are those of the derivatives. */
static void layer_backward(const pass *p, const room *r, ovp_idx k) {
    const ovp_net_residual *m = p->m;
    const ovp_numeric_activation *act = p->ws->model->act;
    const ovp_idx d = m->dim, at = k * d;
    const double *h = r->h.value + at, *rh = r->h.rate + at, *t = r->t.value + at, *rt = r->t.rate + at;
    const double keep = m->kind == OVP_RES_NONE ? 0 : 1;
    double *g = r->g.value, *rg = r->g.rate, *dz = r->u.value, *rdz = r->u.rate;
    load_layer(p, r, k);
    if (has_b(m)) {
        if (p->v) add_b(p, r, k, rg, t);
        add_b(p, r, k, g, p->v ? rt : t);
        times_transposed(d, r->b.value, g, dz, 0);
        if (p->v) times_transposed(d, r->b.rate, g, rdz, 0);
        if (p->v) times_transposed(d, r->b.value, rg, rdz, 1);
    }
    for (ovp_idx i = 0; i < d; i++) {
        const double z = r->z.value[at + i], slope = act->dphi(z);
        const double dt = has_b(m) ? dz[i] : m->delta * g[i];
        dz[i] = slope * dt;
        if (p->v) {
            const double rdt = has_b(m) ? rdz[i] : m->delta * rg[i];
            rdz[i] = slope * rdt + act->d2phi(z) * r->z.rate[at + i] * dt;
        }
    }
    if (has_a(m)) {
        if (p->v) add_a(p, r, k, rdz, h);
        add_a(p, r, k, dz, p->v ? rh : h);
    }
    for (ovp_idx i = 0; i < d; i++) {
        g[i] = keep * g[i] + (has_a(m) ? 0 : dz[i]);
        if (p->v) rg[i] = keep * rg[i] + (has_a(m) ? 0 : rdz[i]);
    }
    if (!has_a(m)) return;
    times_transposed(d, r->a.value, dz, g, 1);
    if (p->v) times_transposed(d, r->a.rate, dz, rg, 1);
    if (p->v) times_transposed(d, r->a.value, rdz, rg, 1);
}

/* ---- a sample -------------------------------------------------------------------------------------- */

static void sample_forward(const pass *p, const room *r, ovp_idx i) {
    const ovp_net_residual *m = p->m;
    const ovp_idx d = m->dim, c = p->ws->model->outputs;
    const real *h_0 = (const real *)p->batch->own + i * d, *v = m->read_out;
    for (ovp_idx j = 0; j < d; j++) r->h.value[j] = (double)h_0[j];
    if (p->v) memset(r->h.rate, 0, (size_t)d * sizeof *r->h.rate);
    for (ovp_idx k = 0; k < m->layers; k++) layer_forward(p, r, k);
    const double *h = r->h.value + m->layers * d, *rh = r->h.rate + m->layers * d;
    for (ovp_idx o = 0; p->f && o < c; o++) {
        double f = 0, rf = 0;
        for (ovp_idx j = 0; j < d; j++) f += (double)v[o * d + j] * h[j];
        for (ovp_idx j = 0; p->jv && j < d; j++) rf += (double)v[o * d + j] * rh[j];
        p->ws->wide[i * c + o] = f;
        p->f[i * c + o] = (real)f;
        if (p->jv) p->jv[i * c + o] = (real)rf;
    }
}

/* g = V^T df */
static void read_back(const pass *p, const real *df, double *g) {
    const ovp_idx d = p->m->dim;
    const real *v = p->m->read_out;
    memset(g, 0, (size_t)d * sizeof *g);
    for (ovp_idx o = 0; o < p->ws->model->outputs; o++)
        for (ovp_idx j = 0; j < d; j++) g[j] += (double)v[o * d + j] * (double)df[o];
}

static void sample_backward(const pass *p, const room *r, ovp_idx i) {
    const ovp_idx c = p->ws->model->outputs;
    read_back(p, p->df + i * c, r->g.value);
    if (p->rdf) read_back(p, p->rdf + i * c, r->g.rate);
    for (ovp_idx k = p->m->layers - 1; k >= 0; k--) layer_backward(p, r, k);
}

/* Rows of the Jacobian of sample i: the way back from each output. */
static void sample_rows(const pass *p, const room *r, ovp_idx i) {
    const ovp_idx d = p->m->dim, c = p->ws->model->outputs, parameters = p->ws->model->parameters;
    const real *v = p->m->read_out;
    for (ovp_idx o = 0; o < c; o++) {
        real *row = p->jacobian + ((i - p->first) * c + o) * parameters;
        memset(r->sum, 0, (size_t)parameters * sizeof *r->sum);
        for (ovp_idx j = 0; j < d; j++) r->g.value[j] = (double)v[o * d + j];
        for (ovp_idx k = p->m->layers - 1; k >= 0; k--) layer_backward(p, r, k);
        for (ovp_idx q = 0; q < parameters; q++) row[q] = (real)r->sum[q];
    }
}

static room group_room(const pass *p, ovp_idx g) {
    const ovp_idx total = room_of(p->m, NULL).total;
    return room_of(p->m, (double *)p->ws->second + g * total);
}

static ovp_status group(ovp_ctx *ctx, void *arg, ovp_idx g) {
    const pass *p = arg;
    const room r = group_room(p, g);
    ovp_status status = OVP_OK;
    if (p->df) memset(r.sum, 0, (size_t)p->ws->model->parameters * sizeof *r.sum);
    for (ovp_idx i = g * p->count / p->groups; status == OVP_OK && i < (g + 1) * p->count / p->groups; i++) {
        sample_forward(p, &r, p->first + i);
        if (p->df) sample_backward(p, &r, i);
        if (p->jacobian) sample_rows(p, &r, p->first + i);
        status = ovp_check(ctx);
    }
    return status;
}

static ovp_status run(pass *p) {
    ovp_status status = make_rooms(p->ws);
    p->m = ovp_net_residual_of(p->ws->model);
    p->groups = group_count(p->count);
    return status == OVP_OK ? ovp_parallel(p->ws->ctx, p->groups, group, p) : status;
}

/* The groups' sums, added and rounded piece by piece. */
static void deliver(const pass *p, const ovp_net_sink *sink) {
    enum { PIECE = 512 };
    const ovp_idx parameters = p->ws->model->parameters;
    for (ovp_idx first = 0; first < parameters; first += PIECE) {
        const ovp_idx n = parameters - first < PIECE ? parameters - first : PIECE;
        double sum[PIECE] = {0};
        real piece[PIECE];
        for (ovp_idx g = 0; g < p->groups; g++) {
            const double *part = group_room(p, g).sum + first;
            for (ovp_idx i = 0; i < n; i++) sum[i] += part[i];
        }
        for (ovp_idx i = 0; i < n; i++) piece[i] = (real)sum[i];
        ovp_net_sink_range(p->ws->model, p->ws->ctx, sink, first, n, 1, piece);
    }
}

/* ---- the operations -------------------------------------------------------------------------------- */

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    pass p = {.ws = ws, .batch = batch, .theta = theta, .f = f, .count = batch->rows};
    return run(&p);
}

static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    pass p = {.ws = ws, .batch = batch, .theta = theta, .df = df, .count = batch->rows};
    ovp_status status = run(&p);
    if (status == OVP_OK) deliver(&p, sink);
    return status;
}

ovp_status OVP_REAL(ovp_net_residual_tangent)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                              const void *v, void *f, void *jv) {
    pass p = {.ws = ws, .batch = batch, .theta = theta, .v = v, .f = f, .jv = jv, .count = batch->rows};
    return run(&p);
}

/* Goes forward again, sample by sample: what a tangent pass found is never kept. */
ovp_status OVP_REAL(ovp_net_residual_second)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                             const void *v, const void *df, const void *rdf, void *out) {
    const ovp_net_sink sink = {out, NULL, NULL};
    pass p = {.ws = ws, .batch = batch, .theta = theta, .v = v, .df = df, .rdf = rdf, .count = batch->rows};
    ovp_status status = run(&p);
    if (status == OVP_OK) deliver(&p, &sink);
    return status;
}

ovp_status OVP_REAL(ovp_net_residual_jacobian)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                               ovp_idx first, ovp_idx count, void *out) {
    pass p = {.ws = ws, .batch = batch, .theta = theta, .jacobian = out, .first = first, .count = count};
    return run(&p);
}

static ovp_status prepare(ovp_net_workspace *ws) {
    return make_rooms(ws);
}

const ovp_net_engine OVP_REAL(ovp_net_residual_reference) = {.name = "reference",
                                                             .bind = ovp_net_residual_bind,
                                                             .refresh = OVP_REAL(ovp_net_residual_refresh),
                                                             .prepare = prepare,
                                                             .forward = forward,
                                                             .backward = backward,
                                                             .tangent = OVP_REAL(ovp_net_residual_tangent),
                                                             .second = OVP_REAL(ovp_net_residual_second),
                                                             .jacobian = OVP_REAL(ovp_net_residual_jacobian)};
