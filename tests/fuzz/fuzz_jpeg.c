/* JPEG: read as stored, gray and in colours. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_numeric_array image;
    (void)fuzz_image(&image, data, size);
    ovp_numeric_array_free(fuzz_ctx(), &image);
    return fuzz_end();
}
