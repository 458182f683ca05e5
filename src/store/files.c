/* The files of a run folder, and reading its manifest. */
#include "store/store_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Run folders are three levels deep. */
#define MAX_DEPTH 8

/* Relative names of the plain files below an open folder, which is closed. */
static void collect(json_t *names, int fd, const char *prefix, int depth) {
    char path[STORE_PATH_MAX];
    DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat info;
        if (entry->d_name[0] == '.' || fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (snprintf(path, sizeof(path), "%s%s", prefix, entry->d_name) >= (int)sizeof(path) - 1) continue;
        if (S_ISREG(info.st_mode) && strcmp(path, STORE_MANIFEST) != 0)
            (void)json_array_append_new(names, json_string(path));
        if (S_ISDIR(info.st_mode) && depth > 0) {
            int child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            strcat(path, "/"); /* room was left above */
            if (child >= 0) collect(names, child, path, depth - 1);
        }
    }
    (void)closedir(dir);
}

static int by_text(const void *a, const void *b) {
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

ovp_status store_files(json_t **out, ovp_ctx *ctx, const char *dir) {
    ovp_status status = OVP_OK;
    json_t *names = json_array(), *files = json_object(), **order = NULL;
    char path[2 * STORE_PATH_MAX], sum[65];
    *out = NULL;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) collect(names, fd, "", MAX_DEPTH);
    const size_t count = json_array_size(names);
    OVP_TRY(ovp_alloc(ctx, &order, (ovp_idx)count, sizeof(*order)));
    for (size_t i = 0; i < count; i++) order[i] = json_array_get(names, i);
    qsort(order, count, sizeof(*order), by_text);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(order[i]);
        int64_t bytes = 0;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        OVP_TRY(ovp_io_sha256_file(sum, &bytes, ctx, path));
        if (json_object_set_new(files, name, json_pack("{s:I, s:s}", "bytes", (json_int_t)bytes, "sha256", sum)) != 0)
            OVP_TRY(ovp_fail(ctx, OVP_ENOMEM, "files of %s: out of memory", dir));
    }
    *out = files;
    files = NULL;
done:
    ovp_free(ctx, order);
    json_decref(names);
    json_decref(files);
    return status;
}

ovp_status store_manifest_read(json_t **out, ovp_ctx *ctx, const char *dir) {
    const char *why = "it is no folder";
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *out = fd >= 0 ? store_manifest_at(fd, &why) : NULL;
    if (fd >= 0) (void)close(fd);
    if (!*out) return ovp_fail(ctx, OVP_EFORMAT, "%s is no readable run folder: %s", dir, why);
    return OVP_OK;
}

/* Adds out[key] = the manifests' values of it unless they are all the same. */
static int add_if_different(json_t *out, json_t *const *manifests, ovp_idx count, const char *member, const char *key) {
    json_t *values = json_array();
    int differ = 0, failed = 0;
    for (ovp_idx i = 0; i < count; i++) {
        json_t *value = json_object_get(json_object_get(manifests[i], member), key);
        failed |= json_array_append_new(values, value ? json_incref(value) : json_null());
        differ |= !json_equal(json_array_get(values, 0), json_array_get(values, (size_t)i));
    }
    if (differ && !failed) failed = json_object_set(out, key, values);
    json_decref(values);
    return failed;
}

json_t *store_member_differences(json_t *const *manifests, ovp_idx count, const char *member) {
    json_t *out = json_object(), *value;
    const char *key;
    int failed = 0;
    for (ovp_idx i = 0; i < count; i++) json_object_foreach(json_object_get(manifests[i], member), key, value) {
            (void)value;
            if (!json_object_get(out, key)) failed |= add_if_different(out, manifests, count, member, key);
        }
    if (failed) {
        json_decref(out);
        return NULL;
    }
    return out;
}
