/* One parameter's value: text to typed value and canonical text, checked against its row. */
#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "params_int.h"

#ifndef LIST_LIMIT         /* less where fuzzing: a million items take seconds */
#define LIST_LIMIT 1000000 /* items of one list: beyond it a typing error (1..1e9) would fill the memory */
#endif
#define CHOICE_BYTES 64
#define RANGE_RUN 4 /* this many consecutive integers are shown as A..B */

static int is_prefix(const char *prefix, const char *text) {
    while (*prefix && ovp_param_fold(*prefix) == ovp_param_fold(*text)) prefix++, text++;
    return *prefix == '\0';
}

int ovp_param_unlikeness(const char *typed, const char *candidate) {
    size_t length = strlen(typed);
    if (length >= 2 && is_prefix(typed, candidate)) return 1;
    int distance = ovp_edit_distance(typed, candidate);
    size_t shorter = strlen(candidate) < length ? strlen(candidate) : length;
    return distance <= (int)(shorter + 2) / 3 ? distance : -1;
}

/* ---- numbers ------------------------------------------------------------------------------------- */

/* " (unit)" or "". */
static void unit_text(const ovp_param *row, char out[96]) {
    if (row->unit && row->unit[0])
        snprintf(out, 96, " (%.80s)", row->unit);
    else
        out[0] = '\0';
}

static ovp_status out_of_range(const param_parser *p, const char *shown) {
    char low[32], high[32], unit[96];
    ovp_format_real(low, p->row->min);
    ovp_format_real(high, p->row->max);
    unit_text(p->row, unit);
    if (isfinite(p->row->min) && isfinite(p->row->max))
        return ovp_fail(p->ctx, p->error, "%s: %s is outside %s..%s%s", p->prefix, shown, low, high, unit);
    if (isfinite(p->row->min))
        return ovp_fail(p->ctx, p->error, "%s: %s is below %s, the least allowed%s", p->prefix, shown, low, unit);
    return ovp_fail(p->ctx, p->error, "%s: %s is above %s, the most allowed%s", p->prefix, shown, high, unit);
}

static ovp_status check_integer(const param_parser *p, int64_t number) {
    char shown[32];
    if ((double)number >= p->row->min && (double)number <= p->row->max) return OVP_OK;
    snprintf(shown, sizeof shown, "%lld", (long long)number);
    return out_of_range(p, shown);
}

static ovp_status check_real(const param_parser *p, double number) {
    char shown[32];
    if (isnan(number)) return ovp_fail(p->ctx, p->error, "%s: nan is not a value; give a number", p->prefix);
    if (number >= p->row->min && number <= p->row->max) return OVP_OK;
    ovp_format_real(shown, number);
    return out_of_range(p, shown);
}

static ovp_status read_integer(const param_parser *p, const char *text, int64_t *out) {
    if (!ovp_parse_int(text, out))
        return ovp_fail(p->ctx, p->error, "%s: '%.40s' is not an integer (forms: 1000, 1_000, 1e3)", p->prefix, text);
    return check_integer(p, *out);
}

static ovp_status read_real(const param_parser *p, const char *text, double *out) {
    if (!ovp_parse_real(text, out))
        return ovp_fail(p->ctx, p->error, "%s: '%.40s' is not a number (forms: 0.01, 1e-2, 10_000)", p->prefix, text);
    return check_real(p, *out);
}

/* ---- lists --------------------------------------------------------------------------------------- */

/* A growing list of int64_t or double, by the row's type. */
typedef struct list {
    int integers;
    void *items;
    ovp_idx count, capacity;
} list;

static ovp_status push(const param_parser *p, list *l, int64_t integer, double real) {
    if (l->count == LIST_LIMIT)
        return ovp_fail(p->ctx, p->error, "%s: the list has more than %d items", p->prefix, LIST_LIMIT);
    if (l->count == l->capacity) {
        ovp_idx capacity = l->capacity ? 2 * l->capacity : 16;
        void *grown = NULL;
        ovp_status status = ovp_alloc(p->ctx, &grown, capacity, 8);
        if (status != OVP_OK) return status;
        if (l->count) memcpy(grown, l->items, (size_t)l->count * 8);
        ovp_free(p->ctx, l->items);
        l->items = grown;
        l->capacity = capacity;
    }
    if (l->integers)
        ((int64_t *)l->items)[l->count++] = integer;
    else
        ((double *)l->items)[l->count++] = real;
    return OVP_OK;
}

