/* Synthetic sets: what numpy and torch drew and computed (tests/golden/synthetic.py), laws, every refusal. */
#include "io/helper.h"

#include "numeric/rng_records.h"

#include <math.h>

#include <overparam/data.h>

#define GOLDEN_CASES 20
#define GOLDEN_ARRAYS 152

static ovp_numeric_rng *stream(fixture *f, ovp_numeric_rng_kind kind, int64_t seed) {
    ovp_numeric_rng *rng;
    assert_ok(f, ovp_numeric_rng_create(&rng, f->ctx, kind, seed, OVP_PURPOSE_DATA, 0));
    return rng;
}

static ovp_data_synthetic_options defaults(fixture *f, const char *name, ovp_numeric_rng *rng) {
    ovp_data_synthetic_options o;
    assert_ok(f, ovp_data_synthetic_defaults(&o, f->ctx, name));
    o.rng = rng;
    return o;
}

/* ---- golden cases ------------------------------------------------------------------------------------ */

static void set_int(const json_t *from, const char *key, ovp_idx *to) {
    const json_t *value = json_object_get(from, key);
    if (json_is_integer(value)) *to = json_integer_value(value);
}

static void set_real(const json_t *from, const char *key, double *to) {
    const json_t *value = json_object_get(from, key);
    if (json_is_number(value)) *to = json_number_value(value);
}

static const double *set_reals(const json_t *from, const char *key, double *room) {
    const json_t *list = json_object_get(from, key);
    if (!json_is_array(list)) return NULL;
    assert_in_range(json_array_size(list), 1, 4);
    for (size_t i = 0; i < json_array_size(list); i++) room[i] = json_number_value(json_array_get(list, i));
    return room;
}

static void read_options(ovp_data_synthetic_options *o, const json_t *from, double *weights, double *bias) {
    const json_t *inputs = json_object_get(from, "inputs");
    set_int(from, "train", &o->train);
    set_int(from, "test", &o->test);
    set_int(from, "features", &o->features);
    set_int(from, "outputs", &o->outputs);
    set_int(from, "depth", &o->depth);
    set_int(from, "width", &o->width);
    set_real(from, "low", &o->low);
    set_real(from, "high", &o->high);
    set_real(from, "noise", &o->noise);
    set_real(from, "bias_scale", &o->bias_scale);
    set_real(from, "c", &o->c);
    set_real(from, "sigma", &o->sigma);
    if (inputs) o->inputs = strcmp(json_string_value(inputs), "uniform") ? OVP_INPUTS_GAUSSIAN : OVP_INPUTS_UNIFORM;
    o->weights = set_reals(from, "weights", weights);
    o->bias = set_reals(from, "bias", bias);
    o->published = json_is_true(json_object_get(from, "published"));
}

static double value_at(const ovp_numeric_array *array, ovp_idx i) {
    return array->type == OVP_F32 ? (double)((const float *)array->data)[i] : ((const double *)array->data)[i];
}

/* The printed values only, |difference| <= slack. */
static void compare_near(const char *where, const json_t *out, const ovp_numeric_array *got, double slack) {
    static const char *const keys[] = {"all_hex", "first_hex", "last_hex"};
    ovp_idx n = ovp_numeric_array_count(got);
    for (int k = 0; k < 3; k++) {
        const json_t *list = json_object_get(out, keys[k]);
        ovp_idx count = (ovp_idx)json_array_size(list), start = k == 2 ? n - count : 0;
        for (ovp_idx i = 0; i < count; i++) {
            double expected = strtod(json_string_value(json_array_get(list, (size_t)i)), NULL);
            double difference = fabs(value_at(got, start + i) - expected);
            if (!(difference <= slack)) fail_msg("%s [%lld]: off by %g", where, (long long)(start + i), difference);
        }
    }
}

