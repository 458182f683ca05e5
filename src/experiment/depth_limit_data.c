/* depth-limit: images of classes or points of a line, and which of them a net sees. */
#include "depth_limit_int.h"

#include <stdio.h>
#include <string.h>

/* ---- which sets ---------------------------------------------------------------------------------- */

/* Means and deviations of the channels of x/255: MNIST's and CIFAR-10's as the published program has them;
 * Fashion-MNIST's are those of its training images. */
static const struct known_pixels {
    const char *name;
    ovp_idx channels;
    double mean[3], std[3];
} pixels[] = {
    {"mnist", 1, {.1307}, {.3081}},
    {"fashion-mnist", 1, {.2860}, {.3530}},
    {"cifar10", 3, {.4914, .4822, .4465}, {.2023, .1994, .2010}},
};

static const struct known_pixels *known_of(const char *dataset) {
    for (ovp_idx i = 0; i < COUNT(pixels); i++)
        if (strcmp(pixels[i].name, dataset) == 0) return &pixels[i];
    return NULL;
}

ovp_status depth_limit_check_data(ovp_ctx *ctx, const depth_limit_setup *s) {
    const int synthetic = ovp_data_synthetic_find(s->dataset) != NULL;
    ovp_status status = OVP_OK;
    char *folder = NULL;
    if (s->classify && synthetic)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--dataset %s: has real targets, and --task classification needs classes (mnist, "
                        "fashion-mnist, cifar10, imagefolder:DIR, npz:FILE); or give --task regression",
                        s->dataset);
    if (!s->classify && !synthetic)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--dataset %s: --task regression takes a synthetic set (constant, sin; `overparam data list`); "
                        "or give --task classification",
                        s->dataset);
    if (s->classify && !ovp_data_find(s->dataset))
        return ovp_fail(ctx, OVP_EINVAL, "--dataset %s: unknown data set; see `overparam data list`", s->dataset);
    if (s->classify) status = ovp_data_locate(&folder, ctx, s->dataset);
    ovp_free(ctx, folder);
    return status;
}

/* The README's sine is that of x itself on [-1, 1]. */
static const double one = 1, zero = 0;

static ovp_status synthetic_options(ovp_data_synthetic_options *o, const char **name, ovp_ctx *ctx,
                                    const depth_limit_setup *s) {
    const int plain_sine = s->readme && strcmp(s->dataset, "sin") == 0;
    ovp_status status = OVP_OK;
    *name = plain_sine ? "sinusoidal" : s->dataset;
    OVP_TRY(ovp_data_synthetic_defaults(o, ctx, *name));
    o->train = s->num_samples;
    o->test = 0;
    o->type = s->type;
    o->c = s->c;
    if (plain_sine) {
        o->inputs = OVP_INPUTS_UNIFORM;
        o->low = -1;
        o->high = 1;
        o->noise = 0;
        o->weights = &one;
        o->bias = &zero;
    }
done:
    return status;
}

ovp_status depth_limit_data_load(depth_limit_data *out, ovp_ctx *ctx, const depth_limit_setup *s) {
    ovp_status status = OVP_OK;
    ovp_data_synthetic_options synthetic;
    const char *name;
    ovp_data_options o = {.size = sizeof o,
                          .train = s->samples,
                          .test = s->test_samples,
                          .type = s->type,
                          .normalise = OVP_NORMALISE_TRAIN};
    *out = (depth_limit_data){.inputs = 0};
    if (!s->classify) {
        OVP_TRY(synthetic_options(&synthetic, &name, ctx, s));
        out->inputs = synthetic.features;
        out->outputs = synthetic.outputs;
        goto done;
    }
    const struct known_pixels *known = known_of(s->dataset);
    if (known) {
        o.scale = OVP_SCALE_UNIT;
        o.normalise = OVP_NORMALISE_GIVEN;
        o.mean = known->mean;
        o.std = known->std;
        o.normalise_count = known->channels;
    }
    OVP_TRY(ovp_data_load(&out->set, ctx, s->dataset, &o));
    out->inputs = out->set.features;
    out->outputs = out->set.classes;
    if (out->set.classes < 2)
        status = ovp_fail(ctx, OVP_EINVAL, "--dataset %s: has no labels of at least 2 classes", s->dataset);
done:
    if (status != OVP_OK) depth_limit_data_free(ctx, out);
    return status;
}

void depth_limit_data_free(ovp_ctx *ctx, depth_limit_data *data) {
    ovp_data_free(ctx, &data->set);
    *data = (depth_limit_data){.inputs = 0};
}

/* ---- the samples of a net ------------------------------------------------------------------------ */

/* As torch's random_split of {fraction, 1 - fraction}: the first piece of a permutation. */
static ovp_status gather(depth_limit_samples *out, ovp_ctx *ctx, const depth_limit_setup *s, const ovp_data_set *set,
                         ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    const ovp_idx total = set->x_train.shape[0];
    const size_t bytes = (size_t)set->features * ovp_numeric_type_size(s->type);
    const double shares[] = {s->fraction, 1 - s->fraction};
    ovp_idx lengths[2];
    int64_t *order = NULL;
    OVP_TRY(ovp_numeric_torch_split_lengths(ctx, total, 2, shares, lengths));
    if (lengths[0] < 1) {
        status = ovp_fail(ctx, OVP_EINVAL, "--fraction %g: leaves none of %lld training samples", s->fraction,
                          (long long)total);
        goto done;
    }
    OVP_TRY(ovp_alloc(ctx, &order, total, sizeof *order));
    OVP_TRY(ovp_alloc(ctx, &out->gathered[0], lengths[0], bytes));
    OVP_TRY(ovp_alloc(ctx, &out->gathered[1], lengths[0], sizeof(int32_t)));
    ovp_numeric_rng_permutation(rng, total, order);
    for (ovp_idx i = 0; i < lengths[0]; i++) {
        memcpy((char *)out->gathered[0] + (size_t)i * bytes, (const char *)set->x_train.data + (size_t)order[i] * bytes,
               bytes);
        ((int32_t *)out->gathered[1])[i] = ((const int32_t *)set->y_train.data)[order[i]];
    }
    out->x = out->gathered[0];
    out->y = out->gathered[1];
    out->rows = lengths[0];
done:
    ovp_free(ctx, order);
    return status;
}

