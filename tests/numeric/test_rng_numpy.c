/* The numpy stream against what numpy 1.24.2 returned: every numpy record of rng-vectors.json, each value bit for bit
 * (source: the file's "meta"), normals on other platforms than the records' within one unit in the last place; choice
 * and shuffle on the other kinds; states saved and loaded. */
#include "allocator.h"
#include "numeric/rng_records.h"

#include "numeric/rng_int.h"

#include <math.h>

#define NUMPY_RECORDS 227
#define NUMPY_OUTPUTS 268

static ovp_ctx *context(const char *isa) {
    ovp_ctx_options options = {.size = sizeof(options), .isa = isa};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    return ctx;
}

static ovp_numeric_rng *stream(ovp_ctx *ctx, ovp_numeric_rng_kind kind, int64_t seed) {
    ovp_numeric_rng *rng;
    assert_int_equal(ovp_numeric_rng_create(&rng, ctx, kind, seed, OVP_PURPOSE_GENERAL, 0), OVP_OK);
    return rng;
}

/* ---- the records ----------------------------------------------------------------------------------------------- */

static double real_arg(const json_t *args, const char *key) {
    const json_t *value = json_object_get(args, key);
    if (!json_is_number(value)) fail_msg("no argument '%s'", key);
    return json_number_value(value);
}

static int64_t int_arg(const json_t *args, const char *key) {
    const json_t *value = json_object_get(args, key);
    if (!json_is_integer(value)) fail_msg("no argument '%s'", key);
    return json_integer_value(value);
}

/* The records' own platform: elsewhere the C library's log may differ in its last bit. */
static int same_log_as_the_records(void) {
#if defined(__x86_64__) && defined(__GLIBC__)
    return __builtin_cpu_supports("fma") != 0;
#else
    return 0;
#endif
}

/* The printed values of an output, within one unit in the last place. */
static void compare_within_one(const char *where, const json_t *out, ovp_idx n, const double *values) {
    static const char *const keys[] = {"all_hex", "first_hex", "last_hex"};
    assert_int_equal(json_integer_value(json_object_get(out, "n")), n);
    for (int k = 0; k < 3; k++) {
        const json_t *list = json_object_get(out, keys[k]);
        ovp_idx count = (ovp_idx)json_array_size(list), start = k == 2 ? n - count : 0;
        for (ovp_idx i = 0; i < count; i++) {
            double expected = strtod(json_string_value(json_array_get(list, (size_t)i)), NULL);
            double got = values[start + i];
            if (got < nextafter(expected, -INFINITY) || got > nextafter(expected, INFINITY)) {
                fail_msg("%s [%lld]: %a, expected %a", where, (long long)(start + i), got, expected);
            }
        }
    }
}

static const char *draw_choice(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    const json_t *given = json_object_get(args, "p");
    ovp_idx a = int_arg(args, "a");
    double p[16];
    assert_in_range(json_array_size(given), 0, 16);
    for (size_t i = 0; i < json_array_size(given); i++) p[i] = json_number_value(json_array_get(given, i));
    assert_int_equal(
        ovp_numeric_numpy_choice(rng, a, n, json_is_true(json_object_get(args, "replace")), given ? p : NULL, out),
        OVP_OK);
    return "i64";
}

