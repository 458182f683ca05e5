/* lazy-1d: PyTorch's losses from the published streams, the contract's tables and arrays, its prediction against closed
 * forms and wide nets, verdicts with made-up numbers, bad values, interruption. */
#include "run_helpers.h"

#include <experiment/lazy_1d_int.h>

static ovp_status run_lazy(ovp_ctx *ctx, json_t **result, char root[256], const char *const *settings) {
    return run_study(ctx, &ovp_experiment_lazy_1d, result, root, settings);
}

static void read_arrays(ovp_io_named_array **arrays, ovp_idx *count, ovp_ctx *ctx, const json_t *result) {
    char path[600];
    snprintf(path, sizeof path, "%s/arrays.npz", text_at(result, "run_dir"));
    assert_ok(ctx, ovp_io_npz_read(arrays, count, ctx, path));
}

static const ovp_numeric_array *array_of(const ovp_io_named_array *arrays, ovp_idx count, const char *name) {
    for (ovp_idx i = 0; i < count; i++)
        if (strcmp(arrays[i].name, name) == 0) return &arrays[i].array;
    return NULL;
}

/* ---- PyTorch ------------------------------------------------------------------------------------- */

static double at(const json_t *list, size_t i) {
    return json_number_value(json_array_get(list, i));
}

static void case_text(char text[96], const json_t *c, const char *key, const char *name) {
    const json_t *value = json_object_get(c, name);
    if (json_is_string(value))
        snprintf(text, 96, "%s=%s", key, json_string_value(value));
    else
        snprintf(text, 96, "%s=%.17g", key, json_number_value(value));
}

/* One net of a case. Bars: f32 1e-4 (deep nets after step 500: 1e-3), wherever rounding alone (PyTorch's own distance
 * from f32 to f64) is below 1e-5; f64 1e-8, but where it starts from f32 steps of ours, 1e-4. */
static size_t compare_net(const json_t *c, const json_t *golden, const json_t *steps, const json_t *result,
                          size_t first_row) {
    const int deep = strcmp(text_at(c, "model"), "deep") == 0,
              bad = json_integer_value(json_object_get(c, "bad_steps")) > 0;
    const json_t *f32 = json_object_get(golden, "f32"), *f64 = json_object_get(golden, "f64");
    size_t compared = 0;
    for (size_t k = 0; k < json_array_size(steps); k++) {
        const size_t row = first_row + k;
        const double step = at(steps, k), bar = deep && step > 500 ? 1e-3 : 1e-4;
        const double narrow = number_at(result, "precision", row, "loss_f32");
        const double wide = number_at(result, "precision", row, "loss_f64");
        const double gap = fabs(at(f32, k) / at(f64, k) - 1), wide_bar = bad ? 1e-4 : 1e-8;
        assert_true(number_at(result, "precision", row, "step") == step);
        assert_true(fabs(number_at(result, "precision", row, "gap") - fabs(narrow / wide - 1)) < 1e-15);
        if (!(fabs(wide / at(f64, k) - 1) < wide_bar))
            fail_msg("%s, step %g: f64 loss %.17g, PyTorch %.17g", text_at(c, "name"), step, wide, at(f64, k));
        if (deep && gap >= 1e-5) continue; /* chaotic */
        if (!(fabs(narrow / at(f32, k) - 1) < bar))
            fail_msg("%s, step %g: f32 loss %.17g, PyTorch %.17g", text_at(c, "name"), step, narrow, at(f32, k));
        compared++;
    }
    return compared;
}

