/* measure: random directions of a loss landscape and losses on planes, against the definition, on every engine. */
#include "check.h"

#include <overparam/measure.h>

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS = 7, OUTPUTS = 4, ROWS = 37 };

typedef struct scene {
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_targets targets;
    int32_t labels[ROWS];
    void *x, *theta;
    double *d1, *d2;
    ovp_idx size;
    ovp_numeric_type type;
} scene;

static scene make(ovp_ctx *ctx, ovp_numeric_type type, const char *engine, const char *layout, ovp_idx layers) {
    scene s = {.type = type};
    const ovp_idx widths[] = {INPUTS, 19, layers == 2 ? OUTPUTS : 23, OUTPUTS};
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = layers,
                                           .widths = widths,
                                           .activation = "tanh",
                                           .type = type,
                                           .engine = engine,
                                           .layout = layout};
    const ovp_net_init_options init = {sizeof init, "torch-default", 0};
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_net_dense_create(&s.model, ctx, &options));
    s.size = ovp_net_model_parameters(s.model);
    assert_ok(ctx, ovp_alloc(ctx, &s.theta, s.size, 8));
    assert_ok(ctx, ovp_alloc(ctx, &s.x, ROWS * INPUTS, 8));
    assert_ok(ctx, ovp_alloc(ctx, &s.d1, s.size, 8));
    assert_ok(ctx, ovp_alloc(ctx, &s.d2, s.size, 8));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 2385, OVP_PURPOSE_TEST, 0));
    assert_ok(ctx, ovp_net_init(s.model, ctx, &init, rng, s.theta));
    ovp_numeric_rng_normal(rng, type, ROWS * INPUTS, 0, 1, s.x);
    ovp_numeric_rng_free(rng);
    for (int i = 0; i < ROWS; i++) s.labels[i] = (7 * i + 2) % OUTPUTS;
    assert_ok(ctx, ovp_net_bind(&s.batch, ctx, s.model, s.x, ROWS));
    return s;
}

static void drop(ovp_ctx *ctx, scene *s) {
    ovp_net_batch_free(s->batch);
    ovp_net_model_free(s->model);
    ovp_free(ctx, s->theta);
    ovp_free(ctx, s->x);
    ovp_free(ctx, s->d1);
    ovp_free(ctx, s->d2);
}

static ovp_measure_plane plane_of(scene *s) {
    s->targets = (ovp_net_targets){.loss = OVP_LOSS_CROSS_ENTROPY, .labels = s->labels};
    return (ovp_measure_plane){.size = sizeof(ovp_measure_plane),
                               .model = s->model,
                               .batch = s->batch,
                               .targets = &s->targets,
                               .theta = s->theta,
                               .d1 = s->d1,
                               .d2 = s->d2};
}

static ovp_measure_direction_options by_layer(double res) {
    return (ovp_measure_direction_options){sizeof(ovp_measure_direction_options), OVP_SCALING_LAYER, res, 0};
}

static void draw(ovp_ctx *ctx, scene *s, const ovp_measure_direction_options *options, int64_t seed) {
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_GENERAL, 0));
    assert_ok(ctx, ovp_measure_directions(s->d1, s->d2, ctx, s->model, s->theta, options, rng));
    ovp_numeric_rng_free(rng);
}

static double theta_at(const scene *s, ovp_idx i) {
    return s->type == OVP_F32 ? (double)((const float *)s->theta)[i] : ((const double *)s->theta)[i];
}

/* Sum over one row (or, row < 0, all) of a 2-D slice of x y. */
static double inner(const scene *s, const ovp_net_slice *slice, ovp_idx row, const double *x, const double *y) {
    double sum = 0;
    for (ovp_idx i = 0; i < slice->shape[0]; i++)
        for (ovp_idx j = 0; j < slice->shape[1]; j++) {
            const ovp_idx at = slice->offset + i * slice->strides[0] + j * slice->strides[1];
            if (row >= 0 && i != row) continue;
            sum += (x ? x[at] : theta_at(s, at)) * (y ? y[at] : theta_at(s, at));
        }
    return sum;
}

