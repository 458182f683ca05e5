/* Expressions: the grammar, values and derivatives against closed forms and finite differences, messages, limits. */
#include "check.h"

#include <overparam/numeric.h>

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const xyz[] = {"x", "y", "z"};

static ovp_numeric_expression *parsed(ovp_ctx *ctx, const char *text) {
    ovp_numeric_expression *e;
    assert_ok(ctx, ovp_numeric_expression_create(&e, ctx, text, xyz, 3, "--function"));
    return e;
}

typedef struct jet {
    double value, gradient[3], hessian[9];
} jet;

static jet jet_at(ovp_ctx *ctx, const char *text, double x, double y, double z) {
    ovp_numeric_expression *e = parsed(ctx, text);
    const double *const values[] = {&x, &y, &z};
    const ovp_idx wrt[] = {0, 1, 2};
    jet out;
    ovp_numeric_expression_evaluate(e, 1, values, NULL, 3, wrt, &out.value, out.gradient, out.hessian);
    ovp_numeric_expression_free(e);
    return out;
}

static double value_at(ovp_ctx *ctx, const char *text, double x, double y) {
    return jet_at(ctx, text, x, y, 0).value;
}

static void near(double a, double b, double tolerance, const char *what) {
    if (isnan(a) && isnan(b)) return;
    if (!(fabs(a - b) <= tolerance * (1 + fabs(b))) && !(isinf(a) && isinf(b) && (a > 0) == (b > 0)))
        fail_msg("%s: %.17g instead of %.17g", what, a, b);
}

/* ---- values -------------------------------------------------------------------------------------- */

