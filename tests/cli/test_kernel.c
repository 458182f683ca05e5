/* overparam kernel from outside: matrices, fits, predictions and spectra against closed forms; files and mistakes. */
#include <math.h>

#include "folder.h"

#include <jansson.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <overparam/io.h>

static ovp_ctx *ctx; /* of the running test */

#define PROGRAM OVP_BUILD_DIR "/overparam kernel "

/* ---- running ------------------------------------------------------------------------------------- */

/* Exit code of the command run in the test's folder; stdout in out, stderr in err. */
static int run(const char *arguments, char *out, char *err, size_t bytes) {
    char line[1400];
    snprintf(line, sizeof line, "cd '%s' && %s%s 2>.err", folder, PROGRAM, arguments);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    const size_t n = fread(out, 1, bytes - 1, pipe);
    out[n] = '\0';
    const int status = pclose(pipe);
    char *said = get(in_folder(".err"));
    snprintf(err, bytes, "%s", said ? said : "");
    free(said);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static json_t *json(const char *arguments) {
    static char out[1 << 16], err[1 << 16];
    char line[1200];
    snprintf(line, sizeof line, "%s --json", arguments);
    if (run(line, out, err, sizeof out)) fail_msg("%s: %s", line, err);
    if (err[0]) fail_msg("%s: on stderr: %s", line, err);
    json_t *object = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_object(object));
    assert_int_equal(json_integer_value(json_object_get(object, "schema")), 1);
    return object;
}

static void drop(json_t *object) {
    json_decref(object);
}

/* Number at a path "solver.lambda"; NaN for null. */
static double number(const json_t *object, const char *path) {
    char copy[64], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok_r(copy, ".", &rest); key; key = strtok_r(NULL, ".", &rest)) {
        object = json_object_get(object, key);
        if (!object) fail_msg("no %s", path);
    }
    return json_is_number(object) ? json_number_value(object) : (double)NAN;
}

static void near(const char *what, double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%s: %.17g, expected %.17g", what, value, expected);
}

/* ---- files --------------------------------------------------------------------------------------- */

static void save(const char *name, ovp_numeric_type type, ovp_idx rows, ovp_idx columns, const void *data) {
    const ovp_numeric_array a = {.type = type, .ndim = 2, .shape = {rows, columns}, .data = (void *)(uintptr_t)data};
    assert_ok(ctx, ovp_io_npy_write(ctx, in_folder(name), &a));
}

static void save_member(const char *file, const char *name, ovp_idx rows, ovp_idx columns, const double *data) {
    const ovp_io_named_array a = {
        (char *)(uintptr_t)name,
        {.type = OVP_F64, .ndim = 2, .shape = {rows, columns}, .data = (void *)(uintptr_t)data}};
    assert_ok(ctx, ovp_io_npz_write(ctx, in_folder(file), &a, 1));
}

static ovp_numeric_array load(const char *name) {
    ovp_numeric_array a;
    assert_ok(ctx, ovp_io_npy_read(&a, ctx, in_folder(name)));
    return a;
}

static double at(const ovp_numeric_array *a, ovp_idx i, ovp_idx j) {
    const ovp_idx k = i * a->shape[1] + j;
    return a->type == OVP_F32 ? (double)((const float *)a->data)[k] : ((const double *)a->data)[k];
}

/* Four points in the plane, three others, targets with two columns. */
static const double X[4][2] = {{0.385, -1.27}, {1.9, 0.62}, {-0.73, 0.25}, {0.11, 2.385}};
static const double Z[3][2] = {{0.5, 0.5}, {-1.3, 0.2}, {2.7, -3.1}};
static const double Y[4][2] = {{1.5, -0.2}, {0.3, 0.7}, {-1.1, 2.5}, {0.9, 0.4}};

static void save_points(void **state) {
    ctx = *state;
    save("x.npy", OVP_F64, 4, 2, X);
    save("z.npy", OVP_F64, 3, 2, Z);
    save("y.npy", OVP_F64, 4, 2, Y);
}

