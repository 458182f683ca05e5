#include "data/sets.h"

#include <math.h>

extern const ovp_data_detail ovp_data_detail_mnist;

#define SHIPPED OVP_SOURCE_DIR "/data/mnist"
#define FASHION "/usr/share/datasets/fashion-mnist"

static const char *const names[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                     "t10k-labels-idx1-ubyte"};

/* ---- a small set of our own ---------------------------------------------------------------------- */

static unsigned char pixel(int half, int sample, int p) {
    return (unsigned char)(sample * 31 + p * 7 + half);
}

static void put_idx(const char *folder, int file, int type, int ndim, const int *shape, const unsigned char *data,
                    size_t bytes) {
    char path[512];
    unsigned char *all = calloc(1, bytes + 64);
    size_t n = 4;
    all[2] = (unsigned char)type;
    all[3] = (unsigned char)ndim;
    for (int d = 0; d < ndim; d++)
        for (int b = 3; b >= 0; b--) all[n++] = (unsigned char)(shape[d] >> (8 * b));
    if (bytes) memcpy(all + n, data, bytes);
    snprintf(path, sizeof(path), "%s/%s", folder, names[file]);
    put_file(path, all, n + bytes);
    free(all);
}

static void put_images(const char *folder, int half, int count, int rows, int cols) {
    const int shape[] = {count, rows, cols};
    unsigned char *data = malloc((size_t)(count * rows * cols) + 1);
    for (int i = 0; i < count; i++)
        for (int p = 0; p < rows * cols; p++) data[i * rows * cols + p] = pixel(half, i, p);
    put_idx(folder, 2 * half, 8, 3, shape, data, (size_t)(count * rows * cols));
    free(data);
}

static void put_labels(const char *folder, int half, int count) {
    unsigned char *data = malloc((size_t)count + 1);
    for (int i = 0; i < count; i++) data[i] = (unsigned char)((i + half) % 10);
    put_idx(folder, 2 * half + 1, 8, 1, &count, data, (size_t)count);
    free(data);
}

/* 6 training and 4 test samples in MNIST's files. */
static void put_set(const char *folder) {
    for (int half = 0; half < 2; half++) {
        put_images(folder, half, half ? 4 : 6, 28, 28);
        put_labels(folder, half, half ? 4 : 6);
    }
}

static ovp_status load(fixture *f, ovp_data_set *set, ovp_data_scale scale, ovp_numeric_type type, ovp_idx train,
                       ovp_idx test) {
    ovp_data_options o = {
        .size = sizeof(o), .train = train, .test = test, .scale = scale, .type = type, .directory = f->folder};
    return ovp_data_load(set, f->ctx, "mnist", &o);
}

/* ---- tests --------------------------------------------------------------------------------------- */

static void registry(void **state) {
    (void)state;
    int seen = 0;
    for (ovp_idx i = 0; ovp_data_at(i); i++) {
        const ovp_data_info *info = ovp_data_at(i);
        assert_ptr_equal(ovp_data_find(info->name), info);
        assert_true(info->title[0] && info->licence[0] && info->source[0] && info->shape[0]);
        seen += !strcmp(info->name, "mnist") || !strcmp(info->name, "fashion-mnist");
    }
    assert_int_equal(seen, 2);
    assert_null(ovp_data_at(-1));
    assert_null(ovp_data_find("none"));
    assert_null(ovp_data_find(NULL));
}

static void small_set(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    put_set(f->folder);
    for (int type = OVP_F32; type <= OVP_F64; type++)
        for (int scale = OVP_SCALE_RAW; scale <= OVP_SCALE_UNIT; scale++) {
            assert_ok(f, load(f, &set, (ovp_data_scale)scale, (ovp_numeric_type)type, 5, 0));
            assert_int_equal(set.features, 784);
            assert_int_equal(set.classes, 10);
            assert_int_equal(set.image_rows, 28);
            assert_int_equal(set.image_cols, 28);
            assert_string_equal(set.source, f->folder);
            assert_int_equal(set.x_train.type, type);
            assert_int_equal(set.x_train.ndim, 2);
            assert_int_equal(set.x_train.shape[0], 5);
            assert_int_equal(set.x_train.shape[1], 784);
            assert_int_equal(set.x_test.shape[0], 4);
            assert_int_equal(set.y_train.type, OVP_I32);
            assert_int_equal(set.y_train.shape[0], 5);
            assert_int_equal(set.y_test.shape[0], 4);
            for (int half = 0; half < 2; half++) {
                const ovp_numeric_array *x = half ? &set.x_test : &set.x_train, *y = half ? &set.y_test : &set.y_train;
                for (int i = 0; i < x->shape[0]; i++) {
                    assert_int_equal(((int32_t *)y->data)[i], (i + half) % 10);
                    for (int p = 0; p < 784; p++) {
                        int v = pixel(half, i, p), at = i * 784 + p;
                        if (type == OVP_F32)
                            assert_true(((float *)x->data)[at] == (scale ? (float)v / 255.0f : (float)v));
                        else
                            assert_true(((double *)x->data)[at] == (scale ? v / 255.0 : v));
                    }
                }
            }
            ovp_data_free(f->ctx, &set);
        }
    ovp_data_free(f->ctx, &set);
    ovp_data_free(f->ctx, NULL);
}

