/* expressivity: a circle through one net. Points go through in blocks; beside z go its derivatives v = dz/dtheta and,
 * for the points asked for, a = dv/dtheta, by the chain rule: v' = W phi'(z) v, a' = W (phi''(z) v^2 + phi'(z) a). Work
 * is cut by shapes alone, so bits do not depend on threads. */
#include "expressivity_int.h"

#include <string.h>

enum {
    BLOCK = 32,    /* points a task takes */
    CHUNK = 2048,  /* points that go through together when refining */
    WIDEN = 64,    /* rows of a weight matrix a task widens */
    SETTLED = 192, /* fewer points than that settle nothing */
    Z = 0,         /* rows of a block: all z, then all v, then all a */
    V = 1,
    A = 2
};

/* ---- points on their way ------------------------------------------------------------------------------ */

typedef struct wave {
    const expressivity_net *net;
    ovp_idx points, streams; /* 2: z, v; 3: z, v, a */
    ovp_idx stride; /* blocks of h and z are BLOCK x streams x stride apart: at least the 2 values of an input */
    ovp_idx layer, inputs;
    const float *narrow;
    double *wide;  /* weights of this layer */
    double *h, *z; /* blocks of streams x BLOCK rows of `width` values */
    /* measures, points x hidden */
    double *speed, *speed_h, *q, *curvature; /* the last two NULL without a */
} wave;

static ovp_idx block_points(const wave *w, ovp_idx block) {
    return w->points - block * BLOCK < BLOCK ? w->points - block * BLOCK : BLOCK;
}

static ovp_idx block_offset(const wave *w, ovp_idx block) {
    return block * BLOCK * w->streams * w->stride;
}

/* Row of a point in h or z. */
static double *row_of(const wave *w, double *buffer, ovp_idx point, int stream) {
    const ovp_idx block = point / BLOCK, at = point % BLOCK;
    return buffer + block_offset(w, block) + (stream * block_points(w, block) + at) * w->net->width;
}

static double dot(ovp_idx n, const double *x, const double *y) {
    double sum[4] = {0}; /* four chains: one would wait for each addition */
    ovp_idx i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) sum[k] += x[i + k] * y[i + k];
    for (; i < n; i++) sum[0] += x[i] * y[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static ovp_status widen_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const wave *w = arg;
    (void)ctx;
    const ovp_idx row = task * WIDEN, rows = w->net->width - row < WIDEN ? w->net->width - row : WIDEN;
    for (ovp_idx i = row * w->inputs; i < (row + rows) * w->inputs; i++) w->wide[i] = (double)w->narrow[i];
    return OVP_OK;
}

static void measure(wave *w, ovp_idx point) {
    const ovp_idx n = w->net->width, at = point * w->net->hidden + w->layer;
    const double *z = row_of(w, w->z, point, Z), *v = row_of(w, w->z, point, V);
    const double vv = dot(n, v, v);
    w->speed[at] = sqrt(vv);
    if (w->streams <= A) return;
    const double *a = row_of(w, w->z, point, A);
    const double aa = dot(n, a, a), va = dot(n, v, a);
    w->q[at] = dot(n, z, z) / (double)n;
    /* kappa^2 = (|v|^2 |a|^2 - (v a)^2) / |v|^6, times the width */
    w->curvature[at] = (double)n * (aa - va / vv * va) / vv / vv;
}

static ovp_status layer_task(ovp_ctx *ctx, void *arg, ovp_idx block) {
    wave *w = arg;
    const ovp_idx n = w->net->width, points = block_points(w, block), first = block * BLOCK;
    const ovp_idx offset = block_offset(w, block);
    (void)ctx;
    ovp_numeric_gemm(OVP_F64, 0, 1, points * w->streams, n, w->inputs, 1, w->h + offset, w->inputs, w->wide, w->inputs,
                     0, w->z + offset, n);
    for (ovp_idx p = first; p < first + points; p++) {
        double *z = row_of(w, w->z, p, Z);
        if (w->net->biases)
            for (ovp_idx i = 0; i < n; i++) z[i] += (double)w->net->biases[w->layer * n + i];
        measure(w, p);
    }
    return OVP_OK;
}

