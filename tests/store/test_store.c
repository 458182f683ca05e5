/* store: tables, run folders, listing, finding, removing; every refusal. */
#include "folder.h"

#include <overparam/store.h>

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const ovp_store_column columns[] = {
    {"width", "", "hidden units"}, {"loss", "nat", ""}, {"note, \"quoted\"", "", ""}, {"extra", NULL, ""}};

static ovp_store_table *sample(ovp_ctx *ctx) {
    ovp_store_table *table;
    char text[] = "a,b \"c\"";
    const ovp_store_cell one[] = {{OVP_CELL_INT, 9007199254740993, 0, NULL},
                                  {OVP_CELL_REAL, 0, .1, NULL},
                                  {OVP_CELL_TEXT, 0, 0, text},
                                  {OVP_CELL_NULL, 0, 0, NULL}};
    const ovp_store_cell two[] = {{OVP_CELL_INT, -1, 0, NULL},
                                  {OVP_CELL_REAL, 0, (double)NAN, NULL},
                                  {OVP_CELL_TEXT, 0, 0, "x\ny"},
                                  {OVP_CELL_REAL, 0, -(double)INFINITY, NULL}};
    assert_ok(ctx, ovp_store_table_create(&table, ctx, "widths", columns, 4));
    assert_ok(ctx, ovp_store_table_add(table, one));
    text[0] = '!'; /* the table holds a copy */
    assert_ok(ctx, ovp_store_table_add(table, two));
    return table;
}

static void table_csv_and_json(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_table *table = sample(ctx);
    ovp_text csv = {.ctx = ctx};
    ovp_store_table_csv(table, &csv);
    assert_string_equal(csv.data, "width,loss,\"note, \"\"quoted\"\"\",extra\n"
                                  "9007199254740993,0.1,\"a,b \"\"c\"\"\",\n"
                                  "-1,nan,\"x\ny\",-inf\n");
    ovp_text_free(&csv);
    json_t *json = ovp_store_table_json(table);
    ovp_text text = {.ctx = ctx};
    ovp_io_json_dump(&text, json, 0);
    json_t *expected = json_loads("{\"columns\":[\"width\",\"loss\",\"note, \\\"quoted\\\"\",\"extra\"],"
                                  "\"units\":[\"\",\"nat\",\"\",\"\"],\"rows\":[[9007199254740993,0.1,"
                                  "\"a,b \\\"c\\\"\",null],[-1,null,\"x\\ny\",null]]}",
                                  0, NULL);
    assert_non_null(expected);
    assert_true(json_equal(json, expected));
    assert_string_equal(ovp_store_table_name(table), "widths");
    assert_int_equal(ovp_store_table_rows(table), 2);
    assert_int_equal(ovp_store_table_cell(table, 1, 0)->integer, -1);
    assert_null(ovp_store_table_cell(table, 2, 0));
    assert_null(ovp_store_table_cell(table, 0, 4));
    assert_null(ovp_store_table_cell(table, -1, 0));
    json_decref(json);
    json_decref(expected);
    ovp_text_free(&text);
    ovp_store_table_free(table);
    ovp_store_table_free(NULL);
}

static void table_grows(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_table *table;
    assert_ok(ctx, ovp_store_table_create(&table, ctx, "t", columns, 1));
    for (int i = 0; i < 1000; i++) {
        const ovp_store_cell cell = {OVP_CELL_INT, i * i, 0, NULL};
        assert_ok(ctx, ovp_store_table_add(table, &cell));
    }
    for (int i = 0; i < 1000; i++) assert_int_equal(ovp_store_table_cell(table, i, 0)->integer, i * i);
    ovp_store_table_free(table);
}

static void table_names(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_table *table;
    assert_fails(ctx, OVP_EINVAL, "'../x'", ovp_store_table_create(&table, ctx, "../x", columns, 4));
    assert_null(table);
    assert_fails(ctx, OVP_EINVAL, "''", ovp_store_table_create(&table, ctx, "", columns, 4));
    assert_fails(ctx, OVP_EINVAL, "0 columns", ovp_store_table_create(&table, ctx, "t", columns, 0));
}

