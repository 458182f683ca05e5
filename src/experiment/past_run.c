/* Earlier runs as input. */
#include "past_run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding ------------------------------------------------------------------------------------- */

static int is_one_of(const char *experiment, const char *const *experiments) {
    if (!experiments) return 1;
    for (; *experiments; experiments++)
        if (strcmp(experiment, *experiments) == 0) return 1;
    return 0;
}

static void name_experiments(ovp_text *text, const char *const *experiments) {
    for (int i = 0; experiments && experiments[i]; i++) ovp_text_add(text, "%s%s", i ? " or " : "", experiments[i]);
}

/* The newest run that is over, of one of the experiments. */
static ovp_status find_latest(char **dir, ovp_ctx *ctx, const char *flag, const char *const *experiments) {
    ovp_status status = OVP_OK;
    json_t *list = NULL, *entry;
    size_t i;
    const char *found = NULL;
    ovp_text names = {.ctx = ctx};
    OVP_TRY(ovp_store_list(&list, ctx, NULL));
    json_array_foreach(list, i, entry) {
        const char *experiment = json_string_value(json_object_get(entry, "experiment")),
                   *outcome = json_string_value(json_object_get(entry, "status"));
        if (!experiment || !outcome || !is_one_of(experiment, experiments)) continue;
        if (strcmp(outcome, "complete") != 0 && strcmp(outcome, "interrupted") != 0) continue;
        found = json_string_value(json_object_get(entry, "dir"));
        break;
    }
    if (!found) {
        name_experiments(&names, experiments);
        OVP_TRY(ovp_text_status(&names));
        OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND,
                         "%s latest: no finished run%s%s where runs are looked for ($OVERPARAM_RUNS or ./runs); make "
                         "one, or give the path of a run folder",
                         flag, experiments ? " of " : "", names.data ? names.data : ""));
    }
    OVP_TRY(ovp_strdup(ctx, dir, found));
done:
    ovp_text_free(&names);
    json_decref(list);
    return status;
}

static ovp_status read_manifest(past_run *run, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    char *path = NULL;
    OVP_TRY(past_run_path(&path, ctx, run, "manifest.json"));
    OVP_TRY(ovp_io_json_read(&run->manifest, ctx, path));
    const char *program = json_string_value(json_object_get(run->manifest, "program"));
    run->experiment = json_string_value(json_object_get(run->manifest, "experiment"));
    if (!program || strcmp(program, "overparam") != 0 || !run->experiment)
        OVP_TRY(ovp_fail(ctx, OVP_EFORMAT, "%.300s: not the manifest of a run of overparam", path));
done:
    ovp_free(ctx, path);
    return status;
}

ovp_status past_run_open(past_run *out, ovp_ctx *ctx, const char *flag, const char *name,
                         const char *const *experiments) {
    ovp_status status = OVP_OK;
    ovp_text names = {.ctx = ctx};
    *out = (past_run){0};
    if (strcmp(name, "latest") == 0)
        OVP_TRY(find_latest(&out->dir, ctx, flag, experiments));
    else
        OVP_TRY(ovp_store_find(&out->dir, ctx, NULL, name));
    size_t end = strlen(out->dir);
    while (end > 1 && out->dir[end - 1] == '/') out->dir[--end] = 0;
    const char *slash = strrchr(out->dir, '/');
    out->id = slash ? slash + 1 : out->dir;
    OVP_TRY(read_manifest(out, ctx));
    if (!is_one_of(out->experiment, experiments)) {
        name_experiments(&names, experiments);
        OVP_TRY(ovp_text_status(&names));
        OVP_TRY(ovp_fail(ctx, OVP_ECONFIG, "%s %.200s: a run of %.60s; wanted is one of %s", flag, name,
                         out->experiment, names.data));
    }
done:
    ovp_text_free(&names);
    if (status != OVP_OK) past_run_close(ctx, out);
    return status;
}

void past_run_close(ovp_ctx *ctx, past_run *run) {
    ovp_free(ctx, run->dir);
    json_decref(run->manifest);
    *run = (past_run){0};
}

