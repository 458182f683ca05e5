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
    const char *products; /* of points: "dense", "sparse" (skips zeros), NULL or "auto": by how many zeros there are */
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
 * from 0 against its spread, on z's mean, by which both sides are then shifted, and on whether products skip zeros
 * (`products`). Cost 2 rows others d flops and a few ns a value; memory besides out: some MiB a thread, copies of both
 * sides, 32 bytes a row and layer, for activations without closed form also 0.5 to 16 KiB a row and layer. Not in a
 * task of ovp_parallel. Errors: OVP_EINVAL (type; rows, others, d < 1; a value that is not finite, its row and column;
 * a squared length that overflows; normalise: a row of length 0), OVP_ENOMEM, OVP_ENUMERIC (quadrature; a kernel that
 * overflows, its row), OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_kernel_gram(void *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                                   ovp_idx rows, const void *x, ovp_idx others, const void *z);
/* diag[i] = k(x_i, x_i), always f64; cost O(rows d). Errors: as above. */
OVP_API ovp_status ovp_kernel_diagonal(double *diag, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type,
                                       ovp_idx d, ovp_idx rows, const void *x);
/* out (rows x c) = k(X, Z) W, W: others x c, all of `type` in C order; z NULL: z = x. Tile after tile of the Gram
 * matrix; sums of a row's tiles take up to 16 c values, those of so many rows at a time stay within `memory` bytes (0:
 * 256 MiB; at least one row's), besides what a Gram matrix takes besides out and 2 MiB a thread. Sums in `type`; the
 * order depends on shapes and memory alone: the same bits for any number of threads. out must not overlap the others.
 * Errors: as above; OVP_EINVAL also for c < 1 and too little memory, the least named. */
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
/* on 0: no refinement after a plain Cholesky factorisation, for many right-hand sides where a relative error of
 * condition x eps does no harm; 1 (as created): until nothing is gained. */
OVP_API void ovp_kernel_solver_set_refinement(ovp_kernel_solver *solver, int on);
OVP_API const ovp_kernel_solver_report *ovp_kernel_solver_get_report(const ovp_kernel_solver *solver);

/* ---- iterative solvers ----------------------------------------------------------------------------- */

/* Kernel regression on n points of `type`: either a kernel and its points x (n x d, C order), whose matrix is made as
 * it is needed, or the matrix itself, gram (n x n, symmetric), with kernel and x NULL. All borrowed, for as long as a
 * solver lives that was made from it. */
typedef struct ovp_kernel_problem {
    size_t size;
    ovp_numeric_type type; /* OVP_F32 or OVP_F64 */
    ovp_idx n, d;
    const ovp_kernel *kernel;
    const void *x;
    const void *gram;
} ovp_kernel_problem;

/* EigenPro 2 (Ma and Belkin 2019; the published programs where they differ from the paper): stochastic gradient descent
 * on K W = Y, preconditioned by the top eigenpairs of a subsample S of s points: lambda_i, e_i (|e_i|^2 = 1 / s) those
 * of K_SS / s; of the first q, q - 1 are flattened down to the tail lambda_q: D_i = (1 - (lambda_q / lambda_i)^alpha) /
 * lambda_i,   new top lambda' = lambda_1 (lambda_q / lambda_1)^alpha. A step on a batch b:  g = K_bX W - y_b,   W_b -=
 * (eta / |b|) g,   W_S += (eta / |b|) E D E^T K_Sb g,   with batch = min(floor(beta / lambda' + 1), limit), eta = batch
 * / beta where batch < beta / lambda' + 1, else .99 * 2 batch / (beta + (batch - 1) lambda'). An epoch draws floor(n /
 * batch) batch points without repetition and goes through them batch by batch. */
