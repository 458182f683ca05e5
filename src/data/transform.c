/* Resizing, and the random mirror and window of training images (torchvision's RandomHorizontalFlip and RandomCrop). */
#include "data/data_int.h"

#include <string.h>

#define IMAGES_A_TASK 64

/* ---- resize -------------------------------------------------------------------------------------- */

typedef struct resizing {
    const ovp_numeric_array *from;
    ovp_numeric_array *to;
    const ovp_data_work *work;
    ovp_idx rows, cols; /* new */
} resizing;

static ovp_status resize_some(ovp_ctx *worker, void *arg, ovp_idx task) {
    const resizing *r = arg;
    const ovp_data_work *work = r->work;
    const ovp_idx n = r->from->shape[0], end = (task + 1) * IMAGES_A_TASK < n ? (task + 1) * IMAGES_A_TASK : n;
    const size_t size = ovp_numeric_type_size(r->from->type);
    ovp_data_resizer *resizer = NULL;
    ovp_status status = ovp_data_resizer_create(&resizer, worker, work->rows, work->cols, r->rows, r->cols);
    for (ovp_idx i = task * IMAGES_A_TASK; status == OVP_OK && i < end; i++)
        ovp_data_resize(resizer, r->from->type, work->channels,
                        (const char *)r->from->data + (size_t)(i * r->from->shape[1]) * size,
                        (char *)r->to->data + (size_t)(i * r->to->shape[1]) * size);
    ovp_data_resizer_free(worker, resizer);
    return status;
}

static ovp_status resize_part(ovp_data_work *work, ovp_data_samples *samples) {
    const ovp_data_options *o = work->options;
    ovp_status status = OVP_OK;
    ovp_numeric_array made = {0};
    const ovp_idx shape[2] = {samples->n, work->channels * o->resize_rows * o->resize_cols};
    if (!samples->x.data) return OVP_OK;
    OVP_TRY(ovp_numeric_array_create(&made, work->ctx, samples->x.type, 2, shape));
    resizing r = {&samples->x, &made, work, o->resize_rows, o->resize_cols};
    OVP_TRY(ovp_parallel(work->ctx, (samples->n + IMAGES_A_TASK - 1) / IMAGES_A_TASK, resize_some, &r));
    ovp_numeric_array_free(work->ctx, &samples->x);
    samples->x = made;
    made = (ovp_numeric_array){0};
done:
    ovp_numeric_array_free(work->ctx, &made);
    return status;
}

static ovp_status resize_all(ovp_data_work *work) {
    const ovp_data_options *o = work->options;
    ovp_status status = OVP_OK;
    if (!o->resize_rows || (o->resize_rows == work->rows && o->resize_cols == work->cols)) return OVP_OK;
    for (int p = 0; p < OVP_DATA_PARTS; p++) OVP_TRY(resize_part(work, &work->part[p]));
    work->rows = o->resize_rows;
    work->cols = o->resize_cols;
    work->features = work->channels * work->rows * work->cols;
done:
    return status;
}

/* ---- flip and crop ------------------------------------------------------------------------------- */

/* What was drawn for one image. */
typedef struct draw {
    int flip;
    int32_t row, col; /* first of the window in the padded image */
} draw;

typedef struct augmenting {
    const ovp_data_work *work;
    const draw *draws;
    const char *from;
    char *to;
    size_t size;
} augmenting;

/* The line of the padded, perhaps mirrored image, of which `to` (zeroed) is the window beginning at column `col`. */
static void copy_line(char *to, const char *from, const augmenting *a, const draw *d) {
    const ovp_idx cols = a->work->cols, shift = d->col - a->work->options->crop_padding;
    const ovp_idx first = shift < 0 ? -shift : 0, last = shift > 0 ? cols - shift : cols;
    if (first >= last) return;
    if (d->flip) {
        for (ovp_idx j = first; j < last; j++)
            memcpy(to + (size_t)j * a->size, from + (size_t)(cols - 1 - j - shift) * a->size, a->size);
    } else {
        memcpy(to + (size_t)first * a->size, from + (size_t)(first + shift) * a->size,
               (size_t)(last - first) * a->size);
    }
}

static ovp_status augment_some(ovp_ctx *worker, void *arg, ovp_idx task) {
    const augmenting *a = arg;
    const ovp_data_work *work = a->work;
    const ovp_idx n = work->part[OVP_DATA_TRAIN].n, rows = work->rows, cols = work->cols;
    const ovp_idx end = (task + 1) * IMAGES_A_TASK < n ? (task + 1) * IMAGES_A_TASK : n;
    (void)worker;
    for (ovp_idx i = task * IMAGES_A_TASK; i < end; i++)
        for (ovp_idx c = 0; c < work->channels; c++)
            for (ovp_idx r = 0; r < rows; r++) {
                const draw *d = &a->draws[i];
                const ovp_idx plane = (i * work->channels + c) * rows, from = r + d->row - work->options->crop_padding;
                if (from < 0 || from >= rows) continue;
                copy_line(a->to + (size_t)((plane + r) * cols) * a->size,
                          a->from + (size_t)((plane + from) * cols) * a->size, a, d);
            }
    return OVP_OK;
}

/* One image after another: for the mirror one uniform number, for the window its row and its column. */
static void make_draws(draw *draws, const ovp_data_options *o, ovp_idx n) {
    for (ovp_idx i = 0; i < n; i++) {
        float u;
        int64_t offset;
        if (o->flip > 0) {
            ovp_numeric_rng_uniform(o->rng, OVP_F32, 1, 0, 1, &u);
            draws[i].flip = (double)u < o->flip;
        }
        if (!o->crop_padding) continue;
        ovp_numeric_rng_integers(o->rng, 1, 0, 2 * o->crop_padding + 1, &offset);
        draws[i].row = (int32_t)offset;
        ovp_numeric_rng_integers(o->rng, 1, 0, 2 * o->crop_padding + 1, &offset);
        draws[i].col = (int32_t)offset;
    }
}

static ovp_status augment(ovp_data_work *work) {
    const ovp_data_options *o = work->options;
    ovp_data_samples *train = &work->part[OVP_DATA_TRAIN];
    ovp_status status = OVP_OK;
    ovp_numeric_array made = {0};
    draw *draws = NULL;
    if (o->flip == 0 && !o->crop_padding) return OVP_OK;
    OVP_TRY(ovp_alloc(work->ctx, &draws, train->n, sizeof(*draws)));
    make_draws(draws, o, train->n);
    OVP_TRY(ovp_numeric_array_create(&made, work->ctx, train->x.type, 2, train->x.shape));
    augmenting a = {work, draws, train->x.data, made.data, ovp_numeric_type_size(made.type)};
    OVP_TRY(ovp_parallel(work->ctx, (train->n + IMAGES_A_TASK - 1) / IMAGES_A_TASK, augment_some, &a));
    ovp_numeric_array_free(work->ctx, &train->x);
    train->x = made;
    made = (ovp_numeric_array){0};
done:
    ovp_free(work->ctx, draws);
    ovp_numeric_array_free(work->ctx, &made);
    return status;
}

ovp_status ovp_data_transform(ovp_data_work *work) {
    const ovp_data_options *o = work->options;
    ovp_status status = OVP_OK;
    if (!work->rows && (o->resize_rows || o->flip > 0 || o->crop_padding))
        return ovp_fail(work->ctx, OVP_EINVAL, "%s: resize, flip and crop are for images; these samples are none",
                        work->name);
    OVP_TRY(resize_all(work));
    OVP_TRY(augment(work));
done:
    return status;
}
