/* Student's t quantile. With x = df / (df + t^2) the two probabilities are regularised incomplete beta functions,
 *   P(|T| > t) = I_x(df/2, 1/2),   P(|T| <= t) = I_{1-x}(1/2, df/2)
 * (Abramowitz & Stegun 26.7.1, 26.5.1). Whichever of the two is at most one half is matched, in logarithms of it and of
 * t, where the curve is nearly straight; so neither end loses digits. */
#include <overparam/numeric.h>

#include <assert.h>
#include <math.h>

/* From here on the normal quantile and its expansion in 1 / df are exact to rounding. */
#define NEARLY_NORMAL 1e5

/* log(Gamma(a + 1/2) / Gamma(a)): the asymptotic series where the difference of two lgamma would cancel. */
static double log_gamma_ratio(double a) {
    int sign;
    if (a < 20) return lgamma_r(a + 0.5, &sign) - lgamma_r(a, &sign);
    double z = 1 / (a * a);
    return 0.5 * log(a) - (1.0 / 8 - z * (1.0 / 192 - z * (1.0 / 640 - z * 17.0 / 14336))) / a;
}

/* I_x(a, 1/2) a B(a, 1/2) / (x^a (1-x)^(1/2)): continued fraction A&S 26.5.8 by Lentz's method; quick for
 * x < (a + 1) / (a + 5/2). */
static double tail_fraction(double a, double x) {
    const double tiny = 1e-300;
    double c = 1, d = 1 / (1 - (a + 0.5) * x / (a + 1)), f = d;
    for (int m = 1; m < 10000; m++) {
        double even = m * (0.5 - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / (1 + even * d);
        c = fmax(1 + even / c, tiny);
        f *= d * c;
        double odd = -(a + m) * (a + 0.5 + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + odd * d);
        c = fmax(1 + odd / c, tiny);
        f *= d * c;
        if (fabs(d * c - 1) < 2e-16) break;
    }
    return f;
}

/* P(|T| <= t) / (2 t density(t)): power series A&S 26.5.4 in y = 1 - x, all of its terms positive. */
static double inner_series(double a, double y) {
    double term = 1, sum = 1;
    for (int n = 0; n < 10000 && term > sum * 1e-17; n++) {
        term *= (a + 0.5 + n) / (1.5 + n) * y;
        sum += term;
    }
    return sum;
}

/* The smaller-by-choice probability (tail or not) at t > 0, and *slope = t times the density. df INFINITY: normal. */
static double probability(double t, double df, int tail, double *slope) {
    if (isinf(df)) {
        *slope = t * exp(-0.5 * t * t) / sqrt(2 * M_PI);
        return tail ? erfc(t * M_SQRT1_2) : erf(t * M_SQRT1_2);
    }
    double a = df / 2, square = t / df * t, x = 1 / (1 + square), y = square * x;
    *slope = exp(log_gamma_ratio(a) - 0.5 * log(M_PI * df) - (df + 1) / 2 * log1p(square) + log(t));
    if (tail && x < (a + 1) / (a + 2.5)) return *slope / a * tail_fraction(a, x);
    double inner = 2 * *slope * inner_series(a, y);
    return tail ? 1 - inner : inner;
}

/* t with P(|T| > t) = p (tail) or P(|T| <= t) = p: Newton's method on log p over log t, kept inside a bracket. */
static double solve(double p, double df, int tail) {
    double low = -700, high = 300, u = 0;
    for (int i = 0; i < 200 && high - low > 1e-15; i++) {
        double slope, q = probability(exp(u), df, tail, &slope), off = log(q / p);
        int too_small = tail ? q > p : q < p;
        if (too_small)
            low = u;
        else
            high = u;
        double next = u - off * q / (tail ? -2 * slope : 2 * slope);
        if (!(next >= low && next <= high)) next = low + (high - low) / 2;
        if (fabs(next - u) < 1e-15) break;
        u = next;
    }
    return exp(u);
}

double ovp_numeric_student_t(double confidence, double df) {
    assert(confidence > 0 && confidence < 1 && df >= 1);
    int tail = confidence >= 0.5; /* then 1 - confidence is exact */
    double p = tail ? 1 - confidence : confidence;
    if (df <= NEARLY_NORMAL) return solve(p, df, tail);
    double z = solve(p, INFINITY, tail), s = z * z;
    /* A&S 26.7.5. */
    return z * (1 + ((s + 1) / 4 + ((5 * s + 16) * s + 3) / (96 * df) +
                     (((3 * s + 19) * s + 17) * s - 15) / (384 * df * df)) /
                        df);
}
