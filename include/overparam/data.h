/* data: the registry of data sets and their loading. */
#ifndef OVERPARAM_DATA_H
#define OVERPARAM_DATA_H

#include <overparam/io.h>
#include <overparam/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How pixels become inputs: raw 0..255, unit x/255 (divided in the type asked for), standard (x - mean)/std with mean
 * and std (divisor: number of pixels) over all pixels of the selected training images. */
typedef enum ovp_data_scale { OVP_SCALE_RAW, OVP_SCALE_UNIT, OVP_SCALE_STANDARD } ovp_data_scale;

/* Set size = sizeof(ovp_data_options). train, test: the first that many samples, 0 = all; more than there are is
 * OVP_EINVAL. directory: where the set's files lie (or in a folder of the set's name inside). NULL: looked for in
 * OVERPARAM_DATA (folder NAME in it, then itself), XDG_DATA_HOME or ~/.local/share (overparam/data/NAME), the install
 * prefix, the source tree, then the set's system path. Files may be packed (.gz) or not. */
typedef struct ovp_data_options {
    size_t size;
    ovp_idx train, test;
    ovp_data_scale scale;
    ovp_numeric_type type;
    const char *directory;
} ovp_data_options;

/* Owned: x_train (n x d), x_test (m x d) of the type asked for; labels int32; classes. */
typedef struct ovp_data_set {
    ovp_numeric_array x_train, y_train, x_test, y_test;
    ovp_idx features, classes;
    ovp_idx image_rows, image_cols; /* 0 if these are not images */
    char *source;                   /* folder it came from */
} ovp_data_set;

/* A registry row (src/data/datasets.def). */
typedef struct ovp_data_info {
    const char *name, *title, *licence, *source;
    const char *shape; /* "60000 + 10000 images of 28 x 28, 10 classes" */
} ovp_data_info;

OVP_API const ovp_data_info *ovp_data_at(ovp_idx i);          /* NULL past the end */
OVP_API const ovp_data_info *ovp_data_find(const char *name); /* NULL if unknown */
/* Folder where the set's files were found (allocated, ovp_free); OVP_ENOTFOUND says where it was looked for and what to
 * do. */
OVP_API ovp_status ovp_data_locate(char **folder, ovp_ctx *ctx, const char *name);
/* Loads by name; options NULL: everything, raw, f32. *out is freed with ovp_data_free and holds nothing after a
 * failure. Cost O(size of the files + samples asked for). Errors: OVP_ENOTFOUND (unknown, with a did-you-mean; no
 * files), OVP_EINVAL (options), OVP_EFORMAT (file, reason; images and labels of different counts; label out of range),
 * OVP_ENOMEM. */
OVP_API ovp_status ovp_data_load(ovp_data_set *out, ovp_ctx *ctx, const char *name, const ovp_data_options *options);
/* NULL or a zeroed struct is fine. */
OVP_API void ovp_data_free(ovp_ctx *ctx, ovp_data_set *set);
/* Checks every file of the set against its pinned SHA-256 (of the unpacked content) and structure. One line per file
 * appended to report, then one on the structure. OVP_EFORMAT if any differs (all are checked all the same). */
OVP_API ovp_status ovp_data_verify(ovp_ctx *ctx, const char *name, ovp_text *report);

#ifdef __cplusplus
}
#endif
#endif
