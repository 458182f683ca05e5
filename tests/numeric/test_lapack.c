/* numeric: symmetric eigenvalues, singular values and least squares by their laws, by known matrices, and bad input. */
#include "allocator.h"
#include "levels.h"

#include <overparam/numeric.h>

#include <math.h>
#include <string.h>

#define MOST 64

static void random_fill(double *x, ovp_idx count, uint64_t seed) {
    for (ovp_idx i = 0; i < count; i++) x[i] = random_real(&seed, -1, 1);
}

/* Largest |(A B)(i, j) - C(i, j)|, op(A) m x k, B k x n; c NULL: the identity. */
static double product_error(int ta, ovp_idx m, ovp_idx n, ovp_idx k, const double *a, const double *b, int tb,
                            const double *c) {
    double worst = 0;
    for (ovp_idx i = 0; i < m; i++)
        for (ovp_idx j = 0; j < n; j++) {
            double sum = 0;
            for (ovp_idx p = 0; p < k; p++)
                sum += (ta ? a[p * m + i] : a[i * k + p]) * (tb ? b[j * k + p] : b[p * n + j]);
            worst = fmax(worst, fabs(sum - (c ? c[i * n + j] : (double)(i == j))));
        }
    return worst;
}

static void eigenvectors_rebuild_the_matrix(void **state) {
    ovp_ctx *ctx = *state;
    double a[MOST * MOST], v[MOST * MOST], scaled[MOST * MOST], values[MOST], alone[MOST];
    for (ovp_idx n = 1; n <= MOST; n += n < 8 ? 1 : 7) {
        random_fill(a, n * n, (uint64_t)n);
        for (ovp_idx i = 0; i < n; i++)
            for (ovp_idx j = 0; j < i; j++) a[j * n + i] = a[i * n + j];
        assert_ok(ctx, ovp_numeric_eigh(values, v, ctx, n, a));
        for (ovp_idx i = 1; i < n; i++) assert_true(values[i - 1] <= values[i]);
        for (ovp_idx i = 0; i < n * n; i++) scaled[i] = v[i] * values[i / n];
        assert_true(product_error(1, n, n, n, v, scaled, 0, a) < 1e-14 * (double)n);
        assert_true(product_error(0, n, n, n, v, v, 1, NULL) < 1e-14 * (double)n);
        assert_ok(ctx, ovp_numeric_eigh(alone, NULL, ctx, n, a));
        for (ovp_idx i = 0; i < n; i++) assert_true(fabs(alone[i] - values[i]) < 1e-14 * (double)n);
    }
}

static void parts_of_a_spectrum(void **state) {
    ovp_ctx *ctx = *state;
    double a[MOST * MOST], v[MOST * MOST], image[MOST * MOST], values[MOST], some[MOST];
    for (ovp_idx n = 1; n <= MOST; n += n < 8 ? 1 : 7) {
        const ovp_idx top = (n + 1) / 2, width = n / 3;
        random_fill(a, n * n, (uint64_t)n);
        for (ovp_idx i = 0; i < n; i++)
            for (ovp_idx j = 0; j < i; j++) {
                if (i - j > width) a[i * n + j] = 0;
                a[j * n + i] = a[i * n + j];
            }
        assert_ok(ctx, ovp_numeric_eigh(values, NULL, ctx, n, a));
        assert_ok(ctx, ovp_numeric_eigh_top(some, v, ctx, n, top, a));
        for (ovp_idx i = 0; i < n; i++) assert_true(fabs(some[i] - values[i]) < 1e-14 * (double)n);
        for (ovp_idx i = 0; i < top * n; i++) image[i] = v[i] * some[n - 1 - i / n];
        assert_true(product_error(0, top, n, n, v, a, 0, image) < 1e-14 * (double)n);
        assert_true(product_error(0, top, top, n, v, v, 1, NULL) < 1e-14 * (double)n);
        for (ovp_idx i = 0; i < n; i++) /* only the band below the diagonal is read */
            for (ovp_idx j = 0; j < n; j++) image[i * MOST + j] = j > i || i - j > width ? (double)NAN : a[i * n + j];
        assert_ok(ctx, ovp_numeric_eigh_band(some, ctx, n, width, image, MOST));
        for (ovp_idx i = 0; i < n; i++) assert_true(fabs(some[i] - values[i]) < 1e-14 * (double)n);
    }
}

