/* The user's own arrays: an npz file. */
#include "data/data_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct arrays {
    ovp_ctx *ctx;
    const char *path;
    ovp_io_named_array *list;
    ovp_idx count;
} arrays;

static ovp_numeric_array *named(const arrays *a, const char *name) {
    for (ovp_idx i = 0; i < a->count; i++)
        if (strcmp(a->list[i].name, name) == 0) return &a->list[i].array;
    return NULL;
}

static ovp_status fail_missing(const arrays *a) {
    char have[160] = "";
    size_t n = 0;
    for (ovp_idx i = 0; i < a->count && n < sizeof(have); i++)
        n += (size_t)snprintf(have + n, sizeof(have) - n, "%s%.40s", i ? ", " : "", a->list[i].name);
    return ovp_fail(a->ctx, OVP_EFORMAT,
                    "%s: x_train and y_train (with x_test and y_test), or x and y expected; it holds %s", a->path,
                    n ? have : "no array");
}

/* ---- inputs -------------------------------------------------------------------------------------- */

/* Whether an array is of images, and how: n x rows x cols, n x rows x cols x channels, n x channels x rows x cols. */
static int find_images(const ovp_numeric_array *x, ovp_idx *rows, ovp_idx *cols, ovp_idx *channels, int *last) {
    const ovp_idx *s = x->shape;
    *last = 0;
    *channels = 1;
    if (x->ndim == 3) {
        *rows = s[1], *cols = s[2];
    } else if (x->ndim == 4 && (s[3] == 1 || s[3] == 3)) {
        *rows = s[1], *cols = s[2], *channels = s[3], *last = 1;
    } else if (x->ndim == 4 && (s[1] == 1 || s[1] == 3)) {
        *rows = s[2], *cols = s[3], *channels = s[1];
    } else {
        return 0;
    }
    return 1;
}

static ovp_status check_finite(const arrays *a, const char *name, const ovp_numeric_array *x) {
    const ovp_idx count = ovp_numeric_array_count(x), width = x->shape[0] ? count / x->shape[0] : 1;
    for (ovp_idx i = 0; x->type != OVP_U8 && i < count; i++) {
        double v = x->type == OVP_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i];
        if (!isfinite(v))
            return ovp_fail(a->ctx, OVP_EFORMAT, "%s: %s is %s at sample %lld, value %lld (from 0)", a->path, name,
                            isnan(v) ? "not a number" : "infinite", (long long)(i / width), (long long)(i % width));
    }
    return OVP_OK;
}

/* Channels last to channels first, the values of one sample at a time. */
static ovp_status reorder(const arrays *a, ovp_numeric_array *x, ovp_idx pixels, ovp_idx channels) {
    const size_t size = ovp_numeric_type_size(x->type);
    char *kept = NULL;
    ovp_status status = ovp_alloc(a->ctx, &kept, pixels * channels, size);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < x->shape[0]; i++) {
        char *sample = (char *)x->data + (size_t)(i * pixels * channels) * size;
        memcpy(kept, sample, (size_t)(pixels * channels) * size);
        for (ovp_idx c = 0; c < channels; c++)
            for (ovp_idx p = 0; p < pixels; p++)
                memcpy(sample + (size_t)(c * pixels + p) * size, kept + (size_t)(p * channels + c) * size, size);
    }
    ovp_free(a->ctx, kept);
    return OVP_OK;
}

