/* The convolutional residual net: published counts, gradients against finite differences, state, and oneDNN against the
 * reference, layer by layer (statistics of every norm, gradient of every tensor) and whole. */
#include "allocator.h"
#include "nets.h"

#include <overparam/train.h>

typedef struct shape_of {
    ovp_idx blocks, channels, image, classes, width, rows;
} shape_of;

/* A net in the dense nets' struct, so that their helpers serve. */
static net make_resnet(int threads, const char *isa, const char *engine, ovp_numeric_type type, shape_of s) {
    net n;
    memset(&n, 0, sizeof n);
    ovp_ctx_options o = {.size = sizeof o, .threads = threads, .isa = isa};
    if (ovp_ctx_create(&n.ctx, &o) != OVP_OK) return n;
    const ovp_net_resnet_options options = {.size = sizeof options,
                                            .blocks = s.blocks,
                                            .channels = s.channels,
                                            .image = s.image,
                                            .classes = s.classes,
                                            .width = s.width,
                                            .type = type,
                                            .engine = engine};
    assert_ok(n.ctx, ovp_net_resnet_create(&n.model, n.ctx, &options));
    n.type = type;
    n.rows = s.rows;
    n.inputs = ovp_net_model_inputs(n.model);
    n.outputs = ovp_net_model_outputs(n.model);
    n.parameters = ovp_net_model_parameters(n.model);
    n.x = random_room(&n, n.rows * n.inputs, 5, 1.1);
    n.theta = random_room(&n, n.parameters, 6, 0.3);
    ovp_idx count;
    const ovp_net_slice *slice = ovp_net_model_slices(n.model, &count);
    for (ovp_idx i = 0; i < count; i++) /* scales about 1 */
        for (ovp_idx k = 0; slice[i].role == OVP_ROLE_NORM && k < slice[i].count; k++)
            set(type, n.theta, slice[i].offset + k, 1 + get(type, n.theta, slice[i].offset + k));
    assert_ok(n.ctx, ovp_net_bind(&n.batch, n.ctx, n.model, n.x, n.rows));
    assert_ok(n.ctx, ovp_net_workspace_create(&n.ws, n.ctx, n.model, n.rows));
    return n;
}

static void create(ovp_ctx *ctx, ovp_net_model **model, ovp_idx blocks) {
    const ovp_net_resnet_options options = {
        .size = sizeof options, .blocks = blocks, .type = OVP_F64, .engine = "reference"};
    assert_ok(ctx, ovp_net_resnet_create(model, ctx, &options));
}

/* spec: resnet_cifar10.py at L = 56, 104, 224. */
static void test_published_counts(void **fixture) {
    static const ovp_idx blocks[] = {9, 17, 37}, counts[] = {853018, 1630746, 3575066};
    ovp_ctx *ctx = *fixture;
    for (int i = 0; i < 3; i++) {
        ovp_net_model *model;
        ovp_idx slices, states, sum = 0, norms = 0;
        create(ctx, &model, blocks[i]);
        assert_int_equal(ovp_net_model_parameters(model), counts[i]);
        assert_int_equal(ovp_net_model_inputs(model), 3072);
        assert_int_equal(ovp_net_model_outputs(model), 10);
        const ovp_net_slice *s = ovp_net_model_slices(model, &slices), *t = ovp_net_model_state(model, &states);
        for (ovp_idx k = 0; k < slices; k++) {
            assert_int_equal(s[k].offset, sum);
            sum += s[k].count;
            norms += s[k].role == OVP_ROLE_NORM ? s[k].count : 0;
        }
        assert_int_equal(sum, counts[i]);
        assert_int_equal(s[slices - 1].layer, 6 * blocks[i] + 1); /* L weight layers, the last is L - 1 */
        assert_int_equal(ovp_net_model_state_values(model), 2 * norms);
        assert_int_equal(t[states - 1].offset + t[states - 1].count, 2 * norms);
        ovp_net_model_free(model);
    }
}

