/* What every test includes: cmocka with its prerequisites, and a context as the state. */
#ifndef OVP_TEST_CHECK_H
#define OVP_TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <overparam/base.h>

/* Debug, sanitizer and coverage builds are many times slower: the same code on fewer points. */
#ifdef NDEBUG
enum { SLOW = 0 };
#else
enum { SLOW = 1 };
#endif

static inline int check_context_setup(void **state) {
    ovp_ctx *ctx;
    if (ovp_ctx_create(&ctx, NULL) != OVP_OK) return -1;
    *state = ctx;
    return 0;
}

static inline int check_context_teardown(void **state) {
    ovp_ctx_free(*state);
    return 0;
}

/* A test whose *state is a fresh context. */
#define CTX_TEST(f) cmocka_unit_test_setup_teardown(f, check_context_setup, check_context_teardown)

/* Succeeds or shows the context's message. */
#define assert_ok(ctx, expr)                                                                                           \
    do {                                                                                                               \
        ovp_status check_status_ = (expr);                                                                             \
        if (check_status_ != OVP_OK) fail_msg("%s: %s", ovp_status_name(check_status_), ovp_message(ctx));             \
    } while (0)

/* Fails with this status and a message that holds `words`; clears the context. */
#define assert_fails(ctx, expected, words, expr)                                                                       \
    do {                                                                                                               \
        ovp_status check_status_ = (expr);                                                                             \
        if (check_status_ != (expected) || !strstr(ovp_message(ctx), (words)))                                         \
            fail_msg("%s: %s", ovp_status_name(check_status_), ovp_message(ctx));                                      \
        ovp_clear(ctx);                                                                                                \
    } while (0)

#endif