/* ---- run folders --------------------------------------------------------------------------------- */

static ovp_store_run *begin(ovp_ctx *ctx, const char *params) {
    ovp_store_run *run;
    assert_ok(ctx, ovp_store_run_create(&run, ctx, in_folder("runs"), NULL, "lazy-width", params));
    return run;
}

static json_t *manifest_of(const char *dir) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/manifest.json", dir);
    json_t *manifest = json_load_file(path, 0, NULL);
    assert_non_null(manifest);
    return manifest;
}

static const char *member(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

static void run_folder(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_run *run = begin(ctx, "widths=10");
    char dir[512];
    snprintf(dir, sizeof(dir), "%s", ovp_store_run_dir(run));
    assert_int_equal(dir[0], '/');
    const char *id = strrchr(dir, '/') + 1;
    assert_int_equal(strlen(id), 24); /* 20260102-030405-1a2b3c4d */
    assert_int_equal(id[8], '-');
    assert_int_equal(id[15], '-');
    json_t *manifest = manifest_of(dir);
    assert_string_equal(member(manifest, "program"), "overparam");
    assert_string_equal(member(manifest, "status"), "running");
    assert_string_equal(member(manifest, "experiment"), "lazy-width");
    assert_true(json_is_null(json_object_get(manifest, "finished")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(manifest, "process"), "pid")), getpid());
    json_decref(manifest);

    ovp_store_table *table = sample(ctx);
    assert_ok(ctx, ovp_store_run_table(run, table));
    ovp_store_table_free(table);
    assert_ok(ctx, ovp_store_run_file(run, "figures/deep/a.txt", "hello", 5));
    double values[3] = {1, 2, 3};
    ovp_io_named_array array = {(char[]){"loss"}, {OVP_F64, 1, {3}, values}};
    assert_ok(ctx, ovp_store_run_arrays(run, "arrays.npz", &array, 1));
    json_t *line = json_pack("{s:i}", "step", 1);
    assert_ok(ctx, ovp_store_run_metric(run, line));
    assert_ok(ctx, ovp_store_run_metric(run, line));
    json_decref(line);

    /* The caller adds fields; program, status and the like stay ours. */
    json_t *mine = json_pack("{s:s, s:i, s:s}", "version", "0.1.0", "seed", 42, "program", "evil");
    assert_ok(ctx, ovp_store_run_manifest(run, mine, "complete"));
    assert_int_equal(json_object_size(mine), 3);
    json_decref(mine);
    ovp_store_run_free(run);
    char path[1024];
    snprintf(path, sizeof(path), "%s/metrics.jsonl", dir);
    char *metrics = get(path);
    json_t *read_back = json_loadb(metrics, (size_t)(strchr(metrics, '\n') - metrics), 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(read_back, "step")), 1);
    assert_int_equal(metrics[strlen(metrics) - 1], '\n');
    json_decref(read_back);
    free(metrics);
    snprintf(path, sizeof(path), "%s/tables/widths.csv", dir);
    char *csv = get(path);
    assert_non_null(strstr(csv, "9007199254740993,0.1"));
    free(csv);
    snprintf(path, sizeof(path), "%s/arrays.npz", dir);
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    assert_int_equal(count, 1);
    assert_string_equal(arrays[0].name, "loss");
    ovp_io_npz_free(ctx, arrays, count);
    manifest = manifest_of(dir);
    assert_string_equal(member(manifest, "status"), "complete");
    assert_string_equal(member(manifest, "program"), "overparam");
    assert_string_equal(member(manifest, "version"), "0.1.0");
    assert_int_equal(json_integer_value(json_object_get(manifest, "seed")), 42);
    assert_true(json_real_value(json_object_get(manifest, "seconds")) >= 0);
    assert_true(strcmp(member(manifest, "finished"), member(manifest, "started")) >= 0);
    json_decref(manifest);
    assert_int_equal(hidden_files(dir), 0);
}

