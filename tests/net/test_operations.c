/* Contract of the derivative operations of dense nets: every activation x engine x precision x processor level x what
 * the model claims. Central differences where they can decide (f64), identities between the operations everywhere, and
 * the engines against the reference. */
#include "allocator.h"
#include "net/net_int.h"
#include "nets.h"

/* A net of this activation all of whose pre-activations keep away from its kinks by 25 steps of the differences. */
static net make_away_from_kinks(recipe r) {
    const ovp_numeric_activation *act = ovp_numeric_activation_find(r.act);
    for (r.seed = 0; r.seed < 300; r.seed++) {
        net n = make(r);
        if (kink_distance(&n, &r.shape, act) > 1e-3) return n;
        drop(&n);
    }
    fail_msg("%s: no seed keeps away from the kinks", r.act);
    return (net){0};
}

static const char *const parametrizations[] = {"standard", "ntk", "mup"};

static const struct {
    ovp_net_loss loss;
    ovp_net_reduction reduction;
} losses[] = {{OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN}, {OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_SUM},
              {OVP_LOSS_MSE, OVP_REDUCE_MEAN},           {OVP_LOSS_MSE, OVP_REDUCE_SAMPLES},
              {OVP_LOSS_MSE, OVP_REDUCE_HALF_SAMPLES},   {OVP_LOSS_MSE, OVP_REDUCE_SUM}};
enum { LOSSES = 6 };

/* jvp, vjp, jacobian and hvp (labels one-hot for MSE; real targets for the last loss) by differences. */
static void check_differences(net *n, int loss_from, int loss_to) {
    const ovp_idx outs = n->rows * n->outputs, p = n->parameters;
    double *v = random_room(n, p, 21, 1), *u = random_room(n, outs, 22, 1), *f = room(n, outs), *jv = room(n, outs);
    double *jtu = room(n, p), *jacobian = room(n, outs * p), *hv = room(n, p), *g = room(n, p), *plain = room(n, outs);
    vector_function outputs = {n, outputs_at, NULL, outs};
    assert_ok(n->ctx, ovp_net_jvp(n->ws, n->batch, n->theta, v, f, jv));
    assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, n->theta, plain));
    assert_true(gap(OVP_F64, plain, f, outs) < 1e-14);
    assert_difference("jvp", &outputs, n->theta, v, jv);

    /* Column j of the Jacobian is the derivative along e_j; J^T u is then u's combination of the rows. */
    assert_ok(n->ctx, ovp_net_jacobian(n->ws, n->batch, n->theta, 0, n->rows, jacobian));
    double *e = room(n, p), *column = room(n, outs);
    for (ovp_idx j = 0; j < p; j += 1 + p / 12) {
        e[j] = 1;
        for (ovp_idx i = 0; i < outs; i++) column[i] = jacobian[i * p + j];
        assert_difference("jacobian", &outputs, n->theta, e, column);
        e[j] = 0;
    }
    assert_ok(n->ctx, ovp_net_vjp(n->ws, n->batch, n->theta, u, jtu));
    for (ovp_idx j = 0; j < p; j++)
        for (ovp_idx i = 0; i < outs; i++) g[j] += u[i] * jacobian[i * p + j];
    assert_true(gap(OVP_F64, g, jtu, p) < 1e-12);

    double *values = random_room(n, outs, 23, 1);
    for (int k = loss_from; k < loss_to; k++) {
        int32_t labels[64];
        double loss, alone;
        ovp_net_targets t = label_targets(losses[k].loss, losses[k].reduction, n->rows, n->outputs, labels);
        if (k == LOSSES - 1) t.values = values;
        vector_function gradient = {n, gradient_at, &t, p};
        assert_ok(n->ctx, ovp_net_hvp(n->ws, n->batch, &t, n->theta, v, &loss, hv));
        assert_difference("hvp", &gradient, n->theta, v, hv);
        assert_ok(n->ctx, ovp_net_loss_grad(n->ws, n->batch, &t, n->theta, &alone, g));
        assert_true(fabs(loss - alone) <= 1e-13 * fabs(alone));
    }
}

