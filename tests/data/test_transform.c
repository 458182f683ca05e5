/* The steps after reading, against Pillow and torch (tests/golden/data_golden.py), and their laws. */
#include "data/sets.h"

#include <math.h>

#define GOLDEN OVP_TEST_DIR "/data/data/"

static void planes(double *to, const ovp_numeric_array *image) {
    const unsigned char *pixel = image->data;
    const ovp_idx pixels = image->shape[0] * image->shape[1];
    for (ovp_idx c = 0; c < 3; c++)
        for (ovp_idx p = 0; p < pixels; p++) to[c * pixels + p] = pixel[3 * p + c];
}

/* Bytes: Pillow's. Reals: within the two roundings of the bytes. */
static void resize_as_pillow(void **state) {
    fixture *f = *state;
    ovp_io_named_array *list;
    ovp_idx count;
    assert_ok(f, ovp_io_npz_read(&list, &count, f->ctx, GOLDEN "resize.npz"));
    assert_int_equal(count, 14);
    for (int k = 0; k < 7; k++) {
        char name[16];
        snprintf(name, sizeof(name), "from%d", k);
        const ovp_numeric_array *from = find_array(list, count, name);
        snprintf(name, sizeof(name), "to%d", k);
        const ovp_numeric_array *to = find_array(list, count, name);
        double in[64 * 64 * 3], wanted[64 * 64 * 3], real[64 * 64 * 3];
        float in32[64 * 64 * 3], real32[64 * 64 * 3];
        unsigned char bytes[64 * 64 * 3], made[64 * 64 * 3];
        planes(in, from);
        planes(wanted, to);
        for (ovp_idx i = 0; i < ovp_numeric_array_count(from); i++)
            bytes[i] = (unsigned char)in[i], in32[i] = (float)in[i];
        ovp_data_resizer *resizer;
        assert_ok(
            f, ovp_data_resizer_create(&resizer, f->ctx, from->shape[0], from->shape[1], to->shape[0], to->shape[1]));
        ovp_data_resize(resizer, OVP_U8, 3, bytes, made);
        ovp_data_resize(resizer, OVP_F64, 3, in, real);
        ovp_data_resize(resizer, OVP_F32, 3, in32, real32);
        for (ovp_idx i = 0; i < ovp_numeric_array_count(to); i++) {
            assert_int_equal(made[i], wanted[i]);
            assert_true(fabs(real[i] - wanted[i]) <= 1.0 + 1e-4);
            assert_true(fabs((double)real32[i] - real[i]) <= 1e-4);
        }
        ovp_data_resizer_free(f->ctx, resizer);
    }
    ovp_io_npz_free(f->ctx, list, count);
    ovp_data_resizer_free(f->ctx, NULL);
}

static void put_golden_images(fixture *f, const char *file, ovp_numeric_array *made) {
    ovp_io_named_array *list, set[1];
    ovp_idx count;
    assert_ok(f, ovp_io_npz_read(&list, &count, f->ctx, GOLDEN "augment.npz"));
    set[0].name = (char[]){"x"};
    set[0].array = *find_array(list, count, "images");
    assert_ok(f, ovp_io_npz_write(f->ctx, scratch(f, file), set, 1));
    if (made) {
        const ovp_numeric_array *wanted = find_array(list, count, "made");
        assert_ok(f, ovp_numeric_array_create(made, f->ctx, OVP_U8, 4, wanted->shape));
        memcpy(made->data, wanted->data, (size_t)ovp_numeric_array_count(wanted));
    }
    ovp_io_npz_free(f->ctx, list, count);
}

