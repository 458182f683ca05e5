/* theory: what its files share. */
#ifndef OVP_THEORY_INT_H
#define OVP_THEORY_INT_H

#include <overparam/theory.h>

#define OVP_THEORY_MOST_KINKS 8

/* Activations with closed integrals: linear left and right of 0; erf; step. */
typedef enum ovp_theory_form { OVP_FORM_NONE, OVP_FORM_PIECES, OVP_FORM_ERF, OVP_FORM_STEP } ovp_theory_form;

struct ovp_theory_mean_field {
    ovp_ctx *ctx; /* for freeing */
    const ovp_numeric_activation *act;
    ovp_theory_form form;
    double left, right; /* OVP_FORM_PIECES: slopes */
    double w2, b2;      /* sigma_w^2, sigma_b^2 */
    double tolerance;
    int at_zero; /* phi(0) = 0: q = 0 is a fixed point without biases */
};

/* Means over u ~ N(0, q). */
typedef enum ovp_theory_moment_kind {
    OVP_MOMENT_MEAN,   /* phi */
    OVP_MOMENT_SQUARE, /* phi^2 */
    OVP_MOMENT_GROWTH, /* d/dq of the last: u phi phi' / q */
    OVP_MOMENT_SLOPE,  /* phi'^2 */
    OVP_MOMENT_BEND    /* phi''^2 */
} ovp_theory_moment_kind;

/* moments.c. INFINITY is a value. */
ovp_status ovp_theory_moment(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                             ovp_theory_moment_kind kind, double q);

/* pairs.c: E[phi(u) phi(u')], or of phi' with `derivative`; u, u' of variances q1, q2 and correlation c. */
ovp_status ovp_theory_pair(double *out, double *error, ovp_ctx *ctx, const ovp_theory_mean_field *field, int derivative,
                           double q1, double q2, double c);
/* Of V(c) = E[phi(u) phi(u')] at variances q > 0, 0 <= c < 1: the chord (V(1) - V(c)) / (q (1 - c)), without
 * cancellation, each value to the field's tolerance. */
typedef struct ovp_theory_chord ovp_theory_chord;
ovp_status ovp_theory_chord_create(ovp_theory_chord **out, ovp_ctx *ctx, const ovp_theory_mean_field *field, double q);
void ovp_theory_chord_free(ovp_ctx *ctx, ovp_theory_chord *chord);
ovp_status ovp_theory_chord_at(double *out, ovp_ctx *ctx, ovp_theory_chord *chord, double c);

/* closed.c, for forms other than OVP_FORM_NONE. */
double ovp_theory_closed_moment(const ovp_theory_mean_field *field, ovp_theory_moment_kind kind, double q);
double ovp_theory_closed_pair(const ovp_theory_mean_field *field, int derivative, double q1, double q2, double c);
double ovp_theory_closed_chord(const ovp_theory_mean_field *field, double q, double c);

/* series.c: E[g(u) g(u')] = sum a_k b_k c^k (Mehler 1866) with a_k, b_k the Hermite coefficients of g(sqrt(q1) z) and
 * g(sqrt(q2) z), g one of the field's phi and phi'. full: by a quadrature rule; coarse: by a simpler one on some of its
 * nodes. */
#define OVP_THEORY_SERIES_TERMS 1024
typedef struct ovp_theory_series {
    int terms;
    double full[OVP_THEORY_SERIES_TERMS], coarse[OVP_THEORY_SERIES_TERMS];
    double rest; /* bound of what the terms left out add up to at c = 1 */
    double size; /* sqrt(E[g(u)^2] E[g(u')^2]) */
} ovp_theory_series;
#define OVP_THEORY_SERIES_LEVELS 4
ovp_status ovp_theory_series_make(ovp_theory_series *out, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                  double (*g)(double), double q1, double q2, int level);
/* Could this level meet the field's tolerance at c? Kinks: only away from 1. */
int ovp_theory_series_serves(const ovp_theory_mean_field *field, int level, double c);
double ovp_theory_series_at(const ovp_theory_series *series, double c, double *error);

/* Breaks of g(sqrt(q) z) for the integrals: kinks and, where they are narrow, the scales of g; at most half of
 * MOST_BREAKS. */
#define OVP_THEORY_MOST_BREAKS 48
int ovp_theory_breaks(double *out, const ovp_theory_mean_field *field, double root);

/* fixed_point.c: OVP_OK also where q grows without bound (out->phase says so). */
ovp_status ovp_theory_fixed_point_try(ovp_theory_fixed_point *out, ovp_ctx *ctx, const ovp_theory_mean_field *field);

/* risk.c: refuse a negative, or not positive, or not finite number. */
ovp_status ovp_theory_not_below(ovp_ctx *ctx, const char *what, const char *name, double value);
ovp_status ovp_theory_positive(ovp_ctx *ctx, const char *what, const char *name, double value);

#endif
