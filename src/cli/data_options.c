/* The load options of `overparam data`. */
#include "cli_data.h"

static const char *text_of(const void *user, const char *key) {
    return cli_value(user, key);
}

void cli_data_chosen_text(ovp_text *out, const cli_args *args) {
    static const char *const others[] = {"sample", "out", "url", "json"};
    for (const cli_option *o = args->command->options; o->name; o++) {
        const char *value = cli_value(args, o->name);
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
            if (!strcmp(others[k], o->name)) value = NULL;
        if (value) ovp_text_add(out, "%s--%s %s", out->length ? " " : "", o->name, value);
    }
}

static ovp_status take_stream(cli_data_choice *out, cli_app *cli, const cli_args *args) {
    static const char *const kinds[] = {"philox", "torch", "numpy"}; /* as in ovp_numeric_rng_kind */
    const char *kind = cli_value(args, "rng"), *text = cli_value(args, "seed");
    int64_t seed = 0;
    int k = 0;
    if (text && !ovp_parse_int(text, &seed))
        return ovp_fail(cli->ctx, OVP_EUSAGE, "--seed: '%.40s'; a whole number expected", text);
    while (kind && k < 3 && strcmp(kinds[k], kind)) k++;
    if (k == 3) return ovp_fail(cli->ctx, OVP_EUSAGE, "--rng: '%.40s'; philox, torch or numpy expected", kind);
    ovp_status status = ovp_numeric_rng_create(&out->rng, cli->ctx, (ovp_numeric_rng_kind)k, seed, OVP_PURPOSE_DATA, 0);
    out->choice.options.rng = out->choice.synthetic.rng = out->rng;
    return status;
}

ovp_status cli_data_choose(cli_data_choice *out, cli_app *cli, const cli_args *args, const char *name) {
    ovp_status status = ovp_data_choose(&out->choice, cli->ctx, name, text_of, args);
    return status == OVP_OK ? take_stream(out, cli, args) : status;
}

void cli_data_choice_free(cli_app *cli, cli_data_choice *choice) {
    ovp_data_choice_free(cli->ctx, &choice->choice);
    ovp_numeric_rng_free(choice->rng);
    *choice = (cli_data_choice){0};
}
