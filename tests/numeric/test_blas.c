/* numeric: gemm against a plain triple loop, alone and from several threads. */
#include "levels.h"
#include "numeric/blas_int.h"

#include <math.h>
#include <string.h>

/* Op(A)(i, p) for A stored with leading dimension ld. */
static double at(ovp_numeric_type type, const void *a, int transposed, ovp_idx ld, ovp_idx i, ovp_idx p) {
    ovp_idx at = transposed ? p * ld + i : i * ld + p;
    return type == OVP_F32 ? (double)((const float *)a)[at] : ((const double *)a)[at];
}

typedef struct problem {
    ovp_numeric_type type;
    int ta, tb;
    ovp_idx m, n, k, pad, block;
    double alpha, beta;
} problem;

static void *random_matrix(ovp_numeric_type type, ovp_idx count, uint64_t *seed) {
    void *x = malloc((size_t)(count + 1) * 8);
    if (!x) return NULL;
    for (ovp_idx i = 0; i < count; i++) {
        double v = random_real(seed, -1, 1);
        if (type == OVP_F32)
            ((float *)x)[i] = (float)v;
        else
            ((double *)x)[i] = v;
    }
    return x;
}

/* Largest error of C as a multiple of the rounding bound k eps; elements between the rows must stay as they were. */
static double worst_error(const problem *q) {
    uint64_t seed = (uint64_t)(q->m * 1000003 + q->n * 1009 + q->k + q->ta * 2 + q->tb);
    const ovp_idx lda = (q->ta ? q->m : q->k) + q->pad, ldb = (q->tb ? q->k : q->n) + q->pad, ldc = q->n + q->pad;
    const size_t size = ovp_numeric_type_size(q->type);
    void *a = random_matrix(q->type, (q->ta ? q->k : q->m) * lda, &seed);
    void *b = random_matrix(q->type, (q->tb ? q->n : q->k) * ldb, &seed);
    void *c = random_matrix(q->type, q->m * ldc, &seed), *before = malloc((size_t)(q->m * ldc + 1) * 8);
    double worst = a && b && c && before ? 0 : INFINITY;
    if (worst == 0) {
        memcpy(before, c, (size_t)(q->m * ldc) * size);
        if (q->block > 0)
            ovp_numeric_gemm_blocked(q->type, q->ta, q->tb, q->m, q->n, q->k, q->alpha, a, lda, b, ldb, q->beta, c, ldc,
                                     q->block);
        else
            ovp_numeric_gemm(q->type, q->ta, q->tb, q->m, q->n, q->k, q->alpha, a, lda, b, ldb, q->beta, c, ldc);
        const double eps = q->type == OVP_F32 ? 0x1p-23 : 0x1p-52;
        for (ovp_idx i = 0; i < q->m; i++)
            for (ovp_idx j = 0; j < ldc; j++) {
                double sum = 0, got = at(q->type, c, 0, ldc, i, j), was = at(q->type, before, 0, ldc, i, j);
                if (j >= q->n) {
                    if (got != was) worst = INFINITY;
                    continue;
                }
                for (ovp_idx p = 0; p < q->k; p++)
                    sum += at(q->type, a, q->ta, lda, i, p) * at(q->type, b, !q->tb, ldb, j, p);
                double error = fabs(got - (q->alpha * sum + q->beta * was)) / (eps * (double)(q->k + 2));
                worst = error <= worst ? worst : error; /* a NaN shows */
            }
    }
    free(a);
    free(b);
    free(c);
    free(before);
    return worst;
}

static const ovp_idx shapes[][3] = {{1, 1, 1},   {1, 17, 5},    {19, 1, 23},  {7, 11, 13}, {64, 64, 64},
                                    {65, 33, 1}, {33, 129, 70}, {5, 10, 784}, {3, 4, 0}};
static const double scales[][2] = {{1, 0}, {1, 1}, {-0.37, 0.5}, {0, 2}};
enum { SHAPES = sizeof shapes / sizeof *shapes, SCALES = sizeof scales / sizeof *scales };

static problem nth(ovp_idx task) {
    problem q = {.type = task & 1 ? OVP_F64 : OVP_F32, .ta = task >> 1 & 1, .tb = task >> 2 & 1};
    task >>= 3;
    q.m = shapes[task % SHAPES][0];
    q.n = shapes[task % SHAPES][1];
    q.k = shapes[task % SHAPES][2];
    task /= SHAPES;
    q.alpha = scales[task % SCALES][0];
    q.beta = scales[task % SCALES][1];
    q.pad = task % 2 ? 3 : 0;
    return q;
}
enum { PROBLEMS = 8 * SHAPES * SCALES };

static void gemm_agrees_with_a_triple_loop(void **state) {
    (void)state;
    for (ovp_idx task = 0; task < PROBLEMS; task++) {
        problem q = nth(task);
        double error = worst_error(&q);
        if (!(error <= 1))
            fail_msg("%s ta %d tb %d %dx%dx%d alpha %g beta %g: %g rounding bounds", ovp_numeric_type_name(q.type),
                     q.ta, q.tb, (int)q.m, (int)q.n, (int)q.k, q.alpha, q.beta, error);
    }
}

static void blocks_give_the_same_product(void **state) {
    (void)state;
    for (ovp_idx task = 0; task < PROBLEMS; task++) {
        problem q = nth(task);
        q.block = 1 + task % 9;
        assert_true(worst_error(&q) <= 2);
    }
}

