/* Weights along the depth of residual nets: from runs of depth-limit, from files, or made here. */
#include "depth_paths.h"
#include "past_run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const wanted[] = {"depth-limit", NULL};

/* What a reading of --runs keeps in mind from net to net. */
typedef struct reading {
    ovp_ctx *ctx;
    ovp_experiment_run *run; /* NULL: only looks */
    const ovp_params *params;
    depth_net_visit visit;
    void *user;
    ovp_idx dim; /* of the first net, 0 before it */
    struct {
        ovp_idx layers;
        int64_t repeat;
    } * seen;
    ovp_idx count, capacity;
    int warned_of_alpha;
} reading;

int depth_paths_synthetic(const ovp_params *params) {
    return strcmp(ovp_params_text(params, "runs"), "synthetic") == 0;
}

/* ---- one net ------------------------------------------------------------------------------------- */

ovp_status depth_paths_grow(ovp_ctx *ctx, void *list, ovp_idx count, ovp_idx *capacity, size_t size) {
    void *old, *more;
    const ovp_idx room = *capacity ? 2 * *capacity : 32;
    if (count < *capacity) return OVP_OK;
    ovp_status status = ovp_alloc(ctx, &more, room, size);
    if (status != OVP_OK) return status;
    memcpy(&old, list, sizeof old);
    if (count) memcpy(more, old, (size_t)count * size);
    ovp_free(ctx, old);
    memcpy(list, &more, sizeof more);
    *capacity = room;
    return OVP_OK;
}

/* Nets without a seed are numbered among those of their depth. */
static ovp_status number_net(reading *r, depth_net *net, int has_seed) {
    ovp_idx before = 0, same = 0;
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < r->count; i++) {
        before += r->seen[i].layers == net->layers;
        same += has_seed && r->seen[i].layers == net->layers && r->seen[i].repeat == net->repeat;
    }
    if (!has_seed) net->repeat = before;
    if (same && r->run)
        OVP_TRY(ovp_run_warning(r->run, "%.100s: depth %lld with seed %lld a second time; is it the same net twice?",
                                net->source, (long long)net->layers, (long long)net->repeat));
    OVP_TRY(depth_paths_grow(r->ctx, &r->seen, r->count, &r->capacity, sizeof *r->seen));
    r->seen[r->count].layers = net->layers;
    r->seen[r->count++].repeat = net->repeat;
done:
    return status;
}

static ovp_status check_values(reading *r, const depth_net *net, const double *x) {
    const ovp_idx cells = net->dim * net->dim;
    for (ovp_idx i = 0; i < net->layers * cells; i++)
        if (!isfinite(x[i]))
            return ovp_fail(r->ctx, OVP_EFORMAT,
                            "--runs %.200s: block %lld, row %lld, column %lld is %g; only finite weights "
                            "make a path",
                            net->source, (long long)(i / cells), (long long)(i % cells / net->dim),
                            (long long)(i % net->dim), x[i]);
    return OVP_OK;
}

/* w: L x d x d, scaled here. */
static ovp_status take_net(reading *r, depth_net *net, int has_seed, double *w) {
    ovp_status status = OVP_OK;
    const double beta = ovp_params_real(r->params, "beta"), scale = pow((double)net->layers, beta);
    if (r->dim == 0) r->dim = net->dim;
    if (net->dim != r->dim)
        OVP_TRY(
            ovp_fail(r->ctx, OVP_EFORMAT,
                     "--runs %.200s: blocks of %lld x %lld, those of the first net are %lld x %lld; compare nets of "
                     "one dim",
                     net->source, (long long)net->dim, (long long)net->dim, (long long)r->dim, (long long)r->dim));
    if (net->layers < 2)
        OVP_TRY(ovp_fail(r->ctx, OVP_EFORMAT, "--runs %.200s: %lld block; a path has at least 2", net->source,
                         (long long)net->layers));
    OVP_TRY(check_values(r, net, w));
    OVP_TRY(number_net(r, net, has_seed));
    if (!r->run) goto done;
    if (fabs(net->alpha + beta - 1) > 1e-12 && !r->warned_of_alpha) {
        r->warned_of_alpha = 1;
        OVP_TRY(ovp_run_warning(r->run,
                                "%.100s was trained with alpha %g, so its own beta is %g; --beta %g looks at another "
                                "scaling",
                                net->source, net->alpha, 1 - net->alpha, beta));
    }
    for (ovp_idx i = 0; i < net->layers * net->dim * net->dim; i++) w[i] *= scale;
    OVP_TRY(ovp_check(r->ctx));
    OVP_TRY(r->visit(r->user, net, w));
done:
    return status;
}

