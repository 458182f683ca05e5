/* experiment, internal: what the files of double-descent-features share. */
#ifndef OVP_DOUBLE_DESCENT_FEATURES_INT_H
#define OVP_DOUBLE_DESCENT_FEATURES_INT_H

#include "study.h"

#include <overparam/theory.h>

typedef struct features_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    const int64_t *seeds, *counts;
    ovp_idx seed_count, count_count;
    ovp_idx n, d, n_test, trials;
    double signal, noise; /* ||beta||^2; standard deviation */
} features_lab;

/* ---- double_descent_features_trials.c: many draws of Gaussian data, or of random features on the sphere ---------- */

/* One way to fit, at one number of features. */
typedef struct features_point {
    ovp_idx features;
    int best; /* the ridge of least risk */
    double lambda, theory, theory_train;
    double finite;                    /* sphere: the formula for this n, N and d; else theory */
    ovp_idx trials;                   /* finished */
    ovp_measure_interval test, train; /* over trials */
    double standard_error;            /* of the test error's mean */
} features_point;
enum { FEATURES_MODES = 15 };

/* Of one kind of data: ways x counts, way after way. */
typedef struct features_part {
    const char *data, *map;
    int sphere;
    ovp_idx ways;
    ovp_theory_activation_moments moments;
    ovp_theory_mode modes[FEATURES_MODES]; /* sphere: the kernel's spectrum, the target on degree 1 */
    features_point *points;
} features_part;

/* Ridge regression by the eigenvectors of the smaller Gram matrix of z (n x p, C order): fits[i] (p values) minimises
 * mean (y - z a)^2 + ridges[i] ||a||^2, for ridge 0 with the least norm; eigenvalues up to max(n, p) eps of the largest
 * count as 0 there. *rank: of them. Relative error about eps times the squared condition number. */
ovp_status features_ridge(double *fits, ovp_idx *rank, ovp_ctx *ctx, ovp_idx n, ovp_idx p, const double *z,
                          const double *y, ovp_idx ridge_count, const double *ridges);
/* Rows of table features and the part's points, also of what an interruption left finished. */
ovp_status features_trials(features_part *part, features_lab *lab, int sphere);
void features_part_free(ovp_ctx *ctx, features_part *part);
/* What theory says at any number of features (a real one for curves); lambda 0 and Gaussian data: exact at whole
 * numbers. */
ovp_status features_theory(ovp_theory_risk *out, const features_lab *lab, const features_part *part, double features,
                           double lambda, int best);

/* ---- double_descent_features_line.c: the tutorial's part on a line ------------------------------------------------
 */

typedef enum features_kernel { FEATURES_GAUSSIAN, FEATURES_AS_PUBLISHED, FEATURES_RELU } features_kernel;

typedef struct features_line_row {
    ovp_idx features, rank;
    double train, test, norm, gram_error;
} features_line_row;
/* One kind of features and one seed. Free with features_line_free. */
typedef struct features_line {
    const char *map; /* "fourier" or "relu" */
    int64_t seed, data_seed;
    ovp_idx done;                  /* rows finished */
    features_line_row *rows;       /* one a count */
    double *x, *y;                 /* n each; x owns the block */
    double *grid, *target;         /* n_test each */
    double *fits;                  /* real parts: counts x n_test */
    double limit, limit_published; /* test error of the kernels' interpolators; NaN: none */
    double limit_train;
    double kernel_gap; /* fourier: how far the two kernels are from each other on the data */
} features_line;
/* The seed of a map's features: its own key where that is set and no seed was asked for. */
int64_t features_line_seed(const ovp_params *params, int fourier, int64_t seed);
ovp_status features_line_run(features_line *line, features_lab *lab, int fourier, int64_t seed);
void features_line_free(ovp_ctx *ctx, features_line *line);
/* Published test (train) error of this many Fourier features, NaN if none. */
double features_published(ovp_idx features, int train);
/* Whether data, seeds and counts up to row `row` are those of the published run. */
int features_line_is_published(const features_lab *lab, const features_line *line, ovp_idx row);

/* ---- double_descent_features_images.c: random ReLU features of MNIST ----------------------------------------------
 */

/* Mean squared errors over images and classes (of the training images: of their noisy targets), shares of images whose
 * class is wrong. */
typedef struct features_images_error {
    double train, test, train_wrong, test_wrong;
} features_images_error;
typedef struct features_images_row {
    ovp_idx features, way, rank;
    int64_t seed;
    double lambda, norm, gram_error; /* the last NaN with fewer features than images */
    features_images_error error;
} features_images_row;
/* Counts x seeds x ridges, as far as done. Free with features_images_free. */
typedef struct features_images {
    ovp_idx ways, done;
    features_images_row *rows;
    features_images_error *limits; /* of the kernel, one a ridge */
} features_images;
ovp_status features_images_run(features_images *out, features_lab *lab);
void features_images_free(ovp_ctx *ctx, features_images *images);
/* double_descent_features_images_results.c */
ovp_status features_conclude_images(features_lab *lab, const features_images *images);

/* ---- double_descent_features_results.c ----------------------------------------------------------------------------
 */

ovp_status features_conclude_part(features_lab *lab, const features_part *part);
ovp_status features_conclude_lines(features_lab *lab, const features_line *lines, ovp_idx count);
/* What the means are held against. */
typedef enum features_claim {
    FEATURES_LEAST_NORM, /* exact (gaussian); asymptotic where the finite formula says that the limit is near (sphere)
                          */
    FEATURES_RIDGE,
    FEATURES_FINITE /* the sphere's formula for finite d, all ways */
} features_claim;
/* Worst |mean - theory| over its margin of 3 standard errors, to which 2 % of theory are added where it is asymptotic.
 * *count: points compared; *where: the worst. */
double features_worst(ovp_idx *count, ovp_idx *where, const features_lab *lab, const features_part *part,
                      features_claim claim);
void features_judge_part(study_verdict *out, double worst, ovp_idx count, ovp_idx trials, const char *claim,
                         const char *how);

#endif
