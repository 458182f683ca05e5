/* Linear read-outs on Fourier features: data, features, and gradient descent solved exactly.
 *
 * With A the design matrix and r = A theta - y, a step of gradient descent on |r|^2 / n gives r <- (I - (2 eta / n) A
 * A^T) r. In the basis of A's left singular vectors the coordinates do not mix: c_i <- (1 - 2 eta s_i^2 / n) c_i. theta
 * moves along the right singular vectors alone, by c_i (q_i^t - 1) / s_i. */
#include "linear_int.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

/* ---- data ---------------------------------------------------------------------------------------- */

static void round_to(void *out, ovp_numeric_type type, ovp_idx n, const double *in, double *seen) {
    for (ovp_idx i = 0; i < n; i++) {
        if (type == OVP_F32)
            seen[i] = (double)(((float *)out)[i] = (float)in[i]);
        else
            seen[i] = ((double *)out)[i] = in[i];
    }
}

static ovp_status data_stream(ovp_numeric_rng **out, ovp_experiment_run *run, int64_t seed) {
    const int torch = strcmp(ovp_params_text(ovp_run_params(run), "rng"), "torch") == 0;
    return ovp_numeric_rng_create(out, ovp_run_ctx(run), torch ? OVP_RNG_NUMPY : OVP_RNG_PHILOX,
                                  ovp_run_data_seed(run, seed), OVP_PURPOSE_DATA, 0);
}

ovp_status linear_data_draw(linear_data *out, ovp_experiment_run *run, ovp_numeric_type type, int64_t seed) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    const ovp_params *p = ovp_run_params(run);
    ovp_data_synthetic_options options;
    ovp_numeric_rng *rng = NULL;
    *out = (linear_data){.n = ovp_params_int(p, "n")};
    OVP_TRY(data_stream(&rng, run, seed));
    OVP_TRY(ovp_data_synthetic_defaults(&options, ctx, ovp_params_text(p, "target")));
    options.rng = rng;
    options.type = OVP_F64;
    options.train = out->n;
    options.noise = ovp_params_real(p, "noise");
    OVP_TRY(ovp_data_synthetic(&out->set, ctx, ovp_params_text(p, "target"), &options));
    out->x = out->set.x.data;
    out->y = out->set.y.data;
    OVP_TRY(ovp_alloc(ctx, &out->net_x, out->n, ovp_numeric_type_size(type)));
    OVP_TRY(ovp_alloc(ctx, &out->net_y, out->n, ovp_numeric_type_size(type)));
    OVP_TRY(ovp_alloc(ctx, &out->seen_x, 2 * out->n, sizeof *out->seen_x));
    out->seen_y = out->seen_x + out->n;
    round_to(out->net_x, type, out->n, out->x, out->seen_x);
    round_to(out->net_y, type, out->n, out->y, out->seen_y);
done:
    ovp_numeric_rng_free(rng);
    if (status != OVP_OK) linear_data_free(ctx, out);
    return status;
}

void linear_data_free(ovp_ctx *ctx, linear_data *data) {
    ovp_data_synthetic_free(ctx, &data->set);
    ovp_free(ctx, data->net_x);
    ovp_free(ctx, data->net_y);
    ovp_free(ctx, data->seen_x);
    *data = (linear_data){.n = 0};
}

ovp_status linear_data_grid(const linear_data *data, ovp_ctx *ctx, ovp_idx rows, double *x, double *f) {
    for (ovp_idx i = 0; i < rows; i++) x[i] = -1 + 2 * (double)i / (double)(rows - 1);
    return ovp_data_synthetic_values(&data->set, ctx, rows, x, f);
}

/* ---- features and nets --------------------------------------------------------------------------- */

ovp_status linear_design(double **out, ovp_ctx *ctx, const ovp_net_fourier *fourier, ovp_numeric_type type,
                         ovp_idx rows, const double *x) {
    ovp_status status = OVP_OK;
    ovp_net_feature_map map;
    double *phi = NULL;
    *out = NULL;
    OVP_TRY(ovp_net_fourier_map(&map, ctx, fourier, 1));
    const ovp_idx m = map.features, p = m + 1;
    OVP_TRY(ovp_alloc(ctx, &phi, rows * m, sizeof *phi));
    OVP_TRY(ovp_alloc(ctx, out, rows * p, sizeof **out));
    OVP_TRY(map.apply(&map, ctx, rows, x, phi));
    for (ovp_idx i = 0; i < rows; i++) {
        for (ovp_idx j = 0; j < m; j++) {
            const double value = phi[i * m + j];
            (*out)[i * p + j] = type == OVP_F32 ? (double)(float)value : value;
        }
        (*out)[i * p + m] = 1;
    }
done:
    ovp_free(ctx, phi);
    return status;
}

