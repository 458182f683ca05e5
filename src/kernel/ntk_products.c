/* Empirical NTK column by column: v = J(x'_j)^T e_b, then J(X) v. */
#include "kernel/kernel_int.h"

#include <string.h>

typedef struct products {
    const ovp_kernel_job *job;
    ovp_net_workspace *one, *many;
    ovp_net_batch *block; /* rows first .. first + rows - 1 of X */
    ovp_idx first, rows;
    void *u, *v, *jv; /* c, P and rows x c values of the model's type */
} products;

static double value_at(const products *p, ovp_idx i) {
    return ovp_net_model_type(p->job->model) == OVP_F32 ? (double)((const float *)p->jv)[i]
                                                        : ((const double *)p->jv)[i];
}

static void set_unit(const products *p, ovp_idx b, ovp_idx c) {
    const size_t size = ovp_numeric_type_size(ovp_net_model_type(p->job->model));
    memset(p->u, 0, (size_t)c * size);
    if (size == sizeof(float))
        ((float *)p->u)[b] = 1;
    else
        ((double *)p->u)[b] = 1;
}

static void put(const products *p, ovp_idx row, ovp_idx column, double value) {
    const ovp_kernel_job *job = p->job;
    const ovp_idx ld = job->rows[1] * job->groups;
    if (job->symmetric && column < row) return;
    job->out[row * ld + column] = value;
    if (job->symmetric) job->out[column * ld + row] = value;
}

/* Columns of sample j of X' at the block's rows. */
static ovp_status columns(const products *p, ovp_idx j) {
    const ovp_kernel_job *job = p->job;
    const ovp_idx c = ovp_net_model_outputs(job->model), ld = job->rows[1] * job->groups;
    ovp_status status = OVP_OK;
    ovp_net_batch *sample = NULL;
    OVP_TRY(ovp_kernel_bind_rows(&sample, job, 1, j, 1));
    for (ovp_idx i = p->first; job->mean && i < p->first + p->rows; i++) put(p, i, j, 0);
    for (ovp_idx b = 0; b < c; b++) {
        OVP_TRY(ovp_check(job->ctx));
        set_unit(p, b, c);
        OVP_TRY(ovp_net_vjp(p->one, sample, job->theta, p->u, p->v));
        OVP_TRY(ovp_net_jvp(p->many, p->block, job->theta, p->v, NULL, p->jv));
        for (ovp_idx i = 0; i < p->rows; i++) {
            const ovp_idx row = p->first + i;
            if (job->symmetric && row > j) break; /* mirrored */
            if (job->mean)
                put(p, row, j, job->out[row * ld + j] + value_at(p, i * c + b) / (double)c);
            else
                for (ovp_idx a = 0; a < c; a++) put(p, row * c + a, j * c + b, value_at(p, i * c + a));
        }
    }
done:
    ovp_net_batch_free(sample);
    return status;
}

ovp_status ovp_kernel_ntk_products(const ovp_kernel_job *job) {
    products p = {.job = job};
    const size_t size = ovp_numeric_type_size(ovp_net_model_type(job->model));
    const ovp_idx c = ovp_net_model_outputs(job->model);
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(job->ctx, &p.u, c, size));
    OVP_TRY(ovp_alloc(job->ctx, &p.v, ovp_net_model_parameters(job->model), size));
    OVP_TRY(ovp_alloc(job->ctx, &p.jv, job->block * c, size));
    OVP_TRY(ovp_net_workspace_create(&p.one, job->ctx, job->model, 1));
    OVP_TRY(ovp_net_workspace_create(&p.many, job->ctx, job->model, job->block));
    for (p.first = 0; p.first < job->rows[0]; p.first += job->block) {
        p.rows = job->rows[0] - p.first < job->block ? job->rows[0] - p.first : job->block;
        OVP_TRY(ovp_kernel_bind_rows(&p.block, job, 0, p.first, p.rows));
        for (ovp_idx j = job->symmetric ? p.first : 0; j < job->rows[1]; j++) OVP_TRY(columns(&p, j));
        ovp_net_batch_free(p.block);
        p.block = NULL;
    }
done:
    ovp_net_batch_free(p.block);
    ovp_net_workspace_free(p.many);
    ovp_net_workspace_free(p.one);
    ovp_free(job->ctx, p.jv);
    ovp_free(job->ctx, p.v);
    ovp_free(job->ctx, p.u);
    return status;
}
