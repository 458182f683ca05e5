/* Residual nets: checking, slices, the frozen maps. */
#include "net/residual_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {"skip", "none", "linear-skip", "inc-skip"};
enum { KINDS = 4 };

static ovp_status check_counts(ovp_ctx *ctx, const ovp_net_residual_options *o) {
    const ovp_idx counts[] = {o->inputs, o->dim, o->outputs, o->layers};
    static const char *const names[] = {"inputs", "dim", "outputs", "layers"};
    const ovp_idx most = (ovp_idx)1 << 40;
    for (int i = 0; i < 4; i++)
        if (counts[i] < 1 || counts[i] > INT32_MAX)
            return ovp_fail(ctx, OVP_EINVAL, "residual net: %lld %s is outside 1..2^31-1", (long long)counts[i],
                            names[i]);
    if (o->dim > most / o->dim || o->layers > most / (o->dim * o->dim))
        return ovp_fail(ctx, OVP_EINVAL, "residual net: %lld blocks of dim %lld are more than 2^40 parameters",
                        (long long)o->layers, (long long)o->dim);
    if (o->type != OVP_F32 && o->type != OVP_F64)
        return ovp_fail(ctx, OVP_EINVAL, "residual net: type must be f32 or f64");
    if (!isfinite(o->alpha)) return ovp_fail(ctx, OVP_EINVAL, "residual net: alpha %g must be finite", o->alpha);
    return OVP_OK;
}

static ovp_status check_frozen(ovp_ctx *ctx, const char *name, ovp_numeric_type type, const void *values, ovp_idx n) {
    if (!values) return ovp_fail(ctx, OVP_EINVAL, "residual net: %s is NULL; give its values", name);
    for (ovp_idx i = 0; i < n; i++) {
        const double v = type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
        if (!isfinite(v))
            return ovp_fail(ctx, OVP_EINVAL, "residual net: value %lld of %s is %s; it must be finite", (long long)i,
                            name, isnan(v) ? "nan" : "infinite");
    }
    return OVP_OK;
}

/* auto: the tile engine, which serves every shape. */
static const ovp_net_engine *find_engine(const char *name, ovp_numeric_type type) {
    const int wide = type == OVP_F64;
    if (!name || strcmp(name, "auto") == 0 || strcmp(name, "tile") == 0)
        return wide ? &ovp_net_residual_tile_f64 : &ovp_net_residual_tile_f32;
    if (strcmp(name, "reference") == 0) return wide ? &ovp_net_residual_reference_f64 : &ovp_net_residual_reference_f32;
    return NULL;
}

static int find_kind(const char *name) {
    for (int i = 0; i < KINDS; i++)
        if (!name || strcmp(name, kinds[i]) == 0) return i;
    return -1;
}

static void fill_slices(ovp_net_model *m, ovp_idx layers, ovp_idx dim) {
    for (ovp_idx k = 0; k < layers; k++) {
        snprintf(m->names[k], sizeof *m->names, "blocks.%d.weight", (int)k);
        m->slices[k] = (ovp_net_slice){.name = m->names[k],
                                       .role = OVP_ROLE_WEIGHT,
                                       .layer = k,
                                       .ndim = 2,
                                       .shape = {dim, dim},
                                       .offset = k * dim * dim,
                                       .strides = {dim, 1},
                                       .count = dim * dim,
                                       .fan_in = dim,
                                       .fan_out = dim,
                                       .prunable = 1,
                                       .lr_scale = 1,
                                       .multiplier = 1};
    }
    m->slice_count = layers;
}

/* The struct and, behind it, both maps in one allocation. */
static ovp_status keep_own(ovp_net_model *m, ovp_ctx *ctx, const ovp_net_residual_options *o,
                           ovp_net_augmentation kind) {
    enum { HEAD = 64 };
    _Static_assert(sizeof(ovp_net_residual) <= HEAD, "the maps would overlap");
    const size_t size = ovp_numeric_type_size(o->type);
    const ovp_idx in = o->dim * o->inputs, out = o->outputs * o->dim;
    ovp_status status = ovp_alloc(ctx, &m->own, HEAD + (in + out) * (ovp_idx)size, 1);
    if (status != OVP_OK) return status;
    char *maps = (char *)m->own + HEAD;
    memcpy(maps, o->read_in, (size_t)in * size);
    memcpy(maps + (size_t)in * size, o->read_out, (size_t)out * size);
    *(ovp_net_residual *)m->own = (ovp_net_residual){.kind = kind,
                                                     .dim = o->dim,
                                                     .layers = o->layers,
                                                     .delta = pow((double)o->layers, -o->alpha),
                                                     .read_in = maps,
                                                     .read_out = maps + (size_t)in * size};
    return OVP_OK;
}

ovp_status ovp_net_residual_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_residual_options *options) {
    *out = NULL;
    ovp_net_model *m = NULL;
    ovp_net_residual_options o;
    ovp_status status = OVP_OK;
    memset(&o, 0, sizeof o);
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    OVP_TRY(check_counts(ctx, &o));
    const char *name = o.activation ? o.activation : "tanh";
    const ovp_numeric_activation *act = ovp_numeric_activation_find(name);
    if (!act)
        return ovp_fail(ctx, OVP_EINVAL, "residual net: unknown activation '%s'; try tanh, relu, elu, gelu, sigmoid",
                        name);
    const int kind = find_kind(o.augmentation);
    if (kind < 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "residual net: unknown augmentation '%s'; augmentations are skip, none, linear-skip, inc-skip",
                        o.augmentation);
    const ovp_net_engine *engine = find_engine(o.engine, o.type);
    if (!engine)
        return ovp_fail(ctx, OVP_EINVAL, "residual net: unknown engine '%s'; engines are auto, reference, tile",
                        o.engine);
    OVP_TRY(check_frozen(ctx, "read_in", o.type, o.read_in, o.dim * o.inputs));
    OVP_TRY(check_frozen(ctx, "read_out", o.type, o.read_out, o.outputs * o.dim));
    OVP_TRY(ovp_alloc(ctx, &m, 1, sizeof *m));
    *m = (ovp_net_model){.ctx = ctx,
                         .type = o.type,
                         .inputs = o.inputs,
                         .outputs = o.outputs,
                         .parameters = o.layers * o.dim * o.dim,
                         .act = act,
                         .engine = engine};
    OVP_TRY(keep_own(m, ctx, &o, (ovp_net_augmentation)kind));
    OVP_TRY(ovp_alloc(ctx, &m->slices, o.layers, sizeof *m->slices));
    OVP_TRY(ovp_alloc(ctx, &m->names, o.layers, sizeof *m->names));
    fill_slices(m, o.layers, o.dim);
    *out = m;
done:
    if (status != OVP_OK) ovp_net_model_free(m);
    return status;
}

ovp_status ovp_net_residual_bind(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_model *model) {
    return ovp_alloc(ctx, &b->own, b->capacity * ovp_net_residual_of(model)->dim, ovp_numeric_type_size(b->type));
}
