/* curve-fit: least-squares decays C / (t + T0)^rho of a series: a run's metric, a CSV's column, a TensorBoard curve. */
#include "curve_fit_int.h"

#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f64"),
    {"input", OVP_PARAM_TEXT, "synthetic", 0, 0, NULL, "",
     "Where the series come from: synthetic (made here), a run (id, start of one, 'latest', folder), FILE.csv, or an "
     "event "
     "file (*tfevents*)."},
    {"table", OVP_PARAM_TEXT, "epochs", 0, 0, NULL, "", "Table of the run that holds the series."},
    {"column", OVP_PARAM_TEXT, "", 0, 0, NULL, "",
     "Column of the table or CSV, or tag in the event file; without it omega of a run, avg_grad_norm of an event "
     "file."},
    {"array", OVP_PARAM_TEXT, "", 0, 0, NULL, "",
     "Array of the run's arrays.npz in place of a table: a vector, or one series a row."},
    {"group", OVP_PARAM_TEXT, "layers,seed", 0, 0, NULL, "",
     "Columns whose values tell series apart; of the default those that the table has."},
    {"x-column", OVP_PARAM_TEXT, "", 0, 0, NULL, "",
     "Column of t (an event file: step); without it t = 1, 2, .. within a series, as published."},
    {"window-size", OVP_PARAM_INT, "5", 0, 1e9, NULL, "points",
     "Points equal to the largest or smallest of their window of about so many are taken out; 0: none."},
    {"filter-period", OVP_PARAM_INT, "0", 0, 1e9, NULL, "points",
     "Every so-manieth point is taken out first; 0: none."},
    {"scaling-x", OVP_PARAM_REAL, "1", 1e-12, 1e12, NULL, "", "t is multiplied by it (1/391: steps become epochs)."},
    {"infer-shift", OVP_PARAM_BOOL, "no", 0, 0, NULL, "", "Search T0 in [1, 500] too; then C in [0, 1]."},
    {"shift", OVP_PARAM_REAL, "1", -1e9, 1e9, NULL, "", "T0 without --infer-shift; published: 1."},
    {"expected-rho", OVP_PARAM_REAL, "0", 0, 3, NULL, "", "rho for a verdict; 0: that of synthetic series, else none."},
    {"rho-margin", OVP_PARAM_REAL, "0.05", 1e-9, 3, NULL, "", "How near to it the interval must lie."},
    {"points", OVP_PARAM_INT, "6256", 2, 1e7, NULL, "points", "Of a synthetic series (published: 16 epochs of 391)."},
    {"true-scale", OVP_PARAM_REAL, "7.1e-5", 1e-300, 3, NULL, "", "C of synthetic series."},
    {"true-rho", OVP_PARAM_REAL, "0.61", 0, 3, NULL, "", "rho of synthetic series."},
    {"true-shift", OVP_PARAM_REAL, "1", 1e-9, 1e6, NULL, "", "T0 of synthetic series."},
    {"noise", OVP_PARAM_REAL, "0.05", 0, 10, NULL, "", "Standard deviation of their noise, in parts of the value."},
    {"outlier-period", OVP_PARAM_INT, "391", 0, 1e9, NULL, "points",
     "Every so-manieth synthetic value is an outlier, as an epoch's short last batch; 0: none."},
    {"outlier-factor", OVP_PARAM_REAL, "2.56", 0, 1e6, NULL, "", "It is multiplied by this (published: (128/80)^2)."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "about a second: four synthetic series of four epochs",
     "seeds=1..4;points=1564;window-size=27;scaling-x=0.0025575447570332483"},
    {"default", "about two seconds: the published program's values, twenty synthetic series", "seeds=1..20"},
    {"paper", "as in the published figure: windows of 27, steps as epochs",
     "window-size=27;scaling-x=0.0025575447570332483"},
};

