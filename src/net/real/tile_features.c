/* Features in the lanes: every activation is a row of a sample's units, padded to whole registers, weights are rows of
 * outputs. For layers of a register's width and more, whatever the number of samples; a last layer of a few outputs is
 * done with lanes across its inputs. */
#include "net/real/tile_run.h"

#include <string.h>

static int is_narrow(const ovp_net_model *m, ovp_idx l) {
    return l > 0 && l + 1 == m->layers && m->outputs <= MAX_NARROW;
}

static void plan(tile *t, const ovp_net_model *m, ovp_idx lanes) {
    (void)lanes;
    const ovp_idx s = t->samples;
    ovp_idx widest = pad(m->outputs);
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        const int narrow = is_narrow(m, l);
        t->slot[l] = take(&t->gradients, narrow ? y->out * pad(y->in) : y->in * pad(y->out));
        t->bias_slot[l] = y->bias < 0 ? -1 : take(&t->gradients, y->out);
        if (!narrow) t->weight[l] = take(&t->scratch, y->in * pad(y->out));
        if (l > 0) t->transposed[l] = take(&t->scratch, y->out * pad(y->in));
        t->bias[l] = take(&t->scratch, y->out);
        if (l == 0) continue;
        t->hidden[l] = take(&t->worker, pad(y->in) * s);
        t->before[l] = m->act->from_output ? t->hidden[l] : take(&t->worker, pad(y->in) * s);
        if (pad(y->in) > widest) widest = pad(y->in);
    }
    t->top = take(&t->worker, pad(m->outputs) * s);
    for (int i = 0; i < 2; i++) t->down[i] = take(&t->worker, widest * s);
}

/* Padding is zero since the allocation and never written. */
static void begin(const run *r) {
    const tile *t = r->t;
    for (ovp_idx l = 0; l < r->m->layers; l++) {
        const ovp_net_layer *y = &r->m->layer[l];
        const real *w = r->theta + y->weight;
        if (!is_narrow(r->m, l))
            for (ovp_idx k = 0; k < y->in; k++)
                memcpy(t->data + t->weight[l] + k * pad(y->out), w + k * y->out, (size_t)y->out * sizeof(real));
        for (ovp_idx o = 0; l > 0 && o < y->out; o++) {
            real *row = t->data + t->transposed[l] + o * pad(y->in);
            if (y->out == 1)
                memcpy(row, w, (size_t)y->in * sizeof(real));
            else
                for (ovp_idx k = 0; k < y->in; k++) row[k] = w[k * y->out + o];
        }
        if (y->bias >= 0) memcpy(t->data + t->bias[l], r->theta + y->bias, (size_t)y->out * sizeof(real));
    }
}

static const real *input(const run *r, const chunk *c, ovp_idx l, ovp_idx *ld) {
    *ld = l > 0 ? pad(r->m->layer[l].in) : r->batch->inputs;
    return l > 0 ? c->scratch + r->t->hidden[l] : (const real *)r->batch->x + c->first * r->batch->inputs;
}

static void forward(const run *r, const chunk *c) {
    const ovp_net_model *m = r->m;
    const tile *t = r->t;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        const int top = l + 1 == m->layers;
        real *z = c->scratch + (top ? t->top : t->before[l + 1]);
        ovp_idx ld;
        const real *a = input(r, c, l, &ld);
        if (is_narrow(m, l)) {
            r->k->dots(c->count, y->out, pad(y->in), a, ld, t->data + t->transposed[l], pad(y->in), z, PAD);
            for (ovp_idx i = 0; y->bias >= 0 && i < c->count; i++)
                for (ovp_idx o = 0; o < y->out; o++) z[i * PAD + o] += t->data[t->bias[l] + o];
            continue;
        }
        const ovp_net_tile_scalars x = {a, ld, 1};
        r->k->product(c->count, pad(y->out), y->in, &x, t->data + t->weight[l], pad(y->out), OVP_TILE_COLUMNS,
                      t->data + t->bias[l], z, pad(y->out));
        if (!top)
            ovp_numeric_phi(c->ctx, m->act, OVP_REAL_TYPE, pad(y->out) * c->count, z, c->scratch + t->hidden[l + 1]);
    }
}

