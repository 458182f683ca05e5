/* Kept nets, built again. */
#include "past_net.h"

#include <stdio.h>
#include <string.h>

enum { MOST_LAYERS = 100000 }; /* of a dense net in a description */

static ovp_status wrong(ovp_ctx *ctx, const past_weights *w, const char *name, const char *what) {
    return ovp_fail(ctx, OVP_EFORMAT, "%s: description of '%.100s': %s", w->path, name, what);
}

/* ---- opening --------------------------------------------------------------------------------------- */

static int ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/* Whether a run is over and its manifest tells of nets that can be built again. */
static int has_nets(ovp_ctx *ctx, const json_t *entry) {
    const char *dir = json_string_value(json_object_get(entry, "dir"));
    const char *outcome = json_string_value(json_object_get(entry, "status"));
    past_run run;
    if (!dir || !outcome || (strcmp(outcome, "complete") != 0 && strcmp(outcome, "interrupted") != 0)) return 0;
    const int opened = past_run_open(&run, ctx, "--runs", dir, NULL) == OVP_OK;
    const int found =
        opened && json_object_size(json_object_get(json_object_get(run.manifest, "description"), "nets")) > 0;
    past_run_close(ctx, &run);
    if (!opened) ovp_clear(ctx); /* a broken run is passed over */
    return found;
}

/* The newest run with nets. */
static ovp_status open_latest(past_run *run, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    json_t *list = NULL;
    size_t i = 0;
    OVP_TRY(ovp_store_list(&list, ctx, NULL));
    while (i < json_array_size(list) && !has_nets(ctx, json_array_get(list, i))) i++;
    if (i == json_array_size(list))
        OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND,
                         "--runs latest: no finished run with kept nets where runs are looked for ($OVERPARAM_RUNS or "
                         "./runs); train one first, as with 'overparam run depth-limit --preset quick', or give the "
                         "path of a run folder"));
    OVP_TRY(
        past_run_open(run, ctx, "--runs", json_string_value(json_object_get(json_array_get(list, i), "dir")), NULL));
done:
    json_decref(list);
    return status;
}

/* The arrays, and what they are called. */
static ovp_status read_arrays(past_weights *w, ovp_ctx *ctx, const char *name) {
    ovp_status status = OVP_OK;
    past_run run = {.dir = NULL};
    if (ends_with(name, ".npz")) {
        OVP_TRY(ovp_strdup(ctx, &w->label, name));
        OVP_TRY(ovp_strdup(ctx, &w->path, name));
        OVP_TRY(past_arrays_read(&w->arrays, &w->count, ctx, name));
        goto done;
    }
    OVP_TRY(strcmp(name, "latest") == 0 ? open_latest(&run, ctx) : past_run_open(&run, ctx, "--runs", name, NULL));
    OVP_TRY(ovp_strdup(ctx, &w->label, run.id));
    OVP_TRY(past_run_path(&w->path, ctx, &run, "weights.npz"));
    OVP_TRY(past_run_weights(&w->arrays, &w->count, ctx, &run));
done:
    past_run_close(ctx, &run);
    return status;
}

static const ovp_numeric_array *array_of(const past_weights *w, const char *name) {
    return past_array_find(w->arrays, w->count, name);
}

ovp_status past_weights_open(past_weights *out, ovp_ctx *ctx, const char *run) {
    ovp_status status = OVP_OK;
    *out = (past_weights){.path = NULL};
    OVP_TRY(read_arrays(out, ctx, run));
    const ovp_numeric_array *text = array_of(out, "description");
    if (text && text->type == OVP_U8)
        OVP_TRY(
            ovp_io_json_parse(&out->description, ctx, out->path, text->data, (size_t)ovp_numeric_array_count(text)));
    out->nets = json_object_get(out->description, "nets");
    if (json_object_size(out->nets) == 0)
        status = ovp_fail(ctx, OVP_EFORMAT,
                          "%s: its description does not tell how nets are built (no \"nets\"): an experiment that does "
                          "not keep that, or a run of an older version; run it again, or take another one",
                          out->path);
done:
    if (status != OVP_OK) past_weights_free(ctx, out);
    return status;
}

static void free_data(ovp_ctx *ctx, past_data *data) {
    ovp_numeric_array_free(ctx, &data->x);
    ovp_numeric_array_free(ctx, &data->y);
    *data = (past_data){.name = NULL};
}

