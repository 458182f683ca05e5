/* What is known of every row of one side before any pair: lengths, diagonal, and for nets the variances of all layers.
 */
#include "kernel/functions_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { CHUNK = 256 };

const void *ovp_kernel_row(const ovp_kernel_rows *rows, ovp_idx i) {
    return rows->x + (size_t)(i * rows->d) * ovp_numeric_type_size(rows->type);
}

static double value_at(ovp_numeric_type type, const void *row, ovp_idx k) {
    return type == OVP_F32 ? (double)((const float *)row)[k] : ((const double *)row)[k];
}

/* ---- lengths ------------------------------------------------------------------------------------------------ */

typedef struct job {
    const ovp_kernel *kernel;
    ovp_kernel_rows *rows;
    const ovp_kernel_point_kernels *points;
    const char *name; /* of the matrix, for messages */
    double *sums;     /* of every chunk of rows: of its columns, and of its squares; or NULL */
    ovp_idx *nonzeros;
} job;

/* The square is not a number the products could bear: says which value, or that the row is too long. */
static ovp_status refuse_row(ovp_ctx *ctx, const job *j, ovp_idx i, const void *row) {
    for (ovp_idx k = 0; k < j->rows->d; k++) {
        const double v = value_at(j->rows->type, row, k);
        if (!isfinite(v))
            return ovp_fail(ctx, OVP_EINVAL, "kernel: %s, row %lld, column %lld is %g; values must be finite", j->name,
                            (long long)i, (long long)k, v);
    }
    return ovp_fail(ctx, OVP_EINVAL, "kernel: the squared length of row %lld of %s overflows %s; scale the data down",
                    (long long)i, j->name, ovp_numeric_type_name(j->rows->type));
}

static ovp_status length_of(ovp_ctx *ctx, const job *j, ovp_idx i) {
    ovp_kernel_rows *r = j->rows;
    const ovp_idx chunk = i / CHUNK;
    double *sums = j->sums ? j->sums + chunk * (r->d + 1) : NULL;
    const void *row = ovp_kernel_row(r, i);
    const double most = r->type == OVP_F32 ? 0.1 * (double)FLT_MAX : 0.1 * DBL_MAX;
    const double square = r->shift ? j->points->difference(r->d, row, 1, r->shift, 1)
                                   : j->points->look(r->d, row, sums, &j->nonzeros[chunk]);
    if (!(square <= most)) return refuse_row(ctx, j, i, row);
    if (sums) sums[r->d] += square;
    r->square[i] = square;
    if (!r->scale) return OVP_OK;
    if (!(square > 0))
        return ovp_fail(ctx, OVP_EINVAL, "kernel: row %lld of %s has length 0 and cannot be normalised; drop it",
                        (long long)i, j->name);
    r->scale[i] = 1 / sqrt(square);
    r->square[i] = 1;
    return OVP_OK;
}

/* ---- nets --------------------------------------------------------------------------------------------------- */

/* From q = root^2 of the layer's inputs: E phi^2 and E phi'^2, those of the row before where it has the same q. */
static ovp_status moments(ovp_ctx *ctx, const ovp_kernel *kernel, ovp_kernel_variances *v, ovp_idx i, int first,
                          double q, double *last) {
    ovp_status status = OVP_OK;
    if (!first && !(q < *last || q > *last)) {
        v->square[i] = v->square[i - 1];
        v->slope[i] = v->slope[i - 1];
        return OVP_OK;
    }
    *last = q;
    OVP_TRY(ovp_kernel_dual_square(&v->square[i], ctx, kernel, q));
    if (kernel->slopes) OVP_TRY(ovp_kernel_dual_slope(&v->slope[i], ctx, kernel, q));
done:
    return status;
}

