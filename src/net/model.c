/* Dense models: checking, slices, memory, access to tensors. */
#include "net/net_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const ovp_idx MAX_PARAMETERS = (ovp_idx)1 << 40;

static int is_real(ovp_numeric_type type) {
    return type == OVP_F32 || type == OVP_F64;
}

static int has_bias(const ovp_net_dense_options *o, ovp_idx l) {
    return !o->no_bias && !(o->no_last_bias && l + 1 == o->layers);
}

/* Parameters of the net, or -1 beyond 2^40. */
static ovp_idx count_parameters(const ovp_net_dense_options *o) {
    ovp_idx total = 0;
    for (ovp_idx l = 0; l < o->layers; l++) {
        ovp_idx n;
        if (__builtin_mul_overflow(o->widths[l] + has_bias(o, l), o->widths[l + 1], &n) || n > MAX_PARAMETERS)
            return -1;
        total += n;
        if (total > MAX_PARAMETERS) return -1;
    }
    return total;
}

static ovp_status check_options(ovp_ctx *ctx, const ovp_net_dense_options *o) {
    if (o->layers < 1 || o->layers > OVP_NET_MAX_LAYERS)
        return ovp_fail(ctx, OVP_EINVAL, "dense net: %lld layers is outside 1..%d", (long long)o->layers,
                        OVP_NET_MAX_LAYERS);
    for (ovp_idx l = 0; l <= o->layers; l++)
        if (o->widths[l] < 1)
            return ovp_fail(ctx, OVP_EINVAL, "dense net: width %lld of layer %lld is below 1", (long long)o->widths[l],
                            (long long)l);
    if (count_parameters(o) < 0)
        return ovp_fail(ctx, OVP_EINVAL, "dense net: more than 2^40 parameters; choose smaller widths");
    if (!is_real(o->type)) return ovp_fail(ctx, OVP_EINVAL, "dense net: type must be f32 or f64");
    return OVP_OK;
}

/* Nets whose layers are too small to feed a matrix product, on inputs that a chunk can hold; docs/engines.md. */
static const char *automatic_engine(const ovp_net_dense_options *o) {
    enum { INPUTS = 64, WEIGHTS = 4096 };
    if (o->widths[0] > INPUTS || (o->input && strcmp(o->input, "auto") != 0)) return "gemm";
    for (ovp_idx l = 0; l < o->layers; l++)
        if (o->widths[l] * o->widths[l + 1] > WEIGHTS) return "gemm";
    return "tile";
}

static const ovp_net_engine *find_engine(const char *name, ovp_numeric_type type) {
    const ovp_net_engine *const engines[][2] = {{&ovp_net_reference_f32, &ovp_net_reference_f64},
                                                {&ovp_net_gemm_f32, &ovp_net_gemm_f64},
                                                {&ovp_net_tile_f32, &ovp_net_tile_f64}};
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (strcmp(name, engines[i][0]->name) == 0) return engines[i][type == OVP_F64];
    return NULL;
}

static void fill_slices(ovp_net_model *m) {
    ovp_idx n = 0;
    for (ovp_idx l = 0; l < m->layers; l++) {
        const ovp_net_layer *y = &m->layer[l];
        const int major = m->engine->input_major;
        snprintf(m->names[n], sizeof *m->names, "%" PRId64 ".weight", l);
        m->slices[n] = (ovp_net_slice){.name = m->names[n],
                                       .role = OVP_ROLE_WEIGHT,
                                       .layer = l,
                                       .ndim = 2,
                                       .shape = {y->out, y->in},
                                       .offset = y->weight,
                                       .strides = {major ? 1 : y->in, major ? y->out : 1},
                                       .count = y->in * y->out,
                                       .fan_in = y->in,
                                       .fan_out = y->out,
                                       .prunable = 1,
                                       .lr_scale = y->lr_scale,
                                       .multiplier = y->weight_scale,
                                       .init_std = y->init_std};
        n++;
        if (y->bias < 0) continue;
        snprintf(m->names[n], sizeof *m->names, "%" PRId64 ".bias", l);
        m->slices[n] = (ovp_net_slice){.name = m->names[n],
                                       .role = OVP_ROLE_BIAS,
                                       .layer = l,
                                       .ndim = 1,
                                       .shape = {y->out},
                                       .offset = y->bias,
                                       .strides = {1},
                                       .count = y->out,
                                       .fan_in = y->in,
                                       .fan_out = y->out,
                                       .lr_scale = y->lr_scale,
                                       .multiplier = y->bias_scale,
                                       .init_std = y->init_std};
        n++;
    }
    m->slice_count = n;
}

