/* Layers of infinitely wide nets, a row of a tile at a time: E[phi phi] and E[phi' phi'] in closed form as functions of
 * u = 1 - c, c the correlation. u is carried from layer to layer instead of c: angles of near points keep their digits,
 * which matters wherever the expectation is not smooth at c = 1. Formulas and sources: docs/kernels.md. */
#include "kernel/hot_int.h"
#include "numeric/hot/maths.h"

#if OVP_BITS == 64

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define INV_2PI 0.15915494309189533577

/* v in 0..1: acos(1 - v) = sqrt(v) g(v), and sin t - t cos t at that t as v sqrt(v) h(v). g and h are polynomials
 * through Chebyshev's nodes, computed in 60 digits: relative errors 7e-17 and 2e-17 before rounding. Even and odd
 * powers are summed apart, which halves the chain of dependent steps. */
ALWAYS_INLINE double arc_factor(double v) {
    const double w = v * v;
    double even = OVP_FMA(w, 4.797541033020616e-06, 0.00012425167869548127);
    even = OVP_FMA(w, even, 0.0004006882818589302);
    even = OVP_FMA(w, even, 0.0003480987471498245);
    even = OVP_FMA(w, even, 0.00010871230018361807);
    even = OVP_FMA(w, even, 7.287068257137792e-05);
    even = OVP_FMA(w, even, 0.0003837000361256815);
    even = OVP_FMA(w, even, 0.0026854115429505864);
    even = OVP_FMA(w, even, 0.026516504295916166);
    even = OVP_FMA(w, even, 1.4142135623730951);
    double odd = OVP_FMA(w, -3.537835495282187e-05, -0.0002688464467735859);
    odd = OVP_FMA(w, odd, -0.00043000945159494793);
    odd = OVP_FMA(w, odd, -0.00020499919349473681);
    odd = OVP_FMA(w, odd, -7.185800992367848e-06);
    odd = OVP_FMA(w, odd, 0.00015250797182385684);
    odd = OVP_FMA(w, odd, 0.0009886937064591983);
    odd = OVP_FMA(w, odd, 0.007891816687096197);
    odd = OVP_FMA(w, odd, 0.11785113019774604);
    return OVP_FMA(v, odd, even);
}

ALWAYS_INLINE double crescent_factor(double v) {
    const double w = v * v;
    double even = OVP_FMA(w, -2.0764150855087167e-06, -1.3478121029305757e-05);
    even = OVP_FMA(w, even, -1.7948915243682663e-05);
    even = OVP_FMA(w, even, -6.1128606173822415e-06);
    even = OVP_FMA(w, even, 5.83672864724229e-06);
    even = OVP_FMA(w, even, 5.109425451483467e-05);
    even = OVP_FMA(w, even, 0.0004882560753931928);
    even = OVP_FMA(w, even, 0.007576144083861955);
    even = OVP_FMA(w, even, 0.9428090415820634);
    double odd = OVP_FMA(w, 3.0658986785827735e-07, 6.765053154679045e-06);
    odd = OVP_FMA(w, odd, 1.8519148835413642e-05);
    odd = OVP_FMA(w, odd, 1.3534533881674908e-05);
    odd = OVP_FMA(w, odd, 5.465788068101837e-06);
    odd = OVP_FMA(w, odd, 1.8349126840897055e-05);
    odd = OVP_FMA(w, odd, 0.0001521141993722164);
    odd = OVP_FMA(w, odd, 0.00175373706836867);
    odd = OVP_FMA(w, odd, 0.04714045207910578);
    return OVP_FMA(v, odd, even);
}

/* acos(1 - u), 0 <= u <= 2. */
ALWAYS_INLINE double arc(double u) {
    const double v = u > 1 ? 2 - u : u, t = OVP_SQRT(v) * arc_factor(v);
    return u > 1 ? M_PI - t : t;
}

ALWAYS_INLINE double bounded(double u) {
    u = u > 0 ? u : 0;
    return u < 2 ? u : 2;
}

/* What every layer ends with, where rounding of K' may become that of u. */
ALWAYS_INLINE void finish(const ovp_kernel_layer *l, ovp_idx j, double value, double slope, double *u, double *theta) {
    const double k = OVP_FMA(l->w, value, l->b);
    u[j] = bounded(OVP_FMA(-k, l->inverse * l->inverses[j], 1.0));
    theta[j] = OVP_FMA(l->slope * theta[j], slope, OVP_FMA(l->value, value, l->constant));
}

