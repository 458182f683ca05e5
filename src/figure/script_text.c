/* Texts in a script: quoting, length, lines. */
#include "figure/figure_int.h"

#include <string.h>

/* Length of a UTF-8 sequence at p, 0 if it is none (overlong forms and surrogates included). */
static int sequence(const unsigned char *p) {
    int length = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : 0;
    if (p[0] >= 0xF0 && p[0] < 0xF5) length = 4;
    for (int i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (length == 3 && ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] >= 0xA0))) return 0;
    if (length == 4 && ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] >= 0x90))) return 0;
    return length;
}

void figure_quote_part(ovp_text *gp, const char *text, const char *stop) {
    const unsigned char *p = (const unsigned char *)text, *end = (const unsigned char *)stop;
    ovp_text_add(gp, "'");
    while (p < end) {
        int length = sequence(p);
        if (length == 0)
            ovp_text_add(gp, "?");
        else if (*p == '\'')
            ovp_text_add(gp, "''");
        else if (*p < 32 || *p == 127)
            ovp_text_add(gp, " ");
        else
            ovp_text_add_bytes(gp, p, (size_t)length);
        p += length ? length : 1;
    }
    ovp_text_add(gp, "'");
}

void figure_quote(ovp_text *gp, const char *text) {
    if (!text) text = "";
    figure_quote_part(gp, text, text + strlen(text));
}

int figure_columns(const char *text) {
    int count = 0;
    for (const char *p = text ? text : ""; *p; p++) count += (*p & 0xC0) != 0x80;
    return count;
}

const char *figure_cut(const char *text, int line) {
    const char *cut = NULL;
    int column = 0;
    if (figure_columns(text) <= line) return NULL;
    for (const char *p = text; *p && column < line; p++) {
        if (*p == ' ') cut = p;
        column += (*p & 0xC0) != 0x80;
    }
    return cut;
}
