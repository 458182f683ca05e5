#include "io/helper.h"

#include <math.h>

#include "io/io_int.h"

static const char *golden(const char *name) {
    static char path[512];
    snprintf(path, sizeof(path), OVP_TEST_DIR "/io/data/%s", name);
    return path;
}

/* Values of tests/golden/io_golden.py. */
static double item(const ovp_numeric_array *a, ovp_idx k) {
    switch (a->type) {
    case OVP_F32:
        return (double)((const float *)a->data)[k];
    case OVP_F64:
        return ((const double *)a->data)[k];
    case OVP_I64:
        return (double)((const int64_t *)a->data)[k];
    case OVP_I32:
        return ((const int32_t *)a->data)[k];
    default:
        return ((const unsigned char *)a->data)[k];
    }
}

static double expected(ovp_numeric_type type, ovp_idx k) {
    double x = (double)k;
    return type == OVP_U8 ? 3 * x : type == OVP_I32 || type == OVP_I64 ? 3 * x - 7 : x - 2.5;
}

/* Source: numpy 1.24.2, tests/golden/io_golden.py. */
static void reads_numpy(void **state) {
    fixture *f = *state;
    static const struct {
        const char *file;
        ovp_numeric_type type;
        int ndim;
        ovp_idx shape[4];
    } cases[] = {
        {"f4.npy", OVP_F32, 2, {2, 3}},    {"f8_fortran.npy", OVP_F64, 2, {3, 4}},
        {"i8_big.npy", OVP_I64, 1, {5}},   {"f4_big_fortran_3d.npy", OVP_F32, 3, {2, 3, 4}},
        {"i4.npy", OVP_I32, 3, {2, 1, 3}}, {"u1.npy", OVP_U8, 4, {2, 2, 2, 2}},
        {"scalar.npy", OVP_F64, 0, {0}},   {"empty.npy", OVP_F64, 2, {0, 3}},
        {"v2.npy", OVP_F64, 1, {4}},       {"v3.npy", OVP_F32, 1, {4}},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        ovp_numeric_array a;
        assert_ok(f, ovp_io_npy_read(&a, f->ctx, golden(cases[c].file)));
        assert_int_equal(a.type, cases[c].type);
        assert_int_equal(a.ndim, cases[c].ndim);
        for (int d = 0; d < a.ndim; d++) assert_int_equal(a.shape[d], cases[c].shape[d]);
        for (ovp_idx k = 0; k < ovp_numeric_array_count(&a); k++)
            if (item(&a, k) != expected(a.type, k)) fail_msg("%s, item %d", cases[c].file, (int)k);
        ovp_numeric_array_free(f->ctx, &a);
    }
}

/* What numpy wrote in C order and little endian we write byte for byte. */
static void writes_like_numpy(void **state) {
    fixture *f = *state;
    static const char *const files[] = {"f4.npy", "i4.npy", "u1.npy", "scalar.npy", "empty.npy"};
    for (size_t c = 0; c < sizeof(files) / sizeof(files[0]); c++) {
        ovp_numeric_array a;
        size_t ours, theirs;
        assert_ok(f, ovp_io_npy_read(&a, f->ctx, golden(files[c])));
        assert_ok(f, ovp_io_npy_write(f->ctx, scratch(f, "w.npy"), &a));
        char *x = get_file(scratch(f, "w.npy"), &ours), *y = get_file(golden(files[c]), &theirs);
        assert_int_equal(ours, theirs);
        assert_memory_equal(x, y, ours);
        free(x);
        free(y);
        ovp_numeric_array_free(f->ctx, &a);
    }
}

