/* numeric: arrays, random streams, activations, vector maths, BLAS, Gaussian integrals, roots, statistics. */
#ifndef OVERPARAM_NUMERIC_H
#define OVERPARAM_NUMERIC_H

#include <overparam/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- arrays -------------------------------------------------------------------------------------- */

typedef enum ovp_numeric_type { OVP_F32, OVP_F64, OVP_I64, OVP_I32, OVP_U8 } ovp_numeric_type;
#define OVP_NUMERIC_MAX_DIMS 8

/* Owned dense array in C order (last index fastest). ndim 0 is a scalar of one element. */
typedef struct ovp_numeric_array {
    ovp_numeric_type type;
    int ndim;
    ovp_idx shape[OVP_NUMERIC_MAX_DIMS];
    void *data; /* 64-byte aligned */
} ovp_numeric_array;

/* Bytes of one element; its name, "f32". */
OVP_API size_t ovp_numeric_type_size(ovp_numeric_type type);
OVP_API const char *ovp_numeric_type_name(ovp_numeric_type type); /* "f32", ... */
/* Zeroed array in *out; free with ovp_numeric_array_free. Errors: OVP_EINVAL (ndim, negative extent, product
 * overflow), OVP_ENOMEM. */
OVP_API ovp_status ovp_numeric_array_create(ovp_numeric_array *out, ovp_ctx *ctx, ovp_numeric_type type, int ndim,
                                            const ovp_idx *shape);
/* Frees the data and zeroes the struct; a zeroed struct or NULL is fine. */
OVP_API void ovp_numeric_array_free(ovp_ctx *ctx, ovp_numeric_array *array);
/* Number of elements, 1 for ndim 0. */
OVP_API ovp_idx ovp_numeric_array_count(const ovp_numeric_array *array);

/* ---- random streams ------------------------------------------------------------------------------ */

typedef enum ovp_numeric_rng_kind { OVP_RNG_PHILOX, OVP_RNG_TORCH, OVP_RNG_NUMPY } ovp_numeric_rng_kind;

/* What a philox stream is for; part of its key, so that streams of one seed never overlap. The torch and numpy kinds
 * ignore it: there one stream serves everything in the order of the calls. Values are promised across versions. */
typedef enum ovp_numeric_purpose {
    OVP_PURPOSE_GENERAL = 0,
    OVP_PURPOSE_INIT = 1,  /* initialisation of weights */
    OVP_PURPOSE_DATA = 2,  /* data sets, labels, noise */
    OVP_PURPOSE_BATCH = 3, /* order of mini-batches */
    OVP_PURPOSE_TEST = 4   /* test data */
} ovp_numeric_purpose;

/* How torch's arithmetic was compiled (docs/random.md): fused = AVX2/FMA builds (default), plain = portable ones. */
typedef enum ovp_numeric_torch_variant { OVP_TORCH_FUSED, OVP_TORCH_PLAIN } ovp_numeric_torch_variant;

typedef struct ovp_numeric_rng ovp_numeric_rng;

/* A stream in *out, free with ovp_numeric_rng_free. seed: torch and philox take any int64 (torch: its engine sees the
 * low 32 bits), numpy 0..2^32-1 (else OVP_EINVAL). index separates philox streams of one seed and purpose (e.g. the
 * member of an ensemble); torch and numpy ignore it. Errors: OVP_EINVAL, OVP_ENOMEM. */
OVP_API ovp_status ovp_numeric_rng_create(ovp_numeric_rng **out, ovp_ctx *ctx, ovp_numeric_rng_kind kind, int64_t seed,
                                          ovp_numeric_purpose purpose, uint64_t index);
OVP_API void ovp_numeric_rng_free(ovp_numeric_rng *rng);
OVP_API ovp_numeric_rng_kind ovp_numeric_rng_get_kind(const ovp_numeric_rng *rng);
/* Starts again from a seed (torch.manual_seed, numpy.random.seed): clears cached normals too. Errors: OVP_EINVAL
 * (numpy: outside 0..2^32-1; the stream stays as it was). */
