/* Products of kernel matrices that are never made: every tile is multiplied while it is in the cache. */
#include "kernel/functions_int.h"

#include <string.h>

enum { ROWS = 256 /* of a task that sums up */ };

typedef struct job {
    ovp_numeric_type type;
    ovp_idx rows, c, groups;
    const char *w;
    const ovp_kernel_columns *columns;
    char *partial; /* groups x rows x c; of one group alone: out */
    char *out;
} job;

/* The first of the rising ids that is not below id. */
static ovp_idx find(const ovp_kernel_columns *columns, ovp_idx id) {
    ovp_idx low = 0, high = columns->s;
    while (low < high) {
        const ovp_idx middle = (low + high) / 2;
        if (columns->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void keep_columns(const job *j, const ovp_kernel_tile *t) {
    const ovp_kernel_columns *k = j->columns;
    const ovp_idx first = find(k, t->first[1]), end = find(k, t->first[1] + t->count[1]);
    for (ovp_idx r = 0; r < t->count[0]; r++)
        for (ovp_idx q = first; q < end; q++) {
            const ovp_idx from = r * t->ld + k->ids[q] - t->first[1], to = (t->first[0] + r) * k->s + q;
            if (j->type == OVP_F32)
                ((float *)k->values)[to] = ((const float *)(const void *)t->out)[from];
            else
                ((double *)k->values)[to] = ((const double *)(const void *)t->out)[from];
        }
}

static void multiply(void *user, ovp_idx group, int first, const ovp_kernel_tile *t) {
    const job *j = user;
    const size_t size = ovp_numeric_type_size(j->type);
    ovp_numeric_gemm(j->type, 0, 0, t->count[0], j->c, t->count[1], 1, t->out, t->ld,
                     j->w + (size_t)(t->first[1] * j->c) * size, j->c, !first,
                     j->partial + (size_t)((group * j->rows + t->first[0]) * j->c) * size, j->c);
    if (j->columns) keep_columns(j, t);
}

/* The groups' sums in order. */
static ovp_status sum_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_idx first = task * ROWS * j->c, count = ovp_kernel_least(ROWS, j->rows - task * ROWS) * j->c;
    (void)worker;
    for (ovp_idx g = 0; g < j->groups; g++)
        for (ovp_idx i = first; i < first + count; i++) {
            const ovp_idx from = g * j->rows * j->c + i;
            if (j->type == OVP_F32)
                ((float *)(void *)j->out)[i] =
                    (g > 0 ? ((float *)(void *)j->out)[i] : 0) + ((const float *)(const void *)j->partial)[from];
            else
                ((double *)(void *)j->out)[i] =
                    (g > 0 ? ((double *)(void *)j->out)[i] : 0) + ((const double *)(const void *)j->partial)[from];
        }
    return OVP_OK;
}

int64_t ovp_kernel_apply_bytes(const ovp_ctx *ctx, ovp_numeric_type type, ovp_idx rows, ovp_idx others, ovp_idx c) {
    const ovp_idx tile = ovp_kernel_least(OVP_KERNEL_TILE, rows) * OVP_KERNEL_TILE,
                  groups = ovp_kernel_visit_groups(rows, others);
    return (ovp_threads(ctx) * tile + (groups > 1 ? groups * rows * c : 0)) * (int64_t)ovp_numeric_type_size(type);
}

ovp_status ovp_kernel_side_apply(void *out, ovp_ctx *ctx, const ovp_kernel_side *side, ovp_idx rows, const void *x,
                                 ovp_idx c, const void *w, const ovp_kernel_columns *columns) {
    job j = {.type = side->rows.type,
             .rows = rows,
             .c = c,
             .groups = ovp_kernel_visit_groups(rows, side->rows.count),
             .w = w,
             .columns = columns,
             .partial = out,
             .out = out};
    void *partial = NULL;
    ovp_status status = OVP_OK;
    if (j.groups > 1) {
        OVP_TRY(ovp_alloc(ctx, &partial, j.groups * rows * c, ovp_numeric_type_size(j.type)));
        j.partial = partial;
    }
    OVP_TRY(ovp_kernel_side_visit(ctx, side, rows, x, multiply, &j));
    if (j.groups > 1) OVP_TRY(ovp_parallel(ctx, (rows + ROWS - 1) / ROWS, sum_task, &j));
done:
    ovp_free(ctx, partial);
    return status;
}

/* Rows at a time whose sums stay within the bytes. */
static ovp_status choose_step(ovp_idx *step, ovp_ctx *ctx, ovp_numeric_type type, ovp_idx rows, ovp_idx others,
                              ovp_idx c, int64_t memory) {
    const int64_t bytes = memory ? memory : (int64_t)256 << 20;
    const int64_t each = ovp_kernel_visit_groups(1, others) * c * (int64_t)ovp_numeric_type_size(type);
    if (memory < 0 || bytes < each)
        return ovp_fail(ctx, OVP_EINVAL,
                        "kernel: %lld bytes of memory; this product needs at least %lld, or 0 for 256 MiB",
                        (long long)memory, (long long)each);
    *step = ovp_kernel_least(rows, bytes / each);
    return OVP_OK;
}

ovp_status ovp_kernel_apply(void *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                            ovp_idx rows, const void *x, ovp_idx others, const void *z, ovp_idx c, const void *w,
                            int64_t memory) {
    ovp_kernel_side side = {0};
    ovp_kernel_rows all = {0};
    ovp_idx step = 0;
    ovp_status status = OVP_OK;
    if (!z) {
        z = x;
        others = rows;
    }
    OVP_TRY(ovp_kernel_check_shape(ctx, type, d, rows, others));
    if (c < 1) return ovp_fail(ctx, OVP_EINVAL, "kernel: %lld columns to multiply with; at least 1", (long long)c);
    OVP_TRY(choose_step(&step, ctx, type, rows, others, c, memory));
    OVP_TRY(ovp_kernel_side_open(&side, ctx, kernel, type, d, others, z, z == x && others == rows ? "x" : "z"));
    if (step < rows) /* messages then name the rows as they are counted here */
        OVP_TRY(ovp_kernel_rows_make(&all, ctx, kernel, type, d, rows, x, side.shift, "x"));
    const size_t size = ovp_numeric_type_size(type);
    for (ovp_idx i = 0; i < rows; i += step)
        OVP_TRY(ovp_kernel_side_apply((char *)out + (size_t)(i * c) * size, ctx, &side,
                                      ovp_kernel_least(step, rows - i), (const char *)x + (size_t)(i * d) * size, c, w,
                                      NULL));
done:
    ovp_kernel_rows_free(ctx, kernel, &all);
    ovp_kernel_side_close(&side, ctx);
    return status;
}
