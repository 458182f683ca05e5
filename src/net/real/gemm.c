/* The wide-net engine: layers cut into blocks of units; one task takes a block through everything that can be done
 * while it is in cache. Blocks depend on shapes only, each is computed by one thread, and partial sums are added in
 * block order, so the same seed gives the same bits for any number of threads.
 *
 * Forward, block U of layer l: z_U = a W[:,U] + b_U (our own products with the constant inputs, CBLAS above), a'_U =
 * phi(z_U), and for a narrow last layer at once its share a'_U W_last[U,:] of the outputs.
 *
 * Backward, block U below layer l: dW[U,:] = a_U^T dz, dz'_U = (dz W[U,:]^T) phi'(.), then update W[U,:]; for the first
 * hidden layer also dW_1[:,U] = X^T dz'_U, so its dz' never leaves the cache and X's gradient is never computed. */
#include "net/net_int.h"
#include "numeric/real.h"

#include <string.h>

enum { NARROW = OVP_NET_NARROW, MAX_GROUPS = 32 };

/* Per-worker scratch, in elements from ws->engine; then the partial outputs of the groups. */
typedef struct plan {
    ovp_idx block;                                    /* widest block of any layer, multiple of 16 */
    ovp_idx panel, weights, grad, narrow_w, narrow_t; /* offsets within a worker's scratch */
    ovp_idx worker;                                   /* scratch of one worker */
    ovp_idx partial, padded;                          /* offsets in ws->engine */
    ovp_idx total;
} plan;

static ovp_idx round16(ovp_idx n) {
    return (n + 15) / 16 * 16;
}
static ovp_idx min_idx(ovp_idx a, ovp_idx b) {
    return a < b ? a : b;
}
static ovp_idx max_idx(ovp_idx a, ovp_idx b) {
    return a > b ? a : b;
}

/* Layer l's units are computed in blocks of this width. */
static ovp_idx block_of(const ovp_net_model *m, ovp_idx l, int sparse) {
    return ovp_net_block_width(m->layer[l].out, l, sparse);
}

static int is_narrow(const ovp_net_layer *y) {
    return y->out <= NARROW;
}

static void make_plan(plan *p, const ovp_net_model *m, ovp_idx rows, int threads) {
    ovp_idx block = 16, grad = 0;
    const ovp_idx inputs = m->layer[0].in;
    for (ovp_idx l = 0; l < m->layers; l++) {
        /* The sparse and the dense width: a workspace serves both kinds of batch. */
        ovp_idx b = round16(max_idx(block_of(m, l, 0), block_of(m, l, 1)));
        block = max_idx(block, b);
        if (l + 1 < m->layers && !is_narrow(&m->layer[l + 1])) grad = max_idx(grad, b * m->layer[l + 1].out);
    }
    grad = max_idx(grad, max_idx(inputs + OVP_NET_TILE, NARROW) * block);
    p->block = block;
    p->panel = 0;
    p->weights = p->panel + (rows + OVP_NET_TILE) * block;
    p->grad = p->weights + inputs * block;
    p->narrow_w = p->grad + round16(grad);
    p->narrow_t = p->narrow_w + block * NARROW;
    p->worker = p->narrow_t + NARROW * block;
    p->partial = p->worker * threads;
    p->padded = p->partial + MAX_GROUPS * rows * NARROW * (ovp_idx)(sizeof(double) / sizeof(real));
    p->total = p->padded + rows * NARROW;
}

static ovp_status prepare(ovp_net_workspace *ws) {
    const ovp_net_model *m = ws->model;
    ovp_status status = OVP_OK;
    for (ovp_idx l = 1; l < m->layers; l++) {
        ovp_idx stride = round16(m->layer[l].in);
        /* Rows a multiple of 1 KiB apart would all fall into a few cache sets. */
        if (stride * (ovp_idx)sizeof(real) % 1024 == 0) stride += 16;
        ws->stride[l] = stride;
        OVP_TRY(ovp_alloc(ws->ctx, &ws->a[l], ws->rows * stride, sizeof(real)));
        if (!m->act->from_output) OVP_TRY(ovp_alloc(ws->ctx, &ws->z[l], ws->rows * stride, sizeof(real)));
    }
    plan p;
    make_plan(&p, m, ws->rows, ovp_threads(ws->ctx));
    OVP_TRY(ovp_alloc(ws->ctx, &ws->engine, p.total, sizeof(real)));
done:
    return status;
}

