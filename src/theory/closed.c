/* Gaussian integrals in closed form: activations linear on either side of 0 (Cho & Saul 2009; leaky: the factors of
 * both sides), erf (Williams 1997), step. Written so that nothing cancels near c = 1. */
#include "theory/theory_int.h"

#include <assert.h>
#include <math.h>

static double sine(double c) {
    return sqrt((1 - c) * (1 + c));
}

static double angle(double c) {
    return atan2(sine(c), c);
}

/* sin(theta) - theta cos(theta) at theta = acos(c), by its series where it is small: theta^3 / 3 - theta^5 / 30 + .. */
static double crescent(double c) {
    const double t = angle(c), t2 = t * t;
    if (t > 0.3) return sine(c) - t * c;
    double sum = 0, power = t * t2 / 2; /* theta^(2n+1) / (2n)! */
    for (int n = 1; n < 10; n++) {
        sum += (n % 2 ? 1 : -1) * power * 2 * n / (2 * n + 1);
        power *= t2 / ((2 * n + 1) * (2 * n + 2));
    }
    return sum;
}

/* ---- linear left and right of 0 ---------------------------------------------------------------------- */

static double pieces_moment(const ovp_theory_mean_field *field, ovp_theory_moment_kind kind, double q) {
    const double mean_square = 0.5 * (field->left * field->left + field->right * field->right);
    switch (kind) {
    case OVP_MOMENT_MEAN:
        return (field->right - field->left) * sqrt(q / (2 * M_PI));
    case OVP_MOMENT_SQUARE:
        return mean_square * q;
    case OVP_MOMENT_GROWTH:
    case OVP_MOMENT_SLOPE:
        return mean_square;
    case OVP_MOMENT_BEND:
        break;
    }
    return field->left < field->right || field->left > field->right ? INFINITY : 0;
}

static double pieces_pair(const ovp_theory_mean_field *field, int derivative, double q1, double q2, double c) {
    const double jump = field->right - field->left, factor = jump * jump / (2 * M_PI),
                 mean_square = 0.5 * (field->left * field->left + field->right * field->right);
    if (derivative) return mean_square - factor * angle(c);
    return sqrt(q1) * sqrt(q2) * (factor * crescent(c) + mean_square * c);
}

/* ---- erf --------------------------------------------------------------------------------------------- */

static double erf_moment(ovp_theory_moment_kind kind, double q) {
    const double r = 1 + 4 * q;
    switch (kind) {
    case OVP_MOMENT_MEAN:
        return 0;
    case OVP_MOMENT_SQUARE:
        return M_2_PI * atan2(2 * q, sqrt(r));
    case OVP_MOMENT_GROWTH:
        return 2 * M_2_PI / ((1 + 2 * q) * sqrt(r));
    case OVP_MOMENT_SLOPE:
        return 2 * M_2_PI / sqrt(r);
    case OVP_MOMENT_BEND:
        break;
    }
    return 8 * M_2_PI * q / (r * sqrt(r));
}

/* (1 + 2 q1)(1 + 2 q2) - 4 k^2 with k^2 = q1 q2 c^2. */
static double erf_root(double q1, double q2, double c) {
    return sqrt(1 + 2 * q1 + 2 * q2 + 4 * q1 * q2 * (1 - c) * (1 + c));
}

static double erf_pair(int derivative, double q1, double q2, double c) {
    if (derivative) return 2 * M_2_PI / erf_root(q1, q2, c);
    return M_2_PI * atan2(2 * sqrt(q1) * sqrt(q2) * c, erf_root(q1, q2, c));
}

/* The difference of two such angles, by the sine and cosine of it. */
static double erf_chord(double q, double c) {
    const double x1 = sqrt(1 + 4 * q), xc = erf_root(q, q, c), r2 = (1 + 2 * q) * (1 + 2 * q);
    const double sine = 2 * q * (1 - c) * (1 + c) / (xc + c * x1), cosine = (x1 * xc + 4 * q * q * c) / r2;
    return M_2_PI * atan2(sine, cosine) / (1 - c);
}

/* ---- step -------------------------------------------------------------------------------------------- */

static double step_moment(ovp_theory_moment_kind kind) {
    if (kind == OVP_MOMENT_MEAN || kind == OVP_MOMENT_SQUARE) return 0.5;
    return kind == OVP_MOMENT_GROWTH ? 0 : INFINITY;
}

static double step_pair(int derivative, double q1, double q2, double c) {
    if (derivative) return 1 / (2 * M_PI * sqrt(q1) * sqrt(q2) * sine(c)); /* the density at (0, 0) */
    return (M_PI - angle(c)) / (2 * M_PI);
}

/* ---- all --------------------------------------------------------------------------------------------- */

double ovp_theory_closed_moment(const ovp_theory_mean_field *field, ovp_theory_moment_kind kind, double q) {
    assert(field->form != OVP_FORM_NONE);
    if (field->form == OVP_FORM_ERF) return erf_moment(kind, q);
    return field->form == OVP_FORM_STEP ? step_moment(kind) : pieces_moment(field, kind, q);
}

double ovp_theory_closed_pair(const ovp_theory_mean_field *field, int derivative, double q1, double q2, double c) {
    assert(field->form != OVP_FORM_NONE);
    if (field->form == OVP_FORM_ERF) return erf_pair(derivative, q1, q2, c);
    return field->form == OVP_FORM_STEP ? step_pair(derivative, q1, q2, c) : pieces_pair(field, derivative, q1, q2, c);
}

double ovp_theory_closed_chord(const ovp_theory_mean_field *field, double q, double c) {
    if (field->form == OVP_FORM_ERF) return erf_chord(q, c);
    if (field->form == OVP_FORM_STEP) return angle(c) / (2 * M_PI * (1 - c));
    /* mean square - jump^2 / (2 pi) crescent / (1 - c) */
    const double jump = field->right - field->left;
    return q * (0.5 * (field->left * field->left + field->right * field->right) -
                jump * jump / (2 * M_PI) * crescent(c) / (1 - c));
}
