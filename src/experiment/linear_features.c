/* linear-features: gradient descent on a linear read-out of Fourier features, against its exact solution.
 * The lazy-training practical; a linear model is what every net becomes in the lazy limit. */
#include "linear_features_int.h"

#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"feature-dims", OVP_PARAM_INT_LIST, "8,200,100", 2, 20000, NULL, "features",
     "Numbers m of features, half of them sines, half cosines, in the order of the draws."},
    {"frequency", OVP_PARAM_REAL, "6.283185307179586", 1e-6, 1e6, NULL, "",
     "Feature k is sin or cos of (frequency k x); 6.283185307179586 is 2 pi, period 1."},
    {"first-frequency", OVP_PARAM_INT, "0", 0, 1, NULL, "",
     "The first k: 0 as in the published code, 1 as in its text."},
    {"steps", OVP_PARAM_INT_LIST, "10000,100,10000", 1, 1e8, NULL, "steps",
     "Updates: one number for all dimensions, or one for each."},
    {"lr", OVP_PARAM_REAL, "0.01", 1e-12, 1e6, NULL, "", "Learning rate."},
    {"batch", OVP_PARAM_INT, "0", 0, 1e6, NULL, "samples",
     "Samples of a step; 0: all. Fewer than n: consecutive pieces of an order that each net shuffles with a stream of "
     "its own, and no theory."},
    {"members", OVP_PARAM_INT_LIST, "1,1,10", 1, 1e5, NULL, "nets",
     "Nets a seed, drawn one after another: one number for all dimensions, or one for each."},
    {"target", OVP_PARAM_CHOICE, "middle", 0, 0, "simple|middle|complex", "",
     "What is learned (`overparam data list`)."},
    {"n", OVP_PARAM_INT, "15", 1, 5000, NULL, "samples", "Training samples."},
    {"noise", OVP_PARAM_REAL, "0", 0, 1e6, NULL, "", "Standard deviation of the noise in the targets."},
    {"record-every", OVP_PARAM_INT, "1", 1, 1e8, NULL, "steps",
     "Keeps every that many losses in the arrays; the comparison with theory is made at all of them."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "about a second: five seeds, a thousand steps",
     "steps=1000,100,1000;members=1,1,3;seeds=1..5;record-every=5"},
    {"default", "the published settings over eight seeds, in f64", "seeds=1..8;record-every=10;precision=f64"},
    {"paper", "as published: torch's stream, numpy's data, seed 42, f32", "rng=torch;seeds=42"},
};

