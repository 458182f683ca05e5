/* Vector maths for hot files: branch-free inline functions that gcc 12 vectorises inside a plain loop at -O3.
 *
 * One formula for both precisions; only the polynomials differ. They are minimax fits (Remez in 50 digits, weighted as
 * said at each), rounded to the precision. Measured bounds: docs/vector-maths.md.
 * Fused steps are written out (OVP_FMA) and the build forbids others (-ffp-contract=off), so a lane of a vector and the
 * scalar tail of a loop give the same bits. On a level without hardware FMA, OVP_FMA rounds twice: levels may differ in
 * the last bits, and constants that multiply exponents or quadrants are short enough to stay exact there.
 * Selections keep NaN: a comparison with NaN must choose the operand that is NaN. */
#ifndef OVP_NUMERIC_HOT_MATHS_H
#define OVP_NUMERIC_HOT_MATHS_H

#include "numeric/real.h"

#include <math.h>
#include <string.h>

/* Lanes never depend on each other, also where the output is the input. */
#define OVP_LANES _Pragma("GCC ivdep")

#ifdef __FP_FAST_FMA
#define OVP_FMA64(a, b, c) __builtin_fma(a, b, c)
#else
#define OVP_FMA64(a, b, c) ((a) * (b) + (c))
#endif

#if OVP_BITS == 32
typedef uint32_t ovp_vm_bits;
#ifdef __FP_FAST_FMAF
#define OVP_FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define OVP_FMA(a, b, c) ((a) * (b) + (c))
#endif
#define OVP_SQRT(x) __builtin_sqrtf(x)
#define OVP_VM_MANTISSA 23
#define OVP_VM_BIAS 127u
#define OVP_VM_SIGN 0x80000000u
#define OVP_VM_MAGIC 0x1.8p23f        /* adding it rounds to an integer, held in the low bits */
#define OVP_VM_LN2_HI 0x1.62e4p-1f    /* 15 bits: n * LN2_HI is exact */
#define OVP_VM_LN2_LO 0x1.7f7d1cp-20f /* ln 2 - LN2_HI */
#else
typedef uint64_t ovp_vm_bits;
#define OVP_FMA OVP_FMA64
#define OVP_SQRT(x) __builtin_sqrt(x)
#define OVP_VM_MANTISSA 52
#define OVP_VM_BIAS 1023u
#define OVP_VM_SIGN 0x8000000000000000u
#define OVP_VM_MAGIC 0x1.8p52
#define OVP_VM_LN2_HI 0x1.62e42feep-1 /* 32 bits */
#define OVP_VM_LN2_LO 0x1.a39ef35793c76p-33
#endif
#define OVP_VM_LOG2E R_(0x1.71547652b82fep+0)

