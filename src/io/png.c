/* PNG (ISO/IEC 15948) through libpng. */
#include "io/io_int.h"

#include <assert.h>
#include <string.h>

#ifdef OVP_HAVE_PNG
#include <png.h>

/* libpng leaves by longjmp: everything that outlives a call of it is here, never in a local of the function that calls
 * setjmp. */
typedef struct job {
    ovp_ctx *ctx;
    const char *name;
    png_structp png;
    png_infop info;
    ovp_io_shown reason;
    int no_memory; /* the context has the message */
    /* reading */
    const unsigned char *in;
    size_t bytes, at;
    ovp_numeric_array *image;
    /* writing */
    const ovp_numeric_array *source;
    ovp_text *text;
} job;

static void on_error(png_structp png, png_const_charp message) {
    job *j = png_get_error_ptr(png);
    j->reason = ovp_io_show(message, strlen(message));
    png_longjmp(png, 1);
}

/* A warning is about something that does not change the pixels. */
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t bytes) {
    job *j = png_get_mem_ptr(png);
    void *memory = NULL;
    if (ovp_alloc(j->ctx, &memory, (ovp_idx)bytes, 1) == OVP_OK) return memory;
    j->no_memory = 1;
    return NULL;
}

static void on_free(png_structp png, png_voidp memory) {
    ovp_free(((job *)png_get_mem_ptr(png))->ctx, memory);
}

static ovp_status fail(job *j) {
    if (j->no_memory) return OVP_ENOMEM;
    return ovp_fail(j->ctx, OVP_EFORMAT, "%s: PNG: %s", j->name, j->reason.text);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void on_read(png_structp png, png_bytep out, size_t bytes) {
    job *j = png_get_io_ptr(png);
    if (bytes > j->bytes - j->at) png_error(png, "the file ends early");
    memcpy(out, j->in + j->at, bytes);
    j->at += bytes;
}

/* Only the pixels matter: no chunk that describes or annotates them is interpreted (tRNS: transparency is dropped). */
static void ignore_annotations(png_structp png) {
    static const char names[][5] = {"bKGD", "cHRM", "eXIf", "gAMA", "hIST", "iCCP", "iTXt", "oFFs", "pCAL",
                                    "pHYs", "sBIT", "sCAL", "sPLT", "sRGB", "tEXt", "tIME", "tRNS", "zTXt"};
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep)names,
                                (int)(sizeof(names) / sizeof(names[0])));
}

/* Everything to 8 bits of gray or RGB; returns the channels. */
static int ask_for_bytes(png_structp png, png_infop info) {
    int type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    if (depth == 16) png_set_scale_16(png); /* round(v / 257) */
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (type & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
    return type & PNG_COLOR_MASK_COLOR ? 3 : 1;
}

/* May leave by longjmp to decode_safely. */
static ovp_status decode(job *j) {
    png_structp png = j->png;
    png_set_read_fn(png, j, on_read);
    png_set_user_limits(png, OVP_IO_IMAGE_SIDE, OVP_IO_IMAGE_SIDE);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_benign_errors(png, 0);
    ignore_annotations(png);
    png_read_info(png, j->info);
    ovp_idx rows = png_get_image_height(png, j->info), columns = png_get_image_width(png, j->info);
    if (png_get_rowbytes(png, j->info) * (size_t)rows / OVP_IO_DEFLATE_RATIO > j->bytes)
        return ovp_fail(j->ctx, OVP_EFORMAT, "%s: PNG: claims %lld x %lld pixels, which its %zu bytes cannot hold",
                        j->name, (long long)rows, (long long)columns, j->bytes);
    int channels = ask_for_bytes(png, j->info), passes = png_set_interlace_handling(png);
    png_read_update_info(png, j->info);
    if (png_get_rowbytes(png, j->info) != (size_t)(columns * channels))
        return ovp_fail(j->ctx, OVP_EFORMAT, "%s: PNG: rows of %zu bytes where %lld pixels of %d channels make %lld",
                        j->name, png_get_rowbytes(png, j->info), (long long)columns, channels,
                        (long long)columns * channels);
    ovp_status status = ovp_io_image_create(j->image, j->ctx, rows, columns, channels);
    if (status != OVP_OK) return status;
    for (int pass = 0; pass < passes; pass++)
        for (ovp_idx y = 0; y < rows; y++)
            png_read_row(png, (unsigned char *)j->image->data + y * columns * channels, NULL);
    png_read_end(png, NULL);
    return j->no_memory ? OVP_ENOMEM : OVP_OK;
}

static ovp_status decode_safely(job *j) {
    if (setjmp(png_jmpbuf(j->png))) return fail(j);
    return decode(j);
}

static int64_t big_endian(const unsigned char *at) {
    return (int64_t)at[0] << 24 | (int64_t)at[1] << 16 | (int64_t)at[2] << 8 | at[3];
}

ovp_status ovp_io_png_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes) {
    ovp_status status = OVP_OK;
    job j = {.ctx = ctx, .name = name, .in = data, .bytes = bytes, .image = out};
    assert(out && name && (data || !bytes));
    *out = (ovp_numeric_array){0};
    /* libpng would call an image beyond its limits invalid; signature 8, length 4, "IHDR", width 4, height 4. */
    if (bytes >= 24 && memcmp(j.in + 12, "IHDR", 4) == 0)
        OVP_TRY(ovp_io_image_check(ctx, name, big_endian(j.in + 20), big_endian(j.in + 16)));
    j.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &j, on_error, on_warning, &j, on_alloc, on_free);
    if (j.png) j.info = png_create_info_struct(j.png);
    if (!j.info) {
        status = ovp_fail(ctx, OVP_ENOMEM, "%s: libpng does not start", name);
        goto done;
    }
    OVP_TRY(decode_safely(&j));
