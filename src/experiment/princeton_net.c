/* The Princeton tutorial's net of one hidden layer. */
#include "princeton_int.h"

ovp_idx princeton_net_parameters(const princeton_net *o) {
    return (o->inputs + 1 + o->outputs) * o->width;
}

/* What torch.nn.Linear draws for itself, a word a value, in the tensors' order. */
static void skip_defaults(ovp_numeric_rng *rng, ovp_idx count, const ovp_net_slice *slice, float *scratch) {
    for (ovp_idx i = 0; i < count; i++) ovp_numeric_rng_uniform(rng, OVP_F32, slice[i].count, 0, 1, scratch);
}

ovp_status princeton_net_create(study_net *net, ovp_ctx *ctx, const princeton_net *o, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    float *narrow = NULL;
    double *wide = NULL;
    const ovp_idx widths[] = {o->inputs, o->width, o->outputs};
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = 2,
                                           .widths = widths,
                                           .activation = o->activation,
                                           .type = OVP_F64,
                                           .engine = o->engine,
                                           .parametrization = "unit-sphere",
                                           .no_last_bias = 1};
    ovp_idx count, most = 0;
    OVP_TRY(study_net_create(net, ctx, &options, NULL, 0, NULL));
    const ovp_net_slice *slice = ovp_net_model_slices(net->model, &count);
    for (ovp_idx i = 0; i < count; i++) most = slice[i].count > most ? slice[i].count : most;
    OVP_TRY(ovp_alloc(ctx, &narrow, most, sizeof *narrow));
    OVP_TRY(ovp_alloc(ctx, &wide, most, sizeof *wide));
    if (ovp_numeric_rng_get_kind(rng) == OVP_RNG_TORCH) skip_defaults(rng, count, slice, narrow);
    for (ovp_idx i = 0; i < count; i++) {
        ovp_numeric_rng_normal(rng, OVP_F32, slice[i].count, 0, 1, narrow);
        for (ovp_idx k = 0; k < slice[i].count; k++) wide[k] = (double)narrow[k];
        ovp_net_slice_set(net->model, &slice[i], wide, net->theta);
    }
    study_net_mark(net);
done:
    ovp_free(ctx, wide);
    ovp_free(ctx, narrow);
    if (status != OVP_OK) study_net_free(ctx, net);
    return status;
}
