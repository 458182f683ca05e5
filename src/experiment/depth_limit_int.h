/* depth-limit, internal: data, nets and their measures, one-dimensional theory, and what is concluded from a run. */
#ifndef OVP_DEPTH_LIMIT_INT_H
#define OVP_DEPTH_LIMIT_INT_H

#include "study.h"

#include <overparam/data.h>

/* ---- depth_limit.c: what the parameters say --------------------------------------------------------- */

typedef struct depth_limit_setup {
    int classify, readme, dynamic, depth_lr, omega;
    const char *dataset, *activation, *augmentation, *init, *engine;
    ovp_idx dim, epochs, batch; /* batch 0: full */
    ovp_idx samples, test_samples, num_samples;
    double alpha, gamma, lr, dynamic_limit, p_var, p_loss, c, fraction;
    ovp_numeric_type type;
} depth_limit_setup;
/* Texts are borrowed from the parameters. */
depth_limit_setup depth_limit_setup_of(const ovp_params *params);
/* The first epoch's learning rate: lr, or with --lr-scaling depth lr L^(2 alpha - 1). */
double depth_limit_first_lr(const depth_limit_setup *setup, ovp_idx layers);
/* --dynamic-lr: c lr_0 / variation^2 with c = 10 for relu, else 2, from the p-variation (its p-th root) after the
 * epoch; at most dynamic_limit lr_0, and *clamped is 1 where that bound was met. */
double depth_limit_next_lr(const depth_limit_setup *setup, double lr_0, double variation, int *clamped);

/* ---- depth_limit_data.c ----------------------------------------------------------------------------- */

/* Refuses a data set that does not go with the task. */
ovp_status depth_limit_check_data(ovp_ctx *ctx, const depth_limit_setup *setup);

/* What all nets share: images are loaded once, synthetic sets are drawn for each net (set is empty). */
typedef struct depth_limit_data {
    ovp_data_set set;
    ovp_idx inputs, outputs;
} depth_limit_data;
ovp_status depth_limit_data_load(depth_limit_data *out, ovp_ctx *ctx, const depth_limit_setup *setup);
void depth_limit_data_free(ovp_ctx *ctx, depth_limit_data *data);

/* The samples of one net. y: labels (int32), or values of the setup's type. Test parts may be missing (rows 0). */
typedef struct depth_limit_samples {
    const void *x, *y, *x_test, *y_test;
    ovp_idx rows, test_rows, inputs, outputs;
    ovp_data_set own;
    void *gathered[2];
    ovp_numeric_rng_kind stream; /* they were drawn from, in its state before */
    char state[OVP_NUMERIC_RNG_STATE_BYTES];
} depth_limit_samples;
/* Draws from rng: of images one permutation (fraction below 1), of synthetic sets the inputs and then the split's
 * permutation, 9/10 for training. Borrows from data. */
ovp_status depth_limit_samples_draw(depth_limit_samples *out, ovp_ctx *ctx, const depth_limit_setup *setup,
                                    const depth_limit_data *data, ovp_numeric_rng *rng);
void depth_limit_samples_free(ovp_ctx *ctx, depth_limit_samples *samples);
/* What a later run needs to have the samples again, as set `name` of the description (study_keep.c). */
ovp_status depth_limit_samples_describe(const depth_limit_samples *samples, ovp_experiment_run *run, const char *name,
                                        const depth_limit_setup *setup, const ovp_net_targets *targets);

/* ---- depth_limit_net.c ------------------------------------------------------------------------------ */

/* Means over batches, weighted by their sizes. NaN: no labels. omega: as the variant has it; per_sample: of each
 * sample's own loss (times rows^2 of that of the batch's mean). */
typedef struct depth_limit_scores {
    double loss, omega, per_sample;
    ovp_measure_scores macro;
} depth_limit_scores;

typedef struct depth_limit_net {
    const depth_limit_setup *setup;
    ovp_idx layers, inputs, outputs;
    void *read_in, *read_out; /* dim x inputs, outputs x dim */
    void *theta;              /* layers x dim x dim */
    ovp_net_model *model;
    ovp_net_workspace *workspace;
    const depth_limit_samples *samples;
    ovp_idx piece, pieces; /* rows of a batch, the last one's may be fewer */
    ovp_net_batch **batches;
    void *f, *df; /* piece x outputs */
    void *steps,
        *gradient; /* README's inc-skip: the differences W_k - W_(k-1) that its model sees, and their gradient */
} depth_limit_net;
/* Draws read-in, read-out and blocks. Free with depth_limit_net_free, also after a failure. */
ovp_status depth_limit_net_create(depth_limit_net *out, ovp_ctx *ctx, const depth_limit_setup *setup, ovp_idx layers,
                                  ovp_idx inputs, ovp_idx outputs, ovp_numeric_rng *rng);
/* Makes the model of read_in, read_out and theta as they stand, binds the training samples (borrowed). */
ovp_status depth_limit_net_bind(depth_limit_net *net, ovp_ctx *ctx, const depth_limit_samples *samples);
void depth_limit_net_free(ovp_ctx *ctx, depth_limit_net *net);
/* Those of its model, and of its targets from row `at` on. */
ovp_net_residual_options depth_limit_model_options(const depth_limit_net *net);
ovp_net_targets depth_limit_targets(const depth_limit_net *net, const void *y, ovp_idx at);
/* One epoch of gradient descent, batches in order. *scores: before each batch's step. losses, omegas: one a batch. */
ovp_status depth_limit_epoch(depth_limit_net *net, ovp_ctx *ctx, double lr, depth_limit_scores *scores, double *losses,
                             double *omegas);
