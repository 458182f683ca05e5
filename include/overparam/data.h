/* data: the registry of data sets, the user's own images and tables, their loading, fetching and packing. */
#ifndef OVERPARAM_DATA_H
#define OVERPARAM_DATA_H

#include <overparam/io.h>
#include <overparam/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How values become inputs: raw as they are (pixels 0..255), unit x/255 (divided in the type asked for; pixels only),
 * standard (x - mean)/std with mean and std (divisor: number of values) over all values of the selected training
 * samples. */
typedef enum ovp_data_scale { OVP_SCALE_RAW, OVP_SCALE_UNIT, OVP_SCALE_STANDARD } ovp_data_scale;

/* (x - mean)/std a channel (without images: a feature) after the scaling, in the type asked for: with the training
 * part's own mean and standard deviation (divisor: number of values; 0 is OVP_EINVAL), or with given ones. */
typedef enum ovp_data_normalise { OVP_NORMALISE_NONE, OVP_NORMALISE_TRAIN, OVP_NORMALISE_GIVEN } ovp_data_normalise;

/* Set size = sizeof(ovp_data_options); an older caller's smaller size is fine, what it lacks is 0. Steps in this order:
 * class filter, limit, fraction, split, resize, flip, crop, scale, normalise; once, at load.
 *
 * train, test: the first that many samples of each part (of those that the class filter left), 0 = all; more than there
 * are is OVP_EINVAL. directory: where the set's files lie (or in a folder of the set's name inside). NULL: looked for
 * in OVERPARAM_DATA (folder NAME in it, then itself), XDG_DATA_HOME or ~/.local/share (overparam/data/NAME), the
 * install prefix, the source tree, then the set's system path. Files may be packed (.gz) or not.
 *
 * classes: only samples of these class_count classes, which become 0, 1, .. in the order given; class_count 0: all.
 * resize_rows, resize_cols: bilinear, pixel centres at half integers; a smaller image averages over the pixels it
 * covers (triangle filter widened by the ratio), each direction rounded to bytes: the bytes of PIL's
 * Image.resize(.., BILINEAR). Real-valued images: the same weights unrounded. 0, 0: none. channels: of image files, 1
 * gray, 3 RGB, 0 those of the first file. flip: probability of mirroring a training image left to right. crop_padding:
 * training images get that many zeros on every side, and a window of the image's size is taken. mean, std: of
 * OVP_NORMALISE_GIVEN, normalise_count = number of channels (or of features), or 1 for all. fraction: share of the
 * training part that is kept, 0 = 1 = all. split: shares of training, validation and test part into which the training
 * part is divided, sum 1; {0, 0, 0}: not divided; a test share above 0 only for sets without a test part.
 *
 * rng: what is random is drawn from this stream (borrowed; needed by fraction, split, flip, crop): fraction one
 * permutation(n), of which the first floor(n fraction) are kept in that order (rounding as torch's random_split of
 * {fraction, 1 - fraction}); split another one, cut into consecutive parts as random_split does; then for every
 * training image in turn: flip one uniform f32 u of [0, 1), mirrored if u < flip; crop two integers of
 * 0..2 crop_padding, first row and first column of the window. These are the draws of torch.rand(1) and torch.randint
 * in torchvision's RandomHorizontalFlip and RandomCrop.
 *
 * label_column, target_columns (names with commas): of a csv file; all other columns are inputs.
 *
 * synthetic: of a synthetic set, borrowed; NULL takes its defaults, with train and test samples if those are given.
 * Type and (where it names none) stream are those above. */
struct ovp_data_synthetic_options;
typedef struct ovp_data_options {
    size_t size;
    ovp_idx train, test;
    ovp_data_scale scale;
    ovp_numeric_type type;
    const char *directory;
    const ovp_idx *classes;
    ovp_idx class_count;
    ovp_idx resize_rows, resize_cols;
    int channels;
    double flip;
    ovp_idx crop_padding;
    ovp_data_normalise normalise;
    const double *mean, *std;
    ovp_idx normalise_count;
    double fraction;
    double split[3];
    ovp_numeric_rng *rng;
    const char *label_column, *target_columns;
    const struct ovp_data_synthetic_options *synthetic;
} ovp_data_options;

/* Owned: x_train (n x d), x_test (m x d), x_validation (k x d) of the type asked for; an image's features in the order
 * channel, row, column. y_*: labels (int32, n; 0..classes-1), or real targets (n x c of the type asked for; classes 0),
 * or nothing (data NULL, classes 0). A part that the set does not have is zeroed. */
