/* Residual nets with features in the lanes: weights of a block are rows of registers, a sample's features are broadcast
 * one by one. Blocks of samples (product) or of rows of the gradient are what stays in registers. */
#include "net/hot/residual_fused.h"

enum { BLOCK = OVP_NET_RESIDUAL_BLOCK };

/* Samples of a block by registers of a row: 8 sums at work hide the latency, 32 registers hold 16 of them. */
#if defined(__AVX512F__)
enum { SAMPLES_1 = 16, SAMPLES_2 = 8, SAMPLES_4 = 4, ROWS = 8 };
#else
enum { SAMPLES_1 = 8, SAMPLES_2 = 4, SAMPLES_4 = 2, ROWS = 4 };
#endif

typedef struct shape {
    ovp_idx n, k, width, lda;
} shape;

ALWAYS_INLINE void product_block(const int samples, const int wide, const shape *s, const real *a, const real *b,
                                 const real *start, real *c) {
    const ovp_idx width = s->width, lda = s->lda;
    vec sum[BLOCK][4];
#pragma GCC unroll 16
    for (int i = 0; i < samples; i++)
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++) sum[i][v] = start ? vectors(start + i * width)[v] : (vec){0};
    for (ovp_idx k = 0; k < s->k; k++, b += width) {
        vec w[4];
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++) w[v] = vectors(b)[v];
#pragma GCC unroll 16
        for (int i = 0; i < samples; i++)
#pragma GCC unroll 4
            for (int v = 0; v < wide; v++) sum[i][v] = sum[i][v] + a[i * lda + k] * w[v];
    }
#pragma GCC unroll 16
    for (int i = 0; i < samples; i++)
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++) ((vec *)(void *)(c + i * width))[v] = sum[i][v];
}

ALWAYS_INLINE void product_strip(const int samples, const int wide, const shape *s, const real *a, const real *b,
                                 const real *start, real *c) {
    for (ovp_idx i = 0; i < s->n; i += samples) {
        real *to = c + i * s->width;
        if (start)
            product_block(samples, wide, s, a + i * s->lda, b, start + i * s->width, to);
        else
            product_block(samples, wide, s, a + i * s->lda, b, NULL, to);
    }
}

/* Rows of one or two registers, of samples and of sums alike, have their code: as variables the strides of a block take
 * more registers than there are. */
ALWAYS_INLINE int product_fixed(const int wide, const shape *s, const real *a, const real *b, const real *start,
                                real *c) {
    const shape fixed = {s->n, s->k, wide * LANES, wide * LANES};
    if (s->width != wide * LANES || s->lda != wide * LANES) return 0;
    product_strip(wide == 1 ? SAMPLES_1 : SAMPLES_2, wide, &fixed, a, b, start, c);
    return 1;
}

static void product(ovp_idx n, ovp_idx k, ovp_idx width, const void *a, ovp_idx lda, const void *b_, const void *start_,
                    void *c_) {
    const shape s = {n, k, width, lda};
    const real *b = b_, *start = start_;
    real *c = c_;
    ovp_idx j = 0;
    if (product_fixed(1, &s, a, b, start, c) || product_fixed(2, &s, a, b, start, c)) return;
    for (; j + 4 * LANES <= width; j += 4 * LANES)
        product_strip(SAMPLES_4, 4, &s, a, b + j, start ? start + j : NULL, c + j);
    for (; j + 2 * LANES <= width; j += 2 * LANES)
        product_strip(SAMPLES_2, 2, &s, a, b + j, start ? start + j : NULL, c + j);
    for (; j < width; j += LANES) product_strip(SAMPLES_1, 1, &s, a, b + j, start ? start + j : NULL, c + j);
}

ALWAYS_INLINE void gradient_block(const int rows, const int wide, const shape *s, const real *a, const real *b,
                                  real *g) {
    const ovp_idx width = s->width;
    vec sum[ROWS][4];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++) sum[r][v] = vectors(g + r * width)[v];
    for (ovp_idx i = 0; i < s->n; i++, a += s->lda, b += width) {
        vec x[4];
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++) x[v] = vectors(b)[v];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < wide; v++) sum[r][v] = sum[r][v] + a[r] * x[v];
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++) ((vec *)(void *)(g + r * width))[v] = sum[r][v];
}

ALWAYS_INLINE void gradient_strip(const int most, const int wide, const shape *s, const real *a, const real *b,
                                  real *g) {
    const ovp_idx piece = even_piece(s->k, most);
    for (ovp_idx r = 0; r < s->k; r += piece) {
        const ovp_idx rows = s->k - r < piece ? s->k - r : piece;
#define CALL(count) gradient_block(count, wide, s, a + r, b, g + r * s->width)
#if defined(__AVX512F__)
        OVP_SWITCH_8(rows, CALL)
#else
        OVP_SWITCH_4(rows, CALL)
#endif
#undef CALL
    }
}

static void gradient(ovp_idx n, ovp_idx m, ovp_idx width, const void *a, ovp_idx lda, const void *b_, void *g_) {
    const shape s = {n, m, width, lda};
    const real *b = b_;
    real *g = g_;
    ovp_idx j = 0;
    if (width == LANES && lda == LANES) {
        const shape fixed = {n, m, LANES, LANES};
        gradient_strip(ROWS, 1, &fixed, a, b, g);
        return;
    }
    for (; j + 2 * LANES <= width; j += 2 * LANES) gradient_strip(ROWS, 2, &s, a, b + j, g + j);
    for (; j < width; j += LANES) gradient_strip(ROWS, 1, &s, a, b + j, g + j);
}

static void step(ovp_idx count, double by_, const void *t_, const void *h_, void *out_) {
    const vec *t = vectors(t_), *h = h_ ? vectors(h_) : NULL;
    vec *out = out_;
    const vec by = splat((real)by_);
    for (ovp_idx i = 0; h && i < count / LANES; i++) out[i] = h[i] + by * t[i];
    for (ovp_idx i = 0; !h && i < count / LANES; i++) out[i] = by * t[i];
}

static void tanh_slope(ovp_idx count, double by_, const void *t_, const void *g_, void *out_) {
    const vec *t = vectors(t_), *g = vectors(g_);
    vec *out = out_;
    const vec by = splat((real)by_);
    for (ovp_idx i = 0; i < count / LANES; i++) out[i] = by * g[i] * ((real)1 - t[i] * t[i]);
}

extern const ovp_net_residual_kernels OVP_HOT(ovp_net_residual_kernels);
const ovp_net_residual_kernels OVP_HOT(ovp_net_residual_kernels) = {.lanes = LANES,
                                                                    .product = product,
                                                                    .gradient = gradient,
                                                                    .step = step,
                                                                    .tanh_slope = tanh_slope,
                                                                    .tanh = &OVP_HOT(ovp_net_residual_tanh)};
