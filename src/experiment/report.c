/* report.html: one static file that opens from disk. No network, no external file, no script but the one that sorts
 * tables: the figures are data-URI images (inline gnuplot SVGs would share ids), and a Content-Security-Policy that
 * names the script by its SHA-256 forbids everything else. */
#include "experiment/report_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A larger drawing is left out of the page. */
#define MAX_SVG (16 << 20)

/* ---- figures ------------------------------------------------------------------------------------- */

static void add_base64(ovp_text *html, const unsigned char *data, size_t bytes) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char out[4 * 1024];
    size_t used = 0;
    for (size_t i = 0; i < bytes; i += 3) {
        unsigned left = (unsigned)(bytes - i < 3 ? bytes - i : 3);
        unsigned word =
            (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        for (unsigned k = 0; k < 4; k++) out[used++] = k <= left ? letters[(word >> (18 - 6 * k)) & 63] : '=';
        if (used == sizeof(out) || i + 3 >= bytes) {
            ovp_text_add_bytes(html, out, used);
            used = 0;
        }
    }
}

/* A figure's name becomes a path: only the names that ovp_figure_render accepts. */
static int good_name(const char *name) {
    return name[0] && strlen(name) <= 64 && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == 0;
}

static int find_svg(char *path, size_t bytes, const char *dir, const char *name) {
    static const char *const folders[] = {"", "figures/"};
    struct stat info;
    for (int k = 0; k < 2; k++)
        if (snprintf(path, bytes, "%s/%s%s.svg", dir, folders[k], name) < (int)bytes && stat(path, &info) == 0 &&
            S_ISREG(info.st_mode) && info.st_size > 0 && info.st_size <= MAX_SVG)
            return 1;
    return 0;
}

ovp_status report_figures(ovp_text *html, ovp_ctx *ctx, const json_t *figures, const char *dir) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0, i;
    json_t *figure;
    char path[4096 + 128];
    if (json_array_size(figures) == 0) return OVP_OK;
    ovp_text_add(html, "<h2 id=\"figures\">Figures</h2>\n");
    json_array_foreach(figures, i, figure) {
        const char *name = report_text(figure, "name");
        if (!good_name(name)) continue;
        ovp_text_add(html, "<figure id=\"figure-%s\">\n", name);
        int drawn = dir && find_svg(path, sizeof(path), dir, name);
        if (drawn) {
            OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, MAX_SVG, 0));
            ovp_text_add(html, "<div class=\"plot\" tabindex=\"0\"><img alt=\"");
            report_escape(html, report_text(figure, "title")[0] ? report_text(figure, "title") : name);
            ovp_text_add(html, "\" src=\"data:image/svg+xml;base64,");
            add_base64(html, (const unsigned char *)data, bytes);
            ovp_text_add(html, "\"></div>\n");
            ovp_free(ctx, data);
            data = NULL;
        } else {
            ovp_text_add(html,
                         "<div class=\"banner warning\">This figure was not drawn. Install gnuplot (Debian, Ubuntu: "
                         "<code>apt-get install gnuplot-nox</code>), then <code>cd figures &amp;&amp; gnuplot "
                         "%s.gp</code>.</div>\n",
                         name);
        }
        ovp_text_add(html, "<figcaption>");
        if (report_text(figure, "caption")[0]) {
            report_escape(html, report_text(figure, "caption"));
            ovp_text_add(html, " ");
        }
        ovp_text_add(html, "<span class=\"small\">(");
        if (drawn)
            ovp_text_add(html, "<a href=\"figures/%s.svg\">SVG</a>, <a href=\"figures/%s.png\">PNG</a>, ", name, name);
        ovp_text_add(html,
                     "<a href=\"figures/%s.gp\">script</a>, <a href=\"figures/%s.dat\">data</a>)</span>"
                     "</figcaption>\n</figure>\n",
                     name, name);
    }
done:
    ovp_free(ctx, data);
    return status;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static void add_fact(ovp_text *html, const char *name, const json_t *value) {
    if (!value || json_is_null(value)) return;
    ovp_text_add(html, "<dt>%s</dt><dd>", name);
    report_value(html, value);
    ovp_text_add(html, "</dd>");
}

