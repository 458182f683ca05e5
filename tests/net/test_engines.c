/* Contract of the net room: every activation x engine x precision x processor level, against finite differences and the
 * reference engine; the same bits for any number of threads. */
#include "allocator.h"
#include "nets.h"

#include <overparam/train.h>

/* Every way of computing; units: nets of one hidden layer and few outputs only. */
static const struct variant {
    const char *engine, *input, *layout;
} variants[] = {{"reference", "dense", NULL}, {"gemm", "dense", NULL},    {"gemm", "sparse", NULL},
                {"tile", NULL, "samples"},    {"tile", NULL, "features"}, {"tile", NULL, "units"}};
enum { REFERENCE, GEMM, GEMM_SPARSE, TILE, TILE_FEATURES, TILE_UNITS, VARIANTS };

static int applies(int v, ovp_idx layers) {
    return v != TILE_UNITS || layers == 2;
}

static net make_variant(int v, recipe r) {
    r.engine = variants[v].engine;
    r.input = variants[v].input;
    r.layout = variants[v].layout;
    return make(r);
}

static int32_t labels[128];
static ovp_net_targets targets_for(const net *n, ovp_net_loss loss, ovp_net_reduction reduction) {
    assert_true(n->rows <= 128);
    return label_targets(loss, reduction, n->rows, n->outputs, labels);
}

/* Gradient against central differences of the loss, f64. */
static void check_gradient(net *n, const ovp_net_targets *t) {
    double *grad = room(n, n->parameters), loss, up, down;
    assert_ok(n->ctx, ovp_net_loss_grad(n->ws, n->batch, t, n->theta, &loss, grad));
    double *theta = n->theta;
    double *f = room(n, n->rows * n->outputs), top = fmax(1, largest(OVP_F64, grad, n->parameters));
    for (ovp_idx i = 0; i < n->parameters; i += 1 + n->parameters / 40) {
        const double h = 1e-5, at = theta[i];
        theta[i] = at + h;
        assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, theta, f));
        assert_ok(n->ctx, ovp_net_loss_value(n->ctx, t, OVP_F64, n->rows, n->outputs, f, &up, NULL));
        theta[i] = at - h;
        assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, theta, f));
        assert_ok(n->ctx, ovp_net_loss_value(n->ctx, t, OVP_F64, n->rows, n->outputs, f, &down, NULL));
        theta[i] = at;
        if (!(fabs((up - down) / (2 * h) - grad[i]) <= 1e-7 * top))
            fail_msg("parameter %d: difference %.12g, gradient %.12g", (int)i, (up - down) / (2 * h), grad[i]);
    }
}

static void gradients_are_those_of_the_loss(void **state) {
    (void)state;
    const ovp_numeric_activation *act;
    int smooth = 0;
    for (ovp_idx a = 0; (act = ovp_numeric_activation_at(a)); a++) {
        if (strcmp(act->name, "step") == 0) continue; /* its derivative is 0 almost everywhere and says nothing */
        for (int v = 0; v < VARIANTS; v++) {
            net n = make_variant(v, (recipe){.threads = 2,
                                             .type = OVP_F64,
                                             .act = act->name,
                                             .no_bias = (int)(a % 2),
                                             .shape = shapes[v == TILE_UNITS],
                                             .density = 0.6});
            ovp_net_targets t = targets_for(&n, OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN);
            check_gradient(&n, &t);
            t = targets_for(&n, OVP_LOSS_MSE, (ovp_net_reduction)((int)a % 4));
            check_gradient(&n, &t);
            drop(&n);
        }
        smooth += act->kink_count == 0;
    }
    assert_true(smooth >= 8 && act == NULL);
    net n = make_variant(GEMM, (recipe){.type = OVP_F64, .shape = shapes[2]});
    ovp_net_targets t = targets_for(&n, OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_SUM);
    check_gradient(&n, &t);
    drop(&n);
}