/* At theta, without a step: on the training batches, or on the test rows in batches of 1000. */
ovp_status depth_limit_train_scores(depth_limit_net *net, ovp_ctx *ctx, depth_limit_scores *scores);
ovp_status depth_limit_test_scores(depth_limit_net *net, ovp_ctx *ctx, depth_limit_scores *scores);
int depth_limit_is_finite(const depth_limit_net *net); /* theta */

/* ---- depth_limit_path.c: the path k -> L^beta W_k ---------------------------------------------------- */

/* beta = 1 - alpha. */
double depth_limit_beta(const depth_limit_setup *setup);
/* x (layers x dim^2, f64): L^beta W_k. */
void depth_limit_path(const depth_limit_net *net, double *x);
/* p-th roots of the p-variations at p, p/2 and 3p/4 (p = p_var), Frobenius norm. Theta is finite. */
ovp_status depth_limit_variations(const depth_limit_net *net, ovp_ctx *ctx, double out[3]);
/* Frobenius norms of a path's points. */
void depth_limit_norms(ovp_idx layers, ovp_idx cells, const double *x, double *norms);
/* Mean over the entries of the sum over k of |x_(k+1) - x_k|: the 1-variation of a coordinate. */
double depth_limit_coordinate_variation(ovp_idx layers, ovp_idx cells, const double *x);
/* Shape of a profile of norms. */
typedef struct depth_limit_profile {
    double least, least_at; /* the smallest, and its k/(L-1) (0 for one layer) */
    double mean;
    double first, middle, last; /* means over a fiftieth of the layers there */
    double early;               /* (first - middle) / (first - least of such means); NaN: it does not fall */
} depth_limit_profile;
void depth_limit_profile_of(depth_limit_profile *out, ovp_idx layers, const double *norms);
/* Entries (row, column) whose paths are shown, as published where dim allows; returns how many. */
enum { DEPTH_LIMIT_ENTRIES = 6 };
ovp_idx depth_limit_entries(ovp_idx dim, ovp_idx entries[DEPTH_LIMIT_ENTRIES][2]);

/* ---- depth_limit_theory.c: one dimension with an identity activation ---------------------------------- */

/* All weights equal w: f(x) = q P x with P = (1 + delta w)^L, q = U V; loss = yy - 2 q P xy + q^2 P^2 xx with the
 * samples' means of y^2, x y and x^2. A step of gradient descent moves w by
 * -lr delta P / (1 + delta w) (2 q^2 P xx - 2 q xy). */
typedef struct depth_limit_line {
    ovp_idx layers;
    double w, q, delta, xx, xy, yy;
} depth_limit_line;
double depth_limit_line_loss(const depth_limit_line *line);
void depth_limit_line_step(depth_limit_line *line, double lr);
/* Whether a net is near that: regression of one input to one output by a full-batch skip net of one dimension, tanh,
 * all weights equal. */
int depth_limit_has_line(const depth_limit_setup *setup, const depth_limit_data *data);
/* The line of a net as it stands. */
depth_limit_line depth_limit_line_of(const depth_limit_net *net);

/* ---- depth_limit_results.c -------------------------------------------------------------------------- */

/* A finished net. Measures are NaN where training diverged or there is none. */
typedef struct depth_limit_row {
    ovp_idx layers, diverged_at; /* 0, or the epoch (from 1) whose loss or weights were not finite */
    int64_t seed;
    depth_limit_scores train, test; /* after the last update */
    depth_limit_profile profile;
    double variation, coordinate, lr;
    ovp_measure_decay omega;
    double omega_r2;
    double *norms, *paths; /* layers; entries x layers */
} depth_limit_row;

typedef struct depth_limit_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    depth_limit_setup setup;
    depth_limit_data data;
    const int64_t *seeds, *layers;
    ovp_idx seed_count, layer_count, steps; /* steps: of a net */
    depth_limit_row *rows;
    ovp_idx count;
    double *losses, *omegas; /* count x steps, NaN after a divergence */
    double *theory;          /* likewise, NaN where there is none */
} depth_limit_lab;

ovp_measure_decay depth_limit_no_decay(void); /* everything NaN */
/* C / (t + T0)^rho through Omega at t = 1/pieces, 2/pieces, .. epochs, with 1 - (residual / deviation)^2; what is not
 * finite ends the series. Fewer than 6 points: everything NaN. */
ovp_status depth_limit_fit_omega(ovp_measure_decay *out, double *r2, ovp_ctx *ctx, ovp_idx steps, ovp_idx pieces,
                                 const double *omega);

/* Verdicts from numbers, one a seed (NaN: none). */
void depth_limit_judge_late(study_verdict *out, const double *places, ovp_idx seeds);
void depth_limit_judge_flat(study_verdict *out, const double *early, ovp_idx seeds);
void depth_limit_judge_level(study_verdict *out, const double *exponents, ovp_idx seeds, double beta);
/* predicted: depth_limit_roughness, the power of L by which the noise of the start alone makes 1-variations grow. */
double depth_limit_roughness(const depth_limit_setup *setup);
void depth_limit_judge_coordinates(study_verdict *out, const double *exponents, ovp_idx seeds, double predicted);
void depth_limit_judge_omega(study_verdict *out, const double *rho, const double *r2, ovp_idx seeds);
/* deviation: the largest |sqrt(loss) - sqrt(theory)| / sqrt(first loss), one a net. */
void depth_limit_judge_line(study_verdict *out, const double *deviation, ovp_idx nets);

/* Arrays, tables, verdicts from the finished rows, then the figures. */
ovp_status depth_limit_conclude(depth_limit_lab *lab);

/* ---- depth_limit_figures.c -------------------------------------------------------------------------- */

ovp_status depth_limit_figures(depth_limit_lab *lab);

#endif
