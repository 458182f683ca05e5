/* label-noise: the fits. All draws and levels of a seed are columns of one right-hand side: they share the
 * factorisation, EigenPro's preconditioner and its batches. */
#include "label_noise_int.h"

#include <stdio.h>
#include <string.h>

const char *const noise_solver_names[NOISE_SOLVERS] = {"direct", "eigenpro", "eigenpro-modern"};

/* ---- once ---------------------------------------------------------------------------------------------- */

static int64_t memory_limit(const noise_lab *lab) {
    return ovp_params_int(lab->params, "memory") << 20;
}

/* A copy in the run's type. */
static ovp_status convert(void **out, const noise_lab *lab, ovp_idx count, const double *from) {
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(lab->ctx, out, count, ovp_numeric_type_size(lab->type)));
    if (lab->type == OVP_F64) memcpy(*out, from, (size_t)count * sizeof *from);
    for (ovp_idx i = 0; lab->type == OVP_F32 && i < count; i++) ((float *)*out)[i] = (float)from[i];
done:
    return status;
}

static void widen(const noise_lab *lab, ovp_idx count, const void *from, double *to) {
    if (lab->type == OVP_F64) memcpy(to, from, (size_t)count * sizeof *to);
    for (ovp_idx i = 0; lab->type == OVP_F32 && i < count; i++) to[i] = (double)((const float *)from)[i];
}

static ovp_status make_kernel(noise_lab *lab) {
    const ovp_params *p = lab->params;
    const ovp_kernel_options options = {.size = sizeof options,
                                        .name = ovp_params_text(p, "kernel"),
                                        .bandwidth = ovp_params_real(p, "bandwidth"),
                                        .gamma = ovp_params_real(p, "gamma"),
                                        .activation = "relu",
                                        .depth = ovp_params_int(p, "depth"),
                                        .convention = "unit-sphere"};
    return ovp_kernel_create(&lab->kernel, lab->ctx, &options);
}

static void tell(const noise_lab *lab, const char *stage, ovp_idx done, ovp_idx total) {
    ovp_run_progress(lab->run, &(ovp_progress){.stage = stage, .unit = "steps", .done = done, .total = total});
}

ovp_status noise_solve_prepare(noise_lab *lab) {
    ovp_status status = OVP_OK;
    const princeton_images *im = &lab->images;
    OVP_TRY(convert(&lab->x, lab, im->n * im->d, im->x));
    OVP_TRY(convert(&lab->x_test, lab, im->n_test * im->d, im->x_test));
    OVP_TRY(make_kernel(lab));
    if (!lab->uses[NOISE_DIRECT]) goto done;
    const double start = ovp_seconds();
    OVP_TRY(ovp_alloc_unset(lab->ctx, &lab->gram, im->n * im->n, sizeof *lab->gram));
    tell(lab, "factorisation", 0, 3);
    OVP_TRY(ovp_kernel_gram(lab->gram, lab->ctx, lab->kernel, OVP_F64, im->d, im->n, im->x, im->n, NULL));
    tell(lab, "factorisation", 1, 3);
    OVP_TRY(ovp_kernel_solver_create(&lab->direct, lab->ctx, im->n, lab->gram,
                                     &(ovp_kernel_solver_options){.size = sizeof(ovp_kernel_solver_options)}));
    ovp_kernel_solver_set_refinement(lab->direct, 0);
    tell(lab, "factorisation", 2, 3);
    OVP_TRY(noise_theory_traces(&lab->trace, &lab->trace_square, lab->ctx, lab->direct, im->n));
    tell(lab, "factorisation", 3, 3);
    OVP_TRY(ovp_run_row(lab->run, "timings",
                        (const ovp_store_cell[]){ovp_cell_null(), ovp_cell_text("factorisation"),
                                                 ovp_cell_real(ovp_seconds() - start)}));
    const ovp_kernel_solver_report *report = ovp_kernel_solver_get_report(lab->direct);
    if (strcmp(report->method, "cholesky") != 0)
        OVP_TRY(ovp_run_warning(lab->run,
                                "the Gram matrix is not positive definite to rounding (condition %.3g); direct solver: "
                                "%s, jitter %.3g, %lld directions dropped",
                                report->condition, report->method, report->jitter, (long long)report->dropped));
done:
    return status;
}

/* ---- labels and measures ------------------------------------------------------------------------------- */