/* targets.outputs: F as forward gives it, the loss and gradient as without; and powers of the error other than 2. */
static void losses_leave_their_outputs_and_take_powers(void **state) {
    (void)state;
    for (int v = 0; v < VARIANTS; v++)
        for (int type = OVP_F32; type <= OVP_F64; type++) {
            net n = make_variant(v, (recipe){.threads = 2,
                                             .type = (ovp_numeric_type)type,
                                             .act = "tanh",
                                             .shape = shapes[v == TILE_UNITS],
                                             .rows = 70});
            const ovp_idx outs = n.rows * n.outputs;
            const size_t size = ovp_numeric_type_size(n.type);
            void *f = room(&n, outs), *kept = room(&n, outs), *g = room(&n, n.parameters),
                 *want = room(&n, n.parameters);
            double loss, alone;
            assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, n.theta, f));
            for (int k = 0; k < 4; k++) { /* cross-entropy, one-hot squares, squares of values, cubes */
                ovp_net_targets t = targets_for(&n, k ? OVP_LOSS_MSE : OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN);
                if (k > 1) t.values = random_room(&n, outs, 77, 1);
                if (k == 3) t.power = 3;
                assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &alone, want));
                t.outputs = kept;
                memset(kept, 0, (size_t)outs * size);
                assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &loss, g));
                assert_memory_equal(f, kept, (size_t)outs * size);
                assert_memory_equal(want, g, (size_t)n.parameters * size);
                assert_true(loss >= alone && loss <= alone);
                t.outputs = NULL;
                if (k == 3 && type == OVP_F64) check_gradient(&n, &t);
            }
            drop(&n);
        }
}

/* Outputs, loss, gradient and a short training of one configuration in torch's order. */
typedef struct result {
    void *f, *grad, *trained;
    double loss;
} result;

static result compute(net *n, ovp_net_loss loss_kind) {
    result r = {room(n, n->rows * n->outputs), room(n, n->parameters), room(n, n->parameters), 0};
    ovp_net_targets t = targets_for(n, loss_kind, OVP_REDUCE_MEAN);
    void *flat = room(n, n->parameters);
    assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, n->theta, r.f));
    assert_ok(n->ctx, ovp_net_loss_grad(n->ws, n->batch, &t, n->theta, &r.loss, flat));
    gather(n->model, flat, r.grad);
    ovp_train *train;
    ovp_train_options o = {.size = sizeof o, .lr = 0.02, .momentum = 0.8, .weight_decay = 0.01, .nesterov = 1};
    assert_ok(n->ctx, ovp_train_create(&train, n->ctx, n->model, n->ws, n->batch, &t, &o, n->theta));
    for (int k = 0; k < 5; k++) {
        double loss;
        assert_ok(n->ctx, ovp_train_step(train, &loss));
        if (k == 0) assert_true(loss == r.loss);
    }
    gather(n->model, n->theta, r.trained);
    scatter(n->model, n->dense, n->theta);
    ovp_train_free(train);
    return r;
}

