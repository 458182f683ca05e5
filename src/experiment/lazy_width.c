/* lazy-width: one hidden layer of growing width on MNIST; wider nets move less and test better. */
#include "lazy_width_int.h"

#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"dataset", OVP_PARAM_TEXT, "mnist", 0, 0, NULL, "", "Data set (`overparam data list`)."},
    {"samples", OVP_PARAM_INT, "1024", 1, 1e9, NULL, "", "Training samples: the first that many."},
    {"test-samples", OVP_PARAM_INT, "0", 0, 1e9, NULL, "", "Test samples: the first that many; 0 takes all."},
    {"pixel-scale", OVP_PARAM_CHOICE, "raw", 0, 0, "raw|unit|standard", "",
     "Inputs: raw 0..255, unit x/255, standard (x - mean)/std."},
#define DATA_KEY(key, syntax, help) {key, OVP_PARAM_TEXT, "", 0, 0, NULL, "", syntax ": " help},
    OVP_DATA_PACK_KEYS(DATA_KEY)
        OVP_DATA_KEYS(DATA_KEY){"widths", OVP_PARAM_INT_LIST, "10,100,1000,10000,50000,100000", 1, 1e9, NULL, "units",
                                "Widths of the hidden layer, in this order (which matters with --rng torch)."},
    {"epochs", OVP_PARAM_INT, "500", 1, 1e9, NULL, "steps", "Full-batch updates of each net."},
    {"lr", OVP_PARAM_REAL, "0.01", 1e-30, 1e30, NULL, "", "Learning rate before its scaling with the width."},
    {"lr-scaling", OVP_PARAM_CHOICE, "auto", 0, 0, "auto|inverse-sqrt|none|inverse", "",
     "Learning rate of width w: lr/sqrt(w), lr or lr/w; auto is inverse-sqrt in the standard parametrisation and none "
     "in the others, which bring their own."},
    {"loss", OVP_PARAM_CHOICE, "cross-entropy", 0, 0, "cross-entropy|mse", "",
     "Training loss; mse takes one-hot targets and the mean over samples and outputs."},
    {"activation", OVP_PARAM_TEXT, "relu", 0, 0, NULL, "", "Activation of the hidden layer."},
    {"bias", OVP_PARAM_BOOL, "yes", 0, 0, NULL, "", "Whether the layers have biases."},
    {"init", OVP_PARAM_CHOICE, "torch-default", 0, 0,
     "torch-default|kaiming-uniform|kaiming-normal|xavier-uniform|xavier-normal|normal|zero", "",
     "Initialisation; torch-default is U(+-1/sqrt(fan_in)) for weights and biases."},
    {"parametrization", OVP_PARAM_CHOICE, "standard", 0, 0, "standard|ntk|mean-field|mup", "",
     "Where the width stands: standard (in --init), ntk (1/sqrt(fan_in) in front of weights N(0,1)), mean-field (1/w "
     "in front of the read-out, lr times w), mup (maximal update); all but standard draw their own weights."},
    {"optimiser", OVP_PARAM_CHOICE, "sgd", 0, 0, "sgd|adam|adamw|rmsprop|adagrad", "",
     "Optimiser, as torch.optim's of that name, full batch; the prediction is that of sgd."},
    {"momentum", OVP_PARAM_REAL, "0", 0, .999999, NULL, "", "Momentum of sgd and rmsprop."},
    {"nesterov", OVP_PARAM_BOOL, "no", 0, 0, NULL, "", "Nesterov's form of momentum (sgd)."},
    {"beta1", OVP_PARAM_REAL, "0", 0, .999999999, NULL, "", "Decay of adam's and adamw's mean; 0 takes .9."},
    {"beta2", OVP_PARAM_REAL, "0", 0, .999999999, NULL, "",
     "Decay of the mean square; 0 takes .999 (adam, adamw) or .99 (rmsprop)."},
    {"eps", OVP_PARAM_REAL, "0", 0, 1e6, NULL, "", "Added to the divisor; 0 takes 1e-8 (adagrad 1e-10)."},
    {"weight-decay", OVP_PARAM_REAL, "0", 0, 1e6, NULL, "",
     "Weight decay, added to the gradient (adamw: taken off the weights)."},
    {"input", OVP_PARAM_CHOICE, "auto", 0, 0, "auto|dense|sparse", "",
     "First layer's path: sparse skips the zeros of the images (same result up to rounding)."},
    {"ntk", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",
     "Also measures how far the empirical neural tangent kernel moves on the first 64 images (column ntk_change)."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "about 10 seconds on two cores: five seeds, small widths, fewer samples and steps",
     "widths=30,60,120,250,500,1000;samples=512;epochs=150;test-samples=2000;seeds=1..5"},
    {"default", "about 3 minutes: eight seeds, the published training up to width 3000",
     "widths=10,30,100,300,1000,3000;seeds=1..8"},
    {"paper", "exactly the published run: one torch stream, seed 42, six widths", "rng=torch;seeds=42"},
};

