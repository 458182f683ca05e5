/* Inside of the random streams: one struct, one table of operations a kind. What each kind computes: docs/random.md. */
#ifndef OVP_NUMERIC_RNG_INT_H
#define OVP_NUMERIC_RNG_INT_H

#include <overparam/numeric.h>

/* ---- MT19937 (Matsumoto and Nishimura, ACM TOMACS 8, 1998), the engine of torch and of numpy ------------------- */

#define OVP_MT_WORDS 624

typedef struct ovp_numeric_mt {
    uint32_t s[OVP_MT_WORDS];
    int pos; /* next word to hand out; OVP_MT_WORDS: refill first */
} ovp_numeric_mt;

void ovp_numeric_mt_seed(ovp_numeric_mt *mt, uint32_t seed);
/* From key[0..count-1], count >= 1 (init_by_array of the reference code). */
void ovp_numeric_mt_seed_array(ovp_numeric_mt *mt, ovp_idx count, const uint32_t *key);
/* The next 624 words of the recurrence, pos = 0. */
void ovp_numeric_mt_refill(ovp_numeric_mt *mt);
/* Passes over `words` words. */
void ovp_numeric_mt_skip(ovp_numeric_mt *mt, ovp_idx words);

static inline uint32_t ovp_numeric_mt_temper(uint32_t y) {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static inline uint32_t ovp_numeric_mt_word(ovp_numeric_mt *mt) {
    if (mt->pos == OVP_MT_WORDS) ovp_numeric_mt_refill(mt);
    return ovp_numeric_mt_temper(mt->s[mt->pos++]);
}

/* Two words, the first is the high half. */
static inline uint64_t ovp_numeric_mt_word64(ovp_numeric_mt *mt) {
    uint64_t high = ovp_numeric_mt_word(mt);
    return high << 32 | ovp_numeric_mt_word(mt);
}

/* ---- state of the kinds ---------------------------------------------------------------------------------------- */

typedef struct ovp_numeric_torch {
    ovp_numeric_mt mt;
    ovp_numeric_torch_variant variant;
    int has_normal; /* the second normal of a pair drawn for n < 16 waits in `normal` */
    double normal;
} ovp_numeric_torch;

typedef struct ovp_numeric_numpy {
    ovp_numeric_mt mt;
    int has_normal; /* the first normal of a pair waits in `normal` */
    double normal;
} ovp_numeric_numpy;

typedef struct ovp_numeric_philox {
    uint64_t seed, index, position;
    uint32_t purpose;
} ovp_numeric_philox;

typedef struct ovp_numeric_rng_ops {
    void (*seed)(ovp_numeric_rng *rng, int64_t seed);
    void (*uniform)(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double a, double b, void *out);
    void (*normal)(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double mean, double std, void *out);
    void (*integers)(ovp_numeric_rng *rng, ovp_idx n, int64_t low, int64_t high, int64_t *out);
    void (*shuffle)(ovp_numeric_rng *rng, ovp_idx n, int64_t *items);
    uint32_t (*word)(ovp_numeric_rng *rng);
} ovp_numeric_rng_ops;

extern const ovp_numeric_rng_ops ovp_numeric_torch_ops;
extern const ovp_numeric_rng_ops ovp_numeric_philox_ops;
extern const ovp_numeric_rng_ops ovp_numeric_numpy_ops;

struct ovp_numeric_rng {
    ovp_ctx *ctx;
    const ovp_numeric_rng_ops *ops;
    ovp_numeric_rng_kind kind;
    int fast_fma; /* fmaf is an instruction; on x86-64: the functions compiled for AVX2 and FMA may run */
    union {
        ovp_numeric_torch torch;
        ovp_numeric_numpy numpy;
        ovp_numeric_philox philox;
    } u;
};

/* ---- pieces shared between files ------------------------------------------------------------------------------- */

/* Float uniforms of torch, a and b already rounded to float; the standard ones (a = 0, b = 1) come out exact. */
void ovp_numeric_torch_uniform_f32(ovp_numeric_rng *rng, ovp_idx n, float a, float b, float *out);
void ovp_numeric_torch_uniform_f64(ovp_numeric_rng *rng, ovp_idx n, double a, double b, double *out);
/* torch's normal for n >= 16. */
void ovp_numeric_torch_normal_f32(ovp_numeric_rng *rng, ovp_idx n, float mean, float std, float *out);
void ovp_numeric_torch_normal_f64(ovp_numeric_rng *rng, ovp_idx n, double mean, double std, double *out);

/* Draw p of a philox stream and how often integers rejected it, docs/random.md; O(1), the position stays. */
uint64_t ovp_numeric_philox_draw(const ovp_numeric_philox *philox, uint64_t p, uint32_t attempt);
/* Moves the position of a philox stream forward by `draws`: later values are those of a stream that drew them. */
void ovp_numeric_philox_skip(ovp_numeric_rng *rng, uint64_t draws);

#endif
