/* Trainings in float64 against PyTorch's traces: every case of data/dense_f64.json (its "format" field says what stands
 * there), on every engine. Measured agreement: 5e-15; the bar is 1e-9. */
#include "check.h"

#include <overparam/train.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

#define TOLERANCE 1e-9

typedef struct way {
    const char *engine, *input, *layout;
} way;
static const way ways[] = {{"reference", "dense", NULL}, {"gemm", "dense", NULL},    {"gemm", "sparse", NULL},
                           {"tile", NULL, "samples"},    {"tile", NULL, "features"}, {"tile", NULL, "units"}};

typedef struct golden_case {
    json_t *json;
    const char *name;
    ovp_idx layers, rows;
    ovp_idx widths[8];
    int32_t labels[64];
    double *x, *values;
} golden_case;

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}
static const char *text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}
static int is_true(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

static double *reals(ovp_ctx *ctx, const json_t *array) {
    double *out = NULL;
    if (json_is_null(array)) return NULL;
    assert_ok(ctx, ovp_alloc(ctx, &out, (ovp_idx)json_array_size(array), sizeof *out));
    for (size_t i = 0; i < json_array_size(array); i++) out[i] = json_number_value(json_array_get(array, i));
    return out;
}

static void load_case(ovp_ctx *ctx, golden_case *g, json_t *json) {
    const json_t *widths = json_object_get(json, "widths"), *labels = json_object_get(json, "labels");
    *g = (golden_case){.json = json, .name = text(json, "name")};
    g->layers = (ovp_idx)json_array_size(widths) - 1;
    assert_in_range(g->layers, 1, 7);
    for (ovp_idx i = 0; i <= g->layers; i++) g->widths[i] = json_integer_value(json_array_get(widths, (size_t)i));
    g->rows = json_integer_value(json_object_get(json, "rows"));
    assert_in_range(g->rows, 1, 64);
    for (size_t i = 0; i < json_array_size(labels); i++) {
        g->labels[i] = (int32_t)json_integer_value(json_array_get(labels, i));
    }
    g->x = reals(ctx, json_object_get(json, "x"));
    g->values = reals(ctx, json_object_get(json, "values"));
}

static ovp_net_model *make_model(ovp_ctx *ctx, const golden_case *g, ovp_numeric_type type, const way *how) {
    ovp_net_model *model = NULL;
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = g->layers,
                                           .widths = g->widths,
                                           .activation = text(g->json, "activation"),
                                           .no_bias = !is_true(g->json, "bias"),
                                           .type = type,
                                           .engine = how->engine,
                                           .input = how->input,
                                           .layout = how->layout};
    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &options));
    return model;
}

/* The stored float64 tensors into theta. */
static void set_initial(ovp_ctx *ctx, const golden_case *g, const ovp_net_model *model, double *theta) {
    const json_t *initial = json_object_get(g->json, "initial");
    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_slices(model, &count);
    assert_int_equal(count, json_array_size(initial));
    for (ovp_idx i = 0; i < count; i++) {
        const json_t *tensor = json_array_get(initial, (size_t)i);
        assert_string_equal(slices[i].name, text(tensor, "name"));
        double *data = reals(ctx, json_object_get(tensor, "data"));
        ovp_net_slice_set(model, &slices[i], data, theta);
        ovp_free(ctx, data);
    }
}

static void close_to(const char *name, const char *what, ovp_idx at, double value, double golden) {
    double scale = fabs(golden) > 1e-3 ? fabs(golden) : 1e-3;
    if (!(fabs(value - golden) <= TOLERANCE * scale)) {
        fail_msg("%s: %s %d is %.17g, PyTorch has %.17g", name, what, (int)at, value, golden);
    }
}

static void check_final(ovp_ctx *ctx, const golden_case *g, const ovp_net_model *model, const double *theta) {
    const json_t *final = json_object_get(g->json, "final");
    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_slices(model, &count);
    for (ovp_idx i = 0; i < count; i++) {
        const json_t *tensor = json_array_get(final, (size_t)i);
        const json_t *head = json_object_get(tensor, "head"), *tail = json_object_get(tensor, "tail");
        double *now = NULL, sum = 0;
        assert_ok(ctx, ovp_alloc(ctx, &now, slices[i].count, sizeof *now));
        ovp_net_slice_get(model, &slices[i], theta, now);
        for (ovp_idx k = 0; k < slices[i].count; k++) sum += now[k] * now[k];
        close_to(g->name, slices[i].name, -1, sqrt(sum), number(tensor, "norm"));
        for (size_t k = 0; k < json_array_size(head); k++) {
            close_to(g->name, slices[i].name, (ovp_idx)k, now[k], json_number_value(json_array_get(head, k)));
        }
        for (size_t k = 0; k < json_array_size(tail); k++) {
            ovp_idx at = slices[i].count - (ovp_idx)json_array_size(tail) + (ovp_idx)k;
            close_to(g->name, slices[i].name, at, now[at], json_number_value(json_array_get(tail, k)));
        }
        ovp_free(ctx, now);
    }
}