static void engines_agree_with_the_reference(void **state) {
    (void)state;
    int compared = 0;
    const ovp_numeric_activation *act;
    for (ovp_idx a = 0; (act = ovp_numeric_activation_at(a)); a++)
        for (int type = OVP_F32; type <= OVP_F64; type++)
            for (int s = 0; s < 3; s++) {
                recipe r = {.type = (ovp_numeric_type)type,
                            .act = act->name,
                            .no_bias = s == 1 && a % 2,
                            .shape = shapes[s],
                            .rows = 13,
                            .density = 0.5};
                net ref = make_variant(REFERENCE, r);
                r.threads = 2;
                result want = compute(&ref, OVP_LOSS_CROSS_ENTROPY);
                for (int level = 0; level < NET_LEVELS; level++)
                    for (int v = GEMM; v < VARIANTS; v++) {
                        if (!applies(v, r.shape.layers)) continue;
                        r.isa = net_levels[level];
                        net n = make_variant(v, r);
                        if (!n.ctx) continue;
                        if (variants[v].input)
                            assert_string_equal(ovp_net_batch_path(n.batch, NULL), variants[v].input);
                        result got = compute(&n, OVP_LOSS_CROSS_ENTROPY);
                        const double tol = type == OVP_F32 ? 2e-5 : 1e-13;
                        double gaps[] = {gap(n.type, want.f, got.f, n.rows * n.outputs),
                                         gap(n.type, want.grad, got.grad, n.parameters),
                                         gap(n.type, want.trained, got.trained, n.parameters),
                                         fabs(want.loss - got.loss) / want.loss};
                        for (int k = 0; k < 4; k++)
                            if (!(gaps[k] <= tol))
                                fail_msg("%s %s %s shape %d variant %d: gap %d is %g", act->name, r.isa,
                                         type == OVP_F32 ? "f32" : "f64", s, v, k, gaps[k]);
                        compared++;
                        drop(&n);
                    }
                drop(&ref);
            }
    assert_true(compared >= 17 * 2 * (3 * 4 + 1));
}

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    const ovp_idx big[] = {150, 700, 300, 10}, two[] = {150, 1100, 10}, three[] = {150, 1100, 3};
    for (int type = OVP_F32; type <= (SLOW ? OVP_F32 : OVP_F64); type++)
        for (int v = 0; v < VARIANTS; v++)
            for (int s = 0; s < 2; s++) {
                recipe r = {.type = (ovp_numeric_type)type,
                            .act = "tanh",
                            .shape = s == 0      ? (shape){3, big}
                                     : v >= TILE ? (shape){2, three}
                                                 : (shape){2, two},
                            .rows = s == 0 && v >= TILE ? 90 : 40,
                            .density = 0.3};
                if (v == REFERENCE && s == 0) continue; /* the slow engine on the large net */
                if (!applies(v, r.shape.layers)) continue;
                result first = {0};
                net keep = {0};
                for (r.threads = 1; r.threads <= 3; r.threads += SLOW ? 2 : 1) {
                    net n = make_variant(v, r);
                    result got = compute(&n, OVP_LOSS_MSE);
                    if (r.threads == 1) {
                        first = got;
                        keep = n;
                        continue;
                    }
                    size_t size = ovp_numeric_type_size(n.type);
                    assert_true(first.loss == got.loss);
                    assert_memory_equal(first.f, got.f, (size_t)(n.rows * n.outputs) * size);
                    assert_memory_equal(first.grad, got.grad, (size_t)n.parameters * size);
                    assert_memory_equal(first.trained, got.trained, (size_t)n.parameters * size);
                    drop(&n);
                }
                drop(&keep);
            }
}

static void the_fused_step_equals_gradient_and_update(void **state) {
    (void)state;
    for (int type = OVP_F32; type <= OVP_F64; type++)
        for (int v = 0; v < TILE_UNITS; v++)
            for (int rule = 0; rule < 3; rule++)
                for (int level = 0; level < NET_LEVELS; level++) {
                    net n = make_variant(v, (recipe){.threads = 2,
                                                     .isa = net_levels[level],
                                                     .type = (ovp_numeric_type)type,
                                                     .rows = 13,
                                                     .density = 0.5});
                    if (!n.ctx) continue;
                    ovp_net_targets t = targets_for(&n, OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN);
                    ovp_net_update u = {.lr = 0.1,
                                        .momentum = rule ? 0.9 : 0,
                                        .dampening = rule == 2 ? 0.25 : 0,
                                        .weight_decay = rule == 1 ? 0.01 : 0,
                                        .nesterov = rule == 1,
                                        .first = 1};
                    void *v1 = room(&n, n.parameters), *v2 = room(&n, n.parameters), *g = room(&n, n.parameters);
                    void *apart = room(&n, n.parameters);
                    size_t bytes = (size_t)n.parameters * ovp_numeric_type_size(n.type);
                    memcpy(apart, n.theta, bytes);
                    for (int k = 0; k < 3; k++) {
                        double l1, l2;
                        u.m = rule ? v1 : NULL;
                        assert_ok(n.ctx, ovp_net_loss_step(n.ws, n.batch, &t, &u, n.theta, &l1));
                        assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, apart, &l2, g));
                        u.m = rule ? v2 : NULL;
                        ovp_net_apply_update(n.model, n.ctx, &u, g, apart);
                        assert_true(l1 == l2);
                        assert_memory_equal(n.theta, apart, bytes);
                        u.first = 0;
                    }
                    drop(&n);
                }
}

