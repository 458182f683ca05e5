/* experiment: the framework, driven by a tiny made-up experiment that can finish, fail and be interrupted. */
#include "allocator.h"
#include "run_helpers.h"

#include <sys/stat.h>

/* ---- the made-up experiment ---------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|broken", "f64"),
    {"mode", OVP_PARAM_CHOICE, "complete", 0, 0, "complete|fail|interrupt|bad-table|bad-summary|bad-column", "",
     "How it ends."},
    {"rows", OVP_PARAM_INT, "4", 0, 1e6, NULL, "", "Rows."},
    {"reals", OVP_PARAM_REAL_LIST, "1.5,2", 0, 9, NULL, "", "A list."},
};
static const ovp_experiment_preset presets[] = {
    {"quick", "few seeds", "rows=2;seeds=1..3"},
    {"default", "more", "seeds=1..5"},
    {"broken", "not a preset", "rows"},
};
static const ovp_store_column points_columns[] = {
    {"setting", "", "s"}, {"seed", "", "seed"}, {"value", "m", "v"}, {"note", "", "n"}};
static const ovp_store_column summary_columns[] = {{"setting", "", "s"}, {"measure", "", "m"}, {"count", "", "c"},
                                                   {"mean", "", "m"},    {"low", "", "l"},     {"high", "", "h"}};
static const ovp_experiment_table tables[] = {
    {"points", "Rows.", points_columns, 4, 0},
    {"points-summary", "Means.", summary_columns, 6, 0},
    {"rare", "Mostly empty.", points_columns, 4, 1},
};
static const ovp_experiment_question questions[] = {{"Does it run?", "Yes."}};

static ovp_status refuse_seven(ovp_ctx *ctx, const ovp_params *p) {
    return ovp_params_int(p, "rows") == 7 ? ovp_fail(ctx, OVP_EINVAL, "--rows 7 is refused") : OVP_OK;
}

static ovp_status put_point(ovp_experiment_run *run, int64_t setting, int64_t seed, double value) {
    const ovp_store_cell cells[] = {ovp_cell_int(setting), ovp_cell_int(seed), ovp_cell_real(value),
                                    setting ? ovp_cell_text("a, \"b\"") : ovp_cell_null()};
    return ovp_run_row(run, "points", cells);
}

static ovp_status put_rest(ovp_experiment_run *run) {
    static const char *const settings[] = {"setting"}, *const measures[] = {"value"};
    ovp_status status = OVP_OK;
    double data[] = {1, 2, 3}, x[] = {1, 2, 3}, y[] = {1, 4, 9};
    ovp_numeric_array array = {.type = OVP_F64, .ndim = 1, .shape = {3}, .data = data};
    const ovp_figure_series series = {.label = "squares", .style = OVP_FIGURE_LINE, .n = 3, .x = x, .y = y};
    const ovp_figure figure = {.name = "squares",
                               .title = "Squares",
                               .x_label = "x",
                               .y_label = "y",
                               .caption = "Squares.",
                               .series = &series,
                               .count = 1};
    json_t *about = json_pack("{s:s}", "model", "made up");
    const ovp_experiment_verdict verdict = {"Squares grow", "by looking", 1.5, NAN, NAN, 2, OVP_HOLDS_NO};
    OVP_TRY(ovp_run_summary(run, "points", "points-summary", settings, 1, measures, 1));
    OVP_TRY(ovp_run_array(run, "data", &array));
    data[0] = 7;
    OVP_TRY(ovp_run_array(run, "data", &array));
    OVP_TRY(ovp_run_weight(run, "w", &array));
    OVP_TRY(ovp_run_describe(run, about));
    OVP_TRY(ovp_run_verdict(run, &verdict));
    OVP_TRY(ovp_run_warning(run, "twice %d", 1));
    OVP_TRY(ovp_run_warning(run, "twice %d", 1));
    OVP_TRY(ovp_run_figure(run, &figure));
done:
    json_decref(about);
    return status;
}

static ovp_status made_up(ovp_experiment_run *run) {
    static const char *const unknown[] = {"nothing"};
    ovp_status status = OVP_OK, end;
    const ovp_params *p = ovp_run_params(run);
    const char *mode = ovp_params_text(p, "mode");
    ovp_idx seeds, rows = ovp_params_int(p, "rows");
    const int64_t *seed = ovp_run_seeds(run, &seeds);
    assert_null(ovp_run_table(run, "nothing"));
    for (ovp_idx s = 0; s < seeds && status == OVP_OK; s++) {
        assert_int_equal(ovp_run_data_seed(run, seed[s]), ovp_params_is_set(p, "data-seed") ? 5 : seed[s]);
        for (ovp_idx i = 0; i < rows; i++) {
            /* a value that is not finite is left out of means */
            OVP_TRY(put_point(run, i % 2, seed[s], i == 3 ? (double)NAN : (double)(seed[s] * (1 + i % 2))));
            ovp_run_progress(run, &(ovp_progress){"made up", "rows", i + 1, rows, "value", 1});
        }
        if (strcmp(mode, "interrupt") == 0) ovp_cancel(ovp_run_ctx(run));
        if (strcmp(mode, "fail") == 0) status = ovp_fail(ovp_run_ctx(run), OVP_ENUMERIC, "it broke at row %d", 3);
        if (status == OVP_OK) status = ovp_check(ovp_run_ctx(run));
    }
    if (strcmp(mode, "bad-table") == 0) return ovp_run_row(run, "nothing", NULL);
    if (strcmp(mode, "bad-summary") == 0) return ovp_run_summary(run, "points", "points", unknown, 1, unknown, 0);
    if (strcmp(mode, "bad-column") == 0)
        return ovp_run_summary(run, "points", "points-summary", unknown, 1, unknown, 0);
    assert_int_equal(ovp_store_table_rows(ovp_run_table(run, "points")) % (rows ? rows : 1), 0);
    end = put_rest(run);
    if (status == OVP_OK) status = end;
