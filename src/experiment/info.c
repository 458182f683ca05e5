/* What an experiment says of itself, as JSON. */
#include "experiment_int.h"

#include <string.h>

static const char *const type_names[] = {[OVP_PARAM_INT] = "int",
                                         [OVP_PARAM_REAL] = "real",
                                         [OVP_PARAM_BOOL] = "bool",
                                         [OVP_PARAM_CHOICE] = "choice",
                                         [OVP_PARAM_TEXT] = "text",
                                         [OVP_PARAM_INT_LIST] = "int-list",
                                         [OVP_PARAM_REAL_LIST] = "real-list"};

static json_t *text_or_null(const char *text) {
    return text ? json_string(text) : json_null();
}

static json_t *param_json(const ovp_param *row) {
    int ranged = row->type == OVP_PARAM_INT || row->type == OVP_PARAM_REAL || row->type == OVP_PARAM_INT_LIST ||
                 row->type == OVP_PARAM_REAL_LIST;
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s}", "key", row->key, "type", type_names[row->type],
                     "default", row->value, "min", ovp_io_json_number(ranged ? row->min : (double)NAN), "max",
                     ovp_io_json_number(ranged ? row->max : (double)NAN), "choices", text_or_null(row->choices), "unit",
                     row->unit ? row->unit : "", "help", row->help);
}

static json_t *table_json(const ovp_experiment_table *table) {
    json_t *columns = json_array();
    for (ovp_idx k = 0; k < table->count; k++) {
        const ovp_store_column *column = &table->columns[k];
        json_array_append_new(columns,
                              json_pack("{s:s, s:s, s:s}", "name", column->name, "unit",
                                        column->unit ? column->unit : "", "help", column->help ? column->help : ""));
    }
    return json_pack("{s:s, s:s, s:b, s:o}", "name", table->name, "help", table->help, "optional", table->optional,
                     "columns", columns);
}

json_t *ovp_experiment_info_json(const ovp_experiment *e) {
    json_t *params = json_array(), *presets = json_array(), *tables = json_array(), *questions = json_array();
    for (ovp_idx i = 0; i < e->param_count; i++) json_array_append_new(params, param_json(&e->params[i]));
    for (ovp_idx i = 0; i < e->preset_count; i++)
        json_array_append_new(presets, json_pack("{s:s, s:s, s:s}", "name", e->presets[i].name, "help",
                                                 e->presets[i].help, "settings", e->presets[i].settings));
    for (ovp_idx i = 0; i < e->table_count; i++) json_array_append_new(tables, table_json(&e->tables[i]));
    for (ovp_idx i = 0; i < e->question_count; i++)
        json_array_append_new(
            questions, json_pack("{s:s, s:s}", "question", e->questions[i].question, "answer", e->questions[i].answer));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", e->id, "title", e->title, "claim",
                     e->claim, "formula", e->formula, "source", e->source, "about", e->about, "params", params,
                     "presets", presets, "tables", tables, "questions", questions);
}

static json_t *value_json(const ovp_params *params, const ovp_param *row) {
    ovp_idx count;
    json_t *list;
    switch (row->type) {
    case OVP_PARAM_INT:
        return json_integer(ovp_params_int(params, row->key));
    case OVP_PARAM_REAL:
        return ovp_io_json_number(ovp_params_real(params, row->key));
    case OVP_PARAM_BOOL:
        return json_boolean(ovp_params_bool(params, row->key));
    case OVP_PARAM_CHOICE:
    case OVP_PARAM_TEXT:
        return json_string(ovp_params_text(params, row->key));
    case OVP_PARAM_INT_LIST: {
        const int64_t *values = ovp_params_ints(params, row->key, &count);
        list = json_array();
        for (ovp_idx i = 0; i < count; i++) json_array_append_new(list, json_integer(values[i]));
        return list;
    }
    case OVP_PARAM_REAL_LIST: {
        const double *values = ovp_params_reals(params, row->key, &count);
        list = json_array();
        for (ovp_idx i = 0; i < count; i++) json_array_append_new(list, ovp_io_json_number(values[i]));
        return list;
    }
    }
    return json_null();
}

json_t *ovp_experiment_params_json(const ovp_params *params) {
    json_t *out = json_object();
    for (ovp_idx i = 0; i < ovp_params_count(params); i++) {
        const ovp_param *row = ovp_params_row(params, i);
        int derived = strcmp(row->key, "data-seed") == 0 && !ovp_params_is_set(params, row->key);
        json_object_set_new(out, row->key, derived ? json_null() : value_json(params, row));
    }
    return out;
}