static ovp_status push_range(const param_parser *p, list *l, const char *item, const char *dots) {
    char first[48];
    int64_t low, high;
    size_t length = (size_t)(dots - item);
    if (length >= sizeof first) length = sizeof first - 1;
    memcpy(first, item, length);
    first[length] = '\0';
    if (!ovp_parse_int(first, &low) || !ovp_parse_int(dots + 2, &high))
        return ovp_fail(p->ctx, p->error, "%s: '%.40s' is not a range A..B of integers (else use lin:A:B:N)", p->prefix,
                        item);
    if (low > high)
        return ovp_fail(p->ctx, p->error, "%s: the range %.40s is empty; write the smaller end first", p->prefix, item);
    ovp_status status = check_integer(p, low);
    if (status == OVP_OK) status = check_integer(p, high);
    if (status == OVP_OK && (uint64_t)high - (uint64_t)low >= LIST_LIMIT)
        return ovp_fail(p->ctx, p->error, "%s: the range %.40s has more than %d items", p->prefix, item, LIST_LIMIT);
    for (int64_t k = 0; status == OVP_OK && k <= high - low; k++) status = push(p, l, low + k, (double)(low + k));
    return status;
}

/* log:A:B:N or lin:A:B:N, ends exact. Powers of ten are taken so that decades come out exactly (log:1:1000:4). */
static ovp_status push_spaced(const param_parser *p, list *l, const char *item) {
    char parts[3][48];
    double from, to;
    int64_t n;
    int logarithmic = item[1] == 'o', found = 0;
    const char *start = item + 4;
    while (found < 3) {
        size_t length = strcspn(start, ":");
        if (length >= sizeof parts[0] || (start[length] == ':') != (found < 2)) break;
        memcpy(parts[found], start, length);
        parts[found++][length] = '\0';
        start += length + 1;
    }
    if (found < 3 || !ovp_parse_real(parts[0], &from) || !ovp_parse_real(parts[1], &to) || !isfinite(from) ||
        !isfinite(to) || !ovp_parse_int(parts[2], &n))
        return ovp_fail(p->ctx, p->error, "%s: '%.40s' is not %.3s:A:B:N (from A to B, N values)", p->prefix, item,
                        item);
    if (n < 2 || n > LIST_LIMIT)
        return ovp_fail(p->ctx, p->error, "%s: '%.40s' asks for %lld values; allowed 2..%d", p->prefix, item,
                        (long long)n, LIST_LIMIT);
    if (logarithmic && (from <= 0 || to <= 0))
        return ovp_fail(p->ctx, p->error, "%s: '%.40s' needs positive ends", p->prefix, item);
    for (int64_t i = 0; i < n; i++) {
        double t = (double)i / (double)(n - 1);
        double x = logarithmic ? pow(10, log10(from) + t * (log10(to) - log10(from))) : from + t * (to - from);
        if (i == 0) x = from;
        if (i == n - 1) x = to;
        if (l->integers) {
            x = nearbyint(x);
            if (fabs(x) > 9.0e18) /* still exact in int64 and beyond every row's range */
                return ovp_fail(p->ctx, p->error, "%s: '%.40s' leaves the 64-bit integers", p->prefix, item);
        }
        ovp_status status = l->integers ? check_integer(p, (int64_t)x) : check_real(p, x);
        if (status != OVP_OK) return status;
        if (l->integers && i > 0 && ((const int64_t *)l->items)[l->count - 1] == (int64_t)x) continue;
        status = push(p, l, l->integers ? (int64_t)x : 0, x);
        if (status != OVP_OK) return status;
    }
    return OVP_OK;
}

static ovp_status push_item(const param_parser *p, list *l, const char *item) {
    ovp_status status;
    int64_t integer = 0;
    double real = 0;
    const char *dots = strstr(item, "..");
    if (!item[0])
        return ovp_fail(p->ctx, p->error, "%s: an item of the list is empty; write a,b,c without gaps", p->prefix);
    if (!strncmp(item, "log:", 4) || !strncmp(item, "lin:", 4)) return push_spaced(p, l, item);
    if (dots) return push_range(p, l, item, dots);
    status = l->integers ? read_integer(p, item, &integer) : read_real(p, item, &real);
    return status == OVP_OK ? push(p, l, integer, real) : status;
}

static int is_blank(const char *text) {
    while (isspace((unsigned char)*text)) text++;
    return !*text;
}

static ovp_status read_list(const param_parser *p, const char *text, list *l) {
    if (is_blank(text))
        return ovp_fail(p->ctx, p->error, "%s: the list is empty; give at least one value (a,b,c or A..B)", p->prefix);
    for (const char *start = text;;) {
        char item[200];
        size_t length = strcspn(start, ","), lead = 0, kept = length;
        while (lead < length && isspace((unsigned char)start[lead])) lead++;
        while (kept > lead && isspace((unsigned char)start[kept - 1])) kept--;
        if (kept - lead >= sizeof item)
            return ovp_fail(p->ctx, p->error, "%s: '%.40s...' is not a number", p->prefix, start + lead);
        memcpy(item, start + lead, kept - lead);
        item[kept - lead] = '\0';
        ovp_status status = push_item(p, l, item);
        if (status != OVP_OK) return status;
        if (!start[length]) return OVP_OK;
        start += length + 1;
    }
}

