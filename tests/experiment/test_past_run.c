/* Earlier runs as input: finding them, their parameters, columns and weights; what is not there is named. */
#include "run_helpers.h"

#include <experiment/past_run.h>

static const char *const landscapes[] = {"scaled-landscape", NULL}, *const others[] = {"lazy-width", "lazy-1d", NULL};

/* A quick run of scaled-landscape under root, which is where runs are looked for from then on; its folder in dir. */
static void make_run(ovp_ctx *ctx, const char *root, char dir[512], const char *points) {
    json_t *result;
    ovp_params *p = params_with(ctx, &ovp_experiment_scaled_landscape, SETTINGS("preset=quick", points, "w0=1.25"));
    assert_int_equal(setenv("OVERPARAM_RUNS", root, 1), 0);
    assert_ok(ctx, ovp_experiment_execute(&result, ctx, &ovp_experiment_scaled_landscape, p, root, NULL));
    snprintf(dir, 512, "%s", text_at(result, "run_dir"));
    ovp_params_free(p);
    json_decref(result);
}

static void write_text(const char *dir, const char *name, const char *text) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void runs_are_found(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], first[512], dir[512], name[600];
    past_run run;
    scratch_make(root);
    assert_int_equal(setenv("OVERPARAM_RUNS", root, 1), 0);
    assert_fails(ctx, OVP_ENOTFOUND, "no finished run of scaled-landscape",
                 past_run_open(&run, ctx, "--runs", "latest", landscapes));
    make_run(ctx, root, first, "points=20");
    make_run(ctx, root, dir, "points=30");

    assert_ok(ctx, past_run_open(&run, ctx, "--runs", first, NULL)); /* a path */
    assert_string_equal(run.dir, first);
    assert_string_equal(run.id, strrchr(first, '/') + 1);
    assert_string_equal(run.experiment, "scaled-landscape");
    past_run_close(ctx, &run);
    snprintf(name, sizeof name, "%s/", first);
    assert_ok(ctx, past_run_open(&run, ctx, "--runs", name, landscapes));
    assert_string_equal(run.id, strrchr(first, '/') + 1);
    past_run_close(ctx, &run);
    assert_ok(ctx, past_run_open(&run, ctx, "--runs", strrchr(first, '/') + 1, landscapes)); /* an id */
    assert_string_equal(run.dir, first);
    past_run_close(ctx, &run);
    assert_ok(ctx, past_run_open(&run, ctx, "--runs", "latest", landscapes));
    assert_true(strcmp(run.dir, dir) == 0 || strcmp(run.dir, first) == 0); /* ids of one second come in any order */
    past_run_close(ctx, &run);

    /* to one that takes any run, the latest is none of an experiment that reads runs itself */
    json_t *result;
    ovp_params *p = params_with(ctx, &ovp_experiment_curve_fit, SETTINGS("points=50", "seeds=1"));
    assert_ok(ctx, ovp_experiment_execute(&result, ctx, &ovp_experiment_curve_fit, p, root, NULL));
    ovp_params_free(p);
    json_decref(result);
    assert_ok(ctx, past_run_open(&run, ctx, "--input", "latest", NULL));
    assert_string_equal(run.experiment, "scaled-landscape");
    past_run_close(ctx, &run);

    assert_fails(ctx, OVP_ENOTFOUND, "no finished run of lazy-width or lazy-1d",
                 past_run_open(&run, ctx, "--runs", "latest", others));
    assert_fails(ctx, OVP_ECONFIG, "a run of scaled-landscape; wanted is one of lazy-width or lazy-1d",
                 past_run_open(&run, ctx, "--runs", dir, others));
    assert_fails(ctx, OVP_ENOTFOUND, "no run '19990101'", past_run_open(&run, ctx, "--runs", "19990101", NULL));
    assert_null(run.dir);
    assert_fails(ctx, OVP_EINVAL, "no run given", past_run_open(&run, ctx, "--runs", "", NULL));
    write_text(dir, "manifest.json", "{\"program\": \"overparam\"}");
    assert_fails(ctx, OVP_EFORMAT, "not the manifest", past_run_open(&run, ctx, "--runs", dir, NULL));
    write_text(dir, "manifest.json", "{\"program\": 3");
    assert_fails(ctx, OVP_ENOTFOUND, "near ids", past_run_open(&run, ctx, "--runs", "nothing", NULL));
    /* one that still runs is not the latest that is over */
    write_text(first, "manifest.json",
               "{\"program\": \"overparam\", \"experiment\": \"scaled-landscape\", \"status\": \"running\"}");
    assert_fails(ctx, OVP_ENOTFOUND, "no finished run", past_run_open(&run, ctx, "--runs", "latest", landscapes));
    scratch_remove(root);
}

