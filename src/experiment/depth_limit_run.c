/* depth-limit: nets one after another, their rows as they come, their weights. */
#include "depth_limit_int.h"

#include <stdio.h>
#include <string.h>

ovp_status depth_limit_run(ovp_experiment_run *run);

/* ---- one net ------------------------------------------------------------------------------------- */

static size_t theta_bytes(const depth_limit_net *net) {
    return (size_t)(net->layers * net->setup->dim * net->setup->dim) * ovp_numeric_type_size(net->setup->type);
}

typedef struct training {
    depth_limit_lab *lab;
    depth_limit_net net;
    depth_limit_row row;
    double lr_0;
    depth_limit_line line;
    int has_line;
    double variation[3]; /* of the last epoch that recorded them */
    double seconds_train, seconds_pvar, seconds_test;
    ovp_idx epochs, recorded; /* made; with p-variations */
} training;

static ovp_status report_epoch(const training *t, ovp_idx epoch, const depth_limit_scores *scores, double lr,
                               double theory, int measured) {
    const ovp_store_cell cells[] = {
        ovp_cell_int(t->row.layers),
        ovp_cell_int(t->row.seed),
        ovp_cell_int(epoch),
        ovp_cell_finite(scores->loss),
        ovp_cell_finite(scores->macro.accuracy),
        ovp_cell_finite(scores->macro.precision),
        ovp_cell_finite(scores->macro.recall),
        ovp_cell_finite(scores->omega),
        measured ? ovp_cell_finite(t->variation[0]) : ovp_cell_null(),
        measured ? ovp_cell_finite(t->variation[1]) : ovp_cell_null(),
        measured ? ovp_cell_finite(t->variation[2]) : ovp_cell_null(),
        ovp_cell_real(lr),
        ovp_cell_finite(theory),
        ovp_cell_finite(scores->per_sample),
    };
    return ovp_run_row(t->lab->run, "epochs", cells);
}

static ovp_status measure_path(training *t) {
    const double start = ovp_seconds();
    const ovp_status status = depth_limit_variations(&t->net, t->lab->ctx, t->variation);
    t->seconds_pvar += ovp_seconds() - start;
    t->recorded++;
    return status;
}

static ovp_status follow_variation(training *t, double *lr) {
    int clamped;
    *lr = depth_limit_next_lr(&t->lab->setup, t->lr_0, t->variation[0], &clamped);
    if (!clamped) return OVP_OK;
    return ovp_run_warning(t->lab->run,
                           "layers %lld, seed %lld: --dynamic-lr would take c lr_0 / V^2 with a p-variation V so small "
                           "(0 where all layers are equal) that it was kept at --dynamic-lr-limit, %g times lr_0",
                           (long long)t->row.layers, (long long)t->row.seed, t->lab->setup.dynamic_limit);
}

static double largest_output(const depth_limit_net *net) {
    const ovp_idx rows = ovp_net_batch_rows(net->batches[net->pieces - 1]);
    double most = 0;
    for (ovp_idx i = 0; i < rows * net->outputs; i++)
        most = fmax(
            most, fabs(net->setup->type == OVP_F32 ? (double)((const float *)net->f)[i] : ((const double *)net->f)[i]));
    return most;
}

/* A first epoch that moves no weight is the last one that might have. before: theta at the start. */
static ovp_status check_movement(const training *t, const void *before) {
    const depth_limit_setup *s = &t->lab->setup;
    const char *type = s->type == OVP_F32 ? "f32" : "f64";
    const long long layers = (long long)t->row.layers;
    if (memcmp(before, t->net.theta, theta_bytes(&t->net)) != 0) return OVP_OK;
    if (strcmp(s->augmentation, "none") == 0)
        return ovp_run_warning(
            t->lab->run,
            "layers %lld: --augmentation none multiplies by %sW_k at every layer: the outputs are at "
            "most %.2g, no weight moved in the first epoch and nothing is learnt in %s; give fewer "
            "layers%s",
            layers, s->readme ? "" : "delta = L^-alpha and by ", largest_output(&t->net), type,
            s->readme ? " or a larger --gamma" : ", a smaller --alpha, or --variant readme (no delta)");
    return ovp_run_warning(t->lab->run,
                           "layers %lld: no weight moved in the first epoch, its steps are 0 or below rounding in %s; "
                           "give a larger --lr",
                           layers, type);
}

