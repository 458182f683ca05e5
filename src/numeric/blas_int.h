/* Internal entries of blas.c: for its tests, and for the factorisations. */
#ifndef OVP_NUMERIC_BLAS_INT_H
#define OVP_NUMERIC_BLAS_INT_H

#include <overparam/numeric.h>

/* Sets the OpenMP thread count of the calling thread and returns what it was; 1 without OpenMP. */
int ovp_numeric_swap_omp_threads(int threads);

/* ovp_numeric_gemm in blocks of at most `block` rows of C and at most `block` steps of the sum, because CBLAS counts in
 * int. 1 <= block <= INT_MAX. */
void ovp_numeric_gemm_blocked(ovp_numeric_type type, int ta, int tb, ovp_idx m, ovp_idx n, ovp_idx k, double alpha,
                              const void *a, ovp_idx lda, const void *b, ovp_idx ldb, double beta, void *c, ovp_idx ldc,
                              ovp_idx block);

/* B <- L^-1 B or, transposed, L^-T B. B m x n, L the lower triangle of l; f64, C order, on the calling thread alone as
 * ovp_numeric_gemm. Extents below 2^31. */
void ovp_numeric_solve_triangle(int transposed, ovp_idx m, ovp_idx n, const double *l, ovp_idx ldl, double *b,
                                ovp_idx ldb);
/* y <- beta y + alpha op(A) x, A m x n. As solve_triangle otherwise. */
void ovp_numeric_gemv(int ta, ovp_idx m, ovp_idx n, double alpha, const double *a, ovp_idx lda, const double *x,
                      double beta, double *y);
/* The lower triangle of C (n x n) minus that of A A^T, A n x k; above its diagonal C stays as it is. */
void ovp_numeric_subtract_square(ovp_idx n, ovp_idx k, const double *a, ovp_idx lda, double *c, ovp_idx ldc);

#endif
