/* The matrix of a problem: given, made once, or made in tiles of rows as they are needed. */
#include "kernel/solve_int.h"

#include <string.h>

/* Rows of a task; rows whose moments are summed apart; bytes without a wish of the caller's. */
enum { BLOCK = 64, MOST_ROWS = 4096 };
#define MEMORY ((int64_t)1 << 30)

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
    return p->gram ? ovp_kernel_check_finite(ctx, "kernel matrix", p->type, p->n, p->n, p->gram) : OVP_OK;
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
    *bytes = n * d * each; /* points as their products want them */
    if ((double)n * (double)n * (double)each <= (double)most) {
        *bytes += n * n * each + n * d * each; /* as left factors too */
        return OVP_OK;
    }
    *tile = ovp_kernel_least(ovp_kernel_least(n, MOST_ROWS), most / (d * each));
    if (*tile < 1)
        return ovp_fail(ctx, OVP_EINVAL, "%s: memory of %lld bytes; one point takes %lld", who, (long long)most,
                        (long long)(d * each));
    *bytes += 3 * *tile * d * each; /* gathered, and as left factors */
    return OVP_OK;
}

ovp_status ovp_kernel_source_open(ovp_kernel_source *source, ovp_ctx *ctx, const char *who,
                                  const ovp_kernel_problem *problem, int64_t memory) {
    ovp_status status = check_problem(ctx, who, problem);
    if (status != OVP_OK) return status;
    const ovp_idx n = problem->n, d = problem->d;
    const int64_t each = (int64_t)ovp_numeric_type_size(problem->type);
    ovp_idx tile;
    *source = (ovp_kernel_source){.problem = *problem, .matrix = problem->gram, .tile = ovp_kernel_least(n, MOST_ROWS)};
    OVP_TRY(ovp_kernel_source_plan(&tile, &source->bytes, ctx, who, problem, memory));
    if (source->matrix) return OVP_OK;
    if (tile == 0) {
        source->bytes = n * n * each;
        OVP_TRY(ovp_alloc_unset(ctx, &source->made, n * n, (size_t)each));
        OVP_TRY(ovp_kernel_gram(source->made, ctx, problem->kernel, problem->type, d, n, problem->x, 0, NULL));
        source->matrix = source->made;
        return OVP_OK;
    }
    source->tile = tile;
    OVP_TRY(ovp_kernel_side_open(&source->side, ctx, problem->kernel, problem->type, d, n, problem->x, "x"));
    OVP_TRY(ovp_alloc(ctx, &source->points, source->tile * d, (size_t)each));
done:
    return status;
}

void ovp_kernel_source_close(ovp_kernel_source *source, ovp_ctx *ctx) {
    ovp_kernel_side_close(&source->side, ctx);
    ovp_free(ctx, source->made);
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

/* ---- passes ---- */

/* Rows first .. first + count - 1 of a pass. */
typedef struct part {
    const ovp_kernel_source *source;
    const ovp_kernel_pass *pass;
    ovp_idx first, count;
    const void *rows;    /* of the matrix, count x n; NULL: those of the pass's ids, or rows are made */
    void *scratch;       /* a worker: BLOCK x (n + s), where rows are of the matrix */
    const void *columns; /* else: count x s */
    void *partial;       /* a block: c x s */
} part;

static void subtract_targets(const part *t, ovp_idx row, ovp_idx rows) {
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

/* A block whose products are there: targets, and what it adds to the moments. columns: rows x s of the matrix. */
static void finish_block(const part *t, ovp_idx task, ovp_idx rows, const void *columns) {
    const ovp_kernel_pass *pass = t->pass;
    const ovp_numeric_type type = t->source->problem.type;
    const ovp_idx c = pass->c, s = pass->s, row = t->first + task * BLOCK;
    if (pass->y) subtract_targets(t, row, rows);
    if (pass->moments)
        ovp_numeric_gemm(type, 1, 0, c, s, rows, 1, at(pass->out, type, row * c), c, columns, s, 0,
                         to(t->partial, type, task * c * s), s);
}

static ovp_status given_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const part *t = arg;
    const ovp_kernel_pass *pass = t->pass;
    const ovp_numeric_type type = t->source->problem.type;
    const ovp_idx n = t->source->problem.n, c = pass->c, s = pass->moments ? pass->s : 0;
    const ovp_idx start = task * BLOCK, rows = ovp_kernel_least(BLOCK, t->count - start), row = t->first + start;
    void *scratch = to(t->scratch, type, (ovp_idx)ovp_worker(ctx) * BLOCK * (n + s));
    void *columns = to(scratch, type, BLOCK * n);
    const void *values = scratch;
    if (t->rows)
        values = at(t->rows, type, start * n);
    else
        gather(type, n, t->source->matrix, rows, pass->ids + row, scratch);
    ovp_numeric_gemm(type, 0, 0, rows, c, n, 1, values, n, pass->w, c, 0, to(pass->out, type, row * c), c);
    if (s > 0) gather_columns(type, n, rows, values, s, pass->s_ids, columns);
    finish_block(t, task, rows, columns);
    return OVP_OK;
}

static ovp_status made_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const part *t = arg;
    (void)ctx;
    const ovp_numeric_type type = t->source->problem.type;
    finish_block(t, task, ovp_kernel_least(BLOCK, t->count - task * BLOCK),
                 t->columns ? at(t->columns, type, task * BLOCK * t->pass->s) : NULL);
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

static ovp_status run_blocks(part *t, ovp_ctx *ctx, ovp_task_fn task) {
    const ovp_kernel_pass *pass = t->pass;
    const ovp_numeric_type type = t->source->problem.type;
    const ovp_idx blocks = (t->count + BLOCK - 1) / BLOCK, moments = pass->c * pass->s;
    const int blas = ovp_numeric_blas_begin();
    const ovp_status status = ovp_parallel(ctx, blocks, task, t);
    ovp_numeric_blas_end(blas);
    for (ovp_idx b = 0; status == OVP_OK && b < blocks && pass->moments; b++)
        add(type, moments, at(t->partial, type, b * moments), pass->moments);
    return status;
}

/* Rows that are in the matrix, or given for other points. */
static ovp_status pass_given(part *t, ovp_ctx *ctx) {
    const ovp_kernel_pass *pass = t->pass;
    const ovp_numeric_type type = t->source->problem.type;
    const ovp_idx n = t->source->problem.n, s = pass->moments ? pass->s : 0, step = t->source->tile;
    const void *rows = pass->others ? pass->others : pass->ids ? NULL : t->source->matrix;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &t->scratch, (ovp_idx)ovp_threads(ctx) * BLOCK * (n + s), ovp_numeric_type_size(type)));
    for (; t->first < pass->count; t->first += step) {
        t->count = ovp_kernel_least(step, pass->count - t->first);
        t->rows = rows ? at(rows, type, t->first * n) : NULL;
        OVP_TRY(run_blocks(t, ctx, given_task));
    }
