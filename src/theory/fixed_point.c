/* Fixed points of the q and c maps, and the depth scales at them. */
#include "theory/theory_int.h"

#include <float.h>
#include <math.h>

#define MOST_Q 1e12   /* a q map of the table that passes it never comes back */
#define LEAST_Q 1e-13 /* without biases: below it everything has died out */
#define MOST_MARCH 600
#define CRITICAL 1e-6

/* ---- q* ---------------------------------------------------------------------------------------------- */

typedef struct search {
    ovp_ctx *ctx;
    const ovp_theory_mean_field *field;
    ovp_theory_chord *chord;
    double q, chi_1;
    ovp_idx calls;
} search;

static ovp_status q_excess(double *out, void *user, double q) {
    search *s = user;
    double next = 0;
    ovp_status status = ovp_theory_q_map(&next, NULL, s->ctx, s->field, q);
    s->calls++;
    *out = next - q;
    return status;
}

/* Walks from q = 1 in the direction of the map, by its own steps or by a factor where those are short (near criticality
 * they are), until the excess changes sign: *q and *next then enclose the fixed point. *q = 0: all dies out; INFINITY:
 * it grows without bound. */
static ovp_status enclose(double *q, double *next, search *s) {
    double factor = 1.25, excess, there;
    const int may_die = s->field->at_zero && !(s->field->b2 > 0);
    ovp_status status;
    *q = *next = 1;
    OVP_TRY(q_excess(&excess, s, *q));
    for (int i = 0; i < MOST_MARCH && fabs(excess) > 0; i++) {
        const double mapped = *q + excess;
        *next = excess > 0 ? fmax(mapped, *q * factor) : fmin(mapped, *q / factor);
        if (may_die && *next < LEAST_Q) {
            *q = 0;
            return OVP_OK;
        }
        if (*next > MOST_Q && *q >= MOST_Q) {
            *q = INFINITY;
            return OVP_OK;
        }
        *next = fmin(*next, 2 * MOST_Q);
        OVP_TRY(q_excess(&there, s, *next));
        if ((there > 0) != (excess > 0)) return OVP_OK;
        *q = *next;
        excess = there;
        if (i % 10 == 9) factor = fmin(4, 1.5 * factor);
    }
    if (fabs(excess) > 0)
        status = ovp_fail(s->ctx, OVP_ENUMERIC, "mean field: the q map does not settle within %d steps; last q = %.6g",
                          MOST_MARCH, *q);
    *next = *q;
done:
    return status;
}

/* Activations linear left and right of 0: q' = slope q + sigma_b^2. */
static double linear_q(const ovp_theory_mean_field *field, double slope) {
    if (fabs(slope - 1) <= 8 * DBL_EPSILON) return field->b2 > 0 ? (double)INFINITY : 1; /* every q is a fixed point */
    return slope > 1 ? (double)INFINITY : field->b2 / (1 - slope);
}

static ovp_status find_q(ovp_theory_fixed_point *out, search *s) {
    double q = 0, next = 0, slope = 0, reached = 0;
    ovp_status status = OVP_OK;
    if (s->field->form == OVP_FORM_PIECES) {
        OVP_TRY(ovp_theory_q_slope(&slope, NULL, s->ctx, s->field, 1));
        q = linear_q(s->field, slope);
    } else {
        OVP_TRY(enclose(&q, &next, s));
        if (q > 0 && isfinite(q) && (q < next || q > next))
            OVP_TRY(ovp_numeric_root(&q, s->ctx, q_excess, s, fmin(q, next), fmax(q, next), 0));
    }
    out->q_star = q;
    out->iterations = s->calls;
    if (!isfinite(q)) goto done;
    OVP_TRY(ovp_theory_q_map(&next, &reached, s->ctx, s->field, q));
    OVP_TRY(ovp_theory_q_slope(&slope, NULL, s->ctx, s->field, q));
    out->error = (reached + 4 * DBL_EPSILON * q) / fabs(1 - slope);
    if (!(q > 0)) out->error = slope < 1 ? 0 : LEAST_Q;
    out->xi_q = fabs(slope) >= 1 ? (double)INFINITY : fabs(slope) > 0 ? -1 / log(fabs(slope)) : 0;
done:
    return status;
}

/* ---- c* ---------------------------------------------------------------------------------------------- */