/* Law: mean 0 and standard deviation 1 over the selected training images; the test images get the same map. */
static void standard_scale(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    put_set(f->folder);
    assert_ok(f, load(f, &set, OVP_SCALE_STANDARD, OVP_F64, 3, 2));
    const double *x = set.x_train.data, *t = set.x_test.data;
    double sum = 0, squares = 0, pixels = 0, n = 3 * 784;
    for (int i = 0; i < 3 * 784; i++) {
        sum += x[i];
        squares += x[i] * x[i];
        pixels += pixel(0, i / 784, i % 784);
    }
    assert_true(fabs(sum / n) < 1e-12);
    assert_true(fabs(squares / n - 1) < 1e-12);
    double slope = (x[1] - x[0]) / (pixel(0, 0, 1) - pixel(0, 0, 0));
    for (int i = 0; i < 2 * 784; i++)
        assert_true(fabs(t[i] - (pixel(1, i / 784, i % 784) - pixels / n) * slope) < 1e-9);
    ovp_data_free(f->ctx, &set);
    put_images(f->folder, 0, 6, 28, 28);
    const int shape[] = {6, 28, 28};
    unsigned char *same = malloc(6 * 784);
    memset(same, 9, 6 * 784);
    put_idx(f->folder, 0, 8, 3, shape, same, 6 * 784);
    free(same);
    assert_failed(f, load(f, &set, OVP_SCALE_STANDARD, OVP_F64, 0, 0), OVP_EINVAL, "all pixels");
    assert_ok(f, load(f, &set, OVP_SCALE_UNIT, OVP_F64, 0, 0));
    ovp_data_free(f->ctx, &set);
}

static void bad_options(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    put_set(f->folder);
    assert_failed(f, load(f, &set, OVP_SCALE_RAW, OVP_F32, 7, 0), OVP_EINVAL,
                  "mnist: 7 training samples asked for; 1 to 6");
    assert_null(set.x_train.data);
    assert_failed(f, load(f, &set, OVP_SCALE_RAW, OVP_F32, 0, 5), OVP_EINVAL,
                  "mnist: 5 test samples asked for; 1 to 4");
    assert_failed(f, load(f, &set, OVP_SCALE_RAW, OVP_F32, -1, 0), OVP_EINVAL, "-1 training");
    assert_failed(f, load(f, &set, OVP_SCALE_RAW, OVP_F32, 0, -1), OVP_EINVAL, "-1 test");
    assert_failed(f, load(f, &set, OVP_SCALE_RAW, OVP_I32, 0, 0), OVP_EINVAL, "f32 (0) or f64 (1)");
    assert_failed(f, load(f, &set, (ovp_data_scale)3, OVP_F32, 0, 0), OVP_EINVAL, "scale 3");
    ovp_data_options o = {.size = 3, .directory = f->folder};
    assert_failed(f, ovp_data_load(&set, f->ctx, "mnist", &o), OVP_EINVAL, "set size");
    assert_failed(f, ovp_data_load(&set, f->ctx, "mnits", NULL), OVP_ENOTFOUND,
                  "did you mean 'mnist'?; known are: mnist");
    assert_failed(f, ovp_data_load(&set, f->ctx, "imagenet", NULL), OVP_ENOTFOUND, "'imagenet' is unknown; known are");
    ovp_text report = {.ctx = f->ctx};
    char *folder;
    assert_failed(f, ovp_data_verify(f->ctx, "none", &report), OVP_ENOTFOUND, "'none'");
    assert_failed(f, ovp_data_locate(&folder, f->ctx, "none"), OVP_ENOTFOUND, "'none'");
    assert_failed(f, ovp_data_locate(&folder, f->ctx, "linear"), OVP_ENOTFOUND,
                  "data set linear is synthetic: it is drawn and needs no files");
    assert_failed(f, ovp_data_verify(f->ctx, "linear", &report), OVP_ENOTFOUND, "needs no files");
}

