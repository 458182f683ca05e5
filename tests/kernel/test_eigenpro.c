/* kernel: EigenPro 2 against the algorithm written out plainly and against its published numbers; conjugate gradients
 * against the direct solver. */
#include "kernels.h"

#include <overparam/data.h>

#include <kernel/solve_int.h>
#include <stdlib.h>

enum { N = 150, D = 5, C = 3, S = 60, Q = 9 };

typedef struct fixture {
    ovp_kernel *kernel;
    double *x, *y, *gram;
    ovp_kernel_problem by_kernel, by_matrix;
} fixture;

static fixture make(ovp_ctx *ctx) {
    fixture f = {.kernel = make_kernel(ctx, (ovp_kernel_options){.name = "laplace", .bandwidth = 3})};
    f.x = normal_points(ctx, OVP_F64, 1, N * D);
    f.y = normal_points(ctx, OVP_F64, 2, N * C);
    f.gram = gram(ctx, f.kernel, OVP_F64, D, N, f.x, 0, NULL);
    f.by_kernel =
        (ovp_kernel_problem){.size = sizeof f.by_kernel, .type = OVP_F64, .n = N, .d = D, .kernel = f.kernel, .x = f.x};
    f.by_matrix = (ovp_kernel_problem){.size = sizeof f.by_matrix, .type = OVP_F64, .n = N, .gram = f.gram};
    return f;
}

static void drop(ovp_ctx *ctx, fixture *f) {
    ovp_kernel_free(f->kernel);
    ovp_free(ctx, f->x);
    ovp_free(ctx, f->y);
    ovp_free(ctx, f->gram);
}

static ovp_numeric_rng *numpy_stream(ovp_ctx *ctx, int64_t seed) {
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_NUMPY, seed, OVP_PURPOSE_GENERAL, 0));
    return rng;
}

static void *zeros(ovp_ctx *ctx, ovp_idx n) {
    double *out;
    assert_ok(ctx, ovp_alloc(ctx, &out, n, sizeof *out));
    return out;
}

/* Weights after the epochs, in double loops from the formulas. */
static double *plain_eigenpro(ovp_ctx *ctx, const fixture *f, int epochs, double alpha, int early,
                              ovp_kernel_eigenpro_report *r) {
    ovp_numeric_rng *rng = numpy_stream(ctx, 1);
    int64_t subset[S], ids[N];
    double square[S * S], vectors[S * S], values[S], *w = zeros(ctx, N * C), *g = zeros(ctx, N * C);
    assert_ok(ctx, ovp_numeric_numpy_choice(rng, N, S, 0, NULL, subset));
    for (int i = 0; i < S; i++)
        for (int j = 0; j < S; j++) square[i * S + j] = f->gram[subset[i] * N + subset[j]] / S;
    assert_ok(ctx, ovp_numeric_eigh(values, vectors, ctx, S, square));
    const double first = values[S - 1], tail = values[S - Q];
    r->new_top = first / pow(first / tail, alpha);
    r->beta = early ? 0 : 1; /* k(x, x) = 1 */
    for (int j = 0; early && j < S; j++) {
        double rest = 1;
        for (int i = 0; i < Q - 1; i++) rest -= vectors[(S - 1 - i) * S + j] * vectors[(S - 1 - i) * S + j];
        r->beta = fmax(r->beta, rest);
    }
    r->batch = (ovp_idx)floor(r->beta / r->new_top + 1);
    assert_true(r->batch > 10 && r->batch < N / 2); /* several batches an epoch */
    r->eta = (double)r->batch / r->beta;
    const double step = r->eta / (double)r->batch;
    for (int epoch = 0; epoch < epochs; epoch++) {
        const ovp_idx count = N / r->batch * r->batch;
        assert_ok(ctx, ovp_numeric_numpy_choice(rng, N, count, 0, NULL, ids));
        for (ovp_idx at = 0; at < count; at += r->batch) {
            const int64_t *b = ids + at;
            double correction[S * C] = {0};
            for (ovp_idx i = 0; i < r->batch; i++)
                for (int c = 0; c < C; c++) {
                    g[i * C + c] = -f->y[b[i] * C + c];
                    for (int j = 0; j < N; j++) g[i * C + c] += f->gram[b[i] * N + j] * w[j * C + c];
                }
            for (int k = 0; k < Q - 1; k++) {
                const double lambda = values[S - 1 - k], *v = vectors + (S - 1 - k) * S;
                const double scale = (1 - pow(tail / lambda, alpha)) / lambda / S; /* e e^T = v v^T / s */
                for (int c = 0; c < C; c++) {
                    double dot = 0;
                    for (ovp_idx i = 0; i < r->batch; i++)
                        for (int j = 0; j < S; j++) dot += v[j] * f->gram[b[i] * N + subset[j]] * g[i * C + c];
                    for (int j = 0; j < S; j++) correction[j * C + c] += v[j] * scale * dot;
                }
            }
            for (ovp_idx i = 0; i < r->batch; i++)
                for (int c = 0; c < C; c++) w[b[i] * C + c] -= step * g[i * C + c];
            for (int j = 0; j < S; j++)
                for (int c = 0; c < C; c++) w[subset[j] * C + c] += step * correction[j * C + c];
        }
    }
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, g);
    return w;
}

