/* RFC 4180 tables. */
#include "io/io_int.h"

#include <assert.h>
#include <string.h>

/* Walks the cells of a table. With `to` NULL it only checks and counts; else cells are copied there, each
 * 0-terminated. */
typedef struct walk {
    ovp_ctx *ctx;
    const char *name, *at, *end;
    ovp_idx line, record, column; /* from 1 */
    char *to;
    size_t written;
} walk;

static ovp_status fail_here(const walk *w, const char *what) {
    return ovp_fail(w->ctx, OVP_EFORMAT, "%s: line %lld, column %lld: %s", w->name, (long long)w->line,
                    (long long)w->column, what);
}

static void put(walk *w, char c) {
    if (w->to) w->to[w->written] = c;
    w->written++;
}

/* One cell with the separator after it; *last: the record ends here. */
static ovp_status next_cell(walk *w, int *last) {
    int quoted = w->at < w->end && *w->at == '"';
    *last = 0;
    if (quoted) {
        for (w->at++;; w->at++) {
            if (w->at == w->end) return fail_here(w, "the quoted cell that begins here does not end");
            if (*w->at == '"' && (w->at + 1 == w->end || w->at[1] != '"')) break;
            if (*w->at == '"') w->at++;
            if (!*w->at) return fail_here(w, "a zero byte; is this a text file?");
            put(w, *w->at);
        }
        w->at++;
    } else {
        for (; w->at < w->end && *w->at != ',' && *w->at != '\n'; w->at++) {
            if (*w->at == '\r' && w->at + 1 < w->end && w->at[1] == '\n') break;
            if (*w->at == '"') return fail_here(w, "a quote inside a cell that does not begin with one");
            if (!*w->at) return fail_here(w, "a zero byte; is this a text file?");
            put(w, *w->at);
        }
    }
    put(w, 0);
    if (w->at == w->end) {
        *last = 1;
    } else if (*w->at == ',') {
        w->at++;
    } else if (*w->at == '\n' || (*w->at == '\r' && w->at + 1 < w->end && w->at[1] == '\n')) {
        w->at += *w->at == '\r' ? 2 : 1;
        *last = 1;
    } else {
        return fail_here(w, "',' or the end of the line expected after the closing quote");
    }
    return OVP_OK;
}

/* All cells: *columns of the header, *rows below it; pointers gets each cell's start if it is not NULL. */
static ovp_status walk_table(walk *w, ovp_idx *columns, ovp_idx *rows, char **pointers) {
    ovp_idx cell = 0;
    *columns = 0;
    *rows = -1;
    w->line = 1;
    w->written = 0;
    while (w->at < w->end) {
        int last = 0;
        for (w->column = 1; !last; w->column++) {
            const char *from = w->at;
            if (pointers) pointers[cell] = w->to + w->written;
            cell++;
            ovp_status status = next_cell(w, &last);
            if (status != OVP_OK) return status;
            if (*rows >= 0 && w->column > *columns)
                return ovp_fail(w->ctx, OVP_EFORMAT, "%s: line %lld, column %lld: more cells than the header's %lld",
                                w->name, (long long)w->line, (long long)w->column, (long long)*columns);
            if (last && *rows >= 0 && w->column < *columns)
                return ovp_fail(w->ctx, OVP_EFORMAT, "%s: line %lld: %lld cells, the header has %lld", w->name,
                                (long long)w->line, (long long)w->column, (long long)*columns);
            if (last && *rows < 0) *columns = w->column;
            for (; from < w->at; from++) w->line += *from == '\n';
        }
        ++*rows;
    }
    return OVP_OK;
}

ovp_status ovp_io_csv_parse(ovp_io_csv *out, ovp_ctx *ctx, const char *name, const char *data, size_t bytes) {
    ovp_status status = OVP_OK;
    assert(out && name && (data || !bytes));
    *out = (ovp_io_csv){0};
    if (bytes >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) data += 3, bytes -= 3; /* byte order mark of UTF-8 */
    if (!bytes) return ovp_fail(ctx, OVP_EFORMAT, "%s: empty; the first line must hold the column names", name);
    walk count = {.ctx = ctx, .name = name, .at = data, .end = data + bytes};
    ovp_idx columns, rows;
    OVP_TRY(walk_table(&count, &columns, &rows, NULL));
    /* One block: the pointers, then the text of all cells. */
    ovp_idx cells = columns * (rows + 1);
    OVP_TRY(ovp_alloc(ctx, &out->header, cells * (ovp_idx)sizeof(char *) + (ovp_idx)count.written, 1));
    walk fill = {.ctx = ctx, .name = name, .at = data, .end = data + bytes, .to = (char *)(out->header + cells)};
    OVP_TRY(walk_table(&fill, &out->columns, &out->rows, out->header));
    out->cells = out->header + columns;
done:
    if (status != OVP_OK) ovp_io_csv_free(ctx, out);
    return status;
}

ovp_status ovp_io_csv_read(ovp_io_csv *out, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && path);
    *out = (ovp_io_csv){0};
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_TABLE_LIMIT, 0));
    OVP_TRY(ovp_io_csv_parse(out, ctx, path, data, bytes));
done:
    ovp_free(ctx, data);
    return status;
}

void ovp_io_csv_free(ovp_ctx *ctx, ovp_io_csv *csv) {
    if (!csv) return;
    ovp_free(ctx, csv->header);
    *csv = (ovp_io_csv){0};
}

static int is_blank(char c) {
    return c == ' ' || c == '\t';
}

void ovp_io_csv_add_cell(ovp_text *text, const char *cell) {
    size_t n = strlen(cell);
    if (!strpbrk(cell, ",\"\r\n") && !(n && (is_blank(cell[0]) || is_blank(cell[n - 1])))) {
        ovp_text_add_bytes(text, cell, n);
        return;
    }
    ovp_text_add_bytes(text, "\"", 1);
    for (const char *quote; (quote = strchr(cell, '"')); cell = quote + 1) {
        ovp_text_add_bytes(text, cell, (size_t)(quote - cell) + 1);
        ovp_text_add_bytes(text, "\"", 1);
    }
    ovp_text_add_bytes(text, cell, strlen(cell));
    ovp_text_add_bytes(text, "\"", 1);
}