/* Draws: norms 1 and 0, deviations of the rules. */
static void test_start(void **fixture) {
    ovp_ctx *ctx = *fixture;
    ovp_net_model *model;
    ovp_numeric_rng *rng;
    ovp_idx count;
    double *theta, *state;
    create(ctx, &model, 2);
    assert_ok(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof *theta));
    assert_ok(ctx, ovp_alloc(ctx, &state, ovp_net_model_state_values(model), sizeof *state));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 3, OVP_PURPOSE_INIT, 0));
    assert_ok(ctx, ovp_net_resnet_draw(model, ctx, rng, theta));
    const ovp_net_slice *s = ovp_net_model_slices(model, &count);
    for (ovp_idx i = 0; i < count; i++) {
        const double *t = theta + s[i].offset, n = (double)s[i].count;
        double square = 0, top = largest(OVP_F64, t, s[i].count);
        for (ovp_idx k = 0; k < s[i].count; k++) square += t[k] * t[k];
        if (s[i].fan_in == 0)
            assert_true(square == (s[i].role == OVP_ROLE_NORM ? n : 0));
        else if (i == 0 || i == count - 2) /* kaiming-normal: variance 2 / fan-in, within 4 deviations of a mean of n */
            assert_true(fabs(square / n * (double)s[i].fan_in / 2 - 1) < 4 * sqrt(2 / n));
        else
            assert_true(top <= 1 / sqrt((double)s[i].fan_in) && (n < 100 || top > .95 / sqrt((double)s[i].fan_in)));
    }
    s = ovp_net_model_state(model, &count);
    ovp_net_state_init(model, state);
    for (ovp_idx i = 0; i < count; i++)
        for (ovp_idx k = 0; k < s[i].count; k++) assert_true(state[s[i].offset + k] == (i % 2 ? 1 : 0));
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, theta);
    ovp_free(ctx, state);
    ovp_net_model_free(model);
}

static const shape_of tiny[] = {{1, 2, 4, 3, 2, 3}, {2, 1, 5, 2, 2, 2}, {1, 3, 8, 4, 4, 2}};
enum { TINY = sizeof tiny / sizeof *tiny };

static void loss_at(net *n, const void *arg, const double *theta, double *out) {
    double *f = room(n, n->rows * n->outputs);
    assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, theta, f));
    assert_ok(n->ctx, ovp_net_loss_value(n->ctx, arg, n->type, n->rows, n->outputs, f, out, NULL));
    ovp_free(n->ctx, n->rooms[--n->room_count]);
}

/* Along each tensor by itself, and along all of them; vjp through <u, J v> by differences of the outputs. */
static void test_gradients(void **fixture) {
    (void)fixture;
    for (int i = 0; i < TINY; i++) {
        net n = make_resnet(1, NULL, "reference", OVP_F64, tiny[i]);
        int32_t labels[8];
        ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, n.rows, n.outputs, labels);
        double *g = room(&n, n.parameters), *v = room(&n, n.parameters), loss, along;
        double *all = random_room(&n, n.parameters, 31, 1);
        assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &loss, g));
        const vector_function f = {&n, loss_at, &t, 1};
        ovp_idx count;
        const ovp_net_slice *s = ovp_net_model_slices(n.model, &count);
        for (ovp_idx k = 0; k <= count; k++) {
            for (ovp_idx p = 0; p < n.parameters; p++)
                v[p] = k == count || (p >= s[k].offset && p < s[k].offset + s[k].count) ? all[p] : 0;
            along = dot(OVP_F64, g, v, n.parameters);
            assert_difference(k < count ? s[k].name : "all", &f, n.theta, v, &along);
        }
        const ovp_idx outs = n.rows * n.outputs;
        double *u = random_room(&n, outs, 22, 1), *jv = room(&n, outs), *slack = room(&n, outs), bar = 0;
        assert_ok(n.ctx, ovp_net_vjp(n.ws, n.batch, n.theta, u, g));
        const vector_function outputs = {&n, outputs_at, NULL, outs};
        difference(&outputs, n.theta, all, jv, slack);
        for (ovp_idx k = 0; k < outs; k++) bar += fabs(u[k]) * slack[k];
        assert_true(fabs(dot(OVP_F64, u, jv, outs) - dot(OVP_F64, g, all, n.parameters)) <= bar);
        drop(&n);
    }
}

