/* The gemm engine's forms of X: packed dense, or as panels of non-zeros. */
#include "net/net_int.h"

#include <string.h>

static double value_at(ovp_numeric_type type, const void *x, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void sparse_free(ovp_ctx *ctx, ovp_net_sparse *s) {
    ovp_free(ctx, s->panel);
    ovp_free(ctx, s->row);
    ovp_free(ctx, s->length);
    ovp_free(ctx, s->start);
    ovp_free(ctx, s->column);
    ovp_free(ctx, s->value);
    memset(s, 0, sizeof *s);
}

/* Where element (r, k) of the matrix, or of its transpose, stands. */
static ovp_idx element(ovp_idx r, ovp_idx k, ovp_idx stride, int transposed) {
    return transposed ? k * stride + r : r * stride + k;
}

/* X (rows x cols, `type`, C order) or its transpose as panels. */
static ovp_status sparse_build(ovp_net_sparse *out, ovp_ctx *ctx, ovp_numeric_type type, const void *x, ovp_idx n,
                               ovp_idx d, int transposed) {
    enum { PANEL = OVP_NET_SPARSE_PANEL };
    const ovp_idx rows = transposed ? d : n, cols = transposed ? n : d;
    const size_t size = ovp_numeric_type_size(type);
    ovp_status status = OVP_OK;
    ovp_net_sparse s;
    memset(&s, 0, sizeof s);
    int32_t *length = NULL; /* of every (panel, row), row fastest */
    s.panels = (cols + PANEL - 1) / PANEL;
    OVP_TRY(ovp_alloc(ctx, &length, s.panels * rows, sizeof *length));
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx j = 0; j < d; j++) {
            if (value_at(type, x, i * d + j) == 0) continue;
            ovp_idx r = transposed ? j : i, k = transposed ? i : j;
            s.segments += length[k / PANEL * rows + r]++ == 0;
            s.nonzeros++;
        }
    OVP_TRY(ovp_alloc(ctx, &s.panel, s.panels + 1, sizeof *s.panel));
    OVP_TRY(ovp_alloc(ctx, &s.row, s.segments, sizeof *s.row));
    OVP_TRY(ovp_alloc(ctx, &s.length, s.segments, sizeof *s.length));
    OVP_TRY(ovp_alloc(ctx, &s.start, s.segments, sizeof *s.start));
    OVP_TRY(ovp_alloc(ctx, &s.column, s.nonzeros, sizeof *s.column));
    OVP_TRY(ovp_alloc(ctx, &s.value, s.nonzeros, size));

    ovp_idx segment = 0, at = 0;
    for (ovp_idx p = 0; p < s.panels; p++) {
        s.panel[p] = segment;
        /* Counting sort by falling length, rows in order within a length. */
        for (int32_t want = PANEL; want > 0; want--)
            for (ovp_idx r = 0; r < rows; r++) {
                if (length[p * rows + r] != want) continue;
                s.row[segment] = (int32_t)r;
                s.length[segment] = want;
                s.start[segment++] = at;
                for (ovp_idx k = p * PANEL; k < cols && k < (p + 1) * PANEL; k++) {
                    ovp_idx from = element(r, k, d, transposed);
                    if (value_at(type, x, from) == 0) continue;
                    s.column[at] = (uint16_t)(k - p * PANEL);
                    memcpy((char *)s.value + (size_t)at * size, (const char *)x + (size_t)from * size, size);
                    at++;
                }
            }
    }
    s.panel[s.panels] = segment;
    *out = s;
done:
    ovp_free(ctx, length);
    if (status != OVP_OK) sparse_free(ctx, &s);
    return status;
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
    sparse_free(ctx, &b->by_row);
    sparse_free(ctx, &b->by_column);
    ovp_status status = sparse_build(&b->by_row, ctx, b->type, b->x, b->rows, b->inputs, 0);
    return status == OVP_OK ? sparse_build(&b->by_column, ctx, b->type, b->x, b->rows, b->inputs, 1) : status;
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
    sparse_free(b->ctx, &b->by_row);
    sparse_free(b->ctx, &b->by_column);
    ovp_free(b->ctx, b->packed_rows.value);
    ovp_free(b->ctx, b->packed_columns.value);
}
