/* ntk-vs-network --data mnist: the first images, an erf net in the NTK parametrisation, and its linearisation. */
#include "ntk_vs_network_int.h"

#include <overparam/data.h>
#include <stdio.h>
#include <string.h>

static const double SIGMA_B = .05;

typedef struct problem {
    ntk_lab *lab;
    int64_t seed;
    ovp_data_set data;
    double *y; /* one-hot */
    ovp_net_targets targets;
} problem;

static ovp_status load(problem *p) {
    const ntk_lab *lab = p->lab;
    ovp_status status = OVP_OK;
    const ovp_data_options options = {
        .size = sizeof options, .train = lab->n, .test = 1, .scale = OVP_SCALE_STANDARD, .type = OVP_F64};
    OVP_TRY(ovp_data_load(&p->data, lab->ctx, "mnist", &options));
    OVP_TRY(ovp_alloc(lab->ctx, &p->y, lab->n * p->data.classes, sizeof *p->y));
    for (ovp_idx i = 0; i < lab->n; i++) p->y[i * p->data.classes + ((int32_t *)p->data.y_train.data)[i]] = 1;
    p->targets = (ovp_net_targets){.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_MEAN, .values = p->y};
done:
    return status;
}

/* The published loss is half the mean square: its gradient is that of the mean square at half the learning rate. */
static ovp_status make_net(const problem *p, study_net *net, ovp_idx width) {
    ovp_status status = OVP_OK;
    const ntk_lab *lab = p->lab;
    ovp_numeric_rng *rng = NULL;
    const ovp_idx widths[] = {p->data.features, width, p->data.classes};
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = 2,
                                           .widths = widths,
                                           .activation = "erf",
                                           .type = OVP_F64,
                                           .engine = ovp_params_text(lab->params, "engine"),
                                           .input = "dense",
                                           .parametrization = "ntk",
                                           .sigma_w = 1,
                                           .sigma_b = SIGMA_B};
    const ovp_train_options train = {
        .size = sizeof train, .lr = lab->lr / 2, .stop = {.target_loss = 2 * lab->stop_loss}};
    OVP_TRY(study_stream(&rng, lab->run, p->seed, OVP_PURPOSE_INIT, (uint64_t)width));
    OVP_TRY(study_net_create(net, lab->ctx, &options, "parametrization", 0, rng));
    OVP_TRY(study_net_train(net, lab->ctx, p->data.x_train.data, lab->n, &p->targets, &train));
done:
    ovp_numeric_rng_free(rng);
    return status;
}

/* Losses of the linearisation, by descent and by flow, into place `place` of the lab. Before
 * the training: an interrupted context computes no kernel. */
static ovp_status linearise(const problem *p, const study_net *net, ovp_idx place) {
    ntk_lab *lab = p->lab;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    const ovp_idx points = lab->n * p->data.classes, at = place * lab->epochs;
    princeton_tangent tangent = {.n = 0};
    double *kernel = NULL, *residual = NULL, *curves[] = {lab->theory + at, lab->flow + at};
    OVP_TRY(ovp_alloc(ctx, &kernel, points * points, sizeof *kernel));
    OVP_TRY(ovp_alloc(ctx, &residual, points, sizeof *residual));
    OVP_TRY(study_net_outputs(net, ctx, net->theta0, p->data.x_train.data, lab->n, residual));
    for (ovp_idx i = 0; i < points; i++) residual[i] -= p->y[i];
    OVP_TRY(ovp_kernel_ntk(kernel, ctx, net->model, net->theta0, lab->n, p->data.x_train.data, 0, NULL, NULL));
    OVP_TRY(princeton_tangent_create(&tangent, ctx, points, kernel, residual, lab->lr / (double)points));
    for (int flow = 0; flow < 2; flow++) {
        OVP_TRY(princeton_tangent_losses(&tangent, ctx, flow, lab->epochs, curves[flow]));
        for (ovp_idx k = 0; k < lab->epochs; k++) curves[flow][k] /= 2;
    }
    memcpy(lab->kernel_row + place * lab->n, kernel, (size_t)lab->n * sizeof(double));
done:
    princeton_tangent_free(ctx, &tangent);
    ovp_free(ctx, residual);
    ovp_free(ctx, kernel);
    return status;
}

