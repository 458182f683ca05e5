/* Numbers: what is written is read back as the same; what is read as an integer is the same as a real; and the double
 * and float whose bytes the input begins with survive. */
#include "fuzz.h"

#include <inttypes.h>
#include <math.h>

static void real_round_trip(double value) {
    char text[32];
    double again;
    int length = ovp_format_real(text, value);
    fuzz_require(length > 0 && length < 32 && text[length] == 0 && strlen(text) == (size_t)length, "length %d", length);
    fuzz_require(ovp_parse_real(text, &again), "'%s' is not read", text);
    fuzz_require(isnan(value) ? isnan(again) : value == again && signbit(value) == signbit(again),
                 "%.17g as '%s' became %.17g", value, text, again);
}

static void float_round_trip(float value) {
    char text[32];
    double again;
    int length = ovp_format_real32(text, value);
    fuzz_require(length > 0 && length < 32 && strlen(text) == (size_t)length, "length %d", length);
    fuzz_require(ovp_parse_real(text, &again), "'%s' is not read", text);
    fuzz_require(isnan(value) ? isnan(again) : value == (float)again, "%.9g as '%s' became %.17g", (double)value, text,
                 again);
}

static void integer_round_trip(const char *source, int64_t value) {
    char text[32];
    int64_t again;
    double real;
    snprintf(text, sizeof text, "%" PRId64, value);
    fuzz_require(ovp_parse_int(text, &again) && again == value, "%s became %" PRId64, text, again);
    /* An integer is also a real, the nearest one. */
    fuzz_require(ovp_parse_real(source, &real) && real == (double)value, "'%s': %" PRId64 " or %.17g", source, value,
                 real);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    double real;
    int64_t integer;
    if (ovp_parse_real(text, &real)) real_round_trip(real);
    if (ovp_parse_int(text, &integer)) integer_round_trip(text, integer);
    if (size >= sizeof real) {
        memcpy(&real, data, sizeof real);
        real_round_trip(real);
    }
    if (size >= sizeof(float)) {
        float single;
        memcpy(&single, data, sizeof single);
        float_round_trip(single);
    }
    free(text);
    return fuzz_end();
}
