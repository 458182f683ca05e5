/* experiment, internal: what studies of many small nets share: nets trained side by side, questions to a table of
 * results, verdicts with their words, and the figures that every study has. */
#ifndef OVP_STUDY_H
#define OVP_STUDY_H

#include "experiment_int.h"

#include <overparam/data.h>
#include <overparam/train.h>

#define COUNT(list) ((ovp_idx)(sizeof(list) / sizeof((list)[0])))

/* ---- study_nets.c: nets of one study --------------------------------------------------------------- */

/* One net in training: model (owned unless borrowed), theta, a copy of its start, workspace, batch and trainer. A
 * zeroed struct is an empty one; free with study_net_free. */
typedef struct study_net {
    ovp_net_model *model, *base; /* base: what a composed model borrows; freed after it */
    ovp_net_workspace *workspace;
    ovp_net_batch *batch;
    ovp_train *trainer;
    void *theta, *theta0;
    json_t *how; /* its options, as a description has them */
} study_net;
/* Dense model of these options with theta drawn by `rule` (ovp_net_init, with gain; NULL: left at 0) from rng; theta0 =
 * theta. No trainer yet. */
ovp_status study_net_create(study_net *net, ovp_ctx *ctx, const ovp_net_dense_options *options, const char *rule,
                            double gain, ovp_numeric_rng *rng);
/* Batch, workspace (of at least `rows` rows) and trainer; x: rows x inputs of the model's type; targets borrowed until
 * study_net_free, as are their values. Called again (other options): the old trainer goes, theta stays. */
ovp_status study_net_train(study_net *net, ovp_ctx *ctx, const void *x, ovp_idx rows, const ovp_net_targets *targets,
                           const ovp_train_options *options);
/* theta0 = theta: measure movement from here. */
void study_net_mark(study_net *net);
/* Outputs at theta on any rows (C order, the model's type), in f64: out has rows x outputs values. */
ovp_status study_net_outputs(const study_net *net, ovp_ctx *ctx, const void *theta, const void *x, ovp_idx rows,
                             double *out);
void study_net_free(ovp_ctx *ctx, study_net *net);

/* One net's training among others. */
typedef struct study_job {
    study_net *net;
    ovp_idx steps;
    double *losses; /* `steps` values, NaN after a divergence; or NULL */
    /* Called after each `every` steps (0: never) and before the first, with the steps made so far, on the worker that
     * trains this net: it may touch this job's things only (measure, restart, set_lr), with the context given. */
    ovp_status (*watch)(void *user, ovp_ctx *ctx, ovp_idx done);
    ovp_idx every;
    /* Instead of `every`: watch is called after exactly these steps, ascending; 0: before the first. */
    const ovp_idx *at;
    ovp_idx at_count;
    void *user;
    double cost;         /* of one step, in any unit common to the jobs: the dearest begin first; 0: parameters */
    ovp_idx done;        /* out: steps made */
    ovp_idx diverged_at; /* out: 0, or the step whose loss was the first not to be finite; the job ended there */
    double seconds;      /* out: of its steps and watches */
} study_job;
/* All jobs side by side, one worker a job; a single job uses the threads inside its steps. The same bits for any number
 * of threads. Progress counts steps of all jobs; a cancellation (OVP_EINTERRUPTED) leaves finished jobs finished. */
ovp_status study_train(ovp_experiment_run *run, const char *stage, study_job *jobs, ovp_idx count);

/* The stream of an initialisation or of data under --rng: torch and numpy: the kind's one stream of this seed; philox:
 * the stream of (seed, purpose, index). */
ovp_status study_stream(ovp_numeric_rng **out, ovp_experiment_run *run, int64_t seed, ovp_numeric_purpose purpose,
                        uint64_t index);
/* For `check`: refuses seeds that numpy's stream does not have, so that no run folder is made. Data come from that
 * stream with --rng torch or numpy, by data-seed or the seeds; with --rng numpy the rest does too, by the seeds. */
ovp_status study_check_seeds(ovp_ctx *ctx, const ovp_experiment *experiment, const ovp_params *params);
/* For `check`: how many seeds a run with these parameters has. */
ovp_status study_seed_count(ovp_idx *count, ovp_ctx *ctx, const ovp_experiment *experiment, const ovp_params *params);
/* For `check`: OVP_EINVAL if `need` bytes are more than this process may still take. The message: `what` (printf text
 * that ends in need or needs), the two sizes, `advice`. */