void report_verdicts(ovp_text *html, const json_t *verdicts) {
    size_t i;
    json_t *verdict;
    if (json_array_size(verdicts) == 0) return;
    ovp_text_add(html, "<h2 id=\"verdicts\">Verdicts</h2>\n<div class=\"cards\">\n");
    json_array_foreach(verdicts, i, verdict) {
        const char *holds = report_text(verdict, "holds");
        const json_t *interval = json_object_get(verdict, "interval");
        const char *kind = strcmp(holds, "yes") == 0 ? "yes" : strcmp(holds, "no") == 0 ? "no" : "unclear";
        const char *words = kind[0] == 'y' ? "✓ holds" : kind[0] == 'n' ? "✗ does not hold" : "? unclear";
        ovp_text_add(html, "<section class=\"card\"><span class=\"badge %s\">%s</span>\n<p>", kind, words);
        report_escape(html, report_text(verdict, "claim"));
        ovp_text_add(html, "</p>\n<dl>");
        add_fact(html, "measured", json_object_get(verdict, "measured"));
        if (json_array_size(interval) == 2) {
            ovp_text_add(html, "<dt>interval</dt><dd>[");
            report_value(html, json_array_get(interval, 0));
            ovp_text_add(html, ", ");
            report_value(html, json_array_get(interval, 1));
            ovp_text_add(html, "]</dd>");
        }
        add_fact(html, "predicted", json_object_get(verdict, "predicted"));
        ovp_text_add(html, "</dl>\n<p class=\"small muted\">");
        report_escape(html, report_text(verdict, "how"));
        ovp_text_add(html, "</p></section>\n");
    }
    ovp_text_add(html, "</div>\n");
}

/* ---- parameters ---------------------------------------------------------------------------------- */

/* The same value, however it is written ("1e-3" and "0.001"). */
static int same_value(const char *a, const char *b) {
    double x, y;
    if (strcmp(a, b) == 0) return 1;
    return ovp_parse_real(a, &x) && ovp_parse_real(b, &y) && x == y;
}

static const json_t *row_of(const json_t *rows, const char *key) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (strcmp(report_text(row, "key"), key) == 0) return row;
    return NULL;
}

void report_params(ovp_text *html, json_t *params, const json_t *info) {
    const char *key;
    json_t *value;
    const json_t *rows = json_object_get(info, "params");
    if (json_object_size(params) == 0) return;
    ovp_text_add(
        html,
        "<h2 id=\"parameters\">Parameters</h2>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"sort\"><thead><tr>"
        "<th scope=\"col\">key</th><th scope=\"col\" class=\"num\">value</th><th scope=\"col\">unit</th>"
        "<th scope=\"col\">default</th><th scope=\"col\">meaning</th></tr></thead><tbody>\n");
    json_object_foreach(params, key, value) {
        const json_t *row = row_of(rows, key);
        ovp_text text = {.ctx = html->ctx}, standard = {.ctx = html->ctx};
        report_plain(&text, value);
        report_plain(&standard, json_object_get(row, "default"));
        if (text.failed || standard.failed) html->failed = 1;
        const char *shown = text.data ? text.data : "", *usual = standard.data ? standard.data : "";
        ovp_text_add(html, "<tr><td class=\"key\"><code>");
        report_escape(html, key);
        ovp_text_add(html, "</code></td><td class=\"num\">%s", shown[0] ? "" : "<span class=\"muted\">–</span>");
        for (const char *p = shown; *p;) { /* long lists may wrap at their commas */
            size_t length = strcspn(p, ",");
            ovp_text part = {.ctx = html->ctx};
            ovp_text_add_bytes(&part, p, length);
            if (part.failed) html->failed = 1;
            report_escape(html, part.data);
            ovp_text_free(&part);
            p += length;
            if (*p == ',') {
                ovp_text_add(html, ",<wbr>");
                p++;
            }
        }
        ovp_text_add(html, "</td><td>");
        report_escape(html, report_text(row, "unit"));
        ovp_text_add(html, "</td><td class=\"muted\">");
        if (row && same_value(shown, usual))
            ovp_text_add(html, "yes");
        else if (row) {
            ovp_text_add(html, "no (");
            report_escape(html, usual[0] ? usual : "empty");
            ovp_text_add(html, ")");
        }
        ovp_text_add(html, "</td><td class=\"wide\">");
        report_escape(html, report_text(row, "help"));
        ovp_text_add(html, "</td></tr>\n");
        ovp_text_free(&text);
        ovp_text_free(&standard);
    }
    ovp_text_add(html, "</tbody></table></div>\n");
}

/* A word for a POSIX shell. */
static void add_word(ovp_text *out, const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%";
    if (text[0] && text[strspn(text, plain)] == 0) {
        ovp_text_add(out, "%s", text);
        return;
    }
    ovp_text_add(out, "'");
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            ovp_text_add(out, "'\\''");
        else
            ovp_text_add_bytes(out, p, 1);
    }
    ovp_text_add(out, "'");
}

