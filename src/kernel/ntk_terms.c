/* Empirical NTK as a sum of products of vectors: the layers' factors, or rows of the Jacobian. Pairs of blocks of rows
 * are cut into tiles; a task computes one tile of the result in f64, from shapes alone. */
#include "kernel/kernel_int.h"

#include <string.h>

enum { MOST_TERMS = 64, TILE_ROWS = 96, PACKED = 196608 };

/* (gate_scale g_i . g_j + gate_add) (m_ia . m_jb), m of `main` values an output, g of `gate` values a sample; gate 0:
 * only the second factor. */
typedef struct term {
    ovp_idx main, gate;
    double gate_scale, gate_add;
} term;

/* The vectors of one block of rows, in the model's type. */
typedef struct side {
    void *main[MOST_TERMS], *gate[MOST_TERMS];
    ovp_idx first, rows;
} side;

typedef struct contraction {
    const ovp_kernel_job *job;
    term terms[MOST_TERMS];
    ovp_idx count;
    ovp_status (*fill)(const struct contraction *c, const ovp_net_batch *batch, ovp_idx rows, side *to);
    ovp_net_workspace *workspace;
    side sides[2];
    const side *a, *b;         /* the pair of blocks at hand */
    ovp_idx tile, depth;       /* samples of a tile, values packed at a time */
    double *scratch;           /* of every worker: accumulator, product, gate, two packed panels */
    ovp_idx panel, per_worker; /* values of a panel, of a worker's scratch */
} contraction;

/* rows x count values from column k of vectors with stride `ld`, as f64. */
static void pack(ovp_numeric_type type, const void *from, ovp_idx ld, ovp_idx k, ovp_idx rows, ovp_idx count,
                 double *to) {
    for (ovp_idx i = 0; i < rows; i++)
        if (type == OVP_F64)
            memcpy(to + i * count, (const double *)from + i * ld + k, (size_t)count * sizeof *to);
        else
            for (ovp_idx j = 0; j < count; j++) to[i * count + j] = (double)((const float *)from)[i * ld + k + j];
}

/* out (ra x rb) = a b^T, both with `values` a row. */
static void product(const contraction *c, const void *a, ovp_idx ra, const void *b, ovp_idx rb, ovp_idx values,
                    double *packed, double *out) {
    const ovp_numeric_type type = ovp_net_model_type(c->job->model);
    for (ovp_idx k = 0; k < values; k += c->depth) {
        const ovp_idx count = values - k < c->depth ? values - k : c->depth;
        pack(type, a, values, k, ra, count, packed);
        pack(type, b, values, k, rb, count, packed + c->panel);
        ovp_numeric_gemm(OVP_F64, 0, 1, ra, rb, count, 1, packed, count, packed + c->panel, count, k > 0, out, rb);
    }
}

static const char *row_of(const contraction *c, const void *values, ovp_idx row, ovp_idx each) {
    return (const char *)values + (size_t)(row * each) * ovp_numeric_type_size(ovp_net_model_type(c->job->model));
}

/* acc (rows of groups x cols of groups) += this term. */
static void add_term(const contraction *c, ovp_idx t, ovp_idx i, ovp_idx rows, ovp_idx j, ovp_idx cols, double *acc) {
    const ovp_idx groups = c->job->groups, wide = cols * groups, room = c->tile * groups * c->tile * groups;
    const ovp_idx each = c->terms[t].main * (c->job->mean ? ovp_net_model_outputs(c->job->model) : 1);
    double *main = acc + room, *gate = main + room, *packed = gate + c->tile * c->tile;
    product(c, row_of(c, c->a->main[t], i * groups, each), rows * groups, row_of(c, c->b->main[t], j * groups, each),
            wide, each, packed, main);
    if (c->terms[t].gate)
        product(c, row_of(c, c->a->gate[t], i, c->terms[t].gate), rows, row_of(c, c->b->gate[t], j, c->terms[t].gate),
                cols, c->terms[t].gate, packed, gate);
    for (ovp_idx r = 0; r < rows * groups; r++)
        for (ovp_idx s = 0; s < wide; s++) {
            const double factor =
                c->terms[t].gate ? c->terms[t].gate_scale * gate[r / groups * cols + s / groups] + c->terms[t].gate_add
                                 : 1;
            acc[r * wide + s] += factor * main[r * wide + s];
        }
}

/* Tile of the pair of blocks to its place, and to the mirrored one where X' = X. */
static ovp_status tile_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const contraction *c = arg;
    const ovp_kernel_job *job = c->job;
    const ovp_idx across = (c->b->rows + c->tile - 1) / c->tile, groups = job->groups;
    const ovp_idx i = task / across * c->tile, j = task % across * c->tile;
    if (job->symmetric && c->b->first + j < c->a->first + i) return OVP_OK;
    const ovp_idx rows = c->a->rows - i < c->tile ? c->a->rows - i : c->tile;
    const ovp_idx cols = c->b->rows - j < c->tile ? c->b->rows - j : c->tile;
    const ovp_idx ld = job->rows[1] * groups, up = (c->a->first + i) * groups, left = (c->b->first + j) * groups;
    double *acc = c->scratch + ovp_worker(worker) * c->per_worker;
    memset(acc, 0, (size_t)(rows * groups * cols * groups) * sizeof *acc);
    for (ovp_idx t = 0; t < c->count; t++) add_term(c, t, i, rows, j, cols, acc);
    const double scale = job->mean ? 1 / (double)ovp_net_model_outputs(job->model) : 1;
    for (ovp_idx r = 0; r < rows * groups; r++)
        for (ovp_idx s = 0; s < cols * groups; s++) {
            if (job->symmetric && left + s < up + r) continue;
            const double value = scale * acc[r * cols * groups + s];
            job->out[(up + r) * ld + left + s] = value;
            if (job->symmetric) job->out[(left + s) * ld + up + r] = value;
        }
    return OVP_OK;
}