OVP_API ovp_status ovp_numeric_rng_seed(ovp_numeric_rng *rng, int64_t seed);
/* torch only; programmer error otherwise. */
OVP_API void ovp_numeric_rng_set_torch_variant(ovp_numeric_rng *rng, ovp_numeric_torch_variant variant);

/* out[0..n-1] of type OVP_F32 or OVP_F64. Deterministic in (kind, seed, purpose, index, calls so far). Cost O(n), no
 * memory. uniform in [a, b), a <= b (torch and numpy: may round to b); normal with mean and standard deviation. Cannot
 * fail. philox: each element takes one position of the stream whatever the type and the call. philox and numpy: values
 * do not depend on how calls are split, and OVP_F32 values are the OVP_F64 ones rounded (docs/random.md). */
OVP_API void ovp_numeric_rng_uniform(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double a, double b,
                                     void *out);
OVP_API void ovp_numeric_rng_normal(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double mean, double std,
                                    void *out);
/* Integers low <= out[i] < high, low < high. philox and numpy (randint of int64): without bias; torch: word
 * modulo range, as torch.randint. */
OVP_API void ovp_numeric_rng_integers(ovp_numeric_rng *rng, ovp_idx n, int64_t low, int64_t high, int64_t *out);
/* out = a permutation of 0..n-1 (torch.randperm / numpy.random.permutation / Fisher-Yates for philox). */
OVP_API void ovp_numeric_rng_permutation(ovp_numeric_rng *rng, ovp_idx n, int64_t *out);
/* Next raw 32-bit word (philox: the high half of the next 64-bit draw). */
OVP_API uint32_t ovp_numeric_rng_word(ovp_numeric_rng *rng);
/* To be called between draws of different distributions that must be independent of each other. philox: the stream goes
 * on at an even position, as the two elements of a block share their draws (docs/random.md, section 1); the other
 * kinds: nothing. */
OVP_API void ovp_numeric_rng_align(ovp_numeric_rng *rng);

/* The state of a stream of any kind as bytes (docs/random.md, section 7), the same on every processor: a stream that
 * loads them goes on as the saved one would. save fills out[0..OVP_NUMERIC_RNG_STATE_BYTES-1]. load wants a stream of
 * the same kind, whose own seed, purpose and index are replaced. Errors: OVP_EFORMAT (bytes other than that number, or
 * damaged), OVP_EINVAL (a state of another kind); the stream then stays as it was. */
#define OVP_NUMERIC_RNG_STATE_BYTES 2536
OVP_API void ovp_numeric_rng_save(const ovp_numeric_rng *rng, void *out);
OVP_API ovp_status ovp_numeric_rng_load(ovp_numeric_rng *rng, const void *state, size_t bytes);

/* ---- numpy.random's other functions ---------------------------------------------------------------- */

/* numpy.random.seed([key[0], key[1], ..]), which is not seed(key[0]); for a stream of kind OVP_RNG_NUMPY (programmer
 * error otherwise). Errors: OVP_EINVAL (count < 1). */
OVP_API ovp_status ovp_numeric_numpy_seed_array(ovp_numeric_rng *rng, ovp_idx count, const uint32_t *key);
/* The next two serve streams of every kind; on kind OVP_RNG_NUMPY they draw and return what numpy's do.
 *
 * numpy.random.shuffle of items[0..n-1] in place; the rows of a matrix: shuffle their numbers. A permutation is a
 * shuffle of 0..n-1. Cannot fail. */
OVP_API void ovp_numeric_numpy_shuffle(ovp_numeric_rng *rng, ovp_idx n, int64_t *items);
/* numpy.random.choice(a, n, replace, p): out[0..n-1] of 0..a-1, with or without repetition; p: a probabilities, or NULL
 * for equal ones. Cost O(a + n), with p O((a + n) log a) a round of draws. Errors: OVP_EINVAL (a < 1; n < 0; more
 * different items than there are, or than have p > 0; a p that is negative, not finite, or a sum off 1 by more than
 * 1.5e-8), OVP_ENOMEM. */
OVP_API ovp_status ovp_numeric_numpy_choice(ovp_numeric_rng *rng, ovp_idx a, ovp_idx n, int replace, const double *p,
                                            int64_t *out);