static void derivatives_are_those_of_the_outputs_and_of_the_gradient(void **state) {
    (void)state;
    const ovp_numeric_activation *act;
    int checked = 0;
    for (ovp_idx a = 0; (act = ovp_numeric_activation_at(a)); a++)
        for (int e = 0; e < NET_ENGINES; e++) {
            const recipe r = {.threads = 2,
                              .type = OVP_F64,
                              .engine = net_engines[e],
                              .act = act->name,
                              .no_bias = (int)(a % 2),
                              .parametrization = parametrizations[a % 3],
                              .shape = shapes[0],
                              .rows = 5};
            net n = make_away_from_kinks(r);
            assert_int_equal(ovp_net_model_capabilities(n.model), 31);
            check_differences(&n, a == 8 ? 0 : (int)a % LOSSES, a == 8 ? LOSSES : (int)a % LOSSES + 1);
            drop(&n);
            checked++;
        }
    assert_true(checked >= 17 * NET_ENGINES);
    for (int s = 1; s < SHAPES; s++)
        for (int e = 0; e < NET_ENGINES; e++) {
            net n = make((recipe){.type = OVP_F64, .engine = net_engines[e], .act = "tanh", .shape = shapes[s]});
            check_differences(&n, 0, LOSSES);
            drop(&n);
        }
}

/* ---- identities ------------------------------------------------------------------------------------ */

/* What the operations of one net on fixed directions say, parameters in torch's order. */
typedef struct answers {
    void *f, *jv, *jtu, *hv, *jacobian, *rebuilt;
    double loss;
} answers;

/* A direction that is the same in every engine's order. */
static void *direction(net *n, int64_t seed) {
    void *dense = random_room(n, n->parameters, seed, 1), *v = room(n, n->parameters);
    scatter(n->model, dense, v);
    return v;
}

/* The Jacobian from its factors, rows in the model's order. */
static void *rebuild(net *n) {
    void *h[8], *delta[8], *out = room(n, n->rows * n->outputs * n->parameters);
    const ovp_net_model *m = n->model;
    for (ovp_idx l = 0; l < m->layers; l++) {
        h[l] = room(n, n->rows * m->layer[l].in);
        delta[l] = room(n, n->rows * n->outputs * m->layer[l].out);
    }
    assert_ok(n->ctx, ovp_net_factors(n->ws, n->batch, n->theta, h, delta));
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_slices(m, &count);
    for (ovp_idx pair = 0; pair < n->rows * n->outputs; pair++)
        for (ovp_idx i = 0; i < count; i++)
            for (ovp_idx o = 0; o < s[i].shape[0]; o++)
                for (ovp_idx k = 0; k < (s[i].ndim == 2 ? s[i].shape[1] : 1); k++) {
                    const double d = get(n->type, delta[s[i].layer], pair * s[i].fan_out + o);
                    const double a =
                        s[i].ndim == 2 ? get(n->type, h[s[i].layer], pair / n->outputs * s[i].fan_in + k) : 1;
                    set(n->type, out, pair * n->parameters + s[i].offset + o * s[i].strides[0] + k * s[i].strides[1],
                        s[i].multiplier * d * a);
                }
    return out;
}

