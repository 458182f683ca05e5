/* The torch stream against what torch 1.13.1 returned: every torch and torch-scalar record of rng-vectors.json, each
 * value bit for bit (source: the file's "meta"; made by the live library under AVX2 and with
 * ATEN_CPU_CAPABILITY=default). */
#include "allocator.h"
#include "numeric/rng_records.h"

#include <overparam/net.h>

#include "numeric/rng_int.h"

#include <math.h>

#define TORCH_RECORDS 431
#define PLAIN_RECORDS 9
#define TORCH_OUTPUTS 560 /* outputs compared for the two torch kinds together; layers give two */

typedef struct run {
    ovp_ctx *ctx;
    ovp_numeric_rng *rng;
    char where[160];
    int outputs;
} run;

static double real_arg(const json_t *args, const char *key) {
    const json_t *value = json_object_get(args, key);
    if (!json_is_number(value)) fail_msg("no argument '%s'", key);
    return json_number_value(value);
}

static ovp_idx int_arg(const json_t *args, const char *key) {
    const json_t *value = json_object_get(args, key);
    if (!json_is_integer(value)) fail_msg("no argument '%s'", key);
    return json_integer_value(value);
}

static void compare(run *r, const json_t *out, const char *type, ovp_idx n, const void *values) {
    records_compare(r->where, out, type, n, values);
    r->outputs++;
}

/* ---- operations on n elements; each fills `out` and returns its type ------------------------------------------- */

typedef const char *(*element_op)(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out);

static const char *op_rand(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    (void)args;
    ovp_numeric_rng_uniform(rng, OVP_F32, n, 0.0, 1.0, out);
    return "f32";
}

static const char *op_rand_f64(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    (void)args;
    ovp_numeric_rng_uniform(rng, OVP_F64, n, 0.0, 1.0, out);
    return "f64";
}

static const char *op_uniform(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    ovp_numeric_rng_uniform(rng, OVP_F32, n, real_arg(args, "a"), real_arg(args, "b"), out);
    return "f32";
}

static const char *op_uniform_f64(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    ovp_numeric_rng_uniform(rng, OVP_F64, n, real_arg(args, "a"), real_arg(args, "b"), out);
    return "f64";
}

static const char *op_randn(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    (void)args;
    ovp_numeric_rng_normal(rng, OVP_F32, n, 0.0, 1.0, out);
    return "f32";
}

static const char *op_randn_f64(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    (void)args;
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0.0, 1.0, out);
    return "f64";
}

static const char *op_normal(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    ovp_numeric_rng_normal(rng, OVP_F32, n, real_arg(args, "mean"), real_arg(args, "std"), out);
    return "f32";
}

static const char *op_normal_f64(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    ovp_numeric_rng_normal(rng, OVP_F64, n, real_arg(args, "mean"), real_arg(args, "std"), out);
    return "f64";
}

/* The tensors the records were made with: mean[i] = i/2 - 3, std[i] = i/4 + 1/2. */
static const char *normal_each(ovp_numeric_rng *rng, ovp_idx n, double mean, int means, double std, int stds,
                               float *out) {
    float *m = malloc(sizeof(float) * (size_t)n), *s = malloc(sizeof(float) * (size_t)n);
    for (ovp_idx i = 0; i < n; i++) {
        m[i] = 0.5f * (float)i - 3.0f;
        s[i] = 0.25f * (float)i + 0.5f;
    }
    ovp_numeric_torch_normal_each(rng, n, mean, means ? m : NULL, std, stds ? s : NULL, out);
    free(m);
    free(s);
    return "f32";
}

static const char *op_normal_mean(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    return normal_each(rng, n, 0.0, 1, real_arg(args, "std"), 0, out);
}

static const char *op_normal_std(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    return normal_each(rng, n, real_arg(args, "mean"), 0, 0.0, 1, out);
}

static const char *op_normal_both(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    (void)args;
    return normal_each(rng, n, 0.0, 1, 0.0, 1, out);
}

