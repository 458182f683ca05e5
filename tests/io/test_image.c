/* PNG and JPEG against Pillow, and against everything that a damaged or lying file can do. */
#include "io/helper.h"

#include <zlib.h>

#include "io/io_int.h"

#define IMAGES OVP_TEST_DIR "/io/data/images/"

static int have(const char *format) {
    return ovp_io_image_library(format) != NULL;
}

static const char *image_path(const char *stem, const char *end) {
    static char paths[2][512];
    static int turn;
    char *path = paths[turn = !turn];
    snprintf(path, sizeof(paths[0]), IMAGES "%s%s", stem, end);
    return path;
}

static void assert_same(const ovp_numeric_array *a, const ovp_numeric_array *b) {
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->ndim, b->ndim);
    assert_memory_equal(a->shape, b->shape, (size_t)a->ndim * sizeof(a->shape[0]));
    assert_memory_equal(a->data, b->data, (size_t)ovp_numeric_array_count(a) * ovp_numeric_type_size(a->type));
}

/* Source: Pillow 9.4.0, tests/golden/image_golden.py. Every pixel is the same. */
static void as_pillow(void **state) {
    fixture *f = *state;
    static const struct {
        const char *stem, *end;
        int rows, columns, channels;
    } files[] = {
        {"gray1", ".png", 5, 11, 1},
        {"gray2_interlaced", ".png", 9, 10, 1},
        {"gray8", ".png", 4, 6, 1},
        {"gray16", ".png", 4, 6, 1},
        {"gray_alpha", ".png", 4, 6, 1},
        {"rgb8", ".png", 7, 5, 3},
        {"palette4", ".png", 5, 7, 3},
        {"rgb16_interlaced", ".png", 3, 4, 3},
        {"rgba_interlaced", ".png", 9, 9, 3},
        {"gray", ".jpg", 19, 23, 1},
        {"rgb444", ".jpg", 19, 23, 3},
        {"rgb420", ".jpg", 19, 23, 3},
        {"rgb422_progressive", ".jpg", 19, 23, 3},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        ovp_numeric_array image, wanted, gray, colours;
        const char *path = image_path(files[i].stem, files[i].end);
        if (!have(files[i].end[1] == 'p' ? "png" : "jpeg")) continue;
        assert_ok(f, ovp_io_image_read(&image, f->ctx, path, 0));
        assert_ok(f, ovp_io_image_read(&gray, f->ctx, path, 1));
        assert_ok(f, ovp_io_image_read(&colours, f->ctx, path, 3));
        assert_ok(f, ovp_io_npy_read(&wanted, f->ctx, image_path(files[i].stem, ".npy")));
        assert_int_equal(image.shape[0], files[i].rows);
        assert_int_equal(image.shape[1], files[i].columns);
        assert_int_equal(image.shape[2], files[i].channels);
        assert_same(&image, &wanted);
        if (files[i].channels == 3) {
            assert_same(&colours, &image);
            ovp_numeric_array_free(f->ctx, &wanted);
            assert_ok(f, ovp_io_npy_read(&wanted, f->ctx, image_path(files[i].stem, "_gray.npy")));
            assert_same(&gray, &wanted);
        } else {
            assert_same(&gray, &image);
            assert_int_equal(colours.shape[2], 3);
            for (int k = 0; k < 3 * files[i].rows * files[i].columns; k++)
                assert_int_equal(((unsigned char *)colours.data)[k], ((unsigned char *)image.data)[k / 3]);
        }
        ovp_numeric_array_free(f->ctx, &image);
        ovp_numeric_array_free(f->ctx, &wanted);
        ovp_numeric_array_free(f->ctx, &gray);
        ovp_numeric_array_free(f->ctx, &colours);
    }
}

