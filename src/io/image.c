/* Images as u8 arrays: which decoder, how many channels. */
#include "io/io_int.h"

#include <assert.h>
#include <string.h>

#ifdef OVP_HAVE_PNG
#define PNG_LIBRARY "libpng " OVP_HAVE_PNG
#else
#define PNG_LIBRARY NULL
#endif
#ifdef OVP_HAVE_JPEG
#define JPEG_LIBRARY "libjpeg-turbo " OVP_HAVE_JPEG
#else
#define JPEG_LIBRARY NULL
#endif

ovp_status ovp_io_image_check(ovp_ctx *ctx, const char *name, int64_t rows, int64_t columns) {
    if (rows < 1 || columns < 1)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: an image of %lld x %lld pixels", name, (long long)rows,
                        (long long)columns);
    if (rows > OVP_IO_IMAGE_SIDE || columns > OVP_IO_IMAGE_SIDE || rows * columns > OVP_IO_IMAGE_PIXELS)
        return ovp_fail(ctx, OVP_ELIMIT, "%s: an image of %lld x %lld pixels; %d a side and %d in all are the limits",
                        name, (long long)rows, (long long)columns, OVP_IO_IMAGE_SIDE, OVP_IO_IMAGE_PIXELS);
    return OVP_OK;
}

ovp_status ovp_io_image_create(ovp_numeric_array *out, ovp_ctx *ctx, ovp_idx rows, ovp_idx columns, ovp_idx channels) {
    const ovp_idx shape[] = {rows, columns, channels};
    return ovp_numeric_array_create(out, ctx, OVP_U8, 3, shape);
}

/* Luma of ITU-R BT.601 in 16-bit fixed point, rounded: what Pillow's convert("L") computes. */
static unsigned char luma(const unsigned char *rgb) {
    return (unsigned char)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

/* Replaces image by one with 1 or 3 channels. */
static ovp_status convert(ovp_numeric_array *image, ovp_ctx *ctx, int channels) {
    ovp_numeric_array other;
    ovp_status status = ovp_io_image_create(&other, ctx, image->shape[0], image->shape[1], channels);
    if (status != OVP_OK) return status;
    const unsigned char *from = image->data;
    unsigned char *to = other.data;
    ovp_idx pixels = image->shape[0] * image->shape[1];
    if (channels == 1)
        for (ovp_idx i = 0; i < pixels; i++) to[i] = luma(from + 3 * i);
    else
        for (ovp_idx i = 0; i < pixels; i++) memset(to + 3 * i, from[i], 3);
    ovp_numeric_array_free(ctx, image);
    *image = other;
    return OVP_OK;
}

ovp_status ovp_io_image_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes,
                              int channels) {
    ovp_status status = OVP_OK;
    assert(out && name && (data || !bytes));
    *out = (ovp_numeric_array){0};
    if (channels != 0 && channels != 1 && channels != 3)
        return ovp_fail(ctx, OVP_EINVAL, "%s: %d channels asked for: 0 (as stored), 1 (gray) or 3 (colours) allowed",
                        name, channels);
    if (bytes >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
        OVP_TRY(ovp_io_png_parse(out, ctx, name, data, bytes));
    else if (bytes >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
        OVP_TRY(ovp_io_jpeg_parse(out, ctx, name, data, bytes));
    else
        return ovp_fail(ctx, OVP_EFORMAT, "%s: neither a PNG nor a JPEG image (%zu bytes, unknown first bytes)", name,
                        bytes);
    if (channels && channels != out->shape[2]) OVP_TRY(convert(out, ctx, channels));
done:
    if (status != OVP_OK) ovp_numeric_array_free(ctx, out);
    return status;
}

ovp_status ovp_io_image_read(ovp_numeric_array *out, ovp_ctx *ctx, const char *path, int channels) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && path);
    *out = (ovp_numeric_array){0};
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_IMAGE_LIMIT, 0));
    OVP_TRY(ovp_io_image_parse(out, ctx, path, data, bytes, channels));
done:
    ovp_free(ctx, data);
    return status;
}

const char *ovp_io_image_library(const char *format) {
    assert(format);
    if (strcmp(format, "png") == 0) return PNG_LIBRARY;
    if (strcmp(format, "jpeg") == 0) return JPEG_LIBRARY;
    return NULL;
}
