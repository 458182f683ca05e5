/* label-noise: a kernel interpolates labels of which more and more are random, and still classifies.
 * The Princeton deep-learning tutorial (interpolation with noise); Belkin, Ma and Mandal 2018. */
#include "label_noise_int.h"

#include <string.h>

/* ---- declaration ------------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"per-class", OVP_PARAM_INT, "400", 1, 6000, NULL, "images", "The first training images of each class."},
    {"noise-levels", OVP_PARAM_REAL_LIST, "0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9", 0, 1, NULL, "",
     "Probabilities p of a training label to be drawn anew; the same random numbers serve all of them."},
    {"kernel", OVP_PARAM_CHOICE, "laplace", 0, 0, "laplace|gaussian|dispersal|ntk|nngp", "",
     "exp(-r/s), exp(-r^2/(2 s^2)), exp(-r^gamma/s), or that of an infinitely wide relu net."},
    {"bandwidth", OVP_PARAM_REAL, "10", 1e-6, 1e6, NULL, "", "s of laplace, gaussian and dispersal."},
    {"gamma", OVP_PARAM_REAL, "1", 1e-3, 2, NULL, "", "Exponent of dispersal."},
    {"solver", OVP_PARAM_CHOICE, "both", 0, 0, "direct|eigenpro|eigenpro-modern|both|all", "",
     "Cholesky's factorisation; EigenPro by the published early recipe, or with beta = max K(x, x); both: the first "
     "two."},
    {"epochs", OVP_PARAM_INT, "150", 1, 1e6, NULL, "epochs", "Of EigenPro."},
    {"subsample", OVP_PARAM_INT, "0", 0, 60000, NULL, "images", "Of EigenPro's preconditioner; 0: 2000, at most all."},
    {"top-q", OVP_PARAM_INT, "0", 0, 60000, NULL, "", "Eigenpairs of the preconditioner; 0: by EigenPro's rule."},
    {"batch", OVP_PARAM_INT, "0", 0, 60000, NULL, "images", "Of an EigenPro step; 0: floor(beta / new top + 1)."},
    {"lr", OVP_PARAM_REAL, "0", 0, 1e9, NULL, "", "EigenPro's learning rate eta; 0: by its rule, batch / beta."},
    {"lr-scale", OVP_PARAM_REAL, "1", 1e-6, 1e6, NULL, "", "The learning rate is multiplied by it."},
    {"memory", OVP_PARAM_INT, "1024", 16, 1e7, NULL, "MiB",
     "For parts of the kernel matrix; one that fits is kept between EigenPro's epochs. The direct solver needs twice "
     "n^2 "
     "doubles besides."},
    {"train-eval", OVP_PARAM_INT, "0", 0, 60000, NULL, "images",
     "Random training images on which EigenPro's train error is measured; 0: all."},
    {"corrupt-test", OVP_PARAM_BOOL, "no", 0, 0, NULL, "", "Test labels get the same noise."},
    {"draws", OVP_PARAM_INT, "1", 1, 1000, NULL, "", "Draws of the noise for each seed, the members."},
    {"depth", OVP_PARAM_INT, "1", 1, 100, NULL, "layers", "Hidden layers of the net of ntk and nngp."},
    {"dataset", OVP_PARAM_CHOICE, "mnist", 0, 0, "mnist|fashion-mnist", "", "Images."},
    {"test-samples", OVP_PARAM_INT, "0", 0, 10000, NULL, "images", "The first test images; 0: all."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "seconds: 1000 images, five levels, four draws, direct solver",
     "per-class=100;noise-levels=0,0.2,0.4,0.6,0.8;solver=direct;draws=4;seeds=42"},
    {"default", "half a minute: the published images and levels, five draws, direct solver",
     "solver=direct;draws=5;seeds=42"},
    {"paper", "as published: numpy's streams, one draw; EigenPro by the published recipe and the direct solver",
     "rng=numpy;data-seed=2134;seeds=1"},
};

static const ovp_store_column row_columns[] = {
    {"p", "", "noise level"},
    {"seed", "", "seed of EigenPro's draws, and of the labels without --data-seed"},
    {"member", "", "draw of the noise, from 0"},
    {"solver", "", "direct, eigenpro or eigenpro-modern"},
    {"corrupted", "images", "training images whose label was drawn anew, also where the true one came out"},
    {"train_error", "", "share of the training images (noisy labels) classified otherwise"},
    {"test_error", "", "share of the test images misclassified"},
    {"train_mse", "", "mean squared error over training images and outputs"},
    {"test_mse", "", "the same over test images"},
    {"wrong_labels", "", "share of the training labels that differ from the true ones"},
    {"theory_test_error", "", "clean fit with the theory's variance; empty: no direct solver, or --corrupt-test"},
    {"theory_test_mse", "", "risk by eigenlearning, averaged over the noise; empty as before"},
};
static const ovp_store_column summary_columns[] = {
    {"p", "", "noise level"},
    {"solver", "", "as in table noise"},
    {"measure", "", "column of table noise"},
    {"count", "", "draws with a finite value"},
    {"mean", "", "mean over seeds and draws"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column solver_columns[] = {
    {"p", "", "noise level"},
    {"subsample", "images", "images of the preconditioner"},
    {"top_eigenvalue", "", "largest eigenvalue of the subsample's K / subsample"},
    {"top_q", "", "eigenpairs used"},
    {"new_top", "", "largest eigenvalue after preconditioning"},
    {"eta", "", "learning rate"},
    {"batch", "images", "images of a step"},
    {"beta", "", "bound of the preconditioned kernel's diagonal"},
    {"seed", "", "as in table noise"},
    {"solver", "", "as in table noise"},
};
static const ovp_store_column published_columns[] = {
    {"p", "", "noise level"},
    {"solver", "", "as in table noise"},
    {"measure", "", "column of table noise or solver"},
    {"published", "", "published value"},
    {"measured", "", "this run's value"},
    {"deviation", "", "absolute; train_mse: in powers of 2"},
    {"bar", "", "allowed deviation"},
};
static const ovp_store_column timing_columns[] = {
    {"seed", "", "as in table noise; empty: once for all seeds"},
    {"part", "", "factorisation (Gram matrix included), or a solver: all levels and draws, test included"},
    {"seconds", "s", "its time"},
};
static const ovp_experiment_table tables[] = {
    {"noise", "One row a noise level, seed, draw and solver.", row_columns, COUNT(row_columns), 0},
    {"noise-summary", "Means over seeds and draws.", summary_columns, COUNT(summary_columns), 0},
    {"solver", "What EigenPro chose; all levels share it.", solver_columns, COUNT(solver_columns), 1},
    {"published", "Comparison with the published table, when its run is repeated.", published_columns,
     COUNT(published_columns), 1},
    {"timings", "Times.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- what is refused --------------------------------------------------------------------------------- */

