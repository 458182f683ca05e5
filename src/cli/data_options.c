/* The load options of `overparam data`. */
#include "cli_data.h"

static const char *const names[] = {"limit",     "test-limit", "classes", "resize",       "channels",
                                    "fraction",  "split",      "flip",    "crop",         "scale",
                                    "normalise", "seed",       "rng",     "label-column", "target-columns"};

void cli_data_chosen_text(ovp_text *out, const cli_args *args) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = cli_value(args, names[i]);
        if (value) ovp_text_add(out, "%s--%s %s", out->length ? " " : "", names[i], value);
    }
}

static ovp_status bad(cli_app *cli, const char *name, const char *value, const char *expected) {
    return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s: '%.40s'; %s expected", name, value, expected);
}

/* *out stays as it is where the option is absent. */
static ovp_status take_int(ovp_idx *out, cli_app *cli, const cli_args *args, const char *name) {
    const char *value = cli_value(args, name);
    return !value || ovp_parse_int(value, out) ? OVP_OK : bad(cli, name, value, "a whole number");
}

static ovp_status take_real(double *out, cli_app *cli, const cli_args *args, const char *name) {
    const char *value = cli_value(args, name);
    return !value || ovp_parse_real(value, out) ? OVP_OK : bad(cli, name, value, "a number");
}

/* Numbers with commas, up to `end`; *out allocated. */
static ovp_status take_reals(double **out, ovp_idx *count, cli_app *cli, const char *name, const char *text,
                             const char *end) {
    ovp_idx room = 1;
    for (const char *c = text; c < end; c++) room += *c == ',';
    ovp_status status = ovp_alloc(cli->ctx, out, room, sizeof **out);
    for (*count = 0; status == OVP_OK && *count < room; ++*count) {
        char number[64];
        size_t length = strcspn(text, ",");
        if (text + length > end) length = (size_t)(end - text);
        snprintf(number, sizeof number, "%.*s", (int)(length < 60 ? length : 60), text);
        if (!ovp_parse_real(number, *out + *count)) return bad(cli, name, number, "numbers with commas between them");
        text += length + 1;
    }
    return status;
}

static ovp_status take_classes(cli_data_choice *out, cli_app *cli, const cli_args *args) {
    const char *text = cli_value(args, "classes");
    double *values = NULL;
    ovp_status status = OVP_OK;
    if (!text) return OVP_OK;
    OVP_TRY(take_reals(&values, &out->options.class_count, cli, "classes", text, text + strlen(text)));
    OVP_TRY(ovp_alloc(cli->ctx, &out->classes, out->options.class_count, sizeof *out->classes));
    for (ovp_idx k = 0; k < out->options.class_count; k++) {
        if (!(values[k] >= 0 && values[k] < 1e9) || (double)(ovp_idx)values[k] != values[k]) {
            status = bad(cli, "classes", text, "numbers of classes with commas between them");
            goto done;
        }
        out->classes[k] = (ovp_idx)values[k];
    }
    out->options.classes = out->classes;
done:
    ovp_free(cli->ctx, values);
    return status;
}

/* "32x24" rows and columns, or "32" for both. */
static ovp_status take_resize(ovp_data_options *o, cli_app *cli, const cli_args *args) {
    const char *text = cli_value(args, "resize");
    char rows[32];
    if (!text) return OVP_OK;
    size_t length = strcspn(text, "x");
    snprintf(rows, sizeof rows, "%.*s", (int)(length < 30 ? length : 30), text);
    const char *cols = text[length] ? text + length + 1 : rows;
    if (!ovp_parse_int(rows, &o->resize_rows) || !ovp_parse_int(cols, &o->resize_cols) || o->resize_rows < 1 ||
        o->resize_cols < 1)
        return bad(cli, "resize", text, "rows and columns, as 32x32,");
    return OVP_OK;
}

static ovp_status take_split(ovp_data_options *o, cli_app *cli, const cli_args *args) {
    const char *text = cli_value(args, "split");
    double *shares = NULL;
    ovp_idx count = 0;
    ovp_status status = OVP_OK;
    if (!text) return OVP_OK;
    OVP_TRY(take_reals(&shares, &count, cli, "split", text, text + strlen(text)));
    if (count != 3)
        status = bad(cli, "split", text, "three shares (training, validation, test) with sum 1");
    else
        memcpy(o->split, shares, sizeof o->split);
done:
    ovp_free(cli->ctx, shares);
    return status;
}

