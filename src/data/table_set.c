/* The user's own table: a csv file of numbers, with a label column or target columns. */
#include "data/data_int.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum column_role { INPUT, LABEL, TARGET } column_role;

typedef struct table {
    ovp_ctx *ctx;
    const char *path;
    ovp_io_csv csv;
    column_role *roles; /* csv.columns */
    ovp_idx inputs, targets, label;
} table;

static const char *cell(const table *t, ovp_idx row, ovp_idx column) {
    return t->csv.cells[row * t->csv.columns + column];
}

/* ---- columns by name ----------------------------------------------------------------------------- */

static ovp_status assign(table *t, const char *name, size_t length, column_role role, const char *option) {
    ovp_idx found = -1;
    for (ovp_idx c = 0; c < t->csv.columns; c++)
        if (strlen(t->csv.header[c]) == length && memcmp(t->csv.header[c], name, length) == 0) {
            if (found >= 0)
                return ovp_fail(t->ctx, OVP_EFORMAT, "%s: two columns are named '%.*s' (%s)", t->path, (int)length,
                                name, option);
            found = c;
        }
    if (found < 0)
        return ovp_fail(t->ctx, OVP_EINVAL, "%s: no column '%.*s' (%s); the first line names the columns", t->path,
                        length < 60 ? (int)length : 60, name, option);
    if (t->roles[found] != INPUT)
        return ovp_fail(t->ctx, OVP_EINVAL, "%s: column '%.*s' is asked for twice (%s)", t->path, (int)length, name,
                        option);
    t->roles[found] = role;
    if (role == LABEL) t->label = found;
    t->inputs--;
    t->targets += role == TARGET;
    return OVP_OK;
}

static ovp_status find_roles(table *t, const ovp_data_options *o) {
    ovp_status status = OVP_OK;
    t->inputs = t->csv.columns;
    t->label = -1;
    OVP_TRY(ovp_alloc(t->ctx, &t->roles, t->csv.columns, sizeof(*t->roles)));
    if (o->label_column && o->target_columns) {
        status = ovp_fail(t->ctx, OVP_EINVAL, "%s: a label column and target columns; give one of them", t->path);
        goto done;
    }
    if (o->label_column) OVP_TRY(assign(t, o->label_column, strlen(o->label_column), LABEL, "label column"));
    for (const char *name = o->target_columns; name;) {
        size_t length = strcspn(name, ",");
        OVP_TRY(assign(t, name, length, TARGET, "target columns"));
        name = name[length] ? name + length + 1 : NULL;
    }
    if (t->inputs < 1 || t->csv.rows < 1)
        status = ovp_fail(t->ctx, OVP_EFORMAT, "%s: %lld rows with %lld input columns; at least 1 of each expected",
                          t->path, (long long)t->csv.rows, (long long)t->inputs);
done:
    return status;
}

/* ---- values -------------------------------------------------------------------------------------- */

static ovp_status read_numbers(ovp_numeric_array *out, const table *t, column_role role, ovp_idx columns) {
    const ovp_idx shape[2] = {t->csv.rows, columns};
    ovp_status status = ovp_numeric_array_create(out, t->ctx, OVP_F64, 2, shape);
    if (status != OVP_OK) return status;
    double *to = out->data;
    for (ovp_idx r = 0; r < t->csv.rows; r++)
        for (ovp_idx c = 0; c < t->csv.columns; c++) {
            if (t->roles[c] != role) continue;
            const char *text = cell(t, r, c);
            if (!ovp_parse_real(text, to) || !isfinite(*to))
                return ovp_fail(t->ctx, OVP_EFORMAT,
                                "%s: row %lld below the header, column '%.60s': '%.40s' is not a finite number",
                                t->path, (long long)r + 1, t->csv.header[c], text);
            to++;
        }
    return OVP_OK;
}

static int bytewise(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct texts of the label column, sorted; they are the classes. */
static ovp_status read_names(ovp_data_raw *out, const table *t) {
    ovp_status status = OVP_OK;
    const char **names = NULL;
    ovp_idx count = 0;
    int clean = 1;
    OVP_TRY(ovp_alloc(t->ctx, &names, t->csv.rows, sizeof(*names)));
    for (ovp_idx r = 0; r < t->csv.rows; r++) names[r] = cell(t, r, t->label);
    qsort(names, (size_t)t->csv.rows, sizeof(*names), bytewise);
    for (ovp_idx r = 0; r < t->csv.rows; r++)
        if (r == 0 || strcmp(names[r], names[count - 1]) != 0) {
            clean = clean && ovp_data_name_is_clean(names[r]);
            names[count++] = names[r];
        }
    if (!names[0][0] || !clean || count > OVP_DATA_CLASS_LIMIT) {
        status = ovp_fail(t->ctx, OVP_EFORMAT, "%s: label column '%.60s': %s", t->path, t->csv.header[t->label],
                          !names[0][0] ? "an empty cell"
                          : clean      ? "more different texts than classes can be"
                                       : "control characters in a cell");
        goto done;
    }
    OVP_TRY(ovp_data_block(&out->class_names, t->ctx, names, count));
    out->classes = count;
    int32_t *label = out->train.y.data;
    for (ovp_idx r = 0; r < t->csv.rows; r++) {
        const char *text = cell(t, r, t->label);
        const char *const *found = bsearch(&text, names, (size_t)count, sizeof(*names), bytewise);
        assert(found);
        label[r] = (int32_t)(found - (const char *const *)names);
    }
done:
    ovp_free(t->ctx, names);
    return status;
}

/* Whole numbers are labels as they stand; if any cell is something else, all are names. */
static ovp_status read_labels(ovp_data_raw *out, const table *t) {
    int64_t value;
    ovp_status status = ovp_numeric_array_create(&out->train.y, t->ctx, OVP_I32, 1, &out->train.n);
    if (status != OVP_OK) return status;
    int32_t *label = out->train.y.data;
    for (ovp_idx r = 0; r < t->csv.rows; r++) {
        if (!ovp_parse_int(cell(t, r, t->label), &value)) return read_names(out, t);
        if (value < 0 || value >= OVP_DATA_CLASS_LIMIT)
            return ovp_fail(t->ctx, OVP_EFORMAT, "%s: row %lld below the header: label %lld; labels are 0 to %d",
                            t->path, (long long)r + 1, (long long)value, OVP_DATA_CLASS_LIMIT - 1);
        label[r] = (int32_t)value;
        if (value >= out->classes) out->classes = value + 1;
    }
    return OVP_OK;
}

static ovp_status read_set(ovp_data_raw *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *source,
                           const ovp_data_options *options) {
    ovp_status status = OVP_OK;
    table t = {.ctx = ctx, .path = source};
    (void)entry;
    OVP_TRY(ovp_io_csv_read(&t.csv, ctx, source));
    OVP_TRY(find_roles(&t, options));
    out->train.present = 1;
    out->train.n = t.csv.rows;
    OVP_TRY(read_numbers(&out->train.x, &t, INPUT, t.inputs));
    if (t.label >= 0) OVP_TRY(read_labels(out, &t));
    if (t.targets) OVP_TRY(read_numbers(&out->train.y, &t, TARGET, t.targets));
done:
    ovp_free(ctx, t.roles);
    ovp_io_csv_free(ctx, &t.csv);
    return status;
}

extern const ovp_data_reader ovp_data_csv_reader;
const ovp_data_reader ovp_data_csv_reader = {.read = read_set};
