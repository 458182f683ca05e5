/* Kernel functions of points, and what every kernel promises: symmetry, threads, types, tiles, bad input. */
#include "kernels.h"

#include <stdlib.h>

#include "allocator.h"
#include "kernel/functions_int.h"

static const ovp_kernel_options every[] = {
    {.name = "laplace", .bandwidth = 3},
    {.name = "gaussian", .bandwidth = 4},
    {.name = "dispersal", .bandwidth = 5, .gamma = 0.7},
    {.name = "dispersal", .bandwidth = 2, .gamma = 1},
    {.name = "dispersal", .bandwidth = 8, .gamma = 2},
    {.name = "polynomial", .degree = 3, .offset = 1.5},
    {.name = "nngp", .activation = "relu", .depth = 3, .sigma_b = 0.3},
    {.name = "ntk", .activation = "relu", .depth = 3, .sigma_b = 0.3},
    {.name = "ntk", .activation = "relu", .depth = 5},
    {.name = "ntk", .activation = "leaky-relu", .depth = 2, .sigma_b = 0.1},
    {.name = "ntk", .activation = "abs", .depth = 2, .sigma_b = 0.1, .bias = "frozen"},
    {.name = "ntk", .activation = "erf", .depth = 3, .sigma_w = 1.5, .sigma_b = 0.2},
    {.name = "ntk", .activation = "gelu", .depth = 3, .sigma_w = 1.4, .sigma_b = 0.2},
    {.name = "ntk", .activation = "sin", .depth = 2, .sigma_w = 1.2, .sigma_b = 0.2},
    {.name = "ntk", .activation = "cos", .depth = 2, .sigma_w = 1.2, .sigma_b = 0.2},
    {.name = "nngp", .activation = "step", .depth = 3, .sigma_w = 1.2, .sigma_b = 0.2},
    {.name = "ntk", .activation = "square", .depth = 1, .sigma_w = 0.9},
    {.name = "ntk", .activation = "identity", .depth = 4, .sigma_w = 1, .sigma_b = 0.5},
    {.name = "ntk", .activation = "tanh", .depth = 2, .sigma_w = 0.8, .sigma_b = 0.2},
    {.name = "ntk", .activation = "relu", .depth = 2, .convention = "unit-sphere", .normalise = 1},
    {.name = "ntk", .activation = "relu", .convention = "tutorial-bias"},
    {.name = "laplace", .bandwidth = 0.5, .normalise = 1},
};
enum { EVERY = sizeof every / sizeof *every };

/* ---- values -------------------------------------------------------------------------------------------------- */

/* exp(-r / s) and so on from differences in plain C. */
static double direct(const ovp_kernel_options *o, ovp_idx d, const double *x, const double *z) {
    double square = 0, product = 0;
    for (ovp_idx k = 0; k < d; k++) {
        square += (x[k] - z[k]) * (x[k] - z[k]);
        product += x[k] * z[k];
    }
    if (strcmp(o->name, "laplace") == 0) return exp(-sqrt(square) / o->bandwidth);
    if (strcmp(o->name, "gaussian") == 0) return exp(-square / (2 * o->bandwidth * o->bandwidth));
    if (strcmp(o->name, "dispersal") == 0) return exp(-pow(sqrt(square), o->gamma) / o->bandwidth);
    return pow((o->scale > 0 ? o->scale : 1 / (double)d) * product + o->offset, o->degree);
}

static void points_by_definition(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 23, ROWS = 37, OTHERS = 70 };
    double *x = normal_points(ctx, OVP_F64, 1, ROWS * D), *z = normal_points(ctx, OVP_F64, 2, OTHERS * D);
    for (int k = 0; k < 6; k++)
        for (int far = 0; far < 2; far++) { /* far from 0: the products alone would lose all digits */
            if (far && k == 5) continue;
            ovp_kernel *kernel = make_kernel(ctx, every[k]);
            for (ovp_idx i = 0; i < ROWS * D && far; i++) x[i] += 1e6;
            for (ovp_idx i = 0; i < OTHERS * D && far; i++) z[i] += 1e6;
            double *got = gram(ctx, kernel, OVP_F64, D, ROWS, x, OTHERS, z);
            for (ovp_idx i = 0; i < ROWS; i++)
                for (ovp_idx j = 0; j < OTHERS; j++) {
                    const double want = direct(&every[k], D, x + i * D, z + j * D);
                    const double off = fabs(got[i * OTHERS + j] - want) / fabs(want);
                    if (!(off <= 1e-13))
                        fail_msg("%s, far %d, %d %d: %.17g, not %.17g", every[k].name, far, (int)i, (int)j,
                                 got[i * OTHERS + j], want);
                }
            for (ovp_idx i = 0; i < ROWS * D && far; i++) x[i] -= 1e6;
            for (ovp_idx i = 0; i < OTHERS * D && far; i++) z[i] -= 1e6;
            ovp_free(ctx, got);
            ovp_kernel_free(kernel);
        }
    ovp_free(ctx, x);
    ovp_free(ctx, z);
}