static void run_refusals(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_run *run = begin(ctx, "");
    static const char *const bad[] = {"", "/etc/x", "../x", "a/../../x", "a//b", "a/", "./a", "a/."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(ctx, OVP_EINVAL, "run folder", ovp_store_run_file(run, bad[i], "x", 1));
    assert_fails(ctx, OVP_EINVAL, "run folder", ovp_store_run_arrays(run, "../a.npz", NULL, 0));
    assert_fails(ctx, OVP_EINVAL, "'done'", ovp_store_run_manifest(run, NULL, "done"));
    assert_fails(ctx, OVP_EINVAL, "''", ovp_store_run_manifest(run, NULL, NULL));
    ovp_store_run_free(run);
    assert_fails(ctx, OVP_EINVAL, "experiment id", ovp_store_run_create(&run, ctx, folder, NULL, "../x", ""));
    assert_null(run);
}

static void run_in_bad_places(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_run *run;
    put(in_folder("file"), "x");
    assert_fails(ctx, OVP_EIO, "file", ovp_store_run_create(&run, ctx, in_folder("file"), NULL, "lazy-width", ""));
    assert_fails(ctx, OVP_EIO, "file", ovp_store_run_create(&run, ctx, NULL, in_folder("file"), "lazy-width", ""));
    /* No folder can be made in /proc, not even by root. */
    assert_fails(ctx, OVP_EIO, "/proc", ovp_store_run_create(&run, ctx, "/proc/overparam", NULL, "lazy-width", ""));
    assert_null(run);
    if (geteuid() != 0) {
        mkdir(in_folder("locked"), 0500);
        assert_fails(ctx, OVP_EIO, "locked", ovp_store_run_create(&run, ctx, in_folder("locked"), NULL, "a", ""));
    }
    char longer[5000];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    assert_fails(ctx, OVP_EIO, "at most", ovp_store_run_create(&run, ctx, NULL, longer, "lazy-width", ""));
    assert_int_not_equal(ovp_store_run_create(&run, ctx, longer, NULL, "lazy-width", ""), OVP_OK);
    ovp_clear(ctx);
}

static void run_exact(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_run *run;
    assert_ok(ctx, ovp_store_run_create(&run, ctx, NULL, in_folder("a/b"), "lazy-width", ""));
    assert_string_equal(strrchr(ovp_store_run_dir(run), '/'), "/b");
    ovp_store_run_free(run);
    assert_fails(ctx, OVP_EIO, "not empty", ovp_store_run_create(&run, ctx, NULL, in_folder("a/b"), "lazy-width", ""));
    mkdir(in_folder("empty"), 0777);
    assert_ok(ctx, ovp_store_run_create(&run, ctx, NULL, in_folder("empty"), "lazy-width", ""));
    ovp_store_run_free(run);
}

static void root_from_environment(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_run *run;
    setenv("OVERPARAM_RUNS", in_folder("elsewhere"), 1);
    assert_ok(ctx, ovp_store_run_create(&run, ctx, NULL, NULL, "lazy-width", ""));
    assert_non_null(strstr(ovp_store_run_dir(run), "/elsewhere/lazy-width/"));
    ovp_store_run_free(run);
    unsetenv("OVERPARAM_RUNS");
}

/* A full disk, as a limit on the size of files: the write fails, what was there stays whole. */
static void full_disk(void **state) {
    ovp_ctx *ctx = *state;
    ovp_store_run *run = begin(ctx, "");
    char dir[512], *big = malloc(200000);
    snprintf(dir, sizeof(dir), "%s", ovp_store_run_dir(run));
    memset(big, 'x', 200000);
    json_t *line = json_pack("{s:s}", "text", "a short line"), *huge = json_pack("{s:s%}", "text", big, (size_t)200000);
    assert_ok(ctx, ovp_store_run_file(run, "tables/t.csv", "old", 3));
    assert_ok(ctx, ovp_store_run_metric(run, line));
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 65536;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    ovp_status file_status = ovp_store_run_file(run, "tables/t.csv", big, 200000);
    char file_message[512];
    snprintf(file_message, sizeof(file_message), "%s", ovp_message(ctx));
    ovp_clear(ctx);
    ovp_status metric_status = ovp_store_run_metric(run, huge);
    char metric_message[512];
    snprintf(metric_message, sizeof(metric_message), "%s", ovp_message(ctx));
    ovp_clear(ctx);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(file_status, OVP_EIO);
    assert_non_null(strstr(file_message, "t.csv"));
    assert_int_equal(metric_status, OVP_EIO);
    assert_non_null(strstr(metric_message, "metrics.jsonl"));
    assert_ok(ctx, ovp_store_run_metric(run, line));
    char path[1024];
    snprintf(path, sizeof(path), "%s/tables/t.csv", dir);
    char *text = get(path);
    assert_string_equal(text, "old");
    free(text);
    snprintf(path, sizeof(path), "%s/metrics.jsonl", dir);
    text = get(path);
    assert_true(strlen(text) < 100);
    assert_int_equal(text[strlen(text) - 1], '\n');
    free(text);
    snprintf(path, sizeof(path), "%s/tables", dir);
    assert_int_equal(hidden_files(path), 0);
    free(big);
    json_decref(line);
    json_decref(huge);
    ovp_store_run_free(run);
}

/* ---- list and find ------------------------------------------------------------------------------- */

static void put_run(const char *id, const char *status, const char *started, const char *process) {
    char path[512], text[1024];
    snprintf(path, sizeof(path), "%s/runs/lazy-width/%s", folder, id);
    mkdir(in_folder("runs"), 0777);
    mkdir(in_folder("runs/lazy-width"), 0777);
    assert_int_equal(mkdir(path, 0777), 0);
    if (!status) return;
    snprintf(path, sizeof(path), "%s/runs/lazy-width/%s/manifest.json", folder, id);
    snprintf(text, sizeof(text),
             "{\"program\":\"overparam\",\"experiment\":\"lazy-width\",\"status\":\"%s\",\"started\":\"%s\","
             "\"seconds\":2.5,\"process\":%s}",
             status, started, process);
    put(path, text);
}

/* A pid that just ended. */
static long dead_pid(void) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
    return (long)child;
}