static ovp_status activate_task(ovp_ctx *ctx, void *arg, ovp_idx block) {
    wave *w = arg;
    const ovp_numeric_activation *act = w->net->activation;
    const ovp_idx n = w->net->width;
    for (ovp_idx p = block * BLOCK; p < block * BLOCK + block_points(w, block); p++) {
        const double *z = row_of(w, w->z, p, Z), *v = row_of(w, w->z, p, V);
        double *h = row_of(w, w->h, p, Z), *hv = row_of(w, w->h, p, V);
        ovp_numeric_phi(ctx, act, OVP_F64, n, z, h);
        const double *slope = act->from_output ? h : z;
        memcpy(hv, v, (size_t)n * sizeof *v);
        ovp_numeric_dphi_mul(ctx, act, OVP_F64, n, slope, hv);
        w->speed_h[p * w->net->hidden + w->layer] = sqrt(dot(n, hv, hv));
        if (w->streams <= A) continue;
        double *ha = row_of(w, w->h, p, A);
        memcpy(ha, row_of(w, w->z, p, A), (size_t)n * sizeof *ha);
        ovp_numeric_dphi_mul(ctx, act, OVP_F64, n, slope, ha);
        for (ovp_idx i = 0; i < n; i++) ha[i] += act->d2phi(z[i]) * v[i] * v[i];
    }
    return OVP_OK;
}

static ovp_idx blocks(ovp_idx points) {
    return (points + BLOCK - 1) / BLOCK;
}

/* Points at these angles into h, as inputs of layer 0 (rows of two values). */
static void wave_begin(wave *w, const double *theta, double radius) {
    w->layer = 0;
    w->inputs = 2;
    w->narrow = w->net->weights;
    for (ovp_idx p = 0; p < w->points; p++) {
        const ovp_idx block = p / BLOCK, at = p % BLOCK, rows = block_points(w, block);
        double *x = w->h + block_offset(w, block);
        const double c = radius * cos(theta[p]), s = radius * sin(theta[p]);
        x[2 * at] = c;
        x[2 * at + 1] = s;
        x[2 * (rows + at)] = -s;
        x[2 * (rows + at) + 1] = c;
        if (w->streams <= A) continue;
        x[2 * (2 * rows + at)] = -c;
        x[2 * (2 * rows + at) + 1] = -s;
    }
}

/* z of the present layer, measured. */
static ovp_status wave_layer(wave *w, ovp_ctx *ctx) {
    ovp_status status = ovp_parallel(ctx, (w->net->width + WIDEN - 1) / WIDEN, widen_task, w);
    return status == OVP_OK ? ovp_parallel(ctx, blocks(w->points), layer_task, w) : status;
}

/* h of the present layer; then the next one is present. */
static ovp_status wave_activate(wave *w, ovp_ctx *ctx) {
    ovp_status status = ovp_parallel(ctx, blocks(w->points), activate_task, w);
    w->narrow += w->net->width * w->inputs;
    w->inputs = w->net->width;
    w->layer++;
    return status;
}

static ovp_status wave_create(wave *w, ovp_ctx *ctx, const expressivity_net *net, ovp_idx points, ovp_idx streams) {
    ovp_status status = OVP_OK;
    *w = (wave){.net = net, .points = points, .streams = streams, .stride = net->width > 2 ? net->width : 2};
    const ovp_idx room = blocks(points) * BLOCK * streams * w->stride;
    OVP_TRY(ovp_alloc(ctx, &w->wide, net->width * w->stride, sizeof *w->wide));
    OVP_TRY(ovp_alloc(ctx, &w->h, room, sizeof *w->h));
    OVP_TRY(ovp_alloc(ctx, &w->z, room, sizeof *w->z));
done:
    return status;
}

static void wave_free(ovp_ctx *ctx, wave *w) {
    ovp_free(ctx, w->z);
    ovp_free(ctx, w->h);
    ovp_free(ctx, w->wide);
}

/* ---- the points asked for -------------------------------------------------------------------------------- */

typedef struct base_work {
    wave *w;
    const expressivity_circle *circle;
    const double *projection;
    double *segment;  /* points: to the next one */
    double *cosine;   /* points x angles */
    double *position; /* points x 3 */
} base_work;