typedef struct ovp_kernel_eigenpro_options {
    size_t size;
    ovp_idx subsample; /* s; 0: min(n, 2000), from n = 100,000 on 12,000 */
    ovp_idx top_q;     /* q, 2..s; 0: #{i: lambda_i^-alpha < m} - 1, at least 5, m = min(max(s / 5, batch limit), s) */
    double alpha;      /* 0 < alpha <= 1; 0: .95 */
    const char *beta;  /* "modern" (NULL): max k(x, x); "early": max_i (1 - s sum_(j<q) e_ij^2), for k(x, x) = 1 */
    ovp_idx batch;     /* 0: as above */
    ovp_idx batch_limit; /* 0: n */
    double lr_scale;     /* eta is multiplied by it; 0: 1 */
    int64_t memory;      /* bytes for what is made of the kernel matrix besides the subsample's; 0: 1 GiB. If the whole
                            matrix fits into it, it is made once */
    ovp_numeric_rng
        *rng;     /* draws as numpy.random.choice: first S, then the points of each epoch; borrowed. NULL: philox */
    int64_t seed; /* of the philox stream */
    int64_t
        most_memory; /* bytes; more by ovp_kernel_eigenpro_estimate is refused before anything is made. 0: no limit */
} ovp_kernel_eigenpro_options;

typedef struct ovp_kernel_eigenpro_report {
    ovp_idx subsample, top_q, batch, batches; /* batches an epoch */
    double lambda_1, lambda_q, new_top, beta, eta;
    int stored;     /* whether the whole matrix is kept */
    int64_t bytes;  /* estimate of what the solver holds */
    ovp_idx epochs; /* done so far */
} ovp_kernel_eigenpro_report;
typedef struct ovp_kernel_eigenpro ovp_kernel_eigenpro;

/* Bytes that a solver takes at its height, besides the arrays it borrows: an upper estimate from shapes alone. options
 * may be NULL. Errors: OVP_EINVAL (an option, or the memory for rows, out of range). */
OVP_API ovp_status ovp_kernel_eigenpro_estimate(int64_t *bytes, ovp_ctx *ctx, const ovp_kernel_problem *problem,
                                                ovp_idx c, const ovp_kernel_eigenpro_options *options);
/* Draws S and makes the preconditioner (eigenpairs in f64, 2 s^2 numbers while it lasts, 5 s^2 if the spectrum falls
 * slowly); W = 0. y: n x c of the problem's type, copied. Errors: OVP_EINVAL (an option, with its value and range;
 * values that are not finite, their position; memory below what one point takes; more than most_memory, the estimate),
 * OVP_ENUMERIC (lambda_q not positive: too large a q), OVP_ENOMEM, OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_kernel_eigenpro_create(ovp_kernel_eigenpro **out, ovp_ctx *ctx,
                                              const ovp_kernel_problem *problem, ovp_idx c, const void *y,
                                              const ovp_kernel_eigenpro_options *options);
OVP_API void ovp_kernel_eigenpro_free(ovp_kernel_eigenpro *solver);
OVP_API const ovp_kernel_eigenpro_report *ovp_kernel_eigenpro_get_report(const ovp_kernel_eigenpro *solver);
/* Other targets (n x c; NULL: the same) with the same preconditioner: W = 0, no epoch done. Draws nothing. */
OVP_API ovp_status ovp_kernel_eigenpro_restart(ovp_kernel_eigenpro *solver, ovp_ctx *ctx, const void *y);
/* One epoch: n batch c + n batch (kernel) operations a batch. The same bits for any number of threads. Errors:
 * OVP_ENUMERIC (W is not finite afterwards: eta too large), those of ovp_kernel_gram, OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_kernel_eigenpro_epoch(ovp_kernel_eigenpro *solver, ovp_ctx *ctx);
/* W (n x c), owned by the solver; changes with every epoch. */
OVP_API const void *ovp_kernel_eigenpro_weights(const ovp_kernel_eigenpro *solver);
/* f (count x c) = the values at training points ids[0..count-1]; ids NULL: all (count is then n). */
OVP_API ovp_status ovp_kernel_eigenpro_fit(void *f, ovp_kernel_eigenpro *solver, ovp_ctx *ctx, ovp_idx count,
                                           const int64_t *ids);
