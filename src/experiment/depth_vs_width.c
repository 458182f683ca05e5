/* depth-vs-width: students of a deep random teacher, one as deep as it and shallow ones of growing width.
 * Neuromatch Academy, Deep Learning, W2D1 "depth vs width"; Poole et al. 2016. */
#include "depth_vs_width_int.h"

#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"n-in", OVP_PARAM_INT, "5", 1, 1e6, NULL, "", "Inputs of teacher and students."},
    {"teacher-width", OVP_PARAM_INT, "5", 1, 1e5, NULL, "units", "Width of the teacher's hidden layers."},
    {"teacher-depth", OVP_PARAM_INT, "5", 2, 63, NULL, "layers", "Weight matrices of the teacher: 5 is 5-5-5-5-5-1."},
    {"teacher-sigmas", OVP_PARAM_REAL_LIST, "2,0.4", 1e-6, 1e6, NULL, "",
     "Teachers' weights are N(0, sigma^2/fan_in). The first sigma's teacher has the deep and the shallow students, "
     "each "
     "further one a shallow student of --linear-width."},
    {"n-train", OVP_PARAM_INT, "4000", 1, 1e9, NULL, "", "Training points, standard normal."},
    {"n-test", OVP_PARAM_INT, "1000", 2, 1e9, NULL, "", "Test points, likewise."},
    {"deep-stages", OVP_PARAM_INT, "4", 0, 1000, NULL, "",
     "Stages of the student of the teacher's own shape: a new optimiser each, lr divided by 3; 0 leaves it out."},
    {"deep-steps", OVP_PARAM_INT, "50000", 1, 1e9, NULL, "steps", "Full-batch updates of each stage."},
    {"deep-lr", OVP_PARAM_REAL, "0.003", 1e-30, 1e30, NULL, "", "Learning rate of the first stage."},
    {"widths", OVP_PARAM_INT_LIST, "5,15,45,135", 1, 1e6, NULL, "units",
     "Shallow students (one hidden layer), in this order (which matters with --rng torch)."},
    {"steps", OVP_PARAM_INT, "20000", 1, 1e9, NULL, "steps", "Full-batch updates of each shallow student."},
    {"lr", OVP_PARAM_REAL, "0.001", 1e-30, 1e30, NULL, "", "Their learning rate."},
    {"error-target", OVP_PARAM_REAL, "1e-6", 1e-300, 1, NULL, "",
     "Relative test error for which the power law predicts a shallow student's width."},
    {"linear-width", OVP_PARAM_INT, "10", 1, 1e6, NULL, "units", "Width of the further teachers' shallow students."},
    {"linear-steps", OVP_PARAM_INT, "20000", 1, 1e9, NULL, "steps", "Their full-batch updates."},
    {"linear-lr", OVP_PARAM_REAL, "0.001", 1e-30, 1e30, NULL, "", "Their learning rate."},
    {"activation", OVP_PARAM_TEXT, "tanh", 0, 0, NULL, "", "Activation of teacher and students."},
    {"optimiser", OVP_PARAM_CHOICE, "adam", 0, 0, "sgd|adam|adamw|rmsprop|adagrad", "",
     "Optimiser of all students, as torch.optim's of that name, full batch."},
    {"momentum", OVP_PARAM_REAL, "0", 0, .999999, NULL, "", "Momentum of sgd and rmsprop."},
    {"beta1", OVP_PARAM_REAL, "0", 0, .999999999, NULL, "", "Decay of adam's and adamw's mean; 0 takes .9."},
    {"beta2", OVP_PARAM_REAL, "0", 0, .999999999, NULL, "",
     "Decay of the mean square; 0 takes .999 (adam, adamw) or .99 (rmsprop)."},
    {"eps", OVP_PARAM_REAL, "0", 0, 1e6, NULL, "", "Added to the divisor; 0 takes 1e-8 (adagrad 1e-10)."},
    {"weight-decay", OVP_PARAM_REAL, "0", 0, 1e6, NULL, "",
     "Weight decay, added to the gradient (adamw: taken off the weights)."},
    {"schedule", OVP_PARAM_CHOICE, "constant", 0, 0, "constant|cosine|exponential", "",
     "Learning rate within a training or stage: constant, half a cosine to 0, or exponential to a hundredth."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "some seconds on two cores: four seeds, small widths, fewer points and steps",
     "n-train=2000;deep-stages=2;deep-steps=10000;widths=5,15,45;steps=6000;seeds=1..4"},
    {"default",
     "about 3 minutes: the published training for eight seeds of torch's stream, the published -1 among them",
     "rng=torch;seeds=-1..6"},
    {"paper", "exactly the published run: torch's stream, seed -1", "rng=torch;seeds=-1"},
};

