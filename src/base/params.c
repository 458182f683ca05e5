/* Parameter tables: values of declared rows, kept typed and as canonical text. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "params_int.h"

struct ovp_params {
    ovp_ctx *ctx;
    const ovp_param *rows;
    ovp_idx count;
    param_value *values;
};

static void value_free(ovp_ctx *ctx, param_value *v) {
    ovp_free(ctx, v->text);
    ovp_free(ctx, v->integers);
    ovp_free(ctx, v->reals);
    ovp_free(ctx, v->shown);
    *v = (param_value){0};
}

/* ---- keys ---------------------------------------------------------------------------------------- */

static int same_key(const char *a, const char *b) {
    while (*a && ovp_param_fold(*a) == ovp_param_fold(*b)) a++, b++;
    return ovp_param_fold(*a) == ovp_param_fold(*b);
}

static const ovp_param *nearest_row(const ovp_params *params, const char *key) {
    const ovp_param *best = NULL;
    int least = 0;
    for (ovp_idx i = 0; i < params->count; i++) {
        int d = ovp_param_unlikeness(key, params->rows[i].key);
        if (d >= 0 && (!best || d < least)) best = &params->rows[i], least = d;
    }
    return best;
}

static ovp_idx index_of(const ovp_params *params, const char *key) {
    for (ovp_idx i = 0; i < params->count; i++)
        if (same_key(params->rows[i].key, key)) return i;
    return -1;
}

static ovp_status unknown_key(ovp_params *params, const char *key, const char *where, ovp_status error) {
    int flag = !strncmp(where, "--", 2);
    const ovp_param *near = nearest_row(params, key);
    if (near && flag) return ovp_fail(params->ctx, error, "%s: unknown key; did you mean --%s?", where, near->key);
    if (near) return ovp_fail(params->ctx, error, "%s: unknown key '%.40s'; did you mean '%s'?", where, key, near->key);
    char known[160] = "";
    size_t used = 0;
    for (ovp_idx i = 0; i < params->count; i++) {
        size_t need = strlen(params->rows[i].key) + 2;
        if (used + need + 8 > sizeof known) {
            snprintf(known + used, sizeof known - used, ", ...");
            break;
        }
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", params->rows[i].key);
    }
    if (flag) return ovp_fail(params->ctx, error, "%s: unknown key; known keys: %s", where, known);
    return ovp_fail(params->ctx, error, "%s: unknown key '%.40s'; known keys: %s", where, key, known);
}

/* ---- values -------------------------------------------------------------------------------------- */

static ovp_status assign(ovp_params *params, ovp_idx i, const char *text, const char *prefix, ovp_status error) {
    param_parser p = {.ctx = params->ctx, .row = &params->rows[i], .prefix = prefix, .error = error};
    param_value fresh = {0};
    ovp_status status = ovp_param_read(&p, text, &fresh);
    if (status != OVP_OK) {
        value_free(params->ctx, &fresh);
        return status;
    }
    value_free(params->ctx, &params->values[i]);
    params->values[i] = fresh;
    return OVP_OK;
}

ovp_status ovp_params_create(ovp_params **out, ovp_ctx *ctx, const ovp_param *rows, ovp_idx count) {
    ovp_params *params = NULL;
    ovp_status status;
    *out = NULL;
    OVP_TRY(ovp_alloc(ctx, &params, 1, sizeof *params));
    *params = (ovp_params){.ctx = ctx, .rows = rows, .count = count};
    OVP_TRY(ovp_alloc(ctx, &params->values, count, sizeof *params->values));
    for (ovp_idx i = 0; i < count; i++) {
        char prefix[96];
        snprintf(prefix, sizeof prefix, "default of %.60s", rows[i].key);
        OVP_TRY(assign(params, i, rows[i].value, prefix, OVP_EINTERNAL));
    }
    *out = params;
    params = NULL;
done:
    ovp_params_free(params);
    return status;
}

void ovp_params_free(ovp_params *params) {
    if (!params) return;
    for (ovp_idx i = 0; params->values && i < params->count; i++) value_free(params->ctx, &params->values[i]);
    ovp_free(params->ctx, params->values);
    ovp_free(params->ctx, params);
}

ovp_status ovp_params_set(ovp_params *params, const char *key, const char *text, const char *where, ovp_status error) {
    char prefix[200];
    ovp_idx i = index_of(params, key);
    if (i < 0) return unknown_key(params, key, where, error);
    /* A flag names its key; a line of a file does not. */
    if (!strncmp(where, "--", 2))
        snprintf(prefix, sizeof prefix, "%s", where);
    else
        snprintf(prefix, sizeof prefix, "%.120s, %.60s", where, params->rows[i].key);
    ovp_status status = assign(params, i, text, prefix, error);
    if (status == OVP_OK) params->values[i].set = 1;
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------- */

const ovp_param *ovp_params_find(const ovp_params *params, const char *key) {
    ovp_idx i = index_of(params, key);
    return i < 0 ? NULL : &params->rows[i];
}

ovp_idx ovp_params_count(const ovp_params *params) {
    return params->count;
}

const ovp_param *ovp_params_row(const ovp_params *params, ovp_idx i) {
    return &params->rows[i];
}

static const param_value *typed(const ovp_params *params, const char *key, ovp_param_type type) {
    ovp_idx i = index_of(params, key);
    assert(i >= 0 && params->rows[i].type == type);
    (void)type;
    return &params->values[i];
}

int64_t ovp_params_int(const ovp_params *params, const char *key) {
    return typed(params, key, OVP_PARAM_INT)->integer;
}

double ovp_params_real(const ovp_params *params, const char *key) {
    return typed(params, key, OVP_PARAM_REAL)->real;
}

int ovp_params_bool(const ovp_params *params, const char *key) {
    return (int)typed(params, key, OVP_PARAM_BOOL)->integer;
}

const char *ovp_params_text(const ovp_params *params, const char *key) {
    ovp_idx i = index_of(params, key);
    assert(i >= 0 && (params->rows[i].type == OVP_PARAM_CHOICE || params->rows[i].type == OVP_PARAM_TEXT));
    return params->values[i].text;
}

const int64_t *ovp_params_ints(const ovp_params *params, const char *key, ovp_idx *count) {
    const param_value *v = typed(params, key, OVP_PARAM_INT_LIST);
    *count = v->count;
    return v->integers;
}

const double *ovp_params_reals(const ovp_params *params, const char *key, ovp_idx *count) {
    const param_value *v = typed(params, key, OVP_PARAM_REAL_LIST);
    *count = v->count;
    return v->reals;
}

const char *ovp_params_show(const ovp_params *params, const char *key) {
    ovp_idx i = index_of(params, key);
    assert(i >= 0);
    return params->values[i].shown;
}

int ovp_params_is_set(const ovp_params *params, const char *key) {
    ovp_idx i = index_of(params, key);
    assert(i >= 0);
    return params->values[i].set;
}
