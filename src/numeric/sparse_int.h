/* Matrices of mostly zeros, for products with dense ones. */
#ifndef OVP_NUMERIC_SPARSE_INT_H
#define OVP_NUMERIC_SPARSE_INT_H

#include <overparam/numeric.h>

/* Non-zeros of a rows x cols matrix in panels of `OVP_NUMERIC_SPARSE_PANEL` columns: within a panel one segment a row,
 * segments ordered by falling length so that the inner loop's trip count hardly changes. */
enum { OVP_NUMERIC_SPARSE_PANEL = 80 };
typedef struct ovp_numeric_sparse {
    ovp_idx panels, segments, nonzeros;
    ovp_idx *panel;        /* panels + 1: first segment of each */
    int32_t *row, *length; /* of a segment */
    int64_t *start;        /* its first non-zero */
    uint16_t *column;      /* within the panel */
    void *value;
} ovp_numeric_sparse;

/* X (n x d, `type`, C order) or its transpose. Cost O(n d). Freed by the caller; empty on failure. Errors: OVP_ENOMEM.
 */
ovp_status ovp_numeric_sparse_build(ovp_numeric_sparse *out, ovp_ctx *ctx, ovp_numeric_type type, const void *x,
                                    ovp_idx n, ovp_idx d, int transposed);
void ovp_numeric_sparse_free(ovp_ctx *ctx, ovp_numeric_sparse *s);

/* c (rows x cols, stride ldc) += sparse * b (panel rows, stride ldb); cols a multiple of a register's values (16 is one
 * of all), b and c aligned to 64 bytes as are their strides. Sums of a panel are added to c in the panels' order. */
typedef void (*ovp_numeric_spmm)(const ovp_numeric_sparse *s, const void *b, ovp_idx ldb, void *c, ovp_idx ldc,
                                 ovp_idx cols);

#endif