/* The path's second difference has the eigenvalues 2 - 2 cos(pi i / (n + 1)), i = 1..n. */
static void eigenvalues_of_a_known_matrix(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 40 };
    double a[N * N] = {0}, values[N];
    for (int i = 0; i < N; i++) {
        a[i * N + i] = 2;
        if (i > 0) a[i * N + i - 1] = -1;
        if (i < N - 1) a[i * N + i + 1] = 99; /* only the lower triangle is read */
    }
    assert_ok(ctx, ovp_numeric_eigh(values, NULL, ctx, N, a));
    for (int i = 0; i < N; i++) assert_true(fabs(values[i] - (2 - 2 * cos(M_PI * (i + 1) / (N + 1)))) < 1e-14);
}

static void singular_vectors_rebuild_the_matrix(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx shapes[][2] = {{1, 1}, {1, 7}, {7, 1}, {5, 3}, {3, 5}, {40, 17}, {17, 40}, {64, 64}};
    double a[MOST * MOST], u[MOST * MOST], vt[MOST * MOST], s[MOST], alone[MOST];
    for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) {
        const ovp_idx m = shapes[shape][0], n = shapes[shape][1], k = m < n ? m : n;
        random_fill(a, m * n, (uint64_t)(m * 100 + n));
        assert_ok(ctx, ovp_numeric_svd(s, u, vt, ctx, m, n, a));
        assert_true(product_error(1, k, k, m, u, u, 0, NULL) < 1e-13);
        assert_true(product_error(0, k, k, n, vt, vt, 1, NULL) < 1e-13);
        assert_ok(ctx, ovp_numeric_svd(alone, NULL, NULL, ctx, m, n, a));
        for (ovp_idx i = 0; i < k; i++) {
            assert_true(s[i] >= 0 && (i == 0 || s[i] <= s[i - 1]) && fabs(alone[i] - s[i]) < 1e-13);
            for (ovp_idx j = 0; j < n; j++) vt[i * n + j] *= s[i];
        }
        assert_true(product_error(0, m, n, k, u, vt, 0, a) < 1e-13);
    }
}

/* diag(4, 2, 1e-9) with rcond 1e-8 has rank 2; with 1e-10, 3. A value exactly at the cut is dropped. */
static void the_cut_of_small_singular_values(void **state) {
    ovp_ctx *ctx = *state;
    const double a[9] = {4, 0, 0, 0, 2, 0, 0, 0, 1e-9}, b[3] = {4, 4, 1e-9};
    double x[3], s[3];
    ovp_idx rank = -1;
    assert_ok(ctx, ovp_numeric_lstsq(x, &rank, s, ctx, 3, 3, 1, a, b, 1e-8));
    assert_int_equal(rank, 2);
    assert_true(fabs(x[0] - 1) < 1e-15 && fabs(x[1] - 2) < 1e-15 && x[2] == 0);
    assert_true(fabs(s[0] - 4) < 1e-15 && fabs(s[2] - 1e-9) < 1e-24);
    assert_ok(ctx, ovp_numeric_lstsq(x, &rank, NULL, ctx, 3, 3, 1, a, b, 1e-10));
    assert_int_equal(rank, 3);
    assert_true(fabs(x[2] - 1) < 1e-15);
    assert_ok(ctx, ovp_numeric_lstsq(x, &rank, NULL, ctx, 3, 3, 1, a, b, 0.5));
    assert_int_equal(rank, 1);
}

