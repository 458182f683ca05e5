/* numeric: Student's t quantile. */
#include "check.h"

#include <overparam/numeric.h>

#include <math.h>

/* mpmath 1.2.1 with 40 digits: findroot of betainc(df/2, 1/2, 0, df/(df+t^2), regularized=True) - (1 - confidence). */
static const struct {
    double confidence, df, t;
} golden[] = {
    {0.5, 1, 1.0},
    {0.95, 1, 12.706204736174693},
    {0.999999, 1, 636619.77234875132},
    {0.2, 1.5, 0.30074539256979544},
    {0.95, 2, 4.3026527297494618},
    {0.99, 3, 5.8409093097333554},
    {0.95, 4, 2.7764451051977935},
    {0.95, 9, 2.262157162798205},
    {0.99, 9, 3.2498355415921257},
    {0.001, 7, 0.0012987305550741406},
    {0.999, 30, 3.6459586350420215},
    {0.95, 99, 1.9842169515864171},
    {0.9, 1000, 1.6463788172854648},
    {0.999999, 12, 9.0846929341065854},
    {0.95, 1000000.0, 1.9599663568141067},
    {0.99, 30000, 2.5759931982857065},
};

static void relative(double confidence, double df, double expected, double tolerance) {
    double t = ovp_numeric_student_t(confidence, df);
    if (!(fabs(t / expected - 1) <= tolerance))
        fail_msg("confidence %.17g df %g: %.17g, expected %.17g", confidence, df, t, expected);
}

static void golden_values(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
        relative(golden[i].confidence, golden[i].df, golden[i].t, 1e-12);
}

/* df 1 is Cauchy: t = tan(pi c / 2); df 2: t = c sqrt(2 / (1 - c^2)). */
static void closed_forms(void **state) {
    (void)state;
    for (int e = 1; e < 52; e++) {
        double small = ldexp(1.3, -e - 1), c = 1 - small; /* 1 - c is exact up to the rounding of c */
        relative(small, 1, tan(M_PI_2 * small), 1e-12);
        relative(c, 1, 1 / tan(M_PI_2 * (1 - c)), 1e-12);
        relative(c, 2, c * sqrt(2 / ((1 - c) * (1 + c))), 1e-12);
        relative(small, 2, small * sqrt(2 / ((1 - small) * (1 + small))), 1e-12);
    }
}

/* The exact series below 1e5 degrees of freedom and the expansion above must meet, and tend to the normal quantile
 * (1.959963984540054: mpmath, sqrt(2) erfinv(0.95)). */
static void large_df(void **state) {
    (void)state;
    for (double c = 0.05; c < 1; c += 0.0499) {
        double below = ovp_numeric_student_t(c, 1e5), above = ovp_numeric_student_t(c, 1e5 * (1 + 1e-12));
        assert_true(fabs(below / above - 1) < 1e-12);
    }
    relative(0.95, 1e300, 1.959963984540054, 1e-14);
    relative(0.95, INFINITY, 1.959963984540054, 1e-14);
}

static void quantiles_grow_with_confidence_and_shrink_with_df(void **state) {
    (void)state;
    for (double df = 1; df < 3e5; df *= 1.37)
        for (double c = 0.01; c < 0.995; c += 0.0173) {
            double t = ovp_numeric_student_t(c, df);
            assert_true(t > 0 && t < ovp_numeric_student_t(c + 0.001, df));
            assert_true(t > ovp_numeric_student_t(c, df * 1.5));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_values),
        cmocka_unit_test(closed_forms),
        cmocka_unit_test(large_df),
        cmocka_unit_test(quantiles_grow_with_confidence_and_shrink_with_df),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
