/* Which compiled version of the hot kernels a context uses. */
#include "net/conv_loops_int.h"
#include "net/residual_tile_int.h"
#include "net/tile_int.h"

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

extern const ovp_net_tile_kernels ovp_net_tile_kernels_f32_base, ovp_net_tile_kernels_f64_base;
#if defined(__x86_64__)
extern const ovp_net_tile_kernels ovp_net_tile_kernels_f32_v3, ovp_net_tile_kernels_f64_v3, ovp_net_tile_kernels_f32_v4,
    ovp_net_tile_kernels_f64_v4;
static const ovp_net_tile_kernels *const tiles[3][2] = {
    {&ovp_net_tile_kernels_f32_base, &ovp_net_tile_kernels_f64_base},
    {&ovp_net_tile_kernels_f32_v3, &ovp_net_tile_kernels_f64_v3},
    {&ovp_net_tile_kernels_f32_v4, &ovp_net_tile_kernels_f64_v4}};
#else
static const ovp_net_tile_kernels *const tiles[1][2] = {
    {&ovp_net_tile_kernels_f32_base, &ovp_net_tile_kernels_f64_base}};
#endif

const ovp_net_tile_kernels *ovp_net_tile_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type) {
    return tiles[ovp_isa_rank(ctx)][type == OVP_F64];
}

extern const ovp_net_residual_kernels ovp_net_residual_kernels_f32_base, ovp_net_residual_kernels_f64_base;
#if defined(__x86_64__)
extern const ovp_net_residual_kernels ovp_net_residual_kernels_f32_v3, ovp_net_residual_kernels_f64_v3,
    ovp_net_residual_kernels_f32_v4, ovp_net_residual_kernels_f64_v4;
static const ovp_net_residual_kernels *const residuals[3][2] = {
    {&ovp_net_residual_kernels_f32_base, &ovp_net_residual_kernels_f64_base},
    {&ovp_net_residual_kernels_f32_v3, &ovp_net_residual_kernels_f64_v3},
    {&ovp_net_residual_kernels_f32_v4, &ovp_net_residual_kernels_f64_v4}};
#else
static const ovp_net_residual_kernels *const residuals[1][2] = {
    {&ovp_net_residual_kernels_f32_base, &ovp_net_residual_kernels_f64_base}};
#endif

const ovp_net_residual_kernels *ovp_net_residual_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type) {
    return residuals[ovp_isa_rank(ctx)][type == OVP_F64];
}

/* f32 alone: what oneDNN convolves. */
extern const ovp_net_conv_loops ovp_net_conv_loops_f32_base;
#if defined(__x86_64__)
extern const ovp_net_conv_loops ovp_net_conv_loops_f32_v3, ovp_net_conv_loops_f32_v4;
static const ovp_net_conv_loops *const conv_loops[3] = {&ovp_net_conv_loops_f32_base, &ovp_net_conv_loops_f32_v3,
                                                        &ovp_net_conv_loops_f32_v4};
#else
static const ovp_net_conv_loops *const conv_loops[1] = {&ovp_net_conv_loops_f32_base};
#endif

const ovp_net_conv_loops *ovp_net_conv_loops_for(const ovp_ctx *ctx) {
    return conv_loops[ovp_isa_rank(ctx)];
}

#define OVP_UPDATES(level)                                                                                             \
    { ovp_net_update_range_f32_##level, ovp_net_update_range_f64_##level }
#define OVP_UPDATE_ARGS ovp_idx, ovp_idx, void *, const void *, const ovp_net_update *, double
extern void ovp_net_update_range_f32_base(OVP_UPDATE_ARGS), ovp_net_update_range_f64_base(OVP_UPDATE_ARGS);
#if defined(__x86_64__)
extern void ovp_net_update_range_f32_v3(OVP_UPDATE_ARGS), ovp_net_update_range_f64_v3(OVP_UPDATE_ARGS);
extern void ovp_net_update_range_f32_v4(OVP_UPDATE_ARGS), ovp_net_update_range_f64_v4(OVP_UPDATE_ARGS);
static const ovp_net_update_fn updates[3][2] = {OVP_UPDATES(base), OVP_UPDATES(v3), OVP_UPDATES(v4)};
#else
static const ovp_net_update_fn updates[1][2] = {OVP_UPDATES(base)};
#endif

ovp_net_update_fn ovp_net_update_for(const ovp_ctx *ctx, ovp_numeric_type type) {
    return updates[ovp_isa_rank(ctx)][type == OVP_F64];
}

void ovp_net_sink_range(const ovp_net_model *model, const ovp_ctx *ctx, const ovp_net_sink *sink, ovp_idx offset,
                        ovp_idx count, double lr_scale, const void *grad) {
    if (sink->grad)
        __builtin_memcpy(ovp_net_at(model->type, sink->grad, offset), grad,
                         (size_t)count * ovp_numeric_type_size(model->type));
    else
        ovp_net_update_for(ctx, model->type)(count, offset, sink->theta, grad, sink->update,
                                             sink->update->lr * lr_scale);
}
