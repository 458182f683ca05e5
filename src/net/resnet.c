/* The convolutional residual net: options, slices, start, state. Its engines: real/resnet_reference.c, resnet_conv.c.
 */
#include "net/resnet_int.h"

#include "net/init_int.h"
#include "net/onednn_int.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STAGES = 3 };

static ovp_status check_count(ovp_ctx *ctx, const char *name, ovp_idx value, ovp_idx low, ovp_idx high) {
    if (value >= low && value <= high) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "resnet: %s %lld is outside %lld..%lld", name, (long long)value, (long long)low,
                    (long long)high);
}

static ovp_status check_options(ovp_ctx *ctx, const ovp_net_resnet_options *o) {
    ovp_status status = OVP_OK;
    OVP_TRY(check_count(ctx, "blocks", o->blocks, 1, 10000));
    OVP_TRY(check_count(ctx, "channels", o->channels, 1, 1024));
    OVP_TRY(check_count(ctx, "image", o->image, 1, 1024));
    OVP_TRY(check_count(ctx, "classes", o->classes, 1, 1000000));
    OVP_TRY(check_count(ctx, "width", o->width, 2, 1024));
    if (o->width % 2)
        return ovp_fail(ctx, OVP_EINVAL,
                        "resnet: width %lld must be even: a shortcut adds half a width of channels on either side",
                        (long long)o->width);
    if (!isfinite(o->power)) return ovp_fail(ctx, OVP_EINVAL, "resnet: power %g must be finite", o->power);
    if (o->type != OVP_F32 && o->type != OVP_F64) return ovp_fail(ctx, OVP_EINVAL, "resnet: type must be f32 or f64");
done:
    return status;
}

static ovp_status find_engine(const ovp_net_engine **out, ovp_ctx *ctx, const ovp_net_resnet_options *o) {
    const char *name = o->engine ? o->engine : "auto";
    const int automatic = strcmp(name, "auto") == 0;
    *out = o->type == OVP_F32 ? &ovp_net_resnet_reference_f32 : &ovp_net_resnet_reference_f64;
    if (strcmp(name, "reference") == 0 || (automatic && (o->type == OVP_F64 || !ovp_net_conv_library()))) return OVP_OK;
    if (!automatic && strcmp(name, "conv") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "resnet: unknown engine '%s'; engines are auto, reference, conv", name);
    if (o->type == OVP_F64)
        return ovp_fail(ctx, OVP_EUNSUPPORTED, "resnet: engine conv computes in f32; for f64 use engine reference");
#ifdef OVP_HAVE_ONEDNN
    *out = &ovp_net_resnet_onednn;
    return OVP_OK;
#else
    return ovp_net_onednn_missing(ctx);
#endif
}

/* ---- parts ---------------------------------------------------------------------------------------- */

/* Places of the convolutions in theta and in the state. */
static void fill_convs(ovp_net_model *m, ovp_net_resnet *r, const ovp_net_resnet_options *o) {
    const double delta = pow((double)o->blocks, -o->power);
    ovp_idx size = o->image, in = o->channels;
    for (ovp_idx l = 0; l < r->convs; l++) {
        ovp_net_resnet_conv *c = &r->conv[l];
        const ovp_idx block = (l - 1) / 2, stage = l == 0 ? 0 : block / o->blocks;
        const int first = l > 0 && (l - 1) % 2 == 0; /* of its block */
        c->in = in;
        c->out = o->width << stage;
        c->size = size;
        c->stride = first && stage > 0 && block % o->blocks == 0 ? 2 : 1;
        size = (size + c->stride - 1) / c->stride;
        c->pixels = size * size;
        c->weight = m->parameters;
        c->scale = c->weight + c->out * c->in * 9;
        c->shift = c->scale + c->out;
        m->parameters = c->shift + c->out;
        c->mean = m->state_values;
        c->variance = c->mean + c->out;
        m->state_values = c->variance + c->out;
        c->delta = l == 0 ? 1 : delta;
        in = c->out;
    }
    r->features = in;
    r->weight = m->parameters;
    r->bias = r->weight + o->classes * in;
    m->parameters = r->bias + o->classes;
}

/* Next slice of a table that grows. */
typedef struct table {
    ovp_net_slice *slices;
    char (*names)[32];
    ovp_idx count;
} table;

static ovp_net_slice *add(table *t, ovp_idx layer, ovp_idx offset, ovp_net_role role, ovp_idx count, const char *format,
                          ...) {
    ovp_net_slice *s = &t->slices[t->count];
    va_list list;
    va_start(list, format);
    vsnprintf(t->names[t->count], sizeof *t->names, format, list);
    va_end(list);
    *s = (ovp_net_slice){.name = t->names[t->count],
                         .role = role,
                         .layer = layer,
                         .ndim = 1,
                         .shape = {count},
                         .offset = offset,
                         .strides = {1},
                         .count = count,
                         .prunable = role == OVP_ROLE_WEIGHT,
                         .lr_scale = 1,
                         .multiplier = 1};
    t->count++;
    return s;
}

static const char *part(char *buffer, size_t bytes, ovp_idx l) {
    if (l == 0)
        snprintf(buffer, bytes, "first.");
    else
        snprintf(buffer, bytes, "blocks.%" PRId64 ".%d.", (l - 1) / 2, (int)((l - 1) % 2));
    return buffer;
}

