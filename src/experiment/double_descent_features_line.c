/* Random features on a line: ten points, interpolators by the pseudo-inverse, and the kernels they tend to. */
#include "double_descent_features_int.h"

#include <string.h>

#define RCOND 1e-15 /* numpy.linalg.pinv's default, which the published program took */

/* ---- the published run --------------------------------------------------------------------------- */

/* Princeton deep-learning tutorial, part on double descent; numpy repeats them to 1e-7 (tests/golden). */
static const struct {
    ovp_idx features;
    double train, test;
} published[] = {
    {1, 1.6053903387079234, 1.324645695469908},
    {5, 0.1723877963428954, 0.19218601718237235},
    {10, 0, 48.16125061340579},
    {100, 0, 37.7895902659891},
    {500, 0, 26.923197282180723},
    {1000, 0, 25.085857583994805},
    {10000, 0, 15.055870096759639},
    {100000, 0, 8.662820205150572},
    {200000, 0, 12.211747088913313},
};
static const ovp_idx published_counts[] = {1, 5, 10, 50, 100, 500, 1000, 5000, 10000, 100000, 200000};

double features_published(ovp_idx features, int train) {
    for (ovp_idx i = 0; i < COUNT(published); i++)
        if (published[i].features == features) return train ? published[i].train : published[i].test;
    return NAN;
}

int features_line_is_published(const features_lab *lab, const features_line *line, ovp_idx row) {
    const int fourier = strcmp(line->map, "fourier") == 0;
    int same = strcmp(ovp_params_text(lab->params, "rng"), "numpy") == 0 && line->data_seed == 2134 &&
               line->seed == (fourier ? 4321 : 1717) && lab->n == 10 && lab->n_test == 1000 && lab->noise >= .5 &&
               lab->noise <= .5 && row < COUNT(published_counts);
    for (ovp_idx i = 0; same && i <= row; i++) same = i < lab->count_count && lab->counts[i] == published_counts[i];
    return same;
}

int64_t features_line_seed(const ovp_params *params, int fourier, int64_t seed) {
    const int64_t own = ovp_params_int(params, fourier ? "fourier-seed" : "relu-seed");
    return own < 0 || ovp_params_is_set(params, "seed") || ovp_params_is_set(params, "seeds") ? seed : own;
}

/* ---- data ---------------------------------------------------------------------------------------- */

/* X, w, noise: in this order, as published. */
static ovp_status draw_data(features_line *line, const features_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->n, grid = lab->n_test;
    ovp_numeric_rng *rng = NULL;
    double w, low = INFINITY, high = -INFINITY;
    OVP_TRY(study_stream(&rng, lab->run, line->data_seed, OVP_PURPOSE_DATA, 0));
    OVP_TRY(ovp_alloc(lab->ctx, &line->x, 2 * n + 2 * grid, sizeof(double)));
    line->y = line->x + n;
    line->grid = line->y + n;
    line->target = line->grid + grid;
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0, 1, line->x);
    ovp_numeric_rng_normal(rng, OVP_F64, 1, 0, 1, &w);
    ovp_numeric_rng_align(rng);
    ovp_numeric_rng_normal(rng, OVP_F64, n, 0, 1, line->y);
    for (ovp_idx i = 0; i < n; i++) {
        line->y[i] = w * line->x[i] + lab->noise * line->y[i];
        low = fmin(low, line->x[i]);
        high = fmax(high, line->x[i]);
    }
    for (ovp_idx i = 0; i < grid; i++) {
        line->grid[i] = low + (high - low) * (double)i / (double)(grid - 1);
        line->target[i] = w * line->grid[i];
    }
done:
    ovp_numeric_rng_free(rng);
    return status;
}

/* ---- features ------------------------------------------------------------------------------------ */

typedef struct map {
    int fourier;
    ovp_idx count;
    const double *v, *b; /* count each; b: relu's */
    double scale;        /* 1/sqrt(k), or sqrt(2/k) */
} map;