static double gaussian(const double *x, const double *z, double s) {
    return exp(-((x[0] - z[0]) * (x[0] - z[0]) + (x[1] - z[1]) * (x[1] - z[1])) / (2 * s * s));
}

/* ---- gram ---------------------------------------------------------------------------------------- */

static void gram_is_the_formula(void **state) {
    save_points(state);
    json_t *o = json("gram x.npy z.npy --kernel gaussian --bandwidth 1.7 --out k.npy");
    near("rows", number(o, "rows"), 4, 0);
    near("bandwidth", number(o, "kernel.bandwidth"), 1.7, 0);
    drop(o);
    ovp_numeric_array k = load("k.npy");
    assert_int_equal(k.type, OVP_F64);
    assert_int_equal(k.shape[0], 4);
    assert_int_equal(k.shape[1], 3);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 3; j++) near("k", at(&k, i, j), gaussian(X[i], Z[j], 1.7), 1e-14);
    ovp_numeric_array_free(ctx, &k);
    drop(json("gram x.npy --kernel gaussian --bandwidth 1.7 --type f32 --out k.npy"));
    k = load("k.npy");
    assert_int_equal(k.type, OVP_F32);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) near("f32", at(&k, i, j), gaussian(X[i], X[j], 1.7), 1e-6);
    ovp_numeric_array_free(ctx, &k);
}

/* Points from a member, from chosen columns and from all columns but one give the bytes of the npy file; --divide is a
 * division. */
static void sources_agree(void **state) {
    double scaled[4][2];
    save_points(state);
    for (int i = 0; i < 8; i++) ((double *)scaled)[i] = 4 * ((const double *)X)[i];
    save("scaled.npy", OVP_F64, 4, 2, scaled);
    save_member("d.npz", "points", 4, 2, (const double *)X);
    put(in_folder("t.csv"), "u,label,v\n0.385,1,-1.27\n1.9,2,0.62\n-0.73,2,0.25\n0.11,3,2.385\n");
    put(in_folder("bare.csv"), "0.385,1,-1.27\n1.9,2,0.62\n-0.73,2,0.25\n0.11,3,2.385\n");
    drop(json("gram x.npy --kernel ntk --depth 2 --out k.npy"));
    char *expected = get(in_folder("k.npy"));
    const char *const same[] = {"d.npz",     "d.npz:points",          "t.csv:u,v",    "t.csv:-label",
                                "t.csv:1,3", "scaled.npy --divide 4", "bare.csv:1,3", "bare.csv:-2"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char line[120];
        snprintf(line, sizeof line, "gram %s --kernel ntk --depth 2 --out q.npy", same[i]);
        drop(json(line));
        char *found = get(in_folder("q.npy"));
        if (memcmp(expected, found, 128 + 16 * 8) != 0) fail_msg("%s: other bytes", same[i]);
        free(found);
    }
    free(expected);
    drop(json("gram x.npy --out k.csv"));
    char *table = get(in_folder("k.csv"));
    assert_int_equal(strncmp(table, "k0,k1,k2,k3\n1,", 14), 0);
    free(table);
}

/* A wide net's kernel is near the limit's, another seed's is another one. */
static void empirical_kernel(void **state) {
    save_points(state);
    drop(json("gram x.npy --kernel ntk --sigma-b .5 --out limit.npy"));
    drop(json("gram x.npy --kernel empirical-ntk --width 20000 --sigma-b .5 --out net.npy"));
    drop(json("gram x.npy --kernel empirical-ntk --width 20000 --sigma-b .5 --seed 1 --out other.npy"));
    ovp_numeric_array limit = load("limit.npy"), net = load("net.npy"), other = load("other.npy");
    double difference = 0, size = 0, apart = 0;
    for (int i = 0; i < 16; i++) {
        difference += fabs(at(&net, 0, i) - at(&limit, 0, i));
        apart += fabs(at(&net, 0, i) - at(&other, 0, i));
        size += fabs(at(&limit, 0, i));
    }
    assert_true(difference < 0.05 * size); /* sqrt(1 / 20000) is .007 */
    assert_true(apart > 0);
    ovp_numeric_array_free(ctx, &limit);
    ovp_numeric_array_free(ctx, &net);
    ovp_numeric_array_free(ctx, &other);
}