static void round_trip(void **state) {
    fixture *f = *state;
    for (int type = OVP_F32; type <= OVP_U8; type++)
        for (int ndim = 0; ndim <= OVP_NUMERIC_MAX_DIMS; ndim++) {
            const ovp_idx shape[OVP_NUMERIC_MAX_DIMS] = {3, 1, 2, 2, 1, 2, 1, 3};
            ovp_numeric_array a, b;
            assert_ok(f, ovp_numeric_array_create(&a, f->ctx, (ovp_numeric_type)type, ndim, shape));
            size_t bytes = (size_t)ovp_numeric_array_count(&a) * ovp_numeric_type_size(a.type);
            for (size_t i = 0; i < bytes; i++) ((unsigned char *)a.data)[i] = (unsigned char)(i * 37 + 11);
            assert_ok(f, ovp_io_npy_write(f->ctx, scratch(f, "r.npy"), &a));
            assert_ok(f, ovp_io_npy_read(&b, f->ctx, scratch(f, "r.npy")));
            assert_int_equal(b.type, type);
            assert_int_equal(b.ndim, ndim);
            assert_memory_equal(a.shape, b.shape, sizeof(ovp_idx) * (size_t)ndim);
            assert_memory_equal(a.data, b.data, bytes);
            ovp_numeric_array_free(f->ctx, &a);
            ovp_numeric_array_free(f->ctx, &b);
        }
    ovp_numeric_array a = {.type = OVP_F64, .ndim = 0};
    assert_failed(f, ovp_io_npy_write(f->ctx, scratch(f, "none/r.npy"), &a), OVP_EIO, "none/r.npy");
}

/* A version 1.0 file with this header text and payload of zeros. */
static ovp_status parse_header(fixture *f, ovp_numeric_array *a, const char *text, size_t payload) {
    unsigned char file[2048] = "\x93NUMPY\x01";
    size_t n = strlen(text);
    file[8] = (unsigned char)(n & 255);
    file[9] = (unsigned char)(n >> 8);
    memcpy(file + 10, text, n);
    return ovp_io_npy_parse(a, f->ctx, "h", file, 10 + n + payload);
}

static void tolerant_headers(void **state) {
    fixture *f = *state;
    static const char *const good[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
        "{'shape':(2,3),'descr':'<f4','fortran_order':False}",
        "{\"descr\" : \"=f4\", \"fortran_order\": True,\n \"shape\": (2L, 3L,)}  \n",
        " { 'descr':'>f4' , 'fortran_order' : True , 'shape' : ( 2 , 3 , ) , } ",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ovp_numeric_array a;
        assert_ok(f, parse_header(f, &a, good[i], 24));
        assert_int_equal(a.type, OVP_F32);
        assert_int_equal(ovp_numeric_array_count(&a), 6);
        ovp_numeric_array_free(f->ctx, &a);
    }
}

