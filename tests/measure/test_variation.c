/* measure: p-variation. */
#include "check.h"

#include "measure/variation_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double variation(ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x, ovp_measure_norm norm, double p) {
    double value;
    assert_ok(ctx, ovp_measure_p_variation(&value, ctx, n, d, x, norm, p, NULL, NULL));
    return value;
}

static void assert_near(double value, double expected, double relative) {
    if (!(fabs(value - expected) <= relative * fabs(expected))) fail_msg("%.17g, expected %.17g", value, expected);
}

/* Values that follow from the definition by hand, or (the last three) from numpy: spec, section 2. */
static void known_paths(void **state) {
    ovp_ctx *ctx = *state;
    static const double exponents[] = {1, 1.5, 2, 3, 2.7};
    double x[200];
    for (int e = 0; e < 5; e++) {
        const double p = exponents[e];
        for (int r = 1; r <= 50; r++) {
            for (int i = 0; i < 4 * r; i++) x[i] = i % 4 == 0 ? 0 : i % 4 == 3 ? 4 : 1;
            assert_near(variation(ctx, 4 * r, 1, x, OVP_NORM_L2, p), pow(4, p) * (2 * r - 1), 1e-12);
        }
        for (int i = 0; i <= 40; i++) x[i] = pow(i / 40., 3);
        assert_near(variation(ctx, 41, 1, x, OVP_NORM_L2, p), 1, 1e-12);
        for (int i = 0; i <= 33; i++) x[i] = i % 2 ? -1 : 1;
        assert_near(variation(ctx, 34, 1, x, OVP_NORM_L1, p), 33 * pow(2, p), 1e-12);
        for (int k = 0; k <= 20; k++) x[k] = k * (17 - k);
        assert_near(variation(ctx, 21, 1, x, OVP_NORM_LINF, p), pow(72, p) + pow(132, p), 1e-12);
        const double square[] = {0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0};
        for (int n = 5; n <= 7; n++)
            assert_near(variation(ctx, n, 2, square, OVP_NORM_L2, p), p <= 2 ? 4 : pow(2, p / 2 + 1), 1e-12);
    }
    const double corner[] = {0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_near(variation(ctx, 8, 2, corner, OVP_NORM_L1, 3), 9, 1e-12);
    assert_near(variation(ctx, 8, 2, corner, OVP_NORM_L2, 3), 1 + pow(2, 1.5), 1e-12);
    const double diagonal[] = {0, 0, 1, 1};
    assert_near(variation(ctx, 2, 2, diagonal, OVP_NORM_L1, 3), 8, 1e-12);
    assert_near(variation(ctx, 2, 2, diagonal, OVP_NORM_L2, 3), pow(2, 1.5), 1e-12);
    assert_near(variation(ctx, 2, 2, diagonal, OVP_NORM_LINF, 3), 1, 1e-12);
    for (int i = 0; i <= 8; i++) {
        x[2 * i] = (i + 1) / 2;
        x[2 * i + 1] = i / 2;
    }
    assert_near(variation(ctx, 9, 2, x, OVP_NORM_L2, 1), 8, 1e-12);
    assert_near(variation(ctx, 9, 2, x, OVP_NORM_L2, 1.2), 8, 1e-12);
    assert_near(variation(ctx, 9, 2, x, OVP_NORM_L2, 1.5), 13.4543427, 1e-8);
    assert_near(variation(ctx, 9, 2, x, OVP_NORM_L2, 2), 32, 1e-12);
    for (int k = 0; k < 50; k++) {
        x[3 * k] = sin(k);
        x[3 * k + 1] = .5 * cos(2 * k);
        x[3 * k + 2] = k % 5 / 5.;
    }
    assert_near(variation(ctx, 50, 3, x, OVP_NORM_L2, 1), 45.540816823852, 1e-12);
    assert_near(variation(ctx, 50, 3, x, OVP_NORM_L2, 2), 62.241520886662, 1e-12);
    assert_near(variation(ctx, 50, 3, x, OVP_NORM_L2, 3), 119.395066655, 1e-11);
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(known_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
