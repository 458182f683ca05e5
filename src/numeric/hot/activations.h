/* phi and phi' of the activation table as inline functions for hot loops. Where the table says from_output, dphi takes
 * h = phi(z), else z. Comparisons are arranged so that phi(NaN) = NaN and a NaN slope is not hidden. */
#ifndef OVP_NUMERIC_HOT_ACTIVATIONS_H
#define OVP_NUMERIC_HOT_ACTIVATIONS_H

#include "numeric/hot/maths.h"
#include "numeric/kernels_int.h"

#define OVP_VM_INV_SQRT_2PI R_(0.39894228040143267794)
#define OVP_VM_TWO_INV_SQRT_PI R_(1.12837916709551257390)

static inline real ovp_vm_phi_identity(real z) {
    return z;
}
static inline real ovp_vm_dphi_identity(real h) {
    return h == h ? R_(1.0) : h;
}

static inline real ovp_vm_phi_relu(real z) {
    return z < R_(0.0) ? R_(0.0) : z;
}
static inline real ovp_vm_dphi_relu(real h) {
    return h > R_(0.0) ? R_(1.0) : h <= R_(0.0) ? R_(0.0) : h;
}

static inline real ovp_vm_phi_leaky_relu(real z) {
    return z > R_(0.0) ? z : (real)OVP_LEAKY_SLOPE * z;
}
static inline real ovp_vm_dphi_leaky_relu(real h) {
    return h > R_(0.0) ? R_(1.0) : h <= R_(0.0) ? (real)OVP_LEAKY_SLOPE : h;
}

static inline real ovp_vm_phi_abs(real z) {
    return ovp_vm_abs(z);
}
static inline real ovp_vm_dphi_abs(real z) {
    return z > R_(0.0) ? R_(1.0) : z < R_(0.0) ? R_(-1.0) : z;
}

static inline real ovp_vm_phi_step(real z) {
    return z > R_(0.0) ? R_(1.0) : z <= R_(0.0) ? R_(0.0) : z;
}
static inline real ovp_vm_dphi_step(real h) {
    return h == h ? R_(0.0) : h;
}

static inline real ovp_vm_phi_hardtanh(real z) {
    real low = z < R_(-1.0) ? R_(-1.0) : z;
    return low > R_(1.0) ? R_(1.0) : low;
}
static inline real ovp_vm_dphi_hardtanh(real h) {
    real a = ovp_vm_abs(h);
    return a < R_(1.0) ? R_(1.0) : a >= R_(1.0) ? R_(0.0) : h;
}

static inline real ovp_vm_phi_elu(real z) {
    real e = ovp_vm_expm1(z > R_(0.0) ? R_(0.0) : z);
    return z > R_(0.0) ? z : e;
}
static inline real ovp_vm_dphi_elu(real h) {
    return h > R_(0.0) ? R_(1.0) : h + R_(1.0);
}

static inline real ovp_vm_phi_selu(real z) {
    real e = ovp_vm_expm1(z > R_(0.0) ? R_(0.0) : z);
    return z > R_(0.0) ? (real)OVP_SELU_SCALE * z : (real)(OVP_SELU_SCALE * OVP_SELU_ALPHA) * e;
}
static inline real ovp_vm_dphi_selu(real h) {
    return h > R_(0.0) ? (real)OVP_SELU_SCALE : h + (real)(OVP_SELU_SCALE * OVP_SELU_ALPHA);
}

static inline real ovp_vm_dphi_tanh(real h) {
    return (R_(1.0) - h) * (R_(1.0) + h);
}

/* exp of a non-positive number only: nothing overflows and both tails keep their relative precision. */
static inline real ovp_vm_phi_sigmoid(real z) {
    real e = ovp_vm_exp(-ovp_vm_abs(z));
    return (z < R_(0.0) ? e : R_(1.0)) / (R_(1.0) + e);
}
static inline real ovp_vm_dphi_sigmoid(real h) {
    return h * (R_(1.0) - h);
}

static inline real ovp_vm_phi_softplus(real z) {
    return (z < R_(0.0) ? R_(0.0) : z) + ovp_vm_log1p01(ovp_vm_exp(-ovp_vm_abs(z)));
}
/* 1 / (1 + exp(-z)) = 1 - exp(-h). */
static inline real ovp_vm_dphi_softplus(real h) {
    return -ovp_vm_expm1(-h);
}

static inline real ovp_vm_phi_silu(real z) {
    return z * ovp_vm_phi_sigmoid(z);
}
static inline real ovp_vm_dphi_silu(real z) {
    real e = ovp_vm_exp(-ovp_vm_abs(z)), d = R_(1.0) / (R_(1.0) + e);
    real s = (z < R_(0.0) ? e : R_(1.0)) * d, t = (z < R_(0.0) ? R_(1.0) : e) * d; /* sigmoid(z), sigmoid(-z) */
    return OVP_FMA(s * t, z, s);
}

static inline real ovp_vm_phi_gelu(real z) {
    return z * ovp_vm_normal_cdf(z);
}
static inline real ovp_vm_dphi_gelu(real z) {
    real density = OVP_VM_INV_SQRT_2PI * ovp_vm_exp(R_(-0.5) * z * z);
    return OVP_FMA(z, density, ovp_vm_normal_cdf(z));
}

static inline real ovp_vm_phi_erf(real z) {
    return ovp_vm_erf(z);
}
static inline real ovp_vm_dphi_erf(real z) {
    return OVP_VM_TWO_INV_SQRT_PI * ovp_vm_exp(-z * z);
}

static inline real ovp_vm_phi_square(real z) {
    return z * z;
}
static inline real ovp_vm_dphi_square(real z) {
    return R_(2.0) * z;
}

#endif