done:
    return status;
}

static const ovp_experiment fake = {
    .id = "made-up",
    .title = "Made up",
    .claim = "c",
    .formula = "f",
    .source = "s",
    .about = "a",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .presets = presets,
    .preset_count = 3,
    .tables = tables,
    .table_count = 3,
    .questions = questions,
    .question_count = 1,
    .check = refuse_seven,
    .run = made_up,
};

/* Runs it into a new folder; the caller frees *result and removes the folder. */
static ovp_status run_fake(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &fake, result, root, settings);
}
/* ---- tests --------------------------------------------------------------------------------------- */

static void a_complete_run_leaves_everything(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_fake(ctx, &result, root, SETTINGS("seeds=1..4", "data-seed=5")));
    const char *dir = text_at(result, "run_dir");
    assert_string_equal(text_at(result, "status"), "complete");
    assert_string_equal(text_at(result, "experiment"), "made-up");
    assert_int_equal(json_integer_value(json_object_get(result, "schema")), 1);
    assert_null(json_object_get(result, "error"));
    assert_true(json_number_value(json_object_get(result, "seconds")) > 0);
    json_t *keys = json_object_get(result, "params"), *where = json_object_get(result, "environment");
    assert_int_equal(json_integer_value(json_object_get(keys, "data-seed")), 5);
    assert_true(json_is_false(json_object_get(keys, "save-weights")));
    assert_true(json_real_value(json_array_get(json_object_get(keys, "reals"), 0)) == 1.5);
    assert_string_equal(text_at(where, "precision"), "f64");
    assert_string_equal(text_at(where, "rng"), "philox");
    assert_int_equal(json_integer_value(json_object_get(where, "threads")), ovp_threads(ctx));
    assert_true(strlen(text_at(where, "isa")) > 0 && strlen(text_at(where, "blas")) > 0);

    assert_null(json_object_get(json_object_get(result, "tables"), "rare"));
    assert_null(file_text(dir, "tables/rare.csv", NULL));
    /* 4 seeds x 4 rows; setting 0 has the values seed, seed; setting 1 has 2 seed and one NaN each */
    assert_int_equal(table_rows(result, "points"), 16);
    assert_true(json_is_null(table_cell(result, "points", 3, "value")));
    assert_int_equal(table_rows(result, "points-summary"), 2);
    assert_int_equal(json_integer_value(table_cell(result, "points-summary", 0, "count")), 8);
    assert_true(json_number_value(table_cell(result, "points-summary", 0, "mean")) == 2.5);
    assert_int_equal(json_integer_value(table_cell(result, "points-summary", 1, "count")), 4);
    /* 2, 4, 6, 8: mean 5, sd 2.581988897, t(3) 3.182446305 (scipy) */
    assert_true(fabs(json_number_value(table_cell(result, "points-summary", 1, "high")) - 5 -
                     3.182446305 * 2.581988897 / 2) < 1e-8);
    json_t *verdict = json_array_get(json_object_get(result, "verdicts"), 0);
    assert_string_equal(text_at(verdict, "holds"), "no");
    assert_true(json_is_null(json_object_get(verdict, "interval")));
    assert_true(json_number_value(json_object_get(verdict, "predicted")) == 2);
    json_t *warnings = json_object_get(result, "warnings");
    assert_int_equal(json_array_size(warnings), 1 + !ovp_figure_available(NULL, 0));
    assert_string_equal(json_string_value(json_array_get(warnings, 0)), "twice 1");

    assert_int_equal(lines_of(dir, "tables/points.csv"), 17);
    assert_int_equal(lines_of(dir, "tables/points-summary.csv"), 3);
    assert_int_equal(lines_of(dir, "metrics.jsonl"), 18);
    json_t *file = file_json(dir, "result.json");
    assert_true(json_equal(file, result));
    json_decref(file);
    json_t *manifest = file_json(dir, "manifest.json");
    assert_string_equal(text_at(manifest, "status"), "complete");
    assert_true(json_integer_value(json_object_get(manifest, "peak_memory_bytes")) > 100000);
    assert_int_equal(json_array_size(json_object_get(manifest, "seeds")), 4);
    assert_string_equal(text_at(json_object_get(manifest, "description"), "model"), "made up");
    json_decref(manifest);
    char *report = file_text(dir, "report.html", NULL), *script = file_text(dir, "figures/squares.gp", NULL);
    assert_non_null(strstr(report, "Made up"));
    assert_non_null(script);
    free(report);
    free(script);

    char path[600];
    ovp_io_named_array *arrays;
    ovp_idx count;
    snprintf(path, sizeof path, "%s/arrays.npz", dir);
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    assert_int_equal(count, 1);
    assert_true(((double *)arrays[0].array.data)[0] == 7);
    ovp_io_npz_free(ctx, arrays, count);
    snprintf(path, sizeof path, "%s/weights.npz", dir);
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    assert_int_equal(count, 2);
    assert_string_equal(arrays[1].name, "description");
    assert_int_equal(strncmp(arrays[1].array.data, "{\"model\"", 8), 0);
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);
}

