/* What the tests of kernel functions share: kernels from a few words, points, Gram matrices. */
#ifndef OVP_TEST_KERNELS_H
#define OVP_TEST_KERNELS_H

#include "check.h"
#include "values.h"

#include <overparam/kernel.h>

#include <math.h>
#include <string.h>

static inline ovp_kernel *make_kernel(ovp_ctx *ctx, ovp_kernel_options o) {
    ovp_kernel *kernel;
    o.size = sizeof o;
    assert_ok(ctx, ovp_kernel_create(&kernel, ctx, &o));
    return kernel;
}

/* n standard normals of the type. */
static inline void *normal_points(ovp_ctx *ctx, ovp_numeric_type type, int64_t seed, ovp_idx n) {
    void *out;
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_alloc(ctx, &out, n, sizeof(double)));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_TEST, 0));
    ovp_numeric_rng_normal(rng, type, n, 0, 1, out);
    ovp_numeric_rng_free(rng);
    return out;
}

/* others 0: z = x */
static inline void *gram(ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d, ovp_idx rows,
                         const void *x, ovp_idx others, const void *z) {
    void *out;
    assert_ok(ctx, ovp_alloc(ctx, &out, rows * (others ? others : rows), ovp_numeric_type_size(type)));
    assert_ok(ctx, ovp_kernel_gram(out, ctx, kernel, type, d, rows, x, others, others ? z : NULL));
    return out;
}

/* k(x, z) of one pair, f64. */
static inline double kernel_at(ovp_ctx *ctx, const ovp_kernel *kernel, ovp_idx d, const double *x, const double *z) {
    double out;
    assert_ok(ctx, ovp_kernel_gram(&out, ctx, kernel, OVP_F64, d, 1, x, 1, z));
    return out;
}

#endif
