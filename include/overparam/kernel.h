/* kernel: the neural tangent kernel of finite models. */
#ifndef OVERPARAM_KERNEL_H
#define OVERPARAM_KERNEL_H

#include <overparam/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The empirical neural tangent kernel of a model at theta (Jacot, Gabriel and Hongler 2018):
 *     Theta(X, X') = J(X) J(X')^T,   J (rows c) x P the derivative of the outputs by the raw parameters theta,
 * so Theta is that of gradient descent with the learning rates as given; slices' lr_scale does not enter. A net with
 * parametrisation "ntk" has the kernel of neural_tangents.empirical_ntk_fn with Dense(W_std = sigma_w, b_std =
 * sigma_b), that is, for one hidden layer of m units, f = sigma_w / sqrt(m) W phi(z) + sigma_b b and z = sigma_w /
 * sqrt(d) V x + sigma_b a with all entries of W, b, V, a ~ N(0, 1); for m -> infinity it tends to Theta = sigma_w^2
 * (E[phi phi] + K_0 E[phi' phi']) + sigma_b^2 times the identity over outputs, K_0 = sigma_w^2 <x, x'> / d + sigma_b^2,
 * expectations over z, z' normal with covariance K_0. (The other parametrisations of neural_tangents, 'standard' with
 * its own sigmas, have no counterpart here.)
 *
 * Methods (Novak, Sohl-Dickstein and Schoenholz 2022 call the last two Jacobian contraction and NTK-vector products):
 *     "factors"   dense nets: sum over layers of (multiplier_W^2 h_i . h_j + multiplier_b^2) (delta_ia . delta_jb);
 * never forms a gradient: 2 (n c) (n' c) sum_l out_l flops. Needs OVP_CAN_FACTORS. "jacobian"  rows of J, as many at a
 * time as memory allows: 2 (n c) (n' c) P flops. Needs OVP_CAN_JACOBIAN. "products"  column after column, J(X) (J(X')^T
 * e) by vjp and jvp, in the model's precision: about 4 n (n' c) P flops, hardly any memory. Needs OVP_CAN_VJP and
 * OVP_CAN_JVP. "auto"      (default) of those that the model can and that fit into memory, the one with the fewest
 * flops. */
typedef struct ovp_kernel_ntk_options {
    size_t size;        /* sizeof(ovp_kernel_ntk_options) */
    const char *method; /* NULL: "auto" */
    int64_t memory; /* bytes besides the result and a few MiB a thread; 0: 1 GiB, or one row's worth if that is more */
    int mean;       /* 1: the mean over outputs, 1/c sum_a Theta(x_i a, x'_j a), instead of all pairs of outputs */
} ovp_kernel_ntk_options;

/* What a call would do: `method` static, blocks of `block` rows, estimates from shapes alone. */
typedef struct ovp_kernel_ntk_plan {
    const char *method;
    ovp_idx block;
    double flops;
    int64_t bytes;
} ovp_kernel_ntk_plan;

/* The plan for n rows against n' others (0: X' = X). options may be NULL. Errors: OVP_EINVAL (rows or others below the
 * allowed, unknown method, memory too small for one row, the least it takes named), OVP_EUNSUPPORTED (the model lacks
 * what the method, or any method, needs). */
OVP_API ovp_status ovp_kernel_ntk_choose(ovp_kernel_ntk_plan *out, ovp_ctx *ctx, const ovp_net_model *model,
                                         ovp_idx rows, ovp_idx others, const ovp_kernel_ntk_options *options);

/* out: (rows c) x (others c), C order, row i c + a = output a of sample i, or with `mean` rows x others. x, x_other:
 * rows x d and others x d values of the model's type in C order; x_other NULL (others is then ignored) or equal to x:
 * X' = X, half the work, and out is symmetric to the last bit. Sums over parameters are in f64 ("products": the model's
 * precision), in an order that depends on shapes and memory alone: the same bits for any number of threads. Not in a
 * task of ovp_parallel. Errors: those of ovp_kernel_ntk_choose and of ovp_net_bind, OVP_ENOMEM, OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_kernel_ntk(double *out, ovp_ctx *ctx, const ovp_net_model *model, const void *theta,
                                  ovp_idx rows, const void *x, ovp_idx others, const void *x_other,
                                  const ovp_kernel_ntk_options *options);

#ifdef __cplusplus
}
#endif
#endif
