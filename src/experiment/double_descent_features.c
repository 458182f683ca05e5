/* double-descent-features: test error against the number of features, on both sides of the interpolation threshold,
 * with the exact and asymptotic theories beside it, and the random features of a published tutorial. */
#include "double_descent_features_int.h"

#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|relu-sphere|line|mnist|paper", "f64"),
    {"data", OVP_PARAM_CHOICE, "1d", 0, 0, "both|gaussian|sphere|1d|mnist", "",
     "gaussian: Gaussian features, linear teacher; sphere: random features of points on a sphere; both: one after the "
     "other; 1d: random features of points on a line; mnist: random ReLU features of the first n / 10 images a digit."},
    {"features", OVP_PARAM_CHOICE, "both", 0, 0, "both|fourier|relu", "", "Random features of data 1d."},
    {"counts", OVP_PARAM_INT_LIST, "1,5,10,50,100,500,1000,5000,10000,100000,200000", 1, 1e7, NULL, "features",
     "Numbers of features, ascending (with --rng numpy: in the order of their draws)."},
    {"n", OVP_PARAM_INT, "10", 2, 20000, NULL, "samples", "Training samples."},
    {"d", OVP_PARAM_INT, "100", 5, 20000, NULL, "", "Dimension of the sphere's points."},
    {"noise", OVP_PARAM_REAL, "0.5", 0, 1e6, NULL, "", "Standard deviation of the noise in the training targets."},
    {"lambda", OVP_PARAM_REAL_LIST, "0", 0, 1e9, NULL, "",
     "Ridges, a fit each: mean (y - f)^2 + lambda ||a||^2 (gaussian, mnist), .. + (N lambda / d) ||a||^2 (sphere); 0: "
     "least "
     "norm."},
    {"trials", OVP_PARAM_INT, "100", 2, 1e6, NULL, "", "Draws of data and features at each count (gaussian, sphere)."},
    {"n-test", OVP_PARAM_INT, "1000", 2, 1e6, NULL, "points",
     "Test points: even ones on the line; drawn anew in each trial on the sphere; the first test images of mnist."},
    {"signal", OVP_PARAM_REAL, "1", 1e-12, 1e12, NULL, "", "Squared norm of the linear teacher (gaussian, sphere)."},
    {"best-ridge", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",
     "Also the ridge of least risk, noise^2 p / (n signal), at each count (gaussian)."},
    {"activation", OVP_PARAM_TEXT, "relu", 0, 0, NULL, "", "Activation of the sphere's random features."},
    {"fourier-seed", OVP_PARAM_INT, "-1", -1, 4294967295., NULL, "",
     "Seed of the line's Fourier features where neither --seed nor --seeds is given; -1: the run's."},
    {"relu-seed", OVP_PARAM_INT, "-1", -1, 4294967295., NULL, "", "The same of its ReLU features."},
};

#define TRIALS "data=both;n=300;counts=30,90,150,180,210,240,270,290,310,330,360,420,600,900,1500,3000;"
static const ovp_experiment_preset presets[] = {
    {"quick", "a few seconds: both data, eight counts, 30 trials",
     "data=both;n=300;counts=90,150,210,270,330,420,600,900;trials=30;best-ridge=yes;n-test=300"},
    {"default", "both data with their theories, sixteen counts, 100 trials, with and without ridge",
     TRIALS "trials=100;best-ridge=yes;n-test=500"},
    {"relu-sphere", "random ReLU features alone, without ridge and with two",
     TRIALS "trials=100;n-test=500;data=sphere;lambda=0,0.01,0.1"},
    {"line", "the tutorial's line with ten draws of ours", "seeds=1..10;counts=1,2,5,8,10,12,15,20,50,100,1000,10000"},
    {"mnist", "random ReLU features of 4000 images, twelve counts up to 16000, 4 seeds: some minutes",
     "data=mnist;n=4000;n-test=10000;noise=0;counts=100,300,1000,2000,3000,3600,4000,4400,5000,6000,8000,16000;"
     "seeds=1..4"},
    {"paper", "the tutorial as published: numpy's streams, data seed 2134, features 4321 (Fourier) and 1717 (ReLU)",
     "rng=numpy;data-seed=2134;fourier-seed=4321;relu-seed=1717"},
};

