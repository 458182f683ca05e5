/* Losses of given outputs: closed values, reductions, gradients, extremes. */
#include "check.h"

#include "net/net_int.h"

#include <math.h>
#include <string.h>

static void close_to(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * fabs(want))) fail_msg("%.17g, expected %.17g", got, want);
}

static void cross_entropy_of_known_outputs(void **state) {
    ovp_ctx *ctx = *state;
    /* softmax of (ln 1, ln 2, ln 5) is (1, 2, 5)/8. */
    const double f[6] = {log(1), log(2), log(5), 7 + log(5), 7 + log(2), 7 + log(1)};
    const int32_t labels[2] = {1, 0};
    double df[6], loss;
    ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F64, 2, 3, f, &loss, df));
    close_to(loss, (log(8. / 2) + log(8. / 5)) / 2, 1e-14);
    const double want[6] = {1. / 16, -6. / 16, 5. / 16, -3. / 16, 2. / 16, 1. / 16};
    for (int i = 0; i < 6; i++) close_to(df[i], want[i], 1e-14);
    t.reduction = OVP_REDUCE_SUM;
    assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F64, 2, 3, f, &loss, NULL));
    close_to(loss, log(8. / 2) + log(8. / 5), 1e-14);
}

static void mse_knows_its_reductions(void **state) {
    ovp_ctx *ctx = *state;
    const double f[4] = {1, 2, 3, 5}, y[4] = {0, 0, 1, 1}; /* squares 1 4 4 16 */
    const struct {
        ovp_net_reduction reduction;
        double loss, first;
    } rows[] = {{OVP_REDUCE_MEAN, 25. / 4, .5},
                {OVP_REDUCE_SAMPLES, 25. / 2, 1},
                {OVP_REDUCE_HALF_SAMPLES, 25. / 4, .5},
                {OVP_REDUCE_SUM, 25, 2}};
    for (int i = 0; i < 4; i++) {
        double loss, df[4];
        ovp_net_targets t = {.loss = OVP_LOSS_MSE, .reduction = rows[i].reduction, .values = y};
        assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F64, 2, 2, f, &loss, df));
        close_to(loss, rows[i].loss, 1e-15);
        close_to(df[0], rows[i].first, 1e-15);
        close_to(df[3], 4 * rows[i].first, 1e-15);
    }
    /* Labels are one-hot targets: (1, 0) and (0, 1). */
    const int32_t labels[2] = {0, 1};
    ovp_net_targets t = {.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_SUM, .labels = labels};
    double loss;
    assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F64, 2, 2, f, &loss, NULL));
    close_to(loss, 0 + 4 + 9 + 16, 1e-15);
}

static void small_losses_keep_their_digits(void **state) {
    ovp_ctx *ctx = *state;
    const int32_t label = 0;
    for (int margin = 5; margin <= 80; margin += 25) {
        const float f[3] = {(float)margin, 0, -200};
        float df[3];
        double loss;
        ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = &label};
        assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F32, 1, 3, f, &loss, df));
        close_to(loss, log1p(exp(-(double)margin)), 3e-7);
        /* Derivatives under 2^-90 are 0, never denormal; both signs agree where they are not. */
        assert_true(df[2] == 0.f);
        if (margin < 60)
            close_to((double)df[1], -(double)df[0], 3e-7);
        else
            assert_true(df[0] == 0.f && df[1] == 0.f);
    }
}

static void outputs_that_are_not_finite_show(void **state) {
    ovp_ctx *ctx = *state;
    const int32_t labels[2] = {0, 1};
    const double bad[] = {NAN, INFINITY};
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < 2; i++) {
            double f[4] = {1, 2, bad[i], 3}, loss;
            ovp_net_targets t = {.loss = kind ? OVP_LOSS_MSE : OVP_LOSS_CROSS_ENTROPY, .labels = labels};
            assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F64, 2, 2, f, &loss, NULL));
            assert_false(isfinite(loss));
        }
}

/* More classes than one piece of the softmax, more rows than one block of partial sums. */
static void many_rows_and_classes(void **state) {
    ovp_ctx *ctx = *state;
    enum { ROWS = 20000, CLASSES = 150 };
    double *f, *df, loss;
    int32_t *labels;
    assert_ok(ctx, ovp_alloc(ctx, &f, ROWS * CLASSES, sizeof *f));
    assert_ok(ctx, ovp_alloc(ctx, &df, ROWS * CLASSES, sizeof *df));
    assert_ok(ctx, ovp_alloc(ctx, &labels, ROWS, sizeof *labels));
    for (int i = 0; i < ROWS; i++) labels[i] = i % CLASSES;
    ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F64, ROWS, CLASSES, f, &loss, df));
    close_to(loss, log(CLASSES), 1e-12); /* all outputs equal */
    close_to(df[0], (1. / CLASSES - 1) / ROWS, 1e-12);
    close_to(df[ROWS * CLASSES - CLASSES], 1. / CLASSES / ROWS, 1e-12);
    ovp_free(ctx, f);
    ovp_free(ctx, df);
    ovp_free(ctx, labels);
}

/* (diag(p) - p p^T) jv of outputs (0, -m): p_2 = exp(-m) / (1 + exp(-m)), and with two classes the product is
 * p_1 p_2 (jv_1 - jv_2) in both, with opposite signs; scale 1/2 for the mean over two rows. */
static void second_derivatives_keep_their_digits(void **state) {
    ovp_ctx *ctx = *state;
    const int32_t labels[2] = {0, 1};
    ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    for (int margin = 0; margin <= 600; margin += 100) {
        const double wide[4] = {0, -margin, 5 - margin, 5}, jv[4] = {1.25, -0.5, 0.75, 2}, p = exp(-(double)margin);
        const double both = p / ((1 + p) * (1 + p)) / 2;
        const float jv_f32[4] = {1.25f, -0.5f, 0.75f, 2};
        double rdf[4];
        float rdf_f32[4];
        assert_ok(ctx, ovp_net_loss_second_f64(ctx, &t, 2, 2, wide, jv, rdf));
        close_to(rdf[0], both * 1.75, 1e-14);
        close_to(rdf[1], -both * 1.75, 1e-14);
        close_to(rdf[2], both * -1.25, 1e-14);
        close_to(rdf[3], both * 1.25, 1e-14);
        assert_ok(ctx, ovp_net_loss_second_f32(ctx, &t, 2, 2, wide, jv_f32, rdf_f32));
        if (margin == 0) close_to((double)rdf_f32[0], both * 1.75, 1e-7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(cross_entropy_of_known_outputs), CTX_TEST(mse_knows_its_reductions),
        CTX_TEST(small_losses_keep_their_digits), CTX_TEST(outputs_that_are_not_finite_show),
        CTX_TEST(many_rows_and_classes),          CTX_TEST(second_derivatives_keep_their_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
