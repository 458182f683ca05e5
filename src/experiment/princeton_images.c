/* The Princeton tutorial's images: per class the first few, rows of length 1. */
#include "princeton_int.h"

#include <overparam/data.h>
#include <string.h>

/* Row of the set for each row of ours: classes in the order of their first appearance. */
static ovp_status choose(int64_t *rows, ovp_ctx *ctx, const char *dataset, const ovp_data_set *set, ovp_idx per_class) {
    ovp_status status = OVP_OK;
    const int32_t *label = set->y_train.data;
    const ovp_idx n = set->x_train.shape[0];
    ovp_idx *place = NULL, seen = 0; /* place: of each class, then how many were met */
    OVP_TRY(ovp_alloc(ctx, &place, 2 * set->classes, sizeof *place));
    ovp_idx *met = place + set->classes;
    for (ovp_idx k = 0; k < set->classes; k++) place[k] = -1;
    for (ovp_idx i = 0; i < n; i++) {
        const int32_t k = label[i];
        if (place[k] < 0) place[k] = seen++;
        if (met[k] < per_class) rows[place[k] * per_class + met[k]++] = i;
    }
    for (ovp_idx k = 0; k < set->classes; k++)
        if (met[k] < per_class)
            OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "%s has %lld training images of class %lld and %lld are wanted of each",
                             dataset, (long long)met[k], (long long)k, (long long)per_class));
done:
    ovp_free(ctx, place);
    return status;
}

/* Row i of ours from row `from` of the set: / 256 and / length. The published programs did this in f32 and widened:
 * training for 10,000 epochs shows the difference in its printed digits. */
static ovp_status fill(ovp_ctx *ctx, const ovp_numeric_array *x, int64_t from, ovp_idx d, double *to) {
    const float *pixel = (const float *)x->data + from * d;
    double square = 0;
    for (ovp_idx j = 0; j < d; j++) {
        to[j] = (double)pixel[j] / 256;
        square += to[j] * to[j];
    }
    if (!(square > 0))
        return ovp_fail(ctx, OVP_EINVAL, "image %lld is all zeros and cannot be divided by its length",
                        (long long)from);
    const float length = (float)sqrt(square);
    for (ovp_idx j = 0; j < d; j++) to[j] = (double)((float)to[j] / length);
    return OVP_OK;
}

/* rows NULL: the first ones. */
static ovp_status take(ovp_ctx *ctx, const ovp_numeric_array *x, const ovp_numeric_array *y, const int64_t *rows,
                       ovp_idx n, ovp_idx classes, double **to, int32_t **label, double **target) {
    ovp_status status = OVP_OK;
    const ovp_idx d = x->shape[1];
    OVP_TRY(ovp_alloc(ctx, to, n * d, sizeof **to));
    OVP_TRY(ovp_alloc(ctx, label, n, sizeof **label));
    OVP_TRY(ovp_alloc(ctx, target, n * classes, sizeof **target));
    for (ovp_idx i = 0; i < n; i++) {
        const int64_t from = rows ? rows[i] : i;
        OVP_TRY(fill(ctx, x, from, d, *to + i * d));
        (*label)[i] = ((const int32_t *)y->data)[from];
        (*target)[i * classes + (*label)[i]] = 1;
    }
done:
    return status;
}

ovp_status princeton_images_load(princeton_images *out, ovp_ctx *ctx, const char *dataset, ovp_idx per_class,
                                 ovp_idx tests) {
    ovp_status status = OVP_OK;
    ovp_data_set set = {.features = 0};
    int64_t *rows = NULL;
    const ovp_data_options options = {.size = sizeof options, .test = tests, .type = OVP_F32};
    *out = (princeton_images){.n = 0};
    OVP_TRY(ovp_data_load(&set, ctx, dataset, &options));
    if (set.classes < 1 || set.image_rows < 1)
        OVP_TRY(
            ovp_fail(ctx, OVP_EINVAL, "%s is not a set of images with labels; mnist and fashion-mnist are", dataset));
    if (!set.x_test.data)
        OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "%s has no test images, which this experiment needs", dataset));
    out->n = per_class * set.classes;
    out->n_test = set.x_test.shape[0];
    out->d = set.features;
    out->classes = set.classes;
    OVP_TRY(ovp_alloc(ctx, &rows, out->n, sizeof *rows));
    OVP_TRY(choose(rows, ctx, dataset, &set, per_class));
    OVP_TRY(take(ctx, &set.x_train, &set.y_train, rows, out->n, set.classes, &out->x, &out->label, &out->target));
    OVP_TRY(take(ctx, &set.x_test, &set.y_test, NULL, out->n_test, set.classes, &out->x_test, &out->label_test,
                 &out->target_test));
done:
    ovp_free(ctx, rows);
    ovp_data_free(ctx, &set);
    if (status != OVP_OK) princeton_images_free(ctx, out);
    return status;
}

void princeton_images_free(ovp_ctx *ctx, princeton_images *images) {
    ovp_free(ctx, images->target_test);
    ovp_free(ctx, images->target);
    ovp_free(ctx, images->label_test);
    ovp_free(ctx, images->label);
    ovp_free(ctx, images->x_test);
    ovp_free(ctx, images->x);
    *images = (princeton_images){.n = 0};
}
