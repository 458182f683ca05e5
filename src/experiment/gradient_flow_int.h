/* gradient-flow, internal: what its two files share. */
#ifndef OVP_GRADIENT_FLOW_INT_H
#define OVP_GRADIENT_FLOW_INT_H

#include "study.h"

/* The end of one descent (a row of table `starts`) and of the flow to the same time. */
typedef struct gradient_flow_row {
    int64_t seed;
    ovp_idx start;
    double lr, x0, y0, x, y, value, flow_x, flow_y, flow_value, distance, farthest, sharpness, flow_sharpness;
    double step;            /* length of the last one */
    ovp_idx diverged_at;    /* 0, or the step after which the point was the first not to be finite */
    const char *flow_state; /* NULL: arrived */
} gradient_flow_row;

/* rows: seed by seed, in each learning rate by learning rate, in each start by start. */
typedef struct gradient_flow_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    ovp_numeric_expression *f;
    const int64_t *seeds;
    const double *lrs;
    ovp_idx seed_count, lr_count, starts, steps;
    ovp_idx points; /* kept of each path */
    int64_t *kept;  /* their steps */
    int single;     /* points, gradients and updates of the descent in f32 */
    double low, high, tolerance;
    gradient_flow_row *rows;
    ovp_idx row_count;    /* finished */
    double *paths, *flow; /* row x points x 2 */
} gradient_flow_lab;

/* Value, gradient (2) and Hessian (4) at a point; NULL: not wanted. */
void gradient_flow_at(const ovp_numeric_expression *f, double x, double y, double *value, double *gradient,
                      double *hessian);
/* Eigenvalues of a symmetric 2 x 2 matrix, the smaller one first. */
void gradient_flow_eigenvalues(const double hessian[4], double out[2]);

/* Arrays, tables over the rows, verdicts and figures. */
ovp_status gradient_flow_conclude(gradient_flow_lab *lab);

/* A descent follows the flow if it ends this near to it; it is at rest if its last step was shorter than this. */
#define GRADIENT_FLOW_NEAR 0.01
#define GRADIENT_FLOW_REST 1e-7

#endif