/* ---- more of torch's stream ------------------------------------------------------------------------ */

/* All of these need a stream of kind OVP_RNG_TORCH (programmer error otherwise) and return what the torch call of the
 * same name draws, in its number of words (docs/random.md). Cost O(n), no memory; those without a status cannot fail.
 *
 * tensor.random_() of int64, 0 <= out[i] < 2^63; and random_(-2^63, None), all 64 bits. */
OVP_API void ovp_numeric_torch_random(ovp_numeric_rng *rng, ovp_idx n, int64_t *out);
OVP_API void ovp_numeric_torch_random_full(ovp_numeric_rng *rng, ovp_idx n, int64_t *out);
/* tensor.bernoulli_(p): 1 with probability p, else 0; out of type OVP_F32 or OVP_F64. */
OVP_API void ovp_numeric_torch_bernoulli(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double p, void *out);
/* torch.bernoulli(p), one probability an element; out must not be p. */
OVP_API void ovp_numeric_torch_bernoulli_each(ovp_numeric_rng *rng, ovp_idx n, const float *p, float *out);
/* torch.normal with a tensor of means and/or of standard deviations; NULL: the number is used. */
OVP_API void ovp_numeric_torch_normal_each(ovp_numeric_rng *rng, ovp_idx n, double mean, const float *means, double std,
                                           const float *stds, float *out);
/* torch.nn.init.trunc_normal_: N(mean, std^2) kept to [a, b], std > 0, a < b. */
OVP_API void ovp_numeric_torch_trunc_normal(ovp_numeric_rng *rng, ovp_idx n, double mean, double std, double a,
                                            double b, float *out);

/* torch.utils.data.random_split takes consecutive pieces of ovp_numeric_rng_permutation(total); this gives the lengths
 * of the pieces for fractions: floor(total f), the rest one by one from the first part on. OVP_EINVAL: total < 0,
 * parts < 1, a fraction outside 0..1, a sum other than 1. */
OVP_API ovp_status ovp_numeric_torch_split_lengths(ovp_ctx *ctx, ovp_idx total, ovp_idx parts, const double *fractions,
                                                   ovp_idx *lengths);

/* torch.utils.data.DataLoader over n items, num_workers = 0. rng stands for torch's default generator; generator is the
 * loader's own or NULL. Borrowed. */
typedef struct ovp_numeric_torch_loader {
    ovp_numeric_rng *rng, *generator;
    ovp_idx n;
    int shuffle;
} ovp_numeric_torch_loader;
/* Starts an epoch: makes its draws (two words even without shuffle) and gives its order in order[0..n-1], of which
 * batches are consecutive pieces. */
OVP_API void ovp_numeric_torch_loader_begin(const ovp_numeric_torch_loader *loader, int64_t *order);
/* The epoch was read to its end (not left early): a shuffling generator of the loader's own then draws once more. */
OVP_API void ovp_numeric_torch_loader_end(const ovp_numeric_torch_loader *loader);

/* ---- activations --------------------------------------------------------------------------------- */

/* The activation table (src/numeric/activations.def): one row an activation, known by name. */
typedef struct ovp_numeric_activation {
    const char *name;    /* "relu" */
    const char *formula; /* "max(z, 0)" */
    double (*phi)(double z);
    double (*dphi)(double z);  /* phi', at a kink the value torch uses */
    double (*d2phi)(double z); /* phi'', 0 at kinks */
    int from_output;           /* phi' is a function of phi(z) alone: engines then keep only h */
    const double *kinks;       /* points where phi' jumps */
    int kink_count;
    int id; /* position in this build's table: for dispatch only, never stored */
} ovp_numeric_activation;

OVP_API const ovp_numeric_activation *ovp_numeric_activation_find(const char *name); /* NULL if unknown */
OVP_API const ovp_numeric_activation *ovp_numeric_activation_at(ovp_idx i);          /* NULL past the end */

/* ---- vector maths -------------------------------------------------------------------------------- */

