/* IDX, the format of MNIST: two zero bytes, type, number of dimensions, big-endian 32-bit extents, big-endian items
 * (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section FILE FORMATS). */
#include "io/io_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static ovp_status fail_type(ovp_ctx *ctx, const char *name, int code) {
    const char *what = code == 0x09 ? "i1 (0x09)" : code == 0x0B ? "i2 (0x0b)" : NULL;
    if (what) return ovp_fail(ctx, OVP_EFORMAT, "%s: IDX items of type %s are not read (u1 i4 f4 f8 are)", name, what);
    return ovp_fail(ctx, OVP_EFORMAT, "%s: not an IDX file: unknown item type 0x%02x at byte 2", name, code);
}

ovp_status ovp_io_idx_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes) {
    const unsigned char *in = data;
    ovp_idx shape[OVP_NUMERIC_MAX_DIMS];
    ovp_numeric_type type;
    int64_t count = 0;
    assert(out && name && (data || !bytes));
    *out = (ovp_numeric_array){0};
    if (bytes < 4 || in[0] || in[1])
        return ovp_fail(ctx, OVP_EFORMAT,
                        "%s: not an IDX file (%zu bytes, wrong magic; 00 00 TYPE DIMENSIONS expected)", name, bytes);
    switch (in[2]) {
    case 0x08:
        type = OVP_U8;
        break;
    case 0x0C:
        type = OVP_I32;
        break;
    case 0x0D:
        type = OVP_F32;
        break;
    case 0x0E:
        type = OVP_F64;
        break;
    default:
        return fail_type(ctx, name, in[2]);
    }
    int ndim = in[3];
    if (ndim < 1 || ndim > OVP_NUMERIC_MAX_DIMS)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: IDX file with %d dimensions (1 to %d are read)", name, ndim,
                        OVP_NUMERIC_MAX_DIMS);
    size_t start = 4 + 4 * (size_t)ndim, size = ovp_numeric_type_size(type);
    if (bytes < start)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: IDX file ends within its header (%zu of %zu bytes)", name, bytes, start);
    for (int d = 0; d < ndim; d++) {
        const unsigned char *e = in + 4 + 4 * d;
        shape[d] = (ovp_idx)((uint32_t)e[0] << 24 | (uint32_t)e[1] << 16 | (uint32_t)e[2] << 8 | e[3]);
    }
    if (!ovp_io_extent(&count, ndim, shape, size) || (uint64_t)count * size != bytes - start) {
        char claimed[OVP_NUMERIC_MAX_DIMS * 14];
        int n = 0;
        for (int d = 0; d < ndim; d++)
            n += snprintf(claimed + n, sizeof(claimed) - (size_t)n, "%s%lld", d ? " x " : "", (long long)shape[d]);
        return ovp_fail(ctx, OVP_EFORMAT, "%s: IDX header claims %s items of %zu byte%s, %zu bytes follow it", name,
                        claimed, size, size == 1 ? "" : "s", bytes - start);
    }
    ovp_status status = ovp_numeric_array_create(out, ctx, type, ndim, shape);
    if (status != OVP_OK) return status;
    ovp_io_copy_items(out->data, in + start, count, size, 1);
    return OVP_OK;
}

ovp_status ovp_io_idx_read(ovp_numeric_array *out, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && path);
    *out = (ovp_numeric_array){0};
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_UNPACKED_LIMIT, 1));
    OVP_TRY(ovp_io_idx_parse(out, ctx, path, data, bytes));
done:
    ovp_free(ctx, data);
    return status;
}
