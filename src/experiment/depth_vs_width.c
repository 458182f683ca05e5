/* depth-vs-width: students of a deep random teacher, one as deep as it and shallow ones of growing width.
 * Neuromatch Academy, Deep Learning, W2D1 "depth vs width"; Poole et al. 2016. */
#include "depth_vs_width_int.h"

#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"n-in", OVP_PARAM_INT, "5", 1, 1e6, NULL, "", "Inputs of teacher and students."},
    {"teacher-width", OVP_PARAM_INT, "5", 1, 1e5, NULL, "units", "Width of the teacher's hidden layers."},
    {"teacher-depth", OVP_PARAM_INT, "5", 2, 1000, NULL, "layers", "Weight matrices of the teacher: 5 is 5-5-5-5-5-1."},
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
     "n-train=1000;deep-stages=2;deep-steps=3000;widths=5,15,45;steps=6000;linear-steps=6000;seeds=1..4"},
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

static depth_width_setup setup_of(const ovp_params *p) {
    return (depth_width_setup){.inputs = ovp_params_int(p, "n-in"),
                               .teacher_width = ovp_params_int(p, "teacher-width"),
                               .teacher_depth = ovp_params_int(p, "teacher-depth"),
                               .n_train = ovp_params_int(p, "n-train"),
                               .n_test = ovp_params_int(p, "n-test"),
                               .activation = ovp_params_text(p, "activation"),
                               .engine = ovp_params_text(p, "engine"),
                               .type = strcmp(ovp_params_text(p, "precision"), "f64") == 0 ? OVP_F64 : OVP_F32};
}

/* length: steps until the optimiser is made anew. */
static ovp_train_options train_options(const ovp_params *p, double lr, ovp_idx length) {
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
    const depth_width_setup setup = setup_of(p);
    ovp_idx sigmas, *widths = NULL;
    ovp_net_model *model = NULL;
    const double *sigma = ovp_params_reals(p, "teacher-sigmas", &sigmas);
    const ovp_train_options training = train_options(p, ovp_params_real(p, "lr"), ovp_params_int(p, "steps"));
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
done:
    ovp_net_model_free(model);
    ovp_free(ctx, widths);
    return status;
}

/* ---- teachers and students ----------------------------------------------------------------------- */

/* torch: data-seed's stream gives the teacher and its data, and goes on to the students if their seed is the same; each
 * further teacher starts it again. philox: a stream for the teacher, one each for the two sets of points, and one for
 * every student, so that none depends on the lists; further teachers are the first one rescaled, as with torch. */
typedef struct streams {
    int torch, own; /* own: students' torch stream apart from the data's */
    ovp_numeric_rng *data, *points, *test, *students;
} streams;

static void streams_free(streams *s) {
    if (s->own) ovp_numeric_rng_free(s->students);
    ovp_numeric_rng_free(s->test);
    ovp_numeric_rng_free(s->points);
    ovp_numeric_rng_free(s->data);
    *s = (streams){.data = NULL};
}

static ovp_status streams_open(streams *s, depth_width_lab *lab, int64_t seed) {
    ovp_status status = OVP_OK;
    const int64_t data_seed = ovp_run_data_seed(lab->run, seed);
    *s = (streams){.torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0};
    s->own = !s->torch || data_seed != seed;
    OVP_TRY(study_stream(&s->data, lab->run, data_seed, OVP_PURPOSE_DATA, 0));
    if (!s->torch) {
        OVP_TRY(study_stream(&s->points, lab->run, data_seed, OVP_PURPOSE_DATA, 1));
        OVP_TRY(study_stream(&s->test, lab->run, data_seed, OVP_PURPOSE_TEST, 0));
    }
    if (!s->own)
        s->students = s->data;
    else if (s->torch)
        OVP_TRY(study_stream(&s->students, lab->run, seed, OVP_PURPOSE_INIT, 0));
done:
    return status;
}

/* Widths are below 2^20; the deep student has a place apart from a shallow one of its width. */
static uint64_t student_index(const depth_width_student *s, ovp_idx sigma) {
    return (uint64_t)s->width | (uint64_t)s->member << 20 | (uint64_t)sigma << 40 |
           (uint64_t)(s->role == DEPTH_WIDTH_DEEP) << 62;
}

