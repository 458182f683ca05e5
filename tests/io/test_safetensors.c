#include "io/helper.h"

#include <math.h>

#include "io/io_int.h"

/* A file from a header's text and the bytes after it. */
static unsigned char *make_file(size_t *bytes, const char *header, const void *items, size_t count) {
    size_t n = strlen(header);
    unsigned char *file = calloc(1, 8 + n + count);
    for (int k = 0; k < 8; k++) file[k] = (unsigned char)((uint64_t)n >> 8 * k);
    memcpy(file + 8, header, n);
    if (count) memcpy(file + 8 + n, items, count);
    *bytes = 8 + n + count;
    return file;
}

static ovp_status parse(fixture *f, ovp_io_safetensors *out, const char *header, const void *items, size_t count) {
    size_t bytes;
    unsigned char *file = make_file(&bytes, header, items, count);
    ovp_status status = ovp_io_safetensors_parse(out, f->ctx, "s", file, bytes);
    free(file);
    return status;
}

static void make(fixture *f, ovp_io_named_array *a, const char *name, ovp_numeric_type type, int ndim,
                 const ovp_idx *shape) {
    a->name = (char *)(uintptr_t)name;
    assert_ok(f, ovp_numeric_array_create(&a->array, f->ctx, type, ndim, shape));
}

/* ---- golden -------------------------------------------------------------------------------------- */

/* Source: the byte vectors of test_serialization, test_serialization_forced_alignement and test_empty in
 * safetensors/src/tensor.rs of the reference implementation (commit 000a16f4). */
static void as_reference(void **state) {
    fixture *f = *state;
    static const struct {
        const char *name;
        int ndim;
        ovp_idx shape[4];
        const char *header;
    } cases[] = {
        {"attn.0", 3, {1, 2, 3}, "{\"attn.0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[0,24]}}"},
        {"attn0",
         4,
         {1, 1, 2, 3},
         "{\"attn0\":{\"dtype\":\"F32\",\"shape\":[1,1,2,3],\"data_offsets\":[0,24]}}       "},
    };
    static const unsigned char items[24] = {0, 0, 0,  0,  0, 0, 128, 63, 0, 0, 0,   64,
                                            0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64};
    static const size_t header_bytes[] = {64, 72};
    const char *path = scratch(f, "s.safetensors");
    for (int c = 0; c < 2; c++) {
        ovp_io_named_array a;
        ovp_io_safetensors file = {.arrays = &a, .count = 1}, back;
        size_t bytes, wanted_bytes;
        make(f, &a, cases[c].name, OVP_F32, cases[c].ndim, cases[c].shape);
        for (int k = 0; k < 6; k++) ((float *)a.array.data)[k] = (float)k;
        assert_int_equal(strlen(cases[c].header), header_bytes[c]);
        unsigned char *wanted = make_file(&wanted_bytes, cases[c].header, items, sizeof(items));
        assert_ok(f, ovp_io_safetensors_write(f->ctx, path, &file));
        char *got = get_file(path, &bytes);
        assert_int_equal(bytes, wanted_bytes);
        assert_memory_equal(got, wanted, bytes);
        assert_ok(f, ovp_io_safetensors_read(&back, f->ctx, path));
        assert_int_equal(back.count, 1);
        assert_int_equal(back.metadata_count, 0);
        assert_string_equal(back.arrays[0].name, cases[c].name);
        assert_int_equal(back.arrays[0].array.ndim, cases[c].ndim);
        assert_memory_equal(back.arrays[0].array.shape, a.array.shape, sizeof(a.array.shape));
        for (int k = 0; k < 6; k++) assert_true(((float *)back.arrays[0].array.data)[k] == (float)k);
        ovp_io_safetensors_free(f->ctx, &back);
        ovp_numeric_array_free(f->ctx, &a.array);
        free(wanted);
        free(got);
    }
    static const unsigned char none[] = {8, 0, 0, 0, 0, 0, 0, 0, '{', '}', ' ', ' ', ' ', ' ', ' ', ' '};
    ovp_io_safetensors empty = {0};
    size_t bytes;
    assert_ok(f, ovp_io_safetensors_write(f->ctx, path, &empty));
    char *got = get_file(path, &bytes);
    assert_int_equal(bytes, sizeof(none));
    assert_memory_equal(got, none, bytes);
    free(got);
    ovp_io_setting framework = {.key = (char[]){"framework"}, .value = (char[]){"pt"}};
    empty.metadata = &framework;
    empty.metadata_count = 1;
    assert_ok(f, ovp_io_safetensors_write(f->ctx, path, &empty));
    got = get_file(path, &bytes);
    assert_int_equal(bytes, 48);
    assert_memory_equal(got, "\x28\0\0\0\0\0\0\0{\"__metadata__\":{\"framework\":\"pt\"}}     ", bytes);
    free(got);
    assert_ok(f, ovp_io_safetensors_read(&empty, f->ctx, path));
    assert_int_equal(empty.count, 0);
    assert_int_equal(empty.metadata_count, 1);
    assert_string_equal(empty.metadata[0].key, "framework");
    assert_string_equal(empty.metadata[0].value, "pt");
    ovp_io_safetensors_free(f->ctx, &empty);
    ovp_io_safetensors_free(f->ctx, &empty);
    ovp_io_safetensors_free(f->ctx, NULL);
}