/* Fills out with the n values of one operation and returns their type. */
static const char *draw(ovp_numeric_rng *rng, const char *op, const json_t *args, ovp_idx n, void *out) {
    int64_t *whole = out;
    if (!strcmp(op, "random_sample")) {
        ovp_numeric_rng_uniform(rng, OVP_F64, n, 0.0, 1.0, out);
    } else if (!strcmp(op, "uniform")) {
        ovp_numeric_rng_uniform(rng, OVP_F64, n, real_arg(args, "low"), real_arg(args, "high"), out);
    } else if (!strcmp(op, "randn")) {
        ovp_numeric_rng_normal(rng, OVP_F64, n, 0.0, 1.0, out);
    } else if (!strcmp(op, "normal")) {
        ovp_numeric_rng_normal(rng, OVP_F64, n, real_arg(args, "loc"), real_arg(args, "scale"), out);
    } else {
        if (!strcmp(op, "randint")) {
            ovp_numeric_rng_integers(rng, n, int_arg(args, "low"), int_arg(args, "high"), out);
        } else if (!strcmp(op, "permutation")) {
            ovp_numeric_rng_permutation(rng, n, out);
        } else if (!strcmp(op, "shuffle") || !strcmp(op, "shuffle_rows")) {
            for (ovp_idx i = 0; i < n; i++) whole[i] = i; /* the items of arange(n), or the numbers of the rows */
            ovp_numeric_numpy_shuffle(rng, n, whole);
        } else if (!strcmp(op, "choice")) {
            return draw_choice(rng, args, n, out);
        } else {
            fail_msg("no operation '%s'", op);
        }
        return "i64";
    }
    return "f64";
}

static ovp_numeric_rng *seeded(ovp_ctx *ctx, const json_t *seed) {
    uint32_t key[8];
    if (json_is_integer(seed)) return stream(ctx, OVP_RNG_NUMPY, json_integer_value(seed));
    assert_in_range(json_array_size(seed), 1, 8);
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_NUMPY, 7);
    double spent;
    ovp_numeric_rng_normal(rng, OVP_F64, 1, 0.0, 1.0, &spent); /* the seeding must forget the kept normal */
    for (size_t i = 0; i < json_array_size(seed); i++) {
        key[i] = (uint32_t)json_integer_value(json_array_get(seed, i));
    }
    assert_int_equal(ovp_numeric_numpy_seed_array(rng, (ovp_idx)json_array_size(seed), key), OVP_OK);
    return rng;
}

static void run_records(const char *isa) {
    ovp_ctx *ctx = context(isa);
    json_t *record, *step, *root = records_load("rng-vectors.json");
    size_t i, k;
    int records = 0, outputs = 0;
    char where[160];
    json_array_foreach(json_object_get(root, "records"), i, record) {
        if (strcmp(json_string_value(json_object_get(record, "lib")), "numpy")) continue;
        ovp_numeric_rng *rng = seeded(ctx, json_object_get(record, "seed"));
        json_array_foreach(json_object_get(record, "steps"), k, step) {
            const char *op = json_string_value(json_object_get(step, "op"));
            const json_t *args = json_object_get(step, "args");
            ovp_idx n = int_arg(args, "n");
            void *values = malloc((size_t)n * 8 + 1);
            snprintf(where, sizeof(where), "record %zu step %zu %s", i, k, op);
            const char *type = draw(rng, op, args, n, values);
            const json_t *out = json_object_get(step, "out");
            if (!strcmp(op, "randn") || !strcmp(op, "normal")) compare_within_one(where, out, n, values);
            if (same_log_as_the_records() || (strcmp(op, "randn") && strcmp(op, "normal"))) {
                records_compare(where, out, type, n, values);
            }
            free(values);
            outputs++;
        }
        ovp_numeric_rng_free(rng);
        records++;
    }
    assert_int_equal(records, NUMPY_RECORDS);
    assert_int_equal(outputs, NUMPY_OUTPUTS);
    json_decref(root);
    ovp_ctx_free(ctx);
}

static void records_of_the_library(void **state) {
    (void)state;
    run_records(NULL);
}

static void records_at_the_base_level(void **state) {
    (void)state;
    run_records("base");
}

/* ---- the rest of the interface --------------------------------------------------------------------------------- */

/* Element types and the cutting of calls change nothing; f32 is f64 rounded. */
static void floats_are_rounded_doubles(void **state) {
    (void)state;
    enum { N = 501 };
    double d[N];
    float f[N];
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_NUMPY, 9);
    for (int normal = 0; normal < 2; normal++) {
        void (*fill)(ovp_numeric_rng *, ovp_numeric_type, ovp_idx, double, double, void *) =
            normal ? ovp_numeric_rng_normal : ovp_numeric_rng_uniform;
        assert_int_equal(ovp_numeric_rng_seed(rng, 9), OVP_OK);
        fill(rng, OVP_F64, N, 0.3, 1.7, d);
        assert_int_equal(ovp_numeric_rng_seed(rng, 9), OVP_OK);
        for (int i = 0; i < N; i += 3) fill(rng, OVP_F32, 3, 0.3, 1.7, f + i);
        for (int i = 0; i < N; i++) assert_true(f[i] == (float)d[i]);
    }
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