/* Two points at a distance of 1e-6 of their length: 1 - k is r / s to many digits, in f32 too. */
static void near_duplicates(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 50 };
    double *x = normal_points(ctx, OVP_F64, 3, 2 * D), want = 0;
    float narrow[2 * D];
    const double step = 0x1p-18;
    for (int k = 0; k < D; k++) {
        narrow[k] = (float)x[k];
        narrow[D + k] = (float)((double)narrow[k] * (1 + step));
        x[k] = (double)narrow[k];
        x[D + k] = (double)narrow[D + k];
        want += (x[k] - x[D + k]) * (x[k] - x[D + k]);
    }
    want = sqrt(want);
    const ovp_kernel_options o = {.name = "laplace", .bandwidth = 1e-4}; /* r / bandwidth is about .3 */
    ovp_kernel *kernel = make_kernel(ctx, o);
    float *k32 = gram(ctx, kernel, OVP_F32, D, 2, narrow, 0, NULL);
    double *k64 = gram(ctx, kernel, OVP_F64, D, 2, x, 0, NULL);
    assert_true(fabs(k64[1] - exp(-want / 1e-4)) <= 1e-14);
    assert_true(fabs((double)k32[1] - exp(-want / 1e-4)) <= 2e-7);
    assert_true(k64[0] == 1 && k64[3] == 1);
    ovp_free(ctx, k32);
    ovp_free(ctx, k64);
    ovp_kernel_free(kernel);
    ovp_free(ctx, x);
}

/* ---- promises of all ------------------------------------------------------------------------------------------- */

static void symmetric_exact_diagonal(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 9, ROWS = SLOW ? 40 : 80 };
    for (int k = 0; k < EVERY; k++)
        for (int type = OVP_F32; type <= OVP_F64; type++) {
            const ovp_numeric_type t = (ovp_numeric_type)type;
            void *x = normal_points(ctx, t, 4, ROWS * D);
            ovp_kernel *kernel = make_kernel(ctx, every[k]);
            double diagonal[ROWS];
            assert_ok(ctx, ovp_kernel_diagonal(diagonal, ctx, kernel, t, D, ROWS, x));
            void *got = gram(ctx, kernel, t, D, ROWS, x, 0, NULL), *copy = normal_points(ctx, t, 4, ROWS * D);
            void *full = gram(ctx, kernel, t, D, ROWS, x, ROWS, copy);
            for (ovp_idx i = 0; i < ROWS; i++) {
                assert_true(get(t, got, i * ROWS + i) == (t == OVP_F32 ? (double)(float)diagonal[i] : diagonal[i]));
                for (ovp_idx j = 0; j < i; j++) assert_true(get(t, got, i * ROWS + j) == get(t, got, j * ROWS + i));
            }
            const double apart = gap(t, got, full, ROWS * ROWS);
            if (!(apart <= (t == OVP_F64 ? 2e-14 : 2e-6))) fail_msg("kernel %d, type %d: gap %g", k, type, apart);
            ovp_free(ctx, copy);
            ovp_free(ctx, full);
            ovp_free(ctx, got);
            ovp_free(ctx, x);
            ovp_kernel_free(kernel);
        }
}

/* x^T K x >= 0 to rounding for the smallest eigenvalue: shifted Cholesky succeeds with eps n tr K / n. */
static int positive_definite(double *k, ovp_idx n, double shift) {
    for (ovp_idx i = 0; i < n; i++) {
        for (ovp_idx j = 0; j <= i; j++) {
            double sum = k[i * n + j] + (i == j ? shift : 0);
            for (ovp_idx p = 0; p < j; p++) sum -= k[i * n + p] * k[j * n + p];
            if (i == j && !(sum > 0)) return 0;
            k[i * n + j] = i == j ? sqrt(sum) : sum / k[j * n + j];
        }
    }
    return 1;
}

