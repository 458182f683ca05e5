/* Inner products of points that are mostly zeros: rows as non-zeros in panels, the other side turned so that a panel of
 * it stays in the first-level cache while all rows of a tile pass over it. */
#include "kernel/functions_int.h"

#include <string.h>

enum { CHUNK = 256 };
#define SPARSE 0.4 /* share of non-zeros below which the sparse product is faster */

int ovp_kernel_is_sparse(const ovp_kernel *kernel, const ovp_kernel_rows *rows) {
    if (kernel->products != OVP_PRODUCTS_AUTO) return kernel->products == OVP_PRODUCTS_SPARSE;
    return (double)rows->nonzeros < SPARSE * (double)rows->count * (double)rows->d;
}

/* ---- the turned side ---- */

/* Columns of a strip. */
static ovp_idx strip_of(ovp_numeric_type type) {
    return OVP_KERNEL_STRIP_BYTES / (ovp_idx)ovp_numeric_type_size(type);
}

static ovp_status turn_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const ovp_kernel_rows *r = arg;
    const ovp_idx strip = strip_of(r->type), d = r->d, first = task * strip;
    const ovp_idx rows = first + strip < r->count ? strip : r->count - first;
    const void *x = ovp_kernel_row(r, first);
    char *to = (char *)r->turned + (size_t)(task * d) * OVP_KERNEL_STRIP_BYTES;
    enum { SQUARE = 16 }; /* features whose lines stay in cache while the rows pass */
    (void)worker;
    for (ovp_idx k = 0; k < d; k += SQUARE)
        for (ovp_idx i = 0; i < rows; i++)
            for (ovp_idx q = k; q < k + SQUARE && q < d; q++)
                if (r->type == OVP_F32)
                    ((float *)(void *)to)[q * strip + i] = ((const float *)x)[i * d + q];
                else
                    ((double *)(void *)to)[q * strip + i] = ((const double *)x)[i * d + q];
    return OVP_OK;
}

ovp_status ovp_kernel_rows_turn(ovp_kernel_rows *rows, ovp_ctx *ctx) {
    const ovp_idx strip = strip_of(rows->type), strips = (rows->count + strip - 1) / strip;
    ovp_status status = ovp_alloc(ctx, &rows->turned, strips * rows->d, OVP_KERNEL_STRIP_BYTES);
    return status == OVP_OK ? ovp_parallel(ctx, strips, turn_task, rows) : status;
}

/* ---- the sparse side ---- */

typedef struct block_job {
    const ovp_kernel_rows *rows;
    ovp_idx first, count, tile;
    ovp_numeric_sparse *blocks;
} block_job;

static ovp_status block_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const block_job *j = arg;
    const ovp_idx start = task * j->tile, rows = start + j->tile < j->count ? j->tile : j->count - start;
    return ovp_numeric_sparse_build(&j->blocks[task], worker, j->rows->type, ovp_kernel_row(j->rows, j->first + start),
                                    rows, j->rows->d, 0);
}

ovp_status ovp_kernel_blocks_make(ovp_numeric_sparse **out, ovp_ctx *ctx, const ovp_kernel_rows *rows, ovp_idx first,
                                  ovp_idx count, ovp_idx tile) {
    const ovp_idx blocks = (count + tile - 1) / tile;
    block_job j = {rows, first, count, tile, NULL};
    ovp_status status = ovp_alloc(ctx, &j.blocks, blocks, sizeof *j.blocks);
    if (status == OVP_OK) status = ovp_parallel(ctx, blocks, block_task, &j);
    *out = j.blocks;
    return status;
}

void ovp_kernel_blocks_free(ovp_ctx *ctx, ovp_numeric_sparse *blocks, ovp_idx count, ovp_idx tile) {
    for (ovp_idx i = 0; blocks && i < (count + tile - 1) / tile; i++) ovp_numeric_sparse_free(ctx, &blocks[i]);
    ovp_free(ctx, blocks);
}

/* ---- a tile ---- */

void ovp_kernel_tile_sparse(ovp_ctx *worker, const ovp_kernel_tile *t, void *scratch) {
    const ovp_kernel_rows *b = t->b;
    const ovp_kernel_point_kernels *points = ovp_kernel_point_kernels_for(worker, b->type);
    const size_t size = ovp_numeric_type_size(b->type);
    const ovp_idx strip = strip_of(b->type), end = t->first[1] + t->count[1];
    for (ovp_idx j = t->first[1]; j < end;) {
        const ovp_idx from = j % strip, left = strip - from < end - j ? strip - from : end - j;
        const ovp_idx whole = (left + OVP_KERNEL_ALIGNED - 1) / OVP_KERNEL_ALIGNED * OVP_KERNEL_ALIGNED;
        const char *turned = (const char *)b->turned + (size_t)(j / strip * b->d) * OVP_KERNEL_STRIP_BYTES;
        char *to = t->out + (size_t)(j - t->first[1]) * size;
        memset(scratch, 0, (size_t)t->count[0] * OVP_KERNEL_STRIP_BYTES);
        points->sparse_product(t->sparse, turned + (size_t)from * size, strip, scratch, strip, whole);
        for (ovp_idx i = 0; i < t->count[0]; i++)
            memcpy(to + (size_t)(i * t->ld) * size, (const char *)scratch + (size_t)i * OVP_KERNEL_STRIP_BYTES,
                   (size_t)left * size);
        j += left;
    }
}