typedef struct ovp_data_set {
    ovp_numeric_array x_train, y_train, x_test, y_test;
    ovp_idx features, classes;
    ovp_idx image_rows, image_cols; /* 0 if these are not images */
    char *source;                   /* folder or file it came from, NULL of a synthetic set */
    ovp_idx image_channels;
    ovp_numeric_array x_validation, y_validation;
    char **class_names; /* classes of them, or NULL */
    ovp_idx outputs;    /* real targets a sample; 0 with labels or nothing */
} ovp_data_set;

/* A registry row (src/data/datasets.def), or a kind of the user's own data (src/data/kinds.def), whose name is written
 * kind:PATH. */
typedef struct ovp_data_info {
    const char *name, *title, *licence, *source;
    const char *shape;                  /* "60000 + 10000 images of 28 x 28, 10 classes" */
    const char *archive, *sha256, *url; /* one file that holds the set and where it is fetched from, or NULL */
} ovp_data_info;

OVP_API const ovp_data_info *ovp_data_at(ovp_idx i);      /* a set of the registry; NULL past the end */
OVP_API const ovp_data_info *ovp_data_kind_at(ovp_idx i); /* a kind, named "npz:FILE"; NULL past the end */
/* Row of a set's name, or of the kind for "kind:PATH" (whatever the path); NULL if unknown. */
OVP_API const ovp_data_info *ovp_data_find(const char *name);
/* Folder (or archive) where the set was found, or PATH of kind:PATH (allocated, ovp_free); OVP_ENOTFOUND says where it
 * was looked for and what to do, or that the set is synthetic and needs no files. */
OVP_API ovp_status ovp_data_locate(char **folder, ovp_ctx *ctx, const char *name);
/* Loads by name; options NULL: everything, raw, f32. Names: a set of the registry, or
 *   imagefolder:DIR  DIR/<class>/.. or DIR/train/<class>/.. and DIR/test/<class>/.., png and jpeg files, classes and
 *                    files sorted bytewise; symbolic links that lead out of DIR are left out with a warning
 *   images:DIR       png and jpeg files of DIR and its folders, without labels
 *   npz:FILE         x_train, y_train, x_test, y_test, or x, y: x u8, f32 or f64, n first, images n x rows x cols or n
 *                    x rows x cols x channels (1 or 3; else n x channels x rows x cols); y whole numbers (labels), or
 *                    reals (targets), or left out altogether; classes (u8): names of the classes, a line each
 *   linear, ..       a synthetic set (ovp_data_synthetic_at): real targets; needs a stream, which draws the set before
 *                    the random steps
 *   csv:FILE         numeric columns; label_column: whole numbers from 0, or texts, which then are the classes' names
 * *out is freed with ovp_data_free and holds nothing after a failure. Image files are decoded in parallel; the same
 * result for any number of threads. Cost O(size of the files + samples asked for). Errors: OVP_ENOTFOUND (unknown, with
 * a did-you-mean; no files), OVP_EINVAL (options), OVP_EFORMAT (file, reason; images and labels of different counts;
 * label out of range; an image of another size), OVP_ELIMIT, OVP_ENOMEM. */
OVP_API ovp_status ovp_data_load(ovp_data_set *out, ovp_ctx *ctx, const char *name, const ovp_data_options *options);
/* NULL or a zeroed struct is fine. */
OVP_API void ovp_data_free(ovp_ctx *ctx, ovp_data_set *set);
/* Checks every file of the set against its pinned SHA-256 (of the unpacked content, or of the archive) and structure.
 * One line per file appended to report, then one on the structure. OVP_EFORMAT if any differs (all are checked all the
 * same). */
OVP_API ovp_status ovp_data_verify(ovp_ctx *ctx, const char *name, ovp_text *report);

/* Set size = sizeof(ovp_data_fetch_options). url NULL: the registry's; file, http, https and ftp addresses. */
typedef struct ovp_data_fetch_options {
    size_t size;
    const char *url;
} ovp_data_fetch_options;
/* Fetches the archive of a set with the program curl into OVERPARAM_DATA/NAME or the XDG data folder
 * (overparam/data/NAME) and leaves its path in *path (ovp_free). Goes through ARCHIVE.part, which a later call
 * continues, and which gets its name once its SHA-256 is the pinned one. Nothing is fetched if the file is there
 * already. Reports progress (MB); ovp_cancel stops it. Errors: OVP_ENOTFOUND (unknown set),
 * OVP_EUNSUPPORTED (a set without an archive: how to get it), OVP_EUNAVAILABLE (no curl), OVP_EIO (connection, disk;
 * the part is kept), OVP_EFORMAT (wrong SHA-256; the part is removed), OVP_EINTERRUPTED (the part is kept). options may
 * be NULL. */
