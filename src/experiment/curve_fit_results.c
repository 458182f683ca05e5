/* curve-fit: rows, arrays, figures and verdicts of the fits. */
#include "curve_fit_int.h"

#include <stdio.h>
#include <string.h>

#define PANELS 9
#define CURVE 400
/* Groups beyond this get rows but no verdict of their own. */
#define JUDGED 12

static double curve_at(const ovp_measure_decay *fit, double t) {
    return fit->scale * pow(t + fit->shift, -fit->rho);
}

/* Half of the 95 % interval of rho, by the error that holds for noise of any size at any t. */
static double half_of(const curve_series *s, int shifted) {
    const double freedom = (double)(s->used - 2 - shifted);
    return freedom >= 1 ? ovp_numeric_student_t(.95, freedom) * s->fit.rho_robust_se : (double)NAN;
}

/* ---- tables -------------------------------------------------------------------------------------- */

/* "ok", or which parameters stand at their bounds, or why there is no fit. */
static void status_of(char *text, size_t bytes, const curve_series *s, int shifted) {
    const ovp_measure_decay *f = &s->fit;
    if (!s->fitted)
        (void)snprintf(text, bytes, "too few points");
    else if (f->scale <= 0)
        (void)snprintf(text, bytes, "at bound: C is 0");
    else if (s->used <= 2 + shifted)
        (void)snprintf(text, bytes, "no degree of freedom");
    else if (isnan(f->scale_se) || isnan(f->rho_se) || isnan(f->shift_se))
        (void)snprintf(text, bytes, "at bound:%s%s%s", isnan(f->scale_se) ? " C" : "", isnan(f->rho_se) ? " rho" : "",
                       isnan(f->shift_se) ? " T0" : "");
    else
        (void)snprintf(text, bytes, "ok");
}

static ovp_status put_row(ovp_experiment_run *run, const curve_series *s, int shifted) {
    const ovp_measure_decay *f = &s->fit;
    const double root = sqrt((double)s->used), half = half_of(s, shifted);
    char status[64];
    status_of(status, sizeof status, s, shifted);
    const ovp_store_cell cells[] = {
        ovp_cell_text(s->group),
        s->has_seed ? ovp_cell_int(s->seed) : ovp_cell_null(),
        ovp_cell_int(s->n),
        ovp_cell_int(s->used),
        ovp_cell_finite(f->scale),
        ovp_cell_finite(f->scale_se),
        ovp_cell_finite(f->rho),
        ovp_cell_finite(f->rho_se),
        ovp_cell_finite(f->rho - half),
        ovp_cell_finite(f->rho + half),
        ovp_cell_finite(f->shift),
        ovp_cell_finite(f->shift_se),
        ovp_cell_finite(f->residual),
        ovp_cell_finite(s->lag),
        ovp_cell_finite(f->scale_robust_se),
        ovp_cell_finite(f->rho_robust_se),
        ovp_cell_finite(f->shift_robust_se),
        ovp_cell_finite(f->scale_se / root),
        ovp_cell_finite(f->rho_se / root),
        ovp_cell_finite(f->shift_se / root),
        ovp_cell_text(status),
    };
    return ovp_run_row(run, "fits", cells);
}

static ovp_status put_arrays(ovp_experiment_run *run, const curve_input *input) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    double *all = NULL;
    ovp_idx total = 0, at = 0;
    for (ovp_idx i = 0; i < input->count; i++) total += input->series[i].used;
    OVP_TRY(ovp_alloc(ctx, &all, 4 * total, sizeof *all));
    double *const t = all, *const y = t + total, *const fit = y + total, *const row = fit + total;
    for (ovp_idx i = 0; i < input->count; i++) {
        const curve_series *s = &input->series[i];
        for (ovp_idx k = 0; k < s->used; k++, at++) {
            t[at] = s->x[k];
            y[at] = s->kept_y[k];
            fit[at] = s->fitted ? curve_at(&s->fit, s->x[k]) : (double)NAN;
            row[at] = (double)i;
        }
    }
    OVP_TRY(study_put(run, "series", OVP_F64, total, 0, row));
    OVP_TRY(study_put(run, "t", OVP_F64, total, 0, t));
    OVP_TRY(study_put(run, "y", OVP_F64, total, 0, y));
    OVP_TRY(study_put(run, "fit", OVP_F64, total, 0, fit));
done:
    ovp_free(ctx, all);
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------- */