/* One parallel region's view. */
typedef struct pass {
    ovp_net_workspace *ws;
    const ovp_net_batch *batch;
    const ovp_net_model *m;
    const ovp_net_kernels *k;
    const real *theta;
    const real *df;
    const ovp_net_sink *sink;
    real *f;
    plan p;
    ovp_idx l, blocks, width, groups;
} pass;

static real *scratch(const pass *s, const ovp_ctx *worker, ovp_idx offset) {
    return (real *)s->ws->engine + ovp_worker(worker) * s->p.worker + offset;
}

static int is_one(double scale) {
    return !(scale < 1) && !(scale > 1);
}

/* Rows of weights are far apart, which the hardware does not foresee: asks for one a few rows ahead. */
static inline void prefetch_row(const real *row, ovp_idx cols) {
    for (ovp_idx j = 0; j < cols; j += 64 / (ovp_idx)sizeof(real)) __builtin_prefetch(row + j);
}
enum { AHEAD = 12 };

/* to = scale * from; scale 1 but for parametrisations. */
static void copy_scaled(real *to, const real *from, ovp_idx n, double scale) {
    if (is_one(scale))
        memcpy(to, from, (size_t)n * sizeof(real));
    else
        for (ovp_idx j = 0; j < n; j++) to[j] = (real)scale * from[j];
}

/* scale times rows x cols of a matrix with stride `from_ld` into stride `to_ld`, zero-padded to `padded` columns. */
static void copy_padded(real *to, ovp_idx to_ld, const real *from, ovp_idx from_ld, ovp_idx rows, ovp_idx cols,
                        ovp_idx padded, double scale) {
    for (ovp_idx i = 0; i < rows; i++) {
        if (i + AHEAD < rows) prefetch_row(from + (i + AHEAD) * from_ld, cols);
        copy_scaled(to + i * to_ld, from + i * from_ld, cols, scale);
        if (padded > cols) memset(to + i * to_ld + cols, 0, (size_t)(padded - cols) * sizeof(real));
    }
}

/* ---- forward -------------------------------------------------------------------------------------- */

/* panel (rows x width, stride width16) = weight_scale a_l W_l[:, u0 .. u0+width) */
static void product_forward(const pass *s, ovp_ctx *worker, ovp_idx u0, ovp_idx width, real *panel, ovp_idx ld) {
    const ovp_net_layer *y = &s->m->layer[s->l];
    const real *w = s->theta + y->weight + u0;
    if (s->l == 0) {
        real *packed = scratch(s, worker, s->p.weights);
        copy_padded(packed, ld, w, y->out, y->in, width, ld, y->weight_scale);
        if (s->batch->sparse) {
            memset(panel, 0, (size_t)(s->batch->rows * ld) * sizeof(real));
            s->k->spmm(&s->batch->by_row, packed, ld, panel, ld, ld);
        } else {
            s->k->dense(&s->batch->packed_rows, packed, ld, panel, ld, ld);
        }
        return;
    }
    ovp_numeric_gemm(OVP_REAL_TYPE, 0, 0, s->batch->rows, width, y->in, y->weight_scale, s->ws->a[s->l],
                     s->ws->stride[s->l], w, y->out, 0, panel, ld);
}

