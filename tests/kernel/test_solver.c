/* kernel: the direct solver and the Cholesky factorisation below it, on matrices whose answers are known. */
#include "allocator.h"
#include "check.h"

#include <overparam/kernel.h>

#include <float.h>
#include <math.h>
#include <string.h>

static double *zeros(ovp_ctx *ctx, ovp_idx n) {
    double *out;
    assert_ok(ctx, ovp_alloc(ctx, &out, n, sizeof *out));
    return out;
}

static double *normals(ovp_ctx *ctx, int64_t seed, ovp_idx n) {
    double *out = zeros(ctx, n);
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_DATA, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0, 1, out);
    ovp_numeric_rng_free(rng);
    return out;
}

/* G G^T / cols + shift I, G n x cols normal. */
static double *wishart(ovp_ctx *ctx, int64_t seed, ovp_idx n, ovp_idx cols, double shift) {
    double *g = normals(ctx, seed, n * cols), *k = zeros(ctx, n * n);
    ovp_numeric_gemm(OVP_F64, 0, 1, n, n, cols, 1 / (double)cols, g, cols, g, cols, 0, k, n);
    for (ovp_idx i = 0; i < n; i++) {
        for (ovp_idx j = 0; j < i; j++) k[j * n + i] = k[i * n + j];
        k[i * n + i] += shift;
    }
    ovp_free(ctx, g);
    return k;
}

static double worst(const double *a, const double *b, ovp_idx n) {
    double top = 0, size = 0;
    for (ovp_idx i = 0; i < n; i++) {
        size = fmax(size, fabs(b[i]));
        if (!(fabs(a[i] - b[i]) <= top)) top = fabs(a[i] - b[i]);
    }
    return top / size;
}

/* ---- numeric's factorisation ---- */

static void cholesky_rebuilds(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx orders[] = {1, 2, 7, 255, 256, 257, 600, 1025, 1700};
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        const ovp_idx n = orders[o];
        double *k = wishart(ctx, 3, n, n + 5, .5), *l = zeros(ctx, n * n), *back = zeros(ctx, n * n);
        ovp_idx minor = -1;
        memcpy(l, k, (size_t)(n * n) * sizeof *l);
        assert_ok(ctx, ovp_numeric_cholesky(&minor, ctx, n, l));
        assert_int_equal(minor, 0);
        for (ovp_idx i = 0; i < n; i++)
            for (ovp_idx j = i + 1; j < n; j++) {
                assert_true(l[i * n + j] == k[i * n + j]); /* above the diagonal nothing changed */
                l[i * n + j] = 0;
            }
        ovp_numeric_gemm(OVP_F64, 0, 1, n, n, n, 1, l, n, l, n, 0, back, n);
        assert_true(worst(back, k, n * n) < 1e-14 * sqrt((double)n));
        ovp_free(ctx, k);
        ovp_free(ctx, l);
        ovp_free(ctx, back);
    }
}

/* The first minor that is not positive is named wherever it stands; what is not a number counts as not positive. */
static void cholesky_names_the_minor(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 1100 };
    static const ovp_idx places[] = {0, 1, 255, 256, 511, 512, 1023, 1099};
    double *k = zeros(ctx, (ovp_idx)N * N);
    for (size_t p = 0; p < sizeof places / sizeof *places; p++)
        for (int bad = 0; bad < 2; bad++) {
            ovp_idx minor = -1;
            memset(k, 0, sizeof(double) * N * N);
            for (ovp_idx i = 0; i < N; i++) k[i * N + i] = 2;
            k[places[p] * N + places[p]] = bad ? (double)NAN : -1;
            assert_ok(ctx, ovp_numeric_cholesky(&minor, ctx, N, k));
            assert_int_equal(minor, places[p] + 1);
        }
    assert_fails(ctx, OVP_EINVAL, "order -1", ovp_numeric_cholesky(&(ovp_idx){0}, ctx, -1, k));
    ovp_free(ctx, k);
}

