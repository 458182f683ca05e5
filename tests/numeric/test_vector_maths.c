/* numeric: every vector kernel of every processor level and precision against libm. The bounds asserted here are the
 * measured ones of docs/vector-maths.md with some room. OVP_TEST_LONG=1 tests every float. */
#include "levels.h"
#include "numeric/kernels_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 4096 };

static const struct {
    const char *name;
    double f32, f64; /* largest error in units in the last place */
} bounds[OVP_FN_COUNT] = {
    [OVP_FN_EXP] = {"exp", 1.0, 1.1},  [OVP_FN_LOG] = {"log", 0.9, 0.95}, [OVP_FN_TANH] = {"tanh", 1.5, 2.8},
    [OVP_FN_SIN] = {"sin", 0.51, 1.1}, [OVP_FN_COS] = {"cos", 0.51, 1.1}, [OVP_FN_ERF] = {"erf", 1.6, 1.6},
};

/* |got - exact| in ulps of the binade of exact, subnormals included; 0 if got is the special value it must be, infinite
 * if it is not. digits 24 or 53, lowest = exponent of the smallest subnormal. */
static double ulps(long double exact, double rounded, double got, int digits, int lowest) {
    if (isnan(rounded) || isnan(got)) return isnan(rounded) && isnan(got) ? 0 : INFINITY;
    if (isinf(rounded) || isinf(got) || rounded == 0)
        return rounded == got && signbit(rounded) == signbit(got) ? 0 : INFINITY;
    int exponent;
    frexpl(exact, &exponent);
    exponent -= digits;
    return (double)ldexpl(fabsl((long double)got - exact), -(exponent < lowest ? lowest : exponent));
}

static void f32_errors_are_bounded(void **state) {
    const levels *l = *state;
    static float x[BLOCK], y[BLOCK];
    static double exact[BLOCK];
    const uint64_t stride = getenv("OVP_TEST_LONG") ? 1 : 4001; /* prime: all low bits occur */
    for (int fn = 0; fn < OVP_FN_COUNT; fn++) {
        double worst[LEVELS] = {0};
        float where[LEVELS] = {0};
        for (uint64_t bits = 0; bits < (uint64_t)1 << 32;) {
            int n = 0;
            for (; n < BLOCK && bits < (uint64_t)1 << 32; bits += stride) {
                uint32_t word = (uint32_t)bits;
                memcpy(&x[n++], &word, sizeof word);
            }
            for (int i = 0; i < n; i++) exact[i] = ovp_numeric_reference_fn((ovp_numeric_fn)fn, (double)x[i]);
            for (int level = 0; level < l->count; level++) {
                ovp_numeric_map(l->ctx[level], (ovp_numeric_fn)fn, OVP_F32, n, x, y);
                for (int i = 0; i < n; i++) {
                    double error = ulps((long double)exact[i], (double)(float)exact[i], (double)y[i], 24, -149);
                    if (error > worst[level]) worst[level] = error, where[level] = x[i];
                }
            }
        }
        for (int level = 0; level < l->count; level++) {
            print_message("[          ] %s f32 %s: %.4f ulp at %a\n", bounds[fn].name, ovp_isa(l->ctx[level]),
                          worst[level], (double)where[level]);
            assert_true(worst[level] <= bounds[fn].f32);
        }
    }
}

/* Dense where the function does something, random exponents, random bits, and multiples of pi/2 for sin and cos. */
static double sample64(int fn, int kind, uint64_t *seed) {
    double x, bits;
    uint64_t word = random_bits(seed);
    memcpy(&bits, &word, sizeof bits);
    switch (kind) {
    case 0:
        x = random_real(seed, -1, 1) * (fn == OVP_FN_EXP ? 745 : fn >= OVP_FN_SIN && fn != OVP_FN_ERF ? 1e5 : 6);
        break;
    case 1:
        x = random_real(seed, -2, 2);
        break;
    case 2:
        x = ldexp(random_real(seed, -1, 1), -(int)(word % 60));
        break;
    case 3:
        x = rint(random_real(seed, -6e5, 6e5)) * M_PI_2;
        break;
    default:
        return bits;
    }
    return fn == OVP_FN_LOG ? fabs(x) : x;
}