static const ovp_store_column fit_columns[] = {
    {"feature_dim", "features", "number m of features, bias not counted"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "0.. for nets drawn one after another from one stream"},
    {"initial_loss", "", "mean squared error at theta_0"},
    {"final_loss", "", "the same after the last update"},
    {"theory_loss", "", "the exact solution's loss after the last update; empty: mini-batches"},
    {"max_deviation", "", "largest |sqrt(L) - sqrt(L_theory)| / sqrt(L_0) over all steps"},
    {"movement", "", "||theta - theta_0|| after the last update"},
    {"theory_movement", "", "the exact solution's"},
    {"limit_movement", "", "||theta - theta_0|| after infinitely many steps: to the nearest least-squares solution"},
    {"limit_loss", "", "loss after infinitely many steps: what no choice of weights can fit"},
    {"rank", "", "directions of data space that the features reach (bias included)"},
    {"largest_eigenvalue", "", "of the Gram matrix; steps converge while lr < n / it"},
    {"status", "", "ok, or diverged: a loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"feature_dim", "features", "number m of features"},
    {"measure", "", "column of table fits"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds and members"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column timing_columns[] = {
    {"feature_dim", "features", "number m of features"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "as in table fits"},
    {"seconds", "s", "its training"},
};
static const ovp_experiment_table tables[] = {
    {"fits", "One row a trained net.", fit_columns, COUNT(fit_columns), 0},
    {"fits-summary", "Means over seeds and members.", summary_columns, COUNT(summary_columns), 0},
    {"timings", "Time of each net.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- one net ------------------------------------------------------------------------------------- */

/* One net in training; what it shares with the others of its dimension and seed is borrowed. */
typedef struct trainee {
    linear_lab *lab;
    ovp_idx dim, member;
    study_net net;
    ovp_numeric_rng *order; /* of mini-batches */
    double *theta0, *theta; /* p values each */
    double *losses;         /* steps */
    double *moves;          /* LINEAR_MOVES */
} trainee;

static void trainee_free(ovp_ctx *ctx, trainee *t) {
    study_net_free(ctx, &t->net);
    ovp_numeric_rng_free(t->order);
    ovp_free(ctx, t->theta0);
    ovp_free(ctx, t->losses);
}

static ovp_idx width_of(const linear_lab *lab, ovp_idx dim) {
    return lab->dims[dim] + 1;
}

static ovp_status look_at_movement(void *user, ovp_ctx *ctx, ovp_idx done) {
    trainee *t = user;
    const linear_lab *lab = t->lab;
    const ovp_idx p = width_of(lab, t->dim);
    double sum = 0;
    ovp_status status = linear_net_theta(&t->net, ctx, t->net.theta, t->theta);
    for (ovp_idx j = 0; j < p; j++) sum += (t->theta[j] - t->theta0[j]) * (t->theta[j] - t->theta0[j]);
    t->moves[done / linear_move_every(lab->steps[t->dim])] = sqrt(sum);
    return status;
}

/* The learning rate as the net's arithmetic holds it. */
static double rate_of(const linear_lab *lab) {
    const double lr = ovp_params_real(lab->params, "lr");
    return lab->type == OVP_F32 ? (double)(float)lr : lr;
}

static int full_batch(const ovp_params *p) {
    const int64_t batch = ovp_params_int(p, "batch");
    return batch == 0 || batch == ovp_params_int(p, "n");
}

static ovp_status prepare(trainee *t, linear_lab *lab, const linear_data *data, int64_t seed, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const ovp_idx p = width_of(lab, t->dim), steps = lab->steps[t->dim];
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = data->net_y};
    ovp_train_options options = {.size = sizeof options, .lr = ovp_params_real(lab->params, "lr")};
    t->lab = lab;
    if (!full_batch(lab->params)) {
        const uint64_t index = (uint64_t)lab->dims[t->dim] | (uint64_t)t->member << 40;
        OVP_TRY(ovp_numeric_rng_create(&t->order, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_BATCH, index));
        options.batches.size = ovp_params_int(lab->params, "batch");
        options.batches.order = "cycle";
        options.batches.rng = t->order;
    }
    OVP_TRY(
        linear_net_create(&t->net, ctx, &lab->fourier[t->dim], lab->type, ovp_params_text(lab->params, "engine"), rng));
    OVP_TRY(study_net_train(&t->net, ctx, data->net_x, data->n, &targets, &options));
    OVP_TRY(ovp_alloc(ctx, &t->theta0, 2 * p, sizeof *t->theta0));
    OVP_TRY(ovp_alloc(ctx, &t->losses, steps + LINEAR_MOVES, sizeof *t->losses));
    t->theta = t->theta0 + p;
    t->moves = t->losses + steps;
    for (ovp_idx j = 0; j < LINEAR_MOVES; j++) t->moves[j] = NAN;
    OVP_TRY(linear_net_theta(&t->net, ctx, t->net.theta0, t->theta0));
done:
    return status;
}

/* ---- a finished net ------------------------------------------------------------------------------ */

/* What one dimension and seed have in common. */
typedef struct setting {
    double *design, *grid_design; /* n x p, LINEAR_GRID x p */
    linear_spectrum spectrum;
} setting;

static ovp_status setting_get(setting *s, linear_lab *lab, const linear_data *data, ovp_idx seed, ovp_idx dim) {
    ovp_status status = OVP_OK;
    const ovp_idx p = width_of(lab, dim);
    double *eigenvalues = lab->eigenvalues + (seed * lab->dim_count + dim) * data->n;
    OVP_TRY(linear_design(&s->design, lab->ctx, &lab->fourier[dim], lab->type, data->n, data->seen_x));
    OVP_TRY(linear_design(&s->grid_design, lab->ctx, &lab->fourier[dim], lab->type, LINEAR_GRID, lab->grid));
    OVP_TRY(linear_spectrum_get(&s->spectrum, lab->ctx, data->n, p, s->design, 0));
    for (ovp_idx i = 0; i < s->spectrum.k; i++) eigenvalues[i] = s->spectrum.s[i] * s->spectrum.s[i];
done:
    return status;
}

static void setting_free(ovp_ctx *ctx, setting *s) {
    ovp_free(ctx, s->design);
    ovp_free(ctx, s->grid_design);
    linear_spectrum_free(ctx, &s->spectrum);
}

/* Losses and movements kept for the arrays, theory beside them; returns the largest deviation over all steps. */
static double compare(linear_lab *lab, const trainee *t, const linear_path *path) {
    const ovp_idx at = lab->count, steps = lab->steps[t->dim], every = linear_move_every(steps);
    double *loss = lab->loss + at * lab->points, *theory = lab->theory + at * lab->points;
    double *moves = lab->moves + at * LINEAR_MOVES, *move_theory = lab->move_theory + at * LINEAR_MOVES;
    const double scale = sqrt(linear_path_loss(path, 0));
    double worst = 0;
    for (ovp_idx i = 0; i < lab->points; i++) loss[i] = theory[i] = NAN;
    for (ovp_idx k = 0; k < steps; k++) {
        const double predicted = full_batch(lab->params) ? linear_path_loss(path, (double)k) : (double)NAN;
        const double off = fabs(sqrt(t->losses[k]) - sqrt(predicted)) / scale;
        if (!(off <= worst)) worst = off; /* NaN stays */
        if (k % lab->every != 0) continue;
        loss[k / lab->every] = t->losses[k];
        theory[k / lab->every] = predicted;
    }
    for (ovp_idx j = 0; j < LINEAR_MOVES; j++) {
        moves[j] = t->moves[j];
        move_theory[j] = full_batch(lab->params) && j * every <= steps ? linear_path_movement(path, (double)(j * every))
                                                                       : (double)NAN;
    }
    return worst;
}

/* Functions at theta_0, at the end, and theory's at the end, on the grid. */
static ovp_status draw_functions(linear_lab *lab, trainee *t, const setting *s, const linear_path *path) {
    ovp_status status = OVP_OK;
    const ovp_idx at = lab->count * LINEAR_GRID, p = width_of(lab, t->dim);
    double *theta = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &theta, p, sizeof *theta));
    linear_path_theta(path, (double)lab->steps[t->dim], t->theta0, theta);
    linear_outputs(lab->start + at, LINEAR_GRID, p, s->grid_design, t->theta0);
    linear_outputs(lab->end + at, LINEAR_GRID, p, s->grid_design, t->theta);
    linear_outputs(lab->limit + at, LINEAR_GRID, p, s->grid_design, theta);
done:
    ovp_free(lab->ctx, theta);
    return status;
}

static ovp_status report(linear_lab *lab, const linear_fit *fit, const linear_path *path, double final_loss,
                         double seconds) {
    ovp_status status = OVP_OK;
    const int64_t m = lab->dims[fit->dim];
    const double t = (double)lab->steps[fit->dim];
    const int full = full_batch(lab->params);
    const ovp_store_cell row[] = {
        ovp_cell_int(m),
        ovp_cell_int(fit->seed),
        ovp_cell_int(fit->member),
        ovp_cell_real(linear_path_loss(path, 0)),
        ovp_cell_real(final_loss),
        full ? ovp_cell_real(linear_path_loss(path, t)) : ovp_cell_null(),
        full ? ovp_cell_real(fit->max_deviation) : ovp_cell_null(),
        ovp_cell_real(fit->movement),
        full ? ovp_cell_real(fit->theory_movement) : ovp_cell_null(),
        ovp_cell_real(linear_path_movement(path, INFINITY)),
        ovp_cell_real(linear_path_loss(path, INFINITY)),
        ovp_cell_int(path->spectrum->rank),
        ovp_cell_real(path->spectrum->s[0] * path->spectrum->s[0]),
        ovp_cell_text(fit->diverged_at ? "diverged" : "ok"),
        fit->diverged_at ? ovp_cell_int(fit->diverged_at) : ovp_cell_null(),
    };
    const ovp_store_cell timing[] = {ovp_cell_int(m), ovp_cell_int(fit->seed), ovp_cell_int(fit->member),
                                     ovp_cell_real(seconds)};
    OVP_TRY(ovp_run_row(lab->run, "fits", row));
    OVP_TRY(ovp_run_row(lab->run, "timings", timing));
    if (fit->diverged_at)
        OVP_TRY(ovp_run_warning(
            lab->run, "feature-dims %lld, seed %lld, member %lld diverged at step %lld; its row is kept", (long long)m,
            (long long)fit->seed, (long long)fit->member, (long long)fit->diverged_at));
done:
    return status;
}

static ovp_status finish(linear_lab *lab, trainee *t, const study_job *job, const linear_data *data, const setting *s,
                         int64_t seed) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const ovp_idx p = width_of(lab, t->dim);
    const double steps = (double)lab->steps[t->dim];
    linear_path path = {.spectrum = NULL};
    double *f = NULL, sum = 0;
    char prefix[96];
    OVP_TRY(linear_path_start(&path, ctx, &s->spectrum, s->design, t->theta0, data->seen_y, rate_of(lab)));
    OVP_TRY(ovp_alloc(ctx, &f, data->n, sizeof *f));
    OVP_TRY(linear_net_theta(&t->net, ctx, t->net.theta, t->theta));
    linear_outputs(f, data->n, p, s->design, t->theta);
    for (ovp_idx j = 0; j < p; j++) sum += (t->theta[j] - t->theta0[j]) * (t->theta[j] - t->theta0[j]);
    const double worst = compare(lab, t, &path);
    const linear_fit fit = {.dim = t->dim,
                            .seed = seed,
                            .member = t->member,
                            .diverged_at = job->diverged_at,
                            .judged = full_batch(lab->params) && !job->diverged_at && linear_path_stable(&path),
                            .max_deviation = worst,
                            .movement = sqrt(sum),
                            .theory_movement = linear_path_movement(&path, steps)};
    OVP_TRY(draw_functions(lab, t, s, &path));
    OVP_TRY(report(lab, &fit, &path, linear_mean_square(data->n, f, data->seen_y), job->seconds));
    snprintf(prefix, sizeof prefix, "m%lld.seed%lld.member%lld", (long long)lab->dims[t->dim], (long long)seed,
             (long long)t->member);
    OVP_TRY(study_keep_weights(lab->run, prefix, t->net.model, t->net.theta));
    lab->fits[lab->count++] = fit;
done:
    ovp_free(ctx, f);
    linear_path_free(ctx, &path);
    return status;
}

