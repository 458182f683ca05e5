/* Products of packed rows. A row of a matrix that meets many others is brought into the order in which the processor
 * wants it once, not for every product with it, as a BLAS has to. */
#ifndef OVP_NUMERIC_PACKED_INT_H
#define OVP_NUMERIC_PACKED_INT_H

#include <overparam/numeric.h>

/* Packed rows of length d stand in slivers of so many: d lines of one number a row, the last sliver padded with zeros.
 * Sums run over d in order, in pieces from shapes alone. */
typedef struct ovp_numeric_packed {
    ovp_idx sliver[2]; /* rows of a left factor's, of a right one's */
    /* out: x (count x d, ld numbers from row to row), less `shift` (d numbers, or NULL), in slivers of so many rows */
    void (*pack)(ovp_idx sliver, ovp_idx count, ovp_idx d, const void *x, ovp_idx ld, const void *shift, void *out);
    /* The way back. */
    void (*unpack)(ovp_idx sliver, ovp_idx count, ovp_idx d, const void *packed, void *x, ovp_idx ld);
    /* X (n x d, right) <- X L^-T; L (d x d, left) lower triangular, what stands above is not read; `inverses`: 1 / its
     * diagonal. */
    void (*solve)(ovp_idx n, ovp_idx d, const void *l, const void *inverses, void *x);
    /* c (m x n, stride ldc) = A B^T, or subtract: c - A B^T. A (m x d) left, B (n x d) right, on 64 bytes. */
    void (*product)(ovp_idx m, ovp_idx n, ovp_idx d, const void *a, const void *b, int subtract, void *c, ovp_idx ldc);
    /* c (m x n) -= A X, X k x n, for n up to sliver[0]; A m x k, or `transposed` k x m; nothing packed, strides ld. */
    void (*narrow)(int transposed, ovp_idx m, ovp_idx n, ovp_idx k, const void *a, ovp_idx lda, const void *x,
                   ovp_idx ldx, void *c, ovp_idx ldc);
} ovp_numeric_packed;

/* Of the processor level in use. */
const ovp_numeric_packed *ovp_numeric_packed_for(const ovp_ctx *ctx, ovp_numeric_type type);

/* c (m x n) -= op(A) X as `narrow` where n is small (but not 1), else by BLAS. f64, on the calling thread alone. */
void ovp_numeric_subtract_product(const ovp_ctx *ctx, int transposed, ovp_idx m, ovp_idx n, ovp_idx k, const double *a,
                                  ovp_idx lda, const double *x, ovp_idx ldx, double *c, ovp_idx ldc);

/* Rows with those that pad the last sliver. */
static inline ovp_idx ovp_numeric_packed_rows(ovp_idx sliver, ovp_idx count) {
    return (count + sliver - 1) / sliver * sliver;
}

#endif
