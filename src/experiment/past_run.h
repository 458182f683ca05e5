/* experiment, internal: earlier runs as input: finding a run folder, its parameters, its tables, its arrays. Nothing of
 * a folder is trusted: files go through the readers of io, a column or an array that is missing is named. */
#ifndef OVP_PAST_RUN_H
#define OVP_PAST_RUN_H

#include "experiment_int.h"

/* A run folder; a zeroed one is closed. */
typedef struct past_run {
    char *dir;                   /* path of the folder */
    const char *id, *experiment; /* the folder's name; what ran in it */
    json_t *manifest;
} past_run;

/* Opens the run that the user named: an id, the unambiguous start of one, the path of a folder, or "latest": the newest
 * run under $OVERPARAM_RUNS or ./runs that is over. experiments: ids that may be read, NULL at the end; NULL for any.
 * flag: what to call the name in messages ("--runs"). The runs that a running one can see include itself, hence "over".
 * Errors: OVP_ENOTFOUND (near ids are listed), OVP_ECONFIG (a run of another experiment), OVP_EFORMAT (no manifest of
 * ours), OVP_ENOMEM. */
ovp_status past_run_open(past_run *out, ovp_ctx *ctx, const char *flag, const char *name,
                         const char *const *experiments);
void past_run_close(ovp_ctx *ctx, past_run *run);
/* The parameters it ran with, typed; ovp_params_free. Errors: OVP_ECONFIG (one that this version does not know). */
ovp_status past_run_params(ovp_params **out, ovp_ctx *ctx, const past_run *run);
/* The path of a file in the folder; ovp_free. */
ovp_status past_run_path(char **out, ovp_ctx *ctx, const past_run *run, const char *relative);

/* Table `table` as text cells; ovp_io_csv_free. Errors: OVP_ENOTFOUND (with the tables it has). */
ovp_status past_run_table(ovp_io_csv *out, ovp_ctx *ctx, const past_run *run, const char *table);
/* Index of a column, -1: none. */
ovp_idx past_column_find(const ovp_io_csv *csv, const char *column);
/* A column as numbers into out (csv->rows values), NaN where a cell is empty. name stands for the file in messages.
 * Errors: OVP_ENOTFOUND (with the columns there are), OVP_EFORMAT (line of the first cell that is no number). */
ovp_status past_column(double *out, ovp_ctx *ctx, const char *name, const ovp_io_csv *csv, const char *column);

/* Arrays of a .npz or .safetensors file (told by the ending); ovp_io_npz_free. Errors: those of the readers, OVP_EINVAL
 * (another ending). */
ovp_status past_arrays_read(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const char *path);
/* Its weights.npz. Errors: OVP_ENOTFOUND (no weights were kept: how to keep them). */
ovp_status past_run_weights(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const past_run *run);
/* The array of this name, NULL if there is none. */
const ovp_numeric_array *past_array_find(const ovp_io_named_array *arrays, ovp_idx count, const char *name);
/* Values `first` .. `first + count - 1` of an f32 or f64 array (they lie in it), widened. Errors: OVP_EFORMAT (other
 * types). */
ovp_status past_array_get(double *out, ovp_ctx *ctx, const ovp_io_named_array *array, ovp_idx first, ovp_idx count);

/* A comma-separated list of names, blanks around them dropped; past_names_free. Errors: OVP_EINVAL (an empty one). */
typedef struct past_names {
    char *text, **name;
    ovp_idx count;
} past_names;
ovp_status past_names_split(past_names *out, ovp_ctx *ctx, const char *flag, const char *list);
void past_names_free(ovp_ctx *ctx, past_names *names);

#endif