/* losses, omegas: lab->steps values; theory likewise. */
static ovp_status train(training *t, double *losses, double *omegas, double *theory) {
    ovp_status status = OVP_OK;
    depth_limit_lab *lab = t->lab;
    const depth_limit_setup *s = &lab->setup;
    const ovp_idx every = ovp_params_int(lab->params, "record-every");
    double lr = t->lr_0;
    void *before = NULL;
    char stage[80];
    OVP_TRY(ovp_alloc(lab->ctx, &before, (ovp_idx)theta_bytes(&t->net), 1));
    memcpy(before, t->net.theta, theta_bytes(&t->net));
    snprintf(stage, sizeof stage, "seed %lld, %lld layers", (long long)t->row.seed, (long long)t->row.layers);
    for (ovp_idx epoch = 0; epoch < s->epochs && !t->row.diverged_at; epoch++) {
        const ovp_idx at = epoch * t->net.pieces;
        const int row = epoch % every == 0 || epoch == s->epochs - 1;
        const double used = lr, start = ovp_seconds();
        depth_limit_scores scores;
        OVP_TRY(depth_limit_epoch(&t->net, lab->ctx, lr, &scores, losses + at, omegas + at));
        t->seconds_train += ovp_seconds() - start;
        t->epochs++;
        if (epoch == 0) OVP_TRY(check_movement(t, before));
        if (t->has_line) {
            theory[at] = depth_limit_line_loss(&t->line);
            depth_limit_line_step(&t->line, lr);
        }
        if (!isfinite(scores.loss) || !depth_limit_is_finite(&t->net)) t->row.diverged_at = epoch + 1;
        const int measured = !t->row.diverged_at && (row || s->dynamic);
        if (measured) OVP_TRY(measure_path(t));
        if (measured && s->dynamic) OVP_TRY(follow_variation(t, &lr));
        if (row || t->row.diverged_at)
            OVP_TRY(report_epoch(t, epoch, &scores, used, t->has_line ? theory[at] : (double)NAN, measured));
        ovp_run_progress(lab->run, &(ovp_progress){stage, "epochs", epoch + 1, s->epochs, "loss", scores.loss});
    }
    t->row.lr = lr;
done:
    ovp_free(lab->ctx, before);
    return status;
}

/* ---- what is left of it -------------------------------------------------------------------------- */

static ovp_status measure(training *t, const double *omegas) {
    ovp_status status = OVP_OK;
    depth_limit_lab *lab = t->lab;
    depth_limit_row *row = &t->row;
    const ovp_idx layers = row->layers, dim = lab->setup.dim, cells = dim * dim;
    ovp_idx entries[DEPTH_LIMIT_ENTRIES][2];
    const ovp_idx entry_count = depth_limit_entries(dim, entries);
    const double start = ovp_seconds();
    double *x = NULL;
    OVP_TRY(depth_limit_train_scores(&t->net, lab->ctx, &row->train));
    OVP_TRY(depth_limit_test_scores(&t->net, lab->ctx, &row->test));
    t->seconds_test = ovp_seconds() - start;
    OVP_TRY(ovp_alloc(lab->ctx, &x, layers * cells, sizeof *x));
    OVP_TRY(ovp_alloc(lab->ctx, &row->norms, layers, sizeof *row->norms));
    OVP_TRY(ovp_alloc(lab->ctx, &row->paths, entry_count * layers, sizeof *row->paths));
    depth_limit_path(&t->net, x);
    depth_limit_norms(layers, cells, x, row->norms);
    depth_limit_profile_of(&row->profile, layers, row->norms);
    row->coordinate = depth_limit_coordinate_variation(layers, cells, x);
    row->variation = t->variation[0];
    for (ovp_idx e = 0; e < entry_count; e++)
        for (ovp_idx k = 0; k < layers; k++)
            row->paths[e * layers + k] = x[k * cells + entries[e][0] * dim + entries[e][1]];
    if (lab->setup.omega)
        OVP_TRY(depth_limit_fit_omega(&row->omega, &row->omega_r2, lab->ctx, lab->steps, t->net.pieces, omegas));
done:
    ovp_free(lab->ctx, x);
    return status;
}

/* Settings are not const, and written ones not changed. */
static char *text(const char *constant) {
    return (char *)(uintptr_t)constant;
}

