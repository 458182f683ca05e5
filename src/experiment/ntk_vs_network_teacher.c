/* ntk-vs-network: points on the sphere with a linear teacher, the tutorial's nets and their kernels. */
#include "ntk_vs_network_int.h"

#include <stdio.h>
#include <string.h>

/* ---- the problem of one seed --------------------------------------------------------------------- */

typedef struct problem {
    ntk_lab *lab;
    int64_t seed;
    ovp_idx d;
    double *x, *x_test, *y, *y_test;
    double *kernel, *kernel_test; /* closed form: n x n, n_test x n */
    ovp_kernel_solver *solver;    /* of kernel */
    ovp_net_targets targets;
} problem;

static void free_problem(problem *p) {
    ovp_ctx *ctx = p->lab->ctx;
    double *const all[] = {p->x, p->x_test, p->y, p->y_test, p->kernel, p->kernel_test};
    ovp_kernel_solver_free(p->solver);
    for (ovp_idx i = 0; i < COUNT(all); i++) ovp_free(ctx, all[i]);
}

static void normalise(double *x, ovp_idx rows, ovp_idx d) {
    for (ovp_idx i = 0; i < rows; i++) {
        double square = 0;
        for (ovp_idx j = 0; j < d; j++) square += x[i * d + j] * x[i * d + j];
        for (ovp_idx j = 0; j < d; j++) x[i * d + j] /= sqrt(square);
    }
}

static void teach(double *y, const double *x, const double *w, ovp_idx rows, ovp_idx d) {
    for (ovp_idx i = 0; i < rows; i++)
        for (ovp_idx j = 0; j < d; j++) y[i] += w[j] * x[i * d + j];
}

/* X, X_test, w in this order; numpy's stream under --rng torch. */
static ovp_status draw_data(problem *p) {
    const ntk_lab *lab = p->lab;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    double *w = NULL;
    const int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    OVP_TRY(ovp_numeric_rng_create(&rng, ctx, torch ? OVP_RNG_NUMPY : OVP_RNG_PHILOX,
                                   ovp_run_data_seed(lab->run, p->seed), OVP_PURPOSE_DATA, 0));
    OVP_TRY(ovp_alloc(ctx, &p->x, lab->n * p->d, sizeof *p->x));
    OVP_TRY(ovp_alloc(ctx, &p->x_test, lab->n_test * p->d, sizeof *p->x));
    OVP_TRY(ovp_alloc(ctx, &p->y, lab->n, sizeof *p->y));
    OVP_TRY(ovp_alloc(ctx, &p->y_test, lab->n_test, sizeof *p->y));
    OVP_TRY(ovp_alloc(ctx, &w, p->d, sizeof *w));
    ovp_numeric_rng_normal(rng, OVP_F64, lab->n * p->d, 0, 1, p->x);
    ovp_numeric_rng_normal(rng, OVP_F64, lab->n_test * p->d, 0, 1, p->x_test);
    ovp_numeric_rng_normal(rng, OVP_F64, p->d, 0, 1, w);
    normalise(p->x, lab->n, p->d);
    normalise(p->x_test, lab->n_test, p->d);
    teach(p->y, p->x, w, lab->n, p->d);
    teach(p->y_test, p->x_test, w, lab->n_test, p->d);
    p->targets = (ovp_net_targets){.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_MEAN, .values = p->y};
done:
    ovp_free(ctx, w);
    ovp_numeric_rng_free(rng);
    return status;
}

static ovp_status make_solver(ovp_kernel_solver **out, const ntk_lab *lab, const double *kernel) {
    const ovp_kernel_solver_options options = {.size = sizeof options};
    return ovp_kernel_solver_create(out, lab->ctx, lab->n, kernel, &options);
}

static ovp_status make_problem(problem *p) {
    const ntk_lab *lab = p->lab;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    ovp_kernel *closed = NULL;
    OVP_TRY(draw_data(p));
    OVP_TRY(princeton_kernel_create(&closed, ctx));
    OVP_TRY(ovp_alloc(ctx, &p->kernel, lab->n * lab->n, sizeof *p->kernel));
    OVP_TRY(ovp_alloc(ctx, &p->kernel_test, lab->n_test * lab->n, sizeof *p->kernel));
    OVP_TRY(ovp_kernel_gram(p->kernel, ctx, closed, OVP_F64, p->d, lab->n, p->x, 0, NULL));
    OVP_TRY(ovp_kernel_gram(p->kernel_test, ctx, closed, OVP_F64, p->d, lab->n_test, p->x_test, lab->n, p->x));
    OVP_TRY(make_solver(&p->solver, lab, p->kernel));
done:
    ovp_kernel_free(closed);
    return status;
}