/* ---- directions ------------------------------------------------------------------------------------- */

static const struct {
    const char *engine, *layout;
    ovp_idx layers;
} engines[] = {
    {"reference", NULL, 3}, {"gemm", NULL, 3}, {"tile", "samples", 3}, {"tile", "features", 3}, {"tile", "units", 2}};

static void test_layers(void **state) {
    ovp_ctx *ctx = *state;
    const double res = .05;
    const ovp_measure_direction_options options = by_layer(res);
    for (size_t e = 0; e < sizeof engines / sizeof engines[0]; e++)
        for (int wide = 0; wide < 2; wide++) {
            scene s = make(ctx, wide ? OVP_F64 : OVP_F32, engines[e].engine, engines[e].layout, engines[e].layers);
            ovp_idx count;
            const ovp_net_slice *slice = ovp_net_model_slices(s.model, &count);
            double moved = 0;
            draw(ctx, &s, &options, 1);
            for (ovp_idx k = 0; k < count; k++) {
                if (slice[k].role != OVP_ROLE_WEIGHT) continue;
                const double length = res * sqrt(inner(&s, &slice[k], -1, NULL, NULL));
                assert_true(fabs(inner(&s, &slice[k], -1, s.d1, s.d2)) <= 1e-10 * length * length);
                assert_true(fabs(sqrt(inner(&s, &slice[k], -1, s.d1, s.d1)) / length - 1) <= 1e-12);
                assert_true(fabs(sqrt(inner(&s, &slice[k], -1, s.d2, s.d2)) / length - 1) <= 1e-12);
                moved += inner(&s, &slice[k], -1, s.d1, s.d1);
            }
            double all = 0;
            for (ovp_idx i = 0; i < s.size; i++) all += s.d1[i] * s.d1[i];
            assert_true(fabs(all / moved - 1) <= 1e-12); /* biases stay */
            ovp_measure_direction_faults faults;
            assert_ok(ctx, ovp_measure_directions_check(&faults, ctx, s.model, s.theta, &options, s.d1, s.d2));
            assert_true(faults.cosine <= 1e-10 && faults.length <= 1e-12);
            drop(ctx, &s);
        }
}

/* The draws do not know the engine's order of theta. */
static void test_order(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_measure_direction_options options = by_layer(.1);
    scene a = make(ctx, OVP_F64, "reference", NULL, 2), b = make(ctx, OVP_F64, "tile", "units", 2);
    ovp_idx count;
    const ovp_net_slice *x = ovp_net_model_slices(a.model, &count), *y = ovp_net_model_slices(b.model, &count);
    draw(ctx, &a, &options, 3);
    draw(ctx, &b, &options, 3);
    double *p = malloc((size_t)a.size * sizeof *p), *q = malloc((size_t)a.size * sizeof *q);
    for (ovp_idx k = 0; k < count; k++) {
        ovp_net_slice_get(a.model, &x[k], a.d2, p);
        ovp_net_slice_get(b.model, &y[k], b.d2, q);
        assert_memory_equal(p, q, (size_t)x[k].count * sizeof *p);
    }
    free(p);
    free(q);
    drop(ctx, &a);
    drop(ctx, &b);
}

