/* The empirical NTK: three methods against each other, finite differences and the infinitely wide limit. */
#include "check.h"
#include "values.h"

#include <overparam/kernel.h>
#include <overparam/measure.h>

#include <net/net_int.h>

#include <math.h>
#include <string.h>

typedef struct setting {
    const char *parametrization, *engine, *activation;
    ovp_numeric_type type;
    ovp_idx layers;
    const ovp_idx *widths;
    int no_bias;
    double sigma_w, sigma_b;
} setting;

typedef struct net {
    ovp_net_model *model;
    ovp_idx inputs, c, parameters;
    void *theta;
} net;

static net make(ovp_ctx *ctx, const setting *s, int64_t seed) {
    net n = {.inputs = s->widths[0], .c = s->widths[s->layers]};
    const ovp_net_dense_options o = {.size = sizeof o,
                                     .layers = s->layers,
                                     .widths = s->widths,
                                     .activation = s->activation,
                                     .no_bias = s->no_bias,
                                     .type = s->type,
                                     .engine = s->engine,
                                     .parametrization = s->parametrization,
                                     .sigma_w = s->sigma_w,
                                     .sigma_b = s->sigma_b};
    const ovp_net_init_options init = {sizeof init, s->parametrization ? NULL : "torch-default", 0};
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_net_dense_create(&n.model, ctx, &o));
    n.parameters = ovp_net_model_parameters(n.model);
    assert_ok(ctx, ovp_alloc(ctx, &n.theta, n.parameters, sizeof(double)));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_INIT, 0));
    assert_ok(ctx, ovp_net_init(n.model, ctx, &init, rng, n.theta));
    ovp_numeric_rng_free(rng);
    return n;
}

static void drop(ovp_ctx *ctx, net *n) {
    ovp_net_model_free(n->model);
    ovp_free(ctx, n->theta);
}

static void *normals(ovp_ctx *ctx, ovp_numeric_type type, int64_t seed, ovp_idx n) {
    void *out;
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_alloc(ctx, &out, n, sizeof(double)));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_DATA, 0));
    ovp_numeric_rng_normal(rng, type, n, 0, 1, out);
    ovp_numeric_rng_free(rng);
    return out;
}

static double *zeros(ovp_ctx *ctx, ovp_idx n) {
    double *out;
    assert_ok(ctx, ovp_alloc(ctx, &out, n, sizeof *out));
    return out;
}

/* others 0: X' = X */
static double *ntk(ovp_ctx *ctx, const net *n, const char *method, ovp_idx rows, const void *x, ovp_idx others,
                   const void *x_other, int64_t memory, int mean) {
    const ovp_kernel_ntk_options o = {sizeof o, method, memory, mean};
    const ovp_idx groups = mean ? 1 : n->c;
    double *out = zeros(ctx, rows * groups * (others ? others : rows) * groups);
    assert_ok(ctx, ovp_kernel_ntk(out, ctx, n->model, n->theta, rows, x, others, others ? x_other : NULL, &o));
    return out;
}

