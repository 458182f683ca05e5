/* Rules of the functions of expressions: value and partial derivatives at several points at once. */
#include "numeric/expression_int.h"

#include <math.h>
#include <string.h>

static double sign_of(double u) {
    return u > 0 ? 1 : u < 0 ? -1 : u;
}

/* ---- one argument -------------------------------------------------------------------------------- */

#define X(name, value, first, second)                                                                                  \
    static void rule_##name(ovp_idx n, int order, int need, const double *a, const double *b,                          \
                            const ovp_numeric_activation *activation, expression_partials *out) {                      \
        (void)need, (void)b, (void)activation;                                                                         \
        for (ovp_idx l = 0; l < n; l++) {                                                                              \
            const double u = a[l], v = (value);                                                                        \
            out->v[l] = v;                                                                                             \
            if (order == 0) continue;                                                                                  \
            const double d = (first);                                                                                  \
            out->a[l] = d;                                                                                             \
            if (order == 2) out->aa[l] = (second);                                                                     \
        }                                                                                                              \
    }
#include "numeric/expression_functions.def"
#undef X

static void rule_activation(ovp_idx n, int order, int need, const double *a, const double *b,
                            const ovp_numeric_activation *activation, expression_partials *out) {
    (void)need, (void)b;
    for (ovp_idx l = 0; l < n; l++) {
        out->v[l] = activation->phi(a[l]);
        if (order > 0) out->a[l] = activation->dphi(a[l]);
        if (order > 1) out->aa[l] = activation->d2phi(a[l]);
    }
}

static void rule_neg(ovp_idx n, int order, int need, const double *a, const double *b,
                     const ovp_numeric_activation *activation, expression_partials *out) {
    (void)need, (void)b, (void)order, (void)activation;
    for (ovp_idx l = 0; l < n; l++) out->v[l] = -a[l], out->a[l] = -1;
}

/* ---- two arguments ------------------------------------------------------------------------------- */

/* Both first derivatives and the three second ones of f(s, t), whose value is v. */
#define BINARY(name, value, by_s, by_t, by_ss, by_st, by_tt)                                                           \
    static void rule_##name(ovp_idx n, int order, int need, const double *a, const double *b,                          \
                            const ovp_numeric_activation *activation, expression_partials *out) {                      \
        (void)need, (void)activation;                                                                                  \
        for (ovp_idx l = 0; l < n; l++) {                                                                              \
            const double s = a[l], t = b[l], v = (value);                                                              \
            out->v[l] = v;                                                                                             \
            if (order == 0) continue;                                                                                  \
            const double ds = (by_s), dt = (by_t);                                                                     \
            out->a[l] = ds, out->b[l] = dt;                                                                            \
            if (order == 1) continue;                                                                                  \
            out->aa[l] = (by_ss), out->ab[l] = (by_st), out->bb[l] = (by_tt);                                          \
        }                                                                                                              \
    }

BINARY(add, s + t, 1, 1, 0, 0, 0)
BINARY(sub, s - t, 1, -1, 0, 0, 0)
BINARY(mul, (s * t), t, s, 0, 1, 0)
BINARY(div, s / t, 1 / t, -v / t, 0, -ds / t, -2 * dt / t)
/* At a tie the first argument; what is no number wins, unlike C's fmin. */
BINARY(min, s <= t || isnan(s) ? s : t, s <= t || isnan(s), 1 - ds, 0, 0, 0)
BINARY(max, s >= t || isnan(s) ? s : t, s >= t || isnan(s), 1 - ds, 0, 0, 0)
BINARY(atan2, atan2(s, t), t / (s * s + t * t), -s / (s * s + t * t), 2 * ds * dt, dt *dt - ds * ds, -2 * ds * dt)
BINARY(hypot, hypot(s, t), s / v, t / v, dt *dt / v, -ds *dt / v, ds *ds / v)

/* s^p without the library for the powers that are written most: x^2 is x * x, as in numpy and torch. */
static double power(double s, double p) {
    if (p == 0) return 1;
    if (p == 1) return s;
    if (p == 2) return s * s;
    return pow(s, p);
}

/* factor s^p; 0 where the factor is, whatever s^p: x^1 has a second derivative at 0. */
static double scaled_power(double factor, double s, double p) {
    return factor == 0 ? 0 : factor * power(s, p);
}

/* s^t log(s)^k; 0 at s = 0 with t > 0, its limit. */
static double power_log(double value, double s, double t, int k) {
    if (s == 0 && t > 0) return 0;
    const double l = log(s);
    return value * (k == 1 ? l : l * l);
}

static void rule_pow(ovp_idx n, int order, int need, const double *a, const double *b,
                     const ovp_numeric_activation *activation, expression_partials *out) {
    (void)activation;
    for (ovp_idx l = 0; l < n; l++) {
        const double s = a[l], t = b[l], v = power(s, t);
        out->v[l] = v;
        if (order == 0) continue;
        out->a[l] = scaled_power(t, s, t - 1);
        if (order == 2) out->aa[l] = scaled_power(t * (t - 1), s, t - 2);
        if (!(need & EXPRESSION_B)) continue;
        out->b[l] = power_log(v, s, t, 1);
        if (order == 1) continue;
        out->ab[l] = power(s, t - 1) + t * power_log(power(s, t - 1), s, t - 1, 1);
        out->bb[l] = power_log(v, s, t, 2);
    }
}

/* ---- the table ----------------------------------------------------------------------------------- */

static const expression_function functions[] = {
    {"+", 2, 0, rule_add},
    {"-", 2, 0, rule_sub},
    {"*", 2, EXPRESSION_AB, rule_mul},
    {"/", 2, EXPRESSION_AB | EXPRESSION_BB, rule_div},
    {"^", 2, EXPRESSION_AA | EXPRESSION_AB | EXPRESSION_BB, rule_pow},
    {"~", 1, 0, rule_neg},
    {"pow", 2, EXPRESSION_AA | EXPRESSION_AB | EXPRESSION_BB, rule_pow},
    {"min", 2, 0, rule_min},
    {"max", 2, 0, rule_max},
    {"atan2", 2, EXPRESSION_AA | EXPRESSION_AB | EXPRESSION_BB, rule_atan2},
    {"hypot", 2, EXPRESSION_AA | EXPRESSION_AB | EXPRESSION_BB, rule_hypot},
#define X(name, value, first, second) {#name, 1, EXPRESSION_AA, rule_##name},
#include "numeric/expression_functions.def"
#undef X
};

const expression_function expression_activation = {"activation", 1, EXPRESSION_AA, rule_activation};

const expression_function *expression_function_at(ovp_idx i) {
    return i < (ovp_idx)(sizeof functions / sizeof *functions) ? &functions[i] : NULL;
}

const expression_function *expression_function_find(const char *name) {
    for (ovp_idx i = 0; expression_function_at(i); i++)
        if (strcmp(functions[i].name, name) == 0) return &functions[i];
    return NULL;
}