ovp_idx ntk_judged_step(const ntk_lab *lab) {
    return (NTK_RECORDS - 1) * lab->epochs / NTK_RECORDS;
}

static ovp_status record(const ntk_lab *lab, const ntk_row *row, const double *loss, const double *linear) {
    ovp_status status = OVP_OK;
    for (ovp_idx k = 0; k < NTK_RECORDS; k++) {
        const ovp_idx step = k * lab->epochs / NTK_RECORDS;
        if (k > 0 && step == (k - 1) * lab->epochs / NTK_RECORDS) continue;
        OVP_TRY(ovp_run_row(lab->run, "linearisation",
                            (const ovp_store_cell[]){ovp_cell_int(row->width), ovp_cell_int(row->seed), ovp_cell_int(0),
                                                     ovp_cell_int(step), ovp_cell_real(loss[step]),
                                                     ovp_cell_real(linear[step]),
                                                     ovp_cell_real(fabs(loss[step] - linear[step]) / linear[step])}));
    }
done:
    return status;
}

/* The net whose losses and linearisation stand in place `at` of the lab. */
static ovp_status finish_net(const problem *p, const study_job *job, ovp_idx width, ovp_idx at) {
    ntk_lab *lab = p->lab;
    ovp_status status = OVP_OK;
    double *loss = lab->losses + at * lab->epochs;
    const double *linear = lab->theory + at * lab->epochs, *flow = lab->flow + at * lab->epochs;
    ovp_idx last = 0;
    if (job->done < job->steps && !job->diverged_at) return OVP_OK; /* interrupted */
    for (ovp_idx k = 0; k < lab->epochs; k++) loss[k] = job->losses[k] / 2;
    while (last + 1 < lab->epochs && isfinite(loss[last + 1])) last++;
    ntk_row row = ntk_row_of(width, p->seed);
    row.steps = last;
    row.diverged_at = job->diverged_at;
    row.train_mse = job->diverged_at ? (double)NAN : 2 * loss[last];
    row.loss_theory = linear[last];
    row.loss_flow = flow[last];
    row.loss_gap = 0;
    row.seconds = job->seconds;
    for (ovp_idx k = 0; k <= last; k++)
        row.loss_gap = fmax(row.loss_gap, fabs(sqrt(loss[k]) - sqrt(linear[k])) / sqrt(loss[0]));
    OVP_TRY(record(lab, &row, loss, linear));
    status = ntk_report(lab, &row, at);
done:
    return status;
}

ovp_status ntk_mnist_seed(ntk_lab *lab, int64_t seed) {
    ovp_status status = OVP_OK, end;
    const ovp_idx first = lab->count;
    problem p = {.lab = lab, .seed = seed};
    study_net *nets = NULL;
    study_job *jobs = NULL;
    double *losses = NULL;
    char stage[64];
    snprintf(stage, sizeof stage, "seed %lld", (long long)seed);
    OVP_TRY(ovp_check(lab->ctx));
    OVP_TRY(load(&p));
    OVP_TRY(ovp_alloc(lab->ctx, &nets, lab->width_count, sizeof *nets));
    OVP_TRY(ovp_alloc(lab->ctx, &jobs, lab->width_count, sizeof *jobs));
    OVP_TRY(ovp_alloc(lab->ctx, &losses, lab->width_count * lab->epochs, sizeof *losses));
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        OVP_TRY(make_net(&p, &nets[i], lab->widths[i]));
        OVP_TRY(linearise(&p, &nets[i], first + i));
        jobs[i] = (study_job){.net = &nets[i], .steps = lab->epochs, .losses = losses + i * lab->epochs};
    }
    end = study_train(lab->run, stage, jobs, lab->width_count);
    for (ovp_idx i = 0; i < lab->width_count; i++) OVP_TRY(finish_net(&p, &jobs[i], lab->widths[i], first + i));
    OVP_TRY(end);
done:
    for (ovp_idx i = 0; nets && i < lab->width_count; i++) study_net_free(lab->ctx, &nets[i]);
    ovp_free(lab->ctx, losses);
    ovp_free(lab->ctx, jobs);
    ovp_free(lab->ctx, nets);
    ovp_free(lab->ctx, p.y);
    ovp_data_free(lab->ctx, &p.data);
    return status;
}
