/* Times our f32 tanh and exp beside glibc's libmvec, alternately in one process, over arrays in the first-level cache.
 *
 * usage: vector_maths SECONDS      prints one JSON object: groups of nanoseconds an element, best of a few rounds each.
 * libmvec's functions are called directly, sixteen or eight at a time, as a loop compiled with -ffast-math calls them;
 * where there is no libmvec (or no AVX2) its numbers are null. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ELEMENTS = 2048, TURNS = 16, ROUNDS = 9 };

typedef void (*loop_fn)(const float *x, float *y);

#ifdef BENCH_LIBMVEC
#include <immintrin.h>

__m256 _ZGVdN8v_tanhf(__m256 x);
__m256 _ZGVdN8v_expf(__m256 x);
__m512 _ZGVeN16v_tanhf(__m512 x);
__m512 _ZGVeN16v_expf(__m512 x);

#define MVEC_LOOP(name, isa, lanes, load, store, fn)                                                                   \
    __attribute__((target(isa))) static void name(const float *x, float *y) {                                          \
        for (int i = 0; i < ELEMENTS; i += (lanes)) store(y + i, fn(load(x + i)));                                     \
    }
MVEC_LOOP(tanh_8, "avx2", 8, _mm256_loadu_ps, _mm256_storeu_ps, _ZGVdN8v_tanhf)
MVEC_LOOP(exp_8, "avx2", 8, _mm256_loadu_ps, _mm256_storeu_ps, _ZGVdN8v_expf)
MVEC_LOOP(tanh_16, "avx512f", 16, _mm512_loadu_ps, _mm512_storeu_ps, _ZGVeN16v_tanhf)
MVEC_LOOP(exp_16, "avx512f", 16, _mm512_loadu_ps, _mm512_storeu_ps, _ZGVeN16v_expf)

static loop_fn peer(ovp_numeric_fn fn) {
    if (__builtin_cpu_supports("avx512f")) return fn == OVP_FN_TANH ? tanh_16 : exp_16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return fn == OVP_FN_TANH ? tanh_8 : exp_8;
    return NULL;
}
#else
static loop_fn peer(ovp_numeric_fn fn) {
    (void)fn;
    return NULL;
}
#endif

typedef struct arrays {
    _Alignas(64) float x[ELEMENTS], ours[ELEMENTS], theirs[ELEMENTS];
} arrays;

/* Best nanoseconds an element of both; theirs NaN without a peer. */
static void measure(const ovp_ctx *ctx, ovp_numeric_fn fn, arrays *a, double *ours, double *theirs) {
    const loop_fn other = peer(fn);
    *ours = INFINITY, *theirs = other ? INFINITY : NAN;
    for (int round = 0; round < ROUNDS; round++) {
        double t = ovp_seconds();
        for (int turn = 0; turn < TURNS; turn++) ovp_numeric_map(ctx, fn, OVP_F32, ELEMENTS, a->x, a->ours);
        *ours = fmin(*ours, ovp_seconds() - t);
        if (!other) continue;
        t = ovp_seconds();
        for (int turn = 0; turn < TURNS; turn++) other(a->x, a->theirs);
        *theirs = fmin(*theirs, ovp_seconds() - t);
    }
    *ours *= 1e9 / (TURNS * ELEMENTS);
    *theirs *= 1e9 / (TURNS * ELEMENTS);
}

/* Both sides computed the same function: off by at most 4 epsilon of the value. */
static int agree(ovp_numeric_fn fn, const arrays *a) {
    for (int i = 0; i < ELEMENTS; i++) {
        const float exact = fn == OVP_FN_TANH ? tanhf(a->x[i]) : expf(a->x[i]);
        const float bound = 4 * 1.1920929e-7F * fabsf(exact);
        if (!(fabsf(a->ours[i] - exact) <= bound)) return 0;
        if (peer(fn) && !(fabsf(a->theirs[i] - exact) <= bound)) return 0;
    }
    return 1;
}

static void print_group(int first, double ours, double theirs) {
    printf("%s{\"ns\": %.4g, \"mvec_ns\": ", first ? "" : ", ", ours);
    if (isnan(theirs)) {
        printf("null}");
    } else {
        printf("%.4g}", theirs);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: vector_maths SECONDS\n");
        return 2;
    }
    const double seconds = atof(argv[1]);
    static const struct {
        const char *name;
        ovp_numeric_fn fn;
    } rows[] = {{"tanh", OVP_FN_TANH}, {"exp", OVP_FN_EXP}};
    ovp_ctx *ctx = bench_ctx(1);
    static arrays a;
    for (int i = 0; i < ELEMENTS; i++) a.x[i] = (float)(i % 97 - 48) / 12; /* -4 .. 4 */
    printf("{");
    for (int r = 0; r < 2; r++) {
        printf("\"%s\": [", rows[r].name);
        const double end = ovp_seconds() + seconds / 2;
        for (int group = 0; group == 0 || ovp_seconds() < end; group++) {
            double ours, theirs;
            measure(ctx, rows[r].fn, &a, &ours, &theirs);
            print_group(group == 0, ours, theirs);
        }
        printf("], ");
        if (!agree(rows[r].fn, &a)) {
            fprintf(stderr, "vector_maths: %s of the two sides differ\n", rows[r].name);
            return 1;
        }
    }
    bench_print_environment(ctx);
    printf("}\n");
    ovp_ctx_free(ctx);
    return 0;
}