/* g = or += sum over samples of dz. */
static void bias_gradient(const run *r, const chunk *c, ovp_idx l, const real *dz, real *g) {
    static const real one = 1;
    const ovp_net_tile_scalars ones = {&one, 0, 0};
    const ovp_idx out = pad(r->m->layer[l].out);
    r->k->product(1, out, c->count, &ones, dz, out, c->add ? OVP_TILE_ADD : OVP_TILE_ZERO, NULL, g, out);
}

static void backward(const run *r, const chunk *c) {
    const ovp_net_model *m = r->m;
    const tile *t = r->t;
    const ovp_net_tile_start start = c->add ? OVP_TILE_ADD : OVP_TILE_ZERO;
    const real *dz = c->scratch + t->top;
    for (ovp_idx l = m->layers - 1; l >= 0; l--) {
        const ovp_net_layer *y = &m->layer[l];
        const ovp_idx in = pad(y->in), out = pad(y->out);
        ovp_idx ld;
        const real *a = input(r, c, l, &ld);
        real *g = c->partial + t->slot[l];
        if (is_narrow(m, l)) {
            const ovp_net_tile_scalars d = {dz, 1, PAD};
            r->k->product(y->out, in, c->count, &d, a, ld, start, NULL, g, in);
        } else {
            const ovp_net_tile_scalars x = {a, 1, ld};
            r->k->product(y->in, out, c->count, &x, dz, out, start, NULL, g, out);
        }
        if (y->bias >= 0) bias_gradient(r, c, l, dz, c->partial + t->bias_slot[l]);
        if (l == 0) break;
        const ovp_net_tile_scalars d = {dz, out, 1};
        real *da = c->scratch + t->down[l % 2];
        r->k->product(c->count, in, y->out, &d, t->data + t->transposed[l], in, OVP_TILE_ZERO, NULL, da, in);
        ovp_numeric_dphi_mul(c->ctx, m->act, OVP_REAL_TYPE, in * c->count,
                             c->scratch + (m->act->from_output ? t->hidden[l] : t->before[l]), da);
        dz = da;
    }
}

static ovp_status chunk_pass(const run *r, chunk *c) {
    forward(r, c);
    ovp_status status = OVP_REAL(ovp_net_tile_outputs)(r, c, c->scratch + r->t->top, pad(r->m->outputs), 1);
    if (status == OVP_OK && r->backward) backward(r, c);
    return status;
}

/* One row of a padded gradient: the partials in order. */
static void add_row(const run *r, const real *from, ovp_idx count, real *to, ovp_idx step) {
    if (step == 1) {
        memcpy(to, from, (size_t)count * sizeof(real));
        for (ovp_idx q = 1; q < r->groups; q++)
            for (ovp_idx j = 0; j < count; j++) to[j] += from[q * r->t->gradients + j];
        return;
    }
    for (ovp_idx j = 0; j < count; j++) {
        real sum = from[j];
        for (ovp_idx q = 1; q < r->groups; q++) sum += from[q * r->t->gradients + j];
        to[j * step] = sum;
    }
}

static real *finish(const run *r, real *gradient) {
    const tile *t = r->t;
    const real *partial = t->data + t->partial;
    for (ovp_idx l = 0; l < r->m->layers; l++) {
        const ovp_net_layer *y = &r->m->layer[l];
        const real *g = partial + t->slot[l];
        real *to = gradient + y->weight;
        if (is_narrow(r->m, l))
            for (ovp_idx o = 0; o < y->out; o++) add_row(r, g + o * pad(y->in), y->in, to + o, y->out);
        else
            for (ovp_idx k = 0; k < y->in; k++) add_row(r, g + k * pad(y->out), y->out, to + k * y->out, 1);
        if (y->bias >= 0) add_row(r, partial + t->bias_slot[l], y->out, gradient + y->bias, 1);
    }
    return gradient;
}

const scheme OVP_REAL(ovp_net_tile_features) = {.plan = plan, .begin = begin, .chunk = chunk_pass, .finish = finish};
