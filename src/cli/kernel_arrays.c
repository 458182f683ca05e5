/* overparam kernel: the user's arrays, read and written. */
#include <ctype.h>
#include <math.h>

#include "cli_kernel.h"

typedef struct source {
    char path[4096];
    const char *part; /* behind the colon; NULL if there is none */
    char ending[5];   /* ".npy", ".npz", ".csv" */
} source;

static const char *const endings[] = {".npy", ".npz", ".csv"};

/* The first ending that is followed by a colon or by nothing. */
static ovp_status find_source(source *out, cli_app *cli, const char *spec) {
    *out = (source){.part = NULL};
    for (const char *at = strchr(spec, '.'); at; at = strchr(at + 1, '.'))
        for (int i = 0; i < 3; i++) {
            if (strncmp(at, endings[i], 4) != 0 || (at[4] && at[4] != ':')) continue;
            const size_t length = (size_t)(at - spec) + 4;
            if (length >= sizeof out->path) break;
            memcpy(out->path, spec, length);
            memcpy(out->ending, endings[i], 4);
            if (at[4]) out->part = at + 5;
            if (!out->part || (out->part[0] && i > 0)) return OVP_OK;
            return ovp_fail(cli->ctx, OVP_EUSAGE, "%.200s: %s", spec,
                            i ? "a name is expected behind the colon"
                              : "an npy file holds one array; leave the colon out");
        }
    return ovp_fail(cli->ctx, OVP_EUSAGE,
                    "%.200s: arrays are FILE.npy, FILE.npz:MEMBER, FILE.csv or FILE.csv:COLUMNS (a,b or -a: all but a)",
                    spec);
}

/* ---- npz --------------------------------------------------------------------------------------------- */

static ovp_status no_member(cli_app *cli, const source *s, const ovp_io_named_array *arrays, ovp_idx count) {
    ovp_text names = {.ctx = cli->ctx};
    for (ovp_idx i = 0; i < count && i < 12; i++) ovp_text_add(&names, "%s%.40s", i ? ", " : "", arrays[i].name);
    if (count > 12) ovp_text_add(&names, ", ...");
    const char *list = names.data ? names.data : "nothing";
    const ovp_status status =
        s->part ? ovp_fail(cli->ctx, OVP_EFORMAT, "%.200s: no array '%.60s'; it holds %s", s->path, s->part, list)
                : ovp_fail(cli->ctx, OVP_EFORMAT, "%.200s: holds %s; write %.200s:NAME for one of them", s->path, list,
                           s->path);
    ovp_text_free(&names);
    return status;
}

static ovp_status read_member(ovp_numeric_array *out, cli_app *cli, const source *s) {
    ovp_io_named_array *arrays = NULL;
    ovp_idx count = 0, found = -1;
    ovp_status status;
    OVP_TRY(ovp_io_npz_read(&arrays, &count, cli->ctx, s->path));
    if (!s->part && count == 1) found = 0;
    for (ovp_idx i = 0; s->part && i < count; i++)
        if (!strcmp(arrays[i].name, s->part)) found = i;
    if (found < 0) {
        status = no_member(cli, s, arrays, count);
        goto done;
    }
    *out = arrays[found].array;
    arrays[found].array = (ovp_numeric_array){0};
done:
    ovp_io_npz_free(cli->ctx, arrays, count);
    return status;
}

/* ---- csv --------------------------------------------------------------------------------------------- */

/* Column of this name; where there is none, of this number, from 1. bare: the columns have no names. */
static ovp_status find_column(ovp_idx *out, cli_app *cli, const char *path, const ovp_io_csv *csv, int bare,
                              const char *name, size_t length) {
    char text[24];
    int64_t number;
    *out = -1;
    for (ovp_idx c = 0; !bare && c < csv->columns; c++) {
        if (strlen(csv->header[c]) != length || memcmp(csv->header[c], name, length) != 0) continue;
        if (*out >= 0)
            return ovp_fail(cli->ctx, OVP_EFORMAT, "%.200s: two columns are named '%.*s'; say which by its number",
                            path, length < 60 ? (int)length : 60, name);
        *out = c;
    }
    if (*out >= 0) return OVP_OK;
    snprintf(text, sizeof text, "%.*s", length < sizeof text ? (int)length : (int)sizeof text - 1, name);
    if (length < sizeof text && isdigit((unsigned char)text[0]) && ovp_parse_int(text, &number) && number >= 1 &&
        number <= csv->columns) {
        *out = number - 1;
        return OVP_OK;
    }
    if (bare)
        return ovp_fail(cli->ctx, OVP_EFORMAT,
                        "%.200s: no column '%.*s'; its columns have no names, only numbers, 1 to %lld", path,
                        length < 60 ? (int)length : 60, name, (long long)csv->columns);
    return ovp_fail(cli->ctx, OVP_EFORMAT,
                    "%.200s: no column '%.*s'; it has %lld columns, the first is '%.40s', the last '%.40s'", path,
                    length < 60 ? (int)length : 60, name, (long long)csv->columns, csv->header[0],
                    csv->header[csv->columns - 1]);
}

/* *columns (ovp_free), *count: those meant by "a,b" or "-a,b" (all but these), in the file's order. */
static ovp_status choose_columns(ovp_idx **columns, ovp_idx *count, cli_app *cli, const source *s,
                                 const ovp_io_csv *csv, int bare) {
    const int but = s->part && s->part[0] == '-';
    char *chosen = NULL;
    ovp_idx column;
    ovp_status status;
    OVP_TRY(ovp_alloc(cli->ctx, columns, csv->columns, sizeof **columns));
    OVP_TRY(ovp_alloc(cli->ctx, &chosen, csv->columns, sizeof *chosen));
    memset(chosen, !s->part || but, (size_t)csv->columns);
    for (const char *name = s->part ? s->part + but : NULL; name;) {
        const size_t length = strcspn(name, ",");
        OVP_TRY(find_column(&column, cli, s->path, csv, bare, name, length));
        chosen[column] = (char)!but;
        name = name[length] ? name + length + 1 : NULL;
    }
    for (ovp_idx c = 0; c < csv->columns; c++)
        if (chosen[c]) (*columns)[(*count)++] = c;
done:
    ovp_free(cli->ctx, chosen);
    return status;
}

