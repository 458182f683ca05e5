/* Models made of models: scaled, linearised, mapped, functions of the weights, and nests of them. The derivative
 * contracts hold for each; what each promises beyond is checked by itself. */
#include "allocator.h"
#include "net/net_int.h"
#include "nets.h"

#include <overparam/train.h>

/* A composed model in place of a dense one's: the same context, weights and (unless mapped) inputs. */
static net over(const net *base, ovp_net_model *model, const void *x) {
    net n = *base;
    n.model = model;
    n.inputs = ovp_net_model_inputs(model);
    n.parameters = ovp_net_model_parameters(model);
    n.outputs = ovp_net_model_outputs(model);
    n.room_count = 0;
    assert_ok(n.ctx, ovp_net_bind(&n.batch, n.ctx, model, x, n.rows));
    assert_ok(n.ctx, ovp_net_workspace_create(&n.ws, n.ctx, model, n.rows));
    return n;
}
static void drop_over(net *n) {
    ovp_net_workspace_free(n->ws);
    ovp_net_batch_free(n->batch);
    ovp_net_model_free(n->model);
    while (n->room_count) ovp_free(n->ctx, n->rooms[--n->room_count]);
}

static net scaled(const net *base, double alpha, const void *theta_0) {
    ovp_net_model *m;
    assert_ok(base->ctx, ovp_net_scaled_create(&m, base->ctx, base->model, alpha, theta_0));
    return over(base, m, base->x);
}
static net linearised(const net *base, const void *theta_0) {
    ovp_net_model *m;
    assert_ok(base->ctx, ovp_net_linearised_create(&m, base->ctx, base->model, theta_0));
    return over(base, m, base->x);
}

/* Weights near the base's, the theta_0 of the tests. */
static void *near(net *n, double distance) {
    void *p = random_room(n, n->parameters, 71, distance);
    for (ovp_idx i = 0; i < n->parameters; i++) set(n->type, p, i, get(n->type, p, i) + get(n->type, n->theta, i));
    return p;
}

/* jvp, hvp, jacobian against differences of outputs and gradients (which the loss's values check), and the identities
 * between them; f64. Whatever the model claims. */
static void check_contract(net *n, const char *what, int loss_kind) {
    const ovp_idx outs = n->rows * n->outputs, p = n->parameters;
    double *v = random_room(n, p, 21, 1), *u = random_room(n, outs, 22, 1), *f = room(n, outs), *jv = room(n, outs);
    double *jtu = room(n, p), *j = room(n, outs * p), *hv = room(n, p), *hw = room(n, p), *plain = room(n, outs);
    double *values = random_room(n, outs, 23, 1), *w = random_room(n, p, 24, 1), *g = room(n, p);
    int32_t labels[64];
    const unsigned can = ovp_net_model_capabilities(n->model);
    vector_function outputs = {n, outputs_at, NULL, outs};
    assert_ok(n->ctx, ovp_net_jvp(n->ws, n->batch, n->theta, v, f, jv));
    assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, n->theta, plain));
    assert_true(gap(OVP_F64, plain, f, outs) < 1e-12);
    assert_difference(what, &outputs, n->theta, v, jv);
    assert_ok(n->ctx, ovp_net_vjp(n->ws, n->batch, n->theta, u, jtu));
    const double size = sqrt(dot(OVP_F64, jtu, jtu, p) * dot(OVP_F64, v, v, p));
    assert_true(fabs(dot(OVP_F64, u, jv, outs) - dot(OVP_F64, jtu, v, p)) <= 2e-14 * size);
    assert_ok(n->ctx, ovp_net_jacobian(n->ws, n->batch, n->theta, 0, n->rows, j));
    for (ovp_idx k = 0; k < p; k++)
        for (ovp_idx i = 0; i < outs; i++) g[k] += u[i] * j[i * p + k];
    assert_true(gap(OVP_F64, g, jtu, p) < 1e-12);

    ovp_net_targets t =
        label_targets(loss_kind ? OVP_LOSS_MSE : OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, n->rows, n->outputs, labels);
    if (loss_kind) t.values = values;
    double loss, up, down;
    assert_ok(n->ctx, ovp_net_loss_grad(n->ws, n->batch, &t, n->theta, &loss, g));
    const double h = 1e-5 / sqrt(dot(OVP_F64, v, v, p));
    for (int side = 0; side < 2; side++) {
        for (ovp_idx i = 0; i < p; i++) w[i] = ((double *)n->theta)[i] + (side ? -h : h) * v[i];
        assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, w, f));
        assert_ok(n->ctx, ovp_net_loss_value(n->ctx, &t, OVP_F64, n->rows, n->outputs, f, side ? &down : &up, NULL));
    }
    const double along = dot(OVP_F64, g, v, p), rounding = 100 * 0x1p-52 * fmax(1, loss) / h;
    if (!(fabs((up - down) / (2 * h) - along) <= 1e-7 * sqrt(dot(OVP_F64, g, g, p) * dot(OVP_F64, v, v, p)) + rounding))
        fail_msg("%s: gradient along v %.12g, by differences %.12g", what, along, (up - down) / (2 * h));

    if (!(can & OVP_CAN_HVP)) return;
    vector_function gradient = {n, gradient_at, &t, p};
    assert_ok(n->ctx, ovp_net_hvp(n->ws, n->batch, &t, n->theta, v, &up, hv));
    assert_true(fabs(up - loss) <= 1e-12 * fabs(loss));
    assert_difference(what, &gradient, n->theta, v, hv);
    fill(n->ctx, 25, OVP_F64, p, 1, w);
    assert_ok(n->ctx, ovp_net_hvp(n->ws, n->batch, &t, n->theta, w, NULL, hw));
    const double terms = sqrt(dot(OVP_F64, hv, hv, p) * dot(OVP_F64, w, w, p));
    const double left = dot(OVP_F64, w, hv, p), right = dot(OVP_F64, v, hw, p);
    if (!(fabs(left - right) <= 4e-14 * terms))
        fail_msg("%s: <w, Hv> %.17g, <v, Hw> %.17g, terms %g", what, left, right, terms);
}

