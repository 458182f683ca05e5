/* Training under a constant tangent kernel, in closed form: one eigendecomposition, then any time. */
#include "kernel/solve_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const char who[] = "kernel predictor";

struct ovp_kernel_predictor {
    ovp_ctx *ctx; /* for memory alone */
    ovp_idx n, tests, c;
    double *values, *vectors; /* n ascending eigenvalues of Theta + lambda I, clamped; rows unit vectors v_i */
    double *test;             /* tests x n: Theta(x, X) v_i */
    double *k, *k_test;       /* V K V^T (n x n), K(x, X) V^T (tests x n); NULL: no covariances */
    double *k_test_test;
    int loss;
    ovp_kernel_predict_report report;
};

/* ---- losses ---- */

enum { HALF_MEAN, MEAN, SAMPLE_MEAN, HALF_SUM, LOSSES };
static const char *const loss_names[LOSSES] = {"half-mean", "mean", "sample-mean", "half-sum"};

/* The loss of rows samples is this times the sum of squares; the rate of the residual is twice that. */
static double loss_scale(int loss, ovp_idx rows, ovp_idx c) {
    const double samples = (double)rows, all = samples * (double)c;
    return loss == HALF_MEAN ? .5 / all : loss == MEAN ? 1 / all : loss == SAMPLE_MEAN ? .5 / samples : .5;
}

static ovp_status find_loss(int *out, ovp_ctx *ctx, const char *name) {
    for (*out = 0; *out < LOSSES; ++*out)
        if (strcmp(name ? name : loss_names[HALF_MEAN], loss_names[*out]) == 0) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: loss '%s'; allowed: half-mean, mean, sample-mean, half-sum", who, name);
}

/* ---- making one ---- */

static ovp_status check_options(ovp_ctx *ctx, const ovp_kernel_predict_options *o, ovp_idx c) {
    const ovp_idx n = o->n, m = o->tests;
    ovp_status status = OVP_OK;
    if (n < 1 || m < 0 || c < 1)
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld training points, %lld others, %lld outputs; at least 1, 0 and 1",
                        who, (long long)n, (long long)m, (long long)c);
    if (!o->theta || (m > 0 && !o->theta_test))
        return ovp_fail(ctx, OVP_EINVAL, "%s: Theta(X, X)%s needed", who, m > 0 ? " and Theta(x, X) are" : " is");
    if (!o->k != !o->k_test_test || !o->k != !o->k_test || (o->k && m == 0))
        return ovp_fail(ctx, OVP_EINVAL, "%s: covariances need all of K(X, X), K(x, X) and K(x, x)", who);
    OVP_TRY(ovp_kernel_check_finite(ctx, "Theta(X, X)", OVP_F64, n, n, o->theta));
    OVP_TRY(ovp_kernel_check_finite(ctx, "Theta(x, X)", OVP_F64, m, n, o->theta_test));
    if (!o->k) return OVP_OK;
    OVP_TRY(ovp_kernel_check_finite(ctx, "K(X, X)", OVP_F64, n, n, o->k));
    OVP_TRY(ovp_kernel_check_finite(ctx, "K(x, X)", OVP_F64, m, n, o->k_test));
    OVP_TRY(ovp_kernel_check_finite(ctx, "K(x, x)", OVP_F64, m, m, o->k_test_test));
done:
    return status;
}