/* E = sqrt(q1 q2) (mean_square c + factor (sin t - t cos t)), t = acos c, and E' = mean_square - factor t (Cho and Saul
 * 2009, for both sides of 0). 1 - c' = (T - K') / T with T = next next_j: without biases 1 - E / (mean_square sqrt(q1
 * q2)) =: v, with b the difference T - (s s_j + b) = b (s - s_j)^2 / (T + s s_j + b) comes to it, s^2 = w mean_square
 * q, so nothing cancels. */
ALWAYS_INLINE void pieces_loop(const int bias, const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    const double jump = l->right - l->left, factor = jump * jump * INV_2PI;
    const double square = 0.5 * (l->left * l->left + l->right * l->right), ratio = factor / square;
    const double unit = OVP_SQRT(l->w * square), s = unit * l->root, b = l->b, w = l->w;
    const double value = l->value, constant = l->constant, weight = l->slope, root = l->root, next = l->next,
                 inverse = l->inverse;
    const double *roots = l->roots, *nexts = l->nexts, *inverses = l->inverses;
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) {
        const int far = u[j] > 1;
        const double v = far ? 2 - u[j] : u[j], r = OVP_SQRT(v);
        const double t = r * arc_factor(v), bow = v * r * crescent_factor(v);
        const double angle = far ? M_PI - t : t, crescent = far ? OVP_FMA(1 - v, M_PI, bow) : bow;
        const double lost = OVP_FMA(-ratio, crescent, u[j]), product = root * roots[j];
        const double e = square * product * (1 - lost), slope = OVP_FMA(-factor, angle, square);
        theta[j] = OVP_FMA(weight * theta[j], slope, OVP_FMA(value, e, constant));
        if (bias) {
            const double whole = next * nexts[j], gap = s - unit * roots[j], p = w * square * product;
            u[j] = bounded((b * gap * gap / (whole + p + b) + p * lost) * (inverse * inverses[j]));
        } else {
            u[j] = lost > 0 ? lost : 0; /* it grows nowhere */
        }
    }
}

static void pieces(const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    if (l->b > 0)
        pieces_loop(1, l, n, u, theta);
    else
        pieces_loop(0, l, n, u, theta);
}

/* Williams 1997: 2 / pi asin(2 k / sqrt((1 + 2 q1) (1 + 2 q2))); the root of the product less 4 k^2 as a sum. */
static void erf_layer(const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    const double q = l->root * l->root, root = l->root;
    const double *roots = l->roots;
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) {
        const double q2 = roots[j] * roots[j], k = root * roots[j] * (1 - u[j]);
        const double whole = (1 + 2 * q) * (1 + 2 * q2), inside = 1 + 2 * q + 2 * q2 + 4 * q * q2 * u[j] * (2 - u[j]);
        const double value = M_2_PI * (M_PI_2 - arc(bounded(1 - 2 * k / OVP_SQRT(whole))));
        finish(l, j, value, 2 * M_2_PI / OVP_SQRT(inside), u, theta);
    }
}

/* With C = E[Phi Phi] = 1/4 + asin(rho) / 2 pi, rho = k / sqrt((1 + q1) (1 + q2)), and B = dC/dk, by Stein's lemma:
 * E = k C + B S, S = q1 q2 - k^2 + k^2 (1 / (1 + q1) + 1 / (1 + q2)); E' = dE/dk. */
static void gelu_layer(const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    const double q = l->root * l->root, root = l->root;
    const double *roots = l->roots;
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) {
        const double q2 = roots[j] * roots[j], k = root * roots[j] * (1 - u[j]), sine = u[j] * (2 - u[j]);
        const double whole = (1 + q) * (1 + q2), inside = 1 + q + q2 + q * q2 * sine; /* (1 + q1) (1 + q2) - k^2 */
        const double c = 0.25 + INV_2PI * (M_PI_2 - arc(bounded(1 - k / OVP_SQRT(whole))));
        const double b = INV_2PI / OVP_SQRT(inside), parts = 1 / (1 + q) + 1 / (1 + q2);
        const double s = OVP_FMA(k * k, parts, q * q2 * sine);
        const double slope = c + b * k * (1 + s / inside + 2 * (parts - 1));
        finish(l, j, OVP_FMA(k, c, b * s), slope, u, theta);
    }
}

/* E[sin sin] and E[cos cos] from exp(-(q1 + q2) / 2 +- k). */
ALWAYS_INLINE void wave_loop(const int cosine, const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    const double root = l->root;
    const double *roots = l->roots;
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) {
        const double gap = root - roots[j], product = root * roots[j];
        const double plus = ovp_vm_exp(OVP_FMA(-0.5 * gap, gap, -product * u[j])); /* -(q1 + q2) / 2 + k */
        const double minus = ovp_vm_exp(OVP_FMA(-0.5 * gap, gap, -product * (2 - u[j])));
        const double sines = 0.5 * (plus - minus), cosines = 0.5 * (plus + minus);
        finish(l, j, cosine ? cosines : sines, cosine ? sines : cosines, u, theta);
    }
}

