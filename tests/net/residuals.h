/* Small residual nets with everything around them, as tests/net/nets.h has dense ones. */
#ifndef OVP_TEST_NET_RESIDUALS_H
#define OVP_TEST_NET_RESIDUALS_H

#include "nets.h"

static const char *const res_kinds[] = {"skip", "none", "linear-skip", "inc-skip"};
static const char *const res_acts[] = {"tanh", "relu", "elu", "gelu", "sigmoid"};
static const char *const res_engines[] = {"reference", "tile"};
enum { RES_KINDS = 4, RES_ACTS = 5, RES_ENGINES = 2 };

/* Zero fields: 1 thread, best level, f32, engine auto, tanh, skip, 4 inputs, dim 5, 3 outputs, 6 layers, 12 rows. */
typedef struct res_recipe {
    int threads;
    const char *isa;
    ovp_numeric_type type;
    const char *engine, *act, *kind;
    ovp_idx inputs, dim, outputs, layers, rows;
    double alpha, scale; /* alpha 0: 0.5; scale of the weights, 0: 0.4 */
    int64_t seed;
} res_recipe;

static inline ovp_idx given(ovp_idx n, ovp_idx otherwise) {
    return n ? n : otherwise;
}

/* By its recipe; ctx NULL: this processor lacks the level. */
static inline net make_residual(res_recipe r) {
    net n;
    memset(&n, 0, sizeof n);
    ovp_ctx_options o = {.size = sizeof o, .threads = r.threads ? r.threads : 1, .isa = r.isa};
    if (ovp_ctx_create(&n.ctx, &o) != OVP_OK) {
        n.ctx = NULL;
        return n;
    }
    n.type = r.type;
    n.inputs = given(r.inputs, 4);
    n.outputs = given(r.outputs, 3);
    n.rows = given(r.rows, 12);
    const ovp_idx dim = given(r.dim, 5);
    const void *in = random_room(&n, dim * n.inputs, 8 + 100 * r.seed, 0.6);
    const void *out = random_room(&n, n.outputs * dim, 9 + 100 * r.seed, 0.5);
    const ovp_net_residual_options d = {.size = sizeof d,
                                        .inputs = n.inputs,
                                        .dim = dim,
                                        .outputs = n.outputs,
                                        .layers = given(r.layers, 6),
                                        .activation = r.act,
                                        .augmentation = r.kind,
                                        .alpha = r.alpha != 0 ? r.alpha : 0.5,
                                        .type = r.type,
                                        .engine = r.engine,
                                        .read_in = in,
                                        .read_out = out};
    assert_ok(n.ctx, ovp_net_residual_create(&n.model, n.ctx, &d));
    n.parameters = ovp_net_model_parameters(n.model);
    n.x = random_room(&n, n.rows * n.inputs, 5 + 100 * r.seed, 1.1);
    n.theta = random_room(&n, n.parameters, 6 + 100 * r.seed, r.scale != 0 ? r.scale : 0.4);
    n.dense = n.theta; /* slices stand in C order */
    assert_ok(n.ctx, ovp_net_bind(&n.batch, n.ctx, n.model, n.x, n.rows));
    assert_ok(n.ctx, ovp_net_workspace_create(&n.ws, n.ctx, n.model, n.rows));
    return n;
}

static inline void assert_near(double value, double want, double tolerance) {
    if (!(fabs(value - want) <= tolerance)) fail_msg("%.17g, wanted %.17g within %g", value, want, tolerance);
}

#endif