static void losses_follow_pytorch(void **state) {
    ovp_ctx *ctx = *state;
    json_t *golden = file_json(OVP_TEST_DIR, "golden/data/lazy_1d.json"), *c;
    size_t i, compared = 0, nets = 0;
    assert_non_null(golden);
    const json_t *steps = json_object_get(golden, "steps");
    json_array_foreach(json_object_get(golden, "cases"), i, c) {
        static const char *const keys[] = {"target", "n", "noise", "batch", "model", "lr", "seed"};
        char texts[12][96], root[256], widths[96] = "widths=";
        const char *settings[16];
        json_t *result, *list = json_object_get(c, "widths");
        ovp_io_named_array *arrays;
        ovp_idx count, used = 0;
        for (size_t k = 0; k < json_array_size(list); k++)
            snprintf(widths + strlen(widths), sizeof widths - strlen(widths), "%s%g", k ? "," : "", at(list, k));
        for (; used < 7; used++) case_text(texts[used], c, keys[used], keys[used]);
        case_text(texts[used++], c, "data-seed", "data_seed");
        for (ovp_idx k = 0; k < used; k++) settings[k] = texts[k];
        settings[used++] = widths;
        settings[used++] = json_integer_value(json_object_get(c, "bad_steps")) ? "mode=bad-init" : "mode=thin-vs-wide";
        settings[used++] = "members=1";
        settings[used++] = "steps=1000";
        settings[used++] = "rng=torch";
        settings[used++] = "gap=yes";
        settings[used] = NULL;
        assert_ok(ctx, run_lazy(ctx, &result, root, settings));
        read_arrays(&arrays, &count, ctx, result);
        const double *x = array_of(arrays, count, "x")->data, *y = array_of(arrays, count, "y")->data;
        for (size_t k = 0; k < 15; k++) {
            assert_true(x[k] == at(json_object_get(c, "x"), k));
            assert_true(fabs(y[k] - at(json_object_get(c, "y"), k)) <= 6e-8); /* libm's sin and cos */
        }
        const json_t *traces = json_object_get(c, "nets");
        for (size_t k = 0; k < json_array_size(traces); k++, nets++)
            compared += compare_net(c, json_array_get(traces, k), steps, result, k * json_array_size(steps));
        ovp_io_npz_free(ctx, arrays, count);
        json_decref(result);
        scratch_remove(root);
    }
    assert_int_equal(nets, 17);
    assert_int_equal(compared, 17 * 5 - 1); /* one deep net of six is chaotic at step 1000 */
    json_decref(golden);
}

/* The rule of the published loader, transcribed. */
static void shuffles_are_counted(void **state) {
    (void)state;
    for (ovp_idx n = 1; n <= 17; n++)
        for (ovp_idx batch = 1; batch <= 40; batch++) {
            ovp_idx pos = 0, shuffles = 0;
            for (ovp_idx k = 0; k < 50; k++) {
                if (pos + batch > n) shuffles++;
                pos = (pos + batch) % n;
                assert_int_equal(lazy_1d_shuffles(n, batch, k + 1), shuffles);
            }
        }
    assert_int_equal(lazy_1d_shuffles(15, 15, 1000), 0);
    assert_int_equal(lazy_1d_shuffles(15, 30, 1000), 1000);
}

/* ---- what a run holds ---------------------------------------------------------------------------- */

static void modes_are_as_published(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *mode, *model;
        ovp_idx widths, first, last, members, steps, batch, bad_steps;
        double lr;
    } published[] = {{"mode=single", "deep", 1, 10, 10, 1, 10000, 15, 0, .1},
                     {"mode=robustness", "shallow", 1, 10, 10, 10, 5000, 30, 0, .001},
                     {"mode=thin-vs-wide", "shallow", 4, 5, 1000, 1, 50000, 15, 0, .002},
                     {"mode=bad-init", "shallow", 1, 100, 100, 10, 1000, 30, 2, .001}};
    for (size_t i = 0; i < 4; i++) {
        lazy_1d_setup s;
        ovp_params *p = params_with(ctx, &ovp_experiment_lazy_1d, SETTINGS("preset=paper", published[i].mode));
        lazy_1d_setup_read(&s, p);
        assert_string_equal(s.model, published[i].model);
        assert_int_equal(s.width_count, published[i].widths);
        assert_int_equal(s.widths[0], published[i].first);
        assert_int_equal(s.widths[s.width_count - 1], published[i].last);
        assert_int_equal(s.members, published[i].members);
        assert_int_equal(s.steps, published[i].steps);
        assert_int_equal(s.batch, published[i].batch);
        assert_int_equal(s.bad_steps, published[i].bad_steps);
        assert_true(s.lr == published[i].lr && s.n == 15 && s.noise == 0 && s.low == -1 && s.high == 1 && s.torch);
        assert_string_equal(s.target, "middle");
        assert_int_equal(s.type, OVP_F32);
        ovp_params_free(p);
    }
}