/* With duplicates and multiples among the rows, so that many a smallest eigenvalue is 0. */
static void positive_semidefinite(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 4, ROWS = SLOW ? 40 : 120 };
    double *x = normal_points(ctx, OVP_F64, 5, ROWS * D);
    for (int k = 0; k < D; k++) {
        x[D + k] = x[k];
        x[2 * D + k] = 2 * x[k];
        x[3 * D + k] = -x[k];
        x[4 * D + k] = x[k] * (1 + 1e-9);
    }
    for (int k = 0; k < EVERY; k++) {
        ovp_kernel *kernel = make_kernel(ctx, every[k]);
        double *got = gram(ctx, kernel, OVP_F64, D, ROWS, x, 0, NULL), trace = 0;
        for (ovp_idx i = 0; i < ROWS; i++) trace += got[i * ROWS + i];
        if (!positive_definite(got, ROWS, 1e-14 * trace)) fail_msg("kernel %d: %s", k, every[k].name);
        ovp_free(ctx, got);
        ovp_kernel_free(kernel);
    }
    ovp_free(ctx, x);
}

static void same_bits_for_threads(void **state) {
    ovp_ctx *main_ctx = *state;
    enum { D = 11, ROWS = SLOW ? 70 : 100, OTHERS = SLOW ? 66 : 90, C = 3 }; /* several tiles and panels */
    for (int k = 0; k < EVERY; k++)
        for (int type = OVP_F32; type <= OVP_F64; type++) {
            const ovp_numeric_type t = (ovp_numeric_type)type;
            const size_t size = ovp_numeric_type_size(t);
            void *x = normal_points(main_ctx, t, 6, ROWS * D), *z = normal_points(main_ctx, t, 7, OTHERS * D);
            void *w = normal_points(main_ctx, t, 8, OTHERS * C), *want[3] = {0};
            for (int threads = 1; threads <= 3; threads += SLOW ? 2 : 1) {
                ovp_ctx *ctx;
                const ovp_ctx_options o = {.size = sizeof o, .threads = threads};
                assert_ok(main_ctx, ovp_ctx_create(&ctx, &o));
                ovp_kernel *kernel = make_kernel(ctx, every[k]);
                void *got[3] = {gram(ctx, kernel, t, D, ROWS, x, 0, NULL), gram(ctx, kernel, t, D, ROWS, x, OTHERS, z),
                                normal_points(ctx, t, 9, ROWS * C)};
                assert_ok(ctx, ovp_kernel_apply(got[2], ctx, kernel, t, D, ROWS, x, OTHERS, z, C, w, 30000));
                const ovp_idx counts[] = {ROWS * ROWS, ROWS * OTHERS, ROWS * C};
                for (int g = 0; g < 3; g++) {
                    if (threads == 1) {
                        assert_ok(main_ctx, ovp_alloc(main_ctx, &want[g], counts[g], size));
                        memcpy(want[g], got[g], (size_t)counts[g] * size);
                    }
                    if (memcmp(want[g], got[g], (size_t)counts[g] * size) != 0)
                        fail_msg("kernel %d, type %d, %d threads, result %d", k, type, threads, g);
                    ovp_free(ctx, got[g]);
                }
                ovp_kernel_free(kernel);
                ovp_ctx_free(ctx);
            }
            for (int g = 0; g < 3; g++) ovp_free(main_ctx, want[g]);
            ovp_free(main_ctx, x);
            ovp_free(main_ctx, z);
            ovp_free(main_ctx, w);
        }
}

/* The f32 result against f64 of the same values. */
static void types_agree(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 30, ROWS = SLOW ? 30 : 80 };
    float *x = normal_points(ctx, OVP_F32, 10, ROWS * D);
    double wide[ROWS * D];
    for (ovp_idx i = 0; i < D; i++) x[D + i] = x[i] * (i % 2 ? 1.001f : 1); /* near points */
    for (ovp_idx i = 0; i < ROWS * D; i++) wide[i] = (double)x[i];
    for (int k = 0; k < EVERY; k++) {
        ovp_kernel *kernel = make_kernel(ctx, every[k]);
        float *narrow = gram(ctx, kernel, OVP_F32, D, ROWS, x, 0, NULL);
        double *want = gram(ctx, kernel, OVP_F64, D, ROWS, wide, 0, NULL), worst = 0;
        const double top = largest(OVP_F64, want, ROWS * ROWS);
        for (ovp_idx i = 0; i < ROWS * ROWS; i++) worst = fmax(worst, fabs((double)narrow[i] - want[i]) / top);
        if (!(worst <= 3e-6)) fail_msg("kernel %d: %g", k, worst);
        ovp_free(ctx, narrow);
        ovp_free(ctx, want);
        ovp_kernel_free(kernel);
    }
    ovp_free(ctx, x);
}

