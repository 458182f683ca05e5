/* Dense factorisations. LAPACK is called by its Fortran names from the library that holds the BLAS (Debian's OpenBLAS
 * does): LAPACKE would bring in whichever LAPACK and BLAS the system's alternatives choose, with a thread count of its
 * own. Fortran counts columns first: our C-order matrix is its transpose, and what it returns is transposed again. */
#include <overparam/numeric.h>

#include <limits.h>
#include <math.h>
#include <string.h>

/* Lengths of text arguments come last in gfortran's convention; others ignore them. */
extern void dsyevd_(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *values,
                    double *work, const int *work_count, int *iwork, const int *iwork_count, int *info,
                    size_t job_length, size_t triangle_length);
extern void dsytrd_(const char *triangle, const int *n, double *a, const int *lda, double *d, double *e, double *tau,
                    double *work, const int *work_count, int *info, size_t triangle_length);
extern void dstedc_(const char *job, const int *n, double *d, double *e, double *z, const int *ldz, double *work,
                    const int *work_count, int *iwork, const int *iwork_count, int *info, size_t job_length);
extern void dormtr_(const char *side, const char *triangle, const char *transposed, const int *m, const int *n,
                    const double *a, const int *lda, const double *tau, double *c, const int *ldc, double *work,
                    const int *work_count, int *info, size_t side_length, size_t triangle_length,
                    size_t transposed_length);
extern void dsbtrd_(const char *job, const char *triangle, const int *n, const int *width, double *a, const int *lda,
                    double *d, double *e, double *q, const int *ldq, double *work, int *info, size_t job_length,
                    size_t triangle_length);
extern void dsterf_(const int *n, double *d, double *e, int *info);
extern void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda, double *s, double *u,
                    const int *ldu, double *vt, const int *ldvt, double *work, const int *work_count, int *iwork,
                    int *info, size_t job_length);

static ovp_status not_finite(ovp_ctx *ctx, const char *what, ovp_idx row, ovp_idx col, double value) {
    return ovp_fail(ctx, OVP_ENUMERIC, "%s: entry [%lld, %lld] of the matrix is %g; finite numbers expected", what,
                    (long long)row, (long long)col, value);
}

static ovp_status check_finite(ovp_ctx *ctx, const char *what, const double *values, ovp_idx rows, ovp_idx cols) {
    for (ovp_idx i = 0; i < rows * cols; i++)
        if (!isfinite(values[i])) return not_finite(ctx, what, i / cols, i % cols, values[i]);
    return OVP_OK;
}

static ovp_status check_extent(ovp_ctx *ctx, const char *what, ovp_idx extent) {
    if (extent >= 0 && extent <= INT_MAX) return OVP_OK;
    return ovp_fail(ctx, OVP_EINVAL, "%s: extent %lld; allowed 0..%d", what, (long long)extent, INT_MAX);
}

/* The workspace a query asked for, as LAPACK's int. */
static ovp_status work_count(int *out, ovp_ctx *ctx, const char *what, double asked) {
    if (!(asked <= INT_MAX)) {
        return ovp_fail(ctx, OVP_EINVAL,
                        "%s: LAPACK's workspace of %.0f numbers is past its limit of %d; use a smaller matrix", what,
                        asked, INT_MAX);
    }
    *out = asked < 1 ? 1 : (int)asked;
    return OVP_OK;
}

static ovp_status not_converged(ovp_ctx *ctx, const char *what, ovp_idx m, ovp_idx n, int info) {
    return ovp_fail(ctx, OVP_ENUMERIC, "%s: LAPACK did not converge on a %lld x %lld matrix (info %d)", what,
                    (long long)m, (long long)n, info);
}

