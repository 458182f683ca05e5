/* The activation table: phi, phi' and phi'' in double through libm. Comparisons are written so that NaN stays NaN. */
#include "numeric/kernels_int.h"

#include <math.h>
#include <string.h>

#define INV_SQRT2 0.70710678118654752440
#define INV_SQRT_2PI 0.39894228040143267794
#define TWO_INV_SQRT_PI 1.12837916709551257390

static double phi_identity(double z) {
    return z;
}
static double dphi_identity(double z) {
    return isnan(z) ? z : 1;
}
static double d2phi_identity(double z) {
    return isnan(z) ? z : 0;
}

static double phi_relu(double z) {
    return z < 0 ? 0 : z;
}
static double dphi_relu(double z) {
    return isnan(z) ? z : z > 0;
}
static double d2phi_relu(double z) {
    return isnan(z) ? z : 0;
}

static double phi_leaky_relu(double z) {
    return z > 0 ? z : OVP_LEAKY_SLOPE * z;
}
static double dphi_leaky_relu(double z) {
    return isnan(z) ? z : z > 0 ? 1 : OVP_LEAKY_SLOPE;
}
static double d2phi_leaky_relu(double z) {
    return isnan(z) ? z : 0;
}

static double phi_abs(double z) {
    return fabs(z);
}
static double dphi_abs(double z) {
    return isnan(z) ? z : (z > 0) - (z < 0);
}
static double d2phi_abs(double z) {
    return isnan(z) ? z : 0;
}

static double phi_step(double z) {
    return isnan(z) ? z : z > 0;
}
static double dphi_step(double z) {
    return isnan(z) ? z : 0;
}
static double d2phi_step(double z) {
    return isnan(z) ? z : 0;
}

static double phi_hardtanh(double z) {
    return z < -1 ? -1 : z > 1 ? 1 : z;
}
static double dphi_hardtanh(double z) {
    return isnan(z) ? z : z > -1 && z < 1;
}
static double d2phi_hardtanh(double z) {
    return isnan(z) ? z : 0;
}

static double phi_elu(double z) {
    return z > 0 ? z : expm1(z);
}
static double dphi_elu(double z) {
    return z > 0 ? 1 : exp(z);
}
static double d2phi_elu(double z) {
    return z > 0 ? 0 : exp(z);
}

static double phi_selu(double z) {
    return OVP_SELU_SCALE * (z > 0 ? z : OVP_SELU_ALPHA * expm1(z));
}
static double dphi_selu(double z) {
    return OVP_SELU_SCALE * (z > 0 ? 1 : OVP_SELU_ALPHA * exp(z));
}
static double d2phi_selu(double z) {
    return z >= 0 ? 0 : OVP_SELU_SCALE * OVP_SELU_ALPHA * exp(z);
}

/* 1 / cosh^2 keeps its relative precision where 1 - tanh^2 cancels. */
static double dphi_tanh(double z) {
    double c = cosh(z);
    return 1 / (c * c);
}
static double phi_tanh(double z) {
    return tanh(z);
}
static double d2phi_tanh(double z) {
    return -2 * tanh(z) * dphi_tanh(z);
}

static double phi_sigmoid(double z) {
    double e = exp(-fabs(z));
    return (z >= 0 ? 1 : e) / (1 + e);
}
static double dphi_sigmoid(double z) {
    return phi_sigmoid(z) * phi_sigmoid(-z);
}
static double d2phi_sigmoid(double z) {
    return -dphi_sigmoid(z) * tanh(z / 2);
}

static double phi_softplus(double z) {
    return (z < 0 ? 0 : z) + log1p(exp(-fabs(z)));
}
static double dphi_softplus(double z) {
    return phi_sigmoid(z);
}
static double d2phi_softplus(double z) {
    return dphi_sigmoid(z);
}

static double phi_silu(double z) {
    return z * phi_sigmoid(z);
}
static double dphi_silu(double z) {
    return phi_sigmoid(z) * (1 + z * phi_sigmoid(-z));
}
static double d2phi_silu(double z) {
    return dphi_sigmoid(z) * (2 - z * tanh(z / 2));
}

static double density(double z) {
    return INV_SQRT_2PI * exp(-0.5 * z * z);
}
static double phi_gelu(double z) {
    return 0.5 * z * erfc(-z * INV_SQRT2);
}
static double dphi_gelu(double z) {
    return 0.5 * erfc(-z * INV_SQRT2) + z * density(z);
}
static double d2phi_gelu(double z) {
    return density(z) * (2 - z * z);
}

static double phi_erf(double z) {
    return erf(z);
}
static double dphi_erf(double z) {
    return TWO_INV_SQRT_PI * exp(-z * z);
}
static double d2phi_erf(double z) {
    return -2 * z * dphi_erf(z);
}

static double phi_sin(double z) {
    return sin(z);
}
static double dphi_sin(double z) {
    return cos(z);
}
static double d2phi_sin(double z) {
    return -sin(z);
}

static double phi_cos(double z) {
    return cos(z);
}
static double dphi_cos(double z) {
    return -sin(z);
}
static double d2phi_cos(double z) {
    return -cos(z);
}

static double phi_square(double z) {
    return z * z;
}
static double dphi_square(double z) {
    return 2 * z;
}
static double d2phi_square(double z) {
    return isnan(z) ? z : 2;
}

static const double kinks[OVP_ACT_COUNT][2] = {
#define X(id, name, from_output, count, kink0, kink1, formula) {kink0, kink1},
#include "numeric/activations.def"
#undef X
};

static const ovp_numeric_activation activations[OVP_ACT_COUNT] = {
#define X(id, name, from_output, count, kink0, kink1, formula)                                                         \
    {name, formula, phi_##id, dphi_##id, d2phi_##id, from_output, kinks[OVP_ACT_##id], count, OVP_ACT_##id},
#include "numeric/activations.def"
#undef X
};

const ovp_numeric_activation *ovp_numeric_activation_find(const char *name) {
    if (!name) return NULL;
    for (int i = 0; i < OVP_ACT_COUNT; i++)
        if (strcmp(activations[i].name, name) == 0) return &activations[i];
    return NULL;
}

const ovp_numeric_activation *ovp_numeric_activation_at(ovp_idx i) {
    return i >= 0 && i < OVP_ACT_COUNT ? &activations[i] : NULL;
}
