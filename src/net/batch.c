/* Batches: checked, copied inputs, dense or as panels of non-zeros. */
#include "net/net_int.h"

#include <math.h>
#include <string.h>

static double value_at(ovp_numeric_type type, const void *x, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

void ovp_net_sparse_free(ovp_ctx *ctx, ovp_net_sparse *s) {
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

ovp_status ovp_net_sparse_build(ovp_net_sparse *out, ovp_ctx *ctx, ovp_numeric_type type, const void *x, ovp_idx n,
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
    if (status != OVP_OK) ovp_net_sparse_free(ctx, &s);
    return status;
}

ovp_status ovp_net_pack(ovp_net_packed *out, ovp_ctx *ctx, ovp_numeric_type type, const void *x, ovp_idx n, ovp_idx d,
                        int transposed) {
    enum { TILE = OVP_NET_TILE, PANEL_BYTES = 512 }; /* with 64 units a panel's weights are 32 KiB */
    const size_t size = ovp_numeric_type_size(type);
    const ovp_idx rows = transposed ? d : n, cols = transposed ? n : d;
    ovp_net_packed p = {cols, (rows + TILE - 1) / TILE, PANEL_BYTES / (ovp_idx)size, NULL};
    ovp_status status = ovp_alloc(ctx, &p.value, cols * p.tiles * TILE, size);
    if (status != OVP_OK) return status;
    char *to = p.value;
    for (ovp_idx k0 = 0; k0 < cols; k0 += p.panel)
        for (ovp_idx r0 = 0; r0 < rows; r0 += TILE)
            for (ovp_idx k = k0; k < cols && k < k0 + p.panel; k++)
                for (ovp_idx r = r0; r < r0 + TILE; r++, to += size)
                    if (r < rows) memcpy(to, (const char *)x + (size_t)element(r, k, d, transposed) * size, size);
    *out = p;
    return OVP_OK;
}

ovp_status ovp_net_bind(ovp_net_batch **out, ovp_ctx *ctx, const ovp_net_model *model, const void *x, ovp_idx rows) {
    *out = NULL;
    ovp_net_batch *b = NULL;
    ovp_status status = OVP_OK;
    const ovp_idx inputs = ovp_net_model_inputs(model);
    if (rows < 1 || rows > INT32_MAX || inputs > INT32_MAX)
        return ovp_fail(ctx, OVP_EINVAL, "batch: %lld rows of %lld inputs is outside 1..2^31-1", (long long)rows,
                        (long long)inputs);
    ovp_idx nonzeros = 0;
    for (ovp_idx i = 0; i < rows * inputs; i++) {
        double v = value_at(model->type, x, i);
        if (!isfinite(v))
            return ovp_fail(ctx, OVP_EINVAL, "batch: input %lld of row %lld is %s; inputs must be finite",
                            (long long)(i % inputs), (long long)(i / inputs), isnan(v) ? "nan" : "infinite");
        nonzeros += v != 0;
    }
    OVP_TRY(ovp_alloc(ctx, &b, 1, sizeof *b));
    b->ctx = ctx;
    b->type = model->type;
    b->rows = rows;
    b->inputs = inputs;
    b->density = (double)nonzeros / ((double)rows * (double)inputs);
    b->sparse = model->sparse < 0 ? b->density < 0.4 && model->engine->input_major : model->sparse;
    if (b->sparse) {
        OVP_TRY(ovp_net_sparse_build(&b->by_row, ctx, b->type, x, rows, inputs, 0));
        OVP_TRY(ovp_net_sparse_build(&b->by_column, ctx, b->type, x, rows, inputs, 1));
    } else if (model->engine->input_major) {
        OVP_TRY(ovp_net_pack(&b->packed_rows, ctx, b->type, x, rows, inputs, 0));
        OVP_TRY(ovp_net_pack(&b->packed_columns, ctx, b->type, x, rows, inputs, 1));
    } else {
        OVP_TRY(ovp_alloc(ctx, &b->x, rows * inputs, ovp_numeric_type_size(b->type)));
        memcpy(b->x, x, (size_t)(rows * inputs) * ovp_numeric_type_size(b->type));
    }
    *out = b;
done:
    if (status != OVP_OK) ovp_net_batch_free(b);
    return status;
}

void ovp_net_batch_free(ovp_net_batch *batch) {
    if (!batch) return;
    ovp_net_sparse_free(batch->ctx, &batch->by_row);
    ovp_net_sparse_free(batch->ctx, &batch->by_column);
    ovp_free(batch->ctx, batch->packed_rows.value);
    ovp_free(batch->ctx, batch->packed_columns.value);
    ovp_free(batch->ctx, batch->x);
    ovp_free(batch->ctx, batch);
}

ovp_idx ovp_net_batch_rows(const ovp_net_batch *batch) {
    return batch->rows;
}

const char *ovp_net_batch_path(const ovp_net_batch *batch, double *density) {
    if (density) *density = batch->density;
    return batch->sparse ? "sparse" : "dense";
}
