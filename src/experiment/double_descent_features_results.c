/* Verdicts and figures of double-descent-features. */
#include "double_descent_features_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIALS_FOR_A_VERDICT = 10, CURVE = 400 };
#define ROUNDING 1e-12 /* training errors below are not drawn */
#define AWAY 0.2       /* of |N/n - 1|: how far from the peak the asymptotics on the sphere are judged */

/* ---- trials: verdicts ---------------------------------------------------------------------------- */

static int is_ridge(const features_point *point) {
    return point->best || point->lambda > 0;
}

#define NEAR .02 /* how far the limit of large d may be from the finite formula where it is judged */

static int is_compared(const features_lab *lab, const features_part *part, const features_point *point,
                       features_claim claim) {
    const double n = (double)lab->n, p = (double)point->features;
    if (point->trials < TRIALS_FOR_A_VERDICT || !(point->standard_error > 0) || !isfinite(point->theory)) return 0;
    if (claim != FEATURES_FINITE && is_ridge(point) != (claim == FEATURES_RIDGE)) return 0;
    if (part->sphere && !is_ridge(point) && fabs(p / n - 1) < AWAY) return 0;
    if (part->sphere && claim != FEATURES_FINITE) return fabs(point->finite / point->theory - 1) <= NEAR;
    return is_ridge(point) || part->sphere || fabs(p - n) >= 5;
}

double features_worst(ovp_idx *count, ovp_idx *where, const features_lab *lab, const features_part *part,
                      features_claim claim) {
    double worst = 0;
    const int asymptotic = part->sphere || claim == FEATURES_RIDGE;
    *count = 0;
    *where = 0;
    for (ovp_idx i = 0; i < part->ways * lab->count_count; i++) {
        const features_point *point = &part->points[i];
        if (!is_compared(lab, part, point, claim)) continue;
        const double theory = claim == FEATURES_FINITE ? point->finite : point->theory;
        const double off =
            fabs(point->test.mean - theory) / (3 * point->standard_error + (asymptotic ? .02 * theory : 0));
        ++*count;
        if (off <= worst) continue;
        worst = off;
        *where = i;
    }
    return worst;
}

void features_judge_part(study_verdict *out, double worst, ovp_idx count, ovp_idx trials, const char *claim,
                         const char *how) {
    char few[96] = "";
    if (trials < TRIALS_FOR_A_VERDICT)
        snprintf(few, sizeof few, " Only %lld trials: give --trials or --seeds for at least %d.", (long long)trials,
                 TRIALS_FOR_A_VERDICT);
    study_verdict_theorem(out, claim, worst, count, "%s%s", how, few);
}

static ovp_status judge_theory(features_lab *lab, const features_part *part, features_claim kind) {
    study_verdict verdict;
    ovp_idx count, where;
    char how[512], value[32], claim[192];
    const int ridge = kind == FEATURES_RIDGE, finite = kind == FEATURES_FINITE;
    const double worst = features_worst(&count, &where, lab, part, kind);
    ovp_experiment_short(value, worst);
    snprintf(claim, sizeof claim, "%s data: the mean test error%s is %s", part->data,
             finite  ? ""
             : ridge ? " of ridge regression"
                     : " of the least-norm fit",
             finite         ? "that of Simon et al.'s formula for finite d"
             : part->sphere ? "Mei and Montanari's"
             : ridge        ? "Hastie et al.'s asymptotic one"
                            : "the exact formula's");
    snprintf(how, sizeof how, "largest |mean - theory| over %s, %lld settings%s%s: %s, at %lld features.",
             part->sphere || ridge ? "(3 standard errors + 2 % of theory)" : "3 standard errors", (long long)count,
             part->sphere ? " away from the peak (least norm: |N/n - 1| >= 0.2)"
             : ridge      ? ""
                          : " with |p - n| >= 5",
             part->sphere && !finite ? " where the formula for finite d is within 2 % of it" : "", value,
             (long long)part->points[where].features);
    features_judge_part(&verdict, worst, count, lab->trials * lab->seed_count, claim, how);
    return ovp_run_verdict(lab->run, &verdict.verdict);
}

