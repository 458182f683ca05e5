/* Statistics of summary tables: power-law fits, means with intervals, rank correlation. */
#include <math.h>
#include <overparam/measure.h>
#include <stdlib.h>

ovp_status ovp_measure_fit_power_law(ovp_measure_power_law *out, ovp_ctx *ctx, ovp_idx n, const double *x,
                                     const double *y) {
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
    ovp_idx count = 0;
    *out = (ovp_measure_power_law){NAN, NAN, NAN, 0};
    for (ovp_idx i = 0; i < n; i++) {
        if (!(x[i] > 0 && y[i] > 0 && isfinite(x[i]) && isfinite(y[i]))) continue;
        mean_x += log(x[i]);
        mean_y += log(y[i]);
        count++;
    }
    out->count = count;
    if (count > 0) {
        mean_x /= (double)count;
        mean_y /= (double)count;
    }
    /* Two passes: centred sums keep their digits when the points lie close together. */
    for (ovp_idx i = 0; i < n; i++) {
        if (!(x[i] > 0 && y[i] > 0 && isfinite(x[i]) && isfinite(y[i]))) continue;
        double dx = log(x[i]) - mean_x, dy = log(y[i]) - mean_y;
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    /* Equal x leave only the rounding of their mean behind. */
    if (!(xx > 1e-24 * (1 + mean_x * mean_x)))
        return ovp_fail(ctx, OVP_ENUMERIC,
                        "power-law fit: %lld usable point(s) of %lld, all at one x; give at least two different x > 0",
                        (long long)count, (long long)n);
    out->exponent = xy / xx;
    out->intercept = mean_y - out->exponent * mean_x;
    out->r2 = yy > 0 ? xy * xy / (xx * yy) : 1;
    return OVP_OK;
}

ovp_measure_interval ovp_measure_mean(ovp_idx n, const double *values) {
    ovp_measure_interval out = {n, NAN, NAN, NAN};
    double mean = 0, square = 0;
    if (n < 1) return out;
    for (ovp_idx i = 0; i < n; i++) mean += values[i];
    mean /= (double)n;
    if (!isfinite(mean)) return out;
    out.mean = mean;
    if (n < 2) return out;
    for (ovp_idx i = 0; i < n; i++) square += (values[i] - mean) * (values[i] - mean);
    double half = ovp_numeric_student_t(.95, (double)(n - 1)) * sqrt(square / (double)(n - 1)) / sqrt((double)n);
    out.low = mean - half;
    out.high = mean + half;
    return out;
}

/* 1-based rank of v[i] among the pairs in use; equal values share the mean of their ranks. */
static double rank_of(ovp_idx n, const double *v, const double *x, const double *y, ovp_idx i) {
    ovp_idx below = 0, equal = 0;
    for (ovp_idx j = 0; j < n; j++) {
        if (!isfinite(x[j]) || !isfinite(y[j])) continue;
        below += v[j] < v[i];
        equal += v[j] == v[i];
    }
    return (double)below + .5 * (double)(equal + 1);
}

double ovp_measure_rank_correlation(ovp_idx n, const double *x, const double *y) {
    double xx = 0, yy = 0, xy = 0, middle = 0;
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < n; i++) count += isfinite(x[i]) && isfinite(y[i]);
    middle = .5 * (double)(count + 1);
    for (ovp_idx i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) continue;
        double a = rank_of(n, x, x, y, i) - middle, b = rank_of(n, y, x, y, i) - middle;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}

/* NaN and infinities go last, so that the finite values are a prefix. */
static int finite_order(const void *a, const void *b) {
    double u = *(const double *)a, v = *(const double *)b;
    if (!isfinite(u) || !isfinite(v)) return !isfinite(u) - !isfinite(v);
    return (u > v) - (u < v);
}

double ovp_measure_median_in_place(ovp_idx n, double *values) {
    ovp_idx count = 0;
    if (n < 1) return NAN;
    qsort(values, (size_t)n, sizeof *values, finite_order);
    while (count < n && isfinite(values[count])) count++;
    if (count == 0) return NAN;
    return .5 * (values[(count - 1) / 2] + values[count / 2]);
}