static void hostile_headers(void **state) {
    fixture *f = *state;
#define D "'descr': '<f8'"
#define F "'fortran_order': False"
    static const struct {
        const char *text;
        const char *message;
    } bad[] = {
        {"{" D ", " F ", 'shape': (9000000000000000000, 9), }", "more items of 8 bytes than can be addressed"},
        {"{" D ", " F ", 'shape': (99999999999999999999999,), }", "extent too large"},
        {"{" D ", " F ", 'shape': (2305843009213693952,), }",
         "more items of 8 bytes than can be addressed"}, /* times 8 is 2^64 */
        {"{" D ", " F ", 'shape': (4294967296, 4294967296), }", "more items of 8 bytes than can be addressed"},
        {"{" D ", " F ", 'shape': (1000000000,), }", "claims 1000000000 items of 8 bytes, 8 bytes follow"},
        {"{" D ", " F ", 'shape': (-1,), }", "extent of at least 0"},
        {"{" D ", " F ", 'shape': (0, -1), }", "extent of at least 0"},
        {"{" D ", " F ", 'shape': (1.5,), }", "',' or ')' expected"},
        {"{" D ", " F ", 'shape': (1 2), }", "',' or ')' expected"},
        {"{" D ", " F ", 'shape': (,), }", "extent of at least 0"},
        {"{" D ", " F ", 'shape': (1), }", "(n,) expected"},
        {"{" D ", " F ", 'shape': [1], }", "tuple"},
        {"{" D ", " F ", 'shape': (1", "',' or ')' expected"},
        {"{" D ", " F ", 'shape': (1,1,1,1,1,1,1,1,1), }", "more than 8 dimensions"},
        {"{" D ", " F ", 'shape': (), ", "quoted string expected"},
        {"{" D ", " F ", 'shape': () 'x': 1}", "',' or '}' expected"},
        {"{" D ", " F ", 'shape': (), 'x': 1}", "unknown key"},
        {"{" D ", " D ", 'shape': ()}", "stands twice"},
        {"{" D ", 'shape': (), }", "all needed"},
        {"{}", "all needed"},
        {"", "'{' expected"},
        {"{" D ", " F ", 'shape': (), } import os", "nothing more expected"},
        {"__import__('os').system('true')", "'{' expected"},
        {"{" D ", " F ", 'shape': (exec('1'),), }", "extent of at least 0"},
        {"{" D ", 'fortran_order': 1, 'shape': (), }", "True or False"},
        {"{" D " " F ", 'shape': (), }", "',' or '}' expected"},
        {"{'descr' '<f8'}", "':' expected"},
        {"{'descr: <f8}", "does not end"},
        {"{'de\\x73cr': '<f8'}", "does not end"},
        {"{'descr': <f8}", "quoted string"},
        {"{'descr': '|O', " F ", 'shape': (), }", "could run code"},
        {"{'descr': 'O', " F ", 'shape': (), }", "could run code"},
        {"{'descr': [('a', '<f4')], " F ", 'shape': (), }", "structured"},
        {"{'descr': '<f2', " F ", 'shape': (4,), }", "type '<f2'"},
        {"{'descr': '<c8', " F ", 'shape': (), }", "type '<c8'"},
        {"{'descr': '|f8', " F ", 'shape': (), }", "type '|f8'"},
        {"{'descr': '<f\n', " F ", 'shape': (), }", "type '<f?'"},
        {"{'descr': '<f88', " F ", 'shape': (), }", "type '<f88'"},
        {"{'descr': '', " F ", 'shape': (), }", "type ''"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ovp_numeric_array a;
        assert_failed(f, parse_header(f, &a, bad[i].text, 8), OVP_EFORMAT, bad[i].message);
        assert_null(a.data);
    }
}

static void hostile_files(void **state) {
    fixture *f = *state;
    ovp_numeric_array a;
    char deep[1200];
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "e", NULL, 0), OVP_EFORMAT, "not an npy file");
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "e", "\x93NUMPX\1\0\0\0", 10), OVP_EFORMAT, "not an npy file");
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "e", "\x93NUMPY\4\0\0\0", 10), OVP_EFORMAT, "version 4.0");
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "e", "\x93NUMPY\0\0\0\0", 10), OVP_EFORMAT, "version 0.0");
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "e", "\x93NUMPY\2\0\0\0\0", 11), OVP_EFORMAT, "first 12 bytes");
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "e", "\x93NUMPY\1\0\xff\xff", 10), OVP_EFORMAT, "claims 65535");
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "e", "\x93NUMPY\3\0\xff\xff\xff\xff", 12), OVP_ELIMIT, "65536");
    memset(deep, '(', sizeof(deep));
    deep[sizeof(deep) - 1] = 0;
    assert_failed(f, parse_header(f, &a, deep, 0), OVP_EFORMAT, "'{' expected");
    assert_failed(f, ovp_io_npy_read(&a, f->ctx, golden("object.npy")), OVP_EFORMAT, "could run code");
    assert_failed(f, ovp_io_npy_read(&a, f->ctx, golden("structured.npy")), OVP_EFORMAT, "structured");
    assert_failed(f, ovp_io_npy_read(&a, f->ctx, golden("f2.npy")), OVP_EFORMAT, "'<f2'");
    assert_failed(f, ovp_io_npy_read(&a, f->ctx, scratch(f, "none.npy")), OVP_ENOTFOUND, "none.npy");
    assert_failed(f, ovp_io_npy_read(&a, f->ctx, f->folder), OVP_EFORMAT, "folder");
    /* Every truncation, and one byte too many. */
    size_t bytes;
    char *file = get_file(golden("f4_big_fortran_3d.npy"), &bytes);
    for (size_t n = 0; n < bytes; n++)
        assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "cut", file, n), OVP_EFORMAT, "cut: ");
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "long", file, bytes + 1), OVP_EFORMAT, "97 bytes follow");
    f->countdown = 0;
    assert_failed(f, ovp_io_npy_parse(&a, f->ctx, "m", file, bytes), OVP_ENOMEM, "");
    f->countdown = -1;
    free(file);
}

/* ---- IDX ----------------------------------------------------------------------------------------- */

