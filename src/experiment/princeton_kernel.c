/* The kernel of the Princeton tutorial's net, and what training with a constant kernel does. */
#include "princeton_int.h"

ovp_status princeton_kernel_create(ovp_kernel **out, ovp_ctx *ctx) {
    const ovp_kernel_options options = {
        .size = sizeof options, .name = "ntk", .activation = "relu", .depth = 1, .convention = "tutorial-bias"};
    return ovp_kernel_create(out, ctx, &options);
}

ovp_status princeton_tangent_create(princeton_tangent *out, ovp_ctx *ctx, ovp_idx n, const double *kernel,
                                    const double *residual, double rate) {
    ovp_status status = OVP_OK;
    double *vectors = NULL;
    *out = (princeton_tangent){.n = n, .rate = rate};
    OVP_TRY(ovp_alloc(ctx, &vectors, n * n, sizeof *vectors));
    OVP_TRY(ovp_alloc(ctx, &out->values, 2 * n, sizeof *out->values));
    out->start = out->values + n;
    OVP_TRY(ovp_numeric_eigh(out->values, vectors, ctx, n, kernel));
    for (ovp_idx i = 0; i < n; i++) {
        long double sum = 0;
        for (ovp_idx j = 0; j < n; j++) sum += (long double)vectors[i * n + j] * (long double)residual[j];
        out->start[i] = (double)sum;
    }
done:
    ovp_free(ctx, vectors);
    if (status != OVP_OK) princeton_tangent_free(ctx, out);
    return status;
}

void princeton_tangent_free(ovp_ctx *ctx, princeton_tangent *tangent) {
    ovp_free(ctx, tangent->values);
    *tangent = (princeton_tangent){.n = 0};
}

ovp_status princeton_tangent_losses(const princeton_tangent *t, ovp_ctx *ctx, int flow, ovp_idx steps, double *losses) {
    ovp_status status = OVP_OK;
    const ovp_idx n = t->n;
    double *factor = NULL;
    OVP_TRY(ovp_alloc(ctx, &factor, 2 * n, sizeof *factor));
    double *square = factor + n;
    for (ovp_idx i = 0; i < n; i++) {
        const double once = flow ? exp(-t->rate * t->values[i]) : 1 - t->rate * t->values[i];
        factor[i] = once * once;
        square[i] = t->start[i] * t->start[i];
    }
    for (ovp_idx k = 0; k < steps; k++) {
        double sum = 0;
        for (ovp_idx i = 0; i < n; i++) {
            sum += square[i];
            square[i] *= factor[i];
        }
        losses[k] = sum / (double)n;
    }
done:
    ovp_free(ctx, factor);
    return status;
}

double princeton_tangent_loss(const princeton_tangent *t, int flow, double time) {
    double sum = 0;
    for (ovp_idx i = 0; i < t->n; i++) {
        const double a = t->rate * t->values[i];
        const double factor = flow ? exp(-a * time) : pow(1 - a, time);
        sum += t->start[i] * t->start[i] * factor * factor;
    }
    return sum / (double)t->n;
}

double princeton_apart(double value, double published, int digits) {
    return fabs(value - published) / (pow(10, -digits) * fabs(published));
}
