/* overparam data list|show|fetch|import|verify */
#include "cli_data.h"

static const cli_action actions[] = {
    {"list", "", "The data sets: found where, or how to get them."},
    {"show", "NAME", "Shapes, samples a class, density, and a drawing of one sample, as the options below make it."},
    {"fetch", "NAME", "Download the set's archive with curl, check its SHA-256; a broken download is continued."},
    {"import", "DIR", "Pack an image folder (DIR/CLASS/*.png|jpg) into one npz file, which npz:FILE reads fast."},
    {"verify", "[NAME]...", "Check the files against their SHA-256 and structure (all sets found, without NAME)."},
    {0},
};

static const cli_option options[] = {
    {"sample", "N", "show: which training sample is drawn, from 0 (default 0)."},
    {"out", "FILE", "import: the npz file to write."},
    {"url", "URL", "fetch: another address of the same file (file, http, https, ftp)."},
    {"limit", "N",
     "show, import: the first N training samples, of the classes chosen (default all); of synthetic sets so many."},
    {"test-limit", "N", "show, import: the first N test samples (default all)."},
#define PACK(key, value, help) {key, value, "show, import: " help},
#define LOAD(key, value, help) {key, value, "show: " help},
#define KNOB(key, value, help) {key, value, "show, synthetic sets: " help},
    OVP_DATA_PACK_KEYS(PACK) OVP_DATA_KEYS(LOAD){
        "scale", "raw|unit|standard", "show: values as they are, x/255, or mean 0 and deviation 1 (default raw)."},
    {"seed", "N", "show: of what is drawn at random (default 0)."},
    {"rng", "philox|torch|numpy", "show: kind of the random stream (default philox)."},
    OVP_DATA_KNOBS(KNOB){"json", NULL, "One JSON object."},
    {0},
};

/* Folder of a set (ovp_free), or NULL with the advice how to get it in `advice`. Other errors are returned. */
static ovp_status locate(char **folder, char *advice, size_t bytes, cli_app *cli, const char *name) {
    ovp_status status = ovp_data_locate(folder, cli->ctx, name);
    advice[0] = '\0';
    if (status != OVP_ENOTFOUND) return status;
    *folder = NULL;
    snprintf(advice, bytes, "%s", ovp_message(cli->ctx));
    ovp_clear(cli->ctx);
    return OVP_OK;
}

ovp_status cli_data_find(const ovp_data_info **out, cli_app *cli, const char *name) {
    const ovp_data_info *info;
    const ovp_data_synthetic_info *drawn;
    cli_nearest near = {.typed = name};
    *out = ovp_data_find(name);
    if (*out) return OVP_OK;
    for (ovp_idx i = 0; (info = ovp_data_at(i)); i++) cli_offer(&near, info->name);
    for (ovp_idx i = 0; (info = ovp_data_kind_at(i)); i++) cli_offer(&near, info->name);
    for (ovp_idx i = 0; (drawn = ovp_data_synthetic_at(i)); i++) cli_offer(&near, drawn->name);
    if (ovp_data_synthetic_find(name))
        return ovp_fail(cli->ctx, OVP_EUSAGE, "data set '%.40s' is drawn, it has no files; see: overparam data show %s",
                        name, name);
    if (near.best)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "unknown data set '%.40s'; did you mean '%s'?", name, near.best);
    return ovp_fail(cli->ctx, OVP_EUSAGE, "unknown data set '%.40s'; see: overparam data list", name);
}

json_t *cli_data_info_json(const ovp_data_info *info) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", info->name, "title", info->title, "shape", info->shape,
                     "licence", info->licence, "source", info->source);
}

