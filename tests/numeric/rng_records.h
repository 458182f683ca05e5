/* Reading of recorded streams: see docs/random.md, "Test vectors". Included by the stream tests alone. */
#ifndef OVP_TESTS_RNG_RECORDS_H
#define OVP_TESTS_RNG_RECORDS_H

#include <overparam/numeric.h>

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline json_t *records_load(const char *name) {
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof(path), "%s/numeric/data/%s", OVP_TEST_DIR, name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) fail_msg("%s: %s (line %d)", path, error.text, error.line);
    return root;
}

static inline size_t records_size(const char *type) {
    return strcmp(type, "f32") ? 8 : 4;
}

/* FNV-1a, 64 bits, over bytes in memory order: the records are little endian, as every processor these tests run on. */
static inline uint64_t records_fnv(const void *data, size_t bytes) {
    const unsigned char *p = data;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* One expected value against values[i], bit for bit. `hex` is the element of the _hex list, NULL for integers. */
static inline void records_value(const char *where, const char *type, const json_t *plain, const json_t *hex,
                                 const void *values, ovp_idx i) {
    if (!strcmp(type, "i64")) {
        long long got = ((const int64_t *)values)[i];
        if (got != json_integer_value(plain)) {
            fail_msg("%s [%lld]: %lld, expected %lld", where, (long long)i, got, json_integer_value(plain));
        }
        return;
    }
    double expected = strtod(json_string_value(hex), NULL), got;
    if (!strcmp(type, "f32")) {
        float narrow = (float)expected;
        got = (double)((const float *)values)[i];
        if (!memcmp(&narrow, (const float *)values + i, sizeof(narrow))) return;
    } else {
        got = ((const double *)values)[i];
        if (!memcmp(&expected, &got, sizeof(got))) return;
    }
    fail_msg("%s [%lld]: %a, expected %a", where, (long long)i, got, expected);
}

static inline void records_list(const char *where, const json_t *out, const char *key, const void *values,
                                ovp_idx start) {
    const char *type = json_string_value(json_object_get(out, "t"));
    char hex_key[16];
    snprintf(hex_key, sizeof(hex_key), "%s_hex", key);
    const json_t *plain = json_object_get(out, key), *hex = json_object_get(out, hex_key);
    for (size_t i = 0; i < json_array_size(plain); i++) {
        records_value(where, type, json_array_get(plain, i), json_array_get(hex, i), values, start + (ovp_idx)i);
    }
}

/* All n values: those printed one by one, the rest through the hash. */
static inline void records_compare(const char *where, const json_t *out, const char *type, ovp_idx n,
                                   const void *values) {
    const json_t *fnv = json_object_get(out, "fnv");
    assert_non_null(fnv);
    assert_string_equal(json_string_value(json_object_get(out, "t")), type);
    assert_int_equal(json_integer_value(json_object_get(out, "n")), n);
    records_list(where, out, "all", values, 0);
    records_list(where, out, "first", values, 0);
    records_list(where, out, "last", values, n - (ovp_idx)json_array_size(json_object_get(out, "last")));
    char hash[32];
    snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)records_fnv(values, (size_t)n * records_size(type)));
    if (strcmp(hash, json_string_value(fnv))) {
        fail_msg("%s: hash of %lld values %s, expected %s", where, (long long)n, hash, json_string_value(fnv));
    }
}

#endif
