/* Experiment tests: scratch folders, running with keys, reading what was written. */
#ifndef OVP_TEST_RUN_HELPERS_H
#define OVP_TEST_RUN_HELPERS_H

#include "check.h"

#include <experiment/experiment_int.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static inline size_t table_rows(const json_t *result, const char *table) {
    return json_array_size(json_object_get(json_object_get(json_object_get(result, "tables"), table), "rows"));
}

/* Drawing is test_framework's; here only the figures' data and scripts are written. */
static inline int without_gnuplot(void **state) {
    (void)state;
    return setenv("PATH", "/nonexistent", 1);
}

#endif
