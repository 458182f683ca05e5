/* experiment, internal: bias-complexity's results, from which arrays, figures and verdicts are made. */
#ifndef OVP_BIAS_COMPLEXITY_INT_H
#define OVP_BIAS_COMPLEXITY_INT_H

#include "linear_int.h"

enum {
    BIAS_GRID = 1000, /* even points of [-1, 1] on which the risk is taken */
    BIAS_LOOKS = 101, /* at the single fit during its training, at most */
};

typedef struct bias_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    ovp_numeric_type type;
    const int64_t *seeds, *dims;
    ovp_idx seed_count, dim_count, gd_seeds, members;
    ovp_net_fourier *fourier;  /* one a dimension */
    linear_data *data;         /* one a seed */
    double *grid, *target;     /* BIAS_GRID */
    double *rank, *risk_least; /* seeds x dims; NaN: not reached */
    double *risk_gd;           /* (gd_seeds members) x dims */
    double deviation;          /* largest of all nets' from theory, in units of sqrt(L_0) */
    ovp_idx judged;            /* nets compared */
    /* The single fit, on the first seed's data. */
    ovp_idx looks;
    double *step, *loss, *risk, *loss_theory, *risk_theory; /* BIAS_LOOKS each */
    double *start, *end;                                    /* BIAS_GRID: functions */
} bias_lab;

/* bias_complexity_results.c */
ovp_status bias_complexity_conclude(bias_lab *lab);
/* Verdicts over what was finished: the exact solution, where the rank reaches n, where the risk peaks, and gradient
 * descent below that peak. */
enum { BIAS_VERDICTS = 4 };
ovp_status bias_complexity_judge(study_verdict out[BIAS_VERDICTS], const bias_lab *lab);

#endif
