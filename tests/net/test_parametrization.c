/* Parametrisations of dense nets: gradients, equality in function space, variances at initialisation, and how the size
 * of a gradient step depends on the width. */
#include "check.h"
#include "values.h"

#include <overparam/measure.h>

#include <math.h>
#include <string.h>

static const char *const names[] = {"standard", "ntk", "mean-field", "mup", "unit-sphere"};
static const char *const engines[] = {"reference", "gemm", "tile"};
enum { STANDARD, NTK, MEAN_FIELD, MUP, UNIT_SPHERE };

static ovp_net_model *make(ovp_ctx *ctx, const char *parametrization, const char *engine, ovp_numeric_type type,
                           ovp_idx layers, const ovp_idx *widths, const char *input, double sigma_w, double sigma_b) {
    ovp_net_model *model;
    const ovp_net_dense_options o = {.size = sizeof o,
                                     .layers = layers,
                                     .widths = widths,
                                     .activation = "gelu",
                                     .type = type,
                                     .engine = engine,
                                     .input = input,
                                     .parametrization = parametrization,
                                     .sigma_w = sigma_w,
                                     .sigma_b = sigma_b};
    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &o));
    return model;
}

static void *room(ovp_ctx *ctx, ovp_idx count) {
    void *p;
    assert_ok(ctx, ovp_alloc(ctx, &p, count, sizeof(double)));
    return p;
}

static double *normals(ovp_ctx *ctx, int64_t seed, ovp_idx n, double std) {
    ovp_numeric_rng *rng;
    double *out = room(ctx, n);
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_GENERAL, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0, std, out);
    ovp_numeric_rng_free(rng);
    return out;
}

static void init(ovp_ctx *ctx, const ovp_net_model *model, int64_t seed, const char *rule, void *theta) {
    ovp_numeric_rng *rng;
    const ovp_net_init_options o = {sizeof o, rule, 0};
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_INIT, 0));
    assert_ok(ctx, ovp_net_init(model, ctx, &o, rng, theta));
    ovp_numeric_rng_free(rng);
}

static const ovp_idx deep[] = {6, 35, 20, 21, 3}, shallow[] = {6, 37, 3}, broad[] = {6, 33, 21};
enum { ROWS = 9 };
static const int32_t labels[ROWS] = {0, 1, 2, 2, 1, 0, 1, 1, 2};

/* A net of each parametrisation that the last layer and the engines' paths distinguish. */
typedef struct shape {
    ovp_idx layers;
    const ovp_idx *widths;
} shape;
static shape shape_for(int parametrization, int wide_output) {
    if (wide_output) return (shape){2, broad};
    return parametrization == MEAN_FIELD ? (shape){2, shallow} : (shape){4, deep};
}

static void gradients_are_those_of_the_raw_parameters(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    double *x = normals(ctx, 3, ROWS * 6, 1.1);
    for (int p = NTK; p <= UNIT_SPHERE; p++)
        for (int e = 0; e < 4; e++)
            for (int wide = 0; wide < 2; wide++) {
                const shape s = shape_for(p, wide);
                ovp_net_model *model = make(ctx, names[p], engines[e == 3 ? 2 : e > 0], OVP_F64, s.layers, s.widths,
                                            e == 2 ? "sparse" : "dense", 1.3, .7);
                const ovp_idx parameters = ovp_net_model_parameters(model);
                double *theta = room(ctx, parameters), *grad = room(ctx, parameters), loss, up, down, largest = 0;
                ovp_net_batch *batch;
                ovp_net_workspace *ws;
                init(ctx, model, 8, "parametrization", theta);
                assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, ROWS));
                assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, ROWS));
                assert_ok(ctx, ovp_net_loss_grad(ws, batch, &targets, theta, &loss, grad));
                for (ovp_idx i = 0; i < parameters; i++) largest = fmax(largest, fabs(grad[i]));
                for (ovp_idx i = 0; i < parameters; i += 5) {
                    const double h = 1e-5, at = theta[i];
                    double *scratch = room(ctx, parameters);
                    theta[i] = at + h;
                    assert_ok(ctx, ovp_net_loss_grad(ws, batch, &targets, theta, &up, scratch));
                    theta[i] = at - h;
                    assert_ok(ctx, ovp_net_loss_grad(ws, batch, &targets, theta, &down, scratch));
                    theta[i] = at;
                    ovp_free(ctx, scratch);
                    if (!(fabs((up - down) / (2 * h) - grad[i]) < 1e-8 * fmax(1, largest)))
                        fail_msg("%s %s %d: parameter %d, difference %.12g, gradient %.12g", names[p],
                                 engines[e == 3 ? 2 : e > 0], wide, (int)i, (up - down) / (2 * h), grad[i]);
                }
                assert_true(largest > 1e-3);
                ovp_net_workspace_free(ws);
                ovp_net_batch_free(batch);
                ovp_free(ctx, theta);
                ovp_free(ctx, grad);
                ovp_net_model_free(model);
            }
    ovp_free(ctx, x);
}