static const char *op_trunc_normal(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    ovp_numeric_torch_trunc_normal(rng, n, real_arg(args, "mean"), real_arg(args, "std"), real_arg(args, "a"),
                                   real_arg(args, "b"), out);
    return "f32";
}

static const char *op_bernoulli_number(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    ovp_numeric_torch_bernoulli(rng, OVP_F32, n, real_arg(args, "p"), out);
    return "f32";
}

static const char *op_bernoulli(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    float *p = malloc(sizeof(float) * (size_t)n);
    for (ovp_idx i = 0; i < n; i++) p[i] = (float)real_arg(args, "p");
    ovp_numeric_torch_bernoulli_each(rng, n, p, out);
    free(p);
    return "f32";
}

static const char *op_randint(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    ovp_numeric_rng_integers(rng, n, int_arg(args, "low"), int_arg(args, "high"), out);
    return "i64";
}

static const char *op_randperm(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    (void)args;
    ovp_numeric_rng_permutation(rng, n, out);
    return "i64";
}

static const char *op_random(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    (void)args;
    ovp_numeric_torch_random(rng, n, out);
    return "i64";
}

static const char *op_random_full(ovp_numeric_rng *rng, const json_t *args, ovp_idx n, void *out) {
    (void)args;
    ovp_numeric_torch_random_full(rng, n, out);
    return "i64";
}

static const struct {
    const char *name;
    element_op op;
} element_ops[] = {
    {"rand", op_rand},
    {"rand_f64", op_rand_f64},
    {"uniform", op_uniform},
    {"uniform_f64", op_uniform_f64},
    {"randn", op_randn},
    {"randn_f64", op_randn_f64},
    {"normal", op_normal},
    {"normal_f64", op_normal_f64},
    {"normal_mean_tensor", op_normal_mean},
    {"normal_std_tensor", op_normal_std},
    {"normal_both_tensors", op_normal_both},
    {"init_trunc_normal", op_trunc_normal},
    {"bernoulli_", op_bernoulli_number},
    {"bernoulli", op_bernoulli},
    {"randint", op_randint},
    {"randperm", op_randperm},
    {"random_", op_random},
    {"random_full64", op_random_full},
};

static int run_element_op(run *r, const char *op, const json_t *args, const json_t *out) {
    for (size_t i = 0; i < sizeof(element_ops) / sizeof(element_ops[0]); i++) {
        if (strcmp(op, element_ops[i].name)) continue;
        ovp_idx n = int_arg(args, "n");
        void *values = malloc((size_t)n * 8 + 1);
        const char *type = element_ops[i].op(r->rng, args, n, values);
        compare(r, out, type, n, values);
        free(values);
        return 1;
    }
    return 0;
}

/* ---- initialisation and layers, through the functions the models use ------------------------------------------- */

static void tensor(run *r, const json_t *out, const char *rule, double gain, ovp_net_role role, ovp_idx fan_in,
                   ovp_idx fan_out, ovp_idx n) {
    float *values = malloc(sizeof(float) * (size_t)n);
    assert_int_equal(ovp_net_init_tensor(r->ctx, rule, gain, role, fan_in, fan_out, r->rng, OVP_F32, n, values),
                     OVP_OK);
    compare(r, out, "f32", n, values);
    free(values);
}

static double gain_arg(const json_t *args) {
    const char *name = json_string_value(json_object_get(args, "nonlinearity"));
    if (!strcmp(name, "leaky_relu")) return sqrt(2.0 / (1.0 + real_arg(args, "a") * real_arg(args, "a")));
    return ovp_net_gain(name);
}