/* (1 - R(c)) / (1 - c) - 1 for the c map R at q*: 0 at the fixed point below 1, and R is convex, so it grows with c, up
 * to chi_1 - 1 at c = 1. */
static ovp_status c_excess(double *out, void *user, double c) {
    search *s = user;
    double chord = 0;
    ovp_status status = OVP_OK;
    *out = s->chi_1 - 1;
    if (c < 1) {
        status = ovp_theory_chord_at(&chord, s->ctx, s->chord, c);
        *out = s->field->w2 * chord - 1;
    }
    return status;
}

/* The fixed point in [0, 1), where chi_1 > 1. */
static ovp_status find_c_below_1(double *c_star, search *s) {
    double mean = 0, excess = 0;
    ovp_status status = ovp_theory_moment(&mean, NULL, s->ctx, s->field, OVP_MOMENT_MEAN, s->q);
    if (status == OVP_OK) status = c_excess(&excess, s, 0);
    if (status != OVP_OK) return status;
    *c_star = 0; /* where R(0) = 0 */
    if (s->field->w2 * mean * mean + s->field->b2 <= 1e-14 * s->q || excess >= 0) return OVP_OK;
    return ovp_numeric_root(c_star, s->ctx, c_excess, s, 0, isfinite(s->chi_1) ? 1 : 1 - 1e-9, 0);
}

/* The c map is a power series with coefficients >= 0 and R(1) = 1: its stable fixed point is 1 where its slope there,
 * chi_1, is at most 1, and else the only one in [0, 1). */
static ovp_status find_c(ovp_theory_fixed_point *out, search *s) {
    ovp_status status;
    out->c_star = 1;
    out->chi_c = out->chi_1;
    if (out->chi_1 <= 1 + 1e-12) return OVP_OK;
    s->chi_1 = out->chi_1;
    OVP_TRY(ovp_theory_chord_create(&s->chord, s->ctx, s->field, s->q));
    OVP_TRY(find_c_below_1(&out->c_star, s));
    if (out->c_star < 1) OVP_TRY(ovp_theory_c_slope(&out->chi_c, NULL, s->ctx, s->field, s->q, out->c_star));
done:
    ovp_theory_chord_free(s->ctx, s->chord);
    return status;
}

/* ---- both -------------------------------------------------------------------------------------------- */

ovp_status ovp_theory_fixed_point_try(ovp_theory_fixed_point *out, ovp_ctx *ctx, const ovp_theory_mean_field *field) {
    ovp_theory_fixed_point found = {.chi_1 = NAN,
                                    .chi_2 = NAN,
                                    .c_star = NAN,
                                    .chi_c = NAN,
                                    .xi_q = NAN,
                                    .xi_c = NAN,
                                    .error = NAN,
                                    .q_star = NAN,
                                    .phase = OVP_PHASE_UNBOUNDED};
    search s = {.ctx = ctx, .field = field};
    ovp_status status;
    *out = found;
    OVP_TRY(find_q(&found, &s));
    if (!isfinite(found.q_star)) goto done;
    s.q = found.q_star;
    OVP_TRY(ovp_theory_chi_1(&found.chi_1, NULL, ctx, field, s.q));
    OVP_TRY(ovp_theory_chi_2(&found.chi_2, NULL, ctx, field, s.q));
    found.phase = fabs(found.chi_1 - 1) <= CRITICAL ? OVP_PHASE_CRITICAL
                  : found.chi_1 < 1                 ? OVP_PHASE_ORDERED
                                                    : OVP_PHASE_CHAOTIC;
    if (s.q > 0) {
        OVP_TRY(find_c(&found, &s));
        found.xi_c = found.chi_c >= 1 ? (double)INFINITY : found.chi_c > 0 ? -1 / log(found.chi_c) : 0;
    }
done:
    if (status == OVP_OK) *out = found;
    return status;
}

ovp_status ovp_theory_fixed_point_find(ovp_theory_fixed_point *out, ovp_ctx *ctx, const ovp_theory_mean_field *field) {
    ovp_status status = ovp_theory_fixed_point_try(out, ctx, field);
    if (status == OVP_OK && isinf(out->q_star))
        return ovp_fail(ctx, OVP_ENUMERIC,
                        "mean field: q grows without bound for %s at sigma_w^2 = %g, sigma_b^2 = %g; lower sigma_w",
                        field->act->name, field->w2, field->b2);
    return status;
}
