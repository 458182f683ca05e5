/* Fetching a set's archive with curl, through a .part file that a later call continues. */
#include "data/data_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARCHIVE_LIMIT ((int64_t)1 << 32)
#define MEGABYTE 1000000

/* curl's exit codes (man curl) that are told apart here. */
enum { HTTP_FAILED = 22, WRITE_FAILED = 23, RANGE_FAILED = 33, RESUME_FAILED = 36, SIZE_FAILED = 63 };

typedef struct fetch {
    ovp_ctx *ctx;
    const ovp_data_info *info;
    const char *url;
    char *folder, *path, *part;
    int lock; /* descriptor of the part, held for the exclusive lock */
} fetch;

static int64_t size_of(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) ? (int64_t)about.st_size : -1;
}

static ovp_status prepare(fetch *f) {
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_data_own_folder(&f->folder, f->ctx, f->info->name));
    OVP_TRY(ovp_io_make_dirs(f->ctx, f->folder));
    size_t room = strlen(f->folder) + strlen(f->info->archive) + sizeof("/.part");
    OVP_TRY(ovp_alloc(f->ctx, &f->path, (ovp_idx)room, 1));
    OVP_TRY(ovp_alloc(f->ctx, &f->part, (ovp_idx)room, 1));
    snprintf(f->path, room, "%s/%s", f->folder, f->info->archive);
    snprintf(f->part, room, "%s/%s.part", f->folder, f->info->archive);
done:
    return status;
}

