/* Covariances by Hermite coefficients: exact in c, so that one set of coefficients serves the whole c map. For smooth
 * activations the trapezoid rule converges exponentially (functions analytic in a strip), and every second node gives
 * the error; where there are kinks, Gauss-Kronrod panels end at them, and the Gauss rule inside gives the error. Kinks
 * make the coefficients fall slowly: such series serve c away from 1, where c^k falls. */
#include "theory/theory_int.h"

#include <math.h>
#include <stdlib.h>

/* Beyond it the density times any normalised Hermite polynomial of the terms here is below 1e-18. */
#define FAR 13.0
#define LANES 8
#define INV_SQRT_2PI 0.39894228040143267794
/* What |c|^terms may be, in units of the tolerance, for a series of an activation with kinks to be worth making: what
 * its terms leave out is some 1e-6 of the whole. */
#define HELPS 1e5

static const int most[OVP_THEORY_SERIES_LEVELS] = {64, 256, 512, OVP_THEORY_SERIES_TERMS};

typedef struct grid {
    ovp_idx coarse, rest; /* nodes of the coarse rule come first, then the others; both padded to whole lanes */
    double *z;            /* NaN in the padding */
    double *full_weight, *coarse_weight; /* of the two rules, with the density; coarse_weight: the first nodes only */
    double *now, *before;                /* polynomials */
    double *first[2], *second[2];        /* g times the weights of the full and of the coarse rule */
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

static double density(double z) {
    return INV_SQRT_2PI * exp(-0.5 * z * z);
}

static ovp_status grid_alloc(grid *g, ovp_ctx *ctx, ovp_idx coarse, ovp_idx rest) {
    g->coarse = padded(coarse);
    g->rest = padded(rest);
    const ovp_idx n = g->coarse + g->rest;
    ovp_status status = ovp_alloc(ctx, &g->z, 9 * n, sizeof *g->z); /* zeros */
    if (status != OVP_OK) return status;
    g->full_weight = g->z + n;
    g->coarse_weight = g->full_weight + n;
    g->now = g->coarse_weight + n;
    g->before = g->now + n;
    for (int i = 0; i < 2; i++) {
        g->first[i] = g->before + (i + 1) * n;
        g->second[i] = g->before + (i + 3) * n;
    }
    for (ovp_idx i = 0; i < n; i++) g->z[i] = NAN;
    return OVP_OK;
}

static void put_node(grid *g, ovp_idx at, double z, double full, double coarse) {
    g->z[at] = z;
    g->full_weight[at] = full * density(z);
    g->coarse_weight[at] = coarse * density(z);
}

static ovp_status trapezoid(grid *g, ovp_ctx *ctx, double step) {
    const ovp_idx last = (ovp_idx)(FAR / step), half = last / 2, odd = (last - 1) / 2;
    ovp_status status = grid_alloc(g, ctx, 2 * half + 1, 2 * (odd + 1));
    if (status != OVP_OK) return status;
    for (ovp_idx i = -half; i <= half; i++) put_node(g, i + half, 2 * (double)i * step, step, 2 * step);
    for (ovp_idx i = -odd - 1; i <= odd; i++) put_node(g, g->coarse + i + odd + 1, (2 * (double)i + 1) * step, step, 0);
    return OVP_OK;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The breaks within -FAR..FAR, in order, between these two. Returns how many. */
static int edges_of(double edges[OVP_THEORY_MOST_BREAKS + 2], const double *breaks, int count) {
    int n = 0;
    edges[n++] = -FAR;
    edges[n++] = FAR;
    for (int i = 0; i < count; i++)
        if (fabs(breaks[i]) < FAR) edges[n++] = breaks[i];
    qsort(edges, (size_t)n, sizeof *edges, compare);
    return n;
}

/* Panels no wider than `widest` between the breaks. */
static ovp_status panels(grid *g, ovp_ctx *ctx, double widest, const double *breaks, int count) {
    enum { GAUSS = 10, KRONROD = 21 };
    double edges[OVP_THEORY_MOST_BREAKS + 2], nodes[KRONROD], full[KRONROD], coarse[GAUSS];
    const int edge_count = edges_of(edges, breaks, count);
    ovp_idx n = 0, at = 0;
    for (int e = 1; e < edge_count; e++) n += (ovp_idx)ceil((edges[e] - edges[e - 1]) / widest);
    ovp_status status = grid_alloc(g, ctx, n * GAUSS, n * (KRONROD - GAUSS));
    if (status != OVP_OK) return status;
    ovp_numeric_kronrod(nodes, full, coarse);
    for (int e = 1; e < edge_count; e++) {
        const double length = edges[e] - edges[e - 1], parts = ceil(length / widest), half = 0.5 * length / parts;
        for (double p = 0; p < parts; p++, at++)
            for (int i = 0; i < KRONROD; i++) {
                const double z = edges[e - 1] + half * (2 * p + 1 + nodes[i]);
                if (i < GAUSS)
                    put_node(g, at * GAUSS + i, z, half * full[i], half * coarse[i]);
                else
                    put_node(g, g->coarse + at * (KRONROD - GAUSS) + i - GAUSS, z, half * full[i], 0);
            }
    }
    return OVP_OK;
}

/* g(root z_i) times the weights of both rules, 0 in the padding; *norm and *coarse: of its square by them. */
static void weigh(double *const out[2], const grid *g, double (*function)(double), double root, double *norm,
                  double *coarse) {
    *norm = *coarse = 0;
    for (ovp_idx i = 0; i < g->coarse + g->rest; i++) {
        const double value = isnan(g->z[i]) ? 0 : function(root * g->z[i]);
        out[0][i] = g->full_weight[i] * value;
        out[1][i] = g->coarse_weight[i] * value;
        *norm += out[0][i] * value;
        *coarse += out[1][i] * value;
    }
}

/* Normalised: h_(k+1) = (z h_k - sqrt(k) h_(k-1)) / sqrt(k + 1). */
static void next_polynomial(grid *g, int k) {
    const double a = 1 / sqrt(k + 1.0), b = sqrt((double)k) * a;
    double *swap = g->before;
    for (ovp_idx i = 0; i < g->coarse + g->rest; i++) g->before[i] = a * g->z[i] * g->now[i] - b * g->before[i];
    g->before = g->now;
    g->now = swap;
}

static void coefficient(double *full, double *coarse, const grid *g, double *const weighed[2]) {
    *full = sum_of(weighed[0], g->now, g->coarse + g->rest);
    *coarse = sum_of(weighed[1], g->now, g->coarse);
}

int ovp_theory_series_serves(const ovp_theory_mean_field *field, int level, double c) {
    return !field->act->kink_count || pow(fabs(c), most[level]) <= HELPS * field->tolerance;
}

ovp_status ovp_theory_series_make(ovp_theory_series *out, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                  double (*function)(double), double q1, double q2, int level) {
    static const double steps[OVP_THEORY_SERIES_LEVELS] = {0.1, 0.05, 0.025, 0.025};
    const int same = !(q1 < q2 || q1 > q2);
    double breaks[OVP_THEORY_MOST_BREAKS], found[2] = {0}, norms[2], coarse[2];
    grid g;
    ovp_status status;
    if (field->act->kink_count) {
        int count = ovp_theory_breaks(breaks, field, sqrt(q1));
        if (!same) count += ovp_theory_breaks(breaks + count, field, sqrt(q2));
        /* the last polynomial then turns by at most 8 radians in a panel */
        status = panels(&g, ctx, 8 / sqrt(most[level]), breaks, count);
    } else {
        status = trapezoid(&g, ctx, steps[level]);
    }
    if (status != OVP_OK) return status;
    weigh(g.first, &g, function, sqrt(q1), &norms[0], &coarse[0]);
    norms[1] = norms[0];
    coarse[1] = coarse[0];
    if (!same) weigh(g.second, &g, function, sqrt(q2), &norms[1], &coarse[1]);
    for (ovp_idx i = 0; i < g.coarse + g.rest; i++) {
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
