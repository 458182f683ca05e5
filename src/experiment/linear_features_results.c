/* linear-features: arrays, verdicts and figures from the finished nets. */
#include "linear_features_int.h"

#include <stdio.h>
#include <string.h>

/* ---- arrays and verdicts ------------------------------------------------------------------------- */

static ovp_status keep_arrays(linear_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_experiment_run *run = lab->run;
    const ovp_idx n = ovp_params_int(lab->params, "n");
    OVP_TRY(study_put(run, "loss_steps", OVP_F64, lab->points, 0, lab->step));
    OVP_TRY(study_put(run, "loss", OVP_F64, lab->count, lab->points, lab->loss));
    OVP_TRY(study_put(run, "theory_loss", OVP_F64, lab->count, lab->points, lab->theory));
    OVP_TRY(study_put(run, "movement", OVP_F64, lab->count, LINEAR_MOVES, lab->moves));
    OVP_TRY(study_put(run, "theory_movement", OVP_F64, lab->count, LINEAR_MOVES, lab->move_theory));
    OVP_TRY(study_put(run, "grid", OVP_F64, LINEAR_GRID, 0, lab->grid));
    OVP_TRY(study_put(run, "target", OVP_F64, LINEAR_GRID, 0, lab->target));
    OVP_TRY(study_put(run, "function_init", OVP_F64, lab->count, LINEAR_GRID, lab->start));
    OVP_TRY(study_put(run, "function_end", OVP_F64, lab->count, LINEAR_GRID, lab->end));
    OVP_TRY(study_put(run, "eigenvalues", OVP_F64, lab->seed_count * lab->dim_count, n, lab->eigenvalues));
done:
    return status;
}

/* Of ||theta - theta_0|| against theory's, relative: rounding adds up in directions that nothing pulls back. */
static double movement_tolerance(ovp_numeric_type type) {
    return type == OVP_F32 ? 1e-4 : 1e-11;
}

void linear_features_judge(study_verdict out[2], const linear_lab *lab) {
    double loss = 0, way = 0;
    ovp_idx judged = 0;
    char texts[4][32];
    for (ovp_idx i = 0; i < lab->count; i++) {
        const linear_fit *fit = &lab->fits[i];
        if (!fit->judged) continue;
        judged++;
        const double off = fabs(fit->movement - fit->theory_movement) / fit->theory_movement;
        if (!(fit->max_deviation <= loss)) loss = fit->max_deviation; /* NaN stays, and does not hold */
        if (!(off <= way)) way = off;
    }
    const char *left_out =
        judged < lab->count ? " Nets with mini-batches, with 2 lr lambda_1 / n > 2 or diverged are left out." : "";
    ovp_experiment_short(texts[0], loss);
    ovp_experiment_short(texts[1], linear_tolerance(lab->type));
    ovp_experiment_short(texts[2], way);
    ovp_experiment_short(texts[3], movement_tolerance(lab->type));
    study_verdict_theorem(
        &out[0], "the loss follows the exact solution at every step", loss / linear_tolerance(lab->type), judged,
        "Largest |sqrt(L) - sqrt(L_theory)| / sqrt(L_0) over all steps of %lld nets is %s; allowed %s "
        "(%s). Measured in units of it; a theorem, so this checks the program.%s",
        (long long)judged, texts[0], texts[1], ovp_numeric_type_name(lab->type), left_out);
    study_verdict_theorem(
        &out[1], "the weights move as far as the exact solution says", way / movement_tolerance(lab->type), judged,
        "Largest relative difference of ||theta - theta_0|| from theory's after the last update, over "
        "%lld nets, is %s; allowed %s (%s). Measured in units of it.%s",
        (long long)judged, texts[2], texts[3], ovp_numeric_type_name(lab->type), left_out);
}

/* ---- figures ------------------------------------------------------------------------------------- */

