/* JPEG (ITU-T T.81) through libjpeg-turbo's TurboJPEG interface, with the decoder's defaults (accurate integer DCT,
 * smooth chroma upsampling), so pixels are those of Pillow, libjpeg and most viewers. */
#include "io/io_int.h"

#include <assert.h>
#include <string.h>

#ifdef OVP_HAVE_JPEG
#include <turbojpeg.h>

static ovp_status fail(ovp_ctx *ctx, const char *name, tjhandle decoder) {
    const char *reason = tjGetErrorStr2(decoder);
    int memory = strstr(reason, "nsufficient memory") || strstr(reason, "emory allocation");
    return ovp_fail(ctx, memory ? OVP_ENOMEM : OVP_EFORMAT, "%s: JPEG: %s", name,
                    ovp_io_show(reason, strlen(reason)).text);
}

/* The frame header's marker (T.81 table B.1): walks the segments before it; 0 if there is none. */
static int frame_marker(const unsigned char *in, size_t bytes) {
    size_t at = 2;
    while (bytes - at >= 4 && in[at] == 0xff) {
        int marker = in[at + 1];
        if (marker == 0xff) { /* fill byte */
            at++;
            continue;
        }
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) return marker;
        size_t length = (size_t)in[at + 2] << 8 | in[at + 3];
        if (length < 2 || length + 2 > bytes - at) break;
        at += length + 2;
    }
    return 0;
}

/* What the header promises, before memory is taken for it. */
static ovp_status check_claims(ovp_ctx *ctx, const char *name, const unsigned char *in, size_t bytes, int rows,
                               int columns, int space) {
    ovp_status status = ovp_io_image_check(ctx, name, rows, columns);
    if (status != OVP_OK) return status;
    if (space == TJCS_CMYK || space == TJCS_YCCK)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: JPEG: CMYK colours are not read; save it as RGB or gray", name);
    /* Arithmetic codes go on as zeros where the data end (T.81 D.2.6): a few bytes make any number of pixels. */
    if (frame_marker(in, bytes) > 0xc8)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: JPEG: arithmetic coding is not read; save it with Huffman codes", name);
    /* With Huffman codes a block of 8 x 8 pixels takes a bit at least. */
    if ((size_t)rows * (size_t)columns / 512 > bytes)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: JPEG: claims %d x %d pixels, which its %zu bytes cannot hold", name,
                        rows, columns, bytes);
    return OVP_OK;
}

ovp_status ovp_io_jpeg_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes) {
    ovp_status status = OVP_OK;
    int columns = 0, rows = 0, subsampling = 0, space = 0; /* a file of tables alone sets none of them and succeeds */
    assert(out && name && bytes >= 3);
    *out = (ovp_numeric_array){0};
    tjhandle decoder = tjInitDecompress();
    if (!decoder) return ovp_fail(ctx, OVP_ENOMEM, "%s: libjpeg-turbo does not start", name);
    if (tjDecompressHeader3(decoder, data, bytes, &columns, &rows, &subsampling, &space) != 0) {
        status = fail(ctx, name, decoder);
        goto done;
    }
    OVP_TRY(check_claims(ctx, name, data, bytes, rows, columns, space));
    int gray = space == TJCS_GRAY;
    OVP_TRY(ovp_io_image_create(out, ctx, rows, columns, gray ? 1 : 3));
    /* What libjpeg only warns about (data that end early, bits that make no code) leaves wrong pixels behind. */
    if (tjDecompress2(decoder, data, bytes, out->data, columns, 0, rows, gray ? TJPF_GRAY : TJPF_RGB,
                      TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0)
        status = fail(ctx, name, decoder);
done:
    tjDestroy(decoder);
    if (status != OVP_OK) ovp_numeric_array_free(ctx, out);
    return status;
}

#else

ovp_status ovp_io_jpeg_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes) {
    (void)data;
    (void)bytes;
    *out = (ovp_numeric_array){0};
    return ovp_fail(ctx, OVP_EUNAVAILABLE,
                    "%s: built without JPEG; install libturbojpeg0-dev and build again with -DOVP_JPEG=ON", name);
}

#endif
