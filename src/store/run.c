/* One run folder: created before anything is computed, every file replaced atomically. */
#include "store/store_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ovp_store_run {
    ovp_ctx *ctx;
    char *dir;
    char *experiment;
    char started[40];
    double clock; /* monotonic seconds at the start */
    int metrics;  /* descriptor of metrics.jsonl, -1 before the first line */
};

const char *store_root(const char *root) {
    if (root && root[0]) return root;
    root = getenv("OVERPARAM_RUNS");
    return root && root[0] ? root : "runs";
}

/* FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t fnv1a(uint32_t hash, const void *data, size_t bytes) {
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ p[i]) * 16777619u;
    return hash;
}

/* UTC, milliseconds: sorts as text. */
static void stamp(const struct timespec *now, const char *format, char *buffer, size_t bytes) {
    struct tm parts;
    char plain[32];
    (void)gmtime_r(&now->tv_sec, &parts);
    (void)strftime(plain, sizeof(plain), format, &parts);
    if (strchr(format, ':'))
        (void)snprintf(buffer, bytes, "%s.%03uZ", plain, (unsigned)(now->tv_nsec / 1000000) % 1000);
    else
        (void)snprintf(buffer, bytes, "%s", plain);
}

#define ISO_FORMAT "%Y-%m-%dT%H:%M:%S"

/* A new folder under parent; another suffix when the name is taken. */
static ovp_status make_folder(char *path, ovp_ctx *ctx, const char *parent, const struct timespec *now,
                              const char *params_text) {
    char time_part[32];
    long unique[3] = {(long)getpid(), (long)now->tv_sec, now->tv_nsec};
    uint32_t hash = fnv1a(2166136261u, params_text, strlen(params_text));
    stamp(now, "%Y%m%d-%H%M%S", time_part, sizeof(time_part));
    for (long attempt = 0; attempt < 1000; attempt++) {
        uint32_t suffix = fnv1a(fnv1a(hash, unique, sizeof(unique)), &attempt, sizeof(attempt));
        int length = snprintf(path, STORE_PATH_MAX, "%s/%s-%08x", parent, time_part, (unsigned)suffix);
        if (length < 0 || length >= STORE_PATH_MAX - 64)
            return ovp_fail(ctx, OVP_EIO,
                            "run folder under %.200s...: the path is longer than %d bytes; use a shorter "
                            "--out or OVERPARAM_RUNS",
                            parent, STORE_PATH_MAX - 64);
        if (mkdir(path, 0777) == 0) return OVP_OK;
        if (errno != EEXIST)
            return ovp_fail(ctx, OVP_EIO,
                            "cannot create the run folder %s: %s; choose another place with --out or "
                            "OVERPARAM_RUNS",
                            path, strerror(errno));
    }
    return ovp_fail(ctx, OVP_EIO, "cannot create a run folder under %s: 1000 names are taken", parent);
}

/* --out DIR: made if missing, used if empty, refused otherwise. */
static ovp_status use_folder(ovp_ctx *ctx, const char *path) {
    ovp_status status = ovp_io_make_dirs(ctx, path);
    if (status != OVP_OK) return status;
    DIR *dir = opendir(path);
    if (!dir) return ovp_fail(ctx, OVP_EIO, "cannot open the run folder %s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        status = ovp_fail(ctx, OVP_EIO, "the run folder %s is not empty (it holds %.100s); give --out a new folder",
                          path, entry->d_name);
        break;
    }
    (void)closedir(dir);
    return status;
}

static int good_experiment(const char *id) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    return id && id[0] && strlen(id) <= 64 && id[strspn(id, allowed)] == 0;
}

