/* Contexts of every processor level, and numbers to test on. */
#ifndef OVP_TEST_NUMERIC_LEVELS_H
#define OVP_TEST_NUMERIC_LEVELS_H

#include "check.h"
#include "values.h"

#include <stdlib.h>

enum { LEVELS = 3 };

typedef struct levels {
    ovp_ctx *ctx[LEVELS]; /* the first `count` */
    int count;            /* levels this processor has; base always */
} levels;

static inline int levels_setup(void **state) {
    static const char *const names[LEVELS] = {"base", "v3", "v4"};
    levels *l = calloc(1, sizeof *l);
    if (!l) return -1;
    for (int i = 0; i < LEVELS; i++) {
        ovp_ctx_options o = {.size = sizeof o, .threads = 1, .isa = names[i]};
        if (ovp_ctx_create(&l->ctx[l->count], &o) == OVP_OK) l->count++;
    }
    print_message("[          ] %d of %d processor levels\n", l->count, LEVELS);
    *state = l;
    return l->count > 0 ? 0 : -1;
}

static inline int levels_teardown(void **state) {
    levels *l = *state;
    for (int i = 0; i < l->count; i++) ovp_ctx_free(l->ctx[i]);
    free(l);
    return 0;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In [low, high). */
static inline double random_real(uint64_t *state, double low, double high) {
    return low + (high - low) * ((double)(random_bits(state) >> 11) * 0x1p-53);
}

#endif