/* ---- fit and predict ------------------------------------------------------------------------------ */

static void solvers_agree(void **state) {
    static const char *const others[] = {"--solver cg", "--solver cg --type f32 --residual 1e-6",
                                         "--solver eigenpro --epochs 3000"};
    static const double tolerances[] = {1e-8, 1e-4, 1e-6};
    save_points(state);
    json_t *o = json("fit x.npy y.npy --kernel laplace --bandwidth 2 --out m.npz");
    assert_string_equal(json_string_value(json_object_get(json_object_get(o, "solver"), "method")), "cholesky");
    near("train mse", number(o, "train_mse"), 0, 1e-28);
    assert_true(number(o, "solver.condition") > 1);
    near("jitter", number(o, "solver.jitter"), 0, 0);
    drop(o);
    o = json("predict m.npz x.npy y.npy --out f.npy");
    near("mse", number(o, "mse"), 0, 1e-28);
    assert_true(json_is_null(json_object_get(o, "accuracy")));
    drop(o);
    drop(json("predict m.npz z.npy --out f.npy"));
    ovp_numeric_array f = load("f.npy");
    for (int i = 0; i < 3; i++) {
        char line[160];
        snprintf(line, sizeof line, "fit x.npy y.npy --kernel laplace --bandwidth 2 --out n.npz %s", others[i]);
        drop(json(line));
        drop(json("predict n.npz z.npy --out g.npy"));
        ovp_numeric_array g = load("g.npy");
        for (int k = 0; k < 6; k++) near(others[i], at(&g, 0, k), at(&f, 0, k), tolerances[i]);
        ovp_numeric_array_free(ctx, &g);
    }
    ovp_numeric_array_free(ctx, &f);
}

/* One training point: f(z) = k(z, x) y / (k(x, x) + lambda), posterior k(z, z') - k(z, x) k(x, z') / (k(x, x) +
 * lambda); flow at t: the factor 1 - exp(-t (k(x, x) + lambda)), descent 1 - (1 - eta (..))^t, loss half-mean. */
static void one_point(void **state) {
    const double y = 2.5, lambda = .25, total = 1 + lambda;
    save_points(state);
    save("one.npy", OVP_F64, 1, 2, X);
    save("target.npy", OVP_F64, 1, 1, &y);
    json_t *o = json("fit one.npy target.npy --kernel gaussian --ridge .25 --out m.npz");
    near("lambda", number(o, "solver.lambda"), lambda, 0);
    drop(o);
    static const struct {
        const char *flags;
        double gain;
    } times[] = {{"", 1}, {"--time inf", 1}, {"--time .8", -1}, {"--time 3 --lr .4", -1}, {"--time 0", 0}};
    const double gains[] = {1, 1, 1 - exp(-.8 * total), 1 - pow(1 - .4 * total, 3), 0};
    for (int i = 0; i < 5; i++) {
        char line[160];
        snprintf(line, sizeof line, "predict m.npz z.npy --out f.npy %s", times[i].flags);
        drop(json(line));
        ovp_numeric_array f = load("f.npy");
        for (int k = 0; k < 3; k++)
            near(times[i].flags, at(&f, 0, k), gains[i] * gaussian(Z[k], X[0], 1) * y / total, 1e-14);
        ovp_numeric_array_free(ctx, &f);
    }
    drop(json("predict m.npz z.npy --covariance c.npy"));
    ovp_numeric_array c = load("c.npy");
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            near("posterior", at(&c, i, j),
                 gaussian(Z[i], Z[j], 1) - gaussian(Z[i], X[0], 1) * gaussian(Z[j], X[0], 1) / total, 1e-14);
    ovp_numeric_array_free(ctx, &c);
}

