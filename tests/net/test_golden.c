/* Trainings against PyTorch: f64 traces of small nets to 1e-9, f32 on raw MNIST to 1e-4 up to step 50. The golden files
 * carry their source and the script that made them (tests/golden). */
#include "check.h"

#include <overparam/data.h>
#include <overparam/io.h>
#include <overparam/measure.h>
#include <overparam/train.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

static json_t *golden(ovp_ctx *ctx, const char *file) {
    char path[1024];
    snprintf(path, sizeof path, "%s/golden/data/%s", OVP_TEST_DIR, file);
    json_t *all;
    assert_ok(ctx, ovp_io_json_read(&all, ctx, path));
    assert_non_null(json_object_get(all, "source")); /* a golden number without a source is none */
    return all;
}

static double number(const json_t *list, ovp_idx i) {
    return json_number_value(json_array_get(list, (size_t)i));
}

static void near(const char *what, const char *name, double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * fmax(1e-3, fabs(want))))
        fail_msg("%s of %s: %.17g, PyTorch %.17g", what, name, got, want);
}

static void load_tensors(ovp_ctx *ctx, const ovp_net_model *m, const json_t *tensors, double *theta) {
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_slices(m, &count);
    assert_int_equal(count, json_array_size(tensors));
    for (ovp_idx i = 0; i < count; i++) {
        const json_t *data = json_object_get(json_array_get(tensors, (size_t)i), "data");
        assert_int_equal(s[i].count, json_array_size(data));
        double *dense;
        assert_ok(ctx, ovp_alloc(ctx, &dense, s[i].count, sizeof *dense));
        for (ovp_idx k = 0; k < s[i].count; k++) dense[k] = number(data, k);
        ovp_net_slice_set(m, &s[i], dense, theta);
        ovp_free(ctx, dense);
    }
}

static void check_tensors(ovp_ctx *ctx, const ovp_net_model *m, const json_t *tensors, const double *theta,
                          const char *what) {
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_slices(m, &count);
    for (ovp_idx i = 0; i < count; i++) {
        const json_t *want = json_array_get(tensors, (size_t)i), *head = json_object_get(want, "head");
        double *dense, sum = 0;
        assert_ok(ctx, ovp_alloc(ctx, &dense, s[i].count, sizeof *dense));
        ovp_net_slice_get(m, &s[i], theta, dense);
        for (ovp_idx k = 0; k < s[i].count; k++) sum += dense[k] * dense[k];
        near(what, s[i].name, sqrt(sum), json_number_value(json_object_get(want, "norm")), 1e-9);
        assert_true(json_array_size(head) > 0);
        for (ovp_idx k = 0; k < (ovp_idx)json_array_size(head); k++)
            near(what, s[i].name, dense[k], number(head, k), 1e-9);
        ovp_free(ctx, dense);
    }
}

