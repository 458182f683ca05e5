/* gzip: unpacking from memory and from a file agree, and what zlib packs comes back. */
#include "folder.h"

#include <zlib.h>

#include "io/io_int.h"

#define UNPACKED_LIMIT (1 << 20)

static void same_from_file(const uint8_t *data, size_t size, const char *unpacked, size_t bytes) {
    ovp_ctx *ctx = fuzz_ctx();
    char *again;
    size_t found;
    fuzz_must(ovp_io_read_file(&again, &found, ctx, fuzz_file(data, size), UNPACKED_LIMIT, 1), "not read from a file");
    fuzz_require(found == bytes && !memcmp(again, unpacked, bytes + 1), "%zu bytes from memory, %zu from a file", bytes,
                 found);
    ovp_free(ctx, again);
}

static void pack_and_unpack(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    z_stream z = {0};
    int level = size ? data[0] % 10 : 0; /* 0: stored blocks */
    fuzz_require(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
    size_t room = deflateBound(&z, size);
    unsigned char *packed = malloc(room);
    fuzz_require(packed, "no memory");
    z.next_in = (unsigned char *)(uintptr_t)data;
    z.avail_in = (unsigned)size;
    z.next_out = packed;
    z.avail_out = (unsigned)room;
    fuzz_require(deflate(&z, Z_FINISH) == Z_STREAM_END, "zlib");
    char *unpacked;
    size_t bytes;
    fuzz_must(ovp_io_gunzip(&unpacked, &bytes, ctx, "packed", packed, z.total_out, UNPACKED_LIMIT), "own packing");
    fuzz_require(bytes == size && (!size || !memcmp(unpacked, data, size)), "%zu bytes became %zu", size, bytes);
    ovp_free(ctx, unpacked);
    deflateEnd(&z);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *unpacked;
    size_t bytes;
    if (size > UNPACKED_LIMIT) return 0;
    if (fuzz_ok(ovp_io_gunzip(&unpacked, &bytes, fuzz_ctx(), "fuzz", data, size, UNPACKED_LIMIT)))
        same_from_file(data, size, unpacked, bytes);
    ovp_free(fuzz_ctx(), unpacked);
    pack_and_unpack(data, size);
    return fuzz_end();
}
