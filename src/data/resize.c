/* Bilinear resizing. The weights are those of a triangle filter, widened by the ratio where the image becomes smaller,
 * and byte images are computed in the fixed-point steps of Pillow's Resample.c (22 bits, horizontal pass first, each
 * pass rounded to bytes), so that the bytes are those of Image.resize(size, Image.BILINEAR). */
#include "data/data_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define BITS 22

/* One axis: output i is the sum over t < count[i] of weight[i * most + t] * input[first[i] + t]. */
typedef struct axis {
    ovp_idx in, out, most;
    ovp_idx *first, *count;
    double *weight;
    int32_t *fixed;
} axis;

struct ovp_data_resizer {
    ovp_idx rows, cols, to_rows, to_cols;
    axis across, down;
    void *between; /* rows x to_cols, of the largest type */
};

static ovp_status make_axis(axis *a, ovp_ctx *ctx, ovp_idx in, ovp_idx out) {
    ovp_status status = OVP_OK;
    const double ratio = (double)in / (double)out, wide = ratio > 1 ? ratio : 1;
    a->in = in;
    a->out = out;
    a->most = (ovp_idx)ceil(wide) * 2 + 1;
    OVP_TRY(ovp_alloc(ctx, &a->first, out, sizeof(*a->first)));
    OVP_TRY(ovp_alloc(ctx, &a->count, out, sizeof(*a->count)));
    OVP_TRY(ovp_alloc(ctx, &a->weight, out * a->most, sizeof(*a->weight)));
    OVP_TRY(ovp_alloc(ctx, &a->fixed, out * a->most, sizeof(*a->fixed)));
    for (ovp_idx i = 0; i < out; i++) {
        const double centre = ((double)i + 0.5) * ratio;
        double *weight = a->weight + i * a->most, sum = 0;
        ovp_idx from = (ovp_idx)(centre - wide + 0.5), to = (ovp_idx)(centre + wide + 0.5);
        if (from < 0) from = 0;
        if (to > in) to = in;
        for (ovp_idx t = from; t < to; t++) {
            double distance = fabs(((double)t - centre + 0.5) * (1 / wide));
            weight[t - from] = distance < 1 ? 1 - distance : 0;
            sum += weight[t - from];
        }
        a->first[i] = from;
        a->count[i] = to - from;
        for (ovp_idx t = 0; t < to - from; t++) {
            weight[t] /= sum;
            a->fixed[i * a->most + t] = (int32_t)(0.5 + weight[t] * (1 << BITS));
        }
    }
done:
    return status;
}

static void free_axis(ovp_ctx *ctx, axis *a) {
    ovp_free(ctx, a->first);
    ovp_free(ctx, a->count);
    ovp_free(ctx, a->weight);
    ovp_free(ctx, a->fixed);
}

ovp_status ovp_data_resizer_create(ovp_data_resizer **out, ovp_ctx *ctx, ovp_idx rows, ovp_idx cols, ovp_idx to_rows,
                                   ovp_idx to_cols) {
    ovp_status status = OVP_OK;
    ovp_data_resizer *r = NULL;
    assert(rows > 0 && cols > 0 && to_rows > 0 && to_cols > 0);
    *out = NULL;
    OVP_TRY(ovp_alloc(ctx, &r, 1, sizeof(*r)));
    *r = (ovp_data_resizer){.rows = rows, .cols = cols, .to_rows = to_rows, .to_cols = to_cols};
    OVP_TRY(make_axis(&r->across, ctx, cols, to_cols));
    OVP_TRY(make_axis(&r->down, ctx, rows, to_rows));
    OVP_TRY(ovp_alloc(ctx, &r->between, rows * to_cols, sizeof(double)));
    *out = r;
    r = NULL;
done:
    ovp_data_resizer_free(ctx, r);
    return status;
}

void ovp_data_resizer_free(ovp_ctx *ctx, ovp_data_resizer *resizer) {
    if (!resizer) return;
    free_axis(ctx, &resizer->across);
    free_axis(ctx, &resizer->down);
    ovp_free(ctx, resizer->between);
    ovp_free(ctx, resizer);
}

/* One line of pixels, `step` apart on both sides, along an axis. Weights are not negative and sum to 1 within one unit
 * in 2^22 each, so the rounded sum stays within a byte but for that: it is clipped as Pillow does. */
static void line_u8(const axis *a, const unsigned char *from, ovp_idx step, unsigned char *to, ovp_idx to_step) {
    for (ovp_idx i = 0; i < a->out; i++) {
        const int32_t *weight = a->fixed + i * a->most;
        const unsigned char *in = from + a->first[i] * step;
        int64_t sum = 1 << (BITS - 1);
        for (ovp_idx t = 0; t < a->count[i]; t++) sum += (int64_t)in[t * step] * weight[t];
        sum >>= BITS;
        to[i * to_step] = (unsigned char)(sum > 255 ? 255 : sum);
    }
}

static void line_f32(const axis *a, const float *from, ovp_idx step, float *to, ovp_idx to_step) {
    for (ovp_idx i = 0; i < a->out; i++) {
        const double *weight = a->weight + i * a->most;
        const float *in = from + a->first[i] * step;
        double sum = 0;
        for (ovp_idx t = 0; t < a->count[i]; t++) sum += (double)in[t * step] * weight[t];
        to[i * to_step] = (float)sum;
    }
}

static void line_f64(const axis *a, const double *from, ovp_idx step, double *to, ovp_idx to_step) {
    for (ovp_idx i = 0; i < a->out; i++) {
        const double *weight = a->weight + i * a->most, *in = from + a->first[i] * step;
        double sum = 0;
        for (ovp_idx t = 0; t < a->count[i]; t++) sum += in[t * step] * weight[t];
        to[i * to_step] = sum;
    }
}

static void line(const axis *a, ovp_numeric_type type, const void *from, ovp_idx at, ovp_idx step, void *to,
                 ovp_idx to_at, ovp_idx to_step) {
    if (type == OVP_U8)
        line_u8(a, (const unsigned char *)from + at, step, (unsigned char *)to + to_at, to_step);
    else if (type == OVP_F32)
        line_f32(a, (const float *)from + at, step, (float *)to + to_at, to_step);
    else
        line_f64(a, (const double *)from + at, step, (double *)to + to_at, to_step);
}

void ovp_data_resize(ovp_data_resizer *r, ovp_numeric_type type, ovp_idx channels, const void *from, void *to) {
    const size_t size = ovp_numeric_type_size(type), in = (size_t)(r->rows * r->cols) * size,
                 out = (size_t)(r->to_rows * r->to_cols) * size;
    for (ovp_idx c = 0; c < channels; c++) {
        const void *plane = (const char *)from + (size_t)c * in;
        void *made = (char *)to + (size_t)c * out;
        for (ovp_idx i = 0; i < r->rows; i++)
            line(&r->across, type, plane, i * r->cols, 1, r->between, i * r->to_cols, 1);
        for (ovp_idx j = 0; j < r->to_cols; j++) line(&r->down, type, r->between, j, r->to_cols, made, j, r->to_cols);
    }
}
