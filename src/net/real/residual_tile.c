/* The tile engine of residual nets: a chunk of samples goes through all layers forward and straight back, so that what
 * is kept of it stays in the second-level cache; features are in the lanes (docs/engines.md). Chunks are dealt to at
 * most eight groups by shapes alone, each with its own partial gradient; the partials are added in order, layer by
 * layer, on the way into the sink. So results do not depend on threads. */
#include "net/residual_tile_int.h"
#include "numeric/real.h"

#include <string.h>

enum { GROUPS = OVP_NET_RESIDUAL_GROUPS, BLOCK = OVP_NET_RESIDUAL_BLOCK, PAD = 64 / (int)sizeof(real) };
enum { SEGMENT = 8, LAYERS = 32 /* that a task prepares or delivers */ };

/* ws->engine. Offsets are elements of `data`. */
typedef struct tile {
    ovp_idx width, outs;                /* dim and outputs, rounded up to whole registers of every level */
    ovp_idx samples;                    /* of a chunk */
    ovp_idx layer;                      /* elements of one block's weights: dim x width */
    ovp_idx rows, cols;                 /* W_k and its transpose, k from 0; zeros stand before the first */
    ovp_idx out, out_rows;              /* V and its transpose */
    ovp_idx partial, scratch, worker;   /* partial gradients; the workers' scratch, elements of one */
    ovp_idx h, s, t, g, dz, f, b, turn; /* within a worker's scratch: see `chunk` */
    int rebuilds;                       /* h_k is kept of every SEGMENT-th layer alone */
    double loss[GROUPS];
    real *data;
} tile;

/* One pass over a batch. */
typedef struct run {
    ovp_net_workspace *ws;
    const ovp_net_model *model;
    const ovp_net_residual *m;
    const ovp_net_batch *batch;
    const ovp_net_targets *targets; /* NULL: df is given, or only outputs are wanted */
    const ovp_net_residual_kernels *k;
    tile *t;
    const real *theta, *df; /* df: rows x c or NULL */
    real *f;
    double scale; /* d(loss) / d(sum of the samples' terms) */
    ovp_idx groups;
    int backward, from_output, is_tanh;
    const ovp_net_residual_fused *fused; /* NULL: not for this net or processor level */
    const ovp_net_sink *sink;
} run;

/* Samples first .. first + count, `padded` with zeros. Kept layer by layer: h_k and s_k, which is what phi' comes from
 * (phi(z) or z). `turn`: SEGMENT - 1 rooms for h where it is not kept. */
typedef struct chunk {
    ovp_ctx *ctx;
    ovp_idx first, count, padded, size; /* size: padded x width */
    real *h, *s, *t, *g, *dz, *f, *b, *turn, *gradient;
    double loss;
} chunk;

static ovp_idx pad(ovp_idx n) {
    return (n + PAD - 1) / PAD * PAD;
}

static ovp_idx take(ovp_idx *at, ovp_idx count) {
    const ovp_idx offset = *at;
    *at += pad(count);
    return offset;
}

static int has_a(const ovp_net_residual *m) {
    return m->kind != OVP_RES_LINEAR;
}
static int has_b(const ovp_net_residual *m) {
    return m->kind == OVP_RES_LINEAR || m->kind == OVP_RES_INCREMENT;
}

/* ---- plan ------------------------------------------------------------------------------------------- */

/* h' = keep h + delta t: where t is kept, h of every SEGMENT-th layer is enough; between them it is made again, by the
 * same operations. */
static int rebuilds(const ovp_net_model *model) {
    return !has_b(ovp_net_residual_of(model)) && model->act->from_output;
}

/* Samples of which about KEPT bytes are kept; but a block at least: in very deep nets that is as much as a copy or two
 * of the weights. */
static ovp_idx chunk_samples(const ovp_net_model *model, ovp_idx width, ovp_idx rows) {
    enum { KEPT = 1 << 21, MOST = 8 * BLOCK };
    const ovp_idx layers = ovp_net_residual_of(model)->layers;
    const ovp_idx vectors = rebuilds(model) ? layers + layers / SEGMENT : 2 * layers;
    ovp_idx samples = KEPT / (vectors * width * (ovp_idx)sizeof(real)) / BLOCK * BLOCK;
    if (samples < BLOCK) samples = BLOCK;
    if (samples > MOST) samples = MOST;
    const ovp_idx all = (rows + BLOCK - 1) / BLOCK * BLOCK;
    return samples < all ? samples : all;
}

