/* The whole state of a stream as bytes, for checkpoints: little endian whatever the processor, with a checksum. */
#include "numeric/rng_int.h"

#include <string.h>

/* Offsets; what a kind does not use is 0. */
enum {
    AT_KIND = 8,
    AT_VARIANT = 12,
    AT_HAS_NORMAL = 16,
    AT_POS = 20,
    AT_NORMAL = 24,
    AT_WORDS = 32, /* MT19937; philox: seed, index, position (64 bits each), purpose */
    AT_SUM = AT_WORDS + 4 * OVP_MT_WORDS
};

_Static_assert(AT_SUM + 8 == OVP_NUMERIC_RNG_STATE_BYTES, "state layout");

static const char magic[8] = "OVPRNG1";

static void put32(unsigned char *to, uint32_t v) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(v >> (8 * i));
}

static void put64(unsigned char *to, uint64_t v) {
    put32(to, (uint32_t)v);
    put32(to + 4, (uint32_t)(v >> 32));
}

static uint32_t get32(const unsigned char *from) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v |= (uint32_t)from[i] << (8 * i);
    return v;
}

static uint64_t get64(const unsigned char *from) {
    return get32(from) | (uint64_t)get32(from + 4) << 32;
}

/* FNV-1a, 64 bits. */
static uint64_t checksum(const unsigned char *bytes) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < AT_SUM; i++) h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void put_mersenne(unsigned char *to, const ovp_numeric_mt *mt, int has_normal, double normal) {
    uint64_t bits;
    memcpy(&bits, &normal, sizeof(bits));
    put32(to + AT_HAS_NORMAL, (uint32_t)has_normal);
    put64(to + AT_NORMAL, has_normal ? bits : 0);
    put32(to + AT_POS, (uint32_t)mt->pos);
    for (int i = 0; i < OVP_MT_WORDS; i++) put32(to + AT_WORDS + 4 * i, mt->s[i]);
}

/* The position has been checked. */
static void get_mersenne(const unsigned char *from, ovp_numeric_mt *mt, int *has_normal, double *normal) {
    uint64_t bits = get64(from + AT_NORMAL);
    *has_normal = get32(from + AT_HAS_NORMAL) != 0;
    memcpy(normal, &bits, sizeof(*normal));
    mt->pos = (int)get32(from + AT_POS);
    for (int i = 0; i < OVP_MT_WORDS; i++) mt->s[i] = get32(from + AT_WORDS + 4 * i);
}

void ovp_numeric_rng_save(const ovp_numeric_rng *rng, void *out) {
    unsigned char *to = out;
    memset(to, 0, OVP_NUMERIC_RNG_STATE_BYTES);
    memcpy(to, magic, sizeof(magic));
    put32(to + AT_KIND, (uint32_t)rng->kind);
    switch (rng->kind) {
    case OVP_RNG_PHILOX:
        put64(to + AT_WORDS, rng->u.philox.seed);
        put64(to + AT_WORDS + 8, rng->u.philox.index);
        put64(to + AT_WORDS + 16, rng->u.philox.position);
        put32(to + AT_WORDS + 24, rng->u.philox.purpose);
        break;
    case OVP_RNG_TORCH:
        put32(to + AT_VARIANT, (uint32_t)rng->u.torch.variant);
        put_mersenne(to, &rng->u.torch.mt, rng->u.torch.has_normal, rng->u.torch.normal);
        break;
    case OVP_RNG_NUMPY:
        put_mersenne(to, &rng->u.numpy.mt, rng->u.numpy.has_normal, rng->u.numpy.normal);
        break;
    }
    put64(to + AT_SUM, checksum(to));
}

/* A right checksum says that the bytes are those some program wrote, not that it was ours. */
static int plausible(const unsigned char *from) {
    uint32_t kind = get32(from + AT_KIND);
    if (get64(from + AT_SUM) != checksum(from)) return 0;
    if (get32(from + AT_POS) > OVP_MT_WORDS || get32(from + AT_HAS_NORMAL) > 1) return 0;
    if (get32(from + AT_VARIANT) > (kind == OVP_RNG_TORCH ? OVP_TORCH_PLAIN : 0)) return 0;
    return kind <= OVP_RNG_NUMPY && (kind != OVP_RNG_PHILOX || get32(from + AT_WORDS + 24) <= 255);
}

ovp_status ovp_numeric_rng_load(ovp_numeric_rng *rng, const void *state, size_t bytes) {
    const unsigned char *from = state;
    if (bytes != OVP_NUMERIC_RNG_STATE_BYTES) {
        return ovp_fail(rng->ctx, OVP_EFORMAT, "random stream: a state of %zu bytes; %d expected", bytes,
                        OVP_NUMERIC_RNG_STATE_BYTES);
    }
    if (memcmp(from, magic, sizeof(magic)) || !plausible(from)) {
        return ovp_fail(rng->ctx, OVP_EFORMAT,
                        "random stream: the saved state is damaged or of another version of the program");
    }
    if (get32(from + AT_KIND) != (uint32_t)rng->kind) {
        return ovp_fail(rng->ctx, OVP_EINVAL,
                        "random stream: the saved state is of kind %u, the stream of kind %d (0 philox, 1 torch, 2 "
                        "numpy)",
                        get32(from + AT_KIND), (int)rng->kind);
    }
    switch (rng->kind) {
    case OVP_RNG_PHILOX:
        rng->u.philox.seed = get64(from + AT_WORDS);
        rng->u.philox.index = get64(from + AT_WORDS + 8);
        rng->u.philox.position = get64(from + AT_WORDS + 16);
        rng->u.philox.purpose = get32(from + AT_WORDS + 24);
        break;
    case OVP_RNG_TORCH:
        rng->u.torch.variant = get32(from + AT_VARIANT) ? OVP_TORCH_PLAIN : OVP_TORCH_FUSED;
        get_mersenne(from, &rng->u.torch.mt, &rng->u.torch.has_normal, &rng->u.torch.normal);
        break;
    case OVP_RNG_NUMPY:
        get_mersenne(from, &rng->u.numpy.mt, &rng->u.numpy.has_normal, &rng->u.numpy.normal);
        break;
    }
    return OVP_OK;
}
