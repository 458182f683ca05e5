/* The convolutional residual net's reference engine: scalar loops in the order of the formulas, sums in f64, arrays
 * sample by channel by row by column. Slow, and stays for ever: the oneDNN engine is tested against it. */
#include "net/resnet_int.h"
#include "numeric/real.h"

#include <math.h>
#include <string.h>

typedef ovp_net_resnet_conv conv;

/* ws->engine. z[l]: what convolution l gives; a[l]: input of convolution l (a[0]: the batch's x) and, for l = convs, of
 * the global mean. g, h: gradients, each with room for the largest array. */
typedef struct rooms {
    ovp_net_resnet_pass pass;
    const real *x;
    real **z, **a, *g, *h, *skip, *grad, *features;
} rooms;

static ovp_idx out_size(const conv *c) {
    return (c->size + c->stride - 1) / c->stride;
}

static void release(ovp_net_workspace *ws) {
    const ovp_net_resnet *r = ovp_net_resnet_of(ws->model);
    rooms *o = ws->engine;
    if (!o) return;
    for (ovp_idx l = 0; o->z && o->a && l < r->convs; l++) {
        ovp_free(ws->ctx, o->z[l]);
        ovp_free(ws->ctx, o->a[l + 1]);
    }
    ovp_free(ws->ctx, o->z);
    ovp_free(ws->ctx, o->a);
    ovp_free(ws->ctx, o->g);
    ovp_free(ws->ctx, o->h);
    ovp_free(ws->ctx, o->skip);
    ovp_free(ws->ctx, o->grad);
    ovp_free(ws->ctx, o->features);
    ovp_free(ws->ctx, o->pass.statistics);
}

static ovp_status prepare(ovp_net_workspace *ws) {
    const ovp_net_resnet *r = ovp_net_resnet_of(ws->model);
    ovp_status status = OVP_OK;
    rooms *o;
    ovp_idx largest = r->conv[0].in * r->image * r->image, weights = ws->model->outputs * r->features;
    OVP_TRY(ovp_alloc(ws->ctx, &ws->engine, 1, sizeof *o));
    o = ws->engine;
    OVP_TRY(ovp_alloc(ws->ctx, &o->z, r->convs, sizeof *o->z));
    OVP_TRY(ovp_alloc(ws->ctx, &o->a, r->convs + 1, sizeof *o->a));
    for (ovp_idx l = 0; l < r->convs; l++) {
        const conv *c = &r->conv[l];
        if (c->out * c->pixels > largest) largest = c->out * c->pixels;
        if (c->out * c->in * 9 > weights) weights = c->out * c->in * 9;
        OVP_TRY(ovp_alloc(ws->ctx, &o->z[l], ws->rows * c->out * c->pixels, sizeof(real)));
        OVP_TRY(ovp_alloc(ws->ctx, &o->a[l + 1], ws->rows * c->out * c->pixels, sizeof(real)));
    }
    OVP_TRY(ovp_alloc(ws->ctx, &o->g, ws->rows * largest, sizeof(real)));
    OVP_TRY(ovp_alloc(ws->ctx, &o->h, ws->rows * largest, sizeof(real)));
    OVP_TRY(ovp_alloc(ws->ctx, &o->skip, ws->rows * largest, sizeof(real)));
    OVP_TRY(ovp_alloc(ws->ctx, &o->grad, weights, sizeof(real)));
    OVP_TRY(ovp_alloc(ws->ctx, &o->features, ws->rows * r->features, sizeof(real)));
    OVP_TRY(ovp_alloc(ws->ctx, &o->pass.statistics, ws->model->state_values, sizeof(double)));
done:
    return status;
}

/* ---- convolution ---------------------------------------------------------------------------------- */

/* The part of rows (or columns) of the input that tap k = 0..2 of output position p reads: p stride + k - 1, or -1. */
static ovp_idx tap(const conv *c, ovp_idx p, ovp_idx k) {
    const ovp_idx at = p * c->stride + k - 1;
    return at < c->size ? at : -1;
}

