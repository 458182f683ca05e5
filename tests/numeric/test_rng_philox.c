/* The philox streams: promised values (vectors of an independent program, known answers of Random123), laws (position,
 * splitting, keys) and statistics. */
#include "numeric/rng_records.h"

#include "numeric/rng_int.h"
#include "numeric/rng_philox_math.h"

#include <math.h>

#define PHILOX_RECORDS 73
#define PHILOX_OUTPUTS 170

static ovp_ctx *context(const char *isa) {
    ovp_ctx_options options = {.size = sizeof(options), .isa = isa};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    return ctx;
}

static ovp_numeric_rng *stream(ovp_ctx *ctx, int64_t seed, int purpose, uint64_t index) {
    ovp_numeric_rng *rng;
    assert_int_equal(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, (ovp_numeric_purpose)purpose, index),
                     OVP_OK);
    return rng;
}

/* Known answers of Random123 (kat_vectors, philox4x32 with 10 rounds), which fix the place of every field, too. */
static void known_answers(void **state) {
    (void)state;
    ovp_numeric_philox zero = {0}, ones = {UINT64_MAX, UINT64_MAX, 0, 255};
    ovp_numeric_philox pi = {UINT64_C(0x299f31d0a4093822), UINT64_C(0x0370734413198a2e), 0, 0x85};
    assert_true(ovp_numeric_philox_draw(&zero, 0, 0) == UINT64_C(0x6627e8d5e169c58d));
    assert_true(ovp_numeric_philox_draw(&zero, 1, 0) == UINT64_C(0xbc57ac4c9b00dbd8));
    uint64_t last = ((UINT64_C(1) << 48) - 1) * 2;
    assert_true(ovp_numeric_philox_draw(&ones, last, 255) == UINT64_C(0x408f276d41c83b0e));
    assert_true(ovp_numeric_philox_draw(&ones, last + 1, 255) == UINT64_C(0xa20bc7c66d5451fd));
    uint64_t p = UINT64_C(0x08d3243f6a88) * 2;
    assert_true(ovp_numeric_philox_draw(&pi, p, 0xa3) == UINT64_C(0xd16cfe0994fdcceb));
    assert_true(ovp_numeric_philox_draw(&pi, p + 1, 0xa3) == UINT64_C(0x5001e42024126ea1));
}

static double arg(const json_t *args, const char *key) {
    const json_t *value = json_object_get(args, key);
    if (!json_is_number(value)) fail_msg("no argument '%s'", key);
    return json_number_value(value);
}

static const char *run_step(ovp_numeric_rng *rng, const char *op, const json_t *args, ovp_idx n, void *out) {
    int is_f64 = strstr(op, "_f64") != NULL;
    ovp_numeric_type type = is_f64 ? OVP_F64 : OVP_F32;
    if (!strncmp(op, "uniform", 7)) {
        ovp_numeric_rng_uniform(rng, type, n, arg(args, "a"), arg(args, "b"), out);
    } else if (!strncmp(op, "normal", 6)) {
        ovp_numeric_rng_normal(rng, type, n, arg(args, "mean"), arg(args, "std"), out);
    } else {
        if (!strcmp(op, "word")) {
            for (ovp_idx i = 0; i < n; i++) ((int64_t *)out)[i] = ovp_numeric_rng_word(rng);
        } else if (!strcmp(op, "integers")) {
            ovp_numeric_rng_integers(rng, n, json_integer_value(json_object_get(args, "low")),
                                     json_integer_value(json_object_get(args, "high")), out);
        } else if (!strcmp(op, "permutation")) {
            ovp_numeric_rng_permutation(rng, n, out);
        } else {
            fail_msg("no operation '%s'", op);
        }
        return "i64";
    }
    return is_f64 ? "f64" : "f32";
}