/* Labels of a level, and how many were selected and are wrong. label: count values. */
static void corrupt(int32_t *label, ovp_idx *selected, ovp_idx *wrong, ovp_idx count, double p, const int32_t *truth,
                    const double *u, const int64_t *random) {
    *selected = *wrong = 0;
    for (ovp_idx i = 0; i < count; i++) {
        const int flip = u && u[i] < p;
        label[i] = flip ? (int32_t)random[i] : truth[i];
        *selected += flip;
        *wrong += label[i] != truth[i];
    }
}

typedef struct measures {
    double error, mse;
} measures;

/* f: rows x classes (row stride); ids: whose label belongs to a row, NULL: its own. */
static measures measure(ovp_idx rows, ovp_idx classes, const double *f, ovp_idx stride, const int32_t *label,
                        const int64_t *ids) {
    double square = 0;
    ovp_idx wrong = 0;
    for (ovp_idx i = 0; i < rows; i++) {
        const double *row = f + i * stride;
        const int32_t truth = label[ids ? ids[i] : i];
        ovp_idx best = 0;
        for (ovp_idx c = 0; c < classes; c++) {
            const double off = row[c] - (c == truth);
            square += off * off;
            if (row[c] > row[best]) best = c;
        }
        wrong += best != truth;
    }
    return (measures){(double)wrong / (double)rows, square / (double)(rows * classes)};
}

/* The outputs of all columns of a solver. */
typedef struct outputs {
    noise_solver solver;
    ovp_idx stride, first; /* values a row; column of the first draw's first level */
    const double *train, *test;
    ovp_idx train_count;
    const int64_t *ids; /* of the training rows, NULL: all in order */
} outputs;

static ovp_status report(noise_lab *lab, const noise_row *row) {
    ovp_status status = OVP_OK;
    const ovp_store_cell cells[] = {
        ovp_cell_real(row->p),
        ovp_cell_int(row->seed),
        ovp_cell_int(row->member),
        ovp_cell_text(noise_solver_names[row->solver]),
        ovp_cell_int(row->corrupted),
        ovp_cell_real(row->train_error),
        ovp_cell_real(row->test_error),
        ovp_cell_real(row->train_mse),
        ovp_cell_real(row->test_mse),
        ovp_cell_real((double)row->wrong / (double)lab->images.n),
        ovp_cell_real(row->theory_error),
        ovp_cell_real(row->theory_mse),
    };
    OVP_TRY(ovp_run_row(lab->run, "noise", cells));
    lab->rows[lab->count++] = *row;
done:
    return status;
}

/* Theory speaks of clean test labels. */
static double predicted(const noise_lab *lab, const double *of_levels, ovp_idx level) {
    return lab->uses[NOISE_DIRECT] && !lab->corrupt_test ? of_levels[level] : (double)NAN;
}

static ovp_status report_all(noise_lab *lab, int64_t seed, const noise_draw *draws, const outputs *o) {
    ovp_status status = OVP_OK;
    const princeton_images *im = &lab->images;
    int32_t *label = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &label, im->n + im->n_test, sizeof *label));
    int32_t *label_test = label + im->n;
    for (ovp_idx k = 0; k < lab->draws; k++)
        for (ovp_idx l = 0; l < lab->level_count; l++) {
            const ovp_idx column = o->first + (k * lab->level_count + l) * im->classes;
            const double p = lab->levels[l];
            noise_row row = {.p = p, .seed = seed, .member = k, .solver = o->solver};
            ovp_idx selected, wrong;
            corrupt(label_test, &selected, &wrong, im->n_test, p, im->label_test, draws[k].u_test, draws[k].label_test);
            corrupt(label, &row.corrupted, &row.wrong, im->n, p, im->label, draws[k].u, draws[k].label);
            const measures train = measure(o->train_count, im->classes, o->train + column, o->stride, label, o->ids);
            const measures test = measure(im->n_test, im->classes, o->test + column, o->stride, label_test, NULL);
            row.train_error = train.error;
            row.train_mse = train.mse;
            row.test_error = test.error;
            row.test_mse = test.mse;
            row.theory_error = predicted(lab, lab->theory_error, l);
            row.theory_mse = predicted(lab, lab->theory_mse, l);
            OVP_TRY(report(lab, &row));
        }
done:
    ovp_free(lab->ctx, label);
    return status;
}