/* ---- a net --------------------------------------------------------------------------------------- */

/* The training stops after the update of the step whose loss was below the bar, but the net wanted is the one before
 * that update: it is found again from a copy made on the way. */
enum { COPY_EVERY = 256 };
typedef struct trained {
    study_net net;
    double *copy;            /* theta after copied updates */
    ovp_idx copied, stopped; /* stopped: updates made when the loss was below the bar; -1: never was */
} trained;

static ovp_status keep_copy(void *user, ovp_ctx *ctx, ovp_idx done) {
    trained *t = user;
    (void)ctx;
    if (ovp_train_test(t->net.trainer, NULL) != OVP_TRAIN_RUNNING) return OVP_OK;
    memcpy(t->copy, t->net.theta, (size_t)ovp_net_model_parameters(t->net.model) * sizeof *t->copy);
    t->copied = done;
    return OVP_OK;
}

static ovp_train_options training(const ntk_lab *lab, double stop) {
    return (ovp_train_options){.size = sizeof(ovp_train_options), .lr = lab->lr, .stop = {.target_loss = stop}};
}

static ovp_status go_back(const problem *p, trained *t) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = p->lab->ctx;
    const ovp_train_options options = training(p->lab, 0);
    ovp_idx step = 0;
    t->stopped = -1;
    if (ovp_train_test(t->net.trainer, &step) != OVP_TRAIN_TARGET) return OVP_OK;
    t->stopped = step - 1;
    memcpy(t->net.theta, t->copy, (size_t)ovp_net_model_parameters(t->net.model) * sizeof *t->copy);
    OVP_TRY(study_net_train(&t->net, ctx, p->x, p->lab->n, &p->targets, &options));
    for (ovp_idx k = t->copied; k < t->stopped; k++) OVP_TRY(ovp_train_step(t->net.trainer, NULL));
done:
    return status;
}

static ovp_status make_net(const problem *p, trained *t, ovp_idx width, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    const ntk_lab *lab = p->lab;
    const princeton_net options = {.inputs = p->d,
                                   .width = width,
                                   .outputs = 1,
                                   .activation = "relu",
                                   .engine = ovp_params_text(lab->params, "engine")};
    const ovp_train_options train = training(lab, lab->stop_loss);
    OVP_TRY(princeton_net_create(&t->net, lab->ctx, &options, rng));
    OVP_TRY(ovp_alloc(lab->ctx, &t->copy, ovp_net_model_parameters(t->net.model), sizeof *t->copy));
    OVP_TRY(study_net_train(&t->net, lab->ctx, p->x, lab->n, &p->targets, &train));
done:
    return status;
}

/* ---- predictions --------------------------------------------------------------------------------- */

static double mean_square(ovp_idx n, const double *a, const double *b) {
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / (double)n;
}

static double correlation(ovp_idx n, const double *a, const double *b) {
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
    for (ovp_idx i = 0; i < n; i++) mean_a += a[i] / (double)n, mean_b += b[i] / (double)n;
    for (ovp_idx i = 0; i < n; i++) {
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
        ab += (a[i] - mean_a) * (b[i] - mean_b);
    }
    return ab / sqrt(aa * bb);
}

/* raw = K_test K^-1 y, corrected = f0_test + K_test K^-1 (y - f0). */
static ovp_status predict(const problem *p, ovp_kernel_solver *solver, const double *kernel_test, const double *f0,
                          const double *f0_test, double *raw, double *corrected) {
    ovp_status status = OVP_OK;
    const ntk_lab *lab = p->lab;
    double *b = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &b, 2 * lab->n, sizeof *b));
    for (ovp_idx i = 0; i < lab->n; i++) {
        b[2 * i] = p->y[i];
        b[2 * i + 1] = p->y[i] - f0[i];
    }
    OVP_TRY(ovp_kernel_solve(solver, lab->ctx, 2, b, b));
    for (ovp_idx t = 0; t < lab->n_test; t++) {
        raw[t] = 0;
        corrected[t] = f0_test[t];
        for (ovp_idx i = 0; i < lab->n; i++) {
            raw[t] += kernel_test[t * lab->n + i] * b[2 * i];
            corrected[t] += kernel_test[t * lab->n + i] * b[2 * i + 1];
        }
    }
done:
    ovp_free(lab->ctx, b);
    return status;
}

/* What a net says before and after, and its kernel at the start. */
typedef struct measures {
    double *f0, *f0_test, *f; /* n, n_test, n */
    double *kernel, *kernel_test;
} measures;