enum { CLASSES = 10 }; /* of both data sets */
#define NUMPY_SEEDS (INT64_C(1) << 32)

static ovp_status check_numpy_seed(ovp_ctx *ctx, const char *key, int64_t seed) {
    if (seed >= 0 && seed < NUMPY_SEEDS) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL,
                    "--%s: %lld with --rng numpy, whose seeds are 0..4294967295; give one of these, or --rng philox",
                    key, (long long)seed);
}

static ovp_status check_streams(ovp_ctx *ctx, const ovp_params *p) {
    const char *rng = ovp_params_text(p, "rng");
    int64_t *seeds = NULL;
    ovp_idx count;
    ovp_status status = OVP_OK;
    if (strcmp(rng, "torch") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng torch: nothing of label-noise was drawn by torch; use numpy (as published) or philox");
    if (strcmp(rng, "numpy") != 0) return OVP_OK;
    OVP_TRY(ovp_experiment_seeds(&seeds, &count, ctx, &ovp_experiment_label_noise, p));
    for (ovp_idx i = 0; i < count; i++) OVP_TRY(check_numpy_seed(ctx, "seeds", seeds[i]));
    if (ovp_params_is_set(p, "data-seed")) OVP_TRY(check_numpy_seed(ctx, "data-seed", ovp_params_int(p, "data-seed")));
done:
    ovp_free(ctx, seeds);
    return status;
}

static int uses(const ovp_params *p, noise_solver solver) {
    const char *text = ovp_params_text(p, "solver");
    return strcmp(text, noise_solver_names[solver]) == 0 || strcmp(text, "all") == 0 ||
           (strcmp(text, "both") == 0 && solver != NOISE_MODERN);
}

/* Bytes of the largest things that are there at once. */
static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *p) {
    ovp_idx levels;
    (void)ovp_params_reals(p, "noise-levels", &levels);
    const double n = CLASSES * (double)ovp_params_int(p, "per-class"), tests = 10000,
                 columns = CLASSES * (1 + (double)levels * (double)ovp_params_int(p, "draws"));
    const double factor = 8 * n * n + (double)ovp_numeric_cholesky_memory((ovp_idx)n);
    const double direct = uses(p, NOISE_DIRECT) ? 8 * n * n + factor : 0;
    const double need = direct + 8 * columns * (5 * n + 2 * tests) + 24 * 784 * (n + tests) +
                        0x1p20 * (double)ovp_params_int(p, "memory");
    return study_check_memory(
        ctx, need, "give fewer --per-class or --draws, less --memory, or --solver eigenpro (no n x n matrix)",
        "label-noise: %.0f images and %.0f right-hand sides need", n, columns);
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    static const char *const bounded[] = {"subsample", "top-q", "batch", "train-eval"};
    ovp_idx count;
    ovp_status status = OVP_OK;
    const double *levels = ovp_params_reals(p, "noise-levels", &count);
    const int64_t n = CLASSES * ovp_params_int(p, "per-class");
    OVP_TRY(check_streams(ctx, p));
    for (ovp_idx i = 0; i < count; i++)
        for (ovp_idx j = 0; j < i; j++)
            if (!(levels[i] < levels[j]) && !(levels[i] > levels[j]))
                OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "--noise-levels: %g is given twice", levels[i]));
    for (ovp_idx i = 0; i < COUNT(bounded); i++)
        if (ovp_params_int(p, bounded[i]) > n)
            OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "--%s: %lld of %lld training images; allowed 0 to all of them",
                             bounded[i], (long long)ovp_params_int(p, bounded[i]), (long long)n));
    if (ovp_params_int(p, "top-q") == 1)
        OVP_TRY(ovp_fail(ctx, OVP_EINVAL,
                         "--top-q: 1; allowed 0 (EigenPro's rule) and 2 to --subsample, as the last "
                         "eigenpair only gives the level of the tail"));
    if (strcmp(ovp_params_text(p, "kernel"), "ntk") == 0 && uses(p, NOISE_EIGENPRO))
        OVP_TRY(ovp_fail(ctx, OVP_EINVAL,
                         "--solver %s: the early recipe's beta supposes K(x, x) = 1, which ntk has not; use "
                         "eigenpro-modern or direct",
                         ovp_params_text(p, "solver")));
    OVP_TRY(check_memory(ctx, p));