static ovp_kernel_eigenpro *start(ovp_ctx *ctx, const ovp_kernel_problem *p, const void *y, ovp_numeric_rng *rng,
                                  const char *beta, int64_t memory) {
    const ovp_kernel_eigenpro_options o = {
        .size = sizeof o, .subsample = S, .top_q = Q, .alpha = .8, .beta = beta, .rng = rng, .memory = memory};
    ovp_kernel_eigenpro *solver;
    assert_ok(ctx, ovp_kernel_eigenpro_create(&solver, ctx, p, C, y, &o));
    return solver;
}

/* By a kernel whose matrix is kept, by one whose rows are made a few at a time, and by a matrix. */
static void follows_the_formulas(void **state) {
    ovp_ctx *ctx = *state;
    fixture f = make(ctx);
    for (int early = 0; early < 2; early++) {
        ovp_kernel_eigenpro_report want;
        double *w = plain_eigenpro(ctx, &f, 3, .8, early, &want);
        for (int way = 0; way < 3; way++) {
            ovp_numeric_rng *rng = numpy_stream(ctx, 1);
            ovp_kernel_eigenpro *s = start(ctx, way == 2 ? &f.by_matrix : &f.by_kernel, f.y, rng,
                                           early ? "early" : NULL, way == 1 ? 7 * (N + D) * 8 : 0);
            const ovp_kernel_eigenpro_report *r = ovp_kernel_eigenpro_get_report(s);
            assert_int_equal(r->batch, want.batch);
            assert_int_equal(r->batches, N / want.batch);
            assert_int_equal(r->top_q, Q);
            assert_int_equal(r->stored, way != 1);
            assert_true(fabs(r->beta - want.beta) < 1e-13 && fabs(r->eta / want.eta - 1) < 1e-12);
            assert_true(fabs(r->new_top / want.new_top - 1) < 1e-12);
            for (int epoch = 0; epoch < 3; epoch++) assert_ok(ctx, ovp_kernel_eigenpro_epoch(s, ctx));
            assert_int_equal(r->epochs, 3);
            assert_true(gap(OVP_F64, w, ovp_kernel_eigenpro_weights(s), N * C) < 1e-11);

            /* values at training points and at others */
            double all[N * C], few[2 * C], other[N * C];
            const int64_t ids[] = {149, 7};
            const void *points = way == 2 ? f.gram : f.x;
            assert_ok(ctx, ovp_kernel_eigenpro_fit(all, s, ctx, N, NULL));
            assert_ok(ctx, ovp_kernel_eigenpro_fit(few, s, ctx, 2, ids));
            assert_ok(ctx, ovp_kernel_eigenpro_predict(other, s, ctx, N, points));
            for (int c = 0; c < C; c++) {
                double sum = 0;
                for (int j = 0; j < N; j++) sum += f.gram[7 * N + j] * w[j * C + c];
                assert_true(fabs(all[7 * C + c] - sum) < 1e-10 && fabs(few[C + c] - sum) < 1e-10);
                assert_true(fabs(few[c] - all[149 * C + c]) < 1e-12);
            }
            assert_true(gap(OVP_F64, all, other, N * C) < 1e-12);
            ovp_kernel_eigenpro_free(s);
            ovp_numeric_rng_free(rng);
        }
        ovp_free(ctx, w);
    }
    drop(ctx, &f);
}