static const ovp_store_column feature_columns[] = {
    {"features", "", "number of features"},
    {"seed", "", "seed of the features (of the data too, unless --data-seed)"},
    {"member", "", "trial, from 0"},
    {"solution", "", "min-norm, ridge (column lambda) or best-ridge"},
    {"train_mse", "", "mean |f - y|^2 on the noisy training data"},
    {"test_mse", "", "mean |f - target|^2 on the noiseless target: exact (gaussian), on --n-test points (others)"},
    {"theory", "",
     "gaussian: exact mean for this n (asymptotic with ridge); sphere: asymptotic; others: infinitely many"},
    {"data", "", "gaussian, sphere, 1d or mnist"},
    {"map", "", "linear, the activation, fourier or relu"},
    {"lambda", "", "ridge"},
    {"theory_train", "", "the same theory's train_mse"},
    {"rank", "", "of the features on the training data, numerically"},
    {"norm", "", "of the coefficients"},
    {"gram_error", "", "1d, mnist: largest difference of the features' Gram matrix from the limit kernel's"},
    {"published", "", "1d, fourier: published test error of this row"},
    {"train_error", "", "mnist: share of training images whose class is wrong"},
    {"test_error", "", "mnist: share of test images"},
    {"theory_error", "", "mnist: share of test images with infinitely many features"},
};
static const ovp_store_column summary_columns[] = {
    {"data", "", "gaussian, sphere, 1d or mnist"},
    {"map", "", "as in table features"},
    {"solution", "", "as in table features"},
    {"lambda", "", "ridge"},
    {"features", "", "number of features"},
    {"measure", "", "column of table features"},
    {"count", "", "rows with a finite value"},
    {"mean", "", "mean over trials and seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column point_columns[] = {
    {"data", "", "gaussian or sphere"},
    {"map", "", "as in table features"},
    {"solution", "", "as in table features"},
    {"lambda", "", "ridge"},
    {"features", "", "number of features"},
    {"aspect", "", "features / samples"},
    {"trials", "", "trials finished, over seeds"},
    {"test_mean", "", "mean test error"},
    {"standard_error", "", "of that mean"},
    {"theory", "", "predicted mean"},
    {"z", "", "(test_mean - theory) / standard_error"},
    {"relative", "", "test_mean / theory - 1"},
    {"train_mean", "", "mean training error"},
    {"theory_train", "", "predicted mean"},
    {"finite", "", "sphere: predicted mean for this d (Simon et al. 2024); theory is the limit of large d"},
    {"finite_z", "", "sphere: (test_mean - finite) / standard_error"},
};
static const ovp_store_column limit_columns[] = {
    {"map", "", "fourier or relu"},
    {"seed", "", "seed of the features"},
    {"data_seed", "", "seed of the data"},
    {"kernel", "",
     "exp(-r^2/2): the Fourier features' limit; exp(-r/2): the notebook's; arc-cosine: the ReLU features'"},
    {"test_mse", "", "of the kernel's interpolator"},
    {"published", "", "as published, for the published data"},
};
static const ovp_experiment_table tables[] = {
    {"features", "One row a fit.", feature_columns, COUNT(feature_columns), 0},
    {"features-summary", "Means over trials and seeds.", summary_columns, COUNT(summary_columns), 0},
    {"points", "Each number of features against theory.", point_columns, COUNT(point_columns), 1},
    {"limits", "Infinitely many features on the line.", limit_columns, COUNT(limit_columns), 1},
};

/* ---- what is refused ------------------------------------------------------------------------------ */

static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *p, int line, double most) {
    const double n = (double)ovp_params_int(p, "n"), test = (double)ovp_params_int(p, "n-test");
    const double side = fmin(n, most);
    ovp_idx counts;
    (void)ovp_params_ints(p, "counts", &counts);
    const double trial = (n + test) * most + (double)ovp_params_int(p, "d") * (n + test + most) + 6 * side * side;
    const double need = 8 * (line ? 4 * 4 * n * most + (double)counts * test : (double)ovp_threads(ctx) * trial);
    return study_check_memory(ctx, need, "give smaller ones", "--counts up to %.0f with --n %.0f needs", most, n);
}

