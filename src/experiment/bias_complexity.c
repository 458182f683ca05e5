/* bias-complexity: fits of growing dimension by gradient descent and by the minimum-norm solution, and their risk.
 * The lazy-training practical; Belkin et al. 2019 for the peak at the interpolation threshold. */
#include "bias_complexity_int.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|pi|paper", "f32"),
    {"feature-dims", OVP_PARAM_INT_LIST, "lin:2:198:99", 2, 20000, NULL, "features",
     "Numbers m of features, half of them sines, half cosines, ascending."},
    {"frequency", OVP_PARAM_REAL, "0.6283185307179586", 1e-6, 1e6, NULL, "",
     "Feature k is sin or cos of (frequency k x), k from 0; 0.6283185307179586 is pi/5, 3.141592653589793 is pi."},
    {"n", OVP_PARAM_INT, "50", 1, 5000, NULL, "samples", "Training samples."},
    {"noise", OVP_PARAM_REAL, "0.05", 0, 1e6, NULL, "", "Standard deviation of the noise in the training targets."},
    {"target", OVP_PARAM_CHOICE, "middle", 0, 0, "simple|middle|complex", "",
     "What is learned (`overparam data list`)."},
    {"steps", OVP_PARAM_INT, "1000", 1, 1e8, NULL, "steps", "Updates of gradient descent at each dimension."},
    {"lr", OVP_PARAM_REAL, "0.1", 1e-12, 1e6, NULL, "", "Its learning rate."},
    {"members", OVP_PARAM_INT, "10", 1, 1e5, NULL, "nets", "Initialisations of gradient descent at each dimension."},
    {"rcond", OVP_PARAM_REAL, "0", 0, 1, NULL, "",
     "Minimum-norm solution: singular values up to rcond times the largest count as 0; 0 takes max(n, m + 1) 2^-52."},
    {"gd-seeds", OVP_PARAM_INT, "1", 0, 1e6, NULL, "seeds",
     "Gradient descent is run for the first that many seeds; the minimum-norm solution for all."},
    {"single-dim", OVP_PARAM_INT, "30", 0, 20000, NULL, "features",
     "Dimension of the fit that is followed through its training (first seed); 0: none."},
    {"single-lr", OVP_PARAM_REAL, "0.01", 1e-12, 1e6, NULL, "", "Its learning rate."},
    {"single-steps", OVP_PARAM_INT, "2000", 1, 1e8, NULL, "steps", "Its updates."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "a few seconds: frequency pi, dimensions to 98, five data sets",
     "frequency=3.141592653589793;feature-dims=lin:2:98:49;seeds=1..5;members=4;steps=300;precision=f64"},
    {"default", "the published settings over ten data sets, in f64", "seeds=1..10;precision=f64"},
    {"pi", "the default with frequency pi: every feature counts, and the risk peaks at the threshold",
     "seeds=1..10;precision=f64;frequency=3.141592653589793"},
    {"paper", "as published: torch's stream, numpy's data, seed 42, f32", "rng=torch;seeds=42"},
};

