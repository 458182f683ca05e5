/* Random streams: creation and dispatch over the kinds. */
#include "numeric/rng_int.h"

#include <assert.h>

static const ovp_numeric_rng_ops *kind_ops(ovp_numeric_rng_kind kind) {
    switch (kind) {
    case OVP_RNG_PHILOX:
        return &ovp_numeric_philox_ops;
    case OVP_RNG_TORCH:
        return &ovp_numeric_torch_ops;
    case OVP_RNG_NUMPY:
        return &ovp_numeric_numpy_ops;
    }
    return NULL;
}

static ovp_status check_seed(ovp_ctx *ctx, ovp_numeric_rng_kind kind, int64_t seed) {
    if (kind != OVP_RNG_NUMPY || (seed >= 0 && seed <= UINT32_MAX)) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "random stream: numpy seed %lld outside 0..4294967295", (long long)seed);
}

ovp_status ovp_numeric_rng_create(ovp_numeric_rng **out, ovp_ctx *ctx, ovp_numeric_rng_kind kind, int64_t seed,
                                  ovp_numeric_purpose purpose, uint64_t index) {
    ovp_status status;
    ovp_numeric_rng *rng = NULL;
    *out = NULL;
    if ((int)kind < OVP_RNG_PHILOX || (int)kind > OVP_RNG_NUMPY) {
        return ovp_fail(ctx, OVP_EINVAL, "random stream: unknown kind %d; use philox (0), torch (1) or numpy (2)",
                        (int)kind);
    }
    if ((int)purpose < OVP_PURPOSE_GENERAL || (int)purpose > 255) {
        return ovp_fail(ctx, OVP_EINVAL, "random stream: purpose %d outside 0..255", (int)purpose);
    }
    OVP_TRY(check_seed(ctx, kind, seed));
    OVP_TRY(ovp_alloc(ctx, &rng, 1, sizeof(*rng)));
    rng->ctx = ctx;
    rng->kind = kind;
    rng->ops = kind_ops(kind);
#ifdef __x86_64__
    rng->fast_fma = ovp_isa_rank(ctx) >= 1; /* level v3 has AVX2 and FMA */
#elif defined(__FP_FAST_FMAF)
    rng->fast_fma = 1;
#endif
    if (kind == OVP_RNG_PHILOX) {
        rng->u.philox.purpose = (uint32_t)purpose;
        rng->u.philox.index = index;
    }
    rng->ops->seed(rng, seed);
    *out = rng;
done:
    return status;
}

void ovp_numeric_rng_free(ovp_numeric_rng *rng) {
    if (rng) ovp_free(rng->ctx, rng);
}

ovp_numeric_rng_kind ovp_numeric_rng_get_kind(const ovp_numeric_rng *rng) {
    return rng->kind;
}

ovp_status ovp_numeric_rng_seed(ovp_numeric_rng *rng, int64_t seed) {
    ovp_status status = check_seed(rng->ctx, rng->kind, seed);
    if (status == OVP_OK) rng->ops->seed(rng, seed);
    return status;
}

void ovp_numeric_rng_set_torch_variant(ovp_numeric_rng *rng, ovp_numeric_torch_variant variant) {
    assert(rng->kind == OVP_RNG_TORCH);
    rng->u.torch.variant = variant;
}

void ovp_numeric_rng_uniform(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double a, double b, void *out) {
    assert(type == OVP_F32 || type == OVP_F64);
    assert(n >= 0);
    rng->ops->uniform(rng, type, n, a, b, out);
}

void ovp_numeric_rng_normal(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double mean, double std,
                            void *out) {
    assert(type == OVP_F32 || type == OVP_F64);
    assert(n >= 0);
    rng->ops->normal(rng, type, n, mean, std, out);
}

void ovp_numeric_rng_integers(ovp_numeric_rng *rng, ovp_idx n, int64_t low, int64_t high, int64_t *out) {
    assert(low < high);
    assert(n >= 0);
    rng->ops->integers(rng, n, low, high, out);
}

void ovp_numeric_rng_permutation(ovp_numeric_rng *rng, ovp_idx n, int64_t *out) {
    assert(n >= 0);
    for (ovp_idx i = 0; i < n; i++) out[i] = i;
    rng->ops->shuffle(rng, n, out);
}

void ovp_numeric_numpy_shuffle(ovp_numeric_rng *rng, ovp_idx n, int64_t *items) {
    assert(n >= 0);
    rng->ops->shuffle(rng, n, items);
}

void ovp_numeric_rng_align(ovp_numeric_rng *rng) {
    if (rng->kind == OVP_RNG_PHILOX) ovp_numeric_philox_skip(rng, rng->u.philox.position & 1);
}

uint32_t ovp_numeric_rng_word(ovp_numeric_rng *rng) {
    return rng->ops->word(rng);
}
