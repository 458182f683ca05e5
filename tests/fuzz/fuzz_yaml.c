/* YAML: the settings that are read are the same after writing them as quoted scalars and reading again. */
#include "fuzz.h"

#include <overparam/io.h>

/* One code point of UTF-8 (the reader has checked it); *text moves behind it. */
static unsigned long next_point(const char **text) {
    const unsigned char *p = (const unsigned char *)*text;
    int more = *p < 0x80 ? 0 : *p < 0xE0 ? 1 : *p < 0xF0 ? 2 : 3;
    unsigned long point = more ? *p & (0x3Fu >> more) : *p;
    for (int i = 1; i <= more; i++) point = point << 6 | (p[i] & 0x3Fu);
    *text += more + 1;
    return point;
}

/* Everything but letters and digits escaped: no reader's rule about blanks, folding or printing can touch it. */
static void quote(ovp_text *out, const char *text) {
    ovp_text_add(out, "\"");
    while (*text) {
        unsigned long point = next_point(&text);
        int plain = (point >= '0' && point <= '9') || (point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z');
        if (plain)
            ovp_text_add(out, "%c", (int)point);
        else
            ovp_text_add(out, "\\U%08lx", point);
    }
    ovp_text_add(out, "\"");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_io_setting *first, *again;
    ovp_idx count, found;
    if (fuzz_ok(ovp_io_yaml_parse(&first, &count, ctx, "fuzz", (const char *)data, size))) {
        ovp_text file = {.ctx = ctx};
        for (ovp_idx i = 0; i < count; i++) {
            ovp_text_add(&file, "? "); /* a key of any length */
            quote(&file, first[i].key);
            ovp_text_add(&file, "\n: ");
            quote(&file, first[i].value);
            ovp_text_add(&file, "\n");
        }
        fuzz_must(ovp_io_yaml_parse(&again, &found, ctx, "again", file.data, file.length),
                  "what was written is not read");
        fuzz_require(found == count, "%lld settings became %lld", (long long)count, (long long)found);
        for (ovp_idx i = 0; i < count; i++)
            fuzz_require(!strcmp(first[i].key, again[i].key) && !strcmp(first[i].value, again[i].value),
                         "'%s: %s' became '%s: %s'", first[i].key, first[i].value, again[i].key, again[i].value);
        ovp_io_settings_free(ctx, again, found);
        ovp_text_free(&file);
    }
    ovp_io_settings_free(ctx, first, count);
    return fuzz_end();
}
