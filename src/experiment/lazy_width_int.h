/* experiment, internal: lazy-width's prediction, published numbers and verdicts, apart from its run (and testable with
 * made-up numbers). */
#ifndef OVP_LAZY_WIDTH_INT_H
#define OVP_LAZY_WIDTH_INT_H

#include "study.h"

#include <overparam/data.h>
#include <overparam/train.h>

/* One trained net; measures are NaN where training diverged. */
typedef struct lazy_width_row {
    ovp_idx width, member;
    int64_t seed;
    double relative_change, relative_change_l2, final_loss, train_accuracy, test_accuracy;
    double ntk_change;   /* NaN: not measured, or diverged */
    ovp_idx diverged_at; /* 0: did not */
} lazy_width_row;

typedef struct lazy_width_rows {
    lazy_width_row *items; /* seed by seed, widths in the given order */
    ovp_idx count;
    double *losses; /* count x epochs */
    ovp_idx epochs;
} lazy_width_rows;

/* What the prediction of the movement needs to know of a configuration. */
typedef struct lazy_width_theory {
    double inputs, outputs, input_norm; /* d, c, root mean square of ||x|| */
    const char *init, *activation, *lr_scaling;
    int bias;
    const char *parametrization; /* NULL: standard; other ones have their own init */
} lazy_width_theory;

/* Whether --parametrization is "standard". */
int lazy_width_is_standard(const ovp_params *params);
/* --lr-scaling; "auto" is "inverse-sqrt" in the standard parametrisation and "none" in the others, which bring a
 * scaling of their own. By value alone: a run restored from its manifest, which names every key, is the same run. */
const char *lazy_width_lr_scaling(const ovp_params *params);
/* --init, or "parametrization" where the parametrisation has draws of its own. */
const char *lazy_width_init(const ovp_params *params);

/* Predicted relative change at a width up to a factor common to all widths (equal numbers of effective steps; derived
 * in lazy_width_theory.c); NaN where the rule has no prediction. */
double lazy_width_movement(const lazy_width_theory *theory, double width);
/* Exponent that a power-law fit finds in that prediction over these widths; NaN if there is none. */
double lazy_width_exponent(ovp_ctx *ctx, const lazy_width_theory *theory, const double *widths, ovp_idx count);
/* Width above which the initial outputs of a mean-field or mup net are below 1, sigma_w^2 E phi(z)^2: their limit,
 * where they vanish, is nothing to go by below it. 0 for the others, NaN for an unknown activation. */
double lazy_width_limit_from(const lazy_width_theory *theory);
/* Learning rate's factor at a width. */
double lazy_width_lr_factor(const char *scaling, double width);

/* The published table, in its order. */
typedef struct lazy_width_published {
    ovp_idx width;
    double relative_change, final_loss, test_accuracy;
    double bar_change, bar_loss, bar_accuracy; /* allowed deviation: relative, relative, absolute */
} lazy_width_published;
const lazy_width_published *lazy_width_published_rows(ovp_idx *count);
/* Whether a run with these parameters repeats the published one: everything equal, widths a leading part of the
 * published list (a later net depends on what the earlier ones drew), its seed among the seeds. */
int lazy_width_is_published(const ovp_params *params, const int64_t *seeds, ovp_idx seed_count);
#define LAZY_WIDTH_PUBLISHED_SEED 42

/* A measure of a row. */
typedef double (*lazy_width_value)(const lazy_width_row *row);
double lazy_width_change_of(const lazy_width_row *row);
double lazy_width_ntk_of(const lazy_width_row *row);
/* Exponent of a measure against width for each seed, NaN where a seed has fewer than two usable widths. */
ovp_status lazy_width_exponents(double *exponents, ovp_ctx *ctx, const lazy_width_rows *rows, lazy_width_value value,
                                const int64_t *seeds, ovp_idx seed_count);
void lazy_width_judge_falls(study_verdict *out, const double *exponents, ovp_idx seed_count);
/* What is predicted of relative_change: an exponent, NaN where there is none. */
typedef struct lazy_width_prediction {
    double exponent;
    const char *parametrization; /* NULL: standard */
    double limit_from;           /* see above; 0 where it is no obstacle */
} lazy_width_prediction;
void lazy_width_judge_exponent(study_verdict *out, const double *exponents, ovp_idx seed_count,
                               const lazy_width_prediction *prediction);
/* exponents: of ntk_change. It falls (standard, ntk), or does not vanish (mean-field, mup). */
void lazy_width_judge_ntk(study_verdict *out, const double *exponents, ovp_idx seed_count, const char *parametrization);
ovp_status lazy_width_judge_accuracy(study_verdict *out, ovp_ctx *ctx, const lazy_width_rows *rows,
                                     const int64_t *seeds, ovp_idx seed_count);
void lazy_width_judge_published(study_verdict *out, const lazy_width_rows *rows);

/* lazy_width_ntk.c: the empirical NTK of a net on the first images, before and after its training. */
typedef struct lazy_width_kernel {
    ovp_idx rows, side; /* images; images times classes */
    double *start, *end;
} lazy_width_kernel;
enum { LAZY_WIDTH_NTK_IMAGES = 64 };
/* Kernel at theta into start; free with lazy_width_kernel_free. */
ovp_status lazy_width_kernel_start(lazy_width_kernel *out, ovp_ctx *ctx, const ovp_net_model *model,
                                   const ovp_data_set *data, const void *theta);
/* Relative Frobenius change from start to theta. */
ovp_status lazy_width_kernel_change(double *change, lazy_width_kernel *kernel, ovp_ctx *ctx, const ovp_net_model *model,
                                    const ovp_data_set *data, const void *theta);
void lazy_width_kernel_free(ovp_ctx *ctx, lazy_width_kernel *kernel);
/* Bytes that measuring needs besides the net. */
ovp_status lazy_width_kernel_memory(int64_t *bytes, ovp_ctx *ctx, const ovp_net_dense_options *options,
                                    const ovp_data_set *data);

/* lazy_width_results.c: arrays, summaries, verdicts and figures from the finished rows. */
ovp_status lazy_width_conclude(ovp_experiment_run *run, lazy_width_rows *rows, const ovp_data_set *data);

#endif
