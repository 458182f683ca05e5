/* Tests of the studies on Fourier features: running them with keys, reading tables and arrays. */
#ifndef OVP_TEST_LINEAR_HELPERS_H
#define OVP_TEST_LINEAR_HELPERS_H

#include "run_helpers.h"

#include <overparam/io.h>

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline ovp_status run_study(ovp_ctx *ctx, const ovp_experiment *experiment, json_t **result, char root[256],
                                   const char *const *settings) {
    ovp_params *p = params_with(ctx, experiment, settings);
    scratch_make(root);
    ovp_status status = ovp_experiment_execute(result, ctx, experiment, p, root, NULL);
    ovp_params_free(p);
    return status;
}

static inline double number_at(const json_t *result, const char *table, size_t row, const char *column) {
    json_t *cell = table_cell(result, table, row, column);
    return json_is_number(cell) ? json_number_value(cell) : (double)NAN;
}

static inline const char *holds_of(const json_t *result, size_t verdict) {
    return text_at(json_array_get(json_object_get(result, "verdicts"), verdict), "holds");
}

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

/* The files of a run with 1, 2 and 3 threads are the same bytes. */
static inline void assert_same_bits(const ovp_experiment *experiment, const char *const *settings,
                                    const char *const *files, int count) {
    char *first[8] = {0};
    size_t bytes[8] = {0};
    for (int threads = 1; threads <= 3; threads++) {
        ovp_ctx *ctx;
        char root[256];
        json_t *result;
        assert_int_equal(ovp_ctx_create(&ctx, &(ovp_ctx_options){.size = sizeof(ovp_ctx_options), .threads = threads}),
                         OVP_OK);
        assert_ok(ctx, run_study(ctx, experiment, &result, root, settings));
        for (int f = 0; f < count; f++) {
            size_t n = 0;
            char *text = file_text(text_at(result, "run_dir"), files[f], &n);
            assert_non_null(text);
            if (threads == 1) {
                first[f] = text;
                bytes[f] = n;
                continue;
            }
            assert_int_equal(n, bytes[f]);
            assert_memory_equal(text, first[f], n);
            free(text);
        }
        json_decref(result);
        ovp_ctx_free(ctx);
        scratch_remove(root);
    }
    for (int f = 0; f < count; f++) free(first[f]);
}

/* Refused with exit code 2 and a message that holds `words`, before there is a run folder. */
static inline void assert_refused(ovp_ctx *ctx, const ovp_experiment *experiment, const char *words,
                                  const char *const *settings) {
    char root[256];
    json_t *result;
    ovp_status status = run_study(ctx, experiment, &result, root, settings);
    assert_null(result);
    assert_int_equal(ovp_status_exit_code(status), 2);
    assert_fails(ctx, OVP_EINVAL, words, status);
    assert_int_equal(rmdir(root), 0);
}

#endif
