/* measure: p-variation. */
#include "allocator.h"
#include "check.h"

#include "measure/variation_int.h"

#include <math.h>
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

/* ---- beside the plain dynamic programme ---------------------------------------------------------------- */

enum { KINDS = 9 };

static double gauss(ovp_numeric_rng *rng) {
    double z;
    ovp_numeric_rng_normal(rng, OVP_F64, 1, 0, 1, &z);
    return z;
}

/* A path of one kind; kinds 1, 3, 5 and 6 are full of ties and points that repeat. */
static void draw_path(ovp_numeric_rng *rng, int kind, ovp_idx n, ovp_idx d, double *x) {
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx k = 0; k < d; k++) {
            const double before = i ? x[(i - 1) * d + k] : 0, z = gauss(rng), t = (double)i / (double)n;
            double *to = &x[i * d + k];
            switch (kind) {
            case 0:
                *to = before + z;
                break;
            case 1:
                *to = before + (z > 0 ? 1 : -1);
                break;
            case 2:
                *to = z;
                break;
            case 3:
                *to = rint(1.5 * z);
                break;
            case 4:
                *to = sin((3. + (double)k) * t + (double)k);
                break; /* smooth */
            case 5:
                *to = before + (i % 7 < 4 ? 0 : fabs(rint(z)));
                break; /* rising, with flat pieces */
            case 6:
                *to = i % 5 ? before : z;
                break;
            case 7:
                *to = 40 * t + (i % 2 ? 1 : 0) + .01 * z;
                break; /* a trend that every turn disturbs */
            default:
                *to = 2.5;
                break;
            }
        }
}

/* The sum over a partition, which must be rising. */
static double sum_over(const ovp_idx *partition, ovp_idx parts, ovp_idx n, ovp_idx d, const double *x,
                       ovp_measure_norm norm, double p) {
    double sum = 0;
    assert_true(parts >= 1 && partition[0] >= 0 && partition[parts - 1] < n);
    for (ovp_idx i = 1; i < parts; i++) {
        const double distance =
            ovp_measure_variation_distance(d, x + partition[i - 1] * d, x + partition[i] * d, 1, norm);
        assert_true(partition[i] > partition[i - 1]);
        assert_true(distance > 0);
        sum += pow(distance, p);
    }
    return sum;
}

typedef struct paper {
    double x[2600 * 9], best[2600];
    ovp_idx before[2600], partition[2600];
} paper;

static void assert_exact(ovp_ctx *ctx, paper *w, ovp_idx n, ovp_idx d, ovp_measure_norm norm, double p) {
    double value;
    ovp_idx parts;
    assert_ok(ctx, ovp_measure_p_variation(&value, ctx, n, d, w->x, norm, p, w->partition, &parts));
    assert_ok(ctx, ovp_measure_variation_reference(ctx, n, d, w->x, norm, p, w->best, w->before));
    assert_near(value, w->best[n - 1], 1e-12);
    assert_near(sum_over(w->partition, parts, n, d, w->x, norm, p), value, 1e-12);
}

/* Every processor level this machine has. */
static void fast_is_the_reference(void **state) {
    static const double exponents[] = {1, 1.5, 2, 3, 1.4142135623730951, 2.718281828459045, 1.01, 7, 4};
    static const char *const levels[] = {"base", "v3", "v4"};
    paper *w;
    ovp_numeric_rng *rng;
    assert_ok(*state, ovp_alloc(*state, &w, 1, sizeof *w));
    for (int level = 0; level < 3; level++) {
        const ovp_ctx_options options = {.size = sizeof options, .isa = levels[level]};
        ovp_ctx *ctx;
        if (ovp_ctx_create(&ctx, &options) != OVP_OK) continue;
        assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 2385, OVP_PURPOSE_TEST, level));
        for (int i = 0; i < 270; i++) {
            const ovp_idx d = i % 2 ? 1 : 1 + (i / 2) % 9, n = 1 + (i * 37) % 400;
            draw_path(rng, (i / 2) % KINDS, n, d, w->x);
            for (int e = i % 3; e < 9; e += 3)
                assert_exact(ctx, w, n, d, (ovp_measure_norm)((i + e / 3) % 3), exponents[e]);
        }
        ovp_numeric_rng_free(rng);
        ovp_ctx_free(ctx);
    }
    ovp_free(*state, w);
}

