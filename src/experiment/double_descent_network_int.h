/* double-descent-network, internal: nets in training and what is concluded from their records. */
#ifndef OVP_DOUBLE_DESCENT_NETWORK_INT_H
#define OVP_DOUBLE_DESCENT_NETWORK_INT_H

#include "princeton_int.h"

/* Kernel regression on the same data. */
typedef struct descent_line {
    int known;
    double train_error, test_error, train_mse, test_mse;
} descent_line;

typedef struct descent_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    const int64_t *seeds, *widths;
    ovp_idx seed_count, width_count, epochs, every;
    princeton_images images;
    descent_line line;
    double *losses; /* (seeds x widths) x epochs, NaN where there is none */
    ovp_idx begun;  /* seeds whose nets began to train */
} descent_lab;

/* Epoch of the i-th record: 0, every, .., and the last one, epochs - 1; -1 past it. */
ovp_idx descent_record(const descent_lab *lab, ovp_idx i);

/* Where a run with these parameters may be held against the published table: the tutorial's data and training, torch's
 * stream of seed 2134, widths a leading part of the published list. */
int descent_is_published(const ovp_params *params);
/* Parts of the published table that repeat in every printed digit: compares the rows of table widths there; worst: in
 * units of half the last printed digit; *count: of numbers compared, *later, *later_met: of the other rows. */
double descent_published_deviation(ovp_experiment_run *run, ovp_idx *count, ovp_idx *later, ovp_idx *later_met);

/* Arrays, summaries, verdicts and figures. */
ovp_status descent_conclude(descent_lab *lab);

#endif
