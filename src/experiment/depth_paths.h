/* experiment, internal: weights along the depth of residual nets, k -> L^beta W_k: what path-norm and path-weights
 * share. */
#ifndef OVP_DEPTH_PATHS_H
#define OVP_DEPTH_PATHS_H

#include "study.h"

/* Rows of both experiments' tables of parameters. */
#define DEPTH_PATHS_PARAMS                                                                                             \
    {"runs",                                                                                                           \
     OVP_PARAM_TEXT,                                                                                                   \
     "synthetic",                                                                                                      \
     0,                                                                                                                \
     0,                                                                                                                \
     NULL,                                                                                                             \
     "",                                                                                                               \
     "Nets, comma-separated: runs of depth-limit (id, start of one, 'latest', folder), or .npz and .safetensors "      \
     "files; "                                                                                                         \
     "synthetic: made here."},                                                                                         \
        {"beta", OVP_PARAM_REAL, "0.5", -10, 10, NULL, "", "Weights are multiplied by L^beta (1 - alpha of a run)."},  \
        {"pvar", OVP_PARAM_REAL, "1", 1, 1000, NULL, "", "p of the p-variation."},                                     \
        {"exponent-margin",                                                                                            \
         OVP_PARAM_REAL,                                                                                               \
         "0.1",                                                                                                        \
         1e-9,                                                                                                         \
         10,                                                                                                           \
         NULL,                                                                                                         \
         "",                                                                                                           \
         "How near to a predicted power of L an interval must lie for a verdict."},                                    \
        {"layers", OVP_PARAM_INT_LIST, "125,250,500,1000,2000", 2, 1e6, NULL, "layers", "L of synthetic nets."},       \
        {"dim", OVP_PARAM_INT, "10", 1, 1000, NULL, "units", "d of synthetic nets."},                                  \
        {"gamma", OVP_PARAM_REAL,                                                                                      \
         "2",     .01,                                                                                                 \
         1000,    NULL,                                                                                                \
         "",      "Their noise is uniform within +-L^(-beta - 1/gamma) / 2, as depth-limit's initialisation."},        \
    {                                                                                                                  \
        "smooth", OVP_PARAM_REAL, "1", 0, 1e6, NULL, "",                                                               \
            "Norm of their smooth part, L^-beta cos(pi k/(L-1)) A with a random A."                                    \
    }

/* Both experiments' presets; `fast`: help of the default one after its time and nets, `paper`: what was published. */
#define DEPTH_PATHS_PRESETS(fast, paper)                                                                               \
    {"quick", "about a second: synthetic nets of 125, 250, 500 layers", "seeds=1..4;layers=125,250,500"},              \
        {"default", "a few seconds: synthetic nets of 125 to 2000 layers" fast, "seeds=1..5"}, {                       \
        "paper", "the published defaults, beta .5 and " paper ": give --runs", "seeds=42"                              \
    }
/* First columns of a table with a row a net, and last ones of a summary of table `of`. */
#define DEPTH_PATHS_NET_COLUMNS                                                                                        \
    {"source", "", "run or file"}, {"layers", "", "L"}, {                                                              \
        "seed", "", "seed of the net, or its number among those of this depth"                                         \
    }
#define DEPTH_PATHS_MEAN_COLUMNS(of)                                                                                   \
    {"measure", "", "column of table " of}, {"count", "", "nets with a finite value"}, {"mean", "", "mean over them"}, \
        {"low", "", "95 % by Student's t"}, {                                                                          \
        "high", "", ""                                                                                                 \
    }

/* One net. */
typedef struct depth_net {
    ovp_idx layers, dim;
    int64_t repeat;     /* its seed, or which net of this depth it is among those without one, from 0 */
    const char *source; /* id of the run, or file */
    double alpha;       /* of a run; NaN if unknown */
} depth_net;

/* What is done with a net: x is L^beta W, L x d x d, and may be overwritten. */
typedef ovp_status (*depth_net_visit)(void *user, const depth_net *net, double *x);
/* Visits all nets of --runs in their order. Errors: those of visit and past_run.h, OVP_EFORMAT (a file with no blocks,
 * blocks that are not square, of different shapes, not numbered 0 .. L-1, of another dim than the first net, values
 * that are not finite). */
ovp_status depth_paths_visit(ovp_ctx *ctx, ovp_experiment_run *run, const ovp_params *params, depth_net_visit visit,
                             void *user);
/* For `check`: whether all nets can be read; *dim: their d. Errors: as above. */
ovp_status depth_paths_check(ovp_ctx *ctx, const ovp_params *params, ovp_idx *dim);
/* Room for one more item in *list (a pointer to items of `size` bytes), the new ones zeroed. */
ovp_status depth_paths_grow(ovp_ctx *ctx, void *list, ovp_idx count, ovp_idx *capacity, size_t size);
int depth_paths_synthetic(const ovp_params *params);
/* Power of L that synthetic nets' V_p^(1/p) tends to: noise of size L^(-1/gamma) in L steps gives max(0, 1/p - 1/gamma)
 * beside a smooth part, 1/p - 1/gamma without one; NaN for nets that were read. */
double depth_paths_predicted(const ovp_params *params);

/* Room for `count` rows, y zeroed. Free with depth_paths_rows_free, also after a failure. */
ovp_status depth_paths_rows(study_rows *out, ovp_ctx *ctx, ovp_idx count);
void depth_paths_rows_free(ovp_ctx *ctx, study_rows *rows);
/* Verdict on V_p^(1/p) of nets, rows[].y, against the power of L that theory gives them. synthetic: claim on nets that
 * are made, up to the power; read: on nets that were read; what: the measure. */
ovp_status depth_paths_judge_variation(ovp_experiment_run *run, const study_rows *rows, const char *synthetic,
                                       const char *read, const char *what);
/* Verdict on the power of L that a measure (`what`) follows; rows: x is L, seed the repeat. */
ovp_status depth_paths_judge(ovp_experiment_run *run, const study_rows *rows, const char *claim, double predicted,
                             const char *what);

#endif
