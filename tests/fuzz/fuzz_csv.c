/* csv: whatever is read is the same after writing and reading again. */
#include "fuzz.h"

#include <overparam/io.h>

/* With the byte order mark that reading skips, so that a first cell that begins with one keeps it. */
static void write_table(ovp_text *out, const ovp_io_csv *table) {
    ovp_text_add(out, "\xef\xbb\xbf");
    for (ovp_idx row = -1; row < table->rows; row++) {
        char *const *cells = row < 0 ? table->header : table->cells + row * table->columns;
        for (ovp_idx c = 0; c < table->columns; c++) {
            if (c) ovp_text_add(out, ",");
            ovp_io_csv_add_cell(out, cells[c]);
        }
        ovp_text_add(out, "\n");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_io_csv first, again;
    if (fuzz_ok(ovp_io_csv_parse(&first, ctx, "fuzz", (const char *)data, size))) {
        ovp_text file = {.ctx = ctx};
        write_table(&file, &first);
        fuzz_must(ovp_io_csv_parse(&again, ctx, "again", file.data, file.length), "what was written is not read");
        fuzz_require(first.columns == again.columns && first.rows == again.rows, "%lld x %lld became %lld x %lld",
                     (long long)first.rows, (long long)first.columns, (long long)again.rows, (long long)again.columns);
        for (ovp_idx i = 0; i < first.columns * (first.rows + 1); i++)
            fuzz_require(!strcmp(first.header[i], again.header[i]), "cell %lld: '%s' became '%s'", (long long)i,
                         first.header[i], again.header[i]);
        ovp_io_csv_free(ctx, &again);
        ovp_text_free(&file);
    }
    ovp_io_csv_free(ctx, &first);
    return fuzz_end();
}