static ovp_status decompose(ovp_kernel_predictor *t, ovp_ctx *ctx, const ovp_kernel_predict_options *o) {
    ovp_status status = OVP_OK;
    const ovp_idx n = t->n;
    double *sum = NULL, trace = 0;
    ovp_kernel_predict_report *r = &t->report;
    OVP_TRY(ovp_alloc(ctx, &sum, n * n, sizeof *sum));
    OVP_TRY(ovp_alloc(ctx, &t->values, n, sizeof *t->values));
    OVP_TRY(ovp_alloc(ctx, &t->vectors, n * n, sizeof *t->vectors));
    for (ovp_idx i = 0; i < n; i++) trace += o->theta[i * n + i];
    OVP_TRY(ovp_kernel_ridge(&r->lambda, ctx, who, o->ridge, o->ridge_scale, trace, n));
    memcpy(sum, o->theta, (size_t)(n * n) * sizeof *sum);
    for (ovp_idx i = 0; i < n; i++) sum[i * n + i] += r->lambda;
    OVP_TRY(ovp_numeric_eigh(t->values, t->vectors, ctx, n, sum));
    for (ovp_idx i = 0; i < n; i++) {
        r->clamped += t->values[i] < 0;
        t->values[i] = fmax(t->values[i], 0);
        r->negligible += t->values[i] <= (double)n * DBL_EPSILON * t->values[n - 1];
    }
    r->largest = t->values[n - 1];
    r->smallest = t->values[0];
    if (!(r->largest > 0))
        status =
            ovp_fail(ctx, OVP_ENUMERIC, "%s: no eigenvalue of Theta(X, X) is positive: it is no kernel matrix", who);
done:
    ovp_free(ctx, sum);
    return status;
}

/* *out (rows x n) = values V^T, values rows x n. */
static ovp_status project(double **out, ovp_ctx *ctx, const ovp_kernel_predictor *t, ovp_idx rows,
                          const double *values) {
    ovp_status status = OVP_OK;
    const ovp_idx n = t->n;
    double *columns = NULL;
    OVP_TRY(ovp_alloc(ctx, out, rows * n, sizeof **out));
    OVP_TRY(ovp_alloc(ctx, &columns, n * n, sizeof *columns));
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx j = 0; j < n; j++) columns[j * n + i] = t->vectors[i * n + j];
    status = ovp_kernel_product(ctx, OVP_F64, 0, rows, n, n, 1, values, n, columns, n, 0, *out, n);
done:
    ovp_free(ctx, columns);
    return status;
}

static ovp_status keep_covariances(ovp_kernel_predictor *t, ovp_ctx *ctx, const ovp_kernel_predict_options *o) {
    ovp_status status = OVP_OK;
    const ovp_idx n = t->n, m = t->tests;
    double *right = NULL;
    OVP_TRY(project(&t->k_test, ctx, t, m, o->k_test));
    OVP_TRY(project(&right, ctx, t, n, o->k));
    OVP_TRY(ovp_alloc(ctx, &t->k, n * n, sizeof *t->k));
    OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 0, n, n, n, 1, t->vectors, n, right, n, 0, t->k, n));
    OVP_TRY(ovp_alloc(ctx, &t->k_test_test, m * m, sizeof *t->k_test_test));
    memcpy(t->k_test_test, o->k_test_test, (size_t)(m * m) * sizeof *t->k_test_test);
done:
    ovp_free(ctx, right);
    return status;
}

ovp_status ovp_kernel_predict_create(ovp_kernel_predictor **out, ovp_ctx *ctx,
                                     const ovp_kernel_predict_options *options) {
    ovp_status status = OVP_OK;
    const ovp_kernel_predict_options *o = options;
    const ovp_idx c = o->c ? o->c : 1;
    ovp_kernel_predictor *t = NULL;
    *out = NULL;
    OVP_TRY(check_options(ctx, o, c));
    OVP_TRY(ovp_alloc(ctx, &t, 1, sizeof *t));
    t->ctx = ctx;
    t->n = o->n;
    t->tests = o->tests;
    t->c = c;
    OVP_TRY(find_loss(&t->loss, ctx, o->loss));
    t->report.rate = 2 * loss_scale(t->loss, t->n, c);
    OVP_TRY(decompose(t, ctx, o));
    if (t->tests > 0) OVP_TRY(project(&t->test, ctx, t, t->tests, o->theta_test));
    if (o->k) OVP_TRY(keep_covariances(t, ctx, o));
    *out = t;
    t = NULL;
done:
    ovp_kernel_predict_free(t);
    return status;
}

