/* Nets and their data kept in weights.npz with what a later run needs to build them again (past_net.c reads it). */
#include "run_int.h"
#include "study.h"

#include <stdio.h>
#include <string.h>

enum {
    KEPT_VALUES = 1000000, /* weights and data are kept up to this many values unless --save-weights asks for all */
    SUMMED_VALUES = 1000000
};

int study_keeps_weights(const ovp_experiment_run *run, ovp_idx values) {
    return values <= KEPT_VALUES || ovp_params_bool(run->params, "save-weights");
}

static ovp_status no_memory(ovp_experiment_run *run) {
    return ovp_fail(run->ctx, OVP_ENOMEM, "%s: out of memory for the description of what is kept", run->experiment->id);
}

/* ---- the description ------------------------------------------------------------------------------ */

/* The entry `name` of a section ("nets", "sets") of the description becomes `entry`, which is taken over. */
static ovp_status put_entry(ovp_experiment_run *run, const char *section, const char *name, json_t *entry) {
    if (!run->description) run->description = json_object();
    json_t *all = json_object_get(run->description, section);
    if (!all && run->description) {
        json_object_set_new(run->description, section, json_object());
        all = json_object_get(run->description, section);
    }
    const int kept = entry && all && json_object_set(all, name, entry) == 0;
    json_decref(entry);
    return kept ? OVP_OK : no_memory(run);
}

static const char *text_or(const char *text, const char *standard) {
    return text ? text : standard;
}

json_t *study_dense_json(const ovp_net_dense_options *o) {
    json_t *widths = json_array();
    for (ovp_idx l = 0; l <= o->layers; l++) json_array_append_new(widths, json_integer(o->widths[l]));
    return json_pack("{s:s, s:o, s:s, s:b, s:b, s:s, s:f, s:f, s:s}", "kind", "dense", "widths", widths, "activation",
                     text_or(o->activation, "relu"), "bias", !o->no_bias, "last_bias", !o->no_bias && !o->no_last_bias,
                     "parametrization", text_or(o->parametrization, "standard"), "sigma_w", o->sigma_w, "sigma_b",
                     o->sigma_b, "type", ovp_numeric_type_name(o->type));
}

static json_t *residual_json(const ovp_net_residual_options *o) {
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:f, s:s}", "kind", "residual", "inputs",
                     (json_int_t)o->inputs, "dim", (json_int_t)o->dim, "outputs", (json_int_t)o->outputs, "layers",
                     (json_int_t)o->layers, "activation", text_or(o->activation, "tanh"), "augmentation",
                     text_or(o->augmentation, "skip"), "alpha", o->alpha, "type", ovp_numeric_type_name(o->type));
}

const char *const study_losses[] = {"cross-entropy", "mse", NULL};
const char *const study_streams[] = {"philox", "torch", "numpy", NULL};
const char *const study_reductions[] = {"mean", "samples", "half-samples", "sum", NULL};

static json_t *loss_json(const ovp_net_targets *t) {
    return json_pack("{s:s, s:s, s:f}", "name", study_losses[t->loss], "reduction", study_reductions[t->reduction],
                     "power", t->power);
}

/* ---- nets ------------------------------------------------------------------------------------------ */

ovp_status study_keep_weights(ovp_experiment_run *run, const char *prefix, const ovp_net_model *model,
                              const void *theta) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    ovp_idx count;
    const ovp_net_slice *slice = ovp_net_model_slices(model, &count);
    ovp_numeric_array array = {.data = NULL};
    if (!study_keeps_weights(run, ovp_net_model_parameters(model))) return OVP_OK;
    for (ovp_idx i = 0; i < count; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s.%s", prefix, slice[i].name);
        OVP_TRY(ovp_numeric_array_create(&array, ctx, ovp_net_model_type(model), slice[i].ndim, slice[i].shape));
        ovp_net_slice_get(model, &slice[i], theta, array.data);
        OVP_TRY(ovp_run_weight(run, name, &array));
        ovp_numeric_array_free(ctx, &array);
    }
done:
    ovp_numeric_array_free(ctx, &array);
    return status;
}

/* A matrix of a net or of its data, borrowed. */
static ovp_status keep_matrix(ovp_experiment_run *run, const char *prefix, const char *part, ovp_numeric_type type,
                              ovp_idx rows, ovp_idx cols, const void *data) {
    char name[160];
    ovp_numeric_array array = {.type = type, .ndim = cols > 0 ? 2 : 1, .shape = {rows, cols}};
    memcpy(&array.data, &data, sizeof data); /* read only: ovp_run_weight copies */
    snprintf(name, sizeof name, "%s.%s", prefix, part);
    return ovp_run_weight(run, name, &array);
}

ovp_status study_describe_net(ovp_experiment_run *run, const char *prefix, const study_kept *kept) {
    ovp_status status = OVP_OK;
    json_t *net = kept->residual ? residual_json(kept->residual)
                  : kept->net    ? json_deep_copy(kept->net->how)
                                 : study_dense_json(kept->dense);
    if (!net || json_object_set_new(net, "loss", loss_json(kept->targets)) ||
        json_object_set_new(net, "recorded_loss", ovp_io_json_number(kept->loss)) ||
        json_object_set_new(net, "data", json_string(kept->data)))
        status = no_memory(run);
    else
        status = put_entry(run, "nets", prefix, json_incref(net));
    json_decref(net);
    return status;
}

ovp_status study_keep_net(ovp_experiment_run *run, const char *prefix, const study_kept *kept,
                          const ovp_net_model *model, const void *theta) {
    ovp_status status = OVP_OK;
    if (!study_keeps_weights(run, ovp_net_model_parameters(model))) return OVP_OK;
    OVP_TRY(study_keep_weights(run, prefix, model, theta));
    OVP_TRY(study_describe_net(run, prefix, kept));
done:
    return status;
}

