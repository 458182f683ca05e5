/* Synthetic data sets: their table, options, and the steps that all of them share. */
#include "data/synthetic_int.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OVP_SYNTHETIC(id, name, title, knobs) extern const ovp_data_synthetic_kind ovp_data_synthetic_##id;
#include "data/synthetics.def"
#undef OVP_SYNTHETIC

static const struct entry {
    ovp_data_synthetic_info info;
    const ovp_data_synthetic_kind *kind;
} entries[] = {
#define OVP_SYNTHETIC(id, name, title, knobs) {{name, title, knobs}, &ovp_data_synthetic_##id},
#include "data/synthetics.def"
#undef OVP_SYNTHETIC
};
static const ovp_idx entry_count = sizeof(entries) / sizeof(entries[0]);

const ovp_data_synthetic_info *ovp_data_synthetic_at(ovp_idx i) {
    return i >= 0 && i < entry_count ? &entries[i].info : NULL;
}

const ovp_data_synthetic_info *ovp_data_synthetic_find(const char *name) {
    for (ovp_idx i = 0; name && i < entry_count; i++) {
        if (strcmp(entries[i].info.name, name) == 0) return &entries[i].info;
    }
    return NULL;
}

static const ovp_data_synthetic_kind *kind_of(const ovp_data_synthetic_info *info) {
    for (ovp_idx i = 0; i < entry_count; i++) {
        if (&entries[i].info == info) return entries[i].kind;
    }
    return NULL;
}

static ovp_status find(const ovp_data_synthetic_info **out, ovp_ctx *ctx, const char *name) {
    const char *close = NULL;
    int best = 3; /* a did-you-mean from further away is a guess */
    assert(name);
    *out = ovp_data_synthetic_find(name);
    if (*out) return OVP_OK;
    char known[256] = "";
    size_t n = 0;
    for (ovp_idx i = 0; i < entry_count; i++) {
        const char *other = entries[i].info.name;
        int distance = ovp_edit_distance(name, other);
        if (distance < best) best = distance, close = other;
        if (n < sizeof(known)) n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "", other);
    }
    return ovp_fail(ctx, OVP_ENOTFOUND, "synthetic data set '%.60s' is unknown%s%s%s; known are: %s", name,
                    close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "", known);
}

/* ---- options ----------------------------------------------------------------------------------------- */

ovp_status ovp_data_synthetic_defaults(ovp_data_synthetic_options *out, ovp_ctx *ctx, const char *name) {
    const ovp_data_synthetic_info *info;
    ovp_status status = find(&info, ctx, name);
    *out = (ovp_data_synthetic_options){.size = sizeof(*out),
                                        .type = OVP_F32,
                                        .train = 1000,
                                        .features = 1,
                                        .outputs = 1,
                                        .inputs = OVP_INPUTS_GAUSSIAN,
                                        .low = -1.0,
                                        .high = 1.0,
                                        .noise = 0.1};
    if (status == OVP_OK) kind_of(info)->defaults(out);
    return status;
}

static ovp_status check_extents(ovp_ctx *ctx, const ovp_data_synthetic_info *info,
                                const ovp_data_synthetic_options *o) {
    if (o->train < 1 || o->test < 0) {
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: %lld training and %lld test samples asked for; 1 or more and 0 or more expected",
                        info->name, (long long)o->train, (long long)o->test);
    }
    if (o->features < 1 || o->outputs < 1) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld features and %lld outputs; 1 or more of each expected", info->name,
                        (long long)o->features, (long long)o->outputs);
    }
    if (kind_of(info)->one_dimensional && (o->features != 1 || o->outputs != 1 || o->inputs != OVP_INPUTS_UNIFORM)) {
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: %lld features, %lld outputs, %s inputs; this set has one of each and uniform inputs",
                        info->name, (long long)o->features, (long long)o->outputs,
                        o->inputs == OVP_INPUTS_UNIFORM ? "uniform" : "other than uniform");
    }
    return OVP_OK;
}

static ovp_status check_options(ovp_ctx *ctx, const ovp_data_synthetic_info *info,
                                const ovp_data_synthetic_options *o) {
    if (o->size != sizeof(*o)) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: options of %zu bytes; %zu expected (ovp_data_synthetic_defaults sets it)",
                        info->name, o->size, sizeof(*o));
    }
    if (!o->rng) return ovp_fail(ctx, OVP_EINVAL, "%s: no random stream given", info->name);
    if (o->type != OVP_F32 && o->type != OVP_F64) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: values of type %d; f32 (%d) or f64 (%d) expected", info->name,
                        (int)o->type, OVP_F32, OVP_F64);
    }
    if (o->inputs != OVP_INPUTS_GAUSSIAN && o->inputs != OVP_INPUTS_UNIFORM) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: inputs %d are unknown (0 gaussian, 1 uniform)", info->name,
                        (int)o->inputs);
    }
    if (!(o->low < o->high) || !isfinite(o->high - o->low)) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: inputs from %g to %g; low < high expected", info->name, o->low, o->high);
    }
    if (!(o->noise >= 0.0) || !isfinite(o->noise)) {
        return ovp_fail(ctx, OVP_EINVAL, "%s: noise %g; a standard deviation of 0 or more expected", info->name,
                        o->noise);
    }
    ovp_status status = check_extents(ctx, info, o);
    const ovp_data_synthetic_kind *kind = kind_of(info);
    return status == OVP_OK && kind->check ? kind->check(ctx, info->name, o) : status;
}