static ovp_status make_measures(measures *m, const ntk_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->n, tests = lab->n_test;
    OVP_TRY(ovp_alloc(lab->ctx, &m->f0, 2 * n + tests + n * n + tests * n, sizeof *m->f0));
    m->f = m->f0 + n;
    m->f0_test = m->f + n;
    m->kernel = m->f0_test + tests;
    m->kernel_test = m->kernel + n * n;
done:
    return status;
}

/* The empirical kernel's dynamics: curves and their distance from the measured one. */
static ovp_status follow_theory(const problem *p, const measures *m, ntk_row *row) {
    ntk_lab *lab = p->lab;
    ovp_status status = OVP_OK;
    const ovp_idx at = lab->count * lab->epochs, n = lab->n;
    princeton_tangent tangent = {.n = 0};
    double *residual = NULL, last[2];
    OVP_TRY(ovp_alloc(lab->ctx, &residual, n, sizeof *residual));
    for (ovp_idx i = 0; i < n; i++) residual[i] = m->f0[i] - p->y[i];
    OVP_TRY(princeton_tangent_create(&tangent, lab->ctx, n, m->kernel, residual, 2 * lab->lr / (double)n));
    OVP_TRY(princeton_tangent_losses(&tangent, lab->ctx, 0, lab->epochs, lab->theory + at));
    OVP_TRY(princeton_tangent_losses(&tangent, lab->ctx, 1, lab->epochs, lab->flow + at));
    for (int flow = 0; flow < 2; flow++) last[flow] = princeton_tangent_loss(&tangent, flow, (double)row->steps);
    row->loss_theory = last[0];
    row->loss_flow = last[1];
    row->loss_gap = 0;
    for (ovp_idx k = 0; k < lab->epochs; k++) {
        const double measured = lab->losses[at + k];
        if (!isfinite(measured)) {
            lab->theory[at + k] = lab->flow[at + k] = NAN;
            continue;
        }
        row->loss_gap = fmax(row->loss_gap, fabs(sqrt(measured) - sqrt(lab->theory[at + k])) / sqrt(lab->losses[at]));
    }
done:
    princeton_tangent_free(lab->ctx, &tangent);
    ovp_free(lab->ctx, residual);
    return status;
}

/* The row of a finished net at place lab->count. */
static ovp_status measure(const problem *p, trained *t, ntk_row *row) {
    ntk_lab *lab = p->lab;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->n, tests = lab->n_test, at = lab->count * tests;
    measures m = {.f0 = NULL};
    ovp_kernel_solver *solver = NULL;
    double *net = lab->predicted + at, *raw[] = {lab->raw_closed + at, lab->raw_empirical + at},
           *corrected[] = {lab->closed + at, lab->empirical + at}, square = 0, apart = 0;
    OVP_TRY(make_measures(&m, lab));
    OVP_TRY(study_net_outputs(&t->net, ctx, t->net.theta0, p->x, n, m.f0));
    OVP_TRY(study_net_outputs(&t->net, ctx, t->net.theta0, p->x_test, tests, m.f0_test));
    OVP_TRY(study_net_outputs(&t->net, ctx, t->net.theta, p->x, n, m.f));
    OVP_TRY(study_net_outputs(&t->net, ctx, t->net.theta, p->x_test, tests, net));
    OVP_TRY(ovp_kernel_ntk(m.kernel, ctx, t->net.model, t->net.theta0, n, p->x, 0, NULL, NULL));
    OVP_TRY(ovp_kernel_ntk(m.kernel_test, ctx, t->net.model, t->net.theta0, tests, p->x_test, n, p->x, NULL));
    OVP_TRY(predict(p, p->solver, p->kernel_test, m.f0, m.f0_test, raw[0], corrected[0]));
    OVP_TRY(make_solver(&solver, lab, m.kernel));
    OVP_TRY(predict(p, solver, m.kernel_test, m.f0, m.f0_test, raw[1], corrected[1]));
    OVP_TRY(follow_theory(p, &m, row));
    for (ovp_idx i = 0; i < n * n; i++) {
        square += p->kernel[i] * p->kernel[i];
        apart += (p->kernel[i] - m.kernel[i]) * (p->kernel[i] - m.kernel[i]);
    }
    row->kernel_gap = sqrt(apart / square);
    row->train_mse = mean_square(n, m.f, p->y);
    row->test_mse = mean_square(tests, net, p->y_test);
    row->raw_test_mse = mean_square(tests, raw[0], p->y_test);
    row->corr = correlation(tests, net, corrected[0]);
    row->rmse_closed = sqrt(mean_square(tests, net, corrected[0]));
    row->rmse_empirical = sqrt(mean_square(tests, net, corrected[1]));
    row->rmse_raw = sqrt(mean_square(tests, raw[0], raw[1]));
    memcpy(lab->kernel_row + lab->count * n, m.kernel, (size_t)n * sizeof(double));
    memcpy(lab->closed_row + lab->count * n, p->kernel, (size_t)n * sizeof(double));
done:
    ovp_kernel_solver_free(solver);
    ovp_free(ctx, m.f0);
    return status;
}

