/* Inside net: models, batches, workspaces and what an engine provides. */
#ifndef OVP_NET_INT_H
#define OVP_NET_INT_H

#include <overparam/net.h>

#include "numeric/sparse_int.h"

typedef struct ovp_net_layer {
    ovp_idx in, out;
    ovp_idx weight, bias; /* offsets in theta; bias -1: none */
    /* z = weight_scale W a + bias_scale b; learning rates of the two tensors are multiplied by lr_scale; both are drawn
     * from N(0, init_std^2), 0: by a rule of ovp_net_init */
    double weight_scale, bias_scale, lr_scale, init_std;
} ovp_net_layer;

/* Where gradients go: into `grad` (P values) or, with grad NULL, straight into theta through `update`. */
typedef struct ovp_net_sink {
    void *grad, *theta;
    const ovp_net_update *update;
} ovp_net_sink;

/* One way of computing: dense engines and models made of models. NULL: the model lacks the operation, unless said
 * otherwise. */
typedef struct ovp_net_engine {
    const char *name;
    int input_major; /* weights stand [in][out] in theta, not torch's [out][in] */
    /* Allocates what the engine keeps of a batch of up to batch->capacity rows; NULL: only batch->x is kept. May set
     * batch->x to its base's. A batch of a dense engine may outlive the model and serve others; so its form must not
     * depend on hidden widths. */
    ovp_status (*bind)(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_model *model);
    /* batch->x and batch->rows changed: derives the engine's own form again. `from` and `rows` say which rows of which
     * batch they are (NULL when x is new). */
    ovp_status (*refresh)(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows);
    void (*unbind)(ovp_net_batch *batch);
    ovp_status (*prepare)(ovp_net_workspace *ws);
    /* Bytes of what prepare and bind allocate for so many rows, with up to 16 threads, for ovp_net_dense_memory; of the
     * model layers, act, layout and type are set. NULL: its general estimate. */
    double (*memory)(const ovp_net_model *model, ovp_idx rows);
    void (*release)(ovp_net_workspace *ws); /* besides ws->engine and the fields every workspace has; NULL: nothing */
    /* F = outputs, also unrounded in ws->wide; leaves in ws what a backward pass on the same batch needs. */
    ovp_status (*forward)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f);
    /* Gradient of sum(df * F), df rows x c, after forward. */
    ovp_status (*backward)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink);
    /* Loss and its gradient in one go, targets->outputs included; NULL: forward, loss, backward. */
    ovp_status (*loss_grad)(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                            const void *theta, double *loss, const ovp_net_sink *sink);
    /* F (also in ws->wide) and its derivative along v, rows x c; leaves what `second` needs. */
    ovp_status (*tangent)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v, void *f,
                          void *jv);
    /* After tangent with the same theta and v: out (P) = d/dt of J(theta + t v)^T df(t) at 0, where df' = rdf: that is
     * sum df_i (Hessian of F_i) v + J^T rdf. */
    ovp_status (*second)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v,
                         const void *df, const void *rdf, void *out);
    /* As ovp_net_jacobian and ovp_net_factors, arguments checked; what tangent left may be lost. */
    ovp_status (*jacobian)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, ovp_idx first,
                           ovp_idx count, void *out);
    ovp_status (*factors)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *const *h,
                          void *const *delta);
    /* Of models with a state, as ovp_net_state_update and ovp_net_forward_state, arguments checked. */
    ovp_status (*absorb)(ovp_net_workspace *ws, double momentum, void *state);
    ovp_status (*evaluate)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *state,
                           void *f);
} ovp_net_engine;

extern const ovp_net_engine ovp_net_reference_f32, ovp_net_reference_f64, ovp_net_gemm_f32, ovp_net_gemm_f64,
    ovp_net_tile_f32, ovp_net_tile_f64;

struct ovp_net_model {
    ovp_ctx *ctx;
    ovp_numeric_type type;
    ovp_idx inputs, outputs, parameters;
    ovp_idx layers; /* of a dense model, else 0 */
    ovp_net_layer *layer;
    const ovp_numeric_activation *act;
    const ovp_net_engine *engine;
    int sparse; /* -1 decided by the batch's density, 0 never, 1 always */
    ovp_net_slice *slices;
    char (*names)[32];
    ovp_idx slice_count;
    int layout;                /* of the tile engine's lanes, -1: by shapes */
    const ovp_net_model *base; /* of a model made of a model; slices are then the base's */
    unsigned lacks;            /* operations its engine has and this model has not */
    void *own;                 /* what such a model keeps (theta_0, alpha, a map, a function): one allocation */
    ovp_net_slice *state;      /* behind the slices of theta, in their allocation */
    ovp_idx state_count, state_values;
};

/* A dense rows x cols matrix cut for the register-blocked product: panels of `panel` columns, within one tiles of 6
 * rows (the last padded with zeros), within one column after column: six values side by side. */
