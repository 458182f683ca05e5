/* loss-landscape: the nets of earlier runs, planes and lines through them. */
#include "loss_landscape_int.h"

#include <stdio.h>
#include <string.h>

/* ---- choosing nets --------------------------------------------------------------------------------- */

int landscape_matches(const char *name, const char *pattern) {
    const size_t length = strlen(pattern);
    for (const char *at = name; (at = strstr(at, pattern)); at++)
        if ((at == name || at[-1] == '.') && (at[length] == 0 || at[length] == '.')) return 1;
    return 0;
}

static int is_wanted(const char *name, const past_names *patterns) {
    if (patterns->count == 0) return 1;
    for (ovp_idx i = 0; i < patterns->count; i++)
        if (landscape_matches(name, patterns->name[i])) return 1;
    return 0;
}

/* Names of all nets of all sources, as far as a message has room. */
static void name_nets(const landscape_lab *lab, char *out, size_t bytes) {
    const char *name;
    json_t *net;
    size_t at = 0;
    out[0] = 0;
    for (ovp_idx s = 0; s < lab->source_count; s++) json_object_foreach(lab->sources[s].nets, name, net) {
            if (at >= bytes - 90) {
                snprintf(out + at, bytes - at, ", ..");
                return;
            }
            at += (size_t)snprintf(out + at, bytes - at, "%s%.80s", at ? ", " : "", name);
        }
}

static ovp_status choose(landscape_lab *lab, const past_names *patterns) {
    const int pair = strcmp(ovp_params_text(lab->params, "mode"), "interpolation") == 0;
    const char *given = ovp_params_text(lab->params, "nets"), *name;
    json_t *net;
    ovp_idx found = 0;
    char names[600];
    for (ovp_idx s = 0; s < lab->source_count; s++) json_object_foreach(lab->sources[s].nets, name, net) {
            if (!is_wanted(name, patterns)) continue;
            if (found < LANDSCAPE_NETS) lab->picks[found] = (landscape_pick){s, name};
            found++;
        }
    lab->pick_count = found;
    if (found > 0 && (pair ? found == 2 : found <= LANDSCAPE_NETS)) return OVP_OK;
    name_nets(lab, names, sizeof names);
    if (found == 0)
        return ovp_fail(lab->ctx, OVP_EINVAL, "--nets '%.100s': no net of --runs is called so; there are: %s", given,
                        names);
    if (pair)
        return ovp_fail(
            lab->ctx, OVP_EINVAL,
            "--mode interpolation goes from one net to another, --runs with --nets '%.100s' has %lld; choose "
            "2 of: %s",
            given, (long long)found, names);
    return ovp_fail(
        lab->ctx, OVP_EINVAL,
        "--nets '%.100s': %lld nets; at most %d at a time: choose by parts of their names, as --nets %.80s; "
        "there are: %s",
        given, (long long)found, LANDSCAPE_NETS, lab->picks[0].name, names);
}

/* Without --runs there is one net, trained here. */
static ovp_status choose_example(landscape_lab *lab, const char *nets) {
    if (strcmp(ovp_params_text(lab->params, "mode"), "interpolation") == 0)
        return ovp_fail(lab->ctx, OVP_EINVAL,
                        "--mode interpolation: goes from one net to another; name earlier runs with --runs");
    if (nets[0])
        return ovp_fail(lab->ctx, OVP_EINVAL, "--nets '%.100s': of which run? Name it with --runs, as --runs latest",
                        nets);
    lab->picks[0] = (landscape_pick){-1, "example"};
    lab->pick_count = 1;
    return OVP_OK;
}

static const char *run_label(const landscape_lab *lab, ovp_idx pick) {
    const ovp_idx source = lab->picks[pick].source;
    return source < 0 ? "none" : lab->sources[source].label;
}

ovp_status landscape_lab_open(landscape_lab *lab, ovp_ctx *ctx, const ovp_params *params) {
    ovp_status status = OVP_OK;
    past_names runs = {.count = 0}, patterns = {.count = 0};
    const char *nets = ovp_params_text(params, "nets");
    *lab = (landscape_lab){.ctx = ctx, .params = params};
    if (ovp_params_text(params, "runs")[0] == 0) return choose_example(lab, nets);
    OVP_TRY(past_names_split(&runs, ctx, "--runs", ovp_params_text(params, "runs")));
    if (nets[0]) OVP_TRY(past_names_split(&patterns, ctx, "--nets", nets));
    OVP_TRY(ovp_alloc(ctx, &lab->sources, runs.count, sizeof *lab->sources));
    for (ovp_idx i = 0; i < runs.count; i++) {
        OVP_TRY(past_weights_open(&lab->sources[i], ctx, runs.name[i]));
        lab->source_count++;
    }
    OVP_TRY(choose(lab, &patterns));
done:
    past_names_free(ctx, &patterns);
    past_names_free(ctx, &runs);
    return status;
}