static void list_states(void **state) {
    ovp_ctx *ctx = *state;
    json_t *list;
    char dead[64], reused[64];
    assert_ok(ctx, ovp_store_list(&list, ctx, in_folder("nowhere")));
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    snprintf(dead, sizeof(dead), "{\"pid\":%ld,\"start\":1}", dead_pid());
    snprintf(reused, sizeof(reused), "{\"pid\":%ld,\"start\":1}", (long)getpid()); /* another start time */
    put_run("20260101-000000-00000001", "complete", "2026-01-01T00:00:00.000Z", "null");
    put_run("20260103-000000-00000002", "running", "2026-01-03T00:00:00.000Z", dead);
    put_run("20260102-000000-00000003", "running", "2026-01-02T00:00:00.000Z", reused);
    put_run("20260104-000000-00000004", NULL, NULL, NULL);
    put_run("notes", NULL, NULL, NULL);
    put(in_folder("runs/lazy-width/file"), "x");
    put(in_folder("runs/file"), "x");
    assert_int_equal(symlink(in_folder("runs/lazy-width/20260101-000000-00000001"),
                             in_folder("runs/lazy-width/20260105-000000-00000005")),
                     0);
    ovp_store_run *run = begin(ctx, "p");
    assert_ok(ctx, ovp_store_list(&list, ctx, in_folder("runs")));
    static const char *const states[] = {"running", "broken", "unfinished", "unfinished", "complete"};
    assert_int_equal(json_array_size(list), 5);
    for (size_t i = 0; i < 5; i++) assert_string_equal(member(json_array_get(list, i), "status"), states[i]);
    const json_t *oldest = json_array_get(list, 4);
    assert_string_equal(member(oldest, "id"), "20260101-000000-00000001");
    assert_string_equal(member(oldest, "experiment"), "lazy-width");
    assert_true(json_number_value(json_object_get(oldest, "seconds")) == 2.5);
    assert_true(json_integer_value(json_object_get(oldest, "bytes")) > 50);
    json_decref(list);
    ovp_store_run_free(run);

    put(in_folder("runs/lazy-width/20260101-000000-00000001/manifest.json"), "{ damaged");
    assert_ok(ctx, ovp_store_list(&list, ctx, in_folder("runs")));
    assert_string_equal(member(json_array_get(list, 4), "status"), "broken");
    json_decref(list);
    assert_fails(ctx, OVP_EIO, "file", ovp_store_list(&list, ctx, in_folder("runs/file")));
    assert_null(list);
}

