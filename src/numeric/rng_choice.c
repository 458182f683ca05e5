/* numpy.random.choice, made of a stream's own uniforms, integers and shuffle: on a stream of kind numpy every value and
 * every word drawn are RandomState's (numpy/random/mtrand.pyx). */
#include "numeric/rng_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* How far the probabilities may be from summing to 1: numpy's bound, sqrt(2^-52). */
#define SUM_SLACK 0x1p-26

static ovp_status check_probabilities(ovp_ctx *ctx, ovp_idx a, ovp_idx n, int replace, const double *p) {
    double sum = 0.0, lost = 0.0; /* Kahan's sum */
    ovp_idx positive = 0;
    for (ovp_idx i = 0; i < a; i++) {
        if (!(p[i] >= 0.0) || !isfinite(p[i])) {
            return ovp_fail(ctx, OVP_EINVAL, "choice: probability %lld is %g; 0 or more expected", (long long)i, p[i]);
        }
        double term = p[i] - lost, next = sum + term;
        lost = (next - sum) - term;
        sum = next;
        positive += p[i] > 0.0;
    }
    if (fabs(sum - 1.0) > SUM_SLACK) {
        return ovp_fail(ctx, OVP_EINVAL, "choice: probabilities sum to %.17g; 1 expected", sum);
    }
    if (!replace && positive < n) {
        return ovp_fail(ctx, OVP_EINVAL, "choice: %lld different items asked for; %lld have a positive probability",
                        (long long)n, (long long)positive);
    }
    return OVP_OK;
}

/* Running sums of p, each divided by the last. */
static void cumulate(ovp_idx a, const double *p, double *cdf) {
    double sum = 0.0;
    for (ovp_idx i = 0; i < a; i++) cdf[i] = sum += p[i];
    for (ovp_idx i = 0; i < a; i++) cdf[i] /= sum;
}

/* Number of entries <= u. */
static ovp_idx look_up(ovp_idx a, const double *cdf, double u) {
    ovp_idx low = 0, high = a;
    while (low < high) {
        ovp_idx middle = low + (high - low) / 2;
        if (cdf[middle] <= u) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    assert(low < a); /* u < 1, the last entry */
    return low;
}

/* Rounds of uniforms; of each round the first occurrences are kept, and what was found gets probability 0. `left` and
 * `cdf` hold a values each, `u` n. */
static void draw_different(ovp_numeric_rng *rng, ovp_idx a, ovp_idx n, double *left, double *cdf, double *u,
                           int64_t *out) {
    ovp_idx found = 0;
    while (found < n) {
        ovp_idx wanted = n - found;
        ovp_numeric_rng_uniform(rng, OVP_F64, wanted, 0.0, 1.0, u);
        cumulate(a, left, cdf);
        for (ovp_idx i = 0; i < wanted; i++) {
            ovp_idx k = look_up(a, cdf, u[i]);
            if (left[k] > 0.0) out[found++] = k;
            left[k] = 0.0;
        }
    }
}

static ovp_status choose_by_probability(ovp_numeric_rng *rng, ovp_idx a, ovp_idx n, int replace, const double *p,
                                        int64_t *out) {
    ovp_status status = OVP_OK;
    double *cdf = NULL, *left = NULL, *u = NULL;
    OVP_TRY(check_probabilities(rng->ctx, a, n, replace, p));
    OVP_TRY(ovp_alloc(rng->ctx, &cdf, a, sizeof(*cdf)));
    if (replace) {
        cumulate(a, p, cdf);
        for (ovp_idx i = 0; i < n; i++) {
            double one;
            ovp_numeric_rng_uniform(rng, OVP_F64, 1, 0.0, 1.0, &one);
            out[i] = look_up(a, cdf, one);
        }
        goto done;
    }
    OVP_TRY(ovp_alloc(rng->ctx, &left, a, sizeof(*left)));
    OVP_TRY(ovp_alloc(rng->ctx, &u, n, sizeof(*u)));
    memcpy(left, p, (size_t)a * sizeof(*left));
    draw_different(rng, a, n, left, cdf, u, out);
done:
    ovp_free(rng->ctx, cdf);
    ovp_free(rng->ctx, left);
    ovp_free(rng->ctx, u);
    return status;
}

ovp_status ovp_numeric_numpy_choice(ovp_numeric_rng *rng, ovp_idx a, ovp_idx n, int replace, const double *p,
                                    int64_t *out) {
    ovp_status status = OVP_OK;
    int64_t *all = NULL;
    if (a < 1) {
        return ovp_fail(rng->ctx, OVP_EINVAL, "choice: from %lld items; 1 or more expected", (long long)a);
    }
    if (n < 0 || (!replace && n > a)) {
        return ovp_fail(rng->ctx, OVP_EINVAL,
                        "choice: %lld items asked for; 0 or more expected, without replacement at most all %lld",
                        (long long)n, (long long)a);
    }
    if (p) return choose_by_probability(rng, a, n, replace, p, out);
    if (replace) {
        ovp_numeric_rng_integers(rng, n, 0, a, out);
        return OVP_OK;
    }
    OVP_TRY(ovp_alloc(rng->ctx, &all, a, sizeof(*all)));
    ovp_numeric_rng_permutation(rng, a, all);
    if (n > 0) memcpy(out, all, (size_t)n * sizeof(*out));
done:
    ovp_free(rng->ctx, all);
    return status;
}
