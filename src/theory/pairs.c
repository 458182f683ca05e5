/* Integrals over two correlated normals: closed, by the Hermite series, or over the plane. The series is asked first
 * and says what it reached; activations with kinks have no use for it. */
#include "theory/theory_int.h"

#include <float.h>
#include <math.h>

typedef struct product {
    double (*g)(double);
    double root1, root2;
    double scale; /* chord: 1 / (2 (1 - c) q), of the squared difference; 0: the product itself */
} product;

static double product_at(const void *user, double x, double y) {
    const product *p = user;
    const double a = p->g(p->root1 * x), b = p->g(p->root2 * y);
    return p->scale > 0 ? p->scale * (a - b) * (a - b) : a * b;
}

static ovp_status over_plane(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                             const product *p, double c) {
    double first[OVP_THEORY_MOST_KINKS + 16], second[OVP_THEORY_MOST_KINKS + 16];
    const int n1 = ovp_theory_breaks(first, field, p->root1), n2 = ovp_theory_breaks(second, field, p->root2);
    return ovp_numeric_normal_mean_2(out, error, ctx, product_at, p, c, first, n1, second, n2, field->tolerance);
}

static int good(const ovp_theory_mean_field *field, double value, double error) {
    return error <= field->tolerance * fmax(1, fabs(value));
}

/* *reached: whether the series met the tolerance. */
static ovp_status by_series(double *out, double *error, int *reached, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                            double (*g)(double), double q1, double q2, double c) {
    ovp_theory_series series;
    *reached = 0;
    for (int level = 0; level < OVP_THEORY_SERIES_LEVELS && !*reached && !field->act->kink_count; level++) {
        ovp_status status = ovp_theory_series_make(&series, ctx, g, q1, q2, level);
        if (status != OVP_OK) return status;
        *out = ovp_theory_series_at(&series, c, error);
        *reached = good(field, *out, *error);
    }
    return OVP_OK;
}

ovp_status ovp_theory_pair(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field, int derivative,
                           double q1, double q2, double c) {
    const product p = {derivative ? field->act->dphi : field->act->phi, sqrt(q1), sqrt(q2), 0};
    const ovp_theory_moment_kind kind = derivative ? OVP_MOMENT_SLOPE : OVP_MOMENT_SQUARE;
    double value = 0, reached = 0;
    int done;
    ovp_status status = OVP_OK;
    if (!(q1 < q2 || q1 > q2) && c >= 1) return ovp_theory_moment(out, error, ctx, field, kind, q1);
    if (field->form != OVP_FORM_NONE) {
        value = ovp_theory_closed_pair(field, derivative, q1, q2, c);
        reached = isfinite(value) ? 16 * DBL_EPSILON * fmax(fabs(value), sqrt(q1) * sqrt(q2)) : 0;
    } else {
        OVP_TRY(by_series(&value, &reached, &done, ctx, field, p.g, q1, q2, c));
        if (!done) OVP_TRY(over_plane(&value, &reached, ctx, field, &p, c));
    }
    *out = value;
    if (error) *error = reached;
done:
    return status;
}

/* ---- the chord ---------------------------------------------------------------------------------------- */

struct ovp_theory_chord {
    const ovp_theory_mean_field *field;
    double q, top; /* V(1) */
    int smooth, has_value, has_slope;
    ovp_theory_series value, slope; /* of phi; of phi', made when first needed: V'(c) = q sum b_j^2 c^j */
};

ovp_status ovp_theory_chord_create(ovp_theory_chord **out, ovp_ctx *ctx, const ovp_theory_mean_field *field, double q) {
    ovp_theory_chord *chord;
    ovp_status status = ovp_alloc(ctx, &chord, 1, sizeof *chord);
    *out = NULL;
    if (status != OVP_OK) return status;
    chord->field = field;
    chord->q = q;
    chord->smooth = field->form == OVP_FORM_NONE && !field->act->kink_count;
    status = ovp_theory_moment(&chord->top, NULL, ctx, field, OVP_MOMENT_SQUARE, q);
    if (status == OVP_OK)
        *out = chord;
    else
        ovp_theory_chord_free(ctx, chord);
    return status;
}

void ovp_theory_chord_free(ovp_ctx *ctx, ovp_theory_chord *chord) {
    ovp_free(ctx, chord);
}

/* sum a_k^2 (1 + c + .. + c^(k-1)), and what V(1) leaves for the other terms, T, as T / (1 - c). */
static double value_chord(const ovp_theory_chord *chord, double c, double *error) {
    const ovp_theory_series *s = &chord->value;
    double value = 0, coarse = 0, sum = 0, power = 1, rest = chord->top;
    for (int k = 0; k < s->terms; k++) {
        value += s->full[k] * sum;
        coarse += s->coarse[k] * sum;
        rest -= s->full[k];
        sum += power;
        power *= c;
    }
    *error = fabs(value - coarse) + (power * s->rest + 4e-15 * s->size) / (1 - c);
    return value + rest / (1 - c);
}

/* q sum b_j^2 (1 + c + .. + c^j) / (j + 1): the better one near c = 1. */
static double slope_chord(const ovp_theory_chord *chord, double c, double *error) {
    const ovp_theory_series *s = &chord->slope;
    double value = 0, coarse = 0, sum = 0, power = 1;
    for (int j = 0; j < s->terms; j++) {
        sum += power;
        power *= c;
        value += s->full[j] * sum / (j + 1);
        coarse += s->coarse[j] * sum / (j + 1);
    }
    const double left_out = fmin(1, 1 / ((s->terms + 1) * (1 - c)));
    *error = chord->q * (fabs(value - coarse) + s->rest * left_out + 4e-15 * s->size);
    return chord->q * value;
}

typedef double (*series_chord_fn)(const ovp_theory_chord *chord, double c, double *error);

/* Makes the series finer until it serves this c, or none does. */
static ovp_status series_chord(double *out, int *reached, ovp_ctx *ctx, ovp_theory_chord *chord, int slope, double c) {
    const series_chord_fn evaluate = slope ? slope_chord : value_chord;
    int *level = slope ? &chord->has_slope : &chord->has_value; /* levels made so far */
    double error = 0;
    ovp_status status = OVP_OK;
    for (*reached = 0; !*reached;) {
        if (*level) {
            *out = evaluate(chord, c, &error);
            *reached = error <= chord->field->tolerance * fmax(chord->q, fabs(*out));
        }
        if (*reached || *level == OVP_THEORY_SERIES_LEVELS) break;
        OVP_TRY(ovp_theory_series_make(slope ? &chord->slope : &chord->value, ctx,
                                       slope ? chord->field->act->dphi : chord->field->act->phi, chord->q, chord->q,
                                       *level));
        ++*level;
    }
done:
    return status;
}

ovp_status ovp_theory_chord_at(double *out, ovp_ctx *ctx, ovp_theory_chord *chord, double c) {
    const ovp_theory_mean_field *field = chord->field;
    const double root = sqrt(chord->q);
    const product p = {field->act->phi, root, root, 0.5 / (1 - c) / chord->q};
    double value = 0;
    int reached = 0;
    ovp_status status = OVP_OK;
    if (field->form != OVP_FORM_NONE) {
        value = ovp_theory_closed_chord(field, chord->q, c);
        reached = 1;
    }
    for (int slope = 0; slope < 2 && chord->smooth && !reached; slope++)
        OVP_TRY(series_chord(&value, &reached, ctx, chord, slope, c));
    if (reached)
        *out = value / chord->q;
    else
        status = over_plane(out, NULL, ctx, field, &p, c);
done:
    return status;
}