/* Features from..to-1 at x: real parts, and imaginary parts (fourier). */
static void features_at(const ovp_ctx *ctx, const map *m, double x, ovp_idx from, ovp_idx to, double *re, double *im) {
    const ovp_idx count = to - from;
    for (ovp_idx j = 0; j < count; j++) re[j] = m->v[from + j] * x;
    if (m->fourier) {
        ovp_numeric_map(ctx, OVP_FN_SIN, OVP_F64, count, re, im);
        ovp_numeric_map(ctx, OVP_FN_COS, OVP_F64, count, re, re);
        for (ovp_idx j = 0; j < count; j++) im[j] *= m->scale;
    } else {
        for (ovp_idx j = 0; j < count; j++) re[j] = fmax(re[j] + m->b[from + j], 0);
    }
    for (ovp_idx j = 0; j < count; j++) re[j] *= m->scale;
}

/* sum_j a_j phi_j = y is (Re phi)(Re a) - (Im phi)(Im a) = y and (Im phi)(Re a) + (Re phi)(Im a) = 0: a real matrix of
 * 2 n rows and 2 k columns with every singular value of the complex one twice. (The Gram matrix would square the
 * condition number, 1e10 at k = n.) */
static ovp_status design(double **out, ovp_ctx *ctx, const map *m, ovp_idx n, const double *x) {
    ovp_status status;
    const ovp_idx k = m->count, cols = m->fourier ? 2 * k : k;
    OVP_TRY(ovp_alloc(ctx, out, (m->fourier ? 2 * n : n) * cols, sizeof **out));
    for (ovp_idx i = 0; i < n; i++) {
        double *re = *out + i * cols, *im = *out + (n + i) * cols;
        features_at(ctx, m, x[i], 0, k, re, im);
        if (!m->fourier) continue;
        memcpy(im + k, re, (size_t)k * sizeof *re);
        for (ovp_idx j = 0; j < k; j++) re[k + j] = -im[j];
    }
done:
    return status;
}

typedef struct evaluation {
    const map *map;
    const double *a; /* real parts, then imaginary parts */
    const double *x;
    ovp_idx rows;
    double *re, *im;
} evaluation;

enum { POINTS_A_TASK = 8, FEATURES_A_TIME = 1024 };

static ovp_status evaluate_some(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const evaluation *e = arg;
    const map *m = e->map;
    double re[FEATURES_A_TIME], im[FEATURES_A_TIME];
    for (ovp_idx i = task * POINTS_A_TASK; i < (task + 1) * POINTS_A_TASK && i < e->rows; i++) {
        double real = 0, imaginary = 0;
        for (ovp_idx from = 0; from < m->count; from += FEATURES_A_TIME) {
            const ovp_idx to = from + FEATURES_A_TIME < m->count ? from + FEATURES_A_TIME : m->count;
            const double *a = e->a + from, *ai = a + m->count;
            features_at(ctx, m, e->x[i], from, to, re, im);
            for (ovp_idx j = 0; j < to - from; j++) {
                real += m->fourier ? a[j] * re[j] - ai[j] * im[j] : a[j] * re[j];
                if (m->fourier) imaginary += a[j] * im[j] + ai[j] * re[j];
            }
        }
        e->re[i] = real;
        e->im[i] = imaginary;
    }
    return OVP_OK;
}

static ovp_status evaluate(ovp_ctx *ctx, evaluation *e) {
    return ovp_parallel(ctx, (e->rows + POINTS_A_TASK - 1) / POINTS_A_TASK, evaluate_some, e);
}

/* Mean of |f - y|^2. */
static double error_of(const evaluation *e, const double *y) {
    double sum = 0;
    for (ovp_idx i = 0; i < e->rows; i++) sum += (e->re[i] - y[i]) * (e->re[i] - y[i]) + e->im[i] * e->im[i];
    return sum / (double)e->rows;
}

/* ---- kernels: the limits ------------------------------------------------------------------------- */

/* Infinitely many features. FEATURES_AS_PUBLISHED: exp(-r/2), where the notebook forgot to square the distance. RELU: 2
 * E relu(u) relu(u') with u = v x + b of variance x^2 + 1, the closed form of the arc-cosine kernel. */
