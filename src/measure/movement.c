/* Weight movement: how far training carried theta, as norms of slices. */
#include <math.h>
#include <overparam/measure.h>

/* Elements summed by one task: large enough that handing out tasks costs nothing, and never a function of threads. */
#define CHUNK ((ovp_idx)1 << 16)

typedef struct slice_axis {
    ovp_idx extent, stride;
} slice_axis;

typedef struct movement_job {
    ovp_numeric_type type;
    const char *theta0, *theta;
    ovp_idx count;
    slice_axis axes[4];    /* largest stride first: the order of memory */
    double *base, *change; /* sums of squares, one a chunk */
} movement_job;

static void order_axes(const ovp_net_slice *slice, slice_axis axes[4]) {
    for (int k = 0; k < 4; k++) axes[k] = (slice_axis){1, 0};
    for (int k = 0; k < slice->ndim; k++) {
        slice_axis axis = {slice->shape[k], slice->strides[k]};
        int at = k;
        while (at > 0 && axes[at - 1].stride < axis.stride) {
            axes[at] = axes[at - 1];
            at--;
        }
        axes[at] = axis;
    }
}

/* Adds n elements that lie `stride` apart; offset is that of the first. */
static void add_run(const movement_job *job, ovp_idx offset, ovp_idx stride, ovp_idx n, double sums[2]) {
    double base = 0, change = 0;
    if (job->type == OVP_F32) {
        const float *a = (const float *)(const void *)job->theta0 + offset;
        const float *b = (const float *)(const void *)job->theta + offset;
        for (ovp_idx i = 0; i < n; i++) {
            double a_i = (double)a[i * stride], d_i = (double)b[i * stride] - a_i;
            base += a_i * a_i;
            change += d_i * d_i;
        }
    } else {
        const double *a = (const double *)(const void *)job->theta0 + offset;
        const double *b = (const double *)(const void *)job->theta + offset;
        for (ovp_idx i = 0; i < n; i++) {
            double a_i = a[i * stride], d_i = b[i * stride] - a_i;
            base += a_i * a_i;
            change += d_i * d_i;
        }
    }
    sums[0] += base;
    sums[1] += change;
}

static ovp_status sum_chunk(ovp_ctx *worker, void *arg, ovp_idx task) {
    (void)worker;
    const movement_job *job = arg;
    ovp_idx begin = task * CHUNK, end = begin + CHUNK < job->count ? begin + CHUNK : job->count;
    double sums[2] = {0, 0};
    for (ovp_idx at = begin; at < end;) {
        ovp_idx index[4], rest = at;
        for (int k = 3; k >= 0; k--) {
            index[k] = rest % job->axes[k].extent;
            rest /= job->axes[k].extent;
        }
        ovp_idx offset = 0, run = job->axes[3].extent - index[3];
        for (int k = 0; k < 4; k++) offset += index[k] * job->axes[k].stride;
        if (run > end - at) run = end - at;
        add_run(job, offset, job->axes[3].stride, run, sums);
        at += run;
    }
    job->base[task] = sums[0];
    job->change[task] = sums[1];
    return OVP_OK;
}

ovp_status ovp_measure_weight_movement(ovp_measure_movement *out, ovp_ctx *ctx, const ovp_net_model *model,
                                       const void *theta0, const void *theta) {
    ovp_status status = OVP_OK;
    ovp_idx slices, most = 1;
    const ovp_net_slice *slice = ovp_net_model_slices(model, &slices);
    double *sums = NULL, base_norms = 0, change_norms = 0, base_square = 0, change_square = 0;
    ovp_numeric_type type = ovp_net_model_type(model);
    size_t width = ovp_numeric_type_size(type);

    *out = (ovp_measure_movement){NAN, NAN};
    for (ovp_idx s = 0; s < slices; s++) {
        ovp_idx chunks = (slice[s].count + CHUNK - 1) / CHUNK;
        if (chunks > most) most = chunks;
    }
    OVP_TRY(ovp_alloc(ctx, &sums, 2 * most, sizeof *sums));
    for (ovp_idx s = 0; s < slices; s++) {
        ovp_idx chunks = (slice[s].count + CHUNK - 1) / CHUNK;
        movement_job job = {.type = type,
                            .theta0 = (const char *)theta0 + (size_t)slice[s].offset * width,
                            .theta = (const char *)theta + (size_t)slice[s].offset * width,
                            .count = slice[s].count,
                            .base = sums,
                            .change = sums + most};
        order_axes(&slice[s], job.axes);
        OVP_TRY(ovp_parallel(ctx, chunks, sum_chunk, &job));
        double base = 0, change = 0;
        for (ovp_idx k = 0; k < chunks; k++) {
            base += job.base[k];
            change += job.change[k];
        }
        base_norms += sqrt(base);
        change_norms += sqrt(change);
        base_square += base;
        change_square += change;
    }
    if (base_norms > 0) {
        out->sum_ratio = change_norms / base_norms;
        out->l2_ratio = sqrt(change_square) / sqrt(base_square);
    }
done:
    ovp_free(ctx, sums);
    return status;
}