static ovp_status finish_net(const problem *p, trained *t, const study_job *job, ovp_idx width) {
    ntk_lab *lab = p->lab;
    ovp_status status = OVP_OK;
    char prefix[96], data[48];
    if (job->done < job->steps && !job->diverged_at) return OVP_OK; /* interrupted */
    ntk_row row = {.width = width,
                   .seed = p->seed,
                   .steps = job->diverged_at ? job->diverged_at - 1 : lab->epochs,
                   .diverged_at = job->diverged_at,
                   .train_mse = NAN,
                   .test_mse = NAN,
                   .corr = NAN,
                   .rmse_closed = NAN,
                   .rmse_empirical = NAN,
                   .rmse_raw = NAN,
                   .loss_theory = NAN,
                   .loss_flow = NAN,
                   .loss_gap = NAN,
                   .kernel_gap = NAN,
                   .raw_test_mse = NAN,
                   .seconds = job->seconds};
    memcpy(lab->losses + lab->count * lab->epochs, job->losses, (size_t)lab->epochs * sizeof(double));
    if (!job->diverged_at) {
        OVP_TRY(go_back(p, t));
        if (t->stopped >= 0) row.steps = t->stopped;
        OVP_TRY(measure(p, t, &row));
        snprintf(prefix, sizeof prefix, "width%lld.seed%lld.member0", (long long)width, (long long)p->seed);
        snprintf(data, sizeof data, "data.seed%lld", (long long)p->seed);
        const study_kept kept = {.net = &t->net, .targets = &p->targets, .data = data, .loss = NAN};
        OVP_TRY(study_keep_net(lab->run, prefix, &kept, t->net.model, t->net.theta));
        OVP_TRY(study_keep_data(lab->run, data, OVP_F64, lab->n, p->d, p->x, 1, &p->targets));
    }
    OVP_TRY(ntk_report(lab, &row));
    lab->rows[lab->count++] = row;
done:
    return status;
}

/* ---- one seed ------------------------------------------------------------------------------------ */

/* torch: one stream over all widths; philox: a stream a width. */
static ovp_status make_nets(const problem *p, trained *nets) {
    const ntk_lab *lab = p->lab;
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    const int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        if (!torch || i == 0) {
            ovp_numeric_rng_free(rng);
            rng = NULL;
            OVP_TRY(study_stream(&rng, lab->run, p->seed, OVP_PURPOSE_INIT, (uint64_t)lab->widths[i]));
        }
        OVP_TRY(make_net(p, &nets[i], lab->widths[i], rng));
    }
done:
    ovp_numeric_rng_free(rng);
    return status;
}

ovp_status ntk_teacher_seed(ntk_lab *lab, int64_t seed) {
    ovp_status status = OVP_OK, end;
    problem p = {.lab = lab, .seed = seed, .d = ovp_params_int(lab->params, "d")};
    trained *nets = NULL;
    study_job *jobs = NULL;
    double *losses = NULL;
    char stage[64];
    snprintf(stage, sizeof stage, "seed %lld", (long long)seed);
    OVP_TRY(ovp_check(lab->ctx));
    OVP_TRY(make_problem(&p));
    OVP_TRY(ovp_alloc(lab->ctx, &nets, lab->width_count, sizeof *nets));
    OVP_TRY(ovp_alloc(lab->ctx, &jobs, lab->width_count, sizeof *jobs));
    OVP_TRY(ovp_alloc(lab->ctx, &losses, lab->width_count * lab->epochs, sizeof *losses));
    OVP_TRY(make_nets(&p, nets));
    for (ovp_idx i = 0; i < lab->width_count; i++)
        jobs[i] = (study_job){.net = &nets[i].net,
                              .steps = lab->epochs,
                              .losses = losses + i * lab->epochs,
                              .watch = keep_copy,
                              .every = COPY_EVERY,
                              .user = &nets[i]};
    end = study_train(lab->run, stage, jobs, lab->width_count);
    for (ovp_idx i = 0; i < lab->width_count; i++) OVP_TRY(finish_net(&p, &nets[i], &jobs[i], lab->widths[i]));
    OVP_TRY(end);
done:
    for (ovp_idx i = 0; nets && i < lab->width_count; i++) {
        study_net_free(lab->ctx, &nets[i].net);
        ovp_free(lab->ctx, nets[i].copy);
    }
    ovp_free(lab->ctx, losses);
    ovp_free(lab->ctx, jobs);
    ovp_free(lab->ctx, nets);
    free_problem(&p);
    return status;
}
