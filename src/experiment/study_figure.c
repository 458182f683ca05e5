/* Figures that every study has: curves with bands, and points with a power through them. */
#include "study.h"

#include <stdio.h>

/* ---- curves -------------------------------------------------------------------------------------- */

/* Median, lowest and highest of a group's finite values at each step. */
static void band(const study_curves *c, ovp_idx group, double *scratch, double *middle, double *low, double *high) {
    for (ovp_idx k = 0; k < c->steps; k++) {
        ovp_idx n = 0;
        low[k] = high[k] = NAN;
        for (ovp_idx i = 0; i < c->rows; i++) {
            const double value = c->values[i * c->steps + k];
            if (c->group[i] != group || !isfinite(value)) continue;
            scratch[n++] = value;
            low[k] = fmin(value, low[k]); /* fmin and fmax pass over the NaN */
            high[k] = fmax(value, high[k]);
        }
        middle[k] = ovp_measure_median_in_place(n, scratch);
    }
}

ovp_status study_figure_curves(ovp_experiment_run *run, const study_curves *c) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    double *curves = NULL, *scratch = NULL;
    ovp_figure_series *series = NULL;
    ovp_idx count = 0;
    int banded = 0;
    OVP_TRY(ovp_alloc(ctx, &curves, 3 * c->groups * c->steps, sizeof *curves));
    OVP_TRY(ovp_alloc(ctx, &scratch, c->rows, sizeof *scratch));
    OVP_TRY(ovp_alloc(ctx, &series, 2 * c->groups, sizeof *series));
    for (ovp_idx g = 0; g < c->groups; g++) {
        double *middle = curves + 3 * g * c->steps, *low = middle + c->steps, *high = low + c->steps;
        ovp_idx members = 0;
        for (ovp_idx i = 0; i < c->rows; i++) members += c->group[i] == g;
        banded |= members > 1;
        band(c, g, scratch, middle, low, high);
        series[count++] = (ovp_figure_series){.label = c->labels[g],
                                              .style = members > 1 ? OVP_FIGURE_BAND : OVP_FIGURE_LINE,
                                              .n = c->steps,
                                              .x = c->x,
                                              .y = middle,
                                              .low = members > 1 ? low : NULL,
                                              .high = members > 1 ? high : NULL,
                                              .colour = (int)g};
    }
    for (ovp_idx g = 0; c->theory && g < c->groups; g++)
        series[count++] = (ovp_figure_series){.label = g > 0             ? ""
                                                       : c->theory_label ? c->theory_label
                                                                         : "theory",
                                              .style = OVP_FIGURE_THEORY,
                                              .n = c->steps,
                                              .x = c->x,
                                              .y = c->theory + g * c->steps,
                                              .colour = (int)g};
    const ovp_figure figure = {
        .name = c->name,
        .title = c->title,
        .x_label = c->x_label,
        .y_label = c->y_label,
        .caption = c->caption ? c->caption
                   : banded   ? "Median over seeds and members; the band reaches from the lowest to the highest."
                              : "One net a curve.",
        .x_log = c->x_log,
        .y_log = c->y_log,
        .series = series,
        .count = count,
        .ordered = c->ordered};
    OVP_TRY(ovp_run_figure(run, &figure));
done:
    ovp_free(ctx, series);
    ovp_free(ctx, scratch);
    ovp_free(ctx, curves);
    return status;
}

/* ---- a power law --------------------------------------------------------------------------------- */

enum { CURVE_POINTS = 200 };

/* Factor that puts a curve through the points in the mean of their logarithms; NaN without a point. */
static double scale_to(const double *points, const double *curve, ovp_idx count) {
    double sum = 0;
    ovp_idx n = 0;
    for (ovp_idx i = 0; i < count; i++) {
        if (!(points[i] > 0) || !(curve[i] > 0)) continue;
        sum += log(points[i] / curve[i]);
        n++;
    }
    return n ? exp(sum / (double)n) : (double)NAN;
}