/* z[o][p][q] = sum over i, k, j of w[o][i][k][j] x[i][p stride + k - 1][q stride + j - 1] */
static void conv_forward(const conv *c, ovp_idx rows, const real *x, const real *w, real *z) {
    const ovp_idx s = out_size(c), area = c->size * c->size;
    for (ovp_idx n = 0; n < rows; n++)
        for (ovp_idx o = 0; o < c->out; o++)
            for (ovp_idx p = 0; p < s; p++)
                for (ovp_idx q = 0; q < s; q++) {
                    double sum = 0;
                    for (ovp_idx i = 0; i < c->in; i++)
                        for (ovp_idx t = 0; t < 9; t++) {
                            const ovp_idx row = tap(c, p, t / 3), col = tap(c, q, t % 3);
                            if (row < 0 || col < 0) continue;
                            sum += (double)w[(o * c->in + i) * 9 + t] *
                                   (double)x[(n * c->in + i) * area + row * c->size + col];
                        }
                    z[((n * c->out + o) * s + p) * s + q] = (real)sum;
                }
}

/* Of sum(dz z): dw (one output channel o) */
static void conv_weight(const conv *c, ovp_idx rows, ovp_idx o, const real *x, const real *dz, real *dw) {
    const ovp_idx s = out_size(c), area = c->size * c->size;
    for (ovp_idx i = 0; i < c->in; i++)
        for (ovp_idx t = 0; t < 9; t++) {
            double sum = 0;
            for (ovp_idx n = 0; n < rows; n++)
                for (ovp_idx p = 0; p < s; p++)
                    for (ovp_idx q = 0; q < s; q++) {
                        const ovp_idx row = tap(c, p, t / 3), col = tap(c, q, t % 3);
                        if (row < 0 || col < 0) continue;
                        sum += (double)dz[((n * c->out + o) * s + p) * s + q] *
                               (double)x[(n * c->in + i) * area + row * c->size + col];
                    }
            dw[i * 9 + t] = (real)sum;
        }
}

/* Of sum(dz z): dx */
static void conv_data(const conv *c, ovp_idx rows, const real *dz, const real *w, real *dx) {
    const ovp_idx s = out_size(c);
    for (ovp_idx n = 0; n < rows; n++)
        for (ovp_idx i = 0; i < c->in; i++)
            for (ovp_idx row = 0; row < c->size; row++)
                for (ovp_idx col = 0; col < c->size; col++) {
                    double sum = 0;
                    for (ovp_idx t = 0; t < 9; t++) {
                        const ovp_idx p = row + 1 - t / 3, q = col + 1 - t % 3; /* times stride */
                        if (p < 0 || q < 0 || p % c->stride || q % c->stride) continue;
                        if (p / c->stride >= s || q / c->stride >= s) continue;
                        for (ovp_idx o = 0; o < c->out; o++)
                            sum += (double)w[(o * c->in + i) * 9 + t] *
                                   (double)dz[((n * c->out + o) * s + p / c->stride) * s + q / c->stride];
                    }
                    dx[((n * c->in + i) * c->size + row) * c->size + col] = (real)sum;
                }
}

/* ---- batch norm ----------------------------------------------------------------------------------- */

static void measure(const conv *c, ovp_idx rows, const real *z, double *statistics) {
    const double m = (double)(rows * c->pixels);
    for (ovp_idx o = 0; o < c->out; o++) {
        double mean = 0, variance = 0;
        for (ovp_idx n = 0; n < rows; n++)
            for (ovp_idx p = 0; p < c->pixels; p++) mean += (double)z[(n * c->out + o) * c->pixels + p];
        mean /= m;
        for (ovp_idx n = 0; n < rows; n++)
            for (ovp_idx p = 0; p < c->pixels; p++) {
                const double d = (double)z[(n * c->out + o) * c->pixels + p] - mean;
                variance += d * d;
            }
        statistics[c->mean + o] = mean;
        statistics[c->variance + o] = variance / m;
    }
}

