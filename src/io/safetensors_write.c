/* safetensors as the reference implementation writes them (see safetensors.c). */
#include "io/io_int.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define METADATA OVP_IO_SAFETENSORS_METADATA

/* Its names for the types, and where they stand in its order of alignment. */
static const struct {
    const char *name;
    int rank;
} dtypes[] = {[OVP_U8] = {"U8", 0},
              [OVP_I32] = {"I32", 1},
              [OVP_F32] = {"F32", 2},
              [OVP_F64] = {"F64", 3},
              [OVP_I64] = {"I64", 4}};

/* Alignment descending, then bytes of the name, as the reference orders them. */
static int by_alignment(const void *left, const void *right) {
    const ovp_io_named_array *a = *(const ovp_io_named_array *const *)left,
                             *b = *(const ovp_io_named_array *const *)right;
    int ranks = dtypes[b->array.type].rank - dtypes[a->array.type].rank;
    return ranks ? ranks : strcmp(a->name, b->name);
}

static int64_t bytes_of(const ovp_numeric_array *array) {
    return ovp_numeric_array_count(array) * (int64_t)ovp_numeric_type_size(array->type);
}

/* Adds key to object; the value's reference is taken. */
static ovp_status add_member(ovp_ctx *ctx, const char *path, json_t *object, const char *key, json_t *value) {
    ovp_status status = OVP_OK;
    ovp_io_shown shown = ovp_io_show(key, strlen(key));
    if (json_object_get(object, key))
        status = ovp_fail(ctx, OVP_EINVAL, "%s: the name '%s' stands twice", path, shown.text);
    else if (!ovp_io_utf8(key, strlen(key)))
        status = ovp_fail(ctx, OVP_EINVAL, "%s: the name '%s' is not UTF-8", path, shown.text);
    else if (!value || json_object_set(object, key, value) != 0)
        status = ovp_fail(ctx, OVP_ENOMEM, "%s: no memory for the header", path);
    json_decref(value);
    return status;
}

static ovp_status add_metadata(ovp_ctx *ctx, const char *path, json_t *header, const ovp_io_safetensors *file) {
    json_t *object = json_object();
    ovp_status status = add_member(ctx, path, header, METADATA, object);
    for (ovp_idx i = 0; i < file->metadata_count && status == OVP_OK; i++) {
        const ovp_io_setting *setting = &file->metadata[i];
        if (!ovp_io_utf8(setting->value, strlen(setting->value)))
            return ovp_fail(ctx, OVP_EINVAL, "%s: the metadata of '%s' are not UTF-8", path,
                            ovp_io_show(setting->key, strlen(setting->key)).text);
        status = add_member(ctx, path, object, setting->key, json_string(setting->value));
    }
    return status;
}

static ovp_status add_tensor(ovp_ctx *ctx, const char *path, json_t *header, const ovp_io_named_array *a,
                             int64_t *end) {
    int64_t begin = *end;
    json_t *shape = json_array();
    if (strcmp(a->name, METADATA) == 0) {
        json_decref(shape);
        return ovp_fail(ctx, OVP_EINVAL, "%s: '%s' cannot name an array", path, METADATA);
    }
    *end += bytes_of(&a->array);
    for (int d = 0; d < a->array.ndim; d++) json_array_append_new(shape, json_integer(a->array.shape[d]));
    return add_member(ctx, path, header, a->name,
                      json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtypes[a->array.type].name, "shape", shape,
                                "data_offsets", (json_int_t)begin, (json_int_t)*end));
}

/* Header with its length before it, padded with blanks so that the items begin at a multiple of 8. */
static ovp_status make_head(ovp_text *head, ovp_ctx *ctx, const char *path, const ovp_io_safetensors *file,
                            const ovp_io_named_array *const *order) {
    ovp_status status = OVP_OK;
    int64_t end = 0;
    json_t *header = json_object();
    if (!header) return ovp_fail(ctx, OVP_ENOMEM, "%s: no memory for the header", path);
    if (file->metadata_count) OVP_TRY(add_metadata(ctx, path, header, file));
    for (ovp_idx i = 0; i < file->count; i++) OVP_TRY(add_tensor(ctx, path, header, order[i], &end));
    ovp_text_add_bytes(head, "\0\0\0\0\0\0\0", 8);
    ovp_io_json_dump(head, header, 0);
    ovp_text_add(head, "%*s", (int)(-head->length & 7), "");
    OVP_TRY(ovp_text_status(head));
    uint64_t length = head->length - 8;
    if (length > OVP_IO_SAFETENSORS_HEADER)
        status = ovp_fail(ctx, OVP_ELIMIT, "%s: a header of %llu bytes; %d is the limit", path,
                          (unsigned long long)length, OVP_IO_SAFETENSORS_HEADER);
    for (int k = 0; k < 8; k++) head->data[k] = (char)(unsigned char)(length >> 8 * k);
done:
    json_decref(header);
    return status;
}

ovp_status ovp_io_safetensors_write(ovp_ctx *ctx, const char *path, const ovp_io_safetensors *file) {
    ovp_status status = OVP_OK;
    ovp_text head = {.ctx = ctx};
    const ovp_io_named_array **order = NULL;
    ovp_io_part *parts = NULL;
    char *items = NULL;
    int64_t at = 0, total = 0;
    assert(path && file && (file->arrays || !file->count) && file->count >= 0 && file->count < INT32_MAX);
    OVP_TRY(ovp_alloc(ctx, &order, file->count, sizeof(*order)));
    OVP_TRY(ovp_alloc(ctx, &parts, file->count + 1, sizeof(*parts)));
    for (ovp_idx i = 0; i < file->count; i++) {
        order[i] = &file->arrays[i];
        total += bytes_of(&file->arrays[i].array);
    }
    qsort(order, (size_t)file->count, sizeof(*order), by_alignment);
    OVP_TRY(make_head(&head, ctx, path, file, order));
    if (OVP_IO_HOST_BIG) OVP_TRY(ovp_alloc(ctx, &items, total, 1));
    parts[0] = (ovp_io_part){head.data, head.length};
    for (ovp_idx i = 0; i < file->count; i++) {
        const ovp_numeric_array *array = &order[i]->array;
        parts[i + 1] = (ovp_io_part){array->data, (size_t)bytes_of(array)};
        if (!items) continue;
        ovp_io_copy_items(items + at, array->data, ovp_numeric_array_count(array), ovp_numeric_type_size(array->type),
                          0);
        parts[i + 1].data = items + at;
        at += bytes_of(array);
    }
    OVP_TRY(ovp_io_write_parts(ctx, path, parts, (int)file->count + 1));
done:
    ovp_text_free(&head);
    ovp_free(ctx, order);
    ovp_free(ctx, parts);
    ovp_free(ctx, items);
    return status;
}
