/* The matrix of a problem: given, made once, or made in tiles of rows as they are needed. */
#include "kernel/solve_int.h"

#include <string.h>

/* Rows of a task; rows whose moments are summed apart; bytes without a wish of the caller's. */
enum { BLOCK = 64, MOST_ROWS = 4096 };
#define MEMORY ((int64_t)1 << 30)

static ovp_idx least(ovp_idx a, ovp_idx b) {
    return a < b ? a : b;
}

static const char *at(const void *values, ovp_numeric_type type, ovp_idx i) {
    return (const char *)values + (size_t)i * ovp_numeric_type_size(type);
}

static char *to(void *values, ovp_numeric_type type, ovp_idx i) {
    return (char *)values + (size_t)i * ovp_numeric_type_size(type);
}

static ovp_status check_problem(ovp_ctx *ctx, const char *who, const ovp_kernel_problem *p) {
    if (p->type != OVP_F32 && p->type != OVP_F64)
        return ovp_fail(ctx, OVP_EINVAL, "%s: type %s; f32 or f64 expected", who, ovp_numeric_type_name(p->type));
    if (p->n < 1 || p->n > INT32_MAX)
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld points; allowed 1..%d", who, (long long)p->n, INT32_MAX);
    if (!p->gram == !p->kernel || (p->kernel && (!p->x || p->d < 1)))
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: a problem is either a kernel with points of 1 or more numbers, or a matrix", who);
    if (p->gram) return ovp_kernel_check_finite(ctx, "kernel matrix", p->type, p->n, p->n, p->gram);
    return ovp_kernel_check_finite(ctx, "training points", p->type, p->n, p->d, p->x);
}

