/* Loading: options checked, then read, select, gather, transform, scale. */
#include "data/data_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* What callers of 0.1 knew of the options. */
#define FIRST_SIZE offsetof(ovp_data_options, classes)

static ovp_status check_values(ovp_ctx *ctx, const char *name, const ovp_data_options *o) {
    if (o->train < 0 || o->test < 0)
        return ovp_fail(ctx, OVP_EINVAL, "%s: %lld training and %lld test samples asked for; 0 (all) or more expected",
                        name, (long long)o->train, (long long)o->test);
    if (o->scale != OVP_SCALE_RAW && o->scale != OVP_SCALE_UNIT && o->scale != OVP_SCALE_STANDARD)
        return ovp_fail(ctx, OVP_EINVAL, "%s: pixel scale %d is unknown (0 raw, 1 unit, 2 standard)", name,
                        (int)o->scale);
    if (o->type != OVP_F32 && o->type != OVP_F64)
        return ovp_fail(ctx, OVP_EINVAL, "%s: inputs of type %d; f32 (%d) or f64 (%d) expected", name, (int)o->type,
                        OVP_F32, OVP_F64);
    if (o->normalise != OVP_NORMALISE_NONE && o->normalise != OVP_NORMALISE_TRAIN &&
        o->normalise != OVP_NORMALISE_GIVEN)
        return ovp_fail(ctx, OVP_EINVAL, "%s: normalisation %d is unknown (0 none, 1 training part's, 2 given)", name,
                        (int)o->normalise);
    if (o->normalise == OVP_NORMALISE_GIVEN && (!o->mean || !o->std || o->normalise_count < 1))
        return ovp_fail(ctx, OVP_EINVAL, "%s: normalisation by given values needs mean, std and their number", name);
    return OVP_OK;
}

static ovp_status check_images(ovp_ctx *ctx, const char *name, const ovp_data_options *o) {
    const ovp_idx limit = OVP_DATA_IMAGE_LIMIT;
    int resize = o->resize_rows || o->resize_cols;
    if (resize && (o->resize_rows < 1 || o->resize_cols < 1 || o->resize_rows > limit || o->resize_cols > limit))
        return ovp_fail(ctx, OVP_EINVAL, "%s: resize to %lld x %lld; both 1 to %lld", name, (long long)o->resize_rows,
                        (long long)o->resize_cols, (long long)limit);
    if (o->channels != 0 && o->channels != 1 && o->channels != 3)
        return ovp_fail(ctx, OVP_EINVAL, "%s: images of %d channels; 1 (gray), 3 (RGB) or 0 (as they are) expected",
                        name, o->channels);
    if (!(o->flip >= 0 && o->flip <= 1))
        return ovp_fail(ctx, OVP_EINVAL, "%s: flip with probability %g; 0 to 1 expected", name, o->flip);
    if (o->crop_padding < 0 || o->crop_padding > limit)
        return ovp_fail(ctx, OVP_EINVAL, "%s: crop padding %lld; 0 to %lld expected", name, (long long)o->crop_padding,
                        (long long)limit);
    return OVP_OK;
}

static int wants_split(const ovp_data_options *o) {
    return o->split[0] != 0 || o->split[1] != 0 || o->split[2] != 0;
}

static ovp_status check_choice(ovp_ctx *ctx, const char *name, const ovp_data_options *o) {
    if (o->class_count < 0 || (o->class_count && !o->classes))
        return ovp_fail(ctx, OVP_EINVAL, "%s: class filter of %lld classes without a list", name,
                        (long long)o->class_count);
    if (!(o->fraction >= 0 && o->fraction <= 1))
        return ovp_fail(ctx, OVP_EINVAL, "%s: fraction %g; above 0 to 1 expected (0: all)", name, o->fraction);
    if (wants_split(o)) {
        int shares = o->split[0] > 0 && o->split[1] >= 0 && o->split[2] >= 0;
        if (!shares || !(fabs(o->split[0] + o->split[1] + o->split[2] - 1) <= 1e-6))
            return ovp_fail(ctx, OVP_EINVAL,
                            "%s: split %g, %g, %g; shares 0 to 1 of training (above 0), validation and test part with "
                            "sum 1 expected",
                            name, o->split[0], o->split[1], o->split[2]);
    }
    if (o->rng) return OVP_OK;
    const char *random = o->fraction > 0 && o->fraction < 1 ? "fraction"
                         : wants_split(o)                   ? "split"
                         : o->flip > 0                      ? "flip"
                         : o->crop_padding                  ? "crop"
                                                            : NULL;
    return random ? ovp_fail(ctx, OVP_EINVAL, "%s: %s draws at random: give a stream (rng)", name, random) : OVP_OK;
}

