/* The nets of lazy-width in float32 on raw MNIST against PyTorch's runs (data/lazy_width_f32.json, whose "format" field
 * says what stands there): the same stream, losses to step 50 within 1e-4 or, where that is more, four times the
 * distance of PyTorch's float32 losses from its float64 ones so far: the spread that rounding alone causes. With
 * OVP_TEST_LONG=1 all 500 steps and the final measures. */
#include "check.h"

#include <overparam/io.h>
#include <overparam/measure.h>
#include <overparam/train.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 1024
#define PIXELS 784
#define CLASSES 10
#define STEPS 500
#define WIDEST_TRAINED (SLOW ? 100 : 1000)

typedef struct mnist {
    ovp_numeric_array images, labels;
    float *x;
    int32_t y[SAMPLES];
} mnist;

static void load(ovp_ctx *ctx, mnist *m) {
    const char *folder = OVP_SOURCE_DIR "/data/mnist/";
    char path[512];
    snprintf(path, sizeof path, "%strain-images-idx3-ubyte.gz", folder);
    assert_ok(ctx, ovp_io_idx_read(&m->images, ctx, path));
    snprintf(path, sizeof path, "%strain-labels-idx1-ubyte.gz", folder);
    assert_ok(ctx, ovp_io_idx_read(&m->labels, ctx, path));
    assert_ok(ctx, ovp_alloc(ctx, &m->x, SAMPLES * PIXELS, sizeof *m->x));
    const uint8_t *pixel = m->images.data, *label = m->labels.data;
    for (ovp_idx i = 0; i < SAMPLES * PIXELS; i++) m->x[i] = pixel[i];
    for (ovp_idx i = 0; i < SAMPLES; i++) m->y[i] = label[i];
}

static double number(const json_t *row, const char *key) {
    return json_number_value(json_object_get(row, key));
}

static void within(const json_t *row, const char *what, int at, double value, double golden, double tolerance) {
    if (!(fabs(value - golden) <= tolerance * fabs(golden))) {
        fail_msg("seed %d width %d: %s %d is %.9g, PyTorch has %.9g, allowed %g relative", (int)number(row, "seed"),
                 (int)number(row, "width"), what, at, value, golden, tolerance);
    }
}

static void train_row(ovp_ctx *ctx, const mnist *m, ovp_numeric_rng *rng, const json_t *row, const json_t *steps) {
    const ovp_idx width = json_integer_value(json_object_get(row, "width"));
    const ovp_idx widths[] = {PIXELS, width, CLASSES};
    const int all = getenv("OVP_TEST_LONG") != NULL;
    const ovp_net_dense_options net = {
        .size = sizeof net, .layers = 2, .widths = widths, .activation = "relu", .type = OVP_F32, .engine = "gemm"};
    const ovp_net_init_options init = {.size = sizeof init, .rule = "torch-default"};
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = m->y};
    const ovp_train_options sgd = {.size = sizeof sgd, .optimiser = "sgd", .lr = 0.01 / sqrt((double)width)};
    ovp_net_model *model = NULL;
    ovp_net_batch *batch = NULL;
    ovp_net_workspace *workspace = NULL;
    ovp_train *train = NULL;
    float *theta = NULL, *theta0 = NULL, *first = NULL;

    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &net));
    const ovp_idx parameters = ovp_net_model_parameters(model);
    assert_ok(ctx, ovp_alloc(ctx, &theta, parameters, sizeof *theta));
    assert_ok(ctx, ovp_alloc(ctx, &theta0, parameters, sizeof *theta0));
    assert_ok(ctx, ovp_alloc(ctx, &first, width * PIXELS, sizeof *first));
    assert_ok(ctx, ovp_net_init(model, ctx, &init, rng, theta));
    memcpy(theta0, theta, (size_t)parameters * sizeof *theta);

    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_slices(model, &count);
    const json_t *heads = json_object_get(row, "initial_head");
    assert_int_equal(count, json_array_size(heads));
    for (ovp_idx i = 0; i < count; i++) {
        ovp_net_slice_get(model, &slices[i], theta, first);
        for (size_t k = 0; k < 4; k++) {
            assert_true((double)first[k] == json_number_value(json_array_get(json_array_get(heads, (size_t)i), k)));
        }
    }

    if (width > WIDEST_TRAINED) goto done; /* drawn from the stream, as the nets after it need */
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, m->x, SAMPLES));
    assert_ok(ctx, ovp_net_workspace_create(&workspace, ctx, model, SAMPLES));
    assert_ok(ctx, ovp_train_create(&train, ctx, model, workspace, batch, &targets, &sgd, theta));
    const json_t *losses = json_object_get(row, "losses"), *exact = json_object_get(row, "losses_f64");
    size_t recorded = 0;
    double loss = NAN, spread = 0;
    for (int step = 1; step <= (all ? STEPS : 50); step++) {
        assert_ok(ctx, ovp_train_step(train, &loss));
        if (step != json_integer_value(json_array_get(steps, recorded))) continue;
        double golden = json_number_value(json_array_get(losses, recorded));
        double rounding = fabs(golden / json_number_value(json_array_get(exact, recorded++)) - 1);
        if (!(rounding <= spread)) spread = rounding;
        within(row, "loss at step", step, loss, golden, fmax(step <= 50 ? 1e-4 : 1e-3, 4 * spread));
    }
    if (all) {
        ovp_measure_movement movement;
        assert_ok(ctx, ovp_measure_weight_movement(&movement, ctx, model, theta0, theta));
        const double bar = fmax(1e-3, 2 * spread);
        within(row, "relative_change after", STEPS, movement.sum_ratio, number(row, "relative_change"), bar);
        within(row, "relative_change_l2 after", STEPS, movement.l2_ratio, number(row, "relative_change_l2"), bar);
    }
done:
    ovp_train_free(train);
    ovp_net_workspace_free(workspace);
    ovp_net_batch_free(batch);
    ovp_net_model_free(model);
    ovp_free(ctx, theta);
    ovp_free(ctx, theta0);
    ovp_free(ctx, first);
}

static void test_losses_match_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    json_error_t error;
    json_t *root = json_load_file(OVP_TEST_DIR "/golden/data/lazy_width_f32.json", 0, &error), *row;
    if (!root) fail_msg("%s", error.text);
    mnist m = {0};
    load(ctx, &m);
    ovp_numeric_rng *rng = NULL;
    size_t i;
    assert_true(json_array_size(json_object_get(root, "rows")) >= 12);
    json_array_foreach(json_object_get(root, "rows"), i, row) {
        if (number(row, "member") == 0) { /* a new seed: its nets come one after another from one stream */
            ovp_numeric_rng_free(rng);
            rng = NULL;
            assert_ok(ctx,
                      ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, json_integer_value(json_object_get(row, "seed")),
                                             OVP_PURPOSE_INIT, 0));
        }
        train_row(ctx, &m, rng, row, json_object_get(root, "steps"));
    }
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, m.x);
    ovp_numeric_array_free(ctx, &m.images);
    ovp_numeric_array_free(ctx, &m.labels);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(test_losses_match_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
