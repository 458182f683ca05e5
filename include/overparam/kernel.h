/* kernel: kernel functions, the kernels of infinitely wide nets and of finite ones, solvers and predictors. */
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

/* ---- kernel functions ------------------------------------------------------------------------------ */

/* k(x, z), x and z in R^d; r = |x - z|. Formulas with sources, conventions and accuracy: docs/kernels.md.
 * "laplace"     exp(-r / bandwidth)
 * "gaussian"    exp(-r^2 / (2 bandwidth^2))
 * "dispersal"   exp(-r^gamma / bandwidth), 0 < gamma <= 2
 * "polynomial"  (scale <x, z> + offset)^degree
 * "nngp", "ntk" of an infinitely wide dense net with `depth` hidden layers (Lee et al. 2018; Jacot et al. 2018):
 *     convention "ntk-parametrization" (neural_tangents' Dense(W_std, b_std, parameterization = 'ntk'); default):
 *         K_0 = sigma_w^2 <x, z> / d + sigma_b^2, Theta_0 = K_0,
 *         K_l = sigma_w^2 E[phi phi] + sigma_b^2, Theta_l = sigma_w^2 (E[phi phi] + Theta_(l-1) E[phi' phi']) +
 *         sigma_b^2, expectations under N(0, K_(l-1)); nngp is K_depth, ntk Theta_depth. With `bias` "frozen" the
 *         sigma_b^2 of every Theta is left out. `train` "last": only the last layer's parameters, sigma_w^2 E[phi phi]
 *         + sigma_b^2; "hidden": all but these, sigma_w^2 Theta_(depth-1) E[phi' phi']; "all" is the sum of both.
 *     convention "unit-sphere" (the Princeton tutorial's): K_0 = Theta_0 = <x, z>, unscaled, and sigma_w^2 = 1 /
 *         E phi(u)^2, u ~ N(0, 1) (2 for relu) in every later layer, sigma_b = 0.
 *     convention "tutorial-bias": one hidden relu layer with first-layer biases, f = sqrt(2 / k) A relu(B x + b):
 *         K_0 = <x, z> + 1, Theta = 2 (E[phi phi] + K_0 E[phi' phi']) (EXPERIMENTS A9; diagonal 4 for unit inputs).
 *     activation: closed forms for relu, leaky-relu, abs, erf, gelu, sin, cos, step (not ntk: its E[phi' phi'] is
 *     infinite), square, identity; the others of the table to `tolerance` by their Hermite series or, where that
 *     converges slowly (kinks, correlations near 1), by quadrature pair by pair, which takes milliseconds a pair. */
typedef struct ovp_kernel_options {
    size_t size;
    const char *name;
    double bandwidth, gamma;               /* > 0; 0: 1 */
    double degree, offset, scale;          /* polynomial: degree a whole number 1..1000, offset >= 0, scale 0: 1 / d */
    const char *activation;                /* NULL: "relu" */
    ovp_idx depth;                         /* hidden layers, 1..100000; 0: 1 */
    double sigma_w, sigma_b;               /* sigma_w 0: the activation's gain (ovp_net_gain); sigma_b 0: no biases */
    const char *convention, *bias, *train; /* NULL: "ntk-parametrization", "trained", "all" */
    double tolerance;                      /* of an expectation, 1e-13..0.1; 0: 1e-10 */
    int normalise;                         /* rows are divided by their length first; a row of length 0 is refused */
} ovp_kernel_options;
typedef struct ovp_kernel ovp_kernel;
/* Immutable, shareable between threads; free with ovp_kernel_free. Set options->size. Errors: OVP_EINVAL naming the
 * option, its value and the range (options of another kernel are not looked at; nngp refuses bias and train, the
 * tutorial's conventions refuse sigmas), OVP_ENUMERIC (quadrature), OVP_ENOMEM. */
OVP_API ovp_status ovp_kernel_create(ovp_kernel **out, ovp_ctx *ctx, const ovp_kernel_options *options);
/* NULL is fine. */
OVP_API void ovp_kernel_free(ovp_kernel *kernel);
/* The options as they are, defaults filled in (polynomial's scale stays 0 for 1 / d); owned by the kernel. */
OVP_API const ovp_kernel_options *ovp_kernel_get_options(const ovp_kernel *kernel);
/* Largest error estimate of one layer's expectations at variances 1 over correlations -0.9 .. 1: 0 for closed forms. */
OVP_API double ovp_kernel_error(const ovp_kernel *kernel);