ovp_status ovp_kernel_source_plan(ovp_idx *tile, int64_t *bytes, ovp_ctx *ctx, const char *who,
                                  const ovp_kernel_problem *problem, int64_t memory) {
    const ovp_idx n = problem->n, d = problem->d;
    const int64_t each = (int64_t)ovp_numeric_type_size(problem->type), most = memory > 0 ? memory : MEMORY;
    *tile = 0;
    *bytes = 0;
    if (memory < 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: memory %lld bytes; 0 (1 GiB) or more expected", who, (long long)memory);
    if (problem->gram) return OVP_OK;
    *bytes = n * d * each; /* turned points, if they are sparse */
    if ((double)n * (double)n * (double)each <= (double)most) {
        *bytes += n * n * each;
        return OVP_OK;
    }
    *tile = least(least(n, MOST_ROWS), most / ((n + d) * each));
    if (*tile > BLOCK) *tile -= *tile % BLOCK;
    if (*tile < 1)
        return ovp_fail(ctx, OVP_EINVAL, "%s: memory of %lld bytes; one row of the kernel matrix takes %lld", who,
                        (long long)most, (long long)((n + d) * each));
    *bytes += *tile * (n + d) * each;
    return OVP_OK;
}

ovp_status ovp_kernel_source_open(ovp_kernel_source *source, ovp_ctx *ctx, const char *who,
                                  const ovp_kernel_problem *problem, int64_t memory) {
    ovp_status status = check_problem(ctx, who, problem);
    if (status != OVP_OK) return status;
    const ovp_idx n = problem->n, d = problem->d;
    const int64_t each = (int64_t)ovp_numeric_type_size(problem->type);
    ovp_idx tile;
    *source = (ovp_kernel_source){.problem = *problem, .matrix = problem->gram, .tile = least(n, MOST_ROWS)};
    OVP_TRY(ovp_kernel_source_plan(&tile, &source->bytes, ctx, who, problem, memory));
    if (source->matrix) return OVP_OK;
    if (tile == 0) {
        source->bytes = n * n * each;
        OVP_TRY(ovp_alloc(ctx, &source->made, n * n, (size_t)each));
        OVP_TRY(ovp_kernel_gram(source->made, ctx, problem->kernel, problem->type, d, n, problem->x, 0, NULL));
        source->matrix = source->made;
        return OVP_OK;
    }
    source->tile = tile;
    OVP_TRY(ovp_kernel_side_open(&source->side, ctx, problem->kernel, problem->type, d, n, problem->x, "x"));
    if (!source->side.rows.turned) source->bytes -= n * d * each;
    OVP_TRY(ovp_alloc(ctx, &source->rows, source->tile * n, (size_t)each));
    OVP_TRY(ovp_alloc(ctx, &source->points, source->tile * d, (size_t)each));
done:
    return status;
}

void ovp_kernel_source_close(ovp_kernel_source *source, ovp_ctx *ctx) {
    ovp_kernel_side_close(&source->side, ctx);
    ovp_free(ctx, source->made);
    ovp_free(ctx, source->rows);
    ovp_free(ctx, source->points);
    *source = (ovp_kernel_source){0};
}

/* out (count x width) = the rows ids of values. */
static void gather(ovp_numeric_type type, ovp_idx width, const void *values, ovp_idx count, const int64_t *ids,
                   void *out) {
    for (ovp_idx i = 0; i < count; i++)
        memcpy(to(out, type, i * width), at(values, type, ids[i] * width), (size_t)width * ovp_numeric_type_size(type));
}

/* out (rows x count) = the columns ids of values, rows x n. */
static void gather_columns(ovp_numeric_type type, ovp_idx n, ovp_idx rows, const void *values, ovp_idx count,
                           const int64_t *ids, void *out) {
    for (ovp_idx i = 0; i < rows; i++)
        for (ovp_idx j = 0; j < count; j++) {
            if (type == OVP_F32)
                ((float *)out)[i * count + j] = ((const float *)values)[i * n + ids[j]];
            else
                ((double *)out)[i * count + j] = ((const double *)values)[i * n + ids[j]];
        }
}

ovp_status ovp_kernel_source_square(void *out, ovp_ctx *ctx, const ovp_kernel_source *source, ovp_idx count,
                                    const int64_t *ids) {
    const ovp_kernel_problem *p = &source->problem;
    ovp_status status = OVP_OK;
    void *points = NULL;
    if (source->matrix) {
        for (ovp_idx i = 0; i < count; i++)
            gather_columns(p->type, p->n, 1, at(source->matrix, p->type, ids[i] * p->n), count, ids,
                           to(out, p->type, i * count));
        return OVP_OK;
    }
    OVP_TRY(ovp_alloc(ctx, &points, count * p->d, ovp_numeric_type_size(p->type)));
    gather(p->type, p->d, p->x, count, ids, points);
    status = ovp_kernel_gram(out, ctx, p->kernel, p->type, p->d, count, points, 0, NULL);
done:
    ovp_free(ctx, points);
    return status;
}

/* One tile of a pass: rows first .. first + count - 1 of it. */
typedef struct tile {
    const ovp_kernel_source *source;
    const ovp_kernel_pass *pass;
    ovp_idx first, count;
    const void *rows; /* count x n, or NULL: rows of the matrix by their ids */
    void *scratch;    /* a worker: BLOCK x (n + s) */
    void *partial;    /* a block: c x s */
} tile;

static void subtract_targets(const tile *t, ovp_idx row, ovp_idx rows) {
    const ovp_kernel_pass *pass = t->pass;
    const ovp_idx c = pass->c;
    for (ovp_idx i = row; i < row + rows; i++) {
        const ovp_idx id = pass->ids ? pass->ids[i] : i;
        for (ovp_idx j = 0; j < c; j++) {
            if (t->source->problem.type == OVP_F32)
                ((float *)pass->out)[i * c + j] -= ((const float *)pass->y)[id * c + j];
            else
                ((double *)pass->out)[i * c + j] -= ((const double *)pass->y)[id * c + j];
        }
    }
}

static ovp_status tile_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const tile *t = arg;
    const ovp_kernel_pass *pass = t->pass;
    const ovp_numeric_type type = t->source->problem.type;
    const ovp_idx n = t->source->problem.n, c = pass->c, s = pass->moments ? pass->s : 0;
    const ovp_idx start = task * BLOCK, rows = least(BLOCK, t->count - start), row = t->first + start;
    void *scratch = to(t->scratch, type, (ovp_idx)ovp_worker(ctx) * BLOCK * (n + s));
    const void *values = scratch;
    if (t->rows)
        values = at(t->rows, type, start * n);
    else
        gather(type, n, t->source->matrix, rows, pass->ids + row, scratch);
    void *out = to(pass->out, type, row * c);
    ovp_numeric_gemm(type, 0, 0, rows, c, n, 1, values, n, pass->w, c, 0, out, c);
    if (pass->y) subtract_targets(t, row, rows);
    if (s == 0) return OVP_OK;
    void *columns = to(scratch, type, BLOCK * n);
    gather_columns(type, n, rows, values, s, pass->s_ids, columns);
    ovp_numeric_gemm(type, 1, 0, c, s, rows, 1, out, c, columns, s, 0, to(t->partial, type, task * c * s), s);
    return OVP_OK;
}

