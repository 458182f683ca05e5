/* scaled-landscape: gaps against the notebook's own formula, threads, verdicts both ways, what is refused. */
#include "run_helpers.h"

static ovp_status run_landscape(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_scaled_landscape, result, root, settings);
}

/* f of h = f (w - w0), whose tangent at w0 is f(x, w0) (w - w0). */
static double factor(double x, double w) {
    return w * x / 2 + log(1 + w * w) * x / 5 + .1 * sin(exp(2 * w));
}

static void the_published_gaps(void **state) {
    ovp_ctx *ctx = *state;
    static const double alphas[] = {1, 5, 10, 50, 100, 1000, 2000, 10000};
    enum { POINTS = 5000 };
    char root[256], path[600];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, run_landscape(ctx, &result, root, SETTINGS("preset=paper")));
    assert_int_equal(table_rows(result, "gaps"), 8);
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    assert_string_equal(arrays[2].name, "loss");
    assert_string_equal(arrays[3].name, "loss_linearised");
    for (size_t a = 0; a < 8; a++) {
        const double alpha = alphas[a], r = 2 / pow(alpha, .75), slope = factor(1.5, 1.5);
        double gap = 0, most = 0;
        for (int i = 0; i < POINTS; i++) {
            const double w = 1.5 - r + 2 * r * i / (POINTS - 1);
            const double h = alpha * factor(1.5, w) * (w - 1.5) - 3, straight = alpha * slope * (w - 1.5) - 3;
            const double loss = h * h / 2 / alpha / alpha, linear = straight * straight / 2 / alpha / alpha;
            const double *kept = arrays[2].array.data, *flat = arrays[3].array.data;
            /* w itself is rounded, which sin(exp(2w)) blows up at alpha 1: exp(7) 2 w eps */
            assert_true(fabs(kept[a * POINTS + (size_t)i] - loss) < 1e-11 * (1 / alpha));
            assert_true(fabs(flat[a * POINTS + (size_t)i] - linear) < 1e-12 * (1 / alpha));
            gap = fmax(gap, fabs(loss - linear));
            most = fmax(most, loss);
        }
        assert_true(number_at(result, "gaps", a, "alpha") == alpha);
        assert_true(fabs(number_at(result, "gaps", a, "max_gap") / gap - 1) < 1e-7);
        assert_true(fabs(number_at(result, "gaps", a, "max_loss") / most - 1) < 1e-9);
        assert_true(fabs(number_at(result, "gaps", a, "relative") / (gap / most) - 1) < 1e-7);
        assert_string_equal(json_string_value(table_cell(result, "gaps", a, "status")), "ok");
    }
    ovp_io_npz_free(ctx, arrays, count);
    for (size_t v = 0; v < 3; v++) assert_string_equal(holds_of(result, v), "yes");
    json_decref(result);
    scratch_remove(root);
}

/* h = d + d^2 with d = w - w0: h_lin = d and y = 0, so the gap is (2 d^3 + d^4) / 2, largest at d = r. */
static void a_parabola_in_closed_form(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(
        ctx, run_landscape(ctx, &result, root,
                           SETTINGS("function=(w-w0)+(w-w0)^2", "w0=0", "y=0", "alphas=1e4,1e5,1e6,1e7", "points=11")));
    for (size_t a = 0; a < 4; a++) {
        const double alpha = pow(10, 4 + (double)a), r = 2 / pow(alpha, .75);
        const double gap = (2 * r * r * r + r * r * r * r) / 2, most = (r + r * r) * (r + r * r) / 2;
        assert_true(fabs(number_at(result, "gaps", a, "max_gap") / gap - 1) <
                    1e-15 / r); /* a difference of losses r^-1 as large */
        assert_true(fabs(number_at(result, "gaps", a, "max_loss") / most - 1) < 1e-12);
        /* 2 r^2 |h + h_lin| / 4, h'' = 2 */
        assert_true(fabs(number_at(result, "gaps", a, "bound") / (r * r / 2 * (2 * r + r * r)) - 1) < 1e-12);
    }
    assert_true(fabs(number_at(result, "exponents", 0, "exponent") + 2.25) < 1e-3);
    assert_true(fabs(number_at(result, "exponents", 1, "last_exponent") + .75) < 1e-3);
    json_decref(result);
    scratch_remove(root);
}

static void verdicts_go_all_ways(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[3], *holds[3];
    } cases[] = {
        /* no second derivative at w0: the gap falls faster */
        {{"function=(w-w0)+(w-w0)^3", "y=0", "w0=0"}, {"no", "no", "yes"}},
        /* two scales make no law */
        {{"alphas=100,1000", "fit-from=50", "points=100"}, {"unclear", "unclear", "yes"}},
        /* a kink inside the interval has no second derivative anywhere near: Taylor's bound does not hold */
        {{"function=abs(w-w0-1e-9)+w-w0", "alphas=50,100,1000,10000", "points=100"}, {"no", "no", "no"}},
    };
    for (int c = 0; c < 3; c++) {
        char root[256];
        json_t *result;
        const char *settings[5] = {0};
        for (int k = 0; k < 3; k++) settings[k] = cases[c].settings[k];
        assert_ok(ctx, run_landscape(ctx, &result, root, settings));
        for (size_t v = 0; v < 3; v++)
            if (strcmp(holds_of(result, v), cases[c].holds[v]) != 0)
                fail_msg("case %d, verdict %zu: %s", c, v, holds_of(result, v));
        json_decref(result);
        scratch_remove(root);
    }
}

static void what_is_not_finite_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_landscape(ctx, &result, root, SETTINGS("function=log(w-1)*(w-w0)", "points=100", "seeds=1,2")));
    assert_string_equal(json_string_value(table_cell(result, "gaps", 0, "status")), "non-finite");
    assert_true(json_is_null(table_cell(result, "gaps", 0, "max_gap")));
    assert_string_equal(json_string_value(table_cell(result, "gaps", 7, "status")), "ok");
    assert_true(json_array_size(json_object_get(result, "warnings")) >= 2); /* that, and two seeds */
    json_decref(result);
    scratch_remove(root);
}

static void bad_values_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *setting, *message;
    } cases[] = {
        {"function=x*(w-w1)", "--function: character 6: unknown name 'w1'; did you mean 'w0'?"},
        {"function=x+w0", "does not depend on the weight w"},
        {"precision=f32", "--precision f32"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(ctx, &ovp_experiment_scaled_landscape, cases[i].message, SETTINGS(cases[i].setting));
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"arrays.npz"};
    assert_same_bits(&ovp_experiment_scaled_landscape, SETTINGS("preset=quick"), files, 1, NULL, 0);
}

/* The first report of a run is never left out. */
static void an_interrupted_run_keeps_its_alphas(void **state) {
    (void)state;
    interruption stop = {.from = 1};
    char root[256];
    json_t *result;
    ovp_ctx *ctx = run_interrupted(&stop, &ovp_experiment_scaled_landscape, &result, root, SETTINGS("preset=quick"));
    assert_int_equal(table_rows(result, "gaps"), 1);
    assert_true(number_at(result, "gaps", 0, "max_gap") > 0);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(the_published_gaps),
        CTX_TEST(a_parabola_in_closed_form),
        CTX_TEST(verdicts_go_all_ways),
        CTX_TEST(what_is_not_finite_is_a_row),
        CTX_TEST(bad_values_are_refused),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(an_interrupted_run_keeps_its_alphas),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