/* Factors rebuild the rows of the Jacobian. */
static void check_factors(net *n) {
    void *h[8], *delta[8], *j = room(n, n->rows * n->outputs * n->parameters);
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_slices(n->model, &count);
    for (ovp_idx i = 0; i < count; i++)
        if (s[i].role == OVP_ROLE_WEIGHT) {
            h[s[i].layer] = room(n, n->rows * s[i].fan_in);
            delta[s[i].layer] = room(n, n->rows * n->outputs * s[i].fan_out);
        }
    assert_ok(n->ctx, ovp_net_factors(n->ws, n->batch, n->theta, h, delta));
    assert_ok(n->ctx, ovp_net_jacobian(n->ws, n->batch, n->theta, 0, n->rows, j));
    const double top = largest(n->type, j, n->rows * n->outputs * n->parameters);
    for (ovp_idx pair = 0; pair < n->rows * n->outputs; pair++)
        for (ovp_idx i = 0; i < count; i++)
            for (ovp_idx o = 0; o < s[i].shape[0]; o++)
                for (ovp_idx k = 0; k < (s[i].ndim == 2 ? s[i].shape[1] : 1); k++) {
                    const ovp_idx at = s[i].offset + o * s[i].strides[0] + k * s[i].strides[1];
                    const double a =
                        s[i].ndim == 2 ? get(n->type, h[s[i].layer], pair / n->outputs * s[i].fan_in + k) : 1;
                    const double want = s[i].multiplier * a * get(n->type, delta[s[i].layer], pair * s[i].fan_out + o);
                    assert_true(fabs(get(n->type, j, pair * n->parameters + at) - want) <= 1e-6 * top);
                }
}

/* ---- scaled ---------------------------------------------------------------------------------------- */

static void scaled_is_zero_at_its_start(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++)
        for (int type = OVP_F32; type <= OVP_F64; type++)
            for (int s = 0; s < SHAPES; s++) {
                net base = make((recipe){.threads = 2,
                                         .type = (ovp_numeric_type)type,
                                         .engine = net_engines[e],
                                         .act = "tanh",
                                         .shape = shapes[s]});
                net n = scaled(&base, 1e4, base.theta);
                const ovp_idx c = n.outputs, outs = n.rows * c;
                void *f = room(&n, outs), *f_0 = room(&n, outs), *jv = room(&n, outs), *theta = near(&n, 0.1);
                assert_int_equal(ovp_net_model_capabilities(n.model), 31);
                assert_string_equal(ovp_net_model_engine(n.model), "scaled");
                assert_ptr_equal(n.batch->x, n.batch->base->x); /* kept once */
                assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, n.theta, f));
                assert_true(largest(n.type, f, outs) == 0);

                /* Elsewhere: alpha times the difference. */
                assert_ok(n.ctx, ovp_net_forward(base.ws, base.batch, base.theta, f_0));
                assert_ok(n.ctx, ovp_net_forward(base.ws, base.batch, theta, jv));
                assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, theta, f));
                for (ovp_idx i = 0; i < outs; i++)
                    set(n.type, f_0, i, 1e4 * (get(n.type, jv, i) - get(n.type, f_0, i)));
                assert_true(gap(n.type, f, f_0, outs) < (type == OVP_F32 ? 1e-5 : 1e-13));

                /* Selected rows bring f(theta_0) along: 0 up to the rounding of f. */
                const int64_t rows[] = {11, 3, 3, 0, 7};
                ovp_net_batch *some;
                assert_ok(n.ctx, ovp_net_batch_create(&some, n.ctx, n.model, 5));
                assert_ok(n.ctx, ovp_net_batch_select(some, n.ctx, n.batch, rows, 5));
                assert_ok(n.ctx, ovp_net_forward(n.ws, some, n.theta, jv));
                assert_true(largest(n.type, jv, 5 * c) <= 1e4 * (type == OVP_F32 ? 1e-5 : 1e-14));
                assert_ok(n.ctx, ovp_net_forward(n.ws, some, theta, jv));
                for (int i = 0; i < 5; i++)
                    for (ovp_idx k = 0; k < c; k++)
                        assert_true(fabs(get(n.type, jv, i * c + k) - get(n.type, f, rows[i] * c + k)) <=
                                    1e4 * (type == OVP_F32 ? 1e-5 : 1e-14));
                ovp_net_batch_free(some);
                drop_over(&n);
                drop(&base);
            }
}