/* Each damage gives one line that names the file. */
static void damaged_files(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    unsigned char bytes[6 * 784] = {0};
    const int images[] = {6, 28, 28}, wide[] = {6, 56, 14}, flat[] = {6, 784}, six = 6, column[] = {6, 1};
#define LOAD load(f, &set, OVP_SCALE_RAW, OVP_F32, 0, 0)
    put_set(f->folder);
    put_labels(f->folder, 0, 5);
    assert_failed(f, LOAD, OVP_EFORMAT, "train-labels-idx1-ubyte: 5 labels for the 6 images of");
    bytes[4] = 10;
    put_idx(f->folder, 1, 8, 1, &six, bytes, 6);
    assert_failed(f, LOAD, OVP_EFORMAT, "train-labels-idx1-ubyte: label 10 at position 4 (from 0); labels are 0 to 9");
    put_idx(f->folder, 1, 8, 2, column, bytes, 6);
    assert_failed(f, LOAD, OVP_EFORMAT, "train-labels-idx1-ubyte: 2-dimensional u8 items; labels");
    put_idx(f->folder, 1, 0x0c, 1, &six, bytes, 24);
    assert_failed(f, LOAD, OVP_EFORMAT, "train-labels-idx1-ubyte: 1-dimensional i32 items; labels");
    put_labels(f->folder, 0, 6);
    put_idx(f->folder, 0, 8, 3, wide, bytes, sizeof(bytes));
    assert_failed(f, LOAD, OVP_EFORMAT, "train-images-idx3-ubyte: images of 56 x 14; 28 x 28 expected");
    put_idx(f->folder, 0, 8, 2, flat, bytes, sizeof(bytes));
    assert_failed(f, LOAD, OVP_EFORMAT, "train-images-idx3-ubyte: 2-dimensional u8 items; images");
    put_idx(f->folder, 0, 8, 3, images, bytes, sizeof(bytes) - 1);
    assert_failed(f, LOAD, OVP_EFORMAT, "train-images-idx3-ubyte: IDX header claims 6 x 28 x 28");
    put_file(scratch(f, names[0]), "\1\0\x08\3", 4);
    assert_failed(f, LOAD, OVP_EFORMAT, "train-images-idx3-ubyte: not an IDX file");
    put_file(scratch(f, names[0]), "", 0);
    assert_failed(f, LOAD, OVP_EFORMAT, "train-images-idx3-ubyte: not an IDX file");
    put_file(scratch(f, names[0]), "\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    assert_failed(f, LOAD, OVP_EFORMAT, "train-images-idx3-ubyte: damaged gzip");
    put_images(f->folder, 0, 6, 28, 28);
    put_images(f->folder, 1, 0, 28, 28);
    put_labels(f->folder, 1, 0);
    assert_failed(f, LOAD, OVP_EINVAL, "0 test samples asked for; 1 to 0");
    remove(scratch(f, names[2]));
    assert_failed(f, LOAD, OVP_ENOTFOUND, "data set mnist not found: it comes with overparam");
    mkdir(scratch(f, names[2]), 0777); /* a folder in the place of a file is no file */
    assert_failed(f, LOAD, OVP_ENOTFOUND, "not found");
    /* The reader itself, should a file vanish after it was found. */
    const ovp_data_entry entry = {.info = {.name = "mnist"}, .detail = &ovp_data_detail_mnist};
    const ovp_data_options o = {.size = sizeof(o)};
    ovp_data_raw raw = {0};
    assert_failed(f, ovp_data_idx_reader.read(&raw, f->ctx, &entry, f->folder, &o), OVP_ENOTFOUND,
                  "t10k-images-idx3-ubyte is missing here (or t10k-images-idx3-ubyte.gz)");
    ovp_data_raw_free(f->ctx, &raw);
    assert_null(set.source);
}

static void out_of_memory(void **state) {
    fixture *f = *state;
    ovp_data_set set = {0};
    put_set(f->folder);
    for (f->countdown = 0; f->refused < 300; f->countdown = f->refused) {
        ovp_status status = load(f, &set, OVP_SCALE_RAW, OVP_F32, 0, 0);
        if (status == OVP_OK) break;
        assert_failed(f, status, OVP_ENOMEM, "");
        assert_int_equal(f->live, 0);
    }
    f->countdown = -1;
    assert_in_range(f->refused, 20, 299);
    ovp_data_free(f->ctx, &set);
}

static void found_at(fixture *f, const char *name, const char *wanted) {
    char *folder;
    assert_ok(f, ovp_data_locate(&folder, f->ctx, name));
    assert_string_equal(folder, wanted);
    ovp_free(f->ctx, folder);
}

static void search_order(void **state) {
    fixture *f = *state;
    char xdg[256], home[256], own[256];
    found_at(f, "mnist", SHIPPED);
    snprintf(home, sizeof(home), "%s/home", f->folder);
    setenv("HOME", home, 1);
    snprintf(home, sizeof(home), "%s/home/.local/share/overparam/data/mnist", f->folder);
    assert_ok(f, ovp_io_make_dirs(f->ctx, home));
    found_at(f, "mnist", SHIPPED); /* an empty folder is passed over */
    put_set(home);
    found_at(f, "mnist", home);
    snprintf(xdg, sizeof(xdg), "%s/xdg", f->folder);
    setenv("XDG_DATA_HOME", xdg, 1);
    snprintf(xdg, sizeof(xdg), "%s/xdg/overparam/data/mnist", f->folder);
    assert_ok(f, ovp_io_make_dirs(f->ctx, xdg));
    put_set(xdg);
    found_at(f, "mnist", xdg);
    setenv("XDG_DATA_HOME", "relative", 1);
    found_at(f, "mnist", home);
    snprintf(own, sizeof(own), "%s/own", f->folder);
    setenv("OVERPARAM_DATA", own, 1);
    assert_ok(f, ovp_io_make_dirs(f->ctx, own));
    put_set(own);
    found_at(f, "mnist", own);
    snprintf(own, sizeof(own), "%s/own/mnist", f->folder);
    assert_ok(f, ovp_io_make_dirs(f->ctx, own));
    put_set(own);
    found_at(f, "mnist", own);
    setenv("OVERPARAM_DATA", "", 1);
    found_at(f, "mnist", home);
    /* The directory option alone decides where it is given. */
    ovp_data_set set;
    ovp_data_options o = {.size = sizeof(o), .directory = scratch(f, "own")};
    assert_ok(f, ovp_data_load(&set, f->ctx, "mnist", &o));
    assert_string_equal(set.source, own);
    ovp_data_free(f->ctx, &set);
    o.directory = scratch(f, "nowhere");
    assert_failed(f, ovp_data_load(&set, f->ctx, "mnist", &o), OVP_ENOTFOUND, "nowhere/mnist, ");
    assert_failed(f, ovp_data_load(&set, f->ctx, "fashion-mnist", &o), OVP_ENOTFOUND,
                  "`apt-get install dataset-fashion-mnist` brings it");
}

/* MNIST and Fashion-MNIST have the same file names. */
static void not_taken_for_another(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    ovp_data_options o = {.size = sizeof(o), .train = 1, .test = 1, .directory = SHIPPED};
    assert_failed(f, ovp_data_load(&set, f->ctx, "fashion-mnist", &o), OVP_ENOTFOUND, "data/mnist (holds mnist)");
    setenv("OVERPARAM_DATA", SHIPPED, 1);
    char *folder;
    ovp_status status = ovp_data_locate(&folder, f->ctx, "fashion-mnist");
    if (status == OVP_OK)
        assert_string_equal(folder, FASHION);
    else
        assert_failed(f, status, OVP_ENOTFOUND, "(holds mnist)");
    ovp_free(f->ctx, folder);
}

/* Source: numpy 1.24.2 on the gzip files (sums over the arrays; mean and std of the first 1000 images in float64). */
static void real_mnist(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    static const int first[] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4}, first_test[] = {7, 2, 1, 0, 4, 1, 4, 9, 5, 9};
    ovp_data_options o = {.size = sizeof(o), .train = 1024};
    assert_ok(f, ovp_data_load(&set, f->ctx, "mnist", &o));
    assert_int_equal(set.x_train.shape[0], 1024);
    assert_int_equal(set.x_test.shape[0], 10000);
    double sum = 0, test_sum = 0;
    for (int i = 0; i < 1024 * 784; i++) sum += (double)((float *)set.x_train.data)[i];
    for (int i = 0; i < 10000 * 784; i++) test_sum += (double)((float *)set.x_test.data)[i];
    assert_true(sum == 26181487);
    assert_true(test_sum == 264923200);
    int labels = 0, test_labels = 0;
    for (int i = 0; i < 1024; i++) labels += ((int32_t *)set.y_train.data)[i];
    for (int i = 0; i < 10000; i++) test_labels += ((int32_t *)set.y_test.data)[i];
    assert_int_equal(labels, 4552);
    assert_int_equal(test_labels, 44434);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(((int32_t *)set.y_train.data)[i], first[i]);
        assert_int_equal(((int32_t *)set.y_test.data)[i], first_test[i]);
    }
    ovp_data_free(f->ctx, &set);
    o = (ovp_data_options){.size = sizeof(o), .train = 1000, .test = 1, .scale = OVP_SCALE_STANDARD, .type = OVP_F64};
    assert_ok(f, ovp_data_load(&set, f->ctx, "mnist", &o));
    assert_int_equal(set.x_test.shape[0], 1);
    const double mean = 32.700934948979594, std = 77.81040410762031;
    assert_true(fabs(((double *)set.x_train.data)[0] + mean / std) < 1e-12);                 /* pixel 0 */
    assert_true(fabs(((double *)set.x_train.data)[5 * 28 + 12] - (3 - mean) / std) < 1e-12); /* first ink */
    ovp_data_free(f->ctx, &set);
}