static ovp_status kernel_at(double *out, ovp_ctx *ctx, features_kernel kind, const ovp_theory_mean_field *relu,
                            double x, double z) {
    const double r = fabs(x - z), xx = x * x + 1, zz = z * z + 1;
    if (kind == FEATURES_RELU)
        return ovp_theory_covariance_map(out, NULL, ctx, relu, xx, zz, fmin(fmax((x * z + 1) / sqrt(xx * zz), -1), 1));
    *out = exp(kind == FEATURES_GAUSSIAN ? -r * r / 2 : -r / 2);
    return OVP_OK;
}

static ovp_status kernel_matrix(double *out, ovp_ctx *ctx, features_kernel kind, const ovp_theory_mean_field *relu,
                                ovp_idx rows, const double *x, ovp_idx cols, const double *z) {
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < rows; i++)
        for (ovp_idx j = 0; j < cols; j++) OVP_TRY(kernel_at(&out[i * cols + j], ctx, kind, relu, x[i], z[j]));
done:
    return status;
}

static ovp_status relu_field(ovp_theory_mean_field **out, ovp_ctx *ctx) {
    const ovp_theory_mean_field_options options = {
        .size = sizeof options, .activation = "relu", .sigma_w = sqrt(2), .sigma_b = 0};
    return ovp_theory_mean_field_create(out, ctx, &options);
}

/* Errors of the kernel's interpolator. */
static ovp_status kernel_errors(double *test, double *train, ovp_ctx *ctx, features_kernel kind, ovp_idx n,
                                ovp_idx grid, const features_line *line) {
    ovp_status status = OVP_OK;
    ovp_theory_mean_field *relu = NULL;
    double *k = NULL;
    OVP_TRY(relu_field(&relu, ctx));
    OVP_TRY(ovp_alloc(ctx, &k, n * n + grid * n + 2 * n + grid, sizeof *k));
    double *across = k + n * n, *a = across + grid * n, *f = a + n, *g = f + n;
    OVP_TRY(kernel_matrix(k, ctx, kind, relu, n, line->x, n, line->x));
    OVP_TRY(kernel_matrix(across, ctx, kind, relu, grid, line->grid, n, line->x));
    OVP_TRY(ovp_numeric_lstsq(a, NULL, NULL, ctx, n, n, 1, k, line->y, RCOND));
    ovp_numeric_gemm(OVP_F64, 0, 0, n, 1, n, 1, k, n, a, 1, 0, f, 1);
    ovp_numeric_gemm(OVP_F64, 0, 0, grid, 1, n, 1, across, n, a, 1, 0, g, 1);
    *test = *train = 0;
    for (ovp_idx i = 0; i < grid; i++) *test += (g[i] - line->target[i]) * (g[i] - line->target[i]) / (double)grid;
    for (ovp_idx i = 0; i < n; i++) *train += (f[i] - line->y[i]) * (f[i] - line->y[i]) / (double)n;
done:
    ovp_free(ctx, k);
    ovp_theory_mean_field_free(relu);
    return status;
}

static ovp_status limits(features_line *line, const features_lab *lab, int fourier) {
    ovp_status status = OVP_OK;
    double train;
    const features_kernel kind = fourier ? FEATURES_GAUSSIAN : FEATURES_RELU;
    line->limit_published = NAN;
    OVP_TRY(kernel_errors(&line->limit, &line->limit_train, lab->ctx, kind, lab->n, lab->n_test, line));
    if (!fourier) return OVP_OK;
    OVP_TRY(kernel_errors(&line->limit_published, &train, lab->ctx, FEATURES_AS_PUBLISHED, lab->n, lab->n_test, line));
    for (ovp_idx i = 0; i < lab->n; i++)
        for (ovp_idx j = 0; j < i; j++) {
            const double r = fabs(line->x[i] - line->x[j]);
            line->kernel_gap = fmax(line->kernel_gap, fabs(exp(-r * r / 2) - exp(-r / 2)));
        }
done:
    return status;
}

