#include "io/helper.h"

#include <math.h>

#include "io/io_int.h"

/* Source: the file that tensorboard_logger's test_serialization expects (TeamHG-Memex/tensorboard_logger,
 * tests/test_tensorboard_logger.py; serialised by Google's protobuf): v/1 = 1.5 at step 1, v/22 = 16 at step 2, both at
 * time 256.5. */
static const char logger_file[] =
    "\x18\0\0\0\0\0\0\0\xa3\x7fK\"\t\0\0\0\0\0\x08p@\x1a\rbrain.Event:2\xbc\x98!+"
    "\x19\0\0\0\0\0\0\0\x8b\xf1\x08(\t\0\0\0\0\0\x08p@\x10\x01*\x0c\n\n\n\x03v/1\x15\0\0\xc0?,\xec\xc0\x87"
    "\x1a\0\0\0\0\0\0\0\x12\x9b\xd8-\t\0\0\0\0\0\x08p@\x10\x02*\r\n\x0b\n\x04v/22\x15\0\0\x80"
    "A\x8f\xa3\xb6\x88";
#define LOGGER_BYTES (sizeof(logger_file) - 1)

/* Source: an event file of TensorFlow 2, tf.summary.scalar("accuracy", 0.99, step=77), as dumped in TensorBoard's own
 * tests (tensorboard/data/server/tf_record.rs, test_success). */
static const char tensorflow_file[] =
    "\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22\x09\0\0\x80\x38\x99\xd6\xd7\x41\x1a\x0d"
    "brain.Event:2\x12\x4b\x36\xab"
    "\x32\0\0\0\0\0\0\0\x24\x19\x56\xec\x09\xc4\x05\xb7\x3d\x99\xd6\xd7\x41\x10\x4d\x2a\x25\x0a\x23\x0a\x08"
    "accuracy\x42\x0a\x08\x01\x12\0\x22\x04\xa4\x70\x7d\x3f\x4a\x0b\x0a\x09\x0a\x07scalars\xa5\x5b\x64\x33";

