/* The registry of data sets: finding, loading, verifying. */
#include "data/data_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TELLING_LIMIT ((int64_t)1 << 26)

#define OVP_DATASET(id, name, title, licence, source, shape, system, hint)                                             \
    extern const ovp_data_detail ovp_data_detail_##id;
#include "data/datasets.def"
#undef OVP_DATASET

static const ovp_data_entry entries[] = {
#define OVP_DATASET(id, name, title, licence, source, shape, system, hint)                                             \
    {{name, title, licence, source, shape}, system, hint, &ovp_data_detail_##id},
#include "data/datasets.def"
#undef OVP_DATASET
};
static const ovp_idx entry_count = sizeof(entries) / sizeof(entries[0]);

const ovp_data_info *ovp_data_at(ovp_idx i) {
    return i >= 0 && i < entry_count ? &entries[i].info : NULL;
}

const ovp_data_info *ovp_data_find(const char *name) {
    for (ovp_idx i = 0; name && i < entry_count; i++)
        if (strcmp(entries[i].info.name, name) == 0) return &entries[i].info;
    return NULL;
}

static ovp_status find_entry(const ovp_data_entry **out, ovp_ctx *ctx, const char *name) {
    char known[256] = "";
    const char *close = NULL;
    int best = 3; /* a did-you-mean from further away is a guess */
    size_t n = 0;
    assert(name);
    for (ovp_idx i = 0; i < entry_count; i++) {
        const char *other = entries[i].info.name;
        if (strcmp(other, name) == 0) {
            *out = &entries[i];
            return OVP_OK;
        }
        int distance = ovp_edit_distance(name, other);
        if (distance < best) best = distance, close = other;
        if (n < sizeof(known)) n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "", other);
    }
    return ovp_fail(ctx, OVP_ENOTFOUND, "data set '%.60s' is unknown%s%s%s; known are: %s", name,
                    close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "", known);
}

/* ---- finding ------------------------------------------------------------------------------------- */

static int is_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

ovp_status ovp_data_file_path(char **out, ovp_ctx *ctx, const char *folder, const char *name) {
    size_t room = strlen(folder) + strlen(name) + 5;
    ovp_status status = ovp_alloc(ctx, out, (ovp_idx)room, 1);
    if (status != OVP_OK) return status;
    snprintf(*out, room, "%s/%s", folder, name);
    if (is_file(*out)) return OVP_OK;
    snprintf(*out, room, "%s/%s.gz", folder, name);
    if (is_file(*out)) return OVP_OK;
    ovp_free(ctx, *out);
    *out = NULL;
    return OVP_OK;
}

typedef struct search {
    ovp_ctx *ctx;
    const ovp_data_entry *entry;
    char *found; /* owned */
    ovp_text looked;
} search;

/* Name of another set if the telling file in folder is that set's: MNIST and Fashion-MNIST have the same file names,
 * and taking one for the other would go unnoticed. */
static ovp_status foreign_set(const char **other, search *s, const char *folder) {
    const ovp_data_detail *own = s->entry->detail;
    ovp_status status = OVP_OK;
    char *path = NULL, *data = NULL, sha[65];
    size_t bytes;
    *other = NULL;
    OVP_TRY(ovp_data_file_path(&path, s->ctx, folder, own->files[own->telling].name));
    if (!path) goto done;
    OVP_TRY(ovp_io_read_file(&data, &bytes, s->ctx, path, TELLING_LIMIT, 1));
    ovp_io_sha256(data, bytes, sha);
    for (ovp_idx i = 0; i < entry_count; i++) {
        const ovp_data_detail *detail = entries[i].detail;
        if (detail != own && strcmp(detail->files[detail->telling].sha256, sha) == 0) *other = entries[i].info.name;
    }
done:
    ovp_free(s->ctx, path);
    ovp_free(s->ctx, data);
    return status;
}

