/* Draws of Gaussian data with a linear teacher, and of random features on the sphere, fitted by least squares and
 * ridge regression. */
#include "double_descent_features_int.h"

#include <float.h>
#include <string.h>

/* ---- ridge regression ---------------------------------------------------------------------------- */

ovp_status features_ridge(double *fits, ovp_idx *rank, ovp_ctx *ctx, ovp_idx n, ovp_idx p, const double *z,
                          const double *y, ovp_idx ridge_count, const double *ridges) {
    ovp_status status = OVP_OK;
    const ovp_idx side = n < p ? n : p;
    const int wide = p > n;
    double *block = NULL;
    OVP_TRY(ovp_alloc(ctx, &block, 2 * side * side + 5 * side, sizeof *block));
    double *gram = block, *vectors = gram + side * side, *values = vectors + side * side, *right = values + side;
    double *start = right + side, *scaled = start + side, *dual = scaled + side;
    ovp_numeric_gemm(OVP_F64, !wide, wide, side, side, wide ? p : n, 1, z, p, z, p, 0, gram, side);
    OVP_TRY(ovp_numeric_eigh(values, vectors, ctx, side, gram));
    if (wide)
        memcpy(right, y, (size_t)n * sizeof *y);
    else
        ovp_numeric_gemm(OVP_F64, 1, 0, p, 1, n, 1, z, p, y, 1, 0, right, 1);
    ovp_numeric_gemm(OVP_F64, 0, 0, side, 1, side, 1, vectors, side, right, 1, 0, start, 1);
    const double least = (double)(n > p ? n : p) * DBL_EPSILON * values[side - 1];
    *rank = 0;
    for (ovp_idx i = 0; i < side; i++) *rank += values[i] > least;
    for (ovp_idx k = 0; k < ridge_count; k++) {
        const double added = (double)n * ridges[k];
        for (ovp_idx i = 0; i < side; i++)
            scaled[i] = added > 0 || values[i] > least ? start[i] / (fmax(values[i], 0) + added) : 0;
        ovp_numeric_gemm(OVP_F64, 1, 0, side, 1, side, 1, vectors, side, scaled, 1, 0, wide ? dual : fits + k * p, 1);
        if (wide) ovp_numeric_gemm(OVP_F64, 1, 0, p, 1, n, 1, z, p, dual, 1, 0, fits + k * p, 1);
    }
done:
    ovp_free(ctx, block);
    return status;
}

/* ---- one trial ----------------------------------------------------------------------------------- */

typedef struct outcome {
    double train, test, norm;
    ovp_idx rank;
    int done;
} outcome;

typedef struct crew {
    const features_lab *lab;
    const features_part *part;
    const ovp_numeric_activation *act;
    ovp_idx features;
    const double *ridges; /* one a way */
    outcome *out;         /* seeds x trials x ways */
} crew;

static void normalise(ovp_idx count, double *values, double norm) {
    double sum = 0;
    for (ovp_idx i = 0; i < count; i++) sum += values[i] * values[i];
    for (ovp_idx i = 0; i < count; i++) values[i] *= norm / sqrt(sum);
}

static double mean_square(ovp_idx n, const double *a, const double *b) {
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / (double)n;
}

static ovp_status stream(ovp_numeric_rng **out, ovp_ctx *ctx, const crew *c, int64_t seed, ovp_numeric_purpose purpose,
                         ovp_idx trial) {
    const uint64_t index = (uint64_t)c->part->sphere << 62 | (uint64_t)c->features << 32 | (uint64_t)trial;
    return ovp_numeric_rng_create(out, ctx, OVP_RNG_PHILOX, seed, purpose, index);
}

/* X (n x p) standard normal, y = X beta + noise; the test error is ||a - beta||^2 exactly. z: n p; y: n; beta: p. */
static void draw_gaussian(ovp_numeric_rng *rng, const crew *c, double *z, double *y, double *beta) {
    const ovp_idx n = c->lab->n, p = c->features;
    ovp_numeric_rng_normal(rng, OVP_F64, p, 0, 1, beta);
    normalise(p, beta, sqrt(c->lab->signal));
    ovp_numeric_rng_align(rng);
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0, c->lab->noise, y);
    ovp_numeric_rng_align(rng);
    ovp_numeric_rng_normal(rng, OVP_F64, n * p, 0, 1, z);
    ovp_numeric_gemm(OVP_F64, 0, 0, n, 1, p, 1, z, p, beta, 1, 1, y, 1);
}