/* Takes the array out of the list and makes it n x features. */
static ovp_status take_inputs(ovp_data_part *out, ovp_data_raw *raw, const arrays *a, const char *name) {
    ovp_numeric_array *x = named(a, name);
    ovp_idx rows = 0, cols = 0, channels = 0;
    int last = 0;
    ovp_status status = OVP_OK;
    if (x->type != OVP_U8 && x->type != OVP_F32 && x->type != OVP_F64)
        return ovp_fail(a->ctx, OVP_EFORMAT, "%s: %s is of type %s; u8, f32 or f64 expected", a->path, name,
                        ovp_numeric_type_name(x->type));
    int images = find_images(x, &rows, &cols, &channels, &last);
    if ((x->ndim != 2 && !images) || ovp_numeric_array_count(x) < 1)
        return ovp_fail(a->ctx, OVP_EFORMAT,
                        "%s: %s has %d dimensions, %lld values; samples x features, or images with 1 or 3 channels "
                        "(n x rows x cols, n x rows x cols x channels) expected, at least one sample",
                        a->path, name, x->ndim, (long long)ovp_numeric_array_count(x));
    OVP_TRY(check_finite(a, name, x));
    if (last && channels > 1) OVP_TRY(reorder(a, x, rows * cols, channels));
    out->x = *x;
    *x = (ovp_numeric_array){0};
    out->present = 1;
    out->n = out->x.shape[0];
    out->x.shape[1] = ovp_numeric_array_count(&out->x) / out->n;
    out->x.ndim = 2;
    if (out == &raw->train) {
        raw->rows = images ? rows : 0;
        raw->cols = images ? cols : 0;
        raw->channels = images ? channels : 0;
    } else if (out->x.type != raw->train.x.type || out->x.shape[1] != raw->train.x.shape[1] ||
               raw->rows != (images ? rows : 0) || raw->cols != (images ? cols : 0)) {
        status = ovp_fail(
            a->ctx, OVP_EFORMAT, "%s: x_test (%s, %lld x %lld) and x_train (%s, %lld x %lld) are of different kinds",
            a->path, ovp_numeric_type_name(out->x.type), (long long)out->n, (long long)out->x.shape[1],
            ovp_numeric_type_name(raw->train.x.type), (long long)raw->train.n, (long long)raw->train.x.shape[1]);
    }
done:
    return status;
}

/* ---- targets ------------------------------------------------------------------------------------- */

static int64_t whole(const ovp_numeric_array *y, ovp_idx i) {
    return y->type == OVP_U8    ? ((const unsigned char *)y->data)[i]
           : y->type == OVP_I32 ? ((const int32_t *)y->data)[i]
                                : ((const int64_t *)y->data)[i];
}

static ovp_status take_labels(ovp_data_part *out, ovp_data_raw *raw, const arrays *a, const char *name,
                              const ovp_numeric_array *y) {
    if (y->ndim != 1)
        return ovp_fail(a->ctx, OVP_EFORMAT, "%s: %s has %d dimensions; labels (whole numbers) have 1", a->path, name,
                        y->ndim);
    ovp_status status = ovp_numeric_array_create(&out->y, a->ctx, OVP_I32, 1, &out->n);
    for (ovp_idx i = 0; status == OVP_OK && i < out->n; i++) {
        const int64_t label = whole(y, i);
        if (label < 0 || label >= OVP_DATA_CLASS_LIMIT)
            return ovp_fail(a->ctx, OVP_EFORMAT, "%s: %s: label %lld at position %lld (from 0); labels are 0 to %d",
                            a->path, name, (long long)label, (long long)i, OVP_DATA_CLASS_LIMIT - 1);
        ((int32_t *)out->y.data)[i] = (int32_t)label;
        if (label >= raw->classes) raw->classes = label + 1;
    }
    return status;
}

static ovp_status take_reals(ovp_data_part *out, const arrays *a, const char *name, const ovp_numeric_array *y) {
    if (y->ndim != 1 && y->ndim != 2)
        return ovp_fail(a->ctx, OVP_EFORMAT, "%s: %s has %d dimensions; samples x targets expected", a->path, name,
                        y->ndim);
    ovp_status status = check_finite(a, name, y);
    const ovp_idx shape[2] = {out->n, y->ndim == 2 ? y->shape[1] : 1};
    if (status == OVP_OK && shape[1] < 1) return ovp_fail(a->ctx, OVP_EFORMAT, "%s: %s has no column", a->path, name);
    if (status == OVP_OK) status = ovp_numeric_array_create(&out->y, a->ctx, OVP_F64, 2, shape);
    for (ovp_idx i = 0; status == OVP_OK && i < shape[0] * shape[1]; i++)
        ((double *)out->y.data)[i] = y->type == OVP_F32 ? (double)((const float *)y->data)[i] : ((double *)y->data)[i];
    return status;
}

