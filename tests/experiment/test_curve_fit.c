/* curve-fit: the published preparation, recovery (depth-limit 4a.12), every source of series, verdicts, bad inputs. */
#include "run_helpers.h"

#include <experiment/curve_fit_int.h>

static ovp_status run_fits(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_curve_fit, result, root, settings);
}

static double fit_at(const json_t *result, size_t row, const char *column) {
    json_t *cell = table_cell(result, "fits", row, column);
    return json_is_number(cell) ? json_number_value(cell) : (double)NAN;
}

static const char *text_of(const json_t *result, size_t row, const char *column) {
    return json_string_value(table_cell(result, "fits", row, column));
}

static double relative(double value, double expected) {
    return fabs(value / expected - 1);
}

/* ---- preparation --------------------------------------------------------------------------------- */

static void keeps(const double *y, ovp_idx n, int64_t period, int64_t window, const char *expected) {
    double t[64];
    ovp_idx kept[64];
    char text[256] = "";
    for (ovp_idx i = 0; i < n; i++) t[i] = (double)(i + 1);
    ovp_idx count = curve_fit_keep(kept, n, t, y, period, window);
    for (ovp_idx i = 0; i < count; i++) snprintf(text + strlen(text), 16, "%s%d", i ? " " : "", (int)kept[i] + 1);
    assert_string_equal(text, expected);
}

static void the_published_preparation(void **state) {
    (void)state;
    double y[20];
    for (int i = 0; i < 20; i++) y[i] = i + 1;
    keeps(y, 10, 0, 5, "2 3 4 7 8 9"); /* 4a.12 */
    keeps(y, 10, 2, 0, "1 3 5 7 9");
    keeps(y, 10, 2, 5, "3 5 7");
    keeps(y, 11, 0, 5, "2 3 4 5 8 9 10"); /* numpy.array_split: the first one longer */
    keeps(y, 14, 0, 5, "2 3 4 5 6 9 10 11 12 13");
    keeps(y, 9, 0, 5, "2 3 4 5 6 7 8"); /* one window of nine */
    keeps(y, 4, 0, 5, "");
    keeps((double[]){3, 1, 3, 2, 1, 2, 3}, 7, 0, 7, "4 6"); /* ties go too */
    keeps((double[]){2, 2, 2, 2, 1, 4, 3, 5}, 8, 0, 4, "6 7");
    keeps((double[]){5, NAN, 4, INFINITY, 3, 2, 1}, 7, 0, 5, "3 5 6");
}

/* An epoch's last, smaller batch: every 391st Omega is 2.56 times as large; windows of 27 hold at most one. */
static void outliers_of_an_epoch_go(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 6256 };
    double *t, *y;
    ovp_idx *kept, outliers = 0;
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_alloc(ctx, &t, N, sizeof *t));
    assert_ok(ctx, ovp_alloc(ctx, &y, N, sizeof *y));
    assert_ok(ctx, ovp_alloc(ctx, &kept, N, sizeof *kept));
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 5, OVP_PURPOSE_TEST, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, N, 0, 1, y);
    ovp_numeric_rng_free(rng);
    for (int i = 0; i < N; i++) {
        t[i] = i + 1;
        y[i] = pow(t[i] / 391 + 1, -.61) * (1 + .05 * y[i]) * ((i + 1) % 391 == 0 ? 2.56 : 1);
    }
    const ovp_idx count = curve_fit_keep(kept, N, t, y, 0, 27);
    for (ovp_idx i = 0; i < count; i++) outliers += (kept[i] + 1) % 391 == 0;
    assert_int_equal(outliers, 0);
    assert_int_equal(count, N - 2 * (N / 27));
    ovp_free(ctx, kept);
    ovp_free(ctx, y);
    ovp_free(ctx, t);
}

/* ---- recovery ------------------------------------------------------------------------------------ */