void report_command(ovp_text *html, const json_t *result) {
    json_t *params = json_object_get(result, "params"), *value;
    const char *key;
    ovp_text line = {.ctx = html->ctx};
    ovp_text_add(&line, "overparam run ");
    add_word(&line, report_text(result, "experiment"));
    json_object_foreach(params, key, value) {
        ovp_text text = {.ctx = html->ctx};
        report_plain(&text, value);
        if (text.failed) html->failed = 1;
        /* --seed and --seeds exclude each other; a list of seeds was given or filled in. */
        int covered = strcmp(key, "seed") == 0 && json_array_size(json_object_get(params, "seeds")) > 0;
        if (text.data && text.data[0] && !covered) {
            ovp_text_add(&line, " \\\n  --%s=", key);
            add_word(&line, text.data);
        }
        ovp_text_free(&text);
    }
    if (line.failed) html->failed = 1;
    ovp_text_add(html, "<h2 id=\"repeat\">Repeat this run</h2>\n<p class=\"muted\">The same bits come out of the same "
                       "binary on the same processor level, for any number of threads.</p>\n<pre>");
    report_escape(html, line.data);
    ovp_text_add(html, "</pre>\n");
    ovp_text_free(&line);
}

/* ---- the page ------------------------------------------------------------------------------------ */

static void add_paragraphs(ovp_text *html, const char *text) {
    const char *p = text;
    while (*p) {
        const char *end = strstr(p, "\n\n");
        size_t length = end ? (size_t)(end - p) : strlen(p);
        ovp_text part = {.ctx = html->ctx};
        ovp_text_add_bytes(&part, p, length);
        if (part.failed) html->failed = 1;
        ovp_text_add(html, "<p>");
        report_escape(html, part.data);
        ovp_text_add(html, "</p>\n");
        ovp_text_free(&part);
        p += length;
        while (*p == '\n') p++;
    }
}