/* Lengths around the sizes of blocks and leaves, and the walks on which the published program is tested. */
static void lengths_and_walks(void **state) {
    ovp_ctx *ctx = *state;
    paper *w;
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_alloc(ctx, &w, 1, sizeof *w));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 9, OVP_PURPOSE_TEST, 0));
    for (ovp_idx n = 1; n <= 70; n++)
        for (ovp_idx d = 1; d <= 3; d++) {
            draw_path(rng, n % 2 ? 0 : 3, n, d, w->x);
            assert_exact(ctx, w, n, d, OVP_NORM_L2, 2.5);
        }
    for (ovp_idx d = 1; d <= 3; d++) {
        static const double exponents[] = {1, 1.4142135623730951, 2, 2.718281828459045};
        draw_path(rng, d == 2 ? 1 : 0, 2501, d, w->x);
        for (int e = 0; e < 4; e++) assert_exact(ctx, w, 2501, d, OVP_NORM_L2, exponents[e]);
    }
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, w);
}

/* The look back shared out, as in high dimension: nothing is left out, and bits do not depend on threads. */
static void shared_out(void **state) {
    enum { N = 2500, D = 2 };
    paper *w;
    ovp_numeric_rng *rng;
    assert_ok(*state, ovp_alloc(*state, &w, 1, sizeof *w));
    assert_ok(*state, ovp_numeric_rng_create(&rng, *state, OVP_RNG_PHILOX, 23, OVP_PURPOSE_TEST, 0));
    for (int round = 0; round < 12; round++) {
        draw_path(rng, round % 3, N, D, w->x);
        const ovp_variation_path path = {N, D, w->x, 1, OVP_NORM_L2, ovp_variation_exponent_of(1.2 + .3 * round)};
        assert_ok(*state, ovp_measure_variation_reference(*state, N, D, w->x, OVP_NORM_L2, path.exponent.p, w->best,
                                                          w->before));
        double values[4];
        ovp_idx parts[4];
        for (int t = 1; t <= 3; t++) {
            const ovp_ctx_options options = {.size = sizeof options, .threads = t};
            ovp_variation_partition partition = {w->partition, 0};
            ovp_ctx *ctx;
            assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
            assert_ok(ctx, ovp_measure_variation_space(&values[t], ctx, &path, &partition, 1));
            ovp_ctx_free(ctx);
            parts[t] = partition.count;
            assert_true(values[t] == values[1] && parts[t] == parts[1]);
        }
        assert_near(values[1], w->best[N - 1], 1e-12);
    }
    ovp_numeric_rng_free(rng);
    ovp_free(*state, w);
}

/* A dimension from which on it is. */
static void high_dimension(void **state) {
    enum { N = 300, D = OVP_VARIATION_SHARED_FROM + 1 };
    static double x[N * D], best[N], value;
    static ovp_idx before[N];
    ovp_numeric_rng *rng;
    assert_ok(*state, ovp_numeric_rng_create(&rng, *state, OVP_RNG_PHILOX, 29, OVP_PURPOSE_TEST, 0));
    for (int kind = 0; kind < 5; kind += 2) {
        draw_path(rng, kind, N, D, x);
        assert_ok(*state, ovp_measure_variation_reference(*state, N, D, x, OVP_NORM_L2, 2.3, best, before));
        assert_ok(*state, ovp_measure_p_variation(&value, *state, N, D, x, OVP_NORM_L2, 2.3, NULL, NULL));
        assert_near(value, best[N - 1], 1e-12);
    }
    ovp_numeric_rng_free(rng);
}

