/* The sparse product of one precision and level. */
#ifndef OVP_NUMERIC_HOT_SPARSE_H
#define OVP_NUMERIC_HOT_SPARSE_H

#include "numeric/real.h"
#include "numeric/sparse_int.h"

/* An ovp_numeric_spmm. */
void OVP_HOT(ovp_numeric_sparse_product)(const ovp_numeric_sparse *s, const void *b, ovp_idx ldb, void *c, ovp_idx ldc,
                                         ovp_idx cols);

#endif