/* Against the definition from the stream's own numbers: Gram and Schmidt, then lengths. */
static void test_draws(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_measure_direction_options options = by_layer(.3);
    scene s = make(ctx, OVP_F64, "reference", NULL, 2);
    ovp_idx count, weights = 0;
    const ovp_net_slice *slice = ovp_net_model_slices(s.model, &count);
    for (ovp_idx k = 0; k < count; k++) weights += slice[k].role == OVP_ROLE_WEIGHT ? slice[k].count : 0;
    ovp_numeric_rng *rng;
    double *z = malloc(2 * (size_t)weights * sizeof *z), *g = malloc((size_t)weights * sizeof *g);
    draw(ctx, &s, &options, 9);
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 9, OVP_PURPOSE_GENERAL, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, 2 * weights, 0, 1, z);
    ovp_numeric_rng_free(rng);
    for (ovp_idx k = 0, at = 0; k < count; k++) {
        if (slice[k].role != OVP_ROLE_WEIGHT) continue;
        const double *u = z + at, *v = z + weights + at;
        double uu = 0, uv = 0, gg = 0;
        for (ovp_idx i = 0; i < slice[k].count; i++) {
            uu += u[i] * u[i];
            uv += u[i] * v[i];
        }
        for (ovp_idx i = 0; i < slice[k].count; i++) {
            g[i] = v[i] - uv / uu * u[i];
            gg += g[i] * g[i];
        }
        const double length = .3 * sqrt(inner(&s, &slice[k], -1, NULL, NULL));
        for (ovp_idx i = 0; i < slice[k].count; i++) {
            const ovp_idx place = slice[k].offset + i / slice[k].shape[1] * slice[k].strides[0] +
                                  i % slice[k].shape[1] * slice[k].strides[1];
            assert_true(fabs(s.d1[place] - length * u[i] / sqrt(uu)) <= 1e-14);
            assert_true(fabs(s.d2[place] - length * g[i] / sqrt(gg)) <= 1e-14);
        }
        at += slice[k].count;
    }
    free(g);
    free(z);
    drop(ctx, &s);
}

static void test_filters(void **state) {
    ovp_ctx *ctx = *state;
    const double res = .2;
    ovp_measure_direction_options options = by_layer(res);
    options.scaling = OVP_SCALING_FILTER;
    for (size_t e = 0; e < sizeof engines / sizeof engines[0]; e++) {
        scene s = make(ctx, OVP_F64, engines[e].engine, engines[e].layout, engines[e].layers);
        ovp_idx count;
        const ovp_net_slice *slice = ovp_net_model_slices(s.model, &count);
        draw(ctx, &s, &options, 5);
        for (ovp_idx k = 0; k < count; k++)
            for (ovp_idx row = 0; slice[k].role == OVP_ROLE_WEIGHT && row < slice[k].shape[0]; row++) {
                const double length = res * sqrt(inner(&s, &slice[k], row, NULL, NULL));
                assert_true(fabs(sqrt(inner(&s, &slice[k], row, s.d1, s.d1)) / length - 1) <= 1e-12);
                assert_true(fabs(sqrt(inner(&s, &slice[k], row, s.d2, s.d2)) / length - 1) <= 1e-12);
                assert_true(fabs(inner(&s, &slice[k], row, s.d1, s.d2)) <= 1e-10 * length * length);
            }
        drop(ctx, &s);
    }
}

/* Moved biases have their own length; rows that are all 0 do not move; check tells what is wrong. */
static void test_vectors_and_faults(void **state) {
    ovp_ctx *ctx = *state;
    ovp_measure_direction_options options = by_layer(.5);
    options.vectors = 1;
    scene s = make(ctx, OVP_F64, "reference", NULL, 2);
    ovp_idx count;
    const ovp_net_slice *slice = ovp_net_model_slices(s.model, &count);
    double *theta = s.theta;
    for (ovp_idx j = 0; j < slice[0].shape[1]; j++) theta[slice[0].offset + j * slice[0].strides[1]] = 0; /* row 0 */
    options.scaling = OVP_SCALING_FILTER;
    draw(ctx, &s, &options, 6);
    for (ovp_idx k = 0; k < count; k++) {
        double length = 0, own = 0;
        if (slice[k].role != OVP_ROLE_BIAS) continue;
        for (ovp_idx i = 0; i < slice[k].count; i++) {
            own += pow(s.d2[slice[k].offset + i * slice[k].strides[0]], 2);
            length += pow(theta[slice[k].offset + i * slice[k].strides[0]], 2);
        }
        assert_true(length > 0 && fabs(sqrt(own / length) / .5 - 1) <= 1e-12);
    }
    for (ovp_idx j = 0; j < slice[0].shape[1]; j++) assert_true(s.d1[slice[0].offset + j * slice[0].strides[1]] == 0);
    ovp_measure_direction_faults faults;
    assert_ok(ctx, ovp_measure_directions_check(&faults, ctx, s.model, s.theta, &options, s.d1, s.d2));
    assert_true(faults.cosine <= 1e-10 && faults.length <= 1e-12);
    assert_ok(ctx, ovp_measure_directions_check(&faults, ctx, s.model, s.theta, &options, s.d1, s.d1));
    assert_true(fabs(faults.cosine - 1) <= 1e-12);
    s.d1[slice[0].offset + slice[0].strides[0]] += 1;
    assert_ok(ctx, ovp_measure_directions_check(&faults, ctx, s.model, s.theta, &options, s.d1, NULL));
    assert_true(faults.length > .1 && faults.cosine == 0);
    drop(ctx, &s);
}

