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
    double lr_scale;   /* multiplies the learning rate for this part */
    double multiplier; /* the model uses multiplier * tensor: 1 but for parametrisations */
    double init_std;   /* of a parametrisation's own draws N(0, init_std^2); 0: initialised by a rule of ovp_net_init */
} ovp_net_slice;

typedef struct ovp_net_model ovp_net_model;

/* What a model can do; forward and loss_grad always. */
typedef enum ovp_net_capability {
    OVP_CAN_VJP = 1,
    OVP_CAN_JVP = 2,
    OVP_CAN_HVP = 4,
    OVP_CAN_JACOBIAN = 8,
    OVP_CAN_FACTORS = 16
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
    const char *engine;    /* "auto" (default), "reference", "gemm", "tile" */
    const char *input;  /* first-layer path of gemm: "auto" (default: sparse under 40 % non-zero), "dense", "sparse" */
    const char *layout; /* what the tile engine's lanes run across: "auto" (default, docs/engines.md), "samples",
                         * "units" (one hidden layer), "features" */
    /* Where the width stands; in, out: fans of the layer, m: width of the last hidden layer. theta holds the raw W and
     * b, and gradients, learning rates and measures of movement are those of the raw values. sigma_w, sigma_b: 0 means
     * the activation's gain (ovp_net_gain) and 1; the same in every layer.
     * "standard" (default): z = W a + b, initialised by a rule of ovp_net_init; takes no sigmas.
     * "ntk" (Jacot et al. 2018, there sigma_w = 1, sigma_b = beta): z = sigma_w / sqrt(in) W a + sigma_b b, W, b ~
     *   N(0, 1), learning rates as given. neural_tangents.stax.Dense(out, W_std, b_std, parameterization='ntk') is this
     *   with W_std = sigma_w, b_std = sigma_b.
     * "unit-sphere" (for inputs of length about 1; kernel convention of the same name): as ntk, but with the first
     * layer z = W x + sigma_b b, unscaled. With relu, no_last_bias and sigma_w left out f = sqrt(2 / m) W a.
     * "mean-field" (Mei, Montanari and Nguyen 2018; Yang and Hu 2021, table 1): one hidden layer, as in ntk, and
     *   f = sigma_w / m W a + sigma_b / sqrt(m) b, W, b ~ N(0, 1); learning rates times m. The last bias is scaled so
     *   that its effect grows no faster than lr.
     * "mup" (Yang and Hu 2021, table 1, maximal update for SGD): z = sigma_w sqrt(out / in) W a + sigma_b sqrt(out) b,
     *   W, b ~ N(0, 1 / out), and last f = sigma_w / sqrt(m) W a + sigma_b b, W, b ~ N(0, 1 / m); learning rates as
     *   given. For hidden layers of one width these are the table's multipliers sqrt(m), 1, 1 / sqrt(m); with one
     *   hidden layer the same function and the same training as mean-field, for raw values smaller by sqrt(m). */
    const char *parametrization;
    double sigma_w, sigma_b;
    int no_last_bias; /* the output layer alone goes without a bias */
} ovp_net_dense_options;

/* The scales of one layer under a parametrisation, with sigma_w = sigma_b = 1 (a real one multiplies weight by sigma_w,
 * bias by sigma_b): z = weight W a + bias b, W, b ~ N(0, init_std^2), learning rates times lr. last: the output layer.
 * Fans are real numbers, for predictions. Returns 0, and scales 1, 1, 1, 0, for "standard", NULL and unknown names;
 * "unit-sphere" gives ntk's, which hold above its first layer. */
typedef struct ovp_net_scales {
    double weight, bias, lr, init_std;
} ovp_net_scales;
OVP_API int ovp_net_parametrization(ovp_net_scales *out, const char *name, double fan_in, double fan_out, int last);

/* Model in *out; free with ovp_net_model_free (batches and workspaces first). Errors: OVP_EINVAL (layer count, a width
 * < 1 or a parameter count over 2^40, unknown activation, engine or parametrisation, a sigma that is negative or not
 * finite, each named), OVP_ENOMEM. */
