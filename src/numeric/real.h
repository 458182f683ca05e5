/* One tree, compiled once per precision (src/<room>/real/) or per precision and processor level (src/<room>/hot/): the
 * build defines OVP_BITS and, for hot files, OVP_LEVEL; names are mangled here and nowhere else. */
#ifndef OVP_NUMERIC_REAL_H
#define OVP_NUMERIC_REAL_H

#include <overparam/numeric.h>

#define OVP_PASTE3_(a, b, c) a##b##c
#define OVP_PASTE3(a, b, c) OVP_PASTE3_(a, b, c)

#if OVP_BITS == 32
typedef float real;
#define OVP_REAL_TYPE OVP_F32
#define OVP_REAL(name) OVP_PASTE3(name, _, f32) /* name_f32 */
#define R_(x) x##f                              /* literal */
#elif OVP_BITS == 64
typedef double real;
#define OVP_REAL_TYPE OVP_F64
#define OVP_REAL(name) OVP_PASTE3(name, _, f64)
#define R_(x) x
#else
#error "OVP_BITS must be 32 or 64: this file belongs under real/ or hot/"
#endif

#ifdef OVP_LEVEL
#define OVP_HOT(name) OVP_PASTE3(OVP_REAL(name), _, OVP_LEVEL) /* name_f32_v4 */
#endif

#endif
