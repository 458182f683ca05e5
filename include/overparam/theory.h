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

/* ---- risk of least squares, ridge, random features and kernels -------------------------------------- */

/* Mean squared errors of a fit, averaged over training sets. excess: against the noiseless target on new inputs; test:
 * the same with new noise; train: on the noisy training set. Infinite where the mean does not exist. */
typedef struct ovp_theory_risk {
    double bias, variance; /* excess = bias + variance */
    double excess, test, train;
} ovp_theory_risk;

/* Least squares on p of the features of n samples, the solution of least norm where p > n; exact for every n:
 * Gaussian features with identity covariance, targets <beta, x> + noise. seen, unseen: ||beta||^2 on the p features
 * used and on those left out (Belkin, Hsu and Xu 2020; 0: well specified, Hastie et al. 2022); noise: variance. With s
 * = noise + unseen: p <= n - 2: bias unseen, variance s p / (n - p - 1); p >= n + 2: bias seen (1 - n/p) + unseen,
 * variance s n / (p - n - 1); between them the mean is infinite. train: s (1 - p/n), or 0. Errors: OVP_EINVAL (n < 1, p
 * < 0; a negative or not finite number). */
OVP_API ovp_status ovp_theory_least_squares(ovp_theory_risk *out, ovp_ctx *ctx, ovp_idx n, ovp_idx p, double seen,
                                            double unseen, double noise);
/* Ridge regression (X^T X / n + lambda)^-1 X^T y / n with isotropic features as n, p grow with p / n = aspect (Hastie,
 * Montanari, Rosset and Tibshirani 2022, theorem 5); signal: ||beta||^2, noise: variance. With m = m(-lambda) of the
 * law of Marchenko and Pastur and D = sqrt((1 - aspect + lambda)^2 + 4 aspect lambda): bias = signal lambda m (aspect
 * lambda m + lambda) / D, variance = noise aspect (1 - lambda m) / D, train = (1 - aspect + aspect lambda m)^2 test.
 * lambda 0: the limit, least squares (theorem 1), infinite at aspect 1. Relative error: some roundings. Errors:
 * OVP_EINVAL (aspect <= 0; the others negative; not finite). */
OVP_API ovp_status ovp_theory_ridge(ovp_theory_risk *out, ovp_ctx *ctx, double aspect, double signal, double noise,
                                    double lambda);
/* The lambda of least risk, noise aspect / signal; infinite without signal. Errors as above. */
OVP_API ovp_status ovp_theory_ridge_best(double *lambda, ovp_ctx *ctx, double aspect, double signal, double noise);

/* Of phi at a standard normal z: mean = E phi, linear = E z phi, rest = E phi^2 - mean^2 - linear^2, and the estimated
 * absolute error of the worst. By quadrature. Errors: OVP_EINVAL (unknown activation), OVP_ENUMERIC. */
typedef struct ovp_theory_activation_moments {
    double mean, linear, rest, error;
} ovp_theory_activation_moments;
OVP_API ovp_status ovp_theory_activation_moments_get(ovp_theory_activation_moments *out, ovp_ctx *ctx,
                                                     const char *activation);

/* Random features (Mei and Montanari 2022, theorem 2): x and theta_j uniform on the sphere of radius sqrt(d), f(x) =
 * sum_j a_j phi(<theta_j, x> / sqrt(d)), a the minimum of mean (y - f)^2 + (N lambda / d) ||a||^2 over n samples; d, N,
 * n grow with psi_1 = N / d and psi_2 = n / d. linear: ||beta_1||^2 of the target's linear part; nonlinear: variance of
 * the rest; noise: variance. bias + variance = excess as in the paper, the part nonlinear counted as bias. lambda 0:
 * the limit, by a closed form, infinite at psi_1 = psi_2. Deviations at finite d are of order 1/d, more near psi_1 =
 * psi_2. Set size. Errors: OVP_EINVAL (psi <= 0; a negative or not finite number; an activation that is linear),
 * OVP_ENUMERIC. */
