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
    const problem *problem;
    ovp_idx place; /* of its curves and predictions in the lab */
    study_net net;
    const double *losses;      /* its job's */
    double *copy;              /* theta after copied updates */
    ovp_idx copied, stopped;   /* stopped: updates made when the loss was below the bar; -1: never was */
    princeton_tangent tangent; /* training with its kernel at the start */
    ntk_row row;
    int measured;
} trained;

static ovp_train_options training(const ntk_lab *lab, double stop) {
    return (ovp_train_options){.size = sizeof(ovp_train_options), .lr = lab->lr, .stop = {.target_loss = stop}};
}

static ovp_status go_back(trained *t, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const problem *p = t->problem;
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

/* What a net says at its start, and its kernel there. */
typedef struct measures {
    double *f0, *f0_test; /* n, n_test */
    double *kernel, *kernel_test;
} measures;

static ovp_status make_measures(measures *m, const ntk_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->n, tests = lab->n_test;
    OVP_TRY(ovp_alloc(lab->ctx, &m->f0, n + tests + n * n + tests * n, sizeof *m->f0));
    m->f0_test = m->f0 + n;
    m->kernel = m->f0_test + tests;
    m->kernel_test = m->kernel + n * n;
done:
    return status;
}

/* The empirical kernel's dynamics. */
static ovp_status follow_theory(trained *t, const measures *m) {
    const problem *p = t->problem;
    ntk_lab *lab = p->lab;
    ovp_status status = OVP_OK;
    const ovp_idx at = t->place * lab->epochs, n = lab->n;
    double *residual = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &residual, n, sizeof *residual));
    for (ovp_idx i = 0; i < n; i++) residual[i] = m->f0[i] - p->y[i];
    OVP_TRY(princeton_tangent_create(&t->tangent, lab->ctx, n, m->kernel, residual, 2 * lab->lr / (double)n));
    OVP_TRY(princeton_tangent_losses(&t->tangent, lab->ctx, 0, lab->epochs, lab->theory + at));
    OVP_TRY(princeton_tangent_losses(&t->tangent, lab->ctx, 1, lab->epochs, lab->flow + at));
done:
    ovp_free(lab->ctx, residual);
    return status;
}

/* All that the start of a net decides. Before the training: an interrupted context computes no kernel. */
static ovp_status predict_net(trained *t) {
    const problem *p = t->problem;
    ntk_lab *lab = p->lab;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->n, tests = lab->n_test, at = t->place * tests;
    measures m = {.f0 = NULL};
    ovp_kernel_solver *solver = NULL;
    double *raw[] = {lab->raw_closed + at, lab->raw_empirical + at},
           *corrected[] = {lab->closed + at, lab->empirical + at}, square = 0, apart = 0;
    OVP_TRY(make_measures(&m, lab));
    OVP_TRY(study_net_outputs(&t->net, ctx, t->net.theta0, p->x, n, m.f0));
    OVP_TRY(study_net_outputs(&t->net, ctx, t->net.theta0, p->x_test, tests, m.f0_test));
    OVP_TRY(ovp_kernel_ntk(m.kernel, ctx, t->net.model, t->net.theta0, n, p->x, 0, NULL, NULL));
    OVP_TRY(ovp_kernel_ntk(m.kernel_test, ctx, t->net.model, t->net.theta0, tests, p->x_test, n, p->x, NULL));
    OVP_TRY(predict(p, p->solver, p->kernel_test, m.f0, m.f0_test, raw[0], corrected[0]));
    OVP_TRY(make_solver(&solver, lab, m.kernel));
    OVP_TRY(predict(p, solver, m.kernel_test, m.f0, m.f0_test, raw[1], corrected[1]));
    OVP_TRY(follow_theory(t, &m));
    for (ovp_idx i = 0; i < n * n; i++) {
        square += p->kernel[i] * p->kernel[i];
        apart += (p->kernel[i] - m.kernel[i]) * (p->kernel[i] - m.kernel[i]);
    }
    t->row.kernel_gap = sqrt(apart / square);
    t->row.raw_test_mse = mean_square(tests, raw[0], p->y_test);
    t->row.rmse_raw = sqrt(mean_square(tests, raw[0], raw[1]));
    memcpy(lab->kernel_row + t->place * n, m.kernel, (size_t)n * sizeof(double));
    memcpy(lab->closed_row + t->place * n, p->kernel, (size_t)n * sizeof(double));
done:
    ovp_kernel_solver_free(solver);
    ovp_free(ctx, m.f0);
    return status;
}

