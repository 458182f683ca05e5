/* Checking a set's files against what was published. */
#include "data/data_int.h"

#include <assert.h>
#include <string.h>

/* Archives are hashed as they are, packed; their limit is that of what they unpack to. */
static ovp_status verify_file(ovp_ctx *ctx, const char *path, const char *pinned, int gunzip, ovp_text *report) {
    ovp_status status = OVP_OK;
    char *data = NULL, sha[65];
    size_t bytes = 0;
    status = ovp_io_read_file(&data, &bytes, ctx, path, OVP_DATA_FILE_LIMIT, gunzip);
    if (status != OVP_OK) {
        ovp_text_add(report, "%s: cannot be read\n", path);
        goto done;
    }
    ovp_io_sha256(data, bytes, sha);
    if (!pinned) {
        ovp_text_add(report, "%s: sha256 %s (none is published for it alone)\n", path, sha);
    } else if (strcmp(sha, pinned) == 0) {
        ovp_text_add(report, "%s: ok, sha256 %s\n", path, sha);
    } else {
        ovp_text_add(report, "%s: DIFFERS, sha256 %s, expected %s\n", path, sha, pinned);
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: not the published file: its sha256 is %s, expected %s; get it again",
                          path, sha, pinned);
    }
done:
    ovp_free(ctx, data);
    return status;
}

static ovp_status verify_in_folder(ovp_ctx *ctx, const char *folder, const ovp_data_file *file, ovp_text *report) {
    ovp_status status = OVP_OK;
    char *path = NULL;
    OVP_TRY(ovp_data_file_path(&path, ctx, folder, file->name));
    if (path) {
        status = verify_file(ctx, path, file->sha256, 1, report);
    } else {
        status = ovp_fail(ctx, OVP_ENOTFOUND, "%s/%s: missing", folder, file->name);
        ovp_text_add(report, "%s: cannot be read\n", file->name);
    }
done:
    ovp_free(ctx, path);
    return status;
}

/* Reads the whole set and keeps nothing. */
static ovp_status verify_structure(ovp_ctx *ctx, const ovp_data_entry *entry, const char *source) {
    const ovp_data_options options = {.size = sizeof(options)};
    ovp_data_raw raw = {0};
    const ovp_data_detail *wanted = entry->detail;
    ovp_status status = wanted->reader->read(&raw, ctx, entry, source, &options);
    if (status == OVP_OK && wanted->train && (raw.train.n != wanted->train || raw.test.n != wanted->test))
        status = ovp_fail(
            ctx, OVP_EFORMAT, "%s: %lld training and %lld test samples; the published set has %lld and %lld", source,
            (long long)raw.train.n, (long long)raw.test.n, (long long)wanted->train, (long long)wanted->test);
    ovp_data_raw_free(ctx, &raw);
    return status;
}

ovp_status ovp_data_verify(ovp_ctx *ctx, const char *name, ovp_text *report) {
    const ovp_data_entry *entry = NULL;
    const char *path;
    ovp_status status = OVP_OK, first = OVP_OK;
    char *source = NULL;
    assert(name && report);
    OVP_TRY(ovp_data_entry_find(&entry, &path, ctx, name));
    OVP_TRY(path ? ovp_strdup(ctx, &source, path) : ovp_data_search(&source, ctx, entry, NULL));
    if (!path && ovp_data_is_archive(source)) {
        first = verify_file(ctx, source, entry->info.sha256, 0, report);
    } else {
        for (int f = 0; f < entry->detail->file_count; f++) {
            status = verify_in_folder(ctx, source, &entry->detail->files[f], report);
            if (first == OVP_OK) first = status;
        }
    }
    status = verify_structure(ctx, entry, source);
    if (first == OVP_OK) first = status;
    ovp_text_add(report, "%s: %s%s\n", source, status == OVP_OK ? "ok, " : "DAMAGED; expected ", entry->info.shape);
    status = first == OVP_OK ? ovp_text_status(report) : first;
done:
    ovp_free(ctx, source);
    return status;
}
