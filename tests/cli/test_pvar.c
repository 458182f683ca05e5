/* overparam pvar from outside: paths out of npy, npz and csv, the partition it writes, wrong use and bad files. */
#include "folder.h"

#include <jansson.h>
#include <math.h>
#include <sys/wait.h>

#include <overparam/io.h>

/* Exit code of overparam pvar; stdout and stderr together in out. %s in arguments is a file of the folder. */
static int run(const char *arguments, const char *file, char *out, size_t bytes) {
    char line[1400], given[900];
    snprintf(given, sizeof given, arguments, in_folder(file));
    snprintf(line, sizeof line, "%s/overparam pvar %s 2>&1", OVP_BUILD_DIR, given);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    const size_t n = fread(out, 1, bytes - 1, pipe);
    out[n] = '\0';
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static json_t *json(const char *arguments, const char *file) {
    static char out[1 << 16];
    if (run(arguments, file, out, sizeof out)) fail_msg("%s: %s", arguments, out);
    json_t *object = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_object(object));
    assert_int_equal(json_integer_value(json_object_get(object, "schema")), 1);
    return object;
}

static void write_npy(ovp_ctx *ctx, const char *file, ovp_numeric_type type, ovp_idx n, ovp_idx d, const void *data) {
    const ovp_numeric_array array = {type, d ? 2 : 1, {n, d}, (void *)(uintptr_t)data};
    assert_ok(ctx, ovp_io_npy_write(ctx, in_folder(file), &array));
}

/* Of row i of the results. */
static void assert_result(const json_t *object, size_t i, double p, double variation, int parts) {
    const json_t *row = json_array_get(json_object_get(object, "results"), i);
    const double found = json_number_value(json_object_get(row, "variation"));
    assert_true(json_number_value(json_object_get(row, "p")) == p);
    if (!(fabs(found - variation) <= 1e-12 * variation)) fail_msg("p = %g: %.17g, expected %.17g", p, found, variation);
    assert_true(fabs(json_number_value(json_object_get(row, "root")) - pow(variation, 1 / p)) <=
                1e-12 * pow(variation, 1 / p));
    assert_int_equal(json_integer_value(json_object_get(row, "partition_points")), parts);
}

