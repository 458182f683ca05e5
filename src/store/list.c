/* Finding runs again. The folders are the truth: everything here is read from them. */
#include "store/store_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int store_is_id(const char *name) {
    static const char shape[] = "dddddddd-dddddd-xxxxxxxx";
    if (strlen(name) != sizeof(shape) - 1) return 0;
    for (size_t i = 0; shape[i]; i++) {
        int digit = name[i] >= '0' && name[i] <= '9';
        if (shape[i] == '-' ? name[i] != '-' : !(digit || (shape[i] == 'x' && name[i] >= 'a' && name[i] <= 'f')))
            return 0;
    }
    return 1;
}

json_t *store_manifest_at(int dir, const char **why) {
    struct stat info;
    json_t *manifest = NULL;
    char *data = NULL;
    size_t length = 0;
    const char *reason = "it has no " STORE_MANIFEST;
    /* O_NONBLOCK: a FIFO of that name must not hang us. */
    int fd = openat(dir, STORE_MANIFEST, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ELOOP) reason = "its " STORE_MANIFEST " is a link";
        goto done;
    }
    reason = "its " STORE_MANIFEST " cannot be read";
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > STORE_MANIFEST_LIMIT) goto done;
    data = malloc((size_t)info.st_size + 1);
    while (data && length < (size_t)info.st_size) {
        ssize_t got = read(fd, data + length, (size_t)info.st_size - length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        length += (size_t)got;
    }
    if (data) manifest = json_loadb(data, length, JSON_REJECT_DUPLICATES, NULL);
    const char *program = json_string_value(json_object_get(manifest, "program"));
    if (manifest && (!program || strcmp(program, STORE_PROGRAM) != 0)) {
        reason = "its " STORE_MANIFEST " is not one of overparam's";
        json_decref(manifest);
        manifest = NULL;
    }
done:
    if (fd >= 0) (void)close(fd);
    free(data);
    if (why) *why = reason;
    return manifest;
}

const char *store_status(const json_t *manifest) {
    const char *status = json_string_value(json_object_get(manifest, "status"));
    if (!status) return "broken";
    if (strcmp(status, "running") != 0) return status;
    return store_process_alive(json_object_get(manifest, "process")) ? "running" : "unfinished";
}

/* Bytes of the files below a folder; links are not followed. Closes fd. */
static int64_t folder_bytes(int fd, int depth) {
    int64_t total = 0;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(info.st_mode)) total += info.st_size;
        if (S_ISDIR(info.st_mode) && depth > 0) {
            int child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (child >= 0) total += folder_bytes(child, depth - 1);
        }
    }
    (void)closedir(dir);
    return total;
}

static json_t *text_or_null(const char *text) {
    json_t *value = text ? json_string(text) : NULL;
    return value ? value : json_null();
}

/* The entry of one run folder, NULL if it is none. */
static json_t *describe(int parent, const char *parent_path, const char *experiment, const char *id) {
    char path[STORE_PATH_MAX];
    int fd = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return NULL;
    json_t *manifest = store_manifest_at(fd, NULL);
    if ((!manifest && !store_is_id(id)) ||
        snprintf(path, sizeof(path), "%s/%s", parent_path, id) >= (int)sizeof(path)) {
        json_decref(manifest);
        (void)close(fd);
        return NULL;
    }
    int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int64_t bytes = again >= 0 ? folder_bytes(again, 8) : 0;
    (void)close(fd);
    const char *its_experiment = json_string_value(json_object_get(manifest, "experiment"));
    json_t *seconds = json_object_get(manifest, "seconds");
    json_t *entry = json_pack("{s:o, s:o, s:o, s:s, s:o, s:O, s:I}", "id", text_or_null(id), "experiment",
                              text_or_null(its_experiment ? its_experiment : experiment), "dir", text_or_null(path),
                              "status", manifest ? store_status(manifest) : "broken", "started",
                              text_or_null(json_string_value(json_object_get(manifest, "started"))), "seconds",
                              json_is_number(seconds) ? seconds : json_null(), "bytes", (json_int_t)bytes);
    json_decref(manifest);
    return entry;
}

/* Digits of the start time, so that "2026-01-02T03:04:05.678Z" and the id "20260102-030405-..." compare. */
static void time_key(const json_t *entry, char key[18]) {
    const char *text = json_string_value(json_object_get(entry, "started"));
    const char *id = json_string_value(json_object_get(entry, "id"));
    int length = 0;
    if (!text) text = id ? id : "";
    for (int i = 0; text[i] && length < 17 && (text != id || i < 15); i++)
        if (text[i] >= '0' && text[i] <= '9') key[length++] = text[i];
    key[length] = 0;
}

static int newest_first(const void *a, const void *b) {
    json_t *const *x = a, *const *y = b;
    char kx[18], ky[18];
    time_key(*x, kx);
    time_key(*y, ky);
    int order = strcmp(ky, kx);
    const char *ix = json_string_value(json_object_get(*x, "id")), *iy = json_string_value(json_object_get(*y, "id"));
    return order ? order : strcmp(iy ? iy : "", ix ? ix : "");
}

/* Appends the entry to list and says whether there was one. */
static int add_entry(json_t *list, json_t *entry) {
    if (entry) (void)json_array_append_new(list, entry);
    return entry != NULL;
}

