/* Two runs bit for bit: the first cell of each file that is not the same. */
#include "store/store_int.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct comparison {
    ovp_ctx *ctx;
    const char *dirs[2];
    json_t *differences, *compared;
    int failed;
} comparison;

static void add_difference(comparison *c, const char *file, const char *where, const char *first, const char *second) {
    json_t *difference =
        json_pack("{s:s, s:s, s:s, s:s}", "file", file, "where", where, "first", first, "second", second);
    c->failed |= json_array_append_new(c->differences, difference ? difference : json_string(file));
}

/* ---- tables -------------------------------------------------------------------------------------- */

static void first_cell(comparison *c, const char *file, const ovp_io_csv *a, const ovp_io_csv *b) {
    char where[400];
    const ovp_idx columns = a->columns < b->columns ? a->columns : b->columns,
                  rows = a->rows < b->rows ? a->rows : b->rows;
    for (ovp_idx k = 0; k < columns; k++)
        if (strcmp(a->header[k], b->header[k]) != 0) {
            (void)snprintf(where, sizeof(where), "name of column %lld", (long long)k + 1);
            add_difference(c, file, where, a->header[k], b->header[k]);
            return;
        }
    for (ovp_idx r = 0; r < rows; r++)
        for (ovp_idx k = 0; k < columns; k++) {
            const char *x = a->cells[r * a->columns + k], *y = b->cells[r * b->columns + k];
            if (strcmp(x, y) == 0) continue;
            (void)snprintf(where, sizeof(where), "row %lld (%.60s %.60s), column %.100s", (long long)r + 1,
                           a->header[0], a->cells[r * a->columns], a->header[k]);
            add_difference(c, file, where, x, y);
            return;
        }
    char first[64], second[64];
    (void)snprintf(first, sizeof(first), "%lld x %lld", (long long)a->rows, (long long)a->columns);
    (void)snprintf(second, sizeof(second), "%lld x %lld", (long long)b->rows, (long long)b->columns);
    if (strcmp(first, second) != 0) add_difference(c, file, "rows and columns", first, second);
}

static ovp_status compare_tables(comparison *c, const char *file, const char *const paths[2]) {
    ovp_status status = OVP_OK;
    ovp_io_csv a = {0}, b = {0};
    OVP_TRY(ovp_io_csv_read(&a, c->ctx, paths[0]));
    OVP_TRY(ovp_io_csv_read(&b, c->ctx, paths[1]));
    first_cell(c, file, &a, &b);
done:
    ovp_io_csv_free(c->ctx, &a);
    ovp_io_csv_free(c->ctx, &b);
    return status;
}

/* ---- arrays -------------------------------------------------------------------------------------- */

/* "f32 3 x 4" */
static void shape_text(char *text, size_t bytes, const ovp_numeric_array *array) {
    int used = snprintf(text, bytes, "%s", ovp_numeric_type_name(array->type));
    for (int k = 0; k < array->ndim && used > 0 && (size_t)used < bytes; k++)
        used += snprintf(text + used, bytes - (size_t)used, "%s%lld", k ? " x " : " ", (long long)array->shape[k]);
}

static void value_text(char text[32], const ovp_numeric_array *array, ovp_idx i) {
    double value = 0;
    float single;
    switch (array->type) {
    case OVP_F32:
        single = ((const float *)array->data)[i];
        (void)ovp_format_real32(text, single);
        return;
    case OVP_F64:
        value = ((const double *)array->data)[i];
        (void)ovp_format_real(text, value);
        return;
    case OVP_I64:
        (void)snprintf(text, 32, "%lld", (long long)((const int64_t *)array->data)[i]);
        return;
    case OVP_I32:
        (void)snprintf(text, 32, "%d", (int)((const int32_t *)array->data)[i]);
        return;
    case OVP_U8:
        (void)snprintf(text, 32, "%d", (int)((const unsigned char *)array->data)[i]);
        return;
    }
}

static void compare_array(comparison *c, const char *file, const char *name, const ovp_numeric_array *a,
                          const ovp_numeric_array *b) {
    char where[400], first[160], second[160];
    shape_text(first, sizeof(first), a);
    shape_text(second, sizeof(second), b);
    if (strcmp(first, second) != 0) {
        (void)snprintf(where, sizeof(where), "type and shape of %.200s", name);
        add_difference(c, file, where, first, second);
        return;
    }
    ovp_idx count = 1, at = 0;
    for (int k = 0; k < a->ndim; k++) count *= a->shape[k];
    const size_t size = ovp_numeric_type_size(a->type);
    const char *x = a->data, *y = b->data;
    if (count == 0 || memcmp(x, y, (size_t)count * size) == 0) return;
    while (memcmp(x + (size_t)at * size, y + (size_t)at * size, size) == 0) at++;
    int used = snprintf(where, sizeof(where), "%.150s[", name);
    ovp_idx left = at, below = count;
    for (int k = 0; k < a->ndim; k++) {
        below /= a->shape[k];
        used += snprintf(where + used, sizeof(where) - (size_t)used, "%s%lld", k ? "," : "", (long long)(left / below));
        left %= below;
    }
    (void)snprintf(where + used, sizeof(where) - (size_t)used, "]");
    value_text(first, a, at);
    value_text(second, b, at);
    add_difference(c, file, where, first, second);
}