static ovp_status check_line(ovp_ctx *ctx, const ovp_params *p) {
    ovp_idx lambdas;
    const double *lambda = ovp_params_reals(p, "lambda", &lambdas);
    if (strcmp(ovp_params_text(p, "rng"), "torch") == 0)
        return ovp_fail(
            ctx, OVP_EINVAL,
            "--rng torch: nothing of double-descent-features was drawn by torch; use numpy (as published) or "
            "philox");
    if (lambdas != 1 || lambda[0] > 0 || ovp_params_bool(p, "best-ridge"))
        return ovp_fail(ctx, OVP_EINVAL,
                        "--lambda, --best-ridge: data 1d is fitted without ridge; give --data gaussian or sphere");
    return OVP_OK;
}

static ovp_status check_images(ovp_ctx *ctx, const ovp_params *p, double most) {
    const double n = (double)ovp_params_int(p, "n"), test = (double)ovp_params_int(p, "n-test"), d = 784;
    const double threads = (double)ovp_threads(ctx);
    const double need = 8 * (most * (n + d) + 3 * n * n + (n + test) * (2 * d + 40) + 64 * threads * most);
    if (strcmp(ovp_params_text(p, "rng"), "philox") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "--rng %s: nothing of --data mnist was published; leave it at philox",
                        ovp_params_text(p, "rng"));
    if (ovp_params_bool(p, "best-ridge"))
        return ovp_fail(ctx, OVP_EINVAL, "--best-ridge is known for --data gaussian alone; give --lambda");
    if (n < 10 || fmod(n, 10) > 0)
        return ovp_fail(ctx, OVP_EINVAL, "--n %.0f: --data mnist takes equally many of ten digits, a multiple of 10",
                        n);
    if (test > 10000) return ovp_fail(ctx, OVP_EINVAL, "--n-test %.0f: MNIST has 10000 test images", test);
    return study_check_memory(ctx, need, "give smaller ones", "--counts up to %.0f with --n %.0f needs", most, n);
}

static ovp_status check_trials(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_theory_activation_moments moments;
    const char *activation = ovp_params_text(p, "activation");
    if (strcmp(ovp_params_text(p, "rng"), "philox") != 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng %s: the trials are drawn side by side, each from a stream of its own, which only philox "
                        "has; numpy is for --data 1d",
                        ovp_params_text(p, "rng"));
    if (strcmp(ovp_params_text(p, "data"), "gaussian") == 0) return OVP_OK;
    OVP_TRY(ovp_theory_activation_moments_get(&moments, ctx, activation));
    if (!(moments.rest > 1e-12))
        status = ovp_fail(ctx, OVP_EINVAL, "--activation %s is linear: its random features span d dimensions at most",
                          activation);
done:
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx counts;
    const int64_t *count = ovp_params_ints(p, "counts", &counts);
    const int line = strcmp(ovp_params_text(p, "data"), "1d") == 0;
    if (strcmp(ovp_params_text(p, "precision"), "f64") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "--precision %s: fits near the threshold need f64; leave --precision out",
                        ovp_params_text(p, "precision"));
    for (ovp_idx i = 1; i < counts; i++)
        if (count[i] <= count[i - 1])
            return ovp_fail(ctx, OVP_EINVAL, "--counts: %lld after %lld; give different ones in ascending order",
                            (long long)count[i], (long long)count[i - 1]);
    if (strcmp(ovp_params_text(p, "data"), "mnist") == 0) return check_images(ctx, p, (double)count[counts - 1]);
    OVP_TRY(check_memory(ctx, p, line, (double)count[counts - 1]));
    status = line ? check_line(ctx, p) : check_trials(ctx, p);
done:
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static ovp_status run_part(features_lab *lab, int sphere) {
    features_part part;
    ovp_status status = features_trials(&part, lab, sphere), end = OVP_OK;
    if (part.points) end = features_conclude_part(lab, &part); /* also for what an interruption left finished */
    features_part_free(lab->ctx, &part);
    return status != OVP_OK ? status : end;
}

static ovp_status run_images(features_lab *lab) {
    features_images images;
    ovp_status status = features_images_run(&images, lab), end = OVP_OK;
    if (images.done > 0) end = features_conclude_images(lab, &images);
    features_images_free(lab->ctx, &images);
    return status != OVP_OK ? status : end;
}

static ovp_status run_lines(features_lab *lab) {
    ovp_status status = OVP_OK, end = OVP_OK;
    const char *which = ovp_params_text(lab->params, "features");
    features_line *lines = NULL;
    ovp_idx count = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &lines, 2 * lab->seed_count, sizeof *lines));
    for (int fourier = 1; fourier >= 0 && status == OVP_OK; fourier--) {
        if (strcmp(which, fourier ? "relu" : "fourier") == 0) continue;
        for (ovp_idx s = 0; s < lab->seed_count && status == OVP_OK; s++)
            status = features_line_run(&lines[count++], lab, fourier, lab->seeds[s]);
    }
    end = features_conclude_lines(lab, lines, count);
    if (status == OVP_OK) status = end;
