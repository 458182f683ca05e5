/* A dense teacher net (Neuromatch Academy, deep learning, W2D1): torch's default initialisation is drawn and thrown
 * away, then every weight N(0, sigma^2 / fan-in), layer by layer; inputs; targets are the net's outputs. No biases. */
#include "data/synthetic_int.h"

#include <math.h>

#define MAX_DEPTH 10000

static void defaults(ovp_data_synthetic_options *o) {
    o->train = 4000;
    o->test = 1000;
    o->features = 5;
    o->noise = 0.0;
    o->depth = 5;
    o->width = 5;
    o->sigma = 2.0;
    o->activation = "tanh";
}

static ovp_status check(ovp_ctx *ctx, const char *name, const ovp_data_synthetic_options *o) {
    if (o->depth < 1 || o->depth > MAX_DEPTH || o->width < 1) {
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: depth %lld, width %lld; 1..%d weight matrices and 1 or more units expected", name,
                        (long long)o->depth, (long long)o->width, MAX_DEPTH);
    }
    if (!(o->sigma > 0.0) || !isfinite(o->sigma)) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: sigma %g; a positive number expected", name, o->sigma);
    }
    return OVP_OK;
}

static ovp_status create(ovp_data_maker *maker) {
    ovp_status status = OVP_OK;
    const ovp_data_synthetic_options *o = maker->options;
    ovp_idx *widths = NULL;
    OVP_TRY(ovp_alloc(maker->ctx, &widths, o->depth + 1, sizeof(*widths)));
    for (ovp_idx l = 0; l <= o->depth; l++) widths[l] = l == 0 ? o->features : l == o->depth ? o->outputs : o->width;
    ovp_net_dense_options dense = {.size = sizeof(dense),
                                   .layers = o->depth,
                                   .widths = widths,
                                   .activation = o->activation,
                                   .no_bias = 1,
                                   .type = o->type};
    OVP_TRY(ovp_net_dense_create(&maker->set->teacher, maker->ctx, &dense));
done:
    ovp_free(maker->ctx, widths);
    return status;
}

static ovp_status begin(ovp_data_maker *maker) {
    ovp_status status = OVP_OK;
    const ovp_data_synthetic_options *o = maker->options;
    ovp_data_synthetic_set *set = maker->set;
    const ovp_net_init_options thrown_away = {.size = sizeof(thrown_away), .rule = "torch-default"};
    const ovp_net_init_options kept = {.size = sizeof(kept), .rule = "normal", .gain = o->sigma};
    OVP_TRY(create(maker));
    ovp_idx parameters = ovp_net_model_parameters(set->teacher);
    OVP_TRY(ovp_numeric_array_create(&set->theta, maker->ctx, o->type, 1, &parameters));
    OVP_TRY(ovp_net_init(set->teacher, maker->ctx, &thrown_away, o->rng, set->theta.data));
    ovp_numeric_rng_align(o->rng);
    OVP_TRY(ovp_net_init(set->teacher, maker->ctx, &kept, o->rng, set->theta.data));
done:
    return status;
}

/* The net computes in the type of the set; from inputs to outputs, rounded on the way in. */
static ovp_status forward(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const void *x, void *y) {
    ovp_status status = OVP_OK;
    ovp_net_batch *batch = NULL;
    ovp_net_workspace *workspace = NULL;
    OVP_TRY(ovp_net_bind(&batch, ctx, set->teacher, x, rows));
    OVP_TRY(ovp_net_workspace_create(&workspace, ctx, set->teacher, rows));
    OVP_TRY(ovp_net_forward(workspace, batch, set->theta.data, y));
done:
    ovp_net_workspace_free(workspace);
    ovp_net_batch_free(batch);
    return status;
}

static ovp_status targets(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x, double *y) {
    ovp_status status = OVP_OK;
    ovp_idx in = rows * set->features, out = rows * set->outputs;
    float *narrow_x = NULL, *narrow_y = NULL;
    if (set->type == OVP_F64) return forward(set, ctx, rows, x, y);
    OVP_TRY(ovp_alloc(ctx, &narrow_x, in, sizeof(*narrow_x)));
    OVP_TRY(ovp_alloc(ctx, &narrow_y, out, sizeof(*narrow_y)));
    for (ovp_idx i = 0; i < in; i++) narrow_x[i] = (float)x[i];
    OVP_TRY(forward(set, ctx, rows, narrow_x, narrow_y));
    for (ovp_idx i = 0; i < out; i++) y[i] = (double)narrow_y[i];
done:
    ovp_free(ctx, narrow_x);
    ovp_free(ctx, narrow_y);
    return status;
}

extern const ovp_data_synthetic_kind ovp_data_synthetic_teacher;
const ovp_data_synthetic_kind ovp_data_synthetic_teacher = {
    .defaults = defaults, .check = check, .begin = begin, .targets = targets};
