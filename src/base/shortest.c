/* The shortest decimal that reads back as a number (R. Giulietti, "The Schubfach way to render doubles", 2020): of the
 * decimals inside its rounding interval one with the fewest digits, of those the closest. */
#include "base/base_int.h"
#include "base/powers_of_ten.h"

#include <math.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* floor(g x / 2^128), its last bit also set when anything but a rounding error of g was cut off: enough to compare with
 * the ends of an interval. */
static uint64_t round_to_odd(const uint64_t g[2], uint64_t x) {
    const wide high = (wide)g[0] * x + (uint64_t)((wide)g[1] * x >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* Digits (no trailing zeros) and exponent of c 2^q, c > 0: value = digits 10^*exponent. even: the ends of the rounding
 * interval belong to it; closer: the number below is half as far away as the one above. */
static uint64_t shortest(uint64_t c, int q, int closer, int *exponent) {
    const int even = c % 2 == 0;
    const uint64_t left = 4 * c - 2 + (uint64_t)closer, middle = 4 * c, right = 4 * c + 2;
    /* floor(log10(2^q)) or floor(log10(3/4 2^q)); then floor(log2(10^-k)) (ibid., 9.1). */
    const int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
    const int h = q + ((-k * 1741647) >> 19) + 1;
    const uint64_t *g = POWERS[-k - POWER_FIRST];
    const uint64_t low = round_to_odd(g, left << h) + !even, v = round_to_odd(g, middle << h);
    const uint64_t high = round_to_odd(g, right << h) - !even;
    const uint64_t s = v / 4, tens = s / 10;
    uint64_t digits;
    *exponent = k;
    const int ten_below = low <= 40 * tens, ten_above = 40 * tens + 40 <= high;
    const int below = low <= 4 * s, above = 4 * s + 4 <= high;
    if (s >= 10 && ten_below != ten_above) {
        digits = tens + (uint64_t)ten_above;
        *exponent = k + 1;
    } else if (below != above)
        digits = s + (uint64_t)above;
    else
        digits = s + (v > 4 * s + 2 || (v == 4 * s + 2 && s % 2 == 1));
    for (; digits % 10 == 0; digits /= 10) ++*exponent;
    return digits;
}

/* As %g with `precision` digits writes it: point or exponent, no trailing zeros. */
static int write_decimal(char *out, int negative, uint64_t digits, int exponent, int precision) {
    char text[24], *to = out;
    int count = 0;
    for (uint64_t rest = digits; rest; rest /= 10) text[sizeof(text) - 1 - (size_t)count++] = (char)('0' + rest % 10);
    const char *from = text + sizeof(text) - (size_t)count;
    const int point = exponent + count - 1; /* exponent of the first digit */
    if (count > precision) precision = count;
    if (negative) *to++ = '-';
    if (point < -4 || point >= precision) {
        *to++ = *from;
        if (count > 1) *to++ = '.';
        memcpy(to, from + 1, (size_t)count - 1);
        to += count - 1;
        *to++ = 'e';
        *to++ = point < 0 ? '-' : '+';
        const int size = point < 0 ? -point : point;
        if (size >= 100) *to++ = (char)('0' + size / 100);
        *to++ = (char)('0' + size / 10 % 10);
        *to++ = (char)('0' + size % 10);
    } else if (point < 0) {
        memcpy(to, "0.0000", (size_t)(1 - point));
        to += 1 - point;
        memcpy(to, from, (size_t)count);
        to += count;
    } else {
        const int whole = point + 1;
        for (int i = 0; i < whole; i++) *to++ = i < count ? from[i] : '0';
        if (count > whole) *to++ = '.';
        for (int i = whole; i < count; i++) *to++ = from[i];
    }
    *to = 0;
    return (int)(to - out);
}

static int write_text(char *out, const char *text) {
    memcpy(out, text, strlen(text) + 1);
    return (int)strlen(text);
}

/* Subnormal numbers have fewer digits than `precision`, which then is one. */
static int format(char *out, double value, uint64_t fraction, int exponent, int fraction_bits, int least,
                  int precision) {
    const int negative = signbit(value) != 0;
    int e;
    if (isnan(value)) return write_text(out, "nan");
    if (isinf(value)) return write_text(out, negative ? "-inf" : "inf");
    if (value == 0) return write_text(out, negative ? "-0" : "0");
    const uint64_t c = exponent ? fraction | (uint64_t)1 << fraction_bits : fraction;
    const int q = (exponent ? exponent : 1) + least;
    const uint64_t digits = shortest(c, q, fraction == 0 && exponent > 1, &e);
    return write_decimal(out, negative, digits, e, exponent ? precision : 1);
}

int ovp_format_real(char *buffer, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return format(buffer, value, bits & (((uint64_t)1 << 52) - 1), (int)(bits >> 52 & 0x7ff), 52, -1075, 15);
}

int ovp_format_real32(char *buffer, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return format(buffer, (double)value, bits & ((1U << 23) - 1), (int)(bits >> 23 & 0xff), 23, -150, 6);
}
