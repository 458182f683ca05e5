/* The convolutional residual net on oneDNN: the backward pass. */
#include "net/resnet_conv_int.h"

#ifdef OVP_HAVE_ONEDNN
#include <math.h>
#include <string.h>

/* The gradient of what layer l's norm gives, gated by what the ReLU let through, with its sums for the norm. */
static void gate(const ovp_net_resnet_rooms *o, ovp_idx l, ovp_idx chunk, ovp_idx valid, const float *by,
                 const float *add, float *g) {
    const ovp_net_resnet_layer *y = &o->layer[l];
    double *sums = o->sums + chunk * 2 * y->channels;
    ovp_net_maps maps = y->maps;
    maps.samples = valid;
    o->loops->gate(&maps, by, add, y->z + chunk * OVP_NET_RESNET_CHUNK * y->image, y->mean, g, sums,
                   sums + y->channels);
}

/* From the outputs to the gradient of what the last norm gives (s->to). */
static ovp_status head_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const ovp_net_resnet_step *s = arg;
    const ovp_net_resnet *r = ovp_net_resnet_of(s->ws->model);
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[r->convs - 1];
    const ovp_idx rows = s->batch->rows, c = s->ws->model->outputs, lanes = y->maps.lanes, pixels = y->c->pixels;
    ovp_idx tasks;
    const ovp_idx chunks = ovp_net_resnet_chunks(rows, &tasks);
    (void)worker;
    for (ovp_idx chunk = task * chunks / tasks; chunk < (task + 1) * chunks / tasks; chunk++) {
        const ovp_idx valid = ovp_net_resnet_valid(rows, chunk), at = chunk * OVP_NET_RESNET_CHUNK;
        float *g = s->to + at * y->image;
        memset(g, 0, (size_t)(valid * y->image) * sizeof *g); /* padded channels */
        for (ovp_idx n = 0; n < valid; n++)
            for (ovp_idx i = 0; i < r->features; i++) {
                double sum = 0;
                for (ovp_idx k = 0; k < c; k++)
                    sum += (double)s->df[(at + n) * c + k] * (double)s->theta[r->weight + k * r->features + i];
                float *to = g + n * y->image + i / lanes * pixels * lanes + i % lanes;
                for (ovp_idx p = 0; p < pixels; p++) to[p * lanes] = (float)(sum / (double)pixels);
            }
        gate(o, r->convs - 1, chunk, valid, o->h[r->blocks] + at * y->image, NULL, g);
    }
    return OVP_OK;
}

static void linear_gradient(const ovp_net_resnet_step *s, const ovp_net_sink *sink) {
    const ovp_net_model *m = s->ws->model;
    const ovp_net_resnet *r = ovp_net_resnet_of(m);
    const ovp_net_resnet_rooms *o = s->ws->engine;
    for (ovp_idx k = 0; k < m->outputs; k++) {
        double bias = 0;
        for (ovp_idx n = 0; n < s->batch->rows; n++) bias += (double)s->df[n * m->outputs + k];
        for (ovp_idx i = 0; i < r->features; i++) {
            double sum = 0;
            for (ovp_idx n = 0; n < s->batch->rows; n++)
                sum += (double)s->df[n * m->outputs + k] * (double)o->features[n * r->features + i];
            o->plain[i] = (float)sum;
        }
        ovp_net_sink_range(m, s->ws->ctx, sink, r->weight + k * r->features, r->features, 1, o->plain);
        o->plain[0] = (float)bias;
        ovp_net_sink_range(m, s->ws->ctx, sink, r->bias + k, 1, 1, o->plain);
    }
}

/* Gradients of scale and shift, and the coefficients of dz = a g + b z + c. With y = delta (gamma n + beta), n = rate
 * (z
 * - mean), rate = 1 / sqrt(variance + eps) and M values a channel: dz = delta gamma rate (g - sum g / M - n sum(g n) /
 * M). */
