/* net: models as functions of one flat parameter vector; architecture, initialisation, engines, losses.
 *
 * A model owns no numbers: callers hold `theta` (P values of the model's type), engines read and write it through the
 * slice table. Models and batches are immutable and may be shared between threads; a workspace belongs to one. */
#ifndef OVERPARAM_NET_H
#define OVERPARAM_NET_H

#include <overparam/numeric.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- models -------------------------------------------------------------------------------------- */

typedef enum ovp_net_role { OVP_ROLE_WEIGHT, OVP_ROLE_BIAS, OVP_ROLE_NORM } ovp_net_role;

/* One named part of theta. Element (i, j, ..) of the tensor stands at theta[offset + i strides[0] + j strides[1] ..];
 * strides are the engine's choice, so read tensors through ovp_net_slice_get. shape of a dense weight: [out, in]. */
typedef struct ovp_net_slice {
    const char *name; /* "0.weight": owned by the model */
    ovp_net_role role;
    ovp_idx layer;
    int ndim;
    ovp_idx shape[4];
    ovp_idx offset;
    ovp_idx strides[4];
    ovp_idx count;
    ovp_idx fan_in, fan_out;
    int prunable;
    double lr_scale; /* multiplies the learning rate for this part */
} ovp_net_slice;

typedef struct ovp_net_model ovp_net_model;

/* What a model can do; forward and loss_grad always. */
typedef enum ovp_net_capability {
    OVP_CAN_VJP = 1,
    OVP_CAN_JVP = 2,
    OVP_CAN_HVP = 4,
    OVP_CAN_JACOBIAN = 8
} ovp_net_capability;

/* Dense net: layers weight matrices, widths[0..layers] = inputs, hidden widths, outputs; the activation between them,
 * none after the last. Set size = sizeof(ovp_net_dense_options). */
typedef struct ovp_net_dense_options {
    size_t size;
    ovp_idx layers;
    const ovp_idx *widths;
    const char *activation; /* name in the activation table; default "relu" */
    int no_bias;
    ovp_numeric_type type; /* OVP_F32 or OVP_F64 */
    const char *engine;    /* "auto" (default), "reference", "gemm" */
    const char *input; /* first-layer path of gemm: "auto" (default: sparse under 40 % non-zero), "dense", "sparse" */
} ovp_net_dense_options;

/* Model in *out; free with ovp_net_model_free (batches and workspaces first). Errors: OVP_EINVAL (layer count, a width
 * < 1 or a parameter count over 2^40, unknown activation or engine, each named), OVP_ENOMEM. */
OVP_API ovp_status ovp_net_dense_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_dense_options *options);
OVP_API void ovp_net_model_free(ovp_net_model *model);
OVP_API ovp_idx ovp_net_model_parameters(const ovp_net_model *model); /* P */
OVP_API ovp_idx ovp_net_model_inputs(const ovp_net_model *model);     /* d */
OVP_API ovp_idx ovp_net_model_outputs(const ovp_net_model *model);    /* c */
OVP_API ovp_numeric_type ovp_net_model_type(const ovp_net_model *model);
OVP_API const char *ovp_net_model_engine(const ovp_net_model *model);
OVP_API unsigned ovp_net_model_capabilities(const ovp_net_model *model);
OVP_API const ovp_net_slice *ovp_net_model_slices(const ovp_net_model *model, ovp_idx *count);
/* Bytes a training of this model on n rows needs at its peak: theta, theta_0 and workspace. For refusing before work.
 */
OVP_API int64_t ovp_net_dense_memory(const ovp_net_dense_options *options, ovp_idx rows);

/* Copies one tensor between theta and C order. out, in: slice->count values of the model's type. */
OVP_API void ovp_net_slice_get(const ovp_net_model *model, const ovp_net_slice *slice, const void *theta, void *out);
OVP_API void ovp_net_slice_set(const ovp_net_model *model, const ovp_net_slice *slice, const void *in, void *theta);

/* ---- initialisation ------------------------------------------------------------------------------ */

/* Rules (torch.nn.init): "torch-default" (U(+-1/sqrt(fan_in)) for weights and biases), "kaiming-uniform",
 * "kaiming-normal" (fan_in, gain of the activation), "xavier-uniform", "xavier-normal", "normal" (N(0,
 * (gain/sqrt(fan_in))^2)), "zero". All but torch-default and zero set biases to 0. gain 0 means the rule's own. */
typedef struct ovp_net_init_options {
    size_t size;
    const char *rule;
    double gain;
} ovp_net_init_options;

/* Fills theta (P values) from rng: per layer its weight in C order, then its bias, layers in order. OVP_EINVAL: unknown
 * rule. */
OVP_API ovp_status ovp_net_init(const ovp_net_model *model, ovp_ctx *ctx, const ovp_net_init_options *options,
                                ovp_numeric_rng *rng, void *theta);
/* One tensor in C order by a rule; the piece that ovp_net_init is made of. */
OVP_API ovp_status ovp_net_init_tensor(ovp_ctx *ctx, const char *rule, double gain, ovp_net_role role, ovp_idx fan_in,
                                       ovp_idx fan_out, ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n,
                                       void *out);
