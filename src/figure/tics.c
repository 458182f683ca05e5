/* Tics and their labels. */
#include "figure/figure_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A decimal as "0.02" or, outside 1e-3..1e5, "2×10^{−6}" in enhanced text. The mantissas are integers or integers over
 * a power of ten: the quotients are correctly rounded, so their shortest forms show no rounding errors. */
static void add_label(ovp_text *gp, double mantissa, int exponent, int plain) {
    char number[32];
    const char *sign = mantissa < 0 ? "−" : "";
    double value = fabs(exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent));
    if (plain || mantissa == 0 || (value < 99999 && value > .0009)) {
        (void)ovp_format_real(number, value);
        ovp_text_add(gp, "%s%s", sign, number);
        return;
    }
    if (fabs(mantissa) == 10) {
        mantissa /= 10;
        exponent++;
    }
    (void)ovp_format_real(number, fabs(mantissa));
    const char *minus = exponent < 0 ? "−" : "";
    if (strcmp(number, "1") == 0)
        ovp_text_add(gp, "%s10^{%s%d}", sign, minus, abs(exponent));
    else
        ovp_text_add(gp, "%s%s×10^{%s%d}", sign, number, minus, abs(exponent));
}

static void add_tic(ovp_text *gp, int *first, double mantissa, int exponent, int labelled) {
    char place[32];
    double value = exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent);
    (void)ovp_format_real(place, value);
    ovp_text_add(gp, "%s'", *first ? "" : ", ");
    if (labelled) add_label(gp, mantissa, exponent, labelled > 1);
    ovp_text_add(gp, "' %s%s", place, labelled ? "" : " 1");
    *first = 0;
}

static void log_tics(const figure_axis *axis, int most, ovp_text *gp) {
    const double slack = 1 + 1e-9;
    int from = (int)floor(log10(axis->low)), to = (int)ceil(log10(axis->high)), first = 1;
    double decades = log10(axis->high / axis->low);
    /* Within few decades powers of ten alone leave an axis bare: label 1, 2, 5 as plain numbers; within less than
     * half a decade those leave it bare, too: a linear ladder is what a reader expects there. */
    int fine = decades < 1.6;
    int step = (int)ceil(decades / most);
    if (step < 1) step = 1;
    for (int e = from; e <= to; e++)
        for (int m = 1; m <= 9; m++) {
            double value = m * pow(10, e);
            if (value < axis->low / slack || value > axis->high * slack) continue;
            if (fine)
                add_tic(gp, &first, m, e, m == 1 || m == 2 || m == 5 || (decades < .7 && m != 9 && m != 7));
            else if (m > 1) {
                if (step == 1) add_tic(gp, &first, m, e, 0);
            } else if (e % step == 0) {
                char place[32];
                (void)ovp_format_real(place, value);
                ovp_text_add(gp, "%s'10^{%s%d}' %s", first ? "" : ", ", e < 0 ? "−" : "", abs(e), place);
                first = 0;
            } else
                add_tic(gp, &first, 1, e, 0);
        }
}

double figure_step(const figure_axis *axis, int most, int *exponent) {
    double raw = axis->high / most - axis->low / most; /* a range up to the ends of doubles does not overflow */
    raw = raw > 0 ? fmin(raw, 1e307) : 1e-307;
    *exponent = (int)floor(log10(raw));
    double m = raw / pow(10, *exponent);
    return m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10;
}

/* Steps 1, 2, 5 x 10^e giving at most `most` labels; all labels of an axis share one exponent. */
static void linear_tics(const figure_axis *axis, int most, ovp_text *gp) {
    int e, first = 1;
    double m = figure_step(axis, most, &e);
    double step = e < 0 ? m / pow(10, -e) : m * pow(10, e);
    double largest = fmax(fabs(axis->low), fabs(axis->high));
    /* 2, 4, .. 10 x 10^-6 rather than 0.2, 0.4, .. 1 x 10^-5. */
    int shared = (int)floor(log10(largest / 1.5));
    /* Integers far from 0 beside a small step: 100002, 100004 say more than 1.00002 x 10^5. */
    int far = largest < 1e7 && step >= 1 && largest / step > 1000;
    int plain = far || (largest < 99999 && step > .0009);
    double from = ceil(axis->low / step - 1e-9), to = floor(axis->high / step + 1e-9);
    for (double k = from; k <= to && k < from + 50; k++) {
        if (k == 0)
            add_tic(gp, &first, 0, 0, 1); /* not -0 */
        else if (plain)
            add_tic(gp, &first, k * m, e, far ? 2 : 1);
        else
            add_tic(gp, &first, k * m / pow(10, shared - e), shared, 1);
    }
    for (double k = from - 1; k <= to && k < from + 50; k++) {
        double half = (k + .5) * m;
        double value = half * pow(10, e);
        if (value > axis->low && value < axis->high) add_tic(gp, &first, half, e, 0);
    }
}

void figure_tics(const figure_axis *axis, const char *name, int most, ovp_text *gp) {
    int narrow_log = axis->log && axis->high / axis->low < 2.2;
    ovp_text_add(gp, "set %stics (", name);
    if (axis->log && !narrow_log)
        log_tics(axis, most, gp);
    else
        linear_tics(axis, most, gp);
    ovp_text_add(gp, ")\n");
}

void figure_number(ovp_text *gp, double value, int digits) {
    if (value == 0) {
        ovp_text_add(gp, "0");
        return;
    }
    int e = (int)floor(log10(fabs(value)));
    double scale = pow(10, abs(digits - 1 - e));
    /* An integer, exactly: its quotients by powers of ten are the doubles nearest to the decimals. */
    double mantissa = round(digits - 1 - e > 0 ? value * scale : value / scale);
    e -= digits - 1;
    for (; fmod(mantissa, 10) == 0; e++) mantissa /= 10;
    double size = fabs(e < 0 ? mantissa / pow(10, -e) : mantissa * pow(10, e));
    int places = (int)floor(log10(fabs(mantissa)) + 1e-12);
    if (size < 99999 && size > .0009)
        add_label(gp, mantissa, e, 1);
    else
        add_label(gp, mantissa / pow(10, places), e + places, 0);
}

int figure_tic_columns(const char *list) {
    int longest = 0, columns = 0, inside = 0;
    for (const char *p = list; *p; p++) {
        if (*p == '\'') {
            inside = !inside;
            columns = 0;
        } else if (inside && !strchr("^{}", *p))
            columns += (*p & 0xC0) != 0x80;
        if (columns > longest) longest = columns;
    }
    return longest;
}

void figure_range(ovp_text *gp, const char *name, const figure_axis *axis, int most) {
    char low[32], high[32];
    (void)ovp_format_real(low, axis->low);
    (void)ovp_format_real(high, axis->high);
    if (axis->log) ovp_text_add(gp, "set logscale %s 10\n", name);
    ovp_text_add(gp, "set %srange [%s:%s] noextend\n", name, low, high);
    figure_tics(axis, name, most, gp);
}