static void one_case(ovp_ctx *ctx, const json_t *c, const char *engine, const char *input) {
    const char *name = json_string_value(json_object_get(c, "name"));
    const json_t *widths = json_object_get(c, "widths"), *labels = json_object_get(c, "labels");
    const json_t *values = json_object_get(c, "values"), *losses = json_object_get(c, "losses");
    const json_t *o = json_object_get(c, "optimiser");
    ovp_idx w[8], layers = (ovp_idx)json_array_size(widths) - 1;
    for (ovp_idx l = 0; l <= layers; l++) w[l] = (ovp_idx)number(widths, l);
    const ovp_idx rows = (ovp_idx)json_integer_value(json_object_get(c, "rows")), outs = w[layers];
    ovp_net_dense_options d = {.size = sizeof d,
                               .layers = layers,
                               .widths = w,
                               .activation = json_string_value(json_object_get(c, "activation")),
                               .no_bias = !json_is_true(json_object_get(c, "bias")),
                               .type = OVP_F64,
                               .engine = engine,
                               .input = input};
    ovp_net_model *m;
    ovp_net_batch *b;
    ovp_net_workspace *ws;
    ovp_train *train;
    double *x, *y, *theta, *out, loss;
    int32_t *classes;
    assert_ok(ctx, ovp_net_dense_create(&m, ctx, &d));
    assert_ok(ctx, ovp_alloc(ctx, &x, rows * w[0], sizeof *x));
    assert_ok(ctx, ovp_alloc(ctx, &y, rows * outs, sizeof *y));
    assert_ok(ctx, ovp_alloc(ctx, &classes, rows, sizeof *classes));
    assert_ok(ctx, ovp_alloc(ctx, &out, ovp_net_model_parameters(m) + rows * outs, sizeof *out));
    assert_ok(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(m), sizeof *theta));
    for (ovp_idx i = 0; i < rows * w[0]; i++) x[i] = number(json_object_get(c, "x"), i);
    for (ovp_idx i = 0; json_is_array(values) && i < rows * outs; i++) y[i] = number(values, i);
    for (ovp_idx i = 0; json_is_array(labels) && i < rows; i++) classes[i] = (int32_t)number(labels, i);
    load_tensors(ctx, m, json_object_get(c, "initial"), theta);
    assert_ok(ctx, ovp_net_bind(&b, ctx, m, x, rows));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, rows));
    const int mse = strcmp(json_string_value(json_object_get(c, "loss")), "mse") == 0;
    ovp_net_targets t = {.loss = mse ? OVP_LOSS_MSE : OVP_LOSS_CROSS_ENTROPY,
                         .labels = json_is_array(labels) ? classes : NULL,
                         .values = json_is_array(values) ? y : NULL};

    assert_ok(ctx, ovp_net_forward(ws, b, theta, out));
    for (ovp_idx i = 0; i < rows * outs; i++)
        near("output", name, out[i], number(json_object_get(c, "outputs"), i), 1e-10);
    assert_ok(ctx, ovp_net_loss_grad(ws, b, &t, theta, &loss, out));
    check_tensors(ctx, m, json_object_get(c, "gradient"), out, "gradient");

    ovp_train_options to = {.size = sizeof to,
                            .lr = json_number_value(json_object_get(o, "lr")),
                            .momentum = json_number_value(json_object_get(o, "momentum")),
                            .dampening = json_number_value(json_object_get(o, "dampening")),
                            .weight_decay = json_number_value(json_object_get(o, "weight_decay")),
                            .nesterov = json_is_true(json_object_get(o, "nesterov"))};
    assert_ok(ctx, ovp_train_create(&train, ctx, m, ws, b, &t, &to, theta));
    assert_int_equal(json_array_size(losses), 50);
    for (int k = 0; k < 50; k++) {
        assert_ok(ctx, ovp_train_step(train, &loss));
        near("loss", name, loss, number(losses, k), 1e-9);
    }
    check_tensors(ctx, m, json_object_get(c, "final"), theta, "trained tensor");
    ovp_train_free(train);
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(b);
    ovp_net_model_free(m);
    ovp_free(ctx, x);
    ovp_free(ctx, y);
    ovp_free(ctx, classes);
    ovp_free(ctx, out);
    ovp_free(ctx, theta);
}

static void f64_trainings_follow_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    json_t *all = golden(ctx, "dense_f64.json");
    const json_t *cases = json_object_get(all, "cases");
    assert_true(json_array_size(cases) >= 20);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        one_case(ctx, json_array_get(cases, i), "reference", "dense");
        one_case(ctx, json_array_get(cases, i), "gemm", "dense");
        one_case(ctx, json_array_get(cases, i), "gemm", "sparse");
    }
    json_decref(all);
}