static void precedence_is_that_of_mathematics(void **state) {
    ovp_ctx *ctx = *state;
    const double x = 2.385, y = -.73;
    const struct {
        const char *text;
        double value;
    } cases[] = {
        {"1+2*3", 7},
        {"-x^2", -x * x},
        {"(-x)^2", x * x},
        {"2^-1", .5},
        {"2^3^2", 512},
        {"-2^2", -4},
        {"2^-x^2", pow(2, -(x * x))},
        {"x-y-1", x - y - 1},
        {"x/y/2", x / y / 2},
        {"x*-y", -x * y},
        {"--x", x},
        {"+x", x},
        {"- x^2 * y", -(x * x) * y},
        {"x^0.5^2", pow(x, .25)},
        {" ( ( x ) )\t", x},
        {"pi*e", M_PI * M_E},
        {"1e3+.5+2.+1_000+1E-1", 2002.6},
        {"sin(x+4)*(cos(3*y-5)+0.3)+0.5*cos(2*(x+2)*(y-4)^2)",
         sin(x + 4) * (cos(3 * y - 5) + .3) + .5 * cos(2 * (x + 2) * ((y - 4) * (y - 4)))},
        {"0^0", 1},
        {"y^0", 1},
        {"(-2)^3", -8},
        {"(-8)^(1/3)", NAN},
        {"min(x,y)+max(x,y)", x + y},
        {"pow(x,3)", pow(x, 3)},
        {"atan2(y,x)", atan2(y, x)},
        {"hypot(3,4)", 5},
        {"ln(e)", 1},
        {"log(exp(2))", 2},
        {"log10(1000)+log2(8)", 6},
        {"relu(y)+relu(x)", x},
        {"leaky_relu(y)", .01 * y},
        {"erf(1)", 0.8427007929497149}, /* Abramowitz & Stegun 7.1 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        near(value_at(ctx, cases[i].text, x, y), cases[i].value, 1e-15, cases[i].text);
}

/* ---- derivatives --------------------------------------------------------------------------------- */

/* Closed forms of x y z products, quotients, powers and compositions at a point without symmetry. */
static void derivatives_meet_closed_forms(void **state) {
    ovp_ctx *ctx = *state;
    const double x = .8371, y = -1.2903, z = 2.385;
    jet j = jet_at(ctx, "x^3*sin(y)/z", x, y, z);
    near(j.gradient[0], 3 * x * x * sin(y) / z, 1e-14, "x");
    near(j.gradient[1], x * x * x * cos(y) / z, 1e-14, "y");
    near(j.gradient[2], -x * x * x * sin(y) / (z * z), 1e-14, "z");
    near(j.hessian[0], 6 * x * sin(y) / z, 1e-14, "xx");
    near(j.hessian[1], 3 * x * x * cos(y) / z, 1e-14, "xy");
    near(j.hessian[2], -3 * x * x * sin(y) / (z * z), 1e-14, "xz");
    near(j.hessian[4], -x * x * x * sin(y) / z, 1e-14, "yy");
    near(j.hessian[5], -x * x * x * cos(y) / (z * z), 1e-14, "yz");
    near(j.hessian[8], 2 * x * x * x * sin(y) / (z * z * z), 1e-14, "zz");
    j = jet_at(ctx, "x^z", x, y, z);
    const double v = pow(x, z), l = log(x);
    near(j.gradient[0], z * v / x, 1e-14, "x^z by x");
    near(j.gradient[2], v * l, 1e-14, "x^z by z");
    near(j.hessian[0], z * (z - 1) * v / x / x, 1e-14, "x^z xx");
    near(j.hessian[2], v / x * (1 + z * l), 1e-14, "x^z xz");
    near(j.hessian[6], j.hessian[2], 0, "symmetric");
    near(j.hessian[8], v * l * l, 1e-14, "x^z zz");
    near(j.gradient[1], 0, 0, "x^z by y");
    /* u = sqrt(x^2 + 1): u' = x/u, u'' = 1/u^3, twice nested */
    j = jet_at(ctx, "log(sqrt(x^2+1))", x, y, z);
    near(j.gradient[0], x / (x * x + 1), 1e-14, "log sqrt");
    near(j.hessian[0], (1 - x * x) / ((x * x + 1) * (x * x + 1)), 1e-14, "log sqrt, twice");
}

/* Every function at points inside its domain against central differences of its value (first derivatives) and of its
 * first derivative (second ones): error O(h^2). */
static void every_function_meets_differences(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const texts[] = {
        "sin(A)",    "cos(A)",    "tan(A)",     "asin(B)",     "acos(B)",    "atan(A)",     "sinh(A)",      "cosh(A)",
        "tanh(A)",   "asinh(A)",  "acosh(2+B)", "atanh(B)",    "exp(A)",     "expm1(A)",    "log(2+B)",     "ln(2+B)",
        "log1p(B)",  "log2(2+B)", "log10(2+B)", "sqrt(2+B)",   "cbrt(2+B)",  "abs(A)",      "sign(A)",      "erf(A)",
        "erfc(A)",   "relu(A)",   "sigmoid(A)", "softplus(A)", "gelu(A)",    "silu(A)",     "elu(A)",       "selu(A)",
        "square(A)", "min(A,B)",  "max(A,B)",   "atan2(A,B)",  "hypot(A,B)", "(2+B)^A",     "pow(2+B,A)",   "A^3",
        "(3+A)^-2",  "A/B",       "-A*B",       "A-B",         "(2+B)^1.5",  "(2+B)^(2*z)", "leaky_relu(A)"};
    static const double points[][2] = {{.3127, -.4871}, {-.6113, .2309}, {1.217, .5533}};
    const double h = 1e-5;
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        for (int q = 0; q < 3; q++) {
            char text[256];
            size_t n = 0;
            for (const char *c = texts[t]; *c; c++)
                n += (size_t)snprintf(text + n, sizeof text - n,
                                      *c == 'A'   ? "(x+y/3-.1)"
                                      : *c == 'B' ? "(x*y+.15*y)"
                                                  : "%c",
                                      *c);
            const double at[3] = {points[q][0], points[q][1], .71};
            const jet j = jet_at(ctx, text, at[0], at[1], at[2]);
            for (int i = 0; i < 3; i++) {
                double up[3] = {at[0], at[1], at[2]}, down[3] = {at[0], at[1], at[2]};
                up[i] += h, down[i] -= h;
                const jet a = jet_at(ctx, text, up[0], up[1], up[2]), b = jet_at(ctx, text, down[0], down[1], down[2]);
                near(j.gradient[i], (a.value - b.value) / (2 * h), 3e-8, text);
                for (int k = 0; k < 3; k++)
                    near(j.hessian[3 * k + i], (a.gradient[k] - b.gradient[k]) / (2 * h), 1e-6, text);
            }
        }
}

static void random_text(ovp_numeric_rng *rng, int depth, char *out) {
    static const char *const leaves[] = {"x", "y", "z", "0.7", "2"};
    static const char *const nodes[] = {"(%s+%s)",          "(%s-%s)",        "%s*%s",
                                        "%s/(3+sin(%s))",   "sin(%s)*(%s)",   "exp(-(%s)^2)+(%s)",
                                        "tanh(%s)*cos(%s)", "atan(%s)-(%s)^2"};
    const uint32_t word = ovp_numeric_rng_word(rng);
    if (depth == 0) {
        strcpy(out, leaves[word % 5]);
        return;
    }
    char a[2048], b[2048]; /* four levels take less than 500 */
    random_text(rng, depth - 1, a);
    random_text(rng, depth - 1, b);
    const char *node = nodes[word % 8];
    char *to = out;
    for (int side = 0; *node; node++)
        if (*node == '%') {
            to += sprintf(to, "%s", side++ ? b : a);
            node++;
        } else {
            *to++ = *node;
        }
    *to = 0;
}

/* Random compositions: Hessian and gradient against differences, and the points of one call against single ones. */
static void random_expressions_meet_differences(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_rng *rng;
    enum { POINTS = 77 };
    double x[POINTS], y[POINTS], value[POINTS], gradient[2 * POINTS], hessian[4 * POINTS];
    const double z = -.41, h = 1e-5;
    const ovp_idx wrt[] = {0, 1}, strides[] = {1, 1, 0};
    const double *const values[] = {x, y, &z};
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 20260, OVP_PURPOSE_TEST, 0));
    for (int trial = 0; trial < 60; trial++) {
        char text[4096];
        random_text(rng, 1 + trial % 4, text);
        ovp_numeric_rng_uniform(rng, OVP_F64, POINTS, -1.5, 1.5, x);
        ovp_numeric_rng_uniform(rng, OVP_F64, POINTS, -1.5, 1.5, y);
        ovp_numeric_expression *e = parsed(ctx, text);
        ovp_numeric_expression_evaluate(e, POINTS, values, strides, 2, wrt, value, gradient, hessian);
        for (int p = 0; p < POINTS; p += 11) {
            const jet j = jet_at(ctx, text, x[p], y[p], z);
            assert_true(j.value == value[p] && j.gradient[0] == gradient[2 * p] &&
                        j.gradient[1] == gradient[2 * p + 1]);
            assert_true(j.hessian[0] == hessian[4 * p] && j.hessian[1] == hessian[4 * p + 1] &&
                        j.hessian[3] == hessian[4 * p + 2] && j.hessian[4] == hessian[4 * p + 3]);
            const jet a = jet_at(ctx, text, x[p] + h, y[p], z), b = jet_at(ctx, text, x[p] - h, y[p], z);
            near(j.gradient[0], (a.value - b.value) / (2 * h), 1e-6, text);
            near(j.hessian[0], (a.gradient[0] - b.gradient[0]) / (2 * h), 1e-4, text);
            near(j.hessian[1], (a.gradient[1] - b.gradient[1]) / (2 * h), 1e-4, text);
        }
        ovp_numeric_expression_free(e);
    }
    ovp_numeric_rng_free(rng);
}