/* Spread over a dimension's finished nets at `column` of a rows x stride array. scratch: count values. */
static void over_nets(const linear_lab *lab, ovp_idx dim, const double *values, ovp_idx stride, ovp_idx column,
                      double *scratch, double out[3]) {
    ovp_idx n = 0;
    for (ovp_idx i = 0; i < lab->count; i++)
        if (lab->fits[i].dim == dim) scratch[n++] = values[i * stride + column];
    linear_spread(out, n, scratch);
}

typedef struct label {
    char text[64];
} label;

static void name_dims(const linear_lab *lab, label *labels) {
    for (ovp_idx i = 0; i < lab->dim_count; i++)
        snprintf(labels[i].text, sizeof labels[i].text, "m = %lld", (long long)lab->dims[i]);
}

static ovp_status draw_losses(linear_lab *lab, const label *labels) {
    ovp_status status = OVP_OK;
    ovp_idx *group = NULL;
    double *theory = NULL;
    const char **names = NULL;
    double values[3];
    OVP_TRY(ovp_alloc(lab->ctx, &group, lab->count, sizeof *group));
    OVP_TRY(ovp_alloc(lab->ctx, &theory, lab->dim_count * lab->points + lab->count, sizeof *theory));
    OVP_TRY(ovp_alloc(lab->ctx, &names, lab->dim_count, sizeof *names));
    double *scratch = theory + lab->dim_count * lab->points;
    for (ovp_idx i = 0; i < lab->count; i++) group[i] = lab->fits[i].dim;
    for (ovp_idx d = 0; d < lab->dim_count; d++) {
        names[d] = labels[d].text;
        for (ovp_idx k = 0; k < lab->points; k++) {
            over_nets(lab, d, lab->theory, lab->points, k, scratch, values);
            theory[d * lab->points + k] = values[0];
        }
    }
    const study_curves curves = {.name = "loss",
                                 .title = "Training loss and its exact solution",
                                 .x_label = "step",
                                 .y_label = "mean squared error",
                                 .caption =
                                     "Median over seeds and members with the band from lowest to highest; dashed, "
                                     "the exact solution's median: each eigendirection decays at its own rate.",
                                 .x_log = 1,
                                 .y_log = 1,
                                 .rows = lab->count,
                                 .steps = lab->points,
                                 .groups = lab->dim_count,
                                 .x = lab->step,
                                 .values = lab->loss,
                                 .group = group,
                                 .labels = names,
                                 .theory = theory};
    OVP_TRY(study_figure_curves(lab->run, &curves));
done:
    ovp_free(lab->ctx, names);
    ovp_free(lab->ctx, theory);
    ovp_free(lab->ctx, group);
    return status;
}

/* Every so many of the looks at the movement become points; theory's line takes all. */
enum { POINT_EVERY = 5, CURVE = 5 };

static ovp_status draw_movement(linear_lab *lab, const label *labels) {
    ovp_status status = OVP_OK;
    double *block = NULL;
    ovp_figure_series *series = NULL;
    ovp_idx count = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &block, lab->dim_count * CURVE * LINEAR_MOVES + lab->count, sizeof *block));
    OVP_TRY(ovp_alloc(lab->ctx, &series, 2 * lab->dim_count, sizeof *series));
    double *scratch = block + lab->dim_count * CURVE * LINEAR_MOVES;
    for (ovp_idx d = 0; d < lab->dim_count; d++) {
        double *x = block + d * CURVE * LINEAR_MOVES, *theory = x + LINEAR_MOVES, *middle = theory + LINEAR_MOVES,
               *low = middle + LINEAR_MOVES, *high = low + LINEAR_MOVES;
        for (ovp_idx j = 0; j < LINEAR_MOVES; j++) {
            double values[3];
            over_nets(lab, d, lab->move_theory, LINEAR_MOVES, j, scratch, values);
            theory[j] = values[0];
            over_nets(lab, d, lab->moves, LINEAR_MOVES, j, scratch, values);
            x[j] = (double)(j * linear_move_every(lab->steps[d]));
            middle[j] = j % POINT_EVERY == 1 ? values[0] : (double)NAN;
            low[j] = values[1];
            high[j] = values[2];
        }
        const int several = lab->members[d] * lab->seed_count > 1;
        series[count++] = (ovp_figure_series){.label = labels[d].text,
                                              .style = OVP_FIGURE_POINTS,
                                              .n = LINEAR_MOVES,
                                              .x = x,
                                              .y = middle,
                                              .low = several ? low : NULL,
                                              .high = several ? high : NULL,
                                              .colour = (int)d};
        series[count++] = (ovp_figure_series){.label = d == 0 ? "theory" : "",
                                              .style = OVP_FIGURE_THEORY,
                                              .n = LINEAR_MOVES,
                                              .x = x,
                                              .y = theory,
                                              .colour = (int)d};
    }
    const ovp_figure figure = {.name = "movement",
                               .title = "How far the weights move",
                               .x_label = "step",
                               .y_label = "||theta - theta_0||",
                               .caption =
                                   "Points: median over seeds and members, bars from lowest to highest; dashed: the "
                                   "exact solution.",
                               .x_log = 1,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, series);
    ovp_free(lab->ctx, block);
    return status;
}