/* Outputs, gradient in torch's order and the parameters after one step of lr. */
typedef struct computed {
    double *f, *grad, *stepped;
    double loss;
} computed;

static void gather(const ovp_net_model *m, const double *theta, double *dense) {
    ovp_idx count, at = 0;
    const ovp_net_slice *s = ovp_net_model_slices(m, &count);
    for (ovp_idx i = 0; i < count; at += s[i++].count) ovp_net_slice_get(m, &s[i], theta, dense + at);
}
static void scatter(const ovp_net_model *m, const double *dense, double *theta) {
    ovp_idx count, at = 0;
    const ovp_net_slice *s = ovp_net_model_slices(m, &count);
    for (ovp_idx i = 0; i < count; at += s[i++].count) ovp_net_slice_set(m, &s[i], dense + at, theta);
}

static computed compute(ovp_ctx *ctx, const ovp_net_model *model, const double *x, const double *dense, double lr) {
    const ovp_idx parameters = ovp_net_model_parameters(model), c = ovp_net_model_outputs(model);
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    const ovp_net_update update = {.lr = lr, .first = 1};
    computed r = {room(ctx, ROWS * c), room(ctx, parameters), room(ctx, parameters), 0};
    double *theta = room(ctx, parameters), *grad = room(ctx, parameters), *apart = room(ctx, parameters), loss;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    scatter(model, dense, theta);
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, ROWS));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, ROWS));
    assert_ok(ctx, ovp_net_forward(ws, batch, theta, r.f));
    assert_ok(ctx, ovp_net_loss_grad(ws, batch, &targets, theta, &r.loss, grad));
    gather(model, grad, r.grad);
    /* the fused step and the separate update know the same learning rates */
    memcpy(apart, theta, (size_t)parameters * sizeof *theta);
    ovp_net_apply_update(model, ctx, &update, grad, apart);
    assert_ok(ctx, ovp_net_loss_step(ws, batch, &targets, &update, theta, &loss));
    assert_memory_equal(theta, apart, (size_t)parameters * sizeof *theta);
    gather(model, theta, r.stepped);
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(batch);
    ovp_free(ctx, theta);
    ovp_free(ctx, grad);
    ovp_free(ctx, apart);
    return r;
}

static void drop(ovp_ctx *ctx, computed *r) {
    ovp_free(ctx, r->f);
    ovp_free(ctx, r->grad);
    ovp_free(ctx, r->stepped);
}

/* z = s W a + t b is the standard net with weights s W and biases t b: same outputs and loss, gradients times s and t,
 * and steps with lr_scale times the learning rate. The multipliers come from net.h's formulas, not from the slices. */
