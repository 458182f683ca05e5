/* Kernels of inner products and distances, a row of a tile at a time. */
#include "kernel/hot_int.h"
#include "numeric/hot/maths.h"
#include "numeric/hot/sparse.h"

#define NEAR ((real)(OVP_BITS == 32 ? OVP_KERNEL_NEAR_F32 : OVP_KERNEL_NEAR_F64))

static void scale(ovp_idx n, void *p, double factor, const double *factors) {
    real *v = p;
    const real f = (real)factor;
    if (!factors) {
        OVP_LANES
        for (ovp_idx j = 0; j < n; j++) v[j] *= f;
        return;
    }
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) v[j] *= f * (real)factors[j];
}

static int squares(ovp_idx n, void *p, double square, const double *others) {
    real *v = p;
    const real own = (real)square;
    int near = 0;
    OVP_LANES
    for (ovp_idx j = 0; j < n; j++) {
        const real sum = own + (real)others[j];
        const real d = OVP_FMA(R_(-2.0), v[j], sum);
        v[j] = d > R_(0.0) ? d : R_(0.0);
        near |= d < NEAR * sum;
    }
    return near;
}

/* v = (factor v + offset)^degree by squaring, a few lanes at a time so that they stay in registers. */
static void polynomial(ovp_idx n, real *v, real factor, real offset, int degree) {
    enum { LANES = 16 };
    for (ovp_idx j = 0; j < n; j += LANES) {
        const int count = n - j < LANES ? (int)(n - j) : LANES;
        real x[LANES] = {0}, y[LANES];
        for (int l = 0; l < count; l++) x[l] = OVP_FMA(factor, v[j + l], offset);
        for (int l = 0; l < LANES; l++) y[l] = R_(1.0);
        for (int k = degree; k > 0; k >>= 1) {
            for (int l = 0; l < LANES && k & 1; l++) y[l] *= x[l];
            for (int l = 0; l < LANES && k > 1; l++) x[l] *= x[l];
        }
        for (int l = 0; l < count; l++) v[j + l] = y[l];
    }
}

/* D^power = exp(power log D); log 0 = -infinity, which ends as exp(-0) = 1. */
static void map(const ovp_kernel_point *point, ovp_idx n, void *p) {
    real *v = p;
    const real rate = (real)point->rate, power = (real)point->power;
    switch (point->form) {
    case OVP_FORM_LAPLACE:
        OVP_LANES
        for (ovp_idx j = 0; j < n; j++) v[j] = ovp_vm_exp(-rate * OVP_SQRT(v[j]));
        break;
    case OVP_FORM_GAUSSIAN:
        OVP_LANES
        for (ovp_idx j = 0; j < n; j++) v[j] = ovp_vm_exp(-rate * v[j]);
        break;
    case OVP_FORM_DISPERSAL:
        OVP_LANES
        for (ovp_idx j = 0; j < n; j++) v[j] = ovp_vm_exp(-rate * ovp_vm_exp(power * ovp_vm_log(v[j])));
        break;
    default:
        polynomial(n, v, (real)point->scale, (real)point->offset, point->degree);
        break;
    }
}

static double difference(ovp_idx d, const void *x, double scale_x, const void *z, double scale_z) {
    enum { LANES = 8 };
    const real *a = x, *b = z;
    double lane[LANES] = {0}, sum = 0;
    ovp_idx k = 0;
    for (; k + LANES <= d; k += LANES)
        for (int l = 0; l < LANES; l++) {
            const double t = scale_x * (double)a[k + l] - scale_z * (double)b[k + l];
            lane[l] = OVP_FMA64(t, t, lane[l]);
        }
    for (; k < d; k++) {
        const double t = scale_x * (double)a[k] - scale_z * (double)b[k];
        sum = OVP_FMA64(t, t, sum);
    }
    for (int l = 0; l < LANES; l++) sum += lane[l];
    return sum;
}

/* |x|^2 as `difference` from 0 adds it up. */
static double look(ovp_idx d, const void *x, double *sums, ovp_idx *nonzeros) {
    enum { LANES = 8 };
    const real *a = x;
    double lane[LANES] = {0}, sum = 0;
    int32_t zeros = 0;
    ovp_idx k = 0;
    for (; k + LANES <= d; k += LANES)
        for (int l = 0; l < LANES; l++) {
            const double t = (double)a[k + l];
            lane[l] = OVP_FMA64(t, t, lane[l]);
        }
    for (; k < d; k++) {
        const double t = (double)a[k];
        sum = OVP_FMA64(t, t, sum);
    }
    for (int l = 0; l < LANES; l++) sum += lane[l];
    OVP_LANES
    for (k = 0; k < d; k++) zeros += a[k] == R_(0.0);
    *nonzeros += d - zeros;
    if (!sums) return sum;
    OVP_LANES
    for (k = 0; k < d; k++) sums[k] += (double)a[k];
    return sum;
}

extern const ovp_kernel_point_kernels OVP_HOT(ovp_kernel_point_kernels);
const ovp_kernel_point_kernels OVP_HOT(ovp_kernel_point_kernels) = {
    scale, squares, map, difference, look, OVP_HOT(ovp_numeric_sparse_product)};