/* ---- laws ---------------------------------------------------------------------------------------------- */

static void laws(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 300, D = 3 };
    static double x[N * D], y[3 * N * D];
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 17, OVP_PURPOSE_TEST, 0));
    for (int round = 0; round < 12; round++) {
        const ovp_idx d = round % 2 ? D : 1;
        const ovp_measure_norm norm = (ovp_measure_norm)(round % 3);
        const double p = 1.2 + .3 * round;
        draw_path(rng, round % 3 == 2 ? 4 : 0, N, d, x);
        const double v = variation(ctx, N, d, x, norm, p);
        double steps = 0, widest = 0, length = 0, last = INFINITY;
        for (ovp_idx i = 0; i < N; i++)
            for (ovp_idx j = 0; j < i; j++) {
                const double distance = ovp_measure_variation_distance(d, x + i * d, x + j * d, 1, norm);
                widest = fmax(widest, distance);
                if (j == i - 1) steps += pow(distance, p), length += distance;
            }
        assert_true(v >= steps * (1 - 1e-12) && v >= pow(widest, p) * (1 - 1e-12));
        assert_near(variation(ctx, N, d, x, norm, 1), length, 1e-12);
        for (double q = 1; q < 5; q += .25) { /* V_q^(1/q) falls */
            const double root = pow(variation(ctx, N, d, x, norm, q), 1 / q);
            assert_true(root <= last * (1 + 1e-12));
            last = root;
        }
        for (ovp_idx i = 0; i < N * d; i++) y[i] = -.3 * x[i];
        assert_near(variation(ctx, N, d, y, norm, p), pow(.3, p) * v, 1e-12);
        for (ovp_idx i = 0; i < N * d; i++) y[i] = x[i] + 5;
        assert_near(variation(ctx, N, d, y, norm, p), v, 1e-9); /* the sum rounds */
        for (ovp_idx i = 0; i < N; i++) memcpy(y + i * d, x + (N - 1 - i) * d, (size_t)d * sizeof *x);
        assert_near(variation(ctx, N, d, y, norm, p), v, 1e-12);
        for (ovp_idx i = 0; i < 3 * N; i++) memcpy(y + i * d, x + i / 3 * d, (size_t)d * sizeof *x);
        assert_near(variation(ctx, 3 * N, d, y, norm, p), v, 1e-12);
        assert_true(variation(ctx, 120, d, x, norm, p) + variation(ctx, N - 119, d, x + 119 * d, norm, p) <=
                    v * (1 + 1e-12));
    }
    ovp_numeric_rng_free(rng);
}

/* A plane rotated: L2 does not change. */
static void rotation(void **state) {
    ovp_ctx *ctx = *state;
    double x[200], y[200];
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 5, OVP_PURPOSE_TEST, 0));
    draw_path(rng, 0, 100, 2, x);
    for (int i = 0; i < 100; i++) {
        y[2 * i] = .6 * x[2 * i] - .8 * x[2 * i + 1];
        y[2 * i + 1] = .8 * x[2 * i] + .6 * x[2 * i + 1];
    }
    assert_near(variation(ctx, 100, 2, y, OVP_NORM_L2, 2.2), variation(ctx, 100, 2, x, OVP_NORM_L2, 2.2), 1e-12);
    ovp_numeric_rng_free(rng);
}

/* ---- long paths, extreme numbers ----------------------------------------------------------------------- */

