/* Batches of residual nets: h_0 = U x, once. */
#include "net/residual_int.h"
#include "numeric/real.h"

#include <string.h>

enum { ROWS = 64 }; /* a task */

typedef struct job {
    const ovp_net_batch *batch;
    const double *map; /* inputs x dim: U the other way round */
    double *sums;      /* dim a worker */
    ovp_idx dim;
} job;

static ovp_status rows_of(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_net_batch *b = j->batch;
    const ovp_idx dim = j->dim, last = (task + 1) * ROWS < b->rows ? (task + 1) * ROWS : b->rows;
    double *sum = j->sums + ovp_worker(ctx) * dim;
    for (ovp_idx i = task * ROWS; i < last; i++) {
        const real *x = (const real *)b->x + i * b->inputs;
        memset(sum, 0, (size_t)dim * sizeof *sum);
        for (ovp_idx k = 0; k < b->inputs; k++)
            for (ovp_idx o = 0; o < dim; o++) sum[o] += j->map[k * dim + o] * (double)x[k];
        for (ovp_idx o = 0; o < dim; o++) ((real *)b->own)[i * dim + o] = (real)sum[o];
    }
    return OVP_OK;
}

ovp_status OVP_REAL(ovp_net_residual_refresh)(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_batch *from,
                                              const int64_t *rows) {
    const ovp_net_residual *own = ovp_net_residual_of(b->model);
    const real *map = own->read_in;
    const ovp_idx dim = own->dim;
    double *turned = NULL, *sums = NULL;
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; from && i < b->rows; i++)
        memcpy((real *)b->own + i * dim, (const real *)from->own + rows[i] * dim, (size_t)dim * sizeof(real));
    if (from) return OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &turned, b->inputs * dim, sizeof *turned));
    OVP_TRY(ovp_alloc(ctx, &sums, ovp_threads(ctx) * dim, sizeof *sums));
    for (ovp_idx o = 0; o < dim; o++)
        for (ovp_idx k = 0; k < b->inputs; k++) turned[k * dim + o] = (double)map[o * b->inputs + k];
    job j = {b, turned, sums, dim};
    OVP_TRY(ovp_parallel(ctx, (b->rows + ROWS - 1) / ROWS, rows_of, &j));
done:
    ovp_free(ctx, turned);
    ovp_free(ctx, sums);
    return status;
}