/* <u, J v> by central differences equals <J^T u, v>. */
static void vjp_is_the_adjoint_of_the_directional_derivative(void **state) {
    (void)state;
    for (int e = 0; e < VARIANTS; e++) {
        net n = make_variant(e, (recipe){.threads = 2,
                                         .type = OVP_F64,
                                         .act = "gelu",
                                         .shape = shapes[e == TILE_UNITS],
                                         .rows = 9,
                                         .density = 0.5});
        assert_true(ovp_net_model_capabilities(n.model) & OVP_CAN_VJP);
        const ovp_idx outs = n.rows * n.outputs;
        double *u = room(&n, outs), *v = room(&n, n.parameters), *jtu = room(&n, n.parameters);
        double *plus = room(&n, outs), *minus = room(&n, outs), *at = room(&n, n.parameters);
        fill(n.ctx, 8, OVP_F64, outs, 1, u);
        fill(n.ctx, 9, OVP_F64, n.parameters, 1, v);
        assert_ok(n.ctx, ovp_net_vjp(n.ws, n.batch, n.theta, u, jtu));
        const double h = 1e-6, *theta = n.theta;
        for (ovp_idx i = 0; i < n.parameters; i++) at[i] = theta[i] + h * v[i];
        assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, at, plus));
        for (ovp_idx i = 0; i < n.parameters; i++) at[i] = theta[i] - h * v[i];
        assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, at, minus));
        double left = 0, right = 0;
        for (ovp_idx i = 0; i < outs; i++) left += u[i] * (plus[i] - minus[i]) / (2 * h);
        for (ovp_idx i = 0; i < n.parameters; i++) right += jtu[i] * v[i];
        assert_true(fabs(left - right) < 1e-7 * fabs(left) + 1e-7);
        drop(&n);
    }
}

static void check_allocations(int v) {
    int left = INT_MAX;
    ovp_allocator allocator = granting(&left);
    ovp_ctx_options o = {.size = sizeof o, .threads = 2, .allocator = &allocator};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
    ovp_net_dense_options d = {.size = sizeof d,
                               .layers = v == TILE_UNITS ? 2 : 4,
                               .widths = v == TILE_UNITS ? wide : deep,
                               .type = OVP_F32,
                               .engine = variants[v].engine,
                               .input = variants[v].input,
                               .layout = variants[v].layout};
    ovp_net_model *m;
    ovp_net_batch *b;
    ovp_net_workspace *ws;
    ovp_train *train;
    float x[110] = {0.3f}, theta[2000] = {0};
    int32_t y[10] = {0};
    assert_ok(ctx, ovp_net_dense_create(&m, ctx, &d));
    assert_ok(ctx, ovp_net_bind(&b, ctx, m, x, 10));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, 10));
    ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = y};
    ovp_train_options to = {.size = sizeof to, .lr = 0.1, .momentum = 0.9};
    assert_true(ovp_net_model_parameters(m) <= 2000);
    assert_ok(ctx, ovp_train_create(&train, ctx, m, ws, b, &t, &to, theta));
    assert_ok(ctx, ovp_train_step(train, NULL)); /* the pool starts here */
    const int before = left;
    assert_true(before < INT_MAX - 5);
    for (int k = 0; k < 100; k++) assert_ok(ctx, ovp_train_step(train, NULL));
    assert_int_equal(left, before);
    ovp_idx step;
    assert_int_equal(ovp_train_test(train, &step), OVP_TRAIN_RUNNING);
    assert_int_equal(step, 101);
    ovp_train_free(train);
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(b);
    ovp_net_model_free(m);
    ovp_ctx_free(ctx);
}

static void a_step_allocates_nothing(void **state) {
    (void)state;
    for (int v = 0; v < VARIANTS; v++) check_allocations(v);
}