/* Whole powers have derivatives at 0 and below; what does not depend on a variable has none by it, whatever happens. */
static void edges_of_the_domain(void **state) {
    ovp_ctx *ctx = *state;
    jet j = jet_at(ctx, "x^2", 0, 0, 0);
    assert_true(j.value == 0 && j.gradient[0] == 0 && j.hessian[0] == 2);
    j = jet_at(ctx, "x^2", -1.5, 0, 0);
    assert_true(j.value == 2.25 && j.gradient[0] == -3 && j.hessian[0] == 2);
    j = jet_at(ctx, "x^3", 0, 0, 0);
    assert_true(j.gradient[0] == 0 && j.hessian[0] == 0);
    j = jet_at(ctx, "x^1", 0, 0, 0);
    assert_true(j.gradient[0] == 1 && j.hessian[0] == 0);
    j = jet_at(ctx, "x^0", 0, 0, 0);
    assert_true(j.value == 1 && j.gradient[0] == 0 && j.hessian[0] == 0);
    j = jet_at(ctx, "x^-1", -2, 0, 0);
    assert_true(j.value == -.5 && j.gradient[0] == -.25 && j.hessian[0] == -.25);
    j = jet_at(ctx, "x^y", 0, 2, 0); /* the limits for x to 0 from above */
    assert_true(j.value == 0 && j.gradient[0] == 0 && j.gradient[1] == 0 && j.hessian[0] == 2 && j.hessian[4] == 0);
    j = jet_at(ctx, "x/y", 1, 0, 0);
    assert_true(isinf(j.value) && isinf(j.gradient[0]) && !isfinite(j.gradient[1]));
    assert_true(j.gradient[2] == 0 && j.hessian[8] == 0);
    j = jet_at(ctx, "log(x)+y", -1, 3, 0);
    assert_true(isnan(j.value) && isnan(j.gradient[0]) && j.gradient[1] == 1 && isnan(j.hessian[0]) &&
                j.hessian[4] == 0);
    j = jet_at(ctx, "sqrt(x)*y", 0, 3, 0);
    assert_true(j.value == 0 && isinf(j.gradient[0]) && j.gradient[1] == 0 && isinf(j.hessian[0]));
    j = jet_at(ctx, "exp(exp(x))", 10, 0, 0);
    assert_true(isinf(j.value) && !isfinite(j.gradient[0]) && j.gradient[1] == 0);
    j = jet_at(ctx, "max(x,y)", 1, 1, 0); /* a tie: the first */
    assert_true(j.gradient[0] == 1 && j.gradient[1] == 0);
    j = jet_at(ctx, "max(x,y)", NAN, 1, 0);
    assert_true(isnan(j.value));
    j = jet_at(ctx, "abs(x)", 0, 0, 0);
    assert_true(j.gradient[0] == 0);
    j = jet_at(ctx, "1/0", 0, 0, 0);
    assert_true(isinf(j.value) && j.gradient[0] == 0);
}