/* The words are torch's for the same seed (both are MT19937). randint of one value draws nothing; a range of 2^32 takes
 * one word, one more takes two. */
static void words_consumed(void **state) {
    (void)state;
    uint32_t words[16];
    int64_t k[4];
    double u[4];
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_NUMPY, 3), *torch = stream(ctx, OVP_RNG_TORCH, 3);
    for (int i = 0; i < 16; i++) words[i] = ovp_numeric_rng_word(torch);
#define AFTER(count, call)                                                                                             \
    do {                                                                                                               \
        assert_int_equal(ovp_numeric_rng_seed(rng, 3), OVP_OK);                                                        \
        call;                                                                                                          \
        assert_int_equal(ovp_numeric_rng_word(rng), words[count]);                                                     \
    } while (0)
    AFTER(0, ovp_numeric_rng_integers(rng, 4, 5, 6, k));
    assert_true(k[0] == 5 && k[3] == 5);
    AFTER(4, ovp_numeric_rng_integers(rng, 4, -1, (INT64_C(1) << 32) - 1, k));
    assert_true(k[0] == (int64_t)words[0] - 1 && k[3] == (int64_t)words[3] - 1);
    AFTER(2, ovp_numeric_rng_integers(rng, 1, INT64_MIN, INT64_MAX, k));
    assert_true(k[0] == (int64_t)(((uint64_t)words[0] << 32 | words[1]) + (UINT64_C(1) << 63)));
    AFTER(8, ovp_numeric_rng_uniform(rng, OVP_F64, 4, 0.0, 1.0, u));
    AFTER(0, ovp_numeric_rng_permutation(rng, 1, k));
    AFTER(0, ovp_numeric_rng_permutation(rng, 0, k));
    AFTER(0, assert_int_equal(ovp_numeric_numpy_choice(rng, 5, 0, 1, NULL, k), OVP_OK));
#undef AFTER
    assert_int_equal(ovp_numeric_rng_get_kind(rng), OVP_RNG_NUMPY);
    ovp_numeric_rng_free(rng);
    ovp_numeric_rng_free(torch);
    ovp_ctx_free(ctx);
}

/* numpy.random.seed(range(700)), longer than the state: random_sample(2), by numpy 1.24.2. */
static void long_key(void **state) {
    (void)state;
    uint32_t key[700];
    double u[2];
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_NUMPY, 0);
    for (uint32_t i = 0; i < 700; i++) key[i] = i;
    assert_int_equal(ovp_numeric_numpy_seed_array(rng, 700, key), OVP_OK);
    ovp_numeric_rng_uniform(rng, OVP_F64, 2, 0.0, 1.0, u);
    assert_true(u[0] == 0x1.bc5d2d9c885aep-1);
    assert_true(u[1] == 0x1.d46ba8b5b281dp-1);
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

/* On every kind: a permutation is a shuffle of 0..n-1; choice without replacement is its beginning, with replacement
 * the integers, with probabilities a look-up of the uniforms in the running sums. */