/* out (rows x others, C order, of `type`, OVP_F32 or OVP_F64) = k(x_i, z_j); x: rows x d, z: others x d, of the same
 * type; z NULL (others is then ignored) or equal to x with as many rows: z = x, half the work, and out is symmetric to
 * the last bit with the diagonal of ovp_kernel_diagonal. Products in `type`, distances and angles that these cannot
 * tell by differences in f64; nets' layers in f64 for either type. The same bits for any number of threads. A value
 * depends on its own two rows, and in its last bits on the matrices' shapes (blocks of the BLAS) and, where z lies far
 * from 0 against its spread, on z's mean, by which both sides are then shifted. Cost 2 rows others d flops and a few ns
 * a value; memory besides out: some MiB a thread, 32 bytes a row and layer, for activations without closed form also
 * 0.5 to 16 KiB a row and layer. Not in a task of ovp_parallel. Errors: OVP_EINVAL (type; rows, others, d < 1; a value
 * that is not finite, its row and column; a squared length that overflows; normalise: a row of length 0), OVP_ENOMEM,
 * OVP_ENUMERIC (quadrature; a kernel that overflows, its row), OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_kernel_gram(void *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                                   ovp_idx rows, const void *x, ovp_idx others, const void *z);
/* diag[i] = k(x_i, x_i), always f64; cost O(rows d). Errors: as above. */
OVP_API ovp_status ovp_kernel_diagonal(double *diag, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type,
                                       ovp_idx d, ovp_idx rows, const void *x);
/* out (rows x c) = k(X, Z) W, W: others x c, all of `type` in C order; z NULL: z = x. Panel after panel of the Gram
 * matrix, one of them at a time within `memory` bytes (0: 256 MiB; at least 64 values, or one row if that is less)
 * besides what a Gram matrix takes besides out. Sums in `type`; the order depends on shapes and memory alone: the same
 * bits for any number of threads. out must not overlap the others. Errors: as above; OVP_EINVAL also for c < 1 and too
 * little memory, the least named. */
OVP_API ovp_status ovp_kernel_apply(void *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                                    ovp_idx rows, const void *x, ovp_idx others, const void *z, ovp_idx c,
                                    const void *w, int64_t memory);

/* ---- direct solver --------------------------------------------------------------------------------- */

/* K + lambda I = L L^T in f64, or what else it takes. ridge: lambda itself ("absolute", default) or in units of
 * tr(K) / n ("relative", neural_tangents' diag_reg). */
typedef struct ovp_kernel_solver_options {
    size_t size;
    double ridge;
    const char *ridge_scale; /* NULL: "absolute" */
} ovp_kernel_solver_options;
/* What it took. method: "cholesky"; "cholesky-jitter" (indefinite to rounding: `jitter` was added to the diagonal, the
 * least power of ten times eps tr/n that works, refinement against the matrix without it); "eigen" (worse: negative and
 * negligible eigenvalues are dropped, `dropped` of them). condition: estimate in the 1-norm; residual: largest relative
 * residual of the last solve. */
typedef struct ovp_kernel_solver_report {
    const char *method;
    double lambda, jitter, condition, residual;
    ovp_idx dropped;
    int refinements;
} ovp_kernel_solver_report;
typedef struct ovp_kernel_solver ovp_kernel_solver;
/* k: n x n, symmetric, copied. Errors: OVP_EINVAL (n < 1, a value that is not finite, its position, not symmetric,
 * ridge < 0), OVP_ENUMERIC (singular with lambda = 0: duplicate points; the message says which two rows are equal, or
 * the condition), OVP_ENOMEM. */
OVP_API ovp_status ovp_kernel_solver_create(ovp_kernel_solver **out, ovp_ctx *ctx, ovp_idx n, const double *k,
                                            const ovp_kernel_solver_options *options);
OVP_API void ovp_kernel_solver_free(ovp_kernel_solver *solver);
/* X (n x c) = (K + lambda I)^-1 B (n x c), with iterative refinement. X may be B. */
OVP_API ovp_status ovp_kernel_solve(ovp_kernel_solver *solver, ovp_ctx *ctx, ovp_idx c, const double *b, double *x);
OVP_API const ovp_kernel_solver_report *ovp_kernel_solver_get_report(const ovp_kernel_solver *solver);

#ifdef __cplusplus
}
#endif
#endif
