/* PNG: whatever is read is the same after writing and reading again. Bytes that begin with 0x89 are the file itself;
 * from others a file is made whose checksums hold: width and height (two bytes each), depth, colour type, interlacing,
 * the number of palette entries, the palette, the rows before packing. */
#include "folder.h"
#include "images.h"

#include <zlib.h>

static void read_image(const void *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_numeric_array first, again;
    if (fuzz_image(&first, data, size)) {
        char path[300];
        snprintf(path, sizeof path, "%s/again.png", fuzz_folder());
        fuzz_must(ovp_io_png_write(ctx, path, &first), "what was read cannot be written");
        fuzz_must(ovp_io_image_read(&again, ctx, path, 0), "what was written is not read");
        fuzz_same_array(&first, &again);
        ovp_numeric_array_free(ctx, &again);
    }
    ovp_numeric_array_free(ctx, &first);
}

static void number(ovp_text *out, unsigned long value) {
    for (int shift = 24; shift >= 0; shift -= 8) ovp_text_add(out, "%c", (int)(value >> shift & 255));
}

static void chunk(ovp_text *file, const char *type, const void *data, size_t size) {
    number(file, size);
    size_t at = file->length;
    ovp_text_add_bytes(file, type, 4);
    ovp_text_add_bytes(file, data, size);
    number(file, crc32(0, (const unsigned char *)file->data + at, (unsigned)(4 + size)));
}

static void build(ovp_text *file, const uint8_t *data, size_t size) {
    uint8_t head[13] = {0, 0, data[0], data[1], 0, 0, data[2], data[3], data[4], data[5], 0, 0, data[6]};
    size_t palette = 3 * (size_t)data[7], left = size - 8;
    uLongf packed_size = 0;
    if (palette > left) palette = left - left % 3;
    left -= palette;
    packed_size = compressBound(left);
    unsigned char *packed = malloc(packed_size);
    fuzz_require(packed && compress(packed, &packed_size, data + 8 + palette, left) == Z_OK, "zlib");
    ovp_text_add_bytes(file, "\x89PNG\r\n\x1a\n", 8);
    chunk(file, "IHDR", head, sizeof head);
    if (palette) chunk(file, "PLTE", data + 8, palette);
    chunk(file, "IDAT", packed, packed_size);
    chunk(file, "IEND", "", 0);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size || data[0] == 0x89 || size < 8) {
        read_image(data, size);
    } else {
        ovp_text file = {.ctx = fuzz_ctx()};
        build(&file, data, size);
        read_image(file.data, file.length);
        ovp_text_free(&file);
    }
    return fuzz_end();
}
