/* ntk-vs-network, internal: problems, nets and what is concluded from them. */
#ifndef OVP_NTK_VS_NETWORK_INT_H
#define OVP_NTK_VS_NETWORK_INT_H

#include "princeton_int.h"

/* A trained net; NaN: not measured, or diverged. */
typedef struct ntk_row {
    ovp_idx width, steps, diverged_at;
    int64_t seed;
    double train_mse, test_mse, corr, rmse_closed, rmse_empirical, rmse_raw, loss_theory;
    double loss_flow, loss_gap, kernel_gap, raw_test_mse, seconds;
} ntk_row;

typedef struct ntk_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    const int64_t *seeds, *widths;
    ovp_idx seed_count, width_count, n, n_test, epochs, member;
    double lr, stop_loss;
    int mnist;
    ntk_row *rows;
    ovp_idx count; /* finished rows */
    /* a row each: losses before each update; those of the tangent kernel at the start, by descent and by flow */
    double *losses, *theory, *flow; /* x epochs */
    /* --data teacher */
    double *predicted, *raw_closed, *raw_empirical, *closed, *empirical; /* x n_test */
    double *kernel_row, *closed_row;                                     /* first rows of the kernels: x n */
} ntk_lab;

/* A row of which nothing was measured. */
ntk_row ntk_row_of(ovp_idx width, int64_t seed);
/* Row of a finished net into its tables, and the net the next of the lab: its curves and predictions are moved from
 * place `at` (not before lab->count) to lab->count; of a diverged one they are 0. */
ovp_status ntk_report(ntk_lab *lab, const ntk_row *row, ovp_idx at);

/* ntk_vs_network_teacher.c, ntk_vs_network_mnist.c: all nets of one seed. */
ovp_status ntk_teacher_seed(ntk_lab *lab, int64_t seed);
ovp_status ntk_mnist_seed(ntk_lab *lab, int64_t seed);
/* Step, from 0, at which the linearisation is judged (--data mnist): nine tenths of the way. */
ovp_idx ntk_judged_step(const ntk_lab *lab);
enum { NTK_RECORDS = 10 };

/* ntk_vs_network_results.c: arrays, summaries, verdicts and figures from the finished rows. */
ovp_status ntk_conclude(ntk_lab *lab);
/* Whether a run with these parameters repeats the published one. */
int ntk_is_published(const ovp_params *params, const int64_t *seeds, ovp_idx seed_count);
/* Largest deviation from the published values, in units of what is allowed; *count: of values compared. */
double ntk_published_deviation(const ntk_lab *lab, ovp_idx *count);

#endif
