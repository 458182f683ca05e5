/* The convolutional residual net on oneDNN: rooms, and the forward pass. */
#include "net/resnet_conv_int.h"

#ifdef OVP_HAVE_ONEDNN
#include <math.h>
#include <string.h>

/* ---- rooms ---------------------------------------------------------------------------------------- */

static ovp_idx round_up(ovp_idx n) {
    return (n + 15) / 16 * 16; /* floats of 64 bytes */
}

/* Lanes of all images: those that the library likes for the first stage, whose channels divide those of the others. A
 * stage with lanes of its own, or padded ones, would have it fall back to loops a thousand times slower. */
static ovp_status find_lanes(ovp_net_workspace *ws, ovp_idx *lanes) {
    const ovp_net_resnet_conv *first = &ovp_net_resnet_of(ws->model)->conv[0];
    return ovp_net_conv_lanes(lanes, ws->ctx, OVP_NET_RESNET_CHUNK, first->out, first->size);
}

static ovp_status find_shape(ovp_net_workspace *ws, ovp_net_resnet_layer *y, ovp_idx lanes_in, ovp_idx lanes_out) {
    ovp_net_resnet_rooms *o = ws->engine;
    const ovp_net_conv_shape shape = {OVP_NET_RESNET_CHUNK, y->c->in, y->c->out, y->c->size,
                                      y->c->stride,         lanes_in, lanes_out};
    int i = 0;
    while (i < o->shapes && memcmp(&o->key[i], &shape, sizeof shape) != 0) i++;
    if (i == o->shapes) {
        ovp_status status = ovp_net_conv_create(&o->shape[i], ws->ctx, &shape, ovp_threads(ws->ctx));
        if (status != OVP_OK) return status;
        o->key[i] = shape;
        o->shapes++;
    }
    y->conv = o->shape[i];
    return OVP_OK;
}

static ovp_status make_layers(ovp_net_workspace *ws) {
    const ovp_net_resnet *r = ovp_net_resnet_of(ws->model);
    ovp_net_resnet_rooms *o = ws->engine;
    ovp_status status = OVP_OK;
    ovp_idx lanes;
    OVP_TRY(ovp_alloc(ws->ctx, &o->layer, r->convs, sizeof *o->layer));
    OVP_TRY(find_lanes(ws, &lanes));
    for (ovp_idx l = 0; l < r->convs; l++) {
        ovp_net_resnet_layer *y = &o->layer[l];
        y->c = &r->conv[l];
        OVP_TRY(find_shape(ws, y, l == 0 ? 1 : lanes, lanes));
        const ovp_idx blocks = (y->c->out + lanes - 1) / lanes;
        y->maps = (ovp_net_maps){OVP_NET_RESNET_CHUNK, blocks, y->c->pixels, lanes};
        y->channels = blocks * lanes;
        y->image = y->channels * y->c->pixels;
    }
done:
    return status;
}

/* Cuts `floats` off the slab; without one it only counts. */
static float *cut(float *slab, ovp_idx *used, ovp_idx floats) {
    float *at = slab ? slab + *used : NULL;
    *used += round_up(floats);
    return at;
}

/* Places of everything in the slab, or its size. */
static ovp_idx lay_out(const ovp_net_workspace *ws, float *slab) {
    const ovp_net_model *m = ws->model;
    const ovp_net_resnet *r = ovp_net_resnet_of(m);
    ovp_net_resnet_rooms *o = ws->engine;
    const ovp_idx rows = o->chunks * OVP_NET_RESNET_CHUNK;
    ovp_idx used = 0, image = 0, plain = round_up(m->outputs * r->features), partial = 0;
    for (ovp_idx l = 0; l < r->convs; l++) {
        ovp_net_resnet_layer *y = &o->layer[l];
        const ovp_net_conv_sizes room = ovp_net_conv_room(y->conv);
        const ovp_idx count = y->c->out * y->c->in * 9;
        y->z = cut(slab, &used, rows * y->image);
        y->packed = cut(slab, &used, room.forward);
        y->packed_data = cut(slab, &used, room.data);
        y->scale = cut(slab, &used, y->channels);
        y->shift = cut(slab, &used, y->channels);
        y->mean = cut(slab, &used, y->channels);
        if (l % 2 == 0) o->h[l / 2] = cut(slab, &used, rows * y->image);
        if (y->image > image) image = y->image;
        if (y->channels > o->most_channels) o->most_channels = y->channels;
        if (count > plain) plain = count;
        if (room.weight > partial) partial = room.weight;
        if (room.scratch > o->scratch) o->scratch = room.scratch;
    }
    for (int i = 0; i < 3; i++) o->g[i] = cut(slab, &used, rows * image);
    o->coefficients = cut(slab, &used, 3 * o->most_channels);
    o->features = cut(slab, &used, rows * r->features);
    o->plain = cut(slab, &used, plain);
    o->partial = cut(slab, &used, o->tasks * partial);
    o->images = round_up(OVP_NET_RESNET_CHUNK * image);
    o->inputs = round_up(OVP_NET_RESNET_CHUNK * m->inputs);
    o->weights = partial;
    o->worker_room = 2 * o->images + o->inputs + o->weights + o->scratch;
    o->worker = cut(slab, &used, ovp_threads(ws->ctx) * o->worker_room);
    return used;
}

