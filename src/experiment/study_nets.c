/* Nets of a study: made, trained side by side, kept. */
#include "study.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* ---- one net ------------------------------------------------------------------------------------- */

ovp_status study_net_create(study_net *net, ovp_ctx *ctx, const ovp_net_dense_options *options, const char *rule,
                            double gain, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    const ovp_net_init_options init = {sizeof init, rule, gain};
    *net = (study_net){.model = NULL};
    OVP_TRY(ovp_net_dense_create(&net->model, ctx, options));
    net->how = study_dense_json(options);
    if (!net->how) OVP_TRY(ovp_fail(ctx, OVP_ENOMEM, "net: out of memory for its description"));
    const ovp_idx parameters = ovp_net_model_parameters(net->model);
    const size_t bytes = ovp_numeric_type_size(options->type);
    OVP_TRY(ovp_alloc(ctx, &net->theta, parameters, bytes));
    OVP_TRY(ovp_alloc(ctx, &net->theta0, parameters, bytes));
    if (rule) OVP_TRY(ovp_net_init(net->model, ctx, &init, rng, net->theta));
    study_net_mark(net);
done:
    if (status != OVP_OK) study_net_free(ctx, net);
    return status;
}

ovp_status study_net_train(study_net *net, ovp_ctx *ctx, const void *x, ovp_idx rows, const ovp_net_targets *targets,
                           const ovp_train_options *options) {
    ovp_status status = OVP_OK;
    ovp_train_free(net->trainer);
    ovp_net_batch_free(net->batch);
    ovp_net_workspace_free(net->workspace);
    net->trainer = NULL;
    net->batch = NULL;
    net->workspace = NULL;
    OVP_TRY(ovp_net_workspace_create(&net->workspace, ctx, net->model, rows));
    OVP_TRY(ovp_net_bind(&net->batch, ctx, net->model, x, rows));
    OVP_TRY(ovp_train_create(&net->trainer, ctx, net->model, net->workspace, net->batch, targets, options, net->theta));
done:
    return status;
}

void study_net_mark(study_net *net) {
    memcpy(net->theta0, net->theta,
           (size_t)ovp_net_model_parameters(net->model) * ovp_numeric_type_size(ovp_net_model_type(net->model)));
}

enum { OUTPUT_ROWS = 1024 }; /* rows of one block: enough to run fast, little memory */

ovp_status study_net_outputs(const study_net *net, ovp_ctx *ctx, const void *theta, const void *x, ovp_idx rows,
                             double *out) {
    ovp_status status = OVP_OK;
    ovp_net_workspace *workspace = NULL;
    ovp_net_batch *batch = NULL;
    float *f = NULL;
    const ovp_idx outputs = ovp_net_model_outputs(net->model), block = rows < OUTPUT_ROWS ? rows : OUTPUT_ROWS;
    const int narrow = ovp_net_model_type(net->model) == OVP_F32;
    const size_t row_bytes =
        (size_t)ovp_net_model_inputs(net->model) * ovp_numeric_type_size(ovp_net_model_type(net->model));
    OVP_TRY(ovp_net_workspace_create(&workspace, ctx, net->model, block));
    if (narrow) OVP_TRY(ovp_alloc(ctx, &f, block * outputs, sizeof *f));
    for (ovp_idx at = 0; at < rows; at += block) {
        const ovp_idx count = rows - at < block ? rows - at : block;
        double *to = out + at * outputs;
        OVP_TRY(ovp_net_bind(&batch, ctx, net->model, (const char *)x + (size_t)at * row_bytes, count));
        OVP_TRY(ovp_net_forward(workspace, batch, theta, narrow ? (void *)f : (void *)to));
        for (ovp_idx i = 0; narrow && i < count * outputs; i++) to[i] = (double)f[i];
        ovp_net_batch_free(batch);
        batch = NULL;
    }
done:
    ovp_net_batch_free(batch);
    ovp_net_workspace_free(workspace);
    ovp_free(ctx, f);
    return status;
}