static ovp_status add_student(depth_width_lab *lab, streams *from, depth_width_student spec, ovp_idx sigma) {
    ovp_status status = OVP_OK;
    const ovp_idx at = lab->count++;
    const ovp_idx units = (spec.depth - 1) * spec.width;
    const ovp_train_options options = train_options(lab->params, spec.lr, spec.stage_steps);
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = spec.problem->y_train};
    depth_width_student *s = &lab->students[at];
    *s = spec;
    s->setup = &lab->setup;
    s->train_error = s->test_error = NAN;
    s->losses = lab->losses + at * lab->longest;
    s->outputs = lab->outputs + at * lab->setup.n_test;
    for (ovp_idx i = 0; i < lab->setup.n_test; i++) s->outputs[i] = NAN;
    for (ovp_idx k = 0; k < lab->longest; k++) s->losses[k] = NAN;
    if (!from->torch) {
        ovp_numeric_rng_free(from->students);
        from->students = NULL;
        OVP_TRY(study_stream(&from->students, lab->run, s->seed, OVP_PURPOSE_INIT, student_index(s, sigma)));
    }
    OVP_TRY(depth_width_net(&s->net, lab->ctx, &lab->setup, s->width, s->depth,
                            s->role == DEPTH_WIDTH_LINEAR ? s->problem->sigma : 0, from->students));
    OVP_TRY(study_net_train(&s->net, lab->ctx, s->problem->x_train, lab->setup.n_train, &targets, &options));
    lab->jobs[at] = (study_job){.net = &s->net,
                                .steps = s->steps,
                                .losses = s->losses,
                                .watch = depth_width_watch,
                                .every = s->stage_steps,
                                .user = s,
                                /* an activation costs about as much as eight multiply-adds */
                                .cost = (double)(8 * units + 3 * ovp_net_model_parameters(s->net.model))};
done:
    return status;
}

/* Number of earlier equal widths in the list. */
static ovp_idx member_of(const depth_width_lab *lab, ovp_idx at) {
    ovp_idx member = 0;
    for (ovp_idx i = 0; i < at; i++) member += lab->widths[i] == lab->widths[at];
    return member;
}

static ovp_status first_students(depth_width_lab *lab, streams *from, const depth_width_problem *problem,
                                 int64_t seed) {
    ovp_status status = OVP_OK;
    const ovp_params *p = lab->params;
    const ovp_idx stages = ovp_params_int(p, "deep-stages"), deep_steps = ovp_params_int(p, "deep-steps");
    const ovp_idx steps = ovp_params_int(p, "steps");
    if (stages > 0)
        OVP_TRY(add_student(lab, from,
                            (depth_width_student){.problem = problem,
                                                  .role = DEPTH_WIDTH_DEEP,
                                                  .width = lab->setup.teacher_width,
                                                  .depth = lab->setup.teacher_depth,
                                                  .seed = seed,
                                                  .steps = stages * deep_steps,
                                                  .stage_steps = deep_steps,
                                                  .lr = ovp_params_real(p, "deep-lr")},
                            0));
    for (ovp_idx i = 0; i < lab->width_count; i++)
        OVP_TRY(add_student(lab, from,
                            (depth_width_student){.problem = problem,
                                                  .role = DEPTH_WIDTH_SHALLOW,
                                                  .width = lab->widths[i],
                                                  .depth = 2,
                                                  .member = member_of(lab, i),
                                                  .seed = seed,
                                                  .steps = steps,
                                                  .stage_steps = steps,
                                                  .lr = ovp_params_real(p, "lr")},
                            0));
done:
    return status;
}

static ovp_status linear_student(depth_width_lab *lab, streams *from, const depth_width_problem *problem, int64_t seed,
                                 ovp_idx sigma) {
    const ovp_idx steps = ovp_params_int(lab->params, "linear-steps");
    return add_student(lab, from,
                       (depth_width_student){.problem = problem,
                                             .role = DEPTH_WIDTH_LINEAR,
                                             .width = ovp_params_int(lab->params, "linear-width"),
                                             .depth = 2,
                                             .seed = seed,
                                             .steps = steps,
                                             .stage_steps = steps,
                                             .lr = ovp_params_real(lab->params, "linear-lr")},
                       sigma);
}

static ovp_status one_seed(depth_width_lab *lab, ovp_idx s) {
    ovp_status status = OVP_OK;
    const int64_t seed = lab->seeds[s];
    streams from = {.data = NULL};
    char sigma[32];
    for (ovp_idx t = 0; t < lab->sigma_count; t++) {
        depth_width_problem *problem = &lab->problems[s * lab->sigma_count + t];
        streams_free(&from);
        OVP_TRY(streams_open(&from, lab, seed));
        const depth_width_streams data = {from.data, from.torch ? from.data : from.points,
                                          from.torch ? from.data : from.test};
        OVP_TRY(depth_width_problem_create(problem, lab->ctx, &lab->setup, lab->sigmas[t], &data));
        if (!(problem->variance > 0)) {
            ovp_experiment_short(sigma, lab->sigmas[t]);
            OVP_TRY(ovp_run_warning(lab->run,
                                    "seed %lld, teacher sigma %s: the teacher says the same on all test points, so "
                                    "relative errors mean nothing and are left empty",
                                    (long long)seed, sigma));
        }
        if (t == 0)
            OVP_TRY(first_students(lab, &from, problem, seed));
        else
            OVP_TRY(linear_student(lab, &from, problem, seed, t));
    }
done:
    streams_free(&from);
    return status;
}

