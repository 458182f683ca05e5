/* One register of the level as a vector type. */
#ifndef OVP_NUMERIC_HOT_VECTOR_H
#define OVP_NUMERIC_HOT_VECTOR_H

#include "numeric/real.h"

/* 64-byte vectors on AVX2 would be emulated (ten times slower in gcc 12). */
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, WIDE_REGISTERS = 1 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32, WIDE_REGISTERS = 0 };
#else
enum { VECTOR_BYTES = 16, WIDE_REGISTERS = 0 };
#endif
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
enum { LANES = VECTOR_BYTES / sizeof(real) };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE const vec *vectors(const real *x) {
    return (const vec *)(const void *)x;
}

/* x in every lane. (A vector plus a number would be an addition: 0 + -0 is not -0.) */
ALWAYS_INLINE vec splat(real x) {
    vec v = {0};
    for (int l = 0; l < LANES; l++) v[l] = x;
    return v;
}

#endif