/* Real targets, also chosen rows of them: what the tile engine does by itself. */
static void real_targets_and_chosen_rows(void **state) {
    (void)state;
    const ovp_idx one[] = {6, 19, 1}, three[] = {6, 19, 3};
    const int64_t rows[] = {4, 30, 4, 11, 0, 29, 17, 5, 23, 8, 9, 30, 2, 1, 21, 14, 13, 12, 7, 3};
    enum { ALL = 31, SOME = 20 };
    for (int type = OVP_F32; type <= OVP_F64; type++)
        for (int outputs = 1; outputs <= 3; outputs += 2)
            for (int chosen = 0; chosen < 2; chosen++) {
                double loss[VARIANTS];
                char *want = NULL;
                net first = {0};
                for (int v = 0; v < VARIANTS; v++) {
                    net n = make_variant(v, (recipe){.threads = 2,
                                                     .type = (ovp_numeric_type)type,
                                                     .act = "tanh",
                                                     .shape = {2, outputs == 1 ? one : three},
                                                     .rows = ALL,
                                                     .density = 0.8});
                    char *y = room(&n, ALL * outputs), *grad = room(&n, n.parameters), *dense = room(&n, n.parameters);
                    fill(n.ctx, 12, n.type, ALL * outputs, 1, y);
                    ovp_net_targets t = {.loss = OVP_LOSS_MSE, .values = y, .rows = chosen ? rows : NULL};
                    ovp_net_batch *some;
                    assert_ok(n.ctx, ovp_net_batch_create(&some, n.ctx, n.model, SOME));
                    assert_ok(n.ctx, ovp_net_batch_select(some, n.ctx, n.batch, rows, SOME));
                    assert_ok(n.ctx, ovp_net_loss_grad(n.ws, chosen ? some : n.batch, &t, n.theta, &loss[v], grad));
                    gather(n.model, grad, dense);
                    if (v == 0) {
                        want = dense;
                        first = n;
                    } else {
                        const double tol = type == OVP_F32 ? 1e-5 : 1e-13;
                        assert_true(fabs(loss[v] - loss[0]) <= tol * loss[0]);
                        assert_true(gap(n.type, want, dense, n.parameters) <= tol);
                    }
                    ovp_net_batch_free(some);
                    if (v > 0) drop(&n);
                }
                drop(&first);
            }
}

/* Nets that the tile engine has loops of its own for: one hidden layer, one output, ReLU with up to four inputs or tanh
 * with up to eight; several chunks and groups, units that fill registers and units that do not. */
/* Loss and gradient of a variant on every level against the reference's, for real targets. */
static void check_levels(int variant, recipe what) {
    double want = 0;
    void *expected = NULL;
    net reference = {0};
    for (int level = -1; level < NET_LEVELS; level++) {
        what.isa = level < 0 ? NULL : net_levels[level];
        net n = make_variant(level < 0 ? REFERENCE : variant, what);
        if (!n.ctx) continue;
        void *y = random_room(&n, n.rows * n.outputs, 12, 1), *grad = room(&n, n.parameters);
        void *dense = room(&n, n.parameters);
        ovp_net_targets t = {.loss = OVP_LOSS_MSE, .values = y};
        double loss;
        assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &loss, grad));
        gather(n.model, grad, dense);
        if (level < 0) {
            want = loss;
            expected = dense;
            reference = n;
            continue;
        }
        const double tol = what.type == OVP_F32 ? 1e-5 : 1e-13, off = gap(n.type, expected, dense, n.parameters);
        if (!(fabs(loss - want) <= tol * want && off <= tol))
            fail_msg("%s %d-%d-%d.. %s: gradient off by %g", what.act, (int)what.shape.widths[0],
                     (int)what.shape.widths[1], (int)what.shape.widths[2], net_levels[level], off);
        drop(&n);
    }
    drop(&reference);
}

static void check_shallow(const char *act, ovp_idx most) {
    enum { ROWS = 700, HIDDEN = 4 };
    const ovp_idx hidden[HIDDEN] = {5, 48, 131, 1003};
    for (int type = OVP_F32; type <= OVP_F64; type++)
        for (ovp_idx inputs = 1; inputs <= most + 1; inputs++) /* one more: the general way */
            for (int k = 0; k < HIDDEN; k++) {
                const ovp_idx widths[] = {inputs, hidden[k], 1};
                check_levels(TILE_UNITS, (recipe){.threads = 2,
                                                  .type = (ovp_numeric_type)type,
                                                  .act = act,
                                                  .no_bias = k % 2,
                                                  .shape = {2, widths},
                                                  .rows = k == HIDDEN - 1 ? 15 : ROWS});
            }
}

/* Every size of hot/tile_small.c, forth and back, with and without biases and tanh's own way back; 7: the general way.
 */
