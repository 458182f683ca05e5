/* Packing a set of images into one npz file. */
#include "data/data_int.h"

#include <assert.h>
#include <string.h>

/* Channel, row, column to rows x cols x channels, which is what other programs expect of image arrays. */
static ovp_status channels_last(ovp_numeric_array *out, const ovp_data_work *work, const ovp_numeric_array *x) {
    const ovp_idx pixels = work->rows * work->cols, channels = work->channels;
    const ovp_idx shape[4] = {x->shape[0], work->rows, work->cols, channels};
    ovp_status status = ovp_numeric_array_create(out, work->ctx, OVP_U8, 4, shape);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < shape[0]; i++) {
        const unsigned char *from = (const unsigned char *)x->data + i * pixels * channels;
        unsigned char *to = (unsigned char *)out->data + i * pixels * channels;
        for (ovp_idx c = 0; c < channels; c++)
            for (ovp_idx p = 0; p < pixels; p++) to[p * channels + c] = from[c * pixels + p];
    }
    return OVP_OK;
}

static ovp_status class_lines(ovp_numeric_array *out, ovp_ctx *ctx, char *const *names, ovp_idx count) {
    ovp_text text = {.ctx = ctx};
    ovp_status status = OVP_OK;
    for (ovp_idx k = 0; k < count; k++) ovp_text_add(&text, "%s\n", names[k]);
    OVP_TRY(ovp_text_status(&text));
    const ovp_idx length = (ovp_idx)text.length;
    OVP_TRY(ovp_numeric_array_create(out, ctx, OVP_U8, 1, &length));
    memcpy(out->data, text.data, text.length);
done:
    ovp_text_free(&text);
    return status;
}

/* The arrays of the file; names are literals, arrays owned by `made` or borrowed from the work. */
typedef struct packed {
    ovp_io_named_array list[5];
    int owned[5];
    ovp_idx count;
} packed;

static ovp_numeric_array *add(packed *to, char *name, int owned) {
    to->list[to->count].name = name;
    to->owned[to->count] = owned;
    return &to->list[to->count++].array;
}

static ovp_status pack(ovp_data_work *work, const char *path) {
    ovp_status status = OVP_OK;
    char x_train[] = "x_train", y_train[] = "y_train", x_test[] = "x_test", y_test[] = "y_test", classes[] = "classes";
    const ovp_data_samples *train = &work->part[OVP_DATA_TRAIN], *test = &work->part[OVP_DATA_TEST];
    packed all = {.count = 0};
    OVP_TRY(channels_last(add(&all, x_train, 1), work, &train->x));
    if (train->y.data) *add(&all, y_train, 0) = train->y;
    if (test->x.data) {
        OVP_TRY(channels_last(add(&all, x_test, 1), work, &test->x));
        if (test->y.data) *add(&all, y_test, 0) = test->y;
    }
    if (work->raw.class_names)
        OVP_TRY(class_lines(add(&all, classes, 1), work->ctx, work->raw.class_names, work->classes));
    OVP_TRY(ovp_io_npz_write(work->ctx, path, all.list, all.count));
done:
    for (ovp_idx i = 0; i < all.count; i++)
        if (all.owned[i]) ovp_numeric_array_free(work->ctx, &all.list[i].array);
    return status;
}

ovp_status ovp_data_import(ovp_ctx *ctx, const char *name, const ovp_data_options *options, const char *path) {
    ovp_data_options full, given = {.size = sizeof(given)};
    ovp_data_work work = {.ctx = ctx, .name = name, .options = &full};
    ovp_status status = OVP_OK;
    char *source = NULL;
    assert(name && path);
    OVP_TRY(ovp_data_read(&work.raw, &source, &full, ctx, name, options));
    given.train = full.train, given.test = full.test;
    given.classes = full.classes, given.class_count = full.class_count;
    given.resize_rows = full.resize_rows, given.resize_cols = full.resize_cols;
    given.channels = full.channels;
    full = given;
    OVP_TRY(ovp_data_select(&work));
    OVP_TRY(ovp_data_gather(&work));
    OVP_TRY(ovp_data_transform(&work));
    if (!work.rows || work.part[OVP_DATA_TRAIN].x.type != OVP_U8) {
        status = ovp_fail(ctx, OVP_EINVAL, "%s: only images of bytes are packed; these are %s values", name,
                          ovp_numeric_type_name(work.part[OVP_DATA_TRAIN].x.type));
        goto done;
    }
    OVP_TRY(pack(&work, path));
done:
    ovp_data_work_free(&work);
    ovp_free(ctx, source);
    return status;
}
