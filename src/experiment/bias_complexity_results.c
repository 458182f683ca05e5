/* bias-complexity: arrays, peaks, verdicts and figures. */
#include "bias_complexity_int.h"

#include <stdio.h>

/* ---- peaks --------------------------------------------------------------------------------------- */

/* One data set's minimum-norm fits. */
typedef struct bias_peak {
    double full, peak, risk; /* dimensions, risk at the peak; full INFINITY: the rank never reached n */
    ovp_idx fits;            /* finished */
} bias_peak;

static bias_peak find_peak(const bias_lab *lab, ovp_idx seed, ovp_idx *best) {
    const double *rank = lab->rank + seed * lab->dim_count, *risk = lab->risk_least + seed * lab->dim_count;
    const double n = (double)ovp_params_int(lab->params, "n");
    bias_peak out = {.full = INFINITY, .peak = NAN, .risk = NAN};
    ovp_idx least = -1;
    for (ovp_idx d = 0; d < lab->dim_count; d++) {
        if (!isfinite(rank[d])) continue;
        out.fits++;
        if (rank[d] >= n && isinf(out.full)) out.full = (double)lab->dims[d];
        if (!(risk[d] <= out.risk)) {
            out.risk = risk[d];
            out.peak = (double)lab->dims[d];
        }
        if (least < 0 || risk[d] < risk[least]) least = d;
    }
    *best = least;
    return out;
}

static ovp_status keep_peaks(bias_lab *lab, bias_peak *peaks) {
    ovp_status status = OVP_OK;
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        ovp_idx best;
        peaks[s] = find_peak(lab, s, &best);
        if (peaks[s].fits == 0) continue;
        const ovp_store_cell row[] = {
            ovp_cell_int(lab->seeds[s]),
            isinf(peaks[s].full) ? ovp_cell_null() : ovp_cell_int((int64_t)peaks[s].full),
            ovp_cell_int((int64_t)peaks[s].peak),
            ovp_cell_real(peaks[s].risk),
            ovp_cell_int(lab->dims[best]),
            ovp_cell_real(lab->risk_least[s * lab->dim_count + best]),
        };
        OVP_TRY(ovp_run_row(lab->run, "peaks", row));
    }
done:
    return status;
}

/* Median over data sets of the first dimension of full rank; INFINITY where it was not reached.
 * scratch: seeds values. */