/* The state after one batch by hand, and a sample alone in eval mode. */
static void check_state(net *n) {
    const ovp_idx values = ovp_net_model_state_values(n->model), c = n->outputs;
    void *once = room(n, values), *twice = room(n, values), *f = room(n, n->rows * c), *g = room(n, n->rows * c);
    const double tolerance = n->type == OVP_F64 ? 1e-14 : 1e-6;
    ovp_net_state_init(n->model, once);
    assert_fails(n->ctx, OVP_EINVAL, "call forward first", ovp_net_state_update(n->ws, 0.1, once));
    assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, n->theta, f));
    assert_fails(n->ctx, OVP_EINVAL, "momentum 1.5", ovp_net_state_update(n->ws, 1.5, once));
    assert_ok(n->ctx, ovp_net_state_update(n->ws, 1, once));
    ovp_net_state_init(n->model, twice);
    assert_ok(n->ctx, ovp_net_state_update(n->ws, 0.25, twice));
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_state(n->model, &count);
    for (ovp_idx i = 0; i < count; i++)
        for (ovp_idx k = s[i].offset; k < s[i].offset + s[i].count; k++) {
            const double want = (i % 2 ? .75 : 0) + .25 * get(n->type, once, k);
            assert_true(fabs(get(n->type, twice, k) - want) <= tolerance * fmax(1, fabs(want)));
        }
    /* By the batch's own statistics (their variances biased) eval mode is train mode. */
    ovp_idx last = 0;
    const ovp_net_slice *w = ovp_net_model_slices(n->model, &last);
    for (ovp_idx i = 0; i < count / 2; i++) {
        ovp_idx size = (ovp_idx)sqrt((double)(n->inputs / w[0].shape[1]));
        for (ovp_idx channels = w[0].shape[0]; channels < s[2 * i].count; channels *= 2) size = (size + 1) / 2;
        const double m = (double)(n->rows * size * size);
        for (ovp_idx k = s[2 * i + 1].offset; k < s[2 * i + 1].offset + s[2 * i + 1].count; k++)
            set(n->type, once, k, get(n->type, once, k) * (m - 1) / m);
    }
    assert_ok(n->ctx, ovp_net_forward_state(n->ws, n->batch, n->theta, once, g));
    assert_true(gap(n->type, f, g, n->rows * c) <= (n->type == OVP_F64 ? 1e-12 : 3e-5));
    /* In eval mode a sample does not see the others. */
    ovp_net_batch *one;
    const ovp_idx row = n->rows - 1;
    const size_t bytes = ovp_numeric_type_size(n->type);
    assert_ok(n->ctx, ovp_net_bind(&one, n->ctx, n->model, (char *)n->x + (size_t)(row * n->inputs) * bytes, 1));
    assert_ok(n->ctx, ovp_net_forward_state(n->ws, one, n->theta, once, f));
    assert_true(gap(n->type, f, (char *)g + (size_t)(row * c) * bytes, c) <= (n->type == OVP_F64 ? 1e-13 : 1e-6));
    ovp_net_batch_free(one);
}

static void test_state(void **fixture) {
    (void)fixture;
    for (int i = 0; i < TINY; i++) {
        net n = make_resnet(1, NULL, "reference", OVP_F64, tiny[i]);
        check_state(&n);
        drop(&n);
        if (!ovp_net_conv_library()) continue;
        n = make_resnet(2, NULL, "conv", OVP_F32, tiny[i]);
        check_state(&n);
        drop(&n);
    }
}

/* ---- oneDNN against the reference ----------------------------------------------------------------- */

/* Full and padded blocks of channels, odd images, one and several chunks of samples, a short one at the end. */
static const shape_of shapes_of[] = {{1, 3, 8, 10, 16, 8}, {2, 3, 9, 3, 16, 11}, {1, 1, 7, 5, 6, 3},
                                     {1, 2, 12, 4, 2, 17}, {3, 3, 8, 10, 16, 2}, {1, 3, 32, 10, 16, 2}};
enum { SHAPES_OF = sizeof shapes_of / sizeof *shapes_of };

