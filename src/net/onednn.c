/* The only file that includes oneDNN's header (version 2; version 3 changed the C functions). Every call runs on the
 * calling thread alone: primitives are made and run with OpenMP's thread count at 1, so that what they compute does not
 * depend on the number of threads, and our own pool does the rest. */
#include "net/onednn_int.h"

#ifndef OVP_HAVE_ONEDNN

const char *ovp_net_conv_library(void) {
    return NULL;
}

ovp_status ovp_net_onednn_missing(ovp_ctx *ctx) {
    return ovp_fail(ctx, OVP_EUNAVAILABLE,
                    "engine conv: left out of this build; install libdnnl-dev and build again, or use engine reference "
                    "(the same numbers, a thousand times slower)");
}

#else
#include "numeric/blas_int.h"

#include <oneapi/dnnl/dnnl.h>

#include <stdlib.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *ovp_net_conv_library(void) {
    return "oneDNN " TEXT(DNNL_VERSION_MAJOR) "." TEXT(DNNL_VERSION_MINOR) "." TEXT(DNNL_VERSION_PATCH);
}

/* One primitive of the six and its arguments, the scratchpad last. */
enum { KINDS = OVP_CONV_UNPACK + 1, ARGUMENTS = 4 };
typedef struct kind {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    int count;
    int arg[ARGUMENTS];
    dnnl_memory_desc_t md[ARGUMENTS];
    dnnl_memory_t *memory; /* workers x ARGUMENTS */
} kind;

struct ovp_net_conv {
    ovp_ctx *ctx;
    int workers;
    dnnl_engine_t engine;
    dnnl_stream_t *stream; /* one a worker */
    dnnl_primitive_attr_t attributes;
    ovp_net_conv_sizes room;
    kind kind[KINDS];
};

static ovp_status check(ovp_ctx *ctx, dnnl_status_t result, const char *what) {
    if (result == dnnl_success) return OVP_OK;
    if (result == dnnl_out_of_memory) return ovp_fail(ctx, OVP_ENOMEM, "oneDNN: out of memory in %s", what);
    return ovp_fail(ctx, OVP_EUNAVAILABLE, "oneDNN: %s answers %d; use engine reference", what, (int)result);
}

static dnnl_memory_desc_t image(ovp_idx rows, ovp_idx channels, ovp_idx size, ovp_idx lanes) {
    const dnnl_format_tag_t tag = lanes == 16  ? dnnl_nChw16c
                                  : lanes == 8 ? dnnl_nChw8c
                                  : lanes == 4 ? dnnl_nChw4c
                                  : lanes == 1 ? dnnl_nchw
                                               : dnnl_format_tag_any;
    const dnnl_dims_t dims = {rows, channels, size, size};
    dnnl_memory_desc_t md;
    dnnl_memory_desc_init_by_tag(&md, 4, dims, dnnl_f32, tag);
    return md;
}

static dnnl_memory_desc_t weights(const ovp_net_conv_shape *s, dnnl_format_tag_t tag) {
    const dnnl_dims_t dims = {s->out, s->in, 3, 3};
    dnnl_memory_desc_t md;
    dnnl_memory_desc_init_by_tag(&md, 4, dims, dnnl_f32, tag);
    return md;
}

/* The description of one of the three convolutions; `forward` is the hint that the other two want. */
static dnnl_status_t describe(dnnl_primitive_desc_t *out, int which, const ovp_net_conv_shape *s, dnnl_engine_t engine,
                              const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t forward) {
    const dnnl_memory_desc_t x = image(s->rows, s->in, s->size, s->lanes_in), w = weights(s, dnnl_format_tag_any),
                             z = image(s->rows, s->out, (s->size + s->stride - 1) / s->stride, s->lanes_out);
    const dnnl_dims_t strides = {s->stride, s->stride}, pad = {1, 1};
    /* Behind the last row and column: what the taps of the last output position reach. */
    const dnnl_dim_t last = ((s->size - 1) / s->stride) * s->stride + 2 - s->size;
    const dnnl_dims_t after = {last, last};
    dnnl_convolution_desc_t d;
    dnnl_status_t result;
    if (which == OVP_CONV_FORWARD)
        result = dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct, &x, &w, NULL,
                                                    &z, strides, pad, after);
    else if (which == OVP_CONV_DATA)
        result = dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &x, &w, &z, strides, pad, after);
    else
        result = dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &x, &w, NULL, &z, strides,
                                                             pad, after);
    return result == dnnl_success ? dnnl_primitive_desc_create(out, &d, attributes, engine, forward) : result;
}