static void beta_zero_overwrites_nan(void **state) {
    (void)state;
    float a[4] = {1, 2, 3, 4}, c[4] = {NAN, NAN, NAN, NAN}, expected[4] = {7, 10, 15, 22};
    ovp_numeric_gemm(OVP_F32, 0, 0, 2, 2, 2, 1, a, 2, a, 2, 0, c, 2);
    assert_memory_equal(c, expected, sizeof c);
    ovp_numeric_gemm(OVP_F32, 0, 0, 0, 2, 2, 1, a, 2, a, 2, 0, c, 2);
    ovp_numeric_gemm(OVP_F32, 0, 0, 2, 0, 2, 1, a, 2, a, 0, 0, c, 0);
    assert_memory_equal(c, expected, sizeof c);
}

static ovp_status one_problem(ovp_ctx *worker, void *arg, ovp_idx task) {
    (void)arg;
    problem q = nth(task * 13 % PROBLEMS);
    double error = worst_error(&q);
    return error <= 1 ? OVP_OK : ovp_fail(worker, OVP_ENUMERIC, "task %d: %g rounding bounds", (int)task, error);
}

typedef struct product {
    const float *a; /* n x n */
    float *c;       /* tasks x n x n */
    ovp_idx n;
} product;

static ovp_status one_product(ovp_ctx *worker, void *arg, ovp_idx task) {
    (void)worker;
    const product *p = arg;
    const ovp_idx n = p->n;
    ovp_numeric_gemm(OVP_F32, 0, 1, n, n, n, 1, p->a, n, p->a, n, 0, p->c + task * n * n, n);
    return OVP_OK;
}

static void threads_may_call_at_once(void **state) {
    (void)state;
    ovp_ctx *ctx;
    ovp_ctx_options o = {.size = sizeof o, .threads = 4};
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
    int previous = ovp_numeric_blas_begin();
    assert_ok(ctx, ovp_parallel(ctx, 4 * PROBLEMS, one_problem, NULL));

    enum { N = 200, TASKS = 24 };
    uint64_t seed = 5;
    product p = {.a = random_matrix(OVP_F32, N * N, &seed), .c = calloc(TASKS * N * N, sizeof(float)), .n = N};
    assert_non_null(p.a);
    assert_non_null(p.c);
    assert_ok(ctx, ovp_parallel(ctx, TASKS, one_product, &p));
    for (int t = 1; t < TASKS; t++) assert_memory_equal(p.c, p.c + (size_t)t * N * N, N * N * sizeof(float));
    ovp_numeric_blas_end(previous);
    free((void *)(uintptr_t)p.a);
    free(p.c);
    ovp_ctx_free(ctx);
}

extern __attribute__((weak)) int omp_get_max_threads(void);
extern __attribute__((weak)) void omp_set_num_threads(int threads);
extern __attribute__((weak)) int openblas_get_num_threads(void);

static void thread_counts_are_put_back(void **state) {
    (void)state;
    double a = 2, c = 0;
    if (omp_get_max_threads) {
        omp_set_num_threads(3);
        ovp_numeric_gemm(OVP_F64, 0, 0, 1, 1, 1, 1, &a, 1, &a, 1, 0, &c, 1);
        assert_true(c == 4);
        assert_int_equal(omp_get_max_threads(), 3);
    }
    int before = openblas_get_num_threads ? openblas_get_num_threads() : 1;
    int previous = ovp_numeric_blas_begin();
    assert_true(previous >= 1);
    if (strcmp(ovp_numeric_blas_flavour(), "openmp") == 0) assert_int_equal(omp_get_max_threads(), 1);
    if (strcmp(ovp_numeric_blas_flavour(), "pthread") == 0) assert_int_equal(openblas_get_num_threads(), 1);
    assert_int_equal(ovp_numeric_blas_begin(), 1); /* pairs may nest */
    ovp_numeric_blas_end(1);
    ovp_numeric_blas_end(previous);
    if (strcmp(ovp_numeric_blas_flavour(), "openmp") == 0) assert_int_equal(omp_get_max_threads(), 3);
    if (strcmp(ovp_numeric_blas_flavour(), "pthread") == 0) assert_int_equal(openblas_get_num_threads(), before);
}

static void blas_says_what_it_is(void **state) {
    (void)state;
    char name[64], cut[5];
    ovp_numeric_blas_name(name, sizeof name);
    assert_true(strlen(name) > 0);
    ovp_numeric_blas_name(cut, sizeof cut);
    assert_int_equal(strlen(cut), 4);
    assert_true(strlen(ovp_numeric_blas_core()) > 0);
    const char *flavour = ovp_numeric_blas_flavour();
    assert_true(strcmp(flavour, "openmp") == 0 || strcmp(flavour, "pthread") == 0 || strcmp(flavour, "serial") == 0 ||
                strcmp(flavour, "unknown") == 0);
    if (openblas_get_num_threads) { /* then it is OpenBLAS, and must have been recognised */
        assert_non_null(strstr(name, "OpenBLAS"));
        assert_string_not_equal(flavour, "unknown");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_agrees_with_a_triple_loop), cmocka_unit_test(blocks_give_the_same_product),
        cmocka_unit_test(beta_zero_overwrites_nan),       cmocka_unit_test(threads_may_call_at_once),
        cmocka_unit_test(thread_counts_are_put_back),     cmocka_unit_test(blas_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
