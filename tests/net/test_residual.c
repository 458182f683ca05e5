/* Residual nets: golden values, derivatives by differences for every augmentation, activation and engine, identities,
 * what is frozen stays, bad options. */
#include "allocator.h"
#include "residuals.h"

/* ---- the golden net of the specification ------------------------------------------------------------ */

enum { GD = 2, GL = 4, GN = 3, GP = GL * GD * GD };

/* d = 2, L = 4, 3 inputs, outputs and samples, filled by formulas; delta = 4^-0.75, tanh. Values computed in float64
 * apart from this program, when the specification was written (numpy, from the formulas of docs/residual.md). */
static net golden_net(const char *engine, const char *kind, ovp_numeric_type type) {
    net n;
    memset(&n, 0, sizeof n);
    assert_int_equal(ovp_ctx_create(&n.ctx, NULL), OVP_OK);
    n.type = type;
    n.rows = GN;
    n.inputs = n.outputs = 3;
    n.parameters = GP;
    void *u = room(&n, GD * 3), *v = room(&n, 3 * GD);
    n.x = room(&n, GN * 3);
    n.theta = room(&n, GP);
    for (int i = 0; i < GD; i++)
        for (int j = 0; j < 3; j++) set(type, u, i * 3 + j, .5 * cos(1 + 3 * i + j));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < GD; j++) set(type, v, i * GD + j, .7 * sin(2 + 2 * i + j));
    for (int i = 0; i < GN; i++)
        for (int j = 0; j < 3; j++) set(type, n.x, i * 3 + j, sin(i + .5 * j + .25));
    for (int k = 0; k < GL; k++)
        for (int i = 0; i < GD; i++)
            for (int j = 0; j < GD; j++) set(type, n.theta, (k * GD + i) * GD + j, .3 * sin(1 + 4 * k + 2 * i + j));
    const ovp_net_residual_options d = {.size = sizeof d,
                                        .inputs = 3,
                                        .dim = GD,
                                        .outputs = 3,
                                        .layers = GL,
                                        .augmentation = kind,
                                        .alpha = .75,
                                        .type = type,
                                        .engine = engine,
                                        .read_in = u,
                                        .read_out = v};
    assert_ok(n.ctx, ovp_net_residual_create(&n.model, n.ctx, &d));
    assert_ok(n.ctx, ovp_net_bind(&n.batch, n.ctx, n.model, n.x, GN));
    assert_ok(n.ctx, ovp_net_workspace_create(&n.ws, n.ctx, n.model, GN));
    return n;
}

static void golden_values_are_met(void **state) {
    (void)state;
    static const struct {
        const char *kind;
        double loss, omega, norm, g0_01, g3_10, after;
    } want[] = {
        {"skip", 1.145780975043, .077183360865, .184014273, -.053633335, .038725063, 1.129096533},
        {"linear-skip", 1.158878402409, .078150833250, .478077934, -.138019338, .109543349, 1.053978496},
    };
    const double z[] = {-.2955854038, .0049187343, .2914915724}; /* of sample 0, skip */
    const int32_t y[] = {0, 2, 1};
    for (int e = 0; e < RES_ENGINES; e++)
        for (int k = 0; k < 2; k++) {
            net n = golden_net(res_engines[e], want[k].kind, OVP_F64);
            double f[GN * 3], plain[GN * 3], df[GN * 3], g[GP], loss, again, omega = 0;
            const ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = y, .outputs = f};
            assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &loss, g));
            assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, n.theta, plain));
            assert_memory_equal(f, plain, sizeof f);
            assert_ok(n.ctx, ovp_net_loss_value(n.ctx, &t, OVP_F64, GN, 3, f, &again, df));
            for (int i = 0; i < GN * 3; i++) omega += df[i] * df[i] / GN;
            assert_near(loss, want[k].loss, 1e-11);
            assert_near(again, loss, 1e-14);
            assert_near(omega, want[k].omega, 1e-11);
            assert_near(sqrt(dot(OVP_F64, g, g, GP)), want[k].norm, 1e-8);
            assert_near(g[1], want[k].g0_01, 1e-8);
            assert_near(g[3 * 4 + 2], want[k].g3_10, 1e-8);
            for (int i = 0; k == 0 && i < 3; i++) assert_near(f[i], z[i], 1e-8);
            const ovp_net_update step = {.rule = OVP_RULE_SGD, .lr = .5};
            assert_ok(n.ctx, ovp_net_loss_step(n.ws, n.batch, &t, &step, n.theta, &again));
            assert_near(again, loss, 0);
            assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &loss, g));
            assert_near(loss, want[k].after, 1e-8);
            drop(&n);
        }
}

