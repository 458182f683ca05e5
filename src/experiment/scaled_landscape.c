/* scaled-landscape: the loss of a scaled model of one weight beside that of its linearisation. */
#include "study.h"

#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

#define PUBLISHED "(w*x/2+log(1+w^2)*x/5+0.1*sin(exp(2*w)))*(w-w0)"

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f64"),
    {"function", OVP_PARAM_TEXT, PUBLISHED, 0, 0, NULL, "",
     "The model h of the input x, the weight w and its start w0 (docs/expressions.md)."},
    {"w0", OVP_PARAM_REAL, "1.5", -1e6, 1e6, NULL, "", "The weight at the start."},
    {"x", OVP_PARAM_REAL, "1.5", -1e6, 1e6, NULL, "", "Input of the one sample."},
    {"y", OVP_PARAM_REAL, "3", -1e6, 1e6, NULL, "", "Its target."},
    {"alphas", OVP_PARAM_REAL_LIST, "1,5,10,50,100,1000,2000,10000", 1e-6, 1e12, NULL, "", "Scales of the model."},
    {"points", OVP_PARAM_INT, "5000", 2, 1e6, NULL, "", "Weights on w0 +- 2/alpha^(3/4), both ends included."},
    {"fit-from", OVP_PARAM_REAL, "50", 1e-6, 1e12, NULL, "", "Exponents are fitted over alphas from here."},
    {"curve-x", OVP_PARAM_REAL, "2", -1e6, 1e6, NULL, "", "Input of the curve of h over the weight in [-1, 1]."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "under a second: 500 points", "points=500"},
    {"default", "under a second: the published values and scales between them, up to 1e8",
     "alphas=1,2,5,10,20,50,100,200,500,1000,2000,5000,10000,1e5,1e6,1e7,1e8"},
    {"paper", "as published", ""},
};

static const ovp_store_column gap_columns[] = {
    {"alpha", "", "scale"},
    {"max_gap", "", "largest |loss - loss of the linearisation|"},
    {"max_loss", "", "largest loss"},
    {"relative", "", "max_gap / max_loss"},
    {"bound", "", "what max_gap cannot exceed, from the largest second derivative (info)"},
    {"status", "", "ok, or non-finite: a loss is not finite on the interval"},
};
static const ovp_store_column exponent_columns[] = {
    {"measure", "", "column of table gaps"},
    {"exponent", "", "least-squares slope against log alpha from fit-from on"},
    {"last_exponent", "", "slope between the two largest alphas"},
    {"predicted", "", "limit for large alpha"},
    {"count", "", "alphas in the fit"},
};
static const ovp_experiment_table tables[] = {
    {"gaps", "One row a scale.", gap_columns, COUNT(gap_columns), 0},
    {"exponents", "Powers of alpha.", exponent_columns, COUNT(exponent_columns), 0},
};

/* ---- the two losses ------------------------------------------------------------------------------ */

enum { X, W, W0, VARIABLES };
static const char *const names[VARIABLES] = {"x", "w", "w0"};
static const ovp_idx by_w[] = {W}, strides[VARIABLES] = {0, 1, 0};

enum { CURVE = 1001 };

typedef struct lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    ovp_numeric_expression *h;
    const double *alphas;
    ovp_idx alpha_count, points, done; /* done: alphas computed */
    double x, y, w0, fit_from;
    double start, slope;                /* h(x, w0) and its derivative by w there */
    double *w, *loss, *linear;          /* alphas x points */
    double *max_gap, *max_loss, *bound; /* alphas */
} lab;

/* h and its first two derivatives by w at n weights; NULL: not wanted. */
static void model(const lab *l, double x, ovp_idx n, const double *w, double *h, double *first, double *second) {
    const double *const values[VARIABLES] = {&x, w, &l->w0};
    ovp_numeric_expression_evaluate(l->h, n, values, strides, first ? 1 : 0, by_w, h, first, second);
}

/* Of the scaled model with output alpha h. */
static double loss_of(const lab *l, double alpha, double h) {
    const double residual = alpha * h - l->y;
    return residual * residual / 2 / (alpha * alpha);
}