static void fill_slices(ovp_net_model *m, const ovp_net_resnet *r, table *t) {
    char name[40];
    for (ovp_idx l = 0; l < r->convs; l++) {
        const ovp_net_resnet_conv *c = &r->conv[l];
        part(name, sizeof name, l);
        ovp_net_slice *s = add(t, l, c->weight, OVP_ROLE_WEIGHT, c->out * c->in * 9, "%sweight", name);
        s->ndim = 4;
        const ovp_idx shape[] = {c->out, c->in, 3, 3}, strides[] = {c->in * 9, 9, 3, 1};
        memcpy(s->shape, shape, sizeof shape);
        memcpy(s->strides, strides, sizeof strides);
        s->fan_in = c->in * 9;
        s->fan_out = c->out * 9;
        add(t, l, c->scale, OVP_ROLE_NORM, c->out, "%snorm.weight", name);
        add(t, l, c->shift, OVP_ROLE_BIAS, c->out, "%snorm.bias", name);
    }
    ovp_net_slice *w = add(t, r->convs, r->weight, OVP_ROLE_WEIGHT, m->outputs * r->features, "linear.weight");
    w->ndim = 2;
    w->shape[0] = m->outputs;
    w->shape[1] = w->strides[0] = r->features;
    w->strides[1] = 1;
    ovp_net_slice *b = add(t, r->convs, r->bias, OVP_ROLE_BIAS, m->outputs, "linear.bias");
    w->fan_in = b->fan_in = r->features;
    w->fan_out = b->fan_out = m->outputs;
    m->slice_count = t->count;
    m->state = t->slices + t->count;
    for (ovp_idx l = 0; l < r->convs; l++) {
        const ovp_net_resnet_conv *c = &r->conv[l];
        part(name, sizeof name, l);
        add(t, l, c->mean, OVP_ROLE_NORM, c->out, "%smean", name);
        add(t, l, c->variance, OVP_ROLE_NORM, c->out, "%svariance", name)->init_std = 1;
    }
    m->state_count = t->count - m->slice_count;
}

/* ---- the model ------------------------------------------------------------------------------------ */

ovp_status ovp_net_resnet_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_resnet_options *options) {
    *out = NULL;
    ovp_net_resnet_options o;
    memset(&o, 0, sizeof o);
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (o.channels == 0) o.channels = 3;
    if (o.image == 0) o.image = 32;
    if (o.classes == 0) o.classes = 10;
    if (o.width == 0) o.width = 16;
    if (o.power == 0) o.power = 0.75;
    const ovp_net_engine *engine;
    ovp_net_model *m = NULL;
    ovp_net_resnet *r;
    table t = {0};
    ovp_status status = check_options(ctx, &o);
    if (status == OVP_OK) status = find_engine(&engine, ctx, &o);
    if (status != OVP_OK) return status;
    const ovp_idx blocks = STAGES * o.blocks, convs = 1 + 2 * blocks, tensors = 5 * convs + 2;
    OVP_TRY(ovp_alloc(ctx, &m, 1, sizeof *m));
    *m = (ovp_net_model){
        .ctx = ctx, .type = o.type, .inputs = o.channels * o.image * o.image, .outputs = o.classes, .engine = engine};
    OVP_TRY(ovp_alloc(ctx, &m->own, 1, sizeof *r + (size_t)convs * sizeof r->conv[0]));
    OVP_TRY(ovp_alloc(ctx, &m->slices, tensors, sizeof *m->slices));
    OVP_TRY(ovp_alloc(ctx, &m->names, tensors, sizeof *m->names));
    r = m->own;
    r->blocks = blocks;
    r->convs = convs;
    r->channels = o.channels;
    r->image = o.image;
    fill_convs(m, r, &o);
    t = (table){m->slices, m->names, 0};
    fill_slices(m, r, &t);
    *out = m;
done:
    if (status != OVP_OK) ovp_net_model_free(m);
    return status;
}

ovp_status ovp_net_resnet_draw(const ovp_net_model *model, ovp_ctx *ctx, ovp_numeric_rng *rng, void *theta) {
    const ovp_net_init_options made = {.size = sizeof made, .rule = "torch-default"},
                               again = {.size = sizeof again, .rule = "kaiming-normal"};
    const ovp_idx last = model->slice_count - 1; /* linear.bias, behind linear.weight */
    ovp_status status = OVP_OK;
    for (ovp_idx s = 0; s <= last; s++) {
        OVP_TRY(ovp_net_init_slice(ctx, &made, &model->slices[s], rng, model->type, theta));
        if (s == 0) OVP_TRY(ovp_net_init_slice(ctx, &again, &model->slices[0], rng, model->type, theta));
        if (s == last) OVP_TRY(ovp_net_init_slice(ctx, &again, &model->slices[last - 1], rng, model->type, theta));
    }
done:
    return status;
}

/* ---- state ---------------------------------------------------------------------------------------- */

static void move(ovp_numeric_type type, void *state, ovp_idx i, double momentum, double value) {
    if (type == OVP_F32) {
        float *s = (float *)state + i;
        *s = (float)((double)*s + momentum * (value - (double)*s));
    } else {
        double *s = (double *)state + i;
        *s += momentum * (value - *s);
    }
}

ovp_status ovp_net_resnet_absorb(ovp_net_workspace *ws, double momentum, void *state) {
    const ovp_net_resnet *r = ovp_net_resnet_of(ws->model);
    const ovp_net_resnet_pass *pass = ws->engine;
    if (pass->rows == 0)
        return ovp_fail(ws->ctx, OVP_EINVAL, "state: no batch has gone through this workspace yet; call forward first");
    for (ovp_idx l = 0; l < r->convs; l++) {
        const ovp_net_resnet_conv *c = &r->conv[l];
        const double m = (double)(pass->rows * c->pixels), unbiased = m > 1 ? m / (m - 1) : 1;
        for (ovp_idx i = 0; i < c->out; i++) {
            move(ws->model->type, state, c->mean + i, momentum, pass->statistics[c->mean + i]);
            move(ws->model->type, state, c->variance + i, momentum, unbiased * pass->statistics[c->variance + i]);
        }
    }
    return OVP_OK;
}
