/* numpy's npy files (numpy.lib.format, versions 1.0, 2.0 and 3.0). The header is a Python literal; only the one shape
 * of it that numpy writes is understood, and nothing in it is ever executed. */
#include "io/io_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define HEADER_LIMIT 65536 /* numpy refuses more than 10000 by default */

/* ---- header -------------------------------------------------------------------------------------- */

typedef struct header {
    ovp_numeric_type type;
    int big, fortran, ndim;
    ovp_idx shape[OVP_NUMERIC_MAX_DIMS];
} header;

typedef struct cursor {
    ovp_ctx *ctx;
    const char *name, *start, *at, *end;
} cursor;

static ovp_status fail_at(const cursor *c, const char *what) {
    ovp_io_shown near = ovp_io_show(c->at, (size_t)(c->end - c->at));
    return ovp_fail(c->ctx, OVP_EFORMAT, "%s: npy header, character %td: %s; found '%s'", c->name, c->at - c->start,
                    what, near.text);
}

static void skip_blanks(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) c->at++;
}

/* Takes one character if it comes next. */
static int take(cursor *c, char wanted) {
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted) return 0;
    c->at++;
    return 1;
}

static int take_word(cursor *c, const char *word) {
    size_t n = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return 0;
    c->at += n;
    return 1;
}

/* 'text' or "text" without escapes; *text points into the header. */
static ovp_status take_string(cursor *c, const char **text, size_t *length) {
    skip_blanks(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return fail_at(c, "a quoted string expected");
    char quote = *c->at;
    const char *from = c->at + 1, *to = from;
    while (to < c->end && *to != quote && *to != '\\') to++;
    if (to == c->end || *to == '\\') return fail_at(c, "the string does not end");
    *text = from;
    *length = (size_t)(to - from);
    c->at = to + 1;
    return OVP_OK;
}

static ovp_status take_descr(cursor *c, header *h) {
    static const struct {
        const char *code;
        ovp_numeric_type type;
    } known[] = {{"f4", OVP_F32}, {"f8", OVP_F64}, {"i8", OVP_I64}, {"i4", OVP_I32}, {"u1", OVP_U8}};
    const char *text;
    size_t length;
    skip_blanks(c);
    if (c->at < c->end && *c->at == '[') return fail_at(c, "structured types are not read; save plain columns");
    ovp_status status = take_string(c, &text, &length);
    if (status != OVP_OK) return status;
    for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
        if (length != 3 || memcmp(text + 1, known[k].code, 2) != 0) continue;
        int single = known[k].type == OVP_U8;
        if (!(text[0] == '<' || text[0] == '>' || text[0] == '=' || (text[0] == '|' && single))) continue;
        h->type = known[k].type;
        h->big = text[0] == '>' || (text[0] == '=' && OVP_IO_HOST_BIG);
        return OVP_OK;
    }
    ovp_io_shown shown = ovp_io_show(text, length);
    int objects = memchr(text, 'O', length) != NULL;
    return ovp_fail(c->ctx, OVP_EFORMAT, "%s: npy items of type '%s' are not read (f4 f8 i8 i4 u1 are)%s", c->name,
                    shown.text, objects ? "; arrays of Python objects could run code and are always refused" : "");
}

static ovp_status take_shape(cursor *c, header *h) {
    if (!take(c, '(')) return fail_at(c, "shape must be a tuple such as (3, 4)");
    int comma = 1; /* between two numbers one must stand */
    for (h->ndim = 0; !take(c, ')');) {
        int64_t extent = 0;
        const char *from = (skip_blanks(c), c->at);
        if (!comma) return fail_at(c, "',' or ')' expected");
        if (h->ndim == OVP_NUMERIC_MAX_DIMS) return fail_at(c, "more than 8 dimensions");
        for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
            if (__builtin_mul_overflow(extent, 10, &extent) || __builtin_add_overflow(extent, *c->at - '0', &extent))
                return fail_at(c, "extent too large");
        if (c->at == from) return fail_at(c, "an extent of at least 0 expected");
        if (c->at < c->end && *c->at == 'L') c->at++; /* Python 2 */
        h->shape[h->ndim++] = extent;
        comma = take(c, ',');
    }
    if (h->ndim == 1 && !comma) return fail_at(c, "(n) is a number in Python; a tuple (n,) expected");
    return OVP_OK;
}

