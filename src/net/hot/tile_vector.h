/* What the tile engine's loops share. */
#ifndef OVP_NET_HOT_TILE_VECTOR_H
#define OVP_NET_HOT_TILE_VECTOR_H

#include "net/tile_int.h"
#include "numeric/hot/vector.h"

/* Sizes of register blocks become constants: CALL(1) .. CALL(6). */
#define OVP_CASE(n, CALL)                                                                                              \
    case n:                                                                                                            \
        CALL(n);                                                                                                       \
        break;
#define OVP_LAST(n, CALL)                                                                                              \
    default:                                                                                                           \
        CALL(n);
#define OVP_SWITCH_3(n, CALL)                                                                                          \
    switch (n) { OVP_CASE(1, CALL) OVP_CASE(2, CALL) OVP_LAST(3, CALL) }
#define OVP_SWITCH_4(n, CALL)                                                                                          \
    switch (n) { OVP_CASE(1, CALL) OVP_CASE(2, CALL) OVP_CASE(3, CALL) OVP_LAST(4, CALL) }
#define OVP_SWITCH_5(n, CALL)                                                                                          \
    switch (n) { OVP_CASE(1, CALL) OVP_CASE(2, CALL) OVP_CASE(3, CALL) OVP_CASE(4, CALL) OVP_LAST(5, CALL) }
#define OVP_SWITCH_6(n, CALL)                                                                                          \
    switch (n) {                                                                                                       \
        OVP_CASE(1, CALL) OVP_CASE(2, CALL) OVP_CASE(3, CALL) OVP_CASE(4, CALL) OVP_CASE(5, CALL) OVP_LAST(6, CALL)    \
    }
#define OVP_SWITCH_8(n, CALL)                                                                                          \
    switch (n) {                                                                                                       \
        OVP_CASE(1, CALL)                                                                                              \
        OVP_CASE(2, CALL)                                                                                              \
        OVP_CASE(3, CALL) OVP_CASE(4, CALL) OVP_CASE(5, CALL) OVP_CASE(6, CALL) OVP_CASE(7, CALL) OVP_LAST(8, CALL)    \
    }

/* Pieces of at most `most` that cut n evenly. */
ALWAYS_INLINE ovp_idx even_piece(ovp_idx n, ovp_idx most) {
    const ovp_idx pieces = (n + most - 1) / most;
    return (n + pieces - 1) / pieces;
}

/* 0 if sizes or places are not among those of tile_small.c; h: as ovp_net_tile_product_dtanh, or NULL. */
int OVP_HOT(ovp_net_tile_small)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b,
                                ovp_idx ldb, ovp_net_tile_start start, const void *bias, const void *h, void *c,
                                ovp_idx ldc);
void OVP_HOT(ovp_net_tile_product)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b,
                                   ovp_idx ldb, ovp_net_tile_start start, const void *bias, void *c, ovp_idx ldc);
void OVP_HOT(ovp_net_tile_product_dtanh)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b,
                                         ovp_idx ldb, const void *h, void *c, ovp_idx ldc);
void OVP_HOT(ovp_net_tile_outer)(ovp_idx in, ovp_idx out, ovp_idx n, const void *a, ovp_idx lda, const void *z,
                                 ovp_idx ldz, void *g, int add);
void OVP_HOT(ovp_net_tile_tanh_backward)(const ovp_net_tile_block *s, const void *h, const void *df,
                                         const ovp_net_tile_shallow_gradient *g, int add);
void OVP_HOT(ovp_net_tile_relu_forward)(const ovp_net_tile_shallow *s, void *patterns, void *sums);
void OVP_HOT(ovp_net_tile_relu_backward)(const ovp_net_tile_shallow *s, const void *patterns, const void *df,
                                         const ovp_net_tile_shallow_gradient *g, int add);
void OVP_HOT(ovp_net_tile_sums)(ovp_idx out, ovp_idx n, const void *z, ovp_idx ldz, void *g, int add);

#endif