OVP_API ovp_status ovp_net_dense_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_dense_options *options);
OVP_API void ovp_net_model_free(ovp_net_model *model);
OVP_API ovp_idx ovp_net_model_parameters(const ovp_net_model *model); /* P */
OVP_API ovp_idx ovp_net_model_inputs(const ovp_net_model *model);     /* d */
OVP_API ovp_idx ovp_net_model_outputs(const ovp_net_model *model);    /* c */
OVP_API ovp_numeric_type ovp_net_model_type(const ovp_net_model *model);
OVP_API const char *ovp_net_model_engine(const ovp_net_model *model);
OVP_API unsigned ovp_net_model_capabilities(const ovp_net_model *model);
OVP_API const ovp_net_slice *ovp_net_model_slices(const ovp_net_model *model, ovp_idx *count);
/* Bytes a training of this model on n rows needs at its peak: theta, theta_0, the batch and the workspace (of the tile
 * engine: with up to 16 threads). For refusing before work. */
OVP_API int64_t ovp_net_dense_memory(const ovp_net_dense_options *options, ovp_idx rows);

/* ---- models made of models ------------------------------------------------------------------------ */

/* Each borrows `base` (and uses its slices and theta order), which must outlive it; theta_0 (base's P values, finite,
 * else OVP_EINVAL) is copied. Batches are bound to the very model: another one answers OVP_ESHAPE. docs/models.md.
 *
 * alpha (f(theta) - f(theta_0)), lazy for large alpha (Chizat, Oyallon and Bach 2019). f(theta_0) is computed once,
 * when a batch is bound, unrounded: the outputs at theta_0 are exactly 0; rows selected into another batch bring theirs
 * along (0 there up to the rounding of f). Has whatever operation base has. OVP_EINVAL: alpha not finite or 0. */
OVP_API ovp_status ovp_net_scaled_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_model *base, double alpha,
                                         const void *theta_0);
/* f(theta_0) + J(theta_0) (theta - theta_0). Has jvp, vjp and hvp, and whatever else base has. OVP_EUNSUPPORTED: base
 * has no jvp or vjp. */
OVP_API ovp_status ovp_net_linearised_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_model *base,
                                             const void *theta_0);

/* A feature map in front: x (rows x inputs) -> phi (rows x features), applied once when a batch is bound, in f64. A
 * failure is reported with ovp_fail(ctx, ..). */
typedef struct ovp_net_feature_map ovp_net_feature_map;
struct ovp_net_feature_map {
    ovp_idx inputs, features;
    ovp_status (*apply)(const ovp_net_feature_map *map, ovp_ctx *ctx, ovp_idx rows, const double *x, double *phi);
    const void *user; /* borrowed, for apply */
};
/* base(phi(x)), base with `features` inputs; the map is copied. Has whatever operation base has. Errors: OVP_ESHAPE
 * (features differ), OVP_EINVAL (inputs below 1); when a batch is bound also those of apply and OVP_EINVAL (a feature
 * that is not finite). */
OVP_API ovp_status ovp_net_mapped_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_model *base,
                                         const ovp_net_feature_map *map);
/* The map (sin(w k x_j), cos(w k x_j)) for k = first .. first + count - 1 and every input j: features = 2 inputs count,
 * per input first the sines, then the cosines, each for k rising. *out borrows `fourier` and needs no free; OVP_EINVAL:
 * a count or inputs below 1, more than 2^31-1 features, a frequency that is not finite. */
typedef struct ovp_net_fourier {
    double frequency;
    ovp_idx first, count;
} ovp_net_fourier;
OVP_API ovp_status ovp_net_fourier_map(ovp_net_feature_map *out, ovp_ctx *ctx, const ovp_net_fourier *fourier,
                                       ovp_idx inputs);

