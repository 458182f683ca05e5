/* Numbers to and from text without the locale, edit distance, growing text. */
#include "base/base_int.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc hands out a static object for "C": nothing to free, nothing that can fail. */
static double to_double(const char *text, char **end) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = strtod_l(text, end, c);
    freelocale(c);
    return value;
}

/* Copy without '_' between digits; 0 if it is empty, too long, or has a misplaced '_'. */
static int strip_underscores(const char *text, char *out, size_t bytes) {
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '_') {
            if (p == text || !isdigit((unsigned char)p[-1]) || !isdigit((unsigned char)p[1])) return 0;
            continue;
        }
        if (n + 1 >= bytes) return 0;
        out[n++] = *p;
    }
    out[n] = 0;
    return n > 0;
}

int ovp_parse_real(const char *text, double *out) {
    char plain[512];
    if (!strip_underscores(text, plain, sizeof plain)) return 0;
    /* strtod also takes blanks and hexadecimal: neither is a number here. */
    const char *digits = plain + (*plain == '-' || *plain == '+');
    if (strcmp(digits, "inf") != 0 && strcmp(digits, "nan") != 0) {
        if (!isdigit((unsigned char)*digits) && *digits != '.') return 0;
        if (strchr(digits, 'x') || strchr(digits, 'X')) return 0;
    }
    char *end;
    double value = to_double(plain, &end);
    if (end == plain || *end) return 0;
    *out = value;
    return 1;
}

int ovp_parse_int(const char *text, int64_t *out) {
    char plain[512];
    if (!strip_underscores(text, plain, sizeof plain)) return 0;
    const char *p = plain + (*plain == '-' || *plain == '+');
    int64_t value = 0;
    int decimal = *p != 0;
    for (const char *q = p; *q && decimal; q++) {
        if (!isdigit((unsigned char)*q))
            decimal = 0;
        else if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
                 __builtin_sub_overflow(value, (int64_t)(*q - '0'), &value))
            return 0; /* summed downwards: INT64_MIN has no positive twin */
    }
    if (decimal) {
        if (*plain != '-' && __builtin_sub_overflow((int64_t)0, value, &value)) return 0;
        *out = value;
        return 1;
    }
    double real;
    if (!ovp_parse_real(text, &real) || real != floor(real) || !(fabs(real) < 0x1p63)) return 0;
    *out = (int64_t)real;
    return 1;
}

int ovp_edit_distance(const char *a, const char *b) {
    enum { MAX = 64 };
    int la = (int)strnlen(a, MAX - 1), lb = (int)strnlen(b, MAX - 1);
    int row[3][MAX]; /* two rows back for transpositions */
    for (int j = 0; j <= lb; j++) row[0][j] = j;
    for (int i = 1; i <= la; i++) {
        int *now = row[i % 3], *before = row[(i + 2) % 3], *two = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= lb; j++) {
            int best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best) best = before[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two[j - 2] + 1 < best)
                best = two[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[la % 3][lb];
}

/* ---- growing text -------------------------------------------------------------------------------- */

static int text_reserve(ovp_text *text, size_t extra) {
    if (text->failed) return 0;
    size_t needed = text->length + extra + 1;
    if (needed <= text->capacity) return 1;
    size_t capacity = text->capacity ? text->capacity : 256;
    while (capacity < needed) capacity *= 2;
    char *data;
    if (ovp_alloc(text->ctx, &data, (ovp_idx)capacity, 1) != OVP_OK) {
        text->failed = 1;
        return 0;
    }
    if (text->data) memcpy(data, text->data, text->length);
    ovp_free(text->ctx, text->data);
    text->data = data;
    text->capacity = capacity;
    return 1;
}

void ovp_text_add_bytes(ovp_text *text, const void *bytes, size_t count) {
    if (!text_reserve(text, count)) return;
    if (count) memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = 0;
}

void ovp_text_add(ovp_text *text, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length >= 0 && text_reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void ovp_text_free(ovp_text *text) {
    if (text->ctx) ovp_free(text->ctx, text->data);
    text->data = NULL;
    text->length = text->capacity = 0;
    text->failed = 0;
}

ovp_status ovp_text_status(ovp_text *text) {
    return text->failed ? ovp_fail(text->ctx, OVP_ENOMEM, "out of memory: text of %zu bytes", text->length) : OVP_OK;
}
