/* store: the index of the run folders. Whatever is done to it, the answer is that of the folders. */
#include "folder.h"

#include <overparam/store.h>

#include <fcntl.h>
#include <jansson.h>
#include <sys/wait.h>

#define INDEX "runs/.index.sqlite"

/* Run folder with a manifest as store writes it. */
static void put_run(const char *experiment, const char *id, const char *status, const char *started,
                    const char *params) {
    char path[512], text[2048];
    mkdir(in_folder("runs"), 0777);
    snprintf(path, sizeof(path), "%s/%s", in_folder("runs"), experiment);
    mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/%s/%s", in_folder("runs"), experiment, id);
    mkdir(path, 0777);
    if (!status) return;
    strcat(path, "/manifest.json");
    snprintf(text, sizeof(text),
             "{\"program\":\"overparam\",\"manifest\":1,\"experiment\":\"%s\",\"status\":\"%s\",\"started\":\"%s\","
             "\"seconds\":1.5,\"params\":%s}",
             experiment, status, started, params);
    unlink(path);
    put(path, text);
}

static void put_some_runs(void) {
    put_run("lazy-width", "20260101-000000-0000000a", "complete", "2026-01-01T00:00:00.500Z",
            "{\"lr\":0.001,\"widths\":[10,100],\"ntk\":true,\"rng\":\"philox\",\"data-seed\":null}");
    put_run("lazy-width", "20260102-000000-0000000b", "failed", "2026-01-02T00:00:00.000Z",
            "{\"lr\":0.1,\"widths\":[10],\"ntk\":false,\"rng\":\"torch\",\"data-seed\":3}");
    put_run("other", "20260103-000000-0000000c", "complete", "2026-01-03T00:00:00.000Z", "{\"lr\":1,\"note\":\"a,b\"}");
    put_run("other", "20260104-000000-0000000d", "running", "2026-01-04T00:00:00.000Z", "{\"lr\":1e-3}");
    put_run("other", "20260105-000000-0000000e", NULL, NULL, NULL); /* broken */
    put_run("other", "mine", "interrupted", "2026-01-01T00:00:00.500Z", "{\"lr\":0.001}");
    put_run("other", "not-a-run", NULL, NULL, NULL);
}

static const ovp_store_filter filters[] = {
    {.size = sizeof(ovp_store_filter)},
    {.experiment = "lazy-width"},
    {.experiment = "nothing"},
    {.status = "complete"},
    {.status = "unfinished"},
    {.status = "running"},
    {.status = "broken"},
    {.since = "2026-01-02"},
    {.since = "2026-01-01T00:00:00.500"},
    {.since = "2026-01-01T00:00:01Z"},
    {.since = "36500d"},
    {.since = "1m"},
    {.where = "lr=1e-3"},
    {.where = "lr=0.0010"},
    {.where = "lr=1.0"},
    {.where = "widths=10,100"},
    {.where = "widths=10"},
    {.where = "ntk=true;rng=philox"},
    {.where = "ntk=off"},
    {.where = "data_seed=3"},
    {.where = "data-seed="},
    {.where = "note=a,b"},
    {.where = "nothing=1"},
    {.limit = 2},
    {.status = "complete", .limit = 1},
    {.status = "unfinished", .since = "2026-01-02", .where = "lr=0.001", .experiment = "other", .limit = 1},
};
/* How many of put_some_runs each filter finds. */
static const size_t expected[] = {6, 2, 0, 2, 1, 0, 1, 4, 6, 4, 6, 0, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 0, 2, 1, 1};

static json_t *listed(ovp_ctx *ctx, const ovp_store_filter *filter, int scan) {
    json_t *list = NULL;
    ovp_store_filter wanted = *filter;
    wanted.size = sizeof(wanted);
    wanted.scan = scan;
    assert_ok(ctx, ovp_store_select(&list, ctx, in_folder("runs"), &wanted));
    return list;
}

/* Every filter, from the index and from the folders: the same entries in the same order. */
static void same_answers(ovp_ctx *ctx) {
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        json_t *index = listed(ctx, &filters[i], 0), *scan = listed(ctx, &filters[i], 1);
        if (!json_equal(index, scan)) {
            char *a = json_dumps(index, JSON_COMPACT), *b = json_dumps(scan, JSON_COMPACT);
            fail_msg("filter %zu: index %s, folders %s", i, a, b);
        }
        json_decref(index);
        json_decref(scan);
    }
}

static int has_index(void) {
    return ovp_store_index_version()[0] != 0;
}

static void filters_find(void **state) {
    ovp_ctx *ctx = *state;
    put_some_runs();
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        json_t *list = listed(ctx, &filters[i], 1);
        if (json_array_size(list) != expected[i])
            fail_msg("filter %zu finds %zu instead of %zu", i, json_array_size(list), expected[i]);
        json_decref(list);
    }
    same_answers(ctx);
    assert_int_equal(exists(in_folder(INDEX)), has_index());
}

static void filter_refusals(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        ovp_store_filter filter;
        const char *words;
    } bad[] = {
        {{.status = "done"}, "--status 'done'"},
        {{.since = "soon"}, "--since 'soon'"},
        {{.since = "2026-00-01"}, "--since"},
        {{.since = "2026-01-32"}, "--since"},
        {{.since = "2026-1-1"}, "--since"},
        {{.since = "99999d"}, "--since"},
        {{.since = "3w"}, "--since"},
        {{.since = ""}, "--since"},
        {{.where = "lr"}, "--where 'lr'"},
        {{.where = "=3"}, "--where"},
        {{.where = "lr=1;"}, "--where"},
        {{.where = ""}, "--where"},
        {{.where = "a=\xff"}, "UTF-8"},
        {{.limit = -1}, "--limit -1"},
    };
    put_some_runs();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *list = NULL;
        assert_fails(ctx, OVP_EUSAGE, bad[i].words, ovp_store_select(&list, ctx, in_folder("runs"), &bad[i].filter));
        assert_null(list);
    }
}

