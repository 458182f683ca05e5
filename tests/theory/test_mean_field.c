/* theory: mean field against published tables, closed forms, frozen high-precision integrals and random nets. */
#include "check.h"

#include <overparam/theory.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static ovp_theory_mean_field *make(ovp_ctx *ctx, const char *activation, double sigma_w, double sigma_b) {
    const ovp_theory_mean_field_options options = {
        .size = sizeof options, .activation = activation, .sigma_w = sigma_w, .sigma_b = sigma_b};
    ovp_theory_mean_field *field;
    assert_ok(ctx, ovp_theory_mean_field_create(&field, ctx, &options));
    return field;
}

static void near(const char *what, double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%s: %.17g, expected %.17g", what, value, expected);
}

/* ---- tables ------------------------------------------------------------------------------------------ */

/* tanh: composite rule on |z| <= 9 with 3601 nodes; printed digits. */
static const struct {
    double w, b, q, chi_1, chi_2, c;
} table[] = {
    {1.3, .3, .607047, .939807, .543472, 1},
    {4, .3, 12.604149, 2.367261, 1.857176, .0297},
    {2, 0, 2.121474, 1.362673, .978095, 0},
    {1.5, 0, .793354, 1.139323, .702871, 0},
    {.4, 0, 0, .16, 0, NAN},
};

static void tanh_table(void **state) {
    ovp_ctx *ctx = *state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ovp_theory_mean_field *field = make(ctx, "tanh", table[i].w, table[i].b);
        ovp_theory_fixed_point p;
        double slope, q;
        assert_ok(ctx, ovp_theory_fixed_point_find(&p, ctx, field));
        near("q*", p.q_star, table[i].q, 5.01e-7);
        near("chi_1", p.chi_1, table[i].chi_1, 5.01e-7);
        near("chi_2", p.chi_2, table[i].chi_2, 5.01e-7);
        if (isnan(table[i].c))
            assert_true(isnan(p.c_star) && isnan(p.xi_c));
        else
            near("c*", p.c_star, table[i].c, 5e-5);
        assert_int_equal(p.phase, p.chi_1 < 1 ? OVP_PHASE_ORDERED : OVP_PHASE_CHAOTIC);
        assert_ok(ctx, ovp_theory_q_map(&q, NULL, ctx, field, p.q_star));
        near("q map at q*", q, p.q_star, 1e-14 * (1 + p.q_star));
        assert_ok(ctx, ovp_theory_q_slope(&slope, NULL, ctx, field, p.q_star));
        near("xi_q", p.xi_q, -1 / log(slope), 1e-12);
        ovp_theory_mean_field_free(field);
    }
}

static void edges(void **state) {
    static const double edge[][2] = {{0, 1}, {.05, 1.122539}, {.1, 1.193401}, {.3, 1.395584}, {1, 1.855589}};
    double w;
    for (size_t i = 0; i < sizeof edge / sizeof *edge; i++) {
        assert_ok(*state, ovp_theory_edge_of_chaos(&w, *state, "tanh", edge[i][0]));
        near("edge", w, edge[i][1], i ? 5.01e-7 : 1e-10);
        ovp_theory_mean_field *field = make(*state, "tanh", w, edge[i][0]);
        ovp_theory_fixed_point p;
        assert_ok(*state, ovp_theory_fixed_point_find(&p, *state, field));
        near("chi_1 at the edge", p.chi_1, 1, 1e-9);
        assert_int_equal(p.phase, OVP_PHASE_CRITICAL);
        ovp_theory_mean_field_free(field);
    }
    /* phi'(0) = 2 / sqrt(pi); relu: every length is kept. */
    assert_ok(*state, ovp_theory_edge_of_chaos(&w, *state, "erf", 0));
    near("edge of erf", w, sqrt(M_PI) / 2, 1e-12);
    assert_ok(*state, ovp_theory_edge_of_chaos(&w, *state, "relu", 0));
    near("edge of relu", w, sqrt(2), 1e-12);
    assert_fails(*state, OVP_ENUMERIC, "does not pass 1", ovp_theory_edge_of_chaos(&w, *state, "relu", 0.1));
    assert_fails(*state, OVP_ENUMERIC, "does not pass 1", ovp_theory_edge_of_chaos(&w, *state, "step", 0.1));
    assert_fails(*state, OVP_EINVAL, "sigma_b is -1", ovp_theory_edge_of_chaos(&w, *state, "tanh", -1));
}

