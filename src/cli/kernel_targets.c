/* overparam kernel: what is to be learnt, labels or real numbers, and how well it was. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "cli_kernel.h"

#define MOST_CLASSES 10000

static int is_integer_type(ovp_numeric_type type) {
    return type != OVP_F32 && type != OVP_F64;
}

static int ascending(const void *a, const void *b) {
    const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return (p > q) - (p < q);
}

/* *out (rows, ovp_free): a column of whole numbers. */
static ovp_status read_labels(int64_t **out, cli_app *cli, const char *spec, ovp_numeric_array *y) {
    const ovp_idx rows = y->shape[0];
    ovp_status status;
    *out = NULL;
    if (y->shape[1] != 1)
        return ovp_fail(cli->ctx, OVP_ESHAPE, "%.200s is %lld x %lld; labels are one column", spec, (long long)rows,
                        (long long)y->shape[1]);
    OVP_TRY(cli_kernel_real(y, cli, spec, OVP_F64, 1));
    OVP_TRY(ovp_alloc(cli->ctx, out, rows, sizeof **out));
    for (ovp_idx i = 0; i < rows; i++) {
        const double value = ((double *)y->data)[i];
        if (!(fabs(value) <= 0x1p53 && floor(value) >= value)) {
            status = ovp_fail(cli->ctx, OVP_EFORMAT, "%.200s: label %lld (from 0) is %.9g; labels are whole numbers",
                              spec, (long long)i, value);
            goto done;
        }
        (*out)[i] = (int64_t)value;
    }
done:
    if (status != OVP_OK) {
        ovp_free(cli->ctx, *out);
        *out = NULL;
    }
    return status;
}

/* The different labels, rising. */
static ovp_status find_classes(ovp_numeric_array *out, cli_app *cli, const char *spec, ovp_idx rows,
                               const int64_t *labels) {
    int64_t *sorted = NULL;
    ovp_idx count = 0;
    ovp_status status;
    OVP_TRY(ovp_alloc(cli->ctx, &sorted, rows, sizeof *sorted));
    memcpy(sorted, labels, (size_t)rows * sizeof *sorted);
    qsort(sorted, (size_t)rows, sizeof *sorted, ascending);
    for (ovp_idx i = 0; i < rows; i++)
        if (count == 0 || sorted[count - 1] != sorted[i]) sorted[count++] = sorted[i];
    if (count < 2 || count > MOST_CLASSES) {
        status = ovp_fail(cli->ctx, OVP_EFORMAT,
                          "%.200s: %lld different labels; 2..%d expected (real targets: --task regression)", spec,
                          (long long)count, MOST_CLASSES);
        goto done;
    }
    OVP_TRY(ovp_numeric_array_create(out, cli->ctx, OVP_I64, 1, &count));
    memcpy(out->data, sorted, (size_t)count * sizeof *sorted);
done:
    ovp_free(cli->ctx, sorted);
    return status;
}

/* Place of a label among the classes, -1 if it is none. */
static ovp_idx place_of(const ovp_numeric_array *classes, int64_t label) {
    const int64_t *found = bsearch(&label, classes->data, (size_t)classes->shape[0], sizeof label, ascending);
    return found ? found - (const int64_t *)classes->data : -1;
}

/* y (rows x classes): 1 in the label's column, else 0; a label that is no class has none. */
static ovp_status encode(ovp_numeric_array *y, cli_app *cli, const ovp_numeric_array *classes, ovp_idx rows,
                         const int64_t *labels) {
    const ovp_idx shape[2] = {rows, classes->shape[0]};
    ovp_numeric_array_free(cli->ctx, y);
    ovp_status status = ovp_numeric_array_create(y, cli->ctx, OVP_F64, 2, shape);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < rows; i++) {
        const ovp_idx k = place_of(classes, labels[i]);
        if (k >= 0) ((double *)y->data)[i * shape[1] + k] = 1;
    }
    return OVP_OK;
}

/* Real targets in f64: their mean square, which every error and residual is made of, is a number. */
static ovp_status read_values(ovp_numeric_array *y, cli_app *cli, const char *spec) {
    ovp_status status = cli_kernel_real(y, cli, spec, OVP_F64, 1);
    const ovp_idx count = ovp_numeric_array_count(y);
    const double most = sqrt(DBL_MAX / (double)count) / 4; /* the error of an f as large too */
    for (ovp_idx i = 0; status == OVP_OK && i < count; i++)
        if (fabs(((double *)y->data)[i]) > most)
            status = ovp_fail(cli->ctx, OVP_EFORMAT,
                              "%.200s: entry [%lld, %lld] (row and column from 0) is %g, whose square overflows; scale "
                              "the targets down",
                              spec, (long long)(i / y->shape[1]), (long long)(i % y->shape[1]), ((double *)y->data)[i]);
    return status;
}

ovp_status cli_kernel_targets(cli_kernel_model *out, cli_app *cli, const char *spec, const char *task) {
    int64_t *labels = NULL;
    ovp_status status;
    OVP_TRY(cli_kernel_read(&out->y, cli, spec));
    if (!strcmp(task, "regression") || (!strcmp(task, "auto") && !is_integer_type(out->y.type))) {
        status = read_values(&out->y, cli, spec);
        goto done;
    }
    OVP_TRY(read_labels(&labels, cli, spec, &out->y));
    const ovp_idx rows = out->y.shape[0];
    OVP_TRY(find_classes(&out->classes, cli, spec, rows, labels));
    status = encode(&out->y, cli, &out->classes, rows, labels);
done:
    ovp_free(cli->ctx, labels);
    return status;
}

ovp_status cli_kernel_compare(cli_kernel_score *out, cli_app *cli, const cli_kernel_model *model, const char *spec,
                              const ovp_numeric_array *f) {
    const ovp_idx rows = f->shape[0], c = f->shape[1];
    ovp_numeric_array y = {0};
    int64_t *labels = NULL;
    ovp_idx unknown = 0;
    ovp_status status;
    OVP_TRY(cli_kernel_read(&y, cli, spec));
    OVP_TRY(cli_kernel_match(cli, "the prediction", f, spec, &y, 1));
    if (!model->classes.data) {
        OVP_TRY(cli_kernel_match(cli, "the prediction", f, spec, &y, 0));
        OVP_TRY(read_values(&y, cli, spec));
    } else {
        OVP_TRY(read_labels(&labels, cli, spec, &y));
        for (ovp_idx i = 0; i < rows; i++) unknown += place_of(&model->classes, labels[i]) < 0;
        if (unknown)
            ovp_log(cli->ctx, OVP_LOG_WARNING, "%.200s: %lld labels that the model never saw; they count as wrong",
                    spec, (long long)unknown);
        OVP_TRY(encode(&y, cli, &model->classes, rows, labels));
    }
    ovp_kernel_score(&out->mse, &out->error, OVP_F64, rows, c, f->data, y.data);
    /* A row without a 1 has its largest entry nowhere: it would count as the first class. */
    for (ovp_idx i = 0; labels && i < rows; i++) {
        const double *row = (const double *)f->data + i * c;
        ovp_idx largest = 0;
        for (ovp_idx k = 1; k < c; k++)
            if (row[k] > row[largest]) largest = k;
        if (largest == 0 && place_of(&model->classes, labels[i]) < 0) out->error += 1 / (double)rows;
    }
done:
    ovp_free(cli->ctx, labels);
    ovp_numeric_array_free(cli->ctx, &y);
    return status;
}
