/* SHA-256 after FIPS 180-4 (sections 5.1.1, 5.3.3, 6.2). */
#include "io/io_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes (4.2.2). */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n) {
    return x >> n | x << (32 - n);
}

static void compress(uint32_t h[8], const unsigned char block[64]) {
    uint32_t w[64], s[8];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
               block[4 * t + 3];
    for (int t = 16; t < 64; t++) {
        uint32_t a = w[t - 15], b = w[t - 2];
        w[t] =
            (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10) + w[t - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[t - 16];
    }
    memcpy(s, h, sizeof(s));
    /* Instead of moving a..h along by one each round, their places turn: s[(i - t) mod 8] is the i-th of them. */
    for (int t0 = 0; t0 < 64; t0 += 8)
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++) {
            uint32_t a = s[(8 - r) & 7], b = s[(9 - r) & 7], c = s[(10 - r) & 7];
            uint32_t e = s[(12 - r) & 7], f = s[(13 - r) & 7], g = s[(14 - r) & 7], *d = &s[(11 - r) & 7];
            uint32_t *last = &s[(15 - r) & 7];
            uint32_t t1 =
                *last + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[t0 + r] + w[t0 + r];
            *d += t1;
            *last = t1 + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        }
    for (int i = 0; i < 8; i++) h[i] += s[i];
}

void ovp_io_sha256_blocks_plain(uint32_t h[8], const unsigned char *data, size_t blocks) {
    for (size_t b = 0; b < blocks; b++) compress(h, data + 64 * b);
}

/* fast: ovp_io_sha256_has_instructions, asked once a message (a virtual machine answers slowly). */
static void compress_blocks(uint32_t h[8], const unsigned char *data, size_t blocks, int fast) {
    if (fast)
        ovp_io_sha256_blocks_x86(h, data, blocks, K);
    else
        ovp_io_sha256_blocks_plain(h, data, blocks);
}

static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* The last `left` < 64 bytes of a message of `total` bytes, its padding and length; then h as hexadecimal digits. */
static void finish(uint32_t h[8], const unsigned char *last, size_t left, uint64_t total, int fast, char out[65]) {
    static const char hex[] = "0123456789abcdef";
    unsigned char tail[128] = {0};
    const size_t end = left < 56 ? 64 : 128;
    if (left) memcpy(tail, last, left);
    tail[left] = 0x80;
    for (int i = 0; i < 8; i++) tail[end - 1 - (size_t)i] = (unsigned char)(total * 8 >> (8 * i));
    compress_blocks(h, tail, end / 64, fast);
    for (int i = 0; i < 64; i++) out[i] = hex[h[i / 8] >> (28 - 4 * (i % 8)) & 15];
    out[64] = 0;
}

void ovp_io_sha256(const void *data, size_t bytes, char out[65]) {
    uint32_t h[8];
    const unsigned char *in = data;
    const int fast = ovp_io_sha256_has_instructions();
    assert((data || !bytes) && out);
    memcpy(h, START, sizeof(h));
    compress_blocks(h, in, bytes / 64, fast);
    finish(h, in ? in + bytes / 64 * 64 : NULL, bytes % 64, bytes, fast, out);
}

ovp_status ovp_io_sha256_file(char out[65], int64_t *bytes, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    uint32_t h[8];
    unsigned char buffer[1 << 14];
    uint64_t total = 0;
    const int fast = ovp_io_sha256_has_instructions();
    size_t held = 0; /* bytes in buffer; whole blocks are taken out at once */
    struct stat about;
    memcpy(h, START, sizeof(h));
    out[0] = 0;
    /* O_NONBLOCK: a FIFO of that name must not hang us. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return ovp_fail(ctx, errno == ENOENT ? OVP_ENOTFOUND : OVP_EIO, "%s: cannot be read: %s", path,
                        strerror(errno));
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        OVP_TRY(ovp_fail(ctx, OVP_EIO, "%s: is no plain file", path));
    for (;;) {
        ssize_t got = read(fd, buffer + held, sizeof(buffer) - held);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) OVP_TRY(ovp_fail(ctx, OVP_EIO, "%s: cannot be read: %s", path, strerror(errno)));
        if (got == 0) break;
        total += (uint64_t)got;
        held += (size_t)got;
        compress_blocks(h, buffer, held / 64, fast);
        memmove(buffer, buffer + held / 64 * 64, held % 64);
        held %= 64;
    }
    finish(h, buffer, held, total, fast, out);
    if (bytes) *bytes = (int64_t)total;
done:
    (void)close(fd);
    return status;
}