static double median_full(const bias_lab *lab, const bias_peak *peaks, double *scratch) {
    double spread[3];
    for (ovp_idx s = 0; s < lab->seed_count; s++) /* beyond every dimension: sorts last */
        scratch[s] = isinf(peaks[s].full) ? 1e300 : peaks[s].full;
    linear_spread(spread, lab->seed_count, scratch);
    return spread[0] > 1e200 ? (double)INFINITY : spread[0];
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

enum { NEAR = 4 }; /* dimensions: two steps of the list */

static void judge_theorem(study_verdict *out, const bias_lab *lab) {
    char texts[2][32];
    const double tolerance = linear_tolerance(lab->type);
    ovp_experiment_short(texts[0], lab->deviation);
    ovp_experiment_short(texts[1], tolerance);
    study_verdict_theorem(
        out, "gradient descent follows the exact solution", lab->deviation / tolerance, lab->judged,
        "Largest |sqrt(L) - sqrt(L_theory)| / sqrt(L_0) at every tenth step and the end of %lld nets is "
        "%s; allowed %s (%s). Measured in units of it; nets that a step of lr makes unstable are left "
        "out.",
        (long long)lab->judged, texts[0], texts[1], ovp_numeric_type_name(lab->type));
}

/* Where features are counted to reach n: the first dimension with m - 1 >= n; NAN: none in the list. */
static double counted(const bias_lab *lab) {
    for (ovp_idx d = 0; d < lab->dim_count; d++)
        if (lab->dims[d] - 1 >= ovp_params_int(lab->params, "n")) return (double)lab->dims[d];
    return NAN;
}

/* Features complete half a period on each side of 0: orthogonal on [-1, 1]. */
static int quick_features(const bias_lab *lab) {
    return ovp_params_real(lab->params, "frequency") > M_PI - 1e-9;
}

static void judge_rank(study_verdict *out, const bias_lab *lab, const bias_peak *peaks, double *scratch) {
    const double full = median_full(lab, peaks, scratch), expected = counted(lab);
    const int quick = quick_features(lab), enough = lab->seed_count >= OVP_SEEDS_FOR_A_VERDICT && isfinite(expected);
    const ovp_measure_interval measured = {lab->seed_count, isinf(full) ? (double)NAN : full, NAN, NAN};
    const int near = fabs(full - expected) <= NEAR, later = full > expected + NEAR;
    char text[32] = "not within the list";
    ovp_idx reached = 0;
    for (ovp_idx s = 0; s < lab->seed_count; s++) reached += !isinf(peaks[s].full);
    if (isfinite(full)) snprintf(text, sizeof text, "at dimension %.0f", full);
    study_verdict_fill(
        out,
        quick ? "the rank reaches n where counting features says"
              : "slow features depend on each other: the rank reaches n later than counting says",
        measured, expected,
        !enough                  ? OVP_HOLDS_UNCLEAR
        : (quick ? near : later) ? OVP_HOLDS_YES
                                 : OVP_HOLDS_NO,
        "The rank reached n in %lld of %lld data sets, in the median %s (rcond fixed). Predicted: the first "
        "dimension with m - 1 >= n; holds %s.",
        (long long)reached, (long long)lab->seed_count, text,
        quick ? "within 4 of it" : "if it comes more than 4 later");
}

static void judge_peak(study_verdict *out, const bias_lab *lab, const bias_peak *peaks, double *scratch) {
    ovp_idx reached = 0;
    double spread[3];
    for (ovp_idx s = 0; s < lab->seed_count; s++)
        if (!isinf(peaks[s].full)) scratch[reached++] = peaks[s].peak - peaks[s].full;
    linear_spread(spread, reached, scratch);
    const ovp_measure_interval measured = {lab->seed_count, spread[0], spread[1], spread[2]};
    const int enough = reached >= OVP_SEEDS_FOR_A_VERDICT && 2 * reached > lab->seed_count;
    study_verdict_fill(
        out, "the minimum-norm risk is largest where the rank first reaches n", measured, 0,
        !enough                   ? OVP_HOLDS_UNCLEAR
        : fabs(spread[0]) <= NEAR ? OVP_HOLDS_YES
                                  : OVP_HOLDS_NO,
        "Dimension of the largest risk minus the first of full rank: median, lowest and highest over the "
        "%lld of %lld data sets whose rank reached n; holds within 4. Unclear unless it was reached by at "
        "least four and more than half of them.",
        (long long)reached, (long long)lab->seed_count);
}

static double largest(const double *values, ovp_idx n) {
    double out = NAN;
    for (ovp_idx i = 0; i < n; i++) out = fmax(values[i], out);
    return out;
}

/* Over initialisations (and data sets, where gradient descent was run on several). */
static void judge_descent(study_verdict *out, const bias_lab *lab, double *scratch) {
    const ovp_idx nets = lab->gd_seeds * lab->members;
    for (ovp_idx i = 0; i < nets; i++)
        scratch[i] = log10(largest(lab->risk_gd + i * lab->dim_count, lab->dim_count) /
                           largest(lab->risk_least + i / lab->members * lab->dim_count, lab->dim_count));
    const ovp_measure_interval ratio = study_over_seeds(scratch, nets);
    study_verdict_fill(out, "gradient descent stopped early stays below the peak of the minimum norm", ratio, NAN,
                       study_judge_below(ratio, 0),
                       "log10 of the ratio of the largest risks over all dimensions, gradient descent's to the minimum "
                       "norm's on the same data: mean and 95 %% interval over %lld initialisations on %lld data sets; "
                       "holds below 0.",
                       (long long)ratio.count, (long long)lab->gd_seeds);
}

ovp_status bias_complexity_judge(study_verdict out[BIAS_VERDICTS], const bias_lab *lab) {
    ovp_status status = OVP_OK;
    bias_peak *peaks = NULL;
    double *scratch = NULL;
    ovp_idx best;
    OVP_TRY(ovp_alloc(lab->ctx, &peaks, lab->seed_count, sizeof *peaks));
    OVP_TRY(ovp_alloc(lab->ctx, &scratch, lab->seed_count + lab->gd_seeds * lab->members, sizeof *scratch));
    for (ovp_idx s = 0; s < lab->seed_count; s++) peaks[s] = find_peak(lab, s, &best);
    judge_theorem(&out[0], lab);
    judge_rank(&out[1], lab, peaks, scratch);
    judge_peak(&out[2], lab, peaks, scratch);
    judge_descent(&out[3], lab, scratch);
done:
    ovp_free(lab->ctx, scratch);
    ovp_free(lab->ctx, peaks);
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------- */

/* Spread of rows x dims values at each dimension into middle, low, high (dims each). */
static void spreads(const bias_lab *lab, ovp_idx rows, const double *values, double *out, double *scratch) {
    for (ovp_idx d = 0; d < lab->dim_count; d++) {
        double spread[3];
        for (ovp_idx i = 0; i < rows; i++) scratch[i] = values[i * lab->dim_count + d];
        linear_spread(spread, rows, scratch);
        for (int k = 0; k < 3; k++) out[k * lab->dim_count + d] = spread[k];
    }
}

static ovp_figure_series band_of(const bias_lab *lab, const char *label, const double *x, const double *spread,
                                 int colour) {
    return (ovp_figure_series){.label = label,
                               .style = OVP_FIGURE_BAND,
                               .n = lab->dim_count,
                               .x = x,
                               .y = spread,
                               .low = spread + lab->dim_count,
                               .high = spread + 2 * lab->dim_count,
                               .colour = colour};
}

static ovp_status draw_risk(bias_lab *lab, double full, double *block, double *scratch) {
    const ovp_idx dims = lab->dim_count, nets = lab->gd_seeds * lab->members;
    double *x = block, *least = x + dims, *descent = least + 3 * dims;
    double at[2] = {full, full}, ends[2] = {INFINITY, -INFINITY};
    ovp_figure_series series[3];
    ovp_idx count = 0;
    spreads(lab, lab->seed_count, lab->risk_least, least, scratch);
    spreads(lab, nets, lab->risk_gd, descent, scratch);
    for (ovp_idx i = 0; i < 3 * dims; i++) { /* the vertical line is as high as the bands */
        ends[0] = fmin(ends[0], fmin(least[i], nets > 0 ? descent[i] : least[i]));
        ends[1] = fmax(ends[1], fmax(least[i], nets > 0 ? descent[i] : least[i]));
    }
    series[count++] = band_of(lab, "minimum norm (data sets)", x, least, 0);
    if (nets > 0) series[count++] = band_of(lab, "gradient descent (initialisations)", x, descent, 1);
    if (isfinite(full))
        series[count++] = (ovp_figure_series){
            .label = "rank = n", .style = OVP_FIGURE_THEORY, .n = 2, .x = at, .y = ends, .colour = -1};
    const ovp_figure figure = {.name = "risk",
                               .title = "Risk against the dimension",
                               .x_label = "features",
                               .y_label = "mean squared error against the noiseless target",
                               .caption =
                                   "Medians, bands from lowest to highest: over data sets for the minimum-norm "
                                   "solution, over initialisations for gradient descent. The vertical line is where "
                                   "the rank reaches n in the median data set, if it does.",
                               .y_log = 1,
                               .series = series,
                               .count = count};
    return ovp_run_figure(lab->run, &figure);
}

static ovp_status draw_rank(bias_lab *lab, double *block, double *scratch) {
    const ovp_idx dims = lab->dim_count;
    double *x = block, *rank = x + dims, *count = rank + 3 * dims, n = (double)ovp_params_int(lab->params, "n");
    spreads(lab, lab->seed_count, lab->rank, rank, scratch);
    for (ovp_idx d = 0; d < dims; d++) count[d] = fmin(x[d] - 1, n);
    const ovp_figure_series series[] = {
        band_of(lab, "numerical rank", x, rank, 0),
        {.label = "n", .style = OVP_FIGURE_HLINE, .n = 1, .y = &n, .colour = 2},
        {.label = "counted: min(m - 1, n)", .style = OVP_FIGURE_THEORY, .n = dims, .x = x, .y = count, .colour = -1},
    };
    const ovp_figure figure = {.name = "rank",
                               .title = "Rank against the dimension",
                               .x_label = "features",
                               .y_label = "rank",
                               .caption =
                                   "Singular values above rcond times the largest: median over data sets, band from "
                                   "lowest to highest. Slow features fall behind the count.",
                               .series = series,
                               .count = COUNT(series)};
    return ovp_run_figure(lab->run, &figure);
}

static ovp_status draw_single(bias_lab *lab) {
    ovp_status status = OVP_OK;
    const linear_data *data = &lab->data[0];
    char title[96];
    const ovp_figure_series functions[] = {
        {.label = "at the start",
         .style = OVP_FIGURE_LINE,
         .n = BIAS_GRID,
         .x = lab->grid,
         .y = lab->start,
         .colour = 1},
        {.label = "trained", .style = OVP_FIGURE_LINE, .n = BIAS_GRID, .x = lab->grid, .y = lab->end, .colour = 0},
        {.label = "target", .style = OVP_FIGURE_LINE, .n = BIAS_GRID, .x = lab->grid, .y = lab->target, .colour = 2},
        {.label = "data", .style = OVP_FIGURE_POINTS, .n = data->n, .x = data->x, .y = data->y, .colour = 3},
    };
    const ovp_figure_series losses[] = {
        {.label = "training loss",
         .style = OVP_FIGURE_LINE,
         .n = lab->looks,
         .x = lab->step,
         .y = lab->loss,
         .colour = 0},
        {.label = "risk", .style = OVP_FIGURE_LINE, .n = lab->looks, .x = lab->step, .y = lab->risk, .colour = 1},
        {.label = "exact solution",
         .style = OVP_FIGURE_THEORY,
         .n = lab->looks,
         .x = lab->step,
         .y = lab->loss_theory,
         .colour = 0},
        {.label = "", .style = OVP_FIGURE_THEORY, .n = lab->looks, .x = lab->step, .y = lab->risk_theory, .colour = 1},
    };
    snprintf(title, sizeof title, "A fit with %lld features", (long long)ovp_params_int(lab->params, "single-dim"));
    const ovp_figure function = {.name = "single-function",
                                 .title = title,
                                 .x_label = "x",
                                 .y_label = "f(x)",
                                 .caption = "The single fit on the first seed's data, before and after its training.",
                                 .series = functions,
                                 .count = COUNT(functions)};
    const ovp_figure risk = {.name = "single-risk",
                             .title = "Training loss and risk of the single fit",
                             .x_label = "step",
                             .y_label = "mean squared error",
                             .caption =
                                 "Training loss on the noisy data, risk against the noiseless target; dashed: the "
                                 "exact solution.",
                             .y_log = 1,
                             .series = losses,
                             .count = COUNT(losses)};
    OVP_TRY(ovp_run_figure(lab->run, &function));
    OVP_TRY(ovp_run_figure(lab->run, &risk));
done:
    return status;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static ovp_status keep_arrays(bias_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_experiment_run *run = lab->run;
    OVP_TRY(study_put(run, "feature_dims", OVP_I64, lab->dim_count, 0, lab->dims));
    OVP_TRY(study_put(run, "rank", OVP_F64, lab->seed_count, lab->dim_count, lab->rank));
    OVP_TRY(study_put(run, "risk_min_norm", OVP_F64, lab->seed_count, lab->dim_count, lab->risk_least));
    if (lab->gd_seeds * lab->members > 0)
        OVP_TRY(study_put(run, "risk_gd", OVP_F64, lab->gd_seeds * lab->members, lab->dim_count, lab->risk_gd));
    if (lab->looks > 0) {
        OVP_TRY(study_put(run, "single_steps", OVP_F64, lab->looks, 0, lab->step));
        OVP_TRY(study_put(run, "single_loss", OVP_F64, lab->looks, 0, lab->loss));
        OVP_TRY(study_put(run, "single_risk", OVP_F64, lab->looks, 0, lab->risk));
        OVP_TRY(study_put(run, "single_theory_loss", OVP_F64, lab->looks, 0, lab->loss_theory));
        OVP_TRY(study_put(run, "single_theory_risk", OVP_F64, lab->looks, 0, lab->risk_theory));
    }
done:
    return status;
}

ovp_status bias_complexity_conclude(bias_lab *lab) {
    static const char *const settings[] = {"feature_dim", "solution"}, *const measures[] = {"rank", "train_loss",
                                                                                            "risk"};
    ovp_status status = OVP_OK;
    study_verdict verdicts[BIAS_VERDICTS];
    bias_peak *peaks = NULL;
    double *block = NULL, *scratch = NULL;
    const ovp_idx nets = lab->gd_seeds * lab->members;
    if (!isfinite(lab->rank[0])) return OVP_OK; /* ended before the first dimension */
    OVP_TRY(ovp_alloc(lab->ctx, &peaks, lab->seed_count, sizeof *peaks));
    OVP_TRY(ovp_alloc(lab->ctx, &block, 7 * lab->dim_count, sizeof *block));
    OVP_TRY(ovp_alloc(lab->ctx, &scratch, lab->seed_count + nets, sizeof *scratch));
    for (ovp_idx d = 0; d < lab->dim_count; d++) block[d] = (double)lab->dims[d];
    OVP_TRY(keep_arrays(lab));
    OVP_TRY(keep_peaks(lab, peaks));
    OVP_TRY(ovp_run_summary(lab->run, "dimensions", "dimensions-summary", settings, COUNT(settings), measures,
                            COUNT(measures)));
    OVP_TRY(bias_complexity_judge(verdicts, lab));
    for (int i = 0; i < BIAS_VERDICTS; i++) OVP_TRY(ovp_run_verdict(lab->run, &verdicts[i].verdict));
    OVP_TRY(draw_risk(lab, median_full(lab, peaks, scratch), block, scratch));
    OVP_TRY(draw_rank(lab, block, scratch));
    if (lab->looks > 0) OVP_TRY(draw_single(lab));
done:
    ovp_free(lab->ctx, scratch);
    ovp_free(lab->ctx, block);
    ovp_free(lab->ctx, peaks);
    return status;
}