static const ovp_store_column student_columns[] = {
    {"teacher_sigma", "", "the teacher's weights are N(0, teacher_sigma^2/fan_in)"},
    {"depth", "layers", "weight matrices of the student"},
    {"width", "units", "units of each of its hidden layers"},
    {"seed", "", "seed of the initialisations"},
    {"member", "", "0.. for students of one width and seed drawn one after another"},
    {"parameters", "", "n_in W + (D - 2) W^2 + W"},
    {"train_error", "", "mean squared error on the training points after the last update / variance of y_test"},
    {"test_error", "", "the same on the test points"},
    {"role", "", "deep (the teacher's own shape), shallow, or linear (of a further, quasi-linear teacher)"},
    {"status", "", "ok, or diverged: a loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"teacher_sigma", "", "as in table students"},
    {"depth", "layers", "as in table students"},
    {"width", "units", "as in table students"},
    {"role", "", "as in table students"},
    {"measure", "", "column of table students"},
    {"count", "", "students with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column fit_columns[] = {
    {"teacher_sigma", "", "as in table students"},
    {"seed", "", "seed of the initialisations"},
    {"points", "", "shallow students that the fit used"},
    {"exponent", "", "m of log test_error = m log width + b, least squares"},
    {"intercept", "", "b"},
    {"error_target", "", "--error-target"},
    {"predicted_width", "units", "exp((log error_target - b) / m); empty: the error does not fall"},
    {"low", "units", "lower end of its 95 % interval by this regression's standard errors (delta method, Student t)"},
    {"high", "units", "upper end"},
};
static const ovp_store_column prediction_columns[] = {
    {"teacher_sigma", "", "as in table students"},
    {"error_target", "", "--error-target"},
    {"seeds", "", "seeds whose fit predicts a width"},
    {"predicted_width", "units", "geometric mean over the seeds"},
    {"low", "units", "lower end of the 95 % interval"},
    {"high", "units", "upper end"},
    {"interval", "", "over seeds (Student t of log width), or regression: one seed's own standard errors"},
    {"predicted_parameters", "", "parameters of a shallow net of that width"},
};
static const ovp_store_column timing_columns[] = {
    {"teacher_sigma", "", "as in table students"},
    {"depth", "layers", "as in table students"},
    {"width", "units", "as in table students"},
    {"seed", "", "as in table students"},
    {"member", "", "as in table students"},
    {"seconds_train", "s", "steps and final measures, beside the other students"},
    {"steps_per_second", "1/s", "training steps a second"},
};
static const ovp_experiment_table tables[] = {
    {"students", "One row a trained student.", student_columns, COUNT(student_columns), 0},
    {"students-summary", "Means over seeds.", summary_columns, COUNT(summary_columns), 0},
    {"fits", "Power law of the shallow students' test errors for each seed.", fit_columns, COUNT(fit_columns), 1},
    {"prediction", "The width at which a shallow student would meet --error-target.", prediction_columns,
     COUNT(prediction_columns), 1},
    {"timings", "Time of each student.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- what the parameters say --------------------------------------------------------------------- */

depth_width_setup depth_width_setup_of(const ovp_params *p) {
    return (depth_width_setup){.inputs = ovp_params_int(p, "n-in"),
                               .teacher_width = ovp_params_int(p, "teacher-width"),
                               .teacher_depth = ovp_params_int(p, "teacher-depth"),
                               .n_train = ovp_params_int(p, "n-train"),
                               .n_test = ovp_params_int(p, "n-test"),
                               .activation = ovp_params_text(p, "activation"),
                               .engine = ovp_params_text(p, "engine"),
                               .type = strcmp(ovp_params_text(p, "precision"), "f64") == 0 ? OVP_F64 : OVP_F32};
}

ovp_train_options depth_width_training(const ovp_params *p, double lr, ovp_idx length) {
    const char *schedule = ovp_params_text(p, "schedule");
    ovp_train_options options = {.size = sizeof options,
                                 .optimiser = ovp_params_text(p, "optimiser"),
                                 .lr = lr,
                                 .momentum = ovp_params_real(p, "momentum"),
                                 .weight_decay = ovp_params_real(p, "weight-decay"),
                                 .beta1 = ovp_params_real(p, "beta1"),
                                 .beta2 = ovp_params_real(p, "beta2"),
                                 .eps = ovp_params_real(p, "eps"),
                                 .schedule = {.name = schedule}};
    if (strcmp(schedule, "cosine") == 0) options.schedule.length = length;
    if (strcmp(schedule, "exponential") == 0) options.schedule.gamma = pow(.01, 1 / (double)length);
    return options;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    const depth_width_setup setup = depth_width_setup_of(p);
    ovp_idx sigmas, *widths = NULL;
    ovp_net_model *model = NULL;
    const double *sigma = ovp_params_reals(p, "teacher-sigmas", &sigmas);
    const ovp_train_options training = depth_width_training(p, ovp_params_real(p, "lr"), ovp_params_int(p, "steps"));
    if (strcmp(ovp_params_text(p, "rng"), "numpy") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng numpy: the published program drew everything of depth-vs-width from torch; use torch or "
                        "philox");
    for (ovp_idx i = 0; i < sigmas; i++)
        for (ovp_idx k = 0; k < i; k++)
            if (sigma[i] <= sigma[k] && sigma[i] >= sigma[k])
                return ovp_fail(ctx, OVP_EINVAL, "--teacher-sigmas: %g stands there twice; give each sigma once",
                                sigma[i]);
    OVP_TRY(ovp_alloc(ctx, &widths, setup.teacher_depth + 1, sizeof *widths));
    const ovp_net_dense_options options = depth_width_options(&setup, setup.teacher_width, setup.teacher_depth, widths);
    OVP_TRY(ovp_net_dense_create(&model, ctx, &options));
    OVP_TRY(ovp_train_check(ctx, &training));
    OVP_TRY(depth_width_check_memory(ctx, p));
done:
    ovp_net_model_free(model);
    ovp_free(ctx, widths);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Can a deep net be learned from its outputs alone?",
     "Sometimes: a student of the teacher's own shape can represent it exactly, and some starts reach a relative error "
     "under 1e-5 (three of the seeds -1..6) while others stay in a poorer minimum; first verdict and its "
     "distribution."},
    {"Why is the deep student trained in stages?",
     "Near a minimum Adam's steps keep about the size of the learning rate, so the loss stops falling; each stage's "
     "third "
     "of it lets the loss fall on (figure deep-loss). A new Adam forgets the larger stage's moments."},
    {"How does the error of shallow students depend on their width?",
     "As a power W^m of the width, m about -.5 (second verdict): to halve the error takes 2^(1/|m|) times the width, "
     "about four times."},
    {"Which width would reach the error 1e-6?",
     "exp((log 1e-6 - b) / m): for the published teacher about 1e8 units (table prediction), so far outside the fitted "
     "range that its interval spans powers of ten."},
    {"Is it the number of parameters that counts?",
     "No: 5-5-5-5-5-1 has 5*5 + 3*5^2 + 5 = 105 parameters, 5-135-1 has 6*135 = 810, and the deep one wins; third "
     "verdict."},
    {"Why does sigma matter?",
     "With sigma 2 the teacher folds its inputs at every layer (chi_1 > 1 of Poole et al. 2016: chaos), and a shallow "
     "net needs many units for the folds; with sigma .4 tanh(z) is about z, so the teacher is about linear and ten "
     "units "
     "come close to it; last verdict."},
    {"Why is the number of training points compared with the parameters?",
     "With no more points than parameters a student can fit them without being near the teacher; n_train > 3 "
     "parameters "
     "keeps that out (else a warning)."},
    {"Why divide errors by the variance of the test targets?",
     "1 is then the error of the best constant, and teachers of different sigma and seed can be compared."},
};

const ovp_experiment ovp_experiment_depth_vs_width = {
    .id = "depth-vs-width",
    .title = "Depth against width",
    .claim = "What a deep random net computes, a student of its own shape can learn to high precision, while shallow "
             "students gain only a power of their width.",
    .formula = "error = mean (f_student(x) - f_teacher(x))^2 / var f_teacher(x); log error = m log W + b, predicted "
               "width exp((log error_target - b) / m); parameters n_in W + (D - 2) W^2 + W",
    .source = "Neuromatch Academy: Deep Learning, W2D1, tutorial \"depth vs width\"; Poole, Lahiri, Raghu, "
              "Sohl-Dickstein and Ganguli 2016, Exponential expressivity in deep neural networks through transient "
              "chaos",
    .about =
        "A teacher is a random net n_in - W - .. - W - 1 without biases (published: 5-5-5-5-5-1, tanh), its weights "
        "N(0, sigma^2/fan_in). Students see its outputs on standard normal inputs and train on all points at once, "
        "with "
        "the mean squared error and Adam. A deep student has the teacher's own shape and trains in stages, each with a "
        "new Adam and a third of the learning rate. Shallow students have one hidden layer and growing width. Errors "
        "are divided by the unbiased variance of the teacher's outputs on the test points.\n\n"
        "What theory says. Of random nets with sigma above 1, curves in the input space grow longer by a constant "
        "factor with every layer (Poole et al. 2016, `expressivity` shows it): a function that takes a shallow net "
        "exponentially many units. The deep student contains the teacher exactly, so its error has no floor but "
        "rounding and the minima in which a training may stay; a shallow student's floor falls as a power of the width "
        "only. A least-squares fit log error = m log W + b over the shallow students predicts the width for a wanted "
        "error. Its interval is that of the mean over seeds (Student t, of log width); with one seed it comes from the "
        "regression's own standard errors (delta method), and says so. It assumes that the power goes on far beyond "
        "the widths that were trained.\n\n"
        "A teacher with small sigma (.4) is about linear, since tanh(z) is about z: depth then gives nothing, and a "
        "narrow shallow student (width 10, its weights drawn by the teacher's rule) does as well. Every further value "
        "of --teacher-sigmas adds such a study.\n\n"
        "Order of draws with --rng torch, for each seed: teacher by torch's default rule (drawn, then overwritten), "
        "its normal weights layer by layer, X_train, X_test, the deep student, the shallow ones in the order of the "
        "list; for each further sigma the stream starts again: teacher, normal weights, X_train, X_test, the student "
        "by the default rule and again by the normal one. So further teachers are the first one rescaled, on the same "
        "points; with philox too. With --data-seed the teacher and its points come from that seed's stream and the "
        "students from one of --seed: several students of one teacher. In f64 torch's draws are those of "
        "torch.float64, other numbers than the published ones.\n\n"
        "How near to PyTorch. On torch's stream losses are those of PyTorch 1.13 in float32, but for rounding: at the "
        "steps 1, 10, 100 and 500 all students of the seeds -1, 0, 3, 5 and 6 agree to 4e-7, except the deep student "
        "of seed 5, 4e-4 apart at step 500. Its training amplifies rounding: there PyTorch's own float32 loss is 7e-4 "
        "from its float64 one, and up to 8e-4 from itself with the samples in another order. Later steps of every "
        "deep student part likewise, so a single deep error is one draw from a distribution: compare over seeds.\n\n"
        "How to read the figures. Deep student: its loss over all steps, a colour a stage. Errors: shallow students of "
        "all seeds against width, log-log, with the fitted power drawn out to the predicted width and the deep "
        "student's level. Scatter plots: student against teacher on test points; on the line they agree. Array loss "
        "has one row a student, as long as the longest training; after a student's own steps it is NaN. test_output "
        "and test_target hold what the scatter plots show, for every student. Verdicts need at least four seeds: the "
        "published run has one.",
    .params = params,
    .param_count = COUNT(params),
    .presets = presets,
    .preset_count = COUNT(presets),
    .tables = tables,
    .table_count = COUNT(tables),
    .questions = questions,
    .question_count = COUNT(questions),
    .check = check,
    .run = depth_width_run,
};