/* Sums in long double: what is compared with 1e-13 should not lose a digit of its own. */
void linear_outputs(double *out, ovp_idx rows, ovp_idx p, const double *design, const double *theta) {
    for (ovp_idx i = 0; i < rows; i++) {
        long double sum = 0;
        for (ovp_idx j = 0; j < p; j++) sum += (long double)design[i * p + j] * (long double)theta[j];
        out[i] = (double)sum;
    }
}

double linear_mean_square(ovp_idx n, const double *f, const double *y) {
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) sum += (f[i] - y[i]) * (f[i] - y[i]);
    return sum / (double)n;
}

ovp_status linear_net_create(study_net *net, ovp_ctx *ctx, const ovp_net_fourier *fourier, ovp_numeric_type type,
                             const char *engine, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_net_feature_map map;
    const ovp_idx widths[2] = {2 * fourier->count, 1};
    const ovp_net_dense_options options = {
        .size = sizeof options, .layers = 1, .widths = widths, .type = type, .engine = engine};
    OVP_TRY(study_net_create(net, ctx, &options, "torch-default", 0, rng));
    OVP_TRY(ovp_net_fourier_map(&map, ctx, fourier, 1));
    net->base = net->model;
    net->model = NULL;
    OVP_TRY(ovp_net_mapped_create(&net->model, ctx, net->base, &map));
done:
    if (status != OVP_OK) study_net_free(ctx, net);
    return status;
}

ovp_status linear_net_theta(const study_net *net, ovp_ctx *ctx, const void *theta, double *out) {
    ovp_status status = OVP_OK;
    const int narrow = ovp_net_model_type(net->model) == OVP_F32;
    ovp_idx count, at = 0;
    float *tensor = NULL;
    const ovp_net_slice *slice = ovp_net_model_slices(net->model, &count); /* weight, bias */
    if (narrow) OVP_TRY(ovp_alloc(ctx, &tensor, ovp_net_model_parameters(net->model), sizeof *tensor));
    for (ovp_idx i = 0; i < count; at += slice[i++].count) {
        ovp_net_slice_get(net->model, &slice[i], theta, narrow ? (void *)tensor : (void *)(out + at));
        for (ovp_idx j = 0; narrow && j < slice[i].count; j++) out[at + j] = (double)tensor[j];
    }
done:
    ovp_free(ctx, tensor);
    return status;
}

/* ---- the exact solution -------------------------------------------------------------------------- */

ovp_status linear_spectrum_get(linear_spectrum *out, ovp_ctx *ctx, ovp_idx n, ovp_idx p, const double *design,
                               double rcond) {
    ovp_status status = OVP_OK;
    const ovp_idx k = n < p ? n : p;
    *out = (linear_spectrum){.n = n, .p = p, .k = k};
    OVP_TRY(ovp_alloc(ctx, &out->s, k * (1 + n + p), sizeof *out->s));
    out->u = out->s + k;
    out->vt = out->u + n * k;
    OVP_TRY(ovp_numeric_svd(out->s, out->u, out->vt, ctx, n, p, design));
    const double cut = (rcond > 0 ? rcond : (double)(n > p ? n : p) * DBL_EPSILON) * out->s[0];
    while (out->rank < k && out->s[out->rank] > cut) out->rank++;
done:
    if (status != OVP_OK) linear_spectrum_free(ctx, out);
    return status;
}

void linear_spectrum_free(ovp_ctx *ctx, linear_spectrum *spectrum) {
    ovp_free(ctx, spectrum->s);
    *spectrum = (linear_spectrum){.n = 0};
}

/* Coordinate of r along u_i. */
static double coordinate(const linear_spectrum *s, ovp_idx i, const double *r) {
    long double sum = 0;
    for (ovp_idx j = 0; j < s->n; j++) sum += (long double)s->u[j * s->k + i] * (long double)r[j];
    return (double)sum;
}

