#include "io/helper.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <zip.h>

#include "io/io_int.h"

#define LIMIT (1 << 24)

/* Source: numpy 1.24.2, tests/golden/io_golden.py. */
static void reads_numpy(void **state) {
    fixture *f = *state;
    static const char *const files[] = {OVP_TEST_DIR "/io/data/stored.npz", OVP_TEST_DIR "/io/data/deflated.npz"};
    for (int c = 0; c < 2; c++) {
        ovp_io_named_array *a;
        ovp_idx n;
        assert_ok(f, ovp_io_npz_read(&a, &n, f->ctx, files[c]));
        assert_int_equal(n, 2);
        assert_string_equal(a[0].name, "weights");
        assert_string_equal(a[1].name, "labels");
        assert_int_equal(a[0].array.type, OVP_F32);
        assert_int_equal(a[0].array.shape[0], 20);
        assert_int_equal(a[0].array.shape[1], 30);
        for (int k = 0; k < 600; k++) assert_true(((float *)a[0].array.data)[k] == (float)k - 2.5f);
        assert_int_equal(a[1].array.type, OVP_I32);
        for (int k = 0; k < 5; k++) assert_int_equal(((int32_t *)a[1].array.data)[k], 3 * k - 7);
        ovp_io_npz_free(f->ctx, a, n);
    }
}

static void make(fixture *f, ovp_io_named_array *a, const char *name, ovp_numeric_type type, int ndim, ovp_idx extent) {
    const ovp_idx shape[2] = {extent, 3};
    a->name = (char *)(uintptr_t)name;
    assert_ok(f, ovp_numeric_array_create(&a->array, f->ctx, type, ndim, shape));
    size_t bytes = (size_t)ovp_numeric_array_count(&a->array) * ovp_numeric_type_size(type);
    for (size_t i = 0; i < bytes; i++) ((unsigned char *)a->array.data)[i] = (unsigned char)(i * 29 + 5);
}

static void round_trip(void **state) {
    fixture *f = *state;
    ovp_io_named_array a[4], *b;
    ovp_idx n;
    make(f, &a[0], "loss", OVP_F64, 2, 7);
    make(f, &a[1], "layer0/weight", OVP_F32, 1, 5);
    make(f, &a[2], "none", OVP_I64, 2, 0);
    make(f, &a[3],
         "gr\xc3\xb6\xc3\x9f"
         "e",
         OVP_U8, 0, 0);
    assert_ok(f, ovp_io_npz_write(f->ctx, scratch(f, "a.npz"), a, 4));
    assert_ok(f, ovp_io_npz_read(&b, &n, f->ctx, scratch(f, "a.npz")));
    assert_int_equal(n, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_int_equal(a[i].array.type, b[i].array.type);
        assert_int_equal(a[i].array.ndim, b[i].array.ndim);
        assert_memory_equal(a[i].array.shape, b[i].array.shape, sizeof(a[i].array.shape));
        assert_memory_equal(a[i].array.data, b[i].array.data,
                            (size_t)ovp_numeric_array_count(&a[i].array) * ovp_numeric_type_size(a[i].array.type));
    }
    ovp_io_npz_free(f->ctx, b, n);
    /* Same content, same bytes: another second, another time zone, over an existing file. */
    size_t first_bytes, second_bytes;
    char *first = get_file(scratch(f, "a.npz"), &first_bytes);
    struct timespec wait = {1, 100000000};
    nanosleep(&wait, NULL);
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    assert_ok(f, ovp_io_npz_write(f->ctx, scratch(f, "a.npz"), a, 4));
    char *second = get_file(scratch(f, "a.npz"), &second_bytes);
    assert_int_equal(first_bytes, second_bytes);
    assert_memory_equal(first, second, first_bytes);
    assert_int_equal(count_files(f->folder), 1);
    free(first);
    free(second);
    for (int i = 0; i < 4; i++) ovp_numeric_array_free(f->ctx, &a[i].array);
}

static void no_arrays(void **state) {
    fixture *f = *state;
    ovp_io_named_array *a;
    ovp_idx n = 9;
    assert_ok(f, ovp_io_npz_write(f->ctx, scratch(f, "0.npz"), NULL, 0));
    assert_ok(f, ovp_io_npz_read(&a, &n, f->ctx, scratch(f, "0.npz")));
    assert_int_equal(n, 0);
    ovp_io_npz_free(f->ctx, a, n);
    ovp_io_npz_free(f->ctx, NULL, 0);
}