/* ---- closed forms against quadrature ------------------------------------------------------------------- */

/* An activation of the table under another name: only quadrature knows it. */
static ovp_theory_mean_field *make_own(ovp_ctx *ctx, ovp_numeric_activation *own, const char *name) {
    const ovp_theory_mean_field_options options = {
        .size = sizeof options, .own = own, .sigma_w = 1.2, .sigma_b = 0.4, .tolerance = 1e-13};
    ovp_theory_mean_field *field;
    *own = *ovp_numeric_activation_find(name);
    own->name = "own";
    assert_ok(ctx, ovp_theory_mean_field_create(&field, ctx, &options));
    return field;
}

typedef ovp_status (*map_fn)(double *, double *, ovp_ctx *, const ovp_theory_mean_field *, double);

static void closed_forms(void **state) {
    static const char *const names[] = {"identity", "relu", "leaky-relu", "abs", "erf"};
    static const map_fn maps[] = {ovp_theory_q_map, ovp_theory_chi_1, ovp_theory_q_slope};
    static const double cs[] = {-1, -0.999, -0.3, 0, 0.5, 0.99, 1 - 1e-9, 1};
    ovp_ctx *ctx = *state;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        ovp_numeric_activation own;
        ovp_theory_mean_field *closed = make(ctx, names[n], 1.2, 0.4), *other = make_own(ctx, &own, names[n]);
        double a, b, ea, eb;
        assert_string_equal(ovp_theory_mean_field_method(closed), "closed");
        assert_string_equal(ovp_theory_mean_field_method(other), "quadrature");
        for (double q = 1e-5; q < 200; q *= 5) {
            for (int m = 0; m < 3; m++) {
                assert_ok(ctx, maps[m](&a, &ea, ctx, closed, q));
                assert_ok(ctx, maps[m](&b, &eb, ctx, other, q));
                near(names[n], a, b, 1e-12 * fmax(1, fabs(a)));
                near("within the errors reported", a, b, ea + eb);
            }
            for (size_t i = 0; q < 30 && i < sizeof cs / sizeof *cs; i += 1 + (q > 1)) {
                assert_ok(ctx, ovp_theory_covariance_map(&a, &ea, ctx, closed, q, 1.7 * q, cs[i]));
                assert_ok(ctx, ovp_theory_covariance_map(&b, &eb, ctx, other, q, 1.7 * q, cs[i]));
                near(names[n], a, b, 1e-12 * fmax(1, q));
                near("within the errors reported", a, b, ea + eb);
            }
        }
        ovp_theory_mean_field_free(closed);
        ovp_theory_mean_field_free(other);
    }
}

/* Independent formulas: Cho & Saul's kernel written with acos; erf at K = (1, 1, .5): 0.2163468959, 0.4501581581 (the
 * neural kernels' unit vector); sin: exp(-q) sinh(q c). */
static void other_formulas(void **state) {
    ovp_ctx *ctx = *state;
    double value;
    ovp_theory_mean_field *relu = make(ctx, "relu", sqrt(2), 0), *erf_field = make(ctx, "erf", 1, 0),
                          *sine = make(ctx, "sin", 1, 0);
    for (double c = -0.95; c < 1; c += 0.05) {
        assert_ok(ctx, ovp_theory_c_map(&value, NULL, ctx, relu, 3, c));
        near("relu", value, (sqrt(1 - c * c) + (M_PI - acos(c)) * c) / M_PI, 1e-14);
        assert_ok(ctx, ovp_theory_c_slope(&value, NULL, ctx, relu, 3, c));
        near("relu", value, (M_PI - acos(c)) / M_PI, 1e-14);
        for (double q = 0.01; q < 40; q *= 3) {
            assert_ok(ctx, ovp_theory_covariance_map(&value, NULL, ctx, sine, q, q, c));
            near("sin", value, exp(-q) * sinh(q * c), 1e-12);
        }
    }
    assert_ok(ctx, ovp_theory_covariance_map(&value, NULL, ctx, erf_field, 1, 1, .5));
    near("erf", value, .2163468959, 5.1e-11);
    assert_ok(ctx, ovp_theory_c_slope(&value, NULL, ctx, erf_field, 1, .5));
    near("erf", value, .4501581581, 5.1e-11);
    ovp_theory_mean_field_free(relu);
    ovp_theory_mean_field_free(erf_field);
    ovp_theory_mean_field_free(sine);
}