/* Two fetches of one set would mix their bytes. */
static ovp_status lock_part(fetch *f) {
    f->lock = open(f->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (f->lock < 0) return ovp_fail(f->ctx, OVP_EIO, "%s: cannot be written: %s", f->part, strerror(errno));
    if (flock(f->lock, LOCK_EX | LOCK_NB) != 0)
        return ovp_fail(f->ctx, OVP_EIO, "%s: another fetch is writing it; wait for its end", f->part);
    return OVP_OK;
}

static ovp_status hash(char sha[65], fetch *f, const char *path) {
    char *data = NULL;
    size_t bytes = 0;
    ovp_status status = ovp_io_read_file(&data, &bytes, f->ctx, path, ARCHIVE_LIMIT, 0);
    if (status == OVP_OK) ovp_io_sha256(data, bytes, sha);
    ovp_free(f->ctx, data);
    return status;
}

/* *right: whether the file is there and is the published one. */
static ovp_status is_right(int *right, fetch *f, const char *path) {
    char sha[65];
    *right = 0;
    if (size_of(path) < 1) return OVP_OK;
    ovp_status status = hash(sha, f, path);
    *right = status == OVP_OK && strcmp(sha, f->info->sha256) == 0;
    return status;
}

/* ---- curl ---------------------------------------------------------------------------------------- */

static int watch(void *user) {
    const fetch *f = user;
    const ovp_progress progress = {
        .stage = f->info->archive, .unit = "MB", .done = size_of(f->part) / MEGABYTE, .value = NAN};
    ovp_report(f->ctx, &progress);
    return ovp_check(f->ctx) != OVP_OK;
}

/* What went wrong, and what became of the part. */
static ovp_status fail_curl(fetch *f, ovp_program_result *result, int64_t before) {
    const int code = result->exit_code;
    const int64_t bytes = size_of(f->part);
    char kept[128] = "";
    /* A part that cannot be continued would stand in the way for ever. */
    int stale = code == RANGE_FAILED || code == RESUME_FAILED || (code == HTTP_FAILED && strstr(result->output, "416"));
    if (bytes < 1 || (stale && before > 0))
        (void)unlink(f->part);
    else
        snprintf(kept, sizeof(kept), "; %lld bytes are kept in its .part, run it again to go on", (long long)bytes);
    if (result->stopped) {
        ovp_clear(f->ctx); /* of the tick's plain "interrupted" */
        return ovp_fail(f->ctx, OVP_EINTERRUPTED, "fetching %s was interrupted%s", f->info->name, kept);
    }
    if (code == WRITE_FAILED || code == SIZE_FAILED || code == 128 + SIGXFSZ)
        return ovp_fail(f->ctx, OVP_EIO, "%s: cannot be written (disk full, or a limit on file sizes): %s%s", f->part,
                        ovp_program_last_words(result), kept);
    if (stale && before > 0)
        return ovp_fail(f->ctx, OVP_EIO, "%s: the server cannot continue the .part; it was removed, run it again",
                        f->url);
    return ovp_fail(f->ctx, OVP_EIO, "%s: cannot be fetched: %s (curl ended with code %d)%s", f->url,
                    ovp_program_last_words(result), code, kept);
}

static ovp_status run_curl(fetch *f) {
    char program[4096];
    ovp_program_result result;
    const int64_t before = size_of(f->part);
    if (!ovp_program_find(program, sizeof(program), "curl")) {
        if (before < 1) (void)unlink(f->part);
        return ovp_fail(f->ctx, OVP_EUNAVAILABLE, "no curl on PATH: apt-get install curl, or bring %s by hand to %s/",
                        f->url, f->folder);
    }
    /* -q: without the user's .curlrc, which could change anything. A transfer that stands still for a minute ends. */
    const char *const argv[] = {program,
                                "-q",
                                "--fail",
                                "--location",
                                "--silent",
                                "--show-error",
                                "--globoff",
                                "--proto",
                                "=file,http,https,ftp",
                                "--proto-redir",
                                "=http,https",
                                "--connect-timeout",
                                "30",
                                "--speed-limit",
                                "1",
                                "--speed-time",
                                "60",
                                "--continue-at",
                                "-",
                                "--output",
                                f->part,
                                "--url",
                                f->url,
                                NULL};
    const ovp_program_options options = {.size = sizeof(options), .tick = watch, .user = f};
    ovp_program_run(&result, argv, &options);
    if (result.error)
        return ovp_fail(f->ctx, OVP_EUNAVAILABLE, "%s cannot be started: %s", program, strerror(result.error));
    return result.stopped || result.exit_code ? fail_curl(f, &result, before) : OVP_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static ovp_status finish(fetch *f) {
    char sha[65];
    ovp_status status = hash(sha, f, f->part);
    if (status != OVP_OK) return status;
    if (strcmp(sha, f->info->sha256) != 0) {
        (void)unlink(f->part);
        return ovp_fail(f->ctx, OVP_EFORMAT,
                        "%s: not the published file: its sha256 is %s, expected %s; it was removed", f->url, sha,
                        f->info->sha256);
    }
    if (fsync(f->lock) != 0 || rename(f->part, f->path) != 0)
        return ovp_fail(f->ctx, OVP_EIO, "%s: cannot be written: %s", f->path, strerror(errno));
    return OVP_OK;
}

ovp_status ovp_data_fetch_archive(char **path, ovp_ctx *ctx, const ovp_data_info *info, const char *url) {
    ovp_status status = OVP_OK;
    fetch f = {.ctx = ctx, .info = info, .url = url ? url : info->url, .lock = -1};
    int right = 0;
    *path = NULL;
    OVP_TRY(prepare(&f));
    OVP_TRY(is_right(&right, &f, f.path));
    if (!right) {
        OVP_TRY(lock_part(&f));
        /* Complete already if the last fetch ended between its last byte and the new name. */
        OVP_TRY(is_right(&right, &f, f.part));
        if (!right) OVP_TRY(run_curl(&f));
        OVP_TRY(finish(&f));
    }
    *path = f.path;
    f.path = NULL;
done:
    if (f.lock >= 0) (void)close(f.lock);
    ovp_free(ctx, f.folder);
    ovp_free(ctx, f.path);
    ovp_free(ctx, f.part);
    return status;
}

ovp_status ovp_data_fetch(char **path, ovp_ctx *ctx, const char *name, const ovp_data_fetch_options *options) {
    const ovp_data_entry *entry = NULL;
    const char *own;
    assert(path && name);
    *path = NULL;
    if (options && options->size != sizeof(*options))
        return ovp_fail(ctx, OVP_EINVAL, "fetch options of %zu bytes; %zu expected (set size = sizeof)", options->size,
                        sizeof(*options));
    ovp_status status = ovp_data_entry_find(&entry, &own, ctx, name);
    if (status != OVP_OK) return status;
    if (!entry->info.archive)
        return ovp_fail(ctx, OVP_EUNSUPPORTED, "data set %s cannot be fetched: %s", name,
                        entry->hint ? entry->hint : "it is yours");
    return ovp_data_fetch_archive(path, ctx, &entry->info, options ? options->url : NULL);
}