static void parameters_and_columns_come_back(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], dir[512];
    past_run run;
    ovp_params *params;
    ovp_io_csv csv;
    double values[8];
    scratch_make(root);
    make_run(ctx, root, dir, "points=20");
    assert_ok(ctx, past_run_open(&run, ctx, "--runs", dir, NULL));
    assert_ok(ctx, past_run_params(&params, ctx, &run));
    assert_int_equal(ovp_params_int(params, "points"), 20);
    assert_true(ovp_params_real(params, "w0") == 1.25);
    ovp_params_free(params);

    assert_ok(ctx, past_run_table(&csv, ctx, &run, "gaps"));
    assert_int_equal(csv.rows, 8);
    assert_int_equal(past_column_find(&csv, "max_gap"), 1);
    assert_int_equal(past_column_find(&csv, "gap"), -1);
    assert_ok(ctx, past_column(values, ctx, "gaps", &csv, "alpha"));
    assert_true(values[0] == 1 && values[7] == 10000);
    assert_fails(ctx, OVP_ENOTFOUND, "it has: alpha, max_gap", past_column(values, ctx, "gaps", &csv, "loss"));
    assert_fails(ctx, OVP_EFORMAT, "line 2", past_column(values, ctx, "gaps", &csv, "status"));
    ovp_io_csv_free(ctx, &csv);
    assert_fails(ctx, OVP_ENOTFOUND, "it has: gaps, exponents", past_run_table(&csv, ctx, &run, "epochs"));
    write_text(dir, "tables/gaps.csv", "alpha,gap\n1, \n2,nan\n 3 ,4\n");
    assert_ok(ctx, past_run_table(&csv, ctx, &run, "gaps"));
    assert_ok(ctx, past_column(values, ctx, "gaps", &csv, "gap"));
    assert_true(isnan(values[0]) && isnan(values[1]) && values[2] == 4);
    ovp_io_csv_free(ctx, &csv);
    write_text(dir, "tables/gaps.csv", "alpha,gap\n");
    assert_ok(ctx, past_run_table(&csv, ctx, &run, "gaps"));
    assert_ok(ctx, past_column(values, ctx, "gaps", &csv, "gap"));
    ovp_io_csv_free(ctx, &csv);
    write_text(dir, "tables/gaps.csv", "alpha,gap\n1\n");
    assert_fails(ctx, OVP_EFORMAT, "gaps.csv", past_run_table(&csv, ctx, &run, "gaps"));
    past_run_close(ctx, &run);
    scratch_remove(root);
}

static void weights_come_back(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], dir[512], path[600], block[] = "block", count_name[] = "count";
    past_run run;
    ovp_io_named_array *arrays;
    ovp_idx count;
    double values[4];
    float weights[] = {1, -2, .5f, 4};
    int32_t counts[] = {7};
    scratch_make(root);
    make_run(ctx, root, dir, "points=20");
    assert_ok(ctx, past_run_open(&run, ctx, "--runs", dir, NULL));
    assert_fails(ctx, OVP_ENOTFOUND, "--save-weights yes", past_run_weights(&arrays, &count, ctx, &run));
    past_run_close(ctx, &run);

    ovp_io_named_array in[] = {{block, {.type = OVP_F32, .ndim = 2, .shape = {2, 2}, .data = weights}},
                               {count_name, {.type = OVP_I32, .ndim = 1, .shape = {1}, .data = counts}}};
    snprintf(path, sizeof path, "%s/weights.npz", dir);
    assert_ok(ctx, ovp_io_npz_write(ctx, path, in, 2));
    write_text(dir, "manifest.json",
               "{\"program\": \"overparam\", \"experiment\": \"gone\", \"status\": \"complete\", \"weights\": [1]}");
    assert_ok(ctx, past_run_open(&run, ctx, "--runs", dir, NULL));
    ovp_params *params;
    assert_fails(ctx, OVP_ECONFIG, "no experiment 'gone'", past_run_params(&params, ctx, &run));
    assert_null(params);
    assert_ok(ctx, past_run_weights(&arrays, &count, ctx, &run));
    assert_int_equal(count, 2);
    assert_ptr_equal(past_array_find(arrays, count, "block"), &arrays[0].array);
    assert_null(past_array_find(arrays, count, "bloc"));
    assert_ok(ctx, past_array_get(values, ctx, &arrays[0], 1, 3));
    assert_true(values[0] == -2 && values[1] == .5 && values[2] == 4);
    assert_fails(ctx, OVP_EFORMAT, "array count: type i32", past_array_get(values, ctx, &arrays[1], 0, 1));
    ovp_io_npz_free(ctx, arrays, count);
    past_run_close(ctx, &run);

    snprintf(path, sizeof path, "%s/weights.safetensors", dir);
    assert_ok(ctx, ovp_io_safetensors_write(ctx, path, &(ovp_io_safetensors){.arrays = in, .count = 1}));
    assert_ok(ctx, past_arrays_read(&arrays, &count, ctx, path));
    assert_ok(ctx, past_array_get(values, ctx, &arrays[0], 0, 4));
    assert_true(count == 1 && values[0] == 1 && values[3] == 4);
    ovp_io_npz_free(ctx, arrays, count);
    write_text(dir, "weights.safetensors", "no");
    assert_fails(ctx, OVP_EFORMAT, "weights.safetensors", past_arrays_read(&arrays, &count, ctx, path));
    assert_fails(ctx, OVP_EINVAL, ".npz or .safetensors", past_arrays_read(&arrays, &count, ctx, "model.pth"));
    assert_fails(ctx, OVP_ENOTFOUND, "none.npz", past_arrays_read(&arrays, &count, ctx, "none.npz"));
    scratch_remove(root);
}

static void lists_of_names(void **state) {
    ovp_ctx *ctx = *state;
    past_names names;
    assert_ok(ctx, past_names_split(&names, ctx, "--runs", " a ,runs/b c,d"));
    assert_int_equal(names.count, 3);
    assert_string_equal(names.name[0], "a");
    assert_string_equal(names.name[1], "runs/b c");
    assert_string_equal(names.name[2], "d");
    past_names_free(ctx, &names);
    assert_fails(ctx, OVP_EINVAL, "name 2 is empty", past_names_split(&names, ctx, "--runs", "a,,b"));
    assert_fails(ctx, OVP_EINVAL, "name 1 is empty", past_names_split(&names, ctx, "--runs", ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(runs_are_found),
        CTX_TEST(parameters_and_columns_come_back),
        CTX_TEST(weights_come_back),
        CTX_TEST(lists_of_names),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
