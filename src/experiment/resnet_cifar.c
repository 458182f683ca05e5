/* resnet-cifar: convolutional residual nets with residuals scaled by n^-alpha, trained by SGD with the depth's learning
 * rate. Companion code of "Weights regularity for residual neural networks in the depth limit". */
#include "resnet_cifar_int.h"

#include <string.h>

/* ---- declaration ------------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"layers", OVP_PARAM_INT_LIST, "56,104,224", 8, 6002, NULL, "layers", "Depths L = 6 n + 2; n blocks a stage."},
    {"dataset", OVP_PARAM_TEXT, "cifar10", 0, 0, NULL, "",
     "Square images with a test part: cifar10, mnist, fashion-mnist, imagefolder:DIR, npz:FILE."},
    {"train-samples", OVP_PARAM_INT, "0", 0, 1e7, NULL, "images", "Training images, drawn at random; 0: all."},
    {"test-samples", OVP_PARAM_INT, "0", 0, 1e7, NULL, "images", "Test images, drawn at random; 0: all."},
    {"epochs", OVP_PARAM_INT, "16", 1, 10000, NULL, "epochs", "Passes over the training images."},
    {"batch", OVP_PARAM_INT, "128", 2, 65536, NULL, "images", "Of a step, and of a test pass; the last may be short."},
    {"lr", OVP_PARAM_REAL, "0", 0, 1e30, NULL, "", "Learning rate of SGD; 0: L^(2 alpha - 1.05), as published."},
    {"alpha", OVP_PARAM_REAL, "0.75", 1e-3, 4, NULL, "", "Residuals are scaled by n^-alpha."},
    {"width", OVP_PARAM_INT, "16", 2, 1024, NULL, "channels", "Channels of the first stage, even; doubled twice."},
    {"crop", OVP_PARAM_INT, "4", 0, 64, NULL, "pixels",
     "Black border that a random window of the image's size may reach into, drawn anew in every epoch; 0: no crops."},
    {"crop-test", OVP_PARAM_BOOL, "yes", 0, 0, NULL, "",
     "Crop test images too (published), the same in both ways of testing."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "seconds: L = 8 on 1024 of the shipped MNIST images, four seeds",
     "layers=8;dataset=mnist;train-samples=1024;test-samples=256;epochs=4;batch=32;seeds=42,43,44,45"},
    {"default", "minutes: L = 20 on 10240 images of CIFAR-10, five epochs, learning rate .1",
     "layers=20;train-samples=10240;test-samples=2000;epochs=5;lr=0.1"},
    {"paper", "as published: L = 56, 104 and 224, 16 epochs of all images (hours)", "seeds=1231"},
};

static const ovp_store_column accuracy_columns[] = {
    {"layers", "layers", "L"},
    {"seed", "", "of initialisation, order and crops"},
    {"epoch", "epochs", "passes made"},
    {"train_loss", "", "mean over the epoch's steps, each before its update"},
    {"train_accuracy", "", "the same way, share of the images"},
    {"test_loss", "", "cross-entropy of the test images normed by their own batch (published way)"},
    {"test_accuracy", "", "share of them whose class has the largest output"},
    {"test_top2", "", "one of the two largest"},
    {"eval_loss", "", "the same images by running statistics (eval mode)"},
    {"eval_accuracy", "", "as test_accuracy, in eval mode"},
    {"eval_top2", "", "as test_top2, in eval mode"},
    {"published_top2", "", "as the published program counts: class among the two largest of any image of the batch"},
};
static const ovp_store_column summary_columns[] = {
    {"layers", "layers", "L"},
    {"epoch", "epochs", "passes made"},
    {"measure", "", "column of table accuracy"},
    {"count", "", "seeds with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column step_columns[] = {
    {"layers", "layers", "L"},
    {"seed", "", "as in table accuracy"},
    {"step", "steps", "updates made before it"},
    {"epoch", "epochs", "the same in passes"},
    {"rows", "images", "of the batch, B"},
    {"loss", "", "of the batch, before the update"},
    {"omega", "", "(1/B) sum over the batch of |d loss / d outputs|^2, loss the batch's mean"},
};
static const ovp_store_column net_columns[] = {
    {"layers", "layers", "L = 6 n + 2"},  {"blocks", "", "n, of a stage"},
    {"parameters", "", "trained values"}, {"delta", "", "scale of residuals, n^-alpha"},
    {"lr", "", "learning rate"},          {"engine", "", "what computed it"},
};
static const ovp_store_column published_columns[] = {
    {"layers", "layers", "L"},
    {"published", "", "top-1 accuracy noted in the published program"},
    {"measured", "", "test_accuracy of the last epoch, mean over seeds"},
    {"deviation", "", "absolute"},
    {"bar", "", "allowed deviation"},
};
static const ovp_store_column timing_columns[] = {
    {"layers", "layers", "L"},
    {"seed", "", "as in table accuracy"},
    {"steps", "steps", "made"},
    {"train_seconds", "s", "of them, crops included"},
    {"test_seconds", "s", "of all test passes"},
    {"images_per_second", "images/s", "trained on"},
};
static const ovp_experiment_table tables[] = {
    {"accuracy", "One row a depth, seed and epoch.", accuracy_columns, COUNT(accuracy_columns), 0},
    {"accuracy-summary", "Means over seeds.", summary_columns, COUNT(summary_columns), 0},
    {"steps", "One row a training step.", step_columns, COUNT(step_columns), 0},
    {"nets", "One row a depth.", net_columns, COUNT(net_columns), 0},
    {"published", "Comparison with the published accuracies, when their runs are repeated.", published_columns,
     COUNT(published_columns), 1},
    {"timings", "Times.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- what is refused --------------------------------------------------------------------------------- */