static ovp_status take_header(cursor *c, header *h) {
    enum { DESCR = 1, FORTRAN = 2, SHAPE = 4, ALL = 7 };
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    int seen = 0;
    if (!take(c, '{')) return fail_at(c, "'{' expected");
    while (!take(c, '}')) {
        const char *key;
        size_t length;
        int bit = 0;
        ovp_status status = take_string(c, &key, &length);
        if (status != OVP_OK) return status;
        for (int k = 0; k < 3; k++)
            if (length == strlen(keys[k]) && memcmp(key, keys[k], length) == 0) bit = 1 << k;
        if (!bit || seen & bit) return fail_at(c, bit ? "a key stands twice" : "unknown key");
        seen |= bit;
        if (!take(c, ':')) return fail_at(c, "':' expected");
        if (bit == DESCR) status = take_descr(c, h);
        if (bit == SHAPE) status = take_shape(c, h);
        if (status != OVP_OK) return status;
        if (bit == FORTRAN) {
            h->fortran = take_word(c, "True");
            if (!h->fortran && !take_word(c, "False")) return fail_at(c, "True or False expected");
        }
        if (!take(c, ',')) {
            if (!take(c, '}')) return fail_at(c, "',' or '}' expected");
            break;
        }
    }
    skip_blanks(c);
    if (c->at != c->end) return fail_at(c, "nothing more expected");
    if (seen != ALL) return fail_at(c, "descr, fortran_order and shape are all needed");
    return OVP_OK;
}

/* ---- items --------------------------------------------------------------------------------------- */

int ovp_io_extent(int64_t *count, int ndim, const ovp_idx *shape, size_t size) {
    int64_t product = 1, bytes;
    int empty = 0;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0) return 0;
        if (!shape[d]) empty = 1;
    }
    *count = 0;
    if (empty) return 1;
    for (int d = 0; d < ndim; d++)
        if (__builtin_mul_overflow(product, shape[d], &product)) return 0;
    *count = product;
    return !__builtin_mul_overflow(product, (int64_t)size, &bytes);
}

void ovp_io_swap(void *dst, const void *src, ovp_idx count, size_t size) {
    unsigned char *to = dst;
    const unsigned char *from = src;
    if (size == 1) {
        if (count) memcpy(to, from, (size_t)count);
        return;
    }
    for (ovp_idx i = 0; i < count; i++, to += size, from += size)
        for (size_t b = 0; b < size; b++) to[b] = from[size - 1 - b];
}

void ovp_io_copy_items(void *dst, const void *src, ovp_idx count, size_t size, int big) {
    if (big != OVP_IO_HOST_BIG)
        ovp_io_swap(dst, src, count, size);
    else if (count)
        memcpy(dst, src, (size_t)count * size);
}

/* Fortran order (first index fastest) to C order, item by item: walks C order, keeping the offset in the source. */
static void reorder(ovp_numeric_array *out, const unsigned char *from, ovp_idx count, size_t size) {
    ovp_idx index[OVP_NUMERIC_MAX_DIMS] = {0}, stride[OVP_NUMERIC_MAX_DIMS], step = 1, offset = 0;
    unsigned char *to = out->data;
    for (int d = 0; d < out->ndim; d++) {
        stride[d] = step;
        step *= out->shape[d];
    }
    for (ovp_idx i = 0; i < count; i++, to += size) {
        memcpy(to, from + (size_t)offset * size, size);
        for (int d = out->ndim - 1; d >= 0; d--) {
            offset += stride[d];
            if (++index[d] < out->shape[d]) break;
            offset -= stride[d] * out->shape[d];
            index[d] = 0;
        }
    }
}

