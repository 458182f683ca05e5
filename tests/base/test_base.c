/* base: statuses, messages, allocation, numbers as text, growing text. */
#include "allocator.h"
#include "check.h"

#include <overparam/base.h>

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void statuses_have_names_texts_and_exit_codes(void **state) {
    (void)state;
    for (int i = 0; i < OVP_STATUS_COUNT; i++) {
        assert_int_equal(strncmp(ovp_status_name((ovp_status)i), "OVP_", 4), 0);
        assert_true(strlen(ovp_status_text((ovp_status)i)) > 3);
        int code = ovp_status_exit_code((ovp_status)i);
        assert_true(code == 0 || code == 1 || code == 2 || code == 3 || code == 130);
        assert_int_equal(code == 0, i == OVP_OK);
    }
    assert_string_equal(ovp_status_name((ovp_status)999), "OVP_?");
    assert_int_equal(ovp_status_exit_code((ovp_status)-1), 1);
}

static void first_message_wins_and_is_one_line(void **state) {
    ovp_ctx *ctx = *state;
    assert_string_equal(ovp_message(ctx), "");
    assert_int_equal(ovp_fail(ctx, OVP_EIO, "disk\nfull at %d", 7), OVP_EIO);
    assert_int_equal(ovp_fail(ctx, OVP_EINVAL, "later"), OVP_EINVAL);
    assert_string_equal(ovp_message(ctx), "disk full at 7");
    assert_int_equal(ovp_last_status(ctx), OVP_EIO);
    ovp_clear(ctx);
    assert_string_equal(ovp_message(ctx), "");
    assert_int_equal(ovp_last_status(ctx), OVP_OK);
}

static void options_are_checked(void **state) {
    (void)state;
    ovp_ctx *ctx;
    ovp_ctx_options o = {.size = sizeof o, .threads = -1};
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_EINVAL);
    assert_null(ctx);
    o.threads = 257;
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_EINVAL);
    o = (ovp_ctx_options){.size = sizeof o, .isa = "v9"};
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_EINVAL);
    o.isa = "base";
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
    assert_string_equal(ovp_isa(ctx), "base");
    assert_int_equal(ovp_isa_rank(ctx), 0);
    assert_true(ovp_threads(ctx) >= 1);
    ovp_ctx_free(ctx);
    ovp_ctx_free(NULL);
}

static void running_out_of_memory_is_reported(void **state) {
    (void)state;
    int left = 0;
    ovp_allocator allocator = granting(&left);
    ovp_ctx_options o = {.size = sizeof o, .allocator = &allocator, .threads = 2};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_ENOMEM);
    left = 1;
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
    void *memory = &left;
    assert_int_equal(ovp_alloc(ctx, &memory, 3, 1 << 20), OVP_ENOMEM);
    assert_null(memory);
    assert_non_null(strstr(ovp_message(ctx), "3.0 MiB"));
    ovp_clear(ctx);
    assert_int_equal(ovp_alloc(ctx, &memory, INT64_MAX, 16), OVP_ENOMEM);
    ovp_clear(ctx);
    assert_int_equal(ovp_alloc(ctx, &memory, -1, 16), OVP_ENOMEM);
    ovp_clear(ctx);
    ovp_text text = {.ctx = ctx};
    ovp_text_add(&text, "x");
    ovp_text_add(&text, "y");
    assert_int_equal(ovp_text_status(&text), OVP_ENOMEM);
    ovp_text_free(&text);
    ovp_ctx_free(ctx);
}

static void memory_is_zeroed_and_aligned(void **state) {
    ovp_ctx *ctx = *state;
    for (int round = 0; round < 3; round++) {
        unsigned char *p;
        assert_int_equal(ovp_alloc(ctx, &p, 1001, 3), OVP_OK);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (int i = 0; i < 3003; i++) assert_int_equal(p[i], 0);
        memset(p, 0xa5, 3003);
        ovp_free(ctx, p);
    }
    void *empty;
    assert_int_equal(ovp_alloc(ctx, &empty, 0, 8), OVP_OK);
    assert_non_null(empty);
    ovp_free(ctx, empty);
    ovp_free(ctx, NULL);
}

static void numbers_round_trip(void **state) {
    (void)state;
    const struct {
        double value;
        const char *text;
    } known[] = {{0.1, "0.1"},
                 {1, "1"},
                 {-2.5, "-2.5"},
                 {1e22, "1e+22"},
                 {1.0 / 3, "0.3333333333333333"},
                 {5e-324, "5e-324"},
                 {0, "0"},
                 {0.30000000000000004, "0.30000000000000004"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"},
                 {NAN, "nan"}};
    char buffer[32];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(ovp_format_real(buffer, known[i].value), strlen(known[i].text));
        assert_string_equal(buffer, known[i].text);
    }
    uint64_t bits = 88172645463325252u; /* xorshift64: any bit patterns */
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        double value, back;
        memcpy(&value, &bits, 8);
        if (!isfinite(value)) continue;
        ovp_format_real(buffer, value);
        assert_true(ovp_parse_real(buffer, &back));
        assert_memory_equal(&back, &value, 8);
        float small, small_back;
        uint32_t low = (uint32_t)bits;
        memcpy(&small, &low, 4);
        if (!isfinite(small)) continue;
        ovp_format_real32(buffer, small);
        assert_true(ovp_parse_real(buffer, &back));
        small_back = (float)back;
        assert_memory_equal(&small_back, &small, 4);
    }
    ovp_format_real32(buffer, 0.1f);
    assert_string_equal(buffer, "0.1");
}