static void *counting(void *user, size_t bytes) {
    *(int64_t *)user += (int64_t)bytes;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static ovp_status nothing(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    (void)arg;
    (void)task;
    return OVP_OK;
}

/* What is told of memory is enough, and for many tiles not far too much. */
static void cholesky_takes_the_memory_it_says(void **state) {
    (void)state;
    for (int level = 0; level < 2; level++)
        for (ovp_idx n = 1; n < 2000; n = 3 * n + 250) {
            int64_t taken = 0;
            const ovp_allocator allocator = {counting, allocator_release, &taken};
            const ovp_ctx_options o = {
                .size = sizeof o, .threads = 2, .isa = level ? NULL : "base", .allocator = &allocator};
            ovp_ctx *ctx;
            ovp_idx minor;
            assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
            assert_ok(ctx, ovp_parallel(ctx, 2, nothing, NULL)); /* the threads' own */
            double *a = zeros(ctx, n * n);
            for (ovp_idx i = 0; i < n; i++) a[i * (n + 1)] = 1;
            taken = 0;
            assert_ok(ctx, ovp_numeric_cholesky(&minor, ctx, n, a));
            assert_true(taken <= ovp_numeric_cholesky_memory(n));
            assert_true(n < 1000 || 2 * taken > ovp_numeric_cholesky_memory(n));
            ovp_free(ctx, a);
            ovp_ctx_free(ctx);
        }
}

/* diag(4, 2, 1e-3): condition 4000 exactly. The second difference of a path: 1-norm 4, and the inverse's entries are
 * min(i, j) (n + 1 - max(i, j)) / (n + 1), the largest column sum that of the middle, (n + 1)^2 / 8 for odd n. */
static void condition_of_known_matrices(void **state) {
    ovp_ctx *ctx = *state;
    double d[9] = {2, 0, 0, 0, sqrt(2), 0, 0, 0, sqrt(1e-3)}, condition;
    assert_ok(ctx, ovp_numeric_cholesky_condition(&condition, ctx, 3, d, 4));
    assert_true(fabs(condition - 4000) < 1e-9);
    enum { N = 301 };
    double *k = zeros(ctx, (ovp_idx)N * N);
    for (ovp_idx i = 0; i < N; i++) {
        k[i * N + i] = 2;
        if (i > 0) k[i * N + i - 1] = k[(i - 1) * N + i] = -1;
    }
    ovp_kernel_solver *s;
    assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, N, k, NULL));
    const double exact = 4. * (N + 1) * (N + 1) / 8;
    condition = ovp_kernel_solver_get_report(s)->condition;
    assert_true(condition <= exact * 1.000001 && condition >= exact / 3);
    ovp_kernel_solver_free(s);
    ovp_free(ctx, k);
}

/* ---- the solver ---- */

static void solves_and_reports(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx orders[] = {1, 2, 63, 64, 65, 300, 513, 1100}, columns[] = {1, 5, 70};
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++)
        for (int which = 0; which < 3; which++) {
            const ovp_idx n = orders[o], c = columns[which];
            double *k = wishart(ctx, 4, n, 2 * n, .1), *x = normals(ctx, 5, n * c), *b = zeros(ctx, n * c);
            const ovp_kernel_solver_options options = {sizeof options, .25, "relative"};
            double trace = 0;
            for (ovp_idx i = 0; i < n; i++) trace += k[i * n + i];
            const double lambda = .25 * trace / (double)n;
            ovp_numeric_gemm(OVP_F64, 0, 0, n, c, n, 1, k, n, x, c, 0, b, c);
            for (ovp_idx i = 0; i < n * c; i++) b[i] += lambda * x[i];
            ovp_kernel_solver *s;
            assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, n, k, &options));
            assert_ok(ctx, ovp_kernel_solve(s, ctx, c, b, b)); /* in place */
            assert_true(worst(b, x, n * c) < 1e-13);
            const ovp_kernel_solver_report *r = ovp_kernel_solver_get_report(s);
            assert_string_equal(r->method, "cholesky");
            assert_true(fabs(r->lambda - lambda) < 1e-15 * lambda && r->jitter == 0 && r->dropped == 0);
            assert_true(r->condition >= 1 - 1e-12 && r->residual < 1e-14);
            ovp_kernel_solver_free(s);
            ovp_free(ctx, k);
            ovp_free(ctx, x);
            ovp_free(ctx, b);
        }
}