static ovp_status list(cli_app *cli, const cli_args *args) {
    ovp_status status = OVP_OK;
    const ovp_data_info *info;
    const ovp_data_synthetic_info *drawn;
    json_t *sets = json_array(), *kinds = json_array(), *synthetic = json_array();
    cli_grid grid;
    cli_grid_begin(&grid, cli, 3, 0);
    for (ovp_idx i = 0; (info = ovp_data_at(i)); i++) {
        char *folder = NULL, advice[512];
        OVP_TRY(locate(&folder, advice, sizeof advice, cli, info->name));
        json_t *one = cli_data_info_json(info);
        cli_json_set(cli, one, "found", json_boolean(folder != NULL));
        cli_json_set(cli, one, "folder", folder ? json_string(folder) : json_null());
        cli_json_set(cli, one, "advice", folder ? json_null() : json_string(advice));
        cli_json_append(cli, sets, one);
        cli_grid_cell(&grid, "%s%s%s", cli_paint(cli, CLI_BOLD), info->name, cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "%s%s%s", cli_paint(cli, folder ? CLI_GREEN : CLI_YELLOW), folder ? "found" : "missing",
                      cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "%s\n%s\n%s", info->title, info->shape, folder ? folder : advice);
        ovp_free(cli->ctx, folder);
    }
    for (ovp_idx i = 0; (info = ovp_data_kind_at(i)); i++) {
        cli_json_append(cli, kinds, cli_data_info_json(info));
        cli_grid_cell(&grid, "%s%s%s", cli_paint(cli, CLI_BOLD), info->name, cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "yours");
        cli_grid_cell(&grid, "%s\n%s", info->title, info->shape);
    }
    for (ovp_idx i = 0; (drawn = ovp_data_synthetic_at(i)); i++) {
        cli_json_append(cli, synthetic, cli_data_synthetic_json(drawn));
        cli_grid_cell(&grid, "%s%s%s", cli_paint(cli, CLI_BOLD), drawn->name, cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "drawn");
        cli_grid_cell(&grid, "%s", drawn->title);
    }
    if (cli_value(args, "json"))
        status = cli_put_json(
            cli, json_pack("{s:i, s:O, s:O, s:O}", "schema", 1, "data", sets, "kinds", kinds, "synthetic", synthetic));
    else
        cli_grid_end(&grid, cli);
done:
    json_decref(sets);
    json_decref(kinds);
    json_decref(synthetic);
    ovp_text_free(&grid.cells);
    return status;
}

/* ---- verify -------------------------------------------------------------------------------------- */

static ovp_status verify_one(cli_app *cli, const char *name, ovp_text *report, json_t *sets) {
    ovp_text lines = {.ctx = cli->ctx};
    ovp_status status = ovp_data_verify(cli->ctx, name, &lines);
    if (status == OVP_OK) status = ovp_text_status(&lines);
    if (status == OVP_OK) {
        ovp_text_add(report, "%s\n%s", name, lines.data ? lines.data : "");
        if (lines.length && lines.data[lines.length - 1] != '\n') ovp_text_add(report, "\n");
        cli_json_append(cli, sets,
                        json_pack("{s:s, s:b, s:s}", "name", name, "ok", 1, "report", lines.data ? lines.data : ""));
    }
    ovp_text_free(&lines);
    return status;
}

static ovp_status verify(cli_app *cli, const cli_args *args) {
    ovp_text report = {.ctx = cli->ctx};
    json_t *sets = json_array();
    ovp_status status = OVP_OK;
    const ovp_data_info *info;
    for (int i = 1; i < args->operand_count; i++) {
        OVP_TRY(cli_data_find(&info, cli, args->operands[i]));
        OVP_TRY(verify_one(cli, args->operands[i], &report, sets));
    }
    for (ovp_idx i = 0; args->operand_count < 2 && (info = ovp_data_at(i)); i++) {
        char *folder = NULL, advice[512];
        OVP_TRY(locate(&folder, advice, sizeof advice, cli, info->name));
        ovp_free(cli->ctx, folder);
        if (folder) OVP_TRY(verify_one(cli, info->name, &report, sets));
    }
    if (json_array_size(sets) == 0) {
        status = ovp_fail(cli->ctx, OVP_ENOTFOUND, "data verify: no data set was found; see: overparam data list");
        goto done;
    }
    if (cli_value(args, "json")) {
        status = cli_put_json(cli, json_pack("{s:i, s:O}", "schema", 1, "data", sets));
        goto done;
    }
    OVP_TRY(ovp_text_status(&report));
    ovp_text_add(&cli->out, "%s", report.data);
done:
    json_decref(sets);
    ovp_text_free(&report);
    return status;
}

/* ---- fetch, import ------------------------------------------------------------------------------- */

