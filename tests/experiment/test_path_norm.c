/* path-norm and path-weights: weights of files and runs along the depth against norms, entries and p-variations by
 * hand; the synthetic nets' powers; what is refused. */
#include "run_helpers.h"

#include <experiment/past_run.h>

static const char *first_warning(const json_t *result) {
    const char *text = json_string_value(json_array_get(json_object_get(result, "warnings"), 0));
    return text ? text : "";
}

static int near(double value, double expected) {
    return fabs(value - expected) <= 1e-12 * fabs(expected);
}

/* W_k[r, c] = (k + 1) (r + 1) - 2 c of layer k, times `scale`. */
static double weight(ovp_idx k, ovp_idx r, ovp_idx c, double scale) {
    return scale * ((double)((k + 1) * (r + 1)) - 2 * (double)c);
}

/* L matrices blocks.k.weight (f32), listed from the last to the first, and an array that is no block. */
static void write_blocks(ovp_ctx *ctx, const char *path, ovp_idx layers, ovp_idx dim, double scale) {
    static float values[20][36];
    static char names[21][64];
    ovp_io_named_array arrays[21];
    assert_true(layers <= 20 && dim <= 6);
    for (ovp_idx i = 0; i < layers; i++) {
        const ovp_idx k = layers - 1 - i;
        for (ovp_idx r = 0; r < dim; r++)
            for (ovp_idx c = 0; c < dim; c++) values[k][r * dim + c] = (float)weight(k, r, c, scale);
        snprintf(names[i], sizeof names[i], "blocks.%d.weight", (int)k);
        arrays[i] =
            (ovp_io_named_array){names[i], {.type = OVP_F32, .ndim = 2, .shape = {dim, dim}, .data = values[k]}};
    }
    snprintf(names[layers], sizeof names[layers], "read_in");
    arrays[layers] =
        (ovp_io_named_array){names[layers], {.type = OVP_F32, .ndim = 2, .shape = {1, dim}, .data = values[0]}};
    if (strstr(path, ".npz"))
        assert_ok(ctx, ovp_io_npz_write(ctx, path, arrays, layers + 1));
    else
        assert_ok(ctx,
                  ovp_io_safetensors_write(ctx, path, &(ovp_io_safetensors){.arrays = arrays, .count = layers + 1}));
}

/* A stack [L, d, d] in f64 under this name. */
static void write_stack(ovp_ctx *ctx, const char *path, const char *name, ovp_idx layers, ovp_idx rows, ovp_idx columns,
                        double scale) {
    double values[2000];
    char its_name[64];
    assert_true(layers * rows * columns <= 2000);
    for (ovp_idx i = 0; i < layers * rows * columns; i++)
        values[i] = weight(i / (rows * columns), i / columns % rows, i % columns, scale);
    snprintf(its_name, sizeof its_name, "%s", name);
    const ovp_io_named_array array = {its_name,
                                      {.type = OVP_F64, .ndim = 3, .shape = {layers, rows, columns}, .data = values}};
    assert_ok(ctx, ovp_io_npz_write(ctx, path, &array, 1));
}

/* ||L^beta W_k|| by hand. */
static double norm(ovp_idx layers, ovp_idx dim, double beta, double scale, ovp_idx k) {
    double square = 0;
    for (ovp_idx r = 0; r < dim; r++)
        for (ovp_idx c = 0; c < dim; c++) square += pow(weight(k, r, c, scale), 2);
    return pow((double)layers, beta) * sqrt(square);
}