static void scaled_keeps_the_contract(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++)
        for (int alpha = 0; alpha < 2; alpha++) {
            net base = make((recipe){.type = OVP_F64, .engine = net_engines[e], .act = "gelu", .rows = 6});
            void *start = near(&base, 0.2);
            net n = scaled(&base, alpha ? -3.5 : 0.25, start);
            check_contract(&n, "scaled", alpha);
            check_factors(&n);
            drop_over(&n);
            drop(&base);
        }
}

/* ---- linearised ------------------------------------------------------------------------------------ */

static void linearised_is_linear(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++)
        for (int type = OVP_F32; type <= OVP_F64; type++) {
            net base = make((recipe){.threads = 2,
                                     .type = (ovp_numeric_type)type,
                                     .engine = net_engines[e],
                                     .act = "tanh",
                                     .parametrization = "ntk"});
            net n = linearised(&base, base.theta);
            const ovp_idx outs = n.rows * n.outputs, p = n.parameters;
            void *f = room(&n, outs), *f_0 = room(&n, outs), *jv = room(&n, outs), *jv_0 = room(&n, outs);
            void *theta = near(&n, 3), *v = room(&n, p);
            assert_int_equal(ovp_net_model_capabilities(n.model), 31);
            /* The outputs at theta_0 are the base's. */
            assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, n.theta, f_0));
            assert_ok(n.ctx, ovp_net_forward(base.ws, base.batch, base.theta, f));
            assert_true(gap(n.type, f, f_0, outs) < (type == OVP_F32 ? 1e-6 : 1e-14));
            /* Its own forward difference over any distance is J v, the same J everywhere. */
            for (ovp_idx i = 0; i < p; i++) set(n.type, v, i, get(n.type, theta, i) - get(n.type, n.theta, i));
            assert_ok(n.ctx, ovp_net_jvp(n.ws, n.batch, theta, v, f, jv));
            assert_ok(n.ctx, ovp_net_jvp(base.ws, base.batch, base.theta, v, NULL, jv_0));
            assert_memory_equal(jv, jv_0, (size_t)outs * ovp_numeric_type_size(n.type));
            for (ovp_idx i = 0; i < outs; i++) set(n.type, f, i, get(n.type, f, i) - get(n.type, f_0, i));
            assert_true(gap(n.type, jv, f, outs) < (type == OVP_F32 ? 1e-6 : 1e-14));
            drop_over(&n);
            drop(&base);
        }
}

static void linearised_keeps_the_contract(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++)
        for (int loss = 0; loss < 2; loss++) {
            net base = make((recipe){.type = OVP_F64, .engine = net_engines[e], .act = "silu", .rows = 6});
            void *start = near(&base, 0.2);
            net n = linearised(&base, start);
            check_contract(&n, "linearised", loss);
            check_factors(&n);
            drop_over(&n);
            drop(&base);
        }
}

/* Trained outputs after the same number of steps, with lr / alpha^2 for the scaled model. */
static void train_outputs(net *n, const ovp_net_targets *t, double lr, void *out) {
    ovp_train *train;
    const ovp_train_options o = {.size = sizeof o, .lr = lr};
    double *theta = room(n, n->parameters);
    memcpy(theta, n->theta, (size_t)n->parameters * sizeof *theta);
    assert_ok(n->ctx, ovp_train_create(&train, n->ctx, n->model, n->ws, n->batch, t, &o, theta));
    for (int k = 0; k < 40; k++) assert_ok(n->ctx, ovp_train_step(train, NULL));
    assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, theta, out));
    ovp_train_free(train);
}

/* alpha f is trained like its linearisation the more, the larger alpha: the distance falls like 1 / alpha (Chizat,
 * Oyallon and Bach 2019, theorem 2.3). */
static void large_scales_train_lazily(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++) {
        net base = make((recipe){.type = OVP_F64, .engine = net_engines[e], .act = "tanh", .shape = shapes[1]});
        const ovp_idx outs = base.rows * base.outputs;
        double *values = random_room(&base, outs, 81, 1), *f = room(&base, outs), *linear_f = room(&base, outs);
        const ovp_net_targets t = {.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_SAMPLES, .values = values};
        double before = INFINITY;
        for (double alpha = 4; alpha <= 4096; alpha *= 8) {
            net lazy = scaled(&base, alpha, base.theta), line = linearised(&lazy, base.theta);
            train_outputs(&lazy, &t, 0.01 / (alpha * alpha), f);
            train_outputs(&line, &t, 0.01 / (alpha * alpha), linear_f);
            const double distance = gap(OVP_F64, linear_f, f, outs);
            assert_true(largest(OVP_F64, linear_f, outs) > 0.1); /* something was learned */
            if (!(distance < before / 6)) fail_msg("alpha %g: distance %g after %g", alpha, distance, before);
            before = distance;
            drop_over(&line);
            drop_over(&lazy);
        }
        assert_true(before < 1e-3);
        drop(&base);
    }
}

