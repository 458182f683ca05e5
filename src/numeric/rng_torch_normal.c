/* torch's normals for 16 elements and more: Box-Muller in place on blocks of 16 uniforms (normal_fill in
 * ATen/native/cpu/DistributionTemplates.h and normal_fill_AVX2 in DistributionKernels.cpp). The float kernel of the
 * fused variant uses the logarithm, sine and cosine of avx_mathfun.h (J. Pommier's Cephes polynomials; S. Moshier),
 * fused where GCC 12 fuses them; the plain variant and doubles use the C library. */
#include "numeric/rng_int.h"

#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586476925
#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE uint32_t bits_of(float x) {
    uint32_t i;
    memcpy(&i, &x, sizeof(i));
    return i;
}

ALWAYS_INLINE float float_of(uint32_t i) {
    float x;
    memcpy(&x, &i, sizeof(x));
    return x;
}

/* log(a), 0 < a <= 1 normal. */
ALWAYS_INLINE float mathfun_log(float a) {
    uint32_t i = bits_of(a);
    float e = (float)((int32_t)(i >> 23) - 126);
    float m = float_of((i & 0x007fffffu) | 0x3f000000u);
    int low = m < 0.70710677f;
    float x = (m - 1.0f) + (low ? m : 0.0f);
    e -= low ? 1.0f : 0.0f;
    float z = x * x;
    float y = 7.0376836292e-2f;
    y = __builtin_fmaf(y, x, -1.1514610310e-1f);
    y = __builtin_fmaf(y, x, 1.1676998740e-1f);
    y = __builtin_fmaf(y, x, -1.2420140846e-1f);
    y = __builtin_fmaf(y, x, 1.4249322787e-1f);
    y = __builtin_fmaf(y, x, -1.6668057665e-1f);
    y = __builtin_fmaf(y, x, 2.0000714765e-1f);
    y = __builtin_fmaf(y, x, -2.4999993993e-1f);
    y = __builtin_fmaf(y, x, 3.3333331174e-1f);
    y *= x;
    y = __builtin_fmaf(y, z, e * -2.12194440e-4f);
    y = __builtin_fmaf(-z, 0.5f, y);
    return __builtin_fmaf(e, 0.693359375f, x + y);
}

/* sin(t) and cos(t), 0 <= t < 2 pi. */
ALWAYS_INLINE void mathfun_sincos(float t, float *sine, float *cosine) {
    int32_t j = ((int32_t)(t * 1.27323954473516f) + 1) & ~1;
    float y = (float)j;
    t = __builtin_fmaf(y, -0.78515625f, t);
    t = __builtin_fmaf(y, -2.4187564849853515625e-4f, t);
    t = __builtin_fmaf(y, -3.77489497744594108e-8f, t);
    float z = t * t;
    float c = __builtin_fmaf(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = __builtin_fmaf(c, z, 4.166664568298827e-2f);
    c *= z;
    c = __builtin_fmaf(c, z, -(z * 0.5f)) + 1.0f;
    float s = __builtin_fmaf(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = __builtin_fmaf(s, z, -1.6666654611e-1f);
    s *= z;
    s = __builtin_fmaf(s, t, t);
    float sin_t = (j & 2) ? c : s, cos_t = (j & 2) ? s : c;
    *sine = (j & 4) ? -sin_t : sin_t;
    *cosine = ((j - 2) & 4) ? cos_t : -cos_t;
}

ALWAYS_INLINE void blocks_fused(float *x, ovp_idx blocks, float mean, float std) {
    for (ovp_idx b = 0; b < blocks; b++, x += 16) {
        for (int k = 0; k < 8; k++) {
            float s, c;
            float r = sqrtf(-2.0f * mathfun_log(1.0f - x[k]));
            mathfun_sincos(0x1.921fb6p+2f * x[k + 8], &s, &c);
            x[k] = __builtin_fmaf(r * c, std, mean);
            x[k + 8] = __builtin_fmaf(r * s, std, mean);
        }
    }
}

static void blocks_fused_any(float *x, ovp_idx blocks, float mean, float std) {
    blocks_fused(x, blocks, mean, std);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void blocks_fused_fast(float *x, ovp_idx blocks, float mean, float std) {
    blocks_fused(x, blocks, mean, std);
}
#else
#define blocks_fused_fast blocks_fused_any
#endif

static void blocks_plain(float *x, ovp_idx blocks, float mean, float std) {
    for (ovp_idx b = 0; b < blocks; b++, x += 16) {
        for (int k = 0; k < 8; k++) {
            float r = sqrtf(-2.0f * logf(1.0f - x[k]));
            float t = (float)(TWO_PI * (double)x[k + 8]);
            x[k] = r * cosf(t) * std + mean;
            x[k + 8] = r * sinf(t) * std + mean;
        }
    }
}

static void blocks_f64(double *x, ovp_idx blocks, double mean, double std, int fused) {
    for (ovp_idx b = 0; b < blocks; b++, x += 16) {
        for (int k = 0; k < 8; k++) {
            double r = sqrt(-2.0 * log(1.0 - x[k]));
            double t = TWO_PI * x[k + 8];
            double c = r * cos(t), s = r * sin(t);
            x[k] = fused ? fma(c, std, mean) : c * std + mean;
            x[k + 8] = fused ? fma(s, std, mean) : s * std + mean;
        }
    }
}

/* An incomplete last block is drawn anew as the last 16 places, over values already finished: as the library does. */
void ovp_numeric_torch_normal_f32(ovp_numeric_rng *rng, ovp_idx n, float mean, float std, float *out) {
    void (*blocks)(float *, ovp_idx, float, float) = blocks_plain;
    if (rng->u.torch.variant == OVP_TORCH_FUSED) blocks = rng->fast_fma ? blocks_fused_fast : blocks_fused_any;
    ovp_numeric_torch_uniform_f32(rng, n, 0.0f, 1.0f, out);
    blocks(out, n / 16, mean, std);
    if (n % 16) {
        ovp_numeric_torch_uniform_f32(rng, 16, 0.0f, 1.0f, out + n - 16);
        blocks(out + n - 16, 1, mean, std);
    }
}

void ovp_numeric_torch_normal_f64(ovp_numeric_rng *rng, ovp_idx n, double mean, double std, double *out) {
    int fused = rng->u.torch.variant == OVP_TORCH_FUSED;
    ovp_numeric_torch_uniform_f64(rng, n, 0.0, 1.0, out);
    blocks_f64(out, n / 16, mean, std, fused);
    if (n % 16) {
        ovp_numeric_torch_uniform_f64(rng, 16, 0.0, 1.0, out + n - 16);
        blocks_f64(out + n - 16, 1, mean, std, fused);
    }
}
