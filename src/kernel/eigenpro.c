/* EigenPro 2: preconditioned stochastic gradient descent on kernel regression. */
#include "kernel/solve_int.h"

#include <math.h>
#include <string.h>

static const char who[] = "EigenPro";

struct ovp_kernel_eigenpro {
    ovp_ctx *ctx; /* for memory alone */
    ovp_kernel_source source;
    ovp_kernel_nystrom top;
    ovp_numeric_rng *rng, *own;
    ovp_idx c, flat;                /* flat: eigenpairs that are flattened, q - 1 */
    double step;                    /* eta / batch */
    void *y, *w;                    /* n x c */
    int64_t *ids;                   /* of an epoch */
    void *g;                        /* batch x c */
    void *moments;                  /* c x s */
    void *e, *flattened;            /* flat x s: e_i of length 1 / sqrt(s), and D_i e_i */
    void *coordinates, *correction; /* c x flat, s x c */
    ovp_kernel_eigenpro_report report;
};

static void store(ovp_numeric_type type, void *out, ovp_idx i, double value) {
    if (type == OVP_F32)
        ((float *)out)[i] = (float)value;
    else
        ((double *)out)[i] = value;
}

static double load(ovp_numeric_type type, const void *values, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

/* ---- preconditioner, batch, learning rate ---- */

/* max k(x, x) */
static double largest_diagonal(const ovp_kernel_source *source) {
    const ovp_kernel_problem *p = &source->problem;
    double most = 0;
    for (ovp_idx i = 0; i < p->n; i++)
        most = fmax(most, source->matrix ? load(p->type, source->matrix, i * p->n + i) : source->side.rows.diagonal[i]);
    return most;
}

static ovp_status choose_beta(ovp_kernel_eigenpro *t, ovp_ctx *ctx, const char *beta) {
    const ovp_idx s = t->top.s;
    if (!beta || strcmp(beta, "modern") == 0) {
        t->report.beta = largest_diagonal(&t->source);
    } else if (strcmp(beta, "early") == 0) {
        for (ovp_idx j = 0; j < s; j++) {
            double sum = 0;
            for (ovp_idx i = 0; i < t->flat; i++) sum += t->top.vectors[i * s + j] * t->top.vectors[i * s + j];
            t->report.beta = fmax(t->report.beta, 1 - sum);
        }
    } else {
        return ovp_fail(ctx, OVP_EINVAL, "%s: beta '%s'; allowed: modern, early", who, beta);
    }
    if (t->report.beta > 0) return OVP_OK;
    return ovp_fail(ctx, OVP_ENUMERIC, "%s: beta is %g; the kernel matrix has no positive diagonal", who,
                    t->report.beta);
}

static void choose_rate(ovp_kernel_eigenpro *t, const ovp_kernel_eigenpro_options *o, double alpha) {
    ovp_kernel_eigenpro_report *r = &t->report;
    const ovp_idx n = t->source.problem.n, limit = o->batch_limit && o->batch_limit < n ? o->batch_limit : n;
    r->lambda_1 = t->top.values[0];
    r->lambda_q = t->top.values[t->top.q - 1];
    r->new_top = r->lambda_1 * pow(r->lambda_q / r->lambda_1, alpha);
    const double critical = r->beta / r->new_top + 1;
    r->batch = o->batch ? o->batch : critical < (double)limit ? (ovp_idx)critical : limit;
    const double batch = (double)r->batch;
    r->eta = batch < critical ? batch / r->beta : .99 * 2 * batch / (r->beta + (batch - 1) * r->new_top);
    r->eta *= o->lr_scale > 0 ? o->lr_scale : 1;
    r->batches = n / r->batch;
    t->step = r->eta / batch;
}

static ovp_status fill_preconditioner(ovp_kernel_eigenpro *t, ovp_ctx *ctx, double alpha) {
    ovp_status status = OVP_OK;
    const ovp_numeric_type type = t->source.problem.type;
    const ovp_idx s = t->top.s;
    OVP_TRY(ovp_alloc(ctx, &t->e, t->flat * s, ovp_numeric_type_size(type)));
    OVP_TRY(ovp_alloc(ctx, &t->flattened, t->flat * s, ovp_numeric_type_size(type)));
    for (ovp_idx i = 0; i < t->flat; i++) {
        const double lambda = t->top.values[i], d = (1 - pow(t->top.values[t->flat] / lambda, alpha)) / lambda;
        for (ovp_idx j = 0; j < s; j++) {
            const double e = t->top.vectors[i * s + j] / sqrt((double)s);
            store(type, t->e, i * s + j, e);
            store(type, t->flattened, i * s + j, d * e);
        }
    }
done:
    return status;
}

/* ---- making one ---- */

static ovp_status check_options(ovp_ctx *ctx, const ovp_kernel_eigenpro_options *o, ovp_idx n, ovp_idx c) {
    if (c < 1) return ovp_fail(ctx, OVP_EINVAL, "%s: %lld outputs; 1 or more expected", who, (long long)c);
    if (o->batch < 0 || o->batch > n)
        return ovp_fail(ctx, OVP_EINVAL, "%s: batch %lld; allowed 0 (chosen) .. %lld", who, (long long)o->batch,
                        (long long)n);
    if (o->batch_limit < 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: batch limit %lld; 0 (none) or more expected", who,
                        (long long)o->batch_limit);
    if (!(o->lr_scale >= 0) || isinf(o->lr_scale))
        return ovp_fail(ctx, OVP_EINVAL, "%s: lr-scale %g; a positive number, or 0 for 1, expected", who, o->lr_scale);
    return OVP_OK;
}

ovp_status ovp_kernel_eigenpro_estimate(int64_t *bytes, ovp_ctx *ctx, const ovp_kernel_problem *problem, ovp_idx c,
                                        const ovp_kernel_eigenpro_options *options) {
    static const ovp_kernel_eigenpro_options defaults = {.size = sizeof defaults};
    const ovp_kernel_eigenpro_options *o = options ? options : &defaults;
    const ovp_kernel_nystrom_options nystrom = {o->subsample, o->top_q, problem->n, 1, NULL};
    const int64_t n = problem->n, each = (int64_t)ovp_numeric_type_size(problem->type);
    const int64_t most = o->batch ? o->batch : n; /* rows of a batch */
    ovp_idx s, tile;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_kernel_nystrom_size(&s, ctx, who, n, &nystrom));
    OVP_TRY(ovp_kernel_source_plan(&tile, bytes, ctx, who, problem, o->memory));
    *bytes += (2 * n * c + most * c + 3 * s * c) * each + n * (int64_t)sizeof(double);
    *bytes += ovp_kernel_source_pass_bytes(ctx, problem, tile, most, c, s);
    *bytes += ovp_kernel_nystrom_bytes(s, &nystrom) + 2 * s * (o->top_q ? o->top_q : ovp_kernel_least(s, 1000)) * each;
done:
    return status;
}