static ovp_status read_table(ovp_numeric_array *out, cli_app *cli, const source *s) {
    ovp_io_csv csv = {0};
    ovp_idx *columns = NULL, count = 0;
    ovp_status status;
    OVP_TRY(ovp_io_csv_read(&csv, cli->ctx, s->path));
    const int bare = ovp_io_csv_bare(&csv);
    OVP_TRY(choose_columns(&columns, &count, cli, s, &csv, bare));
    status = ovp_io_csv_columns(out, cli->ctx, s->path, &csv, count, columns, 1);
done:
    ovp_free(cli->ctx, columns);
    ovp_io_csv_free(cli->ctx, &csv);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

ovp_status cli_kernel_read(ovp_numeric_array *out, cli_app *cli, const char *spec) {
    source s;
    ovp_status status;
    *out = (ovp_numeric_array){0};
    OVP_TRY(find_source(&s, cli, spec));
    if (!strcmp(s.ending, ".npz"))
        status = read_member(out, cli, &s);
    else
        status = !strcmp(s.ending, ".csv") ? read_table(out, cli, &s) : ovp_io_npy_read(out, cli->ctx, s.path);
    if (status != OVP_OK) goto done;
    const ovp_idx count = ovp_numeric_array_count(out);
    if (out->ndim == 0 || count == 0) {
        status = ovp_fail(cli->ctx, OVP_EFORMAT, "%.200s: %s; at least one row with one number expected", spec,
                          out->ndim ? "an array without entries" : "a single number, not an array");
        goto done;
    }
    out->shape[1] = count / out->shape[0];
    out->ndim = 2;
done:
    if (status != OVP_OK) ovp_numeric_array_free(cli->ctx, out);
    return status;
}

static double entry(const ovp_numeric_array *a, ovp_idx i) {
    switch (a->type) {
    case OVP_F32:
        return (double)((const float *)a->data)[i];
    case OVP_F64:
        return ((const double *)a->data)[i];
    case OVP_I64:
        return (double)((const int64_t *)a->data)[i];
    case OVP_I32:
        return (double)((const int32_t *)a->data)[i];
    default:
        return (double)((const uint8_t *)a->data)[i];
    }
}

ovp_status cli_kernel_real(ovp_numeric_array *array, cli_app *cli, const char *spec, ovp_numeric_type type,
                           double divide) {
    ovp_numeric_array made;
    const ovp_idx count = ovp_numeric_array_count(array);
    ovp_status status = ovp_numeric_array_create(&made, cli->ctx, type, array->ndim, array->shape);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < count; i++) {
        const double given = entry(array, i), value = given / divide;
        if (!isfinite(type == OVP_F32 ? (double)(float)value : value)) {
            status = ovp_fail(cli->ctx, OVP_EFORMAT, "%.200s: entry [%lld, %lld] (row and column from 0) is %g%s", spec,
                              (long long)(i / array->shape[1]), (long long)(i % array->shape[1]), given,
                              isfinite(given) ? ", which overflows here" : "; only finite numbers can be used");
            ovp_numeric_array_free(cli->ctx, &made);
            return status;
        }
        if (type == OVP_F32)
            ((float *)made.data)[i] = (float)value;
        else
            ((double *)made.data)[i] = value;
    }
    ovp_numeric_array_free(cli->ctx, array);
    *array = made;
    return OVP_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static const char *ending_of(const char *path) {
    const size_t length = strlen(path);
    for (int i = 0; i < 3; i++)
        if (length > 4 && !strcmp(path + length - 4, endings[i])) return endings[i];
    return "";
}

ovp_status cli_kernel_out(const char **path, cli_app *cli, const cli_args *args, const char *name) {
    *path = cli_value(args, name);
    if (!*path || ending_of(*path)[0]) return OVP_OK;
    return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s %.200s: the file's name must end in .npy, .npz or .csv", name, *path);
}

static ovp_status write_table(cli_app *cli, const char *path, const ovp_io_named_array *named) {
    const ovp_numeric_array *a = &named->array;
    const ovp_idx columns = a->ndim > 1 ? a->shape[1] : 1;
    ovp_text text = {.ctx = cli->ctx};
    for (ovp_idx c = 0; c < columns; c++) ovp_text_add(&text, "%s%s%lld", c ? "," : "", named->name, (long long)c);
    for (ovp_idx i = 0; i < a->shape[0] * columns; i++) {
        char number[32];
        ovp_format_real(number, entry(a, i));
        ovp_text_add(&text, "%s%s", i % columns ? "," : "\n", number);
    }
    ovp_text_add(&text, "\n");
    ovp_status status = ovp_text_status(&text);
    if (status == OVP_OK) status = ovp_io_write_file(cli->ctx, path, text.data, text.length);
    ovp_text_free(&text);
    return status;
}

ovp_status cli_kernel_write(cli_app *cli, const char *path, const ovp_io_named_array *arrays, ovp_idx count) {
    const char *ending = ending_of(path);
    if (!strcmp(ending, ".npz")) return ovp_io_npz_write(cli->ctx, path, arrays, count);
    if (!strcmp(ending, ".csv")) return write_table(cli, path, arrays);
    return ovp_io_npy_write(cli->ctx, path, &arrays[0].array);
}