/* ---- frozen integrals ----------------------------------------------------------------------------------- */

static double number(const json_t *row, const char *key) {
    return json_number_value(json_object_get(row, key));
}

static void honest(const json_t *row, const char *key, double value, double error, double tolerance) {
    const double exact = number(row, key), off = fabs(value - exact), size = fmax(1, fabs(exact));
    if (!(off <= error + 4e-14 * size && error <= tolerance * size))
        fail_msg("%s of %s at q %g, c %g: %.17g, expected %.17g, reported %g", key,
                 json_string_value(json_object_get(row, "activation")), number(row, "q") + number(row, "q1"),
                 number(row, "c"), value, exact, error);
}

static void frozen(void **state) {
    ovp_ctx *ctx = *state;
    json_t *root = json_load_file(OVP_TEST_DIR "/golden/data/mean_field.json", 0, NULL), *row;
    size_t i, seen = 0;
    double value, error;
    assert_non_null(root);
    for (double tolerance = 1e-4; tolerance > 1e-13; tolerance *= 1e-4) {
        json_array_foreach(json_object_get(root, "moments"), i, row) {
            const ovp_theory_mean_field_options options = {.size = sizeof options,
                                                           .sigma_w = 1,
                                                           .tolerance = tolerance,
                                                           .activation =
                                                               json_string_value(json_object_get(row, "activation"))};
            ovp_theory_mean_field *field;
            assert_ok(ctx, ovp_theory_mean_field_create(&field, ctx, &options));
            assert_ok(ctx, ovp_theory_q_map(&value, &error, ctx, field, number(row, "q")));
            honest(row, "square", value, error, tolerance);
            assert_ok(ctx, ovp_theory_chi_1(&value, &error, ctx, field, number(row, "q")));
            honest(row, "slope", value, error, tolerance);
            assert_ok(ctx, ovp_theory_chi_2(&value, &error, ctx, field, number(row, "q")));
            if (json_is_null(json_object_get(row, "bend")))
                assert_true(isinf(value));
            else
                honest(row, "bend", value, error, tolerance);
            ovp_theory_mean_field_free(field);
            seen++;
        }
        json_array_foreach(json_object_get(root, "pairs"), i, row) {
            const ovp_theory_mean_field_options options = {.size = sizeof options,
                                                           .sigma_w = 1,
                                                           .tolerance = tolerance,
                                                           .activation =
                                                               json_string_value(json_object_get(row, "activation"))};
            const double q1 = number(row, "q1"), q2 = number(row, "q2");
            ovp_theory_mean_field *field;
            assert_ok(ctx, ovp_theory_mean_field_create(&field, ctx, &options));
            assert_ok(ctx, ovp_theory_covariance_map(&value, &error, ctx, field, q1, q2, number(row, "c")));
            honest(row, "value", value, error, tolerance);
            if (!(q1 < q2 || q1 > q2)) {
                assert_ok(ctx, ovp_theory_c_slope(&value, &error, ctx, field, q1, number(row, "c")));
                honest(row, "slope", value, error, tolerance);
            }
            ovp_theory_mean_field_free(field);
            seen++;
        }
    }
    assert_true(seen >= 3 * (28 + 28));
    json_decref(root);
}

/* ---- laws ------------------------------------------------------------------------------------------------ */

/* c* is where the c map stays, its slope there chi_c; near criticality too, where plain iteration would take 1e5
 * layers. */