static const ovp_store_column fit_columns[] = {
    {"group", "", "what tells the series apart, its seed aside"},
    {"seed", "", "seed of the series, where there is one"},
    {"points", "", "points read"},
    {"used", "", "points that the preparation left (N)"},
    {"scale", "", "C"},
    {"scale_se", "", "its standard error; empty at a bound"},
    {"rho", "", "exponent"},
    {"rho_se", "", "its standard error"},
    {"rho_low", "", "95 % by Student's t and the robust error"},
    {"rho_high", "", ""},
    {"shift", "", "T0"},
    {"shift_se", "", "its standard error; 0: given"},
    {"residual", "", "root of the mean square"},
    {"lag1", "", "correlation of a residual with the next one"},
    {"scale_robust_se", "", "standard error that allows for noise of unequal size (HC3)"},
    {"rho_robust_se", "", "likewise"},
    {"shift_robust_se", "", "likewise"},
    {"scale_published_se", "", "the published 'std error', scale_se / sqrt(N): wrong (info)"},
    {"rho_published_se", "", "likewise"},
    {"shift_published_se", "", "likewise"},
    {"status", "", "ok; at bound: which; no degree of freedom; too few points"},
};
static const ovp_store_column summary_columns[] = {
    {"group", "", "what tells the series apart, their seeds aside"},
    {"measure", "", "column of table fits"},
    {"count", "", "series with a finite value"},
    {"mean", "", "mean over them"},
    {"low", "", "95 % by Student's t"},
    {"high", "", ""},
};
static const ovp_experiment_table tables[] = {
    {"fits", "One row a series.", fit_columns, COUNT(fit_columns), 0},
    {"fits-summary", "Means over series of one group.", summary_columns, COUNT(summary_columns), 0},
};

/* ---- synthetic series ---------------------------------------------------------------------------- */

static ovp_status make_one(ovp_experiment_run *run, curve_input *input, int64_t seed) {
    ovp_status status = OVP_OK;
    const ovp_params *p = ovp_run_params(run);
    const ovp_idx n = ovp_params_int(p, "points"), period = ovp_params_int(p, "outlier-period");
    const double scaling = ovp_params_real(p, "scaling-x"), scale = ovp_params_real(p, "true-scale"),
                 rho = ovp_params_real(p, "true-rho"), shift = ovp_params_real(p, "true-shift"),
                 noise = ovp_params_real(p, "noise"), factor = ovp_params_real(p, "outlier-factor");
    curve_series *s;
    ovp_numeric_rng *rng = NULL;
    OVP_TRY(study_stream(&rng, run, ovp_run_data_seed(run, seed), OVP_PURPOSE_DATA, 0));
    OVP_TRY(curve_input_add(&s, ovp_run_ctx(run), input, "synthetic", n));
    s->seed = seed;
    s->has_seed = 1;
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0, 1, s->y);
    for (ovp_idx i = 0; i < n; i++) {
        s->t[i] = (double)(i + 1);
        s->y[i] = scale * pow(scaling * s->t[i] + shift, -rho) * (1 + noise * s->y[i]);
        if (period > 0 && (i + 1) % period == 0) s->y[i] *= factor;
    }
done:
    ovp_numeric_rng_free(rng);
    return status;
}

static ovp_status make_series(ovp_experiment_run *run, curve_input *input) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    const int64_t *seeds = ovp_run_seeds(run, &count);
    OVP_TRY(ovp_strdup(ovp_run_ctx(run), &input->y_label, "y"));
    for (ovp_idx i = 0; i < count; i++) OVP_TRY(make_one(run, input, seeds[i]));
done:
    return status;
}

/* ---- fits ---------------------------------------------------------------------------------------- */

typedef struct fitting {
    curve_input *input;
    int64_t period, window;
    double scaling, shift;
    int fit_shift;
} fitting;

static void prepare(curve_series *s, const fitting *f, ovp_idx *kept) {
    s->used = curve_fit_keep(kept, s->n, s->t, s->y, f->period, f->window);
    for (ovp_idx i = 0; i < s->used; i++) {
        s->x[i] = f->scaling * s->t[kept[i]];
        s->kept_y[i] = s->y[kept[i]];
    }
}

/* Enough different t for the parameters? They are 1, 2, .. or a column's, where some may be equal. */
static int enough(const curve_series *s, int parameters) {
    double different[3];
    int seen = 0;
    for (ovp_idx i = 0; i < s->used && seen < parameters; i++) {
        int known = 0;
        for (int k = 0; k < seen; k++) known |= s->x[i] == different[k];
        if (!known) different[seen++] = s->x[i];
    }
    return seen == parameters;
}

static double lag_of(const curve_series *s) {
    double before = 0, square = 0, product = 0;
    for (ovp_idx i = 0; i < s->used; i++) {
        const double residual = s->kept_y[i] - s->fit.scale * pow(s->x[i] + s->fit.shift, -s->fit.rho);
        square += residual * residual;
        product += residual * before;
        before = residual;
    }
    return square > 0 ? product / square : (double)NAN;
}

