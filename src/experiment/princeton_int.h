/* experiment, internal: what the experiments of the Princeton tutorial share: its 4000 images, and its nets. */
#ifndef OVP_PRINCETON_INT_H
#define OVP_PRINCETON_INT_H

#include "study.h"

/* ---- princeton_images.c ----------------------------------------------------------------------------- */

/* The first per_class training images of each class met in order, the classes one after another in the order of their
 * first appearance (MNIST: 5 0 4 1 9 2 3 6 7 8), and the first test images of the set; pixels / 256, rows divided by
 * their length. Free with princeton_images_free. */
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

#endif
