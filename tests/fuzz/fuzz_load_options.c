/* Load options and knobs as texts: the first byte names a set, then lines "key=value". What is taken holds together. */
#include "fuzz.h"

#include <overparam/data.h>

/* Value of a key in the lines, cut out of `user`'s copy: 0 bytes stand for the ends of lines. */
typedef struct lines {
    const char *text, *end;
} lines;

static const char *value_of(const void *user, const char *key) {
    const lines *l = user;
    const size_t length = strlen(key);
    for (const char *at = l->text; at < l->end; at += strlen(at) + 1)
        if (!strncmp(at, key, length) && at[length] == '=') return at + length + 1;
    return NULL;
}

static void holds_together(const ovp_data_choice *c) {
    const ovp_data_options *o = &c->options;
    double sum = 0;
    for (ovp_idx k = 0; k < o->class_count; k++) sum += (double)o->classes[k];
    for (ovp_idx k = 0; k < o->normalise_count; k++) sum += o->mean[k] + o->std[k];
    fuzz_require(o->class_count == 0 || o->classes == c->classes, "classes");
    fuzz_require(!o->synthetic || o->synthetic == &c->synthetic, "knobs");
    if (o->synthetic && c->weights) sum += c->weights[o->synthetic->features * o->synthetic->outputs - 1];
    if (o->synthetic && c->bias) sum += c->bias[o->synthetic->outputs - 1];
    fuzz_require(o->scale <= OVP_SCALE_STANDARD && sum != 1e301, "scale");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"mnist", "linear",  "sinusoidal", "middle",
                                        "sin",   "teacher", "npz:x",      "nothing"};
    ovp_data_choice choice;
    if (size < 1) return 0;
    char *text = fuzz_text(data + 1, size - 1);
    const lines l = {text, text + strlen(text)};
    for (char *c = text; c < l.end; c++)
        if (*c == '\n') *c = 0;
    /* Messages quote values, and may not hold what would steer a terminal; the program replaces that when it prints. */
    ovp_status status = ovp_data_choose(&choice, fuzz_ctx(), names[data[0] % 8], value_of, &l);
    if (status == OVP_OK)
        holds_together(&choice);
    else
        fuzz_require(ovp_message(fuzz_ctx())[0], "%s without a message", ovp_status_name(status));
    fuzz_require(status == OVP_OK || status == OVP_EUSAGE, "%s", ovp_status_name(status));
    ovp_clear(fuzz_ctx());
    ovp_data_choice_free(fuzz_ctx(), &choice);
    free(text);
    return fuzz_end();
}