static void run_vectors(const char *isa) {
    ovp_ctx *ctx = context(isa);
    json_t *record, *step, *root = records_load("philox-vectors.json");
    size_t i, k;
    int outputs = 0;
    char where[160];
    assert_int_equal(json_array_size(json_object_get(root, "records")), PHILOX_RECORDS);
    json_array_foreach(json_object_get(root, "records"), i, record) {
        int64_t seed = json_integer_value(json_object_get(record, "seed"));
        uint64_t index = strtoull(json_string_value(json_object_get(record, "index")), NULL, 10);
        ovp_numeric_rng *rng = stream(ctx, seed, (int)json_integer_value(json_object_get(record, "purpose")), index);
        json_array_foreach(json_object_get(record, "steps"), k, step) {
            const char *op = json_string_value(json_object_get(step, "op"));
            const json_t *args = json_object_get(step, "args");
            if (!strcmp(op, "skip")) {
                ovp_numeric_philox_skip(rng, (uint64_t)json_integer_value(json_object_get(args, "draws")));
                continue;
            }
            ovp_idx n = json_integer_value(json_object_get(args, "n"));
            void *values = malloc((size_t)n * 8 + 1);
            snprintf(where, sizeof(where), "record %zu step %zu %s", i, k, op);
            const char *type = run_step(rng, op, args, n, values);
            records_compare(where, json_object_get(step, "out"), type, n, values);
            outputs++;
            free(values);
        }
        ovp_numeric_rng_free(rng);
    }
    assert_int_equal(outputs, PHILOX_OUTPUTS);
    json_decref(root);
    ovp_ctx_free(ctx);
}

static void vectors(void **state) {
    (void)state;
    run_vectors(NULL);
}

static void vectors_at_the_base_level(void **state) {
    (void)state;
    run_vectors("base");
}

/* However calls are cut, and whatever their type, element i of a stream is the same. */
static void splitting_does_not_matter(void **state) {
    (void)state;
    enum { N = 1000 };
    static const int cuts[] = {1, 2, 3, 63, 64, 65, 127, 5};
    double u[N], z[N], piece[N];
    float piece32[N];
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, 11, OVP_PURPOSE_INIT, 3);
    ovp_numeric_rng_uniform(rng, OVP_F64, N, -2.0, 3.0, u);
    assert_int_equal(ovp_numeric_rng_seed(rng, 11), OVP_OK);
    ovp_numeric_rng_normal(rng, OVP_F64, N, 0.5, 3.0, z);
    for (size_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
        ovp_numeric_rng_seed(rng, 11);
        for (int i = 0, turn = 0; i < N; i += cuts[c], turn++) {
            ovp_idx n = i + cuts[c] < N ? cuts[c] : N - i;
            switch (turn % 4) {
            case 0:
                ovp_numeric_rng_uniform(rng, OVP_F64, n, -2.0, 3.0, piece);
                assert_memory_equal(piece, u + i, sizeof(double) * (size_t)n);
                break;
            case 1:
                ovp_numeric_rng_normal(rng, OVP_F64, n, 0.5, 3.0, piece);
                assert_memory_equal(piece, z + i, sizeof(double) * (size_t)n);
                break;
            case 2:
                ovp_numeric_rng_uniform(rng, OVP_F32, n, -2.0, 3.0, piece32);
                for (ovp_idx k = 0; k < n; k++) assert_true(piece32[k] == (float)u[i + k]);
                break;
            default:
                ovp_numeric_rng_normal(rng, OVP_F32, n, 0.5, 3.0, piece32);
                for (ovp_idx k = 0; k < n; k++) assert_true(piece32[k] == (float)z[i + k]);
            }
        }
    }
    for (int i = N - 1; i >= 0; i -= 37) { /* any order, through skip */
        ovp_numeric_rng_seed(rng, 11);
        ovp_numeric_philox_skip(rng, (uint64_t)i);
        ovp_numeric_rng_normal(rng, OVP_F64, 1, 0.5, 3.0, piece);
        assert_true(piece[0] == z[i]);
    }
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* 3 seeds x 5 purposes x 40 indices, 16 words each: no two 64-bit pairs alike (chance of a false alarm 6e-13). */
static void streams_differ(void **state) {
    (void)state;
    enum { SEEDS = 3, PURPOSES = 5, INDICES = 40, PAIRS = 8, ALL = SEEDS * PURPOSES * INDICES * PAIRS };
    static uint64_t seen[ALL];
    static const int64_t seeds[SEEDS] = {0, 1, INT64_C(1) << 32};
    ovp_ctx *ctx = context(NULL);
    int k = 0;
    for (int s = 0; s < SEEDS; s++) {
        for (int purpose = 0; purpose < PURPOSES; purpose++) {
            for (uint64_t index = 0; index < INDICES; index++) {
                ovp_numeric_rng *rng = stream(ctx, seeds[s], purpose, index < 20 ? index : index << 32);
                for (int i = 0; i < PAIRS; i++, k++) {
                    seen[k] = (uint64_t)ovp_numeric_rng_word(rng) << 32;
                    seen[k] |= ovp_numeric_rng_word(rng);
                }
                ovp_numeric_rng_free(rng);
            }
        }
    }
    qsort(seen, ALL, sizeof(seen[0]), by_value);
    for (int i = 1; i < ALL; i++) assert_true(seen[i] != seen[i - 1]);
    ovp_ctx_free(ctx);
}