done:
    for (ovp_idx i = 0; i < count; i++) features_line_free(lab->ctx, &lines[i]);
    ovp_free(lab->ctx, lines);
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    static const char *const settings[] = {"data", "map", "solution", "lambda", "features"};
    static const char *const measures[] = {"train_mse", "test_mse"};
    ovp_status status = OVP_OK, end;
    features_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    const ovp_params *p = lab.params;
    const char *data = ovp_params_text(p, "data");
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.counts = ovp_params_ints(p, "counts", &lab.count_count);
    lab.n = ovp_params_int(p, "n");
    lab.d = ovp_params_int(p, "d");
    lab.n_test = ovp_params_int(p, "n-test");
    lab.trials = ovp_params_int(p, "trials");
    lab.signal = ovp_params_real(p, "signal");
    lab.noise = ovp_params_real(p, "noise");
    if (strcmp(data, "1d") == 0) {
        status = run_lines(&lab);
    } else if (strcmp(data, "mnist") == 0) {
        status = run_images(&lab);
    } else {
        if (strcmp(data, "sphere") != 0) status = run_part(&lab, 0);
        if (status == OVP_OK && strcmp(data, "gaussian") != 0) status = run_part(&lab, 1);
    }
    end = ovp_run_summary(r, "features", "features-summary", settings, COUNT(settings), measures, COUNT(measures));
    return status != OVP_OK ? status : end;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Why does the test error explode at features = samples?",
     "There the fit just interpolates and the smallest singular value of the features is tiny: the noise is divided by "
     "it. Exactly: variance noise^2 p / (n - p - 1) below, noise^2 n / (p - n - 1) above (Gaussian features)."},
    {"Why does it fall again?", "With more features there are many interpolators and the one of least norm is taken; "
                                "the noise is spread over p - n "
                                "spare directions, n / (p - n - 1) of it remains."},
    {"Is more always better, then?",
     "No. With Gaussian features of a fixed signal the bias rises as signal (1 - n/p): the least error beyond the peak "
     "is at p/n = sqrt(S) / (sqrt(S) - 1) for a signal-to-noise ratio S > 1 (2 in the default). Random features of "
     "the same input do not have this: there the error falls on to its limit."},
    {"Does the peak mean that one must not interpolate?",
     "It means that one must regularise: with the best ridge, noise^2 p / (n signal), the error has no peak at all "
     "(verdict)."},
    {"Which kernel do Fourier features exp(i v x), v ~ N(0, 1), tend to?",
     "E exp(i v (x - z)) = exp(-r^2/2), the characteristic function of the normal. The tutorial's figure compares with "
     "exp(-r/2), the kernel of Cauchy-distributed v: its distances were not squared (verdict; table limits)."},
    {"Why do Fourier features of ten points interpolate so badly?",
     "exp(-r^2/2) is very smooth: its matrix on these points has condition 8e11, and fitting noise with it takes huge "
     "coefficients. ReLU features tend to a rough kernel and are mild."},
};