static const ovp_store_column width_columns[] = {
    {"width", "units", "hidden units"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "0.. for nets of one width and seed drawn one after another"},
    {"relative_change", "", "sum_l ||W_l - W_l0|| / sum_l ||W_l0|| over the parameter tensors"},
    {"relative_change_l2", "", "||theta - theta_0|| / ||theta_0|| of the whole vector"},
    {"final_loss", "", "training loss at the last step, before its update"},
    {"train_accuracy", "", "fraction of training samples classified right after the last update"},
    {"test_accuracy", "", "fraction of test samples classified right after the last update"},
    {"ntk_change", "", "relative Frobenius change of the empirical NTK; empty: not measured"},
    {"status", "", "ok, or diverged: a loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"width", "units", "hidden units"},
    {"measure", "", "column of table widths"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column exponent_columns[] = {
    {"seed", "", "seed of the initialisation"},
    {"exponent", "", "least-squares slope of log relative_change against log width"},
    {"predicted", "", "the same fit to the predicted curve; empty: no prediction"},
};
static const ovp_store_column ntk_columns[] = {
    {"seed", "", "seed of the initialisation"},
    {"exponent", "", "least-squares slope of log ntk_change against log width"},
};
static const ovp_store_column published_columns[] = {
    {"width", "units", "hidden units"},
    {"measure", "", "column of table widths"},
    {"published", "", "published value"},
    {"measured", "", "this run's value (seed 42)"},
    {"deviation", "", "relative, accuracy absolute"},
    {"bar", "", "allowed deviation"},
};
static const ovp_store_column timing_columns[] = {
    {"width", "units", "hidden units"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "as in table widths"},
    {"seconds_train", "s", "the training steps alone"},
    {"seconds_test", "s", "outputs and accuracies on training and test data"},
    {"steps_per_second", "1/s", "training steps a second"},
};
static const ovp_experiment_table tables[] = {
    {"widths", "One row a trained net.", width_columns, COUNT(width_columns), 0},
    {"widths-summary", "Means over seeds.", summary_columns, COUNT(summary_columns), 0},
    {"exponents", "Fitted exponent of relative_change for each seed.", exponent_columns, COUNT(exponent_columns), 0},
    {"published", "Comparison with the published table, when its run is repeated.", published_columns,
     COUNT(published_columns), 1},
    {"ntk-exponents", "Fitted exponent of ntk_change for each seed, with --ntk.", ntk_columns, COUNT(ntk_columns), 1},
    {"timings", "Time of each net.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- one net ------------------------------------------------------------------------------------- */

/* Rows a workspace has at least, so that small trainings still test in blocks of a sensible size. */
#define TEST_ROWS 256

typedef struct lazy_lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    const int64_t *seeds, *widths;
    ovp_idx seed_count, width_count;
    ovp_data_set data;
    lazy_width_rows rows;
} lazy_lab;

static ovp_idx workspace_rows(const lazy_lab *lab) {
    ovp_idx n = lab->data.x_train.shape[0];
    return n > TEST_ROWS ? n : TEST_ROWS;
}

static ovp_net_dense_options net_options(const lazy_lab *lab, const ovp_idx widths[3]) {
    return (ovp_net_dense_options){.size = sizeof(ovp_net_dense_options),
                                   .layers = 2,
                                   .widths = widths,
                                   .activation = ovp_params_text(lab->params, "activation"),
                                   .no_bias = !ovp_params_bool(lab->params, "bias"),
                                   .type = lab->data.x_train.type,
                                   .engine = ovp_params_text(lab->params, "engine"),
                                   .input = ovp_params_text(lab->params, "input"),
                                   .parametrization = ovp_params_text(lab->params, "parametrization")};
}

static ovp_train_options train_options(const ovp_params *p, ovp_idx width) {
    const char *scaling = lazy_width_lr_scaling(p);
    return (ovp_train_options){.size = sizeof(ovp_train_options),
                               .optimiser = ovp_params_text(p, "optimiser"),
                               .lr = ovp_params_real(p, "lr") * lazy_width_lr_factor(scaling, (double)width),
                               .momentum = ovp_params_real(p, "momentum"),
                               .weight_decay = ovp_params_real(p, "weight-decay"),
                               .nesterov = ovp_params_bool(p, "nesterov"),
                               .beta1 = ovp_params_real(p, "beta1"),
                               .beta2 = ovp_params_real(p, "beta2"),
                               .eps = ovp_params_real(p, "eps")};
}

static ovp_net_targets train_targets(const lazy_lab *lab) {
    int mse = strcmp(ovp_params_text(lab->params, "loss"), "mse") == 0;
    return (ovp_net_targets){.loss = mse ? OVP_LOSS_MSE : OVP_LOSS_CROSS_ENTROPY,
                             .reduction = OVP_REDUCE_MEAN,
                             .labels = lab->data.y_train.data};
}

/* Fraction right over a whole set, in blocks that the workspace holds. */
static ovp_status accuracy(double *out, lazy_lab *lab, const ovp_net_model *model, ovp_net_workspace *workspace,
                           const void *theta, const ovp_numeric_array *x, const ovp_numeric_array *y) {
    ovp_status status = OVP_OK;
    ovp_net_batch *batch = NULL;
    void *f = NULL;
    ovp_idx n = x->shape[0], block = workspace_rows(lab), c = lab->data.classes;
    size_t row_bytes = (size_t)lab->data.features * ovp_numeric_type_size(x->type);
    double right = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &f, block * c, ovp_numeric_type_size(x->type)));
    for (ovp_idx at = 0; at < n; at += block) {
        ovp_idx rows = n - at < block ? n - at : block;
        OVP_TRY(ovp_net_bind(&batch, lab->ctx, model, (const char *)x->data + (size_t)at * row_bytes, rows));
        OVP_TRY(ovp_net_forward(workspace, batch, theta, f));
        right += (double)rows * ovp_measure_accuracy(x->type, rows, c, f, (const int32_t *)y->data + at);
        ovp_net_batch_free(batch);
        batch = NULL;
    }
    *out = rint(right) / (double)n;
done:
    ovp_net_batch_free(batch);
    ovp_free(lab->ctx, f);
    return status;
}

static ovp_status keep_net(lazy_lab *lab, const lazy_width_row *row, const study_kept *kept, const ovp_net_model *model,
                           const void *theta) {
    char prefix[96];
    snprintf(prefix, sizeof prefix, "width%lld.seed%lld.member%lld", (long long)row->width, (long long)row->seed,
             (long long)row->member);
    return study_keep_net(lab->run, prefix, kept, model, theta);
}

/* Trains to the end or to divergence. losses: epochs values, preset to NaN. */
static ovp_status train(lazy_lab *lab, lazy_width_row *row, ovp_train *trainer, double *losses) {
    ovp_status status = OVP_OK;
    ovp_idx epochs = lab->rows.epochs;
    char stage[80];
    snprintf(stage, sizeof stage, "width %lld, seed %lld", (long long)row->width, (long long)row->seed);
    for (ovp_idx k = 0; k < epochs; k++) {
        OVP_TRY(ovp_check(lab->ctx));
        OVP_TRY(ovp_train_step(trainer, &losses[k]));
        ovp_run_progress(lab->run, &(ovp_progress){stage, "steps", k + 1, epochs, "loss", losses[k]});
        if (ovp_train_test(trainer, &row->diverged_at) == OVP_TRAIN_DIVERGED) goto done;
    }
    row->diverged_at = 0;
    row->final_loss = losses[epochs - 1];
done:
    return status;
}

static ovp_status report_row(lazy_lab *lab, const lazy_width_row *row, double seconds_train, double seconds_test,
                             ovp_idx steps) {
    ovp_status status = OVP_OK;
    const ovp_store_cell cells[COUNT(width_columns)] = {
        ovp_cell_int(row->width),
        ovp_cell_int(row->seed),
        ovp_cell_int(row->member),
        ovp_cell_real(row->relative_change),
        ovp_cell_real(row->relative_change_l2),
        ovp_cell_real(row->final_loss),
        ovp_cell_real(row->train_accuracy),
        ovp_cell_real(row->test_accuracy),
        isfinite(row->ntk_change) ? ovp_cell_real(row->ntk_change) : ovp_cell_null(),
        ovp_cell_text(row->diverged_at ? "diverged" : "ok"),
        row->diverged_at ? ovp_cell_int(row->diverged_at) : ovp_cell_null(),
    };
    const ovp_store_cell times[COUNT(timing_columns)] = {
        ovp_cell_int(row->width),    ovp_cell_int(row->seed),
        ovp_cell_int(row->member),   ovp_cell_real(seconds_train),
        ovp_cell_real(seconds_test), ovp_cell_real(seconds_train > 0 ? (double)steps / seconds_train : (double)NAN),
    };
    OVP_TRY(ovp_run_row(lab->run, "widths", cells));
    OVP_TRY(ovp_run_row(lab->run, "timings", times));
done:
    return status;
}

/* One net from its stream to its rows. */
static ovp_status one_net(lazy_lab *lab, lazy_width_row *row, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    ovp_net_model *model = NULL;
    ovp_net_workspace *workspace = NULL;
    ovp_net_batch *batch = NULL;
    ovp_train *trainer = NULL;
    void *theta = NULL, *theta0 = NULL;
    const ovp_idx widths[3] = {lab->data.features, row->width, lab->data.classes};
    const ovp_net_dense_options options = net_options(lab, widths);
    const ovp_train_options descent = train_options(lab->params, row->width);
    const ovp_net_targets targets = train_targets(lab);
    const ovp_net_init_options init = {sizeof init, lazy_width_init(lab->params), 0};
    const ovp_data_set *data = &lab->data;
    const int ntk = ovp_params_bool(lab->params, "ntk");
    ovp_measure_movement movement;
    lazy_width_kernel kernel = {.start = NULL};
    double *losses = lab->rows.losses + lab->rows.count * lab->rows.epochs;

    for (ovp_idx k = 0; k < lab->rows.epochs; k++) losses[k] = NAN;
    OVP_TRY(ovp_net_dense_create(&model, ctx, &options));
    ovp_idx parameters = ovp_net_model_parameters(model);
    size_t bytes = ovp_numeric_type_size(options.type);
    OVP_TRY(ovp_alloc(ctx, &theta, parameters, bytes));
    OVP_TRY(ovp_alloc(ctx, &theta0, parameters, bytes));
    OVP_TRY(ovp_net_init(model, ctx, &init, rng, theta));
    memcpy(theta0, theta, (size_t)parameters * bytes);
    if (ntk) OVP_TRY(lazy_width_kernel_start(&kernel, ctx, model, data, theta));
    OVP_TRY(ovp_net_workspace_create(&workspace, ctx, model, workspace_rows(lab)));
    OVP_TRY(ovp_net_bind(&batch, ctx, model, data->x_train.data, data->x_train.shape[0]));
    OVP_TRY(ovp_train_create(&trainer, ctx, model, workspace, batch, &targets, &descent, theta));

    double start = ovp_seconds();
    OVP_TRY(train(lab, row, trainer, losses));
    double trained = ovp_seconds();
    if (!row->diverged_at) {
        OVP_TRY(ovp_measure_weight_movement(&movement, ctx, model, theta0, theta));
        row->relative_change = movement.sum_ratio;
        row->relative_change_l2 = movement.l2_ratio;
        OVP_TRY(accuracy(&row->train_accuracy, lab, model, workspace, theta, &data->x_train, &data->y_train));
        OVP_TRY(accuracy(&row->test_accuracy, lab, model, workspace, theta, &data->x_test, &data->y_test));
        if (ntk) OVP_TRY(lazy_width_kernel_change(&row->ntk_change, &kernel, ctx, model, data, theta));
        const study_kept kept = {.dense = &options, .targets = &targets, .data = "data", .loss = row->final_loss};
        OVP_TRY(keep_net(lab, row, &kept, model, theta));
    } else {
        OVP_TRY(ovp_run_warning(lab->run, "width %lld, seed %lld diverged at step %lld; a smaller --lr trains it",
                                (long long)row->width, (long long)row->seed, (long long)row->diverged_at));
    }
    OVP_TRY(report_row(lab, row, trained - start, ovp_seconds() - trained,
                       row->diverged_at ? row->diverged_at : lab->rows.epochs));
    lab->rows.items[lab->rows.count++] = *row;
done:
    lazy_width_kernel_free(ctx, &kernel);
    ovp_train_free(trainer);
    ovp_net_batch_free(batch);
    ovp_net_workspace_free(workspace);
    ovp_free(ctx, theta0);
    ovp_free(ctx, theta);
    ovp_net_model_free(model);
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

/* ovp_data_text_fn over the parameters: this experiment's own names for three of the keys, none for the knobs. */
static const char *data_text(const void *user, const char *key) {
    const ovp_params *p = user;
    const ovp_param *row;
    if (strcmp(key, "limit") == 0) return ovp_params_show(p, "samples");
    if (strcmp(key, "test-limit") == 0) return ovp_params_show(p, "test-samples");
    if (strcmp(key, "scale") == 0) return ovp_params_text(p, "pixel-scale");
#define DATA_KEY_NAME(name, syntax, help) name,
    static const char *const keys[] = {OVP_DATA_PACK_KEYS(DATA_KEY_NAME) OVP_DATA_KEYS(DATA_KEY_NAME)};
    for (ovp_idx i = 0; i < COUNT(keys); i++)
        if (strcmp(keys[i], key) == 0 && (row = ovp_params_find(p, key))) return ovp_params_text(p, row->key);
    return NULL;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    const char *rng = ovp_params_text(p, "rng"), *dataset = ovp_params_text(p, "dataset");
    const char *activation = ovp_params_text(p, "activation");
    if (strcmp(rng, "numpy") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng numpy: lazy-width draws initialisations only, which the published program took from "
                        "torch; use torch or philox");
    if (ovp_data_synthetic_find(dataset))
        return ovp_fail(ctx, OVP_EINVAL,
                        "--dataset %s: has real targets; lazy-width needs labels of classes (mnist, fashion-mnist, "
                        "cifar10, imagefolder:DIR, npz:FILE, csv:FILE)",
                        dataset);
    if (!ovp_data_find(dataset))
        return ovp_fail(ctx, OVP_EINVAL, "--dataset %s: unknown data set; see `overparam data list`", dataset);
    if (!ovp_numeric_activation_find(activation)) {
        char names[256] = "";
        size_t length = 0;
        for (ovp_idx i = 0; ovp_numeric_activation_at(i) && length < sizeof names; i++)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "",
                                       ovp_numeric_activation_at(i)->name);
        return ovp_fail(ctx, OVP_EINVAL, "--activation %s: unknown; one of %s", activation, names);
    }
    /* By its value: configuration files and manifests name every key, the default too. */
    if (!lazy_width_is_standard(p) && strcmp(ovp_params_text(p, "init"), "torch-default") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "--init %s: --parametrization %s draws its own weights; leave --init out",
                        ovp_params_text(p, "init"), ovp_params_text(p, "parametrization"));
    if (ovp_params_bool(p, "nesterov") && !(ovp_params_real(p, "momentum") > 0))
        return ovp_fail(ctx, OVP_EINVAL, "--nesterov needs a --momentum above 0");
    ovp_data_choice choice;
    ovp_status status = ovp_data_choose(&choice, ctx, dataset, data_text, p);
    ovp_data_choice_free(ctx, &choice);
    const ovp_train_options options = train_options(p, 1);
    return status == OVP_OK ? ovp_train_check(ctx, &options) : status;
}

/* Once for all seeds; what is random of it from data-seed, or else from the first seed. */
static ovp_status load_data(lazy_lab *lab) {
    const char *dataset = ovp_params_text(lab->params, "dataset");
    const int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    const int wide = strcmp(ovp_params_text(lab->params, "precision"), "f64") == 0;
    ovp_numeric_rng *rng = NULL;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_numeric_rng_create(&rng, lab->ctx, torch ? OVP_RNG_TORCH : OVP_RNG_PHILOX,
                                   ovp_run_data_seed(lab->run, lab->seeds[0]), OVP_PURPOSE_DATA, 0));
    OVP_TRY(
        study_load_data(&lab->data, lab->run, "data", dataset, data_text, lab->params, wide ? OVP_F64 : OVP_F32, rng));
    if (lab->data.classes < 2 || !lab->data.x_test.data)
        status = ovp_fail(lab->ctx, OVP_EINVAL,
                          "--dataset %s: lazy-width needs labels of at least 2 classes and a test part (--split makes "
                          "one)",
                          dataset);
done:
    ovp_numeric_rng_free(rng);
    return status;
}

/* Refuses before any width has run, not after hours. */
static ovp_status check_memory(lazy_lab *lab) {
    ovp_status status = OVP_OK;
    const int64_t available = ovp_experiment_memory_available();
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        const ovp_idx widths[3] = {lab->data.features, lab->widths[i], lab->data.classes};
        const ovp_net_dense_options options = net_options(lab, widths);
        const ovp_train_options descent = train_options(lab->params, lab->widths[i]);
        const ovp_idx parameters = (widths[0] + 1) * widths[1] + (widths[1] + 1) * widths[2];
        const int64_t need =
            ovp_net_dense_memory(&options, workspace_rows(lab)) + ovp_train_memory(&descent, parameters, options.type);
        int64_t kernel = 0;
        if (available > need && ovp_params_bool(lab->params, "ntk"))
            OVP_TRY(lazy_width_kernel_memory(&kernel, lab->ctx, &options, &lab->data));
        OVP_TRY(study_check_memory(lab->ctx, (double)need + (double)kernel,
                                   "give smaller widths or fewer --samples (no width was run)",
                                   "--widths: width %lld on %lld samples needs", (long long)lab->widths[i],
                                   (long long)lab->data.x_train.shape[0]));
    }
done:
    return status;
}

