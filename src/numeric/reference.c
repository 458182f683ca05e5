/* Plain references of the vector kernels: libm in double, one element at a time. They stay for ever; every kernel of
 * every level and precision is tested against them. */
#include "numeric/kernels_int.h"

#include <assert.h>
#include <math.h>

static double get(ovp_numeric_type type, const void *x, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void put(ovp_numeric_type type, void *y, ovp_idx i, double value) {
    if (type == OVP_F32)
        ((float *)y)[i] = (float)value;
    else
        ((double *)y)[i] = value;
}

double ovp_numeric_reference_fn(ovp_numeric_fn fn, double x) {
    switch (fn) {
    case OVP_FN_EXP:
        return exp(x);
    case OVP_FN_LOG:
        return log(x);
    case OVP_FN_TANH:
        return tanh(x);
    case OVP_FN_SIN:
        return sin(x);
    case OVP_FN_COS:
        return cos(x);
    case OVP_FN_ERF:
        return erf(x);
    case OVP_FN_COUNT:
        break;
    }
    assert(0 && "unknown function");
    return NAN;
}

void ovp_numeric_reference_map(ovp_numeric_fn fn, ovp_numeric_type type, ovp_idx n, const void *x, void *y) {
    for (ovp_idx i = 0; i < n; i++) put(type, y, i, ovp_numeric_reference_fn(fn, get(type, x, i)));
}

void ovp_numeric_reference_phi(const ovp_numeric_activation *act, ovp_numeric_type type, ovp_idx n, const void *z,
                               void *h) {
    for (ovp_idx i = 0; i < n; i++) put(type, h, i, act->phi(get(type, z, i)));
}

void ovp_numeric_reference_dphi_mul(const ovp_numeric_activation *act, ovp_numeric_type type, ovp_idx n, const void *z,
                                    void *g) {
    for (ovp_idx i = 0; i < n; i++) put(type, g, i, get(type, g, i) * act->dphi(get(type, z, i)));
}
