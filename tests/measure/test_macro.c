/* measure: macro accuracy, precision and recall. */
#include "check.h"

#include <math.h>
#include <overparam/measure.h>
#include <string.h>

#define CLASSES 4

/* Outputs whose largest is at the class wanted. */
static void predict(float *f, ovp_idx rows, const int *guess) {
    for (ovp_idx i = 0; i < rows; i++)
        for (int k = 0; k < CLASSES; k++) f[i * CLASSES + k] = k == guess[i] ? 1.5f : -.5f;
}

/* By hand: class 0 has 2 of 3 labels hit and 2 of 2 guesses right, class 1 1 of 2 and 1 of 3, class 2 has no label and
 * one guess, class 3 has neither and does not count. */
static void scores_are_means_over_the_classes_met(void **state) {
    ovp_ctx *ctx = *state;
    static const int guess[] = {0, 0, 1, 1, 2};
    static const int32_t labels[] = {0, 0, 0, 1, 1};
    float f[5 * CLASSES];
    ovp_measure_scores s;
    predict(f, 5, guess);
    assert_ok(ctx, ovp_measure_macro(&s, ctx, OVP_F32, 5, CLASSES, f, labels));
    assert_true(fabs(s.recall - (2. / 3 + 1. / 2 + 0) / 3) < 1e-15);
    assert_true(fabs(s.precision - (1. + 1. / 2 + 0) / 3) < 1e-15);
    assert_true(fabs(s.accuracy - s.recall) <= 1e-15);
}

/* Every class as often as any other: macro accuracy is the fraction right. */
static void balanced_classes_give_the_fraction_right(void **state) {
    ovp_ctx *ctx = *state;
    double f[8 * CLASSES];
    int32_t labels[8];
    ovp_measure_scores s;
    for (int i = 0; i < 8; i++) {
        labels[i] = i % CLASSES;
        for (int k = 0; k < CLASSES; k++) f[i * CLASSES + k] = sin(1.7 * i + 2.385 * k);
    }
    assert_ok(ctx, ovp_measure_macro(&s, ctx, OVP_F64, 8, CLASSES, f, labels));
    assert_true(fabs(s.accuracy - ovp_measure_accuracy(OVP_F64, 8, CLASSES, f, labels)) < 1e-15);
    assert_true(s.accuracy > 0 && s.accuracy < 1 && s.precision > 0);
}

static void ties_and_nans(void **state) {
    ovp_ctx *ctx = *state;
    const float f[] = {1, 1, 0, 0, NAN, 9, 0, 0};
    const int32_t labels[] = {0, 1};
    ovp_measure_scores s;
    assert_ok(ctx, ovp_measure_macro(&s, ctx, OVP_F32, 2, CLASSES, f, labels));
    assert_true(s.recall > .5 - 1e-15 && s.recall < .5 + 1e-15); /* the first of equals; no guess where a NaN stands */
    assert_true(s.precision > .5 - 1e-15 && s.precision < .5 + 1e-15);
}

static void wrong_labels_are_named(void **state) {
    ovp_ctx *ctx = *state;
    const float f[2 * CLASSES] = {0};
    const int32_t high[] = {0, 4}, low[] = {-1, 0};
    ovp_measure_scores s;
    assert_fails(ctx, OVP_EINVAL, "label 4 of sample 1", ovp_measure_macro(&s, ctx, OVP_F32, 2, CLASSES, f, high));
    assert_true(isnan(s.recall));
    assert_fails(ctx, OVP_EINVAL, "label -1 of sample 0", ovp_measure_macro(&s, ctx, OVP_F32, 2, CLASSES, f, low));
    assert_fails(ctx, OVP_EINVAL, "0 rows", ovp_measure_macro(&s, ctx, OVP_F32, 0, CLASSES, f, high));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(scores_are_means_over_the_classes_met),
        CTX_TEST(balanced_classes_give_the_fraction_right),
        CTX_TEST(ties_and_nans),
        CTX_TEST(wrong_labels_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
