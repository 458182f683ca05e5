/* Random directions of a loss landscape, scaled by what they start from. */
#include <math.h>
#include <overparam/measure.h>
#include <string.h>

/* Whether a slice moves: tensors, and vectors where the options say so. */
static int moves(const ovp_net_slice *slice, const ovp_measure_direction_options *options) {
    return (slice->role == OVP_ROLE_WEIGHT && slice->ndim > 1) || options->vectors;
}

/* Entries of one unit; units of a slice follow each other in C order. */
static ovp_idx unit_size(const ovp_net_slice *slice, ovp_measure_scaling scaling) {
    return scaling == OVP_SCALING_FILTER && slice->ndim > 1 && slice->shape[0] > 0 ? slice->count / slice->shape[0]
                                                                                   : slice->count;
}

/* ---- between C order and theta's ------------------------------------------------------------------- */

/* The offset of the entry after the one at index, which is moved on; C order. */
static ovp_idx step(const ovp_net_slice *slice, ovp_idx index[4], ovp_idx offset) {
    for (int k = slice->ndim - 1; k >= 0; k--) {
        offset += slice->strides[k];
        if (++index[k] < slice->shape[k]) break;
        offset -= slice->shape[k] * slice->strides[k];
        index[k] = 0;
    }
    return offset;
}

static void scatter(const ovp_net_slice *slice, const double *in, double *theta) {
    ovp_idx index[4] = {0, 0, 0, 0}, offset = slice->offset;
    for (ovp_idx i = 0; i < slice->count; i++, offset = step(slice, index, offset)) theta[offset] = in[i];
}

static void gather(const ovp_net_slice *slice, const double *theta, double *out) {
    ovp_idx index[4] = {0, 0, 0, 0}, offset = slice->offset;
    for (ovp_idx i = 0; i < slice->count; i++, offset = step(slice, index, offset)) out[i] = theta[offset];
}

/* in, n values of a type, widened where they stand. */
static void widen(ovp_numeric_type type, ovp_idx n, double *values) {
    if (type != OVP_F32) return;
    const float *narrow = (const float *)(const void *)values;
    for (ovp_idx i = n - 1; i >= 0; i--) {
        float v;
        memcpy(&v, narrow + i, sizeof v); /* from the end: what is overwritten was read */
        values[i] = (double)v;
    }
}

/* ---- vectors ---------------------------------------------------------------------------------------- */

static double dot(ovp_idx n, const double *x, const double *y) {
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static double norm(ovp_idx n, const double *x) {
    return sqrt(dot(n, x, x));
}

static void set_length(ovp_idx n, double length, double *x) {
    const double now = norm(n, x), factor = now > 0 ? length / now : 0;
    for (ovp_idx i = 0; i < n; i++) x[i] *= factor;
}

/* y loses its part along x; twice, because the first time leaves rounding errors of the size of what it takes. */
static void make_orthogonal(ovp_idx n, const double *x, double *y) {
    const double square = dot(n, x, x);
    for (int pass = 0; pass < 2 && square > 0; pass++) {
        const double part = dot(n, x, y) / square;
        for (ovp_idx i = 0; i < n; i++) y[i] -= part * x[i];
    }
}

/* ---- directions ------------------------------------------------------------------------------------- */

static ovp_status check_options(ovp_ctx *ctx, const ovp_measure_direction_options *options) {
    if (isfinite(options->res) && options->res > 0) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "landscape: res %g is not above 0", options->res);
}

/* All entries that move, slice after slice in C order. */
static void draw(const ovp_net_model *model, const ovp_measure_direction_options *options, ovp_numeric_rng *rng,
                 double *out) {
    ovp_idx slices;
    const ovp_net_slice *slice = ovp_net_model_slices(model, &slices);
    for (ovp_idx s = 0; s < slices; s++) {
        if (!moves(&slice[s], options)) continue;
        ovp_numeric_rng_normal(rng, ovp_net_model_type(model), slice[s].count, 0, 1, out);
        widen(ovp_net_model_type(model), slice[s].count, out);
        out += slice[s].count;
    }
}