ovp_status ovp_net_resnet_prepare(ovp_net_workspace *ws) {
    const ovp_net_resnet *r = ovp_net_resnet_of(ws->model);
    ovp_net_resnet_rooms *o;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(ws->ctx, &ws->engine, 1, sizeof *o));
    o = ws->engine;
    o->loops = ovp_net_conv_loops_for(ws->ctx);
    o->chunks = ovp_net_resnet_chunks(ws->rows, &o->tasks);
    OVP_TRY(make_layers(ws));
    OVP_TRY(ovp_alloc(ws->ctx, &o->h, r->blocks + 1, sizeof *o->h));
    OVP_TRY(ovp_alloc(ws->ctx, &o->slab, lay_out(ws, NULL), sizeof *o->slab));
    lay_out(ws, o->slab);
    OVP_TRY(ovp_alloc(ws->ctx, &o->sums, o->chunks * 2 * o->most_channels, sizeof *o->sums));
    OVP_TRY(ovp_alloc(ws->ctx, &o->pass.statistics, ws->model->state_values, sizeof(double)));
done:
    return status;
}

void ovp_net_resnet_release(ovp_net_workspace *ws) {
    ovp_net_resnet_rooms *o = ws->engine;
    if (!o) return;
    for (int i = 0; i < o->shapes; i++) ovp_net_conv_free(o->shape[i]);
    ovp_free(ws->ctx, o->layer);
    ovp_free(ws->ctx, o->h);
    ovp_free(ws->ctx, o->slab);
    ovp_free(ws->ctx, o->sums);
    ovp_free(ws->ctx, o->pass.statistics);
}

/* ---- what both passes use ------------------------------------------------------------------------- */

ovp_net_resnet_bench ovp_net_resnet_bench_of(const ovp_net_resnet_rooms *o, const ovp_ctx *worker) {
    float *u = o->worker + ovp_worker(worker) * o->worker_room, *dz = u + o->images, *x = dz + o->images,
          *dw = x + o->inputs;
    return (ovp_net_resnet_bench){u, dz, x, dw, dw + o->weights};
}

ovp_idx ovp_net_resnet_chunks(ovp_idx rows, ovp_idx *tasks) {
    const ovp_idx chunks = (rows + OVP_NET_RESNET_CHUNK - 1) / OVP_NET_RESNET_CHUNK;
    *tasks = chunks < OVP_NET_RESNET_TASKS ? chunks : OVP_NET_RESNET_TASKS;
    return chunks;
}

ovp_status ovp_net_resnet_parallel(const ovp_net_resnet_step *step, ovp_task_fn fn) {
    ovp_idx tasks;
    ovp_net_resnet_chunks(step->batch->rows, &tasks);
    return ovp_parallel(step->ws->ctx, tasks, fn, (void *)(uintptr_t)step);
}

void ovp_net_resnet_clear_tail(float *images, ovp_idx image, ovp_idx valid) {
    memset(images + valid * image, 0, (size_t)((OVP_NET_RESNET_CHUNK - valid) * image) * sizeof *images);
}

const float *ovp_net_resnet_inputs(const ovp_net_resnet_step *s, ovp_idx chunk, float *x) {
    const ovp_idx inputs = s->batch->inputs, valid = ovp_net_resnet_valid(s->batch->rows, chunk);
    const float *from = (const float *)s->batch->x + chunk * OVP_NET_RESNET_CHUNK * inputs;
    if (valid == OVP_NET_RESNET_CHUNK) return from;
    memcpy(x, from, (size_t)(valid * inputs) * sizeof *x);
    ovp_net_resnet_clear_tail(x, inputs, valid);
    return x;
}

void ovp_net_resnet_rectified(const ovp_net_resnet_rooms *o, const ovp_net_resnet_layer *y, ovp_idx chunk,
                              ovp_idx valid, float *u) {
    ovp_net_maps maps = y->maps;
    maps.samples = valid;
    o->loops->affine(&maps, y->z + chunk * OVP_NET_RESNET_CHUNK * y->image, y->scale, y->shift, NULL, 1, u);
    ovp_net_resnet_clear_tail(u, y->image, valid);
}

