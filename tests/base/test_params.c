/* Parameter tables: every type, every refusal, canonical text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <overparam/base.h>

static const ovp_param rows[] = {
    {"width", OVP_PARAM_INT, "100", 1, 1000000, NULL, "units of the hidden layer", "Width."},
    {"offset", OVP_PARAM_INT, "0", -INFINITY, INFINITY, NULL, "", "Any integer."},
    {"lr", OVP_PARAM_REAL, "1e-2", 0, 10, NULL, "", "Learning rate."},
    {"shift", OVP_PARAM_REAL, "0", -1, INFINITY, NULL, "", "Bounded below."},
    {"drop", OVP_PARAM_REAL, "0", -INFINITY, 1, NULL, NULL, "Bounded above."},
    {"ntk", OVP_PARAM_BOOL, "no", 0, 0, NULL, "", "Switch."},
    {"rng", OVP_PARAM_CHOICE, "philox", 0, 0, "philox|torch|numpy", "", "Stream."},
    {"data-set", OVP_PARAM_TEXT, "mnist", 0, 0, NULL, "", "Data."},
    {"widths", OVP_PARAM_INT_LIST, "10,100", 1, 1000000, NULL, "units of the hidden layer", "Widths."},
    {"seeds", OVP_PARAM_INT_LIST, "0", -INFINITY, INFINITY, NULL, "", "Seeds."},
    {"alphas", OVP_PARAM_REAL_LIST, "1", 1e-6, 1e6, NULL, "", "Alphas."},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

typedef struct fixture {
    ovp_ctx *ctx;
    ovp_params *params;
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    *state = f;
    if (!f || ovp_ctx_create(&f->ctx, NULL) != OVP_OK) return -1;
    return ovp_params_create(&f->params, f->ctx, rows, ROWS) == OVP_OK ? 0 : -1;
}

static int teardown(void **state) {
    fixture *f = *state;
    ovp_params_free(f->params);
    ovp_ctx_free(f->ctx);
    free(f);
    return 0;
}

static void accept(fixture *f, const char *key, const char *text, const char *shown) {
    char where[64];
    snprintf(where, sizeof where, "--%s", key);
    ovp_status status = ovp_params_set(f->params, key, text, where, OVP_EUSAGE);
    if (status != OVP_OK) fail_msg("--%s %s was refused: %s", key, text, ovp_message(f->ctx));
    assert_string_equal(ovp_params_show(f->params, key), shown);
}

/* Refused with the status given, a one-line message that holds `words`, and the value as before. */
static void refuse(fixture *f, const char *key, const char *text, const char *words) {
    char where[64], before[256] = "";
    const int known = ovp_params_find(f->params, key) != NULL;
    if (known) snprintf(before, sizeof before, "%s", ovp_params_show(f->params, key));
    snprintf(where, sizeof where, "--%s", key);
    assert_int_equal(ovp_params_set(f->params, key, text, where, OVP_EUSAGE), OVP_EUSAGE);
    const char *message = ovp_message(f->ctx);
    if (strncmp(message, where, strlen(where)) || !strstr(message, words) || strchr(message, '\n'))
        fail_msg("--%s %s: message '%s' lacks '%s'", key, text, message, words);
    ovp_clear(f->ctx);
    if (known) assert_string_equal(ovp_params_show(f->params, key), before);
}

static void test_defaults(void **state) {
    fixture *f = *state;
    ovp_idx n;
    assert_int_equal(ovp_params_count(f->params), ROWS);
    assert_ptr_equal(ovp_params_row(f->params, 2), &rows[2]);
    assert_ptr_equal(ovp_params_find(f->params, "data_set"), &rows[7]);
    assert_null(ovp_params_find(f->params, "data"));
    assert_int_equal(ovp_params_int(f->params, "width"), 100);
    assert_true(ovp_params_real(f->params, "lr") == 0.01);
    assert_false(ovp_params_bool(f->params, "ntk"));
    assert_string_equal(ovp_params_text(f->params, "rng"), "philox");
    assert_string_equal(ovp_params_text(f->params, "data_set"), "mnist");
    const int64_t *widths = ovp_params_ints(f->params, "widths", &n);
    assert_int_equal(n, 2);
    assert_int_equal(widths[1], 100);
    for (ovp_idx i = 0; i < ROWS; i++) assert_false(ovp_params_is_set(f->params, rows[i].key));
    ovp_params_free(NULL);
}