static void fixed_points_stay(void **state) {
    static const char *const names[] = {"tanh", "erf", "hardtanh", "sin", "elu", "step", "cos"};
    ovp_ctx *ctx = *state;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (double w = 0.9; w < 1.4; w += 0.24) {
            ovp_theory_mean_field *field = make(ctx, names[n], w, 0.2);
            ovp_theory_fixed_point p;
            double c, slope;
            assert_ok(ctx, ovp_theory_fixed_point_find(&p, ctx, field));
            assert_ok(ctx, ovp_theory_c_map(&c, NULL, ctx, field, p.q_star, p.c_star));
            near(names[n], c, p.c_star, 1e-9);
            if (!isinf(p.chi_1) || p.c_star < 1) {
                assert_ok(ctx, ovp_theory_c_slope(&slope, NULL, ctx, field, p.q_star, p.c_star));
                near(names[n], slope, p.chi_c, 1e-9);
            }
            assert_true(p.chi_c < 1 && (p.chi_1 <= 1) == (p.c_star >= 1));
            ovp_theory_mean_field_free(field);
        }
    /* tanh without biases: q* = (w^2 - 1) / (2 w^4 - ..) ~ w - 1 twice over 2. */
    ovp_theory_mean_field *field = make(ctx, "tanh", 1 + 1e-6, 0);
    ovp_theory_fixed_point p;
    assert_ok(ctx, ovp_theory_fixed_point_find(&p, ctx, field));
    near("q* near criticality", p.q_star, 1e-6, 1e-10);
    assert_true(fabs(p.q_star - 1e-6) < 1e-11 && p.iterations < 100);
    ovp_theory_mean_field_free(field);
}

static void same_bits(void **state) {
    static ovp_theory_fixed_point out[3][48];
    double w[8], b[6];
    (void)state;
    for (int i = 0; i < 8; i++) w[i] = 0.5 + 0.5 * i;
    for (int j = 0; j < 6; j++) b[j] = 0.5 * j;
    for (int threads = 1; threads <= 3; threads++) {
        const ovp_ctx_options settings = {.size = sizeof settings, .threads = threads};
        const ovp_theory_mean_field_options options = {.size = sizeof options, .activation = "tanh"};
        ovp_ctx *ctx;
        assert_int_equal(ovp_ctx_create(&ctx, &settings), OVP_OK);
        memset(out[threads - 1], 0, sizeof out[0]);
        assert_ok(ctx, ovp_theory_phase_diagram(out[threads - 1], ctx, &options, 8, w, 6, b));
        assert_memory_equal(out[threads - 1], out[0], sizeof out[0]);
        const ovp_theory_mean_field_options relu = {.size = sizeof relu, .activation = "relu"};
        ovp_theory_fixed_point two[2];
        assert_ok(ctx, ovp_theory_phase_diagram(two, ctx, &relu, 2, w, 1, b + 1));
        assert_int_equal(two[0].phase, OVP_PHASE_ORDERED);
        const double large = 2;
        assert_ok(ctx, ovp_theory_phase_diagram(two, ctx, &relu, 1, &large, 1, b));
        assert_int_equal(two[0].phase, OVP_PHASE_UNBOUNDED);
        ovp_ctx_free(ctx);
    }
    near("chi_1 in the grid", out[0][5 * 6].phase, OVP_PHASE_CHAOTIC, 0);
}

/* ---- random nets ------------------------------------------------------------------------------------------ */

#define WIDTH 1000
#define LAYERS 5
#define SEEDS 10

