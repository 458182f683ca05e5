/* Deterministic mutation fuzzing of every parser: valid samples are damaged at random (fixed seed) thousands of times.
 * Each call must return success or a failure with a one-line message, and free everything. The sanitizer builds add
 * that no byte beyond the input is touched. OVP_TEST_LONG=1: fifty times as many. */
#include "io/helper.h"

#include <jansson.h>
#include <zlib.h>

#include "io/io_int.h"

#define ROUNDS 20000

static ovp_status parse_npy(ovp_ctx *ctx, const void *data, size_t bytes) {
    ovp_numeric_array a;
    ovp_status status = ovp_io_npy_parse(&a, ctx, "fuzz", data, bytes);
    ovp_numeric_array_free(ctx, &a);
    return status;
}

static ovp_status parse_idx(ovp_ctx *ctx, const void *data, size_t bytes) {
    ovp_numeric_array a;
    ovp_status status = ovp_io_idx_parse(&a, ctx, "fuzz", data, bytes);
    ovp_numeric_array_free(ctx, &a);
    return status;
}

static ovp_status parse_npz(ovp_ctx *ctx, const void *data, size_t bytes) {
    ovp_io_named_array *a;
    ovp_idx n;
    ovp_status status = ovp_io_npz_parse(&a, &n, ctx, "fuzz", data, bytes, 1 << 22);
    ovp_io_npz_free(ctx, a, n);
    return status;
}

static ovp_status parse_gzip(ovp_ctx *ctx, const void *data, size_t bytes) {
    char *out;
    size_t n;
    ovp_status status = ovp_io_gunzip(&out, &n, ctx, "fuzz", data, bytes, 1 << 20);
    ovp_free(ctx, out);
    return status;
}

static ovp_status parse_csv(ovp_ctx *ctx, const void *data, size_t bytes) {
    ovp_io_csv t;
    ovp_status status = ovp_io_csv_parse(&t, ctx, "fuzz", data, bytes);
    for (ovp_idx i = 0; i < t.rows * t.columns; i++)
        if (strlen(t.cells[i]) > bytes) status = OVP_EINTERNAL;
    ovp_numeric_array numbers = {0};
    if (status == OVP_OK && ovp_io_csv_numbers(&numbers, ctx, "fuzz", &t, 0) != OVP_OK) ovp_clear(ctx);
    ovp_numeric_array_free(ctx, &numbers);
    ovp_io_csv_free(ctx, &t);
    return status;
}

static ovp_status parse_json(ovp_ctx *ctx, const void *data, size_t bytes) {
    json_t *v, *again;
    ovp_status status = ovp_io_json_parse(&v, ctx, "fuzz", data, bytes);
    if (status != OVP_OK) return status;
    /* What was understood can be written, and read again as the same. */
    ovp_text text = {.ctx = ctx};
    ovp_io_json_dump(&text, v, 1);
    status = ovp_io_json_parse(&again, ctx, "again", text.data, text.length);
    if (status == OVP_OK && !json_equal(v, again)) status = OVP_EINTERNAL;
    json_decref(again);
    json_decref(v);
    ovp_text_free(&text);
    return status;
}

static ovp_status parse_yaml(ovp_ctx *ctx, const void *data, size_t bytes) {
    ovp_io_setting *s;
    ovp_idx n;
    ovp_status status = ovp_io_yaml_parse(&s, &n, ctx, "fuzz", data, bytes);
    ovp_io_settings_free(ctx, s, n);
    return status;
}

static ovp_status parse_image(ovp_ctx *ctx, const void *data, size_t bytes) {
    ovp_numeric_array a;
    ovp_status status = ovp_io_image_parse(&a, ctx, "fuzz", data, bytes, bytes & 1 ? 1 : 3);
    ovp_numeric_array_free(ctx, &a);
    return status;
}

/* Below, check sums are set right again: damage that they reveal would never get beyond them. */
static unsigned char *copy_of(const void *data, size_t bytes) {
    unsigned char *copy = malloc(bytes ? bytes : 1);
    memcpy(copy, data, bytes);
    return copy;
}