static int digits_of(const char *text) {
    int digits = 0, zeros = 0, started = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9') continue;
        started |= *text != '0';
        if (!started) continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        digits++;
    }
    return digits - zeros;
}

/* No decimal of fewer digits reads back as the number, and of those with as many none is closer: printf's own, the
 * closest one, is no other unless it does not read back (just above a power of two, where the interval below is half
 * as wide). */
static void numbers_are_shortest(void **state) {
    (void)state;
    uint64_t bits = 88172645463325252u;
    char buffer[32], other[40];
    int edges = 0;
    for (int i = 0; i < 40000; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        uint64_t pattern = i % 4 == 0   ? bits & 0xfff0000000000000u                              /* powers of two */
                           : i % 4 == 1 ? (bits & 0x800fffffffffffffu) | (1003 + bits % 40) << 52 /* near 1 */
                                        : bits;
        double value;
        memcpy(&value, &pattern, 8);
        if (i % 4 == 3) value = (double)(int64_t)(bits >> (bits % 60)) / (1 + i % 1000);
        if (!isfinite(value) || value == 0) continue;
        ovp_format_real(buffer, value);
        const int digits = digits_of(buffer);
        if (digits > 1) {
            (void)snprintf(other, sizeof(other), "%.*e", digits - 2, value);
            assert_true(strtod(other, NULL) != value);
        }
        (void)snprintf(other, sizeof(other), "%.*e", digits - 1, value);
        if (strtod(other, NULL) == value)
            assert_true(strtod(buffer, NULL) == value && digits_of(other) == digits);
        else
            edges++;
        /* %g's form. */
        (void)snprintf(other, sizeof(other), "%.*g", digits > 15 ? digits : 15, value);
        if (fabs(value) >= DBL_MIN && strtod(other, NULL) == value && digits <= 15) assert_string_equal(buffer, other);
    }
    assert_true(edges > 0);
}

static void numbers_are_parsed_whole(void **state) {
    (void)state;
    double real;
    int64_t whole;
    assert_true(ovp_parse_real("10_000", &real) && real == 10000);
    assert_true(ovp_parse_real("-1e-3", &real) && real == -1e-3);
    assert_true(ovp_parse_real(".5", &real) && real == .5);
    assert_true(ovp_parse_real("inf", &real) && isinf(real));
    assert_true(ovp_parse_real("nan", &real) && isnan(real));
    const char *bad[] = {"", " 1", "1 ", "1,5", "0x10", "1__0", "_1", "1_", "1e", "abc", "--1", "infinity", "1_.5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(ovp_parse_real(bad[i], &real));
    assert_true(ovp_parse_int("1e4", &whole) && whole == 10000);
    assert_true(ovp_parse_int("-9223372036854775808", &whole) && whole == INT64_MIN);
    assert_true(ovp_parse_int("9223372036854775807", &whole) && whole == INT64_MAX);
    assert_false(ovp_parse_int("9223372036854775808", &whole));
    assert_false(ovp_parse_int("1.5", &whole));
    assert_false(ovp_parse_int("nan", &whole));
    assert_false(ovp_parse_int("1e30", &whole));
    assert_false(ovp_parse_int("", &whole));
}

static void the_locale_does_not_matter(void **state) {
    (void)state;
    const char *names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < 3; i++) {
        if (!setlocale(LC_NUMERIC, names[i])) continue;
        char buffer[32];
        double back;
        ovp_format_real(buffer, -1234.5e-20);
        assert_string_equal(buffer, "-1.2345e-17");
        assert_true(ovp_parse_real("2.25", &back) && back == 2.25);
    }
    setlocale(LC_NUMERIC, "C");
}

static void edit_distance_counts(void **state) {
    (void)state;
    assert_int_equal(ovp_edit_distance("widths", "widths"), 0);
    assert_int_equal(ovp_edit_distance("widhts", "widths"), 1);
    assert_int_equal(ovp_edit_distance("", "abc"), 3);
    assert_int_equal(ovp_edit_distance("epoch", "epochs"), 1);
    assert_int_equal(ovp_edit_distance("kitten", "sitting"), 3);
}

static void text_grows(void **state) {
    ovp_text text = {.ctx = *state};
    for (int i = 0; i < 1000; i++) ovp_text_add(&text, "%d,", i);
    ovp_text_add_bytes(&text, "end", 3);
    assert_int_equal(ovp_text_status(&text), OVP_OK);
    assert_int_equal(text.length, strlen(text.data));
    assert_int_equal(text.length, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    ovp_text_free(&text);
}

static void the_machine_is_described(void **state) {
    (void)state;
    char name[128];
    ovp_cpu_name(name, sizeof name);
    assert_true(strlen(name) > 0);
    assert_true(ovp_peak_memory() > 100000);
    double t = ovp_seconds();
    assert_true(ovp_seconds() >= t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_have_names_texts_and_exit_codes),
        CTX_TEST(first_message_wins_and_is_one_line),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(running_out_of_memory_is_reported),
        CTX_TEST(memory_is_zeroed_and_aligned),
        cmocka_unit_test(numbers_round_trip),
        cmocka_unit_test(numbers_are_shortest),
        cmocka_unit_test(numbers_are_parsed_whole),
        cmocka_unit_test(the_locale_does_not_matter),
        cmocka_unit_test(edit_distance_counts),
        CTX_TEST(text_grows),
        cmocka_unit_test(the_machine_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