static void norms_of_files(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], folder[256], files[1200], path[300];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    scratch_make(folder);
    /* three nets of 8 layers and one of 16; scales that floats hold */
    snprintf(files, sizeof files, "runs=%s/a.npz, %s/b.safetensors,%s/c.npz,%s/d.npz", folder, folder, folder, folder);
    snprintf(path, sizeof path, "%s/a.npz", folder);
    write_blocks(ctx, path, 8, 4, 1);
    snprintf(path, sizeof path, "%s/b.safetensors", folder);
    write_blocks(ctx, path, 8, 4, 1.5);
    snprintf(path, sizeof path, "%s/c.npz", folder);
    write_stack(ctx, path, "blocks", 8, 4, 4, 2);
    snprintf(path, sizeof path, "%s/d.npz", folder);
    write_stack(ctx, path, "resnet.blocks", 16, 4, 4, 1);
    assert_ok(ctx, run_study(ctx, &ovp_experiment_path_norm, &result, root, SETTINGS(files, "beta=.25", "pvar=2")));
    assert_int_equal(table_rows(result, "paths"), 4);
    static const double scales[] = {1, 1.5, 2, 1};
    for (size_t i = 0; i < 4; i++) {
        const ovp_idx layers = i < 3 ? 8 : 16;
        double mean = 0, least = INFINITY, at = 0;
        for (ovp_idx k = 0; k < layers; k++) {
            const double value = norm(layers, 4, .25, scales[i], k);
            mean += value / (double)layers;
            if (value < least) least = value, at = (double)k / (double)(layers - 1);
        }
        assert_true(number_at(result, "paths", i, "layers") == (double)layers &&
                    number_at(result, "paths", i, "seed") == (i < 3 ? (double)i : 0) &&
                    number_at(result, "paths", i, "dim") == 4);
        assert_true(near(number_at(result, "paths", i, "norm_mean"), mean) &&
                    near(number_at(result, "paths", i, "norm_min"), least) &&
                    near(number_at(result, "paths", i, "norm_min_at") + 1, at + 1) &&
                    near(number_at(result, "paths", i, "norm_first"), norm(layers, 4, .25, scales[i], 0)) &&
                    near(number_at(result, "paths", i, "norm_last"), norm(layers, 4, .25, scales[i], layers - 1)));
        /* a straight path: V_p^(1/p) is its length for every p: L - 1 steps of (r + 1), four columns each */
        assert_true(near(number_at(result, "paths", i, "pvar"),
                         pow((double)layers, .25) * scales[i] * (double)(layers - 1) * sqrt(4 * (1 + 4 + 9 + 16))));
    }
    /* mean and largest of the first depth, Student's interval: t_2 (.95) = 4.302652729911275 */
    assert_int_equal(table_rows(result, "pvar"), 2);
    const double unit = number_at(result, "paths", 0, "pvar"), half = 4.302652729911275 * .5 / sqrt(3);
    assert_true(near(number_at(result, "pvar", 0, "pvar_max"), 2 * unit));
    assert_true(near(number_at(result, "pvar", 0, "pvar_mean"), 1.5 * unit));
    assert_true(fabs(number_at(result, "pvar", 0, "pvar_high") / unit - 1.5 - half) < 1e-6);
    assert_true(number_at(result, "pvar", 1, "count") == 1);
    assert_string_equal(holds_of(result, 0), "unclear"); /* one file of two depths */
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, past_arrays_read(&arrays, &count, ctx, path));
    const ovp_numeric_array *norms = past_array_find(arrays, count, "norms_8");
    assert_non_null(norms);
    assert_true(norms->shape[0] == 3 && norms->shape[1] == 8);
    for (ovp_idx i = 0; i < 24; i++)
        assert_true(near(((const double *)norms->data)[i], norm(8, 4, .25, scales[i / 8], i % 8)));
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);

    assert_ok(ctx, run_study(ctx, &ovp_experiment_path_norm, &result, root, SETTINGS(files, "pvar-only=yes")));
    assert_true(isnan(number_at(result, "paths", 0, "norm_mean")) && number_at(result, "paths", 0, "pvar") > 0);
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 1);
    json_decref(result);
    scratch_remove(root);

    assert_ok(ctx, run_study(ctx, &ovp_experiment_path_weights, &result, root, SETTINGS(files, "beta=.25")));
    assert_int_equal(table_rows(result, "entries"), 12); /* 0:0, 1:1, 2:2 of the default lie in 4 x 4 */
    for (size_t i = 0; i < 12; i++) {
        const ovp_idx layers = i < 9 ? 8 : 16, e = (ovp_idx)i % 3;
        const double scale = pow((double)layers, .25) * scales[i / 3];
        assert_true(number_at(result, "entries", i, "row") == (double)e &&
                    number_at(result, "entries", i, "column") == (double)e);
        assert_true(near(number_at(result, "entries", i, "first"), weight(0, e, e, scale)) ||
                    fabs(weight(0, e, e, scale)) < 1e-12);
        assert_true(near(number_at(result, "entries", i, "last"), weight(layers - 1, e, e, scale)));
        assert_true(near(number_at(result, "entries", i, "pvar"), scale * (double)(layers - 1) * (double)(e + 1)));
        assert_true(near(number_at(result, "entries", i, "direct"), 1));
    }
    /* [2, 2]: 3 (k + 1) - 4 crosses 0 at k = 1/3 */
    assert_true(near(number_at(result, "entries", 2, "zero_at"), 1. / 3 / 7));
    assert_true(isnan(number_at(result, "entries", 0, "zero_at")));
    json_decref(result);
    scratch_remove(root);
    scratch_remove(folder);
}

