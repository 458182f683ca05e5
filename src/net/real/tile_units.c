/* Hidden units in the lanes, for nets of one hidden layer: a block of units meets all samples of the chunk while its
 * weights and gradients stay in registers. The space and the order of the gradient are the features layout's. */
#include "net/real/tile_run.h"

enum { BLOCK = 256 };

static void plan(tile *t, const ovp_net_model *m, ovp_idx lanes) {
    OVP_REAL(ovp_net_tile_features).plan(t, m, lanes);
    t->sums = take(&t->worker, m->outputs * t->samples * lanes);
}

/* A block of units: columns first .. first + count of the padded hidden layer. Its activations stand together, [count
 * of samples][units]. */
typedef struct block {
    ovp_idx first, units;
    real *h, *z;
} block;

static block block_at(const run *r, const chunk *c, ovp_idx first) {
    const ovp_idx width = pad(r->m->layer[0].out), units = width - first < BLOCK ? width - first : BLOCK;
    return (block){first, units, c->scratch + r->t->hidden[1] + first * c->count,
                   c->scratch + r->t->before[1] + first * c->count};
}

static void forward_block(const run *r, const chunk *c, const block *b) {
    const tile *t = r->t;
    const ovp_net_layer *y = &r->m->layer[0];
    const ovp_idx width = pad(y->out), d = y->in;
    const ovp_net_tile_scalars x = {(const real *)r->batch->x + c->first * d, d, 1};
    r->k->product(c->count, b->units, d, &x, t->data + t->weight[0] + b->first, width, OVP_TILE_COLUMNS,
                  t->data + t->bias[0] + b->first, b->z, b->units);
    ovp_numeric_phi(c->ctx, r->m->act, OVP_REAL_TYPE, c->count * b->units, b->z, b->h);
    for (ovp_idx o = 0; o < r->m->outputs; o++)
        r->k->strips(c->count, b->units, b->h, t->data + t->transposed[1] + o * width + b->first,
                     c->scratch + t->sums + o * t->samples * r->k->lanes, b->first > 0);
}

static void backward_block(const run *r, const chunk *c, const block *b) {
    static const real one = 1;
    const tile *t = r->t;
    const ovp_net_layer *y = &r->m->layer[0];
    const ovp_idx width = pad(y->out), d = y->in, outputs = r->m->outputs;
    const ovp_net_tile_start start = c->add ? OVP_TILE_ADD : OVP_TILE_ZERO;
    const real *df = c->scratch + t->top;
    if (t->tanh) {
        const ovp_net_tile_block s = {.samples = c->count,
                                      .inputs = d,
                                      .units = b->units,
                                      .ld = width,
                                      .x = (const real *)r->batch->x + c->first * d,
                                      .output = t->data + t->transposed[1] + b->first};
        const ovp_net_tile_shallow_gradient to = {c->partial + t->slot[0] + b->first,
                                                  y->bias < 0 ? NULL : c->partial + t->bias_slot[0] + b->first,
                                                  c->partial + t->slot[1] + b->first};
        r->k->tanh_backward(&s, b->h, df, &to, c->add);
        return;
    }
    real *g = c->scratch + t->down[0];
    const ovp_net_tile_scalars by_output = {df, c->padded, 1}, by_sample = {df, 1, c->padded};
    r->k->product(outputs, b->units, c->count, &by_output, b->h, b->units, start, NULL,
                  c->partial + t->slot[1] + b->first, width);
    r->k->product(c->count, b->units, outputs, &by_sample, t->data + t->transposed[1] + b->first, width, OVP_TILE_ZERO,
                  NULL, g, b->units);
    ovp_numeric_dphi_mul(c->ctx, r->m->act, OVP_REAL_TYPE, c->count * b->units, r->m->act->from_output ? b->h : b->z,
                         g);
    const ovp_net_tile_scalars x = {(const real *)r->batch->x + c->first * d, 1, d}, ones = {&one, 0, 0};
    r->k->product(d, b->units, c->count, &x, g, b->units, start, NULL, c->partial + t->slot[0] + b->first, width);
    if (y->bias >= 0)
        r->k->product(1, b->units, c->count, &ones, g, b->units, start, NULL, c->partial + t->bias_slot[0] + b->first,
                      width);
}

static ovp_status chunk_pass(const run *r, chunk *c) {
    const tile *t = r->t;
    const ovp_idx width = pad(r->m->layer[0].out);
    const int biased = r->m->layer[1].bias >= 0;
    for (ovp_idx u = 0; u < width; u += BLOCK) {
        const block b = block_at(r, c, u);
        forward_block(r, c, &b);
    }
    for (ovp_idx o = 0; o < r->m->outputs; o++) {
        real *f = c->scratch + t->top + o * c->padded;
        r->k->lane_sums(c->count, c->scratch + t->sums + o * t->samples * r->k->lanes, f);
        for (ovp_idx i = 0; biased && i < c->count; i++) f[i] += t->data[t->bias[1] + o];
    }
    ovp_status status = OVP_REAL(ovp_net_tile_outputs)(r, c, c->scratch + t->top, 1, c->padded);
    if (status != OVP_OK || !r->backward) return status;
    for (ovp_idx u = 0; u < width; u += BLOCK) {
        const block b = block_at(r, c, u);
        backward_block(r, c, &b);
    }
    for (ovp_idx o = 0; biased && o < r->m->outputs; o++) {
        real sum = c->add ? c->partial[t->bias_slot[1] + o] : 0;
        for (ovp_idx i = 0; i < c->count; i++) sum += c->scratch[t->top + o * c->padded + i];
        c->partial[t->bias_slot[1] + o] = sum;
    }
    return OVP_OK;
}

static void begin(const run *r) {
    OVP_REAL(ovp_net_tile_features).begin(r);
}

static real *finish(const run *r, real *space) {
    return OVP_REAL(ovp_net_tile_features).finish(r, space);
}

const scheme OVP_REAL(ovp_net_tile_units) = {.plan = plan, .begin = begin, .chunk = chunk_pass, .finish = finish};