ovp_status linear_path_start(linear_path *out, ovp_ctx *ctx, const linear_spectrum *spectrum, const double *design,
                             const double *theta0, const double *y, double lr) {
    ovp_status status = OVP_OK;
    const linear_spectrum *s = spectrum;
    double *r = NULL;
    *out = (linear_path){.spectrum = s, .rate = 2 * lr / (double)s->n};
    OVP_TRY(ovp_alloc(ctx, &out->start, s->k, sizeof *out->start));
    OVP_TRY(ovp_alloc(ctx, &r, s->n, sizeof *r));
    linear_outputs(r, s->n, s->p, design, theta0);
    for (ovp_idx j = 0; j < s->n; j++) r[j] -= y[j];
    for (ovp_idx i = 0; i < s->k; i++) out->start[i] = coordinate(s, i, r);
    for (ovp_idx j = 0; j < s->n && s->k < s->n; j++) {
        double left = r[j];
        for (ovp_idx i = 0; i < s->k; i++) left -= s->u[j * s->k + i] * out->start[i];
        out->rest += left * left;
    }
done:
    ovp_free(ctx, r);
    if (status != OVP_OK) linear_path_free(ctx, out);
    return status;
}

void linear_path_free(ovp_ctx *ctx, linear_path *path) {
    ovp_free(ctx, path->start);
    *path = (linear_path){.spectrum = NULL};
}

/* 2 eta lambda_i / n. */
static double pace(const linear_path *path, ovp_idx i) {
    return path->rate * path->spectrum->s[i] * path->spectrum->s[i];
}

int linear_path_stable(const linear_path *path) {
    return pace(path, 0) <= 2;
}

/* q_i^t for a whole number t; the limit is 0 in the directions that count and 1 in the others. */
static double decay(const linear_path *path, ovp_idx i, double t) {
    const double x = pace(path, i);
    if (isinf(t)) return i < path->spectrum->rank ? 0 : 1;
    if (t <= 0) return 1;
    if (x < 1) return exp(t * log1p(-x));
    const double size = pow(x - 1, t);
    return fmod(t, 2) > 0 ? -size : size;
}

/* 1 - q_i^t without cancellation. */
static double travelled(const linear_path *path, ovp_idx i, double t) {
    const double x = pace(path, i);
    return x < 1 && t > 0 && !isinf(t) ? -expm1(t * log1p(-x)) : 1 - decay(path, i, t);
}

double linear_path_loss(const linear_path *path, double t) {
    double sum = path->rest;
    for (ovp_idx i = 0; i < path->spectrum->k; i++) {
        const double c = path->start[i] * decay(path, i, t);
        sum += c * c;
    }
    return sum / (double)path->spectrum->n;
}

/* What theta gains along v_i; a direction with s_i = 0 is never taken. */
static double gain(const linear_path *path, ovp_idx i, double t) {
    const double s = path->spectrum->s[i];
    return s > 0 ? -path->start[i] * travelled(path, i, t) / s : 0;
}

double linear_path_movement(const linear_path *path, double t) {
    double sum = 0;
    for (ovp_idx i = 0; i < path->spectrum->k; i++) sum += gain(path, i, t) * gain(path, i, t);
    return sqrt(sum);
}

void linear_path_theta(const linear_path *path, double t, const double *theta0, double *theta) {
    const linear_spectrum *s = path->spectrum;
    memcpy(theta, theta0, (size_t)s->p * sizeof *theta);
    for (ovp_idx i = 0; i < s->k; i++) {
        const double along = gain(path, i, t);
        for (ovp_idx j = 0; j < s->p; j++) theta[j] += along * s->vt[i * s->p + j];
    }
}

void linear_spread(double out[3], ovp_idx n, double *values) {
    out[1] = out[2] = NAN;
    for (ovp_idx i = 0; i < n; i++) {
        if (!isfinite(values[i])) continue;
        out[1] = fmin(values[i], out[1]); /* fmin and fmax pass over the NaN */
        out[2] = fmax(values[i], out[2]);
    }
    out[0] = ovp_measure_median_in_place(n, values);
}

/* ---- keys ---------------------------------------------------------------------------------------- */

double linear_tolerance(ovp_numeric_type type) {
    return type == OVP_F32 ? 3e-6 : 1e-13;
}

ovp_status linear_check(ovp_ctx *ctx, const ovp_params *params) {
    ovp_idx count;
    const int64_t *dims = ovp_params_ints(params, "feature-dims", &count);
    if (strcmp(ovp_params_text(params, "rng"), "numpy") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng numpy: allowed torch (initialisations from torch, data from numpy) and philox");
    for (ovp_idx i = 0; i < count; i++) {
        if (dims[i] % 2 != 0)
            return ovp_fail(ctx, OVP_EINVAL, "--feature-dims: %lld is odd; features come in pairs (sin, cos)",
                            (long long)dims[i]);
        for (ovp_idx j = 0; j < i; j++)
            if (dims[j] == dims[i])
                return ovp_fail(ctx, OVP_EINVAL, "--feature-dims: %lld is given twice; --members asks for more nets",
                                (long long)dims[i]);
    }
    return OVP_OK;
}