static void flip_and_crop_as_torchvision(void **state) {
    fixture *f = *state;
    ovp_numeric_array wanted;
    ovp_data_set set;
    ovp_numeric_rng *rng;
    put_golden_images(f, "a.npz", &wanted);
    assert_ok(f, ovp_numeric_rng_create(&rng, f->ctx, OVP_RNG_TORCH, 7, OVP_PURPOSE_DATA, 0));
    ovp_data_options o = {.size = sizeof(o), .flip = .5, .crop_padding = 2, .rng = rng};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o));
    assert_int_equal(set.x_train.shape[0], 9);
    assert_int_equal(set.image_rows, 6);
    assert_int_equal(set.image_cols, 5);
    assert_int_equal(set.image_channels, 3);
    for (ovp_idx i = 0; i < 9; i++)
        for (ovp_idx p = 0; p < 30; p++)
            for (ovp_idx c = 0; c < 3; c++)
                assert_true(((float *)set.x_train.data)[i * 90 + c * 30 + p] ==
                            (float)((unsigned char *)wanted.data)[i * 90 + 3 * p + c]);
    ovp_data_free(f->ctx, &set);
    ovp_numeric_array_free(f->ctx, &wanted);
    ovp_numeric_rng_free(rng);
}

/* Laws: probability 1 mirrors every image, twice is none; probability 0 and no crop draw nothing. */
static void flip_laws(void **state) {
    fixture *f = *state;
    ovp_data_set plain, mirrored;
    ovp_numeric_rng *rng, *other;
    put_golden_images(f, "a.npz", NULL);
    assert_ok(f, ovp_numeric_rng_create(&rng, f->ctx, OVP_RNG_PHILOX, 3, OVP_PURPOSE_DATA, 0));
    assert_ok(f, ovp_numeric_rng_create(&other, f->ctx, OVP_RNG_PHILOX, 3, OVP_PURPOSE_DATA, 0));
    ovp_data_options o = {.size = sizeof(o), .type = OVP_F64, .rng = rng};
    assert_ok(f, ovp_data_load(&plain, f->ctx, own_set(f, "npz", "a.npz"), &o));
    assert_int_equal(ovp_numeric_rng_word(rng), ovp_numeric_rng_word(other));
    o.flip = 1;
    assert_ok(f, ovp_data_load(&mirrored, f->ctx, own_set(f, "npz", "a.npz"), &o));
    for (ovp_idx line = 0; line < 9 * 3 * 6; line++)
        for (ovp_idx c = 0; c < 5; c++)
            assert_true(((double *)plain.x_train.data)[5 * line + c] ==
                        ((double *)mirrored.x_train.data)[5 * line + 4 - c]);
    ovp_data_free(f->ctx, &plain);
    ovp_data_free(f->ctx, &mirrored);
    ovp_numeric_rng_free(rng);
    ovp_numeric_rng_free(other);
}

/* 23 samples; the value of sample i is 10 i, its label i % 3. */
static void put_numbered(fixture *f, const char *file, int with_test) {
    double x[23];
    int32_t y[23];
    for (int i = 0; i < 23; i++) x[i] = 10 * i, y[i] = i % 3;
    const ovp_io_named_array set[4] = {
        array_of("x_train", OVP_F64, x, 2, 23, 1, 0, 0), array_of("y_train", OVP_I32, y, 1, 23, 0, 0, 0),
        array_of("x_test", OVP_F64, x, 2, 23, 1, 0, 0), array_of("y_test", OVP_I32, y, 1, 23, 0, 0, 0)};
    assert_ok(f, ovp_io_npz_write(f->ctx, scratch(f, file), set, with_test ? 4 : 2));
}

static void expect_rows(const ovp_numeric_array *x, const ovp_numeric_array *y, const int32_t *rows, ovp_idx n) {
    assert_int_equal(x->shape[0], n);
    assert_int_equal(y->shape[0], n);
    for (ovp_idx i = 0; i < n; i++) {
        assert_true(((float *)x->data)[i] == (float)(10 * rows[i]));
        assert_int_equal(((int32_t *)y->data)[i], rows[i] % 3);
    }
}

