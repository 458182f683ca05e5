/* Saved states of random streams: whatever is loaded draws, and goes on as its own saved state does. The first byte
 * names the stream's kind. Bytes of the right number get a checksum that holds, unless the first byte says otherwise,
 * since a fuzzer does not guess one; shorter ones are laid over a good state at the place that two bytes name. */
#include "fuzz.h"

#include <overparam/numeric.h>

enum { BYTES = OVP_NUMERIC_RNG_STATE_BYTES, SUMMED = BYTES - 8, AS_IT_IS = 128 };

/* FNV-1a, as docs/random.md, section 7, says. */
static void sum_up(uint8_t *state) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < SUMMED; i++) h = (h ^ state[i]) * UINT64_C(0x100000001b3);
    for (int i = 0; i < 8; i++) state[SUMMED + i] = (uint8_t)(h >> 8 * i);
}

static ovp_numeric_rng *stream(int kind) {
    ovp_numeric_rng *rng;
    fuzz_must(ovp_numeric_rng_create(&rng, fuzz_ctx(), (ovp_numeric_rng_kind)kind, 5, OVP_PURPOSE_DATA, 0), "a stream");
    return rng;
}

static void try_state(int kind, const uint8_t *state, size_t size) {
    ovp_numeric_rng *one = stream(kind), *two = stream(kind);
    uint8_t before[BYTES], after[BYTES];
    ovp_numeric_rng_save(one, before);
    if (fuzz_ok(ovp_numeric_rng_load(one, state, size))) {
        double a[5], b[5];
        int64_t order[9], other[9];
        ovp_numeric_rng_save(one, after);
        fuzz_must(ovp_numeric_rng_load(two, after, sizeof after), "a state that was saved");
        ovp_numeric_rng_normal(one, OVP_F64, 5, 0, 1, a);
        ovp_numeric_rng_normal(two, OVP_F64, 5, 0, 1, b);
        ovp_numeric_rng_permutation(one, 9, order);
        ovp_numeric_rng_permutation(two, 9, other);
        fuzz_require(!memcmp(a, b, sizeof a) && !memcmp(order, other, sizeof order), "kind %d: streams part", kind);
    } else {
        ovp_numeric_rng_save(one, after);
        fuzz_require(!memcmp(before, after, BYTES), "kind %d: changed by a state that was refused", kind);
    }
    ovp_numeric_rng_free(one);
    ovp_numeric_rng_free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    const int kind = data[0] % 3;
    if (size - 1 == BYTES || data[0] & AS_IT_IS) {
        uint8_t state[BYTES];
        if (size - 1 == BYTES && !(data[0] & AS_IT_IS)) {
            memcpy(state, data + 1, BYTES);
            sum_up(state);
            try_state(kind, state, BYTES);
        } else {
            try_state(kind, data + 1, size - 1);
        }
        return fuzz_end();
    }
    ovp_numeric_rng *rng = stream(kind);
    uint8_t state[BYTES];
    size_t at = (size_t)(data[1] | data[2] << 8) % SUMMED;
    ovp_numeric_rng_save(rng, state);
    ovp_numeric_rng_free(rng);
    for (size_t i = 3; i < size && at < SUMMED; i++) state[at++] = data[i];
    sum_up(state);
    try_state(kind, state, BYTES);
    return fuzz_end();
}