static ovp_status describe(lazy_lab *lab) {
    const ovp_params *p = lab->params;
    json_t *about =
        json_pack("{s:{s:s, s:I, s:I, s:s, s:b, s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:I, s:I, s:I, s:I}}", "model",
                  "architecture", "dense: inputs - width - outputs", "inputs", (json_int_t)lab->data.features,
                  "outputs", (json_int_t)lab->data.classes, "activation", ovp_params_text(p, "activation"), "bias",
                  ovp_params_bool(p, "bias"), "parametrization", ovp_params_text(p, "parametrization"), "init",
                  lazy_width_init(p), "lr_scaling", lazy_width_lr_scaling(p), "names",
                  "width<width>.seed<seed>.member<member>.<layer>.<weight [out, in] or bias>", "data", "dataset",
                  ovp_params_text(p, "dataset"), "pixel_scale", ovp_params_text(p, "pixel-scale"), "train",
                  (json_int_t)lab->data.x_train.shape[0], "test", (json_int_t)lab->data.x_test.shape[0], "image_rows",
                  (json_int_t)lab->data.image_rows, "image_cols", (json_int_t)lab->data.image_cols);
    ovp_status status = about ? ovp_run_describe(lab->run, about)
                              : ovp_fail(lab->ctx, OVP_ENOMEM, "lazy-width: out of memory for the description");
    json_decref(about);
    return status;
}