/* The folders change behind the index's back. */
static void follows_the_folders(void **state) {
    ovp_ctx *ctx = *state;
    put_some_runs();
    same_answers(ctx);
    put_run("lazy-width", "20260102-000000-0000000b", "complete", "2026-01-02T00:00:00.000Z", "{\"lr\":0.5}");
    same_answers(ctx);
    put_run("lazy-width", "20260106-000000-0000000f", "complete", "2026-01-06T00:00:00.000Z", "{\"lr\":0.001}");
    same_answers(ctx);
    wipe(in_folder("runs/lazy-width/20260101-000000-0000000a"));
    same_answers(ctx);
    unlink(in_folder("runs/other/mine/manifest.json"));
    same_answers(ctx);
    put(in_folder("runs/other/20260103-000000-0000000c/manifest.json"), "{\"program\":\"other\"}");
    same_answers(ctx);
    put(in_folder("runs/other/20260104-000000-0000000d/x.txt"), "bytes are always counted afresh");
    same_answers(ctx);
    /* The whole tree moves: nothing in the index remembers where it was. */
    assert_int_equal(rename(in_folder("runs"), in_folder("moved")), 0);
    assert_int_equal(rename(in_folder("moved"), in_folder("runs")), 0);
    same_answers(ctx);
    wipe(in_folder("runs/lazy-width"));
    wipe(in_folder("runs/other"));
    same_answers(ctx);
}

static void spoil(const char *path, const char *text) {
    unlink(path);
    put(path, text);
}

static void damage(void **state) {
    ovp_ctx *ctx = *state;
    struct stat info;
    const char *path = in_folder(INDEX);
    char copy[512];
    snprintf(copy, sizeof(copy), "%s", path);
    put_some_runs();
    same_answers(ctx);
    if (!has_index()) skip();
    spoil(copy, "");
    same_answers(ctx);
    spoil(copy, "this is no database, only a text that is long enough to be looked at as one, header and all, "
                "so that SQLite has something to refuse");
    same_answers(ctx);
    assert_int_equal(stat(copy, &info), 0);
    assert_true(info.st_size > 4096); /* built again */
    /* Cut anywhere, and every page overwritten in turn. */
    const off_t size = info.st_size;
    for (off_t cut = size; cut > 0; cut -= 1777) {
        assert_int_equal(truncate(copy, cut), 0);
        same_answers(ctx);
    }
    for (off_t at = 0; at < size; at += 1024) {
        int fd = open(copy, O_WRONLY | O_CLOEXEC);
        char noise[64];
        memset(noise, (int)(at / 1024 * 37 + 201), sizeof(noise));
        assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
        close(fd);
        same_answers(ctx);
    }
}

/* What cannot be an index: a folder, a link to another place, a file nobody may touch. */
static void no_index_possible(void **state) {
    ovp_ctx *ctx = *state;
    put_some_runs();
    mkdir(in_folder(INDEX), 0777);
    same_answers(ctx);
    assert_true(exists(in_folder(INDEX)));
    rmdir(in_folder(INDEX));
    put(in_folder("precious"), "mine");
    assert_int_equal(symlink(in_folder("precious"), in_folder(INDEX)), 0);
    same_answers(ctx);
    char *text = get(in_folder("precious"));
    assert_string_equal(text, "mine");
    free(text);
    unlink(in_folder(INDEX));
    chmod(in_folder("runs"), 0555);
    same_answers(ctx);
    chmod(in_folder("runs"), 0777);
}

/* Another process holds the lock SQLite takes for writing (its file format, "Locking bytes": 2^30 and the 511 after it)
 * while the index is out of date. */
static void locked(void **state) {
    ovp_ctx *ctx = *state;
    int ready[2], done[2];
    char byte = 0;
    put_some_runs();
    same_answers(ctx);
    if (!has_index()) skip();
    put_run("lazy-width", "20260106-000000-0000000f", "complete", "2026-01-06T00:00:00.000Z", "{\"lr\":0.001}");
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1 << 30, .l_len = 512};
        int fd = open(in_folder(INDEX), O_RDWR | O_CLOEXEC);
        int failed = fcntl(fd, F_SETLK, &lock) != 0 || write(ready[1], "x", 1) != 1;
        close(done[1]);
        _exit(failed || read(done[0], &byte, 1) < 0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    json_t *index = listed(ctx, &filters[0], 0), *scan = listed(ctx, &filters[0], 1);
    assert_true(json_equal(index, scan));
    assert_int_equal(json_array_size(index), expected[0] + 1);
    json_decref(index);
    json_decref(scan);
    close(done[1]);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(done[0]);
    same_answers(ctx);
}

/* An empty root, or one that is no folder of runs, gets no file of ours. */
static void leaves_no_trace(void **state) {
    ovp_ctx *ctx = *state;
    same_answers(ctx);
    mkdir(in_folder("runs"), 0777);
    mkdir(in_folder("runs/photos"), 0777);
    put(in_folder("runs/photos/a.txt"), "x");
    same_answers(ctx);
    assert_false(exists(in_folder(INDEX)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(filters_find),    FOLDER_TEST(filter_refusals),   FOLDER_TEST(follows_the_folders),
        FOLDER_TEST(damage),          FOLDER_TEST(no_index_possible), FOLDER_TEST(locked),
        FOLDER_TEST(leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