static int run_init(run *r, const char *op, const json_t *args, const json_t *out) {
    const json_t *shape = json_object_get(args, "shape"), *mode = json_object_get(args, "mode");
    ovp_idx field = 1, n = 1;
    if (strncmp(op, "init_", 5) || !shape) return 0;
    for (size_t d = 0; d < json_array_size(shape); d++) {
        ovp_idx extent = json_integer_value(json_array_get(shape, d));
        n *= extent;
        if (d >= 2) field *= extent;
    }
    if (!strcmp(op, "init_normal")) {
        float *values = malloc(sizeof(float) * (size_t)n);
        ovp_numeric_rng_normal(r->rng, OVP_F32, n, real_arg(args, "mean"), real_arg(args, "std"), values);
        compare(r, out, "f32", n, values);
        free(values);
        return 1;
    }
    ovp_idx fan_in = json_integer_value(json_array_get(shape, 1)) * field;
    ovp_idx fan_out = json_integer_value(json_array_get(shape, 0)) * field;
    int by_out = mode && !strcmp(json_string_value(mode), "fan_out");
    if (!strcmp(op, "init_kaiming_uniform") || !strcmp(op, "init_kaiming_normal")) {
        const char *rule = op[13] == 'u' ? "kaiming-uniform" : "kaiming-normal";
        tensor(r, out, rule, gain_arg(args), OVP_ROLE_WEIGHT, by_out ? fan_out : fan_in, fan_out, n);
    } else if (!strcmp(op, "init_xavier_uniform") || !strcmp(op, "init_xavier_normal")) {
        const char *rule = op[12] == 'u' ? "xavier-uniform" : "xavier-normal";
        tensor(r, out, rule, real_arg(args, "gain"), OVP_ROLE_WEIGHT, fan_in, fan_out, n);
    } else {
        return 0;
    }
    return 1;
}

static int run_layer(run *r, const char *op, const json_t *args, const json_t *out) {
    const json_t *weight = json_object_get(out, "weight"), *bias = json_object_get(out, "bias");
    if (!strcmp(op, "Embedding")) { /* normal_(0, 1): the rule "normal" with fan-in 1 */
        ovp_idx n = int_arg(args, "num") * int_arg(args, "dim");
        tensor(r, weight ? weight : out, "normal", 0.0, OVP_ROLE_WEIGHT, 1, 1, n);
        return 1;
    }
    int linear = !strcmp(op, "Linear");
    if (!linear && strcmp(op, "Conv2d")) return 0;
    ovp_idx k = linear ? 1 : int_arg(args, "k"), groups = linear ? 1 : int_arg(args, "groups");
    ovp_idx outputs = int_arg(args, "out"), fan_in = int_arg(args, "in") / groups * k * k;
    assert_non_null(weight);
    tensor(r, weight, "torch-default", 0.0, OVP_ROLE_WEIGHT, fan_in, outputs * k * k, outputs * fan_in);
    assert_int_equal(json_is_true(json_object_get(args, "bias")), bias != NULL);
    if (bias) tensor(r, bias, "torch-default", 0.0, OVP_ROLE_BIAS, fan_in, outputs * k * k, outputs);
    return 1;
}

/* ---- data ------------------------------------------------------------------------------------------------------ */

static int run_data(run *r, const char *op, const json_t *args, const json_t *out) {
    if (!strcmp(op, "random_split")) {
        const json_t *lengths = json_object_get(args, "lengths");
        ovp_idx total = 0;
        for (size_t i = 0; i < json_array_size(lengths); i++) total += json_integer_value(json_array_get(lengths, i));
        int64_t *order = malloc(sizeof(int64_t) * (size_t)total);
        ovp_numeric_rng_permutation(r->rng, total, order);
        compare(r, out, "i64", total, order);
        free(order);
        return 1;
    }
    if (strcmp(op, "DataLoader")) return 0;
    ovp_numeric_rng *own = NULL;
    const json_t *seed = json_object_get(args, "gen_seed");
    ovp_idx n = int_arg(args, "n"), epochs = int_arg(args, "epochs");
    if (json_is_integer(seed)) {
        assert_int_equal(ovp_numeric_rng_create(&own, r->ctx, OVP_RNG_TORCH, json_integer_value(seed), 0, 0), OVP_OK);
    }
    ovp_numeric_torch_loader loader = {r->rng, own, n, json_is_true(json_object_get(args, "shuffle"))};
    int64_t *order = malloc(sizeof(int64_t) * (size_t)(n * epochs));
    for (ovp_idx e = 0; e < epochs; e++) {
        ovp_numeric_torch_loader_begin(&loader, order + e * n);
        ovp_numeric_torch_loader_end(&loader);
    }
    compare(r, out, "i64", n * epochs, order);
    free(order);
    ovp_numeric_rng_free(own);
    return 1;
}