/* It tends to the solution of K W = Y, and a restart with other targets is a fresh start. */
static void converges(void **state) {
    ovp_ctx *ctx = *state;
    fixture f = make(ctx);
    ovp_kernel_eigenpro *s = start(ctx, &f.by_matrix, f.y, NULL, NULL, 0);
    double fit[N * C], first, last, error;
    assert_ok(ctx, ovp_kernel_eigenpro_fit(fit, s, ctx, N, NULL));
    ovp_kernel_score(&first, NULL, OVP_F64, N, C, fit, f.y);
    for (int epoch = 0; epoch < 400; epoch++) assert_ok(ctx, ovp_kernel_eigenpro_epoch(s, ctx));
    assert_ok(ctx, ovp_kernel_eigenpro_fit(fit, s, ctx, N, NULL));
    ovp_kernel_score(&last, &error, OVP_F64, N, C, fit, f.y);
    assert_true(last < 1e-6 * first && error == 0);
    double *others = normal_points(ctx, OVP_F64, 9, N * C);
    assert_ok(ctx, ovp_kernel_eigenpro_restart(s, ctx, others));
    assert_int_equal(ovp_kernel_eigenpro_get_report(s)->epochs, 0);
    for (int epoch = 0; epoch < 400; epoch++) assert_ok(ctx, ovp_kernel_eigenpro_epoch(s, ctx));
    assert_ok(ctx, ovp_kernel_eigenpro_fit(fit, s, ctx, N, NULL));
    ovp_kernel_score(&last, &error, OVP_F64, N, C, fit, others);
    assert_true(last < 1e-6 * first && error == 0);
    ovp_free(ctx, others);
    ovp_kernel_eigenpro_free(s);
    drop(ctx, &f);
}

/* f32, a kernel in tiles. */
static void same_bits_for_any_threads(void **state) {
    ovp_ctx *ctx = *state;
    fixture f = make(ctx);
    float x[N * D], y[N * C], first[N * C], cg[N * C], first_cg[N * C];
    for (int i = 0; i < N * D; i++) x[i] = (float)f.x[i];
    for (int i = 0; i < N * C; i++) y[i] = (float)f.y[i];
    ovp_kernel_problem p = f.by_kernel;
    p.type = OVP_F32;
    p.x = x;
    for (int threads = 1; threads <= 3; threads++) {
        const ovp_ctx_options o = {.size = sizeof o, .threads = threads};
        const ovp_kernel_cg_options plain = {.size = sizeof plain, .ridge = .01, .subsample = S, .memory = 20000};
        ovp_ctx *own;
        assert_int_equal(ovp_ctx_create(&own, &o), OVP_OK);
        ovp_kernel_eigenpro *s = start(own, &p, y, NULL, NULL, 40000);
        for (int epoch = 0; epoch < 2; epoch++) assert_ok(own, ovp_kernel_eigenpro_epoch(s, own));
        assert_ok(own, ovp_kernel_cg(cg, NULL, own, &p, C, y, &plain));
        if (threads == 1) {
            memcpy(first, ovp_kernel_eigenpro_weights(s), sizeof first);
            memcpy(first_cg, cg, sizeof cg);
        }
        assert_memory_equal(first, ovp_kernel_eigenpro_weights(s), sizeof first);
        assert_memory_equal(first_cg, cg, sizeof cg);
        ovp_kernel_eigenpro_free(s);
        ovp_ctx_free(own);
    }
    drop(ctx, &f);
}

/* EXPERIMENTS B1: what the published notebook printed for 4000 MNIST images, Laplace kernel of bandwidth 10, seed 1
 * (top_q 36, top eigenvalue .897, new top 5.20e-4, eta 1923.82, batch 1905, beta .99; more digits by numpy 1.24 on its
 * own f32 matrix: 5.2005e-4, .9902). */