/* A model given as a C function of the weights, e.g. a scalar function of one or two: value of one sample, and on
 * request its derivatives, all in f64. x: inputs values (inputs may be 0: x is NULL, a pure function of theta), theta:
 * parameters; f: outputs; jacobian: outputs x parameters or NULL; hessian: outputs x parameters x parameters or NULL.
 * May be called from several threads. Non-finite results are results. */
typedef struct ovp_net_function {
    ovp_idx inputs, outputs, parameters;
    ovp_status (*evaluate)(void *user, const double *x, const double *theta, double *f, double *jacobian,
                           double *hessian);
    int has_hessian; /* else hvp is unsupported */
    ovp_numeric_type type;
    void *user; /* borrowed, for evaluate */
} ovp_net_function;
/* All operations but factors (hvp if it has a Hessian); one slice "theta". The struct is copied. Samples are evaluated
 * one after the other; a failure of `evaluate` is passed on. OVP_EINVAL: a count below 1 (inputs: below 0) or beyond
 * 2^31-1, no function, type. */
OVP_API ovp_status ovp_net_function_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_function *function);

/* The function f(x, theta) that an expression writes: its variables are first the inputs, then the weights. *out
 * borrows `expression` (the struct too), which must outlive the model. One output; OVP_EINVAL: fewer than 1 weight or
 * more than 8, more than 16 variables. */
typedef struct ovp_net_expression {
    const ovp_numeric_expression *expression;
    ovp_idx inputs, parameters;
} ovp_net_expression;
OVP_API ovp_status ovp_net_expression_function(ovp_net_function *out, ovp_ctx *ctx, ovp_net_expression *expression,
                                               ovp_numeric_type type);

/* ---- residual nets -------------------------------------------------------------------------------- */

/* Residual net of the depth limit: h_0 = U x, L blocks of d x d weights, f = V h_L, no biases (docs/residual.md). With
 * delta = L^-alpha, k = 0 .. L-1, W_-1 = 0 and h a column, by `augmentation`:
 *
 * - "skip" (default): h += delta phi(W_k h)
 *
 * - "none": h = delta phi(W_k h)
 *
 * - "linear-skip": h += W_k phi(h)
 *
 * - "inc-skip": h += (W_k - W_k-1)^T phi(W_k-1 h)
 *
 * Only the blocks are trained: theta holds them in C order, L x d x d (slices "blocks.k.weight", layer k); U (d x
 * inputs) and V (outputs x d) are frozen and copied by the model. U x is computed once, when a batch is bound. */
typedef struct ovp_net_residual_options {
    size_t size;
    ovp_idx inputs, dim, outputs, layers; /* layers: L */
    const char *activation;               /* name in the activation table; default "tanh" */
    const char *augmentation;
    double alpha;
    ovp_numeric_type type;
    const char *engine;             /* "auto" (default), "reference", "tile" */
    const void *read_in, *read_out; /* U, V of `type`, C order */
} ovp_net_residual_options;

/* Model in *out; free with ovp_net_model_free. Has all six operations. Errors: OVP_EINVAL (a count < 1, alpha not
 * finite, unknown activation, augmentation or engine, U or V missing or not finite, each named), OVP_ENOMEM. */
OVP_API ovp_status ovp_net_residual_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_residual_options *options);

/* How the published program starts (spec: docs/residual.md): draws in its order, read-in, read-out (both uniform
 * +-1/sqrt(fan_in)), then block by block its default Linear draw followed by its initialiser's. w = 1/gamma + 1 -
 * alpha, M = L^-w. `init`: "constant" (default), "ntrunc", "lin-dec", "lin-inc", "quad", "lin-dec-sym", "lin-inc-sym".
 * readme: the README's form of constant and ntrunc in place of the code's. */
typedef struct ovp_net_residual_start {
    size_t size;
    const char *init;
    double gamma;
    int readme;
} ovp_net_residual_start;
/* Fills read_in (dim x inputs), read_out (outputs x dim) and theta (L x dim x dim) of options->type. options' own
 * read_in and read_out are not read. OVP_EINVAL: unknown init, gamma not above 0. */
