/* depth-vs-width: from finished students to arrays, fits and verdicts. */
#include "depth_vs_width_int.h"

#include <stdio.h>

/* ---- the power law ------------------------------------------------------------------------------- */

/* With x = log width, y = log error, s^2 the residual variance and S = sum (x - mean x)^2, the width's logarithm
 * (log target - b) / m has the variance s^2 / m^2 (1/n + (. - mean x)^2 / S) to first order (delta method). */
void depth_width_fit_errors(depth_width_fit *out, ovp_idx count, const double *widths, const double *errors,
                            double target) {
    double mean_x = 0, mean_y = 0, square = 0, product = 0, rest = 0, n = 0;
    *out = (depth_width_fit){0, NAN, NAN, NAN, NAN, NAN};
    for (ovp_idx i = 0; i < count; i++) {
        if (!(errors[i] > 0) || !isfinite(errors[i])) continue;
        out->count++;
        mean_x += log(widths[i]);
        mean_y += log(errors[i]);
    }
    n = (double)out->count;
    mean_x /= n;
    mean_y /= n;
    for (ovp_idx i = 0; i < count; i++) {
        if (!(errors[i] > 0) || !isfinite(errors[i])) continue;
        square += (log(widths[i]) - mean_x) * (log(widths[i]) - mean_x);
        product += (log(widths[i]) - mean_x) * (log(errors[i]) - mean_y);
    }
    if (!(square > 1e-12)) return;
    const double m = product / square, b = mean_y - m * mean_x;
    out->exponent = m;
    out->intercept = b;
    if (!(m < 0)) return;
    const double x = (log(target) - b) / m;
    out->width = exp(x);
    if (out->count < 3) return;
    for (ovp_idx i = 0; i < count; i++) {
        if (!(errors[i] > 0) || !isfinite(errors[i])) continue;
        const double apart = log(errors[i]) - m * log(widths[i]) - b;
        rest += apart * apart;
    }
    const double deviation = sqrt(rest / (n - 2)) / -m * sqrt(1 / n + (x - mean_x) * (x - mean_x) / square);
    const double half = ovp_numeric_student_t(.95, n - 2) * deviation;
    out->low = exp(x - half);
    out->high = exp(x + half);
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

/* "3 of 8 seeds below 1e-5; lowest .., median .., highest .." over the finite errors, at most 256 of them. */
typedef struct spread {
    ovp_idx count, below;
    double low, median, high;
    char text[200];
} spread;

static spread spread_of(const double *errors, ovp_idx seeds, double bar) {
    spread s = {.low = INFINITY, .high = -INFINITY};
    double kept[256];
    char text[4][32];
    for (ovp_idx i = 0; i < seeds && s.count < COUNT(kept); i++) {
        if (!isfinite(errors[i])) continue;
        kept[s.count++] = errors[i];
        s.below += errors[i] < bar;
        s.low = fmin(s.low, errors[i]);
        s.high = fmax(s.high, errors[i]);
    }
    s.median = ovp_measure_median_in_place(s.count, kept);
    ovp_experiment_short(text[0], bar);
    ovp_experiment_short(text[1], s.low);
    ovp_experiment_short(text[2], s.median);
    ovp_experiment_short(text[3], s.high);
    if (s.count)
        snprintf(s.text, sizeof s.text, "%lld of %lld seed%s below %s: lowest %s, median %s, highest %s",
                 (long long)s.below, (long long)s.count, s.count == 1 ? "" : "s", text[0], text[1], text[2], text[3]);
    else
        snprintf(s.text, sizeof s.text, "no student was measured");
    return s;
}

/* Fraction of successes with Wilson's 95 % interval (Wilson 1927). */
static ovp_measure_interval fraction(ovp_idx successes, ovp_idx count) {
    const double z = 1.959963984540054, n = (double)count, p = (double)successes / n;
    const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    const double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return count ? (ovp_measure_interval){count, p, fmax(0, middle - half), fmin(1, middle + half)}
                 : (ovp_measure_interval){0, NAN, NAN, NAN};
}

void depth_width_judge_deep(study_verdict *out, const double *errors, ovp_idx seeds, ovp_idx steps) {
    const spread s = spread_of(errors, seeds, DEPTH_WIDTH_DEEP_BAR);
    ovp_experiment_holds holds = OVP_HOLDS_UNCLEAR;
    if (s.count >= OVP_SEEDS_FOR_A_VERDICT && s.below != 1) holds = s.below > 1 ? OVP_HOLDS_YES : OVP_HOLDS_NO;
    study_verdict_fill(out,
                       "in this training students of the teacher's own shape find it: relative test error below 1e-5",
                       fraction(s.below, s.count), NAN, holds,
                       "Fraction of seeds that did within %lld steps, with Wilson's 95 %% interval; %s. At least "
                       "two must, none says no.",
                       (long long)steps, s.text);
}

void depth_width_judge_width(study_verdict *out, const double *exponents, ovp_idx seeds, const char *prediction) {
    const ovp_measure_interval interval = study_over_seeds(exponents, seeds);
    study_verdict_fill(out, "a wider shallow student has a lower test error", interval, NAN,
                       study_judge_below(interval, 0),
                       "Exponent of the power law in the width, one fit a seed, 95 %% by Student's t. %s", prediction);
}

void depth_width_judge_parameters(study_verdict *out, const double *deep, const double *widest, ovp_idx seeds,
                                  ovp_idx deep_parameters, ovp_idx widest_parameters) {
    double kept[256];
    ovp_idx n = 0;
    const int fewer = deep_parameters <= widest_parameters;
    for (ovp_idx i = 0; i < seeds && n < COUNT(kept); i++) {
        const double ratio = log(deep[i] / widest[i]);
        if (isfinite(ratio)) kept[n++] = ratio;
    }
    const ovp_measure_interval logs = ovp_measure_mean(n, kept);
    const ovp_measure_interval ratio = {n, exp(logs.mean), exp(logs.low), exp(logs.high)};
    study_verdict_fill(
        out, "parameters count for more in depth: the deep student has a lower error than the widest shallow one",
        ratio, NAN, fewer ? study_judge_below(logs, 0) : OVP_HOLDS_UNCLEAR,
        "Deep / widest shallow test error, geometric mean over seeds, 95 %% by Student's t; %lld against %lld "
        "parameters.%s",
        (long long)deep_parameters, (long long)widest_parameters,
        fewer ? "" : " The widest shallow student has fewer parameters, which decides nothing: give larger --widths.");
}

void depth_width_judge_linear(study_verdict *out, const double *errors, ovp_idx seeds, double sigma) {
    const spread s = spread_of(errors, seeds, DEPTH_WIDTH_LINEAR_BAR);
    double kept[256];
    char text[32];
    ovp_idx n = 0;
    for (ovp_idx i = 0; i < seeds && n < COUNT(kept); i++)
        if (isfinite(log(errors[i]))) kept[n++] = log(errors[i]);
    const ovp_measure_interval logs = ovp_measure_mean(n, kept);
    const ovp_measure_interval error = {n, exp(logs.mean), exp(logs.low), exp(logs.high)};
    ovp_experiment_short(text, sigma);
    study_verdict_fill(out,
                       "a narrow shallow student is enough for a quasi-linear teacher: relative test error below 1e-4",
                       error, NAN, study_judge_below(logs, log(DEPTH_WIDTH_LINEAR_BAR)),
                       "Teacher sigma %s: geometric mean over seeds, 95 %% by Student's t; %s.", text, s.text);
}

/* ---- what the students say ----------------------------------------------------------------------- */

/* Test errors of one role and sigma, one a seed; of shallow students that of the given width (first member). */
static void errors_of(const depth_width_lab *lab, depth_width_role role, double sigma, ovp_idx width, double *errors) {
    for (ovp_idx s = 0; s < lab->seed_count; s++) errors[s] = NAN;
    for (ovp_idx i = 0; i < lab->count; i++) {
        const depth_width_student *student = &lab->students[i];
        const int here = student->problem->sigma <= sigma && student->problem->sigma >= sigma;
        if (student->role != role || !here || student->member > 0) continue;
        if (role == DEPTH_WIDTH_SHALLOW && student->width != width) continue;
        for (ovp_idx s = 0; s < lab->seed_count; s++)
            if (student->seed == lab->seeds[s]) errors[s] = student->test_error;
    }
}

static ovp_status put_arrays(depth_width_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx rows = lab->count, n_test = lab->setup.n_test;
    int64_t *keys = NULL;
    double *targets = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &keys, 2 * rows, sizeof *keys));
    OVP_TRY(ovp_alloc(lab->ctx, &targets, rows * n_test, sizeof *targets));
    for (ovp_idx i = 0; i < rows; i++) {
        const depth_width_student *s = &lab->students[i];
        keys[i] = s->width;
        keys[rows + i] = s->seed;
        for (ovp_idx k = 0; k < n_test; k++)
            targets[i * n_test + k] = lab->setup.type == OVP_F32 ? (double)((const float *)s->problem->y_test)[k]
                                                                 : ((const double *)s->problem->y_test)[k];
    }
    OVP_TRY(study_put(lab->run, "loss", OVP_F64, rows, lab->longest, lab->losses));
    OVP_TRY(study_put(lab->run, "test_output", OVP_F64, rows, n_test, lab->outputs));
    OVP_TRY(study_put(lab->run, "test_target", OVP_F64, rows, n_test, targets));
    OVP_TRY(study_put(lab->run, "width", OVP_I64, rows, 0, keys));
    OVP_TRY(study_put(lab->run, "seed", OVP_I64, rows, 0, keys + rows));
