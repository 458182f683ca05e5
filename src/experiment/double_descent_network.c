/* double-descent-network: nets of growing width on 4000 images, far into their training. */
#include "double_descent_network_int.h"

#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f64"),
    {"widths", OVP_PARAM_INT_LIST, "16,32,40,45,50,55,60,128,256,512", 1, 1e6, NULL, "units",
     "Widths of the hidden layer, in this order (which matters with --rng torch)."},
    {"epochs", OVP_PARAM_INT, "100000", 1, 1e7, NULL, "epochs", "Full-batch updates of each net."},
    {"lr", OVP_PARAM_REAL, "10", 1e-30, 1e6, NULL, "", "Learning rate."},
    {"record-every", OVP_PARAM_INT, "10000", 1, 1e7, NULL, "epochs",
     "A row a net every that many epochs, and one of the last epoch."},
    {"activation", OVP_PARAM_CHOICE, "relu", 0, 0, "relu|leaky-relu", "",
     "Activation; the read-out is scaled by sqrt(1 / E phi(z)^2) / sqrt(width)."},
    {"per-class", OVP_PARAM_INT, "400", 1, 10000, NULL, "images", "Training images of each digit, the first ones."},
    {"test-samples", OVP_PARAM_INT, "0", 0, 1e6, NULL, "images", "Test images: the first that many; 0 takes all."},
    {"line", OVP_PARAM_BOOL, "yes", 0, 0, NULL, "",
     "Also solves kernel regression with the infinitely wide net's kernel (relu)."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "a few seconds: 40 images a digit, small widths",
     "widths=2,4,8,16,32;epochs=300;record-every=50;per-class=40;test-samples=1000;seeds=1..4"},
    {"default", "two or three minutes: the published data, widths to 60, 2,000 epochs",
     "widths=16,32,40,45,50,55,60;epochs=2000;record-every=200"},
    {"paper", "the published run: one torch stream, seed 2134, ten widths, 100,000 epochs: hours; rows as they come",
     "rng=torch;seeds=2134"},
};

