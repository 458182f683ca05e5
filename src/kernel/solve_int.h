/* Inside kernel: what the solvers share. */
#ifndef OVP_KERNEL_SOLVE_INT_H
#define OVP_KERNEL_SOLVE_INT_H

#include <overparam/kernel.h>

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

#endif
