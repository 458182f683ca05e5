/* Numbers of a csv table: what is taken are the table's cells, and a refusal leaves nothing. The first byte says
 * whether numbers must be finite, and whether the first line may be a row. */
#include "fuzz.h"

#include <math.h>

#include <overparam/io.h>

/* The cell without blanks around it is one that ovp_parse_real takes alike, or a word for what is not finite. */
static void same_number(const char *cell, double got) {
    char trimmed[128];
    double alone;
    const char *start = cell + strspn(cell, " \t\r\n\v\f");
    size_t length = strlen(start);
    while (length && strchr(" \t\r\n\v\f", start[length - 1])) length--;
    if (length >= sizeof trimmed) return;
    memcpy(trimmed, start, length);
    trimmed[length] = 0;
    if (!isfinite(got)) return;
    fuzz_require(ovp_parse_real(trimmed, &alone) && memcmp(&alone, &got, sizeof got) == 0, "'%s' became %.17g", trimmed,
                 got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_numeric_array numbers = {0};
    ovp_io_csv table;
    if (size < 1) return 0;
    const int finite = data[0] & 1;
    if (fuzz_ok(ovp_io_csv_parse(&table, ctx, "fuzz", (const char *)data + 1, size - 1))) {
        if (data[0] & 2) ovp_io_csv_bare(&table);
        if (fuzz_ok(ovp_io_csv_numbers(&numbers, ctx, "fuzz", &table, finite))) {
            const double *v = numbers.data;
            fuzz_require(numbers.type == OVP_F64 && numbers.ndim == 2 && numbers.shape[0] == table.rows &&
                             numbers.shape[1] == table.columns,
                         "%lld x %lld", (long long)numbers.shape[0], (long long)numbers.shape[1]);
            for (ovp_idx i = 0; i < table.rows * table.columns; i++) {
                fuzz_require(!finite || isfinite(v[i]), "cell %lld is %g", (long long)i, v[i]);
                same_number(table.cells[i], v[i]);
            }
        }
        ovp_numeric_array_free(ctx, &numbers);
    }
    ovp_io_csv_free(ctx, &table);
    return fuzz_end();
}