static const ovp_store_column dimension_columns[] = {
    {"feature_dim", "features", "number m of features, bias not counted"},
    {"seed", "", "seed of data and initialisation"},
    {"member", "", "gd: 0.. for nets drawn one after another; min-norm: 0"},
    {"rank", "", "singular values of the design matrix above rcond times the largest"},
    {"solution", "", "gd: gradient descent; min-norm: pseudo-inverse"},
    {"train_loss", "", "mean squared error on the noisy data"},
    {"risk", "", "mean squared error against the noiseless target on 1000 even points of [-1, 1]"},
    {"theory_loss", "", "gd: the exact solution's training loss after as many steps"},
    {"max_deviation", "", "gd: largest |sqrt(L) - sqrt(L_theory)| / sqrt(L_0), at every tenth step and the end"},
    {"norm", "", "||theta||, bias included"},
    {"status", "", "ok, or diverged: a loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"feature_dim", "features", "number m of features"},
    {"solution", "", "gd or min-norm"},
    {"measure", "", "column of table dimensions"},
    {"count", "", "rows with a finite value"},
    {"mean", "", "mean over data sets and initialisations"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column peak_columns[] = {
    {"seed", "", "seed of the data"},
    {"full_rank_dim", "features", "first dimension whose rank is n; empty: none of the list"},
    {"peak_dim", "features", "dimension of the largest minimum-norm risk"},
    {"peak_risk", "", "that risk"},
    {"best_dim", "features", "dimension of the smallest minimum-norm risk"},
    {"best_risk", "", "that risk"},
};
static const ovp_store_column single_columns[] = {
    {"feature_dim", "features", "number m of features"}, {"seed", "", "seed of data and initialisation"},
    {"train_loss", "", "after the last update"},         {"risk", "", "after the last update"},
    {"theory_loss", "", "the exact solution's"},         {"theory_risk", "", "the exact solution's"},
    {"best_risk", "", "the smallest risk on the way"},   {"best_step", "steps", "after so many updates"},
};
static const ovp_store_column timing_columns[] = {
    {"feature_dim", "features", "number m of features"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "as in table dimensions"},
    {"seconds", "s", "its training"},
};
static const ovp_experiment_table tables[] = {
    {"dimensions", "One row a fit.", dimension_columns, COUNT(dimension_columns), 0},
    {"dimensions-summary", "Means over data sets and initialisations.", summary_columns, COUNT(summary_columns), 0},
    {"peaks", "Where the rank reaches n and where the minimum-norm risk peaks, for each data set.", peak_columns,
     COUNT(peak_columns), 0},
    {"single", "The single fit.", single_columns, COUNT(single_columns), 1},
    {"timings", "Time of each training.", timing_columns, COUNT(timing_columns), 1},
};

/* ---- the minimum-norm solutions of one dimension -------------------------------------------------- */

typedef struct least {
    ovp_idx rank;
    double train_loss, risk, norm;
} least;

typedef struct least_crew {
    const bias_lab *lab;
    ovp_idx dim;
    const double *grid_design; /* BIAS_GRID x p, f64 */
    least *out;                /* one a seed */
} least_crew;

static double norm_of(const double *theta, ovp_idx p) {
    double sum = 0;
    for (ovp_idx j = 0; j < p; j++) sum += theta[j] * theta[j];
    return sqrt(sum);
}

/* Always in f64 and on the data as drawn: f32 features would have another rank. */
static ovp_status solve_least(ovp_ctx *ctx, void *arg, ovp_idx seed) {
    ovp_status status = OVP_OK;
    const least_crew *crew = arg;
    const bias_lab *lab = crew->lab;
    const linear_data *data = &lab->data[seed];
    const ovp_idx n = data->n, p = lab->dims[crew->dim] + 1;
    const double asked = ovp_params_real(lab->params, "rcond");
    double *design = NULL, *theta = NULL;
    least *out = &crew->out[seed];
    OVP_TRY(linear_design(&design, ctx, &lab->fourier[crew->dim], OVP_F64, n, data->x));
    OVP_TRY(ovp_alloc(ctx, &theta, p + BIAS_GRID + n, sizeof *theta));
    double *f = theta + p;
    OVP_TRY(ovp_numeric_lstsq(theta, &out->rank, NULL, ctx, n, p, 1, design, data->y,
                              asked > 0 ? asked : (double)(n > p ? n : p) * DBL_EPSILON));
    out->norm = norm_of(theta, p);
    linear_outputs(f, n, p, design, theta);
    out->train_loss = linear_mean_square(n, f, data->y);
    linear_outputs(f, BIAS_GRID, p, crew->grid_design, theta);
    out->risk = linear_mean_square(BIAS_GRID, f, lab->target);
done:
    ovp_free(ctx, theta);
    ovp_free(ctx, design);
    return status;
}

static ovp_status all_least(bias_lab *lab, ovp_idx dim, const double *grid_design) {
    ovp_status status = OVP_OK;
    least_crew crew = {.lab = lab, .dim = dim, .grid_design = grid_design};
    OVP_TRY(ovp_alloc(lab->ctx, &crew.out, lab->seed_count, sizeof *crew.out));
    const int blas = ovp_numeric_blas_begin();
    status = ovp_parallel(lab->ctx, lab->seed_count, solve_least, &crew);
    ovp_numeric_blas_end(blas);
    for (ovp_idx s = 0; s < lab->seed_count && status == OVP_OK; s++) {
        const least *l = &crew.out[s];
        lab->rank[s * lab->dim_count + dim] = (double)l->rank;
        lab->risk_least[s * lab->dim_count + dim] = l->risk;
        const ovp_store_cell row[] = {
            ovp_cell_int(lab->dims[dim]),
            ovp_cell_int(lab->seeds[s]),
            ovp_cell_int(0),
            ovp_cell_int(l->rank),
            ovp_cell_text("min-norm"),
            ovp_cell_real(l->train_loss),
            ovp_cell_real(l->risk),
            ovp_cell_null(),
            ovp_cell_null(),
            ovp_cell_real(l->norm),
            ovp_cell_text("ok"),
            ovp_cell_null(),
        };
        OVP_TRY(ovp_run_row(lab->run, "dimensions", row));
    }
done:
    ovp_free(lab->ctx, crew.out);
    return status;
}

/* ---- gradient descent ----------------------------------------------------------------------------- */

/* One net in training, beside others. */
typedef struct trainee {
    bias_lab *lab;
    const ovp_net_fourier *fourier;
    const linear_data *data;
    ovp_idx dim, seed, member;
    study_net net;
    double *theta0, *theta;             /* p values each */
    double *losses;                     /* steps */
    const double *design, *grid_design; /* n x p, of the net's type; BIAS_GRID x p, f64 */
} trainee;

static void trainee_free(ovp_ctx *ctx, trainee *t) {
    study_net_free(ctx, &t->net);
    ovp_free(ctx, t->theta0);
    ovp_free(ctx, t->losses);
}

static ovp_idx width_of(const trainee *t) {
    return 2 * t->fourier->count + 1;
}

static ovp_status prepare(trainee *t, double lr, ovp_idx steps, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = t->lab->ctx;
    const ovp_idx p = width_of(t);
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = t->data->net_y};
    const ovp_train_options options = {.size = sizeof options, .lr = lr};
    OVP_TRY(linear_net_create(&t->net, ctx, t->fourier, t->lab->type, ovp_params_text(t->lab->params, "engine"), rng));
    OVP_TRY(study_net_train(&t->net, ctx, t->data->net_x, t->data->n, &targets, &options));
    OVP_TRY(ovp_alloc(ctx, &t->theta0, 2 * p, sizeof *t->theta0));
    OVP_TRY(ovp_alloc(ctx, &t->losses, steps, sizeof *t->losses));
    t->theta = t->theta0 + p;
    OVP_TRY(linear_net_theta(&t->net, ctx, t->net.theta0, t->theta0));
done:
    return status;
}

/* The learning rate as the net's arithmetic holds it. */
static double rate_of(const bias_lab *lab, const char *key) {
    const double lr = ovp_params_real(lab->params, key);
    return lab->type == OVP_F32 ? (double)(float)lr : lr;
}

enum { COMPARE_EVERY = 10 };

/* Largest deviation from theory over every tenth step, and at the end, where the net's loss is `final_loss`. */
static double deviation_of(const trainee *t, const linear_path *path, ovp_idx steps, double final_loss) {
    const double scale = sqrt(linear_path_loss(path, 0));
    double worst = fabs(sqrt(final_loss) - sqrt(linear_path_loss(path, (double)steps))) / scale;
    for (ovp_idx k = 0; k < steps; k += COMPARE_EVERY) {
        const double off = fabs(sqrt(t->losses[k]) - sqrt(linear_path_loss(path, (double)k))) / scale;
        if (!(off <= worst)) worst = off; /* NaN stays */
    }
    return worst;
}

static ovp_status finish(bias_lab *lab, trainee *t, const study_job *job, const linear_spectrum *spectrum) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const ovp_idx p = width_of(t), n = t->data->n;
    linear_path path = {.spectrum = NULL};
    double *f = NULL;
    OVP_TRY(linear_path_start(&path, ctx, spectrum, t->design, t->theta0, t->data->seen_y, rate_of(lab, "lr")));
    OVP_TRY(ovp_alloc(ctx, &f, BIAS_GRID + n, sizeof *f));
    OVP_TRY(linear_net_theta(&t->net, ctx, t->net.theta, t->theta));
    linear_outputs(f, n, p, t->design, t->theta);
    const double loss = linear_mean_square(n, f, t->data->seen_y);
    linear_outputs(f, BIAS_GRID, p, t->grid_design, t->theta);
    const double risk = linear_mean_square(BIAS_GRID, f, lab->target), off = deviation_of(t, &path, job->steps, loss);
    lab->risk_gd[(t->seed * lab->members + t->member) * lab->dim_count + t->dim] = risk;
    if (linear_path_stable(&path) && !job->diverged_at) {
        lab->judged++;
        if (!(off <= lab->deviation)) lab->deviation = off;
    }
    const ovp_store_cell row[] = {
        ovp_cell_int(lab->dims[t->dim]),
        ovp_cell_int(lab->seeds[t->seed]),
        ovp_cell_int(t->member),
        ovp_cell_int((int64_t)lab->rank[t->seed * lab->dim_count + t->dim]),
        ovp_cell_text("gd"),
        ovp_cell_real(loss),
        ovp_cell_real(risk),
        ovp_cell_real(linear_path_loss(&path, (double)job->steps)),
        ovp_cell_real(off),
        ovp_cell_real(norm_of(t->theta, p)),
        ovp_cell_text(job->diverged_at ? "diverged" : "ok"),
        job->diverged_at ? ovp_cell_int(job->diverged_at) : ovp_cell_null(),
    };
    const ovp_store_cell timing[] = {ovp_cell_int(lab->dims[t->dim]), ovp_cell_int(lab->seeds[t->seed]),
                                     ovp_cell_int(t->member), ovp_cell_real(job->seconds)};
    OVP_TRY(ovp_run_row(lab->run, "dimensions", row));
    OVP_TRY(ovp_run_row(lab->run, "timings", timing));
    if (job->diverged_at)
        OVP_TRY(ovp_run_warning(lab->run,
                                "feature-dims %lld, seed %lld, member %lld diverged at step %lld; its row is kept",
                                (long long)lab->dims[t->dim], (long long)lab->seeds[t->seed], (long long)t->member,
                                (long long)job->diverged_at));
done:
    ovp_free(ctx, f);
    linear_path_free(ctx, &path);
    return status;
}

/* Nets of one dimension and seed stand together: the members. */
static ovp_status finish_all(bias_lab *lab, trainee *trainees, const study_job *jobs, ovp_idx count) {
    ovp_status status = OVP_OK;
    linear_spectrum spectrum = {.n = 0};
    for (ovp_idx i = 0; i < count; i++) {
        trainee *t = &trainees[i];
        if (t->member == 0) {
            linear_spectrum_free(lab->ctx, &spectrum);
            OVP_TRY(linear_spectrum_get(&spectrum, lab->ctx, t->data->n, width_of(t), t->design, 0));
        }
        if (jobs[i].done == jobs[i].steps || jobs[i].diverged_at) OVP_TRY(finish(lab, t, &jobs[i], &spectrum));
    }
done:
    linear_spectrum_free(lab->ctx, &spectrum);
    return status;
}

/* ---- dimensions, some at a time ------------------------------------------------------------------- */

enum { SIDE_BY_SIDE = 10 }; /* dimensions whose nets are trained together: an interruption keeps those before */

typedef struct stride {
    ovp_idx first, count; /* dimensions */
    double *grid_design[SIDE_BY_SIDE];
    double **design; /* count x gd_seeds; before the training: an interrupted context computes no features */
    trainee *trainees;
    study_job *jobs;
    ovp_idx nets;
} stride;

/* torch: one stream a seed over all nets in the order of the dimensions. philox: one each. */
static ovp_status prepare_all(bias_lab *lab, stride *s, ovp_numeric_rng *const *torch) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *own = NULL;
    const ovp_idx steps = ovp_params_int(lab->params, "steps");
    for (ovp_idx i = 0; i < s->nets; i++) {
        trainee *t = &s->trainees[i];
        const ovp_idx per_dim = lab->gd_seeds * lab->members, at = i / per_dim;
        *t = (trainee){.lab = lab,
                       .dim = s->first + at,
                       .seed = i % per_dim / lab->members,
                       .member = i % lab->members,
                       .fourier = &lab->fourier[s->first + at],
                       .grid_design = s->grid_design[at]};
        t->data = &lab->data[t->seed];
        double **design = &s->design[at * lab->gd_seeds + t->seed];
        if (t->member == 0)
            OVP_TRY(linear_design(design, lab->ctx, t->fourier, lab->type, t->data->n, t->data->seen_x));
        t->design = *design;
        if (!torch[t->seed])
            OVP_TRY(study_stream(&own, lab->run, lab->seeds[t->seed], OVP_PURPOSE_INIT,
                                 (uint64_t)lab->dims[t->dim] | (uint64_t)t->member << 40));
        OVP_TRY(prepare(t, ovp_params_real(lab->params, "lr"), steps, own ? own : torch[t->seed]));
        ovp_numeric_rng_free(own);
        own = NULL;
        s->jobs[i] = (study_job){.net = &t->net, .steps = steps, .losses = t->losses};
    }
done:
    ovp_numeric_rng_free(own);
    return status;
}

