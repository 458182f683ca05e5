/* loss-landscape: surfaces of nets that other experiments trained, against the trained loss and against points computed
 * one by one; threads; lines, paths, files; verdicts both ways. */
#include "landscape_helpers.h"

/* ---- nets of every experiment that keeps them ---------------------------------------------------------- */

/* With a rate that changes nothing the loss before the last update is that of the kept weights, so that the run's own
 * number checks the rebuilt net, its data and its loss; depth-limit records it after the training anyway. */
static const struct kind {
    const ovp_experiment *experiment;
    const char *settings[16];
    double tolerance;
} kinds[] = {
    {&ovp_experiment_depth_limit,
     {"task=classification", "dataset=mnist", "layers=6", TINY_DEPTH, "precision=f64", "seeds=3"},
     1e-12},
    {&ovp_experiment_depth_limit,
     {"task=classification", "dataset=mnist", "layers=5", TINY_DEPTH, "rng=torch", "precision=f64", "seeds=3"},
     1e-12},
    {&ovp_experiment_depth_limit,
     {"task=regression", "dataset=constant", "layers=7", "dim=2", "epochs=3", "num-samples=50", "p-loss=3", "lr=1",
      "precision=f64"},
     1e-12},
    {&ovp_experiment_lazy_width,
     {"widths=7", "samples=40", "test-samples=20", "epochs=2", "lr=1e-30", "precision=f64", "pixel-scale=standard",
      "fraction=0.5", "loss=mse", "activation=tanh"},
     1e-12},
    {&ovp_experiment_lazy_width,
     {"widths=7", "samples=40", "test-samples=20", "epochs=2", "lr=1e-30", "pixel-scale=unit", "parametrization=mup",
      "classes=3,5", "seeds=9"},
     1e-6},
    {&ovp_experiment_lazy_1d, {"widths=6", "members=1", "steps=2", "lr=1e-30", "model=deep", "precision=f64"}, 1e-12},
    {&ovp_experiment_depth_vs_width,
     {"widths=4", "n-train=30", "n-test=10", "steps=2", "deep-steps=2", "deep-stages=1", "lr=1e-30", "deep-lr=1e-30",
      "teacher-sigmas=1.4", "precision=f64"},
     1e-12},
};

static void every_kind(void **state) {
    ovp_ctx *ctx = *state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (int wide = 0; wide < 2; wide++) {
            char root[256], dir[512];
            json_t *result;
            const double tolerance = wide ? kinds[k].tolerance : 1e-6;
            scratch_make(root);
            train_in(ctx, root, dir, kinds[k].experiment, kinds[k].settings);
            assert_ok(ctx,
                      draw_in(ctx, &result, root, dir,
                              SETTINGS("steps=5", "samples=0", "seeds=1", wide ? "precision=f64" : "precision=f32")));
            assert_true(table_rows(result, "surfaces") >= 1);
            for (size_t row = 0; row < table_rows(result, "surfaces"); row++) {
                const double trained = number_at(result, "surfaces", row, "trained_loss");
                const double recorded = number_at(result, "surfaces", row, "recorded_loss");
                const double scale = fmax(1, trained);
                if (!(fabs(trained - recorded) <= tolerance * scale))
                    fail_msg("%s, row %zu: trained %.17g, recorded %.17g", kinds[k].experiment->id, row, trained,
                             recorded);
                assert_true(fabs(number_at(result, "surfaces", row, "centre") - trained) <=
                            (wide ? 1e-12 : 1e-6) * scale);
                assert_true(number_at(result, "surfaces", row, "cosine") <= 1e-10);
                assert_true(number_at(result, "surfaces", row, "length_error") <= 1e-10);
            }
            assert_string_equal(holds_of(result, 0), "yes");
            assert_string_equal(holds_of(result, 1), "yes");
            json_decref(result);
            scratch_remove(root);
        }
}