/* For later runs. Not of the README's inc-skip, whose model sees differences of the weights. */
static ovp_status describe_net(const training *t) {
    ovp_status status = OVP_OK;
    const depth_limit_net *net = &t->net;
    const depth_limit_setup *s = &t->lab->setup;
    const ovp_net_residual_options options = depth_limit_model_options(net);
    const ovp_net_targets targets = depth_limit_targets(net, net->samples->y, 0);
    char prefix[64], data[80];
    if (net->steps) return OVP_OK;
    snprintf(prefix, sizeof prefix, "layers%lld.seed%lld", (long long)net->layers, (long long)t->row.seed);
    snprintf(data, sizeof data, "data.%s", prefix);
    /* The README's power loss has a factor that the net's loss has not. */
    const study_kept kept = {.residual = &options,
                             .targets = &targets,
                             .data = data,
                             .loss = s->readme && !s->classify ? (double)NAN : t->row.train.loss};
    OVP_TRY(study_describe_net(t->lab->run, prefix, &kept));
    OVP_TRY(depth_limit_samples_describe(net->samples, t->lab->run, data, s, &targets));
done:
    return status;
}

static ovp_status export_weights(const training *t) {
    ovp_status status = OVP_OK;
    const depth_limit_lab *lab = t->lab;
    const depth_limit_net *net = &t->net;
    const depth_limit_setup *s = &lab->setup;
    const ovp_numeric_array arrays[] = {
        {.type = s->type, .ndim = 3, .shape = {net->layers, s->dim, s->dim}, .data = net->theta},
        {.type = s->type, .ndim = 2, .shape = {s->dim, net->inputs}, .data = net->read_in},
        {.type = s->type, .ndim = 2, .shape = {net->outputs, s->dim}, .data = net->read_out},
    };
    char blocks[] = "blocks", read_in[] = "read_in", read_out[] = "read_out", name[96], alpha[32], gamma[32], seed[32];
    ovp_io_named_array named[] = {{blocks, arrays[0]}, {read_in, arrays[1]}, {read_out, arrays[2]}};
    ovp_idx values = 0;
    for (ovp_idx i = 0; i < COUNT(named); i++) values += ovp_numeric_array_count(&arrays[i]);
    if (!study_keeps_weights(lab->run, values))
        return ovp_run_warning(lab->run, "layers %lld: %lld weights were not kept; --save-weights keeps them",
                               (long long)net->layers, (long long)values);
    for (ovp_idx i = 0; i < COUNT(named); i++) {
        snprintf(name, sizeof name, "layers%lld.seed%lld.%s", (long long)net->layers, (long long)t->row.seed,
                 named[i].name);
        OVP_TRY(ovp_run_weight(lab->run, name, &arrays[i]));
    }
    ovp_format_real(alpha, s->alpha);
    ovp_format_real(gamma, s->gamma);
    snprintf(seed, sizeof seed, "%lld", (long long)t->row.seed);
    ovp_io_setting about[] = {{text("experiment"), text("depth-limit"), 0},
                              {text("seed"), seed, 0},
                              {text("alpha"), alpha, 0},
                              {text("gamma"), gamma, 0},
                              {text("activation"), text(s->activation), 0},
                              {text("augmentation"), text(s->augmentation), 0},
                              {text("init"), text(s->init), 0},
                              {text("variant"), text(s->readme ? "readme" : "code"), 0}};
    const ovp_io_safetensors file = {
        .arrays = named, .count = COUNT(named), .metadata = about, .metadata_count = COUNT(about)};
    snprintf(name, sizeof name, "layers%lld-seed%lld", (long long)net->layers, (long long)t->row.seed);
    OVP_TRY(ovp_run_tensors(lab->run, name, &file));
    OVP_TRY(describe_net(t));
done:
    return status;
}

