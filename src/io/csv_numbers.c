/* A table's cells as numbers. */
#include "io/io_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* The first line is a row, see ovp_io_csv_bare. */
static int is_bare(const ovp_io_csv *csv) {
    return csv->cells == csv->header;
}

/* The line of a cell, counted as the parser does: one a record, and the breaks within the cells before it. */
static long long line_of(const ovp_io_csv *csv, ovp_idx row, ovp_idx column) {
    const ovp_idx records = is_bare(csv) ? row : row + 1; /* before the cell's; the header is the first */
    ovp_idx cells = csv->columns * records + column;
    long long line = 1 + records;
    for (ovp_idx i = 0; i < cells; i++)
        for (const char *c = csv->header[i]; *c; c++) line += *c == '\n';
    return line;
}

/* Blanks around it allowed, and inf and nan in any case, as programs that write tables differ there. */
static int take_number(const char *cell, double *out) {
    char plain[512]; /* as ovp_parse_real */
    cell += strspn(cell, " \t");
    size_t n = strlen(cell);
    while (n && (cell[n - 1] == ' ' || cell[n - 1] == '\t')) n--;
    if (n >= sizeof(plain)) return 0;
    for (size_t i = 0; i < n; i++) plain[i] = (char)(cell[i] >= 'A' && cell[i] <= 'Z' ? cell[i] + 32 : cell[i]);
    plain[n] = 0;
    int sign = *plain == '-' || *plain == '+';
    if (strcmp(plain + sign, "infinity") == 0) plain[sign + 3] = 0;
    return ovp_parse_real(plain, out);
}

int ovp_io_csv_bare(ovp_io_csv *csv) {
    double value;
    assert(csv && csv->header && !is_bare(csv));
    for (ovp_idx k = 0; k < csv->columns; k++)
        if (!take_number(csv->header[k], &value)) return 0;
    csv->cells = csv->header;
    csv->rows++;
    return 1;
}

static ovp_status fail_cell(ovp_ctx *ctx, const char *name, const ovp_io_csv *csv, ovp_idx row, ovp_idx column,
                            const char *what) {
    const char *cell = csv->cells[row * csv->columns + column], *heading = csv->header[column];
    const long long line = line_of(csv, row, column), number = column + 1;
    if (is_bare(csv))
        return ovp_fail(ctx, OVP_EFORMAT, "%s: line %lld, column %lld: '%s' is not a %s", name, line, number,
                        ovp_io_show(cell, strlen(cell)).text, what);
    return ovp_fail(ctx, OVP_EFORMAT, "%s: line %lld, column %lld (%s): '%s' is not a %s", name, line, number,
                    ovp_io_show(heading, strlen(heading)).text, ovp_io_show(cell, strlen(cell)).text, what);
}

ovp_status ovp_io_csv_columns(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const ovp_io_csv *csv,
                              ovp_idx count, const ovp_idx *columns, int finite) {
    assert(out && name && csv);
    const ovp_idx shape[] = {csv->rows, columns ? count : csv->columns};
    ovp_status status = ovp_numeric_array_create(out, ctx, OVP_F64, 2, shape);
    if (status != OVP_OK) return status;
    double *to = out->data;
    for (ovp_idx row = 0; row < csv->rows; row++)
        for (ovp_idx i = 0; i < shape[1]; i++, to++) {
            const ovp_idx column = columns ? columns[i] : i;
            assert(column >= 0 && column < csv->columns);
            int number = take_number(csv->cells[row * csv->columns + column], to);
            if (number && (!finite || isfinite(*to))) continue;
            ovp_numeric_array_free(ctx, out);
            return fail_cell(ctx, name, csv, row, column, number ? "finite number" : "number");
        }
    return OVP_OK;
}

ovp_status ovp_io_csv_numbers(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const ovp_io_csv *csv,
                              int finite) {
    return ovp_io_csv_columns(out, ctx, name, csv, 0, NULL, finite);
}
