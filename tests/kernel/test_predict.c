/* kernel: predictors against trainings of a linear model, whose kernel is constant, step by step. */
#include "kernels.h"

/* Features of n training points and m others, P > n numbers each; c outputs; initial parameters and targets. */
enum { N = 12, M = 5, P = 17, C = 2 };

typedef struct linear {
    double *x, *z, *w, *y, *y_test; /* N x P, M x P, P x C, N x C, M x C */
    double theta[N * N], theta_test[M * N], f0[N * C], f0_test[M * C];
} linear;

static linear make(ovp_ctx *ctx) {
    linear l = {.x = normal_points(ctx, OVP_F64, 1, N * P),
                .z = normal_points(ctx, OVP_F64, 2, M * P),
                .w = normal_points(ctx, OVP_F64, 3, P * C),
                .y = normal_points(ctx, OVP_F64, 4, N * C),
                .y_test = normal_points(ctx, OVP_F64, 5, M * C)};
    ovp_numeric_gemm(OVP_F64, 0, 1, N, N, P, 1, l.x, P, l.x, P, 0, l.theta, N);
    ovp_numeric_gemm(OVP_F64, 0, 1, M, N, P, 1, l.z, P, l.x, P, 0, l.theta_test, N);
    ovp_numeric_gemm(OVP_F64, 0, 0, N, C, P, 1, l.x, P, l.w, C, 0, l.f0, C);
    ovp_numeric_gemm(OVP_F64, 0, 0, M, C, P, 1, l.z, P, l.w, C, 0, l.f0_test, C);
    return l;
}

static void drop(ovp_ctx *ctx, linear *l) {
    double *const owned[] = {l->x, l->z, l->w, l->y, l->y_test};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) ovp_free(ctx, owned[i]);
}

static ovp_kernel_predictor *predictor(ovp_ctx *ctx, const linear *l, const char *loss) {
    const ovp_kernel_predict_options o = {
        .size = sizeof o, .n = N, .tests = M, .theta = l->theta, .theta_test = l->theta_test, .c = C, .loss = loss};
    ovp_kernel_predictor *p;
    assert_ok(ctx, ovp_kernel_predict_create(&p, ctx, &o));
    return p;
}

static const char *const losses[] = {"half-mean", "mean", "sample-mean", "half-sum"};

/* The loss and its gradient by f, from the definition. */
static double loss_of(int loss, ovp_idx rows, const double *f, const double *y, double *gradient) {
    const double all = (double)(rows * C), by = loss == 0   ? .5 / all
                                                : loss == 1 ? 1 / all
                                                : loss == 2 ? .5 / (double)rows
                                                            : .5;
    double sum = 0;
    for (ovp_idx i = 0; i < rows * C; i++) {
        sum += (f[i] - y[i]) * (f[i] - y[i]);
        if (gradient) gradient[i] = 2 * by * (f[i] - y[i]);
    }
    return by * sum;
}

/* Heavy ball v <- momentum v - eta gradient, w <- w + v on the parameters; f at both sets of points after the steps. */
static void train(const linear *l, int loss, int steps, double eta, double momentum, double *f, double *f_test) {
    double w[P * C], v[P * C] = {0}, g[N * C], by_w[P * C];
    memcpy(w, l->w, sizeof w);
    for (int step = 0; step <= steps; step++) {
        ovp_numeric_gemm(OVP_F64, 0, 0, N, C, P, 1, l->x, P, w, C, 0, f, C);
        if (step == steps) break;
        loss_of(loss, N, f, l->y, g);
        ovp_numeric_gemm(OVP_F64, 1, 0, P, C, N, 1, l->x, P, g, C, 0, by_w, C);
        for (int i = 0; i < P * C; i++) w[i] += v[i] = momentum * v[i] - eta * by_w[i];
    }
    ovp_numeric_gemm(OVP_F64, 0, 0, M, C, P, 1, l->z, P, w, C, 0, f_test, C);
}