/* (0, 1), (1, 0), (0, 0) x 6 in every format: 1 + 2^(p/2), in L1 1 + 2^p. */
static void formats(void **state) {
    ovp_ctx *ctx = *state;
    static const double path[] = {0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    float single[16];
    int32_t whole[16];
    for (int i = 0; i < 16; i++) single[i] = (float)path[i], whole[i] = (int32_t)path[i];
    write_npy(ctx, "f64.npy", OVP_F64, 8, 2, path);
    write_npy(ctx, "f32.npy", OVP_F32, 8, 2, single);
    write_npy(ctx, "i32.npy", OVP_I32, 8, 2, whole);
    put(in_folder("plain.csv"), "0,1\n1,0\n0,0\n0,0\n0,0\n0,0\n0,0\n0,0\n");
    put(in_folder("named.csv"), "t,x,y\nmon,0,1\ntue,1,0\nwed,0,0\n");
    const ovp_io_named_array arrays[] = {{(char *)(uintptr_t) "x", {OVP_F64, 2, {8, 2}, (void *)(uintptr_t)path}},
                                         {(char *)(uintptr_t) "y", {OVP_F32, 1, {16}, single}}};
    assert_ok(ctx, ovp_io_npz_write(ctx, in_folder("one.npz"), arrays, 1));
    assert_ok(ctx, ovp_io_npz_write(ctx, in_folder("two.npz"), arrays, 2));
    static const char *const files[] = {"f64.npy", "f32.npy", "i32.npy", "plain.csv", "one.npz"};
    for (int i = 0; i < 5; i++) {
        json_t *o = json("%s --p 2,3 --json", files[i]);
        assert_result(o, 0, 2, 3, 3);
        assert_result(o, 1, 3, 1 + pow(2, 1.5), 3);
        assert_int_equal(json_integer_value(json_object_get(o, "points")), 8);
        assert_int_equal(json_integer_value(json_object_get(o, "dimension")), 2);
        json_decref(o);
    }
    json_t *o = json("%s --p 3 --norm l1 --array x --json", "two.npz");
    assert_result(o, 0, 3, 9, 3);
    json_decref(o);
    o = json("%s --norm linf --column x,y --p 3 --json", "named.csv");
    assert_result(o, 0, 3, 2, 3);
    assert_string_equal(json_string_value(json_object_get(o, "norm")), "linf");
    json_decref(o);
    put(in_folder("quoted.csv"), "\" 0\",1e0\n1,0\n0,0\n"); /* numbers as well */
    o = json("%s --p 3 --norm linf --json", "quoted.csv");
    assert_result(o, 0, 3, 2, 3);
    json_decref(o);
    put(in_folder("half.csv"), "0,y\n1,0\n0,0\n"); /* one that is no number makes a heading */
    o = json("%s --p 1 --column y --json", "half.csv");
    assert_int_equal(json_integer_value(json_object_get(o, "points")), 2);
    json_decref(o);
    o = json("%s --column 1 --p 1 --json", "plain.csv");
    assert_result(o, 0, 1, 1, 2);
    json_decref(o);
}

static void writes_the_partition(void **state) {
    ovp_ctx *ctx = *state;
    static const double path[] = {0, 1, .9, 3, 2, 2.5, 0};
    ovp_numeric_array indices;
    char out[2000];
    char arguments[400];
    write_npy(ctx, "x.npy", OVP_F64, 7, 0, path);
    snprintf(arguments, sizeof arguments, "%%s --p 3 --partition %s", in_folder("best.npy"));
    assert_int_equal(run(arguments, "x.npy", out, sizeof out), 0);
    assert_non_null(strstr(out, "7 points in R^1, l2"));
    assert_ok(ctx, ovp_io_npy_read(&indices, ctx, in_folder("best.npy")));
    assert_true(indices.type == OVP_I64 && indices.ndim == 1 && indices.shape[0] == 3);
    const int64_t *at = indices.data;
    assert_true(at[0] == 0 && at[1] == 3 && at[2] == 6);
    ovp_numeric_array_free(ctx, &indices);
}

static const struct {
    const char *line, *file;
    int code;
    const char *words;
} failures[] = {
    {"", "", 2, "FILE is missing"},
    {"%s x", "x.npy", 2, "too many"},
    {"%s --p .5", "x.npy", 2, "--p: 0.5 is outside 1..1000"},
    {"%s --p nan", "x.npy", 2, "--p"},
    {"%s --p 1,x", "x.npy", 2, "--p"},
    {"%s --norm l3", "x.npy", 2, "not one of l2|l1|linf"},
    {"%s --norms l1", "x.npy", 2, "did you mean --norm"},
    {"%s --p 1,2 --partition p.npy", "x.npy", 2, "is of one exponent"},
    {"%s --column 2", "x.npy", 2, "its columns are 0..1"},
    {"%s --column -1", "x.npy", 2, "its columns are 0..1"},
    {"%s --column ,", "x.npy", 2, "names no column"},
    {"%s --column 1,0,1", "x.npy", 2, "'1' stands twice"},
    {"%s --column z", "named.csv", 2, "its columns are t, x"},
    {"%s --array x", "x.npy", 2, "chooses from an npz file"},
    {"%s", "two.npz", 2, "holds x, y"},
    {"%s --array z", "two.npz", 2, "no 'z'"},
    {"%s", "missing.npy", 3, "No such file"},
    {"%s", "named.csv", 3, "line 2, column 1 (t): 'mon' is not a number"},
    {"%s", "headings.csv", 3, "the table has no rows"},
    {"%s", "empty.csv", 3, "empty"},
    {"%s", "late.csv", 3, "line 3, column 1: 'oops'"},
    {"%s", "first.csv", 3, "line 1, column 2: 'inf' is not a finite number"},
    {"%s", "infinite.csv", 3, "line 3, column 1 (a): 'nan' is not a finite number"},
    {"%s", "nan.npy", 3, "point 1, column 1 (from 0) is nan"},
    {"%s --column 0", "none.npy", 3, "the array is empty"},
    {"%s", "text.npy", 3, "text.npy"},
    {"%s --p 3", "huge.npy", 1, "leave the range of numbers"},
};

static void test_failures(void **state) {
    ovp_ctx *ctx = *state;
    static const double path[] = {0, 1, 1, (double)NAN, 2, 2}, huge[] = {0, 1e200};
    char out[4096];
    const ovp_io_named_array arrays[] = {{(char *)(uintptr_t) "x", {OVP_F64, 1, {3}, (void *)(uintptr_t)path}},
                                         {(char *)(uintptr_t) "y", {OVP_F64, 1, {2}, (void *)(uintptr_t)path}}};
    write_npy(ctx, "x.npy", OVP_F64, 1, 2, path);
    write_npy(ctx, "nan.npy", OVP_F64, 3, 2, path);
    write_npy(ctx, "none.npy", OVP_F64, 0, 2, path);
    write_npy(ctx, "huge.npy", OVP_F64, 2, 0, huge);
    assert_ok(ctx, ovp_io_npz_write(ctx, in_folder("two.npz"), arrays, 2));
    put(in_folder("named.csv"), "t,x\nmon,0\ntue,1\n");
    put(in_folder("headings.csv"), "t,x\n");
    put(in_folder("empty.csv"), "");
    put(in_folder("late.csv"), "0\n1\noops\n");
    put(in_folder("first.csv"), "0,inf\n1,2\n");
    put(in_folder("infinite.csv"), "a\n1\nnan\n");
    put(in_folder("text.npy"), "0\n1\n");
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        const int code = run(failures[i].line, failures[i].file, out, sizeof out);
        const char *end = strchr(out, '\n');
        if (code != failures[i].code || !strstr(out, failures[i].words) || !end || end[1])
            fail_msg("%s %s: exit %d: %s", failures[i].line, failures[i].file, code, out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(formats),
        FOLDER_TEST(writes_the_partition),
        FOLDER_TEST(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