/* How far the losses were from theory's, which ends where they end. */
static void compare_losses(trained *t) {
    const ntk_lab *lab = t->problem->lab;
    double *theory = lab->theory + t->place * lab->epochs, *flow = lab->flow + t->place * lab->epochs;
    t->row.loss_theory = princeton_tangent_loss(&t->tangent, 0, (double)t->row.steps);
    t->row.loss_flow = princeton_tangent_loss(&t->tangent, 1, (double)t->row.steps);
    t->row.loss_gap = 0;
    for (ovp_idx k = 0; k < lab->epochs; k++) {
        if (!isfinite(t->losses[k])) {
            theory[k] = flow[k] = NAN;
            continue;
        }
        t->row.loss_gap = fmax(t->row.loss_gap, fabs(sqrt(t->losses[k]) - sqrt(theory[k])) / sqrt(t->losses[0]));
    }
}

static ovp_status measure(trained *t, ovp_ctx *ctx) {
    const problem *p = t->problem;
    const ntk_lab *lab = p->lab;
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->n, tests = lab->n_test, at = t->place * tests;
    double *f = NULL, *net = lab->predicted + at;
    OVP_TRY(ovp_alloc(ctx, &f, n, sizeof *f));
    OVP_TRY(go_back(t, ctx));
    t->row.steps = t->stopped >= 0 ? t->stopped : lab->epochs;
    OVP_TRY(study_net_outputs(&t->net, ctx, t->net.theta, p->x, n, f));
    OVP_TRY(study_net_outputs(&t->net, ctx, t->net.theta, p->x_test, tests, net));
    compare_losses(t);
    t->row.train_mse = mean_square(n, f, p->y);
    t->row.test_mse = mean_square(tests, net, p->y_test);
    t->row.corr = correlation(tests, net, lab->closed + at);
    t->row.rmse_closed = sqrt(mean_square(tests, net, lab->closed + at));
    t->row.rmse_empirical = sqrt(mean_square(tests, net, lab->empirical + at));
    t->measured = 1;
done:
    ovp_free(ctx, f);
    return status;
}

/* On the worker that trains this net, so that a finished one is measured whatever happens to the others. */
static ovp_status watch(void *user, ovp_ctx *ctx, ovp_idx done) {
    trained *t = user;
    if (done == t->problem->lab->epochs) return measure(t, ctx);
    if (ovp_train_test(t->net.trainer, NULL) != OVP_TRAIN_RUNNING) return OVP_OK;
    memcpy(t->copy, t->net.theta, (size_t)ovp_net_model_parameters(t->net.model) * sizeof *t->copy);
    t->copied = done;
    return OVP_OK;
}

/* A diverged net has no predictions and no theory. */
static void forget(const trained *t) {
    const ntk_lab *lab = t->problem->lab;
    double *const curves[] = {lab->theory, lab->flow}, *const rows[] = {lab->kernel_row, lab->closed_row};
    double *const tests[] = {lab->raw_closed, lab->raw_empirical, lab->closed, lab->empirical};
    for (ovp_idx i = 0; i < COUNT(curves); i++)
        memset(curves[i] + t->place * lab->epochs, 0, (size_t)lab->epochs * sizeof(double));
    for (ovp_idx i = 0; i < COUNT(rows); i++) memset(rows[i] + t->place * lab->n, 0, (size_t)lab->n * sizeof(double));
    for (ovp_idx i = 0; i < COUNT(tests); i++)
        memset(tests[i] + t->place * lab->n_test, 0, (size_t)lab->n_test * sizeof(double));
}