/* Number of earlier equal widths in the list. */
static ovp_idx member_of(const lazy_lab *lab, ovp_idx at) {
    ovp_idx member = 0;
    for (ovp_idx i = 0; i < at; i++) member += lab->widths[i] == lab->widths[at];
    return member;
}

/* torch: one stream over all widths, nothing else drawn from it. philox: a stream for each net, so that a width's
 * result does not depend on the list. */
static ovp_status one_seed(lazy_lab *lab, int64_t seed) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        ovp_idx member = member_of(lab, i);
        lazy_width_row row = {.width = lab->widths[i],
                              .member = member,
                              .seed = seed,
                              .relative_change = NAN,
                              .relative_change_l2 = NAN,
                              .final_loss = NAN,
                              .train_accuracy = NAN,
                              .test_accuracy = NAN,
                              .ntk_change = NAN};
        if (!torch || i == 0) {
            ovp_numeric_rng_free(rng);
            rng = NULL;
            OVP_TRY(ovp_numeric_rng_create(&rng, lab->ctx, torch ? OVP_RNG_TORCH : OVP_RNG_PHILOX, seed,
                                           OVP_PURPOSE_INIT, (uint64_t)row.width | (uint64_t)member << 40));
        }
        OVP_TRY(one_net(lab, &row, rng));
    }
