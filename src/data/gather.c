/* Chosen samples out of what was read. */
#include "data/data_int.h"

#include <assert.h>
#include <string.h>

/* Position of a class in the filter, which is its new label. */
static int32_t renumber(const ovp_data_options *o, int32_t label) {
    for (ovp_idx k = 0; k < o->class_count; k++)
        if (o->classes[k] == label) return (int32_t)k;
    return label;
}

/* Rows of an array of any type and number of dimensions, samples first. */
static ovp_status copy_rows(ovp_numeric_array *out, ovp_ctx *ctx, const ovp_numeric_array *from,
                            const ovp_data_chosen *chosen) {
    ovp_idx shape[OVP_NUMERIC_MAX_DIMS];
    memcpy(shape, from->shape, sizeof(shape));
    shape[0] = chosen->n;
    ovp_status status = ovp_numeric_array_create(out, ctx, from->type, from->ndim, shape);
    if (status != OVP_OK) return status;
    size_t bytes = ovp_numeric_type_size(from->type);
    for (int d = 1; d < from->ndim; d++) bytes *= (size_t)from->shape[d];
    for (ovp_idx i = 0; i < chosen->n; i++)
        memcpy((char *)out->data + (size_t)i * bytes, (const char *)from->data + (size_t)chosen->rows[i] * bytes,
               bytes);
    return OVP_OK;
}

static ovp_status gather_part(ovp_data_work *work, const ovp_data_part *part, int which) {
    ovp_status status = OVP_OK;
    ovp_data_samples *to = &work->part[which];
    const ovp_data_chosen *chosen = &work->chosen[which];
    to->n = chosen->n;
    if (!part->present || !chosen->rows || !chosen->n) return OVP_OK;
    if (part->files)
        OVP_TRY(ovp_data_decode(work, &to->x, part, chosen));
    else
        OVP_TRY(copy_rows(&to->x, work->ctx, &part->x, chosen));
    if (!part->y.data) return OVP_OK;
    OVP_TRY(copy_rows(&to->y, work->ctx, &part->y, chosen));
    int32_t *label = to->y.type == OVP_I32 ? to->y.data : NULL;
    for (ovp_idx i = 0; label && i < to->n; i++) label[i] = renumber(work->options, label[i]);
done:
    return status;
}

ovp_status ovp_data_gather(ovp_data_work *work) {
    ovp_status status = OVP_OK;
    ovp_data_raw *raw = &work->raw;
    work->rows = raw->rows;
    work->cols = raw->cols;
    work->channels = raw->channels;
    OVP_TRY(gather_part(work, &raw->train, OVP_DATA_TRAIN));
    OVP_TRY(gather_part(work, &raw->train, OVP_DATA_VALIDATION));
    OVP_TRY(gather_part(work, raw->test.present ? &raw->test : &raw->train, OVP_DATA_TEST));
    /* Not needed any more: a large set would otherwise stand in memory twice while it is scaled. */
    ovp_numeric_array_free(work->ctx, &raw->train.x);
    ovp_numeric_array_free(work->ctx, &raw->test.x);
    work->features = work->part[OVP_DATA_TRAIN].x.shape[1];
done:
    return status;
}