int ovp_net_resnet_widens(const ovp_net_resnet_rooms *o, ovp_idx k) {
    return o->layer[1 + 2 * k].c->in != o->layer[1 + 2 * k].c->out;
}

/* Channel i of the narrow image is channel i + in / 2 of the wide one, every other pixel of it. */
void ovp_net_resnet_shortcut(const ovp_net_resnet_rooms *o, ovp_idx k, ovp_idx valid, float *narrow, float *wide,
                             int transposed) {
    const ovp_net_resnet_layer *from = &o->layer[2 * k], *to = &o->layer[1 + 2 * k];
    const ovp_idx size = to->c->size, out = (size + 1) / 2, in = to->c->in, a = from->maps.lanes, b = to->maps.lanes;
    for (ovp_idx n = 0; n < valid; n++)
        for (ovp_idx i = 0; i < in; i++) {
            const ovp_idx j = i + (to->c->out - in) / 2;
            float *x = narrow + n * from->image + i / a * size * size * a + i % a;
            float *y = wide + n * to->image + j / b * out * out * b + j % b;
            for (ovp_idx p = 0; p < out; p++)
                for (ovp_idx q = 0; q < out; q++) {
                    float *here = x + (2 * p * size + 2 * q) * a, *there = y + (p * out + q) * b;
                    if (transposed)
                        *here += *there;
                    else
                        *there += *here;
                }
        }
}

/* ---- forward -------------------------------------------------------------------------------------- */

/* Input of block k: what the first convolution or the block below gives. */
static float *block_input(const ovp_net_resnet_rooms *o, ovp_idx k, ovp_idx chunk, ovp_idx valid) {
    const ovp_net_resnet_layer *y = &o->layer[2 * k];
    const ovp_idx at = chunk * OVP_NET_RESNET_CHUNK;
    float *h = o->h[k] + at * y->image;
    ovp_net_maps maps = y->maps;
    maps.samples = valid;
    if (k == 0) {
        ovp_net_resnet_rectified(o, y, chunk, valid, h);
        return h;
    }
    float *below = o->h[k - 1] + at * o->layer[2 * k - 2].image;
    const float *add = below;
    if (ovp_net_resnet_widens(o, k - 1)) {
        memset(h, 0, (size_t)(valid * y->image) * sizeof *h);
        ovp_net_resnet_shortcut(o, k - 1, valid, below, h, 0);
        add = h;
    }
    o->loops->affine(&maps, y->z + at * y->image, y->scale, y->shift, add, 1, h);
    ovp_net_resnet_clear_tail(h, y->image, valid);
    return h;
}

static ovp_status forward_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const ovp_net_resnet_step *s = arg;
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[s->l];
    const ovp_net_resnet_bench bench = ovp_net_resnet_bench_of(o, worker);
    const ovp_idx rows = s->batch->rows;
    ovp_idx tasks;
    const ovp_idx chunks = ovp_net_resnet_chunks(rows, &tasks);
    for (ovp_idx chunk = task * chunks / tasks; chunk < (task + 1) * chunks / tasks; chunk++) {
        const ovp_idx valid = ovp_net_resnet_valid(rows, chunk);
        const float *x = bench.u;
        if (s->l == 0)
            x = ovp_net_resnet_inputs(s, chunk, bench.x);
        else if (s->l % 2)
            x = block_input(o, s->l / 2, chunk, valid);
        else
            ovp_net_resnet_rectified(o, y - 1, chunk, valid, bench.u);
        float *z = y->z + chunk * OVP_NET_RESNET_CHUNK * y->image;
        ovp_status status = ovp_net_conv_run(y->conv, worker, OVP_CONV_FORWARD, x, y->packed, z, bench.scratch);
        if (status != OVP_OK) return status;
        if (!s->measured) continue;
        double *sums = o->sums + chunk * 2 * y->channels;
        ovp_net_maps maps = y->maps;
        maps.samples = valid;
        o->loops->moments(&maps, z, sums, sums + y->channels);
    }
    return OVP_OK;
}

/* Mean and variance of the batch from those of its chunks (Chan, Golub and LeVeque 1983). */
static void combine(const ovp_net_resnet_step *s, double *statistics) {
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[s->l];
    ovp_idx tasks;
    const ovp_idx chunks = ovp_net_resnet_chunks(s->batch->rows, &tasks);
    for (ovp_idx i = 0; i < y->c->out; i++) {
        double mean = 0, square = 0, count = 0;
        for (ovp_idx k = 0; k < chunks; k++) {
            const double *sums = o->sums + k * 2 * y->channels;
            const double more = (double)(ovp_net_resnet_valid(s->batch->rows, k) * y->c->pixels), d = sums[i] - mean;
            mean += d * more / (count + more);
            square += sums[y->channels + i] + d * d * count * more / (count + more);
            count += more;
        }
        statistics[y->c->mean + i] = mean;
        statistics[y->c->variance + i] = square / count;
    }
}