typedef struct drawing {
    ovp_figure_series series[2];
    char label[96], title[256];
    double x[CURVE], y[CURVE];
} drawing;

/* Kept points and the curve through them; log: the curve's points lie evenly on a log axis. */
static ovp_figure draw_series(drawing *d, const curve_input *input, const curve_series *s, int log_axes) {
    double least = INFINITY, most = -INFINITY;
    for (ovp_idx i = 0; i < s->used; i++) {
        if (log_axes && s->x[i] <= 0) continue;
        least = fmin(least, s->x[i]);
        most = fmax(most, s->x[i]);
    }
    for (int k = 0; k < CURVE; k++) {
        const double part = (double)k / (CURVE - 1);
        d->x[k] = log_axes ? least * pow(most / least, part) : least + (most - least) * part;
        d->y[k] = s->fitted ? curve_at(&s->fit, d->x[k]) : (double)NAN;
    }
    (void)snprintf(d->label, sizeof d->label, "%.2g/(t+%.2g)^%.2g", s->fit.scale, s->fit.shift, s->fit.rho);
    if (s->has_seed)
        (void)snprintf(d->title, sizeof d->title, "%.80s, seed %lld", s->group, (long long)s->seed);
    else
        (void)snprintf(d->title, sizeof d->title, "%.100s", s->group);
    d->series[0] = (ovp_figure_series){
        .label = "kept points", .style = OVP_FIGURE_POINTS, .n = s->used, .x = s->x, .y = s->kept_y, .colour = 0};
    d->series[1] = (ovp_figure_series){
        .label = d->label, .style = OVP_FIGURE_THEORY, .n = CURVE, .x = d->x, .y = d->y, .colour = -1};
    return (ovp_figure){.title = d->title,
                        .x_label = "t",
                        .y_label = input->y_label,
                        .x_log = log_axes,
                        .y_log = log_axes,
                        .series = d->series,
                        .count = s->fitted ? 2 : 1};
}

static ovp_status figure_fits(ovp_experiment_run *run, const curve_input *input, int log_axes) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    drawing *drawings = NULL;
    ovp_figure panels[PANELS], figure;
    ovp_idx shown = 0;
    const ovp_idx most = input->count < PANELS ? input->count : PANELS;
    OVP_TRY(ovp_alloc(ctx, &drawings, most, sizeof *drawings));
    for (ovp_idx p = 0; p < most; p++) { /* evenly over the series */
        const curve_series *s = &input->series[most > 1 ? p * (input->count - 1) / (most - 1) : 0];
        if (s->used == 0) continue;
        panels[shown] = draw_series(&drawings[shown], input, s, log_axes);
        if (most > 1) { /* one legend below all panels: each one's formula stands above it */
            const size_t length = strlen(drawings[shown].title);
            (void)snprintf(drawings[shown].title + length, sizeof drawings[shown].title - length, ": %s",
                           drawings[shown].label);
            drawings[shown].series[1].label = "fit";
        }
        shown++;
    }
    if (shown == 0) goto done;
    if (shown == 1)
        figure = panels[0];
    else
        figure = (ovp_figure){.title = "Least-squares decays C/(t+T0)^rho", .panels = panels, .panel_count = shown};
    figure.name = log_axes ? "fit-log" : "fit";
    figure.caption = log_axes ? "The same on log axes, where a power law of t + T0 straightens at large t."
                              : "Points that the preparation kept, and the curve fitted to them.";
    OVP_TRY(ovp_run_figure(run, &figure));
done:
    ovp_free(ctx, drawings);
    return status;
}

/* rho of every series with its 95 % interval. */
static ovp_status figure_rhos(ovp_experiment_run *run, const curve_input *input, double expected, int shifted) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    double *x = NULL;
    const ovp_idx n = input->count;
    OVP_TRY(ovp_alloc(ctx, &x, 4 * n, sizeof *x));
    double *const rho = x + n, *const low = rho + n, *const high = low + n;
    for (ovp_idx i = 0; i < n; i++) {
        const curve_series *s = &input->series[i];
        const double half = half_of(s, shifted);
        x[i] = (double)i;
        rho[i] = s->fit.rho;
        low[i] = rho[i] - half;
        high[i] = rho[i] + half;
    }
    const ovp_figure_series series[] = {
        {.label = "fitted",
         .style = OVP_FIGURE_POINTS,
         .n = n,
         .x = x,
         .y = rho,
         .low = low,
         .high = high,
         .colour = 0},
        {.label = "expected", .style = OVP_FIGURE_HLINE, .n = 1, .y = &expected, .colour = -1}};
    const ovp_figure figure = {.name = "rho",
                               .title = "Exponents of all series",
                               .x_label = "row of table fits",
                               .y_label = "rho",
                               .caption = "Bars: 95 % by each fit's own robust standard error.",
                               .series = series,
                               .count = isfinite(expected) ? 2 : 1};
    OVP_TRY(ovp_run_figure(run, &figure));
