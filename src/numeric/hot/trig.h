/* sin and cos of arrays, huge arguments included. */
#ifndef OVP_NUMERIC_HOT_TRIG_H
#define OVP_NUMERIC_HOT_TRIG_H

#include "numeric/hot/maths.h"

enum { OVP_VM_BLOCK = 256 };

/* n <= OVP_VM_BLOCK values of sin (shift 0) or cos (shift 1); y does not overlap x. Arguments past the range of the
 * vector formula (infinities too) are rare: their lanes are computed again by libm, whose reduction has no limit. */
static inline void ovp_vm_trig_block(ovp_idx n, const real *x, real *y, uint64_t shift) {
    ovp_vm_bits huge = 0;
    for (ovp_idx i = 0; i < n; i++) huge |= ovp_vm_abs(x[i]) > (real)OVP_VM_TRIG_LIMIT;
    OVP_LANES
    for (ovp_idx i = 0; i < n; i++) y[i] = (real)ovp_vm_trig((double)x[i], shift);
    if (!huge) return;
    for (ovp_idx i = 0; i < n; i++)
        if (ovp_vm_abs(x[i]) > (real)OVP_VM_TRIG_LIMIT) y[i] = (real)(shift ? cos((double)x[i]) : sin((double)x[i]));
}

/* y may be x. */
static inline void ovp_vm_trig_map(ovp_idx n, const real *x, real *y, uint64_t shift) {
    real in[OVP_VM_BLOCK];
    for (ovp_idx i = 0; i < n; i += OVP_VM_BLOCK) {
        ovp_idx m = n - i < OVP_VM_BLOCK ? n - i : OVP_VM_BLOCK;
        memcpy(in, x + i, (size_t)m * sizeof *in);
        ovp_vm_trig_block(m, in, y + i, shift);
    }
}

/* g[i] *= scale * sin or cos (s[i]). */
static inline void ovp_vm_trig_mul(ovp_idx n, const real *s, real *g, uint64_t shift, real scale) {
    real factor[OVP_VM_BLOCK];
    for (ovp_idx i = 0; i < n; i += OVP_VM_BLOCK) {
        ovp_idx m = n - i < OVP_VM_BLOCK ? n - i : OVP_VM_BLOCK;
        ovp_vm_trig_block(m, s + i, factor, shift);
        OVP_LANES
        for (ovp_idx j = 0; j < m; j++) g[i + j] *= scale * factor[j];
    }
}

#endif
