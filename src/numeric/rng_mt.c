/* MT19937, 32-bit: M. Matsumoto and T. Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform
 * pseudo-random number generator", ACM TOMACS 8 (1998) 3-30; seeding of 2002. Seed 42 starts 1608637542, 3421126067. */
#include "numeric/rng_int.h"

#define MT_M 397

void ovp_numeric_mt_seed(ovp_numeric_mt *mt, uint32_t seed) {
    mt->s[0] = seed;
    for (int i = 1; i < OVP_MT_WORDS; i++) {
        mt->s[i] = 1812433253u * (mt->s[i - 1] ^ (mt->s[i - 1] >> 30)) + (uint32_t)i;
    }
    mt->pos = OVP_MT_WORDS;
}

void ovp_numeric_mt_seed_array(ovp_numeric_mt *mt, ovp_idx count, const uint32_t *key) {
    uint32_t *s = mt->s;
    int i = 1;
    ovp_numeric_mt_seed(mt, 19650218u);
    for (ovp_idx k = 0, j = 0; k < OVP_MT_WORDS || k < count; k++) {
        s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1664525u)) + key[j] + (uint32_t)j;
        if (++j == count) j = 0;
        if (++i == OVP_MT_WORDS) s[0] = s[OVP_MT_WORDS - 1], i = 1;
    }
    for (int k = 1; k < OVP_MT_WORDS; k++) {
        s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1566083941u)) - (uint32_t)i;
        if (++i == OVP_MT_WORDS) s[0] = s[OVP_MT_WORDS - 1], i = 1;
    }
    s[0] = 0x80000000u;
    mt->pos = OVP_MT_WORDS;
}

static inline uint32_t mt_step(uint32_t own, uint32_t next, uint32_t far) {
    uint32_t y = (own & 0x80000000u) | (next & 0x7fffffffu);
    return far ^ (y >> 1) ^ ((0u - (next & 1u)) & 0x9908b0dfu);
}

void ovp_numeric_mt_refill(ovp_numeric_mt *mt) {
    uint32_t *restrict s = mt->s;
    int i;
    /* Split where the far index wraps, so that both loops have a constant distance and vectorise. */
    for (i = 0; i < OVP_MT_WORDS - MT_M; i++) s[i] = mt_step(s[i], s[i + 1], s[i + MT_M]);
    for (; i < OVP_MT_WORDS - 1; i++) s[i] = mt_step(s[i], s[i + 1], s[i + MT_M - OVP_MT_WORDS]);
    s[i] = mt_step(s[i], s[0], s[MT_M - 1]);
    mt->pos = 0;
}

void ovp_numeric_mt_skip(ovp_numeric_mt *mt, ovp_idx words) {
    while (words > OVP_MT_WORDS - mt->pos) {
        words -= OVP_MT_WORDS - mt->pos;
        ovp_numeric_mt_refill(mt);
    }
    mt->pos += (int)words;
}