done:
    ovp_free(ctx, x);
    return status;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

/* rho of a group's series, where there is one; their mean standard error and its published form. */
typedef struct group_rhos {
    double *rho; /* room for every series */
    ovp_idx count;
    double se, robust_se, published_se;
} group_rhos;

static void collect(group_rhos *g, const curve_input *input, const char *group) {
    double *room = g->rho;
    ovp_idx errors = 0;
    *g = (group_rhos){.rho = room};
    for (ovp_idx i = 0; i < input->count; i++) {
        const curve_series *s = &input->series[i];
        if (strcmp(s->group, group) != 0 || !isfinite(s->fit.rho)) continue;
        g->rho[g->count++] = s->fit.rho;
        if (!isfinite(s->fit.rho_se)) continue;
        g->se += s->fit.rho_se;
        g->robust_se += s->fit.rho_robust_se;
        g->published_se += s->fit.rho_se / sqrt((double)s->used);
        errors++;
    }
    g->se = errors ? g->se / (double)errors : (double)NAN;
    g->robust_se = errors ? g->robust_se / (double)errors : (double)NAN;
    g->published_se = errors ? g->published_se / (double)errors : (double)NAN;
}

static ovp_status judge_group(ovp_experiment_run *run, const group_rhos *g, const char *group, double expected,
                              double margin) {
    ovp_status status = OVP_OK;
    const ovp_measure_interval rho = ovp_measure_mean(g->count, g->rho);
    char claim[160], text[3][32];
    study_verdict v;
    ovp_experiment_short(text[0], expected);
    ovp_experiment_short(text[1], margin);
    ovp_experiment_short(text[2], g->robust_se);
    (void)snprintf(claim, sizeof claim, "the series falls: rho is above 0 (%.80s)", group);
    study_verdict_fill(&v, claim, rho, NAN, ovp_experiment_judge_above(rho, 0),
                       "Mean rho over %lld series of this group and its 95 %% interval (Student t over series, which "
                       "supposes nothing about the noise within one); one fit's own robust standard error is %s.",
                       (long long)g->count, text[2]);
    OVP_TRY(ovp_run_verdict(run, &v.verdict));
    if (!isfinite(expected)) goto done;
    (void)snprintf(claim, sizeof claim, "rho is %s (%.80s)", text[0], group);
    study_verdict_fill(&v, claim, rho, expected, ovp_experiment_judge_near(rho, expected, margin),
                       "Mean rho over %lld series of this group; yes if its 95 %% interval lies within %s of %s.",
                       (long long)g->count, text[1], text[0]);
    OVP_TRY(ovp_run_verdict(run, &v.verdict));
done:
    return status;
}

/* Spread of rho over draws in units of an error that a fit gives; the logarithm of a standard deviation has a standard
 * error of 1 / sqrt(2 (n - 1)). */
static ovp_measure_interval spread_in(const group_rhos *g, double error) {
    ovp_measure_interval out = {.count = g->count, .mean = NAN, .low = NAN, .high = NAN};
    double mean = 0, square = 0;
    if (g->count < 2 || !(error > 0)) return out;
    for (ovp_idx i = 0; i < g->count; i++) mean += g->rho[i] / (double)g->count;
    for (ovp_idx i = 0; i < g->count; i++) square += (g->rho[i] - mean) * (g->rho[i] - mean);
    const double freedom = (double)(g->count - 1),
                 factor = exp(ovp_numeric_student_t(.95, freedom) / sqrt(2 * freedom));
    out.mean = sqrt(square / freedom) / error;
    out.low = out.mean / factor;
    out.high = out.mean * factor;
    return out;
}

