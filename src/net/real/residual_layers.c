/* Layers of residual nets' tile engine: a chunk of samples forward through all of them and back. */
#include "net/real/residual_run.h"

#include <string.h>

/* ---- products of both lane layouts ------------------------------------------------------------------ */

/* The form of a matrix that `multiply` reads: its rows, or those of its transpose. */
static const real *form(const run *r, const real *rows, const real *cols) {
    return r->t->samples_in_lanes ? rows : cols;
}

/* out (m features) = start + M x (n features), M in its form; start NULL: 0. */
static void multiply(const run *r, const chunk *c, ovp_idx m, ovp_idx n, const real *of, const real *x,
                     const real *start, real *out) {
    if (r->t->samples_in_lanes) {
        const ovp_net_tile_scalars scalars = {of, n, 1};
        if (start && start != out) memcpy(out, start, (size_t)(m * c->padded) * sizeof(real));
        r->lanes->product(m, c->padded, n, &scalars, x, c->padded, start ? OVP_TILE_ADD : OVP_TILE_ZERO, NULL, out,
                          c->padded);
        return;
    }
    r->k->product(c->padded, n, pad(m), x, pad(n), of, start, out);
}

/* g += x y^T, summed over the samples; dim x dim */
static void add_outer(const run *r, const chunk *c, const real *x, const real *y, real *g) {
    const ovp_idx d = r->m->dim, width = r->t->width;
    if (r->t->samples_in_lanes)
        r->lanes->outer(d, d, c->padded, x, c->padded, y, c->padded, g, 1);
    else
        r->k->gradient(c->padded, d, width, x, width, y, g);
}

/* Element o of sample i of a matrix with rows of `width`. */
static ovp_idx place(const run *r, const chunk *c, ovp_idx width, ovp_idx i, ovp_idx o) {
    return r->t->samples_in_lanes ? o * c->padded + i : i * width + o;
}

/* ---- layers ----------------------------------------------------------------------------------------- */

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
    const ovp_idx d = m->dim;
    const real *z = h;
    real *t = r->from_output ? s : c->t;
    if (r->fused) {
        r->fused->forward(c->padded, d, h, cols_of(r, k), m->delta, m->kind == OVP_RES_SKIP, s, next);
        return;
    }
    if (has_a(m)) {
        const ovp_idx a = inner(r, k);
        multiply(r, c, d, d, form(r, rows_of(r, a), cols_of(r, a)), h, NULL, s);
        z = s;
    }
    phi(r, c, z, t);
    if (!has_b(m)) {
        r->k->step(c->size, m->delta, t, m->kind == OVP_RES_NONE ? NULL : h, next);
        return;
    }
    const real *rows = rows_of(r, k), *cols = cols_of(r, k);
    const real *b = m->kind == OVP_RES_LINEAR ? form(r, rows, cols) : difference(r, form(r, cols, rows), c->b);
    multiply(r, c, d, d, b, t, h, next);
}

/* Gradient of a layer whose B is (W_k - W_k-1)^T: of both blocks. */
static void increment_gradient(const run *r, const chunk *c, ovp_idx k, const real *t) {
    const ovp_idx n = r->t->slot;
    real *here = c->gradient + k * n, *below = here - n;
    memset(c->b, 0, (size_t)n * sizeof(real));
    add_outer(r, c, t, c->g, c->b);
    for (ovp_idx i = 0; i < n; i++) here[i] += c->b[i];
    for (ovp_idx i = 0; k > 0 && i < n; i++) below[i] -= c->b[i];
}