/* ---- derivatives ------------------------------------------------------------------------------------ */

/* The pieces of the loss's gradient, of hvp, jvp, vjp and jacobian against central differences. */
static void check_derivatives(net *n, const ovp_net_targets *t) {
    const ovp_idx outs = n->rows * n->outputs, p = n->parameters;
    double *v = random_room(n, p, 21, 1), *u = random_room(n, outs, 22, 1), *f = room(n, outs), *jv = room(n, outs);
    double *jtu = room(n, p), *j = room(n, outs * p), *hv = room(n, p), *g = room(n, p), *sum = room(n, p), loss, alone;
    vector_function outputs = {n, outputs_at, NULL, outs}, gradient = {n, gradient_at, t, p};
    assert_int_equal(ovp_net_model_capabilities(n->model), OVP_CAN_VJP | OVP_CAN_JVP | OVP_CAN_HVP | OVP_CAN_JACOBIAN);
    assert_ok(n->ctx, ovp_net_jvp(n->ws, n->batch, n->theta, v, f, jv));
    assert_difference("jvp", &outputs, n->theta, v, jv);
    assert_ok(n->ctx, ovp_net_jacobian(n->ws, n->batch, n->theta, 0, n->rows, j));
    assert_ok(n->ctx, ovp_net_vjp(n->ws, n->batch, n->theta, u, jtu));
    for (ovp_idx i = 0; i < outs; i++) {
        const double along = dot(OVP_F64, j + i * p, v, p);
        assert_true(fabs(along - jv[i]) <= 1e-12 * (1 + largest(OVP_F64, jv, outs)));
        for (ovp_idx q = 0; q < p; q++) sum[q] += u[i] * j[i * p + q];
    }
    assert_true(gap(OVP_F64, sum, jtu, p) < 1e-12);
    assert_ok(n->ctx, ovp_net_hvp(n->ws, n->batch, t, n->theta, v, &loss, hv));
    assert_difference("hvp", &gradient, n->theta, v, hv);
    /* The loss's gradient is J^T of its derivative with respect to the outputs. */
    assert_ok(n->ctx, ovp_net_loss_grad(n->ws, n->batch, t, n->theta, &alone, g));
    assert_true(fabs(loss - alone) <= 1e-13 * fabs(alone));
    assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, n->theta, f));
    assert_ok(n->ctx, ovp_net_loss_value(n->ctx, t, OVP_F64, n->rows, n->outputs, f, &alone, u));
    assert_true(fabs(loss - alone) <= 1e-13 * fabs(alone));
    assert_ok(n->ctx, ovp_net_vjp(n->ws, n->batch, n->theta, u, jtu));
    assert_true(gap(OVP_F64, g, jtu, p) < 1e-12);
}

static void derivatives_are_those_of_the_outputs(void **state) {
    (void)state;
    for (int e = 0; e < RES_ENGINES; e++)
        for (int k = 0; k < RES_KINDS; k++)
            for (int a = 0; a < RES_ACTS; a++) {
                int32_t labels[16];
                net n = make_residual((res_recipe){.threads = 2,
                                                   .type = OVP_F64,
                                                   .engine = res_engines[e],
                                                   .kind = res_kinds[k],
                                                   .act = res_acts[a],
                                                   .alpha = k == 1 ? 0.1 : 0.5,
                                                   .rows = 5,
                                                   .layers = 4});
                ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, 5, n.outputs, labels);
                check_derivatives(&n, &t);
                t = label_targets(OVP_LOSS_MSE, (ovp_net_reduction)((a + k) % 4), 5, n.outputs, labels);
                t.power = a % 2 ? 3 : 0;
                check_derivatives(&n, &t);
                drop(&n);
            }
}