static void published_preconditioner(void **state) {
    ovp_ctx *ctx = *state;
    enum { IMAGES = 4000, PIXELS = 784, EACH = 400 };
    ovp_data_set set;
    const ovp_data_options data = {.size = sizeof data, .train = 6000, .scale = OVP_SCALE_RAW, .type = OVP_F32};
    assert_ok(ctx, ovp_data_load(&set, ctx, "mnist", &data));
    const float *images = set.x_train.data;
    const int32_t *labels = set.y_train.data;
    float *x = zeros(ctx, IMAGES * PIXELS), *y = zeros(ctx, IMAGES * 10);
    int taken[10] = {0}, place[10], digits = 0;
    for (int i = 0; i < 10; i++) place[i] = -1;
    for (ovp_idx i = 0; i < set.x_train.shape[0]; i++) {
        const int32_t label = labels[i];
        if (place[label] < 0) place[label] = digits++;
        if (taken[label] == EACH) continue;
        const int row = place[label] * EACH + taken[label]++;
        double square = 0;
        for (int k = 0; k < PIXELS; k++) square += (double)images[i * PIXELS + k] * (double)images[i * PIXELS + k];
        for (int k = 0; k < PIXELS; k++) x[row * PIXELS + k] = (float)((double)images[i * PIXELS + k] / sqrt(square));
        y[row * 10 + label] = 1;
    }
    for (int i = 0; i < 10; i++) assert_int_equal(taken[i], EACH);
    ovp_kernel *kernel = make_kernel(ctx, (ovp_kernel_options){.name = "laplace", .bandwidth = 10});
    ovp_numeric_rng *rng = numpy_stream(ctx, 1);
    const ovp_kernel_problem p = {
        .size = sizeof p, .type = OVP_F32, .n = IMAGES, .d = PIXELS, .kernel = kernel, .x = x};
    const ovp_kernel_eigenpro_options o = {.size = sizeof o, .beta = "early", .rng = rng, .memory = 1 << 20};
    ovp_kernel_eigenpro *s;
    assert_ok(ctx, ovp_kernel_eigenpro_create(&s, ctx, &p, 10, y, &o));
    const ovp_kernel_eigenpro_report *r = ovp_kernel_eigenpro_get_report(s);
    assert_int_equal(r->subsample, 2000);
    assert_int_equal(r->top_q, 36);
    assert_int_equal(r->batch, 1905);
    assert_int_equal(r->batches, 2);
    assert_true(fabs(r->lambda_1 - .897) < 5e-4);
    assert_true(fabs(r->new_top - 5.2005e-4) < 5e-9);
    assert_true(fabs(r->beta - .9902) < 5e-5);
    assert_true(fabs(r->eta - 1923.82) < .02);
    ovp_kernel_eigenpro_free(s);
    ovp_numeric_rng_free(rng);
    ovp_kernel_free(kernel);
    ovp_free(ctx, x);
    ovp_free(ctx, y);
    ovp_data_free(ctx, &set);
}

static void conjugate_gradients_solve(void **state) {
    ovp_ctx *ctx = *state;
    fixture f = make(ctx);
    ovp_idx steps[2] = {0};
    for (int plain = 0; plain < 2; plain++)
        for (int way = 0; way < 3; way++) {
            const ovp_kernel_solver_options ridge = {sizeof ridge, way == 1 ? 1e-3 : 1e-2, "relative"};
            const ovp_kernel_cg_options o = {.size = sizeof o,
                                             .ridge = ridge.ridge,
                                             .ridge_scale = "relative",
                                             .tolerance = 1e-12,
                                             .plain = plain,
                                             .subsample = S,
                                             .top_q = 20,
                                             .memory = way == 2 ? 9000 : 0};
            double w[N * C], want[N * C];
            ovp_kernel_cg_report r;
            ovp_kernel_solver *s;
            assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, N, f.gram, &ridge));
            assert_ok(ctx, ovp_kernel_solve(s, ctx, C, f.y, want));
            assert_ok(ctx, ovp_kernel_cg(w, &r, ctx, way ? &f.by_kernel : &f.by_matrix, C, f.y, &o));
            assert_true(r.converged && r.residual < 2e-12);
            assert_true(fabs(r.lambda - ovp_kernel_solver_get_report(s)->lambda) < 1e-15);
            /* |w - want| <= |K^-1| |residual| */
            assert_true(gap(OVP_F64, want, w, N * C) < 2e-12 * ovp_kernel_solver_get_report(s)->condition);
            assert_int_equal(r.top_q, plain ? 0 : 20);
            steps[plain] += r.steps;
            ovp_kernel_solver_free(s);
        }
    assert_true(steps[0] < .7 * (double)steps[1]);

    /* cut short: told, not an error; a column of zeros needs nothing */
    const ovp_kernel_cg_options two = {.size = sizeof two, .most_steps = 2, .subsample = S};
    double w[N * C], none[N] = {0};
    ovp_kernel_cg_report r;
    assert_ok(ctx, ovp_kernel_cg(w, &r, ctx, &f.by_matrix, C, f.y, &two));
    assert_true(!r.converged && r.steps == 2 && r.residual > 1e-10 && r.residual < 2);
    assert_ok(ctx, ovp_kernel_cg(w, &r, ctx, &f.by_matrix, 1, none, &two));
    assert_true(r.converged && r.steps == 0 && r.residual == 0 && w[0] == 0);
    drop(ctx, &f);
}