static void a_run_holds_what_the_contract_names(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const models[] = {"width",
                                         "seed",
                                         "member",
                                         "initial_loss",
                                         "final_loss",
                                         "movement_all",
                                         "movement_last_layer",
                                         "movement_output_bias",
                                         "risk",
                                         "steps_to_loss",
                                         "movement_published",
                                         "status",
                                         "diverged_at"};
    static const char *const tensors[] = {"member",   "name",     "shape", "norm_init",
                                          "norm_end", "movement", "width", "seed"};
    char root[256];
    json_t *result, *name;
    size_t k;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, run_lazy(ctx, &result, root,
                            SETTINGS("widths=4,30", "members=2", "steps=400", "seeds=1,2", "target-loss=0.1")));
    json_t *tables = json_object_get(result, "tables");
    json_array_foreach(json_object_get(json_object_get(tables, "models"), "columns"), k, name)
        assert_string_equal(json_string_value(name), models[k]);
    assert_int_equal(k, 13);
    json_array_foreach(json_object_get(json_object_get(tables, "tensors"), "columns"), k, name)
        assert_string_equal(json_string_value(name), tensors[k]);
    assert_int_equal(k, 8);
    assert_int_equal(table_rows(result, "models"), 8);
    assert_int_equal(table_rows(result, "tensors"), 32);
    assert_int_equal(table_rows(result, "timings"), 8);
    assert_int_equal(table_rows(result, "lazy-theory"), 4);
    assert_null(json_object_get(tables, "precision"));
    assert_string_equal(json_string_value(table_cell(result, "tensors", 2, "name")), "1.weight");
    assert_string_equal(json_string_value(table_cell(result, "tensors", 2, "shape")), "1x4");

    read_arrays(&arrays, &count, ctx, result);
    const ovp_numeric_array *loss = array_of(arrays, count, "loss"), *moved = array_of(arrays, count, "movement");
    const ovp_numeric_array *step = array_of(arrays, count, "step_size"),
                            *end = array_of(arrays, count, "function_end");
    const ovp_numeric_array *start = array_of(arrays, count, "function_init"),
                            *target = array_of(arrays, count, "target");
    const ovp_numeric_array *when = array_of(arrays, count, "movement_steps");
    assert_true(loss->shape[0] == 8 && loss->shape[1] == 400);
    assert_null(array_of(arrays, count, "loss_steps"));
    const ovp_idx records = when->shape[0];
    assert_true(((int64_t *)when->data)[0] == 1 && ((int64_t *)when->data)[records - 1] == 400);
    assert_true(moved->shape[1] == records && step->shape[1] == records && start->shape[1] == LAZY_1D_GRID);
    for (size_t row = 0; row < 8; row++) {
        const double *losses = (double *)loss->data + 400 * row, *f = (double *)end->data + LAZY_1D_GRID * row;
        double risk = 0, squares = 0, apart = 0;
        ovp_idx reached = 0;
        assert_true(losses[0] == number_at(result, "models", row, "initial_loss"));
        assert_true(number_at(result, "models", row, "final_loss") < losses[399]);
        assert_true(((double *)moved->data)[(ovp_idx)row * records + records - 1] ==
                    number_at(result, "models", row, "movement_all"));
        /* the first step is all the movement there is after it, over another norm */
        assert_true(
            fabs(((double *)moved->data)[(ovp_idx)row * records] / ((double *)step->data)[(ovp_idx)row * records] - 1) <
            .2);
        while (reached < 400 && losses[reached] >= .1) reached++;
        if (reached < 400) assert_true(number_at(result, "models", row, "steps_to_loss") == (double)reached);
        for (ovp_idx i = 0; i < LAZY_1D_GRID; i++) risk += pow(f[i] - ((double *)target->data)[i], 2) / LAZY_1D_GRID;
        assert_true(fabs(risk / number_at(result, "models", row, "risk") - 1) < 1e-12);
        for (size_t l = 0; l < 4; l++) {
            const double norm = number_at(result, "tensors", 4 * row + l, "norm_init");
            squares += norm * norm;
            apart += pow(norm * number_at(result, "tensors", 4 * row + l, "movement"), 2);
            if (l == 2) assert_true(norm > 0);
        }
        assert_true(fabs(sqrt(apart / squares) / number_at(result, "models", row, "movement_all") - 1) < 1e-9);
        assert_true(fabs(number_at(result, "tensors", 4 * row + 3, "movement") /
                             number_at(result, "models", row, "movement_output_bias") -
                         1) < 1e-9);
        assert_true(number_at(result, "tensors", 4 * row, "width") == (row % 4 < 2 ? 4 : 30));
    }
    ovp_io_npz_free(ctx, arrays, count);

    json_t *manifest = file_json(text_at(result, "run_dir"), "manifest.json");
    json_t *training = json_object_get(json_object_get(manifest, "description"), "training");
    assert_string_equal(text_at(training, "mode"), "thin-vs-wide");
    assert_true(json_number_value(json_object_get(training, "lr")) == .002);
    assert_int_equal(json_integer_value(json_object_get(training, "batch")), 15);
    json_decref(manifest);
    /* two seeds: whatever the numbers, nothing is decided */
    json_array_foreach(json_object_get(result, "verdicts"), k, name) {
        assert_string_equal(text_at(name, "holds"), "unclear");
    }
    assert_int_equal(k, 8);
    json_decref(result);
    scratch_remove(root);
}

