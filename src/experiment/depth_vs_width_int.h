/* depth-vs-width, internal: teachers with their data, students, and what is concluded from them. */
#ifndef OVP_DEPTH_VS_WIDTH_INT_H
#define OVP_DEPTH_VS_WIDTH_INT_H

#include "study.h"

/* ---- depth_vs_width.c: what the parameters say ----------------------------------------------------- */

/* What all nets and data of a run share. */
typedef struct depth_width_setup {
    ovp_idx inputs, teacher_width, teacher_depth, n_train, n_test;
    const char *activation, *engine;
    ovp_numeric_type type;
} depth_width_setup;

depth_width_setup depth_width_setup_of(const ovp_params *params);
/* length: steps until the optimiser is made anew. */
ovp_train_options depth_width_training(const ovp_params *params, double lr, ovp_idx length);

/* ---- depth_vs_width_students.c ---------------------------------------------------------------------- */

/* Nets n_in - W - .. - W - 1 without biases; depth D >= 2 counts weight matrices: n_in W + (D - 2) W^2 + W. */
ovp_idx depth_width_parameters(ovp_idx inputs, ovp_idx width, ovp_idx depth);
/* The dense options of such a net; widths: room for depth + 1 values, borrowed by the options. */
ovp_net_dense_options depth_width_options(const depth_width_setup *setup, ovp_idx width, ovp_idx depth,
                                          ovp_idx *widths);
/* Such a net, drawn by torch's default rule and, with sigma > 0, then by N(0, sigma^2 / fan_in) layer by layer. */
ovp_status depth_width_net(study_net *net, ovp_ctx *ctx, const depth_width_setup *setup, ovp_idx width, ovp_idx depth,
                           double sigma, ovp_numeric_rng *rng);

/* A teacher and what it says on standard normal inputs. */
typedef struct depth_width_problem {
    double sigma;
    study_net teacher;
    void *x_train, *y_train, *x_test, *y_test; /* of the setup's type; x_train owns the block */
    double variance;                           /* of y_test, unbiased */
} depth_width_problem;
/* Streams of the teacher, of X_train and of X_test; they may be one, and are drawn from in this order. */
typedef struct depth_width_streams {
    ovp_numeric_rng *teacher, *train, *test;
} depth_width_streams;
ovp_status depth_width_problem_create(depth_width_problem *out, ovp_ctx *ctx, const depth_width_setup *setup,
                                      double sigma, const depth_width_streams *streams);
void depth_width_problem_free(ovp_ctx *ctx, depth_width_problem *problem);
/* Mean squared error of a net at theta on the training (test 0) or test points over the variance of y_test (0: NaN).
 * outputs: NULL, or room for the net's outputs there. */
ovp_status depth_width_error(double *error, ovp_ctx *ctx, const depth_width_setup *setup,
                             const depth_width_problem *problem, const study_net *net, int test, double *outputs);

typedef enum depth_width_role { DEPTH_WIDTH_DEEP, DEPTH_WIDTH_SHALLOW, DEPTH_WIDTH_LINEAR } depth_width_role;

typedef struct depth_width_student {
    const depth_width_setup *setup;
    const depth_width_problem *problem;
    study_net net;
    depth_width_role role;
    ovp_idx width, depth, member;
    int64_t seed;
    ovp_idx steps, stage_steps; /* a new optimiser after every stage_steps, its lr divided by 3 */
    double lr;                  /* of the stage at hand */
    int measured;               /* trained to the end and measured there */
    double train_error, test_error;
    double *losses, *outputs; /* steps; outputs on the test points (NaN until measured): borrowed */
} depth_width_student;
const char *depth_width_role_name(depth_width_role role); /* "deep", "shallow", "linear" */
/* study_job.watch of a student: restarts at stage ends, measures after the last step. */
ovp_status depth_width_watch(void *student, ovp_ctx *ctx, ovp_idx done);

/* ---- depth_vs_width_run.c --------------------------------------------------------------------------- */

ovp_status depth_width_run(ovp_experiment_run *run);
/* Refuses what would not fit into memory, for `check`. */
ovp_status depth_width_check_memory(ovp_ctx *ctx, const ovp_params *params);

/* ---- depth_vs_width_results.c ----------------------------------------------------------------------- */

/* log E = m log W + b of one seed, and the width at which it meets a target. */
typedef struct depth_width_fit {
    ovp_idx count;              /* points used: positive and finite */
    double exponent, intercept; /* m, b; NaN with fewer than two different widths */
    double width;               /* exp((log target - b) / m); NaN unless m < 0 */
    /* 95 % by the regression's own standard errors (delta method, t with count - 2 degrees of freedom); NaN with
     * fewer than three points */
    double low, high;
} depth_width_fit;
void depth_width_fit_errors(depth_width_fit *out, ovp_idx count, const double *widths, const double *errors,
                            double target);

#define DEPTH_WIDTH_DEEP_BAR 1e-5   /* relative test error of a student that found its teacher */
#define DEPTH_WIDTH_LINEAR_BAR 1e-4 /* of a shallow student that is enough for a quasi-linear one */

/* Verdicts from numbers, one a seed (NaN: none). */
void depth_width_judge_deep(study_verdict *out, const double *errors, ovp_idx seeds, ovp_idx steps);
void depth_width_judge_width(study_verdict *out, const double *exponents, ovp_idx seeds, const char *prediction);
/* deep, widest: test errors; parameters of the two. */
void depth_width_judge_parameters(study_verdict *out, const double *deep, const double *widest, ovp_idx seeds,
                                  ovp_idx deep_parameters, ovp_idx widest_parameters);
void depth_width_judge_linear(study_verdict *out, const double *errors, ovp_idx seeds, double sigma);

/* Everything a run knows of its students, finished ones first to last in the order of the rows. */
typedef struct depth_width_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    depth_width_setup setup;
    const int64_t *seeds, *widths;
    const double *sigmas;
    ovp_idx seed_count, width_count, sigma_count;
    depth_width_problem *problems; /* [seed, sigma] */
    depth_width_student *students;
    study_job *jobs;
    ovp_idx count, longest; /* students; most steps of one */
    double *losses;         /* [student, longest], NaN after its steps */
    double *outputs;        /* [student, test point] */
} depth_width_lab;
/* Arrays, tables of fits, verdicts and figures from the rows of finished students. */
ovp_status depth_width_conclude(depth_width_lab *lab);

/* Three significant digits, with a power of ten from a million on (predicted widths are large). */
void depth_width_number(char buffer[48], double value);

/* ---- depth_vs_width_figures.c ----------------------------------------------------------------------- */

/* fits: one a seed; over: the prediction over seeds (or of the one seed), with the mean exponent. */
ovp_status depth_width_figures(depth_width_lab *lab, const depth_width_fit *fits, const depth_width_fit *over);

#endif
