/* cli: what the parts of `overparam kernel` share. */
#ifndef OVERPARAM_CLI_KERNEL_H
#define OVERPARAM_CLI_KERNEL_H

#include <math.h>
#include <overparam/kernel.h>

#include "cli_int.h"

/* ---- kernel_arrays.c: the user's files ------------------------------------------------------------- */

/* The array that `spec` names, as rows x columns (one dimension: a column; more than two: the later ones in a row), of
 * the type that the file has: FILE.npy, FILE.npz:MEMBER, FILE.csv, FILE.csv:COLUMNS. Errors: OVP_EUSAGE (no such
 * ending), OVP_EFORMAT (nothing in it, a column or member that is not there), those of the readers. */
ovp_status cli_kernel_read(ovp_numeric_array *out, cli_app *cli, const char *spec);
/* In place to f32 or f64, divided by `divide`. Errors: OVP_EFORMAT (an entry that is not finite, or not any more: its
 * position), OVP_ENOMEM. */
ovp_status cli_kernel_real(ovp_numeric_array *array, cli_app *cli, const char *spec, ovp_numeric_type type,
                           double divide);
/* OVP_EUSAGE unless the file that option `name` gives ends in .npy, .npz or .csv; NULL in *path without the option. */
ovp_status cli_kernel_out(const char **path, cli_app *cli, const cli_args *args, const char *name);
/* Writes by ending: npz all arrays, npy and csv the first alone. */
ovp_status cli_kernel_write(cli_app *cli, const char *path, const ovp_io_named_array *arrays, ovp_idx count);

/* ---- kernel_choice.c: which kernel ------------------------------------------------------------------ */

#define CLI_KERNEL_NAMES "laplace|gaussian|dispersal|polynomial|nngp|ntk|empirical-ntk"
/* Which kernels a key belongs to. */
enum {
    CLI_OF_DISTANCE = 1,
    CLI_OF_DISPERSAL = 2,
    CLI_OF_POLYNOMIAL = 4,
    CLI_OF_NNGP = 8,
    CLI_OF_NTK = 16,
    CLI_OF_EMPIRICAL = 32,
    CLI_OF_LIMITS = CLI_OF_NNGP | CLI_OF_NTK,
    CLI_OF_NETS = CLI_OF_LIMITS | CLI_OF_EMPIRICAL,
    CLI_OF_RADIAL = CLI_OF_DISTANCE | CLI_OF_DISPERSAL,
    CLI_OF_FUNCTIONS = CLI_OF_RADIAL | CLI_OF_POLYNOMIAL | CLI_OF_LIMITS,
    CLI_OF_ALL = CLI_OF_FUNCTIONS | CLI_OF_EMPIRICAL
};
/* The keys that say what the kernel is; they are kept in a model: X(key, metavariable, type, default, least, most,
 * choices, kernels, help). */
#define CLI_KERNEL_KEYS(X)                                                                                             \
    X("kernel", "NAME", CHOICE, "laplace", 0, 0, CLI_KERNEL_NAMES, CLI_OF_ALL,                                         \
      "laplace (default), gaussian, dispersal, polynomial; nngp, ntk: of infinitely wide nets; empirical-ntk: of a "   \
      "net drawn.")                                                                                                    \
    X("bandwidth", "S", REAL, "1", 1e-100, 1e100, NULL, CLI_OF_RADIAL,                                                 \
      "laplace, gaussian, dispersal: the length (dispersal: its power gamma) over which it falls (default 1).")        \
    X("gamma", "G", REAL, "1", 1e-6, 2, NULL, CLI_OF_DISPERSAL, "dispersal: power of the distance (default 1).")       \
    X("degree", "K", INT, "2", 1, 1000, NULL, CLI_OF_POLYNOMIAL, "polynomial: degree (default 2).")                    \
    X("offset", "C", REAL, "1", 0, 1e100, NULL, CLI_OF_POLYNOMIAL, "polynomial: (scale <x, z> + C)^K (default 1).")    \
    X("scale", "A", REAL, "0", 0, 1e100, NULL, CLI_OF_POLYNOMIAL, "polynomial: scale; 0 is 1/d (default 0).")          \
    X("activation", "NAME", TEXT, "relu", 0, 0, NULL, CLI_OF_NETS,                                                     \
      "nets: any activation of the library (default relu).")                                                           \
    X("depth", "L", INT, "1", 1, 1e5, NULL, CLI_OF_NETS, "nets: hidden layers (default 1).")                           \
    X("sigma-w", "S", REAL, "0", 0, 1e6, NULL, CLI_OF_NETS,                                                            \
      "nets: scale of the weights; 0 is the activation's gain (default 0).")                                           \
    X("sigma-b", "S", REAL, "0", 0, 1e6, NULL, CLI_OF_NETS, "nets: scale of the biases (default 0: none).")            \
    X("convention", "NAME", CHOICE, "ntk-parametrization", 0, 0, "ntk-parametrization|unit-sphere|tutorial-bias",      \
      CLI_OF_LIMITS,                                                                                                   \
      "nngp, ntk: ntk-parametrization (default), unit-sphere or tutorial-bias; docs/kernels.md has all formulas.")     \
    X("bias", "trained|frozen", CHOICE, "trained", 0, 0, "trained|frozen", CLI_OF_NTK,                                 \
      "ntk: whether biases learn (default trained).")                                                                  \
    X("train", "all|last|hidden", CHOICE, "all", 0, 0, "all|last|hidden", CLI_OF_NTK,                                  \
      "ntk: the layers that learn (default all).")                                                                     \
    X("tolerance", "T", REAL, "1e-10", 1e-13, 0.1, NULL, CLI_OF_LIMITS,                                                \
      "nngp, ntk: error asked of expectations without closed form (default 1e-10).")                                   \
    X("width", "M", INT, "512", 1, 1e6, NULL, CLI_OF_EMPIRICAL,                                                        \
      "empirical-ntk: units of a hidden layer (default 512).")                                                         \
    X("seed", "N", INT, "0", 0, 1e15, NULL, CLI_OF_ALL,                                                                \
      "of the net (empirical-ntk), and of what EigenPro and cg draw (default 0).")                                     \
    X("normalise", NULL, BOOL, "no", 0, 0, NULL, CLI_OF_FUNCTIONS, "divide every point by its length.")                \
    X("divide", "V", REAL, "1", 1e-100, 1e100, NULL, CLI_OF_ALL,                                                       \
      "divide all inputs by V first, 255 for pixels (default 1).")

