/* Which samples: class filter, limit, fraction, split. The order of the steps and of the draws is promised in data.h.
 */
#include "data/data_int.h"

#include <assert.h>
#include <string.h>

static ovp_status choose_failed(ovp_data_work *work, const char *part, ovp_idx wanted, ovp_idx have) {
    return ovp_fail(work->ctx, OVP_EINVAL, "%s: %lld %s samples asked for; 1 to %lld can be had%s (0 = all)",
                    work->name, (long long)wanted, part, (long long)have,
                    work->options->class_count ? " of the chosen classes" : "");
}

static int keeps(const ovp_data_options *o, int32_t label) {
    for (ovp_idx k = 0; k < o->class_count; k++)
        if (o->classes[k] == label) return 1;
    return o->class_count == 0;
}

/* The first `wanted` samples (0: all) of the classes asked for. */
static ovp_status filter(ovp_data_chosen *out, ovp_data_work *work, const ovp_data_part *part, const char *name,
                         ovp_idx wanted) {
    const int32_t *label = work->options->class_count ? part->y.data : NULL;
    ovp_status status = ovp_alloc(work->ctx, &out->rows, part->n, sizeof(*out->rows));
    if (status != OVP_OK) return status;
    out->n = 0;
    for (ovp_idx i = 0; i < part->n; i++)
        if (!label || keeps(work->options, label[i])) out->rows[out->n++] = i;
    if (wanted > out->n || out->n == 0) return choose_failed(work, name, wanted, out->n);
    if (wanted) out->n = wanted;
    return OVP_OK;
}

/* Cuts the training samples, in the order of one permutation, into consecutive pieces; pieces[0] takes their place. */
static ovp_status divide(ovp_data_chosen *pieces[3], ovp_data_work *work, const double *shares, ovp_idx count,
                         const char *what) {
    ovp_status status = OVP_OK;
    ovp_data_chosen *train = &work->chosen[OVP_DATA_TRAIN];
    int64_t *order = NULL, *rows = NULL;
    ovp_idx lengths[3] = {0}, at = 0, n = train->n;
    OVP_TRY(ovp_numeric_torch_split_lengths(work->ctx, n, count, shares, lengths));
    if (lengths[0] < 1) {
        status =
            ovp_fail(work->ctx, OVP_EINVAL, "%s: %s leaves no training sample of %lld", work->name, what, (long long)n);
        goto done;
    }
    OVP_TRY(ovp_alloc(work->ctx, &order, n, sizeof(*order)));
    ovp_numeric_rng_permutation(work->options->rng, n, order);
    for (ovp_idx i = 0; i < n; i++) order[i] = train->rows[order[i]];
    for (ovp_idx p = 0; p < count; at += lengths[p++]) {
        if (!pieces[p]) continue;
        OVP_TRY(ovp_alloc(work->ctx, &rows, lengths[p], sizeof(*rows)));
        memcpy(rows, order + at, (size_t)lengths[p] * sizeof(*rows));
        ovp_free(work->ctx, pieces[p]->rows);
        pieces[p]->rows = rows;
        pieces[p]->n = lengths[p];
        rows = NULL;
    }
done:
    ovp_free(work->ctx, order);
    ovp_free(work->ctx, rows);
    return status;
}

/* The class filter's names, in its order. */
static ovp_status filter_names(ovp_data_work *work) {
    const ovp_data_options *o = work->options;
    char **all = work->raw.class_names;
    const char **kept = NULL;
    ovp_status status = OVP_OK;
    work->classes = o->class_count ? o->class_count : work->raw.classes;
    if (!o->class_count || !all) return OVP_OK;
    OVP_TRY(ovp_alloc(work->ctx, &kept, o->class_count, sizeof(*kept)));
    for (ovp_idx k = 0; k < o->class_count; k++) kept[k] = all[o->classes[k]];
    work->raw.class_names = NULL;
    OVP_TRY(ovp_data_block(&work->raw.class_names, work->ctx, kept, o->class_count));
done:
    ovp_free(work->ctx, kept);
    if (all != work->raw.class_names) ovp_free(work->ctx, all);
    return status;
}

static ovp_status check_classes(ovp_data_work *work) {
    const ovp_data_options *o = work->options;
    const ovp_idx classes = work->raw.classes;
    if (o->class_count && classes == 0)
        return ovp_fail(work->ctx, OVP_EINVAL, "%s: a class filter, but these samples have no classes", work->name);
    for (ovp_idx k = 0; k < o->class_count; k++) {
        if (o->classes[k] < 0 || o->classes[k] >= classes)
            return ovp_fail(work->ctx, OVP_EINVAL, "%s: class %lld in the class filter; 0 to %lld expected", work->name,
                            (long long)o->classes[k], (long long)classes - 1);
        for (ovp_idx j = 0; j < k; j++)
            if (o->classes[j] == o->classes[k])
                return ovp_fail(work->ctx, OVP_EINVAL, "%s: class %lld stands twice in the class filter", work->name,
                                (long long)o->classes[k]);
    }
    return OVP_OK;
}

ovp_status ovp_data_select(ovp_data_work *work) {
    const ovp_data_options *o = work->options;
    ovp_data_chosen *chosen = work->chosen;
    ovp_status status = OVP_OK;
    OVP_TRY(check_classes(work));
    OVP_TRY(filter_names(work));
    OVP_TRY(filter(&chosen[OVP_DATA_TRAIN], work, &work->raw.train, "training", o->train));
    if (work->raw.test.present)
        OVP_TRY(filter(&chosen[OVP_DATA_TEST], work, &work->raw.test, "test", o->test));
    else if (o->test)
        OVP_TRY(choose_failed(work, "test", o->test, 0));
    if (o->fraction > 0 && o->fraction < 1) {
        const double shares[2] = {o->fraction, 1 - o->fraction};
        ovp_data_chosen *pieces[3] = {&chosen[OVP_DATA_TRAIN], NULL, NULL};
        OVP_TRY(divide(pieces, work, shares, 2, "fraction"));
    }
    if (o->split[0] > 0) {
        if (o->split[2] > 0 && work->raw.test.present) {
            status = ovp_fail(work->ctx, OVP_EINVAL,
                              "%s: has its own test part; split it into training and validation part only (test share "
                              "%g; 0 expected)",
                              work->name, o->split[2]);
            goto done;
        }
        ovp_data_chosen *pieces[3] = {&chosen[OVP_DATA_TRAIN], &chosen[OVP_DATA_VALIDATION],
                                      work->raw.test.present ? NULL : &chosen[OVP_DATA_TEST]};
        OVP_TRY(divide(pieces, work, o->split, 3, "split"));
    }
done:
    return status;
}
