/* y = W^T x + b and y = sin(W^T x + b), plus noise: the regression sets of DL_theory_exp
 * (datasets/synthetic_dataset.py there). Drawn: W (features x outputs) and b unless given,
 * X, noise; noise and b also where their scale is 0. */
#include "data/synthetic_int.h"

#include <math.h>
#include <string.h>

#define PUBLISHED_NOISE 0.1

static void linear_defaults(ovp_data_synthetic_options *options) {
    (void)options; /* they are everybody's */
}

static ovp_status check_finite(ovp_ctx *ctx, const char *name, const char *what, ovp_idx n, const double *values) {
    for (ovp_idx i = 0; values && i < n; i++) {
        if (!isfinite(values[i])) {
            return ovp_fail(ctx, OVP_EINVAL, "%s: %s %lld is %g; a finite number expected", name, what, (long long)i,
                            values[i]);
        }
    }
    return OVP_OK;
}

static ovp_status check(ovp_ctx *ctx, const char *name, const ovp_data_synthetic_options *o) {
    if (!(o->bias_scale >= 0.0) || !isfinite(o->bias_scale)) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: bias scale %g; a standard deviation of 0 or more expected", name,
                        o->bias_scale);
    }
    if (o->features > INT64_MAX / o->outputs) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld features times %lld outputs are too many", name,
                        (long long)o->features, (long long)o->outputs);
    }
    ovp_status status = check_finite(ctx, name, "weight", o->features * o->outputs, o->weights);
    return status == OVP_OK ? check_finite(ctx, name, "bias", o->outputs, o->bias) : status;
}

static ovp_status sinusoidal_check(ovp_ctx *ctx, const char *name, const ovp_data_synthetic_options *o) {
    if (o->published && o->outputs != 1) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld outputs; the published variant has 1", name, (long long)o->outputs);
    }
    return check(ctx, name, o);
}

static void take_or_draw(ovp_data_maker *maker, ovp_numeric_array *to, const double *given, double scale) {
    const ovp_data_synthetic_options *o = maker->options;
    ovp_idx n = ovp_numeric_array_count(to);
    if (given) {
        memcpy(to->data, given, sizeof(double) * (size_t)n);
    } else {
        ovp_data_draw_numbers(o->rng, OVP_DRAW_NORMAL, o->type, n, 0.0, scale, to->data);
    }
}

static ovp_status begin(ovp_data_maker *maker) {
    ovp_status status = OVP_OK;
    const ovp_data_synthetic_options *o = maker->options;
    ovp_data_synthetic_set *set = maker->set;
    OVP_TRY(
        ovp_numeric_array_create(&set->weights, maker->ctx, OVP_F64, 2, (const ovp_idx[]){o->features, o->outputs}));
    OVP_TRY(ovp_numeric_array_create(&set->bias, maker->ctx, OVP_F64, 1, &o->outputs));
    take_or_draw(maker, &set->weights, o->weights, 1.0);
    take_or_draw(maker, &set->bias, o->bias, o->bias_scale);
done:
    return status;
}

/* The published class hands its noise option to nobody: 0.1 is the base class's default. */
static ovp_status sinusoidal_begin(ovp_data_maker *maker) {
    if (maker->options->published) maker->set->noise = PUBLISHED_NOISE;
    return begin(maker);
}

static ovp_status linear_targets(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x,
                                 double *y) {
    const double *w = set->weights.data, *b = set->bias.data;
    (void)ctx;
    for (ovp_idx i = 0; i < rows; i++, x += set->features) {
        for (ovp_idx c = 0; c < set->outputs; c++) {
            double sum = 0.0;
            for (ovp_idx k = 0; k < set->features; k++) sum += x[k] * w[k * set->outputs + c];
            *y++ = sum + b[c];
        }
    }
    return OVP_OK;
}

static ovp_status sinusoidal_targets(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x,
                                     double *y) {
    ovp_status status = linear_targets(set, ctx, rows, x, y);
    for (ovp_idx i = 0; i < rows * set->outputs; i++) y[i] = sin(y[i]);
    return status;
}

extern const ovp_data_synthetic_kind ovp_data_synthetic_linear, ovp_data_synthetic_sinusoidal;
const ovp_data_synthetic_kind ovp_data_synthetic_linear = {
    .defaults = linear_defaults, .check = check, .begin = begin, .targets = linear_targets, .always_noise = 1};
const ovp_data_synthetic_kind ovp_data_synthetic_sinusoidal = {.defaults = linear_defaults,
                                                               .check = sinusoidal_check,
                                                               .begin = sinusoidal_begin,
                                                               .targets = sinusoidal_targets,
                                                               .always_noise = 1};
