/* What a decoded image must be, whatever was decoded. */
#ifndef OVP_FUZZ_IMAGES_H
#define OVP_FUZZ_IMAGES_H

#include "arrays.h"

#include <overparam/io.h>

/* Reads an image as stored, gray and in colours; true, with the first in *out, if it is one. */
static inline int fuzz_image(ovp_numeric_array *out, const void *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    int read = fuzz_ok(ovp_io_image_parse(out, ctx, "fuzz", data, size, 0));
    for (int channels = 1; channels <= 3; channels += 2) {
        ovp_numeric_array other;
        int again = fuzz_ok(ovp_io_image_parse(&other, ctx, "fuzz", data, size, channels));
        fuzz_require(again == read, "read as stored: %d, with %d channels: %d", read, channels, again);
        if (read) {
            fuzz_require(other.shape[0] == out->shape[0] && other.shape[1] == out->shape[1] &&
                             other.shape[2] == channels,
                         "another shape with %d channels", channels);
            if (out->shape[2] == channels) fuzz_same_array(out, &other);
        }
        ovp_numeric_array_free(ctx, &other);
    }
    if (read)
        fuzz_require(out->type == OVP_U8 && out->ndim == 3 && out->shape[0] > 0 && out->shape[1] > 0 &&
                         (out->shape[2] == 1 || out->shape[2] == 3),
                     "no u8 image");
    return read;
}

#endif