/* ntk-vs-network does not record the loss that its kept weights have: the centre alone is checked. */
static void the_tutorials_nets(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], dir[512];
    json_t *result;
    scratch_make(root);
    train_in(ctx, root, dir, &ovp_experiment_ntk_vs_network,
             SETTINGS("data=teacher", "widths=16", "n=8", "d=5", "n-test=4", "epochs=20"));
    assert_ok(ctx, draw_in(ctx, &result, root, dir, SETTINGS("steps=3", "samples=0", "precision=f64")));
    assert_int_equal(table_rows(result, "surfaces"), 1);
    assert_string_equal(holds_of(result, 0), "yes");
    assert_true(isnan(number_at(result, "surfaces", 0, "recorded_loss")));
    json_decref(result);
    scratch_remove(root);
}

/* Without --runs a net is trained on the spot, and comes to a minimum. */
static void the_example(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    scratch_make(root);
    assert_ok(ctx, draw_in(ctx, &result, root, "", SETTINGS("steps=5", "res=0.5", "samples=0", "seeds=1..4")));
    assert_int_equal(table_rows(result, "surfaces"), 4);
    assert_true(number_at(result, "surfaces", 0, "trained_loss") < 1.5); /* ln(10) = 2.303 is knowing nothing */
    for (size_t k = 0; k < 3; k++) assert_string_equal(holds_of(result, k), "yes");
    json_decref(result);
    scratch_remove(root);
}

/* ---- the surface by its definition --------------------------------------------------------------------- */

static void *read_whole(ovp_ctx *ctx, const char *dir, const char *file, ovp_numeric_array *out) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    assert_ok(ctx, ovp_io_npy_read(out, ctx, path));
    return out->data;
}

/* Row i along d2, column j along d1, centre (n/2, n/2): every point by one forward pass at theta + a d1 + b d2. */
static void the_surface(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 6 };
    char root[256], dir[512];
    json_t *result;
    ovp_numeric_array surface;
    past_weights weights;
    past_net net;
    ovp_numeric_rng *rng;
    const ovp_measure_direction_options options = {sizeof options, OVP_SCALING_LAYER, .3, 0};
    scratch_make(root);
    train_in(ctx, root, dir, &ovp_experiment_depth_limit,
             SETTINGS("task=classification", "dataset=mnist", "layers=6", TINY_DEPTH, "seeds=3", "precision=f64"));
    assert_ok(ctx, draw_in(ctx, &result, root, dir,
                           SETTINGS("steps=6", "res=0.3", "samples=17", "seeds=11", "precision=f64")));
    const double *loss = read_whole(ctx, text_at(result, "run_dir"), "surface.npy", &surface);
    assert_int_equal(surface.ndim, 2);
    assert_int_equal(surface.shape[0], N);
    assert_int_equal(surface.shape[1], N);
    assert_int_equal(number_at(result, "surfaces", 0, "samples"), 17);
    assert_true(fabs(number_at(result, "surfaces", 0, "ln_classes") - log(10)) < 1e-15);

    assert_ok(ctx, past_weights_open(&weights, ctx, dir));
    assert_ok(ctx, past_net_build(&net, ctx, &weights, "layers6.seed3", OVP_F64, "reference", 17));
    const ovp_idx size = ovp_net_model_parameters(net.model);
    double *d1 = malloc((size_t)size * sizeof *d1), *d2 = malloc((size_t)size * sizeof *d2);
    double *moved = malloc((size_t)size * sizeof *moved), f[17 * 10], border = 0;
    ovp_net_batch *batch;
    ovp_net_workspace *workspace;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 11, OVP_PURPOSE_GENERAL, 0));
    assert_ok(ctx, ovp_measure_directions(d1, d2, ctx, net.model, net.theta, &options, rng));
    assert_ok(ctx, ovp_net_bind(&batch, ctx, net.model, net.x, 17));
    assert_ok(ctx, ovp_net_workspace_create(&workspace, ctx, net.model, 17));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double own;
            for (ovp_idx p = 0; p < size; p++)
                moved[p] = ((const double *)net.theta)[p] + (j - N / 2) * d1[p] + (i - N / 2) * d2[p];
            assert_ok(ctx, ovp_net_forward(workspace, batch, moved, f));
            assert_ok(ctx, ovp_net_loss_value(ctx, &net.targets, OVP_F64, 17, 10, f, &own, NULL));
            assert_true(fabs(loss[i * N + j] - own) <= 1e-12); /* the tile engine against the reference */
            if (i == 0 || j == 0 || i == N - 1 || j == N - 1) border += own / (4 * N - 4);
        }
    assert_true(fabs(number_at(result, "surfaces", 0, "far") - border) < 1e-12);
    ovp_net_workspace_free(workspace);
    ovp_net_batch_free(batch);
    ovp_numeric_rng_free(rng);
    free(moved);
    free(d2);
    free(d1);
    past_net_free(ctx, &net);
    past_weights_free(ctx, &weights);

    /* the same in arrays.npz, with the true extents */
    char path[600];
    ovp_io_named_array *arrays;
    ovp_idx count;
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    const ovp_numeric_array *kept = past_array_find(arrays, count, "surface");
    const ovp_numeric_array *axis = past_array_find(arrays, count, "axis-d1");
    assert_non_null(kept);
    assert_non_null(axis);
    assert_memory_equal(kept->data, loss, N * N * sizeof *loss);
    for (int j = 0; j < N; j++) assert_true(fabs(((const double *)axis->data)[j] - (j - 3) * .3) < 1e-15);
    ovp_io_npz_free(ctx, arrays, count);
    ovp_numeric_array_free(ctx, &surface);
    json_decref(result);
    scratch_remove(root);
}