/* Before training an ensemble of nets has the covariance of the infinitely wide net's outputs. */
static void ensemble_starts_as_nngp(void **state) {
    save_points(state);
    drop(json("fit x.npy y.npy --kernel ntk --depth 2 --activation erf --sigma-w 1.5 --sigma-b .1 --out m.npz"));
    drop(json("predict m.npz z.npy --time 0 --covariance c.npy --out f.npy"));
    drop(json("gram z.npy --kernel nngp --depth 2 --activation erf --sigma-w 1.5 --sigma-b .1 --out k.npy"));
    ovp_numeric_array c = load("c.npy"), k = load("k.npy"), f = load("f.npy");
    for (int i = 0; i < 9; i++) near("covariance", at(&c, 0, i), at(&k, 0, i), 1e-14);
    for (int i = 0; i < 6; i++) near("mean", at(&f, 0, i), 0, 0);
    ovp_numeric_array_free(ctx, &c);
    ovp_numeric_array_free(ctx, &k);
    ovp_numeric_array_free(ctx, &f);
}

static void labels(void **state) {
    static const int64_t given[] = {7, -3, 7, 40}, unseen[] = {7, -3, 7, 5};
    save_points(state);
    save("labels.npy", OVP_I64, 4, 1, given);
    save("unseen.npy", OVP_I64, 4, 1, unseen);
    json_t *o = json("fit x.npy labels.npy --out m.npz");
    near("classes", number(o, "outputs"), 3, 0);
    near("train error", number(o, "train_error"), 0, 0);
    assert_string_equal(json_string_value(json_object_get(o, "task")), "classification");
    drop(o);
    o = json("predict m.npz x.npy labels.npy --out f.npz");
    near("accuracy", number(o, "accuracy"), 1, 0);
    drop(o);
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, in_folder("f.npz")));
    assert_int_equal(count, 2);
    assert_string_equal(arrays[1].name, "labels");
    assert_memory_equal(arrays[1].array.data, given, sizeof given);
    ovp_io_npz_free(ctx, arrays, count);
    /* a label that the model never saw is a mistake, and told */
    static char out[1 << 16], err[1 << 16];
    assert_int_equal(run("predict m.npz x.npy unseen.npy --json", out, err, sizeof out), 0);
    assert_non_null(strstr(err, "warning"));
    assert_non_null(strstr(err, "1 labels"));
    o = json_loads(out, 0, NULL);
    near("accuracy", number(o, "accuracy"), .75, 1e-15);
    drop(o);
    /* the same as text in a table: real numbers, unless they are said to be labels */
    put(in_folder("t.csv"), "u,label,v\n0.385,7,-1.27\n1.9,-3,0.62\n-0.73,7,0.25\n0.11,40,2.385\n");
    o = json("fit t.csv:-label t.csv:label --out m.npz");
    near("outputs", number(o, "outputs"), 1, 0);
    drop(o);
    o = json("fit t.csv:-label t.csv:label --task classification --out m.npz");
    near("outputs", number(o, "outputs"), 3, 0);
    drop(o);
}

/* Two points: eigenvalues 1 + k and 1 - k. Equal trace for any; a falling list; the fit of an exact power is tested in
 * tests/measure. */
static void spectrum(void **state) {
    save_points(state);
    save("two.npy", OVP_F64, 2, 2, X);
    const double k = gaussian(X[0], X[1], 1);
    json_t *o = json("spectrum two.npy --kernel gaussian --out s.npy"), *list = json_object_get(o, "eigenvalues");
    assert_int_equal(json_array_size(list), 2);
    near("first", json_number_value(json_array_get(list, 0)), 1 + k, 1e-15);
    near("second", json_number_value(json_array_get(list, 1)), 1 - k, 1e-15);
    near("trace", number(o, "trace"), 2, 0);
    assert_true(json_is_null(json_object_get(o, "power")));
    drop(o);
    o = json("spectrum x.npy --kernel laplace --count 4");
    list = json_object_get(o, "eigenvalues");
    double sum = 0;
    for (size_t i = 0; i < 4; i++) sum += json_number_value(json_array_get(list, i));
    near("sum", sum, 4, 1e-14);
    near("ranks", number(o, "fit_last"), 4, 0);
    assert_true(number(o, "power") > 0 && number(o, "exponential") > 0);
    drop(o);
}

