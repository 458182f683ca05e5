/* Sets in the four IDX files of MNIST's layout. */
#include "data/data_int.h"

static ovp_status read_file(ovp_numeric_array *out, char **path, ovp_ctx *ctx, const char *folder,
                            const ovp_data_file *file) {
    char *data = NULL;
    size_t bytes = 0;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_data_file_path(path, ctx, folder, file->name));
    if (!*path) {
        status = ovp_fail(ctx, OVP_ENOTFOUND, "%s: %s is missing here (or %s.gz)", folder, file->name, file->name);
        goto done;
    }
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, *path, OVP_DATA_FILE_LIMIT, 1));
    OVP_TRY(ovp_io_idx_parse(out, ctx, *path, data, bytes));
done:
    ovp_free(ctx, data);
    return status;
}

/* Images (n x rows x cols) and labels (n) of one half; file[0] and file[1] name them. */
static ovp_status read_pair(ovp_numeric_array *images, ovp_numeric_array *labels, ovp_ctx *ctx,
                            const ovp_data_idx_format *format, const char *folder, const ovp_data_file *file) {
    ovp_status status = OVP_OK;
    char *image_path = NULL, *label_path = NULL;
    OVP_TRY(read_file(images, &image_path, ctx, folder, &file[0]));
    if (images->type != OVP_U8 || images->ndim != 3) {
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: %d-dimensional %s items; images (3 dimensions of u8) expected",
                          image_path, images->ndim, ovp_numeric_type_name(images->type));
        goto done;
    }
    if (images->shape[1] != format->rows || images->shape[2] != format->cols) {
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: images of %lld x %lld; %lld x %lld expected", image_path,
                          (long long)images->shape[1], (long long)images->shape[2], (long long)format->rows,
                          (long long)format->cols);
        goto done;
    }
    OVP_TRY(read_file(labels, &label_path, ctx, folder, &file[1]));
    if (labels->type != OVP_U8 || labels->ndim != 1) {
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: %d-dimensional %s items; labels (1 dimension of u8) expected",
                          label_path, labels->ndim, ovp_numeric_type_name(labels->type));
        goto done;
    }
    if (labels->shape[0] != images->shape[0]) {
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: %lld labels for the %lld images of %s", label_path,
                          (long long)labels->shape[0], (long long)images->shape[0], image_path);
        goto done;
    }
    const unsigned char *label = labels->data;
    for (ovp_idx i = 0; i < labels->shape[0]; i++) {
        if (label[i] < format->classes) continue;
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: label %d at position %lld (from 0); labels are 0 to %lld", label_path,
                          label[i], (long long)i, (long long)format->classes - 1);
        goto done;
    }
done:
    ovp_free(ctx, image_path);
    ovp_free(ctx, label_path);
    return status;
}

/* Images become rows of features, labels int32. */
static ovp_status read_part(ovp_data_part *out, ovp_ctx *ctx, const ovp_data_idx_format *format, const char *folder,
                            const ovp_data_file *file) {
    ovp_status status = OVP_OK;
    ovp_numeric_array labels = {0};
    OVP_TRY(read_pair(&out->x, &labels, ctx, format, folder, file));
    out->present = 1;
    out->n = labels.shape[0];
    out->x.ndim = 2;
    out->x.shape[1] = format->rows * format->cols;
    OVP_TRY(ovp_numeric_array_create(&out->y, ctx, OVP_I32, 1, &out->n));
    const unsigned char *label = labels.data;
    int32_t *to = out->y.data;
    for (ovp_idx i = 0; i < out->n; i++) to[i] = label[i];
done:
    ovp_numeric_array_free(ctx, &labels);
    return status;
}

static ovp_status read_set(ovp_data_raw *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *source,
                           const ovp_data_options *options) {
    ovp_status status = OVP_OK;
    const ovp_data_idx_format *format = entry->detail->format;
    (void)options;
    OVP_TRY(read_part(&out->train, ctx, format, source, entry->detail->files));
    OVP_TRY(read_part(&out->test, ctx, format, source, entry->detail->files + 2));
    out->rows = format->rows;
    out->cols = format->cols;
    out->channels = 1;
    out->classes = format->classes;
done:
    return status;
}

const ovp_data_reader ovp_data_idx_reader = {.read = read_set};
