/* Tests of the studies on Fourier features: running them with keys, reading tables and arrays. */
#ifndef OVP_TEST_LINEAR_HELPERS_H
#define OVP_TEST_LINEAR_HELPERS_H

#include "run_helpers.h"

#include <overparam/io.h>

/* An f64 array of a run's arrays.npz, copied; freed with free. */
static inline double *array_of(ovp_ctx *ctx, const json_t *result, const char *name, ovp_idx *count) {
    char path[600];
    ovp_io_named_array *arrays;
    ovp_idx n;
    double *out = NULL;
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &n, ctx, path));
    for (ovp_idx i = 0; i < n; i++) {
        if (strcmp(arrays[i].name, name) != 0) continue;
        *count = ovp_numeric_array_count(&arrays[i].array);
        out = malloc((size_t)(*count + 1) * sizeof *out);
        assert_non_null(out);
        assert_int_equal(arrays[i].array.type, OVP_F64);
        memcpy(out, arrays[i].array.data, (size_t)*count * sizeof *out);
    }
    ovp_io_npz_free(ctx, arrays, n);
    assert_non_null(out);
    return out;
}

#endif
