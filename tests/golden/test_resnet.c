/* Trainings of the convolutional residual net against PyTorch's traces (data/resnet.json; resnet.py made it): both
 * engines. Weights and inputs come from our own torch stream, so only results are stored. Bars: f64 1e-9; f32 100 times
 * the spread that float32's own rounding causes in the file. */
#include "check.h"
#include "values.h"

#include <overparam/train.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 6 };

typedef struct resnet_case {
    const json_t *json;
    ovp_net_resnet_options options;
    ovp_idx rows;
    int64_t seed;
    double lr, spread;
} resnet_case;

static double number(const json_t *json, const char *key) {
    return json_number_value(json_object_get(json, key));
}

static resnet_case load(const json_t *json) {
    return (resnet_case){.json = json,
                         .options = {.size = sizeof(ovp_net_resnet_options),
                                     .blocks = (ovp_idx)number(json, "blocks"),
                                     .width = (ovp_idx)number(json, "width"),
                                     .image = (ovp_idx)number(json, "image"),
                                     .classes = (ovp_idx)number(json, "classes")},
                         .rows = (ovp_idx)number(json, "rows"),
                         .seed = (int64_t)number(json, "seed"),
                         .lr = number(json, "lr"),
                         .spread = number(json, "spread")};
}

/* float32 values in the type asked for, in place: the buffer has room for f64. */
static void widen(ovp_numeric_type type, ovp_idx n, void *values) {
    for (ovp_idx i = n; type == OVP_F64 && i-- > 0;) ((double *)values)[i] = (double)((float *)values)[i];
}

/* The stream's weights and inputs in `type`. */
static void draw(ovp_ctx *ctx, const resnet_case *c, ovp_numeric_type type, void *theta, void *x) {
    ovp_net_resnet_options options = c->options;
    ovp_net_model *model;
    ovp_numeric_rng *rng;
    options.type = OVP_F32;
    options.engine = "reference";
    assert_ok(ctx, ovp_net_resnet_create(&model, ctx, &options));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, c->seed, OVP_PURPOSE_GENERAL, 0));
    assert_ok(ctx, ovp_net_resnet_draw(model, ctx, rng, theta));
    const ovp_idx inputs = c->rows * ovp_net_model_inputs(model);
    ovp_numeric_rng_normal(rng, OVP_F32, inputs, 0, 1, x);
    widen(type, ovp_net_model_parameters(model), theta);
    widen(type, inputs, x);
    ovp_numeric_rng_free(rng);
    ovp_net_model_free(model);
}

static void near(const char *what, const json_t *list, ovp_numeric_type type, const void *values, ovp_idx n,
                 double bar) {
    assert_int_equal(json_array_size(list), n);
    double top = 0;
    for (ovp_idx i = 0; i < n; i++) top = fmax(top, fabs(json_number_value(json_array_get(list, (size_t)i))));
    for (ovp_idx i = 0; i < n; i++) {
        const double want = json_number_value(json_array_get(list, (size_t)i)), is = get(type, values, i);
        if (!(fabs(want - is) <= bar * top))
            fail_msg("%s %d: %.12g, PyTorch has %.12g (bar %.2g)", what, (int)i, is, want, bar * top);
    }
}

static void check_state(const resnet_case *c, const ovp_net_model *model, const void *state, double bar) {
    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_state(model, &count);
    const ovp_idx at[] = {0, 1, count - 2, count - 1};
    const json_t *lists = json_object_get(c->json, "state");
    for (size_t i = 0; i < 4; i++) {
        const ovp_net_slice *s = &slices[at[i]];
        const size_t size = ovp_numeric_type_size(ovp_net_model_type(model));
        near(s->name, json_array_get(lists, i), ovp_net_model_type(model),
             (const char *)state + (size_t)s->offset * size, s->count, bar);
    }
}

static void check_case(ovp_ctx *ctx, const resnet_case *c, ovp_numeric_type type, const char *engine) {
    const double bar = type == OVP_F64 ? 1e-9 : 100 * fmax(c->spread, 0x1p-24);
    ovp_net_resnet_options options = c->options;
    options.type = type;
    options.engine = engine;
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    ovp_train *train;
    void *theta, *x, *state;
    double losses[STEPS], *f;
    int32_t labels[64];
    assert_ok(ctx, ovp_net_resnet_create(&model, ctx, &options));
    assert_int_equal(ovp_net_model_parameters(model), number(c->json, "parameters"));
    const ovp_idx outputs = c->rows * ovp_net_model_outputs(model);
    assert_ok(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof(double)));
    assert_ok(ctx, ovp_alloc(ctx, &x, c->rows * ovp_net_model_inputs(model), sizeof(double)));
    assert_ok(ctx, ovp_alloc(ctx, &state, ovp_net_model_state_values(model), sizeof(double)));
    assert_ok(ctx, ovp_alloc(ctx, &f, outputs, sizeof(double)));
    draw(ctx, c, type, theta, x);
    ovp_net_state_init(model, state);
    for (ovp_idx i = 0; i < c->rows; i++) labels[i] = (int32_t)((7 * i + 3) % ovp_net_model_outputs(model));
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, c->rows));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, c->rows));
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    const ovp_train_options how = {.size = sizeof how, .lr = c->lr};
    assert_ok(ctx, ovp_train_create(&train, ctx, model, ws, batch, &targets, &how, theta));
    for (int k = 0; k < STEPS; k++) {
        assert_ok(ctx, ovp_train_step(train, &losses[k]));
        assert_ok(ctx, ovp_net_state_update(ws, 0.1, state));
    }
    near("loss", json_object_get(c->json, "losses"), OVP_F64, losses, STEPS, bar);
    check_state(c, model, state, bar);
    assert_ok(ctx, ovp_net_forward_state(ws, batch, theta, state, f));
    near("output in eval mode", json_object_get(c->json, "eval"), type, f, outputs, bar);
    ovp_train_free(train);
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(batch);
    ovp_net_model_free(model);
    ovp_free(ctx, theta);
    ovp_free(ctx, x);
    ovp_free(ctx, state);
    ovp_free(ctx, f);
}

static void test_pytorch(void **fixture) {
    ovp_ctx *ctx = *fixture;
    json_t *file = json_load_file(OVP_TEST_DIR "/golden/data/resnet.json", 0, NULL), *json;
    size_t i;
    assert_non_null(file);
    json_array_foreach(json_object_get(file, "cases"), i, json) {
        const resnet_case c = load(json);
        check_case(ctx, &c, OVP_F64, "reference");
        check_case(ctx, &c, OVP_F32, "reference");
        if (ovp_net_conv_library()) check_case(ctx, &c, OVP_F32, "conv");
    }
    assert_int_equal(i, 2);
    json_decref(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(test_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