/* slack 0: bit for bit, all values. */
static int compare(const char *where, const json_t *out, const ovp_numeric_array *got, double slack) {
    const json_t *shape = json_object_get(out, "shape");
    if (!out) return 0;
    if (json_integer_value(json_object_get(out, "n")) == 0) { /* no test part */
        assert_null(got->data);
        return 0;
    }
    assert_int_equal(json_array_size(shape), got->ndim);
    for (int d = 0; d < got->ndim; d++) {
        assert_int_equal(json_integer_value(json_array_get(shape, (size_t)d)), got->shape[d]);
    }
    if (slack == 0.0) {
        records_compare(where, out, ovp_numeric_type_name(got->type), ovp_numeric_array_count(got), got->data);
    } else {
        compare_near(where, out, got, slack);
    }
    return 1;
}

/* How far targets may be from the golden ones, in units of 2^-24 (f32) or 2^-53 (f64). 0, bit for bit, where they are
 * sums and products of one feature. Sums over features are in another order (measured 4), numpy's and torch's vector
 * sines are not the C library's (measured 1), a net's products go through another BLAS and tanh (measured 4). */
static double slack_of(const ovp_data_synthetic_set *set, const char *name) {
    double unit = set->type == OVP_F32 ? 0x1p-24 : 0x1p-53;
    if (!strcmp(name, "teacher")) return 16.0 * unit;
    if (!strcmp(name, "sinusoidal") || !strcmp(name, "complex") || !strcmp(name, "sin")) return 2.0 * unit;
    return set->features > 1 ? 8.0 * unit : 0.0;
}

static int run_case(fixture *f, const json_t *c, size_t index, ovp_numeric_type type) {
    const char *name = json_string_value(json_object_get(c, "name")), *t = ovp_numeric_type_name(type);
    int is_torch = !strcmp(json_string_value(json_object_get(c, "rng")), "torch"), compared = 0;
    if (is_torch && !json_object_get(json_object_get(c, "x"), t)) return 0;
    ovp_numeric_rng *rng =
        stream(f, is_torch ? OVP_RNG_TORCH : OVP_RNG_NUMPY, json_integer_value(json_object_get(c, "seed")));
    double weights[4], bias[4];
    char where[96];
    ovp_data_synthetic_options o = defaults(f, name, rng);
    ovp_data_synthetic_set set;
    read_options(&o, json_object_get(c, "options"), weights, bias);
    o.type = type;
    assert_ok(f, ovp_data_synthetic(&set, f->ctx, name, &o));
    double slack = slack_of(&set, name);
    const struct {
        const char *key;
        const ovp_numeric_array *got;
        double slack;
    } parts[] = {
        {"x", &set.x, 0.0},           {"y", &set.y, slack},           {"y_clean", &set.y_clean, slack},
        {"x_test", &set.x_test, 0.0}, {"y_test", &set.y_test, slack}, {"y_test_clean", &set.y_test_clean, slack}};
    for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
        snprintf(where, sizeof(where), "case %zu %s %s %s", index, name, t, parts[p].key);
        compared += compare(where, json_object_get(json_object_get(c, parts[p].key), t), parts[p].got, parts[p].slack);
    }
    compared += compare("weights", json_object_get(c, "weights"), &set.weights, 0.0);
    compared += compare("bias", json_object_get(c, "bias"), &set.bias, 0.0);
    if (json_object_get(c, "redrawn")) {
        snprintf(where, sizeof(where), "case %zu %s %s redrawn", index, name, t);
        assert_ok(f, ovp_data_synthetic_redraw(&set, f->ctx, rng));
        compared += compare(where, json_object_get(json_object_get(c, "redrawn"), t), &set.y, slack);
    }
    if (json_object_get(c, "next")) { /* the stream stands where torch's does */
        int64_t next;
        ovp_numeric_rng_integers(rng, 1, 0, INT64_C(1) << 31, &next);
        assert_int_equal(next, json_integer_value(json_object_get(c, "next")));
    }
    ovp_data_synthetic_free(f->ctx, &set);
    ovp_numeric_rng_free(rng);
    return compared;
}

