/* lazy-1d: settings of a mode, data, nets in the order of their draws, and their training side by side. */
#include "lazy_1d_int.h"

#include <stdio.h>
#include <string.h>

const char *const lazy_1d_measures[LAZY_1D_MEASURES] = {"movement_all", "movement_last_layer", "movement_output_bias"};

/* ---- settings ------------------------------------------------------------------------------------ */

typedef struct mode_values {
    const char *name, *model;
    int64_t widths[4];
    ovp_idx width_count, members, steps, batch, bad_steps;
    double lr;
} mode_values;

/* As published. */
static const mode_values modes[] = {
    {"single", "deep", {10}, 1, 1, 10000, 15, 0, .1},
    {"robustness", "shallow", {10}, 1, 10, 5000, 30, 0, .001},
    {"thin-vs-wide", "shallow", {5, 10, 100, 1000}, 4, 1, 50000, 15, 0, .002},
    {"bad-init", "shallow", {100}, 1, 10, 1000, 30, 2, .001},
};

void lazy_1d_setup_read(lazy_1d_setup *out, const ovp_params *p) {
    const char *name = ovp_params_text(p, "mode"), *model = ovp_params_text(p, "model");
    const mode_values *mode = modes;
    while (strcmp(mode->name, name) != 0) mode++; /* a choice of these names */
    const ovp_idx members = ovp_params_int(p, "members"), steps = ovp_params_int(p, "steps");
    const ovp_idx batch = ovp_params_int(p, "batch");
    const double lr = ovp_params_real(p, "lr");
    *out = (lazy_1d_setup){.mode = mode->name,
                           .target = ovp_params_text(p, "target"),
                           .model = strcmp(model, "auto") == 0 ? mode->model : model,
                           .torch = strcmp(ovp_params_text(p, "rng"), "torch") == 0,
                           .gap = ovp_params_bool(p, "gap"),
                           .n = ovp_params_int(p, "n"),
                           .members = members ? members : mode->members,
                           .steps = steps ? steps : mode->steps,
                           .batch = batch ? batch : mode->batch,
                           .record_every = ovp_params_int(p, "record-every"),
                           .noise = ovp_params_real(p, "noise"),
                           .lr = lr > 0 ? lr : mode->lr,
                           .low = ovp_params_real(p, "x-min"),
                           .high = ovp_params_real(p, "x-max"),
                           .target_loss = ovp_params_real(p, "target-loss"),
                           .bad_steps = mode->bad_steps,
                           .bad_lr = 1,
                           .type = strcmp(ovp_params_text(p, "precision"), "f64") == 0 ? OVP_F64 : OVP_F32,
                           .engine = ovp_params_text(p, "engine")};
    out->widths = ovp_params_ints(p, "widths", &out->width_count);
    if (out->width_count == 1 && out->widths[0] == 0) {
        out->widths = mode->widths;
        out->width_count = mode->width_count;
    }
}

int lazy_1d_mini(const lazy_1d_setup *setup) {
    return setup->batch < setup->n;
}

ovp_idx lazy_1d_shuffles(ovp_idx n, ovp_idx batch, ovp_idx steps) {
    ovp_idx position = 0, shuffles = 0;
    for (ovp_idx k = 0; k < steps; k++) {
        shuffles += batch > n - position;
        position = (position + batch % n) % n;
    }
    return shuffles;
}

ovp_idx lazy_1d_records(ovp_idx *out, ovp_idx steps, ovp_idx every) {
    const double per_decade = 30;
    ovp_idx count = 0, at = 0;
    for (ovp_idx k = 0; at < steps; k++) {
        const ovp_idx next = every > 0 ? (k + 1) * every : (ovp_idx)rint(pow(10, (double)k / per_decade));
        if (next <= at) continue;
        at = next < steps ? next : steps;
        if (out) out[count] = at;
        count++;
    }
    return count;
}

