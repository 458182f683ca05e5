/* Covariances of smooth activations by Hermite coefficients: exact in c, so that one set of coefficients serves the
 * whole c map. The trapezoid rule converges exponentially for functions analytic in a strip; every second node gives
 * the error. */
#include "theory/theory_int.h"

#include <math.h>

/* Beyond it the density times any normalised Hermite polynomial of the terms here is below 1e-18. */
#define FAR 13.0
#define LANES 8
#define INV_SQRT_2PI 0.39894228040143267794

typedef struct grid {
    double step;
    ovp_idx even, odd; /* nodes at even multiples of step come first, then the odd; padded to whole lanes */
    double *z, *now, *before, *first, *second;
} grid;

static double sum_of(const double *a, const double *b, ovp_idx n) {
    double lane[LANES] = {0}, sum = 0;
    for (ovp_idx i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += a[i + j] * b[i + j];
    for (int j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}

static ovp_idx padded(ovp_idx n) {
    return (n + LANES - 1) / LANES * LANES;
}

static ovp_status grid_make(grid *g, ovp_ctx *ctx, double step) {
    const ovp_idx last = (ovp_idx)(FAR / step), half = last / 2, odd = (last - 1) / 2;
    g->step = step;
    g->even = padded(2 * half + 1);
    g->odd = padded(2 * (odd + 1));
    const ovp_idx n = g->even + g->odd;
    ovp_status status = ovp_alloc(ctx, &g->z, 5 * n, sizeof *g->z);
    if (status != OVP_OK) return status;
    g->now = g->z + n;
    g->before = g->now + n;
    g->first = g->before + n;
    g->second = g->first + n;
    for (ovp_idx i = 0; i < n; i++) g->z[i] = NAN; /* padding */
    for (ovp_idx i = -half; i <= half; i++) g->z[i + half] = 2 * (double)i * step;
    for (ovp_idx i = -odd - 1; i <= odd; i++) g->z[g->even + i + odd + 1] = (2 * (double)i + 1) * step;
    return OVP_OK;
}

/* out[i] = g(root z_i) density(z_i), 0 in the padding. */
static void weigh(double *out, const grid *g, double (*function)(double), double root) {
    for (ovp_idx i = 0; i < g->even + g->odd; i++) {
        const double z = g->z[i];
        out[i] = isnan(z) ? 0 : g->step * INV_SQRT_2PI * exp(-0.5 * z * z) * function(root * z);
    }
}

static double norm(const grid *g, double (*function)(double), double root, const double *weighed, double *coarse) {
    double sum[2] = {0};
    for (ovp_idx i = 0; i < g->even + g->odd; i++)
        if (!isnan(g->z[i])) sum[i >= g->even] += weighed[i] * function(root * g->z[i]);
    *coarse = 2 * sum[0];
    return sum[0] + sum[1];
}

/* Normalised: h_(k+1) = (z h_k - sqrt(k) h_(k-1)) / sqrt(k + 1). */
static void next_polynomial(grid *g, int k) {
    const double a = 1 / sqrt(k + 1.0), b = sqrt((double)k) * a;
    double *swap = g->before;
    for (ovp_idx i = 0; i < g->even + g->odd; i++) g->before[i] = a * g->z[i] * g->now[i] - b * g->before[i];
    g->before = g->now;
    g->now = swap;
}

static void coefficient(double *full, double *coarse, const grid *g, const double *weighed) {
    const double even = sum_of(weighed, g->now, g->even), odd = sum_of(weighed + g->even, g->now + g->even, g->odd);
    *full = even + odd;
    *coarse = 2 * even;
}

ovp_status ovp_theory_series_make(ovp_theory_series *out, ovp_ctx *ctx, double (*function)(double), double q1,
                                  double q2, int level) {
    static const double steps[OVP_THEORY_SERIES_LEVELS] = {0.1, 0.05, 0.025, 0.025};
    static const int most[OVP_THEORY_SERIES_LEVELS] = {64, 256, 512, OVP_THEORY_SERIES_TERMS};
    const int same = !(q1 < q2 || q1 > q2);
    grid g;
    double found[2] = {0}, norms[2], coarse[2];
    ovp_status status = grid_make(&g, ctx, steps[level]);
    if (status != OVP_OK) return status;
    weigh(g.first, &g, function, sqrt(q1));
    norms[0] = norms[1] = norm(&g, function, sqrt(q1), g.first, &coarse[0]);
    coarse[1] = coarse[0];
    if (!same) {
        weigh(g.second, &g, function, sqrt(q2));
        norms[1] = norm(&g, function, sqrt(q2), g.second, &coarse[1]);
    }
    for (ovp_idx i = 0; i < g.even + g.odd; i++) {
        if (isnan(g.z[i])) g.z[i] = 0;
        g.now[i] = 1;
        g.before[i] = 0;
    }
    out->terms = 0;
    for (int k = 0, still = 0; k < most[level] && still < 4; k++) {
        double a, b, a_coarse, b_coarse;
        coefficient(&a, &a_coarse, &g, g.first);
        b = a;
        b_coarse = a_coarse;
        if (!same) coefficient(&b, &b_coarse, &g, g.second);
        out->full[k] = a * b;
        out->coarse[k] = a_coarse * b_coarse;
        out->terms = k + 1;
        found[0] += a * a;
        found[1] += b * b;
        /* A few terms in a row without anything left: even and odd functions have every second one 0. */
        still = norms[0] - found[0] <= 1e-17 * norms[0] && norms[1] - found[1] <= 1e-17 * norms[1] ? still + 1 : 0;
        next_polynomial(&g, k);
    }
    double rest[2];
    for (int i = 0; i < 2; i++) rest[i] = fmax(0, norms[i] - found[i]) + fabs(norms[i] - coarse[i]) + 1e-15 * norms[i];
    out->rest = sqrt(rest[0]) * sqrt(rest[1]);
    out->size = sqrt(norms[0]) * sqrt(norms[1]);
    ovp_free(ctx, g.z);
    return OVP_OK;
}

double ovp_theory_series_at(const ovp_theory_series *series, double c, double *error) {
    double value = 0, coarse = 0;
    for (int k = series->terms - 1; k >= 0; k--) {
        value = value * c + series->full[k];
        coarse = coarse * c + series->coarse[k];
    }
    *error = fabs(value - coarse) + pow(fabs(c), series->terms) * series->rest + 4e-15 * series->size;
    return value;
}