/* Two inputs of squared length q = 1 and correlation 0.5 through one net; q of the first and c, layer by layer. */
static void propagate(ovp_ctx *ctx, int seed, double sigma_w, double sigma_b, double (*q)[SEEDS], double (*c)[SEEDS]) {
    static double z[2][WIDTH], h[2][WIDTH], row[WIDTH + 1];
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_INIT, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, WIDTH, 0, 1, z[0]);
    ovp_numeric_rng_normal(rng, OVP_F64, WIDTH, 0, 1, z[1]);
    double a = 0, b = 0, d = 0;
    for (int i = 0; i < WIDTH; i++) a += z[0][i] * z[0][i], b += z[0][i] * z[1][i];
    for (int i = 0; i < WIDTH; i++) z[1][i] -= b / a * z[0][i]; /* orthogonal, then of the lengths asked for */
    for (int i = 0; i < WIDTH; i++) d += z[1][i] * z[1][i];
    for (int i = 0; i < WIDTH; i++) {
        z[0][i] *= sqrt(WIDTH / a);
        z[1][i] = 0.5 * z[0][i] + sqrt(0.75 * WIDTH / d) * z[1][i];
    }
    for (int l = 0; l < LAYERS; l++) {
        double sum[3] = {0};
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < WIDTH; i++) h[k][i] = tanh(z[k][i]);
        for (int i = 0; i < WIDTH; i++) {
            ovp_numeric_rng_normal(rng, OVP_F64, WIDTH + 1, 0, 1, row);
            for (int k = 0; k < 2; k++) {
                double s = 0;
                for (int j = 0; j < WIDTH; j++) s += row[j] * h[k][j];
                z[k][i] = sigma_w / sqrt(WIDTH) * s + sigma_b * row[WIDTH];
            }
            sum[0] += z[0][i] * z[0][i];
            sum[1] += z[1][i] * z[1][i];
            sum[2] += z[0][i] * z[1][i];
        }
        q[l][seed] = sum[0] / WIDTH;
        c[l][seed] = sum[2] / sqrt(sum[0] * sum[1]);
    }
    ovp_numeric_rng_free(rng);
}

/* errors: how many standard errors of the mean over seeds are allowed. */
static void agrees(const char *what, const double *values, double theory, double errors) {
    double mean = 0, square = 0;
    for (int s = 0; s < SEEDS; s++) mean += values[s] / SEEDS;
    for (int s = 0; s < SEEDS; s++) square += (values[s] - mean) * (values[s] - mean);
    near(what, mean, theory, errors * sqrt(square / (SEEDS - 1) / SEEDS));
}

/* The first layer's z need not be normal, so the maps hold from the first random layer on. */
static void random_nets(void **state) {
    static double q[LAYERS][SEEDS], c[LAYERS][SEEDS];
    ovp_ctx *ctx = *state;
    ovp_theory_mean_field *field = make(ctx, "tanh", 1.8, 0.3);
    double length = 1, angle = 0.5, next;
    for (int seed = 0; seed < SEEDS; seed++) propagate(ctx, seed, 1.8, 0.3, q, c);
    for (int l = 0; l < LAYERS; l++) {
        assert_ok(ctx, ovp_theory_q_map(&next, NULL, ctx, field, length));
        assert_ok(ctx, ovp_theory_c_map(&angle, NULL, ctx, field, length, angle));
        length = next;
        agrees("q", q[l], length, 3);
        agrees("c", c[l], angle, ovp_numeric_student_t(0.999, SEEDS - 1));
    }
    ovp_theory_mean_field_free(field);
}

/* The recursion of a circle through a linear net: nothing bends, the curvature follows the length. */
static void curves(void **state) {
    ovp_theory_mean_field *linear = make(*state, "identity", 1.5, 0), *bent = make(*state, "relu", 1.2, 0),
                          *field = make(*state, "tanh", 4, 0.3);
    ovp_theory_curve curve = {2, 1, 0.5};
    for (int l = 1; l < 6; l++) {
        assert_ok(*state, ovp_theory_curve_next(&curve, *state, linear));
        near("length", curve.length, pow(1.5, l), 1e-12);
        near("curvature", curve.curvature_squared, 1 / curve.q, 1e-12);
    }
    /* At q*: the map's own numbers, squared curvature to its fixed point 3 chi_2 / (chi_1 (chi_1 - 1)). */
    ovp_theory_fixed_point p;
    assert_ok(*state, ovp_theory_fixed_point_find(&p, *state, field));
    curve = (ovp_theory_curve){p.q_star, 1, 1 / p.q_star};
    for (int l = 0; l < 60; l++) assert_ok(*state, ovp_theory_curve_next(&curve, *state, field));
    near("curvature", curve.curvature_squared, 3 * p.chi_2 / (p.chi_1 * (p.chi_1 - 1)), 1e-9);
    near("growth", log(curve.length) / 60, 0.5 * log(p.chi_1), 1e-9);
    assert_ok(*state, ovp_theory_curve_next(&curve, *state, bent));
    assert_true(isinf(curve.curvature_squared));
    ovp_theory_mean_field_free(linear);
    ovp_theory_mean_field_free(bent);
    ovp_theory_mean_field_free(field);
}