/* ---- data ---------------------------------------------------------------------------------------- */

static double number_at(const void *values, ovp_numeric_type type, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

/* The stream that the published program has for data and batches: numpy's of data-seed; or ours of `purpose`. */
static ovp_status data_stream(ovp_numeric_rng **out, const lazy_1d_lab *lab, int64_t seed, ovp_numeric_purpose purpose,
                              uint64_t index) {
    const int64_t own = ovp_run_data_seed(lab->run, seed);
    if (lab->setup.torch) return ovp_numeric_rng_create(out, lab->ctx, OVP_RNG_NUMPY, own, purpose, 0);
    return study_stream(out, lab->run, purpose == OVP_PURPOSE_DATA ? own : seed, purpose, index);
}

static ovp_status make_data(lazy_1d_data *data, lazy_1d_lab *lab, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    const lazy_1d_setup *s = &lab->setup;
    ovp_data_synthetic_options o;
    void *f = NULL;
    OVP_TRY(ovp_data_synthetic_defaults(&o, lab->ctx, s->target));
    o.rng = rng;
    o.type = s->type;
    o.train = s->n;
    o.low = s->low;
    o.high = s->high;
    o.noise = s->noise;
    OVP_TRY(ovp_data_synthetic(&data->set, lab->ctx, s->target, &o));
    OVP_TRY(ovp_alloc(lab->ctx, &data->x64, 2 * s->n + LAZY_1D_GRID, sizeof *data->x64));
    data->y64 = data->x64 + s->n;
    data->f = data->y64 + s->n;
    for (ovp_idx i = 0; i < s->n; i++) {
        data->x64[i] = number_at(data->set.x.data, s->type, i);
        data->y64[i] = number_at(data->set.y.data, s->type, i);
    }
    data->targets = (ovp_net_targets){.loss = OVP_LOSS_MSE, .values = data->set.y.data};
    data->wide_targets = (ovp_net_targets){.loss = OVP_LOSS_MSE, .values = data->y64};
    OVP_TRY(ovp_alloc(lab->ctx, &f, LAZY_1D_GRID, ovp_numeric_type_size(s->type)));
    OVP_TRY(ovp_data_synthetic_values(&data->set, lab->ctx, LAZY_1D_GRID, lab->grid, f));
    for (ovp_idx i = 0; i < LAZY_1D_GRID; i++) data->f[i] = number_at(f, s->type, i);
done:
    ovp_free(lab->ctx, f);
    return status;
}

static ovp_status make_grid(lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    const lazy_1d_setup *s = &lab->setup;
    OVP_TRY(ovp_alloc(lab->ctx, &lab->grid, LAZY_1D_GRID, ovp_numeric_type_size(s->type)));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->grid64, LAZY_1D_GRID, sizeof *lab->grid64));
    for (ovp_idx i = 0; i < LAZY_1D_GRID; i++) {
        const double x = s->low + (s->high - s->low) * (double)i / (LAZY_1D_GRID - 1);
        lab->grid64[i] = x;
        if (s->type == OVP_F32)
            ((float *)lab->grid)[i] = (float)x;
        else
            ((double *)lab->grid)[i] = x;
    }
done:
    return status;
}

/* ---- nets ---------------------------------------------------------------------------------------- */

enum { DEEP_LAYERS = 6 };

static ovp_net_dense_options net_options(const lazy_1d_setup *s, ovp_idx width, ovp_numeric_type type,
                                         ovp_idx widths[DEEP_LAYERS + 1]) {
    const ovp_idx layers = strcmp(s->model, "deep") == 0 ? DEEP_LAYERS : 2;
    for (ovp_idx l = 1; l < layers; l++) widths[l] = width;
    widths[0] = widths[layers] = 1;
    return (ovp_net_dense_options){.size = sizeof(ovp_net_dense_options),
                                   .layers = layers,
                                   .widths = widths,
                                   .activation = "relu",
                                   .type = type,
                                   .engine = s->engine};
}

