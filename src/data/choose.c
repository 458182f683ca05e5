/* Load options and the knobs of synthetic sets from their texts. */
#include "data/data_int.h"

#include <stdio.h>
#include <string.h>

/* What all readers of one text need. */
typedef struct texts {
    ovp_ctx *ctx;
    ovp_data_text_fn text;
    const void *user;
} texts;

static const char *text_of(const texts *t, const char *key) {
    const char *text = t->text(t->user, key);
    return text && *text ? text : NULL;
}

static ovp_status bad(const texts *t, const char *key, const char *value, const char *expected) {
    return ovp_fail(t->ctx, OVP_EUSAGE, "--%s: '%.40s'; %s expected", key, value, expected);
}

/* *out stays as it is where the key is absent. */
static ovp_status take_int(ovp_idx *out, const texts *t, const char *key) {
    const char *text = text_of(t, key);
    return !text || ovp_parse_int(text, out) ? OVP_OK : bad(t, key, text, "a whole number");
}

static ovp_status take_real(double *out, const texts *t, const char *key) {
    const char *text = text_of(t, key);
    return !text || ovp_parse_real(text, out) ? OVP_OK : bad(t, key, text, "a number");
}

/* Position of a word in a list, into *out. */
static ovp_status take_word(int *out, const texts *t, const char *key, const char *const *words, int count,
                            const char *expected) {
    const char *text = text_of(t, key);
    for (int k = 0; text && k < count; k++)
        if (!strcmp(words[k], text)) {
            *out = k;
            return OVP_OK;
        }
    return text ? bad(t, key, text, expected) : OVP_OK;
}

/* Numbers with commas, up to `end`; *out allocated. */
static ovp_status take_reals(double **out, ovp_idx *count, const texts *t, const char *key, const char *text,
                             const char *end) {
    ovp_idx room = 1;
    for (const char *c = text; c < end; c++) room += *c == ',';
    ovp_status status = ovp_alloc(t->ctx, out, room, sizeof **out);
    for (*count = 0; status == OVP_OK && *count < room; ++*count) {
        char number[64];
        size_t length = strcspn(text, ",");
        if (text + length > end) length = (size_t)(end - text);
        snprintf(number, sizeof number, "%.*s", (int)(length < 60 ? length : 60), text);
        if (!ovp_parse_real(number, *out + *count)) return bad(t, key, number, "numbers with commas between them");
        text += length + 1;
    }
    return status;
}

/* ---- of every set -------------------------------------------------------------------------------- */

static ovp_status take_classes(ovp_data_choice *out, const texts *t) {
    const char *text = text_of(t, "classes");
    double *values = NULL;
    ovp_status status = OVP_OK;
    if (!text) return OVP_OK;
    OVP_TRY(take_reals(&values, &out->options.class_count, t, "classes", text, text + strlen(text)));
    OVP_TRY(ovp_alloc(t->ctx, &out->classes, out->options.class_count, sizeof *out->classes));
    for (ovp_idx k = 0; k < out->options.class_count; k++) {
        if (!(values[k] >= 0 && values[k] < 1e9) || (double)(ovp_idx)values[k] != values[k]) {
            status = bad(t, "classes", text, "numbers of classes with commas between them");
            goto done;
        }
        out->classes[k] = (ovp_idx)values[k];
    }
    out->options.classes = out->classes;
done:
    ovp_free(t->ctx, values);
    return status;
}

/* "32x24" rows and columns, or "32" for both. */
static ovp_status take_resize(ovp_data_options *o, const texts *t) {
    const char *text = text_of(t, "resize");
    char rows[32];
    if (!text) return OVP_OK;
    size_t length = strcspn(text, "x");
    snprintf(rows, sizeof rows, "%.*s", (int)(length < 30 ? length : 30), text);
    const char *cols = text[length] ? text + length + 1 : rows;
    if (!ovp_parse_int(rows, &o->resize_rows) || !ovp_parse_int(cols, &o->resize_cols) || o->resize_rows < 1 ||
        o->resize_cols < 1)
        return bad(t, "resize", text, "rows and columns of at least 1, as 32x32,");
    return OVP_OK;
}