static void outputs_are_those_of_scaled_weights(void **state) {
    ovp_ctx *ctx = *state;
    const double sigma_w = 1.3, sigma_b = .7, lr = .01;
    double *x = normals(ctx, 3, ROWS * 6, 1.1);
    for (int p = NTK; p <= UNIT_SPHERE; p++)
        for (int e = 0; e < 3; e++)
            for (int wide = 0; wide < 2; wide++) {
                const shape s = shape_for(p, wide);
                ovp_net_model *plain = make(ctx, "standard", engines[e], OVP_F64, s.layers, s.widths, NULL, 0, 0);
                ovp_net_model *model =
                    make(ctx, names[p], engines[e], OVP_F64, s.layers, s.widths, NULL, sigma_w, sigma_b);
                const ovp_idx parameters = ovp_net_model_parameters(model);
                double *raw = normals(ctx, 11, parameters, 1), *scaled = room(ctx, parameters);
                double *multiplier = room(ctx, parameters), *rate = room(ctx, parameters);
                for (ovp_idx l = 0, at = 0; l < s.layers; l++) {
                    const double in = (double)s.widths[l], out = (double)s.widths[l + 1];
                    const int last = l + 1 == s.layers;
                    double w = 1 / sqrt(in), b = 1, r = 1;
                    if (p == MEAN_FIELD) {
                        r = last ? in : out;
                        if (last) w = 1 / in;
                        if (last) b = 1 / sqrt(in);
                    } else if (p == MUP && !last) {
                        w = sqrt(out) / sqrt(in);
                        b = sqrt(out);
                    } else if (p == UNIT_SPHERE && l == 0) {
                        w = 1 / sigma_w;
                    }
                    for (ovp_idx i = 0; i < s.widths[l] * s.widths[l + 1]; i++, at++)
                        multiplier[at] = sigma_w * w, rate[at] = r;
                    for (ovp_idx i = 0; i < s.widths[l + 1]; i++, at++) multiplier[at] = sigma_b * b, rate[at] = r;
                }
                for (ovp_idx i = 0; i < parameters; i++) scaled[i] = multiplier[i] * raw[i];
                computed want = compute(ctx, plain, x, scaled, lr), got = compute(ctx, model, x, raw, lr);
                for (ovp_idx i = 0; i < parameters; i++) {
                    want.grad[i] *= multiplier[i];
                    want.stepped[i] = raw[i] - lr * rate[i] * want.grad[i];
                }
                assert_true(fabs(want.loss - got.loss) <= 1e-13 * want.loss);
                assert_true(gap(OVP_F64, want.f, got.f, ROWS * s.widths[s.layers]) < 1e-13);
                assert_true(gap(OVP_F64, want.grad, got.grad, parameters) < 1e-13);
                assert_true(gap(OVP_F64, want.stepped, got.stepped, parameters) < 1e-13);
                drop(ctx, &want);
                drop(ctx, &got);
                ovp_free(ctx, raw);
                ovp_free(ctx, scaled);
                ovp_free(ctx, multiplier);
                ovp_free(ctx, rate);
                ovp_net_model_free(plain);
                ovp_net_model_free(model);
            }
    ovp_free(ctx, x);
}

/* One hidden layer: Yang and Hu's symmetry (a, b, c) -> (a + t, b - t, c - 2 t) with t = -1/2 leads from mean-field to
 * mup, raw values times m^(-1/2); the functions stay the same over a whole training. */
static void mup_with_one_hidden_layer_is_mean_field(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    double *x = normals(ctx, 3, ROWS * 6, 1.1), loss[2][20], *theta[2];
    for (int k = 0; k < 2; k++) {
        ovp_net_model *model = make(ctx, names[k ? MUP : MEAN_FIELD], "gemm", OVP_F64, 2, shallow, NULL, 0, 0);
        const ovp_idx parameters = ovp_net_model_parameters(model);
        const ovp_net_update update = {.lr = .5, .first = 1};
        ovp_net_batch *batch;
        ovp_net_workspace *ws;
        theta[k] = room(ctx, parameters);
        init(ctx, model, 21, NULL, theta[k]);
        assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, ROWS));
        assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, ROWS));
        for (int t = 0; t < 20; t++)
            assert_ok(ctx, ovp_net_loss_step(ws, batch, &targets, &update, theta[k], &loss[k][t]));
        ovp_net_workspace_free(ws);
        ovp_net_batch_free(batch);
        if (k)
            for (ovp_idx i = 0; i < parameters; i++)
                assert_true(fabs(theta[1][i] * sqrt(37.) - theta[0][i]) < 1e-9 * fmax(1, fabs(theta[0][i])));
        ovp_net_model_free(model);
    }
    for (int t = 0; t < 20; t++) assert_true(fabs(loss[0][t] - loss[1][t]) < 1e-11 * loss[0][t]);
    assert_true(loss[0][19] < .9 * loss[0][0]);
    ovp_free(ctx, theta[0]);
    ovp_free(ctx, theta[1]);
    ovp_free(ctx, x);
}

