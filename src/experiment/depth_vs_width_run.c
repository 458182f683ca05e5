/* depth-vs-width: streams, students side by side, rows. */
#include "depth_vs_width_int.h"

#include <stdio.h>
#include <string.h>

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
    const ovp_train_options options = depth_width_training(lab->params, spec.lr, spec.stage_steps);
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

/* Adds what one student needs. */
static void net_memory(double *bytes, const depth_width_lab *lab, ovp_idx *layers, ovp_idx width, ovp_idx depth) {
    const ovp_net_dense_options options = depth_width_options(&lab->setup, width, depth, layers);
    const ovp_train_options training = depth_width_training(lab->params, 1, 1);
    *bytes += (double)ovp_net_dense_memory(&options, lab->setup.n_train);
    *bytes +=
        (double)ovp_train_memory(&training, depth_width_parameters(lab->setup.inputs, width, depth), options.type);
}

/* What the parameters alone say; seeds are the caller's. */
static depth_width_lab lab_of(ovp_ctx *ctx, const ovp_params *p) {
    depth_width_lab lab = {.ctx = ctx, .params = p, .setup = depth_width_setup_of(p)};
    lab.widths = ovp_params_ints(p, "widths", &lab.width_count);
    lab.sigmas = ovp_params_reals(p, "teacher-sigmas", &lab.sigma_count);
    lab.longest = ovp_params_int(p, "deep-stages") * ovp_params_int(p, "deep-steps");
    if (lab.longest < ovp_params_int(p, "steps")) lab.longest = ovp_params_int(p, "steps");
    if (lab.sigma_count > 1 && lab.longest < ovp_params_int(p, "linear-steps"))
        lab.longest = ovp_params_int(p, "linear-steps");
    return lab;
}

static ovp_idx students_of(const depth_width_lab *lab) {
    const ovp_idx deep = ovp_params_int(lab->params, "deep-stages") > 0;
    return lab->seed_count * (deep + lab->width_count + lab->sigma_count - 1);
}

/* All students live side by side. */
ovp_status depth_width_check_memory(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    depth_width_lab lab = lab_of(ctx, p);
    const double points = (double)(lab.setup.n_train + lab.setup.n_test);
    double seed = 0;
    ovp_idx *layers = NULL;
    OVP_TRY(study_seed_count(&lab.seed_count, ctx, &ovp_experiment_depth_vs_width, p));
    OVP_TRY(ovp_alloc(ctx, &layers, lab.setup.teacher_depth + 1, sizeof *layers));
    if (ovp_params_int(p, "deep-stages") > 0)
        net_memory(&seed, &lab, layers, lab.setup.teacher_width, lab.setup.teacher_depth);
    for (ovp_idx i = 0; i < lab.width_count; i++) net_memory(&seed, &lab, layers, lab.widths[i], 2);
    for (ovp_idx t = 1; t < lab.sigma_count; t++) net_memory(&seed, &lab, layers, ovp_params_int(p, "linear-width"), 2);
    seed += (double)lab.sigma_count * points * (double)(lab.setup.inputs + 1) *
            (double)ovp_numeric_type_size(lab.setup.type);
    /* losses and outputs, and once more as arrays of the run */
    const double kept =
        2. * sizeof(double) * (double)students_of(&lab) * ((double)lab.longest + 2 * (double)lab.setup.n_test);
    status = study_check_memory(ctx, (double)lab.seed_count * seed + kept,
                                "give fewer seeds, points, steps or smaller widths",
                                "%lld students side by side (--seeds, --widths) on --n-train %lld points need",
                                (long long)students_of(&lab), (long long)lab.setup.n_train);
done:
    ovp_free(ctx, layers);
    return status;
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
    char prefix[120], data[80], sigma[32];
    const ovp_store_cell cells[] = {
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
    const ovp_store_cell times[] = {
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
        snprintf(data, sizeof data, "data.sigma%s.seed%lld", sigma, (long long)s->seed);
        const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = s->problem->y_train};
        const study_kept kept = {.net = &s->net, .targets = &targets, .data = data, .loss = s->losses[s->steps - 1]};
        OVP_TRY(study_keep_net(lab->run, prefix, &kept, s->net.model, s->net.theta));
        OVP_TRY(study_keep_data(lab->run, data, lab->setup.type, lab->setup.n_train, lab->setup.inputs,
                                s->problem->x_train, 1, &targets));
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
    const ovp_idx students = students_of(lab);
    OVP_TRY(ovp_alloc(lab->ctx, &lab->problems, lab->seed_count * lab->sigma_count, sizeof *lab->problems));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->students, students, sizeof *lab->students));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->jobs, students, sizeof *lab->jobs));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->losses, students * lab->longest, sizeof *lab->losses));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->outputs, students * lab->setup.n_test, sizeof *lab->outputs));
done:
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

ovp_status depth_width_run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    depth_width_lab lab = lab_of(ovp_run_ctx(r), ovp_run_params(r));
    lab.run = r;
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
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
