/* Inside data: what a registered set is made of, and the steps of loading. */
#ifndef OVP_DATA_INT_H
#define OVP_DATA_INT_H

#include <overparam/data.h>

/* Largest file of a set, unpacked: five times MNIST's images, so that a gzip bomb ends early. */
#define OVP_DATA_FILE_LIMIT ((int64_t)1 << 28)
/* Classes of the user's own sets: labels above are more likely something else. */
#define OVP_DATA_CLASS_LIMIT 65536
/* Extents of a resized image, and the padding of a crop. */
#define OVP_DATA_IMAGE_LIMIT 16384

/* A file of a set, unpacked name; it may also lie there as name.gz. sha256 is of the unpacked content; NULL: only the
 * archive's is published. */
typedef struct ovp_data_file {
    const char *name, *sha256;
} ovp_data_file;

/* ---- what readers give --------------------------------------------------------------------------- */

/* Training or test part as it was read. */
typedef struct ovp_data_part {
    int present;
    ovp_idx n;
    ovp_numeric_array x; /* n x features, u8 f32 or f64; images channel, row, column */
    ovp_numeric_array y; /* labels (i32, n), targets (f64, n x c), or data NULL */
    char **files;        /* n image files instead of x: decoded when it is known which are wanted; one block */
} ovp_data_part;

typedef struct ovp_data_raw {
    ovp_data_part train, test;
    ovp_idx rows, cols, channels; /* 0: no images, or files not opened yet */
    ovp_idx classes;              /* 0: no labels */
    char **class_names;           /* one block, or NULL */
} ovp_data_raw;
void ovp_data_raw_free(ovp_ctx *ctx, ovp_data_raw *raw);
/* synthetic_set.c: a synthetic set drawn with options->synthetic, or with its defaults and the limits as counts. */
ovp_status ovp_data_synthetic_read(ovp_data_raw *out, ovp_ctx *ctx, const char *name, ovp_data_options *options);

typedef struct ovp_data_entry ovp_data_entry;

/* A format: reads and checks everything of the set found at source. *out is freed by the caller, also after a failure.
 * Options have been validated. */
typedef struct ovp_data_reader {
    ovp_status (*read)(ovp_data_raw *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *source,
                       const ovp_data_options *options);
} ovp_data_reader;

typedef struct ovp_data_detail {
    const ovp_data_reader *reader;
    const ovp_data_file *files;
    int file_count;
    int telling;         /* the (small) file whose content tells this set from others with the same file names, or -1 */
    const void *format;  /* for the reader */
    ovp_idx train, test; /* samples of the published set */
} ovp_data_detail;

struct ovp_data_entry {
    ovp_data_info info;
    const char *also_in; /* another usual name of its folder, or NULL */
    const char *system_path, *hint;
    const ovp_data_detail *detail;
};

/* What the IDX reader needs to know: files are train images, train labels, test images, test labels. */
typedef struct ovp_data_idx_format {
    ovp_idx rows, cols, classes;
} ovp_data_idx_format;
extern const ovp_data_reader ovp_data_idx_reader;

/* ---- the registry and finding (registry.c, locate.c) --------------------------------------------- */

/* Row of a name and, for kind:PATH, its path (else NULL). Errors: OVP_ENOTFOUND with a did-you-mean. */
ovp_status ovp_data_entry_find(const ovp_data_entry **out, const char **path, ovp_ctx *ctx, const char *name);
const ovp_data_entry *ovp_data_entry_at(ovp_idx i); /* of the registry; NULL past the end */
/* Where the set is (ovp_free), in `directory` only if it is given, else in all the usual places. */
ovp_status ovp_data_search(char **source, ovp_ctx *ctx, const ovp_data_entry *entry, const char *directory);
/* Path of a file of the set in folder, packed or not; *out NULL if neither exists. Errors: OVP_ENOMEM. */
ovp_status ovp_data_file_path(char **out, ovp_ctx *ctx, const char *folder, const char *name);
/* Whether source is the set's archive (a file) rather than a folder. */
int ovp_data_is_archive(const char *source);
/* Folder that fetched sets are put into: OVERPARAM_DATA/NAME or the XDG data folder's. OVP_ENOTFOUND without either. */
ovp_status ovp_data_own_folder(char **out, ovp_ctx *ctx, const char *name);