/* The least-norm mean is largest at one of the two counts next to n. */
static ovp_status judge_peak(features_lab *lab, const features_part *part) {
    study_verdict verdict;
    const features_point *peak = NULL;
    ovp_idx compared = 0, below = 0, above = INT64_MAX;
    char claim[128];
    for (ovp_idx i = 0; i < lab->count_count; i++) {
        const features_point *point = &part->points[i]; /* way 0 */
        if (point->features <= lab->n) below = point->features;
        if (point->features >= lab->n && point->features < above) above = point->features;
        if (point->trials < TRIALS_FOR_A_VERDICT) continue;
        compared++;
        if (!peak || point->test.mean > peak->test.mean) peak = point;
    }
    if (is_ridge(part->points) || below == 0 || above == INT64_MAX) return OVP_OK; /* one side only */
    if (compared < lab->count_count) compared = 0; /* an interrupted run, or too few trials */
    const int64_t at = peak ? peak->features : 0;
    const int near = at == below || at == above;
    snprintf(claim, sizeof claim, "%s data: the least-norm test error is largest where features = samples", part->data);
    study_verdict_theorem(
        &verdict, claim, near ? 0 : 2, compared,
        "the largest of %lld means (of at least %d trials each) is at %lld features, n = %lld; next to "
        "n are %lld and %lld.",
        (long long)compared, TRIALS_FOR_A_VERDICT, (long long)at, (long long)lab->n, (long long)below,
        (long long)above);
    if (compared > 0) verdict.verdict.measured = (double)at / (double)lab->n;
    verdict.verdict.predicted = 1;
    return ovp_run_verdict(lab->run, &verdict.verdict);
}

/* The tuned error rises with p: no peak. */
static ovp_status judge_best(features_lab *lab, const features_part *part) {
    study_verdict verdict;
    const features_point *points = part->points + (part->ways - 1) * lab->count_count;
    double worst = 0;
    ovp_idx compared = 0;
    char value[32];
    if (!points[0].best) return OVP_OK;
    for (ovp_idx i = 1; i < lab->count_count; i++) {
        const features_point *a = &points[i - 1], *b = &points[i];
        if (a->trials < TRIALS_FOR_A_VERDICT || b->trials < TRIALS_FOR_A_VERDICT) continue;
        compared++;
        worst = fmax(worst, (a->test.mean - b->test.mean) / (3 * hypot(a->standard_error, b->standard_error)));
    }
    ovp_experiment_short(value, worst);
    study_verdict_theorem(
        &verdict, "gaussian data: with the best ridge the error has no peak", worst, compared,
        "the best ridge's error rises with p throughout; largest fall from one count to the next, over "
        "3 standard errors: %s (%lld pairs).",
        value, (long long)compared);
    return ovp_run_verdict(lab->run, &verdict.verdict);
}

/* ---- trials: figures ----------------------------------------------------------------------------- */

typedef struct curves {
    double x[CURVE], test[CURVE], train[CURVE];
} curves;

static double finite_or_gap(double value) {
    return isfinite(value) ? value : (double)NAN;
}

static ovp_status theory_curve(curves *c, const features_lab *lab, const features_part *part,
                               const features_point *way) {
    ovp_status status = OVP_OK;
    const double low = (double)lab->counts[0], high = (double)lab->counts[lab->count_count - 1];
    for (int i = 0; i < CURVE; i++) {
        ovp_theory_risk risk;
        c->x[i] = round(low * pow(high / low, (double)i / (CURVE - 1)));
        OVP_TRY(features_theory(&risk, lab, part, c->x[i], way->lambda, way->best));
        c->test[i] = finite_or_gap(risk.excess);
        c->train[i] = risk.train > 0 ? finite_or_gap(risk.train) : (double)NAN;
    }
done:
    return status;
}

/* An upright line over the positive values of the series so far. */
typedef struct upright {
    double x[2], y[2];
} upright;
static ovp_figure_series threshold(upright *u, double at, const ovp_figure_series *series, ovp_idx count) {
    *u = (upright){{at, at}, {INFINITY, 0}};
    for (ovp_idx s = 0; s < count; s++)
        for (ovp_idx i = 0; i < series[s].n; i++) {
            const double y = series[s].y[i];
            if (!(y > ROUNDING) || !isfinite(y)) continue;
            u->y[0] = fmin(u->y[0], y);
            u->y[1] = fmax(u->y[1], y);
        }
    return (ovp_figure_series){
        .label = "features = samples", .style = OVP_FIGURE_THEORY, .n = 2, .x = u->x, .y = u->y, .colour = 6};
}

