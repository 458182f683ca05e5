/* lazy-scaling: what its two files share. */
#ifndef OVP_LAZY_SCALING_INT_H
#define OVP_LAZY_SCALING_INT_H

#include "study.h"

/* One net of one alpha and seed; everything on the grid stands in the lab's arrays at the row's index. */
typedef struct lazy_scaling_row {
    double alpha;
    int64_t seed;
    double final_loss, linear_loss, limit_loss; /* after the last update: the net's, its linearisation's, exact */
    double movement, movement_theory;
    double gap, gap_train; /* on the grid, on the data */
    double deviation;      /* of the linearisation's losses from the exact ones, in units of the tolerance */
    ovp_idx diverged_at;   /* 0: not */
    double seconds, seconds_linear;
} lazy_scaling_row;

typedef struct lazy_scaling_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    ovp_numeric_type type;
    const int64_t *seeds;
    const double *alphas;
    ovp_idx seed_count, alpha_count, steps, warm_up, n, points;
    double lr, warm_up_lr;
    ovp_idx count; /* rows */
    lazy_scaling_row *rows;
    double *losses, *limits;                       /* rows x steps: measured; exact, of the linearisation */
    double *warm_losses;                           /* seeds x warm_up */
    double *grid;                                  /* points values */
    double *start, *end, *scaled_end, *linear_end; /* rows x points: f at theta_0 and theta_T; alpha (f - f_0); its
                                                    * linearisation */
    double *x, *y;                                 /* seeds x n: the data as the nets see them */
} lazy_scaling_lab;

/* lazy_scaling_nets.c: trains the index-th seed's nets and reports their rows, after an interruption those of the nets
 * that were trained to their ends. */
ovp_status lazy_scaling_one_seed(lazy_scaling_lab *lab, ovp_idx index);
/* Row into the tables scales and timings, with a warning if it diverged. */
ovp_status lazy_scaling_report(lazy_scaling_lab *lab, const lazy_scaling_row *row);

/* lazy_scaling_limit.c. The exact training of the linearisation alpha J (theta - theta_0) by gradient descent at lr /
 * alpha^2: with theta - theta_0 = J^T a / alpha and r = Theta a - y, Theta = J J^T, a step is a -= (2 lr / n) r,
 * whatever alpha. */
typedef struct lazy_scaling_limit {
    ovp_idx n;
    double *theta; /* Theta, n x n; owns the block */
    double *y, *a, *r;
} lazy_scaling_limit;
/* jacobian: n x parameters; a = 0. Free with lazy_scaling_limit_free. */
ovp_status lazy_scaling_limit_create(lazy_scaling_limit *out, ovp_ctx *ctx, ovp_idx n, ovp_idx parameters,
                                     const double *jacobian, const double *y);
void lazy_scaling_limit_free(ovp_ctx *ctx, lazy_scaling_limit *limit);
/* losses: `steps` values, the loss before each step; or NULL. */
void lazy_scaling_limit_train(lazy_scaling_limit *limit, double lr, ovp_idx steps, double *losses);
/* Mean of r^2 now, and alpha ||theta - theta_0||. */
double lazy_scaling_limit_loss(lazy_scaling_limit *limit);
double lazy_scaling_limit_movement(const lazy_scaling_limit *limit);

/* Power of alpha that the gap follows for this activation: -1 where f is smooth in theta; -1/2 with kinks, because the
 * regions that a kink has crossed, a fraction 1/alpha of the line, differ by what does not fall. */
double lazy_scaling_gap_exponent(const char *activation);

/* lazy_scaling_results.c: arrays, summaries, verdicts and figures from the finished rows. */
ovp_status lazy_scaling_conclude(lazy_scaling_lab *lab);

#endif