static ovp_train_options train_options(const lazy_1d_setup *s, double lr, ovp_numeric_rng *order) {
    ovp_train_options options = {.size = sizeof options, .optimiser = "sgd", .lr = lr};
    if (order) options.batches = (ovp_train_batches){.size = s->batch, .order = "cycle", .rng = order};
    return options;
}

/* to goes on where from stands. */
static ovp_status fork_stream(ovp_numeric_rng *to, const ovp_numeric_rng *from) {
    unsigned char state[OVP_NUMERIC_RNG_STATE_BYTES];
    ovp_numeric_rng_save(from, state);
    return ovp_numeric_rng_load(to, state, sizeof state);
}

/* The stream after the shuffles of `steps` steps. */
static ovp_status skip(ovp_numeric_rng *rng, const lazy_1d_lab *lab, ovp_idx steps) {
    int64_t *scratch;
    ovp_status status = ovp_alloc(lab->ctx, &scratch, lab->setup.n, sizeof *scratch);
    const ovp_idx shuffles = lazy_1d_shuffles(lab->setup.n, lab->setup.batch, steps);
    for (ovp_idx k = 0; status == OVP_OK && k < shuffles; k++) {
        ovp_numeric_rng_permutation(rng, lab->setup.n, scratch);
        if (k % 1024 == 0) status = ovp_check(lab->ctx);
    }
    ovp_free(lab->ctx, scratch);
    return status;
}

/* Two steps of rate 1 on what was just drawn. */
static ovp_status bad_start(lazy_1d_net *net, lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    const lazy_1d_data *data = &lab->data[net->seed_at];
    const ovp_train_options bad = train_options(&lab->setup, lab->setup.bad_lr, net->order);
    OVP_TRY(study_net_train(&net->net, lab->ctx, data->set.x.data, lab->setup.n, &data->targets, &bad));
    for (ovp_idx k = 0; k < lab->setup.bad_steps; k++) OVP_TRY(ovp_train_step(net->net.trainer, NULL));
    study_net_mark(&net->net);
done:
    return status;
}

/* theta of an f32 net, widened tensor by tensor: engines lay them out as they like. */
static ovp_status widen(study_net *to, const study_net *from, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    const ovp_net_slice *narrow = ovp_net_model_slices(from->model, &count);
    const ovp_net_slice *wide = ovp_net_model_slices(to->model, &count);
    float *in = NULL;
    double *out = NULL;
    OVP_TRY(ovp_alloc(ctx, &in, ovp_net_model_parameters(from->model), sizeof *in));
    OVP_TRY(ovp_alloc(ctx, &out, ovp_net_model_parameters(from->model), sizeof *out));
    for (ovp_idx l = 0; l < count; l++) {
        ovp_net_slice_get(from->model, &narrow[l], from->theta, in);
        for (ovp_idx i = 0; i < narrow[l].count; i++) out[i] = (double)in[i];
        ovp_net_slice_set(to->model, &wide[l], out, to->theta);
    }
    study_net_mark(to);
done:
    ovp_free(ctx, out);
    ovp_free(ctx, in);
    return status;
}

static ovp_status make_twin(lazy_1d_net *net, lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    const lazy_1d_data *data = &lab->data[net->seed_at];
    ovp_idx widths[DEEP_LAYERS + 1];
    const ovp_net_dense_options options = net_options(&lab->setup, net->width, OVP_F64, widths);
    OVP_TRY(study_net_create(&net->twin, lab->ctx, &options, NULL, 0, NULL));
    OVP_TRY(widen(&net->twin, &net->net, lab->ctx));
    if (net->order) {
        OVP_TRY(data_stream(&net->twin_order, lab, net->seed, OVP_PURPOSE_BATCH, 0));
        OVP_TRY(fork_stream(net->twin_order, net->order));
    }
    const ovp_train_options sgd = train_options(&lab->setup, lab->setup.lr, net->twin_order);
    OVP_TRY(study_net_train(&net->twin, lab->ctx, data->x64, lab->setup.n, &data->wide_targets, &sgd));
done:
    return status;
}