static ovp_status one_stride(bias_lab *lab, ovp_idx first, ovp_numeric_rng *const *torch) {
    ovp_status status = OVP_OK, end;
    ovp_ctx *ctx = lab->ctx;
    stride s = {.first = first, .count = lab->dim_count - first};
    char stage[64];
    if (s.count > SIDE_BY_SIDE) s.count = SIDE_BY_SIDE;
    for (ovp_idx i = 0; i < s.count; i++) {
        OVP_TRY(linear_design(&s.grid_design[i], ctx, &lab->fourier[first + i], OVP_F64, BIAS_GRID, lab->grid));
        OVP_TRY(all_least(lab, first + i, s.grid_design[i]));
    }
    const ovp_idx nets = s.count * lab->gd_seeds * lab->members;
    if (nets == 0) goto done;
    OVP_TRY(ovp_alloc(ctx, &s.trainees, nets, sizeof *s.trainees));
    OVP_TRY(ovp_alloc(ctx, &s.jobs, nets, sizeof *s.jobs));
    OVP_TRY(ovp_alloc(ctx, &s.design, s.count * lab->gd_seeds, sizeof *s.design));
    s.nets = nets;
    OVP_TRY(prepare_all(lab, &s, torch));
    snprintf(stage, sizeof stage, "dimensions %lld..%lld", (long long)lab->dims[first],
             (long long)lab->dims[first + s.count - 1]);
    status = study_train(lab->run, stage, s.jobs, nets);
    end = finish_all(lab, s.trainees, s.jobs, nets); /* what an interruption left finished */
    if (status == OVP_OK) status = end;
done:
    for (ovp_idx i = 0; i < s.nets; i++) trainee_free(ctx, &s.trainees[i]);
    for (ovp_idx i = 0; i < SIDE_BY_SIDE; i++) ovp_free(ctx, s.grid_design[i]);
    for (ovp_idx i = 0; s.design && i < s.count * lab->gd_seeds; i++) ovp_free(ctx, s.design[i]);
    ovp_free(ctx, s.design);
    ovp_free(ctx, s.trainees);
    ovp_free(ctx, s.jobs);
    return status;
}

