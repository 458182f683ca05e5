/* Element-wise exp, log, tanh, sin, cos, erf of one precision and level. */
#include "numeric/hot/maths.h"

#include "numeric/hot/hot.h"
#include "numeric/hot/tanh.h"
#include "numeric/hot/trig.h"

#define OVP_MAP(name)                                                                                                  \
    void OVP_HOT(ovp_numeric_##name)(ovp_idx n, const void *x, void *y) {                                              \
        const real *in = x;                                                                                            \
        real *out = y;                                                                                                 \
        OVP_LANES                                                                                                      \
        for (ovp_idx i = 0; i < n; i++) out[i] = ovp_vm_##name(in[i]);                                                 \
    }

OVP_MAP(exp)
OVP_MAP(log)
OVP_MAP(erf)

void OVP_HOT(ovp_numeric_tanh)(ovp_idx n, const void *x, void *y) {
    ovp_vm_tanh_map(n, x, y);
}
void OVP_HOT(ovp_numeric_sin)(ovp_idx n, const void *x, void *y) {
    ovp_vm_trig_map(n, x, y, 0);
}
void OVP_HOT(ovp_numeric_cos)(ovp_idx n, const void *x, void *y) {
    ovp_vm_trig_map(n, x, y, 1);
}
