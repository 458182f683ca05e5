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

/* ---- real/sparse_panel.c ---- */

/* The matrix that x holds, C order, or the one whose transpose it holds. */
typedef struct ovp_numeric_dense {
    const void *x;
    ovp_idx rows, cols;
    int transposed;
} ovp_numeric_dense;

/* How many of count values are not 0; whether all are finite. */
int ovp_numeric_sparse_look_f32(ovp_idx count, const void *x, ovp_idx *nonzeros);
int ovp_numeric_sparse_look_f64(ovp_idx count, const void *x, ovp_idx *nonzeros);
/* length[r]: non-zeros of row r in columns first .. end - 1. */
void ovp_numeric_sparse_count_f32(const ovp_numeric_dense *m, ovp_idx first, ovp_idx end, int32_t *length);
void ovp_numeric_sparse_count_f64(const ovp_numeric_dense *m, ovp_idx first, ovp_idx end, int32_t *length);
/* Values and columns of a panel whose segments are known; next: scratch, one a row. */
void ovp_numeric_sparse_fill_f32(ovp_numeric_sparse *s, const ovp_numeric_dense *m, ovp_idx panel, ovp_idx first,
                                 ovp_idx end, int64_t *next);
void ovp_numeric_sparse_fill_f64(ovp_numeric_sparse *s, const ovp_numeric_dense *m, ovp_idx panel, ovp_idx first,
                                 ovp_idx end, int64_t *next);

/* c (rows x cols, stride ldc) += sparse * b (panel rows, stride ldb); cols a multiple of a register's values (16 is one
 * of all), b and c aligned to 64 bytes as are their strides. Sums of a panel are added to c in the panels' order. */
typedef void (*ovp_numeric_spmm)(const ovp_numeric_sparse *s, const void *b, ovp_idx ldb, void *c, ovp_idx ldc,
                                 ovp_idx cols);

#endif