ovp_status study_check_memory(ovp_ctx *ctx, double need, const char *advice, const char *what, ...) OVP_PRINTF(4, 5);

/* ---- study_keep.c: what a later run can take up again ----------------------------------------------- */

/* Whether so many values are kept: up to 1e6, or with --save-weights. */
int study_keeps_weights(const ovp_experiment_run *run, ovp_idx values);
/* Weights of a net into weights.npz as "<prefix>.<slice>", under the rule for large ones (--save-weights). */
ovp_status study_keep_weights(ovp_experiment_run *run, const char *prefix, const ovp_net_model *model,
                              const void *theta);
/* How a net is built and trained; borrowed. */
typedef struct study_kept {
    const study_net *net; /* one of these three */
    const ovp_net_dense_options *dense;
    const ovp_net_residual_options *residual;
    const ovp_net_targets *targets; /* loss, reduction, power */
    const char *data;               /* name of its training data, see below */
    double loss;                    /* the last one of the training, before its update; NaN: unknown */
} study_kept;
/* How such a net is built, as it stands in a description. New reference, NULL when out of memory. */
json_t *study_dense_json(const ovp_net_dense_options *options);
/* study_keep_weights, and study_describe_net. */
ovp_status study_keep_net(ovp_experiment_run *run, const char *prefix, const study_kept *kept,
                          const ovp_net_model *model, const void *theta);
/* Under "nets" of the description what past_net.h needs to build a net again whose weights are kept: of a dense one as
 * study_keep_weights does, of a residual one as "<prefix>.blocks" (layers x dim x dim), ".read_in" and ".read_out". */
ovp_status study_describe_net(ovp_experiment_run *run, const char *prefix, const study_kept *kept);

/* Training data of kept nets by value, "<name>.x" (rows x inputs) and "<name>.y" (labels, or rows x outputs) in
 * weights.npz, under the rule for large ones. With labels outputs is the number of classes. */
ovp_status study_keep_data(ovp_experiment_run *run, const char *name, ovp_numeric_type type, ovp_idx rows,
                           ovp_idx inputs, const void *x, ovp_idx outputs, const ovp_net_targets *targets);
/* Training data as they were loaded: ovp_data_choose with these texts and ovp_data_load in this type. */
typedef struct study_dataset {
    const char *dataset;
    ovp_data_text_fn text;
    const void *user;
    ovp_numeric_type type;
    ovp_numeric_rng_kind kind;
    const void *state; /* of the stream before anything was drawn (ovp_numeric_rng_save); NULL: nothing was */
    double share;      /* below 1: of the samples the first that share of a permutation from the stream, as torch's
                        * random_split takes them; 0 or 1: all */
    const char *sum;   /* study_data_sum of what came out */
} study_dataset;
/* Under "sets" of the description how to load them again; the state as "<name>.stream" in weights.npz. */
ovp_status study_describe_data(ovp_experiment_run *run, const char *name, const study_dataset *set);
/* SHA-256 of the first 1e6 training inputs and of the targets. y: int32 labels (outputs 0), or rows x outputs. */
void study_data_sum(char out[65], ovp_numeric_type type, ovp_idx rows, ovp_idx inputs, const void *x, ovp_idx outputs,
                    const void *y);
/* Loads them with this stream and describes them. */
ovp_status study_load_data(ovp_data_set *out, ovp_experiment_run *run, const char *name, const char *dataset,
                           ovp_data_text_fn text, const void *user, ovp_numeric_type type, ovp_numeric_rng *rng);
/* Names of ovp_net_loss, ovp_net_reduction and ovp_numeric_rng_kind in a description, NULL at the end. */
extern const char *const study_losses[], *const study_reductions[], *const study_streams[];

/* Array as a file of its own in the run folder. */
ovp_status study_export_npy(ovp_experiment_run *run, const char *file, const ovp_numeric_array *array);

/* ---- study_table.c: questions to a table ------------------------------------------------------------ */

/* Rows of a table and two of its columns; where[]: only rows whose column has this value (text if not NULL). An empty
 * column name ends the list. */
