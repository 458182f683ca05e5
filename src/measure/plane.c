/* Losses on a line or a plane through theta: many points, one shared batch. */
#include <math.h>
#include <overparam/measure.h>
#include <stdatomic.h>

/* What one worker has for itself. */
typedef struct plane_place {
    ovp_net_workspace *workspace;
    void *theta, *outputs;
} plane_place;

typedef struct plane_job {
    const ovp_measure_plane *plane;
    ovp_ctx *ctx; /* the caller's: the one that reports */
    ovp_idx rows, cols;
    const double *a, *b;
    double *out;
    plane_place *places; /* one a worker */
    _Atomic(int64_t) done;
} plane_job;

/* theta + a d1 + b d2 in f64, rounded once. */
static void move(const plane_job *job, double a, double b, void *out) {
    const ovp_measure_plane *p = job->plane;
    const ovp_idx n = ovp_net_model_parameters(p->model);
    const double *d1 = p->d1, *d2 = p->d2;
    if (ovp_net_model_type(p->model) == OVP_F32) {
        const float *from = p->theta;
        float *to = out;
        if (d2)
            for (ovp_idx i = 0; i < n; i++) to[i] = (float)((double)from[i] + a * d1[i] + b * d2[i]);
        else
            for (ovp_idx i = 0; i < n; i++) to[i] = (float)((double)from[i] + a * d1[i]);
    } else {
        const double *from = p->theta;
        double *to = out;
        if (d2)
            for (ovp_idx i = 0; i < n; i++) to[i] = from[i] + a * d1[i] + b * d2[i];
        else
            for (ovp_idx i = 0; i < n; i++) to[i] = from[i] + a * d1[i];
    }
}

static ovp_status one_point(ovp_ctx *worker, void *arg, ovp_idx task) {
    ovp_status status = OVP_OK;
    plane_job *job = arg;
    const ovp_measure_plane *p = job->plane;
    plane_place *place = &job->places[ovp_worker(worker)];
    ovp_net_workspace_attach(place->workspace, worker);
    move(job, job->a[task % job->cols], job->b ? job->b[task / job->cols] : 0, place->theta);
    OVP_TRY(ovp_net_forward(place->workspace, p->batch, place->theta, place->outputs));
    OVP_TRY(ovp_net_loss_value(worker, p->targets, ovp_net_model_type(p->model), ovp_net_batch_rows(p->batch),
                               ovp_net_model_outputs(p->model), place->outputs, &job->out[task], NULL));
    const int64_t done = atomic_fetch_add(&job->done, 1) + 1;
    /* Only the worker that is the caller reports: progress callbacks are never entered twice at a time. */
    if (ovp_worker(worker) == 0)
        ovp_report(job->ctx,
                   &(ovp_progress){"loss landscape", "points", done, job->rows * job->cols, "loss", job->out[task]});
done:
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_measure_plane *plane, ovp_idx rows, const double *b, ovp_idx cols,
                        const double *a) {
    if (rows < 1 || cols < 1 || rows > INT64_MAX / cols)
        return ovp_fail(ctx, OVP_EINVAL, "landscape: %lld x %lld points; allowed: 1 or more each way", (long long)rows,
                        (long long)cols);
    if (!b != !plane->d2 || (!b && rows > 1))
        return ovp_fail(ctx, OVP_EINVAL,
                        "landscape: a plane has a second direction and its coordinates, a line neither");
    for (ovp_idx j = 0; j < cols; j++)
        if (!isfinite(a[j]))
            return ovp_fail(ctx, OVP_EINVAL, "landscape: coordinate %lld along d1 is not finite", (long long)j);
    for (ovp_idx i = 0; b && i < rows; i++)
        if (!isfinite(b[i]))
            return ovp_fail(ctx, OVP_EINVAL, "landscape: coordinate %lld along d2 is not finite", (long long)i);
    return OVP_OK;
}

ovp_status ovp_measure_plane_losses(double *out, ovp_ctx *ctx, const ovp_measure_plane *plane, ovp_idx rows,
                                    const double *b, ovp_idx cols, const double *a) {
    ovp_status status = OVP_OK;
    plane_job job = {.plane = plane, .ctx = ctx, .rows = rows, .cols = cols, .a = a, .b = b, .out = out};
    const ovp_idx samples = ovp_net_batch_rows(plane->batch);
    const size_t width = ovp_numeric_type_size(ovp_net_model_type(plane->model));
    ovp_idx workers = 0;
    OVP_TRY(check(ctx, plane, rows, b, cols, a));
    for (ovp_idx k = 0; k < rows * cols; k++) out[k] = NAN;
    workers = ovp_threads(ctx);
    OVP_TRY(ovp_alloc(ctx, &job.places, workers, sizeof *job.places));
    for (ovp_idx w = 0; w < workers; w++) {
        plane_place *place = &job.places[w];
        OVP_TRY(ovp_net_workspace_create(&place->workspace, ctx, plane->model, samples));
        OVP_TRY(ovp_alloc(ctx, &place->theta, ovp_net_model_parameters(plane->model), width));
        OVP_TRY(ovp_alloc(ctx, &place->outputs, samples * ovp_net_model_outputs(plane->model), width));
    }
    const int blas = ovp_numeric_blas_begin();
    status = ovp_parallel(ctx, rows * cols, one_point, &job);
    ovp_numeric_blas_end(blas);
done:
    for (ovp_idx w = 0; job.places && w < workers; w++) {
        if (job.places[w].workspace) ovp_net_workspace_attach(job.places[w].workspace, ctx);
        ovp_net_workspace_free(job.places[w].workspace);
        ovp_free(ctx, job.places[w].theta);
        ovp_free(ctx, job.places[w].outputs);
    }
    ovp_free(ctx, job.places);
    return status;
}