static int all_finite(ovp_idx n, const double *v) {
    for (ovp_idx i = 0; i < n; i++)
        if (!isfinite(v[i])) return 0;
    return 1;
}

/* Landscapes of one scale. With d = w - w0, M the largest |h''| on the interval and h_lin the linearisation,
 * |h - h_lin| <= M d^2 / 2, so |loss - loss_lin| = |h - h_lin| |alpha (h + h_lin) - 2y| / (2 alpha) is at most the
 * bound. */
static ovp_status landscape(lab *l, ovp_idx a) {
    ovp_status status = OVP_OK;
    const double alpha = l->alphas[a], radius = 2 / pow(alpha, .75), low = l->w0 - radius, high = l->w0 + radius;
    double *w = l->w + a * l->points, *loss = l->loss + a * l->points, *linear = l->linear + a * l->points;
    double *h = NULL, curvature = 0, gap = 0, most = 0, bound = 0;
    OVP_TRY(ovp_alloc(l->ctx, &h, 3 * l->points, sizeof *h));
    double *first = h + l->points, *second = first + l->points;
    for (ovp_idx i = 0; i < l->points; i++) w[i] = low + (high - low) * (double)i / (double)(l->points - 1);
    model(l, l->x, l->points, w, h, first, second);
    for (ovp_idx i = 0; i < l->points; i++) curvature = fmax(curvature, fabs(second[i]));
    for (ovp_idx i = 0; i < l->points; i++) {
        const double away = w[i] - l->w0, straight = l->start + l->slope * away;
        loss[i] = loss_of(l, alpha, h[i]);
        linear[i] = loss_of(l, alpha, straight);
        gap = fmax(gap, fabs(loss[i] - linear[i]));
        most = fmax(most, loss[i]);
        bound = fmax(bound, curvature * away * away / 4 / alpha * fabs(alpha * (h[i] + straight) - 2 * l->y));
    }
    const int finite = all_finite(l->points, loss) && all_finite(l->points, linear) && all_finite(l->points, second);
    l->max_gap[a] = finite ? gap : (double)NAN;
    l->max_loss[a] = finite ? most : (double)NAN;
    l->bound[a] = finite ? bound : (double)NAN;
    l->done = a + 1;
    OVP_TRY(ovp_run_row(l->run, "gaps",
                        (ovp_store_cell[]){ovp_cell_real(alpha), ovp_cell_real(l->max_gap[a]),
                                           ovp_cell_real(l->max_loss[a]), ovp_cell_real(l->max_gap[a] / l->max_loss[a]),
                                           ovp_cell_real(l->bound[a]), ovp_cell_text(finite ? "ok" : "non-finite")}));
    if (!finite) {
        char text[32];
        ovp_experiment_short(text, alpha);
        OVP_TRY(ovp_run_warning(l->run,
                                "alpha %s: the loss is not finite everywhere on w0 +- 2/alpha^(3/4); another --w0 or a "
                                "larger alpha keeps it so",
                                text));
    }
done:
    ovp_free(l->ctx, h);
    return status;
}

/* ---- exponents and verdicts ---------------------------------------------------------------------- */

typedef struct power {
    double exponent, last, intercept;
    ovp_idx count;
} power;

/* Slopes of log values against log alpha: over alphas from fit_from on, and between the two largest. */
static ovp_status fit_power(power *out, const lab *l, const double *values) {
    ovp_status status = OVP_OK;
    ovp_measure_power_law fit;
    double *x = NULL, *y, best = 0, before = 0, best_value = NAN, before_value = NAN;
    *out = (power){NAN, NAN, NAN, 0};
    OVP_TRY(ovp_alloc(l->ctx, &x, 2 * l->done, sizeof *x));
    y = x + l->done;
    for (ovp_idx i = 0; i < l->done; i++) {
        const double alpha = l->alphas[i];
        if (!(alpha >= l->fit_from) || !(values[i] > 0) || !isfinite(values[i])) continue;
        x[out->count] = alpha;
        y[out->count++] = values[i];
        if (alpha > best) {
            before = best, before_value = best_value;
            best = alpha, best_value = values[i];
        } else if (alpha < best && alpha > before) {
            before = alpha, before_value = values[i];
        }
    }
    if (!(before > 0)) goto done; /* fewer than two different alphas: no slope */
    OVP_TRY(ovp_measure_fit_power_law(&fit, l->ctx, out->count, x, y));
    out->exponent = fit.exponent;
    out->intercept = fit.intercept;
    out->last = log(best_value / before_value) / log(best / before);
done:
    ovp_free(l->ctx, x);
    return status;
}