/* Source: IEEE 754-2019 table 3.5 (binary16) and the definition of bfloat16 as the upper half of binary32. */
static void widened(void **state) {
    fixture *f = *state;
    static const struct {
        unsigned bits;
        float value;
    } halves[] = {{0x0000, 0},
                  {0x3c00, 1},
                  {0xc000, -2},
                  {0x7bff, 65504},
                  {0x0400, 0x1p-14f},
                  {0x0001, 0x1p-24f},
                  {0x83ff, -0x1.ff8p-15f},
                  {0x3555, 0x1.554p-2f},
                  {0x7c00, INFINITY},
                  {0xfc00, -INFINITY}},
      brains[] = {{0x3f80, 1}, {0xc049, -3.140625f}, {0x7f80, INFINITY}, {0x0001, 0x1p-133f}, {0x7f7f, 0x1.fep127f}};
    unsigned char items[2 * (10 + 2 + 5 + 1)];
    int n = 0;
    ovp_io_safetensors s;
    for (int k = 0; k < 12; k++, n += 2) {
        unsigned bits = k < 10 ? halves[k].bits : k == 10 ? 0x8000 : 0x7e01;
        items[n] = (unsigned char)bits;
        items[n + 1] = (unsigned char)(bits >> 8);
    }
    for (int k = 0; k < 6; k++, n += 2) {
        unsigned bits = k < 5 ? brains[k].bits : 0x7fc1;
        items[n] = (unsigned char)bits;
        items[n + 1] = (unsigned char)(bits >> 8);
    }
    assert_ok(f, parse(f, &s,
                       "{\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[24,36]},"
                       "\"h\":{\"dtype\":\"F16\",\"shape\":[12],\"data_offsets\":[0,24]}}",
                       items, sizeof(items)));
    assert_int_equal(s.count, 2);
    assert_string_equal(s.arrays[0].name, "h"); /* in the order of the bytes */
    assert_string_equal(s.arrays[1].name, "b");
    const float *h = s.arrays[0].array.data, *b = s.arrays[1].array.data;
    assert_int_equal(s.arrays[0].array.type, OVP_F32);
    for (int k = 0; k < 10; k++) assert_true(h[k] == halves[k].value);
    assert_true(h[10] == 0 && signbit(h[10]));
    assert_true(isnan(h[11]));
    for (int k = 0; k < 5; k++) assert_true(b[k] == brains[k].value);
    assert_true(isnan(b[5]));
    ovp_io_safetensors_free(f->ctx, &s);
}

