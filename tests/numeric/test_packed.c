/* numeric: products of packed rows against a plain triple loop, for every processor level and precision. */
#include "levels.h"
#include "numeric/packed_int.h"

#include <math.h>
#include <string.h>

/* Freed with ovp_free. */
static void *numbers(ovp_ctx *ctx, ovp_numeric_type type, ovp_idx count, uint64_t *seed) {
    void *x;
    assert_int_equal(ovp_alloc(ctx, &x, count, sizeof(double)), OVP_OK);
    for (ovp_idx i = 0; i < count; i++) set(type, x, i, random_real(seed, -1, 1));
    return x;
}

typedef struct problem {
    ovp_idx m, n, d;
    int subtract, shifted;
} problem;

static void check(ovp_ctx *ctx, ovp_numeric_type type, const problem *q) {
    const ovp_numeric_packed *packed = ovp_numeric_packed_for(ctx, type);
    const ovp_idx lda = q->d + 3, ldb = q->d, ldc = q->n + 5, *sliver = packed->sliver;
    const double eps = type == OVP_F32 ? 0x1p-23 : 0x1p-52;
    uint64_t seed = (uint64_t)(q->m * 1000003 + q->n * 1009 + q->d);
    void *a = numbers(ctx, type, q->m * lda, &seed), *b = numbers(ctx, type, q->n * ldb, &seed);
    void *c = numbers(ctx, type, q->m * ldc, &seed), *shift = numbers(ctx, type, q->d, &seed);
    void *left = numbers(ctx, type, ovp_numeric_packed_rows(sliver[0], q->m) * q->d, &seed);
    void *right = numbers(ctx, type, ovp_numeric_packed_rows(sliver[1], q->n) * q->d, &seed), *was;
    assert_int_equal(ovp_alloc(ctx, &was, q->m * ldc, sizeof(double)), OVP_OK);
    memcpy(was, c, (size_t)(q->m * ldc) * sizeof(double));
    packed->pack(sliver[0], q->m, q->d, a, lda, q->shifted ? shift : NULL, left);
    packed->pack(sliver[1], q->n, q->d, b, ldb, q->shifted ? shift : NULL, right);
    packed->product(q->m, q->n, q->d, left, right, q->subtract, c, ldc);
    for (ovp_idx i = 0; i < q->m; i++)
        for (ovp_idx j = 0; j < ldc; j++) {
            const double got = get(type, c, i * ldc + j), before = get(type, was, i * ldc + j);
            double sum = 0, size = 0;
            for (ovp_idx k = 0; k < q->d && j < q->n; k++) {
                const double by = q->shifted ? get(type, shift, k) : 0;
                const double term = (get(type, a, i * lda + k) - by) * (get(type, b, j * ldb + k) - by);
                sum += term;
                size += fabs(term);
            }
            const double want = j >= q->n ? before : q->subtract ? before - sum : sum;
            const double bound = eps * (size + fabs(want)) * sqrt((double)q->d + 4);
            if (j < q->n ? !(fabs(got - want) <= bound) : got < before || got > before)
                fail_msg("%s %s %d x %d x %d: [%d, %d] is %.17g, wanted %.17g", ovp_isa(ctx),
                         ovp_numeric_type_name(type), (int)q->m, (int)q->n, (int)q->d, (int)i, (int)j, got, want);
        }
    void *const all[] = {a, b, c, shift, left, right, was};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ovp_free(ctx, all[i]);
}

static void check_narrow(ovp_ctx *ctx, ovp_numeric_type type, const problem *q, int transposed) {
    const ovp_numeric_packed *packed = ovp_numeric_packed_for(ctx, type);
    const ovp_idx lda = (transposed ? q->m : q->d) + 3, ldx = q->n + 1, ldc = q->n + 2;
    const ovp_idx a_rows = transposed ? q->d : q->m;
    const double eps = type == OVP_F32 ? 0x1p-23 : 0x1p-52;
    uint64_t seed = (uint64_t)(q->m * 1000003 + q->n * 1009 + q->d);
    if (q->n > packed->sliver[0]) return;
    void *a = numbers(ctx, type, (a_rows - 1) * lda + (transposed ? q->m : q->d), &seed); /* nothing behind it */
    void *x = numbers(ctx, type, q->d * ldx, &seed), *c = numbers(ctx, type, q->m * ldc, &seed), *was;
    assert_int_equal(ovp_alloc(ctx, &was, q->m * ldc, sizeof(double)), OVP_OK);
    memcpy(was, c, (size_t)(q->m * ldc) * sizeof(double));
    packed->narrow(transposed, q->m, q->n, q->d, a, lda, x, ldx, c, ldc);
    for (ovp_idx i = 0; i < q->m; i++)
        for (ovp_idx j = 0; j < ldc; j++) {
            const double got = get(type, c, i * ldc + j), before = get(type, was, i * ldc + j);
            double sum = 0, size = fabs(before);
            for (ovp_idx k = 0; k < q->d && j < q->n; k++) {
                const double term = get(type, a, transposed ? k * lda + i : i * lda + k) * get(type, x, k * ldx + j);
                sum += term;
                size += fabs(term);
            }
            if (!(fabs(got - (before - sum)) <= (j < q->n ? eps * size * sqrt((double)q->d + 4) : 0)))
                fail_msg("%s %s %d x %d x %d, transposed %d: [%d, %d] is %.17g, wanted %.17g", ovp_isa(ctx),
                         ovp_numeric_type_name(type), (int)q->m, (int)q->n, (int)q->d, transposed, (int)i, (int)j, got,
                         before - sum);
        }
    void *const all[] = {a, x, c, was};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ovp_free(ctx, all[i]);
}