/* Variances of all rows of a chunk layer by layer, and Theta of a row with itself in diagonal. */
static ovp_status variances(ovp_ctx *ctx, const job *j, ovp_idx first, ovp_idx end) {
    const ovp_kernel *k = j->kernel;
    const ovp_idx depth = k->options.depth;
    ovp_kernel_rows *r = j->rows;
    double q[CHUNK], last = 0;
    ovp_status status = OVP_OK;
    for (ovp_idx i = first; i < end; i++) {
        q[i - first] = r->w0 * r->square[i] + k->b0;
        r->diagonal[i] = r->w0 * r->square[i] + k->t0;
    }
    for (ovp_idx l = 0; l <= depth; l++) {
        ovp_kernel_variances *v = &r->layer[l];
        const int ends = l + 1 == depth;
        for (ovp_idx i = first; i < end; i++) {
            const double now = q[i - first];
            if (!isfinite(now) || !isfinite(r->diagonal[i]))
                return ovp_fail(ctx, OVP_ENUMERIC,
                                "kernel: row %lld of %s: the kernel overflows at layer %lld; sigma_w is too large",
                                (long long)i, j->name, (long long)l);
            v->root[i] = sqrt(now);
            v->inverse[i] = now > 0 ? 1 / v->root[i] : 0;
            if (l == depth) continue;
            OVP_TRY(moments(ctx, k, v, i, i == first, now, &last));
            q[i - first] = k->w * v->square[i] + k->b;
            const double theta = k->slopes ? (ends ? k->slope : k->w) * r->diagonal[i] * v->slope[i] : 0;
            r->diagonal[i] = (ends ? k->value : k->w) * v->square[i] + (ends ? k->constant : k->t) + theta;
        }
    }
done:
    return status;
}

static ovp_status chunk_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    ovp_kernel_rows *r = j->rows;
    const ovp_idx first = task * CHUNK, end = first + CHUNK < r->count ? first + CHUNK : r->count;
    const ovp_kernel_point *p = &j->kernel->point;
    ovp_status status = OVP_OK;
    for (ovp_idx i = first; i < end; i++) OVP_TRY(length_of(worker, j, i));
    if (p->form == OVP_FORM_NET) return variances(worker, j, first, end);
    for (ovp_idx i = first; i < end; i++) {
        const double scale = p->scale > 0 ? p->scale : 1 / (double)r->d;
        r->diagonal[i] = p->form == OVP_FORM_POLYNOMIAL ? pow(scale * r->square[i] + p->offset, p->degree) : 1;
        if (!(r->diagonal[i] <= (r->type == OVP_F32 ? (double)FLT_MAX : DBL_MAX)))
            return ovp_fail(worker, OVP_ENUMERIC,
                            "kernel: row %lld of %s: the polynomial of degree %d overflows %s; scale the data down",
                            (long long)i, j->name, p->degree, ovp_numeric_type_name(r->type));
    }
done:
    return status;
}

/* ---- all -------------------------------------------------------------------------------------------------- */

static ovp_status make_layers(ovp_kernel_rows *r, ovp_ctx *ctx, const ovp_kernel *kernel) {
    const ovp_idx depth = kernel->options.depth, n = r->count;
    ovp_status status = ovp_alloc(ctx, &r->layer, depth + 1, sizeof *r->layer);
    for (ovp_idx l = 0; l <= depth && status == OVP_OK; l++) {
        double *room;
        status = ovp_alloc(ctx, &room, 4 * n, sizeof *room);
        if (status != OVP_OK) break;
        r->layer[l].root = room;
        r->layer[l].inverse = room + n;
        r->layer[l].square = room + 2 * n;
        r->layer[l].slope = room + 3 * n;
    }
    return status;
}

/* sums: as in job. */
static ovp_status make(ovp_kernel_rows *out, ovp_ctx *ctx, const ovp_kernel *kernel, const char *name, double *sums) {
    const int net = kernel->point.form == OVP_FORM_NET;
    const ovp_idx count = out->count, chunks = (count + CHUNK - 1) / CHUNK;
    job j = {kernel, out, ovp_kernel_point_kernels_for(ctx, out->type), name, sums, NULL};
    ovp_status status = OVP_OK;
    out->w0 = kernel->divided ? kernel->w0 / (double)out->d : kernel->w0;
    OVP_TRY(ovp_alloc(ctx, &j.nonzeros, chunks, sizeof *j.nonzeros));
    OVP_TRY(ovp_alloc(ctx, &out->square, count, sizeof *out->square));
    OVP_TRY(ovp_alloc(ctx, &out->diagonal, count, sizeof *out->diagonal));
    if (kernel->options.normalise) OVP_TRY(ovp_alloc(ctx, &out->scale, count, sizeof *out->scale));
    if (net) OVP_TRY(make_layers(out, ctx, kernel));
    OVP_TRY(ovp_parallel(ctx, chunks, chunk_task, &j));
    for (ovp_idx i = 0; i < chunks; i++) out->nonzeros += j.nonzeros[i];
    for (ovp_idx l = 0; net && kernel->dual == OVP_DUAL_SERIES && l < kernel->options.depth; l++) {
        ovp_kernel_variances *v = &out->layer[l];
        OVP_TRY(ovp_kernel_series_make(&v->phi, ctx, kernel, 0, count, v->root, v->square));
        if (kernel->slopes) OVP_TRY(ovp_kernel_series_make(&v->dphi, ctx, kernel, 1, count, v->root, v->slope));
    }
done:
    ovp_free(ctx, j.nonzeros);
    if (status != OVP_OK) ovp_kernel_rows_free(ctx, kernel, out);
    return status;
}