/* ---- mapped ---------------------------------------------------------------------------------------- */

static void fourier_features_stand_in_order(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_net_fourier fourier = {.frequency = 0.7, .first = 2, .count = 3};
    ovp_net_feature_map map;
    const double x[4] = {0.3, -1.25, 2.5, 0};
    double phi[24];
    assert_ok(ctx, ovp_net_fourier_map(&map, ctx, &fourier, 2));
    assert_int_equal(map.features, 12);
    assert_ok(ctx, map.apply(&map, ctx, 2, x, phi));
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++) {
            assert_true(fabs(phi[i * 6 + k] - sin(0.7 * (2 + k) * x[i])) < 1e-15);
            assert_true(fabs(phi[i * 6 + 3 + k] - cos(0.7 * (2 + k) * x[i])) < 1e-15);
        }
    const ovp_net_fourier bad[] = {{1, 0, 0}, {1, 0, -3}, {NAN, 0, 1}, {INFINITY, 0, 1}, {1, 0, INT64_MAX}};
    const char *const words[] = {"0 frequencies", "-3 frequencies", "frequency nan", "frequency inf", "2^31-1"};
    for (int i = 0; i < 5; i++) assert_fails(ctx, OVP_EINVAL, words[i], ovp_net_fourier_map(&map, ctx, &bad[i], 2));
    assert_fails(ctx, OVP_EINVAL, "of 0 inputs", ovp_net_fourier_map(&map, ctx, &fourier, 0));
}

static void mapped_is_the_base_on_features(void **state) {
    (void)state;
    const ovp_net_fourier fourier = {.frequency = 1.3, .first = 1, .count = 3};
    for (int e = 0; e < NET_ENGINES; e++)
        for (int type = OVP_F32; type <= OVP_F64; type++) {
            /* The base takes 6 features of one input. */
            net base = make((recipe){.type = (ovp_numeric_type)type, .engine = net_engines[e], .act = "tanh"});
            ovp_net_feature_map map;
            ovp_net_model *m;
            double x[12], phi[72];
            void *typed_x = room(&base, 12), *typed_phi = room(&base, 72);
            fill(base.ctx, 90, base.type, 12, 1, typed_x);
            for (int i = 0; i < 12; i++) x[i] = get(base.type, typed_x, i);
            assert_ok(base.ctx, ovp_net_fourier_map(&map, base.ctx, &fourier, 1));
            assert_ok(base.ctx, map.apply(&map, base.ctx, 12, x, phi));
            for (int i = 0; i < 72; i++) set(base.type, typed_phi, i, phi[i]);
            assert_ok(base.ctx, ovp_net_mapped_create(&m, base.ctx, base.model, &map));
            assert_int_equal(ovp_net_model_inputs(m), 1);
            assert_int_equal(ovp_net_model_capabilities(m), 31);
            net n = over(&base, m, typed_x), direct = over(&base, base.model, typed_phi);
            const ovp_idx outs = n.rows * n.outputs, p = n.parameters;
            const size_t size = ovp_numeric_type_size(n.type);
            void *f = room(&n, outs), *want = room(&n, outs), *g = room(&n, p), *g_want = room(&n, p);
            int32_t labels[64];
            const ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, n.rows, n.outputs, labels);
            double loss, loss_want;
            assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, n.theta, f));
            assert_ok(n.ctx, ovp_net_forward(direct.ws, direct.batch, n.theta, want));
            assert_memory_equal(f, want, (size_t)outs * size);
            assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &loss, g));
            assert_ok(n.ctx, ovp_net_loss_grad(direct.ws, direct.batch, &t, n.theta, &loss_want, g_want));
            assert_true(loss == loss_want);
            assert_memory_equal(g, g_want, (size_t)p * size);

            /* Mini-batches do not apply the map again, and answer as the whole batch does. */
            const int64_t rows[] = {5, 5, 10};
            ovp_net_batch *some;
            assert_ok(n.ctx, ovp_net_batch_create(&some, n.ctx, n.model, 4));
            assert_ok(n.ctx, ovp_net_batch_select(some, n.ctx, n.batch, rows, 3));
            assert_ok(n.ctx, ovp_net_forward(n.ws, some, n.theta, want));
            for (int i = 0; i < 3; i++)
                for (ovp_idx k = 0; k < n.outputs; k++)
                    assert_true(fabs(get(n.type, want, i * n.outputs + k) - get(n.type, f, rows[i] * n.outputs + k)) <=
                                (type == OVP_F32 ? 1e-5 : 1e-13));
            ovp_net_batch_free(some);
            if (type == OVP_F64) {
                check_contract(&n, "mapped", 1);
                check_factors(&n);
            }
            direct.model = NULL; /* the base's */
            drop_over(&direct);
            drop_over(&n);
            drop(&base);
        }
}

static ovp_status broken_map(const ovp_net_feature_map *map, ovp_ctx *ctx, ovp_idx rows, const double *x, double *phi) {
    const int kind = *(const int *)map->user;
    if (kind == 0) return ovp_fail(ctx, OVP_ENUMERIC, "the map of sample %d failed", (int)x[0]);
    for (ovp_idx i = 0; i < rows * map->features; i++) phi[i] = i == 8 ? (double)NAN : 0.5;
    return OVP_OK;
}