static void name_way(char out[48], const features_point *point) {
    char value[32];
    ovp_experiment_short(value, point->lambda);
    if (point->best)
        snprintf(out, 48, "best ridge");
    else if (point->lambda > 0)
        snprintf(out, 48, "ridge %s", value);
    else
        snprintf(out, 48, "least norm");
}

/* Means of one way over the counts that were finished: x, then test with its interval, then train with its own. */
static ovp_idx means_of(double *block, const features_lab *lab, const features_point *points) {
    ovp_idx count = 0;
    const ovp_idx n = lab->count_count;
    for (ovp_idx i = 0; i < n; i++) {
        const features_point *p = &points[i];
        if (p->trials == 0) continue;
        const double train = p->train.mean > ROUNDING ? p->train.mean : (double)NAN;
        const double values[] = {(double)p->features, p->test.mean, p->test.low, p->test.high, train,
                                 p->train.low,        p->train.high};
        for (int k = 0; k < 7; k++) block[k * n + count] = values[k];
        count++;
    }
    return count;
}

static ovp_status draw_part(features_lab *lab, const features_part *part) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const ovp_idx n = lab->count_count;
    double *means = NULL;
    curves *theory = NULL;
    char(*labels)[48] = NULL;
    ovp_figure_series *series[2] = {NULL, NULL};
    ovp_idx count[2] = {0, 0};
    upright lines[2];
    OVP_TRY(ovp_alloc(ctx, &means, 7 * n * part->ways, sizeof *means));
    OVP_TRY(ovp_alloc(ctx, &theory, part->ways, sizeof *theory));
    OVP_TRY(ovp_alloc(ctx, &labels, part->ways, sizeof *labels));
    for (int f = 0; f < 2; f++) OVP_TRY(ovp_alloc(ctx, &series[f], 2 * part->ways + 1, sizeof **series));
    for (ovp_idx k = 0; k < part->ways; k++) {
        double *m = means + 7 * n * k;
        const features_point *points = part->points + k * n;
        const ovp_idx finished = means_of(m, lab, points);
        if (finished == 0) continue;
        name_way(labels[k], points);
        OVP_TRY(theory_curve(&theory[k], lab, part, points));
        for (int f = 0; f < 2; f++) {
            double *y = m + (f ? 4 : 1) * n;
            series[f][count[f]++] = (ovp_figure_series){.label = labels[k],
                                                        .style = OVP_FIGURE_POINTS,
                                                        .n = finished,
                                                        .x = m,
                                                        .y = y,
                                                        .low = y + n,
                                                        .high = y + 2 * n,
                                                        .colour = (int)k};
            series[f][count[f]++] = (ovp_figure_series){.label = k == 0 ? "theory" : "",
                                                        .style = OVP_FIGURE_THEORY,
                                                        .n = CURVE,
                                                        .x = theory[k].x,
                                                        .y = f ? theory[k].train : theory[k].test,
                                                        .colour = (int)k};
        }
    }
    ovp_figure panels[2];
    for (int f = 0; f < 2; f++) {
        series[f][count[f]] = threshold(&lines[f], (double)lab->n, series[f], count[f]);
        panels[f] = (ovp_figure){.title = f ? "Training error" : "Test error",
                                 .x_label = "features",
                                 .y_label = f ? "mean (y - f)^2" : "mean (target - f)^2",
                                 .x_log = 1,
                                 .y_log = 1,
                                 .series = series[f],
                                 .count = count[f] + 1};
    }
    const ovp_figure figure = {
        .name = part->data,
        .title = part->sphere ? "Random features on the sphere" : "Gaussian features, linear teacher",
        .caption = "Means over trials with 95 % intervals, theory dashed. The least-norm fit peaks where features = "
                   "samples; beyond, its training error is 0 and not shown.",
        .panels = panels,
        .panel_count = 2,
        .panel_columns = 2};
    if (count[0] > 0) OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    for (int f = 0; f < 2; f++) ovp_free(ctx, series[f]);
    ovp_free(ctx, labels);
    ovp_free(ctx, theory);
    ovp_free(ctx, means);
    return status;
}