/* ---- drawing ----------------------------------------------------------------------------------------- */

double ovp_data_in_type(ovp_numeric_type type, double v) {
    return type == OVP_F32 ? (double)(float)v : v;
}

/* Floats stand in the lower half of the doubles' memory; from the end, so that none is overwritten unread. */
static void widen(ovp_idx n, double *values) {
    char *bytes = (char *)values;
    for (ovp_idx i = n - 1; i >= 0; i--) {
        float narrow;
        memcpy(&narrow, bytes + sizeof(narrow) * (size_t)i, sizeof(narrow));
        double wide = (double)narrow;
        memcpy(bytes + sizeof(wide) * (size_t)i, &wide, sizeof(wide));
    }
}

void ovp_data_draw_numbers(ovp_numeric_rng *rng, ovp_data_draw what, ovp_numeric_type type, ovp_idx n, double a,
                           double b, double *out) {
    /* Only torch draws other numbers in f32; the other kinds would round, and targets are computed unrounded. */
    if (ovp_numeric_rng_get_kind(rng) != OVP_RNG_TORCH) type = OVP_F64;
    ovp_numeric_rng_align(rng);
    if (what == OVP_DRAW_UNIFORM) {
        ovp_numeric_rng_uniform(rng, type, n, a, b, out);
    } else {
        ovp_numeric_rng_normal(rng, type, n, a, b, out);
    }
    if (type == OVP_F32) widen(n, out);
}

static ovp_status draw_at_once(ovp_data_maker *maker, ovp_idx *rows, double *x, double *noise) {
    const ovp_data_synthetic_options *o = maker->options;
    const ovp_data_synthetic_set *set = maker->set;
    int uniform = o->inputs == OVP_INPUTS_UNIFORM;
    ovp_data_draw_numbers(o->rng, uniform ? OVP_DRAW_UNIFORM : OVP_DRAW_NORMAL, o->type, *rows * o->features,
                          uniform ? o->low : 0.0, uniform ? o->high : 1.0, x);
    if (set->noise > 0.0 || kind_of(set->info)->always_noise) {
        ovp_data_draw_numbers(o->rng, OVP_DRAW_NORMAL, o->type, *rows * o->outputs, 0.0, set->noise, noise);
    }
    return OVP_OK;
}

/* ---- making ------------------------------------------------------------------------------------------ */

static ovp_status doubles(ovp_numeric_array *out, ovp_ctx *ctx, ovp_idx rows, ovp_idx columns) {
    return ovp_numeric_array_create(out, ctx, OVP_F64, 2, (const ovp_idx[]){rows, columns});
}

static void store(ovp_numeric_array *to, const double *from) {
    ovp_idx n = ovp_numeric_array_count(to);
    if (to->type == OVP_F64) {
        memcpy(to->data, from, sizeof(double) * (size_t)n);
    } else {
        for (ovp_idx i = 0; i < n; i++) ((float *)to->data)[i] = (float)from[i];
    }
}

static void fetch(double *to, ovp_numeric_type type, ovp_idx n, const void *from) {
    if (type == OVP_F64) {
        memcpy(to, from, sizeof(double) * (size_t)n);
    } else {
        for (ovp_idx i = 0; i < n; i++) to[i] = (double)((const float *)from)[i];
    }
}

