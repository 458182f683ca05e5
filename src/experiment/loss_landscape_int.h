/* experiment, internal: loss-landscape's surfaces, what is read off them, and its figures, apart from its declaration
 * (and testable with made-up numbers). */
#ifndef OVP_LOSS_LANDSCAPE_INT_H
#define OVP_LOSS_LANDSCAPE_INT_H

#include "past_net.h"

/* One surface (or line: rows 1) with what is read off it; a number that is not known is NaN. */
typedef struct landscape_row {
    const char *run, *net; /* borrowed */
    int64_t seed;          /* of the directions */
    ovp_idx pick;          /* which of the chosen nets */
    ovp_idx rows, cols, samples;
    double *loss;                        /* rows x cols; [rows / 2, cols / 2] is the centre */
    double trained, recorded, tolerance; /* loss at the weights; as recorded; allowed distance of the centre from it */
    double classes;                      /* 0: real targets, or a loss other than cross-entropy */
    double cosine, length;               /* faults of the directions */
    double seconds;
    /* read off */
    double centre, minimum, far;         /* far: mean over the finite losses of the border */
    ovp_idx min_row, min_col, min_cells; /* min_cells: from the centre, the larger of both ways; -1: none */
    ovp_idx not_finite, first_bad;       /* how many losses; where the first one stands */
} landscape_row;
/* Fills the last three lines from loss. */
void landscape_read_off(landscape_row *row);

/* Losses between two nets. */
typedef struct landscape_path {
    const char *run[2], *net[2]; /* borrowed */
    ovp_idx steps, samples;
    double beyond, *t, *loss;             /* steps values from -beyond to 1 + beyond */
    double end[2], trained[2], tolerance; /* on the path at 0 and 1; by themselves */
    double barrier, barrier_at;           /* largest excess over the straight line between the ends, t in [0, 1] */
    double minimum, minimum_at;
} landscape_path;
void landscape_read_path(landscape_path *path);

typedef struct landscape_pick {
    ovp_idx source;   /* of sources */
    const char *name; /* of the net; borrowed */
} landscape_pick;
enum { LANDSCAPE_NETS = 12 }; /* most nets of a run of this experiment */

typedef struct landscape_lab {
    ovp_experiment_run *run; /* NULL while values are checked */
    ovp_ctx *ctx;
    const ovp_params *params;
    past_weights *sources;
    ovp_idx source_count;
    landscape_pick picks[LANDSCAPE_NETS];
    ovp_idx pick_count;
    const int64_t *seeds;
    ovp_idx seed_count;
    landscape_row *rows;
    ovp_idx count;
    ovp_data_set digits; /* of the example net, where no run is named */
    landscape_path path; /* with mode interpolation; loss NULL: not computed */
} landscape_lab;

/* ---- loss_landscape_run.c ---------------------------------------------------------------------------- */

/* Opens the runs and chooses the nets. Errors name the key. Free with landscape_lab_free, also after a failure. */
ovp_status landscape_lab_open(landscape_lab *lab, ovp_ctx *ctx, const ovp_params *params);
void landscape_lab_free(landscape_lab *lab);
/* A surface from an .npy file: 2-D, real, at most as large as a figure can show. */
ovp_status landscape_read_surface(ovp_numeric_array *out, ovp_ctx *ctx, const char *path);
/* Whether `pattern` is among the parts of `name` between dots: "width30.seed1" is in "width30.seed1.member0". */
int landscape_matches(const char *name, const char *pattern);
ovp_status landscape_run(ovp_experiment_run *run);

/* ---- loss_landscape_example.c ------------------------------------------------------------------------ */

/* A small residual net, trained now on the first 1000 digits of MNIST, which it borrows; always the same. digits is
 * freed with ovp_data_free, also after a failure. */
ovp_status landscape_example(past_net *out, ovp_data_set *digits, ovp_experiment_run *run, ovp_numeric_type type,
                             const char *engine, ovp_idx samples);

/* ---- loss_landscape_results.c ------------------------------------------------------------------------ */

enum { LANDSCAPE_NEAR = 2 };       /* cells the minimum may be away from the centre */
#define LANDSCAPE_FAR_MARGIN .3    /* of the far value about ln(classes) */
#define LANDSCAPE_ORTHOGONAL 1e-10 /* of the directions' faults */

/* Verdicts from finished rows, seeds in the run's order. */
void landscape_judge_centre(study_verdict *out, ovp_idx count, const landscape_row *rows);
void landscape_judge_directions(study_verdict *out, ovp_idx count, const landscape_row *rows);
ovp_status landscape_judge_minimum(study_verdict *out, ovp_ctx *ctx, ovp_idx count, const landscape_row *rows,
                                   const int64_t *seeds, ovp_idx seed_count);
ovp_status landscape_judge_far(study_verdict *out, ovp_ctx *ctx, ovp_idx count, const landscape_row *rows,
                               const int64_t *seeds, ovp_idx seed_count);
void landscape_judge_ends(study_verdict *out, const landscape_path *path);

/* One row of table surfaces. */
ovp_status landscape_report(const landscape_lab *lab, const landscape_row *row);
/* Arrays, exports, verdicts and figures from the finished rows or the path. */
ovp_status landscape_conclude(landscape_lab *lab);

/* ---- loss_landscape_figures.c ------------------------------------------------------------------------ */

ovp_status landscape_figures(landscape_lab *lab);

#endif