static void wrong_files(void **state) {
    fixture *f = *state;
    ovp_numeric_array a;
    const char *text = scratch(f, "text.png");
    put_file(text, "P6 2 2 255 ", 11);
    assert_failed(f, ovp_io_image_read(&a, f->ctx, text, 0), OVP_EFORMAT, "neither a PNG nor a JPEG image (11 bytes");
    put_file(text, "", 0);
    assert_failed(f, ovp_io_image_read(&a, f->ctx, text, 0), OVP_EFORMAT, "neither a PNG nor a JPEG image (0 bytes");
    assert_failed(f, ovp_io_image_read(&a, f->ctx, scratch(f, "none.png"), 0), OVP_ENOTFOUND, "none.png");
    assert_failed(f, ovp_io_image_read(&a, f->ctx, f->folder, 0), OVP_EFORMAT, "folder");
    assert_failed(f, ovp_io_image_read(&a, f->ctx, IMAGES "rgb8.png", 2), OVP_EINVAL, "2 channels asked for: 0");
    assert_failed(f, ovp_io_image_read(&a, f->ctx, IMAGES "rgb8.png", -1), OVP_EINVAL, "-1 channels");
    if (have("jpeg"))
        assert_failed(f, ovp_io_image_read(&a, f->ctx, IMAGES "cmyk.jpg", 0), OVP_EFORMAT, "CMYK");
    else
        assert_failed(f, ovp_io_image_read(&a, f->ctx, IMAGES "gray.jpg", 0), OVP_EUNAVAILABLE, "libturbojpeg0-dev");
    if (!have("png")) {
        assert_failed(f, ovp_io_image_read(&a, f->ctx, IMAGES "rgb8.png", 0), OVP_EUNAVAILABLE, "libpng-dev");
        assert_failed(f, ovp_io_png_write(f->ctx, text, &(ovp_numeric_array){0}), OVP_EUNAVAILABLE, "libpng-dev");
    }
    assert_null(ovp_io_image_library("gif"));
}

/* Cut off anywhere is always noticed. */
static void cut_off(void **state) {
    fixture *f = *state;
    static const char *const names[] = {"gray1.png", "rgba_interlaced.png", "palette4.png",
                                        "gray.jpg",  "rgb420.jpg",          "rgb422_progressive.jpg"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ovp_numeric_array a;
        size_t bytes;
        if (!have(strstr(names[i], ".png") ? "png" : "jpeg")) continue;
        char *file = get_file(image_path(names[i], ""), &bytes);
        for (size_t cut = 0; cut < bytes; cut++) {
            char *exact = malloc(cut ? cut : 1); /* a sanitizer sees any read beyond it */
            memcpy(exact, file, cut);
            assert_failed(f, ovp_io_image_parse(&a, f->ctx, names[i], exact, cut, 0), OVP_EFORMAT, names[i]);
            assert_null(a.data);
            free(exact);
        }
        free(file);
    }
}

/* Every bit of a PNG is covered by a check sum (chunks), the signature or its own meaning (lengths); a JPEG has none,
 * so there a flipped bit may give other pixels, but nothing worse. */
static void every_bit(void **state) {
    fixture *f = *state;
    static const char *const names[] = {"gray16.png", "rgb8.png", "palette4.png", "gray.jpg", "rgb422_progressive.jpg"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ovp_numeric_array a;
        size_t bytes;
        int png = strstr(names[i], ".png") != NULL, read = 0;
        if (!have(png ? "png" : "jpeg")) continue;
        char *file = get_file(image_path(names[i], ""), &bytes);
        for (size_t bit = 0; bit < 8 * bytes; bit++) {
            file[bit / 8] ^= (char)(1 << bit % 8);
            ovp_status status = ovp_io_image_parse(&a, f->ctx, names[i], file, bytes, 3);
            file[bit / 8] ^= (char)(1 << bit % 8);
            if (status == OVP_OK) {
                read++;
                assert_int_equal(a.shape[2], 3);
            } else if (status != OVP_ELIMIT) {
                assert_int_equal(status, OVP_EFORMAT);
            }
            ovp_numeric_array_free(f->ctx, &a);
            ovp_clear(f->ctx);
        }
        free(file);
        if (png)
            assert_int_equal(read, 0);
        else
            assert_true(read > 0);
    }
}

static void put32(char *at, uint32_t value) {
    for (int k = 0; k < 4; k++) at[k] = (char)(unsigned char)(value >> (24 - 8 * k));
}

