/* The registry: sets by name, and the kinds of the user's own data. */
#include "data/data_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define OVP_DATASET(id, name, title, licence, source, shape, archive, sha256, url, also, system, hint)                 \
    extern const ovp_data_detail ovp_data_detail_##id;
#include "data/datasets.def"
#undef OVP_DATASET
#define OVP_DATAKIND(id, kind, name, title, shape) extern const ovp_data_reader ovp_data_##id##_reader;
#include "data/kinds.def"
#undef OVP_DATAKIND

static const ovp_data_entry entries[] = {
#define OVP_DATASET(id, name, title, licence, source, shape, archive, sha256, url, also, system, hint)                 \
    {{name, title, licence, source, shape, archive, sha256, url}, also, system, hint, &ovp_data_detail_##id},
#include "data/datasets.def"
#undef OVP_DATASET
};

#define OVP_DATAKIND(id, kind, name, title, shape)                                                                     \
    static const ovp_data_detail id##_detail = {.reader = &ovp_data_##id##_reader, .telling = -1};
#include "data/kinds.def"
#undef OVP_DATAKIND

typedef struct kind_row {
    const char *kind;
    ovp_data_entry entry;
} kind_row;

static const kind_row kinds[] = {
#define OVP_DATAKIND(id, kind, name, title, shape)                                                                     \
    {kind, {{name, title, "", "", shape, NULL, NULL, NULL}, NULL, NULL, NULL, &id##_detail}},
#include "data/kinds.def"
#undef OVP_DATAKIND
};

static const ovp_idx entry_count = sizeof(entries) / sizeof(entries[0]);
static const ovp_idx kind_count = sizeof(kinds) / sizeof(kinds[0]);

const ovp_data_entry *ovp_data_entry_at(ovp_idx i) {
    return i >= 0 && i < entry_count ? &entries[i] : NULL;
}

const ovp_data_info *ovp_data_at(ovp_idx i) {
    return i >= 0 && i < entry_count ? &entries[i].info : NULL;
}

const ovp_data_info *ovp_data_kind_at(ovp_idx i) {
    return i >= 0 && i < kind_count ? &kinds[i].entry.info : NULL;
}

static const ovp_data_entry *look_up(const char *name, const char **path) {
    const char *colon = strchr(name, ':');
    *path = NULL;
    for (ovp_idx i = 0; i < entry_count; i++)
        if (strcmp(entries[i].info.name, name) == 0) return &entries[i];
    for (ovp_idx i = 0; colon && i < kind_count; i++) {
        size_t length = strlen(kinds[i].kind);
        if (length != (size_t)(colon - name) || memcmp(kinds[i].kind, name, length) != 0) continue;
        *path = colon + 1;
        return &kinds[i].entry;
    }
    return NULL;
}

const ovp_data_info *ovp_data_find(const char *name) {
    const char *path;
    const ovp_data_entry *entry = name ? look_up(name, &path) : NULL;
    return entry ? &entry->info : NULL;
}

ovp_status ovp_data_entry_find(const ovp_data_entry **out, const char **path, ovp_ctx *ctx, const char *name) {
    char known[256] = "";
    const char *close = NULL;
    int best = 3; /* a did-you-mean from further away is a guess */
    size_t n = 0;
    assert(name);
    *out = look_up(name, path);
    if (*out && *path && !**path)
        return ovp_fail(ctx, OVP_ENOTFOUND, "data set '%.60s': the path is missing; write %s", name, (*out)->info.name);
    if (*out) return OVP_OK;
    if (ovp_data_synthetic_find(name))
        return ovp_fail(ctx, OVP_ENOTFOUND, "data set %s is synthetic: it is drawn and needs no files", name);
    for (ovp_idx i = 0; i < entry_count + kind_count; i++) {
        const char *other = i < entry_count ? entries[i].info.name : kinds[i - entry_count].entry.info.name;
        int distance = ovp_edit_distance(name, other);
        if (distance < best) best = distance, close = other;
        if (n < sizeof(known)) n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "", other);
    }
    for (ovp_idx i = 0; ovp_data_synthetic_at(i); i++) {
        const char *other = ovp_data_synthetic_at(i)->name;
        int distance = ovp_edit_distance(name, other);
        if (distance < best) best = distance, close = other;
        if (n < sizeof(known)) n += (size_t)snprintf(known + n, sizeof(known) - n, ", %s", other);
    }
    return ovp_fail(ctx, OVP_ENOTFOUND, "data set '%.60s' is unknown%s%s%s; known are: %s", name,
                    close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "", known);
}