/* f32 rounds differently in another order, and a ReLU at the brink may then decide otherwise. Measured against f64 over
 * all shapes and levels: outputs and statistics 1e-6, a tensor's gradient 2.6e-5, in units of its largest value. */
static void compare(net *fast, const net *exact, const double *f, const double *g, const double *statistics,
                    double loss) {
    const ovp_idx outs = fast->rows * fast->outputs, values = ovp_net_model_state_values(fast->model);
    float *f32 = room(fast, outs), *g32 = room(fast, fast->parameters), *state = room(fast, values);
    double *widened = room(fast, outs + fast->parameters + values), value;
    int32_t labels[64];
    const ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, fast->rows, fast->outputs, labels);
    assert_ok(fast->ctx, ovp_net_forward(fast->ws, fast->batch, fast->theta, f32));
    for (ovp_idx i = 0; i < outs; i++) widened[i] = (double)f32[i];
    assert_true(gap(OVP_F64, f, widened, outs) <= 1e-5);
    assert_ok(fast->ctx, ovp_net_loss_grad(fast->ws, fast->batch, &t, fast->theta, &value, g32));
    assert_true(fabs(value - loss) <= 1e-5 * fabs(loss));
    assert_ok(fast->ctx, ovp_net_state_update(fast->ws, 1, state));
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_state(fast->model, &count);
    for (ovp_idx i = 0; i < count; i++) {
        for (ovp_idx k = 0; k < s[i].count; k++) widened[k] = (double)state[s[i].offset + k];
        const double d = gap(OVP_F64, statistics + s[i].offset, widened, s[i].count);
        if (!(d <= 1e-5)) fail_msg("%s: %g apart (rows %d)", s[i].name, d, (int)fast->rows);
    }
    s = ovp_net_model_slices(fast->model, &count);
    for (ovp_idx i = 0; i < count; i++) {
        for (ovp_idx k = 0; k < s[i].count; k++) widened[k] = (double)g32[s[i].offset + k];
        const double d = gap(OVP_F64, g + s[i].offset, widened, s[i].count);
        if (!(d <= 2e-4)) fail_msg("gradient of %s: %g apart (rows %d)", s[i].name, d, (int)exact->rows);
    }
}

static void test_conv(void **fixture) {
    (void)fixture;
    if (!ovp_net_conv_library()) skip();
    for (int i = 0; i < SHAPES_OF; i++) {
        net exact = make_resnet(1, NULL, "reference", OVP_F64, shapes_of[i]);
        net plain = make_resnet(1, NULL, "reference", OVP_F32, shapes_of[i]);
        for (ovp_idx k = 0; k < exact.parameters; k++) set(OVP_F64, exact.theta, k, get(OVP_F32, plain.theta, k));
        double *rounded = room(&exact, exact.rows * exact.inputs), loss;
        for (ovp_idx k = 0; k < exact.rows * exact.inputs; k++) rounded[k] = get(OVP_F32, plain.x, k);
        ovp_net_batch_free(exact.batch);
        assert_ok(exact.ctx, ovp_net_bind(&exact.batch, exact.ctx, exact.model, rounded, exact.rows));
        double *f = room(&exact, exact.rows * exact.outputs), *g = room(&exact, exact.parameters);
        double *statistics = room(&exact, ovp_net_model_state_values(exact.model));
        int32_t labels[64];
        const ovp_net_targets t =
            label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, exact.rows, exact.outputs, labels);
        assert_ok(exact.ctx, ovp_net_forward(exact.ws, exact.batch, exact.theta, f));
        assert_ok(exact.ctx, ovp_net_loss_grad(exact.ws, exact.batch, &t, exact.theta, &loss, g));
        assert_ok(exact.ctx, ovp_net_state_update(exact.ws, 1, statistics));
        compare(&plain, &exact, f, g, statistics, loss);
        for (int level = 0; level < NET_LEVELS; level++) {
            net fast = make_resnet(2, net_levels[level], "conv", OVP_F32, shapes_of[i]);
            if (!fast.ctx) continue;
            compare(&fast, &exact, f, g, statistics, loss);
            drop(&fast);
        }
        drop(&plain);
        drop(&exact);
    }
}