static void gradient_descent_of_a_linear_model(void **state) {
    ovp_ctx *ctx = *state;
    linear l = make(ctx);
    static const int steps[] = {0, 1, 7, 200};
    for (int loss = 0; loss < 4; loss++) {
        ovp_kernel_predictor *p = predictor(ctx, &l, losses[loss]);
        const double most = ovp_kernel_predict_largest_rate(p, 0);
        for (int k = 0; k < 4; k++)
            for (int fast = 0; fast < 3; fast++) { /* the fastest flips signs of the top direction */
                const double eta = most * (fast == 0 ? .01 : fast == 1 ? .5 : .99);
                const ovp_kernel_time t = {steps[k], eta};
                double f[N * C], f_test[M * C], want[N * C], want_test[M * C], train_loss, test_loss;
                train(&l, loss, steps[k], eta, 0, want, want_test);
                assert_ok(ctx, ovp_kernel_predict_mean(f, f_test, ctx, p, t, l.y, l.f0, l.f0_test));
                assert_true(gap(OVP_F64, want, f, N * C) < 1e-11);
                assert_true(gap(OVP_F64, want_test, f_test, M * C) < 1e-11);
                assert_ok(ctx, ovp_kernel_predict_losses(&train_loss, &test_loss, ctx, p, 1, &t, l.y, l.f0, l.y_test,
                                                         l.f0_test));
                assert_true(fabs(train_loss - loss_of(loss, N, want, l.y, NULL)) < 1e-11 * (1 + train_loss));
                assert_true(fabs(test_loss - loss_of(loss, M, want_test, l.y_test, NULL)) < 1e-11 * test_loss);
            }
        ovp_kernel_predict_free(p);
    }
    drop(ctx, &l);
}

/* df/dt = -rate Theta(., X) (f(X) - y), by classical Runge-Kutta steps (error about 1e-12 here). */
static void gradient_flow_of_an_equation(void **state) {
    ovp_ctx *ctx = *state;
    linear l = make(ctx);
    ovp_kernel_predictor *p = predictor(ctx, &l, NULL);
    const double rate = 1. / (N * C), h = .002;
    assert_true(fabs(ovp_kernel_predict_get_report(p)->rate - rate) < 1e-17);
    double f[(N + M) * C], theta[(N + M) * N];
    memcpy(theta, l.theta, sizeof l.theta);
    memcpy(theta + N * N, l.theta_test, sizeof l.theta_test);
    memcpy(f, l.f0, sizeof l.f0);
    memcpy(f + N * C, l.f0_test, sizeof l.f0_test);
    for (int step = 0; step < 1500; step++) {
        double slope[4][(N + M) * C], at[(N + M) * C], residual[N * C];
        for (int stage = 0; stage < 4; stage++) {
            const double ahead = stage == 0 ? 0 : stage == 3 ? h : h / 2;
            for (int i = 0; i < (N + M) * C; i++) at[i] = f[i] + (stage ? ahead * slope[stage - 1][i] : 0);
            for (int i = 0; i < N * C; i++) residual[i] = at[i] - l.y[i];
            ovp_numeric_gemm(OVP_F64, 0, 0, N + M, C, N, -rate, theta, N, residual, C, 0, slope[stage], C);
        }
        for (int i = 0; i < (N + M) * C; i++)
            f[i] += h / 6 * (slope[0][i] + 2 * slope[1][i] + 2 * slope[2][i] + slope[3][i]);
    }
    double train_f[N * C], test_f[M * C];
    assert_ok(ctx, ovp_kernel_predict_mean(train_f, test_f, ctx, p, (ovp_kernel_time){3, 0}, l.y, l.f0, l.f0_test));
    assert_true(gap(OVP_F64, f, train_f, N * C) < 1e-10);
    assert_true(gap(OVP_F64, f + N * C, test_f, M * C) < 1e-10);
    ovp_kernel_predict_free(p);
    drop(ctx, &l);
}

/* t = infinity: the training points are met, the others are those of the direct solver; with a ridge of tr Theta / n
 * times .1 too. */
static void the_limit_is_regression(void **state) {
    ovp_ctx *ctx = *state;
    linear l = make(ctx);
    for (int ridge = 0; ridge < 2; ridge++) {
        const ovp_kernel_predict_options o = {.size = sizeof o,
                                              .n = N,
                                              .tests = M,
                                              .theta = l.theta,
                                              .theta_test = l.theta_test,
                                              .c = C,
                                              .ridge = ridge * .1,
                                              .ridge_scale = "relative"};
        const ovp_kernel_solver_options same = {sizeof same, ridge * .1, "relative"};
        ovp_kernel_predictor *p;
        ovp_kernel_solver *s;
        double weights[N * C], want[M * C], f[N * C], f_test[M * C];
        assert_ok(ctx, ovp_kernel_predict_create(&p, ctx, &o));
        assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, N, l.theta, &same));
        assert_true(fabs(ovp_kernel_predict_get_report(p)->lambda - ovp_kernel_solver_get_report(s)->lambda) < 1e-15);
        assert_ok(ctx, ovp_kernel_solve(s, ctx, C, l.y, weights));
        ovp_numeric_gemm(OVP_F64, 0, 0, M, C, N, 1, l.theta_test, N, weights, C, 0, want, C);
        const double eta = .5 * ovp_kernel_predict_largest_rate(p, 0);
        const ovp_kernel_time ends[] = {{(double)INFINITY, 0}, {(double)INFINITY, eta}, {1e9, eta}, {1e12, 0}};
        for (int k = 0; k < 4; k++) {
            assert_ok(ctx, ovp_kernel_predict_mean(f, f_test, ctx, p, ends[k], l.y, NULL, NULL));
            assert_true(gap(OVP_F64, want, f_test, M * C) < 1e-11);
            assert_true(gap(OVP_F64, l.y, f, N * C) < 1e-12);
        }
        ovp_kernel_predict_free(p);
        ovp_kernel_solver_free(s);
    }
    drop(ctx, &l);
}