typedef enum ovp_numeric_fn {
    OVP_FN_EXP,
    OVP_FN_LOG,
    OVP_FN_TANH,
    OVP_FN_SIN,
    OVP_FN_COS,
    OVP_FN_ERF,
    OVP_FN_COUNT
} ovp_numeric_fn;

/* y[i] = fn(x[i]), i < n; type OVP_F32 or OVP_F64; y may be x. Error bounds in docs/vector-maths.md; special values as
 * in C99. The same bits whatever n and the alignment; they may differ between processor levels only if the docs say so.
 * Cannot fail. */
OVP_API void ovp_numeric_map(const ovp_ctx *ctx, ovp_numeric_fn fn, ovp_numeric_type type, ovp_idx n, const void *x,
                             void *y);
/* h[i] = phi(z[i]); h may be z. */
OVP_API void ovp_numeric_phi(const ovp_ctx *ctx, const ovp_numeric_activation *act, ovp_numeric_type type, ovp_idx n,
                             const void *z, void *h);
/* g[i] *= phi'(z_i), where s[i] = phi(z_i) if act->from_output, else s[i] = z_i. */
OVP_API void ovp_numeric_dphi_mul(const ovp_ctx *ctx, const ovp_numeric_activation *act, ovp_numeric_type type,
                                  ovp_idx n, const void *s, void *g);

/* ---- BLAS ---------------------------------------------------------------------------------------- */

/* C = alpha op(A) op(B) + beta C, row-major, op(A) m x k, op(B) k x n, C m x n; ta, tb: 1 = transposed; ld in elements.
 * type OVP_F32 or OVP_F64. Runs on the calling thread alone when between ovp_numeric_blas_begin and _end (with
 * OpenBLAS's openmp flavour always), so results do not depend on BLAS threads. beta 0: C need not be initialised. C
 * must not overlap A or B. n and the leading dimensions are below 2^31; m and k may be anything. Cannot fail. */
OVP_API void ovp_numeric_gemm(ovp_numeric_type type, int ta, int tb, ovp_idx m, ovp_idx n, ovp_idx k, double alpha,
                              const void *a, ovp_idx lda, const void *b, ovp_idx ldb, double beta, void *c,
                              ovp_idx ldc);
/* Makes BLAS single-threaded for the calling thread's calls and, inside ovp_parallel, the workers'; _end puts back what
 * was found. Pairs may not overlap between host threads when the BLAS is OpenBLAS with its pthread flavour (its thread
 * count is one for the process). */
OVP_API int ovp_numeric_blas_begin(void);
OVP_API void ovp_numeric_blas_end(int previous);
/* Name and version of the BLAS loaded ("OpenBLAS 0.3.21") into buffer, truncated to fit; "unknown" where the library
 * does not say. */
OVP_API void ovp_numeric_blas_name(char *buffer, size_t bytes);
/* Its kernels ("SkylakeX") and threading flavour "openmp"|"pthread"|"serial", or "unknown". Static strings or strings
 * owned by the BLAS. */
OVP_API const char *ovp_numeric_blas_core(void);
OVP_API const char *ovp_numeric_blas_flavour(void);

/* ---- dense factorisations (LAPACK) ----------------------------------------------------------------- */

/* All f64, C order; inputs stay as they are and may not overlap outputs. They run on the calling thread alone, so the
 * bits do not depend on the number of threads. Between several host threads (tasks of ovp_parallel) the caller holds an
 * ovp_numeric_blas_begin of its own. Extents are below 2^31, and so is LAPACK's workspace, about 2 n^2 or 4 min(m,
 * n)^2. Common errors: OVP_EINVAL (an extent outside what LAPACK counts), OVP_ENUMERIC (an input is not finite, or the
 * iteration did not converge), OVP_ENOMEM; outputs are then undefined.
 *
 * Eigenvalues of the symmetric a (n x n, of which the lower triangle is read), ascending, in values[0..n-1]; vectors
 * n x n: row i is the unit eigenvector of values[i], of either sign, so a = vectors^T diag(values) vectors; NULL:
 * values alone. O(n^3). Divide and conquer (dsyevd), as numpy.linalg.eigh. */
