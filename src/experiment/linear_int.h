/* experiment, internal: what the studies of linear read-outs on Fourier features share: their data, the features as the
 * net sees them, and gradient descent solved exactly. */
#ifndef OVP_LINEAR_INT_H
#define OVP_LINEAR_INT_H

#include "study.h"

#include <overparam/data.h>

/* Data of one seed: x in [-1, 1), y = f(x) + noise; x, y as drawn (f64), and both rounded to the nets' type (net_x,
 * net_y) and widened again (seen_x, seen_y). Free with linear_data_free. */
typedef struct linear_data {
    ovp_data_synthetic_set set;
    ovp_idx n;
    const double *x, *y;
    void *net_x, *net_y;
    double *seen_x, *seen_y;
} linear_data;
/* By the run's keys target, n and noise: from numpy's stream with --rng torch, as published. */
ovp_status linear_data_draw(linear_data *out, ovp_experiment_run *run, ovp_numeric_type type, int64_t seed);
void linear_data_free(ovp_ctx *ctx, linear_data *data);
/* The noiseless target on rows even points of [-1, 1], both ends, in x and f. */
ovp_status linear_data_grid(const linear_data *data, ovp_ctx *ctx, ovp_idx rows, double *x, double *f);

/* Design matrix rows x (2 count + 1) in *out (ovp_free): the features at x, rounded to `type`, and a column of ones,
 * the bias's feature. */
ovp_status linear_design(double **out, ovp_ctx *ctx, const ovp_net_fourier *fourier, ovp_numeric_type type,
                         ovp_idx rows, const double *x);
/* out[0..rows-1] = design theta (rows x p, p). */
void linear_outputs(double *out, ovp_idx rows, ovp_idx p, const double *design, const double *theta);
/* Mean of (f - y)^2. */
double linear_mean_square(ovp_idx n, const double *f, const double *y);

/* Read-out with a bias on these features, torch's default draws; fourier is borrowed. */
ovp_status linear_net_create(study_net *net, ovp_ctx *ctx, const ovp_net_fourier *fourier, ovp_numeric_type type,
                             const char *engine, ovp_numeric_rng *rng);
/* Weights, then bias, in f64: 2 count + 1 values. theta: net->theta or net->theta0. */
ovp_status linear_net_theta(const study_net *net, ovp_ctx *ctx, const void *theta, double *out);

/* Singular value decomposition of a design matrix A (n x p), k = min(n, p): the Gram matrix A A^T, bias included, has
 * the eigenvalues s_i^2. Taken from A, not from A A^T: then small eigenvalues keep their digits, and the null space of
 * the Gram matrix stays one. */
typedef struct linear_spectrum {
    ovp_idx n, p, k, rank; /* rank: s_i > rcond s_0 */
    double *s, *u, *vt;    /* s owns the block */
} linear_spectrum;
/* rcond 0: max(n, p) times the f64 epsilon. */
ovp_status linear_spectrum_get(linear_spectrum *out, ovp_ctx *ctx, ovp_idx n, ovp_idx p, const double *design,
                               double rcond);
void linear_spectrum_free(ovp_ctx *ctx, linear_spectrum *spectrum);

/* Gradient descent on mean (A theta - y)^2 from theta_0: after t steps coordinate i of the residual along u_i is c_i
 * q_i^t, q_i = 1 - 2 eta s_i^2 / n, and what lies outside all u_i never moves. Borrows the spectrum. */
typedef struct linear_path {
    const linear_spectrum *spectrum;
    double *start; /* c_0..c_(k-1) */
    double rest;   /* square of the part of the residual outside */
    double rate;   /* 2 eta / n */
} linear_path;
ovp_status linear_path_start(linear_path *out, ovp_ctx *ctx, const linear_spectrum *spectrum, const double *design,
                             const double *theta0, const double *y, double lr);
void linear_path_free(ovp_ctx *ctx, linear_path *path);
/* Whether every |q_i| <= 1. */
int linear_path_stable(const linear_path *path);
/* Loss and ||theta_t - theta_0|| after t steps. INFINITY is the limit over the `rank` directions that count: the
 * interpolator nearest to theta_0 where the rank is n. */
double linear_path_loss(const linear_path *path, double t);
double linear_path_movement(const linear_path *path, double t);
/* theta_t into theta, from theta_0 (p values each). */
void linear_path_theta(const linear_path *path, double t, const double *theta0, double *theta);

/* Median, lowest and highest of the finite ones among n values (NaN without one), which are left sorted. */
void linear_spread(double out[3], ovp_idx n, double *values);

/* Bound of |sqrt(L) - sqrt(L_theory)| in units of sqrt(L_0), by the nets' precision. */
double linear_tolerance(ovp_numeric_type type);
/* Refuses feature dimensions that are odd or given twice, and --rng numpy (initialisations come from torch). */
ovp_status linear_check(ovp_ctx *ctx, const ovp_params *params);

#endif