static void latest_of_the_same_second(void **state) {
    ovp_ctx *ctx = *state;
    char *dir;
    put_run("20260101-000000-ffffffff", "complete", "2026-01-01T00:00:00.100Z", "null");
    put_run("20260101-000000-00000001", "complete", "2026-01-01T00:00:00.200Z", "null");
    assert_ok(ctx, ovp_store_find(&dir, ctx, in_folder("runs"), "latest"));
    assert_non_null(strstr(dir, "00000001"));
    ovp_free(ctx, dir);
}

static void many_in_one_second(void **state) {
    ovp_ctx *ctx = *state;
    json_t *list;
    for (int i = 0; i < 20; i++) ovp_store_run_free(begin(ctx, "same"));
    assert_ok(ctx, ovp_store_list(&list, ctx, in_folder("runs")));
    assert_int_equal(json_array_size(list), 20);
    json_decref(list);
}

static void find(void **state) {
    ovp_ctx *ctx = *state;
    char *dir;
    assert_fails(ctx, OVP_ENOTFOUND, "no runs in", ovp_store_find(&dir, ctx, in_folder("runs"), "latest"));
    put_run("20260101-000000-0000000a", "complete", "2026-01-01T00:00:00.000Z", "null");
    put_run("20260102-000000-0000000b", "complete", "2026-01-02T00:00:00.000Z", "null");
    put_run("20260102-000000-0000000c", "complete", "2026-01-02T00:00:01.000Z", "null");
    const char *root = in_folder("runs");
    static const char *const good[][2] = {{"20260101-000000-0000000a", "0000000a"},
                                          {"20260101", "0000000a"},
                                          {"latest", "0000000c"},
                                          {"20260102-000000-0000000b", "0000000b"}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_ok(ctx, ovp_store_find(&dir, ctx, root, good[i][0]));
        assert_non_null(strstr(dir, good[i][1]));
        ovp_free(ctx, dir);
    }
    assert_ok(ctx, ovp_store_find(&dir, ctx, root, in_folder("runs/lazy-width/20260101-000000-0000000a/")));
    assert_non_null(strstr(dir, "0000000a"));
    ovp_free(ctx, dir);
    assert_fails(ctx, OVP_ENOTFOUND, "20260102-000000-0000000c", ovp_store_find(&dir, ctx, root, "20260102"));
    assert_null(dir);
    assert_fails(ctx, OVP_ENOTFOUND, "near ids: 20260101-000000-0000000a",
                 ovp_store_find(&dir, ctx, root, "20260111-000000-0000000a"));
    assert_fails(ctx, OVP_ENOTFOUND, "no run '/etc'", ovp_store_find(&dir, ctx, root, "/etc"));
    assert_fails(ctx, OVP_EINVAL, "no run given", ovp_store_find(&dir, ctx, root, ""));
}

/* ---- remove -------------------------------------------------------------------------------------- */

static void remove_a_run(void **state) {
    ovp_ctx *ctx = *state;
    char dir[512];
    ovp_store_run *run = begin(ctx, "");
    snprintf(dir, sizeof(dir), "%s", ovp_store_run_dir(run));
    assert_ok(ctx, ovp_store_run_file(run, "figures/a/b/c.txt", "x", 1));
    mkdir(in_folder("precious"), 0777);
    put(in_folder("precious/kept"), "x");
    char path[1024];
    snprintf(path, sizeof(path), "%s/link", dir);
    assert_int_equal(symlink(in_folder("precious"), path), 0);
    snprintf(path, sizeof(path), "%s/figures/link", dir);
    assert_int_equal(symlink(in_folder("precious/kept"), path), 0);
    assert_fails(ctx, OVP_EINVAL, "still going", ovp_store_remove(ctx, dir));
    assert_ok(ctx, ovp_store_run_manifest(run, NULL, "failed"));
    ovp_store_run_free(run);
    snprintf(path, sizeof(path), "%s///", dir);
    assert_ok(ctx, ovp_store_remove(ctx, path));
    assert_false(exists(dir));
    assert_true(exists(in_folder("precious/kept")));
    assert_true(exists(in_folder("runs/lazy-width")));
    assert_fails(ctx, OVP_ENOTFOUND, dir, ovp_store_remove(ctx, dir));
}

