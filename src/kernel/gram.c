/* Gram matrices, tile after tile. */
#include "kernel/functions_int.h"

#include <string.h>

enum { LEAST_TILE = 64, ENOUGH_TILES = 16, VISITED = 256 /* columns of a tile that is visited */ };

typedef struct job {
    const ovp_kernel *kernel;
    const ovp_kernel_rows *a, *b;
    int symmetric, sparse;
    ovp_numeric_sparse *blocks; /* of a, where sparse, one for all tiles side by side */
    void *left;                 /* else a's rows, packed, */
    const void *right;          /* and all of b's */
    ovp_idx first[2], count[2]; /* the part of the matrix wanted */
    ovp_idx tile[2];            /* rows and columns of one */
    char *out;                  /* its first value */
    ovp_idx ld;
    size_t size; /* of a value */
    char *scratch;
    size_t per_worker;
    ovp_idx groups; /* of a visit, and where in a worker's scratch its tile is */
    size_t room;
    ovp_kernel_visitor visit;
    void *visitor;
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

/* Rows `row` tiles down from column `col` on. */
static ovp_kernel_tile make_tile(const job *j, ovp_ctx *worker, ovp_idx row, ovp_idx col) {
    const ovp_idx r = row * j->tile[0];
    return (ovp_kernel_tile){
        .kernel = j->kernel,
        .a = j->a,
        .b = j->b,
        .first = {j->first[0] + r, j->first[1] + col},
        .count = {j->count[0] - r < j->tile[0] ? j->count[0] - r : j->tile[0],
                  j->count[1] - col < j->tile[1] ? j->count[1] - col : j->tile[1]},
        .sparse = j->blocks ? &j->blocks[row] : NULL,
        .left = j->left ? ovp_kernel_tile_packed(worker, j->a, j->left, j->tile[0], row) : NULL,
        .right = j->right,
        .scratch = j->scratch + (size_t)ovp_worker(worker) * j->per_worker,
    };
}

static ovp_status tile_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_idx across = tiles(j->count[1], j->tile[1]), row = task / across;
    const ovp_idx r = row * j->tile[0], c = task % across * j->tile[1];
    if (j->symmetric && c < r) return OVP_OK;
    ovp_kernel_tile t = make_tile(j, worker, row, c);
    t.out = j->out + (size_t)(r * j->ld + c) * j->size;
    t.ld = j->ld;
    ovp_status status = ovp_kernel_tile_fill(worker, &t);
    if (status == OVP_OK && j->symmetric) {
        mirror(j, &t);
        if (r == c) set_diagonal(j, &t);
    }
    return status;
}

/* The tiles of one group of columns, each in the same room behind the worker's scratch. */
static ovp_status visit_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_idx across = tiles(j->count[1], j->tile[1]), row = task / j->groups, group = task % j->groups;
    ovp_status status = OVP_OK;
    for (ovp_idx c = group * across / j->groups; c < (group + 1) * across / j->groups; c++) {
        ovp_kernel_tile t = make_tile(j, worker, row, c * j->tile[1]);
        t.ld = j->tile[1];
        t.out = (char *)t.scratch + j->room;
        OVP_TRY(ovp_check(worker));
        OVP_TRY(ovp_kernel_tile_fill(worker, &t));
        j->visit(j->visitor, group, c == group * across / j->groups, &t);
    }
done:
    return status;
}

/* tasks: of `task`, with a's rows prepared for tiles. */
static ovp_status each_tile(job *j, ovp_ctx *ctx, ovp_idx tasks, ovp_task_fn task) {
    const ovp_idx rows = j->tile[0];
    ovp_status status = OVP_OK;
    if (j->sparse)
        OVP_TRY(ovp_kernel_blocks_make(&j->blocks, ctx, j->a, j->first[0], j->count[0], rows));
    else
        OVP_TRY(ovp_kernel_tiles_pack(&j->left, ctx, j->a, j->first[0], j->count[0], rows));
    OVP_TRY(ovp_parallel(ctx, tasks, task, j));
done:
    ovp_kernel_blocks_free(ctx, j->blocks, j->count[0], rows);
    j->blocks = NULL;
    ovp_free(ctx, j->left);
    j->left = NULL;
    return status;
}

static ovp_status fill(job *j, ovp_ctx *ctx) {
    j->tile[0] = j->tile[1] = tile_of(j->count[0], j->count[1]);
    return each_tile(j, ctx, tiles(j->count[0], j->tile[0]) * tiles(j->count[1], j->tile[1]), tile_task);
}

/* ---- both sides --------------------------------------------------------------------------------------------- */