static void fraction_and_split_as_torch(void **state) {
    fixture *f = *state;
    ovp_io_named_array *list;
    ovp_idx count;
    ovp_data_set set;
    ovp_numeric_rng *rng;
    put_numbered(f, "n.npz", 0);
    assert_ok(f, ovp_io_npz_read(&list, &count, f->ctx, GOLDEN "split.npz"));
    assert_ok(f, ovp_numeric_rng_create(&rng, f->ctx, OVP_RNG_TORCH, 5, OVP_PURPOSE_DATA, 0));
    ovp_data_options o = {.size = sizeof(o), .fraction = .7, .split = {.5, .3, .2}, .rng = rng};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "n.npz"), &o));
    const ovp_numeric_array *wanted = find_array(list, count, "train");
    expect_rows(&set.x_train, &set.y_train, wanted->data, wanted->shape[0]);
    wanted = find_array(list, count, "validation");
    expect_rows(&set.x_validation, &set.y_validation, wanted->data, wanted->shape[0]);
    wanted = find_array(list, count, "test");
    expect_rows(&set.x_test, &set.y_test, wanted->data, wanted->shape[0]);
    ovp_data_free(f->ctx, &set);
    ovp_io_npz_free(f->ctx, list, count);
    ovp_numeric_rng_free(rng);
}

static void filter_then_limit(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    const ovp_idx classes[] = {2, 0};
    put_numbered(f, "n.npz", 1);
    ovp_data_options o = {.size = sizeof(o), .train = 5, .type = OVP_F32, .classes = classes, .class_count = 2};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "n.npz"), &o));
    static const int kept[] = {0, 2, 3, 5, 6};
    assert_int_equal(set.classes, 2);
    assert_int_equal(set.x_train.shape[0], 5);
    assert_int_equal(set.x_test.shape[0], 15); /* 8 of class 0, 7 of class 2 */
    for (int i = 0; i < 5; i++) {
        assert_true(((float *)set.x_train.data)[i] == (float)(10 * kept[i]));
        assert_int_equal(((int32_t *)set.y_train.data)[i], kept[i] % 3 == 2 ? 0 : 1);
    }
    ovp_data_free(f->ctx, &set);
    o.train = 16;
    assert_failed(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "n.npz"), &o), OVP_EINVAL,
                  "16 training samples asked for; 1 to 15 can be had of the chosen classes");
    const ovp_idx bad[][2] = {{0, 3}, {-1, 0}, {1, 1}};
    static const char *const messages[] = {"class 3 in the class filter; 0 to 2", "class -1", "class 1 stands twice"};
    for (int k = 0; k < 3; k++) {
        o.classes = bad[k];
        assert_failed(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "n.npz"), &o), OVP_EINVAL, messages[k]);
    }
}

/* Mean 0, deviation 1 a channel over the training part; the test part gets the same map; f32 as sub and div. */
static void normalise(void **state) {
    fixture *f = *state;
    ovp_data_set set, given;
    put_golden_images(f, "a.npz", NULL);
    ovp_data_options o = {
        .size = sizeof(o), .scale = OVP_SCALE_UNIT, .type = OVP_F64, .normalise = OVP_NORMALISE_TRAIN};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o));
    for (ovp_idx c = 0; c < 3; c++) {
        double sum = 0, squares = 0;
        for (ovp_idx i = 0; i < 9; i++)
            for (ovp_idx p = 0; p < 30; p++) {
                double v = ((double *)set.x_train.data)[i * 90 + c * 30 + p];
                sum += v, squares += v * v;
            }
        assert_true(fabs(sum / 270) < 1e-12);
        assert_true(fabs(squares / 270 - 1) < 1e-12);
    }
    ovp_data_free(f->ctx, &set);
    const double mean[] = {.49, .48, .45}, std[] = {.25, .24, .26};
    o = (ovp_data_options){.size = sizeof(o),
                           .scale = OVP_SCALE_UNIT,
                           .normalise = OVP_NORMALISE_GIVEN,
                           .mean = mean,
                           .std = std,
                           .normalise_count = 3};
    assert_ok(f, ovp_data_load(&given, f->ctx, own_set(f, "npz", "a.npz"), &o));
    o.normalise = OVP_NORMALISE_NONE;
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o));
    for (ovp_idx i = 0; i < 9 * 90; i++) {
        float x = ((float *)set.x_train.data)[i];
        assert_true(((float *)given.x_train.data)[i] == (x - (float)mean[i / 30 % 3]) / (float)std[i / 30 % 3]);
    }
    ovp_data_free(f->ctx, &set);
    ovp_data_free(f->ctx, &given);
    o.normalise = OVP_NORMALISE_GIVEN;
    o.normalise_count = 2;
    assert_failed(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o), OVP_EINVAL,
                  "2 means and deviations for 3 channels");
    const double none[] = {0, 0, 0};
    o.std = none, o.normalise_count = 3;
    assert_failed(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o), OVP_EINVAL,
                  "channel 0 (from 0) cannot be normalised: mean 0.49, standard deviation 0");
}

