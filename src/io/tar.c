/* tar (POSIX.1-1988 ustar, and GNU's variant of its header): one member after another, nothing but plain files. */
#include "io/io_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 512

/* Offsets and lengths of the header's fields. */
enum { NAME = 0, SIZE = 124, SUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345, NAME_LENGTH = 100, PREFIX_LENGTH = 155 };

/* An octal field of `length` characters, padded with blanks or a 0; -1 if it is anything else (base-256 numbers, which
 * only sizes over 8 GiB need, included). */
static int64_t octal(const unsigned char *field, int length) {
    int64_t value = 0;
    int i = 0, digits = 0;
    while (i < length && field[i] == ' ') i++;
    for (; i < length && field[i] >= '0' && field[i] <= '7'; i++, digits++) value = value * 8 + (field[i] - '0');
    for (; i < length; i++)
        if (field[i] && field[i] != ' ') return -1;
    return digits ? value : -1;
}

static int sum_is_right(const unsigned char *header) {
    int64_t sum = 0;
    for (int i = 0; i < BLOCK; i++) sum += i >= SUM && i < SUM + 8 ? ' ' : header[i];
    return sum == octal(header + SUM, 8);
}

static int is_empty(const unsigned char *block) {
    for (int i = 0; i < BLOCK; i++)
        if (block[i]) return 0;
    return 1;
}

/* NULL: the name stays inside the folder that the archive is unpacked into. */
static const char *name_problem(const char *name) {
    if (!name[0]) return "has no name";
    if (name[0] == '/') return "has an absolute name";
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (!part[2] || part[2] == '/')) return "leads out of its folder";
    }
    return NULL;
}

static ovp_status fail_member(ovp_ctx *ctx, const char *name, size_t at, const char *member, const char *what) {
    return ovp_fail(ctx, OVP_EFORMAT, "%s: tar member '%s' at byte %zu %s", name,
                    ovp_io_show(member, strlen(member)).text, at, what);
}

ovp_status ovp_io_tar_next(ovp_io_tar_member *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes,
                           size_t *at) {
    const unsigned char *header = (const unsigned char *)data + *at;
    assert(out && name && (data || !bytes) && *at <= bytes);
    *out = (ovp_io_tar_member){0};
    if (bytes - *at < BLOCK)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: tar archive ends early: %zu bytes at byte %zu, a header has %d", name,
                        bytes - *at, *at, BLOCK);
    if (is_empty(header)) return OVP_OK;
    int posix = memcmp(header + MAGIC, "ustar\0", 6) == 0, gnu = memcmp(header + MAGIC, "ustar  ", 8) == 0;
    if ((!posix && !gnu) || !sum_is_right(header))
        return ovp_fail(ctx, OVP_EFORMAT, "%s: no ustar header at byte %zu (%s)", name, *at,
                        posix || gnu ? "its sum is wrong" : "another kind of file or of tar");
    /* GNU keeps other things where POSIX has the first part of the name. */
    if (posix && header[PREFIX])
        snprintf(out->name, sizeof(out->name), "%.*s/%.*s", PREFIX_LENGTH, (const char *)header + PREFIX, NAME_LENGTH,
                 (const char *)header + NAME);
    else
        snprintf(out->name, sizeof(out->name), "%.*s", NAME_LENGTH, (const char *)header + NAME);
    const char *problem = name_problem(out->name);
    if (problem) return fail_member(ctx, name, *at, out->name, problem);
    int64_t size = octal(header + SIZE, 12);
    switch (header[TYPE]) {
    case '0':
    case 0:
        break;
    case '5':
        size = 0;
        break;
    case '1':
    case '2':
        return fail_member(ctx, name, *at, out->name, "is a link; only files and folders are read");
    default:
        return fail_member(ctx, name, *at, out->name, "is neither a file nor a folder (write the archive as ustar)");
    }
    size_t left = bytes - *at - BLOCK;
    if (size < 0) return fail_member(ctx, name, *at, out->name, "has no readable size");
    if ((uint64_t)size > left) return fail_member(ctx, name, *at, out->name, "claims more bytes than the archive has");
    size_t padded = ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
    out->data = header + BLOCK;
    out->bytes = (size_t)size;
    *at += BLOCK + (padded < left ? padded : left);
    return OVP_OK;
}