static void f64_errors_are_bounded(void **state) {
    const levels *l = *state;
    static double x[BLOCK], y[BLOCK];
    static long double exact[BLOCK];
    const int repeats = getenv("OVP_TEST_LONG") ? 5000 : 60;
    for (int fn = 0; fn < OVP_FN_COUNT; fn++) {
        double worst[LEVELS] = {0}, where[LEVELS] = {0};
        uint64_t seed = 2385;
        for (int r = 0; r < repeats; r++) {
            for (int i = 0; i < BLOCK; i++) {
                x[i] = sample64(fn, r % 5, &seed);
                const long double z = (long double)x[i];
                switch (fn) {
                case OVP_FN_EXP:
                    exact[i] = expl(z);
                    break;
                case OVP_FN_LOG:
                    exact[i] = logl(z);
                    break;
                case OVP_FN_TANH:
                    exact[i] = tanhl(z);
                    break;
                case OVP_FN_SIN:
                    exact[i] = sinl(z);
                    break;
                case OVP_FN_COS:
                    exact[i] = cosl(z);
                    break;
                default:
                    exact[i] = erfl(z);
                    break;
                }
            }
            for (int level = 0; level < l->count; level++) {
                ovp_numeric_map(l->ctx[level], (ovp_numeric_fn)fn, OVP_F64, BLOCK, x, y);
                for (int i = 0; i < BLOCK; i++) {
                    double error = ulps(exact[i], (double)exact[i], y[i], 53, -1074);
                    if (error > worst[level]) worst[level] = error, where[level] = x[i];
                }
            }
        }
        for (int level = 0; level < l->count; level++) {
            print_message("[          ] %s f64 %s: %.4f ulp at %a\n", bounds[fn].name, ovp_isa(l->ctx[level]),
                          worst[level], where[level]);
            assert_true(worst[level] <= bounds[fn].f64);
        }
    }
}

static void special_values_are_those_of_c99(void **state) {
    const levels *l = *state;
    static const struct {
        ovp_numeric_fn fn;
        double x, y;
    } cases[] = {
        /* C99 annex F.9 */
        {OVP_FN_EXP, 0, 1},
        {OVP_FN_EXP, -0.0, 1},
        {OVP_FN_EXP, INFINITY, INFINITY},
        {OVP_FN_EXP, -INFINITY, 0},
        {OVP_FN_EXP, 1e30, INFINITY},
        {OVP_FN_EXP, -1e30, 0},
        {OVP_FN_EXP, NAN, NAN},
        {OVP_FN_LOG, 1, 0},
        {OVP_FN_LOG, 0, -INFINITY},
        {OVP_FN_LOG, -0.0, -INFINITY},
        {OVP_FN_LOG, -1, NAN},
        {OVP_FN_LOG, -INFINITY, NAN},
        {OVP_FN_LOG, INFINITY, INFINITY},
        {OVP_FN_LOG, NAN, NAN},
        {OVP_FN_TANH, 0, 0},
        {OVP_FN_TANH, -0.0, -0.0},
        {OVP_FN_TANH, INFINITY, 1},
        {OVP_FN_TANH, -INFINITY, -1},
        {OVP_FN_TANH, 30, 1},
        {OVP_FN_TANH, NAN, NAN},
        {OVP_FN_SIN, 0, 0},
        {OVP_FN_SIN, -0.0, -0.0},
        {OVP_FN_SIN, INFINITY, NAN},
        {OVP_FN_SIN, -INFINITY, NAN},
        {OVP_FN_SIN, NAN, NAN},
        {OVP_FN_COS, 0, 1},
        {OVP_FN_COS, -0.0, 1},
        {OVP_FN_COS, INFINITY, NAN},
        {OVP_FN_COS, -INFINITY, NAN},
        {OVP_FN_COS, NAN, NAN},
        {OVP_FN_ERF, 0, 0},
        {OVP_FN_ERF, -0.0, -0.0},
        {OVP_FN_ERF, INFINITY, 1},
        {OVP_FN_ERF, -INFINITY, -1},
        {OVP_FN_ERF, -30, -1},
        {OVP_FN_ERF, NAN, NAN},
    };
    for (int level = 0; level < l->count; level++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            /* lane 0 goes through the vector loop, lane 32 through the scalar tail */
            double x64[33], expected = cases[i].y;
            float x32[33];
            for (int lane = 0; lane < 33; lane++) x32[lane] = (float)(x64[lane] = cases[i].x);
            ovp_numeric_map(l->ctx[level], cases[i].fn, OVP_F64, 33, x64, x64);
            ovp_numeric_map(l->ctx[level], cases[i].fn, OVP_F32, 33, x32, x32);
            for (int lane = 0; lane < 33; lane += 32)
                for (int wide = 0; wide < 2; wide++) {
                    double got = wide ? x64[lane] : (double)x32[lane];
                    int same = isnan(expected) ? isnan(got) : got == expected && !signbit(got) == !signbit(expected);
                    if (!same)
                        fail_msg("%s(%g) = %g in f%d", bounds[cases[i].fn].name, cases[i].x, got, wide ? 64 : 32);
                }
        }
}