static ovp_status show_list(const param_parser *p, const list *l, char **out) {
    ovp_text text = {.ctx = p->ctx};
    char shown[32];
    for (ovp_idx i = 0; i < l->count; i++) {
        if (i) ovp_text_add(&text, ",");
        if (l->integers) {
            const int64_t *v = l->items;
            ovp_idx last = i;
            while (last + 1 < l->count && v[last] < INT64_MAX && v[last + 1] == v[last] + 1) last++;
            ovp_text_add(&text, "%lld", (long long)v[i]);
            if (last - i + 1 >= RANGE_RUN) ovp_text_add(&text, "..%lld", (long long)v[i = last]);
        } else {
            ovp_format_real(shown, ((const double *)l->items)[i]);
            ovp_text_add(&text, "%s", shown);
        }
    }
    ovp_status status = ovp_text_status(&text);
    if (status == OVP_OK) status = ovp_strdup(p->ctx, out, text.data);
    ovp_text_free(&text);
    return status;
}

/* ---- words --------------------------------------------------------------------------------------- */

static ovp_status read_bool(const param_parser *p, const char *text, int64_t *out) {
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (int i = 0; i < 8; i++)
        if (!strcmp(text, words[i])) {
            *out = i & 1;
            return OVP_OK;
        }
    return ovp_fail(p->ctx, p->error, "%s: '%.40s' is neither yes nor no (also true|false, on|off, 1|0)", p->prefix,
                    text);
}

static ovp_status read_choice(const param_parser *p, const char *text) {
    char near[CHOICE_BYTES] = "";
    int least = 0;
    for (const char *start = p->row->choices; start;) {
        char choice[CHOICE_BYTES];
        size_t length = strcspn(start, "|");
        assert(length < sizeof choice);
        memcpy(choice, start, length);
        choice[length] = '\0';
        if (!strcmp(choice, text)) return OVP_OK;
        int d = ovp_param_unlikeness(text, choice);
        if (d >= 0 && (!near[0] || d < least)) {
            memcpy(near, choice, sizeof near);
            least = d;
        }
        start = start[length] ? start + length + 1 : NULL;
    }
    return ovp_fail(p->ctx, p->error, "%s: '%.40s' is not one of %s%s%s%s", p->prefix, text, p->row->choices,
                    near[0] ? "; did you mean " : "", near, near[0] ? "?" : "");
}

/* ---- one value ------------------------------------------------------------------------------------ */

ovp_status ovp_param_read(const param_parser *p, const char *text, param_value *v) {
    ovp_status status = OVP_OK;
    char shown[32];
    list l = {.integers = p->row->type == OVP_PARAM_INT_LIST};
    switch (p->row->type) {
    case OVP_PARAM_INT:
        OVP_TRY(read_integer(p, text, &v->integer));
        snprintf(shown, sizeof shown, "%lld", (long long)v->integer);
        OVP_TRY(ovp_strdup(p->ctx, &v->shown, shown));
        break;
    case OVP_PARAM_REAL:
        OVP_TRY(read_real(p, text, &v->real));
        ovp_format_real(shown, v->real);
        OVP_TRY(ovp_strdup(p->ctx, &v->shown, shown));
        break;
    case OVP_PARAM_BOOL:
        OVP_TRY(read_bool(p, text, &v->integer));
        OVP_TRY(ovp_strdup(p->ctx, &v->shown, v->integer ? "yes" : "no"));
        break;
    case OVP_PARAM_CHOICE:
        OVP_TRY(read_choice(p, text));
        OVP_TRY(ovp_strdup(p->ctx, &v->text, text));
        OVP_TRY(ovp_strdup(p->ctx, &v->shown, text));
        break;
    case OVP_PARAM_TEXT:
        OVP_TRY(ovp_strdup(p->ctx, &v->text, text));
        OVP_TRY(ovp_strdup(p->ctx, &v->shown, text));
        break;
    case OVP_PARAM_INT_LIST:
    case OVP_PARAM_REAL_LIST:
        OVP_TRY(read_list(p, text, &l));
        OVP_TRY(show_list(p, &l, &v->shown));
        v->count = l.count;
        if (l.integers)
            v->integers = l.items;
        else
            v->reals = l.items;
        l.items = NULL;
        break;
    }
done:
    ovp_free(p->ctx, l.items);
    return status;
}
