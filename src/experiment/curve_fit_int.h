/* experiment, internal: curve-fit. */
#ifndef OVP_CURVE_FIT_INT_H
#define OVP_CURVE_FIT_INT_H

#include "study.h"

/* One series and its fit. t and y as read; kept: the points that preparation left, whose scaled t stand in x. */
typedef struct curve_series {
    char *group;  /* what tells it apart from others, its seed aside */
    int64_t seed; /* if has_seed */
    int has_seed;
    ovp_idx n, used;
    double *t, *y;      /* n each; one block that t owns, x and kept_y in it too */
    double *x, *kept_y; /* used each */
    ovp_measure_decay fit;
    double lag; /* correlation of a residual with the next one */
    int fitted; /* enough points were left */
} curve_series;

typedef struct curve_input {
    curve_series *series;
    ovp_idx count, capacity;
    char *source; /* folder or file; NULL: made here */
    char *y_label;
} curve_input;

/* ---- curve_fit_input.c --------------------------------------------------------------------------- */

int curve_input_is_synthetic(const ovp_params *params);
/* The series that --input and its companions name. Free with curve_input_free, also after a failure. Errors name the
 * key; OVP_ENOTFOUND, OVP_EFORMAT, OVP_ECONFIG, OVP_EINVAL, OVP_ELIMIT, OVP_ENOMEM. */
ovp_status curve_input_read(curve_input *out, ovp_ctx *ctx, const ovp_params *params);
/* A new series of n points, t and y to be filled, at the end. */
ovp_status curve_input_add(curve_series **out, ovp_ctx *ctx, curve_input *input, const char *group, ovp_idx n);
void curve_input_free(ovp_ctx *ctx, curve_input *input);

/* The published preparation: indices of the points that stay, rising, into kept (room for n); their number. period > 0
 * drops every period-th; then floor(n / window) windows, the first ones longer by one, lose every point equal to their
 * largest or smallest value (window 0: none). Points that are not finite are dropped first. */
ovp_idx curve_fit_keep(ovp_idx *kept, ovp_idx n, const double *t, const double *y, int64_t period, int64_t window);

/* ---- curve_fit_results.c ------------------------------------------------------------------------- */

ovp_status curve_fit_report(ovp_experiment_run *run, const curve_input *input);

#endif
