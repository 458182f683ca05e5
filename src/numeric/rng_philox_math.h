/* Logarithm, sine and cosine of the philox normals. The values of philox streams are promised across versions,
 * compilers and C libraries, so they use nothing but IEEE double + - * / and sqrt, each rounded once, in the order
 * written: no fused steps (the build sets -ffp-contract=off) and no libm. Kernels and coefficients: fdlibm 5.3 (Sun
 * Microsystems, freely distributable), e_log.c, k_sin.c, k_cos.c. Never change a line here: every stored seed would
 * change its meaning. Largest relative errors found: log 1.5e-16, sine and
 * cosine 2.6e-16 (tests/numeric/test_rng_philox.c).
 */
#ifndef OVP_NUMERIC_RNG_PHILOX_MATH_H
#define OVP_NUMERIC_RNG_PHILOX_MATH_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "double arithmetic must round to double at every step (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif

/* log(x), x positive and normal: x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), s = f / (2 + f),
 * log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)). */
static inline double ovp_philox_log(double x) {
    uint64_t bits;
    double m;
    memcpy(&bits, &x, sizeof(bits));
    double k = (double)((int32_t)(bits >> 52) - 1023);
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    memcpy(&m, &bits, sizeof(m));
    int upper = m >= 0x1.6a09e667f3bcdp0; /* sqrt(2) */
    m = upper ? 0.5 * m : m;
    k = upper ? k + 1.0 : k;
    double f = m - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double w = z * z;
    double even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double odd = z * (6.666666666666735130e-01 +
                      w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860510658591e-01)));
    double half = 0.5 * f * f;
    double tail = s * (half + (even + odd)) + k * 1.90821492927058770002e-10;
    return k * 6.93147180369123816490e-01 - ((half - tail) - f);
}

/* sin(2 pi u) and cos(2 pi u), 0 <= u < 1 a multiple of 2^-53: the nearest quarter turn is taken off exactly. */
static inline void ovp_philox_sincos(double u, double *sine, double *cosine) {
    int32_t quarter = (int32_t)(4.0 * u + 0.5);
    double t = (u - 0.25 * (double)quarter) * 6.283185307179586476925; /* |t| <= pi/4 */
    double z = t * t;
    double sr =
        8.33333333332248946124e-03 +
        z * (-1.98412698298579493134e-04 +
             z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)));
    double s = t + z * t * (-1.66666666666666324348e-01 + z * sr);
    double cr = z * (4.16666666666666019037e-02 +
                     z * (-1.38888888888741095749e-03 +
                          z * (2.48015872894767294178e-05 +
                               z * (-2.75573143513906633035e-07 +
                                    z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
    double half = 0.5 * z;
    double w = 1.0 - half;
    double c = w + (((1.0 - w) - half) + z * cr);
    double sin_u = (quarter & 1) ? c : s, cos_u = (quarter & 1) ? s : c;
    *sine = (quarter & 2) ? -sin_u : sin_u;
    *cosine = ((quarter + 1) & 2) ? -cos_u : cos_u;
}

#endif
