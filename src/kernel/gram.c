/* Gram matrices and products with them, tile after tile. */
#include "kernel/functions_int.h"

#include <string.h>

enum { LEAST_TILE = 64, ENOUGH_TILES = 16, PANEL_COLUMNS = 4096, LEAST_PANEL = 64 };

typedef struct job {
    const ovp_kernel *kernel;
    const ovp_kernel_rows *a, *b;
    int symmetric, sparse;
    ovp_numeric_sparse *blocks; /* of a, where sparse, one for all tiles side by side */
    ovp_idx first[2], count[2]; /* the part of the matrix wanted */
    ovp_idx tile;               /* rows and columns */
    char *out;                  /* its first value */
    ovp_idx ld;
    size_t size; /* of a value */
    char *scratch;
    size_t per_worker;
} job;

/* ---- tiles ------------------------------------------------------------------------------------------------ */

static ovp_idx tiles(ovp_idx n, ovp_idx tile) {
    return (n + tile - 1) / tile;
}

/* By shapes alone: results do not depend on the number of threads. */
static ovp_idx tile_of(ovp_idx rows, ovp_idx cols) {
    ovp_idx tile = OVP_KERNEL_TILE;
    while (tile > LEAST_TILE && tiles(rows, tile) * tiles(cols, tile) < ENOUGH_TILES) tile /= 2;
    return tile;
}

static void copy_value(const job *j, char *to, const char *from) {
    if (j->size == sizeof(float))
        memcpy(to, from, sizeof(float));
    else
        memcpy(to, from, sizeof(double));
}

/* The tile's values to the other side of the diagonal, in squares that stay in the first-level cache. */
static void mirror(const job *j, const ovp_kernel_tile *t) {
    enum { SQUARE = 32 };
    const ovp_idx ld = j->ld;
    char *out = j->out;
    for (ovp_idx r = 0; r < t->count[0]; r += SQUARE)
        for (ovp_idx c = 0; c < t->count[1]; c += SQUARE)
            for (ovp_idx q = c; q < c + SQUARE && q < t->count[1]; q++)
                for (ovp_idx p = r; p < r + SQUARE && p < t->count[0]; p++) {
                    const ovp_idx up = t->first[0] + p, left = t->first[1] + q;
                    if (left > up)
                        copy_value(j, out + (size_t)(left * ld + up) * j->size,
                                   out + (size_t)(up * ld + left) * j->size);
                }
}

static void set_diagonal(const job *j, const ovp_kernel_tile *t) {
    for (ovp_idx r = t->first[0]; r < t->first[0] + t->count[0]; r++) {
        char *to = j->out + (size_t)(r * j->ld + r) * j->size;
        const float narrow = (float)j->a->diagonal[r];
        if (j->size == sizeof narrow)
            memcpy(to, &narrow, sizeof narrow);
        else
            memcpy(to, &j->a->diagonal[r], sizeof(double));
    }
}

static ovp_status tile_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_idx across = tiles(j->count[1], j->tile);
    const ovp_idx r = task / across * j->tile, c = task % across * j->tile;
    if (j->symmetric && c < r) return OVP_OK;
    const ovp_kernel_tile t = {
        .kernel = j->kernel,
        .a = j->a,
        .b = j->b,
        .first = {j->first[0] + r, j->first[1] + c},
        .count = {j->count[0] - r < j->tile ? j->count[0] - r : j->tile,
                  j->count[1] - c < j->tile ? j->count[1] - c : j->tile},
        .out = j->out + (size_t)(r * j->ld + c) * j->size,
        .ld = j->ld,
        .sparse = j->blocks ? &j->blocks[task / across] : NULL,
        .scratch = j->scratch + (size_t)ovp_worker(worker) * j->per_worker,
    };
    ovp_status status = ovp_kernel_tile_fill(worker, &t);
    if (status == OVP_OK && j->symmetric) {
        mirror(j, &t);
        if (r == c) set_diagonal(j, &t);
    }
    return status;
}

static ovp_status fill(job *j, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    j->tile = tile_of(j->count[0], j->count[1]);
    if (j->sparse) OVP_TRY(ovp_kernel_blocks_make(&j->blocks, ctx, j->a, j->first[0], j->count[0], j->tile));
    OVP_TRY(ovp_parallel(ctx, tiles(j->count[0], j->tile) * tiles(j->count[1], j->tile), tile_task, j));
done:
    ovp_kernel_blocks_free(ctx, j->blocks, j->count[0], j->tile);
    j->blocks = NULL;
    return status;
}

/* ---- both sides --------------------------------------------------------------------------------------------- */

static ovp_status check(ovp_ctx *ctx, ovp_numeric_type type, ovp_idx d, ovp_idx rows, ovp_idx others) {
    if (type != OVP_F32 && type != OVP_F64)
        return ovp_fail(ctx, OVP_EINVAL, "kernel: values of type %s; allowed: f32, f64", ovp_numeric_type_name(type));
    if (d < 1 || rows < 1 || others < 1)
        return ovp_fail(ctx, OVP_EINVAL, "kernel: %lld x %lld values against %lld x %lld; all must be at least 1",
                        (long long)rows, (long long)d, (long long)others, (long long)d);
    return OVP_OK;
}

