/* One tile of a Gram matrix: the products in place, then row by row what makes the kernel of them. */
#include "kernel/functions_int.h"

/* Values of the lines at the beginning of scratch; behind them is room for a strip of sparse products. */
static ovp_idx line_values(const ovp_kernel_rows *rows) {
    ovp_idx longest = 0;
    for (const ovp_kernel_variances *v = rows->layer; v && v->phi.table; v++) { /* the last layer has no series */
        longest = v->phi.terms > longest ? v->phi.terms : longest;
        longest = v->dphi.terms > longest ? v->dphi.terms : longest;
    }
    return OVP_KERNEL_LINES * OVP_KERNEL_TILE + (longest + 7) / 8 * 8;
}

size_t ovp_kernel_tile_scratch(const ovp_kernel_rows *rows, int sparse) {
    const size_t behind = sparse ? OVP_KERNEL_TILE * OVP_KERNEL_STRIP_BYTES : 0;
    return ((size_t)line_values(rows) * sizeof(double) + behind + 63) / 64 * 64;
}

static void products(ovp_ctx *worker, const ovp_kernel_tile *t) {
    const ovp_kernel_rows *a = t->a;
    char *behind = (char *)t->scratch + (size_t)line_values(a) * sizeof(double);
    const void *right = (const char *)t->right + (size_t)(t->first[1] * a->d) * ovp_numeric_type_size(a->type);
    if (t->sparse)
        ovp_kernel_tile_sparse(worker, t, behind);
    else
        ovp_numeric_packed_for(worker, a->type)
            ->product(t->count[0], t->count[1], a->d, t->left, right, 0, t->out, t->ld);
}

/* Distances that the products cannot tell: by differences. */
static void near_points(const ovp_kernel_point_kernels *points, const ovp_kernel_tile *t, ovp_idx i, void *values) {
    const ovp_kernel_rows *a = t->a, *b = t->b;
    const int is_f32 = a->type == OVP_F32;
    const double near = is_f32 ? OVP_KERNEL_NEAR_F32 : OVP_KERNEL_NEAR_F64;
    for (ovp_idx k = 0; k < t->count[1]; k++) {
        const ovp_idx j = t->first[1] + k;
        const double d = is_f32 ? (double)((float *)values)[k] : ((double *)values)[k];
        if (!(d < near * (a->square[i] + b->square[j]))) continue;
        const double exact = points->difference(a->d, ovp_kernel_row(a, i), a->scale ? a->scale[i] : 1,
                                                ovp_kernel_row(b, j), b->scale ? b->scale[j] : 1);
        if (is_f32)
            ((float *)values)[k] = (float)exact;
        else
            ((double *)values)[k] = exact;
    }
}

ovp_status ovp_kernel_tile_fill(ovp_ctx *worker, const ovp_kernel_tile *t) {
    const ovp_kernel_rows *a = t->a, *b = t->b;
    const ovp_kernel_point_kernels *points = ovp_kernel_point_kernels_for(worker, a->type);
    ovp_kernel_point point = t->kernel->point;
    ovp_status status = OVP_OK;
    if (!(point.scale > 0)) point.scale = 1 / (double)a->d;
    products(worker, t);
    for (ovp_idx r = 0; r < t->count[0]; r++) {
        const ovp_idx i = t->first[0] + r;
        void *values = t->out + (size_t)(r * t->ld) * ovp_numeric_type_size(a->type);
        if (a->scale) points->scale(t->count[1], values, a->scale[i], b->scale + t->first[1]);
        if (point.form == OVP_FORM_NET) {
            OVP_TRY(ovp_kernel_net_row(worker, t, i, values, t->scratch));
            continue;
        }
        if (point.form != OVP_FORM_POLYNOMIAL &&
            points->squares(t->count[1], values, a->square[i], b->square + t->first[1]))
            near_points(points, t, i, values);
        points->map(&point, t->count[1], values);
    }
done:
    return status;
}