/* A slope of one deterministic curve has no interval over seeds. What its distance from the limit can be is known: over
 * alpha (a few decades) y / alpha^(1/4) does not vanish beside h, which moves slopes by up to 1/16 where both are
 * alike; a tenth leaves room for that and is less than a third of the way to the next power, 1/4 or 1/2 away. */
static const double margin = .1;

static ovp_status judge_exponent(const lab *l, const power *p, const char *measure, double predicted) {
    char claim[128], text[3][32];
    study_verdict v;
    ovp_experiment_short(text[0], predicted);
    ovp_experiment_short(text[1], p->last);
    ovp_experiment_short(text[2], l->fit_from);
    snprintf(claim, sizeof claim, "%s falls as alpha^(%s)", measure, text[0]);
    study_verdict_theorem(
        &v, claim, fabs(p->exponent - predicted) / margin, p->count >= 3 ? p->count : 0,
        "Slope in log-log over the %lld alphas from %s on, no seeds: yes within .1 of the limit (terms "
        "of order alpha^(-1/4) are left at finite alpha), unclear under 3 alphas. Between the two "
        "largest alphas: %s.",
        (long long)p->count, text[2], text[1]);
    v.verdict.measured = p->exponent;
    v.verdict.predicted = predicted;
    return ovp_run_verdict(l->run, &v.verdict);
}

static ovp_status judge_bound(const lab *l) {
    double worst = 0;
    ovp_idx count = 0;
    study_verdict v;
    for (ovp_idx i = 0; i < l->done; i++) {
        if (!isfinite(l->bound[i])) continue;
        /* Two losses of this size cannot be told apart better in f64. */
        const double rounding = 8 * 0x1p-52 * l->max_loss[i];
        if (l->max_gap[i] > rounding) worst = fmax(worst, l->max_gap[i] / (l->bound[i] * (1 + 1e-9) + rounding));
        count++;
    }
    study_verdict_theorem(&v, "the gap stays within Taylor's bound at every alpha", worst, count,
                          "Largest max_gap / bound over %lld alphas; a theorem with the largest |h''| on the interval, "
                          "taken over its points.",
                          (long long)count);
    return ovp_run_verdict(l->run, &v.verdict);
}

/* ---- figures ------------------------------------------------------------------------------------- */

static ovp_status figure_landscapes(const lab *l) {
    ovp_status status = OVP_OK;
    ovp_figure *panel = NULL;
    ovp_figure_series *series = NULL;
    char(*titles)[48] = NULL;
    OVP_TRY(ovp_alloc(l->ctx, &panel, l->done, sizeof *panel));
    OVP_TRY(ovp_alloc(l->ctx, &series, 2 * l->done, sizeof *series));
    OVP_TRY(ovp_alloc(l->ctx, &titles, l->done, sizeof *titles));
    enum { MOST = 9 }; /* panels, evenly over the list of scales */
    const ovp_idx panels = l->done < MOST ? l->done : MOST;
    for (ovp_idx p = 0; p < panels; p++) {
        const ovp_idx a = panels > 1 ? p * (l->done - 1) / (panels - 1) : 0, at = a * l->points;
        char text[32];
        ovp_experiment_short(text, l->alphas[a]);
        snprintf(titles[p], sizeof titles[p], "alpha = %s", text);
        series[2 * p] = (ovp_figure_series){.label = p ? NULL : "loss",
                                            .style = OVP_FIGURE_LINE,
                                            .n = l->points,
                                            .x = l->w + at,
                                            .y = l->loss + at,
                                            .colour = 0};
        series[2 * p + 1] = (ovp_figure_series){.label = p ? NULL : "linearised",
                                                .style = OVP_FIGURE_THEORY,
                                                .n = l->points,
                                                .x = l->w + at,
                                                .y = l->linear + at,
                                                .colour = -1};
        panel[p] =
            (ovp_figure){.title = titles[p], .x_label = "w", .y_label = "loss", .series = &series[2 * p], .count = 2};
    }
    const ovp_figure figure = {.name = "landscapes",
                               .title = "Loss of the scaled model and of its linearisation",
                               .caption = "On w0 +- 2/alpha^(3/4): the larger alpha, the more alike.",
                               .panels = panel,
                               .panel_count = panels};
    OVP_TRY(ovp_run_figure(l->run, &figure));
done:
    ovp_free(l->ctx, titles);
    ovp_free(l->ctx, series);
    ovp_free(l->ctx, panel);
    return status;
}