static void least_squares_by_its_laws(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx shapes[][2] = {{12, 5}, {5, 12}, {8, 8}};
    double a[MOST], b[MOST], x[MOST], vt[MOST * 2], u[MOST * 2], s[MOST];
    for (size_t shape = 0; shape < 3; shape++) {
        const ovp_idx m = shapes[shape][0], n = shapes[shape][1], k = m < n ? m : n, rhs = 2;
        random_fill(a, m * n, (uint64_t)(m + 1000));
        random_fill(b, m * rhs, (uint64_t)(n + 1000));
        ovp_idx rank = 0;
        assert_ok(ctx, ovp_numeric_lstsq(x, &rank, NULL, ctx, m, n, rhs, a, b, 1e-12));
        assert_int_equal(rank, k);
        /* The residual is orthogonal to the columns of a. */
        for (ovp_idx r = 0; r < rhs; r++)
            for (ovp_idx j = 0; j < n; j++) {
                double sum = 0;
                for (ovp_idx i = 0; i < m; i++) {
                    double f = 0;
                    for (ovp_idx p = 0; p < n; p++) f += a[i * n + p] * x[p * rhs + r];
                    sum += a[i * n + j] * (f - b[i * rhs + r]);
                }
                assert_true(fabs(sum) < 1e-12);
            }
        /* x lies in the row space: what vt's rows leave of it is nothing. */
        assert_ok(ctx, ovp_numeric_svd(s, u, vt, ctx, m, n, a));
        for (ovp_idx r = 0; r < rhs; r++) {
            double left = 0;
            for (ovp_idx j = 0; j < n; j++) left += x[j * rhs + r] * x[j * rhs + r];
            for (ovp_idx i = 0; i < k; i++) {
                double part = 0;
                for (ovp_idx j = 0; j < n; j++) part += vt[i * n + j] * x[j * rhs + r];
                left -= part * part;
            }
            assert_true(fabs(left) < 1e-12);
        }
    }
}

static void empty_and_zero_matrices(void **state) {
    ovp_ctx *ctx = *state;
    const double a[6] = {0}, b[2] = {1, 2};
    double x[3] = {9, 9, 9}, s[2];
    ovp_idx rank = -1;
    assert_ok(ctx, ovp_numeric_eigh(s, NULL, ctx, 0, a));
    assert_ok(ctx, ovp_numeric_lstsq(x, &rank, s, ctx, 2, 3, 1, a, b, 1e-12));
    assert_int_equal(rank, 0);
    assert_true(x[0] == 0 && x[1] == 0 && x[2] == 0 && s[0] == 0);
    assert_ok(ctx, ovp_numeric_lstsq(x, &rank, NULL, ctx, 0, 3, 1, a, b, 1e-12));
    assert_int_equal(rank, 0);
}

static void what_is_refused(void **state) {
    ovp_ctx *ctx = *state;
    double a[4] = {1, 2, NAN, 4}, b[2] = {1, INFINITY}, out[8], u[4], vt[4];
    const double fine[4] = {1, 0, 0, 1};
    assert_fails(ctx, OVP_ENUMERIC, "entry [1, 0]", ovp_numeric_eigh(out, NULL, ctx, 2, a));
    assert_fails(ctx, OVP_ENUMERIC, "entry [1, 0]", ovp_numeric_svd(out, u, vt, ctx, 2, 2, a));
    assert_fails(ctx, OVP_ENUMERIC, "entry [1, 0]", ovp_numeric_lstsq(out, NULL, NULL, ctx, 2, 2, 1, fine, b, 0));
    assert_fails(ctx, OVP_EINVAL, "rcond -1", ovp_numeric_lstsq(out, NULL, NULL, ctx, 2, 2, 1, fine, fine, -1));
    assert_fails(ctx, OVP_EINVAL, "rcond nan", ovp_numeric_lstsq(out, NULL, NULL, ctx, 2, 2, 1, fine, fine, NAN));
    assert_fails(ctx, OVP_EINVAL, "extent -1", ovp_numeric_eigh(out, NULL, ctx, -1, fine));
    assert_fails(ctx, OVP_EINVAL, "3 of 2 eigenvectors", ovp_numeric_eigh_top(out, u, ctx, 2, 3, fine));
    assert_fails(ctx, OVP_ENUMERIC, "entry [1, 0]", ovp_numeric_eigh_band(out, ctx, 2, 1, a, 2));
    assert_fails(ctx, OVP_EINVAL, "a band of 1 in rows 1 apart", ovp_numeric_eigh_band(out, ctx, 2, 1, a, 1));
    assert_fails(ctx, OVP_EINVAL, "extent 4294967296", ovp_numeric_svd(out, u, vt, ctx, (ovp_idx)1 << 32, 0, fine));
}