static void the_same_bits(void **state) {
    char root[256], dir[512];
    double first[3 * 49];
    ovp_ctx *ctx;
    (void)state;
    scratch_make(root);
    assert_int_equal(ovp_ctx_create(&ctx, NULL), OVP_OK);
    train_in(ctx, root, dir, &ovp_experiment_depth_limit,
             SETTINGS("task=classification", "dataset=mnist", "layers=6", TINY_DEPTH, "seeds=3"));
    ovp_ctx_free(ctx);
    for (int run = 0; run < 4; run++) { /* 1, 2, 3 threads, and the second seed alone */
        const ovp_ctx_options options = {.size = sizeof options, .threads = run < 3 ? run + 1 : 2};
        json_t *result;
        assert_int_equal(ovp_ctx_create(&ctx, &options), OVP_OK);
        assert_ok(ctx, draw_in(ctx, &result, root, dir,
                               SETTINGS("steps=7", "samples=0", run < 3 ? "seeds=1,2,3" : "seeds=2")));
        assert_int_equal(table_rows(result, "surfaces"), run < 3 ? 3 : 1);
        for (int k = 0; k < (run < 3 ? 3 : 1); k++) {
            static const char *const files[] = {"surface.npy", "surface.1.npy", "surface.2.npy"};
            ovp_numeric_array surface;
            const double *loss = read_whole(ctx, text_at(result, "run_dir"), files[k], &surface);
            if (run == 0) memcpy(first + 49 * k, loss, 49 * sizeof *loss);
            assert_memory_equal(first + 49 * (run < 3 ? k : 1), loss, 49 * sizeof *loss);
            ovp_numeric_array_free(ctx, &surface);
        }
        json_decref(result);
        ovp_ctx_free(ctx);
    }
    assert_memory_not_equal(first, first + 49, 49 * sizeof *first);
    scratch_remove(root);
}

/* ---- other modes ----------------------------------------------------------------------------------------- */

