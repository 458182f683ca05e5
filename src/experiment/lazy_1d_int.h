/* experiment, internal: lazy-1d's settings, nets, prediction and results, apart from its declaration. */
#ifndef OVP_LAZY_1D_INT_H
#define OVP_LAZY_1D_INT_H

#include "study.h"

#include <overparam/data.h>

enum {
    LAZY_1D_GRID = 1000,     /* even points from x-min to x-max: functions and risk */
    LAZY_1D_MEASURES = 3,    /* movements with a prediction: all, last layer, output bias */
    LAZY_1D_GAP_STEPS = 1000 /* the last step that table precision compares */
};
extern const char *const lazy_1d_measures[LAZY_1D_MEASURES]; /* columns of table models */

/* The keys with the mode's values where a key is left at its "mode's own" value. Borrows from params. */
typedef struct lazy_1d_setup {
    const char *mode, *target, *model; /* model: "shallow" or "deep" */
    int torch, gap;
    ovp_idx n, width_count, members, steps, batch, record_every;
    const int64_t *widths;
    double noise, lr, low, high, target_loss;
    ovp_idx bad_steps; /* steps of rate bad_lr before the training proper */
    double bad_lr;
    ovp_numeric_type type;
    const char *engine;
} lazy_1d_setup;
void lazy_1d_setup_read(lazy_1d_setup *out, const ovp_params *params);
/* Mini-batches that leave points out; else every step takes all n points. */
int lazy_1d_mini(const lazy_1d_setup *setup);

/* One seed's data. */
typedef struct lazy_1d_data {
    ovp_data_synthetic_set set;
    ovp_net_targets targets;
    double *x64, *y64;            /* as trained on (rounded to the nets' type), widened */
    double *f;                    /* LAZY_1D_GRID noiseless targets */
    ovp_net_targets wide_targets; /* y64, for f64 twins of f32 nets */
} lazy_1d_data;

/* One net: where it comes from, its training, and what was measured (NaN where it diverged). */
typedef struct lazy_1d_net {
    study_net net, twin;                 /* twin: in f64, with --gap */
    ovp_numeric_rng *order, *twin_order; /* streams of the mini-batches, or NULL */
    ovp_idx width, member, seed_at;      /* seed_at: index of the seed */
    int64_t seed;
    const struct lazy_1d_lab *lab;
    double *losses, *twin_losses; /* steps; gap steps */
    double *movement, *step_size; /* at the recorded steps */
    double *start, *end;          /* functions on the grid */
    ovp_idx cursor;               /* recorded steps behind */
    void *before;                 /* theta one step before the next recorded one */
    double first_bias;            /* output bias after the first update */
    double final_loss, moved[LAZY_1D_MEASURES], moved_published, risk, steps_to_loss;
    ovp_idx done, diverged_at; /* steps made; 0: did not diverge */
    double seconds;
    int finished;
} lazy_1d_net;

typedef struct lazy_1d_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    lazy_1d_setup setup;
    const int64_t *seeds;
    ovp_idx seed_count, per_seed; /* nets a seed, seed by seed in nets[] */
    lazy_1d_data *data;           /* one a seed */
    lazy_1d_net *nets;
    ovp_idx count;
    ovp_idx *records, record_count; /* steps at which movement and step size are taken */
    ovp_idx *watches, watch_count;  /* those, the steps before them, the first and the last */
    double *block;                  /* everything the nets' pointers above point to */
    void *grid;                     /* LAZY_1D_GRID inputs of the nets' type */
    double *grid64;
} lazy_1d_lab;

/* ---- lazy_1d_nets.c ------------------------------------------------------------------------------ */

/* Refuses what would not fit into memory, for `check`. */
ovp_status lazy_1d_check_memory(ovp_ctx *ctx, const ovp_params *params);
/* Everything before the first step of the training proper: data, nets in the order of their draws, their bad steps.
 * Freed with lazy_1d_lab_free, also after a failure. */
ovp_status lazy_1d_lab_create(lazy_1d_lab *lab, ovp_experiment_run *run);
/* Trains them side by side, twins too. Also when interrupted, those that came to their end are `finished`. */
ovp_status lazy_1d_lab_train(lazy_1d_lab *lab);
void lazy_1d_lab_free(lazy_1d_lab *lab);
/* Shuffles that `steps` steps of "cycle" make. */
ovp_idx lazy_1d_shuffles(ovp_idx n, ovp_idx batch, ovp_idx steps);
/* Recorded steps: multiples of every and the last step, or (every 0) about 30 a decade from 1 on. out: room for what
 * the call with out NULL returns. */
ovp_idx lazy_1d_records(ovp_idx *out, ovp_idx steps, ovp_idx every);

/* ---- lazy_1d_theory.c ---------------------------------------------------------------------------- */

/* What linearised training of a shallow net of torch's default initialisation does to the root mean square of its
 * parameters: predicted movements (relative, as the table's) and training loss; NaN where the steps are unstable. */
typedef struct lazy_1d_prediction {
    double moved[LAZY_1D_MEASURES], loss;
} lazy_1d_prediction;
enum { LAZY_1D_THEORY_POINTS = 200 }; /* most points of data that a prediction is made for */
ovp_status lazy_1d_predict(lazy_1d_prediction *out, ovp_ctx *ctx, ovp_idx n, const double *x, const double *y,
                           double width, double lr, ovp_idx steps);
/* Whether the run is one that the prediction is for: shallow, full batch, no bad start, few enough points. */
int lazy_1d_predicts(const lazy_1d_setup *setup);
/* E phi(wx+b) phi(wz+b) and E phi'(wx+b) phi'(wz+b) for ReLU and w, b uniform on [-1, 1]; exact. */
void lazy_1d_expectations(double x, double z, double *value, double *slope);

/* ---- lazy_1d_results.c, lazy_1d_figures.c -------------------------------------------------------- */

/* Rows of the nets that finished, arrays, summaries, verdicts, figures. */
ovp_status lazy_1d_conclude(lazy_1d_lab *lab);

/* Per seed: fitted exponents of the measures and of their predictions; NaN where there is none. */
typedef struct lazy_1d_exponents {
    double *measured[LAZY_1D_MEASURES], *predicted[LAZY_1D_MEASURES]; /* measured[0] owns the block */
    double *steps_to_loss;
} lazy_1d_exponents;
/* How far nets of one width and seed are from each other, at the end over the start: root mean square of their
 * deviation on the grid. One a seed; NaN with fewer than two nets. */
void lazy_1d_spread(double *per_seed, const lazy_1d_lab *lab);

void lazy_1d_judge_falls(study_verdict *out, const double *exponents, ovp_idx seeds);
void lazy_1d_judge_exponent(study_verdict *out, int measure, const double *exponents, const double *predicted,
                            ovp_idx seeds);
void lazy_1d_judge_ratio(study_verdict *out, ovp_idx width, const double *ratios, ovp_idx seeds);
void lazy_1d_judge_steps(study_verdict *out, const double *exponents, ovp_idx seeds, double target_loss);
void lazy_1d_judge_spread(study_verdict *out, const double *spreads, ovp_idx seeds);
void lazy_1d_judge_published(study_verdict *out, const double *ratios, ovp_idx seeds);

ovp_status lazy_1d_figures(lazy_1d_lab *lab, const lazy_1d_exponents *exponents);

#endif