void landscape_lab_free(landscape_lab *lab) {
    for (ovp_idx i = 0; i < lab->count; i++) ovp_free(lab->ctx, lab->rows[i].loss);
    for (ovp_idx i = 0; i < lab->source_count; i++) past_weights_free(lab->ctx, &lab->sources[i]);
    ovp_data_free(lab->ctx, &lab->digits);
    ovp_free(lab->ctx, lab->sources);
    ovp_free(lab->ctx, lab->rows);
    ovp_free(lab->ctx, lab->path.t);
    *lab = (landscape_lab){.ctx = NULL};
}

/* ---- one net at hand -------------------------------------------------------------------------------- */

typedef struct place {
    past_net net;
    ovp_net_batch *batch;
    double trained, tolerance;
} place;

static double value_at(ovp_numeric_type type, const void *values, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

/* The loss at theta as training computes it (with its gradient), and how far another way of computing it may be away:
 * 1e-6 in f32, 1e-12 in f64, of the loss or of the outputs where these are above 1. */
static ovp_status measure_trained(double *loss, double *tolerance, const place *p, ovp_ctx *ctx, const void *theta) {
    ovp_status status = OVP_OK;
    const ovp_net_model *model = p->net.model;
    const ovp_numeric_type type = ovp_net_model_type(model);
    const ovp_idx outputs = p->net.rows * ovp_net_model_outputs(model);
    ovp_net_workspace *workspace = NULL;
    void *grad = NULL, *f = NULL;
    double scale = 1;
    OVP_TRY(ovp_net_workspace_create(&workspace, ctx, model, p->net.rows));
    OVP_TRY(ovp_alloc(ctx, &grad, ovp_net_model_parameters(model), ovp_numeric_type_size(type)));
    OVP_TRY(ovp_alloc(ctx, &f, outputs, ovp_numeric_type_size(type)));
    OVP_TRY(ovp_net_loss_grad(workspace, p->batch, &p->net.targets, theta, loss, grad));
    OVP_TRY(ovp_net_forward(workspace, p->batch, theta, f));
    for (ovp_idx i = 0; i < outputs; i++) scale = fmax(scale, fabs(value_at(type, f, i)));
    *tolerance = (type == OVP_F32 ? 1e-6 : 1e-12) * fmax(scale, fabs(*loss));
done:
    ovp_free(ctx, f);
    ovp_free(ctx, grad);
    ovp_net_workspace_free(workspace);
    return status;
}

static void leave(landscape_lab *lab, place *p) {
    ovp_net_batch_free(p->batch);
    past_net_free(lab->ctx, &p->net);
    *p = (place){.batch = NULL};
}

static ovp_status enter(place *p, landscape_lab *lab, ovp_idx pick) {
    ovp_status status = OVP_OK;
    const ovp_params *params = lab->params;
    const ovp_idx samples = ovp_params_int(params, "samples");
    const ovp_numeric_type type = strcmp(ovp_params_text(params, "precision"), "f64") == 0 ? OVP_F64 : OVP_F32;
    const char *engine = ovp_params_text(params, "engine"), *name = lab->picks[pick].name;
    const ovp_idx source = lab->picks[pick].source;
    *p = (place){.batch = NULL};
    OVP_TRY(source < 0 ? landscape_example(&p->net, &lab->digits, lab->run, type, engine, samples)
                       : past_net_build(&p->net, lab->ctx, &lab->sources[source], name, type, engine, samples));
    if (p->net.rows < samples)
        OVP_TRY(ovp_run_warning(lab->run, "--samples %lld: %s was trained on %lld, all of them are taken",
                                (long long)samples, lab->picks[pick].name, (long long)p->net.rows));
    OVP_TRY(ovp_net_bind(&p->batch, lab->ctx, p->net.model, p->net.x, p->net.rows));
    OVP_TRY(measure_trained(&p->trained, &p->tolerance, p, lab->ctx, p->net.theta));
done:
    if (status != OVP_OK) leave(lab, p);
    return status;
}

/* ---- planes and lines ------------------------------------------------------------------------------- */

static ovp_status one_surface(landscape_lab *lab, place *p, ovp_idx pick, int64_t seed) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    const ovp_params *params = lab->params;
    const ovp_idx steps = ovp_params_int(params, "steps"), size = ovp_net_model_parameters(p->net.model);
    const int line = strcmp(ovp_params_text(params, "mode"), "line") == 0;
    const ovp_measure_direction_options options = {
        .size = sizeof options,
        .scaling =
            strcmp(ovp_params_text(params, "normalization"), "filter") == 0 ? OVP_SCALING_FILTER : OVP_SCALING_LAYER,
        .res = ovp_params_real(params, "res"),
        .vectors = strcmp(ovp_params_text(params, "biases"), "moved") == 0};
    landscape_row row = {.run = run_label(lab, pick),
                         .net = lab->picks[pick].name,
                         .seed = seed,
                         .pick = pick,
                         .rows = line ? 1 : steps,
                         .cols = steps,
                         .samples = p->net.rows,
                         .trained = p->trained,
                         .recorded = p->net.recorded_loss,
                         .tolerance = p->tolerance,
                         .classes = p->net.targets.loss == OVP_LOSS_CROSS_ENTROPY ? (double)p->net.classes : 0};
    ovp_measure_plane plane = {.size = sizeof plane,
                               .model = p->net.model,
                               .batch = p->batch,
                               .targets = &p->net.targets,
                               .theta = p->net.theta};
    ovp_measure_direction_faults faults;
    ovp_numeric_rng *rng = NULL;
    double *d = NULL, *at = NULL;
    OVP_TRY(ovp_alloc(ctx, &d, 2 * size, sizeof *d));
    OVP_TRY(ovp_alloc(ctx, &at, steps, sizeof *at));
    OVP_TRY(ovp_alloc(ctx, &row.loss, row.rows * row.cols, sizeof *row.loss));
    OVP_TRY(study_stream(&rng, lab->run, seed, OVP_PURPOSE_GENERAL, 0));
    plane.d1 = d;
    plane.d2 = line ? NULL : d + size;
    OVP_TRY(ovp_measure_directions(d, line ? NULL : d + size, ctx, p->net.model, p->net.theta, &options, rng));
    OVP_TRY(ovp_measure_directions_check(&faults, ctx, p->net.model, p->net.theta, &options, plane.d1, plane.d2));
    row.cosine = line ? (double)NAN : faults.cosine;
    row.length = faults.length;
    for (ovp_idx j = 0; j < steps; j++) at[j] = (double)(j - steps / 2);
    const double start = ovp_seconds();
    OVP_TRY(ovp_measure_plane_losses(row.loss, ctx, &plane, row.rows, line ? NULL : at, steps, at));
    row.seconds = ovp_seconds() - start;
    landscape_read_off(&row);
    OVP_TRY(landscape_report(lab, &row));
    lab->rows[lab->count++] = row;
    row.loss = NULL;
done:
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, row.loss);
    ovp_free(ctx, at);
    ovp_free(ctx, d);
    return status;
}

