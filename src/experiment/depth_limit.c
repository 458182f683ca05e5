/* depth-limit: what the trained weights of fully connected residual nets look like along the depth, as it grows.
 * Companion code of the thesis "Weights regularity for residual neural networks in the depth limit". */
#include "depth_limit_int.h"

#include <string.h>

ovp_status depth_limit_run(ovp_experiment_run *run);

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper|cifar|depths", "f32"),
    {"task", OVP_PARAM_CHOICE, "regression", 0, 0, "classification|regression", "",
     "classification: cross-entropy on images; regression: |y - f(x)|^p on a synthetic set."},
    {"dataset", OVP_PARAM_TEXT, "auto", 0, 0, NULL, "",
     "Data set: mnist, fashion-mnist, cifar10, imagefolder:DIR, npz:FILE; constant, sin or another synthetic one; auto "
     "is mnist or constant."},
    {"samples", OVP_PARAM_INT, "0", 0, 1e9, NULL, "", "Images: the first that many training images; 0 takes all."},
    {"test-samples", OVP_PARAM_INT, "0", 0, 1e9, NULL, "", "Images: the first that many test images; 0 takes all."},
    {"fraction", OVP_PARAM_REAL, "0.2", 1e-9, 1, NULL, "", "Images: random share of them that is trained on."},
    {"num-samples", OVP_PARAM_INT, "10000", 2, 1e9, NULL, "",
     "Synthetic sets: points drawn; 9/10 train, the rest tests."},
    {"c", OVP_PARAM_REAL, "0.01", -1e6, 1e6, NULL, "", "The constant of constant; exp(-4 c) scales the inputs of sin."},
    {"layers", OVP_PARAM_INT_LIST, "128", 1, 1e6, NULL, "layers", "Depths L, a net each."},
    {"dim", OVP_PARAM_INT, "1", 1, 4096, NULL, "", "Width d: blocks are d x d."},
    {"alpha", OVP_PARAM_REAL, "0.75", -2, 4, NULL, "", "delta = L^-alpha; beta = 1 - alpha."},
    {"gamma", OVP_PARAM_REAL, "1", 1e-3, 1e9, NULL, "", "Initial weights are of size L^-(1/gamma + beta)."},
    {"activation", OVP_PARAM_CHOICE, "tanh", 0, 0, "tanh|relu|elu|gelu|sigmoid", "", "Activation sigma."},
    {"augmentation", OVP_PARAM_CHOICE, "skip", 0, 0, "skip|none|linear-skip|inc-skip", "",
     "Step of a layer: skip h + delta sigma(W h), none delta sigma(W h), linear-skip h + W sigma(h), inc-skip h + "
     "(W_k - W_k-1)^T sigma(W_k-1 h)."},
    {"init", OVP_PARAM_CHOICE, "constant", 0, 0, "constant|ntrunc|lin-dec|lin-inc|quad|lin-dec-sym|lin-inc-sym", "",
     "Initial blocks: one value throughout, truncated normals, or one value a layer that depends on k/L."},
    {"lr", OVP_PARAM_REAL, "9", 1e-30, 1e30, NULL, "", "Learning rate of gradient descent."},
    {"lr-scaling", OVP_PARAM_CHOICE, "none", 0, 0, "none|depth", "",
     "depth: lr L^(2 alpha - 1), with which nets of every depth learn at one pace."},
    {"epochs", OVP_PARAM_INT, "25", 1, 1e7, NULL, "epochs", "Passes over the training samples."},
    {"batch", OVP_PARAM_INT, "0", 0, 1e9, NULL, "samples",
     "Samples of a step, in order and never shuffled; 0 takes all: one step an epoch."},
    {"dynamic-lr", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",
     "After each epoch lr = c lr_0 / V^2, V the p-variation, c = 10 for relu, else 2."},
    {"dynamic-lr-limit", OVP_PARAM_REAL, "10", 1e-6, 1e30, NULL, "",
     "That rate is at most this many times lr_0 (V may be 0)."},
    {"store-grad", OVP_PARAM_BOOL, "yes", 0, 0, NULL, "", "Record Omega, the mean squared gradient by the outputs."},
    {"p-var", OVP_PARAM_REAL, "2", 2, 1000, NULL, "", "p of the p-variation, recorded at p, p/2 and 3p/4."},
    {"p-loss", OVP_PARAM_REAL, "2", 1, 100, NULL, "", "p of the loss |y - f(x)|^p (regression)."},
    {"variant", OVP_PARAM_CHOICE, "code", 0, 0, "code|readme", "",
     "The published program's code and its README differ: which one is followed (see `info`)."},
    {"record-every", OVP_PARAM_INT, "1", 1, 1e7, NULL, "epochs",
     "A row, and p-variations, every so many epochs and at the last."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "some seconds on two cores: four depths, four seeds, 600 digits",
     "task=classification;samples=6000;fraction=0.1;test-samples=1000;layers=32,64,128,256;dim=10;alpha=0.49;gamma=1;"
     "init=ntrunc;lr=1;epochs=200;record-every=10;seeds=1..4"},
    {"default", "about a minute on two cores: depths to 1000, four seeds, 3000 digits",
     "task=classification;fraction=0.05;layers=125,250,500,1000;dim=15;alpha=0.49;gamma=1;init=ntrunc;lr=1;epochs=100;"
     "record-every=5;seeds=1..4"},
    {"paper", "the README's regression: one torch stream, seed 1234, L = 128, alpha .75, 25 epochs",
     "rng=torch;seeds=1234"},
    {"cifar", "the README's classification: a quarter of CIFAR-10, d = 15, L = 100, 39 epochs",
     "rng=torch;seeds=1234;task=classification;dataset=cifar10;fraction=0.25;layers=100;dim=15;alpha=0.75;gamma=1;init="
     "ntrunc;lr=9;epochs=39"},
    {"depths", "the published figures' depths 2000 to 12000 on CIFAR-10, beta = .51 (gamma and lr are inferred); hours",
     "rng=torch;seeds=1234;task=classification;dataset=cifar10;fraction=0.25;layers=2000,3000,4000,5000,6000,7000,8000,"
     "9000,10000,11000,12000;dim=15;alpha=0.49;gamma=2;init=ntrunc;lr=9;epochs=39;save-weights=yes"},
};