void past_weights_free(ovp_ctx *ctx, past_weights *w) {
    free_data(ctx, &w->data);
    json_decref(w->description);
    ovp_io_npz_free(ctx, w->arrays, w->count);
    ovp_free(ctx, w->label);
    ovp_free(ctx, w->path);
    *w = (past_weights){.path = NULL};
}

/* ---- values of a description ------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int index_of(const char *const *names, const char *name) {
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

/* A whole number of at least 1, or 0. */
static ovp_idx count_of(const json_t *value) {
    const json_int_t n = json_integer_value(value);
    return n > 0 && n <= INT32_MAX ? (ovp_idx)n : 0;
}

/* f32 or f64; -1 otherwise. */
static int type_of(const json_t *object) {
    const char *name = text_of(object, "type");
    return strcmp(name, "f32") == 0 ? (int)OVP_F32 : strcmp(name, "f64") == 0 ? (int)OVP_F64 : -1;
}

/* ---- arrays ----------------------------------------------------------------------------------------- */

/* n values from a type to another, both f32 or f64; the first that is not finite, or n. */
static ovp_idx convert(ovp_numeric_type from, const void *in, ovp_numeric_type to, void *out, ovp_idx n) {
    for (ovp_idx i = 0; i < n; i++) {
        const double value = from == OVP_F32 ? (double)((const float *)in)[i] : ((const double *)in)[i];
        if (!isfinite(value) || (to == OVP_F32 && !isfinite((float)value))) return i;
        if (to == OVP_F32)
            ((float *)out)[i] = (float)value;
        else
            ((double *)out)[i] = value;
    }
    return n;
}

static void shape_text(char out[64], int ndim, const ovp_idx *shape) {
    int at = snprintf(out, 64, "[");
    for (int k = 0; k < ndim && at < 64; k++)
        at += snprintf(out + at, (size_t)(64 - at), "%s%lld", k ? ", " : "", (long long)shape[k]);
    if (at < 63) snprintf(out + at, (size_t)(64 - at), "]");
}

/* The array "<name>.<part>", which must be real and have this shape. */
static ovp_status real_array(const ovp_numeric_array **out, ovp_ctx *ctx, const past_weights *w, const char *name,
                             const char *part, int ndim, const ovp_idx *shape) {
    char full[256], has[64], wants[64];
    snprintf(full, sizeof full, "%s.%s", name, part);
    const ovp_numeric_array *array = *out = array_of(w, full);
    if (!array) return ovp_fail(ctx, OVP_EFORMAT, "%s: no array '%s', which the net has", w->path, full);
    if (array->type != OVP_F32 && array->type != OVP_F64)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: '%s' is %s; weights are f32 or f64", w->path, full,
                        ovp_numeric_type_name(array->type));
    int same = array->ndim == ndim;
    for (int k = 0; same && k < ndim; k++) same = array->shape[k] == shape[k];
    if (same) return OVP_OK;
    shape_text(has, array->ndim, array->shape);
    shape_text(wants, ndim, shape);
    return ovp_fail(ctx, OVP_ESHAPE, "%s: '%s' has the shape %s, the net's is %s", w->path, full, has, wants);
}

/* The same with its values in `type`, new. */
static ovp_status read_matrix(void **out, ovp_ctx *ctx, const past_weights *w, const char *name, const char *part,
                              int ndim, const ovp_idx *shape, ovp_numeric_type type) {
    ovp_status status = OVP_OK;
    const ovp_numeric_array *array;
    OVP_TRY(real_array(&array, ctx, w, name, part, ndim, shape));
    const ovp_idx n = ovp_numeric_array_count(array);
    OVP_TRY(ovp_alloc(ctx, out, n, ovp_numeric_type_size(type)));
    const ovp_idx bad = convert(array->type, array->data, type, *out, n);
    if (bad < n)
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: '%s.%s': value %lld is not finite in %s", w->path, name, part,
                          (long long)bad, ovp_numeric_type_name(type));
done:
    return status;
}

/* ---- data ------------------------------------------------------------------------------------------- */