static void train_case(ovp_ctx *ctx, const golden_case *g, const way *how) {
    ovp_net_model *model = make_model(ctx, g, OVP_F64, how);
    ovp_net_batch *batch = NULL;
    ovp_net_workspace *workspace = NULL;
    ovp_train *train = NULL;
    double *theta = NULL, *outputs = NULL, *f = reals(ctx, json_object_get(g->json, "outputs"));
    const ovp_idx c = g->widths[g->layers];
    assert_ok(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof *theta));
    assert_ok(ctx, ovp_alloc(ctx, &outputs, g->rows * c, sizeof *outputs));
    set_initial(ctx, g, model, theta);
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, g->x, g->rows));
    assert_ok(ctx, ovp_net_workspace_create(&workspace, ctx, model, g->rows));

    assert_ok(ctx, ovp_net_forward(workspace, batch, theta, outputs));
    for (ovp_idx i = 0; i < g->rows * c; i++) close_to(g->name, "output", i, outputs[i], f[i]);

    const json_t *rule = json_object_get(g->json, "optimiser"), *losses = json_object_get(g->json, "losses");
    const ovp_net_targets targets = {.loss = strcmp(text(g->json, "loss"), "mse") == 0 ? OVP_LOSS_MSE
                                                                                       : OVP_LOSS_CROSS_ENTROPY,
                                     .reduction = OVP_REDUCE_MEAN,
                                     .labels = json_is_null(json_object_get(g->json, "labels")) ? NULL : g->labels,
                                     .values = g->values};
    const ovp_train_options options = {.size = sizeof options,
                                       .optimiser = "sgd",
                                       .lr = number(rule, "lr"),
                                       .momentum = number(rule, "momentum"),
                                       .dampening = number(rule, "dampening"),
                                       .weight_decay = number(rule, "weight_decay"),
                                       .nesterov = is_true(rule, "nesterov")};
    assert_ok(ctx, ovp_train_create(&train, ctx, model, workspace, batch, &targets, &options, theta));
    assert_int_equal(json_array_size(losses), 50);
    for (size_t k = 0; k < json_array_size(losses); k++) {
        double loss = NAN;
        assert_ok(ctx, ovp_train_step(train, &loss));
        close_to(g->name, "loss", (ovp_idx)k + 1, loss, json_number_value(json_array_get(losses, k)));
    }
    check_final(ctx, g, model, theta);

    ovp_train_free(train);
    ovp_net_workspace_free(workspace);
    ovp_net_batch_free(batch);
    ovp_net_model_free(model);
    ovp_free(ctx, outputs);
    ovp_free(ctx, theta);
    ovp_free(ctx, f);
}

/* torch's stream and default initialisation in float32 give the stored weights bit for bit. */
static void init_case(ovp_ctx *ctx, const golden_case *g) {
    ovp_net_model *model = make_model(ctx, g, OVP_F32, &ways[0]);
    const ovp_net_init_options options = {.size = sizeof options, .rule = "torch-default"};
    ovp_numeric_rng *rng = NULL;
    float *theta = NULL;
    assert_ok(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof *theta));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH,
                                          json_integer_value(json_object_get(g->json, "seed")), OVP_PURPOSE_INIT, 0));
    assert_ok(ctx, ovp_net_init(model, ctx, &options, rng, theta));
    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_slices(model, &count);
    for (ovp_idx i = 0; i < count; i++) {
        const json_t *data = json_object_get(json_array_get(json_object_get(g->json, "initial"), (size_t)i), "data");
        float *drawn = NULL;
        assert_ok(ctx, ovp_alloc(ctx, &drawn, slices[i].count, sizeof *drawn));
        ovp_net_slice_get(model, &slices[i], theta, drawn);
        for (ovp_idx k = 0; k < slices[i].count; k++) {
            double golden = json_number_value(json_array_get(data, (size_t)k));
            if ((double)drawn[k] != golden) {
                fail_msg("%s: %s %d drawn as %.9g, PyTorch %.9g", g->name, slices[i].name, (int)k, (double)drawn[k],
                         golden);
            }
        }
        ovp_free(ctx, drawn);
    }
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, theta);
    ovp_net_model_free(model);
}

static json_t *read_cases(json_t **root) {
    json_error_t error;
    *root = json_load_file(OVP_TEST_DIR "/golden/data/dense_f64.json", 0, &error);
    if (!*root) fail_msg("%s", error.text);
    assert_non_null(text(json_object_get(*root, "source"), "command")); /* no golden number without its source */
    json_t *cases = json_object_get(*root, "cases");
    assert_true(json_array_size(cases) >= 20);
    return cases;
}

static void test_training_matches_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    json_t *root, *json, *cases = read_cases(&root);
    size_t i;
    json_array_foreach(cases, i, json) {
        golden_case g;
        load_case(ctx, &g, json);
        for (size_t e = 0; e < sizeof ways / sizeof *ways; e++) {
            const int shallow = g.layers == 2 && g.widths[2] <= 4;
            if (!ways[e].layout || strcmp(ways[e].layout, "units") != 0 || shallow) train_case(ctx, &g, &ways[e]);
        }
        ovp_free(ctx, g.x);
        ovp_free(ctx, g.values);
    }
    json_decref(root);
}

static void test_initial_weights_match_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    json_t *root, *json, *cases = read_cases(&root);
    size_t i;
    json_array_foreach(cases, i, json) {
        golden_case g;
        load_case(ctx, &g, json);
        init_case(ctx, &g);
        ovp_free(ctx, g.x);
        ovp_free(ctx, g.values);
    }
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(test_training_matches_pytorch),
        CTX_TEST(test_initial_weights_match_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
