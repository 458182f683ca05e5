/* Sets in the four IDX files of MNIST's layout. */
#include "data/data_int.h"

#include <assert.h>
#include <math.h>

/* ---- reading and checking ------------------------------------------------------------------------ */

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

static ovp_status check(ovp_ctx *ctx, const ovp_data_entry *entry, const char *folder) {
    ovp_status status = OVP_OK;
    for (int half = 0; status == OVP_OK && half < 2; half++) {
        ovp_numeric_array images = {0}, labels = {0};
        status = read_pair(&images, &labels, ctx, entry->detail->format, folder, entry->detail->files + 2 * half);
        ovp_numeric_array_free(ctx, &images);
        ovp_numeric_array_free(ctx, &labels);
    }
    return status;
}

/* ---- pixels to inputs ---------------------------------------------------------------------------- */

/* The input that each of the 256 pixel values becomes. */
typedef struct scaling {
    float f32[256];
    double f64[256];
} scaling;

/* For OVP_SCALE_STANDARD: mean and standard deviation (divisor: the number of pixels) over count pixels, exact up to
 * the last rounding because they come from a histogram. */
static ovp_status make_scaling(scaling *out, ovp_ctx *ctx, const char *name, ovp_data_scale scale,
                               const unsigned char *pixels, ovp_idx count) {
    int64_t histogram[256] = {0};
    double mean = 0, std = 1;
    if (scale == OVP_SCALE_STANDARD) {
        for (ovp_idx i = 0; i < count; i++) histogram[pixels[i]]++;
        int64_t sum = 0;
        double squares = 0;
        for (int v = 0; v < 256; v++) sum += v * histogram[v];
        mean = (double)sum / (double)count;
        for (int v = 0; v < 256; v++) squares += (double)histogram[v] * (v - mean) * (v - mean);
        std = sqrt(squares / (double)count);
        if (!(std > 0))
            return ovp_fail(ctx, OVP_EINVAL,
                            "%s: all pixels of the training images are equal, so they cannot be scaled to a standard "
                            "deviation of 1; use scale raw or unit",
                            name);
    }
    for (int v = 0; v < 256; v++) {
        out->f64[v] = scale == OVP_SCALE_RAW ? v : scale == OVP_SCALE_UNIT ? v / 255.0 : (v - mean) / std;
        /* Divided as a float, as torchvision's ToTensor does. */
        out->f32[v] = scale == OVP_SCALE_UNIT ? (float)v / 255.0f : (float)out->f64[v];
    }
    return OVP_OK;
}

/* The first n images and labels as inputs (n x features) of the type asked for and int32 labels. */
static ovp_status convert(ovp_numeric_array *x, ovp_numeric_array *y, ovp_ctx *ctx, const scaling *map,
                          ovp_numeric_type type, const ovp_numeric_array *images, const ovp_numeric_array *labels,
                          ovp_idx n) {
    ovp_idx features = images->shape[1] * images->shape[2];
    ovp_status status = ovp_numeric_array_create(x, ctx, type, 2, (const ovp_idx[]){n, features});
    if (status == OVP_OK) status = ovp_numeric_array_create(y, ctx, OVP_I32, 1, &n);
    if (status != OVP_OK) return status;
    const unsigned char *pixel = images->data, *label = labels->data;
    if (type == OVP_F32) {
        float *to = x->data;
        for (ovp_idx i = 0; i < n * features; i++) to[i] = map->f32[pixel[i]];
    } else {
        double *to = x->data;
        for (ovp_idx i = 0; i < n * features; i++) to[i] = map->f64[pixel[i]];
    }
    int32_t *to = y->data;
    for (ovp_idx i = 0; i < n; i++) to[i] = label[i];
    return OVP_OK;
}

static ovp_status choose(ovp_idx *out, ovp_ctx *ctx, const char *name, const char *half, ovp_idx wanted, ovp_idx have) {
    *out = wanted ? wanted : have;
    if (wanted <= have && have > 0) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: %lld %s samples asked for; 1 to %lld can be had (0 = all)", name,
                    (long long)wanted, half, (long long)have);
}

static ovp_status load(ovp_data_set *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *folder,
                       const ovp_data_options *options) {
    ovp_status status = OVP_OK;
    ovp_numeric_array images = {0}, labels = {0};
    const ovp_data_idx_format *format = entry->detail->format;
    scaling map;
    ovp_idx n;
    OVP_TRY(read_pair(&images, &labels, ctx, format, folder, entry->detail->files));
    OVP_TRY(choose(&n, ctx, entry->info.name, "training", options->train, images.shape[0]));
    OVP_TRY(make_scaling(&map, ctx, entry->info.name, options->scale, images.data, n * format->rows * format->cols));
    OVP_TRY(convert(&out->x_train, &out->y_train, ctx, &map, options->type, &images, &labels, n));
    ovp_numeric_array_free(ctx, &images);
    ovp_numeric_array_free(ctx, &labels);
    OVP_TRY(read_pair(&images, &labels, ctx, format, folder, entry->detail->files + 2));
    OVP_TRY(choose(&n, ctx, entry->info.name, "test", options->test, images.shape[0]));
    OVP_TRY(convert(&out->x_test, &out->y_test, ctx, &map, options->type, &images, &labels, n));
    out->features = format->rows * format->cols;
    out->classes = format->classes;
    out->image_rows = format->rows;
    out->image_cols = format->cols;
done:
    ovp_numeric_array_free(ctx, &images);
    ovp_numeric_array_free(ctx, &labels);
    return status;
}

const ovp_data_reader ovp_data_idx_reader = {.load = load, .check = check};