/* torch.nn.init.calculate_gain: relu sqrt(2), tanh 5/3, selu 3/4, leaky-relu sqrt(2/(1+.01^2)), others 1. */
OVP_API double ovp_net_gain(const char *activation);

/* ---- batches and targets ------------------------------------------------------------------------- */

typedef struct ovp_net_batch ovp_net_batch;
/* Prepares X (rows x d of the model's type, C order; copied or packed as the engine likes) for one model, or for any
 * other dense model with the same d, type, engine and input path. Free with ovp_net_batch_free. Errors: OVP_EINVAL
 * (rows < 1, a value that is not finite, position given), OVP_ENOMEM. */
OVP_API ovp_status ovp_net_bind(ovp_net_batch **out, ovp_ctx *ctx, const ovp_net_model *model, const void *x,
                                ovp_idx rows);
OVP_API void ovp_net_batch_free(ovp_net_batch *batch);
OVP_API ovp_idx ovp_net_batch_rows(const ovp_net_batch *batch);
/* "dense" or "sparse", and the fraction of non-zero inputs. */
OVP_API const char *ovp_net_batch_path(const ovp_net_batch *batch, double *density);

typedef enum ovp_net_loss { OVP_LOSS_CROSS_ENTROPY, OVP_LOSS_MSE } ovp_net_loss;
/* How per-sample losses become one number. For MSE: MEAN over samples and outputs (torch's "mean"), SAMPLES sum over
 * outputs, mean over samples, HALF_SAMPLES half of that, SUM over everything. Cross-entropy knows MEAN = SAMPLES and
 * SUM. */
typedef enum ovp_net_reduction {
    OVP_REDUCE_MEAN,
    OVP_REDUCE_SAMPLES,
    OVP_REDUCE_HALF_SAMPLES,
    OVP_REDUCE_SUM
} ovp_net_reduction;

/* Borrowed: labels (rows, each 0..c-1) for cross-entropy; values (rows x c of the model's type) for MSE. With labels
 * and MSE the targets are one-hot. */
typedef struct ovp_net_targets {
    ovp_net_loss loss;
    ovp_net_reduction reduction;
    const int32_t *labels;
    const void *values;
} ovp_net_targets;

/* ---- operations ---------------------------------------------------------------------------------- */

typedef struct ovp_net_workspace ovp_net_workspace;
/* Everything the operations need for batches of up to `rows` rows; allocates once, operations never do. The context is
 * borrowed. Free with ovp_net_workspace_free. */
OVP_API ovp_status ovp_net_workspace_create(ovp_net_workspace **out, ovp_ctx *ctx, const ovp_net_model *model,
                                            ovp_idx rows);
OVP_API void ovp_net_workspace_free(ovp_net_workspace *workspace);

/* F (rows x c, C order) = outputs. Cost 2 n P flops. Errors: OVP_ESHAPE (batch of another model or larger than the
 * workspace), OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_net_forward(ovp_net_workspace *workspace, const ovp_net_batch *batch, const void *theta,
                                   void *out);

/* *loss (f64) at theta and its gradient (P values). Cost about 6 n P flops less the input gradient of the first layer.
 * Errors as forward, OVP_EINVAL (a label outside 0..c-1, its position given). */
OVP_API ovp_status ovp_net_loss_grad(ovp_net_workspace *workspace, const ovp_net_batch *batch,
                                     const ovp_net_targets *targets, const void *theta, double *loss, void *grad);

/* What happens to each part of the gradient as soon as it is final, while it is in cache; the element-wise half of an
 * optimiser (g += weight_decay theta; buf = momentum buf + (1 - dampening) g; g = nesterov ? g + momentum buf : buf;
 * theta -= lr lr_scale g, as torch.optim.SGD). velocity: P values or NULL (momentum 0); first: buf = g on this step. */
typedef struct ovp_net_update {
    double lr, momentum, dampening, weight_decay;
    int nesterov, first;
    void *velocity;
} ovp_net_update;

/* loss_grad followed by the update of theta in place, without ever holding the whole gradient. *loss is the loss before
 * the update. The same bits as loss_grad and a separate update. */
OVP_API ovp_status ovp_net_loss_step(ovp_net_workspace *workspace, const ovp_net_batch *batch,
                                     const ovp_net_targets *targets, const ovp_net_update *update, void *theta,
                                     double *loss);
/* The same update of a gradient held apart. */
OVP_API void ovp_net_apply_update(const ovp_net_model *model, ovp_ctx *ctx, const ovp_net_update *update,
                                  const void *grad, void *theta);

/* out (P) = J(theta)^T u for u rows x c. OVP_EUNSUPPORTED where the model lacks it. */
OVP_API ovp_status ovp_net_vjp(ovp_net_workspace *workspace, const ovp_net_batch *batch, const void *theta,
                               const void *u, void *out);

/* Loss of given outputs F (rows x c, type), and if dF is not NULL its gradient. Rows with non-finite values give NaN.
 */
OVP_API ovp_status ovp_net_loss_value(ovp_ctx *ctx, const ovp_net_targets *targets, ovp_numeric_type type, ovp_idx rows,
                                      ovp_idx c, const void *f, double *loss, void *df);

#ifdef __cplusplus
}
#endif
#endif
