/* Which runs are listed: reading the filter's texts, and matching a run's record. */
#include "store/store_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- values -------------------------------------------------------------------------------------- */

static int among(const char *text, const char *const *words) {
    for (; *words; words++)
        if (strcmp(text, *words) == 0) return 1;
    return 0;
}

/* One value without commas: numbers in their shortest form, booleans as yes and no, anything else as it is. */
static void add_item(ovp_text *out, const char *text) {
    static const char *const yes[] = {"yes", "true", "on", NULL}, *const no[] = {"no", "false", "off", NULL};
    char number[32];
    int64_t integer;
    double real;
    if (ovp_parse_int(text, &integer))
        ovp_text_add(out, "%lld", (long long)integer);
    else if (ovp_parse_real(text, &real)) {
        (void)ovp_format_real(number, real);
        ovp_text_add(out, "%s", number);
    } else
        ovp_text_add(out, "%s", among(text, yes) ? "yes" : among(text, no) ? "no" : text);
}

static void add_text(ovp_text *out, const char *text) {
    char item[256];
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        if (length < sizeof(item)) {
            (void)snprintf(item, sizeof(item), "%.*s", (int)length, at);
            add_item(out, item);
        } else
            ovp_text_add_bytes(out, at, length);
        at += length;
        if (!*at) break;
        ovp_text_add(out, ",");
    }
}

void store_canonical(ovp_text *out, const json_t *value) {
    size_t i;
    json_t *item;
    if (json_is_array(value)) {
        json_array_foreach(value, i, item) {
            if (i) ovp_text_add(out, ",");
            store_canonical(out, item);
        }
    } else if (json_is_string(value))
        add_text(out, json_string_value(value));
    else if (json_is_boolean(value))
        ovp_text_add(out, json_is_true(value) ? "yes" : "no");
    else if (json_is_integer(value))
        ovp_text_add(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) {
        char number[32];
        (void)ovp_format_real(number, json_real_value(value));
        add_item(out, number);
    } else if (value && !json_is_null(value))
        ovp_io_json_dump(out, value, 0);
}

/* ---- time ---------------------------------------------------------------------------------------- */

/* "30m", "12h", "7d" before now; 0 if text is no age. */
static int read_age(char since[18], const char *text) {
    char *end = NULL;
    struct tm parts;
    struct timespec now;
    if (!isdigit((unsigned char)text[0])) return 0;
    const long count = strtol(text, &end, 10);
    const long unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 0;
    if (!unit || end[1] || count < 0 || count > 36500) return 0;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const time_t then = now.tv_sec - count * unit;
    (void)gmtime_r(&then, &parts);
    if (strftime(since, 18, "%Y%m%d%H%M%S000", &parts) != 17) return 0;
    return 1;
}

/* "2026-01-02", "2026-01-02T03:04", with seconds, milliseconds and a Z if wanted; 0 if text is no time. */
static int read_time(char since[18], const char *text) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.ddd";
    size_t length = strlen(text), used = 0;
    if (length && text[length - 1] == 'Z') length--;
    if (length != 10 && length != 16 && length != 19 && length != 23) return 0;
    for (size_t i = 0; i < length; i++) {
        const int digit = isdigit((unsigned char)text[i]) != 0;
        if (shape[i] == 'd' ? !digit : text[i] != shape[i] && !(shape[i] == 'T' && text[i] == ' ')) return 0;
        if (digit) since[used++] = text[i];
    }
    while (used < 17) since[used++] = '0';
    since[17] = 0;
    return strncmp(since + 4, "01", 2) >= 0 && strncmp(since + 4, "12", 2) <= 0 && strncmp(since + 6, "01", 2) >= 0 &&
           strncmp(since + 6, "31", 2) <= 0;
}

/* ---- the filter ---------------------------------------------------------------------------------- */