static void a_failed_run_keeps_what_it_has(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    ovp_status status = run_fake(ctx, &result, root, SETTINGS("mode=fail", "seeds=1,2"));
    assert_fails(ctx, OVP_ENUMERIC, "it broke at row 3", status);
    const char *dir = text_at(result, "run_dir");
    assert_string_equal(text_at(result, "status"), "failed");
    assert_string_equal(text_at(result, "error"), "it broke at row 3");
    assert_int_equal(table_rows(result, "points"), 4); /* one seed */
    assert_int_equal(lines_of(dir, "tables/points.csv"), 5);
    json_t *manifest = file_json(dir, "manifest.json");
    assert_string_equal(text_at(manifest, "status"), "failed");
    assert_string_equal(text_at(manifest, "error"), "it broke at row 3");
    json_decref(manifest);
    json_decref(result);
    scratch_remove(root);
}

static void an_interrupted_run_keeps_rows_and_draws_figures(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    ovp_status status = run_fake(ctx, &result, root, SETTINGS("mode=interrupt", "seeds=1,2"));
    assert_fails(ctx, OVP_EINTERRUPTED, "", status);
    const char *dir = text_at(result, "run_dir");
    assert_string_equal(text_at(result, "status"), "interrupted");
    assert_int_equal(table_rows(result, "points"), 4);
    assert_int_equal(table_rows(result, "points-summary"), 2);
    json_t *manifest = file_json(dir, "manifest.json"), *file = file_json(dir, "result.json");
    assert_string_equal(text_at(manifest, "status"), "interrupted");
    assert_true(json_equal(file, result));
    json_decref(manifest);
    json_decref(file);
    char *drawn = file_text(dir, "figures/squares.dat", NULL);
    assert_non_null(drawn);
    free(drawn);
    json_decref(result);
    scratch_remove(root);
}

static void mistakes_of_an_experiment_are_named(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *mode, *words;
    } cases[] = {{"mode=bad-table", "no table 'nothing'"},
                 {"mode=bad-summary", "not declared with 6 columns"},
                 {"mode=bad-column", "no column 'nothing'"}};
    for (int i = 0; i < 3; i++) {
        char root[256];
        json_t *result;
        ovp_status status = run_fake(ctx, &result, root, SETTINGS(cases[i].mode));
        assert_string_equal(text_at(result, "status"), "failed");
        assert_fails(ctx, OVP_EINVAL, cases[i].words, status);
        json_decref(result);
        scratch_remove(root);
    }
}