OVP_API ovp_status ovp_numeric_eigh(double *values, double *vectors, ovp_ctx *ctx, ovp_idx n, const double *a);
/* The same values, and the vectors of the q largest (0..n) alone: row i of vectors (q x n) belongs to values[n-1-i].
 * OVP_EINVAL also: q outside 0..n. */
OVP_API ovp_status ovp_numeric_eigh_top(double *values, double *vectors, ovp_ctx *ctx, ovp_idx n, ovp_idx q,
                                        const double *a);
/* Eigenvalues, ascending, of a symmetric band matrix: row i of a (rows ld apart) is read from column i - width to its
 * diagonal. O(n^2 width). OVP_EINVAL also: width below 0, ld below n. */
OVP_API ovp_status ovp_numeric_eigh_band(double *values, ovp_ctx *ctx, ovp_idx n, ovp_idx width, const double *a,
                                         ovp_idx ld);
/* Thin singular value decomposition a = u diag(s) vt of a (m x n), with k = min(m, n): s[0..k-1] descending, u m x k,
 * vt k x n; u and vt both NULL: values alone. O(m n k). Divide and conquer (dgesdd), as numpy.linalg.svd. */
OVP_API ovp_status ovp_numeric_svd(double *s, double *u, double *vt, ovp_ctx *ctx, ovp_idx m, ovp_idx n,
                                   const double *a);
/* The x (n x rhs) of least norm among those that minimise ||a x - b||, a m x n, b m x rhs: pinv(a, rcond) b. Singular
 * values up to rcond times the largest count as 0; *rank (may be NULL): how many do not. s (may be NULL): min(m, n)
 * singular values, descending. 0 <= rcond (else OVP_EINVAL). numpy.linalg.lstsq and pinv take the same cut. */
OVP_API ovp_status ovp_numeric_lstsq(double *x, ovp_idx *rank, double *s, ovp_ctx *ctx, ovp_idx m, ovp_idx n,
                                     ovp_idx rhs, const double *a, const double *b, double rcond);
/* Cholesky's factor in place: the lower triangle of a (n x n, C order, symmetric) becomes L of a = L L^T; what stands
 * above the diagonal is neither read nor changed. *minor: 0, or the order of the first leading minor that is not
 * positive (or not a number): the status is OVP_OK then too, and the lower triangle is undefined. n^3 / 3 flops in
 * tiles whose size is fixed, by all threads of ctx: the same bits for any number of them. Errors: OVP_EINVAL (n),
 * OVP_ENOMEM, OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_numeric_cholesky(ovp_idx *minor, ovp_ctx *ctx, ovp_idx n, double *a);
/* Bytes, at most, that it takes beside a: about 8 KiB n for the columns of two steps. */
OVP_API int64_t ovp_numeric_cholesky_memory(ovp_idx n);
/* b (n x rhs, C order) <- (L L^T)^-1 b in place, l as ovp_numeric_cholesky leaves it. 2 n^2 rhs flops, by all threads,
 * bits as above. Errors: OVP_EINVAL (an extent), OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_numeric_cholesky_solve(ovp_ctx *ctx, ovp_idx n, const double *l, ovp_idx rhs, double *b);
/* *out: an estimate of ||a||_1 ||a^-1||_1 from below, rarely by more than a factor 3 (Higham 1988; dlacn2), norm =
 * ||a||_1; INFINITY where it overflows. About five solves of one column. Errors: OVP_EINVAL, OVP_ENOMEM,
 * OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_numeric_cholesky_condition(double *out, ovp_ctx *ctx, ovp_idx n, const double *l, double norm);

/* ---- Gaussian integrals, roots ------------------------------------------------------------------- */

typedef double (*ovp_numeric_real_fn)(const void *user, double x);
typedef double (*ovp_numeric_real_fn2)(const void *user, double x, double y);

/* The 21-point Gauss-Kronrod rule on -1..1 and the 10-point Gauss rule inside it, whose nodes are z[0..9]
 * (Piessens et al. 1983, QUADPACK). */
OVP_API void ovp_numeric_kronrod(double z[21], double weights[21], double gauss_weights[10]);

