/* Tests of lazy-width: running it with keys. */
#ifndef OVP_TEST_LAZY_WIDTH_HELPERS_H
#define OVP_TEST_LAZY_WIDTH_HELPERS_H

#include "run_helpers.h"

#include <experiment/lazy_width_int.h>

static inline ovp_status run_lazy(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_lazy_width, result, root, settings);
}

static inline double number_at(const json_t *result, const char *table, size_t row, const char *column) {
    json_t *cell = table_cell(result, table, row, column);
    return json_is_number(cell) ? json_number_value(cell) : (double)NAN;
}

#endif
