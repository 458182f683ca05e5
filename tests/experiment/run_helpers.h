/* Experiment tests: scratch folders, running with keys, reading what was written. */
#ifndef OVP_TEST_RUN_HELPERS_H
#define OVP_TEST_RUN_HELPERS_H

#include "allocator.h"
#include "check.h"

#include <experiment/experiment_int.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A new folder name under the build tree's temporary folder; what a test leaves there is removed by scratch_remove. */
static inline void scratch_make(char path[256]) {
    const char *base = getenv("TMPDIR");
    snprintf(path, 256, "%s/overparam-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
}

static inline void scratch_remove(const char *path) {
    char command[300];
    assert_non_null(strstr(path, "/overparam-test-"));
    snprintf(command, sizeof command, "/bin/rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

/* Parameters of an experiment with "key=value" settings on top, NULL-terminated; preset=NAME first applies one. */
static inline ovp_params *params_with(ovp_ctx *ctx, const ovp_experiment *experiment, const char *const *settings) {
    ovp_params *params;
    assert_ok(ctx, ovp_experiment_params(&params, ctx, experiment));
    for (; *settings; settings++) {
        char key[64];
        const char *equals = strchr(*settings, '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - *settings), *settings);
        if (strcmp(key, "preset") == 0)
            assert_ok(ctx, ovp_experiment_preset_apply(params, ctx, experiment, equals + 1));
        else
            assert_ok(ctx, ovp_params_set(params, key, equals + 1, "test", OVP_EUSAGE));
    }
    return params;
}

/* From here on no gnuplot is found: drawing is slow, and not under test everywhere. Runs then begin with a warning. */
static inline void stop_drawing(void) {
    assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
}

/* Text of a file in a folder, NULL if there is none; freed with free. */
static inline char *file_text(const char *dir, const char *name, size_t *bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    text[size] = 0;
    if (bytes) *bytes = (size_t)size;
    return text;
}

static inline json_t *file_json(const char *dir, const char *name) {
    char *text = file_text(dir, name, NULL);
    if (!text) return NULL;
    json_t *out = json_loads(text, JSON_ALLOW_NUL, NULL);
    free(text);
    return out;
}

static inline int lines_of(const char *dir, const char *name) {
    char *text = file_text(dir, name, NULL);
    int lines = 0;
    for (char *at = text; at && *at; at++) lines += *at == '\n';
    free(text);
    return lines;
}

static inline const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

/* Cell of a table in a result object, by column name. */
static inline json_t *table_cell(const json_t *result, const char *table, size_t row, const char *column) {
    json_t *t = json_object_get(json_object_get(result, "tables"), table), *name;
    size_t k;
    json_array_foreach(json_object_get(t, "columns"), k,
                       name) if (strcmp(json_string_value(name), column) ==
                                 0) return json_array_get(json_array_get(json_object_get(t, "rows"), row), k);
    fail_msg("no column %s in %s", column, table);
    return NULL;
}

/* NaN where the cell holds no number. */
static inline double number_at(const json_t *result, const char *table, size_t row, const char *column) {
    json_t *cell = table_cell(result, table, row, column);
    return json_is_number(cell) ? json_number_value(cell) : (double)NAN;
}

/* "yes", "no" or "unclear". */
static inline const char *holds_of(const json_t *result, size_t verdict) {
    return text_at(json_array_get(json_object_get(result, "verdicts"), verdict), "holds");
}

static inline size_t table_rows(const json_t *result, const char *table) {
    return json_array_size(json_object_get(json_object_get(json_object_get(result, "tables"), table), "rows"));
}

/* An array of a run's arrays.npz, one of *arrays, which ovp_io_npz_free frees. */
static inline const ovp_numeric_array *array_in(ovp_ctx *ctx, const json_t *result, const char *name,
                                                ovp_io_named_array **arrays, ovp_idx *count) {
    char path[600];
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(arrays, count, ctx, path));
    for (ovp_idx i = 0; i < *count; i++)
        if (strcmp((*arrays)[i].name, name) == 0) return &(*arrays)[i].array;
    fail_msg("no array %s", name);
    return NULL;
}

static inline ovp_status run_study(ovp_ctx *ctx, const ovp_experiment *experiment, json_t **result, char root[256],
                                   const char *const *settings) {
    ovp_params *p = params_with(ctx, experiment, settings);
    scratch_make(root);
    ovp_status status = ovp_experiment_execute(result, ctx, experiment, p, root, NULL);
    ovp_params_free(p);
    return status;
}

/* The files of a run with 1, 2 and 3 threads are the same bytes; table (or NULL) has so many rows each time. */
static inline void assert_same_bits(const ovp_experiment *experiment, const char *const *settings,
                                    const char *const *files, int count, const char *table, size_t rows) {
    char *first[8] = {0};
    size_t bytes[8] = {0};
    assert_in_range(count, 1, 8);
    for (int threads = 1; threads <= 3; threads++) {
        ovp_ctx *ctx;
        char root[256];
        json_t *result;
        assert_int_equal(ovp_ctx_create(&ctx, &(ovp_ctx_options){.size = sizeof(ovp_ctx_options), .threads = threads}),
                         OVP_OK);
        assert_ok(ctx, run_study(ctx, experiment, &result, root, settings));
        if (table) assert_int_equal(table_rows(result, table), rows);
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

/* Where a run is cancelled: at the first report of a stage whose name begins so (NULL: any) with so much done. */
typedef struct interruption {
    const char *stage;
    int64_t from;
    int threads; /* 0: all */
    ovp_ctx *ctx;
} interruption;

static inline void interrupt_there(void *user, const ovp_progress *progress) {
    const interruption *stop = user;
    if (stop->stage && strncmp(progress->stage, stop->stage, strlen(stop->stage)) != 0) return;
    if (progress->done >= stop->from) ovp_cancel(stop->ctx);
}

/* A run that is cancelled there ends with exit code 130 and status "interrupted". The context is the caller's to free,
 * as are result and root. */
static inline ovp_ctx *run_interrupted(interruption *stop, const ovp_experiment *experiment, json_t **result,
                                       char root[256], const char *const *settings) {
    const ovp_ctx_options options = {
        .size = sizeof options, .threads = stop->threads, .progress = interrupt_there, .user = stop};
    assert_int_equal(ovp_ctx_create(&stop->ctx, &options), OVP_OK);
    assert_int_equal(ovp_status_exit_code(run_study(stop->ctx, experiment, result, root, settings)), 130);
    assert_string_equal(text_at(*result, "status"), "interrupted");
    ovp_clear(stop->ctx);
    return stop->ctx;
}

/* Memory that runs out at any point of a run is a failure with a message; nothing leaks (ASan). */
static inline void assert_survives_without_memory(const ovp_experiment *experiment, const char *const *settings) {
    int done = 0, failures = 0;
    for (int n = 1; !done; n += 13) {
        int left = INT32_MAX;
        ovp_allocator allocator = granting(&left);
        ovp_ctx_options options = {.size = sizeof options, .threads = 1, .allocator = &allocator};
        ovp_ctx *ctx;
        char root[256];
        json_t *result = NULL;
        assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
        ovp_params *p = params_with(ctx, experiment, settings);
        scratch_make(root);
        left = n;
        const ovp_status status = ovp_experiment_execute(&result, ctx, experiment, p, root, NULL);
        done = status == OVP_OK;
        failures += !done;
        if (!done) assert_int_equal(status, OVP_ENOMEM);
        left = INT32_MAX;
        json_decref(result);
        ovp_params_free(p);
        ovp_ctx_free(ctx);
        scratch_remove(root);
    }
    assert_true(failures > 20);
}

/* Drawing is test_framework's; here only the figures' data and scripts are written. */
static inline int without_gnuplot(void **state) {
    (void)state;
    return setenv("PATH", "/nonexistent", 1);
}

#endif