void study_net_free(ovp_ctx *ctx, study_net *net) {
    ovp_train_free(net->trainer);
    ovp_net_batch_free(net->batch);
    ovp_net_workspace_free(net->workspace);
    ovp_net_model_free(net->model);
    ovp_net_model_free(net->base);
    json_decref(net->how);
    ovp_free(ctx, net->theta0);
    ovp_free(ctx, net->theta);
    *net = (study_net){.model = NULL};
}

/* ---- many nets side by side ---------------------------------------------------------------------- */

enum { SLICE_STEPS = 512 }; /* between looks at progress */

typedef struct crew {
    ovp_experiment_run *run;
    const char *stage;
    study_job *jobs;
    const ovp_idx *order;
    ovp_idx total;
    _Atomic(int64_t) made; /* steps of all jobs */
} crew;

/* Only the worker that is the caller reports: progress callbacks are never entered twice at a time. */
static void tell(crew *c, const ovp_ctx *worker, ovp_idx made, double loss) {
    const int64_t all = atomic_fetch_add(&c->made, made) + made;
    if (ovp_worker(worker) == 0)
        ovp_run_progress(c->run, &(ovp_progress){c->stage, "steps", all, c->total, "loss", loss});
}

/* To the next watch, the next look at progress or the end; at: watches of job->at already made. */
static ovp_idx slice_of(const study_job *job, ovp_idx at) {
    ovp_idx slice = job->steps - job->done;
    if (slice > SLICE_STEPS) slice = SLICE_STEPS;
    if (job->every > 0 && slice > job->every - job->done % job->every) slice = job->every - job->done % job->every;
    if (at < job->at_count && slice > job->at[at] - job->done) slice = job->at[at] - job->done;
    return slice;
}

/* The watch, if one is due after the steps made. */
static ovp_status look(const study_job *job, ovp_ctx *worker, ovp_idx *at) {
    const int listed = *at < job->at_count && job->at[*at] == job->done;
    *at += listed;
    if (!listed && (job->every <= 0 || job->done % job->every != 0)) return OVP_OK;
    return job->watch(job->user, worker, job->done);
}

static ovp_status run_job(ovp_ctx *worker, void *arg, ovp_idx task) {
    ovp_status status = OVP_OK;
    crew *c = arg;
    study_job *job = &c->jobs[c->order[task]];
    ovp_train *trainer = job->net->trainer;
    double scratch[SLICE_STEPS];
    const double start = ovp_seconds();
    ovp_idx at = 0;
    job->done = 0;
    job->diverged_at = 0;
    for (ovp_idx k = 0; job->losses && k < job->steps; k++) job->losses[k] = NAN;
    OVP_TRY(look(job, worker, &at));
    while (job->done < job->steps) {
        double *losses = job->losses ? job->losses + job->done : scratch;
        const ovp_idx slice = slice_of(job, at);
        OVP_TRY(ovp_train_run(worker, &trainer, 1, slice, losses, slice));
        if (ovp_train_test(trainer, NULL) == OVP_TRAIN_DIVERGED) {
            ovp_idx k = 0;
            while (k < slice && isfinite(losses[k])) k++;
            job->diverged_at = job->done + k + 1;
            tell(c, worker, job->steps - job->done, losses[0]);
            job->done = job->diverged_at;
            break;
        }
        job->done += slice;
        tell(c, worker, slice, losses[slice - 1]);
        OVP_TRY(look(job, worker, &at));
    }
done:
    job->seconds = ovp_seconds() - start;
    return status;
}

static double cost_of(const study_job *job) {
    const double step = job->cost > 0 ? job->cost : (double)ovp_net_model_parameters(job->net->model);
    return step * (double)job->steps;
}

