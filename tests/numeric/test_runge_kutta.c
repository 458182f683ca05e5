/* Runge-Kutta: exact solutions, order, tolerance, dense output, what stops it. */
#include "check.h"

#include <overparam/numeric.h>

#include <math.h>
#include <string.h>

static void decay(void *user, double t, const double *y, double *dy) {
    (void)t;
    dy[0] = -*(const double *)user * y[0];
}

/* y = (cos t, sin t) */
static void circle(void *user, double t, const double *y, double *dy) {
    (void)user, (void)t;
    dy[0] = -y[1];
    dy[1] = y[0];
}

/* y = 1 / (1 - t): blows up at 1 */
static void blow_up(void *user, double t, const double *y, double *dy) {
    (void)user, (void)t;
    dy[0] = y[0] * y[0];
}

/* y = sqrt(1 - 2t): the rate is not a number beyond the end at t = 1/2 */
static void root(void *user, double t, const double *y, double *dy) {
    (void)user, (void)t;
    dy[0] = -1 / sqrt(y[0] > 0 ? y[0] * y[0] : (double)NAN);
}

/* y' = t^4: integrated exactly by a method of order 5 */
static void quartic(void *user, double t, const double *y, double *dy) {
    (void)user, (void)y;
    dy[0] = 5 * t * t * t * t;
}

static ovp_numeric_rk *solver(ovp_ctx *ctx, ovp_idx n, ovp_numeric_rk_fn f, void *user, ovp_numeric_rk_options o) {
    ovp_numeric_rk *rk;
    o.size = sizeof o;
    assert_ok(ctx, ovp_numeric_rk_create(&rk, ctx, n, f, user, &o));
    return rk;
}

static ovp_numeric_rk_state go(ovp_numeric_rk *rk, double t_end) {
    ovp_numeric_rk_state state;
    while ((state = ovp_numeric_rk_step(rk, t_end)) == OVP_RK_GOING) continue;
    return state;
}

/* The error per unit of time is controlled: that at the end stays within a small multiple of the tolerance, and falls
 * with it; backwards the solver comes home. */
static void errors_follow_the_tolerance(void **state) {
    ovp_ctx *ctx = *state;
    const double start[] = {1, 0};
    double before = INFINITY;
    for (double tolerance = 1e-4; tolerance > 1e-12; tolerance /= 100) {
        ovp_numeric_rk *rk =
            solver(ctx, 2, circle, NULL, (ovp_numeric_rk_options){.rtol = tolerance, .atol = tolerance});
        ovp_numeric_rk_start(rk, 0, start);
        assert_int_equal(go(rk, 10), OVP_RK_ARRIVED);
        assert_true(ovp_numeric_rk_time(rk) == 10);
        const double *y = ovp_numeric_rk_y(rk), error = hypot(y[0] - cos(10), y[1] - sin(10));
        assert_true(error < 20 * tolerance && error < before / 10);
        before = error;
        const ovp_numeric_rk_counts counts = ovp_numeric_rk_count(rk);
        /* 1 evaluation at the start, 1 to choose the first step, 6 for each attempt */
        assert_int_equal(counts.evaluations, 2 + 6 * (counts.steps + counts.rejections));
        assert_int_equal(go(rk, 0), OVP_RK_ARRIVED);
        assert_true(hypot(y[0] - 1, y[1]) < 40 * tolerance);
        ovp_numeric_rk_free(rk);
    }
}

/* With steps of fixed length the error at the end falls as h^5, that of dense output as h^5 locally (order 4: at least
 * h^4 over a fixed time). */
static void the_order_is_five(void **state) {
    ovp_ctx *ctx = *state;
    const double start[] = {1, 0};
    double last = 0, last_dense = 0;
    for (int n = 10; n <= 80; n *= 2) {
        const double h = 1. / n;
        ovp_numeric_rk *rk = solver(ctx, 2, circle, NULL,
                                    (ovp_numeric_rk_options){.rtol = 1, .atol = 1, .first_step = h, .largest_step = h});
        double dense[2], worst = 0;
        ovp_numeric_rk_start(rk, 0, start);
        for (ovp_numeric_rk_state s = OVP_RK_GOING; s == OVP_RK_GOING;) {
            s = ovp_numeric_rk_step(rk, 1);
            const double t = ovp_numeric_rk_time(rk) - .37 * h;
            ovp_numeric_rk_dense(rk, t, dense);
            worst = fmax(worst, hypot(dense[0] - cos(t), dense[1] - sin(t)));
        }
        assert_in_range(ovp_numeric_rk_count(rk).steps, n, n + 1);
        const double error = hypot(ovp_numeric_rk_y(rk)[0] - cos(1), ovp_numeric_rk_y(rk)[1] - sin(1));
        if (n > 10) {
            assert_true(fabs(log2(last / error) - 5) < .25);
            assert_true(log2(last_dense / worst) > 3.8);
        }
        last = error;
        last_dense = worst;
        ovp_numeric_rk_free(rk);
    }
    ovp_numeric_rk *rk = solver(ctx, 1, quartic, NULL, (ovp_numeric_rk_options){.first_step = .5});
    const double zero = 0;
    ovp_numeric_rk_start(rk, 0, &zero);
    assert_int_equal(go(rk, 2), OVP_RK_ARRIVED);
    assert_true(fabs(ovp_numeric_rk_y(rk)[0] - 32) < 32 * 4e-15);
    ovp_numeric_rk_free(rk);
}

