/* Inside measure: p-variation. Methods and their proofs: docs/p-variation.md. */
#ifndef OVP_MEASURE_VARIATION_INT_H
#define OVP_MEASURE_VARIATION_INT_H

#include <math.h>

#include <overparam/measure.h>

/* Multiples of 1/2 up to here are powered by products and a root instead of pow. */
#define OVP_VARIATION_HALVES 32

typedef struct ovp_variation_exponent {
    double p;
    int halves; /* 2 p if that is an integer up to OVP_VARIATION_HALVES, else 0 */
} ovp_variation_exponent;

static inline ovp_variation_exponent ovp_variation_exponent_of(double p) {
    const double halves = 2 * p;
    return (ovp_variation_exponent){p, halves <= OVP_VARIATION_HALVES && halves == floor(halves) ? (int)halves : 0};
}

/* x^p, x >= 0. */
static inline double ovp_variation_power(const ovp_variation_exponent *e, double x) {
    double y;
    if (!e->halves) return pow(x, e->p);
    y = e->halves % 2 ? x * sqrt(x) : x;
    for (int i = 2 + e->halves % 2; i < e->halves; i += 2) y *= x;
    return y;
}

/* A path made ready: checked, and scaled by a power of two so that no power of a distance that counts leaves the
 * numbers' range. */
typedef struct ovp_variation_path {
    ovp_idx n, d;
    const double *x; /* n x d, as it came */
    double scale;    /* what its entries are to be multiplied by */
    ovp_measure_norm norm;
    ovp_variation_exponent exponent;
} ovp_variation_path;

/* Where a partition goes: room for n indices, which the methods leave falling; their number. */
typedef struct ovp_variation_partition {
    ovp_idx *index, count;
} ovp_variation_partition;

/* variation_line.c: d = 1, p >= 1. Time O(n); memory: 32 bytes for each entry of two stacks (as many as there are
 * record lows and highs seen from the last point backwards, at most), and 16 bytes an extremum if a partition is
 * wanted. */
ovp_status ovp_measure_variation_line(double *value, ovp_ctx *ctx, const ovp_variation_path *path,
                                      ovp_variation_partition *partition);

/* variation_space.c: any d, p > 1. */
ovp_status ovp_measure_variation_space(double *value, ovp_ctx *ctx, const ovp_variation_path *path,
                                       ovp_variation_partition *partition);

/* variation_reference.c. |scale a - scale b|. */
double ovp_measure_variation_distance(ovp_idx d, const double *a, const double *b, double scale, ovp_measure_norm norm);

/* The dynamic programme as it is defined, V_0 = 0 and V_j = max over m < j of V_m + |x_m - x_j|^p, with every distance
 * computed: O(n^2 d). best: room for n; before[j] (room for n): the m that gave V_j, -1 for 0. Arguments are valid.
 * Errors: OVP_EINTERRUPTED. */
ovp_status ovp_measure_variation_reference(ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x, ovp_measure_norm norm,
                                           double p, double *best, ovp_idx *before);

#endif