static void test_seeds(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_measure_direction_options options = by_layer(.05);
    scene a = make(ctx, OVP_F32, "auto", NULL, 3), b = make(ctx, OVP_F32, "auto", NULL, 3);
    draw(ctx, &a, &options, 11);
    draw(ctx, &b, &options, 11);
    assert_memory_equal(a.d1, b.d1, (size_t)a.size * 8);
    assert_memory_equal(a.d2, b.d2, (size_t)a.size * 8);
    draw(ctx, &b, &options, 12);
    assert_memory_not_equal(a.d1, b.d1, (size_t)a.size * 8);
    drop(ctx, &a);
    drop(ctx, &b);
}

/* ---- planes ------------------------------------------------------------------------------------------ */

enum { N = 9 };

static void axis(double at[N]) {
    for (int j = 0; j < N; j++) at[j] = j - N / 2;
}

/* Every point against one forward pass by itself; the centre against training's own loss. */
static void test_points(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_measure_direction_options options = by_layer(.3);
    double at[N], loss[N * N];
    axis(at);
    for (size_t e = 0; e < sizeof engines / sizeof engines[0]; e++)
        for (int wide = 0; wide < 2; wide++) {
            scene s = make(ctx, wide ? OVP_F64 : OVP_F32, engines[e].engine, engines[e].layout, engines[e].layers);
            draw(ctx, &s, &options, 1);
            const ovp_measure_plane plane = plane_of(&s);
            assert_ok(ctx, ovp_measure_plane_losses(loss, ctx, &plane, N, at, N, at));
            ovp_net_workspace *workspace;
            double *moved = malloc((size_t)s.size * 8), *grad = malloc((size_t)s.size * 8), own;
            void *f = malloc(ROWS * OUTPUTS * 8);
            assert_ok(ctx, ovp_net_workspace_create(&workspace, ctx, s.model, ROWS));
            for (int k = 0; k < N * N; k++) {
                for (ovp_idx i = 0; i < s.size; i++) {
                    const double value = theta_at(&s, i) + at[k % N] * s.d1[i] + at[k / N] * s.d2[i];
                    if (wide)
                        moved[i] = value;
                    else
                        ((float *)(void *)moved)[i] = (float)value;
                }
                assert_ok(ctx, ovp_net_forward(workspace, s.batch, moved, f));
                assert_ok(ctx, ovp_net_loss_value(ctx, &s.targets, s.type, ROWS, OUTPUTS, f, &own, NULL));
                assert_memory_equal(&own, &loss[k], sizeof own);
            }
            assert_ok(ctx, ovp_net_loss_grad(workspace, s.batch, &s.targets, s.theta, &own, grad));
            assert_true(fabs(loss[N / 2 * N + N / 2] - own) <= (wide ? 1e-12 : 1e-6));
            assert_true(loss[0] != loss[1] && loss[0] != loss[N]); /* both ways lead somewhere */
            ovp_net_workspace_free(workspace);
            free(f);
            free(grad);
            free(moved);
            drop(ctx, &s);
        }
}

/* The loss of a linear model is a quadratic form, whose value on a line is known: a net of one layer, mean squared
 * error, L(a) = mean (F + a X D - Y)^2. */