static void choice_on_every_kind(void **state) {
    (void)state;
    enum { A = 50, N = 20, MANY = 4000 };
    static const double p[4] = {0.5, 0.0, 0.25, 0.25}, cdf[4] = {0.5, 0.5, 0.75, 1.0};
    static int64_t k[MANY], order[A], other[A];
    static double u[MANY];
    ovp_ctx *ctx = context(NULL);
    for (int kind = OVP_RNG_PHILOX; kind <= OVP_RNG_NUMPY; kind++) {
        ovp_numeric_rng *a = stream(ctx, (ovp_numeric_rng_kind)kind, 12);
        ovp_numeric_rng *b = stream(ctx, (ovp_numeric_rng_kind)kind, 12);
        ovp_numeric_rng_permutation(a, A, order);
        for (int i = 0; i < A; i++) other[i] = 100 - i;
        ovp_numeric_numpy_shuffle(b, A, other);
        for (int i = 0; i < A; i++) assert_int_equal(other[i], 100 - order[i]);
        ovp_numeric_rng_permutation(a, A, order);
        assert_int_equal(ovp_numeric_numpy_choice(b, A, N, 0, NULL, k), OVP_OK);
        assert_memory_equal(k, order, sizeof(int64_t) * N);
        ovp_numeric_rng_integers(a, A, 0, A, order);
        assert_int_equal(ovp_numeric_numpy_choice(b, A, A, 1, NULL, k), OVP_OK);
        assert_memory_equal(k, order, sizeof(order));
        ovp_numeric_rng_uniform(a, OVP_F64, MANY, 0.0, 1.0, u);
        assert_int_equal(ovp_numeric_numpy_choice(b, 4, MANY, 1, p, k), OVP_OK);
        for (int i = 0; i < MANY; i++) {
            assert_true(k[i] >= 0 && k[i] < 4 && k[i] != 1);
            assert_true(u[i] < cdf[k[i]] && (k[i] == 0 || u[i] >= cdf[k[i] - 1]));
        }
        assert_int_equal(ovp_numeric_numpy_choice(b, 4, 3, 0, p, k), OVP_OK);
        assert_int_equal(1 << k[0] | 1 << k[1] | 1 << k[2], 1 | 4 | 8);
        ovp_numeric_rng_free(a);
        ovp_numeric_rng_free(b);
    }
    ovp_ctx_free(ctx);
}

static void refuse_choice(ovp_numeric_rng *rng, ovp_idx a, ovp_idx n, int replace, const double *p, const char *says) {
    int64_t out[8];
    uint8_t before[OVP_NUMERIC_RNG_STATE_BYTES], after[OVP_NUMERIC_RNG_STATE_BYTES];
    ovp_numeric_rng_save(rng, before);
    assert_int_equal(ovp_numeric_numpy_choice(rng, a, n, replace, p, out), OVP_EINVAL);
    if (!strstr(ovp_message(rng->ctx), says)) fail_msg("'%s' does not say '%s'", ovp_message(rng->ctx), says);
    ovp_clear(rng->ctx);
    ovp_numeric_rng_save(rng, after);
    assert_memory_equal(before, after, sizeof(before));
}

static void errors(void **state) {
    (void)state;
    static const int64_t outside[] = {-1, INT64_MIN, INT64_C(1) << 32, 12345678901};
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng, *none;
    rng = stream(ctx, OVP_RNG_NUMPY, UINT32_MAX);
    uint32_t first = ovp_numeric_rng_word(rng);
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        char value[32];
        snprintf(value, sizeof(value), "seed %lld outside 0..4294967295", (long long)outside[i]);
        assert_int_equal(ovp_numeric_rng_create(&none, ctx, OVP_RNG_NUMPY, outside[i], 0, 0), OVP_EINVAL);
        assert_null(none);
        assert_non_null(strstr(ovp_message(ctx), value));
        ovp_clear(ctx);
        assert_int_equal(ovp_numeric_rng_seed(rng, UINT32_MAX), OVP_OK);
        assert_int_equal(ovp_numeric_rng_seed(rng, outside[i]), OVP_EINVAL);
        assert_non_null(strstr(ovp_message(ctx), value));
        ovp_clear(ctx);
        assert_int_equal(ovp_numeric_rng_word(rng), first); /* the stream stays as it was */
    }
    assert_int_equal(ovp_numeric_numpy_seed_array(rng, 0, NULL), OVP_EINVAL);
    ovp_clear(ctx);
    refuse_choice(rng, 0, 1, 1, NULL, "from 0 items");
    refuse_choice(rng, 3, -1, 1, NULL, "-1 items");
    refuse_choice(rng, 3, 4, 0, NULL, "at most all 3");
    refuse_choice(rng, 3, 1, 1, (double[]){0.5, -0.25, 0.75}, "probability 1 is -0.25");
    refuse_choice(rng, 3, 1, 1, (double[]){0.5, 0.5, NAN}, "probability 2 is nan");
    refuse_choice(rng, 3, 1, 1, (double[]){0.5, 0.5, 1e-7}, "sum to 1.0000001");
    refuse_choice(rng, 3, 1, 1, (double[]){0.0, 0.0, 0.0}, "sum to 0");
    refuse_choice(rng, 3, 3, 0, (double[]){0.5, 0.5, 0.0}, "2 have a positive");
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