/* sin(1e22) = -0.85220084976718880177..., the classic test of argument reduction (K. C. Ng 1992, "Argument reduction
 * for huge arguments: good to the last bit"); the rest is libm through the f32 sweep, which has every exponent. */
static void huge_angles_are_reduced(void **state) {
    const levels *l = *state;
    for (int level = 0; level < l->count; level++) {
        double x[70];
        for (int i = 0; i < 70; i++) x[i] = i % 3 ? 0.5 : 1e22;
        ovp_numeric_map(l->ctx[level], OVP_FN_SIN, OVP_F64, 70, x, x);
        for (int i = 0; i < 70; i++) assert_true(fabs(x[i] - (i % 3 ? sin(0.5) : -0.8522008497671888018)) < 2e-16);
    }
}

/* Runs `kernel` on parts of x of every length and alignment and in place: the bits must be those of one long call. */
static void same_bits(ovp_numeric_kernel kernel, const char *name, size_t size, const unsigned char *x,
                      const unsigned char *start) {
    enum { N = 300 };
    static unsigned char whole[N * 8], part[N * 8 + 64];
    memcpy(whole, start, N * size);
    kernel(N, x, whole);
    for (size_t from = 0; from < 20; from += 3)
        for (size_t n = 0; n < 70; n++) {
            memcpy(part + size, start + from * size, n * size);
            kernel((ovp_idx)n, x + from * size, part + size);
            if (memcmp(part + size, whole + from * size, n * size) != 0)
                fail_msg("%s: other bits for %zu elements from %zu", name, n, from);
        }
    memcpy(part, x, N * size);
    memcpy(whole, x, N * size);
    kernel(N, whole, whole); /* in place */
    kernel(N, x, part);
    if (memcmp(part, whole, N * size) != 0) fail_msg("%s: other bits in place", name);
}

static void bits_do_not_depend_on_length_or_alignment(void **state) {
    const levels *l = *state;
    static float x32[300], g32[300];
    static double x64[300], g64[300];
    uint64_t seed = 77;
    for (int i = 0; i < 300; i++) {
        x64[i] = i % 50 == 7 ? 3e7 : random_real(&seed, -9, 9);
        g64[i] = random_real(&seed, -2, 2);
        x32[i] = (float)x64[i];
        g32[i] = (float)g64[i];
    }
    for (int level = 0; level < l->count; level++)
        for (int type = OVP_F32; type <= OVP_F64; type++) {
            const ovp_numeric_kernels *k = ovp_numeric_kernels_at(ovp_isa_rank(l->ctx[level]), (ovp_numeric_type)type);
            const void *x = type == OVP_F32 ? (const void *)x32 : x64, *g = type == OVP_F32 ? (const void *)g32 : g64;
            const size_t size = type == OVP_F32 ? 4 : 8;
            for (int fn = 0; fn < OVP_FN_COUNT; fn++) same_bits(k->map[fn], bounds[fn].name, size, x, g);
            for (int a = 0; a < OVP_ACT_COUNT; a++) {
                same_bits(k->phi[a], ovp_numeric_activation_at(a)->name, size, x, g);
                same_bits(k->dphi_mul[a], ovp_numeric_activation_at(a)->name, size, x, g);
            }
        }
}

/* z for activations: dense, wide, tiny, and every kink and its neighbourhood. */
static double sample_z(int i, uint64_t *seed) {
    switch (i % 8) {
    case 0:
        return random_real(seed, -40, 40);
    case 1:
        return random_real(seed, -1e-3, 1e-3);
    case 2:
        return (double)(i / 8 % 7) - 3; /* integers: all kinks */
    case 3:
        return i & 8 ? -0.0 : 0.0;
    case 4:
        return random_real(seed, -1.001, -0.999);
    default:
        return random_real(seed, -6, 6);
    }
}

static void near(const char *what, const ovp_numeric_activation *a, ovp_numeric_type type, const ovp_ctx *ctx, double z,
                 double got, double expected, double tolerance) {
    if (isnan(expected) ? !isnan(got) : !(fabs(got - expected) <= tolerance))
        fail_msg("%s %s %s %s: z %.17g gave %.17g, expected %.17g", ovp_isa(ctx), ovp_numeric_type_name(type), a->name,
                 what, z, got, expected);
}