/* f (rows x c) = K(x, X) W at other points: x rows x d, or where the problem is a matrix, K(x, X) itself, rows x n. */
OVP_API ovp_status ovp_kernel_eigenpro_predict(void *f, ovp_kernel_eigenpro *solver, ovp_ctx *ctx, ovp_idx rows,
                                               const void *x);
/* *mse: mean of (f - y)^2 over rows x c; *error: share of rows whose largest entries of f and y stand in different
 * places (the first of equals counts; c = 1: whose signs differ). Either may be NULL. rows, c >= 1. */
OVP_API void ovp_kernel_score(double *mse, double *error, ovp_numeric_type type, ovp_idx rows, ovp_idx c, const void *f,
                              const void *y);

/* (K + lambda I) W = Y by conjugate gradients, every column on its own, preconditioned by the same eigenpairs,
 * orthonormal on all n points: with the Nystroem approximation K_XS E_q (s Lambda_q)^-1 E_q^T K_SX = U (n mu) U^T and
 * nu = lambda / n, P = I - sum_(i<q) (1 - ((mu_q + nu) / (mu_i + nu))^alpha) u_i u_i^T. */
typedef struct ovp_kernel_cg_options {
    size_t size;
    double ridge;
    const char *ridge_scale;  /* NULL: "absolute" */
    double tolerance;         /* of |Y - (K + lambda I) W| / |Y| (2-norms), each column; 0: 1e-10, in f32 1e-5 */
    ovp_idx most_steps;       /* 0: n + 100 */
    int plain;                /* 1: without preconditioner */
    ovp_idx subsample, top_q; /* as ovp_kernel_eigenpro_options */
    double alpha;
    int64_t memory;
    ovp_numeric_rng *rng;
    int64_t seed;
} ovp_kernel_cg_options;
typedef struct ovp_kernel_cg_report {
    ovp_idx steps, top_q;
    double lambda, residual; /* largest true relative residual of a column, computed anew at the end */
    int converged;
} ovp_kernel_cg_report;
/* w: n x c. report may be NULL. Not to converge within most_steps is no error; the report says it. The same bits for
 * any number of threads. Errors: those of ovp_kernel_eigenpro_create; OVP_ENUMERIC (K + lambda I is not positive
 * definite to rounding). */
OVP_API ovp_status ovp_kernel_cg(void *w, ovp_kernel_cg_report *report, ovp_ctx *ctx, const ovp_kernel_problem *problem,
                                 ovp_idx c, const void *y, const ovp_kernel_cg_options *options);

/* ---- predictors ------------------------------------------------------------------------------------ */

/* What full-batch training of a model with a constant tangent kernel Theta does (Jacot et al. 2018; Lee et al. 2019),
 * in closed form at any time. With n training points, c outputs trained alike, targets y and the loss "half-mean"   1/2
 * mean of (f - y)^2 over n c (neural_tangents)       rate = 1 / (n c) "mean"        mean of (f - y)^2 over n c rate = 2
 * / (n c) "sample-mean" mean over n of 1/2 sum of (f - y)^2 over c             rate = 1 / n "half-sum"    1/2 sum of (f
 * - y)^2                                   rate = 1 the residual f - y on the training points is multiplied by flow:
 * exp(-rate t Theta)                    t: time, that is, learning rate times steps gd:    (I - rate eta Theta)^t t:
 * steps of learning rate eta, a whole number and f_t(x) = f_0(x) + Theta(x, X) Theta^-1 (I - that) (y - f_0(X)). For
 * outputs coupled by their kernel give Theta of all n c pairs as n c points of one output. */
