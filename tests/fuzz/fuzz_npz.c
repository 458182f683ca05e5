/* npz: whatever is read is the same after writing and reading again. Bytes that begin with "PK" are the archive itself;
 * from others an archive is made whose checksums hold, since a fuzzer does not guess them: each entry is one byte of
 * flags, the name's length, two bytes of the content's length, the name, the content. */
#include "arrays.h"
#include "folder.h"

#include <zlib.h>

#include "io/io_int.h"

#define UNPACKED_LIMIT (1 << 22)
#define DEFLATED 1
#define UTF8 2
#define WRONG_SIZE 4

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

static void read_archive(const void *data, size_t size) {
    ovp_io_named_array *arrays;
    ovp_idx count;
    if (fuzz_ok(ovp_io_npz_parse(&arrays, &count, fuzz_ctx(), "fuzz", data, size, UNPACKED_LIMIT)))
        read_back(arrays, count);
    ovp_io_npz_free(fuzz_ctx(), arrays, count);
}

/* ---- an archive around the fuzzer's entries (PKWARE's APPNOTE, sections 4.3.7, 4.3.12, 4.3.16) ----- */

static void number(ovp_text *out, unsigned long value, int bytes) {
    for (int i = 0; i < bytes; i++) ovp_text_add(out, "%c", (int)(value >> 8 * i & 255));
}

static void deflate_all(ovp_text *out, const uint8_t *data, size_t size) {
    z_stream z = {0};
    unsigned char packed[16384];
    fuzz_require(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
    z.next_in = (unsigned char *)(uintptr_t)data;
    z.avail_in = (unsigned)size;
    int code;
    do {
        z.next_out = packed;
        z.avail_out = sizeof packed;
        code = deflate(&z, Z_FINISH);
        ovp_text_add_bytes(out, packed, sizeof packed - z.avail_out);
    } while (code == Z_OK);
    fuzz_require(code == Z_STREAM_END, "zlib");
    deflateEnd(&z);
}

typedef struct entry {
    const uint8_t *name, *content;
    size_t name_size, content_size;
    int flags;
} entry;

/* The fields that the entry's own header and the directory have in common. */
static void describe(ovp_text *out, const entry *e, size_t packed) {
    number(out, 20, 2); /* version needed */
    number(out, e->flags & UTF8 ? 0x800 : 0, 2);
    number(out, e->flags & DEFLATED ? 8 : 0, 2);
    number(out, 0x210000, 4); /* 1980-01-01 */
    number(out, crc32(0, e->content, (unsigned)e->content_size), 4);
    number(out, packed, 4);
    number(out, e->content_size + (e->flags & WRONG_SIZE ? 1 : 0), 4);
    number(out, e->name_size, 2);
    number(out, 0, 2); /* extra field */
}

static void add_entry(ovp_text *archive, ovp_text *directory, const entry *e) {
    ovp_text packed = {.ctx = fuzz_ctx()};
    size_t at = archive->length;
    if (e->flags & DEFLATED)
        deflate_all(&packed, e->content, e->content_size);
    else
        ovp_text_add_bytes(&packed, e->content, e->content_size);
    ovp_text_add(archive, "PK\3\4");
    describe(archive, e, packed.length);
    ovp_text_add_bytes(archive, e->name, e->name_size);
    ovp_text_add_bytes(archive, packed.data, packed.length);
    ovp_text_add(directory, "PK\1\2");
    number(directory, 20, 2); /* version made by */
    describe(directory, e, packed.length);
    number(directory, 0, 4); /* comment, disk */
    number(directory, 0, 2);
    number(directory, 0, 4); /* attributes */
    number(directory, at, 4);
    ovp_text_add_bytes(directory, e->name, e->name_size);
    ovp_text_free(&packed);
}

/* Cuts `wanted` bytes off the front of the input, or what is there. */
static const uint8_t *cut(const uint8_t **data, size_t *size, size_t *wanted) {
    const uint8_t *from = *data;
    if (*wanted > *size) *wanted = *size;
    *data += *wanted;
    *size -= *wanted;
    return from;
}

static void build_archive(ovp_text *archive, const uint8_t *data, size_t size) {
    ovp_text directory = {.ctx = fuzz_ctx()};
    unsigned long count = 0;
    for (; size >= 4; count++) {
        entry e = {.flags = data[0], .name_size = data[1], .content_size = (size_t)data[2] | (size_t)data[3] << 8};
        data += 4;
        size -= 4;
        e.name = cut(&data, &size, &e.name_size);
        e.content = cut(&data, &size, &e.content_size);
        add_entry(archive, &directory, &e);
    }
    size_t at = archive->length, bytes = directory.length;
    ovp_text_add_bytes(archive, directory.data, bytes);
    ovp_text_add(archive, "PK\5\6");
    number(archive, 0, 4); /* disks */
    number(archive, count, 2);
    number(archive, count, 2);
    number(archive, bytes, 4);
    number(archive, at, 4);
    number(archive, 0, 2); /* comment */
    ovp_text_free(&directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size >= 2 && !memcmp(data, "PK", 2)) {
        read_archive(data, size);
    } else {
        ovp_text archive = {.ctx = fuzz_ctx()};
        build_archive(&archive, data, size);
        read_archive(archive.data, archive.length);
        ovp_text_free(&archive);
    }
    return fuzz_end();
}