ovp_status past_run_params(ovp_params **out, ovp_ctx *ctx, const past_run *run) {
    const ovp_experiment *experiment = ovp_experiment_find(run->experiment);
    *out = NULL;
    if (!experiment)
        return ovp_fail(ctx, OVP_ECONFIG, "run %.100s: this version has no experiment '%.60s'", run->id,
                        run->experiment);
    return ovp_experiment_params_restore(out, ctx, experiment, run->manifest);
}

ovp_status past_run_path(char **out, ovp_ctx *ctx, const past_run *run, const char *relative) {
    ovp_text path = {.ctx = ctx};
    ovp_text_add(&path, "%s/%s", run->dir, relative);
    ovp_status status = ovp_text_status(&path);
    if (status == OVP_OK) status = ovp_strdup(ctx, out, path.data);
    ovp_text_free(&path);
    return status;
}

/* ---- tables -------------------------------------------------------------------------------------- */

ovp_status past_run_table(ovp_io_csv *out, ovp_ctx *ctx, const past_run *run, const char *table) {
    ovp_status status = OVP_OK;
    ovp_text names = {.ctx = ctx}, relative = {.ctx = ctx};
    char *path = NULL;
    const char *key;
    json_t *rows = json_object_get(run->manifest, "table_rows"), *value;
    *out = (ovp_io_csv){0};
    json_object_foreach(rows, key, value) ovp_text_add(&names, "%s%s", names.length ? ", " : "", key);
    OVP_TRY(ovp_text_status(&names));
    if (!json_object_get(rows, table))
        OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND, "run %.100s has no table '%.64s'; it has: %s", run->id, table,
                         names.data ? names.data : "none"));
    ovp_text_add(&relative, "tables/%s.csv", table);
    OVP_TRY(ovp_text_status(&relative));
    OVP_TRY(past_run_path(&path, ctx, run, relative.data));
    OVP_TRY(ovp_io_csv_read(out, ctx, path));
done:
    ovp_free(ctx, path);
    ovp_text_free(&relative);
    ovp_text_free(&names);
    return status;
}

ovp_idx past_column_find(const ovp_io_csv *csv, const char *column) {
    for (ovp_idx c = 0; c < csv->columns; c++)
        if (strcmp(csv->header[c], column) == 0) return c;
    return -1;
}

static ovp_status no_column(ovp_ctx *ctx, const char *name, const ovp_io_csv *csv, const char *column) {
    ovp_text names = {.ctx = ctx};
    for (ovp_idx c = 0; c < csv->columns && names.length < 600; c++)
        ovp_text_add(&names, "%s%.60s", c ? ", " : "", csv->header[c]);
    ovp_status status = ovp_text_status(&names);
    if (status == OVP_OK)
        status = ovp_fail(ctx, OVP_ENOTFOUND, "%.300s has no column '%.60s'; it has: %s", name, column, names.data);
    ovp_text_free(&names);
    return status;
}

static int is_blank(const char *cell) {
    while (isspace((unsigned char)*cell)) cell++;
    return *cell == 0;
}

ovp_status past_column(double *out, ovp_ctx *ctx, const char *name, const ovp_io_csv *csv, const char *column) {
    ovp_status status = OVP_OK;
    const ovp_idx c = past_column_find(csv, column);
    char nothing[] = "nan";
    ovp_numeric_array values = {0};
    ovp_io_csv alone = {.columns = 1, .rows = csv->rows};
    if (c < 0) return no_column(ctx, name, csv, column);
    alone.header = &csv->header[c];
    OVP_TRY(ovp_alloc(ctx, &alone.cells, csv->rows, sizeof *alone.cells));
    for (ovp_idx r = 0; r < csv->rows; r++) {
        char *cell = csv->cells[r * csv->columns + c];
        alone.cells[r] = is_blank(cell) ? nothing : cell;
    }
    OVP_TRY(ovp_io_csv_numbers(&values, ctx, name, &alone, 0));
    if (csv->rows) memcpy(out, values.data, (size_t)csv->rows * sizeof *out);
done:
    ovp_numeric_array_free(ctx, &values);
    ovp_free(ctx, alone.cells);
    return status;
}

