/* lazy-scaling: the nets of one seed, trained beside their linearisations. */
#include "lazy_scaling_int.h"

#include <overparam/data.h>
#include <stdio.h>
#include <string.h>

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
    OVP_TRY(lazy_scaling_report(lab, &row));
    settle(lab, slot);
    lab->rows[lab->count++] = row;
done:
    return status;
}

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

ovp_status lazy_scaling_one_seed(lazy_scaling_lab *lab, ovp_idx index) {
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