done:
    return status;
}

/* ---- the run ----------------------------------------------------------------------------------------- */

static ovp_status set_up(noise_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_params *p = lab->params;
    ovp_idx solvers = 0;
    for (int s = 0; s < NOISE_SOLVERS; s++) solvers += lab->uses[s] = uses(p, (noise_solver)s);
    OVP_TRY(princeton_images_load(&lab->images, lab->ctx, ovp_params_text(p, "dataset"), ovp_params_int(p, "per-class"),
                                  ovp_params_int(p, "test-samples")));
    OVP_TRY(
        ovp_alloc(lab->ctx, &lab->rows, solvers * lab->seed_count * lab->draws * lab->level_count, sizeof *lab->rows));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->theory_error, 2 * lab->level_count, sizeof *lab->theory_error));
    lab->theory_mse = lab->theory_error + lab->level_count;
    json_t *about = json_pack("{s:s, s:I, s:I, s:s}", "dataset", ovp_params_text(p, "dataset"), "train",
                              (json_int_t)lab->images.n, "test", (json_int_t)lab->images.n_test, "preparation",
                              "first images of each class, pixels / 256, rows of length 1");
    status = about ? ovp_run_describe(lab->run, about)
                   : ovp_fail(lab->ctx, OVP_ENOMEM, "label-noise: out of memory for the description");
    json_decref(about);