static ovp_status all_dimensions(bias_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng **torch = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &torch, lab->gd_seeds, sizeof *torch));
    for (ovp_idx s = 0; s < lab->gd_seeds && strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0; s++)
        OVP_TRY(study_stream(&torch[s], lab->run, lab->seeds[s], OVP_PURPOSE_INIT, 0));
    for (ovp_idx first = 0; first < lab->dim_count; first += SIDE_BY_SIDE) OVP_TRY(one_stride(lab, first, torch));
done:
    for (ovp_idx s = 0; torch && s < lab->gd_seeds; s++) ovp_numeric_rng_free(torch[s]);
    ovp_free(lab->ctx, torch);
    return status;
}

/* ---- the single fit ------------------------------------------------------------------------------- */

typedef struct single {
    trainee t;
    double *design, *f; /* n x p; BIAS_GRID + n */
    linear_path path;
    double *moved; /* theory's theta: p */
    ovp_idx every;
} single;

static void losses_at(const single *s, const double *theta, double *loss, double *risk) {
    const bias_lab *lab = s->t.lab;
    const ovp_idx p = width_of(&s->t), n = s->t.data->n;
    linear_outputs(s->f, n, p, s->design, theta);
    *loss = linear_mean_square(n, s->f, s->t.data->seen_y);
    linear_outputs(s->f, BIAS_GRID, p, s->t.grid_design, theta);
    *risk = linear_mean_square(BIAS_GRID, s->f, lab->target);
}