static void golden(void **state) {
    fixture *f = *state;
    json_error_t error;
    size_t i;
    int arrays = 0;
    json_t *c, *root = json_load_file(OVP_TEST_DIR "/golden/data/synthetic.json", 0, &error);
    if (!root) fail_msg("synthetic.json: %s (line %d)", error.text, error.line);
    assert_int_equal(json_array_size(json_object_get(root, "cases")), GOLDEN_CASES);
    json_array_foreach(json_object_get(root, "cases"), i, c) {
        for (int type = OVP_F32; type <= OVP_F64; type++) arrays += run_case(f, c, i, (ovp_numeric_type)type);
    }
    assert_int_equal(arrays, GOLDEN_ARRAYS);
    json_decref(root);
}

/* ---- laws -------------------------------------------------------------------------------------------- */

static ovp_data_synthetic_options small(fixture *f, const char *name, ovp_numeric_rng *rng) {
    ovp_data_synthetic_options o = defaults(f, name, rng);
    o.train = 37;
    o.test = 11;
    return o;
}

static void table(void **state) {
    fixture *f = *state;
    ovp_data_synthetic_options o;
    ovp_idx count = 0;
    const ovp_data_synthetic_info *info;
    for (; (info = ovp_data_synthetic_at(count)); count++) {
        assert_ptr_equal(ovp_data_synthetic_find(info->name), info);
        assert_true(info->title[0] && info->knobs[0]);
        assert_ok(f, ovp_data_synthetic_defaults(&o, f->ctx, info->name));
        assert_int_equal(o.size, sizeof(o));
        assert_null(o.rng);
    }
    assert_int_equal(count, 8);
    assert_null(ovp_data_synthetic_at(-1));
    assert_null(ovp_data_synthetic_find("none"));
    assert_null(ovp_data_synthetic_find(NULL));
    assert_failed(f, ovp_data_synthetic_defaults(&o, f->ctx, "liner"), OVP_ENOTFOUND, "did you mean 'linear'");
    assert_failed(f, ovp_data_synthetic_defaults(&o, f->ctx, "no such thing"), OVP_ENOTFOUND, "constant, teacher");
}

static void same_arrays(const ovp_numeric_array *a, const ovp_numeric_array *b) {
    assert_int_equal(ovp_numeric_array_count(a), ovp_numeric_array_count(b));
    assert_int_equal(a->type, b->type);
    size_t bytes = (size_t)ovp_numeric_array_count(a) * ovp_numeric_type_size(a->type);
    assert_memory_equal(a->data, b->data, bytes);
}

/* Every set from every kind of stream: shapes, range, y without noise is y_clean, values() at x is y_clean, redrawing
 * touches y alone, the same seed gives the same set. */