ovp_status ovp_numeric_eigh(double *values, double *vectors, ovp_ctx *ctx, ovp_idx n, const double *a) {
    static const char what[] = "eigh";
    ovp_status status = OVP_OK;
    double *copy = NULL, *work = NULL;
    int *iwork = NULL;
    OVP_TRY(check_extent(ctx, what, n));
    if (n == 0) return OVP_OK;
    OVP_TRY(check_finite(ctx, what, a, n, n));
    /* Known without a query, whose answer is rounded to what an int holds; for values alone room for blocks of 64, or
     * LAPACK goes column by column. */
    const double rows = (double)n, asked = vectors ? 1 + 6 * rows + 2 * rows * rows : 1 + 66 * rows;
    const int order = (int)n, iwork_length = vectors ? 3 + 5 * order : 1;
    int work_length = 0, info = 0;
    OVP_TRY(work_count(&work_length, ctx, what, asked));
    if (!vectors) OVP_TRY(ovp_alloc(ctx, &copy, n * n, sizeof *copy));
    OVP_TRY(ovp_alloc(ctx, &work, work_length, sizeof *work));
    OVP_TRY(ovp_alloc(ctx, &iwork, iwork_length, sizeof *iwork));
    double *in = vectors ? vectors : copy;
    memcpy(in, a, (size_t)(n * n) * sizeof *in);

    const int blas = ovp_numeric_blas_begin();
    /* The lower triangle of rows is the upper one of columns. */
    dsyevd_(vectors ? "V" : "N", "U", &order, in, &order, values, work, &work_length, iwork, &iwork_length, &info, 1,
            1);
    ovp_numeric_blas_end(blas);
    if (info != 0) status = not_converged(ctx, what, n, n, info);
done:
    ovp_free(ctx, copy);
    ovp_free(ctx, work);
    ovp_free(ctx, iwork);
    return status;
}

/* What dsyevd does, but for turning back the vectors that nobody wants. */
ovp_status ovp_numeric_eigh_top(double *values, double *vectors, ovp_ctx *ctx, ovp_idx n, ovp_idx q, const double *a) {
    static const char what[] = "eigh";
    ovp_status status = OVP_OK;
    double *copy = NULL, *z = NULL, *work = NULL;
    int *iwork = NULL;
    OVP_TRY(check_extent(ctx, what, n));
    if (q < 0 || q > n)
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld of %lld eigenvectors", what, (long long)q, (long long)n);
    if (n == 0) return OVP_OK;
    OVP_TRY(check_finite(ctx, what, a, n, n));
    const int order = (int)n, wanted = (int)q, iwork_length = 3 + 5 * order;
    int work_length = 0, info = 0;
    OVP_TRY(work_count(&work_length, ctx, what, 1 + 64 * (double)n + (double)n * (double)n));
    OVP_TRY(ovp_alloc(ctx, &copy, n * n, sizeof *copy));
    OVP_TRY(ovp_alloc(ctx, &z, n * n, sizeof *z));
    OVP_TRY(ovp_alloc(ctx, &work, work_length + 2 * n, sizeof *work));
    OVP_TRY(ovp_alloc(ctx, &iwork, iwork_length, sizeof *iwork));
    memcpy(copy, a, (size_t)(n * n) * sizeof *copy);
    double *e = work + work_length, *tau = e + n, *top = z + (n - q) * n;

    const int blas = ovp_numeric_blas_begin();
    dsytrd_("U", &order, copy, &order, values, e, tau, work, &work_length, &info, 1);
    if (info == 0) dstedc_("I", &order, values, e, z, &order, work, &work_length, iwork, &iwork_length, &info, 1);
    if (info == 0 && q > 0)
        dormtr_("L", "U", "N", &order, &wanted, copy, &order, tau, top, &order, work, &work_length, &info, 1, 1, 1);
    ovp_numeric_blas_end(blas);
    if (info != 0) status = not_converged(ctx, what, n, n, info);
    for (ovp_idx i = 0; i < q; i++) memcpy(vectors + i * n, z + (n - 1 - i) * n, (size_t)n * sizeof *vectors);
done:
    ovp_free(ctx, copy);
    ovp_free(ctx, z);
    ovp_free(ctx, work);
    ovp_free(ctx, iwork);
    return status;
}

ovp_status ovp_numeric_eigh_band(double *values, ovp_ctx *ctx, ovp_idx n, ovp_idx width, const double *a, ovp_idx ld) {
    static const char what[] = "eigh";
    ovp_status status = OVP_OK;
    double *band = NULL;
    OVP_TRY(check_extent(ctx, what, n));
    if (width < 0 || ld < n)
        return ovp_fail(ctx, OVP_EINVAL, "%s: a band of %lld in rows %lld apart", what, (long long)width,
                        (long long)ld);
    if (n == 0) return OVP_OK;
    const ovp_idx below = width < n ? width : n - 1;
    const int order = (int)n, kd = (int)below, ldab = kd + 1, one = 1;
    int info = 0;
    OVP_TRY(ovp_alloc(ctx, &band, n * (below + 3), sizeof *band));
    double *e = band + n * (below + 1), *work = e + n;
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx k = 0; k <= below && k <= i; k++) {
            const double v = a[i * ld + i - k];
            if (!isfinite(v)) OVP_TRY(not_finite(ctx, what, i, i - k, v));
            band[(i - k) * (below + 1) + k] = v;
        }

    const int blas = ovp_numeric_blas_begin();
    dsbtrd_("N", "L", &order, &kd, band, &ldab, values, e, NULL, &one, work, &info, 1, 1);
    if (info == 0) dsterf_(&order, values, e, &info);
    ovp_numeric_blas_end(blas);
    if (info != 0) status = not_converged(ctx, what, n, n, info);