static void filters_biases_and_lines(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], dir[512];
    double far[3];
    json_t *result;
    static const char *const choices[] = {"normalization=layer", "normalization=filter", "biases=moved"};
    scratch_make(root);
    train_in(ctx, root, dir, &ovp_experiment_lazy_width,
             SETTINGS("widths=7", "samples=40", "test-samples=20", "epochs=20", "pixel-scale=unit", "lr=0.5"));
    for (int k = 0; k < 3; k++) {
        assert_ok(ctx, draw_in(ctx, &result, root, dir, SETTINGS("steps=5", "samples=0", choices[k], "precision=f64")));
        assert_string_equal(holds_of(result, 0), "yes");
        assert_string_equal(holds_of(result, 1), "yes");
        far[k] = number_at(result, "surfaces", 0, "far");
        json_decref(result);
    }
    assert_true(far[0] != far[1] && far[0] != far[2] && far[1] != far[2]);
    assert_ok(ctx, draw_in(ctx, &result, root, dir, SETTINGS("steps=9", "mode=line", "res=0.1", "seeds=1..4")));
    assert_int_equal(table_rows(result, "surfaces"), 4);
    assert_true(json_is_null(table_cell(result, "surfaces", 0, "minimum_d2")));
    assert_true(json_is_null(table_cell(result, "surfaces", 0, "cosine")));
    assert_string_equal(holds_of(result, 0), "yes");
    ovp_numeric_array line;
    const double *loss = read_whole(ctx, text_at(result, "run_dir"), "surface.npy", &line);
    assert_int_equal(line.shape[0], 1);
    assert_int_equal(line.shape[1], 9);
    assert_true(loss[4] == number_at(result, "surfaces", 0, "centre"));
    ovp_numeric_array_free(ctx, &line);
    json_decref(result);
    scratch_remove(root);
}

static void between_two_nets(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 9 };
    char root[256], dir[512], one[512], two[1100];
    json_t *result;
    scratch_make(root);
    train_in(ctx, root, dir, &ovp_experiment_lazy_width,
             SETTINGS("widths=7,9", "samples=40", "test-samples=20", "epochs=20", "pixel-scale=unit", "lr=2",
                      "seeds=1,2", "precision=f64"));
    assert_ok(ctx, draw_in(ctx, &result, root, dir,
                           SETTINGS("mode=interpolation", "nets=width7", "steps=9", "samples=0", "precision=f64")));
    assert_int_equal(table_rows(result, "surfaces"), 0);
    assert_int_equal(table_rows(result, "paths"), 1);
    assert_string_equal(holds_of(result, 0), "yes");
    char path[600];
    ovp_io_named_array *arrays;
    ovp_idx count;
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(&arrays, &count, ctx, path));
    const double *t = past_array_find(arrays, count, "t")->data, *loss = past_array_find(arrays, count, "path")->data;
    const double a = number_at(result, "paths", 0, "loss_a"), b = number_at(result, "paths", 0, "loss_b");
    double barrier = -INFINITY;
    for (int i = 0; i < N; i++) {
        assert_true(fabs(t[i] - (-.5 + .25 * i)) < 1e-15);
        if (i >= 2 && i <= 6) barrier = fmax(barrier, loss[i] - ((1 - t[i]) * a + t[i] * b));
    }
    assert_true(fabs(loss[2] - a) < 1e-12 && fabs(loss[6] - b) < 1e-12); /* t = 0 and 1 are on the grid */
    assert_true(fabs(a - number_at(result, "paths", 0, "trained_a")) < 1e-12);
    assert_true(fabs(b - number_at(result, "paths", 0, "trained_b")) < 1e-12);
    assert_true(fabs(number_at(result, "paths", 0, "barrier") - barrier) < 1e-12);
    assert_true(a != b && barrier > 0);
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);

    /* two runs, one net each; and what has nothing between */
    snprintf(one, sizeof one, "%s", dir);
    train_in(ctx, root, dir, &ovp_experiment_lazy_width,
             SETTINGS("widths=9", "samples=40", "test-samples=20", "epochs=3", "pixel-scale=unit", "seeds=5"));
    snprintf(two, sizeof two, "%s,%s", one, dir);
    assert_ok(ctx, draw_in(ctx, &result, root, two,
                           SETTINGS("mode=interpolation", "nets=width9.seed1,width9.seed5", "steps=3", "samples=0")));
    assert_string_equal(holds_of(result, 0), "yes");
    json_decref(result);
    assert_fails(ctx, OVP_ESHAPE, "of the same shape",
                 draw_in(ctx, &result, root, two, SETTINGS("mode=interpolation", "nets=width7.seed1,width9.seed5")));
    json_decref(result);
    /* blocks of one shape, but not the maps around them */
    train_in(ctx, root, one, &ovp_experiment_depth_limit,
             SETTINGS("layers=6", TINY_DEPTH, "task=classification", "seeds=1"));
    train_in(
        ctx, root, dir, &ovp_experiment_depth_limit,
        SETTINGS("layers=6", "dim=4", "epochs=2", "task=regression", "dataset=constant", "num-samples=50", "seeds=1"));
    char both[1100];
    snprintf(both, sizeof both, "%s,%s", one, dir);
    assert_fails(ctx, OVP_ESHAPE, "has 784 inputs and 10 outputs, layers6.seed1 1 and 1",
                 draw_in(ctx, &result, root, both, SETTINGS("mode=interpolation")));
    json_decref(result);
    /* the same maps and shapes, but another activation */
    train_in(ctx, root, dir, &ovp_experiment_depth_limit,
             SETTINGS("layers=6", TINY_DEPTH, "task=classification", "seeds=1", "activation=relu"));
    snprintf(both, sizeof both, "%s,%s", one, dir);
    assert_ok(ctx, draw_in(ctx, &result, root, both, SETTINGS("mode=interpolation", "steps=3", "samples=0")));
    char *told = json_dumps(json_object_get(result, "warnings"), 0);
    assert_non_null(strstr(told, "have different values of activation"));
    assert_null(strstr(told, "trained with others")); /* philox: one seed, one read-in */
    free(told);
    json_decref(result);
    assert_fails(ctx, OVP_EINVAL, "has 3; choose 2",
                 draw_in(ctx, &result, root, two, SETTINGS("mode=interpolation", "nets=width9")));
    assert_null(result);
    scratch_remove(root);
}

