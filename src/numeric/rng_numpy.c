/* numpy's legacy RandomState (numpy.random.seed and what follows it; numpy 1.24, values frozen by NEP 19): algorithms
 * as in numpy/random/src/legacy/legacy-distributions.c, src/distributions/distributions.c and _mt19937.pyx, written
 * down in docs/random.md; tests/numeric/data/rng-vectors.json holds what the library itself returned. */
#include "numeric/rng_int.h"

#include <assert.h>
#include <math.h>

static void numpy_seed(ovp_numeric_rng *rng, int64_t seed) {
    ovp_numeric_mt_seed(&rng->u.numpy.mt, (uint32_t)seed);
    rng->u.numpy.has_normal = 0;
}

static uint32_t numpy_word(ovp_numeric_rng *rng) {
    return ovp_numeric_mt_word(&rng->u.numpy.mt);
}

/* ---- reals ----------------------------------------------------------------------------------------------------- */

/* random_sample: 27 and 26 bits of two words. */
static inline double next_unit(ovp_numeric_mt *mt) {
    uint32_t high = ovp_numeric_mt_word(mt) >> 5;
    uint32_t low = ovp_numeric_mt_word(mt) >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

static void numpy_uniform(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double a, double b, void *out) {
    ovp_numeric_mt *mt = &rng->u.numpy.mt;
    double d = b - a;
    for (ovp_idx i = 0; i < n; i++) {
        double x = a + d * next_unit(mt);
        if (type == OVP_F32) {
            ((float *)out)[i] = (float)x;
        } else {
            ((double *)out)[i] = x;
        }
    }
}

/* G. Marsaglia's polar method; the second value of a pair is handed out first, the first waits for the next call. The
 * C library's log: its last bit is part of the stream. */
static double next_normal(ovp_numeric_numpy *numpy) {
    double x1, x2, r2;
    if (numpy->has_normal) {
        numpy->has_normal = 0;
        return numpy->normal;
    }
    do {
        x1 = 2.0 * next_unit(&numpy->mt) - 1.0;
        x2 = 2.0 * next_unit(&numpy->mt) - 1.0;
        r2 = x1 * x1 + x2 * x2;
    } while (r2 >= 1.0 || r2 == 0.0);
    double f = sqrt(-2.0 * log(r2) / r2);
    numpy->normal = f * x1;
    numpy->has_normal = 1;
    return f * x2;
}

static void numpy_normal(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double mean, double std, void *out) {
    for (ovp_idx i = 0; i < n; i++) {
        double x = mean + std * next_normal(&rng->u.numpy);
        if (type == OVP_F32) {
            ((float *)out)[i] = (float)x;
        } else {
            ((double *)out)[i] = x;
        }
    }
}

/* ---- integers: masked rejection -------------------------------------------------------------------------------- */

/* Uniform in 0..top; nothing is drawn for top = 0. */
static uint64_t interval(ovp_numeric_mt *mt, uint64_t top) {
    uint64_t mask, v;
    if (top == 0) return 0;
    mask = UINT64_MAX >> __builtin_clzll(top);
    do {
        v = (top > UINT32_MAX ? ovp_numeric_mt_word64(mt) : ovp_numeric_mt_word(mt)) & mask;
    } while (v > top);
    return v;
}

static void numpy_integers(ovp_numeric_rng *rng, ovp_idx n, int64_t low, int64_t high, int64_t *out) {
    uint64_t top = (uint64_t)high - (uint64_t)low - 1;
    for (ovp_idx i = 0; i < n; i++) out[i] = (int64_t)((uint64_t)low + interval(&rng->u.numpy.mt, top));
}

static void numpy_shuffle(ovp_numeric_rng *rng, ovp_idx n, int64_t *items) {
    for (ovp_idx i = n - 1; i > 0; i--) {
        ovp_idx j = (ovp_idx)interval(&rng->u.numpy.mt, (uint64_t)i);
        int64_t keep = items[i];
        items[i] = items[j];
        items[j] = keep;
    }
}

const ovp_numeric_rng_ops ovp_numeric_numpy_ops = {numpy_seed,     numpy_uniform, numpy_normal,
                                                   numpy_integers, numpy_shuffle, numpy_word};

/* ---- seeding by an array --------------------------------------------------------------------------------------- */

ovp_status ovp_numeric_numpy_seed_array(ovp_numeric_rng *rng, ovp_idx count, const uint32_t *key) {
    assert(rng->kind == OVP_RNG_NUMPY);
    if (count < 1) {
        return ovp_fail(rng->ctx, OVP_EINVAL, "random stream: numpy seed of %lld words; 1 or more expected",
                        (long long)count);
    }
    ovp_numeric_mt_seed_array(&rng->u.numpy.mt, count, key);
    rng->u.numpy.has_normal = 0;
    return OVP_OK;
}
