/* Trainings of the small nets that the tile engine is for against PyTorch's traces (data/small_nets.json; small_nets.py
 * made it): every engine and layout, both precisions, every level of this processor. Weights and data come from our own
 * torch stream, so nothing but losses is stored. Measured agreement: f64 9e-16, f32 2.7e-7; the bars are 1e-9 and 1e-5.
 * In debug builds the nets with thousands of rows take 10 of the 50 steps; OVP_TEST_LONG=1: all. */
#include "check.h"

#include <overparam/train.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 50 };

static const struct {
    const char *engine, *layout;
} ways[] = {{"reference", NULL},  {"gemm", NULL},    {"tile", "samples"},
            {"tile", "features"}, {"tile", "units"}, {"tile", "auto"}};

typedef struct small_case {
    const char *name, *activation, *optimiser;
    ovp_idx layers, rows, widths[8];
    int64_t seed;
    int bias;
    double lr, losses[STEPS];
} small_case;

static void load(small_case *c, json_t *json) {
    const json_t *widths = json_object_get(json, "widths"), *rule = json_object_get(json, "optimiser");
    const json_t *losses = json_object_get(json, "losses");
    *c = (small_case){.name = json_string_value(json_object_get(json, "name")),
                      .activation = json_string_value(json_object_get(json, "activation")),
                      .optimiser = json_string_value(json_object_get(rule, "name")),
                      .layers = (ovp_idx)json_array_size(widths) - 1,
                      .rows = json_integer_value(json_object_get(json, "rows")),
                      .seed = json_integer_value(json_object_get(json, "seed")),
                      .bias = json_is_true(json_object_get(json, "bias")),
                      .lr = json_number_value(json_object_get(rule, "lr"))};
    assert_in_range(c->layers, 1, 7);
    for (ovp_idx i = 0; i <= c->layers; i++) c->widths[i] = json_integer_value(json_array_get(widths, (size_t)i));
    assert_int_equal(json_array_size(losses), STEPS);
    for (size_t i = 0; i < STEPS; i++) c->losses[i] = json_number_value(json_array_get(losses, i));
}

/* n float32 values of the stream, in the precision asked for. */
static void *draw(ovp_ctx *ctx, ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n) {
    float *values;
    void *out;
    assert_ok(ctx, ovp_alloc(ctx, &values, n, sizeof *values));
    assert_ok(ctx, ovp_alloc(ctx, &out, n, sizeof(double)));
    ovp_numeric_rng_normal(rng, OVP_F32, n, 0, 1, values);
    for (ovp_idx i = 0; i < n; i++)
        if (type == OVP_F32)
            ((float *)out)[i] = values[i];
        else
            ((double *)out)[i] = (double)values[i];
    ovp_free(ctx, values);
    return out;
}

/* The float32 draws of torch's default initialisation, in the model's order and type. */
static void *initial(ovp_ctx *ctx, const small_case *c, const ovp_net_model *model, ovp_numeric_rng *rng) {
    const ovp_numeric_type type = ovp_net_model_type(model);
    void *theta;
    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_slices(model, &count);
    assert_ok(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof(double)));
    assert_int_equal(count, c->layers * (c->bias ? 2 : 1));
    for (ovp_idx i = 0; i < count; i++) {
        const ovp_net_slice *s = &slices[i];
        float *values;
        double *wide;
        assert_ok(ctx, ovp_alloc(ctx, &values, s->count, sizeof *values));
        assert_ok(ctx, ovp_alloc(ctx, &wide, s->count, sizeof *wide));
        assert_ok(ctx, ovp_net_init_tensor(ctx, "torch-default", 0, s->role, s->fan_in, s->fan_out, rng, OVP_F32,
                                           s->count, values));
        for (ovp_idx k = 0; k < s->count; k++) wide[k] = (double)values[k];
        ovp_net_slice_set(model, s, type == OVP_F32 ? (void *)values : (void *)wide, theta);
        ovp_free(ctx, values);
        ovp_free(ctx, wide);
    }
    return theta;
}

static void train_case(ovp_ctx *ctx, const small_case *c, ovp_numeric_type type, size_t way) {
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = c->layers,
                                           .widths = c->widths,
                                           .activation = c->activation,
                                           .no_bias = !c->bias,
                                           .type = type,
                                           .engine = ways[way].engine,
                                           .layout = ways[way].layout};
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_workspace *workspace;
    ovp_numeric_rng *rng;
    ovp_train *train;
    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &options));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, c->seed, OVP_PURPOSE_GENERAL, 0));
    void *theta = initial(ctx, c, model, rng);
    void *x = draw(ctx, rng, type, c->rows * c->widths[0]), *y = draw(ctx, rng, type, c->rows * c->widths[c->layers]);
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, c->rows));
    assert_ok(ctx, ovp_net_workspace_create(&workspace, ctx, model, c->rows));
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = y};
    const ovp_train_options rule = {.size = sizeof rule, .optimiser = c->optimiser, .lr = c->lr};
    assert_ok(ctx, ovp_train_create(&train, ctx, model, workspace, batch, &targets, &rule, theta));
    const double bar = type == OVP_F32 ? 1e-5 : 1e-9;
    const int steps = c->rows < 1000 || !SLOW || getenv("OVP_TEST_LONG") ? STEPS : 10;
    for (int k = 0; k < steps; k++) {
        double loss = NAN;
        assert_ok(ctx, ovp_train_step(train, &loss));
        if (!(fabs(loss - c->losses[k]) <= bar * c->losses[k]))
            fail_msg("%s, %s %s %s, step %d: loss %.17g, PyTorch %.17g", c->name, ways[way].engine,
                     ways[way].layout ? ways[way].layout : "", ovp_isa(ctx), k + 1, loss, c->losses[k]);
    }
    ovp_train_free(train);
    ovp_net_workspace_free(workspace);
    ovp_net_batch_free(batch);
    ovp_net_model_free(model);
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, theta);
    ovp_free(ctx, x);
    ovp_free(ctx, y);
}

static void small_nets_follow_pytorch(void **state) {
    (void)state;
    static const char *const levels[] = {"base", "v3", "v4"};
    json_error_t error;
    json_t *root = json_load_file(OVP_TEST_DIR "/golden/data/small_nets.json", 0, &error), *json;
    if (!root) fail_msg("%s", error.text);
    size_t i, done = 0;
    json_array_foreach(json_object_get(root, "cases"), i, json) {
        small_case c;
        load(&c, json);
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
            for (int level = 0; level < 3; level++) {
                const ovp_ctx_options o = {.size = sizeof o, .threads = 2, .isa = levels[level]};
                ovp_ctx *ctx;
                const int oracle = strcmp(ways[way].engine, "tile") != 0;
                const int units = ways[way].layout && strcmp(ways[way].layout, "units") == 0;
                if ((oracle && level > 0) || (units && (c.layers != 2 || c.widths[2] > 4))) continue;
                if (ovp_ctx_create(&ctx, &o) != OVP_OK) continue; /* not on this processor */
                train_case(ctx, &c, OVP_F64, way);
                train_case(ctx, &c, OVP_F32, way);
                ovp_ctx_free(ctx);
                done++;
            }
    }
    assert_true(i == 8 && done >= 8 * 5);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_nets_follow_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
