/* ntk-vs-network: a trained net of one hidden layer beside the kernel that its infinitely wide twin would be. */
#include "ntk_vs_network_int.h"

#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper|mnist", "f64"),
    {"data", OVP_PARAM_CHOICE, "teacher", 0, 0, "teacher|mnist", "",
     "teacher: random points and a linear teacher, net sqrt(2/k) A relu(B x + b); mnist: the first n images, net "
     "784-k-10 with erf in the NTK parametrisation, against its linearisation."},
    {"d", OVP_PARAM_INT, "100", 1, 1e6, NULL, "", "Inputs (teacher)."},
    {"n", OVP_PARAM_INT, "32", 1, 2000, NULL, "samples", "Training points."},
    {"n-test", OVP_PARAM_INT, "100", 2, 1e6, NULL, "samples", "Test points (teacher)."},
    {"widths", OVP_PARAM_INT_LIST, "16000", 1, 1e7, NULL, "units",
     "Widths of the hidden layer, in this order (which matters with --rng torch)."},
    {"lr", OVP_PARAM_REAL, "0.01", 1e-30, 1e6, NULL, "", "Learning rate of full-batch gradient descent."},
    {"epochs", OVP_PARAM_INT, "100000", 1, 1e7, NULL, "steps", "Most updates of a net."},
    {"stop-loss", OVP_PARAM_REAL, "1e-10", 0, 1e6, NULL, "",
     "Training ends before the update at which the loss is below this; 0: never."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "some ten seconds: four small widths, four seeds, a loose stop",
     "widths=50,100,200,400;epochs=8000;stop-loss=1e-3;seeds=1..4"},
    {"default", "about two minutes: five widths, five seeds",
     "widths=100,200,400,800,1600;epochs=30000;stop-loss=1e-8;seeds=1..5"},
    {"paper", "the published run: numpy's and torch's streams, seed 2134, width 16000; some minutes",
     "rng=torch;seeds=2134"},
    {"mnist", "64 images, erf, learning rate 1 (Lee et al. 2019's notebook): gap to the linearisation; minutes",
     "data=mnist;n=64;widths=128,512,2048;lr=1;epochs=1000;stop-loss=0;seeds=1..5"},
};

