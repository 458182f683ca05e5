/* overparam pvar: a path out of an npy, npz or csv file. */
#include <math.h>

#include "cli_pvar.h"

static int ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* ---- columns ----------------------------------------------------------------------------------------- */

typedef struct choice {
    ovp_idx *index, count;
} choice;

/* Number of the column that `name` says, -1 if there is none. names NULL: a number from 0. */
static ovp_idx find_column(const char *name, ovp_idx columns, char *const *names) {
    int64_t number;
    for (ovp_idx k = 0; names && k < columns; k++)
        if (!strcmp(names[k], name)) return k;
    return !names && ovp_parse_int(name, &number) && number >= 0 && number < columns ? number : -1;
}

static ovp_status fail_column(cli_app *cli, const char *file, const char *name, ovp_idx columns, char *const *names) {
    ovp_text list = {.ctx = cli->ctx};
    for (ovp_idx k = 0; names && k < columns && k < 20; k++) ovp_text_add(&list, "%s%s", k ? ", " : "", names[k]);
    if (!names) ovp_text_add(&list, "0..%lld", (long long)columns - 1);
    ovp_fail(cli->ctx, OVP_EUSAGE, "--column: %s has no column '%.60s'; its columns are %s", file, name,
             list.data ? list.data : "");
    ovp_text_free(&list);
    return OVP_EUSAGE;
}

/* The columns that the list names; all of them if it is NULL. Free out->index. */
static ovp_status choose(choice *out, cli_app *cli, const char *file, const char *list, ovp_idx columns,
                         char *const *names) {
    char *copy = NULL, *rest = NULL;
    ovp_status status;
    OVP_TRY(ovp_alloc(cli->ctx, &out->index, columns + (list ? (ovp_idx)strlen(list) : 0), sizeof *out->index));
    if (!list)
        for (; out->count < columns; out->count++) out->index[out->count] = out->count;
    else
        OVP_TRY(ovp_strdup(cli->ctx, &copy, list));
    for (char *word = copy ? strtok_r(copy, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
        const ovp_idx column = find_column(word, columns, names);
        if (column < 0) OVP_TRY(fail_column(cli, file, word, columns, names));
        for (ovp_idx i = 0; i < out->count && status == OVP_OK; i++)
            if (out->index[i] == column)
                status =
                    ovp_fail(cli->ctx, OVP_EUSAGE, "--column: '%.60s' stands twice; name each coordinate once", word);
        OVP_TRY(status);
        out->index[out->count++] = column;
    }
    if (!out->count) status = ovp_fail(cli->ctx, OVP_EUSAGE, "--column: names no column of %s", file);
done:
    ovp_free(cli->ctx, copy);
    return status;
}

/* ---- arrays ------------------------------------------------------------------------------------------ */

static double value_at(const ovp_numeric_array *a, ovp_idx i) {
    switch (a->type) {
    case OVP_F32:
        return (double)((const float *)a->data)[i];
    case OVP_I64:
        return (double)((const int64_t *)a->data)[i];
    case OVP_I32:
        return (double)((const int32_t *)a->data)[i];
    case OVP_U8:
        return (double)((const unsigned char *)a->data)[i];
    default:
        return ((const double *)a->data)[i];
    }
}

/* The first axis is time; all others together are the point. */
static ovp_status take_array(cli_path *out, cli_app *cli, const char *file, const ovp_numeric_array *a,
                             const char *columns) {
    const ovp_idx count = ovp_numeric_array_count(a), points = a->ndim ? a->shape[0] : 0;
    const ovp_idx width = points ? count / points : 0;
    choice chosen = {0};
    ovp_status status;
    if (!count || !points) {
        status = ovp_fail(cli->ctx, OVP_EFORMAT, "%s: no path: %s; n points, or n x d, expected", file,
                          a->ndim ? "the array is empty" : "a single number without an axis");
        goto done;
    }
    OVP_TRY(choose(&chosen, cli, file, columns, width, NULL));
    const ovp_idx shape[] = {points, chosen.count};
    OVP_TRY(ovp_numeric_array_create(&out->values, cli->ctx, OVP_F64, 2, shape));
    double *to = out->values.data;
    for (ovp_idx i = 0; i < points; i++)
        for (ovp_idx k = 0; k < chosen.count; k++, to++) {
            *to = value_at(a, i * width + chosen.index[k]);
            if (isfinite(*to)) continue;
            status = ovp_fail(cli->ctx, OVP_EFORMAT, "%s: point %lld, column %lld (from 0) is %g; it must be finite",
                              file, (long long)i, (long long)chosen.index[k], *to);
            goto done;
        }
done:
    ovp_free(cli->ctx, chosen.index);
    return status;
}

static ovp_status read_npz(cli_path *out, cli_app *cli, const char *file, const char *member, const char *columns) {
    ovp_io_named_array *list = NULL;
    const ovp_io_named_array *found = NULL;
    ovp_text names = {.ctx = cli->ctx};
    ovp_idx count = 0;
    ovp_status status;
    OVP_TRY(ovp_io_npz_read(&list, &count, cli->ctx, file));
    for (ovp_idx i = 0; i < count; i++) {
        if (member ? !strcmp(list[i].name, member) : count == 1) found = &list[i];
        if (i < 20) ovp_text_add(&names, "%s%s", i ? ", " : "", list[i].name);
    }
    if (found)
        status = take_array(out, cli, file, &found->array, columns);
    else
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--array: %s%s%s; %s holds %s", member ? "no '" : "name one",
                          member ? member : "", member ? "'" : "", file, names.data ? names.data : "no array");
done:
    ovp_text_free(&names);
    ovp_io_npz_free(cli->ctx, list, count);
    return status;
}

/* ---- tables ------------------------------------------------------------------------------------------ */

/* Only the chosen columns must be numbers. */
static ovp_status take_table(cli_path *out, cli_app *cli, const char *file, ovp_io_csv *csv, const char *columns) {
    const int bare = ovp_io_csv_bare(csv);
    choice chosen = {0};
    ovp_status status;
    OVP_TRY(choose(&chosen, cli, file, columns, csv->columns, bare ? NULL : csv->header));
    if (!csv->rows) OVP_TRY(ovp_fail(cli->ctx, OVP_EFORMAT, "%s: no path: the table has no rows", file));
    status = ovp_io_csv_columns(&out->values, cli->ctx, file, csv, chosen.count, chosen.index, 1);
done:
    ovp_free(cli->ctx, chosen.index);
    return status;
}

ovp_status cli_path_read(cli_path *out, cli_app *cli, const char *file, const char *member, const char *columns) {
    ovp_numeric_array array = {0};
    ovp_io_csv csv = {0};
    ovp_status status;
    if (member && !ends_with(file, ".npz")) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--array: chooses from an npz file, and %s is none", file);
    } else if (ends_with(file, ".npz")) {
        status = read_npz(out, cli, file, member, columns);
    } else if (ends_with(file, ".npy")) {
        OVP_TRY(ovp_io_npy_read(&array, cli->ctx, file));
        status = take_array(out, cli, file, &array, columns);
    } else {
        OVP_TRY(ovp_io_csv_read(&csv, cli->ctx, file));
        status = take_table(out, cli, file, &csv, columns);
    }
    if (status != OVP_OK) goto done;
    out->points = out->values.shape[0];
    out->dimension = out->values.shape[1];
done:
    ovp_numeric_array_free(cli->ctx, &array);
    ovp_io_csv_free(cli->ctx, &csv);
    return status;
}
