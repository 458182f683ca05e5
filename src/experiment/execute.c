/* Runs one experiment into a run folder: folder first, results last, whatever happens in between. */
#include "run_int.h"

#include <string.h>

#ifndef OVP_COMMIT
#define OVP_COMMIT "" /* the build may define it; "" = unknown */
#endif

static void run_free(ovp_experiment_run *run) {
    for (ovp_idx i = 0; run->tables && i < run->experiment->table_count; i++) ovp_store_table_free(run->tables[i]);
    ovp_free(run->ctx, run->tables);
    ovp_free(run->ctx, run->table_written);
    ovp_run_arrays_free(run->ctx, &run->arrays);
    ovp_run_arrays_free(run->ctx, &run->weights);
    json_decref(run->verdicts);
    json_decref(run->warnings);
    json_decref(run->figures);
    json_decref(run->description);
    ovp_store_run_free(run->store);
    ovp_free(run->ctx, run->seeds);
}

static ovp_status params_text(ovp_text *text, const ovp_params *params) {
    for (ovp_idx i = 0; i < ovp_params_count(params); i++) {
        const char *key = ovp_params_row(params, i)->key;
        ovp_text_add(text, "%s=%s\n", key, ovp_params_show(params, key));
    }
    return ovp_text_status(text);
}

static ovp_status start(ovp_experiment_run *run, const char *root, const char *exact) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = run->ctx;
    const ovp_experiment *e = run->experiment;
    ovp_text text = {.ctx = ctx};
    OVP_TRY(ovp_experiment_seeds(&run->seeds, &run->seed_count, ctx, e, run->params));
    if (e->check) OVP_TRY(e->check(ctx, run->params));
    run->verdicts = json_array();
    run->warnings = json_array();
    run->figures = json_array();
    if (!run->verdicts || !run->warnings || !run->figures) {
        status = ovp_fail(ctx, OVP_ENOMEM, "%s: out of memory before the start", e->id);
        goto done;
    }
    OVP_TRY(ovp_alloc(ctx, &run->tables, e->table_count, sizeof(ovp_store_table *)));
    OVP_TRY(ovp_alloc(ctx, &run->table_written, e->table_count, sizeof *run->table_written));
    for (ovp_idx i = 0; i < e->table_count; i++)
        OVP_TRY(
            ovp_store_table_create(&run->tables[i], ctx, e->tables[i].name, e->tables[i].columns, e->tables[i].count));
    OVP_TRY(params_text(&text, run->params));
    OVP_TRY(ovp_store_run_create(&run->store, ctx, root, exact, e->id, text.data));
done:
    ovp_text_free(&text);
    return status;
}

static json_t *environment_json(ovp_experiment_run *run) {
    json_t *out = ovp_experiment_environment(run->ctx);
    json_object_set_new(out, "precision", json_string(ovp_params_text(run->params, "precision")));
    json_object_set_new(out, "rng", json_string(ovp_params_text(run->params, "rng")));
    return out;
}

/* {"experiment","version",...,"environment"}: what manifest and result both open with. */
static json_t *head_json(ovp_experiment_run *run, const char *outcome, double seconds) {
    json_t *seeds = json_array(), *out;
    for (ovp_idx i = 0; i < run->seed_count; i++) json_array_append_new(seeds, json_integer(run->seeds[i]));
    out = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "schema", 1, "experiment", run->experiment->id,
                    "version", OVP_VERSION, "status", outcome, "run_dir", ovp_store_run_dir(run->store), "params",
                    ovp_experiment_params_json(run->params), "seeds", seeds, "environment", environment_json(run),
                    "seconds", ovp_io_json_number(seconds));
    return out;
}

/* Whether a table stands in results: optional ones only with rows. */
static int shown(const ovp_experiment_run *run, ovp_idx i) {
    return !run->experiment->tables[i].optional || ovp_store_table_rows(run->tables[i]) > 0;
}

static json_t *tables_json(ovp_experiment_run *run) {
    json_t *out = json_object();
    for (ovp_idx i = 0; i < run->experiment->table_count; i++)
        if (shown(run, i))
            json_object_set_new(out, run->experiment->tables[i].name, ovp_store_table_json(run->tables[i]));
    return out;
}

/* [{"name","type","shape"}] */
static json_t *array_list_json(const array_list *list) {
    json_t *out = json_array();
    for (ovp_idx i = 0; i < list->count; i++) {
        const ovp_numeric_array *array = &list->items[i].array;
        json_t *shape = json_array();
        for (int k = 0; k < array->ndim; k++) json_array_append_new(shape, json_integer(array->shape[k]));
        json_array_append_new(out, json_pack("{s:s, s:s, s:o}", "name", list->items[i].name, "type",
                                             ovp_numeric_type_name(array->type), "shape", shape));
    }
    return out;
}

static ovp_status write_manifest(ovp_experiment_run *run, const char *outcome, const char *message) {
    ovp_status status = OVP_OK;
    json_t *manifest = head_json(run, outcome, ovp_seconds() - run->started), *rows = json_object();
    for (ovp_idx i = 0; i < run->experiment->table_count; i++)
        json_object_set_new(rows, run->experiment->tables[i].name, json_integer(ovp_store_table_rows(run->tables[i])));
    json_object_del(manifest, "run_dir"); /* folders may be moved */
    json_object_set_new(manifest, "title", json_string(run->experiment->title));
    json_object_set_new(manifest, "commit", OVP_COMMIT[0] ? json_string(OVP_COMMIT) : json_null());
    json_object_set_new(manifest, "peak_memory_bytes", json_integer(ovp_peak_memory()));
    json_object_set_new(manifest, "table_rows", rows);
    json_object_set_new(manifest, "arrays", array_list_json(&run->arrays));
    json_object_set_new(manifest, "weights", array_list_json(&run->weights));
    json_object_set(manifest, "figures", run->figures);
    json_object_set(manifest, "verdicts", run->verdicts);
    json_object_set(manifest, "warnings", run->warnings);
    if (run->description) json_object_set(manifest, "description", run->description);
    if (message) json_object_set_new(manifest, "error", json_string(message));
    if (!manifest) {
        status = ovp_fail(run->ctx, OVP_ENOMEM, "%s: out of memory for the manifest", run->experiment->id);
        goto done;
    }
    OVP_TRY(ovp_store_run_manifest(run->store, manifest, outcome));
done:
    json_decref(manifest);
    return status;
}