/* A folder as depth-limit leaves it. */
static void make_run(ovp_ctx *ctx, const char *dir, const char *experiment, int with_weights) {
    enum { LAYERS = 5, DIM = 3 };
    double values[2][LAYERS * DIM * DIM];
    char names[2][64], path[400];
    ovp_io_named_array arrays[2];
    for (int s = 0; s < 2; s++) {
        for (ovp_idx i = 0; i < LAYERS * DIM * DIM; i++)
            values[s][i] = weight(i / (DIM * DIM), i / DIM % DIM, i % DIM, s + 1);
        snprintf(names[s], sizeof names[s], "layers5.seed%d.blocks", 40 + s);
        arrays[s] = (ovp_io_named_array){names[s],
                                         {.type = OVP_F64, .ndim = 3, .shape = {LAYERS, DIM, DIM}, .data = values[s]}};
    }
    snprintf(path, sizeof path, "%s/weights.npz", dir);
    assert_ok(ctx, ovp_io_make_dirs(ctx, dir));
    assert_ok(ctx, ovp_io_npz_write(ctx, path, arrays, 2));
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(
        file,
        "{\"program\": \"overparam\", \"experiment\": \"%s\", \"status\": \"complete\", \"params\": {\"alpha\": 0.75}, "
        "\"weights\": [%s]}",
        experiment, with_weights ? "{}" : "");
    assert_int_equal(fclose(file), 0);
}

static void nets_of_a_run(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], folder[256], dir[300], runs[400];
    json_t *result;
    scratch_make(folder);
    snprintf(dir, sizeof dir, "%s/depth-limit/20260102-030405-0123abcd", folder);
    snprintf(runs, sizeof runs, "runs=%s", dir);
    make_run(ctx, dir, "depth-limit", 1);
    assert_ok(ctx, run_study(ctx, &ovp_experiment_path_norm, &result, root, SETTINGS(runs, "beta=.25")));
    assert_int_equal(table_rows(result, "paths"), 2);
    assert_string_equal(json_string_value(table_cell(result, "paths", 0, "source")), "20260102-030405-0123abcd");
    assert_true(number_at(result, "paths", 0, "seed") == 40 && number_at(result, "paths", 1, "seed") == 41);
    assert_true(near(number_at(result, "paths", 1, "norm_last"), norm(5, 3, .25, 2, 4)));
    assert_true(strstr(first_warning(result), "no gnuplot") || first_warning(result)[0] == 0);
    json_decref(result);
    scratch_remove(root);
    /* another beta than the run's, and the same nets twice, are said */
    snprintf(runs, sizeof runs, "runs=%s,20260102-030405", dir);
    assert_int_equal(setenv("OVERPARAM_RUNS", folder, 1), 0);
    assert_ok(ctx, run_study(ctx, &ovp_experiment_path_norm, &result, root, SETTINGS(runs)));
    assert_int_equal(table_rows(result, "paths"), 4);
    assert_non_null(strstr(first_warning(result), "alpha 0.75, so its own beta is 0.25"));
    assert_non_null(strstr(json_string_value(json_array_get(json_object_get(result, "warnings"), 1)), "a second time"));
    json_decref(result);
    scratch_remove(root);
    scratch_remove(folder);
}