/* ---- before the training ------------------------------------------------------------------------- */

static double net_memory(const depth_width_lab *lab, ovp_idx *layers, ovp_idx width, ovp_idx depth) {
    const ovp_net_dense_options options = depth_width_options(&lab->setup, width, depth, layers);
    const ovp_train_options training = train_options(lab->params, 1, 1);
    return (double)ovp_net_dense_memory(&options, lab->setup.n_train) +
           (double)ovp_train_memory(&training, depth_width_parameters(lab->setup.inputs, width, depth), options.type) +
           (double)lab->setup.n_train * (double)lab->setup.inputs * (double)ovp_numeric_type_size(options.type);
}

/* All students live side by side; refuses before any is made. */
static ovp_status check_memory(const depth_width_lab *lab, ovp_idx *layers, ovp_idx students) {
    const double available = (double)ovp_experiment_memory_available();
    const double points = (double)(lab->setup.n_train + lab->setup.n_test);
    double seed = 0;
    char need_text[32], have_text[32];
    if (ovp_params_int(lab->params, "deep-stages") > 0)
        seed += net_memory(lab, layers, lab->setup.teacher_width, lab->setup.teacher_depth);
    for (ovp_idx i = 0; i < lab->width_count; i++) seed += net_memory(lab, layers, lab->widths[i], 2);
    seed += (double)(lab->sigma_count - 1) * net_memory(lab, layers, ovp_params_int(lab->params, "linear-width"), 2);
    seed += (double)lab->sigma_count * points * (double)(lab->setup.inputs + 1) *
            (double)ovp_numeric_type_size(lab->setup.type);
    /* losses and outputs, and once more as arrays of the run */
    const double kept = 2. * sizeof(double) * (double)students * ((double)lab->longest + 2 * (double)lab->setup.n_test);
    const double need = (double)lab->seed_count * seed + kept;
    if (!(available > 0) || need <= available) return OVP_OK;
    ovp_experiment_short(need_text, need / 0x1p30);
    ovp_experiment_short(have_text, available / 0x1p30);
    return ovp_fail(lab->ctx, OVP_EINVAL,
                    "%lld students side by side (--seeds, --widths) on --n-train %lld points need about %s GiB and %s "
                    "GiB are available; give fewer seeds, points, steps or smaller widths (no student was trained)",
                    (long long)students, (long long)lab->setup.n_train, need_text, have_text);
}

static ovp_status warn_small_data(const depth_width_lab *lab, const char *what, ovp_idx width, ovp_idx depth) {
    const ovp_idx parameters = depth_width_parameters(lab->setup.inputs, width, depth);
    if (lab->setup.n_train > 3 * parameters) return OVP_OK;
    return ovp_run_warning(lab->run,
                           "%s student of width %lld: --n-train %lld is not more than 3 times its %lld parameters, so "
                           "its error also tells of too few points; give more of them",
                           what, (long long)width, (long long)lab->setup.n_train, (long long)parameters);
}

static ovp_status warn(const depth_width_lab *lab) {
    ovp_status status = OVP_OK;
    int different = 0;
    if (ovp_params_int(lab->params, "deep-stages") > 0)
        OVP_TRY(warn_small_data(lab, "deep", lab->setup.teacher_width, lab->setup.teacher_depth));
    for (ovp_idx i = 0; i < lab->width_count; i++) {
        different |= lab->widths[i] != lab->widths[0];
        if (member_of(lab, i) == 0) OVP_TRY(warn_small_data(lab, "shallow", lab->widths[i], 2));
    }
    if (lab->sigma_count > 1)
        OVP_TRY(warn_small_data(lab, "quasi-linear", ovp_params_int(lab->params, "linear-width"), 2));
    if (!different)
        OVP_TRY(ovp_run_warning(lab->run, "--widths has one width only: no power law is fitted and no width predicted; "
                                          "give at least 2 different ones"));
done:
    return status;
}

