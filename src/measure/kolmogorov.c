/* Two samples: the test of Kolmogorov and Smirnov. */
#include <math.h>
#include <overparam/measure.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double ovp_measure_kolmogorov_in_place(ovp_idx n, double *a, ovp_idx m, double *b) {
    double worst = 0;
    ovp_idx i = 0, j = 0;
    if (n < 1 || m < 1) return NAN;
    qsort(a, (size_t)n, sizeof *a, ascending);
    qsort(b, (size_t)m, sizeof *b, ascending);
    while (i < n && j < m) {
        const double at = fmin(a[i], b[j]); /* equal values of both samples count before the comparison */
        while (i < n && a[i] <= at) i++;
        while (j < m && b[j] <= at) j++;
        worst = fmax(worst, fabs((double)i / (double)n - (double)j / (double)m));
    }
    return worst;
}

double ovp_measure_kolmogorov_p(double distance, ovp_idx n, ovp_idx m) {
    const double root = sqrt((double)n / (double)(n + m) * (double)m);
    const double lambda = (root + .12 + .11 / root) * distance;
    double sum = 0, sign = 2;
    if (!(lambda == lambda)) return NAN;
    if (lambda < .2) return 1; /* 1 to 13 digits; the series there needs many terms */
    for (int k = 1; k <= 100; k++, sign = -sign) {
        const double term = exp(-2 * (double)(k * k) * lambda * lambda);
        sum += sign * term;
        if (term < 1e-17) break;
    }
    return fmin(fmax(sum, 0), 1);
}
