/* Fused loops of residual nets' tile engine, where the level has them. */
#ifndef OVP_NET_HOT_RESIDUAL_FUSED_H
#define OVP_NET_HOT_RESIDUAL_FUSED_H

#include "net/hot/tile_vector.h"
#include "net/residual_tile_int.h"

extern const ovp_net_residual_fused OVP_HOT(ovp_net_residual_tanh);

#endif