static ovp_status describe(const depth_width_lab *lab) {
    const ovp_params *p = lab->params;
    json_t *about =
        json_pack("{s:{s:s, s:I, s:s, s:b, s:s}, s:{s:s, s:I, s:I, s:s}}", "model", "architecture",
                  "dense: n_in - width - .. - width - 1, depth weight matrices", "inputs",
                  (json_int_t)lab->setup.inputs, "activation", lab->setup.activation, "bias", 0, "names",
                  "teacher.sigma<sigma>.seed<seed> or <role>.sigma<sigma>.width<width>.seed<seed>.member<member>, then "
                  ".<layer>.weight [out, in]",
                  "data", "inputs", "standard normal", "train", (json_int_t)lab->setup.n_train, "test",
                  (json_int_t)lab->setup.n_test, "stream", ovp_params_text(p, "rng"));
    ovp_status status = about ? ovp_run_describe(lab->run, about)
                              : ovp_fail(lab->ctx, OVP_ENOMEM, "depth-vs-width: out of memory for the description");
    json_decref(about);
    return status;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static ovp_status report_student(depth_width_lab *lab, const depth_width_student *s, const study_job *job) {
    ovp_status status = OVP_OK;
    const int diverged = job->diverged_at > 0;
    char prefix[120], sigma[32];
    const ovp_store_cell cells[COUNT(student_columns)] = {
        ovp_cell_real(s->problem->sigma),
        ovp_cell_int(s->depth),
        ovp_cell_int(s->width),
        ovp_cell_int(s->seed),
        ovp_cell_int(s->member),
        ovp_cell_int(ovp_net_model_parameters(s->net.model)),
        ovp_cell_real(s->train_error),
        ovp_cell_real(s->test_error),
        ovp_cell_text(depth_width_role_name(s->role)),
        ovp_cell_text(diverged ? "diverged" : "ok"),
        diverged ? ovp_cell_int(job->diverged_at) : ovp_cell_null(),
    };
    const ovp_store_cell times[COUNT(timing_columns)] = {
        ovp_cell_real(s->problem->sigma),
        ovp_cell_int(s->depth),
        ovp_cell_int(s->width),
        ovp_cell_int(s->seed),
        ovp_cell_int(s->member),
        ovp_cell_real(job->seconds),
        ovp_cell_real(job->seconds > 0 ? (double)job->done / job->seconds : (double)NAN),
    };
    ovp_experiment_short(sigma, s->problem->sigma);
    OVP_TRY(ovp_run_row(lab->run, "students", cells));
    OVP_TRY(ovp_run_row(lab->run, "timings", times));
    if (diverged) {
        OVP_TRY(ovp_run_warning(lab->run,
                                "%s student, width %lld, seed %lld diverged at step %lld; a smaller %s trains "
                                "it",
                                depth_width_role_name(s->role), (long long)s->width, (long long)s->seed,
                                (long long)job->diverged_at,
                                s->role == DEPTH_WIDTH_DEEP      ? "--deep-lr"
                                : s->role == DEPTH_WIDTH_SHALLOW ? "--lr"
                                                                 : "--linear-lr"));
    } else {
        snprintf(prefix, sizeof prefix, "%s.sigma%s.width%lld.seed%lld.member%lld", depth_width_role_name(s->role),
                 sigma, (long long)s->width, (long long)s->seed, (long long)s->member);
        OVP_TRY(study_keep_weights(lab->run, prefix, s->net.model, s->net.theta));
    }
done:
    return status;
}

static ovp_status keep_teachers(depth_width_lab *lab) {
    ovp_status status = OVP_OK;
    for (ovp_idx s = 0; s < lab->seed_count; s++)
        for (ovp_idx t = 0; t < lab->sigma_count; t++) {
            const study_net *teacher = &lab->problems[s * lab->sigma_count + t].teacher;
            char prefix[80], sigma[32];
            ovp_experiment_short(sigma, lab->sigmas[t]);
            snprintf(prefix, sizeof prefix, "teacher.sigma%s.seed%lld", sigma, (long long)lab->seeds[s]);
            OVP_TRY(study_keep_weights(lab->run, prefix, teacher->model, teacher->theta));
        }
done:
    return status;
}

/* Rows of finished students; then only they are left, with their losses and outputs, in the order of the rows. */
static ovp_status report(depth_width_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx longest = lab->longest, n_test = lab->setup.n_test;
    ovp_idx kept = 0;
    for (ovp_idx i = 0; i < lab->count; i++) {
        depth_width_student *s = &lab->students[i];
        if (!s->measured && lab->jobs[i].diverged_at == 0) {
            study_net_free(lab->ctx, &s->net);
            continue;
        }
        if (status == OVP_OK) status = report_student(lab, s, &lab->jobs[i]);
        if (kept < i) {
            double *losses = lab->losses + kept * longest, *outputs = lab->outputs + kept * n_test;
            memmove(losses, s->losses, (size_t)longest * sizeof *losses);
            memmove(outputs, s->outputs, (size_t)n_test * sizeof *outputs);
            lab->students[kept] = *s;
            lab->students[kept].losses = losses;
            lab->students[kept].outputs = outputs;
            s->net = (study_net){.model = NULL};
        }
        kept++;
    }
    lab->count = kept;
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static ovp_status make_room(depth_width_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_params *p = lab->params;
    const ovp_idx stages = ovp_params_int(p, "deep-stages"), linear = lab->sigma_count > 1;
    const ovp_idx students = lab->seed_count * ((stages > 0) + lab->width_count + lab->sigma_count - 1);
    ovp_idx *layers = NULL;
    lab->longest = stages * ovp_params_int(p, "deep-steps");
    if (lab->longest < ovp_params_int(p, "steps")) lab->longest = ovp_params_int(p, "steps");
    if (linear && lab->longest < ovp_params_int(p, "linear-steps")) lab->longest = ovp_params_int(p, "linear-steps");
    OVP_TRY(ovp_alloc(lab->ctx, &layers, lab->setup.teacher_depth + 1, sizeof *layers));
    OVP_TRY(check_memory(lab, layers, students));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->problems, lab->seed_count * lab->sigma_count, sizeof *lab->problems));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->students, students, sizeof *lab->students));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->jobs, students, sizeof *lab->jobs));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->losses, students * lab->longest, sizeof *lab->losses));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->outputs, students * lab->setup.n_test, sizeof *lab->outputs));