/* Philox streams: one a net, whatever else is in the list. */
static uint64_t index_of(const lazy_1d_net *net) {
    return (uint64_t)net->width | (uint64_t)net->member << 40;
}

/* Draws one net, with its bad steps. torch: inits from `stream`, shuffles from `shuffles`, which go on. */
static ovp_status draw_net(lazy_1d_net *net, lazy_1d_lab *lab, ovp_numeric_rng *stream, ovp_numeric_rng *shuffles) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *own = NULL;
    ovp_idx widths[DEEP_LAYERS + 1];
    const ovp_net_dense_options options = net_options(&lab->setup, net->width, lab->setup.type, widths);
    if (!lab->setup.torch) OVP_TRY(study_stream(&own, lab->run, net->seed, OVP_PURPOSE_INIT, index_of(net)));
    OVP_TRY(study_net_create(&net->net, lab->ctx, &options, "torch-default", 0, own ? own : stream));
    OVP_TRY(ovp_alloc(lab->ctx, &net->before, ovp_net_model_parameters(net->net.model),
                      ovp_numeric_type_size(lab->setup.type)));
    if (lazy_1d_mini(&lab->setup)) OVP_TRY(data_stream(&net->order, lab, net->seed, OVP_PURPOSE_BATCH, index_of(net)));
    if (net->order && lab->setup.torch) {
        OVP_TRY(fork_stream(net->order, shuffles));
        OVP_TRY(skip(shuffles, lab, lab->setup.bad_steps));
    }
    if (lab->setup.bad_steps > 0) OVP_TRY(bad_start(net, lab));
done:
    ovp_numeric_rng_free(own);
    return status;
}

static ovp_status ready_net(lazy_1d_net *net, lazy_1d_lab *lab, ovp_numeric_rng *shuffles) {
    ovp_status status = OVP_OK;
    const lazy_1d_data *data = &lab->data[net->seed_at];
    const ovp_train_options sgd = train_options(&lab->setup, lab->setup.lr, net->order);
    if (net->order && lab->setup.torch) {
        OVP_TRY(fork_stream(net->order, shuffles));
        OVP_TRY(skip(shuffles, lab, lab->setup.steps));
    }
    OVP_TRY(study_net_train(&net->net, lab->ctx, data->set.x.data, lab->setup.n, &data->targets, &sgd));
    if (lab->setup.gap) OVP_TRY(make_twin(net, lab));
done:
    return status;
}

/* One seed: data, then all nets in the order of the list, then their batches. */
static ovp_status make_seed(lazy_1d_lab *lab, ovp_idx s) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *data = NULL, *init = NULL;
    lazy_1d_net *net = lab->nets + s * lab->per_seed;
    OVP_TRY(data_stream(&data, lab, lab->seeds[s], OVP_PURPOSE_DATA, 0));
    OVP_TRY(make_data(&lab->data[s], lab, data));
    if (lab->setup.torch) OVP_TRY(study_stream(&init, lab->run, lab->seeds[s], OVP_PURPOSE_INIT, 0));
    for (ovp_idx i = 0; i < lab->per_seed; i++) OVP_TRY(draw_net(&net[i], lab, init, data));
    for (ovp_idx i = 0; i < lab->per_seed; i++) OVP_TRY(ready_net(&net[i], lab, data));
done:
    ovp_numeric_rng_free(init);
    ovp_numeric_rng_free(data);
    return status;
}