static ovp_status look(void *user, ovp_ctx *ctx, ovp_idx done) {
    single *s = user;
    bias_lab *lab = s->t.lab;
    const ovp_idx at = done / s->every;
    ovp_status status = linear_net_theta(&s->t.net, ctx, s->t.net.theta, s->t.theta);
    lab->step[at] = (double)done;
    losses_at(s, s->t.theta, &lab->loss[at], &lab->risk[at]);
    linear_path_theta(&s->path, (double)done, s->t.theta0, s->moved);
    losses_at(s, s->moved, &lab->loss_theory[at], &lab->risk_theory[at]);
    lab->looks = at + 1;
    return status;
}

static ovp_status report_single(const bias_lab *lab, int64_t dim) {
    ovp_idx best = 0;
    const ovp_idx last = lab->looks - 1;
    for (ovp_idx i = 1; i < lab->looks; i++)
        if (lab->risk[i] < lab->risk[best]) best = i;
    const ovp_store_cell row[] = {
        ovp_cell_int(dim),
        ovp_cell_int(lab->seeds[0]),
        ovp_cell_real(lab->loss[last]),
        ovp_cell_real(lab->risk[last]),
        ovp_cell_real(lab->loss_theory[last]),
        ovp_cell_real(lab->risk_theory[last]),
        ovp_cell_real(lab->risk[best]),
        ovp_cell_int((int64_t)lab->step[best]),
    };
    return ovp_run_row(lab->run, "single", row);
}