done:
    ovp_free(lab->ctx, layers);
    return status;
}

static void lab_free(depth_width_lab *lab) {
    for (ovp_idx i = 0; i < lab->count; i++) study_net_free(lab->ctx, &lab->students[i].net);
    for (ovp_idx i = 0; lab->problems && i < lab->seed_count * lab->sigma_count; i++)
        depth_width_problem_free(lab->ctx, &lab->problems[i]);
    ovp_free(lab->ctx, lab->outputs);
    ovp_free(lab->ctx, lab->losses);
    ovp_free(lab->ctx, lab->jobs);
    ovp_free(lab->ctx, lab->students);
    ovp_free(lab->ctx, lab->problems);
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    depth_width_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    lab.setup = setup_of(lab.params);
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.widths = ovp_params_ints(lab.params, "widths", &lab.width_count);
    lab.sigmas = ovp_params_reals(lab.params, "teacher-sigmas", &lab.sigma_count);
    OVP_TRY(make_room(&lab));
    OVP_TRY(warn(&lab));
    OVP_TRY(describe(&lab));
    for (ovp_idx s = 0; s < lab.seed_count; s++) OVP_TRY(one_seed(&lab, s));
    OVP_TRY(keep_teachers(&lab));
    status = study_train(r, "students", lab.jobs, lab.count);
    /* Also for the students that were finished before an interruption. */
    end = report(&lab);
    if (end == OVP_OK) end = depth_width_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    lab_free(&lab);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Can a deep net be learned from its outputs alone?",
     "Sometimes: a student of the teacher's own shape can represent it exactly, and some starts reach a relative error "
     "under 1e-5 while others stay in a poorer minimum; first verdict and its distribution over seeds."},
    {"Why is the deep student trained in stages?",
     "Near a minimum Adam's steps keep about the size of the learning rate, so the loss stops falling; each stage's "
     "third "
     "of it lets the loss fall on (figure deep-loss). A new Adam forgets the larger stage's moments."},
    {"How does the error of shallow students depend on their width?",
     "As a power W^m with m between about -.5 and -1 (second verdict): each halving of the error takes 2^(1/|m|) times "
     "the width."},
    {"Which width would reach the error 1e-6?",
     "Table prediction: exp((log 1e-6 - b) / m), at the published teacher millions of units and more, far outside the "
     "fitted range, so its interval spans powers of ten."},
    {"Is it the number of parameters that counts?",
     "No: 5-5-5-5-5-1 has 5*5 + 3*5^2 + 5 = 105 parameters, 5-135-1 has 6*135 = 810, and the deep one wins where it "
     "trains well; third verdict."},
    {"Why does sigma matter?",
     "With sigma 2 the teacher folds its inputs at every layer (chi_1 > 1 of Poole et al. 2016: chaos), and a shallow "
     "net needs many units for the folds; with sigma .4 tanh(z) is about z, the teacher about linear, and ten units "
     "do; "
     "last verdict."},
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
    .run = run,
};