/* ---- surfaces from files --------------------------------------------------------------------------------- */

static void write_array(ovp_ctx *ctx, const char *path, ovp_numeric_type type, int ndim, const ovp_idx *shape,
                        const void *data) {
    ovp_numeric_array array = {.type = type, .ndim = ndim};
    memcpy(array.shape, shape, (size_t)ndim * sizeof *shape);
    memcpy(&array.data, &data, sizeof data);
    assert_ok(ctx, ovp_io_npy_write(ctx, path, &array));
}

static void surfaces_from_files(void **state) {
    ovp_ctx *ctx = *state;
    char root[256], path[400], setting[460];
    json_t *result;
    double values[30];
    float narrow[30];
    scratch_make(root);
    snprintf(path, sizeof path, "%s/given.npy", root);
    snprintf(setting, sizeof setting, "surface=%s", path);
    for (int i = 0; i < 30; i++) {
        values[i] = 2 + pow(i / 6 - 1, 2) + pow(i % 6 - 4, 2); /* 5 x 6, lowest at (1, 4); the centre is (2, 3) */
        narrow[i] = (float)values[i];
    }
    values[29] = NAN;
    write_array(ctx, path, OVP_F64, 2, (const ovp_idx[]){5, 6}, values);
    assert_ok(ctx, draw_in(ctx, &result, root, "", SETTINGS(setting, "res=0.5")));
    assert_int_equal(table_rows(result, "surfaces"), 1);
    assert_true(number_at(result, "surfaces", 0, "minimum") == 2);
    assert_true(number_at(result, "surfaces", 0, "centre") == 4);
    assert_true(number_at(result, "surfaces", 0, "minimum_d1") == .5);
    assert_true(number_at(result, "surfaces", 0, "minimum_d2") == -.5);
    assert_true(number_at(result, "surfaces", 0, "minimum_cells") == 1);
    assert_true(number_at(result, "surfaces", 0, "not_finite") == 1);
    assert_non_null(strstr(json_string_value(json_array_get(json_object_get(result, "warnings"), 0)),
                           "1 of 30 losses are not finite, the first at row 4, column 5"));
    assert_true(json_is_null(table_cell(result, "surfaces", 0, "trained_loss")));
    assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 0);
    json_decref(result);
    write_array(ctx, path, OVP_F32, 2, (const ovp_idx[]){5, 6}, narrow);
    assert_ok(ctx, draw_in(ctx, &result, root, "", SETTINGS(setting)));
    assert_true(number_at(result, "surfaces", 0, "not_finite") == 0);
    json_decref(result);

    write_array(ctx, path, OVP_F64, 1, (const ovp_idx[]){30}, values);
    assert_fails(ctx, OVP_ESHAPE, "1 dimension", draw_in(ctx, &result, root, "", SETTINGS(setting)));
    assert_null(result);
    write_array(ctx, path, OVP_F64, 3, (const ovp_idx[]){2, 3, 5}, values);
    assert_fails(ctx, OVP_ESHAPE, "3 dimensions", draw_in(ctx, &result, root, "", SETTINGS(setting)));
    write_array(ctx, path, OVP_I64, 2, (const ovp_idx[]){5, 6}, values);
    assert_fails(ctx, OVP_EFORMAT, "type i64", draw_in(ctx, &result, root, "", SETTINGS(setting)));
    write_array(ctx, path, OVP_F64, 2, (const ovp_idx[]){0, 6}, values);
    assert_fails(ctx, OVP_ELIMIT, "0 x 6", draw_in(ctx, &result, root, "", SETTINGS(setting)));
    double *many = calloc(1025, sizeof *many);
    write_array(ctx, path, OVP_F64, 2, (const ovp_idx[]){1, 1025}, many);
    assert_fails(ctx, OVP_ELIMIT, "1 x 1025", draw_in(ctx, &result, root, "", SETTINGS(setting)));
    free(many);
    write_array(ctx, path, OVP_F64, 2, (const ovp_idx[]){5, 6}, values);
    assert_fails(ctx, OVP_EINVAL, "--mode line", draw_in(ctx, &result, root, "", SETTINGS(setting, "mode=line")));
    assert_int_equal(unlink(path), 0);
    assert_fails(ctx, OVP_ENOTFOUND, "given.npy", draw_in(ctx, &result, root, "", SETTINGS(setting)));
    scratch_remove(root);
}