static void maps_that_fail_are_reported(void **state) {
    (void)state;
    net base = make((recipe){.type = OVP_F64, .engine = "gemm"});
    int kind = 0;
    const ovp_net_feature_map map = {2, 6, broken_map, &kind}, narrow = {2, 5, broken_map, &kind};
    const ovp_net_feature_map none = {0, 6, broken_map, &kind};
    ovp_net_model *m;
    ovp_net_batch *b;
    const double x[4] = {7, 0, 0, 0};
    assert_fails(base.ctx, OVP_ESHAPE, "gives 5 features, its base takes 6",
                 ovp_net_mapped_create(&m, base.ctx, base.model, &narrow));
    assert_fails(base.ctx, OVP_EINVAL, "0 inputs", ovp_net_mapped_create(&m, base.ctx, base.model, &none));
    assert_null(m);
    assert_ok(base.ctx, ovp_net_mapped_create(&m, base.ctx, base.model, &map));
    assert_fails(base.ctx, OVP_ENUMERIC, "sample 7 failed", ovp_net_bind(&b, base.ctx, m, x, 2));
    assert_null(b);
    kind = 1;
    assert_fails(base.ctx, OVP_EINVAL, "input 2 of row 1 is nan", ovp_net_bind(&b, base.ctx, m, x, 2));
    ovp_net_model_free(m);
    drop(&base);
}

/* ---- functions ------------------------------------------------------------------------------------- */

/* Two outputs of three weights and one input: a sin(x) + b^2 c, exp(a b) + x c; derivatives by hand. */
static ovp_status formula(void *user, const double *x, const double *theta, double *f, double *jacobian,
                          double *hessian) {
    const double a = theta[0], b = theta[1], c = theta[2], s = sin(x[0]), e = exp(a * b);
    if (user) ++*(int *)user;
    f[0] = a * s + b * b * c;
    f[1] = e + x[0] * c;
    if (jacobian) memcpy(jacobian, (double[6]){s, 2 * b * c, b * b, b * e, a * e, x[0]}, 6 * sizeof *f);
    const double mixed = (1 + a * b) * e;
    if (hessian)
        memcpy(hessian, (double[18]){0, 0, 0, 0, 2 * c, 2 * b, 0, 2 * b, 0, b * b * e, mixed, 0, mixed, a * a * e, 0},
               18 * sizeof *f);
    return OVP_OK;
}

static net function_net(ovp_ctx *ctx, const ovp_net_function *function, const void *x, void *theta, ovp_idx rows) {
    net n = {.ctx = ctx, .type = function->type, .rows = rows, .theta = theta};
    ovp_net_model *m;
    assert_ok(ctx, ovp_net_function_create(&m, ctx, function));
    return over(&n, m, x);
}

static void functions_keep_the_contract(void **state) {
    ovp_ctx *ctx = *state;
    double x[4] = {0.4, -1.1, 2.2, 0.05}, theta[3] = {0.7, -0.4, 1.3};
    for (int hessian = 0; hessian < 2; hessian++)
        for (int loss = 0; loss < 2; loss++) {
            const ovp_net_function function = {1, 2, 3, formula, hessian, OVP_F64, NULL};
            net n = function_net(ctx, &function, x, theta, 4);
            assert_int_equal(ovp_net_model_capabilities(n.model),
                             OVP_CAN_VJP | OVP_CAN_JVP | OVP_CAN_JACOBIAN | (hessian ? OVP_CAN_HVP : 0));
            check_contract(&n, "function", loss);
            n.x = x;
            net line = linearised(&n, (double[3]){1, 2, -0.5}); /* needs no Hessian for its own hvp */
            assert_true(ovp_net_model_capabilities(line.model) & OVP_CAN_HVP);
            check_contract(&line, "linearised function", loss);
            drop_over(&line);
            double out[3];
            void *none[1] = {out};
            const int32_t y[4] = {0, 1, 1, 0};
            const ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = y};
            assert_fails(ctx, OVP_EUNSUPPORTED, "factors", ovp_net_factors(n.ws, n.batch, theta, none, none));
            if (!hessian)
                assert_fails(ctx, OVP_EUNSUPPORTED, "hvp", ovp_net_hvp(n.ws, n.batch, &t, theta, theta, NULL, out));
            ovp_idx count;
            const ovp_net_slice *s = ovp_net_model_slices(n.model, &count);
            assert_int_equal(count, 1);
            assert_string_equal(s->name, "theta");
            assert_int_equal(s->count, 3);
            drop_over(&n);
        }
}

static ovp_status quartic(void *user, const double *x, const double *theta, double *f, double *jacobian,
                          double *hessian) {
    (void)hessian;
    assert_null(x);
    if (user) return *(ovp_status *)user;
    *f = pow(theta[0] * theta[1] - 1, 2);
    if (jacobian) {
        jacobian[0] = 2 * (theta[0] * theta[1] - 1) * theta[1];
        jacobian[1] = 2 * (theta[0] * theta[1] - 1) * theta[0];
    }
    return OVP_OK;
}