/* Hilbert's matrix times 360360 (n = 7) has whole entries, so that b = K x is exact for small whole x, and x is the
 * answer to the last digit. Its condition is 9.9e8: plain Cholesky leaves some 8 digits, refinement with extended
 * residuals all. */
static void refinement_gains_digits(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 7 };
    double k[N * N], b[N], x[N], plain[N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) k[i * N + j] = 360360. / (i + j + 1);
    for (int i = 0; i < N; i++) {
        b[i] = 0;
        for (int j = 0; j < N; j++) b[i] += k[i * N + j] * (j % 2 ? -3 : j + 1);
    }
    ovp_kernel_solver *s;
    ovp_idx minor;
    assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, N, k, NULL));
    assert_ok(ctx, ovp_kernel_solve(s, ctx, 1, b, x));
    assert_ok(ctx, ovp_numeric_cholesky(&minor, ctx, N, k));
    memcpy(plain, b, sizeof b);
    assert_ok(ctx, ovp_numeric_cholesky_solve(ctx, N, k, 1, plain));
    double lost = 0;
    for (int j = 0; j < N; j++) {
        lost = fmax(lost, fabs(plain[j] - (j % 2 ? -3 : j + 1)));
        assert_true(fabs(x[j] - (j % 2 ? -3 : j + 1)) <= 2 * DBL_EPSILON * fabs(x[j]));
    }
    assert_true(lost > 1e-11); /* there was something to gain */
    const ovp_kernel_solver_report *r = ovp_kernel_solver_get_report(s);
    assert_true(r->refinements >= 1 && r->condition > 5e8 && r->condition < 2e9);
    ovp_kernel_solver_free(s);
}

/* K = V diag(w) V^T with a last eigenvalue of -1e-16, below what rounding of the others leaves: jitter, told. */
static void jitter_and_eigenvalues(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 120 };
    double *k = wishart(ctx, 6, N, N, 0), *v = zeros(ctx, (ovp_idx)N * N), *x = normals(ctx, 7, N), values[N];
    double *scaled = zeros(ctx, (ovp_idx)N * N), *b = zeros(ctx, N), *out = zeros(ctx, N);
    assert_ok(ctx, ovp_numeric_eigh(values, v, ctx, N, k));
    for (int kind = 0; kind < 2; kind++) {
        for (ovp_idx i = 0; i < N; i++) {
            values[i] = i < 3 ? (kind ? -.5 : -2e-15) : 1 + (double)i / N;
            for (ovp_idx j = 0; j < N; j++) scaled[i * N + j] = values[i] * v[i * N + j];
        }
        ovp_numeric_gemm(OVP_F64, 1, 0, N, N, N, 1, v, N, scaled, N, 0, k, N);
        for (ovp_idx i = 0; i < N; i++)
            for (ovp_idx j = 0; j < i; j++) k[j * N + i] = k[i * N + j];
        /* a solution without the three directions, and its right-hand side */
        double *want = zeros(ctx, N);
        for (ovp_idx i = 3; i < N; i++) {
            double dot = 0;
            for (ovp_idx j = 0; j < N; j++) dot += v[i * N + j] * x[j];
            for (ovp_idx j = 0; j < N; j++) want[j] += dot * v[i * N + j];
        }
        memset(b, 0, N * sizeof *b);
        ovp_numeric_gemm(OVP_F64, 0, 0, N, 1, N, 1, k, N, want, 1, 0, b, 1);
        ovp_kernel_solver *s;
        assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, N, k, NULL));
        assert_ok(ctx, ovp_kernel_solve(s, ctx, 1, b, out));
        const ovp_kernel_solver_report *r = ovp_kernel_solver_get_report(s);
        if (kind) {
            assert_string_equal(r->method, "eigen");
            assert_int_equal(r->dropped, 3);
            assert_true(fabs(r->condition - values[N - 1] / values[3]) < 1e-10);
            assert_true(worst(out, want, N) < 1e-13);
        } else {
            assert_string_equal(r->method, "cholesky-jitter");
            assert_true(r->jitter >= 2e-15 && r->jitter < 2e-12);
        }
        assert_true(r->residual < 1e-12);
        ovp_kernel_solver_free(s);
        ovp_free(ctx, want);
    }
    ovp_free(ctx, k);
    ovp_free(ctx, v);
    ovp_free(ctx, x);
    ovp_free(ctx, scaled);
    ovp_free(ctx, b);
    ovp_free(ctx, out);
}