double resnet_rate(const ovp_params *p, ovp_idx layers) {
    const double lr = ovp_params_real(p, "lr");
    return lr > 0 ? lr : pow((double)layers, 2 * ovp_params_real(p, "alpha") - 1.05);
}

static ovp_status check_engine(ovp_ctx *ctx, const ovp_params *p) {
    const char *engine = ovp_params_text(p, "engine");
    if (strcmp(ovp_params_text(p, "precision"), "f32") != 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--precision f64: resnet-cifar trains in f32, as its convolutions do; leave it");
    if (strcmp(engine, "reference") == 0) return OVP_OK;
    if (strcmp(engine, "auto") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "--engine %s is for dense nets; give auto (oneDNN) or reference", engine);
    if (!ovp_net_conv_library())
        return ovp_fail(ctx, OVP_EUNAVAILABLE,
                        "resnet-cifar: this build has no oneDNN; install libdnnl-dev and build again, or give --engine "
                        "reference (the same net, a thousand times slower)");
    return OVP_OK;
}

/* Bytes of a training: z, input of blocks and gradients at batch size, for the published images of 32 x 32. */
static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *p, ovp_idx layers) {
    const double n = (double)resnet_blocks(layers), image = (double)ovp_params_int(p, "width") * 1024,
                 need = 4 * (double)ovp_params_int(p, "batch") * image * (3 * n * (1 + .5 + .25) + 5);
    return study_check_memory(ctx, need, "give fewer --layers or a smaller --batch",
                              "resnet-cifar: L = %lld with batches of %lld needs", (long long)layers,
                              (long long)ovp_params_int(p, "batch"));
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    char *folder = NULL;
    const int64_t *layers = ovp_params_ints(p, "layers", &count);
    const int numpy = strcmp(ovp_params_text(p, "rng"), "numpy") == 0;
    for (ovp_idx i = 0; i < count; i++) {
        if ((layers[i] - 2) % 6)
            OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "--layers: %lld is not 6 n + 2; nearest are %lld and %lld",
                             (long long)layers[i], (long long)(layers[i] - (layers[i] - 2) % 6),
                             (long long)(layers[i] - (layers[i] - 2) % 6 + 6)));
        for (ovp_idx j = 0; j < i; j++)
            if (layers[i] == layers[j])
                OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "--layers: %lld is given twice", (long long)layers[i]));
        OVP_TRY(check_memory(ctx, p, layers[i]));
    }
    if (ovp_params_int(p, "width") % 2)
        OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "--width: %lld must be even", (long long)ovp_params_int(p, "width")));
    if (numpy)
        OVP_TRY(ovp_fail(ctx, OVP_EINVAL,
                         "--rng numpy: nothing of resnet-cifar was drawn by numpy; give torch (its initial weights) or "
                         "philox"));
    OVP_TRY(check_engine(ctx, p));
    OVP_TRY(ovp_data_locate(&folder, ctx, ovp_params_text(p, "dataset")));
done:
    ovp_free(ctx, folder);
    return status;
}

/* ---- the run ----------------------------------------------------------------------------------------- */

ovp_status resnet_options(ovp_net_resnet_options *out, const resnet_lab *lab, ovp_idx layers) {
    *out = (ovp_net_resnet_options){.size = sizeof *out,
                                    .blocks = resnet_blocks(layers),
                                    .channels = lab->channels,
                                    .image = lab->side,
                                    .classes = lab->set.classes,
                                    .width = ovp_params_int(lab->params, "width"),
                                    .power = ovp_params_real(lab->params, "alpha"),
                                    .type = OVP_F32,
                                    .engine = ovp_params_text(lab->params, "engine")};
    return OVP_OK;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    resnet_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    const ovp_params *p = lab.params;
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.layers = ovp_params_ints(p, "layers", &lab.layer_count);
    lab.batch = ovp_params_int(p, "batch");
    lab.epochs = ovp_params_int(p, "epochs");
    lab.crop = ovp_params_int(p, "crop");
    lab.crop_test = ovp_params_bool(p, "crop-test");
    OVP_TRY(resnet_load(&lab));
    const ovp_idx nets = lab.seed_count * lab.layer_count, steps = (lab.train.n + lab.batch - 1) / lab.batch;
    OVP_TRY(ovp_alloc(lab.ctx, &lab.rows, nets * lab.epochs, sizeof *lab.rows));
    OVP_TRY(ovp_alloc(lab.ctx, &lab.steps, nets * lab.epochs * steps, sizeof *lab.steps));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = resnet_train_seed(&lab, s);
    /* Also for the rows that were finished before an interruption. */
    end = resnet_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    ovp_free(lab.ctx, lab.steps);
    ovp_free(lab.ctx, lab.rows);
    ovp_free(lab.ctx, lab.train.row);
    ovp_free(lab.ctx, lab.test.row);
    ovp_data_free(lab.ctx, &lab.set);
    return status;
}