/* Claims with correct check sums: refused before memory is taken for them. */
static void png_claims(void **state) {
    fixture *f = *state;
    static const struct {
        uint32_t columns, rows;
        ovp_status status;
        const char *message;
    } claims[] = {
        {16385, 1, OVP_ELIMIT, "1 x 16385 pixels; 16384 a side and 67108864 in all are the limits"},
        {1, 16385, OVP_ELIMIT, "16385 x 1 pixels"},
        {16384, 16384, OVP_ELIMIT, "16384 x 16384 pixels"},
        {8192, 8193, OVP_ELIMIT, "8193 x 8192 pixels"},
        {0xffffffff, 0xffffffff, OVP_ELIMIT, "4294967295 x 4294967295 pixels"},
        {0, 7, OVP_EFORMAT, "7 x 0 pixels"},
        {8192, 8192, OVP_EFORMAT, "8192 x 8192 pixels, which its 196 bytes cannot hold"},
        {5, 8, OVP_EFORMAT, "PNG: "},
        {5, 6, OVP_EFORMAT, "PNG: "}, /* a row too many is damage as well */
    };
    if (!have("png")) skip();
    size_t bytes;
    char *file = get_file(IMAGES "rgb8.png", &bytes);
    ovp_numeric_array a;
    f->largest = 0;
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        put32(file + 16, claims[i].columns);
        put32(file + 20, claims[i].rows);
        put32(file + 29, (uint32_t)crc32(0, (unsigned char *)file + 12, 17));
        assert_failed(f, ovp_io_image_parse(&a, f->ctx, "claim", file, bytes, 0), claims[i].status, claims[i].message);
    }
    assert_in_range(f->largest, 1, 1 << 20);
    free(file);
}

static void jpeg_claims(void **state) {
    fixture *f = *state;
    static const struct {
        unsigned rows, columns;
        ovp_status status;
        const char *message;
    } claims[] = {
        {16385, 8, OVP_ELIMIT, "16385 x 8 pixels"},
        {65500, 65500, OVP_ELIMIT, "65500 x 65500 pixels"},
        {8192, 8192, OVP_EFORMAT, "8192 x 8192 pixels, which its 797 bytes cannot hold"},
        {640, 630, OVP_EFORMAT, "JPEG: Corrupt JPEG data: premature end of data segment"},
        {19, 0, OVP_EFORMAT, "JPEG: "},
    };
    if (!have("jpeg")) skip();
    size_t bytes, at = 0;
    char *file = get_file(IMAGES "rgb420.jpg", &bytes);
    ovp_numeric_array a;
    while (memcmp(file + at, "\xff\xc0", 2) != 0) at++; /* frame header: marker, length, precision, rows, columns */
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        f->largest = 0;
        file[at + 5] = (char)(claims[i].rows >> 8);
        file[at + 6] = (char)(claims[i].rows & 255);
        file[at + 7] = (char)(claims[i].columns >> 8);
        file[at + 8] = (char)(claims[i].columns & 255);
        assert_failed(f, ovp_io_image_parse(&a, f->ctx, "claim", file, bytes, 0), claims[i].status, claims[i].message);
        assert_in_range(f->largest, 0, 2 << 20);
    }
    file[at + 1] = (char)0xc9;
    file[at + 5] = file[at + 7] = 0;
    file[at + 6] = file[at + 8] = 20;
    assert_failed(f, ovp_io_image_parse(&a, f->ctx, "claim", file, bytes, 0), OVP_EFORMAT, "arithmetic coding");
    free(file);
}

static void no_memory(void **state) {
    fixture *f = *state;
    static const char *const names[] = {"rgba_interlaced.png", "rgb420.jpg"};
    for (int i = 0; i < 2; i++) {
        ovp_numeric_array a;
        long n = 0;
        if (!have(i ? "jpeg" : "png")) continue;
        for (ovp_status status = OVP_ENOMEM; status != OVP_OK; n++) {
            f->countdown = n;
            status = ovp_io_image_read(&a, f->ctx, image_path(names[i], ""), 1);
            f->countdown = -1;
            if (status != OVP_OK) assert_failed(f, status, OVP_ENOMEM, "");
            assert_in_range(n, 0, 99);
        }
        assert_in_range(n, i ? 3 : 6, 99); /* the file, both images; libpng's own as well */
        ovp_numeric_array_free(f->ctx, &a);
    }
}