/* f_t(x) = f_0(x) - A f_0(X) + A y is linear in f_0 ~ N(0, K): its covariance in double loops, A read off the means of
 * unit targets. With K = Theta: K_xx - K_xX K^-1 (I - exp(-2 rate t K)) K_Xx (Lee et al. 2019, eq. 16 with nngp), and
 * at t = infinity the posterior of a Gaussian process. */
static void covariances_of_an_ensemble(void **state) {
    ovp_ctx *ctx = *state;
    linear l = make(ctx);
    double *g = normal_points(ctx, OVP_F64, 8, (N + M) * P), all[(N + M) * (N + M)];
    for (int own = 0; own < 2; own++) {
        if (own) { /* K = Theta */
            memcpy(g, l.x, sizeof(double) * N * P);
            memcpy(g + N * P, l.z, sizeof(double) * M * P);
        }
        ovp_numeric_gemm(OVP_F64, 0, 1, N + M, N + M, P, 1, g, P, g, P, 0, all, N + M);
        double k[N * N], k_test[M * N], k_test_test[M * M], a[M * N], cov[M * M];
        for (int i = 0; i < N + M; i++)
            for (int j = 0; j < N + M; j++) {
                const double v = all[i * (N + M) + j];
                if (i < N && j < N) k[i * N + j] = v;
                if (i >= N && j < N) k_test[(i - N) * N + j] = v;
                if (i >= N && j >= N) k_test_test[(i - N) * M + j - N] = v;
            }
        const ovp_kernel_predict_options o = {.size = sizeof o,
                                              .n = N,
                                              .tests = M,
                                              .theta = l.theta,
                                              .theta_test = l.theta_test,
                                              .k = k,
                                              .k_test = k_test,
                                              .k_test_test = k_test_test};
        ovp_kernel_predictor *p;
        assert_ok(ctx, ovp_kernel_predict_create(&p, ctx, &o));
        const ovp_kernel_time times[] = {{0, 0}, {.7, 0}, {9, .2}, {(double)INFINITY, 0}};
        for (int t = 0; t < 4; t++) {
            for (int i = 0; i < N; i++) {
                double unit[N] = {0}, column[M];
                unit[i] = 1;
                assert_ok(ctx, ovp_kernel_predict_mean(NULL, column, ctx, p, times[t], unit, NULL, NULL));
                for (int j = 0; j < M; j++) a[j * N + i] = column[j];
            }
            assert_ok(ctx, ovp_kernel_predict_covariance(cov, ctx, p, times[t]));
            for (int i = 0; i < M; i++)
                for (int j = 0; j < M; j++) {
                    double want = k_test_test[i * M + j], posterior = want;
                    for (int u = 0; u < N; u++) {
                        want -= a[i * N + u] * k_test[j * N + u] + a[j * N + u] * k_test[i * N + u];
                        for (int v = 0; v < N; v++) want += a[i * N + u] * k[u * N + v] * a[j * N + v];
                        posterior -= a[i * N + u] * k_test[j * N + u];
                    }
                    assert_true(fabs(cov[i * M + j] - want) < 1e-11 * P);
                    assert_true(cov[i * M + j] == cov[j * M + i]);
                    if (own && t == 3) assert_true(fabs(cov[i * M + j] - posterior) < 1e-11 * P);
                }
        }
        if (own) { /* twice the time in the mean's own map */
            double twice[M * N];
            for (int i = 0; i < N; i++) {
                double unit[N] = {0}, column[M];
                unit[i] = 1;
                assert_ok(ctx,
                          ovp_kernel_predict_mean(NULL, column, ctx, p, (ovp_kernel_time){1.4, 0}, unit, NULL, NULL));
                for (int j = 0; j < M; j++) twice[j * N + i] = column[j];
            }
            assert_ok(ctx, ovp_kernel_predict_covariance(cov, ctx, p, times[1]));
            for (int i = 0; i < M; i++)
                for (int j = 0; j < M; j++) {
                    double want = k_test_test[i * M + j];
                    for (int u = 0; u < N; u++) want -= twice[i * N + u] * k_test[j * N + u];
                    assert_true(fabs(cov[i * M + j] - want) < 1e-11 * P);
                }
        }
        ovp_kernel_predict_free(p);
    }
    ovp_free(ctx, g);
    drop(ctx, &l);
}

