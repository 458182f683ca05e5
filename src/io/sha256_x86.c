/* SHA-256's compression with the processor's own instructions for it (Intel SHA extensions): for processors that have
 * them about six times as fast as the plain form beside it. */
#include "io/io_int.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

int ovp_io_sha256_has_instructions(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* The state lies in two registers as the instructions want it, {a b e f} and {c d g h}; w[t & 3] holds four words of
 * the message schedule, and each pass of the loop does four rounds and makes the four words needed sixteen later. */
__attribute__((target("sha,sse4.1,ssse3"))) void ovp_io_sha256_blocks_x86(uint32_t h[8], const unsigned char *data,
                                                                          size_t blocks, const uint32_t k[64]) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)h);
    const __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; blocks > 0; blocks--, data += 64) {
        const __m128i abef0 = abef, cdgh0 = cdgh;
        __m128i w[4];
#pragma GCC unroll 16
        for (int t = 0; t < 16; t++) {
            __m128i *now = &w[t & 3];
            if (t < 4)
                *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + 16 * t)), big_endian);
            else {
                const __m128i one = w[(t + 1) & 3], two = w[(t + 2) & 3], three = w[(t + 3) & 3];
                *now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, one), _mm_alignr_epi8(three, two, 4));
                *now = _mm_sha256msg2_epu32(*now, three);
            }
            const __m128i sum = _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(const void *)(k + 4 * t)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#else
int ovp_io_sha256_has_instructions(void) {
    return 0;
}

void ovp_io_sha256_blocks_x86(uint32_t h[8], const unsigned char *data, size_t blocks, const uint32_t k[64]) {
    (void)h, (void)data, (void)blocks, (void)k;
}
#endif
