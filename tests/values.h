/* Vectors whose type is known at run time: their values, and how far two are apart. */
#ifndef OVP_TEST_VALUES_H
#define OVP_TEST_VALUES_H

#include <math.h>

#include <overparam/numeric.h>

static inline double get(ovp_numeric_type type, const void *p, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}
static inline void set(ovp_numeric_type type, void *p, ovp_idx i, double v) {
    if (type == OVP_F32)
        ((float *)p)[i] = (float)v;
    else
        ((double *)p)[i] = v;
}

static inline double largest(ovp_numeric_type type, const void *a, ovp_idx n) {
    double top = 0;
    for (ovp_idx i = 0; i < n; i++) top = fmax(top, fabs(get(type, a, i)));
    return top;
}

/* Largest difference relative to the largest value of a; NaN never passes a `<=`. */
static inline double gap(ovp_numeric_type type, const void *a, const void *b, ovp_idx n) {
    double worst = 0;
    for (ovp_idx i = 0; i < n; i++) {
        const double d = fabs(get(type, a, i) - get(type, b, i));
        if (!(d <= worst)) worst = d;
    }
    const double top = largest(type, a, n);
    return worst == 0 ? 0 : worst / (top > 0 ? top : 1);
}

#endif
