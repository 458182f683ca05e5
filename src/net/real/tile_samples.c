/* Samples in the lanes: every activation is a row of samples, weights are broadcast. Nothing is wasted whatever the
 * widths; gradients are kept lane by lane ([in][out][lanes]) and added up once a group. */
#include "net/real/tile_run.h"

static void plan(tile *t, const ovp_net_model *m, ovp_idx lanes) {
    const ovp_idx s = t->samples;
    ovp_idx sums = 0;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        t->slot[l] = take(&sums, y->in * y->out * lanes);
        t->bias_slot[l] = y->bias < 0 ? -1 : take(&sums, y->out * lanes);
        if (l == 0) continue;
        t->hidden[l] = take(&t->worker, y->in * s);
        t->before[l] = m->act->from_output ? t->hidden[l] : take(&t->worker, y->in * s);
    }
    t->top = take(&t->worker, m->outputs * s);
    for (int i = 0; i < 2; i++) t->down[i] = take(&t->worker, OVP_REAL(ovp_net_tile_widest)(m) * s);
    t->sums = take(&t->worker, sums + lanes * lanes); /* lane_sums reads whole blocks of vectors */
    take(&t->gradients, m->parameters);
}

static void begin(const run *r) {
    (void)r; /* theta is read as it is */
}

static const real *input(const run *r, const chunk *c, ovp_idx l, ovp_idx *ld) {
    *ld = c->padded;
    if (l > 0) return c->scratch + r->t->hidden[l];
    *ld = pad(r->batch->capacity) + PAD;
    return (const real *)r->batch->own + c->first;
}

static void forward(const run *r, const chunk *c) {
    const ovp_net_model *m = r->m;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        const ovp_net_tile_scalars w = {r->theta + y->weight, 1, y->out};
        const int top = l + 1 == m->layers;
        real *z = c->scratch + (top ? r->t->top : r->t->before[l + 1]);
        ovp_idx ld;
        const real *a = input(r, c, l, &ld);
        const int biased = y->bias >= 0;
        r->k->product(y->out, c->padded, y->in, &w, a, ld, biased ? OVP_TILE_ROWS : OVP_TILE_ZERO,
                      biased ? r->theta + y->bias : NULL, z, c->padded);
        if (!top)
            ovp_numeric_phi(c->ctx, m->act, OVP_REAL_TYPE, y->out * c->padded, z, c->scratch + r->t->hidden[l + 1]);
    }
}

static void backward(const run *r, const chunk *c) {
    const ovp_net_model *m = r->m;
    const tile *t = r->t;
    const real *dz = c->scratch + t->top;
    real *sums = c->scratch + t->sums;
    for (ovp_idx l = m->layers - 1; l >= 0; l--) {
        const ovp_net_layer *y = &m->layer[l];
        ovp_idx ld;
        const real *a = input(r, c, l, &ld);
        r->k->outer(y->in, y->out, c->padded, a, ld, dz, c->padded, sums + t->slot[l], c->add);
        if (y->bias >= 0) r->k->sums(y->out, c->padded, dz, c->padded, sums + t->bias_slot[l], c->add);
        if (l == 0) break;
        const ovp_net_tile_scalars w = {r->theta + y->weight, y->out, 1};
        real *da = c->scratch + t->down[l % 2];
        if (t->tanh) {
            r->k->product_dtanh(y->in, c->padded, y->out, &w, dz, c->padded, c->scratch + t->hidden[l], da, c->padded);
        } else {
            r->k->product(y->in, c->padded, y->out, &w, dz, c->padded, OVP_TILE_ZERO, NULL, da, c->padded);
            ovp_numeric_dphi_mul(c->ctx, m->act, OVP_REAL_TYPE, y->in * c->padded,
                                 c->scratch + (m->act->from_output ? t->hidden[l] : t->before[l]), da);
        }
        dz = da;
    }
}

static ovp_status chunk_pass(const run *r, chunk *c) {
    forward(r, c);
    ovp_status status = OVP_REAL(ovp_net_tile_outputs)(r, c, c->scratch + r->t->top, 1, c->padded);
    if (status == OVP_OK && r->backward) backward(r, c);
    return status;
}

/* Lanes are added by the thread that filled them: sixteen times less for the others to fetch. */
static void close(const run *r, const chunk *c) {
    const tile *t = r->t;
    const real *sums = c->scratch + t->sums;
    for (ovp_idx l = 0; l < r->m->layers; l++) {
        const ovp_net_layer *y = &r->m->layer[l];
        r->k->lane_sums(y->in * y->out, sums + t->slot[l], c->partial + y->weight);
        if (y->bias >= 0) r->k->lane_sums(y->out, sums + t->bias_slot[l], c->partial + y->bias);
    }
}

const scheme OVP_REAL(ovp_net_tile_samples) = {
    .plan = plan, .begin = begin, .chunk = chunk_pass, .close = close, .finish = OVP_REAL(ovp_net_tile_add_partials)};