/* Our log, sin and cos against the C library's long double ones (80 bits on x86-64, 128 on arm64). */
static void own_log_and_sincos(void **state) {
    (void)state;
    enum { N = 400000 };
    const long double two_pi = 6.283185307179586476925286766559L;
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, 1, OVP_PURPOSE_TEST, 0);
    double worst_log = 0.0, worst_trig = 0.0;
    for (int i = 0; i < N; i++) {
        double u, s, c, x;
        ovp_numeric_rng_uniform(rng, OVP_F64, 1, 0.0, 1.0, &u);
        /* every binade down to 2^-53, and the neighbourhood of 1 */
        x = i % 3 == 0 ? ldexp(u + 1.0, -(i % 53) - 1) : i % 3 == 1 ? 1.0 - ldexp(u, -(i % 50)) : u;
        if (x <= 0.0) continue;
        if (x < 1.0) {
            long double exact = logl((long double)x);
            worst_log = fmax(worst_log, (double)fabsl(((long double)ovp_philox_log(x) - exact) / exact));
        }
        /* near the quarter turns, where one of the two vanishes, and everywhere */
        double turn = i % 2 ? u : rint(u * 0x1p20) * 0x1p-20 + 0x1p-53 * (double)(i % 7);
        if (turn >= 1.0) continue;
        ovp_philox_sincos(turn, &s, &c);
        long double nearest = rintl(4.0L * (long double)turn); /* exact reduction, as turn has 53 bits */
        long double t = ((long double)turn - nearest / 4.0L) * two_pi, es = sinl(t), ec = cosl(t);
        int quarter = (int)nearest & 3;
        long double exact_s = quarter == 0 ? es : quarter == 1 ? ec : quarter == 2 ? -es : -ec;
        long double exact_c = quarter == 0 ? ec : quarter == 1 ? -es : quarter == 2 ? -ec : es;
        if (exact_s != 0) worst_trig = fmax(worst_trig, (double)fabsl(((long double)s - exact_s) / exact_s));
        if (exact_c != 0) worst_trig = fmax(worst_trig, (double)fabsl(((long double)c - exact_c) / exact_c));
    }
    print_message("log %.3g, sin and cos %.3g (relative)\n", worst_log, worst_trig);
    assert_true(worst_log < 3e-16 && worst_log > 0.0);
    assert_true(worst_trig < 4e-16 && worst_trig > 0.0);
    double s, c;
    ovp_philox_sincos(0.0, &s, &c);
    assert_true(s == 0.0 && c == 1.0);
    ovp_philox_sincos(0.25, &s, &c);
    assert_true(s == 1.0 && c == 0.0);
    ovp_philox_sincos(0.5, &s, &c);
    assert_true(s == 0.0 && c == -1.0);
    ovp_philox_sincos(0.75, &s, &c);
    assert_true(s == -1.0 && c == 0.0);
    assert_true(ovp_philox_log(1.0) == 0.0);
    assert_true(fabs(ovp_philox_log(0x1p-53) + 53.0 * M_LN2) < 1e-14);
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