static ovp_status pairs_task(ovp_ctx *ctx, void *arg, ovp_idx block) {
    base_work *b = arg;
    wave *w = b->w;
    const ovp_idx n = w->net->width, turn = w->points - 1;
    (void)ctx;
    for (ovp_idx p = block * BLOCK; p < block * BLOCK + block_points(w, block); p++) {
        const double *z = row_of(w, w->z, p, Z);
        const ovp_idx at = p * w->net->hidden + w->layer;
        if (p == turn) continue; /* the first point again */
        const double *next = row_of(w, w->z, p + 1, Z);
        double sum = 0;
        for (ovp_idx i = 0; i < n; i++) sum += (next[i] - z[i]) * (next[i] - z[i]);
        b->segment[p] = sqrt(sum);
        for (ovp_idx k = 0; k < b->circle->angles; k++) {
            const ovp_idx other = (p + b->circle->offset[k]) % turn;
            const double norm = sqrt(w->q[at] * w->q[other * w->net->hidden + w->layer]) * (double)n;
            b->cosine[p * EXPRESSIVITY_ANGLES + k] = dot(n, z, row_of(w, w->z, other, Z)) / norm;
        }
    }
    return OVP_OK;
}

static ovp_status project_task(ovp_ctx *ctx, void *arg, ovp_idx block) {
    base_work *b = arg;
    wave *w = b->w;
    (void)ctx;
    ovp_numeric_gemm(OVP_F64, 0, 0, block_points(w, block), 3, w->net->width, 1, row_of(w, w->h, block * BLOCK, Z),
                     w->net->width, b->projection, 3, 0, b->position + block * BLOCK * 3, 3);
    return OVP_OK;
}

static void base_layer(const base_work *b, expressivity_layer *out) {
    const ovp_idx points = b->w->points, hidden = b->w->net->hidden, layer = b->w->layer;
    double q = 0, curvature = 0, length = 0;
    for (ovp_idx p = 0; p < points; p++) {
        q += b->w->q[p * hidden + layer];
        curvature += b->w->curvature[p * hidden + layer];
    }
    for (ovp_idx p = 0; p < points - 1; p++) length += b->segment[p];
    out->q = q / (double)points;
    out->curvature = sqrt(curvature / (double)points);
    out->polyline = length;
    for (ovp_idx k = 0; k < b->circle->angles; k++) {
        double sum = 0;
        for (ovp_idx p = 0; p < points - 1; p++) sum += b->cosine[p * EXPRESSIVITY_ANGLES + k];
        out->correlation[k] = sum / (double)(points - 1);
    }
}

/* The points asked for through all layers; speeds: points x hidden values each. */
static ovp_status send_base(expressivity_out *out, ovp_ctx *ctx, const expressivity_net *net,
                            const expressivity_circle *circle, const double *projection, const double *theta,
                            double *speed, double *speed_h) {
    ovp_status status = OVP_OK;
    const ovp_idx n = circle->points;
    wave w;
    base_work b = {.w = &w, .circle = circle, .projection = projection};
    double *scratch = NULL;
    OVP_TRY(wave_create(&w, ctx, net, n, 3));
    OVP_TRY(ovp_alloc(ctx, &scratch, n * (2 * net->hidden + 1 + EXPRESSIVITY_ANGLES), sizeof *scratch));
    w.speed = speed;
    w.speed_h = speed_h;
    w.q = scratch;
    w.curvature = w.q + n * net->hidden;
    b.segment = w.curvature + n * net->hidden;
    b.cosine = b.segment + n;
    wave_begin(&w, theta, circle->radius);
    for (ovp_idx layer = 0; layer < net->hidden; layer++) {
        OVP_TRY(wave_layer(&w, ctx));
        OVP_TRY(ovp_parallel(ctx, blocks(n), pairs_task, &b));
        base_layer(&b, &out->layers[layer]);
        OVP_TRY(wave_activate(&w, ctx));
        b.position = out->trajectory + layer * n * 3;
        OVP_TRY(ovp_parallel(ctx, blocks(n), project_task, &b));
        for (ovp_idx p = 0; p < n && out->activations; p++)
            memcpy(out->activations + (layer * n + p) * net->width, row_of(&w, w.h, p, Z),
                   (size_t)net->width * sizeof(double));
    }
done:
    ovp_free(ctx, scratch);
    wave_free(ctx, &w);
    return status;
}

/* ---- points between them ---------------------------------------------------------------------------------- */