/* Every panel shape: one, columns cut, rows cut. */
/* Nets of linear pieces without biases go by one series of the angle: against layer after layer. */
static void profiles_are_all_layers(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 5, ROWS = 90, ACTIVATIONS = 4, DEPTHS = 6 };
    static const char *const activations[ACTIVATIONS] = {"relu", "leaky-relu", "abs", "identity"};
    static const int depths[DEPTHS] = {1, 2, 3, 5, 12, 20};
    double *x = normal_points(ctx, OVP_F64, 15, ROWS * D);
    int by_series = 0;
    for (int k = 0; k < D; k++) { /* angles of pi, 0 and nearly 0 */
        x[D + k] = -2 * x[k];
        x[2 * D + k] = 3 * x[k];
        x[3 * D + k] = x[k] + 1e-7 * k;
    }
    for (int a = 0; a < ACTIVATIONS; a++)
        for (int l = 0; l < DEPTHS; l++)
            for (int slopes = 0; slopes < 2; slopes++) {
                ovp_kernel *kernel = make_kernel(ctx, (ovp_kernel_options){.name = slopes ? "ntk" : "nngp",
                                                                           .activation = activations[a],
                                                                           .depth = depths[l],
                                                                           .sigma_w = 1.3});
                double *got = gram(ctx, kernel, OVP_F64, D, ROWS, x, ROWS, NULL);
                by_series += kernel->profile_terms > 0;
                kernel->profile_terms = 0;
                double *want = gram(ctx, kernel, OVP_F64, D, ROWS, x, ROWS, NULL);
                const int even = strcmp(activations[a], "abs") == 0;
                for (ovp_idx i = 0; i < ROWS; i++)
                    for (ovp_idx j = 0; j < ROWS; j++) {
                        const double apart = fabs(got[i * ROWS + j] - want[i * ROWS + j]);
                        const double size = sqrt(want[i * ROWS + i] * want[j * ROWS + j]);
                        /* abs has a kink at pi, near which neither way has all digits: u = 2 - v */
                        if (even && (i == 1 || j == 1)) continue;
                        if (!(apart <= (even ? 1e-12 : 1e-14) * size))
                            fail_msg("%s %s of depth %d, entry [%d, %d]: %.17g, by layers %.17g",
                                     slopes ? "ntk" : "nngp", activations[a], depths[l], (int)i, (int)j,
                                     got[i * ROWS + j], want[i * ROWS + j]);
                    }
                ovp_free(ctx, got);
                ovp_free(ctx, want);
                ovp_kernel_free(kernel);
            }
    assert_true(by_series >= 46); /* of 48: abs needs too many terms when deep */
    ovp_kernel *biased =
        make_kernel(ctx, (ovp_kernel_options){.name = "ntk", .activation = "relu", .depth = 3, .sigma_b = .1});
    assert_int_equal(biased->profile_terms, 0);
    ovp_kernel_free(biased);
    ovp_free(ctx, x);
}

static void apply_is_gram_times(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 7, ROWS = 40, OTHERS = 130, C = 4 };
    double *x = normal_points(ctx, OVP_F64, 11, ROWS * D), *z = normal_points(ctx, OVP_F64, 12, OTHERS * D);
    double *w = normal_points(ctx, OVP_F64, 13, OTHERS * C);
    static const int64_t memories[] = {0, C * 8 * 7, C * 8 * 2 + 1, C * 8}; /* all rows; 7, 2, 1 at a time */
    for (int k = 0; k < EVERY; k++) {
        ovp_kernel *kernel = make_kernel(ctx, every[k]);
        double *full = gram(ctx, kernel, OVP_F64, D, ROWS, x, OTHERS, z), want[ROWS * C] = {0}, got[ROWS * C];
        for (ovp_idx i = 0; i < ROWS; i++)
            for (ovp_idx j = 0; j < OTHERS; j++)
                for (ovp_idx c = 0; c < C; c++) want[i * C + c] += full[i * OTHERS + j] * w[j * C + c];
        for (int m = 0; m < 4; m++) {
            assert_ok(ctx, ovp_kernel_apply(got, ctx, kernel, OVP_F64, D, ROWS, x, OTHERS, z, C, w, memories[m]));
            const double apart = gap(OVP_F64, want, got, ROWS * C);
            if (!(apart <= 1e-12)) fail_msg("kernel %d, memory %d: %g", k, m, apart);
        }
        assert_fails(ctx, OVP_EINVAL, "at least 32",
                     ovp_kernel_apply(got, ctx, kernel, OVP_F64, D, ROWS, x, OTHERS, z, C, w, C * 8 - 1));
        ovp_free(ctx, full);
        ovp_kernel_free(kernel);
    }
    ovp_free(ctx, x);
    ovp_free(ctx, z);
    ovp_free(ctx, w);
}

