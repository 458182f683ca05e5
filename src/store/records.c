/* What run folders say of themselves. The folders are the truth: everything here is read from them. */
#include "store/store_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A manifest is replaced as a whole, so another content has another inode, time or size. "none" without one. */
static void stamp_of(int dir, char *stamp, size_t bytes) {
    struct stat info;
    if (fstatat(dir, STORE_MANIFEST, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        (void)snprintf(stamp, bytes, "none");
        return;
    }
    (void)snprintf(stamp, bytes, "%llu-%lld-%lld.%09ld-%lld.%09ld", (unsigned long long)info.st_ino,
                   (long long)info.st_size, (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                   (long long)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

/* Adds parent/name to the candidates if it looks like a run, and says whether it does. top: straight under the root
 * (--out runs/mine), where only a manifest of ours tells a run from the folder of an experiment. */
static int candidate(json_t *out, int parent, const char *experiment, const char *name, int top) {
    char stamp[128], path[STORE_PATH_MAX];
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return 0;
    stamp_of(fd, stamp, sizeof(stamp));
    int is_run = store_is_id(name) || strcmp(stamp, "none") != 0;
    if (is_run && top && !store_is_id(name)) {
        json_t *manifest = store_manifest_at(fd, NULL);
        is_run = manifest != NULL;
        json_decref(manifest);
    }
    (void)close(fd);
    if (!is_run || snprintf(path, sizeof(path), "%s%s%s", experiment, top ? "" : "/", name) >= (int)sizeof(path))
        return is_run;
    (void)json_array_append_new(out, json_pack("{s:o, s:s}", "path", json_string_nocheck(path), "stamp", stamp));
    return 1;
}

/* All runs of one experiment's folder. */
static void walk_experiment(json_t *out, int root, const char *experiment) {
    int fd = openat(root, experiment, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.') (void)candidate(out, fd, experiment, entry->d_name, 0);
    (void)closedir(dir);
}

json_t *store_walk(int root) {
    json_t *out = json_array();
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0) (void)close(fd);
    if (dir) {
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
            if (entry->d_name[0] != '.' && !candidate(out, root, "", entry->d_name, 1))
                walk_experiment(out, root, entry->d_name);
        (void)closedir(dir);
    }
    return out;
}

static json_t *text_or_null(const char *text) {
    json_t *value = text ? json_string(text) : NULL;
    return value ? value : json_null();
}

static json_t *member_or_null(const json_t *manifest, const char *key, int wanted) {
    json_t *value = json_object_get(manifest, key);
    return wanted && value ? json_incref(value) : json_null();
}

json_t *store_record(int root, const char *path) {
    char experiment[STORE_PATH_MAX];
    const char *slash = strrchr(path, '/'), *id = slash ? slash + 1 : path;
    int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return NULL;
    json_t *manifest = store_manifest_at(fd, NULL), *record = NULL;
    (void)close(fd);
    (void)snprintf(experiment, sizeof(experiment), "%.*s", slash ? (int)(slash - path) : 0, path);
    const char *its_experiment = json_string_value(json_object_get(manifest, "experiment"));
    const char *status = json_string_value(json_object_get(manifest, "status"));
    if (manifest || store_is_id(id))
        record =
            json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "id", text_or_null(id), "experiment",
                      text_or_null(its_experiment ? its_experiment : experiment), "status", status ? status : "broken",
                      "started", text_or_null(json_string_value(json_object_get(manifest, "started"))), "seconds",
                      member_or_null(manifest, "seconds", json_is_number(json_object_get(manifest, "seconds"))),
                      "process", member_or_null(manifest, "process", status && strcmp(status, "running") == 0),
                      "params", member_or_null(manifest, "params", 1));
    json_decref(manifest);
    return record;
}

void store_time_key(const json_t *record, char key[18]) {
    const char *text = json_string_value(json_object_get(record, "started"));
    const char *id = json_string_value(json_object_get(record, "id"));
    int length = 0;
    if (!text) text = id ? id : "";
    for (int i = 0; text[i] && length < 17 && (text != id || i < 15); i++)
        if (text[i] >= '0' && text[i] <= '9') key[length++] = text[i];
    while (length < 17) key[length++] = '0';
    key[length] = 0;
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

json_t *store_entry(int root, const char *root_path, const char *path, const json_t *record) {
    char dir[2 * STORE_PATH_MAX];
    int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const int64_t bytes = fd >= 0 ? folder_bytes(fd, 8) : 0;
    (void)snprintf(dir, sizeof(dir), "%s/%s", root_path, path);
    return json_pack("{s:O, s:O, s:o, s:s, s:O, s:O, s:I}", "id", json_object_get(record, "id"), "experiment",
                     json_object_get(record, "experiment"), "dir", text_or_null(dir), "status", store_status(record),
                     "started", json_object_get(record, "started"), "seconds", json_object_get(record, "seconds"),
                     "bytes", (json_int_t)bytes);
}
