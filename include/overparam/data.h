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
    size_t size;
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

#ifdef __cplusplus
}
#endif
#endif