static ovp_status take_targets(ovp_data_part *out, ovp_data_raw *raw, const arrays *a, const char *name) {
    const ovp_numeric_array *y = named(a, name);
    if (y->ndim < 1 || y->shape[0] != out->n)
        return ovp_fail(a->ctx, OVP_EFORMAT, "%s: %s has %lld entries for %lld samples", a->path, name,
                        (long long)(y->ndim ? y->shape[0] : 1), (long long)out->n);
    return y->type == OVP_F32 || y->type == OVP_F64 ? take_reals(out, a, name, y) : take_labels(out, raw, a, name, y);
}

/* `classes`: a name a line. */
static ovp_status take_names(ovp_data_raw *raw, const arrays *a) {
    ovp_status status = OVP_OK;
    const ovp_numeric_array *bytes = named(a, "classes");
    const char **names = NULL;
    char *text = NULL;
    ovp_idx lines = 0, at = 0;
    if (!bytes || !raw->classes) return OVP_OK;
    const ovp_idx length = bytes->ndim == 1 && bytes->type == OVP_U8 ? bytes->shape[0] : 0;
    OVP_TRY(ovp_alloc(a->ctx, &text, length + 1, 1));
    if (length) memcpy(text, bytes->data, (size_t)length);
    for (ovp_idx i = 0; i < length; i++) lines += text[i] == '\n';
    if (lines < raw->classes || lines > OVP_DATA_CLASS_LIMIT || text[length - 1] != '\n' ||
        memchr(text, 0, (size_t)length)) {
        status = ovp_fail(a->ctx, OVP_EFORMAT, "%s: classes (u8) must be at least %lld lines of text, it has %lld",
                          a->path, (long long)raw->classes, (long long)lines);
        goto done;
    }
    OVP_TRY(ovp_alloc(a->ctx, &names, lines, sizeof(*names)));
    for (ovp_idx k = 0; k < lines; k++) {
        names[k] = text + at;
        while (text[at] != '\n') at++;
        text[at++] = 0;
        if (ovp_data_name_is_clean(names[k])) continue;
        status =
            ovp_fail(a->ctx, OVP_EFORMAT, "%s: classes: control characters in line %lld", a->path, (long long)k + 1);
        goto done;
    }
    raw->classes = lines;
    OVP_TRY(ovp_data_block(&raw->class_names, a->ctx, names, lines));
done:
    ovp_free(a->ctx, names);
    ovp_free(a->ctx, text);
    return status;
}

static ovp_status read_set(ovp_data_raw *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *source,
                           const ovp_data_options *options) {
    ovp_status status = OVP_OK;
    arrays a = {.ctx = ctx, .path = source};
    (void)entry, (void)options;
    OVP_TRY(ovp_io_npz_read(&a.list, &a.count, ctx, source));
    const int halves = named(&a, "x_train") != NULL;
    const char *x = halves ? "x_train" : "x", *y = halves ? "y_train" : "y";
    const int labelled = named(&a, y) != NULL, tested = halves && named(&a, "x_test");
    /* Targets on one side only are an oversight; none at all is a set without labels. */
    if (!named(&a, x) || (halves && !tested && named(&a, "y_test")) ||
        (tested && labelled != (named(&a, "y_test") != NULL))) {
        status = fail_missing(&a);
        goto done;
    }
    OVP_TRY(take_inputs(&out->train, out, &a, x));
    if (tested) OVP_TRY(take_inputs(&out->test, out, &a, "x_test"));
    if (labelled) OVP_TRY(take_targets(&out->train, out, &a, y));
    if (labelled && tested) {
        OVP_TRY(take_targets(&out->test, out, &a, "y_test"));
        if (out->train.y.type != out->test.y.type ||
            (out->train.y.ndim == 2 && out->train.y.shape[1] != out->test.y.shape[1])) {
            status = ovp_fail(ctx, OVP_EFORMAT, "%s: y_train and y_test are of different kinds", source);
            goto done;
        }
    }
    OVP_TRY(take_names(out, &a));
done:
    ovp_io_npz_free(ctx, a.list, a.count);
    return status;
}

extern const ovp_data_reader ovp_data_npz_reader;
const ovp_data_reader ovp_data_npz_reader = {.read = read_set};
