/* gd-eigenbasis: what its files share. */
#ifndef OVP_GD_EIGENBASIS_INT_H
#define OVP_GD_EIGENBASIS_INT_H

#include "study.h"

#include <overparam/theory.h>

/* One draw of the least-squares problem min ||X^T w - Y||^2 and its eigenbasis: K = X X^T = P^T diag(lambda) P, the
 * rows of P unit eigenvectors with their component of largest absolute value positive, lambda descending. */
typedef struct gd_problem {
    ovp_idx p, n, rank;
    double *x, *y, *w_0;           /* p x n, n, p; x owns the block */
    double *gram, *moment;         /* K = X X^T, b = X Y */
    double *eigenvalues, *vectors; /* lambda (exactly 0 beyond the rank), P */
    double *start, *goal;          /* P w_0 and the limit of gradient descent, in the eigenbasis */
    double y_square;               /* ||Y||^2 */
} gd_problem;
/* X, Y, w_0 in this order, X and Y from `data`, w_0 from `init` (which may be the same stream). Free with
 * gd_problem_free. */
ovp_status gd_problem_draw(gd_problem *out, ovp_ctx *ctx, ovp_idx p, ovp_idx n, ovp_numeric_rng *data,
                           ovp_numeric_rng *init);
void gd_problem_free(ovp_ctx *ctx, gd_problem *problem);
/* out (p) = P w. */
void gd_problem_coordinates(const gd_problem *problem, const double *w, double *out);
/* Coordinate i after t steps, exactly: goal + (1 - lr lambda)^t (start - goal). */
double gd_problem_exact(const gd_problem *problem, double lr, ovp_idx i, ovp_idx t);
/* Loss ||X^T w - Y||^2 / n of the exact coordinates after t steps, and the least one. */
double gd_problem_exact_loss(const gd_problem *problem, double lr, ovp_idx t);
double gd_problem_least_loss(const gd_problem *problem);
/* The same loss of any w from X and Y themselves. */
double gd_problem_direct_loss(const gd_problem *problem, const double *w);
/* One step w -= lr (K w - b); returns the loss before it. residual: p values of scratch. */
double gd_problem_step(const gd_problem *problem, double lr, double *w, double *residual);

/* What is kept of a finished draw. */
typedef struct gd_row {
    int64_t seed;
    ovp_idx rank, diverged_at;
    double largest, edge, kolmogorov, final_loss, least_loss, distance;
    double deviation;  /* largest of the coordinates from the exact ones, in units of their tolerance */
    double loss_error; /* largest of the Gram loss from the direct one, relative to the loss at the start */
} gd_row;

typedef struct gd_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    const int64_t *seeds;
    ovp_idx seed_count, p, n, steps, checks; /* checks: steps at which coordinates are compared */
    double lr;
    ovp_theory_marchenko_pastur law;
    ovp_idx count; /* finished draws */
    gd_row *rows;
    double *losses, *distances, *exact_losses; /* draws x steps */
    double *eigenvalues;                       /* draws x p, descending */
    gd_problem first;                          /* of the first seed, for the figures */
    double *first_path;                        /* checks x p: |c_i(t) - c_i(0)| of the first seed */
} gd_lab;
/* Step of a check: 1..steps, the last one is `steps`. */
ovp_idx gd_check_step(const gd_lab *lab, ovp_idx check);

/* Arrays, summaries, verdicts and figures from the finished draws. */
ovp_status gd_eigenbasis_conclude(gd_lab *lab);

#endif
