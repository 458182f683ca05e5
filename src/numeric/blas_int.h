/* Internal entry of blas.c, for its tests. */
#ifndef OVP_NUMERIC_BLAS_INT_H
#define OVP_NUMERIC_BLAS_INT_H

#include <overparam/numeric.h>

/* ovp_numeric_gemm in blocks of at most `block` rows of C and at most `block` steps of the sum, because CBLAS counts in
 * int. 1 <= block <= INT_MAX. */
void ovp_numeric_gemm_blocked(ovp_numeric_type type, int ta, int tb, ovp_idx m, ovp_idx n, ovp_idx k, double alpha,
                              const void *a, ovp_idx lda, const void *b, ovp_idx ldb, double beta, void *c, ovp_idx ldc,
                              ovp_idx block);

#endif