/* A subset of the variables, in any order; a variable that is named or not. */
static void variables_are_chosen(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_expression *e = parsed(ctx, "x^2*z");
    const double x = 1.5, y = 9, z = -2;
    const double *const values[] = {&x, &y, &z};
    const ovp_idx wrt[] = {2, 0};
    double gradient[2], hessian[4], value;
    ovp_numeric_expression_evaluate(e, 1, values, NULL, 2, wrt, NULL, gradient, hessian);
    assert_true(gradient[0] == 2.25 && gradient[1] == -6);
    assert_true(hessian[0] == 0 && hessian[1] == 3 && hessian[2] == 3 && hessian[3] == -4);
    ovp_numeric_expression_evaluate(e, 1, values, NULL, 0, NULL, &value, NULL, NULL);
    assert_true(value == -4.5);
    assert_true(ovp_numeric_expression_uses(e, 0) && !ovp_numeric_expression_uses(e, 1) &&
                ovp_numeric_expression_uses(e, 2));
    ovp_numeric_expression_free(e);
    ovp_numeric_expression_free(NULL);
}

/* ---- messages ------------------------------------------------------------------------------------ */

static void errors_point_at_the_character(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_expression *e;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "--function: character 1: expected a number, a name or '(', found the end (at the start, before the end)"},
        {"   ", "character 4: expected a number, a name or '(', found the end"},
        {"sin(x", "--function: character 6: expected ')' after the argument of sin, found the end (after 'sin(x', "
                  "before the end)"},
        {"(x+1", "character 5: expected an operator or the ')' of the '(' at character 1, found the end"},
        {"x+)", "character 3: expected a number, a name or '(', found ')' (after 'x+', before ')')"},
        {"x)", "character 2: a ')' without its '('"},
        {"2x", "character 2: expected an operator (a product is written 2*x), found 'x'"},
        {"2 e", "character 3: expected an operator"},
        {"x y", "character 3: expected an operator (a product is written 2*x), found 'y'"},
        {"sni(x)", "character 1: unknown name 'sni'; did you mean 'sin'? (at the start, before 'sni(x)')"},
        {"1+cosx", "character 3: unknown name 'cosx'; did you mean 'cos'?"},
        {"x+qwertz", "character 3: unknown name 'qwertz'; variables are x, y, z, constants pi and e"},
        {"leaky_rleu(x)", "did you mean 'leaky_relu'?"},
        {"sin x", "character 5: expected '(' after the function sin, found 'x'"},
        {"sin", "character 4: expected '(' after the function sin, found the end"},
        {"sin()", "character 5: expected a number, a name or '(', found ')'"},
        {"sin(x,y)", "character 6: too many arguments: sin takes 1"},
        {"max(x)", "character 6: expected ',' (max takes 2 arguments), found ')'"},
        {"max(x,y,z)", "character 8: too many arguments: max takes 2"},
        {"x**2", "character 3: a power is written ^, not **"},
        {"1..2", "character 3: expected an operator"},
        {"1__0", "character 1: not a number"},
        {"1e999", "character 1: a number beyond the range of doubles"},
        {".", "character 1: expected a number"},
        {"0x10", "character 2: expected an operator"},
        {"x+\xc2\xb2", "character 3: expected a number, a name or '(', found '?'"},
        {"\xcf\x80*\x01", "character 1: expected a number, a name or '(', found '?' (at the start, before '?*?')"},
        {"x+y*\xcf\x80+$", "character 5: expected"},
        {"1+x+y+z+x+y+z+x+y+z+x+$+1+1+1+1+1+1+1+1+1+1+1",
         "character 23: expected a number, a name or '(', found '$' (after '..x+y+z+x+y+z+x+y+z+x+', before "
         "'$+1+1+1+1+1+1+1+1+1+..')"},
        {"1=1", "character 2: expected an operator (a product is written 2*x), found '='"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "character 1: a name of more than 31 characters"},
        {"1.0000000000000000000000000000000000000000000000000000000000000000000", "character 1: a number of more than"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(ctx, OVP_EINVAL, cases[i].message,
                     ovp_numeric_expression_create(&e, ctx, cases[i].text, xyz, 3, "--function"));
    assert_fails(ctx, OVP_EINVAL, "17 variables", ovp_numeric_expression_create(&e, ctx, "1", xyz, 17, "f"));
    static const char *const bad[] = {"x y"};
    assert_fails(ctx, OVP_EINVAL, "variable 'x y'", ovp_numeric_expression_create(&e, ctx, "1", bad, 1, "f"));
}