/* Eigenvalues of the first seed, the bound of stability, and below which line a mode is not learned. */
static ovp_status draw_spectrum(linear_lab *lab, const label *labels) {
    ovp_status status = OVP_OK;
    const ovp_idx n = ovp_params_int(lab->params, "n"), dims = lab->dim_count;
    const double rate = 2 * ovp_params_real(lab->params, "lr") / (double)n, bound = 2 / rate;
    double *index = NULL;
    ovp_figure_series *series = NULL;
    ovp_idx count = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &index, n + dims, sizeof *index));
    OVP_TRY(ovp_alloc(lab->ctx, &series, 2 * dims + 1, sizeof *series));
    double *learned = index + n;
    for (ovp_idx i = 0; i < n; i++) index[i] = (double)(i + 1);
    for (ovp_idx d = 0; d < dims; d++) {
        learned[d] = 1 / (rate * (double)lab->steps[d]);
        /* What is only rounding belongs to the null space. */
        double *values = lab->eigenvalues + d * n;
        ovp_idx kept = 0;
        while (kept < n && values[kept] > 1e-20 * values[0]) kept++;
        series[count++] = (ovp_figure_series){
            .label = labels[d].text, .style = OVP_FIGURE_POINTS, .n = kept, .x = index, .y = values, .colour = (int)d};
        series[count++] = (ovp_figure_series){.label = d == 0 ? "learned within the run above" : "",
                                              .style = OVP_FIGURE_HLINE,
                                              .n = 1,
                                              .y = &learned[d],
                                              .colour = (int)d};
    }
    series[count++] = (ovp_figure_series){.label = "gradient descent diverges above",
                                          .style = OVP_FIGURE_HLINE,
                                          .n = 1,
                                          .y = &bound,
                                          .colour = (int)dims};
    const ovp_figure figure = {.name = "spectrum",
                               .title = "Eigenvalues of the Gram matrix",
                               .x_label = "mode",
                               .y_label = "eigenvalue",
                               .caption =
                                   "First seed, bias included; zero eigenvalues are not drawn. Mode i is multiplied by "
                                   "1 - 2 lr lambda / n at each step: above n / lr it diverges, below n / (2 lr "
                                   "steps) it has hardly begun.",
                               .y_log = 1,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, series);
    ovp_free(lab->ctx, index);
    return status;
}