ovp_status ovp_kernel_side_open(ovp_kernel_side *side, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type,
                                ovp_idx d, ovp_idx count, const void *z, const char *name) {
    ovp_status status = OVP_OK;
    const int blas = ovp_numeric_blas_begin();
    int sparse;
    *side = (ovp_kernel_side){.kernel = kernel};
    OVP_TRY(ovp_kernel_shift(&side->shift, ctx, kernel, type, d, count, z));
    OVP_TRY(ovp_kernel_rows_make(&side->rows, ctx, kernel, type, d, count, z, side->shift, name));
    OVP_TRY(ovp_kernel_is_sparse(&sparse, ctx, kernel, type, d, count, z));
    if (sparse && !side->shift) OVP_TRY(ovp_kernel_rows_turn(&side->rows, ctx)); /* shifted zeros are none */
done:
    ovp_numeric_blas_end(blas);
    return status;
}

void ovp_kernel_side_close(ovp_kernel_side *side, ovp_ctx *ctx) {
    if (side->kernel) ovp_kernel_rows_free(ctx, side->kernel, &side->rows);
    ovp_free(ctx, side->shift);
    *side = (ovp_kernel_side){0};
}

/* x against a side: its rows, which stay empty where x is NULL for z itself, and what the threads need. */
typedef struct pair {
    const ovp_kernel_side *side;
    ovp_kernel_rows own;
    const ovp_kernel_rows *a;
    int sparse;
    char *scratch;
    size_t per_worker;
} pair;

static ovp_status make_pair(pair *p, ovp_ctx *ctx, const ovp_kernel_side *side, ovp_idx rows, const void *x) {
    const ovp_kernel_rows *b = &side->rows;
    ovp_status status = OVP_OK;
    *p = (pair){.side = side, .a = b, .sparse = b->turned != NULL};
    if (x) {
        OVP_TRY(ovp_kernel_rows_make(&p->own, ctx, side->kernel, b->type, b->d, rows, x, side->shift, "x"));
        p->a = &p->own;
        if (p->sparse) OVP_TRY(ovp_kernel_is_sparse(&p->sparse, ctx, side->kernel, b->type, b->d, rows, x));
    }
    p->per_worker = ovp_kernel_tile_scratch(p->a, p->sparse);
    OVP_TRY(ovp_alloc(ctx, &p->scratch, ovp_threads(ctx), p->per_worker));
done:
    return status;
}

static void free_pair(pair *p, ovp_ctx *ctx) {
    ovp_kernel_rows_free(ctx, p->side->kernel, &p->own);
    ovp_free(ctx, p->scratch);
}

static job make_job(const pair *p, void *out) {
    return (job){.kernel = p->side->kernel,
                 .a = p->a,
                 .b = &p->side->rows,
                 .sparse = p->sparse,
                 .count = {p->a->count, p->side->rows.count},
                 .out = out,
                 .ld = p->side->rows.count,
                 .size = ovp_numeric_type_size(p->a->type),
                 .scratch = p->scratch,
                 .per_worker = p->per_worker};
}

/* ---- the entries ----------------------------------------------------------------------------------------------- */

/* x NULL: the side's own points. */
static ovp_status fill_all(void *out, ovp_ctx *ctx, const ovp_kernel_side *side, ovp_idx rows, const void *x) {
    const int blas = ovp_numeric_blas_begin();
    pair p;
    ovp_status status = make_pair(&p, ctx, side, rows, x);
    if (status == OVP_OK) {
        job j = make_job(&p, out);
        j.symmetric = !x;
        status = fill(&j, ctx);
    }
    free_pair(&p, ctx);
    ovp_numeric_blas_end(blas);
    return status;
}

ovp_status ovp_kernel_side_gram(void *out, ovp_ctx *ctx, const ovp_kernel_side *side, ovp_idx rows, const void *x) {
    const ovp_status status = check(ctx, side->rows.type, side->rows.d, rows, side->rows.count);
    return status == OVP_OK ? fill_all(out, ctx, side, rows, x) : status;
}

ovp_status ovp_kernel_gram(void *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                           ovp_idx rows, const void *x, ovp_idx others, const void *z) {
    const int symmetric = !z || (z == x && others == rows);
    ovp_kernel_side side = {0};
    ovp_status status = check(ctx, type, d, rows, symmetric ? rows : others);
    if (status != OVP_OK) return status;
    OVP_TRY(ovp_kernel_side_open(&side, ctx, kernel, type, d, symmetric ? rows : others, symmetric ? x : z,
                                 symmetric ? "x" : "z"));
    OVP_TRY(fill_all(out, ctx, &side, rows, symmetric ? NULL : x));
done:
    ovp_kernel_side_close(&side, ctx);
    return status;
}