ovp_status ovp_net_conv_lanes(ovp_idx *out, ovp_ctx *ctx, ovp_idx rows, ovp_idx channels, ovp_idx size) {
    static const ovp_idx choices[] = {16, 8, 4};
    const ovp_net_conv_shape shape = {rows, channels, channels, size, 1, 0, 0};
    dnnl_engine_t engine = NULL;
    dnnl_primitive_desc_t desc = NULL;
    ovp_status status = OVP_OK;
    const int threads = ovp_numeric_swap_omp_threads(1);
    OVP_TRY(check(ctx, dnnl_engine_create(&engine, dnnl_cpu, 0), "making an engine"));
    OVP_TRY(check(ctx, describe(&desc, OVP_CONV_FORWARD, &shape, engine, NULL, NULL), "describing a convolution"));
    *out = 1;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const dnnl_memory_desc_t wanted = image(rows, channels, size, choices[i]);
        if (dnnl_memory_desc_equal(&wanted, dnnl_primitive_desc_query_md(desc, dnnl_query_src_md, 0))) {
            *out = choices[i];
            break;
        }
    }
done:
    dnnl_primitive_desc_destroy(desc);
    dnnl_engine_destroy(engine);
    ovp_numeric_swap_omp_threads(threads);
    return status;
}

/* ---- creation ------------------------------------------------------------------------------------- */

static ovp_idx floats(const dnnl_memory_desc_t *md) {
    return (ovp_idx)(dnnl_memory_desc_get_size(md) + 63) / 64 * 16;
}

/* Memory objects without memory: every call sets their handles. */
static ovp_status add_memories(ovp_net_conv *conv, kind *k) {
    ovp_status status = OVP_OK;
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(k->desc, dnnl_query_scratchpad_md, 0);
    k->arg[k->count] = DNNL_ARG_SCRATCHPAD;
    k->md[k->count++] = *scratch;
    if (floats(scratch) > conv->room.scratch) conv->room.scratch = floats(scratch);
    OVP_TRY(ovp_alloc(conv->ctx, &k->memory, (ovp_idx)conv->workers * ARGUMENTS, sizeof(dnnl_memory_t)));
    for (int i = 0; i < conv->workers * ARGUMENTS; i++)
        if (i % ARGUMENTS < k->count)
            OVP_TRY(check(conv->ctx,
                          dnnl_memory_create(&k->memory[i], &k->md[i % ARGUMENTS], conv->engine, DNNL_MEMORY_NONE),
                          "making a memory"));
done:
    return status;
}

static ovp_status add_conv(ovp_net_conv *conv, int which, const ovp_net_conv_shape *shape) {
    static const struct {
        dnnl_query_t query[3];
        int arg[3];
    } arguments[] = {
        {{dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md}, {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}},
        {{dnnl_query_diff_dst_md, dnnl_query_weights_md, dnnl_query_diff_src_md},
         {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC}},
        {{dnnl_query_src_md, dnnl_query_diff_dst_md, dnnl_query_diff_weights_md},
         {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS}}};
    kind *k = &conv->kind[which];
    ovp_status status = OVP_OK;
    OVP_TRY(check(conv->ctx,
                  describe(&k->desc, which, shape, conv->engine, conv->attributes,
                           which ? conv->kind[OVP_CONV_FORWARD].desc : NULL),
                  "describing a convolution"));
    OVP_TRY(check(conv->ctx, dnnl_primitive_create(&k->primitive, k->desc), "making a convolution"));
    for (k->count = 0; k->count < 3; k->count++) {
        k->arg[k->count] = arguments[which].arg[k->count];
        k->md[k->count] = *dnnl_primitive_desc_query_md(k->desc, arguments[which].query[k->count], 0);
    }
    OVP_TRY(add_memories(conv, k));
done:
    return status;
}

static ovp_status add_reorder(ovp_net_conv *conv, int which, const dnnl_memory_desc_t *from,
                              const dnnl_memory_desc_t *to) {
    kind *k = &conv->kind[which];
    ovp_status status = OVP_OK;
    OVP_TRY(check(conv->ctx,
                  dnnl_reorder_primitive_desc_create(&k->desc, from, conv->engine, to, conv->engine, conv->attributes),
                  "describing a reorder"));
    OVP_TRY(check(conv->ctx, dnnl_primitive_create(&k->primitive, k->desc), "making a reorder"));
    k->count = 2;
    k->arg[0] = DNNL_ARG_FROM;
    k->md[0] = *from;
    k->arg[1] = DNNL_ARG_TO;
    k->md[1] = *to;
    OVP_TRY(add_memories(conv, k));
done:
    return status;
}

