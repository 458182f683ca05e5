/* The convolutional residual net: its description, shared by its engines. */
#ifndef OVP_NET_RESNET_INT_H
#define OVP_NET_RESNET_INT_H

#include "net/net_int.h"

/* One 3x3 convolution (padding 1) with its batch norm. Convolution 0 is the first; block k = 0, 1, .. has 1 + 2 k and
 * 2 + 2 k. */
typedef struct ovp_net_resnet_conv {
    ovp_idx in, out, size, stride; /* channels; rows = columns of the input image */
    ovp_idx pixels;                /* rows times columns of the output image */
    ovp_idx weight, scale, shift;  /* offsets in theta */
    ovp_idx mean, variance;        /* offsets in the state and in the workspace's statistics */
    double delta;                  /* multiplies what the norm (and the ReLU after it) gives */
} ovp_net_resnet_conv;

/* model->own */
typedef struct ovp_net_resnet {
    ovp_idx blocks; /* of all stages */
    ovp_idx convs, channels, image, features;
    ovp_idx weight, bias; /* of the linear layer */
    ovp_net_resnet_conv conv[];
} ovp_net_resnet;

#define OVP_NET_BATCH_NORM_EPS 1e-5

static inline const ovp_net_resnet *ovp_net_resnet_of(const ovp_net_model *model) {
    return model->own;
}

/* What both engines keep of the last pass in train mode; the head of ws->engine. */
typedef struct ovp_net_resnet_pass {
    ovp_idx rows;       /* 0: none yet */
    double *statistics; /* means and (biased) variances, laid out as the state */
} ovp_net_resnet_pass;

ovp_status ovp_net_resnet_absorb(ovp_net_workspace *ws, double momentum, void *state);

extern const ovp_net_engine ovp_net_resnet_reference_f32, ovp_net_resnet_reference_f64;
#ifdef OVP_HAVE_ONEDNN
extern const ovp_net_engine ovp_net_resnet_onednn;
#endif

#endif
