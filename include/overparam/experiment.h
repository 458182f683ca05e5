/* experiment: declarations of experiments, the registry, and running one into a run folder. */
#ifndef OVERPARAM_EXPERIMENT_H
#define OVERPARAM_EXPERIMENT_H

#include <overparam/figure.h>
#include <overparam/store.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ovp_experiment_run ovp_experiment_run;

typedef struct ovp_experiment_preset {
    const char *name, *help;
    const char *settings; /* "widths=10,100;epochs=500" */
} ovp_experiment_preset;
typedef struct ovp_experiment_table {
    const char *name, *help;
    const ovp_store_column *columns;
    ovp_idx count;
    int optional; /* left out of results and files while it has no row */
} ovp_experiment_table;
typedef struct ovp_experiment_question {
    const char *question, *answer;
} ovp_experiment_question;

/* One experiment = one file with one of these + one line in experiments.def. params starts with the common rows
 * (OVP_EXPERIMENT_COMMON of src/experiment/experiment_int.h: preset, seed, seeds, data-seed, rng, threads, precision,
 * engine, save-weights); the rows' defaults are those of the paper preset, streams apart. Presets never set `seed`. */
typedef struct ovp_experiment {
    const char *id, *title, *claim, *formula, *source;
    const char *about; /* a few paragraphs that teach: what is measured, what theory says, how to read the figures */
    const ovp_param *params;
    ovp_idx param_count;
    const ovp_experiment_preset *presets;
    ovp_idx preset_count;
    const ovp_experiment_table *tables;
    ovp_idx table_count;
    const ovp_experiment_question *questions;
    ovp_idx question_count;
    /* Refuses values that no row can refuse (combinations, names of other registries) before a run folder exists; may
     * be NULL. */
    ovp_status (*check)(ovp_ctx *ctx, const ovp_params *params);
    /* Computes, and reports through the ovp_run_ functions below. An error it returns (OVP_EINTERRUPTED included) ends
     * the run, but what was reported before it is kept and written. */
    ovp_status (*run)(ovp_experiment_run *run);
} ovp_experiment;

/* The i-th experiment of the registry, NULL past the end. Static. */
OVP_API const ovp_experiment *ovp_experiment_at(ovp_idx i);
/* Experiment of this id, NULL if there is none. Static. */
OVP_API const ovp_experiment *ovp_experiment_find(const char *id);
OVP_API const char *ovp_experiment_near(const char *id); /* did-you-mean, may be NULL */

typedef enum ovp_experiment_holds { OVP_HOLDS_NO, OVP_HOLDS_YES, OVP_HOLDS_UNCLEAR } ovp_experiment_holds;
typedef struct ovp_experiment_verdict {
    const char *claim, *how;
    double measured, low, high, predicted; /* NaN where there is none */
    ovp_experiment_holds holds;
} ovp_experiment_verdict;

/* ---- running: what cli calls ---------------------------------------------------------------------- */

/* Parameters of an experiment at their rows' defaults; the preset is applied by the caller. Free with
 * ovp_params_free. */
OVP_API ovp_status ovp_experiment_params(ovp_params **out, ovp_ctx *ctx, const ovp_experiment *experiment);
/* Applies a preset to params, `preset` key included: first the preset, then the config file, then the flags. Errors:
 * OVP_EUSAGE (unknown preset, with the list). */
OVP_API ovp_status ovp_experiment_preset_apply(ovp_params *params, ovp_ctx *ctx, const ovp_experiment *experiment,
                                               const char *preset);
/* The seeds params ask for: `seed` alone if it was given, else `seeds`, else the default seed. *out freed with
 * ovp_free. Errors: OVP_EUSAGE if both were given (a preset's own seeds do not count), OVP_EINVAL for a seed given
 * twice. */
OVP_API ovp_status ovp_experiment_seeds(int64_t **out, ovp_idx *count, ovp_ctx *ctx, const ovp_experiment *experiment,
                                        const ovp_params *params);
/* Runs into a new run folder and fills *result (new reference) with the one JSON object of DESIGN 5: complete,
 * interrupted (after ovp_cancel: OVP_EINTERRUPTED, finished rows kept) or failed. *result is NULL if the folder could
 * not be made or the values were refused before. `threads` is taken from ctx; the row of that name is for the caller.
 * Errors: those of check, run and of writing; the first one counts. */
OVP_API ovp_status ovp_experiment_execute(struct json_t **result, ovp_ctx *ctx, const ovp_experiment *experiment,
                                          const ovp_params *params, const char *root, const char *exact);
/* The parameters a manifest tells of, for running the same again: every value set, seeds as they were asked for. *out
 * freed with ovp_params_free. Errors: OVP_ECONFIG (a key or value this version does not know, or that comes out
 * otherwise, named). */