/* Trains one net of the stream and compares its first 50 losses, or, with `whole`, the end of all 500 steps too. */
static void lazy_net(ovp_ctx *ctx, ovp_numeric_rng *rng, const ovp_data_set *data, const json_t *row, const char *input,
                     int whole) {
    const ovp_idx width = (ovp_idx)json_integer_value(json_object_get(row, "width")), w[] = {784, width, 10};
    const json_t *losses = json_object_get(row, "losses"), *heads = json_object_get(row, "initial_head");
    char name[64];
    snprintf(name, sizeof name, "width %d, seed %d, %s", (int)width,
             (int)json_integer_value(json_object_get(row, "seed")), input);
    ovp_net_dense_options d = {.size = sizeof d, .layers = 2, .widths = w, .type = OVP_F32, .input = input};
    ovp_net_model *m;
    ovp_net_batch *b;
    ovp_net_workspace *ws;
    ovp_train *train;
    float *theta, *start, *dense;
    assert_ok(ctx, ovp_net_dense_create(&m, ctx, &d));
    const ovp_idx p = ovp_net_model_parameters(m);
    assert_ok(ctx, ovp_alloc(ctx, &theta, p, sizeof *theta));
    assert_ok(ctx, ovp_alloc(ctx, &start, p, sizeof *start));
    assert_ok(ctx, ovp_alloc(ctx, &dense, p, sizeof *dense));
    ovp_net_init_options init = {.size = sizeof init, .rule = "torch-default"};
    assert_ok(ctx, ovp_net_init(m, ctx, &init, rng, theta));
    memcpy(start, theta, (size_t)p * sizeof *theta);
    ovp_idx slices;
    const ovp_net_slice *s = ovp_net_model_slices(m, &slices);
    for (ovp_idx i = 0; i < slices; i++) {
        ovp_net_slice_get(m, &s[i], theta, dense);
        const json_t *head = json_array_get(heads, (size_t)i);
        assert_int_equal(json_array_size(head), 4);
        for (ovp_idx k = 0; k < 4; k++) assert_true(dense[k] == (float)number(head, k)); /* bit for bit */
    }
    assert_ok(ctx, ovp_net_bind(&b, ctx, m, data->x_train.data, 1024));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, 1024));
    ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = data->y_train.data};
    ovp_train_options o = {.size = sizeof o, .lr = 0.01 / sqrt((double)width)};
    assert_ok(ctx, ovp_train_create(&train, ctx, m, ws, b, &t, &o, theta));
    double loss = 0;
    for (int k = 1; k <= (whole ? 500 : 50); k++) {
        assert_ok(ctx, ovp_train_step(train, &loss));
        if (k <= 50) near("loss", name, loss, number(losses, k - 1), 1e-4);
    }
    if (whole) {
        ovp_measure_movement moved;
        assert_ok(ctx, ovp_measure_weight_movement(&moved, ctx, m, start, theta));
        near("relative change", name, moved.sum_ratio, json_number_value(json_object_get(row, "relative_change")),
             1e-3);
        near("final loss", name, loss, json_number_value(json_object_get(row, "final_loss")), 1e-3);
    }
    ovp_train_free(train);
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(b);
    ovp_net_model_free(m);
    ovp_free(ctx, theta);
    ovp_free(ctx, start);
    ovp_free(ctx, dense);
}

static void f32_trainings_on_mnist_follow_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    json_t *all = golden(ctx, "lazy_width_f32.json");
    const json_t *rows = json_object_get(all, "rows");
    ovp_data_set data;
    ovp_data_options o = {.size = sizeof o, .train = 1024, .test = 1, .type = OVP_F32};
    assert_ok(ctx, ovp_data_load(&data, ctx, "mnist", &o));
    ovp_numeric_rng *rng = NULL;
    int followed = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            if (json_integer_value(json_object_get(row, "member")) == 0) {
                ovp_numeric_rng_free(rng);
                assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH,
                                                      json_integer_value(json_object_get(row, "seed")),
                                                      OVP_PURPOSE_INIT, 0));
            }
            const ovp_idx width = (ovp_idx)json_integer_value(json_object_get(row, "width"));
            if (pass == 0 && json_integer_value(json_object_get(row, "seed")) != 42) continue; /* dense: one stream */
            lazy_net(ctx, rng, &data, row, pass ? "sparse" : "dense", pass == 1 && width == 100);
            followed++;
        }
    assert_int_equal(followed, 3 + 12);
    ovp_numeric_rng_free(rng);
    ovp_data_free(ctx, &data);
    json_decref(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(f64_trainings_follow_pytorch),
        CTX_TEST(f32_trainings_on_mnist_follow_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
