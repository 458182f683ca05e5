/* What every fuzz target shares: a context whose allocator counts, and the contract every parser keeps for any bytes:
 * success, or a status with a one-line message; nothing left allocated; no allocation out of proportion. A breach
 * aborts, which is what libFuzzer and the replay program count as a finding. */
#ifndef OVP_FUZZ_H
#define OVP_FUZZ_H

#include <overparam/base.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The entry libFuzzer calls (llvm.org/docs/LibFuzzer.html, "Fuzz Target"). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One request may ask for this much: the longest list of parameters and the unpacking limits of the targets fit. */
#define FUZZ_LARGEST ((size_t)64 << 20)

#define fuzz_require(condition, ...)                                                                                   \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static long fuzz_live; /* allocations not yet released */

static inline void *fuzz_alloc(void *user, size_t bytes) {
    (void)user;
    fuzz_require(bytes <= FUZZ_LARGEST, "%zu bytes asked for at once", bytes);
    void *memory = aligned_alloc(64, bytes ? (bytes + 63) / 64 * 64 : 64);
    fuzz_live += memory != NULL;
    return memory;
}

static inline void fuzz_release(void *user, void *memory) {
    (void)user;
    fuzz_live -= memory != NULL;
    free(memory);
}

/* One context a process: making one for every input would halve the speed. */
static inline ovp_ctx *fuzz_ctx(void) {
    static ovp_ctx *ctx;
    static const ovp_allocator allocator = {.alloc = fuzz_alloc, .release = fuzz_release};
    if (!ctx) {
        ovp_ctx_options options = {.size = sizeof options, .threads = 1, .allocator = &allocator};
        fuzz_require(ovp_ctx_create(&ctx, &options) == OVP_OK, "no context");
        fuzz_live = 0;
    }
    return ctx;
}

/* A parser's outcome. True for success; a failure must say in one line what is wrong, and is then forgotten. */
static inline int fuzz_ok(ovp_status status) {
    ovp_ctx *ctx = fuzz_ctx();
    const char *message = ovp_message(ctx);
    if (status == OVP_OK) {
        fuzz_require(!message[0], "success, and the message '%s'", message);
        return 1;
    }
    fuzz_require(status > OVP_OK && status < OVP_STATUS_COUNT && status != OVP_EINTERNAL && status != OVP_ENOMEM,
                 "%s: %s", ovp_status_name(status), message);
    fuzz_require(message[0], "%s without a message", ovp_status_name(status));
    for (const char *c = message; *c; c++)
        fuzz_require((unsigned char)*c >= 32, "a message with the control character %d: '%s'", *c, message);
    ovp_clear(ctx);
    return 0;
}

/* What must succeed, such as reading back what was just written. */
static inline void fuzz_must(ovp_status status, const char *what) {
    fuzz_require(status == OVP_OK, "%s: %s: %s", what, ovp_status_name(status), ovp_message(fuzz_ctx()));
}

/* The end of every target: all memory is back. */
static inline int fuzz_end(void) {
    fuzz_require(fuzz_live == 0, "%ld allocations are still live", fuzz_live);
    return 0;
}

/* The input as text that ends at its first zero byte, to be freed. */
static inline char *fuzz_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    fuzz_require(text, "no memory");
    if (size) memcpy(text, data, size);
    text[size] = 0;
    return text;
}

#endif