static void block_forward(const pass *s, ovp_ctx *worker, ovp_idx block, double *partial) {
    const ovp_net_layer *y = &s->m->layer[s->l];
    const ovp_idx u0 = block * s->width, width = min_idx(s->width, y->out - u0), ld = round16(width);
    const ovp_idx rows = s->batch->rows;
    const int last = s->l + 1 == s->m->layers;
    real *panel = scratch(s, worker, s->p.panel);
    product_forward(s, worker, u0, width, panel, ld);
    const real *bias = y->bias >= 0 ? s->theta + y->bias + u0 : NULL;
    if (bias && !is_one(y->bias_scale)) {
        real *scaled = scratch(s, worker, s->p.narrow_t);
        copy_scaled(scaled, bias, width, y->bias_scale);
        bias = scaled;
    }
    for (ovp_idx i = 0; i < rows; i++) {
        real *z = panel + i * ld;
        if (bias) s->k->add(width, z, bias);
        if (last) {
            memcpy(s->f + i * y->out + u0, z, (size_t)width * sizeof(real));
            for (ovp_idx j = 0; j < width; j++) s->ws->wide[i * y->out + u0 + j] = (double)z[j];
            continue;
        }
        real *a = (real *)s->ws->a[s->l + 1] + i * s->ws->stride[s->l + 1] + u0;
        if (s->ws->z[s->l + 1])
            memcpy((real *)s->ws->z[s->l + 1] + i * s->ws->stride[s->l + 1] + u0, z, (size_t)width * sizeof(real));
        ovp_numeric_phi(worker, s->m->act, OVP_REAL_TYPE, width, z, a);
    }
    if (!partial) return;
    const ovp_net_layer *next = &s->m->layer[s->l + 1];
    real *w = scratch(s, worker, s->p.narrow_w);
    copy_padded(w, NARROW, s->theta + next->weight + u0 * next->out, next->out, width, next->out, NARROW,
                next->weight_scale);
    s->k->narrow_forward(rows, width, (real *)s->ws->a[s->l + 1] + u0, s->ws->stride[s->l + 1], w, partial);
}

/* Partial outputs, groups x rows x 16, in f64: with 100,000 units and raw pixels outputs reach a thousand, and their
 * rounding is what decides how near a chaotic start stays to exact arithmetic. */
static double *partials(const pass *s) {
    return (double *)(void *)((real *)s->ws->engine + s->p.partial);
}

static ovp_status forward_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    double *partial = NULL;
    if (s->l + 2 == s->m->layers && is_narrow(&s->m->layer[s->l + 1])) {
        partial = partials(s) + task * s->batch->rows * NARROW;
        memset(partial, 0, (size_t)(s->batch->rows * NARROW) * sizeof(double));
    }
    for (ovp_idx b = task * s->blocks / s->groups; b < (task + 1) * s->blocks / s->groups; b++) {
        ovp_status status = ovp_check(worker);
        if (status != OVP_OK) return status;
        block_forward(s, worker, b, partial);
    }
    return OVP_OK;
}

/* f = b + sum over groups of their partial outputs, in order */
static void reduce_partials(const pass *s) {
    const ovp_net_layer *y = &s->m->layer[s->m->layers - 1];
    for (ovp_idx i = 0; i < s->batch->rows; i++) {
        double sum[NARROW] = {0};
        for (ovp_idx g = 0; g < s->groups; g++) {
            const double *p = partials(s) + (g * s->batch->rows + i) * NARROW;
            for (int j = 0; j < NARROW; j++) sum[j] += p[j];
        }
        for (ovp_idx j = 0; j < y->out; j++) {
            if (y->bias >= 0) sum[j] += y->bias_scale * (double)s->theta[y->bias + j];
            s->ws->wide[i * y->out + j] = sum[j];
            s->f[i * y->out + j] = (real)sum[j];
        }
    }
}

static void set_blocks(pass *s, ovp_idx l) {
    s->width = block_of(s->m, l, s->batch->sparse);
    s->blocks = (s->m->layer[l].out + s->width - 1) / s->width;
    s->groups = min_idx(s->blocks, MAX_GROUPS);
}

static pass make_pass(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta) {
    pass s;
    memset(&s, 0, sizeof s);
    s.ws = ws;
    s.batch = batch;
    s.m = ws->model;
    s.k = ovp_net_kernels_for(ws->ctx, OVP_REAL_TYPE);
    s.theta = theta;
    make_plan(&s.p, ws->model, ws->rows, ovp_threads(ws->ctx));
    return s;
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    pass s = make_pass(ws, batch, theta);
    s.f = f;
    const ovp_idx layers = s.m->layers;
    const int fused = layers > 1 && is_narrow(&s.m->layer[layers - 1]);
    const int blas = ovp_numeric_blas_begin();
    ovp_status status = OVP_OK;
    for (s.l = 0; s.l < layers - fused; s.l++) {
        set_blocks(&s, s.l);
        OVP_TRY(ovp_parallel(ws->ctx, s.groups, forward_task, &s));
    }
    if (fused) reduce_partials(&s);
done:
    ovp_numeric_blas_end(blas);
    return status;
}