static void round_trip(void **state) {
    fixture *f = *state;
    static const struct {
        const char *name;
        ovp_numeric_type type;
        int ndim;
        ovp_idx shape[2];
    } what[] = {{"z", OVP_U8, 1, {5}},
                {"b", OVP_F32, 2, {2, 3}},
                {"a", OVP_F32, 0, {0}},
                {"quote\" \\ \n", OVP_I32, 1, {1}},
                {"i", OVP_I64, 1, {2}},
                {"none", OVP_F64, 2, {0, 4}},
                {"gr\xc3\xb6ss"
                 "e",
                 OVP_F64,
                 1,
                 {3}}};
    /* 8-byte types first (I64 before F64, as the reference's list has them), then by name. */
    static const int order[] = {4, 6, 5, 2, 1, 3, 0};
    enum { N = sizeof(what) / sizeof(what[0]) };
    ovp_io_named_array a[N];
    ovp_io_setting notes[] = {{.key = (char[]){"format"}, .value = (char[]){"pt"}},
                              {.key = (char[]){"a\nb"}, .value = (char[]){""}}};
    ovp_io_safetensors file = {a, N, notes, 2}, back;
    char *bytes[2];
    size_t size[2];
    for (int i = 0; i < N; i++) {
        make(f, &a[i], what[i].name, what[i].type, what[i].ndim, what[i].shape);
        size_t n = (size_t)ovp_numeric_array_count(&a[i].array) * ovp_numeric_type_size(what[i].type);
        for (size_t k = 0; k < n; k++) ((unsigned char *)a[i].array.data)[k] = (unsigned char)(k * 29 + 5 + (size_t)i);
    }
    for (int k = 0; k < 2; k++) { /* the order in which they are given does not matter */
        assert_ok(f, ovp_io_safetensors_write(f->ctx, scratch(f, "r"), &file));
        bytes[k] = get_file(scratch(f, "r"), &size[k]);
        ovp_io_named_array first = a[0];
        memmove(a, a + 1, (N - 1) * sizeof(a[0]));
        a[N - 1] = first;
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    assert_int_equal(bytes[0][0] & 7, 0);
    assert_ok(f, ovp_io_safetensors_read(&back, f->ctx, scratch(f, "r")));
    assert_int_equal(back.count, N);
    assert_int_equal(back.metadata_count, 2);
    assert_string_equal(back.metadata[1].key, "a\nb");
    for (int i = 0; i < N; i++) {
        const ovp_io_named_array *was = &a[(order[i] + N - 2) % N], *now = &back.arrays[i];
        assert_string_equal(now->name, was->name);
        assert_string_equal(now->name, what[order[i]].name);
        assert_int_equal(now->array.type, was->array.type);
        assert_int_equal(now->array.ndim, was->array.ndim);
        assert_memory_equal(now->array.shape, was->array.shape, sizeof(was->array.shape));
        assert_memory_equal(now->array.data, was->array.data,
                            (size_t)ovp_numeric_array_count(&was->array) * ovp_numeric_type_size(was->array.type));
    }
    ovp_io_safetensors_free(f->ctx, &back);
    for (int i = 0; i < N; i++) ovp_numeric_array_free(f->ctx, &a[i].array);
    free(bytes[0]);
    free(bytes[1]);
}

/* ---- refused ------------------------------------------------------------------------------------- */

#define T(name, dtype, shape, from, to)                                                                                \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static void bad_headers(void **state) {
    fixture *f = *state;
    static const struct {
        const char *header, *message;
    } cases[] = {
        {"", "must begin with '{'"},
        {"[]", "must begin with '{'"},
        {" {}", "must begin with '{'"},
        {"{", "line 1"},
        {"{}x", "line 1"},
        {"{\"a\":\"\xff\"}", "line 1"},
        {"{\"a\\u0000\":1}", "line 1"},
        {"{" T("a", "F32", "[1]", "0", "4") "," T("a", "F32", "[1]", "4", "8") "}", "duplicate"},
        {"{\"a\":1}", "'a': an object with dtype"},
        {"{\"a\":{\"dtype\":4,\"shape\":[2],\"data_offsets\":[0,8]}}", "'a': an object with dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", "'a': shape must be"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "'a': data_offsets must be"},
        {"{" T("a", "F8_E5M2", "[8]", "0", "8") "}", "items of type 'F8_E5M2' are not read (F64 F32"},
        {"{" T("a", "f32", "[2]", "0", "8") "}", "items of type 'f32'"},
        {"{" T("a", "F32", "[2.0]", "0", "8") "}", "shape must be"},
        {"{" T("a", "F32", "[-2]", "0", "8") "}", "shape must be"},
        {"{" T("a", "F32", "[[2]]", "0", "8") "}", "shape must be"},
        {"{" T("a", "F32", "2", "0", "8") "}", "shape must be"},
        {"{" T("a", "F32", "[1,1,1,1,1,1,1,1,2]", "0", "8") "}", "at most 8 extents"},
        {"{" T("a", "F32", "[9223372036854775808]", "0", "8") "}", "line 1"},
        {"{" T("a", "F32", "[4611686018427387904,4]", "0", "0") "}", "more items than can be addressed"},
        {"{" T("a", "F32", "[4611686018427387904]", "0", "0") "}", "more items than can be addressed"},
        {"{" T("a", "F32", "[2]", "0", "8,8") "}", "data_offsets must be"},
        {"{" T("a", "F32", "[2]", "-8", "0") "}", "data_offsets must be"},
        {"{" T("a", "F32", "[2]", "8", "0") "}", "'a': 2 items of type F32 do not take the bytes from 8 to 0"},
        {"{" T("a", "F32", "[3]", "0", "8") "}", "3 items of type F32 do not take the bytes from 0 to 8"},
        {"{" T("a", "F32", "[1]", "0", "4") "," T("b", "F32", "[1]", "0", "4") "}", "'b': its bytes overlap"},
        {"{" T("a", "F32", "[1]", "0", "4") "," T("b", "U8", "[5]", "3", "8") "}", "'b': its bytes overlap"},
        {"{" T("a", "U8", "[2]", "0", "2") "," T("b", "U8", "[4]", "4", "8") "}", "'b': a hole before"},
        {"{" T("a", "U8", "[4]", "4", "8") "}", "'a': a hole before"},
        {"{" T("a", "F32", "[1]", "0", "4") "}", "describes 4 bytes, 8 follow"},
        {"{" T("a", "F32", "[4]", "0", "16") "}", "describes 16 bytes, 8 follow"},
        {"{" T("a", "U8", "[9223372036854775807]", "0", "9223372036854775807") "}", "describes 9223372036854775807"},
        {"{}", "describes 0 bytes, 8 follow"},
        {"{\"__metadata__\":[]," T("a", "F32", "[2]", "0", "8") "}", "an object of strings"},
        {"{\"__metadata__\":{\"a\":1}," T("a", "F32", "[2]", "0", "8") "}", "every value must be a string"},
    };
    ovp_io_safetensors s;
    f->largest = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ovp_status status = parse(f, &s, cases[i].header, "abcdefgh", 8);
        assert_failed(f, status, OVP_EFORMAT, cases[i].message);
        assert_null(s.arrays);
        assert_int_equal(f->live, 0);
    }
    assert_in_range(f->largest, 1, 4096);
    /* What the reference takes as well: any order in the header, keys it does not know, empty tensors anywhere. */
    assert_ok(f, parse(f, &s,
                       "{" T("c", "F64", "[0,7]", "8", "8") "," T("b", "F32", "[1]", "4", "8") "," T(
                           "a", "F32", "[]", "0",
                           "4") ",\"d\":{\"x\":[],\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]}} ",
                       "\0\0\x80?\0\0\0@", 8));
    assert_int_equal(s.count, 4);
    assert_string_equal(s.arrays[0].name, "a");
    assert_string_equal(s.arrays[1].name, "d");
    assert_string_equal(s.arrays[2].name, "b");
    assert_string_equal(s.arrays[3].name, "c");
    assert_true(*(float *)s.arrays[0].array.data == 1 && *(float *)s.arrays[2].array.data == 2);
    ovp_io_safetensors_free(f->ctx, &s);
}

