/* The tile engine of residual nets: a chunk of samples goes through all layers forward and straight back, so that what
 * is kept of it stays in the second-level cache; features are in the lanes (docs/engines.md). Chunks are dealt to at
 * most eight groups by shapes alone, each with its own partial gradient; the partials are added in order, layer by
 * layer, on the way into the sink. So results do not depend on threads. */
#include "net/real/residual_run.h"

#include <string.h>

/* ---- plan ------------------------------------------------------------------------------------------- */

/* h' = keep h + delta t: where t is kept, h of every SEGMENT-th layer is enough; between them it is made again, by the
 * same operations. */
static int rebuilds(const ovp_net_model *model) {
    return !has_b(ovp_net_residual_of(model)) && model->act->from_output;
}

/* Samples of which about KEPT bytes are kept; but so many at least that weights and gradients, which pass by once a
 * chunk, do not cost more than they: in very deep nets they take as much as a few copies of the weights. */
static ovp_idx chunk_samples(const ovp_net_model *model, ovp_idx width, ovp_idx rows) {
    enum { KEPT = 1 << 21, LEAST = 2 * BLOCK, MOST = 8 * BLOCK };
    const ovp_idx layers = ovp_net_residual_of(model)->layers;
    const ovp_idx vectors = rebuilds(model) ? layers + layers / SEGMENT : 2 * layers;
    ovp_idx samples = KEPT / (vectors * width * (ovp_idx)sizeof(real)) / BLOCK * BLOCK;
    if (samples < LEAST) samples = LEAST;
    if (samples > MOST) samples = MOST;
    const ovp_idx all = (rows + BLOCK - 1) / BLOCK * BLOCK;
    return samples < all ? samples : all;
}

static ovp_idx group_count(ovp_idx rows) {
    const ovp_idx blocks = (rows + BLOCK - 1) / BLOCK;
    return blocks < GROUPS ? blocks : GROUPS;
}

/* With few features registers of them would be mostly empty; registers of samples cost a sum across lanes instead, for
 * which partial gradients are kept lane by lane until a group's last chunk: dim^2 registers a layer, in the
 * second-level cache or for few features only. */
static int samples_in_lanes(const ovp_net_residual *m) {
    enum { FEW = 4, SOME = 8, CACHE = 1 << 20 };
    return m->dim <= FEW || (m->dim <= SOME && m->layers <= CACHE / (64 * m->dim * m->dim));
}

static ovp_status prepare(ovp_net_workspace *ws) {
    const ovp_idx lanes = ovp_net_tile_kernels_for(ws->ctx, OVP_REAL_TYPE)->lanes;
    const ovp_net_residual *m = ovp_net_residual_of(ws->model);
    ovp_status status = ovp_alloc(ws->ctx, &ws->engine, 1, sizeof(tile));
    if (status != OVP_OK) return status;
    tile *t = ws->engine;
    t->samples_in_lanes = samples_in_lanes(m);
    t->width = t->samples_in_lanes ? m->dim : pad(m->dim);
    t->outs = t->samples_in_lanes ? ws->model->outputs : pad(ws->model->outputs);
    t->samples = chunk_samples(ws->model, t->width, ws->rows);
    t->rebuilds = rebuilds(ws->model);
    t->layer = m->dim * t->width;
    t->slot = t->samples_in_lanes ? t->layer * lanes : t->layer;
    const ovp_idx all = m->layers * t->layer, kept = t->samples * t->width;
    t->h = take(&t->worker, (t->rebuilds ? (m->layers + SEGMENT - 1) / SEGMENT : m->layers + 1) * kept);
    t->turn = take(&t->worker, (SEGMENT - 1) * kept);
    t->s = take(&t->worker, m->layers * kept);
    t->t = take(&t->worker, kept);
    t->g = take(&t->worker, kept);
    t->dz = take(&t->worker, kept);
    t->f = take(&t->worker, t->samples * t->outs);
    t->b = take(&t->worker, t->slot);
    t->sums =
        take(&t->worker, t->samples_in_lanes ? m->layers * t->slot + lanes * lanes : 0); /* whole blocks are read */
    ovp_idx at = 0;
    t->rows = take(&at, all + t->layer) + t->layer;
    t->cols = take(&at, all + t->layer) + t->layer;
    t->out = take(&at, ws->model->outputs * t->width);
    t->out_rows = take(&at, m->dim * t->outs);
    t->partial = take(&at, group_count(ws->rows) * pad(all));
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

/* Group g of the batch: whole blocks of samples, shared out evenly. */
static ovp_status group(ovp_ctx *ctx, void *arg, ovp_idx g) {
    const run *r = arg;
    tile *t = r->t;
    const ovp_idx all = r->m->layers * t->layer, rows = r->batch->rows, blocks = (rows + BLOCK - 1) / BLOCK;
    const ovp_idx first = g * blocks / r->groups, last = (g + 1) * blocks / r->groups, n = last - first;
    const ovp_idx pieces = (n * BLOCK + t->samples - 1) / t->samples;
    real *own = t->data + t->scratch + ovp_worker(ctx) * t->worker;
    real *partial = t->data + t->partial + g * pad(all);
    chunk c = {.ctx = ctx,
               .h = own + t->h,
               .s = own + t->s,
               .t = own + t->t,
               .turn = own + t->turn,
               .g = own + t->g,
               .dz = own + t->dz,
               .f = own + t->f,
               .b = own + t->b,
               .gradient = t->samples_in_lanes ? own + t->sums : partial};
    if (r->backward) memset(c.gradient, 0, (size_t)(r->m->layers * t->slot) * sizeof(real));
    for (ovp_idx p = 0; p < pieces; p++) {
        ovp_status status = ovp_check(ctx);
        if (status != OVP_OK) return status;
        c.first = (first + p * n / pieces) * BLOCK;
        c.padded = (first + (p + 1) * n / pieces) * BLOCK - c.first;
        c.count = rows - c.first < c.padded ? rows - c.first : c.padded;
        OVP_REAL(ovp_net_residual_chunk)(r, &c);
    }
    if (r->backward && t->samples_in_lanes) r->lanes->lane_sums(all, c.gradient, partial);
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
            for (ovp_idx i = 0; i < t->layer; i++) sum[i] += sum[q * pad(all) + i];
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
    r->lanes = ovp_net_tile_kernels_for(r->ws->ctx, OVP_REAL_TYPE);
    r->theta = theta;
    r->groups = group_count(r->batch->rows);
    r->from_output = r->model->act->from_output;
    r->is_tanh = strcmp(r->model->act->name, "tanh") == 0;
    const int one = !r->t->samples_in_lanes && r->t->width == r->k->lanes; /* a register a row */
    if (one && r->is_tanh && !has_b(r->m) && r->k->tanh->forward) r->fused = r->k->tanh;
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