static void norm_gradient(const ovp_net_resnet_step *s, const ovp_net_sink *sink) {
    const ovp_net_model *m = s->ws->model;
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[s->l];
    const ovp_net_resnet_conv *c = y->c;
    const double count = (double)(s->batch->rows * c->pixels), *statistics = o->pass.statistics;
    float *a = o->coefficients, *b = a + y->channels, *shift = b + y->channels;
    float *dscale = o->plain, *dshift = o->plain + c->out;
    ovp_idx tasks;
    const ovp_idx chunks = ovp_net_resnet_chunks(s->batch->rows, &tasks);
    memset(a, 0, (size_t)(3 * y->channels) * sizeof *a);
    for (ovp_idx i = 0; i < c->out; i++) {
        const double mean = statistics[c->mean + i];
        const double rate = 1 / sqrt(statistics[c->variance + i] + OVP_NET_BATCH_NORM_EPS);
        const double gamma = c->delta * (double)s->theta[c->scale + i];
        double sum = 0, along = 0;
        for (ovp_idx k = 0; k < chunks; k++) {
            const double *sums = o->sums + k * 2 * y->channels;
            sum += sums[i];
            along += sums[y->channels + i];
        }
        along += ((double)y->mean[i] - mean) * sum; /* the loops subtracted a rounded mean */
        const double slope = -gamma * rate * rate * rate * along / count;
        a[i] = (float)(gamma * rate);
        b[i] = (float)slope;
        shift[i] = (float)(-gamma * rate * sum / count - slope * mean);
        dscale[i] = (float)(c->delta * rate * along);
        dshift[i] = (float)(c->delta * sum);
    }
    ovp_net_sink_range(m, s->ws->ctx, sink, c->scale, c->out, 1, dscale);
    ovp_net_sink_range(m, s->ws->ctx, sink, c->shift, c->out, 1, dshift);
}

/* Adds the gradient of the weights from one chunk to the task's own. */
static ovp_status weight_gradient(const ovp_net_resnet_rooms *o, const ovp_net_resnet_layer *y, ovp_ctx *worker,
                                  const float *x, const ovp_net_resnet_bench *bench, float *partial, int first) {
    float *dw = first ? partial : bench->dw;
    ovp_status status = ovp_net_conv_run(y->conv, worker, OVP_CONV_WEIGHT, x, bench->dz, dw, bench->scratch);
    (void)o;
    if (status != OVP_OK || first) return status;
    const ovp_idx count = ovp_net_conv_room(y->conv).weight;
    for (ovp_idx i = 0; i < count; i++) partial[i] += dw[i];
    return OVP_OK;
}

/* Through the norm and convolution l of every chunk: from s->from to the gradient of the weights and, but for l = 0,
 * to the gradient s->to of what the norm below gives. */
static ovp_status layer_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const ovp_net_resnet_step *s = arg;
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[s->l], *below = y - 1;
    const ovp_net_resnet_bench bench = ovp_net_resnet_bench_of(o, worker);
    const float *a = o->coefficients, *b = a + y->channels, *c = b + y->channels;
    const ovp_idx rows = s->batch->rows, k = s->l / 2;
    ovp_idx tasks;
    const ovp_idx chunks = ovp_net_resnet_chunks(rows, &tasks), begin = task * chunks / tasks;
    ovp_status status = OVP_OK;
    for (ovp_idx chunk = begin; chunk < (task + 1) * chunks / tasks; chunk++) {
        const ovp_idx valid = ovp_net_resnet_valid(rows, chunk), at = chunk * OVP_NET_RESNET_CHUNK;
        ovp_net_maps maps = y->maps;
        maps.samples = valid;
        o->loops->gradient(&maps, s->from + at * y->image, y->z + at * y->image, a, b, c, bench.dz);
        ovp_net_resnet_clear_tail(bench.dz, y->image, valid);
        const float *x = bench.u;
        if (s->l == 0)
            x = ovp_net_resnet_inputs(s, chunk, bench.x);
        else if (s->l % 2)
            x = o->h[k] + at * below->image;
        else
            ovp_net_resnet_rectified(o, below, chunk, valid, bench.u);
        OVP_TRY(weight_gradient(o, y, worker, x, &bench, o->partial + task * o->weights, chunk == begin));
        if (s->l == 0) continue;
        float *g = s->to + at * below->image;
        OVP_TRY(ovp_net_conv_run(y->conv, worker, OVP_CONV_DATA, bench.dz, y->packed_data, g, bench.scratch));
        const float *add = s->skip ? s->skip + at * y->image : NULL;
        if (add && ovp_net_resnet_widens(o, k)) {
            ovp_net_resnet_shortcut(o, k, valid, g, (float *)(uintptr_t)add, 1);
            add = NULL;
        }
        gate(o, s->l - 1, chunk, valid, x, add, g);
    }
