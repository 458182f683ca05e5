/* The only file that includes cblas.h (OpenBLAS's defines I, through complex.h).
 *
 * Which BLAS is there is found at run time through weak symbols, so that any CBLAS links. OpenBLAS comes in flavours:
 * with OpenMP its thread count belongs to the calling thread, so every call here lowers it to 1 and puts it back
 * (under 10 ns a call; no thread has to be told apart from another). With pthreads the count is one for the process:
 * only ovp_numeric_blas_begin and _end touch it. */
#include "numeric/blas_int.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define WEAK __attribute__((weak))
extern WEAK char *openblas_get_config(void);
extern WEAK char *openblas_get_corename(void);
extern WEAK int openblas_get_parallel(void);
extern WEAK int openblas_get_num_threads(void);
extern WEAK void openblas_set_num_threads(int threads);
extern WEAK int omp_get_max_threads(void);
extern WEAK void omp_set_num_threads(int threads);

typedef enum flavour { UNKNOWN, SERIAL, PTHREAD, OPENMP } flavour;

static flavour find_flavour(void) {
    if (!openblas_get_parallel) return UNKNOWN;
    switch (openblas_get_parallel()) {
    case 0:
        return SERIAL;
    case 1:
        return PTHREAD;
    case 2:
        return OPENMP;
    default:
        return UNKNOWN;
    }
}

int ovp_numeric_swap_omp_threads(int threads) {
    if (!omp_get_max_threads || !omp_set_num_threads) return 1;
    int previous = omp_get_max_threads();
    if (previous != threads) omp_set_num_threads(threads);
    return previous;
}

static int as_int(ovp_idx extent) {
    assert(extent >= 0 && extent <= INT_MAX);
    return (int)extent;
}

/* CBLAS wants leading dimensions of at least 1, of empty matrices too. */
static int as_ld(ovp_idx ld) {
    return as_int(ld < 1 ? 1 : ld);
}

void ovp_numeric_gemm_blocked(ovp_numeric_type type, int ta, int tb, ovp_idx m, ovp_idx n, ovp_idx k, double alpha,
                              const void *a, ovp_idx lda, const void *b, ovp_idx ldb, double beta, void *c, ovp_idx ldc,
                              ovp_idx block) {
    assert(type == OVP_F32 || type == OVP_F64);
    if (m <= 0 || n <= 0) return;
    const CBLAS_TRANSPOSE op_a = ta ? CblasTrans : CblasNoTrans, op_b = tb ? CblasTrans : CblasNoTrans;
    const int width = as_int(n), la = as_ld(lda), lb = as_ld(ldb), lc = as_ld(ldc);
    const int threads = ovp_numeric_swap_omp_threads(1);
    for (ovp_idx i = 0; i < m; i += block) {
        int rows = as_int(m - i < block ? m - i : block);
        ovp_idx j = 0;
        do { /* once at least: k = 0 still scales C */
            int steps = as_int(k - j < block ? k - j : block);
            ovp_idx at_a = ta ? j * lda + i : i * lda + j, at_b = tb ? j : j * ldb, at_c = i * ldc;
            double keep = j == 0 ? beta : 1;
            if (type == OVP_F32)
                cblas_sgemm(CblasRowMajor, op_a, op_b, rows, width, steps, (float)alpha, (const float *)a + at_a, la,
                            (const float *)b + at_b, lb, (float)keep, (float *)c + at_c, lc);
            else
                cblas_dgemm(CblasRowMajor, op_a, op_b, rows, width, steps, alpha, (const double *)a + at_a, la,
                            (const double *)b + at_b, lb, keep, (double *)c + at_c, lc);
            j += block;
        } while (j < k);
    }
    if (threads != 1) ovp_numeric_swap_omp_threads(threads);
}

void ovp_numeric_gemm(ovp_numeric_type type, int ta, int tb, ovp_idx m, ovp_idx n, ovp_idx k, double alpha,
                      const void *a, ovp_idx lda, const void *b, ovp_idx ldb, double beta, void *c, ovp_idx ldc) {
    ovp_numeric_gemm_blocked(type, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, (ovp_idx)1 << 30);
}

void ovp_numeric_solve_triangle(int transposed, ovp_idx m, ovp_idx n, const double *l, ovp_idx ldl, double *b,
                                ovp_idx ldb) {
    const int threads = ovp_numeric_swap_omp_threads(1);
    const CBLAS_TRANSPOSE op = transposed ? CblasTrans : CblasNoTrans;
    if (n == 1)
        cblas_dtrsv(CblasRowMajor, CblasLower, op, CblasNonUnit, as_int(m), l, as_ld(ldl), b, as_int(ldb));
    else
        cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, op, CblasNonUnit, as_int(m), as_int(n), 1, l, as_ld(ldl), b,
                    as_ld(ldb));
    if (threads != 1) ovp_numeric_swap_omp_threads(threads);
}

void ovp_numeric_gemv(int ta, ovp_idx m, ovp_idx n, double alpha, const double *a, ovp_idx lda, const double *x,
                      double beta, double *y) {
    const int threads = ovp_numeric_swap_omp_threads(1);
    cblas_dgemv(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, as_int(m), as_int(n), alpha, a, as_ld(lda), x, 1, beta,
                y, 1);
    if (threads != 1) ovp_numeric_swap_omp_threads(threads);
}

void ovp_numeric_subtract_square(ovp_idx n, ovp_idx k, const double *a, ovp_idx lda, double *c, ovp_idx ldc) {
    const int threads = ovp_numeric_swap_omp_threads(1);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, as_int(n), as_int(k), -1, a, as_ld(lda), 1, c, as_ld(ldc));
    if (threads != 1) ovp_numeric_swap_omp_threads(threads);
}

int ovp_numeric_blas_begin(void) {
    if (find_flavour() != PTHREAD) return ovp_numeric_swap_omp_threads(1);
    if (!openblas_get_num_threads || !openblas_set_num_threads) return 1;
    int previous = openblas_get_num_threads();
    if (previous != 1) openblas_set_num_threads(1);
    return previous;
}

void ovp_numeric_blas_end(int previous) {
    if (find_flavour() != PTHREAD)
        ovp_numeric_swap_omp_threads(previous);
    else if (openblas_set_num_threads && previous != 1)
        openblas_set_num_threads(previous);
}

void ovp_numeric_blas_name(char *buffer, size_t bytes) {
    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..": the first two words. */
    snprintf(buffer, bytes, "%s", openblas_get_config ? openblas_get_config() : "unknown");
    char *space = strchr(buffer, ' ');
    if (space) space = strchr(space + 1, ' ');
    if (space) *space = 0;
}

const char *ovp_numeric_blas_core(void) {
    return openblas_get_corename ? openblas_get_corename() : "unknown";
}

const char *ovp_numeric_blas_flavour(void) {
    switch (find_flavour()) {
    case SERIAL:
        return "serial";
    case PTHREAD:
        return "pthread";
    case OPENMP:
        return "openmp";
    case UNKNOWN:
        break;
    }
    return "unknown";
}
