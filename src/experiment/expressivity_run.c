/* expressivity: drawing the nets and sending the circle through them. */
#include "expressivity_int.h"

#include <stdio.h>
#include <string.h>

/* ---- drawing a net --------------------------------------------------------------------------------- */

/* Arrays of activations are kept up to this many bytes in all, weights up to this many values. */
#define ACTIVATIONS_LIMIT (64 << 20)
#define SAVED_WEIGHTS 1000000

typedef struct draw_work {
    const expressivity_study *study;
    double sigma, sigma_b;
    int64_t seed;
    ovp_idx member, width, depth;
    float *weights, *biases;
} draw_work;

static ovp_idx fan_in(ovp_idx layer, ovp_idx width) {
    return layer == 0 ? 2 : width;
}

static ovp_idx weights_before(ovp_idx layer, ovp_idx width) {
    return layer == 0 ? 0 : 2 * width + (layer - 1) * width * width;
}

static void draw_layer(const draw_work *d, ovp_numeric_rng *rng, ovp_idx layer) {
    const ovp_idx in = fan_in(layer, d->width), out = layer + 1 < d->depth ? d->width : 1;
    ovp_numeric_rng_normal(rng, OVP_F32, in * out, 0, d->sigma / sqrt((double)in),
                           d->weights + weights_before(layer, d->width));
    if (d->biases) {
        ovp_numeric_rng_align(rng);
        ovp_numeric_rng_normal(rng, OVP_F32, out, 0, d->sigma_b, d->biases + layer * d->width);
    }
}

/* philox: a stream a layer, so that no net depends on the others of the run and layers are drawn side by side. The
 * position of a stream is made of sigma's bits, the member and the layer. */
static ovp_status draw_task(ovp_ctx *ctx, void *arg, ovp_idx layer) {
    const draw_work *d = arg;
    ovp_numeric_rng *rng = NULL;
    uint64_t index;
    memcpy(&index, &d->sigma, sizeof index);
    index ^= (uint64_t)d->member << 12 | (uint64_t)layer;
    ovp_status status = ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, d->seed, OVP_PURPOSE_INIT, index);
    if (status == OVP_OK) draw_layer(d, rng, layer);
    ovp_numeric_rng_free(rng);
    return status;
}

/* As the published program: the default initialisation of every layer of the net is drawn first (and forgotten), then
 * normal_ layer by layer, read-out included. */
static void draw_torch(const draw_work *d, ovp_numeric_rng *rng) {
    for (ovp_idx layer = 0; layer < d->depth; layer++) {
        const ovp_idx in = fan_in(layer, d->width), out = layer + 1 < d->depth ? d->width : 1;
        ovp_numeric_rng_uniform(rng, OVP_F32, in * out, -1, 1, d->weights + weights_before(layer, d->width));
        if (d->biases) ovp_numeric_rng_uniform(rng, OVP_F32, out, -1, 1, d->biases + layer * d->width);
    }
    for (ovp_idx layer = 0; layer < d->depth; layer++) draw_layer(d, rng, layer);
}

static ovp_status keep_weights(const draw_work *d, ovp_experiment_run *run) {
    ovp_status status = OVP_OK;
    const ovp_idx all = weights_before(d->depth - 1, d->width) + fan_in(d->depth - 1, d->width);
    if (all > SAVED_WEIGHTS && !ovp_params_bool(d->study->params, "save-weights")) return OVP_OK;
    for (ovp_idx layer = 0; layer < d->depth; layer++) {
        char name[160], sigma[32];
        const ovp_idx out = layer + 1 < d->depth ? d->width : 1;
        ovp_format_real(sigma, d->sigma);
        ovp_numeric_array array = {.type = OVP_F32,
                                   .ndim = 2,
                                   .shape = {out, fan_in(layer, d->width)},
                                   .data = d->weights + weights_before(layer, d->width)};
        snprintf(name, sizeof name, "sigma%s.seed%lld.member%lld.%lld.weight", sigma, (long long)d->seed,
                 (long long)d->member, (long long)layer);
        OVP_TRY(ovp_run_weight(run, name, &array));
        if (!d->biases) continue;
        array = (ovp_numeric_array){.type = OVP_F32, .ndim = 1, .shape = {out}, .data = d->biases + layer * d->width};
        snprintf(name, sizeof name, "sigma%s.seed%lld.member%lld.%lld.bias", sigma, (long long)d->seed,
                 (long long)d->member, (long long)layer);
        OVP_TRY(ovp_run_weight(run, name, &array));
    }
done:
    return status;
}