static ovp_status read_where(json_t *where, ovp_ctx *ctx, const char *text) {
    ovp_status status = OVP_OK;
    ovp_text value = {.ctx = ctx};
    char key[80], raw[1024];
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ";");
        const char *equals = memchr(at, '=', length);
        const size_t name = equals ? (size_t)(equals - at) : 0;
        if (name == 0 || name >= sizeof(key) || length - name - 1 >= sizeof(raw))
            OVP_TRY(ovp_fail(ctx, OVP_EUSAGE, "--where '%.80s': write KEY=VALUE, or KEY=VALUE;KEY=VALUE", text));
        (void)snprintf(key, sizeof(key), "%.*s", (int)name, at);
        (void)snprintf(raw, sizeof(raw), "%.*s", (int)(length - name - 1), equals + 1);
        for (char *c = key; *c; c++)
            if (*c == '_') *c = '-';
        add_text(&value, raw);
        OVP_TRY(ovp_text_status(&value));
        if (json_object_set_new(where, key, json_string(value.data ? value.data : "")) != 0)
            OVP_TRY(ovp_fail(ctx, OVP_EUSAGE, "--where '%.80s' is not UTF-8", text));
        ovp_text_free(&value);
        value = (ovp_text){.ctx = ctx};
        at += length;
        if (!*at) break;
    }
done:
    ovp_text_free(&value);
    return status;
}

ovp_status store_filter_read(store_filter *out, ovp_ctx *ctx, const ovp_store_filter *filter) {
    static const char *const known[] = {"running", "complete", "interrupted", "failed", "unfinished", "broken", NULL};
    ovp_status status = OVP_OK;
    *out = (store_filter){.ctx = ctx};
    if (!filter) return OVP_OK;
    out->experiment = filter->experiment;
    out->status = filter->status;
    out->limit = filter->limit;
    if (filter->status && !among(filter->status, known))
        OVP_TRY(ovp_fail(ctx, OVP_EUSAGE,
                         "--status '%.40s': running, complete, interrupted, failed, unfinished or broken",
                         filter->status));
    if (filter->limit < 0)
        OVP_TRY(ovp_fail(ctx, OVP_EUSAGE, "--limit %lld: at least 1 (without it all)", (long long)filter->limit));
    if (filter->since && !read_age(out->since, filter->since) && !read_time(out->since, filter->since))
        OVP_TRY(ovp_fail(ctx, OVP_EUSAGE,
                         "--since '%.40s': a time (2026-01-02 or 2026-01-02T15:30, UTC) or an age (30m, 12h, 7d)",
                         filter->since));
    if (filter->where) {
        out->where = json_object();
        if (!out->where) OVP_TRY(ovp_fail(ctx, OVP_ENOMEM, "--where: out of memory"));
        OVP_TRY(read_where(out->where, ctx, filter->where));
    }
done:
    return status;
}

void store_filter_free(store_filter *filter) {
    json_decref(filter->where);
    filter->where = NULL;
}

ovp_status store_filter_matches(int *matches, const store_filter *filter, const json_t *record) {
    ovp_status status = OVP_OK;
    ovp_text text = {.ctx = filter->ctx};
    const char *experiment = json_string_value(json_object_get(record, "experiment")), *key;
    char time_key[18];
    json_t *wanted, *params = json_object_get(record, "params");
    *matches = !filter->experiment || (experiment && strcmp(experiment, filter->experiment) == 0);
    store_time_key(record, time_key);
    if (strcmp(time_key, filter->since) < 0) *matches = 0;
    json_object_foreach(filter->where, key, wanted) {
        json_t *value = json_object_get(params, key);
        if (!*matches) break;
        store_canonical(&text, value);
        OVP_TRY(ovp_text_status(&text));
        *matches = value && strcmp(text.data ? text.data : "", json_string_value(wanted)) == 0;
        ovp_text_free(&text);
        text = (ovp_text){.ctx = filter->ctx};
    }
done:
    ovp_text_free(&text);
    return status;
}
