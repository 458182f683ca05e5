/* The tile engine: small and deep nets. A chunk of samples goes through all layers forward and straight back while it
 * is in cache; chunks are gathered in at most GROUPS groups, each with its own partial gradient, and the partials are
 * added in order. Layout, chunk and groups depend on shapes alone (docs/engines.md), so results do not depend on
 * threads. */
#include "net/real/tile_run.h"

#include <math.h>
#include <string.h>

ovp_idx OVP_REAL(ovp_net_tile_widest)(const ovp_net_model *m) {
    ovp_idx widest = m->outputs;
    for (ovp_idx l = 1; l < m->layers; l++)
        if (m->layer[l].in > widest) widest = m->layer[l].in;
    return widest;
}

static const scheme *scheme_of(const tile *t) {
    static const scheme *const schemes[] = {&OVP_REAL(ovp_net_tile_samples), &OVP_REAL(ovp_net_tile_units),
                                            &OVP_REAL(ovp_net_tile_features)};
    return t->relu ? &OVP_REAL(ovp_net_tile_relu) : schemes[t->layout];
}

/* ---- batches: X once more with samples side by side ------------------------------------------------- */

static ovp_status bind_batch(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_model *model) {
    (void)model;
    return ovp_alloc(ctx, &b->own, b->inputs * (pad(b->capacity) + PAD), sizeof(real));
}

static ovp_status refresh(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows) {
    (void)ctx;
    (void)from;
    (void)rows;
    const real *x = b->x;
    const ovp_idx ld = pad(b->capacity) + PAD;
    for (ovp_idx k = 0; k < b->inputs; k++) {
        real *to = (real *)b->own + k * ld;
        for (ovp_idx i = 0; i < b->rows; i++) to[i] = x[i * b->inputs + k];
        /* The lanes beyond the last sample repeat it: whatever they hold is finite if the sample's is. */
        for (ovp_idx i = b->rows; i < pad(b->rows); i++) to[i] = to[b->rows - 1];
    }
    return OVP_OK;
}

/* ---- plan ------------------------------------------------------------------------------------------- */

/* Nanoseconds of a step of one thread by shapes: what each part costs, fitted to timings of 17 nets on 10 to 4000
 * samples with AVX-512 (docs/engines.md). Only ratios matter. */
static const struct rates {
    double product, activation, unit; /* a register's multiply-add, phi relative to phi_cost, other work of a unit */
    double gradient, copy;            /* a register of the partial gradient in each chunk, a transposed weight */
    double sample, layer, step;       /* a sample, a chunk, both in each layer; the rest */
} rates[] = {[SAMPLES] = {.32, 1.2, 1.2, 2.1, 0, 0, 0, 320},
             [UNITS] = {.27, 1.1, .9, 2.0, 0, 1.1, 83, 0},
             [FEATURES] = {.37, 1.35, .6, 1.5, 1.2, 5, 28, 310}};

/* phi and phi' of a register: pieces of polynomials are cheap. */
static double phi_cost(const ovp_numeric_activation *act) {
    const int cheap = act->kink_count > 0 || strcmp(act->name, "identity") == 0 || strcmp(act->name, "square") == 0;
    return cheap ? .8 : 7.5;
}

/* Samples whose activations take about two thirds of a first-level cache. */
static ovp_idx chunk_samples(const ovp_net_model *m, ovp_idx rows, layout how) {
    enum { CACHE = 32768, LEAST = 4 * PAD };
    const ovp_idx widest = OVP_REAL(ovp_net_tile_widest)(m);
    ovp_idx each = 2 * (how == SAMPLES ? widest : pad(widest));
    for (ovp_idx l = 1; l < m->layers; l++)
        each += (how == SAMPLES ? m->layer[l].in : pad(m->layer[l].in)) * (m->act->from_output ? 1 : 2);
    ovp_idx samples = CACHE / (ovp_idx)sizeof(real) / each / LEAST * LEAST;
    if (samples < LEAST) samples = LEAST;
    if (samples > MAX_SAMPLES) samples = MAX_SAMPLES;
    return samples < pad(rows) ? samples : pad(rows);
}

