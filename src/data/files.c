/* Folders read in an order of their own: names sorted bytewise, links that lead out left aside. */
#include "data/data_int.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define DEPTH_LIMIT 32
#define FILE_LIMIT 20000000

typedef struct lister {
    ovp_ctx *ctx;
    const char *dir;
    char root[PATH_MAX]; /* resolved, with a slash at the end */
    ovp_text text;       /* 0-terminated names one after another */
    ovp_idx count, left_out;
    int folders; /* folders of the first level are wanted, not the images below */
} lister;

static int is_image(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".png") || !strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

int ovp_data_name_is_clean(const char *name) {
    for (; *name; name++)
        if ((unsigned char)*name < 32 || *name == 127) return 0;
    return 1;
}

/* 'f' file, 'd' folder, 0 neither of use. A link counts as the file or folder it leads to if that is below the root; to
 * a folder only on the first level, so that no circle arises. */
static char kind_of(lister *l, const char *path, int depth) {
    struct stat about;
    char real[PATH_MAX];
    if (lstat(path, &about) != 0) return 0;
    int link = S_ISLNK(about.st_mode);
    if (link) {
        if (!realpath(path, real) || strncmp(real, l->root, strlen(l->root)) != 0 || stat(path, &about) != 0 ||
            (S_ISDIR(about.st_mode) && !(l->folders && depth == 0))) {
            l->left_out++;
            return 0;
        }
    }
    return S_ISREG(about.st_mode) ? 'f' : S_ISDIR(about.st_mode) ? 'd' : 0;
}

static ovp_status fail_folder(lister *l, const char *path, int error) {
    return ovp_fail(l->ctx, error == ENOENT || error == ENOTDIR ? OVP_ENOTFOUND : OVP_EIO,
                    "%s: the folder cannot be read: %s", path, strerror(error));
}

/* relative: "" or "a/b/". */
static ovp_status walk(lister *l, const char *relative, int depth) {
    ovp_status status = OVP_OK;
    ovp_text path = {.ctx = l->ctx}, name = {.ctx = l->ctx};
    ovp_text_add(&path, "%s/%s", l->dir, relative);
    OVP_TRY(ovp_text_status(&path));
    DIR *dir = opendir(path.data);
    if (!dir) {
        status = fail_folder(l, relative[0] ? path.data : l->dir, errno);
        goto done;
    }
    const size_t stem = path.length;
    while (status == OVP_OK) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno) status = fail_folder(l, path.data, errno);
            break;
        }
        if (entry->d_name[0] == '.') continue;
        path.length = stem, name.length = 0;
        ovp_text_add(&path, "%s", entry->d_name);
        ovp_text_add(&name, "%s%s", relative, entry->d_name);
        if (path.failed || name.failed) {
            status = OVP_ENOMEM;
            break;
        }
        char kind = kind_of(l, path.data, depth);
        if (kind != 'd' && (kind != 'f' || l->folders || !is_image(entry->d_name))) continue;
        if (!ovp_data_name_is_clean(entry->d_name)) {
            status = ovp_fail(l->ctx, OVP_EFORMAT, "%s: a name with control characters; rename it", path.data);
        } else if (kind == 'f' || l->folders) {
            ovp_text_add_bytes(&l->text, name.data, name.length + 1);
            if (++l->count > FILE_LIMIT)
                status = ovp_fail(l->ctx, OVP_ELIMIT, "%s: more than %d files", l->dir, FILE_LIMIT);
        } else if (depth + 1 > DEPTH_LIMIT) {
            status = ovp_fail(l->ctx, OVP_ELIMIT, "%s: folders more than %d deep", path.data, DEPTH_LIMIT);
        } else {
            ovp_text_add(&name, "/");
            status = name.failed ? OVP_ENOMEM : walk(l, name.data, depth + 1);
        }
    }
    closedir(dir);
done:
    ovp_text_free(&path);
    ovp_text_free(&name);
    return status;
}

static int bytewise(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

ovp_status ovp_data_block(char ***out, ovp_ctx *ctx, const char *const *names, ovp_idx count) {
    size_t room = (size_t)count * sizeof(char *) + 1;
    for (ovp_idx i = 0; i < count; i++) room += strlen(names[i]) + 1;
    ovp_status status = ovp_alloc(ctx, out, (ovp_idx)room, 1);
    if (status != OVP_OK) return status;
    char *to = (char *)(*out + count);
    for (ovp_idx i = 0; i < count; i++) {
        (*out)[i] = to;
        to = stpcpy(to, names[i]) + 1;
    }
    return OVP_OK;
}

static ovp_status list(ovp_data_listing *out, ovp_ctx *ctx, const char *root, const char *dir, int folders) {
    ovp_status status = OVP_OK;
    lister *l = NULL;
    const char **names = NULL;
    *out = (ovp_data_listing){0};
    OVP_TRY(ovp_alloc(ctx, &l, 1, sizeof(*l)));
    *l = (lister){.ctx = ctx, .dir = dir, .text = {.ctx = ctx}, .folders = folders};
    if (!realpath(root, l->root)) {
        status = fail_folder(l, root, errno);
        goto done;
    }
    size_t length = strlen(l->root);
    if (length > 1 && length + 1 < sizeof(l->root)) memcpy(l->root + length, "/", 2);
    OVP_TRY(walk(l, "", 0));
    OVP_TRY(ovp_text_status(&l->text));
    if (l->left_out)
        ovp_log(ctx, OVP_LOG_WARNING, "%s: %lld symbolic links that lead out of it (or to a folder) were left out", dir,
                (long long)l->left_out);
    OVP_TRY(ovp_alloc(ctx, &names, l->count, sizeof(*names)));
    const char *at = l->text.data;
    for (ovp_idx i = 0; i < l->count; i++, at += strlen(at) + 1) names[i] = at;
    qsort(names, (size_t)l->count, sizeof(*names), bytewise);
    OVP_TRY(ovp_data_block(&out->names, ctx, names, l->count));
    out->count = l->count;
done:
    if (l) ovp_text_free(&l->text);
    ovp_free(ctx, l);
    ovp_free(ctx, names);
    return status;
}

ovp_status ovp_data_list_images(ovp_data_listing *out, ovp_ctx *ctx, const char *root, const char *dir) {
    return list(out, ctx, root, dir, 0);
}

ovp_status ovp_data_list_folders(ovp_data_listing *out, ovp_ctx *ctx, const char *root, const char *dir) {
    return list(out, ctx, root, dir, 1);
}
