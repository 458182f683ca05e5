/* Least squares of C / (t + T0)^rho by variable projection (Golub and Pereyra 1973): for any rho and T0 the best C has
 * a closed form, so what is searched is rho alone, or T0 with the best rho of each. Both searches look at a grid over
 * all of the bounds first, then solve for a zero of the derivative between grid points. */
#include <overparam/measure.h>

#include <float.h>
#include <math.h>

/* The published program's bounds. */
#define SCALE_MOST 3.0
#define SCALE_MOST_SHIFTED 1.0
#define RHO_MOST 3.0
#define SHIFT_LEAST 1.0
#define SHIFT_MOST 500.0

#define RHO_STEPS 96
#define SHIFT_STEPS 48

/* With s the least t + T0 and u = ln((t + T0) / s), the model is c e^(-rho u), c = C s^-rho: it never overflows. */
typedef struct series {
    ovp_ctx *ctx;
    ovp_idx n;
    const double *t, *y;
    double most;          /* C */
    double shift;         /* T0 of u */
    double *u, *g, *fall; /* n each: ln((t + T0) / s), e^(-rho u), the factor from one rho of the grid to the next */
    double lift;          /* ln s */
    double *residual;     /* n */
} series;

typedef struct point {
    double rho, shift, scale;
    int clamped;   /* C stands at a bound */
    double square; /* sum of squares */
    double by_rho; /* its derivatives along the best C, over 2 */
    double by_shift;
} point;

/* The point of rho; series->g holds e^(-rho u). */
static point at_g(const series *s, double rho) {
    point out = {.rho = rho, .shift = s->shift};
    const double *g = s->g, most = s->most * exp(-rho * s->lift);
    double gy = 0, gg = 0;
    for (ovp_idx i = 0; i < s->n; i++) {
        gy += g[i] * s->y[i];
        gg += g[i] * g[i];
    }
    double c = gy / gg;
    out.clamped = !(c > 0 && c < most);
    if (out.clamped) c = c > 0 ? most : 0;
    out.scale = c * exp(rho * s->lift);
    /* At a free C the residual is orthogonal to g, and ln s would add nothing but rounding. */
    const double lift = out.clamped ? s->lift : 0;
    for (ovp_idx i = 0; i < s->n; i++) {
        double fit = c * g[i], residual = fit - s->y[i];
        out.square += residual * residual;
        out.by_rho -= residual * fit * (s->u[i] + lift);
        out.by_shift -= residual * fit * rho / (s->t[i] + s->shift);
    }
    return out;
}

static point at_rho(const series *s, double rho) {
    for (ovp_idx i = 0; i < s->n; i++) s->g[i] = exp(-rho * s->u[i]);
    return at_g(s, rho);
}

static ovp_status slope_in_rho(double *out, void *user, double rho) {
    *out = at_rho(user, rho).by_rho;
    return OVP_OK;
}

static void set_shift(series *s, double shift) {
    double least = INFINITY;
    s->shift = shift;
    for (ovp_idx i = 0; i < s->n; i++) least = fmin(least, s->t[i] + shift);
    s->lift = log(least);
    for (ovp_idx i = 0; i < s->n; i++) s->u[i] = log((s->t[i] + shift) / least);
}

/* Is i a lowest point of the grid among its neighbours? */
static int lowest(const point *grid, int last, int i) {
    return (i == 0 || grid[i].square <= grid[i - 1].square) && (i == last || grid[i].square <= grid[i + 1].square);
}

/* The best rho at this shift. */
static ovp_status best_rho(point *out, series *s, double shift) {
    point grid[RHO_STEPS + 1];
    const double step = RHO_MOST / RHO_STEPS;
    ovp_status status = OVP_OK;
    set_shift(s, shift);
    for (ovp_idx i = 0; i < s->n; i++) {
        s->g[i] = 1;
        s->fall[i] = exp(-step * s->u[i]);
    }
    for (int k = 0; k <= RHO_STEPS; k++) {
        grid[k] = at_g(s, k * step);
        for (ovp_idx i = 0; i < s->n; i++) s->g[i] *= s->fall[i];
    }
    *out = grid[0];
    for (int k = 0; k <= RHO_STEPS; k++) {
        if (!lowest(grid, RHO_STEPS, k)) continue;
        point found = grid[k];
        const int low = k > 0 ? k - 1 : 0, high = k < RHO_STEPS ? k + 1 : RHO_STEPS;
        if (grid[low].by_rho < 0 && grid[high].by_rho > 0) {
            double rho;
            OVP_TRY(ovp_numeric_root(&rho, s->ctx, slope_in_rho, s, low * step, high * step, 0));
            found = at_rho(s, rho);
        }
        if (found.square < out->square) *out = found;
    }
    OVP_TRY(ovp_check(s->ctx));
done:
    return status;
}

static ovp_status slope_in_shift(double *out, void *user, double log_shift) {
    point best;
    ovp_status status = best_rho(&best, user, exp(log_shift));
    *out = best.by_shift;
    return status;
}