static ovp_status keep(const trained *t) {
    const problem *p = t->problem;
    ovp_status status = OVP_OK;
    char prefix[96], data[48];
    snprintf(prefix, sizeof prefix, "width%lld.seed%lld.member0", (long long)t->row.width, (long long)p->seed);
    snprintf(data, sizeof data, "data.seed%lld", (long long)p->seed);
    const study_kept kept = {.net = &t->net, .targets = &p->targets, .data = data, .loss = NAN};
    OVP_TRY(study_keep_net(p->lab->run, prefix, &kept, t->net.model, t->net.theta));
    OVP_TRY(study_keep_data(p->lab->run, data, OVP_F64, p->lab->n, p->d, p->x, 1, &p->targets));
done:
    return status;
}

static ovp_status finish_net(trained *t, const study_job *job) {
    ntk_lab *lab = t->problem->lab;
    ovp_status status = OVP_OK;
    if (job->diverged_at) {
        t->row = ntk_row_of(t->row.width, t->row.seed);
        t->row.steps = job->diverged_at - 1;
        t->row.diverged_at = job->diverged_at;
        forget(t);
    } else if (!t->measured) {
        return OVP_OK; /* interrupted */
    } else {
        OVP_TRY(keep(t));
    }
    t->row.seconds = job->seconds;
    memcpy(lab->losses + t->place * lab->epochs, job->losses, (size_t)lab->epochs * sizeof(double));
    status = ntk_report(lab, &t->row, t->place);
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
        nets[i] = (trained){.problem = p, .place = lab->count + i, .row = ntk_row_of(lab->widths[i], p->seed)};
        OVP_TRY(make_net(p, &nets[i], lab->widths[i], rng));
        OVP_TRY(predict_net(&nets[i]));
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
    ovp_idx *at = NULL, looks = 0;
    char stage[64];
    snprintf(stage, sizeof stage, "seed %lld", (long long)seed);
    OVP_TRY(ovp_check(lab->ctx));
    OVP_TRY(make_problem(&p));
    OVP_TRY(ovp_alloc(lab->ctx, &nets, lab->width_count, sizeof *nets));
    OVP_TRY(ovp_alloc(lab->ctx, &jobs, lab->width_count, sizeof *jobs));
    OVP_TRY(ovp_alloc(lab->ctx, &losses, lab->width_count * lab->epochs, sizeof *losses));
    OVP_TRY(ovp_alloc(lab->ctx, &at, lab->epochs / COPY_EVERY + 2, sizeof *at));
    for (ovp_idx done = 0; done < lab->epochs; done += COPY_EVERY) at[looks++] = done;
    at[looks++] = lab->epochs;
    OVP_TRY(make_nets(&p, nets));
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        nets[i].losses = losses + i * lab->epochs;
        jobs[i] = (study_job){.net = &nets[i].net,
                              .steps = lab->epochs,
                              .losses = losses + i * lab->epochs,
                              .watch = watch,
                              .at = at,
                              .at_count = looks,
                              .user = &nets[i]};
    }
    end = study_train(lab->run, stage, jobs, lab->width_count);
    for (ovp_idx i = 0; i < lab->width_count; i++) OVP_TRY(finish_net(&nets[i], &jobs[i]));
    OVP_TRY(end);
done:
    for (ovp_idx i = 0; nets && i < lab->width_count; i++) {
        study_net_free(lab->ctx, &nets[i].net);
        ovp_free(lab->ctx, nets[i].copy);
        princeton_tangent_free(lab->ctx, &nets[i].tangent);
    }
    ovp_free(lab->ctx, at);
    ovp_free(lab->ctx, losses);
    ovp_free(lab->ctx, jobs);
    ovp_free(lab->ctx, nets);
    free_problem(&p);
    return status;
}