/* *full: the options with all of today's fields. */
static ovp_status check_options(ovp_data_options *full, ovp_ctx *ctx, const char *name, const ovp_data_options *o) {
    ovp_status status = OVP_OK;
    *full = (ovp_data_options){.size = sizeof(*full)};
    if (!o) return OVP_OK;
    if (o->size < FIRST_SIZE || o->size > sizeof(*o))
        return ovp_fail(ctx, OVP_EINVAL, "%s: data options of %zu bytes; %zu to %zu expected (set size = sizeof)", name,
                        o->size, FIRST_SIZE, sizeof(*o));
    memcpy(full, o, o->size);
    full->size = sizeof(*full);
    OVP_TRY(check_values(ctx, name, full));
    OVP_TRY(check_images(ctx, name, full));
    OVP_TRY(check_choice(ctx, name, full));
done:
    return status;
}

/* ---- loading ------------------------------------------------------------------------------------- */

ovp_status ovp_data_read(ovp_data_raw *out, char **source, ovp_data_options *full, ovp_ctx *ctx, const char *name,
                         const ovp_data_options *options) {
    const ovp_data_entry *entry = NULL;
    const char *path;
    ovp_status status = OVP_OK;
    if (ovp_data_synthetic_find(name)) {
        OVP_TRY(check_options(full, ctx, name, options));
        OVP_TRY(ovp_data_synthetic_read(out, ctx, name, full));
        goto done;
    }
    OVP_TRY(ovp_data_entry_find(&entry, &path, ctx, name));
    OVP_TRY(check_options(full, ctx, name, options));
    OVP_TRY(path ? ovp_strdup(ctx, source, path) : ovp_data_search(source, ctx, entry, full->directory));
    OVP_TRY(entry->detail->reader->read(out, ctx, entry, *source, full));
done:
    return status;
}

static void move_part(ovp_numeric_array *x, ovp_numeric_array *y, ovp_data_samples *samples) {
    *x = samples->x;
    *y = samples->y;
    *samples = (ovp_data_samples){0};
}

ovp_status ovp_data_load(ovp_data_set *out, ovp_ctx *ctx, const char *name, const ovp_data_options *options) {
    ovp_data_options full;
    ovp_data_work work = {.ctx = ctx, .name = name, .options = &full};
    ovp_status status = OVP_OK;
    assert(out && name);
    *out = (ovp_data_set){0};
    OVP_TRY(ovp_data_read(&work.raw, &out->source, &full, ctx, name, options));
    OVP_TRY(ovp_data_select(&work));
    OVP_TRY(ovp_data_gather(&work));
    OVP_TRY(ovp_data_transform(&work));
    OVP_TRY(ovp_data_scale_parts(&work));
    move_part(&out->x_train, &out->y_train, &work.part[OVP_DATA_TRAIN]);
    move_part(&out->x_validation, &out->y_validation, &work.part[OVP_DATA_VALIDATION]);
    move_part(&out->x_test, &out->y_test, &work.part[OVP_DATA_TEST]);
    out->features = work.features;
    out->classes = work.classes;
    out->outputs = work.classes || !out->y_train.data ? 0 : out->y_train.shape[1];
    out->image_rows = work.rows;
    out->image_cols = work.cols;
    out->image_channels = work.channels;
    out->class_names = work.raw.class_names;
    work.raw.class_names = NULL;
done:
    ovp_data_work_free(&work);
    if (status != OVP_OK) ovp_data_free(ctx, out);
    return status;
}

void ovp_data_free(ovp_ctx *ctx, ovp_data_set *set) {
    if (!set) return;
    ovp_numeric_array_free(ctx, &set->x_train);
    ovp_numeric_array_free(ctx, &set->y_train);
    ovp_numeric_array_free(ctx, &set->x_test);
    ovp_numeric_array_free(ctx, &set->y_test);
    ovp_numeric_array_free(ctx, &set->x_validation);
    ovp_numeric_array_free(ctx, &set->y_validation);
    ovp_free(ctx, set->source);
    ovp_free(ctx, set->class_names);
    *set = (ovp_data_set){0};
}

static void part_free(ovp_ctx *ctx, ovp_data_part *part) {
    ovp_numeric_array_free(ctx, &part->x);
    ovp_numeric_array_free(ctx, &part->y);
    ovp_free(ctx, part->files);
    part->files = NULL;
}

void ovp_data_raw_free(ovp_ctx *ctx, ovp_data_raw *raw) {
    part_free(ctx, &raw->train);
    part_free(ctx, &raw->test);
    ovp_free(ctx, raw->class_names);
    raw->class_names = NULL;
}

void ovp_data_samples_free(ovp_ctx *ctx, ovp_data_samples *samples) {
    ovp_numeric_array_free(ctx, &samples->x);
    ovp_numeric_array_free(ctx, &samples->y);
}

void ovp_data_work_free(ovp_data_work *work) {
    ovp_data_raw_free(work->ctx, &work->raw);
    for (int p = 0; p < OVP_DATA_PARTS; p++) {
        ovp_free(work->ctx, work->chosen[p].rows);
        ovp_data_samples_free(work->ctx, &work->part[p]);
        work->chosen[p].rows = NULL;
    }
}