static double relu(double x) {
    return x < 0 ? 0 : x; /* not a number stays one */
}

/* y = delta (gamma (z - mean) / sqrt(variance + eps) + beta), the ReLU before delta where asked for */
static void norm(const conv *c, ovp_idx rows, const real *z, const double *statistics, const real *theta, int rectify,
                 real *y) {
    for (ovp_idx o = 0; o < c->out; o++) {
        const double rate = 1 / sqrt(statistics[c->variance + o] + OVP_NET_BATCH_NORM_EPS);
        for (ovp_idx n = 0; n < rows; n++)
            for (ovp_idx p = 0; p < c->pixels; p++) {
                const ovp_idx i = (n * c->out + o) * c->pixels + p;
                const double u = (double)theta[c->scale + o] * ((double)z[i] - statistics[c->mean + o]) * rate +
                                 (double)theta[c->shift + o];
                y[i] = (real)(c->delta * (rectify ? relu(u) : u));
            }
    }
}

/* In the forward pass this was norm() with the batch's statistics (y: its result if rectified, else NULL): g = dL/dy
 * becomes dL/dz; gradients of gamma and beta go to dscale, dshift. */
static void norm_backward(const conv *c, ovp_idx rows, const real *z, const double *statistics, const real *theta,
                          const real *y, real *g, real *dscale, real *dshift) {
    const double m = (double)(rows * c->pixels);
    for (ovp_idx o = 0; o < c->out; o++) {
        const double rate = 1 / sqrt(statistics[c->variance + o] + OVP_NET_BATCH_NORM_EPS);
        const double gamma = (double)theta[c->scale + o], mean = statistics[c->mean + o];
        double sum = 0, along = 0;
        for (ovp_idx n = 0; n < rows; n++)
            for (ovp_idx p = 0; p < c->pixels; p++) {
                const ovp_idx i = (n * c->out + o) * c->pixels + p;
                const double normed = ((double)z[i] - mean) * rate;
                if (y && y[i] <= 0) g[i] = 0;
                sum += c->delta * (double)g[i];
                along += c->delta * (double)g[i] * normed;
            }
        dscale[o] = (real)along;
        dshift[o] = (real)sum;
        for (ovp_idx n = 0; n < rows; n++)
            for (ovp_idx p = 0; p < c->pixels; p++) {
                const ovp_idx i = (n * c->out + o) * c->pixels + p;
                const double normed = ((double)z[i] - mean) * rate;
                g[i] = (real)(gamma * rate * (c->delta * (double)g[i] - sum / m - normed * along / m));
            }
    }
}

/* ---- shortcut ------------------------------------------------------------------------------------- */

/* Value of block's shortcut at (sample n, channel o, pixel p, q), as an index into its input x; -1: zero. */
static ovp_idx shortcut(const conv *first, ovp_idx n, ovp_idx o, ovp_idx p, ovp_idx q) {
    const ovp_idx i = o - (first->out - first->in) / 2;
    if (i < 0 || i >= first->in) return -1;
    return ((n * first->in + i) * first->size + p * first->stride) * first->size + q * first->stride;
}

/* ---- passes --------------------------------------------------------------------------------------- */

/* x <- relu(y + shortcut(x)) */
static void join(const conv *first, ovp_idx rows, const real *x, real *y) {
    const ovp_idx s = out_size(first);
    for (ovp_idx n = 0, i = 0; n < rows; n++)
        for (ovp_idx o = 0; o < first->out; o++)
            for (ovp_idx p = 0; p < s; p++)
                for (ovp_idx q = 0; q < s; q++, i++) {
                    const ovp_idx from = shortcut(first, n, o, p, q);
                    y[i] = (real)relu((double)y[i] + (from < 0 ? 0 : (double)x[from]));
                }
}