/* ---- one seed ------------------------------------------------------------------------------------ */

/* torch: one stream over all nets, nothing else drawn from it. philox: one each. */
static ovp_status prepare_all(linear_lab *lab, const linear_data *data, trainee *trainees, study_job *jobs,
                              int64_t seed) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    const int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    ovp_idx at = 0;
    for (ovp_idx i = 0; i < lab->dim_count; i++)
        for (ovp_idx member = 0; member < lab->members[i]; member++, at++) {
            if (!torch || at == 0) {
                ovp_numeric_rng_free(rng);
                rng = NULL;
                OVP_TRY(study_stream(&rng, lab->run, seed, OVP_PURPOSE_INIT,
                                     (uint64_t)lab->dims[i] | (uint64_t)member << 40));
            }
            trainees[at].dim = i;
            trainees[at].member = member;
            OVP_TRY(prepare(&trainees[at], lab, data, seed, rng));
            jobs[at] = (study_job){.net = &trainees[at].net,
                                   .steps = lab->steps[i],
                                   .losses = trainees[at].losses,
                                   .watch = look_at_movement,
                                   .every = linear_move_every(lab->steps[i]),
                                   .user = &trainees[at]};
        }
done:
    ovp_numeric_rng_free(rng);
    return status;
}

static ovp_status finish_all(linear_lab *lab, const linear_data *data, trainee *trainees, const study_job *jobs,
                             const setting *settings, int64_t seed) {
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < lab->nets; i++)
        if (jobs[i].done == jobs[i].steps || jobs[i].diverged_at)
            OVP_TRY(finish(lab, &trainees[i], &jobs[i], data, &settings[trainees[i].dim], seed));
