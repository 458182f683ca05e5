/* p-variation by the plain dynamic programme, which every faster method is tested against. */
#include <math.h>

#include "measure/variation_int.h"

double ovp_measure_variation_distance(ovp_idx d, const double *a, const double *b, double scale,
                                      ovp_measure_norm norm) {
    double sum = 0;
    for (ovp_idx k = 0; k < d; k++) {
        const double gap = fabs(a[k] * scale - b[k] * scale);
        if (norm == OVP_NORM_LINF)
            sum = fmax(sum, gap);
        else
            sum += norm == OVP_NORM_L1 ? gap : gap * gap;
    }
    return norm == OVP_NORM_L2 ? sqrt(sum) : sum;
}

ovp_status ovp_measure_variation_reference(ovp_ctx *ctx, ovp_idx n, ovp_idx d, const double *x, ovp_measure_norm norm,
                                           double p, double *best, ovp_idx *before) {
    ovp_status status = OVP_OK;
    best[0] = 0;
    before[0] = -1;
    for (ovp_idx j = 1; j < n; j++) {
        best[j] = -1;
        for (ovp_idx m = j - 1; m >= 0; m--) {
            const double value = best[m] + pow(ovp_measure_variation_distance(d, x + m * d, x + j * d, 1, norm), p);
            if (value > best[j]) {
                best[j] = value;
                before[j] = m;
            }
        }
        OVP_TRY(ovp_check(ctx));
    }
done:
    return status;
}