done:
    ovp_numeric_rng_free(rng);
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    lazy_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.widths = ovp_params_ints(lab.params, "widths", &lab.width_count);
    lab.rows.epochs = ovp_params_int(lab.params, "epochs");
    OVP_TRY(load_data(&lab));
    OVP_TRY(check_memory(&lab));
    OVP_TRY(describe(&lab));
    ovp_idx nets = lab.seed_count * lab.width_count;
    OVP_TRY(ovp_alloc(lab.ctx, &lab.rows.items, nets, sizeof *lab.rows.items));
    OVP_TRY(ovp_alloc(lab.ctx, &lab.rows.losses, nets * lab.rows.epochs, sizeof *lab.rows.losses));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = one_seed(&lab, lab.seeds[s]);
    /* Also for the rows that were finished before an interruption. */
    end = lazy_width_conclude(r, &lab.rows, &lab.data);
    if (status == OVP_OK) status = end;
done:
    ovp_free(lab.ctx, lab.rows.losses);
    ovp_free(lab.ctx, lab.rows.items);
    ovp_data_free(lab.ctx, &lab.data);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Do the weights of wide nets stay close to their initialisation?",
     "Yes: relative_change falls as a power of the width (first verdict), about w^(-0.63) over the published widths."},
    {"Which exponent does theory give?",
     "lr(w) (gradient norms) / (initial norms): w^(-1) while w << inputs, w^(-1/2) beyond; second verdict compares the "
     "fit of that curve with the measured exponent."},
    {"Is this the lazy regime of the neural tangent kernel?",
     "Only in the limit: a kernel regime needs ||Theta_T - Theta_0|| / ||Theta_0|| -> 0, which movement -> 0 makes "
     "plausible but does not prove; --ntk measures it (ntk_change: about .97 at width 64 and .25 at 512 after 30 "
     "steps). "
     "Chizat et al. 2019 trace laziness to scale, see lazy-scaling."},
    {"Is it the width that makes nets lazy?",
     "No, width together with the parametrisation: with --parametrization mean-field or mup the relative change keeps "
     "its size at every width (exponent 0) and so does ntk_change, with ntk they fall (exponent -1/2 of the weights)."},
    {"Why does the learning rate fall as 1/sqrt(w)?",
     "With these weights of order 1/sqrt(w) in the read-out the NTK grows as w, so one step changes the outputs by "
     "lr w; a constant lr would overshoot ever more, --lr-scaling none shows it."},
    {"Does moving less cost accuracy?",
     "No: on these data the wider net tests better (third verdict), though its features hardly change."},
    {"Why does width 10 train badly?",
     "Raw pixels make ||x|| about 2400, so the first steps overshoot far and ten units may die; its trajectory is "
     "chaotic, and PyTorch itself differs by 1 % between machines."},
};

