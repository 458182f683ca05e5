/* lazy-scaling: a net multiplied by alpha is lazy: the larger alpha, the less its weights move and the closer it stays
 * to its linearisation, while its outputs do as much. */
#include "lazy_scaling_int.h"

#include <overparam/data.h>
#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"alphas", OVP_PARAM_REAL_LIST, "1,100,1000", 1e-6, 1e9, NULL, "",
     "Scales of the net, in the order of its draws; all different."},
    {"width", OVP_PARAM_INT, "8", 1, 1024, NULL, "units", "Width of each of the five hidden layers."},
    {"activation", OVP_PARAM_TEXT, "relu", 0, 0, NULL, "", "Activation of the hidden layers."},
    {"target", OVP_PARAM_CHOICE, "middle", 0, 0, "simple|middle|complex", "", "Function behind the data (lazy-1d)."},
    {"n", OVP_PARAM_INT, "10", 1, 2000, NULL, "samples", "Data points, x uniform in [-1, 1], without noise."},
    {"steps", OVP_PARAM_INT, "10000", 1, 1e7, NULL, "steps", "Full-batch updates of each net."},
    {"lr", OVP_PARAM_REAL, "0.01", 1e-30, 1e6, NULL, "", "Learning rate; the net of scale alpha takes lr / alpha^2."},
    {"warm-up-steps", OVP_PARAM_INT, "10000", 0, 1e7, NULL, "steps",
     "Updates that the last alpha's net makes before all others begin, at --warm-up-lr; it goes on from there."},
    {"warm-up-lr", OVP_PARAM_REAL, "0.1", 1e-30, 1e6, NULL, "", "Learning rate of the warm-up, over alpha^2 too."},
    {"same-start", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",
     "Whether the nets of one seed start from the same weights; no: drawn one after another."},
    {"fit-from", OVP_PARAM_REAL, "10", 0, 1e9, NULL, "", "Exponents are fitted over alphas of at least this."},
    {"points", OVP_PARAM_INT, "2001", 2, 1e6, NULL, "points",
     "Even points of [-1, 1] on which functions are compared and kept."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "a few seconds: five seeds, 3000 steps, double precision",
     "alphas=1,10,30,100,300,1000;steps=3000;warm-up-steps=0;precision=f64;same-start=yes;seeds=1..5"},
    {"default", "about 10 seconds on two cores: eight seeds, six scales, double precision",
     "alphas=1,10,30,100,300,1000;warm-up-steps=0;precision=f64;same-start=yes;seeds=1..8"},
    {"paper", "the published notebook: three scales, single precision, its warm-up; torch's and numpy's streams",
     "rng=torch"},
};

