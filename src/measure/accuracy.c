/* Accuracy of a classifier's outputs, and macro averages over its classes. */
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

/* ---- macro averages ------------------------------------------------------------------------------ */

/* First of the largest outputs; -1 with a NaN among them: no class then. */
static ovp_idx predicted(ovp_numeric_type type, const void *f, ovp_idx row, ovp_idx c) {
    ovp_idx best = 0;
    for (ovp_idx k = 0; k < c; k++) {
        const double value = output_at(type, f, row * c + k);
        if (isnan(value)) return -1;
        if (value > output_at(type, f, row * c + best)) best = k;
    }
    return best;
}

static double ratio(ovp_idx part, ovp_idx whole) {
    return whole > 0 ? (double)part / (double)whole : 0;
}

ovp_status ovp_measure_macro(ovp_measure_scores *out, ovp_ctx *ctx, ovp_numeric_type type, ovp_idx rows, ovp_idx c,
                             const void *f, const int32_t *labels) {
    ovp_status status = OVP_OK;
    ovp_idx *hit = NULL, seen = 0, *guessed, *there;
    double precision = 0, recall = 0;
    *out = (ovp_measure_scores){NAN, NAN, NAN};
    if (rows < 1 || c < 1)
        return ovp_fail(ctx, OVP_EINVAL, "macro scores of %lld rows and %lld classes: at least 1 of each",
                        (long long)rows, (long long)c);
    OVP_TRY(ovp_alloc(ctx, &hit, 3 * c, sizeof *hit));
    guessed = hit + c;
    there = guessed + c;
    for (ovp_idx i = 0; i < rows; i++) {
        const ovp_idx guess = predicted(type, f, i, c);
        if (labels[i] < 0 || labels[i] >= c) {
            status = ovp_fail(ctx, OVP_EINVAL, "label %lld of sample %lld: 0..%lld expected", (long long)labels[i],
                              (long long)i, (long long)c - 1);
            goto done;
        }
        there[labels[i]]++;
        if (guess >= 0) guessed[guess]++;
        hit[labels[i]] += guess == labels[i];
    }
    for (ovp_idx k = 0; k < c; k++) {
        precision += ratio(hit[k], guessed[k]);
        recall += ratio(hit[k], there[k]);
        seen += guessed[k] > 0 || there[k] > 0;
    }
    *out = (ovp_measure_scores){recall / (double)seen, precision / (double)seen, recall / (double)seen};
done:
    ovp_free(ctx, hit);
    return status;
}