/* Rows uniform on the sphere of radius sqrt(d). */
static void draw_sphere(ovp_numeric_rng *rng, ovp_idx rows, ovp_idx d, double *x) {
    ovp_numeric_rng_normal(rng, OVP_F64, rows * d, 0, 1, x);
    for (ovp_idx i = 0; i < rows; i++) normalise(d, x + i * d, sqrt((double)d));
    ovp_numeric_rng_align(rng);
}

static ovp_status gaussian_trial(ovp_ctx *ctx, const crew *c, int64_t data_seed, ovp_idx trial, outcome *out) {
    ovp_status status = OVP_OK;
    const ovp_idx n = c->lab->n, p = c->features, ways = c->part->ways;
    ovp_numeric_rng *rng = NULL;
    double *z = NULL;
    ovp_idx rank;
    OVP_TRY(stream(&rng, ctx, c, data_seed, OVP_PURPOSE_DATA, trial));
    OVP_TRY(ovp_alloc(ctx, &z, n * p + 2 * n + (ways + 1) * p, sizeof *z));
    double *y = z + n * p, *f = y + n, *beta = f + n, *fits = beta + p;
    draw_gaussian(rng, c, z, y, beta);
    OVP_TRY(features_ridge(fits, &rank, ctx, n, p, z, y, ways, c->ridges));
    for (ovp_idx k = 0; k < ways; k++) {
        const double *a = fits + k * p;
        ovp_numeric_gemm(OVP_F64, 0, 0, n, 1, p, 1, z, p, a, 1, 0, f, 1);
        out[k] = (outcome){mean_square(n, f, y), mean_square(p, a, beta) * (double)p, 0, rank, 1};
        for (ovp_idx j = 0; j < p; j++) out[k].norm += a[j] * a[j];
    }
done:
    ovp_free(ctx, z);
    ovp_numeric_rng_free(rng);
    return status;
}

/* f(x) = sum_j a_j phi(<theta_j, x> / sqrt(d)); the target is <beta, x>. */
static ovp_status sphere_trial(ovp_ctx *ctx, const crew *c, int64_t seed, int64_t data_seed, ovp_idx trial,
                               outcome *out) {
    ovp_status status = OVP_OK;
    const ovp_idx n = c->lab->n, all = n + c->lab->n_test, d = c->lab->d, p = c->features, ways = c->part->ways;
    const double scale = 1 / sqrt((double)d);
    ovp_numeric_rng *rng = NULL, *init = NULL;
    double *x = NULL, *z = NULL;
    ovp_idx rank;
    OVP_TRY(stream(&rng, ctx, c, data_seed, OVP_PURPOSE_DATA, trial));
    OVP_TRY(stream(&init, ctx, c, seed, OVP_PURPOSE_INIT, trial));
    OVP_TRY(ovp_alloc(ctx, &x, (all + p + 1) * d + n + 2 * all + ways * p, sizeof *x));
    OVP_TRY(ovp_alloc(ctx, &z, all * p, sizeof *z));
    double *theta = x + all * d, *beta = theta + p * d, *y = beta + d, *target = y + n, *f = target + all;
    double *fits = f + all;
    ovp_numeric_rng_normal(rng, OVP_F64, d, 0, 1, beta);
    normalise(d, beta, sqrt(c->lab->signal));
    ovp_numeric_rng_align(rng);
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0, c->lab->noise, y);
    ovp_numeric_rng_align(rng);
    draw_sphere(rng, all, d, x);
    draw_sphere(init, p, d, theta);
    ovp_numeric_gemm(OVP_F64, 0, 0, all, 1, d, 1, x, d, beta, 1, 0, target, 1);
    for (ovp_idx i = 0; i < n; i++) y[i] += target[i];
    ovp_numeric_gemm(OVP_F64, 0, 1, all, p, d, scale, x, d, theta, d, 0, z, p);
    ovp_numeric_phi(ctx, c->act, OVP_F64, all * p, z, z);
    OVP_TRY(features_ridge(fits, &rank, ctx, n, p, z, y, ways, c->ridges));
    for (ovp_idx k = 0; k < ways; k++) {
        const double *a = fits + k * p;
        ovp_numeric_gemm(OVP_F64, 0, 0, all, 1, p, 1, z, p, a, 1, 0, f, 1);
        out[k] = (outcome){mean_square(n, f, y), mean_square(all - n, f + n, target + n), 0, rank, 1};
        for (ovp_idx j = 0; j < p; j++) out[k].norm += a[j] * a[j];
    }
done:
    ovp_free(ctx, z);
    ovp_free(ctx, x);
    ovp_numeric_rng_free(init);
    ovp_numeric_rng_free(rng);
    return status;
}