ovp_status ovp_kernel_diagonal(double *diag, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                               ovp_idx rows, const void *x) {
    ovp_kernel_rows r = {0};
    ovp_status status = check(ctx, type, d, rows, rows);
    if (status != OVP_OK) return status;
    const int blas = ovp_numeric_blas_begin();
    status = ovp_kernel_rows_make(&r, ctx, kernel, type, d, rows, x, NULL, "x");
    if (status == OVP_OK) memcpy(diag, r.diagonal, (size_t)rows * sizeof *diag);
    ovp_kernel_rows_free(ctx, kernel, &r);
    ovp_numeric_blas_end(blas);
    return status;
}

/* out rows of one chunk += panel times w. */
typedef struct product_job {
    ovp_numeric_type type;
    ovp_idx rows, cols, c;
    const char *panel, *w;
    char *out;
    int first;
} product_job;

enum { PRODUCT_ROWS = 256 };

static ovp_status product_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const product_job *j = arg;
    const size_t size = ovp_numeric_type_size(j->type);
    const ovp_idx first = task * PRODUCT_ROWS, left = j->rows - first;
    (void)worker;
    ovp_numeric_gemm(j->type, 0, 0, left < PRODUCT_ROWS ? left : PRODUCT_ROWS, j->c, j->cols, 1,
                     j->panel + (size_t)(first * j->cols) * size, j->cols, j->w, j->c, !j->first,
                     j->out + (size_t)(first * j->c) * size, j->c);
    return OVP_OK;
}

/* Rows and columns of a panel within the bytes. */
static ovp_status panel_shape(ovp_idx shape[2], ovp_ctx *ctx, size_t size, ovp_idx rows, ovp_idx others,
                              int64_t memory) {
    const int64_t values = (memory ? memory : (int64_t)256 << 20) / (int64_t)size;
    const ovp_idx least = others < LEAST_PANEL ? others : LEAST_PANEL;
    if (memory < 0 || values < least)
        return ovp_fail(ctx, OVP_EINVAL,
                        "kernel: %lld bytes of memory; this product needs at least %lld, or 0 for 256 MiB",
                        (long long)memory, (long long)(least * (int64_t)size));
    shape[1] = others < PANEL_COLUMNS ? others : PANEL_COLUMNS;
    if (shape[1] > values) shape[1] = values / LEAST_PANEL * LEAST_PANEL; /* strips of sparse products are aligned */
    shape[0] = values / shape[1] < rows ? values / shape[1] : rows;
    return OVP_OK;
}

ovp_status ovp_kernel_apply(void *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                            ovp_idx rows, const void *x, ovp_idx others, const void *z, ovp_idx c, const void *w,
                            int64_t memory) {
    const int same = !z || (z == x && others == rows);
    ovp_kernel_side side = {0};
    pair both = {.side = &side};
    char *panel = NULL;
    ovp_idx shape[2] = {0};
    if (same) others = rows;
    ovp_status status = check(ctx, type, d, rows, others);
    if (status != OVP_OK) return status;
    if (c < 1) return ovp_fail(ctx, OVP_EINVAL, "kernel: %lld columns to multiply with; at least 1", (long long)c);
    const size_t size = ovp_numeric_type_size(type);
    status = panel_shape(shape, ctx, size, rows, others, memory);
    if (status != OVP_OK) return status;
    const int blas = ovp_numeric_blas_begin();
    OVP_TRY(ovp_kernel_side_open(&side, ctx, kernel, type, d, others, same ? x : z, same ? "x" : "z"));
    OVP_TRY(make_pair(&both, ctx, &side, rows, same ? NULL : x));
    OVP_TRY(ovp_alloc(ctx, &panel, shape[0] * shape[1], size));
    job j = make_job(&both, panel);
    for (ovp_idx i = 0; i < rows; i += shape[0])
        for (ovp_idx k = 0; k < others; k += shape[1]) {
            j.first[0] = i;
            j.first[1] = k;
            j.count[0] = rows - i < shape[0] ? rows - i : shape[0];
            j.count[1] = j.ld = others - k < shape[1] ? others - k : shape[1];
            OVP_TRY(fill(&j, ctx));
            product_job p = {.type = type,
                             .rows = j.count[0],
                             .cols = j.count[1],
                             .c = c,
                             .panel = panel,
                             .w = (const char *)w + (size_t)(k * c) * size,
                             .out = (char *)out + (size_t)(i * c) * size,
                             .first = k == 0};
            OVP_TRY(ovp_parallel(ctx, tiles(p.rows, PRODUCT_ROWS), product_task, &p));
        }
done:
    ovp_free(ctx, panel);
    free_pair(&both, ctx);
    ovp_kernel_side_close(&side, ctx);
    ovp_numeric_blas_end(blas);
    return status;
}