static ovp_status arrays_data(past_data *out, ovp_ctx *ctx, const past_weights *w, const char *name, const json_t *set,
                              ovp_numeric_type type) {
    ovp_status status = OVP_OK;
    char full[256];
    snprintf(full, sizeof full, "%s.x", name);
    const ovp_numeric_array *x = array_of(w, full);
    snprintf(full, sizeof full, "%s.y", name);
    const ovp_numeric_array *y = array_of(w, full);
    out->classes = count_of(json_object_get(set, "classes"));
    if (!x || !y || x->ndim != 2 || y->ndim < 1 || y->shape[0] != x->shape[0] || x->shape[0] < 1 || x->shape[1] < 1 ||
        (out->classes > 0 ? y->type != OVP_I32 || y->ndim != 1 : y->type != x->type || y->ndim != 2) ||
        (x->type != OVP_F32 && x->type != OVP_F64))
        return wrong(ctx, w, name, "its arrays x and y are not inputs and targets of as many rows");
    out->rows = x->shape[0];
    out->inputs = x->shape[1];
    out->outputs = out->classes > 0 ? out->classes : y->shape[1];
    OVP_TRY(ovp_numeric_array_create(&out->x, ctx, type, 2, x->shape));
    ovp_idx n = ovp_numeric_array_count(x), bad = convert(x->type, x->data, type, out->x.data, n);
    if (bad == n && out->classes > 0) {
        OVP_TRY(ovp_numeric_array_create(&out->y, ctx, OVP_I32, 1, y->shape));
        memcpy(out->y.data, y->data, (size_t)out->rows * sizeof(int32_t));
    } else if (bad == n) {
        OVP_TRY(ovp_numeric_array_create(&out->y, ctx, type, 2, y->shape));
        n = ovp_numeric_array_count(y);
        bad = convert(y->type, y->data, type, out->y.data, n);
    }
    if (bad < n) {
        char what[80];
        snprintf(what, sizeof what, "its data: value %lld of %s is not finite", (long long)bad,
                 out->y.data ? "y" : "x");
        status = wrong(ctx, w, name, what);
    }
done:
    return status;
}

static const char *option_text(const void *user, const char *key) {
    return json_string_value(json_object_get(user, key));
}

/* In place of an array of f32 or f64 the same in `type`. */
static ovp_status retype(ovp_ctx *ctx, ovp_numeric_array *array, ovp_numeric_type type) {
    ovp_numeric_array copy;
    if (array->type == type) return OVP_OK;
    ovp_status status = ovp_numeric_array_create(&copy, ctx, type, array->ndim, array->shape);
    if (status != OVP_OK) return status;
    (void)convert(array->type, array->data, type, copy.data, ovp_numeric_array_count(array));
    ovp_numeric_array_free(ctx, array);
    *array = copy;
    return OVP_OK;
}

/* The stream that the set was drawn from, in its state before; one that is not drawn from may be any. */
static ovp_status stream_of(ovp_numeric_rng **out, ovp_ctx *ctx, const past_weights *w, const char *name,
                            const json_t *set) {
    char full[256];
    const int kind = index_of(study_streams, text_of(set, "rng"));
    if (kind < 0) return wrong(ctx, w, name, "rng is none of philox, torch, numpy");
    ovp_status status = ovp_numeric_rng_create(out, ctx, (ovp_numeric_rng_kind)kind, 0, OVP_PURPOSE_DATA, 0);
    if (status != OVP_OK || !json_is_true(json_object_get(set, "random"))) return status;
    snprintf(full, sizeof full, "%s.stream", name);
    const ovp_numeric_array *state = array_of(w, full);
    if (!state || state->type != OVP_U8) return wrong(ctx, w, name, "the state of its stream is missing");
    return ovp_numeric_rng_load(*out, state->data, (size_t)ovp_numeric_array_count(state));
}

/* Of the rows the first `share` of a permutation, as torch's random_split takes them. */
static ovp_status take_share(ovp_data_set *data, ovp_ctx *ctx, double share, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    const double shares[] = {share, 1 - share};
    const ovp_idx total = data->x_train.shape[0];
    ovp_numeric_array *parts[] = {&data->x_train, &data->y_train};
    ovp_numeric_array taken = {.data = NULL};
    ovp_idx lengths[2];
    int64_t *order = NULL;
    OVP_TRY(ovp_numeric_torch_split_lengths(ctx, total, 2, shares, lengths));
    OVP_TRY(ovp_alloc(ctx, &order, total, sizeof *order));
    ovp_numeric_rng_permutation(rng, total, order);
    for (int k = 0; k < 2; k++) {
        ovp_numeric_array *from = parts[k];
        const size_t row =
            (size_t)(ovp_numeric_array_count(from) / (total > 0 ? total : 1)) * ovp_numeric_type_size(from->type);
        ovp_idx shape[OVP_NUMERIC_MAX_DIMS];
        memcpy(shape, from->shape, sizeof shape);
        shape[0] = lengths[0];
        OVP_TRY(ovp_numeric_array_create(&taken, ctx, from->type, from->ndim, shape));
        for (ovp_idx i = 0; i < lengths[0]; i++)
            memcpy((char *)taken.data + (size_t)i * row, (const char *)from->data + (size_t)order[i] * row, row);
        ovp_numeric_array_free(ctx, from);
        *from = taken;
        taken.data = NULL;
    }
done:
    ovp_free(ctx, order);
    return status;
}

