/* What linearised training says of lazy-1d: how far a shallow net moves, with no free factor.
 *
 * Net f(x) = sum_j v_j phi(w_j x + b_j) + c with h units, ReLU, torch's default initialisation: w, b ~ U(-1, 1) (one
 * input), v, c ~ U(-1/sqrt(h), 1/sqrt(h)). Gradient descent with rate eta on L = |f - y|^2 / n. If the net stays at its
 * linearisation (Jacot, Gabriel and Hongler 2018; Lee et al. 2019), the residual r = f - y on the data follows
 *     r_T = (1 - s Theta)^T r_0,  s = 2 eta / n,  Theta = J J^T,
 * and the parameters move by
 *     theta_T - theta_0 = -s J^T sum_(t<T) r_t = -J^T M r_0,  M = s sum_(t<T) (1 - s Theta)^t,
 * so a tensor l of theta, with Theta_l = J_l J_l^T, has |theta_l,T - theta_l,0|^2 = r_0^T M Theta_l M r_0.
 *
 * Both sides are averaged over initialisations, Theta by its mean (its fluctuations are of relative size 1/sqrt(h)):
 * with A = E phi(wx+b) phi(wx'+b) and I = E phi'(wx+b) phi'(wx'+b) over w, b ~ U(-1, 1)
 *     Theta_v = h A,  Theta_c = 1,  Theta_w = x x' I / 3,  Theta_b = I / 3       (E v^2 = 1/(3h), h units)
 *     E r_0 r_0^T = y y^T + A / 3 + 1 / (3h)                                     (the start's outputs)
 *     E |v_0|^2 = 1/3,  E c_0^2 = 1/(3h),  E |w_0|^2 = E |b_0|^2 = h / 3.
 * Predicted relative movement = the square root of mean squared movement over mean squared norm.
 *
 * Exponents. Theta grows as h. Along an eigenvector of A with eigenvalue a, the movement is |r| / sqrt(h a) where
 * s T h a >> 1 (fitted) and s T |r| sqrt(h a) where s T h a << 1 (hardly begun). The read-out moves by nearly all of
 * it. Over the norms (2 h / 3 of all, 1/3 of the read-out): once everything that matters is fitted,
 *     all ~ h^(-1),  last layer ~ h^(-1/2),  output bias ~ h^(-1) / h^(-1/2) = h^(-1/2),
 * and for directions still being learnt all ~ h^0, last layer ~ h^(1/2): with equal numbers of steps the wider net,
 * whose rate is larger, has got further. Over a finite range of widths and steps the exponents lie in between; the
 * curve computed here has both. It is not for thin nets: their kernel moves, and units that die leave it. */
#include "lazy_1d_int.h"

#include <string.h>

/* ---- expectations -------------------------------------------------------------------------------- */

/* The kinks in w of the integral over b: where -w x or -w z meets -1, 1 or each other. Ascending, from -1 to 1. */
static int kinks(double x, double z, double at[7]) {
    int count = 0;
    at[count++] = -1;
    at[count++] = 0;
    at[count++] = 1;
    const double inputs[2] = {fabs(x), fabs(z)};
    for (int k = 0; k < 2; k++)
        if (inputs[k] > 1) {
            at[count++] = -1 / inputs[k];
            at[count++] = 1 / inputs[k];
        }
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && at[k - 1] > at[k]; k--) {
            const double swap = at[k];
            at[k] = at[k - 1];
            at[k - 1] = swap;
        }
    return count;
}

/* Integrals over b in [-1, 1] of the products at one w: b > low = max(-w x, -w z) where both units are on. */
static void over_bias(double w, double x, double z, double *value, double *slope) {
    const double p = w * x, q = w * z, low = fmin(fmax(fmax(-p, -q), -1), 1), length = 1 - low;
    const double middle = (1 + low) / 2;
    *slope = length;
    /* (b + p)(b + q), a parabola, about the middle of the interval */
    *value = length * ((middle + p) * (middle + q) + length * length / 12);
}

void lazy_1d_expectations(double x, double z, double *value, double *slope) {
    /* Between kinks the integrand is a cubic in w: Gauss and Legendre's two nodes are exact. */
    const double node = 1 / sqrt(3.0);
    double at[7];
    const int count = kinks(x, z, at);
    *value = *slope = 0;
    for (int k = 0; k + 1 < count; k++) {
        const double half = (at[k + 1] - at[k]) / 2, middle = (at[k + 1] + at[k]) / 2;
        for (int side = -1; side <= 1; side += 2) {
            double v, s;
            over_bias(middle + side * node * half, x, z, &v, &s);
            *value += half * v;
            *slope += half * s;
        }
    }
    *value /= 4; /* the density of (w, b) */
    *slope /= 4;
}