/* gamma 2 noise: V_1 grows as L^.5, V_2^(1/2) does not grow; without a smooth part at p = 4 it falls as L^-.25. */
static void synthetic_powers(void **state) {
    ovp_ctx *ctx = *state;
    stop_drawing();
    static const struct {
        const char *settings[4];
        const char *holds;
    } cases[] = {
        {{"pvar=1", "gamma=2", "smooth=1"}, "yes"},
        {{"pvar=2", "gamma=2", "smooth=0"}, "yes"},
        {{"pvar=1", "gamma=1", "smooth=1"}, "yes"},
        {{"pvar=4", "gamma=2", "smooth=0"}, "yes"},
        /* a smooth part of this size hides the noise at these depths: not the limit's power yet */
        {{"pvar=1", "gamma=2", "smooth=1000"}, "no"},
    };
    const ovp_experiment *const experiments[] = {&ovp_experiment_path_norm, &ovp_experiment_path_weights};
    for (int i = 0; i < 5; i++)
        for (int e = 0; e < 2; e++) {
            char root[256];
            json_t *result;
            assert_ok(ctx, run_study(ctx, experiments[e], &result, root,
                                     SETTINGS("layers=100,200,400", "dim=5", "seeds=1..4", cases[i].settings[0],
                                              cases[i].settings[1], cases[i].settings[2])));
            assert_string_equal(holds_of(result, e ? 0 : 1), cases[i].holds);
            json_decref(result);
            scratch_remove(root);
        }
}