/* ---- initialisation -------------------------------------------------------------------------------- */

/* E f^2 of an identity net at x, from the scales: q_0 = sigma_w^2 |x|^2 / d + sigma_b^2 before the last layer, then
 * sigma_w^2 q_0 + sigma_b^2 (ntk), that over m (mean-field and mup); deeper ntk and mup nets repeat the first rule. */
static void variances_at_initialisation_are_those_of_theory(void **state) {
    ovp_ctx *ctx = *state;
    enum { DRAWS = 4000, D = 5, M = 24 };
    const ovp_idx one[] = {D, M, 2}, three[] = {D, 2 * M, M / 2, M, 2};
    const double sigma_w = 1.4, sigma_b = .6;
    double *x = normals(ctx, 4, D, 1), norm = 0;
    for (int j = 0; j < D; j++) norm += x[j] * x[j];
    for (int p = NTK; p <= MUP; p++)
        for (int depth = 1; depth <= 3; depth += 2) {
            if (p == MEAN_FIELD && depth > 1) continue;
            ovp_net_model *model;
            const ovp_net_dense_options o = {.size = sizeof o,
                                             .layers = depth + 1,
                                             .widths = depth == 1 ? one : three,
                                             .activation = "identity",
                                             .type = OVP_F64,
                                             .engine = "reference",
                                             .parametrization = names[p],
                                             .sigma_w = sigma_w,
                                             .sigma_b = sigma_b};
            assert_ok(ctx, ovp_net_dense_create(&model, ctx, &o));
            ovp_net_batch *batch;
            ovp_net_workspace *ws;
            double *theta = room(ctx, ovp_net_model_parameters(model)), f[2], sum = 0, squares = 0;
            assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, 1));
            assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, 1));
            for (int k = 0; k < DRAWS; k++) {
                init(ctx, model, 1000 + k, "parametrization", theta);
                assert_ok(ctx, ovp_net_forward(ws, batch, theta, f));
                const double v = f[0] * f[0];
                sum += v;
                squares += v * v;
            }
            double want = sigma_w * sigma_w * norm / D + sigma_b * sigma_b;
            for (int l = 0; l < depth; l++) want = sigma_w * sigma_w * want + sigma_b * sigma_b;
            if (p != NTK) want /= M;
            const double mean = sum / DRAWS, error = sqrt((squares / DRAWS - mean * mean) / DRAWS);
            if (!(fabs(mean - want) < 4 * error && error < .1 * want))
                fail_msg("%s, %d hidden: E f^2 %g +- %g, theory %g", names[p], depth, mean, error, want);
            ovp_net_workspace_free(ws);
            ovp_net_batch_free(batch);
            ovp_free(ctx, theta);
            ovp_net_model_free(model);
        }
    ovp_free(ctx, x);
}

