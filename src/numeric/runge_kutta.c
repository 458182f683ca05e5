/* Dormand and Prince's pair of orders 5 and 4 with first same as last, step control by Gustafsson's PI rule and dense
 * output of order 4: coefficients, control and names as in Hairer, Norsett and Wanner 1993, II.4 to II.6 (DOPRI5). */
#include <overparam/numeric.h>

#include <float.h>
#include <math.h>
#include <string.h>

enum { STAGES = 7, ORDER = 5 };

static const double nodes[STAGES] = {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1};
static const double stages[STAGES][STAGES - 1] = {
    {0},
    {1. / 5},
    {3. / 40, 9. / 40},
    {44. / 45, -56. / 15, 32. / 9},
    {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
    {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
    {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}, /* the solution of order 5 */
};
/* Solution of order 5 less that of order 4. */
static const double errors[STAGES] = {71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40};
static const double dense[STAGES] = {-12715105075. / 11282082432,  0,
                                     87487479700. / 32700410799,   -10690763975. / 1880347072,
                                     701980252875. / 199316789632, -1453857185. / 822651844,
                                     69997945. / 29380423};

/* Step control: safety, strongest shortening and lengthening of a step, weight of the step before. */
static const double safety = .9, shortest = .2, longest = 10, beta = .04;

struct ovp_numeric_rk {
    ovp_ctx *ctx;
    ovp_idx n;
    ovp_numeric_rk_fn f;
    void *user;
    ovp_numeric_rk_options options;
    double *k[STAGES];      /* k[0]: f at (t, y) */
    double *y, *next;       /* y: where it stands */
    double *interpolant[5]; /* of the last accepted step */
    double t, h;            /* h: length planned for the next step, 0: to be estimated */
    double last_t, last_h;  /* the last accepted step began at last_t */
    double last_error;
    int rejected; /* the step before was */
    ovp_numeric_rk_counts counts;
};

const char *ovp_numeric_rk_state_name(ovp_numeric_rk_state state) {
    static const char *const names[] = {"going", "arrived", "not finite", "step underflow", "most steps"};
    return names[state];
}

static int bad(double value) {
    return !isfinite(value) || value < 0;
}

ovp_status ovp_numeric_rk_create(ovp_numeric_rk **out, ovp_ctx *ctx, ovp_idx n, ovp_numeric_rk_fn f, void *user,
                                 const ovp_numeric_rk_options *options) {
    ovp_status status = OVP_OK;
    ovp_numeric_rk *rk = NULL;
    double *room;
    *out = NULL;
    if (n < 1 || n > INT32_MAX)
        return ovp_fail(ctx, OVP_EINVAL, "Runge-Kutta: %lld components; 1 to 2^31-1", (long long)n);
    const ovp_numeric_rk_options o = options ? *options : (ovp_numeric_rk_options){.size = sizeof o};
    if (bad(o.rtol) || bad(o.atol) || bad(o.first_step) || bad(o.largest_step) || o.most_steps < 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "Runge-Kutta: rtol %g, atol %g, first step %g, largest step %g, most steps %lld: finite and "
                        "at least 0 (0: default)",
                        o.rtol, o.atol, o.first_step, o.largest_step, (long long)o.most_steps);
    OVP_TRY(ovp_alloc(ctx, &rk, 1, sizeof *rk));
    *rk = (ovp_numeric_rk){.ctx = ctx, .n = n, .f = f, .user = user, .options = o};
    OVP_TRY(ovp_alloc(ctx, &rk->y, (STAGES + 7) * n, sizeof *rk->y));
    rk->next = room = rk->y + n;
    for (int s = 0; s < STAGES; s++) rk->k[s] = room += n;
    for (int i = 0; i < 5; i++) rk->interpolant[i] = room += n;
    if (!(o.rtol > 0)) rk->options.rtol = 1e-8;
    if (!(o.atol > 0)) rk->options.atol = 1e-8;
    if (!(o.largest_step > 0)) rk->options.largest_step = INFINITY;
    if (o.most_steps == 0) rk->options.most_steps = 1000000;
    *out = rk;
done:
    if (status != OVP_OK) ovp_numeric_rk_free(rk);
    return status;
}

void ovp_numeric_rk_free(ovp_numeric_rk *rk) {
    if (!rk) return;
    ovp_free(rk->ctx, rk->y);
    ovp_free(rk->ctx, rk);
}

static int all_finite(ovp_idx n, const double *v) {
    for (ovp_idx i = 0; i < n; i++)
        if (!isfinite(v[i])) return 0;
    return 1;
}

static void rate(ovp_numeric_rk *rk, double t, const double *y, double *dy) {
    rk->f(rk->user, t, y, dy);
    rk->counts.evaluations++;
}

/* Root mean square of v / (atol + rtol max(|a|, |b|)). */
static double norm(const ovp_numeric_rk *rk, const double *v, const double *a, const double *b) {
    double sum = 0;
    for (ovp_idx i = 0; i < rk->n; i++) {
        const double scaled = v[i] / (rk->options.atol + rk->options.rtol * fmax(fabs(a[i]), fabs(b[i])));
        sum += scaled * scaled;
    }
    return sqrt(sum / (double)rk->n);
}

void ovp_numeric_rk_start(ovp_numeric_rk *rk, double t, const double *y) {
    memcpy(rk->y, y, (size_t)rk->n * sizeof *y);
    rk->t = rk->last_t = t;
    rk->h = rk->options.first_step;
    rk->last_h = 0;
    rk->last_error = 1e-4;
    rk->rejected = 0;
    rk->counts = (ovp_numeric_rk_counts){0, 0, 0};
    for (int i = 1; i < 5; i++) memset(rk->interpolant[i], 0, (size_t)rk->n * sizeof *y);
    memcpy(rk->interpolant[0], y, (size_t)rk->n * sizeof *y);
    rate(rk, t, rk->y, rk->k[0]);
}

/* First step, from the sizes of y, y' and y'' (Hairer et al. II.4). Not finite values far off: a short one. */
static double estimate_step(ovp_numeric_rk *rk, double direction) {
    double *ahead = rk->next, *change = rk->k[1];
    const double d0 = norm(rk, rk->y, rk->y, rk->y), d1 = norm(rk, rk->k[0], rk->y, rk->y);
    const double h0 = fmin(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : .01 * d0 / d1, rk->options.largest_step);
    for (ovp_idx i = 0; i < rk->n; i++) ahead[i] = rk->y[i] + direction * h0 * rk->k[0][i];
    rate(rk, rk->t + direction * h0, ahead, change);
    for (ovp_idx i = 0; i < rk->n; i++) change[i] -= rk->k[0][i];
    const double d2 = norm(rk, change, rk->y, rk->y) / h0, steepest = fmax(d1, d2);
    if (!isfinite(d2)) return h0;
    const double h1 = steepest <= 1e-15 ? fmax(1e-6, h0 * 1e-3) : pow(.01 / steepest, 1. / ORDER);
    return fmin(fmin(100 * h0, h1), rk->options.largest_step);
}

/* Stages of a step of length h; the new y in rk->next, its rate in the last stage. Returns the scaled error, which is
 * not finite if anything on the way is not. */
static double attempt(ovp_numeric_rk *rk, double h) {
    double sum = 0;
    for (int s = 1; s < STAGES; s++) {
        for (ovp_idx i = 0; i < rk->n; i++) {
            double slope = 0;
            for (int j = 0; j < s; j++) slope += stages[s][j] * rk->k[j][i];
            rk->next[i] = rk->y[i] + h * slope;
        }
        rate(rk, rk->t + nodes[s] * h, rk->next, rk->k[s]);
        if (!all_finite(rk->n, rk->k[s])) return INFINITY;
    }
    for (ovp_idx i = 0; i < rk->n; i++) {
        double error = 0;
        for (int s = 0; s < STAGES; s++) error += errors[s] * rk->k[s][i];
        error *= h / (rk->options.atol + rk->options.rtol * fmax(fabs(rk->y[i]), fabs(rk->next[i])));
        sum += error * error;
    }
    return all_finite(rk->n, rk->next) ? sqrt(sum / (double)rk->n) : (double)INFINITY;
}

/* Takes the step over: what dense output needs, the new point, and its rate as the next step's first. */
static void accept(ovp_numeric_rk *rk, double h, double t) {
    double *const *c = rk->interpolant, *first;
    for (ovp_idx i = 0; i < rk->n; i++) {
        const double difference = rk->next[i] - rk->y[i], bend = h * rk->k[0][i] - difference;
        double last = 0;
        for (int s = 0; s < STAGES; s++) last += dense[s] * rk->k[s][i];
        c[0][i] = rk->y[i];
        c[1][i] = difference;
        c[2][i] = bend;
        c[3][i] = difference - h * rk->k[STAGES - 1][i] - bend;
        c[4][i] = h * last;
        rk->y[i] = rk->next[i];
    }
    first = rk->k[0];
    rk->k[0] = rk->k[STAGES - 1];
    rk->k[STAGES - 1] = first;
    rk->last_t = rk->t;
    rk->last_h = h;
    rk->t = t;
    rk->counts.steps++;
}

/* Length of the step after one of length h whose error was accepted. */
static double after_accepted(ovp_numeric_rk *rk, double h, double error) {
    const double factor = pow(error, 1. / ORDER - .75 * beta) / pow(rk->last_error, beta) / safety;
    double next = h / fmin(1 / shortest, fmax(1 / longest, factor));
    rk->last_error = fmax(error, 1e-4);
    if (rk->rejected) next = fmin(next, h);
    return fmin(next, rk->options.largest_step);
}

static double after_rejected(double h, double error) {
    if (!isfinite(error)) return h / 10;
    return h / fmin(1 / shortest, pow(error, 1. / ORDER - .75 * beta) / safety);
}

ovp_numeric_rk_state ovp_numeric_rk_step(ovp_numeric_rk *rk, double t_end) {
    const double direction = t_end >= rk->t ? 1 : -1, left = fabs(t_end - rk->t);
    double error = 0;
    if (!(left > 0)) return OVP_RK_ARRIVED;
    if (!all_finite(rk->n, rk->k[0]) || !all_finite(rk->n, rk->y)) return OVP_RK_NOT_FINITE;
    if (!(rk->h > 0)) rk->h = estimate_step(rk, direction);
    for (;; rk->rejected = 1, rk->counts.rejections++) {
        if (rk->counts.steps + rk->counts.rejections >= rk->options.most_steps) return OVP_RK_MOST_STEPS;
        if (.1 * rk->h <= fabs(rk->t) * DBL_EPSILON || rk->h < 1e-300)
            return isfinite(error) ? OVP_RK_UNDERFLOW : OVP_RK_NOT_FINITE;
        /* The end is reached exactly, and not by a sliver of a step after it. */
        const int last = 1.01 * rk->h >= left;
        const double h = last ? left : rk->h;
        error = attempt(rk, direction * h);
        if (error <= 1) {
            const double next = after_accepted(rk, h, error);
            rk->h = last ? fmax(next, rk->h) : next; /* a step cut short says nothing against the planned length */
            rk->rejected = 0;
            accept(rk, direction * h, last ? t_end : rk->t + direction * h);
            return last ? OVP_RK_ARRIVED : OVP_RK_GOING;
        }
        rk->h = after_rejected(h, error);
    }
}

double ovp_numeric_rk_time(const ovp_numeric_rk *rk) {
    return rk->t;
}

const double *ovp_numeric_rk_y(const ovp_numeric_rk *rk) {
    return rk->y;
}

void ovp_numeric_rk_dense(const ovp_numeric_rk *rk, double t, double *out) {
    const double at = fabs(rk->last_h) > 0 ? (t - rk->last_t) / rk->last_h : 0, rest = 1 - at;
    double *const *c = rk->interpolant;
    for (ovp_idx i = 0; i < rk->n; i++)
        out[i] = c[0][i] + at * (c[1][i] + rest * (c[2][i] + at * (c[3][i] + rest * c[4][i])));
}

ovp_numeric_rk_counts ovp_numeric_rk_count(const ovp_numeric_rk *rk) {
    return rk->counts;
}