ovp_status ovp_store_run_create(ovp_store_run **out, ovp_ctx *ctx, const char *root, const char *exact,
                                const char *experiment, const char *params_text) {
    ovp_status status = OVP_OK;
    ovp_store_run *run = NULL;
    char path[STORE_PATH_MAX], *resolved = NULL;
    struct timespec now;
    ovp_text text = {.ctx = ctx};
    int made = 0;

    *out = NULL;
    if (!good_experiment(experiment))
        return ovp_fail(ctx, OVP_EINVAL, "experiment id '%.64s': 1 to 64 characters of a-z, 0-9, '-' and '_'",
                        experiment ? experiment : "");
    (void)clock_gettime(CLOCK_REALTIME, &now);
    OVP_TRY(ovp_alloc(ctx, &run, 1, sizeof(*run)));
    run->ctx = ctx;
    run->metrics = -1;
    run->clock = ovp_seconds();
    stamp(&now, ISO_FORMAT, run->started, sizeof(run->started));
    OVP_TRY(ovp_strdup(ctx, &run->experiment, experiment));
    if (exact && exact[0]) {
        if (strlen(exact) > STORE_PATH_MAX - 256)
            OVP_TRY(ovp_fail(ctx, OVP_EIO, "--out: the path has %zu bytes, at most %d are allowed", strlen(exact),
                             STORE_PATH_MAX - 256));
        OVP_TRY(use_folder(ctx, exact));
        (void)snprintf(path, sizeof(path), "%s", exact);
    } else {
        ovp_text_add(&text, "%s/%s", store_root(root), experiment);
        OVP_TRY(ovp_text_status(&text));
        OVP_TRY(ovp_io_make_dirs(ctx, text.data));
        OVP_TRY(make_folder(path, ctx, text.data, &now, params_text ? params_text : ""));
        made = 1;
    }
    resolved = realpath(path, NULL);
    if (!resolved || strlen(resolved) > STORE_PATH_MAX - 256)
        OVP_TRY(ovp_fail(ctx, OVP_EIO, "cannot resolve the run folder %s: %s", path,
                         resolved ? "path too long" : strerror(errno)));
    OVP_TRY(ovp_strdup(ctx, &run->dir, resolved));
    OVP_TRY(ovp_store_run_manifest(run, NULL, "running"));
    *out = run;
    run = NULL;
done:
    if (status != OVP_OK && made) (void)rmdir(path); /* only if nothing was written into it */
    free(resolved);
    ovp_text_free(&text);
    ovp_store_run_free(run);
    return status;
}

void ovp_store_run_free(ovp_store_run *run) {
    if (!run) return;
    if (run->metrics >= 0) (void)close(run->metrics);
    ovp_free(run->ctx, run->dir);
    ovp_free(run->ctx, run->experiment);
    ovp_free(run->ctx, run);
}

const char *ovp_store_run_dir(const ovp_store_run *run) {
    return run->dir;
}

