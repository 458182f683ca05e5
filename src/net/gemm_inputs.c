/* The gemm engine's forms of X: packed dense, or as panels of non-zeros. */
#include "net/net_int.h"

#include <string.h>

/* Where element (r, k) of the matrix, or of its transpose, stands. */
static ovp_idx element(ovp_idx r, ovp_idx k, ovp_idx stride, int transposed) {
    return transposed ? k * stride + r : r * stride + k;
}

/* Fills p->value, which has room; rows beyond the matrix are zeros. */
static void pack(ovp_net_packed *out, ovp_numeric_type type, const void *x, ovp_idx n, ovp_idx d, int transposed) {
    enum { TILE = OVP_NET_TILE, PANEL_BYTES = 512 }; /* with 64 units a panel's weights are 32 KiB */
    const size_t size = ovp_numeric_type_size(type);
    const ovp_idx rows = transposed ? d : n, cols = transposed ? n : d;
    const ovp_net_packed p = {cols, (rows + TILE - 1) / TILE, PANEL_BYTES / (ovp_idx)size, out->value};
    char *to = p.value;
    for (ovp_idx k0 = 0; k0 < cols; k0 += p.panel)
        for (ovp_idx r0 = 0; r0 < rows; r0 += TILE)
            for (ovp_idx k = k0; k < cols && k < k0 + p.panel; k++)
                for (ovp_idx r = r0; r < r0 + TILE; r++, to += size)
                    if (r < rows)
                        memcpy(to, (const char *)x + (size_t)element(r, k, d, transposed) * size, size);
                    else
                        memset(to, 0, size);
    *out = p;
}

static ovp_idx whole_tiles(ovp_idx rows) {
    return (rows + OVP_NET_TILE - 1) / OVP_NET_TILE * OVP_NET_TILE;
}

ovp_status ovp_net_gemm_refresh(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows) {
    (void)from;
    (void)rows;
    if (!b->sparse) {
        pack(&b->packed_rows, b->type, b->x, b->rows, b->inputs, 0);
        pack(&b->packed_columns, b->type, b->x, b->rows, b->inputs, 1);
        return OVP_OK;
    }
    ovp_numeric_sparse_free(ctx, &b->by_row);
    ovp_numeric_sparse_free(ctx, &b->by_column);
    ovp_status status = ovp_numeric_sparse_build(&b->by_row, ctx, b->type, b->x, b->rows, b->inputs, 0);
    if (status != OVP_OK) return status;
    return ovp_numeric_sparse_build(&b->by_column, ctx, b->type, b->x, b->rows, b->inputs, 1);
}

ovp_status ovp_net_gemm_bind(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_model *model) {
    (void)model;
    if (b->sparse) return OVP_OK; /* as many non-zeros as there are: allocated when they are known */
    const size_t size = ovp_numeric_type_size(b->type);
    ovp_status status = ovp_alloc(ctx, &b->packed_rows.value, b->inputs * whole_tiles(b->capacity), size);
    return status == OVP_OK ? ovp_alloc(ctx, &b->packed_columns.value, b->capacity * whole_tiles(b->inputs), size)
                            : status;
}

void ovp_net_gemm_unbind(ovp_net_batch *b) {
    ovp_numeric_sparse_free(b->ctx, &b->by_row);
    ovp_numeric_sparse_free(b->ctx, &b->by_column);
    ovp_free(b->ctx, b->packed_rows.value);
    ovp_free(b->ctx, b->packed_columns.value);
}
