/* The convolutional residual net on oneDNN: what its forward and backward pass share.
 *
 * The batch is cut into chunks of CHUNK samples, the last filled up with zeros; a task takes some chunks through one
 * convolution and all that stands around it while they are in cache. Where batch norm wants sums over the batch, all
 * tasks end; the sums of chunks are combined in their order. Chunks and tasks depend on the number of rows alone, and
 * so do the bits of every result: not on the number of threads. */
#ifndef OVP_NET_RESNET_CONV_INT_H
#define OVP_NET_RESNET_CONV_INT_H

#include "net/conv_loops_int.h"
#include "net/onednn_int.h"
#include "net/resnet_int.h"

enum { OVP_NET_RESNET_CHUNK = 8, OVP_NET_RESNET_TASKS = 16, OVP_NET_RESNET_SHAPES = 8 };

/* One convolution with its norm. */
typedef struct ovp_net_resnet_layer {
    const ovp_net_resnet_conv *c;
    const ovp_net_conv *conv;
    ovp_net_maps maps;           /* of what it gives */
    ovp_idx channels, image;     /* padded channels; floats of one image */
    float *z;                    /* what it gives, for the whole batch */
    float *packed, *packed_data; /* its weights, for forward and for the gradient of the input */
    float *scale, *shift, *mean; /* its norm: y = scale z + shift, delta included; the batch's mean */
} ovp_net_resnet_layer;

/* ws->engine */
typedef struct ovp_net_resnet_rooms {
    ovp_net_resnet_pass pass;
    const ovp_net_conv_loops *loops;
    ovp_idx chunks, tasks; /* of the workspace's rows */
    ovp_net_conv *shape[OVP_NET_RESNET_SHAPES];
    ovp_net_conv_shape key[OVP_NET_RESNET_SHAPES];
    int shapes;
    ovp_net_resnet_layer *layer; /* convs */
    float **h;                   /* blocks + 1: input of every block, of the global mean the last */
    float *g[3];                 /* gradients of such, and of what lies inside a block */
    double *sums;                /* chunks x 2 x most channels */
    float *partial;              /* tasks x largest packed gradient */
    float *coefficients;         /* 3 x most channels: the norm's gradient is a g + b z + c */
    float *features;             /* rows x features */
    float *plain;                /* a gradient on its way to the sink */
    float *worker;               /* workers x worker_room: the parts below one after the other */
    ovp_idx worker_room, images, weights, scratch, inputs, most_channels; /* their sizes, in floats */
    float *slab;                                                          /* all of the above that is float */
} ovp_net_resnet_rooms;

/* Parts of a worker's room. */
typedef struct ovp_net_resnet_bench {
    float *u, *dz, *x, *dw, *scratch;
} ovp_net_resnet_bench;

/* What the tasks of one step need. */
typedef struct ovp_net_resnet_step {
    ovp_net_workspace *ws;
    const ovp_net_batch *batch;
    const float *theta;
    const float *df;          /* backward */
    float *f;                 /* forward */
    ovp_idx l;                /* convolution */
    int measured;             /* forward: by the batch's statistics */
    const float *from, *skip; /* backward: gradient of what the layer's norm gives; of the shortcut, or NULL */
    float *to;                /* backward: gradient of what the layer below gives */
} ovp_net_resnet_step;

ovp_net_resnet_bench ovp_net_resnet_bench_of(const ovp_net_resnet_rooms *o, const ovp_ctx *worker);
/* Chunks first..*end-1 are task `task`'s; *last: valid samples of the batch's last chunk. */
ovp_idx ovp_net_resnet_chunks(ovp_idx rows, ovp_idx *tasks);
static inline ovp_idx ovp_net_resnet_valid(ovp_idx rows, ovp_idx chunk) {
    const ovp_idx left = rows - chunk * OVP_NET_RESNET_CHUNK;
    return left < OVP_NET_RESNET_CHUNK ? left : OVP_NET_RESNET_CHUNK;
}
/* Runs fn for every task of the batch. */
ovp_status ovp_net_resnet_parallel(const ovp_net_resnet_step *step, ovp_task_fn fn);
/* Zeros behind the valid images of a chunk. */
void ovp_net_resnet_clear_tail(float *images, ovp_idx image, ovp_idx valid);
/* The chunk of the batch's inputs, copied to x only if it must be filled up. */
const float *ovp_net_resnet_inputs(const ovp_net_resnet_step *s, ovp_idx chunk, float *x);
/* u = relu(norm(z)) of a layer's chunk. */
void ovp_net_resnet_rectified(const ovp_net_resnet_rooms *o, const ovp_net_resnet_layer *y, ovp_idx chunk,
                              ovp_idx valid, float *u);
/* Whether block k's shortcut is not the identity. */
int ovp_net_resnet_widens(const ovp_net_resnet_rooms *o, ovp_idx k);
/* Adds block k's shortcut of `valid` images to `wide` (transposed: from wide to narrow). */
void ovp_net_resnet_shortcut(const ovp_net_resnet_rooms *o, ovp_idx k, ovp_idx valid, float *narrow, float *wide,
                             int transposed);

ovp_status ovp_net_resnet_prepare(ovp_net_workspace *ws);
void ovp_net_resnet_release(ovp_net_workspace *ws);
ovp_status ovp_net_resnet_backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                                   const ovp_net_sink *sink);

#endif
