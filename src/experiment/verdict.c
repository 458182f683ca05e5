/* From an interval to yes, no or unclear. */
#include "experiment_int.h"

#include <stdlib.h>

const char *ovp_experiment_holds_name(ovp_experiment_holds holds) {
    switch (holds) {
    case OVP_HOLDS_YES:
        return "yes";
    case OVP_HOLDS_NO:
        return "no";
    case OVP_HOLDS_UNCLEAR:
        break;
    }
    return "unclear";
}

static int decidable(ovp_measure_interval interval) {
    return interval.count >= OVP_SEEDS_FOR_A_VERDICT && isfinite(interval.low) && isfinite(interval.high);
}

ovp_experiment_holds ovp_experiment_judge_near(ovp_measure_interval interval, double predicted, double margin) {
    if (!decidable(interval) || !isfinite(predicted)) return OVP_HOLDS_UNCLEAR;
    if (interval.low >= predicted - margin && interval.high <= predicted + margin) return OVP_HOLDS_YES;
    if (interval.high < predicted - margin || interval.low > predicted + margin) return OVP_HOLDS_NO;
    return OVP_HOLDS_UNCLEAR;
}

ovp_experiment_holds ovp_experiment_judge_above(ovp_measure_interval interval, double bound) {
    if (!decidable(interval)) return OVP_HOLDS_UNCLEAR;
    if (interval.low > bound) return OVP_HOLDS_YES;
    return interval.high <= bound ? OVP_HOLDS_NO : OVP_HOLDS_UNCLEAR;
}

void ovp_experiment_short(char buffer[32], double value) {
    if (isfinite(value) && fabs(value) > 1e-200) {
        int digits = 2 - (int)floor(log10(fabs(value)));
        double scale = pow(10, abs(digits)); /* a power of ten is exact up to 22: the nearest decimal is hit */
        value = digits >= 0 ? round(value * scale) / scale : round(value / scale) * scale;
    }
    ovp_format_real(buffer, value);
}