static double cost(const ovp_net_model *m, layout how, ovp_idx rows, ovp_idx lanes) {
    const struct rates *r = &rates[how];
    const double n = (double)rows, registers = (double)((rows + lanes - 1) / lanes);
    const double chunks = ceil(n / (double)chunk_samples(m, rows, how)), phi = r->activation * phi_cost(m->act);
    double total = r->step;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        const int top = l + 1 == m->layers, narrow = l > 0 && top && y->out <= MAX_NARROW;
        const double in = (double)y->in, out = (double)y->out, passes = l == 0 ? 2 : 3;
        if (how == SAMPLES) {
            total += r->product * passes * in * out * registers + r->gradient * (in + 1) * out * chunks;
            if (!top) total += (phi + r->unit) * out * registers;
            continue;
        }
        const double wide = (double)((y->out + lanes - 1) / lanes);
        const double weights = narrow ? out * (double)((y->in + lanes - 1) / lanes) : in * wide;
        total += r->product * passes * weights * n + r->gradient * weights * chunks + r->sample * n + r->layer * chunks;
        if (l > 0 && out > 1) total += r->copy * in * out;
        if (!top) total += (phi + r->unit) * wide * n;
    }
    return total;
}

/* Nets of one hidden layer that have loops of their own. */
static int has_own_loops(const ovp_net_model *m, const char *act, ovp_idx most_inputs) {
    return m->layers == 2 && m->outputs == 1 && m->inputs <= most_inputs && strcmp(m->act->name, act) == 0;
}

static layout choose(const ovp_net_model *m, ovp_idx n, ovp_idx lanes) {
    if (m->layout >= 0) return (layout)m->layout;
    const int own =
        has_own_loops(m, "relu", OVP_NET_TILE_SHALLOW_INPUTS) || has_own_loops(m, "tanh", OVP_NET_TILE_TANH_INPUTS);
    const layout other = own ? UNITS : FEATURES;
    return cost(m, SAMPLES, n, lanes) <= cost(m, other, n, lanes) ? SAMPLES : other;
}

/* Lays everything out; returns how many elements all but the workers' scratch takes. */
static ovp_idx lay_out(tile *t, const ovp_net_model *m, ovp_idx rows, ovp_idx lanes) {
    t->layout = choose(m, rows, lanes);
    t->relu = t->layout == UNITS && has_own_loops(m, "relu", OVP_NET_TILE_SHALLOW_INPUTS);
    t->tanh =
        t->layout == UNITS ? has_own_loops(m, "tanh", OVP_NET_TILE_TANH_INPUTS) : strcmp(m->act->name, "tanh") == 0;
    t->samples = chunk_samples(m, rows, t->layout);
    scheme_of(t)->plan(t, m, lanes);
    t->targets = take(&t->worker, m->outputs * t->samples);
    ovp_idx at = t->scratch; /* after the scheme's shared copies */
    t->theta = take(&at, m->parameters);
    t->gradient = take(&at, m->parameters);
    t->partial = take(&at, GROUPS * t->gradients);
    t->scratch = at;
    return at;
}

static ovp_status prepare(ovp_net_workspace *ws) {
    const ovp_net_model *m = ws->model;
    ovp_status status = ovp_alloc(ws->ctx, &ws->engine, 1, sizeof(tile));
    if (status != OVP_OK) return status;
    tile *t = ws->engine;
    const ovp_idx shared = lay_out(t, m, ws->rows, ovp_net_tile_kernels_for(ws->ctx, OVP_REAL_TYPE)->lanes);
    return ovp_alloc(ws->ctx, &t->data, shared + ovp_threads(ws->ctx) * t->worker, sizeof(real));
}

/* With the widest registers there are: the lanes of others take less. */
static double memory(const ovp_net_model *m, ovp_idx rows) {
    enum { LANES = 64 / (int)sizeof(real), THREADS = 16 };
    tile t = {.data = NULL};
    const ovp_idx shared = lay_out(&t, m, rows, LANES);
    const double batch = (double)m->inputs * (double)(pad(rows) + PAD);
    return (double)sizeof t + (double)sizeof(real) * ((double)shared + (double)THREADS * (double)t.worker + batch);
}

static void release(ovp_net_workspace *ws) {
    if (ws->engine) ovp_free(ws->ctx, ((tile *)ws->engine)->data);
}

/* ---- a pass ----------------------------------------------------------------------------------------- */

/* Rows of the chunk out of and into the caller's order. */
static void read_outputs(const run *r, const chunk *c, const real *top, ovp_idx row, ovp_idx column) {
    const ovp_idx outputs = r->m->outputs;
    double *wide = r->ws->wide + c->first * outputs;
    real *f = r->f + c->first * outputs;
    for (ovp_idx i = 0; i < c->count; i++)
        for (ovp_idx j = 0; j < outputs; j++) {
            f[i * outputs + j] = top[i * row + j * column];
            wide[i * outputs + j] = (double)f[i * outputs + j];
        }
}

