/* What the benchmark programs share: a context, failures, the environment as JSON, and the two rates that floors are
 * made of. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <overparam/numeric.h>

/* Prints the context's message and leaves the program with the status's exit code, unless status is OVP_OK. */
void bench_check(ovp_ctx *ctx, ovp_status status);
ovp_ctx *bench_ctx(int threads);
/* Members "isa", "blas", "core", "flavour" of a JSON object, without a comma around them. */
void bench_print_environment(const ovp_ctx *ctx);

enum { BENCH_MAX_THREADS = 16 };
/* Multiply-adds a second of all the context's threads together: f32, registers only, the widest vectors this processor
 * has; the median of a few. */
double bench_fma_rate(ovp_ctx *ctx);
/* Seconds an element of an f32 activation over arrays in the first-level cache, all threads together. */
double bench_phi_seconds(ovp_ctx *ctx, const ovp_numeric_activation *act);

#endif