static ovp_idx as_asked(const void *user, const double *values, ovp_idx count) {
    const ovp_idx *q = user;
    (void)values;
    return *q < count ? *q : count;
}

/* A kernel of rank 4 (1 + <x, z> in three dimensions) rounded to f32: eigenvalues of rounding are not flattened to,
 * after which nothing would be learnt. */
static void rounding_is_no_eigenvalue(void **state) {
    ovp_ctx *ctx = *state;
    enum { POINTS = 20 };
    double *x = normal_points(ctx, OVP_F64, 7, POINTS * 3);
    float gram[POINTS * POINTS], y[POINTS], f[POINTS];
    double mse;
    ovp_kernel_eigenpro *s;
    for (int i = 0; i < POINTS; i++) {
        y[i] = (float)(.5 + x[3 * i] - 2 * x[3 * i + 1]);
        for (int j = 0; j < POINTS; j++) {
            double sum = 1;
            for (int k = 0; k < 3; k++) sum += x[3 * i + k] * x[3 * j + k];
            gram[i * POINTS + j] = (float)sum;
        }
    }
    const ovp_kernel_problem p = {.size = sizeof p, .type = OVP_F32, .n = POINTS, .gram = gram};
    assert_ok(ctx, ovp_kernel_eigenpro_create(&s, ctx, &p, 1, y, NULL));
    assert_int_equal(ovp_kernel_eigenpro_get_report(s)->top_q, 4);
    for (int epoch = 0; epoch < 60; epoch++) assert_ok(ctx, ovp_kernel_eigenpro_epoch(s, ctx));
    assert_ok(ctx, ovp_kernel_eigenpro_fit(f, s, ctx, POINTS, NULL));
    ovp_kernel_score(&mse, NULL, OVP_F32, POINTS, 1, f, y);
    assert_true(mse < 1e-4);
    ovp_kernel_eigenpro_free(s);
    ovp_free(ctx, x);
}

/* By Lanczos where the spectrum falls; by LAPACK where it is flat, too long a piece is asked for, or eigenvalues occur
 * more often than a block can tell (the identity). */