/* ---- backward ------------------------------------------------------------------------------------- */

/* Gradient of W_0[:, u0 .. u0+width) from dz (rows x width, stride ld) to the sink, row by row. */
static void input_weights(const pass *s, ovp_ctx *worker, ovp_idx u0, ovp_idx width, const real *dz, ovp_idx ld) {
    const ovp_net_layer *y = &s->m->layer[0];
    real *g = scratch(s, worker, s->p.grad);
    if (s->batch->sparse) {
        memset(g, 0, (size_t)(y->in * ld) * sizeof(real));
        s->k->spmm(&s->batch->by_column, dz, ld, g, ld, ld);
    } else {
        s->k->dense(&s->batch->packed_columns, dz, ld, g, ld, ld);
    }
    for (ovp_idx k = 0; k < y->in; k++) {
        if (k + AHEAD < y->in) prefetch_row(s->theta + y->weight + (k + AHEAD) * y->out + u0, width);
        if (!is_one(y->weight_scale)) copy_scaled(g + k * ld, g + k * ld, width, y->weight_scale);
        ovp_net_sink_range(s->m, worker, s->sink, y->weight + k * y->out + u0, width, y->lr_scale, g + k * ld);
    }
}

static void bias_gradient(const pass *s, ovp_ctx *worker, ovp_idx l, ovp_idx u0, ovp_idx width, const real *dz,
                          ovp_idx ld) {
    const ovp_net_layer *y = &s->m->layer[l];
    if (y->bias < 0) return;
    real *sum = scratch(s, worker, s->p.narrow_t);
    for (ovp_idx j = 0; j < width; j += s->p.block) {
        ovp_idx n = min_idx(s->p.block, width - j);
        s->k->column_sums(s->batch->rows, n, dz + j, ld, sum);
        if (!is_one(y->bias_scale)) copy_scaled(sum, sum, n, y->bias_scale);
        ovp_net_sink_range(s->m, worker, s->sink, y->bias + u0 + j, n, y->lr_scale, sum);
    }
}

/* dL/dz of layer l = s->l (rows x out) and the elements between its rows. */
static ovp_idx upper_gradient(const pass *s, const real **dz) {
    const int top = s->l + 1 == s->m->layers;
    *dz = top ? s->df : s->ws->a[s->l + 1];
    return top ? s->m->layer[s->l].out : s->ws->stride[s->l + 1];
}