done:
    png_destroy_read_struct(&j.png, &j.info, NULL);
    if (status != OVP_OK) ovp_numeric_array_free(ctx, out);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void on_write(png_structp png, png_bytep data, size_t bytes) {
    ovp_text_add_bytes(((job *)png_get_io_ptr(png))->text, data, bytes);
}

static void on_flush(png_structp png) {
    (void)png;
}

/* May leave by longjmp to encode_safely. */
static ovp_status encode(job *j) {
    const ovp_numeric_array *a = j->source;
    ovp_idx channels = a->ndim == 3 ? a->shape[2] : 1;
    png_set_write_fn(j->png, j, on_write, on_flush);
    png_set_compression_level(j->png, 6);
    png_set_IHDR(j->png, j->info, (png_uint_32)a->shape[1], (png_uint_32)a->shape[0], 8,
                 channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(j->png, j->info);
    for (ovp_idx y = 0; y < a->shape[0]; y++)
        png_write_row(j->png, (const unsigned char *)a->data + y * a->shape[1] * channels);
    png_write_end(j->png, NULL);
    return j->no_memory ? OVP_ENOMEM : ovp_text_status(j->text);
}

static ovp_status encode_safely(job *j) {
    if (setjmp(png_jmpbuf(j->png))) return fail(j);
    return encode(j);
}

static ovp_status check_source(ovp_ctx *ctx, const char *path, const ovp_numeric_array *a) {
    if (a->type == OVP_U8 && (a->ndim == 2 || (a->ndim == 3 && (a->shape[2] == 1 || a->shape[2] == 3)))) {
        if (a->shape[0] > 0 && a->shape[1] > 0) return ovp_io_image_check(ctx, path, a->shape[0], a->shape[1]);
        return ovp_fail(ctx, OVP_EINVAL, "%s: an image of %lld x %lld pixels cannot be written as PNG", path,
                        (long long)a->shape[0], (long long)a->shape[1]);
    }
    return ovp_fail(ctx, OVP_EINVAL,
                    "%s: a PNG image is a u8 array of rows x columns or rows x columns x (1 or 3), not %s with %d "
                    "dimensions%s",
                    path, ovp_numeric_type_name(a->type), a->ndim, a->ndim == 3 ? " and other channels" : "");
}

ovp_status ovp_io_png_write(ovp_ctx *ctx, const char *path, const ovp_numeric_array *image) {
    ovp_status status = OVP_OK;
    ovp_text text = {.ctx = ctx};
    job j = {.ctx = ctx, .name = path, .source = image, .text = &text};
    assert(path && image);
    OVP_TRY(check_source(ctx, path, image));
    j.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &j, on_error, on_warning, &j, on_alloc, on_free);
    if (j.png) j.info = png_create_info_struct(j.png);
    if (!j.info) {
        status = ovp_fail(ctx, OVP_ENOMEM, "%s: libpng does not start", path);
        goto done;
    }
    OVP_TRY(encode_safely(&j));
    OVP_TRY(ovp_io_write_file(ctx, path, text.data, text.length));
done:
    png_destroy_write_struct(&j.png, &j.info);
    ovp_text_free(&text);
    return status;
}

#else

ovp_status ovp_io_png_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes) {
    (void)data;
    (void)bytes;
    *out = (ovp_numeric_array){0};
    return ovp_fail(ctx, OVP_EUNAVAILABLE,
                    "%s: built without PNG; install libpng-dev and build again with -DOVP_PNG=ON", name);
}

ovp_status ovp_io_png_write(ovp_ctx *ctx, const char *path, const ovp_numeric_array *image) {
    (void)image;
    return ovp_fail(ctx, OVP_EUNAVAILABLE,
                    "%s: built without PNG; install libpng-dev and build again with -DOVP_PNG=ON", path);
}

#endif