static ovp_status report(const training *t) {
    ovp_status status = OVP_OK;
    const depth_limit_row *r = &t->row;
    const double train = t->seconds_train, pvar = t->seconds_pvar;
    const ovp_store_cell cells[] = {
        ovp_cell_int(r->layers),
        ovp_cell_int(r->seed),
        ovp_cell_finite(r->train.loss),
        ovp_cell_finite(r->profile.least),
        ovp_cell_finite(r->profile.least_at),
        ovp_cell_finite(r->variation),
        ovp_cell_finite(r->profile.mean),
        ovp_cell_finite(r->profile.first),
        ovp_cell_finite(r->profile.middle),
        ovp_cell_finite(r->profile.last),
        ovp_cell_finite(r->profile.early),
        ovp_cell_finite(r->coordinate),
        ovp_cell_finite(r->train.omega),
        ovp_cell_finite(r->omega.scale),
        ovp_cell_finite(r->omega.rho),
        ovp_cell_finite(r->omega.rho_se),
        ovp_cell_finite(r->omega.shift),
        ovp_cell_finite(r->omega_r2),
        ovp_cell_finite(r->train.macro.accuracy),
        ovp_cell_finite(r->test.loss),
        ovp_cell_finite(r->test.macro.accuracy),
        ovp_cell_finite(r->test.macro.precision),
        ovp_cell_finite(r->test.macro.recall),
        ovp_cell_text(r->diverged_at ? "diverged" : "ok"),
        r->diverged_at ? ovp_cell_int(r->diverged_at) : ovp_cell_null(),
    };
    const ovp_store_cell times[] = {
        ovp_cell_int(r->layers),
        ovp_cell_int(r->seed),
        ovp_cell_real(train),
        ovp_cell_finite(train / (double)t->epochs),
        ovp_cell_real(pvar),
        ovp_cell_finite(pvar / (double)t->recorded),
        ovp_cell_real(t->seconds_test),
    };
    OVP_TRY(ovp_run_row(t->lab->run, "depths", cells));
    OVP_TRY(ovp_run_row(t->lab->run, "timings", times));
    if (r->diverged_at)
        OVP_TRY(ovp_run_warning(t->lab->run, "layers %lld, seed %lld diverged in epoch %lld; a smaller --lr trains it",
                                (long long)r->layers, (long long)r->seed, (long long)r->diverged_at));
done:
    return status;
}

/* ---- streams ------------------------------------------------------------------------------------- */

/* The stream of a net's samples: torch goes on with the net's own unless --data-seed asks for another. */
static ovp_status data_stream(ovp_numeric_rng **out, const depth_limit_lab *lab, int64_t seed) {
    const int torch = strcmp(ovp_params_text(lab->params, "rng"), "torch") == 0;
    *out = NULL;
    if (torch && !ovp_params_is_set(lab->params, "data-seed")) return OVP_OK;
    return study_stream(out, lab->run, ovp_run_data_seed(lab->run, seed), OVP_PURPOSE_DATA, 0);
}

static depth_limit_row empty_row(ovp_idx layers, int64_t seed) {
    const depth_limit_scores none = {NAN, NAN, NAN, {NAN, NAN, NAN}};
    const depth_limit_profile flat = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    return (depth_limit_row){.layers = layers,
                             .seed = seed,
                             .train = none,
                             .test = none,
                             .profile = flat,
                             .variation = NAN,
                             .coordinate = NAN,
                             .omega = depth_limit_no_decay(),
                             .omega_r2 = NAN};
}

/* Place for the curves of the nets, known with the first one's number of batches. */
static ovp_status make_room(depth_limit_lab *lab, const depth_limit_net *net) {
    ovp_status status = OVP_OK;
    const ovp_idx nets = lab->seed_count * lab->layer_count;
    if (lab->losses) return OVP_OK;
    lab->steps = lab->setup.epochs * net->pieces;
    OVP_TRY(ovp_alloc(lab->ctx, &lab->losses, 3 * nets * lab->steps, sizeof *lab->losses));
    lab->omegas = lab->losses + nets * lab->steps;
    lab->theory = lab->omegas + nets * lab->steps;
    for (ovp_idx i = 0; i < 3 * nets * lab->steps; i++) lab->losses[i] = NAN;
done:
    return status;
}

