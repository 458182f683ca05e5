/* store: sums in the manifest, verifying, bit-for-bit differences, runs side by side. */
#include "folder.h"

#include <overparam/store.h>

#include <jansson.h>
#include <math.h>

static const ovp_store_column columns[] = {{"width", "", ""}, {"seed", "", ""}, {"loss", "", ""}, {"note", "", ""}};

/* A finished run: table widths of (width, seed, loss, note), table timings, arrays loss (2 x 3, f64) and count (i64).
 */
typedef struct content {
    const char *experiment, *core;
    double losses[4]; /* widths 10, 10, 100, 100 with seeds 1, 2 */
    int rows;
    double value; /* arrays.loss[1,2] */
    const char *status;
} content;
static const content usual = {"lazy-width", "Haswell", {.5, .25, .125, (double)NAN}, 4, 6, "complete"};

static void add_rows(ovp_ctx *ctx, ovp_store_run *run, const char *name, const content *c, double scale) {
    ovp_store_table *table;
    assert_ok(ctx, ovp_store_table_create(&table, ctx, name, columns, 4));
    for (int i = 0; i < c->rows; i++) {
        const ovp_store_cell cells[] = {{OVP_CELL_INT, i < 2 ? 10 : 100, 0, NULL},
                                        {OVP_CELL_INT, 1 + i % 2, 0, NULL},
                                        {OVP_CELL_REAL, 0, scale * c->losses[i], NULL},
                                        {OVP_CELL_TEXT, 0, 0, "ok, so far"}};
        assert_ok(ctx, ovp_store_table_add(table, cells));
    }
    assert_ok(ctx, ovp_store_run_table(run, table));
    ovp_store_table_free(table);
}

static void make(ovp_ctx *ctx, const char *dir, const content *c) {
    ovp_store_run *run;
    static double timing = 1;
    double loss[6] = {1, 2, 3, 4, 5, c->value};
    int64_t count[2] = {3, 4};
    const ovp_io_named_array arrays[] = {{(char[]){"loss"}, {OVP_F64, 2, {2, 3}, loss}},
                                         {(char[]){"count"}, {OVP_I64, 1, {2}, count}}};
    assert_ok(ctx, ovp_store_run_create(&run, ctx, NULL, dir, c->experiment, ""));
    add_rows(ctx, run, "widths", c, 1);
    add_rows(ctx, run, "timings", c, timing++); /* never the same twice */
    assert_ok(ctx, ovp_store_run_arrays(run, "arrays.npz", arrays, 2));
    assert_ok(ctx, ovp_store_run_file(run, "result.json", "{}", 2));
    json_t *manifest = json_pack("{s:i, s:{s:i, s:f}, s:{s:s, s:s, s:i}, s:{s:i}, s:[{s:s, s:s, s:[i,i]}, {s:s, s:s, "
                                 "s:[i]}], s:[{s:s, s:s, s:f}]}",
                                 "schema", 1, "params", "epochs", c->rows, "lr", .1, "environment", "isa", "v3", "core",
                                 c->core, "threads", c->rows, "table_rows", "widths", c->rows, "arrays", "name", "loss",
                                 "type", "f64", "shape", 2, 3, "name", "count", "type", "i64", "shape", 2, "verdicts",
                                 "claim", "it falls", "holds", c->value == 6 ? "yes" : "no", "measured", c->value);
    assert_non_null(manifest);
    assert_ok(ctx, ovp_store_run_manifest(run, manifest, c->status));
    json_decref(manifest);
    ovp_store_run_free(run);
}

static json_t *verified(ovp_ctx *ctx, const char *dir) {
    json_t *report = NULL;
    assert_ok(ctx, ovp_store_verify(&report, ctx, in_folder(dir)));
    return report;
}

static const char *state_of(const json_t *report, const char *file, const char **why) {
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(report, "files"), i, one) {
        if (strcmp(json_string_value(json_object_get(one, "file")), file) != 0) continue;
        if (why) *why = json_string_value(json_object_get(one, "why"));
        return json_string_value(json_object_get(one, "state"));
    }
    return "(not named)";
}