static const ovp_idx deep[] = {6, 35, 20, 21, 3}, shallow[] = {6, 37, 3}, broad[] = {5, 18, 20}, linear[] = {4, 2};
static const char *const methods[] = {"factors", "jacobian", "products"};
static const setting settings[] = {
    {NULL, "reference", "gelu", OVP_F64, 4, deep, 0, 0, 0},
    {NULL, "gemm", "gelu", OVP_F64, 4, deep, 0, 0, 0},
    {"ntk", "reference", "tanh", OVP_F64, 4, deep, 0, 1.4, .3},
    {"ntk", "gemm", "tanh", OVP_F64, 4, deep, 0, 1.4, .3},
    {"ntk", "gemm", "relu", OVP_F64, 2, broad, 1, 1.4, 0},
    {"mean-field", "gemm", "relu", OVP_F64, 2, shallow, 0, 0, 0},
    {"mup", "gemm", "tanh", OVP_F64, 4, deep, 0, 0, .5},
    {"mup", "reference", "tanh", OVP_F64, 2, broad, 0, 0, .5},
    {NULL, "gemm", "relu", OVP_F64, 1, linear, 0, 0, 0},
    {NULL, "gemm", "tanh", OVP_F32, 4, deep, 0, 0, 0},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* All rows at once, and a few at a time; X against itself and against others; all outputs and their mean. */
static void methods_agree(void **state) {
    ovp_ctx *ctx = *state;
    enum { ROWS = 13, OTHERS = 8 };
    for (int k = 0; k < SETTINGS; k++) {
        const setting *s = &settings[k];
        net n = make(ctx, s, 3);
        void *x = normals(ctx, s->type, 1, ROWS * n.inputs), *z = normals(ctx, s->type, 2, OTHERS * n.inputs);
        const double tolerance = s->type == OVP_F64 ? 1e-12 : 1e-5;
        for (int others = 0; others <= OTHERS; others += OTHERS) {
            const ovp_idx cols = others ? others : ROWS;
            double *want = ntk(ctx, &n, "factors", ROWS, x, others, z, 0, 0), *mean = zeros(ctx, ROWS * cols);
            for (ovp_idx i = 0; i < ROWS; i++)
                for (ovp_idx j = 0; j < cols; j++)
                    for (ovp_idx a = 0; a < n.c; a++)
                        mean[i * cols + j] += want[(i * n.c + a) * cols * n.c + j * n.c + a] / (double)n.c;
            for (int m = 0; m < 3; m++)
                for (int small = 0; small < 2; small++) {
                    ovp_kernel_ntk_plan plan;
                    ovp_kernel_ntk_options o = {sizeof o, methods[m], 0, 0};
                    int64_t memory = 0;
                    if (small) { /* five rows of a method's own */
                        assert_ok(ctx, ovp_kernel_ntk_choose(&plan, ctx, n.model, 1000, 0, &o));
                        const int64_t many = plan.bytes, block = plan.block;
                        assert_ok(ctx, ovp_kernel_ntk_choose(&plan, ctx, n.model, 1, 0, &o));
                        memory = plan.bytes + 4 * (many - plan.bytes) / (block - 1) + 1;
                    }
                    o.memory = memory;
                    assert_ok(ctx, ovp_kernel_ntk_choose(&plan, ctx, n.model, ROWS, others, &o));
                    assert_string_equal(plan.method, methods[m]);
                    assert_int_equal(plan.block, small ? 5 : ROWS);
                    for (int mean_only = 0; mean_only < 2; mean_only++) {
                        double *got = ntk(ctx, &n, methods[m], ROWS, x, others, z, memory, mean_only);
                        const double d = mean_only ? gap(OVP_F64, mean, got, ROWS * cols)
                                                   : gap(OVP_F64, want, got, ROWS * n.c * cols * n.c);
                        if (!(d <= tolerance))
                            fail_msg("setting %d, %s, %d others, small %d, mean %d: gap %g", k, methods[m], others,
                                     small, mean_only, d);
                        const ovp_idx side = ROWS * (mean_only ? 1 : n.c);
                        for (ovp_idx i = 0; !others && i < side; i++)
                            for (ovp_idx j = 0; j < i; j++) assert_true(got[i * side + j] == got[j * side + i]);
                        ovp_free(ctx, got);
                    }
                }
            ovp_free(ctx, want);
            ovp_free(ctx, mean);
        }
        ovp_free(ctx, x);
        ovp_free(ctx, z);
        drop(ctx, &n);
    }
}

/* J by central differences of the outputs, error about 1e-10. */
static void kernel_is_that_of_the_derivatives(void **state) {
    ovp_ctx *ctx = *state;
    enum { ROWS = 4 };
    for (int k = 0; k < SETTINGS; k++) {
        const setting *s = &settings[k];
        if (s->type != OVP_F64) continue;
        net n = make(ctx, s, 5);
        double *x = normals(ctx, OVP_F64, 1, ROWS * n.inputs), *theta = n.theta;
        const ovp_idx side = ROWS * n.c;
        double *up = zeros(ctx, side), *down = zeros(ctx, side), *want = zeros(ctx, side * side);
        ovp_net_batch *batch;
        ovp_net_workspace *ws;
        assert_ok(ctx, ovp_net_bind(&batch, ctx, n.model, x, ROWS));
        assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, n.model, ROWS));
        for (ovp_idx p = 0; p < n.parameters; p++) {
            const double h = 1e-5, at = theta[p];
            theta[p] = at + h;
            assert_ok(ctx, ovp_net_forward(ws, batch, theta, up));
            theta[p] = at - h;
            assert_ok(ctx, ovp_net_forward(ws, batch, theta, down));
            theta[p] = at;
            for (ovp_idx i = 0; i < side; i++) up[i] = (up[i] - down[i]) / (2 * h);
            for (ovp_idx i = 0; i < side * side; i++) want[i] += up[i / side] * up[i % side];
        }
        for (int m = 0; m < 3; m++) {
            double *got = ntk(ctx, &n, methods[m], ROWS, x, 0, NULL, 0, 0);
            if (!(gap(OVP_F64, want, got, side * side) < 1e-7))
                fail_msg("setting %d, %s: gap %g", k, methods[m], gap(OVP_F64, want, got, side * side));
            ovp_free(ctx, got);
        }
        ovp_net_workspace_free(ws);
        ovp_net_batch_free(batch);
        ovp_free(ctx, want);
        ovp_free(ctx, up);
        ovp_free(ctx, down);
        ovp_free(ctx, x);
        drop(ctx, &n);
    }
}