static void small_layers(void **state) {
    (void)state;
    enum { MOST = 7 };
    for (ovp_idx k = 1; k <= MOST; k++)
        for (ovp_idx m = 1; m <= MOST; m++)
            for (int how = 0; how < 8; how++) {
                const ovp_idx widths[] = {1 + (k + 3 * m) % MOST, m, k, 1 + (m + 2 * k) % MOST};
                check_levels(TILE, (recipe){.type = how % 2 ? OVP_F32 : OVP_F64,
                                            .act = how / 4 ? "tanh" : "sin",
                                            .no_bias = how / 2 % 2,
                                            .shape = {3, widths},
                                            .rows = 53});
            }
}

static void shallow_nets(void **state) {
    (void)state;
    check_shallow("relu", 4);
    check_shallow("tanh", 8);
}

static void divergence_is_noticed(void **state) {
    (void)state;
    net n = make_variant(GEMM, (recipe){.shape = shapes[1], .rows = 13});
    ovp_net_targets t = targets_for(&n, OVP_LOSS_MSE, OVP_REDUCE_SUM);
    ovp_train *train;
    ovp_train_options o = {.size = sizeof o, .lr = 1e3};
    assert_ok(n.ctx, ovp_train_create(&train, n.ctx, n.model, n.ws, n.batch, &t, &o, n.theta));
    ovp_idx at = 0, again = 0;
    double loss = 0;
    for (int k = 1; k < 60 && !at; k++) {
        assert_ok(n.ctx, ovp_train_step(train, &loss));
        if (!isfinite(loss)) at = k;
    }
    assert_true(at > 1);
    assert_int_equal(ovp_train_test(train, &again), OVP_TRAIN_DIVERGED);
    assert_int_equal(again, at);
    ovp_train_free(train);
    drop(&n);
}

