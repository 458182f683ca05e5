/* Initialisation of a whole model: its slices in the order of the table, which is the order torch constructs them in.
 */
#include "net/init_int.h"

#include <string.h>

ovp_status ovp_net_init(const ovp_net_model *model, ovp_ctx *ctx, const ovp_net_init_options *options,
                        ovp_numeric_rng *rng, void *theta) {
    ovp_idx count = 0;
    const ovp_net_slice *slices = ovp_net_model_slices(model, &count);
    ovp_net_init_options o = {0};
    memcpy(&o, options, options->size < sizeof(o) ? options->size : sizeof(o));
    for (ovp_idx i = 0; i < count; i++) {
        ovp_status status = ovp_net_init_slice(ctx, &o, &slices[i], rng, ovp_net_model_type(model), theta);
        if (status != OVP_OK) return status;
    }
    return OVP_OK;
}