static ovp_idx group_count(ovp_idx rows) {
    const ovp_idx blocks = (rows + BLOCK - 1) / BLOCK;
    return blocks < GROUPS ? blocks : GROUPS;
}

static ovp_status prepare(ovp_net_workspace *ws) {
    const ovp_net_residual *m = ovp_net_residual_of(ws->model);
    ovp_status status = ovp_alloc(ws->ctx, &ws->engine, 1, sizeof(tile));
    if (status != OVP_OK) return status;
    tile *t = ws->engine;
    t->width = pad(m->dim);
    t->outs = pad(ws->model->outputs);
    t->samples = chunk_samples(ws->model, t->width, ws->rows);
    t->rebuilds = rebuilds(ws->model);
    t->layer = m->dim * t->width;
    const ovp_idx all = m->layers * t->layer, kept = t->samples * t->width;
    t->h = take(&t->worker, (t->rebuilds ? (m->layers + SEGMENT - 1) / SEGMENT : m->layers + 1) * kept);
    t->turn = take(&t->worker, (SEGMENT - 1) * kept);
    t->s = take(&t->worker, m->layers * kept);
    t->t = take(&t->worker, kept);
    t->g = take(&t->worker, kept);
    t->dz = take(&t->worker, kept);
    t->f = take(&t->worker, t->samples * t->outs);
    t->b = take(&t->worker, t->layer);
    ovp_idx at = 0;
    t->rows = take(&at, all + t->layer) + t->layer;
    t->cols = take(&at, all + t->layer) + t->layer;
    t->out = take(&at, ws->model->outputs * t->width);
    t->out_rows = take(&at, m->dim * t->outs);
    t->partial = take(&at, group_count(ws->rows) * all);
    t->scratch = at;
    return ovp_alloc(ws->ctx, &t->data, at + ovp_threads(ws->ctx) * t->worker, sizeof(real));
}

static void release(ovp_net_workspace *ws) {
    if (ws->engine) ovp_free(ws->ctx, ((tile *)ws->engine)->data);
}

/* Padded copies of a range of blocks and their transposes. */
static ovp_status spread(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const run *r = arg;
    const ovp_idx d = r->m->dim, width = r->t->width;
    const ovp_idx last = (task + 1) * LAYERS < r->m->layers ? (task + 1) * LAYERS : r->m->layers;
    (void)ctx;
    for (ovp_idx k = task * LAYERS; k < last; k++) {
        const real *w = r->theta + k * d * d;
        real *rows = r->t->data + r->t->rows + k * r->t->layer, *cols = r->t->data + r->t->cols + k * r->t->layer;
        for (ovp_idx i = 0; i < d; i++)
            for (ovp_idx j = 0; j < d; j++) cols[j * width + i] = rows[i * width + j] = w[i * d + j];
    }
    return OVP_OK;
}

static ovp_status begin(run *r) {
    const ovp_idx d = r->m->dim, c = r->model->outputs;
    const real *v = r->m->read_out;
    real *out = r->t->data + r->t->out, *out_rows = r->t->data + r->t->out_rows;
    for (ovp_idx o = 0; o < c; o++)
        for (ovp_idx j = 0; j < d; j++) out[o * r->t->width + j] = out_rows[j * r->t->outs + o] = v[o * d + j];
    return ovp_parallel(r->ws->ctx, (r->m->layers + LAYERS - 1) / LAYERS, spread, r);
}

/* ---- layers ----------------------------------------------------------------------------------------- */

static const real *rows_of(const run *r, ovp_idx k) {
    return r->t->data + r->t->rows + k * r->t->layer;
}
static const real *cols_of(const run *r, ovp_idx k) {
    return r->t->data + r->t->cols + k * r->t->layer;
}

/* W_k - W_k-1 (of, at k and k - 1) into to */
static const real *difference(const run *r, const real *of, real *to) {
    const real *before = of - r->t->layer;
    for (ovp_idx i = 0; i < r->t->layer; i++) to[i] = of[i] - before[i];
    return to;
}

/* The block whose weights are A. */
static ovp_idx inner(const run *r, ovp_idx k) {
    return r->m->kind == OVP_RES_INCREMENT ? k - 1 : k;
}