/* The report finds this state for this file, with these words, and is malformed or not. */
static void expect(ovp_ctx *ctx, const char *file, const char *state, const char *words, int malformed) {
    const char *why = "";
    json_t *report = verified(ctx, "a");
    assert_string_equal(state_of(report, file, &why), state);
    if (!strstr(why, words)) fail_msg("%s: '%s' instead of '%s'", file, why, words);
    const int fault = strcmp(state, "ok") && strcmp(state, "extra") && strcmp(state, "unrecorded");
    assert_int_equal(json_is_true(json_object_get(report, "ok")), !fault);
    assert_int_equal(json_is_true(json_object_get(report, "malformed")), malformed);
    json_decref(report);
}

static void again(ovp_ctx *ctx) {
    wipe(in_folder("a"));
    make(ctx, in_folder("a"), &usual);
}

static void sums(void **state) {
    ovp_ctx *ctx = *state;
    again(ctx);
    json_t *manifest = json_load_file(in_folder("a/manifest.json"), 0, NULL);
    json_t *files = json_object_get(manifest, "files");
    assert_int_equal(json_object_size(files), 4);
    /* printf '{}' | sha256sum */
    assert_string_equal(json_string_value(json_object_get(json_object_get(files, "result.json"), "sha256")),
                        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(files, "result.json"), "bytes")), 2);
    assert_null(json_object_get(files, "manifest.json"));
    json_decref(manifest);
}

static void verify(void **state) {
    ovp_ctx *ctx = *state;
    again(ctx);
    expect(ctx, "tables/widths.csv", "ok", "", 0);
    expect(ctx, "arrays.npz", "ok", "", 0);
    put(in_folder("a/notes.txt"), "mine");
    expect(ctx, "notes.txt", "extra", "not in the manifest", 0);
    put(in_folder("a/tables/timings.csv"), "width,seed,loss,note\n1,2,3,x\n");
    expect(ctx, "tables/timings.csv", "changed", "bytes instead of", 0);
    again(ctx);
    put(in_folder("a/tables/widths.csv"), "width,seed,loss,note\n1,2,3,x\n");
    expect(ctx, "tables/widths.csv", "changed", "1 rows, the manifest counts 4", 0);
    put(in_folder("a/tables/widths.csv"), "width,seed\n1\n");
    expect(ctx, "tables/widths.csv", "unreadable", "line 2", 1);
    unlink(in_folder("a/tables/widths.csv"));
    expect(ctx, "tables/widths.csv", "missing", "", 0);
    assert_int_equal(symlink(in_folder("a/result.json"), in_folder("a/tables/widths.csv")), 0);
    expect(ctx, "tables/widths.csv", "missing", "", 0); /* a link is no file of the run */
    again(ctx);
    put(in_folder("a/result.json"), "[]");
    expect(ctx, "result.json", "changed", "SHA-256", 0);
    put(in_folder("a/result.json"), "{");
    expect(ctx, "result.json", "unreadable", "line 1", 1);
}

/* arrays.npz cut at many places, and other arrays in its place. */
static void verify_arrays(void **state) {
    ovp_ctx *ctx = *state;
    struct stat info;
    double values[6] = {0};
    again(ctx);
    assert_int_equal(stat(in_folder("a/arrays.npz"), &info), 0);
    for (off_t cut = info.st_size - 1; cut >= 0; cut -= 61) {
        assert_int_equal(truncate(in_folder("a/arrays.npz"), cut), 0);
        expect(ctx, "arrays.npz", "unreadable", "arrays.npz", 1);
    }
    ovp_io_named_array array = {(char[]){"loss"}, {OVP_F64, 2, {3, 2}, values}};
    assert_ok(ctx, ovp_io_npz_write(ctx, in_folder("a/arrays.npz"), &array, 1));
    expect(ctx, "arrays.npz", "changed", "array loss has not the type and shape", 0);
    array.array.shape[0] = 2, array.array.shape[1] = 3;
    assert_ok(ctx, ovp_io_npz_write(ctx, in_folder("a/arrays.npz"), &array, 1));
    expect(ctx, "arrays.npz", "changed", "array count is missing", 0);
}

static void rewrite_manifest(const char *key, json_t *value) {
    json_t *manifest = json_load_file(in_folder("a/manifest.json"), 0, NULL);
    if (value)
        json_object_set_new(manifest, key, value);
    else
        json_object_del(manifest, key);
    assert_int_equal(json_dump_file(manifest, in_folder("a/manifest.json"), 0), 0);
    json_decref(manifest);
}