static void add(ovp_numeric_type type, ovp_idx count, const void *from, void *sum) {
    for (ovp_idx i = 0; i < count; i++) {
        if (type == OVP_F32)
            ((float *)sum)[i] += ((const float *)from)[i];
        else
            ((double *)sum)[i] += ((const double *)from)[i];
    }
}

/* Where the tile's rows are: in the matrix, with the other points' values, or made now. */
static ovp_status find_rows(tile *t, ovp_ctx *ctx) {
    const ovp_kernel_problem *p = &t->source->problem;
    const ovp_kernel_pass *pass = t->pass;
    const ovp_numeric_type type = p->type;
    t->rows = NULL;
    if (p->gram && pass->others) {
        t->rows = at(pass->others, type, t->first * p->n);
        return OVP_OK;
    }
    if (t->source->matrix && !pass->others) {
        if (!pass->ids) t->rows = at(t->source->matrix, type, t->first * p->n);
        return OVP_OK;
    }
    const void *points = at(pass->others ? pass->others : p->x, type, t->first * p->d);
    if (pass->ids && !pass->others) {
        gather(type, p->d, p->x, t->count, pass->ids + t->first, t->source->points);
        points = t->source->points;
    }
    t->rows = t->source->rows;
    if (!t->source->side.kernel) /* the matrix is kept */
        return ovp_kernel_gram(t->source->rows, ctx, p->kernel, type, p->d, t->count, points, p->n, p->x);
    return ovp_kernel_side_gram(t->source->rows, ctx, &t->source->side, t->count, points);
}

ovp_status ovp_kernel_source_pass(const ovp_kernel_source *source, ovp_ctx *ctx, const ovp_kernel_pass *pass) {
    ovp_status status = OVP_OK;
    const ovp_numeric_type type = source->problem.type;
    const size_t each = ovp_numeric_type_size(type);
    const ovp_idx n = source->problem.n, s = pass->moments ? pass->s : 0, moments = pass->c * s;
    const ovp_idx step = least(source->tile, pass->count);
    tile t = {.source = source, .pass = pass};
    ovp_kernel_source with_rows = *source;
    void *rows = NULL;
    if (pass->count == 0) return OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &t.scratch, (ovp_idx)ovp_threads(ctx) * BLOCK * (n + s), each));
    OVP_TRY(ovp_alloc(ctx, &t.partial, (step + BLOCK - 1) / BLOCK * moments, each));
    if (pass->others && source->problem.kernel && !source->rows) { /* the matrix is kept: a tile of its own */
        OVP_TRY(ovp_alloc(ctx, &rows, step * n, each));
        with_rows.rows = rows;
        t.source = &with_rows;
    }
    if (moments > 0) memset(pass->moments, 0, (size_t)moments * each);
    for (t.first = 0; t.first < pass->count; t.first += step) {
        t.count = least(step, pass->count - t.first);
        OVP_TRY(find_rows(&t, ctx));
        const ovp_idx blocks = (t.count + BLOCK - 1) / BLOCK;
        const int blas = ovp_numeric_blas_begin();
        status = ovp_parallel(ctx, blocks, tile_task, &t);
        ovp_numeric_blas_end(blas);
        if (status != OVP_OK) goto done;
        for (ovp_idx b = 0; b < blocks && moments > 0; b++)
            add(type, moments, at(t.partial, type, b * moments), pass->moments);
    }
done:
    ovp_free(ctx, t.scratch);
    ovp_free(ctx, t.partial);
    ovp_free(ctx, rows);
    return status;
}
