/* Mean-field theory of wide random nets: the maps of one layer (Poole et al. 2016; Schoenholz et al. 2017). */
#include "theory/theory_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define DEFAULT_TOLERANCE 1e-10
#define MOST_SIGMA 1e6
#define ROUNDING (2 * DBL_EPSILON)

static ovp_status unknown_activation(ovp_ctx *ctx, const char *name) {
    char known[512] = "";
    const ovp_numeric_activation *act;
    for (ovp_idx i = 0; (act = ovp_numeric_activation_at(i)); i++) {
        if (i) strncat(known, ", ", sizeof known - strlen(known) - 1);
        strncat(known, act->name, sizeof known - strlen(known) - 1);
    }
    return ovp_fail(ctx, OVP_EINVAL, "mean field: unknown activation '%.40s'; there are: %s", name ? name : "(none)",
                    known);
}

static void recognise(ovp_theory_mean_field *field) {
    static const struct {
        const char *name;
        ovp_theory_form form;
        double left, right;
    } forms[] = {
        {"identity", OVP_FORM_PIECES, 1, 1}, {"relu", OVP_FORM_PIECES, 0, 1}, {"leaky-relu", OVP_FORM_PIECES, 0, 1},
        {"abs", OVP_FORM_PIECES, -1, 1},     {"erf", OVP_FORM_ERF, 0, 0},     {"step", OVP_FORM_STEP, 0, 0},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(field->act->name, forms[i].name) != 0) continue;
        field->form = forms[i].form;
        field->left = forms[i].left;
        field->right = forms[i].right;
        if (forms[i].form == OVP_FORM_STEP) field->at_zero = 0;                   /* what counts is beside 0 */
        if (forms[i].form == OVP_FORM_PIECES) field->left = field->act->dphi(-1); /* leaky: the table's slope */
    }
}

/* An activation from outside: what the integrals rest on. */
static ovp_status check_own(ovp_ctx *ctx, const ovp_theory_mean_field *field) {
    const ovp_numeric_activation *act = field->act;
    double second;
    if (act->kink_count < 0 || act->kink_count > OVP_THEORY_MOST_KINKS)
        return ovp_fail(ctx, OVP_EINVAL, "mean field: %.40s has %d kinks; allowed: 0..%d", act->name, act->kink_count,
                        OVP_THEORY_MOST_KINKS);
    for (int i = 0; i < act->kink_count; i++) {
        const double kink = act->kinks[i], step = 1e-9 * fmax(1, fabs(kink));
        if (!(fabs(act->phi(kink + step) - act->phi(kink - step)) <= 1e-6))
            return ovp_fail(
                ctx, OVP_EINVAL,
                "mean field: %.40s jumps at %g, so its derivative is no function and chi_1 is infinite; only "
                "continuous activations are served",
                act->name, kink);
    }
    if (ovp_theory_moment(&second, NULL, ctx, field, OVP_MOMENT_SQUARE, 1) == OVP_OK) return OVP_OK;
    ovp_clear(ctx);
    return ovp_fail(ctx, OVP_EINVAL,
                    "mean field: the second moment of %.40s(z), z standard normal, is not finite; the theory needs one",
                    act->name);
}

static ovp_status check(ovp_ctx *ctx, const ovp_theory_mean_field_options *options) {
    const double w = options->sigma_w, b = options->sigma_b, tolerance = options->tolerance;
    if (options->size != sizeof *options)
        return ovp_fail(ctx, OVP_EINVAL, "mean field: options of %zu bytes; set size = sizeof(options), %zu",
                        options->size, sizeof *options);
    if (!(w > 0 && w <= MOST_SIGMA))
        return ovp_fail(ctx, OVP_EINVAL, "mean field: sigma_w is %g; allowed: above 0, at most %g", w, MOST_SIGMA);
    if (!(b >= 0 && b <= MOST_SIGMA))
        return ovp_fail(ctx, OVP_EINVAL, "mean field: sigma_b is %g; allowed: 0..%g", b, MOST_SIGMA);
    if (!(tolerance >= 1e-13 && tolerance <= 0.1) && fabs(tolerance) > 0)
        return ovp_fail(ctx, OVP_EINVAL, "mean field: tolerance is %g; allowed: 1e-13..0.1, or 0 for %g", tolerance,
                        DEFAULT_TOLERANCE);
    if (isnan(tolerance)) return ovp_fail(ctx, OVP_EINVAL, "mean field: tolerance is not a number");
    return OVP_OK;
}

ovp_status ovp_theory_mean_field_create(ovp_theory_mean_field **out, ovp_ctx *ctx,
                                        const ovp_theory_mean_field_options *options) {
    ovp_theory_mean_field *field = NULL;
    ovp_status status;
    *out = NULL;
    OVP_TRY(check(ctx, options));
    OVP_TRY(ovp_alloc(ctx, &field, 1, sizeof *field));
    field->ctx = ctx;
    field->act = options->own ? options->own : ovp_numeric_activation_find(options->activation);
    field->w2 = options->sigma_w * options->sigma_w;
    field->b2 = options->sigma_b * options->sigma_b;
    field->tolerance = options->tolerance > 0 ? options->tolerance : DEFAULT_TOLERANCE;
    if (!field->act) {
        status = unknown_activation(ctx, options->activation);
        goto done;
    }
    field->at_zero = !(fabs(field->act->phi(0)) > 0);
    if (options->own)
        OVP_TRY(check_own(ctx, field));
    else
        recognise(field);
    *out = field;
    field = NULL;
done:
    ovp_theory_mean_field_free(field);
    return status;
}