static void expect_problem(ovp_ctx *ctx, const char *words, int malformed) {
    json_t *report = verified(ctx, "a");
    const char *problem = json_string_value(json_array_get(json_object_get(report, "problems"), 0));
    if (!problem || !strstr(problem, words)) fail_msg("'%s' instead of '%s'", problem ? problem : "", words);
    assert_true(json_is_false(json_object_get(report, "ok")));
    assert_int_equal(json_is_true(json_object_get(report, "malformed")), malformed);
    json_decref(report);
}

static void verify_manifest(void **state) {
    ovp_ctx *ctx = *state;
    content c = usual;
    c.status = "interrupted";
    make(ctx, in_folder("a"), &c);
    expect_problem(ctx, "status is interrupted", 0);
    /* This process lives: its run is no fault, whatever stands in the folder so far. */
    wipe(in_folder("a"));
    c.status = "running";
    make(ctx, in_folder("a"), &c);
    put(in_folder("a/tables/widths.csv"), "\"");
    json_t *report = verified(ctx, "a");
    assert_string_equal(json_string_value(json_object_get(report, "status")), "running");
    assert_true(json_is_true(json_object_get(report, "ok")));
    assert_int_equal(json_array_size(json_object_get(report, "files")), 0);
    assert_int_equal(json_array_size(json_object_get(report, "problems")), 0);
    json_decref(report);
    again(ctx);
    rewrite_manifest("status", json_string("running"));
    rewrite_manifest("process", json_null());
    expect_problem(ctx, "status is unfinished", 0);
    again(ctx);
    rewrite_manifest("schema", json_integer(2));
    expect_problem(ctx, "schema 2", 1);
    again(ctx);
    rewrite_manifest("manifest", NULL);
    expect_problem(ctx, "manifest 0", 1);
    put(in_folder("a/manifest.json"), "{\"program\":");
    expect_problem(ctx, "cannot be read", 1);
    unlink(in_folder("a/manifest.json"));
    expect_problem(ctx, "no manifest.json", 1);
    /* Runs from before the sums: what they name is looked for, what there is must be readable. */
    again(ctx);
    rewrite_manifest("files", NULL);
    expect(ctx, "tables/widths.csv", "unrecorded", "", 0);
    put(in_folder("a/tables/widths.csv"), "\"");
    expect(ctx, "tables/widths.csv", "unreadable", "", 1);
    unlink(in_folder("a/tables/widths.csv"));
    expect(ctx, "tables/widths.csv", "missing", "", 0);
}

/* ---- bit for bit --------------------------------------------------------------------------------- */

/* The one difference of run b from run a: file, where, first, second. */
static void differs(ovp_ctx *ctx, const content *b, const char *file, const char *where, const char *first,
                    const char *second) {
    json_t *out = NULL;
    wipe(in_folder("b"));
    make(ctx, in_folder("b"), b);
    assert_ok(ctx, ovp_store_differ(&out, ctx, in_folder("a"), in_folder("b")));
    json_t *one = json_array_get(json_object_get(out, "differences"), 0);
    assert_int_equal(json_array_size(json_object_get(out, "differences")), 1);
    assert_true(json_is_false(json_object_get(out, "same")));
    assert_string_equal(json_string_value(json_object_get(one, "file")), file);
    assert_string_equal(json_string_value(json_object_get(one, "where")), where);
    assert_string_equal(json_string_value(json_object_get(one, "first")), first);
    assert_string_equal(json_string_value(json_object_get(one, "second")), second);
    json_decref(out);
}

