/* Escaping, numbers and tables of the report. */
#include "experiment/report_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows shown of one table; the CSV holds all. */
#define MAX_ROWS 400

const char *report_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void report_escape(ovp_text *html, const char *text) {
    for (const char *p = text ? text : ""; *p; p++) {
        switch (*p) {
        case '&':
            ovp_text_add(html, "&amp;");
            break;
        case '<':
            ovp_text_add(html, "&lt;");
            break;
        case '>':
            ovp_text_add(html, "&gt;");
            break;
        case '"':
            ovp_text_add(html, "&quot;");
            break;
        case '\'':
            ovp_text_add(html, "&#39;");
            break;
        default:
            if (((unsigned char)*p < 32 && *p != '\n' && *p != '\t') || *p == 127)
                ovp_text_add(html, " ");
            else
                ovp_text_add_bytes(html, p, 1);
        }
    }
}

void report_plain(ovp_text *out, const json_t *value) {
    char number[32];
    size_t i;
    json_t *item;
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        ovp_text_add(out, "%s", json_string_value(value));
        break;
    case JSON_INTEGER:
        ovp_text_add(out, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        (void)ovp_format_real(number, json_real_value(value));
        ovp_text_add(out, "%s", number);
        break;
    case JSON_TRUE:
        ovp_text_add(out, "yes");
        break;
    case JSON_FALSE:
        ovp_text_add(out, "no");
        break;
    case JSON_ARRAY:
        json_array_foreach(value, i, item) {
            if (i) ovp_text_add(out, ",");
            report_plain(out, item);
        }
        break;
    case JSON_OBJECT:
        ovp_io_json_dump(out, value, 0);
        break;
    case JSON_NULL:
    default:
        break;
    }
}

void report_round(char buffer[40], double value) {
    int keep = 4;
    if (!isfinite(value) || value == 0) {
        (void)ovp_format_real(buffer, value == 0 ? 0 : value);
        return;
    }
    double size = fabs(value);
    int exponent = (int)floor(log10(size));
    /* Digits as an integer: 1000..9999, after carrying 9999.6 to 10000. The power is split, 10^-320 would be 0. */
    if (exponent == 4 || exponent == 5) keep = exponent + 1; /* 12346 rather than 12350 */
    int shift = keep - 1 - exponent;
    double scaled = shift > 300 ? size * 1e300 * pow(10, shift - 300) : size * pow(10, shift);
    long long digits = llround(scaled);
    if (digits >= llround(pow(10, keep))) {
        digits /= 10;
        exponent++;
    }
    int places = keep - 1;
    if (exponent >= -3 && exponent < 6) {
        char rounded[32];
        /* An exact power of ten, so one rounding: the nearest double to the decimal, printed shortest. */
        int down = exponent - places;
        (void)ovp_format_real(rounded, down < 0 ? (double)digits / pow(10, -down) : (double)digits * pow(10, down));
        if (strchr(rounded, 'e') == NULL) {
            (void)snprintf(buffer, 40, "%s%s", value < 0 ? "−" : "", rounded);
            return;
        }
    }
    while (places > 0 && digits % 10 == 0) {
        digits /= 10;
        places--;
    }
    char all[24];
    (void)snprintf(all, sizeof(all), "%lld", digits);
    (void)snprintf(buffer, 40, "%s%c%s%se%d", value < 0 ? "−" : "", all[0], places ? "." : "", all + 1, exponent);
}

void report_value(ovp_text *html, const json_t *value) {
    char full[32], rounded[40];
    ovp_text text = {.ctx = html->ctx};
    if (!value || json_is_null(value)) {
        ovp_text_add(html, "<span class=\"muted\" title=\"no value\">–</span>");
        return;
    }
    if (json_is_real(value)) {
        (void)ovp_format_real(full, json_real_value(value));
        report_round(rounded, json_real_value(value));
        ovp_text_add(html, "<span title=\"%s\">%s</span>", full, rounded);
        return;
    }
    report_plain(&text, value);
    if (text.failed) html->failed = 1;
    report_escape(html, text.data);
    ovp_text_free(&text);
}

static const json_t *named(const json_t *array, const char *name) {
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) if (strcmp(report_text(item, "name"), name) == 0) return item;
    return NULL;
}

/* A column is numeric when no cell is text. */
static int numeric_column(const json_t *rows, size_t column) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (json_is_string(json_array_get(row, column))) return 0;
    return 1;
}

void report_table(ovp_text *html, const char *name, const json_t *table, const json_t *info_table) {
    const json_t *columns = json_object_get(table, "columns"), *units = json_object_get(table, "units");
    const json_t *rows = json_object_get(table, "rows"), *help = json_object_get(info_table, "columns");
    const size_t width = json_array_size(columns), count = json_array_size(rows);
    char numeric[256] = {0};
    ovp_text_add(html, "<h3 id=\"table-");
    report_escape(html, name);
    ovp_text_add(html, "\">");
    report_escape(html, name);
    ovp_text_add(html, "</h3>\n");
    if (report_text(info_table, "help")[0]) {
        ovp_text_add(html, "<p class=\"muted\">");
        report_escape(html, report_text(info_table, "help"));
        ovp_text_add(html, "</p>\n");
    }
    ovp_text_add(html, "<div class=\"scroll%s\" tabindex=\"0\"><table class=\"sort\"><thead><tr>",
                 count > 14 ? " tall" : "");
    for (size_t c = 0; c < width; c++) {
        const char *column = json_string_value(json_array_get(columns, c));
        const char *unit = json_string_value(json_array_get(units, c));
        if (c < sizeof(numeric)) numeric[c] = (char)numeric_column(rows, c);
        ovp_text_add(html, "<th scope=\"col\"%s title=\"", c < sizeof(numeric) && numeric[c] ? " class=\"num\"" : "");
        report_escape(html, report_text(named(help, column ? column : ""), "help"));
        ovp_text_add(html, "\">");
        report_escape(html, column);
        if (unit && unit[0]) {
            ovp_text_add(html, "<span class=\"unit\">");
            report_escape(html, unit);
            ovp_text_add(html, "</span>");
        }
        ovp_text_add(html, "</th>");
    }
    ovp_text_add(html, "</tr></thead><tbody>\n");
    for (size_t r = 0; r < count && r < MAX_ROWS; r++) {
        const json_t *row = json_array_get(rows, r);
        ovp_text_add(html, "<tr>");
        for (size_t c = 0; c < width; c++) {
            ovp_text_add(html, "<td%s>", c < sizeof(numeric) && numeric[c] ? " class=\"num\"" : "");
            report_value(html, json_array_get(row, c));
            ovp_text_add(html, "</td>");
        }
        ovp_text_add(html, "</tr>\n");
    }
    if (count == 0)
        ovp_text_add(html, "<tr><td colspan=\"%zu\" class=\"muted\">no rows</td></tr>\n", width ? width : 1);
    ovp_text_add(html, "</tbody></table></div>\n");
    if (count == 0) return; /* and perhaps no file */
    ovp_text_add(html, "<p class=\"small muted\">");
    if (count > MAX_ROWS) ovp_text_add(html, "%d of %zu rows shown. ", MAX_ROWS, count);
    ovp_text_add(html, "All digits: <a href=\"tables/");
    report_escape(html, name);
    ovp_text_add(html, ".csv\">tables/");
    report_escape(html, name);
    ovp_text_add(html, ".csv</a></p>\n");
}