/* A quadratic method would take hours; both methods agree. */
static void long_paths(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_idx n = 1000000, m = 30000;
    double *x, *flat;
    assert_ok(ctx, ovp_alloc(ctx, &x, n, sizeof *x));
    assert_ok(ctx, ovp_alloc(ctx, &flat, 2 * m, sizeof *flat));
    for (ovp_idx i = 0; i < n; i++) x[i] = pow((double)i / (double)(n - 1), 2);
    assert_near(variation(ctx, n, 1, x, OVP_NORM_L2, 2.5), 1, 1e-12);
    for (ovp_idx i = 0; i < n; i++)
        x[i] = 1e-3 * (double)i + (i % 2 ? 1 : 0); /* every low is the lowest from then on */
    const double most = pow(1e-3 * (double)(n - 1) + 1, 3);
    const double v = variation(ctx, n, 1, x, OVP_NORM_L2, 3);
    assert_true(v >= most * (1 - 1e-12));
    for (int e = 0; e < 3; e++) {
        const double p = 1.1 + .45 * e;
        for (ovp_idx i = 0; i < m; i++) flat[2 * i] = x[i];
        assert_near(variation(ctx, m, 2, flat, OVP_NORM_LINF, p), variation(ctx, m, 1, x, OVP_NORM_L2, p), 1e-10);
    }
    ovp_free(ctx, x);
    ovp_free(ctx, flat);
}

static void extreme_numbers(void **state) {
    ovp_ctx *ctx = *state;
    double value;
    static const double sizes[] = {1e300, 1e-300, 0x1p-1060, 8e307};
    for (int i = 0; i < 4; i++)
        for (ovp_idx d = 1; d <= 2; d++) {
            const double s = sizes[i], x[] = {0, 0, s, 0, s / 4, 0, s / 2, 0};
            double line[4];
            for (int k = 0; k < 4; k++) line[k] = x[2 * k];
            const double *path = d == 1 ? line : x;
            assert_near(variation(ctx, 4, d, path, OVP_NORM_L2, 1), 2 * s, 1e-15);
            assert_fails(ctx, OVP_ENUMERIC, "leave the range of numbers",
                         ovp_measure_p_variation(&value, ctx, 4, d, path, OVP_NORM_L2, 2, NULL, NULL));
            assert_true(isnan(value));
        }
    const double far[] = {-1.7e308, 1.7e308};
    assert_fails(ctx, OVP_ENUMERIC, "2^1025 to the power of 1",
                 ovp_measure_p_variation(&value, ctx, 2, 1, far, OVP_NORM_L2, 1, NULL, NULL));
    /* High powers. */
    for (int e = 0; e < 3; e++)
        for (ovp_idx d = 1; d <= 3; d++)
            for (int norm = 0; norm < 3; norm++) {
                const double p = 300. + 350 * e, length = norm == OVP_NORM_LINF ? 1 : pow((double)d, norm ? 1 : .5);
                double x[9], best[3];
                ovp_idx before[3];
                for (int k = 0; k < 9; k++) x[k] = (k / d == 0 ? 0 : k / d == 1 ? .6 : -.35) / length;
                assert_ok(ctx, ovp_measure_variation_reference(ctx, 3, d, x, (ovp_measure_norm)norm, p, best, before));
                assert_true(best[2] > 0);
                assert_near(variation(ctx, 3, d, x, (ovp_measure_norm)norm, p), best[2], 1e-9); /* p roundings */
            }
    const double unit[] = {0, 1};
    assert_near(variation(ctx, 2, 1, unit, OVP_NORM_L2, 1000), 1, 1e-12);
    assert_fails(ctx, OVP_ENUMERIC, "to the power of 5000",
                 ovp_measure_p_variation(&value, ctx, 2, 1, unit, OVP_NORM_L2, 5000, NULL, NULL));
    const double near[] = {1, 1 + 0x1p-52, 1, 3}; /* a step of one rounding */
    assert_near(variation(ctx, 4, 1, near, OVP_NORM_L2, 2), 4, 1e-15);
}

/* High powers of short steps are 0, yet such a step keeps what was reached before it: on a line in the plane everything
 * is as on the line. */