/* ---- reading off and verdicts ---------------------------------------------------------------------------- */

static void reading_off(void **state) {
    (void)state;
    double loss[] = {5, 4, INFINITY, 3, 2, 1, NAN, 8, 9, 7, 6, 5};
    landscape_row row = {.rows = 3, .cols = 4, .loss = loss};
    landscape_read_off(&row);
    assert_true(isnan(row.centre) && row.minimum == 1); /* [1, 2] */
    assert_int_equal(row.min_row, 1);
    assert_int_equal(row.min_col, 1);
    assert_int_equal(row.min_cells, 1);
    assert_int_equal(row.not_finite, 2);
    assert_true(fabs(row.far - (5 + 4 + 3 + 2 + 8 + 9 + 7 + 6 + 5) / 9.) < 1e-15);
    row = (landscape_row){.rows = 1, .cols = 4, .loss = loss};
    landscape_read_off(&row);
    assert_true(row.minimum == 3 && row.far == 4 && row.min_cells == 1 && row.not_finite == 1);
    loss[0] = NAN;
    row = (landscape_row){.rows = 1, .cols = 1, .loss = loss};
    landscape_read_off(&row);
    assert_true(isnan(row.minimum) && isnan(row.far) && row.min_cells == -1);
    double t[] = {-1, 0, .5, 1, 2}, path_loss[] = {9, 1, 4, 3, .5};
    landscape_path path = {.steps = 5, .t = t, .loss = path_loss, .end = {1, 3}};
    landscape_read_path(&path);
    assert_true(path.barrier == 2 && path.barrier_at == .5 && path.minimum == .5 && path.minimum_at == 2);
}