OVP_API ovp_status ovp_net_residual_draw(ovp_ctx *ctx, const ovp_net_residual_options *options,
                                         const ovp_net_residual_start *start, ovp_numeric_rng *rng, void *read_in,
                                         void *read_out, void *theta);

/* ---- convolutional residual nets ------------------------------------------------------------------- */

/* Residual net on square images (the family of He et al. 2016, section 4.2, with a scale on the residuals): a 3x3
 * convolution to `width` channels, batch norm, ReLU; three stages of n = `blocks` blocks on width, 2 width and 4 width
 * channels, the second and third halving the image; global mean; linear layer with bias. Weight layers: L = 6 n + 2.
 * Block: y = delta relu(bn1(conv1 x)); y = delta bn2(conv2 y); x <- relu(y + shortcut(x)), delta = n^-power. The
 * shortcut is the identity or, into a new stage, every other pixel of x with as many zero channels before as after
 * ("option A"). Convolutions are 3x3, padded with zeros, without bias; batch norm has eps 1e-5.
 * theta: tensors in torch's order and shapes (convolution [out, in, 3, 3]); layer 0 is the first convolution with its
 * norm, L - 1 the linear layer. Inputs: channels x image x image values a sample, channel by channel.
 * The outputs of a sample depend on its whole batch: forward, loss_grad, loss_step and vjp norm by the batch's mean and
 * variance (train mode). What a trained net norms by afterwards is its state. */
typedef struct ovp_net_resnet_options {
    size_t size;
    ovp_idx blocks;                   /* n, per stage */
    ovp_idx channels, image, classes; /* 0: 3, 32, 10 */
    ovp_idx width;                    /* 0: 16; even */
    double power;                     /* delta = n^-power; 0 means .75 */
    ovp_numeric_type type;
    const char *engine; /* "auto" (default: conv for f32 where this build has it, else reference), "reference",
                         * "conv": oneDNN's convolutions, f32 only */
} ovp_net_resnet_options;

/* Model in *out; free with ovp_net_model_free. Has vjp besides forward and loss_grad, and a state. Errors: OVP_EINVAL
 * (a count outside its range, power, type, engine, each named), OVP_EUNSUPPORTED (conv in f64), OVP_EUNAVAILABLE (conv
 * in a build without oneDNN), OVP_ENOMEM. */
OVP_API ovp_status ovp_net_resnet_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_resnet_options *options);
/* Fills theta (P values) in the published program's order of draws: tensor by tensor as torch's modules draw them when
 * they are made (ovp_net_init's torch-default); right behind the first convolution, and behind the linear layer, that
 * weight once more by kaiming-normal. */
OVP_API ovp_status ovp_net_resnet_draw(const ovp_net_model *model, ovp_ctx *ctx, ovp_numeric_rng *rng, void *theta);
/* Version of the library that convolves, "oneDNN 2.6.3"; NULL in a build without. */
OVP_API const char *ovp_net_conv_library(void);

/* ---- state ----------------------------------------------------------------------------------------- */

/* Buffers beside theta: values of the model's type that training gathers and no gradient moves (running means and
 * variances). The caller holds them; ovp_net_state_update alone changes them. Slices as of theta, offsets into the
 * state; *count 0: the model has none. Roles and fans mean nothing here. */
OVP_API const ovp_net_slice *ovp_net_model_state(const ovp_net_model *model, ovp_idx *count);
OVP_API ovp_idx ovp_net_model_state_values(const ovp_net_model *model);
/* As before any training: means 0, variances 1. */
OVP_API void ovp_net_state_init(const ovp_net_model *model, void *state);

/* ---- access to tensors ---------------------------------------------------------------------------- */

/* Copies one tensor between theta and C order. out, in: slice->count values of the model's type. */
OVP_API void ovp_net_slice_get(const ovp_net_model *model, const ovp_net_slice *slice, const void *theta, void *out);
OVP_API void ovp_net_slice_set(const ovp_net_model *model, const ovp_net_slice *slice, const void *in, void *theta);