static inline ovp_vm_bits ovp_vm_to_bits(real x) {
    ovp_vm_bits b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline real ovp_vm_from_bits(ovp_vm_bits b) {
    real x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static inline real ovp_vm_abs(real x) {
    return ovp_vm_from_bits(ovp_vm_to_bits(x) & ~OVP_VM_SIGN);
}

/* magnitude >= 0 (or NaN) with the sign of x. */
static inline real ovp_vm_sign(real magnitude, real x) {
    return ovp_vm_from_bits(ovp_vm_to_bits(magnitude) | (ovp_vm_to_bits(x) & OVP_VM_SIGN));
}

/* 2^n from MAGIC + n; n in the exponent range. */
static inline real ovp_vm_exp2i(real magic_plus_n) {
    return ovp_vm_from_bits((ovp_vm_to_bits(magic_plus_n) + OVP_VM_BIAS) << OVP_VM_MANTISSA);
}

/* exp(x) - 1 = 2^n (1 + p) - 1 with p = exp(r) - 1, |r| <= ln 2 / 2; magic = MAGIC + n. */
static inline real ovp_vm_reduce_exp(real x, real *magic) {
    real t = OVP_FMA(x, OVP_VM_LOG2E, OVP_VM_MAGIC), n = t - OVP_VM_MAGIC;
    real r = OVP_FMA(-n, OVP_VM_LN2_HI, x);
    r = OVP_FMA(-n, OVP_VM_LN2_LO, r);
    *magic = t;
#if OVP_BITS == 32 /* (expm1(r) - r) / r^2, relative error of expm1 2.6e-10 */
    real q = OVP_FMA(r, 0.00019846017f, 0.0013941654f);
    q = OVP_FMA(r, q, 0.0083333915f);
    q = OVP_FMA(r, q, 0.041666348f);
    q = OVP_FMA(r, q, 0.16666666f);
    q = OVP_FMA(r, q, 0.5f);
#else /* 2.9e-19 */
    real q = OVP_FMA(r, 2.087529648534815e-09, 2.511011146660663e-08);
    q = OVP_FMA(r, q, 2.7557405983039323e-07);
    q = OVP_FMA(r, q, 2.755724136411167e-06);
    q = OVP_FMA(r, q, 2.4801587164747625e-05);
    q = OVP_FMA(r, q, 0.00019841269888688868);
    q = OVP_FMA(r, q, 0.0013888888888968322);
    q = OVP_FMA(r, q, 0.008333333333320736);
    q = OVP_FMA(r, q, 0.04166666666666649);
    q = OVP_FMA(r, q, 0.16666666666666677);
    q = OVP_FMA(r, q, 0.5);
#endif
    return OVP_FMA(r * r, q, r);
}

static inline real ovp_vm_exp(real x) {
    const real high = OVP_BITS == 32 ? R_(89.0) : R_(710.0);   /* exp is infinite there */
    const real low = OVP_BITS == 32 ? R_(-104.0) : R_(-746.0); /* and rounds to 0 here */
    x = x > high ? high : x;
    x = x < low ? low : x;
    real magic, p = ovp_vm_reduce_exp(x, &magic), n = magic - OVP_VM_MAGIC;
    /* 2^n in two factors: the second multiplication alone rounds into the subnormals or overflows. */
    real half = OVP_FMA(n, R_(0.5), OVP_VM_MAGIC), rest = n - (half - OVP_VM_MAGIC);
    real s = ovp_vm_exp2i(half);
    return OVP_FMA(p, s, s) * ovp_vm_exp2i(rest + OVP_VM_MAGIC);
}

/* exp(x) - 1 for x below about 80: beyond, its 2^n would overflow. */
static inline real ovp_vm_expm1(real x) {
    x = x < R_(-40.0) ? R_(-40.0) : x; /* -1 after rounding */
    real magic, p = ovp_vm_reduce_exp(x, &magic), s = ovp_vm_exp2i(magic);
    return OVP_FMA(p, s, s - R_(1.0));
}

/* log x = k ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt 2), by the odd series in s = f / (2 + f) as fdlibm's
 * e_log.c (Sun Microsystems 1993) arranges it. */
static inline real ovp_vm_log(real x) {
#if OVP_BITS == 32
    const real tiny = 0x1p-126f, scale = 0x1p25f, scaled = 25.0f, two = 0x1p23f;
    const ovp_vm_bits root = 0x3f3504f3u, one = 0x3f800000u, mask = 0x007fffffu, exponent = 0x4b000000u;
#else
    const real tiny = 0x1p-1022, scale = 0x1p54, scaled = 54.0, two = 0x1p52;
    const ovp_vm_bits root = 0x3fe6a09e667f3bcdu, one = 0x3ff0000000000000u, mask = 0x000fffffffffffffu,
                      exponent = 0x4330000000000000u;
#endif
    real y = x < tiny ? x * scale : x;
    real k = x < tiny ? -scaled : R_(0.0);
    ovp_vm_bits b = ovp_vm_to_bits(y) + (one - root);
    /* An integer below 2^MANTISSA as a real without a conversion (AVX2 has none for 64 bits). */
    k += ovp_vm_from_bits((b >> OVP_VM_MANTISSA) | exponent) - (two + (real)OVP_VM_BIAS);
    real f = ovp_vm_from_bits((b & mask) + root) - R_(1.0);
    real s = f / (R_(2.0) + f), z = s * s, h = R_(0.5) * f * f;
#if OVP_BITS == 32 /* (log((1+s)/(1-s)) - 2s) / s^3, relative error of log 2e-9 */
    real q = OVP_FMA(z, 0.29874378f, 0.39977452f);
    q = OVP_FMA(z, q, 0.66666776f);
#else /* 3e-18 */
    real q = OVP_FMA(z, 0.14799063988958164, 0.15313756204505974);
    q = OVP_FMA(z, q, 0.1818357513774463);
    q = OVP_FMA(z, q, 0.22222198379232616);
    q = OVP_FMA(z, q, 0.2857142874413169);
    q = OVP_FMA(z, q, 0.39999999999407543);
    q = OVP_FMA(z, q, 0.6666666666666735);
#endif
    real r = OVP_FMA(s, OVP_FMA(z, q, h), k * OVP_VM_LN2_LO);
    real result = OVP_FMA(k, OVP_VM_LN2_HI, f - (h - r));
    result = x > R_(0.0) ? result : x < R_(0.0) ? (real)NAN : x; /* +-0 and NaN are still to come */
    result = x == R_(0.0) ? -(real)INFINITY : result;
    return x == (real)INFINITY ? x : result;
}

/* log(1 + e) for 0 <= e <= 1: the rounding of 1 + e is put back in first order. */
static inline real ovp_vm_log1p01(real e) {
    real u = R_(1.0) + e;
    return ovp_vm_log(u) + (e - (u - R_(1.0))) / u;
}

/* a >= 0: *small = erf a, good for a < 1; returns erfc a, good for a >= 1 up to an absolute error that erf does not
 * see: exp(-a^2) Q(1 / (a + 2)), Q fitted to exp(a^2) erfc a. */
static inline real ovp_vm_erfc(real a, real *small) {
    real z = a * a, u = R_(1.0) / (a + R_(2.0));
#if OVP_BITS == 32 /* small: relative error 1.2e-9; erfc: 3.6e-11 absolute */
    real p = OVP_FMA(z, 7.889184e-05f, -0.00080208614f);
    p = OVP_FMA(z, p, 0.0051895375f);
    p = OVP_FMA(z, p, -0.026854446f);
    p = OVP_FMA(z, p, 0.112836f);
    p = OVP_FMA(z, p, -0.37612626f);
    p = OVP_FMA(z, p, 0.12837917f);
    real q = OVP_FMA(u, -7.3856697f, 10.186904f);
    q = OVP_FMA(u, q, -0.5156991f);
    q = OVP_FMA(u, q, 1.5872124f);
    q = OVP_FMA(u, q, 0.5194006f);
    q = OVP_FMA(u, q, 0.0018225169f);
#else /* 1.3e-19; 2.7e-18 */
    real p = OVP_FMA(z, 5.96068628347296e-11, -1.137495570359615e-09);
    p = OVP_FMA(z, p, 1.4660328539833942e-08);
    p = OVP_FMA(z, p, -1.635039616600527e-07);
    p = OVP_FMA(z, p, 1.6461008469235697e-06);
    p = OVP_FMA(z, p, -1.4925595771418414e-05);
    p = OVP_FMA(z, p, 0.00012055331132913291);
    p = OVP_FMA(z, p, -0.0008548326981424048);
    p = OVP_FMA(z, p, 0.0052239776248283985);
    p = OVP_FMA(z, p, -0.02686617064507787);
    p = OVP_FMA(z, p, 0.11283791670954885);
    p = OVP_FMA(z, p, -0.3761263890318375);
    p = OVP_FMA(z, p, 0.1283791670955126);
    real q = OVP_FMA(u, -210.34834501348496, 742.9153790288199);
    q = OVP_FMA(u, q, -1146.5363834920809);
    q = OVP_FMA(u, q, 989.9720545893798);
    q = OVP_FMA(u, q, -508.5510163534885);
    q = OVP_FMA(u, q, 160.53619289036592);
    q = OVP_FMA(u, q, -40.9950413585733);
    q = OVP_FMA(u, q, 9.881689838499442);
    q = OVP_FMA(u, q, 1.8947394084837152);
    q = OVP_FMA(u, q, 2.0592753005715205);
    q = OVP_FMA(u, q, 1.123165835871604);
    q = OVP_FMA(u, q, 0.5643840245225064);
    q = OVP_FMA(u, q, -3.3170710307068135e-06);
#endif
    *small = OVP_FMA(a, p, a);
    return ovp_vm_exp(-z) * q;
}

static inline real ovp_vm_erf(real x) {
    real a = ovp_vm_abs(x), small, c = ovp_vm_erfc(a, &small);
    return ovp_vm_sign(a < R_(1.0) ? small : R_(1.0) - c, x);
}

/* Normal distribution function (1 + erf(x / sqrt 2)) / 2, without cancellation on the left. */
static inline real ovp_vm_normal_cdf(real x) {
    real a = ovp_vm_abs(x) * R_(0.70710678118654752440), small, c = R_(0.5) * ovp_vm_erfc(a, &small);
    real inner = R_(0.5) + R_(0.5) * ovp_vm_sign(small, x);
    real outer = x < R_(0.0) ? c : R_(1.0) - c;
    return a < R_(1.0) ? inner : outer;
}

/* Largest |x| the reduction below is good for: 20 bits of quadrant times 33 bits of pi/2 are exact. */
#define OVP_VM_TRIG_LIMIT 0x1p20

/* sin x (shift 0) or cos x (shift 1) for |x| <= OVP_VM_TRIG_LIMIT. Always in double: in f32 that makes the reduction
 * simple and the result nearly correctly rounded, with shorter polynomials. Cody-Waite with pi/2 in parts of 33, 33
 * and 53 bits; quadrants are chosen by masks since SSE2 compares no 64-bit integers. */
static inline double ovp_vm_trig(double x, uint64_t shift) {
    double t = OVP_FMA64(x, 0x1.45f306dc9c883p-1, 0x1.8p52), n = t - 0x1.8p52;
    uint64_t quadrant;
    memcpy(&quadrant, &t, sizeof quadrant);
    quadrant += shift;
    double y = x - n * 0x1.921fb544p+0;
#if OVP_BITS == 32
    double r = OVP_FMA64(-n, 0x1.0b4611a626331p-34, y), z = r * r;
    double s = OVP_FMA64(z, 2.7182379789895102e-06, -0.00019839327224625494); /* relative error 5e-12 */
    s = OVP_FMA64(z, s, 0.00833332936262524);
    s = OVP_FMA64(z, s, -0.1666666664143102);
    s = OVP_FMA64(r * z, s, r);
    double c = OVP_FMA64(z, 2.4437717646142897e-05, -0.0013887361343878802); /* 1e-10 */
    c = OVP_FMA64(z, c, 0.041666646745830975);
    c = OVP_FMA64(z * z, c, OVP_FMA64(z, -0.5, 1.0));
#else
    double w = n * 0x1.0b4611a6p-34, high = y - w, back = high - y;
    double low = OVP_FMA64(-n, 0x1.3198a2e037073p-69, (y - (high - back)) - (w + back)); /* Knuth two-sum */
    double r = high + low, z = r * r;
    low = (high - r) + low;                                                   /* r + low is the reduced argument */
    double s = OVP_FMA64(z, 1.5896797965917676e-10, -2.5050758160580777e-08); /* 4e-18 */
    s = OVP_FMA64(z, s, 2.7557313692244645e-06);
    s = OVP_FMA64(z, s, -0.00019841269829808862);
    s = OVP_FMA64(z, s, 0.008333333333322415);
    s = OVP_FMA64(z, s, -0.16666666666666632);
    s = r + OVP_FMA64(r * z, s, OVP_FMA64(z, -0.5 * low, low));             /* sin(r + low) = sin r + low cos r */
    double c = OVP_FMA64(z, -1.135964615423904e-11, 2.087572324020473e-09); /* 5e-20 */
    c = OVP_FMA64(z, c, -2.755731435207868e-07);
    c = OVP_FMA64(z, c, 2.480158728948125e-05);
    c = OVP_FMA64(z, c, -0.0013888888888874123);
    c = OVP_FMA64(z, c, 0.0416666666666666);
    double h = 0.5 * z, one = 1.0 - h; /* the rounding error of 1 - z/2 is put back: fdlibm k_cos.c */
    c = one + (((1.0 - one) - h) + OVP_FMA64(z * z, c, -r * low));
#endif
    uint64_t sine, cosine, mask = 0 - (quadrant & 1);
    memcpy(&sine, &s, sizeof sine);
    memcpy(&cosine, &c, sizeof cosine);
    uint64_t bits = ((sine & ~mask) | (cosine & mask)) ^ ((quadrant & 2) << 62);
    memcpy(&r, &bits, sizeof r);
    return x == 0.0 && shift == 0 ? x : r; /* -0 */
}

#endif