static const ovp_measure_decay no_fit = {.scale = NAN,
                                         .rho = NAN,
                                         .shift = NAN,
                                         .scale_se = NAN,
                                         .rho_se = NAN,
                                         .shift_se = NAN,
                                         .scale_robust_se = NAN,
                                         .rho_robust_se = NAN,
                                         .shift_robust_se = NAN,
                                         .residual = NAN};

static ovp_status fit_one(ovp_ctx *ctx, void *arg, ovp_idx task) {
    ovp_status status = OVP_OK;
    const fitting *f = arg;
    curve_series *s = &f->input->series[task];
    ovp_idx *kept = NULL;
    OVP_TRY(ovp_alloc(ctx, &kept, s->n, sizeof *kept));
    prepare(s, f, kept);
    s->lag = NAN;
    s->fit = no_fit;
    if (!enough(s, f->fit_shift ? 3 : 2)) goto done;
    OVP_TRY(ovp_measure_fit_decay(&s->fit, ctx, s->used, s->x, s->kept_y, f->shift, f->fit_shift));
    s->fitted = 1;
    s->lag = lag_of(s);
done:
    ovp_free(ctx, kept);
    return status;
}

static ovp_status describe(ovp_experiment_run *run, const curve_input *input) {
    json_t *about = json_pack("{s:s, s:s, s:I}", "input", input->source ? input->source : "synthetic", "metric",
                              input->y_label, "series", (json_int_t)input->count);
    ovp_status status = about ? ovp_run_describe(run, about)
                              : ovp_fail(ovp_run_ctx(run), OVP_EFORMAT, "--input: its path or column is not UTF-8");
    json_decref(about);
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK;
    const ovp_params *p = ovp_run_params(r);
    ovp_ctx *ctx = ovp_run_ctx(r);
    curve_input input = {0};
    if (curve_input_is_synthetic(p))
        OVP_TRY(make_series(r, &input));
    else
        OVP_TRY(curve_input_read(&input, ctx, p));
    OVP_TRY(describe(r, &input));
    fitting f = {.input = &input,
                 .period = ovp_params_int(p, "filter-period"),
                 .window = ovp_params_int(p, "window-size"),
                 .scaling = ovp_params_real(p, "scaling-x"),
                 .shift = ovp_params_real(p, "shift"),
                 .fit_shift = ovp_params_bool(p, "infer-shift")};
    ovp_run_progress(r, &(ovp_progress){"fits", "series", 0, input.count, NULL, 0});
    OVP_TRY(ovp_parallel(ctx, input.count, fit_one, &f));
    ovp_run_progress(r, &(ovp_progress){"fits", "series", input.count, input.count, NULL, 0});
    OVP_TRY(curve_fit_report(r, &input));
done:
    curve_input_free(ctx, &input);
    return status;
}

/* Reads the input here already, so that what is wrong with it is said before a run folder exists. */
static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    const int64_t window = ovp_params_int(p, "window-size"), period = ovp_params_int(p, "filter-period");
    ovp_idx most = ovp_params_int(p, "points");
    curve_input input = {0};
    if (window == 1 || window == 2)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--window-size %lld: windows without their largest and smallest point would be empty; give 0 "
                        "(none) or 3 and more",
                        (long long)window);
    if (period == 1)
        return ovp_fail(ctx, OVP_EINVAL, "--filter-period 1: would take out every point; give 0 (none) or 2 and more");
    if (!curve_input_is_synthetic(p)) {
        ovp_status status = curve_input_read(&input, ctx, p);
        most = 0;
        for (ovp_idx i = 0; i < input.count; i++) most = most > input.series[i].n ? most : input.series[i].n;
        curve_input_free(ctx, &input);
        if (status != OVP_OK) return status;
    }
    if (window > most)
        return ovp_fail(ctx, OVP_EINVAL, "--window-size %lld: the longest series has %lld points; give fewer",
                        (long long)window, (long long)most);
    return study_check_seeds(ctx, &ovp_experiment_curve_fit, p);
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Why is the published 'std error' wrong?",
     "The square root of the covariance's diagonal already is the standard error of a parameter: it falls as 1/sqrt(N) "
     "by "
     "itself. Dividing it by sqrt(N) once more gives bars that shrink as 1/N; with 4000 points they are 63 times too "
     "short (last verdict of synthetic runs)."},
    {"Why (t + T0) and not t?",
     "At t = 0 a training's measure is finite. A decay dy/dt = -k y^(1 + 1/rho) from y_0 gives exactly C/(t + T0)^rho "
     "with T0 = rho y_0^(-1/rho) / k: T0 is the time from which on the power law is seen."},
    {"What does rho = 1 say?",
     "A scalar residual net under gradient descent towards 0 has E[f^2] = a / (1 + 2 kappa t): rho = 1 with T0 = 1/(2 "
     "kappa). With T0 held at 1 the same series is fitted by a smaller rho (about .82 in the acceptance test)."},
    {"Why take out the extremes of windows?",
     "Every 391st step has a batch of 80 in place of 128, and Omega, which divides by the square of the batch, is 2.56 "
     "times as large there: least squares would follow these points. A window of 27 holds at most one."},
    {"May I trust rho_se?",
     "If residuals are independent and as large at every t. Noise in proportion to y is not: the first points, which "
     "decide about rho, are the noisiest, and rho_se can be many times too small (third verdict of --preset default); "
     "rho_robust_se weighs each point by its own residual and is right (fourth verdict). Curves of one training are "
     "smooth, so their residuals "
     "follow "
     "one another (lag1): then only the spread over seeds (fits-summary) tells the uncertainty."},
};