/* ---- names of arrays ----------------------------------------------------------------------------- */

static int ends_in(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* "layers8.seed3.blocks.12.weight", "blocks.12", "arr_12": the number of a block, and how long what stands before it
 * is. -1: none. */
static int64_t block_number(const char *name, size_t *prefix) {
    size_t end = strlen(name) - (ends_in(name, ".weight") ? strlen(".weight") : 0), start = end;
    while (start > 0 && isdigit((unsigned char)name[start - 1])) start--;
    *prefix = start;
    if (start == end || end - start > 9) return -1;
    return strtol(name + start, NULL, 10);
}

/* The number after "seed" in a name. */
static int seed_in(const char *name, int64_t *seed) {
    const char *at = strstr(name, "seed");
    char *end;
    if (!at) return 0;
    *seed = strtoll(at + 4, &end, 10);
    return end > at + 4;
}

/* ---- the arrays of one source -------------------------------------------------------------------- */

typedef struct source {
    const ovp_io_named_array *arrays;
    ovp_idx count;
    const char *name;
    double alpha;
    int nets;
} source;

static ovp_status take_stack(reading *r, source *s, const ovp_io_named_array *array) {
    ovp_status status = OVP_OK;
    const ovp_numeric_array *a = &array->array;
    depth_net net = {.layers = a->shape[0], .dim = a->shape[2], .source = s->name, .alpha = s->alpha};
    double *w = NULL;
    const int has_seed = seed_in(array->name, &net.repeat);
    if (a->shape[1] != a->shape[2] || a->shape[1] < 1)
        return ovp_fail(r->ctx, OVP_EFORMAT,
                        "--runs %.200s: array %.100s holds blocks of %lld x %lld; a path is of square ones", s->name,
                        array->name, (long long)a->shape[1], (long long)a->shape[2]);
    const ovp_idx values = ovp_numeric_array_count(a);
    OVP_TRY(ovp_alloc(r->ctx, &w, values, sizeof *w));
    OVP_TRY(past_array_get(w, r->ctx, array, 0, values));
    s->nets++;
    OVP_TRY(take_net(r, &net, has_seed, w));
done:
    ovp_free(r->ctx, w);
    return status;
}

/* Same prefix before the number? */
static int of_one_net(const char *name, const char *first, size_t prefix) {
    size_t its;
    return block_number(name, &its) >= 0 && its == prefix && strncmp(name, first, prefix) == 0 &&
           ends_in(name, ".weight") == ends_in(first, ".weight");
}

/* The blocks named as array `first`, whose numbers must be 0 .. L-1. taken: one flag an array. */
static ovp_status take_blocks(reading *r, source *s, ovp_idx first, char *taken) {
    ovp_status status = OVP_OK;
    const char *name = s->arrays[first].name;
    const ovp_numeric_array *shape = &s->arrays[first].array;
    depth_net net = {.dim = shape->shape[1], .source = s->name, .alpha = s->alpha};
    size_t prefix, ignored;
    double *w = NULL;
    char *have = NULL;
    const int has_seed = seed_in(name, &net.repeat);
    (void)block_number(name, &prefix);
    for (ovp_idx i = first; i < s->count; i++) net.layers += of_one_net(s->arrays[i].name, name, prefix);
    if (shape->shape[0] != shape->shape[1] || shape->shape[1] < 1)
        return ovp_fail(r->ctx, OVP_EFORMAT, "--runs %.200s: block %.100s is %lld x %lld; a path is of square ones",
                        s->name, name, (long long)shape->shape[0], (long long)shape->shape[1]);
    const ovp_idx cells = net.dim * net.dim;
    OVP_TRY(ovp_alloc(r->ctx, &have, net.layers, 1));
    OVP_TRY(ovp_alloc(r->ctx, &w, net.layers * cells, sizeof *w));
    for (ovp_idx i = first; i < s->count; i++) {
        const ovp_numeric_array *a = &s->arrays[i].array;
        if (!of_one_net(s->arrays[i].name, name, prefix)) continue;
        const int64_t k = block_number(s->arrays[i].name, &ignored);
        taken[i] = 1;
        if (k >= net.layers || have[k])
            OVP_TRY(ovp_fail(r->ctx, OVP_EFORMAT,
                             "--runs %.200s: %lld blocks %.*s<k>; their numbers must be 0 .. %lld, not %lld", s->name,
                             (long long)net.layers, (int)(prefix < 100 ? prefix : 100), name, (long long)net.layers - 1,
                             (long long)k));
        if (a->ndim != 2 || a->shape[0] != net.dim || a->shape[1] != net.dim)
            OVP_TRY(ovp_fail(r->ctx, OVP_EFORMAT, "--runs %.200s: block %.100s is not %lld x %lld as %.100s is",
                             s->name, s->arrays[i].name, (long long)net.dim, (long long)net.dim, name));
        have[k] = 1;
        OVP_TRY(past_array_get(w + k * cells, r->ctx, &s->arrays[i], 0, cells));
    }
    s->nets++;
    OVP_TRY(take_net(r, &net, has_seed, w));
done:
    ovp_free(r->ctx, w);
    ovp_free(r->ctx, have);
    return status;
}

/* Every net among the arrays: a stack [L, d, d], or matrices with numbers. */
static ovp_status take_arrays(reading *r, source *s) {
    ovp_status status = OVP_OK;
    char *taken = NULL;
    size_t ignored;
    OVP_TRY(ovp_alloc(r->ctx, &taken, s->count, 1));
    for (ovp_idx i = 0; i < s->count; i++) {
        const ovp_numeric_array *a = &s->arrays[i].array;
        if (a->ndim == 3)
            OVP_TRY(take_stack(r, s, &s->arrays[i]));
        else if (!taken[i] && a->ndim == 2 && block_number(s->arrays[i].name, &ignored) >= 0)
            OVP_TRY(take_blocks(r, s, i, taken));
    }
    if (s->nets == 0)
        OVP_TRY(ovp_fail(r->ctx, OVP_EFORMAT,
                         "--runs %.200s: no blocks among its %lld arrays; wanted is one array [L, d, d] or matrices "
                         "blocks.<k>.weight",
                         s->name, (long long)s->count));
done:
    ovp_free(r->ctx, taken);
    return status;
}

static ovp_status take_source(reading *r, const char *name) {
    ovp_status status = OVP_OK;
    past_run run = {0};
    ovp_io_named_array *arrays = NULL;
    source s = {.name = name, .alpha = NAN};
    if (ends_in(name, ".npz") || ends_in(name, ".safetensors")) {
        OVP_TRY(past_arrays_read(&arrays, &s.count, r->ctx, name));
    } else {
        OVP_TRY(past_run_open(&run, r->ctx, "--runs", name, wanted));
        const json_t *alpha = json_object_get(json_object_get(run.manifest, "params"), "alpha");
        if (json_is_number(alpha)) s.alpha = json_number_value(alpha);
        s.name = run.id;
        OVP_TRY(past_run_weights(&arrays, &s.count, r->ctx, &run));
    }
    s.arrays = arrays;
    OVP_TRY(take_arrays(r, &s));
done:
    ovp_io_npz_free(r->ctx, arrays, s.count);
    past_run_close(r->ctx, &run);
    return status;
}

/* ---- synthetic nets ------------------------------------------------------------------------------ */

/* cos(pi k/(L-1)) A + noise, already times L^beta. */
static void fill_synthetic(double *x, const depth_net *net, const double *a, double noise) {
    const ovp_idx cells = net->dim * net->dim;
    for (ovp_idx k = 0; k < net->layers; k++) {
        const double wave = cos(3.14159265358979323846 * (double)k / (double)(net->layers - 1));
        for (ovp_idx i = 0; i < cells; i++) x[k * cells + i] = wave * a[i] + noise * x[k * cells + i];
    }
}

static ovp_status make_net(reading *r, int64_t seed, ovp_idx layers) {
    ovp_status status = OVP_OK;
    const ovp_idx dim = ovp_params_int(r->params, "dim"), cells = dim * dim;
    depth_net net = {.layers = layers, .dim = dim, .repeat = seed, .source = "synthetic", .alpha = NAN};
    ovp_numeric_rng *rng = NULL;
    double *a = NULL, square = 0;
    const int64_t data_seed = ovp_run_data_seed(r->run, seed);
    OVP_TRY(ovp_alloc(r->ctx, &a, (layers + 1) * cells, sizeof *a));
    double *const x = a + cells;
    /* A belongs to the seed, the noise to the depth too */
    OVP_TRY(ovp_numeric_rng_create(&rng, r->ctx, OVP_RNG_PHILOX, data_seed, OVP_PURPOSE_DATA, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, cells, 0, 1, a);
    ovp_numeric_rng_free(rng);
    rng = NULL;
    for (ovp_idx i = 0; i < cells; i++) square += a[i] * a[i];
    for (ovp_idx i = 0; i < cells; i++) a[i] *= ovp_params_real(r->params, "smooth") / sqrt(square);
    OVP_TRY(ovp_numeric_rng_create(&rng, r->ctx, OVP_RNG_PHILOX, data_seed, OVP_PURPOSE_DATA, (uint64_t)layers));
    ovp_numeric_rng_uniform(rng, OVP_F64, layers * cells, -1, 1, x);
    fill_synthetic(x, &net, a, .5 * pow((double)layers, -1 / ovp_params_real(r->params, "gamma")));
    OVP_TRY(ovp_check(r->ctx));
    OVP_TRY(r->visit(r->user, &net, x));
done:
    ovp_numeric_rng_free(rng);
    ovp_free(r->ctx, a);
    return status;
}

/* ---- all of them --------------------------------------------------------------------------------- */

static ovp_status make_nets(reading *r) {
    ovp_status status = OVP_OK;
    ovp_idx seed_count, depth_count;
    const int64_t *seeds = ovp_run_seeds(r->run, &seed_count),
                  *layers = ovp_params_ints(r->params, "layers", &depth_count);
    for (ovp_idx s = 0; s < seed_count; s++)
        for (ovp_idx l = 0; l < depth_count; l++) {
            OVP_TRY(make_net(r, seeds[s], layers[l]));
            ovp_run_progress(r->run, &(ovp_progress){"nets", "nets", s * depth_count + l + 1, seed_count * depth_count,
                                                     "layers", (double)layers[l]});
        }
done:
    return status;
}

static ovp_status read_nets(reading *r) {
    ovp_status status = OVP_OK;
    past_names names;
    OVP_TRY(past_names_split(&names, r->ctx, "--runs", ovp_params_text(r->params, "runs")));
    for (ovp_idx i = 0; i < names.count; i++) {
        OVP_TRY(take_source(r, names.name[i]));
        if (r->run) ovp_run_progress(r->run, &(ovp_progress){"runs", "sources", i + 1, names.count, NULL, 0});
    }
done:
    past_names_free(r->ctx, &names);
    return status;
}

ovp_status depth_paths_visit(ovp_ctx *ctx, ovp_experiment_run *run, const ovp_params *params, depth_net_visit visit,
                             void *user) {
    reading r = {.ctx = ctx, .run = run, .params = params, .visit = visit, .user = user};
    const ovp_status status = depth_paths_synthetic(params) ? make_nets(&r) : read_nets(&r);
    ovp_free(ctx, r.seen);
    return status;
}

ovp_status depth_paths_check(ovp_ctx *ctx, const ovp_params *params, ovp_idx *dim) {
    ovp_status status = OVP_OK;
    reading r = {.ctx = ctx, .params = params};
    *dim = ovp_params_int(params, "dim");
    if (depth_paths_synthetic(params)) {
        const char *rng = ovp_params_text(params, "rng");
        ovp_idx count;
        const int64_t *layers = ovp_params_ints(params, "layers", &count);
        for (ovp_idx i = 0; i < count; i++)
            if ((double)layers[i] * (double)*dim * (double)*dim > 1e8)
                return ovp_fail(ctx, OVP_EINVAL, "--layers %lld: %lld x %lld x %lld values; at most 1e8",
                                (long long)layers[i], (long long)layers[i], (long long)*dim, (long long)*dim);
        if (strcmp(rng, "philox") != 0)
            return ovp_fail(ctx, OVP_EINVAL, "--rng %s: synthetic paths are not published ones; they come from philox",
                            rng);
        return OVP_OK;
    }
    OVP_TRY(read_nets(&r));
    *dim = r.dim;
done:
    ovp_free(ctx, r.seen);
    return status;
}

/* ---- measures and verdicts ----------------------------------------------------------------------- */

double depth_paths_predicted(const ovp_params *params) {
    const double noise = 1 / ovp_params_real(params, "pvar") - 1 / ovp_params_real(params, "gamma");
    if (!depth_paths_synthetic(params)) return NAN;
    return ovp_params_real(params, "smooth") > 0 ? fmax(0, noise) : noise;
}

ovp_status depth_paths_judge(ovp_experiment_run *run, const study_rows *rows, const char *claim, double predicted,
                             const char *what) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    const double margin = ovp_params_real(ovp_run_params(run), "exponent-margin");
    int64_t *repeats = NULL;
    double *exponents = NULL;
    ovp_idx count = 0;
    char text[32];
    study_verdict v;
    OVP_TRY(ovp_alloc(ctx, &repeats, rows->count, sizeof *repeats));
    OVP_TRY(ovp_alloc(ctx, &exponents, rows->count, sizeof *exponents));
    for (ovp_idx i = 0; i < rows->count; i++) {
        int known = 0;
        for (ovp_idx j = 0; j < count && !known; j++) known = repeats[j] == rows->seed[i];
        if (!known) repeats[count++] = rows->seed[i];
    }
    OVP_TRY(study_fit_seeds(exponents, NULL, ctx, rows, repeats, count));
    const ovp_measure_interval exponent = study_over_seeds(exponents, count);
    ovp_experiment_short(text, margin);
    study_verdict_fill(
        &v, claim, exponent, predicted, ovp_experiment_judge_near(exponent, predicted, margin),
        "Slope of log %s against log L, one a seed (or set of files) with at least two depths; yes if their "
        "95 %% interval (Student t) lies within %s of it.",
        what, text);
    OVP_TRY(ovp_run_verdict(run, &v.verdict));
done:
    ovp_free(ctx, exponents);
    ovp_free(ctx, repeats);
    return status;
}

ovp_status depth_paths_rows(study_rows *out, ovp_ctx *ctx, ovp_idx count) {
    ovp_status status = OVP_OK;
    *out = (study_rows){.count = count};
    OVP_TRY(ovp_alloc(ctx, &out->x, 2 * count, sizeof *out->x));
    OVP_TRY(ovp_alloc(ctx, &out->seed, count, sizeof *out->seed));
    out->y = out->x + count;
done:
    return status;
}

void depth_paths_rows_free(ovp_ctx *ctx, study_rows *rows) {
    ovp_free(ctx, rows->seed);
    ovp_free(ctx, rows->x);
}

ovp_status depth_paths_judge_variation(ovp_experiment_run *run, const study_rows *rows, const char *synthetic,
                                       const char *read, const char *what) {
    const double made = depth_paths_predicted(ovp_run_params(run)), predicted = isfinite(made) ? made : 0;
    char claim[120], power[32];
    ovp_experiment_short(power, predicted);
    (void)snprintf(claim, sizeof claim, "%s follows L^%s", isfinite(made) ? synthetic : read, power);
    return depth_paths_judge(run, rows, claim, predicted, what);
}
