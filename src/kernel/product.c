/* What the solvers share: products by all threads, checks of their arguments. */
#include "kernel/solve_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 64 };

typedef struct product {
    ovp_numeric_type type;
    int ta;
    ovp_idx m, n, k, lda, ldb, ldc;
    double alpha, beta;
    const char *a, *b;
    char *c;
} product;

static ovp_status product_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    (void)ctx;
    const product *p = arg;
    const size_t each = ovp_numeric_type_size(p->type);
    const ovp_idx row = task * BLOCK, rows = p->m - row < BLOCK ? p->m - row : BLOCK;
    ovp_numeric_gemm(p->type, p->ta, 0, rows, p->n, p->k, p->alpha, p->a + (size_t)(p->ta ? row : row * p->lda) * each,
                     p->lda, p->b, p->ldb, p->beta, p->c + (size_t)(row * p->ldc) * each, p->ldc);
    return OVP_OK;
}

ovp_status ovp_kernel_product(ovp_ctx *ctx, ovp_numeric_type type, int ta, ovp_idx m, ovp_idx n, ovp_idx k,
                              double alpha, const void *a, ovp_idx lda, const void *b, ovp_idx ldb, double beta,
                              void *c, ovp_idx ldc) {
    product p = {type, ta, m, n, k, lda, ldb, ldc, alpha, beta, a, b, c};
    const int blas = ovp_numeric_blas_begin();
    const ovp_status status = ovp_parallel(ctx, (m + BLOCK - 1) / BLOCK, product_task, &p);
    ovp_numeric_blas_end(blas);
    return status;
}

typedef struct finite_check {
    const char *what;
    ovp_numeric_type type;
    ovp_idx rows, cols;
    const void *values;
} finite_check;

static double value_at(ovp_numeric_type type, const void *values, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

/* Tasks are whole rows in order: the lowest failure is the first entry. */
static ovp_status finite_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const finite_check *f = arg;
    const ovp_idx end = (task + 1) * BLOCK < f->rows ? (task + 1) * BLOCK : f->rows;
    for (ovp_idx i = task * BLOCK; i < end; i++)
        for (ovp_idx j = 0; j < f->cols; j++) {
            const double v = value_at(f->type, f->values, i * f->cols + j);
            if (!isfinite(v))
                return ovp_fail(ctx, OVP_EINVAL, "%s: entry [%lld, %lld] is %g; finite numbers expected", f->what,
                                (long long)i, (long long)j, v);
        }
    return OVP_OK;
}

ovp_status ovp_kernel_check_finite(ovp_ctx *ctx, const char *what, ovp_numeric_type type, ovp_idx rows, ovp_idx cols,
                                   const void *values) {
    finite_check f = {what, type, rows, cols, values};
    return ovp_parallel(ctx, (rows + BLOCK - 1) / BLOCK, finite_task, &f);
}

ovp_status ovp_kernel_ridge(double *lambda, ovp_ctx *ctx, const char *what, double ridge, const char *scale,
                            double trace, ovp_idx n) {
    *lambda = ridge;
    if (!(ridge >= 0 && ridge <= DBL_MAX))
        return ovp_fail(ctx, OVP_EINVAL, "%s: ridge %g; a finite number of 0 or more expected", what, ridge);
    if (!scale || strcmp(scale, "absolute") == 0) return OVP_OK;
    if (strcmp(scale, "relative") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: ridge scale '%s'; allowed: absolute, relative (to tr(K)/n)", what, scale);
    if (ridge > 0 && !(trace > 0))
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: a ridge relative to tr(K)/n, but the trace is %g; give it as an absolute number", what,
                        trace);
    *lambda = ridge > 0 ? ridge * (trace / (double)n) : 0;
    return OVP_OK;
}