/* ovp_data_fetch of a row; url NULL: the row's. */
ovp_status ovp_data_fetch_archive(char **path, ovp_ctx *ctx, const ovp_data_info *info, const char *url);

/* ---- the steps of loading ------------------------------------------------------------------------ */

/* Samples on their way to inputs. */
typedef struct ovp_data_samples {
    ovp_idx n;
    ovp_numeric_array x, y;
} ovp_data_samples;
void ovp_data_samples_free(ovp_ctx *ctx, ovp_data_samples *samples);

/* Which samples of a part: n positions in it. */
typedef struct ovp_data_chosen {
    int64_t *rows;
    ovp_idx n;
} ovp_data_chosen;

enum { OVP_DATA_TRAIN, OVP_DATA_VALIDATION, OVP_DATA_TEST, OVP_DATA_PARTS };

/* A set between reading and the end: the parts' samples and the geometry that holds for all of them. */
typedef struct ovp_data_work {
    ovp_ctx *ctx;
    const char *name; /* for messages */
    const ovp_data_options *options;
    ovp_data_raw raw;
    ovp_data_chosen chosen[OVP_DATA_PARTS];
    ovp_data_samples part[OVP_DATA_PARTS];
    ovp_idx rows, cols, channels, features, classes;
} ovp_data_work;

void ovp_data_work_free(ovp_data_work *work);

/* data.c: checked options, the set found and read. All outs are freed by the caller, also after a failure. */
ovp_status ovp_data_read(ovp_data_raw *out, char **source, ovp_data_options *full, ovp_ctx *ctx, const char *name,
                         const ovp_data_options *options);
/* select.c: class filter, limit, fraction, split -> chosen. */
ovp_status ovp_data_select(ovp_data_work *work);
/* gather.c: chosen samples -> part (labels renumbered by the class filter, files decoded and resized). */
ovp_status ovp_data_gather(ovp_data_work *work);
/* image_read.c: the chosen files of a part into samples->x; sets the geometry from the first if it is not known. */
ovp_status ovp_data_decode(ovp_data_work *work, ovp_numeric_array *x, const ovp_data_part *part,
                           const ovp_data_chosen *chosen);
/* transform.c: resize all parts (of sets that are not files); flip and crop the training part. */
ovp_status ovp_data_transform(ovp_data_work *work);
/* scale.c: inputs of the type asked for, scaled and normalised. */
ovp_status ovp_data_scale_parts(ovp_data_work *work);

/* resize.c: one image of `channels` planes, channel by channel; type u8, f32 or f64. */
typedef struct ovp_data_resizer ovp_data_resizer;
ovp_status ovp_data_resizer_create(ovp_data_resizer **out, ovp_ctx *ctx, ovp_idx rows, ovp_idx cols, ovp_idx to_rows,
                                   ovp_idx to_cols);
void ovp_data_resizer_free(ovp_ctx *ctx, ovp_data_resizer *resizer);
void ovp_data_resize(ovp_data_resizer *resizer, ovp_numeric_type type, ovp_idx channels, const void *from, void *to);

/* ---- shared by readers --------------------------------------------------------------------------- */

/* files.c: paths of the images below a folder, relative, sorted bytewise. One block: files[0] is freed with it. */
typedef struct ovp_data_listing {
    char **names;
    ovp_idx count;
} ovp_data_listing;
/* Image files in dir and its folders. root: symbolic links may lead only to files below it. */
ovp_status ovp_data_list_images(ovp_data_listing *out, ovp_ctx *ctx, const char *root, const char *dir);
/* Folders directly in dir. */
ovp_status ovp_data_list_folders(ovp_data_listing *out, ovp_ctx *ctx, const char *root, const char *dir);
/* Whether a name can stand on a terminal and in a list of lines: no control characters. */
int ovp_data_name_is_clean(const char *name);
/* Copies of names as one block of pointers and text. */
ovp_status ovp_data_block(char ***out, ovp_ctx *ctx, const char *const *names, ovp_idx count);

#endif
