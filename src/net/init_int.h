/* Inside of initialisation. */
#ifndef OVP_NET_INIT_INT_H
#define OVP_NET_INIT_INT_H

#include <overparam/net.h>

/* Draws one slice in C order into its places in theta, whatever the strides; needs memory for at most 128 leading rows.
 * Errors: those of ovp_net_init_tensor, OVP_ENOMEM. */
ovp_status ovp_net_init_slice(ovp_ctx *ctx, const ovp_net_init_options *options, const ovp_net_slice *slice,
                              ovp_numeric_rng *rng, ovp_numeric_type type, void *theta);

#endif