static const ovp_store_column scale_columns[] = {
    {"alpha", "", "scale of the net"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "0.. for nets of one scale and seed drawn one after another"},
    {"final_loss", "", "mean squared error of alpha (f - f_0) after the last update"},
    {"movement_all", "", "||theta - theta_0|| / ||theta_0|| of the whole vector"},
    {"linearisation_gap", "", "||f - f_lin|| / ||f|| of the scaled functions on the points"},
    {"gap_on_data", "", "the same on the data points"},
    {"linear_loss", "", "mean squared error of the linearisation after as many updates"},
    {"limit_loss", "", "that of the linearisation computed exactly through its kernel"},
    {"movement_theory", "", "movement of the linearisation: (1/alpha) ||J^T a|| / ||theta_0||"},
    {"deviation", "", "largest difference of sqrt(loss) between linearisation and kernel, in units of its tolerance"},
    {"status", "", "ok, or diverged: a loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"alpha", "", "scale of the net"},
    {"measure", "", "column of table scales"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column exponent_columns[] = {
    {"seed", "", "seed of the initialisation"},
    {"movement", "", "least-squares slope of log movement_all against log alpha, from --fit-from on"},
    {"gap", "", "the same of linearisation_gap"},
};
static const ovp_store_column timing_columns[] = {
    {"alpha", "", "scale of the net"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "as in table scales"},
    {"seconds", "s", "training of the net and its measures"},
    {"seconds_linear", "s", "the same of its linearisation"},
};
static const ovp_experiment_table tables[] = {
    {"scales", "One row a trained net.", scale_columns, COUNT(scale_columns), 0},
    {"scales-summary", "Means over seeds.", summary_columns, COUNT(summary_columns), 0},
    {"exponents", "Fitted exponents of each seed.", exponent_columns, COUNT(exponent_columns), 0},
    {"timings", "Time of each net.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- one seed: its data, its nets ---------------------------------------------------------------- */

/* What is measured of a net at the end of its training, on the worker that trains it: a cancellation comes too late for
 * it. */
typedef struct finish {
    const lazy_scaling_lab *lab;
    const study_net *net;
    const void *x, *grid;      /* of the nets' type */
    double *on_data, *on_grid; /* n and points values; NaN until measured */
    double movement;
    int measured;
} finish;

typedef struct pair {         /* one alpha's */
    study_net scaled, linear; /* linear.base borrows scaled.base */
    lazy_scaling_limit limit;
    finish scaled_end, linear_end;
} pair;

typedef struct seed_lab {
    lazy_scaling_lab *lab;
    int64_t seed;
    ovp_idx index;      /* of the seed */
    void *x, *y, *grid; /* of the nets' type */
    ovp_net_targets targets;
    pair *pairs;
    study_job *jobs;       /* 2 a pair */
    double *linear_losses; /* alphas x steps */
    double *on_data;       /* outputs on the data: 2 a pair */
    const double *zeros;   /* n of them: the outputs at the start */
} seed_lab;

static ovp_status at_end(void *user, ovp_ctx *ctx, ovp_idx done) {
    finish *f = user;
    ovp_status status = OVP_OK;
    ovp_measure_movement movement;
    if (done < f->lab->steps) return OVP_OK;
    OVP_TRY(ovp_measure_weight_movement(&movement, ctx, f->net->model, f->net->theta0, f->net->theta));
    f->movement = movement.l2_ratio;
    OVP_TRY(study_net_outputs(f->net, ctx, f->net->theta, f->x, f->lab->n, f->on_data));
    OVP_TRY(study_net_outputs(f->net, ctx, f->net->theta, f->grid, f->lab->points, f->on_grid));
    f->measured = 1;
done:
    return status;
}

static double value_at(const lazy_scaling_lab *lab, const void *values, ovp_idx i) {
    return lab->type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

/* One uniform and one normal a point, from numpy's stream under --rng torch. */
static ovp_status draw_data(seed_lab *s) {
    lazy_scaling_lab *lab = s->lab;
    ovp_status status = OVP_OK;
    const int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    const size_t bytes = (size_t)lab->n * ovp_numeric_type_size(lab->type);
    ovp_numeric_rng *rng = NULL;
    ovp_data_synthetic_options options;
    ovp_data_synthetic_set set = {.info = NULL};
    const char *target = ovp_params_text(lab->params, "target");
    OVP_TRY(ovp_numeric_rng_create(&rng, lab->ctx, torch ? OVP_RNG_NUMPY : OVP_RNG_PHILOX,
                                   ovp_run_data_seed(lab->run, s->seed), OVP_PURPOSE_DATA, 0));
    OVP_TRY(ovp_data_synthetic_defaults(&options, lab->ctx, target));
    options.rng = rng;
    options.type = lab->type;
    options.train = lab->n;
    OVP_TRY(ovp_data_synthetic(&set, lab->ctx, target, &options));
    memcpy(s->x, set.x.data, bytes);
    memcpy(s->y, set.y.data, bytes);
    for (ovp_idx i = 0; i < lab->n; i++) {
        lab->x[s->index * lab->n + i] = value_at(lab, s->x, i);
        lab->y[s->index * lab->n + i] = value_at(lab, s->y, i);
    }
done:
    ovp_data_synthetic_free(lab->ctx, &set);
    ovp_numeric_rng_free(rng);
    return status;
}

/* The exact linear training that belongs to the net. */
static ovp_status make_limit(seed_lab *s, pair *p) {
    lazy_scaling_lab *lab = s->lab;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    const ovp_net_model *base = p->scaled.base;
    const ovp_idx values = lab->n * ovp_net_model_parameters(base);
    ovp_net_workspace *workspace = NULL;
    ovp_net_batch *batch = NULL;
    double *wide = NULL;
    void *rows = NULL;
    OVP_TRY(ovp_net_workspace_create(&workspace, ctx, base, lab->n));
    OVP_TRY(ovp_net_bind(&batch, ctx, base, s->x, lab->n));
    OVP_TRY(ovp_alloc(ctx, &rows, values, ovp_numeric_type_size(lab->type)));
    OVP_TRY(ovp_alloc(ctx, &wide, values, sizeof *wide));
    OVP_TRY(ovp_net_jacobian(workspace, batch, p->scaled.theta0, 0, lab->n, rows));
    for (ovp_idx i = 0; i < values; i++) wide[i] = value_at(lab, rows, i);
    OVP_TRY(lazy_scaling_limit_create(&p->limit, ctx, lab->n, ovp_net_model_parameters(base), wide,
                                      lab->y + s->index * lab->n));
done:
    ovp_free(ctx, wide);
    ovp_free(ctx, rows);
    ovp_net_batch_free(batch);
    ovp_net_workspace_free(workspace);
    return status;
}

/* alpha (f - f_0), and alpha (f_lin - f_0) of the linearisation f_lin of f at theta_0, from the same weights. */
static ovp_status make_pair(seed_lab *s, ovp_idx at, ovp_numeric_rng *rng) {
    lazy_scaling_lab *lab = s->lab;
    ovp_ctx *ctx = lab->ctx;
    pair *p = &s->pairs[at];
    ovp_status status = OVP_OK;
    const ovp_idx w = ovp_params_int(lab->params, "width"), widths[] = {1, w, w, w, w, w, 1};
    const ovp_idx row = s->index * lab->alpha_count + at;
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = 6,
                                           .widths = widths,
                                           .activation = ovp_params_text(lab->params, "activation"),
                                           .type = lab->type,
                                           .engine = ovp_params_text(lab->params, "engine")};
    const size_t bytes = ovp_numeric_type_size(lab->type);
    OVP_TRY(study_net_create(&p->scaled, ctx, &options, "torch-default", 0, rng));
    const ovp_idx parameters = ovp_net_model_parameters(p->scaled.model);
    OVP_TRY(study_net_outputs(&p->scaled, ctx, p->scaled.theta0, s->grid, lab->points, lab->start + row * lab->points));
    p->scaled.base = p->scaled.model;
    p->scaled.model = NULL;
    OVP_TRY(ovp_net_scaled_create(&p->scaled.model, ctx, p->scaled.base, lab->alphas[at], p->scaled.theta0));
    OVP_TRY(ovp_net_linearised_create(&p->linear.base, ctx, p->scaled.base, p->scaled.theta0));
    OVP_TRY(ovp_net_scaled_create(&p->linear.model, ctx, p->linear.base, lab->alphas[at], p->scaled.theta0));
    OVP_TRY(ovp_alloc(ctx, &p->linear.theta, parameters, bytes));
    OVP_TRY(ovp_alloc(ctx, &p->linear.theta0, parameters, bytes));
    memcpy(p->linear.theta, p->scaled.theta0, (size_t)parameters * bytes);
    study_net_mark(&p->linear);
    OVP_TRY(make_limit(s, p));
    p->scaled_end = (finish){
        lab, &p->scaled, s->x, s->grid, s->on_data + 2 * at * lab->n, lab->scaled_end + row * lab->points, NAN, 0};
    p->linear_end = (finish){
        lab, &p->linear, s->x, s->grid, s->on_data + (2 * at + 1) * lab->n, lab->linear_end + row * lab->points,
        NAN, 0};
done:
    return status;
}

/* torch: one stream over all alphas, or begun again for each; philox: a stream a net. */
static ovp_status make_nets(seed_lab *s) {
    lazy_scaling_lab *lab = s->lab;
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    const int same = ovp_params_bool(lab->params, "same-start");
    const int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    for (ovp_idx i = 0; i < lab->alpha_count; i++) {
        if (same || !torch || i == 0) {
            ovp_numeric_rng_free(rng);
            rng = NULL;
            OVP_TRY(study_stream(&rng, lab->run, s->seed, OVP_PURPOSE_INIT, same ? 0 : (uint64_t)i));
        }
        OVP_TRY(make_pair(s, i, rng));
    }
done:
    ovp_numeric_rng_free(rng);
    return status;
}

/* Trainers of a pair at lr / alpha^2 and its two jobs. */
static ovp_status prepare(seed_lab *s, ovp_idx at, double lr, ovp_idx steps, study_job jobs[2]) {
    lazy_scaling_lab *lab = s->lab;
    pair *p = &s->pairs[at];
    ovp_status status = OVP_OK;
    const ovp_train_options options = {.size = sizeof options, .lr = lr / (lab->alphas[at] * lab->alphas[at])};
    OVP_TRY(study_net_train(&p->scaled, lab->ctx, s->x, lab->n, &s->targets, &options));
    OVP_TRY(study_net_train(&p->linear, lab->ctx, s->x, lab->n, &s->targets, &options));
    jobs[0] = (study_job){.net = &p->scaled, .steps = steps};
    jobs[1] = (study_job){.net = &p->linear, .steps = steps};
done:
    return status;
}

static ovp_status warm_up(seed_lab *s) {
    lazy_scaling_lab *lab = s->lab;
    ovp_status status = OVP_OK;
    const ovp_idx last = lab->alpha_count - 1;
    char stage[64];
    study_job jobs[2];
    if (lab->warm_up == 0) return OVP_OK;
    snprintf(stage, sizeof stage, "warm-up, seed %lld", (long long)s->seed);
    OVP_TRY(prepare(s, last, lab->warm_up_lr, lab->warm_up, jobs));
    jobs[0].losses = lab->warm_losses + s->index * lab->warm_up;
    OVP_TRY(study_train(lab->run, stage, jobs, 2));
    lazy_scaling_limit_train(&s->pairs[last].limit, lab->warm_up_lr, lab->warm_up, NULL);
    if (jobs[0].diverged_at)
        OVP_TRY(ovp_run_warning(lab->run,
                                "seed %lld: the warm-up diverged at step %lld; a smaller --warm-up-lr trains it",
                                (long long)s->seed, (long long)jobs[0].diverged_at));
done:
    return status;
}

/* ---- a row --------------------------------------------------------------------------------------- */

/* What rounding makes of the linearisation: theta, of norm ||theta_0||, is rounded at each step and the error comes out
 * times alpha; the errors of the steps add up as in a walk, and against its drift when updates fall below half a unit.
 */
static double tolerance(const lazy_scaling_lab *lab, double alpha) {
    const double eps = lab->type == OVP_F32 ? 0x1p-24 : 0x1p-53;
    return 4 * eps * (1 + alpha) * sqrt((double)(lab->steps + lab->warm_up));
}

/* Largest |sqrt(linear) - sqrt(limit)| over the steps, in units of the tolerance; relative to the loss at the start. */
static double deviation(const lazy_scaling_lab *lab, double alpha, const double *linear, const double *limit,
                        double initial) {
    double worst = 0;
    for (ovp_idx k = 0; k < lab->steps && isfinite(linear[k]) && isfinite(limit[k]); k++) {
        const double size = fmax(sqrt(initial), sqrt(limit[k]));
        worst = fmax(worst, fabs(sqrt(linear[k]) - sqrt(limit[k])) / size);
    }
    return worst / tolerance(lab, alpha);
}

static double gap(ovp_idx count, const double *f, const double *f_lin) {
    double difference = 0, size = 0;
    for (ovp_idx i = 0; i < count; i++) {
        difference += (f[i] - f_lin[i]) * (f[i] - f_lin[i]);
        size += f[i] * f[i];
    }
    return sqrt(difference) / sqrt(size);
}

static double norm(const lazy_scaling_lab *lab, ovp_idx count, const void *values) {
    double sum = 0;
    for (ovp_idx i = 0; i < count; i++) sum += value_at(lab, values, i) * value_at(lab, values, i);
    return sqrt(sum);
}

static double mean_square(ovp_idx count, const double *f, const double *y) {
    double sum = 0;
    for (ovp_idx i = 0; i < count; i++) sum += (f[i] - y[i]) * (f[i] - y[i]);
    return sum / (double)count;
}

static ovp_status report(lazy_scaling_lab *lab, const lazy_scaling_row *row) {
    ovp_status status = OVP_OK;
    const ovp_store_cell cells[COUNT(scale_columns)] = {
        ovp_cell_real(row->alpha),
        ovp_cell_int(row->seed),
        ovp_cell_int(0),
        ovp_cell_real(row->final_loss),
        ovp_cell_real(row->movement),
        ovp_cell_real(row->gap),
        ovp_cell_real(row->gap_train),
        ovp_cell_real(row->linear_loss),
        ovp_cell_real(row->limit_loss),
        ovp_cell_real(row->movement_theory),
        ovp_cell_real(row->deviation),
        ovp_cell_text(row->diverged_at ? "diverged" : "ok"),
        row->diverged_at ? ovp_cell_int(row->diverged_at) : ovp_cell_null(),
    };
    const ovp_store_cell times[COUNT(timing_columns)] = {ovp_cell_real(row->alpha), ovp_cell_int(row->seed),
                                                         ovp_cell_int(0), ovp_cell_real(row->seconds),
                                                         ovp_cell_real(row->seconds_linear)};
    OVP_TRY(ovp_run_row(lab->run, "scales", cells));
    OVP_TRY(ovp_run_row(lab->run, "timings", times));
    if (row->diverged_at)
        OVP_TRY(ovp_run_warning(lab->run, "alpha %g, seed %lld diverged at step %lld; a smaller --lr trains it",
                                row->alpha, (long long)row->seed, (long long)row->diverged_at));
done:
    return status;
}

/* What was written at a slot moves up to the row's place: after an interruption slots before it may be empty. */
static void settle(lazy_scaling_lab *lab, ovp_idx slot) {
    struct {
        double *values;
        ovp_idx cols;
    } all[] = {{lab->losses, lab->steps}, {lab->limits, lab->steps},      {lab->start, lab->points},
               {lab->end, lab->points},   {lab->scaled_end, lab->points}, {lab->linear_end, lab->points}};
    for (ovp_idx i = 0; i < COUNT(all) && slot > lab->count; i++)
        memcpy(all[i].values + lab->count * all[i].cols, all[i].values + slot * all[i].cols,
               (size_t)all[i].cols * sizeof(double));
}

/* Row of a pair whose two jobs came to their ends. linear: losses of the linearisation. */
static ovp_status finish_pair(seed_lab *s, ovp_idx at, const study_job jobs[2], const double *linear) {
    lazy_scaling_lab *lab = s->lab;
    pair *p = &s->pairs[at];
    const finish *net = &p->scaled_end, *line = &p->linear_end;
    ovp_status status = OVP_OK;
    const double *y = lab->y + s->index * lab->n, alpha = lab->alphas[at];
    const ovp_idx slot = s->index * lab->alpha_count + at;
    const int both = net->measured && line->measured;
    char prefix[96];
    if (!(net->measured || jobs[0].diverged_at) || !(line->measured || jobs[1].diverged_at))
        return OVP_OK; /* interrupted */
    double *limits = lab->limits + slot * lab->steps, *end = lab->end + slot * lab->points;
    const double initial = mean_square(lab->n, s->zeros, y);
    lazy_scaling_limit_train(&p->limit, lab->lr, lab->steps, limits);
    const double moved = lazy_scaling_limit_movement(&p->limit) / alpha;
    lazy_scaling_row row = {.alpha = alpha,
                            .seed = s->seed,
                            .final_loss = net->measured ? mean_square(lab->n, net->on_data, y) : (double)NAN,
                            .linear_loss = line->measured ? mean_square(lab->n, line->on_data, y) : (double)NAN,
                            .limit_loss = lazy_scaling_limit_loss(&p->limit),
                            .movement = net->movement,
                            .movement_theory =
                                moved / norm(lab, ovp_net_model_parameters(p->scaled.base), p->scaled.theta0),
                            .gap = both ? gap(lab->points, net->on_grid, line->on_grid) : (double)NAN,
                            .gap_train = both ? gap(lab->n, net->on_data, line->on_data) : (double)NAN,
                            .deviation = deviation(lab, alpha, linear, limits, initial),
                            .diverged_at = jobs[0].diverged_at,
                            .seconds = jobs[0].seconds,
                            .seconds_linear = jobs[1].seconds};
    for (ovp_idx i = 0; i < lab->points; i++) end[i] = lab->start[slot * lab->points + i] + net->on_grid[i] / alpha;
    snprintf(prefix, sizeof prefix, "alpha%g.seed%lld.member0", alpha, (long long)s->seed);
    if (net->measured) OVP_TRY(study_keep_weights(lab->run, prefix, p->scaled.base, p->scaled.theta));
    OVP_TRY(report(lab, &row));
    settle(lab, slot);
    lab->rows[lab->count++] = row;
done:
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static void free_seed(seed_lab *s) {
    ovp_ctx *ctx = s->lab->ctx;
    for (ovp_idx i = 0; s->pairs && i < s->lab->alpha_count; i++) {
        study_net_free(ctx, &s->pairs[i].linear);
        study_net_free(ctx, &s->pairs[i].scaled);
        lazy_scaling_limit_free(ctx, &s->pairs[i].limit);
    }
    ovp_free(ctx, s->on_data);
    ovp_free(ctx, s->linear_losses);
    ovp_free(ctx, s->jobs);
    ovp_free(ctx, s->pairs);
    ovp_free(ctx, s->grid);
    ovp_free(ctx, s->y);
    ovp_free(ctx, s->x);
}

static ovp_status make_seed(seed_lab *s) {
    lazy_scaling_lab *lab = s->lab;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    const size_t bytes = ovp_numeric_type_size(lab->type);
    const ovp_idx a = lab->alpha_count, slot = s->index * a;
    OVP_TRY(ovp_alloc(ctx, &s->x, lab->n, bytes));
    OVP_TRY(ovp_alloc(ctx, &s->y, lab->n, bytes));
    OVP_TRY(ovp_alloc(ctx, &s->grid, lab->points, bytes));
    OVP_TRY(ovp_alloc(ctx, &s->pairs, a, sizeof *s->pairs));
    OVP_TRY(ovp_alloc(ctx, &s->jobs, 2 * a, sizeof *s->jobs));
    OVP_TRY(ovp_alloc(ctx, &s->linear_losses, a * lab->steps, sizeof *s->linear_losses));
    OVP_TRY(ovp_alloc(ctx, &s->on_data, (2 * a + 1) * lab->n, sizeof *s->on_data));
    s->zeros = s->on_data + 2 * a * lab->n;
    for (ovp_idx i = 0; i < lab->points; i++) {
        if (lab->type == OVP_F32)
            ((float *)s->grid)[i] = (float)lab->grid[i];
        else
            ((double *)s->grid)[i] = lab->grid[i];
    }
    for (ovp_idx i = slot * lab->points; i < (slot + a) * lab->points; i++)
        lab->scaled_end[i] = lab->linear_end[i] = NAN;
    s->targets = (ovp_net_targets){.loss = OVP_LOSS_MSE, .reduction = OVP_REDUCE_MEAN, .values = s->y};
    OVP_TRY(draw_data(s));
    OVP_TRY(make_nets(s));
done:
    return status;
}

/* Rows of what was trained to its end are kept after an interruption too. */
static ovp_status one_seed(lazy_scaling_lab *lab, ovp_idx index) {
    seed_lab s = {.lab = lab, .seed = lab->seeds[index], .index = index};
    ovp_status status = OVP_OK, trained;
    char stage[64];
    OVP_TRY(make_seed(&s));
    OVP_TRY(warm_up(&s));
    for (ovp_idx i = 0; i < lab->alpha_count; i++) {
        pair *p = &s.pairs[i];
        study_job *jobs = s.jobs + 2 * i;
        OVP_TRY(prepare(&s, i, lab->lr, lab->steps, jobs));
        jobs[0].losses = lab->losses + (index * lab->alpha_count + i) * lab->steps;
        jobs[1].losses = s.linear_losses + i * lab->steps;
        jobs[0].watch = jobs[1].watch = at_end;
        jobs[0].every = jobs[1].every = lab->steps;
        jobs[0].user = &p->scaled_end;
        jobs[1].user = &p->linear_end;
    }
    snprintf(stage, sizeof stage, "seed %lld", (long long)s.seed);
    trained = study_train(lab->run, stage, s.jobs, 2 * lab->alpha_count);
    for (ovp_idx i = 0; i < lab->alpha_count; i++)
        OVP_TRY(finish_pair(&s, i, s.jobs + 2 * i, s.linear_losses + i * lab->steps));
    status = trained;
done:
    free_seed(&s);
    return status;
}

static ovp_status make_lab(lazy_scaling_lab *lab) {
    const ovp_idx rows = lab->seed_count * lab->alpha_count;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &lab->rows, rows, sizeof *lab->rows));
    OVP_TRY(ovp_alloc(ctx, &lab->losses, rows * lab->steps, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->limits, rows * lab->steps, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->warm_losses, lab->seed_count * lab->warm_up, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->start, rows * lab->points, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->end, rows * lab->points, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->scaled_end, rows * lab->points, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->linear_end, rows * lab->points, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->x, lab->seed_count * lab->n, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->y, lab->seed_count * lab->n, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->grid, lab->points, sizeof(double)));
    for (ovp_idx i = 0; i < lab->points; i++) lab->grid[i] = -1 + 2 * (double)i / (double)(lab->points - 1);
done:
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    lazy_scaling_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    const ovp_params *p = lab.params;
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.alphas = ovp_params_reals(p, "alphas", &lab.alpha_count);
    lab.type = strcmp(ovp_params_text(p, "precision"), "f64") == 0 ? OVP_F64 : OVP_F32;
    lab.steps = ovp_params_int(p, "steps");
    lab.warm_up = ovp_params_int(p, "warm-up-steps");
    lab.n = ovp_params_int(p, "n");
    lab.points = ovp_params_int(p, "points");
    lab.lr = ovp_params_real(p, "lr");
    lab.warm_up_lr = ovp_params_real(p, "warm-up-lr");
    OVP_TRY(make_lab(&lab));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = one_seed(&lab, s);
    end = lazy_scaling_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    ovp_free(lab.ctx, lab.grid);
    ovp_free(lab.ctx, lab.y);
    ovp_free(lab.ctx, lab.x);
    ovp_free(lab.ctx, lab.linear_end);
    ovp_free(lab.ctx, lab.scaled_end);
    ovp_free(lab.ctx, lab.end);
    ovp_free(lab.ctx, lab.start);
    ovp_free(lab.ctx, lab.warm_losses);
    ovp_free(lab.ctx, lab.limits);
    ovp_free(lab.ctx, lab.losses);
    ovp_free(lab.ctx, lab.rows);
    return status;
}

/* Bytes of losses and functions, and of the Jacobians of one seed's nets. */
static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *p, ovp_idx seeds, ovp_idx alphas) {
    char need_text[32], have_text[32];
    const double w = (double)ovp_params_int(p, "width"), n = (double)ovp_params_int(p, "n");
    const double steps = (double)ovp_params_int(p, "steps") + (double)ovp_params_int(p, "warm-up-steps");
    const double rows = (double)seeds * (double)alphas, parameters = 4 * w * (w + 1) + 4 * w;
    const double need = 8 * (rows * (3 * steps + 4 * (double)ovp_params_int(p, "points")) + 2 * n * parameters +
                             12 * (double)alphas * parameters);
    const double have = (double)ovp_experiment_memory_available();
    if (!(have > 0) || need <= have) return OVP_OK;
    ovp_experiment_short(need_text, need / 0x1p30);
    ovp_experiment_short(have_text, have / 0x1p30);
    return ovp_fail(
        ctx, OVP_EINVAL,
        "lazy-scaling needs about %s GiB and %s GiB are available; give fewer --steps, --seeds, --points or "
        "a smaller --width",
        need_text, have_text);
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx alphas, seeds;
    const double *alpha = ovp_params_reals(p, "alphas", &alphas);
    int64_t *seed = NULL;
    const char *activation = ovp_params_text(p, "activation");
    if (strcmp(ovp_params_text(p, "rng"), "numpy") == 0)
        return ovp_fail(
            ctx, OVP_EINVAL,
            "--rng numpy: the nets of lazy-scaling are torch's; use torch (its data are numpy's) or philox");
    if (!ovp_numeric_activation_find(activation))
        return ovp_fail(ctx, OVP_EINVAL, "--activation %s: unknown; see `overparam info lazy-scaling`", activation);
    for (ovp_idx i = 0; i < alphas; i++)
        for (ovp_idx k = 0; k < i; k++)
            if (alpha[i] <= alpha[k] && alpha[i] >= alpha[k])
                return ovp_fail(ctx, OVP_EINVAL, "--alphas: %g stands there twice; give each scale once", alpha[i]);
    OVP_TRY(ovp_experiment_seeds(&seed, &seeds, ctx, &ovp_experiment_lazy_scaling, p));
    OVP_TRY(check_memory(ctx, p, seeds, alphas));
done:
    ovp_free(ctx, seed);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Is a lazy net one that learns nothing?",
     "No: final_loss stays of one size as alpha grows (table scales, figure loss), while movement_all falls as "
     "1/alpha; "
     "alpha (f - f_0) does with small steps in theta what f does with large ones."},
    {"Why is the learning rate divided by alpha^2?",
     "The gradient of the loss is alpha J^T r, and outputs move by alpha J d theta: a step changes them by alpha^2 lr "
     "Theta r, so lr / alpha^2 gives every alpha the same training in function space."},
    {"Why does the movement fall as 1/alpha?",
     "In the limit theta_T - theta_0 = J^T a / alpha, and a does not know alpha (column movement_theory, first "
     "verdict)."},
    {"How fast does the net approach its linearisation?",
     "As 1/alpha where f is smooth in theta; a kink of ReLU crosses a fraction 1/alpha of the line, on which the "
     "difference does not fall, so the root mean square falls as alpha^(-1/2) (second verdict; --activation tanh shows "
     "-1)."},
    {"Is lazy training as good?",
     "On these data no: the net of the smallest alpha, which moves its features, reaches a lower loss in as many steps "
     "(last verdict); its lazy limit is a kernel method with slow directions."},
    {"What does the warm-up of the notebook do?",
     "It gives the last alpha ten times the learning rate for as many steps; the main training goes on from those "
     "weights, f_0 and theta_0 stay those of the start. Without --warm-up-steps all alphas are treated alike."},
    {"Why double precision?",
     "At alpha = 1000 an update of single precision is often below half a unit of theta's last place, and rounding, "
     "times alpha, shows in the gap: compare --precision f32."},
};

const ovp_experiment ovp_experiment_lazy_scaling = {
    .id = "lazy-scaling",
    .title = "Scale makes a net lazy",
    .claim = "Multiplying a net by alpha makes its training lazy: weights move as 1/alpha and the net approaches its "
             "linearisation, while its outputs travel as far.",
    .formula = "F = alpha (f(theta) - f(theta_0)), lr / alpha^2: ||theta_T - theta_0|| -> ||J^T a|| / alpha, "
               "||F - F_lin|| / ||F|| ~ 1/alpha (smooth), alpha^(-1/2) (ReLU, mean square over x)",
    .source =
        "Lazy-training practical, part on scaling (paper preset); Chizat, Oyallon and Bach 2019, On Lazy Training "
        "in Differentiable Programming, https://arxiv.org/abs/1812.07956",
    .about =
        "A net f with five hidden layers of 8 units (1-8-8-8-8-8-1, ReLU, biases, PyTorch's default initialisation) "
        "is replaced by F = alpha (f(theta) - f(theta_0)), which is 0 at the start, and trained by full-batch "
        "gradient descent on the mean squared error over 10 points of a one-dimensional target, at learning rate "
        "0.01 / alpha^2. Beside each net its linearisation alpha J (theta - theta_0), J the Jacobian of f at "
        "theta_0, is trained from the same weights with the same steps.\n\n"
        "What theory says. The outputs must move by O(1), and moving theta by d changes them by alpha J d: a change "
        "of order 1/alpha is enough. Over such a distance J changes by order 1/alpha only, so for large alpha "
        "nothing but J counts: training is that of the linear model, a kernel method with Theta = J J^T. With theta "
        "- theta_0 = J^T a / alpha a step of the linear model is a -= (2 lr / n) (Theta a - y), which does not "
        "contain alpha: the loss curve has a limit (dashed in the first figure, computed exactly), and the movement "
        "is ||J^T a|| / alpha (movement_theory). The gap to the linearisation is of second order in the movement, "
        "alpha ||d||^2 ~ 1/alpha, where f is smooth in theta. With ReLU a unit changes side on the part of the line "
        "that its kink has crossed, a fraction of order 1/alpha; there the two functions differ by a relative "
        "amount that does not fall, and the root mean square over x falls as alpha^(-1/2) only. Nets whose start is "
        "poor (a kernel with tiny eigenvalues, all but constant) reach the limit late: seeds differ much, which the "
        "intervals show.\n\n"
        "Streams. --rng torch: the nets are drawn one after another in the order of --alphas from one torch stream "
        "of the seed (with --same-start yes: the same weights for all), the data point by point from numpy's stream "
        "of the data seed (one uniform, one normal). The published notebook first trains the net of its last alpha "
        "for 10,000 steps at 0.1 / alpha^2. What carries over is that net's weights: its training proper begins "
        "where the warm-up ended, while f(theta_0), theta_0 in the movement and the linearisation stay those of the "
        "initialisation; gradient descent has no other state, and no random number is drawn. Its linearisation is "
        "warmed up in the same way. The other presets do without.\n\n"
        "How to read the figures. Loss: median over seeds with the band from lowest to highest, one colour an "
        "alpha; dashed: the exact lazy limit. Functions: the first seed, one panel an alpha: data, F and its "
        "linearisation (dashed), and the base net before and after. Movement and gap: means with 95 % intervals, "
        "fitted power, and the predicted one through the same points; only alphas from --fit-from on are fitted.",
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
