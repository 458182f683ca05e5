/* One row of a tile of an infinitely wide net's kernel: angles of the inputs, then layer after layer. */
#include "kernel/functions_int.h"

#include <math.h>

typedef struct lines {
    double *product, *u, *theta, *value, *slope, *own; /* own: a row's coefficients */
} lines;

/* Angles that the products cannot tell, near 0 and near pi: u = |x' - z'|^2 / 2 with x' = (sqrt(w0) x, sqrt(b0)) /
 * sqrt(q), and 2 - u = |x' + z'|^2 / 2. */
static void near_angles(ovp_ctx *worker, const ovp_kernel_tile *t, ovp_idx i, double near, double *u) {
    const ovp_kernel_rows *a = t->a, *b = t->b;
    const ovp_kernel_point_kernels *points = ovp_kernel_point_kernels_for(worker, a->type);
    const double root = sqrt(a->w0), inverse = a->layer[0].inverse[i];
    const double scale = root * inverse * (a->scale ? a->scale[i] : 1);
    for (ovp_idx k = 0; k < t->count[1]; k++) {
        const ovp_idx j = t->first[1] + k;
        const double other = b->layer[0].inverse[j], sign = u[k] > 1 ? -1 : 1;
        if (u[k] >= near && u[k] <= 2 - near) continue;
        const double gap = inverse - sign * other, bias = t->kernel->b0 * gap * gap;
        const double v = 0.5 * (bias + points->difference(a->d, ovp_kernel_row(a, i), scale, ovp_kernel_row(b, j),
                                                          sign * root * other * (b->scale ? b->scale[j] : 1)));
        u[k] = sign > 0 ? v : 2 - v;
    }
}

/* E[g g] by the series, where that does not reach the tolerance over the plane. */
static ovp_status expectation(double *out, ovp_ctx *worker, const ovp_kernel_tile *t, int derivative, ovp_idx l,
                              ovp_idx i, const double *u, double *own) {
    const ovp_kernel_layer_kernels *hot = ovp_kernel_layer_kernels_for(worker);
    const ovp_kernel_variances *va = &t->a->layer[l], *vb = &t->b->layer[l];
    const ovp_kernel_series *a = derivative ? &va->dphi : &va->phi, *b = derivative ? &vb->dphi : &vb->phi;
    const ovp_idx terms = a->terms < b->terms ? a->terms : b->terms;
    const double tolerance = t->kernel->options.tolerance;
    ovp_status status = OVP_OK;
    for (ovp_idx k = 0; k < terms; k++) own[k] = a->table[k * a->rows + i];
    hot->series(terms, t->count[1], own, b->table + t->first[1], b->rows, u, out);
    for (ovp_idx k = 0; k < t->count[1]; k++) {
        const ovp_idx j = t->first[1] + k;
        const double rest = a->rest[i] * b->rest[j], c = 1 - u[k];
        if (rest <= tolerance || rest * pow(fabs(c), (double)terms) <= tolerance) continue;
        OVP_TRY(ovp_kernel_dual_plane(&out[k], NULL, worker, t->kernel, derivative, va->root[i] * va->root[i],
                                      vb->root[j] * vb->root[j], c));
    }
done:
    return status;
}

static ovp_status layers(ovp_ctx *worker, const ovp_kernel_tile *t, ovp_idx i, const lines *w) {
    const ovp_kernel *k = t->kernel;
    const ovp_kernel_layer_kernels *hot = ovp_kernel_layer_kernels_for(worker);
    const ovp_idx depth = k->options.depth, n = t->count[1], first = t->first[1];
    ovp_status status = OVP_OK;
    for (ovp_idx l = 0; l < depth; l++) {
        const ovp_kernel_variances *a = t->a->layer + l, *b = t->b->layer + l;
        const int ends = l + 1 == depth;
        const ovp_kernel_layer layer = {.left = k->left,
                                        .right = k->right,
                                        .w = k->w,
                                        .b = k->b,
                                        .value = ends ? k->value : k->w,
                                        .constant = ends ? k->constant : k->t,
                                        .slope = k->slopes ? (ends ? k->slope : k->w) : 0,
                                        .root = a->root[i],
                                        .next = a[1].root[i],
                                        .inverse = a[1].inverse[i],
                                        .roots = b->root + first,
                                        .nexts = b[1].root + first,
                                        .inverses = b[1].inverse + first};
        if (k->dual < OVP_DUAL_CLOSED) {
            hot->layer[k->dual](&layer, n, w->u, w->theta);
            continue;
        }
        OVP_TRY(expectation(w->value, worker, t, 0, l, i, w->u, w->own));
        for (ovp_idx j = 0; j < n && !k->slopes; j++) w->slope[j] = 0;
        if (k->slopes) OVP_TRY(expectation(w->slope, worker, t, 1, l, i, w->u, w->own));
        hot->given(&layer, n, w->value, w->slope, w->u, w->theta);
    }
done:
    return status;
}

ovp_status ovp_kernel_net_row(ovp_ctx *worker, const ovp_kernel_tile *t, ovp_idx row, void *values, double *line) {
    const ovp_kernel *k = t->kernel;
    const ovp_kernel_rows *a = t->a;
    const int is_f32 = a->type == OVP_F32;
    const ovp_idx n = t->count[1];
    const ovp_kernel_layer_kernels *hot = ovp_kernel_layer_kernels_for(worker);
    const double near = is_f32 ? OVP_KERNEL_NEAR_F32 : OVP_KERNEL_NEAR_F64;
    const lines w = {is_f32 ? line : values,     line + OVP_KERNEL_TILE,     line + 2 * OVP_KERNEL_TILE,
                     line + 3 * OVP_KERNEL_TILE, line + 4 * OVP_KERNEL_TILE, line + OVP_KERNEL_LINES * OVP_KERNEL_TILE};
    for (ovp_idx j = 0; j < n && is_f32; j++) w.product[j] = (double)((float *)values)[j];
    if (hot->angles(n, w.product, a->w0, k->b0, a->layer[0].inverse[row], t->b->layer[0].inverse + t->first[1], near,
                    w.u))
        near_angles(worker, t, row, near, w.u);
    ovp_status status = OVP_OK;
    if (k->profile_terms > 0) {
        hot->profile(k->profile_terms, k->profile, n, a->layer[0].root[row], t->b->layer[0].root + t->first[1], w.u,
                     w.theta);
    } else {
        for (ovp_idx j = 0; j < n; j++) w.theta[j] = a->w0 * w.product[j] + k->t0;
        status = layers(worker, t, row, &w);
    }
    for (ovp_idx j = 0; j < n; j++)
        if (is_f32)
            ((float *)values)[j] = (float)w.theta[j];
        else
            ((double *)values)[j] = w.theta[j];
    return status;
}
