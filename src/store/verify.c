/* A run folder against its manifest. */
#include "store/store_int.h"

#include <stdio.h>
#include <string.h>

typedef struct check {
    ovp_ctx *ctx;
    const char *dir;
    const json_t *manifest;
    json_t *files, *problems; /* the answer's */
    int ok, malformed, failed;
} check;

static void add_problem(check *c, const char *text, int malformed) {
    c->failed |= json_array_append_new(c->problems, json_string(text));
    c->ok = 0;
    c->malformed |= malformed;
}

static void add_file(check *c, const char *name, const char *state, const char *why) {
    c->failed |= json_array_append_new(
        c->files, json_pack("{s:s, s:s, s:s}", "file", name, "state", state, "why", why ? why : ""));
}

static int ends_in(const char *name, const char *end) {
    const size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

/* tables/NAME.csv: readable, with the rows the manifest counts. */
static ovp_status check_table(char *why, size_t bytes, const check *c, const char *file, const char *path) {
    ovp_io_csv csv = {0};
    char name[128];
    ovp_status status = ovp_io_csv_read(&csv, c->ctx, path);
    if (status != OVP_OK) return status;
    (void)snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - strlen("tables/.csv")), file + strlen("tables/"));
    const json_t *rows = json_object_get(json_object_get(c->manifest, "table_rows"), name);
    if (json_is_integer(rows) && json_integer_value(rows) != csv.rows)
        (void)snprintf(why, bytes, "%lld rows, the manifest counts %lld", (long long)csv.rows,
                       (long long)json_integer_value(rows));
    ovp_io_csv_free(c->ctx, &csv);
    return OVP_OK;
}

static int same_shape(const json_t *described, const ovp_numeric_array *array) {
    const json_t *shape = json_object_get(described, "shape");
    const char *type = json_string_value(json_object_get(described, "type"));
    if ((int)json_array_size(shape) != array->ndim) return 0;
    for (int k = 0; k < array->ndim; k++)
        if (json_integer_value(json_array_get(shape, (size_t)k)) != array->shape[k]) return 0;
    return type && strcmp(type, ovp_numeric_type_name(array->type)) == 0;
}

/* An npz: readable, and holding the arrays that the manifest's list of that name describes. */
static ovp_status check_arrays(char *why, size_t bytes, const check *c, const char *list, const char *path) {
    ovp_io_named_array *arrays = NULL;
    ovp_idx count = 0;
    size_t i;
    json_t *described;
    ovp_status status = ovp_io_npz_read(&arrays, &count, c->ctx, path);
    if (status != OVP_OK) return status;
    json_array_foreach(json_object_get(c->manifest, list), i, described) {
        const char *name = json_string_value(json_object_get(described, "name"));
        ovp_idx k = 0;
        while (name && k < count && strcmp(arrays[k].name, name) != 0) k++;
        if (!name || why[0]) continue;
        if (k == count)
            (void)snprintf(why, bytes, "array %.80s is missing", name);
        else if (!same_shape(described, &arrays[k].array))
            (void)snprintf(why, bytes, "array %.80s has not the type and shape that the manifest names", name);
    }
    ovp_io_npz_free(c->ctx, arrays, count);
    return OVP_OK;
}

static ovp_status check_json(const check *c, const char *path) {
    json_t *value = NULL;
    ovp_status status = ovp_io_json_read(&value, c->ctx, path);
    json_decref(value);
    return status;
}

/* Reads a file by its kind. *malformed: it cannot be read; why: then the reason, or what does not fit. */
static ovp_status check_content(int *malformed, char *why, size_t bytes, const check *c, const char *file) {
    char path[2 * STORE_PATH_MAX];
    ovp_status status = OVP_OK;
    (void)snprintf(path, sizeof(path), "%s/%s", c->dir, file);
    if (strncmp(file, "tables/", 7) == 0 && ends_in(file, ".csv"))
        status = check_table(why, bytes, c, file, path);
    else if (ends_in(file, ".npz"))
        status = check_arrays(why, bytes, c, strcmp(file, "weights.npz") == 0 ? "weights" : "arrays", path);
    else if (ends_in(file, ".json"))
        status = check_json(c, path);
    if (status == OVP_EFORMAT || status == OVP_ELIMIT) {
        const char *message = ovp_message(c->ctx);
        const size_t folder = strlen(c->dir);
        /* The path stands beside it anyway. */
        if (strncmp(message, c->dir, folder) == 0 && message[folder] == '/') message += folder + 1;
        (void)snprintf(why, bytes, "%.300s", message);
        ovp_clear(c->ctx);
        *malformed = 1;
        status = OVP_OK;
    }
    return status;
}

