/* Synthetic sets for ovp_data_load: drawn, then treated as any set of real targets. */
#include "data/data_int.h"

#include <string.h>

/* Targets are f64 on their way, whatever the set's type; every float is a double. */
static ovp_status widen(ovp_numeric_array *out, ovp_ctx *ctx, ovp_numeric_array *y) {
    if (y->type == OVP_F64) {
        *out = *y;
        *y = (ovp_numeric_array){0};
        return OVP_OK;
    }
    ovp_status status = ovp_numeric_array_create(out, ctx, OVP_F64, y->ndim, y->shape);
    for (ovp_idx i = 0; status == OVP_OK && i < ovp_numeric_array_count(y); i++)
        ((double *)out->data)[i] = (double)((const float *)y->data)[i];
    return status;
}

static ovp_status take_part(ovp_data_part *out, ovp_ctx *ctx, ovp_numeric_array *x, ovp_numeric_array *y) {
    if (!x->data) return OVP_OK;
    ovp_status status = widen(&out->y, ctx, y);
    out->present = 1;
    out->n = x->shape[0];
    out->x = *x;
    *x = (ovp_numeric_array){0};
    return status;
}

ovp_status ovp_data_synthetic_read(ovp_data_raw *out, ovp_ctx *ctx, const char *name, ovp_data_options *options) {
    ovp_data_synthetic_options o;
    ovp_data_synthetic_set set = {0};
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_data_synthetic_defaults(&o, ctx, name));
    if (options->synthetic) {
        o = *options->synthetic;
    } else {
        /* Without knobs the first n samples are n samples drawn. */
        if (options->train) o.train = options->train;
        if (options->test) o.test = options->test;
        options->train = options->test = 0;
    }
    o.type = options->type;
    if (!o.rng) o.rng = options->rng;
    OVP_TRY(ovp_data_synthetic(&set, ctx, name, &o));
    OVP_TRY(take_part(&out->train, ctx, &set.x, &set.y));
    OVP_TRY(take_part(&out->test, ctx, &set.x_test, &set.y_test));
done:
    ovp_data_synthetic_free(ctx, &set);
    return status;
}