done:
    return status;
}

static ovp_status one_seed(linear_lab *lab, ovp_idx seed) {
    ovp_status status = OVP_OK, end;
    ovp_ctx *ctx = lab->ctx;
    linear_data data = {.n = 0};
    trainee *trainees = NULL;
    study_job *jobs = NULL;
    setting *settings = NULL; /* one a dimension; before the training: an interrupted context computes no features */
    OVP_TRY(linear_data_draw(&data, lab->run, lab->type, lab->seeds[seed]));
    if (seed == 0) {
        OVP_TRY(linear_data_grid(&data, ctx, LINEAR_GRID, lab->grid, lab->target));
        memcpy(lab->x, data.seen_x, (size_t)data.n * sizeof *lab->x);
        memcpy(lab->y, data.seen_y, (size_t)data.n * sizeof *lab->y);
    }
    OVP_TRY(ovp_alloc(ctx, &settings, lab->dim_count, sizeof *settings));
    for (ovp_idx i = 0; i < lab->dim_count; i++) OVP_TRY(setting_get(&settings[i], lab, &data, seed, i));
    OVP_TRY(ovp_alloc(ctx, &trainees, lab->nets, sizeof *trainees));
    OVP_TRY(ovp_alloc(ctx, &jobs, lab->nets, sizeof *jobs));
    OVP_TRY(prepare_all(lab, &data, trainees, jobs, lab->seeds[seed]));
    status = study_train(lab->run, "training", jobs, lab->nets);
    end = finish_all(lab, &data, trainees, jobs, settings, lab->seeds[seed]); /* what an interruption left finished */
    if (status == OVP_OK) status = end;
done:
    for (ovp_idx i = 0; trainees && i < lab->nets; i++) trainee_free(ctx, &trainees[i]);
    for (ovp_idx i = 0; settings && i < lab->dim_count; i++) setting_free(ctx, &settings[i]);
    ovp_free(ctx, settings);
    ovp_free(ctx, trainees);
    ovp_free(ctx, jobs);
    linear_data_free(ctx, &data);
    return status;
}

