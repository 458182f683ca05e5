/* Dense products of tiles: rows of either side packed once for all tiles that they are in. */
#include "kernel/functions_int.h"

typedef struct pack_job {
    const ovp_numeric_packed *kernels;
    const ovp_kernel_rows *rows;
    int side;                   /* 0: left, 1: right */
    ovp_idx first, count, tile; /* rows of a task */
    char *out;
} pack_job;

/* Numbers of a tile's packed rows. */
static ovp_idx values_of(const ovp_numeric_packed *kernels, int side, const ovp_kernel_rows *rows, ovp_idx tile) {
    return ovp_numeric_packed_rows(kernels->sliver[side], tile) * rows->d;
}

static ovp_status pack_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const pack_job *j = arg;
    const ovp_kernel_rows *r = j->rows;
    const ovp_idx start = task * j->tile, left = j->count - start;
    (void)worker;
    j->kernels->pack(j->kernels->sliver[j->side], left < j->tile ? left : j->tile, r->d,
                     ovp_kernel_row(r, j->first + start), r->d, r->shift,
                     j->out +
                         (size_t)(task * values_of(j->kernels, j->side, r, j->tile)) * ovp_numeric_type_size(r->type));
    return OVP_OK;
}

static ovp_status pack(void **out, ovp_ctx *ctx, const ovp_kernel_rows *rows, int side, ovp_idx first, ovp_idx count,
                       ovp_idx tile) {
    const ovp_idx tasks = (count + tile - 1) / tile;
    pack_job j = {ovp_numeric_packed_for(ctx, rows->type), rows, side, first, count, tile, NULL};
    ovp_status status =
        ovp_alloc(ctx, out, tasks * values_of(j.kernels, side, rows, tile), ovp_numeric_type_size(rows->type));
    j.out = *out;
    return status == OVP_OK ? ovp_parallel(ctx, tasks, pack_task, &j) : status;
}

ovp_status ovp_kernel_rows_pack(void **out, ovp_ctx *ctx, const ovp_kernel_rows *rows) {
    return pack(out, ctx, rows, 1, 0, rows->count, OVP_KERNEL_TILE);
}

ovp_status ovp_kernel_tiles_pack(void **out, ovp_ctx *ctx, const ovp_kernel_rows *rows, ovp_idx first, ovp_idx count,
                                 ovp_idx tile) {
    return pack(out, ctx, rows, 0, first, count, tile);
}

const void *ovp_kernel_tile_packed(const ovp_ctx *ctx, const ovp_kernel_rows *rows, const void *packed, ovp_idx tile,
                                   ovp_idx index) {
    const ovp_idx values = values_of(ovp_numeric_packed_for(ctx, rows->type), 0, rows, tile);
    return (const char *)packed + (size_t)(index * values) * ovp_numeric_type_size(rows->type);
}
