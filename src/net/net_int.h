/* Inside net: models, batches, workspaces and what an engine provides. */
#ifndef OVP_NET_INT_H
#define OVP_NET_INT_H

#include <overparam/net.h>

typedef struct ovp_net_layer {
    ovp_idx in, out;
    ovp_idx weight, bias; /* offsets in theta; bias -1: none */
} ovp_net_layer;

/* Where gradients go: into `grad` (P values) or, with grad NULL, straight into theta through `update`. */
typedef struct ovp_net_sink {
    void *grad, *theta;
    const ovp_net_update *update;
} ovp_net_sink;

/* One way of computing; every operation is built from these. forward leaves in the workspace what a backward pass on
 * the same batch needs; backward: gradient of sum(u * F) with u = df (rows x c). */
typedef struct ovp_net_engine {
    const char *name;
    int input_major; /* weights stand [in][out] in theta, not torch's [out][in] */
    ovp_status (*prepare)(ovp_net_workspace *ws);
    ovp_status (*forward)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f);
    ovp_status (*backward)(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink);
} ovp_net_engine;

extern const ovp_net_engine ovp_net_reference_f32, ovp_net_reference_f64, ovp_net_gemm_f32, ovp_net_gemm_f64;

struct ovp_net_model {
    ovp_ctx *ctx;
    ovp_numeric_type type;
    ovp_idx layers, parameters;
    ovp_net_layer *layer;
    const ovp_numeric_activation *act;
    const ovp_net_engine *engine;
    int sparse; /* -1 decided by the batch's density, 0 never, 1 always */
    ovp_net_slice *slices;
    char (*names)[32];
    ovp_idx slice_count;
};

/* Non-zeros of a rows x cols matrix in panels of `OVP_NET_SPARSE_PANEL` columns: within a panel one segment a row,
 * segments ordered by falling length so that the inner loop's trip count hardly changes. */
enum { OVP_NET_SPARSE_PANEL = 80 };
typedef struct ovp_net_sparse {
    ovp_idx panels, segments, nonzeros;
    ovp_idx *panel;        /* panels + 1: first segment of each */
    int32_t *row, *length; /* of a segment */
    int64_t *start;        /* its first non-zero */
    uint16_t *column;      /* within the panel */
    void *value;
} ovp_net_sparse;

/* A dense rows x cols matrix cut for the register-blocked product: panels of `panel` columns, within one tiles of 6
 * rows (the last padded with zeros), within one column after column: six values side by side. */
enum { OVP_NET_TILE = 6 };
typedef struct ovp_net_packed {
    ovp_idx cols, tiles, panel;
    void *value;
} ovp_net_packed;

struct ovp_net_batch {
    ovp_ctx *ctx;
    ovp_numeric_type type;
    ovp_idx rows, inputs;
    double density;
    int sparse;
    void *x;                                    /* rows x inputs, for the reference engine */
    ovp_net_sparse by_row, by_column;           /* X and its transpose on the sparse path */
    ovp_net_packed packed_rows, packed_columns; /* the same on the dense path */
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
};
enum { OVP_NET_MAX_LAYERS = 63 };

/* How much of layer l one task of the gemm engine computes, from shapes alone. */
ovp_idx ovp_net_block_width(ovp_idx width, ovp_idx l, int sparse);

ovp_status ovp_net_pack(ovp_net_packed *out, ovp_ctx *ctx, ovp_numeric_type type, const void *x, ovp_idx rows,
                        ovp_idx cols, int transposed);

/* X (rows x cols, `type`, C order) or its transpose as panels. */
ovp_status ovp_net_sparse_build(ovp_net_sparse *out, ovp_ctx *ctx, ovp_numeric_type type, const void *x, ovp_idx rows,
                                ovp_idx cols, int transposed);
void ovp_net_sparse_free(ovp_ctx *ctx, ovp_net_sparse *sparse);

static inline void *ovp_net_at(ovp_numeric_type type, const void *base, ovp_idx i) {
    return (char *)(uintptr_t)base + (size_t)i * (type == OVP_F32 ? sizeof(float) : sizeof(double));
}

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

/* ---- hot kernels, one table per level and precision ------------------------------------------------- */

enum { OVP_NET_NARROW = 16 }; /* outputs are padded to this many in the narrow products */

typedef struct ovp_net_kernels {
    /* c (rows x cols, stride ldc) += sparse * b (panel rows, stride ldb); cols a multiple of 16, all 64-byte aligned.
     */
    void (*spmm)(const ovp_net_sparse *s, const void *b, ovp_idx ldb, void *c, ovp_idx ldc, ovp_idx cols);
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
    /* the element-wise rule of ovp_net_update; lr already scaled */
    void (*update)(ovp_idx n, void *theta, const void *grad, void *velocity, const ovp_net_update *u, double lr);
} ovp_net_kernels;

const ovp_net_kernels *ovp_net_kernels_for(const ovp_ctx *ctx, ovp_numeric_type type);

#endif