/* ---- mistakes ------------------------------------------------------------------------------------- */

static const struct {
    const char *line;
    int code;
    const char *words;
} failures[] = {
    {"", 2, "gram|fit|predict|spectrum is missing"},
    {"gramm x.npy", 2, "did you mean 'gram'"},
    {"gram x.npy", 2, "--out K.npy"},
    {"gram x.npy z.npy y.npy --out n.npy", 2, "gram X [Z] --out"},
    {"gram x.npy --out n.txt", 2, "must end in .npy, .npz or .csv"},
    {"gram x.txt --out n.npy", 2, "FILE.npz:MEMBER"},
    {"gram x.npy:a --out n.npy", 2, "holds one array"},
    {"gram d.npz: --out n.npy", 2, "a name is expected"},
    {"gram none.npy --out n.npy", 3, "none.npy: cannot be read"},
    {"gram folder.npy --out n.npy", 3, "folder.npy: is a folder; a file is needed"},
    {"gram d.npz:q --out n.npy", 3, "no array 'q'; it holds points"},
    {"gram t.csv:w --out n.npy", 3, "no column 'w'; it has 2 columns"},
    {"gram t.csv:9 --out n.npy", 3, "no column '9'"},
    {"gram t.csv --out n.npy", 3, "line 3, column 2 (v): 'x' is not a number"},
    {"gram t.csv:v --out n.npy", 3, "line 3, column 2 (v)"},
    {"gram t.csv:-u,v --out n.npy", 3, "without entries"},
    {"gram bare.csv:u --out n.npy", 3, "no column 'u'; its columns have no names, only numbers, 1 to 2"},
    {"gram bare.csv:3 --out n.npy", 3, "no column '3'"},
    {"gram bare.csv --out n.npy", 3, "bare.csv: line 2, column 2: 'x' is not a number"},
    {"gram nan.npy --out n.npy", 3, "nan.npy: entry [2, 1] (row and column from 0) is nan"},
    {"gram x.npy inf.npy --out n.npy", 3, "inf.npy: entry [0, 1] (row and column from 0) is -inf"},
    {"gram huge.npy --out n.npy", 3, "squared length of row 0"},
    {"gram huge.npy --type f32 --out n.npy", 3, "which overflows here"},
    {"gram zero.npy --normalise --out n.npy", 3, "row 1 of x has length 0"},
    {"gram x.npy wide.npy --out n.npy", 3, "x.npy is 4 x 2 and wide.npy is 2 x 4"},
    {"gram empty.npy --out n.npy", 3, "without entries"},
    {"gram x.npy --bandwidth 0 --out n.npy", 2, "--bandwidth: 0 is outside"},
    {"gram x.npy --bandwidth -1 --out n.npy", 2, "--bandwidth: -1 is outside"},
    {"gram x.npy --bandwidth nan --out n.npy", 2, "--bandwidth"},
    {"gram x.npy --kernel gauss --out n.npy", 2, "did you mean gaussian"},
    {"gram x.npy --depth 2 --out n.npy", 2, "--depth: kernel laplace does not heed it; it belongs to nngp, ntk"},
    {"gram x.npy --kernel nngp --bias frozen --out n.npy", 2, "it belongs to ntk"},
    {"gram x.npy --kernel ntk --activation step --out n.npy", 2, "infinite"},
    {"gram x.npy --kernel ntk --activation tahn --out n.npy", 2, "unknown activation"},
    {"gram x.npy --kernel empirical-ntk --type f32 --out n.npy", 2, "computed in f64"},
    {"gram x.npy --kernel empirical-ntk --width 1e6 --depth 5 --out n.npy", 3, "smaller --width"},
    {"gram x.npy --count 3 --out n.npy", 2, "--count belongs to kernel spectrum"},
    {"gram long.npy --memory 20MiB --out n.npy", 3, "a matrix of 2000 x 2000 (f64) takes about 30.6 MiB"},
    {"gram x.npy --memory 3kg --out n.npy", 2, "write 500MiB or 4GiB"},
    {"spectrum long.npy --memory 50MiB", 3, "--memory allows 50.0 MiB"},
    {"fit long.npy longy.npy --solver direct --memory 50MiB --out n.npz", 3, "--solver eigenpro or cg"},
    {"fit x.npy y.npy", 2, "--out MODEL.npz"},
    {"fit x.npy y.npy --out n.npy", 2, "--out MODEL.npz"},
    {"fit x.npy z.npy --out n.npz", 3, "x.npy is 4 x 2 and z.npy is 3 x 2; equal numbers of rows"},
    {"fit x.npy y.npy --task classification --out n.npz", 3, "labels are one column"},
    {"fit x.npy wrong.npy --task classification --out n.npz", 3, "label 1 (from 0) is 0.5"},
    {"fit x.npy same.npy --out n.npz", 3, "1 different labels"},
    {"fit x.npy far.npy --out n.npz", 3, "far.npy: entry [1, 0] (row and column from 0) is 1e+200, whose square"},
    {"predict m.npz z.npy far.npy", 3, "the prediction is 3 x 2 and far.npy is 4 x 1"},
    {"fit x.npy y.npy --type f32 --solver direct --out n.npz", 2, "works in f64"},
    {"fit x.npy y.npy --ridge 1 --solver eigenpro --out n.npz", 2, "EigenPro has none"},
    {"fit x.npy y.npy --ridge -1 --out n.npz", 2, "--ridge: -1"},
    {"fit x.npy y.npy --epochs 3 --out n.npz", 2, "--epochs belongs to --solver eigenpro"},
    {"fit x.npy y.npy --residual .01 --out n.npz", 2, "--residual belongs to --solver cg"},
    {"fit twins.npy y.npy --kernel gaussian --out n.npz", 1,
     "rows 1 and 3 of the kernel matrix are those of equal points"},
    {"fit x.npy y.npy --kernel polynomial --degree 1 --out n.npz", 1, "singular to rounding"},
    {"predict m.npz z.npy", 2, "--out F.npy, Y to compare"},
    {"predict m.npz wide.npy --out n.npy", 3, "wide.npy is 2 x 4 and the model's x is 4 x 2"},
    {"predict m.npz z.npy y.npy", 3, "the prediction is 3 x 2 and y.npy is 4 x 2"},
    {"predict m.npz z.npy --lr 1 --out n.npy", 2, "give --time too"},
    {"predict m.npz z.npy --time -1 --out n.npy", 2, "--time: -1"},
    {"predict m.npz z.npy --time inf --lr 1e6 --out n.npy", 2, "it must be below"},
    {"predict m.npz z.npy --time 1e6 --lr 1e6 --out n.npy", 1, "diverges above"},
    {"predict m.npz z.npy --kernel ntk --out n.npy", 2, "--kernel belongs to kernel gram, fit, spectrum"},
    {"predict x.npy z.npy --out n.npy", 3, "not a readable npz"},
    {"predict d.npz z.npy --out n.npy", 3, "array 'meta' is missing"},
};