static char *repeated(const char *open, const char *middle, const char *close, int times) {
    char *text = malloc((strlen(open) + strlen(close)) * (size_t)times + strlen(middle) + 1), *at = text;
    for (int i = 0; i < times; i++) at = stpcpy(at, open);
    at = stpcpy(at, middle);
    for (int i = 0; i < times; i++) at = stpcpy(at, close);
    return text;
}

/* Neither nesting nor length can exhaust the stack. */
static void nesting_and_length_have_limits(void **state) {
    ovp_ctx *ctx = *state;
    ovp_numeric_expression *e;
    static const char *const open[] = {"(", "-", "2^", "sin("};
    static const char *const close[] = {")", "", "", ")"};
    for (int k = 0; k < 4; k++) {
        char *deep = repeated(open[k], "x", close[k], 199), *deeper = repeated(open[k], "x", close[k], 201);
        if (k == 2) /* 200 values at once */
            assert_fails(ctx, OVP_EINVAL, "64 intermediate values",
                         ovp_numeric_expression_create(&e, ctx, deep, xyz, 3, "f"));
        else
            ovp_numeric_expression_free(parsed(ctx, deep));
        assert_fails(ctx, OVP_EINVAL, k == 2 ? "64 intermediate" : "nested deeper than 200 levels",
                     ovp_numeric_expression_create(&e, ctx, deeper, xyz, 3, "f"));
        free(deep);
        free(deeper);
    }
    char *open_only = repeated("(", "", "", 4000), *wide = repeated("x+", "x", "", 2047),
         *wider = repeated("x+", "x", "", 2048);
    assert_fails(ctx, OVP_EINVAL, "nested deeper than 200 levels",
                 ovp_numeric_expression_create(&e, ctx, open_only, xyz, 3, "f"));
    ovp_numeric_expression_free(parsed(ctx, wide));
    assert_fails(ctx, OVP_EINVAL, "4097 bytes; at most 4096",
                 ovp_numeric_expression_create(&e, ctx, wider, xyz, 3, "f"));
    free(open_only);
    free(wide);
    free(wider);
    /* 64 values at once with 8 derivatives and Hessian: one lane */
    char *held = repeated("x+y*(", "z", ")", 31);
    static const char *const eight[] = {"x", "y", "z", "a", "b", "c", "d", "f"};
    static const ovp_idx wrt[] = {0, 1, 2, 3, 4, 5, 6, 7};
    double ones[8] = {1, 1, 1, 1, 1, 1, 1, 1}, gradient[16], hessian[128], value[2];
    const double *values[8];
    const ovp_idx strides[8] = {0};
    for (int i = 0; i < 8; i++) values[i] = ones + i;
    assert_ok(ctx, ovp_numeric_expression_create(&e, ctx, held, eight, 8, "f"));
    ovp_numeric_expression_evaluate(e, 2, values, strides, 8, wrt, value, gradient, hessian);
    assert_true(value[0] == 32 && value[1] == 32 && gradient[0] == 31 && gradient[2] == 1);
    assert_true(hessian[9] == 31 * 30 + 31 * 30 * 29 / 3); /* of z y^31 + x (1 + y + .. + y^30) by y */
    ovp_numeric_expression_free(e);
    free(held);
}

static void the_locale_does_not_matter(void **state) {
    ovp_ctx *ctx = *state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) skip();
    assert_true(value_at(ctx, "1.5+x", .25, 0) == 1.75);
    setlocale(LC_NUMERIC, "C");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(precedence_is_that_of_mathematics),
        CTX_TEST(derivatives_meet_closed_forms),
        CTX_TEST(every_function_meets_differences),
        CTX_TEST(random_expressions_meet_differences),
        CTX_TEST(edges_of_the_domain),
        CTX_TEST(variables_are_chosen),
        CTX_TEST(errors_point_at_the_character),
        CTX_TEST(nesting_and_length_have_limits),
        CTX_TEST(the_locale_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
