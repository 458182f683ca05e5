/* Which compiled version of the hot kernels a context uses. */
#include "net/net_int.h"

extern const ovp_net_kernels ovp_net_kernels_f32_base, ovp_net_kernels_f64_base;
#if defined(__x86_64__)
extern const ovp_net_kernels ovp_net_kernels_f32_v3, ovp_net_kernels_f64_v3, ovp_net_kernels_f32_v4,
    ovp_net_kernels_f64_v4;
static const ovp_net_kernels *const table[3][2] = {{&ovp_net_kernels_f32_base, &ovp_net_kernels_f64_base},
                                                   {&ovp_net_kernels_f32_v3, &ovp_net_kernels_f64_v3},
                                                   {&ovp_net_kernels_f32_v4, &ovp_net_kernels_f64_v4}};
#else
static const ovp_net_kernels *const table[1][2] = {{&ovp_net_kernels_f32_base, &ovp_net_kernels_f64_base}};
#endif

const ovp_net_kernels *ovp_net_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type) {
    return table[ovp_isa_rank(ctx)][type == OVP_F64];
}

void ovp_net_sink_range(const ovp_net_model *model, const ovp_ctx *ctx, const ovp_net_sink *sink, ovp_idx offset,
                        ovp_idx count, double lr_scale, const void *grad) {
    if (sink->grad) {
        __builtin_memcpy(ovp_net_at(model->type, sink->grad, offset), grad,
                         (size_t)count * ovp_numeric_type_size(model->type));
        return;
    }
    const ovp_net_update *u = sink->update;
    ovp_net_kernels_for(ctx, model->type)
        ->update(count, ovp_net_at(model->type, sink->theta, offset), grad,
                 u->velocity ? ovp_net_at(model->type, u->velocity, offset) : NULL, u, u->lr * lr_scale);
}