/* ---- all ----------------------------------------------------------------------------------------- */

/* A list's i-th value, or its only one. */
static int64_t item(const ovp_params *p, const char *key, ovp_idx i) {
    ovp_idx count;
    const int64_t *list = ovp_params_ints(p, key, &count);
    return list[count == 1 ? 0 : i];
}

/* Losses kept: every `every` steps from the first on. */
static ovp_idx kept_points(ovp_idx longest, ovp_idx every) {
    return (longest - 1) / every + 1;
}

/* Numbers kept until the end: refused before the first step, not after hours. */
static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx dims, seeds, longest = 0;
    double nets = 0;
    (void)ovp_params_ints(p, "feature-dims", &dims);
    for (ovp_idx i = 0; i < dims; i++) {
        nets += (double)item(p, "members", i);
        if (item(p, "steps", i) > longest) longest = item(p, "steps", i);
    }
    OVP_TRY(study_seed_count(&seeds, ctx, &ovp_experiment_linear_features, p));
    const double points = (double)kept_points(longest, ovp_params_int(p, "record-every"));
    const double kept = nets * (double)seeds * (2 * points + 2 * LINEAR_MOVES + 3 * LINEAR_GRID);
    status = study_check_memory(ctx, 8 * (kept + nets * (double)longest),
                                "give a larger --record-every, fewer --steps or --members",
                                "linear-features: losses of %.0f nets a seed need", nets);
done:
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    static const char *const lists[] = {"steps", "members"};
    ovp_idx dims, count;
    ovp_status status = linear_check(ctx, &ovp_experiment_linear_features, p);
    (void)ovp_params_ints(p, "feature-dims", &dims);
    for (int i = 0; i < 2 && status == OVP_OK; i++) {
        (void)ovp_params_ints(p, lists[i], &count);
        if (count != 1 && count != dims)
            return ovp_fail(ctx, OVP_EINVAL, "--%s: %lld values for %lld --feature-dims; give one for all or one each",
                            lists[i], (long long)count, (long long)dims);
    }
    if (status == OVP_OK && ovp_params_int(p, "batch") > ovp_params_int(p, "n"))
        return ovp_fail(ctx, OVP_EINVAL, "--batch: %lld of %lld samples; allowed 0 (all) to --n",
                        (long long)ovp_params_int(p, "batch"), (long long)ovp_params_int(p, "n"));
    return status == OVP_OK ? check_memory(ctx, p) : status;
}