static ovp_status all_surfaces(landscape_lab *lab) {
    ovp_status status = OVP_OK;
    place p = {.batch = NULL};
    OVP_TRY(ovp_alloc(lab->ctx, &lab->rows, lab->pick_count * lab->seed_count, sizeof *lab->rows));
    for (ovp_idx pick = 0; pick < lab->pick_count; pick++) {
        OVP_TRY(enter(&p, lab, pick));
        for (ovp_idx s = 0; s < lab->seed_count; s++) OVP_TRY(one_surface(lab, &p, pick, lab->seeds[s]));
        leave(lab, &p);
    }
done:
    leave(lab, &p);
    return status;
}

/* ---- between two nets ------------------------------------------------------------------------------- */

/* The two have as many inputs and outputs, and tensors of the same names and shapes. */
static ovp_status check_alike(landscape_lab *lab, const ovp_net_model *a, const ovp_net_model *b) {
    ovp_idx count[2];
    const ovp_net_slice *x = ovp_net_model_slices(a, &count[0]), *y = ovp_net_model_slices(b, &count[1]);
    if (ovp_net_model_inputs(a) != ovp_net_model_inputs(b) || ovp_net_model_outputs(a) != ovp_net_model_outputs(b))
        return ovp_fail(
            lab->ctx, OVP_ESHAPE,
            "--mode interpolation: %.80s has %lld inputs and %lld outputs, %.80s %lld and %lld: only nets of "
            "the same shape have something between them",
            lab->picks[0].name, (long long)ovp_net_model_inputs(a), (long long)ovp_net_model_outputs(a),
            lab->picks[1].name, (long long)ovp_net_model_inputs(b), (long long)ovp_net_model_outputs(b));
    int same = count[0] == count[1] && ovp_net_model_parameters(a) == ovp_net_model_parameters(b);
    for (ovp_idx s = 0; same && s < count[0]; s++) {
        same = strcmp(x[s].name, y[s].name) == 0 && x[s].ndim == y[s].ndim;
        for (int k = 0; same && k < x[s].ndim; k++)
            same = x[s].shape[k] == y[s].shape[k] && x[s].strides[k] == y[s].strides[k];
    }
    if (same) return OVP_OK;
    return ovp_fail(
        lab->ctx, OVP_ESHAPE,
        "--mode interpolation: %.80s has %lld weights in %lld tensors, %.80s %lld in %lld: only nets of the "
        "same shape have something between them",
        lab->picks[0].name, (long long)ovp_net_model_parameters(a), (long long)count[0], lab->picks[1].name,
        (long long)ovp_net_model_parameters(b), (long long)count[1]);
}