static void remove_refusals(void **state) {
    ovp_ctx *ctx = *state;
    mkdir(in_folder("mine"), 0777);
    put(in_folder("mine/thesis.tex"), "x");
    assert_fails(ctx, OVP_EINVAL, "no manifest.json", ovp_store_remove(ctx, in_folder("mine")));
    put(in_folder("mine/manifest.json"), "{\"program\":\"other\"}");
    assert_fails(ctx, OVP_EINVAL, "not one of overparam's", ovp_store_remove(ctx, in_folder("mine")));
    put(in_folder("mine/manifest.json"), "[1,2");
    assert_fails(ctx, OVP_EINVAL, "cannot be read", ovp_store_remove(ctx, in_folder("mine")));
    /* A manifest that is a link to a real one does not make a folder ours. */
    put_run("20260101-000000-0000000a", "complete", "2026-01-01T00:00:00.000Z", "null");
    unlink(in_folder("mine/manifest.json"));
    assert_int_equal(
        symlink(in_folder("runs/lazy-width/20260101-000000-0000000a/manifest.json"), in_folder("mine/manifest.json")),
        0);
    assert_fails(ctx, OVP_EINVAL, "is a link", ovp_store_remove(ctx, in_folder("mine")));
    unlink(in_folder("mine/manifest.json"));
    assert_int_equal(mkfifo(in_folder("mine/manifest.json"), 0600), 0);
    assert_fails(ctx, OVP_EINVAL, "cannot be read", ovp_store_remove(ctx, in_folder("mine")));
    assert_true(exists(in_folder("mine/thesis.tex")));
    /* A link to a run folder. */
    assert_int_equal(symlink(in_folder("runs/lazy-width/20260101-000000-0000000a"), in_folder("alias")), 0);
    assert_fails(ctx, OVP_EIO, "links are not followed", ovp_store_remove(ctx, in_folder("alias")));
    assert_fails(ctx, OVP_EIO, "links are not followed", ovp_store_remove(ctx, in_folder("alias/")));
    assert_true(exists(in_folder("runs/lazy-width/20260101-000000-0000000a/manifest.json")));
    assert_fails(ctx, OVP_EIO, "Not a directory", ovp_store_remove(ctx, in_folder("mine/thesis.tex")));
    static const char *const bad[] = {"", "/", "///", ".", "..", "a/..", "runs/."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(ctx, OVP_EINVAL, "cannot remove", ovp_store_remove(ctx, bad[i]));
    assert_fails(ctx, OVP_EINVAL, "cannot remove", ovp_store_remove(ctx, NULL));
}

/* A run that died between making its folder and writing its manifest. */
static void remove_an_empty_run(void **state) {
    ovp_ctx *ctx = *state;
    put_run("20260101-000000-0000000a", NULL, NULL, NULL);
    put_run("20260101-000000-0000000b", NULL, NULL, NULL);
    put(in_folder("runs/lazy-width/20260101-000000-0000000b/x"), "x");
    put_run("empty", NULL, NULL, NULL);
    assert_ok(ctx, ovp_store_remove(ctx, in_folder("runs/lazy-width/20260101-000000-0000000a")));
    assert_false(exists(in_folder("runs/lazy-width/20260101-000000-0000000a")));
    assert_fails(ctx, OVP_EINVAL, "refused",
                 ovp_store_remove(ctx, in_folder("runs/lazy-width/20260101-000000-0000000b")));
    assert_fails(ctx, OVP_EINVAL, "refused", ovp_store_remove(ctx, in_folder("runs/lazy-width/empty")));
    assert_true(exists(in_folder("runs/lazy-width/empty")));
}

/* A tree deeper than any run's is left alone, and the manifest stays so that the removal can be repeated. */
static void remove_stops_at_depth(void **state) {
    ovp_ctx *ctx = *state;
    char path[512];
    put_run("20260101-000000-0000000a", "complete", "2026-01-01T00:00:00.000Z", "null");
    snprintf(path, sizeof(path), "%s", in_folder("runs/lazy-width/20260101-000000-0000000a"));
    for (int i = 0; i < 20; i++) {
        strcat(path, "/d");
        assert_int_equal(mkdir(path, 0777), 0);
    }
    assert_fails(ctx, OVP_EIO, "cannot remove",
                 ovp_store_remove(ctx, in_folder("runs/lazy-width/20260101-000000-0000000a")));
    assert_true(exists(path));
    assert_true(exists(in_folder("runs/lazy-width/20260101-000000-0000000a/manifest.json")));
}

/* ---- out of memory ------------------------------------------------------------------------------- */

/* Every allocation in turn fails once: OVP_ENOMEM comes back, nothing leaks (the sanitizer build looks), and the same
 * work succeeds afterwards. */
static ovp_status whole_life(ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    ovp_store_table *table = NULL;
    ovp_store_run *run = NULL;
    json_t *list = NULL, *line = json_pack("{s:i}", "a", 1);
    char *dir = NULL;
    const ovp_store_cell cells[] = {{OVP_CELL_INT, 1, 0, NULL}, {OVP_CELL_TEXT, 0, 0, "some text"}};
    OVP_TRY(ovp_store_table_create(&table, ctx, "t", columns, 2));
    OVP_TRY(ovp_store_table_add(table, cells));
    OVP_TRY(ovp_store_run_create(&run, ctx, in_folder("runs"), NULL, "lazy-width", ""));
    OVP_TRY(ovp_store_run_table(run, table));
    OVP_TRY(ovp_store_run_metric(run, line));
    OVP_TRY(ovp_store_run_manifest(run, line, "complete"));
    OVP_TRY(ovp_store_list(&list, ctx, in_folder("runs")));
    OVP_TRY(ovp_store_find(&dir, ctx, in_folder("runs"), "latest"));
done:
    ovp_store_table_free(table);
    ovp_store_run_free(run);
    ovp_free(ctx, dir);
    json_decref(list);
    json_decref(line);
    return status;
}

static void out_of_memory(void **state) {
    ovp_ctx *ctx = *state;
    int n = 0;
    for (; n < 1000; n++) {
        countdown left = {n};
        const ovp_allocator hook = {countdown_alloc, countdown_release, &left};
        const ovp_ctx_options options = {.size = sizeof(options), .threads = 1, .allocator = &hook};
        ovp_ctx *poor;
        left.left = -1;
        assert_ok(ctx, ovp_ctx_create(&poor, &options));
        left.left = n;
        ovp_status status = whole_life(poor);
        int reached = left.left < 0;
        left.left = -1;
        if (reached)
            assert_int_equal(status, OVP_ENOMEM);
        else
            assert_int_equal(status, OVP_OK);
        ovp_ctx_free(poor);
        if (!reached) break;
    }
    assert_true(n > 8 && n < 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(table_csv_and_json),
        CTX_TEST(table_grows),
        CTX_TEST(table_names),
        FOLDER_TEST(run_folder),
        FOLDER_TEST(run_refusals),
        FOLDER_TEST(run_in_bad_places),
        FOLDER_TEST(run_exact),
        FOLDER_TEST(root_from_environment),
        FOLDER_TEST(full_disk),
        FOLDER_TEST(list_states),
        FOLDER_TEST(latest_of_the_same_second),
        FOLDER_TEST(many_in_one_second),
        FOLDER_TEST(find),
        FOLDER_TEST(remove_a_run),
        FOLDER_TEST(remove_refusals),
        FOLDER_TEST(remove_an_empty_run),
        FOLDER_TEST(remove_stops_at_depth),
        FOLDER_TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