static void test_quadratic(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_idx widths[] = {INPUTS, OUTPUTS};
    const ovp_net_dense_options net = {
        .size = sizeof net, .layers = 1, .widths = widths, .no_bias = 1, .type = OVP_F64, .engine = "reference"};
    ovp_net_model *model;
    ovp_net_batch *batch;
    double x[ROWS * INPUTS], y[ROWS * OUTPUTS], theta[INPUTS * OUTPUTS], d[INPUTS * OUTPUTS], loss[5];
    const double at[] = {-2, -.5, 0, 1, 3};
    for (int i = 0; i < ROWS * INPUTS; i++) x[i] = sin(2.385 * i + 1);
    for (int i = 0; i < ROWS * OUTPUTS; i++) y[i] = cos(1.7 * i);
    for (int i = 0; i < INPUTS * OUTPUTS; i++) {
        theta[i] = sin(.9 * i + .3);
        d[i] = cos(3.1 * i * i);
    }
    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &net));
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, ROWS));
    ovp_idx count;
    const ovp_net_slice *w = ovp_net_model_slices(model, &count);
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = y};
    const ovp_measure_plane plane = {
        .size = sizeof plane, .model = model, .batch = batch, .targets = &targets, .theta = theta, .d1 = d};
    assert_ok(ctx, ovp_measure_plane_losses(loss, ctx, &plane, 1, NULL, 5, at));
    for (int k = 0; k < 5; k++) {
        double sum = 0;
        for (int n = 0; n < ROWS; n++)
            for (int o = 0; o < OUTPUTS; o++) {
                double f = -y[n * OUTPUTS + o];
                for (int i = 0; i < INPUTS; i++) {
                    const ovp_idx place = w->offset + o * w->strides[0] + i * w->strides[1];
                    f += (theta[place] + at[k] * d[place]) * x[n * INPUTS + i];
                }
                sum += f * f;
            }
        assert_true(fabs(loss[k] / (sum / (ROWS * OUTPUTS)) - 1) <= 1e-13);
    }
    ovp_net_batch_free(batch);
    ovp_net_model_free(model);
}

static void test_threads(void **state) {
    double at[N], first[N * N], loss[N * N];
    axis(at);
    (void)state;
    for (size_t e = 0; e < sizeof engines / sizeof engines[0]; e++)
        for (int threads = 1; threads <= 3; threads++) {
            const ovp_ctx_options wanted = {.size = sizeof wanted, .threads = threads};
            const ovp_measure_direction_options options = by_layer(.4);
            ovp_ctx *ctx;
            assert_int_equal(ovp_ctx_create(&ctx, &wanted), OVP_OK);
            scene s = make(ctx, OVP_F32, engines[e].engine, engines[e].layout, engines[e].layers);
            draw(ctx, &s, &options, 8);
            const ovp_measure_plane plane = plane_of(&s);
            assert_ok(ctx, ovp_measure_plane_losses(loss, ctx, &plane, N, at, N, at));
            if (threads == 1) memcpy(first, loss, sizeof first);
            assert_memory_equal(first, loss, sizeof first);
            drop(ctx, &s);
            ovp_ctx_free(ctx);
        }
}

/* A loss that is not finite is a result. */
static void test_not_finite(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_measure_direction_options options = by_layer(1e30);
    const double at[] = {-1e30, 0, 1e30};
    double loss[3];
    scene s = make(ctx, OVP_F32, "reference", NULL, 2);
    draw(ctx, &s, &options, 1);
    ovp_measure_plane plane = plane_of(&s);
    plane.d2 = NULL;
    assert_ok(ctx, ovp_measure_plane_losses(loss, ctx, &plane, 1, NULL, 3, at));
    assert_true(!isfinite(loss[0]) && isfinite(loss[1]) && !isfinite(loss[2]));
    drop(ctx, &s);
}

