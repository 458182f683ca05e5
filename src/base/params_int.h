/* base, internal: parsing one parameter's value (params_parse.c) for the tables (params.c). */
#ifndef OVP_PARAMS_INT_H
#define OVP_PARAMS_INT_H

#include <overparam/base.h>

typedef struct param_value {
    int set;
    int64_t integer; /* INT, BOOL */
    double real;
    char *text; /* CHOICE, TEXT */
    int64_t *integers;
    double *reals;
    ovp_idx count;
    char *shown; /* canonical text */
} param_value;

/* Everything needed to parse one value and to complain about it. */
typedef struct param_parser {
    ovp_ctx *ctx;
    const ovp_param *row;
    const char *prefix; /* "--widths" or "config.yaml line 3, widths" */
    ovp_status error;
} param_parser;

/* Fills *v (zeroed before; whatever it holds on failure is the caller's to free). */
ovp_status ovp_param_read(const param_parser *p, const char *text, param_value *v);

/* How unlike a candidate is, small is near; -1: not near enough to suggest. A typed beginning of a name counts as near
 * however long the rest is. '_' and '-' are the same. */
int ovp_param_unlikeness(const char *typed, const char *candidate);

static inline char ovp_param_fold(char c) {
    return c == '_' ? '-' : c;
}

#endif