static ovp_status one_net(depth_limit_lab *lab, int64_t seed, ovp_idx layers) {
    ovp_status status = OVP_OK;
    training t = {.lab = lab, .row = empty_row(layers, seed), .lr_0 = depth_limit_first_lr(&lab->setup, layers)};
    depth_limit_samples samples = {.rows = 0};
    ovp_numeric_rng *rng = NULL, *data_rng = NULL;
    OVP_TRY(study_stream(&rng, lab->run, seed, OVP_PURPOSE_INIT, 0)); /* for every depth the same U and V */
    OVP_TRY(depth_limit_net_create(&t.net, lab->ctx, &lab->setup, layers, lab->data.inputs, lab->data.outputs, rng));
    OVP_TRY(data_stream(&data_rng, lab, seed));
    OVP_TRY(depth_limit_samples_draw(&samples, lab->ctx, &lab->setup, &lab->data, data_rng ? data_rng : rng));
    OVP_TRY(depth_limit_net_bind(&t.net, lab->ctx, &samples));
    OVP_TRY(make_room(lab, &t.net));
    t.has_line = depth_limit_has_line(&lab->setup, &lab->data);
    if (t.has_line) t.line = depth_limit_line_of(&t.net);
    const ovp_idx at = lab->count * lab->steps;
    OVP_TRY(train(&t, lab->losses + at, lab->omegas + at, lab->theory + at));
    if (!t.row.diverged_at) {
        OVP_TRY(measure(&t, lab->omegas + at));
        OVP_TRY(export_weights(&t));
    }
    OVP_TRY(report(&t));
    lab->rows[lab->count++] = t.row;
    t.row.norms = t.row.paths = NULL;
done:
    ovp_free(lab->ctx, t.row.norms);
    ovp_free(lab->ctx, t.row.paths);
    depth_limit_net_free(lab->ctx, &t.net);
    depth_limit_samples_free(lab->ctx, &samples);
    ovp_numeric_rng_free(data_rng);
    ovp_numeric_rng_free(rng);
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static ovp_status describe(const depth_limit_lab *lab) {
    const depth_limit_setup *s = &lab->setup;
    json_t *about = json_pack(
        "{s:{s:s, s:I, s:I, s:I, s:s, s:s, s:f, s:f, s:s, s:s, s:s}, s:{s:s, s:f, s:I}}", "model", "architecture",
        "residual: U, blocks, V without biases", "inputs", (json_int_t)lab->data.inputs, "dim", (json_int_t)s->dim,
        "outputs", (json_int_t)lab->data.outputs, "activation", s->activation, "augmentation", s->augmentation, "alpha",
        s->alpha, "gamma", s->gamma, "init", s->init, "variant", s->readme ? "readme" : "code", "names",
        "layers<L>.seed<seed>.blocks [L, dim, dim], read_in [dim, inputs], read_out [outputs, dim]", "data", "dataset",
        s->dataset, "fraction", s->classify ? s->fraction : .9, "samples",
        (json_int_t)(s->classify ? lab->data.set.x_train.shape[0] : s->num_samples));
    const ovp_status status = about ? ovp_run_describe(lab->run, about)
                                    : ovp_fail(lab->ctx, OVP_ENOMEM, "depth-limit: out of memory for the description");
    json_decref(about);
    return status;
}

static void lab_free(depth_limit_lab *lab) {
    for (ovp_idx i = 0; i < lab->count; i++) {
        ovp_free(lab->ctx, lab->rows[i].norms);
        ovp_free(lab->ctx, lab->rows[i].paths);
    }
    ovp_free(lab->ctx, lab->rows);
    ovp_free(lab->ctx, lab->losses);
    depth_limit_data_free(lab->ctx, &lab->data);
}

ovp_status depth_limit_run(ovp_experiment_run *run) {
    ovp_status status = OVP_OK, end;
    depth_limit_lab lab = {.run = run, .ctx = ovp_run_ctx(run), .params = ovp_run_params(run)};
    lab.setup = depth_limit_setup_of(lab.params);
    lab.seeds = ovp_run_seeds(run, &lab.seed_count);
    lab.layers = ovp_params_ints(lab.params, "layers", &lab.layer_count);
    OVP_TRY(ovp_alloc(lab.ctx, &lab.rows, lab.seed_count * lab.layer_count, sizeof *lab.rows));
    OVP_TRY(depth_limit_data_load(&lab.data, lab.ctx, &lab.setup));
    OVP_TRY(describe(&lab));
    for (ovp_idx i = 0; i < lab.seed_count * lab.layer_count && status == OVP_OK; i++)
        status = one_net(&lab, lab.seeds[i / lab.layer_count], lab.layers[i % lab.layer_count]);
    /* Also for the nets that were finished before an interruption. */
    end = depth_limit_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    lab_free(&lab);
    return status;
}
