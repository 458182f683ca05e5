/* theory: closed predictions, each with its source: mean-field theory of signal propagation in deep random nets. */
#ifndef OVERPARAM_THEORY_H
#define OVERPARAM_THEORY_H

#include <overparam/numeric.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mean field: infinitely wide random nets (Poole et al. 2016; Schoenholz et al. 2017) ------------ */

/* z^l = W^l phi(z^(l-1)) + b^l, W ~ N(0, sigma_w^2 / fan_in), b ~ N(0, sigma_b^2); q^l = |z^l|^2 / width, c the
 * correlation of the z of two inputs. Formulas, sources and what the error estimates are: docs/theory.md.
 *
 * Set size. tolerance 0: 1e-10, the absolute error asked of each Gaussian integral (relative where it is above 1). own:
 * an activation outside the table instead of a name, NULL for none; it must outlive the field. */
typedef struct ovp_theory_mean_field_options {
    size_t size;
    const char *activation;
    double sigma_w, sigma_b;
    double tolerance;
    const ovp_numeric_activation *own;
} ovp_theory_mean_field_options;

typedef struct ovp_theory_mean_field ovp_theory_mean_field;
/* Free with ovp_theory_mean_field_free. Immutable afterwards: may be shared between threads. Errors: OVP_EINVAL
 * (sigma_w <= 0, sigma_b < 0 or not finite, both at most 1e6; tolerance outside 1e-13..0.1; unknown activation; an
 * activation of the caller's that jumps, more than 8 kinks, or whose second moment under a Gaussian is not finite),
 * OVP_ENOMEM. Closed forms serve identity, relu, leaky-relu, abs, erf and step, quadrature the others. */
OVP_API ovp_status ovp_theory_mean_field_create(ovp_theory_mean_field **out, ovp_ctx *ctx,
                                                const ovp_theory_mean_field_options *options);
OVP_API void ovp_theory_mean_field_free(ovp_theory_mean_field *field);
/* "closed" or "quadrature". */
OVP_API const char *ovp_theory_mean_field_method(const ovp_theory_mean_field *field);

/* All below: *error (may be NULL) = estimate of the absolute error reached, meant as an upper bound. OVP_ENUMERIC: the
 * tolerance was not met within the most nodes, or the value is not finite; q >= 0, -1 <= c <= 1 or OVP_EINVAL. q = 0
 * stands for the limit q -> 0.
 *
 * q^(l+1) = sigma_w^2 int Dz phi(sqrt(q) z)^2 + sigma_b^2. */
OVP_API ovp_status ovp_theory_q_map(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                    double q);
/* chi_1(q) = sigma_w^2 int Dz phi'(sqrt(q) z)^2, infinite for step; chi_2(q) = sigma_w^2 int Dz phi''(sqrt(q) z)^2,
 * infinite for activations with kinks. */
OVP_API ovp_status ovp_theory_chi_1(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                    double q);
OVP_API ovp_status ovp_theory_chi_2(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                    double q);
/* Slope of the q map, chi_1 + sigma_w^2 int Dz phi''(sqrt(q) z) phi(sqrt(q) z), taken as sigma_w^2 int Dz z phi phi' /
 * sqrt(q) (the same by Stein's lemma, and right at kinks too). */
OVP_API ovp_status ovp_theory_q_slope(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                      double q);
/* Covariance of the next layer: sigma_w^2 int Dz Dz' phi(u) phi(u') + sigma_b^2 with u, u' normal of variances q1, q2
 * and correlation c; divided by sqrt(q_map(q1) q_map(q2)) it is the next correlation. */
OVP_API ovp_status ovp_theory_covariance_map(double *out, double *error, ovp_ctx *ctx,
                                             const ovp_theory_mean_field *field, double q1, double q2, double c);
/* c^(l+1): the covariance map at q1 = q2 = q, divided by the next q. */
OVP_API ovp_status ovp_theory_c_map(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                    double q, double c);
/* sigma_w^2 int Dz Dz' phi'(u) phi'(u'), at c and variances q: the slope of the c map where q is a fixed point; chi_1
 * at c = 1. */
OVP_API ovp_status ovp_theory_c_slope(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                      double q, double c);

/* Fixed points and what follows from them. chi_1 below 1, at it (within 1e-6) or above; unbounded: no fixed point. */
typedef enum ovp_theory_phase {
    OVP_PHASE_ORDERED,
    OVP_PHASE_CRITICAL,
    OVP_PHASE_CHAOTIC,
    OVP_PHASE_UNBOUNDED
} ovp_theory_phase;
/* "ordered", .. */
OVP_API const char *ovp_theory_phase_name(ovp_theory_phase phase);