/* ---- refusals --------------------------------------------------------------------------------------------- */

static double explode(double z) {
    return exp(z * z);
}
static double jump(double z) {
    return z > 0;
}
static double none(double z) {
    return 0 * z;
}

static void refuse(ovp_ctx *ctx, double w, double b, double tolerance, const char *name,
                   const ovp_numeric_activation *own, const char *words) {
    const ovp_theory_mean_field_options options = {
        .size = sizeof options, .activation = name, .own = own, .sigma_w = w, .sigma_b = b, .tolerance = tolerance};
    ovp_theory_mean_field *field;
    assert_fails(ctx, OVP_EINVAL, words, ovp_theory_mean_field_create(&field, ctx, &options));
    assert_null(field);
}

static void refusals(void **state) {
    ovp_ctx *ctx = *state;
    const double zero = 0;
    const ovp_numeric_activation wild = {"wild", "exp(z^2)", explode, none, none, 0, NULL, 0, 0},
                                 broken = {"broken", "z > 0", jump, none, none, 0, &zero, 1, 0};
    refuse(ctx, 0, 0, 0, "tanh", NULL, "sigma_w is 0; allowed: above 0");
    refuse(ctx, -2, 0, 0, "tanh", NULL, "sigma_w is -2");
    refuse(ctx, INFINITY, 0, 0, "tanh", NULL, "sigma_w is inf");
    refuse(ctx, NAN, 0, 0, "tanh", NULL, "sigma_w is nan");
    refuse(ctx, 1, -0.1, 0, "tanh", NULL, "sigma_b is -0.1");
    refuse(ctx, 1, NAN, 0, "tanh", NULL, "sigma_b is nan");
    refuse(ctx, 1, 0, 0.5, "tanh", NULL, "tolerance is 0.5");
    refuse(ctx, 1, 0, NAN, "tanh", NULL, "tolerance is");
    refuse(ctx, 1, 0, 0, "tanhh", NULL, "there are: identity, relu");
    refuse(ctx, 1, 0, 0, NULL, NULL, "unknown activation");
    refuse(ctx, 1, 0, 0, NULL, &wild, "second moment of wild");
    refuse(ctx, 1, 0, 0, NULL, &broken, "broken jumps at 0");
    ovp_theory_mean_field *field = make(ctx, "relu", 1.5, 0.1);
    ovp_theory_fixed_point p;
    double value;
    assert_fails(ctx, OVP_ENUMERIC, "q grows without bound for relu", ovp_theory_fixed_point_find(&p, ctx, field));
    assert_true(isinf(p.q_star) && p.phase == OVP_PHASE_UNBOUNDED && isnan(p.chi_1));
    assert_fails(ctx, OVP_EINVAL, "q is -1", ovp_theory_q_map(&value, NULL, ctx, field, -1));
    assert_fails(ctx, OVP_EINVAL, "c is 1.1", ovp_theory_c_map(&value, NULL, ctx, field, 1, 1.1));
    ovp_theory_mean_field_free(field);
    field = make(ctx, "gelu", 2, 0);
    assert_fails(ctx, OVP_ENUMERIC, "q grows without bound for gelu", ovp_theory_fixed_point_find(&p, ctx, field));
    ovp_theory_mean_field_free(field);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(tanh_table),     CTX_TEST(edges),       CTX_TEST(closed_forms),
        CTX_TEST(other_formulas), CTX_TEST(frozen),      CTX_TEST(fixed_points_stay),
        CTX_TEST(same_bits),      CTX_TEST(random_nets), CTX_TEST(curves),
        CTX_TEST(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