/* More than one of the largest tiles, against single pairs. */
static void many_tiles(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 3, ROWS = 2300 };
    float *x = normal_points(ctx, OVP_F32, 14, ROWS * D);
    for (int k = 0; k < 2; k++) {
        ovp_kernel *kernel = make_kernel(ctx, k ? every[7] : every[0]);
        float *got = gram(ctx, kernel, OVP_F32, D, ROWS, x, 0, NULL), one;
        for (ovp_idx i = 0; i < ROWS; i += 211)
            for (ovp_idx j = 0; j < ROWS; j += 97) {
                assert_ok(ctx, ovp_kernel_gram(&one, ctx, kernel, OVP_F32, D, 1, x + i * D, 1, x + j * D));
                assert_true(fabsf(one - got[i * ROWS + j]) <= 4e-6f * got[i * ROWS + i]);
                assert_true(got[j * ROWS + i] == got[i * ROWS + j]);
            }
        ovp_free(ctx, got);
        ovp_kernel_free(kernel);
    }
    ovp_free(ctx, x);
}

/* ---- bad input ------------------------------------------------------------------------------------------------- */

static void refused_options(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        ovp_kernel_options o;
        const char *words;
    } bad[] = {
        {{.name = "rbf"}, "unknown kernel 'rbf'; choices: laplace, gaussian, dispersal, polynomial, nngp, ntk"},
        {{.name = NULL}, "unknown kernel ''"},
        {{.name = "laplace", .bandwidth = -1}, "bandwidth is -1"},
        {{.name = "laplace", .bandwidth = NAN}, "bandwidth is nan"},
        {{.name = "gaussian", .bandwidth = INFINITY}, "bandwidth is inf"},
        {{.name = "gaussian", .bandwidth = 1e-200}, "overflows"},
        {{.name = "dispersal", .gamma = 2.5}, "gamma is 2.5; allowed: above 0, at most 2"},
        {{.name = "dispersal", .gamma = -1}, "gamma is -1"},
        {{.name = "polynomial"}, "degree is 0"},
        {{.name = "polynomial", .degree = 1.5}, "degree is 1.5; it must be a whole number, 1..1000"},
        {{.name = "polynomial", .degree = 2, .offset = -1}, "offset is -1"},
        {{.name = "polynomial", .degree = 2, .scale = -1}, "scale is -1"},
        {{.name = "ntk", .activation = "swish"}, "unknown activation 'swish'; choices: identity, relu"},
        {{.name = "ntk", .depth = -1}, "depth is -1"},
        {{.name = "ntk", .sigma_w = -1}, "sigma_w is -1"},
        {{.name = "ntk", .sigma_b = NAN}, "sigma_b is nan"},
        {{.name = "ntk", .convention = "jax"}, "choices: ntk-parametrization, unit-sphere, tutorial-bias"},
        {{.name = "ntk", .bias = "no"}, "choices: trained, frozen"},
        {{.name = "ntk", .train = "first"}, "choices: all, last, hidden"},
        {{.name = "nngp", .train = "last"}, "belong to ntk"},
        {{.name = "ntk", .activation = "step"}, "infinite"},
        {{.name = "ntk", .convention = "unit-sphere", .sigma_w = 1}, "leave both 0"},
        {{.name = "ntk", .convention = "tutorial-bias", .depth = 2}, "one hidden layer of relu"},
        {{.name = "ntk", .activation = "tanh", .tolerance = 1}, "tolerance is 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ovp_kernel *kernel = (ovp_kernel *)state;
        ovp_kernel_options o = bad[i].o;
        o.size = sizeof o;
        assert_fails(ctx, OVP_EINVAL, bad[i].words, ovp_kernel_create(&kernel, ctx, &o));
        assert_null(kernel);
    }
}