static void write_derivatives(const run *r, const chunk *c, const real *df, real *top, ovp_idx row, ovp_idx column) {
    const ovp_idx outputs = r->m->outputs;
    for (ovp_idx j = 0; j < outputs; j++) {
        for (ovp_idx i = 0; i < c->count; i++) top[i * row + j * column] = df[i * outputs + j];
        for (ovp_idx i = c->count; i < c->padded; i++) top[i * row + j * column] = 0;
    }
}

/* Mean squared error of real targets with samples in the lanes: the common case. */
static void squares(const run *r, chunk *c, real *top) {
    const ovp_net_targets *t = r->targets;
    const ovp_idx outputs = r->m->outputs;
    const real *values = t->values;
    real *buffer = c->scratch + r->t->targets;
    for (ovp_idx j = 0; j < outputs; j++) {
        const real *want = buffer;
        if (outputs == 1 && !t->rows)
            want = values + c->first;
        else
            for (ovp_idx i = 0; i < c->count; i++)
                buffer[i] = values[(t->rows ? t->rows[c->first + i] : c->first + i) * outputs + j];
        real *f = top + j * c->padded;
        c->loss += r->k->squares(c->count, f, want, 2 * r->scale, f);
        for (ovp_idx i = c->count; i < c->padded; i++) f[i] = 0;
    }
}

ovp_status OVP_REAL(ovp_net_tile_outputs)(const run *r, chunk *c, real *top, ovp_idx row, ovp_idx column) {
    const ovp_idx outputs = r->m->outputs;
    if (r->targets && r->targets->loss == OVP_LOSS_MSE && r->targets->values && row == 1 &&
        ovp_net_loss_is_square(r->targets)) {
        if (r->targets->outputs) read_outputs(r, c, top, row, column);
        squares(r, c, top);
        return OVP_OK;
    }
    if (r->f) read_outputs(r, c, top, row, column);
    if (r->targets) {
        const ovp_net_outputs out = {NULL, r->ws->wide + c->first * outputs};
        real *df = (real *)r->ws->df + c->first * outputs;
        c->loss += OVP_REAL(ovp_net_loss_rows)(c->ctx, r->targets, c->first, c->count, outputs, &out, r->scale, df);
        write_derivatives(r, c, df, top, row, column);
    } else if (r->df) {
        write_derivatives(r, c, r->df + c->first * outputs, top, row, column);
    }
    return OVP_OK;
}

/* Group g of the batch: whole registers of samples, shared out evenly. */
static ovp_status group(ovp_ctx *ctx, void *arg, ovp_idx g) {
    const run *r = arg;
    tile *t = r->t;
    const ovp_idx rows = r->batch->rows, blocks = pad(rows) / PAD;
    const ovp_idx first = g * blocks / r->groups * PAD, last = (g + 1) * blocks / r->groups * PAD;
    const ovp_idx pieces = (last - first + t->samples - 1) / t->samples;
    chunk c = {.ctx = ctx,
               .scratch = t->data + t->scratch + ovp_worker(ctx) * t->worker,
               .partial = t->data + t->partial + g * t->gradients};
    for (ovp_idx p = 0; p < pieces; p++) {
        const ovp_idx n = (last - first) / PAD;
        c.first = first + p * n / pieces * PAD;
        c.padded = first + (p + 1) * n / pieces * PAD - c.first;
        c.count = rows - c.first < c.padded ? rows - c.first : c.padded;
        c.add = p > 0;
        ovp_status status = scheme_of(t)->chunk(r, &c);
        if (status != OVP_OK) return status;
    }
    if (r->backward && scheme_of(t)->close) scheme_of(t)->close(r, &c);
    t->loss[g] = c.loss;
    return OVP_OK;
}

real *OVP_REAL(ovp_net_tile_add_partials)(const run *r, real *space) {
    real *sum = r->t->data + r->t->partial;
    (void)space;
    for (ovp_idx q = 1; q < r->groups; q++)
        for (ovp_idx i = 0; i < r->m->parameters; i++) sum[i] += sum[q * r->t->gradients + i];
    return sum;
}

/* As many groups as there is work for (sharing one with another thread and closing it cost some microseconds), in
 * powers of two, which two or four threads share out evenly; more than eight only where each still has twice the work.
 */
static ovp_idx group_count(const run *r) {
    enum { NANOSECONDS = 4000, MANY = 8 };
    const ovp_idx blocks = pad(r->batch->rows) / PAD;
    if (blocks == 1) return 1;
    const double work = cost(r->m, r->t->layout, r->batch->rows, r->k->lanes) / NANOSECONDS;
    ovp_idx groups = 1, next = 2;
    while (next <= GROUPS && next <= blocks && (double)(next > MANY ? 2 * next : next) <= work) {
        groups = next;
        next *= 2;
    }
    return groups;
}