static ovp_status check_file(check *c, const char *name, const json_t *recorded, const json_t *found, int summed) {
    char why[400] = "";
    int malformed = 0;
    if (!found) {
        add_file(c, name, "missing", "");
        c->ok = 0;
        return OVP_OK;
    }
    if (!recorded && summed) {
        add_file(c, name, "extra", "not in the manifest");
        return OVP_OK;
    }
    ovp_status status = check_content(&malformed, why, sizeof(why), c, name);
    if (status != OVP_OK) return status;
    if (recorded && !why[0] && !json_equal(recorded, found)) {
        const long long bytes = json_integer_value(json_object_get(found, "bytes")),
                        before = json_integer_value(json_object_get(recorded, "bytes"));
        (void)snprintf(why, sizeof(why), bytes == before ? "other content (SHA-256)" : "%lld bytes instead of %lld",
                       bytes, before);
    }
    c->malformed |= malformed;
    if (why[0]) c->ok = 0;
    add_file(c, name, malformed ? "unreadable" : why[0] ? "changed" : recorded ? "ok" : "unrecorded", why);
    return OVP_OK;
}

/* The manifest by itself: its schema, its status, the files it must name. */
static void check_manifest(check *c) {
    char text[200];
    const json_t *layout = json_object_get(c->manifest, "manifest"), *schema = json_object_get(c->manifest, "schema");
    const char *state = store_status(c->manifest);
    if (json_integer_value(layout) != 1 || (schema && json_integer_value(schema) != 1)) {
        (void)snprintf(text, sizeof(text), "manifest %lld, schema %lld: this version knows 1 and 1",
                       (long long)json_integer_value(layout), (long long)json_integer_value(schema));
        add_problem(c, text, 1);
    }
    if (strcmp(state, "complete") != 0) {
        (void)snprintf(text, sizeof(text), "status is %.40s, not complete", state);
        add_problem(c, text, 0);
    }
}

/* Tables with rows and lists of arrays promise their files, sums or not. */
static void check_promises(check *c, const json_t *found) {
    const char *name;
    char file[160];
    json_t *rows;
    json_object_foreach(json_object_get(c->manifest, "table_rows"), name, rows) {
        (void)snprintf(file, sizeof(file), "tables/%.100s.csv", name);
        if (json_integer_value(rows) > 0 && !json_object_get(found, file)) check_file(c, file, NULL, NULL, 0);
    }
    if (json_array_size(json_object_get(c->manifest, "arrays")) && !json_object_get(found, "arrays.npz"))
        check_file(c, "arrays.npz", NULL, NULL, 0);
    if (json_array_size(json_object_get(c->manifest, "weights")) && !json_object_get(found, "weights.npz"))
        check_file(c, "weights.npz", NULL, NULL, 0);
}

ovp_status ovp_store_verify(struct json_t **out, ovp_ctx *ctx, const char *dir) {
    ovp_status status = OVP_OK;
    check c = {.ctx = ctx, .dir = dir, .files = json_array(), .problems = json_array(), .ok = 1};
    json_t *manifest = NULL, *found = NULL, *value;
    const char *name, *slash = strrchr(dir, '/');
    *out = NULL;
    status = store_manifest_read(&manifest, ctx, dir);
    c.manifest = manifest;
    if (status == OVP_EFORMAT) {
        add_problem(&c, ovp_message(ctx), 1);
        ovp_clear(ctx);
        status = OVP_OK;
    } else if (status == OVP_OK) {
        /* Its files are being written: nothing to hold them against yet, and no fault. */
        if (strcmp(store_status(manifest), "running") == 0) goto answer;
        json_t *recorded = json_object_get(manifest, "files");
        OVP_TRY(store_files(&found, ctx, dir));
        check_manifest(&c);
        json_object_foreach(recorded, name, value)
            OVP_TRY(check_file(&c, name, value, json_object_get(found, name), 1));
        json_object_foreach(found, name, value) if (!json_object_get(recorded, name))
            OVP_TRY(check_file(&c, name, NULL, value, recorded != NULL));
        if (!recorded) check_promises(&c, found);
    }
answer:
    *out = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:O, s:O}", "id", slash ? slash + 1 : dir, "dir", dir,
                     "experiment", manifest ? json_string_value(json_object_get(manifest, "experiment")) : "", "status",
                     manifest ? store_status(manifest) : "broken", "ok", c.ok, "malformed", c.malformed, "files",
                     c.files, "problems", c.problems);
    if (!*out || c.failed) OVP_TRY(ovp_fail(ctx, OVP_ENOMEM, "verifying %s: out of memory", dir));
done:
    if (status != OVP_OK) {
        json_decref(*out);
        *out = NULL;
    }
    json_decref(c.files);
    json_decref(c.problems);
    json_decref(manifest);
    json_decref(found);
    return status;
}