/* One part, training or test: inputs and noise in f64, targets from the unrounded inputs, then all rounded. */
static ovp_status make_part(ovp_data_maker *maker, const ovp_data_synthetic_kind *kind, ovp_idx rows,
                            ovp_numeric_array *x, ovp_numeric_array *y, ovp_numeric_array *clean) {
    ovp_status status = OVP_OK;
    const ovp_data_synthetic_options *o = maker->options;
    ovp_numeric_array wide_x = {0}, wide_y = {0}, noise = {0};
    OVP_TRY(doubles(&wide_x, maker->ctx, rows, o->features));
    OVP_TRY(doubles(&wide_y, maker->ctx, rows, o->outputs));
    OVP_TRY(doubles(&noise, maker->ctx, rows, o->outputs));
    OVP_TRY((kind->draw ? kind->draw : draw_at_once)(maker, &rows, wide_x.data, noise.data));
    OVP_TRY(ovp_numeric_array_create(x, maker->ctx, o->type, 2, (const ovp_idx[]){rows, o->features}));
    OVP_TRY(ovp_numeric_array_create(y, maker->ctx, o->type, 2, (const ovp_idx[]){rows, o->outputs}));
    OVP_TRY(ovp_numeric_array_create(clean, maker->ctx, o->type, 2, (const ovp_idx[]){rows, o->outputs}));
    OVP_TRY(kind->targets(maker->set, maker->ctx, rows, wide_x.data, wide_y.data));
    store(x, wide_x.data);
    store(clean, wide_y.data);
    for (ovp_idx i = 0; i < rows * o->outputs; i++) ((double *)wide_y.data)[i] += ((double *)noise.data)[i];
    store(y, wide_y.data);
done:
    ovp_numeric_array_free(maker->ctx, &wide_x);
    ovp_numeric_array_free(maker->ctx, &wide_y);
    ovp_numeric_array_free(maker->ctx, &noise);
    return status;
}

ovp_status ovp_data_synthetic(ovp_data_synthetic_set *out, ovp_ctx *ctx, const char *name,
                              const ovp_data_synthetic_options *options) {
    ovp_status status = OVP_OK;
    ovp_data_maker maker = {ctx, out, options};
    assert(out && name && options);
    *out = (ovp_data_synthetic_set){0};
    OVP_TRY(find(&out->info, ctx, name));
    OVP_TRY(check_options(ctx, out->info, options));
    const ovp_data_synthetic_kind *kind = kind_of(out->info);
    out->features = options->features;
    out->outputs = options->outputs;
    out->type = options->type;
    out->noise = options->noise;
    if (kind->begin) OVP_TRY(kind->begin(&maker));
    OVP_TRY(make_part(&maker, kind, options->train, &out->x, &out->y, &out->y_clean));
    if (options->test > 0) {
        OVP_TRY(make_part(&maker, kind, options->test, &out->x_test, &out->y_test, &out->y_test_clean));
    }
done:
    if (status != OVP_OK) ovp_data_synthetic_free(ctx, out);
    return status;
}

void ovp_data_synthetic_free(ovp_ctx *ctx, ovp_data_synthetic_set *set) {
    if (!set) return;
    ovp_numeric_array *const arrays[] = {&set->x,       &set->y,      &set->y_clean,
                                         &set->x_test,  &set->y_test, &set->y_test_clean,
                                         &set->weights, &set->bias,   &set->theta};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) ovp_numeric_array_free(ctx, arrays[i]);
    ovp_net_model_free(set->teacher);
    *set = (ovp_data_synthetic_set){0};
}

/* ---- more of a set ----------------------------------------------------------------------------------- */

ovp_status ovp_data_synthetic_values(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const void *x,
                                     void *out) {
    ovp_status status = OVP_OK;
    ovp_numeric_array wide_x = {0}, wide_y = {0};
    OVP_TRY(doubles(&wide_x, ctx, rows, set->features));
    OVP_TRY(doubles(&wide_y, ctx, rows, set->outputs));
    fetch(wide_x.data, set->type, rows * set->features, x);
    OVP_TRY(kind_of(set->info)->targets(set, ctx, rows, wide_x.data, wide_y.data));
    ovp_numeric_array to = {.type = set->type, .ndim = 2, .shape = {rows, set->outputs}, .data = out};
    store(&to, wide_y.data);
done:
    ovp_numeric_array_free(ctx, &wide_x);
    ovp_numeric_array_free(ctx, &wide_y);
    return status;
}

ovp_status ovp_data_synthetic_redraw(ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_numeric_array wide_x = {0}, wide_y = {0}, noise = {0};
    ovp_idx rows = set->x.shape[0], count = rows * set->outputs;
    OVP_TRY(doubles(&wide_x, ctx, rows, set->features));
    OVP_TRY(doubles(&wide_y, ctx, rows, set->outputs));
    OVP_TRY(doubles(&noise, ctx, rows, set->outputs));
    fetch(wide_x.data, set->type, rows * set->features, set->x.data);
    OVP_TRY(kind_of(set->info)->targets(set, ctx, rows, wide_x.data, wide_y.data));
    ovp_data_draw_numbers(rng, OVP_DRAW_NORMAL, set->type, count, 0.0, set->noise, noise.data);
    for (ovp_idx i = 0; i < count; i++) ((double *)wide_y.data)[i] += ((double *)noise.data)[i];
    store(&set->y, wide_y.data);
done:
    ovp_numeric_array_free(ctx, &wide_x);
    ovp_numeric_array_free(ctx, &wide_y);
    ovp_numeric_array_free(ctx, &noise);
    return status;
}