/* The steps come in the promised order: resize, then flip and crop at the new size, then scale and normalise. */
static void order_of_steps(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    ovp_numeric_rng *rng;
    put_golden_images(f, "a.npz", NULL);
    assert_ok(f, ovp_numeric_rng_create(&rng, f->ctx, OVP_RNG_PHILOX, 1, OVP_PURPOSE_DATA, 0));
    ovp_data_options o = {.size = sizeof(o),
                          .resize_rows = 4,
                          .resize_cols = 3,
                          .flip = .5,
                          .crop_padding = 3,
                          .scale = OVP_SCALE_STANDARD,
                          .type = OVP_F64,
                          .rng = rng};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o));
    assert_int_equal(set.features, 36);
    double sum = 0;
    for (ovp_idx i = 0; i < 9 * 36; i++) sum += ((double *)set.x_train.data)[i]; /* zeros of the crop count */
    assert_true(fabs(sum / (9 * 36)) < 1e-12);
    ovp_data_free(f->ctx, &set);
    ovp_numeric_rng_free(rng);
}

/* The same inputs for any number of threads. */
static void threads(void **state) {
    fixture *f = *state;
    ovp_ctx *wide;
    const ovp_ctx_options settings = {.size = sizeof(settings), .threads = 5};
    ovp_data_set one, five;
    ovp_numeric_rng *rng;
    put_golden_images(f, "a.npz", NULL);
    assert_int_equal(ovp_ctx_create(&wide, &settings), OVP_OK);
    ovp_data_set *sets[] = {&one, &five};
    for (int k = 0; k < 2; k++) {
        ovp_ctx *ctx = k ? wide : f->ctx;
        assert_int_equal(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 1, OVP_PURPOSE_DATA, 0), OVP_OK);
        ovp_data_options o = {
            .size = sizeof(o), .resize_rows = 9, .resize_cols = 9, .flip = .5, .crop_padding = 4, .rng = rng};
        assert_int_equal(ovp_data_load(sets[k], ctx, own_set(f, "npz", "a.npz"), &o), OVP_OK);
        ovp_numeric_rng_free(rng);
    }
    assert_memory_equal(one.x_train.data, five.x_train.data, 9 * 243 * sizeof(float));
    ovp_data_free(f->ctx, &one);
    ovp_data_free(wide, &five);
    ovp_ctx_free(wide);
}

