/* resnet-cifar: what its files share. */
#ifndef OVP_RESNET_CIFAR_INT_H
#define OVP_RESNET_CIFAR_INT_H

#include "study.h"

#include <overparam/data.h>

/* Images of one part, in the order that a seed draws them. */
typedef struct resnet_images {
    const float *x; /* raw pixels, channel by channel; of the set */
    const int32_t *label;
    ovp_idx n;
    int64_t *row; /* n: rows of the set */
} resnet_images;

/* How well the test images were told apart, in one of the two modes. */
typedef struct resnet_score {
    double loss, top1, top2, top2_published;
} resnet_score;

/* One row of table accuracy. */
typedef struct resnet_row {
    ovp_idx layers, epoch;
    int64_t seed;
    double train_loss, train_accuracy;
    resnet_score batch, running;
} resnet_row;

/* One row of table steps. */
typedef struct resnet_step {
    ovp_idx net, rows; /* net: seed by seed, depth by depth */
    double epoch, loss, omega;
} resnet_step;

typedef struct resnet_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    const int64_t *seeds, *layers;
    ovp_idx seed_count, layer_count;
    ovp_data_set set;
    ovp_idx side, channels; /* of an image */
    ovp_idx batch, epochs, crop;
    int crop_test;
    resnet_images train, test;
    resnet_row *rows; /* of table accuracy */
    ovp_idx row_count;
    resnet_step *steps;
    ovp_idx step_count;
} resnet_lab;

/* Blocks a stage of L = 6 n + 2 weight layers. */
static inline ovp_idx resnet_blocks(ovp_idx layers) {
    return (layers - 2) / 6;
}
/* --lr, or the published rule L^(2 alpha - 1.05). */
double resnet_rate(const ovp_params *params, ovp_idx layers);
ovp_status resnet_options(ovp_net_resnet_options *out, const resnet_lab *lab, ovp_idx layers);

/* (1/B) sum_i |d(mean loss) / d(outputs of sample i)|^2 of cross-entropy at outputs f (rows x c). */
double resnet_omega(ovp_idx rows, ovp_idx c, const float *f, const int32_t *labels);
/* Top-1, correct top-2 and the published program's top-2 over rows of one batch, as counts added to out. */
void resnet_count(resnet_score *out, ovp_idx rows, ovp_idx c, const float *f, const int32_t *labels);

/* Loads the images, checks what only they can tell. */
ovp_status resnet_load(resnet_lab *lab);
/* Trains and tests all depths of one seed. */
ovp_status resnet_train_seed(resnet_lab *lab, ovp_idx seed);
/* Summary, verdicts, published comparison and figures, of the rows there are. */
ovp_status resnet_conclude(resnet_lab *lab);

#endif