done:
    return status;
}

/* Sums the tasks' gradients, a piece of the weights a task. */
enum { PIECE = 4096 };
static ovp_status reduce_task(ovp_ctx *worker, void *arg, ovp_idx piece) {
    const ovp_net_resnet_step *s = arg;
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_idx room = ovp_net_conv_room(o->layer[s->l].conv).weight, first = piece * PIECE;
    const ovp_idx count = room - first < PIECE ? room - first : PIECE;
    float *sum = o->partial + first;
    ovp_idx tasks;
    ovp_net_resnet_chunks(s->batch->rows, &tasks);
    (void)worker;
    for (ovp_idx t = 1; t < tasks; t++) {
        const float *more = o->partial + t * o->weights + first;
        for (ovp_idx i = 0; i < count; i++) sum[i] += more[i];
    }
    return OVP_OK;
}

static ovp_status sink_weights(const ovp_net_resnet_step *s, const ovp_net_sink *sink) {
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[s->l];
    const ovp_idx room = ovp_net_conv_room(y->conv).weight;
    ovp_status status = ovp_parallel(s->ws->ctx, (room + PIECE - 1) / PIECE, reduce_task, (void *)(uintptr_t)s);
    if (status == OVP_OK)
        status = ovp_net_conv_run(y->conv, s->ws->ctx, OVP_CONV_UNPACK, o->partial, o->plain, NULL,
                                  ovp_net_resnet_bench_of(o, s->ws->ctx).scratch);
    if (status == OVP_OK)
        ovp_net_sink_range(s->ws->model, s->ws->ctx, sink, y->c->weight, y->c->out * y->c->in * 9, 1, o->plain);
    return status;
}

static ovp_status pack_task(ovp_ctx *worker, void *arg, ovp_idx l) {
    const ovp_net_resnet_step *s = arg;
    const ovp_net_resnet_rooms *o = s->ws->engine;
    const ovp_net_resnet_layer *y = &o->layer[l];
    return ovp_net_conv_run(y->conv, worker, OVP_CONV_PACK_DATA, s->theta + y->c->weight, y->packed_data, NULL,
                            ovp_net_resnet_bench_of(o, worker).scratch);
}

/* g[0], g[1] take turns as the gradient of what blocks give; g[2] is inside a block. */
ovp_status ovp_net_resnet_backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                                   const ovp_net_sink *sink) {
    const ovp_net_resnet *r = ovp_net_resnet_of(ws->model);
    ovp_net_resnet_rooms *o = ws->engine;
    ovp_net_resnet_step s = {.ws = ws, .batch = batch, .theta = theta, .df = df};
    ovp_status status = OVP_OK;
    int turn = 0;
    s.to = o->g[turn];
    OVP_TRY(ovp_parallel(ws->ctx, r->convs, pack_task, &s));
    OVP_TRY(ovp_net_resnet_parallel(&s, head_task));
    linear_gradient(&s, sink);
    for (s.l = r->convs - 1; s.l >= 0; s.l--) {
        const int second = s.l > 0 && s.l % 2 == 0;
        s.from = s.l % 2 ? o->g[2] : o->g[turn];
        s.to = second ? o->g[2] : o->g[1 - turn];
        s.skip = s.l % 2 ? o->g[turn] : NULL;
        if (s.l % 2) turn = 1 - turn;
        norm_gradient(&s, sink);
        OVP_TRY(ovp_net_resnet_parallel(&s, layer_task));
        OVP_TRY(sink_weights(&s, sink));
    }
done:
    return status;
}
#endif
