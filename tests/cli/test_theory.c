/* overparam theory from outside: numbers as JSON and for people, wrong flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#define PROGRAM OVP_BUILD_DIR "/overparam theory "

/* Exit code; stdout and stderr together in out. */
static int run(const char *arguments, char *out, size_t bytes) {
    char line[512];
    snprintf(line, sizeof line, "%s%s 2>&1", PROGRAM, arguments);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    const size_t n = fread(out, 1, bytes - 1, pipe);
    out[n] = '\0';
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static json_t *json(const char *arguments) {
    static char out[1 << 18];
    if (run(arguments, out, sizeof out)) fail_msg("%s: %s", arguments, out);
    json_t *object = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_object(object));
    assert_int_equal(json_integer_value(json_object_get(object, "schema")), 1);
    return object;
}

static void number(const json_t *object, const char *key, double expected, double tolerance) {
    const double value = json_number_value(json_object_get(object, key));
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%s: %.17g, expected %.17g", key, value, expected);
}

static void one_point(void **state) {
    (void)state;
    json_t *o = json("mean-field --sigma-w 1.3 --sigma-b .3 --depth 3 --json");
    number(o, "q_star", .607047, 5.01e-7);
    number(o, "chi_1", .939807, 5.01e-7);
    number(o, "edge_sigma_w", 1.395584, 5.01e-7);
    number(o, "c_star", 1, 0);
    assert_string_equal(json_string_value(json_object_get(o, "phase")), "ordered");
    assert_int_equal(json_array_size(json_object_get(o, "layers")), 3);
    number(json_array_get(json_object_get(o, "layers"), 0), "c", .5, 0);
    json_decref(o);
    o = json("mean-field --sigma-w .5 --sigma-b 0 --json"); /* everything dies out */
    number(o, "q_star", 0, 0);
    assert_true(json_is_null(json_object_get(o, "c_star")));
    json_decref(o);
}

/* relu: q' = sigma_w^2 q / 2 + sigma_b^2, so that q is 1, 2.09, 4.27, .. and doubles until the numbers end. */
static void no_fixed_point(void **state) {
    static char out[1 << 16];
    (void)state;
    json_t *o = json("mean-field --activation relu --sigma-w 2 --sigma-b .3 --depth 1100 --json");
    static const char *const empty[] = {"q_star", "q_error", "chi_1", "chi_2", "c_star", "chi_c", "xi_q", "xi_c"};
    assert_string_equal(json_string_value(json_object_get(o, "phase")), "unbounded");
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) assert_true(json_is_null(json_object_get(o, empty[i])));
    const json_t *layers = json_object_get(o, "layers"), *last = json_array_get(layers, 1099);
    assert_int_equal(json_array_size(layers), 1100);
    number(json_array_get(layers, 1), "q", 2.09, 1e-14);
    number(json_array_get(layers, 2), "q", 4.27, 1e-14);
    assert_true(json_is_null(json_object_get(last, "q")) && json_is_null(json_object_get(last, "c")) &&
                json_is_null(json_object_get(last, "length")));
    number(last, "layer", 1100, 0);
    json_decref(o);
    assert_int_equal(run("mean-field --activation relu --sigma-w 2", out, sizeof out), 0);
    assert_non_null(strstr(out, ": unbounded\n"));
    assert_non_null(strstr(out, "no fixed point: q grows without bound"));
    assert_int_equal(run("mean-field --activation square --sigma-w 2 --depth 12", out, sizeof out), 0);
}

/* Exact least squares below and above the threshold; the other models' tables are in tests/theory. */
static void risk_curves(void **state) {
    static char out[1 << 16];
    (void)state;
    json_t *o = json("risk-curves --n 20 --counts 10,20,40 --signal 3 --noise 2 --json");
    json_t *points = json_object_get(o, "points");
    assert_int_equal(json_array_size(points), 3);
    number(json_array_get(points, 0), "excess", 4 * 10. / 9, 1e-14);
    number(json_array_get(points, 2), "excess", 1.5 + 4 * 20. / 19, 1e-14);
    assert_true(json_is_null(json_object_get(json_array_get(points, 1), "excess")));
    json_decref(o);
    o = json("risk-curves --model mei-montanari --d 100 --n 300 --noise 0.4472135954999579 --counts 50,1000 --json");
    number(json_array_get(json_object_get(o, "points"), 0), "excess", .8500, 5.01e-5);
    number(json_array_get(json_object_get(o, "points"), 1), "excess", .2400, 5.01e-5);
    json_decref(o);
    o = json("risk-curves --model eigenlearning --counts 10,100 --json");
    number(json_array_get(json_object_get(o, "points"), 1), "train", 0, 0);
    json_decref(o);
    assert_int_equal(run("risk-curves --lambda -1", out, sizeof out), 2);
    assert_non_null(strstr(out, "--lambda: -1 is outside"));
    assert_int_equal(run("risk-curves --sigma-w 1", out, sizeof out), 2);
    assert_non_null(strstr(out, "belongs to theory mean-field"));
    assert_int_equal(run("risk-curves --model mei-montanari --nonlinearity identity", out, sizeof out), 2);
    assert_int_equal(run("risk-curves --model moon", out, sizeof out), 2);
}

static void many_points(void **state) {
    static char out[1 << 16];
    (void)state;
    json_t *o = json("mean-field --activation relu --sigma-w 1,2 --sigma-b 0,.5 --json");
    const json_t *points = json_object_get(o, "points"), *last = json_array_get(points, 3);
    assert_int_equal(json_array_size(points), 4);
    assert_string_equal(json_string_value(json_object_get(last, "phase")), "unbounded");
    assert_true(json_is_null(json_object_get(last, "q_star")));
    number(json_array_get(points, 1), "q_star", .5, 1e-12);
    json_decref(o);
    assert_int_equal(run("mean-field --map --sigma-w 1,2,4 --sigma-b 0,1,3", out, sizeof out), 0);
    assert_non_null(strstr(out, "=.."));
    assert_non_null(strstr(out, "##."));
    assert_non_null(strstr(out, "###"));
}

static const struct {
    const char *line;
    int code;
    const char *words;
} failures[] = {
    {"mean-filed", 2, "did you mean 'mean-field'"},
    {"mean-field extra", 2, "too many"},
    {"mean-field --sigma-w 0", 2, "--sigma-w: 0 is outside"},
    {"mean-field --sigma-w nan", 2, "--sigma-w"},
    {"mean-field --sigma-b -1", 2, "--sigma-b: -1 is outside"},
    {"mean-field --sigma 1", 2, "did you mean --sigma"},
    {"mean-field --tolerance 1", 2, "--tolerance"},
    {"mean-field --c0 1.5", 2, "--c0"},
    {"mean-field --activation thanh", 2, "there are: identity, relu"},
    {"mean-field --sigma-w 1,2 --depth 3", 2, "--depth: follows one net"},
    {"mean-field --sigma-w lin:1:2:1000 --sigma-b lin:1:2:1000", 2, "at most 40000"},
};

static void test_failures(void **state) {
    char out[4096];
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        const int code = run(failures[i].line, out, sizeof out);
        const char *end = strchr(out, '\n');
        if (code != failures[i].code || !strstr(out, failures[i].words) || !end || end[1])
            fail_msg("%s: exit %d: %s", failures[i].line, code, out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_point),   cmocka_unit_test(no_fixed_point), cmocka_unit_test(risk_curves),
        cmocka_unit_test(many_points), cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