ovp_status ovp_net_dense_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_dense_options *options) {
    *out = NULL;
    ovp_net_dense_options o;
    memset(&o, 0, sizeof o);
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    const char *name = o.activation ? o.activation : "relu";
    const char *input = o.input ? o.input : "auto";
    ovp_net_model *m = NULL;
    ovp_status status = check_options(ctx, &o);
    if (status != OVP_OK) return status;
    const ovp_numeric_activation *act = ovp_numeric_activation_find(name);
    if (!act) return ovp_fail(ctx, OVP_EINVAL, "dense net: unknown activation '%s'; try relu, tanh, gelu", name);
    const ovp_net_engine *engine =
        find_engine(!o.engine || strcmp(o.engine, "auto") == 0 ? automatic_engine(&o) : o.engine, o.type);
    if (!engine)
        return ovp_fail(ctx, OVP_EINVAL, "dense net: unknown engine '%s'; engines are auto, reference, gemm, tile",
                        o.engine);
    int sparse = strcmp(input, "auto") == 0     ? -1
                 : strcmp(input, "dense") == 0  ? 0
                 : strcmp(input, "sparse") == 0 ? 1
                                                : 2;
    if (sparse == 2)
        return ovp_fail(ctx, OVP_EINVAL, "dense net: unknown input path '%s'; paths are auto, dense, sparse", input);

    static const char *const layouts[] = {"samples", "units", "features"};
    int layout = -1;
    for (int i = 0; o.layout && i < 3; i++)
        if (strcmp(o.layout, layouts[i]) == 0) layout = i;
    if (o.layout && layout < 0 && strcmp(o.layout, "auto") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "dense net: unknown layout '%s'; layouts are auto, samples, units, features",
                        o.layout);
    if (layout == 1 && (o.layers != 2 || o.widths[2] > 4))
        return ovp_fail(ctx, OVP_EINVAL, "dense net: layout units is for one hidden layer and at most 4 outputs");

    OVP_TRY(ovp_alloc(ctx, &m, 1, sizeof *m));
    m->ctx = ctx;
    m->layout = layout;
    OVP_TRY(ovp_alloc(ctx, &m->layer, o.layers, sizeof *m->layer));
    OVP_TRY(ovp_alloc(ctx, &m->slices, 2 * o.layers, sizeof *m->slices));
    OVP_TRY(ovp_alloc(ctx, &m->names, 2 * o.layers, sizeof *m->names));
    m->type = o.type;
    m->layers = o.layers;
    m->inputs = o.widths[0];
    m->outputs = o.widths[o.layers];
    m->act = act;
    m->engine = engine;
    m->sparse = strcmp(engine->name, "gemm") == 0 ? sparse : 0; /* the others know one path */
    for (ovp_idx l = 0; l < o.layers; l++) {
        ovp_net_layer *y = &m->layer[l];
        y->in = o.widths[l];
        y->out = o.widths[l + 1];
        y->weight = m->parameters;
        m->parameters += y->in * y->out;
        y->bias = has_bias(&o, l) ? m->parameters : -1;
        m->parameters += has_bias(&o, l) ? y->out : 0;
    }
    OVP_TRY(ovp_net_parametrize(m, ctx, &o));
    fill_slices(m);
    *out = m;
done:
    if (status != OVP_OK) ovp_net_model_free(m);
    return status;
}

void ovp_net_model_free(ovp_net_model *model) {
    if (!model) return;
    ovp_free(model->ctx, model->layer);
    if (!model->base) ovp_free(model->ctx, model->slices);
    ovp_free(model->ctx, model->names);
    ovp_free(model->ctx, model->own);
    ovp_free(model->ctx, model);
}

ovp_idx ovp_net_model_parameters(const ovp_net_model *model) {
    return model->parameters;
}
ovp_idx ovp_net_model_inputs(const ovp_net_model *model) {
    return model->inputs;
}
ovp_idx ovp_net_model_outputs(const ovp_net_model *model) {
    return model->outputs;
}
ovp_numeric_type ovp_net_model_type(const ovp_net_model *model) {
    return model->type;
}
const char *ovp_net_model_engine(const ovp_net_model *model) {
    return model->engine->name;
}
unsigned ovp_net_model_capabilities(const ovp_net_model *model) {
    const ovp_net_engine *e = model->engine;
    const unsigned all = (e->backward ? OVP_CAN_VJP : 0u) | (e->tangent ? OVP_CAN_JVP : 0u) |
                         (e->second ? OVP_CAN_HVP : 0u) | (e->jacobian ? OVP_CAN_JACOBIAN : 0u) |
                         (e->factors ? OVP_CAN_FACTORS : 0u);
    return all & ~model->lacks;
}

const ovp_net_slice *ovp_net_model_slices(const ovp_net_model *model, ovp_idx *count) {
    *count = model->slice_count;
    return model->slices;
}

ovp_idx ovp_net_block_width(ovp_idx width, ovp_idx l, int sparse) {
    /* First layer: sparse, eight AVX-512 registers of f32 accumulators; dense, as many units as let a panel of weights
     * stay in the first-level cache. Above: BLAS calls, which want to be large, yet a block of a thousand rows should
     * find room in the second-level cache. */
    enum { SPARSE = 128, DENSE = 64, UPPER = 512 };
    if (l == 0) return width < (sparse ? SPARSE : DENSE) ? width : sparse ? SPARSE : DENSE;
    const ovp_idx blocks = (width + UPPER - 1) / UPPER, each = ((width + blocks - 1) / blocks + 15) / 16 * 16;
    return each < width ? each : width;
}