/* The same bits for any number of threads; loss_step = loss_grad and a separate update; weights that are not numbers
 * leave nothing behind. */
static void test_bits(void **fixture) {
    (void)fixture;
    if (!ovp_net_conv_library()) skip();
    enum { STEPS = 3 };
    float *first = NULL;
    for (int threads = 1; threads <= 4; threads++) {
        net n = make_resnet(threads, NULL, "conv", OVP_F32, shapes_of[1]);
        int32_t labels[64];
        const ovp_net_targets t = label_targets(OVP_LOSS_CROSS_ENTROPY, OVP_REDUCE_MEAN, n.rows, n.outputs, labels);
        const ovp_net_update sgd = {.rule = OVP_RULE_SGD, .lr = 0.1};
        float *g = room(&n, n.parameters);
        double loss;
        if (threads % 2) { /* leaves values in the rooms of padded samples */
            float *f = room(&n, n.rows * n.outputs);
            for (ovp_idx i = 0; i < n.parameters; i++) g[i] = ((float *)n.theta)[i] * NAN;
            assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, g, f));
            assert_true(isnan(f[0]));
        }
        for (int k = 0; k < STEPS; k++)
            if (threads == 2) {
                assert_ok(n.ctx, ovp_net_loss_grad(n.ws, n.batch, &t, n.theta, &loss, g));
                ovp_net_apply_update(n.model, n.ctx, &sgd, g, n.theta);
            } else {
                assert_ok(n.ctx, ovp_net_loss_step(n.ws, n.batch, &t, &sgd, n.theta, &loss));
            }
        if (!first) {
            first = malloc((size_t)n.parameters * sizeof *first);
            assert_non_null(first);
            memcpy(first, n.theta, (size_t)n.parameters * sizeof *first);
        }
        assert_memory_equal(first, n.theta, (size_t)n.parameters * sizeof *first);
        drop(&n);
    }
    free(first);
}

/* Weights that are not numbers give a loss that is not one: a ReLU must not hide them. */
static void test_divergence(void **fixture) {
    (void)fixture;
    for (int i = 0; i < (ovp_net_conv_library() ? 2 : 1); i++) {
        net n = make_resnet(1, NULL, i ? "conv" : "reference", OVP_F32, tiny[0]);
        float *f = room(&n, n.rows * n.outputs), *g = room(&n, n.parameters);
        ((float *)n.theta)[0] = NAN;
        assert_ok(n.ctx, ovp_net_forward(n.ws, n.batch, n.theta, f));
        for (ovp_idx k = 0; k < n.rows * n.outputs; k++) assert_true(isnan(f[k]));
        memset(n.x, 0, (size_t)(n.rows * n.inputs) * sizeof *f); /* all alike: variance 0 is no failure */
        ((float *)n.theta)[0] = 1;
        ovp_net_batch_free(n.batch);
        assert_ok(n.ctx, ovp_net_bind(&n.batch, n.ctx, n.model, n.x, n.rows));
        assert_ok(n.ctx, ovp_net_vjp(n.ws, n.batch, n.theta, f, g));
        drop(&n);
    }
}

/* Everything that a training step needs, with `left` allocations granted. */
static ovp_status build(ovp_ctx *ctx, const char *engine, ovp_net_model **model, ovp_net_batch **batch,
                        ovp_net_workspace **ws) {
    static const float x[3 * 2 * 16] = {0.5f, -1, 2};
    const ovp_net_resnet_options o = {
        .size = sizeof o, .blocks = 1, .channels = 2, .image = 4, .classes = 3, .width = 2, .engine = engine};
    ovp_status status = ovp_net_resnet_create(model, ctx, &o);
    if (status == OVP_OK) status = ovp_net_bind(batch, ctx, *model, x, 3);
    if (status == OVP_OK) status = ovp_net_workspace_create(ws, ctx, *model, 3);
    return status;
}