static void what_was_put_in_is_found(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_fits(ctx, &result, root,
                            SETTINGS("noise=0", "outlier-period=0", "points=500", "seeds=1", "data-seed=3")));
    assert_int_equal(table_rows(result, "fits"), 1);
    assert_true(relative(fit_at(result, 0, "scale"), 7.1e-5) < 1e-6 && relative(fit_at(result, 0, "rho"), .61) < 1e-6);
    assert_true(fit_at(result, 0, "used") == 300 && fit_at(result, 0, "points") == 500);
    assert_string_equal(text_of(result, 0, "status"), "ok");
    assert_string_equal(holds_of(result, 0), "unclear"); /* one seed */
    json_decref(result);
    scratch_remove(root);

    assert_ok(ctx, run_fits(ctx, &result, root, SETTINGS("preset=paper", "seeds=1..5", "rho-margin=.01")));
    for (size_t i = 0; i < 5; i++) {
        const double rho = fit_at(result, i, "rho"), se = fit_at(result, i, "rho_se"), n = fit_at(result, i, "used");
        assert_true(fabs(rho - .61) < .01); /* 4a.12 */
        assert_true(fit_at(result, i, "rho_low") < rho && rho < fit_at(result, i, "rho_high"));
        assert_true(se > 0 && relative(fit_at(result, i, "rho_published_se"), se / sqrt(n)) < 1e-15);
        assert_true(fit_at(result, i, "shift") == 1 && fit_at(result, i, "shift_se") == 0);
    }
    assert_string_equal(holds_of(result, 0), "yes"); /* it falls */
    assert_string_equal(holds_of(result, 1), "yes"); /* .61 */
    assert_string_equal(holds_of(result, 4), "no");  /* the published error */
    assert_int_equal(table_rows(result, "fits-summary"), 3);
    json_decref(result);
    scratch_remove(root);

    assert_ok(ctx, run_fits(ctx, &result, root,
                            SETTINGS("infer-shift=yes", "true-shift=20", "true-scale=.5", "noise=0", "points=300",
                                     "outlier-period=0", "seeds=1")));
    assert_true(relative(fit_at(result, 0, "shift"), 20) < 1e-6 && relative(fit_at(result, 0, "rho"), .61) < 1e-6);
    json_decref(result);
    scratch_remove(root);
}

/* The robust error is the spread of rho over draws; the plain one, with noise in proportion, is not. */
static void errors_are_judged_by_draws(void **state) {
    ovp_ctx *ctx = *state;
    stop_drawing();
    char root[256];
    json_t *result;
    assert_ok(ctx, run_fits(ctx, &result, root, SETTINGS("seeds=1..40", "points=1000", "expected-rho=1")));
    assert_string_equal(holds_of(result, 0), "yes");
    assert_string_equal(holds_of(result, 1), "no"); /* not 1 */
    assert_string_equal(holds_of(result, 2), "no");
    assert_string_equal(holds_of(result, 3), "yes");
    assert_string_equal(holds_of(result, 4), "no");
    json_decref(result);
    scratch_remove(root);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    char *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        ovp_ctx *ctx;
        char root[256];
        json_t *result;
        assert_int_equal(ovp_ctx_create(&ctx, &(ovp_ctx_options){.size = sizeof(ovp_ctx_options), .threads = threads}),
                         OVP_OK);
        assert_ok(ctx, run_fits(ctx, &result, root, SETTINGS("preset=quick", "infer-shift=yes")));
        char *tables = json_dumps(json_object_get(result, "tables"), JSON_SORT_KEYS);
        if (first) assert_string_equal(first, tables);
        if (!first) first = strdup(tables);
        free(tables);
        json_decref(result);
        scratch_remove(root);
        ovp_ctx_free(ctx);
    }
    free(first);
}

/* ---- sources ------------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* Two depths, seeds 1..4 each, the rows in turns: C = .1 layers, rho = .1 layers, as 1, 2, .. within a series. */
static void make_csv(const char *path) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "layers,seed,epoch,omega\n");
    for (int t = 1; t <= 30; t++)
        for (int layers = 4; layers <= 8; layers += 4)
            for (int seed = 1; seed <= 4; seed++)
                fprintf(file, "%d,%d,%d,%.17g\n", layers, seed, t - 1,
                        .1 * layers * pow(t + 1, -.1 * layers) * (1 + .001 * seed));
    assert_int_equal(fclose(file), 0);
}