static void bad_arguments_are_named(void **state) {
    ovp_ctx *ctx = *state;
    ovp_net_model *m;
    ovp_idx w[] = {4, 0, 2}, good[] = {4, 3, 2}, huge[] = {1 << 21, 1 << 21, 1};
    ovp_net_dense_options d = {.size = sizeof d, .layers = 2, .widths = w, .type = OVP_F64};
    assert_fails(ctx, OVP_EINVAL, "width 0 of layer 1", ovp_net_dense_create(&m, ctx, &d));
    d.widths = huge;
    assert_fails(ctx, OVP_EINVAL, "2^40", ovp_net_dense_create(&m, ctx, &d));
    d.widths = good;
    d.layers = 64;
    assert_fails(ctx, OVP_EINVAL, "64 layers is outside 1..63", ovp_net_dense_create(&m, ctx, &d));
    d.layers = 2;
    d.activation = "rulu";
    assert_fails(ctx, OVP_EINVAL, "rulu", ovp_net_dense_create(&m, ctx, &d));
    d.activation = "tanh";
    d.engine = "tpu";
    assert_fails(ctx, OVP_EINVAL, "tpu", ovp_net_dense_create(&m, ctx, &d));
    d.engine = "auto";
    d.input = "thin";
    assert_fails(ctx, OVP_EINVAL, "thin", ovp_net_dense_create(&m, ctx, &d));
    d.input = "auto";
    d.type = OVP_U8;
    assert_fails(ctx, OVP_EINVAL, "f32 or f64", ovp_net_dense_create(&m, ctx, &d));
    d.type = OVP_F64;
    assert_ok(ctx, ovp_net_dense_create(&m, ctx, &d));
    assert_int_equal(ovp_net_model_parameters(m), 4 * 3 + 3 + 3 * 2 + 2);

    ovp_net_batch *b;
    double x[8] = {1, 2, 3, 4, 5, NAN, 7, 8}, theta[23] = {0}, f[4], loss, grad[23];
    assert_fails(ctx, OVP_EINVAL, "input 1 of row 1 is nan", ovp_net_bind(&b, ctx, m, x, 2));
    x[5] = INFINITY;
    assert_fails(ctx, OVP_EINVAL, "infinite", ovp_net_bind(&b, ctx, m, x, 2));
    assert_fails(ctx, OVP_EINVAL, "0 rows", ovp_net_bind(&b, ctx, m, x, 0));
    x[5] = 0;
    assert_ok(ctx, ovp_net_bind(&b, ctx, m, x, 2));
    ovp_net_workspace *ws;
    assert_fails(ctx, OVP_EINVAL, "0 rows", ovp_net_workspace_create(&ws, ctx, m, 0));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, 1));
    assert_fails(ctx, OVP_ESHAPE, "2 rows, the workspace room for 1", ovp_net_forward(ws, b, theta, f));
    ovp_net_workspace_free(ws);
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, 2));
    int32_t y[] = {1, 2};
    ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = y};
    assert_fails(ctx, OVP_EINVAL, "label 2 of row 1 is outside 0..1", ovp_net_loss_grad(ws, b, &t, theta, &loss, grad));
    t.labels = NULL;
    assert_fails(ctx, OVP_EINVAL, "needs labels", ovp_net_loss_grad(ws, b, &t, theta, &loss, grad));
    t.loss = OVP_LOSS_MSE;
    assert_fails(ctx, OVP_EINVAL, "neither", ovp_net_loss_grad(ws, b, &t, theta, &loss, grad));
    t = (ovp_net_targets){.loss = OVP_LOSS_CROSS_ENTROPY, .reduction = OVP_REDUCE_HALF_SAMPLES, .labels = y};
    assert_fails(ctx, OVP_EINVAL, "half-samples", ovp_net_loss_grad(ws, b, &t, theta, &loss, grad));

    /* A batch of another model. */
    ovp_net_model *other;
    ovp_net_batch *theirs;
    d.type = OVP_F32;
    assert_ok(ctx, ovp_net_dense_create(&other, ctx, &d));
    assert_ok(ctx, ovp_net_bind(&theirs, ctx, other, x, 2));
    assert_fails(ctx, OVP_ESHAPE, "f32, the model f64", ovp_net_forward(ws, theirs, theta, f));
    ovp_net_batch_free(theirs);
    ovp_net_model_free(other);
    ovp_idx narrow[] = {3, 2};
    d = (ovp_net_dense_options){.size = sizeof d, .layers = 1, .widths = narrow, .type = OVP_F64};
    assert_ok(ctx, ovp_net_dense_create(&other, ctx, &d));
    assert_ok(ctx, ovp_net_bind(&theirs, ctx, other, x, 2));
    assert_fails(ctx, OVP_ESHAPE, "3 inputs, the model 4", ovp_net_forward(ws, theirs, theta, f));
    ovp_net_batch_free(theirs);
    ovp_net_model_free(other);

    ovp_train *train;
    y[1] = 0;
    t = (ovp_net_targets){.loss = OVP_LOSS_CROSS_ENTROPY, .labels = y};
    const struct {
        ovp_train_options o;
        const char *word;
    } bad[] = {{{.lr = 0}, "lr: 0"},
               {{.lr = INFINITY}, "lr: inf"},
               {{.lr = 1, .momentum = 1}, "momentum: 1"},
               {{.lr = 1, .momentum = .5, .dampening = 2}, "dampening: 2"},
               {{.lr = 1, .weight_decay = -1}, "weight-decay: -1"},
               {{.lr = 1, .nesterov = 1}, "nesterov"},
               {{.lr = 1, .optimiser = "adam-ish"}, "adam-ish"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ovp_train_options o = bad[i].o;
        o.size = sizeof o;
        assert_fails(ctx, OVP_EINVAL, bad[i].word, ovp_train_create(&train, ctx, m, ws, b, &t, &o, theta));
        assert_null(train);
    }
    /* An interrupted step says so and leaves no result. */
    ovp_cancel(ctx);
    assert_fails(ctx, OVP_EINTERRUPTED, "interrupted", ovp_net_loss_grad(ws, b, &t, theta, &loss, grad));
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(b);
    ovp_net_model_free(m);
    ovp_net_workspace_free(NULL);
    ovp_net_batch_free(NULL);
    ovp_net_model_free(NULL);
    ovp_train_free(NULL);
}

static void slices_describe_theta(void **state) {
    (void)state;
    for (int e = 0; e < 2; e++) {
        net n = make_variant(e ? GEMM : REFERENCE, (recipe){.act = "tanh", .rows = 3});
        ovp_idx count, total = 0;
        const ovp_net_slice *s = ovp_net_model_slices(n.model, &count);
        assert_int_equal(count, 8);
        assert_string_equal(s[2].name, "1.weight");
        assert_int_equal(s[2].shape[0], 7);
        assert_int_equal(s[2].shape[1], 19);
        assert_int_equal(s[2].fan_in, 19);
        assert_int_equal(s[3].role, OVP_ROLE_BIAS);
        char *hit = room(&n, n.parameters);
        for (ovp_idx i = 0; i < count; i++) {
            total += s[i].count;
            for (ovp_idx a = 0; a < s[i].shape[0]; a++)
                for (ovp_idx b = 0; b < (s[i].ndim == 2 ? s[i].shape[1] : 1); b++)
                    hit[s[i].offset + a * s[i].strides[0] + b * s[i].strides[1]]++;
        }
        assert_int_equal(total, n.parameters);
        for (ovp_idx i = 0; i < n.parameters; i++) assert_int_equal(hit[i], 1);
        drop(&n);
    }
}

