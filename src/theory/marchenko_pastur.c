/* The law of Marchenko and Pastur. With a, b the edges, m = (a + b) / 2 and R(t) = sqrt((b - t)(t - a)),
 *   int_a^x R(t) / t dt = R(x) + m (A + pi/2) - sqrt(a b) (B + pi/2),
 *   A = atan2(2 x - a - b, 2 R(x)),  B = atan2((a + b) x - 2 a b, 2 sqrt(a b) R(x)),
 * the arc sines of the usual table of integrals, written so that they keep their digits at the edges. */
#include <overparam/theory.h>

#include <math.h>

static const double pi = 3.14159265358979323846;

ovp_status ovp_theory_marchenko_pastur_make(ovp_theory_marchenko_pastur *out, ovp_ctx *ctx, double aspect,
                                            double variance) {
    *out = (ovp_theory_marchenko_pastur){.aspect = 0};
    if (!(aspect > 0) || !isfinite(aspect))
        return ovp_fail(ctx, OVP_EINVAL, "Marchenko-Pastur law: aspect %g (rows / columns) must be finite and above 0",
                        aspect);
    if (!(variance > 0) || !isfinite(variance))
        return ovp_fail(ctx, OVP_EINVAL, "Marchenko-Pastur law: variance %g must be finite and above 0", variance);
    const double root = sqrt(aspect);
    *out = (ovp_theory_marchenko_pastur){.aspect = aspect,
                                         .variance = variance,
                                         .low = variance * (1 - root) * (1 - root),
                                         .high = variance * (1 + root) * (1 + root),
                                         .zero = aspect > 1 ? 1 - 1 / aspect : 0};
    return OVP_OK;
}

double ovp_theory_marchenko_pastur_density(const ovp_theory_marchenko_pastur *law, double x) {
    if (isnan(x)) return NAN;
    if (x < law->low || x > law->high) return 0;
    return sqrt((law->high - x) * (x - law->low)) / (2 * pi * law->variance * law->aspect * x);
}

/* Mass of the density up to x. */
static double mass(const ovp_theory_marchenko_pastur *law, double x) {
    const double a = law->low, b = law->high, whole = 1 - law->zero;
    if (x <= a) return 0;
    if (x >= b) return whole;
    const double r = sqrt((b - x) * (x - a));
    const double root = law->variance * fabs(1 - law->aspect); /* sqrt(a b) */
    const double first = atan2(2 * x - a - b, 2 * r) + pi / 2;
    const double second = atan2((a + b) * x - 2 * a * b, 2 * root * r) + pi / 2;
    const double value = (r + (a + b) / 2 * first - root * second) / (2 * pi * law->variance * law->aspect);
    return fmin(fmax(value, 0), whole);
}

double ovp_theory_marchenko_pastur_cdf(const ovp_theory_marchenko_pastur *law, double x) {
    if (isnan(x)) return NAN;
    return x < 0 ? 0 : law->zero + mass(law, x);
}

double ovp_theory_marchenko_pastur_distance(const ovp_theory_marchenko_pastur *law, ovp_idx count,
                                            const double *values) {
    double worst = count > 0 ? 0 : (double)NAN;
    for (ovp_idx i = 0; i < count;) {
        ovp_idx next = i + 1; /* values[i .. next) are equal */
        if (!isfinite(values[i])) return NAN;
        while (next < count && values[next] <= values[i]) next++;
        const double after = ovp_theory_marchenko_pastur_cdf(law, values[i]);
        const double jump = values[i] >= 0 && values[i] <= 0 ? law->zero : 0;
        const double above = fabs((double)next / (double)count - after);
        const double below = fabs((double)i / (double)count - (after - jump));
        worst = fmax(worst, fmax(above, below));
        i = next;
    }
    return worst;
}