ovp_status features_conclude_part(features_lab *lab, const features_part *part) {
    ovp_status status = OVP_OK;
    int ridges[2] = {0, 0};
    for (ovp_idx k = 0; k < part->ways; k++) ridges[is_ridge(&part->points[k * lab->count_count])] = 1;
    for (int ridge = 0; ridge < 2; ridge++)
        if (ridges[ridge]) OVP_TRY(judge_theory(lab, part, ridge ? FEATURES_RIDGE : FEATURES_LEAST_NORM));
    if (part->sphere) OVP_TRY(judge_theory(lab, part, FEATURES_FINITE));
    OVP_TRY(judge_peak(lab, part));
    OVP_TRY(judge_best(lab, part));
    OVP_TRY(draw_part(lab, part));
done:
    return status;
}

/* ---- the line: verdicts -------------------------------------------------------------------------- */

static int is_fourier(const features_line *line) {
    return strcmp(line->map, "fourier") == 0;
}

static void note_deviation(double *worst, ovp_idx *count, double value, double known) {
    if (!isfinite(known)) return;
    ++*count;
    *worst = fmax(*worst, fabs(value - known) / fmax(fabs(known), 1e-3) / 1e-6);
}

static ovp_status judge_published(features_lab *lab, const features_line *line) {
    study_verdict verdict;
    double worst = 0;
    ovp_idx count = 0;
    char value[32], claim[96];
    for (ovp_idx i = 0; i < line->done && is_fourier(line); i++) {
        if (!features_line_is_published(lab, line, i)) break;
        note_deviation(&worst, &count, line->rows[i].train, features_published(line->rows[i].features, 1));
        note_deviation(&worst, &count, line->rows[i].test, features_published(line->rows[i].features, 0));
    }
    if (features_line_is_published(lab, line, 0)) {
        note_deviation(&worst, &count, line->limit_published, is_fourier(line) ? 0.2678602200053003 : (double)NAN);
        note_deviation(&worst, &count, line->limit, is_fourier(line) ? (double)NAN : 0.8432877145009113);
    }
    if (count == 0) return OVP_OK;
    ovp_experiment_short(value, worst * 1e-6);
    snprintf(claim, sizeof claim, "the published numbers of the %s features are met", line->map);
    study_verdict_theorem(
        &verdict, claim, worst, count,
        "largest relative deviation (absolute, over 0.001, where smaller) of %lld published errors: %s; "
        "allowed 1e-6.",
        (long long)count, value);
    return ovp_run_verdict(lab->run, &verdict.verdict);
}

/* Each entry of the Gram matrix is a mean of k complex numbers of modulus 1: P(|off| > r / sqrt(k)) is about exp(-r^2),
 * over at most n^2 / 2 entries and all rows below 1e-4 for r = 4 and n = 10; r grows with n. */
static ovp_status judge_kernel(features_lab *lab, const features_line *lines, ovp_idx count) {
    study_verdict verdict;
    const double n = (double)lab->n, r = sqrt(16 + fmax(0, log(n * n / 100)));
    const features_line_row *widest = NULL;
    double worst = 0, gap = 0;
    ovp_idx compared = 0;
    char text[3][32];
    for (ovp_idx l = 0; l < count; l++) {
        if (!is_fourier(&lines[l])) continue;
        for (ovp_idx i = 0; i < lines[l].done; i++) {
            const features_line_row *row = &lines[l].rows[i];
            worst = fmax(worst, row->gram_error * sqrt((double)row->features) / r);
            compared++;
            if (widest && row->features <= widest->features) continue;
            widest = row;
            gap = lines[l].kernel_gap;
        }
    }
    if (!widest) return OVP_OK;
    ovp_experiment_short(text[0], r);
    ovp_experiment_short(text[1], widest->gram_error);
    ovp_experiment_short(text[2], gap);
    study_verdict_theorem(
        &verdict, "the Fourier features' kernel is exp(-r^2/2), not the notebook's exp(-r/2)", worst, compared,
        "largest |Gram matrix - exp(-r^2/2)| over %s / sqrt(k), %lld fits; at %lld features it is %s, "
        "while exp(-r/2) is up to %s away.",
        text[0], (long long)compared, (long long)widest->features, text[1], text[2]);
    if (gap <= r / sqrt((double)widest->features) && verdict.verdict.holds == OVP_HOLDS_YES)
        verdict.verdict.holds = OVP_HOLDS_UNCLEAR; /* so few features cannot tell the two apart */
    return ovp_run_verdict(lab->run, &verdict.verdict);
}

