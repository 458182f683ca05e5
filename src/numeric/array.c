/* Dense arrays and their element types. */
#include <overparam/numeric.h>

#include <assert.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [OVP_F32] = {"f32", 4}, [OVP_F64] = {"f64", 8}, [OVP_I64] = {"i64", 8},
    [OVP_I32] = {"i32", 4}, [OVP_U8] = {"u8", 1},
};
enum { TYPES = sizeof types / sizeof *types };

size_t ovp_numeric_type_size(ovp_numeric_type type) {
    assert((int)type >= 0 && (int)type < TYPES);
    return types[type].size;
}

const char *ovp_numeric_type_name(ovp_numeric_type type) {
    return (int)type >= 0 && (int)type < TYPES ? types[type].name : "unknown";
}

ovp_status ovp_numeric_array_create(ovp_numeric_array *out, ovp_ctx *ctx, ovp_numeric_type type, int ndim,
                                    const ovp_idx *shape) {
    memset(out, 0, sizeof *out);
    if ((int)type < 0 || (int)type >= TYPES)
        return ovp_fail(ctx, OVP_EINVAL, "array: element type %d, allowed 0..%d", (int)type, TYPES - 1);
    if (ndim < 0 || ndim > OVP_NUMERIC_MAX_DIMS)
        return ovp_fail(ctx, OVP_EINVAL, "array: %d dimensions, allowed 0..%d", ndim, OVP_NUMERIC_MAX_DIMS);
    ovp_idx count = 1, bytes;
    int empty = 0;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0)
            return ovp_fail(ctx, OVP_EINVAL, "array: extent %lld of dimension %d, allowed 0 and more",
                            (long long)shape[d], d);
        empty |= shape[d] == 0;
    }
    if (empty) count = 0; /* whatever the other extents multiply to */
    for (int d = 0; d < ndim && !empty; d++)
        if (__builtin_mul_overflow(count, shape[d], &count)) goto overflow;
    if (__builtin_mul_overflow(count, (ovp_idx)types[type].size, &bytes)) goto overflow;

    ovp_status status = ovp_alloc(ctx, &out->data, count, types[type].size);
    if (status != OVP_OK) return status;
    out->type = type;
    out->ndim = ndim;
    for (int d = 0; d < ndim; d++) out->shape[d] = shape[d];
    return OVP_OK;
overflow:
    return ovp_fail(ctx, OVP_EINVAL, "array: the extents of its %d dimensions give more than 2^63 - 1 bytes", ndim);
}

void ovp_numeric_array_free(ovp_ctx *ctx, ovp_numeric_array *array) {
    if (!array) return;
    ovp_free(ctx, array->data);
    memset(array, 0, sizeof *array);
}

ovp_idx ovp_numeric_array_count(const ovp_numeric_array *array) {
    ovp_idx count = 1;
    for (int d = 0; d < array->ndim; d++) {
        if (array->shape[d] == 0) return 0; /* the others may overflow before it is reached */
        if (__builtin_mul_overflow(count, array->shape[d], &count)) count = 1;
    }
    return count;
}
