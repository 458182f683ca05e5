/* Infinitely wide nets of piecewise linear units without biases: Theta(x, z) / sqrt(q_x q_z) is a function of the angle
 * t of the inputs alone, analytic on 0 .. pi whatever the depth, so that one Chebyshev series stands for all layers.
 * (The formulas of a layer: src/kernel/hot/layers.c.) */
#include "kernel/functions_int.h"

#include <math.h>

enum { NODES = 2 * OVP_KERNEL_PROFILE, LAYER_TERMS = 30 }; /* a layer costs about as much as so many terms */
#define ENOUGH 2e-16                                       /* of the largest coefficient */
#define PI 3.14159265358979323846264338327950288L

/* sin a - a cos a, 0 <= a <= pi / 2 */
static long double crescent(long double a) {
    const long double s = a * a;
    if (a > .1L) return sinl(a) - a * cosl(a);
    return a * s * (1.L / 3 - s * (1.L / 30 - s * (1.L / 840 - s * (1.L / 45360 - s / 3991680))));
}

/* The function at t = pi - p; of the two the smaller one has its digits. */
static long double value_at(const ovp_kernel *k, long double t, long double p) {
    const long double left = k->left, right = k->right, square = .5L * (left * left + right * right);
    const long double turn = .5L * (right - left) * (right - left) / square, ratio = turn / PI;
    long double q = 1, f = cosl(t);
    for (ovp_idx l = 0; l < k->options.depth; l++) {
        const int ends = l + 1 == k->options.depth;
        const long double a = t < p ? t : p, half = sinl(a / 2), v = 2 * half * half;
        const long double same = t < p ? v : (2 - turn) - v * (1 - turn), lost = same - ratio * crescent(a);
        const long double e = square * q * (1 - lost), slope = square * (1 - ratio * t);
        f = (ends ? k->value : k->w) * e + (k->slopes ? (ends ? k->slope : k->w) * slope * f : 0);
        q *= k->w * square;
        if (lost > 1) {
            p = 2 * asinl(sqrtl((2 - lost) / 2));
            t = PI - p;
        } else {
            t = lost > 0 ? 2 * asinl(sqrtl(lost / 2)) : 0;
            p = PI - t;
        }
    }
    return f;
}

void ovp_kernel_profile_make(ovp_kernel *k) {
    double f[NODES], c[NODES], largest = 0;
    ovp_idx terms = 0;
    const double added = k->b0 + k->t0 + k->b + k->t + k->constant;
    if (k->point.form != OVP_FORM_NET || k->dual != OVP_DUAL_PIECES || !(added <= 0)) return;
    for (ovp_idx i = 0; i < NODES; i++) { /* t = pi (1 + x) / 2, x = cos(pi (2 i + 1) / (2 NODES)) */
        const long double angle = PI * (2 * i + 1) / (4 * NODES), near = sinl(angle), far = cosl(angle);
        f[i] = (double)value_at(k, PI * far * far, PI * near * near);
    }
    for (ovp_idx n = 0; n < NODES; n++) {
        long double sum = 0;
        for (ovp_idx i = 0; i < NODES; i++) /* without whole turns, which are exact */
            sum += f[i] * cosl(PI * (n * (2 * i + 1) % (4 * NODES)) / (2 * NODES));
        c[n] = (double)(sum * (n > 0 ? 2 : 1) / NODES);
        largest = fmax(largest, fabs(c[n]));
        if (!isfinite(c[n])) return;
    }
    for (ovp_idx n = 0; n < NODES; n++)
        if (fabs(c[n]) > ENOUGH * largest) terms = n + 1;
    if (terms > OVP_KERNEL_PROFILE || terms > LAYER_TERMS * k->options.depth) return;
    k->profile_terms = terms;
    for (ovp_idx n = 0; n < terms; n++) k->profile[n] = c[n];
}
