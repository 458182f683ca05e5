/* The units layout where everything fits one loop: one hidden layer of ReLUs, one output, at most four inputs. Theta is
 * read as it stands and partial gradients are in its order. */
#include "net/real/tile_run.h"

static void plan(tile *t, const ovp_net_model *m, ovp_idx lanes) {
    t->top = take(&t->worker, t->samples);
    t->sums = take(&t->worker, t->samples * lanes);
    t->patterns = take(&t->worker, t->samples * pad(m->layer[0].out) / 2);
    take(&t->gradients, m->parameters);
}

static void begin(const run *r) {
    (void)r;
}

static ovp_status chunk_pass(const run *r, chunk *c) {
    const tile *t = r->t;
    const ovp_net_layer *hidden = &r->m->layer[0], *last = &r->m->layer[1];
    const ovp_net_tile_shallow s = {.samples = c->count,
                                    .inputs = hidden->in,
                                    .units = hidden->out,
                                    .ld = hidden->out,
                                    .x = (const real *)r->batch->x + c->first * hidden->in,
                                    .weight = r->theta + hidden->weight,
                                    .bias = hidden->bias < 0 ? NULL : r->theta + hidden->bias,
                                    .output = r->theta + last->weight};
    real *f = c->scratch + t->top;
    r->k->relu_forward(&s, c->scratch + t->patterns, c->scratch + t->sums);
    r->k->lane_sums(c->count, c->scratch + t->sums, f);
    for (ovp_idx i = 0; last->bias >= 0 && i < c->count; i++) f[i] += r->theta[last->bias];
    ovp_status status = OVP_REAL(ovp_net_tile_outputs)(r, c, f, 1, c->padded);
    if (status != OVP_OK || !r->backward) return status;
    const ovp_net_tile_shallow_gradient g = {
        c->partial + hidden->weight, hidden->bias < 0 ? NULL : c->partial + hidden->bias, c->partial + last->weight};
    r->k->relu_backward(&s, c->scratch + t->patterns, f, &g, c->add);
    if (last->bias < 0) return OVP_OK;
    real sum = c->add ? c->partial[last->bias] : 0;
    for (ovp_idx i = 0; i < c->count; i++) sum += f[i];
    c->partial[last->bias] = sum;
    return OVP_OK;
}

const scheme OVP_REAL(ovp_net_tile_relu) = {
    .plan = plan, .begin = begin, .chunk = chunk_pass, .finish = OVP_REAL(ovp_net_tile_add_partials)};
