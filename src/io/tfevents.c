/* TensorBoard event files: TFRecord frames (tensorflow/core/lib/io/record_writer.cc) around protocol buffers of type
 * Event (tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto). Only scalars are
 * understood; every other field is skipped, as protocol buffers ask for. */
#include "io/io_int.h"

#include <assert.h>
#include <string.h>

uint32_t ovp_io_tfevents_mask(uint32_t crc) {
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static uint64_t little(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int k = 0; k < bytes; k++) value |= (uint64_t)at[k] << 8 * k;
    return value;
}

static double real64(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double real32(uint64_t bits) {
    uint32_t word = (uint32_t)bits;
    float value;
    memcpy(&value, &word, sizeof(value));
    return (double)value;
}

/* ---- protocol buffers ---------------------------------------------------------------------------- */

typedef struct message {
    const unsigned char *at, *end;
} message;

/* Kind is the number and the wire type, as FIELD makes it. */
typedef struct field {
    uint64_t kind, value; /* value: of a varint or a fixed field */
    message bytes;
} field;
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
#define FIELD(number, wire) ((uint64_t)(number) << 3 | (wire))

static int take_varint(message *m, uint64_t *out) {
    *out = 0;
    for (int shift = 0; shift < 70 && m->at < m->end; shift += 7) {
        unsigned char byte = *m->at++;
        if (shift < 64) *out |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return 1;
    }
    return 0;
}

/* 1: a field, 0: the message's end, -1: neither. */
static int take_field(message *m, field *f) {
    *f = (field){0};
    if (m->at == m->end) return 0;
    if (!take_varint(m, &f->kind) || f->kind < 8 || f->kind > UINT32_MAX) return -1;
    size_t left = (size_t)(m->end - m->at), size = 0;
    switch (f->kind & 7) {
    case VARINT:
        return take_varint(m, &f->value) ? 1 : -1;
    case FIXED64:
        size = 8;
        break;
    case FIXED32:
        size = 4;
        break;
    case BYTES:
        if (!take_varint(m, &f->value)) return -1;
        left = (size_t)(m->end - m->at);
        if (f->value > left) return -1;
        f->bytes = (message){m->at, m->at + f->value};
        m->at += f->value;
        return 1;
    default: /* groups went out of use before event files came up */
        return -1;
    }
    if (left < size) return -1;
    f->value = little(m->at, (int)size);
    m->at += size;
    return 1;
}

/* ---- events -------------------------------------------------------------------------------------- */

/* Walks the file twice: to check and count (out NULL), then to fill. */
typedef struct reader {
    ovp_ctx *ctx;
    const char *name;
    const unsigned char *in;
    size_t bytes, at; /* at: of the record being read */
    ovp_idx records, scalars, others;
    int truncated;
    ovp_io_scalar *out;
    char *tags; /* where the next one goes */
    size_t tag_bytes;
} reader;

static ovp_status fail(const reader *r, const char *what) {
    return ovp_fail(r->ctx, OVP_EFORMAT, "%s: byte %zu, record %lld: %s", r->name, r->at, (long long)r->records + 1,
                    what);
}

/* A tensor of rank 0 with one float or double. 1: *value is set, 0: another tensor, -1: malformed. */
static int take_tensor(message m, double *value) {
    enum { DT_FLOAT = 1, DT_DOUBLE = 2 };
    uint64_t dtype = 0;
    size_t items[3] = {0}; /* of DT_FLOAT and DT_DOUBLE in their own fields */
    double last[3] = {0};
    message content = {0};
    field f, dim;
    int got, rank = 0;
    while ((got = take_field(&m, &f)) > 0) {
        int wide = f.kind == FIELD(6, FIXED64) || f.kind == FIELD(6, BYTES);
        size_t size = wide ? 8 : 4, length = (size_t)(f.bytes.end - f.bytes.at);
        switch (f.kind) {
        case FIELD(1, VARINT):
            dtype = f.value;
            break;
        case FIELD(2, BYTES): /* the shape: a field 2 for every dimension */
            while ((got = take_field(&f.bytes, &dim)) > 0) rank += dim.kind == FIELD(2, BYTES);
            if (got < 0) return -1;
            break;
        case FIELD(4, BYTES):
            content = f.bytes;
            break;
        case FIELD(5, FIXED32):
        case FIELD(6, FIXED64):
            items[wide ? DT_DOUBLE : DT_FLOAT]++;
            last[wide ? DT_DOUBLE : DT_FLOAT] = wide ? real64(f.value) : real32(f.value);
            break;
        case FIELD(5, BYTES): /* packed */
        case FIELD(6, BYTES):
            if (length % size) return -1;
            items[wide ? DT_DOUBLE : DT_FLOAT] += length / size;
            if (length)
                last[wide ? DT_DOUBLE : DT_FLOAT] =
                    wide ? real64(little(f.bytes.end - 8, 8)) : real32(little(f.bytes.end - 4, 4));
            break;
        }
    }
    if (got < 0) return -1;
    if (rank || (dtype != DT_FLOAT && dtype != DT_DOUBLE)) return 0;
    size_t held = (size_t)(content.end - content.at);
    if (!held) {
        *value = last[dtype];
        return items[dtype] == 1;
    }
    if (held != (dtype == DT_DOUBLE ? 8u : 4u)) return 0;
    *value = dtype == DT_DOUBLE ? real64(little(content.at, 8)) : real32(little(content.at, 4));
    return 1;
}

/* One Summary.Value; of a field that stands twice the last counts. */
static ovp_status take_value(reader *r, message m, const ovp_io_scalar *event) {
    ovp_io_scalar scalar = *event;
    message tag = {0};
    field f;
    int got, is_scalar = 0;
    while ((got = take_field(&m, &f)) > 0) {
        if (f.kind == FIELD(1, BYTES)) tag = f.bytes;
        if (f.kind == FIELD(2, FIXED32)) {
            scalar.value = real32(f.value);
            is_scalar = 1;
        }
        if (f.kind == FIELD(8, BYTES)) {
            is_scalar = take_tensor(f.bytes, &scalar.value);
            if (is_scalar < 0) return fail(r, "a tensor that is no protocol buffer");
        }
    }
    if (got < 0) return fail(r, "a summary value that is no protocol buffer");
    if (!is_scalar) {
        r->others++;
        return OVP_OK;
    }
    size_t length = (size_t)(tag.end - tag.at);
    if (length && (memchr(tag.at, 0, length) || !ovp_io_utf8(tag.at, length)))
        return fail(r, "a tag with a zero byte or not in UTF-8");
    if (r->out) {
        if (length) memcpy(r->tags, tag.at, length);
        scalar.tag = r->tags;
        r->tags += length + 1;
        r->out[r->scalars] = scalar;
    }
    r->tag_bytes += length + 1;
    r->scalars++;
    return OVP_OK;
}

/* Time and step may stand behind the summary, so they are looked for first. */
static ovp_status take_event(reader *r, message m) {
    static const char version[] = "brain.Event:";
    ovp_io_scalar event = {0};
    message again = m;
    field f, value;
    int got, versioned = 0;
    while ((got = take_field(&m, &f)) > 0) {
        if (f.kind == FIELD(1, FIXED64)) event.wall_time = real64(f.value);
        if (f.kind == FIELD(2, VARINT)) event.step = (int64_t)f.value;
        if (f.kind == FIELD(3, BYTES))
            versioned = (size_t)(f.bytes.end - f.bytes.at) >= sizeof(version) - 1 &&
                        memcmp(f.bytes.at, version, sizeof(version) - 1) == 0;
    }
    if (got < 0) return fail(r, "an event that is no protocol buffer");
    if (!r->records && !versioned) return fail(r, "not a TensorBoard event file: no version \"brain.Event:\"");
    while (take_field(&again, &f) > 0) {
        if (f.kind != FIELD(5, BYTES)) continue;
        while ((got = take_field(&f.bytes, &value)) > 0) {
            if (value.kind != FIELD(1, BYTES)) continue;
            ovp_status status = take_value(r, value.bytes, &event);
            if (status != OVP_OK) return status;
        }
        if (got < 0) return fail(r, "a summary that is no protocol buffer");
    }
    return OVP_OK;
}

static int right(const unsigned char *data, uint64_t bytes) {
    return ovp_io_tfevents_mask(ovp_io_crc32c(data, (size_t)bytes)) == (uint32_t)little(data + bytes, 4);
}

static ovp_status take_records(reader *r) {
    r->records = r->scalars = r->others = 0;
    for (r->at = 0; r->at < r->bytes;) {
        size_t left = r->bytes - r->at;
        const unsigned char *frame = r->in + r->at;
        r->truncated = 1;
        if (left < 12) break;
        uint64_t length = little(frame, 8);
        if (!r->out && !right(frame, 8)) return fail(r, "the check sum of its length is wrong");
        if (length > left - 12 || left - 12 - length < 4) break;
        if (!r->out && !right(frame + 12, length)) return fail(r, "the check sum of its content is wrong");
        ovp_status status = take_event(r, (message){frame + 12, frame + 12 + length});
        if (status != OVP_OK) return status;
        r->truncated = 0;
        r->records++;
        r->at += (size_t)length + 16;
    }
    if (r->records) return OVP_OK;
    return ovp_fail(r->ctx, OVP_EFORMAT, "%s: not a TensorBoard event file: %zu bytes, no whole record", r->name,
                    r->bytes);
}

ovp_status ovp_io_tfevents_parse(ovp_io_tfevents *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes) {
    ovp_status status = OVP_OK;
    reader r = {.ctx = ctx, .name = name, .in = data, .bytes = bytes};
    assert(out && name && (data || !bytes));
    *out = (ovp_io_tfevents){0};
    OVP_TRY(take_records(&r));
    /* One block: the scalars, then the text of all tags. */
    ovp_idx room = r.scalars * (ovp_idx)sizeof(*r.out);
    OVP_TRY(ovp_alloc(ctx, &out->scalars, room + (ovp_idx)r.tag_bytes, 1));
    r.out = out->scalars;
    r.tags = (char *)out->scalars + room;
    OVP_TRY(take_records(&r));
    out->count = r.scalars;
    out->records = r.records;
    out->others = r.others;
    out->truncated = r.truncated;
done:
    if (status != OVP_OK) ovp_io_tfevents_free(ctx, out);
    return status;
}

ovp_status ovp_io_tfevents_read(ovp_io_tfevents *out, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && path);
    *out = (ovp_io_tfevents){0};
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_TABLE_LIMIT, 0));
    OVP_TRY(ovp_io_tfevents_parse(out, ctx, path, data, bytes));
done:
    ovp_free(ctx, data);
    return status;
}

void ovp_io_tfevents_free(ovp_ctx *ctx, ovp_io_tfevents *events) {
    if (!events) return;
    ovp_free(ctx, events->scalars);
    *events = (ovp_io_tfevents){0};
}
