/* The const table of vector kernels [level][precision] and the public entries that choose from it. Its rows are
 * hot/table.c, compiled once per level and precision. */
#include "numeric/blas_int.h"
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

const ovp_numeric_packed *ovp_numeric_packed_for(const ovp_ctx *ctx, ovp_numeric_type type) {
    return &ovp_numeric_kernels_at(ovp_isa_rank(ctx), type)->packed;
}

void ovp_numeric_subtract_product(const ovp_ctx *ctx, int transposed, ovp_idx m, ovp_idx n, ovp_idx k, const double *a,
                                  ovp_idx lda, const double *x, ovp_idx ldx, double *c, ovp_idx ldc) {
    const ovp_numeric_packed *packed = ovp_numeric_packed_for(ctx, OVP_F64);
    if (n == 1 && ldx == 1 && ldc == 1)
        ovp_numeric_gemv(transposed, transposed ? k : m, transposed ? m : k, -1, a, lda, x, 1, c);
    else if (n <= packed->sliver[0])
        packed->narrow(transposed, m, n, k, a, lda, x, ldx, c, ldc);
    else
        ovp_numeric_gemm(OVP_F64, transposed, 0, m, n, k, -1, a, lda, x, ldx, 1, c, ldc);
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