/* Every allocation refused in turn: an error, no leak. */
static void failing_allocations(void **state) {
    (void)state;
    const double a[6] = {1, 2, 3, 4, 5, 7}, b[3] = {1, 2, 3};
    for (int grants = 1, done = 0; !done; grants++) {
        int left = grants;
        ovp_allocator allocator = granting(&left);
        ovp_ctx *ctx;
        ovp_status status =
            ovp_ctx_create(&ctx, &(ovp_ctx_options){.size = sizeof(ovp_ctx_options), .allocator = &allocator});
        if (status == OVP_OK) {
            double x[2], values[2], vectors[4];
            status = ovp_numeric_lstsq(x, NULL, NULL, ctx, 3, 2, 1, a, b, 1e-12);
            if (status == OVP_OK) status = ovp_numeric_eigh(values, vectors, ctx, 2, a);
            if (status == OVP_OK) status = ovp_numeric_eigh(values, NULL, ctx, 2, a);
            if (status == OVP_OK) status = ovp_numeric_eigh_top(values, vectors, ctx, 2, 1, a);
            if (status == OVP_OK) status = ovp_numeric_eigh_band(values, ctx, 2, 1, a, 2);
            ovp_ctx_free(ctx);
        }
        assert_true(status == OVP_OK || status == OVP_ENOMEM);
        done = status == OVP_OK;
        assert_true(grants < 50);
    }
}

/* ---- the same bits for any number of threads ------------------------------------------------------- */

enum { LARGE = 300 }; /* past the size from which OpenBLAS would share its work */

/* With the BLAS set to `threads` beforehand, as a host program may have it. */
static void decompose(ovp_ctx *ctx, double *out, const double *a, int threads) {
    const int blas = ovp_numeric_blas_begin();
    ovp_numeric_blas_end(threads);
    ovp_status eigh = ovp_numeric_eigh(out, out + LARGE, ctx, LARGE, a);
    ovp_status lstsq = ovp_numeric_lstsq(out + LARGE * (LARGE + 1), NULL, NULL, ctx, LARGE, LARGE, 1, a, a, 1e-12);
    (void)ovp_numeric_blas_begin();
    ovp_numeric_blas_end(blas);
    assert_ok(ctx, eigh);
    assert_ok(ctx, lstsq);
}

static void same_bits_for_any_threads(void **state) {
    const size_t count = LARGE * (LARGE + 2);
    double *one = calloc(count, sizeof *one), *other = calloc(count, sizeof *other),
           *a = calloc(LARGE * LARGE, sizeof *a);
    assert_true(one && other && a);
    random_fill(a, LARGE * LARGE, 5);
    decompose(*state, one, a, 1);
    for (int threads = 2; threads <= 3; threads++) {
        decompose(*state, other, a, threads);
        assert_memory_equal(one, other, count * sizeof *one);
    }
    free(one);
    free(other);
    free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(eigenvectors_rebuild_the_matrix),  CTX_TEST(parts_of_a_spectrum),
        CTX_TEST(eigenvalues_of_a_known_matrix),    CTX_TEST(singular_vectors_rebuild_the_matrix),
        CTX_TEST(the_cut_of_small_singular_values), CTX_TEST(least_squares_by_its_laws),
        CTX_TEST(empty_and_zero_matrices),          CTX_TEST(what_is_refused),
        cmocka_unit_test(failing_allocations),      CTX_TEST(same_bits_for_any_threads),
    };
    return cmocka_run_group_tests_name("lapack", tests, NULL, NULL);
}
