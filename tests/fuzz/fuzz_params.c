/* Parameter tables: lines "key=value" on a set with every type of row. A value's canonical text is accepted again and
 * means the same. */
#include "fuzz.h"

#include <math.h>

static const ovp_param rows[] = {
    {"int", OVP_PARAM_INT, "3", 0, 1e6, NULL, "", "An integer."},
    {"int-any", OVP_PARAM_INT, "3", -INFINITY, INFINITY, NULL, "epochs", "Any integer."},
    {"real", OVP_PARAM_REAL, "0.5", 0, 1, NULL, "", "A real."},
    {"real-any", OVP_PARAM_REAL, "0.5", -INFINITY, INFINITY, NULL, "", "Any real."},
    {"real-low", OVP_PARAM_REAL, "0.5", 0, INFINITY, NULL, "s", "No upper end."},
    {"bool", OVP_PARAM_BOOL, "no", 0, 0, NULL, "", "A switch."},
    {"choice", OVP_PARAM_CHOICE, "relu", 0, 0, "relu|erf|leaky-relu|identity", "", "A choice."},
    {"text", OVP_PARAM_TEXT, "", 0, 0, NULL, "", "A text."},
    {"ints", OVP_PARAM_INT_LIST, "1,2", -1000, 1e9, NULL, "", "Integers."},
    {"ints-any", OVP_PARAM_INT_LIST, "1,2", -INFINITY, INFINITY, NULL, "", "Any integers."},
    {"reals", OVP_PARAM_REAL_LIST, "0.1,1", -1e3, 1e300, NULL, "", "Reals."},
    {"reals-any", OVP_PARAM_REAL_LIST, "0.1,1", -INFINITY, INFINITY, NULL, "", "Any reals."},
};
#define ROWS ((ovp_idx)(sizeof rows / sizeof rows[0]))

#define MOST_ITEMS 5000 /* of all lists of one input: more only take time */

/* The values of one key in two sets. */
static void same_value(const ovp_params *a, const ovp_params *b, const ovp_param *row) {
    const char *key = row->key;
    ovp_idx n = 0, m = 0;
    switch (row->type) {
    case OVP_PARAM_INT:
        fuzz_require(ovp_params_int(a, key) == ovp_params_int(b, key), "%s", key);
        break;
    case OVP_PARAM_REAL: {
        double x = ovp_params_real(a, key), y = ovp_params_real(b, key);
        fuzz_require(x == y && signbit(x) == signbit(y), "%s: %.17g became %.17g", key, x, y);
        break;
    }
    case OVP_PARAM_BOOL:
        fuzz_require(ovp_params_bool(a, key) == ovp_params_bool(b, key), "%s", key);
        break;
    case OVP_PARAM_CHOICE:
    case OVP_PARAM_TEXT:
        fuzz_require(!strcmp(ovp_params_text(a, key), ovp_params_text(b, key)), "%s", key);
        break;
    case OVP_PARAM_INT_LIST: {
        const int64_t *x = ovp_params_ints(a, key, &n), *y = ovp_params_ints(b, key, &m);
        fuzz_require(n == m && n > 0 && !memcmp(x, y, (size_t)n * sizeof *x), "%s: %lld and %lld items", key,
                     (long long)n, (long long)m);
        break;
    }
    case OVP_PARAM_REAL_LIST: {
        const double *x = ovp_params_reals(a, key, &n), *y = ovp_params_reals(b, key, &m);
        fuzz_require(n == m && n > 0 && !memcmp(x, y, (size_t)n * sizeof *x), "%s: %lld and %lld items", key,
                     (long long)n, (long long)m);
        break;
    }
    }
}

static ovp_idx items(const ovp_params *params, const ovp_param *row) {
    ovp_idx count = 1;
    if (row->type == OVP_PARAM_INT_LIST) ovp_params_ints(params, row->key, &count);
    if (row->type == OVP_PARAM_REAL_LIST) ovp_params_reals(params, row->key, &count);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_params *params, *again;
    char *text = fuzz_text(data, size), *line = text;
    fuzz_must(ovp_params_create(&params, ctx, rows, ROWS), "defaults");
    fuzz_must(ovp_params_create(&again, ctx, rows, ROWS), "defaults");
    for (ovp_idx left = MOST_ITEMS; line && left > 0;) {
        char *next = strchr(line, '\n'), *equals;
        if (next) *next++ = 0;
        equals = strchr(line, '=');
        if (equals) *equals = 0;
        left -= 100;
        if (fuzz_ok(ovp_params_set(params, line, equals ? equals + 1 : "", "--fuzz", OVP_EUSAGE))) {
            const ovp_param *row = ovp_params_find(params, line);
            fuzz_require(row && ovp_params_is_set(params, row->key), "'%s' was set and is not there", line);
            fuzz_must(ovp_params_set(again, row->key, ovp_params_show(params, row->key), "again", OVP_EUSAGE),
                      "canonical text refused");
            fuzz_require(!strcmp(ovp_params_show(params, row->key), ovp_params_show(again, row->key)), "%s: '%s'",
                         row->key, ovp_params_show(again, row->key));
            same_value(params, again, row);
            left -= items(params, row);
        }
        line = next;
    }
    ovp_params_free(params);
    ovp_params_free(again);
    free(text);
    return fuzz_end();
}