static void every_set(void **state) {
    fixture *f = *state;
    const ovp_data_synthetic_info *info;
    for (ovp_idx i = 0; (info = ovp_data_synthetic_at(i)); i++) {
        for (int k = 0; k < 6; k++) {
            ovp_numeric_rng *rng = stream(f, (ovp_numeric_rng_kind)(k % 3), 9);
            ovp_data_synthetic_options o = small(f, info->name, rng);
            ovp_data_synthetic_set set, again;
            double values[37];
            o.type = k < 3 ? OVP_F32 : OVP_F64;
            o.noise = 0.0;
            assert_ok(f, ovp_data_synthetic(&set, f->ctx, info->name, &o));
            assert_ptr_equal(set.info, info);
            assert_int_equal(set.x.shape[0], 37);
            assert_int_equal(set.x.shape[1], o.features);
            assert_int_equal(set.y.shape[1], o.outputs);
            assert_int_equal(set.x_test.shape[0], 11);
            assert_int_equal(set.y_test_clean.shape[0], 11);
            assert_int_equal(set.x.type, o.type);
            double reach = set.half_width > 0.0 ? set.half_width * (1.0 + 0x1p-24) : 1.0;
            for (ovp_idx j = 0; o.inputs == OVP_INPUTS_UNIFORM && j < 37; j++) {
                assert_true(fabs(value_at(&set.x, j)) <= reach);
            }
            same_arrays(&set.y, &set.y_clean);
            same_arrays(&set.y_test, &set.y_test_clean);
            assert_ok(f, ovp_data_synthetic_values(&set, f->ctx, 37, set.x.data, values));
            for (ovp_idx j = 0; o.type == OVP_F64 && j < 37; j++) assert_true(values[j] == value_at(&set.y, j));
            assert_ok(f, ovp_numeric_rng_seed(rng, 9));
            assert_ok(f, ovp_data_synthetic(&again, f->ctx, info->name, &o));
            assert_ok(f, ovp_data_synthetic_redraw(&again, f->ctx, rng));
            same_arrays(&set.x, &again.x);
            same_arrays(&set.y_clean, &again.y_clean);
            same_arrays(&set.y_test, &again.y_test);
            if (o.type == OVP_F64) same_arrays(&set.y, &again.y);
            ovp_data_synthetic_free(f->ctx, &again);
            ovp_data_synthetic_free(f->ctx, &set);
            ovp_numeric_rng_free(rng);
        }
    }
    ovp_data_synthetic_free(f->ctx, NULL);
}

/* Formulas at points of our own, by Python's math. */
static void values_elsewhere(void **state) {
    fixture *f = *state;
    static const double x[5] = {-2.0, -0.5, 0.0, 0.75, 3.0};
    static const struct {
        const char *name;
        double y[5];
    } rows[] = {{"simple", {0.0, 0.0, 0.0, 0.225, 0.9}},
                {"middle", {1.1, -0.4, 0.1, 0.35, -1.9}},
                {"complex", {0.9038089, 0.9589243, 0.0, -0.7514727, -0.7448793}},
                {"constant", {0.25, 0.25, 0.25, 0.25, 0.25}}};
    ovp_numeric_rng *rng = stream(f, OVP_RNG_PHILOX, 1);
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        ovp_data_synthetic_options o = small(f, rows[r].name, rng);
        ovp_data_synthetic_set set;
        double y[5];
        o.type = OVP_F64;
        o.c = 0.25;
        assert_ok(f, ovp_data_synthetic(&set, f->ctx, rows[r].name, &o));
        assert_ok(f, ovp_data_synthetic_values(&set, f->ctx, 5, x, y));
        for (int i = 0; i < 5; i++) assert_true(fabs(y[i] - rows[r].y[i]) < 1e-7);
        ovp_data_synthetic_free(f->ctx, &set);
    }
    ovp_numeric_rng_free(rng);
}

/* The published half width of sin at N = 100000, c = .01; a whole period, so mean 0 and mean square 1/2 up to sampling.
 */
static void sine_of_the_depth_limit(void **state) {
    fixture *f = *state;
    ovp_numeric_rng *rng = stream(f, OVP_RNG_PHILOX, 4);
    ovp_data_synthetic_options o = defaults(f, "sin", rng);
    ovp_data_synthetic_set set;
    assert_ok(f, ovp_data_synthetic(&set, f->ctx, "sin", &o));
    assert_int_equal(set.x.shape[0], 100000);
    assert_true(fabs(set.half_width - 1.0959e-3) < 1e-7);
    double mean = 0.0, square = 0.0, n = 100000.0;
    for (ovp_idx i = 0; i < 100000; i++) {
        mean += value_at(&set.y, i) / n;
        square += value_at(&set.y, i) * value_at(&set.y, i) / n;
    }
    assert_true(fabs(mean) < 4.5 * sqrt(0.5 / n));
    assert_true(fabs(square - 0.5) < 4.5 * sqrt(0.125 / n));
    ovp_data_synthetic_free(f->ctx, &set);
    ovp_numeric_rng_free(rng);
}

