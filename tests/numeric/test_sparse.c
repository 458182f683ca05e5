/* numeric: sparse matrices from dense ones: every non-zero in its place, in the promised order. */
#include "levels.h"
#include "numeric/sparse_int.h"

#include <math.h>

/* A share of values other than 0; the third row and column of 0 alone. */
static void fill(ovp_numeric_type type, ovp_idx n, ovp_idx d, double share, void *x) {
    uint64_t seed = (uint64_t)(n * 1009 + d);
    for (ovp_idx i = 0; i < n * d; i++) {
        const double value = random_real(&seed, -1, 1), kept = random_real(&seed, 0, 1);
        set(type, x, i, i / d == 2 || i % d == 2 || kept >= share ? 0 : value);
    }
}

static void check(ovp_ctx *ctx, ovp_numeric_type type, ovp_idx n, ovp_idx d, int transposed, double share) {
    ovp_numeric_sparse s;
    void *x, *left;
    const ovp_idx rows = transposed ? d : n, cols = transposed ? n : d;
    ovp_idx found = 0, nonzeros;
    assert_ok(ctx, ovp_alloc(ctx, &x, n * d, sizeof(double)));
    assert_ok(ctx, ovp_alloc(ctx, &left, n * d, sizeof(double)));
    fill(type, n, d, share, x);
    fill(type, n, d, share, left);
    assert_ok(ctx, ovp_numeric_sparse_build(&s, ctx, type, x, n, d, transposed));
    assert_int_equal(s.panels, (cols + OVP_NUMERIC_SPARSE_PANEL - 1) / OVP_NUMERIC_SPARSE_PANEL);
    assert_int_equal(s.panel[s.panels], s.segments);
    for (ovp_idx p = 0; p < s.panels; p++)
        for (ovp_idx i = s.panel[p]; i < s.panel[p + 1]; i++) {
            assert_true(s.length[i] > 0 && s.start[i] == found);
            assert_true(i == s.panel[p] || s.length[i] < s.length[i - 1] ||
                        (s.length[i] == s.length[i - 1] && s.row[i] > s.row[i - 1]));
            for (int64_t at = s.start[i]; at < s.start[i] + s.length[i]; at++, found++) {
                const ovp_idx r = s.row[i], k = p * OVP_NUMERIC_SPARSE_PANEL + s.column[at];
                const ovp_idx from = transposed ? k * rows + r : r * cols + k;
                assert_true(r < rows && k < cols && (at == s.start[i] || s.column[at] > s.column[at - 1]));
                assert_true(fabs(get(type, s.value, at)) > 0 && get(type, s.value, at) == get(type, left, from));
                set(type, left, from, 0);
            }
        }
    assert_int_equal(found, s.nonzeros);
    for (ovp_idx i = 0; i < n * d; i++) assert_true(get(type, left, i) == 0);
    assert_true((type == OVP_F32 ? ovp_numeric_sparse_look_f32 : ovp_numeric_sparse_look_f64)(n * d, x, &nonzeros));
    assert_int_equal(nonzeros, s.nonzeros);
    ovp_numeric_sparse_free(ctx, &s);
    ovp_free(ctx, x);
    ovp_free(ctx, left);
}

static void every_number_has_its_place(void **state) {
    static const ovp_idx shapes[][2] = {{1, 1}, {3, 7}, {7, 80}, {65, 81}, {80, 65}, {161, 200}};
    static const double shares[] = {0, .2, 1};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int type = OVP_F32; type <= OVP_F64; type++)
            for (int transposed = 0; transposed < 2; transposed++)
                for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
                    check(*state, (ovp_numeric_type)type, shapes[i][0], shapes[i][1], transposed, shares[k]);
}

static void what_is_not_finite_is_seen(void **state) {
    (void)state;
    static const double strange[] = {NAN, INFINITY, -INFINITY};
    for (int k = 0; k < 3; k++)
        for (int place = 0; place < 37; place++) {
            float narrow[37] = {1, 0, 2};
            double wide[37] = {1, 0, 2};
            ovp_idx nonzeros;
            assert_true(ovp_numeric_sparse_look_f32(37, narrow, &nonzeros) && nonzeros == 2);
            assert_true(ovp_numeric_sparse_look_f64(37, wide, &nonzeros) && nonzeros == 2);
            narrow[place] = (float)strange[k];
            wide[place] = strange[k];
            assert_false(ovp_numeric_sparse_look_f32(37, narrow, &nonzeros));
            assert_false(ovp_numeric_sparse_look_f64(37, wide, &nonzeros));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(every_number_has_its_place),
        CTX_TEST(what_is_not_finite_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
