/* Expressions: any text is refused in one line or evaluated, with derivatives, to the same bits at one point as among
 * others. The first four bytes give the point. */
#include "fuzz.h"

#include <overparam/numeric.h>

enum { POINTS = 3, VARIABLES = 3, HEAD = 4 };

static int same_bits(const double *a, const double *b, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]))) return 0;
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[VARIABLES] = {"x", "y", "w0"};
    static const ovp_idx wrt[VARIABLES] = {0, 1, 2}, strides[VARIABLES] = {1, 1, 0};
    ovp_numeric_expression *e;
    if (size < HEAD) return 0;
    char *text = fuzz_text(data + HEAD, size - HEAD);
    if (fuzz_ok(ovp_numeric_expression_create(&e, fuzz_ctx(), text, names, VARIABLES, "--function"))) {
        const double x[POINTS] = {data[0] / 16. - 8, 0, -1.5}, y[POINTS] = {data[1] / 16. - 8, 1, 1e308},
                     w = data[2] / 64.;
        const double *const all[VARIABLES] = {x, y, &w};
        double value[POINTS], gradient[POINTS * 3], hessian[POINTS * 9];
        ovp_numeric_expression_evaluate(e, POINTS, all, strides, VARIABLES, wrt, value, gradient, hessian);
        for (int p = 0; p < POINTS; p++) {
            const double *const one[VARIABLES] = {x + p, y + p, &w};
            double v, plain, g[3], h[9];
            ovp_numeric_expression_evaluate(e, 1, one, NULL, VARIABLES, wrt, &v, g, h);
            ovp_numeric_expression_evaluate(e, 1, one, NULL, 0, NULL, &plain, NULL, NULL);
            fuzz_require(same_bits(&v, value + p, 1) && same_bits(&v, &plain, 1), "point %d: %.17g, %.17g, %.17g", p,
                         value[p], v, plain);
            fuzz_require(same_bits(g, gradient + 3 * p, 3) && same_bits(h, hessian + 9 * p, 9), "derivatives at %d", p);
            for (int i = 0; i < VARIABLES; i++)
                fuzz_require(ovp_numeric_expression_uses(e, i) || same_bits(g + i, (const double[]){0}, 1),
                             "a derivative by a variable that is not there");
        }
        ovp_numeric_expression_free(e);
    }
    free(text);
    return fuzz_end();
}