typedef struct study_query {
    const char *table, *x, *y;
    struct {
        const char *column;
        double value;
        const char *text;
    } where[4];
    double x_from; /* only rows with x >= x_from; 0: all */
} study_query;

/* For each distinct x, ascending: mean, 95 % interval and median of the finite y. */
typedef struct study_points {
    ovp_idx count;
    double *x, *mean, *low, *high, *median; /* x owns the block */
} study_points;
ovp_status study_points_get(study_points *out, ovp_experiment_run *run, const study_query *query);
void study_points_free(ovp_ctx *ctx, study_points *points);

/* Rows by hand: x and y of each and its seed. */
typedef struct study_rows {
    ovp_idx count;
    double *x, *y; /* of a query's rows x owns the block */
    int64_t *seed;
} study_rows;
/* study_exponents of such rows. */
ovp_status study_fit_seeds(double *exponents, double *intercepts, ovp_ctx *ctx, const study_rows *rows,
                           const int64_t *seeds, ovp_idx seed_count);
/* The power of x that y follows, for each seed of the run: least squares in log-log over its rows with positive x and
 * y; NaN with fewer than two different x. exponents: one a seed; intercepts likewise, may be NULL. */
ovp_status study_exponents(double *exponents, double *intercepts, ovp_experiment_run *run, const study_query *query);
/* Mean over finite y of each seed's rows (NaN: none); per_seed: one a seed. */
ovp_status study_seed_means(double *per_seed, ovp_experiment_run *run, const study_query *query);
/* Mean and 95 % interval over the finite values. */
ovp_measure_interval study_over_seeds(const double *values, ovp_idx count);

/* Array for arrays.npz; cols 0: a vector. data is copied. */
ovp_status study_put(ovp_experiment_run *run, const char *name, ovp_numeric_type type, ovp_idx rows, ovp_idx cols,
                     const void *data);

/* ---- study_verdict.c -------------------------------------------------------------------------------- */

typedef struct study_verdict {
    ovp_experiment_verdict verdict; /* .how points to how[] */
    char how[1024];
} study_verdict;
/* Verdict of these numbers; how: printf text; too few seeds are said after it. holds is the caller's judgement
 * (ovp_experiment_judge_near, _above, study_judge_below). */
void study_verdict_fill(study_verdict *out, const char *claim, ovp_measure_interval measured, double predicted,
                        ovp_experiment_holds holds, const char *how, ...) OVP_PRINTF(6, 7);
/* Is a quantity below `bound`: the mirror of ovp_experiment_judge_above. */
ovp_experiment_holds study_judge_below(ovp_measure_interval interval, double bound);
/* A theorem checked at every point: worst = largest deviation in units of its tolerance; holds if <= 1, unclear if
 * nothing was compared (count 0). */
void study_verdict_theorem(study_verdict *out, const char *claim, double worst, ovp_idx count, const char *how, ...)
    OVP_PRINTF(5, 6);

/* ---- study_figure.c --------------------------------------------------------------------------------- */

/* Curves of several groups: the median over a group's rows with the band from lowest to highest (one row: a line).
 * values: rows x steps; group[i] in 0..groups-1 tells whose row i is. x: steps values. */
typedef struct study_curves {
    const char *name, *title, *x_label, *y_label, *caption; /* caption NULL: what the band is */
    int x_log, y_log, ordered;
    ovp_idx rows, steps, groups;
    const double *x, *values;
    const ovp_idx *group;
    const char *const *labels; /* one a group */
    const double *theory;      /* groups x steps or NULL: dashed lines */
    const char *theory_label;  /* NULL: "theory" */
} study_curves;
ovp_status study_figure_curves(ovp_experiment_run *run, const study_curves *curves);

/* Points of a query with intervals, the mean power through them, and a prediction: log-log. exponents: one a seed
 * (study_exponents). predicted: value at x up to a factor fitted to the points, or NULL. */
typedef struct study_power {
    const char *name, *title, *x_label, *y_label, *caption;
    const study_points *points;
    const double *exponents;
    double (*predicted)(const void *user, double x);
    const void *user;
    const char *predicted_label;
    const double *published_x, *published_y; /* published points, or NULL */
    ovp_idx published_count;
} study_power;
ovp_status study_figure_power(ovp_experiment_run *run, const study_power *power);

#endif