/* Just below the largest learning rate heavy-ball training stays, just above it grows. */
static void largest_learning_rate(void **state) {
    ovp_ctx *ctx = *state;
    linear l = make(ctx);
    ovp_kernel_predictor *p = predictor(ctx, &l, "mean");
    double f[N * C], f_test[M * C];
    for (double momentum = 0; momentum < .95; momentum += .45) {
        const double most = ovp_kernel_predict_largest_rate(p, momentum);
        train(&l, 1, 4000, .99 * most, momentum, f, f_test);
        assert_true(loss_of(1, N, f, l.y, NULL) < 5);
        train(&l, 1, 4000, 1.01 * most, momentum, f, f_test);
        assert_true(loss_of(1, N, f, l.y, NULL) > 1e6);
    }
    /* a diverging prediction: large, then an error, never NaN */
    const double most = ovp_kernel_predict_largest_rate(p, 0);
    assert_ok(ctx, ovp_kernel_predict_mean(f, NULL, ctx, p, (ovp_kernel_time){50, 1.1 * most}, l.y, NULL, NULL));
    assert_true(loss_of(1, N, f, l.y, NULL) > 10);
    assert_fails(ctx, OVP_ENUMERIC, "diverges above",
                 ovp_kernel_predict_mean(f, f_test, ctx, p, (ovp_kernel_time){1e5, 1.1 * most}, l.y, NULL, NULL));
    assert_fails(
        ctx, OVP_EINVAL, "has no limit; it must be below",
        ovp_kernel_predict_mean(f, f_test, ctx, p, (ovp_kernel_time){(double)INFINITY, most}, l.y, NULL, NULL));
    ovp_kernel_predict_free(p);
    drop(ctx, &l);
}

/* A kernel of rank 1 with a little less than nothing: the direction it has is learnt, the others stay. */
static void negative_and_negligible_eigenvalues(void **state) {
    ovp_ctx *ctx = *state;
    const double theta[9] = {1, 1, 0, 1, 1, 0, 0, 0, -1e-17}, theta_test[3] = {1, 1, 0}, y[3] = {3, 1, 5};
    const ovp_kernel_predict_options o = {
        .size = sizeof o, .n = 3, .tests = 1, .theta = theta, .theta_test = theta_test};
    ovp_kernel_predictor *p;
    double f[3], f_test;
    assert_ok(ctx, ovp_kernel_predict_create(&p, ctx, &o));
    const ovp_kernel_predict_report *r = ovp_kernel_predict_get_report(p);
    assert_true(r->clamped >= 1 && r->negligible == 2 && r->smallest == 0 && fabs(r->largest - 2) < 1e-15);
    assert_ok(ctx, ovp_kernel_predict_mean(f, &f_test, ctx, p, (ovp_kernel_time){(double)INFINITY, 0}, y, NULL, NULL));
    assert_true(fabs(f[0] - 2) < 1e-14 && fabs(f[1] - 2) < 1e-14 && fabs(f[2]) < 1e-14 && fabs(f_test - 2) < 1e-14);
    ovp_kernel_predict_free(p);
}