void ovp_theory_mean_field_free(ovp_theory_mean_field *field) {
    if (field) ovp_free(field->ctx, field);
}

const char *ovp_theory_mean_field_method(const ovp_theory_mean_field *field) {
    return field->form == OVP_FORM_NONE ? "quadrature" : "closed";
}

const char *ovp_theory_phase_name(ovp_theory_phase phase) {
    static const char *const names[] = {"ordered", "critical", "chaotic", "unbounded"};
    return phase >= OVP_PHASE_ORDERED && phase <= OVP_PHASE_UNBOUNDED ? names[phase] : "unknown";
}

/* ---- maps -------------------------------------------------------------------------------------------- */

static ovp_status check_point(ovp_ctx *ctx, double q1, double q2, double c) {
    if (!(q1 >= 0 && q2 >= 0 && isfinite(q1) && isfinite(q2)))
        return ovp_fail(ctx, OVP_EINVAL, "mean field: q is %g; allowed: 0 or more, finite",
                        q1 >= 0 && isfinite(q1) ? q2 : q1);
    if (!(c >= -1 && c <= 1)) return ovp_fail(ctx, OVP_EINVAL, "mean field: c is %g; allowed: -1..1", c);
    return OVP_OK;
}

static ovp_status scaled_moment(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                ovp_theory_moment_kind kind, double q) {
    double value = 0, reached = 0;
    ovp_status status = check_point(ctx, q, q, 1);
    if (status == OVP_OK) status = ovp_theory_moment(&value, &reached, ctx, field, kind, q);
    if (status != OVP_OK) return status;
    *out = field->w2 * value;
    if (error) *error = field->w2 * reached;
    return OVP_OK;
}

ovp_status ovp_theory_q_map(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field, double q) {
    double value;
    ovp_status status = scaled_moment(&value, error, ctx, field, OVP_MOMENT_SQUARE, q);
    if (status != OVP_OK) return status;
    *out = value + field->b2;
    if (error) *error += ROUNDING * *out;
    return OVP_OK;
}

ovp_status ovp_theory_chi_1(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field, double q) {
    return scaled_moment(out, error, ctx, field, OVP_MOMENT_SLOPE, q);
}

ovp_status ovp_theory_chi_2(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field, double q) {
    return scaled_moment(out, error, ctx, field, OVP_MOMENT_BEND, q);
}

ovp_status ovp_theory_q_slope(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field, double q) {
    return scaled_moment(out, error, ctx, field, OVP_MOMENT_GROWTH, q);
}

ovp_status ovp_theory_covariance_map(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                     double q1, double q2, double c) {
    double value = 0, reached = 0;
    ovp_status status = check_point(ctx, q1, q2, c);
    if (status == OVP_OK) status = ovp_theory_pair(&value, &reached, ctx, field, 0, q1, q2, c);
    if (status != OVP_OK) return status;
    *out = field->w2 * value + field->b2;
    if (error) *error = field->w2 * reached + ROUNDING * fabs(*out);
    return OVP_OK;
}

ovp_status ovp_theory_c_map(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field, double q,
                            double c) {
    double covariance = 0, next = 0, reached = 0, next_reached = 0;
    ovp_status status = ovp_theory_covariance_map(&covariance, &reached, ctx, field, q, q, c);
    if (status == OVP_OK) status = ovp_theory_q_map(&next, &next_reached, ctx, field, q);
    if (status != OVP_OK) return status;
    if (!(next > 0))
        return ovp_fail(ctx, OVP_EINVAL, "c map: the next q is %g at q = %g; there is no correlation without length",
                        next, q);
    *out = fmax(-1, fmin(1, covariance / next));
    if (error) *error = (reached + next_reached * fabs(*out)) / next;
    return OVP_OK;
}

ovp_status ovp_theory_c_slope(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field, double q,
                              double c) {
    double value = 0, reached = 0;
    ovp_status status = check_point(ctx, q, q, c);
    if (status == OVP_OK) status = ovp_theory_pair(&value, &reached, ctx, field, 1, q, q, c);
    if (status != OVP_OK) return status;
    *out = field->w2 * value;
    if (error) *error = field->w2 * reached;
    return OVP_OK;
}

ovp_status ovp_theory_curve_next(ovp_theory_curve *curve, ovp_ctx *ctx, const ovp_theory_mean_field *field) {
    double chi_1, chi_2, q;
    ovp_status status;
    OVP_TRY(ovp_theory_chi_1(&chi_1, NULL, ctx, field, curve->q));
    OVP_TRY(ovp_theory_chi_2(&chi_2, NULL, ctx, field, curve->q));
    OVP_TRY(ovp_theory_q_map(&q, NULL, ctx, field, curve->q));
    const double bend = isinf(chi_1) ? (double)INFINITY : chi_2 > 0 ? 3 * chi_2 / (chi_1 * chi_1) : 0;
    curve->curvature_squared = bend + curve->curvature_squared / chi_1;
    curve->length *= sqrt(chi_1);
    curve->q = q;
done:
    return status;
}