static void phi(const run *r, const chunk *c, const real *z, real *t) {
    ovp_numeric_phi(c->ctx, r->model->act, OVP_REAL_TYPE, c->size, z, t);
}

/* h' from h; s: where what phi' comes from is kept. */
static void layer_forward(const run *r, const chunk *c, ovp_idx k, const real *h, real *s, real *next) {
    const ovp_net_residual *m = r->m;
    const ovp_idx d = m->dim, width = r->t->width;
    const real *z = h;
    real *t = r->from_output ? s : c->t;
    if (r->fused) {
        r->fused->forward(c->padded, d, h, cols_of(r, k), m->delta, m->kind == OVP_RES_SKIP, s, next);
        return;
    }
    if (has_a(m)) {
        r->k->product(c->padded, d, width, h, width, cols_of(r, inner(r, k)), NULL, s);
        z = s;
    }
    phi(r, c, z, t);
    if (!has_b(m)) {
        r->k->step(c->size, m->delta, t, m->kind == OVP_RES_NONE ? NULL : h, next);
        return;
    }
    const real *b = m->kind == OVP_RES_LINEAR ? cols_of(r, k) : difference(r, rows_of(r, k), c->b);
    r->k->product(c->padded, d, width, t, width, b, h, next);
}

/* Gradient of a layer whose B is (W_k - W_k-1)^T: of both blocks. */
static void increment_gradient(const run *r, const chunk *c, ovp_idx k, const real *t) {
    const ovp_idx n = r->t->layer;
    real *here = c->gradient + k * n, *below = here - n;
    memset(c->b, 0, (size_t)n * sizeof(real));
    r->k->gradient(c->padded, r->m->dim, r->t->width, t, r->t->width, c->g, c->b);
    for (ovp_idx i = 0; i < n; i++) here[i] += c->b[i];
    for (ovp_idx i = 0; k > 0 && i < n; i++) below[i] -= c->b[i];
}

/* dz = phi'(z) B^T g */
static void through_phi(const run *r, const chunk *c, ovp_idx k, const real *s) {
    const ovp_net_residual *m = r->m;
    const ovp_idx d = m->dim, width = r->t->width;
    if (!has_b(m) && r->is_tanh) {
        r->k->tanh_slope(c->size, m->delta, s, c->g, c->dz);
        return;
    }
    if (has_b(m)) {
        const real *b = m->kind == OVP_RES_LINEAR ? rows_of(r, k) : difference(r, cols_of(r, k), c->b);
        r->k->product(c->padded, d, width, c->g, width, b, NULL, c->dz);
    } else {
        r->k->step(c->size, m->delta, c->g, NULL, c->dz);
    }
    ovp_numeric_dphi_mul(c->ctx, r->model->act, OVP_REAL_TYPE, c->size, s, c->dz);
}

static void layer_backward(const run *r, const chunk *c, ovp_idx k, const real *h, const real *s) {
    const ovp_net_residual *m = r->m;
    const ovp_idx d = m->dim, width = r->t->width, a = inner(r, k);
    const real *z = has_a(m) || r->from_output ? s : h, *t = z; /* without A z is h */
    if (r->fused) {
        r->fused->backward(c->padded, d, h, s, rows_of(r, k), m->delta, m->kind == OVP_RES_SKIP, c->g,
                           c->gradient + k * r->t->layer, c->s + (k < SEGMENT ? 0 : k - SEGMENT) * c->size);
        return;
    }
    if (has_b(m) && !r->from_output) {
        phi(r, c, z, c->t);
        t = c->t;
    }
    if (m->kind == OVP_RES_LINEAR) r->k->gradient(c->padded, d, width, c->g, width, t, c->gradient + k * r->t->layer);
    if (m->kind == OVP_RES_INCREMENT) increment_gradient(r, c, k, t);
    through_phi(r, c, k, z);
    if (!has_a(m)) {
        r->k->step(c->size, 1, c->dz, c->g, c->g);
        return;
    }
    if (a >= 0) r->k->gradient(c->padded, d, width, c->dz, width, h, c->gradient + a * r->t->layer);
    r->k->product(c->padded, d, width, c->dz, width, rows_of(r, a), m->kind == OVP_RES_NONE ? NULL : c->g, c->g);
}

/* ---- a chunk ---------------------------------------------------------------------------------------- */