static const ovp_store_column width_columns[] = {
    {"width", "units", "hidden units"},
    {"parameters", "", "of the net"},
    {"seed", "", "seed of the initialisation"},
    {"epoch", "epochs", "from 0"},
    {"train_mse", "", "mean of squared errors over images and outputs, before the update of this epoch"},
    {"train_error", "", "fraction of training images classified wrong, before the update"},
    {"test_error", "", "fraction of test images classified wrong, after the update"},
    {"member", "", "0.. for nets of one width and seed drawn one after another"},
    {"test_mse", "", "mean of squared errors on the test images, after the update"},
    {"status", "", "ok, or diverged: a loss was not finite"},
};
static const ovp_store_column summary_columns[] = {
    {"width", "units", "hidden units"},
    {"epoch", "epochs", "from 0"},
    {"measure", "", "column of table widths"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column line_columns[] = {
    {"kernel", "", "which"},
    {"train_error", "", "fraction of training images classified wrong"},
    {"test_error", "", "fraction of test images classified wrong"},
    {"train_mse", "", "mean of squared errors on the training images"},
    {"test_mse", "", "the same on the test images"},
    {"condition", "", "estimate of the kernel matrix's condition number (1-norm)"},
};
static const ovp_store_column time_columns[] = {
    {"width", "units", "hidden units"},
    {"seed", "", "seed of the initialisation"},
    {"seconds", "s", "of the net's training and measures"},
};
static const ovp_experiment_table tables[] = {
    {"widths", "One row a record of a net: records one after another, widths in each.", width_columns,
     COUNT(width_columns), 0},
    {"widths-summary", "Means over seeds.", summary_columns, COUNT(summary_columns), 0},
    {"line", "Kernel regression on the same images.", line_columns, COUNT(line_columns), 1},
    {"timings", "Seconds, one row a net.", time_columns, COUNT(time_columns), 0},
};

/* ---- kernel regression --------------------------------------------------------------------------- */

static double mean_square(ovp_idx n, const double *a, const double *b) {
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / (double)n;
}

static ovp_status solve_line(descent_lab *lab) {
    const princeton_images *im = &lab->images;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    ovp_kernel *kernel = NULL;
    ovp_kernel_solver *solver = NULL;
    double *gram = NULL, *weights = NULL, *f = NULL;
    const ovp_kernel_solver_options options = {.size = sizeof options};
    const ovp_idx n = im->n, c = im->classes, most = n > im->n_test ? n : im->n_test;
    ovp_run_progress(lab->run, &(ovp_progress){"kernel regression", "steps", 0, 1, NULL, 0});
    OVP_TRY(princeton_kernel_create(&kernel, ctx));
    OVP_TRY(ovp_alloc(ctx, &gram, n * n, sizeof *gram));
    OVP_TRY(ovp_alloc(ctx, &weights, n * c, sizeof *weights));
    OVP_TRY(ovp_alloc(ctx, &f, most * c, sizeof *f));
    OVP_TRY(ovp_kernel_gram(gram, ctx, kernel, OVP_F64, im->d, n, im->x, 0, NULL));
    OVP_TRY(ovp_kernel_solver_create(&solver, ctx, n, gram, &options));
    OVP_TRY(ovp_kernel_solve(solver, ctx, c, im->target, weights));
    OVP_TRY(ovp_kernel_apply(f, ctx, kernel, OVP_F64, im->d, n, im->x, n, im->x, c, weights, 0));
    lab->line.train_error = 1 - ovp_measure_accuracy(OVP_F64, n, c, f, im->label);
    lab->line.train_mse = mean_square(n * c, f, im->target);
    OVP_TRY(ovp_kernel_apply(f, ctx, kernel, OVP_F64, im->d, im->n_test, im->x_test, n, im->x, c, weights, 0));
    lab->line.test_error = 1 - ovp_measure_accuracy(OVP_F64, im->n_test, c, f, im->label_test);
    lab->line.test_mse = mean_square(im->n_test * c, f, im->target_test);
    lab->line.known = 1;
    OVP_TRY(ovp_run_row(lab->run, "line",
                        (const ovp_store_cell[]){ovp_cell_text("ntk"), ovp_cell_real(lab->line.train_error),
                                                 ovp_cell_real(lab->line.test_error),
                                                 ovp_cell_real(lab->line.train_mse), ovp_cell_real(lab->line.test_mse),
                                                 ovp_cell_real(ovp_kernel_solver_get_report(solver)->condition)}));
    ovp_run_progress(lab->run, &(ovp_progress){"kernel regression", "steps", 1, 1, NULL, 0});
done:
    ovp_kernel_solver_free(solver);
    ovp_kernel_free(kernel);
    ovp_free(ctx, f);
    ovp_free(ctx, weights);
    ovp_free(ctx, gram);
    return status;
}

/* ---- nets ---------------------------------------------------------------------------------------- */

typedef struct student {
    const descent_lab *lab;
    study_net net;
    ovp_idx width, parameters, steps; /* steps: of this round, which ends after the update of its record's epoch */
    ovp_idx job;                      /* of this round; -1: diverged before */
    ovp_idx at[2];                    /* steps after which it is measured: before that update, and after it */
    int measured;
    double *losses; /* of all epochs */
    double train_mse, train_error, test_error, test_mse, seconds;
} student;

ovp_idx descent_record(const descent_lab *lab, ovp_idx i) {
    const ovp_idx last = lab->epochs - 1;
    if (i > 0 && (i - 1) * lab->every >= last) return -1;
    return i * lab->every < last ? i * lab->every : last;
}

/* On the worker that trains the net: before the update the training images, after it the test images. */
static ovp_status measure(void *user, ovp_ctx *ctx, ovp_idx done) {
    student *s = user;
    const princeton_images *im = &s->lab->images;
    ovp_status status = OVP_OK;
    const int test = done == s->steps;
    const ovp_idx rows = test ? im->n_test : im->n, c = im->classes;
    double *f = NULL;
    OVP_TRY(ovp_alloc(ctx, &f, rows * c, sizeof *f));
    OVP_TRY(study_net_outputs(&s->net, ctx, s->net.theta, test ? im->x_test : im->x, rows, f));
    const double error = 1 - ovp_measure_accuracy(OVP_F64, rows, c, f, test ? im->label_test : im->label);
    const double mse = mean_square(rows * c, f, test ? im->target_test : im->target);
    *(test ? &s->test_error : &s->train_error) = error;
    *(test ? &s->test_mse : &s->train_mse) = mse;
    s->measured = test;
done:
    ovp_free(ctx, f);
    return status;
}

static ovp_status make_student(student *s, ovp_numeric_rng *rng) {
    const descent_lab *lab = s->lab;
    const princeton_images *im = &lab->images;
    ovp_status status = OVP_OK;
    const princeton_net options = {.inputs = im->d,
                                   .width = s->width,
                                   .outputs = im->classes,
                                   .activation = ovp_params_text(lab->params, "activation"),
                                   .engine = ovp_params_text(lab->params, "engine")};
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_MEAN, .values = im->target};
    const ovp_train_options train = {.size = sizeof train, .lr = ovp_params_real(lab->params, "lr")};
    s->parameters = princeton_net_parameters(&options);
    OVP_TRY(princeton_net_create(&s->net, lab->ctx, &options, rng));
    OVP_TRY(study_net_train(&s->net, lab->ctx, im->x, im->n, &targets, &train));
done:
    return status;
}

/* torch: one stream over all widths; philox: a stream a width. */
static ovp_status make_students(student *students, descent_lab *lab, int64_t seed, double *losses) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    const int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        students[i] =
            (student){.lab = lab, .width = lab->widths[i], .losses = losses + i * lab->epochs, .test_mse = NAN};
        if (!torch || i == 0) {
            ovp_numeric_rng_free(rng);
            rng = NULL;
            OVP_TRY(study_stream(&rng, lab->run, seed, OVP_PURPOSE_INIT, (uint64_t)lab->widths[i]));
        }
        OVP_TRY(make_student(&students[i], rng));
    }