static ovp_status parse_png(ovp_ctx *ctx, const void *data, size_t bytes) {
    unsigned char *copy = copy_of(data, bytes);
    for (size_t at = 8, length; at + 12 <= bytes; at += 12 + length) {
        length = (size_t)copy[at] << 24 | (size_t)copy[at + 1] << 16 | (size_t)copy[at + 2] << 8 | copy[at + 3];
        if (length > bytes - at - 12) break;
        uLong sum = crc32(0, copy + at + 4, (uInt)length + 4);
        for (int k = 0; k < 4; k++) copy[at + 8 + length + k] = (unsigned char)(sum >> (24 - 8 * k));
    }
    ovp_status status = parse_image(ctx, copy, bytes);
    free(copy);
    return status;
}

static void set_sum(unsigned char *data, uint64_t bytes) {
    uint32_t sum = ovp_io_tfevents_mask(ovp_io_crc32c(data, bytes));
    for (int k = 0; k < 4; k++) data[bytes + k] = (unsigned char)(sum >> 8 * k);
}

static ovp_status parse_tfevents(ovp_ctx *ctx, const void *data, size_t bytes) {
    unsigned char *copy = copy_of(data, bytes);
    ovp_io_tfevents e;
    uint64_t length;
    for (size_t at = 0; bytes - at >= 16; at += 16 + length) {
        memcpy(&length, copy + at, 8);
        set_sum(copy + at, 8);
        if (length > bytes - at - 16) break;
        set_sum(copy + at + 12, length);
    }
    ovp_status status = ovp_io_tfevents_parse(&e, ctx, "fuzz", copy, bytes);
    for (ovp_idx i = 0; i < e.count; i++)
        if (strlen(e.scalars[i].tag) > bytes) status = OVP_EINTERNAL;
    ovp_io_tfevents_free(ctx, &e);
    free(copy);
    return status;
}

static ovp_status parse_safetensors(ovp_ctx *ctx, const void *data, size_t bytes) {
    ovp_io_safetensors s;
    ovp_status status = ovp_io_safetensors_parse(&s, ctx, "fuzz", data, bytes);
    ovp_io_safetensors_free(ctx, &s);
    return status;
}

typedef ovp_status (*parse_fn)(ovp_ctx *ctx, const void *data, size_t bytes);

typedef struct sample {
    const char *data;
    size_t bytes;
} sample;

/* xorshift64* (S. Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016). */
static uint64_t draw(uint64_t *s) {
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 0x2545F4914F6CDD1DULL;
}

static size_t below(uint64_t *s, size_t n) {
    return n ? (size_t)(draw(s) % n) : 0;
}

/* One damage to buffer (room for it), other is another sample to take bytes from; returns the new size. */
static size_t damage(uint64_t *s, unsigned char *buffer, size_t bytes, size_t room, const sample *other) {
    static const unsigned char telling[] = {0,   1,   127, 128, 255, '\n', '"', '\'',
                                            ',', '{', '[', '(', ':', '-',  '9', ' '};
    size_t at = below(s, bytes), length = 1 + below(s, bytes - at < 32 ? bytes - at : 32);
    switch (draw(s) % 8) {
    case 0:
        if (bytes) buffer[at] ^= (unsigned char)(1u << draw(s) % 8);
        return bytes;
    case 1:
        if (bytes) buffer[at] = telling[draw(s) % sizeof(telling)];
        return bytes;
    case 2:
        if (bytes) buffer[at] = (unsigned char)draw(s);
        return bytes;
    case 3:
        return at; /* cut off */
    case 4:        /* cut out */
        if (at + length > bytes) return bytes;
        memmove(buffer + at, buffer + at + length, bytes - at - length);
        return bytes - length;
    case 5: /* repeat */
        if (bytes + length > room || at + length > bytes) return bytes;
        memmove(buffer + at + length, buffer + at, bytes - at);
        return bytes + length;
    case 6: /* put in */
        if (bytes + 1 > room) return bytes;
        memmove(buffer + at + 1, buffer + at, bytes - at);
        buffer[at] = telling[draw(s) % sizeof(telling)];
        return bytes + 1;
    default: { /* overwrite with a piece of another sample */
        size_t from = below(s, other->bytes);
        if (from + length > other->bytes || at + length > bytes) return bytes;
        memcpy(buffer + at, other->data + from, length);
        return bytes;
    }
    }
}