/* dz = phi'(z) B^T g */
static void through_phi(const run *r, const chunk *c, ovp_idx k, const real *s) {
    const ovp_net_residual *m = r->m;
    if (!has_b(m) && r->is_tanh) {
        r->k->tanh_slope(c->size, m->delta, s, c->g, c->dz);
        return;
    }
    if (has_b(m)) {
        const real *rows = rows_of(r, k), *cols = cols_of(r, k);
        const real *b = m->kind == OVP_RES_LINEAR ? form(r, cols, rows) : difference(r, form(r, rows, cols), c->b);
        multiply(r, c, m->dim, m->dim, b, c->g, NULL, c->dz);
    } else {
        r->k->step(c->size, m->delta, c->g, NULL, c->dz);
    }
    ovp_numeric_dphi_mul(c->ctx, r->model->act, OVP_REAL_TYPE, c->size, s, c->dz);
}

static void layer_backward(const run *r, const chunk *c, ovp_idx k, const real *h, const real *s) {
    const ovp_net_residual *m = r->m;
    const ovp_idx d = m->dim, a = inner(r, k);
    const real *z = has_a(m) || r->from_output ? s : h, *t = z; /* without A z is h */
    if (r->fused) {
        r->fused->backward(c->padded, d, h, s, rows_of(r, k), m->delta, m->kind == OVP_RES_SKIP, c->g,
                           c->gradient + k * r->t->slot, c->s + (k < SEGMENT ? 0 : k - SEGMENT) * c->size);
        return;
    }
    if (has_b(m) && !r->from_output) {
        phi(r, c, z, c->t);
        t = c->t;
    }
    if (m->kind == OVP_RES_LINEAR) add_outer(r, c, c->g, t, c->gradient + k * r->t->slot);
    if (m->kind == OVP_RES_INCREMENT) increment_gradient(r, c, k, t);
    through_phi(r, c, k, z);
    if (!has_a(m)) {
        r->k->step(c->size, 1, c->dz, c->g, c->g);
        return;
    }
    if (a >= 0) add_outer(r, c, c->dz, h, c->gradient + a * r->t->slot);
    multiply(r, c, d, d, form(r, cols_of(r, a), rows_of(r, a)), c->dz, m->kind == OVP_RES_NONE ? NULL : c->g, c->g);
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
    for (ovp_idx i = 0; i < c->count; i++)
        for (ovp_idx j = 0; j < d; j++) to[place(r, c, width, i, j)] = from[i * d + j];
}

/* F = V h; then its derivatives, of the loss or as they are given, in F's place. */
static void read_out(const run *r, chunk *c, const real *h) {
    const ovp_idx outputs = r->model->outputs, outs = r->t->outs, at = c->first * outputs;
    const real *df = r->df ? r->df + at : NULL;
    if (r->f) {
        double *wide = r->ws->wide + at;
        multiply(r, c, outputs, r->m->dim, form(r, r->t->data + r->t->out, r->t->data + r->t->out_rows), h, NULL, c->f);
        for (ovp_idx i = 0; i < c->count; i++)
            for (ovp_idx o = 0; o < outputs; o++) {
                const real value = c->f[place(r, c, outs, i, o)];
                r->f[at + i * outputs + o] = value;
                wide[i * outputs + o] = (double)value;
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
    for (ovp_idx i = 0; i < c->count; i++)
        for (ovp_idx o = 0; o < outputs; o++) c->f[place(r, c, outs, i, o)] = df[i * outputs + o];
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

void OVP_REAL(ovp_net_residual_chunk)(const run *r, chunk *c) {
    const ovp_idx layers = r->m->layers;
    c->size = c->padded * r->t->width;
    read_in(r, c);
    for (ovp_idx k = 0; k < layers; k++)
        layer_forward(r, c, k, h_of(r, c, k), c->s + (r->backward ? k * c->size : 0), h_of(r, c, k + 1));
    read_out(r, c, h_of(r, c, layers));
    if (!r->backward) return;
    multiply(r, c, r->m->dim, r->model->outputs, form(r, r->t->data + r->t->out_rows, r->t->data + r->t->out), c->f,
             NULL, c->g);
    for (ovp_idx last = layers, first; last > 0; last = first) {
        first = (last - 1) / SEGMENT * SEGMENT;
        segment_backward(r, c, first, last);
    }
}