/* ---- identities ------------------------------------------------------------------------------------- */

static void increments_of_equal_blocks_are_the_identity(void **state) {
    (void)state;
    const char *const acts[] = {"tanh", "relu", "elu", "gelu"}; /* phi(0) = 0 */
    for (int e = 0; e < RES_ENGINES; e++)
        for (int a = 0; a < 4; a++) {
            net n = make_residual(
                (res_recipe){.type = OVP_F64, .engine = res_engines[e], .kind = "inc-skip", .act = acts[a]});
            const ovp_idx d = 5, layers = 6;
            int32_t labels[16];
            double f[36], g[6 * 25], loss, want[36], h_0[5];
            const double *u = n.rooms[0], *v = n.rooms[1], *x = n.x;
            const ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, 12, 3, labels);
            for (ovp_idx i = 0; i < layers * d * d; i++) set(OVP_F64, n.theta, i, 0.0371);
            for (int i = 0; i < 12; i++) {
                for (int o = 0; o < d; o++) h_0[o] = dot(OVP_F64, u + o * 4, x + i * 4, 4);
                for (int o = 0; o < 3; o++) want[i * 3 + o] = dot(OVP_F64, v + o * d, h_0, d);
            }
            assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, n.theta, f));
            assert_true(gap(OVP_F64, want, f, 36) < 1e-14);
            assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &loss, g));
            for (ovp_idx i = 0; i < d * d; i++) {
                assert_true(fabs(g[i] + g[(layers - 1) * d * d + i]) < 1e-16);
                for (ovp_idx k = 1; k + 1 < layers; k++) assert_true(fabs(g[k * d * d + i]) < 1e-16);
            }
            assert_true(largest(OVP_F64, g, d * d) > 1e-4);
            drop(&n);
        }
}

/* Uniform logits: CE = ln C and sum ||df||^2 / B = (1 - 1/C) / B^2. */
static void losses_of_uniform_outputs_are_known(void **state) {
    const double omega[] = {5.4931640625e-5, 1.40625e-4}; /* 0.9 / B^2, B = 128 and 80 */
    const ovp_idx batches[] = {128, 80};
    for (int b = 0; b < 2; b++) {
        double f[1280] = {0}, df[1280], loss, sum = 0;
        int32_t labels[128];
        const ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, batches[b], 10, labels);
        assert_ok(*state, ovp_net_loss_value(*state, &t, OVP_F64, batches[b], 10, f, &loss, df));
        for (ovp_idx i = 0; i < batches[b] * 10; i++) sum += df[i] * df[i];
        assert_near(loss, log(10), 1e-14);
        assert_near(sum / (double)batches[b], omega[b], 1e-13 * omega[b]);
    }
}

/* Constant data, d = 1: loss after 0, 1, 10 and 100 steps, and the first and last block; from the specification,
 * computed there in float64 by numpy. L^(1 - alpha) w starts as L^-1 / 2. */
