/* experiment, internal: what experiment files share. */
#ifndef OVP_EXPERIMENT_INT_H
#define OVP_EXPERIMENT_INT_H

#include <jansson.h>
#include <math.h>
#include <overparam/experiment.h>
#include <overparam/measure.h>

#define OVP_EXPERIMENT(name) extern const ovp_experiment ovp_experiment_##name;
#include "experiments.def"
#undef OVP_EXPERIMENT

/* Fewer seeds than this and a verdict over seeds says unclear (EXPERIMENTS, conventions). */
#define OVP_SEEDS_FOR_A_VERDICT 4

/* The common rows; every experiment's table starts with them. presets: "quick|default|paper"; precision: that of the
 * paper preset. */
#define OVP_EXPERIMENT_COMMON(presets, precision_default)                                                              \
    {"preset", OVP_PARAM_CHOICE, "default", 0, 0, presets, "", "Set of values to start from."},                        \
        {"seed", OVP_PARAM_INT, "42", -INFINITY, INFINITY, NULL, "", "Seed of initialisations and batches."},          \
        {"seeds",  OVP_PARAM_INT_LIST,                                                                                 \
         "42",     -INFINITY,                                                                                          \
         INFINITY, NULL,                                                                                               \
         "",       "Several seeds, one run of everything each."},                                                      \
        {"data-seed", OVP_PARAM_INT, "0", -INFINITY,                                                                   \
         INFINITY,    NULL,          "",  "Seed of data and labels; without it the run's seed serves."},               \
        {"rng",    OVP_PARAM_CHOICE,                                                                                   \
         "philox", 0,                                                                                                  \
         0,        "philox|torch|numpy",                                                                               \
         "",       "Random streams: philox (ours), torch or numpy (theirs, value for value)."},                        \
        {"threads", OVP_PARAM_INT, "0", 0, 256, NULL, "", "Threads; 0 takes the processors this process may use."},    \
        {"precision", OVP_PARAM_CHOICE, precision_default, 0, 0, "f32|f64", "", "Precision of the networks."},         \
        {"engine", OVP_PARAM_CHOICE, "auto", 0, 0, "auto|reference|gemm|tile", "", "How networks are computed."}, {    \
        "save-weights", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",                                                          \
            "Keep trained weights of any size, not only up to 1e6 values."                                             \
    }

/* Cells of a row. */
static inline ovp_store_cell ovp_cell_int(int64_t value) {
    return (ovp_store_cell){OVP_CELL_INT, value, 0, NULL};
}
static inline ovp_store_cell ovp_cell_real(double value) {
    return (ovp_store_cell){OVP_CELL_REAL, 0, value, NULL};
}
static inline ovp_store_cell ovp_cell_text(const char *value) {
    return (ovp_store_cell){OVP_CELL_TEXT, 0, 0, value};
}
static inline ovp_store_cell ovp_cell_null(void) {
    return (ovp_store_cell){OVP_CELL_NULL, 0, 0, NULL};
}
/* A number, or an empty cell where it is not finite. */
static inline ovp_store_cell ovp_cell_finite(double value) {
    return isfinite(value) ? ovp_cell_real(value) : ovp_cell_null();
}

/* ---- verdict.c ----------------------------------------------------------------------------------- */

const char *ovp_experiment_holds_name(ovp_experiment_holds holds); /* "yes", "no", "unclear" */
/* Does a quantity equal `predicted` up to `margin`? yes: the whole interval lies within predicted +- margin; no: it
 * lies wholly outside; unclear otherwise, with too few seeds, or where a number is missing. */
ovp_experiment_holds ovp_experiment_judge_near(ovp_measure_interval interval, double predicted, double margin);
/* Is a quantity above `bound`? yes: low > bound; no: high <= bound; unclear as before. */
ovp_experiment_holds ovp_experiment_judge_above(ovp_measure_interval interval, double bound);

/* Three significant digits, whatever the locale. */
void ovp_experiment_short(char buffer[32], double value);

/* ---- info.c -------------------------------------------------------------------------------------- */

/* {"key": value}: numbers, booleans, strings, arrays for lists. data-seed is null unless set. NULL: out of memory. */
json_t *ovp_experiment_params_json(const ovp_params *params);

#endif