static ovp_status compare_arrays(comparison *c, const char *file, const char *const paths[2]) {
    ovp_status status = OVP_OK;
    ovp_io_named_array *a = NULL, *b = NULL;
    ovp_idx count = 0, others = 0;
    const size_t before = json_array_size(c->differences);
    OVP_TRY(ovp_io_npz_read(&a, &count, c->ctx, paths[0]));
    OVP_TRY(ovp_io_npz_read(&b, &others, c->ctx, paths[1]));
    for (ovp_idx i = 0; i < count && json_array_size(c->differences) == before; i++) {
        ovp_idx k = 0;
        while (k < others && strcmp(a[i].name, b[k].name) != 0) k++;
        if (k < others)
            compare_array(c, file, a[i].name, &a[i].array, &b[k].array);
        else
            add_difference(c, file, a[i].name, "there", "missing");
    }
    for (ovp_idx k = 0; k < others && json_array_size(c->differences) == before; k++) {
        ovp_idx i = 0;
        while (i < count && strcmp(a[i].name, b[k].name) != 0) i++;
        if (i == count) add_difference(c, file, b[k].name, "missing", "there");
    }
done:
    ovp_io_npz_free(c->ctx, a, count);
    ovp_io_npz_free(c->ctx, b, others);
    return status;
}

/* ---- files --------------------------------------------------------------------------------------- */

static ovp_status compare_file(comparison *c, const char *file) {
    char paths[2][2 * STORE_PATH_MAX];
    int there[2];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", c->dirs[i], file);
        there[i] = access(paths[i], F_OK) == 0;
    }
    if (!there[0] && !there[1]) return OVP_OK;
    c->failed |= json_array_append_new(c->compared, json_string(file));
    if (!there[0] || !there[1]) {
        add_difference(c, file, "the file itself", there[0] ? "there" : "missing", there[1] ? "there" : "missing");
        return OVP_OK;
    }
    const char *const both[2] = {paths[0], paths[1]};
    return file[0] == 't' ? compare_tables(c, file, both) : compare_arrays(c, file, both);
}

static int by_text(const void *a, const void *b) {
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

json_t *store_table_names(const char *dir) {
    char path[STORE_PATH_MAX];
    json_t *names = json_array(), *sorted = json_array(), *order[256];
    size_t count = 0;
    (void)snprintf(path, sizeof(path), "%s/tables", dir);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || length < 5 || strcmp(entry->d_name + length - 4, ".csv") != 0) continue;
        (void)json_array_append_new(names, json_stringn(entry->d_name, length - 4));
    }
    if (folder) (void)closedir(folder);
    while (count < 256 && count < json_array_size(names)) {
        order[count] = json_array_get(names, count);
        count++;
    }
    qsort(order, count, sizeof(order[0]), by_text);
    for (size_t i = 0; i < count; i++) (void)json_array_append(sorted, order[i]);
    json_decref(names);
    return sorted;
}

/* Tables of either run, times left out. */
static ovp_status compare_all_tables(comparison *c) {
    ovp_status status = OVP_OK;
    json_t *names[2] = {store_table_names(c->dirs[0]), store_table_names(c->dirs[1])}, *name;
    char file[STORE_PATH_MAX];
    size_t i, k;
    for (int run = 0; run < 2; run++) json_array_foreach(names[run], i, name) {
            int seen = strcmp(json_string_value(name), STORE_TIMINGS) == 0;
            if (run == 1)
                for (k = 0; k < json_array_size(names[0]); k++) seen |= json_equal(json_array_get(names[0], k), name);
            (void)snprintf(file, sizeof(file), "tables/%s.csv", json_string_value(name));
            if (!seen) OVP_TRY(compare_file(c, file));
        }
done:
    json_decref(names[0]);
    json_decref(names[1]);
    return status;
}

/* isa, cpu, .. and, from the manifest itself, version and commit; threads are no reason for other bits. */
static json_t *environment_differences(json_t *const manifests[2]) {
    static const char *const own[] = {"version", "commit"};
    json_t *out = store_member_differences(manifests, 2, "environment");
    (void)json_object_del(out, "threads");
    for (size_t i = 0; i < 2; i++) {
        json_t *a = json_object_get(manifests[0], own[i]), *b = json_object_get(manifests[1], own[i]);
        if (a && b && !json_equal(a, b)) (void)json_object_set_new(out, own[i], json_pack("[O, O]", a, b));
    }
    return out;
}

ovp_status ovp_store_differ(struct json_t **out, ovp_ctx *ctx, const char *first, const char *second) {
    ovp_status status = OVP_OK;
    comparison c = {.ctx = ctx, .dirs = {first, second}, .differences = json_array(), .compared = json_array()};
    json_t *manifests[2] = {NULL, NULL};
    *out = NULL;
    OVP_TRY(store_manifest_read(&manifests[0], ctx, first));
    OVP_TRY(store_manifest_read(&manifests[1], ctx, second));
    OVP_TRY(compare_all_tables(&c));
    OVP_TRY(compare_file(&c, "arrays.npz"));
    OVP_TRY(compare_file(&c, "weights.npz"));
    *out = json_pack("{s:b, s:O, s:O, s:o}", "same", json_array_size(c.differences) == 0, "compared", c.compared,
                     "differences", c.differences, "environment", environment_differences(manifests));
    if (!*out || c.failed) {
        json_decref(*out);
        *out = NULL;
        status = ovp_fail(ctx, OVP_ENOMEM, "comparing %s and %s: out of memory", first, second);
    }
done:
    json_decref(c.differences);
    json_decref(c.compared);
    json_decref(manifests[0]);
    json_decref(manifests[1]);
    return status;
}