/* Every allocation may fail, and steps make none. */
static void test_memory(void **fixture) {
    (void)fixture;
    for (int i = 0; i < (ovp_net_conv_library() ? 2 : 1); i++) {
        ovp_status status = OVP_ENOMEM;
        for (int grant = 1; status == OVP_ENOMEM; grant++) {
            assert_true(grant < 500);
            int left = grant;
            const ovp_allocator allocator = granting(&left);
            ovp_ctx_options options = {.size = sizeof options, .threads = 1, .allocator = &allocator};
            ovp_ctx *ctx;
            ovp_net_model *model = NULL;
            ovp_net_batch *batch = NULL;
            ovp_net_workspace *ws = NULL;
            if (ovp_ctx_create(&ctx, &options) != OVP_OK) continue;
            status = build(ctx, i ? "conv" : "reference", &model, &batch, &ws);
            if (status == OVP_OK) {
                static const int32_t labels[] = {0, 2, 1};
                const ovp_net_targets t = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
                const ovp_net_update sgd = {.rule = OVP_RULE_SGD, .lr = 0.1};
                float theta[2000] = {0};
                double loss;
                assert_in_range(ovp_net_model_parameters(model), 1, 2000);
                left = 100;
                assert_ok(ctx, ovp_net_loss_step(ws, batch, &t, &sgd, theta, &loss));
                const int warm = left; /* the pool's first use may allocate */
                for (int k = 0; k < 3; k++) assert_ok(ctx, ovp_net_loss_step(ws, batch, &t, &sgd, theta, &loss));
                assert_int_equal(left, warm);
            }
            ovp_net_workspace_free(ws);
            ovp_net_batch_free(batch);
            ovp_net_model_free(model);
            ovp_ctx_free(ctx);
        }
        assert_int_equal(status, OVP_OK);
    }
}

static void test_refusals(void **fixture) {
    ovp_ctx *ctx = *fixture;
    static const struct {
        ovp_net_resnet_options options;
        const char *words;
    } bad[] = {{{.blocks = 0}, "blocks 0"},
               {{.blocks = 1, .channels = -1}, "channels -1"},
               {{.blocks = 1, .image = 5000}, "image 5000"},
               {{.blocks = 1, .classes = -2}, "classes -2"},
               {{.blocks = 1, .width = 3}, "width 3 must be even"},
               {{.blocks = 1, .power = INFINITY}, "power inf"},
               {{.blocks = 1, .type = OVP_I32}, "f32 or f64"},
               {{.blocks = 1, .engine = "fast"}, "engine 'fast'"}};
    ovp_net_model *model;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ovp_net_resnet_options o = bad[i].options;
        o.size = sizeof o;
        assert_fails(ctx, OVP_EINVAL, bad[i].words, ovp_net_resnet_create(&model, ctx, &o));
        assert_null(model);
    }
    ovp_net_resnet_options o = {.size = sizeof o, .blocks = 1, .type = OVP_F64, .engine = "conv"};
    assert_fails(ctx, OVP_EUNSUPPORTED, "engine reference", ovp_net_resnet_create(&model, ctx, &o));
    o.type = OVP_F32;
    if (!ovp_net_conv_library())
        assert_fails(ctx, OVP_EUNAVAILABLE, "libdnnl-dev", ovp_net_resnet_create(&model, ctx, &o));
    o.engine = NULL;
    assert_ok(ctx, ovp_net_resnet_create(&model, ctx, &o));
    assert_string_equal(ovp_net_model_engine(model), ovp_net_conv_library() ? "conv" : "reference");
    assert_int_equal(ovp_net_model_capabilities(model), OVP_CAN_VJP);
    ovp_net_model_free(model);

    /* A model without a state. */
    net n = make((recipe){0});
    float f[1];
    assert_int_equal(ovp_net_model_state_values(n.model), 0);
    assert_fails(n.ctx, OVP_EUNSUPPORTED, "has none", ovp_net_state_update(n.ws, 0.1, f));
    assert_fails(n.ctx, OVP_EUNSUPPORTED, "has none", ovp_net_forward_state(n.ws, n.batch, n.theta, f, f));
    drop(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(test_published_counts),   CTX_TEST(test_start),          cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_state),      cmocka_unit_test(test_conv),   cmocka_unit_test(test_bits),
        cmocka_unit_test(test_divergence), cmocka_unit_test(test_memory), CTX_TEST(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