enum { OVP_NET_TILE = 6 };
typedef struct ovp_net_packed {
    ovp_idx cols, tiles, panel;
    void *value;
} ovp_net_packed;

struct ovp_net_batch {
    ovp_ctx *ctx;
    const ovp_net_engine *engine;
    ovp_numeric_type type;
    ovp_idx rows, capacity, inputs;
    double density;
    int sparse;
    void *x;                                    /* rows x inputs, C order */
    ovp_numeric_sparse by_row, by_column;       /* X and its transpose on the sparse path */
    ovp_net_packed packed_rows, packed_columns; /* the same on the dense path */
    const ovp_net_model *model;                 /* the only one it is for; NULL: any dense one, by the fields above */
    ovp_net_batch *base;                        /* of a model made of a model; its x may be this one's */
    void *own;                                  /* what the engine keeps besides: one allocation */
};

struct ovp_net_workspace {
    ovp_ctx *ctx;
    const ovp_net_model *model;
    ovp_idx rows;
    ovp_idx stride[64]; /* elements between rows of a[l] */
    void *a[64];        /* activations of hidden layer l = 1..layers-1, in a backward pass replaced by dL/dz */
    void *z[64];        /* pre-activations, where phi' needs them */
    void *f, *df;       /* outputs and their gradient, rows x c */
    double *wide;       /* the outputs of the last forward before they were rounded to the model's type */
    void *engine;       /* the engine's own buffers: one allocation */
    void *second;       /* buffers of tangent and second, made on first use */
    void *deltas;       /* buffers of jacobian and factors, made on first use */
    void *rates;        /* of ovp_net_hvp: derivatives along v of f, then of df, 2 x rows x c; made on first use */
    ovp_net_workspace *base;
};
enum { OVP_NET_MAX_LAYERS = 63 };

/* Fills the scales of every layer (parametrization.c). Errors: OVP_EINVAL (unknown name, layers it is not for, a
 * sigma).
 */
ovp_status ovp_net_parametrize(ovp_net_model *model, ovp_ctx *ctx, const ovp_net_dense_options *options);

/* How much of layer l one task of the gemm engine computes, from shapes alone. */
ovp_idx ovp_net_block_width(ovp_idx width, ovp_idx l, int sparse);

/* The gemm engine's bind, refresh and unbind. */
ovp_status ovp_net_gemm_bind(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_model *model);
ovp_status ovp_net_gemm_refresh(ovp_net_batch *batch, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows);
void ovp_net_gemm_unbind(ovp_net_batch *batch);

static inline void *ovp_net_at(ovp_numeric_type type, const void *base, ovp_idx i) {
    return (char *)(uintptr_t)base + (size_t)i * (type == OVP_F32 ? sizeof(float) : sizeof(double));
}

/* An empty batch; the input path is decided. bind may bring x along, else there is room for it. */
ovp_status ovp_net_batch_make(ovp_net_batch **out, ovp_ctx *ctx, const ovp_net_model *model, ovp_idx capacity,
                              int sparse);

/* Loss and gradient of any model, after the checks. */
ovp_status ovp_net_loss_backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                                 const void *theta, double *loss, const ovp_net_sink *sink);

/* What the public operations check before they ask an engine. */
ovp_status ovp_net_check_batch(const ovp_net_workspace *ws, const ovp_net_batch *batch);

/* The operations besides forward and backward, as two families: `layerwise` for dense engines with weights [in][out]
 * (src/net/real/layerwise*.c; blocks of every layer in buffers of their own, so that they ask nothing of the engine but
 * batch->x) and those of the reference engine (src/net/real/reference_second.c). */
#define OVP_NET_OPERATIONS(family)                                                                                     \
    ovp_status ovp_net_##family##_tangent_f32(ovp_net_workspace *, const ovp_net_batch *, const void *, const void *,  \
                                              void *, void *);                                                         \
    ovp_status ovp_net_##family##_tangent_f64(ovp_net_workspace *, const ovp_net_batch *, const void *, const void *,  \
                                              void *, void *);                                                         \
    ovp_status ovp_net_##family##_second_f32(ovp_net_workspace *, const ovp_net_batch *, const void *, const void *,   \
                                             const void *, const void *, void *);                                      \
    ovp_status ovp_net_##family##_second_f64(ovp_net_workspace *, const ovp_net_batch *, const void *, const void *,   \
                                             const void *, const void *, void *);                                      \
    ovp_status ovp_net_##family##_jacobian_f32(ovp_net_workspace *, const ovp_net_batch *, const void *, ovp_idx,      \
                                               ovp_idx, void *);                                                       \
    ovp_status ovp_net_##family##_jacobian_f64(ovp_net_workspace *, const ovp_net_batch *, const void *, ovp_idx,      \
                                               ovp_idx, void *);                                                       \
    ovp_status ovp_net_##family##_factors_f32(ovp_net_workspace *, const ovp_net_batch *, const void *, void *const *, \
                                              void *const *);                                                          \
    ovp_status ovp_net_##family##_factors_f64(ovp_net_workspace *, const ovp_net_batch *, const void *, void *const *, \
                                              void *const *);
