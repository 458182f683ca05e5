/* Values to inputs of the type asked for: scaled, then normalised a channel. */
#include "data/data_int.h"

#include <assert.h>
#include <math.h>

/* ---- scale --------------------------------------------------------------------------------------- */

/* The input that each of the 256 pixel values becomes. */
typedef struct scaling {
    double mean, std;
    float f32[256];
    double f64[256];
} scaling;

/* Mean and standard deviation (divisor: the number of pixels), exact up to the last rounding because they come from a
 * histogram. */
static void measure_pixels(scaling *map, const unsigned char *pixels, ovp_idx count) {
    int64_t histogram[256] = {0}, sum = 0;
    double squares = 0;
    for (ovp_idx i = 0; i < count; i++) histogram[pixels[i]]++;
    for (int v = 0; v < 256; v++) sum += v * histogram[v];
    map->mean = (double)sum / (double)count;
    for (int v = 0; v < 256; v++) squares += (double)histogram[v] * (v - map->mean) * (v - map->mean);
    map->std = sqrt(squares / (double)count);
}

static double value_at(const ovp_numeric_array *x, ovp_idx i) {
    return x->type == OVP_F32   ? (double)((const float *)x->data)[i]
           : x->type == OVP_F64 ? ((const double *)x->data)[i]
                                : ((const unsigned char *)x->data)[i];
}

static void measure_values(scaling *map, const ovp_numeric_array *x) {
    const ovp_idx count = ovp_numeric_array_count(x);
    double sum = 0, squares = 0;
    for (ovp_idx i = 0; i < count; i++) sum += value_at(x, i);
    map->mean = sum / (double)count;
    for (ovp_idx i = 0; i < count; i++) squares += (value_at(x, i) - map->mean) * (value_at(x, i) - map->mean);
    map->std = sqrt(squares / (double)count);
}

static ovp_status make_scaling(scaling *map, ovp_data_work *work) {
    const ovp_numeric_array *x = &work->part[OVP_DATA_TRAIN].x;
    const ovp_data_scale scale = work->options->scale;
    map->mean = 0;
    map->std = 1;
    if (scale == OVP_SCALE_UNIT && x->type != OVP_U8)
        return ovp_fail(work->ctx, OVP_EINVAL, "%s: scale unit (x/255) is for pixels (u8); these are %s values",
                        work->name, ovp_numeric_type_name(x->type));
    if (scale == OVP_SCALE_STANDARD) {
        if (x->type == OVP_U8)
            measure_pixels(map, x->data, ovp_numeric_array_count(x));
        else
            measure_values(map, x);
        if (!(map->std > 0))
            return ovp_fail(work->ctx, OVP_EINVAL,
                            "%s: all %s of the training %s are equal, so they cannot be scaled to a standard deviation "
                            "of 1; use scale raw%s",
                            work->name, work->rows ? "pixels" : "values", work->rows ? "images" : "samples",
                            x->type == OVP_U8 ? " or unit" : "");
    }
    for (int v = 0; v < 256; v++) {
        map->f64[v] = scale == OVP_SCALE_RAW ? v : scale == OVP_SCALE_UNIT ? v / 255.0 : (v - map->mean) / map->std;
        /* Divided as a float, as torchvision's ToTensor does. */
        map->f32[v] = scale == OVP_SCALE_UNIT ? (float)v / 255.0f : (float)map->f64[v];
    }
    return OVP_OK;
}

/* Replaces x by inputs of the type asked for. */
static ovp_status convert(ovp_data_work *work, const scaling *map, ovp_numeric_array *x) {
    ovp_status status = OVP_OK;
    ovp_numeric_array made = {0};
    const ovp_idx count = ovp_numeric_array_count(x);
    const unsigned char *pixel = x->type == OVP_U8 ? x->data : NULL;
    OVP_TRY(ovp_numeric_array_create(&made, work->ctx, work->options->type, 2, x->shape));
    float *single = made.type == OVP_F32 ? made.data : NULL;
    double *both = made.type == OVP_F64 ? made.data : NULL;
    for (ovp_idx i = 0; pixel && single && i < count; i++) single[i] = map->f32[pixel[i]];
    for (ovp_idx i = 0; pixel && both && i < count; i++) both[i] = map->f64[pixel[i]];
    for (ovp_idx i = 0; !pixel && i < count; i++) {
        double value = (value_at(x, i) - map->mean) / map->std;
        if (single)
            single[i] = (float)value;
        else
            both[i] = value;
    }
    ovp_numeric_array_free(work->ctx, x);
    *x = made;
done:
    return status;
}