/* log10 of the error at the count nearest to n over that at the largest count. */
static ovp_status judge_descent(features_lab *lab, const features_line *lines, ovp_idx count, int fourier) {
    ovp_status status = OVP_OK;
    study_verdict verdict;
    double *ratios = NULL;
    ovp_idx found = 0, near = 0;
    char claim[128];
    const ovp_idx last = lab->count_count - 1;
    for (ovp_idx i = 1; i <= last; i++)
        if (llabs(lab->counts[i] - lab->n) < llabs(lab->counts[near] - lab->n)) near = i;
    if (lab->counts[last] < 10 * lab->n) return OVP_OK;
    OVP_TRY(ovp_alloc(lab->ctx, &ratios, count, sizeof *ratios));
    for (ovp_idx l = 0; l < count; l++)
        if (is_fourier(&lines[l]) == fourier && lines[l].done > last)
            ratios[found++] = log10(lines[l].rows[near].test / lines[l].rows[last].test);
    if (found == 0) goto done;
    const ovp_measure_interval interval = ovp_measure_mean(found, ratios);
    snprintf(claim, sizeof claim, "%s features: the error at features = samples is above that of very many",
             fourier ? "Fourier" : "ReLU");
    study_verdict_fill(
        &verdict, claim, interval, NAN, ovp_experiment_judge_above(interval, 0),
        "mean over seeds of log10 (test error at %lld / at %lld features), above 0 with its 95 %% interval.",
        (long long)lab->counts[near], (long long)lab->counts[last]);
    status = ovp_run_verdict(lab->run, &verdict.verdict);
done:
    ovp_free(lab->ctx, ratios);
    return status;
}

/* ---- the line: figures --------------------------------------------------------------------------- */

static ovp_status draw_errors(features_lab *lab, const features_line *line) {
    ovp_status status = OVP_OK;
    double *block = NULL;
    upright at_n;
    const ovp_idx n = line->done;
    ovp_figure_series series[5];
    ovp_idx count = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &block, 3 * n, sizeof *block));
    double *x = block, *test = x + n, *train = test + n;
    for (ovp_idx i = 0; i < n; i++) {
        x[i] = (double)line->rows[i].features;
        test[i] = line->rows[i].test;
        train[i] = line->rows[i].train > ROUNDING ? line->rows[i].train : (double)NAN;
    }
    series[count++] =
        (ovp_figure_series){.label = "test", .style = OVP_FIGURE_LINE, .n = n, .x = x, .y = test, .colour = 0};
    series[count++] =
        (ovp_figure_series){.label = "train", .style = OVP_FIGURE_LINE, .n = n, .x = x, .y = train, .colour = 1};
    series[count] = threshold(&at_n, (double)lab->n, series, count);
    count++;
    series[count++] = (ovp_figure_series){.label = is_fourier(line) ? "limit exp(-r^2/2)" : "limit (arc-cosine kernel)",
                                          .style = OVP_FIGURE_HLINE,
                                          .n = 1,
                                          .y = &line->limit,
                                          .colour = 2};
    if (is_fourier(line))
        series[count++] = (ovp_figure_series){.label = "as published: exp(-r/2)",
                                              .style = OVP_FIGURE_HLINE,
                                              .n = 1,
                                              .y = &line->limit_published,
                                              .colour = 3};
    const ovp_figure figure = {
        .name = line->map,
        .title = is_fourier(line) ? "Random Fourier features on a line" : "Random ReLU features on a line",
        .x_label = "features",
        .y_label = "mean squared error",
        .caption = is_fourier(line)
                       ? "First seed. The lines are interpolation with kernels: exp(-r^2/2) is what the features tend "
                         "to, exp(-r/2) what the notebook drew. Training errors that are rounding are not shown."
                       : "First seed. The line is interpolation with the kernel that the features tend to. Training "
                         "errors that are rounding are not shown.",
        .x_log = 1,
        .y_log = 1,
        .series = series,
        .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    ovp_free(lab->ctx, block);
    return status;
}