static void make(fixture *f, ovp_numeric_array *a, int ndim, ovp_idx rows, ovp_idx columns, ovp_idx channels) {
    const ovp_idx shape[] = {rows, columns, channels};
    assert_ok(f, ovp_numeric_array_create(a, f->ctx, OVP_U8, ndim, shape));
    for (ovp_idx i = 0; i < ovp_numeric_array_count(a); i++) ((unsigned char *)a->data)[i] = (unsigned char)(i * i * 3);
}

static void png_written(void **state) {
    fixture *f = *state;
    static const struct {
        int ndim;
        ovp_idx rows, columns, channels;
    } shapes[] = {{2, 7, 5, 1}, {3, 1, 1, 1}, {3, 4, 9, 3}, {3, 100, 300, 3}};
    if (!have("png")) skip();
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        ovp_numeric_array a, b;
        size_t bytes[2];
        char *file[2];
        make(f, &a, shapes[i].ndim, shapes[i].rows, shapes[i].columns, shapes[i].channels);
        for (int k = 0; k < 2; k++) {
            assert_ok(f, ovp_io_png_write(f->ctx, scratch(f, "a.png"), &a));
            file[k] = get_file(scratch(f, "a.png"), &bytes[k]);
        }
        assert_int_equal(bytes[0], bytes[1]);
        assert_memory_equal(file[0], file[1], bytes[0]);
        free(file[0]);
        free(file[1]);
        assert_ok(f, ovp_io_image_read(&b, f->ctx, scratch(f, "a.png"), 0));
        a.ndim = 3; /* rows x columns is read as rows x columns x 1 */
        a.shape[2] = shapes[i].channels;
        assert_same(&a, &b);
        ovp_numeric_array_free(f->ctx, &a);
        ovp_numeric_array_free(f->ctx, &b);
    }
}

static void png_write_errors(void **state) {
    fixture *f = *state;
    ovp_numeric_array a;
    const char *path = scratch(f, "a.png");
    if (!have("png")) skip();
    make(f, &a, 3, 4, 5, 3);
    a.shape[2] = 2;
    assert_failed(f, ovp_io_png_write(f->ctx, path, &a), OVP_EINVAL, "not u8 with 3 dimensions and other channels");
    a.shape[2] = 3;
    a.type = OVP_F32;
    assert_failed(f, ovp_io_png_write(f->ctx, path, &a), OVP_EINVAL, "not f32 with 3 dimensions");
    a.type = OVP_U8;
    a.ndim = 1;
    assert_failed(f, ovp_io_png_write(f->ctx, path, &a), OVP_EINVAL, "not u8 with 1 dimensions");
    a.ndim = 3;
    a.shape[0] = 0;
    assert_failed(f, ovp_io_png_write(f->ctx, path, &a), OVP_EINVAL, "0 x 5 pixels");
    a.shape[0] = 16385;
    assert_failed(f, ovp_io_png_write(f->ctx, path, &a), OVP_ELIMIT, "16385 x 5 pixels");
    a.shape[0] = 4;
    assert_failed(f, ovp_io_png_write(f->ctx, scratch(f, "none/a.png"), &a), OVP_EIO, "No such file");
    assert_int_equal(count_files(f->folder), 0);
    long n = 0;
    for (ovp_status status = OVP_ENOMEM; status != OVP_OK; n++) {
        f->countdown = n;
        status = ovp_io_png_write(f->ctx, path, &a);
        f->countdown = -1;
        if (status != OVP_OK) assert_failed(f, status, OVP_ENOMEM, "");
        assert_in_range(n, 0, 99);
    }
    assert_in_range(n, 5, 99);
    ovp_numeric_array_free(f->ctx, &a);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(as_pillow),   CASE(wrong_files), CASE(cut_off),     CASE(every_bit),        CASE(png_claims),
        CASE(jpeg_claims), CASE(no_memory),   CASE(png_written), CASE(png_write_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