/* One-hot labels of all draws and levels from column `first` on; y: n x stride, zeroed. */
static ovp_status fill_targets(const noise_lab *lab, const noise_draw *draws, double *y, ovp_idx stride,
                               ovp_idx first) {
    ovp_status status = OVP_OK;
    const princeton_images *im = &lab->images;
    int32_t *label = NULL;
    ovp_idx selected, wrong;
    OVP_TRY(ovp_alloc(lab->ctx, &label, im->n, sizeof *label));
    for (ovp_idx k = 0; k < lab->draws; k++)
        for (ovp_idx l = 0; l < lab->level_count; l++) {
            const ovp_idx column = first + (k * lab->level_count + l) * im->classes;
            corrupt(label, &selected, &wrong, im->n, lab->levels[l], im->label, draws[k].u, draws[k].label);
            for (ovp_idx i = 0; i < im->n; i++) y[i * stride + column + label[i]] = 1;
        }
done:
    ovp_free(lab->ctx, label);
    return status;
}

/* ---- direct -------------------------------------------------------------------------------------------- */

/* Rows of K W, K in f64: what the interpolation leaves is rounding, so it has to be seen in f64. */
typedef struct product {
    const double *k, *w;
    double *out;
    ovp_idx n, columns;
} product;
enum { PRODUCT_ROWS = 64 };

static ovp_status product_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const product *p = arg;
    const ovp_idx row = task * PRODUCT_ROWS, rows = p->n - row < PRODUCT_ROWS ? p->n - row : PRODUCT_ROWS;
    (void)ctx;
    ovp_numeric_gemm(OVP_F64, 0, 0, rows, p->columns, p->n, 1, p->k + row * p->n, p->n, p->w, p->columns, 0,
                     p->out + row * p->columns, p->columns);
    return OVP_OK;
}

static ovp_status predict_train(const noise_lab *lab, const double *w, ovp_idx columns, double *out) {
    product p = {lab->gram, w, out, lab->images.n, columns};
    const int blas = ovp_numeric_blas_begin();
    const ovp_status status = ovp_parallel(lab->ctx, (p.n + PRODUCT_ROWS - 1) / PRODUCT_ROWS, product_task, &p);
    ovp_numeric_blas_end(blas);
    return status;
}

static ovp_status predict_test(const noise_lab *lab, const double *w, ovp_idx columns, double *out) {
    ovp_status status = OVP_OK;
    const princeton_images *im = &lab->images;
    void *w_typed = NULL, *f = NULL;
    OVP_TRY(convert(&w_typed, lab, im->n * columns, w));
    OVP_TRY(ovp_alloc(lab->ctx, &f, im->n_test * columns, ovp_numeric_type_size(lab->type)));
    OVP_TRY(ovp_kernel_apply(f, lab->ctx, lab->kernel, lab->type, im->d, im->n_test, lab->x_test, im->n, lab->x,
                             columns, w_typed, memory_limit(lab)));
    widen(lab, im->n_test * columns, f, out);
done:
    ovp_free(lab->ctx, f);
    ovp_free(lab->ctx, w_typed);
    return status;
}

/* From the clean fit, the first columns of w and test. */
static ovp_status predict_theory(noise_lab *lab, const double *w, const double *test, ovp_idx stride) {
    ovp_status status = OVP_OK;
    const princeton_images *im = &lab->images;
    noise_theory theory;
    noise_theory_get(&theory, im->n, im->classes, im->target, w, stride, lab->trace, lab->trace_square);
    for (ovp_idx l = 0; l < lab->level_count; l++) {
        lab->theory_mse[l] = noise_theory_mse(&theory, lab->levels[l]);
        OVP_TRY(noise_theory_error(&lab->theory_error[l], lab->ctx, &theory, lab->levels[l], im->n_test, test, stride,
                                   im->label_test));
    }
done:
    return status;
}

