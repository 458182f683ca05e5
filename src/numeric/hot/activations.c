/* Loops of phi and of g *= phi' of one precision and level. */
#include "numeric/hot/activations.h"

#include "numeric/hot/hot.h"
#include "numeric/hot/tanh.h"
#include "numeric/hot/trig.h"

#define OVP_PHI(id)                                                                                                    \
    void OVP_HOT(ovp_numeric_phi_##id)(ovp_idx n, const void *z, void *h) {                                            \
        const real *in = z;                                                                                            \
        real *out = h;                                                                                                 \
        OVP_LANES                                                                                                      \
        for (ovp_idx i = 0; i < n; i++) out[i] = ovp_vm_phi_##id(in[i]);                                               \
    }
#define OVP_DPHI(id)                                                                                                   \
    void OVP_HOT(ovp_numeric_dphi_mul_##id)(ovp_idx n, const void *s, void *g) {                                       \
        const real *in = s;                                                                                            \
        real *out = g;                                                                                                 \
        OVP_LANES                                                                                                      \
        for (ovp_idx i = 0; i < n; i++) out[i] *= ovp_vm_dphi_##id(in[i]);                                             \
    }

OVP_PHI(identity)
OVP_DPHI(identity)
OVP_PHI(relu)
OVP_DPHI(relu)
OVP_PHI(leaky_relu)
OVP_DPHI(leaky_relu)
OVP_PHI(abs)
OVP_DPHI(abs)
OVP_PHI(step)
OVP_DPHI(step)
OVP_PHI(hardtanh)
OVP_DPHI(hardtanh)
OVP_PHI(elu)
OVP_DPHI(elu)
OVP_PHI(selu)
OVP_DPHI(selu)
OVP_DPHI(tanh)
OVP_PHI(sigmoid)
OVP_DPHI(sigmoid)
OVP_PHI(softplus)
OVP_DPHI(softplus)
OVP_PHI(silu)
OVP_DPHI(silu)
OVP_PHI(gelu)
OVP_DPHI(gelu)
OVP_PHI(erf)
OVP_DPHI(erf)
OVP_PHI(square)
OVP_DPHI(square)

void OVP_HOT(ovp_numeric_phi_tanh)(ovp_idx n, const void *z, void *h) {
    ovp_vm_tanh_map(n, z, h);
}
void OVP_HOT(ovp_numeric_phi_sin)(ovp_idx n, const void *z, void *h) {
    ovp_vm_trig_map(n, z, h, 0);
}
void OVP_HOT(ovp_numeric_dphi_mul_sin)(ovp_idx n, const void *s, void *g) {
    ovp_vm_trig_mul(n, s, g, 1, R_(1.0));
}
void OVP_HOT(ovp_numeric_phi_cos)(ovp_idx n, const void *z, void *h) {
    ovp_vm_trig_map(n, z, h, 1);
}
void OVP_HOT(ovp_numeric_dphi_mul_cos)(ovp_idx n, const void *s, void *g) {
    ovp_vm_trig_mul(n, s, g, 0, R_(-1.0));
}