done:
    ovp_free(lab->ctx, targets);
    ovp_free(lab->ctx, keys);
    return status;
}

static ovp_status put_fits(depth_width_lab *lab, depth_width_fit *fits) {
    ovp_status status = OVP_OK;
    const double target = ovp_params_real(lab->params, "error-target");
    double *widths = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &widths, 2 * lab->width_count, sizeof *widths));
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        double *errors = widths + lab->width_count;
        ovp_idx n = 0;
        for (ovp_idx i = 0; i < lab->count; i++) {
            const depth_width_student *student = &lab->students[i];
            if (student->role != DEPTH_WIDTH_SHALLOW || student->seed != lab->seeds[s]) continue;
            widths[n] = (double)student->width;
            errors[n++] = student->test_error;
        }
        depth_width_fit_errors(&fits[s], n, widths, errors, target);
        if (!isfinite(fits[s].exponent)) continue;
        const ovp_store_cell cells[] = {
            ovp_cell_real(lab->sigmas[0]),   ovp_cell_int(lab->seeds[s]),      ovp_cell_int(fits[s].count),
            ovp_cell_real(fits[s].exponent), ovp_cell_real(fits[s].intercept), ovp_cell_real(target),
            ovp_cell_real(fits[s].width),    ovp_cell_real(fits[s].low),       ovp_cell_real(fits[s].high)};
        OVP_TRY(ovp_run_row(lab->run, "fits", cells));
    }