static ovp_status fill_side(const contraction *c, int which, ovp_idx first, side *to) {
    const ovp_kernel_job *job = c->job;
    ovp_net_batch *batch = NULL;
    const ovp_idx left = job->rows[which] - first;
    to->first = first;
    to->rows = left < job->block ? left : job->block;
    ovp_status status = ovp_kernel_bind_rows(&batch, job, which, first, to->rows);
    if (status == OVP_OK) status = c->fill(c, batch, to->rows, to);
    ovp_net_batch_free(batch);
    return status;
}

static ovp_status all_pairs(contraction *c) {
    const ovp_kernel_job *job = c->job;
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < job->rows[0]; i += job->block) {
        OVP_TRY(fill_side(c, 0, i, &c->sides[0]));
        for (ovp_idx j = job->symmetric ? i : 0; j < job->rows[1]; j += job->block) {
            const int own = job->symmetric && i == j;
            if (!own) OVP_TRY(fill_side(c, 1, j, &c->sides[1]));
            c->a = &c->sides[0];
            c->b = own ? c->a : &c->sides[1];
            const ovp_idx down = (c->a->rows + c->tile - 1) / c->tile, across = (c->b->rows + c->tile - 1) / c->tile;
            OVP_TRY(ovp_parallel(job->ctx, down * across, tile_task, c));
        }
    }
done:
    return status;
}

/* Room for both sides' vectors and the workers, then the work. */
static ovp_status contract(contraction *c) {
    const ovp_kernel_job *job = c->job;
    const ovp_idx outputs = ovp_net_model_outputs(job->model), groups = job->groups;
    const size_t size = ovp_numeric_type_size(ovp_net_model_type(job->model));
    const int sides = job->symmetric && job->block >= job->rows[0] ? 1 : 2;
    ovp_status status = OVP_OK;
    c->tile = TILE_ROWS / groups > 1 ? TILE_ROWS / groups : 1;
    c->depth = PACKED / (c->tile * groups) > 64 ? PACKED / (c->tile * groups) : 64;
    c->panel = c->tile * groups * c->depth;
    c->per_worker = 2 * c->tile * groups * c->tile * groups + c->tile * c->tile + 2 * c->panel;
    c->per_worker = (c->per_worker + 7) / 8 * 8; /* workers do not share a cache line */
    OVP_TRY(ovp_alloc(job->ctx, &c->scratch, c->per_worker * ovp_threads(job->ctx), sizeof *c->scratch));
    for (int s = 0; s < sides; s++)
        for (ovp_idx t = 0; t < c->count; t++) {
            OVP_TRY(ovp_alloc(job->ctx, &c->sides[s].main[t], job->block * outputs * c->terms[t].main, size));
            OVP_TRY(ovp_alloc(job->ctx, &c->sides[s].gate[t], job->block * c->terms[t].gate, size));
        }
    OVP_TRY(ovp_net_workspace_create(&c->workspace, job->ctx, job->model, job->block));
    OVP_TRY(all_pairs(c));
done:
    ovp_net_workspace_free(c->workspace);
    for (int s = 0; s < 2; s++)
        for (ovp_idx t = 0; t < c->count; t++) {
            ovp_free(job->ctx, c->sides[s].main[t]);
            ovp_free(job->ctx, c->sides[s].gate[t]);
        }
    ovp_free(job->ctx, c->scratch);
    return status;
}

/* ---- the two users ---------------------------------------------------------------------------------- */

static ovp_status fill_factors(const contraction *c, const ovp_net_batch *batch, ovp_idx rows, side *to) {
    (void)rows;
    return ovp_net_factors(c->workspace, batch, c->job->theta, to->gate, to->main);
}

ovp_status ovp_kernel_ntk_factors(const ovp_kernel_job *job) {
    contraction c;
    memset(&c, 0, sizeof c);
    c.job = job;
    c.fill = fill_factors;
    ovp_idx count;
    const ovp_net_slice *slice = ovp_net_model_slices(job->model, &count);
    for (ovp_idx i = 0; i < count; i++) {
        term *t = &c.terms[slice[i].layer];
        const double squared = slice[i].multiplier * slice[i].multiplier;
        if (slice[i].role == OVP_ROLE_WEIGHT) {
            *t = (term){slice[i].fan_out, slice[i].fan_in, squared, t->gate_add};
            if (slice[i].layer >= c.count) c.count = slice[i].layer + 1;
        } else {
            t->gate_add = squared;
        }
    }
    return contract(&c);
}

static ovp_status fill_jacobian(const contraction *c, const ovp_net_batch *batch, ovp_idx rows, side *to) {
    return ovp_net_jacobian(c->workspace, batch, c->job->theta, 0, rows, to->main[0]);
}

ovp_status ovp_kernel_ntk_jacobian(const ovp_kernel_job *job) {
    contraction c;
    memset(&c, 0, sizeof c);
    c.job = job;
    c.fill = fill_jacobian;
    c.terms[0].main = ovp_net_model_parameters(job->model);
    c.count = 1;
    return contract(&c);
}