typedef struct ovp_kernel_predict_options {
    size_t size;
    ovp_idx n, tests;         /* tests 0: training points alone */
    const double *theta;      /* n x n, Theta(X, X); these arrays are read during creation alone */
    const double *theta_test; /* tests x n, Theta(x, X) */
    /* For covariances, each or all NULL: the kernel of the output at t = 0, K(X, X), K(x, X), K(x, x) (tests x tests).
     * Bayesian inference and training of the last layer alone: give the same arrays as Theta. */
    const double *k, *k_test, *k_test_test;
    double ridge;            /* added to Theta(X, X)'s diagonal */
    const char *ridge_scale; /* NULL: "absolute"; "relative": times tr Theta / n (diag_reg) */
    ovp_idx c;               /* outputs; 0: 1 */
    const char *loss;        /* NULL: "half-mean" */
} ovp_kernel_predict_options;
typedef struct ovp_kernel_predictor ovp_kernel_predictor;
typedef struct ovp_kernel_predict_report {
    double lambda, rate, largest, smallest; /* eigenvalues of Theta + lambda I as used */
    ovp_idx clamped;                        /* negative ones, set to 0: rounding, or no kernel at all */
    ovp_idx negligible; /* up to n eps times the largest: at t = infinity these directions stay untrained */
} ovp_kernel_predict_report;
/* A time: flow at t (0..INFINITY) with eta 0, or t steps (INFINITY: the limit) of gradient descent with eta > 0. */
typedef struct ovp_kernel_time {
    double t, eta;
} ovp_kernel_time;

/* One eigendecomposition, O(n^3); afterwards every time costs O((n + tests) n c). Immutable. Errors: OVP_EINVAL (an
 * option; a value that is not finite, its position), OVP_ENUMERIC (no positive eigenvalue), OVP_ENOMEM. */
OVP_API ovp_status ovp_kernel_predict_create(ovp_kernel_predictor **out, ovp_ctx *ctx,
                                             const ovp_kernel_predict_options *options);
OVP_API void ovp_kernel_predict_free(ovp_kernel_predictor *predictor);
OVP_API const ovp_kernel_predict_report *ovp_kernel_predict_get_report(const ovp_kernel_predictor *predictor);
/* train (n x c), test (tests x c): f at that time from y (n x c), f0_train (n x c), f0_test (tests x c); f0 NULL: 0;
 * train or test may be NULL. Errors: OVP_EINVAL (t < 0 or not whole with eta > 0, eta < 0, not finite input; t infinite
 * with eta at or above the largest stable one, which the message names), OVP_ENUMERIC (the values overflow: gradient
 * descent diverges), OVP_ENOMEM. */
OVP_API ovp_status ovp_kernel_predict_mean(double *train, double *test, ovp_ctx *ctx,
                                           const ovp_kernel_predictor *predictor, ovp_kernel_time time, const double *y,
                                           const double *f0_train, const double *f0_test);
/* cov (tests x tests): covariance of f_t(x) over initialisations, one output, with A = Theta(x, X) Theta^-1 (I - ..):
 *     K(x, x) + A K(X, X) A^T - A K(X, x) - (A K(X, x))^T,
 * exactly symmetric. Errors: those of ovp_kernel_predict_mean, OVP_EINVAL (made without k, k_test, k_test_test). */
OVP_API ovp_status ovp_kernel_predict_covariance(double *cov, ovp_ctx *ctx, const ovp_kernel_predictor *predictor,
                                                 ovp_kernel_time time);
/* Losses (of the predictor's own kind) at times[0..count-1]: train from the spectrum alone, O(n c) a time; test, if it
 * and y_test (tests x c) are not NULL, with tests in the place of n. */
OVP_API ovp_status ovp_kernel_predict_losses(double *train, double *test, ovp_ctx *ctx,
                                             const ovp_kernel_predictor *predictor, ovp_idx count,
                                             const ovp_kernel_time *times, const double *y, const double *f0_train,
                                             const double *y_test, const double *f0_test);
/* 2 (1 + momentum) / (rate lambda_max): gradient descent with heavy-ball momentum (0 <= momentum < 1) is stable below.
 */
OVP_API double ovp_kernel_predict_largest_rate(const ovp_kernel_predictor *predictor, double momentum);

#ifdef __cplusplus
}
#endif
#endif
