/* Vector kernels of numeric: the table [level][precision] and the plain references. */
#ifndef OVP_NUMERIC_KERNELS_INT_H
#define OVP_NUMERIC_KERNELS_INT_H

#include "numeric/packed_int.h"

/* Positions of the activations in this build, for dispatch only. */
enum {
#define X(id, name, from_output, kinks, kink0, kink1, formula) OVP_ACT_##id,
#include "numeric/activations.def"
#undef X
    OVP_ACT_COUNT
};

/* ELU's scaled relative: Klambauer et al. 2017 (arXiv:1706.02515), equation 2 and appendix A1. */
#define OVP_SELU_SCALE 1.0507009873554804934193349852946
#define OVP_SELU_ALPHA 1.6732632423543772848170429916717
#define OVP_LEAKY_SLOPE 0.01

/* y[0..n-1] from x[0..n-1], both of the kernel's precision, y may be x. For dphi_mul kernels y is multiplied. */
typedef void (*ovp_numeric_kernel)(ovp_idx n, const void *x, void *y);

typedef struct ovp_numeric_kernels {
    ovp_numeric_kernel map[OVP_FN_COUNT];
    ovp_numeric_kernel phi[OVP_ACT_COUNT];
    ovp_numeric_kernel dphi_mul[OVP_ACT_COUNT];
    ovp_numeric_packed packed;
} ovp_numeric_kernels;

/* Every slot is valid. rank as ovp_isa_rank; levels this build lacks fall back to base. */
const ovp_numeric_kernels *ovp_numeric_kernels_at(int rank, ovp_numeric_type type);

/* reference.c: the same operations through libm, in double, one element at a time; the fast kernels are tested against
 * them. z of dphi_mul is always the input of phi, never its output. */
double ovp_numeric_reference_fn(ovp_numeric_fn fn, double x);
void ovp_numeric_reference_map(ovp_numeric_fn fn, ovp_numeric_type type, ovp_idx n, const void *x, void *y);
void ovp_numeric_reference_phi(const ovp_numeric_activation *act, ovp_numeric_type type, ovp_idx n, const void *z,
                               void *h);
void ovp_numeric_reference_dphi_mul(const ovp_numeric_activation *act, ovp_numeric_type type, ovp_idx n, const void *z,
                                    void *g);

#endif