/* What of a residual net is not trained. */
static int same_frozen(const past_net *a, const past_net *b) {
    const size_t width = ovp_numeric_type_size(ovp_net_model_type(a->model));
    ovp_idx slices;
    const ovp_idx dim = ovp_net_model_slices(a->model, &slices)->shape[0];
    if (!a->read_in || !b->read_in) return !a->read_in == !b->read_in;
    return memcmp(a->read_in, b->read_in, (size_t)(ovp_net_model_inputs(a->model) * dim) * width) == 0 &&
           memcmp(a->read_out, b->read_out, (size_t)(ovp_net_model_outputs(a->model) * dim) * width) == 0;
}

/* What their descriptions say of the function that the same weights make: the first key that differs, or NULL. */
static const char *other_function(const landscape_lab *lab) {
    static const char *const keys[] = {"activation", "augmentation", "alpha", "parametrization", "sigma_w", "sigma_b"};
    const json_t *net[2];
    for (int e = 0; e < 2; e++) net[e] = json_object_get(lab->sources[lab->picks[e].source].nets, lab->picks[e].name);
    for (size_t k = 0; k < COUNT(keys); k++) {
        const json_t *a = json_object_get(net[0], keys[k]), *b = json_object_get(net[1], keys[k]);
        if (a != b && !json_equal(a, b)) return keys[k];
    }
    return NULL;
}

static ovp_status interpolate(landscape_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = lab->ctx;
    place p[2] = {{.batch = NULL}, {.batch = NULL}};
    landscape_path *path = &lab->path;
    double *d = NULL, ends[2] = {0, 1};
    path->steps = ovp_params_int(lab->params, "steps");
    path->beyond = ovp_params_real(lab->params, "beyond");
    /* The second first, of which the weights alone are used: the path lies in the first one's data. */
    OVP_TRY(enter(&p[1], lab, 1));
    OVP_TRY(enter(&p[0], lab, 0));
    OVP_TRY(check_alike(lab, p[0].net.model, p[1].net.model));
    const char *key = other_function(lab);
    if (key)
        OVP_TRY(
            ovp_run_warning(lab->run,
                            "%s and %s have different values of %s; the path is one of the first net's kind, so that "
                            "its end is another function than the second was",
                            lab->picks[0].name, lab->picks[1].name, key));
    if (!same_frozen(&p[0].net, &p[1].net))
        OVP_TRY(ovp_run_warning(lab->run,
                                "the frozen read-in and read-out of %s are taken all along; %s was trained with "
                                "others, so that its end of the path is another function",
                                lab->picks[0].name, lab->picks[1].name));
    const ovp_idx size = ovp_net_model_parameters(p[0].net.model), n = path->steps;
    const ovp_numeric_type type = ovp_net_model_type(p[0].net.model);
    OVP_TRY(ovp_alloc(ctx, &d, size, sizeof *d));
    OVP_TRY(ovp_alloc(ctx, &path->t, 2 * n, sizeof *path->t));
    for (ovp_idx i = 0; i < size; i++) d[i] = value_at(type, p[1].net.theta, i) - value_at(type, p[0].net.theta, i);
    for (ovp_idx i = 0; i < n; i++)
        path->t[i] = n > 1 ? -path->beyond + (1 + 2 * path->beyond) * (double)i / (double)(n - 1) : 0;
    const ovp_measure_plane plane = {.size = sizeof plane,
                                     .model = p[0].net.model,
                                     .batch = p[0].batch,
                                     .targets = &p[0].net.targets,
                                     .theta = p[0].net.theta,
                                     .d1 = d};
    OVP_TRY(ovp_measure_plane_losses(path->end, ctx, &plane, 1, NULL, 2, ends));
    OVP_TRY(ovp_measure_plane_losses(path->t + n, ctx, &plane, 1, NULL, n, path->t));
    path->samples = p[0].net.rows;
    for (int e = 0; e < 2; e++) {
        double tolerance;
        OVP_TRY(measure_trained(&path->trained[e], &tolerance, &p[0], ctx, p[e].net.theta));
        path->tolerance = fmax(path->tolerance, tolerance);
        path->run[e] = run_label(lab, e);
        path->net[e] = lab->picks[e].name;
    }
    path->loss = path->t + n;
    landscape_read_path(path);
done:
    ovp_free(ctx, d);
    leave(lab, &p[0]);
    leave(lab, &p[1]);
    return status;
}