static ovp_status single_fit(bias_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const int64_t dim = ovp_params_int(lab->params, "single-dim");
    const ovp_idx steps = ovp_params_int(lab->params, "single-steps");
    const ovp_net_fourier fourier = {.frequency = ovp_params_real(lab->params, "frequency"), .count = dim / 2};
    const linear_data *data = &lab->data[0];
    single s = {.t = {.lab = lab, .fourier = &fourier, .data = data},
                .every = (steps + BIAS_LOOKS - 2) / (BIAS_LOOKS - 1)};
    linear_spectrum spectrum = {.n = 0};
    ovp_numeric_rng *rng = NULL;
    double *grid_design = NULL;
    if (dim == 0) return OVP_OK;
    OVP_TRY(study_stream(&rng, lab->run, lab->seeds[0], OVP_PURPOSE_INIT, UINT64_MAX));
    OVP_TRY(linear_design(&grid_design, ctx, &fourier, OVP_F64, BIAS_GRID, lab->grid));
    s.t.grid_design = grid_design;
    OVP_TRY(linear_design(&s.design, ctx, &fourier, lab->type, data->n, data->seen_x));
    OVP_TRY(linear_spectrum_get(&spectrum, ctx, data->n, dim + 1, s.design, 0));
    OVP_TRY(ovp_alloc(ctx, &s.f, BIAS_GRID + data->n + dim + 1, sizeof *s.f));
    s.moved = s.f + BIAS_GRID + data->n;
    OVP_TRY(prepare(&s.t, ovp_params_real(lab->params, "single-lr"), steps, rng));
    OVP_TRY(linear_path_start(&s.path, ctx, &spectrum, s.design, s.t.theta0, data->seen_y, rate_of(lab, "single-lr")));
    study_job job = {
        .net = &s.t.net, .steps = steps, .losses = s.t.losses, .watch = look, .every = s.every, .user = &s};
    OVP_TRY(study_train(lab->run, "single fit", &job, 1));
    OVP_TRY(linear_net_theta(&s.t.net, ctx, s.t.net.theta, s.t.theta));
    linear_outputs(lab->start, BIAS_GRID, dim + 1, grid_design, s.t.theta0);
    linear_outputs(lab->end, BIAS_GRID, dim + 1, grid_design, s.t.theta);
    OVP_TRY(report_single(lab, dim));
    OVP_TRY(study_keep_weights(lab->run, "single", s.t.net.model, s.t.net.theta));
done:
    ovp_numeric_rng_free(rng);
    linear_path_free(ctx, &s.path);
    trainee_free(ctx, &s.t);
    linear_spectrum_free(ctx, &spectrum);
    ovp_free(ctx, s.design);
    ovp_free(ctx, s.f);
    ovp_free(ctx, grid_design);
    return status;
}

/* ---- all ----------------------------------------------------------------------------------------- */

/* What the largest dimensions take side by side: nets with the features of their data, designs, singular vectors. */
static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *p) {
    ovp_idx dims;
    const int64_t *dim = ovp_params_ints(p, "feature-dims", &dims);
    const double width = (double)dim[dims - 1] + 1, n = (double)ovp_params_int(p, "n");
    const double side = dims < SIDE_BY_SIDE ? (double)dims : SIDE_BY_SIDE;
    const double nets = side * (double)ovp_params_int(p, "gd-seeds") * (double)ovp_params_int(p, "members");
    const double need = 8 * (nets * (width * (n + 8) + (double)ovp_params_int(p, "steps")) +
                             width * (side * BIAS_GRID + 3 * n) + (double)ovp_params_int(p, "single-steps"));
    return study_check_memory(ctx, need, "give smaller ones or fewer --steps",
                              "--feature-dims up to %lld of --n %lld samples with --members %lld need",
                              (long long)dim[dims - 1], (long long)ovp_params_int(p, "n"),
                              (long long)ovp_params_int(p, "members"));
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    const int64_t *dims = ovp_params_ints(p, "feature-dims", &count);
    for (ovp_idx i = 1; i < count; i++)
        if (dims[i] < dims[i - 1])
            return ovp_fail(ctx, OVP_EINVAL, "--feature-dims: %lld after %lld; give them in ascending order",
                            (long long)dims[i], (long long)dims[i - 1]);
    if (ovp_params_int(p, "single-dim") % 2 != 0)
        return ovp_fail(ctx, OVP_EINVAL, "--single-dim: %lld is odd; features come in pairs (sin, cos)",
                        (long long)ovp_params_int(p, "single-dim"));
    OVP_TRY(linear_check(ctx, &ovp_experiment_bias_complexity, p));
    OVP_TRY(check_memory(ctx, p));
done:
    return status;
}