/* What every engine but those with an estimate of their own takes: activations of all rows and blocks of scratch. In
 * floating point: an estimate must not overflow. */
static double general_memory(const ovp_net_dense_options *o, const ovp_numeric_activation *act, ovp_idx rows) {
    double kept = 0, scratch = 0;
    for (ovp_idx l = 1; l < o->layers; l++) {
        kept += (double)rows * (double)o->widths[l] * (act && act->from_output ? 1 : 2);
        if (o->widths[l + 1] > OVP_NET_NARROW) scratch = 256 * (double)o->widths[l + 1];
    }
    scratch += 256 * ((double)rows + 3 * (double)o->widths[0]);
    return (double)ovp_numeric_type_size(o->type) * (kept + 8 * scratch);
}

/* An engine's own estimate; its shapes are small, or it would not serve them. */
static double engine_memory(const ovp_net_engine *engine, const ovp_net_dense_options *o,
                            const ovp_numeric_activation *act, ovp_idx rows) {
    static const char *const layouts[] = {"samples", "units", "features"};
    ovp_net_layer layers[OVP_NET_MAX_LAYERS];
    ovp_net_model m = {.type = o->type,
                       .inputs = o->widths[0],
                       .outputs = o->widths[o->layers],
                       .layers = o->layers,
                       .layer = layers,
                       .act = act,
                       .engine = engine,
                       .layout = -1};
    for (int i = 0; o->layout && i < 3; i++)
        if (strcmp(o->layout, layouts[i]) == 0) m.layout = i;
    for (ovp_idx l = 0; l < o->layers; l++) {
        layers[l] = (ovp_net_layer){.in = o->widths[l], .out = o->widths[l + 1], .bias = o->no_bias ? -1 : 0};
        m.parameters += (o->widths[l] + !o->no_bias) * o->widths[l + 1];
    }
    return engine->memory(&m, rows) + (double)(sizeof(ovp_net_workspace) + sizeof(ovp_net_batch));
}

int64_t ovp_net_dense_memory(const ovp_net_dense_options *options, ovp_idx rows) {
    ovp_net_dense_options o;
    memset(&o, 0, sizeof o);
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    const ovp_numeric_activation *act = ovp_numeric_activation_find(o.activation ? o.activation : "relu");
    const ovp_net_engine *engine =
        find_engine(!o.engine || strcmp(o.engine, "auto") == 0 ? automatic_engine(&o) : o.engine, o.type);
    const double size = (double)ovp_numeric_type_size(o.type), n = (double)rows;
    const int known = engine && engine->memory && act && o.layers <= OVP_NET_MAX_LAYERS && count_parameters(&o) > 0;
    double parameters = 0;
    for (ovp_idx l = 0; l < o.layers; l++) parameters += ((double)o.widths[l] + 1) * (double)o.widths[l + 1];
    /* theta and theta_0, x, outputs with their derivatives and unrounded, and what the engine keeps */
    const double bytes = size * (2 * parameters + n * (double)o.widths[0]) +
                         n * (double)o.widths[o.layers] * (2 * size + sizeof(double)) +
                         (known ? engine_memory(engine, &o, act, rows) : general_memory(&o, act, rows));
    return bytes < 0x1p62 ? (int64_t)bytes : INT64_MAX;
}

/* Visits the tensor's elements in C order; `to_theta` says which way they go. */
static void copy_slice(const ovp_net_model *m, const ovp_net_slice *s, char *theta, char *dense, int to_theta) {
    const size_t size = ovp_numeric_type_size(m->type);
    const ovp_idx rows = s->ndim > 1 ? s->shape[0] : 1, cols = s->count / rows;
    const ovp_idx row_stride = s->ndim > 1 ? s->strides[0] : 0, col_stride = s->strides[s->ndim - 1];
    for (ovp_idx i = 0; i < rows; i++)
        for (ovp_idx j = 0; j < cols; j++) {
            char *a = theta + (size_t)(s->offset + i * row_stride + j * col_stride) * size;
            char *b = dense + (size_t)(i * cols + j) * size;
            if (to_theta)
                memcpy(a, b, size);
            else
                memcpy(b, a, size);
        }
}

void ovp_net_slice_get(const ovp_net_model *model, const ovp_net_slice *slice, const void *theta, void *out) {
    copy_slice(model, slice, (char *)(uintptr_t)theta, out, 0);
}

void ovp_net_slice_set(const ovp_net_model *model, const ovp_net_slice *slice, const void *in, void *theta) {
    copy_slice(model, slice, theta, (char *)(uintptr_t)in, 1);
}