ovp_status ovp_kernel_check_shape(ovp_ctx *ctx, ovp_numeric_type type, ovp_idx d, ovp_idx rows, ovp_idx others) {
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
    *side = (ovp_kernel_side){.kernel = kernel};
    OVP_TRY(ovp_kernel_rows_shift(&side->rows, &side->shift, ctx, kernel, type, d, count, z, name));
    if (!side->shift && ovp_kernel_is_sparse(kernel, &side->rows)) /* shifted zeros are none */
        OVP_TRY(ovp_kernel_rows_turn(&side->rows, ctx));
    else
        OVP_TRY(ovp_kernel_rows_pack(&side->rows.packed, ctx, &side->rows));
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
    void *packed; /* the side, where it is turned and x is dense */
    char *scratch;
    size_t per_worker;
} pair;

/* room: bytes of scratch more. */
static ovp_status make_pair(pair *p, ovp_ctx *ctx, const ovp_kernel_side *side, ovp_idx rows, const void *x,
                            size_t room) {
    const ovp_kernel_rows *b = &side->rows;
    ovp_status status = OVP_OK;
    *p = (pair){.side = side, .a = b, .sparse = b->turned != NULL};
    if (x) {
        OVP_TRY(ovp_kernel_rows_make(&p->own, ctx, side->kernel, b->type, b->d, rows, x, side->shift, "x"));
        p->a = &p->own;
        p->sparse = p->sparse && ovp_kernel_is_sparse(side->kernel, p->a);
    }
    if (!p->sparse && !b->packed) OVP_TRY(ovp_kernel_rows_pack(&p->packed, ctx, b));
    p->per_worker = ovp_kernel_tile_scratch(p->a, p->sparse) + room;
    OVP_TRY(ovp_alloc(ctx, &p->scratch, ovp_threads(ctx), p->per_worker));
done:
    return status;
}

static void free_pair(pair *p, ovp_ctx *ctx) {
    ovp_kernel_rows_free(ctx, p->side->kernel, &p->own);
    ovp_free(ctx, p->packed);
    ovp_free(ctx, p->scratch);
}

static job make_job(const pair *p, void *out) {
    return (job){.kernel = p->side->kernel,
                 .a = p->a,
                 .b = &p->side->rows,
                 .sparse = p->sparse,
                 .right = p->packed ? p->packed : p->side->rows.packed,
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
    ovp_status status = make_pair(&p, ctx, side, rows, x, 0);
    if (status == OVP_OK) {
        job j = make_job(&p, out);
        j.symmetric = !x;
        status = fill(&j, ctx);
    }
    free_pair(&p, ctx);
    ovp_numeric_blas_end(blas);
    return status;
}

ovp_idx ovp_kernel_visit_groups(ovp_idx rows, ovp_idx others) {
    const ovp_idx down = tiles(rows, OVP_KERNEL_TILE), across = tiles(others, VISITED);
    const ovp_idx groups = (ENOUGH_TILES + down - 1) / down;
    return groups < across ? groups : across;
}

ovp_status ovp_kernel_side_visit(ovp_ctx *ctx, const ovp_kernel_side *side, ovp_idx rows, const void *x,
                                 ovp_kernel_visitor visit, void *visitor) {
    const int blas = ovp_numeric_blas_begin();
    const ovp_idx down = tiles(rows, OVP_KERNEL_TILE), even = (rows + down - 1) / down;
    const size_t room = ((size_t)(even * VISITED) * ovp_numeric_type_size(side->rows.type) + 63) / 64 * 64;
    pair p;
    ovp_status status = make_pair(&p, ctx, side, rows, x, room);
    if (status == OVP_OK) {
        job j = make_job(&p, NULL);
        j.tile[0] = even;
        j.tile[1] = VISITED;
        j.groups = ovp_kernel_visit_groups(rows, side->rows.count);
        j.room = p.per_worker - room;
        j.visit = visit;
        j.visitor = visitor;
        status = each_tile(&j, ctx, down * j.groups, visit_task);
    }
    free_pair(&p, ctx);
    ovp_numeric_blas_end(blas);
    return status;
}

ovp_status ovp_kernel_gram(void *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                           ovp_idx rows, const void *x, ovp_idx others, const void *z) {
    const int symmetric = !z || (z == x && others == rows);
    ovp_kernel_side side = {0};
    ovp_status status = ovp_kernel_check_shape(ctx, type, d, rows, symmetric ? rows : others);
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
    ovp_status status = ovp_kernel_check_shape(ctx, type, d, rows, rows);
    if (status != OVP_OK) return status;
    const int blas = ovp_numeric_blas_begin();
    status = ovp_kernel_rows_make(&r, ctx, kernel, type, d, rows, x, NULL, "x");
    if (status == OVP_OK) memcpy(diag, r.diagonal, (size_t)rows * sizeof *diag);
    ovp_kernel_rows_free(ctx, kernel, &r);
    ovp_numeric_blas_end(blas);
    return status;
}