const ovp_experiment ovp_experiment_double_descent_features = {
    .id = "double-descent-features",
    .title = "Double descent of linear models on features",
    .claim = "The test error of the least-norm fit peaks where features = samples and falls again, as the exact and "
             "asymptotic theories say; a tuned ridge has no peak.",
    .formula =
        "Gaussian, exact: noise^2 p / (n - p - 1) for p < n - 1; signal (1 - n/p) + noise^2 n / (p - n - 1) for p "
        "> n + 1; random features: Mei and Montanari's R(psi_1, psi_2, lambda); line: f = K(x, X) K^-1 y",
    .source = "Hastie, Montanari, Rosset and Tibshirani 2022, Surprises in High-Dimensional Ridgeless Least Squares "
              "Interpolation; Belkin, Hsu and Xu 2020, Two Models of Double Descent for Weak Features; Mei and "
              "Montanari 2022, The Generalization Error of Random Features Regression; Simon, Karkada, Ghosh and "
              "Belkin 2024, More Is Better; Princeton deep-learning "
              "tutorial, part on double descent (paper preset)",
    .about =
        "A linear model on p features is fitted to n noisy samples by least squares, with the least norm where p > n, "
        "and its error against the noiseless target is measured on both sides of p = n.\n\n"
        "gaussian: the features are independent normals, the target is <beta, x>, ||beta||^2 = signal in a random "
        "direction, and the error is ||a - beta||^2 exactly. Every trial draws all anew. Theory: the mean for this n "
        "exactly (least norm), or as n and p grow (ridge). The mean is finite for |p - n| > 1; near the peak single "
        "trials scatter far, and means over trials with them: the verdict is given for |p - n| >= 5.\n\n"
        "sphere: n points uniform on the sphere of radius sqrt(d) in d dimensions, N random features phi(<theta_j, x> "
        "/ "
        "sqrt(d)) with theta_j on the same sphere, target <beta, x>. Theory: Mei and Montanari's limit of n, N, d "
        "growing together, which takes everything beyond degree 1 for noise. At finite d the d^2/2 quadratic functions "
        "are "
        "learned a little: with n = 300, d = 100 the error of very many features is 5 to 7 % above the limit. Column "
        "finite (Simon et al. 2024, from the kernel's whole spectrum on the sphere) has that. The verdict on the limit "
        "compares where the finite formula is within 2 % of it, the verdict on the finite formula everywhere; both "
        "leave "
        "out what is within 20 % of the peak.\n\n"
        "1d: the tutorial. Ten points x ~ N(0, 1), y = w x + noise / 2 z; features exp(i v_j x) / sqrt(k), or "
        "sqrt(2/k) "
        "relu(v_j x + b_j); the pseudo-inverse (rcond 1e-15) by a singular value decomposition of the features, never "
        "of their Gram matrix, whose condition at k = n is 1e20; mean |f - target|^2 (f may be complex) on 1000 even "
        "points between the smallest and the largest x. Lines in the figures: interpolation with the limit kernel.\n\n"
        "mnist: the first n / 10 training images of each digit, pixels / 256, rows of length 1; one-hot targets plus "
        "noise; features sqrt(2/k) relu(<v_j, x> + b_j), v_j and b_j standard normal; the least-norm fit of all ten "
        "outputs (a feature that is 0 on every image gets no weight) by the Gram matrix of the smaller side. The line "
        "is "
        "the same fit with infinitely many features: the covariance 2 E relu(u) relu(u') of the net's first layer "
        "(NNGP). The peak stands at features = samples, without any noise: what the features cannot express acts as "
        "noise. With fewer features than samples single draws are far off: a feature that is barely above 0 on one "
        "training image alone gets a huge weight.\n\n"
        "Draws. 1d, --rng numpy: data from the data seed: x (n), w (1), z (n); features from one stream of their seed "
        "in "
        "the order of --counts: v (k), and for ReLU b (k). philox: one stream a count. gaussian, sphere: philox, one "
        "stream a trial and count, the same for any number of threads; mnist: one a seed and count, noise from the "
        "data "
        "seed (or the first seed).\n\n"
        "Figures: gaussian and sphere: test and training error against the number of features, means with 95 % "
        "intervals, theory dashed, the threshold upright. fourier and relu: the same on the line; the -fits figures "
        "show interpolators. mnist: squared errors and wrong classes.",
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
