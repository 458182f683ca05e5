/* oneDNN's convolutions on a fixed number of samples, behind a header of our own: src/net/onednn.c alone includes its.
 */
#ifndef OVP_NET_ONEDNN_INT_H
#define OVP_NET_ONEDNN_INT_H

#include "net/net_int.h"

/* OVP_EUNAVAILABLE: this build has no oneDNN, and how to get it. */
ovp_status ovp_net_onednn_missing(ovp_ctx *ctx);

/* The rest is there with oneDNN alone.
 *
 * A 3x3 convolution, padding 1, of `rows` samples at a time. Images stand [sample][channel / lanes][row][column]
 * [channel % lanes], channels padded with zeros to a multiple of lanes; lanes 1 is the plain order. */
typedef struct ovp_net_conv_shape {
    ovp_idx rows, in, out, size, stride;
    ovp_idx lanes_in, lanes_out;
} ovp_net_conv_shape;

/* Primitives of one shape, for workers 0..workers-1 at a time. All calls are single-threaded. */
typedef struct ovp_net_conv ovp_net_conv;

/* Lanes that the library likes for images of so many channels and size: 16, 8, 4 or 1. */
ovp_status ovp_net_conv_lanes(ovp_idx *out, ovp_ctx *ctx, ovp_idx rows, ovp_idx channels, ovp_idx size);
/* Free with ovp_net_conv_free. Errors: OVP_EUNAVAILABLE (the library refuses), OVP_ENOMEM. */
ovp_status ovp_net_conv_create(ovp_net_conv **out, ovp_ctx *ctx, const ovp_net_conv_shape *shape, int workers);
void ovp_net_conv_free(ovp_net_conv *conv);

/* Sizes of what callers provide, in floats, multiples of 16: weights as forward, as the gradient of the input, and as
 * the gradient of the weights have them; scratch of a call. */
typedef struct ovp_net_conv_sizes {
    ovp_idx forward, data, weight, scratch;
} ovp_net_conv_sizes;
ovp_net_conv_sizes ovp_net_conv_room(const ovp_net_conv *conv);

/* One call, as worker ovp_worker(ctx), with scratch of its own:
 * FORWARD: c = conv(a), b: packed weights. DATA: c = gradient of sum(a z) with respect to x, b: weights packed for it.
 * WEIGHT: c (packed) = gradient of sum(b z) with respect to the weights, a = x.
 * PACK_FORWARD, PACK_DATA: b = weights a [out][in][3][3] packed. UNPACK: b = gradient a in that order. */
typedef enum ovp_net_conv_kind {
    OVP_CONV_FORWARD,
    OVP_CONV_DATA,
    OVP_CONV_WEIGHT,
    OVP_CONV_PACK_FORWARD,
    OVP_CONV_PACK_DATA,
    OVP_CONV_UNPACK
} ovp_net_conv_kind;
ovp_status ovp_net_conv_run(const ovp_net_conv *conv, ovp_ctx *ctx, ovp_net_conv_kind kind, const float *a,
                            const float *b, const float *c, float *scratch);

#endif
