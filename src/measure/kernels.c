/* Which compiled version of the inner loops a context uses. */
#include "measure/hot_int.h"

extern const ovp_variation_kernels ovp_variation_kernels_f64_base;
#if defined(__x86_64__)
extern const ovp_variation_kernels ovp_variation_kernels_f64_v3, ovp_variation_kernels_f64_v4;
static const ovp_variation_kernels *const kernels[3] = {&ovp_variation_kernels_f64_base, &ovp_variation_kernels_f64_v3,
                                                        &ovp_variation_kernels_f64_v4};
#else
static const ovp_variation_kernels *const kernels[1] = {&ovp_variation_kernels_f64_base};
#endif

const ovp_variation_kernels *ovp_variation_kernels_for(const ovp_ctx *ctx) {
    return kernels[ovp_isa_rank(ctx)];
}
