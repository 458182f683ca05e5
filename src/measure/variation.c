/* p-variation of a path: arguments, choice of the method, the partition. */
#include <math.h>

#include "measure/variation_int.h"

static ovp_status check_arguments(ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x, ovp_measure_norm norm,
                                  double p) {
    if (n < 1) return ovp_fail(ctx, OVP_EINVAL, "p-variation: a path of %lld points; at least 1", (long long)n);
    if (d < 1) return ovp_fail(ctx, OVP_EINVAL, "p-variation: points of dimension %lld; at least 1", (long long)d);
    if (norm < OVP_NORM_L2 || norm > OVP_NORM_LINF)
        return ovp_fail(ctx, OVP_EINVAL, "p-variation: unknown norm %d", (int)norm);
    if (!(p >= 1) || isinf(p)) return ovp_fail(ctx, OVP_EINVAL, "p-variation: p = %g; allowed: finite, from 1 on", p);
    for (ovp_idx i = 0; i < n * d; i++)
        if (!isfinite(x[i]))
            return ovp_fail(ctx, OVP_EINVAL,
                            "p-variation: point %lld, coordinate %lld (from 0) is %g; it must be finite",
                            (long long)(i / d), (long long)(i % d), x[i]);
    return OVP_OK;
}

/* Exponent of the power of two by which the path is scaled down: the greatest distance of a point from the first one is
 * brought into [1/2, 1), so that the greatest of all distances is between 1/2 and 2 and its power a number for p up to
 * 1000. Up to p = 64 each coordinate's distance is enough. *moves: 0 for a constant path. */
static int exponent_of(const ovp_variation_path *path, int *moves) {
    const ovp_idx n = path->n, d = path->d;
    const double *x = path->x;
    double range = 0;
    int coarse = 0, fine = 0;
    for (ovp_idx i = 1; i < n; i++)
        for (ovp_idx k = 0; k < d; k++) {
            const double distance = fabs(x[i * d + k] / 2 - x[k] / 2); /* halves: no overflow */
            range = distance > range ? distance : range;
        }
    *moves = range > 0;
    if (!*moves) return 0;
    frexp(range, &coarse);
    coarse = coarse < -1000 ? -1000 : coarse + 1;
    if (d == 1 || path->exponent.p <= 64) return coarse;
    range = 0;
    for (ovp_idx i = 1; i < n; i++)
        range = fmax(range, ovp_measure_variation_distance(d, x, x + i * d, ldexp(1, -coarse), path->norm));
    frexp(range, &fine);
    return coarse + fine;
}

static ovp_status out_of_range(ovp_ctx *ctx, int exponent, double p) {
    return ovp_fail(ctx, OVP_ENUMERIC,
                    "p-variation: distances of about 2^%d to the power of %g leave the range of numbers; scale the "
                    "path by s (the result by s^p) or lower p",
                    exponent, p);
}

/* value 2^(exponent p), value > 0. */
static ovp_status scale_back(double *value, ovp_ctx *ctx, int exponent, double p) {
    const double whole = floor(exponent * p);
    *value = ldexp(*value * exp2(exponent * p - whole), (int)fmin(fmax(whole, -1e6), 1e6));
    return *value > 0 && isfinite(*value) ? OVP_OK : out_of_range(ctx, exponent, p);
}

static int same_point(const ovp_variation_path *path, ovp_idx i, ovp_idx j) {
    const double *a = path->x + i * path->d, *b = path->x + j * path->d;
    for (ovp_idx k = 0; k < path->d; k++)
        if (a[k] != b[k]) return 0;
    return 1;
}

/* Rising, and without steps from a point to itself, which methods may leave where the path stands still. */
static void arrange(const ovp_variation_path *path, ovp_variation_partition *partition) {
    ovp_idx *index = partition->index, kept = 0;
    for (ovp_idx i = 0, j = partition->count - 1; i < j; i++, j--) {
        const ovp_idx at = index[i];
        index[i] = index[j];
        index[j] = at;
    }
    for (ovp_idx i = 0; i < partition->count; i++)
        if (!kept || !same_point(path, index[kept - 1], index[i])) index[kept++] = index[i];
    partition->count = kept;
}

/* p = 1 in R^d: the triangle inequality leaves nothing to choose. */
static double length(const ovp_variation_path *path, ovp_variation_partition *partition) {
    const ovp_idx d = path->d;
    double sum = 0;
    for (ovp_idx i = path->n - 1; i >= 0; i--) {
        if (partition) partition->index[partition->count++] = i;
        if (i)
            sum += ovp_measure_variation_distance(d, path->x + (i - 1) * d, path->x + i * d, path->scale, path->norm);
    }
    return sum;
}

static double stay(ovp_variation_partition *partition) {
    if (partition) partition->index[partition->count++] = 0;
    return 0;
}

/* V_p of the path times 2^-exponent. */
static ovp_status scaled_variation(double *value, int *exponent, ovp_ctx *ctx, ovp_variation_path *path,
                                   ovp_variation_partition *partition) {
    const double p = path->exponent.p;
    int moves = 0;
    ovp_status status;
    OVP_TRY(check_arguments(ctx, path->n, path->d, path->x, path->norm, p));
    *exponent = exponent_of(path, &moves);
    path->scale = ldexp(1, -*exponent);
    if (!moves)
        *value = stay(partition);
    else if (path->d == 1)
        OVP_TRY(ovp_measure_variation_line(value, ctx, path, partition));
    else if (p > 1)
        OVP_TRY(ovp_measure_variation_space(value, ctx, path, partition, path->d >= OVP_VARIATION_SHARED_FROM));
    else
        *value = length(path, partition);
    if (moves && !(*value > 0 && isfinite(*value))) status = out_of_range(ctx, *exponent, p);
done:
    return status;
}

ovp_status ovp_measure_p_variation(double *value, ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x,
                                   ovp_measure_norm norm, double p, ovp_idx *partition, ovp_idx *parts) {
    ovp_variation_path path = {.n = n, .d = d, .x = x, .norm = norm, .exponent = ovp_variation_exponent_of(p)};
    ovp_variation_partition found = {partition, 0};
    int exponent;
    ovp_status status;
    OVP_TRY(scaled_variation(value, &exponent, ctx, &path, partition ? &found : NULL));
    if (*value > 0) OVP_TRY(scale_back(value, ctx, exponent, p));
    arrange(&path, &found);
    if (parts) *parts = found.count;
done:
    if (status != OVP_OK) *value = NAN;
    return status;
}

ovp_status ovp_measure_p_variation_root(double *root, ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x,
                                        ovp_measure_norm norm, double p) {
    ovp_variation_path path = {.n = n, .d = d, .x = x, .norm = norm, .exponent = ovp_variation_exponent_of(p)};
    int exponent;
    ovp_status status;
    OVP_TRY(scaled_variation(root, &exponent, ctx, &path, NULL));
    *root = ldexp(pow(*root, 1 / p), exponent);
    if (isinf(*root)) status = out_of_range(ctx, exponent, 1);
done:
    if (status != OVP_OK) *root = NAN;
    return status;
}