/* Before anything is made. */
static ovp_status check_memory(ovp_ctx *ctx, const ovp_kernel_problem *problem, ovp_idx c,
                               const ovp_kernel_eigenpro_options *o) {
    int64_t need;
    if (o->most_memory < 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: most memory %lld bytes; 0 (no limit) or more expected", who,
                        (long long)o->most_memory);
    if (o->most_memory == 0) return OVP_OK;
    const ovp_status status = ovp_kernel_eigenpro_estimate(&need, ctx, problem, c, o);
    if (status != OVP_OK || need <= o->most_memory) return status;
    return ovp_fail(
        ctx, OVP_EINVAL,
        "%s: %lld points take about %lld bytes and %lld are allowed; give less memory for rows (now %lld), a "
        "smaller subsample, or fewer points",
        who, (long long)problem->n, (long long)need, (long long)o->most_memory, (long long)o->memory);
}

static ovp_status make_buffers(ovp_kernel_eigenpro *t, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const ovp_idx n = t->source.problem.n, s = t->top.s, c = t->c, batch = t->report.batch;
    const size_t each = ovp_numeric_type_size(t->source.problem.type);
    OVP_TRY(ovp_alloc(ctx, &t->y, n * c, each));
    OVP_TRY(ovp_alloc(ctx, &t->w, n * c, each));
    OVP_TRY(ovp_alloc(ctx, &t->ids, n, sizeof *t->ids));
    OVP_TRY(ovp_alloc(ctx, &t->g, batch * c, each));
    OVP_TRY(ovp_alloc(ctx, &t->moments, c * s, each));
    OVP_TRY(ovp_alloc(ctx, &t->coordinates, c * t->flat, each));
    OVP_TRY(ovp_alloc(ctx, &t->correction, s * c, each));
    t->report.bytes = t->source.bytes + (2 * n * c + batch * c + 2 * s * c + 2 * t->flat * s) * (int64_t)each +
                      (t->top.q * s + n) * (int64_t)sizeof(double);
done:
    return status;
}