done:
    ovp_free(lab->ctx, widths);
    return status;
}

void depth_width_number(char buffer[48], double value) {
    char mantissa[32];
    const double power = isfinite(value) && value >= 1e6 ? floor(log10(value) + 1e-12) : 0;
    ovp_experiment_short(mantissa, value / pow(10, power));
    if (power > 0)
        snprintf(buffer, 48, "%se%d", mantissa, (int)power);
    else
        snprintf(buffer, 48, "%s", mantissa);
}

/* Over seeds, or what the only seed's regression says; text: for the verdict. exponents: room for one a seed. */
static ovp_status put_prediction(depth_width_lab *lab, const depth_width_fit *fits, depth_width_fit *over,
                                 double *exponents, char *text, size_t bytes) {
    ovp_status status = OVP_OK;
    const double target = ovp_params_real(lab->params, "error-target");
    double *logs = NULL, *intercepts = NULL;
    char number[4][48];
    ovp_idx n = 0, one = 0, fitted = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &logs, 2 * lab->seed_count, sizeof *logs));
    intercepts = logs + lab->seed_count;
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        exponents[s] = fits[s].exponent;
        intercepts[s] = fits[s].intercept;
        fitted += isfinite(fits[s].exponent);
        if (!isfinite(fits[s].exponent) || !(fits[s].exponent < 0)) continue;
        logs[n++] = (log(target) - fits[s].intercept) / fits[s].exponent;
        one = s;
    }
    const ovp_measure_interval width = study_over_seeds(logs, n);
    *over = (depth_width_fit){.count = n,
                              .exponent = study_over_seeds(exponents, lab->seed_count).mean,
                              .intercept = study_over_seeds(intercepts, lab->seed_count).mean,
                              .width = exp(width.mean),
                              .low = n == 1 ? fits[one].low : exp(width.low),
                              .high = n == 1 ? fits[one].high : exp(width.high)};
    snprintf(text, bytes, "No width can be predicted.");
    if (n < fitted)
        OVP_TRY(
            ovp_run_warning(lab->run,
                            "the shallow students' error does not fall with the width for %lld of %lld seeds: these "
                            "predict no width",
                            (long long)(fitted - n), (long long)fitted));
    if (n == 0) goto done;
    const ovp_store_cell cells[] = {ovp_cell_real(lab->sigmas[0]),
                                    ovp_cell_real(target),
                                    ovp_cell_int(n),
                                    ovp_cell_real(over->width),
                                    ovp_cell_real(over->low),
                                    ovp_cell_real(over->high),
                                    ovp_cell_text(n == 1 ? "regression" : "over seeds"),
                                    ovp_cell_real(over->width * (double)(lab->setup.inputs + 1))};
    OVP_TRY(ovp_run_row(lab->run, "prediction", cells));
    depth_width_number(number[0], target);
    depth_width_number(number[1], over->width);
    depth_width_number(number[2], over->low);
    depth_width_number(number[3], over->high);
    snprintf(text, bytes, "Width predicted for the error %s: %s, 95 %% interval %s to %s (%s).", number[0], number[1],
             number[2], number[3], n == 1 ? "this regression's own standard errors" : "over seeds");
