/* Sparse matrices from dense ones. */
#include "numeric/sparse_int.h"

#include <string.h>

enum { PANEL = OVP_NUMERIC_SPARSE_PANEL };

/* Counting sort by falling length, rows in order within a length; returns the first segment of the next panel. */
static ovp_idx sort_panel(ovp_numeric_sparse *s, ovp_idx rows, const int32_t *length, ovp_idx segment) {
    ovp_idx places[PANEL + 1] = {0}; /* how many of a length, then where the next one goes */
    for (ovp_idx r = 0; r < rows; r++) places[length[r]]++;
    ovp_idx next = segment;
    for (int n = PANEL; n > 0; n--) {
        const ovp_idx count = places[n];
        places[n] = next;
        next += count;
    }
    for (ovp_idx r = 0; r < rows; r++) {
        if (length[r] == 0) continue;
        const ovp_idx at = places[length[r]]++;
        s->row[at] = (int32_t)r;
        s->length[at] = length[r];
    }
    return next;
}

static ovp_idx end_of(const ovp_numeric_dense *m, ovp_idx panel) {
    return (panel + 1) * PANEL < m->cols ? (panel + 1) * PANEL : m->cols;
}

ovp_status ovp_numeric_sparse_build(ovp_numeric_sparse *out, ovp_ctx *ctx, ovp_numeric_type type, const void *x,
                                    ovp_idx n, ovp_idx d, int transposed) {
    const ovp_numeric_dense m = {x, transposed ? d : n, transposed ? n : d, transposed};
    const int narrow = type == OVP_F32;
    ovp_status status = OVP_OK;
    ovp_numeric_sparse s = {.panels = (m.cols + PANEL - 1) / PANEL};
    int32_t *length = NULL; /* of every panel's rows */
    int64_t *next = NULL;
    *out = (ovp_numeric_sparse){0};
    OVP_TRY(ovp_alloc(ctx, &length, s.panels * m.rows, sizeof *length));
    OVP_TRY(ovp_alloc(ctx, &next, m.rows, sizeof *next));
    for (ovp_idx p = 0; p < s.panels; p++)
        (narrow ? ovp_numeric_sparse_count_f32 : ovp_numeric_sparse_count_f64)(&m, p * PANEL, end_of(&m, p),
                                                                               length + p * m.rows);
    for (ovp_idx i = 0; i < s.panels * m.rows; i++) {
        s.segments += length[i] > 0;
        s.nonzeros += length[i];
    }
    OVP_TRY(ovp_alloc(ctx, &s.panel, s.panels + 1, sizeof *s.panel));
    OVP_TRY(ovp_alloc(ctx, &s.row, s.segments, sizeof *s.row));
    OVP_TRY(ovp_alloc(ctx, &s.length, s.segments, sizeof *s.length));
    OVP_TRY(ovp_alloc(ctx, &s.start, s.segments, sizeof *s.start));
    OVP_TRY(ovp_alloc(ctx, &s.column, s.nonzeros, sizeof *s.column));
    OVP_TRY(ovp_alloc(ctx, &s.value, s.nonzeros, ovp_numeric_type_size(type)));
    ovp_idx at = 0;
    for (ovp_idx p = 0; p < s.panels; p++) {
        s.panel[p + 1] = sort_panel(&s, m.rows, length + p * m.rows, s.panel[p]);
        for (ovp_idx i = s.panel[p]; i < s.panel[p + 1]; i++) {
            s.start[i] = at;
            at += s.length[i];
        }
        (narrow ? ovp_numeric_sparse_fill_f32 : ovp_numeric_sparse_fill_f64)(&s, &m, p, p * PANEL, end_of(&m, p), next);
    }
    *out = s;
done:
    ovp_free(ctx, length);
    ovp_free(ctx, next);
    if (status != OVP_OK) ovp_numeric_sparse_free(ctx, &s);
    return status;
}

void ovp_numeric_sparse_free(ovp_ctx *ctx, ovp_numeric_sparse *s) {
    ovp_free(ctx, s->panel);
    ovp_free(ctx, s->row);
    ovp_free(ctx, s->length);
    ovp_free(ctx, s->start);
    ovp_free(ctx, s->column);
    ovp_free(ctx, s->value);
    *s = (ovp_numeric_sparse){0};
}