OVP_API ovp_status ovp_data_fetch(char **path, ovp_ctx *ctx, const char *name, const ovp_data_fetch_options *options);

/* Packs a set of images (imagefolder:DIR, a set of the registry, ..) into one npz file that npz:FILE loads:
 * x_train (u8, n x rows x cols x channels), y_train (i32), x_test and y_test if there is a test part, classes (u8,
 * names a line each). Of the options only train, test, directory, classes, resize and channels count. Errors: those of
 * ovp_data_load and ovp_io_npz_write; OVP_EINVAL if these are no images of bytes. */
OVP_API ovp_status ovp_data_import(ovp_ctx *ctx, const char *name, const ovp_data_options *options, const char *path);

/* ---- synthetic sets ---------------------------------------------------------------------------------- */

/* A row of the table (src/data/synthetics.def). */
typedef struct ovp_data_synthetic_info {
    const char *name, *title;
    const char *knobs; /* options it heeds beside rng, type, train, test and noise: "low, high" */
} ovp_data_synthetic_info;

OVP_API const ovp_data_synthetic_info *ovp_data_synthetic_at(ovp_idx i);          /* NULL past the end */
OVP_API const ovp_data_synthetic_info *ovp_data_synthetic_find(const char *name); /* NULL if unknown */

typedef enum ovp_data_inputs { OVP_INPUTS_GAUSSIAN, OVP_INPUTS_UNIFORM } ovp_data_inputs;

/* Start from ovp_data_synthetic_defaults, which gives the published values of a set. Everything is borrowed. */
typedef struct ovp_data_synthetic_options {
    size_t size;           /* sizeof(ovp_data_synthetic_options) */
    ovp_numeric_rng *rng;  /* everything is drawn from it; the caller's to set */
    ovp_numeric_type type; /* OVP_F32 or OVP_F64 */
    ovp_idx train, test;   /* samples; test ones are drawn like training ones, after them */
    ovp_idx features, outputs;
    ovp_data_inputs inputs; /* N(0, 1), or uniform on [low, high) */
    double low, high;
    double noise;                 /* standard deviation of what is added to the targets */
    double bias_scale;            /* standard deviation of a drawn b */
    const double *weights, *bias; /* features x outputs; outputs; NULL: drawn */
    int published;                /* sinusoidal: as published, noise is 0.1 whatever is asked for */
    double c;                     /* constant: the target; sin: see below */
    ovp_idx depth, width;         /* teacher: weight matrices, units of the hidden layers */
    double sigma;                 /* teacher: weights N(0, sigma^2 / fan-in) */
    const char *activation;       /* teacher */
} ovp_data_synthetic_options;

/* Owned; free with ovp_data_synthetic_free. Any array may be taken over by zeroing it here. */
typedef struct ovp_data_synthetic_set {
    const ovp_data_synthetic_info *info;
    ovp_idx features, outputs;
    ovp_numeric_type type;
    ovp_numeric_array x, y, y_clean;                /* n x features, n x outputs twice: with noise and without */
    ovp_numeric_array x_test, y_test, y_test_clean; /* zeroed if there are no test samples */
    ovp_numeric_array weights, bias;                /* f64, linear and sinusoidal: features x outputs; outputs */
    ovp_net_model *teacher;                         /* teacher, with its parameters */
    ovp_numeric_array theta;
    double noise;      /* as used */
    double c;          /* constant, sin */
    double half_width; /* constant, sin: inputs lie within it */
} ovp_data_synthetic_set;

/* The defaults of a set, without a stream. OVP_ENOTFOUND (with a did-you-mean): *out then holds those of "linear". */
OVP_API ovp_status ovp_data_synthetic_defaults(ovp_data_synthetic_options *out, ovp_ctx *ctx, const char *name);
/* Draws a set. With a stream of the kind that the published program used and its seed these are that program's numbers
 * (docs/data-synthetic.md: formulas and order of the draws). y is rounded once, from unrounded inputs; y_clean is its
 * part without noise. sin may hold fewer samples than asked for. Cost O(samples), teacher a forward pass. Errors:
 * OVP_ENOTFOUND (with a did-you-mean), OVP_EINVAL (options; each named, with what is allowed), OVP_ENOMEM, OVP_ENUMERIC
 * (sin: no input accepted). *out holds nothing after a failure. */