/* Points in order of their angle, with speeds of hidden values each; open[i]: whether the interval from point i on is
 * to be halved. */
typedef struct knots {
    ovp_idx count;
    double *theta, *speed, *speed_h;
    unsigned char *open;
} knots;

static ovp_status knots_create(knots *out, ovp_ctx *ctx, ovp_idx count, ovp_idx hidden) {
    ovp_status status = OVP_OK;
    *out = (knots){.count = count};
    OVP_TRY(ovp_alloc(ctx, &out->theta, count, sizeof *out->theta));
    OVP_TRY(ovp_alloc(ctx, &out->speed, count * hidden, sizeof *out->speed));
    OVP_TRY(ovp_alloc(ctx, &out->speed_h, count * hidden, sizeof *out->speed_h));
    OVP_TRY(ovp_alloc(ctx, &out->open, count, 1));
done:
    return status;
}

static void knots_free(ovp_ctx *ctx, knots *k) {
    ovp_free(ctx, k->open);
    ovp_free(ctx, k->speed_h);
    ovp_free(ctx, k->speed);
    ovp_free(ctx, k->theta);
    *k = (knots){.count = 0};
}

static double trapezoid(const knots *k, const double *speed, ovp_idx hidden, ovp_idx layer) {
    double sum = 0;
    for (ovp_idx i = 0; i + 1 < k->count; i++)
        sum += (k->theta[i + 1] - k->theta[i]) * .5 * (speed[i * hidden + layer] + speed[(i + 1) * hidden + layer]);
    return sum;
}

/* Speeds at `count` angles, a chunk at a time. */
static ovp_status send_between(ovp_ctx *ctx, const expressivity_net *net, double radius, const knots *k) {
    ovp_status status = OVP_OK;
    wave w = {.net = NULL};
    OVP_TRY(wave_create(&w, ctx, net, k->count < CHUNK ? k->count : CHUNK, 2));
    for (ovp_idx at = 0; at < k->count; at += CHUNK) {
        w.points = k->count - at < CHUNK ? k->count - at : CHUNK;
        w.speed = k->speed + at * net->hidden;
        w.speed_h = k->speed_h + at * net->hidden;
        wave_begin(&w, k->theta + at, radius);
        for (ovp_idx layer = 0; layer < net->hidden; layer++) {
            OVP_TRY(wave_layer(&w, ctx));
            OVP_TRY(wave_activate(&w, ctx));
        }
    }
done:
    wave_free(ctx, &w);
    return status;
}

/* What halving changed in one layer: by the trapezoid rule, h/4 (2 v_middle - v_left - v_right) an interval. */
static double halving(const knots *old, const knots *middle, ovp_idx left, ovp_idx at, ovp_idx hidden, ovp_idx layer) {
    const double h = old->theta[left + 1] - old->theta[left];
    return h * .25 *
           (2 * middle->speed[at * hidden + layer] - old->speed[left * hidden + layer] -
            old->speed[(left + 1) * hidden + layer]);
}

/* Old and middle points in one row; halves stay open where, in a layer not settled yet, the interval's own length
 * changed by more than the tolerance. Lengths and errors of all layers anew; returns whether all are settled. */
static int merge(knots *out, const knots *old, const knots *middle, ovp_idx hidden, double tolerance,
                 expressivity_layer *layers) {
    ovp_idx at = 0, m = 0;
    int settled = 1;
    for (ovp_idx i = 0; i < old->count; i++) {
        out->theta[at] = old->theta[i];
        memcpy(out->speed + at * hidden, old->speed + i * hidden, (size_t)hidden * sizeof(double));
        memcpy(out->speed_h + at * hidden, old->speed_h + i * hidden, (size_t)hidden * sizeof(double));
        at++;
        if (!old->open[i]) continue;
        out->theta[at] = middle->theta[m];
        memcpy(out->speed + at * hidden, middle->speed + m * hidden, (size_t)hidden * sizeof(double));
        memcpy(out->speed_h + at * hidden, middle->speed_h + m * hidden, (size_t)hidden * sizeof(double));
        at++;
        m++;
    }
    for (ovp_idx layer = 0; layer < hidden; layer++) {
        double sum = 0, squares = 0;
        m = 0;
        for (ovp_idx i = 0; i < old->count; i++) {
            if (!old->open[i]) continue;
            const double change = halving(old, middle, i, m++, hidden, layer);
            sum += change;
            squares += change * change;
        }
        layers[layer].length = trapezoid(out, out->speed, hidden, layer);
        layers[layer].length_h = trapezoid(out, out->speed_h, hidden, layer);
        /* A curve that is resolved changes everywhere in the same sense; one that is not, at random: then the sum may
         * vanish by luck, but not the root of the squares. */
        layers[layer].error = squares > 0 ? fmax(fabs(sum), sqrt(squares)) / layers[layer].length : squares;
        if (layers[layer].error <= tolerance) continue;
        settled = 0;
        for (ovp_idx i = 0, left = 0, k = 0; i < old->count; i++) {
            if (old->open[i]) {
                const double change = halving(old, middle, i, k++, hidden, layer);
                const double length =
                    (out->theta[left + 2] - out->theta[left]) * out->speed[(left + 1) * hidden + layer];
                if (!(fabs(change) <= tolerance * length)) out->open[left] = out->open[left + 1] = 1;
            }
            left += 1 + (old->open[i] != 0);
        }
    }
    return settled;
}