static void a_chain_of_width_one_trains_as_published(void **state) {
    (void)state;
    enum { L = 128, N = 20 };
    const double u = .8, v = .625, beta = pow(L, .25), losses[] = {.08387695, .06426782, .02184095, .00310532};
    const int at[] = {0, 1, 10, 100};
    for (int e = 0; e < RES_ENGINES; e++) {
        ovp_ctx *ctx;
        ovp_net_model *m;
        ovp_net_batch *b;
        ovp_net_workspace *ws;
        double theta[L], x[N], y[N], loss;
        assert_int_equal(ovp_ctx_create(&ctx, NULL), OVP_OK);
        for (int i = 0; i < N; i++) {
            x[i] = -1 + (i + .5) / (N / 2);
            y[i] = .01;
        }
        for (int k = 0; k < L; k++) theta[k] = pow(L, -1.25) / 2;
        const ovp_net_residual_options o = {.size = sizeof o,
                                            .inputs = 1,
                                            .dim = 1,
                                            .outputs = 1,
                                            .layers = L,
                                            .alpha = .75,
                                            .type = OVP_F64,
                                            .engine = res_engines[e],
                                            .read_in = &u,
                                            .read_out = &v};
        const ovp_net_targets t = {.loss = OVP_LOSS_MSE, .values = y, .power = 2};
        const ovp_net_update step = {.rule = OVP_RULE_SGD, .lr = 9};
        assert_ok(ctx, ovp_net_residual_create(&m, ctx, &o));
        assert_ok(ctx, ovp_net_bind(&b, ctx, m, x, N));
        assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, N));
        for (int s = 0, i = 0; s <= 100; s++) {
            if (s == 100) {
                assert_near(beta * theta[0], -1.644231, 1e-5);
                assert_near(beta * theta[L - 1], -1.673719, 1e-5);
            }
            assert_ok(ctx, ovp_net_loss_step(ws, b, &t, &step, theta, &loss));
            if (s == at[i]) assert_near(loss, losses[i++], 1e-7);
        }
        ovp_net_workspace_free(ws);
        ovp_net_batch_free(b);
        ovp_net_model_free(m);
        ovp_ctx_free(ctx);
    }
}

/* ---- what is frozen; selections; errors -------------------------------------------------------------- */

static void frozen_maps_and_inputs_are_copied_and_stay(void **state) {
    (void)state;
    for (int e = 0; e < RES_ENGINES; e++) {
        net n = make_residual((res_recipe){.engine = res_engines[e]}),
            same = make_residual((res_recipe){.engine = res_engines[e]});
        float before[36], after[36], first[24], loss, *u = n.rooms[0], *v = n.rooms[1];
        int32_t labels[16];
        (void)loss;
        double value;
        const ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, 12, 3, labels);
        const ovp_net_update step = {.rule = OVP_RULE_SGD, .lr = 1};
        assert_ok(n.ctx, ovp_net_forward(same.ws, same.batch, n.theta, before));
        memcpy(first, n.theta, sizeof first);
        for (int s = 0; s < 3; s++) assert_ok(n.ctx, ovp_net_loss_step(n.ws, n.batch, &t, &step, n.theta, &value));
        assert_true(memcmp(first, n.theta, sizeof first) != 0);
        /* The model's own copies: the caller's may go, and training left them as they were. */
        for (int i = 0; i < 20; i++) u[i] = NAN;
        for (int i = 0; i < 15; i++) v[i] = NAN;
        assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, same.theta, after));
        assert_memory_equal(before, after, sizeof after);
        drop(&n);
        drop(&same);
    }
}

static void selected_rows_answer_like_their_own_batch(void **state) {
    (void)state;
    const int64_t rows[] = {7, 0, 11, 7, 4};
    for (int e = 0; e < RES_ENGINES; e++) {
        net n = make_residual((res_recipe){.type = OVP_F64, .engine = res_engines[e]});
        const ovp_idx p = n.parameters;
        double x[20], *g = room(&n, p), *want = room(&n, p), loss, expected, f[15], own[15];
        int32_t labels[16], own_labels[5];
        ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, 12, 3, labels), direct = t;
        ovp_net_batch *selected, *bound;
        t.rows = rows;
        t.outputs = f;
        direct.labels = own_labels;
        direct.outputs = own;
        for (int i = 0; i < 5; i++) {
            memcpy(x + i * 4, (double *)n.x + rows[i] * 4, 4 * sizeof *x);
            own_labels[i] = labels[rows[i]];
        }
        assert_ok(n.ctx, ovp_net_batch_create(&selected, n.ctx, n.model, 6));
        assert_ok(n.ctx, ovp_net_batch_select(selected, n.ctx, n.batch, rows, 5));
        assert_ok(n.ctx, ovp_net_bind(&bound, n.ctx, n.model, x, 5));
        assert_ok(n.ctx, ovp_net_loss_grad(n.ws, selected, &t, n.theta, &loss, g));
        assert_ok(n.ctx, ovp_net_loss_grad(n.ws, bound, &direct, n.theta, &expected, want));
        assert_near(loss, expected, 0);
        assert_memory_equal(g, want, (size_t)p * sizeof *g);
        assert_memory_equal(f, own, sizeof f);
        ovp_net_batch_free(selected);
        ovp_net_batch_free(bound);
        drop(&n);
    }
}