/* Where h_k goes on the way forward. */
static real *h_of(const run *r, const chunk *c, ovp_idx k) {
    const int kept = !r->t->rebuilds || (k % SEGMENT == 0 && k < r->m->layers);
    if (!r->backward || !kept) return c->turn + k % 2 * c->size;
    return c->h + (r->t->rebuilds ? k / SEGMENT : k) * c->size;
}

/* h_0, zero beyond the last sample and the last feature. */
static void read_in(const run *r, const chunk *c) {
    const ovp_idx d = r->m->dim, width = r->t->width;
    const real *from = (const real *)r->batch->own + c->first * d;
    real *to = h_of(r, c, 0);
    memset(to, 0, (size_t)c->size * sizeof(real));
    for (ovp_idx i = 0; i < c->count; i++) memcpy(to + i * width, from + i * d, (size_t)d * sizeof(real));
}

/* F = V h; then its derivatives, of the loss or as they are given, in F's place. */
static void read_out(const run *r, chunk *c, const real *h) {
    const ovp_idx outputs = r->model->outputs, outs = r->t->outs, at = c->first * outputs;
    const real *df = r->df ? r->df + at : NULL;
    if (r->f) {
        double *wide = r->ws->wide + at;
        r->k->product(c->padded, r->m->dim, outs, h, r->t->width, r->t->data + r->t->out_rows, NULL, c->f);
        for (ovp_idx i = 0; i < c->count; i++)
            for (ovp_idx o = 0; o < outputs; o++) {
                r->f[at + i * outputs + o] = c->f[i * outs + o];
                wide[i * outputs + o] = (double)c->f[i * outs + o];
            }
    }
    if (r->targets) {
        const ovp_net_outputs from = {NULL, r->ws->wide + at};
        real *to = (real *)r->ws->df + at;
        c->loss += OVP_REAL(ovp_net_loss_rows)(c->ctx, r->targets, c->first, c->count, outputs, &from, r->scale, to);
        df = to;
    }
    if (!df) return;
    memset(c->f, 0, (size_t)(c->padded * outs) * sizeof(real));
    for (ovp_idx i = 0; i < c->count; i++) memcpy(c->f + i * outs, df + i * outputs, (size_t)outputs * sizeof(real));
}

/* Layers first .. last - 1, whose h is at `first`, or everywhere. */
static void segment_backward(const run *r, const chunk *c, ovp_idx first, ovp_idx last) {
    const ovp_net_residual *m = r->m;
    const real *h[SEGMENT] = {h_of(r, c, first)};
    for (ovp_idx k = first + 1; k < last; k++) {
        const ovp_idx i = k - first;
        real *again = c->turn + (i - 1) * c->size;
        h[i] = r->t->rebuilds ? again : h_of(r, c, k);
        if (!r->t->rebuilds) continue;
        r->k->step(c->size, m->delta, c->s + (k - 1) * c->size, m->kind == OVP_RES_NONE ? NULL : h[i - 1], again);
    }
    for (ovp_idx k = last - 1; k >= first; k--) layer_backward(r, c, k, h[k - first], c->s + k * c->size);
}

static void chunk_pass(const run *r, chunk *c) {
    const ovp_idx layers = r->m->layers;
    c->size = c->padded * r->t->width;
    read_in(r, c);
    for (ovp_idx k = 0; k < layers; k++)
        layer_forward(r, c, k, h_of(r, c, k), c->s + (r->backward ? k * c->size : 0), h_of(r, c, k + 1));
    read_out(r, c, h_of(r, c, layers));
    if (!r->backward) return;
    r->k->product(c->padded, r->model->outputs, r->t->width, c->f, r->t->outs, r->t->data + r->t->out, NULL, c->g);
    for (ovp_idx last = layers, first; last > 0; last = first) {
        first = (last - 1) / SEGMENT * SEGMENT;
        segment_backward(r, c, first, last);
    }
}

