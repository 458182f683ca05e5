/* TensorBoard event files: the scalars that are read are the same, as floats, after writing and reading again. Bytes
 * that do not begin with a frame are the events themselves, each behind one byte of its length: the first event and the
 * frames with their check sums are put around them. */
#include "folder.h"

#include "io/io_int.h"

static uint32_t bits_of(double value) {
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    return value != value ? 0 : bits; /* all NaN alike */
}

static int has_empty_tag(const ovp_io_tfevents *events) {
    for (ovp_idx i = 0; i < events->count; i++)
        if (!events->scalars[i].tag[0]) return 1;
    return 0;
}

static void read_back(const ovp_io_tfevents *first) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_io_tfevents again;
    char path[300];
    snprintf(path, sizeof path, "%s/again.tfevents", fuzz_folder());
    fuzz_must(ovp_io_tfevents_write(ctx, path, first->scalars, first->count), "what was read cannot be written");
    fuzz_must(ovp_io_tfevents_read(&again, ctx, path), "what was written is not read");
    fuzz_require(again.count == first->count && !again.truncated && !again.others, "%lld scalars became %lld",
                 (long long)first->count, (long long)again.count);
    for (ovp_idx i = 0; i < first->count; i++) {
        const ovp_io_scalar *a = &first->scalars[i], *b = &again.scalars[i];
        fuzz_require(!strcmp(a->tag, b->tag) && a->step == b->step && bits_of(a->value) == bits_of(b->value),
                     "scalar %lld ('%s')", (long long)i, a->tag);
        fuzz_require(!memcmp(&a->wall_time, &b->wall_time, sizeof a->wall_time), "time %.17g became %.17g",
                     a->wall_time, b->wall_time);
    }
    ovp_io_tfevents_free(ctx, &again);
}

static void read_events(const void *data, size_t size) {
    ovp_io_tfevents events;
    if (fuzz_ok(ovp_io_tfevents_parse(&events, fuzz_ctx(), "fuzz", data, size)) && !has_empty_tag(&events))
        read_back(&events);
    ovp_io_tfevents_free(fuzz_ctx(), &events);
}

static void number(ovp_text *out, uint64_t value, int bytes) {
    for (int k = 0; k < bytes; k++) ovp_text_add(out, "%c", (int)(value >> 8 * k & 255));
}

static void frame(ovp_text *file, const void *event, size_t size) {
    size_t at = file->length;
    number(file, size, 8);
    number(file, ovp_io_tfevents_mask(ovp_io_crc32c(file->data + at, 8)), 4);
    ovp_text_add_bytes(file, event, size);
    number(file, ovp_io_tfevents_mask(ovp_io_crc32c(event, size)), 4);
}

static int begins_with_frame(const uint8_t *data, size_t size) {
    uint32_t sum = size < 12 ? 0 : ovp_io_tfevents_mask(ovp_io_crc32c(data, 8));
    return size >= 12 && data[8] == (sum & 255) && data[9] == (sum >> 8 & 255) && data[10] == (sum >> 16 & 255) &&
           data[11] == sum >> 24;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (begins_with_frame(data, size)) {
        read_events(data, size);
    } else {
        static const char version[] = "\x1a\x0d"
                                      "brain.Event:2";
        ovp_text file = {.ctx = fuzz_ctx()};
        frame(&file, version, sizeof version - 1);
        for (size_t at = 0; at < size;) {
            size_t length = data[at++];
            if (length > size - at) length = size - at;
            frame(&file, data + at, length);
            at += length;
        }
        read_events(file.data, file.length);
        ovp_text_free(&file);
    }
    return fuzz_end();
}