done:
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    noise_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.levels = ovp_params_reals(lab.params, "noise-levels", &lab.level_count);
    lab.draws = ovp_params_int(lab.params, "draws");
    lab.corrupt_test = ovp_params_bool(lab.params, "corrupt-test");
    lab.type = strcmp(ovp_params_text(lab.params, "precision"), "f32") == 0 ? OVP_F32 : OVP_F64;
    OVP_TRY(set_up(&lab));
    OVP_TRY(noise_solve_prepare(&lab));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = noise_solve_seed(&lab, lab.seeds[s]);
    /* Also for the rows that were finished before an interruption. */
    end = noise_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    ovp_kernel_solver_free(lab.direct);
    ovp_kernel_free(lab.kernel);
    ovp_free(lab.ctx, lab.gram);
    ovp_free(lab.ctx, lab.theory_error);
    ovp_free(lab.ctx, lab.rows);
    ovp_free(lab.ctx, lab.x_test);
    ovp_free(lab.ctx, lab.x);
    princeton_images_free(lab.ctx, &lab.images);
    return status;
}

/* ---- descriptor -------------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"The net fits random labels exactly. Why is its test error not that of random labels?",
     "Each wrong label bends the function only near its image (a spike of small norm): at a test image the spikes of "
     "many images add up to a variance (E_0 - 1) x noise, here E_0 - 1 is about .2, while the signal keeps the factor "
     "1 - p. Second verdict."},
    {"Up to which noise does the classifier work?",
     "While the margin (1 - p) x (clean margin) is above the deviation sqrt((E_0 - 1) noise / 9): the error rises "
     "slowly "
     "up to p about .5 and steeply after it (column theory_test_error)."},
    {"Does the mean squared error tell the same?",
     "No: it grows nearly with p (bias p^2 from the shrunk signal, variance (E_0 - 1) x noise), the error hardly at "
     "first: classification needs only the largest output to stay the largest."},
    {"Is interpolation the best one can do with noisy labels?",
     "No: a ridge, or stopping EigenPro early (--epochs 5), lowers variance and with it the test error at large p; "
     "interpolation is benign, not optimal."},
    {"Does the result depend on how the interpolator is found?",
     "No: the minimum-norm interpolator is unique, K^-1 y; EigenPro from W = 0 tends to it (verdict on EigenPro)."},
    {"What if the test labels are noisy too (--corrupt-test)?",
     "A perfect classifier then errs on the share .9 p (the line in figure errors); the measured error comes close to "
     "it from above."},
    {"Why the Laplace kernel?", "Its spectrum decays slowly, so that K is well conditioned and E_0 near 1; the "
                                "Gaussian kernel (--kernel gaussian) "
                                "is smooth, its small eigenvalues drown in rounding, and noise is amplified more."},
};

const ovp_experiment ovp_experiment_label_noise = {
    .id = "label-noise",
    .title = "Interpolating noisy labels with a kernel",
    .claim =
        "A kernel that fits every training label, most of them random, still classifies far better than its labels.",
    .formula = "f(x) = K(x, X) K^-1 y; kappa: sum lambda_i / (lambda_i + kappa) = n; L_i = lambda_i / (lambda_i + "
               "kappa); E_0 = n / (n - sum L_i^2); C mse = sum (1 - (1 - p) L_i)^2 v_i^2 + (E_0 - 1) ((1 - p)^2 sum (1 "
               "- L_i)^2 v_i^2 + 1 - sum_c pi_c^2)",
    .source =
        "Princeton deep-learning tutorial, interpolation with noise; Belkin, Ma and Mandal 2018, To understand "
        "deep learning we need to understand kernel learning; Ma and Belkin 2019, EigenPro 2; Simon, Dickens, "
        "Karkada and DeWeese 2023, The eigenlearning framework; Jacot, Simsek, Spadaro, Hongler and Gabriel 2020, "
        "Kernel alignment risk estimator; Bartlett, Long, Lugosi and Tsigler 2020, Benign overfitting",
    .about =
        "Classical advice says that a model which fits its training labels exactly must fit their noise as well and "
        "fail "
        "on new data. Here 4000 images of MNIST (the first 400 of each digit, rows of length 1) get wrong labels on "
        "purpose: with probability p a label is drawn anew among the ten classes, so that the share .9 p is wrong. A "
        "kernel then interpolates all of them, wrong ones included, and is tested on clean test images.\n\n"
        "What is seen. With half of the labels drawn anew (45 % wrong) the Laplace kernel still errs on about 15 % of "
        "the test images, although its train error is 0. This is benign overfitting: the price of interpolation is "
        "paid near the noisy points only.\n\n"
        "What theory says. In the eigenbasis of the kernel mode i of the target is learned to the share L_i = lambda_i "
        "/ (lambda_i + kappa), where kappa is set by the number of samples: the slow tail of the spectrum acts as a "
        "ridge, even if there is none. Noise turns into variance, multiplied by E_0 - 1 = sum L_i^2 / (n - sum L_i^2): "
        "harmless as long as the learned modes are few against n. The spectrum on all images is not known, but the "
        "Gram matrix shows what is needed: kappa = 1 / tr K^-1, E_0 = n tr K^-2 / (tr K^-1)^2, and two sums of v_i^2 "
        "from y^T K^-1 y and |K^-1 y|^2 with clean labels (label_noise_theory.c derives them; traces from 32 random "
        "sign vectors). theory_test_error takes the outputs of the clean fit times 1 - p and adds normal noise of "
        "that variance. Both are asymptotic, for features like independent ones: images are not, and the verdicts say "
        "how far they are off.\n\n"
        "Solvers. direct: Cholesky's factorisation in f64; all levels, draws and seeds share it, as they share the "
        "images; test outputs in --precision. eigenpro: the published early form of EigenPro 2, stochastic gradient "
        "descent preconditioned by 36 eigenpairs of a subsample, beta = max_i (1 - s sum_j e_ij^2); eigenpro-modern: "
        "with beta = max K(x, x). All levels and draws are columns of one fit.\n\n"
        "Random numbers. --rng numpy: random training labels and test labels by randint from the data seed's stream. "
        "Which samples get them: u_i < p, u the same at all levels (the flips are nested), from the stream of the "
        "seed, "
        "where the published solver left it: after 1 + epochs permutations of n; with --corrupt-test the test images' "
        "uniforms follow. At p = 0 the published u came from elsewhere, but selects nothing. Further draws go on in "
        "both streams. EigenPro: the seed's stream draws the subsample, is seeded again, draws the --train-eval "
        "images, "
        "then each epoch's. --rng philox: streams of (data seed, draw) and of the seed.\n\n"
        "How to read the figures. Errors: points are means over draws with 95 % intervals; the straight line is the "
        "share of wrong labels that were all fitted; theory is dashed. Mse: the same for the squared errors.",
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