/* Keys of what is done: X(key, metavariable, type, default, least, most, choices, actions, help). */
#define CLI_KERNEL_JOB_KEYS(X)                                                                                         \
    X("type", "f64|f32", CHOICE, "f64", 0, 0, "f64|f32", "gram, fit", "numbers of the arithmetic (default f64).")      \
    X("solver", "auto|direct|eigenpro|cg", CHOICE, "auto", 0, 0, "auto|direct|eigenpro|cg", "fit",                     \
      "auto (default) is direct up to 10000 points, else cg with a ridge and eigenpro without.")                       \
    X("ridge", "L", REAL, "0", 0, 1e300, NULL, "fit", "lambda of (K + lambda I) w = y (default 0: interpolation).")    \
    X("ridge-scale", "absolute|trace", CHOICE, "absolute", 0, 0, "absolute|trace", "fit",                              \
      "whether --ridge is lambda itself or counts in tr(K)/n (default absolute).")                                     \
    X("epochs", "N", INT, "10", 1, 1e6, NULL, "fit", "eigenpro: passes over the points (default 10).")                 \
    X("residual", "R", REAL, "0", 0, 0.1, NULL, "fit",                                                                 \
      "cg: relative residual at which it stops (default 1e-10, with f32 1e-5).")                                       \
    X("task", "TASK", CHOICE, "auto", 0, 0, "auto|regression|classification", "fit",                                   \
      "regression, classification or auto: classification if Y's type is of whole numbers; not for csv (default "      \
      "auto).")                                                                                                        \
    X("time", "T", REAL, "inf", 0, INFINITY, NULL, "predict",                                                          \
      "of training from 0 by gradient flow, learning rate times steps; with --lr a number of steps.")                  \
    X("lr", "E", REAL, "0", 0, 1e300, NULL, "predict", "gradient descent of this learning rate in place of the flow.") \
    X("loss", "NAME", CHOICE, "half-mean", 0, 0, "half-mean|mean|sample-mean|half-sum", "predict",                     \
      "with --time: half-mean (default; 1/2 mean of squares over points and outputs), mean, sample-mean or half-sum.") \
    X("count", "N", INT, "10", 1, 1e6, NULL, "spectrum", "eigenvalues told, from the largest (default 10).")