/* ---- the whole file -------------------------------------------------------------------------------------------- */

static void run_record(run *r, const json_t *record, size_t line, int plain) {
    size_t i;
    json_t *step;
    int64_t seed = json_integer_value(json_object_get(record, "seed"));
    assert_true(json_is_integer(json_object_get(record, "seed")));
    assert_int_equal(ovp_numeric_rng_create(&r->rng, r->ctx, OVP_RNG_TORCH, seed, OVP_PURPOSE_GENERAL, 0), OVP_OK);
    if (plain) ovp_numeric_rng_set_torch_variant(r->rng, OVP_TORCH_PLAIN);
    json_array_foreach(json_object_get(record, "steps"), i, step) {
        const char *op = json_string_value(json_object_get(step, "op"));
        const json_t *args = json_object_get(step, "args"), *out = json_object_get(step, "out");
        snprintf(r->where, sizeof(r->where), "record %zu (seed %lld) step %zu %s", line, (long long)seed, i, op);
        if (!strcmp(op, "manual_seed")) {
            assert_int_equal(ovp_numeric_rng_seed(r->rng, int_arg(args, "seed")), OVP_OK);
            continue;
        }
        assert_non_null(out);
        if (!run_element_op(r, op, args, out) && !run_init(r, op, args, out) && !run_layer(r, op, args, out) &&
            !run_data(r, op, args, out)) {
            fail_msg("%s: no such operation", r->where);
        }
    }
    ovp_numeric_rng_free(r->rng);
}

static void run_all(const char *isa) {
    ovp_ctx_options options = {.size = sizeof(options), .isa = isa};
    run r = {0};
    int torch = 0, plain = 0;
    size_t i;
    json_t *record, *root = records_load("rng-vectors.json");
    assert_int_equal(ovp_ctx_create(&r.ctx, &options), OVP_OK);
    json_array_foreach(json_object_get(root, "records"), i, record) {
        const char *lib = json_string_value(json_object_get(record, "lib"));
        if (!strcmp(lib, "numpy")) continue; /* test_rng_numpy.c */
        int is_plain = !strcmp(lib, "torch-scalar");
        if (!is_plain) assert_string_equal(lib, "torch");
        run_record(&r, record, i, is_plain);
        torch += !is_plain;
        plain += is_plain;
    }
    assert_int_equal(torch, TORCH_RECORDS);
    assert_int_equal(plain, PLAIN_RECORDS);
    assert_int_equal(r.outputs, TORCH_OUTPUTS);
    json_decref(root);
    ovp_ctx_free(r.ctx);
}

static void records_of_the_library(void **state) {
    (void)state;
    run_all(NULL);
}

/* The code for processors without AVX2 and FMA gives the same bits. */
static void records_at_the_base_level(void **state) {
    (void)state;
    run_all("base");
}

static ovp_numeric_rng *stream(ovp_ctx *ctx, int64_t seed) {
    ovp_numeric_rng *rng;
    assert_int_equal(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, seed, OVP_PURPOSE_GENERAL, 0), OVP_OK);
    return rng;
}

/* fmaf(u, d, a) is computed three ways; awkward ranges must agree with it to the bit, at every level. */
static void fused_uniform_is_one_rounding(void **state) {
    (void)state;
    static const double ranges[][2] = {{-0.1, 0.1},   {0.0, 0.3},     {-1.0 / 28, 1.0 / 28}, {100.0, 100.001},
                                       {-1e-30, 0.7}, {1e-42, 3e-42}, {-3e38, 1e38},         {5.0, 5.0}};
    enum { N = 3000 };
    float u[N], x[N];
    for (int level = 0; level < 2; level++) {
        ovp_ctx_options options = {.size = sizeof(options), .isa = level ? NULL : "base"};
        ovp_ctx *ctx;
        assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
        ovp_numeric_rng *rng = stream(ctx, 5);
        for (size_t k = 0; k < sizeof(ranges) / sizeof(ranges[0]); k++) {
            float a = (float)ranges[k][0], d = (float)ranges[k][1] - a;
            ovp_numeric_rng_seed(rng, 5);
            ovp_numeric_rng_uniform(rng, OVP_F32, N, 0.0, 1.0, u);
            ovp_numeric_rng_seed(rng, 5);
            ovp_numeric_rng_uniform(rng, OVP_F32, N, ranges[k][0], ranges[k][1], x);
            for (int i = 0; i < N; i++) {
                float expected = fmaf(u[i], d, a);
                assert_memory_equal(&x[i], &expected, sizeof(expected));
            }
        }
        ovp_numeric_rng_free(rng);
        ovp_ctx_free(ctx);
    }
}