static void bad_options(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    ovp_numeric_rng *rng;
    const ovp_idx classes[] = {0};
    put_golden_images(f, "a.npz", NULL);
    put_numbered(f, "n.npz", 1);
    assert_ok(f, ovp_numeric_rng_create(&rng, f->ctx, OVP_RNG_PHILOX, 1, OVP_PURPOSE_DATA, 0));
#define BAD(file, message, ...)                                                                                        \
    do {                                                                                                               \
        ovp_data_options o = {.size = sizeof(o), __VA_ARGS__};                                                         \
        assert_failed(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", file), &o), OVP_EINVAL, message);               \
    } while (0)
    BAD("a.npz", "resize to 3 x 0; both 1 to 16384", .resize_rows = 3);
    BAD("a.npz", "resize to 3 x 99999", .resize_rows = 3, .resize_cols = 99999);
    BAD("a.npz", "images of 2 channels", .channels = 2);
    BAD("a.npz", "flip with probability 1.5", .flip = 1.5, .rng = rng);
    BAD("a.npz", "flip with probability nan", .flip = (double)NAN, .rng = rng);
    BAD("a.npz", "flip draws at random: give a stream", .flip = .5);
    BAD("a.npz", "crop padding -1", .crop_padding = -1, .rng = rng);
    BAD("a.npz", "crop draws at random", .crop_padding = 4);
    BAD("a.npz", "fraction 1.1", .fraction = 1.1, .rng = rng);
    BAD("a.npz", "fraction draws", .fraction = .5);
    BAD("a.npz", "fraction leaves no training sample of 1", .train = 1, .fraction = 1e-300, .split = {0}, .rng = rng);
    BAD("a.npz", "split 0.5, 0.4, 0", .split = {.5, .4, 0}, .rng = rng);
    BAD("a.npz", "split 0, 1, 0", .split = {0, 1, 0}, .rng = rng);
    BAD("a.npz", "split 1.5, -0.5, 0", .split = {1.5, -.5, 0}, .rng = rng);
    BAD("a.npz", "split draws", .split = {.5, .5, 0});
    BAD("a.npz", "normalisation 3", .normalise = (ovp_data_normalise)3);
    BAD("a.npz", "needs mean, std", .normalise = OVP_NORMALISE_GIVEN);
    BAD("a.npz", "these samples have no classes", .classes = classes, .class_count = 1);
    BAD("a.npz", "1 test samples asked for; 1 to 0", .test = 1);
    BAD("n.npz", "without a list", .class_count = 1);
    BAD("n.npz", "has its own test part", .split = {.5, .25, .25}, .rng = rng);
    BAD("n.npz", "resize, flip and crop are for images", .resize_rows = 3, .resize_cols = 3);
    BAD("n.npz", "scale unit (x/255) is for pixels (u8); these are f64", .scale = OVP_SCALE_UNIT);
    /* Options of a caller who knows only the first fields. */
    ovp_data_options o = {.size = offsetof(ovp_data_options, classes), .class_count = -1, .flip = 7};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o));
    ovp_data_free(f->ctx, &set);
    o.size = sizeof(o) + 8;
    assert_failed(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o), OVP_EINVAL, "set size");
    ovp_numeric_rng_free(rng);
}

static void out_of_memory(void **state) {
    fixture *f = *state;
    ovp_data_set set = {0};
    ovp_numeric_rng *rng;
    put_golden_images(f, "a.npz", NULL);
    assert_ok(f, ovp_numeric_rng_create(&rng, f->ctx, OVP_RNG_PHILOX, 1, OVP_PURPOSE_DATA, 0));
    const long before = f->live;
    const ovp_data_options o = {.size = sizeof(o),
                                .fraction = .9,
                                .split = {.5, .3, .2},
                                .resize_rows = 3,
                                .resize_cols = 3,
                                .flip = .5,
                                .crop_padding = 1,
                                .normalise = OVP_NORMALISE_TRAIN,
                                .rng = rng};
    for (f->countdown = 0; f->refused < 300; f->countdown = f->refused) {
        ovp_status status = ovp_data_load(&set, f->ctx, own_set(f, "npz", "a.npz"), &o);
        if (status == OVP_OK) break;
        assert_failed(f, status, OVP_ENOMEM, "");
        assert_int_equal(f->live, before);
    }
    f->countdown = -1;
    assert_in_range(f->refused, 30, 299);
    ovp_data_free(f->ctx, &set);
    ovp_numeric_rng_free(rng);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(resize_as_pillow),  CASE(flip_and_crop_as_torchvision),
        CASE(flip_laws),         CASE(fraction_and_split_as_torch),
        CASE(filter_then_limit), CASE(normalise),
        CASE(order_of_steps),    CASE(threads),
        CASE(bad_options),       CASE(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