static ovp_status one_trial(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const crew *c = arg;
    const features_lab *lab = c->lab;
    const int64_t seed = lab->seeds[task / lab->trials], data_seed = ovp_run_data_seed(lab->run, seed);
    const ovp_idx trial = task % lab->trials;
    outcome *out = c->out + task * c->part->ways;
    return c->part->sphere ? sphere_trial(ctx, c, seed, data_seed, trial, out)
                           : gaussian_trial(ctx, c, data_seed, trial, out);
}

/* ---- one number of features ----------------------------------------------------------------------- */

static const char *solution_of(const features_point *point) {
    return point->best ? "best-ridge" : point->lambda > 0 ? "ridge" : "min-norm";
}

static ovp_status report(features_lab *lab, const features_part *part, const features_point *point, ovp_idx task,
                         const outcome *o) {
    const ovp_store_cell cells[] = {
        ovp_cell_int(point->features),
        ovp_cell_int(lab->seeds[task / lab->trials]),
        ovp_cell_int(task % lab->trials),
        ovp_cell_text(solution_of(point)),
        ovp_cell_real(o->train),
        ovp_cell_real(o->test),
        ovp_cell_real(point->theory),
        ovp_cell_text(part->data),
        ovp_cell_text(part->map),
        ovp_cell_real(point->lambda),
        ovp_cell_real(point->theory_train),
        ovp_cell_int(o->rank),
        ovp_cell_real(sqrt(o->norm)),
        ovp_cell_null(),
        ovp_cell_null(),
        ovp_cell_null(),
        ovp_cell_null(),
        ovp_cell_null(),
    };
    return ovp_run_row(lab->run, "features", cells);
}

static ovp_status summarise(features_lab *lab, const features_part *part, features_point *point) {
    const double se = point->standard_error;
    const ovp_store_cell cells[] = {
        ovp_cell_text(part->data),
        ovp_cell_text(part->map),
        ovp_cell_text(solution_of(point)),
        ovp_cell_real(point->lambda),
        ovp_cell_int(point->features),
        ovp_cell_real((double)point->features / (double)lab->n),
        ovp_cell_int(point->trials),
        ovp_cell_real(point->test.mean),
        ovp_cell_real(se),
        ovp_cell_real(point->theory),
        ovp_cell_real((point->test.mean - point->theory) / se),
        ovp_cell_real(point->test.mean / point->theory - 1),
        ovp_cell_real(point->train.mean),
        ovp_cell_real(point->theory_train),
        part->sphere ? ovp_cell_real(point->finite) : ovp_cell_null(),
        part->sphere ? ovp_cell_real((point->test.mean - point->finite) / se) : ovp_cell_null(),
    };
    return ovp_run_row(lab->run, "points", cells);
}

/* Rows and means of what was finished. values: 2 tasks. */
static ovp_status gather(features_lab *lab, features_part *part, ovp_idx at, const crew *c, double *values) {
    ovp_status status = OVP_OK;
    const ovp_idx tasks = lab->seed_count * lab->trials;
    for (ovp_idx k = 0; k < part->ways; k++) {
        features_point *point = &part->points[k * lab->count_count + at];
        double *train = values + tasks, sum = 0;
        for (ovp_idx t = 0; t < tasks; t++) {
            const outcome *o = &c->out[t * part->ways + k];
            if (!o->done) continue;
            values[point->trials] = o->test;
            train[point->trials++] = o->train;
            OVP_TRY(report(lab, part, point, t, o));
        }
        if (point->trials == 0) continue;
        point->test = ovp_measure_mean(point->trials, values);
        point->train = ovp_measure_mean(point->trials, train);
        for (ovp_idx t = 0; t < point->trials; t++)
            sum += (values[t] - point->test.mean) * (values[t] - point->test.mean);
        point->standard_error = sqrt(sum / (double)(point->trials - 1) / (double)point->trials);
        OVP_TRY(summarise(lab, part, point));
    }
done:
    return status;
}

/* Mei and Montanari's lambda is a ridge n lambda / d on the mean over the features. */
static ovp_status finite_theory(double *out, const features_lab *lab, const features_part *part, double features,
                                double lambda) {
    ovp_theory_risk risk;
    const double n = (double)lab->n;
    const ovp_status status =
        ovp_theory_random_features_of_modes(&risk, lab->ctx, FEATURES_MODES, part->modes, n, features,
                                            n * lambda / (double)lab->d, lab->noise * lab->noise);
    *out = risk.excess;
    return status;
}