/* ---- data ------------------------------------------------------------------------------------------ */

ovp_status study_keep_data(ovp_experiment_run *run, const char *name, ovp_numeric_type type, ovp_idx rows,
                           ovp_idx inputs, const void *x, ovp_idx outputs, const ovp_net_targets *targets) {
    ovp_status status = OVP_OK;
    if (!study_keeps_weights(run, rows * (inputs + outputs))) return OVP_OK;
    OVP_TRY(keep_matrix(run, name, "x", type, rows, inputs, x));
    if (targets->labels)
        OVP_TRY(keep_matrix(run, name, "y", OVP_I32, rows, 0, targets->labels));
    else
        OVP_TRY(keep_matrix(run, name, "y", type, rows, outputs, targets->values));
    status = put_entry(run, "sets", name,
                       json_pack("{s:s, s:I, s:s}", "kind", "arrays", "classes",
                                 (json_int_t)(targets->labels ? outputs : 0), "type", ovp_numeric_type_name(type)));
done:
    return status;
}

void study_data_sum(char out[65], ovp_numeric_type type, ovp_idx rows, ovp_idx inputs, const void *x, ovp_idx outputs,
                    const void *y) {
    const ovp_idx values = rows * inputs < SUMMED_VALUES ? rows * inputs : SUMMED_VALUES;
    const size_t width = ovp_numeric_type_size(type);
    const size_t targets = outputs > 0 ? (size_t)(rows * outputs) * width : (size_t)rows * sizeof(int32_t);
    char text[2 * 64 + 1];
    ovp_io_sha256(x, (size_t)values * width, text);
    ovp_io_sha256(y ? y : "", y ? targets : 0, text + 64);
    ovp_io_sha256(text, 2 * 64, out);
}

/* Whether loading draws from the stream: a synthetic set, or a key that says so. */
static int draws(const study_dataset *set) {
    static const char *const keys[] = {"fraction", "split", "flip", "crop"};
    for (ovp_idx i = 0; i < COUNT(keys); i++) {
        const char *value = set->text(set->user, keys[i]);
        if (value && value[0]) return 1;
    }
    return ovp_data_synthetic_find(set->dataset) != NULL;
}

/* The texts that are given, by key. */
static json_t *texts_json(const study_dataset *set) {
#define KEY(key, syntax, help) key,
    static const char *const keys[] = {"limit", "test-limit", "scale",
                                       OVP_DATA_PACK_KEYS(KEY) OVP_DATA_KEYS(KEY) OVP_DATA_KNOBS(KEY)};
#undef KEY
    json_t *out = json_object();
    for (ovp_idx i = 0; i < COUNT(keys); i++) {
        const char *value = set->text(set->user, keys[i]);
        if (value && value[0]) json_object_set_new(out, keys[i], json_string(value));
    }
    return out;
}

ovp_status study_describe_data(ovp_experiment_run *run, const char *name, const study_dataset *set) {
    ovp_status status = OVP_OK;
    const double share = set->share > 0 ? set->share : 1;
    if (set->state) OVP_TRY(keep_matrix(run, name, "stream", OVP_U8, OVP_NUMERIC_RNG_STATE_BYTES, 0, set->state));
    status =
        put_entry(run, "sets", name,
                  json_pack("{s:s, s:s, s:o, s:s, s:s, s:b, s:f, s:s}", "kind", "dataset", "dataset", set->dataset,
                            "options", texts_json(set), "type", ovp_numeric_type_name(set->type), "rng",
                            study_streams[set->kind], "random", set->state != NULL, "share", share, "sum", set->sum));
done:
    return status;
}

ovp_status study_load_data(ovp_data_set *out, ovp_experiment_run *run, const char *name, const char *dataset,
                           ovp_data_text_fn text, const void *user, ovp_numeric_type type, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_data_choice choice = {.classes = NULL};
    char state[OVP_NUMERIC_RNG_STATE_BYTES], sum[65];
    study_dataset set = {.dataset = dataset,
                         .text = text,
                         .user = user,
                         .type = type,
                         .kind = ovp_numeric_rng_get_kind(rng),
                         .sum = sum};
    *out = (ovp_data_set){.features = 0};
    ovp_numeric_rng_save(rng, state);
    if (draws(&set)) set.state = state;
    OVP_TRY(ovp_data_choose(&choice, run->ctx, dataset, text, user));
    choice.options.rng = rng;
    choice.options.type = type;
    OVP_TRY(ovp_data_load(out, run->ctx, dataset, &choice.options));
    study_data_sum(sum, type, out->x_train.shape[0], out->features, out->x_train.data, out->classes ? 0 : out->outputs,
                   out->y_train.data);
    OVP_TRY(study_describe_data(run, name, &set));
done:
    ovp_data_choice_free(run->ctx, &choice);
    if (status != OVP_OK) ovp_data_free(run->ctx, out);
    return status;
}

/* ---- files ----------------------------------------------------------------------------------------- */

ovp_status study_export_npy(ovp_experiment_run *run, const char *file, const ovp_numeric_array *array) {
    ovp_status status = OVP_OK;
    ovp_text path = {.ctx = run->ctx};
    ovp_text_add(&path, "%s/%s", ovp_store_run_dir(run->store), file);
    OVP_TRY(ovp_text_status(&path));
    OVP_TRY(ovp_io_npy_write(run->ctx, path.data, array));
done:
    ovp_text_free(&path);
    return status;
}
