/* The loops around convolutions, over images as oneDNN has them; one table per processor level (hot/conv_loops.c). */
#ifndef OVP_NET_CONV_LOOPS_INT_H
#define OVP_NET_CONV_LOOPS_INT_H

#include "net/net_int.h"

/* Images [sample][block][pixel][lane]; what belongs to channels has blocks x lanes values, those of padding 0. */
typedef struct ovp_net_maps {
    ovp_idx samples, blocks, pixels, lanes;
} ovp_net_maps;

typedef struct ovp_net_conv_loops {
    /* out = scale z + shift + add (NULL: none), rectified if asked for; out may be add */
    void (*affine)(const ovp_net_maps *m, const void *z, const void *scale, const void *shift, const void *add,
                   int rectify, void *out);
    /* Means of z over samples and pixels, and sums of squared distances from them. */
    void (*moments)(const ovp_net_maps *m, const void *z, double *mean, double *square);
    /* g = g + add (NULL: none) where gate > 0, else 0; sum = sums of g, along = sums of g (z - mean) */
    void (*gate)(const ovp_net_maps *m, const void *gate, const void *add, const void *z, const void *mean, void *g,
                 double *sum, double *along);
    /* out = a g + b z + c */
    void (*gradient)(const ovp_net_maps *m, const void *g, const void *z, const void *a, const void *b, const void *c,
                     void *out);
} ovp_net_conv_loops;

const ovp_net_conv_loops *ovp_net_conv_loops_for(const ovp_ctx *ctx);

#endif