done:
    ovp_numeric_rng_free(rng);
    return status;
}

static ovp_status report(descent_lab *lab, const student *s, int64_t seed, ovp_idx epoch, ovp_idx diverged_at) {
    ovp_status status = OVP_OK;
    const double nothing = NAN;
    const ovp_store_cell cells[COUNT(width_columns)] = {
        ovp_cell_int(s->width),
        ovp_cell_int(s->parameters),
        ovp_cell_int(seed),
        ovp_cell_int(epoch),
        ovp_cell_real(diverged_at ? nothing : s->train_mse),
        ovp_cell_real(diverged_at ? nothing : s->train_error),
        ovp_cell_real(diverged_at ? nothing : s->test_error),
        ovp_cell_int(0),
        ovp_cell_real(diverged_at ? nothing : s->test_mse),
        ovp_cell_text(diverged_at ? "diverged" : "ok"),
    };
    OVP_TRY(ovp_run_row(lab->run, "widths", cells));
    if (diverged_at)
        OVP_TRY(ovp_run_warning(lab->run, "width %lld, seed %lld: diverged at epoch %lld; a smaller --lr trains it",
                                (long long)s->width, (long long)seed, (long long)diverged_at));
done:
    return status;
}

/* All nets side by side up to and with the update of one record's epoch; their rows in the order of widths. made:
 * updates before. */
static ovp_status one_round(descent_lab *lab, student *students, study_job *jobs, int64_t seed, ovp_idx made,
                            ovp_idx epoch) {
    ovp_status status = OVP_OK, end;
    ovp_idx count = 0;
    char stage[64];
    snprintf(stage, sizeof stage, "seed %lld to epoch %lld", (long long)seed, (long long)epoch);
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        student *s = &students[i];
        if (s->job < 0) continue;
        s->job = count;
        s->steps = epoch + 1 - made;
        s->at[0] = s->steps - 1;
        s->at[1] = s->steps;
        s->measured = 0;
        jobs[count++] = (study_job){.net = &s->net,
                                    .steps = s->steps,
                                    .losses = s->losses + made,
                                    .watch = measure,
                                    .at = s->at,
                                    .at_count = 2,
                                    .user = s};
    }
    if (count == 0) return OVP_OK;
    end = study_train(lab->run, stage, jobs, count);
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        student *s = &students[i];
        if (s->job < 0) continue;
        const study_job *job = &jobs[s->job];
        const ovp_idx diverged_at = job->diverged_at ? made + job->diverged_at - 1 : 0;
        s->seconds += job->seconds;
        if (s->measured || job->diverged_at) OVP_TRY(report(lab, s, seed, epoch, diverged_at));
        if (job->diverged_at) s->job = -1;
    }
    OVP_TRY(end);