done:
    ovp_free(lab->ctx, logs);
    return status;
}

static ovp_status put_verdicts(depth_width_lab *lab, const double *exponents, const char *prediction) {
    ovp_status status = OVP_OK;
    const depth_width_setup *setup = &lab->setup;
    const ovp_idx seeds = lab->seed_count, stages = ovp_params_int(lab->params, "deep-stages");
    const ovp_idx deep = depth_width_parameters(setup->inputs, setup->teacher_width, setup->teacher_depth);
    ovp_idx widest = lab->widths[0];
    double *errors = NULL;
    study_verdict verdict;
    for (ovp_idx i = 0; i < lab->width_count; i++)
        if (lab->widths[i] > widest) widest = lab->widths[i];
    OVP_TRY(ovp_alloc(lab->ctx, &errors, 2 * seeds, sizeof *errors));
    if (stages > 0) {
        errors_of(lab, DEPTH_WIDTH_DEEP, lab->sigmas[0], 0, errors);
        errors_of(lab, DEPTH_WIDTH_SHALLOW, lab->sigmas[0], widest, errors + seeds);
        depth_width_judge_deep(&verdict, errors, seeds, stages * ovp_params_int(lab->params, "deep-steps"));
        OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    }
    depth_width_judge_width(&verdict, exponents, seeds, prediction);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    if (stages > 0) {
        depth_width_judge_parameters(&verdict, errors, errors + seeds, seeds, deep,
                                     depth_width_parameters(setup->inputs, widest, 2));
        OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    }
    for (ovp_idx t = 1; t < lab->sigma_count; t++) {
        errors_of(lab, DEPTH_WIDTH_LINEAR, lab->sigmas[t], 0, errors);
        depth_width_judge_linear(&verdict, errors, seeds, lab->sigmas[t]);
        OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    }
done:
    ovp_free(lab->ctx, errors);
    return status;
}

ovp_status depth_width_conclude(depth_width_lab *lab) {
    static const char *const settings[] = {"teacher_sigma", "depth", "width", "role"};
    static const char *const measures[] = {"train_error", "test_error"};
    ovp_status status = OVP_OK;
    depth_width_fit *fits = NULL, over;
    double *exponents = NULL;
    char prediction[300];
    if (lab->count == 0) return OVP_OK;
    OVP_TRY(ovp_alloc(lab->ctx, &fits, lab->seed_count, sizeof *fits));
    OVP_TRY(ovp_alloc(lab->ctx, &exponents, lab->seed_count, sizeof *exponents));
    OVP_TRY(put_arrays(lab));
    OVP_TRY(ovp_run_summary(lab->run, "students", "students-summary", settings, 4, measures, 2));
    OVP_TRY(put_fits(lab, fits));
    OVP_TRY(put_prediction(lab, fits, &over, exponents, prediction, sizeof prediction));
    OVP_TRY(put_verdicts(lab, exponents, prediction));
    OVP_TRY(depth_width_figures(lab, fits, &over));
done:
    ovp_free(lab->ctx, exponents);
    ovp_free(lab->ctx, fits);
    return status;
}