typedef struct ovp_theory_fixed_point {
    double q_star;       /* stable fixed point reached from q = 1; 0 where everything dies out */
    double chi_1, chi_2; /* at q*; chi_2 may be infinite (kinks), for step both are */
    double c_star;       /* stable fixed point of the c map; NaN where q* = 0 */
    double chi_c;        /* slope of the c map at c*; NaN where q* = 0 */
    double xi_q, xi_c;   /* depth scales in layers: -1 / log|slope|, infinite at a slope >= 1; xi_c NaN where q* = 0 */
    double error;        /* of q*, estimated; infinite where the slope of the q map is 1 */
    ovp_idx iterations;  /* how often the q map was evaluated */
    ovp_theory_phase phase;
} ovp_theory_fixed_point;
/* OVP_ENUMERIC: q grows without bound (relu with sigma_w^2 > 2); out then holds q_star infinite, phase unbounded and
 * NaN. Other errors: as above; then out holds NaN. */
OVP_API ovp_status ovp_theory_fixed_point_find(ovp_theory_fixed_point *out, ovp_ctx *ctx,
                                               const ovp_theory_mean_field *field);

/* Fixed points over a grid: out[i * b_count + j] belongs to sigma_w[i] and sigma_b[j]. A point where q grows without
 * bound, or whose integrals miss the tolerance, is a row as ovp_theory_fixed_point_find leaves it, not an error. One
 * task a point through ovp_parallel, each from the same start: the same bits for any number of threads. options:
 * sigma_w and sigma_b in it are ignored. Errors: OVP_EINVAL, OVP_EINTERRUPTED, OVP_ENOMEM. */
OVP_API ovp_status ovp_theory_phase_diagram(ovp_theory_fixed_point *out, ovp_ctx *ctx,
                                            const ovp_theory_mean_field_options *options, ovp_idx w_count,
                                            const double *sigma_w, ovp_idx b_count, const double *sigma_b);

/* A closed curve sent through the net (Poole et al. 2016, section 3). q: its squared length per unit; length: any unit;
 * curvature_squared: width times the squared extrinsic curvature, so that a circle has 1 / q on the first layer. */
typedef struct ovp_theory_curve {
    double q, length, curvature_squared;
} ovp_theory_curve;
/* One layer, with chi_1 and chi_2 at the present q: the metric g' = chi_1 g, so length' = sqrt(chi_1) length; kappa'^2
 * = 3 chi_2 / chi_1^2 + kappa^2 / chi_1; q' = q_map(q). The curvature becomes infinite with chi_2. Errors: as above. */
OVP_API ovp_status ovp_theory_curve_next(ovp_theory_curve *curve, ovp_ctx *ctx, const ovp_theory_mean_field *field);

/* sigma_w at which chi_1 = 1 for this sigma_b: the edge of chaos, to 1e-10; the smallest if there are several. Solved
 * as one equation in q: with sigma_w^2 = 1 / int Dz phi'^2, q must be a fixed point. Errors: OVP_EINVAL, OVP_ENUMERIC
 * (none in 0.01..100). */
OVP_API ovp_status ovp_theory_edge_of_chaos(double *sigma_w, ovp_ctx *ctx, const char *activation, double sigma_b);

/* ---- spectra of random matrices ------------------------------------------------------------------- */

/* The law of Marchenko and Pastur (1967): the eigenvalues of X X^T, X p x n with independent entries of mean 0 and
 * variance `variance` / n, as p and n grow with p / n = aspect. A density on [low, high] = variance (1 -+
 * sqrt(aspect))^2 and, if aspect > 1, a mass 1 - 1 / aspect at 0. A plain value: owns nothing. */
typedef struct ovp_theory_marchenko_pastur {
    double aspect, variance;
    double low, high; /* edges of the density */
    double zero;      /* mass at 0 */
} ovp_theory_marchenko_pastur;
/* OVP_EINVAL: aspect or variance not finite or not above 0. */
OVP_API ovp_status ovp_theory_marchenko_pastur_make(ovp_theory_marchenko_pastur *out, ovp_ctx *ctx, double aspect,
                                                    double variance);
/* sqrt((high - x) (x - low)) / (2 pi variance aspect x) between the edges, 0 elsewhere (the mass at 0 is no part of it;
 * aspect 1: infinite at 0). */
OVP_API double ovp_theory_marchenko_pastur_density(const ovp_theory_marchenko_pastur *law, double x);
/* P(eigenvalue <= x), the mass at 0 included: the closed integral of the density, absolute error below
 * 1e-15 (1 + 1 / aspect). NaN for a NaN. */
OVP_API double ovp_theory_marchenko_pastur_cdf(const ovp_theory_marchenko_pastur *law, double x);
/* Kolmogorov's distance sup_x |F_count(x) - F(x)| of the law to the empirical distribution of `count` values in
 * ascending order; at jumps both sides count. NaN without a value or if one is not finite. */
OVP_API double ovp_theory_marchenko_pastur_distance(const ovp_theory_marchenko_pastur *law, ovp_idx count,
                                                    const double *values);

#ifdef __cplusplus
}
#endif
#endif
