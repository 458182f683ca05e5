/* The regression sets of the depth-limit experiment (dataset.py of the program residual-network), in torch's
 * arithmetic: every step is rounded to the type of the set, and so are the numbers that Python holds as doubles. */
#include "data/synthetic_int.h"

#include <float.h>
#include <math.h>

#define PI 3.14159265358979323846
#define MAX_DRAWS 10

static void defaults(ovp_data_synthetic_options *o) {
    o->train = 100000;
    o->inputs = OVP_INPUTS_UNIFORM;
    o->noise = 0.0;
    o->c = 0.01;
}

/* (rand - 1/2) * 2 * half_width into x[0..n-1]; the first two steps are exact. */
static void draw_symmetric(const ovp_data_synthetic_options *o, ovp_idx n, double half_width, double *x) {
    ovp_data_draw_numbers(o->rng, OVP_DRAW_UNIFORM, o->type, n, 0.0, 1.0, x);
    for (ovp_idx i = 0; i < n; i++) {
        double u = ovp_data_in_type(o->type, x[i]);
        x[i] = ovp_data_in_type(o->type, (u - 0.5) * 2.0 * half_width);
    }
}

static void draw_noise(const ovp_data_synthetic_options *o, ovp_idx n, double *noise) {
    if (o->noise > 0.0) ovp_data_draw_numbers(o->rng, OVP_DRAW_NORMAL, o->type, n, 0.0, o->noise, noise);
}

/* ---- constant ---------------------------------------------------------------------------------------- */

static ovp_status constant_check(ovp_ctx *ctx, const char *name, const ovp_data_synthetic_options *o) {
    if (isfinite(o->c)) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: c = %g; a finite number expected", name, o->c);
}

static ovp_status constant_begin(ovp_data_maker *maker) {
    maker->set->c = maker->options->c;
    maker->set->half_width = 1.0;
    return OVP_OK;
}

static ovp_status constant_draw(ovp_data_maker *maker, ovp_idx *rows, double *x, double *noise) {
    draw_symmetric(maker->options, *rows, 1.0, x);
    draw_noise(maker->options, *rows, noise);
    return OVP_OK;
}

static ovp_status constant_targets(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x,
                                   double *y) {
    (void)ctx, (void)x;
    for (ovp_idx i = 0; i < rows; i++) y[i] = set->c;
    return OVP_OK;
}

/* ---- sin --------------------------------------------------------------------------------------------- */

/* K = exp(-4 c) / (8 N); inputs lie within +-sqrt(K). N: the training samples. */
static double separation(const ovp_data_synthetic_options *o) {
    return exp(-4.0 * o->c) / (double)o->train / 8.0;
}

static ovp_status sin_check(ovp_ctx *ctx, const char *name, const ovp_data_synthetic_options *o) {
    double k = separation(o), least = o->type == OVP_F32 ? (double)FLT_MIN : DBL_MIN;
    double most = o->type == OVP_F32 ? (double)FLT_MAX : DBL_MAX;
    if (k >= least && k <= most) return OVP_OK; /* not if c is nan */
    return ovp_fail(ctx, OVP_EINVAL, "%s: c = %g makes exp(-4 c) / (8 n) = %g, which the type of the set cannot hold",
                    name, o->c, k);
}

static ovp_status sin_begin(ovp_data_maker *maker) {
    maker->set->c = maker->options->c;
    maker->set->half_width = sqrt(separation(maker->options));
    return OVP_OK;
}

/* x is refused where |x| is over the half width or its product with any input reaches K. Products are monotone in the
 * other factor, so the largest and the smallest input tell. Returns the number refused. */
static ovp_idx mark_refused(const ovp_data_maker *maker, ovp_idx n, const double *x, unsigned char *refused) {
    ovp_numeric_type type = maker->options->type;
    double bound = ovp_data_in_type(type, separation(maker->options));
    double reach = ovp_data_in_type(type, maker->set->half_width), top = x[0], bottom = x[0];
    ovp_idx count = 0;
    for (ovp_idx i = 1; i < n; i++) {
        top = fmax(top, x[i]);
        bottom = fmin(bottom, x[i]);
    }
    for (ovp_idx i = 0; i < n; i++) {
        double largest = fmax(ovp_data_in_type(type, x[i] * top), ovp_data_in_type(type, x[i] * bottom));
        refused[i] = fabs(x[i]) > reach || largest >= bound;
        count += refused[i];
    }
    return count;
}

/* All are drawn, then the refused ones again, up to MAX_DRAWS draws in all; who is refused then is left out. */
static ovp_status sin_draw(ovp_data_maker *maker, ovp_idx *rows, double *x, double *noise) {
    ovp_status status = OVP_OK;
    ovp_idx n = *rows, bad = n, kept = 0;
    unsigned char *refused = NULL;
    double *fresh = NULL, reach = ovp_data_in_type(maker->options->type, maker->set->half_width);
    OVP_TRY(ovp_alloc(maker->ctx, &refused, n, 1));
    OVP_TRY(ovp_alloc(maker->ctx, &fresh, n, sizeof(*fresh)));
    for (ovp_idx i = 0; i < n; i++) refused[i] = 1;
    for (int draws = 0; bad > 0 && draws < MAX_DRAWS; draws++) {
        draw_symmetric(maker->options, bad, reach, fresh);
        for (ovp_idx i = 0, next = 0; i < n; i++) {
            if (refused[i]) x[i] = fresh[next++];
        }
        bad = mark_refused(maker, n, x, refused);
    }
    for (ovp_idx i = 0; i < n; i++) {
        if (!refused[i]) x[kept++] = x[i];
    }
    if (kept == 0) status = ovp_fail(maker->ctx, OVP_ENUMERIC, "sin: none of %lld inputs was accepted", (long long)n);
    *rows = kept;
    draw_noise(maker->options, kept, noise);
done:
    ovp_free(maker->ctx, refused);
    ovp_free(maker->ctx, fresh);
    return status;
}

static ovp_status sin_targets(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x,
                              double *y) {
    double pi = ovp_data_in_type(set->type, PI), reach = ovp_data_in_type(set->type, set->half_width);
    (void)ctx;
    for (ovp_idx i = 0; i < rows; i++) {
        double scaled = ovp_data_in_type(set->type, pi * x[i]);
        y[i] = sin(ovp_data_in_type(set->type, scaled / reach));
    }
    return OVP_OK;
}

extern const ovp_data_synthetic_kind ovp_data_synthetic_sin, ovp_data_synthetic_constant;
const ovp_data_synthetic_kind ovp_data_synthetic_sin = {.defaults = defaults,
                                                        .check = sin_check,
                                                        .begin = sin_begin,
                                                        .draw = sin_draw,
                                                        .targets = sin_targets,
                                                        .one_dimensional = 1};
const ovp_data_synthetic_kind ovp_data_synthetic_constant = {.defaults = defaults,
                                                             .check = constant_check,
                                                             .begin = constant_begin,
                                                             .draw = constant_draw,
                                                             .targets = constant_targets,
                                                             .one_dimensional = 1};