/* ---- descriptor -------------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Why are residuals scaled by n^-alpha?",
     "A stage adds n residuals. Unscaled, their sum grows with n; times n^-1 it would be an average, the discretised "
     "differential equation. alpha = .75 lies between n^-1/2 (random sums stay of order one) and n^-1 (smooth ones "
     "do)."},
    {"Two deltas stand in a block. Is the residual scaled by delta^2?",
     "No: batch norm after the second convolution divides by the deviation of its input, which carries the inner "
     "delta, so that one cancels but for eps = 1e-5. The residual scales as delta."},
    {"Why may the learning rate grow with depth, as L^.45?",
     "Every block moves the output by about delta times its change; with delta = L^-alpha a step of eta moves the "
     "scaled weights L^beta W, beta = 1 - alpha, by eta L^(1 - 2 alpha): eta = L^(2 alpha - 1) keeps that of order one "
     "at any depth, and the published rule takes .05 off the exponent."},
    {"What is Omega, and where does it begin?",
     "The mean squared gradient of the batch's mean loss with respect to a sample's outputs; for softmax |p - y|^2 / "
     "B^2 averaged. A net that knows nothing has p = 1/C: (1 - 1/C) / B^2 = 5.49e-5 for C = 10, B = 128. It is never "
     "above 2 / B^2 (first verdict), and a short last batch shows it larger."},
    {"The published program notes a top-2 accuracy of 100 for the net of 56 layers. Is that possible?",
     "It is an artefact: `label in predictions2` asks whether the class stands anywhere among the 2 B predictions of "
     "the batch, which it nearly always does. Column published_top2 counts that way, test_top2 the right one."},
    {"The test loss may lie well above the last steps' losses. Overfitting?",
     "Look at the first step of the next epoch: with a constant rate every step kicks the weights by its batch's "
     "noise, "
     "a short last batch the most (16 images of 10,000 at B = 128), and the test comes right after it. The presets "
     "avoid "
     "this; published runs end an epoch with 80 images."},
    {"Why two accuracies?",
     "The published test never called eval(): every test batch was normed by its own mean and variance, so that an "
     "image's class depended on the images beside it. eval_accuracy norms by "
     "the running statistics that training gathered; with so few and so large steps these lag behind the weights."},
};

const ovp_experiment ovp_experiment_resnet_cifar = {
    .id = "resnet-cifar",
    .title = "Convolutional residual nets in the depth limit",
    .claim = "With residuals scaled by n^-3/4 and a learning rate of L^.45, convolutional residual nets of 56 to 224 "
             "layers train alike with plain SGD, and the gradient at their outputs decays as training goes on.",
    .formula = "x <- relu(x + delta bn(conv(delta relu(bn(conv x))))), delta = n^-alpha, L = 6 n + 2; eta = L^(2 alpha "
               "- 1.05); Omega = (1/B) sum_i |d loss / d f_i|^2",
    .source = "Companion code of \"Weights regularity for residual neural networks in the depth limit\"; nets after "
              "He, Zhang, Ren and Sun, \"Deep residual learning for image recognition\", CVPR 2016, section 4.2",
    .about =
        "A residual net of L = 6 n + 2 weight layers: one convolution, three stages of n blocks of two convolutions "
        "(16, 32 and 64 channels; stages two and three halve the image), global mean, linear layer. Every residual is "
        "scaled by delta = n^-alpha, so that the net has a limit as n grows. It is trained by SGD without momentum, "
        "decay or schedule on batches of 128 randomly cropped images, pixels mapped to -1..1.\n\n"
        "Noted in the published program after 16 epochs of CIFAR-10: 82.03, 84.49 and 81.54 per cent top-1 for L = 56, "
        "104 and 224 (preset paper repeats these runs: hours on a processor), and for 56 layers \"100 (3-shot)\", "
        "which "
        "is an artefact of how top-2 was counted. The published test normed every test batch by its own statistics; "
        "here that accuracy (test_accuracy) stands beside the one of eval mode.\n\n"
        "Convolutions are oneDNN's, single-threaded on chunks of eight images; everything around them is ours. The "
        "bits "
        "of a run do not depend on the number of threads. --rng torch draws the initial weights as torch would; order "
        "and crops are always philox's. --dataset imagefolder:DIR takes CIFAR-10 (or any square images) as PNG or JPEG "
        "files, DIR/train/CLASS/.. and DIR/test/CLASS/..; `overparam data import` packs them into one file that loads "
        "faster.",
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