static void activations_agree_with_the_reference(void **state) {
    const levels *l = *state;
    enum { N = 8000 };
    static float z32[N], h32[N], g32[N], ref32[N], slope32[N];
    static double z64[N], h64[N], g64[N], ref64[N], slope64[N];
    uint64_t seed = 4242;
    for (int i = 0; i < N; i++) {
        z32[i] = i % 100 == 99 ? NAN : (float)sample_z(i, &seed);
        z64[i] = (double)z32[i];
    }
    const ovp_numeric_activation *a;
    for (ovp_idx id = 0; (a = ovp_numeric_activation_at(id)); id++)
        for (int level = 0; level < l->count; level++) {
            const ovp_ctx *ctx = l->ctx[level];
            for (int i = 0; i < N; i++) g32[i] = slope32[i] = (float)(g64[i] = slope64[i] = i % 2 ? -1.5 : 2);
            ovp_numeric_phi(ctx, a, OVP_F32, N, z32, h32);
            ovp_numeric_phi(ctx, a, OVP_F64, N, z64, h64);
            ovp_numeric_dphi_mul(ctx, a, OVP_F32, N, a->from_output ? h32 : z32, g32);
            ovp_numeric_dphi_mul(ctx, a, OVP_F64, N, a->from_output ? h64 : z64, g64);
            ovp_numeric_reference_phi(a, OVP_F64, N, z64, ref64);
            ovp_numeric_reference_phi(a, OVP_F32, N, z32, ref32);
            ovp_numeric_reference_dphi_mul(a, OVP_F64, N, z64, slope64);
            ovp_numeric_reference_dphi_mul(a, OVP_F32, N, z32, slope32);
            for (int i = 0; i < N; i++) {
                /* phi: relative, but for the left tail of gelu, where exp enlarges the rounding of z^2; phi' from the
                 * output loses what the output rounded off
                 */
                const double e32 = FLT_EPSILON, e64 = DBL_EPSILON;
                near("phi", a, OVP_F32, ctx, z64[i], (double)h32[i], (double)ref32[i], e32 * (3 * fabs(ref64[i]) + .1));
                near("phi", a, OVP_F64, ctx, z64[i], h64[i], ref64[i], e64 * (4 * fabs(ref64[i]) + .1));
                near("phi'", a, OVP_F32, ctx, z64[i], (double)g32[i], (double)slope32[i],
                     e32 * (4 * fabs(slope64[i]) + 2));
                near("phi'", a, OVP_F64, ctx, z64[i], g64[i], slope64[i], e64 * (4 * fabs(slope64[i]) + 4));
            }
        }
}

static void map_agrees_with_its_reference(void **state) {
    const levels *l = *state;
    float x[3] = {0.3f, 1.7f, 2.9f}, y[3], r[3];
    for (int fn = 0; fn < OVP_FN_COUNT; fn++)
        for (int level = 0; level < l->count; level++) {
            ovp_numeric_map(l->ctx[level], (ovp_numeric_fn)fn, OVP_F32, 3, x, y);
            ovp_numeric_reference_map((ovp_numeric_fn)fn, OVP_F32, 3, x, r);
            for (int i = 0; i < 3; i++) assert_true(fabsf(y[i] - r[i]) <= 2 * FLT_EPSILON * fabsf(r[i]));
        }
}

static void every_slot_of_the_table_is_valid(void **state) {
    (void)state;
    for (int rank = -1; rank <= 3; rank++) /* ranks this build lacks give base */
        for (int type = OVP_F32; type <= OVP_F64; type++) {
            const ovp_numeric_kernels *k = ovp_numeric_kernels_at(rank, (ovp_numeric_type)type);
            for (int i = 0; i < OVP_FN_COUNT; i++) assert_non_null(k->map[i]);
            for (int i = 0; i < OVP_ACT_COUNT; i++) assert_true(k->phi[i] && k->dphi_mul[i]);
        }
    assert_ptr_equal(ovp_numeric_kernels_at(99, OVP_F64), ovp_numeric_kernels_at(0, OVP_F64));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_values_are_those_of_c99),
        cmocka_unit_test(huge_angles_are_reduced),
        cmocka_unit_test(bits_do_not_depend_on_length_or_alignment),
        cmocka_unit_test(activations_agree_with_the_reference),
        cmocka_unit_test(map_agrees_with_its_reference),
        cmocka_unit_test(every_slot_of_the_table_is_valid),
        cmocka_unit_test(f32_errors_are_bounded),
        cmocka_unit_test(f64_errors_are_bounded),
    };
    return cmocka_run_group_tests(tests, levels_setup, levels_teardown);
}
