/* Comparing arrays that were read, written and read again. */
#ifndef OVP_FUZZ_ARRAYS_H
#define OVP_FUZZ_ARRAYS_H

#include "fuzz.h"

#include <overparam/numeric.h>

/* Same type, shape and bytes. */
static inline void fuzz_same_array(const ovp_numeric_array *a, const ovp_numeric_array *b) {
    fuzz_require(a->type == b->type && a->ndim == b->ndim, "types %d, %d, dimensions %d, %d", (int)a->type,
                 (int)b->type, a->ndim, b->ndim);
    for (int d = 0; d < a->ndim; d++) fuzz_require(a->shape[d] == b->shape[d], "extent %d", d);
    size_t bytes = (size_t)ovp_numeric_array_count(a) * ovp_numeric_type_size(a->type);
    fuzz_require(!bytes || memcmp(a->data, b->data, bytes) == 0, "the items differ");
}

#endif