/* A pure function of two weights in f32, trained; and failures of the function. */
static void functions_without_inputs_train(void **state) {
    ovp_ctx *ctx = *state;
    ovp_net_function function = {0, 1, 2, quartic, 0, OVP_F32, NULL};
    float theta[2] = {2, 0.3f}, value = 1;
    net n = function_net(ctx, &function, NULL, theta, 1);
    const float zero = 0;
    const ovp_net_targets t = {.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_SUM, .values = &zero};
    ovp_train *train;
    const ovp_train_options o = {.size = sizeof o, .lr = 0.05};
    assert_ok(ctx, ovp_train_create(&train, ctx, n.model, n.ws, n.batch, &t, &o, theta));
    for (int k = 0; k < 400; k++) assert_ok(ctx, ovp_train_step(train, NULL));
    assert_ok(ctx, ovp_net_forward(n.ws, n.batch, theta, &value));
    assert_true(value >= 0 && value < 1e-2f);
    assert_true(fabsf(theta[0] * theta[1] - 1) < 0.1f);
    ovp_train_free(train);
    ovp_net_batch *again;
    assert_ok(ctx, ovp_net_batch_create(&again, ctx, n.model, 2));
    assert_ok(ctx, ovp_net_batch_select(again, ctx, n.batch, (int64_t[2]){0, 0}, 2));
    assert_int_equal(ovp_net_batch_rows(again), 2);
    ovp_net_batch_free(again);
    drop_over(&n);

    ovp_status failure = OVP_ENUMERIC;
    function.user = &failure;
    n = function_net(ctx, &function, NULL, theta, 1);
    float out[2], f[1];
    assert_fails(ctx, OVP_ENUMERIC, "sample 0", ovp_net_forward(n.ws, n.batch, theta, f));
    assert_fails(ctx, OVP_ENUMERIC, "sample 0", ovp_net_jvp(n.ws, n.batch, theta, theta, f, f));
    assert_fails(ctx, OVP_ENUMERIC, "sample 0", ovp_net_jacobian(n.ws, n.batch, theta, 0, 1, out));
    const ovp_net_sink sink = {out, NULL, NULL};
    assert_fails(ctx, OVP_ENUMERIC, "sample 0", n.model->engine->backward(n.ws, n.batch, theta, f, &sink));
    assert_fails(ctx, OVP_ENUMERIC, "sample 0", n.model->engine->second(n.ws, n.batch, theta, theta, f, f, out));
    ovp_cancel(ctx);
    assert_fails(ctx, OVP_EINTERRUPTED, "interrupted", ovp_net_forward(n.ws, n.batch, theta, f));
    drop_over(&n);
}

static void bad_functions_are_named(void **state) {
    ovp_ctx *ctx = *state;
    ovp_net_model *m;
    const struct {
        ovp_net_function f;
        const char *words;
    } bad[] = {{{-1, 1, 1, formula, 0, OVP_F64, NULL}, "-1 inputs"},
               {{0, 0, 1, formula, 0, OVP_F64, NULL}, "0 outputs"},
               {{0, 1, 0, formula, 0, OVP_F64, NULL}, "0 parameters"},
               {{INT64_MAX, 1, 1, formula, 0, OVP_F64, NULL}, "2^31-1"},
               {{0, INT64_MAX, 1, formula, 0, OVP_F64, NULL}, "2^31-1"},
               {{0, 1, INT64_MAX, formula, 0, OVP_F64, NULL}, "2^31-1"},
               {{0, 1, INT32_MAX, formula, 1, OVP_F64, NULL}, "fewer parameters or no Hessian"},
               {{0, INT32_MAX, 1 << 20, formula, 0, OVP_F64, NULL}, "2^40"},
               {{0, 1, 1, NULL, 0, OVP_F64, NULL}, "evaluate is NULL"},
               {{0, 1, 1, formula, 0, OVP_I32, NULL}, "f32 or f64"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(ctx, OVP_EINVAL, bad[i].words, ovp_net_function_create(&m, ctx, &bad[i].f));
        assert_null(m);
    }
}

/* ---- nests, workspaces, arguments ------------------------------------------------------------------ */

static void nests_keep_the_contract(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++) {
        net base = make((recipe){.type = OVP_F64, .engine = net_engines[e], .act = "tanh", .rows = 6});
        void *start = near(&base, 0.3), *other = near(&base, -0.1);
        net line = linearised(&base, start), scaled_line = scaled(&line, 2, other);
        check_contract(&scaled_line, "scaled of linearised", 0);
        check_factors(&scaled_line);
        net scale = scaled(&base, 1.5, other), twice = scaled(&scale, -2, start),
            line_scale = linearised(&twice, start);
        check_contract(&twice, "scaled of scaled", 1);
        check_contract(&line_scale, "linearised of scaled of scaled", 0);
        check_factors(&line_scale);
        const ovp_net_fourier fourier = {.frequency = 0.5, .first = 0, .count = 3};
        ovp_net_feature_map map;
        ovp_net_model *m;
        assert_ok(base.ctx, ovp_net_fourier_map(&map, base.ctx, &fourier, 1));
        assert_ok(base.ctx, ovp_net_mapped_create(&m, base.ctx, scale.model, &map));
        net mapped = over(&base, m, base.x);
        check_contract(&mapped, "mapped of scaled", 0);
        assert_ok(base.ctx, ovp_net_scaled_create(&m, base.ctx, mapped.model, 0.7, start));
        net outer = over(&base, m, base.x);
        check_contract(&outer, "scaled of mapped of scaled", 1);

        /* A selection goes down through all of them. */
        const int64_t rows[] = {4, 1};
        double f[12 * 5], some_f[10];
        ovp_net_batch *some;
        assert_ok(base.ctx, ovp_net_batch_create(&some, base.ctx, outer.model, 2));
        assert_ok(base.ctx, ovp_net_batch_select(some, base.ctx, outer.batch, rows, 2));
        assert_ok(base.ctx, ovp_net_forward(outer.ws, outer.batch, base.theta, f));
        assert_ok(base.ctx, ovp_net_forward(outer.ws, some, base.theta, some_f));
        for (int i = 0; i < 10; i++) assert_true(fabs(some_f[i] - f[rows[i / 5] * 5 + i % 5]) < 1e-12);
        double density;
        assert_string_equal(ovp_net_batch_path(some, &density), "dense");
        ovp_net_batch_free(some);
        net *const all[] = {&outer, &mapped, &line_scale, &twice, &scale, &scaled_line, &line};
        for (int i = 0; i < 7; i++) drop_over(all[i]);
        drop(&base);
    }
}