/* A copy of X counts as X; and any number of threads gives the same bits. */
static void copies_and_threads_change_no_bit(void **state) {
    (void)state;
    enum { ROWS = 25 };
    const ovp_idx wide[] = {30, 600, 7};
    const setting s = {"ntk", "gemm", "relu", OVP_F32, 2, wide, 0, 0, 0};
    for (int m = 0; m < 3; m++) {
        double *first = NULL;
        ovp_ctx *keep = NULL;
        for (int threads = 1; threads <= 3; threads++) {
            ovp_ctx *ctx;
            const ovp_ctx_options o = {.size = sizeof o, .threads = threads};
            assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
            net n = make(ctx, &s, 7);
            void *x = normals(ctx, OVP_F32, 1, ROWS * 30), *copy = normals(ctx, OVP_F32, 1, ROWS * 30);
            const ovp_idx count = ROWS * 7 * ROWS * 7;
            const int64_t memory = m == 1 ? 12000000 : 300000; /* a few blocks of rows */
            double *a = ntk(ctx, &n, methods[m], ROWS, x, 0, NULL, memory, 0);
            double *b = ntk(ctx, &n, methods[m], ROWS, x, ROWS, copy, memory, 0);
            assert_memory_equal(a, b, (size_t)count * sizeof *a);
            if (first) assert_memory_equal(first, a, (size_t)count * sizeof *a);
            ovp_free(ctx, b);
            ovp_free(ctx, x);
            ovp_free(ctx, copy);
            drop(ctx, &n);
            if (first) {
                ovp_free(ctx, a);
                ovp_ctx_free(ctx);
            } else {
                first = a;
                keep = ctx;
            }
        }
        ovp_free(keep, first);
        ovp_ctx_free(keep);
    }
}

/* f(x; theta) = (sin(theta_0 x), theta_0 theta_1) */
static ovp_status two_outputs(void *user, const double *x, const double *theta, double *f, double *jacobian,
                              double *hessian) {
    (void)user;
    (void)hessian;
    f[0] = sin(theta[0] * x[0]);
    f[1] = theta[0] * theta[1];
    if (!jacobian) return OVP_OK;
    jacobian[0] = x[0] * cos(theta[0] * x[0]);
    jacobian[1] = 0;
    jacobian[2] = theta[1];
    jacobian[3] = theta[0];
    return OVP_OK;
}

/* Every method that a model made of models claims: alpha f has alpha^2 Theta, the linearisation has Theta(theta_0)
 * wherever theta is, a function of the weights its own derivatives. */