done:
    ovp_free(ctx, t->scratch);
    return status;
}

static ovp_status pass_made(part *t, ovp_ctx *ctx, const ovp_kernel_side *side) {
    const ovp_kernel_problem *p = &t->source->problem;
    const ovp_kernel_pass *pass = t->pass;
    const ovp_idx step = t->source->tile;
    ovp_kernel_columns columns = {.s = pass->s, .ids = pass->s_ids};
    ovp_status status = OVP_OK;
    if (pass->moments)
        OVP_TRY(ovp_alloc(ctx, &columns.values, ovp_kernel_least(step, pass->count) * pass->s,
                          ovp_numeric_type_size(p->type)));
    t->columns = columns.values;
    for (; t->first < pass->count; t->first += step) {
        t->count = ovp_kernel_least(step, pass->count - t->first);
        const void *points = at(pass->others ? pass->others : p->x, p->type, t->first * p->d);
        if (pass->ids && !pass->others) {
            gather(p->type, p->d, p->x, t->count, pass->ids + t->first, t->source->points);
            points = t->source->points;
        }
        OVP_TRY(ovp_kernel_side_apply(to(pass->out, p->type, t->first * pass->c), ctx, side, t->count, points, pass->c,
                                      pass->w, pass->moments ? &columns : NULL));
        if (pass->y || pass->moments) OVP_TRY(run_blocks(t, ctx, made_task));
    }
done:
    ovp_free(ctx, columns.values);
    return status;
}

int64_t ovp_kernel_source_pass_bytes(const ovp_ctx *ctx, const ovp_kernel_problem *problem, ovp_idx tile, ovp_idx count,
                                     ovp_idx c, ovp_idx s) {
    const int64_t each = (int64_t)ovp_numeric_type_size(problem->type);
    const ovp_idx step = ovp_kernel_least(tile > 0 ? tile : MOST_ROWS, count);
    const int64_t moments = (step + BLOCK - 1) / BLOCK * c * s * each;
    if (tile == 0) return moments + (int64_t)ovp_threads(ctx) * BLOCK * (problem->n + s) * each;
    return moments + step * s * each + ovp_kernel_apply_bytes(ctx, problem->type, step, problem->n, c);
}

ovp_status ovp_kernel_source_pass(const ovp_kernel_source *source, ovp_ctx *ctx, const ovp_kernel_pass *pass) {
    const ovp_kernel_problem *p = &source->problem;
    const ovp_idx moments = pass->moments ? pass->c * pass->s : 0;
    const ovp_idx blocks = (ovp_kernel_least(source->tile, pass->count) + BLOCK - 1) / BLOCK;
    const int made = p->kernel && (pass->others || !source->matrix);
    ovp_kernel_side own = {0};
    part t = {.source = source, .pass = pass};
    ovp_status status = OVP_OK;
    if (pass->count == 0) return OVP_OK;
    if (moments > 0) {
        OVP_TRY(ovp_alloc(ctx, &t.partial, blocks * moments, ovp_numeric_type_size(p->type)));
        memset(pass->moments, 0, (size_t)moments * ovp_numeric_type_size(p->type));
    }
    if (made && !source->side.kernel) /* the matrix is kept */
        OVP_TRY(ovp_kernel_side_open(&own, ctx, p->kernel, p->type, p->d, p->n, p->x, "x"));
    status = made ? pass_made(&t, ctx, own.kernel ? &own : &source->side) : pass_given(&t, ctx);
done:
    ovp_kernel_side_close(&own, ctx);
    ovp_free(ctx, t.partial);
    return status;
}
