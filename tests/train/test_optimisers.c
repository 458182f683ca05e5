/* The optimisers against torch.optim: every case of golden/data/optimisers.json (its "format" field says what stands
 * there; golden/optimisers.py made it). */
#include "check.h"
#include "values.h"

#include <overparam/train.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { QUADRATIC = 37, NET = 38, ROWS = 9, STEPS = 50 };

static double number(const json_t *object, const char *key, double otherwise) {
    const json_t *value = json_object_get(object, key);
    return value ? json_number_value(value) : otherwise;
}

static void reals(const json_t *array, size_t count, double *out) {
    assert_int_equal(json_array_size(array), count);
    for (size_t i = 0; i < count; i++) out[i] = json_number_value(json_array_get(array, i));
}

static json_t *read_golden(void) {
    json_error_t error;
    json_t *root = json_load_file(OVP_TEST_DIR "/golden/data/optimisers.json", 0, &error);
    if (!root) fail_msg("%s", error.text);
    /* No golden number without its source. */
    assert_non_null(json_string_value(json_object_get(json_object_get(root, "source"), "command")));
    return root;
}

/* torch's options in ours. */
static ovp_train_options options_of(const json_t *golden) {
    static const char *const names[][2] = {
        {"SGD", "sgd"}, {"Adam", "adam"}, {"AdamW", "adamw"}, {"RMSprop", "rmsprop"}, {"Adagrad", "adagrad"}};
    const char *kind = json_string_value(json_object_get(golden, "class"));
    const json_t *o = json_object_get(golden, "options"), *betas = json_object_get(o, "betas");
    ovp_train_options options = {.size = sizeof options,
                                 .lr = number(o, "lr", 0),
                                 .momentum = number(o, "momentum", 0),
                                 .dampening = number(o, "dampening", 0),
                                 .weight_decay = number(o, "weight_decay", 0),
                                 .nesterov = json_is_true(json_object_get(o, "nesterov")),
                                 .beta1 = betas ? json_number_value(json_array_get(betas, 0)) : 0,
                                 .beta2 = betas ? json_number_value(json_array_get(betas, 1)) : number(o, "alpha", 0),
                                 .eps = number(o, "eps", 0)};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(kind, names[i][0]) == 0) options.optimiser = names[i][1];
    assert_non_null(options.optimiser);
    return options;
}

static ovp_net_model *dense(ovp_ctx *ctx, ovp_idx layers, const ovp_idx *widths, ovp_numeric_type type,
                            const char *engine, const char *input) {
    ovp_net_model *model;
    const ovp_net_dense_options o = {.size = sizeof o,
                                     .layers = layers,
                                     .widths = widths,
                                     .activation = "tanh",
                                     .type = type,
                                     .engine = engine,
                                     .input = input};
    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &o));
    return model;
}

/* ---- the rules alone, through ovp_net_apply_update ------------------------------------------------ */

/* The update that torch's defaults make of the options; m and v point into `state`. */
static ovp_net_update update_of(const ovp_train_options *o, double (*state)[QUADRATIC]) {
    const char *name = o->optimiser;
    const int adam = strncmp(name, "adam", 4) == 0, rms = strcmp(name, "rmsprop") == 0;
    const int adagrad = strcmp(name, "adagrad") == 0;
    return (ovp_net_update){.rule = strcmp(name, "adam") == 0    ? OVP_RULE_ADAM
                                    : strcmp(name, "adamw") == 0 ? OVP_RULE_ADAMW
                                    : rms                        ? OVP_RULE_RMSPROP
                                    : adagrad                    ? OVP_RULE_ADAGRAD
                                                                 : OVP_RULE_SGD,
                            .lr = o->lr,
                            .momentum = o->momentum,
                            .dampening = o->dampening,
                            .weight_decay = o->weight_decay,
                            .nesterov = o->nesterov,
                            .beta1 = o->beta1 > 0 ? o->beta1 : 0.9,
                            .beta2 = o->beta2 > 0 ? o->beta2
                                     : rms        ? 0.99
                                                  : 0.999,
                            .eps = o->eps > 0 ? o->eps
                                   : adagrad  ? 1e-10
                                              : 1e-8,
                            .m = adam || o->momentum > 0 ? state[0] : NULL,
                            .v = adam || rms || adagrad ? state[1] : NULL};
}

