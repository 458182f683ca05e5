/* safetensors: whatever is read is the same after writing and reading again (in the writer's order). Bytes that begin
 * with '{' are a header up to the first zero byte, then the arrays' bytes: the length in front is put there. */
#include "arrays.h"
#include "folder.h"

#include <overparam/io.h>

static void same_arrays(const ovp_io_safetensors *a, const ovp_io_safetensors *b) {
    fuzz_require(a->count == b->count, "%lld arrays became %lld", (long long)a->count, (long long)b->count);
    for (ovp_idx i = 0; i < a->count; i++) {
        ovp_idx k = 0;
        while (k < b->count && strcmp(a->arrays[i].name, b->arrays[k].name)) k++;
        fuzz_require(k < b->count, "'%s' is lost", a->arrays[i].name);
        fuzz_same_array(&a->arrays[i].array, &b->arrays[k].array);
    }
}

static void same_metadata(const ovp_io_safetensors *a, const ovp_io_safetensors *b) {
    fuzz_require(a->metadata_count == b->metadata_count, "metadata: %lld entries became %lld",
                 (long long)a->metadata_count, (long long)b->metadata_count);
    for (ovp_idx i = 0; i < a->metadata_count; i++) {
        ovp_idx k = 0;
        while (k < b->metadata_count && strcmp(a->metadata[i].key, b->metadata[k].key)) k++;
        fuzz_require(k < b->metadata_count && !strcmp(a->metadata[i].value, b->metadata[k].value), "metadata '%s'",
                     a->metadata[i].key);
    }
}

static void read_tensors(const void *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_io_safetensors first, again;
    if (fuzz_ok(ovp_io_safetensors_parse(&first, ctx, "fuzz", data, size))) {
        char path[300];
        snprintf(path, sizeof path, "%s/again.safetensors", fuzz_folder());
        fuzz_must(ovp_io_safetensors_write(ctx, path, &first), "what was read cannot be written");
        fuzz_must(ovp_io_safetensors_read(&again, ctx, path), "what was written is not read");
        same_arrays(&first, &again);
        same_metadata(&first, &again);
        ovp_io_safetensors_free(ctx, &again);
    }
    ovp_io_safetensors_free(ctx, &first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size || data[0] != '{') {
        read_tensors(data, size);
    } else {
        ovp_text file = {.ctx = fuzz_ctx()};
        const uint8_t *end = memchr(data, 0, size);
        uint64_t header = end ? (uint64_t)(end - data) : size;
        for (int k = 0; k < 8; k++) ovp_text_add(&file, "%c", (int)(header >> 8 * k & 255));
        ovp_text_add_bytes(&file, data, (size_t)header);
        if (end) ovp_text_add_bytes(&file, end + 1, size - (size_t)header - 1);
        read_tensors(file.data, file.length);
        ovp_text_free(&file);
    }
    return fuzz_end();
}