static void out_of_memory(void **state) {
    (void)state;
    static const double p[3] = {0.25, 0.25, 0.5};
    int left = 1000;
    int64_t k[2];
    ovp_allocator allocator = granting(&left);
    ovp_ctx_options options = {.size = sizeof(options), .allocator = &allocator};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_NUMPY, 1);
    for (int with_p = 0; with_p < 2; with_p++) {
        for (int grants = 0; grants < (with_p ? 3 : 1); grants++) {
            left = grants;
            assert_int_equal(ovp_numeric_numpy_choice(rng, 3, 2, 0, with_p ? p : NULL, k), OVP_ENOMEM);
            ovp_clear(ctx);
        }
        left = with_p ? 3 : 1;
        assert_int_equal(ovp_numeric_numpy_choice(rng, 3, 2, 0, with_p ? p : NULL, k), OVP_OK);
    }
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

/* ---- saved states ---------------------------------------------------------------------------------------------- */

/* Something of everything, so that position, kept normal and variant all matter; 40 doubles. */
static void some_of_everything(ovp_numeric_rng *rng, double *out) {
    int64_t k[10];
    ovp_numeric_rng_normal(rng, OVP_F64, 3, 0.1, 1.3, out);
    ovp_numeric_rng_uniform(rng, OVP_F64, 17, -0.1, 0.1, out + 3);
    ovp_numeric_rng_normal(rng, OVP_F64, 10, 0.1, 1.3, out + 20);
    ovp_numeric_rng_permutation(rng, 10, k);
    for (int i = 0; i < 10; i++) out[30 + i] = (double)k[i];
}

static void states_go_on(void **state) {
    (void)state;
    uint8_t bytes[OVP_NUMERIC_RNG_STATE_BYTES], again[OVP_NUMERIC_RNG_STATE_BYTES];
    double skip[40], one[40], two[40];
    ovp_ctx *ctx = context(NULL);
    for (int kind = OVP_RNG_PHILOX; kind <= OVP_RNG_NUMPY; kind++) {
        ovp_numeric_rng *a, *b = stream(ctx, (ovp_numeric_rng_kind)kind, 99);
        assert_int_equal(
            ovp_numeric_rng_create(&a, ctx, (ovp_numeric_rng_kind)kind, 12, OVP_PURPOSE_BATCH, UINT64_MAX - 5), OVP_OK);
        if (kind == OVP_RNG_TORCH) ovp_numeric_rng_set_torch_variant(a, OVP_TORCH_PLAIN);
        for (int round = 0; round < 30; round++) { /* past a refill, at odd and even counts of normals */
            ovp_numeric_rng_normal(a, OVP_F64, 1, 0.0, 1.0, skip);
            ovp_numeric_rng_save(a, bytes);
            some_of_everything(a, one);
            assert_int_equal(ovp_numeric_rng_load(b, bytes, sizeof(bytes)), OVP_OK);
            ovp_numeric_rng_save(b, again);
            assert_memory_equal(bytes, again, sizeof(bytes));
            some_of_everything(b, two);
            assert_memory_equal(one, two, sizeof(one));
        }
        ovp_numeric_rng_free(a);
        ovp_numeric_rng_free(b);
    }
    ovp_ctx_free(ctx);
}