static void bad_files(void **state) {
    fixture *f = *state;
    ovp_io_safetensors s;
    f->largest = 0;
    unsigned char claim[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'};
    assert_failed(f, ovp_io_safetensors_parse(&s, f->ctx, "s", NULL, 0), OVP_EFORMAT,
                  "not a safetensors file: 0 bytes");
    assert_failed(f, ovp_io_safetensors_parse(&s, f->ctx, "s", claim, 16), OVP_ELIMIT,
                  "claims 18446744073709551615 bytes; 100000000 is the limit");
    memcpy(claim, "\0\xe1\xf5\5\0\0\0\0", 8); /* 100 000 000 */
    assert_failed(f, ovp_io_safetensors_parse(&s, f->ctx, "s", claim, 16), OVP_EFORMAT, "100000000 bytes, 8 follow");
    assert_int_equal(f->largest, 0);
    put_file(scratch(f, "x"), "", 0);
    assert_failed(f, ovp_io_safetensors_read(&s, f->ctx, scratch(f, "x")), OVP_EFORMAT, "0 bytes");
    assert_failed(f, ovp_io_safetensors_read(&s, f->ctx, scratch(f, "none")), OVP_ENOTFOUND, "none");
    assert_failed(f, ovp_io_safetensors_read(&s, f->ctx, OVP_TEST_DIR "/io/data/stored.npz"), OVP_ELIMIT, "header");
    size_t bytes;
    unsigned char *file = make_file(
        &bytes,
        "{\"__metadata__\":{\"a\":\"b\"}," T("a", "F32", "[1]", "0", "4") "," T("b", "F16", "[2]", "4", "8") "}",
        "abcdefgh", 8);
    for (size_t cut = 0; cut < bytes; cut++) {
        unsigned char *exact = malloc(cut ? cut : 1);
        memcpy(exact, file, cut);
        assert_failed(f, ovp_io_safetensors_parse(&s, f->ctx, "cut", exact, cut), OVP_EFORMAT, "cut: ");
        free(exact);
    }
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
        ovp_status status = ovp_io_safetensors_parse(&s, f->ctx, "bit", file, bytes);
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(status == OVP_OK || status == OVP_EFORMAT || status == OVP_ELIMIT);
        ovp_io_safetensors_free(f->ctx, &s);
        ovp_clear(f->ctx);
    }
    ovp_status status = OVP_ENOMEM;
    for (long n = 0; status != OVP_OK; n++) {
        f->countdown = n;
        status = ovp_io_safetensors_parse(&s, f->ctx, "memory", file, bytes);
        f->countdown = -1;
        if (status != OVP_OK) assert_failed(f, status, OVP_ENOMEM, "");
        assert_in_range(n, 0, 9);
    }
    ovp_io_safetensors_free(f->ctx, &s);
    free(file);
}

