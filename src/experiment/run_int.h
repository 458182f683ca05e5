/* experiment, internal: the state of one run, shared by execute.c and run.c. */
#ifndef OVP_EXPERIMENT_RUN_INT_H
#define OVP_EXPERIMENT_RUN_INT_H

#include "experiment_int.h"

typedef struct array_list {
    ovp_io_named_array *items; /* names and data owned */
    ovp_idx count, capacity;
} array_list;

struct ovp_experiment_run {
    ovp_ctx *ctx;
    const ovp_experiment *experiment;
    const ovp_params *params;
    int64_t *seeds;
    ovp_idx seed_count;
    ovp_store_run *store;
    ovp_store_table **tables; /* experiment->table_count */
    double *table_written;    /* when each CSV was last written */
    array_list arrays, weights;
    json_t *verdicts, *warnings, *figures, *description; /* description may be NULL */
    double started, last_progress;
    char last_stage[96];   /* as far as it fits */
    int warned_of_figures; /* that no gnuplot is there is said once, not for every figure */
};

void ovp_run_arrays_free(ovp_ctx *ctx, array_list *list);
/* A table's CSV as it stands. */
ovp_status ovp_run_write_table(ovp_experiment_run *run, ovp_idx table);

#endif