ovp_status ovp_kernel_rows_make(ovp_kernel_rows *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type,
                                ovp_idx d, ovp_idx count, const void *x, const void *shift, const char *name) {
    *out = (ovp_kernel_rows){.count = count, .d = d, .type = type, .x = x, .shift = shift};
    return make(out, ctx, kernel, name, NULL);
}

void ovp_kernel_rows_free(ovp_ctx *ctx, const ovp_kernel *kernel, ovp_kernel_rows *rows) {
    for (ovp_idx l = 0; rows->layer && l <= kernel->options.depth; l++) {
        ovp_free(ctx, rows->layer[l].root);
        ovp_kernel_series_free(ctx, &rows->layer[l].phi);
        ovp_kernel_series_free(ctx, &rows->layer[l].dphi);
    }
    ovp_free(ctx, rows->layer);
    ovp_free(ctx, rows->scale);
    ovp_free(ctx, rows->square);
    ovp_free(ctx, rows->diagonal);
    ovp_free(ctx, rows->turned);
    ovp_free(ctx, rows->packed);
    *rows = (ovp_kernel_rows){0};
}

/* ---- the common shift ----------------------------------------------------------------------------------------- */

/* Sums of all chunks in the first one's place; whether the rows lie further from 0 than from each other: |mean|^2 above
 * four times their variance. */
static int gains(double *sums, ovp_idx d, ovp_idx count) {
    const ovp_idx chunks = (count + CHUNK - 1) / CHUNK;
    double square = 0;
    for (ovp_idx k = 0; k <= d; k++) {
        for (ovp_idx c = 1; c < chunks; c++) sums[k] += sums[c * (d + 1) + k];
        sums[k] /= (double)count;
        if (k < d) square += sums[k] * sums[k];
    }
    return square > 4 * (sums[d] - square);
}

ovp_status ovp_kernel_rows_shift(ovp_kernel_rows *out, void **shift, ovp_ctx *ctx, const ovp_kernel *kernel,
                                 ovp_numeric_type type, ovp_idx d, ovp_idx count, const void *x, const char *name) {
    double *sums = NULL;
    ovp_status status = OVP_OK;
    *shift = NULL;
    if (kernel->point.form >= OVP_FORM_POLYNOMIAL || kernel->options.normalise)
        return ovp_kernel_rows_make(out, ctx, kernel, type, d, count, x, NULL, name);
    *out = (ovp_kernel_rows){.count = count, .d = d, .type = type, .x = x};
    OVP_TRY(ovp_alloc(ctx, &sums, (count + CHUNK - 1) / CHUNK * (d + 1), sizeof *sums));
    OVP_TRY(make(out, ctx, kernel, name, sums));
    if (!gains(sums, d, count)) goto done;
    ovp_kernel_rows_free(ctx, kernel, out);
    OVP_TRY(ovp_alloc(ctx, shift, d, ovp_numeric_type_size(type)));
    for (ovp_idx k = 0; k < d; k++)
        if (type == OVP_F32)
            ((float *)*shift)[k] = (float)sums[k];
        else
            ((double *)*shift)[k] = sums[k];
    status = ovp_kernel_rows_make(out, ctx, kernel, type, d, count, x, *shift, name);
done:
    ovp_free(ctx, sums);
    return status;
}
