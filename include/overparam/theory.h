/* theory: closed predictions, each with its source: mean-field theory of signal propagation in deep random nets. */
#ifndef OVERPARAM_THEORY_H
#define OVERPARAM_THEORY_H

#include <overparam/numeric.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mean field: infinitely wide random nets (Poole et al. 2016; Schoenholz et al. 2017) ------------ */

/* z^l = W^l phi(z^(l-1)) + b^l, W ~ N(0, sigma_w^2 / fan_in), b ~ N(0, sigma_b^2); q^l = |z^l|^2 / width, c the
 * correlation of the z of two inputs. Set size. tolerance 0: 1e-10, the absolute error asked of each Gaussian integral
 * (relative where the integral is above 1). */
typedef struct ovp_theory_mean_field_options {
    size_t size;
    const char *activation;
    double sigma_w, sigma_b;
    double tolerance;
} ovp_theory_mean_field_options;

typedef struct ovp_theory_mean_field ovp_theory_mean_field;
/* Free with ovp_theory_mean_field_free. Immutable afterwards: may be shared between threads. Errors: OVP_EINVAL
 * (sigma_w <= 0, sigma_b < 0 or not finite, tolerance outside 0..0.1, unknown activation; an activation whose second
 * moment under a Gaussian is not finite). Closed forms serve relu (and its leaky kin), erf and identity, quadrature the
 * others. */
OVP_API ovp_status ovp_theory_mean_field_create(ovp_theory_mean_field **out, ovp_ctx *ctx,
                                                const ovp_theory_mean_field_options *options);
OVP_API void ovp_theory_mean_field_free(ovp_theory_mean_field *field);
/* "closed" or "quadrature". */
OVP_API const char *ovp_theory_mean_field_method(const ovp_theory_mean_field *field);

/* All below: *error (may be NULL) = estimate of the absolute error reached. OVP_ENUMERIC: the tolerance was not met
 * within the most nodes, or the value is not finite; q >= 0, -1 <= c <= 1 or OVP_EINVAL.
 *
 * q^(l+1) = sigma_w^2 int Dz phi(sqrt(q) z)^2 + sigma_b^2. */
OVP_API ovp_status ovp_theory_q_map(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                    double q);
/* chi_1(q) = sigma_w^2 int Dz phi'(sqrt(q) z)^2 and chi_2(q) = sigma_w^2 int Dz phi''(sqrt(q) z)^2; chi_2 is infinite
 * for activations with kinks. */
OVP_API ovp_status ovp_theory_chi_1(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                    double q);
OVP_API ovp_status ovp_theory_chi_2(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                    double q);
/* Covariance of the next layer: sigma_w^2 int Dz Dz' phi(u) phi(u') + sigma_b^2 with u, u' normal of variances q1, q2
 * and correlation c; divided by sqrt(q_map(q1) q_map(q2)) it is the next correlation. */
OVP_API ovp_status ovp_theory_covariance_map(double *out, double *error, ovp_ctx *ctx,
                                             const ovp_theory_mean_field *field, double q1, double q2, double c);
/* c^(l+1) at the fixed point q* (q1 = q2 = q, normalised by the next q). */
OVP_API ovp_status ovp_theory_c_map(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                    double q, double c);
/* Slope of the c map: sigma_w^2 int Dz Dz' phi'(u) phi'(u'), at c and variances q; chi_1 at c = 1. */
OVP_API ovp_status ovp_theory_c_slope(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                      double q, double c);

/* Fixed points and what follows from them. */
typedef enum ovp_theory_phase { OVP_PHASE_ORDERED, OVP_PHASE_CRITICAL, OVP_PHASE_CHAOTIC } ovp_theory_phase;
typedef struct ovp_theory_fixed_point {
    double q_star;       /* stable fixed point reached from q = 1 (0 where everything dies out) */
    double chi_1, chi_2; /* at q*; chi_2 may be infinite (kinks) */
    double c_star;       /* stable fixed point of the c map; NaN where q* = 0 */
    double chi_c;        /* slope of the c map at c* */
    double xi_q, xi_c;   /* depth scales in layers: -1 / log(slope), infinite at a slope >= 1 */
    double error;        /* of q*, estimated */
    ovp_idx iterations;
    ovp_theory_phase phase; /* chi_1 below, at (within 1e-6) or above 1 */
} ovp_theory_fixed_point;
/* OVP_ENUMERIC: the map does not converge: q grows without bound (relu with sigma_w^2 > 2: said so) or the iteration
 * does not settle, with the last q. */
OVP_API ovp_status ovp_theory_fixed_point_find(ovp_theory_fixed_point *out, ovp_ctx *ctx,
                                               const ovp_theory_mean_field *field);

/* A closed curve sent through the net (Poole et al. 2016, section 3): one layer of the recursions, q its present
 * squared length per unit: q' = q_map(q); length' = sqrt(chi_1(q)) length; kappa'^2 = 3 chi_2 / chi_1^2 + kappa^2 /
 * chi_1 (kappa the extrinsic curvature of the curve; times sqrt(q) of a circle on the first layer it is 1). */
typedef struct ovp_theory_curve {
    double q, length, curvature_squared;
} ovp_theory_curve;
OVP_API ovp_status ovp_theory_curve_next(ovp_theory_curve *curve, ovp_ctx *ctx, const ovp_theory_mean_field *field);

/* sigma_w at which chi_1 = 1 for this sigma_b: the edge of chaos, by root finding to 1e-10. Errors: OVP_EINVAL,
 * OVP_ENUMERIC (no change of sign in 0.01..100, said so). */
OVP_API ovp_status ovp_theory_edge_of_chaos(double *sigma_w, ovp_ctx *ctx, const char *activation, double sigma_b);

#ifdef __cplusplus
}
#endif
#endif