static void composed_models_have_their_kernels(void **state) {
    ovp_ctx *ctx = *state;
    enum { ROWS = 5 };
    static const unsigned needs[] = {OVP_CAN_FACTORS, OVP_CAN_JACOBIAN, OVP_CAN_VJP | OVP_CAN_JVP};
    const double alpha = 3;
    net n = make(ctx, &settings[3], 3), other = make(ctx, &settings[3], 4);
    double *x = normals(ctx, OVP_F64, 1, ROWS * n.inputs);
    const ovp_idx side = ROWS * n.c;
    double *at_start = ntk(ctx, &n, "factors", ROWS, x, 0, NULL, 0, 0);
    double *scaled = ntk(ctx, &other, "factors", ROWS, x, 0, NULL, 0, 0);
    for (ovp_idx i = 0; i < side * side; i++) scaled[i] *= alpha * alpha;
    net copy = other, line = other;
    assert_ok(ctx, ovp_net_scaled_create(&copy.model, ctx, other.model, alpha, n.theta));
    assert_ok(ctx, ovp_net_linearised_create(&line.model, ctx, other.model, n.theta));
    const ovp_net_function f = {.inputs = 1, .outputs = 2, .parameters = 2, .evaluate = two_outputs, .type = OVP_F64};
    double theta[] = {.7, -.4}, own[16];
    net function = {.inputs = 1, .c = 2, .parameters = 2, .theta = theta};
    assert_ok(ctx, ovp_net_function_create(&function.model, ctx, &f));
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            const double a = x[i] * cos(theta[0] * x[i]), b = x[j] * cos(theta[0] * x[j]);
            own[2 * i * 4 + 2 * j] = a * b;
            own[2 * i * 4 + 2 * j + 1] = a * theta[1];
            own[(2 * i + 1) * 4 + 2 * j] = theta[1] * b;
            own[(2 * i + 1) * 4 + 2 * j + 1] = theta[1] * theta[1] + theta[0] * theta[0];
        }
    const net *const nets[] = {&copy, &line, &function};
    const double *const want[] = {scaled, at_start, own};
    int compared = 0;
    for (int k = 0; k < 3; k++)
        for (int m = -1; m < 3; m++) {
            if (m >= 0 && (ovp_net_model_capabilities(nets[k]->model) & needs[m]) != needs[m]) continue;
            const ovp_idx rows = k == 2 ? 2 : ROWS, count = k == 2 ? 16 : side * side;
            double *got = ntk(ctx, nets[k], m < 0 ? "auto" : methods[m], rows, x, 0, NULL, 0, 0);
            if (!(gap(OVP_F64, want[k], got, count) < 1e-12))
                fail_msg("model %d, %s: gap %g", k, m < 0 ? "auto" : methods[m], gap(OVP_F64, want[k], got, count));
            ovp_free(ctx, got);
            compared++;
        }
    assert_true(compared >= 3 + 6);
    ovp_net_model_free(function.model);
    ovp_net_model_free(line.model);
    ovp_net_model_free(copy.model);
    ovp_free(ctx, at_start);
    ovp_free(ctx, scaled);
    ovp_free(ctx, x);
    drop(ctx, &other);
    drop(ctx, &n);
}

/* ---- the limit of infinite width ------------------------------------------------------------------------ */

/* One hidden ReLU layer: sigma_w^2 (E[phi phi] + K E[phi' phi']) + sigma_b^2 with Cho and Saul's expectations for the
 * covariances q1, q2, k of z (K_0; its own NTK is the same, weights and bias of the first layer being trained). */
static double relu_limit(double q1, double q2, double k, double sigma_w, double sigma_b) {
    const double root = sqrt(fmax(q1 * q2 - k * k, 0)), angle = atan2(root, k), pi = acos(-1);
    const double value = (root + (pi - angle) * k) / (2 * pi), slope = (pi - angle) / (2 * pi);
    return sigma_w * sigma_w * (value + k * slope) + sigma_b * sigma_b;
}

/* kappa_1(u) + u kappa_0(u) at four points: computed from the closed forms of Cho and Saul 2009 for sigma_w^2 = 2. */
static void the_limit_is_the_arc_cosine_kernel(void **state) {
    (void)state;
    const double u[] = {0, .5, .9, 1}, want[] = {.3183098862, .9423311144, 1.6803287350, 2};
    for (int i = 0; i < 4; i++) assert_true(fabs(relu_limit(1, 1, u[i], sqrt(2), 0) - want[i]) < 1e-9);
}