static void refused_values(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 5, ROWS = 40 };
    double *x = normal_points(ctx, OVP_F64, 15, ROWS * D), *z = normal_points(ctx, OVP_F64, 16, ROWS * D);
    double *out;
    assert_ok(ctx, ovp_alloc(ctx, &out, ROWS * ROWS, sizeof *out));
    ovp_kernel *laplace = make_kernel(ctx, every[0]), *sphere = make_kernel(ctx, every[21]);
    ovp_kernel *tenth = make_kernel(ctx, (ovp_kernel_options){.name = "polynomial", .degree = 100});
    ovp_kernel *wild = make_kernel(ctx, (ovp_kernel_options){.name = "nngp", .sigma_w = 1e5, .depth = 50});
    x[7 * D + 3] = NAN;
    assert_fails(ctx, OVP_EINVAL, "x, row 7, column 3 is nan",
                 ovp_kernel_gram(out, ctx, laplace, OVP_F64, D, ROWS, x, ROWS, z));
    x[7 * D + 3] = 1;
    z[39 * D] = -INFINITY;
    assert_fails(ctx, OVP_EINVAL, "z, row 39, column 0 is -inf",
                 ovp_kernel_gram(out, ctx, laplace, OVP_F64, D, ROWS, x, ROWS, z));
    z[39 * D] = 1e200;
    assert_fails(ctx, OVP_EINVAL, "overflows f64", ovp_kernel_gram(out, ctx, laplace, OVP_F64, D, ROWS, x, ROWS, z));
    memset(z + 39 * D, 0, D * sizeof *z);
    assert_fails(ctx, OVP_EINVAL, "row 39 of z has length 0",
                 ovp_kernel_gram(out, ctx, sphere, OVP_F64, D, ROWS, x, ROWS, z));
    assert_fails(ctx, OVP_EINVAL, "row 39 of x has length 0",
                 ovp_kernel_diagonal(out, ctx, sphere, OVP_F64, D, ROWS, z));
    for (int k = 0; k < D; k++) x[k] = 1e4;
    assert_fails(ctx, OVP_ENUMERIC, "degree 100 overflows",
                 ovp_kernel_gram(out, ctx, tenth, OVP_F64, D, ROWS, x, 0, NULL));
    assert_fails(ctx, OVP_ENUMERIC, "sigma_w is too large",
                 ovp_kernel_gram(out, ctx, wild, OVP_F64, D, ROWS, x, 0, NULL));
    assert_fails(ctx, OVP_EINVAL, "0 x 5 values against 40 x 5",
                 ovp_kernel_gram(out, ctx, laplace, OVP_F64, D, 0, x, ROWS, z));
    assert_fails(ctx, OVP_EINVAL, "at least 1", ovp_kernel_gram(out, ctx, laplace, OVP_F64, 0, ROWS, x, ROWS, z));
    assert_fails(ctx, OVP_EINVAL, "type i64", ovp_kernel_gram(out, ctx, laplace, OVP_I64, D, ROWS, x, ROWS, z));
    assert_fails(ctx, OVP_EINVAL, "0 columns",
                 ovp_kernel_apply(out, ctx, laplace, OVP_F64, D, ROWS, x, ROWS, z, 0, z, 0));
    ovp_kernel_free(laplace);
    ovp_kernel_free(sphere);
    ovp_kernel_free(tenth);
    ovp_kernel_free(wild);
    ovp_kernel_free(NULL);
    ovp_free(ctx, x);
    ovp_free(ctx, z);
    ovp_free(ctx, out);
}

/* Refused at any point: OVP_ENOMEM, and nothing left over (the sanitizers' affair). */
static void every_allocation_may_fail(void **state) {
    (void)state;
    /* tanh of inputs so short that the first table of its coefficients is long enough */
    const ovp_kernel_options series = {.name = "ntk", .activation = "tanh", .sigma_w = 0.5};
    const ovp_kernel_options kinds[] = {every[0], every[6], series, every[21]};
    enum { D = 3, ROWS = 3, ENOUGH = 1000 };
    double x[ROWS * D], z[ROWS * D], out[ROWS * ROWS];
    for (int k = 0; k < 4; k++) {
        const double offset = k == 0 ? 100 : 0; /* laplace: with a shift */
        for (int i = 0; i < ROWS * D; i++) {
            x[i] = offset + sin(i);
            z[i] = offset + cos(i);
        }
        ovp_status status = OVP_ENOMEM;
        int failed = 0;
        for (int allowed = 1; status != OVP_OK && allowed < ENOUGH; allowed++) {
            int left = allowed;
            const ovp_allocator allocator = granting(&left);
            const ovp_ctx_options o = {.size = sizeof o, .threads = 1, .allocator = &allocator};
            ovp_kernel_options ko = kinds[k];
            ovp_kernel *kernel = NULL;
            ovp_ctx *ctx;
            ko.size = sizeof ko;
            if (ovp_ctx_create(&ctx, &o) != OVP_OK) continue;
            status = ovp_kernel_create(&kernel, ctx, &ko);
            if (status == OVP_OK) status = ovp_kernel_gram(out, ctx, kernel, OVP_F64, D, ROWS, x, ROWS, z);
            if (status == OVP_OK) status = ovp_kernel_apply(out, ctx, kernel, OVP_F64, D, ROWS, x, 0, NULL, 1, z, 0);
            assert_true(status == OVP_OK || status == OVP_ENOMEM);
            failed += status == OVP_ENOMEM;
            ovp_kernel_free(kernel);
            ovp_ctx_free(ctx);
        }
        assert_int_equal(status, OVP_OK);
        assert_true(failed >= 5);
    }
}

