/* Integrals over one normal: closed where there is a form, by quadrature elsewhere. */
#include "theory/theory_int.h"

#include <float.h>
#include <math.h>

/* sqrt(q) for q = 0: its square is still a number, and phi is its tangent there. */
#define LEAST_ROOT 1e-150

typedef struct integrand {
    const ovp_numeric_activation *act;
    ovp_theory_moment_kind kind;
    double root, unit;
} integrand;

static double value_at(const void *user, double z) {
    const integrand *f = user;
    const double u = f->root * z;
    double y;
    switch (f->kind) {
    case OVP_MOMENT_MEAN:
        return f->act->phi(u);
    case OVP_MOMENT_SQUARE:
        y = f->act->phi(u);
        break;
    case OVP_MOMENT_GROWTH:
        return z * f->act->phi(u) * f->act->dphi(u) / f->root;
    case OVP_MOMENT_SLOPE:
        y = f->act->dphi(u);
        break;
    default:
        y = f->act->d2phi(u);
        break;
    }
    return y / f->unit * (y / f->unit);
}

int ovp_theory_breaks(double *out, const ovp_theory_mean_field *field, double root) {
    static const double scales[] = {0.5, 2, 5, 12, 30};
    int n = 0;
    out[n++] = 0; /* elu: phi'' jumps there, which is no kink of the table */
    for (int i = 0; i < field->act->kink_count; i++) out[n++] = field->act->kinks[i] / root;
    /* Activations change where |u| is of order 1: beside a normal of large variance that is a narrow place. */
    for (size_t i = 0; i < sizeof scales / sizeof *scales && root > 4; i++) {
        out[n++] = scales[i] / root;
        out[n++] = -scales[i] / root;
    }
    return n;
}

ovp_status ovp_theory_moment(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                             ovp_theory_moment_kind kind, double q) {
    double breaks[OVP_THEORY_MOST_KINKS + 16], reached = 0;
    integrand f = {field->act, kind, q > 0 ? sqrt(q) : LEAST_ROOT, 1};
    if (field->form != OVP_FORM_NONE || (kind == OVP_MOMENT_BEND && field->act->kink_count)) {
        *out = field->form == OVP_FORM_NONE ? (double)INFINITY : ovp_theory_closed_moment(field, kind, q);
        if (error) *error = isfinite(*out) ? 8 * DBL_EPSILON * fabs(*out) : 0;
        return OVP_OK;
    }
    /* phi(sqrt(q) z) ~ sqrt(q) for small q: the tolerance is then relative to q. */
    if (kind == OVP_MOMENT_SQUARE && field->at_zero && f.root < 1) f.unit = f.root;
    const int count = ovp_theory_breaks(breaks, field, f.root);
    ovp_status status = ovp_numeric_normal_mean(out, &reached, ctx, value_at, &f, breaks, count, field->tolerance);
    if (status != OVP_OK) return status;
    if (f.unit < 1) {
        *out *= q;
        reached *= q;
    }
    if (!(q > 0) && *out < LEAST_ROOT) *out = 0; /* a power of LEAST_ROOT */
    if (error) *error = reached;
    return OVP_OK;
}