static ovp_status figure_gap(const lab *l, const power *p) {
    enum { POINTS = 100 };
    double x[POINTS], theory[POINTS], fit[POINTS], ends[2] = {INFINITY, 0}, largest = 0;
    ovp_idx last = -1;
    char label[64], text[32];
    for (ovp_idx i = 0; i < l->done; i++) {
        ends[0] = fmin(ends[0], fmax(l->fit_from, l->alphas[i]));
        ends[1] = fmax(ends[1], l->alphas[i]);
        if (isfinite(l->max_gap[i]) && l->alphas[i] > largest) largest = l->alphas[i], last = i;
    }
    /* The predicted power goes through the point of the largest alpha, where it is nearest to its limit. */
    for (int k = 0; k < POINTS; k++) {
        x[k] = ends[0] * pow(ends[1] / ends[0], (double)k / (POINTS - 1));
        fit[k] = exp(p->intercept + p->exponent * log(x[k]));
        theory[k] = last >= 0 ? l->max_gap[last] * pow(x[k] / largest, -2.25) : (double)NAN;
    }
    ovp_experiment_short(text, p->exponent);
    snprintf(label, sizeof label, "fit: exponent %s", text);
    const ovp_figure_series series[] = {
        {.label = "largest gap",
         .style = OVP_FIGURE_POINTS,
         .n = l->done,
         .x = l->alphas,
         .y = l->max_gap,
         .colour = 0},
        {.label = "bound", .style = OVP_FIGURE_POINTS, .n = l->done, .x = l->alphas, .y = l->bound, .colour = 1},
        {.label = label, .style = OVP_FIGURE_LINE, .n = POINTS, .x = x, .y = fit, .colour = 0},
        {.label = "theory: exponent -9/4", .style = OVP_FIGURE_THEORY, .n = POINTS, .x = x, .y = theory, .colour = -1}};
    const ovp_figure figure = {.name = "gap",
                               .title = "Largest difference of the two losses",
                               .x_label = "alpha",
                               .y_label = "largest gap",
                               .caption = "The predicted power is drawn through the largest alpha's point.",
                               .x_log = 1,
                               .y_log = 1,
                               .series = series,
                               .count = COUNT(series)};
    return ovp_run_figure(l->run, &figure);
}

static ovp_status curve(const lab *l, double x) {
    ovp_status status = OVP_OK;
    double w[CURVE], h[CURVE];
    char title[64], text[32];
    for (int i = 0; i < CURVE; i++) w[i] = -1 + 2 * (double)i / (CURVE - 1);
    model(l, x, CURVE, w, h, NULL, NULL);
    ovp_experiment_short(text, x);
    snprintf(title, sizeof title, "The model h(%s, w)", text);
    const ovp_figure_series series = {.style = OVP_FIGURE_LINE, .n = CURVE, .x = w, .y = h, .colour = 0};
    const ovp_figure figure = {.name = "curve",
                               .title = title,
                               .x_label = "w",
                               .y_label = "h",
                               .caption = "The unscaled model as a function of its weight.",
                               .series = &series,
                               .count = 1};
    OVP_TRY(study_put(l->run, "curve_w", OVP_F64, CURVE, 0, w));
    OVP_TRY(study_put(l->run, "curve_h", OVP_F64, CURVE, 0, h));
    OVP_TRY(ovp_run_figure(l->run, &figure));
done:
    return status;
}

/* ---- run ----------------------------------------------------------------------------------------- */

