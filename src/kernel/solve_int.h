/* Inside kernel: what the solvers share. */
#ifndef OVP_KERNEL_SOLVE_INT_H
#define OVP_KERNEL_SOLVE_INT_H

#include <overparam/kernel.h>

#include "kernel/functions_int.h"

/* C (m x n) = alpha op(A) B + beta C by all threads, op(A) m x k, in blocks of rows of C from shapes alone: the same
 * bits for any number of threads. Not in a task of ovp_parallel. Errors: OVP_EINTERRUPTED. */
ovp_status ovp_kernel_product(ovp_ctx *ctx, ovp_numeric_type type, int ta, ovp_idx m, ovp_idx n, ovp_idx k,
                              double alpha, const void *a, ovp_idx lda, const void *b, ovp_idx ldb, double beta,
                              void *c, ovp_idx ldc);

/* OVP_OK, or OVP_EINVAL with the position of the first entry that is not finite. what: "the Gram matrix". */
ovp_status ovp_kernel_check_finite(ovp_ctx *ctx, const char *what, ovp_numeric_type type, ovp_idx rows, ovp_idx cols,
                                   const void *values);

/* lambda of a ridge in the units named (NULL: absolute), trace that of the n x n matrix. what: who asks. Errors:
 * OVP_EINVAL. */
ovp_status ovp_kernel_ridge(double *lambda, ovp_ctx *ctx, const char *what, double ridge, const char *scale,
                            double trace, ovp_idx n);

/* ---- residuals (residual.c) ---- */

/* A symmetric matrix: the triangle above the diagonal of `upper` (n x n) and `diagonal`; below, anything may stand. */
typedef struct ovp_kernel_symmetric {
    ovp_idx n;
    const double *upper, *diagonal;
} ovp_kernel_symmetric;

/* R = B - A X, all n x c. extended: every entry as if summed in twice the precision, then rounded (Dekker 1971; Ogita,
 * Rump and Oishi 2005), else in f64. */
ovp_status ovp_kernel_residual(double *r, ovp_ctx *ctx, const ovp_kernel_symmetric *a, ovp_idx c, const double *b,
                               const double *x, int extended);

/* ---- the matrix of a problem, row by row (source.c) ---- */

typedef struct ovp_kernel_source {
    ovp_kernel_problem problem;
    const void *matrix; /* all of it, given or made; NULL: rows are made as they are needed */
    void *made;
    ovp_kernel_side side; /* where rows are made */
    ovp_idx tile;         /* rows at a time */
    void *points;         /* tile x d, points of rows that do not stand side by side */
    int64_t bytes;        /* held by it */
} ovp_kernel_source;

/* Checks the problem; makes the whole matrix if it fits into memory. who: the solver, for messages. Free with _close.
 */
ovp_status ovp_kernel_source_open(ovp_kernel_source *source, ovp_ctx *ctx, const char *who,
                                  const ovp_kernel_problem *problem, int64_t memory);
/* *tile: rows at a time, 0 where the whole matrix is kept; *bytes: of it, and of what is made of the points. Errors:
 * OVP_EINVAL (memory). */
ovp_status ovp_kernel_source_plan(ovp_idx *tile, int64_t *bytes, ovp_ctx *ctx, const char *who,
                                  const ovp_kernel_problem *problem, int64_t memory);
void ovp_kernel_source_close(ovp_kernel_source *source, ovp_ctx *ctx);
/* out (count x count) = the matrix's rows and columns ids. */
ovp_status ovp_kernel_source_square(void *out, ovp_ctx *ctx, const ovp_kernel_source *source, ovp_idx count,
                                    const int64_t *ids);

/* out (count x c) = K_b W - y_b for the rows b: ids, or where NULL the first count, or those of other points. With
 * moments also out^T K_bS; s_ids rise. */
typedef struct ovp_kernel_pass {
    ovp_idx count, c;
    const int64_t *ids;
    const void *others; /* NULL: training points */
    const void *w, *y;  /* n x c; y NULL: 0 */
    void *out;
    ovp_idx s; /* moments: c x s, S = s_ids; NULL: none */
    const int64_t *s_ids;
    void *moments;
} ovp_kernel_pass;
/* What a pass holds, tile as planned. */
int64_t ovp_kernel_source_pass_bytes(const ovp_ctx *ctx, const ovp_kernel_problem *problem, ovp_idx tile, ovp_idx count,
                                     ovp_idx c, ovp_idx s);
ovp_status ovp_kernel_source_pass(const ovp_kernel_source *source, ovp_ctx *ctx, const ovp_kernel_pass *pass);

/* ---- top eigenpairs (top.c) ---- */

/* How many of the eigenvalues (descending, count of them, of which the smallest may be inexact) are wanted: 1..count.
 */
typedef ovp_idx (*ovp_kernel_choose_q)(const void *user, const double *values, ovp_idx count);
/* *values (*q, descending) and *vectors (*q x s, rows unit vectors of either sign), ovp_free, of the symmetric a (s x
 * s), as many as choose says; residuals |a v - value v| up to `converged` (1e-12 or more) of the largest value, values
 * then err by about its square. The same bits for any number of threads. */
ovp_status ovp_kernel_top_eigenpairs(ovp_idx *q, double **values, double **vectors, ovp_ctx *ctx, ovp_idx s,
                                     const double *a, double converged, ovp_kernel_choose_q choose, const void *user);

/* ---- eigenpairs of a subsample (nystrom.c) ---- */

typedef struct ovp_kernel_nystrom {
    ovp_idx s, q;
    int64_t *ids;             /* s, rising */
    double *values, *vectors; /* q eigenvalues of K_SS / s, descending; q x s, rows unit vectors */
} ovp_kernel_nystrom;

typedef struct ovp_kernel_nystrom_options {
    ovp_idx subsample, top_q, batch_limit; /* as ovp_kernel_eigenpro_options */
    double alpha;                          /* in (0, 1] */
    ovp_numeric_rng *rng;
} ovp_kernel_nystrom_options;

ovp_status ovp_kernel_nystrom_make(ovp_kernel_nystrom *nystrom, ovp_ctx *ctx, const char *who,
                                   const ovp_kernel_source *source, const ovp_kernel_nystrom_options *options);
/* Points of the subsample. Errors: OVP_EINVAL (it, or top_q). */
ovp_status ovp_kernel_nystrom_size(ovp_idx *s, ovp_ctx *ctx, const char *who, ovp_idx n,
                                   const ovp_kernel_nystrom_options *options);
/* At most, while it is made. */
int64_t ovp_kernel_nystrom_bytes(ovp_idx s, const ovp_kernel_nystrom_options *options);
void ovp_kernel_nystrom_free(ovp_kernel_nystrom *nystrom, ovp_ctx *ctx);
/* *alpha = .95 where it is 0; OVP_EINVAL outside (0, 1]. */
ovp_status ovp_kernel_nystrom_alpha(double *alpha, ovp_ctx *ctx, const char *who);

#endif