static void refused_values_leave_no_folder(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    ovp_status status = run_fake(ctx, &result, root, SETTINGS("rows=7"));
    assert_fails(ctx, OVP_EINVAL, "--rows 7 is refused", status);
    assert_null(result);
    assert_int_equal(rmdir(root), 0); /* works only if it is empty */
}

static void a_folder_that_cannot_be_made_stops_the_run_first(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], file[300];
    json_t *result;
    ovp_params *p = params_with(ctx, &fake, SETTINGS("rows=1"));
    scratch_make(root);
    snprintf(file, sizeof file, "%s/here", root);
    fclose(fopen(file, "w"));
    assert_fails(ctx, OVP_EIO, "here", ovp_experiment_execute(&result, ctx, &fake, p, file, NULL));
    assert_null(result);
    assert_true(ovp_experiment_execute(&result, ctx, &fake, p, NULL, root) != OVP_OK); /* --out of a full folder */
    assert_null(result);
    assert_non_null(strstr(ovp_message(ctx), root));
    ovp_params_free(p);
    scratch_remove(root);
}

static void without_gnuplot_the_run_warns_once_and_finishes(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], *path = strdup(getenv("PATH"));
    json_t *result;
    setenv("PATH", "/nonexistent", 1);
    ovp_status status = run_fake(ctx, &result, root, SETTINGS("seed=1"));
    setenv("PATH", path, 1);
    free(path);
    assert_ok(ctx, status);
    assert_string_equal(ovp_message(ctx), "");
    assert_string_equal(text_at(result, "status"), "complete");
    json_t *warnings = json_object_get(result, "warnings");
    assert_int_equal(json_array_size(warnings), 2);
    assert_non_null(strstr(json_string_value(json_array_get(warnings, 1)), "gnuplot"));
    json_decref(result);
    scratch_remove(root);
}

static void long_tables_are_whole_in_the_end(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_fake(ctx, &result, root, SETTINGS("rows=400", "seed=1")));
    assert_int_equal(table_rows(result, "points"), 400);
    assert_int_equal(lines_of(text_at(result, "run_dir"), "tables/points.csv"), 401);
    assert_int_equal(lines_of(text_at(result, "run_dir"), "metrics.jsonl"), 402);
    json_decref(result);
    scratch_remove(root);
}

/* Memory that runs out at any point ends the run with a message, leaks nothing (ASan) and never claims completion. */
static void running_out_of_memory_is_a_failure(void **state) {
    (void)state;
    char *path = strdup(getenv("PATH"));
    int step = getenv("OVP_TEST_LONG") ? 1 : 13, done = 0, failures = 0;
    setenv("PATH", "/nonexistent", 1); /* drawing is slow and not under test */
    for (int n = 1; !done; n += step) {
        int left = INT32_MAX;
        ovp_allocator allocator = granting(&left);
        ovp_ctx_options options = {.size = sizeof options, .threads = 1, .allocator = &allocator};
        ovp_ctx *ctx;
        char root[256];
        json_t *result;
        assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
        ovp_params *p = params_with(ctx, &fake, SETTINGS("seeds=1,2"));
        scratch_make(root);
        left = n;
        ovp_status status = ovp_experiment_execute(&result, ctx, &fake, p, root, NULL);
        done = status == OVP_OK;
        if (!done) {
            failures++;
            assert_int_equal(status, OVP_ENOMEM);
            assert_true(strlen(ovp_message(ctx)) > 0);
            assert_string_not_equal(result ? text_at(result, "status") : "failed", "complete");
        }
        json_decref(result);
        ovp_params_free(p);
        ovp_ctx_free(ctx);
        scratch_remove(root);
    }
    assert_true(failures > 3);
    setenv("PATH", path, 1);
    free(path);
}

static void count_report(void *user, const ovp_progress *progress) {
    int *counts = user;
    counts[0]++;
    counts[1] += progress->done == progress->total;
}