/* The best shift and rho: shifts of the grid lie a constant factor apart. */
static ovp_status best_shift(point *out, series *s) {
    point grid[SHIFT_STEPS + 1];
    const double low = log(SHIFT_LEAST), step = (log(SHIFT_MOST) - low) / SHIFT_STEPS;
    ovp_status status = OVP_OK;
    for (int k = 0; k <= SHIFT_STEPS; k++)
        OVP_TRY(best_rho(&grid[k], s, k < SHIFT_STEPS ? exp(low + k * step) : SHIFT_MOST));
    *out = grid[0];
    for (int k = 0; k <= SHIFT_STEPS; k++) {
        if (!lowest(grid, SHIFT_STEPS, k)) continue;
        point found = grid[k];
        const int before = k > 0 ? k - 1 : 0, after = k < SHIFT_STEPS ? k + 1 : SHIFT_STEPS;
        if (grid[before].by_shift < 0 && grid[after].by_shift > 0) {
            double best;
            OVP_TRY(ovp_numeric_root(&best, s->ctx, slope_in_shift, s, low + before * step, low + after * step, 0));
            OVP_TRY(best_rho(&found, s, exp(best)));
        }
        if (found.square < out->square) *out = found;
    }
done:
    return status;
}

/* Standard errors of the `count` parameters whose derivatives stand in columns (n each, overwritten): J = Q R by
 * modified Gram-Schmidt, so (J^T J)^-1 = R^-1 R^-T, and point i moves the parameters by R^-1 q_i times its residual.
 * robust: each point with its own variance, residual^2 / (1 - leverage)^2 (HC3). NaN where a derivative depends on the
 * others or no degree of freedom is left. */
static void standard_errors(double *errors, double *robust, ovp_idx n, int count, double *const *columns,
                            const double *residuals) {
    double r[3][3] = {{0}}, inverse[3][3] = {{0}}, square = 0;
    int full = n > count;
    for (int a = 0; a < count && full; a++) {
        double before = 0, left = 0;
        for (ovp_idx i = 0; i < n; i++) before += columns[a][i] * columns[a][i];
        for (int b = 0; b < a; b++) {
            for (ovp_idx i = 0; i < n; i++) r[b][a] += columns[b][i] * columns[a][i];
            for (ovp_idx i = 0; i < n; i++) columns[a][i] -= r[b][a] * columns[b][i];
        }
        for (ovp_idx i = 0; i < n; i++) left += columns[a][i] * columns[a][i];
        r[a][a] = sqrt(left);
        full = r[a][a] > 64 * DBL_EPSILON * sqrt(before);
        for (ovp_idx i = 0; i < n && full; i++) columns[a][i] /= r[a][a];
    }
    for (int a = 0; a < count; a++) errors[a] = robust[a] = full ? 0 : (double)NAN;
    if (!full) return;
    for (ovp_idx i = 0; i < n; i++) square += residuals[i] * residuals[i];
    for (int a = count - 1; a >= 0; a--) {
        inverse[a][a] = 1 / r[a][a];
        for (int b = a + 1; b < count; b++) {
            for (int k = a + 1; k <= b; k++) inverse[a][b] -= r[a][k] * inverse[k][b];
            inverse[a][b] /= r[a][a];
        }
        for (int b = a; b < count; b++) errors[a] += inverse[a][b] * inverse[a][b];
        errors[a] = sqrt(errors[a] * square / (double)(n - count));
    }
    for (ovp_idx i = 0; i < n; i++) {
        double leverage = 0;
        for (int a = 0; a < count; a++) leverage += columns[a][i] * columns[a][i];
        for (int a = 0; a < count; a++) {
            double moved = 0;
            for (int b = a; b < count; b++) moved += inverse[a][b] * columns[b][i];
            moved *= residuals[i] / (1 - leverage);
            robust[a] += moved * moved;
        }
    }
    for (int a = 0; a < count; a++) robust[a] = sqrt(robust[a]);
}

/* No fit of n points. */
static ovp_measure_decay nothing(ovp_idx n) {
    return (ovp_measure_decay){.scale = NAN,
                               .rho = NAN,
                               .shift = NAN,
                               .scale_se = NAN,
                               .rho_se = NAN,
                               .shift_se = NAN,
                               .scale_robust_se = NAN,
                               .rho_robust_se = NAN,
                               .shift_robust_se = NAN,
                               .residual = NAN,
                               .count = n};
}