OVP_API ovp_status ovp_data_synthetic(ovp_data_synthetic_set *out, ovp_ctx *ctx, const char *name,
                                      const ovp_data_synthetic_options *options);
/* NULL or a zeroed struct is fine. */
OVP_API void ovp_data_synthetic_free(ovp_ctx *ctx, ovp_data_synthetic_set *set);
/* Noiseless targets out (rows x outputs) at any inputs x (rows x features), both of the set's type. */
OVP_API ovp_status ovp_data_synthetic_values(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows,
                                             const void *x, void *out);
/* y = noiseless targets at the (rounded) x + new noise of the same size from rng; the rest of the set stays. */
OVP_API ovp_status ovp_data_synthetic_redraw(ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_numeric_rng *rng);

/* ---- options as texts -------------------------------------------------------------------------------- */

/* Keys of ovp_data_options for command lines and tables of parameters: X(key, value, help). The first ones count for
 * ovp_data_import, too. */
#define OVP_DATA_PACK_KEYS(X)                                                                                          \
    X("classes", "LIST", "only these classes, by number (3,5); they become 0, 1, ...")                                 \
    X("resize", "ROWSxCOLS", "resize images (bilinear).")                                                              \
    X("channels", "N", "read image files as gray (1) or RGB (3) (default: as the first file is).")
#define OVP_DATA_KEYS(X)                                                                                               \
    X("fraction", "F", "keep a random share of the training samples.")                                                 \
    X("split", "A,B,C", "divide the training samples at random into training, validation and test part.")              \
    X("flip", "P", "mirror training images left to right with probability P.")                                         \
    X("crop", "PADDING", "random windows of training images, padded with zeros (usual: 4).")                           \
    X("normalise", "train|M,..:S,..", "a channel's mean and deviation to 0 and 1, or by means M and deviations S.")    \
    X("label-column", "NAME", "csv:FILE: the column of the labels.")                                                   \
    X("target-columns", "NAMES", "csv:FILE: columns of real targets, with commas.")
/* Keys of ovp_data_synthetic_options. */
#define OVP_DATA_KNOBS(X)                                                                                              \
    X("noise", "S", "deviation of the noise in the targets.")                                                          \
    X("inputs", "gaussian|uniform", "distribution of the inputs.")                                                     \
    X("low", "A", "lower end of uniform inputs.")                                                                      \
    X("high", "B", "upper end of uniform inputs.")                                                                     \
    X("features", "N", "inputs a sample.")                                                                             \
    X("outputs", "N", "targets a sample.")                                                                             \
    X("bias-scale", "S", "deviation of a drawn bias.")                                                                 \
    X("weights", "LIST", "weights given instead of drawn, features x outputs.")                                        \
    X("bias", "LIST", "bias given instead of drawn, one an output.")                                                   \
    X("variant", "plain|published", "sinusoidal as published: noise is .1 whatever is asked for.")                     \
    X("c", "C", "of constant and sin.")                                                                                \
    X("depth", "N", "weight matrices of the teacher.")                                                                 \
    X("width", "N", "units of the teacher's hidden layers.")                                                           \
    X("sigma", "S", "scale of the teacher's weights.")                                                                 \
    X("activation", "NAME", "activation of the teacher.")

/* Text of a key, NULL or "" where it is not given. */
typedef const char *(*ovp_data_text_fn)(const void *user, const char *key);
/* Options as their texts say, type f32 and no stream (the caller's to set, also synthetic.rng if it is to be another
 * one). Of a synthetic set options.synthetic points to synthetic. Do not copy. Free with ovp_data_choice_free. */
typedef struct ovp_data_choice {
    ovp_data_options options;
    struct ovp_data_synthetic_options synthetic;
    ovp_idx *classes;
    double *mean, *std, *weights, *bias;
} ovp_data_choice;
/* Asks text for the keys above and for limit, test-limit (samples) and scale (raw|unit|standard). Texts of names must
 * outlive the choice. What a value means is checked by ovp_data_load. Errors: OVP_EUSAGE "--key: .." (not a value of
 * that kind; a knob that the set does not have), OVP_ENOMEM; *out then holds nothing. */
OVP_API ovp_status ovp_data_choose(ovp_data_choice *out, ovp_ctx *ctx, const char *name, ovp_data_text_fn text,
                                   const void *user);
/* NULL or a zeroed struct is fine. */
OVP_API void ovp_data_choice_free(ovp_ctx *ctx, ovp_data_choice *choice);

#ifdef __cplusplus
}
#endif
#endif
