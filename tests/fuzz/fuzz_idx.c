/* IDX: an array that is read has as many items as the file has bytes for. */
#include "fuzz.h"

#include <overparam/io.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_numeric_array array;
    if (fuzz_ok(ovp_io_idx_parse(&array, ctx, "fuzz", data, size))) {
        size_t bytes = (size_t)ovp_numeric_array_count(&array) * ovp_numeric_type_size(array.type);
        fuzz_require(4 + 4 * (size_t)array.ndim + bytes == size, "%zu bytes of items from %zu", bytes, size);
    }
    ovp_numeric_array_free(ctx, &array);
    return fuzz_end();
}
