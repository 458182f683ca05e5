/* What torch programs draw besides rand, randn, randint and randperm: random_, bernoulli, normals with tensors,
 * truncated normals, data splits and loader orders. docs/random.md; torch 1.13.1's Distributions.cpp, Math.h (erfinv),
 * nn/init.py, utils/data/{dataset,sampler,dataloader}.py. */
#include "numeric/rng_int.h"

#include <assert.h>
#include <math.h>

static ovp_numeric_mt *torch_mt(ovp_numeric_rng *rng) {
    assert(rng->kind == OVP_RNG_TORCH);
    return &rng->u.torch.mt;
}

void ovp_numeric_torch_random_full(ovp_numeric_rng *rng, ovp_idx n, int64_t *out) {
    ovp_numeric_mt *mt = torch_mt(rng);
    for (ovp_idx i = 0; i < n; i++) out[i] = (int64_t)ovp_numeric_mt_word64(mt);
}

void ovp_numeric_torch_random(ovp_numeric_rng *rng, ovp_idx n, int64_t *out) {
    ovp_numeric_torch_random_full(rng, n, out);
    for (ovp_idx i = 0; i < n; i++) out[i] &= INT64_MAX;
}

void ovp_numeric_torch_bernoulli(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double p, void *out) {
    assert(type == OVP_F32 || type == OVP_F64);
    (void)torch_mt(rng);
    for (ovp_idx i = 0; i < n; i++) {
        double u;
        ovp_numeric_torch_uniform_f64(rng, 1, 0.0, 1.0, &u);
        if (type == OVP_F32) {
            ((float *)out)[i] = u < p ? 1.0f : 0.0f;
        } else {
            ((double *)out)[i] = u < p ? 1.0 : 0.0;
        }
    }
}

void ovp_numeric_torch_bernoulli_each(ovp_numeric_rng *rng, ovp_idx n, const float *p, float *out) {
    (void)torch_mt(rng);
    ovp_numeric_torch_uniform_f32(rng, n, 0.0f, 1.0f, out);
    for (ovp_idx i = 0; i < n; i++) out[i] = out[i] < p[i] ? 1.0f : 0.0f;
}

void ovp_numeric_torch_normal_each(ovp_numeric_rng *rng, ovp_idx n, double mean, const float *means, double std,
                                   const float *stds, float *out) {
    (void)torch_mt(rng);
    if (!means && !stds) {
        ovp_numeric_rng_normal(rng, OVP_F32, n, mean, std, out);
        return;
    }
    ovp_numeric_rng_normal(rng, OVP_F32, n, 0.0, stds ? 1.0 : std, out);
    for (ovp_idx i = 0; i < n; i++) {
        float x = stds ? out[i] * stds[i] : out[i];
        out[i] = x + (means ? means[i] : (float)mean);
    }
}

/* ---- truncated normals ----------------------------------------------------------------------------------------- */

/* c[0] x^(count-1) + .. + c[count-1] */
static float horner(const float *c, int count, float x, int fused) {
    float y = c[0];
    for (int i = 1; i < count; i++) y = fused ? fmaf(y, x, c[i]) : y * x + c[i];
    return y;
}

/* Inverse error function of ATen/native/Math.h (rational approximation and two Newton steps), -1 < y < 1; the ends give
 * +-infinity. Up to 5 ulp from exact, as the library's. */
static float erfinv_f32(float y, int fused) {
    static const float a[] = {-0.140543331f, 0.914624893f, -1.645349621f, 0.886226899f};
    static const float b[] = {0.012229801f, -0.329097515f, 1.442710462f, -2.118377725f, 1.0f};
    static const float c[] = {1.641345311f, 3.429567803f, -1.624906493f, -1.970840454f};
    static const float d[] = {1.637067800f, 3.543889200f, 1.0f};
    float size = fabsf(y), x;
    if (size > 1.0f) return NAN;
    if (size == 1.0f) return copysignf(INFINITY, y);
    if (size <= 0.7f) {
        float z = y * y;
        x = y * horner(a, 4, z, fused) / horner(b, 5, z, fused);
    } else {
        float z = sqrtf(-logf((1.0f - size) / 2.0f));
        x = copysignf(horner(c, 4, z, fused), y) / horner(d, 3, z, fused);
    }
    for (int step = 0; step < 2; step++) x -= (erff(x) - y) / (1.1283791f * expf(-x * x));
    return x;
}

