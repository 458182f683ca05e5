/* depth-limit: from finished nets to arrays, powers and verdicts. */
#include "depth_limit_int.h"

#include <stdio.h>
#include <string.h>

/* ---- Omega's decay ------------------------------------------------------------------------------- */

enum { FIT_POINTS = 2000, LEAST_POINTS = 6 };

ovp_measure_decay depth_limit_no_decay(void) {
    return (ovp_measure_decay){.scale = NAN, .rho = NAN, .shift = NAN, .scale_se = NAN, .rho_se = NAN, .residual = NAN};
}

ovp_status depth_limit_fit_omega(ovp_measure_decay *out, double *r2, ovp_ctx *ctx, ovp_idx steps, ovp_idx pieces,
                                 const double *omega) {
    ovp_status status = OVP_OK;
    const ovp_idx stride = (steps + FIT_POINTS - 1) / FIT_POINTS;
    double *t = NULL, mean = 0, square = 0;
    ovp_idx n = 0;
    *out = depth_limit_no_decay();
    *r2 = NAN;
    OVP_TRY(ovp_alloc(ctx, &t, 2 * FIT_POINTS, sizeof *t));
    double *y = t + FIT_POINTS;
    /* In units of the first value: the bounds of C are then no bounds whatever the batch; 1e-6 lets (t + T0)^rho be. */
    const double unit = omega[0] * 1e6;
    for (ovp_idx k = 0; k < steps && isfinite(omega[k]); k += stride) {
        t[n] = (double)(k + 1) / (double)pieces;
        y[n++] = omega[k] / unit;
    }
    if (n < LEAST_POINTS || !(unit > 0)) goto done;
    for (ovp_idx k = 0; k < n; k++) mean += y[k] / (double)n;
    for (ovp_idx k = 0; k < n; k++) square += (y[k] - mean) * (y[k] - mean) / (double)n;
    OVP_TRY(ovp_measure_fit_decay(out, ctx, n, t, y, 0, 1));
    *r2 = square > 0 ? 1 - out->residual * out->residual / square : (double)NAN;
    out->scale *= unit;
    out->scale_se *= unit;
    out->residual *= unit;
done:
    ovp_free(ctx, t);
    return status;
}

/* ---- verdicts from numbers ----------------------------------------------------------------------- */

void depth_limit_judge_late(study_verdict *out, const double *places, ovp_idx seeds) {
    const ovp_measure_interval place = study_over_seeds(places, seeds);
    study_verdict_fill(out, "the weights are smallest late in the depth", place, NAN,
                       ovp_experiment_judge_above(place, .5),
                       "Place k/(L-1) of the least ||L^beta W_k||, mean over the depths for each seed, 95 %% interval "
                       "over seeds; it must lie above 1/2 (published figure: .75 to .8).");
}

void depth_limit_judge_flat(study_verdict *out, const double *early, ovp_idx seeds) {
    const ovp_measure_interval share = study_over_seeds(early, seeds);
    study_verdict_fill(out, "the norms fall along the depth and then flatten", share, NAN,
                       ovp_experiment_judge_above(share, .5),
                       "Share of the fall of ||L^beta W_k|| from its start to its least value that lies in the first "
                       "half of the depth, mean over the depths for each seed; above 1/2 the second half is flatter "
                       "(published figure: about .9).");
}

#define LEVEL_MARGIN .1

void depth_limit_judge_level(study_verdict *out, const double *exponents, ovp_idx seeds, double beta) {
    const ovp_measure_interval exponent = study_over_seeds(exponents, seeds);
    char text[32];
    ovp_experiment_short(text, beta);
    study_verdict_fill(out, "the level of ||L^beta W_k|| hardly depends on the depth", exponent, 0,
                       ovp_experiment_judge_near(exponent, 0, LEVEL_MARGIN),
                       "Slope of log mean_k ||L^beta W_k|| against log L for each seed, beta = %s; its 95 %% interval "
                       "must lie within +-0.1 of 0 (published figure, beta .51, L = 2000 to 12000: .055 to .07).",
                       text);
}

double depth_limit_roughness(const depth_limit_setup *setup) {
    return strcmp(setup->init, "ntrunc") == 0 && setup->gamma > 1 ? 1 - 1 / setup->gamma : 0;
}

#define BOUNDED_BELOW .25