static ovp_status solve_direct(noise_lab *lab, int64_t seed, const noise_draw *draws) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const princeton_images *im = &lab->images;
    const ovp_idx columns = im->classes + noise_columns(lab); /* the clean labels first, for theory */
    double *y = NULL, *train = NULL, *test = NULL;
    OVP_TRY(ovp_alloc(ctx, &y, im->n * columns, sizeof *y));
    OVP_TRY(ovp_alloc(ctx, &train, im->n * columns, sizeof *train));
    OVP_TRY(ovp_alloc(ctx, &test, im->n_test * columns, sizeof *test));
    for (ovp_idx i = 0; i < im->n; i++) y[i * columns + im->label[i]] = 1;
    OVP_TRY(fill_targets(lab, draws, y, columns, im->classes));
    tell(lab, "direct", 0, 3);
    OVP_TRY(ovp_kernel_solve(lab->direct, ctx, columns, y, y));
    tell(lab, "direct", 1, 3);
    OVP_TRY(predict_train(lab, y, columns, train));
    tell(lab, "direct", 2, 3);
    OVP_TRY(predict_test(lab, y, columns, test));
    tell(lab, "direct", 3, 3);
    if (lab->count == 0) OVP_TRY(predict_theory(lab, y, test, columns));
    OVP_TRY(report_all(lab, seed, draws, &(outputs){NOISE_DIRECT, columns, im->classes, train, test, im->n, NULL}));
done:
    ovp_free(ctx, test);
    ovp_free(ctx, train);
    ovp_free(ctx, y);
    return status;
}

/* ---- EigenPro ------------------------------------------------------------------------------------------ */

static ovp_status make_eigenpro(ovp_kernel_eigenpro **out, const noise_lab *lab, noise_solver solver,
                                const ovp_kernel_problem *problem, const void *y, ovp_numeric_rng *rng,
                                double lr_scale) {
    const ovp_params *p = lab->params;
    const ovp_kernel_eigenpro_options options = {.size = sizeof options,
                                                 .subsample = ovp_params_int(p, "subsample"),
                                                 .top_q = ovp_params_int(p, "top-q"),
                                                 .beta = solver == NOISE_EIGENPRO ? "early" : "modern",
                                                 .batch = ovp_params_int(p, "batch"),
                                                 .lr_scale = lr_scale,
                                                 .memory = memory_limit(lab),
                                                 .rng = rng};
    return ovp_kernel_eigenpro_create(out, lab->ctx, problem, noise_columns(lab), y, &options);
}

/* As published: the stream is seeded, draws the subsample, is seeded again and goes on. --lr: made a second time, as
 * only the first tells what its scale has to be. */
static ovp_status start_eigenpro(ovp_kernel_eigenpro **out, noise_lab *lab, noise_solver solver, int64_t seed,
                                 const ovp_kernel_problem *problem, const void *y, ovp_numeric_rng **rng) {
    ovp_status status = OVP_OK;
    const double lr = ovp_params_real(lab->params, "lr"), scale = ovp_params_real(lab->params, "lr-scale");
    OVP_TRY(study_stream(rng, lab->run, seed, OVP_PURPOSE_BATCH, 0));
    OVP_TRY(make_eigenpro(out, lab, solver, problem, y, *rng, scale));
    if (lr > 0) {
        const double eta = ovp_kernel_eigenpro_get_report(*out)->eta;
        ovp_kernel_eigenpro_free(*out);
        *out = NULL;
        OVP_TRY(ovp_numeric_rng_seed(*rng, seed));
        OVP_TRY(make_eigenpro(out, lab, solver, problem, y, *rng, scale * scale * lr / eta));
    }
    if (ovp_numeric_rng_get_kind(*rng) == OVP_RNG_NUMPY) OVP_TRY(ovp_numeric_rng_seed(*rng, seed));
done:
    return status;
}

static ovp_status report_solver(noise_lab *lab, noise_solver solver, int64_t seed,
                                const ovp_kernel_eigenpro_report *r) {
    ovp_status status = OVP_OK;
    for (ovp_idx l = 0; l < lab->level_count; l++)
        OVP_TRY(ovp_run_row(lab->run, "solver",
                            (const ovp_store_cell[]){ovp_cell_real(lab->levels[l]), ovp_cell_int(r->subsample),
                                                     ovp_cell_real(r->lambda_1), ovp_cell_int(r->top_q),
                                                     ovp_cell_real(r->new_top), ovp_cell_real(r->eta),
                                                     ovp_cell_int(r->batch), ovp_cell_real(r->beta), ovp_cell_int(seed),
                                                     ovp_cell_text(noise_solver_names[solver])}));
    if (seed == lab->seeds[0]) lab->reports[solver] = *r;
done:
    return status;
}

