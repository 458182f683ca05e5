/* Result tables: rows of typed cells, as CSV and as JSON. */
#include "store/store_int.h"

#include <string.h>

struct ovp_store_table {
    ovp_ctx *ctx;
    char *name;
    const ovp_store_column *columns;
    ovp_idx count, rows, capacity;
    ovp_store_cell *cells; /* rows x count; text owned */
};

static int good_name(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    return name && name[0] && strlen(name) <= 64 && name[strspn(name, allowed)] == 0;
}

ovp_status ovp_store_table_create(ovp_store_table **out, ovp_ctx *ctx, const char *name,
                                  const ovp_store_column *columns, ovp_idx count) {
    ovp_status status = OVP_OK;
    ovp_store_table *table = NULL;
    *out = NULL;
    if (!good_name(name))
        return ovp_fail(ctx, OVP_EINVAL, "table name '%.64s': 1 to 64 characters of a-z, 0-9, '-' and '_' are allowed",
                        name ? name : "");
    if (count < 1 || count > 1000)
        return ovp_fail(ctx, OVP_EINVAL, "table %s: %lld columns, allowed are 1 to 1000", name, (long long)count);
    OVP_TRY(ovp_alloc(ctx, &table, 1, sizeof(*table)));
    table->ctx = ctx;
    table->columns = columns;
    table->count = count;
    OVP_TRY(ovp_strdup(ctx, &table->name, name));
    *out = table;
    table = NULL;
done:
    ovp_store_table_free(table);
    return status;
}

static void free_row(ovp_store_table *table, ovp_store_cell *row) {
    for (ovp_idx c = 0; c < table->count; c++) {
        char *text = NULL;
        memcpy(&text, &row[c].text, sizeof(text)); /* const in the public struct, owned here */
        ovp_free(table->ctx, text);
        row[c].text = NULL;
    }
}

void ovp_store_table_free(ovp_store_table *table) {
    if (!table) return;
    for (ovp_idx r = 0; r < table->rows; r++) free_row(table, table->cells + r * table->count);
    ovp_free(table->ctx, table->cells);
    ovp_free(table->ctx, table->name);
    ovp_free(table->ctx, table);
}

ovp_status ovp_store_table_add(ovp_store_table *table, const ovp_store_cell *cells) {
    ovp_status status = OVP_OK;
    ovp_store_cell *row = NULL;
    if (table->rows == table->capacity) {
        ovp_store_cell *more = NULL;
        ovp_idx capacity = table->capacity ? 2 * table->capacity : 16;
        OVP_TRY(ovp_alloc(table->ctx, &more, capacity * table->count, sizeof(*more)));
        if (table->rows) memcpy(more, table->cells, (size_t)(table->rows * table->count) * sizeof(*more));
        ovp_free(table->ctx, table->cells);
        table->cells = more;
        table->capacity = capacity;
    }
    row = table->cells + table->rows * table->count;
    memset(row, 0, (size_t)table->count * sizeof(*row));
    for (ovp_idx c = 0; c < table->count; c++) {
        ovp_store_cell cell = cells[c];
        cell.text = NULL;
        if (cell.kind == OVP_CELL_TEXT) {
            char *copy = NULL;
            OVP_TRY(ovp_strdup(table->ctx, &copy, cells[c].text ? cells[c].text : ""));
            cell.text = copy;
        }
        row[c] = cell;
    }
    table->rows++;
done:
    if (status != OVP_OK && row) free_row(table, row);
    return status;
}

const char *ovp_store_table_name(const ovp_store_table *table) {
    return table->name;
}

ovp_idx ovp_store_table_rows(const ovp_store_table *table) {
    return table->rows;
}

ovp_idx ovp_store_table_column(const ovp_store_table *table, const char *name) {
    for (ovp_idx c = 0; c < table->count; c++)
        if (strcmp(table->columns[c].name, name) == 0) return c;
    return -1;
}

const ovp_store_cell *ovp_store_table_cell(const ovp_store_table *table, ovp_idx row, ovp_idx column) {
    if (row < 0 || row >= table->rows || column < 0 || column >= table->count) return NULL;
    return &table->cells[row * table->count + column];
}

static json_t *cell_json(const ovp_store_cell *cell) {
    switch (cell->kind) {
    case OVP_CELL_INT:
        return json_integer(cell->integer);
    case OVP_CELL_REAL:
        return ovp_io_json_number(cell->real);
    case OVP_CELL_TEXT: {
        json_t *text = json_string(cell->text);
        return text ? text : json_string("(not UTF-8)");
    }
    case OVP_CELL_NULL:
    default:
        return json_null();
    }
}

struct json_t *ovp_store_table_json(const ovp_store_table *table) {
    json_t *columns = json_array(), *units = json_array(), *rows = json_array();
    int failed = 0;
    for (ovp_idx c = 0; c < table->count; c++) {
        failed |= json_array_append_new(columns, json_string(table->columns[c].name));
        failed |= json_array_append_new(units, json_string(table->columns[c].unit ? table->columns[c].unit : ""));
    }
    for (ovp_idx r = 0; r < table->rows; r++) {
        json_t *row = json_array();
        for (ovp_idx c = 0; c < table->count; c++)
            failed |= json_array_append_new(row, cell_json(&table->cells[r * table->count + c]));
        failed |= json_array_append_new(rows, row);
    }
    json_t *object = failed ? NULL : json_pack("{s:O, s:O, s:O}", "columns", columns, "units", units, "rows", rows);
    json_decref(columns);
    json_decref(units);
    json_decref(rows);
    return object;
}

void ovp_store_table_csv(const ovp_store_table *table, ovp_text *out) {
    char number[32];
    for (ovp_idx c = 0; c < table->count; c++) {
        if (c) ovp_text_add(out, ",");
        ovp_io_csv_add_cell(out, table->columns[c].name);
    }
    ovp_text_add(out, "\n");
    for (ovp_idx r = 0; r < table->rows; r++) {
        for (ovp_idx c = 0; c < table->count; c++) {
            const ovp_store_cell *cell = &table->cells[r * table->count + c];
            if (c) ovp_text_add(out, ",");
            switch (cell->kind) {
            case OVP_CELL_INT:
                ovp_text_add(out, "%lld", (long long)cell->integer);
                break;
            case OVP_CELL_REAL:
                (void)ovp_format_real(number, cell->real);
                ovp_text_add(out, "%s", number);
                break;
            case OVP_CELL_TEXT:
                ovp_io_csv_add_cell(out, cell->text);
                break;
            case OVP_CELL_NULL:
            default:
                break;
            }
        }
        ovp_text_add(out, "\n");
    }
}