static ovp_status take_split(ovp_data_options *o, const texts *t) {
    const char *text = text_of(t, "split");
    double *shares = NULL;
    ovp_idx count = 0;
    ovp_status status = OVP_OK;
    if (!text) return OVP_OK;
    OVP_TRY(take_reals(&shares, &count, t, "split", text, text + strlen(text)));
    if (count != 3)
        status = bad(t, "split", text, "three shares (training, validation, test) with sum 1");
    else
        memcpy(o->split, shares, sizeof o->split);
done:
    ovp_free(t->ctx, shares);
    return status;
}

static ovp_status take_normalise(ovp_data_choice *out, const texts *t) {
    const char *by = text_of(t, "normalise");
    ovp_data_options *o = &out->options;
    ovp_idx means = 0, stds = 0;
    ovp_status status = OVP_OK;
    if (!by) return OVP_OK;
    if (!strcmp(by, "train")) {
        o->normalise = OVP_NORMALISE_TRAIN;
        return OVP_OK;
    }
    const char *colon = strchr(by, ':');
    if (!colon) return bad(t, "normalise", by, "'train', or means:deviations as .49,.48,.45:.25,.24,.26,");
    OVP_TRY(take_reals(&out->mean, &means, t, "normalise", by, colon));
    OVP_TRY(take_reals(&out->std, &stds, t, "normalise", colon + 1, by + strlen(by)));
    if (means != stds) return bad(t, "normalise", by, "as many deviations as means");
    o->normalise = OVP_NORMALISE_GIVEN;
    o->mean = out->mean;
    o->std = out->std;
    o->normalise_count = means;
done:
    return status;
}

static ovp_status take_options(ovp_data_choice *out, const texts *t) {
    static const char *const scales[] = {"raw", "unit", "standard"};
    ovp_data_options *o = &out->options;
    ovp_idx channels = 0;
    int scale = OVP_SCALE_RAW;
    ovp_status status = OVP_OK;
    OVP_TRY(take_int(&o->train, t, "limit"));
    OVP_TRY(take_int(&o->test, t, "test-limit"));
    OVP_TRY(take_classes(out, t));
    OVP_TRY(take_resize(o, t));
    OVP_TRY(take_int(&channels, t, "channels"));
    o->channels = channels > 0 && channels < 1000 ? (int)channels : -(channels != 0); /* the load refuses */
    OVP_TRY(take_real(&o->fraction, t, "fraction"));
    OVP_TRY(take_split(o, t));
    OVP_TRY(take_real(&o->flip, t, "flip"));
    OVP_TRY(take_int(&o->crop_padding, t, "crop"));
    OVP_TRY(take_word(&scale, t, "scale", scales, 3, "raw, unit or standard"));
    o->scale = (ovp_data_scale)scale;
    OVP_TRY(take_normalise(out, t));
    o->label_column = text_of(t, "label-column");
    o->target_columns = text_of(t, "target-columns");
done:
    return status;
}

/* ---- of synthetic sets --------------------------------------------------------------------------- */

static const char *const knobs[] = {
#define OVP_KNOB(key, value, help) key,
    OVP_DATA_KNOBS(OVP_KNOB)
#undef OVP_KNOB
};
enum { KNOBS = sizeof knobs / sizeof knobs[0] };

/* Whether a set heeds a knob: "noise" always, else "bias-scale" if its list has bias_scale. */
static int heeds(const ovp_data_synthetic_info *info, const char *key) {
    if (!strcmp(key, "noise")) return 1;
    if (!strcmp(key, "variant")) key = "published";
    for (const char *at = info->knobs; at; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        size_t k = 0;
        while (key[k] && (at[k] == key[k] || (at[k] == '_' && key[k] == '-'))) k++;
        if (!key[k] && (!at[k] || at[k] == ',')) return 1;
    }
    return 0;
}