/* At every width the expectation over initialisations is the limit; a draw deviates by about m^(-1/2). */
static void wide_nets_tend_to_the_limit(void **state) {
    ovp_ctx *ctx = *state;
    enum { ROWS = 4, D = 5, C = 2, SIDE = ROWS * C, WIDTHS = 7, DRAWS = 24 };
    const double sigma_w = 1.3, sigma_b = .4;
    double *x = normals(ctx, OVP_F64, 4, ROWS * D), k0[ROWS][ROWS], widths[WIDTHS], deviation[WIDTHS], size = 0;
    double limit[SIDE * SIDE] = {0};
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            k0[i][j] = sigma_b * sigma_b;
            for (int l = 0; l < D; l++) k0[i][j] += sigma_w * sigma_w * x[i * D + l] * x[j * D + l] / D;
        }
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++)
            for (int a = 0; a < C; a++) {
                const double value = relu_limit(k0[i][i], k0[j][j], k0[i][j], sigma_w, sigma_b);
                limit[(i * C + a) * SIDE + j * C + a] = value;
                size += value * value;
            }
    for (int w = 0; w < WIDTHS; w++) {
        const ovp_idx shape[] = {D, 64 << w, C};
        const setting s = {"ntk", "gemm", "relu", OVP_F64, 2, shape, 0, sigma_w, sigma_b};
        double sum[SIDE * SIDE] = {0}, squares[SIDE * SIDE] = {0}, total = 0;
        for (int draw = 0; draw < DRAWS; draw++) {
            net n = make(ctx, &s, 100 + draw);
            double *got = ntk(ctx, &n, "auto", ROWS, x, 0, NULL, 0, 0);
            for (int i = 0; i < SIDE * SIDE; i++) {
                const double d = got[i] - limit[i];
                sum[i] += d;
                squares[i] += d * d;
                total += d * d;
            }
            ovp_free(ctx, got);
            drop(ctx, &n);
        }
        widths[w] = (double)shape[1];
        deviation[w] = sqrt(total / DRAWS / size);
        for (int i = 0; i < SIDE * SIDE; i++) {
            const double mean = sum[i] / DRAWS, error = sqrt((squares[i] / DRAWS - mean * mean) / (DRAWS - 1));
            if (!(fabs(mean) < 5 * error && error > 0))
                fail_msg("width %g, entry %d: mean deviation %g, standard error %g", widths[w], i, mean, error);
        }
    }
    ovp_measure_power_law fit;
    assert_ok(ctx, ovp_measure_fit_power_law(&fit, ctx, WIDTHS, widths, deviation));
    if (!(fabs(fit.exponent + .5) < .06 && deviation[WIDTHS - 1] < .05))
        fail_msg("deviation ~ m^%.3f, %g at the widest", fit.exponent, deviation[WIDTHS - 1]);
    ovp_free(ctx, x);
}

/* ---- choice and refusals --------------------------------------------------------------------------------- */

static void the_cheapest_possible_method_is_chosen(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_idx wide[] = {784, 1000, 10};
    const setting s = {NULL, "gemm", "relu", OVP_F64, 2, wide, 0, 0, 0};
    net n = make(ctx, &s, 1);
    ovp_kernel_ntk_plan plan, jacobian, products;
    ovp_kernel_ntk_options o = {.size = sizeof o};
    assert_ok(ctx, ovp_kernel_ntk_choose(&plan, ctx, n.model, 64, 0, NULL));
    assert_string_equal(plan.method, "factors");
    assert_int_equal(plan.block, 64);
    assert_true(plan.bytes <= (int64_t)1 << 30 && plan.flops > 64 * 65 * 100 * 1000.);
    /* the same net without the factors, then without the Jacobian, then without anything */
    ovp_net_engine engine = *n.model->engine;
    const ovp_net_engine *whole = n.model->engine;
    n.model->engine = &engine;
    engine.factors = NULL;
    o.method = "jacobian";
    assert_ok(ctx, ovp_kernel_ntk_choose(&jacobian, ctx, n.model, 64, 0, &o));
    o.method = "products";
    assert_ok(ctx, ovp_kernel_ntk_choose(&products, ctx, n.model, 64, 0, &o));
    assert_ok(ctx, ovp_kernel_ntk_choose(&plan, ctx, n.model, 64, 0, NULL));
    assert_string_equal(plan.method, jacobian.flops < products.flops ? "jacobian" : "products");
    assert_true(jacobian.block < 64 && jacobian.bytes > 10 * products.bytes);
    o.method = NULL;
    o.memory = products.bytes + 1; /* no room for a row of the Jacobian's block, one for the products */
    o.mean = 1;
    assert_ok(ctx, ovp_kernel_ntk_choose(&plan, ctx, n.model, 64, 0, &o));
    assert_string_equal(plan.method, "products");
    o = (ovp_kernel_ntk_options){.size = sizeof o, .method = "factors"};
    assert_fails(ctx, OVP_EUNSUPPORTED, "factors needs the factors of a dense net",
                 ovp_kernel_ntk_choose(&plan, ctx, n.model, 64, 0, &o));
    engine.jacobian = NULL;
    engine.tangent = NULL;
    assert_fails(ctx, OVP_EUNSUPPORTED, "neither factors", ovp_kernel_ntk_choose(&plan, ctx, n.model, 64, 0, NULL));
    n.model->engine = whole;
    drop(ctx, &n);
}