static void write_errors(void **state) {
    fixture *f = *state;
    ovp_io_named_array a[2];
    static const char *const names[] = {"", "/etc/x", "../x", "a/../x", "a\\b", "c:x", "a\nb"};
    make(f, &a[0], "x", OVP_F64, 2, 700);
    make(f, &a[1], "x", OVP_F64, 1, 3);
    assert_failed(f, ovp_io_npz_write(f->ctx, scratch(f, "a.npz"), a, 2), OVP_EINVAL, "'x' cannot be added");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        a[1].name = (char *)(uintptr_t)names[i];
        assert_failed(f, ovp_io_npz_write(f->ctx, scratch(f, "a.npz"), a, 2), OVP_EINVAL, "array name");
    }
    a[1].name = (char *)(uintptr_t) "y";
    assert_failed(f, ovp_io_npz_write(f->ctx, scratch(f, "none/a.npz"), a, 2), OVP_EIO, "No such file");
    assert_failed(f, ovp_io_npz_write(f->ctx, f->folder, a, 2), OVP_EIO, "folder");
    for (long n = 0; n < 4; n++) {
        f->countdown = n;
        assert_failed(f, ovp_io_npz_write(f->ctx, scratch(f, "a.npz"), a, 2), OVP_ENOMEM, "");
        f->countdown = -1;
    }
    /* A disk that fills up half-way, played by the limit on file sizes. */
    struct rlimit before, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ovp_status status = ovp_io_npz_write(f->ctx, scratch(f, "a.npz"), a, 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_failed(f, status, OVP_EIO, "a.npz: cannot be written: Write error: File too large");
    assert_int_equal(count_files(f->folder), 0);
    for (int i = 0; i < 2; i++) ovp_numeric_array_free(f->ctx, &a[i].array);
}

/* An archive made with libzip as a stranger would; password NULL: none. */
static void make_zip(const char *path, const char *const *names, int count, const void *data, size_t bytes,
                     zip_int32_t method, const char *password) {
    int code;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    assert_non_null(zip);
    for (int i = 0; i < count; i++) {
        zip_int64_t at = zip_file_add(zip, names[i], zip_source_buffer(zip, data, bytes, 0), 0);
        assert_true(at >= 0);
        assert_int_equal(zip_set_file_compression(zip, (zip_uint64_t)at, method, 0), 0);
        if (password) assert_int_equal(zip_file_set_encryption(zip, (zip_uint64_t)at, ZIP_EM_AES_128, password), 0);
    }
    assert_int_equal(zip_close(zip), 0);
}

static void hostile(void **state) {
    fixture *f = *state;
    ovp_io_named_array *a;
    ovp_idx n;
    size_t bytes;
    char *npy = get_file(OVP_TEST_DIR "/io/data/f4.npy", &bytes);
    const char *path = scratch(f, "z.npz");
    static const struct {
        const char *name, *message;
    } names[] = {
        {"../../x.npy", "leads out"}, {"/etc/x.npy", "absolute"}, {"a/../../x.npy", "leads out"},
        {"..\\x.npy", "absolute"},    {"x.txt", "is no array"},   {".npy", "is no array"},
        {"a\nb.npy", "control"},      {"c:x.npy", "absolute"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        make_zip(path, &names[i].name, 1, npy, bytes, ZIP_CM_STORE, NULL);
        assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, path), OVP_EFORMAT, names[i].message);
        assert_null(a);
    }
    const char *name = "x.npy", *two[] = {"ab.npy", "ac.npy"};
    make_zip(path, &name, 1, npy, bytes, ZIP_CM_STORE, "secret");
    assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, path), OVP_EFORMAT, "'x.npy' is encrypted");
    make_zip(path, &name, 1, "no array", 8, ZIP_CM_STORE, NULL);
    assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, path), OVP_EFORMAT, "z.npz:x.npy: not an npy file");
    if (zip_compression_method_supported(ZIP_CM_BZIP2, 1)) {
        char *zeros = calloc(1, 5000);
        make_zip(path, &name, 1, zeros, 5000, ZIP_CM_BZIP2, NULL);
        assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, path), OVP_EFORMAT, "other than deflate");
        free(zeros);
    }
    /* libzip will not write one name twice, so the second is renamed by hand in both places. */
    make_zip(path, two, 2, npy, bytes, ZIP_CM_STORE, NULL);
    size_t size;
    char *file = get_file(path, &size);
    for (size_t i = 0; i + 6 <= size; i++)
        if (!memcmp(file + i, "ac.npy", 6)) file[i + 1] = 'b';
    assert_failed(f, ovp_io_npz_parse(&a, &n, f->ctx, "twice", file, size, LIMIT), OVP_EFORMAT,
                  "two entries have one name");
    free(file);
    put_file(path, "", 0);
    assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, path), OVP_EFORMAT, "empty");
    assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, OVP_TEST_DIR "/io/data/f4.npy"), OVP_EFORMAT, "zip");
    assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, f->folder), OVP_EFORMAT, "folder");
    assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, scratch(f, "none")), OVP_ENOTFOUND, "none");
    free(npy);
}

