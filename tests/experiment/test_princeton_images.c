/* The tutorial's 4000 images: their order, their length, what is refused. */
#include "run_helpers.h"

#include <experiment/princeton_int.h>
#include <overparam/data.h>

static void the_order_is_the_published_one(void **state) {
    ovp_ctx *ctx = *state;
    /* The training labels begin 5 0 4 1 9 2 1 3 1 4 3 5 3 6 1 7 2 8 6 9 (the set's file). */
    static const int32_t digits[10] = {5, 0, 4, 1, 9, 2, 3, 6, 7, 8};
    princeton_images images;
    ovp_data_set set;
    const ovp_data_options options = {.size = sizeof options, .train = 20, .test = 50, .type = OVP_F64};
    assert_ok(ctx, princeton_images_load(&images, ctx, "mnist", 400, 50));
    assert_ok(ctx, ovp_data_load(&set, ctx, "mnist", &options));
    assert_int_equal(images.n, 4000);
    assert_int_equal(images.n_test, 50);
    assert_int_equal(images.d, 784);
    assert_int_equal(images.classes, 10);
    for (ovp_idx i = 0; i < images.n; i++) {
        double square = 0, ones = 0;
        assert_int_equal(images.label[i], digits[i / 400]);
        for (ovp_idx j = 0; j < images.d; j++) square += images.x[i * images.d + j] * images.x[i * images.d + j];
        assert_true(fabs(square - 1) < 3e-7);
        for (ovp_idx k = 0; k < 10; k++) ones += images.target[i * 10 + k];
        assert_true(ones == 1 && images.target[i * 10 + images.label[i]] == 1);
    }
    /* Image 11 of the file is the second 5, image 3 the first 1. */
    static const int pairs[][2] = {{0, 0}, {1, 11}, {400, 1}, {1200, 3}, {1201, 6}, {1202, 8}};
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
        const double *ours = images.x + pairs[p][0] * 784, *pixels = (double *)set.x_train.data + pairs[p][1] * 784;
        double square = 0;
        for (int j = 0; j < 784; j++) square += pixels[j] / 256 * (pixels[j] / 256);
        for (int j = 0; j < 784; j++)
            assert_true(fabs(ours[j] - (double)((float)(pixels[j] / 256) / (float)sqrt(square))) < 1e-15);
    }
    for (int i = 0; i < 50; i++) {
        assert_int_equal(images.label_test[i], ((int32_t *)set.y_test.data)[i]);
        assert_true(images.target_test[i * 10 + images.label_test[i]] == 1);
    }
    ovp_data_free(ctx, &set);
    princeton_images_free(ctx, &images);
}

static void what_cannot_be_taken_is_refused(void **state) {
    ovp_ctx *ctx = *state;
    princeton_images images;
    assert_fails(ctx, OVP_EINVAL, "5421 training images of class 5",
                 princeton_images_load(&images, ctx, "mnist", 5422, 10));
    assert_fails(ctx, OVP_EINVAL, "10001", princeton_images_load(&images, ctx, "mnist", 2, 10001));
    assert_fails(ctx, OVP_ENOTFOUND, "mnits", princeton_images_load(&images, ctx, "mnits", 2, 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(the_order_is_the_published_one),
                                       CTX_TEST(what_cannot_be_taken_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