static void label_fit(char *label, size_t bytes, ovp_measure_interval exponent) {
    char text[3][32];
    ovp_experiment_short(text[0], exponent.mean);
    ovp_experiment_short(text[1], exponent.low);
    ovp_experiment_short(text[2], exponent.high);
    if (isfinite(exponent.low))
        snprintf(label, bytes, "fit: exponent %s [%s, %s]", text[0], text[1], text[2]);
    else
        snprintf(label, bytes, "fit: exponent %s", text[0]);
}

typedef struct power_curves {
    double x[CURVE_POINTS], fit[CURVE_POINTS], predicted[CURVE_POINTS];
    char label[128];
} power_curves;

/* Fitted power and predicted curve on a fine grid over the points' range; shape: room for 2 count values. */
static void fill_curves(power_curves *c, const study_power *p, double exponent, double *shape) {
    const study_points *points = p->points;
    const ovp_idx n = points->count;
    const double least = points->x[0], most = points->x[n - 1];
    for (ovp_idx i = 0; i < n; i++) {
        shape[i] = pow(points->x[i], exponent);
        shape[n + i] = p->predicted ? p->predicted(p->user, points->x[i]) : (double)NAN;
    }
    const double fit = scale_to(points->mean, shape, n), predicted = scale_to(points->mean, shape + n, n);
    for (int k = 0; k < CURVE_POINTS; k++) {
        const double x = least * pow(most / least, (double)k / (CURVE_POINTS - 1));
        c->x[k] = x;
        c->fit[k] = fit * pow(x, exponent);
        c->predicted[k] = p->predicted ? predicted * p->predicted(p->user, x) : (double)NAN;
    }
}

ovp_status study_figure_power(ovp_experiment_run *run, const study_power *p) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    const study_points *points = p->points;
    power_curves *c = NULL;
    double *shape = NULL;
    ovp_figure_series series[4];
    ovp_idx seeds, count = 0;
    (void)ovp_run_seeds(run, &seeds);
    if (points->count == 0) return OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &c, 1, sizeof *c));
    OVP_TRY(ovp_alloc(ctx, &shape, 2 * points->count, sizeof *shape));
    const ovp_measure_interval exponent = study_over_seeds(p->exponents, seeds);
    fill_curves(c, p, exponent.mean, shape);
    label_fit(c->label, sizeof c->label, exponent);
    if (p->published_count > 0)
        series[count++] = (ovp_figure_series){.label = "published",
                                              .style = OVP_FIGURE_POINTS,
                                              .n = p->published_count,
                                              .x = p->published_x,
                                              .y = p->published_y,
                                              .colour = 1};
    series[count++] = (ovp_figure_series){.label = "measured",
                                          .style = OVP_FIGURE_POINTS,
                                          .n = points->count,
                                          .x = points->x,
                                          .y = points->mean,
                                          .low = points->low,
                                          .high = points->high,
                                          .colour = 0};
    if (isfinite(exponent.mean))
        series[count++] = (ovp_figure_series){
            .label = c->label, .style = OVP_FIGURE_LINE, .n = CURVE_POINTS, .x = c->x, .y = c->fit, .colour = 0};
    if (p->predicted)
        series[count++] = (ovp_figure_series){.label = p->predicted_label,
                                              .style = OVP_FIGURE_THEORY,
                                              .n = CURVE_POINTS,
                                              .x = c->x,
                                              .y = c->predicted,
                                              .colour = -1};
    const ovp_figure figure = {.name = p->name,
                               .title = p->title,
                               .x_label = p->x_label,
                               .y_label = p->y_label,
                               .caption = p->caption,
                               .x_log = 1,
                               .y_log = 1,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(run, &figure));
done:
    ovp_free(ctx, shape);
    ovp_free(ctx, c);
    return status;
}
