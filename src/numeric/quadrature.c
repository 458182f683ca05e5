/* Means over standard normals: adaptive quadrature with the 21-point Gauss-Kronrod rule (Piessens et al. 1983,
 * QUADPACK). A panel's error is taken to be the whole difference to the 10-point Gauss rule inside it, which is far
 * above the error of the 21 points; so the estimate is an upper bound as good as any that rests on values of f alone.
 */
#include <overparam/numeric.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* The density is 1e-314 there; what lies outside is below it unless f grows like 1 / density. */
#define FAR 38.0
#define MOST_BREAKS 32
#define MOST_EDGES (6 * MOST_BREAKS + 16)
#define MOST_PANELS 600
#define ROUNDING (16 * DBL_EPSILON)
#define INV_SQRT_2PI 0.39894228040143267794

/* Nodes 0..1 of the half panel, from the end inwards; the odd ones are Gauss's. */
static const double nodes[11] = {0.995657163025808080735527280689003,
                                 0.973906528517171720077964012084452,
                                 0.930157491355708226001207180059508,
                                 0.865063366688984510732096688423493,
                                 0.780817726586416897063717578345042,
                                 0.679409568299024406234327365114874,
                                 0.562757134668604683339000099272694,
                                 0.433395394129247190799265943165784,
                                 0.294392862701460198131126603103866,
                                 0.148874338981631210884826001129720,
                                 0};
static const double kronrod[11] = {
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
    0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068, 0.149445554002916905664936468389821};
static const double gauss[5] = {0.066671344308688137593568809893332, 0.149451349150580593145863396957658,
                                0.219086362515982043995534934228163, 0.269266719309996355091226921569469,
                                0.295524224714752870173815619188769};

/* f(z) in *value and the error that value itself carries in *doubt. */
typedef void (*evaluate_fn)(const void *job, double z, double *value, double *doubt);

typedef struct panel {
    double low, high;
    double value, error;
    double size, doubt; /* integrals of |f| and of the error of f */
} panel;

typedef struct outcome {
    double value, error;
    double bad;  /* where f was not finite, or NaN */
    double edge; /* |f| times the density where the range ends */
    double size;
} outcome;

static double density(double z) {
    return INV_SQRT_2PI * exp(-0.5 * z * z);
}

static double at(evaluate_fn f, const void *job, double z, double *doubt, double *bad) {
    double value, error;
    f(job, z, &value, &error);
    if (!isfinite(value)) *bad = z;
    const double weight = density(z);
    *doubt = weight * error;
    return weight * value;
}

static panel measure(evaluate_fn f, const void *job, double low, double high, double *bad) {
    const double middle = 0.5 * (low + high), half = 0.5 * (high - low);
    panel p = {.low = low, .high = high};
    double coarse = 0;
    for (int i = 0; i < 11; i++)
        for (int side = -1; side <= (i < 10 ? 1 : -1); side += 2) {
            double doubt, value = at(f, job, middle + side * half * nodes[i], &doubt, bad);
            p.value += kronrod[i] * value;
            p.size += kronrod[i] * fabs(value);
            p.doubt += kronrod[i] * doubt;
            if (i % 2) coarse += gauss[i / 2] * value;
        }
    p.error = fabs(p.value - coarse) * half;
    p.value *= half;
    p.size *= half;
    p.doubt *= half;
    return p;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Cuts of every integral and the caller's, in order. */
static int edges_of(double *edges, const double *breaks, int count) {
    static const double cuts[] = {-FAR, -9, -5, -2.5, 0, 2.5, 5, 9, FAR};
    int n = 0, kept = 1;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) edges[n++] = cuts[i];
    for (int i = 0; i < count; i++)
        if (fabs(breaks[i]) < FAR) edges[n++] = breaks[i];
    qsort(edges, (size_t)n, sizeof *edges, compare);
    for (int i = 1; i < n; i++)
        if (edges[i] > edges[kept - 1]) edges[kept++] = edges[i];
    return kept;
}

static void integrate(outcome *out, evaluate_fn f, const void *job, const double *breaks, int count, double tolerance) {
    double edges[MOST_EDGES], doubt;
    panel panels[MOST_PANELS];
    int n = edges_of(edges, breaks, count) - 1;
    *out = (outcome){.bad = NAN};
    out->edge = fmax(fabs(at(f, job, -FAR, &doubt, &out->bad)), fabs(at(f, job, FAR, &doubt, &out->bad)));
    for (int i = 0; i < n; i++) panels[i] = measure(f, job, edges[i], edges[i + 1], &out->bad);
    for (;;) {
        double open = 0;
        int worst = -1;
        out->value = out->size = doubt = 0;
        for (int i = 0; i < n; i++) {
            const panel *p = &panels[i];
            out->value += p->value;
            out->size += p->size;
            doubt += p->doubt;
            open += p->error;
            if (worst < 0 || p->error > panels[worst].error) worst = i;
        }
        out->error = open + doubt + ROUNDING * out->size;
        const double target = 0.5 * tolerance * fmax(1, fabs(out->value));
        if (!isnan(out->bad) || open <= fmax(target, ROUNDING * out->size) || n == MOST_PANELS) return;
        const double low = panels[worst].low, high = panels[worst].high, middle = 0.5 * (low + high);
        if (!(middle > low && middle < high)) return; /* no number between: nothing more to be had */
        panels[worst] = measure(f, job, low, middle, &out->bad);
        panels[n++] = measure(f, job, middle, high, &out->bad);
    }
}