static void long_float_draws_agree_between_levels(void **state) {
    (void)state;
    enum { N = 100003 };
    float *x[2];
    for (int level = 0; level < 2; level++) {
        ovp_ctx_options options = {.size = sizeof(options), .isa = level ? NULL : "base"};
        ovp_ctx *ctx;
        assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
        ovp_numeric_rng *rng = stream(ctx, 77);
        x[level] = malloc(sizeof(float) * N);
        ovp_numeric_rng_normal(rng, OVP_F32, N, 0.25, 1.5, x[level]);
        ovp_numeric_rng_free(rng);
        ovp_ctx_free(ctx);
    }
    assert_memory_equal(x[0], x[1], sizeof(float) * N);
    free(x[0]);
    free(x[1]);
}

/* First outputs of the engine for seed 42 as torch and numpy both give them; the 10000th of MT19937's reference seed
 * 5489 is 4123659995 (ISO C++, [rand.predef]). */
static void engine(void **state) {
    (void)state;
    static const uint32_t first[] = {1608637542u, 3421126067u, 4083286876u, 787846414u};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, NULL), OVP_OK);
    ovp_numeric_rng *rng = stream(ctx, 42);
    for (int i = 0; i < 4; i++) assert_int_equal(ovp_numeric_rng_word(rng), first[i]);
    assert_int_equal(ovp_numeric_rng_seed(rng, 5489), OVP_OK);
    for (int i = 0; i < 9999; i++) (void)ovp_numeric_rng_word(rng);
    assert_int_equal(ovp_numeric_rng_word(rng), 4123659995u);
    ovp_numeric_rng_seed(rng, 5489);
    ovp_numeric_mt_skip(&rng->u.torch.mt, 9999);
    assert_int_equal(ovp_numeric_rng_word(rng), 4123659995u);
    assert_int_equal(ovp_numeric_rng_get_kind(rng), OVP_RNG_TORCH);
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

/* Words drawn by each call (docs/random.md): the word after it is known by its place in the stream. */
static void words_consumed(void **state) {
    (void)state;
    float f[64];
    double d[64];
    int64_t k[64];
    uint32_t words[512];
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, NULL), OVP_OK);
    ovp_numeric_rng *rng = stream(ctx, 3);
    for (int i = 0; i < 512; i++) words[i] = ovp_numeric_rng_word(rng);
#define AFTER(count, call)                                                                                             \
    do {                                                                                                               \
        ovp_numeric_rng_seed(rng, 3);                                                                                  \
        call;                                                                                                          \
        assert_int_equal(ovp_numeric_rng_word(rng), words[count]);                                                     \
    } while (0)
    AFTER(0, ovp_numeric_rng_uniform(rng, OVP_F32, 0, 0.0, 1.0, f));
    AFTER(0, ovp_numeric_rng_normal(rng, OVP_F32, 0, 0.0, 1.0, f));
    AFTER(33, ovp_numeric_rng_uniform(rng, OVP_F32, 33, 0.0, 1.0, f));
    AFTER(66, ovp_numeric_rng_uniform(rng, OVP_F64, 33, 0.0, 1.0, d));
    AFTER(4, ovp_numeric_rng_normal(rng, OVP_F32, 2, 0.0, 1.0, f));
    AFTER(32, ovp_numeric_rng_normal(rng, OVP_F32, 15, 0.0, 1.0, f));
    AFTER(32, ovp_numeric_rng_normal(rng, OVP_F32, 32, 0.0, 1.0, f));
    AFTER(49, ovp_numeric_rng_normal(rng, OVP_F32, 33, 0.0, 1.0, f));
    AFTER(98, ovp_numeric_rng_normal(rng, OVP_F64, 33, 0.0, 1.0, d));
    AFTER(7, ovp_numeric_rng_integers(rng, 7, 0, 10, k));
    AFTER(14, ovp_numeric_rng_integers(rng, 7, 0, INT64_C(1) << 32, k));
    AFTER(6, ovp_numeric_rng_permutation(rng, 7, k));
    AFTER(0, ovp_numeric_rng_permutation(rng, 1, k));
    AFTER(0, ovp_numeric_rng_permutation(rng, 0, k));
    AFTER(10, ovp_numeric_torch_bernoulli(rng, OVP_F64, 5, 0.5, d));
    AFTER(20, ovp_numeric_torch_trunc_normal(rng, 20, 0.0, 1.0, -2.0, 2.0, f));