/* Largest |sum_j conj(phi_j(x)) phi_j(z) - K(x, z)| over the data, from the design's real rows. */
static ovp_status gram_error(double *out, ovp_ctx *ctx, const map *m, ovp_idx n, const double *x, const double *d) {
    ovp_status status = OVP_OK;
    ovp_theory_mean_field *relu = NULL;
    const ovp_idx k = m->count, cols = m->fourier ? 2 * k : k;
    OVP_TRY(relu_field(&relu, ctx));
    *out = 0;
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx j = 0; j <= i; j++) {
            const double *a = d + i * cols, *b = d + j * cols;
            double expected, real = 0, imaginary = 0;
            OVP_TRY(kernel_at(&expected, ctx, m->fourier ? FEATURES_GAUSSIAN : FEATURES_RELU, relu, x[i], x[j]));
            for (ovp_idx l = 0; l < cols; l++) real += a[l] * b[l];
            for (ovp_idx l = 0; m->fourier && l < k; l++) imaginary += a[k + l] * b[l] - a[l] * b[k + l];
            *out = fmax(*out, hypot(real - expected, imaginary));
        }
done:
    ovp_theory_mean_field_free(relu);
    return status;
}

/* ---- one number of features ----------------------------------------------------------------------- */

static ovp_status one_fit(features_line *line, const features_lab *lab, const map *m, ovp_idx at) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const ovp_idx n = lab->n, k = m->count, grid = lab->n_test;
    const ovp_idx rows = m->fourier ? 2 * n : n, cols = m->fourier ? 2 * k : k;
    features_line_row *row = &line->rows[at];
    double *d = NULL, *a = NULL, *right = NULL;
    OVP_TRY(design(&d, ctx, m, n, line->x));
    OVP_TRY(ovp_alloc(ctx, &a, cols, sizeof *a));
    OVP_TRY(ovp_alloc(ctx, &right, rows + 2 * (n + grid), sizeof *right));
    memcpy(right, line->y, (size_t)n * sizeof *right);
    double *values = right + rows;
    OVP_TRY(ovp_numeric_lstsq(a, &row->rank, NULL, ctx, rows, cols, 1, d, right, RCOND));
    if (m->fourier) row->rank /= 2; /* twice each */
    evaluation on_data = {m, a, line->x, n, values, values + n};
    evaluation on_grid = {m, a, line->grid, grid, line->fits + at * grid, values + 2 * n};
    OVP_TRY(evaluate(ctx, &on_data));
    OVP_TRY(evaluate(ctx, &on_grid));
    row->features = k;
    row->train = error_of(&on_data, line->y);
    row->test = error_of(&on_grid, line->target);
    for (ovp_idx j = 0; j < cols; j++) row->norm += a[j] * a[j];
    row->norm = sqrt(row->norm);
    OVP_TRY(gram_error(&row->gram_error, ctx, m, n, line->x, d));
done:
    ovp_free(ctx, right);
    ovp_free(ctx, a);
    ovp_free(ctx, d);
    return status;
}

static ovp_status report(const features_line *line, const features_lab *lab, ovp_idx at) {
    const features_line_row *row = &line->rows[at];
    const int fourier = strcmp(line->map, "fourier") == 0;
    const double known =
        fourier && features_line_is_published(lab, line, at) ? features_published(row->features, 0) : (double)NAN;
    const ovp_store_cell cells[] = {
        ovp_cell_int(row->features),
        ovp_cell_int(line->seed),
        ovp_cell_int(0),
        ovp_cell_text("min-norm"),
        ovp_cell_real(row->train),
        ovp_cell_real(row->test),
        ovp_cell_real(line->limit),
        ovp_cell_text("1d"),
        ovp_cell_text(line->map),
        ovp_cell_real(0),
        ovp_cell_real(line->limit_train),
        ovp_cell_int(row->rank),
        ovp_cell_real(row->norm),
        ovp_cell_real(row->gram_error),
        isfinite(known) ? ovp_cell_real(known) : ovp_cell_null(),
        ovp_cell_null(),
        ovp_cell_null(),
        ovp_cell_null(),
    };
    return ovp_run_row(lab->run, "features", cells);
}

