/* JSON: jansson parses; the writer is ours because jansson prints 17 digits and the locale's decimal point. */
#include "io/io_int.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- parsing ------------------------------------------------------------------------------------- */

/* jansson recurses up to 2048 deep, and so does everything that walks the result; 64 is plenty here. */
static int too_deep(const char *data, size_t bytes, int *line) {
    int depth = 0, in_string = 0;
    *line = 1;
    for (size_t i = 0; i < bytes; i++) {
        char c = data[i];
        *line += c == '\n';
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = 0;
        } else if (c == '"') {
            in_string = 1;
        } else if (c == '{' || c == '[') {
            if (++depth > OVP_IO_JSON_DEPTH) return 1;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 0;
}

ovp_status ovp_io_json_parse(struct json_t **out, ovp_ctx *ctx, const char *name, const char *data, size_t bytes) {
    json_error_t error;
    int line;
    assert(out && name && (data || !bytes));
    *out = NULL;
    if (!bytes) return ovp_fail(ctx, OVP_EFORMAT, "%s: empty; a JSON text expected", name);
    if (too_deep(data, bytes, &line))
        return ovp_fail(ctx, OVP_EFORMAT, "%s: line %d: nested deeper than %d", name, line, OVP_IO_JSON_DEPTH);
    *out = json_loadb(data, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*out) return OVP_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return ovp_fail(ctx, OVP_ENOMEM, "%s: no memory for its %zu bytes of JSON", name, bytes);
    return ovp_fail(ctx, OVP_EFORMAT, "%s: line %d, column %d: %s", name, error.line, error.column,
                    ovp_io_show(error.text, strlen(error.text)).text);
}

ovp_status ovp_io_json_read(struct json_t **out, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && path);
    *out = NULL;
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_CONFIG_LIMIT, 0));
    OVP_TRY(ovp_io_json_parse(out, ctx, path, data, bytes));
done:
    ovp_free(ctx, data);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void add_string(ovp_text *text, const char *s, size_t n) {
    ovp_text_add_bytes(text, "\"", 1);
    for (size_t from = 0, i = 0; i <= n; i++) {
        unsigned char c = i < n ? (unsigned char)s[i] : 0;
        if (i < n && c >= 32 && c != '"' && c != '\\') continue;
        ovp_text_add_bytes(text, s + from, i - from);
        from = i + 1;
        if (i == n) break;
        if (c == '"' || c == '\\')
            ovp_text_add(text, "\\%c", c);
        else if (c == '\n')
            ovp_text_add_bytes(text, "\\n", 2);
        else if (c == '\t')
            ovp_text_add_bytes(text, "\\t", 2);
        else
            ovp_text_add(text, "\\u%04x", c);
    }
    ovp_text_add_bytes(text, "\"", 1);
}

/* A real keeps a point or exponent, so that it is read back as a real and -0 keeps its sign. */
static void add_real(ovp_text *text, double value) {
    char buffer[40];
    if (!isfinite(value)) {
        ovp_text_add_bytes(text, "null", 4);
        return;
    }
    size_t n = (size_t)ovp_format_real(buffer, value);
    ovp_text_add_bytes(text, buffer, n);
    if (!strpbrk(buffer, ".eE")) ovp_text_add_bytes(text, ".0", 2);
}

static void new_line(ovp_text *text, int indent, int level) {
    if (indent) ovp_text_add(text, "\n%*s", indent * level, "");
}

static void dump(ovp_text *text, const json_t *value, int indent, int level);

static void dump_array(ovp_text *text, const json_t *array, int indent, int level) {
    size_t n = json_array_size(array);
    int nested = 0; /* a list of plain values stays on one line */
    for (size_t i = 0; i < n; i++)
        nested |= json_is_object(json_array_get(array, i)) || json_is_array(json_array_get(array, i));
    int broken = indent && nested;
    ovp_text_add_bytes(text, "[", 1);
    for (size_t i = 0; i < n; i++) {
        if (i) ovp_text_add_bytes(text, ", ", indent && !broken ? 2 : 1);
        if (broken) new_line(text, indent, level + 1);
        dump(text, json_array_get(array, i), indent, level + 1);
    }
    if (broken) new_line(text, indent, level);
    ovp_text_add_bytes(text, "]", 1);
}

static void dump_object(ovp_text *text, const json_t *object, int indent, int level) {
    /* jansson's iterators take no const though they only read. */
    json_t *at = (json_t *)(uintptr_t)object;
    int first = 1;
    ovp_text_add_bytes(text, "{", 1);
    for (void *i = json_object_iter(at); i; i = json_object_iter_next(at, i), first = 0) {
        const char *key = json_object_iter_key(i);
        if (!first) ovp_text_add_bytes(text, ",", 1);
        new_line(text, indent, level + 1);
        add_string(text, key, strlen(key));
        ovp_text_add_bytes(text, ": ", indent ? 2 : 1);
        dump(text, json_object_iter_value(i), indent, level + 1);
    }
    if (!first) new_line(text, indent, level);
    ovp_text_add_bytes(text, "}", 1);
}

static void dump(ovp_text *text, const json_t *value, int indent, int level) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        dump_object(text, value, indent, level);
        break;
    case JSON_ARRAY:
        dump_array(text, value, indent, level);
        break;
    case JSON_STRING:
        add_string(text, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        ovp_text_add(text, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        add_real(text, json_real_value(value));
        break;
    case JSON_TRUE:
        ovp_text_add_bytes(text, "true", 4);
        break;
    case JSON_FALSE:
        ovp_text_add_bytes(text, "false", 5);
        break;
    case JSON_NULL:
        ovp_text_add_bytes(text, "null", 4);
        break;
    }
}

void ovp_io_json_dump(ovp_text *text, const struct json_t *value, int indent) {
    assert(text && value && indent >= 0);
    dump(text, value, indent, 0);
}

struct json_t *ovp_io_json_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}
