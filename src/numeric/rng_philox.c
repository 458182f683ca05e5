/* The philox streams: Philox4x32-10 (J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC11) from Random123. Every value is a function of (seed, purpose, index, position) alone; the layout and the
 * formulas are promised in docs/random.md and frozen by tests/numeric/data/philox-vectors.json. */
#include "numeric/rng_int.h"
#include "numeric/rng_philox_math.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

/* Counter: word 0 and the low half of word 1 hold the block, then 8 bits of attempt and 8 bits of purpose; words 2 and
 * 3 the index. Key: the seed. */
static inline philox4x32_ctr_t block_words(const ovp_numeric_philox *philox, uint64_t block, uint32_t attempt) {
    philox4x32_ctr_t counter = {{(uint32_t)block,
                                 (uint32_t)(block >> 32 & 0xffffu) | attempt << 16 | philox->purpose << 24,
                                 (uint32_t)philox->index, (uint32_t)(philox->index >> 32)}};
    philox4x32_key_t key = {{(uint32_t)philox->seed, (uint32_t)(philox->seed >> 32)}};
    return philox4x32_R(10, counter, key);
}

uint64_t ovp_numeric_philox_draw(const ovp_numeric_philox *philox, uint64_t p, uint32_t attempt) {
    philox4x32_ctr_t w = block_words(philox, p >> 1, attempt);
    int half = (int)(p & 1) * 2;
    return (uint64_t)w.v[half] << 32 | w.v[half + 1];
}

void ovp_numeric_philox_skip(ovp_numeric_rng *rng, uint64_t draws) {
    rng->u.philox.position += draws;
}

static void philox_seed(ovp_numeric_rng *rng, int64_t seed) {
    rng->u.philox.seed = (uint64_t)seed;
    rng->u.philox.position = 0;
}

static uint32_t philox_word(ovp_numeric_rng *rng) {
    ovp_numeric_philox *philox = &rng->u.philox;
    return (uint32_t)(ovp_numeric_philox_draw(philox, philox->position++, 0) >> 32);
}

/* ---- reals, a chunk of blocks at a time so that the compiler's vectors fill -------------------------------------- */

#define CHUNK 32
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* (draw >> 11) / 2^53, exact; in two halves because AVX2 converts 32-bit integers only. */
ALWAYS_INLINE double unit(uint64_t draw) {
    return (double)(int32_t)(draw >> 38) * 0x1p-26 + (double)(int32_t)(draw >> 11 & 0x7ffffff) * 0x1p-53;
}

/* The two draws of `blocks` blocks. */
ALWAYS_INLINE void chunk_draws(const ovp_numeric_philox *philox, uint64_t block, int blocks, uint64_t *restrict even,
                               uint64_t *restrict odd) {
    const ovp_numeric_philox own = *philox;
    for (int i = 0; i < blocks; i++) {
        philox4x32_ctr_t w = block_words(&own, block + (uint64_t)i, 0);
        even[i] = (uint64_t)w.v[0] << 32 | w.v[1];
        odd[i] = (uint64_t)w.v[2] << 32 | w.v[3];
    }
}

/* value[2 i], value[2 i + 1]: the elements of block i. */
ALWAYS_INLINE void chunk_values(const ovp_numeric_philox *philox, int normal, uint64_t block, int blocks, double a,
                                double b, double *restrict value) {
    uint64_t even[CHUNK], odd[CHUNK];
    chunk_draws(philox, block, blocks, even, odd);
    for (int i = 0; i < blocks; i++) {
        if (normal) {
            double s, c;
            double r = sqrt(-2.0 * ovp_philox_log(unit(even[i]) + 0x1p-53));
            ovp_philox_sincos(unit(odd[i]), &s, &c);
            value[2 * i] = r * c * b + a;
            value[2 * i + 1] = r * s * b + a;
        } else {
            value[2 * i] = unit(even[i]) * (b - a) + a;
            value[2 * i + 1] = unit(odd[i]) * (b - a) + a;
        }
    }
}

typedef void (*chunk_fn)(const ovp_numeric_philox *philox, uint64_t block, int blocks, double a, double b,
                         double *restrict value);

static void chunk_uniform(const ovp_numeric_philox *philox, uint64_t block, int blocks, double a, double b,
                          double *restrict value) {
    chunk_values(philox, 0, block, blocks, a, b, value);
}

static void chunk_normal(const ovp_numeric_philox *philox, uint64_t block, int blocks, double mean, double std,
                         double *restrict value) {
    chunk_values(philox, 1, block, blocks, mean, std, value);
}

#if defined(__x86_64__)
/* The same operations on wider vectors: no fma here, the bits must not change. */
__attribute__((target("avx2"))) static void chunk_uniform_fast(const ovp_numeric_philox *philox, uint64_t block,
                                                               int blocks, double a, double b, double *restrict value) {
    chunk_values(philox, 0, block, blocks, a, b, value);
}