/* ---- all numbers of features ---------------------------------------------------------------------- */

static ovp_status draw_and_fit(features_line *line, features_lab *lab, int fourier, ovp_numeric_rng *numpy,
                               ovp_idx at) {
    ovp_status status = OVP_OK;
    const ovp_idx k = lab->counts[at];
    ovp_numeric_rng *own = NULL;
    double *v = NULL;
    if (!numpy)
        OVP_TRY(study_stream(&own, lab->run, line->seed, OVP_PURPOSE_INIT, (uint64_t)k | (uint64_t)fourier << 40));
    ovp_numeric_rng *rng = numpy ? numpy : own;
    OVP_TRY(ovp_alloc(lab->ctx, &v, 2 * k, sizeof *v));
    ovp_numeric_rng_normal(rng, OVP_F64, k, 0, 1, v);
    ovp_numeric_rng_align(rng);
    if (!fourier) ovp_numeric_rng_normal(rng, OVP_F64, k, 0, 1, v + k);
    const map m = {fourier, k, v, v + k, sqrt((fourier ? 1. : 2.) / (double)k)};
    OVP_TRY(one_fit(line, lab, &m, at));
    line->done = at + 1;
    OVP_TRY(report(line, lab, at));
done:
    ovp_free(lab->ctx, v);
    ovp_numeric_rng_free(own);
    return status;
}

static ovp_status report_limit(const features_line *line, const features_lab *lab, const char *kernel, double test,
                               double known) {
    const ovp_store_cell cells[] = {
        ovp_cell_text(line->map), ovp_cell_int(line->seed), ovp_cell_int(line->data_seed),
        ovp_cell_text(kernel),    ovp_cell_real(test),      isfinite(known) ? ovp_cell_real(known) : ovp_cell_null(),
    };
    return ovp_run_row(lab->run, "limits", cells);
}

static ovp_status report_limits(const features_line *line, const features_lab *lab, int fourier) {
    ovp_status status;
    const int known = features_line_is_published(lab, line, 0);
    if (fourier) {
        OVP_TRY(report_limit(line, lab, "exp(-r^2/2)", line->limit, NAN));
        OVP_TRY(report_limit(line, lab, "exp(-r/2)", line->limit_published, known ? 0.2678602200053003 : (double)NAN));
    } else {
        OVP_TRY(report_limit(line, lab, "arc-cosine", line->limit, known ? 0.8432877145009113 : (double)NAN));
    }
done:
    return status;
}

ovp_status features_line_run(features_line *line, features_lab *lab, int fourier, int64_t seed) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *numpy = NULL;
    *line = (features_line){.map = fourier ? "fourier" : "relu",
                            .seed = features_line_seed(lab->params, fourier, seed),
                            .data_seed = ovp_run_data_seed(lab->run, seed)};
    OVP_TRY(draw_data(line, lab));
    OVP_TRY(limits(line, lab, fourier));
    OVP_TRY(report_limits(line, lab, fourier));
    OVP_TRY(ovp_alloc(lab->ctx, &line->rows, lab->count_count, sizeof *line->rows));
    OVP_TRY(ovp_alloc(lab->ctx, &line->fits, lab->count_count * lab->n_test, sizeof *line->fits));
    if (strcmp(ovp_params_text(lab->params, "rng"), "numpy") == 0)
        OVP_TRY(study_stream(&numpy, lab->run, line->seed, OVP_PURPOSE_INIT, 0));
    for (ovp_idx i = 0; i < lab->count_count; i++) {
        OVP_TRY(ovp_check(lab->ctx));
        OVP_TRY(draw_and_fit(line, lab, fourier, numpy, i));
        ovp_run_progress(lab->run, &(ovp_progress){line->map, "settings", i + 1, lab->count_count, "test error",
                                                   line->rows[i].test});
    }
done:
    ovp_numeric_rng_free(numpy);
    return status;
}

void features_line_free(ovp_ctx *ctx, features_line *line) {
    ovp_free(ctx, line->x);
    ovp_free(ctx, line->rows);
    ovp_free(ctx, line->fits);
    *line = (features_line){.map = NULL};
}