static int by_real(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cdf(double x, int normal) {
    return normal ? 0.5 * erfc(-x * M_SQRT1_2) : x;
}

/* Kolmogorov's statistic sqrt(n) D, sorted in place. */
static double kolmogorov(double *x, int n, int normal) {
    double d = 0.0;
    qsort(x, (size_t)n, sizeof(x[0]), by_real);
    for (int i = 0; i < n; i++) {
        double f = cdf(x[i], normal);
        d = fmax(d, fmax(f - (double)i / n, (double)(i + 1) / n - f));
    }
    return d * sqrt((double)n);
}

/* Streams are fixed, so these cannot flicker; limits: P(sqrt(n) D > 2.2) = 1.3e-4 a sample, moments within 4.5 standard
 * errors. Neighbouring elements (the two of a Box-Muller pair, and across pairs) must not be correlated. */
static void distributions(void **state) {
    (void)state;
    enum { N = 50000, STREAMS = 4 };
    static double x[N];
    ovp_ctx *ctx = context(NULL);
    for (uint64_t k = 0; k < STREAMS; k++) {
        for (int normal = 0; normal < 2; normal++) {
            ovp_numeric_rng *rng = stream(ctx, 2024, OVP_PURPOSE_DATA, k);
            double mean = 0.0, square = 0.0, fourth = 0.0, pairs = 0.0, across = 0.0;
            if (normal) {
                ovp_numeric_rng_normal(rng, OVP_F64, N, 0.0, 1.0, x);
            } else {
                ovp_numeric_rng_uniform(rng, OVP_F64, N, 0.0, 1.0, x);
            }
            double centre = normal ? 0.0 : 0.5, variance = normal ? 1.0 : 1.0 / 12, kurtosis = normal ? 3.0 : 1.8;
            for (int i = 0; i < N; i++) {
                double d = x[i] - centre;
                mean += d / N;
                square += d * d / N;
                fourth += d * d * d * d / N;
                if (i + 1 < N) *(i % 2 ? &across : &pairs) += d * (x[i + 1] - centre) / (N / 2);
            }
            double four = variance * variance;
            assert_true(fabs(mean) < 4.5 * sqrt(variance / N));
            assert_true(fabs(square - variance) < 4.5 * sqrt((kurtosis - 1.0) * four / N));
            /* E x^8: 105 for normals, 1/2304 for uniforms */
            double eighth = normal ? 105.0 : 1.0 / 2304;
            assert_true(fabs(fourth - kurtosis * four) < 4.5 * sqrt((eighth - kurtosis * kurtosis * four * four) / N));
            assert_true(fabs(pairs) < 4.5 * variance / sqrt(N / 2));
            assert_true(fabs(across) < 4.5 * variance / sqrt(N / 2));
            assert_true(kolmogorov(x, N, normal) < 2.2);
            ovp_numeric_rng_free(rng);
        }
    }
    ovp_ctx_free(ctx);
}

/* chi^2 of 10 bins (9 degrees: P(> 33.7) = 1e-4), and of the 24 permutations of 4 (23 degrees: P(> 58.6) = 6e-5). A
 * range just over 2^63, where half of all draws are rejected, must be even as well. */
static void integers_are_even(void **state) {
    (void)state;
    enum { N = 60000 };
    static int64_t k[N];
    double counts[24] = {0}, chi = 0.0;
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, 8, OVP_PURPOSE_BATCH, 0);
    ovp_numeric_rng_integers(rng, N, -5, 5, k);
    for (int i = 0; i < N; i++) {
        assert_in_range(k[i] + 5, 0, 9);
        counts[k[i] + 5]++;
    }
    for (int b = 0; b < 10; b++) chi += (counts[b] - N / 10.0) * (counts[b] - N / 10.0) / (N / 10.0);
    assert_true(chi < 33.7 && chi > 0.5);
    memset(counts, 0, sizeof(counts));
    ovp_numeric_rng_integers(rng, N, INT64_MIN, 12345, k);
    for (int i = 0; i < N; i++) {
        assert_true(k[i] < 12345);
        counts[(int)((double)(k[i] - INT64_MIN / 2) / 0x1p63 * 10 + 5)]++;
    }
    chi = 0.0;
    for (int b = 0; b < 10; b++) chi += (counts[b] - N / 10.0) * (counts[b] - N / 10.0) / (N / 10.0);
    assert_true(chi < 33.7 && chi > 0.5);
    memset(counts, 0, sizeof(counts));
    for (int i = 0; i < N; i++) {
        int64_t p[4];
        ovp_numeric_rng_permutation(rng, 4, p);
        assert_int_equal(1 << p[0] | 1 << p[1] | 1 << p[2] | 1 << p[3], 15);
        int code = (int)p[0] * 6;
        int second = (int)(p[1] - (p[1] > p[0]));
        counts[code + second * 2 + (p[2] > p[3])]++;
    }
    chi = 0.0;
    for (int b = 0; b < 24; b++) chi += (counts[b] - N / 24.0) * (counts[b] - N / 24.0) / (N / 24.0);
    assert_true(chi < 58.6 && chi > 5.0);
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

/* b is never reached: in [1, 1 + 2^-23) only 1 is left, though half of the draws round up. */
static void half_open(void **state) {
    (void)state;
    enum { N = 5000 };
    static float x[N];
    static double d[N];
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, 8, OVP_PURPOSE_GENERAL, 0);
    ovp_numeric_rng_uniform(rng, OVP_F32, N, 1.0, 1.0 + 0x1p-23, x);
    for (int i = 0; i < N; i++) assert_true(x[i] == 1.0f);
    ovp_numeric_rng_uniform(rng, OVP_F64, N, 1.0, 1.0 + 0x1p-52, d);
    for (int i = 0; i < N; i++) assert_true(d[i] == 1.0);
    ovp_numeric_rng_uniform(rng, OVP_F32, N, 2.5, 2.5, x);
    for (int i = 0; i < N; i++) assert_true(x[i] == 2.5f);
    assert_int_equal(ovp_numeric_rng_get_kind(rng), OVP_RNG_PHILOX);
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

/* Moves on to an even position and stays there; the other kinds know no blocks. */
static void aligned(void **state) {
    (void)state;
    uint8_t before[OVP_NUMERIC_RNG_STATE_BYTES], after[OVP_NUMERIC_RNG_STATE_BYTES];
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, 8, OVP_PURPOSE_DATA, 1);
    uint32_t words[6];
    for (int i = 0; i < 6; i++) words[i] = ovp_numeric_rng_word(rng);
    assert_int_equal(ovp_numeric_rng_seed(rng, 8), OVP_OK);
    ovp_numeric_rng_align(rng);
    assert_int_equal(ovp_numeric_rng_word(rng), words[0]);
    ovp_numeric_rng_align(rng);
    ovp_numeric_rng_align(rng);
    assert_int_equal(ovp_numeric_rng_word(rng), words[2]);
    assert_int_equal(ovp_numeric_rng_word(rng), words[3]);
    ovp_numeric_rng_align(rng);
    assert_int_equal(ovp_numeric_rng_word(rng), words[4]);
    ovp_numeric_rng_free(rng);
    for (int kind = OVP_RNG_TORCH; kind <= OVP_RNG_NUMPY; kind++) {
        assert_int_equal(ovp_numeric_rng_create(&rng, ctx, (ovp_numeric_rng_kind)kind, 8, 0, 0), OVP_OK);
        (void)ovp_numeric_rng_word(rng);
        ovp_numeric_rng_save(rng, before);
        ovp_numeric_rng_align(rng);
        ovp_numeric_rng_save(rng, after);
        assert_memory_equal(before, after, sizeof(before));
        ovp_numeric_rng_free(rng);
    }
    ovp_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(vectors),
        cmocka_unit_test(vectors_at_the_base_level),
        cmocka_unit_test(splitting_does_not_matter),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(own_log_and_sincos),
        cmocka_unit_test(distributions),
        cmocka_unit_test(integers_are_even),
        cmocka_unit_test(half_open),
        cmocka_unit_test(aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
