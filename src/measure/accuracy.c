/* Accuracy of a classifier's outputs. */
#include <math.h>
#include <overparam/measure.h>

static double output_at(ovp_numeric_type type, const void *f, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)f)[i] : ((const double *)f)[i];
}

double ovp_measure_accuracy(ovp_numeric_type type, ovp_idx rows, ovp_idx c, const void *f, const int32_t *labels) {
    ovp_idx right = 0;
    for (ovp_idx i = 0; i < rows; i++) {
        ovp_idx best = 0;
        int broken = 0;
        double top = -INFINITY;
        for (ovp_idx k = 0; k < c; k++) {
            double value = output_at(type, f, i * c + k);
            broken |= isnan(value);
            if (value > top) {
                top = value;
                best = k;
            }
        }
        right += !broken && best == labels[i];
    }
    return rows > 0 ? (double)right / (double)rows : (double)NAN;
}