static void test_failures(void **state) {
    static const double not_a_number[3][2] = {{1, 2}, {3, 4}, {5, NAN}}, infinite[1][2] = {{1, -INFINITY}},
                        huge[2][2] = {{1e200, 0}, {0, 1}}, zero[2][2] = {{1, 0}, {0, 0}}, halves[4] = {1, .5, 2, 3},
                        far[4] = {1, 1e200, 2, 3};
    static const int32_t same[4] = {2, 2, 2, 2};
    static char out[1 << 16], err[1 << 16];
    double twins[4][2], *many = test_calloc(4000, sizeof *many);
    memcpy(twins, X, sizeof twins);
    memcpy(twins[3], twins[1], sizeof twins[3]);
    for (int i = 0; i < 4000; i++) many[i] = sin(i);
    save_points(state);
    save_member("d.npz", "points", 4, 2, (const double *)X);
    save("nan.npy", OVP_F64, 3, 2, not_a_number);
    save("inf.npy", OVP_F64, 1, 2, infinite);
    save("huge.npy", OVP_F64, 2, 2, huge);
    save("zero.npy", OVP_F64, 2, 2, zero);
    save("wide.npy", OVP_F64, 2, 4, X);
    save("empty.npy", OVP_F64, 0, 2, X);
    save("twins.npy", OVP_F64, 4, 2, twins);
    save("wrong.npy", OVP_F64, 4, 1, halves);
    save("same.npy", OVP_I32, 4, 1, same);
    save("far.npy", OVP_F64, 4, 1, far);
    save("long.npy", OVP_F64, 2000, 2, many);
    save("longy.npy", OVP_F64, 2000, 1, many);
    test_free(many);
    put(in_folder("t.csv"), "u,v\n1,2\n3,x\n");
    put(in_folder("bare.csv"), "1,2\n3,x\n");
    (void)mkdir(in_folder("folder.npy"), 0700);
    drop(json("fit x.npy y.npy --out m.npz"));
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        const int code = run(failures[i].line, out, err, sizeof out);
        const char *end = strchr(err, '\n');
        if (code != failures[i].code || !strstr(err, failures[i].words) || !end || end[1] || out[0] ||
            strncmp(err, "overparam: ", 11))
            fail_msg("%s: exit %d: %s%s", failures[i].line, code, out, err);
    }
    assert_false(exists(in_folder("n.npy")) || exists(in_folder("n.npz")));
}