static void losses_are_thinned_on_request(void **state) {
    ovp_ctx *ctx = *state;
    ovp_io_named_array *arrays[2];
    ovp_idx counts[2];
    for (int thin = 0; thin < 2; thin++) {
        char root[256];
        json_t *result;
        assert_ok(ctx,
                  run_lazy(ctx, &result, root,
                           SETTINGS("widths=6", "steps=50", "seed=3", thin ? "record-every=7" : "record-every=0")));
        read_arrays(&arrays[thin], &counts[thin], ctx, result);
        json_decref(result);
        scratch_remove(root);
    }
    const ovp_numeric_array *all = array_of(arrays[0], counts[0], "loss"),
                            *some = array_of(arrays[1], counts[1], "loss");
    const int64_t *steps = array_of(arrays[1], counts[1], "loss_steps")->data;
    const int64_t *moved = array_of(arrays[1], counts[1], "movement_steps")->data;
    assert_int_equal(some->shape[1], 8);
    assert_int_equal(array_of(arrays[1], counts[1], "movement_steps")->shape[0], 8);
    for (ovp_idx k = 0; k < 8; k++) {
        assert_int_equal(steps[k], 1 + 7 * k);
        assert_int_equal(moved[k], k < 7 ? 7 * (k + 1) : 50);
        assert_true(((double *)some->data)[k] == ((double *)all->data)[7 * k]);
    }
    for (int thin = 0; thin < 2; thin++) ovp_io_npz_free(ctx, arrays[thin], counts[thin]);
}