void depth_limit_judge_coordinates(study_verdict *out, const double *exponents, ovp_idx seeds, double predicted) {
    const ovp_measure_interval exponent = study_over_seeds(exponents, seeds);
    study_verdict_fill(out, "the 1-variation of an entry of L^beta W_k stays bounded", exponent, predicted,
                       study_judge_below(exponent, BOUNDED_BELOW),
                       "Slope of log 1-variation (mean over the entries) against log L for each seed: 0 for paths that "
                       "become smooth; what a rough start (ntrunc, gamma above 1) leaves grows as 1 - 1/gamma, 1/2 for "
                       "gamma = 2; the interval must lie below 1/4.");
}

#define POWER_R2 .9

void depth_limit_judge_omega(study_verdict *out, const double *rho, const double *r2, ovp_idx seeds) {
    const ovp_measure_interval power = study_over_seeds(rho, seeds), fit = study_over_seeds(r2, seeds);
    ovp_experiment_holds holds = ovp_experiment_judge_above(power, 0);
    char text[32];
    ovp_experiment_short(text, fit.mean);
    if (holds == OVP_HOLDS_YES && !(fit.mean >= POWER_R2)) holds = OVP_HOLDS_NO;
    study_verdict_fill(out, "Omega decays as a power of time", power, NAN, holds,
                       "Exponent rho of C/(t + T0)^rho fitted to Omega of each net (least squares, t in epochs), mean "
                       "over the depths for each seed; its interval must lie above 0 and the fit explain 90 %% of the "
                       "variance on average (here %s of 1).",
                       text);
}

#define LINE_TOLERANCE .03

void depth_limit_judge_line(study_verdict *out, const double *deviation, ovp_idx nets) {
    double worst = 0;
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < nets; i++) {
        if (!isfinite(deviation[i])) continue;
        worst = fmax(worst, deviation[i] / LINE_TOLERANCE);
        count++;
    }
    study_verdict_theorem(out, "in one dimension the loss follows the closed form", worst, count,
                          "Largest |sqrt(loss) - sqrt(loss_theory)| / sqrt(first loss) over all steps of %lld nets in "
                          "units of 0.03: what tanh bends is of that size, the closed form has the identity.",
                          (long long)count);
}

/* ---- this run's numbers -------------------------------------------------------------------------- */

static ovp_status mean_of(const depth_limit_lab *lab, const char *column, double *per_seed) {
    return study_seed_means(per_seed, lab->run, &(const study_query){.table = "depths", .x = "layers", .y = column});
}

static ovp_status power_of(const depth_limit_lab *lab, const char *column, double *per_seed) {
    return study_exponents(per_seed, NULL, lab->run,
                           &(const study_query){.table = "depths", .x = "layers", .y = column});
}

static ovp_status judge_profiles(const depth_limit_lab *lab, double *a, double *b) {
    ovp_status status = OVP_OK;
    study_verdict v;
    OVP_TRY(mean_of(lab, "norm_min_at", a));
    depth_limit_judge_late(&v, a, lab->seed_count);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
    OVP_TRY(mean_of(lab, "fall_early", a));
    depth_limit_judge_flat(&v, a, lab->seed_count);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
    if (!lab->setup.omega) goto done;
    OVP_TRY(mean_of(lab, "omega_rho", a));
    OVP_TRY(mean_of(lab, "omega_r2", b));
    depth_limit_judge_omega(&v, a, b, lab->seed_count);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
done:
    return status;
}

/* Powers of the depth. level, coordinate, pvar: one a seed. */
static ovp_status judge_depths(const depth_limit_lab *lab, double *level, double *coordinate, double *pvar) {
    ovp_status status = OVP_OK;
    study_verdict v;
    OVP_TRY(power_of(lab, "norm_mean", level));
    OVP_TRY(power_of(lab, "coordinate_variation", coordinate));
    OVP_TRY(power_of(lab, "pvar", pvar));
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        const ovp_store_cell cells[] = {ovp_cell_int(lab->seeds[s]), ovp_cell_finite(level[s]),
                                        ovp_cell_finite(coordinate[s]), ovp_cell_finite(pvar[s])};
        if (isfinite(level[s])) OVP_TRY(ovp_run_row(lab->run, "exponents", cells));
    }
    depth_limit_judge_level(&v, level, lab->seed_count, depth_limit_beta(&lab->setup));
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
    depth_limit_judge_coordinates(&v, coordinate, lab->seed_count, depth_limit_roughness(&lab->setup));
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
done:
    return status;
}

