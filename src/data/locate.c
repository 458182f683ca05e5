/* Finding where a set's files lie. */
#include "data/data_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TELLING_LIMIT ((int64_t)1 << 26)

static int is_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

int ovp_data_is_archive(const char *source) {
    return is_file(source);
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
    const ovp_data_entry *entry;
    ovp_status status = OVP_OK;
    char *path = NULL, *data = NULL, sha[65];
    size_t bytes;
    *other = NULL;
    if (own->telling < 0) return OVP_OK;
    OVP_TRY(ovp_data_file_path(&path, s->ctx, folder, own->files[own->telling].name));
    if (!path) goto done;
    OVP_TRY(ovp_io_read_file(&data, &bytes, s->ctx, path, TELLING_LIMIT, 1));
    ovp_io_sha256(data, bytes, sha);
    for (ovp_idx i = 0; (entry = ovp_data_entry_at(i)); i++) {
        const ovp_data_detail *detail = entry->detail;
        if (detail == own || detail->telling < 0) continue;
        if (strcmp(detail->files[detail->telling].sha256, sha) == 0) *other = entry->info.name;
    }
done:
    ovp_free(s->ctx, path);
    ovp_free(s->ctx, data);
    return status;
}

/* Whether folder holds every file of the set; or, in *archive (owned), the set's archive. */
static ovp_status holds(int *complete, char **archive, search *s, const char *folder) {
    ovp_status status = OVP_OK;
    char *path = NULL;
    *complete = 1;
    for (int f = 0; *complete && f < s->entry->detail->file_count; f++) {
        OVP_TRY(ovp_data_file_path(&path, s->ctx, folder, s->entry->detail->files[f].name));
        *complete = path != NULL;
        ovp_free(s->ctx, path);
        path = NULL;
    }
    if (!*complete && s->entry->info.archive)
        OVP_TRY(ovp_data_file_path(archive, s->ctx, folder, s->entry->info.archive));
done:
    return status;
}

/* Sets s->found if base + middle (+ "/" + name) holds the set. */
static ovp_status look(search *s, const char *base, const char *middle, const char *name) {
    ovp_status status = OVP_OK;
    const char *other = NULL;
    char *folder = NULL, *archive = NULL;
    int complete;
    if (s->found || !base || !base[0]) return OVP_OK;
    size_t room = strlen(base) + strlen(middle) + (name ? strlen(name) : 0) + 2;
    OVP_TRY(ovp_alloc(s->ctx, &folder, (ovp_idx)room, 1));
    snprintf(folder, room, "%s%s%s%s", base, middle, name ? "/" : "", name ? name : "");
    OVP_TRY(holds(&complete, &archive, s, folder));
    if (complete && !name) OVP_TRY(foreign_set(&other, s, folder));
    if (archive) {
        s->found = archive;
        archive = NULL;
    } else if (complete && !other) {
        s->found = folder;
        folder = NULL;
    } else {
        ovp_text_add(&s->looked, "%s%s%s%s%s", s->looked.length ? ", " : "", folder, other ? " (holds " : "",
                     other ? other : "", other ? ")" : "");
    }
done:
    ovp_free(s->ctx, folder);
    ovp_free(s->ctx, archive);
    return status;
}

/* In the folder of the set's name below base + middle, and in its other name's. */
static ovp_status look_named(search *s, const char *base, const char *middle) {
    ovp_status status = look(s, base, middle, s->entry->info.name);
    if (status == OVP_OK && s->entry->also_in) status = look(s, base, middle, s->entry->also_in);
    return status;
}

/* The XDG folder of all data sets as base and middle. The specification: relative paths are invalid and to be ignored.
 */
static void xdg_folder(const char **base, const char **middle) {
    const char *xdg = getenv("XDG_DATA_HOME");
    int usable = xdg && xdg[0] == '/';
    *base = usable ? xdg : getenv("HOME");
    *middle = usable ? "/overparam/data" : "/.local/share/overparam/data";
}

ovp_status ovp_data_search(char **source, ovp_ctx *ctx, const ovp_data_entry *entry, const char *directory) {
    ovp_status status = OVP_OK;
    search s = {.ctx = ctx, .entry = entry, .looked = {.ctx = ctx}};
    *source = NULL;
    if (directory) {
        OVP_TRY(look_named(&s, directory, ""));
        OVP_TRY(look(&s, directory, "", NULL));
    } else {
        const char *own = getenv("OVERPARAM_DATA"), *xdg, *middle;
        OVP_TRY(look_named(&s, own, ""));
        OVP_TRY(look(&s, own, "", NULL));
        xdg_folder(&xdg, &middle);
        OVP_TRY(look_named(&s, xdg, middle));
        OVP_TRY(look_named(&s, OVP_INSTALL_DATA, ""));
        OVP_TRY(look_named(&s, OVP_SOURCE_DATA, ""));
        OVP_TRY(look(&s, entry->system_path, "", NULL));
    }
    OVP_TRY(ovp_text_status(&s.looked));
    if (!s.found)
        status = ovp_fail(ctx, OVP_ENOTFOUND, "data set %s not found: %s; looked in %s", entry->info.name, entry->hint,
                          s.looked.data ? s.looked.data : "no folder");
    *source = s.found;
    s.found = NULL;
done:
    ovp_free(ctx, s.found);
    ovp_text_free(&s.looked);
    return status;
}

ovp_status ovp_data_own_folder(char **out, ovp_ctx *ctx, const char *name) {
    const char *own = getenv("OVERPARAM_DATA"), *base = own, *middle = "";
    *out = NULL;
    if (!own || !own[0]) xdg_folder(&base, &middle);
    if (!base || !base[0]) return ovp_fail(ctx, OVP_ENOTFOUND, "no folder for data sets: set OVERPARAM_DATA (or HOME)");
    size_t room = strlen(base) + strlen(middle) + strlen(name) + 2;
    ovp_status status = ovp_alloc(ctx, out, (ovp_idx)room, 1);
    if (status == OVP_OK) snprintf(*out, room, "%s%s/%s", base, middle, name);
    return status;
}

ovp_status ovp_data_locate(char **folder, ovp_ctx *ctx, const char *name) {
    const ovp_data_entry *entry = NULL;
    const char *path;
    struct stat about;
    assert(folder && name);
    *folder = NULL;
    ovp_status status = ovp_data_entry_find(&entry, &path, ctx, name);
    if (status != OVP_OK || !path) return status == OVP_OK ? ovp_data_search(folder, ctx, entry, NULL) : status;
    if (stat(path, &about) != 0)
        return ovp_fail(ctx, OVP_ENOTFOUND, "%s: there is no such file or folder (%s)", path, entry->info.name);
    return ovp_strdup(ctx, folder, path);
}