static void a_csv_with_groups(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], folder[256], input[300];
    json_t *result;
    scratch_make(folder);
    snprintf(input, sizeof input, "input=%s/omega.csv", folder);
    make_csv(input + 6);
    assert_ok(ctx, run_fits(ctx, &result, root, SETTINGS(input, "column=omega", "window-size=0", "expected-rho=.4")));
    assert_int_equal(table_rows(result, "fits"), 8);
    for (size_t i = 0; i < 8; i++) {
        const double layers = i < 4 ? 4 : 8;
        assert_string_equal(text_of(result, i, "group"), i < 4 ? "layers=4" : "layers=8");
        assert_true(fit_at(result, i, "seed") == (double)(1 + i % 4) && fit_at(result, i, "points") == 30);
        assert_true(relative(fit_at(result, i, "rho"), .1 * layers) < 1e-9);
        assert_true(relative(fit_at(result, i, "scale"), .1 * layers * (1 + .001 * (double)(1 + i % 4))) < 1e-9);
    }
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 4);
    assert_string_equal(holds_of(result, 1), "yes");
    assert_string_equal(holds_of(result, 3), "no");
    assert_int_equal(table_rows(result, "fits-summary"), 6);
    json_decref(result);
    scratch_remove(root);
    /* the epochs as t: one less, so T0 = 2 gives the same */
    assert_ok(ctx, run_fits(ctx, &result, root,
                            SETTINGS(input, "column=omega", "window-size=5", "x-column=epoch", "shift=2")));
    assert_true(relative(fit_at(result, 7, "rho"), .8) < 1e-9 && fit_at(result, 7, "used") == 18);
    json_decref(result);
    scratch_remove(root);
    scratch_remove(folder);
}

static void an_event_file(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 60 };
    char root[256], folder[256], input[400];
    ovp_io_scalar scalars[2 * N];
    json_t *result;
    scratch_make(folder);
    snprintf(input, sizeof input, "input=%s/events.out.tfevents.1", folder);
    for (int i = 0; i < N; i++) {
        scalars[2 * i] = (ovp_io_scalar){"train_loss", 10 * i, 1, 3};
        scalars[2 * i + 1] = (ovp_io_scalar){"avg_grad_norm", 10 * i, 1, 7.1e-5 * pow(i + 2, -.61)};
    }
    assert_ok(ctx, ovp_io_tfevents_write(ctx, input + 6, scalars, 2 * N));
    assert_ok(ctx, run_fits(ctx, &result, root, SETTINGS(input)));
    assert_int_equal(table_rows(result, "fits"), 1);
    assert_string_equal(text_of(result, 0, "group"), "avg_grad_norm");
    assert_true(json_is_null(table_cell(result, "fits", 0, "seed")));
    /* the values are floats: 2^-24 relative each */
    assert_true(fit_at(result, 0, "points") == N && relative(fit_at(result, 0, "rho"), .61) < 1e-6);
    json_decref(result);
    scratch_remove(root);
    /* steps 0, 10, .. times .1 are one less than 1, 2, .. */
    assert_ok(ctx, run_fits(ctx, &result, root, SETTINGS(input, "x-column=step", "scaling-x=.1", "shift=2")));
    assert_true(relative(fit_at(result, 0, "rho"), .61) < 1e-6);
    json_decref(result);
    scratch_remove(root);
    ovp_params *p = params_with(ctx, &ovp_experiment_curve_fit, SETTINGS(input, "column=loss"));
    assert_fails(ctx, OVP_ENOTFOUND, "it has: train_loss, avg_grad_norm",
                 ovp_experiment_execute(&result, ctx, &ovp_experiment_curve_fit, p, folder, NULL));
    ovp_params_free(p);
    scratch_remove(folder);
}

static void a_run(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], first[256], input[600];
    json_t *result;
    assert_ok(ctx, run_fits(ctx, &result, first, SETTINGS("noise=0", "outlier-period=0", "points=200", "seeds=1,2")));
    snprintf(input, sizeof input, "input=%s", text_at(result, "run_dir"));
    json_decref(result);
    /* its array of kept points: 2 series of 120 points in one vector, of which the first only is asked for by windows
     */
    assert_ok(ctx, run_fits(ctx, &result, root, SETTINGS(input, "array=t", "window-size=0")));
    assert_true(fit_at(result, 0, "points") == 240);
    assert_string_equal(text_of(result, 0, "status"), "at bound: C rho"); /* it grows */
    json_decref(result);
    scratch_remove(root);
    assert_ok(ctx, run_fits(ctx, &result, root,
                            SETTINGS(input, "table=fits", "column=rho", "window-size=0", "x-column=seed")));
    assert_true(fit_at(result, 0, "points") == 1); /* group `seed`: a series of one point each */
    assert_string_equal(text_of(result, 1, "status"), "too few points");
    assert_true(isnan(fit_at(result, 1, "rho")) && isnan(fit_at(result, 1, "rho_published_se")));
    assert_string_equal(holds_of(result, 0), "unclear");
    json_decref(result);
    scratch_remove(root);
    scratch_remove(first);
}

