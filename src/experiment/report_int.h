/* report internals: small writers of escaped HTML. */
#ifndef OVERPARAM_REPORT_INT_H
#define OVERPARAM_REPORT_INT_H

#include <overparam/experiment.h>

#include <jansson.h>

/* The style sheet: light and dark, phone, print; in parts, ended by NULL. */
extern const char *const report_css[];

/* The script that sorts tables of class "sort". */
extern const char report_script[];

/* Text with & < > " ' escaped and control characters as blanks: safe between tags and inside quoted attributes. */
void report_escape(ovp_text *html, const char *text);
/* A value of a parameter or a cell as plain text (lists joined by commas, booleans yes and no), not escaped. */
void report_plain(ovp_text *out, const json_t *value);
/* Four significant digits, locale-independent: 0.02497, 1.517e-3, 12345. buffer holds 40 bytes. */
void report_round(char buffer[40], double value);
/* A number as <span title="full value">rounded</span>; null as a dash; text escaped. */
void report_value(ovp_text *html, const json_t *value);
/* String member of an object, "" if absent. */
const char *report_text(const json_t *object, const char *key);

/* One result table as a section: heading, help, scroll box. info_table may be NULL. */
void report_table(ovp_text *html, const char *name, const json_t *table, const json_t *info_table);
/* Verdict cards. */
void report_verdicts(ovp_text *html, const json_t *verdicts);
/* Figures as data-URI images; missing ones say how to draw them. */
ovp_status report_figures(ovp_text *html, ovp_ctx *ctx, const json_t *figures, const char *dir);
/* Table of parameters and the command line that repeats the run. */
void report_params(ovp_text *html, json_t *params, const json_t *info);
void report_command(ovp_text *html, const json_t *result);

#endif
