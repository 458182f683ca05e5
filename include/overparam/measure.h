/* measure: quantities of trained models; loops over theta, slices and outputs that know no architecture. */
#ifndef OVERPARAM_MEASURE_H
#define OVERPARAM_MEASURE_H

#include <overparam/net.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ovp_measure_movement {
    double sum_ratio; /* sum_l ||W_l - W_l0|| / sum_l ||W_l0|| over all slices (relative_change) */
    double l2_ratio;  /* ||theta - theta_0|| / ||theta_0|| */
} ovp_measure_movement;

/* Movement from theta0 to theta (P values of the model's type each), sums in f64 in an order that
 * depends on the model alone (so the bits do not depend on threads), reading memory in its own order. NaN where
 * theta_0 is 0. Cost O(P). Errors: OVP_ENOMEM, OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_measure_weight_movement(ovp_measure_movement *out, ovp_ctx *ctx, const ovp_net_model *model,
                                               const void *theta0, const void *theta);
/* Fraction of rows whose largest output (first of equals) is at the label; rows with a NaN count as wrong. f: rows x c.
 */
OVP_API double ovp_measure_accuracy(ovp_numeric_type type, ovp_idx rows, ovp_idx c, const void *f,
                                    const int32_t *labels);

/* Macro averages: the mean over the classes of precision TP / (TP + FP) and of recall TP / (TP + FN), 0 where nothing
 * stands below the line; classes that are neither among the labels nor predicted are left out. accuracy is the macro
 * accuracy, the mean over classes of the fraction right: the recall by another name. These are torchmetrics' (1.3)
 * MulticlassAccuracy, MulticlassPrecision and MulticlassRecall with their default average. */
typedef struct ovp_measure_scores {
    double accuracy, precision, recall;
} ovp_measure_scores;
/* Of outputs f (rows x c; the prediction is the first of the largest, none in a row with a NaN). Errors: OVP_EINVAL
 * (rows or c below 1, a label outside 0..c-1: its position), OVP_ENOMEM. */
OVP_API ovp_status ovp_measure_macro(ovp_measure_scores *out, ovp_ctx *ctx, ovp_numeric_type type, ovp_idx rows,
                                     ovp_idx c, const void *f, const int32_t *labels);

/* y = exp(intercept) x^exponent by least squares in log-log. */
typedef struct ovp_measure_power_law {
    double exponent, intercept, r2;
    ovp_idx count; /* points used: finite and positive pairs */
} ovp_measure_power_law;
/* Errors: OVP_ENUMERIC if fewer than two different usable x. */
OVP_API ovp_status ovp_measure_fit_power_law(ovp_measure_power_law *out, ovp_ctx *ctx, ovp_idx n, const double *x,
                                             const double *y);

/* Mean of n values and its 95 % interval by Student's t (n - 1 degrees of freedom); n < 2 gives NaN bounds, n = 0 or a
 * value that is not finite NaN throughout. */
typedef struct ovp_measure_interval {
    ovp_idx count;
    double mean, low, high;
} ovp_measure_interval;
OVP_API ovp_measure_interval ovp_measure_mean(ovp_idx n, const double *values);

/* Largest distance between the distribution functions of two samples (Kolmogorov and Smirnov); NaN if one is empty.
 * All values finite; leaves them sorted. */
OVP_API double ovp_measure_kolmogorov_in_place(ovp_idx n, double *a, ovp_idx m, double *b);
/* Probability of that distance or a larger one between samples of n and m from one continuous distribution: the
 * asymptotic series with Stephens' correction (1970, J. R. Statist. Soc. B 32), good to a few per cent from 10 values
 * each. */
OVP_API double ovp_measure_kolmogorov_p(double distance, ovp_idx n, ovp_idx m);

/* Spearman's rank correlation of n pairs (ties get their mean rank; pairs that are not finite are left out); NaN with
 * fewer than two pairs or when x or y is constant. O(n^2): for summary tables, not for samples. */
OVP_API double ovp_measure_rank_correlation(ovp_idx n, const double *x, const double *y);
/* Median of the finite ones among n values (mean of the two middle ones); NaN if there is none. Leaves values sorted.
 */
OVP_API double ovp_measure_median_in_place(ovp_idx n, double *values);

/* p-variation of a path x_0 .. x_{n-1} in R^d: the largest sum of |x_{j_i} - x_{j_i-1}|^p over all 0 <= j_0 < .. < j_m
 * <= n - 1 (no root: callers take value^(1/p)). One point gives 0. */
typedef enum ovp_measure_norm { OVP_NORM_L2, OVP_NORM_L1, OVP_NORM_LINF } ovp_measure_norm;
/* *value for p >= 1; x: n x d, C order; partition (NULL, or room for n): the indices of one maximising partition,
 * rising, no step from a point to itself; their number in *parts (NULL with it). Exact: no approximation but rounding.
 * Time O(n) for d = 1 whatever the path; O(n d) for p = 1; else about n log n on rough paths, O(n^2 d) at worst. Memory
 * beside x: for d = 1 some 100 bytes a record low or high (n of them at worst), 16 bytes a point with a partition; else
 * 16 (d + 1) bytes a point. From dimension 512 on the context's workers help, with the same bits for any number of
 * them. Methods: docs/p-variation.md. Errors: OVP_EINVAL (n < 1, d < 1, p below 1 or not finite, an entry that is not
 * finite: its position), OVP_ENUMERIC (the value leaves the range of numbers), OVP_ENOMEM, OVP_EINTERRUPTED; *value is
 * then NaN. */
OVP_API ovp_status ovp_measure_p_variation(double *value, ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x,
                                           ovp_measure_norm norm, double p, ovp_idx *partition, ovp_idx *parts);
