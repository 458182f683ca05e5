/* lazy-scaling: the lazy limit, computed exactly: gradient descent on a linear model seen through its kernel. */
#include "lazy_scaling_int.h"

#include <string.h>

ovp_status lazy_scaling_limit_create(lazy_scaling_limit *out, ovp_ctx *ctx, ovp_idx n, ovp_idx parameters,
                                     const double *jacobian, const double *y) {
    *out = (lazy_scaling_limit){.n = n};
    ovp_status status = ovp_alloc(ctx, &out->theta, n * n + 3 * n, sizeof(double));
    if (status != OVP_OK) return status;
    out->y = out->theta + n * n;
    out->a = out->y + n;
    out->r = out->a + n;
    memcpy(out->y, y, (size_t)n * sizeof *y);
    ovp_numeric_gemm(OVP_F64, 0, 1, n, n, parameters, 1, jacobian, parameters, jacobian, parameters, 0, out->theta, n);
    return OVP_OK;
}

void lazy_scaling_limit_free(ovp_ctx *ctx, lazy_scaling_limit *limit) {
    ovp_free(ctx, limit->theta);
    *limit = (lazy_scaling_limit){.n = 0};
}

double lazy_scaling_limit_loss(lazy_scaling_limit *l) {
    double sum = 0;
    for (ovp_idx i = 0; i < l->n; i++) {
        const double *row = l->theta + i * l->n;
        double f = 0;
        for (ovp_idx j = 0; j < l->n; j++) f += row[j] * l->a[j];
        l->r[i] = f - l->y[i];
        sum += l->r[i] * l->r[i];
    }
    return sum / (double)l->n;
}

void lazy_scaling_limit_train(lazy_scaling_limit *l, double lr, ovp_idx steps, double *losses) {
    const double rate = 2 * lr / (double)l->n;
    for (ovp_idx k = 0; k < steps; k++) {
        const double loss = lazy_scaling_limit_loss(l);
        if (losses) losses[k] = loss;
        for (ovp_idx i = 0; i < l->n; i++) l->a[i] -= rate * l->r[i];
    }
}

double lazy_scaling_limit_movement(const lazy_scaling_limit *l) {
    double sum = 0;
    for (ovp_idx i = 0; i < l->n; i++)
        for (ovp_idx j = 0; j < l->n; j++) sum += l->a[i] * l->theta[i * l->n + j] * l->a[j];
    return sqrt(fmax(sum, 0));
}

double lazy_scaling_gap_exponent(const char *activation) {
    const ovp_numeric_activation *row = ovp_numeric_activation_find(activation);
    return row && row->kink_count > 0 ? -.5 : -1;
}
