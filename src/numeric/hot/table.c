/* This precision and level's row of the kernel table that kernels.c chooses from. */
#include "numeric/hot/hot.h"
#include "numeric/hot/packed.h"
#include "numeric/kernels_int.h"

extern const ovp_numeric_kernels OVP_HOT(ovp_numeric_kernels);

const ovp_numeric_kernels OVP_HOT(ovp_numeric_kernels) = {
    .map =
        {
            [OVP_FN_EXP] = OVP_HOT(ovp_numeric_exp),
            [OVP_FN_LOG] = OVP_HOT(ovp_numeric_log),
            [OVP_FN_TANH] = OVP_HOT(ovp_numeric_tanh),
            [OVP_FN_SIN] = OVP_HOT(ovp_numeric_sin),
            [OVP_FN_COS] = OVP_HOT(ovp_numeric_cos),
            [OVP_FN_ERF] = OVP_HOT(ovp_numeric_erf),
        },
    .phi =
        {
#define X(id, name, from_output, kinks, kink0, kink1, formula) [OVP_ACT_##id] = OVP_HOT(ovp_numeric_phi_##id),
#include "numeric/activations.def"
#undef X
        },
    .dphi_mul =
        {
#define X(id, name, from_output, kinks, kink0, kink1, formula) [OVP_ACT_##id] = OVP_HOT(ovp_numeric_dphi_mul_##id),
#include "numeric/activations.def"
#undef X
        },
    .packed = {{OVP_PACKED_ROWS, OVP_PACKED_COLS},
               OVP_HOT(ovp_numeric_pack),
               OVP_HOT(ovp_numeric_unpack),
               OVP_HOT(ovp_numeric_packed_solve),
               OVP_HOT(ovp_numeric_packed_product),
               OVP_HOT(ovp_numeric_narrow_product)},
};