static void short_steps_of_high_powers(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 100 };
    const double back[] = {0, 0, 1, 0, .99999, 0};
    assert_near(variation(ctx, 3, 2, back, OVP_NORM_L2, 64), 1, 1e-15);
    assert_near(variation(ctx, 3, 2, back, OVP_NORM_L2, 999), 1, 1e-12);
    for (int e = 0; e < 6; e++) {
        const double p = (const double[]){20, 40.3, 64, 100, 300, 600}[e];
        double line[N], plane[2 * N], root[2];
        for (int i = 0; i < N; i++) {
            line[i] = plane[2 * i] = sin(i) + sin(.7 * i * i) * pow(.9, i);
            plane[2 * i + 1] = 1;
        }
        assert_ok(ctx, ovp_measure_p_variation_root(&root[0], ctx, N, 1, line, OVP_NORM_L2, p));
        assert_ok(ctx, ovp_measure_p_variation_root(&root[1], ctx, N, 2, plane, OVP_NORM_L2, p));
        assert_near(root[1], root[0], 1e-13);
    }
}

/* The root is a distance: a number wherever distances are, whatever p. */
static void roots(void **state) {
    ovp_ctx *ctx = *state;
    double root, value;
    static const double sizes[] = {1, .01, 1e300, 1e-300};
    for (int i = 0; i < 4; i++)
        for (ovp_idx d = 1; d <= 2; d++) {
            const double s = sizes[i], x[] = {0, 0, s, 0, s / 4, 0, s / 2, 0};
            double line[4];
            for (int k = 0; k < 4; k++) line[k] = x[2 * k];
            const double *path = d == 1 ? line : x;
            /* 0, s, s/4, s/2: every step is in the best partition */
            for (int e = 0; e < 4; e++) {
                const double p = (const double[]){1, 2, 60, 1000}[e],
                             sum = 1 + pow(.75, p) + pow(.25, p); /* in units of s^p */
                assert_ok(ctx, ovp_measure_p_variation_root(&root, ctx, 4, d, path, OVP_NORM_L2, p));
                assert_near(root / s, pow(sum, 1 / p), 1e-13);
            }
        }
    const double still[] = {2, 2, 2}, far[] = {-1.7e308, 1.7e308}, bad[] = {1, NAN};
    assert_ok(ctx, ovp_measure_p_variation_root(&root, ctx, 3, 1, still, OVP_NORM_L2, 3));
    assert_true(root == 0);
    assert_fails(ctx, OVP_ENUMERIC, "2^1025", ovp_measure_p_variation_root(&root, ctx, 2, 1, far, OVP_NORM_L2, 2));
    assert_true(isnan(root));
    assert_fails(ctx, OVP_EINVAL, "point 1, coordinate 0 (from 0) is nan",
                 ovp_measure_p_variation_root(&root, ctx, 2, 1, bad, OVP_NORM_L2, 2));
    assert_fails(ctx, OVP_EINVAL, "allowed: finite, from 1 on",
                 ovp_measure_p_variation_root(&root, ctx, 3, 1, still, OVP_NORM_L2, .5));
    assert_fails(ctx, OVP_ENUMERIC, "to the power of 2",
                 ovp_measure_p_variation(&value, ctx, 2, 1, far, OVP_NORM_L2, 2, NULL, NULL));
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static void bad_input(void **state) {
    ovp_ctx *ctx = *state;
    double value = 0, x[] = {0, 1, 2, NAN, 4, INFINITY};
    static const double exponents[] = {.99, 0, -1, NAN, INFINITY};
    for (int e = 0; e < 5; e++)
        assert_fails(ctx, OVP_EINVAL, "allowed: finite, from 1 on",
                     ovp_measure_p_variation(&value, ctx, 3, 1, x, OVP_NORM_L2, exponents[e], NULL, NULL));
    assert_true(isnan(value));
    assert_fails(ctx, OVP_EINVAL, "path of 0 points",
                 ovp_measure_p_variation(&value, ctx, 0, 1, x, OVP_NORM_L2, 2, NULL, NULL));
    assert_fails(ctx, OVP_EINVAL, "dimension 0",
                 ovp_measure_p_variation(&value, ctx, 3, 0, x, OVP_NORM_L2, 2, NULL, NULL));
    assert_fails(ctx, OVP_EINVAL, "unknown norm 3",
                 ovp_measure_p_variation(&value, ctx, 3, 1, x, (ovp_measure_norm)3, 2, NULL, NULL));
    assert_fails(ctx, OVP_EINVAL, "point 3, coordinate 0 (from 0) is nan",
                 ovp_measure_p_variation(&value, ctx, 6, 1, x, OVP_NORM_L2, 2, NULL, NULL));
    x[3] = 3;
    assert_fails(ctx, OVP_EINVAL, "point 2, coordinate 1 (from 0) is inf",
                 ovp_measure_p_variation(&value, ctx, 3, 2, x, OVP_NORM_L2, 1, NULL, NULL));
}

static void single_points(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {3, 4, 3, 4, 3, 4};
    for (ovp_idx n = 1; n <= 3; n++)
        for (ovp_idx d = 2; d >= 1; d--) {
            ovp_idx partition[3], parts = 0;
            double value = 1;
            const double still[] = {7, 7, 7};
            assert_ok(ctx, ovp_measure_p_variation(&value, ctx, n, d, d == 1 ? still : x, OVP_NORM_L2, 1.7, partition,
                                                   &parts));
            assert_true(value == 0 && parts == 1);
        }
}

static void cancelled(void **state) {
    (void)state;
    static double x[6000];
    for (int i = 0; i < 6000; i++) x[i] = sin(i);
    for (ovp_idx d = 1; d <= 3; d++) {
        ovp_ctx *ctx;
        double value = 0;
        assert_int_equal(ovp_ctx_create(&ctx, NULL), OVP_OK);
        ovp_cancel(ctx);
        assert_int_equal(ovp_measure_p_variation(&value, ctx, 6000 / d, d, x, OVP_NORM_L2, 2, NULL, NULL),
                         OVP_EINTERRUPTED);
        assert_true(isnan(value));
        ovp_ctx_free(ctx);
    }
}

static void out_of_memory(void **state) {
    (void)state;
    static double x[1200];
    ovp_idx partition[1200], parts;
    for (int i = 0; i < 1200; i++) x[i] = i + 5 * (i % 2); /* a stack that must grow */
    for (ovp_idx d = 1; d <= 2; d++) {
        int reached = 0;
        for (int fail_at = 0; fail_at < 100 && !reached; fail_at++) {
            int left = 1000;
            const ovp_allocator allocator = granting(&left);
            const ovp_ctx_options options = {.size = sizeof options, .threads = 1, .allocator = &allocator};
            ovp_ctx *ctx;
            double value;
            assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
            left = fail_at;
            const ovp_status status =
                ovp_measure_p_variation(&value, ctx, 1200 / d, d, x, OVP_NORM_L2, 1.2, partition, &parts);
            assert_true(status == OVP_OK || status == OVP_ENOMEM);
            reached = status == OVP_OK;
            assert_true(reached ? fail_at >= 4 : isnan(value));
            left = 1000;
            ovp_ctx_free(ctx);
        }
        assert_true(reached);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(shared_out),
        CTX_TEST(high_dimension),
        CTX_TEST(known_paths),
        CTX_TEST(fast_is_the_reference),
        CTX_TEST(lengths_and_walks),
        CTX_TEST(laws),
        CTX_TEST(rotation),
        CTX_TEST(long_paths),
        CTX_TEST(extreme_numbers),
        CTX_TEST(short_steps_of_high_powers),
        CTX_TEST(roots),
        CTX_TEST(bad_input),
        CTX_TEST(single_points),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