/* *out = mean of f(user, z) over a standard normal z, within tolerance (1e-14..0.1; relative where the mean is above
 * 1). breaks: at most 32 points, in any order, where f or a derivative of it jumps or where f has features much
 * narrower than 1; none needed at 0; count 0: NULL is fine. *error (NULL: not wanted): an estimate of the absolute
 * error, meant as an upper bound. Adaptive Gauss-Kronrod quadrature on -38..38 (src/numeric/quadrature.c): 168 to some
 * 25,000 calls of f. Deterministic, allocates nothing. Errors: OVP_EINVAL; OVP_ENUMERIC: f is not finite somewhere, f
 * times the density does not vanish (an infinite mean), or the tolerance was not met. */
OVP_API ovp_status ovp_numeric_normal_mean(double *out, double *error, ovp_ctx *ctx, ovp_numeric_real_fn f,
                                           const void *user, const double *breaks, int count, double tolerance);
/* *out = mean of f(user, x, y) over standard normals x, y of correlation c, -1 <= c <= 1 (the ends are served as what
 * they are: one normal). Breaks: lines x = breaks_x[i] and y = breaks_y[i]. An integral over x of integrals over y
 * given x, cut where y passes its breaks; the error of the inner integrals is part of *error. Cost about the square of
 * one dimension's. Errors as above. */
OVP_API ovp_status ovp_numeric_normal_mean_2(double *out, double *error, ovp_ctx *ctx, ovp_numeric_real_fn2 f,
                                             const void *user, double c, const double *breaks_x, int count_x,
                                             const double *breaks_y, int count_y, double tolerance);

/* f(x) in *out; a status other than OVP_OK ends the search and is returned. */
typedef ovp_status (*ovp_numeric_equation)(double *out, void *user, double x);
/* A root of f between low and high, f of opposite sign (or 0) there: Brent's method, to tolerance in x (absolute, 0
 * allowed) plus four roundings. Errors: those of f, OVP_EINVAL (the bracket), OVP_ENUMERIC (no change of sign). */
OVP_API ovp_status ovp_numeric_root(double *out, ovp_ctx *ctx, ovp_numeric_equation f, void *user, double low,
                                    double high, double tolerance);

/* ---- statistics ---------------------------------------------------------------------------------- */

/* Two-sided Student t quantile: P(|T_df| <= result) = confidence. df >= 1, 0 < confidence < 1. */
OVP_API double ovp_numeric_student_t(double confidence, double df);

/* ---- expressions --------------------------------------------------------------------------------- */

/* A formula in named variables, such as "sin(x+4)*(cos(3*y-5)+0.3)", with exact first and second derivatives by
 * forward mode. The language is in docs/expressions.md: numbers, + - * / ^, parentheses, pi, e, functions and the
 * activation table. Immutable once made: any number of threads may evaluate it. */
typedef struct ovp_numeric_expression ovp_numeric_expression;
#define OVP_NUMERIC_EXPRESSION_VARIABLES 16  /* at most */
#define OVP_NUMERIC_EXPRESSION_DERIVATIVES 8 /* at most at a time */

/* Parses text, at most 4096 bytes; variables: `count` names of letters, digits and _ (they win over constants and
 * functions). `where` begins the message ("--function"). *out freed with ovp_numeric_expression_free. Errors:
 * OVP_EINVAL with the number of the character, from 1, and the text around it; nesting over 200 levels or more than 64
 * intermediate values; OVP_ENOMEM. */
OVP_API ovp_status ovp_numeric_expression_create(ovp_numeric_expression **out, ovp_ctx *ctx, const char *text,
                                                 const char *const *variables, ovp_idx count, const char *where);
OVP_API void ovp_numeric_expression_free(ovp_numeric_expression *expression); /* NULL is fine */
/* Whether the text names a variable. */
OVP_API int ovp_numeric_expression_uses(const ovp_numeric_expression *expression, ovp_idx variable);
/* The expression at n points. values[v]: of variable v, at point p values[v][p strides[v]]; strides NULL: all 1; stride
 * 0: one value for all points. wrt: k <= 8 variables to differentiate by. Outputs, each NULL if not wanted: value[p],
 * gradient[p k + i], hessian[(p k + i) k + j]. Division by 0, logarithms of negatives and overflow give what IEEE
 * arithmetic gives (inf, nan); derivatives that are identically 0 are 0 even there. Elementary functions are the C
 * library's. The same bits however points are split over calls. Cost O(steps n), with Hessians O(steps n k^2); no
 * memory but about 40 KiB of stack. Cannot fail. */
