/* The one-dimensional targets of the lazy-training practical (experiment lazy-1d), drawn point by point: one uniform,
 * then one normal, also when the noise is 0. */
#include "data/synthetic_int.h"

#include <math.h>

static void defaults(ovp_data_synthetic_options *o) {
    o->train = 15;
    o->inputs = OVP_INPUTS_UNIFORM;
    o->noise = 0.0;
}

static ovp_status draw(ovp_data_maker *maker, ovp_idx *rows, double *x, double *noise) {
    const ovp_data_synthetic_options *o = maker->options;
    for (ovp_idx i = 0; i < *rows; i++) {
        ovp_data_draw_numbers(o->rng, OVP_DRAW_UNIFORM, o->type, 1, o->low, o->high, x + i);
        ovp_data_draw_numbers(o->rng, OVP_DRAW_NORMAL, o->type, 1, 0.0, o->noise, noise + i);
    }
    return OVP_OK;
}

static double simple(double x) {
    return fmax(0.3 * x, 0.0);
}

static double middle(double x) {
    return fabs(x + 0.5) - 2.0 * fmax(x - 0.5, 0.0) - 0.4;
}

static double complicated(double x) {
    return sin(10.0 * x) * cos(2.0 * x + 1.0);
}

static ovp_status map(double (*f)(double), ovp_idx rows, const double *x, double *y) {
    for (ovp_idx i = 0; i < rows; i++) y[i] = f(x[i]);
    return OVP_OK;
}

static ovp_status simple_targets(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x,
                                 double *y) {
    (void)set, (void)ctx;
    return map(simple, rows, x, y);
}

static ovp_status middle_targets(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x,
                                 double *y) {
    (void)set, (void)ctx;
    return map(middle, rows, x, y);
}

static ovp_status complex_targets(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x,
                                  double *y) {
    (void)set, (void)ctx;
    return map(complicated, rows, x, y);
}

extern const ovp_data_synthetic_kind ovp_data_synthetic_simple, ovp_data_synthetic_middle, ovp_data_synthetic_complex;
const ovp_data_synthetic_kind ovp_data_synthetic_simple = {
    .defaults = defaults, .draw = draw, .targets = simple_targets, .one_dimensional = 1};
const ovp_data_synthetic_kind ovp_data_synthetic_middle = {
    .defaults = defaults, .draw = draw, .targets = middle_targets, .one_dimensional = 1};
const ovp_data_synthetic_kind ovp_data_synthetic_complex = {
    .defaults = defaults, .draw = draw, .targets = complex_targets, .one_dimensional = 1};
