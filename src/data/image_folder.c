/* The user's own images: a folder a class, or without labels. */
#include "data/data_int.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static ovp_status join(char **out, ovp_ctx *ctx, const char *folder, const char *name) {
    size_t room = strlen(folder) + strlen(name) + 2;
    ovp_status status = ovp_alloc(ctx, out, (ovp_idx)room, 1);
    if (status == OVP_OK) snprintf(*out, room, "%s/%s", folder, name);
    return status;
}

/* Paths and labels of a part while its folders are gone through. */
typedef struct collected {
    ovp_ctx *ctx;
    ovp_text paths, labels; /* 0-terminated strings; int32 */
    ovp_idx n;
} collected;

static void collect(collected *to, const char *dir, const ovp_data_listing *images, int32_t label) {
    for (ovp_idx i = 0; i < images->count; i++) {
        ovp_text_add(&to->paths, "%s/%s", dir, images->names[i]);
        ovp_text_add_bytes(&to->paths, "", 1);
        ovp_text_add_bytes(&to->labels, &label, sizeof(label));
    }
    to->n += images->count;
}

static ovp_status finish(ovp_data_part *out, collected *from, int labelled) {
    ovp_status status = OVP_OK;
    const char **names = NULL;
    OVP_TRY(ovp_text_status(&from->paths));
    OVP_TRY(ovp_text_status(&from->labels));
    OVP_TRY(ovp_alloc(from->ctx, &names, from->n, sizeof(*names)));
    const char *at = from->paths.data;
    for (ovp_idx i = 0; i < from->n; i++, at += strlen(at) + 1) names[i] = at;
    OVP_TRY(ovp_data_block(&out->files, from->ctx, names, from->n));
    out->present = 1;
    out->n = from->n;
    if (!labelled) goto done;
    OVP_TRY(ovp_numeric_array_create(&out->y, from->ctx, OVP_I32, 1, &out->n));
    memcpy(out->y.data, from->labels.data, from->labels.length);
done:
    ovp_free(from->ctx, names);
    return status;
}

static void collected_free(collected *c) {
    ovp_text_free(&c->paths);
    ovp_text_free(&c->labels);
}

/* ---- imagefolder --------------------------------------------------------------------------------- */

static int32_t class_of(const ovp_data_listing *classes, const char *name) {
    for (ovp_idx k = 0; k < classes->count; k++)
        if (strcmp(classes->names[k], name) == 0) return (int32_t)k;
    return -1;
}

/* The class folders of dir; every one must be a class of `classes` and hold an image. */
static ovp_status read_classes(ovp_data_part *out, ovp_ctx *ctx, const char *root, const char *dir,
                               const ovp_data_listing *classes) {
    ovp_status status = OVP_OK;
    ovp_data_listing here = {0}, images = {0};
    collected all = {.ctx = ctx, .paths = {.ctx = ctx}, .labels = {.ctx = ctx}};
    char *folder = NULL;
    OVP_TRY(ovp_data_list_folders(&here, ctx, root, dir));
    for (ovp_idx k = 0; k < here.count; k++) {
        int32_t label = class_of(classes, here.names[k]);
        if (label < 0) {
            status = ovp_fail(ctx, OVP_EFORMAT, "%s: class folder '%s' is not among the training classes", dir,
                              here.names[k]);
            goto done;
        }
        OVP_TRY(join(&folder, ctx, dir, here.names[k]));
        OVP_TRY(ovp_data_list_images(&images, ctx, root, folder));
        if (images.count == 0) {
            status = ovp_fail(ctx, OVP_EFORMAT,
                              "%s: class folder without an image (.png, .jpg, .jpeg); fill or remove it", folder);
            goto done;
        }
        collect(&all, folder, &images, label);
        ovp_free(ctx, images.names);
        ovp_free(ctx, folder);
        images.names = NULL, folder = NULL;
    }
    OVP_TRY(finish(out, &all, 1));
done:
    collected_free(&all);
    ovp_free(ctx, here.names);
    ovp_free(ctx, images.names);
    ovp_free(ctx, folder);
    return status;
}

static ovp_status read_folder(ovp_data_raw *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *source,
                              const ovp_data_options *options) {
    ovp_status status = OVP_OK;
    ovp_data_listing classes = {0};
    char *train = NULL, *test = NULL;
    (void)entry, (void)options;
    OVP_TRY(join(&train, ctx, source, "train"));
    OVP_TRY(join(&test, ctx, source, "test"));
    const char *first = is_folder(train) ? train : source;
    OVP_TRY(ovp_data_list_folders(&classes, ctx, source, first));
    if (classes.count < 2 || classes.count > OVP_DATA_CLASS_LIMIT) {
        status = ovp_fail(ctx, OVP_EFORMAT,
                          "%s: %lld class folders; 2 to %d expected (images:DIR reads images without labels)", first,
                          (long long)classes.count, OVP_DATA_CLASS_LIMIT);
        goto done;
    }
    OVP_TRY(read_classes(&out->train, ctx, source, first, &classes));
    if (first == train && is_folder(test)) OVP_TRY(read_classes(&out->test, ctx, source, test, &classes));
    out->classes = classes.count;
    out->class_names = classes.names;
    classes.names = NULL;
done:
    ovp_free(ctx, classes.names);
    ovp_free(ctx, train);
    ovp_free(ctx, test);
    return status;
}

extern const ovp_data_reader ovp_data_imagefolder_reader;
const ovp_data_reader ovp_data_imagefolder_reader = {.read = read_folder};

/* ---- images -------------------------------------------------------------------------------------- */

static ovp_status read_images(ovp_data_raw *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *source,
                              const ovp_data_options *options) {
    ovp_status status = OVP_OK;
    ovp_data_listing images = {0};
    collected all = {.ctx = ctx, .paths = {.ctx = ctx}, .labels = {.ctx = ctx}};
    (void)entry, (void)options;
    OVP_TRY(ovp_data_list_images(&images, ctx, source, source));
    if (images.count == 0) {
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: no image (.png, .jpg, .jpeg) here or below", source);
        goto done;
    }
    collect(&all, source, &images, 0);
    OVP_TRY(finish(&out->train, &all, 0));
done:
    collected_free(&all);
    ovp_free(ctx, images.names);
    return status;
}

extern const ovp_data_reader ovp_data_images_reader;
const ovp_data_reader ovp_data_images_reader = {.read = read_images};
