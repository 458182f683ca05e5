/* Finding runs again. The folders are the truth: everything here is read from them. */
#include "store/store_int.h"

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

/* ---- list ---------------------------------------------------------------------------------------- */

static int newest_first(const void *a, const void *b) {
    json_t *const *x = a, *const *y = b;
    const json_t *rx = json_object_get(*x, "record"), *ry = json_object_get(*y, "record");
    char kx[18], ky[18];
    store_time_key(rx, kx);
    store_time_key(ry, ky);
    const char *ix = json_string_value(json_object_get(rx, "id")), *iy = json_string_value(json_object_get(ry, "id"));
    int order = strcmp(ky, kx);
    if (!order) order = strcmp(iy ? iy : "", ix ? ix : "");
    return order
               ? order
               : strcmp(json_string_value(json_object_get(*y, "path")), json_string_value(json_object_get(*x, "path")));
}

/* The matching [{"path","record"}] from the folders themselves, newest first. */
static ovp_status scan(json_t **rows, ovp_ctx *ctx, int root, const json_t *candidates, const store_filter *filter) {
    ovp_status status = OVP_OK;
    json_t **order = NULL, *found = json_array(), *sorted = json_array(), *one;
    size_t i;
    json_array_foreach(candidates, i, one) {
        json_t *path = json_object_get(one, "path"), *record = store_record(root, json_string_value(path));
        int matches = 0, failed = 0;
        if (!record) continue;
        status = store_filter_matches(&matches, filter, record);
        if (status == OVP_OK && matches)
            failed = json_array_append_new(found, json_pack("{s:O, s:O}", "path", path, "record", record));
        json_decref(record);
        if (failed) status = ovp_fail(ctx, OVP_ENOMEM, "list of runs: out of memory");
        OVP_TRY(status);
    }
    const size_t count = json_array_size(found);
    OVP_TRY(ovp_alloc(ctx, &order, (ovp_idx)count, sizeof(*order)));
    for (i = 0; i < count; i++) order[i] = json_array_get(found, i);
    qsort(order, count, sizeof(*order), newest_first);
    for (i = 0; i < count; i++)
        if (json_array_append(sorted, order[i]) != 0) OVP_TRY(ovp_fail(ctx, OVP_ENOMEM, "list of runs: out of memory"));
    *rows = sorted;
    sorted = NULL;
done:
    ovp_free(ctx, order);
    json_decref(found);
    json_decref(sorted);
    return status;
}

/* The rows as they are listed, with what only the moment can tell: status and bytes. */
static ovp_status entries(json_t *out, ovp_ctx *ctx, int root, const char *root_path, const json_t *rows,
                          const store_filter *filter) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        const json_t *record = json_object_get(row, "record");
        if (filter->limit > 0 && (ovp_idx)json_array_size(out) == filter->limit) break;
        if (filter->status && strcmp(filter->status, store_status(record)) != 0) continue;
        json_t *entry = store_entry(root, root_path, json_string_value(json_object_get(row, "path")), record);
        if (json_array_append_new(out, entry) != 0) return ovp_fail(ctx, OVP_ENOMEM, "list of runs: out of memory");
    }
    return OVP_OK;
}

ovp_status ovp_store_select(struct json_t **out, ovp_ctx *ctx, const char *root, const ovp_store_filter *filter) {
    ovp_status status = OVP_OK;
    const char *name = store_root(root);
    json_t *list = json_array(), *candidates = NULL, *rows = NULL;
    store_filter wanted;
    char *absolute = NULL;
    int fd = -1;

    *out = NULL;
    OVP_TRY(store_filter_read(&wanted, ctx, filter));
    fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        OVP_TRY(ovp_fail(ctx, OVP_EIO, "cannot read the runs in %s: %s", name, strerror(errno)));
    if (fd >= 0) {
        absolute = realpath(name, NULL);
        candidates = store_walk(fd);
        if (!candidates) OVP_TRY(ovp_fail(ctx, OVP_ENOMEM, "list of runs: out of memory"));
        if (absolute && json_array_size(candidates) && !(filter && filter->scan))
            OVP_TRY(store_index_rows(&rows, fd, absolute, candidates, &wanted));
        if (!rows) OVP_TRY(scan(&rows, ctx, fd, candidates, &wanted));
        OVP_TRY(entries(list, ctx, fd, absolute ? absolute : name, rows, &wanted));
    }
    *out = list;
    list = NULL;
done:
    if (fd >= 0) (void)close(fd);
    free(absolute);
    store_filter_free(&wanted);
    json_decref(rows);
    json_decref(candidates);
    json_decref(list);
    return status;
}

ovp_status ovp_store_list(struct json_t **out, ovp_ctx *ctx, const char *root) {
    return ovp_store_select(out, ctx, root, NULL);
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