static ovp_status epochs(noise_lab *lab, noise_solver solver, int64_t seed, ovp_kernel_eigenpro *fit) {
    ovp_status status = OVP_OK;
    const ovp_idx total = ovp_params_int(lab->params, "epochs");
    char stage[64];
    snprintf(stage, sizeof stage, "%s seed %lld", noise_solver_names[solver], (long long)seed);
    for (ovp_idx k = 0; k < total; k++) {
        OVP_TRY(ovp_kernel_eigenpro_epoch(fit, lab->ctx));
        ovp_run_progress(lab->run, &(ovp_progress){.stage = stage, .unit = "epochs", .done = k + 1, .total = total});
    }
done:
    return status;
}

static ovp_status solve_eigenpro(noise_lab *lab, noise_solver solver, int64_t seed, const noise_draw *draws) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const princeton_images *im = &lab->images;
    const ovp_idx columns = noise_columns(lab), asked = ovp_params_int(lab->params, "train-eval"),
                  kept = asked > 0 ? asked : im->n, rows = im->n > im->n_test ? im->n : im->n_test;
    const ovp_kernel_problem problem = {
        .size = sizeof problem, .type = lab->type, .n = im->n, .d = im->d, .kernel = lab->kernel, .x = lab->x};
    ovp_kernel_eigenpro *fit = NULL;
    ovp_numeric_rng *rng = NULL;
    double *train = NULL, *test = NULL;
    void *y = NULL, *f = NULL;
    int64_t *ids = NULL;
    OVP_TRY(ovp_alloc(ctx, &train, im->n * columns, sizeof *train));
    OVP_TRY(ovp_alloc(ctx, &test, im->n_test * columns, sizeof *test));
    OVP_TRY(ovp_alloc(ctx, &f, rows * columns, ovp_numeric_type_size(lab->type)));
    OVP_TRY(ovp_alloc(ctx, &ids, kept, sizeof *ids));
    OVP_TRY(fill_targets(lab, draws, train, columns, 0));
    OVP_TRY(convert(&y, lab, im->n * columns, train));
    OVP_TRY(start_eigenpro(&fit, lab, solver, seed, &problem, y, &rng));
    OVP_TRY(report_solver(lab, solver, seed, ovp_kernel_eigenpro_get_report(fit)));
    OVP_TRY(ovp_numeric_numpy_choice(rng, im->n, kept, 0, NULL, ids));
    OVP_TRY(epochs(lab, solver, seed, fit));
    OVP_TRY(ovp_kernel_eigenpro_fit(f, fit, ctx, kept, ids));
    widen(lab, kept * columns, f, train);
    OVP_TRY(ovp_kernel_eigenpro_predict(f, fit, ctx, im->n_test, lab->x_test));
    widen(lab, im->n_test * columns, f, test);
    OVP_TRY(report_all(lab, seed, draws, &(outputs){solver, columns, 0, train, test, kept, ids}));
done:
    ovp_kernel_eigenpro_free(fit);
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, ids);
    ovp_free(ctx, f);
    ovp_free(ctx, y);
    ovp_free(ctx, test);
    ovp_free(ctx, train);
    return status;
}

/* ---- a seed -------------------------------------------------------------------------------------------- */

ovp_status noise_solve_seed(noise_lab *lab, int64_t seed) {
    ovp_status status = OVP_OK;
    const princeton_images *im = &lab->images;
    noise_draw *draws = NULL;
    OVP_TRY(ovp_check(lab->ctx));
    OVP_TRY(ovp_alloc(lab->ctx, &draws, lab->draws, sizeof *draws));
    OVP_TRY(noise_draws_make(draws, lab->run, seed, lab->draws, im->n, im->n_test, im->classes,
                             ovp_params_int(lab->params, "epochs"), lab->corrupt_test));
    for (int s = 0; s < NOISE_SOLVERS; s++) {
        const double start = ovp_seconds();
        if (!lab->uses[s]) continue;
        OVP_TRY(s == NOISE_DIRECT ? solve_direct(lab, seed, draws) : solve_eigenpro(lab, (noise_solver)s, seed, draws));
        OVP_TRY(ovp_run_row(lab->run, "timings",
                            (const ovp_store_cell[]){ovp_cell_int(seed), ovp_cell_text(noise_solver_names[s]),
                                                     ovp_cell_real(ovp_seconds() - start)}));
    }
done:
    noise_draws_free(lab->ctx, draws, lab->draws);
    return status;
}
