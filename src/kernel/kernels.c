/* Which compiled version of the inner loops a context uses. */
#include "kernel/hot_int.h"

extern const ovp_kernel_point_kernels ovp_kernel_point_kernels_f32_base, ovp_kernel_point_kernels_f64_base;
extern const ovp_kernel_layer_kernels ovp_kernel_layer_kernels_f64_base;
#if defined(__x86_64__)
extern const ovp_kernel_point_kernels ovp_kernel_point_kernels_f32_v3, ovp_kernel_point_kernels_f64_v3,
    ovp_kernel_point_kernels_f32_v4, ovp_kernel_point_kernels_f64_v4;
extern const ovp_kernel_layer_kernels ovp_kernel_layer_kernels_f64_v3, ovp_kernel_layer_kernels_f64_v4;
static const ovp_kernel_point_kernels *const points[3][2] = {
    {&ovp_kernel_point_kernels_f32_base, &ovp_kernel_point_kernels_f64_base},
    {&ovp_kernel_point_kernels_f32_v3, &ovp_kernel_point_kernels_f64_v3},
    {&ovp_kernel_point_kernels_f32_v4, &ovp_kernel_point_kernels_f64_v4}};
static const ovp_kernel_layer_kernels *const layers[3] = {
    &ovp_kernel_layer_kernels_f64_base, &ovp_kernel_layer_kernels_f64_v3, &ovp_kernel_layer_kernels_f64_v4};
#else
static const ovp_kernel_point_kernels *const points[1][2] = {
    {&ovp_kernel_point_kernels_f32_base, &ovp_kernel_point_kernels_f64_base}};
static const ovp_kernel_layer_kernels *const layers[1] = {&ovp_kernel_layer_kernels_f64_base};
#endif

const ovp_kernel_point_kernels *ovp_kernel_point_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type) {
    return points[ovp_isa_rank(ctx)][type == OVP_F64];
}

const ovp_kernel_layer_kernels *ovp_kernel_layer_kernels_for(const ovp_ctx *ctx) {
    return layers[ovp_isa_rank(ctx)];
}