static ovp_status fetch_with(cli_app *cli, cli_progress *progress, const cli_args *args, char **path) {
    const ovp_data_fetch_options from = {.size = sizeof from, .url = cli_value(args, "url")};
    ovp_ctx_options settings = {.size = sizeof settings, .progress = cli_progress_report, .user = progress};
    ovp_ctx *ctx = NULL;
    char *made = NULL;
    ovp_status status = ovp_ctx_create(&ctx, &settings);
    if (status != OVP_OK) return ovp_fail(cli->ctx, status, "%s", ovp_status_text(status));
    cli_signals_watch(ctx);
    status = ovp_data_fetch(&made, ctx, args->operands[1], &from);
    cli_signals_watch(cli->ctx);
    cli_progress_erase(progress);
    if (status == OVP_OK)
        status = ovp_strdup(cli->ctx, path, made);
    else
        (void)ovp_fail(cli->ctx, status, "%s", ovp_message(ctx));
    ovp_free(ctx, made);
    ovp_ctx_free(ctx);
    return status;
}

static ovp_status fetch(cli_app *cli, const cli_args *args) {
    const ovp_data_info *info;
    cli_progress progress = {.cli = cli, .title = "data fetch"};
    char *path = NULL;
    ovp_status status = OVP_OK;
    if (args->operand_count != 2)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "data fetch: give one NAME; see: overparam data list");
    OVP_TRY(cli_data_find(&info, cli, args->operands[1]));
    OVP_TRY(fetch_with(cli, &progress, args, &path));
    if (cli_value(args, "json"))
        status = cli_put_json(cli, json_pack("{s:i, s:s, s:s, s:s}", "schema", 1, "name", info->name, "path", path,
                                             "sha256", info->sha256));
    else
        ovp_text_add(&cli->out, "%s: ok, sha256 %s\n", path, info->sha256);
done:
    ovp_free(cli->ctx, path);
    return status;
}

/* `import DIR` is short for `import imagefolder:DIR`. */
static ovp_status import(cli_app *cli, const cli_args *args) {
    const char *out = cli_value(args, "out"), *name = args->operand_count == 2 ? args->operands[1] : NULL;
    ovp_text full = {.ctx = cli->ctx};
    cli_data_choice choice = {0};
    ovp_status status = OVP_OK;
    if (!name || !out)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "data import: write overparam data import DIR --out FILE.npz");
    ovp_text_add(&full, "%s%s", ovp_data_find(name) ? "" : "imagefolder:", name);
    OVP_TRY(ovp_text_status(&full));
    OVP_TRY(cli_data_choose(&choice, cli, args, full.data));
    OVP_TRY(ovp_data_import(cli->ctx, full.data, &choice.choice.options, out));
    if (cli_value(args, "json"))
        status = cli_put_json(cli, json_pack("{s:i, s:s, s:s}", "schema", 1, "source", full.data, "path", out));
    else
        ovp_text_add(&cli->out, "%s: packed; use it as npz:%s\n", out, out);
done:
    cli_data_choice_free(cli, &choice);
    ovp_text_free(&full);
    return status;
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    const cli_action *action;
    ovp_status status;
    OVP_TRY(cli_parse(&args, cli, &cli_command_data, NULL, argc, argv));
    OVP_TRY(cli_find_action(&action, cli, &args, "list"));
    OVP_TRY(cli_check_action(cli, &args, action->name));
    if (!strcmp(action->name, "list")) {
        OVP_TRY(cli_expect_operands(cli, &args, 0, 1));
        status = list(cli, &args);
    } else {
        status = !strcmp(action->name, "show")     ? cli_data_show(cli, &args)
                 : !strcmp(action->name, "fetch")  ? fetch(cli, &args)
                 : !strcmp(action->name, "import") ? import(cli, &args)
                                                   : verify(cli, &args);
    }
done:
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_data = {
    .name = "data",
    .operands = "[list|show|fetch|import|verify]",
    .summary = "The data sets and your own: list, show, fetch, import, verify.",
    .about =
        "Data is looked for in $OVERPARAM_DATA, the XDG data folder, the install prefix and the source tree. "
        "Only `fetch` downloads.\nYour own data are named by kind and path: imagefolder:DIR, images:DIR, npz:FILE, "
        "csv:FILE. Synthetic sets are drawn: --limit says how many samples. Options apply in the order class filter, "
        "limit, fraction, split, resize, flip, crop, scale, "
        "normalise.",
    .examples = "overparam data list\noverparam data show mnist --sample 7\noverparam data fetch cifar10\n"
                "overparam data show linear --limit 200 --noise .5 --inputs uniform\n"
                "overparam data show imagefolder:photos --resize 32x32 --sample 3\n"
                "overparam data import photos --resize 32x32 --out photos.npz\noverparam data verify mnist",
    .actions = actions,
    .options = options,
    .run = run,
};