/* Offset of the field at `offset` in the central directory's first entry. */
static unsigned char *central(char *file, size_t size, size_t offset) {
    for (size_t i = 0; i + 4 <= size; i++)
        if (!memcmp(file + i, "PK\1\2", 4)) return (unsigned char *)file + i + offset;
    fail();
    return NULL;
}

static void bombs_and_lies(void **state) {
    fixture *f = *state;
    ovp_io_named_array *a;
    ovp_idx n;
    size_t size, zeros_bytes = 20 << 20;
    const char *name = "x.npy", *path = scratch(f, "b.npz");
    char *zeros = calloc(1, zeros_bytes);
    make_zip(path, &name, 1, zeros, zeros_bytes, ZIP_CM_DEFLATE, NULL);
    char *file = get_file(path, &size);
    assert_true(size < 50000);
    assert_failed(f, ovp_io_npz_parse(&a, &n, f->ctx, "bomb", file, size, LIMIT), OVP_ELIMIT, "limit on unpacked");
    /* A claim of 4 GiB in the directory (and the local header, so that they agree) that 20 KB cannot hold. */
    memset(central(file, size, 24), 0xfe, 4);
    memset(file + 22, 0xfe, 4);
    assert_failed(f, ovp_io_npz_parse(&a, &n, f->ctx, "lie", file, size, INT64_MAX), OVP_EFORMAT, "cannot hold");
    /* A claim smaller than the truth. */
    memset(central(file, size, 24), 0, 4);
    memset(file + 22, 0, 4);
    *central(file, size, 25) = 1;
    file[23] = 1;
    assert_failed(f, ovp_io_npz_parse(&a, &n, f->ctx, "lie", file, size, LIMIT), OVP_EFORMAT, "'x.npy'");
    free(file);
    free(zeros);
    /* A stored entry whose two sizes differ. */
    file = get_file(OVP_TEST_DIR "/io/data/stored.npz", &size);
    *central(file, size, 25) ^= 1;
    assert_failed(f, ovp_io_npz_parse(&a, &n, f->ctx, "lie", file, size, LIMIT), OVP_EFORMAT, "lie");
    *central(file, size, 25) ^= 1;
    /* One flipped bit of content is seen by the CRC. */
    for (size_t i = 0; i + 10 < size; i++)
        if (!memcmp(file + i, "\x93NUMPY", 6)) {
            file[i + 1000] ^= 4;
            break;
        }
    assert_failed(f, ovp_io_npz_parse(&a, &n, f->ctx, "flip", file, size, LIMIT), OVP_EFORMAT, "CRC error");
    free(file);
    /* Memory that runs out anywhere. */
    file = get_file(OVP_TEST_DIR "/io/data/deflated.npz", &size);
    for (f->countdown = 0; f->refused < 100; f->countdown = f->refused) {
        ovp_status status = ovp_io_npz_parse(&a, &n, f->ctx, "m", file, size, LIMIT);
        if (status == OVP_OK) break;
        assert_failed(f, status, OVP_ENOMEM, "");
    }
    f->countdown = -1;
    assert_in_range(f->refused, 5, 99);
    ovp_io_npz_free(f->ctx, a, n);
    for (size_t cut = 0; cut < size; cut += 7)
        assert_failed(f, ovp_io_npz_parse(&a, &n, f->ctx, "cut", file, cut, LIMIT), OVP_EFORMAT, "cut: ");
    free(file);
}

static void too_many_entries(void **state) {
    fixture *f = *state;
    ovp_io_named_array *a;
    ovp_idx n;
    int code;
    const char *path = scratch(f, "many.npz");
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    for (int i = 0; i <= OVP_IO_MAX_ENTRIES; i++) {
        char name[32];
        snprintf(name, sizeof(name), "a%d.npy", i);
        assert_true(zip_file_add(zip, name, zip_source_buffer(zip, "", 0, 0), 0) >= 0);
    }
    assert_int_equal(zip_close(zip), 0);
    assert_failed(f, ovp_io_npz_read(&a, &n, f->ctx, path), OVP_ELIMIT, "4097 entries; 4096 is the limit");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(reads_numpy), CASE(round_trip),     CASE(no_arrays),        CASE(write_errors),
        CASE(hostile),     CASE(bombs_and_lies), CASE(too_many_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