static void test_accepted(void **state) {
    fixture *f = *state;
    ovp_idx n;
    accept(f, "width", "10_000", "10000");
    accept(f, "width", "1e3", "1000");
    accept(f, "offset", "-7", "-7");
    accept(f, "lr", "5e-1", "0.5");
    accept(f, "lr", "0", "0");
    accept(f, "shift", "inf", "inf");
    accept(f, "ntk", "yes", "yes");
    accept(f, "ntk", "off", "no");
    accept(f, "ntk", "1", "yes");
    assert_true(ovp_params_bool(f->params, "ntk"));
    accept(f, "rng", "torch", "torch");
    accept(f, "data_set", "my data.npz", "my data.npz");
    assert_true(ovp_params_is_set(f->params, "data-set"));
    accept(f, "widths", " 10, 20 ,1e3", "10,20,1000");
    accept(f, "seeds", "0..4", "0..4");
    accept(f, "seeds", "-2..2,42", "-2..2,42");
    accept(f, "seeds", "1,2,3", "1,2,3");
    accept(f, "seeds", "7,7", "7,7"); /* repeats that were written out are meant */
    accept(f, "widths", "log:1:1000:4", "1,10,100,1000");
    accept(f, "widths", "log:1:10:19", "1..10"); /* 1, 1.14, 1.29, ... rounded, repeats dropped */
    accept(f, "widths", "lin:1:3:5", "1,2,3");
    accept(f, "alphas", "log:1e-3:1e3:7", "0.001,0.01,0.1,1,10,100,1000");
    accept(f, "alphas", "lin:1:0.5:3,2..4", "1,0.75,0.5,2,3,4");
    const double *alphas = ovp_params_reals(f->params, "alphas", &n);
    assert_int_equal(n, 6);
    assert_true(alphas[1] == 0.75);
}

static void test_refused(void **state) {
    fixture *f = *state;
    refuse(f, "width", "0", "--width: 0 is outside 1..1000000 (units of the hidden layer)");
    refuse(f, "width", "1e9", "1000000000 is outside 1..1000000");
    refuse(f, "width", "1.5", "'1.5' is not an integer");
    refuse(f, "width", "", "'' is not an integer");
    refuse(f, "width", "99999999999999999999", "not an integer");
    refuse(f, "lr", "nan", "nan is not a value");
    refuse(f, "lr", "-0.1", "-0.1 is outside 0..10");
    refuse(f, "lr", "1,5", "is not a number");
    refuse(f, "shift", "-2", "-2 is below -1");
    refuse(f, "drop", "2", "2 is above 1");
    refuse(f, "ntk", "maybe", "neither yes nor no");
    refuse(f, "rng", "tourch", "is not one of philox|torch|numpy; did you mean torch?");
    refuse(f, "rng", "zzzzzzzzzz", "is not one of philox|torch|numpy");
    refuse(f, "widths", "", "the list is empty");
    refuse(f, "widths", "  ", "the list is empty");
    refuse(f, "widths", "10,,20", "an item of the list is empty");
    refuse(f, "widths", "10,20,", "an item of the list is empty");
    refuse(f, "widths", "10,0", "0 is outside 1..1000000");
    refuse(f, "widths", "0..5", "0 is outside 1..1000000");
    refuse(f, "widths", "5..1", "is empty; write the smaller end first");
    refuse(f, "widths", "1..x", "not a range");
    refuse(f, "seeds", "0..1000000", "more than 1000000 items");
    refuse(f, "seeds", "-9223372036854775807..9223372036854775807", "more than 1000000 items");
    refuse(f, "seeds", "1..1000000,5", "more than 1000000 items");
    refuse(f, "widths", "log:0:10:3", "positive ends");
    refuse(f, "widths", "log:1:10", "is not log:A:B:N");
    refuse(f, "widths", "log:1:10:3:4", "is not log:A:B:N");
    refuse(f, "widths", "lin:1:nan:3", "is not lin:A:B:N");
    refuse(f, "widths", "lin:1:10:1", "allowed 2..1000000");
    refuse(f, "widths", "lin:1:10:1e7", "allowed 2..1000000");
    refuse(f, "seeds", "lin:0:1e30:3", "64-bit");
    refuse(f, "alphas", "1,nan", "nan is not a value");
    refuse(f, "alphas", "0.5..2", "use lin:A:B:N");
}