static void top_eigenpairs(void **state) {
    ovp_ctx *ctx = *state;
    enum { SIZE = 600 };
    double *points = normal_points(ctx, OVP_F64, 1, SIZE * 3), *a = zeros(ctx, SIZE * SIZE), *all = zeros(ctx, SIZE);
    for (int run = 0; run < 8; run++) {
        const int kind = run / 2;
        const double converged = run % 2 ? 1e-9 : 1e-12;
        for (int i = 0; i < SIZE; i++)
            for (int j = 0; j < SIZE; j++) {
                double square = 0;
                for (int k = 0; k < 3; k++)
                    square += (points[i * 3 + k] - points[j * 3 + k]) * (points[i * 3 + k] - points[j * 3 + k]);
                a[i * SIZE + j] = kind == 0   ? exp(-square / 4)
                                  : kind == 1 ? exp(-sqrt(square))
                                  : kind == 2
                                      ? i == j
                                      : points[i * 3] * points[j * 3] + .5 * points[i * 3 + 1] * points[j * 3 + 1];
            }
        const ovp_idx asked = kind == 1 ? 300 : kind == 3 ? 2 : 40;
        ovp_idx q;
        double *values, *vectors;
        assert_ok(ctx, ovp_kernel_top_eigenpairs(&q, &values, &vectors, ctx, SIZE, a, converged, as_asked, &asked));
        assert_int_equal(q, asked);
        assert_ok(ctx, ovp_numeric_eigh(all, NULL, ctx, SIZE, a));
        for (ovp_idx i = 0; i < q; i++) {
            assert_true(fabs(values[i] - all[SIZE - 1 - i]) < 1e-13 * all[SIZE - 1]);
            for (int r = 0; r < SIZE; r++) { /* A v = value v */
                double dot = 0;
                for (int j = 0; j < SIZE; j++) dot += a[r * SIZE + j] * vectors[i * SIZE + j];
                assert_true(fabs(dot - values[i] * vectors[i * SIZE + r]) < converged * all[SIZE - 1]);
            }
            for (ovp_idx k = 0; k <= i; k++) {
                double dot = 0;
                for (int j = 0; j < SIZE; j++) dot += vectors[k * SIZE + j] * vectors[i * SIZE + j];
                assert_true(fabs(dot - (i == k)) < 1e-12);
            }
        }
        ovp_free(ctx, values);
        ovp_free(ctx, vectors);
    }
    ovp_free(ctx, points);
    ovp_free(ctx, a);
    ovp_free(ctx, all);
}

/* The estimate bounds what is allocated; what it says, and only less, is refused. */
static int64_t in_use, height;
static void *counted_alloc(void *user, size_t bytes) {
    (void)user;
    int64_t *p = aligned_alloc(64, (bytes + 64 + 63) / 64 * 64);
    p[0] = (int64_t)bytes;
    const int64_t now = __atomic_add_fetch(&in_use, (int64_t)bytes, __ATOMIC_SEQ_CST);
    if (now > height) height = now;
    return memset(p + 8, 0, bytes);
}
static void counted_free(void *user, void *memory) {
    (void)user;
    if (!memory) return;
    int64_t *p = (int64_t *)memory - 8;
    __atomic_sub_fetch(&in_use, p[0], __ATOMIC_SEQ_CST);
    free(p);
}

static void memory_is_estimated(void **state) {
    enum { ROWS = 2400, WIDTH = 200, OUT = 2, SUBSAMPLE = 520 };
    static const int64_t memory[] = {0, 128 * (ROWS + WIDTH) * 4};
    const ovp_allocator allocator = {counted_alloc, counted_free, NULL};
    const ovp_ctx_options options = {.size = sizeof options, .threads = 2, .allocator = &allocator};
    ovp_ctx *ctx;
    (void)state;
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    float *x = normal_points(ctx, OVP_F32, 1, ROWS * WIDTH), *y = normal_points(ctx, OVP_F32, 2, ROWS * OUT);
    for (ovp_idx i = 0; i < ROWS * WIDTH; i++) x[i] = x[i] > 1 ? x[i] : 0;
    ovp_kernel *kernel = make_kernel(ctx, (ovp_kernel_options){.name = "laplace", .bandwidth = 10});
    const ovp_kernel_problem problem = {
        .size = sizeof problem, .type = OVP_F32, .n = ROWS, .d = WIDTH, .kernel = kernel, .x = x};
    double *diagonal = zeros(ctx, ROWS);
    assert_ok(ctx, ovp_kernel_diagonal(diagonal, ctx, kernel, OVP_F32, WIDTH, ROWS, x)); /* starts the threads */
    ovp_free(ctx, diagonal);
    for (int k = 0; k < 2; k++) {
        ovp_kernel_eigenpro *s;
        ovp_kernel_eigenpro_options o = {.size = sizeof o, .subsample = SUBSAMPLE, .memory = memory[k]};
        int64_t need;
        assert_ok(ctx, ovp_kernel_eigenpro_estimate(&need, ctx, &problem, OUT, &o));
        const int64_t before = height = in_use;
        o.most_memory = need - 1;
        assert_fails(ctx, OVP_EINVAL, "2400 points take about",
                     ovp_kernel_eigenpro_create(&s, ctx, &problem, OUT, y, &o));
        assert_true(height == before); /* refused before anything was made */
        o.most_memory = need;
        assert_ok(ctx, ovp_kernel_eigenpro_create(&s, ctx, &problem, OUT, y, &o));
        assert_ok(ctx, ovp_kernel_eigenpro_epoch(s, ctx));
        /* some MiB a thread are for tiles of the kernel matrix */
        assert_true(height - before <= need + 2 * (2 << 20) && height - before >= need / 3);
        assert_int_equal(ovp_kernel_eigenpro_get_report(s)->stored, k == 0);
        ovp_kernel_eigenpro_free(s);
        assert_true(in_use == before);
    }
    ovp_kernel_eigenpro *s;
    assert_fails(ctx, OVP_EINVAL, "most memory -1",
                 ovp_kernel_eigenpro_create(
                     &s, ctx, &problem, OUT, y,
                     &(ovp_kernel_eigenpro_options){.size = sizeof(ovp_kernel_eigenpro_options), .most_memory = -1}));
    ovp_kernel_free(kernel);
    ovp_free(ctx, x);
    ovp_free(ctx, y);
    ovp_ctx_free(ctx);
}