/* ---- initialisation ------------------------------------------------------------------------------ */

/* Rules (torch.nn.init): "torch-default" (U(+-1/sqrt(fan_in)) for weights and biases), "kaiming-uniform",
 * "kaiming-normal" (fan_in, gain of the activation), "xavier-uniform", "xavier-normal", "normal" (N(0,
 * (gain/sqrt(fan_in))^2)), "zero". All but torch-default set biases to 0. gain 0 means the rule's own. A model with a
 * parametrisation other than standard has draws of its own, N(0, init_std^2) for weights and biases: rule
 * "parametrization" or NULL, gain 0, and no other. */
typedef struct ovp_net_init_options {
    size_t size;
    const char *rule;
    double gain;
} ovp_net_init_options;

/* Fills theta (P values) from rng: per layer its weight in C order, then its bias, layers in order. OVP_EINVAL: unknown
 * rule, or one that does not go with the model's parametrisation. */
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
/* Prepares X (rows x d of the model's type, C order; copied or packed as the engine likes) for one model, or, if that
 * is dense, for any other dense model with the same d, type, engine and input path. Free with ovp_net_batch_free.
 * Errors: OVP_EINVAL (rows < 1, a value that is not finite, position given), OVP_ENOMEM. */
OVP_API ovp_status ovp_net_bind(ovp_net_batch **out, ovp_ctx *ctx, const ovp_net_model *model, const void *x,
                                ovp_idx rows);
OVP_API void ovp_net_batch_free(ovp_net_batch *batch);
/* An empty batch with room for `capacity` rows, to be filled by ovp_net_batch_select. Bound to the model as
 * ovp_net_bind does, dense unless the model's input path is "sparse". */
OVP_API ovp_status ovp_net_batch_create(ovp_net_batch **out, ovp_ctx *ctx, const ovp_net_model *model,
                                        ovp_idx capacity);
/* into := rows[0..count-1] of from, a batch of the same model; rows may repeat. Allocates nothing (a sparse path does).
 * Errors: OVP_EINVAL (a row outside `from`, position given), OVP_ESHAPE (count over the capacity, models differ). */
OVP_API ovp_status ovp_net_batch_select(ovp_net_batch *into, ovp_ctx *ctx, const ovp_net_batch *from,
                                        const int64_t *rows, ovp_idx count);
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
    const int64_t *rows; /* NULL, or row i of the batch has target rows[i] (mini-batches) */
    double power;        /* MSE: 0 means 2; else |f - y|^power in place of the square, power >= 1 (residual nets) */
    void *outputs; /* NULL, or room for F (rows x c): loss_grad and loss_step leave the outputs the loss came from */
} ovp_net_targets;

/* ---- operations ---------------------------------------------------------------------------------- */

typedef struct ovp_net_workspace ovp_net_workspace;
/* Everything the operations need for batches of up to `rows` rows; allocates once, operations never do (the four
 * derivatives below say when). The context is borrowed. Free with ovp_net_workspace_free. */
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

/* What happens to each part of the gradient as soon as it is final, while it is in cache: the element-wise half of an
 * optimiser, as torch.optim has it (1.13). g: gradient; eta = lr times the slice's lr_scale.
 * SGD: g += weight_decay theta; m = momentum m + (1 - dampening) g; g = nesterov ? g + momentum m : m; theta -= eta g.
 * ADAM: g += weight_decay theta; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
 *   theta -= eta / correction1 m / (sqrt(v) / sqrt(correction2) + eps); correction_i = 1 - beta_i^t, t = 1, 2, ..
 * ADAMW: the same but theta *= 1 - eta weight_decay first and g unchanged.
 * RMSPROP: g += weight_decay theta; v = beta2 v + (1 - beta2) g^2; g /= sqrt(v) + eps; with momentum m = momentum m + g
 *   and theta -= eta m, else theta -= eta g.
 * ADAGRAD: g += weight_decay theta; v += g^2; theta -= eta g / (sqrt(v) + eps). */
