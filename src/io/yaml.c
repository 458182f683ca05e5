/* Flat YAML configuration files through libyaml's events: nothing is ever expanded, so aliases cannot explode. */
#include "io/io_int.h"

#include <assert.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
    ovp_ctx *ctx;
    const char *name;
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; deleted before the next */
    int held;
    ovp_io_setting *settings;
    ovp_idx count, capacity;
} reader;

static int here(const reader *r) {
    return (int)r->event.start_mark.line + 1;
}

static ovp_status fail_here(reader *r, const char *what) {
    return ovp_fail(r->ctx, OVP_ECONFIG, "%s: line %d: %s", r->name, here(r), what);
}

static ovp_status next(reader *r) {
    if (r->held) yaml_event_delete(&r->event);
    r->held = 0;
    if (yaml_parser_parse(&r->parser, &r->event)) {
        r->held = 1;
        return OVP_OK;
    }
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) return ovp_fail(r->ctx, OVP_ENOMEM, "%s: no memory to read YAML", r->name);
    const char *problem = p->problem ? p->problem : "not YAML";
    if (p->error == YAML_READER_ERROR)
        return ovp_fail(r->ctx, OVP_ECONFIG, "%s: byte %zu: %s; a text in UTF-8 expected", r->name, p->problem_offset,
                        problem);
    return ovp_fail(r->ctx, OVP_ECONFIG, "%s: line %zu, column %zu: %s", r->name, p->problem_mark.line + 1,
                    p->problem_mark.column + 1, problem);
}

/* The current event's scalar as text (owned by the event). */
static ovp_status scalar(reader *r, const char **text) {
    if (r->event.type == YAML_ALIAS_EVENT) return fail_here(r, "aliases (*name) are not allowed; repeat the value");
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail_here(r, "nested mappings and lists are not allowed; only `key: value` and `key: [a, b]`");
    if (r->event.data.scalar.anchor) return fail_here(r, "anchors (&name) are not allowed; repeat the value");
    if (r->event.data.scalar.tag) return fail_here(r, "tags (!name) are not allowed");
    *text = (const char *)r->event.data.scalar.value;
    if (strlen(*text) != r->event.data.scalar.length) return fail_here(r, "a zero byte within a value");
    return OVP_OK;
}

/* Items up to the end of the list, joined with commas. */
static ovp_status list(reader *r, char **value) {
    ovp_status status = OVP_OK;
    ovp_text joined = {.ctx = r->ctx};
    const char *item;
    if (r->event.data.sequence_start.anchor || r->event.data.sequence_start.tag)
        return fail_here(r, "anchors and tags are not allowed");
    for (int first = 1;; first = 0) {
        OVP_TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) break;
        OVP_TRY(scalar(r, &item));
        if (strchr(item, ',')) {
            status = fail_here(r, "a list item with a comma in it would become two");
            goto done;
        }
        ovp_text_add(&joined, "%s%s", first ? "" : ",", item);
    }
    OVP_TRY(ovp_text_status(&joined));
    OVP_TRY(ovp_strdup(r->ctx, value, joined.data ? joined.data : ""));
done:
    ovp_text_free(&joined);
    return status;
}

static ovp_status add_setting(reader *r, ovp_io_setting **added) {
    if (r->count == OVP_IO_MAX_SETTINGS)
        return ovp_fail(r->ctx, OVP_ECONFIG, "%s: line %d: more than %d settings", r->name, here(r),
                        OVP_IO_MAX_SETTINGS);
    if (r->count == r->capacity) {
        ovp_io_setting *larger = NULL;
        ovp_idx capacity = r->capacity ? 2 * r->capacity : 16;
        ovp_status status = ovp_alloc(r->ctx, &larger, capacity, sizeof(*larger));
        if (status != OVP_OK) return status;
        if (r->count) memcpy(larger, r->settings, (size_t)r->count * sizeof(*larger));
        ovp_free(r->ctx, r->settings);
        r->settings = larger;
        r->capacity = capacity;
    }
    *added = &r->settings[r->count++];
    return OVP_OK;
}