static void bad_options_are_named(void **state) {
    ovp_ctx *ctx = *state;
    float u[4] = {1, 2, 3, 4}, v[4] = {1, 2, 3, 4}, bad[4] = {1, INFINITY, 0, 0};
    ovp_net_model *m;
    const ovp_net_residual_options good = {.size = sizeof good,
                                           .inputs = 2,
                                           .dim = 2,
                                           .outputs = 2,
                                           .layers = 3,
                                           .alpha = .5,
                                           .type = OVP_F32,
                                           .read_in = u,
                                           .read_out = v};
    ovp_net_residual_options o = good;
    assert_ok(ctx, ovp_net_residual_create(&m, ctx, &o));
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_slices(m, &count);
    assert_int_equal(count, 3);
    assert_string_equal(s[2].name, "blocks.2.weight");
    assert_int_equal(s[2].offset, 8);
    assert_int_equal(s[2].layer, 2);
    ovp_net_model_free(m);
#define REFUSES(words, change)                                                                                         \
    do {                                                                                                               \
        o = good;                                                                                                      \
        change;                                                                                                        \
        assert_fails(ctx, OVP_EINVAL, words, ovp_net_residual_create(&m, ctx, &o));                                    \
    } while (0)
    REFUSES("0 layers", o.layers = 0);
    REFUSES("-1 inputs", o.inputs = -1);
    REFUSES("0 dim", o.dim = 0);
    REFUSES("0 outputs", o.outputs = 0);
    REFUSES("2^40", (o.dim = 1 << 20, o.layers = 1000));
    REFUSES("alpha nan", o.alpha = NAN);
    REFUSES("'tanhh'", o.activation = "tanhh");
    REFUSES("'skipp'", o.augmentation = "skipp");
    REFUSES("'gemm'", o.engine = "gemm");
    REFUSES("type", o.type = OVP_I32);
    REFUSES("read_in is NULL", o.read_in = NULL);
    REFUSES("value 1 of read_out is infinite", o.read_out = bad);
#undef REFUSES
}

static void powers_are_checked(void **state) {
    ovp_ctx *ctx = *state;
    const double f[2] = {.5, -2}, y[2] = {0, 0};
    const int32_t labels[2] = {0, 0};
    double loss, df[2];
    ovp_net_targets t = {.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_SUM, .values = y, .power = 3};
    assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F64, 2, 1, f, &loss, df));
    assert_near(loss, 8.125, 1e-15);
    assert_near(df[0], .75, 1e-15);
    assert_near(df[1], -12, 1e-14);
    t.power = 1;
    assert_ok(ctx, ovp_net_loss_value(ctx, &t, OVP_F64, 2, 1, f, &loss, df));
    assert_near(loss, 2.5, 1e-15);
    assert_near(df[1], -1, 0);
    t.power = .5;
    assert_fails(ctx, OVP_EINVAL, "power 0.5", ovp_net_loss_value(ctx, &t, OVP_F64, 2, 1, f, &loss, df));
    t.power = NAN;
    assert_fails(ctx, OVP_EINVAL, "power nan", ovp_net_loss_value(ctx, &t, OVP_F64, 2, 1, f, &loss, df));
    t = (ovp_net_targets){.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels, .power = 2};
    assert_fails(ctx, OVP_EINVAL, "goes with MSE", ovp_net_loss_value(ctx, &t, OVP_F64, 2, 1, f, &loss, df));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_values_are_met),
        cmocka_unit_test(derivatives_are_those_of_the_outputs),
        cmocka_unit_test(increments_of_equal_blocks_are_the_identity),
        CTX_TEST(losses_of_uniform_outputs_are_known),
        cmocka_unit_test(a_chain_of_width_one_trains_as_published),
        cmocka_unit_test(frozen_maps_and_inputs_are_copied_and_stay),
        cmocka_unit_test(selected_rows_answer_like_their_own_batch),
        CTX_TEST(bad_options_are_named),
        CTX_TEST(powers_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