static void sin_layer(const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    wave_loop(0, l, n, u, theta);
}
static void cos_layer(const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    wave_loop(1, l, n, u, theta);
}

/* E = (pi - t) / 2 pi, 0 where a variance is 0: step(0) = 0. The next variances are all w / 2 + b but those, so that u'
 * = w t / (2 pi) / (w / 2 + b) has no cancellation either. */
static void step_layer(const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    const double root = l->root, w = l->w, value = l->value, constant = l->constant, unit = 1 / (0.5 * w + l->b);
    const double k0 = l->b * l->inverse;
    const double *roots = l->roots, *inverses = l->inverses;
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) {
        const double t = arc(u[j]), e = root * roots[j] > 0 ? (M_PI - t) * INV_2PI : 0;
        const double lost = root * roots[j] > 0 ? w * t * INV_2PI * unit : 1 - k0 * inverses[j];
        u[j] = bounded(lost);
        theta[j] = OVP_FMA(value, e, constant);
    }
}

static void square_layer(const ovp_kernel_layer *l, ovp_idx n, double *u, double *theta) {
    const double q = l->root * l->root, root = l->root;
    const double *roots = l->roots;
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) {
        const double k = root * roots[j] * (1 - u[j]);
        finish(l, j, OVP_FMA(2 * k, k, q * roots[j] * roots[j]), 4 * k, u, theta);
    }
}

/* Clenshaw's recurrence, many values at a time: each step waits for the last one. */
static void profile(ovp_idx terms, const double *c, ovp_idx n, double root, const double *roots, const double *u,
                    double *theta) {
    enum { BLOCK = 64 };
    for (ovp_idx j = 0; j < n; j += BLOCK) {
        const ovp_idx count = n - j < BLOCK ? n - j : BLOCK;
        double twice[BLOCK] = {0}, even[BLOCK] = {0}, odd[BLOCK] = {0}; /* 2 x, and b_n by turns */
        OVP_LANES
        for (ovp_idx q = 0; q < count; q++) twice[q] = OVP_FMA(4 * M_1_PI, arc(u[j + q]), -2.0);
        for (ovp_idx k = terms - 1; k > 0; k--) {
            const double own = c[k];
            double *b = k % 2 ? odd : even, *after = k % 2 ? even : odd; /* b_k takes the place of b_k+2 */
            OVP_LANES
            for (ovp_idx q = 0; q < BLOCK; q++) b[q] = OVP_FMA(twice[q], after[q], own - b[q]);
        }
        OVP_LANES
        for (ovp_idx q = 0; q < count; q++)
            theta[j + q] = root * roots[j + q] * OVP_FMA(.5 * twice[q], odd[q], c[0] - even[q]);
    }
}

static void given(const ovp_kernel_layer *l, ovp_idx n, const double *value, const double *slope, double *u,
                  double *theta) {
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) finish(l, j, value[j], slope[j], u, theta);
}

static void series(ovp_idx terms, ovp_idx n, const double *a, const double *table, ovp_idx ld, const double *u,
                   double *sum) {
    for (ovp_idx j = 0; j < n; j++) sum[j] = 0;
    for (ovp_idx k = terms - 1; k >= 0; k--) {
        const double *row = table + k * ld, own = a[k];
        OVP_LANES
        for (ovp_idx j = 0; j < n; j++) sum[j] = OVP_FMA(sum[j], 1 - u[j], own * row[j]);
    }
}

static int angles(ovp_idx n, const double *p, double w, double b, double inverse, const double *inverses, double near,
                  double *u) {
    int found = 0;
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) {
        u[j] = bounded(OVP_FMA(-OVP_FMA(w, p[j], b), inverse * inverses[j], 1.0));
        found |= u[j] < near || u[j] > 2 - near;
    }
    return found;
}

extern const ovp_kernel_layer_kernels OVP_HOT(ovp_kernel_layer_kernels);
const ovp_kernel_layer_kernels OVP_HOT(ovp_kernel_layer_kernels) = {
    .angles = angles,
    .layer =
        {
            [OVP_DUAL_PIECES] = pieces,
            [OVP_DUAL_ERF] = erf_layer,
            [OVP_DUAL_GELU] = gelu_layer,
            [OVP_DUAL_SIN] = sin_layer,
            [OVP_DUAL_COS] = cos_layer,
            [OVP_DUAL_STEP] = step_layer,
            [OVP_DUAL_SQUARE] = square_layer,
        },
    .profile = profile,
    .given = given,
    .series = series,
};

#endif