/* The set as it was loaded then; *share as described. */
static ovp_status load_set(ovp_data_set *out, ovp_ctx *ctx, const past_weights *w, const char *name,
                           const json_t *set) {
    ovp_status status = OVP_OK;
    const int type = type_of(set);
    const json_t *given = json_object_get(set, "share");
    const double share = given ? json_number_value(given) : 1;
    ovp_data_choice choice = {.classes = NULL};
    ovp_numeric_rng *rng = NULL;
    if (type < 0) OVP_TRY(wrong(ctx, w, name, "its type is neither f32 nor f64"));
    if (!(share > 0 && share <= 1)) OVP_TRY(wrong(ctx, w, name, "its share is not above 0 and at most 1"));
    OVP_TRY(stream_of(&rng, ctx, w, name, set));
    OVP_TRY(ovp_data_choose(&choice, ctx, text_of(set, "dataset"), option_text, json_object_get(set, "options")));
    choice.options.rng = rng;
    choice.options.type = (ovp_numeric_type)type;
    OVP_TRY(ovp_data_load(out, ctx, text_of(set, "dataset"), &choice.options));
    if (!out->y_train.data) OVP_TRY(wrong(ctx, w, name, "the set has no targets"));
    if (share < 1) OVP_TRY(take_share(out, ctx, share, rng));
done:
    ovp_numeric_rng_free(rng);
    ovp_data_choice_free(ctx, &choice);
    return status;
}

static ovp_status dataset_data(past_data *out, ovp_ctx *ctx, const past_weights *w, const char *name, const json_t *set,
                               ovp_numeric_type type) {
    ovp_status status = OVP_OK;
    ovp_data_set data = {.features = 0};
    char sum[65];
    OVP_TRY(load_set(&data, ctx, w, name, set));
    out->rows = data.x_train.shape[0];
    out->inputs = data.features;
    out->classes = data.classes;
    out->outputs = data.classes > 0 ? data.classes : data.outputs;
    study_data_sum(sum, data.x_train.type, out->rows, out->inputs, data.x_train.data,
                   data.classes > 0 ? 0 : data.outputs, data.y_train.data);
    if (strcmp(sum, text_of(set, "sum")) != 0)
        OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND,
                         "%s: data set '%.100s' is no longer what the nets were trained on (its check sum differs); "
                         "run the experiment again",
                         w->path, text_of(set, "dataset")));
    OVP_TRY(retype(ctx, &data.x_train, type));
    if (data.classes == 0) OVP_TRY(retype(ctx, &data.y_train, type));
    out->x = data.x_train;
    out->y = data.y_train;
    data.x_train = data.y_train = (ovp_numeric_array){.data = NULL};
done:
    ovp_data_free(ctx, &data);
    return status;
}

/* The set `name` into w->data, if it is not there already. */
static ovp_status load_data(ovp_ctx *ctx, past_weights *w, const char *net, const char *name, ovp_numeric_type type) {
    ovp_status status = OVP_OK;
    if (w->data.name && strcmp(w->data.name, name) == 0 && w->data.x.type == type) return OVP_OK;
    free_data(ctx, &w->data);
    const json_t *set = json_object_get(json_object_get(w->description, "sets"), name);
    const char *kind = text_of(set, "kind");
    if (strcmp(kind, "arrays") == 0)
        OVP_TRY(arrays_data(&w->data, ctx, w, name, set, type));
    else if (strcmp(kind, "dataset") == 0)
        OVP_TRY(dataset_data(&w->data, ctx, w, name, set, type));
    else
        OVP_TRY(ovp_fail(ctx, OVP_ENOTFOUND,
                         "%s: the data that '%.100s' was trained on were not kept (over 1e6 values only with "
                         "--save-weights); run the experiment again with it",
                         w->path, net));
    w->data.name = name;
done:
    if (status != OVP_OK) free_data(ctx, &w->data);
    return status;
}