static void write_errors(void **state) {
    fixture *f = *state;
    const ovp_idx shape[] = {2};
    ovp_io_named_array a[2];
    ovp_io_setting note = {.key = (char[]){"k"}, .value = (char[]){"\xff"}};
    ovp_io_safetensors file = {a, 2, NULL, 0};
    const char *path = scratch(f, "w");
    make(f, &a[0], "x", OVP_F32, 1, shape);
    make(f, &a[1], "x", OVP_F64, 1, shape);
    assert_failed(f, ovp_io_safetensors_write(f->ctx, path, &file), OVP_EINVAL, "the name 'x' stands twice");
    a[1].name = (char[]){"__metadata__"};
    assert_failed(f, ovp_io_safetensors_write(f->ctx, path, &file), OVP_EINVAL, "'__metadata__' cannot name");
    a[1].name = (char[]){"\xc0\x80"};
    assert_failed(f, ovp_io_safetensors_write(f->ctx, path, &file), OVP_EINVAL, "' is not UTF-8");
    a[1].name = (char[]){"y"};
    file.metadata = &note;
    file.metadata_count = 1;
    assert_failed(f, ovp_io_safetensors_write(f->ctx, path, &file), OVP_EINVAL, "metadata of 'k' are not UTF-8");
    file.metadata_count = 0;
    assert_failed(f, ovp_io_safetensors_write(f->ctx, scratch(f, "none/w"), &file), OVP_EIO, "No such file");
    for (long n = 0; n < 4; n++) {
        f->countdown = n;
        assert_failed(f, ovp_io_safetensors_write(f->ctx, path, &file), OVP_ENOMEM, "");
        f->countdown = -1;
    }
    assert_int_equal(count_files(f->folder), 0);
    for (int i = 0; i < 2; i++) ovp_numeric_array_free(f->ctx, &a[i].array);
}

/* Source: RFC 3629, sections 3 and 4. */
static void utf8(void **state) {
    (void)state;
    static const char *const good[] = {"",
                                       "a\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe1\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xf1\x80\x80\xc0"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) assert_true(ovp_io_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) assert_false(ovp_io_utf8(bad[i], strlen(bad[i])));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(as_reference), CASE(widened),      CASE(round_trip), CASE(bad_headers),
        CASE(bad_files),    CASE(write_errors), CASE(utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