static ovp_status draw_images(depth_limit_samples *out, ovp_ctx *ctx, const depth_limit_setup *s,
                              const ovp_data_set *set, ovp_numeric_rng *rng) {
    out->x_test = set->x_test.data;
    out->y_test = set->y_test.data;
    out->test_rows = set->x_test.data ? set->x_test.shape[0] : 0;
    if (s->fraction < 1) return gather(out, ctx, s, set, rng);
    out->x = set->x_train.data;
    out->y = set->y_train.data;
    out->rows = set->x_train.shape[0];
    return OVP_OK;
}

static ovp_status draw_line(depth_limit_samples *out, ovp_ctx *ctx, const depth_limit_setup *s, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_data_synthetic_options synthetic;
    const char *name;
    ovp_data_options o = {.size = sizeof o, .type = s->type, .split = {.9, .1, 0}, .rng = rng};
    OVP_TRY(synthetic_options(&synthetic, &name, ctx, s));
    synthetic.rng = rng;
    o.synthetic = &synthetic;
    OVP_TRY(ovp_data_load(&out->own, ctx, name, &o));
    out->x = out->own.x_train.data;
    out->y = out->own.y_train.data;
    out->rows = out->own.x_train.shape[0];
    out->x_test = out->own.x_validation.data;
    out->y_test = out->own.y_validation.data;
    out->test_rows = out->own.x_validation.data ? out->own.x_validation.shape[0] : 0;
done:
    return status;
}

ovp_status depth_limit_samples_draw(depth_limit_samples *out, ovp_ctx *ctx, const depth_limit_setup *s,
                                    const depth_limit_data *data, ovp_numeric_rng *rng) {
    *out = (depth_limit_samples){.inputs = data->inputs, .outputs = data->outputs};
    ovp_numeric_rng_align(rng);
    out->stream = ovp_numeric_rng_get_kind(rng);
    ovp_numeric_rng_save(rng, out->state);
    const ovp_status status = s->classify ? draw_images(out, ctx, s, &data->set, rng) : draw_line(out, ctx, s, rng);
    if (status != OVP_OK) depth_limit_samples_free(ctx, out);
    return status;
}

void depth_limit_samples_free(ovp_ctx *ctx, depth_limit_samples *samples) {
    ovp_data_free(ctx, &samples->own);
    for (int i = 0; i < 2; i++) ovp_free(ctx, samples->gathered[i]);
    *samples = (depth_limit_samples){.rows = 0};
}

/* ---- for later runs ------------------------------------------------------------------------------ */

/* The options of depth_limit_data_load as texts. */
typedef struct options_text {
    char limit[24], test_limit[24], normalise[6 * 32];
    const char *scale;
} options_text;

static const char *text_of(const void *user, const char *key) {
    const options_text *text = user;
    if (strcmp(key, "limit") == 0) return text->limit;
    if (strcmp(key, "test-limit") == 0) return text->test_limit;
    if (strcmp(key, "scale") == 0) return text->scale;
    return strcmp(key, "normalise") == 0 ? text->normalise : NULL;
}

static void add_numbers(char *out, size_t bytes, ovp_idx count, const double *values) {
    for (ovp_idx i = 0; i < count; i++) {
        char number[32];
        const size_t at = strlen(out);
        ovp_format_real(number, values[i]);
        snprintf(out + at, bytes - at, "%s%s", i ? "," : "", number);
    }
}

static options_text texts(const depth_limit_setup *s) {
    options_text out = {.normalise = "train", .scale = "raw"};
    const struct known_pixels *known = known_of(s->dataset);
    snprintf(out.limit, sizeof out.limit, "%lld", (long long)s->samples);
    snprintf(out.test_limit, sizeof out.test_limit, "%lld", (long long)s->test_samples);
    if (!known) return out;
    out.scale = "unit";
    out.normalise[0] = 0;
    add_numbers(out.normalise, sizeof out.normalise, known->channels, known->mean);
    strcat(out.normalise, ":");
    add_numbers(out.normalise, sizeof out.normalise, known->channels, known->std);
    return out;
}

ovp_status depth_limit_samples_describe(const depth_limit_samples *samples, ovp_experiment_run *run, const char *name,
                                        const depth_limit_setup *s, const ovp_net_targets *targets) {
    const options_text options = texts(s);
    char sum[65];
    if (!s->classify)
        return study_keep_data(run, name, s->type, samples->rows, samples->inputs, samples->x, samples->outputs,
                               targets);
    study_data_sum(sum, s->type, samples->rows, samples->inputs, samples->x, 0, samples->y);
    return study_describe_data(run, name,
                               &(study_dataset){.dataset = s->dataset,
                                                .text = text_of,
                                                .user = &options,
                                                .type = s->type,
                                                .kind = samples->stream,
                                                .state = s->fraction < 1 ? samples->state : NULL,
                                                .share = s->fraction,
                                                .sum = sum});
}
