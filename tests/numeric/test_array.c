/* numeric: arrays and element types. */
#include "allocator.h"
#include "check.h"

#include <overparam/numeric.h>

#include <stdlib.h>
#include <string.h>

static void types_have_sizes_and_names(void **state) {
    (void)state;
    assert_int_equal(ovp_numeric_type_size(OVP_F32), sizeof(float));
    assert_int_equal(ovp_numeric_type_size(OVP_F64), sizeof(double));
    assert_int_equal(ovp_numeric_type_size(OVP_I64), sizeof(int64_t));
    assert_int_equal(ovp_numeric_type_size(OVP_I32), sizeof(int32_t));
    assert_int_equal(ovp_numeric_type_size(OVP_U8), 1);
    assert_string_equal(ovp_numeric_type_name(OVP_F32), "f32");
    assert_string_equal(ovp_numeric_type_name(OVP_U8), "u8");
    assert_string_equal(ovp_numeric_type_name((ovp_numeric_type)77), "unknown");
}

static void arrays_are_zeroed_aligned_and_counted(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_array a;
    const ovp_idx shape[3] = {3, 5, 7};
    assert_ok(ctx, ovp_numeric_array_create(&a, ctx, OVP_F32, 3, shape));
    assert_int_equal(ovp_numeric_array_count(&a), 105);
    assert_int_equal((uintptr_t)a.data % 64, 0);
    for (int i = 0; i < 105; i++) assert_true(((float *)a.data)[i] == 0);
    assert_int_equal(a.type, OVP_F32);
    assert_int_equal(a.ndim, 3);
    assert_int_equal(a.shape[1], 5);
    ovp_numeric_array_free(ctx, &a);
    assert_null(a.data);
    assert_int_equal(a.ndim, 0);
    ovp_numeric_array_free(ctx, &a);
    ovp_numeric_array_free(ctx, NULL);
}

static void scalars_and_empty_arrays_exist(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_array a;
    assert_ok(ctx, ovp_numeric_array_create(&a, ctx, OVP_F64, 0, NULL));
    assert_int_equal(ovp_numeric_array_count(&a), 1);
    assert_true(*(double *)a.data == 0);
    ovp_numeric_array_free(ctx, &a);
    /* 2^62 * 2^62 overflows, but the array has no elements. */
    const ovp_idx shape[3] = {(ovp_idx)1 << 62, (ovp_idx)1 << 62, 0};
    assert_ok(ctx, ovp_numeric_array_create(&a, ctx, OVP_F64, 3, shape));
    assert_int_equal(ovp_numeric_array_count(&a), 0);
    assert_non_null(a.data);
    ovp_numeric_array_free(ctx, &a);
}

static void wrong_shapes_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_array a;
    ovp_idx shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert_fails(ctx, OVP_EINVAL, "9 dimensions", ovp_numeric_array_create(&a, ctx, OVP_F32, 9, shape));
    assert_fails(ctx, OVP_EINVAL, "-1 dimensions", ovp_numeric_array_create(&a, ctx, OVP_F32, -1, shape));
    assert_fails(ctx, OVP_EINVAL, "type 9", ovp_numeric_array_create(&a, ctx, (ovp_numeric_type)9, 1, shape));
    shape[1] = -4;
    assert_fails(ctx, OVP_EINVAL, "extent -4 of dimension 1", ovp_numeric_array_create(&a, ctx, OVP_F32, 2, shape));
    shape[0] = shape[1] = (ovp_idx)1 << 40;
    assert_fails(ctx, OVP_EINVAL, "2^63", ovp_numeric_array_create(&a, ctx, OVP_F32, 2, shape));
    shape[0] = INT64_MAX / 4;
    assert_fails(ctx, OVP_EINVAL, "2^63", ovp_numeric_array_create(&a, ctx, OVP_F64, 1, shape));
    assert_null(a.data);
}

static void running_out_of_memory_leaves_nothing(void **state) {
    (void)state;
    int left = 1; /* for the context */
    ovp_allocator allocator = granting(&left);
    ovp_ctx_options o = {.size = sizeof o, .threads = 1, .allocator = &allocator};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
    ovp_numeric_array a;
    const ovp_idx shape[2] = {1024, 1024};
    left = 0;
    assert_fails(ctx, OVP_ENOMEM, "8.0 MiB", ovp_numeric_array_create(&a, ctx, OVP_F64, 2, shape));
    assert_null(a.data);
    assert_int_equal(a.ndim, 0);
    ovp_numeric_array_free(ctx, &a);
    ovp_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(types_have_sizes_and_names),
        CTX_TEST(arrays_are_zeroed_aligned_and_counted),
        CTX_TEST(scalars_and_empty_arrays_exist),
        CTX_TEST(wrong_shapes_are_refused),
        cmocka_unit_test(running_out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
