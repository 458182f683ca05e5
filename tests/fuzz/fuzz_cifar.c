/* CIFAR-10's binary batches in an archive. Bytes with the mark of tar, or of gzip, are the archive itself; from others
 * one is made: each member is a byte for its name, two for its length and one for its content. */
#include "folder.h"

#include "data/data_int.h"

#define NAMES 8
#define BLOCK 512

extern const ovp_data_detail ovp_data_detail_cifar10;

static void read_archive(const void *bytes, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_data_raw raw = {0};
    ovp_data_options options = {.size = sizeof options};
    if (fuzz_ok(ovp_data_detail_cifar10.reader->read(&raw, ctx, NULL, fuzz_file(bytes, size), &options))) {
        const ovp_data_part *parts[] = {&raw.train, &raw.test};
        for (int p = 0; p < 2; p++) {
            const int32_t *label = parts[p]->y.data;
            fuzz_require(parts[p]->n > 0 && parts[p]->x.shape[0] == parts[p]->n && parts[p]->x.shape[1] == 3072,
                         "part %d: %lld samples", p, (long long)parts[p]->n);
            for (ovp_idx i = 0; i < parts[p]->n; i++)
                fuzz_require(label[i] >= 0 && label[i] < raw.classes, "label %d", (int)label[i]);
        }
    }
    ovp_data_raw_free(ctx, &raw);
}

/* POSIX ustar (IEEE Std 1003.1, pax): name, size and the header's sum are all that is read. */
static void add_member(ovp_text *archive, const char *name, size_t length, int content) {
    char header[BLOCK] = {0}, number[16];
    unsigned sum = 0;
    snprintf(header, 100, "cifar-10-batches-bin/%s", name);
    snprintf(number, sizeof number, "%011o", (unsigned)length);
    memcpy(header + 124, number, 12);
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    header[156] = '0';
    memset(header + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++) sum += (unsigned char)header[i];
    snprintf(number, sizeof number, "%06o", sum);
    memcpy(header + 148, number, 7);
    ovp_text_add_bytes(archive, header, BLOCK);
    for (size_t i = 0; i < (length + BLOCK - 1) / BLOCK * BLOCK; i++) {
        char byte = (char)(i < length ? content : 0);
        ovp_text_add_bytes(archive, &byte, 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[NAMES] = {
        "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
        "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt", ""};
    if ((size > 262 && !memcmp(data + 257, "ustar", 5)) || (size > 2 && data[0] == 0x1f && data[1] == 0x8b)) {
        read_archive(data, size);
        return fuzz_end();
    }
    ovp_text archive = {.ctx = fuzz_ctx()};
    char end[2 * BLOCK] = {0};
    for (size_t at = 0; at + 4 <= size && at < 64; at += 4)
        add_member(&archive, names[data[at] % NAMES], (size_t)data[at + 1] | (size_t)data[at + 2] << 8, data[at + 3]);
    ovp_text_add_bytes(&archive, end, sizeof end);
    read_archive(archive.data, archive.length);
    ovp_text_free(&archive);
    return fuzz_end();
}
