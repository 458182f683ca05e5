/* The packed product of one precision and level. */
#ifndef OVP_NUMERIC_HOT_PACKED_H
#define OVP_NUMERIC_HOT_PACKED_H

#include "numeric/hot/vector.h"

/* A block of the result in registers: 28 of 32, or 12 of 16; two more hold a line of B. */
enum { OVP_PACKED_ROWS = WIDE_REGISTERS ? 14 : 6, OVP_PACKED_COLS = 2 * LANES };

/* Members of ovp_numeric_packed. */
void OVP_HOT(ovp_numeric_pack)(ovp_idx sliver, ovp_idx count, ovp_idx d, const void *x, ovp_idx ld, const void *shift,
                               void *out);
void OVP_HOT(ovp_numeric_unpack)(ovp_idx sliver, ovp_idx count, ovp_idx d, const void *packed, void *x, ovp_idx ld);
void OVP_HOT(ovp_numeric_packed_solve)(ovp_idx n, ovp_idx d, const void *l, const void *inverses, void *x);
void OVP_HOT(ovp_numeric_packed_product)(ovp_idx m, ovp_idx n, ovp_idx d, const void *a, const void *b, int subtract,
                                         void *c, ovp_idx ldc);
void OVP_HOT(ovp_numeric_narrow_product)(int transposed, ovp_idx m, ovp_idx n, ovp_idx k, const void *a, ovp_idx lda,
                                         const void *x, ovp_idx ldx, void *c, ovp_idx ldc);

#endif