static answers compute(net *n) {
    const ovp_idx outs = n->rows * n->outputs, p = n->parameters;
    answers r = {room(n, outs), room(n, outs), room(n, p), room(n, p), room(n, outs * p), NULL, 0};
    int32_t labels[64];
    const ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, n->rows, n->outputs, labels);
    void *v = direction(n, 31), *u = random_room(n, outs, 32, 1), *flat = room(n, p), *j = room(n, outs * p);
    assert_ok(n->ctx, ovp_net_jvp(n->ws, n->batch, n->theta, v, r.f, r.jv));
    assert_ok(n->ctx, ovp_net_vjp(n->ws, n->batch, n->theta, u, flat));
    gather(n->model, flat, r.jtu);
    assert_ok(n->ctx, ovp_net_hvp(n->ws, n->batch, &t, n->theta, v, &r.loss, flat));
    gather(n->model, flat, r.hv);
    /* In two calls, the second starting inside the batch. */
    const ovp_idx half = n->rows / 2, size = (ovp_idx)ovp_numeric_type_size(n->type);
    assert_ok(n->ctx, ovp_net_jacobian(n->ws, n->batch, n->theta, 0, half, j));
    assert_ok(n->ctx, ovp_net_jacobian(n->ws, n->batch, n->theta, half, n->rows - half,
                                       (char *)j + half * n->outputs * p * size));
    void *rows = rebuild(n);
    r.rebuilt = room(n, outs * p);
    for (ovp_idx i = 0; i < outs; i++) {
        gather(n->model, (char *)j + i * p * size, (char *)r.jacobian + i * p * size);
        gather(n->model, (char *)rows + i * p * size, (char *)r.rebuilt + i * p * size);
    }
    return r;
}

/* <u, Jv> = <J^T u, v> and <a, Hb> = <b, Ha>, measured against the lengths of the vectors, so that the tolerance is
 * some units in the last place times the root of the number of terms. */
static void check_inner_products(net *n, const char *what) {
    const ovp_idx outs = n->rows * n->outputs, p = n->parameters;
    const double tolerance = n->type == OVP_F32 ? 1e-5 : 2e-14;
    void *a = random_room(n, p, 41, 1), *b = random_room(n, p, 42, 1), *u = random_room(n, outs, 43, 1);
    void *jv = room(n, outs), *jtu = room(n, p), *ha = room(n, p), *hb = room(n, p);
    int32_t labels[512];
    assert_ok(n->ctx, ovp_net_jvp(n->ws, n->batch, n->theta, a, NULL, jv));
    assert_ok(n->ctx, ovp_net_vjp(n->ws, n->batch, n->theta, u, jtu));
    const double left = dot(n->type, u, jv, outs), right = dot(n->type, jtu, a, p);
    const double size = sqrt(dot(n->type, jtu, jtu, p) * dot(n->type, a, a, p));
    if (!(fabs(left - right) <= tolerance * size)) fail_msg("%s: <u, Jv> %.17g, <J'u, v> %.17g", what, left, right);
    for (int k = 0; k < 2; k++) {
        const ovp_net_targets t =
            label_targets(k ? OVP_LOSS_MSE : OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_SUM, n->rows, n->outputs, labels);
        assert_ok(n->ctx, ovp_net_hvp(n->ws, n->batch, &t, n->theta, a, NULL, ha));
        assert_ok(n->ctx, ovp_net_hvp(n->ws, n->batch, &t, n->theta, b, NULL, hb));
        const double ab = dot(n->type, a, hb, p), ba = dot(n->type, b, ha, p);
        const double terms = sqrt(dot(n->type, ha, ha, p) * dot(n->type, b, b, p));
        if (!(fabs(ab - ba) <= tolerance * terms)) fail_msg("%s: <a, Hb> %.17g, <b, Ha> %.17g", what, ab, ba);
    }
}

/* Rows of J for samples first .. first + count - 1 stack to J v there, and combine to J^T u for u that is 0 elsewhere.
 */
