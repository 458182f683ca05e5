/* experiment, internal: linear-features' finished nets, from which arrays, figures and verdicts are made. */
#ifndef OVP_LINEAR_FEATURES_INT_H
#define OVP_LINEAR_FEATURES_INT_H

#include "linear_int.h"

enum {
    LINEAR_MOVES = 101, /* looks at the movement of a net, at most */
    LINEAR_GRID = 2001, /* points of the functions drawn: fast features need many */
};

/* One finished net; NaN where there is nothing. */
typedef struct linear_fit {
    ovp_idx dim; /* index in --feature-dims */
    int64_t seed;
    ovp_idx member, diverged_at;
    int judged; /* full batch, a stable step and no divergence: the theorem speaks of it */
    double max_deviation, movement, theory_movement;
} linear_fit;

typedef struct linear_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    ovp_numeric_type type;
    const int64_t *seeds, *dims;
    ovp_idx seed_count, dim_count;
    ovp_idx *steps, *members; /* one a dimension */
    ovp_net_fourier *fourier; /* likewise */
    ovp_idx nets, every, points;
    linear_fit *fits; /* `count` of at most nets * seed_count */
    ovp_idx count;
    double *step;                /* points: k of the losses kept, from 1 */
    double *loss, *theory;       /* fits x points */
    double *moves, *move_theory; /* fits x LINEAR_MOVES: after j * linear_move_every steps; NaN after the last */
    double *grid, *target;       /* LINEAR_GRID */
    double *start, *end, *limit; /* fits x LINEAR_GRID: functions at theta_0, at the end, and theory's at the end */
    double *eigenvalues;         /* seed_count x dim_count x n, descending, of the Gram matrix */
    double *x, *y;               /* data of the first seed */
} linear_lab;

/* Steps between two looks at the movement. */
static inline ovp_idx linear_move_every(ovp_idx steps) {
    return (steps + LINEAR_MOVES - 2) / (LINEAR_MOVES - 1);
}

/* linear_features_results.c: arrays, summary, verdicts and figures of the nets that were finished. */
ovp_status linear_features_conclude(linear_lab *lab);
/* Verdicts of the loss and of the movement over fits[0..count-1]. */
void linear_features_judge(study_verdict out[2], const linear_lab *lab);

#endif
