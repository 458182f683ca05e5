/* Image files into rows of features, in parallel: which task takes a file changes nothing. */
#include "data/data_int.h"

#include <assert.h>
#include <string.h>

#define FILES_A_TASK 16

typedef struct decoder {
    ovp_data_work *work;
    const ovp_data_part *part;
    const ovp_data_chosen *chosen;
    unsigned char *to;
} decoder;

/* [rows, cols, channels] to channel, row, column. */
static void to_planes(unsigned char *to, const unsigned char *pixel, ovp_idx pixels, ovp_idx channels) {
    for (ovp_idx c = 0; c < channels; c++)
        for (ovp_idx p = 0; p < pixels; p++) to[c * pixels + p] = pixel[p * channels + c];
}

static ovp_status resize_image(unsigned char *to, ovp_ctx *ctx, const ovp_data_work *work,
                               const ovp_numeric_array *image) {
    ovp_status status = OVP_OK;
    const ovp_idx rows = image->shape[0], cols = image->shape[1], channels = image->shape[2];
    ovp_data_resizer *resizer = NULL;
    unsigned char *planes = NULL;
    OVP_TRY(ovp_alloc(ctx, &planes, rows * cols * channels, 1));
    to_planes(planes, image->data, rows * cols, channels);
    OVP_TRY(ovp_data_resizer_create(&resizer, ctx, rows, cols, work->rows, work->cols));
    ovp_data_resize(resizer, OVP_U8, channels, planes, to);
done:
    ovp_data_resizer_free(ctx, resizer);
    ovp_free(ctx, planes);
    return status;
}

static ovp_status read_image(ovp_numeric_array *image, ovp_ctx *ctx, const ovp_data_work *work, const char *path) {
    ovp_status status = ovp_io_image_read(image, ctx, path, work->options->channels);
    if (status != OVP_OK) return status;
    assert(image->type == OVP_U8 && image->ndim == 3);
    const ovp_idx channels = image->shape[2];
    if (image->shape[0] < 1 || image->shape[1] < 1 || (channels != 1 && channels != 3))
        return ovp_fail(ctx, OVP_EFORMAT,
                        "%s: image of %lld x %lld pixels with %lld channels; 1 (gray) or 3 (RGB) can be used: set "
                        "channels",
                        path, (long long)image->shape[0], (long long)image->shape[1], (long long)channels);
    return OVP_OK;
}

static ovp_status decode_one(const decoder *d, ovp_ctx *ctx, ovp_idx i) {
    const ovp_data_work *work = d->work;
    const char *path = d->part->files[d->chosen->rows[i]];
    ovp_numeric_array image = {0};
    unsigned char *to = d->to + i * work->rows * work->cols * work->channels;
    ovp_status status = OVP_OK;
    OVP_TRY(read_image(&image, ctx, work, path));
    const ovp_idx rows = image.shape[0], cols = image.shape[1], channels = image.shape[2];
    if (channels != work->channels) {
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: %s image among %s ones; choose 1 or 3 channels for all", path,
                          channels == 1 ? "a gray" : "an RGB", channels == 1 ? "RGB" : "gray");
    } else if (rows == work->rows && cols == work->cols) {
        to_planes(to, image.data, rows * cols, channels);
    } else if (work->options->resize_rows) {
        status = resize_image(to, ctx, work, &image);
    } else {
        status = ovp_fail(ctx, OVP_EFORMAT,
                          "%s: image of %lld x %lld pixels (rows x columns), the first one has %lld x %lld; resize "
                          "brings all to one size",
                          path, (long long)rows, (long long)cols, (long long)work->rows, (long long)work->cols);
    }
done:
    ovp_numeric_array_free(ctx, &image);
    return status;
}

static ovp_status decode_some(ovp_ctx *worker, void *arg, ovp_idx task) {
    const decoder *d = arg;
    ovp_idx end = (task + 1) * FILES_A_TASK < d->chosen->n ? (task + 1) * FILES_A_TASK : d->chosen->n;
    ovp_status status = OVP_OK;
    for (ovp_idx i = task * FILES_A_TASK; status == OVP_OK && i < end; i++) status = decode_one(d, worker, i);
    return status;
}

/* Rows, columns and channels of all images: of the first training image, unless they are asked for. */
static ovp_status find_geometry(ovp_data_work *work, const char *path) {
    ovp_numeric_array image = {0};
    ovp_status status = read_image(&image, work->ctx, work, path);
    if (status == OVP_OK) {
        work->rows = work->options->resize_rows ? work->options->resize_rows : image.shape[0];
        work->cols = work->options->resize_cols ? work->options->resize_cols : image.shape[1];
        work->channels = image.shape[2];
    }
    ovp_numeric_array_free(work->ctx, &image);
    return status;
}

ovp_status ovp_data_decode(ovp_data_work *work, ovp_numeric_array *x, const ovp_data_part *part,
                           const ovp_data_chosen *chosen) {
    ovp_status status = OVP_OK;
    if (!work->channels) OVP_TRY(find_geometry(work, part->files[chosen->rows[0]]));
    const ovp_idx shape[2] = {chosen->n, work->rows * work->cols * work->channels};
    OVP_TRY(ovp_numeric_array_create(x, work->ctx, OVP_U8, 2, shape));
    decoder d = {work, part, chosen, x->data};
    OVP_TRY(ovp_parallel(work->ctx, (chosen->n + FILES_A_TASK - 1) / FILES_A_TASK, decode_some, &d));
done:
    return status;
}