/* Through the net; statistics are measured on the way where `measured` is set, else taken as they are. */
static ovp_status pass(ovp_net_workspace *ws, const ovp_net_batch *batch, const real *theta, double *statistics,
                       int measured, real *f) {
    const ovp_net_model *m = ws->model;
    const ovp_net_resnet *r = ovp_net_resnet_of(m);
    rooms *o = ws->engine;
    const ovp_idx rows = batch->rows;
    o->a[0] = NULL;
    o->x = batch->x;
    for (ovp_idx l = 0; l < r->convs; l++) {
        const conv *c = &r->conv[l];
        const int second = l > 0 && l % 2 == 0;
        conv_forward(c, rows, l == 0 ? o->x : o->a[l], theta + c->weight, o->z[l]);
        if (measured) measure(c, rows, o->z[l], statistics);
        norm(c, rows, o->z[l], statistics, theta, !second, o->a[l + 1]);
        if (second) join(&r->conv[l - 1], rows, o->a[l - 1], o->a[l + 1]);
        ovp_status status = ovp_check(ws->ctx);
        if (status != OVP_OK) return status;
    }
    const ovp_idx pixels = r->conv[r->convs - 1].pixels;
    for (ovp_idx i = 0; i < rows * r->features; i++) {
        double sum = 0;
        for (ovp_idx p = 0; p < pixels; p++) sum += (double)o->a[r->convs][i * pixels + p];
        o->features[i] = (real)(sum / (double)pixels);
    }
    for (ovp_idx n = 0; n < rows; n++)
        for (ovp_idx k = 0; k < m->outputs; k++) {
            double sum = (double)theta[r->bias + k];
            for (ovp_idx i = 0; i < r->features; i++)
                sum += (double)theta[r->weight + k * r->features + i] * (double)o->features[n * r->features + i];
            ws->wide[n * m->outputs + k] = sum;
            f[n * m->outputs + k] = (real)sum;
        }
    return OVP_OK;
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    rooms *o = ws->engine;
    o->pass.rows = batch->rows;
    return pass(ws, batch, theta, o->pass.statistics, 1, f);
}

static ovp_status evaluate(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *state,
                           void *f) {
    ovp_status status = OVP_OK;
    double *statistics = NULL;
    OVP_TRY(ovp_alloc(ws->ctx, &statistics, ws->model->state_values, sizeof *statistics));
    for (ovp_idx i = 0; i < ws->model->state_values; i++) statistics[i] = (double)((const real *)state)[i];
    OVP_TRY(pass(ws, batch, theta, statistics, 0, f));
done:
    ovp_free(ws->ctx, statistics);
    return status;
}

/* Gradients of the linear layer; g = dL/d(input of the global mean). */
static void linear_backward(ovp_net_workspace *ws, ovp_idx rows, const real *theta, const real *df,
                            const ovp_net_sink *sink) {
    const ovp_net_model *m = ws->model;
    const ovp_net_resnet *r = ovp_net_resnet_of(m);
    rooms *o = ws->engine;
    const ovp_idx c = m->outputs, pixels = r->conv[r->convs - 1].pixels;
    for (ovp_idx n = 0; n < rows; n++)
        for (ovp_idx i = 0; i < r->features; i++) {
            double sum = 0;
            for (ovp_idx k = 0; k < c; k++)
                sum += (double)df[n * c + k] * (double)theta[r->weight + k * r->features + i];
            for (ovp_idx p = 0; p < pixels; p++)
                o->g[(n * r->features + i) * pixels + p] = (real)(sum / (double)pixels);
        }
    for (ovp_idx k = 0; k < c; k++) {
        double bias = 0;
        for (ovp_idx n = 0; n < rows; n++) bias += (double)df[n * c + k];
        for (ovp_idx i = 0; i < r->features; i++) {
            double sum = 0;
            for (ovp_idx n = 0; n < rows; n++) sum += (double)df[n * c + k] * (double)o->features[n * r->features + i];
            o->grad[i] = (real)sum;
        }
        ovp_net_sink_range(m, ws->ctx, sink, r->weight + k * r->features, r->features, 1, o->grad);
        o->grad[0] = (real)bias;
        ovp_net_sink_range(m, ws->ctx, sink, r->bias + k, 1, 1, o->grad);
    }
}

