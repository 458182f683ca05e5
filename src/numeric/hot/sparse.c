/* Sparse times dense, compiled with -ffp-contract=fast: one fused step where the level has it. */
#include "numeric/hot/sparse.h"
#include "numeric/hot/vector.h"

/* `count` registers of accumulators: a compile-time constant in every caller. */
ALWAYS_INLINE void strip(const int count, const ovp_numeric_sparse *s, const real *b, ovp_idx ldb, real *c,
                         ovp_idx ldc) {
    for (ovp_idx p = 0; p < s->panels; p++) {
        const real *panel = b + p * OVP_NUMERIC_SPARSE_PANEL * ldb;
        for (ovp_idx q = s->panel[p]; q < s->panel[p + 1]; q++) {
            vec *out = (vec *)(void *)(c + (ovp_idx)s->row[q] * ldc);
            const uint16_t *column = s->column + s->start[q];
            const real *value = (const real *)s->value + s->start[q];
            vec sum[8];
            for (int v = 0; v < count; v++) sum[v] = (vec){0};
            for (int32_t e = 0, n = s->length[q]; e < n; e++) {
                const vec *row = (const vec *)(const void *)(panel + (ovp_idx)column[e] * ldb);
                const real x = value[e];
                for (int v = 0; v < count; v++) sum[v] = sum[v] + x * row[v];
            }
            for (int v = 0; v < count; v++) out[v] = out[v] + sum[v];
        }
    }
}

void OVP_HOT(ovp_numeric_sparse_product)(const ovp_numeric_sparse *s, const void *b, ovp_idx ldb, void *c, ovp_idx ldc,
                                         ovp_idx cols) {
    const real *from = b;
    real *to = c;
    for (ovp_idx j = 0; j < cols;) {
        const ovp_idx left = (cols - j) / LANES;
        if (left >= 8)
            strip(8, s, from + j, ldb, to + j, ldc), j += 8 * LANES;
        else if (left >= 4)
            strip(4, s, from + j, ldb, to + j, ldc), j += 4 * LANES;
        else if (left >= 2)
            strip(2, s, from + j, ldb, to + j, ldc), j += 2 * LANES;
        else
            strip(1, s, from + j, ldb, to + j, ldc), j += LANES;
    }
}
