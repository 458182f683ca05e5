/* Over many sigma_w and sigma_b: the grid of fixed points, and the edge of chaos. */
#include "theory/theory_int.h"

#include <math.h>

/* ---- grid -------------------------------------------------------------------------------------------- */

typedef struct diagram {
    ovp_theory_fixed_point *out;
    const ovp_theory_mean_field_options *options;
    ovp_idx b_count;
    const double *sigma_w, *sigma_b;
} diagram;

static ovp_status create_at(ovp_theory_mean_field **out, ovp_ctx *ctx, const ovp_theory_mean_field_options *options,
                            double sigma_w, double sigma_b) {
    ovp_theory_mean_field_options here = *options;
    here.sigma_w = sigma_w;
    here.sigma_b = sigma_b;
    return ovp_theory_mean_field_create(out, ctx, &here);
}

static ovp_status one_point(ovp_ctx *worker, void *arg, ovp_idx task) {
    const diagram *d = arg;
    ovp_theory_mean_field *field;
    ovp_status status =
        create_at(&field, worker, d->options, d->sigma_w[task / d->b_count], d->sigma_b[task % d->b_count]);
    if (status != OVP_OK) return status;
    status = ovp_theory_fixed_point_try(&d->out[task], worker, field);
    ovp_theory_mean_field_free(field);
    return status == OVP_ENUMERIC ? OVP_OK : status;
}

ovp_status ovp_theory_phase_diagram(ovp_theory_fixed_point *out, ovp_ctx *ctx,
                                    const ovp_theory_mean_field_options *options, ovp_idx w_count,
                                    const double *sigma_w, ovp_idx b_count, const double *sigma_b) {
    diagram d = {out, options, b_count, sigma_w, sigma_b};
    if (w_count < 1 || b_count < 1 || w_count > 100000 || b_count > 100000)
        return ovp_fail(ctx, OVP_EINVAL, "phase diagram: %lld x %lld points; allowed: 1..100000 each",
                        (long long)w_count, (long long)b_count);
    return ovp_parallel(ctx, w_count * b_count, one_point, &d);
}

/* ---- edge of chaos ----------------------------------------------------------------------------------- */

#define SCAN_STEPS 220
#define SCAN_LOW 1e-12
#define SCAN_HIGH 1e10

typedef struct edge {
    ovp_ctx *ctx;
    const ovp_theory_mean_field *field; /* of sigma_w = 1: its moments only */
} edge;

/* How far q is from being a fixed point at the sigma_w where chi_1(q) = 1, relative to q. */
static ovp_status edge_excess(double *out, void *user, double q) {
    const edge *e = user;
    double square = 0, slope = 0;
    ovp_status status;
    OVP_TRY(ovp_theory_moment(&square, NULL, e->ctx, e->field, OVP_MOMENT_SQUARE, q));
    OVP_TRY(ovp_theory_moment(&slope, NULL, e->ctx, e->field, OVP_MOMENT_SLOPE, q));
    *out = (square / slope + e->field->b2) / q - 1;
done:
    return status;
}

/* *sigma_w for this q, or 0 where the fixed point that the maps reach there is another one. */
static ovp_status candidate(double *sigma_w, const edge *e, double q) {
    ovp_theory_mean_field there = *e->field;
    ovp_theory_fixed_point found;
    double slope = 0;
    ovp_status status = ovp_theory_moment(&slope, NULL, e->ctx, e->field, OVP_MOMENT_SLOPE, q);
    *sigma_w = 0;
    if (status != OVP_OK || !(slope > 0) || isinf(slope)) return status;
    there.w2 = 1 / slope;
    status = ovp_theory_fixed_point_try(&found, e->ctx, &there);
    if (status == OVP_OK && fabs(found.chi_1 - 1) <= 1e-7) *sigma_w = sqrt(there.w2);
    if (status != OVP_ENUMERIC) return status;
    ovp_clear(e->ctx);
    return OVP_OK;
}

static ovp_status scan(double *best, edge *e) {
    double before = 0, here = 0, q = 0, q_before = 0, sigma_w = 0;
    ovp_status status = OVP_OK;
    for (int i = 0; i <= SCAN_STEPS; i++, before = here, q_before = q) {
        q = SCAN_LOW * pow(SCAN_HIGH / SCAN_LOW, (double)i / SCAN_STEPS);
        status = edge_excess(&here, e, q);
        if (status == OVP_ENUMERIC && i) break; /* out of the integrals' reach: nothing to be found further on */
        if (status != OVP_OK) return status;
        if (i == 0 || (here > 0) == (before > 0)) continue;
        OVP_TRY(ovp_numeric_root(&q_before, e->ctx, edge_excess, e, q_before, q, 0));
        OVP_TRY(candidate(&sigma_w, e, q_before));
        if (sigma_w >= 0.01 && sigma_w <= 100 && !(*best > 0 && *best <= sigma_w)) *best = sigma_w;
    }
    if (status == OVP_ENUMERIC) {
        ovp_clear(e->ctx);
        status = OVP_OK;
    }
done:
    return status;
}

ovp_status ovp_theory_edge_of_chaos(double *sigma_w, ovp_ctx *ctx, const char *activation, double sigma_b) {
    const ovp_theory_mean_field_options options = {
        .size = sizeof options, .activation = activation, .sigma_w = 1, .sigma_b = sigma_b, .tolerance = 1e-12};
    ovp_theory_mean_field *field = NULL;
    double best = 0;
    ovp_status status;
    OVP_TRY(ovp_theory_mean_field_create(&field, ctx, &options));
    edge e = {ctx, field};
    /* Without biases lengths may die out at the edge itself: q = 0. Pieces: sigma_b decides alone. */
    if (field->at_zero && !(field->b2 > 0)) OVP_TRY(candidate(&best, &e, 0));
    if (field->form == OVP_FORM_NONE || field->form == OVP_FORM_ERF)
        if (!(best > 0)) OVP_TRY(scan(&best, &e));
    if (best > 0)
        *sigma_w = best;
    else
        status = ovp_fail(ctx, OVP_ENUMERIC,
                          "edge of chaos: chi_1 of %s does not pass 1 at a fixed point for sigma_b = %g and sigma_w in "
                          "0.01..100",
                          activation, sigma_b);
done:
    ovp_theory_mean_field_free(field);
    return status;
}
