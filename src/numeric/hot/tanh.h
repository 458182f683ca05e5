/* tanh of arrays. */
#ifndef OVP_NUMERIC_HOT_TANH_H
#define OVP_NUMERIC_HOT_TANH_H

#include "numeric/hot/maths.h"

#if OVP_BITS == 32 && defined(__AVX512F__)
#include "numeric/hot/tanh_table.h"

#include <immintrin.h>

/* 16 entries of the 32 of a row, chosen by the low five bits of each lane. */
static inline __m512 ovp_vm_tanh_look(__m512i at, int row) {
    const float *t = ovp_vm_tanh_table[row];
    return _mm512_permutex2var_ps(_mm512_loadu_ps(t), at, _mm512_loadu_ps(t + 16));
}

/* A polynomial an interval: this level looks 32 floats up in one instruction, so intervals can be narrow and no
 * division is needed; 17 operations against 32 of the formula below. Minimum and maximum hand a NaN in their second
 * operand on. */
static inline __m512 ovp_vm_tanh_vector(__m512 x) {
    const __m512 a = _mm512_min_ps(_mm512_set1_ps(9.02f), _mm512_abs_ps(x)); /* 1 after rounding */
    const __m512i at = _mm512_srli_epi32(_mm512_castps_si512(_mm512_max_ps(_mm512_set1_ps(0x1p-4f), a)), 21);
    const __m512 t = _mm512_sub_ps(a, ovp_vm_tanh_look(at, 0));
    __m512 p = _mm512_fmadd_ps(t, ovp_vm_tanh_look(at, 6), ovp_vm_tanh_look(at, 5));
    p = _mm512_fmadd_ps(t, p, ovp_vm_tanh_look(at, 4));
    p = _mm512_fmadd_ps(t, p, ovp_vm_tanh_look(at, 3));
    p = _mm512_fmadd_ps(t, p, ovp_vm_tanh_look(at, 2));
    p = _mm512_fmadd_ps(t, p, ovp_vm_tanh_look(at, 1));
    const __m512i magnitude = _mm512_castps_si512(p), sign = _mm512_set1_epi32((int)OVP_VM_SIGN);
    enum { FIRST_OR_SECOND_AND_THIRD = 0xF8 };
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(magnitude, _mm512_castps_si512(x), sign, FIRST_OR_SECOND_AND_THIRD));
}

/* |x| < 1/2: an odd polynomial, 6 operations and no table; under .9 ulp too, but not always the same float. */
static inline __m512 ovp_vm_tanh_below_half(__m512 x) {
    const float *s = ovp_vm_tanh_small;
    const __m512 z = _mm512_mul_ps(x, x);
    __m512 q = _mm512_fmadd_ps(z, _mm512_set1_ps(s[3]), _mm512_set1_ps(s[2]));
    q = _mm512_fmadd_ps(z, q, _mm512_set1_ps(s[1]));
    q = _mm512_fmadd_ps(z, q, _mm512_set1_ps(s[0]));
    return _mm512_fmadd_ps(_mm512_mul_ps(x, z), q, x);
}

static inline void ovp_vm_tanh_map(ovp_idx n, const real *x, real *y) {
    ovp_idx i = 0;
    for (; i + 16 <= n; i += 16) _mm512_storeu_ps(y + i, ovp_vm_tanh_vector(_mm512_loadu_ps(x + i)));
    if (i == n) return;
    const __mmask16 rest = (__mmask16)((1u << (n - i)) - 1);
    _mm512_mask_storeu_ps(y + i, rest, ovp_vm_tanh_vector(_mm512_maskz_loadu_ps(rest, x + i)));
}
#else
#if OVP_BITS == 32
/* A polynomial up to 0.56, then 1 - 2 / (exp(2a) + 1), whose rounding errors shrink with its second term. exp(2a) is
 * 2^n (1 + expm1(2r)), 2a = n ln 2 + 2r, with the polynomial of ovp_vm_reduce_exp in 2r, its powers of two moved into
 * the constants; MAGIC + 128 leaves the exponent bits of 2^(n+1) in the low bits of t. */
static inline real ovp_vm_tanh(real x) {
    real a = ovp_vm_abs(x), z = a * a;
    real q = OVP_FMA(z, -0.006207464f, 0.021027246f); /* (tanh(a) / a - 1) / a^2, relative error of tanh 1.2e-9 */
    q = OVP_FMA(z, q, -0.053842288f);
    q = OVP_FMA(z, q, 0.133325f);
    q = OVP_FMA(z, q, -0.33333316f);
    real small = OVP_FMA(a * z, q, a);
    real b = 10.0f < a ? 10.0f : a; /* 1 after rounding */
    real t = OVP_FMA(b, 2 * OVP_VM_LOG2E, OVP_VM_MAGIC + 128.0f), n = t - (OVP_VM_MAGIC + 128.0f);
    real r = OVP_FMA(-n, OVP_VM_LN2_HI / 2, b);
    r = OVP_FMA(-n, OVP_VM_LN2_LO / 2, r);
    real e = OVP_FMA(r, 64 * 0.00019846017f, 32 * 0.0013941654f);
    e = OVP_FMA(r, e, 16 * 0.0083333915f);
    e = OVP_FMA(r, e, 8 * 0.041666348f);
    e = OVP_FMA(r, e, 4 * 0.16666666f);
    e = OVP_FMA(r, e, 2 * 0.5f);
    real s = ovp_vm_from_bits(ovp_vm_to_bits(t) << OVP_VM_MANTISSA);
    real large = 1.0f - 2.0f / OVP_FMA(OVP_FMA(r * r, e, r), s, OVP_FMA(s, 0.5f, 1.0f));
    return ovp_vm_sign(a < 0.56f ? small : large, x);
}
#else
/* tanh a = E / (E + 2), E = expm1(2a): no cancellation anywhere. */
static inline real ovp_vm_tanh(real x) {
    real a = ovp_vm_abs(x);
    a = a > 20.0 ? 20.0 : a; /* 1 after rounding */
    real e = ovp_vm_expm1(a + a);
    return ovp_vm_sign(e / (e + 2.0), x);
}
#endif

static inline void ovp_vm_tanh_map(ovp_idx n, const real *x, real *y) {
    OVP_LANES
    for (ovp_idx i = 0; i < n; i++) y[i] = ovp_vm_tanh(x[i]);
}
#endif

#endif