/* Every table but timings, every array and the weights: the same bytes for 1, 2 and 3 threads. */
static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/models.csv",    "tables/tensors.csv", "tables/precision.csv",
                                        "tables/exponents.csv", "arrays.npz",         "weights.npz"};
    static const char *const rngs[] = {"rng=torch", "rng=philox"};
    for (int r = 0; r < 2; r++)
        assert_same_bits(
            &ovp_experiment_lazy_1d,
            SETTINGS("widths=7,130,7", "members=2", "steps=150", "seeds=1,2", "batch=4", "gap=yes", rngs[r]), files, 6,
            "models", 12);
}

/* philox: a net's numbers do not depend on the list, mini-batches included. */
static void philox_nets_stand_alone(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const lists[] = {"widths=6,11", "widths=11", "widths=40,11"};
    double loss[3];
    for (int i = 0; i < 3; i++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_lazy(ctx, &result, root, SETTINGS("steps=60", "batch=4", "seed=5", lists[i])));
        loss[i] = number_at(result, "models", i == 1 ? 0 : 1, "final_loss");
        json_decref(result);
        scratch_remove(root);
    }
    assert_true(loss[0] == loss[1] && loss[1] == loss[2]);
}

static void a_diverged_net_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    ovp_io_named_array *arrays;
    ovp_idx count;
    assert_ok(ctx, run_lazy(ctx, &result, root, SETTINGS("widths=5,20", "steps=100", "lr=1e6", "seed=1", "gap=yes")));
    assert_string_equal(text_at(result, "status"), "complete");
    assert_int_equal(table_rows(result, "models"), 2);
    for (size_t row = 0; row < 2; row++) {
        assert_string_equal(json_string_value(table_cell(result, "models", row, "status")), "diverged");
        assert_true(json_is_null(table_cell(result, "models", row, "final_loss")));
        assert_true(json_is_null(table_cell(result, "models", row, "movement_all")));
        assert_true(json_is_null(table_cell(result, "models", row, "risk")));
    }
    ovp_idx when = (ovp_idx)json_integer_value(table_cell(result, "models", 0, "diverged_at"));
    assert_true(when > 1 && when < 100);
    assert_int_equal(json_array_size(json_object_get(result, "warnings")), 3); /* and one of gnuplot */
    read_arrays(&arrays, &count, ctx, result);
    const double *loss = array_of(arrays, count, "loss")->data;
    assert_true(isfinite(loss[when - 2]) && !isfinite(loss[when - 1]) && isnan(loss[99]));
    ovp_io_npz_free(ctx, arrays, count);
    json_decref(result);
    scratch_remove(root);
}

/* ---- bad values and interruption ----------------------------------------------------------------- */

static void bad_values_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *key, *value, *says;
    } rows[] = {{"n", "0", "1"},
                {"n", "-3", "1"},
                {"batch", "-1", "0"},
                {"lr", "-0.1", "0"},
                {"lr", "nan", "not a value"},
                {"steps", "-1", "0"},
                {"members", "-2", "0"},
                {"widths", "-5", "0"},
                {"target-loss", "0", "1e-300"},
                {"target-loss", "-1", ""},
                {"noise", "-1", "0"},
                {"record-every", "-1", "0"},
                {"mode", "wide", "single"},
                {"target", "medium", "simple|middle|complex"},
                {"model", "narrow", "shallow"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ovp_params *p;
        assert_ok(ctx, ovp_experiment_params(&p, ctx, &ovp_experiment_lazy_1d));
        assert_fails(ctx, OVP_EUSAGE, rows[i].says, ovp_params_set(p, rows[i].key, rows[i].value, "--key", OVP_EUSAGE));
        ovp_params_free(p);
    }
}