static void test_bad(void **state) {
    ovp_ctx *ctx = *state;
    double at[N], loss[N * N];
    axis(at);
    ovp_measure_direction_options options = by_layer(.1);
    scene s = make(ctx, OVP_F32, "reference", NULL, 2);
    draw(ctx, &s, &options, 1);
    ovp_measure_plane plane = plane_of(&s);
    assert_fails(ctx, OVP_EINVAL, "0 x 9 points", ovp_measure_plane_losses(loss, ctx, &plane, 0, at, N, at));
    assert_fails(ctx, OVP_EINVAL, "9 x 0 points", ovp_measure_plane_losses(loss, ctx, &plane, N, at, 0, at));
    assert_fails(ctx, OVP_EINVAL, "points", ovp_measure_plane_losses(loss, ctx, &plane, INT64_MAX, at, 2, at));
    assert_fails(ctx, OVP_EINVAL, "second direction", ovp_measure_plane_losses(loss, ctx, &plane, 1, NULL, N, at));
    at[3] = NAN;
    assert_fails(ctx, OVP_EINVAL, "coordinate 3 along d1", ovp_measure_plane_losses(loss, ctx, &plane, 1, at, N, at));
    assert_fails(ctx, OVP_EINVAL, "coordinate 3 along d2",
                 ovp_measure_plane_losses(loss, ctx, &plane, N, at, 2, (const double[]){0, 1}));
    axis(at);
    plane.d2 = NULL;
    assert_fails(ctx, OVP_EINVAL, "second direction", ovp_measure_plane_losses(loss, ctx, &plane, N, at, N, at));
    s.labels[5] = OUTPUTS;
    assert_fails(ctx, OVP_EINVAL, "label", ovp_measure_plane_losses(loss, ctx, &plane, 1, NULL, N, at));
    static const double lengths[] = {0, -1, NAN, INFINITY};
    for (int k = 0; k < 4; k++) {
        ovp_numeric_rng *rng;
        ovp_measure_direction_faults faults;
        options.res = lengths[k];
        assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 1, OVP_PURPOSE_TEST, 0));
        assert_fails(ctx, OVP_EINVAL, "not above 0",
                     ovp_measure_directions(s.d1, s.d2, ctx, s.model, s.theta, &options, rng));
        assert_fails(ctx, OVP_EINVAL, "not above 0",
                     ovp_measure_directions_check(&faults, ctx, s.model, s.theta, &options, s.d1, s.d2));
        ovp_numeric_rng_free(rng);
    }
    drop(ctx, &s);
}

/* ---- progress and cancelling -------------------------------------------------------------------------- */

typedef struct listener {
    ovp_ctx *ctx;
    ovp_idx last, total, stop_at;
} listener;

static void listen(void *user, const ovp_progress *progress) {
    listener *l = user;
    l->last = progress->done;
    l->total = progress->total;
    if (l->stop_at > 0 && progress->done >= l->stop_at) ovp_cancel(l->ctx);
}

static void test_cancel(void **state) {
    listener l = {.stop_at = 0};
    const ovp_ctx_options wanted = {.size = sizeof wanted, .threads = 1, .progress = listen, .user = &l};
    const ovp_measure_direction_options options = by_layer(.1);
    double at[N], loss[N * N];
    ovp_idx finite = 0;
    axis(at);
    (void)state;
    assert_int_equal(ovp_ctx_create(&l.ctx, &wanted), OVP_OK);
    scene s = make(l.ctx, OVP_F32, "reference", NULL, 2);
    draw(l.ctx, &s, &options, 1);
    const ovp_measure_plane plane = plane_of(&s);
    assert_ok(l.ctx, ovp_measure_plane_losses(loss, l.ctx, &plane, N, at, N, at));
    assert_int_equal(l.last, N * N);
    assert_int_equal(l.total, N * N);
    l.stop_at = 20;
    assert_int_equal(ovp_measure_plane_losses(loss, l.ctx, &plane, N, at, N, at), OVP_EINTERRUPTED);
    for (int k = 0; k < N * N; k++) finite += isfinite(loss[k]) != 0;
    assert_int_equal(finite, 20);
    drop(l.ctx, &s);
    ovp_ctx_free(l.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(test_layers),
        CTX_TEST(test_order),
        CTX_TEST(test_draws),
        CTX_TEST(test_filters),
        CTX_TEST(test_vectors_and_faults),
        CTX_TEST(test_seeds),
        CTX_TEST(test_points),
        CTX_TEST(test_quadratic),
        cmocka_unit_test(test_threads),
        CTX_TEST(test_not_finite),
        CTX_TEST(test_bad),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests_name("landscape", tests, NULL, NULL);
}