/* Source: as above, on Debian's dataset-fashion-mnist 0.0~git20200523.55506a9-1. */
static void real_fashion(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    ovp_data_options o = {.size = sizeof(o), .train = 1024, .test = 10};
    ovp_text report = {.ctx = f->ctx};
    if (access(FASHION "/train-images-idx3-ubyte.gz", R_OK) != 0) {
        assert_failed(f, ovp_data_load(&set, f->ctx, "fashion-mnist", &o), OVP_ENOTFOUND, "apt-get install");
        skip();
    }
    assert_ok(f, ovp_data_load(&set, f->ctx, "fashion-mnist", &o));
    assert_string_equal(set.source, FASHION);
    double sum = 0;
    for (int i = 0; i < 1024 * 784; i++) sum += (double)((float *)set.x_train.data)[i];
    assert_true(sum == 58014828);
    ovp_data_free(f->ctx, &set);
    assert_ok(f, ovp_data_verify(f->ctx, "fashion-mnist", &report));
    ovp_text_free(&report);
}

static void verify(void **state) {
    fixture *f = *state;
    ovp_text report = {.ctx = f->ctx};
    int lines = 0;
    assert_ok(f, ovp_data_verify(f->ctx, "mnist", &report));
    for (const char *c = report.data; *c; c++) lines += *c == '\n';
    assert_int_equal(lines, 5);
    assert_non_null(strstr(report.data, "/data/mnist/train-images-idx3-ubyte.gz: ok, sha256 ba891046e6505d7aadcbbe25"));
    assert_non_null(strstr(report.data, "/data/mnist: ok, 60000 + 10000 images of 28 x 28, 10 classes\n"));
    ovp_text_free(&report);
    /* Files that look right but are not the published ones. */
    char *folder = strdup(scratch(f, "mnist"));
    assert_ok(f, ovp_io_make_dirs(f->ctx, folder));
    put_set(folder);
    setenv("OVERPARAM_DATA", f->folder, 1);
    report = (ovp_text){.ctx = f->ctx};
    assert_failed(f, ovp_data_verify(f->ctx, "mnist", &report), OVP_EFORMAT,
                  "mnist/train-images-idx3-ubyte: not the published file");
    assert_non_null(strstr(report.data, "t10k-labels-idx1-ubyte: DIFFERS, sha256"));
    ovp_text_free(&report);
    /* Damaged ones: every file gets its line all the same. */
    report = (ovp_text){.ctx = f->ctx};
    put_file(scratch(f, "mnist/t10k-images-idx3-ubyte"), "\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    assert_failed(f, ovp_data_verify(f->ctx, "mnist", &report), OVP_EFORMAT, "not the published file");
    assert_non_null(strstr(report.data, "t10k-images-idx3-ubyte: cannot be read\n"));
    assert_non_null(strstr(report.data, "t10k-labels-idx1-ubyte: DIFFERS"));
    assert_non_null(strstr(report.data, "DAMAGED; expected 60000 + 10000 images"));
    ovp_text_free(&report);
    free(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry), CASE(small_set),     CASE(standard_scale), CASE(bad_options),
        CASE(damaged_files),        CASE(out_of_memory), CASE(search_order),   CASE(not_taken_for_another),
        CASE(real_mnist),           CASE(real_fashion),  CASE(verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
