/* safetensors: 8 bytes of little-endian header length, a JSON header (name -> dtype, shape, data_offsets; the strings
 * of
 * __metadata__), then the items of all tensors, little endian, C order, without a hole between them. What is refused
 * follows the reference implementation (github.com/huggingface/safetensors, README "Format" and Metadata::validate). */
#include "io/io_int.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Packed items are widened to f32. */
typedef enum packing { PLAIN, HALF, BRAIN } packing;
static const struct {
    const char *name;
    ovp_numeric_type type;
    packing packed;
    size_t size;
} dtypes[] = {
    {"U8", OVP_U8, PLAIN, 1},   {"F16", OVP_F32, HALF, 2},  {"BF16", OVP_F32, BRAIN, 2}, {"I32", OVP_I32, PLAIN, 4},
    {"F32", OVP_F32, PLAIN, 4}, {"F64", OVP_F64, PLAIN, 8}, {"I64", OVP_I64, PLAIN, 8},
};
#define DTYPES ((int)(sizeof(dtypes) / sizeof(dtypes[0])))

void ovp_io_safetensors_free(ovp_ctx *ctx, ovp_io_safetensors *file) {
    if (!file) return;
    ovp_io_npz_free(ctx, file->arrays, file->count);
    ovp_io_settings_free(ctx, file->metadata, file->metadata_count);
    *file = (ovp_io_safetensors){0};
}

/* One tensor of the header; name points into the JSON value. */
typedef struct tensor {
    const char *name;
    int dtype, ndim;
    ovp_idx shape[OVP_NUMERIC_MAX_DIMS];
    int64_t begin, end; /* bytes after the header */
    ovp_idx place;      /* in the header */
} tensor;

typedef struct reader {
    ovp_ctx *ctx;
    const char *name;
} reader;

static ovp_status fail(const reader *r, const char *key, const char *what) {
    return ovp_fail(r->ctx, OVP_EFORMAT, "%s: safetensors '%s': %s", r->name, ovp_io_show(key, strlen(key)).text, what);
}

/* A list of integers of at least 0; *count of them, at most `most`. */
static int take_extents(const json_t *list, int64_t *out, int *count, int most) {
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > (size_t)most) return 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        out[i] = json_integer_value(item);
        if (!json_is_integer(item) || out[i] < 0) return 0;
    }
    *count = (int)n;
    return 1;
}

static ovp_status take_tensor(const reader *r, tensor *t, const json_t *info) {
    const char *code = json_string_value(json_object_get(info, "dtype"));
    int64_t offsets[2], count;
    int pair = 0;
    if (!code) return fail(r, t->name, "an object with dtype, shape and data_offsets expected");
    for (t->dtype = 0; t->dtype < DTYPES && strcmp(code, dtypes[t->dtype].name) != 0;) t->dtype++;
    if (t->dtype == DTYPES)
        return ovp_fail(r->ctx, OVP_EFORMAT,
                        "%s: safetensors '%s': items of type '%s' are not read (F64 F32 F16 BF16 I64 I32 U8 are)",
                        r->name, ovp_io_show(t->name, strlen(t->name)).text, ovp_io_show(code, strlen(code)).text);
    if (!take_extents(json_object_get(info, "shape"), t->shape, &t->ndim, OVP_NUMERIC_MAX_DIMS))
        return fail(r, t->name, "shape must be a list of at most 8 extents of at least 0");
    if (!take_extents(json_object_get(info, "data_offsets"), offsets, &pair, 2) || pair != 2)
        return fail(r, t->name, "data_offsets must be [begin, end]");
    t->begin = offsets[0];
    t->end = offsets[1];
    if (!ovp_io_extent(&count, t->ndim, t->shape, dtypes[t->dtype].size))
        return fail(r, t->name, "the shape has more items than can be addressed");
    if (t->end < t->begin || (uint64_t)count * dtypes[t->dtype].size != (uint64_t)(t->end - t->begin))
        return ovp_fail(r->ctx, OVP_EFORMAT,
                        "%s: safetensors '%s': %lld items of type %s do not take the bytes from %lld to %lld", r->name,
                        ovp_io_show(t->name, strlen(t->name)).text, (long long)count, dtypes[t->dtype].name,
                        (long long)t->begin, (long long)t->end);
    return OVP_OK;
}

static ovp_status take_metadata(const reader *r, ovp_io_safetensors *out, const json_t *metadata) {
    ovp_status status = OVP_OK;
    if (!json_is_object(metadata)) return fail(r, OVP_IO_SAFETENSORS_METADATA, "an object of strings expected");
    OVP_TRY(ovp_alloc(r->ctx, &out->metadata, (ovp_idx)json_object_size(metadata), sizeof(*out->metadata)));
    json_t *at = (json_t *)(uintptr_t)metadata; /* jansson's iterators take no const though they only read */
    for (void *i = json_object_iter(at); i; i = json_object_iter_next(at, i)) {
        const json_t *value = json_object_iter_value(i);
        if (!json_is_string(value)) return fail(r, OVP_IO_SAFETENSORS_METADATA, "every value must be a string");
        ovp_io_setting *setting = &out->metadata[out->metadata_count++];
        OVP_TRY(ovp_strdup(r->ctx, &setting->key, json_object_iter_key(i)));
        OVP_TRY(ovp_strdup(r->ctx, &setting->value, json_string_value(value)));
    }
done:
    return status;
}

static int by_offset(const void *left, const void *right) {
    const tensor *a = left, *b = right;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end) return a->end < b->end ? -1 : 1;
    return a->place < b->place ? -1 : 1;
}

