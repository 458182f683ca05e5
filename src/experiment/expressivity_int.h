/* experiment, internal: expressivity's curve through a net, its theory, verdicts and figures, apart from its run (and
 * testable with made-up numbers). */
#ifndef OVP_EXPRESSIVITY_INT_H
#define OVP_EXPRESSIVITY_INT_H

#include "study.h"

#include <overparam/theory.h>

enum {
    EXPRESSIVITY_ANGLES = 8, /* most angles between points of a pair */
    EXPRESSIVITY_FIRST = 4,  /* layers before it are on their way to q*: verdicts on q and correlations begin here */
    EXPRESSIVITY_GROWTH_LOW = 5, /* growth is the geometric mean over these layers */
    EXPRESSIVITY_GROWTH_HIGH = 15
};

/* ---- expressivity_curve.c: a circle through one net ---------------------------------------------------- */

/* The net: weights of all layers one after another in float32, `hidden` layers of `width` units whose z are measured;
 * layer 0 is width x 2. biases: hidden x width, or NULL. */
typedef struct expressivity_net {
    ovp_idx width, hidden;
    const ovp_numeric_activation *activation;
    const float *weights, *biases;
} expressivity_net;

/* What is measured at one layer; lengths and angles of the pre-activations z. */
typedef struct expressivity_layer {
    double q;                                /* mean over the points of |z|^2 / width */
    double length;                           /* of the curve, converged up to error */
    double error;                            /* of the length, relative, estimated */
    double polyline;                         /* length of the straight segments between the points asked for */
    double length_h;                         /* of the curve after the activation */
    double curvature;                        /* root mean square over the points of sqrt(width) kappa */
    double correlation[EXPRESSIVITY_ANGLES]; /* mean over pairs of points at these angles */
} expressivity_layer;

/* theta = 2 pi i / (points - 1), i < points: both ends. Pairs are points i and i + offset[k] on the circle. */
typedef struct expressivity_circle {
    ovp_idx points, limit; /* asked for; most that refining may reach */
    double radius, tolerance;
    ovp_idx angles, offset[EXPRESSIVITY_ANGLES];
} expressivity_circle;

/* layers: hidden values. projection: width x 3. trajectory: hidden x points x 3, activations: hidden x points x width
 * or NULL; both after the activation. *points: how many were used in the end. */
typedef struct expressivity_out {
    expressivity_layer *layers;
    double *trajectory, *activations;
    ovp_idx points;
} expressivity_out;
/* The length is the integral over theta of |dz/dtheta|, which goes through the net beside z (forward mode), by the
 * trapezoid rule; intervals are halved where the rule is not settled until no layer's length changes by more than the
 * tolerance. The same bits for any number of threads. Errors: OVP_ENOMEM, OVP_EINTERRUPTED. */
ovp_status expressivity_send(expressivity_out *out, ovp_ctx *ctx, const expressivity_net *net,
                             const expressivity_circle *circle, const double *projection);
/* Bytes that needs besides the weights and the outputs. */
double expressivity_send_memory(ovp_idx width, ovp_idx points);

/* ---- expressivity_theory.c: what mean field theory says -------------------------------------------------- */

/* The finite-layer recursions from q^1 = sigma^2 radius^2 / 2 + sigma_b^2 on. Free with expressivity_theory_free. */
typedef struct expressivity_theory {
    double sigma, sigma_b;
    ovp_theory_fixed_point fixed;
    expressivity_layer *layers; /* hidden values; error and polyline unused */
    double *growth;             /* of the length from the layer before, sqrt(chi_1(q)); NaN in the first */
} expressivity_theory;
typedef struct expressivity_theory_options {
    const char *activation;
    double sigma, sigma_b, radius;
    ovp_idx width, hidden, angles;
    const double *angle; /* in radians */
} expressivity_theory_options;
ovp_status expressivity_theory_create(expressivity_theory *out, ovp_ctx *ctx, const expressivity_theory_options *o);
void expressivity_theory_free(ovp_ctx *ctx, expressivity_theory *theory);

/* ---- the study: all nets ------------------------------------------------------------------------------- */

typedef struct expressivity_record {
    ovp_idx sigma, seed, member; /* sigma, seed: positions in the lists */
    expressivity_layer *layers;  /* hidden values; owned by the study */
} expressivity_record;

typedef struct expressivity_study {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    const int64_t *seeds;
    const double *sigmas;
    ovp_idx seed_count, sigma_count, members, hidden, angles, points;
    double angle[EXPRESSIVITY_ANGLES]; /* radians, as the points have them */
    expressivity_circle circle;
    expressivity_theory *theory; /* one a sigma */
    expressivity_record *records;
    ovp_idx count;        /* finished nets */
    double *trajectories; /* count x hidden x points x 3 */
    /* The phase diagram, NULL without --map: map_cols sigma_w x map_rows sigma_b, and for each sigma_b the sigma_w at
     * which chi_1 = 1, NaN where there is none. */
    ovp_idx map_cols, map_rows;
    const double *map_w, *map_b;
    ovp_theory_fixed_point *map;
    double *map_edge;
} expressivity_study;

/* ---- expressivity_run.c: all nets -------------------------------------------------------------------- */

ovp_status expressivity_run(ovp_experiment_run *run);
/* Refuses what would not fit into memory, for `check`. */
ovp_status expressivity_check_memory(ovp_ctx *ctx, const ovp_params *params);

/* ---- expressivity_results.c: tables and verdicts --------------------------------------------------------- */

ovp_status expressivity_rows(expressivity_study *study, const expressivity_record *record);
/* The phase diagram into the study and its tables. */
ovp_status expressivity_map(expressivity_study *study);
ovp_status expressivity_conclude(expressivity_study *study);

/* Does the mean over seeds of q follow theory? q: seeds x layers. yes: at every layer within 3 % and within what 3
 * standard errors are to a normal number, 99.73 %, by Student's t; no: at one beyond both; unclear otherwise, and with
 * fewer than 4 seeds. */
typedef struct expressivity_fit {
    ovp_experiment_holds holds;
    double relative, errors; /* largest deviation of a layer, relative and in standard errors; NaN: none */
    double allowed;          /* standard errors, with as many seeds as the fewest of a layer; NaN: none */
} expressivity_fit;
expressivity_fit expressivity_judge_q(ovp_idx seeds, ovp_idx layers, const double *q, const double *theory);
/* Do correlations follow theory, to .03? c: seeds x count. yes: all 95 % intervals lie within it; no: one lies wholly
 * outside. *worst: the entry whose mean is farthest off, -1 without one. */
ovp_experiment_holds expressivity_judge_correlations(ovp_idx seeds, ovp_idx count, const double *c,
                                                     const double *theory, ovp_idx *worst);
/* Grid points whose chi_1 is not on the side of 1 that the edge says, more than 1e-6 away from it; *count: compared. */
ovp_idx expressivity_judge_map(ovp_idx cols, ovp_idx rows, const ovp_theory_fixed_point *map, const double *sigma_w,
                               const double *edge, ovp_idx *count);
/* Geometric mean of the growth of the length in layers GROWTH_LOW..GROWTH_HIGH (or the last); NaN where a length is not
 * positive or there is no such layer. */
double expressivity_growth(const expressivity_layer *layers, ovp_idx hidden);

/* ---- expressivity_figures.c ------------------------------------------------------------------------------- */

ovp_status expressivity_draw(expressivity_study *study);

#endif
