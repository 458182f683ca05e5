/* experiment, internal: label-noise's parts. */
#ifndef OVP_LABEL_NOISE_INT_H
#define OVP_LABEL_NOISE_INT_H

#include "princeton_int.h"

#include <overparam/kernel.h>

/* ---- label_noise_labels.c: corruption ---------------------------------------------------------------- */

/* What decides about the labels of one draw, at every level p: sample i gets its random label where u[i] < p, so the
 * corrupted samples of a level are among those of a higher one. */
typedef struct noise_draw {
    int64_t *label, *label_test; /* n, n_test */
    double *u, *u_test;          /* likewise; u_test NULL without --corrupt-test */
} noise_draw;
/* All draws of a seed. rng numpy: labels of the data seed's stream (n, then n_test, a draw), u of the stream of the
 * solver's seed after the 1 + epochs permutations of n that EigenPro takes from it, u_test after u, the next draw's
 * after these. (The published program's uniforms at p = 0 come from elsewhere, but there they select nothing.) philox:
 * streams of (data seed, draw). */
ovp_status noise_draws_make(noise_draw *out, ovp_experiment_run *run, int64_t seed, ovp_idx draws, ovp_idx n,
                            ovp_idx n_test, ovp_idx classes, ovp_idx epochs, int corrupt_test);
void noise_draws_free(ovp_ctx *ctx, noise_draw *draws, ovp_idx count);

/* ---- label_noise_theory.c ---------------------------------------------------------------------------- */

/* What the equations of eigenlearning need to know of a kernel and a noiseless target: all of it is read off the
 * training set (see there). Sums over outputs. */
typedef struct noise_theory {
    double n, classes;
    double kappa;                              /* effective regularisation: 1 / tr K^-1 */
    double overfitting;                        /* E_0 = n tr K^-2 / (tr K^-1)^2 */
    double power, unlearned, unlearned_square; /* sum v_i^2, sum (1 - L_i) v_i^2, sum (1 - L_i)^2 v_i^2 */
} noise_theory;
/* inverse_y = K^-1 y, n x classes (row stride), y one-hot; traces of K^-1 and K^-2. */
void noise_theory_get(noise_theory *out, ovp_idx n, ovp_idx classes, const double *y, const double *inverse_y,
                      ovp_idx stride, double trace, double trace_square);
/* Traces of K^-1 and K^-2 by Hutchinson's estimator: probes z of signs, means of z^T K^-1 z and |K^-1 z|^2. */
ovp_status noise_theory_traces(double *trace, double *trace_square, ovp_ctx *ctx, ovp_kernel_solver *solver, ovp_idx n);
/* Test mse (mean over outputs) against clean labels at level p. */
double noise_theory_mse(const noise_theory *theory, double p);
/* Test error at level p: the scores of the clean fit (n_test x classes, row stride) times 1 - p, with normal noise of
 * the variance that theory gives. */
ovp_status noise_theory_error(double *error, ovp_ctx *ctx, const noise_theory *theory, double p, ovp_idx n_test,
                              const double *scores, ovp_idx stride, const int32_t *label);

/* ---- the run ------------------------------------------------------------------------------------------- */

typedef enum noise_solver { NOISE_DIRECT, NOISE_EIGENPRO, NOISE_MODERN, NOISE_SOLVERS } noise_solver;
extern const char *const noise_solver_names[NOISE_SOLVERS];

typedef struct noise_row {
    double p;
    int64_t seed;
    ovp_idx member;
    noise_solver solver;
    ovp_idx corrupted, wrong; /* samples selected; labels that differ from the true one */
    double train_error, test_error, train_mse, test_mse;
    double theory_error, theory_mse; /* NaN: none */
} noise_row;

typedef struct noise_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    ovp_numeric_type type;
    const int64_t *seeds;
    const double *levels;
    ovp_idx seed_count, level_count, draws;
    int uses[NOISE_SOLVERS], corrupt_test;
    princeton_images images;
    void *x, *x_test; /* the images in `type` */
    ovp_kernel *kernel;
    ovp_kernel_solver *direct;
    double *gram;                      /* n x n, with the direct solver */
    double trace, trace_square;        /* of the Gram matrix' inverse and its square */
    double *theory_error, *theory_mse; /* one a level; NaN without the direct solver */
    noise_row *rows;
    ovp_idx count;
    ovp_kernel_eigenpro_report reports[NOISE_SOLVERS]; /* of the first seed */
} noise_lab;

static inline ovp_idx noise_columns(const noise_lab *lab) {
    return lab->draws * lab->level_count * lab->images.classes;
}

/* label_noise_solve.c: all draws and levels of a seed; its rows go into lab->rows and the table. */
ovp_status noise_solve_prepare(noise_lab *lab);
ovp_status noise_solve_seed(noise_lab *lab, int64_t seed);

/* ---- label_noise_results.c ------------------------------------------------------------------------------ */

enum { NOISE_VERDICTS = 6 };
/* Verdicts over rows[0..count-1]; *count of them. */
ovp_idx noise_judge(study_verdict out[NOISE_VERDICTS], const noise_lab *lab);
/* The published table against this run's first draw: rows of table `published`, and the verdict. 0: other settings. */
int noise_is_published(const noise_lab *lab);
ovp_status noise_compare_published(study_verdict *out, noise_lab *lab);
ovp_status noise_conclude(noise_lab *lab);

#endif