/* ---- one net ---------------------------------------------------------------------------------------- */

typedef struct curve_lab {
    expressivity_study study;
    float *weights, *biases;
    double *projection;  /* width x 3, of the present seed */
    double *activations; /* nets x hidden x points x width, or NULL */
} curve_lab;

static ovp_status warn_length(const expressivity_study *study, const expressivity_record *r, ovp_idx points) {
    for (ovp_idx layer = 0; layer < study->hidden; layer++) {
        char sigma[32], error[32];
        if (r->layers[layer].error <= study->circle.tolerance) continue;
        ovp_format_real(sigma, study->sigmas[r->sigma]);
        ovp_experiment_short(error, r->layers[layer].error);
        return ovp_run_warning(study->run,
                               "sigma %s, seed %lld: with %lld points the length is not converged from layer %lld on "
                               "(there it changed by a fraction of %s); raise --points-limit or --tolerance",
                               sigma, (long long)study->seeds[r->seed], (long long)points, (long long)layer, error);
    }
    return OVP_OK;
}

static ovp_status one_net(curve_lab *lab, ovp_numeric_rng *torch, ovp_idx sigma, ovp_idx seed, ovp_idx member) {
    ovp_status status = OVP_OK;
    expressivity_study *study = &lab->study;
    expressivity_record *record = &study->records[study->count];
    const ovp_idx width = ovp_params_int(study->params, "width"), cells = study->hidden * study->points;
    draw_work draw = {.study = study,
                      .sigma = study->sigmas[sigma],
                      .sigma_b = ovp_params_real(study->params, "sigma-b"),
                      .seed = study->seeds[seed],
                      .member = member,
                      .width = width,
                      .depth = study->hidden + 1,
                      .weights = lab->weights,
                      .biases = lab->biases};
    const expressivity_net net = {.width = width,
                                  .hidden = study->hidden,
                                  .activation =
                                      ovp_numeric_activation_find(ovp_params_text(study->params, "activation")),
                                  .weights = lab->weights,
                                  .biases = lab->biases};
    expressivity_out out = {.layers = record->layers,
                            .trajectory = study->trajectories + study->count * cells * 3,
                            .activations = lab->activations ? lab->activations + study->count * cells * width : NULL};
    const double start = ovp_seconds();
    record->sigma = sigma;
    record->seed = seed;
    record->member = member;
    if (torch)
        draw_torch(&draw, torch);
    else
        OVP_TRY(ovp_parallel(study->ctx, draw.depth, draw_task, &draw));
    const double drawn = ovp_seconds();
    OVP_TRY(expressivity_send(&out, study->ctx, &net, &study->circle, lab->projection));
    study->count++;
    OVP_TRY(expressivity_rows(study, record));
    OVP_TRY(keep_weights(&draw, study->run));
    const ovp_store_cell cells_time[] = {ovp_cell_real(draw.sigma),    ovp_cell_int(draw.seed),
                                         ovp_cell_int(member),         ovp_cell_int(out.points),
                                         ovp_cell_real(drawn - start), ovp_cell_real(ovp_seconds() - drawn)};
    OVP_TRY(ovp_run_row(study->run, "timings", cells_time));
    OVP_TRY(warn_length(study, record, out.points));
done:
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------------ */

/* Projection: numpy's randn(width, 3) where torch draws the nets, of the data seed. */
static ovp_status draw_projection(curve_lab *lab, int64_t seed) {
    expressivity_study *study = &lab->study;
    const int torch = strcmp(ovp_params_text(study->params, "rng"), "torch") == 0;
    ovp_numeric_rng *rng = NULL;
    ovp_status status = ovp_numeric_rng_create(&rng, study->ctx, torch ? OVP_RNG_NUMPY : OVP_RNG_PHILOX,
                                               ovp_run_data_seed(study->run, seed), OVP_PURPOSE_DATA, 0);
    if (status == OVP_OK)
        ovp_numeric_rng_normal(rng, OVP_F64, 3 * ovp_params_int(study->params, "width"), 0, 1, lab->projection);
    ovp_numeric_rng_free(rng);
    return status;
}

static ovp_status one_seed(curve_lab *lab, ovp_idx seed) {
    ovp_status status = OVP_OK;
    expressivity_study *study = &lab->study;
    ovp_numeric_rng *torch = NULL;
    const ovp_idx nets = study->seed_count * study->members * study->sigma_count;
    if (strcmp(ovp_params_text(study->params, "rng"), "torch") == 0)
        OVP_TRY(ovp_numeric_rng_create(&torch, study->ctx, OVP_RNG_TORCH, study->seeds[seed], OVP_PURPOSE_INIT, 0));
    OVP_TRY(draw_projection(lab, study->seeds[seed]));
    for (ovp_idx member = 0; member < study->members; member++)
        for (ovp_idx sigma = 0; sigma < study->sigma_count; sigma++) {
            OVP_TRY(one_net(lab, torch, sigma, seed, member));
            const ovp_progress progress = {.stage = "circles through nets",
                                           .unit = "nets",
                                           .done = study->count,
                                           .total = nets,
                                           .value_name = NULL,
                                           .value = NAN};
            ovp_run_progress(study->run, &progress);
        }
done:
    ovp_numeric_rng_free(torch);
    return status;
}

/* Offsets of the angles on the circle of points - 1 different points; equal ones once. */
static void set_angles(expressivity_study *study) {
    ovp_idx count;
    const double *asked = ovp_params_reals(study->params, "angles", &count);
    const double turn = (double)(study->points - 1);
    for (ovp_idx k = 0; k < count; k++) {
        const ovp_idx offset = (ovp_idx)fmax(1, rint(asked[k] / 360 * turn));
        int known = 0;
        for (ovp_idx j = 0; j < study->angles; j++) known |= study->circle.offset[j] == offset;
        if (known) continue;
        study->angle[study->angles] = 2 * M_PI * (double)offset / turn;
        study->circle.offset[study->angles++] = offset;
    }
    study->circle.angles = study->angles;
}

static ovp_status make_theory(expressivity_study *study) {
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < study->sigma_count; i++) {
        const expressivity_theory_options options = {.activation = ovp_params_text(study->params, "activation"),
                                                     .sigma = study->sigmas[i],
                                                     .sigma_b = ovp_params_real(study->params, "sigma-b"),
                                                     .radius = study->circle.radius,
                                                     .width = ovp_params_int(study->params, "width"),
                                                     .hidden = study->hidden,
                                                     .angles = study->angles,
                                                     .angle = study->angle};
        OVP_TRY(expressivity_theory_create(&study->theory[i], study->ctx, &options));
    }
done:
    return status;
}