ovp_status ovp_kernel_eigenpro_create(ovp_kernel_eigenpro **out, ovp_ctx *ctx, const ovp_kernel_problem *problem,
                                      ovp_idx c, const void *y, const ovp_kernel_eigenpro_options *options) {
    static const ovp_kernel_eigenpro_options defaults = {.size = sizeof defaults};
    const ovp_kernel_eigenpro_options *o = options ? options : &defaults;
    ovp_status status = OVP_OK;
    ovp_kernel_eigenpro *t = NULL;
    double alpha = o->alpha;
    *out = NULL;
    OVP_TRY(check_options(ctx, o, problem->n, c));
    OVP_TRY(ovp_kernel_nystrom_alpha(&alpha, ctx, who));
    OVP_TRY(check_memory(ctx, problem, c, o));
    OVP_TRY(ovp_alloc(ctx, &t, 1, sizeof *t));
    t->ctx = ctx;
    t->c = c;
    OVP_TRY(ovp_kernel_source_open(&t->source, ctx, who, problem, o->memory));
    if (!o->rng) OVP_TRY(ovp_numeric_rng_create(&t->own, ctx, OVP_RNG_PHILOX, o->seed, OVP_PURPOSE_BATCH, 0));
    t->rng = o->rng ? o->rng : t->own;
    const ovp_kernel_nystrom_options nystrom = {o->subsample, o->top_q, o->batch_limit ? o->batch_limit : problem->n,
                                                alpha, t->rng};
    OVP_TRY(ovp_kernel_nystrom_make(&t->top, ctx, who, &t->source, &nystrom));
    t->flat = t->top.q - 1;
    OVP_TRY(choose_beta(t, ctx, o->beta));
    choose_rate(t, o, alpha);
    OVP_TRY(fill_preconditioner(t, ctx, alpha));
    OVP_TRY(make_buffers(t, ctx));
    t->report.subsample = t->top.s;
    t->report.top_q = t->top.q;
    t->report.stored = t->source.matrix != NULL;
    OVP_TRY(ovp_kernel_eigenpro_restart(t, ctx, y));
    *out = t;
    t = NULL;
done:
    ovp_kernel_eigenpro_free(t);
    return status;
}

void ovp_kernel_eigenpro_free(ovp_kernel_eigenpro *solver) {
    if (!solver) return;
    void *const owned[] = {solver->y, solver->w,         solver->ids,         solver->g,         solver->moments,
                           solver->e, solver->flattened, solver->coordinates, solver->correction};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) ovp_free(solver->ctx, owned[i]);
    ovp_kernel_source_close(&solver->source, solver->ctx);
    ovp_kernel_nystrom_free(&solver->top, solver->ctx);
    ovp_numeric_rng_free(solver->own);
    ovp_free(solver->ctx, solver);
}

const ovp_kernel_eigenpro_report *ovp_kernel_eigenpro_get_report(const ovp_kernel_eigenpro *solver) {
    return &solver->report;
}

const void *ovp_kernel_eigenpro_weights(const ovp_kernel_eigenpro *solver) {
    return solver->w;
}

ovp_status ovp_kernel_eigenpro_restart(ovp_kernel_eigenpro *solver, ovp_ctx *ctx, const void *y) {
    const ovp_kernel_problem *p = &solver->source.problem;
    const size_t bytes = (size_t)(p->n * solver->c) * ovp_numeric_type_size(p->type);
    if (y) {
        const ovp_status status = ovp_kernel_check_finite(ctx, "targets", p->type, p->n, solver->c, y);
        if (status != OVP_OK) return status;
        memcpy(solver->y, y, bytes);
    }
    memset(solver->w, 0, bytes);
    solver->report.epochs = 0;
    return OVP_OK;
}

/* ---- epochs ---- */

/* W_ids -= step from, or += : from's rows in the order of ids. */
static void add_rows(ovp_numeric_type type, ovp_idx c, ovp_idx count, const int64_t *ids, double scale,
                     const void *from, void *w) {
    for (ovp_idx i = 0; i < count; i++)
        for (ovp_idx j = 0; j < c; j++) {
            const ovp_idx k = ids[i] * c + j;
            if (type == OVP_F32)
                ((float *)w)[k] += (float)scale * ((const float *)from)[i * c + j];
            else
                ((double *)w)[k] += scale * ((const double *)from)[i * c + j];
        }
}