/* The draws: per layer weight in C order, then bias, N(0, s^2), whatever the order of theta; torch's stream too. */
static void draws_come_in_order(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_idx widths[] = {7, 150, 3};
    const double std[] = {1, 1 / sqrt(150.)};
    for (int p = 0; p < 2; p++)
        for (int kind = OVP_RNG_PHILOX; kind <= OVP_RNG_TORCH; kind++)
            for (int e = 0; e < 2; e++) {
                ovp_net_model *model = make(ctx, names[p ? MUP : NTK], engines[e], OVP_F64, 2, widths, NULL, 0, 0);
                const ovp_idx parameters = ovp_net_model_parameters(model);
                double *theta = room(ctx, parameters), *got = room(ctx, parameters), *want = room(ctx, parameters);
                ovp_numeric_rng *rng;
                const ovp_net_init_options o = {sizeof o, NULL, 0};
                assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, (ovp_numeric_rng_kind)kind, 5, OVP_PURPOSE_INIT, 0));
                assert_ok(ctx, ovp_net_init(model, ctx, &o, rng, theta));
                gather(model, theta, got);
                assert_ok(ctx, ovp_numeric_rng_seed(rng, 5));
                ovp_idx count, at = 0;
                const ovp_net_slice *slice = ovp_net_model_slices(model, &count);
                for (ovp_idx i = 0; i < count; at += slice[i++].count)
                    ovp_numeric_rng_normal(rng, OVP_F64, slice[i].count, 0, std[p], want + at);
                assert_memory_equal(got, want, (size_t)parameters * sizeof *got);
                ovp_numeric_rng_free(rng);
                ovp_free(ctx, theta);
                ovp_free(ctx, got);
                ovp_free(ctx, want);
                ovp_net_model_free(model);
            }
}

static void wrong_options_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    ovp_net_model *model;
    static const struct {
        const char *name;
        ovp_idx layers;
        double sigma_w, sigma_b;
        const char *words;
    } cases[] = {{"ntkk", 2, 0, 0, "'ntkk'; one of standard, ntk, unit-sphere, mean-field, mup"},
                 {"mean-field", 3, 0, 0, "parametrisation mean-field of 3 layers; it is for 2 (one hidden layer)"},
                 {"mup", 1, 0, 0, "parametrisation mup of 1 layers; it is for 2 or more"},
                 {"ntk", 2, -1, 0, "sigma_w -1"},
                 {"ntk", 2, 1, INFINITY, "sigma_b inf"},
                 {"standard", 2, 1, 0, "not to standard"},
                 {NULL, 2, 0, 1, "not to standard"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ovp_net_dense_options o = {.size = sizeof o,
                                         .layers = cases[i].layers,
                                         .widths = deep,
                                         .type = OVP_F64,
                                         .parametrization = cases[i].name,
                                         .sigma_w = cases[i].sigma_w,
                                         .sigma_b = cases[i].sigma_b};
        assert_fails(ctx, OVP_EINVAL, cases[i].words, ovp_net_dense_create(&model, ctx, &o));
        assert_null(model);
    }
    double theta[512];
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 1, OVP_PURPOSE_INIT, 0));
    model = make(ctx, "ntk", "gemm", OVP_F64, 2, shallow, NULL, 0, 0);
    const ovp_net_init_options other = {sizeof other, "kaiming-normal", 0}, gain = {sizeof gain, NULL, 2};
    assert_fails(ctx, OVP_EINVAL, "'kaiming-normal', gain 0", ovp_net_init(model, ctx, &other, rng, theta));
    assert_fails(ctx, OVP_EINVAL, "gain 2", ovp_net_init(model, ctx, &gain, rng, theta));
    ovp_net_model_free(model);
    model = make(ctx, "standard", "gemm", OVP_F64, 2, shallow, NULL, 0, 0);
    const ovp_net_init_options own = {sizeof own, "parametrization", 0}, none = {sizeof none, NULL, 0};
    assert_fails(ctx, OVP_EINVAL, "unknown rule 'parametrization'", ovp_net_init(model, ctx, &own, rng, theta));
    assert_fails(ctx, OVP_EINVAL, "(none)", ovp_net_init(model, ctx, &none, rng, theta));
    ovp_net_model_free(model);
    ovp_numeric_rng_free(rng);
}

/* ---- width ------------------------------------------------------------------------------------------ */

/* Medians over draws of what the first step does: the change of f (root mean square over samples and outputs) and the
 * relative change of the first layer's raw weights. */
typedef struct first_step {
    double function, hidden;
} first_step;

