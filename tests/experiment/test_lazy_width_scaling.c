/* lazy-width beyond its published run: parametrisations and the change of the tangent kernel. */
#include "lazy_width_helpers.h"

/* --ntk fills the column, a summary row, the exponents' table and a verdict; the rest stays as it is. */
static void the_tangent_kernel_is_measured_on_request(void **state) {
    ovp_ctx *ctx = *state;
    double change[2][8];
    for (int ntk = 0; ntk < 2; ntk++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_lazy(ctx, &result, root,
                                SETTINGS("samples=80", "test-samples=50", "widths=20,160", "epochs=9", "seeds=1..4",
                                         "pixel-scale=unit", "lr=0.5", ntk ? "ntk=yes" : "ntk=no")));
        for (size_t row = 0; row < 8; row++) {
            change[ntk][row] = number_at(result, "widths", row, "relative_change");
            const double moved = number_at(result, "widths", row, "ntk_change");
            assert_true(ntk ? moved > 0 && moved < 5 : isnan(moved));
            /* wider: less, by far */
            if (ntk && row % 2) assert_true(moved < .7 * number_at(result, "widths", row - 1, "ntk_change"));
        }
        assert_int_equal(table_rows(result, "widths-summary"), ntk ? 12 : 10);
        assert_int_equal(json_array_size(json_object_get(result, "verdicts")), 3 + ntk);
        if (ntk) {
            assert_int_equal(table_rows(result, "ntk-exponents"), 4);
            assert_string_equal(text_at(json_array_get(json_object_get(result, "verdicts"), 3), "holds"), "yes");
            char *drawn = file_text(text_at(result, "run_dir"), "figures/ntk-change.dat", NULL);
            assert_non_null(drawn);
            free(drawn);
        } else {
            assert_null(json_object_get(json_object_get(result, "tables"), "ntk-exponents"));
        }
        json_decref(result);
        scratch_remove(root);
    }
    assert_memory_equal(change[0], change[1], sizeof change[0]);
}

/* ntk_change of one net, from the definition: rows of J, the weights at init drawn again and those kept at the end. */
static void ntk_change_is_its_definition(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 5, W = 9, C = 3, N = 7, SIDE = N * C };
    const ovp_idx widths[] = {D, W, C};
    const ovp_net_dense_options o = {
        .size = sizeof o, .layers = 2, .widths = widths, .activation = "tanh", .type = OVP_F64};
    const ovp_net_init_options init = {sizeof init, "torch-default", 0};
    ovp_net_model *model;
    ovp_net_workspace *ws;
    ovp_net_batch *batch;
    ovp_numeric_rng *rng;
    double x[N * D], *theta[2], *jacobian[2], moved = 0, size = 0, change;
    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &o));
    const ovp_idx parameters = ovp_net_model_parameters(model);
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 5, OVP_PURPOSE_INIT, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, N * D, 0, 1, x);
    assert_ok(ctx, ovp_net_bind(&batch, ctx, model, x, N));
    assert_ok(ctx, ovp_net_workspace_create(&ws, ctx, model, N));
    for (int k = 0; k < 2; k++) {
        assert_ok(ctx, ovp_alloc(ctx, &theta[k], parameters, sizeof(double)));
        assert_ok(ctx, ovp_alloc(ctx, &jacobian[k], SIDE * parameters, sizeof(double)));
        assert_ok(ctx, ovp_net_init(model, ctx, &init, rng, theta[k]));
        assert_ok(ctx, ovp_net_jacobian(ws, batch, theta[k], 0, N, jacobian[k]));
    }
    for (int i = 0; i < SIDE * SIDE; i++) {
        double kernel[2] = {0, 0};
        for (int k = 0; k < 2; k++)
            for (ovp_idx p = 0; p < parameters; p++)
                kernel[k] += jacobian[k][i / SIDE * parameters + p] * jacobian[k][i % SIDE * parameters + p];
        moved += (kernel[1] - kernel[0]) * (kernel[1] - kernel[0]);
        size += kernel[0] * kernel[0];
    }
    const ovp_data_set data = {.x_train = {.type = OVP_F64, .ndim = 2, .shape = {N, D}, .data = x}};
    lazy_width_kernel kernel;
    int64_t bytes;
    assert_ok(ctx, lazy_width_kernel_start(&kernel, ctx, model, &data, theta[0]));
    assert_ok(ctx, lazy_width_kernel_change(&change, &kernel, ctx, model, &data, theta[1]));
    assert_true(fabs(change - sqrt(moved / size)) < 1e-12 && change > .1);
    assert_ok(ctx, lazy_width_kernel_memory(&bytes, ctx, &o, &data));
    assert_true(bytes > 2 * SIDE * SIDE * 8 && bytes < 100000);
    lazy_width_kernel_free(ctx, &kernel);
    for (int k = 0; k < 2; k++) {
        ovp_free(ctx, theta[k]);
        ovp_free(ctx, jacobian[k]);
    }
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(batch);
    ovp_numeric_rng_free(rng);
    ovp_net_model_free(model);
}