/* Group g of the batch: whole blocks of samples, shared out evenly. */
static ovp_status group(ovp_ctx *ctx, void *arg, ovp_idx g) {
    const run *r = arg;
    tile *t = r->t;
    const ovp_idx all = r->m->layers * t->layer, rows = r->batch->rows, blocks = (rows + BLOCK - 1) / BLOCK;
    const ovp_idx first = g * blocks / r->groups, last = (g + 1) * blocks / r->groups, n = last - first;
    const ovp_idx pieces = (n * BLOCK + t->samples - 1) / t->samples;
    real *own = t->data + t->scratch + ovp_worker(ctx) * t->worker;
    chunk c = {.ctx = ctx,
               .h = own + t->h,
               .s = own + t->s,
               .t = own + t->t,
               .turn = own + t->turn,
               .g = own + t->g,
               .dz = own + t->dz,
               .f = own + t->f,
               .b = own + t->b,
               .gradient = t->data + t->partial + g * all};
    if (r->backward) memset(c.gradient, 0, (size_t)all * sizeof(real));
    for (ovp_idx p = 0; p < pieces; p++) {
        ovp_status status = ovp_check(ctx);
        if (status != OVP_OK) return status;
        c.first = (first + p * n / pieces) * BLOCK;
        c.padded = (first + (p + 1) * n / pieces) * BLOCK - c.first;
        c.count = rows - c.first < c.padded ? rows - c.first : c.padded;
        chunk_pass(r, &c);
    }
    t->loss[g] = c.loss;
    return OVP_OK;
}

/* Adds the groups' partial gradients of a range of blocks and hands them to the sink. */
static ovp_status deliver(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const run *r = arg;
    const tile *t = r->t;
    const ovp_idx d = r->m->dim, all = r->m->layers * t->layer;
    const ovp_idx last = (task + 1) * LAYERS < r->m->layers ? (task + 1) * LAYERS : r->m->layers;
    for (ovp_idx k = task * LAYERS; k < last; k++) {
        real *sum = t->data + t->partial + k * t->layer;
        for (ovp_idx q = 1; q < r->groups; q++)
            for (ovp_idx i = 0; i < t->layer; i++) sum[i] += sum[q * all + i];
        for (ovp_idx i = 1; i < d; i++) memmove(sum + i * d, sum + i * t->width, (size_t)d * sizeof(real));
        ovp_net_sink_range(r->model, ctx, r->sink, k * d * d, d * d, 1, sum);
    }
    return OVP_OK;
}

static ovp_status pass(run *r, const void *theta) {
    r->model = r->ws->model;
    r->m = ovp_net_residual_of(r->model);
    r->t = r->ws->engine;
    r->k = ovp_net_residual_kernels_for(r->ws->ctx, OVP_REAL_TYPE);
    r->theta = theta;
    r->groups = group_count(r->batch->rows);
    r->from_output = r->model->act->from_output;
    r->is_tanh = strcmp(r->model->act->name, "tanh") == 0;
    if (r->is_tanh && !has_b(r->m) && r->k->tanh->forward && r->t->width == r->k->lanes) r->fused = r->k->tanh;
    ovp_status status = begin(r);
    if (status == OVP_OK) status = ovp_parallel(r->ws->ctx, r->groups, group, r);
    if (status == OVP_OK && r->backward)
        status = ovp_parallel(r->ws->ctx, (r->m->layers + LAYERS - 1) / LAYERS, deliver, r);
    return status;
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    run r = {.ws = ws, .batch = batch, .f = f};
    return pass(&r, theta);
}

/* Goes forward again, chunk by chunk: activations of a whole batch are never kept. */
static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    run r = {.ws = ws, .batch = batch, .df = df, .backward = 1, .sink = sink};
    return pass(&r, theta);
}

static ovp_status loss_grad(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                            const void *theta, double *loss, const ovp_net_sink *sink) {
    run r = {.ws = ws, .batch = batch, .targets = targets, .f = ws->f, .backward = 1, .sink = sink};
    if (targets->outputs) r.f = targets->outputs;
    r.scale = ovp_net_loss_scale(targets, batch->rows, ws->model->outputs);
    ovp_status status = pass(&r, theta);
    if (status != OVP_OK) return status;
    double total = 0;
    for (ovp_idx g = 0; g < r.groups; g++) total += r.t->loss[g];
    *loss = total * r.scale;
    return OVP_OK;
}

const ovp_net_engine OVP_REAL(ovp_net_residual_tile) = {.name = "tile",
                                                        .bind = ovp_net_residual_bind,
                                                        .refresh = OVP_REAL(ovp_net_residual_refresh),
                                                        .prepare = prepare,
                                                        .release = release,
                                                        .forward = forward,
                                                        .backward = backward,
                                                        .loss_grad = loss_grad,
                                                        .tangent = OVP_REAL(ovp_net_residual_tangent),
                                                        .second = OVP_REAL(ovp_net_residual_second),
                                                        .jacobian = OVP_REAL(ovp_net_residual_jacobian)};