static ovp_status set_up(bias_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const ovp_idx dims = lab->dim_count, nets = lab->gd_seeds * lab->members;
    OVP_TRY(ovp_alloc(ctx, &lab->fourier, dims, sizeof *lab->fourier));
    for (ovp_idx i = 0; i < dims; i++)
        lab->fourier[i] =
            (ovp_net_fourier){.frequency = ovp_params_real(lab->params, "frequency"), .count = lab->dims[i] / 2};
    OVP_TRY(ovp_alloc(ctx, &lab->data, lab->seed_count, sizeof *lab->data));
    OVP_TRY(ovp_alloc(ctx, &lab->rank, (2 * lab->seed_count + nets) * dims, sizeof *lab->rank));
    OVP_TRY(ovp_alloc(ctx, &lab->grid, 4 * BIAS_GRID + 5 * BIAS_LOOKS, sizeof *lab->grid));
    lab->risk_least = lab->rank + lab->seed_count * dims;
    lab->risk_gd = lab->risk_least + lab->seed_count * dims;
    for (ovp_idx i = 0; i < (2 * lab->seed_count + nets) * dims; i++) lab->rank[i] = NAN;
    lab->target = lab->grid + BIAS_GRID;
    lab->start = lab->target + BIAS_GRID;
    lab->end = lab->start + BIAS_GRID;
    lab->step = lab->end + BIAS_GRID;
    lab->loss = lab->step + BIAS_LOOKS;
    lab->risk = lab->loss + BIAS_LOOKS;
    lab->loss_theory = lab->risk + BIAS_LOOKS;
    lab->risk_theory = lab->loss_theory + BIAS_LOOKS;
    for (ovp_idx s = 0; s < lab->seed_count; s++)
        OVP_TRY(linear_data_draw(&lab->data[s], lab->run, lab->type, lab->seeds[s]));
    OVP_TRY(linear_data_grid(&lab->data[0], ctx, BIAS_GRID, lab->grid, lab->target));
done:
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    bias_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.dims = ovp_params_ints(lab.params, "feature-dims", &lab.dim_count);
    lab.members = ovp_params_int(lab.params, "members");
    lab.gd_seeds = ovp_params_int(lab.params, "gd-seeds");
    if (lab.gd_seeds > lab.seed_count) lab.gd_seeds = lab.seed_count;
    lab.type = strcmp(ovp_params_text(lab.params, "precision"), "f32") == 0 ? OVP_F32 : OVP_F64;
    OVP_TRY(set_up(&lab));
    status = single_fit(&lab);
    if (status == OVP_OK) status = all_dimensions(&lab);
    /* Also for the rows that were finished before an interruption. */
    end = bias_complexity_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    for (ovp_idx s = 0; lab.data && s < lab.seed_count; s++) linear_data_free(lab.ctx, &lab.data[s]);
    ovp_free(lab.ctx, lab.grid);
    ovp_free(lab.ctx, lab.rank);
    ovp_free(lab.ctx, lab.data);
    ovp_free(lab.ctx, lab.fourier);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Where is the bias-complexity trade-off?", "In the first dozen dimensions: the risk falls while the features "
                                                "learn to bend like the target and rises when they "
                                                "begin to follow the noise (best_dim of table peaks)."},
    {"Why does the minimum-norm risk explode?",
     "Near rank = n the smallest singular value that counts is tiny and the solution divides the noise by it: "
     "||theta||^2 = sum_i (u_i . y)^2 / s_i^2."},
    {"Why does it fall again?",
     "With more features than the data need, the smallest singular value grows, and of all interpolators the one of "
     "least norm is taken: --preset pi shows the whole double descent."},
    {"Why is there no second descent with frequency pi/5?",
     "The features' common period is 10, the data see a fifth of it: features are numerically dependent on [-1, 1], "
     "the "
     "rank lags far behind m - 1 and reaches n, if at all, only near the end of the list (second verdict)."},
    {"Why does gradient descent show no peak?",
     "After t steps a direction has gone 1 - (1 - 2 lr s_i^2 / n)^t of its way: those with s_i^2 < n / (2 lr t) hardly "
     "moved. Stopping early cuts the small singular values that make the minimum norm explode."},
    {"What is random in the band of gradient descent?",
     "Only theta_0: what it has in the directions that are not learned stays in the function."},
};

