/* lazy-width: how far the empirical neural tangent kernel moves in a training. */
#include "lazy_width_int.h"

#include <overparam/kernel.h>

static ovp_idx image_count(const ovp_data_set *data) {
    const ovp_idx n = data->x_train.shape[0];
    return n < LAZY_WIDTH_NTK_IMAGES ? n : LAZY_WIDTH_NTK_IMAGES;
}

ovp_status lazy_width_kernel_start(lazy_width_kernel *out, ovp_ctx *ctx, const ovp_net_model *model,
                                   const ovp_data_set *data, const void *theta) {
    ovp_status status = OVP_OK;
    *out = (lazy_width_kernel){.rows = image_count(data)};
    out->side = out->rows * ovp_net_model_outputs(model);
    OVP_TRY(ovp_alloc(ctx, &out->start, out->side * out->side, sizeof *out->start));
    OVP_TRY(ovp_alloc(ctx, &out->end, out->side * out->side, sizeof *out->end));
    OVP_TRY(ovp_kernel_ntk(out->start, ctx, model, theta, out->rows, data->x_train.data, 0, NULL, NULL));
done:
    if (status != OVP_OK) lazy_width_kernel_free(ctx, out);
    return status;
}

ovp_status lazy_width_kernel_change(double *change, lazy_width_kernel *kernel, ovp_ctx *ctx, const ovp_net_model *model,
                                    const ovp_data_set *data, const void *theta) {
    ovp_status status = ovp_kernel_ntk(kernel->end, ctx, model, theta, kernel->rows, data->x_train.data, 0, NULL, NULL);
    if (status != OVP_OK) return status;
    double moved = 0, size = 0;
    for (ovp_idx i = 0; i < kernel->side * kernel->side; i++) {
        const double d = kernel->end[i] - kernel->start[i];
        moved += d * d;
        size += kernel->start[i] * kernel->start[i];
    }
    *change = sqrt(moved / size);
    return OVP_OK;
}

void lazy_width_kernel_free(ovp_ctx *ctx, lazy_width_kernel *kernel) {
    ovp_free(ctx, kernel->start);
    ovp_free(ctx, kernel->end);
    *kernel = (lazy_width_kernel){.start = NULL};
}

ovp_status lazy_width_kernel_memory(int64_t *bytes, ovp_ctx *ctx, const ovp_net_dense_options *options,
                                    const ovp_data_set *data) {
    ovp_net_model *model = NULL;
    ovp_kernel_ntk_plan plan;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_net_dense_create(&model, ctx, options));
    OVP_TRY(ovp_kernel_ntk_choose(&plan, ctx, model, image_count(data), 0, NULL));
    const double side = (double)(image_count(data) * ovp_net_model_outputs(model));
    *bytes = plan.bytes + (int64_t)(2 * side * side * sizeof(double));
done:
    ovp_net_model_free(model);
    return status;
}