/* Fills *out from the best point; a parameter at a bound is held there, the others' errors are those beside it. */
static void describe(ovp_measure_decay *out, series *s, const point *best, int fit_shift) {
    double *const buffers[] = {s->u, s->g, s->fall};
    double *columns[3], errors[3], robust[3], *where[3][2];
    int count = 0;
    *out = nothing(s->n);
    out->scale = best->scale;
    out->residual = sqrt(best->square / (double)s->n);
    if (!fit_shift) {
        out->shift = best->shift;
        out->shift_se = out->shift_robust_se = 0;
    }
    if (best->scale <= 0) return; /* nothing decays: every rho and T0 serve alike */
    out->rho = best->rho;
    out->shift = best->shift;
    if (!best->clamped) where[count][0] = &out->scale_se, where[count++][1] = &out->scale_robust_se;
    if (best->rho > 0 && best->rho < RHO_MOST) where[count][0] = &out->rho_se, where[count++][1] = &out->rho_robust_se;
    if (fit_shift && best->shift > SHIFT_LEAST && best->shift < SHIFT_MOST)
        where[count][0] = &out->shift_se, where[count++][1] = &out->shift_robust_se;
    for (int a = 0; a < count; a++) columns[a] = buffers[a];
    for (ovp_idx i = 0; i < s->n; i++) {
        const double from = s->t[i] + best->shift, unit = pow(from, -best->rho), fit = best->scale * unit;
        s->residual[i] = s->y[i] - fit;
        for (int a = 0; a < count; a++)
            columns[a][i] = where[a][0] == &out->scale_se ? unit
                            : where[a][0] == &out->rho_se ? -fit * log(from)
                                                          : -fit * best->rho / from;
    }
    standard_errors(errors, robust, s->n, count, columns, s->residual);
    for (int a = 0; a < count; a++) *where[a][0] = errors[a], *where[a][1] = robust[a];
}

static ovp_status check_series(ovp_ctx *ctx, ovp_idx n, const double *t, const double *y, double shift, int fit_shift) {
    const int parameters = fit_shift ? 3 : 2;
    const double least = fit_shift ? SHIFT_LEAST : shift;
    double different[3];
    int seen = 0;
    for (ovp_idx i = 0; i < n; i++) {
        int known = 0;
        if (!isfinite(t[i]) || !isfinite(y[i]))
            return ovp_fail(ctx, OVP_EINVAL,
                            "decay fit: point %lld of %lld is (%g, %g); only finite values can be fitted", (long long)i,
                            (long long)n, t[i], y[i]);
        if (!(t[i] + least > 0 && isfinite(t[i] + least)))
            return ovp_fail(ctx, OVP_EINVAL,
                            "decay fit: t = %g of point %lld and the shift %g: t + shift must be above 0", t[i],
                            (long long)i, least);
        for (int k = 0; k < seen; k++) known |= t[i] == different[k];
        if (!known && seen < parameters) different[seen++] = t[i];
    }
    if (seen < parameters)
        return ovp_fail(ctx, OVP_EINVAL,
                        "decay fit: %lld point(s) at %d different t for %d parameters; give at least %d", (long long)n,
                        seen, parameters, parameters);
    return OVP_OK;
}

/* y times a power of two that brings its largest value near 1: squares of small series would be 0. The power. */
static int bring_near_one(double *scaled, ovp_idx n, const double *y) {
    double most = 0;
    int exponent;
    for (ovp_idx i = 0; i < n; i++) most = fmax(most, fabs(y[i]));
    frexp(most, &exponent);
    for (ovp_idx i = 0; i < n; i++) scaled[i] = ldexp(y[i], -exponent);
    return exponent;
}

ovp_status ovp_measure_fit_decay(ovp_measure_decay *out, ovp_ctx *ctx, ovp_idx n, const double *t, const double *y,
                                 double shift, int fit_shift) {
    series s = {.ctx = ctx, .n = n, .t = t, .most = fit_shift ? SCALE_MOST_SHIFTED : SCALE_MOST};
    point best;
    double *scaled = NULL;
    ovp_status status = OVP_OK;
    *out = nothing(0);
    OVP_TRY(check_series(ctx, n, t, y, shift, fit_shift));
    OVP_TRY(ovp_alloc(ctx, &scaled, n, sizeof *scaled));
    const int exponent = bring_near_one(scaled, n, y);
    s.y = scaled;
    s.most = ldexp(s.most, -exponent);
    OVP_TRY(ovp_alloc(ctx, &s.u, n, sizeof *s.u));
    OVP_TRY(ovp_alloc(ctx, &s.g, n, sizeof *s.g));
    OVP_TRY(ovp_alloc(ctx, &s.fall, n, sizeof *s.fall));
    OVP_TRY(ovp_alloc(ctx, &s.residual, n, sizeof *s.residual));
    if (fit_shift)
        OVP_TRY(best_shift(&best, &s));
    else
        OVP_TRY(best_rho(&best, &s, shift));
    describe(out, &s, &best, fit_shift);
    double *const of_y[] = {&out->scale, &out->scale_se, &out->scale_robust_se, &out->residual};
    for (int i = 0; i < 4; i++) *of_y[i] = ldexp(*of_y[i], exponent);
done:
    ovp_free(ctx, scaled);
    ovp_free(ctx, s.u);
    ovp_free(ctx, s.g);
    ovp_free(ctx, s.fall);
    ovp_free(ctx, s.residual);
    return status;
}
