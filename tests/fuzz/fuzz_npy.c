/* npy: whatever is read is the same after writing and reading again. */
#include "arrays.h"

#include "io/io_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_numeric_array first, again;
    if (fuzz_ok(ovp_io_npy_parse(&first, ctx, "fuzz", data, size))) {
        ovp_text file = {.ctx = ctx};
        ovp_io_npy_header(&file, &first);
        ovp_text_add_bytes(&file, first.data,
                           (size_t)ovp_numeric_array_count(&first) * ovp_numeric_type_size(first.type));
        fuzz_must(ovp_io_npy_parse(&again, ctx, "again", file.data, file.length), "what was written is not read");
        fuzz_same_array(&first, &again);
        ovp_numeric_array_free(ctx, &again);
        ovp_text_free(&file);
    }
    ovp_numeric_array_free(ctx, &first);
    return fuzz_end();
}