static void options_filled_in(void **state) {
    ovp_ctx *ctx = *state;
    ovp_kernel *kernel = make_kernel(ctx, (ovp_kernel_options){.name = "ntk"});
    const ovp_kernel_options *o = ovp_kernel_get_options(kernel);
    assert_string_equal(o->activation, "relu");
    assert_string_equal(o->convention, "ntk-parametrization");
    assert_string_equal(o->bias, "trained");
    assert_string_equal(o->train, "all");
    assert_int_equal(o->depth, 1);
    assert_true(o->sigma_w == ovp_net_gain("relu") && o->sigma_b == 0 && o->tolerance > 0);
    assert_true(ovp_kernel_error(kernel) == 0);
    ovp_kernel_free(kernel);
    kernel = make_kernel(ctx, (ovp_kernel_options){.name = "dispersal"});
    assert_true(ovp_kernel_get_options(kernel)->bandwidth == 1 && ovp_kernel_get_options(kernel)->gamma == 1);
    ovp_kernel_free(kernel);
}

/* ---- sparse products ------------------------------------------------------------------------------------ */

static ovp_numeric_type type_at(int k) {
    return k ? OVP_F64 : OVP_F32;
}

static void sparse_points(void *x, ovp_numeric_type type, ovp_idx n, double keep) {
    for (ovp_idx i = 0; i < n; i++) {
        const double v = type == OVP_F32 ? (double)((float *)x)[i] : ((double *)x)[i];
        const double kept = fabs(v) > keep ? v : 0;
        if (type == OVP_F32)
            ((float *)x)[i] = (float)kept;
        else
            ((double *)x)[i] = kept;
    }
}

static double entry(const void *values, ovp_numeric_type type, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

/* Ragged panels, strips and tiles; empty rows; every level of the processor; products of panels of the matrix. */
static void sparse_products_are_the_dense_ones(void **state) {
    static const struct {
        ovp_idx d, rows, others;
    } shapes[] = {{1, 3, 5}, {83, 70, 0}, {161, 130, 77}, {80, SLOW ? 140 : 600, SLOW ? 300 : 1100}};
    static const ovp_kernel_options kinds[] = {{.name = "laplace", .bandwidth = 3},
                                               {.name = "polynomial", .degree = 2, .offset = 1},
                                               {.name = "ntk", .depth = 2, .sigma_b = .3},
                                               {.name = "gaussian", .bandwidth = 1, .normalise = 1}};
    static const char *const levels[] = {"base", "v3", "v4"};
    (void)state;
    for (int l = 0; l < 3; l++) {
        ovp_ctx *ctx;
        const ovp_ctx_options options = {.size = sizeof options, .threads = 2, .isa = levels[l]};
        if (ovp_ctx_create(&ctx, &options) != OVP_OK) continue; /* not on this processor */
        for (int t = 0; t < 2; t++)
            for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
                for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                    const ovp_numeric_type type = type_at(t);
                    const ovp_idx d = shapes[i].d, rows = shapes[i].rows, others = shapes[i].others;
                    void *x = normal_points(ctx, type, 1, rows * d), *z = normal_points(ctx, type, 2, others * d + 1);
                    sparse_points(x, type, rows * d, 1.2);
                    sparse_points(z, type, others * d, 1.2);
                    if (kinds[k].normalise && d == 1) {
                        ovp_free(ctx, x);
                        ovp_free(ctx, z);
                        continue; /* rows of length 0 */
                    }
                    if (!kinds[k].normalise) memset(x, 0, (size_t)d * ovp_numeric_type_size(type));
                    ovp_kernel_options o = kinds[k];
                    void *k_of[2], *product_of[2];
                    for (int sparse = 0; sparse < 2; sparse++) {
                        o.products = sparse ? "sparse" : "dense";
                        ovp_kernel *kernel = make_kernel(ctx, o);
                        const ovp_idx cols = others ? others : rows;
                        k_of[sparse] = gram(ctx, kernel, type, d, rows, x, others, z);
                        assert_ok(ctx, ovp_alloc(ctx, &product_of[sparse], rows * 2, sizeof(double)));
                        void *w = normal_points(ctx, type, 3, cols * 2);
                        assert_ok(ctx, ovp_kernel_apply(product_of[sparse], ctx, kernel, type, d, rows, x, others,
                                                        others ? z : NULL, 2, w, 64 * 1000));
                        ovp_free(ctx, w);
                        ovp_kernel_free(kernel);
                    }
                    const double eps = t ? 1e-12 : 2e-5;
                    for (ovp_idx q = 0; q < rows * (others ? others : rows); q++)
                        assert_true(fabs(entry(k_of[0], type, q) - entry(k_of[1], type, q)) <=
                                    eps * (1 + fabs(entry(k_of[0], type, q))));
                    for (ovp_idx q = 0; q < rows * 2; q++)
                        assert_true(fabs(entry(product_of[0], type, q) - entry(product_of[1], type, q)) <= 200 * eps);
                    for (int sparse = 0; sparse < 2; sparse++) {
                        ovp_free(ctx, k_of[sparse]);
                        ovp_free(ctx, product_of[sparse]);
                    }
                    ovp_free(ctx, x);
                    ovp_free(ctx, z);
                }
        ovp_ctx_free(ctx);
    }
}