/* A knob that has no meaning for the set is refused rather than passed over. */
static ovp_status check_knobs(const texts *t, const char *name, const ovp_data_synthetic_info *info) {
    for (int k = 0; k < KNOBS; k++) {
        char allowed[200] = "";
        size_t n = 0;
        if (!text_of(t, knobs[k]) || (info && heeds(info, knobs[k]))) continue;
        if (!info)
            return ovp_fail(t->ctx, OVP_EUSAGE, "--%s: %.60s is read, not drawn; this is for synthetic sets", knobs[k],
                            name);
        for (int j = 0; j < KNOBS && n < sizeof allowed; j++)
            if (heeds(info, knobs[j]))
                n += (size_t)snprintf(allowed + n, sizeof allowed - n, "%s--%s", n ? ", " : "", knobs[j]);
        return ovp_fail(t->ctx, OVP_EUSAGE, "--%s: not of the set %s, which has %s", knobs[k], name, allowed);
    }
    return OVP_OK;
}

static ovp_status take_given(double **out, const texts *t, const char *key, ovp_idx wanted, const char *expected) {
    const char *text = text_of(t, key);
    ovp_idx count = 0;
    if (!text) return OVP_OK;
    ovp_status status = take_reals(out, &count, t, key, text, text + strlen(text));
    return status == OVP_OK && count != wanted ? bad(t, key, text, expected) : status;
}

static ovp_status take_knobs(ovp_data_choice *out, const texts *t, const char *name) {
    static const char *const inputs[] = {"gaussian", "uniform"}, *const variants[] = {"plain", "published"};
    ovp_data_synthetic_options *o = &out->synthetic;
    int kind;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_data_synthetic_defaults(o, t->ctx, name));
    OVP_TRY(check_knobs(t, name, ovp_data_synthetic_find(name)));
    OVP_TRY(take_int(&o->train, t, "limit"));
    OVP_TRY(take_int(&o->test, t, "test-limit"));
    OVP_TRY(take_int(&o->features, t, "features"));
    OVP_TRY(take_int(&o->outputs, t, "outputs"));
    kind = (int)o->inputs;
    OVP_TRY(take_word(&kind, t, "inputs", inputs, 2, "gaussian or uniform"));
    o->inputs = (ovp_data_inputs)kind;
    OVP_TRY(take_real(&o->low, t, "low"));
    OVP_TRY(take_real(&o->high, t, "high"));
    OVP_TRY(take_real(&o->noise, t, "noise"));
    OVP_TRY(take_real(&o->bias_scale, t, "bias-scale"));
    OVP_TRY(take_word(&o->published, t, "variant", variants, 2, "plain or published"));
    OVP_TRY(take_real(&o->c, t, "c"));
    OVP_TRY(take_int(&o->depth, t, "depth"));
    OVP_TRY(take_int(&o->width, t, "width"));
    OVP_TRY(take_real(&o->sigma, t, "sigma"));
    if (text_of(t, "activation")) o->activation = text_of(t, "activation");
    ovp_idx weights = 0;
    if (__builtin_mul_overflow(o->features, o->outputs, &weights)) weights = -1;
    OVP_TRY(take_given(&out->weights, t, "weights", weights, "features x outputs numbers, row by row,"));
    OVP_TRY(take_given(&out->bias, t, "bias", o->outputs, "one number an output"));
    o->weights = out->weights;
    o->bias = out->bias;
    out->options.synthetic = o;
    out->options.train = out->options.test = 0; /* as many as are drawn */
done:
    return status;
}

ovp_status ovp_data_choose(ovp_data_choice *out, ovp_ctx *ctx, const char *name, ovp_data_text_fn text,
                           const void *user) {
    const texts t = {ctx, text, user};
    ovp_status status = OVP_OK;
    *out = (ovp_data_choice){.options = {.size = sizeof out->options, .type = OVP_F32}};
    OVP_TRY(take_options(out, &t));
    if (ovp_data_synthetic_find(name))
        OVP_TRY(take_knobs(out, &t, name));
    else
        OVP_TRY(check_knobs(&t, name, NULL));
done:
    if (status != OVP_OK) ovp_data_choice_free(ctx, out);
    return status;
}

void ovp_data_choice_free(ovp_ctx *ctx, ovp_data_choice *choice) {
    if (!choice) return;
    ovp_free(ctx, choice->classes);
    ovp_free(ctx, choice->mean);
    ovp_free(ctx, choice->std);
    ovp_free(ctx, choice->weights);
    ovp_free(ctx, choice->bias);
    *choice = (ovp_data_choice){0};
}