void ovp_kernel_predict_free(ovp_kernel_predictor *predictor) {
    if (!predictor) return;
    double *const owned[] = {predictor->values, predictor->vectors, predictor->test,
                             predictor->k,      predictor->k_test,  predictor->k_test_test};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) ovp_free(predictor->ctx, owned[i]);
    ovp_free(predictor->ctx, predictor);
}

const ovp_kernel_predict_report *ovp_kernel_predict_get_report(const ovp_kernel_predictor *predictor) {
    return &predictor->report;
}

double ovp_kernel_predict_largest_rate(const ovp_kernel_predictor *predictor, double momentum) {
    return 2 * (1 + momentum) / (predictor->report.rate * predictor->report.largest);
}

/* ---- times ---- */

static ovp_status check_time(ovp_ctx *ctx, const ovp_kernel_predictor *t, ovp_kernel_time time) {
    if (!(time.t >= 0)) return ovp_fail(ctx, OVP_EINVAL, "%s: time %g; 0 or more expected", who, time.t);
    if (!(time.eta >= 0) || isinf(time.eta))
        return ovp_fail(ctx, OVP_EINVAL, "%s: learning rate %g; a finite number of 0 (gradient flow) or more expected",
                        who, time.eta);
    if (time.eta == 0) return OVP_OK;
    if (isinf(time.t)) {
        const double most = ovp_kernel_predict_largest_rate(t, 0);
        if (time.eta < most) return OVP_OK;
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: gradient descent with learning rate %g has no limit; it must be below %.9g", who, time.eta,
                        most);
    }
    if (time.t == floor(time.t)) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: %g steps of gradient descent; a whole number expected", who, time.t);
}

/* What is left of the residual along an eigenvector of this value, minus 1: exp(-rate t value) - 1 or (1 - rate eta
 * value)^t - 1, without cancellation where it is small. */
static double lost(const ovp_kernel_predictor *t, ovp_kernel_time time, double value) {
    const double speed = t->report.rate * value;
    if (isinf(time.t)) return value > (double)t->n * DBL_EPSILON * t->report.largest ? -1 : 0;
    if (time.eta == 0) return expm1(-speed * time.t);
    const double step = time.eta * speed;
    if (time.t == 0) return 0;
    return step < 1 ? expm1(time.t * log1p(-step)) : pow(1 - step, time.t) - 1;
}

/* gain[i] = (1 - what is left) / value: of f at a test point per unit of Theta(x, X) v_i; its limit for value 0. */
static void gains(const ovp_kernel_predictor *t, ovp_kernel_time time, double *gain) {
    for (ovp_idx i = 0; i < t->n; i++) {
        if (t->values[i] > 0)
            gain[i] = -lost(t, time, t->values[i]) / t->values[i];
        else
            gain[i] = isinf(time.t) ? 0 : t->report.rate * time.t * (time.eta > 0 ? time.eta : 1);
    }
}

static ovp_status check_values(ovp_ctx *ctx, const ovp_kernel_predictor *t, ovp_kernel_time time, ovp_idx count,
                               const double *values) {
    for (ovp_idx i = 0; i < count; i++) {
        if (isfinite(values[i])) continue;
        return ovp_fail(ctx, OVP_ENUMERIC,
                        "%s: the values overflow at t = %g: gradient descent with learning rate %g diverges above %.9g",
                        who, time.t, time.eta, ovp_kernel_predict_largest_rate(t, 0));
    }
    return OVP_OK;
}

/* ---- means ---- */