static double correlation(ovp_idx n, const double *a, const double *b) {
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (ovp_idx i = 0; i < n; i++) ma += a[i] / (double)n, mb += b[i] / (double)n;
    for (ovp_idx i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

/* Inputs and noise of philox streams are independent, point by point or not: a normal that shared its block with an
 * input would have a squared size correlated to it by -.87. */
static void noise_is_independent(void **state) {
    fixture *f = *state;
    enum { N = 20001 };
    static double squares[N];
    static const char *const names[] = {"middle", "linear"};
    ovp_numeric_rng *rng = stream(f, OVP_RNG_PHILOX, 6);
    for (int k = 0; k < 2; k++) {
        ovp_data_synthetic_options o = defaults(f, names[k], rng);
        ovp_data_synthetic_set set;
        o.train = N;
        o.type = OVP_F64;
        o.inputs = OVP_INPUTS_UNIFORM;
        o.noise = 1.0;
        assert_ok(f, ovp_data_synthetic(&set, f->ctx, names[k], &o));
        const double *x = set.x.data, *y = set.y.data, *clean = set.y_clean.data;
        for (int i = 0; i < N; i++) squares[i] = (y[i] - clean[i]) * (y[i] - clean[i]);
        assert_true(fabs(correlation(N, x, squares)) < 4.5 / sqrt(N));
        ovp_data_synthetic_free(f->ctx, &set);
    }
    ovp_numeric_rng_free(rng);
}

/* ---- sin: inputs that are refused ---------------------------------------------------------------------- */

/* A torch stream whose next words are 0 but for the first `good`; 0 makes an input of -sqrt(K), whose square reaches K
 * as rounded for n = 4, c = CRAFTED_C. */
#define CRAFTED_C 0.02

static ovp_numeric_rng *crafted(fixture *f, int good) {
    unsigned char bytes[OVP_NUMERIC_RNG_STATE_BYTES];
    ovp_numeric_rng *rng = stream(f, OVP_RNG_TORCH, 1);
    ovp_numeric_rng_save(rng, bytes);
    memset(bytes + 20, 0, 4);
    memset(bytes + 32, 0, 2496);
    for (int i = 0; i < good; i++) bytes[32 + 4 * i] = (unsigned char)(17 * i + 5);
    uint64_t sum = records_fnv(bytes, 2528);
    memcpy(bytes + 2528, &sum, sizeof(sum));
    assert_ok(f, ovp_numeric_rng_load(rng, bytes, sizeof(bytes)));
    return rng;
}

static void refused_inputs(void **state) {
    fixture *f = *state;
    for (int good = 0; good <= 4; good++) {
        ovp_numeric_rng *rng = crafted(f, good);
        ovp_data_synthetic_options o = defaults(f, "sin", rng);
        ovp_data_synthetic_set set;
        o.train = 4;
        o.c = CRAFTED_C;
        if (good == 0) {
            assert_failed(f, ovp_data_synthetic(&set, f->ctx, "sin", &o), OVP_ENUMERIC, "none of 4");
            assert_null(set.x.data);
        } else {
            assert_ok(f, ovp_data_synthetic(&set, f->ctx, "sin", &o));
            assert_int_equal(set.x.shape[0], good);
            assert_int_equal(set.y.shape[0], good);
            for (ovp_idx i = 0; i < good; i++) assert_true(value_at(&set.x, i) != -(double)(float)set.half_width);
        }
        ovp_data_synthetic_free(f->ctx, &set);
        ovp_numeric_rng_free(rng);
    }
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

static void bad_options(void **state) {
    fixture *f = *state;
    static const double nan_weights[2] = {1.0, NAN};
    ovp_numeric_rng *rng = stream(f, OVP_RNG_NUMPY, 1);
    ovp_data_synthetic_set set;
    assert_failed(f, ovp_data_synthetic(&set, f->ctx, "sine", &(ovp_data_synthetic_options){0}), OVP_ENOTFOUND,
                  "did you mean 'sin'");
#define REFUSED(name, change, part)                                                                                    \
    do {                                                                                                               \
        ovp_data_synthetic_options o = small(f, name, rng);                                                            \
        change;                                                                                                        \
        assert_failed(f, ovp_data_synthetic(&set, f->ctx, name, &o), OVP_EINVAL, part);                                \
        assert_null(set.info);                                                                                         \
    } while (0)
    REFUSED("linear", o.size = 8, "options of 8 bytes");
    REFUSED("linear", o.rng = NULL, "no random stream");
    REFUSED("linear", o.type = OVP_I64, "values of type");
    REFUSED("linear", o.train = 0, "0 training");
    REFUSED("linear", o.test = -1, "-1 test");
    REFUSED("linear", o.features = 0, "0 features");
    REFUSED("linear", o.outputs = -2, "-2 outputs");
    REFUSED("linear", o.inputs = (ovp_data_inputs)7, "inputs 7");
    REFUSED("linear", o.low = 1.0, "from 1 to 1");
    REFUSED("linear", o.high = INFINITY, "from -1 to inf");
    REFUSED("linear", o.low = NAN, "from nan");
    REFUSED("linear", o.noise = -0.5, "noise -0.5");
    REFUSED("linear", o.noise = INFINITY, "noise inf");
    REFUSED("linear", o.bias_scale = -1.0, "bias scale -1");
    REFUSED("linear", (o.features = 2, o.weights = nan_weights), "weight 1 is nan");
    REFUSED("linear", (o.outputs = 2, o.bias = nan_weights), "bias 1 is nan");
    REFUSED("linear", (o.features = INT64_MAX / 2, o.outputs = 3), "too many");
    REFUSED("linear", (o.train = INT64_MAX / 2, o.features = 3), "extents");
    REFUSED("sinusoidal", (o.published = 1, o.outputs = 2), "published variant has 1");
    REFUSED("middle", o.features = 2, "2 features");
    REFUSED("complex", o.inputs = OVP_INPUTS_GAUSSIAN, "uniform inputs");
    REFUSED("sin", o.outputs = 2, "2 outputs");
    REFUSED("sin", o.c = 30.0, "c = 30");
    REFUSED("sin", o.c = NAN, "c = nan");
    REFUSED("sin", o.c = -1000.0, "c = -1000");
    REFUSED("constant", o.c = INFINITY, "c = inf");
    REFUSED("teacher", o.depth = 0, "depth 0");
    REFUSED("teacher", o.width = 0, "width 0");
    REFUSED("teacher", o.sigma = 0.0, "sigma 0");
    REFUSED("teacher", o.activation = "tahn", "tahn");
#undef REFUSED
    ovp_numeric_rng_free(rng);
}

/* Every allocation fails once; nothing leaks (the teardown counts). */
static void out_of_memory(void **state) {
    fixture *f = *state;
    const ovp_data_synthetic_info *info;
    ovp_numeric_rng *rng = stream(f, OVP_RNG_NUMPY, 1);
    for (ovp_idx i = 0; (info = ovp_data_synthetic_at(i)); i++) {
        ovp_data_synthetic_options o = small(f, info->name, rng);
        ovp_data_synthetic_set set;
        ovp_status status = OVP_ENOMEM;
        for (long grants = 0; status == OVP_ENOMEM; grants++) {
            f->countdown = grants;
            status = ovp_data_synthetic(&set, f->ctx, info->name, &o);
            f->countdown = -1;
            if (status == OVP_ENOMEM) {
                assert_null(set.x.data);
                ovp_clear(f->ctx);
            }
        }
        assert_ok(f, status);
        status = OVP_ENOMEM;
        for (long grants = 0; status == OVP_ENOMEM; grants++) {
            f->countdown = grants;
            status = ovp_data_synthetic_redraw(&set, f->ctx, rng);
            f->countdown = -1;
            if (status == OVP_ENOMEM) ovp_clear(f->ctx);
        }
        assert_ok(f, status);
        ovp_data_synthetic_free(f->ctx, &set);
    }
    ovp_numeric_rng_free(rng);
}

/* ---- loaded by name ---------------------------------------------------------------------------------- */

/* The set as it is drawn, then the steps of any set. */
static void loaded(void **state) {
    fixture *f = *state;
    for (int type = OVP_F32; type <= OVP_F64; type++) {
        ovp_numeric_rng *one = stream(f, OVP_RNG_NUMPY, 8), *two = stream(f, OVP_RNG_NUMPY, 8);
        ovp_data_synthetic_options o = defaults(f, "linear", one);
        ovp_data_synthetic_set drawn;
        ovp_data_set set;
        o.train = 20, o.test = 6, o.features = 3, o.outputs = 2, o.type = (ovp_numeric_type)type;
        assert_ok(f, ovp_data_synthetic(&drawn, f->ctx, "linear", &o));
        o.rng = NULL; /* then that of the load options; so does the type */
        o.type = OVP_F32;
        ovp_data_options load = {.size = sizeof load, .type = (ovp_numeric_type)type, .rng = two, .synthetic = &o};
        assert_ok(f, ovp_data_load(&set, f->ctx, "linear", &load));
        const ovp_numeric_array *const pairs[][2] = {{&drawn.x, &set.x_train},
                                                     {&drawn.y, &set.y_train},
                                                     {&drawn.x_test, &set.x_test},
                                                     {&drawn.y_test, &set.y_test}};
        for (int k = 0; k < 4; k++) {
            const ovp_numeric_array *a = pairs[k][0], *b = pairs[k][1];
            assert_int_equal(b->type, type);
            assert_int_equal(a->shape[0], b->shape[0]);
            assert_int_equal(a->shape[1], b->shape[1]);
            assert_memory_equal(a->data, b->data,
                                (size_t)ovp_numeric_array_count(a) * ovp_numeric_type_size((ovp_numeric_type)type));
        }
        assert_int_equal(set.classes, 0);
        assert_int_equal(set.outputs, 2);
        assert_int_equal(set.features, 3);
        assert_null(set.source);
        ovp_data_free(f->ctx, &set);
        ovp_data_synthetic_free(f->ctx, &drawn);
        ovp_numeric_rng_free(one);
        ovp_numeric_rng_free(two);
    }
    ovp_numeric_rng *rng = stream(f, OVP_RNG_PHILOX, 1);
    ovp_data_set set;
    ovp_data_options load = {.size = sizeof load, .rng = rng, .train = 50, .split = {.6, .2, .2}};
    load.normalise = OVP_NORMALISE_TRAIN;
    assert_ok(f, ovp_data_load(&set, f->ctx, "middle", &load));
    assert_int_equal(set.x_train.shape[0], 30);
    assert_int_equal(set.y_validation.shape[0], 10);
    assert_int_equal(set.y_test.shape[0], 10);
    double sum = 0;
    for (ovp_idx i = 0; i < 30; i++) sum += value_at(&set.x_train, i);
    assert_true(fabs(sum) < 1e-4);
    ovp_data_free(f->ctx, &set);
    load.split[0] = load.split[1] = load.split[2] = 0;
    load.class_count = 1;
    load.classes = &load.class_count;
    assert_failed(f, ovp_data_load(&set, f->ctx, "middle", &load), OVP_EINVAL, "no classes");
    assert_failed(f, ovp_data_load(&set, f->ctx, "middle", NULL), OVP_EINVAL, "no random stream");
    assert_failed(f, ovp_data_load(&set, f->ctx, "linaer", NULL), OVP_ENOTFOUND, "did you mean 'linear'");
    ovp_numeric_rng_free(rng);
}

/* ---- options as texts -------------------------------------------------------------------------------- */

/* "key=value" texts, NULL at the end. */
static const char *text_in(const void *user, const char *key) {
    for (const char *const *t = user; *t; t++)
        if (strncmp(*t, key, strlen(key)) == 0 && (*t)[strlen(key)] == '=') return *t + strlen(key) + 1;
    return NULL;
}
#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void chosen(void **state) {
    fixture *f = *state;
    ovp_data_choice c;
    assert_ok(f, ovp_data_choose(&c, f->ctx, "mnist", text_in,
                                 TEXTS("limit=7", "classes=4,2", "resize=8x9", "split=.5,.25,.25", "flip=.5", "crop=4",
                                       "normalise=1,2:3,4", "scale=unit", "channels=3", "fraction=.1", "noise=")));
    assert_int_equal(c.options.train, 7);
    assert_int_equal(c.options.classes[1], 2);
    assert_int_equal(c.options.resize_rows * 100 + c.options.resize_cols, 809);
    assert_true(c.options.split[1] > .2 && c.options.flip > .4 && c.options.fraction < .2);
    assert_int_equal(c.options.crop_padding, 4);
    assert_int_equal(c.options.normalise_count, 2);
    assert_true(c.options.std[1] > 3.9 && c.options.mean[0] < 1.1);
    assert_int_equal(c.options.scale, OVP_SCALE_UNIT);
    assert_null(c.options.synthetic);
    ovp_data_choice_free(f->ctx, &c);
    assert_ok(f, ovp_data_choose(&c, f->ctx, "sinusoidal", text_in,
                                 TEXTS("limit=7", "noise=.5", "features=2", "weights=1,-2", "bias=3", "bias-scale=4",
                                       "variant=published", "inputs=uniform", "low=-3", "high=2")));
    const ovp_data_synthetic_options *o = c.options.synthetic;
    assert_ptr_equal(o, &c.synthetic);
    assert_int_equal(o->train, 7);
    assert_int_equal(o->published, 1);
    assert_int_equal(o->inputs, OVP_INPUTS_UNIFORM);
    assert_true(o->weights[1] < -1.9 && o->bias[0] > 2.9 && o->bias_scale > 3.9 && o->low < -2.9 && o->noise < .6);
    ovp_data_choice_free(f->ctx, &c);
    static const struct {
        const char *name, *text, *message;
    } bad[] = {
        {"mnist", "noise=1", "--noise: mnist is read"},   {"middle", "sigma=1", "--sigma: not of the set middle"},
        {"linear", "inputs=x", "gaussian or uniform"},    {"linear", "weights=1,2", "features x outputs"},
        {"linear", "features=x", "a whole number"},       {"mnist", "classes=-1", "numbers of classes"},
        {"mnist", "resize=0x3", "rows and columns"},      {"mnist", "scale=big", "raw, unit or standard"},
        {"linear", "features=9223372036854775807", NULL}, /* the set refuses */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ovp_status status = ovp_data_choose(&c, f->ctx, bad[i].name, text_in, TEXTS(bad[i].text));
        if (bad[i].message) assert_failed(f, status, OVP_EUSAGE, bad[i].message);
        ovp_data_choice_free(f->ctx, &c);
    }
    for (long grants = 0, done = 0; !done; grants++) {
        f->countdown = grants;
        ovp_status status = ovp_data_choose(&c, f->ctx, "mnist", text_in, TEXTS("classes=1,2", "normalise=1:2"));
        f->countdown = -1;
        done = status == OVP_OK;
        if (!done) assert_int_equal(status, OVP_ENOMEM);
        ovp_data_choice_free(f->ctx, &c);
        ovp_clear(f->ctx);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(golden),
        CASE(table),
        CASE(every_set),
        CASE(values_elsewhere),
        CASE(sine_of_the_depth_limit),
        CASE(noise_is_independent),
        CASE(refused_inputs),
        CASE(bad_options),
        CASE(out_of_memory),
        CASE(loaded),
        CASE(chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
