/* What models made of a model share. Each is an engine that delegates to the base model's: batch->base and ws->base
 * belong to the base; theta, its slices and its order are the base's. */
#ifndef OVP_NET_COMPOSED_INT_H
#define OVP_NET_COMPOSED_INT_H

#include "net/net_int.h"

/* model->own */
typedef struct ovp_net_composed {
    const void *theta_0; /* base's P values, or NULL */
    double alpha;
    ovp_net_feature_map map;
} ovp_net_composed;

static inline const ovp_net_composed *ovp_net_composed_of(const ovp_net_model *model) {
    return model->own;
}

/* A model of `engine` with everything taken from base, lacking what base lacks; theta_0 may be NULL. Errors: OVP_EINVAL
 * (theta_0 not finite), OVP_ENOMEM. */
ovp_status ovp_net_composed_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_model *base,
                                   const ovp_net_engine *engine, const ovp_net_composed *own);

/* Engine parts for models whose inputs are the base's: x is kept once, by the base's batch. */
ovp_status ovp_net_composed_bind(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_model *model);
ovp_status ovp_net_composed_refresh(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows);
/* Makes ws->base. */
ovp_status ovp_net_composed_prepare(ovp_net_workspace *ws);

/* out[i] = a x[i]; of the type. out may be x. */
void ovp_net_scale(ovp_numeric_type type, ovp_idx n, double a, const void *x, void *out);

#endif