/* *out (n x c) = V (y - f0). */
static ovp_status coordinates(double **out, ovp_ctx *ctx, const ovp_kernel_predictor *t, const double *y,
                              const double *f0) {
    ovp_status status = OVP_OK;
    const ovp_idx n = t->n, c = t->c;
    double *gap = NULL;
    OVP_TRY(ovp_kernel_check_finite(ctx, "targets", OVP_F64, n, c, y));
    if (f0) OVP_TRY(ovp_kernel_check_finite(ctx, "f_0 at the training points", OVP_F64, n, c, f0));
    OVP_TRY(ovp_alloc(ctx, out, n * c, sizeof **out));
    OVP_TRY(ovp_alloc(ctx, &gap, n * c, sizeof *gap));
    for (ovp_idx i = 0; i < n * c; i++) gap[i] = y[i] - (f0 ? f0[i] : 0);
    status = ovp_kernel_product(ctx, OVP_F64, 0, n, c, n, 1, t->vectors, n, gap, c, 0, *out, c);
done:
    ovp_free(ctx, gap);
    return status;
}

/* out (rows x c) = f0 + map (rows x n, or with transposed n x rows) diag(factor) gap; scratch n x c. */
static ovp_status evaluate(double *out, ovp_ctx *ctx, const ovp_kernel_predictor *t, ovp_idx rows, int transposed,
                           const double *map, const double *factor, const double *gap, const double *f0,
                           double *scratch) {
    const ovp_idx n = t->n, c = t->c;
    for (ovp_idx i = 0; i < n * c; i++) scratch[i] = factor[i / c] * gap[i];
    if (f0 && out != f0) memcpy(out, f0, (size_t)(rows * c) * sizeof *out);
    return ovp_kernel_product(ctx, OVP_F64, transposed, rows, c, n, 1, map, transposed ? rows : n, scratch, c,
                              f0 != NULL, out, c);
}

ovp_status ovp_kernel_predict_mean(double *train, double *test, ovp_ctx *ctx, const ovp_kernel_predictor *predictor,
                                   ovp_kernel_time time, const double *y, const double *f0_train,
                                   const double *f0_test) {
    const ovp_kernel_predictor *t = predictor;
    ovp_status status = OVP_OK;
    const ovp_idx n = t->n, c = t->c;
    double *gap = NULL, *scratch = NULL;
    OVP_TRY(check_time(ctx, t, time));
    OVP_TRY(coordinates(&gap, ctx, t, y, f0_train));
    if (test && f0_test)
        OVP_TRY(ovp_kernel_check_finite(ctx, "f_0 at the other points", OVP_F64, t->tests, c, f0_test));
    OVP_TRY(ovp_alloc(ctx, &scratch, n * (c + 1), sizeof *scratch));
    double *factor = scratch + n * c;
    if (train) {
        for (ovp_idx i = 0; i < n; i++) factor[i] = -lost(t, time, t->values[i]);
        OVP_TRY(evaluate(train, ctx, t, n, 1, t->vectors, factor, gap, f0_train, scratch));
        OVP_TRY(check_values(ctx, t, time, n * c, train));
    }
    if (test && t->tests > 0) {
        gains(t, time, factor);
        OVP_TRY(evaluate(test, ctx, t, t->tests, 0, t->test, factor, gap, f0_test, scratch));
        OVP_TRY(check_values(ctx, t, time, t->tests * c, test));
    }
done:
    ovp_free(ctx, gap);
    ovp_free(ctx, scratch);
    return status;
}

/* ---- covariances ---- */