static void check_rows(net *n, const char *what, ovp_idx first, ovp_idx count) {
    const ovp_idx c = n->outputs, outs = n->rows * c, p = n->parameters;
    const double tolerance = n->type == OVP_F32 ? 1e-5 : 2e-14;
    const size_t size = ovp_numeric_type_size(n->type);
    void *v = random_room(n, p, 44, 1), *u = room(n, outs), *jv = room(n, outs), *jtu = room(n, p);
    void *j = room(n, count * c * p), *stacked = room(n, count * c), *combined = room(n, p);
    fill(n->ctx, 45, n->type, count * c, 1, (char *)u + (size_t)(first * c) * size);
    assert_ok(n->ctx, ovp_net_jvp(n->ws, n->batch, n->theta, v, NULL, jv));
    assert_ok(n->ctx, ovp_net_vjp(n->ws, n->batch, n->theta, u, jtu));
    assert_ok(n->ctx, ovp_net_jacobian(n->ws, n->batch, n->theta, first, count, j));
    for (ovp_idx i = 0; i < count * c; i++)
        set(n->type, stacked, i, dot(n->type, (char *)j + (size_t)(i * p) * size, v, p));
    for (ovp_idx k = 0; k < p; k++) {
        double sum = 0;
        for (ovp_idx i = 0; i < count * c; i++) sum += get(n->type, u, first * c + i) * get(n->type, j, i * p + k);
        set(n->type, combined, k, sum);
    }
    const double along = gap(n->type, stacked, (char *)jv + (size_t)(first * c) * size, count * c);
    const double across = gap(n->type, combined, jtu, p);
    if (!(along <= tolerance && across <= tolerance)) fail_msg("%s: J v %g, J' u %g", what, along, across);
}

static void identities_hold_and_engines_agree(void **state) {
    (void)state;
    const ovp_numeric_activation *act;
    int compared = 0;
    for (ovp_idx a = 0; (act = ovp_numeric_activation_at(a)); a++)
        for (int type = OVP_F32; type <= OVP_F64; type++)
            for (int s = SLOW ? (int)(a % SHAPES) : 0; s < SHAPES; s += SLOW ? SHAPES : 1) {
                recipe r = {.type = (ovp_numeric_type)type,
                            .engine = "reference",
                            .act = act->name,
                            .no_bias = s == 1 && a % 2,
                            .parametrization = parametrizations[(a + s) % (shapes[s].layers > 1 ? 3 : 2)],
                            .shape = shapes[s],
                            .rows = 13};
                net ref = make(r);
                const answers want = compute(&ref);
                assert_true(gap(ref.type, want.jacobian, want.rebuilt, ref.rows * ref.outputs * ref.parameters) <=
                            (type == OVP_F32 ? 2e-7 : 4e-16));
                check_inner_products(&ref, act->name);
                check_rows(&ref, act->name, 2, 9);
                for (int level = 0; level < NET_LEVELS; level++)
                    for (int e = 1; e < NET_ENGINES; e++) {
                        r.isa = net_levels[level];
                        r.engine = net_engines[e];
                        r.threads = 2;
                        net n = make(r);
                        if (!n.ctx) continue;
                        check_inner_products(&n, act->name);
                        check_rows(&n, act->name, 2, 9);
                        const answers got = compute(&n);
                        const ovp_idx outs = n.rows * n.outputs, p = n.parameters;
                        const double tolerance = type == OVP_F32 ? 2e-5 : 1e-13;
                        const double gaps[] = {gap(n.type, want.f, got.f, outs),
                                               gap(n.type, want.jv, got.jv, outs),
                                               gap(n.type, want.jtu, got.jtu, p),
                                               gap(n.type, want.hv, got.hv, p),
                                               gap(n.type, want.jacobian, got.jacobian, outs * p),
                                               gap(n.type, want.rebuilt, got.rebuilt, outs * p),
                                               fabs(want.loss - got.loss) / want.loss};
                        for (int k = 0; k < 7; k++)
                            if (!(gaps[k] <= tolerance))
                                fail_msg("%s %s %s shape %d: gap %d is %g", act->name, r.isa,
                                         ovp_numeric_type_name(n.type), s, k, gaps[k]);
                        compared++;
                        drop(&n);
                    }
                drop(&ref);
            }
    assert_true(compared >= 17 * 2 * (SLOW ? 1 : SHAPES));
}

