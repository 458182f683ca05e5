/* gzip (RFC 1952) through zlib, with a limit on what comes out. */
#include "io/io_int.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#define CHUNK ((size_t)1 << 30) /* zlib counts in 32 bits */

typedef struct sink {
    char *data;
    size_t used, capacity;
} sink;

static ovp_status enlarge(sink *out, ovp_ctx *ctx, size_t wanted) {
    char *larger = NULL;
    ovp_status status = ovp_alloc(ctx, &larger, (ovp_idx)wanted, 1);
    if (status != OVP_OK) return status;
    if (out->used) memcpy(larger, out->data, out->used);
    ovp_free(ctx, out->data);
    out->data = larger;
    out->capacity = wanted;
    return OVP_OK;
}

/* First guess of the unpacked size: the trailer's claim (modulo 2^32), believed only as far as the format allows. */
static size_t first_size(const unsigned char *data, size_t bytes, int64_t limit) {
    uint64_t claim = 4096, most = (uint64_t)bytes * OVP_IO_DEFLATE_RATIO + 64;
    if (bytes >= 18)
        claim = (uint64_t)data[bytes - 4] | (uint64_t)data[bytes - 3] << 8 | (uint64_t)data[bytes - 2] << 16 |
                (uint64_t)data[bytes - 1] << 24;
    if (claim > most) claim = most;
    if (claim > (uint64_t)limit) claim = (uint64_t)limit;
    return (size_t)claim + 2;
}

static int more_members(const unsigned char *left, size_t bytes) {
    return bytes >= 2 && left[0] == 0x1f && left[1] == 0x8b;
}

ovp_status ovp_io_gunzip(char **out, size_t *out_bytes, ovp_ctx *ctx, const char *name, const void *data, size_t bytes,
                         int64_t limit) {
    ovp_status status = OVP_OK;
    const unsigned char *in = data;
    sink to = {0};
    size_t at = 0;
    z_stream z = {0};
    assert(out && out_bytes && name && (data || !bytes) && limit >= 0);
    *out = NULL;
    *out_bytes = 0;
    if (bytes < 18 || !more_members(in, bytes))
        return ovp_fail(ctx, OVP_EFORMAT, "%s: not a gzip file (%zu bytes; magic 1f 8b and at least 18 bytes expected)",
                        name, bytes);
    if (inflateInit2(&z, 15 + 16) != Z_OK) return ovp_fail(ctx, OVP_ENOMEM, "%s: no memory to unpack gzip", name);
    OVP_TRY(enlarge(&to, ctx, first_size(in, bytes, limit)));
    for (;;) {
        if (to.used > (uint64_t)limit) {
            status = ovp_fail(ctx, OVP_ELIMIT, "%s: unpacks to more than the limit of %lld bytes (packed: %zu bytes)",
                              name, (long long)limit, bytes);
            goto done;
        }
        if (to.used + 1 == to.capacity) {
            size_t wanted = 2 * to.capacity, most = (size_t)limit + 2;
            OVP_TRY(enlarge(&to, ctx, wanted < most ? wanted : most));
        }
        size_t feed = bytes - at < CHUNK ? bytes - at : CHUNK, room = to.capacity - 1 - to.used;
        if (room > CHUNK) room = CHUNK;
        z.next_in = (unsigned char *)(uintptr_t)(in + at); /* zlib never writes there; its type lacks the const */
        z.avail_in = (unsigned)feed;
        z.next_out = (unsigned char *)to.data + to.used;
        z.avail_out = (unsigned)room;
        int code = inflate(&z, Z_NO_FLUSH);
        at += feed - z.avail_in;
        to.used += room - z.avail_out;
        if (code == Z_STREAM_END) {
            if (!more_members(in + at, bytes - at)) break;
            inflateReset(&z);
        } else if (code == Z_MEM_ERROR) {
            status = ovp_fail(ctx, OVP_ENOMEM, "%s: no memory to unpack gzip", name);
            goto done;
        } else if (code != Z_OK && !(code == Z_BUF_ERROR && at < bytes)) {
            status = ovp_fail(ctx, OVP_EFORMAT, "%s: damaged gzip at byte %zu of %zu: %s", name, at, bytes,
                              code == Z_BUF_ERROR ? "the file ends early"
                              : z.msg             ? z.msg
                                                  : "invalid stream");
            goto done;
        } else if (at == bytes && z.avail_out > 0) {
            status =
                ovp_fail(ctx, OVP_EFORMAT, "%s: damaged gzip at byte %zu of %zu: the file ends early", name, at, bytes);
            goto done;
        }
    }
    for (size_t i = at; i < bytes; i++) {
        if (!in[i]) continue; /* tapes and some tools pad with zeros */
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: damaged gzip: %zu bytes that do not belong follow byte %zu", name,
                          bytes - at, at);
        goto done;
    }
    if (to.used > (uint64_t)limit) {
        status = ovp_fail(ctx, OVP_ELIMIT, "%s: unpacks to more than the limit of %lld bytes (packed: %zu bytes)", name,
                          (long long)limit, bytes);
        goto done;
    }
    to.data[to.used] = 0;
    *out = to.data;
    *out_bytes = to.used;
    to.data = NULL;
done:
    inflateEnd(&z);
    ovp_free(ctx, to.data);
    return status;
}