/* docs/random.md, section 7: fields at their offsets, little endian. */
static void state_layout(void **state) {
    (void)state;
    uint8_t bytes[OVP_NUMERIC_RNG_STATE_BYTES];
    double z;
    ovp_ctx *ctx = context(NULL);
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_NUMPY, 42);
    ovp_numeric_rng_normal(rng, OVP_F64, 1, 0.0, 1.0, &z);
    ovp_numeric_rng_save(rng, bytes);
    assert_memory_equal(bytes, "OVPRNG1\0\2\0\0\0\0\0\0\0\1\0\0\0\4\0\0\0", 24);
    double kept;
    memcpy(&kept, bytes + 24, sizeof(kept));   /* these tests run on little endian processors */
    assert_true(kept == -0.13826430117118466); /* numpy: the second randn of seed 42 */
    uint64_t sum;
    memcpy(&sum, bytes + 2528, sizeof(sum));
    assert_true(sum == records_fnv(bytes, 2528));
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

static void bad_states(void **state) {
    (void)state;
    uint8_t good[OVP_NUMERIC_RNG_STATE_BYTES + 1] = {0}, bad[OVP_NUMERIC_RNG_STATE_BYTES], own[sizeof(bad)];
    ovp_ctx *ctx = context(NULL);
    for (int kind = OVP_RNG_PHILOX; kind <= OVP_RNG_NUMPY; kind++) {
        ovp_numeric_rng *rng = stream(ctx, (ovp_numeric_rng_kind)kind, 5);
        ovp_numeric_rng *other = stream(ctx, (ovp_numeric_rng_kind)((kind + 1) % 3), 5);
        ovp_numeric_rng_save(rng, good);
        ovp_numeric_rng_save(rng, own);
        for (size_t n = 0; n <= sizeof(good); n++) { /* cut short, too long */
            if (n == sizeof(bad)) continue;
            assert_int_equal(ovp_numeric_rng_load(rng, good, n), OVP_EFORMAT);
            ovp_clear(ctx);
        }
        for (size_t i = 0; i < sizeof(bad); i++) { /* every byte, one of its bits flipped */
            memcpy(bad, good, sizeof(bad));
            bad[i] ^= (uint8_t)(1 << i % 8);
            assert_int_equal(ovp_numeric_rng_load(rng, bad, sizeof(bad)), OVP_EFORMAT);
            ovp_clear(ctx);
        }
        /* Wrong values under a right checksum: kind, variant, kept normal, position, and philox's purpose. */
        static const int fields[] = {8, 12, 16, 20, 56};
        for (int f = 0; f < 5; f++) {
            if (fields[f] == 56 && kind != OVP_RNG_PHILOX) continue;
            memcpy(bad, good, sizeof(bad));
            memset(bad + fields[f], 0xff, 4);
            uint64_t sum = records_fnv(bad, 2528);
            memcpy(bad + 2528, &sum, sizeof(sum));
            assert_int_equal(ovp_numeric_rng_load(rng, bad, sizeof(bad)), OVP_EFORMAT);
            ovp_clear(ctx);
        }
        assert_int_equal(ovp_numeric_rng_load(other, good, sizeof(bad)), OVP_EINVAL);
        assert_non_null(strstr(ovp_message(ctx), "kind"));
        ovp_clear(ctx);
        ovp_numeric_rng_save(rng, bad);
        assert_memory_equal(bad, own, sizeof(bad)); /* nothing of all this touched the stream */
        ovp_numeric_rng_free(rng);
        ovp_numeric_rng_free(other);
    }
    ovp_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_the_library),
        cmocka_unit_test(records_at_the_base_level),
        cmocka_unit_test(floats_are_rounded_doubles),
        cmocka_unit_test(words_consumed),
        cmocka_unit_test(long_key),
        cmocka_unit_test(choice_on_every_kind),
        cmocka_unit_test(errors),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(states_go_on),
        cmocka_unit_test(state_layout),
        cmocka_unit_test(bad_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