/* ---- threads, blocks, allocation ------------------------------------------------------------------- */

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    /* More rows, units, inputs and (sample, output) pairs than one block of each; narrow and wide outputs. */
    const ovp_idx narrow[] = {20, 280, 261, 10}, broad[] = {20, 64, 265};
    const shape big[] = {{3, narrow}, {2, broad}};
    for (int e = 1; e < NET_ENGINES; e++)
        for (int type = OVP_F32; type <= (SLOW ? OVP_F32 : OVP_F64); type++)
            for (int s = 0; s < 2; s++) {
                recipe r = {.type = (ovp_numeric_type)type,
                            .engine = net_engines[e],
                            .act = "gelu",
                            .shape = big[s],
                            .rows = 260};
                net keep = {0};
                void *first[5] = {0};
                for (r.threads = 1; r.threads <= 3; r.threads += SLOW ? 2 : 1) {
                    net n = make(r);
                    const ovp_idx outs = n.rows * n.outputs, p = n.parameters;
                    const ovp_idx counts[] = {outs, outs, p, 3 * n.outputs * p, outs * big[s].widths[1]};
                    void *got[5], *v = direction(&n, 51), *h[3], *delta[3];
                    int32_t labels[260];
                    double loss;
                    const ovp_net_targets t =
                        label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, n.rows, n.outputs, labels);
                    for (int k = 0; k < 5; k++) got[k] = room(&n, counts[k]);
                    for (ovp_idx l = 0; l < big[s].layers; l++) {
                        h[l] = room(&n, n.rows * big[s].widths[l]);
                        delta[l] = l == 0 ? got[4] : room(&n, outs * big[s].widths[l + 1]);
                    }
                    assert_ok(n.ctx, ovp_net_jvp(n.ws, n.batch, n.theta, v, got[0], got[1]));
                    assert_ok(n.ctx, ovp_net_hvp(n.ws, n.batch, &t, n.theta, v, &loss, got[2]));
                    assert_ok(n.ctx, ovp_net_jacobian(n.ws, n.batch, n.theta, 250, 3, got[3]));
                    assert_ok(n.ctx, ovp_net_factors(n.ws, n.batch, n.theta, h, delta));
                    assert_true(largest(n.type, got[4], counts[4]) > 0);
                    for (int k = 0; k < 5 && r.threads > 1; k++)
                        assert_memory_equal(first[k], got[k], (size_t)counts[k] * ovp_numeric_type_size(n.type));
                    if (r.threads > 1) {
                        drop(&n);
                        continue;
                    }
                    memcpy(first, got, sizeof first);
                    keep = n;
                }
                /* The blocks are right, not only repeatable. */
                check_inner_products(&keep, "blocks");
                check_rows(&keep, "blocks", 250, 3);
                drop(&keep);
            }
}

/* After the first call of each; and every allocation of that call may fail. */
static void later_calls_allocate_nothing(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++) {
        int left = INT_MAX;
        ovp_allocator allocator = granting(&left);
        ovp_ctx_options o = {.size = sizeof o, .threads = 2, .allocator = &allocator};
        ovp_ctx *ctx;
        ovp_net_model *m;
        ovp_net_batch *b;
        ovp_net_workspace *ws;
        assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
        const ovp_net_dense_options d = {
            .size = sizeof d, .layers = 2, .widths = wide, .type = OVP_F64, .engine = net_engines[e]};
        double x[22] = {0.3, -1, 2}, theta[600], v[600], out[6 * 600], f[6], loss;
        double h0[22], h1[74], delta0[6 * 37], delta1[18];
        void *const h[] = {h0, h1}, *const delta[] = {delta0, delta1};
        const int32_t y[2] = {0, 1};
        const ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = y};
        fill(ctx, 1, OVP_F64, 600, 1, theta);
        fill(ctx, 2, OVP_F64, 600, 1, v);
        assert_ok(ctx, ovp_net_dense_create(&m, ctx, &d));
        assert_true(ovp_net_model_parameters(m) <= 600);
        assert_ok(ctx, ovp_net_bind(&b, ctx, m, x, 2));
        assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, 2));
        int before = 0;
        for (int k = 0; k < 6; k++) {
            assert_ok(ctx, ovp_net_jvp(ws, b, theta, v, f, out));
            assert_ok(ctx, ovp_net_hvp(ws, b, &t, theta, v, &loss, out));
            assert_ok(ctx, ovp_net_jacobian(ws, b, theta, 0, 2, out));
            assert_ok(ctx, ovp_net_factors(ws, b, theta, h, delta));
            assert_ok(ctx, ovp_net_vjp(ws, b, theta, f, out));
            if (k == 0) before = left;
        }
        assert_int_equal(left, before);
        ovp_net_workspace_free(ws);
        ovp_net_batch_free(b);
        ovp_net_model_free(m);
        ovp_ctx_free(ctx);
    }
}