/* All runs of one experiment's folder. */
static void scan(json_t *list, int root, const char *root_path, const char *experiment) {
    char path[STORE_PATH_MAX];
    int fd = openat(root, experiment, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return;
    }
    if (snprintf(path, sizeof(path), "%s/%s", root_path, experiment) < (int)sizeof(path))
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
            if (entry->d_name[0] != '.') (void)add_entry(list, describe(fd, path, experiment, entry->d_name));
    (void)closedir(dir);
}

ovp_status ovp_store_list(struct json_t **out, ovp_ctx *ctx, const char *root) {
    ovp_status status = OVP_OK;
    const char *name = store_root(root);
    json_t *found = json_array(), *sorted = NULL, **entries = NULL;
    char path[STORE_PATH_MAX];
    DIR *dir = NULL;

    *out = NULL;
    if (!found) OVP_TRY(ovp_fail(ctx, OVP_ENOMEM, "list of runs: out of memory"));
    dir = opendir(name);
    if (!dir && errno != ENOENT)
        OVP_TRY(ovp_fail(ctx, OVP_EIO, "cannot read the runs in %s: %s", name, strerror(errno)));
    char *absolute = dir ? realpath(name, NULL) : NULL;
    (void)snprintf(path, sizeof(path), "%s", absolute ? absolute : name);
    free(absolute);
    if (dir)
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            if (entry->d_name[0] == '.') continue;
            /* --out runs/mine: a run folder straight under the root. */
            if (!add_entry(found, describe(dirfd(dir), path, "", entry->d_name)))
                scan(found, dirfd(dir), path, entry->d_name);
        }
    const size_t count = json_array_size(found);
    OVP_TRY(ovp_alloc(ctx, &entries, (ovp_idx)count, sizeof(*entries)));
    for (size_t i = 0; i < count; i++) entries[i] = json_array_get(found, i);
    qsort(entries, count, sizeof(json_t *), newest_first);
    sorted = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append(sorted, entries[i]) != 0)
            OVP_TRY(ovp_fail(ctx, OVP_ENOMEM, "list of runs: out of memory"));
    *out = sorted;
    sorted = NULL;
done:
    if (dir) (void)closedir(dir);
    ovp_free(ctx, entries);
    json_decref(found);
    json_decref(sorted);
    return status;
}

/* ---- find ---------------------------------------------------------------------------------------- */

/* A path to a run folder of ours? */
static char *as_path(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return NULL;
    json_t *manifest = store_manifest_at(fd, NULL);
    (void)close(fd);
    if (!manifest) return NULL;
    json_decref(manifest);
    return realpath(path, NULL);
}

static const char *id_of(const json_t *list, size_t i) {
    const char *id = json_string_value(json_object_get(json_array_get(list, i), "id"));
    return id ? id : "";
}

/* Up to three ids as "a, b, c": those that start with `prefix`, or the nearest ones. */
static void name_some(ovp_text *text, const json_t *list, const char *id, int by_prefix) {
    size_t named[3];
    int count = 0;
    while (count < 3) {
        int best = -1, best_distance = 1 << 30;
        for (size_t i = 0; i < json_array_size(list); i++) {
            int used = 0, distance = by_prefix ? 0 : ovp_edit_distance(id, id_of(list, i));
            for (int k = 0; k < count; k++) used |= named[k] == i;
            if (used || (by_prefix && strncmp(id_of(list, i), id, strlen(id)) != 0)) continue;
            if (distance < best_distance) {
                best = (int)i;
                best_distance = distance;
            }
        }
        if (best < 0) break;
        ovp_text_add(text, "%s%s", count ? ", " : "", id_of(list, (size_t)best));
        named[count++] = (size_t)best;
    }
}

ovp_status ovp_store_find(char **dir, ovp_ctx *ctx, const char *root, const char *id) {
    ovp_status status = OVP_OK;
    json_t *list = NULL;
    ovp_text names = {.ctx = ctx};
    char *path = NULL;
    const char *found = NULL;
    int matches = 0;

    *dir = NULL;
    if (!id || !id[0])
        return ovp_fail(ctx, OVP_EINVAL, "no run given; name one by its id, the start of its id, 'latest' or its path");
    OVP_TRY(ovp_store_list(&list, ctx, root));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *its_dir = json_string_value(json_object_get(json_array_get(list, i), "dir"));
        int exact = strcmp(id_of(list, i), id) == 0 || (strcmp(id, "latest") == 0 && i == 0);
        if (exact || strncmp(id_of(list, i), id, strlen(id)) == 0) {
            found = its_dir;
            matches = exact ? 1 : matches + 1;
            if (exact) break;
        }
    }
    if (matches == 0) path = as_path(id);
    if (matches == 1)
        OVP_TRY(ovp_strdup(ctx, dir, found));
    else if (path)
        OVP_TRY(ovp_strdup(ctx, dir, path));
    else if (json_array_size(list) == 0)
        OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND, "no run '%.100s': there are no runs in %s; make one with 'overparam run'",
                         id, store_root(root)));
    else {
        name_some(&names, list, id, matches > 1);
        OVP_TRY(ovp_text_status(&names));
        if (matches > 1)
            OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND, "'%.100s' starts %d run ids (%s%s); give more characters", id, matches,
                             names.data, matches > 3 ? ", ..." : ""));
        OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND, "no run '%.100s' in %s; near ids: %s; see 'overparam runs list'", id,
                         store_root(root), names.data));
    }
done:
    free(path);
    ovp_text_free(&names);
    json_decref(list);
    return status;
}