/* Which net of its seed: widths in the order of the list, members of each one after another. */
static void place(lazy_1d_lab *lab, ovp_idx i, double *at) {
    const lazy_1d_setup *s = &lab->setup;
    const ovp_idx inner = i % lab->per_seed, entry = inner / s->members;
    ovp_idx earlier = 0;
    for (ovp_idx k = 0; k < entry; k++) earlier += s->widths[k] == s->widths[entry];
    lab->nets[i] = (lazy_1d_net){.width = s->widths[entry],
                                 .member = earlier * s->members + inner % s->members,
                                 .seed_at = i / lab->per_seed,
                                 .seed = lab->seeds[i / lab->per_seed],
                                 .lab = lab,
                                 .losses = at,
                                 .movement = at + s->steps,
                                 .step_size = at + s->steps + lab->record_count,
                                 .start = at + s->steps + 2 * lab->record_count,
                                 .final_loss = NAN,
                                 .moved = {NAN, NAN, NAN},
                                 .moved_published = NAN,
                                 .first_bias = NAN,
                                 .risk = NAN,
                                 .steps_to_loss = NAN};
    lab->nets[i].end = lab->nets[i].start + LAZY_1D_GRID;
    if (s->gap) lab->nets[i].twin_losses = lab->nets[i].end + LAZY_1D_GRID;
}

static ovp_idx gap_steps(const lazy_1d_setup *s) {
    return s->steps < LAZY_1D_GAP_STEPS ? s->steps : LAZY_1D_GAP_STEPS;
}

/* Numbers kept of a net. */
static ovp_idx values_of(const lazy_1d_setup *s) {
    return s->steps + 2 * lazy_1d_records(NULL, s->steps, s->record_every) + 2 * LAZY_1D_GRID +
           (s->gap ? gap_steps(s) : 0);
}

ovp_status lazy_1d_check_memory(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    lazy_1d_setup s;
    ovp_idx seeds;
    lazy_1d_setup_read(&s, p);
    OVP_TRY(study_seed_count(&seeds, ctx, &ovp_experiment_lazy_1d, p));
    const double each = (double)seeds * (double)s.members, nets = each * (double)s.width_count;
    double need = 2 * 8.0 * (double)values_of(&s) * nets; /* arrays are copied once for their file */
    for (ovp_idx w = 0; w < s.width_count; w++) {
        ovp_idx widths[DEEP_LAYERS + 1];
        const ovp_net_dense_options options = net_options(&s, s.widths[w], s.type, widths);
        need += each * (double)ovp_net_dense_memory(&options, s.n);
    }
    status = study_check_memory(ctx, need, "give fewer --seeds, --members or --steps, or smaller --widths",
                                "lazy-1d: %.0f nets of %lld steps need", nets, (long long)s.steps);
done:
    return status;
}

/* Recorded steps, and for each the step before it; the first (for its bias) and the last. */
static ovp_status make_watches(lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    const lazy_1d_setup *s = &lab->setup;
    ovp_idx count = 0;
    lab->record_count = lazy_1d_records(NULL, s->steps, s->record_every);
    OVP_TRY(ovp_alloc(lab->ctx, &lab->records, 3 * lab->record_count + 1, sizeof *lab->records));
    lazy_1d_records(lab->records, s->steps, s->record_every);
    lab->watches = lab->records + lab->record_count;
    if (lab->records[0] > 2) lab->watches[count++] = 1;
    for (ovp_idx k = 0; k < lab->record_count; k++)
        for (ovp_idx step = lab->records[k] - 1; step <= lab->records[k]; step++)
            if (count == 0 || step > lab->watches[count - 1]) lab->watches[count++] = step;
    lab->watch_count = count;
done:
    return status;
}