static ovp_status take_scaling(cli_data_choice *out, cli_app *cli, const cli_args *args) {
    static const char *const scales[] = {"raw", "unit", "standard"};
    const char *scale = cli_value(args, "scale"), *by = cli_value(args, "normalise");
    ovp_data_options *o = &out->options;
    ovp_idx means = 0, stds = 0;
    ovp_status status = OVP_OK;
    if (scale) {
        int k = 0;
        while (k < 3 && strcmp(scales[k], scale)) k++;
        if (k == 3) return bad(cli, "scale", scale, "raw, unit or standard");
        o->scale = (ovp_data_scale)k;
    }
    if (!by) return OVP_OK;
    if (!strcmp(by, "train")) {
        o->normalise = OVP_NORMALISE_TRAIN;
        return OVP_OK;
    }
    const char *colon = strchr(by, ':');
    if (!colon) return bad(cli, "normalise", by, "'train', or means:deviations as .49,.48,.45:.25,.24,.26,");
    OVP_TRY(take_reals(&out->mean, &means, cli, "normalise", by, colon));
    OVP_TRY(take_reals(&out->std, &stds, cli, "normalise", colon + 1, by + strlen(by)));
    if (means != stds) return bad(cli, "normalise", by, "as many deviations as means");
    o->normalise = OVP_NORMALISE_GIVEN;
    o->mean = out->mean;
    o->std = out->std;
    o->normalise_count = means;
done:
    return status;
}

static ovp_status take_stream(cli_data_choice *out, cli_app *cli, const cli_args *args) {
    static const char *const kinds[] = {"philox", "torch", "numpy"}; /* as in ovp_numeric_rng_kind */
    const char *kind = cli_value(args, "rng");
    ovp_idx seed = 0;
    ovp_status status = take_int(&seed, cli, args, "seed");
    if (status != OVP_OK) return status;
    int k = 0;
    while (kind && k < 3 && strcmp(kinds[k], kind)) k++;
    if (k == 3) return bad(cli, "rng", kind, "philox, torch or numpy");
    status = ovp_numeric_rng_create(&out->rng, cli->ctx, (ovp_numeric_rng_kind)k, seed, OVP_PURPOSE_DATA, 0);
    out->options.rng = out->rng;
    return status;
}

ovp_status cli_data_choose(cli_data_choice *out, cli_app *cli, const cli_args *args) {
    ovp_data_options *o = &out->options;
    ovp_idx channels = 0;
    ovp_status status = OVP_OK;
    *o = (ovp_data_options){.size = sizeof *o, .type = OVP_F32};
    OVP_TRY(take_int(&o->train, cli, args, "limit"));
    OVP_TRY(take_int(&o->test, cli, args, "test-limit"));
    OVP_TRY(take_classes(out, cli, args));
    OVP_TRY(take_resize(o, cli, args));
    OVP_TRY(take_int(&channels, cli, args, "channels"));
    o->channels = channels > 0 && channels < 1000 ? (int)channels : -(channels != 0); /* the load refuses */
    OVP_TRY(take_real(&o->fraction, cli, args, "fraction"));
    OVP_TRY(take_split(o, cli, args));
    OVP_TRY(take_real(&o->flip, cli, args, "flip"));
    OVP_TRY(take_int(&o->crop_padding, cli, args, "crop"));
    OVP_TRY(take_scaling(out, cli, args));
    OVP_TRY(take_stream(out, cli, args));
    o->label_column = cli_value(args, "label-column");
    o->target_columns = cli_value(args, "target-columns");
done:
    return status;
}

void cli_data_choice_free(cli_app *cli, cli_data_choice *choice) {
    ovp_free(cli->ctx, choice->classes);
    ovp_free(cli->ctx, choice->mean);
    ovp_free(cli->ctx, choice->std);
    ovp_numeric_rng_free(choice->rng);
    *choice = (cli_data_choice){0};
}
