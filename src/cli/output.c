/* Text for people: styles, aligned columns, wrapped paragraphs; and the way out for JSON. */
#include <stdarg.h>
#include <unistd.h>

#include "cli_int.h"

const char *cli_paint(const cli_app *cli, cli_style style) {
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[33m"};
    return cli->out_colour ? codes[style] : "";
}

/* Columns a string takes on a terminal: code points, escape sequences not counted. */
static int display_width(const char *text, size_t bytes) {
    int width = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\033') {
            while (i < bytes && text[i] != 'm') i++;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            width++;
        }
    }
    return width;
}

/* Writes text from column `column` on, broken at blanks before `limit`; later lines start at `indent`. */
static void wrap(ovp_text *out, const char *text, int column, int indent, int limit) {
    int fresh = 1; /* nothing on this line yet */
    while (*text) {
        if (*text == '\n') {
            text++;
            ovp_text_add(out, "\n%*s", *text == '\n' || !*text ? 0 : indent, "");
            column = indent;
            fresh = 1;
            continue;
        }
        size_t length = strcspn(text, " \n");
        int width = display_width(text, length);
        if (!fresh && column + 1 + width > limit) {
            ovp_text_add(out, "\n%*s", indent, "");
            column = indent;
            fresh = 1;
        }
        if (!fresh) ovp_text_add(out, " ");
        ovp_text_add_bytes(out, text, length);
        column += width + !fresh;
        fresh = 0;
        text += length;
        while (*text == ' ') text++;
    }
}

void cli_hanging(cli_app *cli, int indent, const char *text) {
    wrap(&cli->out, text, indent, indent, cli->width < 100 ? cli->width : 100);
    ovp_text_add(&cli->out, "\n");
}

void cli_paragraph(cli_app *cli, int indent, const char *text) {
    ovp_text_add(&cli->out, "%*s", indent, "");
    cli_hanging(cli, indent, text);
}

void cli_grid_begin(cli_grid *grid, cli_app *cli, int columns, int indent) {
    *grid = (cli_grid){.columns = columns, .indent = indent};
    grid->cells.ctx = cli->ctx;
}

void cli_grid_cell(cli_grid *grid, const char *format, ...) {
    char fixed[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fixed, sizeof fixed, format, arguments);
    va_end(arguments);
    ovp_text_add_bytes(&grid->cells, fixed, strlen(fixed) + 1);
    grid->count++;
}

void cli_grid_end(cli_grid *grid, cli_app *cli) {
    int widths[CLI_GRID_COLUMNS] = {0}, limit = cli->width < 120 ? cli->width : 120;
    const char *cell = grid->cells.data;
    if (grid->cells.failed) {
        cli->out.failed = 1;
        grid->count = 0;
    }
    for (int i = 0; i < grid->count; i++, cell += strlen(cell) + 1) {
        int width = display_width(cell, strlen(cell)), column = i % grid->columns;
        if (width > widths[column]) widths[column] = width;
    }
    cell = grid->cells.data;
    for (int i = 0, start = 0; i < grid->count; i++, cell += strlen(cell) + 1) {
        int column = i % grid->columns, last = column == grid->columns - 1;
        int width = display_width(cell, strlen(cell)), pad = widths[column] - width;
        if (column == 0) {
            ovp_text_add(&cli->out, "%*s", grid->indent, "");
            start = grid->indent;
        }
        if (grid->right[column]) ovp_text_add(&cli->out, "%*s", pad, "");
        if (last && !grid->right[column] && start + 20 < limit)
            wrap(&cli->out, cell, start, start, limit);
        else
            ovp_text_add(&cli->out, "%s", cell);
        if (last) {
            ovp_text_add(&cli->out, "\n");
        } else {
            ovp_text_add(&cli->out, "%*s", (grid->right[column] ? 0 : pad) + 2, "");
            start += widths[column] + 2;
        }
    }
    ovp_text_free(&grid->cells);
}

void cli_bytes_text(char *out, size_t bytes, double amount) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (amount >= 1024 && unit < 4) amount /= 1024, unit++;
    snprintf(out, bytes, unit && amount < 100 ? "%.1f %s" : "%.0f %s", amount, units[unit]);
}

void cli_seconds_text(char *out, size_t bytes, double seconds) {
    if (!(seconds >= 0) || seconds > 1e9) {
        snprintf(out, bytes, "?");
        return;
    }
    long whole = (long)(seconds + 0.5);
    if (seconds < 9.95)
        snprintf(out, bytes, "%.1f s", seconds);
    else if (whole < 60)
        snprintf(out, bytes, "%ld s", whole);
    else if (whole < 3600)
        snprintf(out, bytes, "%ld min %ld s", whole / 60, whole % 60);
    else
        snprintf(out, bytes, "%ld h %ld min", whole / 3600, whole % 3600 / 60);
}

ovp_status cli_put_json(cli_app *cli, json_t *value) {
    if (!value || cli->json_failed) {
        json_decref(value);
        return ovp_fail(cli->ctx, OVP_ENOMEM, "out of memory while building the JSON result");
    }
    ovp_io_json_dump(&cli->out, value, cli->out_terminal ? 2 : 0);
    ovp_text_add(&cli->out, "\n");
    json_decref(value);
    return OVP_OK;
}

void cli_json_set(cli_app *cli, json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value)) cli->json_failed = 1;
}

void cli_json_append(cli_app *cli, json_t *array, json_t *value) {
    if (json_array_append_new(array, value)) cli->json_failed = 1;
}

const char *cli_json_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Length of a sequence of cli_paint at the start of text, 0 if there is none. */
static size_t style_length(const char *text, size_t bytes) {
    size_t n = 2;
    if (bytes < 4 || text[0] != '\033' || text[1] != '[') return 0;
    while (n < bytes && text[n] >= '0' && text[n] <= '9') n++;
    return n > 2 && n < bytes && text[n] == 'm' ? n + 1 : 0;
}

void cli_disarm(cli_app *cli) {
    char *text = cli->out.data;
    size_t bytes = cli->out.length;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        size_t style = cli->out_colour ? style_length(text + i, bytes - i) : 0;
        if (style) {
            i += style - 1;
        } else if ((c < 32 && c != '\n') || c == 127) {
            text[i] = '?';
        } else if (c == 0xC2 && i + 1 < bytes && (unsigned char)text[i + 1] >= 0x80 &&
                   (unsigned char)text[i + 1] < 0xA0) {
            text[i++] = '?'; /* U+0080..U+009F: the control characters of ISO 6429 in one */
            text[i] = '?';
        }
    }
}

void cli_complain(const char *prefix, const char *message) {
    char line[1400];
    int length = snprintf(line, sizeof line - 1, "%s%s", prefix, message);
    if (length < 0) return;
    if (length > (int)sizeof line - 2) length = (int)sizeof line - 2;
    /* What the user typed may hold line feeds or escape sequences: the message stays one plain line. */
    for (int i = 0; i < length; i++)
        if ((unsigned char)line[i] < 32 || line[i] == 127) line[i] = '?';
    line[length++] = '\n';
    (void)!write(STDERR_FILENO, line, (size_t)length);
}