static ovp_status judge_errors(ovp_experiment_run *run, const group_rhos *g) {
    ovp_status status = OVP_OK;
    const struct {
        const char *claim, *of;
        double error;
    } errors[] = {
        {"the standard error is the spread of rho over draws, within a factor 2", "sqrt(cov)", g->se},
        {"the robust standard error is the spread of rho over draws, within a factor 2", "the HC3 error", g->robust_se},
        {"the published 'std error' is the spread of rho over draws, within a factor 2",
         "sqrt(cov) / sqrt(N), which divides by the root of N twice", g->published_se},
    };
    for (int k = 0; k < 3; k++) {
        study_verdict v;
        const ovp_measure_interval ratio = spread_in(g, errors[k].error);
        const ovp_measure_interval logarithm = {ratio.count, log(ratio.mean), log(ratio.low), log(ratio.high)};
        study_verdict_fill(&v, errors[k].claim, ratio, 1, ovp_experiment_judge_near(logarithm, 0, log(2)),
                           "Standard deviation of rho over %lld series that differ in their noise alone, over the mean "
                           "of %s; yes if its 95 %% interval lies in 1/2..2.",
                           (long long)g->count, errors[k].of);
        OVP_TRY(ovp_run_verdict(run, &v.verdict));
    }
done:
    return status;
}

static ovp_status judge(ovp_experiment_run *run, const curve_input *input, double expected) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    const ovp_params *p = ovp_run_params(run);
    group_rhos g = {0};
    int judged = 0;
    OVP_TRY(ovp_alloc(ctx, &g.rho, input->count, sizeof *g.rho));
    for (ovp_idx i = 0; i < input->count && judged < JUDGED; i++) {
        int seen = 0;
        for (ovp_idx j = 0; j < i && !seen; j++) seen = strcmp(input->series[j].group, input->series[i].group) == 0;
        if (seen) continue;
        collect(&g, input, input->series[i].group);
        OVP_TRY(judge_group(run, &g, input->series[i].group, expected, ovp_params_real(p, "rho-margin")));
        judged++;
    }
    if (curve_input_is_synthetic(p)) OVP_TRY(judge_errors(run, &g));
done:
    ovp_free(ctx, g.rho);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static ovp_status warn(ovp_experiment_run *run, const curve_input *input, int shifted) {
    ovp_status status = OVP_OK;
    ovp_idx few = 0, bound = 0, correlated = 0;
    char text[64];
    for (ovp_idx i = 0; i < input->count; i++) {
        const curve_series *s = &input->series[i];
        status_of(text, sizeof text, s, shifted);
        few += !s->fitted;
        bound += strncmp(text, "at bound", 8) == 0;
        correlated += s->lag > .3;
    }
    if (few)
        OVP_TRY(ovp_run_warning(run,
                                "%lld of %lld series have too few points left to fit; give a smaller --window-size",
                                (long long)few, (long long)input->count));
    if (bound)
        OVP_TRY(ovp_run_warning(run,
                                "%lld of %lld fits stand at one of the published bounds (column status): beyond it "
                                "others fit better; for C divide the series by a constant",
                                (long long)bound, (long long)input->count));
    if (correlated)
        OVP_TRY(ovp_run_warning(run,
                                "residuals of %lld of %lld fits follow one another (column lag1 above .3): standard "
                                "errors suppose independent ones and are too small; trust intervals over seeds",
                                (long long)correlated, (long long)input->count));
done:
    return status;
}

ovp_status curve_fit_report(ovp_experiment_run *run, const curve_input *input) {
    ovp_status status = OVP_OK;
    const ovp_params *p = ovp_run_params(run);
    const int shifted = ovp_params_bool(p, "infer-shift");
    const double given = ovp_params_real(p, "expected-rho"), expected = given > 0 ? given
                                                                        : curve_input_is_synthetic(p)
                                                                            ? ovp_params_real(p, "true-rho")
                                                                            : (double)NAN;
    for (ovp_idx i = 0; i < input->count; i++) OVP_TRY(put_row(run, &input->series[i], shifted));
    OVP_TRY(ovp_run_summary(run, "fits", "fits-summary", (const char *const[]){"group"}, 1,
                            (const char *const[]){"scale", "rho", "shift"}, 3));
    OVP_TRY(put_arrays(run, input));
    OVP_TRY(warn(run, input, shifted));
    OVP_TRY(judge(run, input, expected));
    OVP_TRY(figure_fits(run, input, 0));
    OVP_TRY(figure_fits(run, input, 1));
    if (input->count > 1) OVP_TRY(figure_rhos(run, input, expected, shifted));
done:
    return status;
}