/* Through the norm and convolution l: o->g = dL/dy becomes dL/d(input), but for l = 0. */
static void conv_backward(ovp_net_workspace *ws, ovp_idx l, ovp_idx rows, const real *theta, int rectified,
                          const ovp_net_sink *sink) {
    const ovp_net_model *m = ws->model;
    rooms *o = ws->engine;
    const conv *c = &ovp_net_resnet_of(m)->conv[l];
    real *dscale = o->grad, *dshift = o->grad + c->out;
    norm_backward(c, rows, o->z[l], o->pass.statistics, theta, rectified ? o->a[l + 1] : NULL, o->g, dscale, dshift);
    ovp_net_sink_range(m, ws->ctx, sink, c->scale, c->out, 1, dscale);
    ovp_net_sink_range(m, ws->ctx, sink, c->shift, c->out, 1, dshift);
    if (l > 0) conv_data(c, rows, o->g, theta + c->weight, o->h);
    for (ovp_idx k = 0; k < c->out; k++) {
        conv_weight(c, rows, k, l == 0 ? o->x : o->a[l], o->g, o->grad);
        ovp_net_sink_range(m, ws->ctx, sink, c->weight + k * c->in * 9, c->in * 9, 1, o->grad);
    }
    real *swap = o->g;
    o->g = o->h;
    o->h = swap;
}

/* g = dL/d(block's output) becomes dL/d(its input). */
static void block_backward(ovp_net_workspace *ws, ovp_idx l, ovp_idx rows, const real *theta,
                           const ovp_net_sink *sink) {
    const ovp_net_resnet *r = ovp_net_resnet_of(ws->model);
    rooms *o = ws->engine;
    const conv *first = &r->conv[l - 1];
    const ovp_idx values = rows * first->out * first->pixels, s = out_size(first);
    for (ovp_idx i = 0; i < values; i++) {
        if (o->a[l + 1][i] <= 0) o->g[i] = 0;
        o->skip[i] = o->g[i];
    }
    conv_backward(ws, l, rows, theta, 0, sink);
    conv_backward(ws, l - 1, rows, theta, 1, sink);
    for (ovp_idx n = 0, i = 0; n < rows; n++)
        for (ovp_idx k = 0; k < first->out; k++)
            for (ovp_idx p = 0; p < s; p++)
                for (ovp_idx q = 0; q < s; q++, i++) {
                    const ovp_idx to = shortcut(first, n, k, p, q);
                    if (to >= 0) o->g[to] = (real)((double)o->g[to] + (double)o->skip[i]);
                }
}

static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    const ovp_net_resnet *r = ovp_net_resnet_of(ws->model);
    ovp_status status = OVP_OK;
    linear_backward(ws, batch->rows, theta, df, sink);
    for (ovp_idx l = r->convs - 1; l > 0 && status == OVP_OK; l -= 2) {
        block_backward(ws, l, batch->rows, theta, sink);
        status = ovp_check(ws->ctx);
    }
    if (status == OVP_OK) conv_backward(ws, 0, batch->rows, theta, 1, sink);
    return status;
}

const ovp_net_engine OVP_REAL(ovp_net_resnet_reference) = {.name = "reference",
                                                           .prepare = prepare,
                                                           .release = release,
                                                           .forward = forward,
                                                           .backward = backward,
                                                           .absorb = ovp_net_resnet_absorb,
                                                           .evaluate = evaluate};