static const ovp_store_column width_columns[] = {
    {"width", "units", "hidden units"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "0.. for nets of one width and seed drawn one after another"},
    {"train_mse", "", "mean squared error on the training points after the last update"},
    {"test_mse", "", "mean squared error against the teacher on the test points"},
    {"steps", "steps", "updates made"},
    {"corr", "", "correlation of the net's test predictions with those of the closed-form kernel, corrected"},
    {"rmse_closed", "", "root mean square of net - corrected prediction by the closed-form kernel, on the test points"},
    {"rmse_empirical", "", "the same with the empirical kernel of this net at its start"},
    {"rmse_raw_empirical_closed", "", "root mean square of the two kernels' raw predictions' difference"},
    {"loss_theory", "", "loss after `steps` updates if the empirical kernel stood still"},
    {"loss_flow", "", "the same by gradient flow, after the time lr steps"},
    {"loss_gap", "", "largest |sqrt(loss) - sqrt(theory)| over all steps, over sqrt(first loss)"},
    {"kernel_gap", "", "||Theta_empirical - Theta_closed|| / ||Theta_closed|| (Frobenius) on the training points"},
    {"raw_test_mse", "", "mean squared error of the closed-form kernel's raw prediction against the teacher"},
    {"status", "", "ok, or diverged: a loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column linearisation_columns[] = {
    {"width", "units", "hidden units"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "0.. for nets of one width and seed drawn one after another"},
    {"step", "steps", "updates made before"},
    {"loss", "", "half the mean squared error of the net"},
    {"loss_linear", "", "the same of its linearisation at the start, trained alike"},
    {"gap", "", "|loss - loss_linear| / loss_linear"},
};
static const ovp_store_column summary_columns[] = {
    {"width", "units", "hidden units"},
    {"measure", "", "column of table widths"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column linearisation_summary_columns[] = {
    {"width", "units", "hidden units"},
    {"step", "steps", "updates made before"},
    {"measure", "", "column of table linearisation"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column time_columns[] = {
    {"width", "units", "hidden units"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "which net of the stream"},
    {"seconds", "s", "of the net's training"},
};
static const ovp_experiment_table tables[] = {
    {"widths", "One row a net.", width_columns, COUNT(width_columns), 0},
    {"widths-summary", "Means over seeds.", summary_columns, COUNT(summary_columns), 0},
    {"linearisation", "Net and linearisation during training, ten rows a net (--data mnist).", linearisation_columns,
     COUNT(linearisation_columns), 1},
    {"linearisation-summary", "Means over seeds (--data mnist).", linearisation_summary_columns,
     COUNT(linearisation_summary_columns), 1},
    {"timings", "Seconds, one row a net.", time_columns, COUNT(time_columns), 0},
};

/* ---- the run ------------------------------------------------------------------------------------- */

ntk_row ntk_row_of(ovp_idx width, int64_t seed) {
    return (ntk_row){.width = width,
                     .seed = seed,
                     .train_mse = NAN,
                     .test_mse = NAN,
                     .corr = NAN,
                     .rmse_closed = NAN,
                     .rmse_empirical = NAN,
                     .rmse_raw = NAN,
                     .loss_theory = NAN,
                     .loss_flow = NAN,
                     .loss_gap = NAN,
                     .kernel_gap = NAN,
                     .raw_test_mse = NAN};
}

/* What there is of each net, in one block each. */
enum { BLOCKS = 10 };
typedef struct block {
    double **values;
    ovp_idx each; /* values a net; 0: not of this run */
} block;

static void blocks_of(block out[BLOCKS], ntk_lab *lab) {
    double **const curves[] = {&lab->losses, &lab->theory, &lab->flow};
    double **const tests[] = {&lab->predicted, &lab->raw_closed, &lab->raw_empirical, &lab->closed, &lab->empirical};
    double **const rows[] = {&lab->kernel_row, &lab->closed_row};
    for (ovp_idx i = 0; i < COUNT(curves); i++) *out++ = (block){curves[i], lab->epochs};
    for (ovp_idx i = 0; i < COUNT(tests); i++) *out++ = (block){tests[i], lab->mnist ? 0 : lab->n_test};
    for (ovp_idx i = 0; i < COUNT(rows); i++) *out++ = (block){rows[i], lab->n};
}

static void take_place(ntk_lab *lab, ovp_idx at) {
    block blocks[BLOCKS];
    blocks_of(blocks, lab);
    for (ovp_idx i = 0; i < BLOCKS; i++) {
        const block *b = &blocks[i];
        if (b->each > 0 && at > lab->count)
            memmove(*b->values + lab->count * b->each, *b->values + at * b->each, (size_t)b->each * sizeof(double));
    }
}

ovp_status ntk_report(ntk_lab *lab, const ntk_row *r, ovp_idx at) {
    ovp_status status = OVP_OK;
    const ovp_store_cell cells[COUNT(width_columns)] = {
        ovp_cell_int(r->width),
        ovp_cell_int(r->seed),
        ovp_cell_int(0),
        ovp_cell_real(r->train_mse),
        ovp_cell_real(r->test_mse),
        ovp_cell_int(r->steps),
        ovp_cell_real(r->corr),
        ovp_cell_real(r->rmse_closed),
        ovp_cell_real(r->rmse_empirical),
        ovp_cell_real(r->rmse_raw),
        ovp_cell_real(r->loss_theory),
        ovp_cell_real(r->loss_flow),
        ovp_cell_real(r->loss_gap),
        ovp_cell_real(r->kernel_gap),
        ovp_cell_real(r->raw_test_mse),
        ovp_cell_text(r->diverged_at ? "diverged" : "ok"),
        r->diverged_at ? ovp_cell_int(r->diverged_at) : ovp_cell_null(),
    };
    const ovp_store_cell times[COUNT(time_columns)] = {ovp_cell_int(r->width), ovp_cell_int(r->seed), ovp_cell_int(0),
                                                       ovp_cell_real(r->seconds)};
    OVP_TRY(ovp_run_row(lab->run, "widths", cells));
    OVP_TRY(ovp_run_row(lab->run, "timings", times));
    take_place(lab, at);
    lab->rows[lab->count++] = *r;
    if (r->diverged_at)
        OVP_TRY(ovp_run_warning(lab->run, "width %lld, seed %lld: diverged at step %lld; a smaller --lr trains it",
                                (long long)r->width, (long long)r->seed, (long long)r->diverged_at));
done:
    return status;
}

static ovp_status make_lab(ntk_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx nets = lab->seed_count * lab->width_count;
    block blocks[BLOCKS];
    blocks_of(blocks, lab);
    OVP_TRY(ovp_alloc(lab->ctx, &lab->rows, nets, sizeof *lab->rows));
    for (ovp_idx i = 0; i < BLOCKS; i++)
        if (blocks[i].each > 0) OVP_TRY(ovp_alloc(lab->ctx, blocks[i].values, nets * blocks[i].each, sizeof(double)));
done:
    return status;
}

static void free_lab(ntk_lab *lab) {
    block blocks[BLOCKS];
    blocks_of(blocks, lab);
    for (ovp_idx i = 0; i < BLOCKS; i++) ovp_free(lab->ctx, *blocks[i].values);
    ovp_free(lab->ctx, lab->rows);
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    ntk_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.widths = ovp_params_ints(lab.params, "widths", &lab.width_count);
    lab.n = ovp_params_int(lab.params, "n");
    lab.n_test = ovp_params_int(lab.params, "n-test");
    lab.epochs = ovp_params_int(lab.params, "epochs");
    lab.lr = ovp_params_real(lab.params, "lr");
    lab.stop_loss = ovp_params_real(lab.params, "stop-loss");
    lab.mnist = strcmp(ovp_params_text(lab.params, "data"), "mnist") == 0;
    OVP_TRY(make_lab(&lab));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++)
        status = lab.mnist ? ntk_mnist_seed(&lab, lab.seeds[s]) : ntk_teacher_seed(&lab, lab.seeds[s]);
    end = ntk_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    free_lab(&lab);
    return status;
}

/* Nets of one seed live together, each with theta, its start, a snapshot and what the engine needs. */
static double memory_of(const ovp_params *p, ovp_idx seeds) {
    const int mnist = strcmp(ovp_params_text(p, "data"), "mnist") == 0;
    const double n = (double)ovp_params_int(p, "n"), epochs = (double)ovp_params_int(p, "epochs");
    const double inputs = mnist ? 784 : (double)ovp_params_int(p, "d"), points = n * (mnist ? 10 : 1);
    ovp_idx count;
    const int64_t *widths = ovp_params_ints(p, "widths", &count);
    double values = 8 * points * points + n * inputs;
    for (ovp_idx i = 0; i < count; i++)
        values += (double)widths[i] * (5 * (inputs + (mnist ? 11 : 2)) + 3 * n) +
                  (double)seeds * (3 * epochs + 5 * (double)ovp_params_int(p, "n-test") + 2 * n);
    return 8 * values;
}

static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    OVP_TRY(study_seed_count(&count, ctx, &ovp_experiment_ntk_vs_network, p));
    status = study_check_memory(ctx, memory_of(p, count), "give smaller --widths or --epochs",
                                "ntk-vs-network: these widths and epochs need");
done:
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    const int mnist = strcmp(ovp_params_text(p, "data"), "mnist") == 0;
    ovp_idx count;
    const int64_t *widths = ovp_params_ints(p, "widths", &count);
    for (ovp_idx i = 0; i < count; i++)
        for (ovp_idx k = 0; k < i; k++)
            if (widths[i] == widths[k])
                return ovp_fail(ctx, OVP_EINVAL, "--widths: %lld twice; give each once", (long long)widths[i]);
    if (strcmp(ovp_params_text(p, "precision"), "f64") != 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--precision %s: ntk-vs-network compares losses down to 1e-10, which takes f64; leave "
                        "--precision out",
                        ovp_params_text(p, "precision"));
    if (strcmp(ovp_params_text(p, "rng"), "numpy") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng numpy: initialisations come from torch's stream and data from numpy's with --rng torch; "
                        "use torch or philox");
    if (mnist && strcmp(ovp_params_text(p, "rng"), "torch") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--data mnist --rng torch: that notebook's initialisations were not torch's; use philox");
    return check_memory(ctx, p);
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Is the trained net the kernel's prediction?",
     "Nearly, and the nearer the wider: rmse_closed falls about as 1/sqrt(k), the fluctuation of the kernel at the "
     "start (first verdict); with the kernel of this very net at its start rmse_empirical falls about as 1/k "
     "(second)."},
    {"Why are there raw and corrected predictions?",
     "K(x, X) K^-1 y is the mean over initialisations; one net starts at f_0, which training moves only through the "
     "kernel: f_0(x) + K(x, X) K^-1 (y - f_0(X)). f_0 is of size 1, so the raw prediction is no better than that."},
    {"Why does the kernel interpolate, but the net test worse than the raw kernel prediction?",
     "The net carries its random f_0 outside the training points: compare test_mse with raw_test_mse."},
    {"How fast does the loss fall?",
     "Coordinate i of the residual by 1 - (2 lr / n) lambda_i a step, so at the end by the smallest eigenvalue: a "
     "straight line in the logarithm (column loss_theory, figure loss)."},
    {"Does gradient flow say the same?",
     "Up to lr: (1 - a)^t = exp(-a t (1 + a/2 + ..)) with a = (2 lr / n) lambda; column loss_flow."},
    {"Why 4 on the kernel's diagonal?", "The bias is a weight of a constant input 1, so a point of length 1 has the "
                                        "length sqrt(2), and K(x, x) = 2 |x~|^2; "
                                        "without biases it is 2."},
    {"How near is the linearisation of a net of 512 units (--preset mnist)?",
     "After 900 steps of learning rate 1 on 64 images its loss is a few per cent off (verdict), falling as 1/width."},
};

const ovp_experiment ovp_experiment_ntk_vs_network = {
    .id = "ntk-vs-network",
    .title = "A wide net is its tangent kernel",
    .claim = "A trained wide net predicts what kernel regression with its neural tangent kernel predicts.",
    .formula =
        "f(x) = sqrt(2/k) A relu(B x + b); K(x, z) = |x~||z~| (kappa_1(u) + u kappa_0(u)), x~ = (x, 1), u = <x~, z~> / "
        "(|x~||z~|), kappa_0 = (pi - acos u) / pi, kappa_1 = (u (pi - acos u) + sqrt(1 - u^2)) / pi; prediction f_0(x) "
        "+ K(x, X) K^-1 (y - f_0(X)); residual after t steps (I - (2 lr/n) Theta)^t (f_0(X) - y)",
    .source = "Princeton deep-learning tutorial, NTKAnalysis; Jacot, Gabriel and Hongler 2018, Neural Tangent Kernel; "
              "Lee et al. 2019, Wide Neural Networks of Any Depth Evolve as Linear Models; Novak et al. 2020, Neural "
              "Tangents (notebook function_space_linearization)",
    .about =
        "Points x on the unit sphere of R^d with targets y = w . x are learnt by a net of one hidden layer, k units "
        "and "
        "first-layer biases, all weights from N(0, 1), by full-batch gradient descent on the mean squared error until "
        "the loss is below stop-loss. Beside it stand two kernels: Theta, the net's own tangent kernel J J^T at its "
        "start (empirical), and its limit K for k -> infinity (closed form, with the first-layer bias).\n\n"
        "What theory says. If Theta does not move, the net is linear in its weights around the start, its residual on "
        "the training points is multiplied by I - (2 lr/n) Theta each step, and it ends at f_0(x) + Theta(x, X) "
        "Theta^-1 (y - f_0(X)). Theta moves by about 1/k for such nets, so the distance to this prediction (column "
        "rmse_empirical) falls about as 1/k; Theta at the start is a mean of k independent terms, so its distance to "
        "K, and with it rmse_closed, falls as 1/sqrt(k). Predictions without f_0 (`raw`) are those of a net that "
        "starts at 0, or the mean over starts.\n\n"
        "--data mnist (preset mnist) repeats the notebook of neural-tangents: the first n images, (x - mean) / std "
        "over "
        "them all, one-hot targets, 784-k-10 with erf, W_std 1, b_std .05, NTK parametrisation, half the mean squared "
        "error, learning rate 1. The net's loss is compared with that of its linearisation at the start, which is "
        "solved exactly through the eigenvalues of the empirical kernel of all n c outputs.\n\n"
        "Streams. --rng torch: data from numpy's stream of the data seed (X, X_test, w), nets from torch's: first the "
        "three tensors of torch's default initialisation, then B, b, A from N(0, 1) in f32, widened; widths one after "
        "another from one stream. philox: a stream a net.\n\n"
        "How to read the figures. Losses: solid the nets (median over seeds, band from lowest to highest), dashed the "
        "kernel's. Gaps: points are means with 95 % intervals, the line is the fitted power. Predictions: a point a "
        "test point, on the diagonal where net and kernel agree.",
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
