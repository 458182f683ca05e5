/* The philox streams: Philox4x32-10 (J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC11) from Random123. Every value is a function of (seed, purpose, index, position) alone; the layout and the
 * formulas are promised in docs/random.md and frozen by tests/numeric/data/philox-vectors.json. */
#include "numeric/rng_int.h"
#include "numeric/rng_philox_math.h"

#include <Random123/philox.h>
#include <math.h>

/* Counter: word 0 and the low half of word 1 hold the block, then 8 bits of attempt and 8 bits of purpose; words 2 and
 * 3 the index. Key: the seed. */
static inline philox4x32_ctr_t block_words(const ovp_numeric_philox *philox, uint64_t block, uint32_t attempt) {
    philox4x32_ctr_t counter = {{(uint32_t)block,
                                 (uint32_t)(block >> 32 & 0xffffu) | attempt << 16 | philox->purpose << 24,
                                 (uint32_t)philox->index, (uint32_t)(philox->index >> 32)}};
    philox4x32_key_t key = {{(uint32_t)philox->seed, (uint32_t)(philox->seed >> 32)}};
    return philox4x32_R(10, counter, key);
}

/* Draws 2 block and 2 block + 1. */
static inline void block_draws(const ovp_numeric_philox *philox, uint64_t block, uint64_t draw[2]) {
    philox4x32_ctr_t w = block_words(philox, block, 0);
    draw[0] = (uint64_t)w.v[0] << 32 | w.v[1];
    draw[1] = (uint64_t)w.v[2] << 32 | w.v[3];
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

/* ---- reals ----------------------------------------------------------------------------------------------------- */

static inline double unit(uint64_t draw) {
    return (double)(int64_t)(draw >> 11) * 0x1p-53;
}

static inline void uniform_pair(const uint64_t draw[2], double a, double b, double value[2]) {
    for (int i = 0; i < 2; i++) value[i] = unit(draw[i]) * (b - a) + a;
}

static inline void normal_pair(const uint64_t draw[2], double mean, double std, double value[2]) {
    double s, c;
    double r = sqrt(-2.0 * ovp_philox_log((double)(int64_t)((draw[0] >> 11) + 1) * 0x1p-53));
    ovp_philox_sincos(unit(draw[1]), &s, &c);
    value[0] = r * c * std + mean;
    value[1] = r * s * std + mean;
}

/* The two elements of every block the call touches; a first or last block may lend one of them only. */
static inline __attribute__((always_inline)) void fill(ovp_numeric_rng *rng, int normal, ovp_numeric_type type,
                                                       ovp_idx n, double a, double b, void *out) {
    ovp_numeric_philox *philox = &rng->u.philox;
    uint64_t first = philox->position;
    float *f32 = out;
    double *f64 = out;
    for (ovp_idx i = -(ovp_idx)(first & 1); i < n; i += 2) {
        uint64_t draw[2];
        double value[2];
        block_draws(philox, (first + (uint64_t)i) >> 1, draw);
        if (normal) {
            normal_pair(draw, a, b, value);
        } else {
            uniform_pair(draw, a, b, value);
        }
        for (int j = i < 0; j < 2 && i + j < n; j++) {
            if (type == OVP_F32) {
                f32[i + j] = (float)value[j];
            } else {
                f64[i + j] = value[j];
            }
        }
    }
    philox->position = first + (uint64_t)n;
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
    if (type == OVP_F32) {
        fill(rng, 0, OVP_F32, n, a, b, out);
    } else {
        fill(rng, 0, OVP_F64, n, a, b, out);
    }
    keep_below(type, n, a, b, out);
}

static void philox_normal(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double mean, double std, void *out) {
    if (type == OVP_F32) {
        fill(rng, 1, OVP_F32, n, mean, std, out);
    } else {
        fill(rng, 1, OVP_F64, n, mean, std, out);
    }
}

/* ---- integers -------------------------------------------------------------------------------------------------- */

/* 0 <= result < range at position p, without bias: D. Lemire, "Fast random integer generation in an interval", ACM
 * TOMACS 29 (2019). A rejected draw is replaced by the same position of the next attempt, so that positions stay in
 * step; attempt 255 is accepted as it is (probability below 2^-255). */
static uint64_t below(const ovp_numeric_philox *philox, uint64_t p, uint64_t range) {
    uint64_t threshold = (0 - range) % range;
    for (uint32_t attempt = 0;; attempt++) {
        __extension__ unsigned __int128 m = (unsigned __int128)ovp_numeric_philox_draw(philox, p, attempt) * range;
        if ((uint64_t)m >= threshold || attempt == 255) return (uint64_t)(m >> 64);
    }
}

static void philox_integers(ovp_numeric_rng *rng, ovp_idx n, int64_t low, int64_t high, int64_t *out) {
    ovp_numeric_philox *philox = &rng->u.philox;
    uint64_t range = (uint64_t)high - (uint64_t)low;
    for (ovp_idx i = 0; i < n; i++) out[i] = (int64_t)((uint64_t)low + below(philox, philox->position++, range));
}

static void philox_permutation(ovp_numeric_rng *rng, ovp_idx n, int64_t *out) {
    ovp_numeric_philox *philox = &rng->u.philox;
    for (ovp_idx i = 0; i < n; i++) out[i] = i;
    for (ovp_idx i = n - 1; i > 0; i--) {
        ovp_idx j = (ovp_idx)below(philox, philox->position++, (uint64_t)i + 1);
        int64_t keep = out[i];
        out[i] = out[j];
        out[j] = keep;
    }
}

const ovp_numeric_rng_ops ovp_numeric_philox_ops = {philox_seed,     philox_uniform,     philox_normal,
                                                    philox_integers, philox_permutation, philox_word};