/* The tensors of the header in the order of their bytes, which they must cover without overlap or hole. */
static ovp_status take_header(const reader *r, ovp_io_safetensors *out, tensor *tensors, ovp_idx *count,
                              const json_t *header, size_t payload) {
    json_t *at = (json_t *)(uintptr_t)header;
    ovp_status status = OVP_OK;
    int64_t end = 0;
    for (void *i = json_object_iter(at); i; i = json_object_iter_next(at, i)) {
        const char *key = json_object_iter_key(i);
        if (strcmp(key, OVP_IO_SAFETENSORS_METADATA) == 0) {
            OVP_TRY(take_metadata(r, out, json_object_iter_value(i)));
            continue;
        }
        tensors[*count] = (tensor){.name = key, .place = *count};
        OVP_TRY(take_tensor(r, &tensors[(*count)++], json_object_iter_value(i)));
    }
    qsort(tensors, (size_t)*count, sizeof(*tensors), by_offset);
    for (ovp_idx i = 0; i < *count; i++) {
        if (tensors[i].begin < end) return fail(r, tensors[i].name, "its bytes overlap those of another tensor");
        if (tensors[i].begin > end) return fail(r, tensors[i].name, "a hole before its bytes");
        end = tensors[i].end;
    }
    if ((uint64_t)end != payload)
        status = ovp_fail(r->ctx, OVP_EFORMAT, "%s: safetensors header describes %lld bytes, %zu follow it", r->name,
                          (long long)end, payload);
done:
    return status;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 mantissa bits. Every value is a float. */
static float from_half(unsigned bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, mantissa = bits & 1023, word;
    float value;
    if (exponent == 0) {
        value = (float)mantissa * 0x1p-24f; /* subnormal, exact */
        memcpy(&word, &value, sizeof(word));
    } else {
        word = (exponent == 31 ? 255u : exponent + 112) << 23 | mantissa << 13;
    }
    word |= sign;
    memcpy(&value, &word, sizeof(value));
    return value;
}

/* Bfloat16 is the upper half of a float. */
static float from_brain(unsigned bits) {
    uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, sizeof(value));
    return value;
}

static ovp_status take_items(const reader *r, ovp_io_named_array *out, const tensor *t, const unsigned char *in) {
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_strdup(r->ctx, &out->name, t->name));
    OVP_TRY(ovp_numeric_array_create(&out->array, r->ctx, dtypes[t->dtype].type, t->ndim, t->shape));
    ovp_idx count = ovp_numeric_array_count(&out->array);
    float *wide = out->array.data;
    if (dtypes[t->dtype].packed == PLAIN)
        ovp_io_copy_items(out->array.data, in + t->begin, count, dtypes[t->dtype].size, 0);
    else
        for (ovp_idx i = 0; i < count; i++) {
            unsigned bits = in[t->begin + 2 * i] | (unsigned)in[t->begin + 2 * i + 1] << 8;
            wide[i] = dtypes[t->dtype].packed == HALF ? from_half(bits) : from_brain(bits);
        }
done:
    return status;
}

ovp_status ovp_io_safetensors_parse(ovp_io_safetensors *out, ovp_ctx *ctx, const char *name, const void *data,
                                    size_t bytes) {
    ovp_status status = OVP_OK;
    const unsigned char *in = data;
    reader r = {ctx, name};
    json_t *header = NULL;
    tensor *tensors = NULL;
    uint64_t length = 0;
    ovp_idx count = 0;
    assert(out && name && (data || !bytes));
    *out = (ovp_io_safetensors){0};
    if (bytes < 8) return ovp_fail(ctx, OVP_EFORMAT, "%s: not a safetensors file: %zu bytes", name, bytes);
    for (int k = 0; k < 8; k++) length |= (uint64_t)in[k] << 8 * k;
    if (length > OVP_IO_SAFETENSORS_HEADER)
        return ovp_fail(ctx, OVP_ELIMIT, "%s: safetensors header claims %llu bytes; %d is the limit", name,
                        (unsigned long long)length, OVP_IO_SAFETENSORS_HEADER);
    if (length > bytes - 8)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: safetensors header claims %llu bytes, %zu follow", name,
                        (unsigned long long)length, bytes - 8);
    if (!length || in[8] != '{')
        return ovp_fail(ctx, OVP_EFORMAT, "%s: a safetensors header must begin with '{'", name);
    OVP_TRY(ovp_io_json_parse(&header, ctx, name, (const char *)in + 8, (size_t)length));
    OVP_TRY(ovp_alloc(ctx, &tensors, (ovp_idx)json_object_size(header), sizeof(*tensors)));
    OVP_TRY(take_header(&r, out, tensors, &count, header, bytes - 8 - (size_t)length));
    OVP_TRY(ovp_alloc(ctx, &out->arrays, count, sizeof(*out->arrays)));
    for (ovp_idx i = 0; i < count; i++) {
        out->count = i + 1; /* the failed one may hold a part */
        OVP_TRY(take_items(&r, &out->arrays[i], &tensors[i], in + 8 + length));
    }
done:
    json_decref(header);
    ovp_free(ctx, tensors);
    if (status != OVP_OK) ovp_io_safetensors_free(ctx, out);
    return status;
}

ovp_status ovp_io_safetensors_read(ovp_io_safetensors *out, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && path);
    *out = (ovp_io_safetensors){0};
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_FILE_LIMIT, 0));
    OVP_TRY(ovp_io_safetensors_parse(out, ctx, path, data, bytes));
done:
    ovp_free(ctx, data);
    return status;
}