OVP_API void ovp_numeric_expression_evaluate(const ovp_numeric_expression *expression, ovp_idx n,
                                             const double *const *values, const ovp_idx *strides, ovp_idx k,
                                             const ovp_idx *wrt, double *value, double *gradient, double *hessian);

/* ---- ordinary differential equations ---------------------------------------------------------------- */

/* y' = f(t, y) by the Dormand-Prince pair of orders 5 and 4 with error control and dense output (Hairer, Norsett and
 * Wanner 1993, Solving Ordinary Differential Equations I, II.4-II.6: DOPRI5): init / step / test. */
typedef struct ovp_numeric_rk ovp_numeric_rk;

/* dy = f(t, y), n values; values that are not finite mean that the step was too far. */
typedef void (*ovp_numeric_rk_fn)(void *user, double t, const double *y, double *dy);

/* Set size = sizeof(ovp_numeric_rk_options); zero fields mean the default. A step is accepted when the root mean square
 * over components of error / (atol + rtol max(|y|, |y_new|)) is at most 1. */
typedef struct ovp_numeric_rk_options {
    size_t size;
    double rtol, atol;   /* 1e-8 each */
    double first_step;   /* estimated from f */
    double largest_step; /* none */
    ovp_idx most_steps;  /* accepted and rejected together, since start: 1e6 */
} ovp_numeric_rk_options;

typedef enum ovp_numeric_rk_state {
    OVP_RK_GOING,      /* a step was made; t_end is not reached */
    OVP_RK_ARRIVED,    /* t = t_end exactly */
    OVP_RK_NOT_FINITE, /* f is not finite at the start, or however short the step */
    OVP_RK_UNDERFLOW,  /* the step fell below the spacing of t: a singularity, or too small a tolerance */
    OVP_RK_MOST_STEPS
} ovp_numeric_rk_state;
/* "arrived", "not finite", "step underflow", .. Static. */
OVP_API const char *ovp_numeric_rk_state_name(ovp_numeric_rk_state state);

/* Solver for n components in *out, free with ovp_numeric_rk_free. user is borrowed. Errors: OVP_EINVAL (n < 1; a
 * tolerance, step or count that is negative or not finite), OVP_ENOMEM. Nothing after this allocates or fails. */
OVP_API ovp_status ovp_numeric_rk_create(ovp_numeric_rk **out, ovp_ctx *ctx, ovp_idx n, ovp_numeric_rk_fn f, void *user,
                                         const ovp_numeric_rk_options *options);
OVP_API void ovp_numeric_rk_free(ovp_numeric_rk *rk);
/* Begins at (t, y), n values copied; counts start again. */
OVP_API void ovp_numeric_rk_start(ovp_numeric_rk *rk, double t, const double *y);
/* One accepted step towards t_end, forwards or backwards, never past it. After a state other than GOING and ARRIVED t
 * and y are those of the last accepted step. Deterministic. */
OVP_API ovp_numeric_rk_state ovp_numeric_rk_step(ovp_numeric_rk *rk, double t_end);
/* Where the solver stands; y: n values owned by the solver. */
OVP_API double ovp_numeric_rk_time(const ovp_numeric_rk *rk);
OVP_API const double *ovp_numeric_rk_y(const ovp_numeric_rk *rk);
/* y(t) for t within the last accepted step, to order 4; out: n values. */
OVP_API void ovp_numeric_rk_dense(const ovp_numeric_rk *rk, double t, double *out);
typedef struct ovp_numeric_rk_counts {
    ovp_idx steps, rejections, evaluations; /* accepted steps, rejected ones, calls of f */
} ovp_numeric_rk_counts;
OVP_API ovp_numeric_rk_counts ovp_numeric_rk_count(const ovp_numeric_rk *rk);

#ifdef __cplusplus
}
#endif
#endif