ovp_status study_train(ovp_experiment_run *run, const char *stage, study_job *jobs, ovp_idx count) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    ovp_idx *order = NULL;
    crew c = {.run = run, .stage = stage, .jobs = jobs};
    OVP_TRY(ovp_alloc(ctx, &order, count, sizeof *order));
    for (ovp_idx i = 0; i < count; i++) {
        ovp_idx at = i;
        for (; at > 0 && cost_of(&jobs[order[at - 1]]) < cost_of(&jobs[i]); at--) order[at] = order[at - 1];
        order[at] = i;
        c.total += jobs[i].steps;
        jobs[i].done = jobs[i].diverged_at = 0;
    }
    ovp_run_progress(run, &(ovp_progress){stage, "steps", 0, c.total, "loss", NAN});
    c.order = order;
    if (count == 1) {
        OVP_TRY(run_job(ctx, &c, 0));
    } else {
        const int blas = ovp_numeric_blas_begin();
        status = ovp_parallel(ctx, count, run_job, &c);
        ovp_numeric_blas_end(blas);
    }
done:
    ovp_free(ctx, order);
    return status;
}

/* ---- streams ------------------------------------------------------------------------------------ */

ovp_status study_stream(ovp_numeric_rng **out, ovp_experiment_run *run, int64_t seed, ovp_numeric_purpose purpose,
                        uint64_t index) {
    const char *name = ovp_params_text(ovp_run_params(run), "rng");
    const ovp_numeric_rng_kind kind = strcmp(name, "torch") == 0   ? OVP_RNG_TORCH
                                      : strcmp(name, "numpy") == 0 ? OVP_RNG_NUMPY
                                                                   : OVP_RNG_PHILOX;
    return ovp_numeric_rng_create(out, ovp_run_ctx(run), kind, seed, purpose, index);
}

#define NUMPY_SEEDS 4294967296

static ovp_status check_seed(ovp_ctx *ctx, const char *key, int64_t seed, const char *rng, int data_only) {
    if (seed >= 0 && seed < NUMPY_SEEDS) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL,
                    "--%s: %lld with --rng %s: %s numpy's stream, whose seeds are 0..4294967295; give %s--rng philox",
                    key, (long long)seed, rng, data_only ? "data come from" : "it is",
                    data_only ? "--data-seed, or " : "such a one, or ");
}

ovp_status study_check_seeds(ovp_ctx *ctx, const ovp_experiment *experiment, const ovp_params *params) {
    ovp_status status = OVP_OK;
    int64_t *seeds = NULL;
    ovp_idx count;
    const char *rng = ovp_params_text(params, "rng");
    const int torch = strcmp(rng, "torch") == 0, own_data = ovp_params_is_set(params, "data-seed");
    if (!torch && strcmp(rng, "numpy") != 0) return OVP_OK;
    if (own_data) OVP_TRY(check_seed(ctx, "data-seed", ovp_params_int(params, "data-seed"), rng, torch));
    if (own_data && torch) return OVP_OK;
    OVP_TRY(ovp_experiment_seeds(&seeds, &count, ctx, experiment, params));
    for (ovp_idx i = 0; i < count; i++) OVP_TRY(check_seed(ctx, "seeds", seeds[i], rng, torch));
done:
    ovp_free(ctx, seeds);
    return status;
}

ovp_status study_seed_count(ovp_idx *count, ovp_ctx *ctx, const ovp_experiment *experiment, const ovp_params *params) {
    int64_t *seeds = NULL;
    const ovp_status status = ovp_experiment_seeds(&seeds, count, ctx, experiment, params);
    ovp_free(ctx, seeds);
    return status;
}

ovp_status study_check_memory(ovp_ctx *ctx, double need, const char *advice, const char *what, ...) {
    const double have = (double)ovp_experiment_memory_available();
    char text[256], need_text[32], have_text[32];
    va_list list;
    if (!(have > 0) || need <= have) return OVP_OK;
    va_start(list, what);
    (void)vsnprintf(text, sizeof text, what, list);
    va_end(list);
    ovp_experiment_short(need_text, need / 0x1p30);
    ovp_experiment_short(have_text, have / 0x1p30);
    return ovp_fail(ctx, OVP_EINVAL, "%s about %s GiB and %s GiB are available; %s", text, need_text, have_text,
                    advice);
}