/* The current event is a key. */
static ovp_status pair(reader *r) {
    ovp_status status = OVP_OK;
    ovp_io_setting *setting = NULL;
    const char *text;
    OVP_TRY(scalar(r, &text));
    if (!*text) return fail_here(r, "an empty key");
    for (ovp_idx i = 0; i < r->count; i++)
        if (strcmp(r->settings[i].key, text) == 0)
            return ovp_fail(r->ctx, OVP_ECONFIG, "%s: line %d: key '%s' stands in line %d already", r->name, here(r),
                            ovp_io_show(text, strlen(text)).text, r->settings[i].line);
    OVP_TRY(add_setting(r, &setting));
    setting->line = here(r);
    OVP_TRY(ovp_strdup(r->ctx, &setting->key, text));
    OVP_TRY(next(r));
    if (r->event.type == YAML_SEQUENCE_START_EVENT) return list(r, &setting->value);
    OVP_TRY(scalar(r, &text));
    OVP_TRY(ovp_strdup(r->ctx, &setting->value, text));
done:
    return status;
}

static ovp_status document(reader *r) {
    ovp_status status = OVP_OK;
    OVP_TRY(next(r)); /* stream start */
    OVP_TRY(next(r));
    if (r->event.type == YAML_STREAM_END_EVENT) goto done; /* nothing but comments: no settings */
    OVP_TRY(next(r));
    if (r->event.type == YAML_SCALAR_EVENT && !r->event.data.scalar.length) {
        OVP_TRY(next(r)); /* `---` and nothing behind it */
    } else {
        if (r->event.type != YAML_MAPPING_START_EVENT) return fail_here(r, "lines `key: value` expected");
        if (r->event.data.mapping_start.anchor || r->event.data.mapping_start.tag)
            return fail_here(r, "anchors and tags are not allowed");
        for (;;) {
            OVP_TRY(next(r));
            if (r->event.type == YAML_MAPPING_END_EVENT) break;
            OVP_TRY(pair(r));
        }
        OVP_TRY(next(r));
    }
    OVP_TRY(next(r)); /* after the document's end */
    if (r->event.type != YAML_STREAM_END_EVENT) return fail_here(r, "a second document; one file holds one");
done:
    return status;
}

ovp_status ovp_io_yaml_parse(ovp_io_setting **out, ovp_idx *count, ovp_ctx *ctx, const char *name, const char *data,
                             size_t bytes) {
    ovp_status status = OVP_OK;
    reader r = {.ctx = ctx, .name = name};
    assert(out && count && name && (data || !bytes));
    *out = NULL;
    *count = 0;
    if (bytes > OVP_IO_YAML_LIMIT)
        return ovp_fail(ctx, OVP_ELIMIT, "%s: %zu bytes; a configuration holds at most %lld", name, bytes,
                        (long long)OVP_IO_YAML_LIMIT);
    if (!yaml_parser_initialize(&r.parser)) return ovp_fail(ctx, OVP_ENOMEM, "%s: no memory to read YAML", name);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(data ? data : ""), bytes);
    status = document(&r);
    if (r.held) yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (status == OVP_OK) {
        /* Also for an empty file a list that can be freed. */
        if (!r.settings) OVP_TRY(ovp_alloc(ctx, &r.settings, 1, sizeof(*r.settings)));
        *out = r.settings;
        *count = r.count;
        r.settings = NULL;
    }
done:
    ovp_io_settings_free(ctx, r.settings, r.count);
    return status;
}

ovp_status ovp_io_yaml_read(ovp_io_setting **out, ovp_idx *count, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && count && path);
    *out = NULL;
    *count = 0;
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_YAML_LIMIT, 0));
    OVP_TRY(ovp_io_yaml_parse(out, count, ctx, path, data, bytes));
done:
    ovp_free(ctx, data);
    return status;
}

void ovp_io_settings_free(ovp_ctx *ctx, ovp_io_setting *settings, ovp_idx count) {
    if (!settings) return;
    for (ovp_idx i = 0; i < count; i++) {
        ovp_free(ctx, settings[i].key);
        ovp_free(ctx, settings[i].value);
    }
    ovp_free(ctx, settings);
}