/* Sets s->found if base + middle (+ "/" + set name) holds every file of the set. */
static ovp_status look(search *s, const char *base, const char *middle, int named) {
    ovp_status status = OVP_OK;
    const char *name = s->entry->info.name, *other = NULL;
    char *folder = NULL, *path = NULL;
    int complete = 1;
    if (s->found || !base || !base[0]) return OVP_OK;
    size_t room = strlen(base) + strlen(middle) + strlen(name) + 2;
    OVP_TRY(ovp_alloc(s->ctx, &folder, (ovp_idx)room, 1));
    snprintf(folder, room, "%s%s%s%s", base, middle, named ? "/" : "", named ? name : "");
    for (int f = 0; complete && f < s->entry->detail->file_count; f++) {
        OVP_TRY(ovp_data_file_path(&path, s->ctx, folder, s->entry->detail->files[f].name));
        complete = path != NULL;
        ovp_free(s->ctx, path);
        path = NULL;
    }
    if (complete && !named) OVP_TRY(foreign_set(&other, s, folder));
    if (complete && !other) {
        s->found = folder;
        folder = NULL;
    } else {
        ovp_text_add(&s->looked, "%s%s%s%s%s", s->looked.length ? ", " : "", folder, other ? " (holds " : "",
                     other ? other : "", other ? ")" : "");
    }
done:
    ovp_free(s->ctx, folder);
    return status;
}

/* Folder of the set in *folder: in `directory` only if it is given, else in all the usual places. */
static ovp_status locate(char **folder, ovp_ctx *ctx, const ovp_data_entry *entry, const char *directory) {
    ovp_status status = OVP_OK;
    search s = {.ctx = ctx, .entry = entry, .looked = {.ctx = ctx}};
    *folder = NULL;
    if (directory) {
        OVP_TRY(look(&s, directory, "", 1));
        OVP_TRY(look(&s, directory, "", 0));
    } else {
        const char *own = getenv("OVERPARAM_DATA"), *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
        OVP_TRY(look(&s, own, "", 1));
        OVP_TRY(look(&s, own, "", 0));
        /* The XDG specification: relative paths are invalid and to be ignored. */
        if (xdg && xdg[0] == '/')
            OVP_TRY(look(&s, xdg, "/overparam/data", 1));
        else
            OVP_TRY(look(&s, home, "/.local/share/overparam/data", 1));
        OVP_TRY(look(&s, OVP_INSTALL_DATA, "", 1));
        OVP_TRY(look(&s, OVP_SOURCE_DATA, "", 1));
        OVP_TRY(look(&s, entry->system_path, "", 0));
    }
    OVP_TRY(ovp_text_status(&s.looked));
    if (!s.found)
        status = ovp_fail(ctx, OVP_ENOTFOUND, "data set %s not found: %s; looked in %s", entry->info.name, entry->hint,
                          s.looked.data ? s.looked.data : "no folder");
    *folder = s.found;
    s.found = NULL;
done:
    ovp_free(ctx, s.found);
    ovp_text_free(&s.looked);
    return status;
}

ovp_status ovp_data_locate(char **folder, ovp_ctx *ctx, const char *name) {
    const ovp_data_entry *entry = NULL;
    assert(folder && name);
    *folder = NULL;
    ovp_status status = find_entry(&entry, ctx, name);
    return status == OVP_OK ? locate(folder, ctx, entry, NULL) : status;
}

/* ---- loading ------------------------------------------------------------------------------------- */

static ovp_status check_options(ovp_ctx *ctx, const char *name, const ovp_data_options *o) {
    if (o->size != sizeof(*o))
        return ovp_fail(ctx, OVP_EINVAL, "%s: data options of %zu bytes; %zu expected (set size = sizeof)", name,
                        o->size, sizeof(*o));
    if (o->train < 0 || o->test < 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld training and %lld test samples asked for; 0 (all) or more expected",
                        name, (long long)o->train, (long long)o->test);
    if (o->scale != OVP_SCALE_RAW && o->scale != OVP_SCALE_UNIT && o->scale != OVP_SCALE_STANDARD)
        return ovp_fail(ctx, OVP_EINVAL, "%s: pixel scale %d is unknown (0 raw, 1 unit, 2 standard)", name,
                        (int)o->scale);
    if (o->type != OVP_F32 && o->type != OVP_F64)
        return ovp_fail(ctx, OVP_EINVAL, "%s: inputs of type %d; f32 (%d) or f64 (%d) expected", name, (int)o->type,
                        OVP_F32, OVP_F64);
    return OVP_OK;
}