static ovp_status set_up(linear_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_params *p = lab->params;
    ovp_idx longest = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &lab->steps, lab->dim_count, sizeof *lab->steps));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->members, lab->dim_count, sizeof *lab->members));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->fourier, lab->dim_count, sizeof *lab->fourier));
    for (ovp_idx i = 0; i < lab->dim_count; i++) {
        lab->steps[i] = item(p, "steps", i);
        lab->members[i] = item(p, "members", i);
        lab->fourier[i] = (ovp_net_fourier){.frequency = ovp_params_real(p, "frequency"),
                                            .first = ovp_params_int(p, "first-frequency"),
                                            .count = lab->dims[i] / 2};
        lab->nets += lab->members[i];
        if (lab->steps[i] > longest) longest = lab->steps[i];
    }
    lab->every = ovp_params_int(p, "record-every");
    lab->points = kept_points(longest, lab->every);
    const ovp_idx rows = lab->nets * lab->seed_count, n = ovp_params_int(p, "n");
    OVP_TRY(ovp_alloc(lab->ctx, &lab->fits, rows, sizeof *lab->fits));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->step, lab->points, sizeof *lab->step));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->loss, 2 * rows * lab->points, sizeof *lab->loss));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->moves, 2 * rows * LINEAR_MOVES, sizeof *lab->moves));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->grid, (2 + 3 * rows) * LINEAR_GRID, sizeof *lab->grid));
    OVP_TRY(
        ovp_alloc(lab->ctx, &lab->eigenvalues, (lab->seed_count * lab->dim_count + 2) * n, sizeof *lab->eigenvalues));
    for (ovp_idx i = 0; i < lab->points; i++) lab->step[i] = (double)(i * lab->every + 1);
    lab->theory = lab->loss + rows * lab->points;
    lab->move_theory = lab->moves + rows * LINEAR_MOVES;
    lab->target = lab->grid + LINEAR_GRID;
    lab->start = lab->target + LINEAR_GRID;
    lab->end = lab->start + rows * LINEAR_GRID;
    lab->limit = lab->end + rows * LINEAR_GRID;
    lab->x = lab->eigenvalues + lab->seed_count * lab->dim_count * n;
    lab->y = lab->x + n;
done:
    return status;
}

static ovp_status describe(const linear_lab *lab) {
    const ovp_params *p = lab->params;
    json_t *about =
        json_pack("{s:{s:s, s:f, s:I, s:s, s:s}, s:{s:s, s:I, s:f, s:s}}", "model", "architecture",
                  "linear read-out with bias on sin(frequency k x), then cos(frequency k x), k rising", "frequency",
                  ovp_params_real(p, "frequency"), "first_frequency", (json_int_t)ovp_params_int(p, "first-frequency"),
                  "init", "torch-default", "names", "m<features>.seed<seed>.member<member>.0.<weight or bias>", "data",
                  "target", ovp_params_text(p, "target"), "n", (json_int_t)ovp_params_int(p, "n"), "noise",
                  ovp_params_real(p, "noise"), "inputs", "uniform on [-1, 1)");
    ovp_status status = about ? ovp_run_describe(lab->run, about)
                              : ovp_fail(lab->ctx, OVP_ENOMEM, "linear-features: out of memory for the description");
    json_decref(about);
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    linear_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.dims = ovp_params_ints(lab.params, "feature-dims", &lab.dim_count);
    lab.type = strcmp(ovp_params_text(lab.params, "precision"), "f32") == 0 ? OVP_F32 : OVP_F64;
    OVP_TRY(set_up(&lab));
    OVP_TRY(describe(&lab));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = one_seed(&lab, s);
    /* Also for the rows that were finished before an interruption. */
    end = linear_features_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    ovp_free(lab.ctx, lab.eigenvalues);
    ovp_free(lab.ctx, lab.grid);
    ovp_free(lab.ctx, lab.moves);
    ovp_free(lab.ctx, lab.loss);
    ovp_free(lab.ctx, lab.step);
    ovp_free(lab.ctx, lab.fits);
    ovp_free(lab.ctx, lab.fourier);
    ovp_free(lab.ctx, lab.members);
    ovp_free(lab.ctx, lab.steps);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Why do all losses start with a steep fall and end in a slow tail?",
     "Each direction u_i of data space learns at its own rate 2 lr lambda_i / n; the fall is the large eigenvalues, "
     "the "
     "tail the small ones (figure spectrum)."},
    {"Can 8 features fit 15 points?",
     "No: the Gram matrix has rank at most 8 (7 with k from 0, whose sine is 0 and whose cosine repeats the bias), the "
     "loss stops at limit_loss, the energy of the targets outside its range."},
    {"Why do 200 features need only 100 steps?", "Every added pair (sin, cos) adds 1 to each diagonal entry of the "
                                                 "Gram matrix; eigenvalues, and with them the rates, "
                                                 "grow with m."},
    {"Do ten initialisations end in the same function?",
     "On the data yes, between them no: with m > n the directions orthogonal to the data keep theta_0 (its null-space "
     "part never moves), which shows as the band of figure function-m100."},
    {"How far do the weights move?",
     "||theta - theta_0||^2 tends to sum_i c_i^2 / lambda_i: the nearest interpolator (limit_movement); more features, "
     "larger eigenvalues, a shorter way."},
    {"When does gradient descent diverge?",
     "When 2 lr lambda_1 / n > 2, that is lr > n / largest_eigenvalue; try --lr 10."},
    {"Does the published text's k from 1 matter?",
     "--first-frequency 1: the constant comes from the bias alone and the wasted zero feature is gone; rank m + 1 "
     "instead of m - 1."},
};