/* Block of units of layer l-1 seen from layer l = s->l: dW_l[U,:], dz_(l-1)[:,U], update, biases. */
static void block_backward(const pass *s, ovp_ctx *worker, ovp_idx block) {
    const ovp_net_layer *y = &s->m->layer[s->l];
    const ovp_idx u0 = block * s->width, width = min_idx(s->width, y->in - u0), ld = round16(width);
    const ovp_idx rows = s->batch->rows, stride = s->ws->stride[s->l];
    real *a = (real *)s->ws->a[s->l] + u0;
    real *panel = scratch(s, worker, s->p.panel), *g = scratch(s, worker, s->p.grad);
    const real *w = s->theta + y->weight + u0 * y->out;

    if (is_narrow(y)) {
        const real *dz = (real *)s->ws->engine + s->p.padded; /* times weight_scale; filled before the tasks start */
        real *padded = scratch(s, worker, s->p.narrow_w), *wt = scratch(s, worker, s->p.narrow_t);
        memset(wt, 0, (size_t)(y->out * ld) * sizeof(real));
        for (ovp_idx k = 0; k < width; k++)
            for (ovp_idx c = 0; c < y->out; c++) wt[c * ld + k] = w[k * y->out + c];
        s->k->narrow_grad(rows, width, a, stride, dz, padded);
        s->k->narrow_back(rows, ld, y->out, dz, wt, panel, ld);
        for (ovp_idx k = 0; k < width; k++) memmove(g + k * y->out, padded + k * NARROW, (size_t)y->out * sizeof(real));
    } else {
        const real *dz;
        const ovp_idx dz_stride = upper_gradient(s, &dz);
        ovp_numeric_gemm(OVP_REAL_TYPE, 0, 1, rows, width, y->out, y->weight_scale, dz, dz_stride, w, y->out, 0, panel,
                         ld);
        ovp_numeric_gemm(OVP_REAL_TYPE, 1, 0, width, y->out, rows, y->weight_scale, a, stride, dz, dz_stride, 0, g,
                         y->out);
    }
    ovp_net_sink_range(s->m, worker, s->sink, y->weight + u0 * y->out, width * y->out, y->lr_scale, g);

    const real *kept = s->ws->z[s->l] ? (real *)s->ws->z[s->l] + u0 : a;
    for (ovp_idx i = 0; i < rows; i++) {
        ovp_numeric_dphi_mul(worker, s->m->act, OVP_REAL_TYPE, width, kept + i * stride, panel + i * ld);
        if (s->l > 1)
            memcpy(a + i * stride, panel + i * ld, (size_t)width * sizeof(real));
        else if (ld > width)
            memset(panel + i * ld + width, 0, (size_t)(ld - width) * sizeof(real));
    }
    bias_gradient(s, worker, s->l - 1, u0, width, panel, ld);
    if (s->l == 1) input_weights(s, worker, u0, width, panel, ld);
}

static ovp_status backward_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    block_backward(arg, worker, task);
    return OVP_OK;
}

/* A linear model: only X^T dF. */
static ovp_status linear_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pass *s = arg;
    const ovp_net_layer *y = &s->m->layer[0];
    const ovp_idx u0 = task * s->width, width = min_idx(s->width, y->out - u0), ld = round16(width);
    real *panel = scratch(s, worker, s->p.panel);
    copy_padded(panel, ld, s->df + u0, y->out, s->batch->rows, width, ld, 1);
    input_weights(s, worker, u0, width, panel, ld);
    return OVP_OK;
}

static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    pass s = make_pass(ws, batch, theta);
    s.df = df;
    s.sink = sink;
    const ovp_net_layer *top = &s.m->layer[s.m->layers - 1];
    const int blas = ovp_numeric_blas_begin();
    ovp_status status = OVP_OK;
    for (s.l = s.m->layers - 1; s.l >= 1; s.l--) {
        set_blocks(&s, s.l - 1);
        if (is_narrow(&s.m->layer[s.l])) {
            const real *dz;
            const ovp_idx stride = upper_gradient(&s, &dz), out = s.m->layer[s.l].out;
            copy_padded((real *)ws->engine + s.p.padded, NARROW, dz, stride, batch->rows, out, NARROW,
                        s.m->layer[s.l].weight_scale);
        }
        OVP_TRY(ovp_parallel(ws->ctx, s.blocks, backward_task, &s));
    }
    if (s.m->layers == 1) {
        set_blocks(&s, 0);
        OVP_TRY(ovp_parallel(ws->ctx, s.blocks, linear_task, &s));
    }
    bias_gradient(&s, ws->ctx, s.m->layers - 1, 0, top->out, s.df, top->out);
done:
    ovp_numeric_blas_end(blas);
    return status;
}

const ovp_net_engine OVP_REAL(ovp_net_gemm) = {.name = "gemm",
                                               .input_major = 1,
                                               .bind = ovp_net_gemm_bind,
                                               .refresh = ovp_net_gemm_refresh,
                                               .unbind = ovp_net_gemm_unbind,
                                               .prepare = prepare,
                                               .forward = forward,
                                               .backward = backward,
                                               .tangent = OVP_REAL(ovp_net_layerwise_tangent),
                                               .second = OVP_REAL(ovp_net_layerwise_second),
                                               .jacobian = OVP_REAL(ovp_net_layerwise_jacobian),
                                               .factors = OVP_REAL(ovp_net_layerwise_factors)};