/* ---- a surface that exists -------------------------------------------------------------------------- */

#define MOST_SIDE 1024 /* of a surface that is drawn */

ovp_status landscape_read_surface(ovp_numeric_array *out, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    ovp_numeric_array wide = {.data = NULL};
    OVP_TRY(ovp_io_npy_read(out, ctx, path));
    if (out->ndim != 2)
        OVP_TRY(ovp_fail(ctx, OVP_ESHAPE,
                         "--surface %s: an array of %d dimensions; a surface has 2 (rows along d2, "
                         "columns along d1)",
                         path, out->ndim));
    if (out->type != OVP_F32 && out->type != OVP_F64)
        OVP_TRY(ovp_fail(ctx, OVP_EFORMAT, "--surface %s: type %s; losses are f32 or f64", path,
                         ovp_numeric_type_name(out->type)));
    if (out->shape[0] < 1 || out->shape[1] < 1 || out->shape[0] > MOST_SIDE || out->shape[1] > MOST_SIDE)
        OVP_TRY(ovp_fail(ctx, OVP_ELIMIT, "--surface %s: %lld x %lld values; 1 x 1 to %d x %d can be drawn", path,
                         (long long)out->shape[0], (long long)out->shape[1], MOST_SIDE, MOST_SIDE));
    if (out->type == OVP_F32) {
        OVP_TRY(ovp_numeric_array_create(&wide, ctx, OVP_F64, 2, out->shape));
        for (ovp_idx i = 0; i < ovp_numeric_array_count(out); i++)
            ((double *)wide.data)[i] = (double)((const float *)out->data)[i];
        ovp_numeric_array_free(ctx, out);
        *out = wide;
    }
done:
    if (status != OVP_OK) ovp_numeric_array_free(ctx, out);
    return status;
}

static ovp_status given_surface(landscape_lab *lab, const char *path) {
    ovp_status status = OVP_OK;
    ovp_numeric_array surface = {.data = NULL};
    OVP_TRY(landscape_read_surface(&surface, lab->ctx, path));
    const ovp_idx rows = surface.shape[0], cols = surface.shape[1];
    const char *slash = strrchr(path, '/');
    landscape_row row = {.run = "",
                         .net = slash ? slash + 1 : path,
                         .rows = rows,
                         .cols = cols,
                         .trained = NAN,
                         .recorded = NAN,
                         .tolerance = NAN,
                         .cosine = NAN,
                         .length = NAN,
                         .seconds = NAN};
    OVP_TRY(ovp_alloc(lab->ctx, &lab->rows, 1, sizeof *lab->rows));
    OVP_TRY(ovp_alloc(lab->ctx, &row.loss, rows * cols, sizeof *row.loss));
    memcpy(row.loss, surface.data, (size_t)(rows * cols) * sizeof *row.loss);
    landscape_read_off(&row);
    lab->rows[lab->count++] = row;
    OVP_TRY(landscape_report(lab, &row));
done:
    ovp_numeric_array_free(lab->ctx, &surface);
    return status;
}

/* ---- the run ---------------------------------------------------------------------------------------- */

ovp_status landscape_run(ovp_experiment_run *run) {
    ovp_status status = OVP_OK, end;
    const ovp_params *params = ovp_run_params(run);
    const char *surface = ovp_params_text(params, "surface");
    landscape_lab lab = {.ctx = ovp_run_ctx(run), .params = params};
    if (!surface[0]) OVP_TRY(landscape_lab_open(&lab, ovp_run_ctx(run), params));
    lab.run = run;
    lab.seeds = ovp_run_seeds(run, &lab.seed_count);
    if (surface[0])
        status = given_surface(&lab, surface);
    else if (strcmp(ovp_params_text(params, "mode"), "interpolation") == 0)
        status = interpolate(&lab);
    else
        status = all_surfaces(&lab);
    /* Also for the surfaces that were finished before an interruption. */
    end = landscape_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    landscape_lab_free(&lab);
    return status;
}