static void threads_do_not_matter(void **state) {
    (void)state;
    const ovp_experiment *const experiments[] = {&ovp_experiment_path_norm, &ovp_experiment_path_weights};
    for (int e = 0; e < 2; e++) {
        char *first = NULL;
        for (int threads = 1; threads <= 3; threads++) {
            ovp_ctx *ctx;
            char root[256];
            json_t *result;
            assert_int_equal(
                ovp_ctx_create(&ctx, &(ovp_ctx_options){.size = sizeof(ovp_ctx_options), .threads = threads}), OVP_OK);
            assert_ok(ctx, run_study(ctx, experiments[e], &result, root,
                                     SETTINGS("preset=quick", "seeds=1..4", "pvar=1.5", "dim=10")));
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
}

/* ---- what is refused ----------------------------------------------------------------------------- */

static void refused(ovp_ctx *ctx, const ovp_experiment *experiment, ovp_status expected, const char *words,
                    const char *const *settings) {
    char root[256];
    json_t *result = NULL;
    assert_fails(ctx, expected, words, run_study(ctx, experiment, &result, root, settings));
    assert_null(result);
    scratch_remove(root);
}

static void bad_inputs(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_experiment *const norm_of = &ovp_experiment_path_norm, *const weights = &ovp_experiment_path_weights;
    char folder[256], good[300], bad[300], both[700], dir[300];
    double spoiled[] = {1, 2, 3, 4, 5, INFINITY, 7, 8};
    char block[] = "blocks", gap0[] = "blocks.0.weight", gap2[] = "blocks.2.weight";
    scratch_make(folder);
    assert_int_equal(setenv("OVERPARAM_RUNS", folder, 1), 0);
    snprintf(good, sizeof good, "runs=%s/good.npz", folder);
    snprintf(bad, sizeof bad, "runs=%s/bad.npz", folder);
    write_blocks(ctx, good + 5, 6, 4, 1);

    refused(ctx, norm_of, OVP_ENOTFOUND, "no run 'nothing'", SETTINGS("runs=nothing"));
    refused(ctx, norm_of, OVP_ENOTFOUND, "no finished run of depth-limit", SETTINGS("runs=latest"));
    refused(ctx, norm_of, OVP_ENOTFOUND, "bad.npz", SETTINGS(bad));
    refused(ctx, norm_of, OVP_EINVAL, "name 2 is empty", SETTINGS("runs=a.npz,"));
    refused(ctx, norm_of, OVP_EINVAL, "philox", SETTINGS("rng=torch"));
    refused(ctx, norm_of, OVP_EINVAL, "at most 1e8", SETTINGS("dim=1000", "layers=1000"));

    /* other shapes */
    write_blocks(ctx, bad + 5, 6, 3, 1);
    snprintf(both, sizeof both, "%s,%s", good, bad + 5);
    refused(ctx, norm_of, OVP_EFORMAT, "blocks of 3 x 3, those of the first net are 4 x 4", SETTINGS(both));
    write_stack(ctx, bad + 5, "blocks", 5, 3, 4, 1);
    refused(ctx, norm_of, OVP_EFORMAT, "blocks of 3 x 4; a path is of square ones", SETTINGS(bad));
    write_stack(ctx, bad + 5, "blocks", 1, 3, 3, 1);
    refused(ctx, norm_of, OVP_EFORMAT, "1 block; a path has at least 2", SETTINGS(bad));
    ovp_io_named_array arrays[] = {{gap0, {.type = OVP_F64, .ndim = 2, .shape = {2, 2}, .data = spoiled}},
                                   {gap2, {.type = OVP_F64, .ndim = 2, .shape = {2, 2}, .data = spoiled}}};
    assert_ok(ctx, ovp_io_npz_write(ctx, bad + 5, arrays, 2));
    refused(ctx, norm_of, OVP_EFORMAT, "must be 0 .. 1, not 2", SETTINGS(bad));
    snprintf(gap2, sizeof gap2, "blocks.1.weight");
    arrays[1].array.shape[1] = 1;
    assert_ok(ctx, ovp_io_npz_write(ctx, bad + 5, arrays, 2));
    refused(ctx, norm_of, OVP_EFORMAT, "block blocks.1.weight is not 2 x 2", SETTINGS(bad));
    arrays[0].array.shape[1] = 1;
    assert_ok(ctx, ovp_io_npz_write(ctx, bad + 5, arrays, 2));
    refused(ctx, norm_of, OVP_EFORMAT, "is 2 x 1; a path is of square ones", SETTINGS(bad));
    arrays[0] = (ovp_io_named_array){block, {.type = OVP_F64, .ndim = 3, .shape = {2, 2, 2}, .data = spoiled}};
    assert_ok(ctx, ovp_io_npz_write(ctx, bad + 5, arrays, 1));
    refused(ctx, norm_of, OVP_EFORMAT, "block 1, row 0, column 1 is inf", SETTINGS(bad));
    arrays[0].array.type = OVP_I64;
    assert_ok(ctx, ovp_io_npz_write(ctx, bad + 5, arrays, 1));
    refused(ctx, norm_of, OVP_EFORMAT, "type i64; weights are f32 or f64", SETTINGS(bad));
    arrays[0].array.ndim = 1;
    assert_ok(ctx, ovp_io_npz_write(ctx, bad + 5, arrays, 1));
    refused(ctx, norm_of, OVP_EFORMAT, "no blocks among its 1 arrays", SETTINGS(bad));
    FILE *file = fopen(bad + 5, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    refused(ctx, norm_of, OVP_EFORMAT, "bad.npz", SETTINGS(bad));

    /* runs */
    snprintf(dir, sizeof dir, "%s/other", folder);
    snprintf(both, sizeof both, "runs=%s", dir);
    make_run(ctx, dir, "lazy-width", 1);
    refused(ctx, norm_of, OVP_ECONFIG, "a run of lazy-width; wanted is one of depth-limit", SETTINGS(both));
    make_run(ctx, dir, "depth-limit", 0);
    refused(ctx, norm_of, OVP_ENOTFOUND, "kept no weights", SETTINGS(both));

    /* entries */
    refused(ctx, weights, OVP_EINVAL, "--entries 1:4: outside the matrices of 4 x 4",
            SETTINGS(good, "entries=0:0,1:4"));
    refused(ctx, weights, OVP_EINVAL, "outside", SETTINGS("entries=99999999999999999999:0"));
    static const char *const unreadable[] = {"entries=1",     "entries=1:",  "entries=:1",  "entries=-1:0",
                                             "entries=1:2:3", "entries=a:b", "entries=1 :2"};
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++)
        refused(ctx, weights, OVP_EINVAL, "write row:column", SETTINGS(good, unreadable[i]));
    ovp_params *p;
    assert_ok(ctx, ovp_experiment_params(&p, ctx, norm_of));
    assert_fails(ctx, OVP_EUSAGE, "1", ovp_params_set(p, "pvar", ".5", "--pvar", OVP_EUSAGE));
    ovp_params_free(p);
    scratch_remove(folder);
}

static void running_out_of_memory(void **state) {
    ovp_ctx *writer = *state;
    const ovp_experiment *const experiments[] = {&ovp_experiment_path_norm, &ovp_experiment_path_weights};
    char folder[256], runs[300];
    scratch_make(folder);
    snprintf(runs, sizeof runs, "runs=%s/a.npz", folder);
    write_blocks(writer, runs + 5, 4, 4, 1);
    for (int e = 0; e < 2; e++) assert_survives_without_memory(experiments[e], SETTINGS(runs));
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(norms_of_files),        CTX_TEST(nets_of_a_run), CTX_TEST(synthetic_powers),
        CTX_TEST(threads_do_not_matter), CTX_TEST(bad_inputs),    CTX_TEST(running_out_of_memory),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