/* 'sha256-..' of the script, as a Content-Security-Policy names it: the digest in base 64. */
static void add_script_hash(ovp_text *html) {
    char hex[65];
    unsigned char digest[32];
    ovp_io_sha256(report_script, strlen(report_script), hex);
    for (int i = 0; i < 32; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        digest[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    ovp_text_add(html, "'sha256-");
    add_base64(html, digest, sizeof(digest));
    ovp_text_add(html, "'");
}

static void add_head(ovp_text *html, const json_t *result, const json_t *info) {
    const char *title = report_text(info, "title"), *status = report_text(result, "status");
    if (!title[0]) title = report_text(result, "experiment");
    ovp_text_add(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                       "style-src 'unsafe-inline'; script-src ");
    add_script_hash(html);
    ovp_text_add(html, "\">\n<title>");
    report_escape(html, title);
    ovp_text_add(html, " – overparam</title>\n<style>\n");
    for (int k = 0; report_css[k]; k++) ovp_text_add(html, "%s", report_css[k]);
    ovp_text_add(html, "</style>\n</head>\n<body>\n<main>\n<header>\n");
    if (status[0] && strcmp(status, "complete") != 0) {
        int failed = strcmp(status, "failed") == 0;
        ovp_text_add(html, "<div class=\"banner %s\" role=\"status\"><strong>This run ",
                     failed ? "failed" : "interrupted");
        if (failed)
            ovp_text_add(html, "failed.</strong> What was finished before is kept below.");
        else if (strcmp(status, "interrupted") == 0)
            ovp_text_add(html, "was interrupted.</strong> Finished rows are kept below; the rest is missing.");
        else {
            ovp_text_add(html, "is not complete: ");
            report_escape(html, status);
            ovp_text_add(html, ".</strong>");
        }
        if (report_text(result, "error")[0]) {
            ovp_text_add(html, "<br>");
            report_escape(html, report_text(result, "error"));
        }
        ovp_text_add(html, "</div>\n");
    }
    ovp_text_add(html, "<h1>");
    report_escape(html, title);
    ovp_text_add(html, "</h1>\n<p class=\"claim\">");
    report_escape(html, report_text(info, "claim"));
    ovp_text_add(html, "</p>\n");
    if (report_text(info, "formula")[0]) {
        ovp_text_add(html, "<div class=\"formula\">");
        report_escape(html, report_text(info, "formula"));
        ovp_text_add(html, "</div>\n");
    }
    ovp_text_add(html, "<ul class=\"facts\"><li><code>");
    report_escape(html, report_text(result, "experiment"));
    ovp_text_add(html, "</code></li>");
    if (report_text(info, "source")[0]) {
        ovp_text_add(html, "<li>Source: ");
        report_escape(html, report_text(info, "source"));
        ovp_text_add(html, "</li>");
    }
    ovp_text_add(html, "<li>overparam ");
    report_escape(html, report_text(result, "version")[0] ? report_text(result, "version") : OVP_VERSION);
    ovp_text_add(html, "</li>");
    const json_t *seconds = json_object_get(result, "seconds");
    if (json_is_number(seconds)) {
        char rounded[40];
        report_round(rounded, json_number_value(seconds));
        ovp_text_add(html, "<li>%s s</li>", rounded);
    }
    ovp_text_add(html, "</ul>\n</header>\n");
}

static void add_warnings(ovp_text *html, const json_t *warnings) {
    size_t i;
    json_t *warning;
    if (json_array_size(warnings) == 0) return;
    ovp_text_add(html, "<h2 id=\"warnings\">Warnings</h2>\n<div class=\"banner warning\"><ul>");
    json_array_foreach(warnings, i, warning) {
        ovp_text_add(html, "<li>");
        report_value(html, warning);
        ovp_text_add(html, "</li>");
    }
    ovp_text_add(html, "</ul></div>\n");
}

/* Result tables (timings 0), or the table of times alone (timings 1). */
static void add_tables(ovp_text *html, const json_t *result, const json_t *info, int timings) {
    json_t *tables = json_object_get(result, "tables"), *table;
    const char *name;
    size_t i;
    json_t *about;
    int first = 1;
    json_object_foreach(tables, name, table) {
        const json_t *found = NULL;
        if ((strcmp(name, "timings") == 0) != timings) continue;
        json_array_foreach(json_object_get(info, "tables"), i, about) if (strcmp(report_text(about, "name"), name) == 0)
            found = about;
        if (first)
            ovp_text_add(html, "<h2 id=\"%s\">%s</h2>\n", timings ? "timings" : "tables",
                         timings ? "Timings" : "Tables");
        first = 0;
        report_table(html, name, table, found);
    }
}

static void add_about(ovp_text *html, const json_t *info) {
    size_t i;
    json_t *item;
    const json_t *questions = json_object_get(info, "questions");
    if (report_text(info, "about")[0]) {
        ovp_text_add(html, "<h2 id=\"about\">What this shows</h2>\n");
        add_paragraphs(html, report_text(info, "about"));
    }
    if (json_array_size(questions) == 0) return;
    ovp_text_add(html, "<h2 id=\"questions\">Questions</h2>\n");
    json_array_foreach(questions, i, item) {
        ovp_text_add(html, "<details><summary>");
        report_escape(html, report_text(item, "question"));
        ovp_text_add(html, "</summary><p>");
        report_escape(html, report_text(item, "answer"));
        ovp_text_add(html, "</p></details>\n");
    }
}

static void add_environment(ovp_text *html, const json_t *result) {
    json_t *environment = json_object_get(result, "environment"), *value;
    const char *key;
    if (json_object_size(environment) == 0) return;
    ovp_text_add(html,
                 "<h2 id=\"environment\">Environment</h2>\n<div class=\"scroll\" tabindex=\"0\"><table><tbody>\n");
    json_object_foreach(environment, key, value) {
        ovp_text_add(html, "<tr><td class=\"key muted\">");
        report_escape(html, key);
        ovp_text_add(html, "</td><td>");
        report_value(html, value);
        ovp_text_add(html, "</td></tr>\n");
    }
    ovp_text_add(html, "</tbody></table></div>\n");
}

/* Links, relative to the folder, to the other files of the run that exist. */
static void add_files(ovp_text *html, const json_t *result) {
    static const char *const files[][2] = {{"manifest.json", "every parameter, seed and version"},
                                           {"arrays.npz", "arrays, opens with numpy.load"},
                                           {"weights.npz", "weights by name, opens with numpy.load"},
                                           {"metrics.jsonl", "one JSON line a finished row"},
                                           {"result.json", "this page as one JSON object"}};
    const char *dir = report_text(result, "run_dir");
    char path[4096 + 32];
    struct stat info;
    int first = 1;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!dir[0] || snprintf(path, sizeof(path), "%s/%s", dir, files[i][0]) >= (int)sizeof(path)) continue;
        if (stat(path, &info) != 0) continue;
        if (first) ovp_text_add(html, "<h2 id=\"files\">Files</h2>\n<ul>\n");
        first = 0;
        ovp_text_add(html, "<li><a href=\"%s\">%s</a> <span class=\"muted\">%s</span></li>\n", files[i][0], files[i][0],
                     files[i][1]);
    }
    if (!first) ovp_text_add(html, "</ul>\n");
}

ovp_status ovp_experiment_report(ovp_text *html, ovp_ctx *ctx, const struct json_t *result, const struct json_t *info,
                                 const struct json_t *figures, const char *dir) {
    ovp_status status = OVP_OK;
    html->ctx = ctx;
    add_head(html, result, info);
    report_verdicts(html, json_object_get(result, "verdicts"));
    add_warnings(html, json_object_get(result, "warnings"));
    OVP_TRY(report_figures(html, ctx, figures, dir));
    add_tables(html, result, info, 0);
    add_about(html, info);
    report_params(html, json_object_get(result, "params"), info);
    report_command(html, result);
    add_files(html, result);
    add_tables(html, result, info, 1);
    add_environment(html, result);
    ovp_text_add(html, "</main>\n<script>%s</script>\n</body>\n</html>\n", report_script);
    OVP_TRY(ovp_text_status(html));
done:
    return status;
}