static void differ(void **state) {
    ovp_ctx *ctx = *state;
    json_t *out = NULL;
    content b = usual;
    again(ctx);
    make(ctx, in_folder("b"), &usual);
    assert_ok(ctx, ovp_store_differ(&out, ctx, in_folder("a"), in_folder("b")));
    assert_true(json_is_true(json_object_get(out, "same"))); /* timings are not looked at; nan is nan */
    assert_int_equal(json_array_size(json_object_get(out, "compared")), 2);
    assert_int_equal(json_object_size(json_object_get(out, "environment")), 0);
    json_decref(out);
    b.losses[2] = nextafter(.125, 1); /* one bit */
    differs(ctx, &b, "tables/widths.csv", "row 3 (width 100), column loss", "0.125", "0.12500000000000003");
    b = usual;
    b.value = nextafter(6, 7);
    differs(ctx, &b, "arrays.npz", "loss[1,2]", "6", "6.000000000000001");
    /* Threads are no reason for other bits; the kernels of the BLAS are. */
    b = usual;
    b.rows = 3;
    b.core = "SkylakeX";
    differs(ctx, &b, "tables/widths.csv", "rows and columns", "4 x 4", "3 x 4");
    assert_ok(ctx, ovp_store_differ(&out, ctx, in_folder("a"), in_folder("b")));
    json_t *environment = json_object_get(out, "environment");
    assert_int_equal(json_object_size(environment), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(environment, "core"), 1)), "SkylakeX");
    json_decref(out);
    unlink(in_folder("b/arrays.npz"));
    unlink(in_folder("b/tables/widths.csv"));
    assert_ok(ctx, ovp_store_differ(&out, ctx, in_folder("a"), in_folder("b")));
    assert_int_equal(json_array_size(json_object_get(out, "differences")), 2);
    json_decref(out);
    put(in_folder("b/arrays.npz"), "PK");
    assert_fails(ctx, OVP_EFORMAT, "arrays.npz", ovp_store_differ(&out, ctx, in_folder("a"), in_folder("b")));
    assert_null(out);
    assert_fails(ctx, OVP_EFORMAT, "nowhere", ovp_store_differ(&out, ctx, in_folder("nowhere"), in_folder("b")));
}

/* ---- side by side -------------------------------------------------------------------------------- */

static void compare(void **state) {
    ovp_ctx *ctx = *state;
    json_t *out = NULL;
    content b = usual;
    b.rows = 3;
    b.losses[0] = .75;
    b.value = 7;
    again(ctx);
    make(ctx, in_folder("b"), &b);
    char dirs[2][512];
    snprintf(dirs[0], sizeof(dirs[0]), "%s", in_folder("a"));
    snprintf(dirs[1], sizeof(dirs[1]), "%s", in_folder("b"));
    const char *both[] = {dirs[0], dirs[1]};
    assert_ok(ctx, ovp_store_compare(&out, ctx, both, 2, 0));
    char *text = json_dumps(json_object_get(out, "params"), JSON_COMPACT);
    assert_string_equal(text, "{\"epochs\":[4,3]}");
    free(text);
    text = json_dumps(json_object_get(out, "environment"), JSON_COMPACT);
    assert_string_equal(text, "{\"threads\":[4,3]}");
    free(text);
    /* (width, seed) is the shortest beginning that names every row; .75 - .5 = .25, half of .5 */
    text = json_dumps(json_object_get(out, "tables"), JSON_COMPACT);
    assert_string_equal(text,
                        "{\"widths\":{\"keys\":[\"width\",\"seed\"],\"columns\":[\"loss\",\"note\"],\"rows\":["
                        "{\"key\":[10,1],\"same\":false,\"values\":[[0.5,\"ok, so far\"],[0.75,\"ok, so far\"]],"
                        "\"absolute\":[[0.25,null]],\"relative\":[[0.5,null]]},"
                        "{\"key\":[10,2],\"same\":true,\"values\":[[0.25,\"ok, so far\"],[0.25,\"ok, so far\"]],"
                        "\"absolute\":[[0.0,null]],\"relative\":[[0.0,null]]},"
                        "{\"key\":[100,1],\"same\":true,\"values\":[[0.125,\"ok, so far\"],[0.125,\"ok, so far\"]],"
                        "\"absolute\":[[0.0,null]],\"relative\":[[0.0,null]]}],\"equal\":2,\"only\":[[[100,2]],[]]}}");
    free(text);
    text = json_dumps(json_object_get(out, "verdicts"), JSON_COMPACT);
    assert_string_equal(text, "[{\"claim\":\"it falls\",\"holds\":[\"yes\",\"no\"],\"measured\":[6.0,7.0],"
                              "\"predicted\":[null,null]}]");
    free(text);
    json_decref(out);
    assert_fails(ctx, OVP_EUSAGE, "2 to 8", ovp_store_compare(&out, ctx, both, 1, 0));
    assert_fails(ctx, OVP_EUSAGE, "2 to 8", ovp_store_compare(&out, ctx, both, 9, 0));
}