OVP_NET_OPERATIONS(layerwise)
OVP_NET_OPERATIONS(reference)

/* Hands `count` finished gradient values of theta[offset..] to the sink. */
void ovp_net_sink_range(const ovp_net_model *model, const ovp_ctx *ctx, const ovp_net_sink *sink, ovp_idx offset,
                        ovp_idx count, double lr_scale, const void *grad);

/* Outputs a loss is taken of: of the model's type, or unrounded. */
typedef struct ovp_net_outputs {
    const void *f;
    const double *wide;
} ovp_net_outputs;
ovp_status ovp_net_loss_f32(ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx rows, ovp_idx c,
                            const ovp_net_outputs *outputs, double *loss, void *df);
ovp_status ovp_net_loss_f64(ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx rows, ovp_idx c,
                            const ovp_net_outputs *outputs, double *loss, void *df);

/* The same without checks, of `count` rows whose outputs begin at outputs[0] and whose targets are those of rows first,
 * first + 1, ..: the sum of the rows' terms, and df = scale times its derivative. */
double ovp_net_loss_rows_f32(const ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx first, ovp_idx count, ovp_idx c,
                             const ovp_net_outputs *outputs, double scale, void *df);
double ovp_net_loss_rows_f64(const ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx first, ovp_idx count, ovp_idx c,
                             const ovp_net_outputs *outputs, double scale, void *df);
/* Either, after the targets were checked. */
ovp_status ovp_net_loss_of(ovp_ctx *ctx, const ovp_net_targets *t, ovp_numeric_type type, ovp_idx rows, ovp_idx c,
                           const ovp_net_outputs *outputs, double *loss, void *df);
/* The terms of a squared error are squares, and no other power. */
static inline int ovp_net_loss_is_square(const ovp_net_targets *t) {
    return !(t->power > 0) || !(t->power < 2 || t->power > 2);
}
/* d(loss) / d(sum of the per-sample terms): what the reduction divides by. */
double ovp_net_loss_scale(const ovp_net_targets *t, ovp_idx rows, ovp_idx c);
/* rdf = (Hessian of the loss with respect to the outputs) jv, both rows x c of the model's type, at the unrounded
 * outputs. */
ovp_status ovp_net_loss_second_f32(ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx rows, ovp_idx c, const double *wide,
                                   const void *jv, void *rdf);
ovp_status ovp_net_loss_second_f64(ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx rows, ovp_idx c, const double *wide,
                                   const void *jv, void *rdf);

/* ---- hot kernels, one table per level and precision ------------------------------------------------- */

enum { OVP_NET_NARROW = 16 }; /* outputs are padded to this many in the narrow products */

typedef struct ovp_net_kernels {
    ovp_numeric_spmm spmm;
    /* c (rows rounded up to whole tiles x cols, stride ldc) = x * b (cols of x rows, stride ldb); cols a multiple
     * of 16. */
    void (*dense)(const ovp_net_packed *x, const void *b, ovp_idx ldb, void *c, ovp_idx ldc, ovp_idx cols);
    /* z[i] += b[i] */
    void (*add)(ovp_idx n, void *z, const void *b);
    /* p (n x 16, f64 in every precision) += h (n x u, stride ldh) * w (u x 16) */
    void (*narrow_forward)(ovp_idx n, ovp_idx u, const void *h, ovp_idx ldh, const void *w, double *p);
    /* g (u x 16) = h^T (u x n, stride ldh) * d (n x 16) */
    void (*narrow_grad)(ovp_idx n, ovp_idx u, const void *h, ovp_idx ldh, const void *d, void *g);
    /* p (n x cols, stride ldp) = d (n x 16, the first c used) * w (c x cols, stride ldp); cols a multiple of 16 */
    void (*narrow_back)(ovp_idx n, ovp_idx cols, ovp_idx c, const void *d, const void *w, void *p, ovp_idx ldp);
    /* s[j] = sum_i p[i][j] */
    void (*column_sums)(ovp_idx n, ovp_idx cols, const void *p, ovp_idx ldp, void *s);
} ovp_net_kernels;

const ovp_net_kernels *ovp_net_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type);

/* The element-wise rule of ovp_net_update (src/net/hot/update.c) on theta[offset .. offset + n); u's m, v and mask are
 * whole vectors; lr is already scaled. */
typedef void (*ovp_net_update_fn)(ovp_idx n, ovp_idx offset, void *theta, const void *grad, const ovp_net_update *u,
                                  double lr);
ovp_net_update_fn ovp_net_update_for(const ovp_ctx *ctx, ovp_numeric_type type);

#endif
