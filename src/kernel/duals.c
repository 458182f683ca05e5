/* Expectations over one normal, closed where there is a form, and over the plane by quadrature. */
#include "kernel/functions_int.h"

#include <math.h>

typedef struct integrand {
    double (*g)(double);
    double root1, root2;
} integrand;

static double square_at(const void *user, double z) {
    const integrand *f = user;
    const double y = f->g(f->root1 * z);
    return y * y;
}

static double product_at(const void *user, double x, double y) {
    const integrand *f = user;
    return f->g(f->root1 * x) * f->g(f->root2 * y);
}

int ovp_kernel_dual_breaks(double *out, const ovp_numeric_activation *act, double root) {
    static const double scales[] = {0.5, 2, 5, 12, 30};
    int n = 0;
    out[n++] = 0; /* elu's second derivative jumps there */
    for (int i = 0; i < act->kink_count && root > 0; i++) out[n++] = act->kinks[i] / root;
    /* Activations change where |u| is of order 1: beside a normal of large variance that is a narrow place. */
    for (size_t i = 0; i < sizeof scales / sizeof *scales && root > 4; i++) {
        out[n++] = scales[i] / root;
        out[n++] = -scales[i] / root;
    }
    return n;
}

static ovp_status by_quadrature(double *out, ovp_ctx *ctx, const ovp_kernel *kernel, double (*g)(double), double q) {
    const integrand f = {g, sqrt(q), 0};
    double breaks[OVP_KERNEL_MOST_BREAKS];
    const int count = ovp_kernel_dual_breaks(breaks, kernel->act, f.root1);
    return ovp_numeric_normal_mean(out, NULL, ctx, square_at, &f, breaks, count, 0.1 * kernel->options.tolerance);
}

static double mean_square(const ovp_kernel *kernel) {
    return 0.5 * (kernel->left * kernel->left + kernel->right * kernel->right);
}

/* The forms of hot/layers.c at c = 1, q1 = q2 = q. */
static void gelu(double q, double *square, double *slope) {
    const double r = 1 + 2 * q, b = 1 / (2 * M_PI * sqrt(r)), c = 0.25 + atan2(q, sqrt(r)) / (2 * M_PI);
    const double parts = 2 / (1 + q), s = q * q * parts;
    *square = q * c + b * s;
    *slope = c + b * q * (1 + s / r + 2 * (parts - 1));
}

ovp_status ovp_kernel_dual_square(double *out, ovp_ctx *ctx, const ovp_kernel *kernel, double q) {
    double unused;
    switch (kernel->dual) {
    case OVP_DUAL_PIECES:
        *out = mean_square(kernel) * q;
        break;
    case OVP_DUAL_ERF:
        *out = M_2_PI * atan2(2 * q, sqrt(1 + 4 * q));
        break;
    case OVP_DUAL_GELU:
        gelu(q, out, &unused);
        break;
    case OVP_DUAL_SIN:
        *out = -0.5 * expm1(-2 * q);
        break;
    case OVP_DUAL_COS:
        *out = 0.5 + 0.5 * exp(-2 * q);
        break;
    case OVP_DUAL_STEP:
        *out = q > 0 ? 0.5 : 0;
        break;
    case OVP_DUAL_SQUARE:
        *out = 3 * q * q;
        break;
    default:
        return by_quadrature(out, ctx, kernel, kernel->act->phi, q);
    }
    return OVP_OK;
}

ovp_status ovp_kernel_dual_slope(double *out, ovp_ctx *ctx, const ovp_kernel *kernel, double q) {
    double unused;
    switch (kernel->dual) {
    case OVP_DUAL_PIECES:
        *out = mean_square(kernel);
        break;
    case OVP_DUAL_ERF:
        *out = 2 * M_2_PI / sqrt(1 + 4 * q);
        break;
    case OVP_DUAL_GELU:
        gelu(q, &unused, out);
        break;
    case OVP_DUAL_SIN:
        *out = 0.5 + 0.5 * exp(-2 * q);
        break;
    case OVP_DUAL_COS:
        *out = -0.5 * expm1(-2 * q);
        break;
    case OVP_DUAL_STEP:
        *out = 0; /* infinite; no kernel that asks for it is made */
        break;
    case OVP_DUAL_SQUARE:
        *out = 4 * q;
        break;
    default:
        return by_quadrature(out, ctx, kernel, kernel->act->dphi, q);
    }
    return OVP_OK;
}

ovp_status ovp_kernel_dual_plane(double *out, double *error, ovp_ctx *ctx, const ovp_kernel *kernel, int derivative,
                                 double q1, double q2, double c) {
    const integrand f = {derivative ? kernel->act->dphi : kernel->act->phi, sqrt(q1), sqrt(q2)};
    double first[OVP_KERNEL_MOST_BREAKS], second[OVP_KERNEL_MOST_BREAKS];
    const int n1 = ovp_kernel_dual_breaks(first, kernel->act, f.root1);
    const int n2 = ovp_kernel_dual_breaks(second, kernel->act, f.root2);
    return ovp_numeric_normal_mean_2(out, error, ctx, product_at, &f, c, first, n1, second, n2,
                                     kernel->options.tolerance);
}
