/* npz: whatever is read is the same after writing and reading again. */
#include "arrays.h"
#include "folder.h"

#include "io/io_int.h"

#define UNPACKED_LIMIT (1 << 22)

static void read_back(const ovp_io_named_array *arrays, ovp_idx count) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_io_named_array *again;
    ovp_idx found;
    char path[300];
    snprintf(path, sizeof path, "%s/again.npz", fuzz_folder());
    fuzz_must(ovp_io_npz_write(ctx, path, arrays, count), "what was read cannot be written");
    fuzz_must(ovp_io_npz_read(&again, &found, ctx, path), "what was written is not read");
    fuzz_require(found == count, "%lld arrays written, %lld read", (long long)count, (long long)found);
    for (ovp_idx i = 0; i < count; i++) {
        fuzz_require(!strcmp(arrays[i].name, again[i].name), "'%s' became '%s'", arrays[i].name, again[i].name);
        fuzz_same_array(&arrays[i].array, &again[i].array);
    }
    ovp_io_npz_free(ctx, again, found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_io_named_array *arrays;
    ovp_idx count;
    if (fuzz_ok(ovp_io_npz_parse(&arrays, &count, fuzz_ctx(), "fuzz", data, size, UNPACKED_LIMIT)))
        read_back(arrays, count);
    ovp_io_npz_free(fuzz_ctx(), arrays, count);
    return fuzz_end();
}
