/* no_last_bias: the net whose last bias is 0, in every engine and operation. */
#include "check.h"
#include "values.h"

#include <overparam/net.h>

#include <string.h>

enum { ROWS = 7, D = 5, H = 37, C = 3, HIDDEN = D * H + H, FULL = HIDDEN + H * C + C, LESS = FULL - C };

static const struct {
    const char *engine, *layout;
} ways[] = {{"reference", NULL}, {"gemm", NULL}, {"tile", "samples"}, {"tile", "units"}, {"tile", "features"}};

/* Everything a net says, its parameters and gradients in torch's order. */
typedef struct said {
    double f[ROWS * C], jv[ROWS * C], loss;
    double grad[FULL], vjp[FULL], hv[FULL], jacobian[ROWS * C][FULL];
} said;

static void gather(const ovp_net_model *m, const double *theta, double *dense) {
    ovp_idx count, at = 0;
    const ovp_net_slice *s = ovp_net_model_slices(m, &count);
    for (ovp_idx i = 0; i < count; at += s[i++].count) ovp_net_slice_get(m, &s[i], theta, dense + at);
}

static void ask(ovp_ctx *ctx, size_t way, const char *activation, int without, const double *x, const double *dense,
                const double *direction, said *out) {
    static const ovp_idx widths[] = {D, H, C};
    static const int32_t labels[ROWS] = {0, 1, 2, 2, 1, 0, 1};
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    const ovp_net_dense_options o = {.size = sizeof o,
                                     .layers = 2,
                                     .widths = widths,
                                     .activation = activation,
                                     .type = OVP_F64,
                                     .engine = ways[way].engine,
                                     .layout = ways[way].layout,
                                     .no_last_bias = without};
    double theta[FULL], v[FULL], flat[FULL];
    static double rows[ROWS * C * FULL];
    ovp_net_model *m;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    ovp_idx count, at = 0;
    assert_ok(ctx, ovp_net_dense_create(&m, ctx, &o));
    const ovp_idx parameters = ovp_net_model_parameters(m);
    assert_int_equal(parameters, without ? LESS : FULL);
    const ovp_net_slice *s = ovp_net_model_slices(m, &count);
    assert_int_equal(count, without ? 3 : 4);
    for (ovp_idx i = 0; i < count; at += s[i++].count) {
        ovp_net_slice_set(m, &s[i], dense + at, theta);
        ovp_net_slice_set(m, &s[i], direction + at, v);
    }
    memset(out, 0, sizeof *out);
    assert_ok(ctx, ovp_net_bind(&batch, ctx, m, x, ROWS));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, ROWS));
    assert_ok(ctx, ovp_net_forward(ws, batch, theta, out->f));
    assert_ok(ctx, ovp_net_loss_grad(ws, batch, &targets, theta, &out->loss, flat));
    gather(m, flat, out->grad);
    assert_ok(ctx, ovp_net_vjp(ws, batch, theta, out->f, flat));
    gather(m, flat, out->vjp);
    assert_ok(ctx, ovp_net_jvp(ws, batch, theta, v, NULL, out->jv));
    assert_ok(ctx, ovp_net_hvp(ws, batch, &targets, theta, v, NULL, flat));
    gather(m, flat, out->hv);
    assert_ok(ctx, ovp_net_jacobian(ws, batch, theta, 0, ROWS, rows));
    for (ovp_idx i = 0; i < (ovp_idx)ROWS * C; i++) gather(m, rows + i * parameters, out->jacobian[i]);
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(batch);
    ovp_net_model_free(m);
}

static void it_is_the_net_whose_last_bias_is_zero(void **state) {
    ovp_ctx *ctx = *state;
    static said with, without;
    double x[ROWS * D], dense[FULL], direction[FULL];
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 4, OVP_PURPOSE_GENERAL, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, ROWS * D, 0, 1, x);
    ovp_numeric_rng_normal(rng, OVP_F64, FULL, 0, .5, dense);
    ovp_numeric_rng_normal(rng, OVP_F64, FULL, 0, 1, direction);
    ovp_numeric_rng_free(rng);
    for (int k = LESS; k < FULL; k++) dense[k] = direction[k] = 0;
    static const char *const activations[] = {"relu", "gelu", "tanh"};
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
        for (size_t a = 0; a < 3; a++) {
            ask(ctx, way, activations[a], 0, x, dense, direction, &with);
            ask(ctx, way, activations[a], 1, x, dense, direction, &without);
            assert_true(fabs(with.loss - without.loss) < 1e-14 && with.loss > 0);
            assert_true(gap(OVP_F64, with.f, without.f, (size_t)ROWS * C) < 1e-14);
            assert_true(gap(OVP_F64, with.jv, without.jv, (size_t)ROWS * C) < 1e-13);
            assert_true(gap(OVP_F64, with.grad, without.grad, LESS) < 1e-13);
            assert_true(gap(OVP_F64, with.vjp, without.vjp, LESS) < 1e-13);
            assert_true(gap(OVP_F64, with.hv, without.hv, LESS) < 1e-13);
            for (int i = 0; i < ROWS * C; i++)
                assert_true(gap(OVP_F64, with.jacobian[i], without.jacobian[i], LESS) < 1e-13);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {CTX_TEST(it_is_the_net_whose_last_bias_is_zero)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