/* exp(-|x_i - x_j|), x_i = i but for one point that stands twice. */
static void duplicates_are_named(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 90 };
    double *k = zeros(ctx, (ovp_idx)N * N), b[N], x[N];
    for (ovp_idx i = 0; i < N; i++) {
        b[i] = cos((double)i);
        for (ovp_idx j = 0; j < N; j++) k[i * N + j] = exp(-fabs((double)((i == 71 ? 12 : i) - (j == 71 ? 12 : j))));
    }
    ovp_kernel_solver *s = NULL;
    assert_fails(ctx, OVP_ENUMERIC, "rows 12 and 71", ovp_kernel_solver_create(&s, ctx, N, k, NULL));
    assert_null(s);
    /* with a ridge the two share their targets' mean */
    const ovp_kernel_solver_options ridge = {sizeof ridge, 1e-8, NULL};
    assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, N, k, &ridge));
    assert_ok(ctx, ovp_kernel_solve(s, ctx, 1, b, x));
    double f = 0;
    for (ovp_idx j = 0; j < N; j++) f += k[12 * N + j] * x[j];
    assert_true(fabs(f - (b[12] + b[71]) / 2) < 1e-6);
    ovp_kernel_solver_free(s);
    ovp_free(ctx, k);
}

static void same_bits_for_any_threads(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 1300, C = 5 };
    double *k = wishart(ctx, 8, N, N, 1e-7), *b = normals(ctx, 9, (ovp_idx)N * C), *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        const ovp_ctx_options o = {.size = sizeof o, .threads = threads};
        ovp_ctx *own;
        ovp_kernel_solver *s;
        assert_int_equal(ovp_ctx_create(&own, &o), OVP_OK);
        double *x = zeros(ctx, (ovp_idx)N * C);
        assert_ok(own, ovp_kernel_solver_create(&s, own, N, k, NULL));
        assert_ok(own, ovp_kernel_solve(s, own, C, b, x));
        assert_true(ovp_kernel_solver_get_report(s)->condition > 1e5); /* extended residuals ran */
        if (first) {
            assert_memory_equal(x, first, sizeof(double) * N * C);
            ovp_free(ctx, x);
        } else {
            first = x;
        }
        ovp_kernel_solver_free(s);
        ovp_ctx_free(own);
    }
    ovp_free(ctx, first);
    ovp_free(ctx, k);
    ovp_free(ctx, b);
}