const ovp_experiment ovp_experiment_curve_fit = {
    .id = "curve-fit",
    .title = "How a measure decays over a training",
    .claim = "A training's gradient norm falls as C/(t + T0)^rho; least squares gives C, rho, T0 and honest errors.",
    .formula =
        "minimise sum_t (C (t + T0)^(-rho) - y_t)^2 over C, rho (and T0); Cov = s^2 (J^T J)^-1, s^2 = sum / (N - "
        "parameters)",
    .source = "Companion code of the thesis 'Weights regularity for residual neural networks in the depth limit', "
              "curve-fit; Golub and Pereyra 1973 (variable projection)",
    .about =
        "A series y_1, y_2, .. of a training - by default Omega of depth-limit (the mean squared gradient of the loss "
        "with "
        "respect to the outputs; published as avg_grad_norm) - is prepared and fitted by C/(t + T0)^rho. The series is "
        "a "
        "column of a run's table (--input RUN --table epochs --column omega), an array of a run (--array), a column of "
        "a "
        "CSV (--input FILE.csv --column NAME), or a scalar of a TensorBoard event file (--input events.out.tfevents.* "
        "--column TAG). Rows with different values in the columns --group are different series.\n\n"
        "Preparation, as published: (1) every filter-period-th point is dropped; (2) the rest is cut into floor(n / "
        "window-size) windows, the first n mod that many one point longer, and in each every point equal to its "
        "largest or "
        "smallest value is dropped (ties all; a constant window vanishes; 1..10 with windows of 5 keep 2 3 4 7 8 9); "
        "(3) t "
        "is multiplied by scaling-x. Points that are not finite are left out first. Bounds, as published: C, rho in "
        "[0, "
        "3]; with --infer-shift C in [0, 1], rho in [0, 3], T0 in [1, 500].\n\n"
        "The fit. For given rho and T0 the best C has a closed form, so the search runs over rho, or over T0 with the "
        "best "
        "rho of each: over a grid of all of the bounds, then to a zero of the derivative. It needs no start and finds "
        "the "
        "lowest minimum; the published one (scipy's curve_fit) starts in the middle of the bounds. Standard errors are "
        "the "
        "roots of the covariance's diagonal; a parameter at a bound has none. *_robust_se allow for noise that is "
        "larger at some t than at others (HC3, MacKinnon and White 1985). The published 'std error' divides them "
        "by "
        "sqrt(N) once more: it stands beside them as *_published_se and is wrong. The published program also misnames "
        "its "
        "flag (--event_paths in the text, --event_path in the code), and stops when a shifted fit follows a filter.\n\n"
        "Without --input, series are made: C/(t + T0)^rho with noise in proportion and an outlier at every 391st step, "
        "one "
        "series a seed; what the fit finds can be compared with what was put in.\n\n"
        "How to read the figures. fit and fit-log: kept points and the fitted curve on linear and log axes (up to nine "
        "series). rho: all exponents with their own 95 % intervals.",
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