static void running_out_of_memory_leaves_a_usable_workspace(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++) {
        int left = 1000;
        ovp_allocator allocator = granting(&left);
        ovp_ctx_options o = {.size = sizeof o, .threads = 1, .allocator = &allocator};
        ovp_ctx *ctx;
        ovp_net_model *m;
        ovp_net_batch *b;
        ovp_net_workspace *ws;
        assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
        const ovp_net_dense_options d = {
            .size = sizeof d, .layers = 1, .widths = linear, .type = OVP_F32, .engine = net_engines[e]};
        float x[9] = {1}, theta[40] = {0}, v[40] = {1}, out[160], f[4];
        const int32_t y = 0;
        const ovp_net_targets t = {.loss = OVP_LOSS_MSE, .labels = &y};
        assert_ok(ctx, ovp_net_dense_create(&m, ctx, &d));
        assert_ok(ctx, ovp_net_bind(&b, ctx, m, x, 1));
        assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, m, 1));
        left = 0;
        assert_fails(ctx, OVP_ENOMEM, "out of memory", ovp_net_jvp(ws, b, theta, v, f, out));
        assert_fails(ctx, OVP_ENOMEM, "out of memory", ovp_net_hvp(ws, b, &t, theta, v, NULL, out));
        assert_fails(ctx, OVP_ENOMEM, "out of memory", ovp_net_jacobian(ws, b, theta, 0, 1, out));
        left = 1000;
        assert_ok(ctx, ovp_net_jvp(ws, b, theta, v, f, out));
        assert_ok(ctx, ovp_net_hvp(ws, b, &t, theta, v, NULL, out));
        assert_ok(ctx, ovp_net_jacobian(ws, b, theta, 0, 1, out));
        assert_float_equal(out[0], 1, 0);
        ovp_net_workspace_free(ws);
        ovp_net_batch_free(b);
        ovp_net_model_free(m);
        ovp_ctx_free(ctx);
    }
}

/* ---- mini-batches and bad arguments ---------------------------------------------------------------- */

/* A selection with targets.rows answers as a batch of those rows would. */
static void selected_rows_answer_like_their_own_batch(void **state) {
    (void)state;
    const int64_t rows[] = {7, 0, 11, 7, 4};
    for (int e = 0; e < NET_ENGINES; e++)
        for (int loss = 0; loss < 2; loss++) {
            net n = make((recipe){.type = OVP_F64, .engine = net_engines[e], .act = "silu"});
            const ovp_idx p = n.parameters, d = n.inputs, c = n.outputs;
            double *x = room(&n, 5 * d), *values = random_room(&n, n.rows * c, 61, 1), *own = room(&n, 5 * c);
            double *v = random_room(&n, p, 62, 1), *hv = room(&n, p), *want = room(&n, p), value, expected;
            double *jv = room(&n, 5 * c), *wanted = room(&n, 5 * c);
            int32_t labels[64], own_labels[5];
            ovp_net_targets t =
                label_targets(loss ? OVP_LOSS_MSE : OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, n.rows, c, labels);
            ovp_net_targets direct = t;
            if (loss) t.values = values;
            t.rows = rows;
            for (int i = 0; i < 5; i++) {
                memcpy(x + i * d, (double *)n.x + rows[i] * d, (size_t)d * sizeof *x);
                memcpy(own + i * c, values + rows[i] * c, (size_t)c * sizeof *own);
                own_labels[i] = labels[rows[i]];
            }
            direct.labels = own_labels;
            if (loss) direct.values = own;
            ovp_net_batch *selected, *bound;
            assert_ok(n.ctx, ovp_net_batch_create(&selected, n.ctx, n.model, 6));
            assert_ok(n.ctx, ovp_net_batch_select(selected, n.ctx, n.batch, rows, 5));
            assert_ok(n.ctx, ovp_net_bind(&bound, n.ctx, n.model, x, 5));
            assert_ok(n.ctx, ovp_net_hvp(n.ws, selected, &t, n.theta, v, &value, hv));
            assert_ok(n.ctx, ovp_net_hvp(n.ws, bound, &direct, n.theta, v, &expected, want));
            assert_true(value == expected);
            assert_memory_equal(hv, want, (size_t)p * sizeof *hv);
            assert_ok(n.ctx, ovp_net_jvp(n.ws, selected, n.theta, v, NULL, jv));
            assert_ok(n.ctx, ovp_net_jvp(n.ws, bound, n.theta, v, NULL, wanted));
            assert_memory_equal(jv, wanted, (size_t)(5 * c) * sizeof *jv);
            ovp_net_batch_free(selected);
            ovp_net_batch_free(bound);
            drop(&n);
        }
}