/* A kernel function, or the tangent kernel of a drawn net. Zero-initialise; free with cli_kernel_free. */
typedef struct cli_kernel {
    ovp_params *params;   /* values of CLI_KERNEL_KEYS */
    ovp_kernel *function; /* NULL for a net */
    ovp_net_model *net;
    void *theta;
    int64_t memory; /* bytes for what a call needs besides its arrays */
} cli_kernel;
/* The keys as the command line has them. Errors: OVP_EUSAGE, also for a key of another kernel. */
ovp_status cli_kernel_choose(cli_kernel *out, cli_app *cli, const cli_args *args);
/* The keys of this kernel as one object, and back again; `name` stands for the file in messages (OVP_EFORMAT). */
json_t *cli_kernel_json(cli_app *cli, const cli_kernel *kernel);
ovp_status cli_kernel_parse(cli_kernel *out, cli_app *cli, const char *name, const json_t *object);
/* The same for people: "ntk, depth 2, activation relu". */
void cli_kernel_text(ovp_text *out, const cli_kernel *kernel);
/* What the keys describe, for points of d numbers. Errors: those of ovp_kernel_create. */
ovp_status cli_kernel_make(cli_kernel *kernel, cli_app *cli, ovp_idx d, ovp_numeric_type type);
void cli_kernel_free(cli_app *cli, cli_kernel *kernel);
int cli_kernel_is(const cli_kernel *kernel, const char *name);
/* As ovp_kernel_gram and ovp_kernel_apply; what is wrong with the points is OVP_EFORMAT. */
ovp_status cli_kernel_gram(void *out, cli_app *cli, const cli_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                           ovp_idx rows, const void *x, ovp_idx others, const void *z);
ovp_status cli_kernel_apply(void *out, cli_app *cli, const cli_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                            ovp_idx rows, const void *x, ovp_idx others, const void *z, ovp_idx c, const void *w);
/* Bytes of rows x columns numbers; as a real, which cannot overflow. */
double cli_kernel_bytes(ovp_idx rows, ovp_idx columns, ovp_numeric_type type);
/* The kernel that a net's outputs have at the start, where `ntk` is that of its training; of ntk alone. No keys. */
ovp_status cli_kernel_make_prior(cli_kernel *out, cli_app *cli, const cli_kernel *ntk);
/* Bytes that a call with so many rows of d numbers on both sides together (of one matrix: counted twice) needs besides
 * its arrays, at most. */
double cli_kernel_scratch(const cli_kernel *kernel, ovp_idx rows, ovp_idx d);
/* --memory in bytes. Errors: OVP_EUSAGE. */
ovp_status cli_kernel_memory(int64_t *bytes, cli_app *cli, const cli_args *args);
/* The values of CLI_KERNEL_JOB_KEYS. Errors: OVP_EUSAGE. Free with ovp_params_free. */
ovp_status cli_kernel_job(ovp_params **out, cli_app *cli, const cli_args *args);
/* OVP_ELIMIT, with the estimate, if `needed` bytes are more than `allowed`; a large amount that fits is announced on
 * stderr. advice: what else helps. */
ovp_status cli_kernel_fits(cli_app *cli, const char *what, double needed, int64_t allowed, const char *advice);
/* OVP_ESHAPE unless both have as many columns (rows: 0) or rows (1); both shapes are told. */
ovp_status cli_kernel_match(cli_app *cli, const char *a_name, const ovp_numeric_array *a, const char *b_name,
                            const ovp_numeric_array *b, int rows);

/* ---- kernel_model.c: the file of a fit --------------------------------------------------------------- */

/* f(z) = sum_i k(z, x_i) coefficients_i. Zero-initialise; free with cli_kernel_model_free. */
typedef struct cli_kernel_model {
    cli_kernel kernel;
    ovp_numeric_array x;            /* n x d, f32 or f64, divided already */
    ovp_numeric_array coefficients; /* n x c, of the same type */
    ovp_numeric_array y;            /* n x c, f64: targets; of labels 1 in the label's column, else 0 */
    ovp_numeric_array classes;      /* i64, c labels, rising; zeroed for real targets */
    char solver[16];                /* direct, eigenpro, cg */
    double lambda;
} cli_kernel_model;
ovp_status cli_kernel_model_save(cli_app *cli, const char *path, const cli_kernel_model *model);
/* Everything is checked. Errors: OVP_EFORMAT (what is missing, of a wrong type or shape, not finite, or of a version
 * that this program does not know), and those of ovp_io_npz_read. */
ovp_status cli_kernel_model_load(cli_kernel_model *out, cli_app *cli, const char *path);
void cli_kernel_model_free(cli_app *cli, cli_kernel_model *model);

/* ---- kernel_targets.c, kernel_fit.c, kernel_predict.c, kernel_gram.c, kernel_spectrum.c --------------- */

/* The targets of a fit: labels become classes and rows of 0 and 1. task: auto, regression or classification. */
ovp_status cli_kernel_targets(cli_kernel_model *out, cli_app *cli, const char *spec, const char *task);
/* Mean squared error of f (n x c) against y (n x c), and the share of rows where their largest entries differ. */
typedef struct cli_kernel_score {
    double mse, error;
} cli_kernel_score;
/* Reads the truth at `spec` for the predictions f (rows x c, f64) of a model. */
ovp_status cli_kernel_compare(cli_kernel_score *out, cli_app *cli, const cli_kernel_model *model, const char *spec,
                              const ovp_numeric_array *f);

ovp_status cli_kernel_gram_action(cli_app *cli, const cli_args *args);
ovp_status cli_kernel_fit(cli_app *cli, const cli_args *args);
ovp_status cli_kernel_predict(cli_app *cli, const cli_args *args);
ovp_status cli_kernel_spectrum(cli_app *cli, const cli_args *args);

#endif