ovp_status lazy_1d_lab_create(lazy_1d_lab *lab, ovp_experiment_run *run) {
    ovp_status status = OVP_OK;
    *lab = (lazy_1d_lab){.run = run, .ctx = ovp_run_ctx(run)};
    lazy_1d_setup_read(&lab->setup, ovp_run_params(run));
    lab->seeds = ovp_run_seeds(run, &lab->seed_count);
    lab->per_seed = lab->setup.width_count * lab->setup.members;
    OVP_TRY(make_watches(lab));
    lab->count = lab->seed_count * lab->per_seed;
    const ovp_idx values = values_of(&lab->setup);
    OVP_TRY(ovp_alloc(lab->ctx, &lab->nets, lab->count, sizeof *lab->nets));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->data, lab->seed_count, sizeof *lab->data));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->block, lab->count * values, sizeof *lab->block));
    OVP_TRY(make_grid(lab));
    for (ovp_idx i = 0; i < lab->count; i++) {
        double *at = lab->block + i * values;
        place(lab, i, at);
        for (ovp_idx k = 0; k < values; k++) at[k] = NAN;
    }
    for (ovp_idx s = 0; s < lab->seed_count; s++) OVP_TRY(make_seed(lab, s));
done:
    return status;
}

void lazy_1d_lab_free(lazy_1d_lab *lab) {
    for (ovp_idx i = 0; lab->nets && i < lab->count; i++) {
        study_net_free(lab->ctx, &lab->nets[i].net);
        study_net_free(lab->ctx, &lab->nets[i].twin);
        ovp_numeric_rng_free(lab->nets[i].order);
        ovp_numeric_rng_free(lab->nets[i].twin_order);
        ovp_free(lab->ctx, lab->nets[i].before);
    }
    for (ovp_idx s = 0; lab->data && s < lab->seed_count; s++) {
        ovp_data_synthetic_free(lab->ctx, &lab->data[s].set);
        ovp_free(lab->ctx, lab->data[s].x64);
    }
    ovp_free(lab->ctx, lab->records);
    ovp_free(lab->ctx, lab->grid);
    ovp_free(lab->ctx, lab->grid64);
    ovp_free(lab->ctx, lab->block);
    ovp_free(lab->ctx, lab->data);
    ovp_free(lab->ctx, lab->nets);
}

/* ---- training ------------------------------------------------------------------------------------ */

/* ||a - b|| and ||b|| over the parameters from `first` on, `count` of them. */
static void distance(ovp_numeric_type type, ovp_idx count, const void *a, const void *b, double *apart, double *norm) {
    double difference = 0, squares = 0;
    for (ovp_idx i = 0; i < count; i++) {
        const double p = number_at(a, type, i), q = number_at(b, type, i);
        difference += (p - q) * (p - q);
        squares += q * q;
    }
    *apart = sqrt(difference);
    *norm = sqrt(squares);
}

static void record(lazy_1d_net *net) {
    const ovp_numeric_type type = net->lab->setup.type;
    const ovp_idx count = ovp_net_model_parameters(net->net.model);
    double apart, norm;
    distance(type, count, net->net.theta, net->net.theta0, &apart, &norm);
    net->movement[net->cursor] = apart / norm;
    distance(type, count, net->before, net->net.theta, &apart, &norm);
    net->step_size[net->cursor++] = apart / norm;
}

static double output_bias(const study_net *net, const void *theta) {
    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_slices(net->model, &count);
    return number_at(theta, ovp_net_model_type(net->model), slices[count - 1].offset);
}

/* The last layer's weight and bias together; the output bias. */
static ovp_status move_last(lazy_1d_net *net, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_slices(net->net.model, &count), *weight = &slices[count - 2];
    const ovp_numeric_type type = net->lab->setup.type;
    char *values = NULL;
    double apart, norm;
    OVP_TRY(ovp_alloc(ctx, &values, 2 * weight->count, ovp_numeric_type_size(type)));
    char *start = values + (size_t)weight->count * ovp_numeric_type_size(type);
    ovp_net_slice_get(net->net.model, weight, net->net.theta, values);
    ovp_net_slice_get(net->net.model, weight, net->net.theta0, start);
    distance(type, weight->count, values, start, &apart, &norm);
    const double bias = output_bias(&net->net, net->net.theta), bias0 = output_bias(&net->net, net->net.theta0);
    net->moved[1] = hypot(apart, bias - bias0) / hypot(norm, bias0);
    net->moved[2] = fabs((bias - bias0) / bias0);
    net->moved_published = fabs((bias - net->first_bias) / net->first_bias);
done:
    ovp_free(ctx, values);
    return status;
}