/* Rows that no beginning of the columns tells apart are joined by their numbers. */
static void compare_without_keys(void **state) {
    ovp_ctx *ctx = *state;
    json_t *out = NULL;
    char dirs[2][512];
    again(ctx);
    make(ctx, in_folder("b"), &usual);
    snprintf(dirs[0], sizeof(dirs[0]), "%s", in_folder("a"));
    snprintf(dirs[1], sizeof(dirs[1]), "%s", in_folder("b"));
    put(in_folder("a/tables/widths.csv"), "x,y\n1,2\n1,2\n1,nan\n");
    put(in_folder("b/tables/widths.csv"), "x,y,z\n1,2,0\n1,3,0\n");
    const char *both[] = {dirs[0], dirs[1]};
    assert_ok(ctx, ovp_store_compare(&out, ctx, both, 2, 0));
    char *text = json_dumps(json_object_get(out, "tables"), JSON_COMPACT);
    assert_string_equal(text, "{\"widths\":{\"keys\":[\"row\"],\"columns\":[\"x\",\"y\"],\"rows\":["
                              "{\"key\":[1],\"same\":true,\"values\":[[1,2],[1,2]],\"absolute\":[[0.0,0.0]],"
                              "\"relative\":[[0.0,0.0]]},"
                              "{\"key\":[2],\"same\":false,\"values\":[[1,2],[1,3]],\"absolute\":[[0.0,1.0]],"
                              "\"relative\":[[0.0,0.5]]}],\"equal\":1,\"only\":[[[3]],[]]}}");
    free(text);
    json_decref(out);
    put(in_folder("b/tables/widths.csv"), "x,y\n1\n");
    assert_fails(ctx, OVP_EFORMAT, "widths.csv", ovp_store_compare(&out, ctx, both, 2, 0));
    assert_ok(ctx, ovp_store_compare(&out, ctx, both, 2, 1)); /* parameters alone open no table */
    assert_null(json_object_get(out, "tables"));
    json_decref(out);
}

static void compare_other_experiments(void **state) {
    ovp_ctx *ctx = *state;
    json_t *out = NULL;
    char dirs[2][512];
    content b = usual;
    b.experiment = "other";
    again(ctx);
    make(ctx, in_folder("b"), &b);
    snprintf(dirs[0], sizeof(dirs[0]), "%s", in_folder("a"));
    snprintf(dirs[1], sizeof(dirs[1]), "%s", in_folder("b"));
    const char *both[] = {dirs[0], dirs[1]};
    assert_fails(ctx, OVP_EUSAGE, "different experiments (lazy-width, other)",
                 ovp_store_compare(&out, ctx, both, 2, 0));
    assert_ok(ctx, ovp_store_compare(&out, ctx, both, 2, 1));
    json_decref(out);
}

/* A long file goes through its sum in pieces: the sum of 1e6 letters a of FIPS 180-2, B.3. */
static void sum_of_a_file(void **state) {
    ovp_ctx *ctx = *state;
    char out[65];
    int64_t bytes = 0;
    char *text = calloc(1, 1000001);
    memset(text, 'a', 1000000);
    put(in_folder("long"), text);
    free(text);
    assert_ok(ctx, ovp_io_sha256_file(out, &bytes, ctx, in_folder("long")));
    assert_string_equal(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_int_equal(bytes, 1000000);
    put(in_folder("empty"), "");
    assert_ok(ctx, ovp_io_sha256_file(out, NULL, ctx, in_folder("empty")));
    assert_string_equal(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_fails(ctx, OVP_ENOTFOUND, "nothing", ovp_io_sha256_file(out, NULL, ctx, in_folder("nothing")));
    assert_fails(ctx, OVP_EIO, "no plain file", ovp_io_sha256_file(out, NULL, ctx, folder));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(sums),          FOLDER_TEST(sum_of_a_file),        FOLDER_TEST(verify),
        FOLDER_TEST(verify_arrays), FOLDER_TEST(verify_manifest),      FOLDER_TEST(differ),
        FOLDER_TEST(compare),       FOLDER_TEST(compare_without_keys), FOLDER_TEST(compare_other_experiments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