static void bad_combinations_are_refused_before_a_folder_exists(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[3], *says;
    } rows[] = {
        {{"widths=5,0", NULL}, "--widths: 0 is the mode's own list"},
        {{"rng=numpy", NULL}, "--rng numpy"},
        {{"x-min=1", NULL}, "--x-min 1 is not below --x-max 1"},
        {{"gap=yes", "precision=f64", NULL}, "--gap"},
        {{"rng=torch", "seed=-1", NULL}, "numpy's stream"},
        {{"rng=torch", "data-seed=4294967296", NULL}, "--data-seed"},
        {{"widths=1000000", "model=deep", NULL}, "GiB"},
        {{"steps=1000000000", "members=1000", NULL}, "GiB"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(ctx, &ovp_experiment_lazy_1d, rows[i].says, rows[i].settings);
    /* a negative seed of initialisations is torch's to have */
    char root[256];
    json_t *result;
    assert_ok(ctx,
              run_lazy(ctx, &result, root, SETTINGS("rng=torch", "seed=-1", "data-seed=3", "widths=5", "steps=5")));
    json_decref(result);
    scratch_remove(root);
}

/* One worker: the first net is finished and kept, the second is not. */
static void interrupted_runs_keep_finished_nets(void **state) {
    (void)state;
    interruption stop = {.from = 1000001, .threads = 1};
    char root[256];
    json_t *result;
    ovp_ctx *ctx =
        run_interrupted(&stop, &ovp_experiment_lazy_1d, &result, root,
                        SETTINGS("widths=20", "members=2", "steps=1000000", "record-every=100000", "seed=1"));
    assert_int_equal(table_rows(result, "models"), 1);
    assert_int_equal(table_rows(result, "tensors"), 4);
    assert_true(lines_of(text_at(result, "run_dir"), "tables/models.csv") == 2);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

/* ---- theory -------------------------------------------------------------------------------------- */

static void near(double value, double expected, double relative) {
    if (!(fabs(value - expected) <= relative * fabs(expected))) fail_msg("%.17g, expected %.17g", value, expected);
}

/* Integrals done by hand: relu(wx+b)^2 is half of (wx+b)^2; opposite inputs are both on where b > |w x|. */
static void expectations_are_exact(void **state) {
    (void)state;
    static const struct {
        double x, z, value, slope;
    } rows[] = {{0, 0, 1. / 6, .5},    {1, 1, 1. / 3, .5},     {.5, .5, 5. / 24, .5}, {2, 2, 5. / 6, .5},
                {1, -1, 1. / 12, .25}, {2, -2, 1. / 24, .125}, {-3, -3, 10. / 6, .5}, {4, -4, 1. / 48, .0625}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int flip = 0; flip < 2; flip++) {
            double value, slope;
            lazy_1d_expectations(flip ? rows[i].z : rows[i].x, flip ? rows[i].x : rows[i].z, &value, &slope);
            near(value, rows[i].value, 1e-14);
            near(slope, rows[i].slope, 1e-14);
        }
}

/* A single point: everything is a number. */
static void one_point_is_predicted_in_closed_form(void **state) {
    ovp_ctx *ctx = *state;
    const double x = .5, y = .7, h = 30, lr = .002;
    static const ovp_idx lengths[] = {1, 2, 7, 64, 1000};
    const double a = 5. / 24, first = (x * x + 1) / 6, theta = h * a + 1 + first, s = 2 * lr;
    const double square = y * y + a / 3 + 1 / (3 * h);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        lazy_1d_prediction p;
        const double left = pow(1 - s * theta, (double)lengths[i]), way = (1 - left) / theta * sqrt(square);
        assert_ok(ctx, lazy_1d_predict(&p, ctx, 1, &x, &y, h, lr, lengths[i]));
        near(p.moved[0], way * sqrt(theta / (2 * h / 3 + 1. / 3 + 1 / (3 * h))), 1e-12);
        near(p.moved[1], way * sqrt((h * a + 1) / (1. / 3 + 1 / (3 * h))), 1e-12);
        near(p.moved[2], way * sqrt(3 * h), 1e-12);
        near(p.loss, left * left * square, 1e-10);
    }
    lazy_1d_prediction p;
    assert_ok(ctx, lazy_1d_predict(&p, ctx, 1, &x, &y, h, 10, 1000)); /* far beyond 2 / largest eigenvalue */
    assert_true(isnan(p.moved[0]) && isnan(p.loss));
}

/* Wide nets against the prediction, nothing fitted: 12 nets of width 3000 leave it by a few per cent. */
static void wide_nets_move_as_predicted(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    double moved[2] = {0}, theory[2] = {0};
    static const char *const columns[] = {"movement_all", "movement_last_layer"};
    assert_ok(
        ctx, run_lazy(ctx, &result, root, SETTINGS("widths=3000", "members=12", "steps=1000", "lr=5e-4", "seeds=1,2")));
    for (int m = 0; m < 2; m++) {
        for (size_t row = 0; row < 24; row++) moved[m] += pow(number_at(result, "models", row, columns[m]), 2) / 24;
        for (size_t row = 0; row < 2; row++) theory[m] += pow(number_at(result, "lazy-theory", row, columns[m]), 2) / 2;
        near(sqrt(moved[m]), sqrt(theory[m]), .08);
    }
    json_decref(result);
    scratch_remove(root);
}

static void some_runs_have_no_prediction(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const other[] = {"model=deep", "batch=4", "mode=bad-init"};
    for (int i = 0; i < 3; i++) {
        char root[256];
        json_t *result;
        assert_ok(ctx,
                  run_lazy(ctx, &result, root, SETTINGS("widths=5,8", "members=2", "steps=20", "seed=2", other[i])));
        assert_null(json_object_get(json_object_get(result, "tables"), "lazy-theory"));
        assert_true(table_rows(result, "exponents") > 0);
        json_decref(result);
        scratch_remove(root);
    }
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static const double steep[] = {-.72, -.7, -.71, -.69, -.7}, flat[] = {.1, -.1, .05, -.04, .02};
static const double rising[] = {.3, .32, .31, .29, .3}, minus_07[] = {-.71, -.7, -.7, -.69, -.7};

static void holds(const study_verdict *v, ovp_experiment_holds expected) {
    if (v->verdict.holds != expected) fail_msg("%s: %s", v->verdict.claim, ovp_experiment_holds_name(v->verdict.holds));
    assert_true(v->verdict.how == v->how && v->how[0]);
}

static void verdicts_say_yes_no_and_unclear(void **state) {
    (void)state;
    study_verdict v;
    lazy_1d_judge_falls(&v, steep, 5), holds(&v, OVP_HOLDS_YES);
    lazy_1d_judge_falls(&v, rising, 5), holds(&v, OVP_HOLDS_NO);
    lazy_1d_judge_falls(&v, flat, 5), holds(&v, OVP_HOLDS_UNCLEAR);
    lazy_1d_judge_falls(&v, steep, 3), holds(&v, OVP_HOLDS_UNCLEAR);
    assert_non_null(strstr(v.how, "Only 3 seeds"));
    for (int m = 0; m < LAZY_1D_MEASURES; m++) {
        static const double wide[] = {-.9, -.5, -.7, -.6, -.8};
        lazy_1d_judge_exponent(&v, m, steep, minus_07, 5), holds(&v, OVP_HOLDS_YES);
        assert_non_null(strstr(v.how, lazy_1d_measures[m]));
        lazy_1d_judge_exponent(&v, m, rising, minus_07, 5), holds(&v, OVP_HOLDS_NO);
        lazy_1d_judge_exponent(&v, m, wide, minus_07, 5), holds(&v, OVP_HOLDS_UNCLEAR);
        lazy_1d_judge_exponent(&v, m, steep, minus_07, 2), holds(&v, OVP_HOLDS_UNCLEAR);
    }
    static const double ones[] = {1.01, .99, 1.02, 1, .98}, halves[] = {.5, .52, .49, .5, .51};
    static const double loose[] = {.7, 1.3, 1, .8, 1.2};
    lazy_1d_judge_ratio(&v, 1000, ones, 5), holds(&v, OVP_HOLDS_YES);
    assert_non_null(strstr(v.how, "1000"));
    lazy_1d_judge_ratio(&v, 1000, halves, 5), holds(&v, OVP_HOLDS_NO);
    lazy_1d_judge_ratio(&v, 1000, loose, 5), holds(&v, OVP_HOLDS_UNCLEAR);
    lazy_1d_judge_steps(&v, steep, 5, .01), holds(&v, OVP_HOLDS_YES);
    assert_non_null(strstr(v.how, "0.01"));
    lazy_1d_judge_steps(&v, rising, 5, .01), holds(&v, OVP_HOLDS_NO);
    lazy_1d_judge_steps(&v, flat, 5, .01), holds(&v, OVP_HOLDS_UNCLEAR);
    lazy_1d_judge_spread(&v, halves, 5), holds(&v, OVP_HOLDS_YES);
    static const double twos[] = {2, 2.1, 1.9, 2, 2.05};
    lazy_1d_judge_spread(&v, twos, 5), holds(&v, OVP_HOLDS_NO);
    lazy_1d_judge_spread(&v, loose, 5), holds(&v, OVP_HOLDS_UNCLEAR);
    lazy_1d_judge_published(&v, rising, 5), holds(&v, OVP_HOLDS_YES);
    lazy_1d_judge_published(&v, steep, 5), holds(&v, OVP_HOLDS_NO);
    lazy_1d_judge_published(&v, flat, 5), holds(&v, OVP_HOLDS_UNCLEAR);
}

static double by_claim(const json_t *result, const char *start, const char **says) {
    size_t k;
    json_t *verdict;
    json_array_foreach(json_object_get(result, "verdicts"), k, verdict) {
        if (strncmp(text_at(verdict, "claim"), start, strlen(start)) != 0) continue;
        *says = text_at(verdict, "holds");
        return json_number_value(json_object_get(verdict, "measured"));
    }
    fail_msg("no verdict '%s'", start);
    return NAN;
}

/* Nets of one seed see the same points: hardly trained they stay apart, trained they come together. */
static void members_come_together(void **state) {
    ovp_ctx *ctx = *state;
    const char *says = NULL;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_lazy(ctx, &result, root, SETTINGS("mode=robustness", "seeds=1..4", "steps=1", "lr=1e-6")));
    assert_true(fabs(by_claim(result, "Training brings", &says) - 1) < 1e-3);
    json_decref(result);
    scratch_remove(root);
    assert_ok(ctx, run_lazy(ctx, &result, root, SETTINGS("mode=robustness", "seeds=1..4", "lr=.01")));
    assert_true(by_claim(result, "Training brings", &says) < .5);
    assert_string_equal(says, "yes");
    json_decref(result);
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(losses_follow_pytorch),
        cmocka_unit_test(shuffles_are_counted),
        CTX_TEST(modes_are_as_published),
        CTX_TEST(a_run_holds_what_the_contract_names),
        CTX_TEST(losses_are_thinned_on_request),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(philox_nets_stand_alone),
        CTX_TEST(a_diverged_net_is_a_row),
        CTX_TEST(bad_values_are_refused),
        CTX_TEST(bad_combinations_are_refused_before_a_folder_exists),
        cmocka_unit_test(interrupted_runs_keep_finished_nets),
        cmocka_unit_test(expectations_are_exact),
        CTX_TEST(one_point_is_predicted_in_closed_form),
        CTX_TEST(wide_nets_move_as_predicted),
        CTX_TEST(some_runs_have_no_prediction),
        cmocka_unit_test(verdicts_say_yes_no_and_unclear),
        CTX_TEST(members_come_together),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