/* The first seed's functions of one dimension: bands over its members. */
static ovp_status draw_function(linear_lab *lab, ovp_idx dim, double *scratch) {
    ovp_idx first = -1, members = 0;
    double *start[3], *end[3];
    char name[64], title[96];
    for (int i = 0; i < 3; i++) {
        start[i] = scratch + i * LINEAR_GRID;
        end[i] = scratch + (3 + i) * LINEAR_GRID;
    }
    for (ovp_idx j = 0; j < LINEAR_GRID; j++) {
        double *values = scratch + 6 * LINEAR_GRID, spread[3];
        for (int which = 0; which < 2; which++) {
            members = 0;
            for (ovp_idx i = 0; i < lab->count; i++) {
                if (lab->fits[i].dim != dim || lab->fits[i].seed != lab->seeds[0]) continue;
                if (first < 0) first = i;
                values[members++] = (which ? lab->end : lab->start)[i * LINEAR_GRID + j];
            }
            linear_spread(spread, members, values);
            for (int k = 0; k < 3; k++) (which ? end : start)[k][j] = spread[k];
        }
    }
    if (members == 0) return OVP_OK;
    const ovp_figure_style style = members > 1 ? OVP_FIGURE_BAND : OVP_FIGURE_LINE;
    const ovp_figure_series series[] = {
        {.label = members > 1 ? "at the start (all members)" : "at the start",
         .style = style,
         .n = LINEAR_GRID,
         .x = lab->grid,
         .y = start[0],
         .low = members > 1 ? start[1] : NULL,
         .high = members > 1 ? start[2] : NULL,
         .colour = 1},
        {.label = members > 1 ? "trained (all members)" : "trained",
         .style = style,
         .n = LINEAR_GRID,
         .x = lab->grid,
         .y = end[0],
         .low = members > 1 ? end[1] : NULL,
         .high = members > 1 ? end[2] : NULL,
         .colour = 0},
        {.label = "target", .style = OVP_FIGURE_LINE, .n = LINEAR_GRID, .x = lab->grid, .y = lab->target, .colour = 2},
        {.label = "data",
         .style = OVP_FIGURE_POINTS,
         .n = ovp_params_int(lab->params, "n"),
         .x = lab->x,
         .y = lab->y,
         .colour = 3},
        {.label = members > 1 ? "theory (first member)" : "theory",
         .style = OVP_FIGURE_THEORY,
         .n = LINEAR_GRID,
         .x = lab->grid,
         .y = lab->limit + first * LINEAR_GRID,
         .colour = -1}};
    snprintf(name, sizeof name, "function-m%lld", (long long)lab->dims[dim]);
    snprintf(title, sizeof title, "Functions of %lld features after %lld steps", (long long)lab->dims[dim],
             (long long)lab->steps[dim]);
    const ovp_figure figure = {.name = name,
                               .title = title,
                               .x_label = "x",
                               .y_label = "f(x)",
                               .caption =
                                   "First seed; bands reach from the lowest to the highest member. Dashed: the exact "
                                   "solution after as many steps.",
                               .series = series,
                               .count = COUNT(series)};
    return ovp_run_figure(lab->run, &figure);
}

static ovp_status draw(linear_lab *lab) {
    ovp_status status = OVP_OK;
    label *labels = NULL;
    double *scratch = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &labels, lab->dim_count, sizeof *labels));
    OVP_TRY(ovp_alloc(lab->ctx, &scratch, 6 * LINEAR_GRID + lab->count, sizeof *scratch));
    name_dims(lab, labels);
    for (ovp_idx d = 0; d < lab->dim_count; d++) OVP_TRY(draw_function(lab, d, scratch));
    OVP_TRY(draw_losses(lab, labels));
    OVP_TRY(draw_spectrum(lab, labels));
    OVP_TRY(draw_movement(lab, labels));
done:
    ovp_free(lab->ctx, scratch);
    ovp_free(lab->ctx, labels);
    return status;
}

ovp_status linear_features_conclude(linear_lab *lab) {
    static const char *const settings[] = {"feature_dim"}, *const measures[] = {"final_loss", "theory_loss",
                                                                                "max_deviation", "movement"};
    ovp_status status = OVP_OK;
    study_verdict verdicts[2];
    if (lab->count == 0) return OVP_OK;
    OVP_TRY(keep_arrays(lab));
    OVP_TRY(ovp_run_summary(lab->run, "fits", "fits-summary", settings, COUNT(settings), measures, COUNT(measures)));
    linear_features_judge(verdicts, lab);
    for (int i = 0; i < 2; i++) OVP_TRY(ovp_run_verdict(lab->run, &verdicts[i].verdict));
    OVP_TRY(draw(lab));
done:
    return status;
}