/* ---- linearised training ------------------------------------------------------------------------- */

/* out = a b, all n x n. */
static void multiply(ovp_idx n, const double *a, const double *b, double *out) {
    for (ovp_idx i = 0; i < n; i++) {
        double *row = out + i * n;
        for (ovp_idx k = 0; k < n; k++) row[k] = 0;
        for (ovp_idx j = 0; j < n; j++)
            for (ovp_idx k = 0; k < n; k++) row[k] += a[i * n + j] * b[j * n + k];
    }
}

/* sum = sum_(t<steps) step^t, by the binary digits of steps: from m terms and step^m to 2 m and to m + 1. */
static void geometric(ovp_idx n, const double *step, ovp_idx steps, double *sum, double *power, double *scratch) {
    const size_t bytes = (size_t)(n * n) * sizeof *sum;
    ovp_idx bit = 1;
    while (bit <= steps / 2) bit *= 2;
    for (ovp_idx i = 0; i < n * n; i++) sum[i] = power[i] = 0;
    for (ovp_idx i = 0; i < n; i++) power[i * n + i] = 1;
    for (; bit > 0; bit /= 2) {
        multiply(n, sum, power, scratch);
        for (ovp_idx i = 0; i < n * n; i++) sum[i] += scratch[i];
        multiply(n, power, power, scratch);
        memcpy(power, scratch, bytes);
        if (!(steps & bit)) continue;
        for (ovp_idx i = 0; i < n * n; i++) sum[i] += power[i];
        multiply(n, power, step, scratch);
        memcpy(power, scratch, bytes);
    }
}

static double trace_of_product(ovp_idx n, const double *a, const double *b) {
    double sum = 0;
    for (ovp_idx i = 0; i < n * n; i++) sum += a[i] * b[i]; /* both symmetric */
    return sum;
}

/* A of the head's comment, then Theta_w + Theta_b. */
static void kernels(ovp_idx n, const double *x, double *value, double *first) {
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx k = 0; k <= i; k++) {
            double v, s;
            lazy_1d_expectations(x[i], x[k], &v, &s);
            value[i * n + k] = value[k * n + i] = v;
            first[i * n + k] = first[k * n + i] = s / 3 * (x[i] * x[k] + 1);
        }
}

int lazy_1d_predicts(const lazy_1d_setup *setup) {
    return strcmp(setup->model, "shallow") == 0 && !lazy_1d_mini(setup) && setup->bad_steps == 0 &&
           setup->n <= LAZY_1D_THEORY_POINTS;
}

ovp_status lazy_1d_predict(lazy_1d_prediction *out, ovp_ctx *ctx, ovp_idx n, const double *x, const double *y,
                           double width, double lr, ovp_idx steps) {
    ovp_status status = OVP_OK;
    const ovp_idx square = n * n;
    const double s = 2 * lr / (double)n;
    double *a = NULL;
    OVP_TRY(ovp_alloc(ctx, &a, 8 * square, sizeof *a));
    double *first = a + square, *start = first + square, *step = start + square;
    double *sum = step + square, *power = sum + square, *scratch = power + square, *moved = scratch + square;
    kernels(n, x, a, first);
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx k = 0; k < n; k++) {
            const ovp_idx at = i * n + k;
            start[at] = y[i] * y[k] + a[at] / 3 + 1 / (3 * width);
            step[at] = (i == k ? 1 : 0) - s * (width * a[at] + 1 + first[at]);
        }
    geometric(n, step, steps, sum, power, scratch);
    multiply(n, sum, start, scratch);
    multiply(n, scratch, sum, moved);
    double ones = 0;
    for (ovp_idx i = 0; i < square; i++) ones += moved[i];
    const double bias = s * s * ones, read_out = s * s * width * trace_of_product(n, moved, a);
    const double rest = s * s * trace_of_product(n, moved, first);
    out->moved[0] = sqrt((bias + read_out + rest) / (2 * width / 3 + 1.0 / 3 + 1 / (3 * width)));
    out->moved[1] = sqrt((bias + read_out) / (1.0 / 3 + 1 / (3 * width)));
    out->moved[2] = sqrt(bias * 3 * width);
    multiply(n, power, start, scratch); /* power = step^steps */
    multiply(n, scratch, power, moved);
    out->loss = 0;
    for (ovp_idx i = 0; i < n; i++) out->loss += moved[i * n + i] / (double)n;
    /* Steps too long for the largest eigenvalue grow without bound: linearised training has no answer then. */
    const int grows = !(out->loss <= 1e6 * trace_of_product(n, start, start)) || !isfinite(out->moved[0]);
    for (int m = 0; grows && m < LAZY_1D_MEASURES; m++) out->moved[m] = out->loss = NAN;
done:
    ovp_free(ctx, a);
    return status;
}