static ovp_status conclude(double *out, double *error, ovp_ctx *ctx, const outcome *result, double tolerance) {
    const double allowed = tolerance * fmax(1, fabs(result->value));
    if (!isnan(result->bad))
        return ovp_fail(ctx, OVP_ENUMERIC,
                        "normal mean: the function is not finite at z = %.6g; its mean may be infinite", result->bad);
    if (result->edge > allowed)
        return ovp_fail(
            ctx, OVP_ENUMERIC,
            "normal mean: f times the density is still %.3g at |z| = 38; the mean is infinite or out of reach",
            result->edge);
    if (!(result->error <= allowed))
        return ovp_fail(
            ctx, OVP_ENUMERIC,
            "normal mean: error estimate %.3g above the allowed %.3g after %d panels; allow more or name the "
            "breaks of the function",
            result->error, allowed, MOST_PANELS);
    *out = result->value;
    if (error) *error = result->error;
    return OVP_OK;
}

static ovp_status check(ovp_ctx *ctx, int breaks, double tolerance) {
    if (!(tolerance >= 1e-14 && tolerance <= 0.1))
        return ovp_fail(ctx, OVP_EINVAL, "normal mean: tolerance is %g; allowed: 1e-14..0.1", tolerance);
    if (breaks < 0 || breaks > MOST_BREAKS)
        return ovp_fail(ctx, OVP_EINVAL, "normal mean: %d breaks; allowed: 0..%d", breaks, MOST_BREAKS);
    return OVP_OK;
}

/* ---- one normal ------------------------------------------------------------------------------------ */

typedef struct line_job {
    ovp_numeric_real_fn f;
    const void *user;
} line_job;

static void line_value(const void *job, double z, double *value, double *doubt) {
    const line_job *line = job;
    *value = line->f(line->user, z);
    *doubt = 0;
}

ovp_status ovp_numeric_normal_mean(double *out, double *error, ovp_ctx *ctx, ovp_numeric_real_fn f, const void *user,
                                   const double *breaks, int count, double tolerance) {
    const line_job job = {f, user};
    outcome result;
    ovp_status status = check(ctx, count, tolerance);
    if (status != OVP_OK) return status;
    integrate(&result, line_value, &job, breaks, count, tolerance);
    return conclude(out, error, ctx, &result, tolerance);
}

/* ---- two correlated normals: x outside, y = c x + s t inside, t independent of x ----------------------- */

typedef struct plane_job {
    ovp_numeric_real_fn2 f;
    const void *user;
    double c, s, tolerance;
    const double *breaks;
    int count;
} plane_job;

typedef struct slice_job {
    const plane_job *plane;
    double x;
} slice_job;

static void slice_value(const void *job, double t, double *value, double *doubt) {
    const slice_job *slice = job;
    const plane_job *plane = slice->plane;
    *value = plane->f(plane->user, slice->x, plane->c * slice->x + plane->s * t);
    *doubt = 0;
}

static void plane_value(const void *job, double x, double *value, double *doubt) {
    const plane_job *plane = job;
    const slice_job slice = {plane, x};
    double breaks[MOST_BREAKS];
    outcome result;
    if (plane->s <= 0) {
        slice_value(&slice, 0, value, doubt);
        return;
    }
    for (int i = 0; i < plane->count; i++) breaks[i] = (plane->breaks[i] - plane->c * x) / plane->s;
    integrate(&result, slice_value, &slice, breaks, plane->count, plane->tolerance);
    *value = isnan(result.bad) ? result.value : (double)INFINITY;
    *doubt = result.error;
}

ovp_status ovp_numeric_normal_mean_2(double *out, double *error, ovp_ctx *ctx, ovp_numeric_real_fn2 f, const void *user,
                                     double c, const double *breaks_x, int count_x, const double *breaks_y, int count_y,
                                     double tolerance) {
    plane_job job = {f, user, c, sqrt(fmax(0, (1 - c) * (1 + c))), fmax(0.05 * tolerance, 1e-15), breaks_y, count_y};
    double breaks[6 * MOST_BREAKS];
    const double width = job.s / fmax(fabs(c), 0.5);
    int n = 0;
    outcome result;
    ovp_status status = check(ctx, count_x, tolerance);
    if (status == OVP_OK) status = check(ctx, count_y, tolerance);
    if (status != OVP_OK) return status;
    if (!(c >= -1 && c <= 1)) return ovp_fail(ctx, OVP_EINVAL, "normal mean: correlation is %g; allowed: -1..1", c);
    for (int i = 0; i < count_x; i++) breaks[n++] = breaks_x[i];
    /* Around x = y / c a break in y is smoothed over this width only. */
    for (int i = 0; i < count_y && fabs(c) > 0.5; i++) {
        breaks[n++] = breaks_y[i] / c;
        for (int k = -9; k <= 9 && width < 0.05; k += 6) breaks[n++] = breaks_y[i] / c + k * width;
    }
    integrate(&result, plane_value, &job, breaks, n, tolerance);
    return conclude(out, error, ctx, &result, tolerance);
}