/* Real targets in the type asked for. */
static ovp_status convert_targets(ovp_data_work *work, ovp_numeric_array *y) {
    ovp_numeric_array made = {0};
    if (!y->data || y->type != OVP_F64 || work->options->type == OVP_F64) return OVP_OK;
    ovp_status status = ovp_numeric_array_create(&made, work->ctx, OVP_F32, y->ndim, y->shape);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < ovp_numeric_array_count(y); i++)
        ((float *)made.data)[i] = (float)((const double *)y->data)[i];
    ovp_numeric_array_free(work->ctx, y);
    *y = made;
    return OVP_OK;
}

/* ---- normalise ----------------------------------------------------------------------------------- */

/* The channels of a sample: `count` of them, `length` values each, one after another. */
typedef struct channels {
    ovp_idx count, length;
    double *mean, *std; /* count */
} channels;

static void measure_channels(channels *c, const ovp_numeric_array *x) {
    const ovp_idx n = x->shape[0], d = x->shape[1];
    for (ovp_idx k = 0; k < c->count; k++) {
        double sum = 0, squares = 0;
        for (ovp_idx i = 0; i < n; i++)
            for (ovp_idx j = 0; j < c->length; j++) sum += value_at(x, i * d + k * c->length + j);
        c->mean[k] = sum / (double)(n * c->length);
        for (ovp_idx i = 0; i < n; i++)
            for (ovp_idx j = 0; j < c->length; j++) {
                double apart = value_at(x, i * d + k * c->length + j) - c->mean[k];
                squares += apart * apart;
            }
        c->std[k] = sqrt(squares / (double)(n * c->length));
    }
}

static void apply_channels(const channels *c, ovp_numeric_array *x) {
    const ovp_idx n = x->shape[0], d = x->shape[1];
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx k = 0; k < c->count; k++)
            for (ovp_idx j = i * d + k * c->length; j < i * d + (k + 1) * c->length; j++) {
                if (x->type == OVP_F32)
                    ((float *)x->data)[j] = (((float *)x->data)[j] - (float)c->mean[k]) / (float)c->std[k];
                else
                    ((double *)x->data)[j] = (((double *)x->data)[j] - c->mean[k]) / c->std[k];
            }
}

static ovp_status find_channels(channels *c, ovp_data_work *work) {
    const ovp_data_options *o = work->options;
    const char *unit = work->rows ? "channel" : "feature";
    if (o->normalise == OVP_NORMALISE_TRAIN)
        measure_channels(c, &work->part[OVP_DATA_TRAIN].x);
    else if (o->normalise_count != 1 && o->normalise_count != c->count)
        return ovp_fail(work->ctx, OVP_EINVAL, "%s: %lld means and deviations for %lld %s%s; 1 or one a %s expected",
                        work->name, (long long)o->normalise_count, (long long)c->count, unit, c->count == 1 ? "" : "s",
                        unit);
    for (ovp_idx k = 0; k < c->count; k++) {
        if (o->normalise == OVP_NORMALISE_GIVEN) {
            c->mean[k] = o->mean[o->normalise_count == 1 ? 0 : k];
            c->std[k] = o->std[o->normalise_count == 1 ? 0 : k];
        }
        if (!isfinite(c->mean[k]) || !isfinite(c->std[k]) || !(c->std[k] > 0))
            return ovp_fail(work->ctx, OVP_EINVAL,
                            "%s: %s %lld (from 0) cannot be normalised: mean %g, standard deviation %g (above 0 "
                            "expected)",
                            work->name, unit, (long long)k, c->mean[k], c->std[k]);
    }
    return OVP_OK;
}

static ovp_status normalise(ovp_data_work *work) {
    ovp_status status = OVP_OK;
    channels c = {.count = work->rows ? work->channels : work->features};
    if (work->options->normalise == OVP_NORMALISE_NONE) return OVP_OK;
    c.length = work->features / c.count;
    OVP_TRY(ovp_alloc(work->ctx, &c.mean, c.count, sizeof(*c.mean)));
    OVP_TRY(ovp_alloc(work->ctx, &c.std, c.count, sizeof(*c.std)));
    OVP_TRY(find_channels(&c, work));
    for (int p = 0; p < OVP_DATA_PARTS; p++)
        if (work->part[p].x.data) apply_channels(&c, &work->part[p].x);
done:
    ovp_free(work->ctx, c.mean);
    ovp_free(work->ctx, c.std);
    return status;
}

ovp_status ovp_data_scale_parts(ovp_data_work *work) {
    ovp_status status = OVP_OK;
    scaling map;
    OVP_TRY(make_scaling(&map, work));
    for (int p = 0; p < OVP_DATA_PARTS; p++) {
        if (!work->part[p].x.data) continue;
        OVP_TRY(convert(work, &map, &work->part[p].x));
        OVP_TRY(convert_targets(work, &work->part[p].y));
    }
    OVP_TRY(normalise(work));
done:
    return status;
}