/* *root = V_p^(1/p), a distance, which is a number also where V_p itself is too large or too small for one (a path of
 * steps of .1 with p = 400). Arguments and cost as above; OVP_ENUMERIC: p beyond 1000, distances beyond the numbers. */
OVP_API ovp_status ovp_measure_p_variation_root(double *root, ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x,
                                                ovp_measure_norm norm, double p);

/* Decay C / (t + T0)^rho of a series by least squares (variable projection: C in closed form), with true standard
 * errors: the square roots of the diagonal of s^2 (J^T J)^-1, s^2 = residual sum / (n - parameters). */
typedef struct ovp_measure_decay {
    double scale, rho, shift;          /* C, rho, T0 */
    double scale_se, rho_se, shift_se; /* NaN at a bound (the others' are then those beside a value held there) or with
                                        * too few points; shift_se: 0 if the shift was given */
    double scale_robust_se, rho_robust_se, shift_robust_se; /* likewise, for noise that is not the same at every t: HC3
                                                             * of MacKinnon and White 1985 */
    double residual;                                        /* root of the mean square */
    ovp_idx count;                                          /* points used */
} ovp_measure_decay;
/* t, y: n each, in any order of t. shift: T0 if fit_shift is 0 (1 in the published program), else not looked at and
 * searched. Bounds as published: C, rho in [0, 3]; with fit_shift C in [0, 1], rho in [0, 3], T0 in [1, 500]. The
 * lowest minimum over them: a grid of 97 rho (times 49 shifts), then a zero of the derivative between its points.
 * Where C = 0 is best, rho and a searched shift are NaN. Cost O(n) of about 200 steps, with fit_shift 10000. Errors:
 * OVP_EINVAL (fewer different t than parameters, t + shift not above 0, values not finite: position), OVP_ENOMEM,
 * OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_measure_fit_decay(ovp_measure_decay *out, ovp_ctx *ctx, ovp_idx n, const double *t,
                                         const double *y, double shift, int fit_shift);

/* ---- loss landscapes ------------------------------------------------------------------------------- */

/* What a random direction takes its length from: every weight tensor (the published program of the depth limit calls
 * this filter normalisation), or every filter of it, i.e. the row of a dense weight that makes one unit, the first
 * index of any other (Li, Xu, Taylor, Studer and Goldstein 2018, Visualizing the Loss Landscape of Neural Nets). */
typedef enum ovp_measure_scaling { OVP_SCALING_LAYER, OVP_SCALING_FILTER } ovp_measure_scaling;
typedef struct ovp_measure_direction_options {
    size_t size;
    ovp_measure_scaling scaling;
    double res;  /* length of a step, as a share of what it starts from: above 0 */
    int vectors; /* 0: biases, norms and other vectors stay where they are; 1: each of them moves as one layer */
} ovp_measure_direction_options;

/* Two directions around theta (P values of the model's type) for ovp_measure_plane, P values each; d2 may be NULL.
 * Their entries are drawn from N(0, 1) in the model's type, first all of d1, then all of d2, tensor by tensor in C
 * order. Then in every unit k (layer or filter) d2 loses its part along d1 (Gram and Schmidt), and both get the length
 * res ||theta_k||: <d1, d2> = 0 in every unit of two entries or more, ||d1_k|| = ||d2_k|| = res ||theta_k||. Everything
 * after the draws is f64. O(P). Errors: OVP_EINVAL (res), OVP_ENOMEM. */
OVP_API ovp_status ovp_measure_directions(double *d1, double *d2, ovp_ctx *ctx, const ovp_net_model *model,
                                          const void *theta, const ovp_measure_direction_options *options,
                                          ovp_numeric_rng *rng);
/* How well two directions keep what is said above: the largest |<d1, d2>| / (||d1|| ||d2||) over all layers (0 where
 * one is 0), and the largest | ||d|| / (res ||theta_k||) - 1 | over the units that move and both directions; d2 may be
 * NULL. Errors: OVP_EINVAL (res), OVP_ENOMEM. */
typedef struct ovp_measure_direction_faults {
    double cosine, length;
} ovp_measure_direction_faults;
OVP_API ovp_status ovp_measure_directions_check(ovp_measure_direction_faults *out, ovp_ctx *ctx,
                                                const ovp_net_model *model, const void *theta,
                                                const ovp_measure_direction_options *options, const double *d1,
                                                const double *d2);

/* All borrowed. theta: P values of the model's type; d1, d2: P values each, d2 NULL: a line. */
typedef struct ovp_measure_plane {
    size_t size;
    const ovp_net_model *model;
    const ovp_net_batch *batch;
    const ovp_net_targets *targets;
    const void *theta;
    const double *d1, *d2;
} ovp_measure_plane;
/* out[i cols + j] = loss at theta + a[j] d1 + b[i] d2 (rounded once to the model's type; b may be NULL with a line).
 * The points are shared out over the cores, one workspace a worker; each is computed by itself, so that the bits depend
 * neither on the threads nor on the other points. A loss that is not finite is a result. Reports progress; once
 * interrupted the points that were not reached hold NaN. Cost rows cols forward passes; memory a theta and a workspace
 * a thread. Not inside a task of ovp_parallel. Errors: OVP_EINVAL (rows or cols below 1; a coordinate that is not
 * finite; b or d2 without the other), those of ovp_net_forward and ovp_net_loss_value, OVP_ENOMEM, OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_measure_plane_losses(double *out, ovp_ctx *ctx, const ovp_measure_plane *plane, ovp_idx rows,
                                            const double *b, ovp_idx cols, const double *a);

#ifdef __cplusplus
}
#endif
#endif