static void bad_arguments_are_named(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++) {
        net n = make((recipe){.type = OVP_F64, .engine = net_engines[e], .rows = 4});
        void *out = room(&n, 4 * n.outputs * n.parameters);
        const ovp_idx bad[][2] = {{-1, 1}, {0, 0}, {0, 5}, {4, 1}, {3, 2}, {1, INT64_MAX}, {INT64_MAX, 1}};
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            assert_fails(n.ctx, OVP_EINVAL, "the batch has samples 0..3",
                         ovp_net_jacobian(n.ws, n.batch, n.theta, bad[i][0], bad[i][1], out));
        int32_t labels[4] = {0, 1, 2, 9};
        ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
        assert_fails(n.ctx, OVP_EINVAL, "label 9 of row 3",
                     ovp_net_hvp(n.ws, n.batch, &t, n.theta, n.theta, NULL, out));
        ovp_net_batch *larger;
        void *x = room(&n, 5 * n.inputs);
        assert_ok(n.ctx, ovp_net_bind(&larger, n.ctx, n.model, x, 5));
        assert_fails(n.ctx, OVP_ESHAPE, "5 rows, the workspace room for 4",
                     ovp_net_jvp(n.ws, larger, n.theta, n.theta, NULL, out));
        ovp_net_batch_free(larger);
        ovp_cancel(n.ctx);
        void *h[4] = {room(&n, 4 * 6), room(&n, 4 * 19), room(&n, 4 * 7), room(&n, 4 * 33)};
        void *delta[4] = {room(&n, 20 * 19), room(&n, 20 * 7), room(&n, 20 * 33), room(&n, 20 * 5)};
        t.labels = (labels[3] = 0, labels);
        assert_fails(n.ctx, OVP_EINTERRUPTED, "", ovp_net_jvp(n.ws, n.batch, n.theta, n.theta, NULL, out));
        assert_fails(n.ctx, OVP_EINTERRUPTED, "", ovp_net_hvp(n.ws, n.batch, &t, n.theta, n.theta, NULL, out));
        assert_fails(n.ctx, OVP_EINTERRUPTED, "", ovp_net_jacobian(n.ws, n.batch, n.theta, 0, 4, out));
        assert_fails(n.ctx, OVP_EINTERRUPTED, "", ovp_net_factors(n.ws, n.batch, n.theta, h, delta));
        drop(&n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives_are_those_of_the_outputs_and_of_the_gradient),
        cmocka_unit_test(identities_hold_and_engines_agree),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(later_calls_allocate_nothing),
        cmocka_unit_test(running_out_of_memory_leaves_a_usable_workspace),
        cmocka_unit_test(selected_rows_answer_like_their_own_batch),
        cmocka_unit_test(bad_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