/* ---- what is refused ----------------------------------------------------------------------------- */

static void refused(ovp_ctx *ctx, ovp_status expected, const char *words, const char *const *settings) {
    char root[256];
    json_t *result = NULL;
    assert_fails(ctx, expected, words, run_fits(ctx, &result, root, settings));
    assert_null(result); /* no run folder */
    scratch_remove(root);
}

static void bad_inputs(void **state) {
    ovp_ctx *ctx = *state;
    char folder[256], csv[300], one[300], path[300];
    scratch_make(folder);
    assert_int_equal(setenv("OVERPARAM_RUNS", folder, 1), 0);
    snprintf(csv, sizeof csv, "input=%s/a.csv", folder);
    make_csv(csv + 6);
    refused(ctx, OVP_EINVAL, "--window-size 2: windows without", SETTINGS("window-size=2"));
    refused(ctx, OVP_EINVAL, "--filter-period 1", SETTINGS("filter-period=1"));
    refused(ctx, OVP_EINVAL, "--window-size 31: the longest series has 30",
            SETTINGS(csv, "column=omega", "window-size=31"));
    refused(ctx, OVP_EINVAL, "--column", SETTINGS(csv));
    refused(ctx, OVP_ENOTFOUND, "it has: layers, seed, epoch, omega", SETTINGS(csv, "column=loss"));
    refused(ctx, OVP_ENOTFOUND, "--group", SETTINGS(csv, "column=omega", "group=layer"));
    refused(ctx, OVP_EINVAL, "--group", SETTINGS(csv, "column=omega", "group=layers,,seed"));
    refused(ctx, OVP_ENOTFOUND, "no column 'step'", SETTINGS(csv, "column=omega", "x-column=step"));
    refused(ctx, OVP_ENOTFOUND, "none.csv", SETTINGS("input=none.csv"));
    refused(ctx, OVP_ENOTFOUND, "events.tfevents", SETTINGS("input=events.tfevents"));
    refused(ctx, OVP_ENOTFOUND, "no finished run", SETTINGS("input=latest"));
    refused(ctx, OVP_ENOTFOUND, "no run '2026'", SETTINGS("input=2026"));
    snprintf(one, sizeof one, "input=%s/b.csv", folder);
    write_text(one + 6, "omega\n1\nhigh\n");
    refused(ctx, OVP_EFORMAT, "line 3", SETTINGS(one));
    write_text(one + 6, "omega\n");
    refused(ctx, OVP_EFORMAT, "it has no rows", SETTINGS(one));
    snprintf(path, sizeof path, "input=%s/tfevents", folder);
    write_text(path + 6, "not a record of an event file at all");
    refused(ctx, OVP_EFORMAT, "tfevents", SETTINGS(path));
    refused(ctx, OVP_EINVAL, "only 'step'", SETTINGS(path, "x-column=epoch"));
    refused(ctx, OVP_EINVAL, "numpy's stream", SETTINGS("rng=numpy", "seed=-1"));
    scratch_remove(folder);
}

static void running_out_of_memory(void **state) {
    (void)state;
    char folder[256], input[300];
    scratch_make(folder);
    snprintf(input, sizeof input, "input=%s/a.csv", folder);
    make_csv(input + 6);
    assert_survives_without_memory(&ovp_experiment_curve_fit, SETTINGS(input, "column=omega"));
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(the_published_preparation),
        CTX_TEST(outliers_of_an_epoch_go),
        CTX_TEST(what_was_put_in_is_found),
        CTX_TEST(errors_are_judged_by_draws),
        CTX_TEST(threads_do_not_matter),
        CTX_TEST(a_csv_with_groups),
        CTX_TEST(an_event_file),
        CTX_TEST(a_run),
        CTX_TEST(bad_inputs),
        CTX_TEST(running_out_of_memory),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