ovp_status ovp_net_conv_create(ovp_net_conv **out, ovp_ctx *ctx, const ovp_net_conv_shape *shape, int workers) {
    *out = NULL;
    ovp_net_conv *conv = NULL;
    ovp_status status = OVP_OK;
    const dnnl_memory_desc_t plain = weights(shape, dnnl_oihw), *w, *v, *g;
    const int threads = ovp_numeric_swap_omp_threads(1);
    OVP_TRY(ovp_alloc(ctx, &conv, 1, sizeof *conv));
    conv->ctx = ctx;
    conv->workers = workers;
    OVP_TRY(ovp_alloc(ctx, &conv->stream, workers, sizeof *conv->stream));
    OVP_TRY(check(ctx, dnnl_engine_create(&conv->engine, dnnl_cpu, 0), "making an engine"));
    OVP_TRY(check(ctx, dnnl_primitive_attr_create(&conv->attributes), "making attributes"));
    OVP_TRY(check(ctx, dnnl_primitive_attr_set_scratchpad_mode(conv->attributes, dnnl_scratchpad_mode_user),
                  "asking for scratch of ours"));
    for (int i = 0; i < workers; i++)
        OVP_TRY(check(ctx, dnnl_stream_create(&conv->stream[i], conv->engine, dnnl_stream_default_flags),
                      "making a stream"));
    for (int which = OVP_CONV_FORWARD; which <= OVP_CONV_WEIGHT; which++) OVP_TRY(add_conv(conv, which, shape));
    w = &conv->kind[OVP_CONV_FORWARD].md[1];
    v = &conv->kind[OVP_CONV_DATA].md[1];
    g = &conv->kind[OVP_CONV_WEIGHT].md[2];
    OVP_TRY(add_reorder(conv, OVP_CONV_PACK_FORWARD, &plain, w));
    OVP_TRY(add_reorder(conv, OVP_CONV_PACK_DATA, &plain, v));
    OVP_TRY(add_reorder(conv, OVP_CONV_UNPACK, g, &plain));
    conv->room.forward = floats(w);
    conv->room.data = floats(v);
    conv->room.weight = floats(g);
    *out = conv;
done:
    if (status != OVP_OK) ovp_net_conv_free(conv);
    ovp_numeric_swap_omp_threads(threads);
    return status;
}

void ovp_net_conv_free(ovp_net_conv *conv) {
    if (!conv) return;
    for (int which = 0; which < KINDS; which++) {
        kind *k = &conv->kind[which];
        for (int i = 0; k->memory && i < conv->workers * ARGUMENTS; i++) dnnl_memory_destroy(k->memory[i]);
        ovp_free(conv->ctx, k->memory);
        dnnl_primitive_destroy(k->primitive);
        dnnl_primitive_desc_destroy(k->desc);
    }
    for (int i = 0; conv->stream && i < conv->workers; i++) dnnl_stream_destroy(conv->stream[i]);
    ovp_free(conv->ctx, conv->stream);
    dnnl_primitive_attr_destroy(conv->attributes);
    dnnl_engine_destroy(conv->engine);
    ovp_free(conv->ctx, conv);
}

ovp_net_conv_sizes ovp_net_conv_room(const ovp_net_conv *conv) {
    return conv->room;
}

/* ---- calls ---------------------------------------------------------------------------------------- */

/* oneDNN takes without const also what it only reads. */
ovp_status ovp_net_conv_run(const ovp_net_conv *conv, ovp_ctx *ctx, ovp_net_conv_kind which, const float *a,
                            const float *b, const float *c, float *scratch) {
    const kind *k = &conv->kind[which];
    const int worker = ovp_worker(ctx), threads = ovp_numeric_swap_omp_threads(1);
    const float *handle[ARGUMENTS] = {a, b, c};
    dnnl_exec_arg_t arguments[ARGUMENTS];
    dnnl_status_t result = dnnl_success;
    handle[k->count - 1] = scratch;
    for (int i = 0; i < k->count; i++) {
        arguments[i] = (dnnl_exec_arg_t){k->arg[i], k->memory[worker * ARGUMENTS + i]};
        if (result == dnnl_success)
            result = dnnl_memory_set_data_handle(arguments[i].memory, (void *)(uintptr_t)handle[i]);
    }
    if (result == dnnl_success)
        result = dnnl_primitive_execute(k->primitive, conv->stream[worker], k->count, arguments);
    ovp_numeric_swap_omp_threads(threads);
    return check(ctx, result, "running a convolution");
}
#endif