ovp_status expressivity_check_memory(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    const ovp_idx width = ovp_params_int(p, "width"), depth = ovp_params_int(p, "depth"),
                  points = ovp_params_int(p, "points");
    ovp_idx seeds, sigmas;
    (void)ovp_params_reals(p, "sigmas", &sigmas);
    OVP_TRY(study_seed_count(&seeds, ctx, &ovp_experiment_expressivity, p));
    const double nets = (double)seeds * (double)ovp_params_int(p, "members") * (double)sigmas,
                 hidden = (double)depth - 1;
    const double need = 4 * (double)width * (double)width * hidden + expressivity_send_memory(width, points) +
                        24 * nets * hidden * (double)points;
    status = study_check_memory(ctx, need, "give smaller ones or fewer nets",
                                "--width %lld, --depth %lld, --points %lld need", (long long)width, (long long)depth,
                                (long long)points);
done:
    return status;
}

static ovp_status prepare(curve_lab *lab) {
    ovp_status status = OVP_OK;
    expressivity_study *study = &lab->study;
    const ovp_params *p = study->params;
    const ovp_idx width = ovp_params_int(p, "width"), depth = study->hidden + 1;
    const ovp_idx nets = study->seed_count * study->members * study->sigma_count;
    const ovp_idx cells = study->hidden * study->points;
    OVP_TRY(ovp_alloc(study->ctx, &study->theory, study->sigma_count, sizeof *study->theory));
    OVP_TRY(make_theory(study));
    OVP_TRY(ovp_alloc(study->ctx, &study->records, nets, sizeof *study->records));
    for (ovp_idx i = 0; i < nets; i++)
        OVP_TRY(ovp_alloc(study->ctx, &study->records[i].layers, study->hidden, sizeof(expressivity_layer)));
    OVP_TRY(ovp_alloc(study->ctx, &study->trajectories, nets * cells * 3, sizeof(double)));
    OVP_TRY(ovp_alloc(study->ctx, &lab->projection, 3 * width, sizeof(double)));
    OVP_TRY(ovp_alloc(study->ctx, &lab->weights, weights_before(depth, width), sizeof(float)));
    if (ovp_params_real(p, "sigma-b") > 0) OVP_TRY(ovp_alloc(study->ctx, &lab->biases, depth * width, sizeof(float)));
    if ((double)nets * (double)cells * (double)width * sizeof(double) <= ACTIVATIONS_LIMIT)
        OVP_TRY(ovp_alloc(study->ctx, &lab->activations, nets * cells * width, sizeof(double)));
done:
    return status;
}