ovp_status ovp_data_load(ovp_data_set *out, ovp_ctx *ctx, const char *name, const ovp_data_options *options) {
    const ovp_data_options defaults = {.size = sizeof(defaults)};
    const ovp_data_entry *entry = NULL;
    ovp_status status = OVP_OK;
    assert(out && name);
    *out = (ovp_data_set){0};
    if (!options) options = &defaults;
    OVP_TRY(find_entry(&entry, ctx, name));
    OVP_TRY(check_options(ctx, name, options));
    OVP_TRY(locate(&out->source, ctx, entry, options->directory));
    OVP_TRY(entry->detail->reader->load(out, ctx, entry, out->source, options));
done:
    if (status != OVP_OK) ovp_data_free(ctx, out);
    return status;
}

void ovp_data_free(ovp_ctx *ctx, ovp_data_set *set) {
    if (!set) return;
    ovp_numeric_array_free(ctx, &set->x_train);
    ovp_numeric_array_free(ctx, &set->y_train);
    ovp_numeric_array_free(ctx, &set->x_test);
    ovp_numeric_array_free(ctx, &set->y_test);
    ovp_free(ctx, set->source);
    *set = (ovp_data_set){0};
}

/* ---- verifying ----------------------------------------------------------------------------------- */

static ovp_status verify_file(ovp_ctx *ctx, const char *folder, const ovp_data_file *file, ovp_text *report) {
    ovp_status status = OVP_OK;
    char *path = NULL, *data = NULL, sha[65];
    size_t bytes = 0;
    OVP_TRY(ovp_data_file_path(&path, ctx, folder, file->name));
    if (path) status = ovp_io_read_file(&data, &bytes, ctx, path, OVP_DATA_FILE_LIMIT, 1);
    if (!path || status != OVP_OK) {
        if (!path) status = ovp_fail(ctx, OVP_ENOTFOUND, "%s/%s: missing", folder, file->name);
        ovp_text_add(report, "%s: cannot be read\n", path ? path : file->name);
        goto done;
    }
    ovp_io_sha256(data, bytes, sha);
    if (strcmp(sha, file->sha256) == 0) {
        ovp_text_add(report, "%s: ok, sha256 %s\n", path, sha);
    } else {
        ovp_text_add(report, "%s: DIFFERS, sha256 %s, expected %s\n", path, sha, file->sha256);
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: not the published file: its sha256 is %s, expected %s; get it again",
                          path, sha, file->sha256);
    }
done:
    ovp_free(ctx, path);
    ovp_free(ctx, data);
    return status;
}

ovp_status ovp_data_verify(ovp_ctx *ctx, const char *name, ovp_text *report) {
    const ovp_data_entry *entry = NULL;
    ovp_status status = OVP_OK, first = OVP_OK;
    char *folder = NULL;
    assert(name && report);
    OVP_TRY(find_entry(&entry, ctx, name));
    OVP_TRY(locate(&folder, ctx, entry, NULL));
    for (int f = 0; f < entry->detail->file_count; f++) {
        status = verify_file(ctx, folder, &entry->detail->files[f], report);
        if (first == OVP_OK) first = status;
    }
    status = entry->detail->reader->check(ctx, entry, folder);
    if (first == OVP_OK) first = status;
    ovp_text_add(report, "%s: %s%s\n", folder, status == OVP_OK ? "ok, " : "DAMAGED; expected ", entry->info.shape);
    status = first == OVP_OK ? ovp_text_status(report) : first;
done:
    ovp_free(ctx, folder);
    return status;
}
