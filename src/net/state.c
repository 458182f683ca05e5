/* State: buffers beside theta. Checks, then the engine. */
#include "net/net_int.h"

#include <string.h>

const ovp_net_slice *ovp_net_model_state(const ovp_net_model *model, ovp_idx *count) {
    *count = model->state_count;
    return model->state;
}

ovp_idx ovp_net_model_state_values(const ovp_net_model *model) {
    return model->state_values;
}

/* Every slice's init_std is the value it starts with. */
void ovp_net_state_init(const ovp_net_model *model, void *state) {
    for (ovp_idx i = 0; i < model->state_count; i++) {
        const ovp_net_slice *s = &model->state[i];
        for (ovp_idx k = s->offset; k < s->offset + s->count; k++)
            if (model->type == OVP_F32)
                ((float *)state)[k] = (float)s->init_std;
            else
                ((double *)state)[k] = s->init_std;
    }
}

static ovp_status no_state(const ovp_net_workspace *ws) {
    return ovp_fail(ws->ctx, OVP_EUNSUPPORTED, "state: this %s model has none; ovp_net_model_state_values tells",
                    ws->model->engine->name);
}

ovp_status ovp_net_state_update(ovp_net_workspace *ws, double momentum, void *state) {
    if (ws->model->state_count == 0) return no_state(ws);
    if (!(momentum >= 0 && momentum <= 1))
        return ovp_fail(ws->ctx, OVP_EINVAL, "state: momentum %g is outside 0..1", momentum);
    return ws->model->engine->absorb(ws, momentum, state);
}

ovp_status ovp_net_forward_state(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta,
                                 const void *state, void *out) {
    if (ws->model->state_count == 0) return no_state(ws);
    ovp_status status = ovp_net_check_batch(ws, batch);
    return status == OVP_OK ? ws->model->engine->evaluate(ws, batch, theta, state, out) : status;
}