/* The finished row whose count is nearest to `count` in ratio. */
static ovp_idx nearest(const features_line *line, double count) {
    ovp_idx best = 0;
    for (ovp_idx i = 1; i < line->done; i++)
        if (fabs(log((double)line->rows[i].features / count)) < fabs(log((double)line->rows[best].features / count)))
            best = i;
    return best;
}

static ovp_status draw_fits(features_lab *lab, const features_line *line) {
    static const double shown[] = {1, 5, 10, 100000};
    enum { PANELS = sizeof shown / sizeof shown[0] };
    ovp_figure panels[PANELS];
    ovp_figure_series series[PANELS][3];
    char titles[PANELS][48], name[32];
    for (int k = 0; k < PANELS; k++) {
        const ovp_idx at = nearest(line, shown[k]);
        snprintf(titles[k], sizeof titles[k], "%lld feature%s", (long long)line->rows[at].features,
                 line->rows[at].features == 1 ? "" : "s");
        series[k][0] = (ovp_figure_series){.label = "fit (real part)",
                                           .style = OVP_FIGURE_LINE,
                                           .n = lab->n_test,
                                           .x = line->grid,
                                           .y = line->fits + at * lab->n_test,
                                           .colour = 0};
        series[k][1] = (ovp_figure_series){.label = "target",
                                           .style = OVP_FIGURE_THEORY,
                                           .n = lab->n_test,
                                           .x = line->grid,
                                           .y = line->target,
                                           .colour = 2};
        series[k][2] = (ovp_figure_series){
            .label = "data", .style = OVP_FIGURE_POINTS, .n = lab->n, .x = line->x, .y = line->y, .colour = 1};
        panels[k] =
            (ovp_figure){.title = titles[k], .x_label = "x", .y_label = "f(x)", .series = series[k], .count = 3};
    }
    snprintf(name, sizeof name, "%s-fits", line->map);
    const ovp_figure figure = {.name = name,
                               .title = is_fourier(line) ? "Fits by Fourier features" : "Fits by ReLU features",
                               .caption = "First seed. Few features cannot bend, as many as samples bend wildly, very "
                                          "many follow their kernel.",
                               .panels = panels,
                               .panel_count = PANELS,
                               .panel_columns = 2};
    return ovp_run_figure(lab->run, &figure);
}

static ovp_status keep_arrays(features_lab *lab, const features_line *line) {
    ovp_status status;
    char name[48];
    snprintf(name, sizeof name, "%s_fits", line->map);
    OVP_TRY(study_put(lab->run, name, OVP_F64, line->done, lab->n_test, line->fits));
    snprintf(name, sizeof name, "%s_grid", line->map);
    OVP_TRY(study_put(lab->run, name, OVP_F64, lab->n_test, 0, line->grid));
    snprintf(name, sizeof name, "%s_x", line->map);
    OVP_TRY(study_put(lab->run, name, OVP_F64, lab->n, 0, line->x));
    snprintf(name, sizeof name, "%s_y", line->map);
    OVP_TRY(study_put(lab->run, name, OVP_F64, lab->n, 0, line->y));
done:
    return status;
}

ovp_status features_conclude_lines(features_lab *lab, const features_line *lines, ovp_idx count) {
    ovp_status status = OVP_OK;
    for (ovp_idx l = 0; l < count; l++)
        if (lines[l].done > 0) OVP_TRY(judge_published(lab, &lines[l]));
    OVP_TRY(judge_kernel(lab, lines, count));
    for (int fourier = 1; fourier >= 0; fourier--) {
        OVP_TRY(judge_descent(lab, lines, count, fourier));
        for (ovp_idx l = 0; l < count; l++) {
            if (is_fourier(&lines[l]) != fourier || lines[l].done == 0) continue;
            OVP_TRY(keep_arrays(lab, &lines[l]));
            OVP_TRY(draw_errors(lab, &lines[l]));
            OVP_TRY(draw_fits(lab, &lines[l]));
            break; /* the first seed's */
        }
    }
done:
    return status;
}
