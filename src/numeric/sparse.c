/* Sparse matrices from dense ones. */
#include "numeric/sparse_int.h"

#include <string.h>

enum { PANEL = OVP_NUMERIC_SPARSE_PANEL };

/* The matrix or its transpose: element (r, k) stands at r * row + k * column. */
typedef struct source {
    ovp_numeric_type type;
    const void *x;
    ovp_idx rows, cols, row, column;
} source;

static int is_zero(const source *m, ovp_idx at) {
    return m->type == OVP_F32 ? ((const float *)m->x)[at] == 0 : ((const double *)m->x)[at] == 0;
}

/* length[row] of a panel's segments. */
static void count_panel(const source *m, ovp_idx panel, int32_t *length) {
    const ovp_idx first = panel * PANEL, end = first + PANEL < m->cols ? first + PANEL : m->cols;
    memset(length, 0, (size_t)m->rows * sizeof *length);
    if (m->column == 1)
        for (ovp_idx r = 0; r < m->rows; r++)
            for (ovp_idx k = first; k < end; k++) length[r] += !is_zero(m, r * m->row + k);
    else /* along the memory */
        for (ovp_idx k = first; k < end; k++)
            for (ovp_idx r = 0; r < m->rows; r++) length[r] += !is_zero(m, r * m->row + k * m->column);
}

/* Counting sort by falling length, rows in order within a length. */
static void sort_panel(ovp_numeric_sparse *s, ovp_idx rows, const int32_t *length, ovp_idx segment) {
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
}

static ovp_idx fill_segment(ovp_numeric_sparse *s, const source *m, ovp_idx panel, ovp_idx segment, ovp_idx at) {
    const ovp_idx first = panel * PANEL, r = s->row[segment], end = at + s->length[segment];
    s->start[segment] = at;
    for (ovp_idx k = first; at < end; k++) {
        const ovp_idx from = r * m->row + k * m->column;
        if (is_zero(m, from)) continue;
        s->column[at] = (uint16_t)(k - first);
        if (m->type == OVP_F32)
            ((float *)s->value)[at] = ((const float *)m->x)[from];
        else
            ((double *)s->value)[at] = ((const double *)m->x)[from];
        at++;
    }
    return at;
}

ovp_status ovp_numeric_sparse_build(ovp_numeric_sparse *out, ovp_ctx *ctx, ovp_numeric_type type, const void *x,
                                    ovp_idx n, ovp_idx d, int transposed) {
    const source m = {type, x, transposed ? d : n, transposed ? n : d, transposed ? 1 : d, transposed ? d : 1};
    ovp_status status = OVP_OK;
    ovp_numeric_sparse s = {.panels = (m.cols + PANEL - 1) / PANEL};
    int32_t *length = NULL; /* of every panel's rows */
    *out = (ovp_numeric_sparse){0};
    OVP_TRY(ovp_alloc(ctx, &length, s.panels * m.rows, sizeof *length));
    for (ovp_idx p = 0; p < s.panels; p++) count_panel(&m, p, length + p * m.rows);
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
    ovp_idx segment = 0, at = 0;
    for (ovp_idx p = 0; p < s.panels; p++) {
        const int32_t *lengths = length + p * m.rows;
        s.panel[p] = segment;
        sort_panel(&s, m.rows, lengths, segment);
        for (ovp_idx r = 0; r < m.rows; r++)
            if (lengths[r] > 0) at = fill_segment(&s, &m, p, segment++, at);
    }
    s.panel[s.panels] = segment;
    *out = s;
done:
    ovp_free(ctx, length);
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