/* Everything finished, also before an interruption: [net, layer, point, ..], a net a (seed, member, sigma). */
static ovp_status put_arrays(curve_lab *lab) {
    ovp_status status = OVP_OK;
    expressivity_study *study = &lab->study;
    const ovp_idx width = ovp_params_int(study->params, "width");
    ovp_numeric_array array = {.type = OVP_F64,
                               .ndim = 4,
                               .shape = {study->count, study->hidden, study->points, 3},
                               .data = study->trajectories};
    double *sigma = NULL;
    int64_t *seed = NULL;
    if (study->count == 0) return OVP_OK;
    OVP_TRY(ovp_run_array(study->run, "trajectories", &array));
    array.shape[3] = width;
    array.data = lab->activations;
    if (lab->activations) OVP_TRY(ovp_run_array(study->run, "activations", &array));
    OVP_TRY(ovp_alloc(study->ctx, &sigma, study->count, sizeof *sigma));
    OVP_TRY(ovp_alloc(study->ctx, &seed, study->count, sizeof *seed));
    for (ovp_idx i = 0; i < study->count; i++) {
        sigma[i] = study->sigmas[study->records[i].sigma];
        seed[i] = study->seeds[study->records[i].seed];
    }
    OVP_TRY(study_put(study->run, "sigma", OVP_F64, study->count, 0, sigma));
    OVP_TRY(study_put(study->run, "seed", OVP_I64, study->count, 0, seed));
    for (ovp_idx i = 0; i < study->count; i++) seed[i] = study->records[i].member;
    OVP_TRY(study_put(study->run, "member", OVP_I64, study->count, 0, seed));
    if (study->seed_count == 1) OVP_TRY(study_put(study->run, "projection", OVP_F64, width, 3, lab->projection));
done:
    ovp_free(study->ctx, seed);
    ovp_free(study->ctx, sigma);
    return status;
}

ovp_status expressivity_run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    curve_lab lab = {.study = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)}};
    expressivity_study *study = &lab.study;
    const ovp_params *p = study->params;
    study->seeds = ovp_run_seeds(r, &study->seed_count);
    study->sigmas = ovp_params_reals(p, "sigmas", &study->sigma_count);
    study->members = ovp_params_int(p, "members");
    study->hidden = ovp_params_int(p, "depth") - 1;
    study->points = ovp_params_int(p, "points");
    study->circle = (expressivity_circle){.points = study->points,
                                          .limit = ovp_params_int(p, "points-limit"),
                                          .radius = ovp_params_real(p, "radius"),
                                          .tolerance = ovp_params_real(p, "tolerance")};
    set_angles(study);
    OVP_TRY(prepare(&lab));
    if (ovp_params_bool(p, "map")) OVP_TRY(expressivity_map(study));
    for (ovp_idx s = 0; s < study->seed_count && status == OVP_OK; s++) status = one_seed(&lab, s);
    end = put_arrays(&lab);
    if (end == OVP_OK) end = expressivity_conclude(study);
    if (status == OVP_OK) status = end;
done:
    for (ovp_idx i = 0; study->records && i < study->seed_count * study->members * study->sigma_count; i++)
        ovp_free(study->ctx, study->records[i].layers);
    for (ovp_idx i = 0; study->theory && i < study->sigma_count; i++)
        expressivity_theory_free(study->ctx, &study->theory[i]);
    ovp_free(study->ctx, study->map_edge);
    ovp_free(study->ctx, study->map);
    ovp_free(study->ctx, study->records);
    ovp_free(study->ctx, study->theory);
    ovp_free(study->ctx, study->trajectories);
    ovp_free(study->ctx, lab.activations);
    ovp_free(study->ctx, lab.biases);
    ovp_free(study->ctx, lab.weights);
    ovp_free(study->ctx, lab.projection);
    return status;
}