static void wrong_calls_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    net n = make(ctx, &settings[0], 1);
    double *x = normals(ctx, OVP_F64, 1, 3 * n.inputs), out[81];
    ovp_kernel_ntk_options o = {sizeof o, "jacobain", 0, 0};
    assert_fails(ctx, OVP_EINVAL, "'jacobain'; methods are auto",
                 ovp_kernel_ntk(out, ctx, n.model, n.theta, 3, x, 0, NULL, &o));
    o = (ovp_kernel_ntk_options){sizeof o, "jacobian", 100, 0};
    assert_fails(ctx, OVP_EINVAL, "100 bytes of memory are too few for one row; jacobian needs at least",
                 ovp_kernel_ntk(out, ctx, n.model, n.theta, 3, x, 0, NULL, &o));
    /* without a limit one row is always possible: 8e9 parameters */
    const ovp_idx huge[] = {784, 10000000, 10};
    const ovp_net_dense_options beyond = {.size = sizeof beyond, .layers = 2, .widths = huge, .type = OVP_F64};
    ovp_net_model *model;
    ovp_kernel_ntk_plan plan;
    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &beyond));
    assert_ok(ctx, ovp_kernel_ntk_choose(&plan, ctx, model, 64, 0, NULL));
    assert_true(strcmp(plan.method, "factors") == 0 && plan.block == 1 && plan.bytes > (int64_t)1 << 30);
    ovp_net_model_free(model);
    o.memory = -5;
    assert_fails(ctx, OVP_EINVAL, "memory -5", ovp_kernel_ntk(out, ctx, n.model, n.theta, 3, x, 0, NULL, &o));
    assert_fails(ctx, OVP_EINVAL, "0 rows", ovp_kernel_ntk(out, ctx, n.model, n.theta, 0, x, 0, NULL, NULL));
    assert_fails(ctx, OVP_EINVAL, "against 0", ovp_kernel_ntk(out, ctx, n.model, n.theta, 3, x, 0, x, NULL));
    x[4] = NAN;
    assert_fails(ctx, OVP_EINVAL, "", ovp_kernel_ntk(out, ctx, n.model, n.theta, 3, x, 0, NULL, NULL));
    x[4] = 0;
    ovp_cancel(ctx);
    assert_fails(ctx, OVP_EINTERRUPTED, "", ovp_kernel_ntk(out, ctx, n.model, n.theta, 3, x, 0, NULL, NULL));
    ovp_free(ctx, x);
    drop(ctx, &n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(methods_agree),
        CTX_TEST(kernel_is_that_of_the_derivatives),
        CTX_TEST(copies_and_threads_change_no_bit),
        CTX_TEST(composed_models_have_their_kernels),
        CTX_TEST(the_limit_is_the_arc_cosine_kernel),
        CTX_TEST(wide_nets_tend_to_the_limit),
        CTX_TEST(the_cheapest_possible_method_is_chosen),
        CTX_TEST(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests_name("empirical NTK", tests, NULL, NULL);
}