done:
    ovp_free(ctx, band);
    return status;
}

ovp_status ovp_numeric_svd(double *s, double *u, double *vt, ovp_ctx *ctx, ovp_idx m, ovp_idx n, const double *a) {
    static const char what[] = "svd";
    ovp_status status = OVP_OK;
    double *copy = NULL, *work = NULL, query = 0;
    int *iwork = NULL;
    const ovp_idx k = m < n ? m : n;
    OVP_TRY(check_extent(ctx, what, m));
    OVP_TRY(check_extent(ctx, what, n));
    if (k == 0) return OVP_OK;
    OVP_TRY(check_finite(ctx, what, a, m, n));
    /* dgesdd's own bound on what it needs with job S; the query only adds to it. */
    const double side = (double)k, longest = (double)(m < n ? n : m), least = 4 * side * side + 7 * side + longest;
    /* a = u s vt is a^T = vt^T s u^T: LAPACK's U is our vt, its VT our u. */
    const int rows = (int)n, cols = (int)m, rank = (int)k, ask = -1;
    int work_length = 0, info = 0;
    OVP_TRY(work_count(&work_length, ctx, what, least));
    OVP_TRY(ovp_alloc(ctx, &copy, m * n, sizeof *copy));
    OVP_TRY(ovp_alloc(ctx, &iwork, 8 * k, sizeof *iwork));
    memcpy(copy, a, (size_t)(m * n) * sizeof *copy);
    const char *job = u ? "S" : "N";
    dgesdd_(job, &rows, &cols, copy, &rows, s, vt, &rows, u, &rank, &query, &ask, iwork, &info, 1);
    OVP_TRY(work_count(&work_length, ctx, what, fmax(query, least)));
    OVP_TRY(ovp_alloc(ctx, &work, work_length, sizeof *work));

    const int blas = ovp_numeric_blas_begin();
    dgesdd_(job, &rows, &cols, copy, &rows, s, vt, &rows, u, &rank, work, &work_length, iwork, &info, 1);
    ovp_numeric_blas_end(blas);
    if (info != 0) status = not_converged(ctx, what, m, n, info);
done:
    ovp_free(ctx, copy);
    ovp_free(ctx, work);
    ovp_free(ctx, iwork);
    return status;
}

ovp_status ovp_numeric_lstsq(double *x, ovp_idx *rank, double *s, ovp_ctx *ctx, ovp_idx m, ovp_idx n, ovp_idx rhs,
                             const double *a, const double *b, double rcond) {
    static const char what[] = "lstsq";
    ovp_status status = OVP_OK;
    const ovp_idx k = m < n ? m : n;
    double *block = NULL;
    ovp_idx kept = 0;
    if (!(rcond >= 0)) return ovp_fail(ctx, OVP_EINVAL, "%s: rcond %g; 0 or more expected", what, rcond);
    OVP_TRY(check_extent(ctx, what, m));
    OVP_TRY(check_extent(ctx, what, n));
    OVP_TRY(check_extent(ctx, what, rhs));
    OVP_TRY(check_finite(ctx, what, b, m, rhs));
    OVP_TRY(ovp_alloc(ctx, &block, k * (1 + m + n + rhs), sizeof *block));
    double *values = block, *u = values + k, *vt = u + m * k, *coordinates = vt + k * n;
    OVP_TRY(ovp_numeric_svd(values, u, vt, ctx, m, n, a));
    while (kept < k && values[kept] > rcond * values[0]) kept++;

    /* x = V_r S_r^-1 U_r^T b over the r values kept. */
    ovp_numeric_gemm(OVP_F64, 1, 0, kept, rhs, m, 1, u, k, b, rhs, 0, coordinates, rhs);
    for (ovp_idx i = 0; i < kept; i++) {
        for (ovp_idx j = 0; j < rhs; j++) coordinates[i * rhs + j] /= values[i];
    }
    if (n * rhs > 0) memset(x, 0, (size_t)(n * rhs) * sizeof *x);
    if (kept > 0) ovp_numeric_gemm(OVP_F64, 1, 0, n, rhs, kept, 1, vt, n, coordinates, rhs, 0, x, rhs);
    if (rank) *rank = kept;
    if (s && k > 0) memcpy(s, values, (size_t)k * sizeof *s);
done:
    ovp_free(ctx, block);
    return status;
}