static ovp_status middles(knots *out, ovp_ctx *ctx, const knots *k, ovp_idx hidden) {
    ovp_idx count = 0, at = 0;
    for (ovp_idx i = 0; i < k->count; i++) count += k->open[i];
    ovp_status status = knots_create(out, ctx, count, hidden);
    for (ovp_idx i = 0; i < k->count && status == OVP_OK; i++)
        if (k->open[i]) out->theta[at++] = .5 * (k->theta[i] + k->theta[i + 1]);
    return status;
}

static ovp_status refine(expressivity_out *out, ovp_ctx *ctx, const expressivity_net *net,
                         const expressivity_circle *circle, knots *k) {
    ovp_status status = OVP_OK;
    const ovp_idx hidden = net->hidden;
    knots middle = {.count = 0}, next = {.count = 0};
    memset(k->open, 1, (size_t)k->count - 1);
    for (ovp_idx layer = 0; layer < hidden; layer++) {
        out->layers[layer].length = trapezoid(k, k->speed, hidden, layer);
        out->layers[layer].length_h = trapezoid(k, k->speed_h, hidden, layer);
        out->layers[layer].error = NAN;
    }
    for (int settled = 0; !settled;) {
        OVP_TRY(middles(&middle, ctx, k, hidden));
        if (middle.count == 0 || k->count + middle.count > circle->limit) break;
        OVP_TRY(send_between(ctx, net, circle->radius, &middle));
        OVP_TRY(knots_create(&next, ctx, k->count + middle.count, hidden));
        settled = merge(&next, k, &middle, hidden, circle->tolerance, out->layers);
        if (next.count < SETTLED) {
            settled = 0;
            memset(next.open, 1, (size_t)next.count - 1);
        }
        knots_free(ctx, k);
        knots_free(ctx, &middle);
        *k = next;
        next = (knots){.count = 0};
    }
    out->points = k->count;
done:
    knots_free(ctx, &next);
    knots_free(ctx, &middle);
    return status;
}

/* ---- the whole -------------------------------------------------------------------------------------------- */

double expressivity_send_memory(ovp_idx width, ovp_idx points) {
    const double base = 6. * (double)points, chunk = 4. * CHUNK, n = (double)width;
    return 8 * n * (base + chunk + n);
}

ovp_status expressivity_send(expressivity_out *out, ovp_ctx *ctx, const expressivity_net *net,
                             const expressivity_circle *circle, const double *projection) {
    ovp_status status = OVP_OK;
    knots k = {.count = 0};
    const int blas = ovp_numeric_blas_begin();
    OVP_TRY(knots_create(&k, ctx, circle->points, net->hidden));
    for (ovp_idx i = 0; i < circle->points; i++) /* numpy.linspace: i * step, and the end itself */
        k.theta[i] = i + 1 < circle->points ? (double)i * (2 * M_PI / (double)(circle->points - 1)) : 2 * M_PI;
    OVP_TRY(send_base(out, ctx, net, circle, projection, k.theta, k.speed, k.speed_h));
    OVP_TRY(refine(out, ctx, net, circle, &k));
done:
    knots_free(ctx, &k);
    ovp_numeric_blas_end(blas);
    return status;
}