static void crc(void **state) {
    (void)state;
    /* Source: RFC 3720, appendix B.4; the check value of CRC-32/ISCSI. */
    unsigned char bytes[32] = {0};
    assert_int_equal(ovp_io_crc32c(bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(ovp_io_crc32c(bytes, 32), 0x62a8ab43);
    for (int k = 0; k < 32; k++) bytes[k] = (unsigned char)k;
    assert_int_equal(ovp_io_crc32c(bytes, 32), 0x46dd794e);
    for (int k = 0; k < 32; k++) bytes[k] = (unsigned char)(31 - k);
    assert_int_equal(ovp_io_crc32c(bytes, 32), 0x113fdb5c);
    assert_int_equal(ovp_io_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(ovp_io_crc32c("", 0), 0);
    /* Source: tensorboard/data/server/masked_crc.rs, "from a real TFRecord". */
    assert_int_equal(ovp_io_tfevents_mask(ovp_io_crc32c("\x1a\x11"
                                                        "CRC test, one two",
                                                        19)),
                     0x5794d08a);
}

static void golden(void **state) {
    fixture *f = *state;
    ovp_io_tfevents e;
    assert_ok(f, ovp_io_tfevents_parse(&e, f->ctx, "logger", logger_file, LOGGER_BYTES));
    assert_int_equal(e.count, 2);
    assert_int_equal(e.records, 3);
    assert_int_equal(e.others, 0);
    assert_false(e.truncated);
    assert_string_equal(e.scalars[0].tag, "v/1");
    assert_string_equal(e.scalars[1].tag, "v/22");
    assert_int_equal(e.scalars[0].step, 1);
    assert_int_equal(e.scalars[1].step, 2);
    assert_true(e.scalars[0].wall_time == 256.5 && e.scalars[1].wall_time == 256.5);
    assert_true(e.scalars[0].value == 1.5 && e.scalars[1].value == 16);
    /* What is written is the same file. */
    size_t bytes;
    const char *path = scratch(f, "events.out.tfevents.1");
    assert_ok(f, ovp_io_tfevents_write(f->ctx, path, e.scalars, e.count));
    ovp_io_tfevents_free(f->ctx, &e);
    char *written = get_file(path, &bytes);
    assert_int_equal(bytes, LOGGER_BYTES);
    assert_memory_equal(written, logger_file, bytes);
    free(written);
    assert_ok(f, ovp_io_tfevents_parse(&e, f->ctx, "tf", tensorflow_file, sizeof(tensorflow_file) - 1));
    assert_int_equal(e.count, 1);
    assert_string_equal(e.scalars[0].tag, "accuracy");
    assert_int_equal(e.scalars[0].step, 77);
    assert_true(e.scalars[0].value == (double)0.99f);
    assert_true(e.scalars[0].wall_time == 0x1.7d6993db705c4p+30); /* September 2020 */
    ovp_io_tfevents_free(f->ctx, &e);
    ovp_io_tfevents_free(f->ctx, NULL);
}

/* A run that died leaves a part of its last record. */
static void cut_off(void **state) {
    fixture *f = *state;
    ovp_io_tfevents e;
    static const size_t ends[] = {40, 81, LOGGER_BYTES};
    for (size_t cut = 0; cut < LOGGER_BYTES; cut++) {
        char *exact = malloc(cut ? cut : 1);
        memcpy(exact, logger_file, cut);
        ovp_status status = ovp_io_tfevents_parse(&e, f->ctx, "cut", exact, cut);
        free(exact);
        if (cut < ends[0]) {
            assert_failed(f, status, OVP_EFORMAT, "cut: not a TensorBoard event file:");
            continue;
        }
        assert_ok(f, status);
        assert_int_equal(e.records, cut >= ends[1] ? 2 : 1);
        assert_int_equal(e.count, cut >= ends[1] ? 1 : 0);
        assert_int_equal(e.truncated, cut != ends[0] && cut != ends[1]);
        ovp_io_tfevents_free(f->ctx, &e);
    }
}

/* Every bit is under a check sum. */
static void every_bit(void **state) {
    fixture *f = *state;
    char file[LOGGER_BYTES], wanted[64];
    ovp_io_tfevents e;
    memcpy(file, logger_file, sizeof(file));
    for (size_t bit = 0; bit < 8 * sizeof(file); bit++) {
        size_t record = bit / 8 < 40 ? 0 : bit / 8 < 81 ? 1 : 2, start = record == 0 ? 0 : record == 1 ? 40 : 81;
        file[bit / 8] ^= (char)(1 << bit % 8);
        snprintf(wanted, sizeof(wanted), "bit: byte %zu, record %zu: the check sum of its %s is wrong", start,
                 record + 1, bit / 8 - start < 12 ? "length" : "content");
        assert_failed(f, ovp_io_tfevents_parse(&e, f->ctx, "bit", file, sizeof(file)), OVP_EFORMAT, wanted);
        file[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(f->live, 0);
}

/* ---- protocol buffers ---------------------------------------------------------------------------- */

static void add_record(ovp_text *text, const void *payload, size_t bytes) {
    unsigned char head[12] = {0}, foot[4];
    for (int k = 0; k < 8; k++) head[k] = (unsigned char)((uint64_t)bytes >> 8 * k);
    uint32_t sums[2] = {ovp_io_tfevents_mask(ovp_io_crc32c(head, 8)),
                        ovp_io_tfevents_mask(ovp_io_crc32c(payload, bytes))};
    for (int k = 0; k < 4; k++) head[8 + k] = (unsigned char)(sums[0] >> 8 * k);
    for (int k = 0; k < 4; k++) foot[k] = (unsigned char)(sums[1] >> 8 * k);
    ovp_text_add_bytes(text, head, 12);
    ovp_text_add_bytes(text, payload, bytes);
    ovp_text_add_bytes(text, foot, 4);
}

/* A file of the version and one event with this payload. */
static ovp_status parse_event(fixture *f, ovp_io_tfevents *e, const char *payload, size_t bytes) {
    ovp_text text = {.ctx = f->ctx};
    add_record(&text, "\x1a\rbrain.Event:2", 15);
    add_record(&text, payload, bytes);
    ovp_status status = ovp_io_tfevents_parse(e, f->ctx, "pb", text.data, text.length);
    ovp_text_free(&text);
    return status;
}
#define EVENT(f, e, text) parse_event(f, e, text, sizeof(text) - 1)

/* Sources: the encoding rules of protocol buffers (protobuf.dev, "Encoding"), tensor.proto and summary.proto. */
static void encodings(void **state) {
    fixture *f = *state;
    static const struct {
        const char *event;
        size_t bytes;
        int scalars, others;
        double value;
        int64_t step;
    } cases[] = {
#define E(text, ...) {text, sizeof(text) - 1, __VA_ARGS__}
        /* step after the summary, -2 as ten bytes */
        E("*\x0a\n\x08\n\1t\x15\0\0\xc0?\x10\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", 1, 0, 1.5, -2),
        /* value before the tag; unknown fields of every wire type in event, summary and value */
        E("\xf8\x07\x05\xf1\x07"
          "12345678\xfa\x07\2hi\xfd\x07"
          "1234*\x14\x10\7\n\x10:\2no\xa0\6\x80\1\x15\0\0\xc0?\n\1t",
          1, 0, 1.5, 0),
        /* float tensors: float_val packed, float_val alone, tensor_content */
        E("*\x0f\n\x0d\n\1t\x42\x08\x08\1*\4\0\0\xc0?", 1, 0, 1.5, 0),
        E("*\x0e\n\x0c\n\1t\x42\7\x08\1-\0\0\xc0?", 1, 0, 1.5, 0),
        E("*\x0f\n\x0d\n\1t\x42\x08\x08\1\"\4\0\0\xc0?", 1, 0, 1.5, 0),
        /* double tensors: packed, alone, content */
        E("*\x13\n\x11\n\1t\x42\x0c\x08\2\x32\x08\0\0\0\0\0\0\xf8?", 1, 0, 1.5, 0),
        E("*\x12\n\x10\n\1t\x42\x0b\x08\2\x31\0\0\0\0\0\0\xf8?", 1, 0, 1.5, 0),
        E("*\x13\n\x11\n\1t\x42\x0c\x08\2\"\x08\0\0\0\0\0\0\xf8?", 1, 0, 1.5, 0),
        /* no scalars: two floats, a shape [1], no item, content of 8 bytes for a float, strings, an image, only a tag
         */
        E("*\x13\n\x11\n\1t\x42\x0c\x08\1*\x08\0\0\xc0?\0\0\xc0?", 0, 1, 0, 0),
        E("*\x15\n\x13\n\1t\x42\x0e\x08\1\x12\4\x12\2\x08\1*\4\0\0\xc0?", 0, 1, 0, 0),
        E("*\x09\n\7\n\1t\x42\2\x08\1", 0, 1, 0, 0),
        E("*\x13\n\x11\n\1t\x42\x0c\x08\1\"\x08\0\0\0\0\0\0\xf8?", 0, 1, 0, 0),
        E("*\x0d\n\x0b\n\1t\x42\6\x08\7\x42\2hi", 0, 1, 0, 0),
        E("*\x09\n\7\n\1t\"\2\x08\1", 0, 1, 0, 0),
        E("*\5\n\3\n\1t", 0, 1, 0, 0),
        /* the last of a field that stands twice counts, and summaries add up */
        E("*\x0f\n\x0d\n\1t\x15\0\0\0@\x15\0\0\xc0?", 1, 0, 1.5, 0),
        E("*\x0a\n\x08\n\1t\x15\0\0\xc0?*\x0a\n\x08\n\1t\x15\0\0\xc0?", 2, 0, 1.5, 0),
        /* a known number with another wire type is an unknown field; an event without a summary; an empty event */
        E("*\x0c\n\x0a\x10\7\n\1t\x15\0\0\xc0?", 1, 0, 1.5, 0),
        E("\x3a\2hi", 0, 0, 0, 0),
        E("", 0, 0, 0, 0),
#undef E
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ovp_io_tfevents e;
        ovp_status status = parse_event(f, &e, cases[i].event, cases[i].bytes);
        if (status != OVP_OK) fail_msg("case %zu: %s", i, ovp_message(f->ctx));
        if (e.count != cases[i].scalars || e.others != cases[i].others)
            fail_msg("case %zu: %d scalars, %d others", i, (int)e.count, (int)e.others);
        for (ovp_idx k = 0; k < e.count; k++) {
            assert_string_equal(e.scalars[k].tag, "t");
            assert_true(e.scalars[k].value == cases[i].value);
            assert_int_equal(e.scalars[k].step, cases[i].step);
        }
        ovp_io_tfevents_free(f->ctx, &e);
    }
}

static void malformed(void **state) {
    fixture *f = *state;
    ovp_io_tfevents e;
    assert_failed(f, EVENT(f, &e, "\t123"), OVP_EFORMAT, "byte 31, record 2: an event that is no protocol buffer");
    assert_failed(f, EVENT(f, &e, "*\5abc"), OVP_EFORMAT, "an event that is no");
    assert_failed(f, EVENT(f, &e, "*\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), OVP_EFORMAT, "an event that is no");
    assert_failed(f, EVENT(f, &e, "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), OVP_EFORMAT,
                  "an event that is no");
    assert_failed(f, EVENT(f, &e, "\x80\x80\x80\x80\x10\1"), OVP_EFORMAT, "an event that is no"); /* number 2^29 */
    assert_failed(f, EVENT(f, &e, "\2\1a"), OVP_EFORMAT, "an event that is no");                  /* number 0 */
    assert_failed(f, EVENT(f, &e, "\x0b\x0c"), OVP_EFORMAT, "an event that is no");               /* a group */
    assert_failed(f, EVENT(f, &e, "\x0f"), OVP_EFORMAT, "an event that is no");                   /* wire type 7 */
    assert_failed(f, EVENT(f, &e, "*\2\n\5"), OVP_EFORMAT, "a summary that is no");
    assert_failed(f, EVENT(f, &e, "*\4\n\2\n\5"), OVP_EFORMAT, "a summary value that is no");
    assert_failed(f, EVENT(f, &e, "*\6\n\4\x42\2*\5"), OVP_EFORMAT, "a tensor that is no");
    assert_failed(f, EVENT(f, &e, "*\x09\n\7\x42\5*\3abc"), OVP_EFORMAT, "a tensor that is no");
    assert_failed(f, EVENT(f, &e, "*\x08\n\6\x42\4\x12\2\n\5"), OVP_EFORMAT, "a tensor that is no");
    assert_failed(f, EVENT(f, &e, "*\x0a\n\x08\n\1\xff\x15\0\0\0@"), OVP_EFORMAT, "byte 31, record 2: a tag");
    assert_failed(f, EVENT(f, &e, "*\x0a\n\x08\n\1\0\x15\0\0\0@"), OVP_EFORMAT, "a tag with a zero byte");
    /* Other files. */
    ovp_text text = {.ctx = f->ctx};
    add_record(&text, "some other record", 17);
    assert_failed(f, ovp_io_tfevents_parse(&e, f->ctx, "o", text.data, text.length), OVP_EFORMAT, "byte 0, record 1: ");
    text.length = 0;
    add_record(&text,
               "\x1a\x05"
               "other",
               7);
    assert_failed(f, ovp_io_tfevents_parse(&e, f->ctx, "o", text.data, text.length), OVP_EFORMAT, "no version");
    /* A claim of 2^63 bytes with a correct check sum is a file that was cut off, and costs no memory. */
    text.length = 0;
    add_record(&text, "\x1a\rbrain.Event:2", 15);
    unsigned char claim[16] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    uint32_t sum = ovp_io_tfevents_mask(ovp_io_crc32c(claim, 8));
    for (int k = 0; k < 4; k++) claim[8 + k] = (unsigned char)(sum >> 8 * k);
    ovp_text_add_bytes(&text, claim, 16);
    f->largest = 0;
    assert_ok(f, ovp_io_tfevents_parse(&e, f->ctx, "claim", text.data, text.length));
    assert_true(e.truncated && e.records == 1);
    assert_in_range(f->largest, 0, 256);
    ovp_io_tfevents_free(f->ctx, &e);
    ovp_text_free(&text);
    const char *path = scratch(f, "x");
    put_file(path, "", 0);
    assert_failed(f, ovp_io_tfevents_read(&e, f->ctx, path), OVP_EFORMAT, "event file: 0 bytes, no whole record");
    put_file(path, "plain text, longer than a record's head", 39);
    assert_failed(f, ovp_io_tfevents_read(&e, f->ctx, path), OVP_EFORMAT, "byte 0, record 1: the check sum");
    assert_failed(f, ovp_io_tfevents_read(&e, f->ctx, scratch(f, "none")), OVP_ENOTFOUND, "none");
    f->countdown = 0;
    assert_failed(f, ovp_io_tfevents_parse(&e, f->ctx, "m", logger_file, LOGGER_BYTES), OVP_ENOMEM, "");
    f->countdown = -1;
}

static void round_trip(void **state) {
    fixture *f = *state;
    static char long_tag[20000];
    memset(long_tag, 'x', sizeof(long_tag) - 1);
    const ovp_io_scalar s[] = {
        {"loss", 0, 1.7e9, 0.25},
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         INT64_MAX, -1.5, -0.0},
        {"acc/train", INT64_MIN, 0, INFINITY},
        {long_tag, 127, 1e300, 0x1p-149},
        {"loss", 128, 0, NAN},
    };
    enum { N = sizeof(s) / sizeof(s[0]) };
    ovp_io_tfevents e;
    const char *path = scratch(f, "events.out.tfevents.2");
    assert_ok(f, ovp_io_tfevents_write(f->ctx, path, s, N));
    assert_ok(f, ovp_io_tfevents_read(&e, f->ctx, path));
    assert_int_equal(e.count, N);
    assert_int_equal(e.records, N + 1);
    for (int i = 0; i < N; i++) {
        assert_string_equal(e.scalars[i].tag, s[i].tag);
        assert_true(e.scalars[i].step == s[i].step && e.scalars[i].wall_time == s[i].wall_time);
        assert_true(e.scalars[i].value == s[i].value || (isnan(s[i].value) && isnan(e.scalars[i].value)));
        assert_int_equal(signbit(e.scalars[i].value), signbit(s[i].value));
    }
    ovp_io_tfevents_free(f->ctx, &e);
    assert_ok(f, ovp_io_tfevents_write(f->ctx, path, NULL, 0));
    assert_ok(f, ovp_io_tfevents_read(&e, f->ctx, path));
    assert_int_equal(e.count, 0);
    assert_int_equal(e.records, 1);
    ovp_io_tfevents_free(f->ctx, &e);
}

static void write_errors(void **state) {
    fixture *f = *state;
    ovp_io_scalar s[] = {{"a", 1, 2, 3}, {"", 1, 2, 3}};
    const char *path = scratch(f, "w");
    assert_failed(f, ovp_io_tfevents_write(f->ctx, path, s, 2), OVP_EINVAL,
                  "scalar 1: a tag in UTF-8 is needed, not ''");
    s[1].tag = NULL;
    assert_failed(f, ovp_io_tfevents_write(f->ctx, path, s, 2), OVP_EINVAL, "scalar 1: a tag");
    s[1].tag = "\xed\xa0\x80";
    assert_failed(f, ovp_io_tfevents_write(f->ctx, path, s, 2), OVP_EINVAL, "scalar 1: a tag");
    s[1].tag = "b";
    assert_failed(f, ovp_io_tfevents_write(f->ctx, scratch(f, "none/w"), s, 2), OVP_EIO, "No such file");
    for (long n = 0; n < 2; n++) {
        f->countdown = n;
        assert_failed(f, ovp_io_tfevents_write(f->ctx, path, s, 2), OVP_ENOMEM, "");
        f->countdown = -1;
    }
    assert_int_equal(count_files(f->folder), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(crc),       CASE(golden),    CASE(cut_off),    CASE(every_bit),
        CASE(encodings), CASE(malformed), CASE(round_trip), CASE(write_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