static ovp_status one_count(features_lab *lab, features_part *part, ovp_idx at) {
    ovp_status status = OVP_OK, end;
    const ovp_idx tasks = lab->seed_count * lab->trials;
    const double p = (double)lab->counts[at];
    double *ridges = NULL, *values = NULL;
    crew c = {.lab = lab, .part = part, .features = lab->counts[at]};
    c.act = ovp_numeric_activation_find(ovp_params_text(lab->params, "activation"));
    OVP_TRY(ovp_alloc(lab->ctx, &c.out, tasks * part->ways, sizeof *c.out));
    OVP_TRY(ovp_alloc(lab->ctx, &ridges, part->ways, sizeof *ridges));
    OVP_TRY(ovp_alloc(lab->ctx, &values, 2 * tasks, sizeof *values));
    for (ovp_idx k = 0; k < part->ways; k++) {
        features_point *point = &part->points[k * lab->count_count + at];
        ovp_theory_risk risk;
        OVP_TRY(features_theory(&risk, lab, part, p, point->lambda, point->best));
        if (point->best)
            OVP_TRY(ovp_theory_ridge_best(&point->lambda, lab->ctx, p / (double)lab->n, lab->signal,
                                          lab->noise * lab->noise));
        point->features = lab->counts[at];
        point->theory = risk.excess;
        point->theory_train = risk.train;
        point->finite = risk.excess;
        if (part->sphere) OVP_TRY(finite_theory(&point->finite, lab, part, p, point->lambda));
        ridges[k] = part->sphere ? p * point->lambda / (double)lab->d : point->lambda;
    }
    c.ridges = ridges;
    const int blas = ovp_numeric_blas_begin();
    status = ovp_parallel(lab->ctx, tasks, one_trial, &c);
    ovp_numeric_blas_end(blas);
    end = gather(lab, part, at, &c, values); /* what an interruption left finished */
    if (status == OVP_OK) status = end;
done:
    ovp_free(lab->ctx, values);
    ovp_free(lab->ctx, ridges);
    ovp_free(lab->ctx, c.out);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------------ */

ovp_status features_theory(ovp_theory_risk *out, const features_lab *lab, const features_part *part, double features,
                           double lambda, int best) {
    ovp_status status = OVP_OK;
    const double n = (double)lab->n, noise = lab->noise * lab->noise, d = (double)lab->d;
    if (part->sphere) {
        const ovp_theory_random_features_options options = {.size = sizeof options,
                                                            .moments = part->moments,
                                                            .psi_1 = features / d,
                                                            .psi_2 = n / d,
                                                            .linear = lab->signal,
                                                            .noise = noise,
                                                            .lambda = lambda};
        return ovp_theory_random_features(out, lab->ctx, &options);
    }
    if (best) OVP_TRY(ovp_theory_ridge_best(&lambda, lab->ctx, features / n, lab->signal, noise));
    if (lambda > 0) return ovp_theory_ridge(out, lab->ctx, features / n, lab->signal, noise, lambda);
    return ovp_theory_least_squares(out, lab->ctx, lab->n, (ovp_idx)llround(features), lab->signal, 0, noise);
done:
    return status;
}

ovp_status features_trials(features_part *part, features_lab *lab, int sphere) {
    ovp_status status = OVP_OK;
    ovp_idx lambdas;
    const double *lambda = ovp_params_reals(lab->params, "lambda", &lambdas);
    const int best = !sphere && ovp_params_bool(lab->params, "best-ridge");
    *part = (features_part){.data = sphere ? "sphere" : "gaussian", .map = "linear", .sphere = sphere};
    part->ways = lambdas + best;
    if (sphere) {
        part->map = ovp_params_text(lab->params, "activation");
        OVP_TRY(ovp_theory_activation_moments_get(&part->moments, lab->ctx, part->map));
        OVP_TRY(ovp_theory_sphere_spectrum(part->modes, lab->ctx, FEATURES_MODES, lab->d, part->map));
        part->modes[1].power = lab->signal;
    }
    OVP_TRY(ovp_alloc(lab->ctx, &part->points, part->ways * lab->count_count, sizeof *part->points));
    for (ovp_idx i = 0; i < part->ways * lab->count_count; i++) {
        const ovp_idx way = i / lab->count_count;
        part->points[i].best = way == lambdas;
        part->points[i].lambda = way < lambdas ? lambda[way] : 0;
    }
    for (ovp_idx i = 0; i < lab->count_count; i++) {
        OVP_TRY(one_count(lab, part, i));
        ovp_run_progress(lab->run, &(ovp_progress){part->data, "settings", i + 1, lab->count_count, "features",
                                                   (double)lab->counts[i]});
    }
done:
    return status;
}

void features_part_free(ovp_ctx *ctx, features_part *part) {
    ovp_free(ctx, part->points);
    *part = (features_part){.data = NULL};
}