static void idx_types(void **state) {
    fixture *f = *state;
    ovp_numeric_array a;
    assert_ok(f, ovp_io_idx_parse(&a, f->ctx, "u1", "\0\0\x08\2\0\0\0\2\0\0\0\3abcdef", 18));
    assert_int_equal(a.type, OVP_U8);
    assert_int_equal(a.ndim, 2);
    assert_int_equal(a.shape[0], 2);
    assert_int_equal(a.shape[1], 3);
    assert_memory_equal(a.data, "abcdef", 6);
    ovp_numeric_array_free(f->ctx, &a);
    assert_ok(f, ovp_io_idx_parse(&a, f->ctx, "i4", "\0\0\x0c\1\0\0\0\2\0\0\1\2\xff\xff\xff\xfe", 16));
    assert_int_equal(((int32_t *)a.data)[0], 258);
    assert_int_equal(((int32_t *)a.data)[1], -2);
    ovp_numeric_array_free(f->ctx, &a);
    assert_ok(f, ovp_io_idx_parse(&a, f->ctx, "f4", "\0\0\x0d\1\0\0\0\1\xc0\x20\0\0", 12)); /* IEEE 754: -2.5 */
    assert_true(((float *)a.data)[0] == -2.5f);
    ovp_numeric_array_free(f->ctx, &a);
    assert_ok(f, ovp_io_idx_parse(&a, f->ctx, "f8", "\0\0\x0e\1\0\0\0\1\x3f\xf8\0\0\0\0\0\0", 16)); /* 1.5 */
    assert_true(((double *)a.data)[0] == 1.5);
    ovp_numeric_array_free(f->ctx, &a);
    put_file(scratch(f, "zero"), "\0\0\x08\2\0\0\0\0\0\0\0\5", 12);
    assert_ok(f, ovp_io_idx_read(&a, f->ctx, scratch(f, "zero")));
    assert_int_equal(ovp_numeric_array_count(&a), 0);
    ovp_numeric_array_free(f->ctx, &a);
}

static void idx_hostile(void **state) {
    fixture *f = *state;
    ovp_numeric_array a;
    static const struct {
        const char *data;
        size_t bytes;
        const char *message;
    } bad[] = {
        {"", 0, "not an IDX file"},
        {"\0\0\x08", 3, "not an IDX file (3 bytes"},
        {"\1\0\x08\1\0\0\0\0", 8, "wrong magic"},
        {"\0\1\x08\1\0\0\0\0", 8, "wrong magic"},
        {"\x1f\x8b\x08\1\0\0\0\0", 8, "wrong magic"},
        {"\0\0\x0a\1\0\0\0\0", 8, "unknown item type 0x0a"},
        {"\0\0\x09\1\0\0\0\0", 8, "i1 (0x09)"},
        {"\0\0\x0b\1\0\0\0\0", 8, "i2 (0x0b)"},
        {"\0\0\x08\0", 4, "0 dimensions"},
        {"\0\0\x08\x09\0\0\0\0", 8, "9 dimensions"},
        {"\0\0\x08\2\0\0\0\1\0\0\0", 11, "within its header (11 of 12"},
        {"\0\0\x08\1\0\0\0\2a", 9, "claims 2 items of 1 byte, 1 bytes follow"},
        {"\0\0\x08\1\0\0\0\1ab", 10, "claims 1 items of 1 byte, 2 bytes follow"},
        {"\0\0\x08\3\0\0\xea\x60\0\0\0\x1c\0\0\0\x1c", 16, "60000 x 28 x 28"},
        {"\0\0\x0e\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16, "4294967295 x 4294967295 x 4294967295"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_failed(f, ovp_io_idx_parse(&a, f->ctx, "bad.idx", bad[i].data, bad[i].bytes), OVP_EFORMAT,
                      bad[i].message);
    put_file(scratch(f, "empty"), "", 0);
    assert_failed(f, ovp_io_idx_read(&a, f->ctx, scratch(f, "empty")), OVP_EFORMAT, "empty: not an IDX file");
    assert_failed(f, ovp_io_idx_read(&a, f->ctx, scratch(f, "none")), OVP_ENOTFOUND, "none");
    assert_failed(f, ovp_io_idx_read(&a, f->ctx, f->folder), OVP_EFORMAT, "folder");
    f->countdown = 0;
    assert_failed(f, ovp_io_idx_parse(&a, f->ctx, "m", "\0\0\x08\1\0\0\0\1a", 9), OVP_ENOMEM, "");
    f->countdown = -1;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(reads_numpy),     CASE(writes_like_numpy), CASE(round_trip), CASE(tolerant_headers),
        CASE(hostile_headers), CASE(hostile_files),     CASE(idx_types),  CASE(idx_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
