/* JSON: whatever is read is the same after writing and reading again, on one line or indented. */
#include "fuzz.h"

#include <jansson.h>

#include <overparam/io.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    json_t *first;
    if (fuzz_ok(ovp_io_json_parse(&first, ctx, "fuzz", (const char *)data, size)))
        for (int indent = 0; indent <= 2; indent += 2) {
            ovp_text file = {.ctx = ctx};
            json_t *again;
            ovp_io_json_dump(&file, first, indent);
            fuzz_must(ovp_io_json_parse(&again, ctx, "again", file.data, file.length), "what was written is not read");
            fuzz_require(json_equal(first, again), "became %s", file.data);
            json_decref(again);
            ovp_text_free(&file);
        }
    json_decref(first);
    return fuzz_end();
}