/* Largest distance from torch's trace, relative to the largest initial value. */
static double quadratic(const char *level, ovp_numeric_type type, const json_t *root, const json_t *golden) {
    static const ovp_idx widths[] = {4, 5, 2};
    const json_t *at = json_object_get(root, "at");
    const json_t *trace = json_object_get(golden, type == OVP_F32 ? "f32" : "f64");
    double start[QUADRATIC], c[QUADRATIC], want[QUADRATIC], theta[QUADRATIC], grad[QUADRATIC];
    double gap = 0, top = 0;
    double state[2][QUADRATIC] = {{0}};
    ovp_ctx *ctx;
    const ovp_ctx_options co = {.size = sizeof co, .threads = 1, .isa = level};
    if (ovp_ctx_create(&ctx, &co) != OVP_OK) return -1; /* a level that this processor lacks */
    ovp_net_model *model = dense(ctx, 2, widths, type, "reference", "dense");
    assert_int_equal(ovp_net_model_parameters(model), QUADRATIC);
    const ovp_train_options o = options_of(golden);
    ovp_net_update u = update_of(&o, state);
    reals(json_object_get(root, "start"), QUADRATIC, start);
    reals(json_object_get(root, "curvature"), QUADRATIC, c);
    for (ovp_idx i = 0; i < QUADRATIC; i++) {
        set(type, theta, i, start[i]);
        top = fmax(top, fabs(start[i]));
    }
    size_t next = 0;
    for (int step = 1; step <= STEPS; step++) {
        for (ovp_idx i = 0; i < QUADRATIC; i++) set(type, grad, i, c[i] * get(type, theta, i));
        u.first = step == 1;
        u.correction1 = 1 - pow(u.beta1, step);
        u.correction2 = 1 - pow(u.beta2, step);
        ovp_net_apply_update(model, ctx, &u, grad, theta);
        if (step != json_integer_value(json_array_get(at, next))) continue;
        reals(json_array_get(trace, next++), QUADRATIC, want);
        for (ovp_idx i = 0; i < QUADRATIC; i++) gap = fmax(gap, fabs(get(type, theta, i) - want[i]) / top);
    }
    assert_int_equal(next, json_array_size(at));
    ovp_net_model_free(model);
    ovp_ctx_free(ctx);
    return gap;
}

/* Levels with fused multiply-adds give torch's bits; the others round once more in each, measured within 1.3 epsilon
 * of the largest value after 50 steps. */
static void rules_are_torchs(void **state) {
    (void)state;
    static const char *const levels[] = {"base", "v3", "v4"};
    json_t *root = read_golden(), *golden;
    size_t i;
    int compared = 0;
    json_array_foreach(json_object_get(root, "cases"), i, golden) {
        for (int level = 0; level < 3; level++)
            for (int type = OVP_F32; type <= OVP_F64; type++) {
                const double gap = quadratic(levels[level], (ovp_numeric_type)type, root, golden);
                const double epsilon = type == OVP_F32 ? 0x1p-23 : 0x1p-52;
                if (gap > (level == 0 ? 4 * epsilon : 0))
                    fail_msg("%s %s %s: %g of the largest value off", levels[level], type == OVP_F32 ? "f32" : "f64",
                             json_string_value(json_object_get(golden, "name")), gap);
                compared += gap >= 0;
            }
    }
    assert_true(compared >= 15 * 2);
    json_decref(root);
}

/* ---- trainings of a small net, through ovp_train ------------------------------------------------------ */

static void copy_tensors(const ovp_net_model *model, double *theta, double *flat, int out) {
    ovp_idx count, at = 0;
    const ovp_net_slice *slices = ovp_net_model_slices(model, &count);
    for (ovp_idx i = 0; i < count; at += slices[i++].count)
        if (out)
            ovp_net_slice_get(model, &slices[i], theta, flat + at);
        else
            ovp_net_slice_set(model, &slices[i], flat + at, theta);
}

static double train_net(ovp_ctx *ctx, const json_t *root, const json_t *golden, const char *engine, const char *input) {
    static const ovp_idx widths[] = {3, 6, 2};
    const json_t *data = json_object_get(root, "data"), *net = json_object_get(golden, "net");
    double x[3 * ROWS], y[2 * ROWS], flat[NET], theta[NET], losses[STEPS], want[NET], loss, gap = 0;
    ovp_net_model *model = dense(ctx, 2, widths, OVP_F64, engine, input);
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    ovp_train *train;
    assert_int_equal(ovp_net_model_parameters(model), NET);
    reals(json_object_get(data, "x"), 3 * ROWS, x);
    reals(json_object_get(data, "y"), 2 * ROWS, y);
    reals(json_object_get(data, "theta"), NET, flat);
    reals(json_object_get(net, "losses"), STEPS, losses);
    reals(json_object_get(net, "theta"), NET, want);
    copy_tensors(model, theta, flat, 0);
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = y};
    const ovp_train_options o = options_of(golden);
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, ROWS));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, ROWS));
    assert_ok(ctx, ovp_train_create(&train, ctx, model, ws, batch, &targets, &o, theta));
    for (int k = 0; k < STEPS; k++) {
        assert_ok(ctx, ovp_train_step(train, &loss));
        gap = fmax(gap, fabs(loss - losses[k]) / losses[0]);
    }
    copy_tensors(model, theta, flat, 1);
    for (int i = 0; i < NET; i++) gap = fmax(gap, fabs(flat[i] - want[i]));
    ovp_train_free(train);
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(batch);
    ovp_net_model_free(model);
    return gap;
}

/* Measured: 1.2e-15. */
static void trainings_are_torchs(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const engines[][2] = {
        {"reference", "dense"}, {"gemm", "dense"}, {"gemm", "sparse"}, {"tile", "auto"}, {"auto", "auto"}};
    json_t *root = read_golden(), *golden;
    size_t i;
    json_array_foreach(json_object_get(root, "cases"), i, golden) {
        for (size_t e = 0; e < sizeof engines / sizeof *engines; e++) {
            const double gap = train_net(ctx, root, golden, engines[e][0], engines[e][1]);
            if (!(gap <= 1e-14))
                fail_msg("%s on %s: %g off", json_string_value(json_object_get(golden, "name")), engines[e][0], gap);
        }
    }
    assert_true(i >= 15);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_torchs),
        CTX_TEST(trainings_are_torchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