/* X L^T is what X was; what stands above L's diagonal and behind X's rows does not matter. */
static void check_solve(ovp_ctx *ctx, ovp_numeric_type type, ovp_idx n, ovp_idx d) {
    const ovp_numeric_packed *packed = ovp_numeric_packed_for(ctx, type);
    const ovp_idx *sliver = packed->sliver, ldl = d + 3, ldx = d + 1;
    const double eps = type == OVP_F32 ? 0x1p-23 : 0x1p-52;
    uint64_t seed = (uint64_t)(n * 1009 + d);
    void *l = numbers(ctx, type, d * ldl, &seed), *x = numbers(ctx, type, n * ldx, &seed), *inverses, *was;
    void *left = numbers(ctx, type, ovp_numeric_packed_rows(sliver[0], d) * d, &seed);
    void *right = numbers(ctx, type, ovp_numeric_packed_rows(sliver[1], n) * d, &seed);
    assert_int_equal(ovp_alloc(ctx, &inverses, d, sizeof(double)), OVP_OK);
    assert_int_equal(ovp_alloc(ctx, &was, n * ldx, sizeof(double)), OVP_OK);
    for (ovp_idx i = 0; i < d; i++) {
        for (ovp_idx k = i + 1; k < d; k++) set(type, l, i * ldl + k, NAN);
        set(type, l, i * ldl + i, random_real(&seed, 2, 4));
        set(type, inverses, i, 1 / get(type, l, i * ldl + i));
    }
    memcpy(was, x, (size_t)(n * ldx) * sizeof(double));
    packed->pack(sliver[0], d, d, l, ldl, NULL, left);
    packed->pack(sliver[1], n, d, x, ldx, NULL, right);
    packed->solve(n, d, left, inverses, right);
    packed->unpack(sliver[1], n, d, right, x, ldx);
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx j = 0; j < ldx; j++) {
            const double want = get(type, was, i * ldx + j);
            double sum = j < d ? 0 : get(type, x, i * ldx + j), size = fabs(want);
            for (ovp_idx k = 0; k <= j && j < d; k++) {
                const double term = get(type, l, j * ldl + k) * get(type, x, i * ldx + k);
                sum += term;
                size += fabs(term);
            }
            if (!(fabs(sum - want) <= (j < d ? eps * size * sqrt((double)d + 4) : 0)))
                fail_msg("%s %s %d x %d: [%d, %d] is %.17g, wanted %.17g", ovp_isa(ctx), ovp_numeric_type_name(type),
                         (int)n, (int)d, (int)i, (int)j, sum, want);
        }
    void *const all[] = {l, x, inverses, was, left, right};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ovp_free(ctx, all[i]);
}

/* Whole blocks and parts of them, sums in one piece and in several, more of B than the cache is given at a time. */
static void products_are_sums(void **state) {
    const levels *l = *state;
    static const problem problems[] = {{1, 1, 1, 0, 0},      {14, 32, 5, 0, 0},    {13, 31, 64, 0, 1},
                                       {15, 33, 65, 1, 0},   {28, 64, 300, 1, 1},  {61, 97, 129, 0, 0},
                                       {40, 70, 1, 1, 0},    {30, 40, 1025, 0, 0}, {17, 50, 3001, 1, 0},
                                       {3, 700, 1024, 0, 1}, {6, 8, 12, 0, 0},     {12, 16, 7, 0, 0}};
    for (int level = 0; level < l->count; level++)
        for (int type = OVP_F32; type <= OVP_F64; type++)
            for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
                check(l->ctx[level], (ovp_numeric_type)type, &problems[i]);
}

/* Both ways to read A, one and two registers of columns, more terms than are kept at a time, parts of blocks. */
static void narrow_products_are_sums(void **state) {
    const levels *l = *state;
    static const problem problems[] = {{1, 1, 1, 0, 0},     {8, 3, 10, 0, 0},  {37, 6, 300, 0, 0}, {64, 14, 256, 0, 0},
                                       {65, 10, 513, 0, 0}, {33, 9, 17, 0, 0}, {31, 4, 700, 0, 0}, {100, 13, 5, 0, 0}};
    for (int level = 0; level < l->count; level++)
        for (int type = OVP_F32; type <= OVP_F64; type++)
            for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
                for (int transposed = 0; transposed < 2; transposed++)
                    check_narrow(l->ctx[level], (ovp_numeric_type)type, &problems[i], transposed);
}

/* Whole slivers and parts of them on either side. */
static void triangles_are_solved(void **state) {
    const levels *l = *state;
    static const ovp_idx orders[][2] = {{1, 1}, {16, 14}, {17, 15}, {3, 28}, {40, 100}, {256, 256}, {33, 97}};
    for (int level = 0; level < l->count; level++)
        for (int type = OVP_F32; type <= OVP_F64; type++)
            for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
                check_solve(l->ctx[level], (ovp_numeric_type)type, orders[i][0], orders[i][1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(products_are_sums, levels_setup, levels_teardown),
        cmocka_unit_test_setup_teardown(narrow_products_are_sums, levels_setup, levels_teardown),
        cmocka_unit_test_setup_teardown(triangles_are_solved, levels_setup, levels_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
