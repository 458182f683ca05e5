/* The const table of vector kernels [level][precision] and the public entries that choose from it. Its rows are
 * hot/table.c, compiled once per level and precision. */
#include "numeric/kernels_int.h"

#include <assert.h>

extern const ovp_numeric_kernels ovp_numeric_kernels_f32_base, ovp_numeric_kernels_f64_base;
#ifdef __x86_64__
extern const ovp_numeric_kernels ovp_numeric_kernels_f32_v3, ovp_numeric_kernels_f64_v3;
extern const ovp_numeric_kernels ovp_numeric_kernels_f32_v4, ovp_numeric_kernels_f64_v4;
#endif

static const ovp_numeric_kernels *const kernels[][2] = {
    {&ovp_numeric_kernels_f32_base, &ovp_numeric_kernels_f64_base},
#ifdef __x86_64__
    {&ovp_numeric_kernels_f32_v3, &ovp_numeric_kernels_f64_v3},
    {&ovp_numeric_kernels_f32_v4, &ovp_numeric_kernels_f64_v4},
#endif
};

const ovp_numeric_kernels *ovp_numeric_kernels_at(int rank, ovp_numeric_type type) {
    assert(type == OVP_F32 || type == OVP_F64);
    if (rank < 0 || rank >= (int)(sizeof kernels / sizeof *kernels)) rank = 0;
    return kernels[rank][type == OVP_F64];
}

void ovp_numeric_map(const ovp_ctx *ctx, ovp_numeric_fn fn, ovp_numeric_type type, ovp_idx n, const void *x, void *y) {
    assert(fn >= 0 && fn < OVP_FN_COUNT);
    ovp_numeric_kernels_at(ovp_isa_rank(ctx), type)->map[fn](n, x, y);
}

void ovp_numeric_phi(const ovp_ctx *ctx, const ovp_numeric_activation *act, ovp_numeric_type type, ovp_idx n,
                     const void *z, void *h) {
    ovp_numeric_kernels_at(ovp_isa_rank(ctx), type)->phi[act->id](n, z, h);
}

void ovp_numeric_dphi_mul(const ovp_ctx *ctx, const ovp_numeric_activation *act, ovp_numeric_type type, ovp_idx n,
                          const void *s, void *g) {
    ovp_numeric_kernels_at(ovp_isa_rank(ctx), type)->dphi_mul[act->id](n, s, g);
}
