/* experiment, internal: what the experiments of the Princeton tutorial share: its 4000 images, and its nets. */
#ifndef OVP_PRINCETON_INT_H
#define OVP_PRINCETON_INT_H

#include "study.h"

#include <overparam/kernel.h>

/* ---- princeton_images.c ----------------------------------------------------------------------------- */

/* The first per_class training images of each class met in order, the classes one after another in the order of their
 * first appearance (MNIST: 5 0 4 1 9 2 3 6 7 8), and the first test images of the set; pixels / 256, rows divided by
 * their length, in f32 as the published programs did, then widened. Free with princeton_images_free. */
typedef struct princeton_images {
    ovp_idx n, n_test, d, classes;
    double *x, *x_test; /* n x d, n_test x d */
    int32_t *label, *label_test;
    double *target, *target_test; /* one-hot: n x classes, n_test x classes */
} princeton_images;
/* dataset: a labelled set of images of bytes; tests: test images, 0: all. Errors: those of ovp_data_load, OVP_EINVAL
 * (no labels; a class with fewer than per_class images; fewer test images; an image of zeros: number given). */
ovp_status princeton_images_load(princeton_images *out, ovp_ctx *ctx, const char *dataset, ovp_idx per_class,
                                 ovp_idx tests);
void princeton_images_free(ovp_ctx *ctx, princeton_images *images);

/* ---- princeton_net.c -------------------------------------------------------------------------------- */

/* f = s / sqrt(k) A phi(B x + b) in f64, s^2 = 1 / E phi(u)^2 (2 for relu) over standard normals u, no last bias. */
typedef struct princeton_net {
    ovp_idx inputs, width, outputs;
    const char *activation, *engine;
} princeton_net;
/* The net without a trainer; B, b and A are drawn from N(0, 1) in f32, in this order. A torch stream first gives the
 * three tensors of torch's default initialisation, which the published programs drew and overwrote. */
ovp_status princeton_net_create(study_net *net, ovp_ctx *ctx, const princeton_net *options, ovp_numeric_rng *rng);
/* (inputs + 1 + outputs) width. */
ovp_idx princeton_net_parameters(const princeton_net *options);

/* ---- princeton_kernel.c ----------------------------------------------------------------------------- */

/* The kernel of these nets for k -> infinity, relu: closed form. */
ovp_status princeton_kernel_create(ovp_kernel **out, ovp_ctx *ctx);

/* Training with a constant kernel: the residual's coordinate i in the kernel's eigenbasis is multiplied by 1 - rate
 * lambda_i each step (gradient descent) or by exp(-rate lambda_i) in the same time (flow). Free with
 * princeton_tangent_free. */
typedef struct princeton_tangent {
    ovp_idx n;
    double *values, *start; /* eigenvalues ascending, coordinates of the residual at the start; one block */
    double rate;            /* learning rate times the loss's factor: 2 / n for the mean square of n */
} princeton_tangent;
/* kernel: n x n; residual: n values f_0 - y. */
ovp_status princeton_tangent_create(princeton_tangent *out, ovp_ctx *ctx, ovp_idx n, const double *kernel,
                                    const double *residual, double rate);
void princeton_tangent_free(ovp_ctx *ctx, princeton_tangent *tangent);
/* losses[k] = mean square of the residual after k steps, k < steps. */
ovp_status princeton_tangent_losses(const princeton_tangent *tangent, ovp_ctx *ctx, int flow, ovp_idx steps,
                                    double *losses);
/* The same after t steps alone. */
double princeton_tangent_loss(const princeton_tangent *tangent, int flow, double t);

/* |value - published| in units of 10^-digits |published|: at most 1 where that many digits are met. */
double princeton_apart(double value, double published, int digits);

#endif