/* What stands in its row, after the last update. */
static ovp_status finish(lazy_1d_net *net, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const lazy_1d_lab *lab = net->lab;
    const lazy_1d_data *data = &lab->data[net->seed_at];
    const ovp_idx n = lab->setup.n;
    double *outputs = NULL, apart, norm;
    OVP_TRY(study_net_outputs(&net->net, ctx, net->net.theta0, lab->grid, LAZY_1D_GRID, net->start));
    OVP_TRY(study_net_outputs(&net->net, ctx, net->net.theta, lab->grid, LAZY_1D_GRID, net->end));
    OVP_TRY(ovp_alloc(ctx, &outputs, n, sizeof *outputs));
    OVP_TRY(study_net_outputs(&net->net, ctx, net->net.theta, data->set.x.data, n, outputs));
    distance(OVP_F64, n, outputs, data->y64, &apart, &norm);
    net->final_loss = apart * apart / (double)n;
    distance(OVP_F64, LAZY_1D_GRID, net->end, data->f, &apart, &norm);
    net->risk = apart * apart / LAZY_1D_GRID;
    net->moved[0] = net->movement[lab->record_count - 1];
    OVP_TRY(move_last(net, ctx));
    for (ovp_idx k = 0; k <= lab->setup.steps; k++)
        if ((k < lab->setup.steps ? net->losses[k] : net->final_loss) < lab->setup.target_loss) {
            net->steps_to_loss = (double)k;
            break;
        }
    net->finished = 1;
done:
    ovp_free(ctx, outputs);
    return status;
}

static ovp_status watch(void *user, ovp_ctx *ctx, ovp_idx done) {
    lazy_1d_net *net = user;
    const lazy_1d_lab *lab = net->lab;
    if (done == 1) net->first_bias = output_bias(&net->net, net->net.theta);
    if (lab->records[net->cursor] == done) record(net);
    if (done == lab->setup.steps) return finish(net, ctx);
    if (lab->records[net->cursor] == done + 1)
        memcpy(net->before, net->net.theta,
               (size_t)ovp_net_model_parameters(net->net.model) * ovp_numeric_type_size(lab->setup.type));
    return OVP_OK;
}

ovp_status lazy_1d_lab_train(lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    study_job *jobs = NULL;
    ovp_idx count = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &jobs, 2 * lab->count, sizeof *jobs));
    for (ovp_idx i = 0; i < lab->count; i++) {
        lazy_1d_net *net = &lab->nets[i];
        jobs[count++] = (study_job){.net = &net->net,
                                    .steps = lab->setup.steps,
                                    .losses = net->losses,
                                    .watch = watch,
                                    .at = lab->watches,
                                    .at_count = lab->watch_count,
                                    .user = net};
    }
    for (ovp_idx i = 0; lab->setup.gap && i < lab->count; i++)
        jobs[count++] =
            (study_job){.net = &lab->nets[i].twin, .steps = gap_steps(&lab->setup), .losses = lab->nets[i].twin_losses};
    status = study_train(lab->run, "training", jobs, count);
    for (ovp_idx i = 0; i < lab->count; i++) {
        lazy_1d_net *net = &lab->nets[i];
        net->done = jobs[i].done;
        net->diverged_at = jobs[i].diverged_at;
        net->seconds = jobs[i].seconds;
        net->finished |= net->diverged_at > 0;
    }
done:
    ovp_free(lab->ctx, jobs);
    return status;
}