static void test_unknown_key(void **state) {
    fixture *f = *state;
    refuse(f, "widht", "1", "unknown key; did you mean --width?");
    refuse(f, "data", "1", "did you mean --data-set?");
    refuse(f, "quite-another", "1", "known keys: width, offset");
    assert_int_equal(ovp_params_set(f->params, "alhpas", "1", "a.yaml line 3", OVP_ECONFIG), OVP_ECONFIG);
    assert_string_equal(ovp_message(f->ctx), "a.yaml line 3: unknown key 'alhpas'; did you mean 'alphas'?");
    ovp_clear(f->ctx);
    assert_int_equal(ovp_params_set(f->params, "qqqqqq", "1", "a.yaml line 3", OVP_ECONFIG), OVP_ECONFIG);
    assert_non_null(strstr(ovp_message(f->ctx), "a.yaml line 3: unknown key 'qqqqqq'; known keys: width"));
    ovp_clear(f->ctx);
    assert_int_equal(ovp_params_set(f->params, "lr", "99", "a.yaml line 4", OVP_ECONFIG), OVP_ECONFIG);
    assert_string_equal(ovp_message(f->ctx), "a.yaml line 4, lr: 99 is outside 0..10");
    ovp_clear(f->ctx);
}

/* What ovp_params_show gives is read back to the same values. */
static void test_round_trip(void **state) {
    fixture *f = *state;
    static const char *const texts[] = {"log:0.001:999:57", "lin:0.1:0.7:11", "0.1,1e-5,123456.789", "1..9,0.3"};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        ovp_idx n, again;
        double kept[64];
        assert_int_equal(ovp_params_set(f->params, "alphas", texts[t], "--alphas", OVP_EUSAGE), OVP_OK);
        const double *v = ovp_params_reals(f->params, "alphas", &n);
        assert_true(n <= 64);
        memcpy(kept, v, (size_t)n * sizeof *v);
        char *shown = strdup(ovp_params_show(f->params, "alphas"));
        assert_int_equal(ovp_params_set(f->params, "alphas", shown, "--alphas", OVP_EUSAGE), OVP_OK);
        v = ovp_params_reals(f->params, "alphas", &again);
        assert_int_equal(n, again);
        assert_memory_equal(v, kept, (size_t)n * sizeof *v);
        free(shown);
    }
}

static void test_bad_defaults(void **state) {
    fixture *f = *state;
    static const ovp_param bad[] = {
        {"steps", OVP_PARAM_INT, "0", 1, 10, NULL, "", ""},
        {"list", OVP_PARAM_INT_LIST, "", 1, 10, NULL, "", ""},
        {"mode", OVP_PARAM_CHOICE, "c", 0, 0, "a|b", "", ""},
    };
    for (int i = 0; i < 3; i++) {
        ovp_params *params = f->params;
        assert_int_equal(ovp_params_create(&params, f->ctx, &bad[i], 1), OVP_EINTERNAL);
        assert_null(params);
        assert_non_null(strstr(ovp_message(f->ctx), "default of "));
        ovp_clear(f->ctx);
    }
}

/* ---- out of memory: the n-th allocation fails, for all n ------------------------------------------ */

typedef struct counter {
    int left; /* allocations until the failure */
    int held;
} counter;

static void *count_alloc(void *user, size_t bytes) {
    counter *c = user;
    if (c->left-- <= 0) return NULL;
    c->held++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
}

static void count_release(void *user, void *memory) {
    counter *c = user;
    if (memory) c->held--;
    free(memory);
}

static void test_out_of_memory(void **state) {
    (void)state;
    counter c = {.left = 1 << 20};
    ovp_allocator allocator = {count_alloc, count_release, &c};
    ovp_ctx_options options = {.size = sizeof options, .allocator = &allocator, .threads = 1};
    ovp_ctx *ctx = NULL;
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    const int before = c.held;
    int failures = 0;
    for (int n = 0;; n++) {
        ovp_params *params = NULL;
        c.left = n;
        ovp_status status = ovp_params_create(&params, ctx, rows, ROWS);
        if (status == OVP_OK) status = ovp_params_set(params, "widths", "1..100,500,600", "--widths", OVP_EUSAGE);
        if (status == OVP_OK) status = ovp_params_set(params, "data-set", "other", "--data-set", OVP_EUSAGE);
        ovp_params_free(params);
        assert_int_equal(c.held, before);
        if (status == OVP_OK) break;
        assert_int_equal(status, OVP_ENOMEM);
        assert_string_not_equal(ovp_message(ctx), "");
        ovp_clear(ctx);
        failures++;
    }
    assert_true(failures > ROWS);
    ovp_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_defaults, setup, teardown),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