typedef enum ovp_net_rule {
    OVP_RULE_SGD,
    OVP_RULE_ADAM,
    OVP_RULE_ADAMW,
    OVP_RULE_RMSPROP,
    OVP_RULE_ADAGRAD
} ovp_net_rule;
typedef struct ovp_net_update {
    ovp_net_rule rule;
    double lr, momentum, dampening, weight_decay;
    double beta1, beta2, eps, correction1, correction2;
    int nesterov, first; /* first: m = g on this step (SGD) */
    void *m, *v;         /* P values of the model's type each, or NULL where the rule does without */
    const uint8_t *mask; /* NULL, or P bytes: 0 keeps theta where it is (pruned weights); m and v go on */
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

/* out (rows x c) = J(theta) v for v of P values, and f (rows x c; may be NULL) = outputs. One forward-mode pass, about
 * twice a forward one. OVP_EUNSUPPORTED where the model lacks it. */
OVP_API ovp_status ovp_net_jvp(ovp_net_workspace *workspace, const ovp_net_batch *batch, const void *theta,
                               const void *v, void *f, void *out);

/* out (P) = H v, H the Hessian of the loss at theta: exact (forward over reverse, Pearlmutter 1994), about twice a
 * loss_grad. Activations with kinks: their phi'' is 0. *loss (may be NULL) comes along. */
OVP_API ovp_status ovp_net_hvp(ovp_net_workspace *workspace, const ovp_net_batch *batch, const ovp_net_targets *targets,
                               const void *theta, const void *v, double *loss, void *out);

/* jvp, hvp, jacobian and factors make their buffers in the workspace when first called; later calls allocate nothing.
 *
 * Rows of the Jacobian: out ((count c) x P, C order), row (i c + k) = gradient of output k of sample first + i.
 * OVP_EINVAL: samples outside the batch. */
OVP_API ovp_status ovp_net_jacobian(ovp_net_workspace *workspace, const ovp_net_batch *batch, const void *theta,
                                    ovp_idx first, ovp_idx count, void *out);

/* Dense models: the factors of the Jacobian. The gradient of output k of sample i with respect to layer l's weight is
 * multiplier_l h_i delta_ik^T, to its bias multiplier delta_ik: h[l] (rows x in_l) and delta[l] ((rows c) x out_l), of
 * the model's type, provided by the caller for every layer l. OVP_EUNSUPPORTED for other models. */
OVP_API ovp_status ovp_net_factors(ovp_net_workspace *workspace, const ovp_net_batch *batch, const void *theta,
                                   void *const *h, void *const *delta);

/* state += momentum (statistics - state), with the statistics of the batch that this workspace last went through in
 * train mode (forward, loss_grad, loss_step, vjp); of a variance the unbiased one, as torch.nn.BatchNorm2d (momentum
 * there: .1). Errors: OVP_EUNSUPPORTED (no state), OVP_EINVAL (no such batch yet, momentum outside 0..1). */
OVP_API ovp_status ovp_net_state_update(ovp_net_workspace *workspace, double momentum, void *state);
/* F by the state in place of the batch's own statistics (eval mode): a sample's outputs are its own. OVP_EUNSUPPORTED:
 * no state. */
OVP_API ovp_status ovp_net_forward_state(ovp_net_workspace *workspace, const ovp_net_batch *batch, const void *theta,
                                         const void *state, void *out);

/* Lets another context of the family (a worker's, inside ovp_parallel) use the workspace from now on: one small net a
 * worker, many side by side. */
OVP_API void ovp_net_workspace_attach(ovp_net_workspace *workspace, ovp_ctx *ctx);

/* Loss of given outputs F (rows x c, type), and if dF is not NULL its gradient. Rows with non-finite values give NaN.
 */
OVP_API ovp_status ovp_net_loss_value(ovp_ctx *ctx, const ovp_net_targets *targets, ovp_numeric_type type, ovp_idx rows,
                                      ovp_idx c, const void *f, double *loss, void *df);

#ifdef __cplusplus
}
#endif
#endif