/* Cut off anywhere or with a bit turned over, a model is refused, or predicts the same (a bit that means nothing). */
static void damaged_models(void **state) {
    static char out[1 << 16], err[1 << 16], whole[1 << 14], damaged[1 << 14];
    save_points(state);
    drop(json("fit x.npy y.npy --out m.npz"));
    drop(json("predict m.npz z.npy --out f.npy"));
    char *expected = get(in_folder("f.npy"));
    FILE *file = fopen(in_folder("m.npz"), "rb");
    const size_t size = fread(whole, 1, sizeof whole, file);
    assert_true(size > 1000 && size < sizeof whole);
    fclose(file);
    for (size_t i = 0; i < 2 * size; i += 41) {
        const size_t place = i % size, bytes = i < size ? place : size;
        memcpy(damaged, whole, size);
        if (i >= size) damaged[place] = (char)(damaged[place] ^ 1 << i % 8);
        file = fopen(in_folder("q.npz"), "wb");
        assert_int_equal(fwrite(damaged, 1, bytes, file), bytes);
        fclose(file);
        remove(in_folder("g.npy"));
        const int code = run("predict q.npz z.npy --out g.npy", out, err, sizeof out);
        char *found = get(in_folder("g.npy"));
        const int same = found && !memcmp(found, expected, 128 + 6 * 8);
        if (!(code == 3 && !found) && !(code == 0 && same && i >= size))
            fail_msg("%s at %zu: exit %d: %s%s", i < size ? "cut" : "turned", place, code, out, err);
        free(found);
    }
    free(expected);
}

/* The bytes of a model depend on nothing but what was asked for. */
static void models_are_reproducible(void **state) {
    char first[65], second[65];
    save_points(state);
    drop(json("fit x.npy y.npy --kernel ntk --depth 3 --solver eigenpro --seed 5 --out a.npz"));
    drop(json("fit x.npy y.npy --kernel ntk --depth 3 --solver eigenpro --seed 5 --out b.npz"));
    assert_ok(ctx, ovp_io_sha256_file(first, NULL, ctx, in_folder("a.npz")));
    assert_ok(ctx, ovp_io_sha256_file(second, NULL, ctx, in_folder("b.npz")));
    assert_string_equal(first, second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(gram_is_the_formula),
        FOLDER_TEST(sources_agree),
        FOLDER_TEST(empirical_kernel),
        FOLDER_TEST(solvers_agree),
        FOLDER_TEST(one_point),
        FOLDER_TEST(ensemble_starts_as_nngp),
        FOLDER_TEST(labels),
        FOLDER_TEST(spectrum),
        FOLDER_TEST(test_failures),
        FOLDER_TEST(damaged_models),
        FOLDER_TEST(models_are_reproducible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