static int one_line(const char *message) {
    if (!message[0]) return 0;
    for (; *message; message++)
        if ((unsigned char)*message < 32) return 0;
    return 1;
}

static void fuzz(fixture *f, const char *what, parse_fn parse, const sample *samples, size_t count) {
    uint64_t seed = 0x9E3779B97F4A7C15ULL;
    const char *longer = getenv("OVP_TEST_LONG");
    int rounds = longer && longer[0] ? 50 * ROUNDS : ROUNDS, refused = 0;
    for (size_t i = 0; i < count; i++) {
        if (parse(f->ctx, samples[i].data, samples[i].bytes) == OVP_OK) continue;
        fail_msg("%s: sample %zu is not valid: %s", what, i, ovp_message(f->ctx));
    }
    for (int round = 0; round < rounds; round++) {
        const sample *from = &samples[below(&seed, count)];
        size_t room = from->bytes + 256, bytes = from->bytes;
        unsigned char *buffer = malloc(room);
        memcpy(buffer, from->data, bytes);
        for (size_t n = 1 + below(&seed, 4); n > 0; n--)
            bytes = damage(&seed, buffer, bytes, room, &samples[below(&seed, count)]);
        /* An exact copy, so that a sanitizer sees any read beyond it. */
        unsigned char *exact = malloc(bytes ? bytes : 1);
        memcpy(exact, buffer, bytes);
        ovp_status status = parse(f->ctx, exact, bytes);
        if (status == OVP_EINTERNAL || (status != OVP_OK && !one_line(ovp_message(f->ctx))) || f->live != 0)
            fail_msg("%s, round %d: %s, '%s', %ld allocations live", what, round, ovp_status_name(status),
                     ovp_message(f->ctx), f->live);
        refused += status != OVP_OK;
        ovp_clear(f->ctx);
        free(exact);
        free(buffer);
    }
    /* Damage that is never noticed, or a sample that never survives, would mean that nothing was tested. */
    assert_in_range(refused, rounds / 10, rounds - 1);
}

static sample golden(const char *name) {
    char path[512];
    sample s;
    snprintf(path, sizeof(path), OVP_TEST_DIR "/io/data/%s", name);
    s.data = get_file(path, &s.bytes);
    return s;
}

static void free_samples(sample *samples, size_t count) {
    for (size_t i = 0; i < count; i++) free((char *)(uintptr_t)samples[i].data);
}

static void npy(void **state) {
    sample s[] = {golden("f4.npy"), golden("f4_big_fortran_3d.npy"),
                  golden("u1.npy"), golden("scalar.npy"),
                  golden("v2.npy"), golden("i8_big.npy")};
    fuzz(*state, "npy", parse_npy, s, sizeof(s) / sizeof(s[0]));
    free_samples(s, sizeof(s) / sizeof(s[0]));
}

static void npz(void **state) {
    sample s[] = {golden("stored.npz"), golden("deflated.npz")};
    fuzz(*state, "npz", parse_npz, s, 2);
    free_samples(s, 2);
}

static void idx(void **state) {
    const sample s[] = {
        {"\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\3abcdefghijkl", 28},
        {"\0\0\x0c\1\0\0\0\2\0\0\1\2\xff\xff\xff\xfe", 16},
        {"\0\0\x0e\2\0\0\0\1\0\0\0\1\x3f\xf8\0\0\0\0\0\0", 20},
    };
    fuzz(*state, "idx", parse_idx, s, 3);
}