ovp_status ovp_io_npy_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes) {
    ovp_status status = OVP_OK;
    const unsigned char *in = data;
    header h = {.type = OVP_U8};
    int64_t count;
    assert(out && name && (data || !bytes));
    *out = (ovp_numeric_array){0};
    if (bytes < 10 || memcmp(in, MAGIC, 6) != 0)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: not an npy file (%zu bytes; it must begin with \\x93NUMPY)", name,
                        bytes);
    if (in[6] < 1 || in[6] > 3)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: npy version %d.%d is unknown (1 to 3 are read)", name, in[6], in[7]);
    size_t start = in[6] == 1 ? 10 : 12, length = (size_t)in[8] | (size_t)in[9] << 8;
    if (bytes < start) return ovp_fail(ctx, OVP_EFORMAT, "%s: npy file ends within its first %zu bytes", name, start);
    if (start == 12) length |= (size_t)in[10] << 16 | (size_t)in[11] << 24;
    if (length > HEADER_LIMIT)
        return ovp_fail(ctx, OVP_ELIMIT, "%s: npy header claims %zu bytes; %d is the limit", name, length,
                        HEADER_LIMIT);
    if (length > bytes - start)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: npy header claims %zu bytes, %zu follow", name, length, bytes - start);

    const char *text = (const char *)in + start;
    cursor c = {ctx, name, text, text, text + length};
    OVP_TRY(take_header(&c, &h));
    size_t size = ovp_numeric_type_size(h.type), payload = bytes - start - length;
    if (!ovp_io_extent(&count, h.ndim, h.shape, size))
        return ovp_fail(ctx, OVP_EFORMAT,
                        "%s: npy header claims more items of %zu bytes than can be addressed, %zu bytes follow it",
                        name, size, payload);
    if ((uint64_t)count * size != payload)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: npy header claims %lld items of %zu bytes, %zu bytes follow it", name,
                        (long long)count, size, payload);
    OVP_TRY(ovp_numeric_array_create(out, ctx, h.type, h.ndim, h.shape));
    in += start + length;
    if (h.fortran && h.ndim > 1)
        reorder(out, in, count, size);
    else if (payload)
        memcpy(out->data, in, payload);
    if (h.big != OVP_IO_HOST_BIG && size > 1) {
        unsigned char item[8];
        unsigned char *at = out->data;
        for (ovp_idx i = 0; i < count; i++, at += size) {
            memcpy(item, at, size);
            ovp_io_swap(at, item, 1, size);
        }
    }
done:
    if (status != OVP_OK) ovp_numeric_array_free(ctx, out);
    return status;
}

ovp_status ovp_io_npy_read(ovp_numeric_array *out, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && path);
    *out = (ovp_numeric_array){0};
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_FILE_LIMIT, 0));
    OVP_TRY(ovp_io_npy_parse(out, ctx, path, data, bytes));
done:
    ovp_free(ctx, data);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------- */

void ovp_io_npy_header(ovp_text *text, const ovp_numeric_array *array) {
    static const char *const codes[] = {
        [OVP_F32] = "f4", [OVP_F64] = "f8", [OVP_I64] = "i8", [OVP_I32] = "i4", [OVP_U8] = "u1"};
    char dict[512];
    size_t room = sizeof(dict);
    int n = snprintf(dict, room, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                     array->type == OVP_U8 ? '|'
                     : OVP_IO_HOST_BIG     ? '>'
                                           : '<',
                     codes[array->type]);
    for (int d = 0; d < array->ndim; d++)
        n += snprintf(dict + n, room - (size_t)n, "%s%lld", d ? ", " : "", (long long)array->shape[d]);
    n += snprintf(dict + n, room - (size_t)n, "%s), }", array->ndim == 1 ? "," : "");
    /* Data start at a multiple of 64 bytes so that they can be mapped (numpy's ARRAY_ALIGN). */
    int pad = 63 - (10 + n) % 64, length = n + pad + 1;
    unsigned char head[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(length & 255), (unsigned char)(length >> 8)};
    ovp_text_add_bytes(text, head, sizeof(head));
    ovp_text_add_bytes(text, dict, (size_t)n);
    ovp_text_add(text, "%*s\n", pad, "");
}

ovp_status ovp_io_npy_write(ovp_ctx *ctx, const char *path, const ovp_numeric_array *array) {
    ovp_status status = OVP_OK;
    ovp_text head = {.ctx = ctx};
    assert(path && array);
    ovp_io_npy_header(&head, array);
    OVP_TRY(ovp_text_status(&head));
    ovp_io_part parts[] = {{head.data, head.length},
                           {array->data, (size_t)ovp_numeric_array_count(array) * ovp_numeric_type_size(array->type)}};
    OVP_TRY(ovp_io_write_parts(ctx, path, parts, 2));
done:
    ovp_text_free(&head);
    return status;
}