ovp_status ovp_kernel_predict_covariance(double *cov, ovp_ctx *ctx, const ovp_kernel_predictor *predictor,
                                         ovp_kernel_time time) {
    const ovp_kernel_predictor *t = predictor;
    ovp_status status = OVP_OK;
    const ovp_idx n = t->n, m = t->tests;
    double *block = NULL;
    if (!t->k) return ovp_fail(ctx, OVP_EINVAL, "%s: made without K, which covariances need", who);
    OVP_TRY(check_time(ctx, t, time));
    OVP_TRY(ovp_alloc(ctx, &block, n + 2 * m * n + n * m, sizeof *block));
    double *gain = block, *a = gain + n, *left = a + m * n, *columns = left + m * n;
    gains(t, time, gain);
    /* All in the eigenbasis: cov = K_xx + (A K - K_xX) A^T - A K_Xx */
    for (ovp_idx i = 0; i < m * n; i++) a[i] = t->test[i] * gain[i % n];
    memcpy(left, t->k_test, (size_t)(m * n) * sizeof *left);
    OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 0, m, n, n, 1, a, n, t->k, n, -1, left, n));
    for (ovp_idx i = 0; i < m; i++)
        for (ovp_idx j = 0; j < n; j++) columns[j * m + i] = a[i * n + j];
    memcpy(cov, t->k_test_test, (size_t)(m * m) * sizeof *cov);
    OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 0, m, m, n, 1, left, n, columns, m, 1, cov, m));
    for (ovp_idx i = 0; i < m; i++)
        for (ovp_idx j = 0; j < n; j++) columns[j * m + i] = t->k_test[i * n + j];
    OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 0, m, m, n, -1, a, n, columns, m, 1, cov, m));
    for (ovp_idx i = 0; i < m; i++)
        for (ovp_idx j = 0; j < i; j++)
            cov[i * m + j] = cov[j * m + i] = cov[i * m + j] + .5 * (cov[j * m + i] - cov[i * m + j]);
    OVP_TRY(check_values(ctx, t, time, m * m, cov));
done:
    ovp_free(ctx, block);
    return status;
}

/* ---- losses ---- */

ovp_status ovp_kernel_predict_losses(double *train, double *test, ovp_ctx *ctx, const ovp_kernel_predictor *predictor,
                                     ovp_idx count, const ovp_kernel_time *times, const double *y,
                                     const double *f0_train, const double *y_test, const double *f0_test) {
    const ovp_kernel_predictor *t = predictor;
    ovp_status status = OVP_OK;
    const ovp_idx n = t->n, c = t->c, m = t->tests;
    const int wanted = test && y_test && m > 0;
    double *gap = NULL, *scratch = NULL, *f = NULL;
    if (wanted) OVP_TRY(ovp_kernel_check_finite(ctx, "targets of the other points", OVP_F64, m, c, y_test));
    if (wanted && f0_test) OVP_TRY(ovp_kernel_check_finite(ctx, "f_0 at the other points", OVP_F64, m, c, f0_test));
    OVP_TRY(coordinates(&gap, ctx, t, y, f0_train));
    OVP_TRY(ovp_alloc(ctx, &scratch, n * (c + 1), sizeof *scratch));
    OVP_TRY(ovp_alloc(ctx, &f, m * c, sizeof *f));
    for (ovp_idx k = 0; k < count; k++) {
        OVP_TRY(check_time(ctx, t, times[k]));
        double sum = 0;
        for (ovp_idx i = 0; i < n; i++) {
            const double left = 1 + lost(t, times[k], t->values[i]);
            for (ovp_idx j = 0; j < c; j++) sum += left * gap[i * c + j] * (left * gap[i * c + j]);
        }
        train[k] = loss_scale(t->loss, n, c) * sum;
        OVP_TRY(check_values(ctx, t, times[k], 1, &train[k]));
        if (!wanted) continue;
        gains(t, times[k], scratch + n * c);
        OVP_TRY(evaluate(f, ctx, t, m, 0, t->test, scratch + n * c, gap, f0_test, scratch));
        sum = 0;
        for (ovp_idx i = 0; i < m * c; i++) sum += (f[i] - y_test[i]) * (f[i] - y_test[i]);
        test[k] = loss_scale(t->loss, m, c) * sum;
        OVP_TRY(check_values(ctx, t, times[k], 1, &test[k]));
    }
done:
    ovp_free(ctx, gap);
    ovp_free(ctx, scratch);
    ovp_free(ctx, f);
    return status;
}