done:
    return status;
}

static ovp_status keep(descent_lab *lab, const student *s, int64_t seed) {
    ovp_status status = OVP_OK;
    char prefix[96];
    snprintf(prefix, sizeof prefix, "width%lld.seed%lld.member0", (long long)s->width, (long long)seed);
    OVP_TRY(
        ovp_run_row(lab->run, "timings",
                    (const ovp_store_cell[]){ovp_cell_int(s->width), ovp_cell_int(seed), ovp_cell_real(s->seconds)}));
    if (s->job >= 0) OVP_TRY(study_keep_weights(lab->run, prefix, s->net.model, s->net.theta));
done:
    return status;
}

static ovp_status one_seed(descent_lab *lab, int64_t seed) {
    ovp_status status = OVP_OK;
    student *students = NULL;
    study_job *jobs = NULL;
    double *losses = lab->losses + lab->begun++ * lab->width_count * lab->epochs;
    OVP_TRY(ovp_alloc(lab->ctx, &students, lab->width_count, sizeof *students));
    OVP_TRY(ovp_alloc(lab->ctx, &jobs, lab->width_count, sizeof *jobs));
    OVP_TRY(make_students(students, lab, seed, losses));
    for (ovp_idx r = 0, made = 0; descent_record(lab, r) >= 0; r++) {
        const ovp_idx epoch = descent_record(lab, r);
        OVP_TRY(one_round(lab, students, jobs, seed, made, epoch));
        made = epoch + 1;
    }
    for (ovp_idx i = 0; i < lab->width_count; i++) OVP_TRY(keep(lab, &students[i], seed));
done:
    for (ovp_idx i = 0; students && i < lab->width_count; i++) study_net_free(lab->ctx, &students[i].net);
    ovp_free(lab->ctx, jobs);
    ovp_free(lab->ctx, students);
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    descent_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.widths = ovp_params_ints(lab.params, "widths", &lab.width_count);
    lab.epochs = ovp_params_int(lab.params, "epochs");
    lab.every = ovp_params_int(lab.params, "record-every");
    const ovp_idx values = lab.seed_count * lab.width_count * lab.epochs;
    const int relu = strcmp(ovp_params_text(lab.params, "activation"), "relu") == 0;
    OVP_TRY(princeton_images_load(&lab.images, lab.ctx, "mnist", ovp_params_int(lab.params, "per-class"),
                                  ovp_params_int(lab.params, "test-samples")));
    OVP_TRY(ovp_alloc(lab.ctx, &lab.losses, values, sizeof *lab.losses));
    for (ovp_idx i = 0; i < values; i++) lab.losses[i] = NAN;
    if (ovp_params_bool(lab.params, "line")) {
        if (relu)
            OVP_TRY(solve_line(&lab));
        else
            OVP_TRY(ovp_run_warning(r, "no line of kernel regression: it is that of relu nets; --line no is silent"));
    }
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = one_seed(&lab, lab.seeds[s]);
    end = descent_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    ovp_free(lab.ctx, lab.losses);
    princeton_images_free(lab.ctx, &lab.images);
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx count, seed_count;
    const int64_t *widths = ovp_params_ints(p, "widths", &count);
    const double n = 10 * (double)ovp_params_int(p, "per-class"), epochs = (double)ovp_params_int(p, "epochs");
    double values = 4e7 + 2 * n * 784 + (ovp_params_bool(p, "line") ? 3 * n * n : 0);
    for (ovp_idx i = 0; i < count; i++)
        for (ovp_idx k = 0; k < i; k++)
            if (widths[i] == widths[k])
                return ovp_fail(ctx, OVP_EINVAL, "--widths: %lld twice; give each once", (long long)widths[i]);
    if (strcmp(ovp_params_text(p, "precision"), "f64") != 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--precision %s: the published nets are f64, and late training depends on it; leave "
                        "--precision out",
                        ovp_params_text(p, "precision"));
    if (strcmp(ovp_params_text(p, "rng"), "numpy") == 0)
        return ovp_fail(ctx, OVP_EINVAL, "--rng numpy: these nets were drawn by torch; use torch or philox");
    OVP_TRY(study_seed_count(&seed_count, ctx, &ovp_experiment_double_descent_network, p));
    for (ovp_idx i = 0; i < count; i++)
        values += (double)widths[i] * (3 * 795 + 3 * n) + 2 * n * 784 + (double)seed_count * epochs;
    status = study_check_memory(ctx, 8 * values, "give smaller --widths, --per-class or --epochs",
                                "double-descent-network needs");
done:
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Where should the peak of the test error be?",
     "Where the parameters just suffice to fit all targets: about n c = 40,000 of them, near width 50 (795 parameters "
     "a unit)."},
    {"Is there a peak?",
     "A small one, of about 1.3 points at width 55, and late: the published nets show it after 1e5 epochs; its verdict "
     "is unclear without that many epochs and four seeds."},
    {"Why so late?", "Directions of small curvature fit the noise last; stopped early, each net is regularised (figure "
                     "test-error-epoch: "
                     "the error of narrow nets rises again)."},
    {"Do more parameters hurt beyond the threshold?",
     "No: the test error falls again, towards that of kernel regression with the infinitely wide net's kernel (table "
     "line; 0.0442 for the published data)."},
    {"Why a learning rate of 10?",
     "The loss is a mean over n c numbers, so its curvature is 2 / (n c) times the tangent kernel's eigenvalues; the "
     "largest, of the mean image, is of order n."},
    {"Why does width 16 at epoch 10,000 repeat digit for digit, but not every later row?",
     "Rounding grows along unstable directions when units switch on and off; only early rows are the same on every "
     "machine."},
};