OVP_API ovp_status ovp_experiment_params_restore(ovp_params **out, ovp_ctx *ctx, const ovp_experiment *experiment,
                                                 const struct json_t *manifest);
/* info EXPERIMENT as JSON: id, title, claim, formula, source, about, params, presets, tables, questions. New
 * reference, NULL when out of memory. */
OVP_API struct json_t *ovp_experiment_info_json(const ovp_experiment *experiment);
/* {isa, cpu, blas, core, flavour, threads}. New reference, NULL when out of memory. */
OVP_API struct json_t *ovp_experiment_environment(ovp_ctx *ctx);
/* Bytes this process may still take: the least of what the system calls available and the limits of its control group;
 * 0 if unknown. */
OVP_API int64_t ovp_experiment_memory_available(void);
/* Static report.html from the result object, info object and the figures' folder. figures: array of
 * {name,title,caption}. */
OVP_API ovp_status ovp_experiment_report(ovp_text *html, ovp_ctx *ctx, const struct json_t *result,
                                         const struct json_t *info, const struct json_t *figures, const char *dir);

/* ---- inside an experiment's run function ---------------------------------------------------------- */

/* The context everything in the run uses; borrowed. */
OVP_API ovp_ctx *ovp_run_ctx(ovp_experiment_run *run);
/* The run's parameter values; borrowed. */
OVP_API const ovp_params *ovp_run_params(const ovp_experiment_run *run);
/* The seeds to run, --seeds or the one --seed; borrowed. */
OVP_API const int64_t *ovp_run_seeds(const ovp_experiment_run *run, ovp_idx *count);
/* Seed of data and labels that belongs to a run's seed: --data-seed if given, else the seed itself. */
OVP_API int64_t ovp_run_data_seed(const ovp_experiment_run *run, int64_t seed);
/* Passes progress on at most about ten times a second (always when a stage begins and when done = total), so call it at
 * every step. */
OVP_API void ovp_run_progress(ovp_experiment_run *run, const ovp_progress *progress);
/* Row into a declared table (cells: one a column); its line in metrics.jsonl is on disk when this returns, the table's
 * CSV too, except that it is rewritten at most ten times a second, a long one (over 256 rows) once a second, and at the
 * end. Errors: OVP_EINVAL (no such table), OVP_EIO, OVP_ENOMEM. */
OVP_API ovp_status ovp_run_row(ovp_experiment_run *run, const char *table, const ovp_store_cell *cells);
/* The same of `count` rows (cells: row after row) with the table's CSV written once: for rows that come together. */
OVP_API ovp_status ovp_run_rows(ovp_experiment_run *run, const char *table, ovp_idx count, const ovp_store_cell *cells);
/* A declared table as it stands, NULL if the name is unknown. Owned by the run. */
OVP_API const ovp_store_table *ovp_run_table(const ovp_experiment_run *run, const char *table);
/* Fills the table `summary` (declared with the setting's columns, then measure, count, mean, low, high) from `table`:
 * for every distinct setting, in order of appearance, and every named measure one row over the finite values (95 %
 * Student t; NaN bounds for fewer than two). settings, measures: column names. */
OVP_API ovp_status ovp_run_summary(ovp_experiment_run *run, const char *table, const char *summary,
                                   const char *const *settings, ovp_idx setting_count, const char *const *measures,
                                   ovp_idx measure_count);
/* Array for arrays.npz, copied; a name used before is replaced. */
OVP_API ovp_status ovp_run_array(ovp_experiment_run *run, const char *name, const ovp_numeric_array *array);
/* Texts of a verdict are copied. */
OVP_API ovp_status ovp_run_verdict(ovp_experiment_run *run, const ovp_experiment_verdict *verdict);
OVP_API ovp_status ovp_run_warning(ovp_experiment_run *run, const char *format, ...) OVP_PRINTF(2, 3);
/* Renders now; a missing or failing gnuplot becomes a warning. */
OVP_API ovp_status ovp_run_figure(ovp_experiment_run *run, const ovp_figure *figure);
/* weights.npz: copied until the end of the run. */
OVP_API ovp_status ovp_run_weight(ovp_experiment_run *run, const char *name, const ovp_numeric_array *array);
/* weights/<name>.safetensors in the run's folder, written now. name: [a-z0-9-]+. */
OVP_API ovp_status ovp_run_tensors(ovp_experiment_run *run, const char *name, const ovp_io_safetensors *tensors);
/* Description that travels in weights.npz (array `description`, UTF-8 JSON) and in the manifest: the model's and the
 * data's. Borrowed, copied deeply; a later one adds to it and replaces keys of the same name. */
OVP_API ovp_status ovp_run_describe(ovp_experiment_run *run, const struct json_t *description);

#ifdef __cplusplus
}
#endif
#endif
