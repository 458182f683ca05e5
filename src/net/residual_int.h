/* Inside residual nets. All four kinds of block are one formula with two matrices, either of which may be missing:
 *
 *   z = A h,  t = phi(z),  h' = keep h + B t
 *
 *   skip          A = W_k              B = delta               keep 1
 *   none          A = W_k              B = delta               keep 0
 *   linear-skip   A = 1                B = W_k                 keep 1
 *   inc-skip      A = W_k-1 (W_-1 = 0) B = (W_k - W_k-1)^T     keep 1 */
#ifndef OVP_NET_RESIDUAL_INT_H
#define OVP_NET_RESIDUAL_INT_H

#include "net/net_int.h"

typedef enum ovp_net_augmentation {
    OVP_RES_SKIP,
    OVP_RES_NONE,
    OVP_RES_LINEAR,
    OVP_RES_INCREMENT
} ovp_net_augmentation;

/* model->own; U and V stand behind it. */
typedef struct ovp_net_residual {
    ovp_net_augmentation kind;
    ovp_idx dim, layers;
    double delta;
    const void *read_in, *read_out; /* dim x inputs, outputs x dim */
} ovp_net_residual;

static inline const ovp_net_residual *ovp_net_residual_of(const ovp_net_model *model) {
    return model->own;
}

extern const ovp_net_engine ovp_net_residual_reference_f32, ovp_net_residual_reference_f64, ovp_net_residual_tile_f32,
    ovp_net_residual_tile_f64;

enum { OVP_NET_RESIDUAL_GROUPS = 8 }; /* partial gradients at most */

/* Both engines' batch: own = h_0 = U x (capacity x dim), summed in f64 whatever the type, so its bits are everywhere
 * the same. */
ovp_status ovp_net_residual_bind(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_model *model);
ovp_status ovp_net_residual_refresh_f32(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_batch *from,
                                        const int64_t *rows);
ovp_status ovp_net_residual_refresh_f64(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_batch *from,
                                        const int64_t *rows);

/* The derivatives of both engines, one sample after the other (src/net/real/residual_reference.c); they make
 * ws->second. */
#define OVP_NET_RESIDUAL_OPERATIONS(real)                                                                              \
    ovp_status ovp_net_residual_tangent_##real(ovp_net_workspace *, const ovp_net_batch *, const void *, const void *, \
                                               void *, void *);                                                        \
    ovp_status ovp_net_residual_second_##real(ovp_net_workspace *, const ovp_net_batch *, const void *, const void *,  \
                                              const void *, const void *, void *);                                     \
    ovp_status ovp_net_residual_jacobian_##real(ovp_net_workspace *, const ovp_net_batch *, const void *, ovp_idx,     \
                                                ovp_idx, void *);
OVP_NET_RESIDUAL_OPERATIONS(f32)
OVP_NET_RESIDUAL_OPERATIONS(f64)

#endif