/* Left to itself: sparse where both sides are mostly zeros, dense otherwise; the same bits for 1, 2 and 3 threads. */
static void sparse_products_are_chosen_by_density(void **state) {
    enum { D = 90, ROWS = 150, OTHERS = 210 };
    static const double keep[][2] = {{1.2, 1.2}, {.1, 1.2}, {1.2, .1}, {.5, .5}};
    (void)state;
    for (int k = 0; k < 4; k++) {
        void *first = NULL;
        for (int threads = 1; threads <= 3; threads++) {
            ovp_ctx *ctx;
            const ovp_ctx_options options = {.size = sizeof options, .threads = threads};
            assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
            float *x = normal_points(ctx, OVP_F32, 1, ROWS * D), *z = normal_points(ctx, OVP_F32, 2, OTHERS * D);
            sparse_points(x, OVP_F32, ROWS * D, keep[k][0]);
            sparse_points(z, OVP_F32, OTHERS * D, keep[k][1]);
            void *by[3];
            static const char *const how[] = {NULL, "dense", "sparse"};
            for (int h = 0; h < 3; h++) {
                ovp_kernel *kernel =
                    make_kernel(ctx, (ovp_kernel_options){.name = "laplace", .bandwidth = 3, .products = how[h]});
                by[h] = gram(ctx, kernel, OVP_F32, D, ROWS, x, OTHERS, z);
                ovp_kernel_free(kernel);
            }
            const size_t bytes = (size_t)(ROWS * OTHERS) * sizeof(float);
            assert_memory_equal(by[0], by[k == 0 ? 2 : 1], bytes);
            assert_memory_not_equal(by[1], by[2], bytes);
            if (!first) assert_non_null(first = malloc(bytes)), memcpy(first, by[0], bytes);
            assert_memory_equal(first, by[0], bytes);
            for (int h = 0; h < 3; h++) ovp_free(ctx, by[h]);
            ovp_free(ctx, x);
            ovp_free(ctx, z);
            ovp_ctx_free(ctx);
        }
        free(first);
    }
    ovp_kernel *kernel;
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, NULL), OVP_OK);
    const ovp_kernel_options o = {.size = sizeof o, .name = "laplace", .products = "thin"};
    assert_fails(ctx, OVP_EINVAL, "unknown products 'thin'; choices: auto, dense, sparse",
                 ovp_kernel_create(&kernel, ctx, &o));
    ovp_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparse_products_are_the_dense_ones),
        cmocka_unit_test(sparse_products_are_chosen_by_density),
        CTX_TEST(points_by_definition),
        CTX_TEST(near_duplicates),
        CTX_TEST(symmetric_exact_diagonal),
        CTX_TEST(positive_semidefinite),
        CTX_TEST(same_bits_for_threads),
        CTX_TEST(types_agree),
        CTX_TEST(profiles_are_all_layers),
        CTX_TEST(apply_is_gram_times),
        CTX_TEST(many_tiles),
        CTX_TEST(refused_options),
        CTX_TEST(refused_values),
        CTX_TEST(every_allocation_may_fail),
        CTX_TEST(options_filled_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