/* theta with the layers' multipliers in it: a copy only where there are any. */
static const real *effective(const run *r, const real *theta) {
    const ovp_net_model *m = r->m;
    real *to = r->t->data + r->t->theta;
    int plain = 1;
    for (ovp_idx l = 0; l < m->layers; l++)
        plain = plain && m->layer[l].weight_scale == 1 && (m->layer[l].bias < 0 || m->layer[l].bias_scale == 1);
    if (plain) return theta;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        for (ovp_idx i = 0; i < y->in * y->out; i++) to[y->weight + i] = (real)y->weight_scale * theta[y->weight + i];
        for (ovp_idx i = 0; y->bias >= 0 && i < y->out; i++) to[y->bias + i] = (real)y->bias_scale * theta[y->bias + i];
    }
    return to;
}

static ovp_status pass(run *r, const void *theta) {
    r->m = r->ws->model;
    r->t = r->ws->engine;
    r->k = ovp_net_tile_kernels_for(r->ws->ctx, OVP_REAL_TYPE);
    r->theta = effective(r, theta);
    r->groups = group_count(r);
    scheme_of(r->t)->begin(r);
    if (r->groups > 1) return ovp_parallel(r->ws->ctx, r->groups, group, r);
    ovp_status status = ovp_check(r->ws->ctx);
    return status == OVP_OK ? group(r->ws->ctx, r, 0) : status;
}

/* The finished gradient to the sink: whole when no layer has a rate or multiplier of its own. */
static void deliver(const run *r, const ovp_net_sink *sink) {
    const ovp_net_model *m = r->m;
    real *g = scheme_of(r->t)->finish(r, r->t->data + r->t->gradient);
    int plain = 1;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        const real ws = (real)y->weight_scale, bs = (real)y->bias_scale;
        for (ovp_idx i = 0; ws != 1 && i < y->in * y->out; i++) g[y->weight + i] *= ws;
        for (ovp_idx i = 0; y->bias >= 0 && bs != 1 && i < y->out; i++) g[y->bias + i] *= bs;
        plain = plain && y->lr_scale == 1;
    }
    if (plain) {
        ovp_net_sink_range(m, r->ws->ctx, sink, 0, m->parameters, 1, g);
        return;
    }
    for (ovp_idx i = 0; i < m->slice_count; i++) {
        const ovp_net_slice *s = &m->slices[i];
        ovp_net_sink_range(m, r->ws->ctx, sink, s->offset, s->count, s->lr_scale, g + s->offset);
    }
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    run r = {.ws = ws, .batch = batch, .f = f};
    return pass(&r, theta);
}

/* Goes forward again, chunk by chunk: activations of a whole batch are never kept. */
static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    run r = {.ws = ws, .batch = batch, .df = df, .backward = 1};
    ovp_status status = pass(&r, theta);
    if (status == OVP_OK) deliver(&r, sink);
    return status;
}

static ovp_status loss_grad(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                            const void *theta, double *loss, const ovp_net_sink *sink) {
    run r = {.ws = ws, .batch = batch, .targets = targets, .f = ws->f, .backward = 1};
    r.scale = ovp_net_loss_scale(targets, batch->rows, ws->model->outputs);
    ovp_status status = pass(&r, theta);
    if (status != OVP_OK) return status;
    double total = 0;
    for (ovp_idx g = 0; g < r.groups; g++) total += r.t->loss[g];
    *loss = total * r.scale;
    if (targets->outputs) memcpy(targets->outputs, ws->f, (size_t)(batch->rows * ws->model->outputs) * sizeof(real));
    deliver(&r, sink);
    return OVP_OK;
}

const ovp_net_engine OVP_REAL(ovp_net_tile) = {.name = "tile",
                                               .input_major = 1,
                                               .bind = bind_batch,
                                               .refresh = refresh,
                                               .prepare = prepare,
                                               .memory = memory,
                                               .release = release,
                                               .forward = forward,
                                               .backward = backward,
                                               .loss_grad = loss_grad,
                                               .tangent = OVP_REAL(ovp_net_layerwise_tangent),
                                               .second = OVP_REAL(ovp_net_layerwise_second),
                                               .jacobian = OVP_REAL(ovp_net_layerwise_jacobian),
                                               .factors = OVP_REAL(ovp_net_layerwise_factors)};