/* The norm as one scale and shift a channel. */
static void fold(const ovp_net_resnet_step *s, const double *statistics) {
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[s->l];
    const ovp_net_resnet_conv *c = y->c;
    for (ovp_idx i = 0; i < c->out; i++) {
        const double mean = statistics[c->mean + i];
        const double scale =
            c->delta * (double)s->theta[c->scale + i] / sqrt(statistics[c->variance + i] + OVP_NET_BATCH_NORM_EPS);
        y->scale[i] = (float)scale;
        y->shift[i] = (float)(c->delta * (double)s->theta[c->shift + i] - scale * mean);
        y->mean[i] = (float)mean;
    }
}

/* Last block's output, its mean over pixels, the linear layer. */
static ovp_status head_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const ovp_net_resnet_step *s = arg;
    const ovp_net_model *m = s->ws->model;
    const ovp_net_resnet *r = ovp_net_resnet_of(m);
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[r->convs - 1];
    const ovp_idx rows = s->batch->rows, c = m->outputs, lanes = y->maps.lanes, pixels = y->c->pixels;
    ovp_idx tasks;
    const ovp_idx chunks = ovp_net_resnet_chunks(rows, &tasks);
    (void)worker;
    for (ovp_idx chunk = task * chunks / tasks; chunk < (task + 1) * chunks / tasks; chunk++) {
        const ovp_idx valid = ovp_net_resnet_valid(rows, chunk);
        const float *h = block_input(o, r->blocks, chunk, valid);
        for (ovp_idx n = 0; n < valid; n++) {
            const ovp_idx row = chunk * OVP_NET_RESNET_CHUNK + n;
            float *features = o->features + row * r->features;
            for (ovp_idx i = 0; i < r->features; i++) {
                const float *at = h + n * y->image + i / lanes * pixels * lanes + i % lanes;
                double sum = 0;
                for (ovp_idx p = 0; p < pixels; p++) sum += (double)at[p * lanes];
                features[i] = (float)(sum / (double)pixels);
            }
            for (ovp_idx k = 0; k < c; k++) {
                double sum = (double)s->theta[r->bias + k];
                for (ovp_idx i = 0; i < r->features; i++)
                    sum += (double)s->theta[r->weight + k * r->features + i] * (double)features[i];
                s->ws->wide[row * c + k] = sum;
                s->f[row * c + k] = (float)sum;
            }
        }
    }
    return OVP_OK;
}

static ovp_status pack_task(ovp_ctx *worker, void *arg, ovp_idx l) {
    const ovp_net_resnet_step *s = arg;
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[l];
    return ovp_net_conv_run(y->conv, worker, OVP_CONV_PACK_FORWARD, s->theta + y->c->weight, y->packed, NULL,
                            ovp_net_resnet_bench_of(o, worker).scratch);
}

/* By the batch's statistics, which are measured on the way, or by given ones. */
static ovp_status pass(ovp_net_resnet_step *s, double *statistics) {
    const ovp_net_resnet *r = ovp_net_resnet_of(s->ws->model);
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_parallel(s->ws->ctx, r->convs, pack_task, s));
    for (s->l = 0; s->l < r->convs; s->l++) {
        OVP_TRY(ovp_net_resnet_parallel(s, forward_task));
        if (s->measured) combine(s, statistics);
        fold(s, statistics);
    }
    OVP_TRY(ovp_net_resnet_parallel(s, head_task));
done:
    return status;
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    ovp_net_resnet_rooms *o = ws->engine;
    ovp_net_resnet_step s = {.ws = ws, .batch = batch, .theta = theta, .f = f, .measured = 1};
    o->pass.rows = batch->rows;
    return pass(&s, o->pass.statistics);
}

static ovp_status evaluate(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *state,
                           void *f) {
    ovp_net_resnet_step s = {.ws = ws, .batch = batch, .theta = theta, .f = f};
    double *statistics = NULL;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(ws->ctx, &statistics, ws->model->state_values, sizeof *statistics));
    for (ovp_idx i = 0; i < ws->model->state_values; i++) statistics[i] = (double)((const float *)state)[i];
    OVP_TRY(pass(&s, statistics));
done:
    ovp_free(ws->ctx, statistics);
    return status;
}

const ovp_net_engine ovp_net_resnet_onednn = {.name = "conv",
                                              .prepare = ovp_net_resnet_prepare,
                                              .release = ovp_net_resnet_release,
                                              .forward = forward,
                                              .backward = ovp_net_resnet_backward,
                                              .absorb = ovp_net_resnet_absorb,
                                              .evaluate = evaluate};
#endif