__attribute__((target("avx2"))) static void chunk_normal_fast(const ovp_numeric_philox *philox, uint64_t block,
                                                              int blocks, double mean, double std,
                                                              double *restrict value) {
    chunk_values(philox, 1, block, blocks, mean, std, value);
}
#else
#define chunk_uniform_fast chunk_uniform
#define chunk_normal_fast chunk_normal
#endif

/* A first or last block may lend one of its two elements only. */
static void fill(ovp_numeric_rng *rng, chunk_fn chunk, ovp_numeric_type type, ovp_idx n, double a, double b,
                 void *out) {
    ovp_numeric_philox *philox = &rng->u.philox;
    int skip = (int)(philox->position & 1);
    double value[2 * CHUNK];
    while (n > 0) {
        int blocks = n + skip < 2 * CHUNK ? (int)(n + skip + 1) / 2 : CHUNK;
        int count = n < 2 * blocks - skip ? (int)n : 2 * blocks - skip;
        chunk(philox, philox->position >> 1, blocks, a, b, value);
        if (type == OVP_F32) {
            float *to = out;
            for (int i = 0; i < count; i++) to[i] = (float)value[skip + i];
            out = to + count;
        } else {
            memcpy(out, value + skip, sizeof(double) * (size_t)count);
            out = (double *)out + count;
        }
        philox->position += (uint64_t)count;
        n -= count;
        skip = 0;
    }
}

/* Rounding may reach b; the interval stays half open. */
static void keep_below(ovp_numeric_type type, ovp_idx n, double a, double b, void *out) {
    if (!(a < b)) return;
    if (type == OVP_F32) {
        float *x = out, top = (float)b, below = nextafterf(top, -INFINITY);
        for (ovp_idx i = 0; i < n; i++) x[i] = x[i] < top ? x[i] : below;
    } else {
        double *x = out, below = nextafter(b, -INFINITY);
        for (ovp_idx i = 0; i < n; i++) x[i] = x[i] < b ? x[i] : below;
    }
}

static void philox_uniform(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double a, double b, void *out) {
    char *to = out;
    while (n > 0) {
        ovp_idx take = n < 4096 ? n : 4096; /* still in cache when keep_below reads it */
        fill(rng, rng->fast_fma ? chunk_uniform_fast : chunk_uniform, type, take, a, b, to);
        keep_below(type, take, a, b, to);
        to += (size_t)take * (type == OVP_F32 ? sizeof(float) : sizeof(double));
        n -= take;
    }
}

static void philox_normal(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double mean, double std, void *out) {
    fill(rng, rng->fast_fma ? chunk_normal_fast : chunk_normal, type, n, mean, std, out);
}

/* ---- integers -------------------------------------------------------------------------------------------------- */

/* 0 <= result < range at position p, without bias: D. Lemire, "Fast random integer generation in an interval", ACM
 * TOMACS 29 (2019). A rejected draw is replaced by the same position of the next attempt, so that positions stay in
 * step; attempt 255 is accepted as it is (probability below 2^-255). */
static uint64_t below(const ovp_numeric_philox *philox, uint64_t p, uint64_t range) {
    for (uint32_t attempt = 0;; attempt++) {
        __extension__ unsigned __int128 m = (unsigned __int128)ovp_numeric_philox_draw(philox, p, attempt) * range;
        /* Kept if low half >= 2^64 mod range; that is below range, so the division is seldom needed. */
        if ((uint64_t)m >= range || (uint64_t)m >= (0 - range) % range || attempt == 255) return (uint64_t)(m >> 64);
    }
}

static void philox_integers(ovp_numeric_rng *rng, ovp_idx n, int64_t low, int64_t high, int64_t *out) {
    ovp_numeric_philox *philox = &rng->u.philox;
    uint64_t range = (uint64_t)high - (uint64_t)low;
    for (ovp_idx i = 0; i < n; i++) out[i] = (int64_t)((uint64_t)low + below(philox, philox->position++, range));
}

static void philox_shuffle(ovp_numeric_rng *rng, ovp_idx n, int64_t *items) {
    ovp_numeric_philox *philox = &rng->u.philox;
    for (ovp_idx i = n - 1; i > 0; i--) {
        ovp_idx j = (ovp_idx)below(philox, philox->position++, (uint64_t)i + 1);
        int64_t keep = items[i];
        items[i] = items[j];
        items[j] = keep;
    }
}

const ovp_numeric_rng_ops ovp_numeric_philox_ops = {philox_seed,     philox_uniform, philox_normal,
                                                    philox_integers, philox_shuffle, philox_word};