/* One nest, trained by several workers at once, each with a workspace of its own. */
typedef struct side_by_side {
    const net *n;
    ovp_net_workspace *ws[8];
    double *theta[8], loss[8];
    const ovp_net_targets *t;
} side_by_side;

static ovp_status train_one(ovp_ctx *worker, void *arg, ovp_idx task) {
    side_by_side *s = arg;
    const ovp_net_update u = {.lr = 1e-3};
    ovp_net_workspace_attach(s->ws[task], worker);
    for (int k = 0; k < 5; k++) {
        ovp_status status = ovp_net_loss_step(s->ws[task], s->n->batch, s->t, &u, s->theta[task], &s->loss[task]);
        if (status != OVP_OK) return status;
    }
    return ovp_net_hvp(s->ws[task], s->n->batch, s->t, s->theta[task], s->n->theta, &s->loss[task], s->theta[task]);
}

static void workspaces_can_be_lent_to_workers(void **state) {
    (void)state;
    for (int e = 0; e < NET_ENGINES; e++) {
        net base = make((recipe){.threads = 3, .type = OVP_F64, .engine = net_engines[e], .act = "tanh"});
        net line = linearised(&base, base.theta), n = scaled(&line, 3, base.theta);
        int32_t labels[64];
        const ovp_net_targets t = label_targets(OVP_LOSS_MSE, OVP_REDUCE_MEAN, n.rows, n.outputs, labels);
        side_by_side s = {.n = &n, .t = &t};
        for (int i = 0; i < 8; i++) {
            assert_ok(n.ctx, ovp_net_workspace_create(&s.ws[i], n.ctx, n.model, n.rows));
            s.theta[i] = room(&n, n.parameters);
            memcpy(s.theta[i], n.theta, (size_t)n.parameters * sizeof(double));
        }
        assert_ok(n.ctx, ovp_parallel(n.ctx, 8, train_one, &s));
        for (int i = 0; i < 8; i++) {
            assert_true(isfinite(s.loss[i]) && s.loss[i] == s.loss[0]);
            assert_memory_equal(s.theta[i], s.theta[0], (size_t)n.parameters * sizeof(double));
            ovp_net_workspace_attach(s.ws[i], n.ctx);
            ovp_net_workspace_free(s.ws[i]);
        }
        drop_over(&n);
        drop_over(&line);
        drop(&base);
    }
}

