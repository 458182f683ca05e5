/* Inside kernel: the inner loops compiled per precision and processor level. */
#ifndef OVP_KERNEL_HOT_INT_H
#define OVP_KERNEL_HOT_INT_H

#include <overparam/numeric.h>

#include "numeric/sparse_int.h"

/* ---- of both precisions: kernels of <x, z> and |x - z| ----------------------------------------------- */

typedef enum ovp_kernel_form {
    OVP_FORM_LAPLACE,   /* exp(-rate D^(1/2)), D = |x - z|^2 */
    OVP_FORM_GAUSSIAN,  /* exp(-rate D) */
    OVP_FORM_DISPERSAL, /* exp(-rate D^power) */
    OVP_FORM_POLYNOMIAL,
    OVP_FORM_NET
} ovp_kernel_form;

typedef struct ovp_kernel_point {
    ovp_kernel_form form;
    double rate, power;
    double scale, offset;
    int degree;
} ovp_kernel_point;

/* D is computed anew by differences where it is below this part of |x|^2 + |z|^2. */
#define OVP_KERNEL_NEAR_F32 1e-2
#define OVP_KERNEL_NEAR_F64 1e-4

typedef struct ovp_kernel_point_kernels {
    /* p[j] = scale scales[j] <x, z_j>; scales NULL: 1. */
    void (*scale)(ovp_idx n, void *p, double scale, const double *scales);
    /* p[j] <- max(0, square + squares[j] - 2 p[j]); whether one of them is near. */
    int (*squares)(ovp_idx n, void *p, double square, const double *squares);
    /* The function of D, or of <x, z> for the polynomial, in place. */
    void (*map)(const ovp_kernel_point *point, ovp_idx n, void *p);
    /* sum_k (scale_x x_k - scale_z z_k)^2 in f64. */
    double (*difference)(ovp_idx d, const void *x, double scale_x, const void *z, double scale_z);
    /* |x|^2 in f64; its non-zeros are added to *nonzeros, and x itself to sums (NULL: nowhere). */
    double (*look)(ovp_idx d, const void *x, double *sums, ovp_idx *nonzeros);
    ovp_numeric_spmm sparse_product;
} ovp_kernel_point_kernels;

/* ---- f64: layers of infinitely wide nets -------------------------------------------------------------- */

typedef enum ovp_kernel_dual {
    OVP_DUAL_PIECES, /* linear left and right of 0 */
    OVP_DUAL_ERF,
    OVP_DUAL_GELU,
    OVP_DUAL_SIN,
    OVP_DUAL_COS,
    OVP_DUAL_STEP,
    OVP_DUAL_SQUARE,
    OVP_DUAL_CLOSED, /* how many have closed forms */
    OVP_DUAL_SERIES = OVP_DUAL_CLOSED
} ovp_kernel_dual;

/* One layer between one row x and columns z_j: u_j = 1 - correlation before it. Variances q of its inputs as root =
 * sqrt(q); next = sqrt(q') of its outputs, inverse = 1 / next (0 for 0). */
typedef struct ovp_kernel_layer {
    double left, right;            /* slopes of OVP_DUAL_PIECES */
    double w, b;                   /* K' = w E[phi phi] + b */
    double value, slope, constant; /* Theta' = value E[phi phi] + slope Theta E[phi' phi'] + constant */
    double root, next, inverse;
    const double *roots, *nexts, *inverses;
} ovp_kernel_layer;

typedef struct ovp_kernel_layer_kernels {
    /* u[j] = 1 - (w p[j] + b) inverse inverses[j], bounded by 0..2; whether one is below OVP_KERNEL_NEAR_F64, or
     * `near`, of 0 or 2. */
    int (*angles)(ovp_idx n, const double *p, double w, double b, double inverse, const double *inverses, double near,
                  double *u);
    /* u and Theta of this layer from those of the layer before. */
    void (*layer[OVP_DUAL_CLOSED])(const ovp_kernel_layer *layer, ovp_idx n, double *u, double *theta);
    /* theta[j] = root roots[j] sum_n c[n] T_n(2 t / pi - 1), t = acos(1 - u[j]), n < terms (1 or more). */
    void (*profile)(ovp_idx terms, const double *c, ovp_idx n, double root, const double *roots, const double *u,
                    double *theta);
    /* u and Theta of a layer from E[phi phi] and E[phi' phi'] given. */
    void (*given)(const ovp_kernel_layer *layer, ovp_idx n, const double *value, const double *slope, double *u,
                  double *theta);
    /* sum_k a[k] table[k ld + j] c^k at c = 1 - u[j] for k < terms. */
    void (*series)(ovp_idx terms, ovp_idx n, const double *a, const double *table, ovp_idx ld, const double *u,
                   double *sum);
} ovp_kernel_layer_kernels;

const ovp_kernel_point_kernels *ovp_kernel_point_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type);
const ovp_kernel_layer_kernels *ovp_kernel_layer_kernels_for(const ovp_ctx *ctx);

#endif