static ovp_status judge_line(const depth_limit_lab *lab) {
    ovp_status status = OVP_OK;
    double *worst = NULL;
    study_verdict v;
    OVP_TRY(ovp_alloc(lab->ctx, &worst, lab->count, sizeof *worst));
    for (ovp_idx i = 0; i < lab->count; i++) {
        const double *loss = lab->losses + i * lab->steps, *theory = lab->theory + i * lab->steps;
        worst[i] = NAN;
        for (ovp_idx k = 0; k < lab->steps && isfinite(loss[k]); k++)
            worst[i] = fmax(worst[i], fabs(sqrt(loss[k]) - sqrt(theory[k])) / sqrt(loss[0]));
    }
    depth_limit_judge_line(&v, worst, lab->count);
    OVP_TRY(ovp_run_verdict(lab->run, &v.verdict));
done:
    ovp_free(lab->ctx, worst);
    return status;
}

static ovp_status judge(const depth_limit_lab *lab) {
    ovp_status status = OVP_OK;
    double *values = NULL;
    const ovp_idx n = lab->seed_count;
    OVP_TRY(ovp_alloc(lab->ctx, &values, 3 * n, sizeof *values));
    OVP_TRY(judge_profiles(lab, values, values + n));
    if (lab->layer_count > 1) OVP_TRY(judge_depths(lab, values, values + n, values + 2 * n));
    if (depth_limit_has_line(&lab->setup, &lab->data)) OVP_TRY(judge_line(lab));
done:
    ovp_free(lab->ctx, values);
    return status;
}

/* ---- arrays -------------------------------------------------------------------------------------- */

/* norms.layers<L> (rows x L) of all seeds and paths.layers<L> (entries x L) of the first row of each depth. */
static ovp_status put_depth(const depth_limit_lab *lab, ovp_idx layers, ovp_idx entries) {
    ovp_status status = OVP_OK;
    double *norms = NULL;
    const double *paths = NULL;
    char name[64];
    ovp_idx n = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &norms, lab->count * layers, sizeof *norms));
    for (ovp_idx i = 0; i < lab->count; i++) {
        if (lab->rows[i].layers != layers || lab->rows[i].diverged_at) continue;
        memcpy(norms + n++ * layers, lab->rows[i].norms, (size_t)layers * sizeof *norms);
        if (!paths) paths = lab->rows[i].paths;
    }
    if (n == 0) goto done;
    snprintf(name, sizeof name, "norms.layers%lld", (long long)layers);
    OVP_TRY(study_put(lab->run, name, OVP_F64, n, layers, norms));
    snprintf(name, sizeof name, "paths.layers%lld", (long long)layers);
    OVP_TRY(study_put(lab->run, name, OVP_F64, entries, layers, paths));
done:
    ovp_free(lab->ctx, norms);
    return status;
}

static ovp_status put_arrays(const depth_limit_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_idx entries[DEPTH_LIMIT_ENTRIES][2];
    const ovp_idx count = depth_limit_entries(lab->setup.dim, entries);
    OVP_TRY(study_put(lab->run, "loss", OVP_F64, lab->count, lab->steps, lab->losses));
    if (lab->setup.omega) OVP_TRY(study_put(lab->run, "omega", OVP_F64, lab->count, lab->steps, lab->omegas));
    if (depth_limit_has_line(&lab->setup, &lab->data))
        OVP_TRY(study_put(lab->run, "loss_theory", OVP_F64, lab->count, lab->steps, lab->theory));
    OVP_TRY(study_put(lab->run, "path_entries", OVP_I64, count, 2, entries));
    for (ovp_idx i = 0; i < lab->layer_count; i++) OVP_TRY(put_depth(lab, lab->layers[i], count));
done:
    return status;
}

ovp_status depth_limit_conclude(depth_limit_lab *lab) {
    static const char *const setting[] = {"layers"}, *const measures[] = {"final_loss", "test_accuracy",
                                                                          "norm_min",   "norm_min_at",
                                                                          "norm_mean",  "fall_early",
                                                                          "pvar",       "coordinate_variation",
                                                                          "omega_rho"};
    ovp_status status = OVP_OK;
    if (lab->count == 0) return OVP_OK;
    OVP_TRY(put_arrays(lab));
    OVP_TRY(ovp_run_summary(lab->run, "depths", "depths-summary", setting, 1, measures, COUNT(measures)));
    OVP_TRY(judge(lab));
    OVP_TRY(depth_limit_figures(lab));
done:
    return status;
}