static double norm_gap(const double *a, const double *b, ovp_idx n) {
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) sum += (a[i] - (b ? b[i] : 0)) * (a[i] - (b ? b[i] : 0));
    return sqrt(sum);
}

static first_step first_step_at(ovp_ctx *ctx, const char *name, ovp_idx m, const double *x) {
    enum { DRAWS = 9 };
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = labels};
    const ovp_net_update update = {.lr = .05, .first = 1};
    const ovp_idx widths[] = {6, m, 3};
    double function[DRAWS], hidden[DRAWS], before[ROWS * 3], after[ROWS * 3], loss;
    ovp_net_model *model = make(ctx, name, "gemm", OVP_F64, 2, widths, NULL, 0, 0);
    const ovp_idx parameters = ovp_net_model_parameters(model);
    double *theta = room(ctx, parameters), *theta0 = room(ctx, parameters);
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, ROWS));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, ROWS));
    for (int k = 0; k < DRAWS; k++) {
        init(ctx, model, 50 + k, strcmp(name, "standard") == 0 ? "kaiming-normal" : NULL, theta);
        memcpy(theta0, theta, (size_t)parameters * sizeof *theta);
        assert_ok(ctx, ovp_net_forward(ws, batch, theta, before));
        assert_ok(ctx, ovp_net_loss_step(ws, batch, &targets, &update, theta, &loss));
        assert_ok(ctx, ovp_net_forward(ws, batch, theta, after));
        function[k] = norm_gap(after, before, ROWS * 3) / sqrt(ROWS * 3.);
        hidden[k] = norm_gap(theta, theta0, 6 * m) / norm_gap(theta0, NULL, 6 * m);
    }
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(batch);
    ovp_free(ctx, theta);
    ovp_free(ctx, theta0);
    ovp_net_model_free(model);
    return (first_step){ovp_measure_median_in_place(DRAWS, function), ovp_measure_median_in_place(DRAWS, hidden)};
}

/* Exponents over widths 64..4096 of the first step: of the function 0 in ntk, mean-field and mup, 1 in the standard
 * parametrisation (its NTK grows as m, lr given); of the first layer's relative change -1/2 (standard, ntk) and 0. */
static void first_steps_scale_with_width_as_predicted(void **state) {
    ovp_ctx *ctx = *state;
    enum { WIDTHS = 7 };
    const double function[] = {1, 0, 0, 0}, hidden[] = {-.5, -.5, 0, 0};
    double *x = normals(ctx, 3, ROWS * 6, 1);
    for (int p = STANDARD; p <= MUP; p++) {
        double m[WIDTHS], df[WIDTHS], dw[WIDTHS];
        ovp_measure_power_law fit;
        for (int k = 0; k < WIDTHS; k++) {
            m[k] = (double)(64 << k);
            const first_step s = first_step_at(ctx, names[p], 64 << k, x);
            df[k] = s.function;
            dw[k] = s.hidden;
        }
        assert_ok(ctx, ovp_measure_fit_power_law(&fit, ctx, WIDTHS, m, df));
        if (!(fabs(fit.exponent - function[p]) < .08))
            fail_msg("%s: change of the function ~ m^%.3f, predicted %g", names[p], fit.exponent, function[p]);
        assert_ok(ctx, ovp_measure_fit_power_law(&fit, ctx, WIDTHS, m, dw));
        if (!(fabs(fit.exponent - hidden[p]) < .08))
            fail_msg("%s: change of the first layer ~ m^%.3f, predicted %g", names[p], fit.exponent, hidden[p]);
    }
    ovp_free(ctx, x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(gradients_are_those_of_the_raw_parameters),
        CTX_TEST(outputs_are_those_of_scaled_weights),
        CTX_TEST(mup_with_one_hidden_layer_is_mean_field),
        CTX_TEST(variances_at_initialisation_are_those_of_theory),
        CTX_TEST(draws_come_in_order),
        CTX_TEST(wrong_options_are_refused),
        CTX_TEST(first_steps_scale_with_width_as_predicted),
    };
    return cmocka_run_group_tests_name("net parametrisations", tests, NULL, NULL);
}