#undef AFTER
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

static void errors(void **state) {
    (void)state;
    ovp_ctx *ctx;
    ovp_numeric_rng *rng = NULL;
    assert_int_equal(ovp_ctx_create(&ctx, NULL), OVP_OK);
    assert_int_equal(ovp_numeric_rng_create(&rng, ctx, (ovp_numeric_rng_kind)9, 0, 0, 0), OVP_EINVAL);
    assert_non_null(strstr(ovp_message(ctx), "kind 9"));
    assert_null(rng);
    ovp_clear(ctx);
    assert_int_equal(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 0, (ovp_numeric_purpose)256, 0), OVP_EINVAL);
    assert_non_null(strstr(ovp_message(ctx), "purpose 256"));
    ovp_clear(ctx);
    ovp_numeric_rng_free(NULL);
    ovp_ctx_free(ctx);
}

static void out_of_memory(void **state) {
    (void)state;
    int left = 1000;
    ovp_allocator allocator = granting(&left);
    ovp_ctx_options options = {.size = sizeof(options), .allocator = &allocator};
    ovp_ctx *ctx;
    ovp_numeric_rng *rng = NULL;
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    left = 0;
    assert_int_equal(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, 1, 0, 0), OVP_ENOMEM);
    assert_null(rng);
    ovp_ctx_free(ctx);
}

/* torch.utils.data.random_split with fractions: dataset.py of torch 1.13 by hand. */
static void split_lengths(void **state) {
    (void)state;
    ovp_idx lengths[3];
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, NULL), OVP_OK);
    assert_int_equal(ovp_numeric_torch_split_lengths(ctx, 10, 3, (double[]){0.25, 0.25, 0.5}, lengths), OVP_OK);
    assert_int_equal(lengths[0], 3); /* 2, 2, 5 and one left over */
    assert_int_equal(lengths[1], 2);
    assert_int_equal(lengths[2], 5);
    assert_int_equal(ovp_numeric_torch_split_lengths(ctx, 10, 2, (double[]){0.5, 0.6}, lengths), OVP_EINVAL);
    ovp_clear(ctx);
    assert_int_equal(ovp_numeric_torch_split_lengths(ctx, 10, 2, (double[]){-0.5, 1.5}, lengths), OVP_EINVAL);
    assert_non_null(strstr(ovp_message(ctx), "-0.5"));
    ovp_clear(ctx);
    assert_int_equal(ovp_numeric_torch_split_lengths(ctx, 10, 0, NULL, lengths), OVP_EINVAL);
    ovp_clear(ctx);
    assert_int_equal(ovp_numeric_torch_split_lengths(ctx, -1, 1, (double[]){1.0}, lengths), OVP_EINVAL);
    ovp_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_the_library),
        cmocka_unit_test(records_at_the_base_level),
        cmocka_unit_test(fused_uniform_is_one_rounding),
        cmocka_unit_test(long_float_draws_agree_between_levels),
        cmocka_unit_test(engine),
        cmocka_unit_test(words_consumed),
        cmocka_unit_test(split_lengths),
        cmocka_unit_test(errors),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