const ovp_experiment ovp_experiment_linear_features = {
    .id = "linear-features",
    .title = "Linear models on Fourier features",
    .claim =
        "Gradient descent on a linear model is solved exactly: each eigendirection of the Gram matrix learns at its "
        "own rate.",
    .formula = "r_t = sum_i c_i (1 - 2 lr lambda_i / n)^t u_i + r_perp; L_t = |r_t|^2 / n; ||theta_t - theta_0||^2 = "
               "sum_i c_i^2 (1 - (1 - 2 lr lambda_i / n)^t)^2 / lambda_i; K = Phi Phi^T + 1 = sum_i lambda_i u_i u_i^T",
    .source = "The lazy-training practical (linear features); Chizat, Oyallon and Bach 2019, On Lazy Training in "
              "Differentiable Programming; Jacot, Gabriel and Hongler 2018, Neural Tangent Kernel",
    .about =
        "A model f(x) = w . phi(x) + b with m fixed features phi(x) = (sin(frequency k x), cos(frequency k x)), k = 0 "
        ".. "
        "m/2 - 1, is trained by full-batch gradient descent on the mean squared error of n = 15 points of a piecewise "
        "linear target. In the lazy regime a neural net is such a model, its features the gradients at "
        "initialisation: everything seen here is what a very wide net would do.\n\n"
        "What theory says. With the residual r = Phi w + b - y a step is r <- (I - (2 lr / n) K) r, K = Phi Phi^T + 1 "
        "(the 1 is the bias's feature). In K's eigenbasis coordinate i is multiplied by 1 - 2 lr lambda_i / n at "
        "each step and nothing mixes; the part of the residual outside K's range never moves. The loss is the mean of "
        "the squares. This is a theorem, so the run checks itself: |sqrt(L) - sqrt(L_theory)| <= tol sqrt(L_0) at "
        "every "
        "step, tol 3e-6 in f32 and 1e-13 in f64, from the very theta_0 and the very (rounded) features of the net. "
        "Nets "
        "with 2 lr lambda_1 / n > 2 blow up, rounding errors with them: theory says when, and they are left out of "
        "the verdict. The eigenvalues are squares of the singular values of (Phi, 1), which keeps the digits of the "
        "small ones.\n\n"
        "Where it ends. With lambda_i > 0 for all i the loss goes to 0 and theta to the interpolator nearest to "
        "theta_0: theta_0 plus the minimum-norm solution of the remaining problem. How near it came shows in "
        "movement against limit_movement.\n\n"
        "Order of the features: all sines, then all cosines, each for k rising; torch's draws fill the weights in this "
        "order. The published order within a pair cannot be known; since the draws are independent and alike, it does "
        "not change the distribution. Order of the draws (--rng torch): the nets of the first dimension, weight then "
        "bias each, then the second's, ...; data come from numpy's stream of the data seed, point by point one uniform "
        "and one normal. --steps and --members take one number for all dimensions or a list as long as "
        "--feature-dims; the preset paper is m = 8 for 10,000 steps, m = 200 for 100, ten nets of m = 100 for "
        "10,000.\n\n"
        "How to read the figures. Loss: medians over seeds and members, bands from lowest to highest, dashed the "
        "exact solution. Spectrum: eigenvalues in descending order; above the upper line gradient descent "
        "diverges, below a lower one (of the same colour) a mode is not learned within the run. Movement: points "
        "measured, dashed theory. Functions: first seed, all members.",
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