static void same_bits_for_any_threads(void **state) {
    ovp_ctx *ctx = *state;
    enum { LARGE = 150, TESTS = 70 };
    double *g = normal_points(ctx, OVP_F64, 1, (LARGE + TESTS) * LARGE), *y = normal_points(ctx, OVP_F64, 2, LARGE);
    static double theta[LARGE * LARGE], theta_test[TESTS * LARGE], first[TESTS], f[TESTS];
    ovp_numeric_gemm(OVP_F64, 0, 1, LARGE, LARGE, LARGE, 1, g, LARGE, g, LARGE, 0, theta, LARGE);
    ovp_numeric_gemm(OVP_F64, 0, 1, TESTS, LARGE, LARGE, 1, g + LARGE * LARGE, LARGE, g, LARGE, 0, theta_test, LARGE);
    for (int threads = 1; threads <= 3; threads++) {
        const ovp_ctx_options o = {.size = sizeof o, .threads = threads};
        const ovp_kernel_predict_options p = {
            .size = sizeof p, .n = LARGE, .tests = TESTS, .theta = theta, .theta_test = theta_test};
        ovp_ctx *own;
        ovp_kernel_predictor *made;
        assert_int_equal(ovp_ctx_create(&own, &o), OVP_OK);
        assert_ok(own, ovp_kernel_predict_create(&made, own, &p));
        assert_ok(own, ovp_kernel_predict_mean(NULL, f, own, made, (ovp_kernel_time){1, 0}, y, NULL, NULL));
        if (threads == 1) memcpy(first, f, sizeof f);
        assert_memory_equal(first, f, sizeof f);
        ovp_kernel_predict_free(made);
        ovp_ctx_free(own);
    }
    ovp_free(ctx, g);
    ovp_free(ctx, y);
}

static void bad_input(void **state) {
    ovp_ctx *ctx = *state;
    linear l = make(ctx);
    ovp_kernel_predictor *p = NULL;
    const ovp_kernel_predict_options good = {
        .size = sizeof good, .n = N, .tests = M, .theta = l.theta, .theta_test = l.theta_test, .c = C};
    ovp_kernel_predict_options o = good;
    o.loss = "mae";
    assert_fails(ctx, OVP_EINVAL, "loss 'mae'; allowed: half-mean", ovp_kernel_predict_create(&p, ctx, &o));
    o = good;
    o.n = 0;
    assert_fails(ctx, OVP_EINVAL, "0 training points", ovp_kernel_predict_create(&p, ctx, &o));
    o = good;
    o.k = l.theta;
    assert_fails(ctx, OVP_EINVAL, "covariances need all of", ovp_kernel_predict_create(&p, ctx, &o));
    o = good;
    o.theta_test = NULL;
    assert_fails(ctx, OVP_EINVAL, "Theta(x, X) are needed", ovp_kernel_predict_create(&p, ctx, &o));
    o = good;
    o.ridge = (double)NAN;
    assert_fails(ctx, OVP_EINVAL, "ridge nan", ovp_kernel_predict_create(&p, ctx, &o));
    l.theta_test[N + 1] = (double)NAN;
    assert_fails(ctx, OVP_EINVAL, "Theta(x, X): entry [1, 1] is nan", ovp_kernel_predict_create(&p, ctx, &good));
    l.theta_test[N + 1] = 0;
    double nothing[1] = {-1};
    o = (ovp_kernel_predict_options){.size = sizeof o, .n = 1, .theta = nothing};
    assert_fails(ctx, OVP_ENUMERIC, "no eigenvalue", ovp_kernel_predict_create(&p, ctx, &o));

    assert_ok(ctx, ovp_kernel_predict_create(&p, ctx, &good));
    static const struct {
        ovp_kernel_time t;
        const char *words;
    } times[] = {{{-1, 0}, "time -1"}, {{1.5, .1}, "1.5 steps"}, {{1, -2}, "learning rate -2"}};
    double f[N * C];
    for (int i = 0; i < 3; i++)
        assert_fails(ctx, OVP_EINVAL, times[i].words,
                     ovp_kernel_predict_mean(f, NULL, ctx, p, times[i].t, l.y, NULL, NULL));
    assert_fails(ctx, OVP_EINVAL, "time nan",
                 ovp_kernel_predict_mean(f, NULL, ctx, p, (ovp_kernel_time){(double)NAN, 0}, l.y, NULL, NULL));
    assert_fails(ctx, OVP_EINVAL, "made without K", ovp_kernel_predict_covariance(f, ctx, p, (ovp_kernel_time){1, 0}));
    l.y[3] = (double)INFINITY;
    assert_fails(ctx, OVP_EINVAL, "targets: entry [1, 1] is inf",
                 ovp_kernel_predict_mean(f, NULL, ctx, p, (ovp_kernel_time){1, 0}, l.y, NULL, NULL));
    ovp_kernel_predict_free(p);
    drop(ctx, &l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(gradient_descent_of_a_linear_model),
        CTX_TEST(gradient_flow_of_an_equation),
        CTX_TEST(the_limit_is_regression),
        CTX_TEST(covariances_of_an_ensemble),
        CTX_TEST(largest_learning_rate),
        CTX_TEST(negative_and_negligible_eigenvalues),
        CTX_TEST(same_bits_for_any_threads),
        CTX_TEST(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