/* dir/relative into path, its folders made. Only plain relative paths: nothing may leave the run folder. */
static ovp_status place(char path[STORE_PATH_MAX], ovp_store_run *run, const char *relative) {
    const char *p = relative;
    int good = relative && relative[0] && relative[0] != '/' && strlen(relative) < 200;
    while (good && *p) {
        size_t length = strcspn(p, "/");
        good = length > 0 && !(length == 1 && p[0] == '.') && !(length == 2 && p[0] == '.' && p[1] == '.');
        p += length;
        if (*p == '/' && *++p == 0) good = 0;
    }
    if (!good)
        return ovp_fail(run->ctx, OVP_EINVAL,
                        "'%.200s' is no file name inside a run folder: relative, without '..', at "
                        "most 199 bytes",
                        relative ? relative : "");
    (void)snprintf(path, STORE_PATH_MAX, "%s/%s", run->dir, relative);
    const char *name = strrchr(path, '/');
    if (strchr(relative, '/') == NULL) return OVP_OK;
    char folder[STORE_PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
    return ovp_io_make_dirs(run->ctx, folder);
}

ovp_status ovp_store_run_file(ovp_store_run *run, const char *relative, const void *data, size_t bytes) {
    char path[STORE_PATH_MAX];
    ovp_status status = place(path, run, relative);
    return status == OVP_OK ? ovp_io_write_file(run->ctx, path, data, bytes) : status;
}

ovp_status ovp_store_run_arrays(ovp_store_run *run, const char *file, const ovp_io_named_array *arrays, ovp_idx count) {
    char path[STORE_PATH_MAX];
    ovp_status status = place(path, run, file);
    return status == OVP_OK ? ovp_io_npz_write(run->ctx, path, arrays, count) : status;
}

ovp_status ovp_store_run_table(ovp_store_run *run, const ovp_store_table *table) {
    ovp_status status = OVP_OK;
    ovp_text csv = {.ctx = run->ctx};
    char relative[128];
    (void)snprintf(relative, sizeof(relative), "tables/%s.csv", ovp_store_table_name(table));
    ovp_store_table_csv(table, &csv);
    OVP_TRY(ovp_text_status(&csv));
    OVP_TRY(ovp_store_run_file(run, relative, csv.data, csv.length));
done:
    ovp_text_free(&csv);
    return status;
}

/* ---- manifest ------------------------------------------------------------------------------------ */

ovp_status ovp_store_run_manifest(ovp_store_run *run, struct json_t *manifest, const char *status_text) {
    static const char *const allowed[] = {"running", "complete", "interrupted", "failed"};
    ovp_status status = OVP_OK;
    ovp_text text = {.ctx = run->ctx};
    struct timespec now;
    char finished[40] = "";
    int known = 0, failed = 0;
    json_t *whole = NULL;

    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        known |= status_text && strcmp(status_text, allowed[i]) == 0;
    if (!known)
        return ovp_fail(run->ctx, OVP_EINVAL, "manifest status '%.40s': running, complete, interrupted or failed",
                        status_text ? status_text : "");
    (void)clock_gettime(CLOCK_REALTIME, &now);
    stamp(&now, ISO_FORMAT, finished, sizeof(finished));
    int over = strcmp(status_text, "running") != 0;
    whole = json_object();
    failed |= json_object_set_new(whole, "program", json_string(STORE_PROGRAM));
    failed |= json_object_set_new(whole, "manifest", json_integer(1));
    failed |= json_object_set_new(whole, "experiment", json_string(run->experiment));
    failed |= json_object_set_new(whole, "status", json_string(status_text));
    failed |= json_object_set_new(whole, "started", json_string(run->started));
    failed |= json_object_set_new(whole, "finished", over ? json_string(finished) : json_null());
    failed |= json_object_set_new(whole, "process", store_process_self());
    if (over && !json_object_get(manifest, "seconds"))
        failed |= json_object_set_new(whole, "seconds", ovp_io_json_number(ovp_seconds() - run->clock));
    /* The fields above are ours: the caller's object only adds. */
    if (manifest) failed |= json_object_update_missing(whole, manifest);
    if (over) {
        json_t *files = NULL;
        OVP_TRY(store_files(&files, run->ctx, run->dir));
        failed |= json_object_set_new(whole, "files", files);
    }
    if (failed || !whole) OVP_TRY(ovp_fail(run->ctx, OVP_ENOMEM, "manifest of %s: out of memory", run->dir));
    ovp_io_json_dump(&text, whole, 2);
    ovp_text_add(&text, "\n");
    OVP_TRY(ovp_text_status(&text));
    OVP_TRY(ovp_store_run_file(run, STORE_MANIFEST, text.data, text.length));
done:
    json_decref(whole);
    ovp_text_free(&text);
    return status;
}

/* ---- metrics ------------------------------------------------------------------------------------- */

ovp_status ovp_store_run_metric(ovp_store_run *run, const struct json_t *line) {
    ovp_status status = OVP_OK;
    ovp_text text = {.ctx = run->ctx};
    char path[STORE_PATH_MAX];
    size_t written = 0;

    OVP_TRY(place(path, run, "metrics.jsonl"));
    if (run->metrics < 0) run->metrics = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (run->metrics < 0) OVP_TRY(ovp_fail(run->ctx, OVP_EIO, "cannot open %s: %s", path, strerror(errno)));
    ovp_io_json_dump(&text, line, 0);
    ovp_text_add(&text, "\n");
    OVP_TRY(ovp_text_status(&text));
    const off_t before = lseek(run->metrics, 0, SEEK_END);
    while (written < text.length) {
        ssize_t count = write(run->metrics, text.data + written, text.length - written);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            int reason = count < 0 ? errno : ENOSPC;
            /* No half line stays behind. */
            if (before >= 0 && ftruncate(run->metrics, before) != 0) reason = errno;
            OVP_TRY(ovp_fail(run->ctx, OVP_EIO, "cannot append to %s: %s", path, strerror(reason)));
        }
        written += (size_t)count;
    }
done:
    ovp_text_free(&text);
    return status;
}