static void gzip(void **state) {
    unsigned char packed[2][4096];
    char text[3000];
    sample s[2];
    for (int k = 0; k < 2; k++) {
        z_stream z = {0};
        for (size_t i = 0; i < sizeof(text); i++) text[i] = (char)(k ? i * i % 7 : 'a' + i % 26);
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
        z.next_in = (unsigned char *)text;
        z.avail_in = sizeof(text);
        z.next_out = packed[k];
        z.avail_out = sizeof(packed[k]);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        s[k] = (sample){(const char *)packed[k], z.total_out};
        deflateEnd(&z);
    }
    fuzz(*state, "gzip", parse_gzip, s, 2);
}

#define TEXT(t)                                                                                                        \
    { t, sizeof(t) - 1 }

static void csv(void **state) {
    const sample s[] = {TEXT("width,seed,note\n10,42,\"a, \"\"b\"\"\"\n100,42,\"two\nlines\"\n1e4,43,\n"),
                        TEXT("a,b\r\n1,2\r\n3,\"4\"\r\n"), TEXT("x\n1\n\n2\n")};
    fuzz(*state, "csv", parse_csv, s, 3);
}

static void json(void **state) {
    const sample s[] = {
        TEXT("{\"schema\":1,\"tables\":{\"w\":{\"rows\":[[10,0.5,null],[100,1e-300,true]]}},\"s\":\"\\u00e9\"}"),
        TEXT("[[],{},\"\\\\\\\"\",-0.0,123456789012,1.7976931348623157e308]"), TEXT("{\"a\": [1, 2.5]}")};
    fuzz(*state, "json", parse_json, s, 3);
}

static void yaml(void **state) {
    const sample s[] = {TEXT("# run\nwidths: [10, 100, 'x']\nlr: 0.01 # why\nlist:\n  - 1\n  - two\nname: \"a: b\"\n"),
                        TEXT("{\"widths\": [10, 20], \"lr\": 0.5}\n"),
                        TEXT("---\na: |\n  block\n  text\nb: >-\n  folded\n...\n")};
    fuzz(*state, "yaml", parse_yaml, s, 3);
}

static void png(void **state) {
    if (!ovp_io_image_library("png")) skip();
    sample s[] = {golden("images/gray1.png"), golden("images/rgba_interlaced.png"), golden("images/palette4.png"),
                  golden("images/rgb16_interlaced.png"), golden("images/rgb8.png")};
    fuzz(*state, "png", parse_png, s, sizeof(s) / sizeof(s[0]));
    free_samples(s, sizeof(s) / sizeof(s[0]));
}

static void jpeg(void **state) {
    if (!ovp_io_image_library("jpeg")) skip();
    sample s[] = {golden("images/gray.jpg"), golden("images/rgb420.jpg"), golden("images/rgb422_progressive.jpg")};
    fuzz(*state, "jpeg", parse_image, s, 3);
    free_samples(s, 3);
}

static void safetensors(void **state) {
    const sample s[] = {
        TEXT("\x40\0\0\0\0\0\0\0{\"attn.0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[0,24]}}"
             "abcdefghijklmnopqrstuvwx"),
        TEXT("\xc8\0\0\0\0\0\0\0{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_"
             "offsets\":[4,8]},\"a\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[0,4]},\"none\":{\"dtype\":"
             "\"U8\",\"shape\":[0],\"data_offsets\":[8,8]}}    "
             "abcdefgh"),
    };
    fuzz(*state, "safetensors", parse_safetensors, s, 2);
}

static void tfevents(void **state) {
    const sample s[] = {
        /* parse_tfevents sets the check sums. */
        TEXT("\x0f\0\0\0\0\0\0\0____\x1a\rbrain.Event:2____"
             "\x19\0\0\0\0\0\0\0____\t\0\0\0\0\0\x08p@\x10\x01*\x0c\n\n\n\x03v/1\x15\0\0\xc0?____"
             "\x11\0\0\0\0\0\0\0____*\x0f\n\x0d\n\1t\x42\x08\x08\1*\4\0\0\xc0?____"),
    };
    fuzz(*state, "tfevents", parse_tfevents, s, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {CASE(npy),  CASE(npz), CASE(idx),  CASE(gzip),        CASE(csv),     CASE(json),
                                       CASE(yaml), CASE(png), CASE(jpeg), CASE(safetensors), CASE(tfevents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
