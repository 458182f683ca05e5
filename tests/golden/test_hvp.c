/* Hessian- and Jacobian-vector products in float64 against PyTorch's double backward: every case of data/hvp_f64.json
 * (its "format" field says what stands there), on every engine. */
#include "net/nets.h"

#include <jansson.h>

#define TOLERANCE 1e-12

static double *reals(ovp_ctx *ctx, const json_t *object, const char *key) {
    const json_t *array = json_object_get(object, key);
    double *out = NULL;
    assert_ok(ctx, ovp_alloc(ctx, &out, (ovp_idx)json_array_size(array), sizeof *out));
    for (size_t i = 0; i < json_array_size(array); i++) out[i] = json_number_value(json_array_get(array, i));
    return out;
}

static void check_case(ovp_ctx *ctx, const json_t *json, const char *engine) {
    const json_t *widths_json = json_object_get(json, "widths"), *labels_json = json_object_get(json, "labels");
    ovp_idx widths[8];
    int32_t labels[64];
    assert_in_range(json_array_size(widths_json), 2, 8);
    for (size_t i = 0; i < json_array_size(widths_json); i++)
        widths[i] = json_integer_value(json_array_get(widths_json, i));
    for (size_t i = 0; i < json_array_size(labels_json) && i < 64; i++)
        labels[i] = (int32_t)json_integer_value(json_array_get(labels_json, i));
    const int mse = strcmp(json_string_value(json_object_get(json, "loss")), "mse") == 0;
    const ovp_idx rows = json_integer_value(json_object_get(json, "rows"));
    const ovp_idx layers = (ovp_idx)json_array_size(widths_json) - 1, outs = rows * widths[layers];
    double *x = reals(ctx, json, "x"), *values = reals(ctx, json, "values"), *jv = reals(ctx, json, "jv");
    double *hv = reals(ctx, json, "hv"), *dense = reals(ctx, json, "theta"), *v_dense = reals(ctx, json, "v");
    double *theta, *v, *flat, *got, *f, loss;
    ovp_net_model *m;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    const ovp_net_dense_options o = {.size = sizeof o,
                                     .layers = layers,
                                     .widths = widths,
                                     .activation = json_string_value(json_object_get(json, "activation")),
                                     .type = OVP_F64,
                                     .engine = engine};
    assert_ok(ctx, ovp_net_dense_create(&m, ctx, &o));
    const ovp_idx p = ovp_net_model_parameters(m);
    assert_int_equal(p, json_array_size(json_object_get(json, "hv")));
    double **const rooms[] = {&theta, &v, &flat, &got};
    for (int i = 0; i < 4; i++) assert_ok(ctx, ovp_alloc(ctx, rooms[i], p, sizeof(double)));
    assert_ok(ctx, ovp_alloc(ctx, &f, outs, sizeof *f));
    scatter(m, dense, theta);
    scatter(m, v_dense, v);
    assert_ok(ctx, ovp_net_bind(&batch, ctx, m, x, rows));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, rows));
    const ovp_net_targets t = {.loss = mse ? OVP_LOSS_MSE : OVP_LOSS_CROSS_ENTROPY,
                               .reduction = OVP_REDUCE_MEAN,
                               .labels = mse ? NULL : labels,
                               .values = mse ? values : NULL};
    assert_ok(ctx, ovp_net_hvp(ws, batch, &t, theta, v, &loss, flat));
    gather(m, flat, got);
    const char *name = json_string_value(json_object_get(json, "name"));
    const double value = json_number_value(json_object_get(json, "value"));
    if (!(gap(OVP_F64, hv, got, p) <= TOLERANCE)) fail_msg("%s %s: H v, %g", name, engine, gap(OVP_F64, hv, got, p));
    if (!(fabs(loss - value) <= TOLERANCE * value)) fail_msg("%s %s: loss %.17g", name, engine, loss);
    assert_ok(ctx, ovp_net_jvp(ws, batch, theta, v, NULL, f));
    if (!(gap(OVP_F64, jv, f, outs) <= TOLERANCE)) fail_msg("%s %s: J v, %g", name, engine, gap(OVP_F64, jv, f, outs));
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(batch);
    ovp_net_model_free(m);
    void *const all[] = {x, values, jv, hv, dense, v_dense, theta, v, flat, got, f};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ovp_free(ctx, all[i]);
}

static void products_match_pytorch(void **state) {
    json_error_t error;
    json_t *root = json_load_file(OVP_TEST_DIR "/golden/data/hvp_f64.json", 0, &error), *json;
    if (!root) fail_msg("%s", error.text);
    const json_t *cases = json_object_get(root, "cases");
    assert_non_null(json_string_value(json_object_get(json_object_get(root, "source"), "command")));
    assert_int_equal(json_array_size(cases), 4);
    size_t i;
    json_array_foreach(cases, i, json) for (int e = 0; e < NET_ENGINES; e++) check_case(*state, json, net_engines[e]);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(products_match_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