static json_t *result_json(ovp_experiment_run *run, const char *outcome, const char *message) {
    json_t *out = head_json(run, outcome, ovp_seconds() - run->started);
    json_object_set_new(out, "peak_memory_bytes", json_integer(ovp_peak_memory()));
    json_object_set_new(out, "tables", tables_json(run));
    json_object_set(out, "verdicts", run->verdicts);
    json_object_set(out, "warnings", run->warnings);
    json_object_set(out, "figures", run->figures);
    if (message) json_object_set_new(out, "error", json_string(message));
    return out;
}

static ovp_status write_weights(ovp_experiment_run *run) {
    ovp_status status = OVP_OK;
    ovp_text text = {.ctx = run->ctx};
    ovp_numeric_array bytes = {.type = OVP_U8, .ndim = 1};
    if (run->weights.count == 0) return OVP_OK;
    if (run->description) {
        ovp_io_json_dump(&text, run->description, 0);
        OVP_TRY(ovp_text_status(&text));
        bytes.shape[0] = (ovp_idx)text.length;
        bytes.data = text.data;
        OVP_TRY(ovp_run_weight(run, "description", &bytes));
    }
    OVP_TRY(ovp_store_run_arrays(run->store, "weights.npz", run->weights.items, run->weights.count));
done:
    ovp_text_free(&text);
    return status;
}

static ovp_status write_results(ovp_experiment_run *run) {
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < run->experiment->table_count; i++)
        if (shown(run, i)) OVP_TRY(ovp_run_write_table(run, i));
    if (run->arrays.count)
        OVP_TRY(ovp_store_run_arrays(run->store, "arrays.npz", run->arrays.items, run->arrays.count));
    OVP_TRY(write_weights(run));
done:
    return status;
}

static ovp_status write_result(ovp_experiment_run *run, const json_t *result) {
    ovp_status status = OVP_OK;
    ovp_text text = {.ctx = run->ctx};
    ovp_io_json_dump(&text, result, 1);
    ovp_text_add(&text, "\n");
    OVP_TRY(ovp_text_status(&text));
    OVP_TRY(ovp_store_run_file(run->store, "result.json", text.data, text.length));
done:
    ovp_text_free(&text);
    return status;
}

static ovp_status write_report(ovp_experiment_run *run, const json_t *result) {
    ovp_status status = OVP_OK;
    ovp_text html = {.ctx = run->ctx}, dir = {.ctx = run->ctx};
    json_t *info = ovp_experiment_info_json(run->experiment);
    ovp_text_add(&dir, "%s/figures", ovp_store_run_dir(run->store));
    OVP_TRY(ovp_text_status(&dir));
    OVP_TRY(ovp_experiment_report(&html, run->ctx, result, info, run->figures, dir.data));
    OVP_TRY(ovp_text_status(&html));
    OVP_TRY(ovp_store_run_file(run->store, "report.html", html.data, html.length));
done:
    json_decref(info);
    ovp_text_free(&dir);
    ovp_text_free(&html);
    return status;
}

static const char *outcome_name(ovp_status status) {
    if (status == OVP_OK) return "complete";
    return status == OVP_EINTERRUPTED ? "interrupted" : "failed";
}

/* The result again, as that of a run that failed in its last writings. Takes old. */
static json_t *failed_json(ovp_experiment_run *run, json_t *old, ovp_status status) {
    json_decref(old);
    return result_json(run, outcome_name(status), ovp_message(run->ctx));
}

ovp_status ovp_experiment_execute(struct json_t **result, ovp_ctx *ctx, const ovp_experiment *experiment,
                                  const ovp_params *params, const char *root, const char *exact) {
    ovp_status status = OVP_OK, first = OVP_OK;
    ovp_experiment_run run = {.ctx = ctx, .experiment = experiment, .params = params, .started = ovp_seconds()};
    json_t *out = NULL;
    *result = NULL;
    OVP_TRY(start(&run, root, exact));
    OVP_TRY(write_manifest(&run, "running", NULL));

    first = experiment->run(&run);
    /* Each step is tried whatever became of the others: a failed run still shows what it has. */
    status = write_results(&run);
    if (first == OVP_OK) first = status;
    out = result_json(&run, outcome_name(first), first == OVP_OK ? NULL : ovp_message(ctx));
    status = write_report(&run, out);
    if (first == OVP_OK && status != OVP_OK) out = failed_json(&run, out, first = status);
    status = write_result(&run, out);
    if (first == OVP_OK && status != OVP_OK) out = failed_json(&run, out, first = status);
    status = write_manifest(&run, outcome_name(first), first == OVP_OK ? NULL : ovp_message(ctx));
    if (first == OVP_OK && status != OVP_OK) {
        out = failed_json(&run, out, first = status);
        (void)write_result(&run, out); /* so that no file says complete; the first error is the one to tell */
    }
    *result = out;
    status = first;
done:
    run_free(&run);
    return status;
}