/* Dense output joins the steps and meets their ends. */
static void dense_output_is_continuous(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_rk *rk = solver(ctx, 2, circle, NULL, (ovp_numeric_rk_options){.rtol = 1e-6, .atol = 1e-6});
    const double start[] = {1, 0};
    double y[2], before[2] = {1, 0}, t = 0;
    ovp_numeric_rk_start(rk, 0, start);
    ovp_numeric_rk_dense(rk, 0, y); /* before any step: the start */
    assert_true(y[0] == 1 && y[1] == 0);
    for (ovp_numeric_rk_state s = OVP_RK_GOING; s == OVP_RK_GOING;) {
        s = ovp_numeric_rk_step(rk, 5);
        ovp_numeric_rk_dense(rk, t, y);
        assert_true(hypot(y[0] - before[0], y[1] - before[1]) < 1e-15);
        t = ovp_numeric_rk_time(rk);
        ovp_numeric_rk_dense(rk, t, y);
        memcpy(before, ovp_numeric_rk_y(rk), sizeof before);
        assert_true(hypot(y[0] - before[0], y[1] - before[1]) < 1e-15);
    }
    ovp_numeric_rk_free(rk);
}

static void what_stops_it_is_said(void **state) {
    ovp_ctx *ctx = *state;
    double one = 1, fast = 1e9;
    ovp_numeric_rk *rk = solver(ctx, 1, blow_up, NULL, (ovp_numeric_rk_options){.most_steps = 100000});
    ovp_numeric_rk_start(rk, 0, &one);
    assert_int_equal(go(rk, 2), OVP_RK_UNDERFLOW);
    assert_true(fabs(ovp_numeric_rk_time(rk) - 1) < 1e-6 && isfinite(ovp_numeric_rk_y(rk)[0]));
    one = NAN;
    ovp_numeric_rk_start(rk, 0, &one);
    assert_int_equal(go(rk, 2), OVP_RK_NOT_FINITE);
    assert_int_equal(go(rk, 0), OVP_RK_ARRIVED); /* it stands there already */
    one = 1;
    ovp_numeric_rk_free(rk);
    rk = solver(ctx, 1, root, NULL, (ovp_numeric_rk_options){.most_steps = 100000});
    ovp_numeric_rk_start(rk, 0, &one);
    assert_int_equal(go(rk, 2), OVP_RK_NOT_FINITE);
    assert_true(fabs(ovp_numeric_rk_time(rk) - .5) < 1e-6);
    ovp_numeric_rk_free(rk);
    rk = solver(ctx, 1, decay, &fast, (ovp_numeric_rk_options){.most_steps = 500}); /* stiff: stability holds h down */
    ovp_numeric_rk_start(rk, 0, &one);
    assert_int_equal(go(rk, 1), OVP_RK_MOST_STEPS);
    const ovp_numeric_rk_counts counts = ovp_numeric_rk_count(rk);
    assert_int_equal(counts.steps + counts.rejections, 500);
    assert_string_equal(ovp_numeric_rk_state_name(OVP_RK_MOST_STEPS), "most steps");
    ovp_numeric_rk_free(rk);
    ovp_numeric_rk_free(NULL);
}

static void bad_options_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_rk *rk;
    const ovp_numeric_rk_options bad[] = {{.rtol = -1}, {.atol = NAN}, {.first_step = INFINITY}, {.most_steps = -1}};
    for (int i = 0; i < 4; i++)
        assert_fails(ctx, OVP_EINVAL, "Runge-Kutta: rtol", ovp_numeric_rk_create(&rk, ctx, 1, circle, NULL, &bad[i]));
    assert_fails(ctx, OVP_EINVAL, "0 components", ovp_numeric_rk_create(&rk, ctx, 0, circle, NULL, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(errors_follow_the_tolerance), CTX_TEST(the_order_is_five),       CTX_TEST(dense_output_is_continuous),
        CTX_TEST(what_stops_it_is_said),       CTX_TEST(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