/* ---- nets ------------------------------------------------------------------------------------------- */

static ovp_status build_dense(past_net *out, ovp_ctx *ctx, const past_weights *w, const char *name, const json_t *net,
                              ovp_numeric_type type, const char *engine) {
    ovp_status status = OVP_OK;
    const json_t *list = json_object_get(net, "widths");
    const ovp_idx layers = (ovp_idx)json_array_size(list) - 1;
    const int bias = json_is_true(json_object_get(net, "bias"));
    ovp_idx *widths = NULL;
    if (layers < 1 || layers > MOST_LAYERS) OVP_TRY(wrong(ctx, w, name, "widths is no list of 2 or more"));
    OVP_TRY(ovp_alloc(ctx, &widths, layers + 1, sizeof *widths));
    for (ovp_idx l = 0; l <= layers; l++) {
        widths[l] = count_of(json_array_get(list, (size_t)l));
        if (widths[l] < 1) OVP_TRY(wrong(ctx, w, name, "a width is no whole number from 1 to 2^31-1"));
    }
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = layers,
                                           .widths = widths,
                                           .activation = text_of(net, "activation"),
                                           .no_bias = !bias,
                                           .type = type,
                                           .engine = engine,
                                           .parametrization = text_of(net, "parametrization"),
                                           .sigma_w = json_number_value(json_object_get(net, "sigma_w")),
                                           .sigma_b = json_number_value(json_object_get(net, "sigma_b")),
                                           .no_last_bias = bias && !json_is_true(json_object_get(net, "last_bias"))};
    OVP_TRY(ovp_net_dense_create(&out->model, ctx, &options));
done:
    ovp_free(ctx, widths);
    return status;
}

static ovp_status build_residual(past_net *out, ovp_ctx *ctx, const past_weights *w, const char *name,
                                 const json_t *net, ovp_numeric_type type, const char *engine) {
    ovp_status status = OVP_OK;
    ovp_net_residual_options options = {.size = sizeof options,
                                        .inputs = count_of(json_object_get(net, "inputs")),
                                        .dim = count_of(json_object_get(net, "dim")),
                                        .outputs = count_of(json_object_get(net, "outputs")),
                                        .layers = count_of(json_object_get(net, "layers")),
                                        .activation = text_of(net, "activation"),
                                        .augmentation = text_of(net, "augmentation"),
                                        .alpha = json_number_value(json_object_get(net, "alpha")),
                                        .type = type,
                                        .engine = strcmp(engine, "gemm") == 0 ? "auto" : engine};
    if (!json_is_number(json_object_get(net, "alpha"))) OVP_TRY(wrong(ctx, w, name, "alpha is no number"));
    const ovp_numeric_array *blocks; /* looked at before the net has room for so many */
    OVP_TRY(real_array(&blocks, ctx, w, name, "blocks", 3, (ovp_idx[]){options.layers, options.dim, options.dim}));
    OVP_TRY(read_matrix(&out->read_in, ctx, w, name, "read_in", 2, (ovp_idx[]){options.dim, options.inputs}, type));
    OVP_TRY(read_matrix(&out->read_out, ctx, w, name, "read_out", 2, (ovp_idx[]){options.outputs, options.dim}, type));
    options.read_in = out->read_in;
    options.read_out = out->read_out;
    OVP_TRY(ovp_net_residual_create(&out->model, ctx, &options));
done:
    return status;
}

/* All shapes are looked at before the room for them is taken. */
static ovp_status read_slices(past_net *out, ovp_ctx *ctx, const past_weights *w, const char *name) {
    ovp_status status = OVP_OK;
    ovp_idx slices;
    const ovp_net_slice *slice = ovp_net_model_slices(out->model, &slices);
    const ovp_numeric_type type = ovp_net_model_type(out->model);
    const ovp_numeric_array *array;
    void *values = NULL;
    for (ovp_idx s = 0; s < slices; s++)
        OVP_TRY(real_array(&array, ctx, w, name, slice[s].name, slice[s].ndim, slice[s].shape));
    OVP_TRY(ovp_alloc(ctx, &out->theta, ovp_net_model_parameters(out->model), ovp_numeric_type_size(type)));
    for (ovp_idx s = 0; s < slices; s++) {
        OVP_TRY(read_matrix(&values, ctx, w, name, slice[s].name, slice[s].ndim, slice[s].shape, type));
        ovp_net_slice_set(out->model, &slice[s], values, out->theta);
        ovp_free(ctx, values);
        values = NULL;
    }
done:
    ovp_free(ctx, values);
    return status;
}