const ovp_experiment ovp_experiment_double_descent_network = {
    .id = "double-descent-network",
    .title = "Double descent of nets on images",
    .claim =
        "The test error peaks where the parameters just fit the data, and falls beyond, towards kernel regression.",
    .formula = "f(x) = sqrt(2/k) A relu(B x + b); loss = 1/(n c) sum |f(x_i) - y_i|^2; threshold (d + 1 + c) k = n c",
    .source = "Princeton deep-learning tutorial, DoubleDescentTutorialPart2; Belkin, Hsu, Ma and Mandal 2019, "
              "Reconciling modern machine-learning practice and the classical bias-variance trade-off; Nakkiran et al. "
              "2020, Deep Double Descent",
    .about =
        "Nets d-k-c with one hidden layer, no output bias and all weights from N(0, 1) learn 4000 MNIST images (the "
        "first 400 of each digit, rows of length 1, one-hot targets) by full-batch gradient descent on the mean "
        "squared "
        "error, for a very long time. Every record-every epochs the run writes the training error and loss before the "
        "epoch's update and the test error after it.\n\n"
        "What theory says. A model with fewer parameters than targets (n c = 40,000) cannot fit them all, one with "
        "many "
        "more has a choice and takes the interpolator nearest to its start. In between it must use every direction, "
        "however small its curvature, to fit the last target, and pays on test images: a peak, if the training runs "
        "long enough to get there. For k -> infinity the net is kernel regression with its tangent kernel (with "
        "first-layer bias), which is solved here directly: the horizontal line.\n\n"
        "Streams. --rng torch: one stream over all widths in the given order; a net takes the three tensors of torch's "
        "default initialisation, then B, b, A from N(0, 1) in f32, widened. philox: a stream a net.\n\n"
        "How to read the figures. Test error against parameters at the last record, with the threshold (dashed "
        "upright) and the line of kernel regression (dotted); curves over the epochs below. Rows come as they are "
        "recorded: a long run may be stopped at any time and keeps them.",
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