static void memory_counts_the_tangent_kernel(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_idx shape[] = {784, 1000000, 10};
    const ovp_net_dense_options wide = {.size = sizeof wide, .layers = 2, .widths = shape, .type = OVP_F32};
    const ovp_data_set data = {.features = 784, .classes = 10, .x_train = {.type = OVP_F32, .shape = {64, 784}}};
    int64_t bytes;
    assert_ok(ctx, lazy_width_kernel_memory(&bytes, ctx, &wide, &data));
    /* 64 rows of factors do not fit into 1 GiB: some of them at a time */
    assert_true(bytes > 500000000 && bytes < 1200000000);
    const ovp_idx huge[] = {784, 1000000000, 10}; /* where not even one row does, one row's worth and more */
    const ovp_net_dense_options beyond = {.size = sizeof beyond, .layers = 2, .widths = huge, .type = OVP_F32};
    assert_ok(ctx, lazy_width_kernel_memory(&bytes, ctx, &beyond, &data));
    assert_true(bytes > 40000000000);
}

/* Small widths, few steps: the fitted exponents are those of the parametrisations, and both verdicts say so. */
static void parametrisations_have_their_exponents(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *setting;
        double exponent;
    } cases[] = {{"parametrization=ntk", -.5}, {"parametrization=mean-field", 0}, {"parametrization=mup", 0}};
    double mean_field[12];
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_lazy(ctx, &result, root,
                                SETTINGS("samples=100", "test-samples=50",
                                         SLOW ? "widths=64,128,256" : "widths=64,256,1024", "epochs=60", "seeds=1..4",
                                         "pixel-scale=unit", "lr=0.5", "precision=f64", cases[k].setting)));
        json_t *verdict = json_array_get(json_object_get(result, "verdicts"), 1);
        const double measured = json_number_value(json_object_get(verdict, "measured"));
        const double predicted = json_number_value(json_object_get(verdict, "predicted"));
        if (!(fabs(measured - cases[k].exponent) < .07 && fabs(predicted - cases[k].exponent) < .01))
            fail_msg("%s: measured %g, predicted %g", cases[k].setting, measured, predicted);
        assert_string_equal(text_at(json_array_get(json_object_get(result, "verdicts"), 0), "holds"),
                            k == 0 ? "yes" : "unclear");
        for (size_t row = 0; row < 12; row++) {
            const double loss = number_at(result, "widths", row, "final_loss");
            if (k == 1) mean_field[row] = loss;
            if (k == 2) assert_true(fabs(loss / mean_field[row] - 1) < 1e-9); /* one hidden layer: the same net */
        }
        json_decref(result);
        scratch_remove(root);
    }
}

/* The limits, and at finite widths the formula at the head of lazy_width_theory.c. */
static void predictions_of_parametrisations(void **state) {
    ovp_ctx *ctx = *state;
    const double wide[] = {1e8, 1e9}, d = 784, c = 10, x = 9, gain = sqrt(2);
    static const char *const names[] = {"ntk", "mean-field", "mup"};
    const double limits[] = {-.5, 0, 0};
    for (int k = 0; k < 3; k++) {
        const lazy_width_theory t = {d, c, x, "torch-default", "relu", "none", 1, names[k]};
        assert_true(fabs(lazy_width_exponent(ctx, &t, wide, 2) - limits[k]) < 1e-3);
        for (double w = 20; w < 1e5; w *= 7) {
            /* E phi^2 = q/2, E phi'^2 = 1/2 in the same units for all three: q = 2 x^2 / d + 1 */
            const double s = k == 2 ? 1 / sqrt(w) : 1, q = 2 * x * x / d + 1, lr = k == 1 ? w : 1;
            const double top = k == 1 ? 1 / w : 1 / sqrt(w), low = k == 2 ? sqrt(w) : 1;
            const double hidden = gain * top * s * sqrt(w / 2), b2 = k == 1 ? 1 / sqrt(w) : 1;
            const double up =
                lr * (gain * top * sqrt(w * q / 2) + gain * low / sqrt(d) * hidden * x + low * hidden + b2);
            const double down = s * (sqrt(w * d) + sqrt(w * c) + sqrt(w) + sqrt(c));
            assert_true(fabs(lazy_width_movement(&t, w) * down / up - 1) < 1e-5);
        }
        assert_true(k == 0 ? lazy_width_limit_from(&t) == 0
                           : fabs(lazy_width_limit_from(&t) / (2 * x * x / d + 1) - 1) < 1e-5);
    }
}