const ovp_experiment ovp_experiment_bias_complexity = {
    .id = "bias-complexity",
    .title = "Bias, complexity and the interpolation threshold",
    .claim = "The minimum-norm fit's risk is largest where the features can just interpolate; gradient descent stopped "
             "early has no such peak.",
    .formula =
        "theta_min-norm = sum_{s_i > rcond s_1} (u_i . y) / s_i v_i; rcond = max(n, m + 1) 2^-52; rank(frequency "
        "pi) = min(m - 1, n); gradient descent: residual coordinates times (1 - 2 lr s_i^2 / n)^t",
    .source =
        "The lazy-training practical (bias-complexity trade-off); Belkin, Hsu, Ma and Mandal 2019, Reconciling modern "
        "machine-learning practice and the classical bias-variance trade-off; Hastie, Montanari, Rosset and "
        "Tibshirani 2022, Surprises in High-Dimensional Ridgeless Least Squares Interpolation; Slepian 1978, Prolate "
        "Spheroidal Wave Functions V",
    .about =
        "A linear read-out with bias on m features sin(frequency k x), cos(frequency k x), k = 0 .. m/2 - 1, is fitted "
        "to "
        "n = 50 noisy points of a piecewise linear target, for m = 2, 4, .., 198: once by gradient descent from "
        "torch's "
        "initialisation (ten of them, 1000 steps of lr .1), once by the minimum-norm least-squares solution, for ten "
        "data "
        "sets. The risk is the mean squared error against the noiseless target on 1000 even points of [-1, 1], both "
        "ends "
        "(the noise of new data would add its variance, .0025).\n\n"
        "Counting features. k = 0 gives sin = 0 and cos = 1, which repeats the bias: m features with the bias span m - "
        "1 "
        "directions. With frequency pi these are orthogonal on [-1, 1], the data see them all, the rank is min(m - 1, "
        "n) and "
        "reaches n = 50 at m = 52. There the fit just interpolates, the smallest singular value is tiny, and the "
        "minimum-norm solution blows the noise up: its risk is largest within +-4 of that dimension (median over data "
        "sets). Beyond, it falls: double descent.\n\n"
        "Slow features. The published frequency is pi/5: the features' period is 10, the data lie on a fifth of it. "
        "Functions that are limited to a band are nearly dependent on a short interval (Slepian): of m features about "
        "m frequency / pi plus a logarithm of 1 / rcond count, and the rank reaches n = 50 only near dimension 150 to "
        "200, or not at all in the list. The cut is therefore part of the answer: rcond = max(n, m + 1) 2^-52 is fixed "
        "here, in f64 whatever --precision is, and the rank stands in the table. The second verdict says where "
        "the rank reached n; with fewer than half of the data sets there, nothing is said of the peak.\n\n"
        "Gradient descent learns direction i as 1 - (1 - 2 lr s_i^2 / n)^t and is checked against this exact "
        "solution (first verdict; 3e-6 sqrt(L_0) in f32, 1e-13 in f64). It never sees the small singular values: a "
        "regularisation by stopping.\n\n"
        "Draws. --rng torch: data from numpy's stream of the data seed, point by point one uniform and one normal; "
        "initialisations from one torch stream in the order of the dimensions, for each its members, weight then bias "
        "(features: all sines, then all cosines); the single fit (dimension 30, lr .01, 2000 steps) from a fresh "
        "stream of "
        "the same seed. --gd-seeds says how many data sets gradient descent is run on.\n\n"
        "How to read the figures. Risk: medians, bands from lowest to highest; the vertical line is where the rank "
        "reaches n (median). Rank: against the count min(m - 1, n), dashed. Single fit: function, and risk and loss "
        "over "
        "the training, dashed the exact solution.",
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