static double normal_cdf(double x) {
    return (1.0 + erf(x / sqrt(2.0))) / 2.0;
}

void ovp_numeric_torch_trunc_normal(ovp_numeric_rng *rng, ovp_idx n, double mean, double std, double a, double b,
                                    float *out) {
    (void)torch_mt(rng);
    int fused = rng->u.torch.variant == OVP_TORCH_FUSED;
    double l = normal_cdf((a - mean) / std), u = normal_cdf((b - mean) / std);
    float scale = (float)(std * sqrt(2.0)), shift = (float)mean, low = (float)a, high = (float)b;
    ovp_numeric_torch_uniform_f32(rng, n, (float)(2.0 * l - 1.0), (float)(2.0 * u - 1.0), out);
    for (ovp_idx i = 0; i < n; i++) {
        float x = erfinv_f32(out[i], fused) * scale;
        x += shift;
        x = x < low ? low : x;
        out[i] = x > high ? high : x;
    }
}

/* ---- data ------------------------------------------------------------------------------------------------------ */

ovp_status ovp_numeric_torch_split_lengths(ovp_ctx *ctx, ovp_idx total, ovp_idx parts, const double *fractions,
                                           ovp_idx *lengths) {
    double sum = 0.0;
    ovp_idx given = 0;
    if (total < 0 || parts < 1) {
        return ovp_fail(ctx, OVP_EINVAL, "split of %lld items into %lld parts: need items >= 0 and parts >= 1",
                        (long long)total, (long long)parts);
    }
    for (ovp_idx k = 0; k < parts; k++) {
        if (!(fractions[k] >= 0.0 && fractions[k] <= 1.0)) {
            return ovp_fail(ctx, OVP_EINVAL, "split: fraction %g of part %lld outside 0..1", fractions[k],
                            (long long)k);
        }
        sum += fractions[k];
        lengths[k] = (ovp_idx)floor((double)total * fractions[k]);
        given += lengths[k];
    }
    /* torch: math.isclose(sum, 1) and sum <= 1 */
    if (!(sum <= 1.0 && sum >= 1.0 - 1e-9)) {
        return ovp_fail(ctx, OVP_EINVAL, "split: fractions sum to %.17g instead of 1", sum);
    }
    for (ovp_idx k = 0; given < total; k = (k + 1) % parts, given++) lengths[k]++;
    return OVP_OK;
}

void ovp_numeric_torch_loader_begin(const ovp_numeric_torch_loader *loader, int64_t *order) {
    ovp_numeric_rng *own = loader->generator, *rng = own ? own : loader->rng;
    int64_t drawn;
    ovp_numeric_torch_random(rng, 1, &drawn); /* the workers' base seed: drawn even without workers */
    if (!loader->shuffle) {
        for (ovp_idx i = 0; i < loader->n; i++) order[i] = i;
    } else if (own) {
        ovp_numeric_rng_permutation(own, loader->n, order);
    } else {
        ovp_numeric_rng epoch = {.ops = &ovp_numeric_torch_ops, .kind = OVP_RNG_TORCH};
        ovp_numeric_torch_random(rng, 1, &drawn);
        ovp_numeric_rng_seed(&epoch, drawn);
        ovp_numeric_rng_permutation(&epoch, loader->n, order);
    }
}

void ovp_numeric_torch_loader_end(const ovp_numeric_torch_loader *loader) {
    if (loader->shuffle && loader->generator && loader->n > 1) {
        ovp_numeric_mt_skip(torch_mt(loader->generator), loader->n - 1);
    }
}