static void settings_belong_to_parametrisations(void **state) {
    ovp_ctx *ctx = *state;
    ovp_params *p = params_with(ctx, &ovp_experiment_lazy_width, SETTINGS("samples=3"));
    assert_string_equal(lazy_width_lr_scaling(p), "inverse-sqrt");
    assert_string_equal(lazy_width_init(p), "torch-default");
    ovp_params_free(p);
    p = params_with(ctx, &ovp_experiment_lazy_width, SETTINGS("parametrization=ntk"));
    assert_string_equal(lazy_width_lr_scaling(p), "none");
    assert_string_equal(lazy_width_init(p), "parametrization");
    ovp_params_free(p);
    p = params_with(ctx, &ovp_experiment_lazy_width, SETTINGS("parametrization=mup", "lr-scaling=inverse-sqrt"));
    assert_string_equal(lazy_width_lr_scaling(p), "inverse-sqrt");
    assert_ok(ctx, ovp_experiment_lazy_width.check(ctx, p));
    assert_ok(ctx, ovp_params_set(p, "init", "kaiming-normal", "--init", OVP_EUSAGE));
    assert_fails(ctx, OVP_EINVAL, "--init kaiming-normal: --parametrization mup draws its own",
                 ovp_experiment_lazy_width.check(ctx, p));
    ovp_params_free(p);
}

/* A manifest names every key, also those nobody gave: what it tells of must be allowed and mean the same. */
static void restored_runs_mean_the_same(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const cases[][3] = {{"parametrization=standard", "lr-scaling=auto", "inverse-sqrt"},
                                           {"parametrization=ntk", "lr-scaling=auto", "none"},
                                           {"parametrization=mup", "lr-scaling=inverse", "inverse"},
                                           {"parametrization=mean-field", "lr-scaling=auto", "none"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ovp_params *p = params_with(ctx, &ovp_experiment_lazy_width, SETTINGS(cases[i][0], cases[i][1])), *back = NULL;
        json_t *manifest = json_pack("{s:o, s:[i]}", "params", ovp_experiment_params_json(p), "seeds", 42);
        assert_ok(ctx, ovp_experiment_params_restore(&back, ctx, &ovp_experiment_lazy_width, manifest));
        assert_ok(ctx, ovp_experiment_lazy_width.check(ctx, back));
        assert_string_equal(lazy_width_lr_scaling(p), cases[i][2]);
        assert_string_equal(lazy_width_lr_scaling(back), cases[i][2]);
        assert_string_equal(lazy_width_init(back), lazy_width_init(p));
        json_decref(manifest);
        ovp_params_free(back);
        ovp_params_free(p);
    }
}

/* ---- verdicts with made-up numbers --------------------------------------------------------------- */

enum { SEEDS = 5, WIDTHS = 6 };

static void verdicts_of_parametrisations(void **state) {
    ovp_ctx *ctx = *state;
    lazy_width_row items[SEEDS * WIDTHS];
    const lazy_width_rows rows = {items, SEEDS * WIDTHS, NULL, 0};
    int64_t seeds[SEEDS];
    double exponents[SEEDS];
    study_verdict v;
    /* exponents -.02 .. .02 */
    for (int i = 0; i < SEEDS * WIDTHS; i++) {
        seeds[i / WIDTHS] = i / WIDTHS;
        items[i] = (lazy_width_row){.width = 10 << i % WIDTHS, .seed = i / WIDTHS};
        items[i].ntk_change = pow((double)items[i].width, .01 * (i / WIDTHS - 2));
    }
    assert_ok(ctx, lazy_width_exponents(exponents, ctx, &rows, lazy_width_ntk_of, seeds, SEEDS));
    lazy_width_judge_ntk(&v, exponents, SEEDS, "mean-field");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_true(v.verdict.predicted == 0);
    lazy_width_judge_ntk(&v, exponents, SEEDS, NULL);
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    lazy_width_judge_exponent(&v, exponents, SEEDS, &(lazy_width_prediction){0, "mup", 0});
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_non_null(strstr(v.how, "Predicted for mup"));
    lazy_width_judge_exponent(&v, exponents, SEEDS, &(lazy_width_prediction){-.5, "ntk", 0});
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    lazy_width_judge_exponent(&v, exponents, SEEDS, &(lazy_width_prediction){NAN, "mup", 14500});
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_non_null(strstr(v.how, "widths above 14500"));
    for (int i = 0; i < SEEDS * WIDTHS; i++) items[i].ntk_change /= sqrt((double)items[i].width);
    assert_ok(ctx, lazy_width_exponents(exponents, ctx, &rows, lazy_width_ntk_of, seeds, SEEDS));
    lazy_width_judge_ntk(&v, exponents, SEEDS, "ntk");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_YES);
    assert_true(isnan(v.verdict.predicted));
    lazy_width_judge_ntk(&v, exponents, SEEDS, "mup");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_NO);
    lazy_width_judge_ntk(&v, exponents, 2, "mup");
    assert_int_equal(v.verdict.holds, OVP_HOLDS_UNCLEAR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(the_tangent_kernel_is_measured_on_request),
        CTX_TEST(ntk_change_is_its_definition),
        CTX_TEST(memory_counts_the_tangent_kernel),
        CTX_TEST(parametrisations_have_their_exponents),
        CTX_TEST(predictions_of_parametrisations),
        CTX_TEST(settings_belong_to_parametrisations),
        CTX_TEST(restored_runs_mean_the_same),
        CTX_TEST(verdicts_of_parametrisations),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