static ovp_status conclude(const lab *l) {
    ovp_status status = OVP_OK;
    static const struct {
        const char *measure, *name;
        double predicted;
    } powers[] = {{"max_gap", "the largest gap", -2.25}, {"relative", "the gap relative to the loss", -.75}};
    double *values = NULL;
    power p, gap = {NAN, NAN, NAN, 0};
    OVP_TRY(ovp_alloc(l->ctx, &values, l->done, sizeof *values));
    OVP_TRY(study_put(l->run, "alphas", OVP_F64, l->done, 0, l->alphas));
    OVP_TRY(study_put(l->run, "w", OVP_F64, l->done, l->points, l->w));
    OVP_TRY(study_put(l->run, "loss", OVP_F64, l->done, l->points, l->loss));
    OVP_TRY(study_put(l->run, "loss_linearised", OVP_F64, l->done, l->points, l->linear));
    for (int m = 0; m < 2; m++) {
        for (ovp_idx i = 0; i < l->done; i++) values[i] = m ? l->max_gap[i] / l->max_loss[i] : l->max_gap[i];
        OVP_TRY(fit_power(&p, l, values));
        if (m == 0) gap = p;
        OVP_TRY(ovp_run_row(l->run, "exponents",
                            (ovp_store_cell[]){ovp_cell_text(powers[m].measure), ovp_cell_real(p.exponent),
                                               ovp_cell_real(p.last), ovp_cell_real(powers[m].predicted),
                                               ovp_cell_int(p.count)}));
        OVP_TRY(judge_exponent(l, &p, powers[m].name, powers[m].predicted));
    }
    OVP_TRY(judge_bound(l));
    OVP_TRY(figure_landscapes(l));
    OVP_TRY(figure_gap(l, &gap));
    OVP_TRY(curve(l, ovp_params_real(ovp_run_params(l->run), "curve-x")));
done:
    ovp_free(l->ctx, values);
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    const ovp_params *p = ovp_run_params(r);
    lab l = {.run = r, .ctx = ovp_run_ctx(r)};
    ovp_idx seeds;
    (void)ovp_run_seeds(r, &seeds);
    l.alphas = ovp_params_reals(p, "alphas", &l.alpha_count);
    l.points = ovp_params_int(p, "points");
    l.x = ovp_params_real(p, "x");
    l.y = ovp_params_real(p, "y");
    l.w0 = ovp_params_real(p, "w0");
    l.fit_from = ovp_params_real(p, "fit-from");
    OVP_TRY(ovp_numeric_expression_create(&l.h, l.ctx, ovp_params_text(p, "function"), names, VARIABLES, "--function"));
    OVP_TRY(ovp_alloc(l.ctx, &l.w, 3 * l.alpha_count * l.points, sizeof *l.w));
    OVP_TRY(ovp_alloc(l.ctx, &l.max_gap, 3 * l.alpha_count, sizeof *l.max_gap));
    l.loss = l.w + l.alpha_count * l.points;
    l.linear = l.loss + l.alpha_count * l.points;
    l.max_loss = l.max_gap + l.alpha_count;
    l.bound = l.max_loss + l.alpha_count;
    if (seeds > 1)
        OVP_TRY(ovp_run_warning(r, "%lld seeds: nothing here is random, so they would all give these rows",
                                (long long)seeds));
    model(&l, l.x, 1, &l.w0, &l.start, &l.slope, NULL);
    for (ovp_idx a = 0; a < l.alpha_count && status == OVP_OK; a++) {
        status = ovp_check(l.ctx);
        if (status == OVP_OK) status = landscape(&l, a);
    }
    end = l.done > 0 ? conclude(&l) : OVP_OK;
    if (status == OVP_OK) status = end;
done:
    ovp_free(l.ctx, l.max_gap);
    ovp_free(l.ctx, l.w);
    ovp_numeric_expression_free(l.h);
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_numeric_expression *h;
    ovp_idx count;
    ovp_status status =
        ovp_numeric_expression_create(&h, ctx, ovp_params_text(p, "function"), names, VARIABLES, "--function");
    if (status != OVP_OK) return status;
    const int uses_w = ovp_numeric_expression_uses(h, W);
    ovp_numeric_expression_free(h);
    if (!uses_w)
        return ovp_fail(ctx, OVP_EINVAL, "--function %.80s: does not depend on the weight w",
                        ovp_params_text(p, "function"));
    if (strcmp(ovp_params_text(p, "precision"), "f64") != 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--precision f32: the gap falls below the rounding of f32; scaled-landscape computes in f64");
    (void)ovp_params_reals(p, "alphas", &count);
    const double values = (double)count * (double)ovp_params_int(p, "points");
    if (values > 2e7)
        return ovp_fail(ctx, OVP_EINVAL, "--points: %g points over all alphas; at most 2e7: give fewer", values);
    return OVP_OK;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Why does a scale make a model linear?",
     "To change alpha h by as much, w moves by 1/alpha as much, and over a shorter way the curvature counts less: the "
     "relative gap falls as the radius of the interval, alpha^(-3/4) (second verdict)."},
    {"Where does -9/4 come from?",
     "gap = |h - h_lin| |alpha (h + h_lin) - 2y| / (2 alpha), with |h - h_lin| about |h''| r^2/2, h + h_lin about 2 h' "
     "r "
     "and r = 2 alpha^(-3/4): 4 |h' h''| alpha^(-9/4) once alpha^(1/4) |h'| is large beside |y|."},
    {"Why is the fitted exponent not exactly that?",
     "y stands beside 4 |h'| alpha^(1/4), which grows slowly: the slope comes near its limit like alpha^(-1/4) (table "
     "exponents, last_exponent)."},
    {"What happens at alpha = 1?", "The interval reaches w = 3.5, where sin(exp(2w)) oscillates wildly: the loss has "
                                   "many valleys, the linearised one "
                                   "is a parabola."},
    {"Is this the lazy regime?",
     "Yes, in one dimension (Chizat, Oyallon and Bach 2019): scaling, not width, makes the loss near w0 that of the "
     "linear model; lazy-scaling shows it for nets."},
};

