/* Prototypes of the hot kernels of one precision and level, all of the type ovp_numeric_kernel. */
#ifndef OVP_NUMERIC_HOT_HOT_H
#define OVP_NUMERIC_HOT_HOT_H

#include "numeric/real.h"

#define X(id, name, from_output, kinks, kink0, kink1, formula)                                                         \
    void OVP_HOT(ovp_numeric_phi_##id)(ovp_idx n, const void *z, void *h);                                             \
    void OVP_HOT(ovp_numeric_dphi_mul_##id)(ovp_idx n, const void *s, void *g);
#include "numeric/activations.def"
#undef X

void OVP_HOT(ovp_numeric_exp)(ovp_idx n, const void *x, void *y);
void OVP_HOT(ovp_numeric_log)(ovp_idx n, const void *x, void *y);
void OVP_HOT(ovp_numeric_tanh)(ovp_idx n, const void *x, void *y);
void OVP_HOT(ovp_numeric_sin)(ovp_idx n, const void *x, void *y);
void OVP_HOT(ovp_numeric_cos)(ovp_idx n, const void *x, void *y);
void OVP_HOT(ovp_numeric_erf)(ovp_idx n, const void *x, void *y);

#endif
