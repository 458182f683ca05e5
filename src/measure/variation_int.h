/* Inside measure: p-variation. */
#ifndef OVP_MEASURE_VARIATION_INT_H
#define OVP_MEASURE_VARIATION_INT_H

#include <overparam/measure.h>

/* variation_reference.c: the dynamic programme as it is defined, V_0 = 0 and V_j = max over m < j of V_m + |x_m -
 * x_j|^p, with every distance computed: O(n^2 d). best: room for n; before[j] (room for n): the m that gave V_j, -1 for
 * 0. Arguments are valid. Errors: OVP_EINTERRUPTED. */
ovp_status ovp_measure_variation_reference(ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x, ovp_measure_norm norm,
                                           double p, double *best, ovp_idx *before);

#endif