/* ---- arrays -------------------------------------------------------------------------------------- */

static int ends_in(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

ovp_status past_arrays_read(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const char *path) {
    *out = NULL;
    *count = 0;
    if (ends_in(path, ".npz")) return ovp_io_npz_read(out, count, ctx, path);
    if (!ends_in(path, ".safetensors"))
        return ovp_fail(ctx, OVP_EINVAL, "%.300s: weights are read from files that end in .npz or .safetensors", path);
    ovp_io_safetensors file;
    ovp_status status = ovp_io_safetensors_read(&file, ctx, path);
    if (status != OVP_OK) return status;
    *out = file.arrays;
    *count = file.count;
    file.arrays = NULL;
    file.count = 0;
    ovp_io_safetensors_free(ctx, &file);
    return OVP_OK;
}

ovp_status past_run_weights(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const past_run *run) {
    ovp_status status = OVP_OK;
    char *path = NULL;
    *out = NULL;
    *count = 0;
    if (json_array_size(json_object_get(run->manifest, "weights")) == 0)
        return ovp_fail(ctx, OVP_ENOTFOUND,
                        "run %.100s kept no weights; repeat it with --save-weights yes (over 1e6 values they are kept "
                        "only then)",
                        run->id);
    OVP_TRY(past_run_path(&path, ctx, run, "weights.npz"));
    OVP_TRY(ovp_io_npz_read(out, count, ctx, path));
done:
    ovp_free(ctx, path);
    return status;
}

const ovp_numeric_array *past_array_find(const ovp_io_named_array *arrays, ovp_idx count, const char *name) {
    for (ovp_idx i = 0; i < count; i++)
        if (strcmp(arrays[i].name, name) == 0) return &arrays[i].array;
    return NULL;
}

ovp_status past_array_get(double *out, ovp_ctx *ctx, const ovp_io_named_array *array, ovp_idx first, ovp_idx count) {
    const ovp_numeric_array *a = &array->array;
    if (a->type == OVP_F32)
        for (ovp_idx i = 0; i < count; i++) out[i] = (double)((const float *)a->data)[first + i];
    else if (a->type == OVP_F64)
        for (ovp_idx i = 0; i < count; i++) out[i] = ((const double *)a->data)[first + i];
    else
        return ovp_fail(ctx, OVP_EFORMAT, "array %.100s: type %s; weights are f32 or f64", array->name,
                        ovp_numeric_type_name(a->type));
    return OVP_OK;
}

/* ---- lists of names ------------------------------------------------------------------------------ */

ovp_status past_names_split(past_names *out, ovp_ctx *ctx, const char *flag, const char *list) {
    ovp_status status = OVP_OK;
    ovp_idx most = 1;
    *out = (past_names){0};
    for (const char *at = list; *at; at++) most += *at == ',';
    OVP_TRY(ovp_strdup(ctx, &out->text, list));
    OVP_TRY(ovp_alloc(ctx, &out->name, most, sizeof *out->name));
    for (char *at = out->text; at;) {
        char *comma = strchr(at, ',');
        char *end = comma ? comma : at + strlen(at);
        while (at < end && isspace((unsigned char)*at)) at++;
        while (end > at && isspace((unsigned char)end[-1])) end--;
        if (end == at)
            OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "%s '%.100s': name %lld is empty; give names with commas between them",
                             flag, list, (long long)out->count + 1));
        *end = 0;
        out->name[out->count++] = at;
        at = comma ? comma + 1 : NULL;
    }
done:
    if (status != OVP_OK) past_names_free(ctx, out);
    return status;
}

void past_names_free(ovp_ctx *ctx, past_names *names) {
    ovp_free(ctx, names->text);
    ovp_free(ctx, names->name);
    *names = (past_names){0};
}