static const ovp_store_column epoch_columns[] = {
    {"layers", "layers", "depth L"},
    {"seed", "", "seed of the initialisation"},
    {"epoch", "", "from 0"},
    {"loss", "", "before each step of the epoch, mean over its batches"},
    {"accuracy", "", "macro accuracy before the step (equal to recall; empty: regression)"},
    {"precision", "", "macro precision"},
    {"recall", "", "macro recall"},
    {"omega", "", "mean over the samples of ||d(mean loss of the batch)/d f_i||^2, before the step"},
    {"pvar", "", "p-variation of the path L^beta W_k after the epoch, its p-th root (p = --p-var)"},
    {"pvar_half", "", "the same with p/2"},
    {"pvar_three_quarters", "", "the same with 3p/4"},
    {"lr", "", "learning rate of the epoch"},
    {"loss_theory", "", "of one dimension with an identity activation; empty where that says nothing"},
    {"omega_per_sample", "", "Omega of each sample's own loss, the README's: B^2 times the code's"},
};
static const ovp_store_column depth_columns[] = {
    {"layers", "layers", "depth L"},
    {"seed", "", "seed of the initialisation"},
    {"final_loss", "", "training loss after the last update"},
    {"norm_min", "", "smallest of the Frobenius norms ||L^beta W_k||"},
    {"norm_min_at", "", "its place k/(L - 1)"},
    {"pvar", "", "p-variation after the last update, its p-th root"},
    {"norm_mean", "", "mean of ||L^beta W_k|| over k"},
    {"norm_first", "", "mean over the first fiftieth of the layers"},
    {"norm_middle", "", "mean over a fiftieth in the middle"},
    {"norm_last", "", "mean over the last fiftieth"},
    {"fall_early", "",
     "(norm_first - norm_middle) / (norm_first - least such mean): share of the fall in the first half"},
    {"coordinate_variation", "", "1-variation of an entry of L^beta W_k along k, mean over the entries"},
    {"final_omega", "", "Omega after the last update"},
    {"omega_scale", "", "C of C/(t + T0)^rho, fitted to Omega, t = 1, 2, .. epochs"},
    {"omega_rho", "", "rho"},
    {"omega_rho_se", "", "its standard error in this net's fit"},
    {"omega_shift", "epochs", "T0, in [1, 500]"},
    {"omega_r2", "", "share of Omega's variance that the fit explains"},
    {"train_accuracy", "", "macro accuracy on the training samples after the last update"},
    {"test_loss", "", "on the samples kept apart, mean over batches of 1000"},
    {"test_accuracy", "", "macro accuracy there, likewise"},
    {"test_precision", "", "macro precision there"},
    {"test_recall", "", "macro recall there"},
    {"status", "", "ok, or diverged"},
    {"diverged_at", "epochs", "epoch (from 1) whose loss or weights were the first not to be finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"layers", "layers", "depth L"},
    {"measure", "", "column of table depths"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column exponent_columns[] = {
    {"seed", "", "seed of the initialisation"},
    {"norm_mean", "", "slope of log norm_mean against log L"},
    {"coordinate_variation", "", "slope of log coordinate_variation against log L"},
    {"pvar", "", "slope of log pvar against log L"},
};
static const ovp_store_column timing_columns[] = {
    {"layers", "layers", "depth L"},
    {"seed", "", "seed of the initialisation"},
    {"seconds_train", "s", "steps with losses, Omega and accuracies"},
    {"seconds_epoch", "s", "the same an epoch"},
    {"seconds_pvar", "s", "all p-variations"},
    {"seconds_pvar_epoch", "s", "p-variations of one epoch that records them"},
    {"seconds_test", "s", "scores after the last update"},
};
static const ovp_experiment_table tables[] = {
    {"epochs", "One row a recorded epoch of a net.", epoch_columns, COUNT(epoch_columns), 0},
    {"depths", "One row a trained net.", depth_columns, COUNT(depth_columns), 0},
    {"depths-summary", "Means over seeds.", summary_columns, COUNT(summary_columns), 0},
    {"exponents", "Powers of the depth for each seed, from two depths on.", exponent_columns, COUNT(exponent_columns),
     1},
    {"timings", "Time of each net.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- what the parameters say --------------------------------------------------------------------- */

static int says(const ovp_params *p, const char *key, const char *text) {
    return strcmp(ovp_params_text(p, key), text) == 0;
}

depth_limit_setup depth_limit_setup_of(const ovp_params *p) {
    const int classify = says(p, "task", "classification");
    const char *dataset = ovp_params_text(p, "dataset");
    if (strcmp(dataset, "auto") == 0) dataset = classify ? "mnist" : "constant";
    return (depth_limit_setup){.classify = classify,
                               .readme = says(p, "variant", "readme"),
                               .dynamic = ovp_params_bool(p, "dynamic-lr"),
                               .depth_lr = says(p, "lr-scaling", "depth"),
                               .omega = ovp_params_bool(p, "store-grad"),
                               .dataset = dataset,
                               .activation = ovp_params_text(p, "activation"),
                               .augmentation = ovp_params_text(p, "augmentation"),
                               .init = ovp_params_text(p, "init"),
                               .engine = ovp_params_text(p, "engine"),
                               .dim = ovp_params_int(p, "dim"),
                               .epochs = ovp_params_int(p, "epochs"),
                               .batch = ovp_params_int(p, "batch"),
                               .samples = ovp_params_int(p, "samples"),
                               .test_samples = ovp_params_int(p, "test-samples"),
                               .num_samples = ovp_params_int(p, "num-samples"),
                               .alpha = ovp_params_real(p, "alpha"),
                               .gamma = ovp_params_real(p, "gamma"),
                               .lr = ovp_params_real(p, "lr"),
                               .dynamic_limit = ovp_params_real(p, "dynamic-lr-limit"),
                               .p_var = ovp_params_real(p, "p-var"),
                               .p_loss = ovp_params_real(p, "p-loss"),
                               .c = ovp_params_real(p, "c"),
                               .fraction = ovp_params_real(p, "fraction"),
                               .type = says(p, "precision", "f64") ? OVP_F64 : OVP_F32};
}

double depth_limit_first_lr(const depth_limit_setup *s, ovp_idx layers) {
    return s->depth_lr ? s->lr * pow((double)layers, 2 * s->alpha - 1) : s->lr;
}

double depth_limit_next_lr(const depth_limit_setup *s, double lr_0, double variation, int *clamped) {
    const double c = strcmp(s->activation, "relu") == 0 ? 10 : 2, factor = c / (variation * variation);
    *clamped = !(factor <= s->dynamic_limit);
    return lr_0 * (*clamped ? s->dynamic_limit : factor);
}

/* Weights, as they were at the start, their double copy for p-variations, and the batch's outputs; activations are the
 * engine's matter. */
static ovp_status check_memory(ovp_ctx *ctx, const depth_limit_setup *s, const int64_t *layers, ovp_idx count) {
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < count; i++)
        OVP_TRY(study_check_memory(ctx, (double)layers[i] * (double)s->dim * (double)s->dim * 32, "give smaller ones",
                                   "--layers: %lld of --dim %lld need", (long long)layers[i], (long long)s->dim));
done:
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    const depth_limit_setup s = depth_limit_setup_of(p);
    ovp_status status = OVP_OK;
    ovp_idx count;
    const int64_t *layers = ovp_params_ints(p, "layers", &count);
    if (says(p, "rng", "numpy"))
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng numpy: the published program drew everything of depth-limit from torch; use torch or "
                        "philox");
    if (says(p, "engine", "gemm"))
        return ovp_fail(ctx, OVP_EINVAL, "--engine gemm: residual nets have auto, reference and tile");
    if (s.classify && (s.p_loss > 2 || s.p_loss < 2))
        return ovp_fail(ctx, OVP_EINVAL, "--p-loss %g: --task classification has the cross-entropy; leave --p-loss out",
                        s.p_loss);
    for (ovp_idx i = 0; i < count; i++)
        for (ovp_idx k = 0; k < i; k++)
            if (layers[i] == layers[k])
                return ovp_fail(ctx, OVP_EINVAL, "--layers: %lld stands there twice; give each depth once",
                                (long long)layers[i]);
    OVP_TRY(depth_limit_check_data(ctx, &s));
    OVP_TRY(check_memory(ctx, &s, layers, count));
done:
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"What happens to the weights of a residual net as its depth grows?",
     "With h + L^-alpha sigma(W_k h) gradient descent finds W_k of size L^-beta, alpha + beta = 1: the level of "
     "||L^beta W_k|| hardly depends on L (third verdict)."},
    {"Do the weights become a function of k/L?",
     "With a smooth start (constant, or gamma <= 1) they do: an entry of L^beta W_k is a smooth curve over k/L whose "
     "1-variation stays bounded (fourth verdict, figure entries)."},
    {"And with a rough start?",
     "ntrunc has independent entries of size L^(-1/gamma) after the scaling, so the 1-variation gains L L^(-1/gamma) "
     "of it: growth with exponent 1 - 1/gamma, 1/2 for gamma = 2, while the 2-variation stays bounded. Training does "
     "not remove it."},
    {"What does p-variation tell?",
     "It is the strongest sum of p-th powers of increments along the depth: p = 1 finite is a path of finite length, "
     "p = 2 is the roughness of a Brownian path. Cont, Rossier and Xu 2022 show that trained weights have a limit of "
     "finite p-variation with p = 2."},
    {"Where are the weights smallest?",
     "Late in the depth, at k/L about .75 to .8 in the published figure; table depths, norm_min_at, first verdict."},
    {"How fast does the loss fall?",
     "Omega, the mean squared gradient by the outputs, falls as C/(t + T0)^rho (last verdict); for the constant 0 in "
     "one dimension rho is 1: E f^2 = q^2 E x^2 / (1 + 2 kappa t), kappa = 2 eta q^2 E x^2 L^(1 - 2 alpha)."},
    {"How must the learning rate follow the depth?",
     "One step moves L^beta W by eta L^(1 - 2 alpha): --lr-scaling depth, eta = lr L^(2 alpha - 1), gives every depth "
     "one pace; at alpha about 1/2 nothing is needed."},
    {"Why does the loss of the constant set not go to 0?",
     "Without biases and with tanh the net is odd in x: the best it can do is c^2 (1 - E[x]^2 / E[x^2]), nearly c^2."},
    {"Why does `none` not train?", "Its outputs carry delta^L = L^(-alpha L), and a W_k a layer besides; the run "
                                   "warns where no weight moves. --variant readme has no delta there."},
};

const ovp_experiment ovp_experiment_depth_limit = {
    .id = "depth-limit",
    .title = "Residual nets in the limit of depth",
    .claim = "Scaled by L^beta, the trained weights of a residual net with step L^-alpha, alpha + beta = 1, become a "
             "function of k/L as the depth L grows.",
    .formula =
        "h_0 = U x, h_k+1 = h_k + delta sigma(W_k h_k), f = V h_L, delta = L^-alpha, beta = 1 - alpha; V_p = max over "
        "0 <= k_0 < .. < k_m < L of sum |X_k_i - X_k_i-1|^p, X_k = L^beta W_k; Omega = (1/B) sum_i ||d loss / d "
        "f_i||^2; start: M = L^-(1/gamma + beta), constant M/2; --lr-scaling depth: eta = lr L^(2 alpha - 1)",
    .source = "companion code (residual-network) of the thesis \"Weights regularity for residual neural networks in "
              "the depth limit\"; Cont, Rossier and Xu 2022, Convergence and Implicit Regularization Properties of "
              "Gradient Descent for Deep Residual Networks; Bayer, Friz and Tapia 2023, Stability of Deep Neural "
              "Networks via discrete rough paths",
    .about =
        "A fully connected residual net without biases: U and V are drawn uniform on +-1/sqrt(fan_in) and stay as "
        "they are, the L blocks W_k (d x d) are trained by gradient descent on all samples at once (or on batches in "
        "their order). Classification has the cross-entropy on images (U x is computed once), regression mean |y - "
        "f(x)|^p on a synthetic set, of which 9/10 train. Each epoch records the loss, macro accuracy, precision and "
        "recall, Omega and the learning rate before its step, and the p-variations of k -> L^beta W_k (Frobenius "
        "norm, p-th root) after it. Macro accuracy is the mean over classes, so it equals the recall. Test scores "
        "are means over batches of 1000.\n\n"
        "What theory says. Each layer adds delta sigma(W h) of size L^-alpha L^-beta = 1/L: L of them make an Euler "
        "scheme. If the start L^beta W_k is smooth in k/L, gradient descent keeps it so, and in the limit the "
        "weights are a function of k/L. A start with independent entries of size L^(-1/gamma) stays rough. In one "
        "dimension with an identity activation all weights stay equal and everything is in closed form (column "
        "loss_theory, the dashed line): f = q P x, P = (1 + delta w)^L, w falls by eta delta P / (1 + delta w) (2 "
        "q^2 P E x^2 - 2 q E xy); for y = 0 this is a 1/t law.\n\n"
        "Starts. With w = 1/gamma + beta and M = L^-w: constant M/2; ntrunc normal with variance M/2 cut at +-M/2, "
        "so nearly uniform; lin-dec M ((L-1-i)/L)^w; lin-inc M (i/L)^w; quad M (i (L-1-i)/L^2)^w; lin-dec-sym M sgn "
        "|(L+2-2i)/(2L)|^w; lin-inc-sym M sgn |(2i-L)/(2L)|^w, with the sign of what stands in |..|. The last five "
        "are in the code and not in its README.\n\n"
        "Code and README. The published code and its README differ; --variant code (default) follows the code, "
        "readme the README. none: the code keeps delta (its outputs vanish as L^(-alpha L)), the README has none. "
        "linear-skip: the README's matrices are transposed, the same training with transposed weights. inc-skip: the "
        "code has (W_k - W_k-1)^T sigma(W_k-1 h), the README sigma(h) (W_k - W_k-1) without the inner W (here again "
        "with transposed weights). Starts: the README's constant is M/d^2 instead of M/2, its ntrunc has that as "
        "bound and deviation. Loss: the README divides |y - f|^p by p. Omega: in the code it is the gradient of the "
        "batch's mean loss, 1/B^2 times the README's, which column omega_per_sample has in both. sin: inputs within "
        "+-exp(-2 c)/sqrt(8 n) and a whole period there in the code, sin(x) on [-1, 1] in the README. constant: c = "
        ".01 in the code, .1 in the README (give --c). p-variation: once an epoch in both here; the README says each "
        "step, the same in full batches. --dynamic-lr: c lr_0 / V^2 from the first rate in both, never compounding; "
        "the published program has no bound and divides by 0 when the weights of all layers are equal, here "
        "--dynamic-lr-limit bounds it and a warning says where.\n\n"
        "Streams. --rng torch: one stream a net, afresh: read-in, read-out, then block by "
        "block the draw of a default Linear layer followed by the start's own (inc-skip: then its zero "
        "block's), then the synthetic inputs, then the permutation of the split (none with --fraction 1); with "
        "--data-seed the last two come from a stream of its "
        "own. philox: a stream for the nets of a seed, afresh for each depth, and one for its data. Depths of "
        "a seed thus have U and V in common, with philox the samples too.\n\n"
        "Weights. Of each net weights.npz has blocks (L x d x d), read_in and read_out, and "
        "weights/layers<L>-seed<seed>.safetensors the same with the net's description as metadata (up to 1e6 values, "
        "or with --save-weights). The published program wrote a list of L matrices with torch.save; in Python "
        "numpy.savez(\"blocks.npz\", blocks=numpy.stack([w.detach().numpy() for w in "
        "torch.load(\"resnet_100.pth\")])) makes an npz of it. It did not write U and V.\n\n"
        "How to read the figures. Norms: ||L^beta W_k|| over k/(L-1), mean over seeds; curves of different depth "
        "that lie on one another are the limit. Entries: single entries along the depth, first seed. Loss and Omega "
        "over epochs, both axes logarithmic: a power is a straight line at late times; dashed on Omega: the fitted "
        "power.",
    .params = params,
    .param_count = COUNT(params),
    .presets = presets,
    .preset_count = COUNT(presets),
    .tables = tables,
    .table_count = COUNT(tables),
    .questions = questions,
    .question_count = COUNT(questions),
    .check = check,
    .run = depth_limit_run,
};
