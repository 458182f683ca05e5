/* Models given as expressions: operations against closed forms, and a training that finds the weights. */
#include "check.h"

#include <overparam/train.h>

#include <math.h>
#include <string.h>

static const char *const names[] = {"x", "a", "b"};

typedef struct wave {
    ovp_numeric_expression *expression;
    ovp_net_expression source;
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_workspace *workspace;
} wave;

enum { ROWS = 9 };

static void make(wave *w, ovp_ctx *ctx, ovp_numeric_type type, const void *x) {
    ovp_net_function function;
    assert_ok(ctx, ovp_numeric_expression_create(&w->expression, ctx, "a*sin(b*x)", names, 3, "f"));
    w->source = (ovp_net_expression){w->expression, 1, 2};
    assert_ok(ctx, ovp_net_expression_function(&function, ctx, &w->source, type));
    assert_ok(ctx, ovp_net_function_create(&w->model, ctx, &function));
    assert_ok(ctx, ovp_net_bind(&w->batch, ctx, w->model, x, ROWS));
    assert_ok(ctx, ovp_net_workspace_create(&w->workspace, ctx, w->model, ROWS));
}

static void release(wave *w) {
    ovp_net_workspace_free(w->workspace);
    ovp_net_batch_free(w->batch);
    ovp_net_model_free(w->model);
    ovp_numeric_expression_free(w->expression);
}

static void operations_meet_closed_forms(void **state) {
    ovp_ctx *ctx = *state;
    wave w;
    double x[ROWS], y[ROWS], jacobian[2 * ROWS], out[2], loss, theta[2] = {1.3, .7};
    const double v[2] = {.4, -1.1};
    for (int i = 0; i < ROWS; i++) x[i] = i / 4. - 1, y[i] = cos(i);
    make(&w, ctx, OVP_F64, x);
    assert_ok(ctx, ovp_net_jacobian(w.workspace, w.batch, theta, 0, ROWS, jacobian));
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_SUM, .values = y};
    assert_ok(ctx, ovp_net_hvp(w.workspace, w.batch, &targets, theta, v, &loss, out));
    double expected[2] = {0, 0}, sum = 0;
    for (int i = 0; i < ROWS; i++) {
        const double s = sin(.7 * x[i]), c = cos(.7 * x[i]), r = 1.3 * s - y[i];
        const double g[2] = {s, 1.3 * x[i] * c}, h[3] = {0, x[i] * c, -1.3 * x[i] * x[i] * s};
        assert_true(fabs(jacobian[2 * i] - g[0]) < 1e-15 && fabs(jacobian[2 * i + 1] - g[1]) < 1e-15);
        sum += r * r;
        expected[0] += 2 * ((g[0] * g[0] + r * h[0]) * v[0] + (g[0] * g[1] + r * h[1]) * v[1]);
        expected[1] += 2 * ((g[0] * g[1] + r * h[1]) * v[0] + (g[1] * g[1] + r * h[2]) * v[1]);
    }
    assert_true(fabs(loss - sum) < 1e-14);
    for (int i = 0; i < 2; i++) assert_true(fabs(out[i] - expected[i]) < 1e-13);
    release(&w);
}

static void an_expression_trains(void **state) {
    ovp_ctx *ctx = *state;
    wave w;
    float x[ROWS], y[ROWS], theta[2] = {.5f, .8f};
    for (int i = 0; i < ROWS; i++) {
        x[i] = (float)i / 4 - 1;
        y[i] = (float)(1.25 * sin(1.1 * (double)x[i]));
    }
    make(&w, ctx, OVP_F32, x);
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_MEAN, .values = y};
    const ovp_train_options options = {.size = sizeof options, .optimiser = "sgd", .lr = .2, .momentum = .9};
    ovp_train *train;
    double loss = NAN;
    assert_ok(ctx, ovp_train_create(&train, ctx, w.model, w.workspace, w.batch, &targets, &options, theta));
    for (int k = 0; k < 3000; k++) assert_ok(ctx, ovp_train_step(train, &loss));
    assert_true(loss < 1e-11 && fabs((double)theta[0] - 1.25) < 1e-3 && fabs((double)theta[1] - 1.1) < 1e-3);
    ovp_train_free(train);
    release(&w);
}

static void sizes_are_checked(void **state) {
    ovp_ctx *ctx = *state;
    ovp_net_function function;
    ovp_net_expression none = {NULL, 1, 0}, many = {NULL, 1, 9}, all = {NULL, 9, 8};
    assert_fails(ctx, OVP_EINVAL, "1 inputs and 0 weights",
                 ovp_net_expression_function(&function, ctx, &none, OVP_F64));
    assert_fails(ctx, OVP_EINVAL, "1 to 8 weights", ovp_net_expression_function(&function, ctx, &many, OVP_F64));
    assert_fails(ctx, OVP_EINVAL, "16 in all", ovp_net_expression_function(&function, ctx, &all, OVP_F64));
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(operations_meet_closed_forms), CTX_TEST(an_expression_trains),
                                       CTX_TEST(sizes_are_checked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