static landscape_row made(int64_t seed, double centre, ovp_idx cells, double far) {
    return (landscape_row){.seed = seed,
                           .trained = 1,
                           .centre = centre,
                           .tolerance = 1e-6,
                           .min_cells = cells,
                           .far = far,
                           .classes = 10,
                           .cosine = 1e-16,
                           .length = 1e-15};
}

static void verdicts_both_ways(void **state) {
    ovp_ctx *ctx = *state;
    const int64_t seeds[] = {1, 2, 3, 4};
    landscape_row rows[5];
    study_verdict v;
    for (int s = 0; s < 4; s++) rows[s] = made(s + 1, 1 + 1e-7, s % 2, 2.3 + .01 * s);
    rows[4] = made(2, 1, 0, 2.31); /* another net under the second seed's directions */
    landscape_judge_centre(&v, 5, rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    landscape_judge_directions(&v, 5, rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_ok(ctx, landscape_judge_minimum(&v, ctx, 5, rows, seeds, 4));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_true(v.verdict.measured == .5);
    assert_ok(ctx, landscape_judge_far(&v, ctx, 5, rows, seeds, 4));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_ok(ctx, landscape_judge_minimum(&v, ctx, 3, rows, seeds, 3));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_ok(ctx, landscape_judge_far(&v, ctx, 3, rows, seeds, 3));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);

    rows[2].centre = 1 + 2e-6;
    landscape_judge_centre(&v, 5, rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    rows[2].centre = NAN;
    landscape_judge_centre(&v, 5, rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    landscape_judge_centre(&v, 0, rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    rows[1].cosine = 2e-10;
    landscape_judge_directions(&v, 5, rows);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    for (int s = 0; s < 4; s++) rows[s] = made(s + 1, 1, 5 + s % 2, 3 + .01 * s);
    assert_ok(ctx, landscape_judge_minimum(&v, ctx, 4, rows, seeds, 4));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    assert_ok(ctx, landscape_judge_far(&v, ctx, 4, rows, seeds, 4));
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);

    landscape_path path = {.end = {1, 2}, .trained = {1, 2 + 1e-7}, .tolerance = 1e-6};
    landscape_judge_ends(&v, &path);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    path.trained[0] = 1.1;
    landscape_judge_ends(&v, &path);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
}

/* ---- interruption ---------------------------------------------------------------------------------------- */

typedef struct stopper {
    ovp_ctx *ctx;
    int armed, seen;
} stopper;

static void stop_in_second(void *user, const ovp_progress *progress) {
    stopper *s = user;
    if (!s->armed) return;
    s->seen += progress->done == 1;
    if (s->seen == 2) ovp_cancel(s->ctx);
}

static void interrupted(void **state) {
    stopper s = {.armed = 0};
    const ovp_ctx_options options = {.size = sizeof options, .threads = 1, .progress = stop_in_second, .user = &s};
    char root[256], dir[512];
    json_t *result;
    (void)state;
    assert_int_equal(ovp_ctx_create(&s.ctx, &options), OVP_OK);
    scratch_make(root);
    train_in(s.ctx, root, dir, &ovp_experiment_lazy_1d, SETTINGS("widths=6", "members=1", "steps=2"));
    s.armed = 1;
    assert_int_equal(draw_in(s.ctx, &result, root, dir, SETTINGS("steps=5", "seeds=1,2,3")), OVP_EINTERRUPTED);
    assert_int_equal(table_rows(result, "surfaces"), 1);
    assert_string_equal(text_at(result, "status"), "interrupted");
    json_decref(result);
    scratch_remove(root);
    ovp_ctx_free(s.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(every_kind),         CTX_TEST(the_tutorials_nets),    CTX_TEST(the_example),
        CTX_TEST(the_surface),        cmocka_unit_test(the_same_bits), CTX_TEST(filters_biases_and_lines),
        CTX_TEST(between_two_nets),   CTX_TEST(surfaces_from_files),   cmocka_unit_test(reading_off),
        CTX_TEST(verdicts_both_ways), cmocka_unit_test(interrupted),
    };
    return cmocka_run_group_tests_name("loss-landscape", tests, without_gnuplot, NULL);
}
