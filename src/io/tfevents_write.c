/* TensorBoard event files of scalars (formats: see tfevents.c). */
#include "io/io_int.h"

#include <assert.h>
#include <string.h>

static void add_little(ovp_text *text, uint64_t value, int bytes) {
    unsigned char out[8];
    for (int k = 0; k < bytes; k++) out[k] = (unsigned char)(value >> 8 * k);
    ovp_text_add_bytes(text, out, (size_t)bytes);
}

static size_t varint_bytes(uint64_t value) {
    size_t n = 1;
    for (; value > 127; value >>= 7) n++;
    return n;
}

static void add_varint(ovp_text *text, uint64_t value) {
    for (; value > 127; value >>= 7) add_little(text, (value & 127) | 128, 1);
    add_little(text, value, 1);
}

/* Number and wire type of a field, which for numbers below 16 is one byte. */
static void add_key(ovp_text *text, unsigned number, unsigned wire) {
    add_little(text, number << 3 | wire, 1);
}

static void add_double(ovp_text *text, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    add_little(text, bits, 8);
}

static void add_float(ovp_text *text, double value) {
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof(bits));
    add_little(text, bits, 4);
}

/* Length and its check sum; the payload is to follow. */
static void begin_record(ovp_text *text, uint64_t length) {
    add_little(text, length, 8);
    if (!text->failed) add_little(text, ovp_io_tfevents_mask(ovp_io_crc32c(text->data + text->length - 8, 8)), 4);
}

static void end_record(ovp_text *text, size_t length) {
    if (text->failed) return;
    add_little(text, ovp_io_tfevents_mask(ovp_io_crc32c(text->data + text->length - length, length)), 4);
}

/* Event {wall_time, file_version}. */
static void add_version(ovp_text *text, double wall_time) {
    static const char version[] = "brain.Event:2";
    size_t n = sizeof(version) - 1, length = 9 + 2 + n;
    begin_record(text, length);
    add_key(text, 1, 1);
    add_double(text, wall_time);
    add_key(text, 3, 2);
    add_varint(text, n);
    ovp_text_add_bytes(text, version, n);
    end_record(text, length);
}

/* Event {wall_time, step, summary {value {tag, simple_value}}}; a step of 0 is left out, as protocol buffers do. */
static void add_scalar(ovp_text *text, const ovp_io_scalar *scalar) {
    size_t n = strlen(scalar->tag), value = 1 + varint_bytes(n) + n + 5, summary = 1 + varint_bytes(value) + value;
    size_t length = 9 + 1 + varint_bytes(summary) + summary;
    if (scalar->step) length += 1 + varint_bytes((uint64_t)scalar->step);
    begin_record(text, length);
    add_key(text, 1, 1);
    add_double(text, scalar->wall_time);
    if (scalar->step) {
        add_key(text, 2, 0);
        add_varint(text, (uint64_t)scalar->step);
    }
    add_key(text, 5, 2);
    add_varint(text, summary);
    add_key(text, 1, 2);
    add_varint(text, value);
    add_key(text, 1, 2);
    add_varint(text, n);
    ovp_text_add_bytes(text, scalar->tag, n);
    add_key(text, 2, 5);
    add_float(text, scalar->value);
    end_record(text, length);
}

ovp_status ovp_io_tfevents_write(ovp_ctx *ctx, const char *path, const ovp_io_scalar *scalars, ovp_idx count) {
    ovp_status status = OVP_OK;
    ovp_text text = {.ctx = ctx};
    assert(path && (scalars || !count) && count >= 0);
    add_version(&text, count ? scalars[0].wall_time : 0);
    for (ovp_idx i = 0; i < count; i++) {
        const char *tag = scalars[i].tag;
        if (!tag || !tag[0] || !ovp_io_utf8(tag, strlen(tag))) {
            status = ovp_fail(ctx, OVP_EINVAL, "%s: scalar %lld: a tag in UTF-8 is needed, not '%s'", path,
                              (long long)i, tag ? ovp_io_show(tag, strlen(tag)).text : "");
            goto done;
        }
        add_scalar(&text, &scalars[i]);
    }
    OVP_TRY(ovp_text_status(&text));
    OVP_TRY(ovp_io_write_file(ctx, path, text.data, text.length));
done:
    ovp_text_free(&text);
    return status;
}