static ovp_status take_batch(ovp_kernel_eigenpro *t, ovp_ctx *ctx, const int64_t *ids) {
    ovp_status status = OVP_OK;
    const ovp_numeric_type type = t->source.problem.type;
    const ovp_idx c = t->c, s = t->top.s, flat = t->flat;
    const ovp_kernel_pass pass = {.count = t->report.batch,
                                  .c = c,
                                  .ids = ids,
                                  .w = t->w,
                                  .y = t->y,
                                  .out = t->g,
                                  .s = s,
                                  .s_ids = t->top.ids,
                                  .moments = flat > 0 ? t->moments : NULL};
    OVP_TRY(ovp_kernel_source_pass(&t->source, ctx, &pass));
    add_rows(type, c, t->report.batch, ids, -t->step, t->g, t->w);
    if (flat == 0) goto done;
    ovp_numeric_gemm(type, 0, 1, c, flat, s, 1, t->moments, s, t->e, s, 0, t->coordinates, flat);
    ovp_numeric_gemm(type, 1, 1, s, c, flat, 1, t->flattened, s, t->coordinates, flat, 0, t->correction, c);
    add_rows(type, c, s, t->top.ids, t->step, t->correction, t->w);
done:
    return status;
}

ovp_status ovp_kernel_eigenpro_epoch(ovp_kernel_eigenpro *solver, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    ovp_kernel_eigenpro *t = solver;
    const ovp_idx n = t->source.problem.n, batch = t->report.batch, count = t->report.batches * batch;
    OVP_TRY(ovp_numeric_numpy_choice(t->rng, n, count, 0, NULL, t->ids));
    for (ovp_idx b = 0; b < count; b += batch) {
        OVP_TRY(ovp_check(ctx));
        OVP_TRY(take_batch(t, ctx, t->ids + b));
    }
    t->report.epochs++;
    for (ovp_idx i = 0; i < n * t->c; i++) {
        if (isfinite(load(t->source.problem.type, t->w, i))) continue;
        status =
            ovp_fail(ctx, OVP_ENUMERIC, "%s: the weights overflow in epoch %lld; eta is %g: give a smaller lr-scale",
                     who, (long long)t->report.epochs, t->report.eta);
        goto done;
    }
done:
    return status;
}

ovp_status ovp_kernel_eigenpro_fit(void *f, ovp_kernel_eigenpro *solver, ovp_ctx *ctx, ovp_idx count,
                                   const int64_t *ids) {
    const ovp_idx n = solver->source.problem.n;
    if (count < 0 || (!ids && count != n))
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld training points of %lld", who, (long long)count, (long long)n);
    for (ovp_idx i = 0; ids && i < count; i++)
        if (ids[i] < 0 || ids[i] >= n)
            return ovp_fail(ctx, OVP_EINVAL, "%s: training point %lld; allowed 0..%lld", who, (long long)ids[i],
                            (long long)(n - 1));
    const ovp_kernel_pass pass = {.count = count, .c = solver->c, .ids = ids, .w = solver->w, .out = f};
    return ovp_kernel_source_pass(&solver->source, ctx, &pass);
}

ovp_status ovp_kernel_eigenpro_predict(void *f, ovp_kernel_eigenpro *solver, ovp_ctx *ctx, ovp_idx rows,
                                       const void *x) {
    const ovp_kernel_problem *p = &solver->source.problem;
    if (rows < 0) return ovp_fail(ctx, OVP_EINVAL, "%s: %lld points; 0 or more expected", who, (long long)rows);
    const ovp_status status = ovp_kernel_check_finite(ctx, p->gram ? "kernel matrix of other points" : "points",
                                                      p->type, rows, p->gram ? p->n : p->d, x);
    if (status != OVP_OK) return status;
    const ovp_kernel_pass pass = {.count = rows, .c = solver->c, .others = x, .w = solver->w, .out = f};
    return ovp_kernel_source_pass(&solver->source, ctx, &pass);
}

static ovp_idx largest_place(ovp_numeric_type type, ovp_idx c, const void *values, ovp_idx row) {
    ovp_idx best = 0;
    if (c == 1) return load(type, values, row) > 0;
    for (ovp_idx j = 1; j < c; j++)
        if (load(type, values, row * c + j) > load(type, values, row * c + best)) best = j;
    return best;
}

void ovp_kernel_score(double *mse, double *error, ovp_numeric_type type, ovp_idx rows, ovp_idx c, const void *f,
                      const void *y) {
    double sum = 0;
    ovp_idx wrong = 0;
    for (ovp_idx i = 0; i < rows * c; i++) {
        const double gap = load(type, f, i) - load(type, y, i);
        sum += gap * gap;
    }
    for (ovp_idx i = 0; i < rows; i++) wrong += largest_place(type, c, f, i) != largest_place(type, c, y, i);
    if (mse) *mse = sum / (double)(rows * c);
    if (error) *error = (double)wrong / (double)rows;
}