static void bad_input(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 70 };
    double *k = wishart(ctx, 1, N, N, 1), b[N] = {0}, one = 4, x = 0;
    ovp_kernel_solver *s;
    const ovp_kernel_solver_options negative = {sizeof negative, -1, NULL}, scale = {sizeof scale, 1, "trace"};
    assert_fails(ctx, OVP_EINVAL, "0 rows", ovp_kernel_solver_create(&s, ctx, 0, k, NULL));
    assert_fails(ctx, OVP_EINVAL, "ridge -1", ovp_kernel_solver_create(&s, ctx, N, k, &negative));
    assert_fails(ctx, OVP_EINVAL, "absolute, relative", ovp_kernel_solver_create(&s, ctx, N, k, &scale));
    k[66 * N + 3] = (double)NAN;
    k[67 * N + 1] = (double)INFINITY;
    assert_fails(ctx, OVP_EINVAL, "[66, 3] is nan", ovp_kernel_solver_create(&s, ctx, N, k, NULL));
    k[66 * N + 3] = 7;
    k[67 * N + 1] = k[1 * N + 67];
    assert_fails(ctx, OVP_EINVAL, "not symmetric: entry [3, 66]", ovp_kernel_solver_create(&s, ctx, N, k, NULL));
    memset(k, 0, sizeof(double) * N * N);
    assert_fails(ctx, OVP_ENUMERIC, "equal points", ovp_kernel_solver_create(&s, ctx, N, k, NULL));
    for (int i = 0; i < N; i++) k[i * N + i] = -1 - i;
    assert_fails(ctx, OVP_ENUMERIC, "no eigenvalue", ovp_kernel_solver_create(&s, ctx, N, k, NULL));
    const ovp_kernel_solver_options relative = {sizeof relative, .1, "relative"};
    assert_fails(ctx, OVP_EINVAL, "trace", ovp_kernel_solver_create(&s, ctx, N, k, &relative));

    assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, 1, &one, NULL));
    b[0] = (double)INFINITY;
    assert_fails(ctx, OVP_EINVAL, "right-hand side: entry [0, 0] is inf", ovp_kernel_solve(s, ctx, 1, b, &x));
    assert_fails(ctx, OVP_EINVAL, "0 columns", ovp_kernel_solve(s, ctx, 0, b, &x));
    b[0] = 3;
    assert_ok(ctx, ovp_kernel_solve(s, ctx, 1, b, &x));
    assert_true(x == .75);
    ovp_kernel_solver_free(s);
    /* an answer past the largest double */
    one = 1e-300;
    b[0] = 1e300;
    assert_ok(ctx, ovp_kernel_solver_create(&s, ctx, 1, &one, NULL));
    assert_fails(ctx, OVP_ENUMERIC, "overflows", ovp_kernel_solve(s, ctx, 1, b, &x));
    ovp_kernel_solver_free(s);
    ovp_free(ctx, k);
}

/* Every allocation fails once. */
static void out_of_memory(void **state) {
    (void)state;
    enum { N = 20 };
    double k[N * N] = {0}, b[N] = {1}, x[N];
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < N; i++) k[i * N + i] = kind && i == 3 ? -1 : 1 + i;
        int needed = 0;
        for (int grants = 0; grants < 100 && !needed; grants++) {
            int left = INT_MAX;
            ovp_allocator allocator = granting(&left);
            ovp_ctx_options o = {.size = sizeof o, .threads = 1, .allocator = &allocator};
            ovp_ctx *ctx;
            ovp_kernel_solver *s = NULL;
            assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
            left = grants;
            ovp_status status = ovp_kernel_solver_create(&s, ctx, N, k, NULL);
            if (status == OVP_OK) status = ovp_kernel_solve(s, ctx, 1, b, x);
            ovp_kernel_solver_free(s);
            if (status == OVP_OK)
                needed = grants;
            else
                assert_int_equal(status, OVP_ENOMEM);
            left = INT_MAX;
            ovp_ctx_free(ctx);
        }
        assert_true(needed > 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(cholesky_rebuilds),
        CTX_TEST(cholesky_names_the_minor),
        cmocka_unit_test(cholesky_takes_the_memory_it_says),
        CTX_TEST(condition_of_known_matrices),
        CTX_TEST(solves_and_reports),
        CTX_TEST(refinement_gains_digits),
        CTX_TEST(jitter_and_eigenvalues),
        CTX_TEST(duplicates_are_named),
        CTX_TEST(bad_input),
        CTX_TEST(same_bits_for_any_threads),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
