/* torch's CPU generator (1.13.1): seeding, uniforms, short normals, integers, permutations. The algorithms were read
 * off ATen/core/DistributionsHelper.h, ATen/native/cpu/DistributionTemplates.h and ATen/native/TensorFactories.cpp and
 * are written down in docs/random.md; tests/numeric/data/rng-vectors.json holds what the library itself returned. */
#include "numeric/rng_int.h"

#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586476925

#define ALWAYS_INLINE static inline __attribute__((always_inline))

static void torch_seed(ovp_numeric_rng *rng, int64_t seed) {
    ovp_numeric_mt_seed(&rng->u.torch.mt, (uint32_t)((uint64_t)seed & 0xffffffffu));
    rng->u.torch.has_normal = 0;
}

static uint32_t torch_word(ovp_numeric_rng *rng) {
    return ovp_numeric_mt_word(&rng->u.torch.mt);
}

/* ---- float uniforms: u d + a, u = (word mod 2^24) / 2^24 ------------------------------------------------------- */

/* How u d + a is rounded: in two steps, in one by fmaf, or in one by way of a double sum that is exact. */
typedef enum rounding { TWO_STEPS, ONE_FMA, ONE_EXACT } rounding;

ALWAYS_INLINE void span_f32(const uint32_t *s, int count, float a, float d, rounding how, float *out) {
    for (int i = 0; i < count; i++) {
        float u = (float)(int32_t)(ovp_numeric_mt_temper(s[i]) & 0xffffffu) * 0x1p-24f;
        if (how == TWO_STEPS) {
            out[i] = u * d + a;
        } else if (how == ONE_FMA) {
            out[i] = __builtin_fmaf(u, d, a);
        } else {
            out[i] = (float)((double)u * (double)d + (double)a);
        }
    }
}

static void span_two_steps(const uint32_t *s, int count, float a, float d, float *out) {
    span_f32(s, count, a, d, TWO_STEPS, out);
}

static void span_exact(const uint32_t *s, int count, float a, float d, float *out) {
    span_f32(s, count, a, d, ONE_EXACT, out);
}

static void span_fma(const uint32_t *s, int count, float a, float d, float *out) {
    span_f32(s, count, a, d, ONE_FMA, out);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void span_fma_fast(const uint32_t *s, int count, float a, float d,
                                                              float *out) {
    span_f32(s, count, a, d, ONE_FMA, out);
}
#else
#define span_fma_fast span_fma
#endif

typedef void (*span_fn)(const uint32_t *s, int count, float a, float d, float *out);

/* Where fmaf is a slow call: u d has 48 bits, and adding a is exact in double's 53 if a and d are close enough in size,
 * as in every symmetric range. */
static int double_sum_is_exact(float a, float d) {
    float size = fabsf(a), reach = fabsf(d);
    return a == 0.0f || (size > reach * 0x1p-26f && size < reach * 16.0f);
}

static span_fn choose_span(const ovp_numeric_rng *rng, float a, float d) {
    if (rng->u.torch.variant == OVP_TORCH_PLAIN) return span_two_steps;
    if (rng->fast_fma) return span_fma_fast;
    return double_sum_is_exact(a, d) ? span_exact : span_fma;
}

void ovp_numeric_torch_uniform_f32(ovp_numeric_rng *rng, ovp_idx n, float a, float b, float *out) {
    ovp_numeric_mt *mt = &rng->u.torch.mt;
    float d = b - a;
    span_fn span = choose_span(rng, a, d);
    while (n > 0) {
        if (mt->pos == OVP_MT_WORDS) ovp_numeric_mt_refill(mt);
        int count = OVP_MT_WORDS - mt->pos;
        if (count > n) count = (int)n;
        span(mt->s + mt->pos, count, a, d, out);
        mt->pos += count;
        out += count;
        n -= count;
    }
}

/* ---- double uniforms: u = (word64 mod 2^53) / 2^53 ------------------------------------------------------------- */

static inline double next_f64(ovp_numeric_mt *mt) {
    return (double)(int64_t)(ovp_numeric_mt_word64(mt) & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

void ovp_numeric_torch_uniform_f64(ovp_numeric_rng *rng, ovp_idx n, double a, double b, double *out) {
    ovp_numeric_mt *mt = &rng->u.torch.mt;
    double d = b - a;
    int fused = rng->u.torch.variant == OVP_TORCH_FUSED && !(a == 0.0 && d == 1.0);
    for (ovp_idx i = 0; i < n; i++) {
        double u = next_f64(mt);
        out[i] = fused ? fma(u, d, a) : u * d + a;
    }
}

static void torch_uniform(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double a, double b, void *out) {
    if (type == OVP_F32) {
        ovp_numeric_torch_uniform_f32(rng, n, (float)a, (float)b, out);
    } else {
        ovp_numeric_torch_uniform_f64(rng, n, a, b, out);
    }
}

/* ---- normals --------------------------------------------------------------------------------------------------- */

/* The element-by-element path, taken for n < 16: the second of a pair is kept for the next such call. */
static double short_normal(ovp_numeric_rng *rng, double mean, double std) {
    ovp_numeric_torch *torch = &rng->u.torch;
    double v = torch->normal;
    if (!torch->has_normal) {
        double u1 = next_f64(&torch->mt);
        double u2 = next_f64(&torch->mt);
        double r = sqrt(-2.0 * log(1.0 - u2));
        double t = TWO_PI * u1;
        torch->normal = r * sin(t);
        v = r * cos(t);
    }
    torch->has_normal = !torch->has_normal;
    return torch->variant == OVP_TORCH_FUSED ? fma(v, std, mean) : v * std + mean;
}

static void torch_normal(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double mean, double std, void *out) {
    float *f32 = out;
    double *f64 = out;
    if (type == OVP_F32 && n >= 16) {
        ovp_numeric_torch_normal_f32(rng, n, (float)mean, (float)std, f32);
    } else if (type == OVP_F32) {
        for (ovp_idx i = 0; i < n; i++) f32[i] = (float)short_normal(rng, mean, std);
    } else if (n >= 16) {
        ovp_numeric_torch_normal_f64(rng, n, mean, std, f64);
    } else {
        for (ovp_idx i = 0; i < n; i++) f64[i] = short_normal(rng, mean, std);
    }
}

/* ---- integers -------------------------------------------------------------------------------------------------- */

static void torch_integers(ovp_numeric_rng *rng, ovp_idx n, int64_t low, int64_t high, int64_t *out) {
    ovp_numeric_mt *mt = &rng->u.torch.mt;
    uint64_t range = (uint64_t)high - (uint64_t)low;
    int wide = range >= UINT64_C(1) << 32;
    for (ovp_idx i = 0; i < n; i++) {
        uint64_t word = wide ? ovp_numeric_mt_word64(mt) : ovp_numeric_mt_word(mt);
        out[i] = (int64_t)((uint64_t)low + word % range);
    }
}

static void torch_shuffle(ovp_numeric_rng *rng, ovp_idx n, int64_t *items) {
    ovp_numeric_mt *mt = &rng->u.torch.mt;
    for (ovp_idx i = 0; i < n - 1; i++) {
        ovp_idx j = i + (ovp_idx)(ovp_numeric_mt_word(mt) % (uint64_t)(n - i));
        int64_t keep = items[i];
        items[i] = items[j];
        items[j] = keep;
    }
}

const ovp_numeric_rng_ops ovp_numeric_torch_ops = {torch_seed,     torch_uniform, torch_normal,
                                                   torch_integers, torch_shuffle, torch_word};