/* All blocks of a residual net in one array. */
static ovp_status read_blocks(past_net *out, ovp_ctx *ctx, const past_weights *w, const char *name) {
    ovp_status status = OVP_OK;
    ovp_idx slices;
    const ovp_net_slice *slice = ovp_net_model_slices(out->model, &slices);
    const ovp_numeric_type type = ovp_net_model_type(out->model);
    const size_t block = (size_t)slice[0].count * ovp_numeric_type_size(type);
    void *values = NULL;
    OVP_TRY(read_matrix(&values, ctx, w, name, "blocks", 3, (ovp_idx[]){slices, slice[0].shape[0], slice[0].shape[1]},
                        type));
    OVP_TRY(ovp_alloc(ctx, &out->theta, ovp_net_model_parameters(out->model), ovp_numeric_type_size(type)));
    for (ovp_idx s = 0; s < slices; s++)
        ovp_net_slice_set(out->model, &slice[s], (const char *)values + (size_t)s * block, out->theta);
done:
    ovp_free(ctx, values);
    return status;
}

static ovp_status read_targets(past_net *out, ovp_ctx *ctx, past_weights *w, const char *name, const json_t *net) {
    const json_t *loss = json_object_get(net, "loss");
    const int kind = index_of(study_losses, text_of(loss, "name"));
    const int reduction = index_of(study_reductions, text_of(loss, "reduction"));
    const past_data *data = &w->data;
    const json_t *recorded = json_object_get(net, "recorded_loss");
    if (kind < 0 || reduction < 0) return wrong(ctx, w, name, "its loss is unknown");
    if (data->inputs != ovp_net_model_inputs(out->model) || data->outputs != ovp_net_model_outputs(out->model))
        return ovp_fail(ctx, OVP_ESHAPE, "%s: '%.100s' has %lld inputs and %lld outputs, its data %lld and %lld",
                        w->path, name, (long long)ovp_net_model_inputs(out->model),
                        (long long)ovp_net_model_outputs(out->model), (long long)data->inputs,
                        (long long)data->outputs);
    out->classes = data->classes;
    out->x = data->x.data;
    out->recorded_loss = json_is_number(recorded) ? json_number_value(recorded) : (double)NAN;
    out->targets = (ovp_net_targets){.loss = (ovp_net_loss)kind,
                                     .reduction = (ovp_net_reduction)reduction,
                                     .labels = data->classes > 0 ? data->y.data : NULL,
                                     .values = data->classes > 0 ? NULL : data->y.data,
                                     .power = json_number_value(json_object_get(loss, "power"))};
    return OVP_OK;
}

ovp_status past_net_build(past_net *out, ovp_ctx *ctx, past_weights *w, const char *name, ovp_numeric_type type,
                          const char *engine, ovp_idx samples) {
    ovp_status status = OVP_OK;
    const json_t *net = json_object_get(w->nets, name);
    const char *kind = text_of(net, "kind");
    *out = (past_net){.model = NULL};
    if (strcmp(kind, "dense") == 0)
        OVP_TRY(build_dense(out, ctx, w, name, net, type, engine));
    else if (strcmp(kind, "residual") == 0)
        OVP_TRY(build_residual(out, ctx, w, name, net, type, engine));
    else
        OVP_TRY(wrong(ctx, w, name, net ? "its kind is neither dense nor residual" : "there is none"));
    OVP_TRY(out->read_in ? read_blocks(out, ctx, w, name) : read_slices(out, ctx, w, name));
    OVP_TRY(load_data(ctx, w, name, text_of(net, "data"), type));
    OVP_TRY(read_targets(out, ctx, w, name, net));
    out->rows = samples > 0 && samples < w->data.rows ? samples : w->data.rows;
done:
    if (status != OVP_OK) past_net_free(ctx, out);
    return status;
}

void past_net_free(ovp_ctx *ctx, past_net *net) {
    ovp_net_model_free(net->model);
    ovp_free(ctx, net->theta);
    ovp_free(ctx, net->read_in);
    ovp_free(ctx, net->read_out);
    *net = (past_net){.model = NULL};
}