static void scores(void **state) {
    (void)state;
    const double f[] = {.1, .9, 0, .4, .3, .3, .2, .2, .6}, y[] = {0, 1, 0, 0, 1, 0, 0, 0, 1};
    const float g[] = {.5f, -.25f, 2}, z[] = {1, 1, -1};
    double mse, error;
    ovp_kernel_score(&mse, &error, OVP_F64, 3, 3, f, y);
    assert_true(fabs(mse - (.02 + .74 + .24) / 9) < 1e-16 && fabs(error - 1. / 3) < 1e-16);
    ovp_kernel_score(&mse, &error, OVP_F32, 3, 1, g, z);
    assert_true(fabs(mse - (.25 + 1.5625 + 9) / 3) < 1e-15 && fabs(error - 2. / 3) < 1e-16);
}

static void bad_input(void **state) {
    ovp_ctx *ctx = *state;
    fixture f = make(ctx);
    ovp_kernel_eigenpro *s = NULL;
    static const struct {
        ovp_kernel_eigenpro_options o;
        ovp_status status;
        const char *words;
    } cases[] = {
        {{.subsample = N + 1}, OVP_EINVAL, "subsample of 151 points; allowed 1..150"},
        {{.subsample = S, .top_q = S + 1}, OVP_EINVAL, "top-q 61; allowed 2..60"},
        {{.alpha = 1.5}, OVP_EINVAL, "alpha 1.5"},
        {{.beta = "late"}, OVP_EINVAL, "beta 'late'; allowed: modern, early"},
        {{.batch = N + 1}, OVP_EINVAL, "batch 151"},
        {{.batch_limit = -1}, OVP_EINVAL, "batch limit -1"},
        {{.lr_scale = -1}, OVP_EINVAL, "lr-scale -1"},
        {{.memory = 30}, OVP_EINVAL, "one point takes 40"},
        {{.memory = -1}, OVP_EINVAL, "memory -1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fails(ctx, cases[i].status, cases[i].words,
                     ovp_kernel_eigenpro_create(&s, ctx, &f.by_kernel, C, f.y, &cases[i].o));
        assert_null(s);
    }
    /* a learning rate far too large is told, not turned into NaN */
    const ovp_kernel_eigenpro_options wild = {.size = sizeof wild, .subsample = S, .top_q = Q, .lr_scale = 1e30};
    assert_ok(ctx, ovp_kernel_eigenpro_create(&s, ctx, &f.by_matrix, C, f.y, &wild));
    ovp_status status = OVP_OK;
    for (int epoch = 0; epoch < 20 && status == OVP_OK; epoch++) status = ovp_kernel_eigenpro_epoch(s, ctx);
    assert_int_equal(status, OVP_ENUMERIC);
    assert_non_null(strstr(ovp_message(ctx), "lr-scale"));
    ovp_clear(ctx);
    double out[N * C];
    assert_fails(ctx, OVP_EINVAL, "training point 150", ovp_kernel_eigenpro_fit(out, s, ctx, 1, &(int64_t){N}));
    ovp_kernel_eigenpro_free(s);

    ovp_kernel_problem p = f.by_kernel;
    assert_fails(ctx, OVP_EINVAL, "0 outputs", ovp_kernel_eigenpro_create(&s, ctx, &p, 0, f.y, NULL));
    f.y[4] = (double)NAN;
    assert_fails(ctx, OVP_EINVAL, "targets: entry [1, 1] is nan",
                 ovp_kernel_eigenpro_create(&s, ctx, &p, C, f.y, NULL));
    assert_fails(ctx, OVP_EINVAL, "targets: entry [1, 1] is nan", ovp_kernel_cg(out, NULL, ctx, &p, C, f.y, NULL));
    /* squares out of range would look like a residual of 0 */
    f.y[4] = 1e200;
    assert_fails(ctx, OVP_EINVAL, "targets of column 1 are up to 1e+200",
                 ovp_kernel_cg(out, NULL, ctx, &p, C, f.y, NULL));
    double tiny[N] = {0};
    tiny[3] = 1e-200;
    assert_fails(ctx, OVP_EINVAL, "targets of column 0 are up to 1e-200",
                 ovp_kernel_cg(out, NULL, ctx, &p, 1, tiny, NULL));
    f.y[4] = 0;
    f.x[7] = (double)INFINITY;
    assert_fails(ctx, OVP_EINVAL, "x, row 1, column 2 is inf", ovp_kernel_eigenpro_create(&s, ctx, &p, C, f.y, NULL));
    p.gram = f.gram;
    assert_fails(ctx, OVP_EINVAL, "either a kernel", ovp_kernel_eigenpro_create(&s, ctx, &p, C, f.y, NULL));
    p = f.by_matrix;
    p.n = 0;
    assert_fails(ctx, OVP_EINVAL, "0 points", ovp_kernel_cg(out, NULL, ctx, &p, C, f.y, NULL));
    const ovp_kernel_cg_options ridge = {.size = sizeof ridge, .ridge = -1};
    assert_fails(ctx, OVP_EINVAL, "ridge -1", ovp_kernel_cg(out, NULL, ctx, &f.by_matrix, C, f.y, &ridge));
    const ovp_kernel_cg_options tolerance = {.size = sizeof tolerance, .tolerance = 2};
    assert_fails(ctx, OVP_EINVAL, "tolerance 2", ovp_kernel_cg(out, NULL, ctx, &f.by_matrix, C, f.y, &tolerance));
    for (int i = 0; i < N; i++) f.gram[i * N + i] -= 1.5; /* indefinite */
    const ovp_kernel_cg_options plain = {.size = sizeof plain, .plain = 1};
    assert_fails(ctx, OVP_ENUMERIC, "not positive definite",
                 ovp_kernel_cg(out, NULL, ctx, &f.by_matrix, C, f.y, &plain));

    /* one point: f = y after one step of the full rate */
    const double one = 4, target = 3;
    double weight, fit;
    const ovp_kernel_problem single = {.size = sizeof single, .type = OVP_F64, .n = 1, .gram = &one};
    assert_ok(ctx, ovp_kernel_eigenpro_create(&s, ctx, &single, 1, &target, NULL));
    for (int epoch = 0; epoch < 60; epoch++) assert_ok(ctx, ovp_kernel_eigenpro_epoch(s, ctx));
    assert_ok(ctx, ovp_kernel_eigenpro_fit(&fit, s, ctx, 1, NULL));
    assert_true(fabs(fit - 3) < 1e-12);
    ovp_kernel_eigenpro_free(s);
    assert_ok(ctx, ovp_kernel_cg(&weight, NULL, ctx, &single, 1, &target, NULL));
    assert_true(fabs(weight - .75) < 1e-15);
    drop(ctx, &f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(follows_the_formulas),
        CTX_TEST(converges),
        CTX_TEST(same_bits_for_any_threads),
        CTX_TEST(published_preconditioner),
        CTX_TEST(top_eigenpairs),
        CTX_TEST(scores),
        CTX_TEST(rounding_is_no_eigenvalue),
        cmocka_unit_test(memory_is_estimated),
        CTX_TEST(conjugate_gradients_solve),
        CTX_TEST(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