static void *count_bytes(void *user, size_t bytes) {
    *(int64_t *)user += (int64_t)bytes;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}
static void uncount(void *user, void *memory) {
    (void)user;
    free(memory);
}

/* The tile engine's own estimate: at least what is allocated, with as many threads, and not much more. */
static void memory_of_small_nets_is_what_they_take(void **state) {
    (void)state;
    static const ovp_idx long_net[] = {5, 5, 5, 5, 5, 1}, wide_net[] = {5, 135, 1}, square[] = {64, 64, 3};
    static const struct {
        ovp_idx layers;
        const ovp_idx *widths;
        ovp_idx rows;
    } cases[] = {{5, long_net, 4000}, {2, wide_net, 4000}, {2, square, 10}, {2, wide_net, 300000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int f64 = 0; f64 < 2; f64++) {
            int64_t bytes = 0;
            const ovp_allocator hook = {count_bytes, uncount, &bytes};
            const ovp_ctx_options options = {.size = sizeof options, .threads = 16, .allocator = &hook};
            ovp_net_dense_options d = {.size = sizeof d,
                                       .layers = cases[i].layers,
                                       .widths = cases[i].widths,
                                       .activation = "tanh",
                                       .type = f64 ? OVP_F64 : OVP_F32};
            ovp_ctx *ctx;
            ovp_net_model *model;
            ovp_net_workspace *ws;
            ovp_net_batch *batch;
            const ovp_idx rows = cases[i].rows, inputs = d.widths[0];
            assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
            void *x = calloc((size_t)(rows * inputs), sizeof(double));
            assert_non_null(x);
            assert_ok(ctx, ovp_net_dense_create(&model, ctx, &d));
            assert_string_equal(ovp_net_model_engine(model), "tile");
            bytes = 2 * ovp_net_model_parameters(model) * (int64_t)ovp_numeric_type_size(d.type);
            assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, rows));
            assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, rows));
            const int64_t estimate = ovp_net_dense_memory(&d, rows);
            if (estimate < bytes || estimate > 2 * bytes)
                fail_msg("case %d: estimate %lld, taken %lld", (int)i, (long long)estimate, (long long)bytes);
            ovp_net_batch_free(batch);
            ovp_net_workspace_free(ws);
            ovp_net_model_free(model);
            free(x);
            ovp_ctx_free(ctx);
        }
}

static void memory_is_estimated(void **state) {
    (void)state;
    ovp_idx w[] = {784, 100000, 10};
    ovp_net_dense_options d = {.size = sizeof d, .layers = 2, .widths = w, .type = OVP_F32};
    int64_t bytes = ovp_net_dense_memory(&d, 1024);
    assert_true(bytes > (int64_t)1 << 30 && bytes < (int64_t)5 << 29); /* 1 .. 2.5 GiB */
    w[1] = 1000000000;
    assert_true(ovp_net_dense_memory(&d, 1024) > (int64_t)1 << 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_loss),
        cmocka_unit_test(losses_leave_their_outputs_and_take_powers),
        cmocka_unit_test(engines_agree_with_the_reference),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(the_fused_step_equals_gradient_and_update),
        cmocka_unit_test(vjp_is_the_adjoint_of_the_directional_derivative),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(real_targets_and_chosen_rows),
        cmocka_unit_test(shallow_nets),
        cmocka_unit_test(small_layers),
        cmocka_unit_test(divergence_is_noticed),
        CTX_TEST(bad_arguments_are_named),
        cmocka_unit_test(slices_describe_theta),
        cmocka_unit_test(memory_is_estimated),
        cmocka_unit_test(memory_of_small_nets_is_what_they_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
