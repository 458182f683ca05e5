#include "common.h"

#include <overparam/measure.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 5, FMA_CHAINS = 12, FMA_TURNS = 4000, PHI_ELEMENTS = 2048, PHI_TURNS = 32 };

void bench_check(ovp_ctx *ctx, ovp_status status) {
    if (status == OVP_OK) return;
    fprintf(stderr, "bench: %s\n", ovp_message(ctx));
    exit(ovp_status_exit_code(status));
}

ovp_ctx *bench_ctx(int threads) {
    ovp_ctx *ctx;
    const ovp_ctx_options o = {.size = sizeof o, .threads = threads};
    const ovp_status status = ovp_ctx_create(&ctx, &o);
    if (status == OVP_OK) return ctx;
    fprintf(stderr, "bench: no context with %d threads: %s\n", threads, ovp_status_text(status));
    exit(ovp_status_exit_code(status));
}

void bench_print_environment(const ovp_ctx *ctx) {
    char blas[64];
    ovp_numeric_blas_name(blas, sizeof blas);
    printf("\"isa\": \"%s\", \"blas\": \"%s\", \"core\": \"%s\", \"flavour\": \"%s\"", ovp_isa(ctx), blas,
           ovp_numeric_blas_core(), ovp_numeric_blas_flavour());
}

/* Twelve independent chains cover the latency of two units; with the two operands they fit into 16 registers. They are
 * written out because gcc 12 keeps an array of vectors in memory, and start apart so that they are not one. This file
 * is compiled with -ffp-contract=fast: a * b + c is one instruction where the target has it. x b + c tends to 1, so
 * that no number is denormal or infinite. */
#define FMA_LOOP(name, lanes)                                                                                          \
    static float name(float start) {                                                                                   \
        typedef float vec __attribute__((vector_size(4 * (lanes))));                                                   \
        const vec c = start - (vec){0}, b = 1 - c;                                                                     \
        vec a0 = c, a1 = c + 1, a2 = c + 2, a3 = c + 3, a4 = c + 4, a5 = c + 5, a6 = c + 6, a7 = c + 7, a8 = c + 8,    \
            a9 = c + 9, a10 = c + 10, a11 = c + 11;                                                                    \
        for (int turn = 0; turn < FMA_TURNS; turn++) {                                                                 \
            a0 = a0 * b + c, a1 = a1 * b + c, a2 = a2 * b + c, a3 = a3 * b + c;                                        \
            a4 = a4 * b + c, a5 = a5 * b + c, a6 = a6 * b + c, a7 = a7 * b + c;                                        \
            a8 = a8 * b + c, a9 = a9 * b + c, a10 = a10 * b + c, a11 = a11 * b + c;                                    \
        }                                                                                                              \
        const vec sum = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11;                                   \
        return sum[0];                                                                                                 \
    }

FMA_LOOP(fma_4, 4)
#if defined __x86_64__
#pragma GCC push_options
#pragma GCC target("avx2,fma")
FMA_LOOP(fma_8, 8)
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,fma")
FMA_LOOP(fma_16, 16)
#pragma GCC pop_options
#endif

/* Both rates are those of all the context's threads at work together, in pieces small enough for the faster core to
 * take more of them, as the steps they are compared with run. */
enum { PIECES = 4 /* a thread */ };

typedef struct calibration {
    const ovp_numeric_activation *act;
    float (*loop)(float);
    _Alignas(64) float z[PHI_ELEMENTS], h[BENCH_MAX_THREADS][PHI_ELEMENTS];
} calibration;

static ovp_status fma_piece(ovp_ctx *worker, void *arg, ovp_idx task) {
    static const volatile float start = 1e-3F;
    const calibration *c = arg;
    volatile float sink = c->loop(start);
    (void)worker, (void)task, (void)sink;
    return OVP_OK;
}

static ovp_status phi_piece(ovp_ctx *worker, void *arg, ovp_idx task) {
    calibration *c = arg;
    (void)task;
    for (int turn = 0; turn < PHI_TURNS; turn++)
        ovp_numeric_phi(worker, c->act, OVP_F32, PHI_ELEMENTS, c->z, c->h[ovp_worker(worker)]);
    return OVP_OK;
}

/* Median seconds a piece, all threads together: the machine as the steps find it, of which the median is taken, too. */
static double piece_seconds(ovp_ctx *ctx, ovp_task_fn fn, calibration *c) {
    const ovp_idx pieces = (ovp_idx)PIECES * ovp_threads(ctx);
    double seconds[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        const double t = ovp_seconds();
        bench_check(ctx, ovp_parallel(ctx, pieces, fn, c));
        seconds[round] = ovp_seconds() - t;
    }
    return ovp_measure_median_in_place(ROUNDS, seconds) / (double)pieces;
}

double bench_fma_rate(ovp_ctx *ctx) {
    calibration c = {.loop = fma_4};
    int lanes = 4;
#if defined __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        c.loop = fma_16, lanes = 16;
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        c.loop = fma_8, lanes = 8;
    }
#endif
    return (double)FMA_TURNS * FMA_CHAINS * lanes / piece_seconds(ctx, fma_piece, &c);
}

double bench_phi_seconds(ovp_ctx *ctx, const ovp_numeric_activation *act) {
    calibration c = {.act = act};
    for (int i = 0; i < PHI_ELEMENTS; i++) c.z[i] = (float)(i % 97 - 48) / 16; /* -3 .. 3 */
    return piece_seconds(ctx, phi_piece, &c) / PHI_TURNS / PHI_ELEMENTS;
}