const ovp_experiment ovp_experiment_scaled_landscape = {
    .id = "scaled-landscape",
    .title = "The landscape of a scaled model",
    .claim = "Scaling a model up makes its loss around the start that of its linearisation.",
    .formula = "loss(w) = (alpha h(x, w) - y)^2 / (2 alpha^2), the same with h(x, w0) + h'(x, w0) (w - w0); on w0 +- 2 "
               "alpha^(-3/4) the largest gap is proportional to alpha^(-9/4), relative to the loss alpha^(-3/4)",
    .source =
        "Practical on lazy training (notebook); Chizat, Oyallon and Bach 2019, On Lazy Training in Differentiable "
        "Programming",
    .about =
        "A model h(x, w) of one weight with h(x, w0) = 0 is multiplied by alpha and fitted to one sample (x, y). "
        "Around "
        "the start w0 the loss, divided by alpha^2, is compared with that of the model's tangent at w0, on 5000 points "
        "of an interval that shrinks with alpha. h may be any expression of x, w and w0 (--function); its derivatives "
        "are exact, by forward mode. For the published h the tangent is the notebook's f(x, w0) (w - w0), h = f(x, w) "
        "(w - w0).\n\n"
        "What theory says. A fit needs alpha h = y, so the weight moves by about y / (alpha h'). On an interval of "
        "radius r = 2 alpha^(-3/4), which is longer than that way, Taylor's theorem gives |h - h_lin| <= max|h''| "
        "r^2/2, "
        "hence (difference of squares) a gap of at most max|h''| r^2 max|alpha (h + h_lin) - 2y| / (4 alpha): column "
        "bound, taken point by point. For large alpha this falls as alpha^(-9/4), the loss itself as alpha^(-3/2), "
        "their "
        "ratio as alpha^(-3/4): the landscape becomes a parabola.\n\n"
        "How to read the figures. Landscapes: the loss and, dashed, the linearised one. Gap: points are the largest "
        "differences, the line the fitted power, dashed the predicted one through the last point. Nothing is random; "
        "the verdicts about powers allow .1, that about Taylor's bound is a theorem.",
    .params = params,
    .param_count = COUNT(params),
    .presets = presets,
    .preset_count = COUNT(presets),
    .tables = tables,
    .table_count = COUNT(tables),
    .questions = questions,
    .question_count = COUNT(questions),
    .check = check,
    .run = run,
};
