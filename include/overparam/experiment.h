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
} ovp_experiment_table;
typedef struct ovp_experiment_question {
    const char *question, *answer;
} ovp_experiment_question;

/* One experiment = one file with one of these + one line in experiments.def. */
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
    ovp_status (*run)(ovp_experiment_run *run);
} ovp_experiment;

OVP_API const ovp_experiment *ovp_experiment_at(ovp_idx i);
OVP_API const ovp_experiment *ovp_experiment_find(const char *id);
OVP_API const char *ovp_experiment_near(const char *id); /* did-you-mean, may be NULL */

typedef enum ovp_experiment_holds { OVP_HOLDS_NO, OVP_HOLDS_YES, OVP_HOLDS_UNCLEAR } ovp_experiment_holds;
typedef struct ovp_experiment_verdict {
    const char *claim, *how;
    double measured, low, high, predicted; /* NaN where there is none */
    ovp_experiment_holds holds;
} ovp_experiment_verdict;

/* ---- running: what cli calls ---------------------------------------------------------------------- */

/* Common parameters of every experiment (preset, seed, seeds, data-seed, rng, threads, precision, engine, save-weights)
 * are rows added by this room in front of the experiment's own. Free with ovp_params_free. */
OVP_API ovp_status ovp_experiment_params(ovp_params **out, ovp_ctx *ctx, const ovp_experiment *experiment);
/* Applies a preset to params (before config file and flags). */
OVP_API ovp_status ovp_experiment_preset_apply(ovp_params *params, ovp_ctx *ctx, const ovp_experiment *experiment,
                                               const char *preset);
/* Runs into a new run folder and fills *result with the one JSON object of DESIGN 5 (also on failure, once the folder
 * exists). OVP_EINTERRUPTED after ovp_cancel: finished rows kept. New reference. */
OVP_API ovp_status ovp_experiment_execute(struct json_t **result, ovp_ctx *ctx, const ovp_experiment *experiment,
                                          const ovp_params *params, const char *root, const char *exact);
/* info EXPERIMENT as JSON. New reference. */
OVP_API struct json_t *ovp_experiment_info_json(const ovp_experiment *experiment);
/* Processor, BLAS, threads, isa as the "environment" object. New reference. */
OVP_API struct json_t *ovp_experiment_environment(ovp_ctx *ctx);
/* Static report.html from the result object, info object and the figures' folder. figures: array of
 * {name,title,caption}. */
OVP_API ovp_status ovp_experiment_report(ovp_text *html, ovp_ctx *ctx, const struct json_t *result,
                                         const struct json_t *info, const struct json_t *figures, const char *dir);

/* ---- inside an experiment's run function ---------------------------------------------------------- */

OVP_API ovp_ctx *ovp_run_ctx(ovp_experiment_run *run);
OVP_API const ovp_params *ovp_run_params(const ovp_experiment_run *run);
OVP_API const int64_t *ovp_run_seeds(const ovp_experiment_run *run, ovp_idx *count);
/* Row into a declared table; the table's CSV and the metrics line are on disk when it returns. */
OVP_API ovp_status ovp_run_row(ovp_experiment_run *run, const char *table, const ovp_store_cell *cells);
/* Array kept for arrays.npz, copied. */
OVP_API ovp_status ovp_run_array(ovp_experiment_run *run, const char *name, const ovp_numeric_array *array);
OVP_API ovp_status ovp_run_verdict(ovp_experiment_run *run, const ovp_experiment_verdict *verdict);
OVP_API ovp_status ovp_run_warning(ovp_experiment_run *run, const char *format, ...) OVP_PRINTF(2, 3);
/* Renders now; a missing gnuplot becomes a warning. */
OVP_API ovp_status ovp_run_figure(ovp_experiment_run *run, const ovp_figure *figure);
/* weights.npz: copied until the end of the run, written with the model's and the data's description. */
OVP_API ovp_status ovp_run_weight(ovp_experiment_run *run, const char *name, const ovp_numeric_array *array);

#ifdef __cplusplus
}
#endif
#endif