static void bad_arguments_are_named(void **state) {
    (void)state;
    net base = make((recipe){.type = OVP_F32, .engine = "gemm", .rows = 3});
    ovp_net_model *m;
    const double scales[] = {0, NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
        assert_fails(base.ctx, OVP_EINVAL, "must be finite and not 0",
                     ovp_net_scaled_create(&m, base.ctx, base.model, scales[i], base.theta));
        assert_null(m);
    }
    float *bad = near(&base, 0.1);
    bad[17] = NAN;
    assert_fails(base.ctx, OVP_EINVAL, "value 17 of theta_0 is nan",
                 ovp_net_scaled_create(&m, base.ctx, base.model, 2, bad));
    bad[17] = INFINITY;
    assert_fails(base.ctx, OVP_EINVAL, "value 17 of theta_0 is infinite",
                 ovp_net_linearised_create(&m, base.ctx, base.model, bad));
    const unsigned lacking[] = {OVP_CAN_JVP, OVP_CAN_VJP};
    for (int i = 0; i < 2; i++) {
        base.model->lacks = lacking[i];
        assert_fails(base.ctx, OVP_EUNSUPPORTED, i ? "has no vjp" : "has no jvp",
                     ovp_net_linearised_create(&m, base.ctx, base.model, base.theta));
        float out[3000];
        assert_fails(base.ctx, OVP_EUNSUPPORTED, i ? "vjp" : "jvp",
                     i ? ovp_net_vjp(base.ws, base.batch, base.theta, base.x, out)
                       : ovp_net_jvp(base.ws, base.batch, base.theta, base.theta, NULL, out));
        net n = scaled(&base, 2, base.theta); /* lacks what its base lacks */
        assert_int_equal(ovp_net_model_capabilities(n.model), 31 & ~lacking[i]);
        drop_over(&n);
    }
    base.model->lacks = 0;

    /* Two models of one kind have different theta_0: a batch belongs to one of them. */
    net one = scaled(&base, 2, base.theta), two = scaled(&base, 2, base.theta);
    float f[15];
    const int64_t row = 0;
    assert_fails(base.ctx, OVP_ESHAPE, "another scaled model", ovp_net_forward(one.ws, two.batch, base.theta, f));
    assert_fails(base.ctx, OVP_ESHAPE, "another scaled model", ovp_net_vjp(base.ws, two.batch, base.theta, f, bad));
    assert_fails(base.ctx, OVP_ESHAPE, "another engine than scaled",
                 ovp_net_forward(one.ws, base.batch, base.theta, f));
    assert_fails(base.ctx, OVP_ESHAPE, "one model", ovp_net_batch_select(one.batch, base.ctx, two.batch, &row, 1));
    const int64_t outside = 3;
    assert_fails(base.ctx, OVP_EINVAL, "row 3", ovp_net_batch_select(one.batch, base.ctx, one.batch, &outside, 1));
    drop_over(&one);
    drop_over(&two);
    drop(&base);
}

/* Every allocation of making, binding, working may fail: a status, and nothing leaks (the sanitizers watch). */
static ovp_status build_and_use(ovp_ctx *ctx) {
    ovp_net_model *base = NULL, *line = NULL, *scale = NULL, *mapped = NULL, *function = NULL;
    ovp_net_batch *batch = NULL, *some = NULL;
    ovp_net_workspace *ws = NULL;
    const ovp_idx widths[] = {4, 3, 2};
    const ovp_net_dense_options d = {.size = sizeof d, .layers = 2, .widths = widths, .type = OVP_F32};
    const ovp_net_fourier fourier = {1, 1, 2};
    const ovp_net_function f = {1, 2, 3, formula, 1, OVP_F64, NULL};
    const int32_t labels[2] = {0, 1};
    const ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    const int64_t rows[1] = {1};
    ovp_net_feature_map map;
    float x[2] = {1, 2}, theta[32] = {0}, out[128];
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_net_dense_create(&base, ctx, &d));
    OVP_TRY(ovp_net_linearised_create(&line, ctx, base, theta));
    OVP_TRY(ovp_net_fourier_map(&map, ctx, &fourier, 1));
    OVP_TRY(ovp_net_mapped_create(&mapped, ctx, line, &map));
    OVP_TRY(ovp_net_scaled_create(&scale, ctx, mapped, 3, theta));
    OVP_TRY(ovp_net_function_create(&function, ctx, &f));
    OVP_TRY(ovp_net_bind(&batch, ctx, scale, x, 2));
    OVP_TRY(ovp_net_batch_create(&some, ctx, scale, 1));
    OVP_TRY(ovp_net_batch_select(some, ctx, batch, rows, 1));
    OVP_TRY(ovp_net_workspace_create(&ws, ctx, scale, 2));
    OVP_TRY(ovp_net_hvp(ws, batch, &t, theta, theta, NULL, out));
    OVP_TRY(ovp_net_jacobian(ws, some, theta, 0, 1, out));
done:
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(some);
    ovp_net_batch_free(batch);
    ovp_net_model_free(function);
    ovp_net_model_free(scale);
    ovp_net_model_free(mapped);
    ovp_net_model_free(line);
    ovp_net_model_free(base);
    return status;
}

static void running_out_of_memory_leaks_nothing(void **state) {
    (void)state;
    int left = 1 << 20;
    ovp_allocator allocator = granting(&left);
    ovp_ctx_options o = {.size = sizeof o, .threads = 1, .allocator = &allocator};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
    int failures = 0;
    for (;; failures++) {
        left = failures;
        if (build_and_use(ctx) == OVP_OK) break;
        assert_int_equal(ovp_last_status(ctx), OVP_ENOMEM);
        ovp_clear(ctx);
    }
    assert_in_range(failures, 40, 400);
    ovp_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaled_is_zero_at_its_start),
        cmocka_unit_test(scaled_keeps_the_contract),
        cmocka_unit_test(linearised_is_linear),
        cmocka_unit_test(linearised_keeps_the_contract),
        cmocka_unit_test(large_scales_train_lazily),
        CTX_TEST(fourier_features_stand_in_order),
        cmocka_unit_test(mapped_is_the_base_on_features),
        cmocka_unit_test(maps_that_fail_are_reported),
        CTX_TEST(functions_keep_the_contract),
        CTX_TEST(functions_without_inputs_train),
        CTX_TEST(bad_functions_are_named),
        cmocka_unit_test(nests_keep_the_contract),
        cmocka_unit_test(workspaces_can_be_lent_to_workers),
        cmocka_unit_test(bad_arguments_are_named),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