static void progress_is_throttled(void **state) {
    (void)state;
    int counts[2] = {0, 0};
    ovp_ctx *ctx;
    ovp_ctx_options options = {.size = sizeof options, .progress = count_report, .user = counts};
    char root[256];
    json_t *result;
    assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
    assert_ok(ctx, run_fake(ctx, &result, root, SETTINGS("rows=2000", "seed=1")));
    assert_int_equal(counts[1], 1);
    double seconds = json_number_value(json_object_get(result, "seconds"));
    assert_true(counts[0] <= 3 + (int)(seconds * 10) && counts[0] < 2000);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

static void check_seeds(ovp_ctx *ctx, const char *const *settings, const char *expected) {
    ovp_params *p = params_with(ctx, &fake, settings);
    int64_t *seeds;
    ovp_idx count;
    char text[200] = "";
    assert_ok(ctx, ovp_experiment_seeds(&seeds, &count, ctx, &fake, p));
    for (ovp_idx i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", i ? "," : "", (long long)seeds[i]);
    assert_string_equal(text, expected);
    ovp_free(ctx, seeds);
    ovp_params_free(p);
}

static void seeds_come_from_flags_before_presets(void **state) {
    ovp_ctx *ctx = *state;
    int64_t *seeds;
    ovp_idx count;
    check_seeds(ctx, (const char *const[]){NULL}, "42");
    check_seeds(ctx, SETTINGS("seed=-7"), "-7");
    check_seeds(ctx, SETTINGS("seeds=3,1..2"), "3,1,2");
    check_seeds(ctx, SETTINGS("preset=quick"), "1,2,3");
    check_seeds(ctx, SETTINGS("preset=quick", "seed=42"), "42");
    check_seeds(ctx, SETTINGS("preset=quick", "seeds=9"), "9");
    check_seeds(ctx, SETTINGS("preset=quick", "preset=default"), "1,2,3,4,5");
    ovp_params *p = params_with(ctx, &fake, SETTINGS("preset=quick", "seed=1", "seeds=1,2"));
    assert_fails(ctx, OVP_EUSAGE, "both --seed 1 and --seeds 1,2", ovp_experiment_seeds(&seeds, &count, ctx, &fake, p));
    ovp_params_free(p);
    p = params_with(ctx, &fake, SETTINGS("seeds=4,5,4"));
    assert_fails(ctx, OVP_EINVAL, "seed 4 stands there twice", ovp_experiment_seeds(&seeds, &count, ctx, &fake, p));
    ovp_params_free(p);
}

static void presets_are_checked(void **state) {
    ovp_ctx *ctx = *state;
    ovp_params *p = params_with(ctx, &fake, SETTINGS("rows=9"));
    assert_fails(ctx, OVP_EUSAGE, "quick", ovp_experiment_preset_apply(p, ctx, &fake, "quik"));
    assert_fails(ctx, OVP_EINTERNAL, "not key=value", ovp_experiment_preset_apply(p, ctx, &fake, "broken"));
    assert_ok(ctx, ovp_experiment_preset_apply(p, ctx, &fake, "quick"));
    assert_int_equal(ovp_params_int(p, "rows"), 2);
    assert_string_equal(ovp_params_text(p, "preset"), "quick");
    ovp_params_free(p);
}

/* Contract of every registered experiment. */
static void registered_experiments_are_sound(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_experiment *e;
    for (ovp_idx i = 0; (e = ovp_experiment_at(i)); i++) {
        int has_default = 0;
        assert_ptr_equal(ovp_experiment_find(e->id), e);
        for (ovp_idx k = 0; k < e->preset_count; k++) {
            ovp_params *p;
            int64_t *seeds;
            ovp_idx count;
            assert_ok(ctx, ovp_experiment_params(&p, ctx, e));
            assert_ok(ctx, ovp_experiment_preset_apply(p, ctx, e, e->presets[k].name));
            assert_false(ovp_params_is_set(p, "seed"));
            assert_ok(ctx, ovp_experiment_seeds(&seeds, &count, ctx, e, p));
            /* Data that are not shipped may be absent: then the check says so and how to get them. */
            ovp_status status = e->check ? e->check(ctx, p) : OVP_OK;
            if (status == OVP_ENOTFOUND && strstr(ovp_message(ctx), "overparam data fetch"))
                ovp_clear(ctx);
            else
                assert_ok(ctx, status);
            assert_ok(ctx, ovp_params_set(p, "seed", "3", "test", OVP_EUSAGE));
            has_default |= strcmp(e->presets[k].name, "default") == 0;
            ovp_free(ctx, seeds);
            ovp_params_free(p);
        }
        assert_true(has_default);
        json_t *info = ovp_experiment_info_json(e);
        assert_int_equal(json_array_size(json_object_get(info, "params")), e->param_count);
        assert_int_equal(json_array_size(json_object_get(info, "tables")), e->table_count);
        assert_true(json_array_size(json_object_get(info, "questions")) > 0);
        assert_true(strlen(text_at(info, "about")) > 200 && strlen(text_at(info, "source")) > 20);
        json_t *first = json_array_get(json_object_get(info, "params"), 0);
        assert_string_equal(text_at(first, "key"), "preset");
        assert_true(json_is_null(json_object_get(first, "min")));
        json_decref(info);
    }
    assert_true(ovp_experiment_at(-1) == NULL);
    assert_null(ovp_experiment_find("lazy"));
    assert_string_equal(ovp_experiment_near("lazy-widht"), "lazy-width");
    assert_null(ovp_experiment_near("something else"));
}

static void verdicts_say_yes_no_and_unclear(void **state) {
    (void)state;
    const ovp_measure_interval inside = {4, -.6, -.65, -.55}, across = {4, -.6, -.75, -.45}, few = {3, -.6, -.65, -.55};
    const ovp_measure_interval outside = {9, -.3, -.35, -.25}, broken = {5, NAN, NAN, NAN};
    assert_int_equal(ovp_experiment_judge_near(inside, -.62, .1), OVP_HOLDS_YES);
    assert_int_equal(ovp_experiment_judge_near(across, -.62, .1), OVP_HOLDS_UNCLEAR);
    assert_int_equal(ovp_experiment_judge_near(outside, -.62, .1), OVP_HOLDS_NO);
    assert_int_equal(ovp_experiment_judge_near(inside, -.3, .1), OVP_HOLDS_NO);
    assert_int_equal(ovp_experiment_judge_near(few, -.62, .1), OVP_HOLDS_UNCLEAR);
    assert_int_equal(ovp_experiment_judge_near(broken, -.62, .1), OVP_HOLDS_UNCLEAR);
    assert_int_equal(ovp_experiment_judge_near(inside, NAN, .1), OVP_HOLDS_UNCLEAR);
    assert_int_equal(ovp_experiment_judge_above(inside, -.7), OVP_HOLDS_YES);
    assert_int_equal(ovp_experiment_judge_above(inside, -.5), OVP_HOLDS_NO);
    assert_int_equal(ovp_experiment_judge_above(inside, -.6), OVP_HOLDS_UNCLEAR);
    assert_int_equal(ovp_experiment_judge_above(few, -.7), OVP_HOLDS_UNCLEAR);
    assert_string_equal(ovp_experiment_holds_name(OVP_HOLDS_YES), "yes");
    assert_string_equal(ovp_experiment_holds_name(OVP_HOLDS_NO), "no");
    assert_string_equal(ovp_experiment_holds_name(OVP_HOLDS_UNCLEAR), "unclear");
}

static void short_numbers_have_three_digits(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{-.6288256, "-0.629"}, {11840.7, "11800"}, {.00151697, "0.00152"}, {0, "0"}, {1, "1"}};
    char text[32];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ovp_experiment_short(text, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
    ovp_experiment_short(text, NAN);
    assert_string_equal(text, "nan");
}

static void memory_is_known_here(void **state) {
    (void)state;
    assert_true(ovp_experiment_memory_available() > (int64_t)1 << 26);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(a_complete_run_leaves_everything),
        CTX_TEST(a_failed_run_keeps_what_it_has),
        CTX_TEST(an_interrupted_run_keeps_rows_and_draws_figures),
        CTX_TEST(mistakes_of_an_experiment_are_named),
        CTX_TEST(refused_values_leave_no_folder),
        CTX_TEST(a_folder_that_cannot_be_made_stops_the_run_first),
        CTX_TEST(without_gnuplot_the_run_warns_once_and_finishes),
        CTX_TEST(long_tables_are_whole_in_the_end),
        cmocka_unit_test(running_out_of_memory_is_a_failure),
        cmocka_unit_test(progress_is_throttled),
        CTX_TEST(seeds_come_from_flags_before_presets),
        CTX_TEST(presets_are_checked),
        CTX_TEST(registered_experiments_are_sound),
        cmocka_unit_test(verdicts_say_yes_no_and_unclear),
        cmocka_unit_test(short_numbers_have_three_digits),
        cmocka_unit_test(memory_is_known_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