typedef struct ovp_theory_random_features_options {
    size_t size;
    ovp_theory_activation_moments moments;
    double psi_1, psi_2;
    double linear, nonlinear, noise, lambda;
} ovp_theory_random_features_options;
OVP_API ovp_status ovp_theory_random_features(ovp_theory_risk *out, ovp_ctx *ctx,
                                              const ovp_theory_random_features_options *options);

/* Kernel ridge regression from the kernel's spectrum (eigenlearning: Simon, Dickens, Karkada and DeWeese 2023). A mode:
 * eigenvalue, how many share it, and the sum of the target's squared coefficients on them. */
typedef struct ovp_theory_mode {
    double eigenvalue, multiplicity, power;
} ovp_theory_mode;
typedef struct ovp_theory_eigenlearning {
    ovp_theory_risk risk; /* bias: sum (1 - L_i)^2 power_i; variance: the rest of excess */
    double kappa;         /* effective regularisation */
    double overfitting;   /* n / (n - sum m_i L_i^2) */
    double learned;       /* sum m_i L_i <= n, with equality at ridge 0 and at least n modes */
} ovp_theory_eigenlearning;
/* n samples, kernel matrix + ridge I, noise: variance. kappa solves sum m_i lambda_i / (lambda_i + kappa) + ridge /
 * kappa = n (0 where ridge = 0 and the modes are no more than n), L_i = lambda_i / (lambda_i + kappa), test =
 * overfitting (sum (1 - L_i)^2 power_i + noise), train = ((n - learned) / n)^2 test. learnability: one L_i a mode, or
 * NULL. kappa to a relative 1e-13. Asymptotic in n; train and test hold on average over training sets. Errors:
 * OVP_EINVAL (no mode, n
 * <= 0, a negative or not finite number, an eigenvalue sum of 0), OVP_ENUMERIC. */
OVP_API ovp_status ovp_theory_eigenlearning_solve(ovp_theory_eigenlearning *out, double *learnability, ovp_ctx *ctx,
                                                  ovp_idx count, const ovp_theory_mode *modes, double n, double ridge,
                                                  double noise);

/* Ridge regression on `features` random features whose kernel has this spectrum, from n samples: mean over features and
 * data, also where n is not small against the number of modes of a degree (Simon, Karkada, Ghosh and Belkin 2024, the
 * "RF eigenframework"). The kernel is the mean over the features, + ridge I: Mei and Montanari's lambda is ridge n
 * lambda / d. With z = sum m_i L_i, q = sum m_i L_i^2, L_i = lambda_i / (lambda_i + gamma): kappa = gamma (k - z) / k,
 * n = z + ridge / kappa, test = (sum (gamma / (lambda_i + gamma) - kappa lambda_i k / ((lambda_i + gamma)^2 (k - q)))
 * power_i + noise) / (1 - (q (k - 2 z) + z^2) / (n (k - q))). Infinite at ridge 0, features = n. Errors: as above, and
 * features
 * <= 0; OVP_ENUMERIC also where ridge is 0 and the modes are no more than n or features. */
OVP_API ovp_status ovp_theory_random_features_of_modes(ovp_theory_risk *out, ovp_ctx *ctx, ovp_idx count,
                                                       const ovp_theory_mode *modes, double n, double features,
                                                       double ridge, double noise);
/* Spectrum of the kernel E phi(<theta, x>) phi(<theta, x'>) over theta, with theta and x uniform on the spheres of
 * radius 1 and sqrt(d): modes[l] is degree l (eigenvalue, multiplicity, power 0) for l < count - 1; the last mode has
 * all that is left, spread over 1e12 directions. Relative error about 1e-8 for activations with a kink at 0 or none.
 * Errors: OVP_EINVAL (d < 5, count outside 2..64, unknown activation), OVP_ENUMERIC (not finite). */
OVP_API ovp_status ovp_theory_sphere_spectrum(ovp_theory_mode *modes, ovp_ctx *ctx, ovp_idx count, ovp_idx d,
                                              const char *activation);

#ifdef __cplusplus
}
#endif
#endif