ovp_status ovp_measure_directions(double *d1, double *d2, ovp_ctx *ctx, const ovp_net_model *model, const void *theta,
                                  const ovp_measure_direction_options *options, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_idx slices;
    const ovp_net_slice *slice = ovp_net_model_slices(model, &slices);
    const ovp_idx parameters = ovp_net_model_parameters(model);
    double *first = NULL, *second = NULL, *start = NULL;
    OVP_TRY(check_options(ctx, options));
    OVP_TRY(ovp_alloc(ctx, &first, parameters, sizeof *first));
    OVP_TRY(ovp_alloc(ctx, &start, parameters, sizeof *start));
    if (d2) OVP_TRY(ovp_alloc(ctx, &second, parameters, sizeof *second));
    memset(d1, 0, (size_t)parameters * sizeof *d1);
    draw(model, options, rng, first);
    if (d2) {
        memset(d2, 0, (size_t)parameters * sizeof *d2);
        draw(model, options, rng, second);
    }
    for (ovp_idx s = 0, at = 0; s < slices; s++) {
        if (!moves(&slice[s], options)) continue;
        const ovp_idx unit = unit_size(&slice[s], options->scaling);
        ovp_net_slice_get(model, &slice[s], theta, start);
        widen(ovp_net_model_type(model), slice[s].count, start);
        for (ovp_idx k = 0; k < slice[s].count; k += unit) {
            const double length = options->res * norm(unit, start + k);
            if (d2 && unit > 1) make_orthogonal(unit, first + at + k, second + at + k);
            set_length(unit, length, first + at + k);
            if (d2) set_length(unit, length, second + at + k);
        }
        scatter(&slice[s], first + at, d1);
        if (d2) scatter(&slice[s], second + at, d2);
        at += slice[s].count;
    }
done:
    ovp_free(ctx, start);
    ovp_free(ctx, second);
    ovp_free(ctx, first);
    return status;
}

/* ---- check ------------------------------------------------------------------------------------------ */

/* | ||d|| / wanted - 1 |; NaN becomes infinity, so that a maximum keeps it. */
static double length_fault(double length, double wanted) {
    const double fault = wanted > 0 ? fabs(length / wanted - 1) : length;
    return isnan(fault) ? (double)INFINITY : fault;
}

ovp_status ovp_measure_directions_check(ovp_measure_direction_faults *out, ovp_ctx *ctx, const ovp_net_model *model,
                                        const void *theta, const ovp_measure_direction_options *options,
                                        const double *d1, const double *d2) {
    ovp_status status = OVP_OK;
    ovp_idx slices;
    const ovp_net_slice *slice = ovp_net_model_slices(model, &slices);
    const ovp_idx parameters = ovp_net_model_parameters(model);
    const double *directions[2] = {d1, d2};
    double *values = NULL;
    *out = (ovp_measure_direction_faults){0, 0};
    OVP_TRY(check_options(ctx, options));
    OVP_TRY(ovp_alloc(ctx, &values, 3 * parameters, sizeof *values));
    double *start = values + 2 * parameters;
    for (ovp_idx s = 0; s < slices; s++) {
        const ovp_idx count = slice[s].count;
        if (!moves(&slice[s], options)) continue;
        const ovp_idx unit = unit_size(&slice[s], options->scaling);
        ovp_net_slice_get(model, &slice[s], theta, start);
        widen(ovp_net_model_type(model), count, start);
        for (int d = 0; d < (d2 ? 2 : 1); d++) {
            double *x = values + d * parameters;
            gather(&slice[s], directions[d], x);
            for (ovp_idx k = 0; k < count; k += unit)
                out->length = fmax(out->length, length_fault(norm(unit, x + k), options->res * norm(unit, start + k)));
        }
        if (!d2) continue;
        const double size = norm(count, values) * norm(count, values + parameters);
        if (size > 0) out->cosine = fmax(out->cosine, fabs(dot(count, values, values + parameters)) / size);
    }
done:
    ovp_free(ctx, values);
    return status;
}