const ovp_experiment ovp_experiment_lazy_width = {
    .id = "lazy-width",
    .title = "Width and the lazy regime",
    .claim = "The wider a net, the less its weights move, relative to where they start, while it fits the data.",
    .formula = "relative_change(w) = sum_l ||W_l(T) - W_l(0)|| / sum_l ||W_l(0)||; predicted proportional to "
               "lr(w) sum_l ||grad_l|| / sum_l ||W_l(0)||, that is w^(-1/2) (sqrt(w/d) + 1) / (sqrt(w/3) + sqrt(c/3)); "
               "in other parametrisations w^(-1/2) (ntk), w^0 (mean-field, mup)",
    .source =
        "DL_theory_exp, run_ntk (published table: result.txt); Jacot, Gabriel and Hongler 2018, Neural Tangent "
        "Kernel; Chizat, Oyallon and Bach 2019, On Lazy Training in Differentiable Programming; Mei, Montanari and "
        "Nguyen 2018, A Mean Field View of the Landscape of Two-Layer Neural Networks; Yang and Hu 2021, Tensor "
        "Programs IV: Feature Learning in Infinite-Width Neural Networks",
    .about =
        "Nets d-w-c with one hidden layer (784-w-10, ReLU, on the first 1024 MNIST images with raw pixels) are trained "
        "by full-batch gradient descent for a fixed number of steps, with a learning rate proportional to 1/sqrt(w). "
        "For each width the run records how far the parameters moved, relative to their initial size, how low the loss "
        "came, and how well the net tests.\n\n"
        "What theory says. In the limit of infinite width a net follows its linearisation at initialisation: a kernel "
        "method with the neural tangent kernel, whose parameters move by a vanishing fraction. How fast the fraction "
        "vanishes depends on the scaling of weights and learning rate. Here cross-entropy bounds the gradient at the "
        "outputs, and raw pixels saturate the softmax from the start, so every effective step has an output gradient "
        "of order one. The read-out's gradient is proportional to sqrt(w), the first layer's to ||x|| and independent "
        "of w; times the learning rate they give steps of order 1 and 1/sqrt(w). If nets of every width need as many "
        "effective steps, the movement is proportional to lr(w) (gradient norms) and, divided by the initial norms "
        "(which grow as sqrt(w)), falls as 1/w while w is far below the number of inputs (the first layer moves) and "
        "as 1/sqrt(w) far above (the read-out moves). Over a finite range the exponent lies between -1 and -1/2: the "
        "dashed curve, whose one free factor is fitted. Small nets are not in its reach: their units die and their "
        "labels do not separate. A gradient flow to a fixed change of the outputs would give -1 at large width "
        "instead.\n\n"
        "Other parametrisations (--parametrization) put the width elsewhere, draw N(0, s^2) weights of their own, and "
        "bring the scaling of the learning rate that gives them a limit; --lr-scaling auto is then none, "
        "and with one that changes with the width nothing is predicted. relative_change is that of the raw parameters. "
        "ntk (Jacot et al. 2018): z = sigma_w/sqrt(d) W1 x + sigma_b b1, f = sigma_w/sqrt(w) W2 phi(z) + sigma_b b2, "
        "all N(0, 1), sigma_w the activation's gain, sigma_b 1. The function moves by O(1), every raw tensor by O(1) "
        "in "
        "norm, the norms at the start grow as sqrt(w): exponent -1/2. mean-field (Mei, Montanari and Nguyen 2018): f = "
        "sigma_w/w W2 phi(z) + sigma_b/sqrt(w) b2, learning rates times w: every unit moves by O(1), as much as its "
        "size, exponent 0. mup (Yang and Hu 2021, table 1) is with one hidden layer the same as mean-field for raw "
        "parameters smaller by sqrt(w): exponent 0. The last two limits begin where the initial outputs, of variance "
        "sigma_w^2 E phi(z)^2 / w, are small: with raw pixels at widths of ten thousand, with --pixel-scale unit (and "
        "a "
        "larger --lr, say .5) at any; below it nothing is predicted.\n\n"
        "--ntk computes Theta = J J^T of the raw parameters, all outputs, on the first 64 images before and after "
        "training. In the lazy regime it stands still: ntk_change falls with the width. In mean-field and mup it keeps "
        "its size.\n\n"
        "How to read the figures. Loss curves: the median over seeds, the band from the lowest to the highest. "
        "Relative change: points are means with 95 % intervals, the line is the fitted power. Tangent kernel: the same "
        "for ntk_change. Accuracy: test and training, means with intervals. Verdicts about exponents need at least "
        "four seeds.",
    .params = params,
    .param_count = COUNT(params),
    .presets = presets,
    .preset_count = COUNT(presets),
    .tables = tables,
    .table_count = COUNT(tables),
    .questions = questions,
    .question_count = COUNT(questions),
    .check = check,
    .run = run,
};
